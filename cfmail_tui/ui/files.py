"""The parts of the attach screen: the path line, the list of a folder's files, the meter."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.style import Style as RichStyle
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.strip import Strip
from textual.style import Style
from textual.widgets import Static

from cfmail_tui.browse import Facts, Order
from cfmail_tui.message import AttachmentDraft, printable
from cfmail_tui.submission import Size
from cfmail_tui.ui.fields import LineInput, plain
from cfmail_tui.ui.rows import RowList


class Line(Static):
    """Words that are drawn, and with `layout` given their room, only when they are others than before."""

    _put: Content | None = None

    def put(self, content: Content, *, layout: bool = True) -> None:
        if self._put is None or not self._put.is_same(content):
            self._put = content
            self.update(content, layout=layout)


class PathInput(LineInput):
    """Filters the list below, or takes a path; the keys that move in a list move in that one.

    A blank can stand in a path; where none is typed it marks the file under the cursor.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "screen.move('cursor_down')", show=False),
        Binding("up", "screen.move('cursor_up')", show=False),
        Binding("pagedown", "screen.move('page_down')", show=False),
        Binding("pageup", "screen.move('page_up')", show=False),
    ]

    class Entered(Message):
        """Enter was pressed."""

    @dataclass
    class Pasted(Message):
        """A text was pasted that may be the paths of several files."""

        text: str

    takes_blanks = False

    def take_blanks(self, takes_blanks: bool) -> None:
        """Whether Space is a blank from now on."""
        if takes_blanks != self.takes_blanks:
            self.takes_blanks = takes_blanks
            self.screen.refresh_bindings()

    def check_consume_key(self, key: str, character: str | None) -> bool:
        if key == "space":
            return self.takes_blanks
        # Textual knows no character for the name of this key.
        return key == "slash" or super().check_consume_key(key, character)

    async def action_submit(self) -> None:
        self.post_message(self.Entered())

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.post_message(self.Pasted(event.text))


class FileList(RowList[str]):
    """The names of a folder in columns; no row has the cursor before one is chosen."""

    class Marked(Message):
        """The mark of the row under the cursor was clicked."""

    class Resized(Message):
        """Its columns stand elsewhere."""

    class Unknown(Message):
        """Rows are in sight of which nothing but the name is known."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"files--folder", "files--marked"}
    COLUMNS: ClassVar[dict[str, int]] = {"size": 9, "type": 15, "modified": 12}

    def __init__(self, path_of: Callable[[str], str]) -> None:
        super().__init__(self.line, id="files", empty="")
        self._path_of = path_of
        self.facts: dict[str, tuple[Facts, str]] = {}
        """What is known of paths, with the media type."""
        self.marked: frozenset[str] = frozenset()
        """The paths that are attached."""
        self.is_chosen = False
        """Whether the cursor is on a row."""
        self.was_moved = False
        """Whether the user moved it there."""
        self._has_unknown = False

    @property
    def current(self) -> str | None:
        return super().current if self.is_chosen else None

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    def list_names(self, names: Sequence[str], at: str | None, *, chosen: bool) -> None:
        """Show these, with the cursor on the row `at`, or the first; `chosen`: on it, not only near."""
        self.is_chosen = bool(names) and (chosen or at is not None)
        self.was_moved = False
        self.cursor = names.index(at) if at in names else 0
        self.show(names)

    def in_sight(self) -> list[str]:
        """The paths of the rows in sight, and some below."""
        first = self.scroll_offset.y
        return [self._path_of(name) for name in self.items[first : first + 2 * max(1, self.size.height)]]

    def columns(self) -> list[str]:
        """The columns there is room for, from the left."""
        width = self.width
        return ["size", "type", "modified"] if width >= 64 else ["size", "modified"] if width >= 44 else ["size"]

    def line(self, name: str) -> str:
        path = self._path_of(name)
        mark = "✓" if path in self.marked else " "
        cells = {"size": "", "type": "folder" if name.endswith("/") else "", "modified": ""}
        if path in self.facts:
            facts, media_type = self.facts[path]
            kind = media_type if facts.kind == "file" else facts.kind
            cells = {
                "size": size_words(facts.size) if facts.kind == "file" else "",
                "type": f"→ {kind}" if facts.is_link else kind,
                "modified": _time_words(facts.modified) if facts.kind != "gone" else "",
            }
        else:
            self._has_unknown = True
        return self._in_columns(mark, printable(name, 400), cells)

    def head(self) -> str:
        """The line above, naming the columns."""
        return self._in_columns(" ", "Name", {"size": "Size", "type": "Type", "modified": "Modified"})

    def _in_columns(self, mark: str, name: str, cells: dict[str, str]) -> str:
        columns = self.columns()
        left = self.width - 4 - sum(self.COLUMNS[column] + 2 for column in columns)
        if cell_len(name) > left > 1:
            name = f"{set_cell_size(name, left - 1)}…"
        line = f"{mark} {set_cell_size(name, max(1, left))}"
        for column in columns:
            width, cell = self.COLUMNS[column], cells[column]
            cell = cell if len(cell) <= width else f"…{cell[1 - width :]}"
            line += f"  {cell:>{width}}" if column == "size" else f"  {cell:<{width}}"
        return line

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        if self._has_unknown and y == self.size.height - 1:
            self._has_unknown = False
            self.post_message(self.Unknown())
        return strip

    def cursor_style(self) -> RichStyle:
        if not self.is_chosen:
            return RichStyle(underline=self.has_focus)
        # The path line moves the cursor as well.
        if isinstance(self.screen.focused, PathInput):
            return self.get_component_rich_style("rows--cursor", partial=True)
        return super().cursor_style()

    def item_style(self, name: str) -> RichStyle:
        if self._path_of(name) in self.marked:
            return self.get_component_rich_style("files--marked", partial=True)
        return self.get_component_rich_style("files--folder", partial=True) if name.endswith("/") else RichStyle()

    def _move(self, to: int) -> None:
        self.was_moved = True
        if not self.is_chosen and self.items:
            self.is_chosen = True
            to = self.cursor
            self.post_message(self.Highlighted())
        super()._move(to)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        at = event.y + self.scroll_offset.y
        if at < len(self.items):
            self.is_chosen = True
            super().on_click(event)
            if event.x <= 2 and event.chain == 1:
                self.post_message(self.Marked())


class AttachedList(RowList[AttachmentDraft]):
    """What is attached; it has a cursor while it has the focus."""

    def cursor_style(self) -> RichStyle:
        return super().cursor_style() if self.has_focus else RichStyle()


class FileHead(Line):
    """Names the columns; a click sorts by one."""

    @dataclass
    class Pressed(Message):
        """The user wants this order."""

        order: Order

    _ORDERS: ClassVar[dict[str, Order]] = {
        "Name": "name", "Size": "largest", "Type": "type", "Modified": "newest",
    }  # fmt: skip

    def show(self, line: str, order: Order) -> None:
        content = Content.styled(f" {line}", "$foreground-muted")
        for word, by in self._ORDERS.items():
            if (start := content.plain.find(word)) >= 0:
                style = Style.from_meta({"order": by}) + (Style(bold=True, underline=True) if by == order else Style())
                content = content.stylize(style, start, start + len(word))
        self.put(content, layout=False)

    def on_click(self, event: events.Click) -> None:
        if order := event.style.meta.get("order"):
            self.post_message(self.Pressed(order))


class Meter(Static):
    """How many files are attached, and what the mail weighs against the limit."""

    _LENGTH = 12

    def show(self, count: int, size: Size | None) -> None:
        """`size` is None while it is not known."""
        files = "1 file attached" if count == 1 else f"{count} files attached" if count else "nothing attached yet"
        if size is None:
            self.update(Content.assemble((files, "bold"), "  …"))
            return
        filled = min(self._LENGTH, -(-self._LENGTH * size.octets // max(1, size.limit)))
        bar = "█" * filled + "░" * (self._LENGTH - filled)
        self.set_class(size.is_over, "-wrong")
        self.update(Content.assemble((files, "bold"), "  ", bar, "  ", plain(size.words, 200)))


def size_words(octets: int) -> str:
    """A size in the unit people read it in, in at most nine cells."""
    size = float(octets)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"


def _time_words(seconds: float) -> str:
    """The local time of this year's, the date of others."""
    try:
        then = time.localtime(seconds)
    except (OverflowError, OSError, ValueError):
        return ""
    return time.strftime("%d %b %H:%M" if then.tm_year == time.localtime().tm_year else "%d %b %Y", then)


def folder_words(folder: str) -> str:
    """A folder for the beginning of the path line, its beginning left out where it is long."""
    home = os.path.expanduser("~")  # noqa: PTH111 - a string
    inside = folder == home or folder.startswith(f"{home}/")
    words = f"~{folder.removeprefix(home)}" if inside and home != "/" else folder
    return words if len(words) <= 36 else f"…{words[-35:]}"
