"""The pane that shows what is in a file: facts, and below them lines or a picture in half blocks.

Half blocks in every terminal: two pixels in a cell, as text that Textual draws, crops and covers like any other. The
graphics of kitty or sixel (textual-image 0.12) were left out. Importing any part of it puts three questions to the
terminal and waits for each answer. It has to be done at the start of the program, since Textual reads all input later;
there it takes a key for each question from what is typed meanwhile, and an answer that comes after a quarter of a
second, as over SSH, stays in the input and is typed into the mail (measured on a pty). It also writes to the terminal
past Textual's own writer.
"""

from collections.abc import Iterator
from itertools import groupby

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from cfmail_tui.preview import Picture, Preview
from cfmail_tui.ui.fields import plain

_GREYS = " .:-=+*#%@"
"""From dark to light, where there are no colours."""


class PreviewPane(Vertical):
    """Shows what it is given; told of another size, who owns it asks for a preview that fits."""

    class Resized(Message):
        """The pane has another size; what it shows was made for the old one."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._facts = Static("", classes="facts", markup=False)
        self._lines = Static("", classes="lines", markup=False)
        self._picture = HalfBlocks()

    def compose(self) -> ComposeResult:
        yield self._facts
        yield self._lines
        yield self._picture

    @property
    def room(self) -> tuple[int, int]:
        """The columns and rows a preview has here."""
        return self.content_size.width, self.content_size.height

    def show(self, preview: Preview | None) -> None:
        """Show this, or nothing."""
        shown = preview or Preview(())
        self._facts.update(plain("\n".join(map(_one_line, shown.facts))))
        self._lines.update(plain("\n".join(map(_one_line, shown.lines))))
        self._lines.display = bool(shown.lines)
        self._picture.show(shown.picture)
        self._picture.display = shown.picture is not None

    def on_resize(self, event: events.Resize) -> None:
        event.stop()
        self.post_message(self.Resized())


def _one_line(text: str) -> str:
    """A line of a file as one line: tabs as they are meant, a line end as the control it is here."""
    return text.expandtabs(8).replace("\n", "\N{SYMBOL FOR NEWLINE}")


class HalfBlocks(Widget):
    """A picture, two pixels in a cell; without colours as characters of about its brightness.

    In less room than it was made for it is thinned out, so that it is whole in every size.
    """

    _picture: Picture | None = None

    def show(self, picture: Picture | None) -> None:
        self._picture = picture
        self.refresh()

    def render_line(self, y: int) -> Strip:
        cells = [*self._cells(y)]
        segments = [Segment(*run) for run in (self._coarse(cells) if self.app.no_color else self._coloured(cells))]
        return Strip(segments, len(cells)).adjust_cell_length(self.size.width, self.rich_style)

    def _cells(self, y: int) -> Iterator["_Cell"]:
        picture, (width, height) = self._picture, self.size
        if picture is None or not width or not height:
            return
        step = max(1.0, picture.width / width, len(picture.rows) / (2 * height))
        top, bottom = (int((2 * y + half) * step) for half in (0, 1))
        if top >= len(picture.rows):
            return
        lower = picture.rows[bottom] if bottom < len(picture.rows) else None
        for x in range(int(picture.width / step) or 1):
            at = int(x * step)
            yield picture.rows[top][at], lower[at] if lower else None

    def _coloured(self, cells: list["_Cell"]) -> Iterator[tuple[str, Style]]:
        for (top, bottom), run in groupby(cells):
            below = Style(bgcolor=Color.from_rgb(*bottom)) if bottom else Style()
            yield "▀" * len([*run]), self.rich_style + Style(color=Color.from_rgb(*top)) + below

    def _coarse(self, cells: list["_Cell"]) -> Iterator[tuple[str, Style]]:
        yield "".join(_GREYS[_brightness(*cell) * len(_GREYS) // 256] for cell in cells), self.rich_style


_Pixel = tuple[int, int, int]
_Cell = tuple[_Pixel, _Pixel | None]


def _brightness(top: _Pixel, bottom: _Pixel | None) -> int:
    """0 to 255 (ITU-R BT.601)."""
    pixels = [pixel for pixel in (top, bottom) if pixel]
    return sum(299 * red + 587 * green + 114 * blue for red, green, blue in pixels) // (1000 * len(pixels))
