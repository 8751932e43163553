"""What a credential is and may do, asked over real sockets: at the sandbox, and at far ends that misbehave."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import trustme

from cfmail_tui.api import Cancellation, Client, Timeouts
from cfmail_tui.api import inspect as inspecting
from cfmail_tui.inspection import Inspection, SendingDomain, What
from cfmail_tui.sandbox import Choices, Sandbox
from cfmail_tui.submission import ApiToken, Credential, GlobalKey, Secret
from tests.edge.conftest import certified
from tests.edge.fault_server import (
    ACCOUNT_ID,
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
    tunnelling,
)

Box = Callable[..., Sandbox]
ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"


# At the sandbox.


@pytest.fixture
def boxed(tmp_path: Path) -> Iterator[Box]:
    boxes: list[Sandbox] = []

    def make(*, global_key: bool = False, **choices: Any) -> Sandbox:
        boxes.append(Sandbox(tmp_path / f"box{len(boxes)}", choices=Choices(**choices), global_key=global_key))
        boxes[-1].start()
        return boxes[-1]

    yield make
    for box in boxes:
        box.stop()


def look(box: Sandbox, credential: Credential | None = None, account_id: str = "") -> Inspection:
    found = Client(box.base_url, credential or ApiToken(box.token)).inspect(account_id)
    assert box.account_id not in shown(found, found.verdict)
    return found


def subjects(found: Inspection) -> set[What]:
    return {remark.what for remark in found.remarks}


@pytest.mark.parametrize(
    ("kind", "token", "status", "may_send", "can_send"),
    [
        ("user", "user", "active", True, True),
        ("account", "account", "active", True, True),
        ("expired", "user", "expired", None, False),
        ("disabled", "user", "disabled", None, False),
        ("no_send", "user", "active", False, False),
        ("no_read", "user", "active", True, True),
        ("wrong_type", "user", "active", False, False),
        ("nobody's", "unknown", "invalid", None, False),
    ],
)
def test_each_kind_of_token(
    boxed: Box, kind: str, token: str, status: str, may_send: bool | None, can_send: bool
) -> None:
    """Kind, status and the right to send of every token that can be pasted by mistake, and of the right ones."""
    box = boxed()
    found = look(box, ApiToken("x" * 40 if kind == "nobody's" else box.add_token(kind)), box.account_id)
    assert (found.token.kind, found.token.status, found.may_send) == (token, status, may_send)
    assert found.verdict.can_send is can_send
    assert bool(found.verdict.action) is not can_send
    assert found.account_id == box.account_id


def test_a_good_token_learns_everything(boxed: Box) -> None:
    """Account, domains, verified addresses and quota are told without typing an account id, and without a remark."""
    box = boxed(daily_quota=500)
    found = look(box)
    assert found.account_id == box.account_id
    assert [account.name for account in found.accounts] == ["Sandbox"]
    assert [(domain.name, domain.zone, domain.enabled, domain.status) for domain in found.domains] == [
        ("acme.example", "acme.example", True, "ready"),
        ("news.acme.example", "acme.example", True, "ready"),
        ("globex.example", "globex.example", True, "ready"),
        ("disabled.example", "disabled.example", False, "unconfigured"),
    ]
    assert found.verified == ("me@verified.example",)
    assert found.quota is not None
    assert (found.quota.limit, found.quota.unit, found.quota.sent) == (500, "day", 0)
    assert found.quota.resets_at is not None
    assert found.remarks == ()
    assert found.skew is not None
    assert abs(found.skew) < 60
    assert found.verdict.words == "mail can be sent from acme.example, news.acme.example, globex.example"


def test_the_global_key(boxed: Box) -> None:
    """The older pair is told as what it is, learns all, and is invalid where the sandbox does not take it."""
    box = boxed(global_key=True)
    key = GlobalKey(box.email, Secret(box.global_key))
    found = look(box, key)
    assert (found.token.kind, found.token.status, found.may_send) == ("global key", "active", True)
    assert len(found.domains) == 4
    refused = look(boxed(), key)
    assert (refused.token.kind, refused.token.status) == ("global key", "invalid")


def test_the_owners_address_may_be_a_verified_one(boxed: Box) -> None:
    """The e-mail address of a global key stands among the verified ones as it is."""
    box = boxed(global_key=True)
    again = boxed(global_key=True, verified_addresses=(box.email, "x@y.example"))
    found = look(again, GlobalKey(again.email, Secret(again.global_key)))
    assert found.verified == (box.email, "x@y.example")
    assert again.email == box.email


def test_a_token_that_sees_no_account(boxed: Box) -> None:
    """Without an account id it is asked for; with it, the right to send is learned and the rest is remarked on."""
    box = boxed()
    token = ApiToken(box.add_token("no_read"))
    found = look(box, token)
    assert (found.account_id, found.may_send, subjects(found)) == ("", None, {What.ACCOUNT})
    assert "type the account ID" in found.verdict.action
    found = look(box, token, box.account_id)
    assert found.may_send is True
    assert subjects(found) == {What.DOMAINS, What.ADDRESSES, What.QUOTA}


@pytest.mark.parametrize("kind", ["user", "account"])
def test_a_wrong_account_id(boxed: Box, kind: str) -> None:
    """An id that is not the token's is said to be so, once, and not held against the token."""
    box = boxed()
    found = look(box, ApiToken(box.add_token(kind)), "f" * 32)
    assert (found.token.status, found.may_send) == ("active", None)
    assert [remark.what for remark in found.remarks] == [What.ACCOUNT]
    assert found.verdict.action == "check the account ID"


@pytest.mark.parametrize("named", [True, False])
def test_domains_whose_records_are_not_right(boxed: Box, named: bool) -> None:
    """What is missing is there to be copied, whether the API names it or only says so; the rest is told in words."""
    box = boxed(
        zones=("acme.example",),
        sending_domains=("acme.example", "a.acme.example", "b.acme.example"),
        disabled_domains=(),
        dns_faults=(
            ("acme.example", "mx.missing"),
            ("acme.example", "dkim.missing"),
            ("a.acme.example", "spf.multiple"),
        ),
        unlocked_domains=("b.acme.example",),
        dns_names_missing=named,
    )
    apex, first, second = look(box).domains
    assert (apex.status, first.status, second.status) == ("misconfigured", "misconfigured", "unlocked")
    assert [(record.type, record.priority) for record in apex.missing] == [
        ("MX", 10),
        ("MX", 20),
        ("MX", 30),
        ("TXT", None),
    ]
    assert apex.missing[3].name == "cf-bounce._domainkey.acme.example"
    assert set(apex.faults) == {"its MX record is missing", "its DKIM record is missing"}
    assert (first.missing, first.faults) == ((), ("it has more than one SPF record and may have only one",))
    assert second.is_ready


def test_an_account_without_sending_domains(boxed: Box) -> None:
    """It is told what to do, and to whom mail can go all the same."""
    verdict = look(boxed(sending_domains=(), disabled_domains=(), verified_addresses=())).verdict
    assert (verdict.can_send, verdict.words) == (False, "the account has no sending domain")
    verdict = look(boxed(sending_domains=(), disabled_domains=())).verdict
    assert verdict.can_send is None
    assert "verified addresses only" in verdict.words


def test_long_lists_are_cut_and_said(boxed: Box) -> None:
    """No more than 50 zones and 200 addresses are asked for; that there are more is a remark."""
    zones = tuple(f"z{number}.example" for number in range(53))
    addresses = tuple(f"n{number}@verified.example" for number in range(201))
    found = look(boxed(zones=zones, sending_domains=zones, disabled_domains=(), verified_addresses=addresses))
    assert len(found.domains) == 50
    assert found.verified == addresses[:200]
    assert [remark.words for remark in found.remarks] == [
        "there are 53 zones, only 50 were looked at",
        "there are 201 verified addresses, only 200 were looked at",
    ]


def test_looking_changes_nothing(boxed: Box) -> None:
    """To look twice gives the same, but for the clock, and nothing was sent."""
    box = boxed()
    first, second = look(box), look(box)
    assert (first.token, first.domains, first.quota) == (second.token, second.domains, second.quota)
    assert box.messages() == []


def test_a_wrong_base_url(boxed: Box) -> None:
    """A path that is not the API's is recognized by the first question."""
    found = Client(f"{boxed().base_url}/nothing", ApiToken(TOKEN)).inspect()
    assert found.verdict.words == "the base URL does not lead to Cloudflare's API"
    assert subjects(found) == {What.CONNECTION}


# At a far end.


def success(result: object, fields: Mapping[str, str] = {}) -> bytes:
    return http_answer(200, json.dumps({"success": True, "result": result}), fields)


def failure(status: int, code: object, message: str = "", fields: Mapping[str, str] = {}) -> bytes:
    return http_answer(status, json.dumps({"success": False, "errors": [{"code": code, "message": message}]}), fields)


ACTIVE: Final = success({"id": "1", "status": "active"})
WORDS: Final[dict[str, bytes]] = {
    "/user/tokens/verify": ACTIVE,
    "/accounts?": success([{"id": ACCOUNT_ID, "name": "Ann"}]),
    "/email/sending/suppressions": success([]),
    "/email/sending/zones": success([{"id": "z1", "name": "example.com"}]),
    "/email/sending/limits": success({"quota": None, "usage": None}),
    "/email/routing/addresses": success([]),
    "/subdomains?": success([{"tag": "t1", "name": "example.com", "enabled": True}]),
    "/dns/status": success({"status": "ready", "errors": []}),
}
"""What a good far end says, by a part of the path."""


def api(changed: Mapping[str, bytes | Behaviour] = {}) -> Behaviour:
    """A far end that knows every question, and answers some as told."""

    def behave(exchange: Exchange) -> None:
        path = exchange.peek().line.split()[1]
        table = {**WORDS, **changed}
        found = next((table[part] for part in table if part in path), failure(404, 7003))
        (saying(found) if isinstance(found, bytes) else found)(exchange)

    return behave


def inspect(
    base_url: str,
    account_id: str = "",
    *,
    credential: Credential = ApiToken(TOKEN),  # noqa: B008 - frozen
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
    proxy: str | None = None,
    verify: ssl.SSLContext | None = None,
    cancellation: Cancellation | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Inspection:
    """What was learned; no text of any test may name the credential or the account."""
    with Client(base_url, credential, timeouts=timeouts, proxy=proxy, verify=verify, clock=clock) as client:
        found = client.inspect(account_id, cancellation=cancellation)
    secret = credential.key if isinstance(credential, GlobalKey) else credential
    assert secret.reveal() not in shown(found, found.verdict)
    assert ACCOUNT_ID not in shown(found, found.verdict)
    return found


def paths(far_end: FarEnd) -> list[str]:
    return [request.line.split()[1].removeprefix("/client/v4") for request in far_end.requests]


def test_what_is_asked() -> None:
    """Every question is a GET without a body, on a connection of its own, asked once."""
    with FarEnd(api()) as far_end:
        found = inspect(far_end.base_url)
    assert found.domains == (SendingDomain("example.com", "example.com", enabled=True, status="ready"),)
    assert found.remarks == ()
    account = f"/accounts/{ACCOUNT_ID}/email"
    asked = paths(far_end)
    assert asked[:2] == ["/user/tokens/verify", "/accounts?per_page=50"]
    assert sorted(asked[2:]) == sorted(
        [
            f"{account}/sending/suppressions?per_page=1",
            f"{account}/sending/zones?per_page=50",
            f"{account}/sending/limits",
            f"{account}/routing/addresses?verified=true&per_page=50",
            "/zones/z1/email/sending/subdomains?per_page=50",
            "/zones/z1/email/sending/subdomains/t1/dns/status",
        ]
    )
    assert far_end.connections == len(asked)
    for request in far_end.requests:
        assert request.line.startswith("GET ")
        assert request.body == b""
        assert request.field("Authorization") == f"Bearer {TOKEN}"


def test_an_account_owned_token_is_asked_at_its_account() -> None:
    """Code 1000 at the user's list leads to the account's, with the times told there."""
    unknown = failure(401, 1000, "Invalid API Token")
    verified = success({"id": "1", "status": "active", "expires_on": "2027-01-01T00:00:00Z"})
    words = {"/user/tokens/verify": unknown, f"/accounts/{ACCOUNT_ID}/tokens/verify": verified}
    with FarEnd(api(words)) as far_end:
        found = inspect(far_end.base_url)
        typed = inspect(far_end.base_url, ACCOUNT_ID)
    for seen in (found, typed):
        assert (seen.token.kind, seen.token.status) == ("account", "active")
        assert seen.token.expires_on == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("listed", "account_id", "status"),
    [
        (failure(403, 9109, "Invalid access token"), "", "invalid"),
        (failure(403, 10000, "Authentication error"), "", "unknown"),
        (failure(403, 10000, "Authentication error"), ACCOUNT_ID, "invalid"),
        (success([]), "", "active"),
    ],
)
def test_a_token_in_neither_list(listed: bytes, account_id: str, status: str) -> None:
    """It is invalid only if no list knows it that could; one that is let in all the same is active."""
    unknown = failure(401, 1000, "Invalid API Token")
    words = {"/user/tokens/verify": unknown, "/tokens/verify": unknown, "/accounts?": listed}
    with FarEnd(api(words)) as far_end:
        found = inspect(far_end.base_url, account_id)
    assert (found.token.kind, found.token.status) == ("unknown", status)


def test_an_end_that_is_near() -> None:
    """A token that ends in a few days is good, and the day is told."""
    end = datetime.now(UTC) + timedelta(days=2)
    with FarEnd(api({"/user/tokens/verify": success({"status": "active", "expires_on": end.isoformat()})})) as far_end:
        found = inspect(far_end.base_url)
    assert found.token.expires_on == end
    assert found.verdict.can_send is True
    assert [remark.words for remark in found.remarks] == [f"the token expires on {end:%Y-%m-%d}"]


@pytest.mark.parametrize("minutes", [-90, 90])
def test_a_wrong_clock_is_noticed(minutes: int) -> None:
    """The Date of an answer tells by how much, and in which direction."""
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    dated = success({"status": "active"}, {"Date": "Mon, 23 Nov 2026 12:00:00 GMT"})
    with FarEnd(api({"/user/tokens/verify": dated})) as far_end:
        found = inspect(far_end.base_url, clock=lambda: now + timedelta(minutes=minutes))
    assert found.skew == minutes * 60
    (remark,) = found.remarks
    assert remark.what is What.CLOCK
    assert f"90 min {'ahead' if minutes > 0 else 'behind'}" in remark.words
    assert found.verdict.can_send is True


def test_zones_are_listed_where_sending_ones_are_not() -> None:
    """The list of sending zones is in no document: where it is missing, all zones of the account are looked at."""
    words = {"/email/sending/zones": failure(404, 7003), "/zones?": success([{"id": "z9", "name": "example.org"}])}
    with FarEnd(api(words)) as far_end:
        found = inspect(far_end.base_url)
    assert [domain.zone for domain in found.domains] == ["example.org"]
    assert found.remarks == ()
    assert f"/zones?account.id={ACCOUNT_ID}&per_page=50" in paths(far_end)


QUICK: Final = Timeouts(read=0.5, answer=1.0)
UNHURRIED: Final = Timeouts(read=1.0, answer=15.0)
"""For what must not be cut by the limit for all questions, on a machine that is busy."""


def silent(exchange: Exchange) -> None:
    exchange.request()
    exchange.hold()


def hang_up(exchange: Exchange) -> None:
    exchange.request()
    exchange.reset()


FAULTS: Final[dict[str, tuple[Behaviour, str]]] = {
    "hangs up": (hang_up, "the connection was cut before an answer came"),
    "silent": (silent, "no answer within"),
    "drips": (dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"), "no complete answer within 1 s"),
    "half": (saying(ACTIVE[:-9]), "the answer broke off (HTTP 200)"),
    "not HTTP": (saying(b"SSH-2.0\r\n\r\n"), "the answer is not HTTP"),
    "redirect": (answering(302, "", {"Location": "http://127.0.0.1:1/"}), "a redirect, which is never followed"),
    "HTML": (answering(200, "<html>Please log in"), "what answered is not Cloudflare's API (HTTP 200)"),
    "other JSON": (answering(200, '{"hello": "world"}'), "what answered is not Cloudflare's API (HTTP 200)"),
    "bad gateway": (answering(502, "<html>"), "out of order (HTTP 502)"),
    "challenge": (answering(403, "<html>", {"cf-mitigated": "challenge"}), "asked for a browser"),
    "throttled": (saying(failure(429, 10004, "", {"Retry-After": "9"})), "too many questions in a short time"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_the_first_question(fault: str) -> None:
    """Whatever the far end does: no exception, in time, asked once and no more, and the reason and next step told."""
    behaviour, words = FAULTS[fault]
    with FarEnd(behaviour) as far_end:
        found = inspect(far_end.base_url, ACCOUNT_ID, timeouts=QUICK)
    (remark,) = found.remarks
    assert remark.what is What.CONNECTION
    assert words in remark.words
    assert remark.action
    assert found.verdict.can_send is None
    assert found.verdict.words == remark.words
    assert far_end.connections == 1


@pytest.mark.parametrize("fault", ["hangs up", "silent", "half", "HTML", "bad gateway", "throttled"])
@pytest.mark.parametrize(
    ("part", "what"),
    [
        ("/accounts?", What.ACCOUNTS),
        ("/email/sending/suppressions", What.SENDING),
        ("/email/sending/limits", What.QUOTA),
        ("/email/routing/addresses", What.ADDRESSES),
        ("/subdomains?", What.DOMAINS),
        ("/dns/status", What.DNS),
    ],
)
def test_a_fault_at_a_later_question(fault: str, part: str, what: What) -> None:
    """What one question does not tell is remarked on under its name, no question is repeated, the token is known."""
    behaviour, words = FAULTS[fault]
    with FarEnd(api({part: behaviour})) as far_end:
        found = inspect(far_end.base_url, ACCOUNT_ID, timeouts=UNHURRIED)
    about = [remark.words for remark in found.remarks if remark.what is what]
    assert about
    assert words in about[0]
    assert found.token.status == "active"
    assert found.may_send is (None if what is What.SENDING or (what, fault) == (What.ACCOUNTS, "throttled") else True)
    assert len(set(paths(far_end))) == len(far_end.requests)


def test_after_being_asked_to_wait_nothing_more_is_asked() -> None:
    """The second question is answered with 429: there is no third."""
    with FarEnd(api({"/accounts?": failure(429, 10004, "", {"Retry-After": "300"})})) as far_end:
        found = inspect(far_end.base_url, ACCOUNT_ID)
    assert far_end.connections == 2
    assert found.verdict.can_send is None
    assert found.verdict.action == "check again in 300 s"


def test_what_was_learned_in_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the time for all questions is over, what came until then stands, and what did not is remarked on."""
    monkeypatch.setattr(inspecting, "INSPECTION_LIMIT", 3.0)
    zones = success([{"id": f"z{number}", "name": f"z{number}.example"} for number in range(20)])
    with FarEnd(api({"/email/sending/zones": zones, "/subdomains?": silent})) as far_end:
        found = inspect(far_end.base_url)
        far_end.over.set()
    assert found.may_send is True
    assert found.quota is not None
    assert [remark.words for remark in found.remarks] == [
        "the sending domains could not be learned: no complete answer within 3 s"
    ]
    assert far_end.connections < 20


def test_no_way_to_the_far_end() -> None:
    """Nobody there, or a name that does not exist: a connection's remark, and nothing learned."""
    port = closed_port()
    found = inspect(f"http://127.0.0.1:{port}")
    assert found.verdict.words == f"nothing listens at 127.0.0.1:{port}"
    found = inspect("https://no-such-host.invalid")
    assert found.verdict.words == "the name no-such-host.invalid could not be found"
    assert found.verdict.action == "check the network and the base URL"


def test_a_proxy_that_opens_the_connection(server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """A certificate of its own is not trusted, is told, and the token never meets it; an honest proxy carries all."""
    with (
        FarEnd(answering(200, "{}"), certified(trustme.CA(), "127.0.0.1")) as opener,
        FarEnd(tunnelling(ESTABLISHED, opener.port)) as intercepting,
        FarEnd(api(), server_tls) as far_end,
        FarEnd(tunnelling(ESTABLISHED, far_end.port)) as honest,
        FarEnd(tunnelling(http_answer(407))) as closed,
    ):
        opened = inspect(far_end.base_url, proxy=f"http://127.0.0.1:{intercepting.port}", verify=trusting)
        carried = inspect(far_end.base_url, proxy=f"http://127.0.0.1:{honest.port}", verify=trusting)
        refused = inspect(far_end.base_url, proxy=f"http://127.0.0.1:{closed.port}", verify=trusting)
    assert not opener.requests
    assert "is not trusted" in opened.verdict.words
    assert "use another network" in opened.verdict.action
    assert carried.verdict.can_send is True
    assert refused.verdict.words == f"the proxy 127.0.0.1:{closed.port} wants a name and a password (HTTP 407)"
    assert refused.verdict.action == "put both into HTTPS_PROXY: http://NAME:PASSWORD@HOST:PORT"
    assert carried.proxy == f"127.0.0.1:{honest.port}"


def test_a_proxy_that_is_not_there(trusting: ssl.SSLContext) -> None:
    """What cannot be reached is the proxy, which is said, and not Cloudflare; its password is in no word."""
    port = closed_port()
    found = inspect("https://api.invalid", proxy=f"http://anna:pa55@127.0.0.1:{port}", verify=trusting)
    assert found.verdict.words == f"nothing listens at the proxy 127.0.0.1:{port}"
    assert found.verdict.action == "check the proxy, in HTTPS_PROXY or ALL_PROXY"
    assert found.proxy == f"127.0.0.1:{port}"
    assert "pa55" not in shown(found, found.verdict)
    found = inspect("https://api.invalid", proxy="http://no-such-proxy.invalid:3128", verify=trusting)
    assert found.verdict.words == "the name no-such-proxy.invalid of the proxy could not be found"
    assert found.verdict.action == "check the proxy, in HTTPS_PROXY or ALL_PROXY"


def test_a_port_of_the_other_kind() -> None:
    """https where plain HTTP is spoken: that is said, and the base URL named as the cause."""

    def impatient(exchange: Exchange) -> None:
        exchange.send(http_answer(400))

    with FarEnd(impatient) as plain:
        found = inspect(plain.base_url.replace("http:", "https:"))
    assert found.verdict.words == "no secure connection to 127.0.0.1: what answers there does not speak TLS"
    assert "check the base URL" in found.verdict.action


def test_a_certificate_that_is_not_yet_valid(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    """It is most likely the clock here that is wrong, which is said; the token meets nobody."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with FarEnd(api(), certified(authority, "127.0.0.1", not_before=tomorrow)) as far_end:
        found = inspect(far_end.base_url, verify=trusting)
    assert found.verdict.words == "the certificate of 127.0.0.1 is not trusted: certificate is not yet valid"
    assert found.verdict.action == "check the clock of this machine, and the base URL"
    assert not far_end.requests


def test_looking_can_be_stopped() -> None:
    """Cancelling wakes all questions that wait at the same time, and after it none is asked."""
    waiting = threading.Semaphore(0)

    def hold(exchange: Exchange) -> None:
        exchange.request()
        waiting.release()
        exchange.hold()

    with (
        FarEnd(api({"/email/sending/suppressions": hold, "/email/sending/limits": hold})) as far_end,
        ThreadPoolExecutor(1) as pool,
    ):
        cancellation = Cancellation()
        future = pool.submit(inspect, far_end.base_url, cancellation=cancellation)
        assert all(waiting.acquire(timeout=PATIENCE) for _ in range(2))
        cancellation.cancel()
        found = future.result(PATIENCE / 2)  # before the far end gives up
        asked = far_end.connections
        again = inspect(far_end.base_url, cancellation=cancellation)
        far_end.over.set()
    assert found.may_send is None
    assert "stopped waiting for the answer" in found.verdict.words
    assert again.verdict.words == "cancelled before the whole question had left"
    assert far_end.connections == asked


@pytest.mark.parametrize(
    "credential", [ApiToken(TOKEN), GlobalKey("ann@example.com", Secret(TOKEN))], ids=["token", "key"]
)
def test_what_the_far_end_repeats_does_not_show(credential: Credential) -> None:
    """A far end that echoes credential and account into everything it says gets neither to the screen."""
    echo = f"\x1b[2J{TOKEN} {ACCOUNT_ID} ann@example.com"
    refused = failure(500, 4711, echo)
    record = {"type": "TXT", "name": echo, "content": echo}
    faults = [{"code": echo, "missing": record}]
    words: dict[str, bytes | Behaviour] = {
        "/accounts?": success([{"id": ACCOUNT_ID, "name": echo}]),
        "/email/sending/limits": refused,
        "/email/routing/addresses": success([{"email": echo}]),
        "/email/sending/zones": success([{"id": "z1", "name": echo}]),
        "/subdomains?": success([{"tag": "t1", "name": echo, "enabled": True}]),
        "/dns/status": success({"status": "misconfigured", "errors": faults}),
    }
    with FarEnd(api(words)) as far_end:
        found = inspect(far_end.base_url, credential=credential)
    (domain,) = found.domains
    assert found.account_id == ACCOUNT_ID
    shape = "\x1b[2J… … ann@example.com"
    assert {found.accounts[0].name, domain.name, domain.zone, *domain.faults, *found.verified} == {shape}
    assert (domain.missing[0].name, domain.missing[0].content) == (shape, shape)
    (remark,) = found.remarks
    assert remark.words.startswith("the quota could not be learned: \x1b[2J… … ")
    assert ("ann@example.com" in remark.words) is isinstance(credential, ApiToken)


def test_a_short_slip_for_an_account_id_does_not_garble_the_words() -> None:
    """What was typed for an id is masked only if it could be one."""
    with FarEnd(api({"/email/sending/suppressions": failure(403, 10000, "Authentication error")})) as far_end:
        found = inspect(far_end.base_url, "a")
    assert found.account_id == "a"
    assert found.verdict.words == "the token may not send mail"
