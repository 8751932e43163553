"""What is typed into the search means what it looks like, and whatever is typed means something."""

from datetime import datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui.searching import PLACES, STATUSES, TERM_LIMIT, WORD_LIMIT, Label, Search, Term, parse, words_of

NOON: Final = datetime(2026, 3, 29, 12, tzinfo=ZoneInfo("Europe/Berlin"))
BERLIN_SUMMER: Final = timezone(timedelta(hours=2))


def asked(query: str) -> Search:
    return parse(query, NOON)


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("report mar", [Term(("report",)), Term(("mar",))]),
        ("  report\tmar\n", [Term(("report",)), Term(("mar",))]),
        ("report REPORT", [Term(("report",))]),
        ('"for the report" x', [Term(("for", "the", "report"), is_whole=True), Term(("x",))]),
        ('"for the rep', [Term(("for", "the", "rep"))]),
        ("to:bob", [Term(("bob",), "recipients")]),
        ("TO:Bob@Example.net", [Term(("bob", "example", "net"), "recipients")]),
        ('from:"Ann Lee"', [Term(("ann", "lee"), "sender", is_whole=True)]),
        ("-draft", [Term(("draft",), is_negated=True)]),
        ('-to:"b c"', [Term(("b", "c"), "recipients", is_negated=True, is_whole=True)]),
        ("account:work file:pdf subject:a body:b", [
            Term(("work",), "account"), Term(("pdf",), "files"), Term(("a",), "subject"), Term(("b",), "text"),
        ]),
        ("10:30 Re:hello http://x.example/a-b", [
            Term(("10", "30")), Term(("re", "hello")), Term(("http", "x", "example", "a", "b")),
        ]),
        ("well-known", [Term(("well", "known"))]),
        ("AND OR NOT NEAR(a b) a* {x}:y ^z", [
            Term(("and",)), Term(("or",)), Term(("not",)), Term(("near", "a")), Term(("b",)), Term(("a",)),
            Term(("x", "y")), Term(("\uff3e", "z")),
        ]),
    ],
)  # fmt: skip
def test_words_phrases_and_places(query: str, terms: list[Term]) -> None:
    """Words, phrases, places and what is not wanted; SQL's and FTS5's own signs mean nothing."""
    found = asked(query)
    assert list(found.terms) == terms
    assert (found.labels, found.after, found.before) == ((), None, None)


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("status:bounced", [Label(("status:bounced",))]),
        ("STATUS:Not-Sent", [Label(("status:not_sent",))]),
        ("status:boun", [Label(("status:bounced",))]),
        ("status:un", [Label(("status:unknown", "status:unreported"))]),
        ("has:attachment is:test", [Label(("has:attachment",)), Label(("is:test",))]),
        ("-has:att", [Label(("has:attachment",), is_negated=True)]),
    ],
)
def test_labels(query: str, labels: list[Label]) -> None:
    """What became of it and what it has; a beginning is enough, and means all that begins so."""
    assert asked(query) == Search(labels=tuple(labels))


@pytest.mark.parametrize(
    ("query", "after", "before"),
    [
        ("after:2026", "2026-01-01T00:00+01:00", None),
        ("after:2026-03-29", "2026-03-29T00:00+01:00", None),
        ("after:today", "2026-03-29T00:00+01:00", None),
        ("before:2026-04", None, "2026-04-01T00:00+02:00"),
        ("after:yesterday before:today", "2026-03-28T00:00+01:00", "2026-03-29T00:00+01:00"),
        ("after:7d", "2026-03-22T00:00+01:00", None),
        ("after:2w", "2026-03-15T00:00+01:00", None),
        ("-before:2026-3-1", "2026-03-01T00:00+01:00", None),
        ("after:2025 after:2026", "2026-01-01T00:00+01:00", None),
        ("before:2025 before:2026", None, "2025-01-01T00:00+01:00"),
    ],
)
def test_times(query: str, after: str | None, before: str | None) -> None:
    """A time is where its day begins for the user, by the rules of that day; of several the nearest counts."""
    found = asked(query)
    assert found.mistakes == ()
    assert found.after == (datetime.fromisoformat(after) if after else None)
    assert found.before == (datetime.fromisoformat(before) if before else None)


@pytest.mark.parametrize(
    ("query", "place", "words"),
    [
        ("a status:maybe", (2, 14), "status: is one of accepted, refused"),
        ("status:", (0, 7), "status: is one of"),
        ("is:fun x", (0, 6), "is: is one of test"),
        ("after:soon", (0, 10), "a time is 2026"),
        ("after:2026-02-30", (0, 16), "a time is 2026"),
        ("before:0000", (0, 11), "a time is 2026"),
        ("after:9999y", (0, 11), "a time is 2026"),
        ("to: bob", (0, 3), "to: needs a word"),
        ("a - b", (2, 3), "no letter, digit or symbol"),
        ("% x", (0, 1), "no letter, digit or symbol"),
        ('x "a b', (2, 6), "the quotation mark is not closed"),
        ('""', (0, 2), "no letter, digit or symbol"),
        ("w" * 9 + " ".join(map(str, range(60))), None, f"more than {TERM_LIMIT} things"),
    ],
)
def test_a_mistake_is_told_with_its_place(query: str, place: tuple[int, int] | None, words: str) -> None:
    """What is not understood is left out and told in words, with where it stands; the rest is looked for."""
    (mistake,) = asked(query).mistakes
    assert words in mistake.words
    assert place in {None, (mistake.start, mistake.end)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Invoice, March", ["invoice", "march"]),
        ("GRÜSSE Grüße grüsse", ["grusse", "grusse", "grusse"]),
        ("naïve ＡＢＣ ﬁne İstanbul", ["naive", "abc", "fine", "istanbul"]),
        ("東京タワー is 高い", ["東", "京", "タ", "ワ", "ー", "is", "高", "い"]),
        ("हिन्दी", ["हिन्दी".replace("\u094d", "")]),
        ("C++ 100% 5€ ☂ a_b", ["c", "\uff0b", "\uff0b", "100", "5", "€", "☂", "a", "b"]),
        ("bob@mail.example.net", ["bob", "mail", "example", "net"]),
        ("\ud83d \0 \x1b[31m", ["31m"]),
        ("x" * 500, ["x" * WORD_LIMIT]),
    ],
)
def test_words_of_a_text(text: str, words: list[str]) -> None:
    """Case, accents and width do not count; what has no blanks is taken character by character; signs are none."""
    assert list(words_of(text)) == words


@given(st.text())
def test_words_are_fit_for_the_index(text: str) -> None:
    """No word has anything in it that the index or its language could take for its own, and each is its own word."""
    for word in words_of(text):
        assert word.isascii() is False or (word.isalnum() and word == word.lower())
        assert not any(char.isspace() or char in '"\0\ue000\ue001' for char in word)
        word.encode()


PIECES: Final = st.one_of(
    st.text(max_size=12),
    st.sampled_from(['"', "-", ":", " ", *(f"{key}:" for key in (*PLACES, "status", "has", "is", "after", "before"))]),
    st.sampled_from([*STATUSES, "attachment", "test", "2026-01", "7d", "today"]),
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_nothing_that_is_typed_is_an_error(query: str) -> None:
    """Whatever is typed gives a search, and mistakes whose places lie in what was typed."""
    found = asked(query)
    assert len(found.terms) + len(found.labels) <= TERM_LIMIT
    for mistake in found.mistakes:
        assert 0 <= mistake.start < mistake.end <= len(query)
        assert mistake.words
