"""A folded body from a file, or to one: what the editor of a raw message asks of the file system."""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from cfmail_tui.message import MailError, Place, printable
from cfmail_tui.ui.dialogs import PathScreen
from cfmail_tui.ui.work import Next

if TYPE_CHECKING:
    from cfmail_tui.ui.app import CfmailApp
    from cfmail_tui.ui.source import SourceArea


class NotSavedError(MailError):
    """A body could not be saved as a file."""


class BodyFiles:
    """Answers for the app what a source asks."""

    def __init__(self, app: "CfmailApp") -> None:
        self._app = app

    def answer(self, asked: "SourceArea.FileRequested") -> None:
        """Ask for the path, then read or write the file."""
        if asked.way == "in":
            self._app.push_screen(PathScreen("Replace the body with this file"), partial(self._read, asked))
            return
        from cfmail_tui.attachments.naming import clean

        name = clean(asked.fold.filename) if asked.fold.filename else ""
        self._app.push_screen(PathScreen("Save the body as this file", name), partial(self._write, asked))

    def _read(self, asked: "SourceArea.FileRequested", path: str | None) -> None:
        def read() -> Iterator[Next]:
            from cfmail_tui.attachments import read_source
            from cfmail_tui.mime.folding import refilled

            content = read_source(_one_path(path or ""), Place.SOURCE)
            yield partial(asked.area.refill, asked.line, refilled(asked.fold, content, asked.newline))

        if path:
            self._app.run_steps(read)

    def _write(self, asked: "SourceArea.FileRequested", path: str | None) -> None:
        def write() -> Iterator[Next]:
            from cfmail_tui.mime.transfer import decoded

            place = _one_path(path or "")
            written = _written(place, decoded(asked.fold.octets, asked.fold.encoding))
            words = f"{written:,} octets are in {printable(place, 300)}"
            yield partial(self._app.notify, words, title="Saved", markup=False)

        if path:
            self._app.run_steps(write)


def _one_path(typed: str) -> str:
    from cfmail_tui.attachments import expanded

    paths = expanded(typed)
    return paths[0] if len(paths) == 1 else typed


def _written(path: str, content: Iterator[bytes]) -> int:
    """How many octets were written into a new file. Raises NotSavedError; then there is no such file, or another's."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except (OSError, ValueError) as error:
        raise _not_saved(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            return sum(map(file.write, content))
    except OSError as error:
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108 - a path as it was typed
        raise _not_saved(path, error) from error


def _not_saved(path: str, error: OSError | ValueError) -> NotSavedError:
    reason = (error.strerror if isinstance(error, OSError) else None) or "it is not a path"
    return NotSavedError(f"{printable(path, 300)} cannot be written: {reason.lower()}")
