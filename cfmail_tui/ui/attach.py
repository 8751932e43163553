"""Attachments of a mail: add a file by its path, see what is attached, make it inline, remove it."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from cfmail_tui.message import Attachment, AttachmentDraft
from cfmail_tui.submission import SIZE_LIMIT, megabytes
from cfmail_tui.ui.commands import KeyBar, bindings
from cfmail_tui.ui.fields import EndsOnce, LineInput, plain
from cfmail_tui.ui.rows import RowList


class PathInput(LineInput):
    """Takes one path after another: Enter hands it over at once and leaves the field empty for the next."""

    def __init__(self, entered: Callable[[str], None], *, placeholder: str) -> None:
        super().__init__(placeholder=placeholder, id="path")
        self._entered = entered

    async def action_submit(self) -> None:
        path, self.value = self.value.strip(), ""
        self._entered(path)


class AttachScreen(ModalScreen[None], EndsOnce[None]):
    """Tells `changed` of every change at once; a path is taken when it is typed, and given back if it cannot be."""

    BINDINGS = bindings("attached", "dialog")

    @dataclass
    class CheckRequested(Message):
        """Whether this file can be attached; the answer goes to `screen`."""

        attachment: AttachmentDraft
        screen: "AttachScreen"

    def __init__(
        self, attachments: tuple[AttachmentDraft, ...], changed: Callable[[tuple[AttachmentDraft, ...]], None]
    ) -> None:
        super().__init__()
        self._attachments = attachments
        self._changed = changed
        self._known: dict[str, Attachment] = {}
        self._typed: dict[str, str] = {}
        self._complaints: list[str] = []
        self._list: RowList[AttachmentDraft] = RowList(self._described, id="attached", empty="nothing is attached yet")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide") as dialog:
            dialog.border_title = "Attach a file"
            yield PathInput(self._enter, placeholder="path of the file, ~ for home; Enter adds it, Esc goes back")
            yield Static("", id="attach-state", markup=False)
            yield self._list
        yield KeyBar("attached", "dialog")

    def on_mount(self) -> None:
        self._refresh()
        for attachment in self._attachments:
            self.post_message(self.CheckRequested(attachment, self))

    def _enter(self, typed: str) -> None:
        if not typed:
            self.action_back()
            return
        path = os.path.abspath(os.path.expanduser(typed.removeprefix("file://")))  # noqa: PTH100, PTH111 - as typed
        if self._is_attached(path):
            self._complaints = ["this file is attached already"]
            self._refresh()
            return
        attachment = AttachmentDraft(path)
        self._typed[path] = typed
        self._change((*self._attachments, attachment))
        self.post_message(self.CheckRequested(attachment, self))

    def accepted(self, draft: AttachmentDraft, found: Attachment) -> None:
        """The file can be attached."""
        self._known[draft.path] = found
        if self.is_attached:
            self._refresh()

    def refused(self, draft: AttachmentDraft, words: str) -> None:
        """The file cannot be attached. One just typed goes back into the field; one of the mail's is not dropped."""
        if not self.is_attached:
            return
        if typed := self._typed.pop(draft.path, ""):
            self._change(tuple(attached for attached in self._attachments if attached.path != draft.path))
            path = self.query_one(PathInput)
            path.value = path.value or typed
        self._complaints.append(words)
        self._refresh()

    def action_remove(self) -> None:
        current = self._list.current
        self._change(tuple(attached for attached in self._attachments if attached is not current))

    def action_inline(self) -> None:
        current = self._list.current
        if current is None:
            return
        turned = replace(current, disposition="attachment" if current.disposition == "inline" else "inline")
        self._change(tuple(turned if attached is current else attached for attached in self._attachments))

    def action_back(self) -> None:
        self.dismiss()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters act on the list only; in the path they are letters."""
        if action in {"remove", "inline"}:
            return self._list.has_focus and self._list.current is not None
        return super().check_action(action, parameters)

    def _change(self, attachments: tuple[AttachmentDraft, ...]) -> None:
        self._attachments = attachments
        self._complaints = []
        self._changed(attachments)
        self._refresh()

    def _refresh(self) -> None:
        total = sum(found.size * 4 // 3 for found in self._known.values() if self._is_attached(found.path))
        state = self.query_one("#attach-state", Static)
        words = f"{megabytes(total)} of {megabytes(SIZE_LIMIT)} when encoded"
        state.update(plain("\n".join([*self._complaints, words])))
        state.set_class(bool(self._complaints) or total > SIZE_LIMIT, "-wrong")
        self._list.show(self._attachments)
        self.refresh_bindings()

    def _is_attached(self, path: str) -> bool:
        return any(attached.path == path for attached in self._attachments)

    def _described(self, draft: AttachmentDraft) -> str:
        found = self._known.get(draft.path)
        where = "inline  " if draft.disposition == "inline" else "attached"
        folder, _, name = draft.path.rpartition("/")
        facts = f"{found.size:,} octets, {found.media_type}" if found else "…"
        return f"{where} {name}  {facts}  in {folder or '/'}"
