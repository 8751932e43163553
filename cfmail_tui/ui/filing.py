"""The mail of the form kept as a message file: where, and over what. The draft stays as it is."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cfmail_tui.message import Draft, printable
from cfmail_tui.ui.dialogs import ChoiceScreen, PathScreen
from cfmail_tui.ui.work import Next

if TYPE_CHECKING:
    from cfmail_tui.ui.app import CfmailApp


class Filing:
    """Saves a mail as a file, for the app."""

    def __init__(self, app: "CfmailApp") -> None:
        self._app = app

    def save(self, draft: Draft) -> None:
        """Ask for the path, then write the file."""
        from cfmail_tui.attachments.naming import clean

        name = clean(draft.subject).replace(" ", "-") if draft.subject.strip() else "letter"
        screen = PathScreen("Save the mail as this file", f"{name}.mail")
        self._app.push_screen(screen, partial(self._write, draft, over=False))

    def _write(self, draft: Draft, typed: str | None, *, over: bool) -> None:
        def write() -> Iterator[Next]:
            from cfmail_tui.attachments import expanded
            from cfmail_tui.outbox import write_copy
            from cfmail_tui.prefill import draft_file

            path = next(iter(expanded(typed or "")), typed or "")
            content = draft_file(draft, path)
            if not over and os.path.isfile(path):  # noqa: PTH113 - of text
                yield partial(self._ask, draft, path)
                return
            write_copy(Path(path), [content], over=over)
            yield partial(self._say, draft, path)

        if typed:
            self._app.run_steps(write)

    def _ask(self, draft: Draft, path: str) -> None:
        def answered(answer: str | None) -> None:
            if answer == "replace":
                self._write(draft, path, over=True)

        answers = {"keep": "Keep the file that is there", "replace": "Replace it"}
        self._app.push_screen(ChoiceScreen(f"{printable(path, 300)} is there already.", answers), answered)

    def _say(self, draft: Draft, path: str) -> None:
        words = f"The mail is in {printable(path, 300)}"
        assert self._app.settings
        ours = f"{self._app.settings.data_dir}/"
        if any(one.path.startswith(ours) for one in draft.attachments):
            words += ". What was pasted as a file goes with the draft: copy it to where it can stay"
        self._app.notify(words, title="Saved", markup=False)
