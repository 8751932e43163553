"""The database file: its schema, and how it is opened, checked and brought up to date. Raises sqlite3.Error."""

import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

from cfmail_tui.store import files
from cfmail_tui.store.failures import StoreError

_BUSY_TIMEOUT: Final = 5.0
"""Seconds to wait for another process that is writing."""

_APPLICATION_ID: Final = 0x63666D6C
"""Marks the database as ours for file(1) and for `check` ("cfml")."""

# Text that came from outside is kept as octets, see `rows.pack`. `seq` is the order: clocks jump.
MIGRATIONS: Final = (
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
    # Owners are ids of instances. A body has a row until its attempt begins; without an owner it is never swept.
    """
    ALTER TABLE attempts ADD COLUMN owner TEXT;
    ALTER TABLE attempts ADD COLUMN left_at TEXT;
    ALTER TABLE attempts ADD COLUMN again_of TEXT;
    ALTER TABLE attempts ADD COLUMN settled INTEGER
        CHECK (settled IS NULL OR (settled IN (0, 1) AND outcome = 'unknown'));
    CREATE INDEX open_attempts ON attempts (seq) WHERE outcome IS NULL;
    ALTER TABLE drafts ADD COLUMN deleted_at TEXT;
    CREATE TABLE bodies (attempt TEXT PRIMARY KEY, owner TEXT) WITHOUT ROWID;
    CREATE TABLE claims (draft BLOB PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID;
    """,
    # `root` is the first attempt at the mail, `last` the one that ended last.
    """
    CREATE TABLE waiting (
        root TEXT PRIMARY KEY, last TEXT NOT NULL,
        tries INTEGER NOT NULL, next_at TEXT NOT NULL, owner TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX attempts_again ON attempts (again_of) WHERE again_of IS NOT NULL;
    ALTER TABLE drafts ADD COLUMN cursor BLOB;
    """,
    # No secret stands here, only where it is kept.
    """
    CREATE TABLE accounts (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        name BLOB NOT NULL UNIQUE,
        kept_in TEXT NOT NULL CHECK (kept_in IN ('keyring', 'file', 'environment', 'command')),
        identities BLOB NOT NULL,
        is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1))
    );
    CREATE UNIQUE INDEX default_account ON accounts (is_default) WHERE is_default = 1;
    ALTER TABLE drafts ADD COLUMN account BLOB;
    """,
    # What a mail is found by: `words` and `labels` by `attempts.seq`, see `index`. What an older cfmail has written,
    # which are the attempts up to `unread`, is read into them in the background, the newest first. `contents` has files
    # and findings; `words` of a contact are those it is completed by, each with a blank before it.
    """
    ALTER TABLE attempts ADD COLUMN contents BLOB;
    ALTER TABLE attempts ADD COLUMN is_test INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE attempts ADD COLUMN settled_at TEXT;
    ALTER TABLE attempts ADD COLUMN deleted_at TEXT;
    ALTER TABLE attempts ADD COLUMN body_gone INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE recipients ADD COLUMN name BLOB;
    ALTER TABLE recipients ADD COLUMN later TEXT;
    ALTER TABLE recipients ADD COLUMN later_at TEXT;
    ALTER TABLE recipients ADD COLUMN later_detail BLOB;
    CREATE VIRTUAL TABLE words USING fts5 (
        subject, sender, recipients, text, files, other, tokenize = 'ascii', prefix = '1 2 3', columnsize = 0
    );
    CREATE TABLE vocabulary (word TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE labels (label TEXT, attempt INTEGER, PRIMARY KEY (label, attempt)) WITHOUT ROWID;
    CREATE TABLE unread (upto INTEGER NOT NULL);
    INSERT INTO unread SELECT coalesce(max(seq), 0) FROM attempts;
    CREATE TABLE contacts (
        id INTEGER PRIMARY KEY, folded BLOB NOT NULL UNIQUE,
        address BLOB NOT NULL, name BLOB NOT NULL, words TEXT NOT NULL,
        uses INTEGER NOT NULL, rank REAL NOT NULL, mark TEXT NOT NULL
    );
    CREATE INDEX contacts_by_rank ON contacts (rank);
    CREATE TABLE contact_words (word TEXT, contact INTEGER, PRIMARY KEY (word, contact)) WITHOUT ROWID;
    """,
    # `root` is the first attempt at the one mail of this key; it stands here also when that is in the history no more.
    """
    CREATE TABLE idempotency (key TEXT PRIMARY KEY, root TEXT NOT NULL) WITHOUT ROWID;
    """,
)
"""Script n leads from schema version n to n + 1; one that was released is never edited."""

LATER: Final = {
    "attempts_by_time": "CREATE INDEX IF NOT EXISTS attempts_by_time ON attempts (started_at)",
    "attempts_with_body": "CREATE INDEX IF NOT EXISTS attempts_with_body ON attempts (seq) WHERE body_gone = 0",
}
"""What no start waits for, since it takes the longer the more there is: without these things are only slower."""


def opened(path: Path, bodies: Callable[[], Iterable[str]]) -> sqlite3.Connection:
    """The database, made or brought up to date; a new one keeps the `bodies` of whatever journal was there before."""
    # mode=rw: a file that vanished since is not made anew with SQLite's own mode.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    db = sqlite3.connect(uri, _BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, uri=True)
    with ExitStack() as on_failure:
        on_failure.callback(db.close)
        db.row_factory = sqlite3.Row
        check(db, path)
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA secure_delete = ON")
        make_durable(db)
        migrate(db, path, bodies)
        on_failure.pop_all()
    return db


def check(db: sqlite3.Connection, path: Path) -> int:
    """The schema of a database that is ours, and not of a newer cfmail; else raises StoreError.

    Looks before anything is written: setting the journal mode would already change the file.
    """
    version: int = _pragma(db, "user_version")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{path} was written by a newer cfmail (schema {version}, known here: {len(MIGRATIONS)}):"
            " install the newest cfmail, or choose another folder with CFMAIL_HOME"
        )
    empty = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if not empty and _pragma(db, "application_id") != _APPLICATION_ID:
        raise StoreError(
            f"{path} is another program's database: move it away, or choose another folder with CFMAIL_HOME"
        )
    return version


def _pragma(db: sqlite3.Connection, name: str) -> Any:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def make_durable(db: sqlite3.Connection) -> None:
    """A commit is on the disk when it returns. WAL needs shared memory, which network and some other disks lack."""
    if _pragma(db, "journal_mode") == "wal" or _into_wal(db) == "wal":
        db.execute("PRAGMA synchronous = FULL")
    else:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA synchronous = EXTRA")


def _into_wal(db: sqlite3.Connection) -> str:
    """The journal mode after asking for WAL; SQLite's own time-out does not cover this step."""
    patience = time.monotonic() + _BUSY_TIMEOUT
    while True:
        try:
            mode: str = _pragma(db, "journal_mode = WAL")
            return mode
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(0.01)


def migrate(db: sqlite3.Connection, path: Path, bodies: Callable[[], Iterable[str]]) -> None:
    """Bring the schema up to date, all steps and the new version in one transaction, after a copy of what was."""
    if _pragma(db, "user_version") == len(MIGRATIONS):
        return
    with db:
        db.execute("BEGIN IMMEDIATE")
        # Read again: another process may have been first.
        version = _pragma(db, "user_version")
        if version < len(MIGRATIONS):
            if version:
                _copy(path, path.with_name(f"{path.stem}-schema-{version}{path.suffix}"))
            for script in MIGRATIONS[version:]:
                # Not executescript, which would commit first and so break the transaction. A step with a trigger
                # needs another way to tell statements apart.
                for statement in script.split(";"):
                    db.execute(statement)
            if not version:
                db.executemany("INSERT INTO bodies (attempt) VALUES (?)", ((body,) for body in bodies()))
            db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _copy(path: Path, copy: Path) -> None:
    """The database as it was last committed, in a file of its own."""
    partial = copy.with_name(f".{copy.name}")
    partial.unlink(missing_ok=True)
    files.private_file(partial)
    try:
        # A connection of its own: the one that migrates is already writing.
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as source, closing(sqlite3.connect(partial)) as target:
            source.backup(target)
        partial.replace(copy)
        files.sync_folder(copy.parent)
    finally:
        partial.unlink(missing_ok=True)
