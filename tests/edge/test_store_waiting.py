"""Mails that wait to be tried again: in one cfmail each, tried by one, never beside what may have sent them."""

import random
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from datetime import UTC, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cfmail_tui.message import SavedDraft
from cfmail_tui.store import Store, StoreError, Waiting
from cfmail_tui.submission import Attempt, NotSent, Outcome, Unknown
from tests.edge.asked import asked
from tests.edge.waiting_mails import (
    DELIVERED,
    LATER,
    NOON,
    OFFLINE,
    PERHAPS,
    SENT,
    SOON,
    TOO_MANY,
    die,
    draft,
    roots,
    submission,
    tried,
    wait,
)

ROOT: Final = Path(__file__).parents[2]


class TestFinish:
    @pytest.mark.parametrize("outcome", [OFFLINE, TOO_MANY])
    def test_a_mail_that_was_not_sent_can_wait(self, store: Store, outcome: Outcome) -> None:
        """With a time for the next try it stands among the waiting, with what is needed to try and to tell."""
        zone = timezone(timedelta(hours=5))
        ended = tried(store, "first-try", outcome, of=draft(3), next_at=SOON.astimezone(zone))
        assert store.waiting() == (Waiting("first-try", ended, 1, SOON, ("draft", 3)),)
        assert store.waiting()[0].next_at.tzinfo == UTC
        assert store.waiting()[0].attempt.submission.envelope == submission("x").envelope

    def test_without_a_time_nothing_waits(self, store: Store) -> None:
        """A mail that is left to the user is not among the waiting; nor is one without a draft said to have one."""
        tried(store, "first-try", OFFLINE)
        assert store.waiting() == ()
        wait(store, "other-mail")
        assert store.waiting()[0].draft is None

    @pytest.mark.parametrize("outcome", [DELIVERED, PERHAPS])
    def test_what_may_have_been_sent_never_waits(self, store: Store, outcome: Outcome) -> None:
        """A time for the next try is refused with such an outcome, and the attempt stays open for its own."""
        store.begin(submission("first-try"), "work")
        with pytest.raises(StoreError, match="never tried again by itself"):
            store.finish("first-try", outcome, next_at=SOON)
        assert store.attempt("first-try").outcome is None
        store.finish("first-try", outcome)
        assert store.waiting() == ()

    def test_the_same_end_told_twice_changes_nothing(self, store: Store) -> None:
        """A mail that stopped waiting does not wait again because its outcome is written down once more."""
        wait(store)
        store.stop_waiting("first-try")
        store.finish("first-try", OFFLINE, next_at=LATER)
        assert store.waiting() == ()

    def test_tries_are_counted_over_the_chain(self, store: Store) -> None:
        """Every attempt at the mail counts, those at other mails do not; there is one row for the mail."""
        wait(store)
        wait(store, "other-mail", at=LATER)
        for number in range(2, 5):
            ended = tried(store, f"try-{number:04}", TOO_MANY, again_of=roots(store)[0], next_at=SOON)
            assert [(mail.root, mail.tries) for mail in store.waiting()] == [("first-try", number), ("other-mail", 1)]
            assert store.waiting()[0].attempt == ended

    def test_the_next_due_is_the_first(self, store: Store) -> None:
        """Whatever the order of ending, and with or without a fraction of a second."""
        times = {"c": SOON + timedelta(microseconds=1), "a": NOON, "d": LATER, "b": SOON}
        for name, at in times.items():
            wait(store, f"attempt-{name}", at=at)
        assert roots(store) == ["attempt-a", "attempt-b", "attempt-c", "attempt-d"]

    def test_an_accepted_repeat_waits_no_more_and_takes_the_draft(self, store: Store) -> None:
        """The draft goes along although the repeat was begun without naming it, but not one edited since."""
        for revision, left in ((1, 0), (2, 1)):
            store.save_draft(draft(revision))
            wait(store, f"first-try-{revision}", draft(1) if left else draft(revision))
            tried(store, f"again-try-{revision}", DELIVERED, again_of=f"first-try-{revision}")
            assert store.waiting() == ()
            assert len(store.drafts()) == left

    def test_a_draft_that_was_sent_elsewhere_does_not_begin_to_wait(self, store: Store, other: Store) -> None:
        """If two sent the same draft at once, the one that failed is not tried again after the other was accepted."""
        other.begin(submission("first-try"), "work", draft(1))
        tried(store, "second-try", DELIVERED, of=draft(1))
        other.finish("first-try", OFFLINE, next_at=SOON)
        assert other.waiting() == ()

    @pytest.mark.parametrize("is_first", [False, True])
    def test_a_draft_that_may_be_sent_elsewhere_is_the_users(self, store: Store, other: Store, is_first: bool) -> None:
        """Nor if what became of the other is unknown, whichever of the two ended first."""
        other.begin(submission("first-try"), "work", draft(1))
        store.begin(submission("second-try"), "work", draft(1))
        if is_first:
            store.finish("second-try", PERHAPS)
        other.finish("first-try", OFFLINE, next_at=SOON)
        if not is_first:
            store.finish("second-try", PERHAPS)
        assert other.waiting() == ()

    def test_a_draft_sent_knowingly_after_an_unknown_one_may_wait(self, store: Store) -> None:
        """The user has sent it once more, fresh, after an unknown outcome: that mail is tried again as any other."""
        tried(store, "first-try", PERHAPS, of=draft(1))
        wait(store, "second-try", draft(1))
        assert roots(store) == ["second-try"]

    def test_a_draft_that_is_sent_elsewhere_waits_no_more(self, store: Store, other: Store) -> None:
        """Nor after it was accepted, or the user knows that it arrived, while the other was already waiting."""
        for number, outcome in enumerate(SENT):
            of = draft(1, f"draft-{number}")
            store.begin(submission(f"second-try-{number}"), "work", of)
            wait(other, f"first-try-{number}", of)
            store.finish(f"second-try-{number}", outcome)
            if outcome == PERHAPS:
                assert len(other.waiting()) == 1
                store.settle(f"second-try-{number}", arrived=True)
            assert other.waiting() == ()

    def test_an_earlier_revision_that_was_accepted_is_another_mail(self, store: Store) -> None:
        """What was typed after a mail was sent may wait for its own."""
        tried(store, "first-mail", DELIVERED, of=draft(1))
        wait(store, "second-mail", draft(2))
        store.recover()
        assert roots(store) == ["second-mail"]


class TestOwners:
    def test_each_cfmail_has_its_own(self, store: Store, other: Store) -> None:
        """What waits in a running cfmail is its own; what a dead one left is everybody's to ask about."""
        wait(store, "mine-1234", at=LATER)
        wait(other, "theirs-12")
        assert (roots(store), roots(other)) == (["mine-1234"], ["theirs-12"])
        assert not store.adopt("theirs-12")
        assert not store.stop_waiting("theirs-12")
        assert roots(other) == ["theirs-12"]
        assert other.waiting()[0].next_at == SOON
        die(other)
        assert roots(store) == ["theirs-12", "mine-1234"]

    def test_what_a_dead_one_left_is_adopted_by_one(self, store: Store, other: Store, data_dir: Path) -> None:
        """Once it is adopted it is the adopter's, and nobody else sees it."""
        wait(other)
        die(other)
        with closing(Store(data_dir, lambda: NOON)) as third:
            assert store.adopt("first-try")
            assert store.adopt("first-try")
            assert not third.adopt("first-try")
            assert (roots(store), roots(third)) == (["first-try"], [])

    def test_what_is_gone_is_gone(self, store: Store) -> None:
        """A mail that does not wait is neither adopted nor stopped."""
        tried(store, "first-try", OFFLINE)
        for root in ("first-try", "no-such-try", "../x", ""):
            assert not store.adopt(root)
            assert not store.stop_waiting(root)
        assert store.waiting() == ()

    @pytest.mark.parametrize("is_dead", [False, True])
    def test_a_mail_can_be_stopped(self, store: Store, other: Store, is_dead: bool) -> None:
        """It waits no more, its draft and its history stay."""
        store.save_draft(draft())
        wait(other if is_dead else store, of=draft())
        if is_dead:
            die(other)
        assert store.stop_waiting("first-try")
        assert store.waiting() == ()
        assert store.draft("draft").revision == 1
        assert store.attempt("first-try").outcome == OFFLINE

    def test_only_one_adopts_what_a_dead_one_left(self, data_dir: Path, other: Store) -> None:
        """Of many that adopt the same mail at once one gets it."""
        wait(other)
        die(other)
        got = at_once(data_dir, lambda store: store.adopt("first-try"))
        assert sorted(got) == [False, False, False, True]

    def test_only_one_tries_what_a_dead_one_left(self, data_dir: Path, other: Store, store: Store) -> None:
        """Of many that begin the repeat at once one does, though none has adopted it."""
        wait(other)
        die(other)

        def begin(by: Store) -> bool:
            try:
                by.begin(submission(f"try-{by._instance.id}"), "work", again_of="first-try")
            except StoreError:
                return False
            return True

        assert sorted(at_once(data_dir, begin)) == [False, False, False, True]
        assert len(store.attempts(asked("status:open"))) == 1
        assert store.waiting() == ()

    def test_only_one_thread_tries_what_waits_here(self, store: Store) -> None:
        """Of two threads of one cfmail that begin the repeat one does."""
        wait(store)
        start, refused = threading.Barrier(4), list[str]()
        began = list[Attempt]()

        def work(number: int) -> None:
            start.wait()
            try:
                began.append(store.begin(submission(f"thread-{number}"), "work", again_of="first-try"))
            except StoreError as error:
                refused.append(str(error))

        run_together([threading.Thread(target=work, args=(number,)) for number in range(4)])
        assert len(began) == 1
        assert [("is being sent" in words) for words in refused] == [True] * 3


def at_once(data_dir: Path, act: Callable[[Store], bool]) -> list[bool]:
    """What four cfmails get that do the same at the same time."""
    stores = [Store(data_dir) for _ in range(4)]
    start = threading.Barrier(4)
    got: list[bool] = []

    def work(store: Store) -> None:
        start.wait()
        got.append(act(store))

    run_together([threading.Thread(target=work, args=(store,)) for store in stores])
    for store in stores:
        store.close()
    return got


def run_together(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class TestDrafts:
    def test_a_draft_that_waits_elsewhere_is_not_opened(self, store: Store, other: Store) -> None:
        """It cannot be claimed while a running cfmail is about to send it, though no window has it open."""
        wait(other, of=draft())
        assert not store.claim_draft("draft")
        assert other.claim_draft("draft")
        other.release_draft("draft")
        assert store.claim_draft("another")
        other.stop_waiting("first-try")
        assert store.claim_draft("draft")

    @pytest.mark.parametrize("is_dead", [False, True])
    def test_opening_a_draft_does_not_stop_its_mail(self, store: Store, other: Store, is_dead: bool) -> None:
        """A draft that waits here, or in a dead cfmail, is opened, and what becomes of its mail is decided apart."""
        wait(other if is_dead else store, of=draft())
        if is_dead:
            die(other)
        assert store.claim_draft("draft")
        assert roots(store) == ["first-try"]

    @pytest.mark.parametrize("owner", ["here", "dead", "living"])
    def test_a_deleted_draft_is_not_sent(self, store: Store, other: Store, owner: str) -> None:
        """Deleting takes its waiting mail along, but not another draft's, nor that of another running cfmail."""
        store.save_draft(draft())
        wait(store if owner == "here" else other, of=draft())
        wait(store, "other-mail", draft(1, "other"))
        if owner == "dead":
            die(other)
        store.delete_draft("draft")
        assert roots(store) == ["other-mail"]
        if owner == "living":
            assert roots(other) == ["first-try"]
        store.restore_draft("draft")
        assert roots(store) == ["other-mail"]


class TestRecover:
    def test_what_the_dead_left_waiting_stays(self, store: Store, other: Store, data_dir: Path) -> None:
        """The user is asked: neither the row nor the body is swept, and the next start has it as well."""
        other.write_body("first-try", iter([b"the very octets"]))
        wait(other, of=draft())
        die(other)
        for _ in range(2):
            store.recover()
            assert roots(store) == ["first-try"]
        store.close()
        with closing(Store(data_dir)) as next_start:
            next_start.recover()
            assert roots(next_start) == ["first-try"]
            assert next_start.adopt("first-try")
            next_start.again("first-try", "second-try")
            assert next_start.body_path("second-try").read_bytes() == b"the very octets"

    def test_a_living_ones_stay_its_own(self, store: Store, other: Store) -> None:
        """A recovery beside it changes nothing of what waits there."""
        wait(other)
        store.recover()
        assert (roots(store), roots(other)) == ([], ["first-try"])

    @pytest.mark.parametrize(
        "harm",
        [
            "DELETE FROM attempts WHERE id = 'first-try'",
            "UPDATE attempts SET outcome = 'unknown' WHERE id = 'first-try'",
            "UPDATE attempts SET outcome = 'accepted', draft_revision = 1 WHERE id = 'newer-try'",
            "UPDATE attempts SET outcome = 'unknown', settled = 1, draft_revision = 9 WHERE id = 'newer-try'",
            "UPDATE attempts SET outcome = 'accepted', draft_id = NULL, again_of = 'first-try' WHERE id = 'newer-try'",
        ],
    )
    def test_what_cannot_be_tried_any_more_is_dropped(self, store: Store, other: Store, harm: str) -> None:
        """A row without its attempt, or for a mail or draft that was sent meanwhile, does not survive a start."""
        wait(other, of=draft(1))
        tried(store, "newer-try", OFFLINE, of=draft(0, "unrelated"))
        store._db.execute("UPDATE attempts SET draft_id = X'6472616674' WHERE id = 'newer-try'")
        store.recover()
        assert roots(other) == ["first-try"]
        store._db.execute(harm)
        store.recover()
        assert store._db.execute("SELECT count(*) FROM waiting").fetchone()[0] == 0

    def test_a_repeat_cut_by_a_death_is_the_users(self, store: Store, other: Store) -> None:
        """A repeat that its cfmail did not live to end gets its outcome, and does not wait by itself."""
        wait(other, of=draft())
        tried(other, "second-try", None, again_of="first-try")
        other.leaving("second-try")
        die(other)
        assert [(a.submission.attempt_id, a.again_of) for a in store.recover()] == [("second-try", "first-try")]
        assert store.waiting() == ()
        with pytest.raises(StoreError, match="may have been sent by another attempt"):
            tried(store, "third-try", None, again_of="first-try")


class TestSettle:
    @pytest.mark.parametrize("arrived", [False, True])
    def test_a_mail_that_arrived_after_all_waits_no_more(self, store: Store, other: Store, arrived: bool) -> None:
        """The user's word on an earlier attempt ends the waiting of the chain, wherever it waits."""
        tried(store, "first-try", PERHAPS, of=draft())
        tried(other, "second-try", OFFLINE, again_of="first-try", next_at=SOON)
        store.settle("first-try", arrived=arrived)
        assert roots(other) == ([] if arrived else ["first-try"])
        if arrived:
            assert not other.adopt("first-try")
            with pytest.raises(StoreError, match="arrived"):
                tried(other, "third-try", None, again_of="first-try")


RETRIER: Final = """
import sys
from pathlib import Path
from cfmail_tui.store import Store, StoreError
from cfmail_tui.submission import Accepted, NotSent, Receipt
name, folder, mails = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
store = Store(folder)
print("ready", flush=True)
sys.stdin.readline()
for number in range(mails):
    root = f"mail-{number:04}"
    try:
        if not store.adopt(root):
            continue
        again = store.again(root, f"{name}-{number:04}")
        store.begin(again, name, again_of=root)
    except StoreError:
        continue
    store.leaving(again.attempt_id)
    store.finish(again.attempt_id, Accepted(Receipt(delivered=("a@example.com",))))
    print(root, flush=True)
store.close()
"""


def test_of_several_processes_one_tries_each_mail(data_dir: Path, other: Store, store: Store) -> None:
    """What a dead cfmail left waiting is sent by exactly one of those that start, and nothing is left over."""
    mails = 12
    for number in range(mails):
        other.write_body(f"mail-{number:04}", iter([b"{}"]))
        wait(other, f"mail-{number:04}", draft(1, f"draft-{number}"))
    die(other)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", RETRIER, f"process{number}", data_dir, str(mails)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for process in running:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    ended = [(*process.communicate(), process.returncode) for process in running]
    assert [(errors, code) for _, errors, code in ended] == [("", 0)] * 3
    sent = sorted(root for said, _, _ in ended for root in said.split())
    assert sent == [f"mail-{number:04}" for number in range(mails)]
    assert len(store.attempts(asked("status:accepted"), 1000)) == mails
    assert store.waiting() == ()


NOT_LEFT: Final = NotSent("cfmail ended before the mail left")


class Outboxes(RuleBasedStateMachine):
    """Two cfmails on one folder that send, fail, wait, try again and die in any order: no mail goes beside itself."""

    @initialize()
    def start(self) -> None:
        self.ending = ExitStack()
        self.folder = Path(self.ending.enter_context(TemporaryDirectory()))
        self.stores = [Store(self.folder), Store(self.folder)]
        self.begun: dict[str, Store] = {}

    def begin(self, which: int, of: SavedDraft | None, again_of: str | None) -> None:
        attempt_id = f"attempt-{len(self.begun)}"
        with suppress(StoreError):
            self.stores[which].begin(submission(attempt_id), "work", of, again_of=again_of)
            self.begun[attempt_id] = self.stores[which]

    @rule(which=st.integers(0, 1), draft_id=st.sampled_from("ab"), revision=st.integers(1, 2))
    def send(self, which: int, draft_id: str, revision: int) -> None:
        self.begin(which, draft(revision, draft_id), None)

    @rule(which=st.integers(0, 1), choice=st.randoms(use_true_random=False))
    def send_again(self, which: int, choice: random.Random) -> None:
        if self.begun:
            self.begin(which, None, choice.choice(sorted(self.begun)))

    @rule(which=st.integers(0, 1), adopted=st.booleans())
    def try_again(self, which: int, adopted: bool) -> None:
        for mail in self.stores[which].waiting()[:1]:
            if not adopted or self.stores[which].adopt(mail.root):
                self.begin(which, None, mail.root)

    @rule(outcome=st.sampled_from([OFFLINE, OFFLINE, DELIVERED, PERHAPS]), choice=st.randoms(use_true_random=False))
    def finish(self, outcome: Outcome, choice: random.Random) -> None:
        mine = [a for store in self.stores for a, owner in self.begun.items() if owner is store]
        still_open = [attempt_id for attempt_id in mine if self.begun[attempt_id].attempt(attempt_id).outcome is None]
        if still_open:
            attempt_id = choice.choice(still_open)
            self.begun[attempt_id].finish(attempt_id, outcome, next_at=SOON if outcome == OFFLINE else None)

    @rule(which=st.integers(0, 1), arrived=st.booleans(), choice=st.randoms(use_true_random=False))
    def settle(self, which: int, arrived: bool, choice: random.Random) -> None:
        if self.begun:
            with suppress(StoreError):
                self.stores[which].settle(choice.choice(sorted(self.begun)), arrived=arrived)

    @rule(which=st.integers(0, 1))
    def crash_and_recover(self, which: int) -> None:
        die(self.stores[which])
        self.stores[which] = Store(self.folder)
        self.stores[which].recover()

    @invariant()
    def nothing_waits_beside_itself(self) -> None:
        attempts = self.stores[0].attempts(limit=1000)[::-1]
        listed = [mail for store in self.stores for mail in store.waiting()]
        held = [row["root"] for row in self.stores[0]._db.execute("SELECT root FROM waiting")]
        assert {mail.root for mail in listed} == set(held)
        for mail in listed:
            chain = [a for a in attempts if mail.root in {a.again_of, a.submission.attempt_id}]
            assert mail.attempt == chain[-1]
            assert mail.tries == len(chain)
            assert all(is_certainly_not_sent(attempt) for attempt in chain)

    @invariant()
    def no_chain_goes_on_behind_what_may_have_been_sent(self) -> None:
        chains: dict[str, list[Attempt]] = {}
        for attempt in self.stores[0].attempts(limit=1000)[::-1]:
            chains.setdefault(attempt.again_of or attempt.submission.attempt_id, []).append(attempt)
        for chain in chains.values():
            assert all(attempt.outcome and attempt.outcome != DELIVERED for attempt in chain[:-1])
            # The user may say only afterwards that an unknown one arrived, but said something when it was repeated.
            assert all(not isinstance(a.outcome, Unknown) or a.settled is not None for a in chain[:-1])

    def teardown(self) -> None:
        if hasattr(self, "ending"):
            with self.ending:
                for store in self.stores:
                    store.close()


def is_certainly_not_sent(attempt: Attempt) -> bool:
    return attempt.outcome == OFFLINE or attempt.settled is False or attempt.outcome == NOT_LEFT


Outboxes.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestOutboxes = Outboxes.TestCase
