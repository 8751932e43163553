"""Who was written to is completed: the often and the lately written to first, by any word of theirs."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from cfmail_tui.message import Mailbox
from cfmail_tui.store import Store
from cfmail_tui.submission import Accepted, Fate, Later, Receipt, Refused
from tests.edge.sent_mails import NOON, Clock, delivered, name, sent


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(data_dir: Path, clock: Clock) -> Iterator[Store]:
    with closing(Store(data_dir, clock)) as opened:
        yield opened


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

    def test_the_suppression_list_is_learned(self, store: Store) -> None:
        """Who stands on the list is marked, and loses just that mark when taken off; strangers stay strangers."""
        outcome = Accepted(Receipt(delivered=("A@example.net",), bounced=("b@example.net",)))
        sent(store, 0, "A@example.net", "b@example.net", outcome=outcome)
        store.mark_suppressed(["a@example.net", "z@x.example"], is_suppressed=True)
        assert store.marks(["a@example.net", "b@example.net", "z@x.example"]) == {
            "a@example.net": "suppressed",
            "b@example.net": "bounced",
        }
        store.mark_suppressed(["a@example.net", "b@example.net"], is_suppressed=False)
        assert store.marks(["a@example.net", "b@example.net"]) == {"b@example.net": "bounced"}

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
