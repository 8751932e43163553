"""The user's own editor on a text, in a private file.

Invariant: the file goes only when what the editor left in it stands in the mail, is a draft, or is what it was before.
"""

import os
import shlex
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from cfmail_tui.frozen import frozen
from cfmail_tui.message import MailError
from cfmail_tui.process import environment_for


class EditorError(MailError):
    """The editor could not be run, or did not end well; what was typed is unchanged."""


@frozen
class Edited:
    """What the editor left: `content` in the file `path`, and why that does not count, if it does not."""

    content: bytes
    path: Path
    fault: str = ""


def edit(content: bytes, command: str, folder: Path, suffix: str) -> Edited | EditorError:
    """Run the editor on this content and give what it left. Call it with the terminal handed over.

    An error is given, not raised: one that is raised through `App.suspend` leaves the terminal handed over.
    """
    try:
        argv = shlex.split(command)
    except ValueError as error:
        return EditorError(f"VISUAL or EDITOR is not a command: {str(error).lower()}")
    if not argv:
        return EditorError("no editor is set: set VISUAL or EDITOR")
    try:
        handle, name = tempfile.mkstemp(suffix=suffix, prefix=f"edit-{os.getpid()}-", dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    except OSError as error:
        return EditorError(f"the text cannot be handed over in {folder}: {error.strerror}")
    return _edited(content, argv, Path(name))


def _edited(content: bytes, argv: list[str], path: Path) -> Edited | EditorError:
    fault = ""
    try:
        command = [*argv, str(path)]
        ended = subprocess.run(command, env=environment_for(os.environ), check=False)  # noqa: S603 - the user's choice
        if ended.returncode:
            fault = f"{Path(argv[0]).name} ended with code {ended.returncode}"
    except OSError as error:
        fault = f"{argv[0]} could not be run: {error.strerror}"
    try:
        left = path.read_bytes()
    except OSError as error:
        return EditorError(f"what the editor left cannot be read: {error.strerror}; the text is unchanged")
    if fault and left == content:
        path.unlink(missing_ok=True)
        return EditorError(f"{fault}; the text is unchanged")
    return Edited(left, path, fault)


def left_behind(folder: Path) -> list[Edited]:
    """What editors left that ended after their cfmail: nobody took it back into a mail."""
    found = []
    for path in sorted(folder.glob("edit-*-*")):
        pid = path.name.split("-")[1]
        if pid.isascii() and pid.isdigit() and not runs(int(pid)):
            with suppress(OSError):
                found.append(Edited(path.read_bytes(), path))
    return found


def runs(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
