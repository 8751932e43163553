"""Files opened without waiting, and read once, a block at a time."""

import errno
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO, Final

from cfmail_tui.message import Attachment, FileIdentity, MessageError, Place, UnreadableFile, printable
from cfmail_tui.submission import megabytes

_BLOCK: Final = 57 * 1024
"""Octets read from a file at a time; a multiple of 57, so base64 lines and quanta stay whole."""

SOURCE_LIMIT = 64 * 1024 * 1024
"""Octets of a body or raw message that are read at most: far more than can be sent, less than fills the memory."""


def read_file(attachment: Attachment) -> Iterator[bytes]:
    """The octets of an attachment. Raises MessageError if it is not the file that was inspected, all of it."""
    left = attachment.size
    with opened(attachment.path) as file:
        if attachment.seen not in {None, identity(file)}:
            raise unreadable(attachment.path, "it changed since it was looked at")
        for block in blocks(file, attachment.path, _BLOCK):
            left -= len(block)
            if left < 0:
                break
            yield block
        if left or attachment.seen not in {None, identity(file)}:
            raise unreadable(attachment.path, "it changed while it was read")


def read_source(path: str, place: Place) -> bytes:
    """A body or raw message from a file, or from the pipe a shell opens for `<(command)`.

    Raises MessageError naming the file if it cannot be read.
    """
    name = os.path.expanduser(path)  # noqa: PTH111 - Path's own raises where there is no such user
    with opened(name, place, pipes=name.startswith(("/dev/", "/proc/"))) as file:
        content = bytearray()
        for block in blocks(file, path, 16 * _BLOCK, place):
            content += block
            if len(content) > SOURCE_LIMIT:
                raise unreadable(path, f"it is over {megabytes(SOURCE_LIMIT)}", place)
        return bytes(content)


def blocks(file: BinaryIO, path: str, size: int, place: Place = Place.ATTACHMENTS) -> Iterator[bytes]:
    """What is left to read of the file, `size` octets at a time."""
    try:
        while block := file.read(size):
            yield block
    except OSError as error:
        raise unreadable(path, (error.strerror or "it cannot be read").lower(), place) from error


def identity(file: BinaryIO) -> FileIdentity:
    """The open file as it is now, whatever stands at its path."""
    found = os.fstat(file.fileno())
    return FileIdentity(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def opened(path: str, place: Place = Place.ATTACHMENTS, *, pipes: bool = False) -> BinaryIO:
    """An ordinary file opened for reading, without waiting on a FIFO or taking a terminal."""
    try:
        # Before it is opened, which is already more than some devices can bear.
        _refuse_if_special(path, os.stat(path).st_mode, place, pipes=pipes)  # noqa: PTH116 - NUL is a ValueError here
        if place is Place.ATTACHMENTS and os.path.realpath(path).startswith(("/proc/", "/sys/")):
            raise unreadable(path, _NO_FILE, place)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        if isinstance(error, OSError) and error.errno == errno.ENXIO:
            reason = "it is a socket or a device"
        raise unreadable(path, (reason or "it is not a path").lower(), place) from error
    file = os.fdopen(descriptor, "rb")
    try:
        _refuse_if_special(path, os.fstat(descriptor).st_mode, place, pipes=pipes)
    except MessageError:
        file.close()
        raise
    os.set_blocking(descriptor, True)
    return file


def _refuse_if_special(path: str, mode: int, place: Place, *, pipes: bool) -> None:
    if not stat.S_ISREG(mode) and not (pipes and stat.S_ISFIFO(mode)):
        raise unreadable(path, _KINDS.get(stat.S_IFMT(mode), _NO_FILE), place)


_NO_FILE: Final = "it is not an ordinary file"
_KINDS: Final = {
    stat.S_IFDIR: "it is a folder",
    stat.S_IFIFO: "it is a named pipe",
    stat.S_IFSOCK: "it is a socket",
    stat.S_IFCHR: "it is a device",
    stat.S_IFBLK: "it is a device",
}


def unreadable(path: str, reason: str, place: Place = Place.ATTACHMENTS) -> MessageError:
    """The error that names a file and why it cannot be had."""
    what = "attached" if place is Place.ATTACHMENTS else "read"
    return MessageError(UnreadableFile(place, f"{printable(path, 300)} cannot be {what}: {reason}"))
