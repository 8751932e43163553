"""What is kept on disk: the journal of attempts, the drafts, the list of accounts, small memory, and request bodies.

The only user of sqlite3. It decides nothing about mail: what it is given it gives back, exactly.

Invariants:
- folders are 0700 and files 0600, whatever the umask;
- what a method wrote is on the disk, not merely in a cache, when the method returns;
- an attempt begins once and gets one outcome; a body named by the journal is never replaced, and removed only with its
  mail, by the user's word, or when it is to be kept no longer;
- what the history is searched by, and whom mail was sent to, is written in the transactions of the journal;
- an attempt left open by a cfmail that died gets its outcome from the next one, of a living one it is never taken;
- of two saves of a draft the higher revision stays; an accepted mail takes its draft along, in one transaction;
- a mail is not repeated while another attempt at it is open, accepted, or may have arrived;
- of the mails with one key only one is ever sent, also when it stands in the history no more;
- a mail that waits to be tried again waits in one cfmail; it waits no more when it begins, in the same transaction, so
  that of any number who try one does; what died waiting is kept for the next one to ask about;
- nothing is ever deleted or changed in a file that cannot be understood;
- nothing is written into a database that has gone from its place: first what stands there now, or a new one, is opened,
  given the drafts, and this said; so it is with one that was found damaged, which is set aside;
- neither a secret nor an account id is written down: they stand where the secret is kept, and in the request.

Any number of threads may use one `Store`, any number of processes one folder.

StoreError             the disk or the database does not do what is needed; says which file and what to do
├── Damaged            the database makes no sense; the next use sets it aside
├── AttemptExists      this reviewed mail was already tried
├── NoSuchAttempt      no attempt in the journal has this id
├── NoSuchDraft        no draft has this id
└── NoSuchProfile      no account of this name is in the list
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from cfmail_tui.message import Draft, SavedDraft
from cfmail_tui.store import bodies, drafts, files, journal, rows, waiting
from cfmail_tui.store.contacts import Contact
from cfmail_tui.store.failures import (
    AttemptExists,
    Damaged,
    NoSuchAttempt,
    NoSuchDraft,
    NoSuchProfile,
    StoreError,
    disk,
    understood,
)
from cfmail_tui.store.files import BodyFile
from cfmail_tui.store.folder import DATABASE
from cfmail_tui.store.history import UNDO_TIME, DayCount, History, Retention
from cfmail_tui.store.profiles import Profiles
from cfmail_tui.store.salvage import KEYS_LOST
from cfmail_tui.store.waiting import Waiting
from cfmail_tui.submission import Accepted, Attempt, Contents, NotSent, Outcome, Submission, Unknown

__all__ = [
    "DATABASE",
    "KEYS_LOST",
    "AttemptExists",
    "BodyFile",
    "Contact",
    "Damaged",
    "DayCount",
    "NoSuchAttempt",
    "NoSuchDraft",
    "NoSuchProfile",
    "Profiles",
    "Retention",
    "Store",
    "StoreError",
    "Waiting",
]

_NOTHING: Final = Contents()


class Store(History):
    """Everything kept in one folder. Raises StoreError from every method when disk or database fail."""

    # Request bodies

    def write_body(self, attempt_id: str, chunks: Iterator[bytes]) -> BodyFile:
        """Write a request body, all of it or nothing; what `chunks` raises comes through, but for OSError."""
        with self._new_body(attempt_id) as partial:
            descriptor = files.create(partial)
            with os.fdopen(descriptor, "wb") as file:
                body = files.copied(chunks, file)
                file.flush()
                os.fsync(descriptor)
        return body

    @contextmanager
    def _new_body(self, attempt_id: str) -> Iterator[Path]:
        """Where to write a body: what is there at the end, on the disk, becomes this attempt's."""
        self._stay_in_place()
        path = self.body_path(attempt_id)
        partial = bodies.partial(path, self._instance.id)
        with disk(path, "written"), ExitStack() as on_failure:
            on_failure.callback(partial.unlink, missing_ok=True)
            yield partial
            with self._transaction() as db:
                self._refuse_if_begun(attempt_id)
                db.execute("REPLACE INTO bodies (attempt, owner) VALUES (?, ?)", (attempt_id, self._instance.id))
                on_failure.callback(path.unlink, missing_ok=True)
                partial.replace(path)
                # Of two links to one file a rename leaves both.
                partial.unlink(missing_ok=True)
            files.sync_folder(self._bodies)
            on_failure.pop_all()

    def again(self, attempt_id: str, new_id: str) -> Submission:
        """The same mail, octet for octet, for another attempt at it; nothing is begun.

        Raises StoreError if it must not be repeated, as `begin` does, or its body is gone; NoSuchAttempt.
        """
        with self._reading() as db:
            row = journal.found(db, attempt_id)
            journal.refuse_beside_itself(db, row)
            repeated = self._attempt(row).submission
        self.open_body(attempt_id).close()
        with self._new_body(new_id) as partial:
            files.duplicate(self.body_path(attempt_id), partial)
        return replace(repeated, attempt_id=new_id)

    def open_body(self, attempt_id: str) -> BinaryIO:
        path = self.body_path(attempt_id)
        with disk(path, "read"):
            return path.open("rb")

    def discard_body(self, attempt_id: str) -> None:
        """Remove the body of a mail that was reviewed and not sent; refused once the journal names it."""
        path = self.body_path(attempt_id)
        with disk(path, "removed"), self._transaction():
            self._refuse_if_begun(attempt_id)
            self._db.execute("DELETE FROM bodies WHERE attempt = ?", (attempt_id,))
            path.unlink(missing_ok=True)

    def _refuse_if_begun(self, attempt_id: str) -> None:
        if self._has_begun(attempt_id):
            raise StoreError(f"{self.body_path(attempt_id)} belongs to a mail in the history and stays as it is")

    def _has_begun(self, attempt_id: str) -> bool:
        return self._db.execute("SELECT 1 FROM attempts WHERE id = ?", (attempt_id,)).fetchone() is not None

    # Journal

    def begin(
        self,
        submission: Submission,
        account: str,
        draft: SavedDraft | None = None,
        *,
        again_of: str | None = None,
        contents: Contents = _NOTHING,
        key: str = "",
    ) -> Attempt:
        """Write down that this mail is about to be sent, from which revision of which draft, and which one it repeats.

        By its `contents` it is found. Of the mails with one `key` one is sent: only a repeat of it may begin after it.

        Only when this returned may the wire be touched. A repeat is of the same draft, unless another is given. If the
        outcome of what it repeats is unknown, that did not arrive from now on. The mail, and any other made from its
        draft, waits no more. Raises AttemptExists if it was called for this mail before, StoreError if it must not be
        repeated, waits in another cfmail that runs, or there would be no room for the outcome.
        """
        self._stay_in_place()
        self.body_path(submission.attempt_id)
        attempt = Attempt(submission, account, self._now(), is_test=contents.is_test)
        origin: rows.Origin = (rows.pack(draft.draft_id), draft.revision) if draft else (None, None)
        with disk(self._spare.path, "written"):
            self._spare.keep()
        with self._transaction() as db:
            if self._has_begun(submission.attempt_id):
                raise AttemptExists("this mail was already sent or tried: see the history")
            if again_of is not None:
                repeated = journal.found(db, again_of)
                journal.refuse_beside_itself(db, repeated)
                if repeated["outcome"] == Unknown.word:
                    journal.settle(db, repeated, arrived=False, now=self._now())
                attempt = replace(attempt, again_of=journal.root(repeated))
                origin = origin if draft else (repeated["draft_id"], repeated["draft_revision"])
            waiting.begin(db, attempt.again_of, origin[0], self._is_free)
            if key:
                journal.keep_key(db, key, attempt)
            journal.begin(db, attempt, origin, self._instance.id, contents)
            db.execute("DELETE FROM bodies WHERE attempt = ?", (submission.attempt_id,))
        return attempt

    def leaving(self, attempt_id: str) -> None:
        """Write down that the first octet is about to leave; it may when this returned. Until then it is not sent."""
        with self._transaction() as db:
            row = journal.found(db, attempt_id)
            if row["outcome"] is not None:
                raise StoreError(f"attempt {attempt_id} already ended as {row['outcome']}: nothing may leave")
            now = self._now().isoformat()
            db.execute("UPDATE attempts SET left_at = coalesce(left_at, ?) WHERE seq = ?", (now, row["seq"]))

    def finish(self, attempt_id: str, outcome: Outcome, *, next_at: datetime | None = None) -> Attempt:
        """Write down the attempt's one outcome; the same one again changes nothing, another raises StoreError.

        Accepted also removes the draft the mail was made from, unless it was edited after the review. With `next_at`
        the mail waits here to be tried again then; StoreError for an outcome after which it may have been sent. On a
        full disk the spare room is used.
        """
        if next_at and isinstance(outcome, Accepted | Unknown):
            raise StoreError(f"a mail that ended as {outcome.word} is never tried again by itself")
        return self._written_at_last(
            lambda last: self._finish(journal.found(self._db, attempt_id), outcome, next_at, contacts_too=not last)
        )

    def _finish(
        self, row: sqlite3.Row, outcome: Outcome, next_at: datetime | None = None, *, contacts_too: bool = False
    ) -> Attempt:
        attempt = self._attempt(row)
        name, evidence = rows.packed_outcome(outcome)
        if attempt.outcome is not None:
            if (row["outcome"], row["evidence"]) == (name, evidence):
                return attempt
            raise StoreError(f"attempt {row['id']} already ended as {row['outcome']}, not as {name}")
        attempt = replace(attempt, outcome=outcome, finished_at=self._now())
        journal.end(self._db, row, attempt, contacts_too=contacts_too)
        if next_at:
            waiting.put(self._db, row, next_at, self._instance.id)
        waiting.drop_sent(self._db)
        return attempt

    def settle(self, attempt_id: str, *, arrived: bool) -> Attempt:
        """The user's word on an unknown outcome, which the user may correct; about any other it raises StoreError.

        A mail that arrived takes its draft along as an accepted one does, but `restore_draft` brings it back; it waits
        no more.
        """
        with self._transaction() as db:
            row = journal.found(db, attempt_id)
            if row["outcome"] != "unknown":
                state = f"ended as {row['outcome']}" if row["outcome"] else "has not ended"
                raise StoreError(f"attempt {attempt_id} {state}: there is nothing to settle")
            journal.settle(db, row, arrived=arrived, now=self._now())
            if arrived:
                drafts.delete(db, row["draft_id"], self._now(), up_to=row["draft_revision"])
            waiting.drop_sent(db)
            return self._attempt(journal.found(db, attempt_id))

    def recover(self) -> tuple[Attempt, ...]:
        """End every attempt that a cfmail left open when it died, and tell which: not sent, or unknown if it had left.

        What living ones have open is theirs. Then sweeps what the dead left: bodies, claims, files of their own; and
        drafts deleted more than a week ago. Mails that wait stay, for the user to decide.
        """
        ended = self._written_at_last(
            lambda _last: tuple(
                self._finish(row, _LEFT if row["left_at"] or row["owner"] is None else _NOT_LEFT)
                for row in self._db.execute(journal.OPEN).fetchall()
                if not self._instance.lives(row["owner"] or "")
            )
        )
        # What cannot be swept today is no reason not to start.
        with suppress(StoreError, OSError):
            self._sweep()
        return ended

    def _sweep(self) -> None:
        with self._transaction() as db:
            drafts.forget_deleted(db, self._now() - UNDO_TIME)
            waiting.drop_sent(db)
            for table in ("claims", "bodies"):
                owners = db.execute(f"SELECT DISTINCT owner FROM {table} WHERE owner IS NOT NULL").fetchall()  # noqa: S608
                dead = [(owner,) for (owner,) in owners if not self._instance.lives(owner)]
                db.executemany(f"DELETE FROM {table} WHERE owner = ?", dead)  # noqa: S608 - our own names
            named = {body for (body,) in db.execute(_NAMED)}
            bodies.sweep(self._bodies, named, self._instance.lives)
        self._instance.sweep()

    # Mails that wait to be tried again

    def waiting(self) -> tuple[Waiting, ...]:
        """Those that wait here or in a dead cfmail, the next due first."""
        with self._reading() as db, understood(self._path):
            return waiting.listed(db, self._is_free)

    def adopt(self, root: str) -> bool:
        """Let the mail wait here, if it does already or in a dead cfmail; False if it waits elsewhere or no more."""
        with self._transaction() as db:
            return waiting.adopt(db, root, self._instance.id, self._is_free)

    def stop_waiting(self, root: str) -> bool:
        """Do not try the mail again, its draft stays; False if it waits in another cfmail that runs, or no more."""
        with self._transaction() as db:
            return waiting.stop(db, root, self._is_free)

    def _is_free(self, owner: str) -> bool:
        return owner == self._instance.id or not self._instance.lives(owner)

    # Drafts

    def save_draft(self, draft: SavedDraft) -> None:
        """Keep what was typed, dated now; a revision that is not newer than the one kept changes nothing.

        Nor does one that was already sent and accepted: a late autosave does not bring its draft back. Of the revision
        that is kept another cursor is taken over.
        """
        with self._transaction() as db:
            drafts.save(db, draft, self._now())

    def draft(self, draft_id: str) -> SavedDraft:
        """The draft as it was last saved. Raises NoSuchDraft."""
        with self._reading() as db, understood(self._path):
            return drafts.found(db, draft_id)

    def draft_of(self, attempt_id: str) -> SavedDraft | None:
        """The draft that the attempt was made from, if it is still what it was then. Raises NoSuchAttempt."""
        with self._reading() as db, understood(self._path):
            attempt = journal.found(db, attempt_id)
            return next((draft for draft in drafts.listed(db) if rows.is_of(draft, attempt)), None)

    def drafts(self) -> tuple[SavedDraft, ...]:
        """Every draft, the last saved first."""
        with self._reading() as db, understood(self._path):
            return drafts.listed(db)

    def attached_paths(self) -> frozenset[str]:
        """The paths of the files attached to drafts, also to deleted ones that can still be restored."""
        with self._reading() as db, understood(self._path):
            contents = [draft.content for draft in drafts.listed(db, deleted=True)]
        return frozenset(
            attached.path for content in contents if isinstance(content, Draft) for attached in content.attachments
        )

    def delete_draft(self, draft_id: str) -> None:
        """Remove the draft, if there is one; for a week it can be restored. Its mail waits no more here."""
        with self._transaction() as db:
            waiting.stop_draft(db, rows.pack(draft_id), self._is_free)
            drafts.delete(db, rows.pack(draft_id), self._now())

    def restore_draft(self, draft_id: str) -> SavedDraft:
        """Bring a deleted draft back as it was. Raises NoSuchDraft if there is none, or none any more."""
        with self._transaction() as db:
            drafts.restore(db, rows.pack(draft_id))
            return self.draft(draft_id)

    def claim_draft(self, draft_id: str) -> bool:
        """Open the draft here, saved or not; False if it is open, or its mail waits, in another cfmail that runs."""
        draft = rows.pack(draft_id)
        with self._transaction() as db:
            is_elsewhere = waiting.is_elsewhere(db, draft, self._is_free)
            return not is_elsewhere and drafts.claim(db, draft, self._instance.id, self._is_free)

    def release_draft(self, draft_id: str) -> None:
        """It is no longer open here."""
        with self._transaction() as db:
            drafts.release(db, rows.pack(draft_id), self._instance.id)

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


_NAMED: Final = "SELECT id FROM attempts WHERE body_gone = 0 UNION SELECT attempt FROM bodies"

_LEFT: Final = Unknown("cfmail ended before an answer came")
_NOT_LEFT: Final = NotSent("cfmail ended before the mail left")
