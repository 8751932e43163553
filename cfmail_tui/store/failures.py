"""What goes wrong on the disk and in the database, said in words: which file, and what to do about it."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cfmail_tui.message import MailError


class StoreError(MailError):
    """The disk or the database does not do what is needed; the text names the file and what to do."""


class Damaged(StoreError):  # noqa: N818 - it reads as what it is
    """The database, or a row in it, makes no sense."""


class AttemptExists(StoreError):  # noqa: N818 - it reads as what it is
    """The reviewed mail was already tried: it gets one attempt."""


class NoSuchAttempt(StoreError):  # noqa: N818 - it reads as what it is
    """No attempt in the journal has this id."""


class NoSuchDraft(StoreError):  # noqa: N818 - it reads as what it is
    """No draft has this id: it was never saved, or it was sent or deleted."""


class NoSuchProfile(StoreError):  # noqa: N818 - it reads as what it is
    """No account of this name is in the list."""


@contextmanager
def disk(path: Path, done: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = _SYSTEM_REASONS.get(error.errno or 0) or (error.strerror or str(error)).lower()
        raise StoreError(f"{error.filename or path} cannot be {done}: {reason}") from error


_SYSTEM_REASONS: Final = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full",
    errno.EEXIST: "it is a file",
    errno.EACCES: "permission denied: check who owns it",
    errno.EPERM: "operation not permitted: check who owns it",
}


@contextmanager
def plainly(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        # A message of SQLite that quotes what stands where the schema was.
        raise Damaged(f"{path} {_DAMAGED}") from error
    except sqlite3.Error as error:
        code = _primary_code(error)
        # Our statements are always the same: a table or column they miss has been lost, as has text that is none.
        lost = str(error).startswith(("no such ", "Could not decode to UTF-8")) and _LACKING not in str(error)
        if lost or code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
            raise Damaged(f"{path} {_DAMAGED}") from error
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHMSIZE:
            code = sqlite3.SQLITE_FULL
        reason = _WITHOUT_FTS5 if _LACKING in str(error) else f"cannot be used: {error}"
        raise StoreError(f"{path} {_SQLITE_REASONS.get(code, reason)}") from error


def _primary_code(error: BaseException | None) -> int:
    """SQLite's result code without the details in its higher octets; errors of Python's module itself have none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def lacks_room(error: StoreError) -> bool:
    """Whether room on the disk could help; SQLite tells a quota, and a disk that notices late, as a failing disk."""
    return _primary_code(error.__cause__) in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}


_LACKING: Final = "no such module: fts5"
_WITHOUT_FTS5: Final = "cannot be searched: the SQLite of this Python was built without FTS5, take another Python"

_DAMAGED: Final = "is damaged or not a database: it was left as it is; the next use sets it aside and saves what reads"

_SQLITE_REASONS: Final = {
    sqlite3.SQLITE_FULL: "cannot be written: the disk is full",
    sqlite3.SQLITE_BUSY: "is kept busy by another program: close other cfmails, then try again",
    sqlite3.SQLITE_READONLY: "cannot be written: check who owns it, and that the disk is not read-only",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check that it is a file, and who owns it",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk fails, or its quota is used up",
}


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """SQLite has no checksums: a damaged file can answer with rows that make no sense."""
    try:
        yield
    except StoreError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, MailError) as error:
        raise Damaged(f"{path} {_DAMAGED}") from error
