"""A mail tried again: only one that certainly was not sent, only if somebody waits for it, the same octets, linked."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cfmail_tui.credentials import Keyring
from cfmail_tui.message import Draft, MailMessage, RawDraft, SavedDraft
from cfmail_tui.outbox import Accounts, Outbox, Reviewed
from cfmail_tui.store import Store, StoreError
from cfmail_tui.submission import Accepted, Account, ApiToken, Attempt, NotSent, Refused, Unknown
from tests.edge.fault_server import ACCOUNT_ID, TOKEN, FarEnd, answering, closed_port, http_answer, saying

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
MAIL = Draft(sender="me@acme.example", to="bob@example.com", subject="Hello", text="Hi Bob")
RAW = RawDraft("me@acme.example", "bob@example.com", b"From: me@acme.example\r\nSubject: Raw\r\n\r\nH\xc3\xbc\r\n")
UNREACHABLE = f"http://127.0.0.1:{closed_port()}/client/v4"
ACCEPTED = json.dumps(
    {"success": True, "result": {"delivered": ["bob@example.com"], "queued": [], "permanent_bounces": []}}
)


@pytest.fixture
def opened(data_dir: Path) -> Iterator[Callable[[str], Outbox]]:
    """An outbox that sends to this base URL; each call is another run of the program at noon."""
    running: list[Store] = []

    def at(base_url: str) -> Outbox:
        for store in running:
            store.close()
        running.append(Store(data_dir, lambda: NOON))
        only = Account("work", ACCOUNT_ID, ApiToken(TOKEN), "a test")
        return Outbox(
            running[-1], Accounts({}, Keyring(), only=only), base_url, {}, clock=lambda: NOON, chance=lambda: 0.5
        )

    yield at
    for store in running:
        store.close()


def reviewed(outbox: Outbox, content: Draft | RawDraft = MAIL) -> Reviewed:
    draft = SavedDraft("a-draft", 1, content)
    outbox.save_draft(draft)
    return outbox.prepare(content, draft)


def nobody_waits(outbox: Outbox, mail: Reviewed) -> tuple[Attempt, list[float]]:
    """Send it; gives also after how many seconds it is tried again."""
    seconds: list[float] = []
    return outbox.send(mail, later=seconds.append), seconds


class TestLater:
    def test_who_does_not_wait_has_nothing_waiting(self, opened: Callable[[str], Outbox]) -> None:
        """A script that sends gets its outcome and is tried no more: it has its exit code."""
        outbox = opened(UNREACHABLE)
        outbox.send(reviewed(outbox))
        assert outbox.waiting() == ()

    def test_what_was_not_sent_waits(self, opened: Callable[[str], Outbox]) -> None:
        """Nobody listens: it waits, in the store as well, and says when it is tried next."""
        outbox = opened(UNREACHABLE)
        attempt, seconds = nobody_waits(outbox, reviewed(outbox))
        assert isinstance(attempt.outcome, NotSent)
        assert seconds == [15.0]
        (waiting,) = outbox.waiting()
        assert (waiting.attempt, waiting.tries, waiting.next_at) == (attempt, 1, NOON + timedelta(seconds=15))
        (unfinished,) = outbox.unfinished()
        assert (unfinished.draft.content, unfinished.waiting) == (MAIL, waiting)

    def test_the_rate_limit_is_kept(self, opened: Callable[[str], Outbox]) -> None:
        """Of a 429 the time that was asked for counts."""
        with FarEnd(answering(429, fields={"Retry-After": "100"})) as far_end:
            outbox = opened(far_end.base_url)
            attempt, (seconds,) = nobody_waits(outbox, reviewed(outbox))
        assert isinstance(attempt.outcome, Refused)
        assert seconds >= 100

    @pytest.mark.parametrize("answer", [http_answer(500, "oops"), http_answer(400, '{"success": false}'), b""])
    def test_nothing_else_waits(self, opened: Callable[[str], Outbox], answer: bytes) -> None:
        """Neither an unknown outcome nor a refusal for a reason that stays is ever tried again."""
        with FarEnd(saying(answer)) as far_end:
            outbox = opened(far_end.base_url)
            attempt, seconds = nobody_waits(outbox, reviewed(outbox))
            assert isinstance(attempt.outcome, Unknown | Refused)
            assert (seconds, outbox.waiting()) == ([], ())
        assert len(far_end.requests) == 1

    def test_what_was_cancelled_waits_for_nothing(self, opened: Callable[[str], Outbox]) -> None:
        """A mail the user stopped is not sent behind the user's back."""
        outbox = opened(UNREACHABLE)
        mail = reviewed(outbox)
        outbox.cancel(mail.submission.attempt_id)
        attempt, seconds = nobody_waits(outbox, mail)
        assert isinstance(attempt.outcome, NotSent)
        assert (seconds, outbox.waiting()) == ([], ())

    def test_there_is_a_last_try(self, opened: Callable[[str], Outbox]) -> None:
        """After the last try the mail is the user's again, a draft."""
        outbox = opened(UNREACHABLE)
        mail = reviewed(outbox)
        waits = []
        while seconds := nobody_waits(outbox, mail)[1]:
            waits += seconds
            mail = outbox.retry(mail)
        assert len(waits) == 11
        assert waits == sorted(waits)
        assert waits[-1] == 15 * 60
        assert outbox.waiting() == ()
        assert [found.waiting for found in outbox.unfinished()] == [None]


class TestAgain:
    @pytest.mark.parametrize("content", [MAIL, RAW])
    def test_the_same_octets(self, opened: Callable[[str], Outbox], content: Draft | RawDraft) -> None:
        """What is sent again is octet for octet what was reviewed, under a new attempt linked to the first."""
        outbox = opened(UNREACHABLE)
        first, _ = nobody_waits(outbox, reviewed(outbox, content))
        body = outbox.wire_body(first.submission.attempt_id)
        with FarEnd(answering(200, ACCEPTED)) as far_end:
            outbox = opened(far_end.base_url)
            (left,) = outbox.waiting()
            again = outbox.again(left.attempt)
            assert again.draft
            assert again.tries == 1
            if isinstance(content, RawDraft):
                assert again.content == content
            else:
                assert isinstance(again.content, MailMessage)
                assert (again.content.subject, again.content.text) == (content.subject, content.text)
            attempt = outbox.send(again)
        assert isinstance(attempt.outcome, Accepted)
        assert far_end.requests[0].body == body
        assert attempt.again_of == first.submission.attempt_id
        assert (outbox.waiting(), outbox.unfinished()) == ((), ())

    def test_of_two_only_one(self, opened: Callable[[str], Outbox], data_dir: Path) -> None:
        """While one cfmail waits to send it, another cannot send it again."""
        outbox = opened(UNREACHABLE)
        attempt, _ = nobody_waits(outbox, reviewed(outbox))
        with closing(Store(data_dir)) as store:
            only = Account("work", ACCOUNT_ID, ApiToken(TOKEN), "a test")
            other = Outbox(store, Accounts({}, Keyring(), only=only), UNREACHABLE, {})
            with pytest.raises(StoreError, match="another cfmail"):
                other.send(other.again(attempt))
            assert not other.open_draft("a-draft")
            assert other.waiting() == ()
        assert len(outbox.waiting()) == 1

    def test_opening_its_draft_ends_the_waiting(self, opened: Callable[[str], Outbox]) -> None:
        """A draft that is edited is not sent meanwhile as it was."""
        outbox = opened(UNREACHABLE)
        nobody_waits(outbox, reviewed(outbox))
        outbox = opened(UNREACHABLE)
        assert outbox.open_draft("a-draft")
        assert outbox.waiting() == ()

    def test_an_edited_draft_stays(self, opened: Callable[[str], Outbox]) -> None:
        """What was typed after a mail was tried is not deleted when the mail as it was is accepted."""
        outbox = opened(UNREACHABLE)
        first, _ = nobody_waits(outbox, reviewed(outbox))
        edited = replace(MAIL, text="Hi Bob, this is new")
        outbox.save_draft(SavedDraft("a-draft", 2, edited))
        with FarEnd(answering(200, ACCEPTED)) as far_end:
            outbox = opened(far_end.base_url)
            again = outbox.again(first)
            assert again.draft is None
            assert isinstance(outbox.send(again).outcome, Accepted)
        assert [found.draft.content for found in outbox.unfinished()] == [edited]

    def test_not_of_what_was_accepted(self, opened: Callable[[str], Outbox]) -> None:
        """A mail that was accepted cannot be sent again as the same mail."""
        with FarEnd(answering(200, ACCEPTED)) as far_end:
            outbox = opened(far_end.base_url)
            attempt = outbox.send(reviewed(outbox))
            with pytest.raises(StoreError, match="accepted"):
                outbox.again(attempt)
