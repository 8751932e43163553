"""A body looked through in pieces, so that at a key only the piece it changed is looked through again.

A body is made of sections and these of pieces, so that finding the piece takes a moment, too.

Invariant: a piece begins and ends where it can be read by itself, so what stands in it depends on its text alone. The
pieces of a body joined are the body.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, replace
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from cfmail_tui.frozen import frozen
from cfmail_tui.lint.words import PROMISES, TEMPLATE_FIELDS
from cfmail_tui.message import is_blank
from cfmail_tui.mime import LINE_LIMIT

PIECE: Final = 512
"""Characters of a piece, about: some hundred microseconds to read in HTML."""

SECTION: Final = 32
"""Pieces of a section, about."""

SPOTS: Final = 100
"""Spots of one kind that are kept of a body, about; all are counted."""

COMPARED: Final = 20_000
"""Characters of a body, at least, of which the words are compared with those of the other."""

Kind = Literal["promise", "template-field", "long-line", "http-link", "no-alt", "other-host", "cid"]
Letters = Literal["none", "capitals", "mixed"]


class Spot(NamedTuple):
    """Something at one place of a body; `shown` is what it is, as it stands there."""

    kind: Kind
    offset: int
    shown: str


@frozen
class Stretch:
    """A piece of a body or several, and what stands there; offsets count from its start."""

    text: str = ""
    spots: tuple[Spot, ...] = ()
    counts: Counter[Kind] = field(default_factory=Counter)
    """How many spots of each kind there are."""
    words: frozenset[str] = frozenset()
    letters: Letters = "none"
    line_ends: tuple[int, int] | None = None
    """The offsets of the first line end, and after the last."""
    parts: tuple["Stretch", ...] = ()


@frozen
class Body:
    """A body and what stands in it."""

    whole: Stretch = Stretch()

    @property
    def text(self) -> str:
        return self.whole.text

    @property
    def is_blank(self) -> bool:
        return is_blank(self.text)

    @property
    def all_capitals(self) -> bool:
        return self.whole.letters == "capitals"

    def of(self, kind: Kind) -> list[Spot]:
        return [spot for spot in self.whole.spots if spot.kind == kind]

    def count(self, kind: Kind) -> int:
        return self.whole.counts[kind]

    def words(self) -> frozenset[str]:
        """The words of its beginning, in lower case."""
        end, found = 0, list[frozenset[str]]()
        for section in self.whole.parts:
            found.append(section.words)
            end += len(section.text)
            if end >= COMPARED:
                break
        return frozenset().union(*found)


Read = Callable[[str, bool], Stretch | None]
"""Reads a piece from where one may begin; None if none may end at its end, and it is not the last."""

Cut = Callable[[str, int], int]
"""Where a piece may end, from this offset on."""


def look(text: str, before: Body, read: Read, cut: Cut) -> Body:
    """What stands in a body; what it has in common with the body `before` is not read again."""
    if text == before.text:
        return before
    sections = before.whole.parts
    head, at = _leading(text, sections)
    tail, end = _trailing(text, sections[len(head) :], at)
    changed = [piece for section in sections[len(head) : len(sections) - len(tail)] for piece in section.parts]
    pieces = _pieces(text, at, end, changed, tail=tail, read=read, cut=cut)
    count = max(1, round(len(pieces) / SECTION))
    bounds = [len(pieces) * number // count for number in range(count + 1)]
    new = [_joined(pieces[start:stop]) for start, stop in pairwise(bounds) if stop > start]
    whole = _joined([*head, *new, *reversed(tail)], text)
    return Body(_with_outer_lines(whole))


def _leading(text: str, parts: Sequence[Stretch], at: int = 0) -> tuple[list[Stretch], int]:
    """The parts, from the first on, that the text has from this offset on, and where they end."""
    found = []
    for part in parts:
        after = at + len(part.text)
        # What ended with its body may go on now.
        if not text.startswith(part.text, at) or (part is parts[-1] and after < len(text)):
            break
        found.append(part)
        at = after
    return found, at


def _trailing(text: str, parts: Sequence[Stretch], after: int, end: int | None = None) -> tuple[list[Stretch], int]:
    """The parts, from the last on, that the text has up to its end, but not before an offset; and where they begin."""
    found, end = [], len(text) if end is None else end
    for part in reversed(parts):
        start = end - len(part.text)
        if start < after or not text.startswith(part.text, start):
            break
        found.append(part)
        end = start
    return found, end


def _pieces(
    text: str, at: int, end: int, before: Sequence[Stretch], *, tail: list[Stretch], read: Read, cut: Cut
) -> list[Stretch]:
    """The pieces of a text between two offsets, of which `before` was there; after them come the sections of `tail`,
    the last of which are taken off where a piece goes on into them.
    """
    found, at = _leading(text, before, at) if before else ([], at)
    rest, end = _trailing(text, before[len(found) :], at, end)
    while at < end:
        stop, size = (end if end - at <= 2 * PIECE else cut(text, at + PIECE)), PIECE
        while (new := read(text[at:stop], stop == len(text))) is None:
            size *= 2
            stop = cut(text, at + size)
        found.append(new)
        at = stop
        while end < at:
            if not rest:
                rest.extend(reversed(tail.pop().parts))
            end += len(rest.pop().text)
    return [*found, *reversed(rest)]


def _joined(parts: Sequence[Stretch], text: str | None = None) -> Stretch:
    """The parts as one, with the lines that are too long and go from one into another."""
    spots, counts = list[Spot](), Counter[Kind]()
    start, line, first = 0, -1, -1
    for part in parts:
        for spot in part.spots:
            if counts[spot.kind] < SPOTS:
                spots.append(spot._replace(offset=start + spot.offset))
        counts.update(part.counts)
        if part.line_ends:
            line_end, after = part.line_ends
            if line < 0:
                first = start + line_end
            elif start + line_end - line > LINE_LIMIT:
                spots.append(Spot("long-line", line, ""))
                counts["long-line"] += 1
            line = start + after
        start += len(part.text)
    cases = {part.letters for part in parts} - {"none"}
    return Stretch(
        text="".join(part.text for part in parts) if text is None else text,
        spots=tuple(spots),
        counts=counts,
        words=frozenset().union(*(part.words for part in parts)) if text is None else frozenset(),
        letters="mixed" if len(cases) > 1 else next(iter(cases), "none"),
        line_ends=None if line < 0 else (first, line),
        parts=tuple(parts),
    )


def _with_outer_lines(whole: Stretch) -> Stretch:
    """With the first line and the last, which only a whole body has."""
    first, last = whole.line_ends or (len(whole.text), len(whole.text))
    lines = [0] * (first > LINE_LIMIT) + [last] * (len(whole.text) - last > LINE_LIMIT)
    spots = (*whole.spots, *(Spot("long-line", at, "") for at in lines))
    counts = whole.counts + Counter[Kind]({"long-line": len(lines)})
    return replace(whole, spots=tuple(sorted(spots, key=lambda spot: spot.offset)), counts=counts)


def piece(text: str, spots: Sequence[Spot], seen: str, words: frozenset[str]) -> Stretch:
    """A piece with this in it; `seen` is what a reader sees of it."""
    lines = [match.end() for match in re.finditer("\n", text)]
    long = [Spot("long-line", line, "") for line, after in pairwise(lines) if after - 1 - line > LINE_LIMIT]
    everything = sorted([*spots, *long], key=lambda spot: spot.offset)
    return Stretch(
        text=text,
        spots=tuple(everything),
        counts=Counter(spot.kind for spot in everything),
        words=words,
        letters=letters_of(seen),
        line_ends=(lines[0] - 1, lines[-1]) if lines else None,
    )


def look_at_text(text: str, before: Body) -> Body:
    """What stands in a plain text."""
    return look(text, before, _read_text, _line_end)


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at, at + 8 * PIECE)
    # A longer line is cut at a blank, if it has one.
    return found + 1 or text.find(" ", at + 8 * PIECE) + 1 or len(text)


def _read_text(text: str, _is_last: bool) -> Stretch:
    found = _HTTP.finditer(text) if "://" in text else ()
    links = [Spot("http-link", match.start(), match[0]) for match in found]
    words = words_of(text)
    return piece(text, [*said(text), *links, *promised(text, words)], text, words)


def said(text: str) -> Iterator[Spot]:
    """What a template left in a text."""
    yield from (Spot("template-field", match.start(), match[0]) for match in _FIELD.finditer(text))


def promised(text: str, words: frozenset[str]) -> Iterator[Spot]:
    """The phrases in a text, which has these words, that speak of a file with it; not what is quoted of others."""
    lower = text.lower()
    for word in words & _PROMISES.keys():
        for phrase in _PROMISES[word]:
            at = lower.find(phrase)
            while at >= 0:
                end = at + len(phrase)
                is_whole = not (lower[at - 1 : at].isalnum() or lower[end : end + 1].isalnum())
                if is_whole and not text.startswith(">", text.rfind("\n", 0, at) + 1):
                    yield Spot("promise", at, text[at:end])
                at = lower.find(phrase, end)


def words_of(text: str) -> frozenset[str]:
    """The words of three letters and more, in lower case, but for those of addresses."""
    without = _LINK.sub(" ", text) if ":" in text else text
    return frozenset(_WORD.findall(without.lower()))


def letters_of(text: str) -> Letters:
    if text.isupper():
        return "capitals"
    return "none" if text.upper() == text.lower() else "mixed"


_HTTP: Final = re.compile(r"\bhttp://[^\s<>\"')]+", re.IGNORECASE)
_LINK: Final = re.compile(r"<?\bhttps?://[^\s>]+>?|\bmailto:[^\s>]+", re.IGNORECASE)
_FIELD: Final = re.compile("|".join(TEMPLATE_FIELDS))
_WORD: Final = re.compile(r"\w{3,}")


def _phrases_by_word() -> dict[str, list[str]]:
    """The phrases that promise a file, by the longest of their words."""
    found: dict[str, list[str]] = {}
    for phrase in {phrase for phrases in PROMISES.values() for phrase in phrases}:
        found.setdefault(max(_WORD.findall(phrase), key=len), []).append(phrase)
    return found


_PROMISES: Final = _phrases_by_word()
