"""A history that an older cfmail wrote delays no start, and is found as the new one is once it was read."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from cfmail_tui.store import DATABASE, Retention, Store, StoreError, database
from cfmail_tui.submission import Accepted, Contents, Fate, Later, Receipt
from tests.edge.asked import asked
from tests.edge.sent_mails import NOON, PDF, Clock, delivered, found, name, sent


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(data_dir: Path, clock: Clock) -> Iterator[Store]:
    with closing(Store(data_dir, clock)) as opened:
        yield opened


class TestOlderHistory:
    """A database as the release before has left it."""

    @pytest.fixture
    def old_dir(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        with monkeypatch.context() as older:
            older.setattr(database, "MIGRATIONS", database.MIGRATIONS[:4])
            with closing(Store(data_dir)) as store, store._transaction() as db:
                for number in range(130):
                    _insert_old(db, number, "unknown" if number == 60 else "accepted")
        return data_dir

    def test_a_start_does_not_wait_for_it(self, old_dir: Path) -> None:
        """Nothing old is read when the database is opened; all is listed, and found by time, at once."""
        with closing(Store(old_dir)) as store:
            assert store._db.execute("SELECT count(*) FROM words").fetchone()[0] == 0
            assert len(found(store, limit=1000)) == 130
            assert len(found(store, "after:2020", limit=1000)) == 130
            assert len(store.unread(1000)) == 130
            assert [one.submission.attempt_id for one in store.unsettled(9)] == [name(60)]

    def test_it_is_read_from_the_newest_on(self, old_dir: Path) -> None:
        """In steps, by two cfmails at once, while new mails are sent: each is found once it was read, and once."""
        with closing(Store(old_dir)) as store, closing(Store(old_dir)) as other:
            sent(store, 500, text="word new", outcome=delivered("new@x.example"))
            given = store.unread(50)
            store.read_in([(one.submission.attempt_id, Contents(text="word")) for one in given])
            other.read_in([(one.submission.attempt_id, Contents(text="wrong")) for one in given])
            assert found(store, "word", 1000) == [500, *reversed(range(80, 130))]
            assert found(store, "wrong") == found(store, "status:unknown") == []
            while given := other.unread(50):
                other.read_in([(one.submission.attempt_id, Contents(text="word")) for one in given])
            assert store.unread(1) == ()
            assert found(store, "word", 1000) == [500, *reversed(range(130))]
            assert found(store, "status:unknown") == [60]
            (known,) = store.complete("old", 9)
            assert known.address == "old@example.net"
            assert (
                store._db.execute("SELECT uses FROM contacts WHERE address = ?", (b"old@example.net",)).fetchone()[0]
                == 129
            )

    def test_what_is_settled_and_deleted_meanwhile_is_read_as_it_is(self, old_dir: Path, clock: Clock) -> None:
        """The old are settled, deleted and forgotten as the new are, read or not."""
        with closing(Store(old_dir, clock)) as store:
            store.settle(name(60), arrived=True)
            store.delete(name(129))
            store.delete(name(1))
            clock.now += timedelta(days=8)
            [*store.tidying(Retention())]
            while given := store.unread(50):
                store.read_in([(one.submission.attempt_id, Contents()) for one in given])
            assert found(store, "status:arrived") == [60]
            assert store.count(asked("status:accepted")) == 127

    def test_a_salvaged_history_is_read_anew(self, old_dir: Path) -> None:
        """After damage what could be saved is found again, with what the journal knows besides."""
        with closing(Store(old_dir)) as store:
            while given := store.unread(50):
                store.read_in([(one.submission.attempt_id, Contents()) for one in given])
            sent(store, 500, "new@x.example", files=(PDF,), outcome=Accepted(Receipt(queued=("new@x.example",))))
            store.learn(name(500), [Later("new@x.example", Fate.DELIVERED, NOON)])
            store.delete(name(5))
            db = store._db
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            page = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'words_data'").fetchone()[0]
        with (old_dir / DATABASE).open("r+b") as file:
            file.seek((page - 1) * 4096)
            file.write(b"\xff" * 4096)
        (old_dir / "suspect").touch()
        store, told = Store.open_or_set_aside(old_dir)
        with closing(store):
            assert "131 mails" in told
            assert len(store.unread(1000)) == 131
            while given := store.unread(50):
                store.read_in([(one.submission.attempt_id, Contents()) for one in given])
            assert found(store, "status:delivered new") == [500]
            assert (store.detail(name(500)).files, len(found(store, limit=1000))) == ((PDF,), 130)


def _insert_old(db: sqlite3.Connection, number: int, outcome: str) -> None:
    evidence = b'{"reason": "cut"}'
    if outcome == "accepted":
        evidence = (
            b'{"receipt": {"delivered": ["old@example.net"], "queued": [], "bounced": [], "suppressed": [],'
            b' "message_id": ""}}'
        )
    at = (NOON - timedelta(days=200 - number)).isoformat()
    seq = db.execute(
        "INSERT INTO attempts (id, started_at, finished_at, outcome, evidence, account, endpoint, sender, subject,"
        " message_size, body_size, digest, searchable) VALUES (?, ?, ?, ?, ?, ?, 'send', ?, ?, 1, 1, '', '')",
        (name(number), at, at, outcome, evidence, b"work", b"me@example.com", b"Old"),
    ).lastrowid
    fate = "delivered" if outcome == "accepted" else None
    row = (seq, 0, b"old@example.net", 1, fate)
    db.execute("INSERT INTO recipients (attempt, position, address, asked, fate) VALUES (?, ?, ?, ?, ?)", row)


def test_a_python_without_full_text_search_is_told_so(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SQLite lacks FTS5 nothing is taken for damaged, nothing is written, and it is said what to do."""
    with monkeypatch.context() as older:
        older.setattr(database, "MIGRATIONS", database.MIGRATIONS[:4])
        Store(data_dir).close()
    before = (data_dir / DATABASE).read_bytes()
    lacking = tuple(step.replace("USING fts5", "USING fts5x") for step in database.MIGRATIONS)
    monkeypatch.setattr(database, "MIGRATIONS", lacking)
    with pytest.raises(StoreError, match="built without FTS5"):
        Store.open_or_set_aside(data_dir)
    assert (data_dir / DATABASE).read_bytes() == before
