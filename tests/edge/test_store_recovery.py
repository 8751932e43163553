"""After any death of any cfmail every attempt gets its one outcome, and a living one is never robbed."""

import contextlib
import errno
import fcntl
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from cfmail_tui.message import Draft, SavedDraft
from cfmail_tui.store import NoSuchAttempt, NoSuchDraft, Store, StoreError, instances
from cfmail_tui.submission import Accepted, Envelope, NotSent, Outcome, Receipt, Refused, Submission, Unknown
from tests.edge.asked import asked
from tests.edge.waiting_mails import DELIVERED, NOON, die, names

ROOT: Final = Path(__file__).parents[2]
NOT_LEFT: Final = NotSent("cfmail ended before the mail left")
LEFT: Final = Unknown("cfmail ended before an answer came")


def submission(attempt_id: str) -> Submission:
    return Submission(attempt_id, "", "send", Envelope("me@example.com", ("a@example.com",)), "Hello", 1, 2, "ab" * 32)


def draft(revision: int = 1, draft_id: str = "draft", text: str = "") -> SavedDraft:
    return SavedDraft(draft_id, revision, Draft(text=text))


class TestRecover:
    def test_what_never_left_was_not_sent(self, store: Store, other: Store) -> None:
        """An attempt whose cfmail died before the first octet left is not sent, for certain."""
        other.begin(submission("attempt-1"), "work", draft())
        die(other)
        (ended,) = store.recover()
        assert (ended.outcome, ended.finished_at) == (NOT_LEFT, NOON)
        assert store.attempts(asked("status:not_sent")) == (ended,)
        assert store.recover() == ()

    def test_what_may_have_left_is_unknown(self, store: Store, other: Store) -> None:
        """From the mark on that is set before the first octet, a death leaves the outcome unknown."""
        other.begin(submission("attempt-1"), "work")
        other.leaving("attempt-1")
        other.leaving("attempt-1")
        die(other)
        assert [ended.outcome for ended in store.recover()] == [LEFT]

    def test_only_what_is_open_can_leave(self, store: Store) -> None:
        """Once an attempt has an outcome, by whomever, its first octet may not leave any more."""
        with pytest.raises(NoSuchAttempt):
            store.leaving("attempt-1")
        store.begin(submission("attempt-1"), "work")
        store.finish("attempt-1", NotSent("cancelled"))
        with pytest.raises(StoreError, match="nothing may leave"):
            store.leaving("attempt-1")

    def test_a_living_cfmail_keeps_its_own(self, store: Store, other: Store, data_dir: Path) -> None:
        """What another running cfmail has open, reviewed, half written or claimed is untouched by a recovery."""
        other.write_body("reviewed-1", iter([b"{}"]))
        other.begin(submission("attempt-1"), "work")
        other.leaving("attempt-1")
        assert other.claim_draft("draft")

        def chunks() -> Iterator[bytes]:
            yield b"half"
            assert store.recover() == ()
            yield b"whole"

        other.write_body("reviewed-2", chunks())
        assert store.recover() == ()
        assert not store.claim_draft("draft")
        assert names(data_dir / "bodies") == {"reviewed-1.json", "reviewed-2.json"}
        assert other.finish("attempt-1", DELIVERED).outcome == DELIVERED

    def test_one_that_recovers_keeps_its_own(self, store: Store) -> None:
        """A recovery while this cfmail is sending does not end what is being sent."""
        store.begin(submission("attempt-1"), "work")
        store.write_body("reviewed-1", iter([b"{}"]))
        assert store.recover() == ()
        assert store.body_path("reviewed-1").exists()

    def test_what_the_dead_left_is_swept(self, store: Store, other: Store, data_dir: Path) -> None:
        """Bodies reviewed but not sent, halves of bodies, claims and the file of a dead cfmail are gone afterwards."""
        other.write_body("reviewed-1", iter([b"{}"]))
        other.write_body("attempt-1", iter([b"{}"]))
        other.begin(submission("attempt-1"), "work")
        other.claim_draft("draft")
        bodies = data_dir / "bodies"
        (bodies / f".half-1234.json.{other._instance.id}.0123abcd").write_bytes(b"half")
        (bodies / ".half-5678.json.0123abcd").write_bytes(b"half, by the first release")
        (bodies / "orphan-1.json").write_bytes(b"renamed, never committed")
        (bodies / "Notes.txt").write_bytes(b"the user's")
        die(other)
        store.recover()
        assert names(bodies) == {"attempt-1.json", "Notes.txt"}
        assert names(data_dir / "instances") == {store._instance.id}
        assert store.claim_draft("draft")

    def test_bodies_of_a_lost_journal_stay(self, data_dir: Path) -> None:
        """Where the database was moved away by hand, the bodies it named are not taken for orphans."""
        with closing(Store(data_dir)) as store:
            store.write_body("attempt-1", iter([b"{}"]))
            store.begin(submission("attempt-1"), "work")
        (data_dir / "cfmail.sqlite3").unlink()
        with closing(Store(data_dir)) as store:
            store.recover()
            assert store.body_path("attempt-1").exists()

    def test_a_sweep_that_fails_is_no_reason_not_to_start(
        self, store: Store, other: Store, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An orphan that cannot be removed stays; the outcomes are recorded all the same."""
        other.write_body("reviewed-1", iter([b"{}"]))
        other.begin(submission("attempt-1"), "work")
        die(other)

        def refuse(path: Path, **_: object) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

        monkeypatch.setattr(Path, "unlink", refuse)
        assert [ended.outcome for ended in store.recover()] == [NOT_LEFT]
        assert names(data_dir / "bodies") == {"reviewed-1.json"}


class TestInstances:
    def test_a_closed_cfmail_leaves_no_file(self, data_dir: Path) -> None:
        """The ordinary end takes the file along; an attempt left open by it is recovered as any other."""
        with closing(Store(data_dir)) as store:
            store.begin(submission("attempt-1"), "work")
        assert names(data_dir / "instances") == set()
        with closing(Store(data_dir)) as store:
            assert len(store.recover()) == 1

    def test_what_cannot_be_decided_lives(
        self, store: Store, other: Store, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A file that cannot be opened, or not locked now although its owner relied on a lock, counts as living."""
        other.begin(submission("attempt-1"), "work")
        with monkeypatch.context() as faults:
            faults.setattr(os, "open", failing(errno.EMFILE))
            assert store._instance.lives(other._instance.id)
        with monkeypatch.context() as faults:
            faults.setattr(fcntl, "flock", failing(errno.ENOLCK))
            assert store._instance.lives(other._instance.id)
        die(other)
        assert not store._instance.lives(other._instance.id)
        for nonsense in ("", "../../etc/passwd", "0" * 16):
            assert not store._instance.lives(nonsense)

    def test_without_locks_the_process_decides(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """On a disk without locks pid, boot and start tell the living from the dead and from a reused pid."""
        monkeypatch.setattr(fcntl, "flock", failing(errno.ENOLCK))
        with closing(Store(data_dir)) as store, closing(Store(data_dir)) as second:
            second.begin(submission("attempt-1"), "work")
            assert store.recover() == ()
            file = data_dir / "instances" / second._instance.id
            written = json.loads(file.read_bytes())
            assert written["pid"] == os.getpid()
            for key, other_life in {"started": "1", "boot": "another"}.items():
                file.write_text(json.dumps({**written, key: other_life}))
                assert not store._instance.lives(second._instance.id)
            file.write_text(json.dumps({**written, "pid": ended_process()}))
            assert [ended.outcome for ended in store.recover()] == [NOT_LEFT]
            assert not file.exists()

    def test_one_that_is_being_swept_takes_another_name(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A cfmail whose new file is held or removed by a sweeper that was faster registers again."""
        folder = data_dir / "instances"
        folder.mkdir(parents=True)
        real, tricks = fcntl.flock, iter(["held", "removed"])

        def flock(descriptor: int, operation: int) -> None:
            trick = next(tricks, "")
            if trick == "held":
                raise BlockingIOError
            real(descriptor, operation)
            if trick == "removed":
                Path(f"/proc/self/fd/{descriptor}").readlink().unlink()

        monkeypatch.setattr(fcntl, "flock", flock)
        made = instances.Instance(folder)
        assert (folder / made.id).exists()
        made.close()

    def test_a_child_that_outlives_its_parent_keeps_the_lock(self, store: Store, data_dir: Path) -> None:
        """Work handed on to a forked child is still owned by somebody."""
        code = (
            "import os, sys; from pathlib import Path; from cfmail_tui.store import Store\n"
            "store = Store(Path(sys.argv[1]))\n"
            "if os.fork(): os._exit(0)\n"
            "print(store._instance.id, flush=True); sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, data_dir], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            owner = process.stdout.readline().strip()
            assert process.wait() == 0
            assert store._instance.lives(owner)
            with (data_dir / "instances" / owner).open() as file:
                process.communicate("")
                # Waits until the child is gone.
                fcntl.flock(file, fcntl.LOCK_SH)
            assert not store._instance.lives(owner)


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def ended_process() -> int:
    with subprocess.Popen(["true"]) as process:
        return process.pid


class TestSettle:
    @pytest.fixture
    def unknown(self, store: Store) -> Store:
        store.save_draft(draft(2))
        store.begin(submission("attempt-1"), "work", draft(2))
        store.finish("attempt-1", Unknown("time-out"))
        return store

    @pytest.mark.parametrize("arrived", [True, False])
    def test_the_users_word_is_kept_and_can_be_corrected(self, unknown: Store, arrived: bool) -> None:
        """What the user found out stands beside the unknown outcome, which stays; the last word counts."""
        assert unknown.attempt("attempt-1").settled is None
        assert unknown.settle("attempt-1", arrived=not arrived).settled is (not arrived)
        settled = unknown.settle("attempt-1", arrived=arrived)
        assert (settled.settled, settled.outcome) == (arrived, Unknown("time-out"))
        assert unknown.attempt("attempt-1") == settled

    @pytest.mark.parametrize("outcome", [None, DELIVERED, NotSent("no"), Refused(400, "1", "no")])
    def test_only_the_unknown_can_be_settled(self, store: Store, outcome: Outcome | None) -> None:
        """What has its outcome, or none yet, is not the user's to decide."""
        store.begin(submission("attempt-1"), "work")
        if outcome:
            store.finish("attempt-1", outcome)
        with pytest.raises(StoreError, match="nothing to settle"):
            store.settle("attempt-1", arrived=True)
        with pytest.raises(NoSuchAttempt):
            store.settle("attempt-2", arrived=True)

    def test_what_arrived_takes_its_draft_along(self, unknown: Store) -> None:
        """The draft of a mail that arrived is gone, a late autosave does not bring it back, but the user can."""
        unknown.settle("attempt-1", arrived=False)
        assert unknown.draft("draft").revision == 2
        unknown.settle("attempt-1", arrived=True)
        unknown.save_draft(draft(2))
        assert unknown.drafts() == ()
        assert unknown.restore_draft("draft").revision == 2

    def test_a_late_first_save_of_what_arrived_is_ignored(self, store: Store) -> None:
        """A draft that reaches the store only after its mail was settled as arrived does not come up again."""
        store.begin(submission("attempt-1"), "work", draft(2))
        store.finish("attempt-1", Unknown("time-out"))
        store.settle("attempt-1", arrived=True)
        store.save_draft(draft(2))
        assert store.drafts() == ()

    def test_a_draft_edited_since_stays(self, unknown: Store) -> None:
        """What was typed after the review is another mail."""
        unknown.save_draft(draft(3, text="more"))
        unknown.settle("attempt-1", arrived=True)
        assert unknown.draft("draft").content == Draft(text="more")

    def test_a_repeat_names_what_it_repeats(self, unknown: Store) -> None:
        """An attempt made again at the user's wish is linked to the first, which must exist."""
        begun = unknown.begin(submission("attempt-2"), "work", again_of="attempt-1")
        assert begun.again_of == unknown.attempt("attempt-2").again_of == "attempt-1"
        assert unknown.attempt("attempt-1").again_of == ""
        with pytest.raises(NoSuchAttempt):
            unknown.begin(submission("attempt-3"), "work", again_of="attempt-0")
        with pytest.raises(NoSuchAttempt):
            unknown.attempt("attempt-3")


class TestDrafts:
    def test_a_deleted_draft_can_be_restored(self, store: Store, data_dir: Path) -> None:
        """Deleting is not listed and not found, and for a week it can be undone, after a restart too."""
        store.save_draft(draft(2, text="typed"))
        store.delete_draft("draft")
        assert store.drafts() == ()
        with pytest.raises(NoSuchDraft):
            store.draft("draft")
        with closing(Store(data_dir, lambda: NOON + timedelta(days=6))) as later:
            later.recover()
            assert later.restore_draft("draft").content == Draft(text="typed")
            assert len(later.drafts()) == 1
        store.delete_draft("draft")
        with closing(Store(data_dir, lambda: NOON + timedelta(days=8))) as later:
            later.recover()
            with pytest.raises(NoSuchDraft):
                later.restore_draft("draft")

    def test_a_late_autosave_does_not_undo_a_deletion(self, store: Store) -> None:
        """The revision that was deleted stays deleted when it is saved late; a newer one is a new draft."""
        store.save_draft(draft(2))
        store.delete_draft("draft")
        store.save_draft(draft(2))
        assert store.drafts() == ()
        store.save_draft(draft(3))
        assert store.draft("draft").revision == 3

    def test_a_draft_is_open_in_one_cfmail(self, store: Store, other: Store) -> None:
        """A draft that is open elsewhere says so until it is released there, or its cfmail is dead."""
        assert store.claim_draft("draft")
        assert store.claim_draft("draft")
        assert not other.claim_draft("draft")
        assert other.claim_draft("other")
        other.release_draft("draft")
        assert not other.claim_draft("draft")
        store.release_draft("draft")
        assert other.claim_draft("draft")
        die(other)
        assert store.claim_draft("draft")


SENDER: Final = """
import os, sys
from pathlib import Path
from cfmail_tui.store import Store
from cfmail_tui.submission import Accepted, Envelope, Receipt, Submission
name, folder = sys.argv[1], Path(sys.argv[2])
def say(*words):
    os.write(1, (" ".join(words) + "\\n").encode())
store = Store(folder)
for number in range(10**6):
    attempt = f"{name}-{number:06}"
    body = store.write_body(attempt, iter([attempt.encode()]))
    sent = Submission(attempt, "", "send", Envelope("me@example.com", ("a@b.example",)), "s", 1, body.size, body.digest)
    say("begin", attempt)
    store.begin(sent, name)
    say("begun", attempt)
    if number % 3:
        say("leave", attempt)
        store.leaving(attempt)
        say("left", attempt)
    say("finish", attempt)
    store.finish(attempt, Accepted(Receipt(delivered=("a@b.example",))))
    say("finished", attempt)
"""


@pytest.mark.parametrize("kills", [6, pytest.param(24, marks=pytest.mark.slow)])
def test_whenever_it_is_killed_every_attempt_ends(data_dir: Path, other: Store, kills: int) -> None:
    """After kill -9 at random points no attempt is open, none lost, none wrong; a living cfmail keeps its own."""
    chance = random.Random(kills)
    other.begin(submission("living-1"), "work")
    other.leaving("living-1")
    other.write_body("living-2", iter([b"{}"]))
    for kill in range(kills):
        said = said_until_killed(f"kill{kill}", data_dir, chance.randrange(1, 40))
        with closing(Store(data_dir)) as store:
            store.recover()
            kept = {
                attempt.submission.attempt_id: attempt.outcome
                for attempt in store.attempts(asked(f"kill{kill}"), 10**6)
            }
            for attempt_id in kept:
                assert store.body_path(attempt_id).read_bytes() == attempt_id.encode()
        for attempt_id, words in said.items():
            outcome = kept.pop(attempt_id, None)
            assert outcome or "begun" not in words
            assert outcome in legal_outcomes(words), (words, outcome)
        assert kept == {}
    bodies = {attempt.submission.attempt_id for attempt in other.attempts(limit=10**6)} - {"living-1"} | {"living-2"}
    assert names(data_dir / "bodies") == {f"{attempt_id}.json" for attempt_id in bodies}
    assert [a.submission.attempt_id for a in other.attempts(asked("status:open"))] == ["living-1"]


def said_until_killed(name: str, data_dir: Path, lines: int) -> dict[str, set[str]]:
    """What a sender said of each attempt, killed soon after it had said so many lines."""
    said: dict[str, set[str]] = {}
    with subprocess.Popen(
        [sys.executable, "-c", SENDER, name, data_dir], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        heard = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        heard += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    for line in heard:
        word, attempt_id = line.split()
        said.setdefault(attempt_id, set()).add(word)
    return said


def legal_outcomes(words: set[str]) -> set[Outcome | None]:
    if "finished" in words:
        return {DELIVERED_THERE}
    legal: set[Outcome | None] = {DELIVERED_THERE} if "finish" in words else set()
    if "leave" in words:
        legal.add(LEFT)
    if "left" not in words:
        legal.add(NOT_LEFT)
    return legal | (set() if "begun" in words else {None})


DELIVERED_THERE: Final = Accepted(Receipt(delivered=("a@b.example",)))


class Journals(RuleBasedStateMachine):
    """Two cfmails on one folder, against a model of what each attempt and draft must be."""

    begun = Bundle("begun")

    @initialize()
    def start(self) -> None:
        self.ending = contextlib.ExitStack()
        self.folder = Path(self.ending.enter_context(TemporaryDirectory()))
        self.stores = [Store(self.folder), Store(self.folder)]
        self.count = 0
        self.owners: dict[str, Store] = {}
        self.left: set[str] = set()
        self.outcomes: dict[str, Outcome] = {}
        self.settled: dict[str, bool] = {}
        self.claims: dict[str, Store] = {}

    @rule(target=begun, which=st.integers(0, 1))
    def begin(self, which: int) -> str:
        self.count += 1
        attempt_id = f"attempt-{self.count}"
        self.stores[which].write_body(attempt_id, iter([b"{}"]))
        self.stores[which].begin(submission(attempt_id), "work")
        self.owners[attempt_id] = self.stores[which]
        return attempt_id

    @rule(attempt_id=begun)
    def leave(self, attempt_id: str) -> None:
        owner = self.owners[attempt_id]
        if owner not in self.stores:
            return
        if attempt_id in self.outcomes:
            with pytest.raises(StoreError):
                owner.leaving(attempt_id)
        else:
            owner.leaving(attempt_id)
            self.left.add(attempt_id)

    @rule(attempt_id=consumes(begun), outcome=st.sampled_from([DELIVERED, NotSent("no"), Unknown("perhaps")]))
    def finish(self, attempt_id: str, outcome: Outcome) -> None:
        owner = self.owners[attempt_id]
        if owner in self.stores and attempt_id not in self.outcomes:
            owner.finish(attempt_id, outcome)
            self.outcomes[attempt_id] = outcome

    @rule(which=st.integers(0, 1), arrived=st.booleans(), choice=st.randoms(use_true_random=False))
    def settle(self, which: int, arrived: bool, choice: random.Random) -> None:
        if self.outcomes:
            attempt_id = choice.choice(sorted(self.outcomes))
            if isinstance(self.outcomes[attempt_id], Unknown):
                self.stores[which].settle(attempt_id, arrived=arrived)
                self.settled[attempt_id] = arrived
            else:
                with pytest.raises(StoreError):
                    self.stores[which].settle(attempt_id, arrived=arrived)

    @rule(which=st.integers(0, 1), draft_id=st.sampled_from("ab"))
    def claim(self, which: int, draft_id: str) -> None:
        free = self.claims.get(draft_id) is not self.stores[1 - which]
        assert self.stores[which].claim_draft(draft_id) == free
        if free:
            self.claims[draft_id] = self.stores[which]

    @rule(which=st.integers(0, 1))
    def crash(self, which: int) -> None:
        die(self.stores[which])
        self.stores[which] = Store(self.folder)

    @rule(which=st.integers(0, 1))
    def recover(self, which: int) -> None:
        orphans = [a for a, owner in self.owners.items() if owner not in self.stores and a not in self.outcomes]
        expected = {attempt_id: LEFT if attempt_id in self.left else NOT_LEFT for attempt_id in orphans}
        assert {a.submission.attempt_id: a.outcome for a in self.stores[which].recover()} == expected
        self.outcomes |= expected

    @invariant()
    def both_see_the_model(self) -> None:
        for store in self.stores:
            seen = {a.submission.attempt_id: (a.outcome, a.settled) for a in store.attempts(limit=1000)}
            assert seen == {a: (self.outcomes.get(a), self.settled.get(a)) for a in self.owners}
        assert {f"{a}.json" for a in self.owners} == names(self.folder / "bodies")

    def teardown(self) -> None:
        if hasattr(self, "ending"):
            with self.ending:
                for store in self.stores:
                    with suppress(StoreError):
                        store.close()


Journals.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestJournals = Journals.TestCase
