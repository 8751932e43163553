"""The folder and the database in it: opened, written in transactions, and opened again when it went away or broke.

Invariant: nothing is written into a database that is not, or no more, the one that the next start will open.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self, TypeVar

from cfmail_tui.store import bodies, database, drafts, files, journal, profiles, salvage, waiting
from cfmail_tui.store.failures import Damaged, StoreError, disk, lacks_room, plainly, understood
from cfmail_tui.store.instances import Instance, anyone_lives
from cfmail_tui.store.profiles import Profiles

DATABASE: Final = "cfmail.sqlite3"

INSTANCES: Final = "instances"

_T = TypeVar("_T")


class Folder:
    """A data folder that is open; any number of threads may use it."""

    def __init__(self, data_dir: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Open the folder, making what is missing; a file that is not understood is left exactly as it is."""
        self._clock = clock
        self._lock = threading.RLock()
        self._bodies = data_dir / "bodies"
        self._path = data_dir / DATABASE
        self._suspicion = data_dir / "suspect"
        self._spare = files.Spare(data_dir / "spare")
        instances = data_dir / INSTANCES
        with disk(data_dir, "used"), plainly(self._path), ExitStack() as on_failure:
            for folder in (data_dir, self._bodies, instances):
                files.private_folder(folder)
            if salvage.is_moving(self._path):
                with files.gate(data_dir, alone=True):
                    salvage.end_move(self._path)
            with files.gate(data_dir, alone=False):
                # First, as its failure tells the clearest of a disk that cannot be written.
                self._instance = Instance(instances)
                on_failure.callback(self._instance.close)
                files.private_file(self._path)
                self._db = database.opened(self._path, lambda: bodies.ids(self._bodies))
            on_failure.pop_all()
        self.profiles = Profiles(self._path, self._reading, self._transaction)
        self._opened = _identity(self._path)
        self._damaged = False

    @classmethod
    def open_or_set_aside(
        cls, data_dir: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> tuple[Self, str]:
        """Open the folder; if its database is damaged, with a new one that holds what could be saved of it.

        The damaged one stays, under a name with its date; words say where it is and what was saved, "" if all is well.
        Raises StoreError, and changes nothing, for a newer schema, another program's database, missing permission, and
        while other cfmails run that have the damaged one open.
        """
        path = data_dir / DATABASE
        found = _identity(path)
        try:
            return cls(data_dir, clock)._looked_into(), ""  # noqa: SLF001 - our own
        except Damaged as error:
            damage = error
        told = ""
        with disk(path, "set aside"), plainly(path), files.gate(data_dir, alone=True):
            if anyone_lives(data_dir / INSTANCES):
                raise StoreError(f"{path} is damaged: close the other cfmails, then start again") from damage
            if _identity(path) == found:  # else another cfmail did it meanwhile
                told = salvage.set_aside(path, clock().astimezone(UTC), lambda: bodies.ids(data_dir / "bodies"))
                (data_dir / "suspect").unlink(missing_ok=True)
        return cls(data_dir, clock), told

    def _looked_into(self) -> Self:
        """Read what is shown first, and everything if damage was met before. Raises Damaged, and then is closed."""
        suspected = self._suspicion.exists()
        try:
            with self._reading() as db, understood(self._path):
                if suspected and (fault := db.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
                    raise LookupError(fault)
                newest = db.execute("SELECT * FROM attempts ORDER BY seq DESC LIMIT ?", (-1 if suspected else 50,))
                for row in (*newest, *db.execute(journal.OPEN)):
                    journal.read(db, row)
                waiting.listed(db, lambda _owner: True)
                drafts.listed(db)
                profiles.listed(db)
                journal.by_key(db, "")
        except StoreError:
            self.close()
            raise
        with suppress(OSError):
            self._suspicion.unlink(missing_ok=True)
        return self

    def close(self) -> None:
        with self._lock, plainly(self._path):
            self._db.close()
            self._instance.close()

    def _stay_in_place(self) -> None:
        """Open again what is not there, or not sound, any more; then raises StoreError, once, to say so.

        A suspicion of damage that proves wrong is dropped without a word.
        """
        with self._lock:
            if not self._damaged and _identity(self._path) == self._opened is not None:
                return
            told = "" if self._damaged else f"{self._path} {_HAS_GONE}"
            if self._damaged:
                # No longer counted among those that have it open, or it could not be set aside.
                self.close()
            found, salvaged = self.open_or_set_aside(self._path.parent, self._clock)
            if not self._damaged:
                self._hand_drafts_to(found)
                self.close()
            # What is left of `found` is but its name.
            self._db, self._instance, self._opened, self._damaged = found._parts()  # noqa: SLF001 - our own
            if salvaged or told:
                raise StoreError(salvaged or told)

    def _parts(self) -> tuple[sqlite3.Connection, Instance, tuple[int, int] | None, bool]:
        return self._db, self._instance, self._opened, self._damaged

    def _hand_drafts_to(self, other: Self) -> None:
        # A file that was removed can be read for as long as it is open.
        try:
            with plainly(self._path), understood(self._path):
                found = drafts.listed(self._db)
            with other._transaction() as db:
                for draft in reversed(found):
                    drafts.save(db, draft, self._now())
        except Damaged:
            pass
        except StoreError:
            other.close()
            raise

    def body_path(self, attempt_id: str) -> Path:
        """Where this attempt's request body is, or would be."""
        if not journal.ATTEMPT_ID.fullmatch(attempt_id):
            # The id becomes a file name: nothing that could lead out of the folder.
            raise StoreError(f"{attempt_id!r} cannot be the id of an attempt: 8 to 64 of a-z, 0-9 and -")
        return self._bodies / f"{attempt_id}.json"

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._damaged:
                self._stay_in_place()
            with self._remembering_damage(), plainly(self._path):
                yield self._db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commits at the end, on the disk; rolls back whatever is raised."""
        with self._lock:
            self._stay_in_place()
            with self._remembering_damage(), plainly(self._path), self._db:
                # Immediate: two writers queue up here, instead of failing when a read turns into a write.
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db

    def _written_at_last(self, write: Callable[[bool], _T]) -> _T:
        """Write in a transaction; when the disk is full, once more in the room that was kept for this.

        There is not much of it: `write` is told whether this is the last try, and to leave out what can be missed.
        """
        try:
            with self._transaction():
                return write(False)
        except StoreError as error:
            if not lacks_room(error):
                raise
        with disk(self._spare.path, "removed"):
            self._spare.give_up()
        with self._transaction():
            return write(True)

    @contextmanager
    def _remembering_damage(self) -> Iterator[None]:
        """Whoever opens it next looks into everything."""
        try:
            yield
        except Damaged:
            self._damaged = True
            with suppress(OSError):
                files.private_file(self._suspicion)
            raise


def _identity(path: Path) -> tuple[int, int] | None:
    """Of the file that is there now, if there is one."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


_HAS_GONE: Final = (
    "was moved or removed while cfmail ran: what is there now is used from here on, with the drafts but not the history"
    " of before"
)
