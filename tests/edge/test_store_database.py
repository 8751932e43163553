"""The store's database keeps its promises: durable, never guessing, shared by threads and processes."""

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.message import Draft, SavedDraft
from cfmail_tui.store import DATABASE, AttemptExists, Store, StoreError, database
from cfmail_tui.submission import Accepted, Envelope, Receipt, Submission
from tests.edge.asked import asked

ROOT: Final = Path(__file__).parents[2]
DELIVERED: Final = Accepted(Receipt(delivered=("a@example.com",)))


def submission(attempt_id: str, recipient: str = "a@example.com", subject: str = "Hello") -> Submission:
    return Submission(attempt_id, "", "send", Envelope("me@example.com", (recipient,)), subject, 1000, 1200, "ab" * 32)


def draft(revision: int, draft_id: str) -> SavedDraft:
    return SavedDraft(draft_id, revision, Draft())


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    with closing(Store(data_dir)) as opened:
        yield opened


def python(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


class TestDatabase:
    def test_a_commit_is_on_the_disk(self, store: Store) -> None:
        """SQLite is set to sync at each commit, to wait for others, and to overwrite what is deleted."""
        wanted = {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 5000, "foreign_keys": 1, "secure_delete": 1}
        assert {name: store._db.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted} == wanted

    def test_a_commit_is_on_the_disk_without_shared_memory(self, tmp_path: Path) -> None:
        """Where WAL is not granted the rollback journal is used, its folder synced as well."""
        with closing(sqlite3.connect(f"file:{tmp_path}/x?vfs=unix-dotfile", uri=True, isolation_level=None)) as db:
            database.make_durable(db)
            settings = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        assert settings == ["delete", 3]

    @pytest.mark.parametrize(
        ("octets", "words"),
        [
            (b"\0" * 5000, "damaged"),
            (b"Dear diary, " * 1000, "damaged"),
            (b"SQLite format 3\0" + b"\xff" * 5000, "damaged"),
        ],
        ids=["zeros", "text", "header"],
    )
    def test_what_is_not_a_database_is_left_alone(self, data_dir: Path, octets: bytes, words: str) -> None:
        """A file that cannot be understood is named, with what to do, and keeps every octet."""
        data_dir.mkdir(parents=True)
        (data_dir / DATABASE).write_bytes(octets)
        with pytest.raises(StoreError, match=words) as caught:
            Store(data_dir)
        assert str(data_dir / DATABASE) in str(caught.value)
        assert "sets it aside" in str(caught.value)
        assert (data_dir / DATABASE).read_bytes() == octets
        assert names(data_dir) == {DATABASE, "bodies", "instances"}

    def test_a_database_cut_short_is_left_alone(self, data_dir: Path) -> None:
        """Half of our own database is damaged, not empty."""
        with closing(Store(data_dir)) as store:
            store.begin(submission("attempt-1"), "work")
        octets = (data_dir / DATABASE).read_bytes()[:6000]
        (data_dir / DATABASE).write_bytes(octets)
        with pytest.raises(StoreError, match="damaged"), closing(Store(data_dir)) as store:
            store.attempts()
        assert (data_dir / DATABASE).read_bytes() == octets

    @pytest.mark.parametrize(
        ("script", "words"),
        [
            ("PRAGMA user_version = 99", "was written by a newer cfmail"),
            ("CREATE TABLE theirs (x)", "another program's database"),
            ("CREATE TABLE theirs (x); PRAGMA user_version = 1", "another program's database"),
        ],
    )
    def test_a_database_that_is_not_ours_to_write_is_left_alone(self, data_dir: Path, script: str, words: str) -> None:
        """A newer schema or another program's database is refused in words and keeps every octet."""
        data_dir.mkdir(parents=True)
        with closing(sqlite3.connect(data_dir / DATABASE)) as db:
            db.executescript(script)
        octets = (data_dir / DATABASE).read_bytes()
        with pytest.raises(StoreError, match=words) as caught:
            Store(data_dir)
        assert str(data_dir / DATABASE) in str(caught.value)
        assert (data_dir / DATABASE).read_bytes() == octets

    @pytest.mark.parametrize(
        "harm",
        [
            "UPDATE attempts SET evidence = '{'",
            "UPDATE attempts SET evidence = X'7B7D'",
            "UPDATE attempts SET sender = 7",
            "UPDATE attempts SET started_at = 'noon'",
            "DELETE FROM recipients",
        ],
    )
    def test_rows_that_make_no_sense_are_damage(self, store: Store, data_dir: Path, harm: str) -> None:
        """Garbage inside a sound file is told as damage, not as a crash."""
        store.begin(submission("attempt-1"), "work")
        store.finish("attempt-1", DELIVERED)
        with closing(sqlite3.connect(data_dir / DATABASE)) as db, db:
            db.execute(harm)
        with pytest.raises(StoreError, match="is damaged"):
            store.attempts()

    def test_an_upgrade_keeps_everything(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A database of the schema before is brought up to date with its rows."""
        with closing(Store(data_dir)) as store:
            store.begin(submission("attempt-1"), "work")
        steps = (*database.MIGRATIONS, "CREATE TABLE added (x); INSERT INTO added VALUES (1)")
        monkeypatch.setattr(database, "MIGRATIONS", steps)
        for _ in range(2):
            with closing(Store(data_dir)) as store:
                assert [a.submission.attempt_id for a in store.attempts()] == ["attempt-1"]
                assert store._db.execute("SELECT count(*) FROM added").fetchone()[0] == 1

    def test_an_upgrade_that_fails_changes_nothing(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Steps and version are one transaction: after a failure the old program still works."""
        Store(data_dir).close()
        with monkeypatch.context() as newer:
            newer.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, "CREATE TABLE added (x); NONSENSE"))
            with pytest.raises(StoreError):
                Store(data_dir)
        with closing(Store(data_dir)) as store:
            assert store._db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'added'").fetchone()[0] == 0

    def test_a_full_disk_stops_before_the_wire(self, store: Store) -> None:
        """If the journal cannot be written begin raises, and nothing of the attempt is left."""
        store._db.execute("PRAGMA max_page_count = 1")
        with pytest.raises(StoreError, match="the disk is full"):
            store.begin(submission("attempt-1", subject="x" * 50_000), "work")
        store._db.execute("PRAGMA max_page_count = 100000")
        assert store.attempts() == ()
        store.begin(submission("attempt-1"), "work")

    def test_a_writer_that_does_not_let_go_is_named(self, store: Store, data_dir: Path) -> None:
        """When another program holds the database the user hears so, and reading goes on."""
        store._db.execute("PRAGMA busy_timeout = 1")
        with closing(sqlite3.connect(data_dir / DATABASE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="kept busy by another program"):
                store.remember("a", "b")
            assert store.recall("a") is None
        store.remember("a", "b")

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        """A file where the folder should be is said to be in the way."""
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError, match="file cannot be used: it is a file"):
            Store(tmp_path / "file" / "data")

    def test_a_folder_without_permission_is_named(self) -> None:
        """A folder of somebody else's is refused in plain words."""
        with tempfile.TemporaryDirectory() as outer:
            Path(outer).chmod(0o555)
            with unprivileged(), pytest.raises(StoreError, match=r"data cannot be used: permission denied"):
                Store(Path(outer) / "data")

    def test_a_closed_store_says_so(self, store: Store) -> None:
        """Use after close is a StoreError, and closing again is fine."""
        store.close()
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.drafts()


@contextmanager
def unprivileged() -> Iterator[None]:
    """As somebody for whom permissions count."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


SENDER: Final = """
import sys
from pathlib import Path
from cfmail_tui.store import Store
from cfmail_tui.submission import Accepted, Envelope, Receipt, Submission
name, folder, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
store = Store(folder)
for number in range(count):
    attempt_id = f"{name}-{number:06}"
    sent = Submission(attempt_id, "", "send", Envelope("me@example.com", (f"{name}@example.com",)), "s", 1, 1, "")
    store.begin(sent, name)
    store.finish(attempt_id, Accepted(Receipt(delivered=(f"{name}@example.com",))))
    store.remember("last", name)
store.close()
"""


class TestSharing:
    @pytest.mark.parametrize(("processes", "count"), [(2, 50), (6, 3)])
    def test_processes_share_a_folder(self, data_dir: Path, processes: int, count: int) -> None:
        """Several start on a new folder at once and send in parallel: none is told to wait, nothing is lost."""
        running = [
            subprocess.Popen(
                python(SENDER, f"process{number}", data_dir, count),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(processes)
        ]
        for process in running:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        ended = [(*process.communicate("\n"), process.returncode) for process in running_together(running)]
        assert ended == [("", "", 0)] * processes
        with closing(Store(data_dir)) as store:
            attempts = store.attempts(limit=1000)
        assert len({a.submission.attempt_id for a in attempts}) == len(attempts) == processes * count
        assert all(isinstance(a.outcome, Accepted) for a in attempts)

    def test_threads_share_a_store(self, store: Store) -> None:
        """Calls from many threads at once do not disturb each other."""
        failures: list[BaseException] = []

        def work(name: str) -> None:
            try:
                for number in range(15):
                    attempt_id = f"{name}-{number:04}"
                    store.begin(submission(attempt_id, f"{name}@example.com"), name, draft(number, name))
                    store.save_draft(draft(number, name))
                    store.finish(attempt_id, DELIVERED)
                    assert store.attempts(asked(name), limit=1)[0].account == name
            except BaseException as error:  # noqa: BLE001 - told below
                failures.append(error)

        threads = [threading.Thread(target=work, args=(f"thread{number}",)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(store.attempts(limit=1000)) == 90
        assert store.drafts() == ()

    def test_only_one_of_many_begins(self, data_dir: Path) -> None:
        """Of stores that begin the same attempt at once one succeeds."""
        stores = [Store(data_dir) for _ in range(4)]
        start, began = threading.Barrier(4), []

        def work(store: Store) -> None:
            start.wait()
            try:
                began.append(store.begin(submission("attempt-1"), "work"))
            except AttemptExists:
                pass
            finally:
                store.close()

        threads = [threading.Thread(target=work, args=(store,)) for store in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(began) == 1

    def test_a_process_killed_after_begin_leaves_the_attempt(self, data_dir: Path) -> None:
        """What begin wrote is there although the process had no chance to tidy up, and its body too."""
        code = SENDER.partition("print(")[0] + (
            "store = Store(folder)\n"
            "body = store.write_body(name, iter([b'body']))\n"
            "sent = Submission(name, '', 'send', Envelope('a@b', ('c@d',)), 's', 1, body.size, body.digest)\n"
            "store.begin(sent, 'work')\n"
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
        )
        ran = subprocess.run(python(code, "attempt-1", data_dir, 0), cwd=ROOT, check=False)
        assert ran.returncode == -signal.SIGKILL
        with closing(Store(data_dir)) as store:
            kept = store.attempt("attempt-1")
            assert kept.outcome is None
            with store.open_body("attempt-1") as body:
                assert hashlib.sha256(body.read()).hexdigest() == kept.submission.digest


def running_together(processes: list["subprocess.Popen[str]"]) -> list["subprocess.Popen[str]"]:
    """Let all go at once, before the first is waited for."""
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    return processes
