"""The user's own editor on a text, in a private file."""

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cfmail_tui.message import MailError

_SECRETS = ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY", "CLOUDFLARE_EMAIL", "CLOUDFLARE_ACCOUNT_ID")


class EditorError(MailError):
    """The editor could not be run, or did not end well; what was typed is unchanged."""


def edit(content: bytes, command: str, folder: Path, suffix: str) -> bytes | EditorError:
    """Run the editor on this content and give what it left. Call it with the terminal handed over.

    An error is given, not raised: one that is raised through `App.suspend` leaves the terminal handed over.
    """
    try:
        return _edited(content, command, folder, suffix)
    except EditorError as error:
        return error


def _edited(content: bytes, command: str, folder: Path, suffix: str) -> bytes:
    try:
        argv = shlex.split(command)
    except ValueError as error:
        raise EditorError(f"VISUAL or EDITOR is not a command: {str(error).lower()}") from error
    if not argv:
        raise EditorError("no editor is set: set VISUAL or EDITOR")
    try:
        handle, name = tempfile.mkstemp(suffix=suffix, prefix="edit-", dir=folder)
    except OSError as error:
        raise EditorError(f"the text cannot be handed over in {folder}: {error.strerror}") from error
    path = Path(name)
    environment = {key: value for key, value in os.environ.items() if key not in _SECRETS}
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        with _keys_are_the_editors():
            ended = subprocess.run([*argv, name], env=environment, check=False)  # noqa: S603 - the user's own choice
        if ended.returncode:
            raise EditorError(f"{Path(argv[0]).name} ended with code {ended.returncode}; the text is unchanged")
        return path.read_bytes()
    except OSError as error:
        raise EditorError(f"{argv[0]} could not be run: {error.strerror}") from error
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _keys_are_the_editors() -> Iterator[None]:
    """Keys that are signals (Ctrl+C) reach every process on the terminal; here they are meant for the editor alone."""
    keys = (signal.SIGINT, signal.SIGQUIT)
    # A handler of ours, not SIG_IGN: that the editor would inherit.
    before = [signal.signal(key, lambda *_: None) for key in keys]
    try:
        yield
    finally:
        for key, handler in zip(keys, before, strict=True):
            signal.signal(key, handler)
