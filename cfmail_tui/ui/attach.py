"""Attachments of a mail: add a file by its path, see what is attached, make it inline, remove it."""

import os
from dataclasses import dataclass, replace

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from cfmail_tui.message import Attachment, AttachmentDraft
from cfmail_tui.submission import SIZE_LIMIT, megabytes
from cfmail_tui.ui.commands import KeyBar, bindings
from cfmail_tui.ui.fields import LineInput, plain
from cfmail_tui.ui.rows import RowList

Chosen = tuple[tuple[AttachmentDraft, ...], dict[str, int]]


class AttachScreen(ModalScreen[Chosen]):
    """Ends with the attachments and the sizes that were learned, in octets."""

    BINDINGS = bindings("attached", "dialog")

    @dataclass
    class CheckRequested(Message):
        """Whether this file can be attached."""

        attachment: AttachmentDraft

    def __init__(self, attachments: tuple[AttachmentDraft, ...]) -> None:
        super().__init__()
        self._attachments = attachments
        self._known: dict[str, Attachment] = {}
        self._list: RowList[AttachmentDraft] = RowList(self._described, id="attached", empty="nothing is attached yet")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide") as dialog:
            dialog.border_title = "Attach a file"
            yield LineInput(placeholder="path of the file, ~ for home; Enter adds it, Esc goes back", id="path")
            yield Static("", id="attach-state", markup=False)
            yield self._list
        yield KeyBar("attached", "dialog")

    def on_mount(self) -> None:
        self._refresh()
        for attachment in self._attachments:
            self.post_message(self.CheckRequested(attachment))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        typed = event.value.strip()
        if not typed:
            self.action_back()
            return
        path = os.path.abspath(os.path.expanduser(typed.removeprefix("file://")))  # noqa: PTH100, PTH111 - as typed
        if any(path == attached.path for attached in self._attachments):
            self.refused("this file is attached already")
            return
        self.post_message(self.CheckRequested(AttachmentDraft(path)))

    def accepted(self, draft: AttachmentDraft, found: Attachment) -> None:
        """The file can be attached: list it."""
        self._known[draft.path] = found
        if draft.path not in {attached.path for attached in self._attachments}:
            self._attachments = (*self._attachments, draft)
            self.query_one(LineInput).value = ""
        self._refresh()

    def refused(self, words: str) -> None:
        """The file cannot be attached; what was typed stays."""
        self._say(words, wrong=True)

    def action_remove(self) -> None:
        current = self._list.current
        self._attachments = tuple(attached for attached in self._attachments if attached is not current)
        self._refresh()

    def action_inline(self) -> None:
        current = self._list.current
        if current is None:
            return
        turned = replace(current, disposition="attachment" if current.disposition == "inline" else "inline")
        self._attachments = tuple(turned if attached is current else attached for attached in self._attachments)
        self._refresh()

    def action_back(self) -> None:
        self.dismiss((self._attachments, {path: found.size for path, found in self._known.items()}))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters act on the list only; in the path they are letters."""
        if action in {"remove", "inline"}:
            return self._list.has_focus and self._list.current is not None
        return super().check_action(action, parameters)

    def _refresh(self) -> None:
        total = sum(found.size * 4 // 3 for found in self._known.values() if self._is_attached(found.path))
        words = f"{megabytes(total)} of {megabytes(SIZE_LIMIT)} when encoded"
        self._say(words, wrong=total > SIZE_LIMIT)
        self._list.show(self._attachments)
        self.refresh_bindings()

    def _say(self, words: str, *, wrong: bool) -> None:
        state = self.query_one("#attach-state", Static)
        state.update(plain(words))
        state.set_class(wrong, "-wrong")

    def _is_attached(self, path: str) -> bool:
        return any(attached.path == path for attached in self._attachments)

    def _described(self, draft: AttachmentDraft) -> str:
        found = self._known.get(draft.path)
        where = "inline  " if draft.disposition == "inline" else "attached"
        facts = f"{found.size:>11,}  {found.media_type:<26}" if found else f"{'…':>11}  {'':<26}"
        return f"{where} {facts} {draft.path}"
