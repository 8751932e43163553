"""The history is found, counted, deleted and kept as it is said, on real files, in the journal's transactions."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfmail_tui.message import Finding, Mailbox
from cfmail_tui.searching import Search, words_of
from cfmail_tui.store import DATABASE, DayCount, NoSuchAttempt, Retention, Store, StoreError, database
from cfmail_tui.submission import (
    Accepted,
    Attempt,
    Contents,
    Envelope,
    Fate,
    Later,
    NotSent,
    Outcome,
    Receipt,
    Refused,
    SentFile,
    Submission,
    Unknown,
)
from tests.edge.asked import asked

NOON: Final = datetime(2026, 1, 2, 12, tzinfo=UTC)
PDF: Final = SentFile("Größe-report.pdf", "application/pdf", 1000)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(data_dir: Path, clock: Clock) -> Iterator[Store]:
    with closing(Store(data_dir, clock)) as opened:
        yield opened


def delivered(*recipients: str) -> Accepted:
    return Accepted(Receipt(delivered=recipients))


def sent(
    store: Store,
    number: int,
    *recipients: str,
    subject: str = "Hello",
    text: str = "",
    outcome: Outcome | None = None,
    again_of: int | None = None,
    sender: str = "me@example.com",
    account: str = "work",
    **more: object,
) -> Attempt:
    """An attempt that has begun, with its body, and ended if there is an outcome."""
    envelope = Envelope(sender, recipients or ("a@example.net",))
    attempt_id = name(number)
    store.write_body(attempt_id, iter([b"x" * 100]))
    submission = Submission(attempt_id, "", "send", envelope, subject, 100, 100, "ab" * 32)
    attempt = store.begin(
        submission,
        account,
        again_of=None if again_of is None else name(again_of),
        contents=Contents(text=text, **more),  # type: ignore[arg-type]
    )
    return attempt if outcome is None else store.finish(attempt_id, outcome)


def name(number: int) -> str:
    return f"attempt-{number:04}"


def found(store: Store, query: str | Search = "", limit: int = 50, before: int | None = None) -> list[int]:
    """The numbers of what is found, in the order found."""
    search = query if isinstance(query, Search) else asked(query)
    above = None if before is None else name(before)
    return [int(one.submission.attempt_id[-4:]) for one in store.attempts(search, limit, above)]


def kept(data_dir: Path) -> list[int]:
    """The numbers of the bodies on the disk."""
    return sorted(int(path.stem[-4:]) for path in (data_dir / "bodies").iterdir())


class TestSearch:
    @pytest.fixture
    def four(self, store: Store, clock: Clock) -> Store:
        """Four mails, a day between two."""
        sent(store, 0, "ann@example.net", subject="Invoice March", text="Please pay the straße", files=(PDF,))
        store.finish(name(0), delivered("ann@example.net"))
        clock.now += timedelta(days=1)
        sent(store, 1, "bob@acme.example", "c@acme.example", subject="Re: Lunch", account="Büro", is_test=True)
        store.finish(name(1), Accepted(Receipt(queued=("bob@acme.example",), bounced=("c@acme.example",))))
        clock.now += timedelta(days=1)
        ann = (Mailbox("ann@example.net", "Ann Lee"),)
        sent(store, 2, "ann@example.net", subject="", text="lunch at noon ☂", sender="boss@example.org", recipients=ann)
        store.finish(name(2), Unknown("cut"))
        clock.now += timedelta(days=1)
        sent(store, 3, "d@example.com", subject="report for invoice", sender="boss@example.org")
        return store

    @pytest.mark.parametrize(
        ("query", "numbers"),
        [
            ("", [3, 2, 1, 0]), ("invoice", [3, 0]), ("inv", [3, 0]), ("i", [3, 0]), ("oice", []),
            ("INVOICE march", [0]), ("march invoice", [0]), ('"invoice march"', [0]), ('"march invoice"', []),
            ('"invoice mar"', []), ('"invoice mar', [0]), ("lunch", [2, 1]), ("subject:lunch", [1]),
            ("body:lunch", [2]), ("STRASSE", [0]), ("grosse", [0]), ("file:report", [0]), ("report", [3, 0]),
            ("☂", [2]),
            ("ann", [2, 0]), ("to:ann", [2, 0]), ('to:"ann lee"', [2]), ("to:lee", [2]), ("from:ann", []),
            ("from:boss", [3, 2]), ("to:acme.example", [1]), ("ann@example.net", [2, 0]), ("example", [3, 2, 1, 0]),
            ("account:work", [3, 2, 0]), ("account:buro", [1]), ("account:b", [1]), ("work", []), ("attempt-0002", [2]),
            ("status:open", [3]), ("status:delivered", [0]), ("status:bounced", [1]), ("status:queued", [1]),
            ("status:accepted", [1, 0]), ("status:un", [2]), ("status:refused", []), ("has:attachment", [0]),
            ("is:test", [1]), ("-lunch", [3, 0]), ("invoice -march", [3]), ("-status:accepted", [3, 2]),
            ("-has:attachment lunch", [2, 1]), ("status:accepted lunch", [1]), ("-lunch -invoice", []),
            ("after:2026-01-04", [3, 2]), ("before:2026-01-03", [0]), ("after:2026-01-03 before:2026-01-05", [2, 1]),
            ("after:2026-01-03 lunch status:bounced", [1]), ("after:2027", []), ("before:2020", []),
            ("nothing", []), ("nothing-like-it status:accepted", []),
        ],
    )  # fmt: skip
    def test_what_is_asked_for_is_found(self, four: Store, query: str, numbers: list[int]) -> None:
        """Words, phrases, places, labels, times and their negation, together and alone, newest first, as counted."""
        assert found(four, query) == numbers
        assert four.count(asked(query)) == len(numbers)

    @pytest.mark.parametrize("query", ["", "word", "status:accepted", "word status:accepted", "after:2025", "-other"])
    def test_pages_meet(self, store: Store, query: str) -> None:
        """Pages follow each other without gap or overlap, whatever is asked for, also while new mail arrives."""
        for number in range(23):
            sent(store, number, text="word", outcome=delivered("a@example.net"))
        seen = found(store, query, 10)
        sent(store, 99, text="word", outcome=delivered("a@example.net"))
        while page := found(store, query, 10, seen[-1]):
            seen += page
        assert seen == [*reversed(range(23))]
        assert (store.count(asked(query)), store.count(asked(query), 7)) == (24, 7)

    def test_a_beginning_that_stands_for_very_many_words(self, store: Store) -> None:
        """However many words begin so, all mails with one of them are found."""
        for number in range(130):
            sent(store, number, text=f"order{number:03} x")
        assert len(found(store, "order", 1000)) == 130
        assert found(store, "order12", 1000) == [*reversed(range(120, 130))]

    def test_a_rare_label_among_many(self, store: Store) -> None:
        """A label that few have and a word that many have find what has both, also where there are more than few."""
        for number in range(250):
            bounced = number % 100 == 7
            receipt = Receipt(bounced=("a@example.net",)) if bounced else Receipt(queued=("a@example.net",))
            sent(store, number, text="word" if number % 2 else "other", outcome=Accepted(receipt))
        assert found(store, "word status:bounced") == [207, 107, 7]
        assert found(store, "other status:bounced") == []
        assert len(found(store, "word status:queued", 1000)) == 122

    def test_what_is_open_is_found_by_what_becomes_of_it(self, store: Store) -> None:
        """Its labels follow an attempt: open, unknown, said to be lost or arrived."""
        sent(store, 0)
        assert found(store, "status:open") == [0]
        store.finish(name(0), Unknown("cut"))
        assert (found(store, "status:open"), found(store, "status:unknown")) == ([], [0])
        store.settle(name(0), arrived=False)
        assert found(store, "status:lost") == [0]
        store.settle(name(0), arrived=True)
        assert (found(store, "status:lost"), found(store, "status:arrived")) == ([], [0])

    def test_the_index_and_the_journal_are_one(self, store: Store) -> None:
        """An attempt that could not be begun left nothing in the index; one that was is found at once."""
        sent(store, 0, text="word")
        sent_again = Submission(name(0), "", "send", Envelope("m@x.example", ("a@x.example",)), "", 1, 1, "")
        with pytest.raises(StoreError, match="already"):
            store.begin(sent_again, "work", contents=Contents(text="other"))
        assert (found(store, "word"), found(store, "other")) == ([0], [])

    def test_two_processes_see_the_same(self, store: Store, data_dir: Path) -> None:
        """What one cfmail writes the other finds, without a word between them."""
        with closing(Store(data_dir)) as other:
            sent(store, 0, text="from the first")
            assert found(other, "first") == [0]
            sent(other, 1, text="from the second")
            assert found(store, "second") == [1]


WORDS: Final = st.sampled_from(["a", "ab", "abc", "abcd", "abcde", "b", "ba", "straße", "東", "x1"])
TEXTS: Final = st.lists(WORDS, max_size=5).map(" ".join)
PARTS: Final = st.tuples(
    st.sampled_from(["", "-"]), st.sampled_from(["", "subject:", "body:"]), WORDS, st.sampled_from(["{}", '"{}"'])
).map(lambda part: part[0] + part[1] + part[3].format(part[2]))


@settings(max_examples=25)
@given(mails=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8), parts=st.lists(PARTS, min_size=1, max_size=4))
def test_a_search_is_what_it_says(
    tmp_path_factory: pytest.TempPathFactory, mails: list[tuple[str, str]], parts: list[str]
) -> None:
    """Of any mails any search finds exactly those that its words, taken one by one, are true of."""
    search = asked(" ".join(parts))
    expected = []
    with closing(Store(tmp_path_factory.mktemp("data"))) as store:
        for number, (subject, text) in enumerate(mails):
            sent(store, number, subject=subject, text=text)
            columns = {"subject": [*words_of(subject)], "text": [*words_of(text)]}
            columns[""] = [word for words in columns.values() for word in words] + [f"{number:04}", "attempt"]
            columns[""] += [*words_of("a@example.net me@example.com")]
            if all(
                any(word.startswith(term.words[0]) and (not term.is_whole or word == term.words[0]) for word in
                    columns[term.column or ""]) is not term.is_negated
                for term in search.terms
            ):  # fmt: skip
                expected.append(number)
        assert found(store, search) == expected[::-1]


class TestDetail:
    def test_what_was_known_when_it_was_sent(self, store: Store, clock: Clock) -> None:
        """Files and findings are written down with the attempt, and when it left, ended, and was settled."""
        findings = (Finding("it is a link", "note"), Finding("not what it says", "confirmed"))
        sent(store, 0, files=(PDF,), findings=findings, is_test=True)
        clock.now += timedelta(seconds=1)
        store.leaving(name(0))
        clock.now += timedelta(seconds=1)
        store.finish(name(0), Unknown("cut"))
        clock.now += timedelta(seconds=1)
        store.settle(name(0), arrived=False)
        detail = store.detail(name(0))
        assert (detail.files, detail.findings, detail.has_body) == ((PDF,), findings, True)
        assert (detail.left_at, detail.settled_at) == (NOON + timedelta(seconds=1), NOON + timedelta(seconds=3))
        assert detail.attempt.finished_at == NOON + timedelta(seconds=2)
        assert detail.attempt.is_test
        sent(store, 1, again_of=0, outcome=delivered("a@example.net"))
        for number in (0, 1):
            assert [one.submission.attempt_id for one in store.detail(name(number)).attempts] == [name(0), name(1)]

    def test_later_news_of_queued_recipients(self, store: Store, clock: Clock) -> None:
        """What becomes of a queued recipient is told by the attempt, found by it, and changes no other word of it."""
        accepted = Accepted(Receipt(queued=("q@example.net", "r@example.net"), delivered=("d@example.net",)))
        sent(store, 0, "q@example.net", "r@example.net", "d@example.net", outcome=accepted)
        at = NOON + timedelta(hours=1)
        store.learn(name(0), [Later("q@example.net", Fate.DELIVERED, at), Later("d@example.net", Fate.BOUNCED, at)])
        attempt = store.learn(name(0), [Later("r@example.net", Fate.BOUNCED, at, "550 \ud83d no")])
        assert attempt.outcome == accepted
        assert [fate for _, fate in attempt.fates] == [Fate.DELIVERED, Fate.BOUNCED, Fate.DELIVERED]
        assert attempt.later[1] == Later("r@example.net", Fate.BOUNCED, at, "550 \ud83d no")
        assert attempt == store.attempt(name(0)) == store.attempts()[0]
        assert (found(store, "status:queued"), found(store, "status:bounced")) == ([], [0])


class TestDeleting:
    def test_a_mail_goes_with_every_attempt_at_it_and_comes_back(self, store: Store) -> None:
        """Deleted, none of its attempts is found or shown; restored, all are."""
        sent(store, 0, outcome=NotSent("offline"), text="word")
        sent(store, 1, again_of=0, outcome=delivered("a@example.net"), text="word")
        sent(store, 2, text="word", outcome=Refused(400, "", "no"))
        store.delete(name(1))
        assert found(store) == found(store, "word") == [2]
        assert (found(store, "status:accepted"), store.count(asked("word"))) == ([], 1)
        for attempt_id in (name(0), name(1)):
            with pytest.raises(NoSuchAttempt):
                store.attempt(attempt_id)
            with pytest.raises(NoSuchAttempt):
                store.detail(attempt_id)
        store.restore(name(0))
        assert found(store) == found(store, "word") == [2, 1, 0]

    def test_nothing_is_deleted_of_which_something_may_become(self, store: Store, clock: Clock) -> None:
        """A mail on its way, one that waits and one that may have arrived stay, and it is said why."""
        sent(store, 0)
        with pytest.raises(StoreError, match="is being sent"):
            store.delete(name(0))
        store.finish(name(0), Unknown("cut"))
        with pytest.raises(StoreError, match="say first whether it arrived"):
            store.delete(name(0))
        sent(store, 1)
        store.finish(name(1), NotSent("offline", temporary=True), next_at=NOON)
        with pytest.raises(StoreError, match="waits"):
            store.delete(name(1))
        store.settle(name(0), arrived=True)
        store.delete(name(0))
        with pytest.raises(NoSuchAttempt):
            store.delete(name(0))
        assert found(store) == [1]

    def test_a_deleted_mail_still_stops_its_repetition(self, store: Store) -> None:
        """What arrived is not sent again because it was deleted."""
        sent(store, 0, outcome=NotSent("offline"))
        sent(store, 1, again_of=0, outcome=delivered("a@example.net"))
        store.delete(name(0))
        with pytest.raises(StoreError, match="was accepted"):
            store.again(name(0), name(2))

    def test_after_a_week_nothing_of_it_is_left(self, store: Store, data_dir: Path, clock: Clock) -> None:
        """Then the tidying removes row, body, words and address, from the file as well; what was not deleted stays."""
        sent(store, 0, "secret@very.example", text="verysecretword", outcome=delivered("secret@very.example"))
        sent(store, 1, text="plainword", outcome=delivered("a@example.net"))
        store.delete(name(0))
        clock.now += timedelta(days=8)
        assert len([*store.tidying(Retention())]) == 1
        assert kept(data_dir) == [1]
        with pytest.raises(NoSuchAttempt):
            store.restore(name(0))
        assert store.complete("secret", 5) == ()
        assert found(store, "plainword") == found(store) == [1]
        for table in ("attempts", "recipients", "words", "vocabulary", "labels", "contacts", "contact_words"):
            rows = store._db.execute(f"SELECT * FROM {table}").fetchall()
            assert not [row for row in rows if "secret" in str([*row])]


class TestKeeping:
    @pytest.fixture
    def ten(self, store: Store, clock: Clock) -> Store:
        """Ten mails, one a day, each with a body of 100 octets; the fourth may have arrived."""
        for number in range(10):
            outcome = Unknown("cut") if number == 3 else delivered("a@example.net")
            sent(store, number, text=f"word{number}", outcome=outcome)
            clock.now += timedelta(days=1)
        return store

    def test_for_ever(self, ten: Store, data_dir: Path) -> None:
        """By default everything is kept."""
        assert [*ten.tidying(Retention())] == []
        assert kept(data_dir) == [*range(10)]

    def test_bodies_for_days(self, ten: Store, data_dir: Path) -> None:
        """Bodies older than that go, but for a mail that may have to be sent again; everything is still found."""
        [*ten.tidying(Retention(bodies_for=timedelta(days=4, hours=1)))]
        assert kept(data_dir) == [3, 6, 7, 8, 9]
        assert (found(ten, "word1"), len(found(ten))) == ([1], 10)
        assert (ten.detail(name(1)).has_body, ten.detail(name(9)).has_body) == (False, True)

    def test_a_clock_that_once_was_wrong(self, store: Store, data_dir: Path, clock: Clock) -> None:
        """One mail of a day long ago, as the clock said, takes no other's body along."""
        sent(store, 0, outcome=delivered("a@example.net"))
        clock.now -= timedelta(days=9999)
        sent(store, 1, outcome=delivered("a@example.net"))
        clock.now += timedelta(days=9999)
        [*store.tidying(Retention(bodies_for=timedelta(days=4)))]
        assert kept(data_dir) == [0]

    def test_bodies_up_to_so_much(self, ten: Store, data_dir: Path) -> None:
        """The newest bodies that have room stay."""
        [*ten.tidying(Retention(bodies_octets=350))]
        assert kept(data_dir) == [3, 7, 8, 9]
        [*ten.tidying(Retention(bodies_octets=350))]
        assert kept(data_dir) == [3, 7, 8, 9]

    def test_a_number_of_mails(self, ten: Store, data_dir: Path) -> None:
        """The newest mails stay, and who was written to is still known; one that may have arrived is not forgotten."""
        [*ten.tidying(Retention(attempts=4))]
        assert found(ten) == [9, 8, 7, 6, 3]
        assert kept(data_dir) == [3, 6, 7, 8, 9]
        assert found(ten, "word2") == []
        assert len(ten.complete("a@", 5)) == 1

    def test_redacted(self, ten: Store, data_dir: Path) -> None:
        """With the body its words go, from the index too; subject and people are still found."""
        [*ten.tidying(Retention(bodies_for=timedelta(days=4, hours=1), redacts=True))]
        assert (found(ten, "word1"), found(ten, "word9"), len(found(ten, "hello"))) == ([], [9], 10)
        [*ten.tidying(Retention(redacts=True))]
        assert kept(data_dir) == [3]
        assert found(ten, "word9") == []

    def test_other_cfmails_write_between_the_steps(self, store: Store, data_dir: Path) -> None:
        """The tidying goes in steps; in between it holds nothing, and who stops there leaves nothing half done."""
        for number in range(120):
            sent(store, number, outcome=delivered("a@example.net"))
        steps = store.tidying(Retention(attempts=1))
        with closing(Store(data_dir)) as other:
            other._db.execute("PRAGMA busy_timeout = 0")
            for number, _ in enumerate(steps):
                sent(other, 500 + number)
                if number == 1:
                    steps.close()
        assert len(found(store, limit=1000)) == len(kept(data_dir)) == 22

    def test_a_body_that_a_crash_left_is_swept(
        self, ten: Store, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """If it ends after the journal gave a body up and before its file is gone, the next start removes the file."""
        monkeypatch.setattr(Path, "unlink", lambda _path, **_how: None)
        [*ten.tidying(Retention(redacts=True))]
        monkeypatch.undo()
        assert len(kept(data_dir)) == 10
        ten.recover()
        assert kept(data_dir) == [3]


def test_counts_by_day_and_account(store: Store, clock: Clock) -> None:
    """How many mails began on each day, by account and outcome; deleted ones and those before do not count."""
    for number, account in enumerate(["old", "work", "Büro", "work"]):
        clock.now = NOON + timedelta(days=number // 2)
        sent(store, number, account=account, outcome=delivered("a@example.net"))
    sent(store, 4, account="work", outcome=Refused(400, "", "no"))
    sent(store, 5, account="work")
    sent(store, 6, account="work", outcome=NotSent("x"))
    store.delete(name(6))
    days = [moment.astimezone().date() for moment in (NOON, NOON + timedelta(days=1))]
    assert store.counts(NOON + timedelta(seconds=-1)) == (
        DayCount(days[0], "old", "accepted", 1),
        DayCount(days[0], "work", "accepted", 1),
        DayCount(days[1], "Büro", "accepted", 1),
        DayCount(days[1], "work", "accepted", 1),
        DayCount(days[1], "work", "open", 1),
        DayCount(days[1], "work", "refused", 1),
    )
    assert {count.day for count in store.counts(NOON + timedelta(hours=1))} == {days[1]}
    assert isinstance(store.counts(NOON)[0].day, date)


class TestContacts:
    def test_the_often_and_lately_written_to_come_first(self, store: Store, clock: Clock) -> None:
        """Of two written to as often the later is first; many mails outweigh one, until they are long ago."""
        number = 0
        for address, times in (("often@x.example", 5), ("once@x.example", 1)):
            for _ in range(times):
                sent(store, number, address, outcome=delivered(address))
                number += 1
                clock.now += timedelta(days=1)
        assert [found.address for found in store.complete("", 9)] == ["often@x.example", "once@x.example"]
        clock.now += timedelta(days=365)
        sent(store, number, "once@x.example", outcome=delivered("once@x.example"))
        assert [found.address for found in store.complete("o", 9)] == ["once@x.example", "often@x.example"]

    @pytest.mark.parametrize(
        ("typed", "addresses"),
        [
            ("an", ["ann.lee@example.net"]), ("lee", ["ann.lee@example.net"]), ("ann l", ["ann.lee@example.net"]),
            ("ANN LEE <ann", ["ann.lee@example.net"]), ("ann.lee@ex", ["ann.lee@example.net"]),
            ("müller", ["bob@acme.example"]), ("acme", ["bob@acme.example"]), ("example", None), ("ee", []),
            ("ann bob", []), ("%", []), ("'", []), ("\0", []), ("", None), (" ", None),
        ],
    )  # fmt: skip
    def test_by_the_beginnings_of_words(self, store: Store, typed: str, addresses: list[str] | None) -> None:
        """All words typed begin words of the name or the address; no sign means anything else."""
        for number, mailbox in enumerate(
            (Mailbox("ann.lee@example.net", "Ann Lee"), Mailbox("bob@acme.example", "Müller, Bob"))
        ):
            outcome = delivered(mailbox.addr_spec)
            sent(store, number, mailbox.addr_spec, recipients=(mailbox,), outcome=outcome)
        both = ["bob@acme.example", "ann.lee@example.net"]
        known = [found.address for found in store.complete(typed, 9)]
        assert sorted(known) == sorted(both if addresses is None else addresses)

    def test_who_was_never_reached_is_not_known(self, store: Store) -> None:
        """A mail that was not accepted makes nobody known; who only the answer names is not known either."""
        sent(store, 0, "typo@x.example", outcome=Refused(400, "", "no"))
        sent(store, 1, "right@x.example", outcome=delivered("right@x.example", "stranger@x.example"))
        assert [found.address for found in store.complete("", 9)] == ["right@x.example"]

    def test_marks_tell_what_became_of_the_last_mail(self, store: Store) -> None:
        """Bounced and suppressed are told until a mail gets through, or later news says so."""
        address = "a@example.net"
        sent(store, 0, outcome=Accepted(Receipt(bounced=(address,))))
        assert (store.complete("a", 1)[0].mark, store.marks([address, "z@x.example"])) == (
            "bounced",
            {address: "bounced"},
        )
        sent(store, 1, outcome=Accepted(Receipt(suppressed=(address,))))
        assert store.complete("a", 1)[0].mark == "suppressed"
        sent(store, 2, outcome=Accepted(Receipt(queued=(address,))))
        assert store.complete("a", 1)[0].mark == ""
        store.learn(name(2), [Later(address, Fate.BOUNCED, NOON)])
        assert store.complete("a", 1)[0].mark == "bounced"

    def test_a_new_name_replaces_the_old(self, store: Store) -> None:
        """Who changes the name is found by the new one, in whatever case the address is typed."""
        for number, mailbox in enumerate((Mailbox("Ann@x.example", "Ann Lee"), Mailbox("ann@x.example", "Ann Berg"))):
            sent(store, number, mailbox.addr_spec, recipients=(mailbox,), outcome=delivered(mailbox.addr_spec))
        (known,) = store.complete("ann", 9)
        assert (known.name, store.complete("lee", 9), len(store.complete("berg", 9))) == ("Ann Berg", (), 1)

    def test_a_word_that_very_many_have(self, store: Store) -> None:
        """Of thousands with a common word the highest ranking are completed, and the rarer word of two narrows them."""
        with store._transaction() as db:
            for number in range(2500):
                words = f" p{number} common"
                row = (b"%d" % number, b"p%d@common" % number, b"", words, 1, float(number), "")
                db.execute("INSERT INTO contacts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (number, *row))
                pairs = ((word, number) for word in words.split())
                db.executemany("INSERT INTO contact_words VALUES (?, ?)", pairs)
        assert [found.address for found in store.complete("com", 2)] == ["p2499@common", "p2498@common"]
        assert [found.address for found in store.complete("common p17", 2)] == ["p1799@common", "p1798@common"]


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
            assert [*store.tidying(Retention())] == [None]
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


def test_the_attempt_read_back_is_the_one_written(store: Store) -> None:
    """What a list shows is what was begun and finished, tests marked as such."""
    begun = sent(store, 0, is_test=True)
    assert begun.is_test
    assert store.attempts()[0] == replace(begun, submission=replace(begun.submission, account_id=""))
    assert sys.getsizeof(store.attempts()) < 1000
