"""What is kept on disk: the journal of attempts, the drafts, small memory, and the request bodies' files.

The only user of sqlite3. It decides nothing about mail: what it is given it gives back, exactly.

Invariants:
- folders are 0700 and files 0600, whatever the umask;
- what a method wrote is on the disk, not merely in a cache, when the method returns;
- an attempt begins once and gets one outcome; a body named by the journal is neither replaced nor removed;
- of two saves of a draft the higher revision stays; an accepted mail takes its draft along, in one transaction;
- nothing is ever deleted or changed in a file that cannot be understood;
- an account id is not written down: it stands in the keyring and in the request only.

Any number of threads may use one `Store`, any number of processes one folder.

StoreError             the disk or the database does not do what is needed; says which file and what to do
├── AttemptExists      this reviewed mail was already tried
├── NoSuchAttempt      no attempt in the journal has this id
└── NoSuchDraft        no draft has this id
"""

import os
import re
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from cfmail_tui.message import SavedDraft
from cfmail_tui.store import database, files, rows
from cfmail_tui.store.failures import AttemptExists, NoSuchAttempt, NoSuchDraft, StoreError, disk, plainly, understood
from cfmail_tui.store.files import BodyFile
from cfmail_tui.submission import Accepted, Attempt, Outcome, Submission

__all__ = ["DATABASE", "AttemptExists", "BodyFile", "NoSuchAttempt", "NoSuchDraft", "Store", "StoreError"]

DATABASE: Final = "cfmail.sqlite3"

_WORDS_LIMIT: Final = 200
"""Different words in one search; SQLite bounds the depth of an expression."""

_ATTEMPT_ID: Final = re.compile(r"[0-9a-z-]{8,64}")


class Store:
    """Everything kept in one folder. Raises StoreError from every method when disk or database fail."""

    def __init__(self, data_dir: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Open the folder, making what is missing; a file that is not understood is left exactly as it is."""
        self._clock = clock
        self._lock = threading.RLock()
        self._bodies = data_dir / "bodies"
        self._path = data_dir / DATABASE
        with disk(data_dir, "used"):
            files.private_folder(data_dir)
            files.private_folder(self._bodies)
            files.private_file(self._path)
        with plainly(self._path):
            self._db = database.opened(self._path)

    def close(self) -> None:
        with self._lock, plainly(self._path):
            self._db.close()

    # Request bodies

    def body_path(self, attempt_id: str) -> Path:
        """Where this attempt's request body is, or would be."""
        if not _ATTEMPT_ID.fullmatch(attempt_id):
            # The id becomes a file name: nothing that could lead out of the folder.
            raise StoreError(f"{attempt_id!r} cannot be the id of an attempt: 8 to 64 of a-z, 0-9 and -")
        return self._bodies / f"{attempt_id}.json"

    def write_body(self, attempt_id: str, chunks: Iterator[bytes]) -> BodyFile:
        """Write a request body, all of it or nothing; what `chunks` raises comes through, but for OSError."""
        path = self.body_path(attempt_id)
        partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with disk(path, "written"):
            descriptor = files.create(partial)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    body = files.copied(chunks, file)
                    file.flush()
                    os.fsync(descriptor)
                with self._transaction():
                    self._refuse_if_begun(attempt_id)
                    partial.replace(path)
                files.sync_folder(self._bodies)
            finally:
                partial.unlink(missing_ok=True)
        return body

    def open_body(self, attempt_id: str) -> BinaryIO:
        path = self.body_path(attempt_id)
        with disk(path, "read"):
            return path.open("rb")

    def discard_body(self, attempt_id: str) -> None:
        """Remove the body of a mail that was reviewed and not sent; refused once the journal names it."""
        path = self.body_path(attempt_id)
        with disk(path, "removed"), self._transaction():
            self._refuse_if_begun(attempt_id)
            path.unlink(missing_ok=True)

    def _refuse_if_begun(self, attempt_id: str) -> None:
        if self._has_begun(attempt_id):
            raise StoreError(f"{self.body_path(attempt_id)} belongs to a mail in the history and stays as it is")

    def _has_begun(self, attempt_id: str) -> bool:
        return self._db.execute("SELECT 1 FROM attempts WHERE id = ?", (attempt_id,)).fetchone() is not None

    # Journal

    def begin(self, submission: Submission, account: str, draft: SavedDraft | None = None) -> Attempt:
        """Write down that this mail is about to leave, and from which revision of which draft.

        Only when this returned may the wire be touched. Raises AttemptExists if it was called for this mail before.
        """
        self.body_path(submission.attempt_id)
        attempt = Attempt(submission, account, self._clock().astimezone(UTC))
        row = {
            "id": submission.attempt_id,
            "started_at": attempt.started_at.isoformat(),
            "account": rows.pack(account),
            "endpoint": submission.endpoint,
            "sender": rows.pack(submission.envelope.sender),
            "subject": rows.pack(submission.subject),
            "message_size": submission.message_size,
            "body_size": submission.body_size,
            "digest": submission.digest,
            "draft_id": rows.pack(draft.draft_id) if draft else None,
            "draft_revision": draft.revision if draft else None,
            "searchable": rows.searchable(attempt),
        }
        with self._transaction() as db:
            if self._has_begun(submission.attempt_id):
                raise AttemptExists("this mail was already sent or tried: see the history")
            insert = f"INSERT INTO attempts ({', '.join(row)}) VALUES (:{', :'.join(row)})"  # noqa: S608 - our own names
            seq = db.execute(insert, row).lastrowid
            db.executemany(
                "INSERT INTO recipients (attempt, position, address, asked) VALUES (?, ?, ?, 1)",
                ((seq, at, rows.pack(address)) for at, address in enumerate(submission.envelope.recipients)),
            )
        return attempt

    def finish(self, attempt_id: str, outcome: Outcome) -> Attempt:
        """Write down the attempt's one outcome; the same one again changes nothing, another raises StoreError.

        Accepted also removes the draft the mail was made from, unless it was edited after the review.
        """
        name, evidence = rows.outcome_name(outcome), rows.packed_json(asdict(outcome))
        with self._transaction() as db:
            row = self._row(attempt_id)
            attempt = self._attempt(row)
            if attempt.outcome is not None:
                if (row["outcome"], row["evidence"]) == (name, evidence):
                    return attempt
                raise StoreError(f"attempt {attempt_id} already ended as {row['outcome']}, not as {name}")
            finished_at = self._clock().astimezone(UTC)
            attempt = replace(attempt, outcome=outcome, finished_at=finished_at)
            db.execute(
                "UPDATE attempts SET outcome = ?, evidence = ?, finished_at = ?, searchable = ? WHERE seq = ?",
                (name, evidence, finished_at.isoformat(), rows.searchable(attempt), row["seq"]),
            )
            if isinstance(outcome, Accepted):
                envelope = attempt.submission.envelope
                db.executemany(
                    "INSERT INTO recipients (attempt, position, address, asked, fate) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT (attempt, position) DO UPDATE SET fate = excluded.fate",
                    (
                        (row["seq"], at, rows.pack(address), at < len(envelope.recipients), fate.value)
                        for at, (address, fate) in enumerate(outcome.receipt.fates(envelope))
                    ),
                )
                db.execute(
                    "DELETE FROM drafts WHERE id = ? AND revision <= ?", (row["draft_id"], row["draft_revision"])
                )
        return attempt

    def attempt(self, attempt_id: str) -> Attempt:
        """One row of history. Its submission has no account id, that is not kept. Raises NoSuchAttempt."""
        with self._reading():
            return self._attempt(self._row(attempt_id))

    def attempts(self, query: str = "", limit: int = 50, before: str | None = None) -> tuple[Attempt, ...]:
        """History, newest first, at most `limit`, only attempts older than the one called `before`.

        Each word of the query occurs, in upper or lower case, in the subject, a sender or recipient, the account, the
        outcome (accepted, refused, not_sent, unknown; sending while there is none) or the id.
        """
        words = sorted(set(query.casefold().split()), key=len, reverse=True)
        if len(words) > _WORDS_LIMIT:
            raise StoreError(f"a search for {len(words)} words at once, the limit is {_WORDS_LIMIT}")
        found = " AND ".join(["SELECT * FROM attempts WHERE (?1 IS NULL OR seq < ?1)", *[_HOLDS] * len(words)])
        with self._reading() as db:
            oldest = None if before is None else self._row(before)["seq"]
            kept = db.execute(f"{found} ORDER BY seq DESC LIMIT ?", (oldest, *map(rows.pack, words), max(limit, 0)))
            return tuple(self._attempt(row) for row in kept)

    def _row(self, attempt_id: str) -> sqlite3.Row:
        known = _ATTEMPT_ID.fullmatch(attempt_id)
        find = "SELECT * FROM attempts WHERE id = ?"
        row: sqlite3.Row | None = self._db.execute(find, (attempt_id,)).fetchone() if known else None
        if row is None:
            raise NoSuchAttempt(f"there is no attempt {attempt_id!r} in the history")
        return row

    def _attempt(self, row: sqlite3.Row) -> Attempt:
        addresses = self._db.execute(
            "SELECT address FROM recipients WHERE attempt = ? AND asked ORDER BY position", (row["seq"],)
        ).fetchall()
        with understood(self._path):
            return rows.attempt(row, tuple(rows.unpack(address) for (address,) in addresses))

    # Drafts

    def save_draft(self, draft: SavedDraft) -> None:
        """Keep what was typed, dated now; a revision that is not newer than the one kept changes nothing.

        Nor does one that was already sent and accepted: a late autosave does not bring its draft back.
        """
        row = (
            draft_id := rows.pack(draft.draft_id),
            draft.revision,
            self._clock().astimezone(UTC).isoformat(),
            *rows.packed_content(draft.content),
        )
        with self._transaction() as db:
            known = db.execute(_KNOWN_REVISIONS, (draft_id, draft_id)).fetchall()
            if all(draft.revision > revision for (revision,) in known):
                # A new row, not a changed one: `seq` is the order of saving.
                db.execute(
                    "REPLACE INTO drafts (id, revision, saved_at, kind, fields, source) VALUES (?, ?, ?, ?, ?, ?)", row
                )

    def draft(self, draft_id: str) -> SavedDraft:
        """The draft as it was last saved. Raises NoSuchDraft."""
        with self._reading() as db:
            row = db.execute("SELECT * FROM drafts WHERE id = ?", (rows.pack(draft_id),)).fetchone()
        if row is None:
            raise NoSuchDraft(f"there is no draft {draft_id!r}: it was sent, deleted or never saved")
        with understood(self._path):
            return rows.draft(row)

    def drafts(self) -> tuple[SavedDraft, ...]:
        """Every draft, the last saved first."""
        with self._reading() as db, understood(self._path):
            return tuple(map(rows.draft, db.execute("SELECT * FROM drafts ORDER BY seq DESC")))

    def delete_draft(self, draft_id: str) -> None:
        """Remove the draft, if there is one."""
        with self._transaction() as db:
            db.execute("DELETE FROM drafts WHERE id = ?", (rows.pack(draft_id),))

    # Small memory

    def remember(self, key: str, value: str) -> None:
        """Keep a small thing for the next start, such as the last From."""
        with self._transaction() as db:
            db.execute("REPLACE INTO memory (key, value) VALUES (?, ?)", (rows.pack(key), rows.pack(value)))

    def recall(self, key: str) -> str | None:
        """What was last remembered under this key."""
        with self._reading() as db:
            row = db.execute("SELECT value FROM memory WHERE key = ?", (rows.pack(key),)).fetchone()
        return None if row is None else rows.unpack(row["value"])

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, plainly(self._path):
            yield self._db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commits at the end, on the disk; rolls back whatever is raised."""
        with self._lock, plainly(self._path), self._db:
            # Immediate: two writers queue up here, instead of failing when a read turns into a write.
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db


_KNOWN_REVISIONS: Final = """
    SELECT revision FROM drafts WHERE id = ?
    UNION ALL SELECT draft_revision FROM attempts WHERE draft_id = ? AND outcome = 'accepted'
"""

_HOLDS: Final = "instr(searchable, ?)"
