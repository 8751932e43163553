"""The attempts in the database: found, ended, and which may be repeated. Functions over a connection that is writing.

A chain is a mail with all its attempts: the root, which was the first, and those whose `again_of` is the root's id.
"""

import re
import sqlite3
from typing import Final

from cfmail_tui.store import rows
from cfmail_tui.store.failures import NoSuchAttempt, StoreError
from cfmail_tui.submission import Accepted, Attempt

ATTEMPT_ID: Final = re.compile(r"[0-9a-z-]{8,64}")

OPEN: Final = "SELECT * FROM attempts WHERE outcome IS NULL ORDER BY seq"

_WORDS_LIMIT: Final = 200
"""Different words in one search; SQLite bounds the depth of an expression."""

_HOLDS: Final = "instr(searchable, ?)"


def found(db: sqlite3.Connection, attempt_id: str) -> sqlite3.Row:
    """The attempt's row. Raises NoSuchAttempt."""
    known = ATTEMPT_ID.fullmatch(attempt_id)
    row: sqlite3.Row | None = known and db.execute("SELECT * FROM attempts WHERE id = ?", (attempt_id,)).fetchone()
    if row is None:
        raise NoSuchAttempt(f"there is no attempt {attempt_id!r} in the history")
    return row


def search(db: sqlite3.Connection, query: str, limit: int, before: str | None) -> list[sqlite3.Row]:
    """The newest rows in which each word occurs, older than the attempt called `before`."""
    words = sorted(set(query.casefold().split()), key=len, reverse=True)
    if len(words) > _WORDS_LIMIT:
        raise StoreError(f"a search for {len(words)} words at once, the limit is {_WORDS_LIMIT}")
    holding = " AND ".join(["SELECT * FROM attempts WHERE (?1 IS NULL OR seq < ?1)", *[_HOLDS] * len(words)])
    oldest = None if before is None else found(db, before)["seq"]
    values = (oldest, *map(rows.pack, words), max(limit, 0))
    return db.execute(f"{holding} ORDER BY seq DESC LIMIT ?", values).fetchall()


def read(db: sqlite3.Connection, row: sqlite3.Row) -> Attempt:
    """The attempt that stands in this row."""
    addresses = db.execute(
        "SELECT address FROM recipients WHERE attempt = ? AND asked ORDER BY position", (row["seq"],)
    ).fetchall()
    return rows.attempt(row, (address for (address,) in addresses))


def end(db: sqlite3.Connection, row: sqlite3.Row, attempt: Attempt) -> None:
    """Write down the attempt with its outcome; an accepted one takes its draft along."""
    rows.update_outcome(db, row["seq"], attempt)
    if isinstance(attempt.outcome, Accepted):
        sent = (row["draft_id"], row["draft_revision"])
        db.execute("DELETE FROM drafts WHERE id = ? AND revision <= ?", sent)


def root(row: sqlite3.Row) -> str:
    """The id of the first attempt in this one's chain."""
    first: str = row["again_of"] or row["id"]
    return first


def tries(db: sqlite3.Connection, root_id: str) -> int:
    count: int = db.execute("SELECT count(*) FROM attempts WHERE id = ?1 OR again_of = ?1", (root_id,)).fetchone()[0]
    return count


def refuse_beside_itself(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Raise StoreError if any attempt at this mail was accepted, arrived, or may be on its way.

    The one that is to be repeated may be unknown: the user has decided to send it again. Another mail of the same
    draft that is being sent is an attempt at this one.
    """
    for tried in db.execute(_BESIDE, (root(row), row["draft_id"])).fetchall():
        match tried["outcome"], tried["settled"]:
            case None, _:
                why = "is being sent"
            case "accepted", _:
                why = "was accepted"
            case "unknown", 1:
                why = "arrived"
            case "unknown", None if tried["id"] != row["id"]:
                why = "may have been sent by another attempt: say first whether it arrived"
            case _:
                continue
        raise StoreError(f"this mail is not sent again: it {why} (attempt {tried['id']})")


_BESIDE: Final = """
    SELECT id, outcome, settled FROM attempts
    WHERE id = ?1 OR again_of = ?1 OR (draft_id = ?2 AND outcome IS NULL) ORDER BY seq
"""
