"""An old database is brought up to date, a damaged one set aside: every row that reads is kept, no file is lost."""

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.message import Draft, RawDraft, SavedDraft
from cfmail_tui.store import DATABASE, Damaged, Store, StoreError, files
from cfmail_tui.submission import Accepted, Envelope, NotSent, Outcome, Receipt, Refused, Submission, Unknown
from tests.edge.asked import asked

NOON: Final = datetime(2026, 1, 2, 12, tzinfo=UTC)
DELIVERED: Final = Accepted(Receipt(delivered=("a@example.com",)))
SCHEMA_1: Final = Path(__file__).with_name("schema_1.sql")
SCHEMA_2: Final = Path(__file__).with_name("schema_2.sql")
ASIDE: Final = "cfmail-damaged-2026-01-02T120000Z.sqlite3"


def submission(attempt_id: str, subject: str = "Hello") -> Submission:
    envelope = Envelope("me@example.com", ("a@example.com", "b@example.net"))
    return Submission(attempt_id, "", "send", envelope, subject, 1000, 1200, "ab" * 32)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def outcomes(store: Store) -> dict[str, Outcome | None]:
    return {attempt.submission.attempt_id: attempt.outcome for attempt in store.attempts(limit=10**6)}


@pytest.fixture
def old_dir(data_dir: Path) -> Path:
    """A data folder as the first release left it."""
    return left_behind(data_dir, SCHEMA_1, "accepted-1")


@pytest.fixture
def second_dir(data_dir: Path) -> Path:
    """A data folder as a cfmail left it that died before mails could wait."""
    return left_behind(data_dir, SCHEMA_2, "accepted-1", "reviewed-1")


def left_behind(data_dir: Path, schema: Path, *bodies: str) -> Path:
    (data_dir / "bodies").mkdir(parents=True)
    for body in bodies:
        (data_dir / "bodies" / f"{body}.json").write_bytes(b"{}")
    with closing(sqlite3.connect(data_dir / DATABASE)) as db:
        db.executescript(schema.read_text("utf-8"))
        db.execute("PRAGMA journal_mode = WAL")
    return data_dir


def check_first_release(store: Store) -> None:
    assert outcomes(store) == {
        "accepted-1": Accepted(
            Receipt(delivered=("a@example.com",), queued=("x@example.org",), message_id="<1@example.com>")
        ),
        "refused-1": Refused(429, "10004", "slow down", 1.5),
        "not-sent-1": NotSent("no network"),
        "unknown-1": Unknown("time-out"),
        "open-1234": None,
    }
    assert store.attempt("accepted-1").submission.envelope.recipients == ("A@example.com", "b@example.net")
    assert {(kept.draft_id, kept.revision): kept.content for kept in store.drafts()} == {
        ("draft-1", 3): Draft(subject="half \ud83d typed", text="words\n"),
        ("draft-2", 1): RawDraft("me@example.com", "b@example.com", b"Subject: raw\r\n\r\n\xff"),
    }
    assert store.recall("sender") == "me@example.com"


class TestUpgrade:
    def test_the_first_releases_database_keeps_every_row(self, old_dir: Path) -> None:
        """What the released schema 1 held is there after the upgrade, word for word."""
        with closing(Store(old_dir)) as store:
            check_first_release(store)

    def test_what_the_first_release_left_open_is_unknown(self, old_dir: Path) -> None:
        """It did not note when the first octet left: such an attempt may have been sent."""
        with closing(Store(old_dir)) as store:
            assert [ended.outcome for ended in store.recover()] == [Unknown("cfmail ended before an answer came")]
            assert store.settle("open-1234", arrived=True).settled
            store.settle("unknown-1", arrived=True)
            assert [kept.draft_id for kept in store.drafts()] == ["draft-2"]

    def test_the_old_database_is_copied_first(self, old_dir: Path) -> None:
        """Beside the new one stands the old one, private, with what was only in its log as well."""
        with closing(sqlite3.connect(old_dir / DATABASE, isolation_level=None)) as db:
            db.execute("INSERT INTO memory VALUES (X'61', X'62')")
            (old_dir / "crashed").mkdir()
            for suffix in ("", "-wal"):
                shutil.copyfile(old_dir / (DATABASE + suffix), old_dir / "crashed" / (DATABASE + suffix))
        Store(old_dir / "crashed").close()
        copy = old_dir / "crashed" / "cfmail-schema-1.sqlite3"
        assert copy.stat().st_mode & 0o777 == 0o600
        with closing(sqlite3.connect(copy)) as db:
            assert db.execute("PRAGMA user_version").fetchone() == (1,)
            assert db.execute("SELECT count(*) FROM attempts").fetchone() == (5,)
            assert db.execute("SELECT value FROM memory WHERE key = X'61'").fetchone() == (b"b",)

    def test_without_room_for_the_copy_nothing_changes(self, old_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """If the copy cannot be made the old database stays as it was, and says why."""
        before = (old_dir / DATABASE).read_bytes()
        with monkeypatch.context() as faults:
            faults.setattr(files, "sync_folder", full)
            with pytest.raises(StoreError, match="the disk is full"):
                Store(old_dir)
        assert (old_dir / DATABASE).read_bytes() == before
        with closing(Store(old_dir)) as store:
            check_first_release(store)

    def test_schema_2_keeps_every_row(self, second_dir: Path) -> None:
        """What was tried, settled, repeated, deleted and left open before mails could wait is there, none waiting."""
        with closing(Store(second_dir, lambda: NOON)) as store:
            assert outcomes(store) == {
                "accepted-1": Accepted(Receipt(delivered=("a@example.com",), message_id="<1@example.com>")),
                "refused-1": Refused(429, "10004", "slow down", 1.5),
                "not-sent-1": NotSent("no network", temporary=False),
                "unknown-1": Unknown("time-out"),
                "again-12": NotSent("no network", temporary=False),
                "open-1234": None,
                "left-1234": None,
            }
            assert store.attempt("unknown-1").settled is False
            assert store.attempt("again-12").again_of == "unknown-1"
            assert {(kept.draft_id, kept.revision): (kept.content, kept.cursor) for kept in store.drafts()} == {
                ("draft-1", 3): (Draft(subject="half \ud83d typed", text="words\n"), ("", 0, 0)),
                ("draft-2", 1): (RawDraft("me@example.com", "b@example.com", b"Subject: raw\r\n\r\n\xff"), ("", 0, 0)),
            }
            assert store.restore_draft("draft-3").content == Draft(text="thrown away")
            assert store.recall("sender") == "me@example.com"
            assert store.waiting() == ()
        assert (second_dir / "cfmail-schema-2.sqlite3").stat().st_mode & 0o777 == 0o600

    def test_work_of_schema_2_goes_on(self, second_dir: Path) -> None:
        """What it left open gets its outcome, what it reviewed is swept, and what failed then can wait and be sent."""
        with closing(Store(second_dir, lambda: NOON)) as store:
            ended = {attempt.submission.attempt_id: attempt.outcome for attempt in store.recover()}
            assert ended == {
                "open-1234": NotSent("cfmail ended before the mail left"),
                "left-1234": Unknown("cfmail ended before an answer came"),
            }
            assert names(second_dir / "bodies") == {"accepted-1.json"}
            store.begin(submission("again-34"), "home", again_of="again-12")
            store.finish("again-34", NotSent("no network", temporary=True), next_at=NOON)
            assert [(mail.root, mail.tries) for mail in store.waiting()] == [("unknown-1", 3)]
            store.begin(submission("again-56"), "work", again_of="not-sent-1")
            store.finish("again-56", DELIVERED)
            assert [kept.draft_id for kept in store.drafts()] == ["draft-2"]

    def test_the_first_releases_mails_can_be_sent_again(self, old_dir: Path) -> None:
        """An attempt of schema 1 begins a chain as any other."""
        with closing(Store(old_dir, lambda: NOON)) as store:
            store.begin(submission("again-12"), "work", again_of="refused-1")
            store.finish("again-12", Refused(429, "", "slow down"), next_at=NOON)
            assert [(mail.root, mail.tries) for mail in store.waiting()] == [("refused-1", 2)]

    def test_a_new_folder_has_nothing_to_copy(self, data_dir: Path) -> None:
        """A database made anew leaves no copy of an empty one."""
        Store(data_dir).close()
        assert names(data_dir) == {DATABASE, "bodies", "instances"}


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


WAITING: Final = range(3, 120, 12)


def fill(data_dir: Path) -> dict[str, Outcome | None]:
    """Enough mails and drafts for many pages; what is in the journal."""
    with closing(Store(data_dir, lambda: NOON)) as store:
        for number in range(120):
            store.write_body(f"attempt-{number}", iter([b"{}"]))
            store.begin(submission(f"attempt-{number}", subject=f"{number} " * 50), "work")
            if number in WAITING:
                store.finish(f"attempt-{number}", NotSent("no network", temporary=True), next_at=NOON)
            elif number % 3 < 2:
                store.finish(f"attempt-{number}", (DELIVERED, Unknown("time-out"))[number % 3])
            store.save_draft(
                SavedDraft(f"draft-{number}", 1, Draft(text=f"{number} " * 300), cursor=("text", 0, number))
            )
        store.remember("sender", "me@example.com")
        return outcomes(store)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Outcome | None]]:
    folder = tmp_path_factory.mktemp("filled") / "data"
    return folder, fill(folder)


@pytest.fixture
def full_dir(filled: tuple[Path, dict[str, Outcome | None]], data_dir: Path) -> Path:
    shutil.copytree(filled[0], data_dir)
    return data_dir


def harm_page(path: Path, page: int, octets: bytes = b"\xa5" * 4096) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(octets)


def leaf_of(path: Path, table: str) -> int:
    """The number of some leaf page of the table, in its middle."""
    octets = path.read_bytes()
    with closing(sqlite3.connect(path)) as db:
        root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    start = (root - 1) * 4096
    assert octets[start] == 0x05, "an interior page of a table"
    cells = int.from_bytes(octets[start + 3 : start + 5], "big")
    pointer = start + 12 + 2 * (cells // 2)
    cell = start + int.from_bytes(octets[pointer : pointer + 2], "big")
    return int.from_bytes(octets[cell : cell + 4], "big")


class TestSetAside:
    def test_a_sound_database_is_only_opened(self, full_dir: Path) -> None:
        """Nothing is said and nothing moved where nothing is wrong."""
        before = names(full_dir)
        store, told = Store.open_or_set_aside(full_dir)
        with closing(store):
            assert told == ""
            assert len(store.drafts()) == 120
        assert names(full_dir) == before

    @pytest.mark.parametrize(
        "octets",
        [b"\0" * 5000, b"Dear diary, " * 1000, b"SQLite format 3\0" + b"\xff" * 5000],
        ids=["zeros", "text", "header"],
    )
    def test_what_is_no_database_is_moved_not_deleted(self, data_dir: Path, octets: bytes) -> None:
        """The file keeps every octet under its new name, the bodies stay, and the program starts."""
        (data_dir / "bodies").mkdir(parents=True)
        (data_dir / "bodies" / "attempt-1.json").write_bytes(b"{}")
        (data_dir / DATABASE).write_bytes(octets)
        store, told = Store.open_or_set_aside(data_dir, lambda: NOON)
        with closing(store):
            store.recover()
            store.begin(submission("attempt-2"), "work")
            assert store.body_path("attempt-1").exists()
        assert str(data_dir / DATABASE) in told
        assert f"set aside as {ASIDE}" in told
        assert "0 mails of the history and 0 drafts" in told
        assert (data_dir / ASIDE).read_bytes() == octets
        assert not {".salvage", f"{ASIDE}.rescued", "suspect"} & names(data_dir)
        assert all(path.stat().st_mode & 0o077 == 0 for path in data_dir.iterdir())

    @pytest.mark.parametrize("table", ["attempts", "drafts"])
    def test_what_reads_is_saved(
        self, full_dir: Path, filled: tuple[Path, dict[str, Outcome | None]], table: str
    ) -> None:
        """With one page lost, every row outside that page is there again, from before it and from behind it."""
        harm_page(full_dir / DATABASE, leaf_of(full_dir / DATABASE, table))
        store, told = Store.open_or_set_aside(full_dir, lambda: NOON)
        if not told:
            # The page is not among what is shown first: met in use, it is looked for at the next start.
            with closing(store), pytest.raises(Damaged, match="the next use sets it aside"):
                store.attempts(asked("attempt"), limit=10**6)
            store, told = Store.open_or_set_aside(full_dir, lambda: NOON)
        with closing(store):
            kept, drafts = outcomes(store), store.drafts()
            assert f"{len(kept)} mails" in told
            assert f"{len(drafts)} drafts" in told
            assert len(kept) >= 100 + 20 * (table != "attempts")
            assert len(drafts) >= 100 + 20 * (table != "drafts")
            assert kept.items() <= filled[1].items()
            assert {"attempt-0", "attempt-119"} <= kept.keys()
            assert {mail.root for mail in store.waiting()} == kept.keys() & {f"attempt-{number}" for number in WAITING}
            assert all(saved.cursor == ("text", 0, int(saved.draft_id.partition("-")[2])) for saved in drafts)
            assert store.recall("sender") == "me@example.com"
            # Whether it had left may have been on the lost pages.
            assert {ended.outcome for ended in store.recover()} == {Unknown("cfmail ended before an answer came")}
            assert len(names(full_dir / "bodies")) == 120
        assert ASIDE in names(full_dir)

    def test_a_row_that_makes_no_sense_is_left_behind(self, full_dir: Path) -> None:
        """Of a sound file with a senseless row all others are kept."""
        with closing(sqlite3.connect(full_dir / DATABASE)) as db, db:
            db.execute("UPDATE attempts SET evidence = X'7B' WHERE id = 'attempt-3'")
            db.execute("DELETE FROM recipients WHERE attempt = 5")
            db.execute("UPDATE drafts SET fields = X'7B' WHERE seq = 7")
            db.execute("UPDATE waiting SET next_at = 'noon' WHERE root = 'attempt-15'")
            db.execute("UPDATE waiting SET tries = 'few' WHERE root = 'attempt-27'")
            db.execute("UPDATE waiting SET last = 'attempt-0' WHERE root = 'attempt-39'")
        store, told = Store.open_or_set_aside(full_dir, lambda: NOON)
        with closing(store):
            assert "118 mails of the history and 119 drafts" in told
            assert len(outcomes(store)) == 118
            # Nor does one wait whose attempt was left behind, or accepted.
            assert sorted(mail.root for mail in store.waiting()) == sorted(f"attempt-{n}" for n in WAITING[4:])

    @pytest.mark.parametrize(("table", "drafts", "waiting"), [("drafts", 0, 10), ("waiting", 120, 0)])
    def test_a_lost_table_is_damage(self, full_dir: Path, table: str, drafts: int, waiting: int) -> None:
        """A database without one of its tables is set aside, and the others' rows are kept."""
        with closing(sqlite3.connect(full_dir / DATABASE)) as db, db:
            db.execute(f"DROP TABLE {table}")
        store, told = Store.open_or_set_aside(full_dir, lambda: NOON)
        with closing(store):
            assert f"120 mails of the history and {drafts} drafts" in told
            assert len(store.waiting()) == waiting

    @pytest.mark.parametrize("harm", ["next_at = 'noon'", "next_at = X'FF'", "tries = 'few'"])
    def test_waiting_that_makes_no_sense_is_damage(self, full_dir: Path, harm: str) -> None:
        """A mail that waits for no time that can be understood is found at the start, or told when it is met."""
        with closing(Store(full_dir)) as store:
            store._db.execute(f"UPDATE waiting SET {harm} WHERE root = 'attempt-15'")
            with pytest.raises(Damaged):
                store.waiting()
        store, told = Store.open_or_set_aside(full_dir, lambda: NOON)
        with closing(store):
            assert "120 mails" in told
            assert len(store.waiting()) == 9

    def test_the_first_releases_database_is_saved_too(self, old_dir: Path) -> None:
        """Rows of an older schema are carried into the new one."""
        with closing(sqlite3.connect(old_dir / DATABASE)) as db, db:
            db.execute("UPDATE drafts SET revision = 'x' WHERE seq = 1")
            db.execute("UPDATE drafts SET fields = X'7B' WHERE seq = 1")
        store, told = Store.open_or_set_aside(old_dir, lambda: NOON)
        with closing(store):
            assert "5 mails of the history and 1 draft" in told
            assert store.attempt("unknown-1").outcome == Unknown("time-out")

    def test_a_suspicion_that_proves_wrong_is_dropped(self, full_dir: Path) -> None:
        """After damage was met in use, a file that reads in full stays where it is."""
        (full_dir / "suspect").write_bytes(b"")
        store, told = Store.open_or_set_aside(full_dir)
        store.close()
        assert told == ""
        assert "suspect" not in names(full_dir)

    def test_a_second_damaged_file_gets_another_name(self, data_dir: Path) -> None:
        """Two in one second are both kept."""
        for number in range(2):
            data_dir.mkdir(exist_ok=True)
            (data_dir / DATABASE).write_bytes(b"%d" % number * 5000)
            Store.open_or_set_aside(data_dir, lambda: NOON)[0].close()
        kept = [path.read_bytes()[:1] for path in sorted(data_dir.glob("cfmail-damaged-*"))]
        assert sorted(kept) == [b"0", b"1"]

    @pytest.mark.parametrize("script", ["PRAGMA user_version = 99", "CREATE TABLE theirs (x)"])
    def test_what_is_not_damaged_is_not_moved(self, data_dir: Path, script: str) -> None:
        """A newer schema or another program's database is refused and stays exactly where and as it is."""
        data_dir.mkdir()
        with closing(sqlite3.connect(data_dir / DATABASE)) as db:
            db.executescript(script)
        octets = (data_dir / DATABASE).read_bytes()
        with pytest.raises(StoreError, match=r"newer cfmail|another program"):
            Store.open_or_set_aside(data_dir)
        assert (data_dir / DATABASE).read_bytes() == octets
        assert names(data_dir) == {DATABASE, "bodies", "instances"}

    def test_not_under_the_feet_of_another(self, full_dir: Path) -> None:
        """While another cfmail runs nothing is moved: it has the file open, and outcomes to write."""
        with closing(Store(full_dir)) as other:
            other.begin(submission("attempt-x"), "work")
            harm_page(full_dir / DATABASE, leaf_of(full_dir / DATABASE, "drafts"))
            (full_dir / "suspect").write_bytes(b"")
            with pytest.raises(StoreError, match="close the other cfmails"):
                Store.open_or_set_aside(full_dir)
            other.finish("attempt-x", DELIVERED)
        store, _ = Store.open_or_set_aside(full_dir)
        with closing(store):
            assert store.attempt("attempt-x").outcome == DELIVERED

    def test_opening_and_moving_exclude_each_other(self, data_dir: Path) -> None:
        """Nobody opens what is being moved, nobody moves what is being opened; neither waits."""
        Store(data_dir).close()
        with files.gate(data_dir, alone=True), pytest.raises(StoreError, match="repairing"):
            Store(data_dir)
        (data_dir / DATABASE).write_bytes(b"Dear diary, " * 1000)
        with files.gate(data_dir, alone=False), pytest.raises(StoreError, match="opening"):
            Store.open_or_set_aside(data_dir)
        assert not list(data_dir.glob("cfmail-damaged-*"))

    def test_of_two_that_start_one_moves(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A cfmail that finds the damage mended by another, which was faster, opens what that one made."""
        data_dir.mkdir()
        (data_dir / DATABASE).write_bytes(b"Dear diary, " * 1000)
        real, told = files.gate, []

        def slow(folder: Path, *, alone: bool) -> AbstractContextManager[None]:
            if alone:
                monkeypatch.setattr(files, "gate", real)
                other, words = Store.open_or_set_aside(data_dir)
                other.close()
                told.append(words)
            return real(folder, alone=alone)

        monkeypatch.setattr(files, "gate", slow)
        store, words = Store.open_or_set_aside(data_dir)
        store.close()
        told.append(words)
        assert [bool(words) for words in told] == [True, False]
        assert len(list(data_dir.glob("cfmail-damaged-*"))) == 1

    @pytest.mark.parametrize("step", range(8))
    def test_a_crash_while_moving_loses_nothing(
        self, full_dir: Path, step: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Stopped before any step of the move, the next start ends it, with the damaged file and what was saved."""
        harm_page(full_dir / DATABASE, leaf_of(full_dir / DATABASE, "drafts"))
        (full_dir / "suspect").write_bytes(b"")
        steps = iter(range(100))
        with monkeypatch.context() as faults:
            for of, name in ((Path, "replace"), (shutil, "copyfile"), (files, "sync_folder")):
                faults.setattr(of, name, stopping(getattr(of, name), steps, step))
            try:
                Store.open_or_set_aside(full_dir, lambda: NOON)[0].close()
            except Stopped:
                pass
            else:
                pytest.fail("there are fewer steps")
        store, _ = Store.open_or_set_aside(full_dir, lambda: NOON)
        with closing(store):
            assert len(outcomes(store)) == 120
            assert len(store.drafts()) >= 100
        assert ASIDE in names(full_dir)
        assert not {".salvage", f"{ASIDE}.rescued"} & names(full_dir)


class Stopped(BaseException):
    """The machine is switched off."""


def stopping(real: Callable[..., object], steps: Iterator[int], at: int) -> Callable[..., object]:
    def step(*arguments: object) -> object:
        if next(steps) == at:
            raise Stopped
        return real(*arguments)

    return step


@pytest.mark.parametrize("seed", [*range(20), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(20, 80))])
def test_whatever_is_damaged_the_program_starts(full_dir: Path, seed: int) -> None:
    """Random damage behind the header: it starts, what it shows is true, and the damaged file is kept."""
    chance = random.Random(seed)
    path = full_dir / DATABASE
    octets = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 10, 1000])):
        at = chance.randrange(100, len(octets))
        octets[at : at + chance.choice([1, 16, 4096])] = chance.randbytes(chance.choice([1, 16, 4096]))
    if chance.random() < 0.3:
        del octets[chance.randrange(4096, len(octets)) :]
    path.write_bytes(octets)
    told = ""
    for _ in range(3):
        store, words = Store.open_or_set_aside(full_dir, lambda: NOON)
        told += words
        with closing(store):
            try:
                store.recover()
                assert not any(isinstance(mail.attempt.outcome, Accepted | Unknown | None) for mail in store.waiting())
                store.attempts(asked("attempt"), limit=10**6)
                store.begin(submission("attempt-new"), "work")
                break
            except StoreError as error:
                # What the sweep met is set aside by whoever comes next, and told then.
                assert not words
                told += "" if isinstance(error, Damaged) else str(error)
    else:
        pytest.fail("it starts damaged every time")
    assert (ASIDE in names(full_dir)) == bool(told)
