"""E-mail files: who wrote what to whom, the parts, and the first text."""

import binascii
import re

from cfmail_tui import mime
from cfmail_tui.frozen import frozen
from cfmail_tui.preview import text
from cfmail_tui.preview.reading import OpenFile
from cfmail_tui.preview.shown import Preview, Room

LOOKED_THROUGH = 1024 * 1024
"""Octets in which parts are looked for."""

PARTS = 200
"""Parts, multiparts among them, that are looked at."""

TEXT = 16 * 1024
"""Octets of a part's header, and of its body, that are looked at."""

_TELLING = {"from", "to", "date", "subject", "received", "message-id", "mime-version", "return-path"}
_SHOWN = ("From", "To", "Subject", "Date")

_Header = dict[str, str]

_NO_PART: _Header = {"content-type": "multipart/mixed"}
"""What stands after the last part is no part, as little as what a multipart has before its first."""


def show(file: OpenFile, head: bytes, room: Room) -> Preview | None:
    if not re.match(rb"(?:From [^\n]*\n)?[A-Za-z][A-Za-z-]{1,60}:[ \t]", head):
        return None
    header, _ = _header(head, 0, len(head))
    if len(_TELLING & header.keys()) < 2:
        return None
    source = head + file.at(len(head), LOOKED_THROUGH - len(head))
    parts, complete = _parts(source)
    least = "" if complete and len(source) >= file.size else "at least "
    facts = [f"e-mail, {least}{len(parts)} part{'' if len(parts) == 1 else 's'}"]
    facts += [f"{name}: {_words(header[name.lower()])}" for name in _SHOWN if header.get(name.lower())]
    listed = [part.words for part in parts] if len(parts) > 1 else []
    first = next((part.lines() for part in parts if part.media_type.startswith("text/")), [])
    return Preview(tuple(facts), (*listed, *([""] if listed and first else []), *first[: room.rows]))


@frozen
class _Part:
    """What holds content: a part that is no multipart. `body` is the beginning of it."""

    header: _Header
    body: bytes

    @property
    def media_type(self) -> str:
        return _media_type(self.header)

    @property
    def words(self) -> str:
        """The media type, and the file name where there is one."""
        fields = "; ".join(self.header.get(name, "")[:1000] for name in ("content-disposition", "content-type"))
        name = re.search(r"\b(?:file)?name\*?=(?:\"([^\"]*)|([^\s;]*))", fields, re.IGNORECASE)
        return f"{self.media_type}  {_words(name[1] or name[2] or '')}" if name else self.media_type

    def lines(self) -> list[str]:
        """The lines of a text, less its transfer encoding."""
        octets = self.body
        match self.header.get("content-transfer-encoding", "").strip().lower():
            case "quoted-printable":
                octets = binascii.a2b_qp(octets)
            case "base64":
                digits = re.sub(rb"[^A-Za-z0-9+/]", b"", octets)
                octets = binascii.a2b_base64(digits[: len(digits) // 4 * 4])
        found = text.decoded(octets, whole=False)
        return text.split(found[1]) if found else []


def _parts(source: bytes) -> tuple[list[_Part], bool]:
    """The parts that hold content, in order, and whether they are all; how deep they stand does not matter to that.

    A part ends at a line that some multipart has announced as its boundary (RFC 2046 section 5.1.1).
    """
    parts: list[_Part] = []
    boundaries: set[str] = set()
    lines = re.finditer(rb"^--([^\r\n]{1,100})\r?$", source, re.MULTILINE)
    at, header = 0, None
    for _ in range(PARTS):
        if header is None:
            header, at = _header(source, at, TEXT)
        boundaries |= _announced(header)
        found = ((line, line[1].rstrip().decode("utf-8", "replace")) for line in lines) if boundaries else iter(())
        line, delimiter = next(
            (pair for pair in found if boundaries & {pair[1], pair[1].removesuffix("--")}), (None, "")
        )
        if not _media_type(header).startswith("multipart/"):
            parts.append(_Part(header, source[at : min(line.start() if line else len(source), at + TEXT)]))
        if line is None:
            return parts, True
        at, header = line.end() + 1, None if delimiter in boundaries else _NO_PART
    return parts, False


def _header(source: bytes, at: int, limit: int) -> tuple[_Header, int]:
    """The header fields that begin there, the first of each name, and where the body begins."""
    header = source[at : at + limit]
    end = re.match(rb"\r?\n", header) or re.search(rb"\n\r?\n", header)
    header = header[: end.end()] if end else header
    return {field.name.lower(): field.body for field in reversed(mime.header_fields(header))}, at + len(header)


def _announced(header: _Header) -> set[str]:
    if not _media_type(header).startswith("multipart/"):
        return set()
    found = re.search(r"\bboundary\s{0,9}=\s{0,9}(?:\"([^\"]{1,100})\"|([^\s;\"]{1,100}))", header["content-type"])
    return {(found[1] or found[2]).rstrip()} if found else set()


def _media_type(header: _Header) -> str:
    return header.get("content-type", "text/plain").partition(";")[0].strip().lower()


def _words(body: str) -> str:
    return mime.decoded_words(body[:1000])
