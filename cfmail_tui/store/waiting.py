"""The mails that wait to be tried again: a row for each, by its root. Functions over a connection that is writing.

Invariants:
- a mail that waits has ended as not sent or refused, and none of its attempts is open, accepted or has arrived;
- nor has its draft been accepted or arrived by another mail, or may have been by one that began later;
- it belongs to one cfmail; only when that one is dead another may have it.
"""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from cfmail_tui.frozen import frozen
from cfmail_tui.store import journal, rows
from cfmail_tui.store.failures import StoreError
from cfmail_tui.submission import Attempt


@frozen
class Waiting:
    """A mail that is to be tried again at `next_at` (UTC), after `tries` attempts of which `attempt` is the last."""

    root: str
    """The id of its first attempt."""
    attempt: Attempt
    tries: int
    next_at: datetime
    draft: tuple[str, int] | None
    """Id and revision of the draft it was made from, if there was one."""


IsFree = Callable[[str], bool]
"""Whether what an instance owns may be taken: it is this one, or dead."""


def put(db: sqlite3.Connection, row: sqlite3.Row, next_at: datetime, owner: str) -> None:
    """Let the mail wait whose attempt in this row has just ended."""
    root = journal.root(row)
    db.execute(
        "REPLACE INTO waiting (root, last, tries, next_at, owner) VALUES (?, ?, ?, ?, ?)",
        (root, row["id"], journal.tries(db, root), _stamp(next_at), owner),
    )


def listed(db: sqlite3.Connection, is_free: IsFree) -> tuple[Waiting, ...]:
    """What may be taken, the next due first."""
    kept = [_read(db, row) for row in db.execute(_ALL).fetchall() if is_free(row["waiting_owner"])]
    return tuple(sorted(kept, key=lambda mail: mail.next_at))


def _read(db: sqlite3.Connection, row: sqlite3.Row) -> Waiting:
    tries, next_at = due(row)
    draft = None if row["draft_id"] is None else (rows.unpack(row["draft_id"]), row["draft_revision"])
    return Waiting(row["root"], journal.read(db, row), tries, next_at, draft)


def due(row: rows.Row) -> tuple[int, datetime]:
    """How often the mail was tried, and when it is again. What makes no sense raises as in `rows`."""
    return int(row["tries"]), datetime.fromisoformat(row["next_at"]).astimezone(UTC)


def adopt(db: sqlite3.Connection, root: str, owner: str, is_free: IsFree) -> bool:
    found = _owners(db, root)
    if is_mine := bool(found) and all(map(is_free, found)):
        db.execute("UPDATE waiting SET owner = ? WHERE root = ?", (owner, root))
    return is_mine


def stop(db: sqlite3.Connection, root: str, is_free: IsFree) -> bool:
    found = _owners(db, root)
    if is_mine := bool(found) and all(map(is_free, found)):
        db.execute("DELETE FROM waiting WHERE root = ?", (root,))
    return is_mine


def _owners(db: sqlite3.Connection, root: str) -> list[str]:
    return [owner for (owner,) in db.execute("SELECT owner FROM waiting WHERE root = ?", (root,))]


def is_elsewhere(db: sqlite3.Connection, draft_id: bytes, is_free: IsFree) -> bool:
    """Whether a mail made from this draft waits in another cfmail that runs."""
    return not all(is_free(row["waiting_owner"]) for row in db.execute(_OF_DRAFT, (draft_id,)).fetchall())


def stop_draft(db: sqlite3.Connection, draft_id: bytes, is_free: IsFree) -> None:
    """No mail made from this draft waits any more, but for those of other cfmails that run."""
    for row in db.execute(_OF_DRAFT, (draft_id,)).fetchall():
        stop(db, row["root"], is_free)


def begin(db: sqlite3.Connection, root: str, draft_id: bytes | None, is_free: IsFree) -> None:
    """The mail, or another of the same draft, is about to be sent: it waits no more.

    Raises StoreError if it waits in another cfmail that runs, which could send it at the same time.
    """
    roots = {root, *(row["root"] for row in db.execute(_OF_DRAFT, (draft_id,)).fetchall())}
    for waiting in sorted(roots):
        if _owners(db, waiting) and not stop(db, waiting, is_free):
            raise StoreError("another cfmail is about to send this mail again: wait for it, or stop it there")


def drop_sent(db: sqlite3.Connection) -> None:
    """Nothing waits that was sent meanwhile, by whomever, or whose last attempt is gone or may have been sent."""
    db.execute(_DROP_SENT)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


_ALL: Final = """
    SELECT attempts.*, root, tries, next_at, waiting.owner AS waiting_owner
    FROM waiting JOIN attempts ON attempts.id = waiting.last
"""

_OF_DRAFT: Final = """
    SELECT root, waiting.owner AS waiting_owner FROM waiting JOIN attempts ON attempts.id = waiting.last
    WHERE draft_id = ?
"""

_DROP_SENT: Final = """
    DELETE FROM waiting WHERE NOT EXISTS (
        SELECT 1 FROM attempts WHERE id = waiting.last AND outcome IN ('not_sent', 'refused')
    ) OR EXISTS (
        SELECT 1 FROM attempts AS last JOIN attempts AS sent
            ON sent.id = waiting.root OR sent.again_of = waiting.root
            OR (sent.draft_id = last.draft_id AND sent.draft_revision >= last.draft_revision)
        WHERE last.id = waiting.last AND (
            sent.outcome = 'accepted' OR sent.settled = 1
            OR (sent.outcome = 'unknown' AND sent.settled IS NULL AND sent.seq > last.seq)
        )
    )
"""
