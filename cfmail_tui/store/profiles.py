"""The list of accounts in the database: names, identities, and where each secret is kept, never a secret.

Invariants:
- at most one account is the default; the first that is listed while there is none becomes it, and only the user's word
  makes it another;
- an account keeps its place in the list when it is changed;
- an account that lasts for a session only is not written down.
"""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from cfmail_tui.profile import Profile
from cfmail_tui.store import rows
from cfmail_tui.store.failures import NoSuchProfile, StoreError, understood

_Connected = Callable[[], AbstractContextManager[sqlite3.Connection]]


class Profiles:
    """The list in one store. Raises StoreError from every method when disk or database fail."""

    def __init__(self, path: Path, reading: _Connected, writing: _Connected) -> None:
        self._path = path
        self._reading = reading
        self._writing = writing

    def listed(self) -> tuple[Profile, ...]:
        """Every account, the first that was saved first."""
        with self._reading() as db, understood(self._path):
            return listed(db)

    def save(self, profile: Profile) -> None:
        """Keep the account under its name; what it says of being the default counts only if it is."""
        if profile.kept_in == "memory":
            raise StoreError(f"the account {profile.name!r} lasts for this session only: it is not written down")
        with self._writing() as db:
            db.execute(
                "INSERT INTO accounts (name, kept_in, identities, is_default)"
                " VALUES (?, ?, ?, NOT EXISTS (SELECT 1 FROM accounts WHERE is_default))"
                " ON CONFLICT (name) DO UPDATE SET kept_in = excluded.kept_in, identities = excluded.identities",
                rows.packed_profile(profile),
            )
            if profile.is_default:
                _make_default(db, profile.name)

    def remove(self, name: str) -> None:
        """Take the account out of the list, if it is there; no other becomes the default for it."""
        with self._writing() as db:
            db.execute("DELETE FROM accounts WHERE name = ?", (rows.pack(name),))

    def make_default(self, name: str) -> None:
        """Mail is sent as this account when nobody says. Raises NoSuchProfile."""
        with self._writing() as db:
            _make_default(db, name)


def listed(db: sqlite3.Connection) -> tuple[Profile, ...]:
    return tuple(map(rows.profile, db.execute("SELECT * FROM accounts ORDER BY seq").fetchall()))


def _make_default(db: sqlite3.Connection, name: str) -> None:
    packed = (rows.pack(name),)
    db.execute("UPDATE accounts SET is_default = 0 WHERE is_default AND name != ?", packed)
    if not db.execute("UPDATE accounts SET is_default = 1 WHERE name = ?", packed).rowcount:
        raise NoSuchProfile(f"there is no account {name!r} in the list")
