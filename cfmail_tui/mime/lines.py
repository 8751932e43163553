"""Lines of a raw message: how they end, how long they are, and what an editor of text would not give back.

A message leaves with CRLF (RFC 5322 section 2.1): `crlf` makes the one change that nobody has to ask for. A CR without
LF is content, not a line end; only where a source has nothing else can it be taken for one, and only by who says so.
"""

import re
from collections.abc import Iterator
from typing import Literal

from cfmail_tui.frozen import frozen

LINE_LIMIT = 998
"""Octets in a line, less its CRLF (RFC 5322 section 2.1.1)."""


def crlf(source: bytes) -> bytes:
    """The source with every bare LF made CRLF; a message leaves in this form."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", source)


@frozen
class LineEndings:
    """How many lines end in which way, and where the first one is that ends otherwise than most."""

    crlf: int
    lf: int
    cr: int
    odd: int | None = None
    """The offset of the first line end that is not of the most frequent kind."""

    @property
    def kind(self) -> Literal["none", "CRLF", "LF", "CR", "mixed"]:
        """The one way in which all lines end, or that there are several."""
        counted: tuple[tuple[Literal["CRLF", "LF", "CR"], int], ...] = (
            ("CRLF", self.crlf),
            ("LF", self.lf),
            ("CR", self.cr),
        )
        used = [name for name, count in counted if count]
        return "mixed" if len(used) > 1 else used[0] if used else "none"

    @property
    def words(self) -> str:
        """How the lines of the source end, and what becomes of them; "" where they leave as they are."""
        if not self.lf:
            return ""
        if self.kind == "LF":
            return f"its lines end in LF; they leave as CRLF ({_times(self.lf)})"
        return f"{_times(self.lf)} end in LF, {self.crlf:,} in CRLF; all leave as CRLF"


def _times(count: int) -> str:
    return f"{count:,} line{'' if count == 1 else 's'}"


def line_endings(source: bytes) -> LineEndings:
    """The line ends of a source, counted."""
    both = source.count(b"\r\n")
    lf, cr = source.count(b"\n") - both, source.count(b"\r") - both
    most = max(both, lf, cr)
    odd = None
    if both + lf + cr > most:
        others = {both: rb"(?<!\r)\n|\r(?!\n)", lf: rb"\r\n?", cr: rb"\r?\n"}[most]
        found = re.search(others, source)
        odd = found.start() if found else None
    return LineEndings(both, lf, cr, odd)


def newline_of(source: bytes) -> bytes:
    """The line end that new lines of this source take: its own."""
    return b"\n" if b"\n" in source and b"\r\n" not in source else b"\r\n"


def bare_cr(source: bytes, start: int = 0, end: int | None = None) -> int | None:
    """Where the first CR without LF is, or None."""
    stop = len(source) if end is None else end
    # Two counts cost a tenth of one search with a look-ahead, and hardly any mail has one.
    if source.count(b"\r", start, stop) == source.count(b"\r\n", start, stop):
        return None
    found = re.compile(rb"\r(?!\n)").search(source, start, stop)
    return found.start() if found else None


def long_lines(source: bytes, start: int = 0, end: int | None = None) -> Iterator[int]:
    """Where each line begins that has more octets than a message may have in one."""
    at, stop = start, len(source) if end is None else end
    while stop - at > LINE_LIMIT:
        last = source.rfind(b"\n", at, at + LINE_LIMIT + 2)
        if last >= 0:
            at = last + 1
            continue
        found = re.compile(rb"[\r\n]").search(source, at, stop)
        ends = found.start() if found else stop
        if ends - at > LINE_LIMIT:
            yield at
        following = source.find(b"\n", ends, stop)
        if following < 0:
            return
        at = following + 1


def line_number(source: bytes, offset: int) -> int:
    """The line, from 1, that an offset lies in."""
    return source.count(b"\n", 0, offset) + 1


@frozen
class Unkept:
    """Something that an editor of text would not give back as it is: why, and where first."""

    words: str
    offset: int


_UNKEPT = re.compile("[\0\v\f\x1c-\x1e\x85\u2028\u2029]")


def unkept(source: bytes) -> tuple[Unkept, ...]:
    """All reasons why a text editor could not give these octets back unchanged; line ends of one kind are no reason.

    Empty where they may be edited in one. What is not UTF-8 has no further reason: it is no text.
    """
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError as error:
        return (Unkept(f"it is not UTF-8 (octet {error.start + 1})", error.start),)
    found = []
    if (at := bare_cr(source)) is not None:
        found.append(Unkept("it has a CR without LF", at))
    seen: set[str] = set()
    for other in _UNKEPT.finditer(text):
        if other[0] not in seen:
            seen.add(other[0])
            words = f"it has U+{ord(other[0]):04X}, which an editor would take for a line break or drop"
            found.append(Unkept(words, len(text[: other.start()].encode())))
    ends = line_endings(source)
    if ends.crlf and ends.lf and ends.odd is not None:
        found.append(Unkept("its lines end in CRLF here and in LF there", ends.odd))
    return tuple(found)


def not_editable(source: bytes) -> str | None:
    """The first reason of `unkept` in words, or None."""
    return next((reason.words for reason in unkept(source)), None)
