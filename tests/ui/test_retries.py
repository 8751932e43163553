"""A mail that certainly was not sent waits, is tried again, can be taken back; one that may have been sent never is."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cfmail_tui.message import Draft
from cfmail_tui.outbox import Reviewed
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.submission import Accepted, NotSent, Refused, Unknown
from tests.conftest import undo_send
from tests.edge.fault_server import ACCOUNT_ID, PATIENCE, TOKEN, Behaviour, Exchange, FarEnd, http_answer
from tests.ui.conftest import Held
from tests.ui.stage import LETTER, Stage, attempts, drafts, on_stage

OTHER = replace(LETTER, subject="The other one")


class Unreachable:
    """A Cloudflare behind a port at which nobody listens yet."""

    def __init__(self) -> None:
        self._taken = socket.socket()
        self._taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._taken.bind(("127.0.0.1", 0))
        self.port: int = self._taken.getsockname()[1]
        self.far_end: FarEnd | None = None

    @property
    def subjects(self) -> list[str]:
        """Of the mails that came."""
        return [json.loads(received.body)["subject"] for received in self.far_end.requests] if self.far_end else []

    def come_back(self) -> None:
        """Somebody listens from now on."""
        self._taken.close()
        self.far_end = FarEnd(accepting, port=self.port)
        self.far_end.__enter__()

    def close(self) -> None:
        self._taken.close()
        if self.far_end:
            self.far_end.__exit__(None, None, None)


def accepting(exchange: Exchange) -> None:
    mail = json.loads(exchange.request().body)
    lists = {"delivered": [mail["to"]], "queued": [], "permanent_bounces": []}
    exchange.send(http_answer(200, json.dumps({"success": True, "result": {**lists, "message_id": "<1@example>"}})))


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> Iterator[Unreachable]:
    """A Cloudflare that cannot be reached until the test lets it; the environment names it."""
    far = Unreachable()
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", f"http://127.0.0.1:{far.port}/client/v4")
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT_ID)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    yield far
    far.close()


async def fail(stage: Stage) -> None:
    """Send into the void: the mail waits to be tried again."""
    await stage.send()
    await stage.until("next try at")


async def due(stage: Stage) -> None:
    """The time of the next try has come."""
    for departure in stage.app.sending.departures.mails:
        departure.seconds = 0.0


async def test_it_is_tried_again_by_itself(unreachable: Unreachable) -> None:
    """What was not sent says why and when it is tried next; then it is sent, once, and its draft is done with."""
    async with on_stage(LETTER) as stage:
        await fail(stage)
        assert f"nothing listens at 127.0.0.1:{unreachable.port}" in stage.words()
        assert drafts() == [LETTER]
        await due(stage)
        await stage.until(lambda: len(attempts()) == 2)
        await stage.until("next try at")
        unreachable.come_back()
        await due(stage)
        await stage.until("Accepted: 1 delivered")
        await stage.settled()
    assert unreachable.subjects == ["Hello"]
    last, second, first = attempts()
    assert [type(attempt.outcome) for attempt in (first, second, last)] == [NotSent, NotSent, Accepted]
    assert second.again_of == last.again_of == first.submission.attempt_id
    assert first.submission.digest == last.submission.digest
    assert drafts() == []


async def test_the_send_key_tries_now(unreachable: Unreachable) -> None:
    """Who knows that the network is back need not wait; pressed three times it is still sent once."""
    async with on_stage(LETTER) as stage:
        await fail(stage)
        unreachable.come_back()
        await stage.press("f9", "f9", "f9")
        await stage.until("Accepted")
        await stage.settled()
    assert unreachable.subjects == ["Hello"]


async def test_it_is_stopped_while_the_next_try_is_prepared(
    unreachable: Unreachable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped at the moment it is taken up again, it is not sent, and is a draft."""
    going_on = threading.Event()
    async with on_stage(LETTER) as stage:
        await fail(stage)
        assert stage.app._outbox
        retry = stage.app._outbox.retry

        def slowly(reviewed: Reviewed) -> Reviewed:
            going_on.wait(PATIENCE)
            return retry(reviewed)

        monkeypatch.setattr(stage.app._outbox, "retry", slowly)
        unreachable.come_back()
        await stage.press("f9", "u")
        await stage.until("Stop sending?")
        await stage.press("down", "enter")
        going_on.set()
        await stage.until("is a draft again")
        assert stage.app.sending.departures.mails == []
        await stage.settled()
    assert unreachable.subjects == []
    assert len(attempts()) == 1
    assert drafts() == [LETTER]


async def test_it_is_taken_back_and_edited(unreachable: Unreachable) -> None:
    """`u` ends the tries; what goes out afterwards is the edited mail, and only that."""
    async with on_stage(LETTER) as stage:
        await fail(stage)
        await stage.press("u")
        await stage.until("is a draft again")
        await stage.type(" Edited.")
        unreachable.come_back()
        await stage.send()
        await stage.until("Accepted")
        await stage.settled()
        assert stage.app.sending.departures.mails == []
    assert unreachable.far_end
    (mail,) = (json.loads(received.body) for received in unreachable.far_end.requests)
    assert mail["text"] == " Edited." + LETTER.text
    assert drafts() == []


async def test_others_are_written_meanwhile(unreachable: Unreachable) -> None:
    """While one waits another is written and sent; each has its line, and the waiting one stands among the drafts."""
    async with on_stage(LETTER) as stage:
        await fail(stage)
        await stage.press("ctrl+n")
        await stage.until(lambda: stage.draft.subject == "")
        stage.form.fill(OTHER)
        await fail(stage)
        assert "“Hello”" in stage.words()
        unreachable.come_back()
        await stage.press("f7")
        await stage.until("  waits  ")
        await stage.press("s")
        await stage.until("Accepted: 1 delivered “Hello”")
        assert unreachable.subjects == ["Hello"]
        await stage.press("f9")
        await stage.until(lambda: len(unreachable.subjects) == 2)
        await stage.settled()
    assert drafts() == []


async def test_opening_it_takes_it_back(unreachable: Unreachable) -> None:
    """Opened from the drafts, a mail that waits is a draft again and is not sent behind the user's back."""
    async with on_stage(LETTER) as stage:
        await fail(stage)
        await stage.press("ctrl+n")
        await stage.until(lambda: stage.draft.subject == "")
        await stage.press("f7")
        await stage.until("  waits  ")
        await stage.press("enter")
        await stage.until(lambda: stage.draft == LETTER)
        await stage.until("Taken back")
        assert stage.app.sending.departures.mails == []
        assert not stage.mail.is_busy


async def test_deleting_its_draft_ends_the_tries(unreachable: Unreachable) -> None:
    """A mail whose draft is deleted is not sent later; brought back, it is a draft."""
    async with on_stage(LETTER) as stage:
        await fail(stage)
        await stage.press("ctrl+n")
        await stage.until(lambda: stage.draft.subject == "")
        await stage.press("f7")
        await stage.until("  waits  ")
        await stage.press("d")
        await stage.until("there are no drafts")
        assert stage.app.sending.departures.mails == []
        await stage.press("u")
        await stage.until("Hello")
        assert "  waits  " not in stage.text()
        await stage.settled()
    assert drafts() == [LETTER]


class TestAfterARestart:
    async def test_it_is_offered_not_sent(self, unreachable: Unreachable) -> None:
        """The next start says what waits, and sends nothing by itself; `s` shows it for a last look, `y` sends it."""
        async with on_stage(LETTER) as stage:
            await fail(stage)
            await stage.press("ctrl+q")
            await stage.until("the next start offers to try again")
            await stage.click("Leave")
            await stage.until(lambda: stage.app._exit)
        unreachable.come_back()
        async with on_stage() as stage:
            await stage.until("“Hello” was not sent and waits")
            await stage.press("f7")
            await stage.until("  waits  ")
            assert unreachable.subjects == []
            await stage.press("s")
            await stage.until("nothing has left yet")
            await stage.press("y")
            await stage.until("Accepted")
            await stage.settled()
        assert unreachable.subjects == ["Hello"]
        last, first = attempts()
        assert last.again_of == first.submission.attempt_id
        assert drafts() == []

    async def test_it_can_be_edited(self, unreachable: Unreachable) -> None:
        """Opened instead, it is a draft, and the start after that has nothing to offer to send."""
        async with on_stage(LETTER) as stage:
            await fail(stage)
            stage.app.told_to_end(1)
            await stage.until(lambda: stage.app._exit)
        async with on_stage() as stage:
            await stage.press("f7", "enter")
            await stage.until(lambda: stage.draft == LETTER)
            await stage.settled()
        async with on_stage() as stage:
            await stage.until("unfinished: “Hello”")
            assert "was not sent" not in stage.words()


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[FarEnd]:
    """A far end with the behaviour the test is parametrised with."""
    behaviour: Behaviour = request.param
    with FarEnd(behaviour) as far_end:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT_ID)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
        yield far_end


def refusing(status: int, code: int, message: str, retry_after: str = "") -> Behaviour:
    def behave(exchange: Exchange) -> None:
        exchange.request()
        body = {"success": False, "errors": [{"code": code, "message": message}], "messages": [], "result": None}
        fields = {"cf-ray": "8f00aa-FRA"} | ({"Retry-After": retry_after} if retry_after else {})
        exchange.send(http_answer(status, json.dumps(body), fields))

    return behave


@pytest.mark.parametrize(
    "answering", [refusing(429, 10004, "email.sending.error.throttled", "40")], indirect=True, ids=["429"]
)
async def test_too_many_at_once(answering: FarEnd) -> None:
    """Of a rate limit the time that was asked for is kept, and said."""
    async with on_stage(LETTER) as stage:
        await fail(stage)
        assert "too many mails in a short time" in stage.words()
        (departure,) = stage.app.sending.departures.mails
        assert departure.seconds > 35
    assert [type(attempt.outcome) for attempt in attempts()] == [Refused]
    assert len(answering.requests) == 1


REFUSALS = {
    "from": refusing(403, 10204, "email.sending.error.email.sender_not_configured"),
    "disabled": refusing(403, 10203, "email.sending.error.email.sending_disabled"),
    "to": refusing(400, 10200, "email.sending.error.email.invalid"),
}


@pytest.mark.parametrize(
    ("answering", "field"),
    [(REFUSALS["from"], "#field-from"), (REFUSALS["disabled"], "#field-from"), (REFUSALS["to"], "#field-to")],
    indirect=["answering"],
)
async def test_a_refusal_goes_back_to_its_field(answering: FarEnd, field: str) -> None:
    """What Cloudflare refused is in the form again, with the cause at the field and its words in the results."""
    async with on_stage(LETTER) as stage:
        await stage.send()
        await stage.until("Refused")
        assert stage.draft == LETTER
        assert not stage.mail.is_busy
        assert stage.mail.query_one(field).has_class("-wrong")
        assert stage.mail.query_one(field).has_focus_within
        assert "Cloudflare's words" in stage.text()
        assert "reference 8f00aa-FRA" in stage.words()
    assert [request.line.split()[0] for request in answering.requests].count("POST") == 1
    assert drafts() == [LETTER]


@pytest.mark.parametrize("answering", [REFUSALS["from"]], indirect=True, ids=["from"])
async def test_a_refusal_of_a_mail_that_was_left(answering: FarEnd) -> None:
    """Refused while another mail was written, it says so in its line, and its field is marked when it is opened."""
    undo_send(600)
    async with on_stage(LETTER) as stage:
        await stage.send()
        await stage.press("ctrl+n")
        await stage.until(lambda: stage.draft.subject == "")
        stage.app.sending.departures.hurry(stage.app.sending.departures.mails[0])
        await stage.until("Refused, not sent “Hello”")
        await stage.press("f7", "enter")
        await stage.until(lambda: stage.draft == LETTER)
        await stage.until("the From domain is not set up for sending")
        assert stage.mail.query_one("#field-from").has_class("-wrong")


def cutting(exchange: Exchange) -> None:
    exchange.request()
    exchange.reset()


@pytest.mark.parametrize("answering", [cutting], indirect=True, ids=["cut"])
async def test_what_may_have_been_sent_is_not_tried_again(answering: FarEnd) -> None:
    """An unknown outcome waits for nothing and is never repeated by itself."""
    async with on_stage(LETTER) as stage:
        await stage.send()
        await stage.until("may have been sent")
        assert stage.app.sending.departures.mails == []
    assert [type(attempt.outcome) for attempt in attempts()] == [Unknown]
    assert len(answering.requests) == 1


class TestAgain:
    async def test_of_an_unknown_one(self, connected: Sandbox, held: Held) -> None:
        """The user says that it did not arrive and sends it again: the same body, linked, reviewed, once."""
        async with on_stage(LETTER) as stage:
            await stage.send()
            await stage.until("waiting for Cloudflare")
            await stage.press("ctrl+c", "down", "enter")
            await stage.until("may have been sent")
            held.release()
            await stage.press("f8")
            await stage.until("Unknown")
            await stage.press("s")
            await stage.until("nothing has left yet")
            assert "may have arrived already" in stage.words()
            await stage.press("y")
            await stage.until("Accepted")
            await stage.settled()
        assert [mail["subject"] for mail in held.requests] == ["Hello", "Hello"]
        assert held.far_end.requests[0].body == held.far_end.requests[1].body
        again, first = attempts()
        assert again.again_of == first.submission.attempt_id
        assert (type(again.outcome), first.settled) == (Accepted, False)
        assert drafts() == []

    async def test_not_of_what_was_accepted(self, held: Held) -> None:
        """What was accepted has no such key."""
        held.release()
        async with on_stage(LETTER) as stage:
            await stage.send()
            await stage.until("Accepted")
            await stage.press("f8")
            await stage.until("delivered")
            await stage.press("s")
            await stage.settled()
            assert "nothing has left yet" not in stage.text()
        assert len(held.requests) == 1

    async def test_changing_ones_mind(self, unreachable: Unreachable) -> None:
        """Leaving the review of a mail that is to be sent again sends nothing and leaves nothing behind."""
        async with on_stage(Draft()) as stage:
            stage.form.fill(LETTER)
            await fail(stage)
            await stage.press("u")
            await stage.until("is a draft again")
            await stage.press("f8")
            await stage.until("Not sent")
            await stage.press("s")
            await stage.until("nothing has left yet")
            await stage.press("q")
            await stage.gone("nothing has left yet")
            await stage.settled()
        assert len(attempts()) == 1
