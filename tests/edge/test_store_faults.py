"""Each step of writing is failed in turn, by real limits and real small disks: nothing half done, nothing untrue."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from cfmail_tui.message import Draft, SavedDraft
from cfmail_tui.store import DATABASE, Store, StoreError, files
from cfmail_tui.submission import Accepted, Envelope, NotSent, Outcome, Receipt, Submission, Unknown
from tests.conftest import fill
from tests.edge.asked import asked

ROOT: Final = Path(__file__).parents[2]
DELIVERED: Final = Accepted(Receipt(delivered=("a@example.com",)))
NOT_LEFT: Final = NotSent("cfmail ended before the mail left")
LEFT: Final = Unknown("cfmail ended before an answer came")


def submission(attempt_id: str, subject: str = "Hello") -> Submission:
    return Submission(attempt_id, "", "send", Envelope("me@example.com", ("a@example.com",)), subject, 1, 2, "ab" * 32)


def draft(revision: int) -> SavedDraft:
    return SavedDraft("draft", revision, Draft(text=f"revision {revision}"))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    with closing(Store(data_dir)) as opened:
        yield opened


STEPS: Final = """
import json, os, resource, sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from cfmail_tui.message import Draft, SavedDraft
from cfmail_tui.store import Store, StoreError
from cfmail_tui.submission import Accepted, Envelope, NotSent, Receipt, Submission
noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
folder, name = Path(sys.argv[1]), sys.argv[2]
kind = getattr(resource, name)
def limited():
    # Files of no size at all; no descriptor beyond those that are open.
    os.close(free := os.dup(0))
    resource.setrlimit(kind, (0 if name == "RLIMIT_FSIZE" else free, before[1]))
before = resource.getrlimit(kind)
store = Store(folder)
sent = Submission("attempt-1", "", "send", Envelope("me@example.com", ("a@b.example",)), "s", 1, 2, "ab" * 32)
steps = {
    "open": lambda: Store(folder).close(),
    "write_body": lambda: store.write_body("attempt-1", iter([b"{}"])),
    "begin": lambda: store.begin(sent, "work"),
    "leaving": lambda: store.leaving("attempt-1"),
    "open_body": lambda: store.open_body("attempt-1").close(),
    "finish": lambda: store.finish("attempt-1", NotSent("no network", True), next_at=noon),
    "adopt": lambda: store.adopt("attempt-1"),
    "again": lambda: store.again("attempt-1", "attempt-2"),
    "begin again": lambda: store.begin(replace(sent, attempt_id="attempt-2"), "work", again_of="attempt-1"),
    "finish again": lambda: store.finish("attempt-2", NotSent("no network", True), next_at=noon),
    "stop_waiting": lambda: store.stop_waiting("attempt-1"),
    "third": lambda: store.begin(replace(sent, attempt_id="attempt-3"), "work", again_of="attempt-1"),
    "accept": lambda: store.finish("attempt-3", Accepted(Receipt(delivered=("a@b.example",)))),
    "save_draft": lambda: store.save_draft(SavedDraft("draft", 1, Draft(text="x" * 10000))),
    "claim_draft": lambda: store.claim_draft("draft"),
    "delete_draft": lambda: store.delete_draft("draft"),
    "remember": lambda: store.remember("a", "b"),
}
def state():
    kept = [(a.submission.attempt_id, a.outcome is None) for a in store.attempts()]
    left = [bool(row[0]) for row in store._db.execute("SELECT left_at FROM attempts")]
    waits = [tuple(row) for row in store._db.execute("SELECT * FROM waiting")]
    return kept, left, waits, len(store.drafts()), store.recall("a"), sorted(os.listdir(folder / "bodies"))
told = {}
for step, run in steps.items():
    earlier = state()
    limited()
    try:
        run()
    except StoreError as error:
        told[step] = str(error)
        resource.setrlimit(kind, before)
        assert state() == earlier, (step, state(), earlier)
        run()
    resource.setrlimit(kind, before)
assert store.attempt("attempt-1").outcome
print(json.dumps(told))
"""


class TestLimits:
    @pytest.mark.parametrize(
        ("limit", "failing"),
        [
            (
                "RLIMIT_FSIZE",
                {"write_body", "begin", "leaving", "finish", "again", "begin again"}
                | {"finish again", "stop_waiting", "third", "accept"}
                | {"save_draft", "claim_draft", "delete_draft", "remember"},
            ),
            ("RLIMIT_NOFILE", {"open", "write_body", "begin", "open_body", "again"}),
        ],
    )
    def test_a_step_that_the_system_refuses_changes_nothing(
        self, data_dir: Path, limit: str, failing: set[str]
    ) -> None:
        """Under a real limit each step fails in words, leaves everything as before, and works once it is lifted."""
        command = [sys.executable, "-c", STEPS, str(data_dir), limit]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        told = json.loads(ran.stdout)
        assert told.keys() == failing
        assert all(str(data_dir) in words for words in told.values())
        words = " ".join(told.values())
        assert ("file too large" in words) if limit == "RLIMIT_FSIZE" else ("too many open files" in words)

    def test_somebody_elses_folder_is_refused(self, tmp_path: Path) -> None:
        """Without permission to write the folder, the bodies or the database, the program says where, and changes
        nothing, though the database may be damaged."""
        code = (
            "import os, sys; from pathlib import Path; from cfmail_tui.store import Store, StoreError\n"
            "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
            "try: Store.open_or_set_aside(Path(sys.argv[1]))\n"
            "except StoreError as error: print(error)"
        )
        for damaged in (False, True):
            data_dir = tmp_path / f"data-{damaged}"
            Store(data_dir).close()
            if damaged:
                (data_dir / DATABASE).write_bytes(b"Dear diary, " * 1000)
            before = {path: path.read_bytes() for path in data_dir.iterdir() if path.is_file()}
            with readable_to_all(data_dir):
                ran = subprocess.run(
                    [sys.executable, "-c", code, data_dir], cwd=ROOT, capture_output=True, text=True, check=True
                )
            assert str(data_dir) in ran.stdout
            assert "permitted" in ran.stdout or "permission" in ran.stdout
            assert {path: path.read_bytes() for path in data_dir.iterdir() if path.is_file()} == before


class readable_to_all:  # noqa: N801 - a context manager
    """Every folder and file may be read, none written, up to the test's own root."""

    def __init__(self, data_dir: Path) -> None:
        self.modes = {path: path.stat().st_mode for path in (data_dir, *data_dir.rglob("*"))}
        for parent in data_dir.parents:
            if parent.owner() == data_dir.owner() and parent.stat().st_mode & 0o055 != 0o055 and parent != Path("/"):
                self.modes[parent] = parent.stat().st_mode

    def __enter__(self) -> None:
        for path, mode in self.modes.items():
            path.chmod((mode | 0o055 if path.is_dir() else mode | 0o044) & ~0o222)

    def __exit__(self, *_: object) -> None:
        for path, mode in self.modes.items():
            path.chmod(mode)


class TestFullDisk:
    def test_an_outcome_finds_room(self, small_disk: Path) -> None:
        """On a disk without one free block the outcome of what was begun is written down, and its draft goes along."""
        with closing(Store(small_disk / "data")) as store:
            store.save_draft(draft(1))
            store.begin(submission("attempt-1"), "work", draft(1))
            store.leaving("attempt-1")
            fill(small_disk, 0)
            with pytest.raises(StoreError, match="the disk is full"):
                store.remember("much", "x" * 500_000)
            assert store.finish("attempt-1", DELIVERED).outcome == DELIVERED
            assert not (small_disk / "data" / "spare").exists()
            fill(small_disk, 0)
            with pytest.raises(StoreError, match=r"spare cannot be written: the disk is full"):
                store.begin(submission("attempt-2"), "work")
            (small_disk / "filler").unlink()
            store.begin(submission("attempt-2"), "work")
            assert (small_disk / "data" / "spare").stat().st_size == files.Spare.SIZE
            assert (small_disk / "data" / "spare").stat().st_blocks * 512 >= files.Spare.SIZE

    def test_at_whatever_write_the_disk_is_full(self, small_disk: Path) -> None:
        """With room for n blocks, for every n: what begins gets its outcome, what does not leaves no trace."""
        begun = 0
        for blocks in range(24):
            folder = small_disk / "data"
            with closing(Store(folder)) as store:
                store.begin(submission("attempt-0"), "work")
                fill(small_disk, 0)
                store.finish("attempt-0", Unknown("x" * 20000))
                (small_disk / "filler").unlink()
                store.begin(submission("attempt-1"), "work")
                fill(small_disk, blocks * 4096)
                with suppress(StoreError):
                    store.write_body("attempt-2", iter([b"x" * 6000]))
                    store.begin(submission("attempt-2", subject="s" * 20000), "work")
                    begun += 1
                    with suppress(StoreError):
                        store.leaving("attempt-2")
                open_ones = {attempt.submission.attempt_id for attempt in store.attempts(asked("status:open"))}
                for attempt_id in open_ones:
                    store.finish(attempt_id, DELIVERED)
                assert {a.outcome for a in store.attempts()} == {DELIVERED, Unknown("x" * 20000)}
            shutil.rmtree(folder)
            (small_disk / "filler").unlink(missing_ok=True)
        assert 0 < begun < 24

    def test_a_mail_that_waits_finds_room(self, small_disk: Path) -> None:
        """On a disk without one free block a mail that was not sent is put among the waiting with its outcome."""
        with closing(Store(small_disk / "data")) as store:
            store.write_body("try-0001", iter([b"{}"]))
            store.begin(submission("try-0001"), "work", draft(1))
            fill(small_disk, 0)
            with pytest.raises(StoreError, match="the disk is full"):
                store.remember("much", "x" * 500_000)
            store.finish("try-0001", NotSent("x" * 20000), next_at=SOON)
            assert [mail.root for mail in store.waiting()] == ["try-0001"]
            fill(small_disk, 0)
            with pytest.raises(StoreError, match=r"spare cannot be written: the disk is full"):
                store.begin(submission("try-0002"), "work", again_of="try-0001")
            assert [mail.root for mail in store.waiting()] == ["try-0001"]

    def test_recovery_finds_room(self, small_disk: Path) -> None:
        """What a dead cfmail left open gets its outcome on a full disk, too."""
        with closing(Store(small_disk / "data")) as store, closing(Store(small_disk / "data")) as other:
            for number in range(4):
                other.begin(submission(f"attempt-{number}", subject="s" * 500), "work")
            other._instance.close()
            fill(small_disk, 0)
            assert {ended.outcome for ended in store.recover()} == {NOT_LEFT}
            assert store.attempts(asked("status:open")) == ()

    def test_a_start_on_a_full_disk_is_refused_in_words(self, small_disk: Path) -> None:
        """Without room for what SQLite needs to run the reason is said, and the room for outcomes is not spent."""
        with closing(Store(small_disk / "data")) as store:
            store.begin(submission("attempt-1"), "work")
        fill(small_disk, 0)
        with pytest.raises(StoreError, match="the disk is full"):
            Store.open_or_set_aside(small_disk / "data")
        assert (small_disk / "data" / "spare").exists()

    def test_a_read_only_disk_is_named(self, small_disk: Path) -> None:
        """A disk that was mounted read-only is refused in words, and what is on it is as it was."""
        with closing(Store(small_disk / "data")) as store:
            store.begin(submission("attempt-1"), "work")
        octets = (small_disk / "data" / DATABASE).read_bytes()
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
        with pytest.raises(StoreError, match="read-only"):
            Store.open_or_set_aside(small_disk / "data")
        assert (small_disk / "data" / DATABASE).read_bytes() == octets


class TestBodySteps:
    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES, errno.EMFILE, errno.EDQUOT])
    @pytest.mark.parametrize("step", ["open", "fchmod", "fsync", "replace", "commit", "sync_folder"])
    def test_each_step_of_a_body(
        self, store: Store, data_dir: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
    ) -> None:
        """Whichever step of writing a body fails, it is said, there is no body, and the next try succeeds."""

        def fail(*_: object, **__: object) -> Any:
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as faults:
            if step == "replace":
                faults.setattr(Path, "replace", fail)
            elif step == "sync_folder":
                faults.setattr(files, "sync_folder", fail)
            elif step == "commit":
                store._db.execute("PRAGMA max_page_count = 1")
                store._db.execute("CREATE TEMP TRIGGER stop BEFORE INSERT ON bodies BEGIN SELECT raise(FAIL, 'x'); END")
            else:
                faults.setattr(os, step, fail)
            with pytest.raises(StoreError, match=r"attempt-1\.json cannot be written|cfmail\.sqlite3 cannot be used"):
                store.write_body("attempt-1", iter([b"{}"]))
        store._db.execute("DROP TRIGGER IF EXISTS stop")
        assert {name for name in names(data_dir / "bodies") if not name.startswith(".")} == set()
        store._db.execute("PRAGMA max_page_count = 100000")
        store.write_body("attempt-1", iter([b"{}"]))
        assert store.body_path("attempt-1").read_bytes() == b"{}"


@dataclass
class PowerCuts:
    """Copies of a data folder at every boundary of a write, each with what had been promised by then."""

    data_dir: Path
    copies: Path
    promised: dict[str, Any] = field(default_factory=dict)
    taken: list[tuple[Path, dict[str, Any]]] = field(default_factory=list)
    synced: int = 0
    """Octets of the log that are on the disk for certain."""

    def take(self, *_: object) -> None:
        """As the disk might be found: with the log as far as it was synced, cut within, or as far as it was written."""
        log = self.data_dir / f"{DATABASE}-wal"
        written = log.stat().st_size if log.exists() else 0
        for length in {min(self.synced, written), (self.synced + written) // 2, written}:
            copy = self.copies / str(len(self.taken))
            shutil.copytree(self.data_dir, copy, ignore=shutil.ignore_patterns("*-shm"))
            if written:
                os.truncate(copy / log.name, length)
            self.taken.append((copy, {**self.promised}))

    def done(self, **promised: object) -> None:
        """A method has returned: its promise counts from now on."""
        self.promised |= promised
        log = self.data_dir / f"{DATABASE}-wal"
        self.synced = log.stat().st_size if log.exists() else 0
        self.take()


def boundaries(cuts: PowerCuts, monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    """Take copies before every statement and around every fsync, link and rename."""

    def around(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            cuts.take()
            result = real(*arguments, **options)
            cuts.take()
            return result

        return call

    store._db.set_trace_callback(cuts.take)
    monkeypatch.setattr(os, "fsync", around(os.fsync))
    monkeypatch.setattr(os, "link", around(os.link))
    monkeypatch.setattr(Path, "replace", around(Path.replace))


def test_power_may_fail_at_every_write(tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every copy taken at a write boundary opens and recovers to a legal state that keeps all that was promised."""
    cuts = PowerCuts(data_dir, tmp_path / "copies")
    with closing(Store(data_dir)) as store, monkeypatch.context() as watched:
        boundaries(cuts, watched, store)
        cuts.done()
        store.save_draft(draft(1))
        cuts.done(draft=1)
        for attempt_id, outcome in (("attempt-1", DELIVERED), ("attempt-2", Unknown("time-out"))):
            store.write_body(attempt_id, iter([attempt_id.encode() * 1000]))
            cuts.done()
            store.begin(submission(attempt_id), "work", draft(1) if outcome == DELIVERED else None)
            cuts.done(**{attempt_id: {NOT_LEFT, LEFT}})
            cuts.promised[attempt_id] = {NOT_LEFT, LEFT}
            store.leaving(attempt_id)
            cuts.done(**{attempt_id: {LEFT, outcome}})
            if outcome == DELIVERED:
                cuts.promised["draft"] = None
            store.finish(attempt_id, outcome)
            cuts.done(**{attempt_id: {outcome}})
        store.settle("attempt-2", arrived=False)
        cuts.done(settled=False)
        store.save_draft(draft(2))
        cuts.done(draft=2)
        store.write_body("attempt-3", iter([b"reviewed"]))
        cuts.done()
    assert len(cuts.taken) > 100
    for copy, promised in cuts.taken:
        check_after_power_cut(copy, promised)


def check_after_power_cut(copy: Path, promised: dict[str, Any]) -> None:
    store, told = Store.open_or_set_aside(copy)
    with closing(store):
        assert told == ""
        store.recover()
        kept: dict[str, Outcome | None] = {a.submission.attempt_id: a.outcome for a in store.attempts()}
        assert None not in kept.values()
        for attempt_id in ("attempt-1", "attempt-2"):
            assert attempt_id in kept or attempt_id not in promised
            if attempt_id in promised and attempt_id in kept:
                assert kept[attempt_id] in promised[attempt_id]
        assert names(copy / "bodies") == {f"{attempt_id}.json" for attempt_id in kept}
        for attempt_id in kept:
            assert store.body_path(attempt_id).read_bytes() == attempt_id.encode() * 1000
        if "settled" in promised:
            assert store.attempt("attempt-2").settled is False
        if promised.get("draft"):
            assert store.draft("draft").revision >= promised["draft"]


def test_power_may_fail_while_a_mail_is_tried_again(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not sent, waiting, put off, sent again, accepted: each copy knows where the mail was and forgets no delivery."""
    cuts = PowerCuts(data_dir, tmp_path / "copies")
    with closing(Store(data_dir)) as store, monkeypatch.context() as watched:
        boundaries(cuts, watched, store)
        for step in (
            lambda: store.save_draft(draft(1)),
            lambda: store.write_body("try-0001", iter([b"the very octets"])),
            lambda: store.begin(submission("try-0001"), "work", draft(1)),
        ):
            cuts.done()
            step()
        cuts.done(states={"failed"})
        cuts.promised["states"] = {"failed", "waiting"}
        store.finish("try-0001", OFFLINE, next_at=SOON)
        cuts.done(states={"waiting"})
        again = store.again("try-0001", "try-0002")
        cuts.done()
        cuts.promised["states"] = {"waiting", "repeated"}
        store.begin(again, "work", again_of="try-0001")
        cuts.done(states={"repeated"})
        cuts.promised["states"] = {"repeated", "left"}
        store.leaving("try-0002")
        cuts.done(states={"left"})
        cuts.promised["states"] = {"left", "accepted"}
        store.finish("try-0002", DELIVERED)
        cuts.done(states={"accepted"})
    assert len(cuts.taken) > 70
    assert {state for _, promised in cuts.taken for state in promised.get("states", ())} == CHAIN.keys()
    for copy, promised in cuts.taken:
        assert state_after_power_cut(copy) in promised.get("states", CHAIN.keys() | {"nothing"})


OFFLINE: Final = NotSent("no network", temporary=True)
SOON: Final = datetime(2026, 1, 2, 12, tzinfo=UTC)

CHAIN: Final[dict[str, tuple[list[Outcome], bool, bool]]] = {
    "failed": ([NOT_LEFT], False, True),
    "waiting": ([OFFLINE], True, True),
    "repeated": ([OFFLINE, NOT_LEFT], False, True),
    "left": ([OFFLINE, LEFT], False, True),
    "accepted": ([OFFLINE, DELIVERED], False, False),
}
"""What each state of the chain is after the recovery: outcomes, whether it waits, whether the draft is there."""


def state_after_power_cut(copy: Path) -> str:
    store, told = Store.open_or_set_aside(copy)
    with closing(store):
        assert told == ""
        store.recover()
        attempts = store.attempts()[::-1]
        for attempt in attempts:
            assert store.body_path(attempt.submission.attempt_id).read_bytes() == b"the very octets"
        assert names(copy / "bodies") == {f"{attempt.submission.attempt_id}.json" for attempt in attempts}
        waiting = [(mail.root, mail.tries, mail.next_at) for mail in store.waiting()]
        assert waiting in ([], [("try-0001", 1, SOON)])
        if not attempts:
            return "nothing"
        seen = ([attempt.outcome for attempt in attempts], bool(waiting), bool(store.drafts()))
        (state,) = (state for state, wanted in CHAIN.items() if wanted == seen)
        return state
