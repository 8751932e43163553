"""Looking for a mail that may have been sent: over real sockets, at the sandbox and at far ends that misbehave."""

import io
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.api import ANSWER_LIMIT, Cancellation, Client, Timeouts
from cfmail_tui.lookup import FOLLOWING, LAG, QUERY, CannotTell, Doubt, Found, NotFound, Track, Verdict
from cfmail_tui.sandbox import Choices, Sandbox
from cfmail_tui.submission import (
    ApiToken,
    Credential,
    Endpoint,
    Envelope,
    GlobalKey,
    Outcome,
    Refused,
    Secret,
    Submission,
    Unknown,
)
from tests.edge.fault_server import (
    ACCOUNT_ID,
    BODY,
    PATIENCE,
    TOKEN,
    Behaviour,
    Exchange,
    FarEnd,
    answering,
    closed_port,
    dripping,
    http_answer,
    saying,
    shown,
    submission_of,
    tunnelling,
)

STARTED: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER: Final = STARTED + timedelta(hours=1)
ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"


# At the sandbox.


class Place:
    """A sandbox and a client on one clock that only the test moves; it starts near the real one, which is in Date."""

    def __init__(self, folder: Path, choices: Choices, *, global_key: bool = False) -> None:
        self.now = self.started = datetime.now(UTC)
        self.sandbox = Sandbox(folder, choices=choices, clock=lambda: self.now, global_key=global_key)

    def client(self, credential: Credential | None = None) -> Client:
        found = credential or ApiToken(self.sandbox.token)
        return Client(self.sandbox.base_url, found, clock=lambda: self.now)

    def submission(
        self, *to: str, sender: str = "me@acme.example", subject: str = "Hi", endpoint: Endpoint = "send"
    ) -> tuple[Submission, bytes]:
        if endpoint == "send":
            body = json.dumps({"from": sender, "to": to, "subject": subject, "text": "Hi"}).encode()
        else:
            source = f"From: Ann <ann@acme.example>\r\nSubject: {subject}\r\n\r\nHi"
            body = json.dumps({"from": sender, "recipients": to, "mime_message": source}).encode()
        made = replace(submission_of(body, endpoint), account_id=self.sandbox.account_id, subject=subject)
        return replace(made, envelope=Envelope(sender, to)), body

    def send(
        self, *to: str, sender: str = "me@acme.example", endpoint: Endpoint = "send"
    ) -> tuple[Submission, Outcome]:
        submission, body = self.submission(*to, sender=sender, endpoint=endpoint)
        return submission, self.client().submit(submission, io.BytesIO(body))

    def find(self, submission: Submission, credential: Credential | None = None) -> Verdict:
        return self.client(credential).find(submission, self.started)


@pytest.fixture
def placed(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    places: list[Place] = []

    def make(*, global_key: bool = False, **choices: object) -> Place:
        places.append(Place(tmp_path / f"box{len(places)}", Choices(**choices), global_key=global_key))  # type: ignore[arg-type]
        places[-1].sandbox.start()
        return places[-1]

    yield make
    for place in places:
        place.sandbox.stop()


def tracks(found: Verdict) -> dict[str, Track]:
    assert isinstance(found, Found)
    return {sighting.recipient: sighting.track for sighting in found.sightings}


@pytest.mark.parametrize("endpoint", ["send", "send_raw"])
@pytest.mark.parametrize("local", ["cut", "halfanswer", "badjson"])
def test_a_mail_whose_answer_was_lost_is_found(placed: Callable[..., Place], local: str, endpoint: Endpoint) -> None:
    """What the sandbox took and did not say is unknown first and found then, for both endpoints."""
    place = placed()
    submission, outcome = place.send(f"{local}@example.net", "bob@example.net", endpoint=endpoint)
    assert isinstance(outcome, Unknown)
    found = place.find(submission)
    assert tracks(found) == {f"{local}@example.net": Track.DELIVERED, "bob@example.net": Track.DELIVERED}
    assert isinstance(found, Found)
    assert found.copies == 1
    assert len(found.message_ids) == 1


@pytest.mark.parametrize("local", ["html502", "error500", "throttle"])
def test_a_mail_that_was_never_taken_is_not_found(placed: Callable[..., Place], local: str) -> None:
    """What the sandbox did not take cannot be told at once, and is not there when the records have had their time."""
    place = placed()
    submission, outcome = place.send(f"{local}@example.net")
    assert isinstance(outcome, Unknown | Refused)
    soon = place.find(submission)
    assert isinstance(soon, CannotTell)
    assert soon.doubt is Doubt.TOO_SOON
    # The age counts by the real clock of the answer's Date as well, so that it is the attempt that is put back.
    place.started -= LAG + timedelta(seconds=5)
    late = place.find(submission)
    assert late == NotFound("acme.example")


def test_the_fate_of_each_recipient_is_found(placed: Callable[..., Place]) -> None:
    """Bounces have failed, queued mail is seen and later delivered, what is not there yet is unseen."""
    place = placed(queue_seconds=60)
    submission, _ = place.send("cut@example.net", "bounce@example.net", "queue@example.net")
    assert tracks(place.find(submission)) == {
        "cut@example.net": Track.DELIVERED,
        "bounce@example.net": Track.FAILED,
        "queue@example.net": Track.SEEN,
    }
    place.now += timedelta(minutes=2)
    assert tracks(place.find(submission))["queue@example.net"] is Track.DELIVERED


def test_records_that_lag_are_waited_for(placed: Callable[..., Place]) -> None:
    """Before its events are there a mail is not called lost; when they are, it is found."""
    place = placed(analytics_lag=600)
    submission, _ = place.send("cut@example.net")
    soon = place.find(submission)
    assert isinstance(soon, CannotTell)
    assert soon.doubt is Doubt.TOO_SOON
    assert soon.wait is not None
    place.now += timedelta(minutes=11)
    assert tracks(place.find(submission)) == {"cut@example.net": Track.DELIVERED}


def test_the_zone_with_the_longest_name_is_asked(placed: Callable[..., Place]) -> None:
    """A mail from a subdomain is found in the zone of its own, or in the one above."""
    place = placed(zones=("acme.example", "news.acme.example"))
    for sender in ("a@deep.news.acme.example", "b@other.acme.example"):
        submission, _ = place.send("cut@example.net", sender=sender)
        assert tracks(place.find(submission)) == {"cut@example.net": Track.DELIVERED}


def test_a_sender_of_no_zone(placed: Callable[..., Place]) -> None:
    """A domain whose zone the token cannot see is a doubt that names the domain."""
    place = placed()
    submission, _ = place.send("cut@example.net", sender="me@elsewhere.example")
    found = place.find(submission)
    assert isinstance(found, CannotTell)
    assert found.doubt is Doubt.NO_ZONE
    assert "elsewhere.example" in found.reason


@pytest.mark.parametrize("denial", [200, 403])
@pytest.mark.parametrize(
    ("kind", "doubt"), [("no_analytics", Doubt.NO_RIGHT), ("no_read", Doubt.NO_ZONE), ("expired", Doubt.NO_RIGHT)]
)
def test_a_token_without_the_right(placed: Callable[..., Place], kind: str, doubt: Doubt, denial: int) -> None:
    """A token that may not look says so, in the words for the right that is missing."""
    place = placed(analytics_denial=denial)
    submission, _ = place.send("cut@example.net")
    found = place.find(submission, ApiToken(place.sandbox.add_token(kind)))
    assert isinstance(found, CannotTell)
    assert found.doubt is doubt


def test_the_global_key_may_look(placed: Callable[..., Place]) -> None:
    """The older pair of credentials can ask as well."""
    place = placed(global_key=True)
    submission, _ = place.send("cut@example.net")
    key = GlobalKey(place.sandbox.email, Secret(place.sandbox.global_key))
    assert tracks(place.find(submission, key)) == {"cut@example.net": Track.DELIVERED}


def test_looking_changes_nothing(placed: Callable[..., Place]) -> None:
    """To look twice gives the same and sends nothing."""
    place = placed()
    submission, _ = place.send("cut@example.net")
    assert place.find(submission) == place.find(submission)
    assert len(place.sandbox.messages()) == 1


# At a far end.

ZONE: Final = json.dumps({"success": True, "result": [{"id": "z" * 32, "name": "example.com"}]})
EVENT: Final = {
    "datetime": "2026-11-23T12:00:01Z",
    "from": "ann@example.com",
    "envelopeTo": "bob@example.net",
    "subject": "Hi",
    "status": "deliveryFailed",
    "errorDetail": f"told by {TOKEN} of {ACCOUNT_ID}",
}


def records(*rows: object) -> str:
    return json.dumps({"data": {"viewer": {"zones": [{"emailSendingAdaptive": rows}]}}, "errors": None})


def zone_then(second: Behaviour) -> Behaviour:
    """Knows the zone, and treats the query as told."""

    def behave(exchange: Exchange) -> None:
        if exchange.far_end.connections == 1:
            exchange.request()
            exchange.send(http_answer(200, ZONE))
        else:
            second(exchange)

    return behave


def find(
    base_url: str,
    *,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
    proxy: str | None = None,
    verify: ssl.SSLContext | None = None,
    cancellation: Cancellation | None = None,
) -> Verdict:
    """The verdict on one mail; no verdict of any test may name the credential or the account."""
    with Client(
        base_url, ApiToken(TOKEN), timeouts=timeouts, proxy=proxy, verify=verify, clock=lambda: LATER
    ) as client:
        found = client.find(submission_of(BODY), STARTED, cancellation=cancellation)
    assert TOKEN not in shown(found)
    assert ACCOUNT_ID not in shown(found)
    return found


def test_what_is_asked() -> None:
    """Two requests, each on a connection of its own: the zone by its name, then its events around the attempt."""
    with FarEnd(zone_then(answering(200, records(EVENT)))) as far_end:
        found = find(far_end.base_url)
    assert tracks(found) == {"bob@example.net": Track.FAILED}
    assert isinstance(found, Found)
    assert found.sightings[0].detail == "told by … of …"
    zones, query = far_end.requests
    assert zones.line == f"GET /client/v4/zones?account.id={ACCOUNT_ID}&name=example.com HTTP/1.1"
    assert (zones.body, zones.field("Content-Type")) == (b"", None)
    assert query.line == "POST /client/v4/graphql HTTP/1.1"
    assert query.field("Authorization") == f"Bearer {TOKEN}"
    assert json.loads(query.body) == {
        "query": QUERY,
        "variables": {"zoneTag": "z" * 32, "start": "2026-11-23T11:55:00Z", "end": "2026-11-23T13:05:00Z"},
    }
    assert far_end.connections == 2


def test_a_wrong_clock_is_noticed() -> None:
    """The server's Date widens the window, and a clock put forward does not make a mail lost."""
    date = {"Date": "Mon, 23 Nov 2026 12:10:00 GMT"}

    def behave(exchange: Exchange) -> None:
        exchange.request()
        body = ZONE if exchange.far_end.connections == 1 else records()
        exchange.send(http_answer(200, body, date))

    with FarEnd(behave) as far_end:
        found = find(far_end.base_url)
    assert isinstance(found, CannotTell)
    assert (found.doubt, found.wait) == (Doubt.TOO_SOON, 600.0)
    variables = json.loads(far_end.requests[1].body)["variables"]
    assert (variables["start"], variables["end"]) == ("2026-11-23T11:05:00Z", "2026-11-23T13:05:00Z")


def hang_up(exchange: Exchange) -> None:
    exchange.request()
    exchange.reset()


def silent(exchange: Exchange) -> None:
    exchange.request()
    exchange.hold()


LIMITS: Final = Timeouts(read=0.3, answer=0.6)
FAULTS: Final[dict[str, tuple[Behaviour, str]]] = {
    "hangs up": (hang_up, "the connection was cut before an answer came"),
    "silent": (silent, "no answer within 0.3 s"),
    "drips": (dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"), "no complete answer within 0.6 s"),
    "half": (saying(http_answer(200, "x" * 99)[:-9]), "the answer broke off (HTTP 200)"),
    "not HTTP": (saying(b"SSH-2.0\r\n\r\n"), "the answer is not HTTP"),
    "too long": (answering(200, b" " * (ANSWER_LIMIT + 1)), "the answer is over 1 MiB"),
    "redirect": (answering(307, "", {"Location": "http://127.0.0.1:1/"}), "the answer is a redirect (HTTP 307)"),
    "HTML": (answering(502, "<html>"), "the answer is not JSON (HTTP 502)"),
    "error": (answering(500, '{"errors": [{"message": "oops"}]}'), "oops (HTTP 500)"),
    "echo": (answering(500, json.dumps({"errors": [{"message": TOKEN + ACCOUNT_ID}]})), "…… (HTTP 500)"),
}


@pytest.mark.parametrize("question", ["zone", "events"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_wire_cannot_tell(fault: str, question: str) -> None:
    """Whatever the far end does, at either question: no exception, in time, asked once, and the reason told."""
    behaviour, reason = FAULTS[fault]
    with FarEnd(behaviour if question == "zone" else zone_then(behaviour)) as far_end:
        found = find(far_end.base_url, timeouts=LIMITS)
    assert found == CannotTell(Doubt.NO_ANSWER, reason)
    assert far_end.connections == (1 if question == "zone" else 2)


def test_a_busy_far_end_says_when(server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """429 gives its time to wait."""
    with FarEnd(zone_then(answering(429, "slow down", {"Retry-After": "300"})), server_tls) as far_end:
        found = find(far_end.base_url, verify=trusting)
    assert found == CannotTell(Doubt.NO_ANSWER, "the answer is not JSON (HTTP 429)", 300.0)


def test_no_way_to_the_far_end(server_tls: ssl.SSLContext) -> None:
    """Nobody there, a name that does not exist, a certificate that is not trusted: nothing can be told."""
    port = closed_port()
    assert find(f"http://127.0.0.1:{port}") == CannotTell(Doubt.NO_ANSWER, f"nothing listens at 127.0.0.1:{port}")
    unnamed = find("https://no-such-host.invalid")
    assert unnamed == CannotTell(Doubt.NO_ANSWER, "the name no-such-host.invalid could not be found")
    with FarEnd(answering(200, ZONE), server_tls) as far_end:
        untrusted = find(far_end.base_url)
    assert isinstance(untrusted, CannotTell)
    assert "not trusted" in untrusted.reason
    assert not far_end.requests


def test_a_proxy_carries_the_questions(server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """Through a proxy as well, which sees neither token nor account; one that refuses is named."""
    with (
        FarEnd(zone_then(answering(200, records(EVENT))), server_tls) as far_end,
        FarEnd(tunnelling(ESTABLISHED, far_end.port)) as proxy,
        FarEnd(tunnelling(http_answer(403))) as closed,
    ):
        found = find(far_end.base_url, proxy=f"http://127.0.0.1:{proxy.port}", verify=trusting)
        refused = find(far_end.base_url, proxy=f"http://127.0.0.1:{closed.port}", verify=trusting)
    assert tracks(found) == {"bob@example.net": Track.FAILED}
    assert refused == CannotTell(Doubt.NO_ANSWER, f"the proxy 127.0.0.1:{closed.port} refused (HTTP 403)")
    assert {request.line.partition(" ")[0] for request in proxy.requests} == {"CONNECT"}


def test_all_questions_share_one_limit_of_time() -> None:
    """Many slow answers, each within its time, do not add up."""

    def behave(exchange: Exchange) -> None:
        exchange.request()
        exchange.far_end.over.wait(0.25)
        exchange.send(http_answer(200, '{"success": true, "result": []}'))

    submission = replace(submission_of(BODY), envelope=Envelope(f"a@{'x.' * 40}example.com", ("bob@example.net",)))
    with FarEnd(behave) as far_end:
        client = Client(far_end.base_url, ApiToken(TOKEN), timeouts=Timeouts(answer=0.6), clock=lambda: LATER)
        found = client.find(submission, STARTED)
    assert found == CannotTell(Doubt.NO_ANSWER, "no complete answer within 0.6 s")
    assert far_end.connections <= 4


def test_looking_can_be_stopped() -> None:
    """Cancelling wakes a look-up that waits, and one that is cancelled before asks nothing."""
    asked = threading.Event()

    def waiting(exchange: Exchange) -> None:
        exchange.request()
        asked.set()
        exchange.hold()

    with FarEnd(zone_then(waiting)) as far_end, ThreadPoolExecutor(1) as pool:
        cancellation = Cancellation()
        future = pool.submit(find, far_end.base_url, cancellation=cancellation)
        assert asked.wait(PATIENCE)
        cancellation.cancel()
        assert future.result(PATIENCE) == CannotTell(Doubt.NO_ANSWER, "stopped waiting for the answer")
        again = find(far_end.base_url, cancellation=cancellation)
        assert again == CannotTell(Doubt.NO_ANSWER, "cancelled before the whole question had left")
        far_end.over.set()
    assert far_end.connections == 2


def test_a_mail_is_followed_by_its_id() -> None:
    """Of an accepted mail the records are asked by its message id, up to now."""
    with (
        FarEnd(zone_then(answering(200, records(EVENT)))) as far_end,
        Client(far_end.base_url, ApiToken(TOKEN), clock=lambda: LATER) as client,
    ):
        found = client.follow(submission_of(BODY), "<1@example.com>", STARTED)
        asked = json.loads(far_end.requests[1].body)
    assert asked["query"] == FOLLOWING
    assert asked["variables"]["ids"] == ["1@example.com", "<1@example.com>"]
    assert isinstance(found, Found | NotFound)
    assert far_end.connections == 2


def test_records_that_cannot_be_asked_by_id() -> None:
    """Where the records do not know such a filter they are asked by time, and the mail is picked out here."""

    def second_thoughts(exchange: Exchange) -> None:
        request = exchange.request()
        if b"messageId_in" in request.body:
            errors: list[object] = [{"message": "error parsing args: unknown arg messageId_in", "path": None}]
            exchange.send(http_answer(200, json.dumps({"data": None, "errors": errors})))
        else:
            exchange.send(http_answer(200, records(EVENT)))

    with (
        FarEnd(zone_then(second_thoughts)) as far_end,
        Client(far_end.base_url, ApiToken(TOKEN), clock=lambda: LATER) as client,
    ):
        found = client.follow(submission_of(BODY), "<1@example.com>", STARTED)
    assert not isinstance(found, CannotTell)
    assert far_end.connections == 3
