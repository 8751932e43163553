"""A file of a kind that is not looked into: its octets in hexadecimal and as ASCII."""

from cfmail_tui.preview.shown import Preview, Room

WIDE = 60
"""Columns from which 16 octets stand in a row; below, 8. The row is made to fit in exactly that many."""

_SIGNATURES = (
    (b"7z\xbc\xaf\x27\x1c", "7-Zip archive"),
    (b"Rar!\x1a\x07", "RAR archive"),
    (b"\x28\xb5\x2f\xfd", "data packed with Zstandard"),
    (b"\x7fELF", "program (ELF)"),
    (b"MZ", "program (Windows)"),
    (b"SQLite format 3\0", "SQLite database"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "document of older Office"),
    (b"OggS", "Ogg audio or video"),
    (b"fLaC", "FLAC audio"),
    (b"ID3", "MP3 audio"),
    (b"\x1a\x45\xdf\xa3", "Matroska or WebM video"),
    (b"II*\0", "TIFF picture"),
    (b"MM\0*", "TIFF picture"),
)


def show(head: bytes, room: Room) -> Preview:
    kind = next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), "")
    if head[4:8] == b"ftyp":
        kind = "MP4 video, HEIC or AVIF picture"
    return Preview((kind or "data of no known kind",), rows(head, room))


def rows(head: bytes, room: Room) -> tuple[str, ...]:
    """As many rows as there is room for; the numbers on the left are offsets."""
    step = 16 if room.columns >= WIDE else 8
    starts = range(0, min(len(head), step * room.rows), step)
    return tuple(_row(start, head[start : start + step], step) for start in starts)


def _row(start: int, found: bytes, step: int) -> str:
    ascii_ = "".join(chr(octet) if 0x20 <= octet < 0x7F else "." for octet in found)
    return f"{start:03x} {found.hex(' ', -2):<{step * 5 // 2 - 1}} {ascii_}"
