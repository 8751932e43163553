"""The store keeps its promises on real files: exact, private, durable, shared by threads and processes."""

import errno
import hashlib
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cfmail_tui.message import AttachmentDraft, Draft, RawDraft, SavedDraft, same_address
from cfmail_tui.store import DATABASE, AttemptExists, NoSuchAttempt, NoSuchDraft, Store, StoreError
from cfmail_tui.submission import Accepted, Envelope, NotSent, Outcome, Receipt, Refused, Submission, Unknown
from tests.edge.asked import asked

ROOT: Final = Path(__file__).parents[2]
ACCOUNT_ID: Final = "0123456789abcdef0123456789abcdef"
NOON: Final = datetime(2026, 1, 2, 12, 0, 0, 5, tzinfo=UTC)
DELIVERED: Final = Accepted(Receipt(delivered=("a@example.com",), message_id="<1@example.com>"))
HOSTILE_IDS: Final = (
    "../x", "../../../tmp/x", "a/b-c-d-e-f", "..", "", "short", "a" * 65, "ABCDEFGH", "abcdefg.", "abcdefg\n",
    "abcdefg\0", "abcdefg\ud800", "äbcdefgh", "/etc/passwd",
)  # fmt: skip


def submission(attempt_id: str, *recipients: str, subject: str = "Hello", sender: str = "me@example.com") -> Submission:
    envelope = Envelope(sender, recipients or ("a@example.com", "b@example.net"))
    return Submission(attempt_id, ACCOUNT_ID, "send", envelope, subject, 1000, 1200, "ab" * 32)


def draft(revision: int = 1, draft_id: str = "draft", subject: str = "", text: str = "") -> SavedDraft:
    return SavedDraft(draft_id, revision, Draft(subject=subject, text=text))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "new" / "data"


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    with closing(Store(data_dir, lambda: NOON)) as opened:
        yield opened


def python(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def all_octets(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


class TestPrivacy:
    @pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o277])
    def test_nobody_else_can_read_anything(self, data_dir: Path, umask: int) -> None:
        """Folders are 0700 and files 0600 whatever the umask, SQLite's own files and missing parents included."""
        before = os.umask(umask)
        try:
            with closing(Store(data_dir)) as store:
                store.write_body("attempt-1", iter([b"{}"]))
                store.begin(submission("attempt-1"), "work")
                made = [data_dir.parent, data_dir, *data_dir.rglob("*")]
                modes = {path.name: mode(path) for path in made}
        finally:
            os.umask(before)
        folders = {"new", "data", "bodies", "instances"}
        assert modes == dict.fromkeys(folders, 0o700) | dict.fromkeys(modes.keys() - folders, 0o600)
        assert {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", "attempt-1.json"} <= modes.keys()

    def test_a_store_that_others_could_read_is_closed_to_them(self, data_dir: Path) -> None:
        """A folder or database restored with a wider mode is private again after the start."""
        Store(data_dir).close()
        data_dir.chmod(0o755)
        (data_dir / DATABASE).chmod(0o644)
        Store(data_dir).close()
        assert (mode(data_dir), mode(data_dir / DATABASE)) == (0o700, 0o600)

    def test_the_account_id_is_not_written_down(self, store: Store, data_dir: Path) -> None:
        """No file holds the account id; an attempt read back has none."""
        begun = store.begin(submission("attempt-1"), "work")
        finished = store.finish("attempt-1", DELIVERED)
        assert begun.submission.account_id == ACCOUNT_ID
        assert finished.submission.account_id == ""
        assert ACCOUNT_ID.encode() not in all_octets(data_dir)

    def test_what_was_deleted_is_gone_from_the_database(self, store: Store, data_dir: Path) -> None:
        """A deleted draft's text is overwritten, not only forgotten, when the time to undo is over."""
        store.save_draft(draft(text="very private words"))
        store.delete_draft("draft")
        store.close()
        with closing(Store(data_dir, lambda: NOON + timedelta(days=8))) as later:
            later.recover()
        assert b"very private words" not in all_octets(data_dir)


class TestBodies:
    def test_a_body_is_kept_octet_for_octet(self, store: Store, data_dir: Path) -> None:
        """What was written is read back, with its size and digest, and nothing else is left in the folder."""
        content = bytes(range(256)) * 1000
        written = store.write_body("attempt-1", iter([content[:7], b"", content[7:]]))
        with store.open_body("attempt-1") as body:
            assert body.read() == content
        assert (written.size, written.digest) == (len(content), hashlib.sha256(content).hexdigest())
        assert store.body_path("attempt-1") == data_dir / "bodies" / "attempt-1.json"
        assert names(data_dir / "bodies") == {"attempt-1.json"}

    def test_a_body_is_on_the_disk_before_it_has_its_name(
        self, store: Store, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """First the content is synced, then the file renamed, then the folder synced."""
        body = store.body_path("attempt-1")
        synced = []
        real = os.fsync

        def recorded(descriptor: int) -> None:
            target = os.fstat(descriptor)
            synced.append(("folder" if stat.S_ISDIR(target.st_mode) else target.st_size, body.exists()))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", recorded)
        store.write_body("attempt-1", iter([b"12", b"345"]))
        assert synced == [(5, False), ("folder", True)]

    @pytest.mark.parametrize("error", [ValueError("from the mail"), KeyboardInterrupt()])
    def test_what_the_mail_raises_comes_through(self, store: Store, data_dir: Path, error: BaseException) -> None:
        """An error while the body is made reaches the caller unchanged and leaves no file behind."""

        def chunks() -> Iterator[bytes]:
            yield b"half"
            raise error

        with pytest.raises(type(error)) as caught:
            store.write_body("attempt-1", chunks())
        assert caught.value is error
        assert names(data_dir / "bodies") == set()

    def test_a_full_disk_is_said_to_be_full(self, store: Store, data_dir: Path) -> None:
        """ENOSPC becomes plain words naming the file, and leaves nothing behind."""

        def chunks() -> Iterator[bytes]:
            yield b"half"
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with pytest.raises(StoreError, match=r"attempt-1\.json cannot be written: the disk is full"):
            store.write_body("attempt-1", chunks())
        assert names(data_dir / "bodies") == set()

    def test_a_write_that_the_system_refuses_leaves_nothing(self, data_dir: Path) -> None:
        """When a real write fails midway there is no file, not half of one."""
        code = (
            "import resource, sys; from pathlib import Path; from cfmail_tui.store import Store, StoreError\n"
            "store = Store(Path(sys.argv[1]))\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))\n"
            "try: store.write_body('attempt-1', iter([b'x' * 70_000] * 3))\n"
            "except StoreError as error: print(error)"
        )
        ran = subprocess.run(python(code, data_dir), cwd=ROOT, capture_output=True, text=True, check=True)
        assert "attempt-1.json cannot be written: file too large" in ran.stdout
        assert names(data_dir / "bodies") == set()

    @pytest.mark.parametrize("attempt_id", HOSTILE_IDS)
    def test_an_id_cannot_lead_out_of_the_folder(self, store: Store, tmp_path: Path, attempt_id: str) -> None:
        """Ids that are not 8 to 64 of a-z, 0-9 and - are refused before anything is touched."""
        before = set(tmp_path.rglob("*"))
        calls: list[Callable[[], object]] = [
            lambda: store.body_path(attempt_id),
            lambda: store.write_body(attempt_id, iter([b"{}"])),
            lambda: store.open_body(attempt_id),
            lambda: store.discard_body(attempt_id),
            lambda: store.begin(submission(attempt_id), "work"),
            lambda: store.finish(attempt_id, DELIVERED),
            lambda: store.again(attempt_id, "attempt-1"),
            lambda: store.attempt(attempt_id),
            lambda: store.attempts(before=attempt_id),
        ]
        for call in calls:
            with pytest.raises(StoreError):
                call()
        assert set(tmp_path.rglob("*")) == before
        assert store.attempts() == ()

    def test_a_body_that_was_not_sent_can_be_discarded(self, store: Store, data_dir: Path) -> None:
        """Discarding removes the file; doing it again, or reviewing anew, is fine."""
        store.write_body("attempt-1", iter([b"one"]))
        store.write_body("attempt-1", iter([b"two"]))
        store.discard_body("attempt-1")
        store.discard_body("attempt-1")
        assert names(data_dir / "bodies") == set()
        with pytest.raises(StoreError, match=r"attempt-1\.json cannot be read: no such file"):
            store.open_body("attempt-1")

    def test_a_body_in_the_journal_stays_as_it_is(self, store: Store, data_dir: Path) -> None:
        """What was sent is neither removed nor replaced."""
        store.write_body("attempt-1", iter([b"sent"]))
        store.begin(submission("attempt-1"), "work")
        with pytest.raises(StoreError, match="belongs to a mail in the history"):
            store.discard_body("attempt-1")
        with pytest.raises(StoreError, match="belongs to a mail in the history"):
            store.write_body("attempt-1", iter([b"other"]))
        assert store.body_path("attempt-1").read_bytes() == b"sent"
        assert names(data_dir / "bodies") == {"attempt-1.json"}


ANY_TEXT: Final = st.text(st.characters(exclude_categories=()), max_size=12)
"""Lone surrogates, NUL and line breaks included."""
ADDRESSES: Final = st.lists(ANY_TEXT, max_size=4).map(tuple)
OUTCOMES: Final[st.SearchStrategy[Outcome]] = st.one_of(
    st.builds(Accepted, st.builds(Receipt, ADDRESSES, ADDRESSES, ADDRESSES, ADDRESSES, ANY_TEXT)),
    st.builds(Refused, st.integers(), ANY_TEXT, ANY_TEXT, st.none() | st.floats(allow_nan=False)),
    st.builds(NotSent, ANY_TEXT, st.booleans()),
    st.builds(Unknown, ANY_TEXT),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all examples of a property: each uses an id of its own."""
    with closing(Store(tmp_path_factory.mktemp("shared"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def fresh_id() -> Callable[[], str]:
    numbers = iter(range(10**6))
    return lambda: f"attempt-{next(numbers)}"


class TestJournal:
    def test_an_attempt_is_there_from_its_beginning(self, store: Store) -> None:
        """Between begin and finish the attempt stands in the history without an outcome."""
        begun = store.begin(submission("attempt-1"), "work")
        kept = store.attempt("attempt-1")
        assert (kept.started_at, kept.finished_at, kept.outcome, kept.account) == (NOON, None, None, "work")
        assert kept.submission.envelope == begun.submission.envelope
        assert kept == store.attempts()[0]

    @given(
        subject=ANY_TEXT, sender=ANY_TEXT, account=ANY_TEXT, outcome=OUTCOMES,
        recipients=st.lists(ANY_TEXT, min_size=1, max_size=50, unique_by=same_address),
    )  # fmt: skip
    def test_an_attempt_is_read_back_exactly(
        self, shared: Store, fresh_id: Callable[[], str], subject: str, sender: str, account: str,
        outcome: Outcome, recipients: list[str],
    ) -> None:  # fmt: skip
        """Whatever the mail, the account and the server say comes back the same, order and spelling kept."""
        sent = Submission(fresh_id(), "", "send_raw", Envelope(sender, tuple(recipients)), subject, 1, 2, "cd" * 32)
        begun = shared.begin(sent, account)
        finished = shared.finish(sent.attempt_id, outcome)
        assert (begun.submission, begun.account) == (sent, account)
        assert (finished.submission, finished.account, finished.outcome) == (sent, account, outcome)
        assert finished.started_at == begun.started_at
        assert finished == shared.attempt(sent.attempt_id) == shared.attempts(limit=1)[0]

    def test_one_reviewed_mail_is_tried_once(self, store: Store, data_dir: Path) -> None:
        """A second begin raises and changes nothing, from another process's store as well, even when it is over."""
        first = store.begin(submission("attempt-1"), "work")
        with closing(Store(data_dir)) as other, pytest.raises(AttemptExists):
            other.begin(submission("attempt-1", "c@example.com"), "other")
        store.finish("attempt-1", NotSent("no network"))
        with pytest.raises(AttemptExists):
            store.begin(submission("attempt-1"), "work")
        assert [a.submission.envelope for a in store.attempts()] == [first.submission.envelope]

    def test_each_recipient_has_its_fate(self, store: Store, data_dir: Path) -> None:
        """Fates stand in a table of their own; someone not asked for is kept too, but is no recipient."""
        store.begin(submission("attempt-1", "A@example.com", "b@example.net", "c@example.org"), "work")
        receipt = Receipt(
            delivered=("a@example.com",), queued=("x@elsewhere.example",), suppressed=("c@example.org",), bounced=()
        )
        store.finish("attempt-1", Accepted(receipt))
        with closing(sqlite3.connect(data_dir / DATABASE)) as db:
            rows = db.execute("SELECT CAST(address AS TEXT), asked, fate FROM recipients ORDER BY position").fetchall()
        assert rows == [
            ("A@example.com", 1, "delivered"),
            ("b@example.net", 1, "unreported"),
            ("c@example.org", 1, "suppressed"),
            ("x@elsewhere.example", 0, "queued"),
        ]
        assert store.attempt("attempt-1").submission.envelope.recipients == (
            "A@example.com", "b@example.net", "c@example.org",
        )  # fmt: skip

    def test_an_attempt_ends_once(self, data_dir: Path) -> None:
        """The same outcome again changes nothing, its time included; another is refused."""
        ticks = iter(NOON + timedelta(minutes=minute) for minute in range(10))
        with closing(Store(data_dir, lambda: next(ticks))) as store:
            store.begin(submission("attempt-1"), "work")
            ended = store.finish("attempt-1", NotSent("no network"))
            assert store.finish("attempt-1", NotSent("no network")) == ended
            for other in (Unknown("no network"), NotSent("other"), DELIVERED):
                with pytest.raises(StoreError, match="already ended as not_sent"):
                    store.finish("attempt-1", other)
            assert store.attempt("attempt-1") == ended
            assert ended.finished_at == NOON + timedelta(minutes=1)

    def test_what_never_began_does_not_end(self, store: Store) -> None:
        """An id that is not in the journal has a name for its absence."""
        with pytest.raises(NoSuchAttempt):
            store.finish("attempt-1", DELIVERED)
        with pytest.raises(NoSuchAttempt):
            store.attempt("attempt-1")
        with pytest.raises(NoSuchAttempt):
            store.attempts(before="attempt-1")

    @pytest.mark.parametrize("outcome", [Refused(400, "1", "no"), NotSent("no"), Unknown("perhaps")])
    def test_a_draft_outlives_whatever_is_not_accepted(self, store: Store, outcome: Outcome) -> None:
        """Only an accepted mail takes its draft along."""
        store.save_draft(draft(2))
        store.begin(submission("attempt-1"), "work", draft(2))
        store.finish("attempt-1", outcome)
        assert store.draft("draft").revision == 2

    @pytest.mark.parametrize(("saved", "left"), [(1, False), (2, False), (3, True)])
    def test_an_accepted_mail_takes_along_what_was_reviewed(self, store: Store, saved: int, left: bool) -> None:
        """The draft goes with its mail, unless it was edited after the review; other drafts stay."""
        store.save_draft(draft(saved))
        store.save_draft(draft(1, "other"))
        store.begin(submission("attempt-1"), "work", draft(2))
        store.finish("attempt-1", DELIVERED)
        assert {kept.draft_id for kept in store.drafts()} == {"other"} | ({"draft"} if left else set())

    def test_a_late_autosave_does_not_bring_a_sent_draft_back(self, store: Store) -> None:
        """A save of the sent revision that arrives after the outcome is ignored; newer text is kept."""
        store.begin(submission("attempt-1"), "work", draft(2))
        store.finish("attempt-1", DELIVERED)
        store.save_draft(draft(2))
        assert store.drafts() == ()
        store.save_draft(draft(3, subject="a second mail"))
        assert store.draft("draft").content == Draft(subject="a second mail")

    def test_times_are_utc_wherever_the_clock_is(self, data_dir: Path) -> None:
        """A clock in another zone is kept as the same moment in UTC."""
        zone = timezone(timedelta(hours=5))
        with closing(Store(data_dir, lambda: NOON.astimezone(zone))) as store:
            started = store.begin(submission("attempt-1"), "work").started_at
            assert (started, started.tzinfo) == (NOON, UTC)
            assert store.attempt("attempt-1").started_at.tzinfo == UTC


class TestHistory:
    def test_the_order_is_that_of_beginning(self, data_dir: Path) -> None:
        """A clock that jumps back does not change which mail is the newest."""
        ticks = iter(NOON - timedelta(days=day) for day in range(9))
        with closing(Store(data_dir, lambda: next(ticks))) as store:
            for number in range(4):
                store.begin(submission(f"attempt-{number}"), "work")
            assert [a.submission.attempt_id for a in store.attempts()] == [
                f"attempt-{number}" for number in (3, 2, 1, 0)
            ]

    def test_pages_meet_without_gap_or_overlap(self, store: Store) -> None:
        """Each page starts below the last row of the one before, also when new mail arrives in between."""
        for number in range(7):
            store.begin(submission(f"attempt-{number}", subject="odd" if number % 2 else "even"), "work")
        page = store.attempts(limit=3)
        store.begin(submission("attempt-7"), "work")
        below = store.attempts(limit=3, before=page[-1].submission.attempt_id)
        assert [a.submission.attempt_id[-1] for a in page + below] == ["6", "5", "4", "3", "2", "1"]
        assert [a.submission.attempt_id[-1] for a in store.attempts(asked("odd"), before="attempt-3")] == ["1"]
        assert store.attempts(limit=0) == store.attempts(limit=-1) == store.attempts(before="attempt-0") == ()


ATTACHMENTS: Final = st.builds(
    AttachmentDraft, ANY_TEXT, st.sampled_from(["attachment", "inline"]), ANY_TEXT, ANY_TEXT, ANY_TEXT
)
CONTENTS: Final[st.SearchStrategy[Draft | RawDraft]] = st.one_of(
    st.builds(Draft, *[ANY_TEXT] * 10, attachments=st.lists(ATTACHMENTS, max_size=3).map(tuple)),
    st.builds(RawDraft, ANY_TEXT, ANY_TEXT, st.binary()),
)


class TestDrafts:
    @given(content=CONTENTS, cursor=st.tuples(ANY_TEXT, st.integers(), st.integers()))
    @example(content=Draft(subject="\ud83d\ude00", text="\0a\0"), cursor=("\ud83d\ude00", 0, 2**70))
    @example(content=RawDraft(source=bytes(range(256)) * 5), cursor=("", 0, 0))
    def test_a_draft_comes_back_as_it_was_typed(
        self, shared: Store, fresh_id: Callable[[], str], content: Draft | RawDraft, cursor: tuple[str, int, int]
    ) -> None:
        """Any text, octets and cursor survive, two surrogates that look like one character included."""
        draft_id = fresh_id()
        shared.save_draft(SavedDraft(draft_id, 1, content, cursor=cursor))
        kept = shared.draft(draft_id)
        assert (kept.draft_id, kept.revision, kept.content, kept.cursor) == (draft_id, 1, content, cursor)
        assert shared.drafts()[0] == kept
        shared.delete_draft(draft_id)

    def test_the_cursor_moves_without_a_new_revision(self, data_dir: Path) -> None:
        """Another place in the same text is kept, without another date or order; one in an older text is not."""
        ticks = iter(NOON + timedelta(minutes=minute) for minute in range(9))
        with closing(Store(data_dir, lambda: next(ticks))) as store:
            store.save_draft(replace(draft(2, text="typed"), cursor=("text", 0, 1)))
            store.save_draft(draft(1, "other"))
            store.save_draft(replace(draft(2, text="a late autosave"), cursor=("subject", 0, 4)))
            store.save_draft(replace(draft(1), cursor=("to", 0, 9)))
            assert [kept.draft_id for kept in store.drafts()] == ["other", "draft"]
            kept = store.draft("draft")
            assert (kept.content, kept.saved_at, kept.cursor) == (Draft(text="typed"), NOON, ("subject", 0, 4))

    @pytest.mark.parametrize("octets", ["NULL", "X'7B'", "X'5B5D'", "X'FF'", "7", "'[1,2,3]'", "X'5B312C322C335D'"])
    def test_a_cursor_that_makes_no_sense_costs_no_draft(self, store: Store, octets: str) -> None:
        """Whatever stands in the cursor's place, the text comes back, with the cursor at its beginning."""
        store.save_draft(replace(draft(text="typed"), cursor=("text", 1, 1)))
        store._db.execute(f"UPDATE drafts SET cursor = {octets}")
        assert store.draft("draft").content == Draft(text="typed")
        assert store.draft("draft").cursor == ("", 0, 0)

    @pytest.mark.parametrize("late", [1, 2])
    def test_the_newer_revision_stays(self, store: Store, late: int) -> None:
        """Saves that arrive out of order do not undo what was typed since."""
        store.save_draft(draft(2, subject="new"))
        store.save_draft(draft(late, subject="old"))
        assert store.draft("draft").content == Draft(subject="new")

    def test_the_last_saved_is_the_first(self, data_dir: Path) -> None:
        """Drafts are ordered by their last save, dated by the store's clock, which may jump."""
        ticks = iter(NOON - timedelta(hours=hour) for hour in range(9))
        with closing(Store(data_dir, lambda: next(ticks))) as store:
            for draft_id, revision in (("a", 1), ("b", 1), ("c", 1), ("a", 2)):
                store.save_draft(SavedDraft(draft_id, revision, Draft(), saved_at=datetime(1999, 1, 1, tzinfo=UTC)))
            assert [kept.draft_id for kept in store.drafts()] == ["a", "c", "b"]
            assert store.drafts()[0].saved_at == NOON - timedelta(hours=3)

    def test_a_deleted_draft_is_missing(self, store: Store) -> None:
        """What was deleted, or never saved, is not there; deleting it again is fine."""
        store.save_draft(draft())
        store.delete_draft("draft")
        store.delete_draft("draft")
        with pytest.raises(NoSuchDraft):
            store.draft("draft")

    def test_small_things_are_remembered(self, store: Store, data_dir: Path) -> None:
        """The last value of a key is there at the next start; an unknown key is None."""
        store.remember("sender", "me@example.com")
        store.remember("sender", "\ud800 <me@example.org>")
        with closing(Store(data_dir)) as again:
            assert again.recall("sender") == "\ud800 <me@example.org>"
            assert again.recall("other") is None
