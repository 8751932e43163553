"""Unfinished mails: open one, or delete it."""

from collections.abc import Iterable
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from cfmail_tui.message import Draft, SavedDraft
from cfmail_tui.ui.commands import KeyBar, Where, bindings
from cfmail_tui.ui.fields import EndsOnce
from cfmail_tui.ui.rows import RowList


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

    def __init__(self, drafts: tuple[SavedDraft, ...]) -> None:
        super().__init__()
        self._drafts = drafts
        self._deleted: list[str] = []
        self._list: RowList[SavedDraft] = RowList(_described, id="drafts", empty="there are no drafts")

    def compose(self) -> ComposeResult:
        yield Static(
            Content.assemble(("Drafts", "bold"), "  Enter opens, Del deletes, u brings back"), id="drafts-title"
        )
        yield self._list
        yield KeyBar(*self.PLACES)

    def on_mount(self) -> None:
        self._list.show(self._drafts)
        self._list.focus()

    def on_row_list_selected(self) -> None:
        self.dismiss(self._list.current)

    def action_delete(self) -> None:
        draft = self._list.current
        if draft is None:
            return

        self._deleted.append(draft.draft_id)
        self.post_message(self.DeleteRequested(draft.draft_id))
        self._show(kept for kept in self._drafts if kept is not draft)

    def action_restore(self) -> None:
        if self._deleted:
            self.post_message(self.RestoreRequested(self._deleted.pop(), self))

    def restored(self, draft: SavedDraft) -> None:
        """The draft is back."""
        if self.is_attached:
            self._show((draft, *self._drafts))

    def _show(self, drafts: Iterable[SavedDraft]) -> None:
        self._drafts = tuple(drafts)
        self._list.show(self._drafts)

    def action_back(self) -> None:
        self.dismiss(None)


def _described(draft: SavedDraft) -> str:
    when = draft.saved_at.astimezone().strftime("%Y-%m-%d %H:%M") if draft.saved_at else ""
    content = draft.content
    to = content.to if isinstance(content, Draft) else content.recipients
    return f"{when}  {to[:30]:<30}  {_name(draft)}"


def _name(draft: SavedDraft) -> str:
    content = draft.content
    if isinstance(content, Draft):
        return content.subject or next(iter(content.text.split("\n")), "") or "(no subject)"
    return f"raw message, {len(content.source):,} octets"
