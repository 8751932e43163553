"""Of what kind a file is: by its name, and by its first octets.

A table of our own: what matters is whether a name is true, for the kinds that people send and that are told apart with
certainty. A library knows a thousand kinds, guesses among them, opens the file by itself, and costs the start-up.
"""

import mimetypes
import re
from dataclasses import field
from typing import Final

from cfmail_tui.frozen import frozen

HEAD: Final = 4096
"""Octets from the beginning of a file that are looked at."""

UNKNOWN: Final = "application/octet-stream"
"""The media type that says nothing (RFC 2046 section 4.5.1)."""


@frozen
class Kind:
    """A kind of file that is known by its first octets; `words` names it with its article."""

    words: str
    media_types: tuple[str, ...]
    """Those it may be called, the usual one first; one that ends in a dot or a slash is the beginning of many."""
    signature: re.Pattern[bytes] = field(repr=False)
    is_certain: bool = True
    """Whether a file that is called so and does not look so is none."""

    def is_called(self, media_type: str) -> bool:
        return any(
            media_type.startswith(name) if name.endswith((".", "/")) else media_type == name
            for name in self.media_types
        )


def by_name(filename: str) -> str:
    """The media type that a file's name promises."""
    # It takes what looks like one for a URL, and believes a data: URL.
    guessed, encoding = mimetypes.guess_type(f"./{filename}")
    if encoding:
        return {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}.get(
            encoding, UNKNOWN
        )
    return guessed or UNKNOWN


def inside(head: bytes) -> Kind | None:
    """The kind that the first octets of a file show."""
    return next((kind for kind in _KINDS if kind.signature.match(head)), None)


def disagreement(media_type: str, head: bytes) -> str:
    """What a file is, if that is not what its media type says ("a PNG image inside"); "" if nothing contradicts it."""
    essence = media_type.partition(";")[0].strip().lower()
    found = inside(head)
    promised = [kind for kind in _KINDS if kind.is_called(essence)]
    if found and essence != UNKNOWN and found not in promised and (promised or _is_told_apart(essence, found)):
        return f"{found.words} inside"
    if not found and any(kind.is_certain for kind in promised):
        return f"not {promised[0].words} inside"
    return ""


def _is_told_apart(essence: str, found: Kind) -> bool:
    return found is _PROGRAM or essence.startswith(_PLAIN)


_PLAIN: Final = ("text/", "application/json", "application/xml", "image/svg", "image/bmp", "image/x-ms-bmp")
"""What has none of these inside, and no signature of its own that could be relied on."""


def _kind(words: str, media_types: str, signature: bytes, *, is_certain: bool = True) -> Kind:
    return Kind(words, tuple(media_types.split()), re.compile(signature, re.DOTALL), is_certain)


_PROGRAM: Final = _kind(
    "a program",
    "application/x-msdownload application/x-msdos-program application/x-dosexec application/x-executable"
    " application/x-sharedlib application/x-object application/vnd.microsoft.portable-executable",
    rb"\x7fELF|MZ(?=.{38,4000}PE\0\0)|[\xce\xcf]\xfa\xed\xfe",
    is_certain=False,
)

_KINDS: Final = (
    _PROGRAM,
    _kind("a PNG image", "image/png", rb"\x89PNG\r\n\x1a\n"),
    _kind("a JPEG image", "image/jpeg image/jpg image/pjpeg", rb"\xff\xd8\xff"),
    _kind("a GIF image", "image/gif", rb"GIF8[79]a"),
    _kind("a WebP image", "image/webp", rb"RIFF.{4}WEBP"),
    _kind("a TIFF image", "image/tiff", rb"II[*+]\0|MM\0[*+]"),
    _kind("a gzip archive", "application/gzip application/x-gzip", rb"\x1f\x8b"),
    _kind("a bzip2 archive", "application/x-bzip2 application/x-bzip", rb"BZh[1-9]"),
    _kind("an xz archive", "application/x-xz", rb"\xfd7zXZ\0"),
    _kind("a 7-Zip archive", "application/x-7z-compressed", rb"7z\xbc\xaf\x27\x1c"),
    _kind("a RAR archive", "application/vnd.rar application/x-rar-compressed application/x-rar", rb"Rar!\x1a\x07"),
    _kind(
        "a ZIP archive",
        "application/zip application/x-zip-compressed application/vnd.openxmlformats-officedocument."
        " application/vnd.oasis.opendocument. application/epub+zip application/java-archive"
        " application/vnd.android.package-archive",
        rb"PK(?:\x03\x04|\x05\x06|\x07\x08)",
    ),
    _kind(
        "an old or encrypted Office document",
        "application/msword application/vnd.ms-excel application/vnd.ms-powerpoint application/vnd.ms-outlook"
        " application/vnd.openxmlformats-officedocument.",
        rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        is_certain=False,
    ),
    _kind("a film or sound", "video/ audio/ image/heic image/heif image/avif", rb".{4}ftyp", is_certain=False),
    _kind("an SQLite database", "application/vnd.sqlite3 application/x-sqlite3", rb"SQLite format 3\0"),
    # The last, since it may begin after some lines of something else.
    _kind("a PDF document", "application/pdf", rb"(?:\xef\xbb\xbf|.{0,1018}[\r\n])?%PDF-"),
)
