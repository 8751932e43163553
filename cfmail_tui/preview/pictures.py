"""Pictures: kind and size from the header by a few lines of our own, pixels by Pillow where it is installed.

A decoder is the biggest piece of foreign code a file can get hold of, so it runs in a process of its own
(`decoder.py`), without our environment, within the limits below, and only for the kinds recognised here.
"""

import importlib.util
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cfmail_tui.preview import decoder
from cfmail_tui.preview.reading import OpenFile
from cfmail_tui.preview.shown import Picture, Preview, Room

OCTETS = 32 * 1024 * 1024
"""A bigger file is not decoded; it could not be sent either."""

PIXELS = 50_000_000
"""A picture of more pixels is not decoded."""

MEMORY = 512 * 1024 * 1024
"""Octets of address space the decoder may have: a picture of 50 million pixels takes 200 MB."""

SECONDS = 5
"""Processor time the decoder may take; by the clock it may be twice as much."""

SEGMENTS = 500
"""Segments of a JPEG that are passed over to find its size."""

HINT = "to see pictures: pip install 'cfmail-tui[images]'"

_NAMES = {"WEBP": "WebP"}

_NEEDED = ("PYTHONPATH", "LD_LIBRARY_PATH")
"""All that the decoder may know of the environment, which may hold a token."""


def show(file: OpenFile, head: bytes, room: Room) -> Preview | None:
    if not (found := size(file, head)):
        return None
    kind, width, height = found
    fact = f"{_NAMES.get(kind, kind)} picture, {width:,} × {height:,} pixels"
    if not width or not height:
        return Preview((fact,))
    if width * height > PIXELS or file.size > OCTETS:
        return Preview((fact, "too big to be shown"))
    if importlib.util.find_spec("PIL") is None:
        return Preview((fact, HINT))
    below = room.below(1)
    if not below.rows:
        return Preview((fact,))
    picture = decoded(file, kind, below)
    return Preview((fact,), (), picture) if picture else Preview((fact, "it cannot be decoded"))


def size(file: OpenFile, head: bytes) -> tuple[str, int, int] | None:
    """Kind as Pillow calls it, width and height in pixels, by the header; None for what is no picture."""
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
            return ("PNG", *struct.unpack_from(">II", head, 16))
        if head.startswith((b"GIF87a", b"GIF89a")):
            return ("GIF", *struct.unpack_from("<HH", head, 6))
        if head.startswith(b"BM") and head[14:18] in _BMP_HEADERS:
            width, height = struct.unpack_from("<ii", head, 18)
            return "BMP", abs(width), abs(height)  # a height below 0: from top to bottom
        if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            return _webp(head)
        if head.startswith(b"\xff\xd8\xff"):
            return next(_jpeg(file), None)
    except struct.error:  # it ends too early
        pass
    return None


_BMP_HEADERS = {struct.pack("<I", octets) for octets in (40, 52, 56, 108, 124)}


def _webp(head: bytes) -> tuple[str, int, int] | None:
    match head[12:16]:
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", head, 26)
            return "WEBP", width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", head, 21)
            return "WEBP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            low, high = struct.unpack_from("<IH", head, 24)
            return "WEBP", (low & 0xFFFFFF) + 1, (low >> 24 | high << 8) + 1
    return None


def _jpeg(file: OpenFile) -> Iterator[tuple[str, int, int]]:
    """The frame headers (ISO 10918-1 annex B): segments are a marker and a length, until pixels begin."""
    at = 2
    for _ in range(SEGMENTS):
        marker, code, length, _, height, width = struct.unpack(">BBHBHH", file.at(at, 9))
        if marker != 0xFF or code == 0xDA:
            return
        if 0xC0 <= code <= 0xCF and code not in {0xC4, 0xC8, 0xCC}:
            yield "JPEG", width, height
        at += 1 if code == 0xFF else 2 + length


def decoded(file: OpenFile, kind: str, room: Room, *, memory: int = MEMORY, seconds: int = SECONDS) -> Picture | None:
    """The picture as big as fits, never bigger than it is; None if that cannot be had within the limits."""
    limits = [str(number) for number in (room.columns, 2 * room.rows, memory, seconds)]
    try:
        # -P: the modules beside the decoder must not be taken for those of the standard library.
        ran = subprocess.run(  # noqa: S603 - our own program, on numbers and a kind from here
            [sys.executable, "-P", decoder.__file__, kind, *limits],
            stdin=file.descriptor,
            capture_output=True,
            timeout=2 * seconds,
            check=True,
            cwd=Path("/"),
            env={name: os.environ[name] for name in _NEEDED if name in os.environ},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    header, _, pixels = ran.stdout.partition(b"\n")
    width, height = map(int, header.split())
    triples = [(pixels[at], pixels[at + 1], pixels[at + 2]) for at in range(0, 3 * width * height, 3)]
    return Picture(width, tuple(tuple(triples[at : at + width]) for at in range(0, len(triples), width)))
