"""Messages out of files and folders that hold many: mbox (RFC 4155) and Maildir.

An mbox is read once, a block at a time, however big it is; of a listed message only its place is kept. What an mbox
writer did to a message is undone when the message is taken out, and said: the line before it, the empty line after it,
and a “>” before lines that begin with “From ”. Of the last nobody can know whether the message had it already.
"""

import io
import os
import re
from collections.abc import Iterator
from typing import BinaryIO, Final, Literal

from cfmail_tui import mime
from cfmail_tui.attachments import reading
from cfmail_tui.attachments.reading import SOURCE_LIMIT, unreadable
from cfmail_tui.frozen import frozen
from cfmail_tui.message import FileIdentity, MessageError, Place
from cfmail_tui.submission import megabytes

_BLOCK: Final = 1024 * 1024
_HEAD: Final = 16 * 1024
"""Octets of a message in which From, Subject and Date are looked for."""

_LONGEST_POSTMARK: Final = 1000

Kind = Literal["message", "mbox", "maildir"]


@frozen
class Listed:
    """A message in a file: where its octets are, and what its header says, which is not safe to show."""

    number: int
    """From 1, in the order of the mbox or by the names in the Maildir."""
    path: str
    offset: int
    size: int
    """Octets as they stand there, less the empty line that ends a message of an mbox."""
    sender: str
    subject: str
    date: str
    is_stuffed: bool
    """Whether it is out of an mbox, which puts “>” before some lines."""
    is_ended: bool
    """Whether an empty line of the mbox follows it."""
    seen: FileIdentity | None
    """The file as it was listed."""


@frozen
class Extracted:
    """A message taken out, and in words what was undone for that."""

    source: bytes
    notes: tuple[str, ...] = ()


def is_maildir(path: str) -> bool:
    """Whether there is a Maildir at this path."""
    return all(os.path.isdir(os.path.join(path, name)) for name in ("cur", "new"))  # noqa: PTH112, PTH118


def kind_of(path: str) -> Kind:
    """What holds messages at this path. Raises MessageError if it cannot be read."""
    if is_maildir(path):
        return "maildir"
    with reading.opened(path, Place.SOURCE) as file:
        return kind_of_octets(next(reading.blocks(file, path, len(_FROM), Place.SOURCE), b""))


def kind_of_octets(head: bytes) -> Kind:
    """The same for octets: what begins with a postmark is an mbox."""
    return "mbox" if head.startswith(_FROM) else "message"


def listed(path: str) -> Iterator[Listed]:
    """The messages at this path, one after the other as they are found. Raises MessageError if it cannot be read."""
    if kind_of(path) == "maildir":
        yield from _in_maildir(path)
        return
    with reading.opened(path, Place.SOURCE) as file:
        yield from listed_in(file, path, reading.identity(file))


def listed_in(file: BinaryIO, path: str, seen: FileIdentity | None = None) -> Iterator[Listed]:
    """The messages in an open file, which is one message or an mbox."""
    try:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if kind_of_octets(file.read(len(_FROM))) == "message":
            yield _described(file, path, seen, number=1, start=0, end=size, is_stuffed=False)
            return
        start, number = -1, 0
        for postmark, body in _postmarks(file):
            if start >= 0:
                number += 1
                yield _described(file, path, seen, number=number, start=start, end=postmark, is_stuffed=True)
            start = body
        yield _described(file, path, seen, number=number + 1, start=start, end=size, is_stuffed=True)
    except OSError as error:
        raise unreadable(path, (error.strerror or "it cannot be read").lower(), Place.SOURCE) from error


def extracted(found: Listed) -> Extracted:
    """The octets of a listed message.

    Raises MessageError if its file is another by now, or it is bigger than any mail.
    """
    with reading.opened(found.path, Place.SOURCE) as file:
        if found.seen not in {None, reading.identity(file)}:
            raise unreadable(found.path, "it changed since its messages were listed", Place.SOURCE)
        return extracted_from(file, found)


def extracted_from(file: BinaryIO, found: Listed) -> Extracted:
    """The same from a file that is open."""
    if found.size > SOURCE_LIMIT:
        raise unreadable(found.path, f"the message is over {megabytes(SOURCE_LIMIT)}", Place.SOURCE)
    file.seek(found.offset)
    source = file.read(found.size)
    if not found.is_stuffed:
        return Extracted(source)
    source, lines = re.subn(rb"^>(>*From )", rb"\1", source, flags=re.MULTILINE)
    around = "the line before it and the empty line after it" if found.is_ended else "the line before it"
    notes = [f"message {found.number} of an mbox, without {around}"]
    if lines:
        begin = "line begins" if lines == 1 else "lines begin"
        notes.append(f"{lines} {begin} with “>From ” in the mbox: one “>” is taken away from each")
    return Extracted(source, tuple(notes))


_FROM: Final = b"From "
_POSTMARK: Final = re.compile(rb"From [^\n]*\d:\d\d[^\n]*\d{4}[^\n]*")
"""What begins a message within an mbox: who delivered it, and when. Text that begins with “From ” has no such time."""


def _postmarks(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Where each postmark begins, and where the line after it does. The file is read on from its beginning."""
    buffer, base = b"\n\n", -2
    while True:
        file.seek(base + len(buffer))
        block = file.read(_BLOCK)
        buffer += block
        at = 0
        while (found := buffer.find(b"\n" + _FROM, at)) >= 0:
            end = buffer.find(b"\n", found + 1)
            if end < 0 and block and len(buffer) - found < _LONGEST_POSTMARK:
                break
            end = len(buffer) if end < 0 else end
            after_empty_line = buffer[max(0, found - 2) : found].endswith((b"\n", b"\n\r"))
            is_first = base + found + 1 == 0
            if is_first or (after_empty_line and _POSTMARK.match(buffer, found + 1, end)):
                yield base + found + 1, min(base + end + 1, base + len(buffer))
            at = found + 1
        if not block:
            return
        # What may be the beginning of a postmark stays, and the empty line before it.
        keep = max(0, (len(buffer) - len(_FROM) if found < 0 else found) - 2)
        base, buffer = base + keep, buffer[keep:]


def _described(
    file: BinaryIO, path: str, seen: FileIdentity | None, *, number: int, start: int, end: int, is_stuffed: bool
) -> Listed:
    size = max(0, end - start)
    blank = 0
    if is_stuffed and size:
        at = max(start - 1, end - 3)
        file.seek(at)
        tail = file.read(end - at)
        blank = 2 if tail.endswith(b"\n\r\n") else 1 if tail.endswith(b"\n\n") else 0
        size -= blank
    file.seek(start)
    head = file.read(min(_HEAD, size))
    fields = {field.name.lower(): field.body for field in reversed(mime.header_fields(head))}
    sender, subject, date = (mime.decoded_words(fields.get(name, "")[:1000]) for name in ("from", "subject", "date"))
    return Listed(number, path, start, size, sender, subject, date, is_stuffed, blank > 0, seen)


def _in_maildir(path: str) -> Iterator[Listed]:
    """Its messages in the order of delivery, with which their names begin; one that goes meanwhile is left out."""
    try:
        names = [
            (_delivered(entry.name), entry.path)
            for folder in ("new", "cur")
            for entry in os.scandir(os.path.join(path, folder))  # noqa: PTH118
            if not entry.name.startswith(".") and entry.is_file()
        ]
    except OSError as error:
        raise unreadable(path, (error.strerror or "it cannot be read").lower(), Place.SOURCE) from error
    number = 0
    for _, name in sorted(names):
        try:
            file = reading.opened(name, Place.SOURCE)
        except MessageError:
            continue
        number += 1
        with file:
            seen = reading.identity(file)
            yield _described(file, name, seen, number=number, start=0, end=seen.size, is_stuffed=False)


def _delivered(name: str) -> tuple[int, str]:
    digits = re.match(r"\d{1,15}", name, re.ASCII)
    return int(digits[0]) if digits else 0, name
