"""The people that mail was sent to, to be completed as their names are typed. Functions over a connection.

A contact's rank is how often and how lately it was written to, as one number that needs no looking after: each mail
counts half of what one counts that is `_HALF_LIFE` younger, and the rank is the binary logarithm of the sum, with the
mails weighed as of a day in the past. So what is due to age keeps its order by itself.
"""

import math
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cfmail_tui.frozen import frozen
from cfmail_tui.searching import names_of, words_of
from cfmail_tui.store import rows
from cfmail_tui.store.index import LAST
from cfmail_tui.submission import Attempt, Fate

_HALF_LIFE: Final = timedelta(days=60)
_THEN: Final = datetime(2020, 1, 1, tzinfo=UTC)

_FEW: Final = 2000
"""Contacts with a word that begins so, which are sorted by rank; where there are more, a few are soon met by rank."""

_LOOKED_AT: Final = 10_000
"""Contacts looked at by rank; who is below these and has nothing rarer about them is not completed."""

_MARKS: Final = {Fate.BOUNCED: "bounced", Fate.SUPPRESSED: "suppressed", Fate.DELIVERED: "", Fate.QUEUED: ""}


@frozen
class Contact:
    """Somebody mail was sent to; `mark` is "bounced" or "suppressed" if the last mail was, else ""."""

    address: str
    name: str
    mark: str
    rank: float


def met(db: sqlite3.Connection, attempt: Attempt, names: dict[str, str]) -> None:
    """Mail was accepted for the recipients of an attempt."""
    asked = set(attempt.submission.envelope.recipients)
    for address, fate in attempt.fates:
        if address in asked:
            _meet(db, address, names.get(address, ""), attempt.started_at)
            mark(db, address, fate)


def mark(db: sqlite3.Connection, address: str, fate: Fate) -> None:
    """What became of a mail to somebody."""
    if fate in _MARKS:
        db.execute("UPDATE contacts SET mark = ? WHERE folded = ?", (_MARKS[fate], _folded(address)))


def mark_suppressed(db: sqlite3.Connection, address: str, *, is_suppressed: bool) -> None:
    """Whether somebody is on the suppression list now; who is taken off it has no mark."""
    then = _MARKS[Fate.SUPPRESSED] if is_suppressed else ""
    known = db.execute("SELECT mark FROM contacts WHERE folded = ?", (_folded(address),)).fetchone()
    if known and (is_suppressed or known["mark"] == _MARKS[Fate.SUPPRESSED]):
        db.execute("UPDATE contacts SET mark = ? WHERE folded = ?", (then, _folded(address)))


def _meet(db: sqlite3.Connection, address: str, name: str, at: datetime) -> None:
    rank = (at - _THEN) / _HALF_LIFE
    known = db.execute("SELECT * FROM contacts WHERE folded = ?", (_folded(address),)).fetchone()
    if known is None:
        words = _words(name, address)
        values = (_folded(address), rows.pack(address), rows.pack(name), words, rank)
        insert = "INSERT INTO contacts (folded, address, name, words, rank, uses, mark) VALUES (?, ?, ?, ?, ?, 1, '')"
        _learn(db, db.execute(insert, values).lastrowid, words)
        return
    more = max(rank, known["rank"]) + math.log2(1 + 2.0 ** -min(abs(rank - known["rank"]), 1000))
    db.execute("UPDATE contacts SET rank = ?, uses = uses + 1 WHERE id = ?", (more, known["id"]))
    if name and rows.pack(name) != known["name"]:
        words = _words(name, address)
        _unlearn(db, known)
        named = (rows.pack(address), rows.pack(name), words, known["id"])
        db.execute("UPDATE contacts SET address = ?, name = ?, words = ? WHERE id = ?", named)
        _learn(db, known["id"], words)


def forget(db: sqlite3.Connection, attempt: Attempt) -> None:
    """A mail is no longer in the history; of whom there is no other is known no more."""
    for address in attempt.submission.envelope.recipients if attempt.fates else ():
        known = db.execute("SELECT * FROM contacts WHERE folded = ?", (_folded(address),)).fetchone()
        if known and known["uses"] > 1:
            db.execute("UPDATE contacts SET uses = uses - 1 WHERE id = ?", (known["id"],))
        elif known:
            _unlearn(db, known)
            db.execute("DELETE FROM contacts WHERE id = ?", (known["id"],))


def _learn(db: sqlite3.Connection, contact: int | None, words: str) -> None:
    pairs = ((word, contact) for word in words.split())
    db.executemany("INSERT OR IGNORE INTO contact_words (word, contact) VALUES (?, ?)", pairs)


def _unlearn(db: sqlite3.Connection, known: sqlite3.Row) -> None:
    pairs = ((word, known["id"]) for word in known["words"].split())
    db.executemany("DELETE FROM contact_words WHERE word = ? AND contact = ?", pairs)


def _words(name: str, address: str) -> str:
    return "".join(f" {word}" for text in (name, address) for word in words_of(text))


def _folded(address: str) -> bytes:
    return rows.pack(address.casefold())


def complete(db: sqlite3.Connection, typed: str, limit: int) -> list[Contact]:
    """Who has, for each word typed, one that begins so in name or address, whoever is written to most first."""
    words = names_of(typed)
    if not words:
        found = db.execute("SELECT * FROM contacts ORDER BY rank DESC LIMIT ?", (limit,)).fetchall()
        return [*map(_contact, found)] if not typed.strip() else []
    numbers = {word: _beginning(db, word) for word in words}
    rarest = min(words, key=lambda word: numbers[word])
    others = [f" {word}" for word in words if word != rarest]
    few = numbers[rarest] < _FEW
    values: list[Any] = [rarest, rarest + LAST] if few else [_LOOKED_AT, f" {rarest}"]
    statement = (_AMONG_FEW if few else _BY_RANK) + " AND instr(words, ?)" * len(others) + " ORDER BY rank DESC LIMIT ?"
    return [*map(_contact, db.execute(statement, (*values, *others, limit)).fetchall())]


_AMONG_FEW: Final = (
    "SELECT * FROM contacts WHERE id IN (SELECT contact FROM contact_words WHERE word >= ? AND word < ?)"
)
_BY_RANK: Final = """
    SELECT * FROM contacts INDEXED BY contacts_by_rank
    WHERE rank >= coalesce((SELECT rank FROM contacts ORDER BY rank DESC LIMIT 1 OFFSET ?), -9e999) AND instr(words, ?)
"""


def _beginning(db: sqlite3.Connection, word: str) -> int:
    """How many words of contacts begin so, as far as it matters."""
    some = "SELECT count(*) FROM (SELECT 1 FROM contact_words WHERE word >= ? AND word < ? LIMIT ?)"
    number: int = db.execute(some, (word, word + LAST, _FEW)).fetchone()[0]
    return number


def _contact(row: sqlite3.Row) -> Contact:
    return Contact(rows.unpack(row["address"]), rows.unpack(row["name"]), row["mark"], row["rank"])


def marks(db: sqlite3.Connection, addresses: Iterable[str]) -> dict[str, str]:
    """The marks of those of the addresses that have one."""
    found = {}
    for address in addresses:
        row = db.execute("SELECT mark FROM contacts WHERE folded = ?", (_folded(address),)).fetchone()
        if row and row["mark"]:
            found[address] = row["mark"]
    return found
