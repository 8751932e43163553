"""Archives: what is in them, from their directory, or from as much of them as may be unpacked.

By a few lines of our own, which stop where a limit says: `zipfile` makes an object of every entry before it tells of
one, and `tarfile` believes sizes below zero and calls itself for each extended header. Nothing of a member's content
is kept.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Protocol

from cfmail_tui.frozen import frozen
from cfmail_tui.preview import octets, text
from cfmail_tui.preview.reading import OpenFile
from cfmail_tui.preview.shown import Preview, Room

DIRECTORY = 2 * 1024 * 1024
"""Octets of a zip file's directory that are read."""

UNPACKED = 8 * 1024 * 1024
"""Octets that are unpacked at most, to pass over members on the way to the names of the next."""

DICTIONARY = 80 * 1024 * 1024
"""Octets xz may reserve: `xz -9` asks for 65 MiB, of which only what is unpacked is ever used."""

LONG_NAME = 16 * 1024
"""Octets of a name, or of extended headers, that are read."""

_BEGINNING = 64 * 1024
"""Octets of a packed file that are unpacked to see what it is."""

_BLOCK = 16 * 1024


def show(file: OpenFile, head: bytes, room: Room) -> Preview | None:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(file, head, room)
    if _is_tar(head):
        return _listed("tar archive", _tar(_Plain(file)), room)
    for signature, name in ((b"\x1f\x8b\x08", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz")):
        if head.startswith(signature):
            beginning = _Unpacked(file, name).take(_BEGINNING)
            if _is_tar(beginning):
                return _listed(f"tar archive, packed with {name}", _tar(_Unpacked(file, name)), room)
            return _packed(name, beginning, room)
    return None


@frozen
class _Entry:
    name: str
    size: int
    encrypted: bool = False


_Entries = Iterator[_Entry | None]
"""What is in an archive, in order. None at its end: where that does not come, there may be more."""


def _listed(kind: str, entries: _Entries, room: Room, known: int = 0) -> Preview:
    """`known`: how many entries the archive says it has, where it does."""
    lines: list[str] = []
    count = total = 0
    complete = encrypted = False
    for entry in entries:
        if entry is None:
            complete = True
            break
        count += 1
        total += entry.size
        encrypted = encrypted or entry.encrypted
        if len(lines) < room.rows:
            lines.append(f"{entry.size:>13,}  {entry.name}")
    least = "" if complete or known > count else "at least "
    shown = count if complete else max(known, count)
    facts = [f"{kind}, {least}{shown:,} {'entry' if shown == 1 else 'entries'}"]
    if total:
        facts.append(f"unpacked {'' if complete else 'over '}{total:,} octets")
    if encrypted:
        facts.append("encrypted: it asks for a password")
    return Preview(tuple(facts), tuple(lines))


# zip (PKWARE's APPNOTE.TXT, sections 4.3.12 to 4.3.16)


def _zip(file: OpenFile, head: bytes, room: Room) -> Preview:
    at, count = _directory(file)
    # Documents of OpenDocument and EPUB begin with an entry that is not packed and says their media type.
    kind = re.fullmatch(rb"mimetype(application/[\w.+-]{1,100})", head[30 : 38 + int.from_bytes(head[18:22], "little")])
    name = f"zip archive of type {kind[1].decode()}" if kind else "zip archive"
    if at is None:
        return Preview((name, "its directory is missing or damaged"))
    return _listed(name, _zip_entries(file.at(at, DIRECTORY), count), room, count)


def _directory(file: OpenFile) -> tuple[int | None, int]:
    """Where the directory begins, and how many entries it says it has."""
    tail_at = max(0, file.size - 65_557)
    tail = file.at(tail_at, 65_557)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < 22:
        return None, 0
    count, size, at = struct.unpack_from("<HII", tail, end + 10)
    locator = tail[max(0, end - 20) : end]
    if locator.startswith(b"PK\x06\x07"):
        big = file.at(struct.unpack_from("<Q", locator, 8)[0], 56)
        if len(big) == 56 and big.startswith(b"PK\x06\x06"):
            count, size, at = struct.unpack_from("<QQQ", big, 32)
            return at, count
    # Where something stands before the archive (a program that unpacks itself), offsets count from the archive.
    return max(at, tail_at + end - size), count


def _zip_entries(directory: bytes, count: int) -> _Entries:
    at = seen = 0
    while directory[at : at + 4] == b"PK\x01\x02" and at + 46 <= len(directory):
        (flags,) = struct.unpack_from("<H", directory, at + 8)
        size, name, extra, comment = struct.unpack_from("<IHHH", directory, at + 24)
        raw = directory[at + 46 : at + 46 + name]
        if size == 0xFFFFFFFF:
            size = _size_in(directory[at + 46 + name : at + 46 + name + extra])
        yield _Entry(raw.decode("utf-8" if flags & 0x800 else "cp437", "replace"), size, bool(flags & 1))
        at += 46 + name + extra + comment
        seen += 1
    if seen >= count:
        yield None


def _size_in(extra: bytes) -> int:
    """The unpacked size in the extra field of a big entry (section 4.5.3); what it had room for if it is missing."""
    at = 0
    while len(extra) - at >= 12:
        tag, length = struct.unpack_from("<HH", extra, at)
        if tag == 1:
            return int.from_bytes(extra[at + 4 : at + 12], "little")
        at += 4 + length
    return 0xFFFFFFFF


# tar (POSIX.1-2017, pax, "ustar Interchange Format")


class _Stream(Protocol):
    def take(self, length: int) -> bytes:
        """The next octets, fewer at the end or at a limit."""

    def skip(self, length: int) -> None:
        """Pass over octets."""


class _Plain:
    """A file from its beginning; what is passed over is not read."""

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self._at = 0

    def take(self, length: int) -> bytes:
        found = self._file.at(self._at, length)
        self._at += len(found)
        return found

    def skip(self, length: int) -> None:
        self._at += length


class _Unpacked:
    """What the first packed stream of a file holds, until `UNPACKED` octets have come or the allowance is spent."""

    def __init__(self, file: OpenFile, name: str) -> None:
        self._blocks = _unpacked(file, name)
        self._found = b""

    def take(self, length: int) -> bytes:
        while len(self._found) < length and (block := next(self._blocks, b"")):
            self._found += block
        taken, self._found = self._found[:length], self._found[length:]
        return taken

    def skip(self, length: int) -> None:
        while length > 0 and (passed := len(self.take(min(length, _BLOCK)))):
            length -= passed


def _unpacked(file: OpenFile, name: str) -> Iterator[bytes]:
    """What is unpacked, a block at a time; what is damaged, or what this Python was built without, ends there."""
    at = total = 0
    packed = b""
    try:
        unpack, failures = _decompressor(name)
    except ImportError:
        return
    while total < UNPACKED and not unpack.eof:
        if unpack.needs_input:
            packed = file.at(at, _BLOCK)
            at += len(packed)
            if not packed:
                return
        try:
            block = unpack.decompress(packed, _BLOCK)
        except failures:
            return
        packed = b""
        total += len(block)
        if block:
            yield block


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """The next octets, at most so many."""


def _decompressor(name: str) -> tuple[_Decompressor, tuple[type[Exception], ...]]:
    """It, and what it raises for what is damaged."""
    if name == "gzip":
        return _Gzip(), (zlib.error,)
    if name == "bzip2":
        import bz2

        return bz2.BZ2Decompressor(), (OSError, ValueError)
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=DICTIONARY), (lzma.LZMAError, MemoryError)


class _Gzip:
    """zlib's decompressor, with the face of the other two."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        found = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self.needs_input = len(found) < max_length
        return found


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar" and _checksum_is_right(head[:512])


def _checksum_is_right(header: bytes) -> bool:
    return _number(header[148:156]) == sum(header) - sum(header[148:156]) + 8 * 0x20


def _tar(stream: _Stream) -> _Entries:
    long_name, long_size = "", None
    while len(header := stream.take(512)) == 512:
        if not header.strip(b"\0"):
            yield None
            return
        size = _number(header[124:136])
        if size is None or not _checksum_is_right(header):
            return
        kind = header[156:157]
        if kind in b"Lx":
            extended = stream.take(min(size, LONG_NAME))
            stream.skip(_padded(size) - len(extended))
            if kind == b"L":
                long_name = extended.rstrip(b"\0").decode("utf-8", "surrogateescape")
            else:
                long_name, long_size = _pax(extended, long_name, long_size)
            continue
        size = size if long_size is None else long_size
        if kind not in b"gK":
            yield _Entry(long_name or _tar_name(header), size if kind in b"07\0" else 0)
            long_name, long_size = "", None
        stream.skip(0 if kind in b"123456" else _padded(size))


def _padded(size: int) -> int:
    return (size + 511) // 512 * 512


def _tar_name(header: bytes) -> str:
    name, prefix = (field.partition(b"\0")[0] for field in (header[:100], header[345:500]))
    joined = prefix + b"/" + name if prefix and header[257:263] == b"ustar\0" else name
    return joined.decode("utf-8", "surrogateescape")


def _pax(records: bytes, name: str, size: int | None) -> tuple[str, int | None]:
    """What extended headers say of the next entry; records are `length key=value`, each with a line end."""
    if path := re.search(rb"(?:^|\n)\d{1,9} path=([^\n]*)\n", records):
        name = path[1].decode("utf-8", "surrogateescape")
    if found := re.search(rb"(?:^|\n)\d{1,9} size=(\d{1,18})\n", records):
        size = int(found[1])
    return name, size


def _number(field: bytes) -> int | None:
    """Octal digits, or base 256 for what they cannot hold; None for what is below zero or no number."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    return int(digits or b"0", 8) if re.fullmatch(rb"[0-7]*", digits) else None


def _packed(name: str, beginning: bytes, room: Room) -> Preview:
    kind = f"packed with {name}"
    if not beginning:
        return Preview((kind, "nothing could be unpacked"))
    if found := text.decoded(beginning, whole=False):
        charset, content = found
        return Preview((f"text, {charset}, {kind}",), tuple(text.split(content)[: room.rows]))
    return Preview((f"data, {kind}",), octets.rows(beginning, room))
