"""The small parts every screen is made of, and the one place that makes outside text safe to show.

Invariants: text from outside is never markup, and no control character of it reaches the terminal; what is being
edited keeps every character, a control only looks different.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

from rich.text import Text
from textual import events
from textual._text_area_theme import TextAreaTheme
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.document._document import Location, Selection
from textual.document._document_navigator import DocumentNavigator
from textual.expand_tabs import expand_text_tabs_from_widths
from textual.geometry import Size
from textual.message import Message
from textual.screen import Screen, ScreenResultType
from textual.strip import Strip
from textual.widgets import Input, Label, Static, TextArea

from cfmail_tui.frozen import frozen
from cfmail_tui.message import MailError, MessageError, Place, parse_mailboxes, printable
from cfmail_tui.ui.document import LongDocument, LongWrappedDocument

_ADDRESS_PLACES = {
    Place.FROM,
    Place.TO,
    Place.CC,
    Place.BCC,
    Place.REPLY_TO,
    Place.ENVELOPE_SENDER,
    Place.ENVELOPE_RECIPIENTS,
}


def plain(text: str, limit: int = 2000) -> Content:
    """Outside text for a widget: no markup, controls visible; line ends are kept."""
    return Content("\n".join(printable(line, limit) for line in text.split("\n")))


@frozen
class Line:
    """A line of words; what does not fit goes on below, `indent` cells to the right, under its beginning."""

    words: Content
    indent: int = 0

    def is_same(self, other: "Line") -> bool:
        """Whether the other one looks the same."""
        return self.indent == other.indent and self.words.is_same(other.words)

    def wrapped(self, width: int) -> Iterator[Content]:
        """In lines of this width."""
        indent = self.indent if width > 2 * self.indent else 0
        head, rest = self.words[:indent], self.words[indent:]
        for number, part in enumerate(rest.wrap(max(1, width - indent)) or [Content("")]):
            yield part.pad_left(indent) if number else head + part


def fact(name: str, told: str, style: str = "$foreground-muted") -> Line:
    """Outside words with their name before them."""
    return Line(Content.assemble((f"{name:<{_NAME_WIDTH}}", style), plain(told)), _NAME_WIDTH)


_NAME_WIDTH = 10


class Lines(Static):
    """Lines that are wrapped so that they stay aligned."""

    def __init__(self, lines: Iterable[Line] = (), *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines = (*lines,)

    def show(self, lines: Iterable[Line]) -> None:
        """These instead of what stood there."""
        before, self._lines = self._lines, (*lines,)
        if len(before) != len(self._lines) or not all(map(Line.is_same, before, self._lines)):
            self.refresh(layout=True)

    def _wrapped(self, width: int) -> list[Content]:
        return [part for line in self._lines for part in line.wrapped(width)]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's
        return len(self._wrapped(width))

    def render(self) -> Content:
        return Content("\n").join(self._wrapped(self.content_size.width))


def words(error: Exception) -> str:
    """An error for the user; one that was not foreseen is named by its kind, its text may hold anything."""
    if isinstance(error, MailError):
        return str(error)
    return f"an unexpected error ({type(error).__name__})"


def visible(text: str) -> str:
    """Text of the same length in which each control character, or mark that reorders text, has a visible stand-in."""
    if text.isprintable():
        return text
    return "".join(map(_stand_in, text))


def _stand_in(char: str) -> str:
    if ord(char) < 0x20:
        return char if char == "\t" else chr(0x2400 + ord(char))
    if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} or unicodedata.bidirectional(char) in _REORDERING:
        return "\N{REPLACEMENT CHARACTER}"
    return char


_REORDERING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


class EndsOnce(Screen[ScreenResultType]):
    """A screen that ends once, also by a double click; told twice, Textual would end the screen below as well.

    One that is ended before it was ever shown, by itself or with the program, has no widgets, and is not asked to fill
    them. What was styled when it was made is not styled again when it is first shown.
    """

    _was_shown = False

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.ScreenResume):
            event.refresh_styles, self._was_shown = event.refresh_styles and self._was_shown, True
        # What is being removed is not displayed.
        if not isinstance(event, events.Mount) or (self in self.app.screen_stack and self.display):
            await super().on_event(event)

    def _screen_resized(self, size: Size) -> None:
        """Lay everything out. textual/screen.py:1460 does so for a size that it has already, at a start three times."""
        if size != self._size:
            super()._screen_resized(size)

    def _compositor_refresh(self) -> None:
        """Draw what changed. textual/screen.py:1188 draws in a batch as well, and what it has drawn is lost."""
        if not self.app._batch_count and not getattr(self.app, "is_frame_held", False):  # noqa: SLF001
            super()._compositor_refresh()

    def draw(self) -> None:
        """Draw at once what changed, if this is the screen that is seen, and not at the next tick of the clock."""
        self._on_timer_update()

    def _on_timer_update(self) -> None:
        """Lay out and draw. textual/screen.py:1253 draws all of it twice where both are wanted."""
        if self._layout_required and self._repaint_required:
            self._dirty_widgets.add(self)
            self._repaint_required = False
        super()._on_timer_update()

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        return super().dismiss(result) if self.is_active else AwaitComplete()


@dataclass
class Pasted(Message):
    """A text was pasted into a field, where it stands as `inserted`, from `start` on."""

    text: str
    field: "LineInput | Body"
    start: Any
    inserted: str

    def take_out(self) -> bool:
        """Take it out of the field again, if it still stands there."""
        return self.field.put_instead(self.start, self.inserted, "")

    def put_back(self) -> bool:
        """Put it in again, where it was taken out."""
        return self.field.put_instead(self.start, "", self.inserted)


class LineInput(Input):
    """A one-line field; a paste of several lines becomes one, and a secret one cannot be copied out."""

    def __init__(
        self,
        value: str = "",
        *,
        joiner: str = " ",
        password: bool = False,
        placeholder: str = "",
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(
            _without_controls(value, joiner),
            placeholder=placeholder,
            password=password,
            id=id,
            compact=True,
            select_on_focus=False,
        )
        self.cursor_blink = False
        self._joiner = joiner

    @property
    def _value(self) -> Text:
        """What is drawn (Textual's Input draws the raw value)."""
        text = super()._value
        if not text.plain.isprintable():
            text.plain = visible(text.plain)
        return text

    def set_text(self, text: str) -> None:
        self.value = _without_controls(text, self._joiner)

    def put_in(self, text: str) -> None:
        """Put this in place of what is selected, or at the cursor."""
        self.replace(_without_controls(text, self._joiner), *self.selection)

    def put_instead(self, start: int, old: str, new: str) -> bool:
        """Put a text in place of one that stands here; False if it does not."""
        end = start + len(old)
        if self.value[start:end] != old:
            return False
        self.replace(new, start, end)
        return True

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        start, inserted = min(self.selection), _without_controls(event.text, self._joiner)
        self.put_in(event.text)
        if not self.password:
            self.post_message(Pasted(event.text, self, start, inserted))

    def action_copy(self) -> None:
        if not self.password:
            super().action_copy()

    def action_cut(self) -> None:
        if not self.password:
            super().action_cut()


def _without_controls(text: str, joiner: str) -> str:
    """One line of it: line ends become `joiner`, other control characters, which no field can hold, go."""
    lines = [line.strip() for line in text.splitlines()] if len(text.splitlines()) > 1 else text.splitlines()
    joined = joiner.join(filter(None, lines))
    return "".join(char for char in joined if unicodedata.category(char) not in {"Cc", "Cs"})


_LONG: Final = 20
"""Rows from which on each row of a line is worked out by itself."""


class Body(TextArea):
    """A text body of any length; Tab leaves it."""

    def __init__(self, text: str = "", *, id: str, read_only: bool = False, soft_wrap: bool = True) -> None:  # noqa: A002
        super().__init__(
            text,
            id=id,
            soft_wrap=soft_wrap,
            tab_behavior="focus",
            compact=True,
            read_only=read_only,
            highlight_cursor_line=False,
        )
        self.cursor_blink = False
        self._height = 0

    def _on_resize(self) -> None:
        """A cursor in sight stays so. textual/widgets/_text_area.py:1217 leaves it outside of what is smaller."""
        was_seen = 0 <= self._wrapped.location_to_offset(self.cursor_location).y - self.scroll_offset.y < self._height
        super()._on_resize()
        self._height = self.size.height
        if was_seen:
            self.call_after_refresh(self.scroll_cursor_visible)

    def _set_document(self, text: str, language: str | None) -> None:  # noqa: ARG002 - it is plain text
        """In place of textual/widgets/_text_area.py:1123, for which a key costs more the longer the text is."""
        self._highlight_query = None
        self.document = LongDocument(text)
        self.wrapped_document = self._wrapped = LongWrappedDocument(self.document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)

    def load_text(self, text: str) -> None:
        """Show this text. textual/widgets/_text_area.py:1203 leaves it unwrapped, and the cursor beyond its end."""
        super().load_text(text)
        self.set_reactive(TextArea.selection, Selection.cursor(min(self.cursor_location, self.document.end)))
        self._rewrap_and_refresh_virtual_size()
        # Of the same number of lines, it would be drawn as the one before.
        self._line_cache.clear()
        self.refresh()

    def find_matching_bracket(self, bracket: str, search_from: Location) -> Location | None:  # noqa: ARG002 - Textual's
        """Nothing: textual/widgets/_text_area.py:916 looks through the whole text for one that is not there."""
        return None

    def render_line(self, y: int) -> Strip:
        """A line on the screen. textual/widgets/_text_area.py:1336 joins the whole text to see if there is any."""
        row = self.scroll_offset.y + y
        selection: Selection | None = self.selection
        if row < self._wrapped.height and not self.selection.contains_line(self._wrapped.rows.at(row)[0]):
            selection = None
        state = (self.theme, self.soft_wrap, self.read_only, self.show_cursor, self._draw_cursor)
        key = (row, self.scroll_offset.x, self.size, self.virtual_size.width, selection, *state)
        strip = self._line_cache.get(key)
        if strip is None:
            strip = self._line_cache[key] = self._render_line(y)
        return strip

    def _render_line(self, y: int) -> Strip:
        """A row, worked out. textual/widgets/_text_area.py:1582 divides its whole line, however long that is."""
        row, theme = self.scroll_offset.y + y, self._theme
        if theme is None or not self.soft_wrap or row >= self._wrapped.height:
            return super()._render_line(y)
        at, section = self._wrapped.rows.at(row)
        bounds = [0, *self._wrapped.get_offsets(at), len(self.document.get_line(at)) + 1]
        if len(bounds) < _LONG:
            return super()._render_line(y)
        text = self._part(at, bounds[section], bounds[section + 1], theme)
        strip = Strip(text.render(self.app.console), cell_length=text.cell_len)
        width = self.scrollable_content_region.width - self.gutter_width
        return strip.extend_cell_length(width, theme.base_style).apply_style(theme.base_style or self.rich_style)

    def _part(self, at: int, start: int, end: int, theme: TextAreaTheme) -> Text:
        """A part of a line as it is drawn; a blank follows the line, for a cursor at its end."""
        line = self.document.get_line(at)
        text = Text(visible(line[start:end]).ljust(end - start), end="", no_wrap=True)
        (top, left), (bottom, right) = sorted(self.selection)
        left, right = left if top == at else 0, right if bottom == at else len(line)
        if top <= at <= bottom and max(left, start) < min(right, end) and theme.selection_style:
            text.stylize(theme.selection_style, max(left, start) - start, min(right, end) - start)
        cursor_line, cursor = self.selection.end
        if cursor_line == at and start <= cursor < end and self._draw_cursor and theme.cursor_style:
            text.stylize(theme.cursor_style, cursor - start, cursor - start + 1)
        before = line.count("\t", 0, start)
        widths = self._wrapped.get_tab_widths(at)[before : before + text.plain.count("\t")]
        return expand_text_tabs_from_widths(text, widths)

    def put_instead(self, start: tuple[int, int], old: str, new: str) -> bool:
        """Put a text in place of one that stands here; False if it does not."""
        lines = old.split("\n")
        end = (start[0] + len(lines) - 1, len(lines[-1]) + (start[1] if len(lines) == 1 else 0))
        if self.get_text_range(start, end).replace("\r\n", "\n") != old:
            return False
        self.replace(new, start, end)
        return True

    def rewrite(self, text: str) -> None:
        """Hold this text; only where it differs it is replaced, which one undo takes back."""
        old = self.text
        if text != old:
            start = _alike(old, text)
            end = min(_alike(reversed(old), reversed(text)), min(len(old), len(text)) - start)
            self.replace(text[start : len(text) - end], location(old, start), location(old, len(old) - end))

    async def _on_paste(self, event: events.Paste) -> None:
        if not self.read_only:
            # Textual's own puts it in, after this.
            self.post_message(Pasted(event.text, self, min(self.selection), re.sub("\r\n?", "\n", event.text)))

    def get_line(self, line_index: int) -> Text:
        """The line as drawn; controls have stand-ins, the document keeps them."""
        return Text(visible(self.document.get_line(line_index)), end="", no_wrap=True)


def location(text: str, offset: int) -> tuple[int, int]:
    """The line and column of an offset."""
    offset = min(offset, len(text))
    return text.count("\n", 0, offset), offset - (text.rfind("\n", 0, offset) + 1)


def _alike(one: Iterable[str], other: Iterable[str]) -> int:
    """How many characters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


class MailField(Vertical):
    """A named line of a mail, marked with the reason when it cannot be sent as it is."""

    class Changed(Message):
        """The field's text changed."""

    def __init__(self, place: Place, text: str = "", *, placeholder: str = "", has_margin: bool = False) -> None:
        """With a margin before its name there is a cell to mark that something is found in it."""
        super().__init__(id=f"field-{place.name.lower().replace('_', '-')}")
        self.place = place
        self._margin = " " if has_margin else ""
        self.input = LineInput(text, joiner=", " if place in _ADDRESS_PLACES else " ", placeholder=placeholder)
        self._caption = place.removeprefix("Envelope ").capitalize() if "Envelope" in place else place
        self._label = Label(self._margin + self._caption, markup=False)
        self._line = Horizontal(classes="line")
        # Most fields never have these, and each widget takes its time to be there.
        self._count = Label("", classes="count", markup=False)
        self._reason = Static("", classes="reason", markup=False)

    def compose(self) -> ComposeResult:
        if not self._line.is_attached:
            with self._line:
                yield self._label
                yield self.input

    def complete(self) -> None:
        """Have its line at once, right after it was mounted, so that it can have the focus; else it comes later."""
        self.mount(self._line)
        self._line.mount(self._label, self.input)

    @property
    def text(self) -> str:
        return self.input.value

    @text.setter
    def text(self, text: str) -> None:
        self.rewrite(text)

    def rewrite(self, text: str) -> None:
        """Have this text, which nobody typed here."""
        self.input.set_text(text)

    def mark(self, words: str) -> None:
        """Show why this field cannot be sent, or that nothing is wrong any more ("")."""
        if words and not self._reason.is_attached:
            self.mount(self._reason, after=self._line)
        self._reason.update(plain(words))
        self.set_class(bool(words), "-wrong")

    def show_mark(self, mark: Content) -> None:
        """Show this in the margin: that something is found in this field."""
        if self._margin:
            self._label.update(Content.assemble(mark or self._margin, self._caption))

    def note(self, words: str) -> None:
        """A word at the end of the line, such as a count."""
        if words and not self._count.is_attached:
            self._line.mount(self._count)
        self._count.update(Content(words))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.has_class("-wrong"):
            self.mark(self._problem())
        self.post_message(self.Changed())

    def on_descendant_blur(self) -> None:
        self.is_right()

    def is_right(self) -> bool:
        """Whether it can be sent as it is; if not, the reason is shown."""
        problem = self._problem()
        self.mark(problem)
        return not problem

    def _problem(self) -> str:
        if self.place not in _ADDRESS_PLACES:
            return ""
        try:
            parse_mailboxes(self.text, self.place)
        except MessageError as error:
            return error.problems[0].words
        return ""
