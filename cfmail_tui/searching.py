"""The search language of the history, and the words that a mail is found by. Pure.

    report march            words, in any order, each the beginning of a word of the mail
    "report for march"      whole words beside each other; while the quotes are open the last is a beginning
    to: from: subject: body: file: account:     the next word, or phrase, in one place only
    status: has:attachment is:test              what became of it, what it has, what it is
    after:2026-03-01 before:2026-04 after:7d    a day, month, year, today, yesterday, or days, weeks, months ago
    -word -to:bob -status:accepted              not that

Invariants:
- whatever is typed is understood as far as it can be: what cannot is a `Mistake` with its place, nothing raises;
- a mail and a search are taken apart by the same `words_of`, so that what is written the same is found;
- a word is folded: upper and lower case, width and accents do not count.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, Literal

from cfmail_tui.frozen import frozen

Column = Literal["sender", "recipients", "subject", "text", "files", "account"]

PLACES: Final[dict[str, Column]] = {
    "to": "recipients",
    "from": "sender",
    "subject": "subject",
    "body": "text",
    "file": "files",
    "account": "account",
}

STATUSES: Final = (
    *("accepted", "refused", "not_sent", "unknown", "open"),
    *("delivered", "queued", "bounced", "suppressed", "unreported"),
    *("arrived", "lost"),
)
"""Of the mail, of any of its recipients, and what the user said of an unknown outcome."""

TERM_LIMIT: Final = 50
"""Things that one search may ask for; more is a letter that was pasted."""

WORD_LIMIT: Final = 64
"""Characters of a word that count."""


@frozen
class Term:
    """Words that stand beside each other, in one column or, without one, in any."""

    words: tuple[str, ...]
    column: Column | None = None
    is_negated: bool = False
    is_whole: bool = False
    """Whether the last of them is a whole word, and not the beginning of one."""


@frozen
class Label:
    """What a mail has been given in the journal: at least one of these, or if negated none."""

    names: tuple[str, ...]
    is_negated: bool = False


@frozen
class Mistake:
    """What of a search is not understood and left out, in words safe to show; offsets in characters of the query."""

    start: int
    end: int
    words: str


@frozen
class Search:
    """What is looked for; mails of `after` or later, and before `before`, each with its time zone."""

    terms: tuple[Term, ...] = ()
    labels: tuple[Label, ...] = ()
    after: datetime | None = None
    before: datetime | None = None
    mistakes: tuple[Mistake, ...] = ()

    @property
    def is_indexed(self) -> bool:
        """Whether it asks for what stands in the index, and not only for times."""
        return bool(self.terms or self.labels)


def parse(query: str, now: datetime) -> Search:
    """What a query asks for, as far as it is understood.

    `now` says what today is, and where the user is: in its time zone, or if it has none in that of the machine.
    """
    found = _Found(now)
    for match in filter(lambda piece: piece[0], _PIECE.finditer(query)):
        if found.count == TERM_LIMIT:
            words = f"more than {TERM_LIMIT} things at once: the rest is left out"
            found.mistakes.append(Mistake(match.start(), len(query), words))
            break
        found.take(match)
    return Search(tuple(found.terms), tuple(found.labels), found.after, found.before, tuple(found.mistakes))


_PIECE: Final = re.compile(
    r'(?P<minus>-(?=\S))?(?:(?P<key>[A-Za-z]+):)?(?:"(?P<phrase>[^"]*)(?P<close>"?)|(?P<bare>\S*))'
)


class _Found:
    """What was understood so far."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.terms: list[Term] = []
        self.labels: list[Label] = []
        self.after: datetime | None = None
        self.before: datetime | None = None
        self.mistakes: list[Mistake] = []

    @property
    def count(self) -> int:
        return len(self.terms) + len(self.labels) + len(self.mistakes)

    def take(self, match: re.Match[str]) -> None:
        key, value = (match["key"] or "").lower(), match["phrase"] if match["phrase"] is not None else match["bare"]
        is_negated = match["minus"] is not None
        try:
            if match["close"] == "":
                self._mistake(match, "the quotation mark is not closed: the phrase goes to the end")
            if key in {"after", "before"}:
                self._take_time(key, value, is_negated=is_negated)
            elif key in _LABELS:
                self.labels.append(Label(_labels(key, value), is_negated))
            elif key in PLACES or not key:
                self._take_words(match, value, PLACES.get(key), is_negated=is_negated)
            else:
                # A colon is also a sign like any other: 10:30, mailto:bob, Re:hello.
                self._take_words(match, f"{match['key']}:{value}", None, is_negated=is_negated)
        except _NotUnderstoodError as error:
            self._mistake(match, str(error))

    def _mistake(self, match: re.Match[str], words: str) -> None:
        self.mistakes.append(Mistake(match.start(), match.end(), words))

    def _take_words(self, match: re.Match[str], value: str, column: Column | None, *, is_negated: bool) -> None:
        words = tuple(words_of(value))
        if words:
            # What is asked twice is asked once.
            if (term := Term(words, column, is_negated, is_whole=bool(match["close"]))) not in self.terms:
                self.terms.append(term)
        elif not value and column:
            raise _NotUnderstoodError(f"{match['key']}: needs a word right after the colon")
        elif value or match["phrase"] is not None:
            raise _NotUnderstoodError("there is no letter, digit or symbol in it to look for")

    def _take_time(self, key: str, value: str, *, is_negated: bool) -> None:
        moment = _moment(value, self._now)
        if (key == "after") is not is_negated:
            self.after = max(self.after, moment) if self.after else moment
        else:
            self.before = min(self.before, moment) if self.before else moment


class _NotUnderstoodError(Exception):
    """Why, in words."""


_LABELS: Final = {"status": STATUSES, "has": ("attachment",), "is": ("test",)}


def _labels(key: str, value: str) -> tuple[str, ...]:
    """The labels that the value is, or begins: it may not be typed to its end."""
    asked = value.lower().replace("-", "_").replace(" ", "_")
    known = _LABELS[key]
    names = [asked] if asked in known else [name for name in known if asked and name.startswith(asked)]
    if not names:
        raise _NotUnderstoodError(f"{key}: is one of {', '.join(known)}")
    return tuple(f"{key}:{name}" for name in names)


_AGO: Final = re.compile(r"(\d{1,4})([dwmy])")
_DATE: Final = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")


def _moment(value: str, now: datetime) -> datetime:
    """When the day, month or year that is named begins, where the user is."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    text = value.lower()
    try:
        if text in {"today", "yesterday"}:
            day = midnight - timedelta(days=text == "yesterday")
        elif ago := _AGO.fullmatch(text):
            day = midnight - timedelta(days=int(ago[1]) * {"d": 1, "w": 7, "m": 30, "y": 365}[ago[2]])
        elif date := _DATE.fullmatch(text):
            day = datetime(*(int(part or 1) for part in date.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
        else:
            raise _NotUnderstoodError(_TIMES)
        # By the rules of the zone on that day, which need not be those of today.
        return day.replace(tzinfo=now.tzinfo) if now.tzinfo else day.astimezone()
    except (ValueError, OverflowError) as error:
        raise _NotUnderstoodError(_TIMES) from error


_TIMES: Final = "a time is 2026, 2026-03, 2026-03-01, today, yesterday, 7d, 2w, 3m or 1y"


# Scripts without blanks between words, of which each character is a word: Thai, Lao, Burmese, Khmer, Kana, Han.
_ALONE: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# The scripts of India write vowels with marks that are no letters to `re`.
_WORD: Final = re.compile(rf"[{_ALONE}]|(?:[^\W_{_ALONE}]+|[\u0900-\u0dff])+|[^\s\w]")


def names_of(typed: str) -> list[str]:
    """The words of what was typed of a name or an address, the longest first; signs, as the < of <ann@, are none."""
    return sorted({word for word in words_of(typed) if word[0].isalnum()}, key=len, reverse=True)


def words_of(text: str) -> Iterator[str]:
    """The words of a text, folded; a symbol such as € or ☂ is a word, a mark of punctuation is none.

    No word has a blank in it, or an ASCII character that is neither a letter nor a digit.
    """
    if text.isascii():
        folded = text.lower()
    else:
        # Twice: what is decomposed can have case again.
        decomposed = unicodedata.normalize("NFKD", text.casefold()).casefold()
        folded = "".join(char for char in decomposed if not unicodedata.combining(char))
    for word in _WORD.findall(folded):
        if len(word) > 1 or word.isalnum():
            yield word[:WORD_LIMIT]
        elif word > "\x7f":
            if unicodedata.category(word)[0] in "SLNM":
                yield word
        elif word in "$+<=>^`|~":
            yield chr(ord(word) + 0xFEE0)  # its fullwidth form
