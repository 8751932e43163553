"""The body of a mail in the form, with a margin that marks lines where something is found.

Text and Markdown are one and the same text in two meanings: which of them is shown says what the mail is written in, so
that there is nothing to be lost between them. HTML is another, beside the text, which has no widget until it has a text
or is shown.
"""

from collections.abc import Iterable, Mapping

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Static

from cfmail_tui.ui.commands import keymap_of
from cfmail_tui.ui.fields import Body

BODIES = ("text", "html", "markdown")
"""What can be written, in the order in which one follows the other."""

NAMES: Mapping[str, str] = {"text": "Text", "html": "HTML", "markdown": "Markdown"}

_WIDGETS: Mapping[str, str] = {"text": "text", "html": "html", "markdown": "text"}
"""In which widget each is written."""


class BodyBar(Static):
    """The line above the body: which of them is shown; a click shows another."""

    _told: tuple[str, Mapping[str, int], str] | None = None
    _width = 0
    """Cells of what it shows."""

    class Pressed(Message):
        """The user wants the body of this id."""

        def __init__(self, body_id: str) -> None:
            super().__init__()
            self.body_id = body_id

    def show(self, shown: str, lines: Mapping[str, int]) -> None:
        """Name the bodies, the shown one marked, those with their number of lines that have one."""
        hint = f"{keymap_of(self.app).first('html')} switches"
        if self._told == (shown, lines, hint):
            return
        self._told = (shown, lines, hint)
        parts: list[Content | tuple[str, str]] = []
        for body_id in BODIES:
            count = lines.get(body_id, 1)
            words = f"{count} lines " if count > 1 else "" if count else "(empty) "
            style = "bold reverse" if body_id == shown else "$foreground-muted"
            meta = Style.from_meta({"body": body_id})
            parts += [Content.styled(f" {NAMES[body_id]} {words}", style).stylize(meta), Content(" ")]
        if shown == "markdown":
            hint = f"text and HTML are made of it · {hint}"
        parts.append((hint, "$foreground-muted"))
        content = Content.assemble(*parts)
        was_wide, self._width = self._width, content.cell_length
        # It is told at each key; as long as it has room in its line, nothing else has to move.
        self.update(content, layout=max(was_wide, self._width) > self.content_size.width)

    def on_click(self, event: events.Click) -> None:
        if body_id := event.style.meta.get("body"):
            self.post_message(self.Pressed(body_id))


class Margin(Widget):
    """A column beside a body: a mark at each line in which something is found, wherever it is scrolled to."""

    COMPONENT_CLASSES = {"margin--stops", "margin--caution", "margin--note"}  # noqa: RUF012 - Textual declares it so

    def __init__(self) -> None:
        super().__init__()
        self._body: Body | None = None
        self._marks: Mapping[int, tuple[str, str]] = {}

    def beside(self, body: Body, marks: Mapping[int, tuple[str, str]]) -> None:
        """Beside this body, of which these lines have a mark of a kind."""
        if body is not self._body:
            self._body = body
            self.watch(body, "scroll_y", self._scrolled, init=False)
        self._marks = marks
        self.refresh()

    def _scrolled(self) -> None:
        self.refresh()

    def render_lines(self, crop: object) -> list[Strip]:
        self._marked = self._in_sight()
        # Once for all lines: it is worked out each time that it is asked for.
        self._ground = self.rich_style
        return super().render_lines(crop)  # type: ignore[arg-type]

    def _in_sight(self) -> dict[int, tuple[str, str]]:
        """The marks by the row in which they stand now."""
        if not self._body:
            return {}
        wrapped, top = self._body.wrapped_document, self._body.scroll_offset.y
        found = {}
        for line, mark in self._marks.items():
            if line < wrapped.document.line_count:
                found[wrapped.location_to_offset((line, 0)).y - top] = mark
        return found

    def render_line(self, y: int) -> Strip:
        mark, kind = self._marked.get(y, (" ", ""))
        style = self.get_component_rich_style(f"margin--{kind}") if kind else RichStyle()
        return Strip([Segment(mark, self._ground + style)]).adjust_cell_length(self.size.width, self._ground)

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002 - Textual's
        return 1


class Bodies(Horizontal):
    """The bodies side by side with their margin, one shown; `shown` is one of BODIES."""

    def __init__(self) -> None:
        super().__init__(id="bodies")
        self._margin = Margin()
        self._bodies = {"text": Body(id="text")}
        self._marks: dict[str, dict[int, tuple[str, str]]] = {}
        self.shown = BODIES[0]

    def compose(self) -> ComposeResult:
        yield self._margin
        yield from self._bodies.values()

    @property
    def current(self) -> Body:
        """The body that is shown."""
        return self.body(_WIDGETS[self.shown])

    def body(self, widget_id: str) -> Body:
        """The widget of this body, made now if there was none."""
        if widget_id not in self._bodies:
            self._bodies[widget_id] = body = Body(id=widget_id)
            body.display = widget_id == _WIDGETS[self.shown]
            self.mount(body)
        return self._bodies[widget_id]

    def has(self, widget_id: str) -> bool:
        """Whether it has its widget."""
        return widget_id in self._bodies

    @property
    def is_markdown(self) -> bool:
        """Whether the mail is written in Markdown."""
        return self.shown == "markdown"

    def show(self, body_id: str) -> None:
        """Show this one."""
        self.shown = body_id
        current = self.current
        for body in self._bodies.values():
            body.display = body is current
        self._margin.beside(current, self._marks.get(body_id, {}))

    def lines(self) -> dict[str, int]:
        """How many lines each has that the mail has for itself, 0 for an empty one."""
        found = {}
        for body_id in ("markdown",) if self.is_markdown else ("text", "html"):
            body = self._bodies.get(_WIDGETS[body_id])
            is_empty = body is None or (body.document.line_count == 1 and not body.document.get_line(0))
            found[body_id] = 0 if body is None or is_empty else body.document.line_count
        return found

    def mark(self, marks: dict[str, dict[int, tuple[str, str]]]) -> None:
        """Mark these lines, by body, each with a mark and its kind."""
        self._marks = marks
        self._margin.beside(self.current, marks.get(self.shown, {}))


def rows(text: str, offsets: Iterable[int]) -> list[int]:
    """The line of each offset, which come in their order."""
    found, line, at = [], 0, 0
    for offset in offsets:
        line += text.count("\n", at, offset)
        at = max(at, offset)
        found.append(line)
    return found
