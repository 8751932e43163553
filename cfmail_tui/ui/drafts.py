"""Unfinished mails: drafts, and mails that wait to be tried again. Open one, send it now, or delete it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from cfmail_tui.message import Draft, SavedDraft
from cfmail_tui.ui.commands import KeyBar, Keymap, Where, bindings
from cfmail_tui.ui.fields import EndsOnce
from cfmail_tui.ui.rows import RowList

if TYPE_CHECKING:
    from cfmail_tui.outbox import Unfinished


class DraftsScreen(EndsOnce[SavedDraft | None]):
    """Ends with the draft to open, or None."""

    PLACES: tuple[Where, ...] = ("list", "drafts", "dialog", "everywhere")
    BINDINGS = bindings("drafts", "dialog")

    @dataclass
    class DeleteRequested(Message):
        """The user wants this draft deleted."""

        draft_id: str

    @dataclass
    class RestoreRequested(Message):
        """The user wants a draft back that was deleted here."""

        draft_id: str
        screen: "DraftsScreen"

    @dataclass
    class SendRequested(Message):
        """The user does not want this mail to wait any longer."""

        unfinished: "Unfinished"

    def __init__(self, unfinished: "tuple[Unfinished, ...]") -> None:
        super().__init__()
        self._unfinished = unfinished
        self._deleted: list[Unfinished] = []
        self._list: RowList[Unfinished] = RowList(_described, id="drafts", empty="there are no drafts")

    def compose(self) -> ComposeResult:
        yield Static(
            Content.assemble(("Drafts", "bold"), "  unfinished mails, and those that wait to be tried again"),
            id="drafts-title",
        )
        yield self._list
        yield KeyBar(*self.PLACES)

    def on_mount(self) -> None:
        self._list.show(self._unfinished)
        self._list.focus()

    def on_row_list_highlighted(self) -> None:
        self.refresh_bindings()

    def on_row_list_selected(self) -> None:
        if self._list.current:
            self.dismiss(self._list.current.draft)

    def action_send(self) -> None:
        if self._list.current and self._list.current.waiting:
            self.post_message(self.SendRequested(self._list.current))
            self.dismiss(None)

    def action_delete(self) -> None:
        unfinished = self._list.current
        if unfinished is None:
            return
        self._deleted.append(unfinished)
        self.post_message(self.DeleteRequested(unfinished.draft.draft_id))
        self._show(kept for kept in self._unfinished if kept is not unfinished)

    def action_restore(self) -> None:
        if self._deleted:
            self.post_message(self.RestoreRequested(self._deleted.pop().draft.draft_id, self))

    def restored(self, draft: SavedDraft) -> None:
        """The draft is back; that it waited to be sent is over."""
        from cfmail_tui.outbox import Unfinished

        self._show((Unfinished(draft), *self._unfinished))

    def _show(self, unfinished: "Iterable[Unfinished]") -> None:
        self._unfinished = tuple(unfinished)
        self._list.show(self._unfinished)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what waits can be sent from here."""
        if action == "send":
            return bool(self._list.current and self._list.current.waiting)
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        self.dismiss(None)


def told_unfinished(unfinished: "Sequence[Unfinished]", keymap: Keymap) -> list[str]:
    """What was begun and not sent, in a line or two, and with which keys to go on."""
    waiting = [found for found in unfinished if found.waiting]
    drafts = [found for found in unfinished if not found.waiting]
    lines = []
    if waiting:
        more = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
        verb = "were not sent and wait" if more else "was not sent and waits"
        lines.append(
            f"{_quoted(waiting[0].draft)}{more} {verb}: {keymap.first('drafts')}, then {keymap.first('retry')} sends"
        )
    if drafts:
        more = f" and {len(drafts) - 1} more" if len(drafts) > 1 else ""
        when = f" of {_when(drafts[0].draft.saved_at)}" if drafts[0].draft.saved_at else ""
        lines.append(f"unfinished: {_quoted(drafts[0].draft)}{when}{more}: {keymap.first('drafts')} goes on with it")
    return lines


def _described(unfinished: "Unfinished") -> str:
    draft, waiting = unfinished.draft, unfinished.waiting
    content = draft.content
    to = content.to if isinstance(content, Draft) else content.recipients
    state = "waits" if waiting else ""
    return f"{_when(draft.saved_at):<16}  {state:<5}  {to[:26]:<26}  {_name(draft)}"


def _when(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else ""


def _quoted(draft: SavedDraft) -> str:
    name = _name(draft)
    return name if name.startswith("(") else f"“{name}”"


def _name(draft: SavedDraft) -> str:
    content = draft.content
    if isinstance(content, Draft):
        return content.subject or next(iter((content.text or content.markdown).split("\n")), "") or "(no subject)"
    return f"raw message, {len(content.source):,} octets"
