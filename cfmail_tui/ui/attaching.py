"""What the attach screen asks for: folders read, files looked at, previews made; and paths pasted into the form.

Nothing of this needs the outbox but the size of a mail; it is asked all the same, so that there is one kind of task.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cfmail_tui import browse
from cfmail_tui.browse import BrowseError
from cfmail_tui.message import AttachmentDraft, MailError, MessageError
from cfmail_tui.ui.compose import ComposeScreen
from cfmail_tui.ui.work import Next

if TYPE_CHECKING:
    from cfmail_tui.outbox import Outbox
    from cfmail_tui.ui.app import CfmailApp
    from cfmail_tui.ui.attach import AttachScreen
    from cfmail_tui.ui.picker import PickerScreen

KEPT = "kept"
"""The folder, in that of the data, for files of our own: from the clipboard, and out of messages."""

_SHOWN_EVERY = 0.1
"""Seconds between two updates of a list whose folder is being read."""


class Attaching:
    """Answers for the app what the attach screen and the form ask of the file system."""

    def __init__(self, app: "CfmailApp") -> None:
        self._app = app
        self.folder = os.getcwd()  # noqa: PTH109 - a string
        """Where the picker begins: where it was left the last time."""

    def choose(self, screen: ComposeScreen) -> None:
        """Show the attach screen, where it was left the last time."""
        from cfmail_tui.ui.attach import AttachScreen  # with what it previews it would be half of the start

        attach = AttachScreen(
            screen.content(), screen.account, self.folder, screen.set_attachments, screen.insert_reference
        )

        def left(_nothing: None) -> None:
            self.folder = attach.folder or self.folder

        self._app.push_screen(attach, left)

    def read(self, asked: "PickerScreen.FolderRequested") -> None:
        """Read a folder: the first names at once, in the end all in order."""
        screen = asked.screen

        def steps() -> Iterator[Next]:
            names: list[str] = []
            shown, fault, due = 0, "", 0.0
            try:
                for block in browse.blocks(asked.folder):
                    if not screen.is_reading(asked.folder):
                        return
                    names += block
                    if time.monotonic() > due:
                        yield partial(screen.take_block, asked.folder, tuple(names[shown:]))
                        shown, due = len(names), time.monotonic() + _SHOWN_EVERY
            except BrowseError as error:
                fault = str(error)
            listing = browse.arranged(asked.folder, names, asked.order, hidden=asked.hidden)
            yield partial(screen.take_names, listing, tuple(names), asked.order, hidden=asked.hidden, fault=fault)

        def recent(outbox: "Outbox") -> Next:
            names = browse.places(outbox.recent_files())
            listing = browse.arranged(browse.PLACES, names, None, hidden=True)
            return partial(screen.take_names, listing, names, asked.order, hidden=asked.hidden, fault="")

        if asked.folder == browse.PLACES:
            self._app.run_task(recent)
        else:
            self._app.run_steps(steps)

    def arrange(self, asked: "PickerScreen.ArrangeRequested") -> None:
        """Sort names anew."""

        def arrange() -> Iterator[Next]:
            order = None if asked.folder == browse.PLACES else asked.order
            hidden = asked.hidden or asked.folder == browse.PLACES
            listing = browse.arranged(asked.folder, asked.names, order, hidden=hidden)
            yield partial(asked.screen.take_listing, listing, asked.order, hidden=asked.hidden)

        self._app.run_steps(arrange)

    def find(self, asked: "PickerScreen.FindRequested") -> None:
        """Filter a listing."""
        self._app.run_steps(
            lambda: iter([partial(asked.screen.take_found, browse.find(asked.listing, asked.query, asked.before))])
        )

    def look(self, asked: "PickerScreen.FactsRequested") -> None:
        """Look at the files in sight."""

        def look() -> Iterator[Next]:
            from cfmail_tui.attachments import media_types

            facts = {path: (browse.look(path), media_types.by_name(path.rpartition("/")[2])) for path in asked.paths}
            yield partial(asked.screen.take_facts, facts)

        self._app.run_steps(look)

    def preview(self, asked: "PickerScreen.PreviewRequested") -> None:
        """See what is in a file."""

        def see() -> Iterator[Next]:
            from cfmail_tui.preview import preview

            yield partial(asked.screen.take_preview, asked.path, preview(asked.path, asked.columns, asked.rows))

        self._app.run_steps(see)

    def check(self, asked: "AttachScreen.CheckRequested") -> None:
        """See whether a file can be attached, and keep which one it is if it was picked just now."""
        draft, screen = asked.attachment, asked.screen

        def check(_outbox: "Outbox") -> Next:
            from cfmail_tui.attachments import inspect, picked

            if asked.is_new and browse.look(draft.path).kind == "folder":
                return partial(screen.is_folder, draft)
            seen = picked(draft.path) if asked.is_new else draft
            return partial(screen.accepted, seen, inspect(seen))

        self._app.run_task(check, partial(screen.refused, draft, is_new=asked.is_new))

    def weigh_attached(self, asked: "AttachScreen.SizeRequested") -> None:
        """Tell how big the mail is, and as what its files are sent."""
        screen = asked.screen

        def weigh(outbox: "Outbox") -> Next:
            from cfmail_tui.attachments import inspect_all

            found, _ = inspect_all(asked.draft.attachments)
            return partial(screen.take_size, outbox.size(asked.draft, asked.account), found)

        self._app.run_task(weigh, lambda _words: screen.take_size(None))

    def refer(self, asked: "AttachScreen.ReferenceRequested") -> None:
        """Find out under which content-id the mail will have a file that is inline."""

        def name(_outbox: "Outbox") -> Next:
            from cfmail_tui.attachments import inspect_all

            inline = replace(asked.attachment, disposition="inline")
            drafts = [inline if draft is asked.attachment else draft for draft in asked.attachments]
            found, problems = inspect_all(drafts)
            for attachment in found:
                if attachment.path == inline.path:
                    return partial(asked.screen.refer, asked.attachment, attachment.content_id, attachment.filename)
            raise MessageError(*problems)

        self._app.run_task(name, asked.screen.say)

    def take_clipboard(self, asked: "AttachScreen.ClipboardRequested") -> None:
        """Attach what the clipboard holds."""
        folder = self.kept_folder

        def grab(_outbox: "Outbox") -> Next:
            from cfmail_tui.browse import clipboard

            return partial(asked.screen.picked, (clipboard.grab(os.environ, folder),))

        self._app.run_task(grab, asked.screen.say)

    @property
    def kept_folder(self) -> Path:
        """Where files of our own are."""
        assert self._app.settings
        return self._app.settings.data_dir / KEPT

    def read_paste(self, asked: ComposeScreen.PathsPasted) -> None:
        """Attach the files whose paths were pasted, if it is nothing else; if one cannot be had it stays text."""

        def read() -> Iterator[Next]:
            from cfmail_tui.attachments import picked

            drafts: list[AttachmentDraft] = []
            try:
                drafts += map(picked, browse.pasted_paths(asked.pasted.text))
            except MailError:
                return
            if drafts:
                yield partial(asked.screen.attach_pasted, asked.pasted, tuple(drafts))

        self._app.run_steps(read)

    def forget_kept(self) -> None:
        """Delete what was kept for mails that are gone."""
        folder = self.kept_folder

        def forget(outbox: "Outbox") -> Next:
            from cfmail_tui.attachments import kept

            kept.forget(folder, outbox.attached_paths())
            return lambda: None

        self._app.run_task(forget, lambda _words: None)
