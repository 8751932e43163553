"""Ordinary files, opened without waiting, and read at the places that matter within an allowance."""

import os
import stat
from types import TracebackType
from typing import Self

ALLOWANCE = 4 * 1024 * 1024
"""Octets of one file that are read for one preview at most."""

FOLDER_LIMIT = 10_000
"""Entries of a folder that are counted at most."""


class OpenFile:
    """An ordinary file, which `what_it_is` has looked at. Raises OSError where it cannot be opened or read."""

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        found = os.fstat(self.descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(self.descriptor)
            raise OSError(0, "it is no ordinary file any more")
        self.size = found.st_size
        self._left = ALLOWANCE

    def at(self, offset: int, length: int) -> bytes:
        """The octets there. They are fewer where the file or the allowance ends."""
        length = min(length, self._left)
        if length <= 0 or not 0 <= offset < 2**63:
            return b""
        found = os.pread(self.descriptor, length, offset)
        self._left -= len(found)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self.descriptor)


def what_it_is(path: str) -> str:
    """Why there is no content to be shown; "" for an ordinary file. Raises OSError."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - Path adds nothing to a name that may be any octets
    except ValueError:  # a NUL, or what no name of a file can be encoded from
        return "not a path"
    if stat.S_ISDIR(mode):
        return _folder(path)
    return "" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "not an ordinary file")


_KINDS = {
    stat.S_IFIFO: "a named pipe: it has no content of its own",
    stat.S_IFSOCK: "a socket: it has no content of its own",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _folder(path: str) -> str:
    with os.scandir(path) as entries:
        count = sum(1 for _ in zip(range(FOLDER_LIMIT + 1), entries, strict=False))
    match count:
        case 0:
            return "empty folder"
        case 1:
            return "folder with 1 entry"
        case _ if count > FOLDER_LIMIT:
            return f"folder with more than {FOLDER_LIMIT:,} entries"
    return f"folder with {count:,} entries"
