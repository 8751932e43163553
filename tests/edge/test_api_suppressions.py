"""The suppression list over real sockets: read, changed, and what is told where neither is possible."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from cfmail_tui.api import Client, Timeouts
from cfmail_tui.inspection import Remark
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.submission import ApiToken
from cfmail_tui.suppressions import Suppression
from tests.edge.fault_server import ACCOUNT_ID, TOKEN, Exchange, FarEnd, answering, closed_port, http_answer
from tests.edge.suppressing import suppress


def client_of(sandbox: Sandbox, token: str = "") -> Client:
    return Client(sandbox.base_url, ApiToken(token or sandbox.token))


def test_who_is_on_the_list(sandbox: Sandbox) -> None:
    """Of many addresses those on the list are told, with reason, note and end, and nobody else who is on it."""
    until = datetime.now(UTC) + timedelta(days=3)
    suppress(sandbox, "eve+x@example.com", expires_at=until.isoformat(), note="asked for it")
    suppress(sandbox, "other@example.com")
    found = client_of(sandbox).suppressions(
        sandbox.account_id, ["bob@example.com", "Eve+x@Example.com", "suppressed@example.net"]
    )
    assert not isinstance(found, Remark)
    eve, always = sorted(found, key=lambda entry: entry.address)
    assert (eve.address, eve.reason, eve.note, eve.is_fixed) == ("eve+x@example.com", "manual", "asked for it", False)
    assert eve.expires_at
    assert abs(eve.expires_at - until) < timedelta(seconds=2)
    assert (always.address, always.reason, always.is_fixed) == ("suppressed@example.net", "hard_bounce", True)


def test_an_entry_is_taken_off(sandbox: Sandbox) -> None:
    """What was taken off is on the list no more; a second time it is told that it is not there."""
    suppress(sandbox, "eve@example.com")
    client = client_of(sandbox)
    (entry,) = client.suppressions(sandbox.account_id, ["eve@example.com"])  # type: ignore[misc]
    assert isinstance(entry, Suppression)
    assert client.unsuppress(sandbox.account_id, entry.suppression_id) is None
    assert client.suppressions(sandbox.account_id, ["eve@example.com"]) == ()
    assert client.unsuppress(sandbox.account_id, entry.suppression_id)


@pytest.mark.parametrize("kind", ["no_suppressions", "no_send", "expired"])
def test_a_token_without_the_right(sandbox: Sandbox, kind: str) -> None:
    """It is told what the token lacks; nothing is changed."""
    suppress(sandbox, "eve@example.com")
    client = client_of(sandbox, sandbox.add_token(kind))
    remark = client.suppressions(sandbox.account_id, ["eve@example.com", "bob@example.com"])
    assert isinstance(remark, Remark)
    assert "Cloudflare does not know" in remark.words or "may not read the suppression list" in remark.words
    assert remark.action
    (entry,) = client_of(sandbox).suppressions(sandbox.account_id, ["eve@example.com"])  # type: ignore[misc]
    assert isinstance(entry, Suppression)
    assert client.unsuppress(sandbox.account_id, entry.suppression_id)
    assert client_of(sandbox).suppressions(sandbox.account_id, ["eve@example.com"])


def test_nobody_there_is_a_remark() -> None:
    """Without a far end it is told why, and what to do."""
    client = Client(f"http://127.0.0.1:{closed_port()}", ApiToken(TOKEN))
    remark = client.suppressions(ACCOUNT_ID, ["eve@example.com"])
    assert isinstance(remark, Remark)
    assert "nothing listens" in remark.words
    assert client.unsuppress(ACCOUNT_ID, "x") == Remark(remark.what.__class__.REMOVAL, remark.words, remark.action)


def test_an_answer_that_repeats_the_secrets() -> None:
    """A far end that quotes token and account in its words does not bring them onto the screen."""
    error = json.dumps({"success": False, "errors": [{"code": 1, "message": f"no {TOKEN} for {ACCOUNT_ID}"}]})
    with FarEnd(answering(400, error)) as far_end:
        remark = Client(far_end.base_url, ApiToken(TOKEN)).suppressions(ACCOUNT_ID, ["eve@example.com"])
    assert isinstance(remark, Remark)
    assert TOKEN not in remark.words
    assert ACCOUNT_ID not in remark.words


def test_each_address_is_asked_for_once_and_exactly() -> None:
    """One request for each address, in lower case and safely spelled; whoever else an answer names is passed over."""
    row = {"id": "1", "email": "somebody@else.example", "reason": "manual"}

    def behave(exchange: Exchange) -> None:
        exchange.request()
        exchange.send(http_answer(200, json.dumps({"success": True, "result": [row]})))

    with FarEnd(behave) as far_end:
        client = Client(far_end.base_url, ApiToken(TOKEN), timeouts=Timeouts(answer=10))
        found = client.suppressions(ACCOUNT_ID, ["A+b@x.example", "c&d@x.example"])
    assert found == ()
    paths = sorted(request.line.split()[1] for request in far_end.requests)
    assert [path.partition("?")[2] for path in paths] == ["email=a%2Bb%40x.example", "email=c%26d%40x.example"]
