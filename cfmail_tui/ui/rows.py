"""A list that may grow long: only the lines in sight are ever drawn, and no widget or strip is kept per row."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cfmail_tui.message import printable
from cfmail_tui.ui.commands import bindings

Item = TypeVar("Item")


class RowList(ScrollView, Generic[Item], can_focus=True):
    """One line per item, with a cursor; `describe` gives an item's line as outside text."""

    BINDINGS = bindings("list")
    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--cursor"}

    cursor = var(0)

    class Highlighted(Message):
        """The cursor is on another item, or the items changed."""

    class Selected(Message):
        """The item under the cursor was chosen."""

    def __init__(self, describe: Callable[[Item], str], *, id: str, empty: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._describe = describe
        self._empty = empty
        self.items: Sequence[Item] = ()

    @property
    def width(self) -> int:
        """Cells beside the scrollbar."""
        return self.scrollable_content_region.width

    @property
    def current(self) -> Item | None:
        return self.items[self.cursor] if self.items else None

    def when_empty(self, words: str) -> None:
        """What stands there while there are no items."""
        self._empty = words
        self.refresh()

    def show(self, items: Sequence[Item]) -> None:
        """Replace the items; the cursor stays where it was as far as it can."""
        self.items = items
        self.virtual_size = Size(0, max(1, len(items)))
        self.cursor = min(self.cursor, max(0, len(items) - 1))
        self.refresh()
        self.post_message(self.Highlighted())

    def render_line(self, y: int) -> Strip:
        at = y + self.scroll_offset.y
        style = self.rich_style
        if at >= len(self.items):
            # Without a row for the cursor the focus shows all the same.
            return self._strip("", style) if at else self._strip(self._empty, style + self.focus_style())
        style += self.item_style(self.items[at])
        if at == self.cursor:
            style += self.cursor_style()
        return self._strip(self._describe(self.items[at]), style)

    def item_style(self, _item: Item) -> Style:
        """How the line of an item differs from others."""
        return Style()

    def cursor_style(self) -> Style:
        """How the line under the cursor differs from the others."""
        style = self.get_component_rich_style("rows--cursor", partial=True)
        return style if self.has_focus else style + Style(reverse=False, dim=True)

    def focus_style(self) -> Style:
        """How a list that has the focus and no row with a cursor differs from others."""
        return self.get_component_rich_style("rows--cursor", partial=True) if self.has_focus else Style()

    def _strip(self, text: str, style: Style) -> Strip:
        width = self.width
        return Strip([Segment(f" {printable(text, max(1, width - 1))}", style)]).adjust_cell_length(width, style)

    def watch_cursor(self) -> None:
        self._show_cursor()
        self.refresh()
        self.post_message(self.Highlighted())

    def _show_cursor(self) -> None:
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_cursor)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def _move(self, to: int) -> None:
        self.cursor = max(0, min(to, len(self.items) - 1))

    def action_cursor_down(self) -> None:
        self._move(self.cursor + 1)

    def action_cursor_up(self) -> None:
        self._move(self.cursor - 1)

    def action_page_down(self) -> None:
        self._move(self.cursor + self.size.height)

    def action_page_up(self) -> None:
        self._move(self.cursor - self.size.height)

    def action_scroll_home(self) -> None:
        self._move(0)

    def action_scroll_end(self) -> None:
        self._move(len(self.items) - 1)

    def action_select(self) -> None:
        if self.items:
            self.post_message(self.Selected())

    def on_click(self, event: events.Click) -> None:
        at = event.y + self.scroll_offset.y
        if at < len(self.items):
            self._move(at)
            if event.chain == 2:
                self.action_select()


class SideList(RowList[Item]):
    """A list beside a text that has the focus most of the time: its cursor is in sight all the same."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--beside"}

    def cursor_style(self) -> Style:
        return super().cursor_style() if self.has_focus else self.get_component_rich_style("rows--beside", partial=True)
