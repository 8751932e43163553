"""The journal as a history: searched, looked into, counted, deleted, and kept as long as is wished.

Invariants:
- a search finds what the journal says, all of it, but for attempts of an older cfmail that are still `unread`;
- a mail is deleted with every attempt at it, and for a week can be brought back; one of which something may still
  become, or which may have arrived and nobody said so, is never deleted, nor forgotten for its age;
- what is tidied up is done in steps, each a small transaction: in between others write.
"""

import sqlite3
from collections.abc import Generator, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from cfmail_tui.frozen import frozen
from cfmail_tui.searching import Search
from cfmail_tui.store import contacts, database, index, journal, rows
from cfmail_tui.store.contacts import Contact
from cfmail_tui.store.failures import NoSuchAttempt, disk, understood
from cfmail_tui.store.folder import Folder
from cfmail_tui.submission import Attempt, Contents, Detail, Later

EVERYTHING: Final = Search()

UNDO_TIME: Final = timedelta(days=7)

_STEP: Final = 50
"""Attempts that one step of tidying up changes: some milliseconds."""

_BLOCK: Final = 2000
"""Attempts that one step counts."""


@frozen
class Retention:
    """How long what is kept is kept; None is for ever.

    Of what is too old, or too much, the oldest goes first. Bodies are the mails as they were sent; without its body a
    mail can be found and looked up, and not be sent again or shown.
    """

    bodies_for: timedelta | None = None
    bodies_octets: int | None = None
    attempts: int | None = None
    redacts: bool = False
    """Whether with its body a mail also loses the words it can be found by; without a limit, when it was accepted."""


@frozen
class DayCount:
    """How many attempts were begun on a day, by the clock of this machine, as an account, and ended alike."""

    day: date
    account: str
    outcome: str
    number: int


class History(Folder):
    """The attempts that were begun. Raises StoreError from every method when disk or database fail."""

    def attempt(self, attempt_id: str) -> Attempt:
        """One row of history. Its submission has no account id, that is not kept. Raises NoSuchAttempt."""
        with self._reading() as db:
            return self._attempt(_shown(db, attempt_id))

    def attempts(self, asked: Search = EVERYTHING, limit: int = 50, before: str | None = None) -> tuple[Attempt, ...]:
        """Those asked for, newest first, at most `limit`, only attempts older than the one called `before`.

        What an older cfmail wrote and was not yet `read_in` is found by its time only.
        """
        with self._reading() as db:
            below = index.ABOVE_ALL if before is None else journal.found(db, before)["seq"]
            above = journal.unread(db) if asked.is_indexed else 0
            return self._read_all(index.rows(db, asked, above, below, max(limit, 0)))

    def count(self, asked: Search = EVERYTHING, most: int = 1000) -> int:
        """How many are asked for; `most` if there are as many or more."""
        with self._reading() as db:
            return index.count(db, asked, journal.unread(db) if asked.is_indexed else 0, most)

    def unsettled(self, limit: int) -> tuple[Attempt, ...]:
        """The newest attempts that may have arrived, of which nobody said yet whether they did."""
        with self._reading() as db:
            return self._read_all(db.execute(_UNSETTLED, (journal.unread(db), limit)).fetchall())

    def detail(self, attempt_id: str) -> Detail:
        """Everything that is known of an attempt. Raises NoSuchAttempt."""
        with self._reading() as db, understood(self._path):
            row = _shown(db, attempt_id)
            files, findings = rows.contents(row["contents"])
            tried = journal.chain(db, row)
            return Detail(
                attempt=journal.read(db, row),
                attempts=journal.read_all(db, tried),
                left_at=_moment(row["left_at"]),
                settled_at=_moment(row["settled_at"]),
                files=files,
                # The very mail sent again was not looked through again.
                findings=findings or rows.contents(tried[0]["contents"])[1],
                has_body=not row["body_gone"] and self.body_path(attempt_id).is_file(),
            )

    def _attempt(self, row: sqlite3.Row) -> Attempt:
        return self._read_all([row])[0]

    def _read_all(self, found: Sequence[sqlite3.Row]) -> tuple[Attempt, ...]:
        with understood(self._path):
            return journal.read_all(self._db, found)

    def learn(self, attempt_id: str, news: Sequence[Later]) -> Attempt:
        """Write down what became of queued recipients of an accepted mail. Raises NoSuchAttempt."""
        with self._transaction() as db:
            row = journal.found(db, attempt_id)
            journal.learn(db, row, news)
            return self._attempt(row)

    def counts(self, since: datetime) -> tuple[DayCount, ...]:
        """How many attempts began each day from then on, by account and outcome, the first day first."""
        with self._reading() as db, understood(self._path):
            found = db.execute(_COUNTS, (since.astimezone(UTC).isoformat(),)).fetchall()
            return tuple(DayCount(date.fromisoformat(row[0]), rows.unpack(row[1]), row[2], row[3]) for row in found)

    # Deleting

    def delete(self, attempt_id: str) -> None:
        """Take the mail, with every attempt at it, out of the history; for a week it can be restored.

        Raises NoSuchAttempt, and StoreError for a mail that is being sent, waits, or may have arrived.
        """
        with self._transaction() as db:
            row = _shown(db, attempt_id)
            journal.refuse_if_unfinished(db, row)
            self._mark_deleted(row, self._now().isoformat())

    def restore(self, attempt_id: str) -> None:
        """Bring a deleted mail back. Raises NoSuchAttempt if it is there no more."""
        with self._transaction() as db:
            self._mark_deleted(journal.found(db, attempt_id), None)

    def _mark_deleted(self, row: sqlite3.Row, at: str | None) -> None:
        for tried in journal.chain(self._db, row):
            self._db.execute("UPDATE attempts SET deleted_at = ? WHERE seq = ?", (at, tried["seq"]))
            index.mark_deleted(self._db, tried["seq"], is_deleted=at is not None)

    # What an older cfmail wrote

    def unread(self, limit: int) -> tuple[Attempt, ...]:
        """The newest attempts of an older cfmail that cannot yet be found by what they say."""
        with self._reading() as db:
            newest = "SELECT * FROM attempts WHERE seq <= ? ORDER BY seq DESC LIMIT ?"
            return self._read_all(db.execute(newest, (journal.unread(db), limit)).fetchall())

    def read_in(self, found: Sequence[tuple[str, Contents]]) -> None:
        """Let these be found, which `unread` gave in this order; what another cfmail has read stays as it is."""
        with self._transaction() as db, understood(self._path):
            for attempt_id, contents in found:
                row = db.execute("SELECT * FROM attempts WHERE id = ?", (attempt_id,)).fetchone()
                if row and row["seq"] == journal.unread(db):
                    journal.read_in(db, row, contents)

    def by_keys(self, keys: Iterable[str]) -> dict[str, tuple[Attempt, ...]]:
        """Of the mails with these keys those that were begun: every attempt at each, the first first.

        There is none of one that was deleted from the history.
        """
        found: dict[str, tuple[Attempt, ...]] = {}
        for key in keys:
            with self._reading() as db, understood(self._path):
                if (attempts := journal.by_key(db, key)) is not None:
                    found[key] = attempts
        return found

    # Whom mail was sent to

    def complete(self, typed: str, limit: int) -> tuple[Contact, ...]:
        """Who was written to, of the names and addresses with all words typed, the most and the latest first."""
        with self._reading() as db, understood(self._path):
            return tuple(contacts.complete(db, typed, limit))

    def marks(self, addresses: Sequence[str]) -> dict[str, str]:
        """Of these addresses those to which the last mail was "bounced" or "suppressed"."""
        with self._reading() as db, understood(self._path):
            return contacts.marks(db, addresses)

    def mark_suppressed(self, addresses: Sequence[str], *, is_suppressed: bool) -> None:
        """Learn of those of these that mail was sent to whether they are on the suppression list now."""
        with self._transaction() as db:
            for address in addresses:
                contacts.mark_suppressed(db, address, is_suppressed=is_suppressed)

    # Keeping

    def tidying(self, kept: Retention) -> Generator[None, None, None]:
        """Forget what was deleted more than a week ago, and what is to be kept no longer; each step is a small one.

        Between two steps nothing is held, and whoever stops in between leaves nothing half done.
        """
        for name, statement in database.LATER.items():
            with self._reading() as db:
                is_there = db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone()
            if not is_there:
                with self._transaction() as db:
                    db.execute(statement)
                yield
        before = (self._now() - UNDO_TIME).isoformat()
        while self._forget(f"{_DELETED} AND deleted_at < ?", before, contacts_too=True):
            yield
        if kept.attempts is not None:
            upto = yield from self._beyond(kept.attempts, "1")
            while self._forget("seq <= ?", upto, contacts_too=False):
                yield
        if kept.bodies_octets is not None:
            upto = yield from self._beyond(kept.bodies_octets, "(1 - body_gone) * body_size")
            while self._drop_bodies("seq <= ?", upto, redacts=kept.redacts):
                yield
        if kept.bodies_for is not None or (kept.redacts and kept.bodies_octets is None):
            oldest = (self._now() - (kept.bodies_for or timedelta())).isoformat()
            while self._drop_bodies("started_at < ?", oldest, redacts=kept.redacts):
                yield

    def _beyond(self, most: int, weight: str) -> Generator[None, None, int]:
        """The newest attempt that is too many, counting from the newest with these weights; 0 if there is none."""
        below = index.ABOVE_ALL
        block = f"SELECT seq, {weight} AS weight FROM attempts WHERE seq < ? ORDER BY seq DESC LIMIT {_BLOCK}"  # noqa: S608
        while True:
            with self._reading() as db:
                found = db.execute(block, (below,)).fetchall()
            for row in found:
                most -= row["weight"]
                if most < 0:
                    seq: int = row["seq"]
                    return seq
            if len(found) < _BLOCK:
                return 0
            below = found[-1]["seq"]
            yield

    def _forget(self, condition: str, value: object, *, contacts_too: bool) -> int:
        """Remove some attempts from the journal, then their bodies; gives how many."""
        statement = f"SELECT * FROM attempts WHERE {condition} AND {_FINISHED} ORDER BY seq LIMIT {_STEP}"  # noqa: S608
        with self._transaction() as db, understood(self._path):
            found = db.execute(statement, (value,)).fetchall()
            for row in found:
                if contacts_too and row["seq"] > journal.unread(db):
                    contacts.forget(db, journal.read(db, row))
                journal.forget(db, row)
        self._remove_bodies(found)
        return len(found)

    def _drop_bodies(self, condition: str, value: object, *, redacts: bool) -> int:
        statement = (
            f"SELECT * FROM attempts WHERE body_gone = 0 AND {condition} AND {_FINISHED} ORDER BY seq LIMIT {_STEP}"  # noqa: S608
        )
        with self._transaction() as db, understood(self._path):
            found = db.execute(statement, (value,)).fetchall()
            for row in found:
                db.execute("UPDATE attempts SET body_gone = 1 WHERE seq = ?", (row["seq"],))
                if redacts and row["seq"] > journal.unread(db):
                    index.redact(db, row["seq"])
        self._remove_bodies(found)
        return len(found)

    def _remove_bodies(self, found: list[sqlite3.Row]) -> None:
        """What the journal names no more; a file that a crash leaves behind is swept by the next start."""
        for row in found:
            path = self.body_path(row["id"])
            with disk(path, "removed"):
                path.unlink(missing_ok=True)


def _shown(db: sqlite3.Connection, attempt_id: str) -> sqlite3.Row:
    row = journal.found(db, attempt_id)
    if row["deleted_at"]:
        raise NoSuchAttempt(f"the attempt {attempt_id!r} was deleted")
    return row


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


_UNSETTLED: Final = """
    SELECT * FROM attempts
    WHERE (seq IN (SELECT attempt FROM labels WHERE label = 'status:unknown') OR seq <= ?)
    AND outcome = 'unknown' AND settled IS NULL AND deleted_at IS NULL ORDER BY seq DESC LIMIT ?
"""

_DELETED: Final = "seq IN (SELECT attempt FROM labels WHERE label = 'deleted')"

_COUNTS: Final = """
    SELECT date(started_at, 'localtime') AS day, account, coalesce(outcome, 'open'), count(*) FROM attempts
    WHERE started_at >= ? AND deleted_at IS NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""

_FINISHED: Final = """
    outcome IS NOT NULL AND (outcome != 'unknown' OR settled IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM waiting WHERE root IN (attempts.id, attempts.again_of))
"""
"""Nothing can become of it any more."""
