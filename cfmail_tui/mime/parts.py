"""The parts of a raw message (RFC 2046) as they stand in its octets: a tree of offsets, and what each header says.

One pass: header by header, and from one boundary to the next with searches of C; no body is looked at line by line,
copied or decoded, so the tree of a message costs little time and no memory to speak of, however big its parts are.

Invariants:
- nothing raises, whatever the octets are; what is wrong is for `rulebook` to say;
- the offsets of a part lie within its parent's body; parts do not overlap, and between them stand only delimiters;
- at most `DEPTH_LIMIT` levels and `PART_LIMIT` parts are told apart; where more stand, `is_whole` says so.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from cfmail_tui.frozen import frozen
from cfmail_tui.mime.fields import RawField, fields_between, header_end
from cfmail_tui.mime.parameters import parameters, shown_name, value_of

DEPTH_LIMIT: Final = 50
"""Levels of parts; a mail that people wrote has four or five."""

PART_LIMIT: Final = 5_000
"""Parts of a message, multiparts among them."""

HEADER_LIMIT: Final = 256 * 1024
"""Octets of a part's header in which fields are looked for."""

_FIELDS_LIMIT: Final = 100
"""Fields that describe content, of one part."""


@frozen
class Part:
    """One part: its header is `source[start:body]`, its body `source[body:end]`; offsets are in octets.

    The blank line after a header belongs to the header, the line end before a delimiter to the delimiter.
    """

    number: str
    """Where it stands: "2.1" is the first part of the second; "" is the whole message."""
    start: int
    body: int
    end: int
    media_type: str
    """In lower case; what RFC 2045 section 5.2 says where the header names none that could be one."""
    parameters: dict[str, str]
    """Those of Content-Type, by their names in lower case."""
    encoding: str
    """Content-Transfer-Encoding in lower case; "7bit" where none is named (RFC 2045 section 6.1)."""
    disposition: str
    """In lower case; "" where none is named."""
    filename: str
    """As readers show it; "" where there is none."""
    content_id: str
    """Less its angle brackets."""
    size: int
    """Octets of the content, decoded. For base64 and quoted-printable exact where these are well-formed."""
    parts: tuple["Part", ...] = ()
    is_closed: bool = True
    """Whether a multipart has its closing delimiter."""
    epilogue: int = 0
    """Where what follows the closing delimiter of a multipart begins; of other parts, 0."""
    is_whole: bool = True
    """Whether all its parts are told apart."""

    @property
    def charset(self) -> str:
        """The charset that is named, in lower case; "" for none."""
        return self.parameters.get("charset", "").strip().lower()

    @property
    def boundary(self) -> str:
        """The boundary of a multipart; "" for none. Octets that are not UTF-8 are lone surrogates in it."""
        return self.parameters.get("boundary", "").rstrip() if self.is_multipart else ""

    @property
    def is_multipart(self) -> bool:
        return self.media_type.startswith("multipart/")

    @property
    def is_leaf(self) -> bool:
        """Whether it holds content, not parts."""
        return not self.parts and not self.is_multipart

    @property
    def encoded_size(self) -> int:
        """Octets of the body as it stands."""
        return self.end - self.body

    def walk(self) -> Iterator["Part"]:
        """The part itself and all within it, in the order they stand in."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def at(self, offset: int) -> "Part":
        """The innermost part that an offset lies in; this one where it lies in none."""
        for part in self.parts:
            if part.start <= offset < part.end:
                return part.at(offset)
        return self


def structure(source: bytes) -> Part:
    """The message as a tree of parts."""
    return _Scan(source).part(0, len(source), "", default="text/plain", depth=0)


_CONTENT_FIELD: Final = re.compile(
    rb"^(content-[a-z-]{1,30})[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE
)
_MEDIA_TYPE: Final = re.compile(r"[\w!#$&^.+*'{}|~%`-]+/[\w!#$&^.+*'{}|~%`-]+", re.ASCII)
_NESTED: Final = frozenset({"message/rfc822", "message/global", "message/news", "message/external-body"})
"""Media types whose body is a message, or its header (RFC 2046 section 5.2, RFC 6532)."""

IDENTITY: Final = frozenset({"7bit", "8bit", "binary"})
"""Transfer encodings that change nothing (RFC 2045 section 6.2)."""


class _Scan:
    """The pass over one source; `left` parts may still be told apart."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.left = PART_LIMIT

    def part(self, start: int, end: int, number: str, *, default: str, depth: int) -> Part:
        self.left -= 1
        body = header_end(self.source, start, end)
        said = self._said(start, min(body, start + HEADER_LIMIT))
        content_type = said.get("content-type", "")
        media_type = value_of(content_type)
        found = parameters(content_type) if ";" in content_type else {}
        if not _MEDIA_TYPE.fullmatch(media_type):
            media_type = "text/plain" if "content-type" in said else default
        disposition = said.get("content-disposition", "")
        named = parameters(disposition).get("filename") or found.get("name", "")
        encoding = value_of(said.get("content-transfer-encoding", "")) or "7bit"
        parts: tuple[Part, ...] = ()
        is_closed, is_whole, epilogue = True, True, 0
        may_nest = depth < DEPTH_LIMIT and self.left > 0
        if media_type.startswith("multipart/"):
            boundary = found.get("boundary", "").rstrip()
            is_closed, is_whole = False, may_nest or not boundary
            if boundary and may_nest:
                inner = "message/rfc822" if media_type == "multipart/digest" else "text/plain"
                parts, is_closed, epilogue, is_whole = self._parts(
                    body, end, number, boundary=boundary, default=inner, depth=depth
                )
        elif media_type in _NESTED and encoding in IDENTITY:
            is_whole = may_nest
            if may_nest:
                parts = (self.part(body, end, _below(number, 1), default="text/plain", depth=depth + 1),)
        return Part(
            number=number,
            start=start,
            body=body,
            end=end,
            media_type=media_type,
            parameters=found,
            encoding=encoding,
            disposition=value_of(disposition),
            filename=shown_name(named) if named else "",
            content_id=said.get("content-id", "").strip().removeprefix("<").removesuffix(">"),
            size=_decoded_size(self.source, body, end, encoding),
            parts=parts,
            is_closed=is_closed,
            epilogue=epilogue,
            is_whole=is_whole,
        )

    def _said(self, start: int, body: int) -> dict[str, str]:
        """The fields of a header that describe its content, the first of each name."""
        said: dict[str, str] = {}
        for match in islice(_CONTENT_FIELD.finditer(self.source, start, body), _FIELDS_LIMIT):
            value = match[2].replace(b"\r\n", b"").replace(b"\n", b"")
            said.setdefault(match[1].decode("ascii").lower(), value.decode("utf-8", "surrogateescape").strip())
        return said

    def _parts(
        self, body: int, end: int, number: str, *, boundary: str, default: str, depth: int
    ) -> tuple[tuple[Part, ...], bool, int, bool]:
        """The parts between delimiters, whether the last one closes, where the epilogue begins, whether that is all."""
        parts: list[Part] = []
        start = -1
        for found in delimiters(self.source, body, end, boundary):
            # A delimiter that follows another has no part before it: the line end of that is not its own.
            if 0 <= start < found.start:
                if self.left <= 0:
                    return tuple(parts), False, 0, False
                stop = found.start - 1
                stop -= stop > start and self.source[stop - 1 : stop] == b"\r"
                name = _below(number, len(parts) + 1)
                parts.append(self.part(start, stop, name, default=default, depth=depth + 1))
            start = found.end
            if found.closes:
                return tuple(parts), True, found.end, True
        if start >= 0:
            if self.left <= 0:
                return tuple(parts), False, 0, False
            name = _below(number, len(parts) + 1)
            parts.append(self.part(start, end, name, default=default, depth=depth + 1))
        return tuple(parts), False, 0, True


def _below(number: str, index: int) -> str:
    return f"{number}.{index}" if number else str(index)


@frozen
class Delimiter:
    """A line that stands between two parts, or closes the last: from its first hyphen to the end of its line."""

    start: int
    end: int
    closes: bool


def delimiters(source: bytes, body: int, end: int, boundary: str) -> Iterator[Delimiter]:
    """The delimiter lines of a boundary (RFC 2046 section 5.1.1), up to the one that closes; such as follow each other
    without a part between them are one.
    """
    needle = b"--" + boundary.encode("utf-8", "surrogateescape")
    pattern = re.escape(needle)
    line = re.compile(rb"^%s(--)?[ \t]*+\r?(?:\n|\Z)" % pattern, re.MULTILINE)
    repeated = re.compile(rb"(?:%s[ \t]*+\r?\n)*+" % pattern)
    at = body
    while True:
        found = line.match(source, at, end)
        if not found:
            if (at := source.find(b"\n" + needle, max(0, at - 1), end)) < 0:
                return
            # A regular expression finds the next where this is only the beginning of another line.
            found = line.match(source, at + 1, end) or line.search(source, at + 2, end)
            if not found:
                return
        if found[1]:
            yield Delimiter(found.start(), found.end(), closes=True)
            return
        again = repeated.match(source, found.end(), end)
        at = again.end() if again else found.end()
        yield Delimiter(found.start(), at, closes=False)


def _decoded_size(source: bytes, body: int, end: int, encoding: str) -> int:
    size = end - body
    if encoding == "base64":
        digits = size - _line_end_octets(source, body, end)
        return max(0, digits - source[max(body, end - 8) : end].count(b"=")) * 3 // 4
    if encoding == "quoted-printable":
        signs = source.count(b"=", body, end)
        soft_crlf = source.count(b"=\r\n", body, end)
        soft_lf = source.count(b"=\n", body, end)
        return max(0, size - 3 * soft_crlf - 2 * soft_lf - 2 * (signs - soft_crlf - soft_lf))
    return size


_LONG_ENOUGH: Final = 60
"""Octets of a line from which on one octet of each line is little to look at."""


def _line_end_octets(source: bytes, body: int, end: int) -> int:
    """How many CR and LF there are. Counting one of the two is most of what a scan costs, counting both would be twice
    that; where lines are of one length, as in base64, the CRs are seen in every so many octets.
    """
    lines = source.count(b"\n", body, end)
    first = source.find(b"\n", body, end)
    if first - body >= _LONG_ENOUGH and source[first - 1 : first] == b"\r":
        last = source.rfind(b"\n", body, end)
        width = first - body + 1
        ends = source[first - 1 : end : width].count(b"\r")
        ends += (last - first) % width > 0 and source[last - 1 : last] == b"\r"
        if ends == lines:
            return 2 * lines
    return lines + (source.count(b"\r", body, end) if source.find(b"\r", body, end) >= 0 else 0)


def fields_of(source: bytes, part: Part) -> tuple[RawField, ...]:
    """The header fields of a part, where they stand in the source."""
    return tuple(fields_between(source, part.start, min(part.body, part.start + HEADER_LIMIT)))
