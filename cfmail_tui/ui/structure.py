"""The parts of a raw message as a tree, a line each, in the order they stand in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message

from cfmail_tui.message import printable
from cfmail_tui.ui.fields import Line, Lines, plain
from cfmail_tui.ui.rows import RowList, SideList

if TYPE_CHECKING:
    from cfmail_tui.mime import Part

_WIDEST = 40
"""Cells of number and type; a deeper tree is cut."""


class StructurePane(Vertical):
    """The tree of a message's parts, with a cursor that goes with the one in the source."""

    @dataclass
    class Moved(Message):
        """The user is at another part now."""

        part: "Part"

    @dataclass
    class Chosen(Message):
        """The user wants to go on in the source of this part."""

        part: "Part"

    def __init__(self) -> None:
        super().__init__(id="structure")
        self._list: SideList[Part] = SideList(self._described, id="parts", empty="")
        self._words = Lines(id="part-words")
        self._widths = (0, 0)

    def compose(self) -> ComposeResult:
        yield self._list
        yield self._words

    @property
    def current(self) -> "Part | None":
        """The part that the cursor is at."""
        return self._list.current

    def show(self, root: "Part", at: "Part | None") -> None:
        """The parts of this message, with the cursor at one of them."""
        parts = tuple(root.walk())
        names = max(len(_name(part)) for part in parts)
        self._widths = min(names, _WIDEST), max(len(_size(part)) for part in parts)
        self.border_title = Content(f"{len(parts) - 1:,} parts" if len(parts) > 2 else "1 part")
        self._list.show(parts)
        self._list.refresh(layout=True)
        self.go_to(at or root)

    def go_to(self, part: "Part") -> None:
        """The cursor of the source is in this part."""
        if self._list.current is not part:
            self._list.cursor = _index(self._list.items, part)

    def take_focus(self) -> None:
        self._list.focus()

    def _described(self, part: "Part") -> str:
        name = _name(part)
        width, size_width = self._widths
        name = f"{set_cell_size(name, width - 1)}…" if cell_len(name) > width else set_cell_size(name, width)
        return f"{name} {_size(part):>{size_width}}  {_details(part)}"

    def on_row_list_highlighted(self, event: RowList.Highlighted) -> None:
        event.stop()
        self._show_words()
        if self._list.has_focus and self._list.current:
            self.post_message(self.Moved(self._list.current))

    def on_row_list_selected(self, event: RowList.Selected) -> None:
        event.stop()
        if self._list.current:
            self.post_message(self.Chosen(self._list.current))

    def on_resize(self) -> None:
        self._show_words()

    def _show_words(self) -> None:
        """What the row of the part has no room for."""
        part = self._list.current
        is_cut = part is not None and cell_len(self._described(part)) >= self._list.width - 1
        self._words.show([Line(plain(_details(part)))] if part and is_cut else ())


def _details(part: "Part") -> str:
    # That a part which holds others is 7bit goes without saying.
    encoding = "" if part.encoding == "7bit" and not part.is_leaf else part.encoding
    words = [f"“{part.filename}”" if part.filename else "", part.disposition, part.charset, encoding]
    return " ".join(printable(word, 200) for word in words if word)


def _name(part: "Part") -> str:
    if not part.number:
        return part.media_type
    depth = part.number.count(".")
    return f"{'  ' * depth}{part.number} {part.media_type}"


def _size(part: "Part") -> str:
    if part.size < 10_000:
        return f"{part.size:,}"
    if part.size < 1024 * 1024:
        return f"{part.size / 1024:.0f} KiB"
    return f"{part.size / 1024 / 1024:.1f} MiB"


def _index(parts: "Sequence[Part]", part: "Part") -> int:
    return next((at for at, one in enumerate(parts) if one is part), 0)
