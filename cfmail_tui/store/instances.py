"""Which cfmails run: each holds a lock on a file of its own for as long as it lives.

The system gives the lock back however the process ends, so neither `kill -9` nor a reused pid can deceive. Where the
disk knows no locks, the file says pid, boot and start of the process. What cannot be decided counts as living: the work
of a running cfmail is never taken from it.
"""

import fcntl
import json
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from cfmail_tui.store import files

_ID: Final = re.compile(r"[0-9a-f]{16}")


class Instance:
    """The cfmail that runs here: `id` is what it signs its work with, until `close`. Raises OSError when made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.id, self._descriptor = _registered(folder)

    def close(self) -> None:
        if self._descriptor >= 0:
            with suppress(OSError):
                (self._folder / self.id).unlink()
            os.close(self._descriptor)
            self._descriptor = -1

    def lives(self, owner: str) -> bool:
        """Whether the instance called so runs, in this process or in another."""
        return self._descriptor >= 0 if owner == self.id else _lives(self._folder, owner)

    def sweep(self) -> None:
        """Remove the files of the dead."""
        for path in [*self._folder.iterdir()]:
            if _ID.fullmatch(path.name) and path.name != self.id:
                _has_ended(path, remove=True)


def anyone_lives(folder: Path) -> bool:
    return any(_lives(folder, path.name) for path in folder.iterdir())


def _lives(folder: Path, owner: str) -> bool:
    return bool(_ID.fullmatch(owner)) and not _has_ended(folder / owner)


def _has_ended(path: Path, *, remove: bool = False) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    try:
        ended = _is_unheld(descriptor)
        if ended and remove:
            # Still under the lock: an instance just being made sees that it has lost its file.
            path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)
    return ended


def _registered(folder: Path) -> tuple[str, int]:
    while True:
        name = secrets.token_hex(8)
        descriptor = files.create(folder / name)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Another instance looks whether this one lives, and may be about to sweep it.
            os.close(descriptor)
            continue
        except OSError:
            os.write(descriptor, json.dumps(_identity(os.getpid())).encode())
            os.fsync(descriptor)
            files.sync_folder(folder)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), (folder / name).stat()):
                return name, descriptor
        os.close(descriptor)


def _is_unheld(descriptor: int) -> bool:
    try:
        # Shared, so that two who look at once do not take each other for the owner.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        locks = True
    except BlockingIOError:
        return False
    except OSError:
        locks = False
    try:
        said: dict[str, Any] = json.loads(os.pread(descriptor, 1000, 0))
        return said != _identity(int(said["pid"]))
    except (ValueError, TypeError, LookupError):
        # Nothing written: its owner relied on the lock.
        return locks


def _identity(pid: int) -> dict[str, Any]:
    """What tells this process from every other that has had or will have the pid."""
    identity = {"pid": pid, "boot": "", "started": ""}
    with suppress(OSError, IndexError):
        identity["boot"] = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        # proc_pid_stat(5): the name in brackets may hold anything; then the state, and as 22nd field the start.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        identity["started"] = "" if fields[0] in {b"Z", b"X"} else fields[19].decode()
    if not identity["boot"]:
        identity["started"] = _answers(pid)
    return identity


def _answers(pid: int) -> str:
    """The most that can be known without /proc: whether somebody has this pid."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return "running"
    except (OSError, OverflowError):
        return "ended"
    return "running"
