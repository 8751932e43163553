"""What all findings about a draft cost at each key, in an ordinary mail and in one with a megabyte of HTML.

Of the processor's time, since nothing is waited for here.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from statistics import quantiles
from typing import Final, Literal

from cfmail_tui import lint
from cfmail_tui.message import Draft
from tests.bench.row import Row, Sides

Field = Literal["text", "html", "subject"]

TYPED: Final = "the quick brown fox jumps over the lazy dog"

LETTER: Final = Draft(
    sender="Alice Example <alice@acme.example>",
    to="Bob <bob@example.net>, carol@example.org",
    subject="The report",
    text="Hi Bob,\n\nthe report you asked for is attached, with the figures of the third quarter.\n\n" * 8,
)
LINE: Final = '<p>Hello <b>Bob</b>, here is <a href="https://example.com/x">a link</a> &amp; some more to read.</p>\n'
PAGE: Final = replace(LETTER, html=LINE * (1024 * 1024 // len(LINE)))


def for_keys(draft: Draft, field: Field) -> float:
    """Milliseconds for a key in the middle of a field, 95th percentile."""
    text: str = getattr(draft, field)
    looked = lint.look(draft)
    taken = []
    for end in range(1, len(TYPED) + 1):
        now = text[: len(text) // 2] + TYPED[:end] + text[len(text) // 2 :]
        typed = _with(draft, field, now)
        began_at = time.thread_time()
        looked = lint.look(typed, before=looked)
        lint.findings(looked)
        taken.append((time.thread_time() - began_at) * 1e3)
    return quantiles(taken, n=20, method="inclusive")[-1]


def _with(draft: Draft, field: Field, text: str) -> Draft:
    match field:
        case "text":
            return replace(draft, text=text)
        case "html":
            return replace(draft, html=text)
        case "subject":
            return replace(draft, subject=text)


def parsed() -> float:
    """Milliseconds to parse the page once, and do nothing with it."""
    began_at = time.thread_time()
    parser = HTMLParser()
    parser.feed(PAGE.html)
    parser.close()
    return (time.thread_time() - began_at) * 1e3


@contextmanager
def ordinary(field: Field) -> Iterator[Sides]:
    yield Sides(partial(for_keys, LETTER, field))


@contextmanager
def megabyte(field: Field) -> Iterator[Sides]:
    yield Sides(partial(for_keys, PAGE, field), parsed)


PARSER: Final = "html.parser over the page, once"

ROWS: Final = (
    Row(
        "lint-key",
        "all findings at a key in the text of a letter, 95th percentile",
        "ms",
        partial(ordinary, "text"),
        at_most=1,
    ),
    Row("lint-key-subject", "the same in its subject", "ms", partial(ordinary, "subject"), at_most=1),
    Row(
        "lint-key-1mib",
        "all findings at a key in the middle of 1 MiB of HTML, 95th percentile",
        "ms",
        partial(megabyte, "html"),
        beside=PARSER,
        at_most_times=0.02,
    ),
    Row(
        "lint-key-1mib-subject",
        "the same in the subject of that mail",
        "ms",
        partial(megabyte, "subject"),
        beside=PARSER,
        at_most=1,
    ),
)
