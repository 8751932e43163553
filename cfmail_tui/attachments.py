"""The one reader of files the user names: attachments, bodies, raw messages.

Nothing that is no ordinary file is waited for: a FIFO, a device or /proc is refused by name, unless it was asked for as
a source. An attachment's size is told before its octets are read, and what was read is held against it.
"""

import errno
import mimetypes
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from cfmail_tui import submission
from cfmail_tui.message import (
    Attachment,
    AttachmentDraft,
    MessageError,
    Place,
    Problem,
    UnreadableFile,
    first_control,
    printable,
)

_BLOCK = 57 * 1024
"""Octets read from a file at a time; a multiple of 57, so base64 lines and quanta stay whole."""

SOURCE_LIMIT = 64 * 1024 * 1024
"""Octets of a body or raw message that are read at most: far more than can be sent, less than fills the memory."""


def inspect_all(drafts: Sequence[AttachmentDraft]) -> tuple[list[Attachment], list[Problem]]:
    """Each file as it is on disk now, and why those that cannot be sent cannot."""
    found: list[Attachment] = []
    problems: list[Problem] = []
    content_ids: set[str] = set()
    for draft in drafts:
        try:
            attachment = inspect(draft)
        except MessageError as error:
            problems.extend(error.problems)
            continue
        if attachment.disposition == "inline":
            content_id = attachment.content_id or re.sub(r"[^\w.-]", "-", attachment.filename[:200], flags=re.ASCII)
            while content_id in content_ids:
                content_id += "-2"
            content_ids.add(content_id)
            attachment = replace(attachment, content_id=content_id)
        found.append(attachment)
    return found, problems


def inspect(draft: AttachmentDraft) -> Attachment:
    """The file as it is on disk now. Raises MessageError if it cannot be attached, naming it and the reason."""
    with _opened(draft.path) as file:
        size = os.fstat(file.fileno()).st_size
        if not size and next(_blocks(file, draft.path, 1), b""):
            # /proc and its like tell no size.
            raise unreadable(draft.path, "it is not an ordinary file")
    filename = draft.filename or _clean_name(draft.path)
    return Attachment(
        path=draft.path,
        filename=filename,
        media_type=draft.media_type or _media_type(filename),
        size=size,
        disposition=draft.disposition,
        content_id=draft.content_id,
    )


def read_file(attachment: Attachment) -> Iterator[bytes]:
    """The octets of an attachment. Raises MessageError if they are not the `size` it had when it was inspected."""
    left = attachment.size
    with _opened(attachment.path) as file:
        for block in _blocks(file, attachment.path, _BLOCK):
            left -= len(block)
            if left < 0:
                break
            yield block
    if left:
        raise unreadable(attachment.path, "it changed while it was read")


def read_source(path: str, place: Place) -> bytes:
    """A body or raw message from a file, or from the pipe a shell opens for `<(command)`.

    Raises MessageError naming the file if it cannot be read.
    """
    name = os.path.expanduser(path)  # noqa: PTH111 - Path's own raises where there is no such user
    with _opened(name, place, pipes=name.startswith(("/dev/", "/proc/"))) as file:
        content = bytearray()
        for block in _blocks(file, path, 16 * _BLOCK, place):
            content += block
            if len(content) > SOURCE_LIMIT:
                raise unreadable(path, f"it is over {submission.megabytes(SOURCE_LIMIT)}", place)
        return bytes(content)


def _blocks(file: BinaryIO, path: str, size: int, place: Place = Place.ATTACHMENTS) -> Iterator[bytes]:
    try:
        while block := file.read(size):
            yield block
    except OSError as error:
        raise unreadable(path, (error.strerror or "it cannot be read").lower(), place) from error


def _opened(path: str, place: Place = Place.ATTACHMENTS, *, pipes: bool = False) -> BinaryIO:
    """An ordinary file opened for reading, without waiting on a FIFO or taking a terminal."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        if isinstance(error, OSError) and error.errno == errno.ENXIO:
            reason = "it is a socket or a device"
        raise unreadable(path, (reason or "it is not a path").lower(), place) from error
    mode = os.fstat(descriptor).st_mode
    if pipes and stat.S_ISFIFO(mode):
        os.set_blocking(descriptor, True)
    elif not stat.S_ISREG(mode):
        os.close(descriptor)
        raise unreadable(path, _KINDS.get(stat.S_IFMT(mode), "it is not an ordinary file"), place)
    return os.fdopen(descriptor, "rb")


_KINDS = {
    stat.S_IFDIR: "it is a folder",
    stat.S_IFIFO: "it is a named pipe",
    stat.S_IFCHR: "it is a device",
    stat.S_IFBLK: "it is a device",
}


def unreadable(path: str, reason: str, place: Place = Place.ATTACHMENTS) -> MessageError:
    """The error that names a file and why it cannot be had."""
    what = "attached" if place is Place.ATTACHMENTS else "read"
    return MessageError(UnreadableFile(place, f"{printable(path, 300)} cannot be {what}: {reason}"))


def _clean_name(path: str) -> str:
    """The last part of a path as a file name that can stand in a header."""
    name = Path(path).name
    return "".join("_" if first_control(char) is not None else char for char in name)


def _media_type(filename: str) -> str:
    # It takes what looks like one for a URL, and believes a data: URL.
    guessed, encoding = mimetypes.guess_type(f"./{filename}")
    if encoding:
        return {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}.get(
            encoding, "application/octet-stream"
        )
    return guessed or "application/octet-stream"
