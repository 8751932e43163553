"""A raw message as lines to edit, in which each long body that nobody reads stands as one line.

The text of such a line is the key to the octets it stands for: whoever copies, moves or deletes it does so to the
body, and an undo that brings the text back brings the body back. So a message of any size is edited as the few lines
around its attachments, and no octet of these passes through an editor.

Invariants:
- `unfolded` gives back what `folded` was given, octet for octet, whatever that was;
- a line that stands for octets begins with `MARK` and is made from what they are, so that the same body has the same
  line wherever it stands; it is no other line of the message;
- what an editor of text would not keep matters only outside of folds: `Folded.unkept` names it.
"""

import base64
import binascii
import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field
from hashlib import blake2b
from itertools import chain, count
from typing import Final

from cfmail_tui.frozen import frozen
from cfmail_tui.message import printable
from cfmail_tui.mime.lines import Unkept, line_endings, newline_of, unkept
from cfmail_tui.mime.parts import IDENTITY, Part

_TAGGED: Final = 256 * 1024
"""Octets at each end of a body that its tag is made from: all of 25 MB would be half of what opening costs."""

MARK: Final = "▸ "
"""How a line begins that stands for octets."""

LONG_BASE64: Final = 760
"""Octets of a base64 body from which on it is folded: ten lines."""

LONG_BODY: Final = 512 * 1024
"""Octets from which on any body is folded."""

LAID_OUT_LIMIT: Final = 5 * 1024 * 1024
"""Octets that are laid out as lines, at most: of a body that is unfolded, and of all that stands outside of folds."""


@frozen
class Fold:
    """What one line stands for: octets of a body as they stand in the message, and what its part says of them."""

    octets: bytes | memoryview = field(repr=False)
    encoding: str
    media_type: str
    filename: str
    size: int
    """Octets of the content, decoded."""
    tag: str
    """Made from the octets, all of a short body and both ends of a long one; others may have the same."""

    def has(self, octets: bytes | memoryview) -> bool:
        """Whether it stands for just these octets."""
        return len(self.octets) == len(octets) and bytes(self.octets) == bytes(octets)

    @property
    def words(self) -> str:
        """What it is, safe to show."""
        named = [printable(self.filename, 60)] if self.filename else []
        said = [printable(self.encoding, 20), printable(self.media_type, 60), *named, f"{self.size:,} octets"]
        return " · ".join(said)


@frozen
class Folded:
    """A message as lines. Undecodable octets are lone surrogates in them (PEP 383); `unkept` says so."""

    lines: tuple[str, ...]
    newline: bytes
    """What stands between two lines."""
    folds: Mapping[str, Fold]
    """By the line that stands for it."""
    unkept: tuple[Unkept, ...]
    """Why the lines cannot be edited as text, with offsets in the message; empty where they can."""


@frozen
class Region:
    """The octets of a body that a fold stands for, less the line end they may end with."""

    start: int
    end: int
    fold: Fold


def region(source: bytes, part: Part) -> Region | None:
    """What can be folded of a part; None where nothing can."""
    end = part.end
    newline = newline_of(source[part.start : part.body])
    if source.endswith(newline, part.body, end):
        end -= len(newline)
    if not part.is_leaf or part.body >= end:
        return None
    octets = memoryview(source)[part.body : end]
    return Region(part.body, end, _fold(octets, part.encoding, part.media_type, part.filename, part.size))


def _fold(octets: bytes | memoryview, encoding: str, media_type: str, filename: str, size: int) -> Fold:
    tag = blake2b(octets[:_TAGGED], digest_size=4)
    tag.update(octets[max(_TAGGED, len(octets) - _TAGGED) :])
    return Fold(octets, encoding, media_type, filename, size, tag.hexdigest())


def folded(
    source: bytes, root: Part, known: Mapping[str, Fold] | None = None, *, unfolded: Collection[Fold] = ()
) -> Folded:
    """A message as lines, its long bodies folded.

    Those that are `known` keep their lines; those that are `unfolded` stay so.
    """
    newline = newline_of(source[: root.body])
    found = (region(source, part) for part in root.walk() if _is_worth_it(source, part, newline))
    regions = [one for one in found if one is not None and not any(other.has(one.fold.octets) for other in unfolded)]
    starts, ends = [one.start for one in regions], [one.end for one in regions]
    outside = [source[start:end] for start, end in zip([0, *ends], [*starts, len(source)], strict=True)]
    taken = {line for octets in outside for line in _looking_folded(octets)}
    keys, folds = dict(known or {}), {}
    pieces, shifts = [outside[0]], [(0, 0)]
    at = len(outside[0])
    for one, behind in zip(regions, outside[1:], strict=True):
        line = line_for(one.fold, keys, taken)
        folds[line] = keys[line] = one.fold
        octets = line.encode()
        pieces += [octets, behind]
        at += len(octets)
        shifts.append((at, one.end))
        at += len(behind)
    return _as_lines(b"".join(pieces), folds, shifts)


def _as_lines(text: bytes, folds: Mapping[str, Fold], shifts: Sequence[tuple[int, int]]) -> Folded:
    """`shifts` say of offsets in this text which those in the message are."""
    reasons = []
    for reason in unkept(text):
        there, here = shifts[bisect_right(shifts, (reason.offset, len(text) ** 2)) - 1]
        reasons.append(Unkept(reason.words, here + reason.offset - there))
    newline = b"\n" if reasons else newline_of(text)
    return Folded(
        tuple(text.decode("utf-8", "surrogateescape").split(newline.decode())), newline, folds, tuple(reasons)
    )


def _is_worth_it(source: bytes, part: Part, newline: bytes) -> bool:
    octets = part.encoded_size
    if octets > (LONG_BASE64 if part.encoding == "base64" else LONG_BODY):
        return True
    is_text = part.media_type.startswith(("text/", "message/", "multipart/"))
    return part.is_leaf and not is_text and bool(why_not_lines(source[part.body : part.end], newline))


_LOOKS_FOLDED: Final = re.compile(rb"^%s[^\n]*" % MARK.encode(), re.MULTILINE)


def _looking_folded(octets: bytes) -> Iterator[str]:
    """The lines that could be taken for folds."""
    if MARK.encode() in octets:
        for found in _LOOKS_FOLDED.finditer(octets):
            yield found[0].rstrip(b"\r").decode("utf-8", "surrogateescape")


def line_for(fold: Fold, known: Mapping[str, Fold], taken: Collection[str]) -> str:
    """The line that stands for it: its own one, unless that stands for something else or is `taken` by another text."""
    line = f"{MARK}{fold.words} · {fold.tag}"
    lines = chain([line], (f"{line} ({number})" for number in count(2)))
    return next(
        one for one in lines if one not in taken and ((there := known.get(one)) is None or there.has(fold.octets))
    )


def unfolded(lines: Sequence[str], folds: Mapping[str, Fold], newline: bytes) -> bytes:
    """The message that these lines are."""
    keys = {*folds, *(f"{line}\r" for line in folds)} if newline == b"\n" else folds
    between, at = newline.decode(), 0
    pieces: list[bytes | memoryview] = []
    for row in [row for row, line in enumerate(lines) if line in keys]:
        pieces += [encoded_line(between.join(lines[at:row]))] if at < row else []
        fold, rest = _key(lines[row], folds)
        assert fold
        pieces.append(bytes(fold.octets) + rest if rest else fold.octets)
        at = row + 1
    pieces += [encoded_line(between.join(lines[at:]))] if at < len(lines) else []
    return newline.join(pieces)


def _key(line: str, folds: Mapping[str, Fold]) -> tuple[Fold | None, bytes]:
    """The fold that a line stands for, and the CR behind it where lines end in CRLF here and in LF there."""
    if not line.startswith(MARK):
        return None, b""
    if line.endswith("\r"):
        return folds.get(line[:-1]), b"\r"
    return folds.get(line), b""


def encoded_line(line: str) -> bytes:
    """The octets of a line, or of several, that are no folds."""
    try:
        return line.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # A surrogate that no octet has become: whoever sends it is told that it is not UTF-8.
        return line.encode("utf-8", "surrogatepass")


def why_not_lines(octets: bytes | memoryview, newline: bytes) -> str:
    """Why a body cannot be laid out as lines that end in this way; "" where it can."""
    if len(octets) > LAID_OUT_LIMIT:
        return f"it is over {LAID_OUT_LIMIT >> 20} MiB"
    whole = bytes(octets)
    if reasons := unkept(whole):
        return reasons[0].words
    ends = line_endings(whole)
    wrong = ends.crlf if newline == b"\n" else ends.lf
    return "its lines end otherwise than those around it" if wrong else ""


def laid_out(fold: Fold, newline: bytes) -> list[str]:
    """The lines of a body; `why_not_lines` must have nothing against it."""
    return bytes(fold.octets).decode("utf-8").split(newline.decode())


def why_not_refilled(fold: Fold) -> str:
    """Why other content cannot be put into a fold; "" where it can."""
    known = fold.encoding in {"base64", "quoted-printable", *IDENTITY}
    return "" if known else f"cfmail does not know the encoding {printable(fold.encoding, 20)}"


def refilled(fold: Fold, content: bytes, newline: bytes) -> Fold:
    """The fold with other content, in the same encoding; `why_not_refilled` must have nothing against it."""
    match fold.encoding:
        case "base64":
            octets = base64.encodebytes(content).removesuffix(b"\n").replace(b"\n", newline)
        case "quoted-printable":
            octets = re.sub(rb"\r?\n", newline, binascii.b2a_qp(content, istext=False))
        case _:
            octets = content
    return _fold(octets, fold.encoding, fold.media_type, fold.filename, len(content))


class Offsets:
    """Which octet of a message a place in its lines is, and the other way round; worked out as far as it is asked for.

    The lines and folds are the caller's, who may change them and says so with `forget`.
    """

    def __init__(self, lines: Sequence[str], folds: Mapping[str, Fold], newline: bytes) -> None:
        self._lines, self._folds, self._newline = lines, folds, newline
        self._starts = [0]

    def forget(self, line: int) -> None:
        """Work out anew where the lines behind this one begin."""
        del self._starts[line + 1 :]

    def of(self, line: int, column: int) -> int:
        """The octets before a place; within a fold, before its line."""
        text = self._lines[line]
        fold, _ = _key(text, self._folds)
        if fold is None:
            return self._start(line) + len(encoded_line(text[:column]))
        return self._start(line) + (len(fold.octets) if column >= len(text) else 0)

    def at(self, offset: int) -> tuple[int, int]:
        """The line and column that have so many octets before them, or the nearest before that."""
        while len(self._starts) <= len(self._lines) and self._starts[-1] <= offset:
            self._start(min(len(self._lines), 2 * len(self._starts)))
        line = min(bisect_right(self._starts, max(0, offset)), len(self._lines)) - 1
        text, within = self._lines[line], max(0, offset) - self._starts[line]
        fold, _ = _key(text, self._folds)
        if fold is None:
            before = encoded_line(text)[:within].decode("utf-8", "surrogateescape")
            while not text.startswith(before):
                before = before[:-1]  # octets of a character that is not whole
            return line, len(before)
        return line, len(text) if within >= len(fold.octets) else 0

    def _start(self, line: int) -> int:
        starts, folds, between = self._starts, self._folds, len(self._newline)
        at = starts[-1]
        for text in self._lines[len(starts) - 1 : line]:
            if text.isascii():
                at += len(text) + between
            else:
                fold, rest = _key(text, folds)
                at += (len(fold.octets) + len(rest) if fold else len(encoded_line(text))) + between
            starts.append(at)
        return starts[line]


@frozen
class Difference:
    """What makes one message of another: the lines from `first` up to `last`, without that, become these."""

    first: int
    last: int
    lines: tuple[str, ...]


def difference(old: Sequence[str], folds: Mapping[str, Fold], source: bytes, new: Folded) -> Difference:
    """The lines that have to become others so that the old ones are `source`, which is `new` folded.

    Lines that say the same octets stay as they are, folded or not. The line ends must be the same ones.
    """
    newline, octets = new.newline, [_octets(line, folds) for line in old]
    top, start = 0, 0
    while top < len(old) and source.startswith(stretch := octets[top] + newline, start):
        top, start = top + 1, start + len(stretch)
    bottom, end = len(old), len(source)
    while bottom > top and source.endswith(stretch := newline + octets[bottom - 1], start, end):
        bottom, end = bottom - 1, end - len(stretch)
    places = Offsets(new.lines, new.folds, newline)
    (first, _), (last, _) = places.at(start), places.at(end)
    if places.of(first, 0) == start and places.of(last, len(new.lines[last])) == end:
        return Difference(top, bottom, new.lines[first : last + 1])
    # It begins or ends within a body that is folded in the new lines, and laid out in the old ones.
    between = source[start:end]
    if len(between) > LONG_BODY or unkept(between):
        return Difference(0, len(old), new.lines)
    return Difference(top, bottom, tuple(between.decode("utf-8").split(newline.decode())))


def _octets(line: str, folds: Mapping[str, Fold]) -> bytes:
    fold, rest = _key(line, folds)
    return bytes(fold.octets) + rest if fold else encoded_line(line)
