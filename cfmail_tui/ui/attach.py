"""Attachments of a mail: add a file by its path, see what is attached, make it inline, remove it."""

import os
from dataclasses import dataclass, replace

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from cfmail_tui.message import Attachment, AttachmentDraft
from cfmail_tui.submission import SIZE_LIMIT, megabytes
from cfmail_tui.ui.commands import KeyBar, bindings
from cfmail_tui.ui.fields import LineInput, plain
from cfmail_tui.ui.rows import RowList

Chosen = tuple[tuple[AttachmentDraft, ...], dict[str, int]]


class PathInput(LineInput):
    """Takes one path after another: Enter hands it over and leaves the field empty for the next."""

    @dataclass
    class Entered(Message):
        """A path was typed."""

        path: str

    async def action_submit(self) -> None:
        path, self.value = self.value.strip(), ""
        self.post_message(self.Entered(path))


class AttachScreen(ModalScreen[Chosen]):
    """Ends with the attachments and the sizes that were learned, in octets."""

    BINDINGS = bindings("attached", "dialog")

    @dataclass
    class CheckRequested(Message):
        """Whether this file can be attached; the answer goes to `screen`."""

        attachment: AttachmentDraft
        screen: "AttachScreen"

    def __init__(self, attachments: tuple[AttachmentDraft, ...]) -> None:
        super().__init__()
        self._attachments = attachments
        self._known: dict[str, Attachment] = {}
        self._typed = ""
        self._waiting = 0
        self._leaving = False
        self._list: RowList[AttachmentDraft] = RowList(self._described, id="attached", empty="nothing is attached yet")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide") as dialog:
            dialog.border_title = "Attach a file"
            yield PathInput(placeholder="path of the file, ~ for home; Enter adds it, Esc goes back", id="path")
            yield Static("", id="attach-state", markup=False)
            yield self._list
        yield KeyBar("attached", "dialog")

    def on_mount(self) -> None:
        self._refresh()
        for attachment in self._attachments:
            self._check(attachment)

    def on_path_input_entered(self, event: PathInput.Entered) -> None:
        if not event.path:
            self.action_back()
            return
        path = os.path.abspath(os.path.expanduser(event.path.removeprefix("file://")))  # noqa: PTH100, PTH111 - as typed
        if any(path == attached.path for attached in self._attachments):
            self._say("this file is attached already", wrong=True)
            return
        self._typed = event.path
        self._check(AttachmentDraft(path))

    def _check(self, attachment: AttachmentDraft) -> None:
        self._waiting += 1
        self.post_message(self.CheckRequested(attachment, self))

    def accepted(self, draft: AttachmentDraft, found: Attachment) -> None:
        """The file can be attached: list it."""
        self._known[draft.path] = found
        if draft.path not in {attached.path for attached in self._attachments}:
            self._attachments = (*self._attachments, draft)
        self._refresh()
        self._answered()

    def refused(self, words: str) -> None:
        """The file cannot be attached; what was typed comes back."""
        path = self.query_one(PathInput)
        if not path.value:
            path.value = self._typed
        self._leaving = False
        self._say(words, wrong=True)
        self._answered()

    def _answered(self) -> None:
        self._waiting -= 1
        if self._leaving:
            self.action_back()

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
        """Leave, once it is known of every path typed whether it can be attached."""
        self._leaving = bool(self._waiting)
        if not self._leaving:
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
        folder, _, name = draft.path.rpartition("/")
        facts = f"{found.size:,} octets, {found.media_type}" if found else "…"
        return f"{where} {name}  {facts}  in {folder or '/'}"
