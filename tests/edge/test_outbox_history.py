"""What was sent is found by what it says, followed in Cloudflare's records, exported, and whom it went to completed."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui import mime, report
from cfmail_tui.credentials import Keyring
from cfmail_tui.lookup import CannotTell, Doubt, Found, Track
from cfmail_tui.message import AttachmentDraft, Draft, RawDraft
from cfmail_tui.outbox import Accounts, Outbox, Retention
from cfmail_tui.sandbox import Choices, Sandbox
from cfmail_tui.store import Store, database
from cfmail_tui.submission import Accepted, Account, ApiToken, Attempt, Fate, Receipt

LETTER: Final = Draft(sender="Me <me@acme.example>", to="Bob Berg <bob@example.net>", subject="Hello", text="Hi Bob")
RAW: Final = b"""\
From: =?utf-8?q?J=C3=BCrgen?= <j@acme.example>
To: Ann Lee <ann@lists.example>
Subject: =?utf-8?b?R3LDvMOfZQ==?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Stra=DFe
--b
Content-Type: text/plain
Content-Disposition: attachment; filename=notes.txt

secret
--b--
"""
ALIASES: Final = "alias bob bob@example.net\nalias team Ann <ann@example.net>, bounce@example.net\nalias zoe z@x.org\n"


class Place:
    """An outbox and a sandbox on one clock that only the test moves; it starts near the real one, which is in Date."""

    def __init__(self, folder: Path, **choices: object) -> None:
        self.now = datetime.now(UTC)
        self.folder = folder
        self.sandbox = Sandbox(folder / "box", choices=Choices(**choices), clock=lambda: self.now)  # type: ignore[arg-type]
        self.sandbox.start()
        self.store = Store(folder / "data", lambda: self.now)

    def outbox(self, token: str = "", retention: Retention | None = None, files: tuple[str, ...] = ()) -> Outbox:
        account = Account("test", self.sandbox.account_id, ApiToken(token or self.sandbox.token), "the test")
        return Outbox(
            self.store,
            Accounts({}, Keyring(), only=account),
            self.sandbox.base_url,
            {},
            clock=lambda: self.now,
            retention=retention or Retention(),
            address_files=files,
        )

    def send(self, content: Draft | RawDraft) -> Attempt:
        outbox = self.outbox()
        return outbox.send(outbox.prepare(content))

    def close(self) -> None:
        self.store.close()
        self.sandbox.stop()


@pytest.fixture
def placed(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    places: list[Place] = []

    def make(**choices: object) -> Place:
        places.append(Place(tmp_path / f"place{len(places)}", **choices))
        return places[-1]

    yield make
    for place in places:
        place.close()


def subjects(outbox: Outbox, query: str) -> list[str]:
    return [attempt.submission.subject for attempt in outbox.search(query).attempts]


class TestSearch:
    def test_a_form_is_found_by_all_it_says(self, placed: Callable[..., Place], tmp_path: Path) -> None:
        """By its text, the names of its people and its files; by its HTML only where there is no text."""
        (tmp_path / "Größe report.pdf").write_bytes(b"%PDF-1.7")
        place = placed()
        file = AttachmentDraft(str(tmp_path / "Größe report.pdf"))
        place.send(replace(LETTER, html="<p>hidden</p>", attachments=(file,)))
        page = "<style>p {color: red}</style><p>only&nbsp;&eacute;tude</p><script>alert(1)</script>"
        place.send(Draft(sender="me@acme.example", to="c@example.net", subject="Page", html=page))
        outbox = place.outbox()
        for query in ("body:hi", "to:berg", 'from:"me me"', "file:grosse", "has:attachment", "-body:only"):
            assert subjects(outbox, query) == ["Hello"]
        assert subjects(outbox, "etude only") == ["Page"]
        for query in ("hidden", "red", "alert"):
            assert subjects(outbox, query) == []

    def test_a_raw_message_is_found_by_all_it_says(self, placed: Callable[..., Place]) -> None:
        """By its decoded parts and header fields, also where the envelope names others."""
        source = RAW.replace(b"\n", b"\r\n")
        place = placed()
        place.send(RawDraft("me@acme.example", "bob@example.net", source))
        outbox = place.outbox()
        for query in ("strasse", "from:jurgen", "to:lee", "to:bob", "file:notes", "subject:grusse", "has:attachment"):
            assert len(outbox.search(query).attempts) == 1
        assert outbox.search("secret").attempts == ()

    def test_mistakes_are_told_and_the_rest_is_looked_for(self, placed: Callable[..., Place]) -> None:
        """A search that is half understood finds what that half means, and says where the other stands."""
        place = placed()
        place.send(LETTER)
        page = place.outbox().search("hello status:maybe")
        assert (len(page.attempts), [mistake.start for mistake in page.mistakes], page.reaches_to) == (1, [6], None)

    def test_what_was_known_is_written_down(self, placed: Callable[..., Place], tmp_path: Path) -> None:
        """The findings of the review stand in the history, when the file has long been another."""
        (tmp_path / "page.txt").write_bytes(b"%PDF-1.7\n" + bytes(range(256)))
        place = placed()
        attempt = place.send(replace(LETTER, attachments=(AttachmentDraft(str(tmp_path / "page.txt")),)))
        (tmp_path / "page.txt").unlink()
        detail = place.outbox().detail(attempt.submission.attempt_id)
        assert "PDF" in detail.findings[0].words
        assert [words for _, words in report.timeline(detail)] == ["begun", "began to leave", "accepted"]

    def test_what_was_known_of_a_raw_message(self, placed: Callable[..., Place]) -> None:
        """What its own rules found in it stands in the history as well, also of the same message sent once more."""
        place = placed()
        outbox = place.outbox()
        refused = place.send(RawDraft("me@acme.example", "error500@example.net", RAW))
        again = outbox.send(outbox.again(refused))
        expected = [(one.words, one.weight) for one in mime.findings(RAW)]
        assert "there is no Date field" in " ".join(words for words, _ in expected)
        for attempt in (refused, again):
            found = outbox.detail(attempt.submission.attempt_id).findings
            assert [(one.words, one.weight) for one in found] == expected

    def test_an_export_is_all_of_it(self, placed: Callable[..., Place]) -> None:
        """However many pages it takes, an export has each mail of the search once, and stops where it is told to."""
        place = placed()
        for number in range(5):
            place.send(replace(LETTER, subject=f"mail {number}"))
        outbox = place.outbox()
        lines = [json.loads(line) for line in report.as_json_lines(outbox.exported("mail -subject:3"))]
        assert [line["subject"] for line in lines] == ["mail 4", "mail 2", "mail 1", "mail 0"]
        assert len([*outbox.exported("", 2)]) == 2


class TestOlderHistory:
    @pytest.fixture
    def older(self, placed: Callable[..., Place], monkeypatch: pytest.MonkeyPatch) -> Place:
        """Sixty mails sent by this cfmail, in a database that says an older one has written them."""
        place = placed()
        for number in range(60):
            source = f"From: me@acme.example\r\nSubject: raw {number}\r\n\r\ntext of {number}\r\n".encode()
            form = replace(LETTER, subject=f"form {number}", text=f"text of {number}")
            place.send(RawDraft("me@acme.example", "bob@example.net", source) if number % 2 else form)
        with place.store._transaction() as db:
            for table in ("words", "labels", "contacts", "contact_words", "vocabulary"):
                db.execute(f"DELETE FROM {table}")
            db.execute("UPDATE attempts SET contents = NULL")
            db.execute("UPDATE unread SET upto = (SELECT max(seq) FROM attempts)")
        assert len(database.MIGRATIONS) >= 5
        return place

    def test_a_search_is_right_before_all_was_read(self, older: Place) -> None:
        """A search reads as far as it has to: the newest are found without the oldest, all without a word missing."""
        outbox = older.outbox()
        assert subjects(outbox, "subject:59") == ["raw 59"]
        assert [*map(len, (outbox.search("text", 5).attempts, older.store.unread(100)))] == [5, 0]
        assert subjects(outbox, "body:7") == ["raw 7"]
        assert len(outbox.search("text status:delivered", 100).attempts) == 60

    def test_no_more_is_read_than_needed(self, older: Place) -> None:
        """A full page of the newest is there without the oldest being read."""
        outbox = older.outbox()
        assert subjects(outbox, "text of")[:2] == ["raw 59", "form 58"]
        assert outbox.search("text", 20).attempts[0].submission.subject == "raw 59"

    def test_a_search_without_patience_says_how_far_it_came(self, older: Place) -> None:
        """Who cannot wait is told from when on nothing was looked at; when it was tidied up, all is found."""
        outbox = older.outbox()
        page = outbox.search("body:3", patience=-1)
        assert (page.attempts, page.reaches_to) == ((), older.store.unread(1)[0].started_at)
        assert outbox.search("", patience=-1).reaches_to is None
        assert len([*outbox.tidying()]) > 2
        page = outbox.search('body:"3"', patience=-1)
        assert [found.submission.subject for found in page.attempts] == ["raw 3"]
        assert page.reaches_to is None
        assert outbox.complete("berg")[0].text == "Bob Berg <bob@example.net>"

    def test_a_body_that_is_gone_or_damaged(self, older: Place) -> None:
        """Of such a mail what the journal knows is found, and the reading goes on."""
        bodies = sorted((older.folder / "data" / "bodies").iterdir())
        for body, octets in zip(
            bodies, [b"", b"{", b"[]", b'{"from": 1}', b"\xff", b'{"mime_message": 1}'], strict=False
        ):
            body.write_bytes(octets)
        bodies[-1].unlink()
        outbox = older.outbox()
        assert len(outbox.search("to:bob", 100).attempts) == 60
        assert 50 <= len(outbox.search("text", 100).attempts) < 60


class TestAskingAgain:
    def test_queued_becomes_delivered(self, placed: Callable[..., Place]) -> None:
        """Asked too soon it is still queued; later it is delivered, in the attempt, the search and the address book."""
        place = placed(queue_seconds=600)
        attempt = place.send(replace(LETTER, to="queue@example.net, bob@example.net, bounce@x.example"))
        outbox = place.outbox()
        assert attempt.queued == ("queue@example.net",)
        place.now += timedelta(minutes=5)
        soon = outbox.ask_again(attempt)
        assert isinstance(soon, Found)
        assert [one.track for one in soon.sightings] == [Track.SEEN, Track.DELIVERED, Track.FAILED]
        assert outbox.attempt(attempt.submission.attempt_id).queued == ("queue@example.net",)
        place.now += timedelta(minutes=10)
        outbox.ask_again(attempt)
        after = outbox.attempt(attempt.submission.attempt_id)
        assert [fate for _, fate in after.fates] == [Fate.DELIVERED, Fate.DELIVERED, Fate.BOUNCED]
        assert after.outcome == attempt.outcome
        assert (subjects(outbox, "status:queued"), subjects(outbox, "status:delivered")) == ([], ["Hello"])
        (news,) = after.later
        assert place.now - timedelta(minutes=6) <= news.at <= place.now
        assert any("queue@example.net delivered" in words for _, words in report.timeline(outbox.detail(_id(after))))
        assert report.as_json(after)["queued"] == []

    @pytest.mark.parametrize("denial", [200, 403])
    def test_a_token_without_the_right(self, placed: Callable[..., Place], denial: int) -> None:
        """It is said which permission is missing, and the recipient stays queued."""
        place = placed(queue_seconds=0, analytics_denial=denial)
        attempt = place.send(replace(LETTER, to="queue@example.net"))
        place.now += timedelta(hours=1)
        outbox = place.outbox(place.sandbox.add_token("no_analytics"))
        verdict = outbox.ask_again(attempt)
        assert isinstance(verdict, CannotTell)
        assert verdict.doubt in {Doubt.NO_RIGHT, Doubt.NO_ZONE}
        assert "Read" in verdict.reason
        assert outbox.attempt(_id(attempt)).queued == ("queue@example.net",)

    def test_an_answer_without_a_message_id(self, placed: Callable[..., Place]) -> None:
        """Such a mail is known by sender, people, subject and time, and told only if there is no other like it."""
        place = placed(queue_seconds=0)
        attempt = place.send(replace(LETTER, to="queue@example.net"))
        nameless = Attempt(attempt.submission, "test", attempt.started_at, attempt.finished_at,
                           Accepted(Receipt(queued=("queue@example.net",))))  # fmt: skip
        place.now += timedelta(minutes=1)
        place.outbox().ask_again(nameless)
        assert place.outbox().attempt(_id(attempt)).queued == ()


def _id(attempt: Attempt) -> str:
    return attempt.submission.attempt_id


class TestCompletion:
    def test_history_first_then_files(self, placed: Callable[..., Place], tmp_path: Path) -> None:
        """Who was written to comes first, nobody twice; an alias typed to its end is meant; groups are whole."""
        (tmp_path / "aliases").write_text(ALIASES)
        place = placed()
        outbox = place.outbox(files=(str(tmp_path / "aliases"),))
        assert [known.text for known in outbox.complete("bob")] == ["bob@example.net"]
        place.send(LETTER)
        place.send(replace(LETTER, to="Zoe <zoe@example.net>"))
        (bob,) = outbox.complete("bo")
        assert (bob.text, bob.is_from_history) == ("Bob Berg <bob@example.net>", True)
        assert [known.text for known in outbox.complete("zoe")] == ["z@x.org", "Zoe <zoe@example.net>"]
        assert [known.text for known in outbox.complete("zo")] == ["Zoe <zoe@example.net>", "z@x.org"]
        assert len(outbox.complete("zo", 1)) == 1
        (team,) = outbox.complete("team")
        assert (team.is_group, team.text) == (True, "Ann <ann@example.net>, bounce@example.net")

    def test_marks(self, placed: Callable[..., Place], tmp_path: Path) -> None:
        """Whoever bounced is marked, also within a group of a file."""
        (tmp_path / "aliases").write_text(ALIASES)
        place = placed()
        place.send(replace(LETTER, to="bounce@example.net"))
        outbox = place.outbox(files=(str(tmp_path / "aliases"),))
        assert [known.mark for typed in ("bounce", "team", "zoe") for known in outbox.complete(typed)] == [
            "bounced", "bounced", "",
        ]  # fmt: skip

    def test_while_a_large_file_is_read(self, placed: Callable[..., Place], tmp_path: Path) -> None:
        """Nobody waits for a file that is being read: who is known already is completed meanwhile."""
        (tmp_path / "aliases").write_text(ALIASES)
        place = placed()
        place.send(LETTER)
        outbox = place.outbox(files=(str(tmp_path / "aliases"),))
        with outbox._people._lock:
            assert [known.text for known in outbox.complete("bo")] == ["Bob Berg <bob@example.net>"]
            assert outbox.complete("zoe") == ()
        assert len(outbox.complete("zoe")) == 1

    def test_files_that_change_or_cannot_be_read(self, placed: Callable[..., Place], tmp_path: Path) -> None:
        """A file is read again when it changed; one that cannot be read is told, and the others are used."""
        path = tmp_path / "aliases"
        outbox = placed().outbox(files=(str(path), str(tmp_path), "~nobody/x", "\0"))
        assert outbox.complete("ann") == ()
        assert len(outbox.address_problems()) == 4
        path.write_text("alias ann ann@example.net\n")
        assert [known.text for known in outbox.complete("ann")] == ["ann@example.net"]
        path.write_text("alias anna anna@example.net\n")
        assert [known.text for known in outbox.complete("ann")] == ["anna@example.net"]
        assert len(outbox.address_problems()) == 3


def test_what_is_kept_no_longer(placed: Callable[..., Place]) -> None:
    """The wishes of the settings are kept by the tidying, which ends when there is nothing left to do."""
    place = placed()
    attempt = place.send(LETTER)
    outbox = place.outbox(retention=Retention(redacts=True))
    place.now += timedelta(seconds=1)
    [*outbox.tidying()]
    assert len([*outbox.tidying()]) == 1
    assert not outbox.detail(_id(attempt)).has_body
    assert (subjects(outbox, "body:hi"), subjects(outbox, "hello")) == ([], ["Hello"])


def test_two_outboxes_tidy_up_together(placed: Callable[..., Place]) -> None:
    """Two cfmails that begin at once do the same work once, and do not disturb each other."""
    place = placed()
    for number in range(3):
        place.send(replace(LETTER, subject=f"mail {number}"))
    place.now += timedelta(seconds=1)
    with closing(Store(place.folder / "data", lambda: place.now)) as other:
        steps = place.outbox(retention=Retention(attempts=1)).tidying()
        others = other.tidying(Retention(attempts=1))
        while next(steps, "end") != "end" or next(others, "end") != "end":
            pass
    assert subjects(place.outbox(), "") == ["mail 2"]
