"""A look at the database that changes nothing: neither its schema nor its journal, and no damaged one is set aside."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from cfmail_tui.diagnosis import Database
from cfmail_tui.store import database
from cfmail_tui.store.failures import StoreError, disk, plainly, understood
from cfmail_tui.store.folder import DATABASE, INSTANCES
from cfmail_tui.store.instances import anyone_lives
from cfmail_tui.store.profiles import Profiles, listed

SCHEMA: Final = len(database.MIGRATIONS)
"""The one that this cfmail knows."""

_STEPS: Final = 10_000
"""Instructions of SQLite between two looks at the clock."""

_COUNTS: Final = {
    "drafts": "SELECT count(*) FROM drafts WHERE deleted_at IS NULL",
    "waiting": "SELECT count(*) FROM waiting",
    "unended": "SELECT count(*) FROM attempts WHERE outcome IS NULL",
    "unknown": "SELECT count(*) FROM attempts WHERE outcome = 'unknown' AND settled IS NULL AND deleted_at IS NULL",
}


def examined(data_dir: Path, limit: float) -> Database | None:
    """What the database in this folder says of itself, looked through for so many seconds; None if there is none."""
    path = data_dir / DATABASE
    try:
        with disk(path, "read"):
            if not path.exists():
                return None
            size = path.stat().st_size
    except StoreError as error:
        return Database(str(path), 0, problem=str(error))
    try:
        with _read_only(path) as db:
            schema = database.check(db, path)
            was_checked = _looked_through(db, path, limit)
            counts: dict[str, int] = {}
            if schema == SCHEMA:
                counts = {name: _count(db, statement) for name, statement in _COUNTS.items()}
                with understood(path):
                    listed(db)
    except StoreError as error:
        return Database(str(path), size, problem=str(error))
    return Database(
        str(path),
        size,
        schema,
        was_checked=was_checked,
        drafts=counts.get("drafts"),
        waiting=counts.get("waiting"),
        unended=counts.get("unended"),
        unknown=counts.get("unknown"),
        others_run=_others_run(data_dir / INSTANCES),
    )


def profiles(data_dir: Path) -> Profiles:
    """The list of accounts, to be read only."""
    path = data_dir / DATABASE
    return Profiles(path, partial(_read_only, path), partial(_read_only, path))


@contextmanager
def _read_only(path: Path) -> Iterator[sqlite3.Connection]:
    with plainly(path), closing(_connected(path)) as db:
        yield db


def _connected(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    alone = f"{uri}&immutable=1"
    if not path.with_name(f"{path.name}-wal").exists():
        # Nobody has it open: SQLite need not leave the files behind that it coordinates itself with.
        return _opened(alone)
    with ExitStack() as on_failure:
        db = on_failure.enter_context(closing(_opened(uri)))
        try:
            db.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CANTOPEN:
                raise
            # Even to read it wants one of these files, which a disk that is read-only refuses.
            return _opened(alone)
        on_failure.pop_all()
    return db


def _opened(uri: str) -> sqlite3.Connection:
    db = sqlite3.connect(uri, 2.0, isolation_level=None, uri=True)
    db.row_factory = sqlite3.Row
    return db


def _looked_through(db: sqlite3.Connection, path: Path, limit: float) -> bool:
    """Whether there was time to look at every page. Raises StoreError for damage."""
    patience = time.monotonic() + limit
    db.set_progress_handler(lambda: time.monotonic() > patience, _STEPS)
    try:
        fault = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_INTERRUPT:
            raise
        return False
    finally:
        db.set_progress_handler(None, 0)
    with understood(path):
        if fault != "ok":
            raise LookupError(fault)
    return True


def _count(db: sqlite3.Connection, statement: str) -> int:
    number: int = db.execute(statement).fetchone()[0]
    return number


def _others_run(instances: Path) -> bool:
    try:
        return anyone_lives(instances)
    except OSError:
        return False
