"""A listing filtered as one types: a name that begins with the query first, then one that holds it, then any that
holds its characters in this order. A query with `*`, `?` or `[` is a shell pattern instead.

All names stand in one string (`Listing.index`), each as a line break, the folded name, NUL and its number, so that
one regular expression goes through 100,000 names in C; a query that grew is looked for only in what was found before.
"""

import fnmatch
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from cfmail_tui.browse.listing import Listing
from cfmail_tui.browse.paths import is_pattern
from cfmail_tui.frozen import frozen

FOUND_LIMIT: Final = 5_000
"""Names found at most: nobody reads more, they type another letter."""


@frozen
class Found:
    """The names that a query finds, best first; `numbers` are their places in the listing."""

    listing: Listing
    query: str = ""
    numbers: tuple[int, ...] = ()
    is_cut: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple([self.listing.names[number] for number in self.numbers]) if self.query else self.listing.names


def find(listing: Listing, query: str, before: Found | None = None) -> Found:
    """Filter it; `before` is what an earlier query found, from which this one may have grown."""
    folded = query.casefold()
    if not folded:
        return Found(listing)
    if is_pattern(query):
        # A pattern names the files of a folder as a shell would, the folder itself with or without its slash.
        matcher = re.compile(fnmatch.translate(folded))
        matches = (at for at, name in enumerate(listing.folded) if matcher.match(name.removesuffix("/")))
        numbers = tuple(islice(matches, FOUND_LIMIT + 1))
    elif before and before.listing is listing and before.query and not before.is_cut and _has_grown(before, folded):
        numbers = tuple(_ranked(listing, before.numbers, folded))
    else:
        numbers = tuple(islice(_searched(listing, folded), FOUND_LIMIT + 1))
    return Found(listing, query, numbers[:FOUND_LIMIT], is_cut=len(numbers) > FOUND_LIMIT)


def _has_grown(before: Found, folded: str) -> bool:
    return folded.startswith(before.query.casefold()) and not is_pattern(before.query)


def _searched(listing: Listing, query: str) -> Iterator[int]:
    """All of it, in at most three passes."""
    rest = r"[^\0\n]*\0(\d+)"
    literal = re.escape(query)
    passes = [rf"\n{re.escape(query)}[/]?\0(\d+)", rf"\n{literal}{rest}", literal + rest]
    if len(query) > 1:
        passes.append(_subsequence(query) + rest)
    seen: set[str] = set()
    for pattern in passes:
        matches = re.finditer(pattern, listing.index)
        new = [number for match in islice(matches, FOUND_LIMIT + 1) if (number := match[1]) not in seen]
        seen.update(new)
        yield from map(int, new)


def _ranked(listing: Listing, numbers: tuple[int, ...], query: str) -> Iterator[int]:
    """The same among a few; in order of the listing where nothing else decides."""
    holds = re.compile(_subsequence(query)).search
    left = sorted(number for number in numbers if holds(listing.folded[number]))

    def rank(number: int) -> int:
        name = listing.folded[number]
        if name.startswith(query):
            return 1 if name.removesuffix("/") != query else 0
        return 2 if query in name else 3

    yield from sorted(left, key=rank)


def _subsequence(query: str) -> str:
    """Characters in this order with anything between, without ever going back."""
    others = (rf"[^{re.escape(char)}\0\n]*{re.escape(char)}" for char in query[1:])
    return re.escape(query[0]) + "".join(others)
