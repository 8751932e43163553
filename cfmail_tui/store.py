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

import errno
import hashlib
import json
import os
import re
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, assert_never

from cfmail_tui.message import AttachmentDraft, Draft, MailError, RawDraft, SavedDraft
from cfmail_tui.submission import Accepted, Attempt, Envelope, NotSent, Outcome, Receipt, Refused, Submission, Unknown

DATABASE: Final = "cfmail.sqlite3"

_BUSY_TIMEOUT: Final = 5.0
"""Seconds to wait for another process that is writing."""

_WORDS_LIMIT: Final = 200
"""Different words in one search; SQLite bounds the depth of an expression."""

_ATTEMPT_ID: Final = re.compile(r"[0-9a-z-]{8,64}")

_APPLICATION_ID: Final = 0x63666D6C
"""Marks the database as ours for file(1) and for `_check` ("cfml")."""

# Text that came from outside is kept as octets, see `_pack`. `seq` is the order: clocks jump.
_MIGRATIONS: Final = (
    """
    CREATE TABLE attempts (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        started_at TEXT NOT NULL, finished_at TEXT,
        outcome TEXT CHECK (outcome IN ('accepted', 'refused', 'not_sent', 'unknown')), evidence BLOB,
        account BLOB NOT NULL, endpoint TEXT NOT NULL, sender BLOB NOT NULL, subject BLOB NOT NULL,
        message_size INTEGER NOT NULL, body_size INTEGER NOT NULL, digest TEXT NOT NULL,
        draft_id BLOB, draft_revision INTEGER,
        searchable BLOB NOT NULL,
        CHECK ((outcome IS NULL) = (finished_at IS NULL) AND (outcome IS NULL) = (evidence IS NULL))
    );
    CREATE INDEX attempts_of_draft ON attempts (draft_id) WHERE draft_id IS NOT NULL;
    CREATE TABLE recipients (
        attempt INTEGER NOT NULL REFERENCES attempts ON DELETE CASCADE,
        position INTEGER NOT NULL,
        address BLOB NOT NULL, asked INTEGER NOT NULL, fate TEXT,
        PRIMARY KEY (attempt, position)
    ) WITHOUT ROWID;
    CREATE TABLE drafts (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id BLOB NOT NULL UNIQUE,
        revision INTEGER NOT NULL, saved_at TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('form', 'raw')), fields BLOB NOT NULL, source BLOB
    );
    CREATE TABLE memory (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    """,
)
"""Script n leads from schema version n to n + 1; one that was released is never edited."""


class StoreError(MailError):
    """The disk or the database does not do what is needed; the text names the file and what to do."""


class AttemptExists(StoreError):  # noqa: N818 - it reads as what it is
    """The reviewed mail was already tried: it gets one attempt."""


class NoSuchAttempt(StoreError):  # noqa: N818 - it reads as what it is
    """No attempt in the journal has this id."""


class NoSuchDraft(StoreError):  # noqa: N818 - it reads as what it is
    """No draft has this id: it was never saved, or it was sent or deleted."""


@dataclass(frozen=True, slots=True)
class BodyFile:
    """A request body as it stands on disk: octets, and SHA-256 in hexadecimal."""

    size: int
    digest: str


class Store:
    """Everything kept in one folder. Raises StoreError from every method when disk or database fail."""

    def __init__(self, data_dir: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Open the folder, making what is missing; a file that is not understood is left exactly as it is."""
        self._clock = clock
        self._lock = threading.RLock()
        self._bodies = data_dir / "bodies"
        self._path = data_dir / DATABASE
        with _disk(data_dir, "used"):
            _private_folder(data_dir)
            _private_folder(self._bodies)
            _private_file(self._path)
        with _plainly(self._path):
            self._db = _opened(self._path)

    def close(self) -> None:
        with self._lock, _plainly(self._path):
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
        with _disk(path, "written"):
            descriptor = _create(partial)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    body = _copied(chunks, file)
                    file.flush()
                    os.fsync(descriptor)
                with self._transaction():
                    self._refuse_if_begun(attempt_id)
                    partial.replace(path)
                _sync_folder(self._bodies)
            finally:
                partial.unlink(missing_ok=True)
        return body

    def open_body(self, attempt_id: str) -> BinaryIO:
        path = self.body_path(attempt_id)
        with _disk(path, "read"):
            return path.open("rb")

    def discard_body(self, attempt_id: str) -> None:
        """Remove the body of a mail that was reviewed and not sent; refused once the journal names it."""
        path = self.body_path(attempt_id)
        with _disk(path, "removed"), self._transaction():
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
            "account": _pack(account),
            "endpoint": submission.endpoint,
            "sender": _pack(submission.envelope.sender),
            "subject": _pack(submission.subject),
            "message_size": submission.message_size,
            "body_size": submission.body_size,
            "digest": submission.digest,
            "draft_id": _pack(draft.draft_id) if draft else None,
            "draft_revision": draft.revision if draft else None,
            "searchable": _searchable(attempt),
        }
        with self._transaction() as db:
            if self._has_begun(submission.attempt_id):
                raise AttemptExists("this mail was already sent or tried: see the history")
            insert = f"INSERT INTO attempts ({', '.join(row)}) VALUES (:{', :'.join(row)})"  # noqa: S608 - our own names
            seq = db.execute(insert, row).lastrowid
            db.executemany(
                "INSERT INTO recipients (attempt, position, address, asked) VALUES (?, ?, ?, 1)",
                ((seq, at, _pack(address)) for at, address in enumerate(submission.envelope.recipients)),
            )
        return attempt

    def finish(self, attempt_id: str, outcome: Outcome) -> Attempt:
        """Write down the attempt's one outcome; the same one again changes nothing, another raises StoreError.

        Accepted also removes the draft the mail was made from, unless it was edited after the review.
        """
        name, evidence = _outcome_name(outcome), _packed_json(asdict(outcome))
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
                (name, evidence, finished_at.isoformat(), _searchable(attempt), row["seq"]),
            )
            if isinstance(outcome, Accepted):
                envelope = attempt.submission.envelope
                db.executemany(
                    "INSERT INTO recipients (attempt, position, address, asked, fate) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT (attempt, position) DO UPDATE SET fate = excluded.fate",
                    (
                        (row["seq"], at, _pack(address), at < len(envelope.recipients), fate.value)
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
            rows = db.execute(f"{found} ORDER BY seq DESC LIMIT ?", (oldest, *map(_pack, words), max(limit, 0)))
            return tuple(self._attempt(row) for row in rows)

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
        with _understood(self._path):
            return _attempt(row, tuple(_unpack(address) for (address,) in addresses))

    # Drafts

    def save_draft(self, draft: SavedDraft) -> None:
        """Keep what was typed, dated now; a revision that is not newer than the one kept changes nothing.

        Nor does one that was already sent and accepted: a late autosave does not bring its draft back.
        """
        row = (
            draft_id := _pack(draft.draft_id),
            draft.revision,
            self._clock().astimezone(UTC).isoformat(),
            *_packed_content(draft.content),
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
            row = db.execute("SELECT * FROM drafts WHERE id = ?", (_pack(draft_id),)).fetchone()
        if row is None:
            raise NoSuchDraft(f"there is no draft {draft_id!r}: it was sent, deleted or never saved")
        with _understood(self._path):
            return _draft(row)

    def drafts(self) -> tuple[SavedDraft, ...]:
        """Every draft, the last saved first."""
        with self._reading() as db, _understood(self._path):
            return tuple(map(_draft, db.execute("SELECT * FROM drafts ORDER BY seq DESC")))

    def delete_draft(self, draft_id: str) -> None:
        """Remove the draft, if there is one."""
        with self._transaction() as db:
            db.execute("DELETE FROM drafts WHERE id = ?", (_pack(draft_id),))

    # Small memory

    def remember(self, key: str, value: str) -> None:
        """Keep a small thing for the next start, such as the last From."""
        with self._transaction() as db:
            db.execute("REPLACE INTO memory (key, value) VALUES (?, ?)", (_pack(key), _pack(value)))

    def recall(self, key: str) -> str | None:
        """What was last remembered under this key."""
        with self._reading() as db:
            row = db.execute("SELECT value FROM memory WHERE key = ?", (_pack(key),)).fetchone()
        return None if row is None else _unpack(row["value"])

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _plainly(self._path):
            yield self._db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commits at the end, on the disk; rolls back whatever is raised."""
        with self._lock, _plainly(self._path), self._db:
            # Immediate: two writers queue up here, instead of failing when a read turns into a write.
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db


_KNOWN_REVISIONS: Final = """
    SELECT revision FROM drafts WHERE id = ?
    UNION ALL SELECT draft_revision FROM attempts WHERE draft_id = ? AND outcome = 'accepted'
"""

_HOLDS: Final = "instr(searchable, ?)"


# Files


def _private_folder(path: Path) -> None:
    """The folder, for us alone, with its missing parents; a parent that is there may be for others as well."""
    for missing in reversed([folder for folder in (path, *path.parents) if not folder.is_dir()]):
        missing.mkdir(mode=0o700, exist_ok=True)
        missing.chmod(0o700)
        _sync_folder(missing.parent)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)


def _private_file(path: Path) -> None:
    """The empty file, before SQLite would make it readable for everybody; -wal and -shm take over its mode."""
    with suppress(FileExistsError):
        os.close(_create(path))
        _sync_folder(path.parent)
    if path.is_file() and path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _create(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def _copied(chunks: Iterator[bytes], file: BinaryIO) -> BodyFile:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        file.write(chunk)
        digest.update(chunk)
        size += len(chunk)
    return BodyFile(size, digest.hexdigest())


def _sync_folder(path: Path) -> None:
    """Make a new name in the folder last: a file's own fsync does not cover it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _disk(path: Path, done: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reasons = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk is full", errno.EEXIST: "it is a file"}
        reason = reasons.get(error.errno or 0) or (error.strerror or str(error)).lower()
        raise StoreError(f"{error.filename or path} cannot be {done}: {reason}") from error


# The database


def _opened(path: Path) -> sqlite3.Connection:
    # mode=rw: a file that vanished since is not made anew with SQLite's own mode.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    db = sqlite3.connect(uri, _BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, uri=True)
    with ExitStack() as on_failure:
        on_failure.callback(db.close)
        db.row_factory = sqlite3.Row
        _check(db, path)
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA secure_delete = ON")
        _make_durable(db)
        _migrate(db)
        on_failure.pop_all()
    return db


def _check(db: sqlite3.Connection, path: Path) -> None:
    """Look before anything is written: setting the journal mode would already change the file."""
    version = _pragma(db, "user_version")
    if version > len(_MIGRATIONS):
        raise StoreError(
            f"{path} was written by a newer cfmail (schema {version}, known here: {len(_MIGRATIONS)}):"
            " install the newest cfmail, or choose another folder with CFMAIL_HOME"
        )
    empty = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if not empty and _pragma(db, "application_id") != _APPLICATION_ID:
        raise StoreError(
            f"{path} is another program's database: move it away, or choose another folder with CFMAIL_HOME"
        )


def _pragma(db: sqlite3.Connection, name: str) -> Any:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def _make_durable(db: sqlite3.Connection) -> None:
    """A commit is on the disk when it returns. WAL needs shared memory, which network and some other disks lack."""
    if _pragma(db, "journal_mode = WAL") == "wal":
        db.execute("PRAGMA synchronous = FULL")
    else:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA synchronous = EXTRA")


def _migrate(db: sqlite3.Connection) -> None:
    """Bring the schema up to date, all steps and the new version in one transaction."""
    if _pragma(db, "user_version") == len(_MIGRATIONS):
        return
    with db:
        db.execute("BEGIN IMMEDIATE")
        # Read again: another process may have been first.
        version = _pragma(db, "user_version")
        if version < len(_MIGRATIONS):
            for script in _MIGRATIONS[version:]:
                # Not executescript, which would commit first and so break the transaction. A step with a trigger
                # needs another way to tell statements apart.
                for statement in script.split(";"):
                    db.execute(statement)
            db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")


@contextmanager
def _plainly(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        # The low octet is the primary code; errors of Python's module itself have none.
        reason = _SQLITE_REASONS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, f"cannot be used: {error}")
        raise StoreError(f"{path} {reason}") from error


_DAMAGED: Final = "is damaged or not a database: it was left as it is; move it away to start with an empty one"

_SQLITE_REASONS: Final = {
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_FULL: "cannot be written: the disk is full",
    sqlite3.SQLITE_BUSY: "is kept busy by another program: close other cfmails, then try again",
    sqlite3.SQLITE_READONLY: "cannot be written: check who owns it, and that the disk is not read-only",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check that it is a file, and who owns it",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk fails",
}


@contextmanager
def _understood(path: Path) -> Iterator[None]:
    """SQLite has no checksums: a damaged file can answer with rows that make no sense."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, MailError) as error:
        raise StoreError(f"{path} {_DAMAGED}") from error


# Rows


def _pack(text: str) -> bytes:
    """Any str as octets. SQLite's own text cannot hold lone surrogates, which drafts and answers can."""
    return text.encode("utf-8", "surrogatepass")


def _unpack(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogatepass")


def _packed_json(fields: dict[str, Any]) -> bytes:
    # Escapes would join two surrogates that stand beside each other into one character.
    return _pack(json.dumps(fields, ensure_ascii=False))


def _packed_content(content: Draft | RawDraft) -> tuple[str, bytes, bytes | None]:
    match content:
        case Draft():
            return "form", _packed_json(asdict(content)), None
        case RawDraft(sender, recipients, source):
            return "raw", _packed_json({"sender": sender, "recipients": recipients}), source
        case _:
            assert_never(content)


def _draft(row: sqlite3.Row) -> SavedDraft:
    fields = json.loads(_unpack(row["fields"]))
    content: Draft | RawDraft
    if row["kind"] == "raw":
        content = RawDraft(**fields, source=row["source"])
    else:
        attachments = tuple(AttachmentDraft(**attachment) for attachment in fields.pop("attachments"))
        content = Draft(**fields, attachments=attachments)
    return SavedDraft(_unpack(row["id"]), row["revision"], content, datetime.fromisoformat(row["saved_at"]))


def _attempt(row: sqlite3.Row, recipients: tuple[str, ...]) -> Attempt:
    submission = Submission(
        attempt_id=row["id"],
        account_id="",
        endpoint=row["endpoint"],
        envelope=Envelope(_unpack(row["sender"]), recipients),
        subject=_unpack(row["subject"]),
        message_size=row["message_size"],
        body_size=row["body_size"],
        digest=row["digest"],
    )
    return Attempt(
        submission=submission,
        account=_unpack(row["account"]),
        started_at=datetime.fromisoformat(row["started_at"]),
        finished_at=datetime.fromisoformat(row["finished_at"]) if row["finished_at"] else None,
        outcome=_outcome(row["outcome"], row["evidence"]) if row["outcome"] else None,
    )


def _searchable(attempt: Attempt) -> bytes:
    envelope = attempt.submission.envelope
    parts = (
        attempt.submission.subject,
        envelope.sender,
        *envelope.recipients,
        attempt.account,
        _outcome_name(attempt.outcome) if attempt.outcome else "sending",
        attempt.submission.attempt_id,
    )
    return _pack("\n".join(parts).casefold())


def _outcome_name(outcome: Outcome) -> str:
    match outcome:
        case Accepted():
            return "accepted"
        case Refused():
            return "refused"
        case NotSent():
            return "not_sent"
        case Unknown():
            return "unknown"
        case _:
            assert_never(outcome)


def _outcome(name: str, evidence: bytes) -> Outcome:
    fields = json.loads(_unpack(evidence))
    if name == "accepted":
        lists: dict[str, Any] = {key: tuple(value) for key, value in fields["receipt"].items() if key != "message_id"}
        return Accepted(Receipt(**lists, message_id=fields["receipt"]["message_id"]))
    kinds: dict[str, type[Outcome]] = {"refused": Refused, "not_sent": NotSent, "unknown": Unknown}
    return kinds[name](**fields)
