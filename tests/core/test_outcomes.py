"""What an answer proves: every answer becomes one outcome, and every outcome has words for a person."""

import json
from typing import Any

import pytest

from cfmail_tui.submission import Accepted, Answer, Envelope, Fate, Outcome, Receipt, Refused, Unknown, decode, explain

LISTS = {"delivered": ["a@example.com"], "queued": ["b@example.com"], "permanent_bounces": ["c@example.com"]}
RECEIPT = Receipt(delivered=("a@example.com",), queued=("b@example.com",), bounced=("c@example.com",))


def answered(status: int, body: Any, **more: Any) -> Outcome:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode(Answer(status, octets, **more))


def success(result: object, **more: object) -> dict[str, object]:
    return {"success": True, "errors": [], "messages": [], "result": result, **more}


def failure(*errors: object, **more: object) -> dict[str, object]:
    return {"success": False, "errors": list(errors), "messages": [], "result": None, **more}


@pytest.mark.parametrize(
    ("result", "receipt"),
    [
        (LISTS, RECEIPT),
        (
            {**LISTS, "message_id": "<x@example.com>", "suppressed_recipients": ["d@example.com"]},
            Receipt(
                RECEIPT.delivered, RECEIPT.queued, RECEIPT.bounced, ("d@example.com",), message_id="<x@example.com>"
            ),
        ),
        ({**LISTS, "message_id": None, "suppressed_recipients": None}, RECEIPT),
        ({**LISTS, "message_id": 7, "some": {"thing": "new"}}, RECEIPT),
        ({"delivered": []}, Receipt()),
        ({"queued": ["b@example.com"]}, Receipt(queued=("b@example.com",))),
        ({"delivered": [], "queued": [], "permanent_bounces": ["c@example.com"]}, Receipt(bounced=("c@example.com",))),
        ({"delivered": ["\ud800@example.com"], "message_id": "\udfff"}, Receipt(("?@example.com",), message_id="?")),
    ],
)
@pytest.mark.parametrize("status", [200, 201, 202])
def test_success_is_what_the_lists_say(status: int, result: object, receipt: Receipt) -> None:
    """An accepted mail has the API's word for each recipient; what newer or older APIs add or lack does no harm."""
    assert answered(status, success(result)) == Accepted(receipt)


@pytest.mark.parametrize("messages", [[], ["words"], [{"code": 1, "message": "words"}], None, "words"])
def test_messages_of_any_shape_do_no_harm(messages: object) -> None:
    """Informational messages are strings or objects; either way the mail was accepted."""
    assert answered(200, success(LISTS, messages=messages, errors=None, result_info={})) == Accepted(RECEIPT)


@pytest.mark.parametrize(
    "result",
    [
        None,
        {},
        [],
        "ok",
        7,
        {"message_id": "<x@example.com>"},
        {"delivered": "a@example.com"},
        {"delivered": {"a@example.com": True}},
        {"delivered": [None]},
        {"delivered": [{"address": "a@example.com"}]},
        {"delivered": None, "queued": None, "permanent_bounces": None},
        {**LISTS, "suppressed_recipients": 0},
    ],
)
def test_a_success_that_names_nobody_is_unknown(result: object) -> None:
    """Without lists that can be read, a success proves nothing about any recipient."""
    assert answered(200, success(result), ray="8f00") == Unknown(
        "the answer names no recipients (HTTP 200, reference 8f00)"
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b"\xff\xfe\x00",
        b"\x00" * 9,
        b"{",
        b'{"success": true, "result": {"delivered": ["a@exam',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 10_000,
        b"null",
        b"true",
        b"[]",
        b'"ok"',
        b"NaN",
        b"{}",
        b'{"success": "true", "result": {"delivered": []}}',
        b'{"success": 1, "result": {"delivered": []}}',
        b'{"success": null, "errors": []}',
        b'{"result": {"delivered": ["a@example.com"]}}',
        b'{"error": "odd"}',
    ],
)
@pytest.mark.parametrize("status", [200, 204, 400, 403, 500, 502, 524])
def test_what_cannot_be_read_is_never_success(status: int, body: bytes) -> None:
    """An answer of unknown shape leaves the mail unknown, unless a 4xx names its error: then it was refused."""
    outcome = answered(status, body)
    if body == b'{"error": "odd"}' and status in {400, 403}:
        assert outcome == Refused(status, "", "odd")
    else:
        assert isinstance(outcome, Unknown)
        assert f"(HTTP {status})" in outcome.reason


def test_an_unknown_answer_says_what_was_wrong_with_it() -> None:
    """What is not JSON and what is JSON of another kind are told apart, with the reference for support."""
    assert answered(502, b"<html>", ray="8f00") == Unknown("the answer is not JSON (HTTP 502, reference 8f00)")
    assert answered(200, b"[]") == Unknown("the answer has an unknown shape (HTTP 200)")


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        (failure({"code": "10001", "message": "bad"}), "10001", "bad"),
        (failure({"code": 10001, "message": "bad"}), "10001", "bad"),
        (failure({"message": "a recipient is suppressed"}), "", "a recipient is suppressed"),
        (failure({"code": None, "message": "bad"}), "", "bad"),
        (failure({"code": 7}), "7", "no reason given"),
        (failure({"code": [7], "message": ["bad"]}), "", "no reason given"),
        (failure({"code": 1.5, "message": ""}), "", "no reason given"),
        (failure({"code": 1, "message": "one"}, {"code": 2, "message": "two"}), "1", "one"),
        (failure("bad"), "", "bad"),
        (failure("bad", code=7), "7", "bad"),
        (failure(), "", "no reason given"),
        (failure(None), "", "no reason given"),
        ({"success": False}, "", "no reason given"),
        ({"success": False, "errors": {"code": 1}}, "", "no reason given"),
        ({"success": False, "errors": "bad"}, "", "no reason given"),
        ({"success": False, "error": "bad", "code": 9106}, "9106", "bad"),
        ({"error": "bad", "code": 9106}, "9106", "bad"),
        ({"error": "bad", "code": "9106"}, "9106", "bad"),
        ({"error": {"code": 9106, "message": "bad"}}, "9106", "bad"),
        ({"errors": [{"code": 9106, "message": "bad"}]}, "9106", "bad"),
        (
            failure(
                {"code": 6003, "message": "Invalid request headers", "error_chain": [{"code": 6111, "message": "x"}]}
            ),
            "6003",
            "Invalid request headers: x",
        ),
        (failure({"code": 1, "message": "bad", "error_chain": "x"}), "1", "bad"),
        (failure({"code": 1, "message": "bad", "error_chain": [None, {"code": 2}, {"message": 3}]}), "1", "bad"),
        (failure({"code": "\ud800", "message": "a\udfff"}), "?", "a?"),
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 415, 422])
def test_a_refusal_keeps_the_servers_own_words(status: int, body: object, code: str, reason: str) -> None:
    """A 4xx answer that names an error, in whatever shape the API has used, is a refusal with its code and words."""
    assert answered(status, body) == Refused(status, code, reason)


@pytest.mark.parametrize("status", [200, 202, 299])
def test_a_200_that_says_no_is_a_refusal(status: int) -> None:
    """HTTP 200 is not "sent": `success: false` is looked at."""
    assert answered(status, failure({"code": 1, "message": "no"})) == Refused(status, "1", "no")


@pytest.mark.parametrize(
    "body", [failure({"code": 10004, "message": "email.sending.error.throttled"}), b"slow down", b"{}"]
)
def test_a_429_is_a_refusal_with_its_time_to_wait(body: object) -> None:
    """Too many requests means not sent, whatever the body; the time to wait is kept."""
    outcome = answered(429, body, retry_after=30.0)
    assert isinstance(outcome, Refused)
    assert (outcome.status, outcome.retry_after) == (429, 30.0)
    assert explain(outcome).action == "wait 30 s, then send again"


@pytest.mark.parametrize("code", ["10002", 10002, 10003, 10100])
@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_5xx_documented_as_not_sent_is_a_refusal(status: int, code: object) -> None:
    """The API's own error for which the documentation says that no mail was sent needs no looking."""
    assert answered(status, failure({"code": code, "message": "x"})) == Refused(status, str(code), "x")


@pytest.mark.parametrize("code", [10001, 10004, 10200, 0, None])
@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 524, 530])
def test_any_other_5xx_is_unknown(status: int, code: object) -> None:
    """A server's error without such a code may come after the mail was taken; its words are kept."""
    outcome = answered(status, failure({"code": code, "message": "its words"}))
    assert outcome == Unknown(f"its words (HTTP {status})")


@pytest.mark.parametrize("status", [408, 409, 425])
def test_a_status_that_settles_nothing_is_unknown(status: int) -> None:
    """Time-out, conflict and too-early do not say whether the mail was taken."""
    assert isinstance(answered(status, failure({"code": 10001, "message": "x"})), Unknown)


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_success_with_an_error_status_is_unknown(status: int) -> None:
    """An answer that contradicts itself is not believed in either way."""
    assert isinstance(answered(status, success(LISTS)), Unknown)


@pytest.mark.parametrize("status", [300, 301, 302, 304, 307, 308])
def test_a_redirect_is_a_refusal(status: int) -> None:
    """A redirect is never followed, so nothing was sent; the user is told to check the base URL."""
    outcome = answered(status, b"")
    assert isinstance(outcome, Refused)
    assert explain(outcome).action == "check the base URL"


def test_see_other_is_unknown() -> None:
    """303 says that the request was acted on and the answer is elsewhere."""
    assert isinstance(answered(303, b""), Unknown)


@pytest.mark.parametrize("status", [400, 403, 503])
def test_a_firewalls_challenge_is_a_refusal(status: int) -> None:
    """A challenge page means that the firewall let nothing through."""
    outcome = answered(status, b"<html>Just a moment...</html>", challenged=True)
    assert isinstance(outcome, Refused)
    assert "firewall" in explain(outcome).cause


def envelope(*recipients: str) -> Envelope:
    return Envelope("me@example.com", recipients)


def test_each_recipient_has_a_fate_in_the_envelopes_order() -> None:
    """Every recipient stands once, in the order of the envelope, with what the API says of it."""
    receipt = Receipt(("c@x.example",), ("d@x.example",), ("a@x.example",), ("b@x.example",))
    asked = envelope("a@x.example", "b@x.example", "c@x.example", "d@x.example", "e@x.example")
    assert receipt.fates(asked) == (
        ("a@x.example", Fate.BOUNCED),
        ("b@x.example", Fate.SUPPRESSED),
        ("c@x.example", Fate.DELIVERED),
        ("d@x.example", Fate.QUEUED),
        ("e@x.example", Fate.UNREPORTED),
    )
    assert receipt.unreported(asked) == ("e@x.example",)


def test_a_recipient_in_another_case_is_the_same() -> None:
    """The API may change the case of an address; the one typed is the one shown."""
    receipt = Receipt(delivered=("ANN@EXAMPLE.COM",))
    assert receipt.fates(envelope("Ann@example.com")) == (("Ann@example.com", Fate.DELIVERED),)
    assert receipt.unreported(envelope("Ann@example.com")) == ()


def test_spellings_asked_for_apart_are_told_apart() -> None:
    """Two recipients that differ only by case each have their own fate."""
    asked = envelope("Ann@example.com", "ann@example.com")
    receipt = Receipt(delivered=("ann@example.com",), bounced=("Ann@example.com",))
    assert receipt.fates(asked) == (("Ann@example.com", Fate.BOUNCED), ("ann@example.com", Fate.DELIVERED))
    assert Receipt(delivered=("ann@example.com",)).unreported(asked) == ("Ann@example.com",)


def test_of_two_fates_the_worse_counts() -> None:
    """An address in several lists, or several times in one, stands once, with the fate that needs attention."""
    for lists, fate in [
        ({"delivered", "queued", "bounced", "suppressed"}, Fate.BOUNCED),
        ({"delivered", "queued", "suppressed"}, Fate.SUPPRESSED),
        ({"delivered", "queued"}, Fate.QUEUED),
        ({"delivered"}, Fate.DELIVERED),
    ]:
        named: dict[str, Any] = dict.fromkeys(lists, ("a@x.example", "A@x.example"))
        receipt = Receipt(**named)
        assert receipt.fates(envelope("a@x.example")) == (("a@x.example", fate),)


def test_an_address_nobody_asked_for_is_shown() -> None:
    """What the API names beyond the envelope is not hidden: it stands once, at the end."""
    receipt = Receipt(delivered=("a@x.example", "new@x.example", "NEW@x.example"))
    assert receipt.fates(envelope("a@x.example")) == (
        ("a@x.example", Fate.DELIVERED),
        ("new@x.example", Fate.DELIVERED),
    )


def test_an_empty_receipt_leaves_everyone_unreported() -> None:
    """Whoever stands in no list is never silently "sent"."""
    assert Receipt().unreported(envelope("a@x.example", "b@x.example")) == ("a@x.example", "b@x.example")
