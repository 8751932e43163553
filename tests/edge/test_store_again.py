"""A mail is sent again octet for octet, and never beside an attempt that may have sent it."""

import errno
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from cfmail_tui.store import DATABASE, KEYS_LOST, NoSuchAttempt, Store, StoreError
from cfmail_tui.submission import Outcome, Refused
from tests.edge.waiting_mails import (
    DELIVERED,
    LATER,
    OFFLINE,
    PERHAPS,
    TOO_MANY,
    die,
    draft,
    names,
    roots,
    submission,
    tried,
    wait,
)


class TestAgain:
    @pytest.fixture
    def failed(self, store: Store) -> Store:
        store.write_body("first-try", iter([b"the very octets"]))
        tried(store, "first-try", OFFLINE, of=draft())
        return store

    def test_the_same_octets_go_under_another_name(self, failed: Store, data_dir: Path) -> None:
        """The body is the same file, private, and the submission differs in its id alone."""
        repeated = failed.again("first-try", "second-try")
        kept = failed.attempt("first-try").submission
        assert repeated.attempt_id == "second-try"
        assert repeated.account_id == ""
        assert (repeated.envelope, repeated.digest, repeated.endpoint) == (kept.envelope, kept.digest, kept.endpoint)
        path = failed.body_path("second-try")
        assert path.read_bytes() == b"the very octets"
        assert path.samefile(failed.body_path("first-try"))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert names(data_dir / "bodies") == {"first-try.json", "second-try.json"}

    @pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK])
    def test_it_is_copied_where_there_are_no_links(
        self, failed: Store, data_dir: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        """On a disk that knows no links there is a second file, on the disk, as private as the first."""
        synced = []
        real = os.fsync

        def refuse(*_: object) -> None:
            raise OSError(number, os.strerror(number))

        def recorded(descriptor: int) -> None:
            synced.append(os.fstat(descriptor).st_ino)
            real(descriptor)

        monkeypatch.setattr(os, "link", refuse)
        monkeypatch.setattr(os, "fsync", recorded)
        failed.again("first-try", "second-try")
        path = failed.body_path("second-try")
        assert path.read_bytes() == b"the very octets"
        assert not path.samefile(failed.body_path("first-try"))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert synced == [path.stat().st_ino, (data_dir / "bodies").stat().st_ino]

    def test_a_repeat_that_is_not_sent_is_forgotten(self, failed: Store, other: Store, data_dir: Path) -> None:
        """Discarding it, or dying with it, leaves the first one's body alone; asking twice leaves nothing behind."""
        failed.again("first-try", "second-try")
        failed.again("first-try", "second-try")
        assert names(data_dir / "bodies") == {"first-try.json", "second-try.json"}
        failed.discard_body("second-try")
        other.again("first-try", "third-try")
        failed.recover()
        assert names(data_dir / "bodies") == {"first-try.json", "third-try.json"}
        die(other)
        failed.recover()
        assert names(data_dir / "bodies") == {"first-try.json"}
        assert failed.body_path("first-try").read_bytes() == b"the very octets"

    def test_what_is_not_there_is_not_repeated(self, failed: Store, data_dir: Path) -> None:
        """An unknown attempt, a body that is gone and a name already in the history are said, and leave no file."""
        with pytest.raises(NoSuchAttempt):
            failed.again("no-such-try", "second-try")
        with pytest.raises(NoSuchAttempt):
            failed.begin(submission("second-try"), "work", again_of="../first-try")
        with pytest.raises(StoreError, match="belongs to a mail in the history"):
            failed.again("first-try", "first-try")
        with pytest.raises(StoreError, match="cannot be the id"):
            failed.again("first-try", "../second-try")
        assert names(data_dir / "bodies") == {"first-try.json"}
        failed.body_path("first-try").unlink()
        with pytest.raises(StoreError, match=r"first-try\.json cannot be read: no such file"):
            failed.again("first-try", "second-try")
        assert names(data_dir / "bodies") == set()

    @pytest.mark.parametrize("step", ["link", "replace", "sync"])
    def test_each_step_may_fail(
        self, failed: Store, data_dir: Path, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        """A repeat whose body cannot be made on a failing disk is said, leaves nothing, and can be made later."""

        def fail(*_: object, **__: object) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as faults:
            if step == "link":
                faults.setattr(os, "link", fail)
            faults.setattr(*{"replace": (Path, "replace", fail)}.get(step, (os, "fsync", fail)))
            with pytest.raises(StoreError, match=r"second-try\.json cannot be written"):
                failed.again("first-try", "second-try")
        assert names(data_dir / "bodies") == {"first-try.json"}
        assert failed.again("first-try", "second-try").attempt_id == "second-try"


class TestBegin:
    @pytest.mark.parametrize(
        ("outcome", "arrived", "why"),
        [
            (None, None, "is being sent"),
            (DELIVERED, None, "was accepted"),
            (PERHAPS, True, "arrived"),
            (PERHAPS, None, ""),
            (PERHAPS, False, ""),
            (OFFLINE, None, ""),
            (TOO_MANY, None, ""),
            (Refused(400, "1", "no"), None, ""),
        ],
    )
    def test_what_may_be_repeated(self, store: Store, outcome: Outcome | None, arrived: bool | None, why: str) -> None:
        """A mail that is on its way, accepted or known to have arrived is not; any other is, by the user's wish."""
        store.write_body("first-try", iter([b"{}"]))
        tried(store, "first-try", outcome)
        if arrived is not None:
            store.settle("first-try", arrived=arrived)
        if why:
            for repeat in (
                lambda: store.again("first-try", "second-try"),
                lambda: store.begin(submission("second-try"), "work", again_of="first-try"),
            ):
                with pytest.raises(StoreError, match=f"not sent again: it {why} "):
                    repeat()
            assert len(store.attempts()) == 1
            assert store.attempt("first-try").settled is arrived
        else:
            store.begin(store.again("first-try", "second-try"), "work", again_of="first-try")
            assert store.attempt("first-try").settled is (False if outcome == PERHAPS else None)
            assert store.attempt("second-try").again_of == "first-try"

    def test_an_unknown_one_that_is_repeated_did_not_arrive(self, store: Store) -> None:
        """Sending it again says so; if it arrived after all, the user may say that later."""
        tried(store, "first-try", PERHAPS)
        store.begin(submission("second-try"), "work", again_of="first-try")
        assert (store.attempt("first-try").outcome, store.attempt("first-try").settled) == (PERHAPS, False)
        assert store.settle("first-try", arrived=True).settled is True

    @pytest.mark.parametrize("named", ["first-try", "second-try"])
    def test_every_repeat_names_the_first(self, store: Store, named: str) -> None:
        """A repeat of a repeat belongs to the same chain, whichever of it was named."""
        tried(store, "first-try", OFFLINE)
        tried(store, "second-try", OFFLINE, again_of="first-try")
        assert store.begin(submission("third-try"), "work", again_of=named).again_of == "first-try"
        assert store.attempt("third-try").again_of == "first-try"

    @pytest.mark.parametrize(
        ("outcome", "arrived", "why"),
        [
            (None, None, "is being sent"),
            (DELIVERED, None, "was accepted"),
            (PERHAPS, None, "may have been sent by another attempt"),
            (PERHAPS, True, "arrived"),
            (PERHAPS, False, ""),
            (OFFLINE, None, ""),
        ],
    )
    @pytest.mark.parametrize(("named", "beside"), [("first-try", "second-try"), ("second-try", "first-try")])
    def test_the_whole_chain_counts(
        self, store: Store, named: str, beside: str, outcome: Outcome | None, arrived: bool | None, why: str
    ) -> None:
        """Another attempt at the same mail that may be on its way, by whichever name, forbids the repeat."""
        outcomes = {named: OFFLINE, beside: outcome}
        store.begin(submission("first-try"), "work")
        store.finish("first-try", OFFLINE)
        store.begin(submission("second-try"), "work", again_of="first-try")
        with store._db:
            # An open attempt before an ended one cannot come about by itself: the second was refused.
            store._db.execute("UPDATE attempts SET outcome = NULL, evidence = NULL, finished_at = NULL")
        for attempt_id, ended in outcomes.items():
            if ended:
                store.finish(attempt_id, ended)
        if arrived is not None:
            store.settle(beside, arrived=arrived)
        if why:
            with pytest.raises(StoreError, match=f"it {why}.*{beside}"):
                store.begin(submission("third-try"), "work", again_of=named)
            assert len(store.attempts()) == 2
        else:
            store.begin(submission("third-try"), "work", again_of=named)

    def test_another_mail_of_the_draft_that_is_on_its_way_counts(self, store: Store, other: Store) -> None:
        """While the same draft is being sent by another mail it is not repeated beside it; once that failed it is."""
        tried(store, "first-try", OFFLINE, of=draft(1))
        other.begin(submission("other-try"), "work", draft(1))
        with pytest.raises(StoreError, match=r"is being sent \(attempt other-try\)"):
            tried(store, "second-try", None, again_of="first-try")
        other.finish("other-try", OFFLINE)
        tried(store, "second-try", None, again_of="first-try")

    def test_it_waits_no_more_from_its_beginning(self, store: Store) -> None:
        """The row goes in the transaction that begins the repeat; without it the mail could be tried twice."""
        wait(store)
        tried(store, "second-try", None, again_of="first-try")
        assert store.waiting() == ()
        store.finish("second-try", OFFLINE, next_at=LATER)
        tried(store, "third-try", None, again_of="second-try")
        assert store.waiting() == ()

    def test_another_running_cfmails_mail_is_left_to_it(self, store: Store, other: Store) -> None:
        """A mail that waits in a living one is refused, and nothing is written; once it is dead it may be sent."""
        wait(other, of=draft())
        before = store._db.execute("SELECT * FROM attempts").fetchall()
        with pytest.raises(StoreError, match="another cfmail is about to send this mail again"):
            tried(store, "second-try", None, again_of="first-try")
        with pytest.raises(StoreError, match="another cfmail is about to send this mail again"):
            tried(store, "second-try", None, of=draft(2))
        assert store._db.execute("SELECT * FROM attempts").fetchall() == before
        assert roots(other) == ["first-try"]
        die(other)
        tried(store, "second-try", OFFLINE, again_of="first-try")
        assert store.waiting() == ()

    def test_a_refusal_settles_nothing(self, store: Store, other: Store) -> None:
        """What was unknown stays so when its repeat was refused for a mail of the same draft that waits elsewhere."""
        tried(store, "first-try", PERHAPS, of=draft())
        wait(other, "other-try", draft())
        with pytest.raises(StoreError, match="another cfmail"):
            tried(store, "second-try", None, again_of="first-try")
        assert store.attempt("first-try").settled is None

    @pytest.mark.parametrize("is_dead", [False, True])
    def test_a_draft_sent_anew_waits_no_more(self, store: Store, other: Store, is_dead: bool) -> None:
        """The mail that waits, here or in a dead cfmail, is replaced by the one just reviewed, and no other is."""
        wait(other if is_dead else store, of=draft(1))
        wait(store, "other-mail", draft(1, "other"))
        if is_dead:
            die(other)
        tried(store, "second-try", None, of=draft(2))
        assert roots(store) == ["other-mail"]
        tried(store, "third-try", None)
        assert roots(store) == ["other-mail"]

    def test_a_repeat_replaces_a_later_mail_of_its_draft(self, store: Store) -> None:
        """An older attempt sent again from the history: the same draft's mail that waits is not sent beside it."""
        tried(store, "older-try", OFFLINE, of=draft(1))
        wait(store, "newer-try", draft(1))
        tried(store, "older-again", None, again_of="older-try")
        assert store.waiting() == ()


class TestKeys:
    """Mails with one key: of whatever row, by whatever cfmail, one is sent."""

    @pytest.mark.parametrize("outcome", [None, DELIVERED, PERHAPS, OFFLINE, TOO_MANY])
    def test_a_second_mail_of_a_key_never_begins(self, store: Store, other: Store, outcome: Outcome | None) -> None:
        """Whatever became of the first, and in another cfmail as well."""
        store.begin(submission("first-try"), "work", key="row-1")
        if outcome:
            store.finish("first-try", outcome)
        for one in (store, other):
            with pytest.raises(StoreError, match="already sent or tried \\(attempt first-try\\)"):
                one.begin(submission("second-try"), "work", key="row-1")
        other.begin(submission("other-row"), "work", key="row-2")
        assert {key: len(found) for key, found in other.by_keys(["row-1", "row-2", "row-3"]).items()} == {
            "row-1": 1,
            "row-2": 1,
        }

    def test_what_was_not_sent_is_repeated(self, store: Store) -> None:
        """A repeat is another attempt at the mail of the key, as long as none may have been sent."""
        store.begin(submission("first-try"), "work", key="row-1")
        store.finish("first-try", OFFLINE)
        store.begin(submission("second-try"), "work", key="row-1", again_of="first-try")
        store.finish("second-try", DELIVERED)
        assert [one.submission.attempt_id for one in store.by_keys(["row-1"])["row-1"]] == ["first-try", "second-try"]
        with pytest.raises(StoreError, match="was accepted"):
            store.begin(submission("third-try"), "work", key="row-1", again_of="second-try")

    def test_what_the_history_forgot_is_still_known(self, store: Store, data_dir: Path) -> None:
        """Neither a deleted mail nor a database that was set aside lets a second one begin."""
        store.begin(submission("first-try"), "work", key="row-1")
        store.finish("first-try", DELIVERED)
        with store._transaction() as db:
            db.execute("DELETE FROM attempts")
        assert store.by_keys(["row-1"]) == {"row-1": ()}
        store.close()
        salvaged = damaged(data_dir, "drafts")
        with pytest.raises(StoreError, match="already sent"):
            salvaged.begin(submission("second-try"), "work", key="row-1")
        assert not salvaged.recall(KEYS_LOST)
        salvaged.close()

    def test_keys_that_cannot_be_read_are_missed(self, store: Store, data_dir: Path) -> None:
        """Where a damaged database does not give them, that is remembered: somebody has to look."""
        store.close()
        with closing(damaged(data_dir, "idempotency")) as salvaged:
            assert salvaged.recall(KEYS_LOST)


def damaged(data_dir: Path, table: str) -> Store:
    """What is opened after this table was lost."""
    with closing(sqlite3.connect(data_dir / DATABASE)) as db, db:
        db.execute(f"DROP TABLE {table}")
    salvaged, words = Store.open_or_set_aside(data_dir)
    assert "set aside" in words
    return salvaged
