"""Files of our own that drafts attach: what was in the clipboard, and the parts of messages opened in the form.

They are private, and on the disk when they are said to be. A draft knows them by their path: they go when no draft
names them any more.
"""

import os
import re
import secrets
import time
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from typing import Final

from cfmail_tui.message import MailError

KEPT_AT_LEAST: Final = 24 * 3600.0
"""Seconds that a file stays although no draft names it: the draft may not have reached the disk yet."""


class KeepError(MailError):
    """There was no room for the file, or it may not be written."""


def keep(folder: Path, name: str, chunks: Iterable[bytes]) -> str:
    """Write a new file in this folder, called as far as that is safe like this name; gives its path.

    Raises KeepError, and then leaves nothing behind.
    """
    found = re.search(r"\.[A-Za-z0-9]{1,10}\Z", name)
    stem, ending = (name[: found.start()], found[0]) if found else (name, "")
    stem = re.sub(r"[^\w-]+", "-", stem, flags=re.ASCII).strip("-")[:40] or "file"
    path = folder / f"{stem}-{secrets.token_hex(4)}{ending}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(path, "xb", opener=_private) as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        _sync(folder)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise KeepError(f"a file cannot be kept in {folder}: {error.strerror}") from error
    return str(path)


def forget(folder: Path, drafted: AbstractSet[str], now: float | None = None) -> None:
    """Delete the files of this folder that are in none of the drafts any more, whose paths are `drafted`."""
    before = (time.time() if now is None else now) - KEPT_AT_LEAST
    for path in folder.glob("*-*"):
        with suppress(OSError):
            if _OURS.search(path.name) and str(path) not in drafted and path.stat().st_mtime < before:
                path.unlink()


_OURS: Final = re.compile(r"-[0-9a-f]{8}(?:\.\w+)?\Z", re.ASCII)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
