"""What a path is, from its entry in the file system alone: nothing is opened."""

import os
import stat
from typing import Final, Literal

from cfmail_tui.frozen import frozen

Kind = Literal["file", "folder", "named pipe", "socket", "device", "broken link", "gone"]


@frozen
class Facts:
    """Size in octets, time of the last change in seconds since 1970; of a link those of what it leads to."""

    kind: Kind
    size: int = 0
    modified: float = 0.0
    is_link: bool = False


def look(path: str) -> Facts:
    """The facts of a path; it is "gone" if there is nothing, or nothing that may be looked at."""
    try:
        own = os.lstat(path)
    except (OSError, ValueError):
        return Facts("gone")
    is_link = stat.S_ISLNK(own.st_mode)
    try:
        found = os.stat(path) if is_link else own  # noqa: PTH116 - the path may be anything
    except OSError:
        return Facts("broken link", 0, own.st_mtime, is_link=True)
    return Facts(_KINDS.get(stat.S_IFMT(found.st_mode), "file"), found.st_size, found.st_mtime, is_link)


_KINDS: Final[dict[int, Kind]] = {
    stat.S_IFDIR: "folder",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}
