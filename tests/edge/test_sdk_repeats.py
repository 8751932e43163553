"""How often a mail is delivered that the server took before it failed: by the official package, and by cfmail.

The table is the measurement: `pytest -s` prints a line for each fault, and a number that changes fails its case.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import cloudflare
import pytest
from cloudflare import Cloudflare

from cfmail_tui.api import Timeouts
from cfmail_tui.credentials import Keyring
from cfmail_tui.message import Draft
from cfmail_tui.outbox import Accounts, Outbox
from cfmail_tui.store import Store
from cfmail_tui.submission import Account, ApiToken, Outcome, Refused, Unknown
from tests.edge.fault_server import (
    ACCOUNT_ID,
    PATIENCE,
    TOKEN,
    Behaviour,
    Exchange,
    FarEnd,
    http_answer,
    saying,
    submit,
)

SUCCESS: Final = json.dumps(
    {"success": True, "errors": [], "messages": [], "result": {"delivered": ["bob@example.net"], "message_id": "<1@x>"}}
)
REFUSAL: Final = json.dumps(
    {"success": False, "errors": [{"code": 10203, "message": "not today"}], "messages": [], "result": None}
)
MAIL: Final = Draft(sender="me@acme.example", to="bob@example.net", subject="Hello", text="Hi")
SILENCE: Final = 0.2
"""Seconds after which both take it that there will be no answer."""


def closing_answer(status: int, body: str = "", fields: Mapping[str, str] = {}) -> bytes:
    """An answer after which the connection is not used again: a repeated mail never meets one that is being closed."""
    return http_answer(status, body, {"Connection": "close", **fields})


class Impatient(Cloudflare):
    """The official package but for the seconds it waits before it repeats; whether it repeats is its own decision."""

    def _calculate_retry_timeout(self, *_state: Any, **_more: Any) -> float:
        return 0.0


@contextmanager
def official(far_end: FarEnd, patience: float = PATIENCE) -> Iterator[Cloudflare]:
    """The package with its defaults, its 60 seconds for an answer apart."""
    with Impatient(api_token=TOKEN, base_url=far_end.base_url, timeout=patience) as client:
        yield client


def sent_by(client: Cloudflare) -> Any:
    return client.email_sending.send(
        account_id=ACCOUNT_ID, from_="me@acme.example", to="bob@example.net", subject="Hello", text="Hi"
    )


def reset(exchange: Exchange) -> None:
    exchange.request()
    exchange.reset()


def silent(exchange: Exchange) -> None:
    exchange.request()
    exchange.hold()


def redirecting(status: int) -> Behaviour:
    """Takes every mail; at the old place it tells of a new one, and there it calls whatever comes a success."""

    def behave(exchange: Exchange) -> None:
        new = f"{exchange.far_end.base_url}/elsewhere"
        at_old_place = "/elsewhere" not in exchange.request().line
        moved = closing_answer(status, fields={"Location": new})
        exchange.send(moved if at_old_place else closing_answer(200, SUCCESS))

    return behave


def page(status: int) -> Behaviour:
    """An error page of a gateway that had passed the mail on."""
    return saying(closing_answer(status, "<html>error</html>", {"Content-Type": "text/html"}))


# Fault: the server, deliveries by the official package, how that ends there, how it ends for cfmail.
FAULTS: Final[dict[str, tuple[Behaviour, int, type[Exception], type[Outcome]]]] = {
    "closed": (saying(b""), 3, cloudflare.APIConnectionError, Unknown),
    "reset": (reset, 3, cloudflare.APIConnectionError, Unknown),
    "half an answer": (saying(http_answer(200, SUCCESS)[:-9]), 3, cloudflare.APIConnectionError, Unknown),
    "silence": (silent, 3, cloudflare.APITimeoutError, Unknown),
    "408": (page(408), 3, cloudflare.APIStatusError, Unknown),
    "429": (saying(closing_answer(429, REFUSAL)), 3, cloudflare.RateLimitError, Refused),
    "500": (page(500), 3, cloudflare.InternalServerError, Unknown),
    "502": (page(502), 3, cloudflare.InternalServerError, Unknown),
    "503": (page(503), 3, cloudflare.InternalServerError, Unknown),
    "504": (page(504), 3, cloudflare.InternalServerError, Unknown),
    "520": (page(520), 3, cloudflare.InternalServerError, Unknown),
    "522": (page(522), 3, cloudflare.InternalServerError, Unknown),
    "524": (page(524), 3, cloudflare.InternalServerError, Unknown),
    "530": (page(530), 3, cloudflare.InternalServerError, Unknown),
}

# Answers that the official package takes for success: the server, deliveries by it, how it ends for cfmail.
NOT_A_SUCCESS: Final[dict[str, tuple[Behaviour, int, type[Outcome]]]] = {
    "200, success: false": (saying(closing_answer(200, REFUSAL)), 1, Refused),
    "302": (redirecting(302), 1, Refused),
    "307": (redirecting(307), 2, Refused),
    "308": (redirecting(308), 2, Refused),
}


def delivered(far_end: FarEnd) -> int:
    """How often the far end got the mail whole; a followed 302 is a request without one."""
    return sum(bool(request.body) for request in far_end.requests)


def told(fault: str, deliveries: int, ended: object, outcome: Outcome) -> None:
    print(f"\n{fault:<20} official package: {deliveries} ({ended})   cfmail: 1 ({type(outcome).__name__})")  # noqa: T201 - the table


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mail_that_was_taken_before_the_fault(fault: str) -> None:
    """The official package delivers it three times in all; cfmail once, and says what is known of it."""
    behaviour, deliveries, error, expected = FAULTS[fault]
    patience = SILENCE if fault == "silence" else PATIENCE
    with FarEnd(behaviour) as far_end, official(far_end, patience) as client, pytest.raises(error) as caught:
        sent_by(client)
    assert delivered(far_end) == deliveries
    with FarEnd(behaviour) as far_end:
        outcome = submit(far_end.base_url, timeouts=Timeouts(read=patience))
    assert type(outcome) is expected
    assert delivered(far_end) == far_end.connections == 1
    told(fault, deliveries, type(caught.value).__name__, outcome)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "silence"])
def test_the_outbox_sends_it_once(fault: str, tmp_path: Path) -> None:
    """All the way from the mail to its place in the history there is one delivery, and the outcome is on record."""
    behaviour, _, _, expected = FAULTS[fault]
    account = Account("test", ACCOUNT_ID, ApiToken(TOKEN), "the test")
    with FarEnd(behaviour) as far_end, closing(Store(tmp_path)) as store:
        outbox = Outbox(store, Accounts({}, Keyring(), only=account), far_end.base_url, {})
        attempt = outbox.send(outbox.prepare(MAIL))
        (recorded,) = outbox.attempts()
    assert type(recorded.outcome) is expected
    assert recorded.outcome == attempt.outcome
    assert delivered(far_end) == far_end.connections == 1


@pytest.mark.parametrize("answer", NOT_A_SUCCESS)
def test_an_answer_that_is_no_success(answer: str) -> None:
    """Where the official package raises nothing though nobody said that the mail was accepted, cfmail says so."""
    behaviour, deliveries, expected = NOT_A_SUCCESS[answer]
    with FarEnd(behaviour) as far_end, official(far_end) as client:
        result = sent_by(client)
    assert delivered(far_end) == deliveries
    with FarEnd(behaviour) as far_end:
        outcome = submit(far_end.base_url)
    assert type(outcome) is expected
    assert delivered(far_end) == far_end.connections == 1
    told(answer, deliveries, f"no error: {result!r}", outcome)
