"""Files for the mail, picked and looked after on one screen: a folder above, what is attached below, the size between.

What is marked is attached, at once: there is nothing to confirm, and everything can be undone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from cfmail_tui.message import Attachment, AttachmentDraft, Draft
from cfmail_tui.submission import Size
from cfmail_tui.ui.attachment import AttachmentScreen
from cfmail_tui.ui.commands import KeyBar, Where, bindings
from cfmail_tui.ui.files import AttachedList, Meter, folder_words
from cfmail_tui.ui.latest import Latest
from cfmail_tui.ui.picker import PickerScreen

_HINT = "Enter opens or attaches, Space marks several, Esc goes back"

MARKED_AT_ONCE = 100
"""Files that are marked by one key at most: more are a slip."""

_UNDONE_AT_MOST = 100


class AttachScreen(PickerScreen):
    """Tells `changed` of every change at once; a path is taken when it is typed, and given back if it cannot be.

    `insert` puts a reference to an inline file into the HTML body, by its content-id and file name; it gives the
    reason if it cannot.
    """

    PLACES: tuple[Where, ...] = ("marks", "picker", "attached", "list", "dialog", "everywhere")
    BINDINGS = bindings("marks", "picker", "attached", "dialog")

    @dataclass
    class CheckRequested(Message):
        """Whether this file can be attached; `is_new` if it was picked just now. The answer goes to `screen`."""

        attachment: AttachmentDraft
        is_new: bool
        screen: "AttachScreen"

    @dataclass
    class SizeRequested(Message):
        """How big the mail is with these attachments is wanted by `screen`."""

        draft: Draft
        account: str
        screen: "AttachScreen"

    @dataclass
    class ReferenceRequested(Message):
        """Which content-id the file gets when it is inline is wanted by `screen`."""

        attachment: AttachmentDraft
        attachments: tuple[AttachmentDraft, ...]
        screen: "AttachScreen"

    @dataclass
    class ClipboardRequested(Message):
        """What the clipboard holds is to be attached by `screen`."""

        screen: "AttachScreen"

    def __init__(
        self,
        draft: Draft,
        account: str,
        folder: str,
        changed: Callable[[tuple[AttachmentDraft, ...]], object],
        insert: Callable[[str, str], str],
    ) -> None:
        super().__init__(folder)
        self._draft = draft
        self._attachments = draft.attachments
        self._changed = changed
        self._insert = insert
        self._known: dict[str, Attachment] = {}
        self._typed: dict[str, str] = {}
        self._before: list[tuple[AttachmentDraft, ...]] = []
        self._sizes: Latest[Draft] = Latest(lambda draft: self.post_message(self.SizeRequested(draft, account, self)))
        self._weight: Size | None = None
        self.attached = AttachedList(self._described, id="attached", empty="")

    def compose(self) -> ComposeResult:
        yield Static(Content.assemble(("Attach a file", "bold"), f"  {_HINT}"), id="attach-title")
        yield from self.compose_picker()
        yield Meter(id="attach-state", markup=False)
        yield self.attached
        yield KeyBar("marks", "picker", "dialog")

    def on_mount(self) -> None:
        self._refresh()
        for attachment in self._attachments:
            self.post_message(self.CheckRequested(attachment, is_new=False, screen=self))

    # Files come and go.

    def on_file_list_marked(self) -> None:
        self._toggle_current()

    def action_mark(self) -> None:
        self._toggle_current()
        self.files.action_cursor_down()

    def _toggle_current(self) -> None:
        if self.files.current is not None and not self.files.current.endswith("/"):
            self.toggle((self.path_of(self.files.current),))

    def action_mark_shown(self) -> None:
        self.matched(self.files.items)

    def matched(self, names: Sequence[str]) -> None:
        paths = [self.path_of(name) for name in names if not name.endswith("/")]
        if len(paths) > MARKED_AT_ONCE:
            self.say(f"these are more than {MARKED_AT_ONCE} files: filter them first")
        elif paths:
            self.toggle(tuple(paths))

    def picked(self, paths: tuple[str, ...], typed: str = "") -> None:
        new = [path for path in dict.fromkeys(paths) if not self._is_attached(path)]
        self.say("" if new else "this file is attached already")
        self._typed.update(dict.fromkeys(new, typed))
        self._add(new)

    def toggle(self, paths: tuple[str, ...]) -> None:
        """Attach these, or if all are attached take them off."""
        new = [path for path in paths if not self._is_attached(path)]
        self.say("")
        if new:
            self._add(new)
        else:
            self._change(tuple(attached for attached in self._attachments if attached.path not in paths))

    def _add(self, paths: list[str]) -> None:
        drafts = tuple(map(AttachmentDraft, paths))
        if drafts:
            self._change((*self._attachments, *drafts))
        for draft in drafts:
            self.post_message(self.CheckRequested(draft, is_new=True, screen=self))

    def accepted(self, draft: AttachmentDraft, found: Attachment) -> None:
        """The file can be attached, and is the one that `draft` has seen."""
        self._known[draft.path] = found
        seen = tuple(
            replace(attached, seen=draft.seen) if attached.path == draft.path else attached
            for attached in self._attachments
        )
        self._put(seen)

    def refused(self, draft: AttachmentDraft, words: str, *, is_new: bool) -> None:
        """The file cannot be attached. One just picked goes, its path back into the field; one of the mail's stays."""
        if is_new:
            self._take_off(draft)
            self.path.value = self.path.value or self._typed.get(draft.path, "")
            self.path.cursor_position = len(self.path.value)
        self.say(words)

    def is_folder(self, draft: AttachmentDraft) -> None:
        """What was typed for a file is a folder: it is opened."""
        self._take_off(draft)
        self.open_folder(draft.path)

    def _take_off(self, draft: AttachmentDraft) -> None:
        self._put(tuple(attached for attached in self._attachments if attached.path != draft.path))

    def _change(self, attachments: tuple[AttachmentDraft, ...]) -> None:
        self._before = [*self._before[-_UNDONE_AT_MOST:], self._attachments]
        self._put(attachments)

    def _put(self, attachments: tuple[AttachmentDraft, ...]) -> None:
        if attachments != self._attachments:
            self._attachments = attachments
            self._changed(attachments)
        self._refresh()

    def _refresh(self) -> None:
        self.files.marked = frozenset(attached.path for attached in self._attachments)
        self.files.refresh()
        self.attached.show(self._attachments)
        self.attached.display = bool(self._attachments)
        self.query_one(Meter).show(len(self._attachments), self._weight)
        self._sizes.want(replace(self._draft, attachments=self._attachments))
        self.refresh_bindings()

    def take_size(self, size: Size | None, found: Sequence[Attachment] = ()) -> None:
        """How big the mail is with what is attached, and as what that is sent; None if that cannot be told."""
        self._sizes.answered()
        self._weight = size
        self._known.update({attachment.path: attachment for attachment in found})
        self.query_one(Meter).show(len(self._attachments), size)
        self.attached.refresh()

    def _is_attached(self, path: str) -> bool:
        return any(attached.path == path for attached in self._attachments)

    def _described(self, draft: AttachmentDraft) -> str:
        found = self._known.get(draft.path)
        folder, _, name = draft.path.rpartition("/")
        content_id = draft.content_id or (found.content_id if found else "")
        where = "" if draft.disposition == "attachment" else f"inline cid:{content_id}" if content_id else "inline"
        sent_as = draft.filename or (found.filename if found else name)
        place = f"in {folder_words(folder or '/')}" + ("" if sent_as == name else f", where it is {name}")
        facts = [f"{found.size:,} octets", draft.media_type or found.media_type] if found else ["…"]
        return "  ".join(filter(None, [f"{self._number(draft):>2} {sent_as}", where, *facts, place]))

    def _number(self, draft: AttachmentDraft) -> int:
        return next((at for at, attached in enumerate(self._attachments, 1) if attached is draft), 0)

    # What is done with one that is attached.

    def action_remove(self) -> None:
        current = self.attached.current
        self._change(tuple(attached for attached in self._attachments if attached is not current))

    def action_inline(self) -> None:
        if (current := self.attached.current) is not None:
            turned = replace(current, disposition="attachment" if current.disposition == "inline" else "inline")
            self._change(self._with(current, turned))

    def action_raise(self) -> None:
        self._move_to(self.attached.cursor - 1)

    def action_lower(self) -> None:
        self._move_to(self.attached.cursor + 1)

    def _move_to(self, place: int) -> None:
        current = self.attached.current
        if current is not None and 0 <= place < len(self._attachments):
            others = [attached for attached in self._attachments if attached is not current]
            self._change((*others[:place], current, *others[place:]))
            self.attached.cursor = place

    def action_describe(self) -> None:
        current = self.attached.current

        def described(turned: AttachmentDraft | None) -> None:
            if current is not None and turned is not None and turned != current:
                self._change(self._with(current, turned))
                self.post_message(self.CheckRequested(turned, is_new=False, screen=self))

        if current is not None:
            self.app.push_screen(AttachmentScreen(current, self._known.get(current.path)), described)

    def action_refer(self) -> None:
        if (current := self.attached.current) is not None:
            self.post_message(self.ReferenceRequested(current, self._attachments, self))

    def refer(self, draft: AttachmentDraft, content_id: str, filename: str) -> None:
        """Put a reference to the file into the HTML body; it is inline from then on, under this content-id."""
        if draft in self._attachments:
            if reason := self._insert(content_id, filename):
                self.say(reason)
                return
            self._change(self._with(draft, replace(draft, disposition="inline", content_id=content_id)))
            self.notify(f"cid:{content_id} stands in the HTML body, where the cursor was", markup=False)

    def _with(self, old: AttachmentDraft, new: AttachmentDraft) -> tuple[AttachmentDraft, ...]:
        return tuple(new if attached is old else attached for attached in self._attachments)

    def action_undo(self) -> None:
        """Take back the last change that is one."""
        while self._before:
            before = self._before.pop()
            if before != self._attachments:
                self._put(before)
                for attached in before:
                    if attached.path not in self._known:
                        self.post_message(self.CheckRequested(attached, is_new=attached.seen is None, screen=self))
                return

    def action_clipboard(self) -> None:
        self.post_message(self.ClipboardRequested(self))

    def previewed(self) -> str | None:
        if self.attached.has_focus:
            return self.attached.current.path if self.attached.current else None
        return super().previewed()

    def on_row_list_selected(self) -> None:
        if self.attached.has_focus:
            self.action_describe()

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        is_below = self.attached.has_focus
        self.query_one(KeyBar).show(*(("attached", "dialog") if is_below else ("marks", "picker", "dialog")))
        self.files.refresh()
        self._show_preview()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters act on the list only; in the path they are letters."""
        if action in {"remove", "inline", "describe", "refer", "raise", "lower"}:
            return self.attached.has_focus and self.attached.current is not None
        if action == "undo":
            return bool(self._before)
        if action == "mark":
            return self.is_picking and not (self.path.has_focus and self.path.takes_blanks)
        return super().check_action(action, parameters)
