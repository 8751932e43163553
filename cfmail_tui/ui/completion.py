"""Recipients completed as they are typed: a list that drops below the field, of whom one can be put in.

Invariants:
- nobody is put in whom no arrow key or click chose: until then Tab and Enter do what they always do;
- while one is chosen the list stays as it is: an answer that comes late changes nothing under the cursor;
- what is asked is asked by messages, one question at a time; an answer to what is typed no more is passed over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Input
from textual.widgets.input import Selection

from cfmail_tui.message import Place, last_entry, printable
from cfmail_tui.ui.commands import bindings
from cfmail_tui.ui.fields import MailField
from cfmail_tui.ui.latest import Latest
from cfmail_tui.ui.rows import RowList

if TYPE_CHECKING:
    from cfmail_tui.outbox import Known

_SIGNS = {"bounced": "✗", "suppressed": "⊘"}
"""How those are marked to whom the last mail did not get; the word stands at the end of the line."""

_NAME = 24
"""Cells that a name can count on beside a long address."""


class Suggestions(RowList["Known"], can_focus=False):
    """Who can be meant; none has the cursor before one is chosen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"suggestions--failed"}

    def __init__(self) -> None:
        super().__init__(self._line, id="suggestions", empty="")
        self.border_subtitle = Content("↓ ↑ choose, Enter puts in, Esc closes")
        self.is_chosen = False
        """Whether the cursor is on a row."""

    @property
    def current(self) -> "Known | None":
        return super().current if self.is_chosen else None

    def suggest(self, people: Sequence["Known"]) -> None:
        """Show these, none of them chosen."""
        self.is_chosen = False
        self.cursor = 0
        self.show(people)

    def step(self, by: int) -> None:
        """Choose the next or the one before; before the first none is."""
        if not self.is_chosen:
            to = 0 if by > 0 else len(self.items) - 1
        else:
            to = min(self.cursor + by, len(self.items) - 1)
        self.is_chosen = to >= 0
        self.cursor = max(0, to)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        event.prevent_default()
        at = event.y + self.scroll_offset.y
        if at < len(self.items):
            self.is_chosen, self.cursor = True, at
            self.post_message(self.Selected())

    def cursor_style(self) -> Style:
        return self.get_component_rich_style("rows--cursor", partial=True) if self.is_chosen else Style()

    def item_style(self, known: "Known") -> Style:
        return self.get_component_rich_style("suggestions--failed", partial=True) if known.mark else Style()

    def _line(self, known: "Known") -> str:
        end = ""
        if known.mark:
            end = f"  some {known.mark}" if known.is_group else f"  {known.mark}"
        room = max(0, self.width - 3 - cell_len(end))
        words = _group_words(known) if known.is_group else _words(known, room)
        return f"{_SIGNS.get(known.mark, ' ')} {_fitted(words, room)}{end}"


def _group_words(known: "Known") -> str:
    members = ", ".join(one.addr_spec for one in known.mailboxes[:20])
    return f"{printable(known.name or known.alias, _NAME)}  group of {len(known.mailboxes)}: {printable(members, 400)}"


def _words(known: "Known", room: int) -> str:
    """Name and address; where there is no room for both the name gives way, and of an address both ends stay."""
    address = printable(known.mailboxes[0].addr_spec, 300)
    name = known.name or known.mailboxes[0].display_name
    if known.alias and known.alias.casefold() != name.casefold():
        name = f"{name} ({known.alias})".strip()
    name = printable(name, 200)
    if not name:
        return _both_ends(address, room)
    left = max(room - cell_len(address) - 2, min(_NAME, room // 3, cell_len(name)))
    return f"{_fitted(name, left).rstrip()}  {_both_ends(address, max(0, room - min(left, cell_len(name)) - 2))}"


def _fitted(text: str, room: int) -> str:
    """In so many cells."""
    if cell_len(text) <= room or room < 2:
        return set_cell_size(text, room)
    return f"{set_cell_size(text, room - 1)}…"


def _both_ends(text: str, room: int) -> str:
    """ASCII in so many cells, without its middle where it is longer."""
    if len(text) <= room or room < 3:
        return text[:room]
    end = (room - 1) // 2
    return f"{text[: room - 1 - end]}…{text[-end:]}"


class RecipientField(MailField):
    """A line of addresses in which those known are completed."""

    BINDINGS = bindings("completion")

    @dataclass
    class Asked(Message):
        """Who can be meant by what was typed is wanted by `field`."""

        typed: str
        field: "RecipientField"

    def __init__(self, place: Place, *, placeholder: str = "", has_margin: bool = False) -> None:
        super().__init__(place, placeholder=placeholder, has_margin=has_margin)
        self._list = Suggestions()
        self._questions: Latest[str] = Latest(lambda typed: self.post_message(self.Asked(typed, self)))
        self._put: str | None = self.input.value
        """What was put here and not typed, as long as it stands so."""
        self._value = ""
        """The text of which the last entry was asked about."""

    def on_mount(self) -> None:
        self.watch(self.input, "selection", self._moved, init=False)

    def rewrite(self, text: str) -> None:
        super().rewrite(text)
        self._put = self.input.value
        self.action_close()

    @property
    def is_choosing(self) -> bool:
        """Whether one of the list is chosen and not yet put in."""
        return self.is_completing and self._list.is_chosen

    @property
    def is_completing(self) -> bool:
        """Whether the list is shown."""
        return self.has_class("-completing")

    def _entry(self) -> tuple[int, str]:
        """Where the entry begins that ends at the cursor, and what was typed of it; "" where nothing can be meant."""
        value, at = self.input.value, self.input.cursor_position
        rest = value[at:].lstrip()
        start = last_entry(value[:at])
        typed = value[start:at] if not rest or rest[0] in ",;" else ""
        return start, typed if any(map(str.isalnum, typed)) else ""

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value == self._put or not self.input.has_focus:
            return
        self._put = None
        self._value = self.input.value
        typed = self._entry()[1]
        if typed:
            self._unchoose()
            self._questions.want(typed)
        else:
            self.action_close()

    def _moved(self) -> None:
        """Where the cursor goes by itself, nothing is being typed."""
        if self.is_completing and self.input.value == self._value:
            self.action_close()

    def take_found(self, typed: str, found: Sequence["Known"]) -> None:
        """Who can be meant by what was typed."""
        self._questions.answered()
        if not self.is_attached or self._list.is_chosen or not self.input.has_focus:
            return
        if self._put is not None or typed != self._entry()[1]:
            return
        others = [known for known in found if known.text != typed.strip()]
        if others and not self._list.is_attached:
            self.mount(self._list)
        self._list.suggest(others)
        self.set_class(bool(others), "-completing")

    def action_suggestion(self, by: int) -> None:
        self._list.step(by)

    def action_take(self) -> None:
        """Put in whom an arrow key or a click chose."""
        known, (start, typed) = self._list.current, self._entry()
        if known and typed:
            at = self.input.cursor_position
            self.input.selection = Selection(start, at)
            self.input.put_in(known.text if self.input.value[at:].strip() else f"{known.text}, ")
        self.action_close()

    def action_close(self) -> None:
        self.remove_class("-completing")
        self._unchoose()

    def _unchoose(self) -> None:
        if self._list.is_chosen:
            self._list.is_chosen = False
            self._list.refresh()

    def on_row_list_selected(self, event: RowList.Selected) -> None:
        event.stop()
        self.action_take()

    def on_row_list_highlighted(self, event: RowList.Highlighted) -> None:
        event.stop()

    def on_descendant_blur(self) -> None:
        self.action_close()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The keys of the list are those of the field unless it is shown, and Enter and Tab unless one is chosen."""
        if action in {"suggestion", "close"}:
            return self.is_completing
        if action == "take":
            return self.is_choosing
        return super().check_action(action, parameters)
