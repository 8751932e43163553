"""PDF: version, pages and title, as far as its beginning and its end tell them for certain (ISO 32000).

What a page count hangs on usually stands at one of the two ends, plain or in an object stream; the middle of a big
file is not read, and "pages unknown" is then the answer. Not a library's work: pypdf takes 0.3 s to import, reads the
whole of a file, and a file can keep it busy for long.
"""

import re
import zlib
from collections.abc import Iterator

from cfmail_tui.preview.reading import OpenFile
from cfmail_tui.preview.shown import Preview, Room

TAIL = 256 * 1024
"""Octets of the end that are looked at."""

OBJECT_STREAMS = 32
"""Object streams that are unpacked at most."""

UNPACKED = 128 * 1024
"""Octets that an object stream may have when it is unpacked."""


def show(file: OpenFile, head: bytes, room: Room) -> Preview | None:  # noqa: ARG001 - a kind's face
    version = re.match(rb"(?:\xef\xbb\xbf)?\s{0,999}%PDF-(\d\.\d)", head)
    if not version:
        return None
    tail_at = max(len(head), file.size - TAIL)
    tail = file.at(tail_at, TAIL)
    ends = [head + tail] if tail_at == len(head) else [head, tail]
    encrypted = any(re.search(rb"/Encrypt\s{0,9}(?:<<|\d{1,9}\s{1,9}\d{1,5}\s{1,9}R\b)", end) for end in ends)
    objects = _objects(ends)
    pages = _pages(file.size, ends, objects)
    count = "pages unknown" if pages is None else f"{pages:,} page{'' if pages == 1 else 's'}"
    facts = [f"PDF {version[1].decode()}, {count}"]
    if encrypted:
        facts.append("encrypted: it may ask for a password")
    elif title := _title(ends, objects):
        facts.append(f"title: {title}")
    return Preview(tuple(facts))


_Objects = dict[int, bytes]


def _pages(size: int, ends: list[bytes], objects: _Objects) -> int | None:
    linear = re.search(rb"/Linearized\b([^>]{1,300})", ends[0][:2048])
    if linear and _number(rb"/L", linear[1]) == size:
        return _number(rb"/N", linear[1])
    catalog = _referred(rb"/Root", ends, objects)
    return _number(rb"/Count", _referred(rb"/Pages", [catalog], objects))


def _title(ends: list[bytes], objects: _Objects) -> str:
    info = _referred(rb"/Info", ends, objects)[:8192]
    if literal := re.search(rb"/Title\s{0,9}\(((?:\\.|[^\\()]|\([^()]*\)){0,2000})\)", info, re.DOTALL):
        octets = re.sub(rb"\\([0-7]{1,3}|\r?\n|.)", _unescaped, literal[1], flags=re.DOTALL)
    elif hexed := re.search(rb"/Title\s{0,9}<([0-9A-Fa-f\s]{0,4000})>", info):
        digits = b"".join(hexed[1].split()).decode()
        octets = bytes.fromhex(digits + "0" * (len(digits) % 2))
    else:
        return ""
    if octets.startswith(b"\xfe\xff"):
        return octets[2:].decode("utf-16-be", "replace").strip()
    if octets.startswith(b"\xef\xbb\xbf"):
        return octets[3:].decode("utf-8", "replace").strip()
    return octets.decode("iso-8859-1").strip()  # as PDFDocEncoding is, but for a few marks


def _unescaped(match: re.Match[bytes]) -> bytes:
    escaped = match[1]
    if escaped.isdigit() and escaped < b"8":
        return bytes([int(escaped, 8) & 0xFF])
    return {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}.get(escaped, escaped.strip(b"\r\n"))


def _referred(key: bytes, texts: list[bytes], objects: _Objects) -> bytes:
    """The object that the last such key refers to; b"" where it was not seen."""
    for text in reversed(texts):
        if references := re.findall(key + rb"\s{1,9}(\d{1,9})\s{1,9}\d{1,5}\s{1,9}R\b", text):
            return objects.get(int(references[-1]), b"")
    return b""


def _number(key: bytes, text: bytes) -> int | None:
    found = re.search(key + rb"\s{1,9}(\d{1,12})\b(?!\s{1,9}\d{1,5}\s{1,9}R\b)", text)
    return int(found[1]) if found else None


def _objects(ends: list[bytes]) -> _Objects:
    """The objects in sight by their number; a later one replaces an earlier one.

    Where a file was updated and its middle was not read, a newer one may stand there: what the head has is not used.
    """
    updated = len(ends) > 1 and re.search(rb"/Prev\b", ends[-1])
    objects: _Objects = {}
    streams = 0
    for end in ends[-1:] if updated else ends:
        for piece in end.split(b"endobj")[:-1]:
            beginning = re.search(rb"(\d{1,9})\s{1,9}\d{1,5}\s{1,9}obj\b", piece)
            if not beginning:
                continue
            found = piece[beginning.end() :]
            if re.search(rb"/ObjStm\b", found[:1000]) and streams < OBJECT_STREAMS:
                streams += 1
                objects.update(_packed(found))
            else:
                objects[int(beginning[1])] = found
    return objects


def _packed(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """The objects of an object stream (section 7.5.7): it begins with pairs of number and offset."""
    dictionary, _, packed = stream.partition(b"stream")
    try:
        unpacked = zlib.decompressobj().decompress(packed.lstrip(b"\r\n"), UNPACKED)
    except zlib.error:  # encrypted, or packed in another way
        return
    first = _number(rb"/First", dictionary) or 0
    table = [int(number) for number in re.findall(rb"\b\d{1,9}\b", unpacked[:first])]
    starts = table[1::2]
    if starts != sorted(starts):  # they would overlap, and be more than was unpacked
        return
    for number, start, end in zip(table[::2], starts, [*starts[1:], len(unpacked)], strict=False):
        yield number, unpacked[first + start : first + end]
