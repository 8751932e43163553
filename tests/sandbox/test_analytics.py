"""POST /graphql: what became of the accepted mails, in the words of Cloudflare's analytics."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cfmail_tui.sandbox import Choices, Sandbox

Mail = Callable[..., dict[str, Any]]
START = datetime(2026, 11, 23, 12, tzinfo=UTC)

# The documented example, word for word but for the fields.
QUERY = """query RecentEmailEvents($zoneTag: string!, $start: Time!, $end: Time!) {
    viewer {
        zones(filter: { zoneTag: $zoneTag }) {
            emailSendingAdaptive(
                filter: { datetime_geq: $start, datetime_leq: $end } # a comment
                limit: 50
                orderBy: [datetime_DESC]
            ) {
                datetime from to envelopeTo subject status eventType sendingDomain messageId sessionId
                errorCause errorDetail dkim dmarc spf arc isSpam isNDR isLastEvent
            }
        }
    }
}"""


class Box:
    """A sandbox whose clock stands still until a test moves it, and a client for it."""

    def __init__(self, folder: Path, choices: Choices) -> None:
        self.now = START
        self.sandbox = Sandbox(folder, choices=choices, clock=lambda: self.now)
        header = {"Authorization": f"Bearer {self.sandbox.token}"}
        self.http = httpx.Client(base_url=self.sandbox.base_url, headers=header, trust_env=False, verify=False)

    def send(self, body: object, endpoint: str = "send") -> httpx.Response:
        return self.http.post(f"accounts/{self.sandbox.account_id}/email/sending/{endpoint}", json=body)

    def zone(self, name: str = "acme.example") -> str:
        (row,) = self.http.get("zones", params={"name": name}).json()["result"]
        return str(row["id"])

    def ask(self, query: str = QUERY, *, token: str = "", zone: str = "acme.example") -> httpx.Response:
        variables = {
            "zoneTag": self.zone(zone),
            "start": (self.now - timedelta(hours=1)).isoformat(),
            "end": (self.now + timedelta(hours=1)).isoformat(),
        }
        header = {"Authorization": f"Bearer {token or self.sandbox.token}"}
        return self.http.post("graphql", json={"query": query, "variables": variables}, headers=header)

    def events(self, query: str = QUERY, *, zone: str = "acme.example") -> list[dict[str, Any]]:
        answer = self.ask(query, zone=zone).json()
        assert answer["errors"] is None
        (found,) = answer["data"]["viewer"]["zones"]
        rows: list[dict[str, Any]] = found["emailSendingAdaptive"]
        return rows

    def error(self, query: str) -> str:
        answer = self.ask(query)
        body = answer.json()
        assert body["data"] is None
        assert body["errors"][0]["extensions"]["timestamp"] == "2026-11-23T12:00:00.000000Z"
        return f"{answer.status_code} {body['errors'][0]['message']}"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., Box]]:
    boxes: list[Box] = []

    def make(choices: Choices = Choices()) -> Box:  # noqa: B008 - frozen
        boxes.append(Box(tmp_path / f"box{len(boxes)}", choices))
        boxes[-1].sandbox.start()
        return boxes[-1]

    yield make
    for box in boxes:
        box.http.close()
        box.sandbox.stop()


@pytest.fixture
def still(made: Callable[..., Box]) -> Box:
    return made()


def changed(old: str, new: str) -> str:
    assert old in QUERY
    return QUERY.replace(old, new)


def test_an_accepted_mail_is_there(still: Box, mail: Mail) -> None:
    """Each recipient of an accepted mail has an event with the documented fields."""
    sent = still.send(mail(**{"from": {"address": "me@acme.example", "name": "Ann"}}, subject="Grüße")).json()
    (event,) = still.events()
    assert event.pop("sessionId")
    assert event == {
        "datetime": "2026-11-23T12:00:00Z",
        "from": '"Ann" <me@acme.example>',
        "to": "bob@example.net",
        "envelopeTo": "bob@example.net",
        "subject": "Grüße",
        "status": "delivered",
        "eventType": "newEmail",
        "sendingDomain": "acme.example",
        "messageId": sent["result"]["message_id"],
        "errorCause": "",
        "errorDetail": "",
        "dkim": "pass",
        "dmarc": "pass",
        "spf": "pass",
        "arc": "none",
        "isSpam": 0,
        "isNDR": 0,
        "isLastEvent": 1,
    }


def test_the_fate_of_each_recipient(made: Callable[..., Box], mail: Mail) -> None:
    """Bounces have failed, and what is queued is delivered when its time has come."""
    box = made(Choices(queue_seconds=90))
    box.send(mail(to=["bob@x.example", "bounce@x.example"], cc="queue@x.example"))
    fates = {row["envelopeTo"]: (row["status"], row["isLastEvent"]) for row in box.events()}
    assert fates == {
        "bob@x.example": ("delivered", 1),
        "bounce@x.example": ("deliveryFailed", 1),
        "queue@x.example": ("queued", 0),
    }
    box.now += timedelta(seconds=89)
    assert len(box.events()) == 3
    box.now += timedelta(seconds=1)
    newest = box.events()[0]
    assert (newest["envelopeTo"], newest["status"]) == ("queue@x.example", "delivered")
    assert newest["datetime"] == "2026-11-23T12:01:30Z"


def test_events_may_come_late(made: Callable[..., Box], mail: Mail) -> None:
    """With a lag nothing is there until it has passed."""
    box = made(Choices(analytics_lag=300))
    box.send(mail())
    box.now += timedelta(seconds=299)
    assert box.events() == []
    box.now += timedelta(seconds=1)
    assert len(box.events()) == 1


@pytest.mark.parametrize("local", ["cut", "halfanswer", "badjson", "oldshape", "slow-0"])
def test_what_was_kept_is_there_whatever_was_answered(still: Box, mail: Mail, local: str) -> None:
    """A mail whose answer was lost or garbled is found."""
    try:
        still.send(mail(to=f"{local}@example.net"))
    except httpx.RemoteProtocolError:
        assert local in {"cut", "halfanswer"}
    assert [row["envelopeTo"] for row in still.events()] == [f"{local}@example.net"]


@pytest.mark.parametrize("local", ["throttle", "error500", "error503", "html502", "success-false", "suppressed"])
def test_what_was_refused_is_not_there(still: Box, mail: Mail, local: str) -> None:
    """A mail that was not kept leaves no event."""
    still.send(mail(to=["bob@example.net", f"{local}@example.net"]))
    assert still.events() == []


def test_a_raw_mail_is_there_by_its_header(still: Box) -> None:
    """From and subject are those of the source, decoded and unfolded; the recipient is the envelope's."""
    source = "From: =?utf-8?q?J=C3=B6?= <jo@acme.example>\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\n and more\r\n\r\nHi"
    body = {"from": "list@acme.example", "recipients": ["bob@example.net"], "mime_message": source}
    assert still.send(body, "send_raw").status_code == 200
    (event,) = still.events()
    assert event["from"] == "Jö <jo@acme.example>"
    assert event["subject"] == "Grüße and more"
    body["mime_message"] = "From: a@acme.example\r\nSubject: =?nonsense?b?R3L?=\r\n\r\nHi"
    assert still.send(body, "send_raw").status_code == 200
    assert "=?nonsense?b?R3L?=" in {row["subject"] for row in still.events()}


def test_a_mail_belongs_to_one_zone(made: Callable[..., Box], mail: Mail) -> None:
    """The zone with the longest name that fits has the events, no other has them."""
    box = made(Choices(zones=("acme.example", "news.acme.example", "cme.example")))
    for sender in ("a@acme.example", "b@x.news.acme.example", "c@deep.acme.example", "d@elsewhere.example"):
        assert box.send(mail(**{"from": sender})).status_code == 200
    found = {zone: sorted(row["from"] for row in box.events(zone=zone)) for zone in ("acme.example", "cme.example")}
    assert found == {"acme.example": ["a@acme.example", "c@deep.acme.example"], "cme.example": []}
    assert [row["from"] for row in box.events(zone="news.acme.example")] == ["b@x.news.acme.example"]


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ('subject: "Hello"', 2),
        ('subject_neq: "Hello"', 1),
        ('from: "me@acme.example"', 3),
        ('to_in: ["bob@example.net", "eve@example.net"]', 2),
        ('envelopeTo_notin: ["bob@example.net"]', 2),
        ('from_like: "%@acme.example"', 3),
        ('from_like: "acme%"', 0),
        ('messageId: "<nobody@acme.example>"', 0),
        ("isLastEvent: 0", 0),
        ('datetime_gt: "2026-11-23T12:00:00Z"', 0),
        ('datetime_lt: "2026-11-23T13:30:01+01:00"', 3),
    ],
)
def test_filters(still: Box, mail: Mail, condition: str, count: int) -> None:
    """Every field can be filtered by, with the API's endings."""
    still.send(mail())
    still.send(mail(to="eve@example.net"))
    still.send(mail(to="carl@example.net", subject="Other"))
    assert len(still.events(changed("datetime_geq: $start", f"datetime_geq: $start, {condition}"))) == count


def test_order_limit_and_alias(still: Box, mail: Mail) -> None:
    """Events come in the order that was asked for, up to the limit, under the names that were asked for."""
    for number in range(3):
        still.now += timedelta(seconds=1)
        still.send(mail(subject=str(number)))
    query = """query ($zoneTag: string!, $start: Time!, $end: Time!, $many: uint64 = 2) { v: viewer { z: zones(filter: {
      zoneTag_in: [$zoneTag]}) { zoneTag mails: emailSendingAdaptive(filter: {datetime_geq: $start, datetime_leq: $end},
      limit: $many, orderBy: [status_ASC, datetime_ASC]) { what: subject } } } }"""
    assert still.ask(query).json()["data"] == {
        "v": {"z": [{"zoneTag": still.zone(), "mails": [{"what": "0"}, {"what": "1"}]}]}
    }


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("no_analytics", (403, "authz")),
        ("no_read", (403, "authz")),
        ("expired", (401, None)),
        ("no_send", (200, "")),
        ("account", (200, "")),
    ],
)
def test_rights(still: Box, kind: str, expected: tuple[int, str | None]) -> None:
    """A token without Analytics Read is told that the zone is not authorized, an invalid one Unauthorized."""
    answer = still.ask(token=still.sandbox.add_token(kind))
    errors = answer.json()["errors"]
    assert (answer.status_code, errors[0]["extensions"].get("code") if errors else "") == expected
    if expected == (403, "authz"):
        assert errors[0]["message"] == f"zones [{still.zone()}] are not authorized"
        assert errors[0]["path"] == ["viewer", "zones"]


def test_a_denial_may_come_with_200(made: Callable[..., Box]) -> None:
    """As a choice, the error comes with 200, as GraphQL errors do."""
    box = made(Choices(analytics_denial=200))
    answer = box.ask(token=box.sandbox.add_token("no_analytics"))
    assert answer.status_code == 200
    assert "not authorized" in answer.json()["errors"][0]["message"]


def test_somebody_elses_zone(still: Box) -> None:
    """A zone that is not the account's is not authorized."""
    assert still.error(changed("zoneTag: $zoneTag", f'zoneTag: "{"0" * 32}"')).startswith("403 zones [000")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "400 error parsing query: unexpected end"),
        ("{", "400 error parsing query: unexpected end"),
        ("{ viewer", "400 error parsing query: unexpected end"),
        ("query (", "400 error parsing query: unexpected end"),
        ("{ }", "400 error parsing query: a selection is empty"),
        ("mutation { viewer { zones } }", "400 error parsing query: 'mutation' is not a query"),
        ("{ ...F } fragment F on Query { viewer }", "400 error parsing query: fragments"),
        ("{ viewer @skip(if: true) { zones } }", "400 error parsing query: fragments"),
        ("{ viewer { zones } } { viewer }", "400 error parsing query: unexpected '{' after"),
        ("query Q($a: string!) { viewer { zones } }", "400 error parsing query: variable $a is not given"),
        ("{ viewer { zones(filter: $b) { zoneTag } } }", "400 error parsing query: variable $b is not defined"),
        ('{ viewer { zones(filter: """x""") } }', "400 error parsing query: unexpected '\"'"),
        ("{ viewer { zones(filter: ;) } }", "400 error parsing query: unexpected ';'"),
        ('{ viewer { zones(filter: "\\q") } }', "400 error parsing query: not a value"),
        ("{" + "a{" * 40, "400 error parsing query: the query is nested too deep"),
        ("{ viewer { zones(filter: " + "[" * 40, "400 error parsing query: the query is nested too deep"),
        ("{ cost }", '200 unknown field "cost"'),
        ("{ viewer }", "200 viewer must have a selection"),
        ("{ viewer { accounts { x } } }", '200 unknown field "accounts"'),
        ("{ viewer { zones { x } } }", "200 error parsing args for zones"),
        ("{ viewer { zones(page: 1) { x } } }", "200 error parsing args for zones: unknown arg page"),
        (changed("emailSendingAdaptive(", "emailRoutingAdaptive("), '200 unknown field "emailRoutingAdaptive"'),
        (changed("isNDR", "isFun"), '200 unknown field "isFun"'),
        (changed("limit: 50", "limit: 10001"), "200 limit must be positive number"),
        (changed("limit: 50", ""), "200 limit must be positive number"),
        (changed("datetime_DESC", "datetime"), "200 error parsing args: orderBy"),
        (changed("filter: { datetime_geq: $start, datetime_leq: $end }", ""), "200 a filter with a range"),
        (changed("datetime_leq: $end", "OR: []"), "200 error parsing args: OR"),
        (changed("datetime_leq: $end", 'isSpam: "no"'), "200 error parsing args: isSpam"),
        (changed("datetime_geq: $start", 'datetime_geq: "soon"'), "200 error parsing args: 'soon' is not a time"),
        (
            changed("datetime_geq: $start", 'datetime_geq: "2026-10-01T00:00:00Z"'),
            "200 cannot request data older than 2678400s",
        ),
    ],
)
def test_what_is_not_known_is_an_error(still: Box, query: str, message: str) -> None:
    """Anything but the one shape is answered with a GraphQL error that says what is wrong, and data null."""
    assert still.error(query).startswith(message)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"query": 1}', b'{"query": "{ a }", "variables": [1]}'])
def test_a_body_that_is_no_question(still: Box, body: bytes) -> None:
    """A request that holds no query is 400, in the form of a GraphQL error."""
    answer = still.http.post("graphql", content=body)
    assert (answer.status_code, answer.json()["data"]) == (400, None)


def test_the_gateway_comes_first(still: Box) -> None:
    """A malformed credential is the gateway's error, as on every endpoint."""
    answer = still.http.post("graphql", json={"query": QUERY}, headers={"Authorization": "Bearer 'x'"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, 6003)
