"""A list of findings about a message: how bad each is, where, in words, where it is written, and what fixes it.

It knows nothing of the message: whoever shows it jumps to the place of a finding, and makes its fix.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

from rich.style import Style
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message

from cfmail_tui.ui.commands import bindings, keymap_of
from cfmail_tui.ui.fields import Line, Lines, plain
from cfmail_tui.ui.rows import RowList, SideList


class Told(Protocol):
    """What a finding says of itself; all words are safe to show, "" where there are none."""

    @property
    def words(self) -> str: ...
    @property
    def weight(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def section(self) -> str: ...
    @property
    def stops(self) -> bool: ...
    @property
    def fix(self) -> str: ...


Found = TypeVar("Found", bound=Told)


class FindingList(SideList[Found]):
    """A line for each finding: a mark, and as much of its words as there is room for."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"findings--stops", "findings--caution", "findings--note"}

    def __init__(self) -> None:
        super().__init__(row_words, id="finding-list", empty="")

    def item_style(self, item: Found) -> Style:
        return self.get_component_rich_style(f"findings--{_kind(item)}", partial=True)


class FindingsPane(Vertical, Generic[Found]):
    """The findings, and below them all there is to say of the one that is chosen."""

    @dataclass
    class Chosen(Message):
        """The user wants to see the place of this finding, the chosen one."""

        finding: Told

    class FixRequested(Message):
        """The user wants the fix of the chosen finding made."""

    class UnfixRequested(Message):
        """The user wants the last fix taken back."""

    BINDINGS = bindings("findings")

    def __init__(self, fix: str, way: str = "") -> None:
        """The ids of the commands that make the fix of the chosen finding, and that lead here, if one does."""
        super().__init__(id="findings", classes="-empty")
        self._fix = fix
        self._way = way
        self._list: FindingList[Found] = FindingList()
        self._words = Lines(id="finding-words")
        self._remedy = Lines(id="finding-remedy")

    def _complete(self) -> None:
        """Have the list, and the words below it; where there never is a finding, there need not be one."""
        if not self._list.is_attached:
            self.mount(self._list, self._words, self._remedy)

    @property
    def current(self) -> Found | None:
        """The finding that is chosen."""
        return self._list.current

    def show(self, findings: Sequence[Found]) -> None:
        """These instead; what was chosen stays so if it is still there, else it is the first to look at."""
        if findings:
            self._complete()
        chosen = self._list.current if self._list.cursor else None
        self.set_class(not findings, "-empty")
        self.set_class(any(one.stops for one in findings), "-stops")
        way = f" · {keymap_of(self.app).first(self._way)}" if findings and self._way else ""
        self.border_title = Content(f"{_title(findings)}{way}")
        if self._list.is_attached:
            self._list.show(findings)
            self._list.cursor = next((at for at, one in enumerate(findings) if _same(one, chosen)), _first(findings))
            self._list.refresh(layout=True)
            self._show_detail()

    def wait(self) -> None:
        """Nothing is said of what was hardly begun."""
        self.show(())
        self.border_title = Content("Findings come as you write")

    def choose_first(self) -> None:
        """Choose what is to be looked at first."""
        self._list.cursor = _first(self._list.items)

    def choose(self, finding: Found) -> None:
        """Choose this one, if it is there."""
        for at, one in enumerate(self._list.items):
            if _same(one, finding) and one.words == finding.words:
                self._list.cursor = at

    def take_focus(self) -> None:
        self._complete()
        self._list.focus()

    def action_fix_finding(self) -> None:
        if self._list.current:
            self.post_message(self.FixRequested())

    def action_unfix(self) -> None:
        self.post_message(self.UnfixRequested())

    def on_row_list_highlighted(self, event: RowList.Highlighted) -> None:
        event.stop()
        self._show_detail()

    def on_row_list_selected(self, event: RowList.Selected) -> None:
        event.stop()
        if self._list.current:
            self.post_message(self.Chosen(self._list.current))

    def on_resize(self) -> None:
        self._show_detail()

    def _show_detail(self) -> None:
        finding = self._list.current
        # What its row says whole is not said again.
        is_cut = finding is not None and len(row_words(finding)) >= self._list.width - 1
        self._words.show([Line(plain(finding.words))] if finding and is_cut else ())
        self._remedy.show([self._remedy_of(finding)] if finding else ())

    def _remedy_of(self, finding: Found) -> Line:
        where = plain(" · ".join(filter(None, [finding.place, finding.section]))).stylize("$foreground-muted")
        if not finding.fix:
            return Line(where)
        return Line(
            Content.assemble(where, "  ", (f"{keymap_of(self.app).first(self._fix)}:", "bold"), " ", plain(finding.fix))
        )


def row_words(finding: Told) -> str:
    """A finding in a line."""
    where = "" if finding.place.lower() in finding.words.lower() else f"{finding.place}: "
    return f"{_MARKS[_kind(finding)]} {where}{finding.words}"


def mark_of(finding: Told) -> tuple[str, str]:
    """The mark of a finding, and of which kind it is."""
    kind = _kind(finding)
    return _MARKS[kind], kind


_MARKS = {"stops": "✗", "caution": "!", "note": "·"}


def _kind(finding: Told) -> str:
    return "stops" if finding.stops else "note" if finding.weight == "note" else "caution"


def _title(findings: Sequence[Told]) -> str:
    if not findings:
        return "✓ No findings"
    if all(_kind(one) == "note" for one in findings):
        return f"✓ {len(findings)} note{'' if len(findings) == 1 else 's'}"
    count = f"{len(findings)} finding{'' if len(findings) == 1 else 's'}"
    return f"✗ Cannot be sent as it is · {count}" if any(one.stops for one in findings) else count


def _same(one: Told, other: Told | None) -> bool:
    return other is not None and (one.place, one.section, one.fix) == (other.place, other.section, other.fix)


def _first(findings: Sequence[Told]) -> int:
    """Of those that weigh as much as the first, the first that can be fixed."""
    return next((at for at, one in enumerate(findings) if one.stops == findings[0].stops and one.fix), 0)
