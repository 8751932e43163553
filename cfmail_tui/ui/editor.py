"""The user's own editor on a text, in a private file."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from cfmail_tui.message import MailError

_SECRETS = ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY", "CLOUDFLARE_EMAIL", "CLOUDFLARE_ACCOUNT_ID")


class EditorError(MailError):
    """The editor could not be run, or did not end well; what was typed is unchanged."""


def edit(content: bytes, command: str, folder: Path, suffix: str) -> bytes:
    """Run the editor on this content and give what it left. Call it with the terminal handed over."""
    argv = shlex.split(command) if command else []
    if not argv:
        raise EditorError("no editor is set: set VISUAL or EDITOR")
    handle, name = tempfile.mkstemp(suffix=suffix, prefix="edit-", dir=folder)
    path = Path(name)
    environment = {key: value for key, value in os.environ.items() if key not in _SECRETS}
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        ended = subprocess.run([*argv, name], env=environment, check=False)  # noqa: S603 - the user's own choice
        if ended.returncode:
            raise EditorError(f"{argv[0]} ended with code {ended.returncode}; the text is unchanged")
        return path.read_bytes()
    except OSError as error:
        raise EditorError(f"{argv[0]} could not be run: {error.strerror}") from error
    finally:
        path.unlink(missing_ok=True)
