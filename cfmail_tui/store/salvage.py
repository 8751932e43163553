"""A damaged database is moved aside, never deleted, and a new one made with every row that still reads.

The new one is complete on the disk before anything is moved, under a name that says where the damaged one goes: whoever
finds that name, after a crash too, ends the move. No other cfmail may be at work meanwhile (`files.gate`).
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

from cfmail_tui.message import MailError
from cfmail_tui.store import database, files, rows, waiting

KEYS_LOST: Final = "keys lost"
"""Under what it is remembered that mails with keys may have been sent of which nothing is known."""

_RESCUED: Final = ".rescued"
_WITH_IT: Final = ("-wal", "-shm", "")
"""What belongs to a database file, itself last."""

_GAP: Final = 5000
"""Row numbers looked up one by one behind what reads from the beginning, where the index is damaged as well."""


def is_moving(path: Path) -> bool:
    return any(_rescued(path))


def _rescued(path: Path) -> Iterable[Path]:
    return path.parent.glob(f"{path.stem}-damaged-*{path.suffix}{_RESCUED}")


def end_move(path: Path) -> None:
    """Put the new database in the place of the damaged one, if that was begun."""
    for rescued in _rescued(path):
        aside = rescued.with_suffix("")
        for suffix in _WITH_IT:
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).replace(aside.with_name(aside.name + suffix))
        rescued.replace(path)
        files.sync_folder(path.parent)


def set_aside(path: Path, now: datetime, bodies: Callable[[], Iterable[str]]) -> str:
    """Move the damaged database away, with a new one in its place; says in words where it is and what was saved."""
    aside = _free_name(path, now)
    workshop = path.with_name(".salvage")
    shutil.rmtree(workshop, ignore_errors=True)
    files.private_folder(workshop)
    try:
        # Reading may write: a copy is read, and what was damaged stays evidence.
        copy, new = workshop / "copy", workshop / "new"
        for suffix in _WITH_IT:
            with suppress(FileNotFoundError):
                shutil.copyfile(path.with_name(path.name + suffix), copy.with_name(copy.name + suffix))
        copy.with_name(f"{copy.name}-shm").unlink(missing_ok=True)
        files.private_file(new)
        with closing(database.opened(new, bodies)) as target:
            attempts, drafts = _saved(copy, target)
            # In one file, and on the disk, before it gets the name that counts.
            target.execute("PRAGMA journal_mode = DELETE")
        new.replace(aside.with_name(aside.name + _RESCUED))
        files.sync_folder(path.parent)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    end_move(path)
    return (
        f"{path} was damaged and was set aside as {aside.name}; in a new one stands what could still be read:"
        f" {_counted(attempts, 'mail')} of the history and {_counted(drafts, 'draft')}"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _free_name(path: Path, now: datetime) -> Path:
    stamp = now.strftime("%Y-%m-%dT%H%M%SZ")
    for number in count(1):
        more = f"-{number}" if number > 1 else ""
        aside = path.with_name(f"{path.stem}-damaged-{stamp}{more}{path.suffix}")
        if not any(aside.with_name(aside.name + suffix).exists() for suffix in (*_WITH_IT, _RESCUED)):
            return aside
    raise AssertionError


_UNREADABLE: Final = (sqlite3.Error, UnicodeDecodeError)
"""How SQLite says that nothing can be read there; the second, where its own words quote octets that are no text."""


def _saved(copy: Path, target: sqlite3.Connection) -> tuple[int, int]:
    """How many attempts and drafts could be read from the copy and now stand in the target."""
    attempts = drafts = 0
    with closing(sqlite3.connect(copy)) as source, target:
        target.execute("BEGIN")
        source.row_factory = sqlite3.Row
        source.text_factory = lambda octets: octets.decode("utf-8", "replace")
        for row in _readable(source, "attempts"):
            attempts += _save_attempt(source, target, row)
        for row in _readable(source, "drafts"):
            drafts += _save_draft(target, row)
        with suppress(*_UNREADABLE):
            for row in source.execute("SELECT key, value FROM memory"):
                _insert(target, "memory", dict(row))
        with suppress(*_UNREADABLE):
            for row in source.execute("SELECT * FROM accounts ORDER BY seq"):
                _save_account(target, dict(row))
        try:
            for row in source.execute("SELECT key, root FROM idempotency"):
                _insert(target, "idempotency", dict(row))
        except _UNREADABLE:
            target.execute("REPLACE INTO memory (key, value) VALUES (?, ?)", (rows.pack(KEYS_LOST), rows.pack("1")))
        with suppress(*_UNREADABLE):
            for row in source.execute("SELECT * FROM waiting"):
                _save_waiting(target, dict(row))
        waiting.drop_sent(target)
        # By what they are found, and whom they went to, is read anew.
        target.execute("UPDATE unread SET upto = (SELECT coalesce(max(seq), 0) FROM attempts)")
    return attempts, drafts


_NONSENSE: Final = (*_UNREADABLE, ValueError, TypeError, LookupError, AttributeError, MailError)


def _save_attempt(source: sqlite3.Connection, target: sqlite3.Connection, row: dict[str, Any]) -> bool:
    if row.get("outcome") is None:
        # The row may be older than the last commit: what may have left is not said to be safe to send again.
        row["left_at"] = row.get("left_at") or row.get("started_at")
    try:
        recipients = [dict(found) for found in source.execute(_RECIPIENTS, (row["seq"],))]
        people = [_complete(target, "recipients", found) for found in recipients]
        rows.attempt(_complete(target, "attempts", row), people)
        _insert(target, "attempts", row)
        for recipient in recipients:
            _insert(target, "recipients", recipient)
    except _NONSENSE:
        with suppress(*_NONSENSE):
            target.execute("DELETE FROM attempts WHERE seq = ?", (row["seq"],))
        return False
    return True


_RECIPIENTS: Final = "SELECT * FROM recipients WHERE attempt = ? ORDER BY position"


def _save_draft(target: sqlite3.Connection, row: dict[str, Any]) -> bool:
    try:
        rows.draft(_complete(target, "drafts", row))
        _insert(target, "drafts", row)
    except _NONSENSE:
        return False
    return row.get("deleted_at") is None


def _save_account(target: sqlite3.Connection, row: dict[str, Any]) -> None:
    with suppress(*_NONSENSE):
        rows.profile(row)
        _insert(target, "accounts", row)


def _save_waiting(target: sqlite3.Connection, row: dict[str, Any]) -> None:
    """No cfmail runs: a mail that waits does so until the user is asked."""
    with suppress(*_NONSENSE):
        waiting.due(row)
        _insert(target, "waiting", row)


def _readable(source: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
    """Every row that can be read: from both ends up to what is damaged, then one by one between."""
    seen: set[int] = set()
    yield from _scan(source, f"SELECT * FROM {table} ORDER BY seq", seen)  # noqa: S608 - our own names
    near = range(last + 1, last + _GAP) if (last := max(seen, default=0)) else ()
    yield from _scan(source, f"SELECT * FROM {table} ORDER BY seq DESC", seen)  # noqa: S608 - our own names
    # Each id stands in an index as well, with the row's number.
    indexed: set[int] = set()
    for order in ("id", "id DESC"):
        for _ in _scan(source, f"SELECT seq FROM {table} ORDER BY {order}", indexed):  # noqa: S608 - our own names
            pass
    for seq in sorted(indexed.union(near) - seen):
        yield from _scan(source, f"SELECT * FROM {table} WHERE seq = {seq}", seen)  # noqa: S608 - our own names


def _scan(source: sqlite3.Connection, statement: str, seen: set[int]) -> Iterator[dict[str, Any]]:
    """Rows up to the first that does not read, or that was seen: the ends have met, or the pages run in a circle."""
    with suppress(*_NONSENSE):
        for row in source.execute(statement):
            if not isinstance(row["seq"], int) or row["seq"] in seen:
                return
            seen.add(row["seq"])
            yield dict(row)


def _columns(target: sqlite3.Connection, table: str) -> list[str]:
    return [row["name"] for row in target.execute(f"PRAGMA table_info({table})")]


def _complete(target: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row of an older schema with what was added since."""
    return {**dict.fromkeys(_columns(target, table)), **row}


def _insert(target: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    names = [name for name in _columns(target, table) if name in row]
    statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES (:{', :'.join(names)})"  # noqa: S608 - our own names
    target.execute(statement, row)
