"""Who a mail can be for: those written to before, and those in the user's address files."""

import os
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from cfmail_tui.attachments import read_source
from cfmail_tui.frozen import frozen
from cfmail_tui.message import Mailbox, MessageError, Place
from cfmail_tui.searching import names_of, words_of
from cfmail_tui.store import Store

if TYPE_CHECKING:
    from cfmail_tui.address_files import Entry

_LOOKED_AT: Final = 2000
"""Entries of files with a word that begins so, in the order of their words."""

_LAST: Final = "\U0010ffff"


@frozen
class Known:
    """Somebody, or a group; `mark` is "bounced" or "suppressed" if the last mail to any of them was, else ""."""

    mailboxes: tuple[Mailbox, ...]
    name: str = ""
    alias: str = ""
    mark: str = ""
    is_from_history: bool = False

    @property
    def is_group(self) -> bool:
        return len(self.mailboxes) > 1

    @property
    def text(self) -> str:
        """What stands in an address field for them."""
        return ", ".join(map(str, self.mailboxes))


class People:
    """Known from the store, and from files, which are read when they have changed."""

    def __init__(self, store: Store, files: Sequence[str]) -> None:
        self._store = store
        self._files = [os.path.expanduser(path) for path in files]  # noqa: PTH111 - Path's own raises for no such user
        self._lock = threading.Lock()
        self._seen: list[object] = []
        self._book = _Book(())
        self.problems: tuple[str, ...] = ()
        """Which files could not be read, and why."""

    def complete(self, typed: str, limit: int) -> tuple[Known, ...]:
        """Those of whom each word typed begins a word of name, address or alias; best known first."""
        self.load()
        from_history = [
            Known((Mailbox(found.address, found.name),), found.name, mark=found.mark, is_from_history=True)
            for found in self._store.complete(typed, limit)
        ]
        written_to = {_folded(known.mailboxes) for known in from_history}
        from_files = [entry for entry in self._book.find(typed, limit) if _folded(entry.mailboxes) not in written_to]
        marks = self._store.marks([one.addr_spec for entry in from_files for one in entry.mailboxes])
        others = [
            Known(entry.mailboxes, entry.name, entry.alias, _mark(entry.mailboxes, marks)) for entry in from_files
        ]
        # An alias that was typed to its end is meant.
        meant = [known for known in others if known.alias and known.alias.casefold() == typed.strip().casefold()]
        return (*meant, *from_history, *(known for known in others if known not in meant))[:limit]

    def load(self) -> None:
        """Read the files that have changed; while somebody else reads them, it goes on with what is known by now."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            seen = [_state(path) for path in self._files]
            if seen == self._seen:
                return
            from cfmail_tui.address_files import entries

            found: list[Entry] = []
            problems = []
            for path in self._files:
                try:
                    found += entries(read_source(path, Place.TO))
                except MessageError as error:
                    problems += [problem.words for problem in error.problems]
            self._book, self._seen, self.problems = _Book(found), seen, tuple(problems)
        finally:
            self._lock.release()


def _state(path: str) -> object:
    try:
        found = os.stat(path)  # noqa: PTH116 - NUL is a ValueError here
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class _Book:
    """Entries, found by the beginnings of their words."""

    def __init__(self, found: "Iterable[Entry]") -> None:
        self._entries = tuple(dict.fromkeys(found))
        said = [_words(entry) for entry in self._entries]
        self._said = [f" {' '.join(words)}" for words in said]
        self._words = sorted((word, number) for number, words in enumerate(said) for word in words)

    def find(self, typed: str, limit: int) -> "list[Entry]":
        words = names_of(typed)
        if not words:
            return []
        start = bisect_left(self._words, (words[0],))
        end = bisect_right(self._words, (words[0] + _LAST,))
        numbers = dict.fromkeys(number for _, number in self._words[start : min(end, start + _LOOKED_AT)])
        others = [f" {word}" for word in words[1:]]
        matching = (number for number in numbers if all(word in self._said[number] for word in others))
        found = [entry for _, entry in zip(range(limit), map(self._entries.__getitem__, matching), strict=False)]
        return sorted(found, key=lambda entry: (entry.is_group, entry.name.casefold()))


def _words(entry: "Entry") -> tuple[str, ...]:
    texts = [entry.alias, entry.name]
    if not entry.is_group:
        texts += [part for one in entry.mailboxes for part in (one.display_name, one.addr_spec)]
    return tuple(dict.fromkeys(word for text in texts for word in words_of(text)))


def _folded(mailboxes: tuple[Mailbox, ...]) -> tuple[str, ...]:
    return tuple(one.addr_spec.casefold() for one in mailboxes)


def _mark(mailboxes: tuple[Mailbox, ...], marks: dict[str, str]) -> str:
    return next((marks[one.addr_spec] for one in mailboxes if one.addr_spec in marks), "")
