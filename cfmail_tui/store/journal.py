"""The attempts in the database: found, ended, and which may be repeated. Functions over a connection that is writing.

A chain is a mail with all its attempts: the root, which was the first, and those whose `again_of` is the root's id.
"""

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from cfmail_tui.store import contacts, index, rows
from cfmail_tui.store.failures import NoSuchAttempt, StoreError
from cfmail_tui.submission import Accepted, Attempt, Contents, Later

ATTEMPT_ID: Final = re.compile(r"[0-9a-z-]{8,64}")

OPEN: Final = "SELECT * FROM attempts WHERE outcome IS NULL ORDER BY seq"


def found(db: sqlite3.Connection, attempt_id: str) -> sqlite3.Row:
    """The attempt's row. Raises NoSuchAttempt."""
    known = ATTEMPT_ID.fullmatch(attempt_id)
    row: sqlite3.Row | None = known and db.execute("SELECT * FROM attempts WHERE id = ?", (attempt_id,)).fetchone()
    if row is None:
        raise NoSuchAttempt(f"there is no attempt {attempt_id!r} in the history")
    return row


def read(db: sqlite3.Connection, row: sqlite3.Row) -> Attempt:
    """The attempt that stands in this row."""
    return read_all(db, [row])[0]


def read_all(db: sqlite3.Connection, found: Sequence[sqlite3.Row]) -> tuple[Attempt, ...]:
    """The attempts that stand in these rows."""
    people: dict[int, list[sqlite3.Row]] = {row["seq"]: [] for row in found}
    for start in range(0, len(found), _AT_ONCE):
        numbers = [row["seq"] for row in found[start : start + _AT_ONCE]]
        of_these = f"SELECT * FROM recipients WHERE attempt IN ({', '.join('?' * len(numbers))})"  # noqa: S608
        for person in db.execute(f"{of_these} ORDER BY attempt, position", numbers):
            people[person["attempt"]].append(person)
    return tuple(rows.attempt(row, people[row["seq"]]) for row in found)


_AT_ONCE: Final = 500
"""Values of one statement; older versions of SQLite take 999."""


def begin(db: sqlite3.Connection, attempt: Attempt, origin: rows.Origin, owner: str, contents: Contents) -> None:
    """Write down an attempt that begins."""
    index.add(db, rows.insert_attempt(db, attempt, origin, owner, contents), attempt, contents)


def end(db: sqlite3.Connection, row: sqlite3.Row, attempt: Attempt, *, contacts_too: bool) -> None:
    """Write down the attempt with its outcome; an accepted one takes its draft along, and its recipients are known."""
    before = read(db, row)
    rows.update_outcome(db, row["seq"], attempt)
    index.relabel(db, row["seq"], before, attempt)
    if isinstance(attempt.outcome, Accepted):
        sent = (row["draft_id"], row["draft_revision"])
        db.execute("DELETE FROM drafts WHERE id = ? AND revision <= ?", sent)
        # Those of an attempt that was not yet read are met when it is.
        if contacts_too and row["seq"] > unread(db):
            contacts.met(db, attempt, names(db, row["seq"]))


def names(db: sqlite3.Connection, seq: int) -> dict[str, str]:
    """The recipients of an attempt that are known by name."""
    named = db.execute("SELECT address, name FROM recipients WHERE attempt = ? AND name IS NOT NULL", (seq,))
    return {rows.unpack(address): rows.unpack(name) for address, name in named}


def settle(db: sqlite3.Connection, row: sqlite3.Row, *, arrived: bool, now: datetime) -> None:
    """Write down the user's word on an unknown outcome."""
    before = read(db, row)
    db.execute("UPDATE attempts SET settled = ?, settled_at = ? WHERE seq = ?", (arrived, now.isoformat(), row["seq"]))
    index.relabel(db, row["seq"], before, replace(before, settled=arrived))


def learn(db: sqlite3.Connection, row: sqlite3.Row, news: Iterable[Later]) -> None:
    """Write down what became of recipients that were queued; the last news counts."""
    before = read(db, row)
    for one in news:
        detail = (one.fate.value, one.at.isoformat(), rows.pack(one.detail), row["seq"], rows.pack(one.recipient))
        db.execute(
            "UPDATE recipients SET later = ?, later_at = ?, later_detail = ?"
            " WHERE attempt = ? AND address = ? AND fate = 'queued'",
            detail,
        )
        contacts.mark(db, one.recipient, one.fate)
    index.relabel(db, row["seq"], before, read(db, row))


def unread(db: sqlite3.Connection) -> int:
    """The newest attempt that an older cfmail wrote and that was not yet read into the index; 0 if there is none."""
    newest: int = db.execute(_UNREAD).fetchone()[0]
    return newest


def read_in(db: sqlite3.Connection, row: sqlite3.Row, contents: Contents) -> None:
    """Let an attempt be found that an older cfmail wrote, or that was saved from a damaged database.

    What the journal knows of its contents stays. The next older one is the newest unread then.
    """
    attempt = read(db, row)
    if row["contents"] is None:
        db.execute("UPDATE attempts SET contents = ? WHERE seq = ?", (rows.packed_contents(contents), row["seq"]))
    else:
        contents = replace(contents, files=rows.contents(row["contents"])[0])
    index.add(db, row["seq"], attempt, contents)
    index.mark_deleted(db, row["seq"], is_deleted=row["deleted_at"] is not None)
    db.executemany(
        "UPDATE recipients SET name = ? WHERE attempt = ? AND address = ? AND name IS NULL",
        ((rows.pack(one.display_name), row["seq"], rows.pack(one.addr_spec)) for one in contents.recipients),
    )
    contacts.met(db, attempt, names(db, row["seq"]))
    db.execute("UPDATE unread SET upto = ?", (row["seq"] - 1,))


def chain(db: sqlite3.Connection, row: sqlite3.Row) -> list[sqlite3.Row]:
    """Every attempt at this mail, the first first."""
    return db.execute(_CHAIN, (root(row),)).fetchall()


def refuse_if_unfinished(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Raise StoreError if something may still become of the mail, which must then not be forgotten."""
    for tried in chain(db, row):
        if tried["outcome"] is None:
            raise StoreError("this mail is being sent: it cannot be deleted now")
        if tried["outcome"] == "unknown" and tried["settled"] is None:
            raise StoreError("this mail may have been sent: say first whether it arrived, then delete it")
    if db.execute("SELECT 1 FROM waiting WHERE root = ?", (root(row),)).fetchone():
        raise StoreError("this mail waits to be tried again: stop that first, then delete it")


def forget(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Remove the attempt from the journal and all that was made of it; its body's file is left to the caller."""
    index.remove(db, row["seq"], read(db, row))
    db.execute("DELETE FROM attempts WHERE seq = ?", (row["seq"],))


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


def keep_key(db: sqlite3.Connection, key: str, attempt: Attempt) -> None:
    """Let the attempt, which is about to begin, be one at the mail of this key.

    Raises StoreError if there was one at it already which this does not repeat.
    """
    root_id = attempt.again_of or attempt.submission.attempt_id
    row = db.execute("SELECT root FROM idempotency WHERE key = ?", (key,)).fetchone()
    if row is None:
        db.execute("INSERT INTO idempotency (key, root) VALUES (?, ?)", (key, root_id))
    elif row["root"] != root_id:
        raise StoreError(f"this mail was already sent or tried (attempt {row['root']})")


def by_key(db: sqlite3.Connection, key: str) -> tuple[Attempt, ...] | None:
    """Every attempt at the mail of this key that is in the history, the first first; None if it was never begun."""
    row = db.execute("SELECT root FROM idempotency WHERE key = ?", (key,)).fetchone()
    if row is None:
        return None
    return read_all(db, db.execute(_CHAIN, (row["root"],)).fetchall())


_CHAIN: Final = "SELECT * FROM attempts WHERE id = ?1 OR again_of = ?1 ORDER BY seq"

_UNREAD: Final = "SELECT coalesce((SELECT max(seq) FROM attempts WHERE seq <= upto), 0) FROM unread"

_BESIDE: Final = """
    SELECT id, outcome, settled FROM attempts
    WHERE id = ?1 OR again_of = ?1 OR (draft_id = ?2 AND outcome IS NULL) ORDER BY seq
"""
