"""Header fields of a raw message as they stand (RFC 5322 section 2.2), by the octets they occupy."""

import re
from collections.abc import Iterator
from typing import Final

from cfmail_tui.frozen import frozen


@frozen
class RawField:
    """One header field of a raw message: its unfolded body, and the octets it occupies."""

    name: str
    body: str
    start: int
    end: int


def header_end(source: bytes, start: int = 0, end: int | None = None) -> int:
    """Where the body begins: behind the first empty line, or at the end where there is none."""
    stop = len(source) if end is None else end
    for blank in (b"\n", b"\r\n"):
        if source.startswith(blank, start, stop):
            return start + len(blank)
    found = _EMPTY_LINE.search(source, start, stop)
    return found.end() if found else stop


def fields_between(source: bytes, start: int, end: int) -> Iterator[RawField]:
    """The header fields that stand there, in order; lines that are none are passed over."""
    for match in _FIELD.finditer(source, start, end):
        body = re.sub(rb"\r?\n", b"", match[2]).strip()
        yield RawField(match[1].decode("ascii"), body.decode("utf-8", "replace"), match.start(), match.end())


def header_fields(source: bytes) -> tuple[RawField, ...]:
    """The header fields of a raw message, in order; lines that are none are passed over."""
    return tuple(fields_between(source, 0, header_end(source)))


_EMPTY_LINE: Final = re.compile(rb"\n\r?\n")
_FIELD: Final = re.compile(rb"^([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)\n?", re.MULTILINE)


def field_bodies(source: bytes, *names: str) -> list[str]:
    """The bodies of the named header fields, in the order they stand in."""
    wanted = {name.lower() for name in names}
    return [field.body for field in header_fields(source) if field.name.lower() in wanted]


def is_message(octets: bytes) -> bool:
    """Whether octets that nobody named are a raw message, and not a text: a header stands first that has a From field
    and another one of a mail's, and no line of it is anything else. The line that an mbox has before it may be there.
    """
    start = octets.find(b"\n") + 1 if _POSTMARK.match(octets) else 0
    end = header_end(octets, start)
    names, at = set(), start
    for field in fields_between(octets, start, end):
        if field.start != at:
            return False
        names.add(field.name.lower())
        at = field.end
    return not octets[at:end].strip() and "from" in names and not names.isdisjoint(_OF_A_MAIL)


_POSTMARK: Final = re.compile(rb"From [^\n]*\d:\d\d[^\n]*\d{4}[^\n]*\n")
_OF_A_MAIL: Final = {"to", "cc", "subject", "date", "message-id", "mime-version", "received", "content-type"}


BLIND_FIELDS = ("Bcc", "Resent-Bcc")
"""Fields that name recipients the others must not learn of (RFC 5322 section 3.6.3)."""


def without_bcc(source: bytes) -> bytes:
    """The source less its Bcc fields; every other octet as it was."""
    blind = {name.lower() for name in BLIND_FIELDS}
    kept, at = [], 0
    for field in header_fields(source):
        if field.name.lower() in blind:
            kept.append(source[at : field.start])
            at = field.end
    return b"".join([*kept, source[at:]])
