"""Every error that Cloudflare documents is explained: what it means, what to do, and where in the mail its cause is."""

import json
from pathlib import Path

import pytest

from cfmail_tui.message import Place
from cfmail_tui.submission import (
    API_ERRORS,
    STATUSES,
    Accepted,
    Answer,
    ApiError,
    Explanation,
    NotSent,
    Receipt,
    Refused,
    Unknown,
    decode,
    explain,
    place_of,
)
from cfmail_tui.submission.outcomes import CHALLENGED, REDIRECTED

SEND = "email.sending.error."
DOCUMENTED = [
    (400, "10001", SEND + "invalid_request_schema", "form of the request", "addresses, headers"),
    (400, "10200", SEND + "email.invalid", "not valid", "suppressed"),
    (400, "10202", SEND + "email.invalid", "not valid", "suppressed"),
    (400, "10201", SEND + "email.no_content_length", "no length", "bug"),
    (400, "10202", SEND + "email.too_big", "size limit", "attachment"),
    (400, "10200", SEND + "email.too_big", "size limit", "attachment"),
    (401, "10101", SEND + "authentication.unauthorized", "token", "token"),
    (401, "10103", SEND + "authentication.bad_token_type", "kind of token", "Email Sending: Edit"),
    (403, "10102", SEND + "authentication.forbidden", "may not send", "Email Sending: Edit"),
    (403, "10105", SEND + "authentication.not_entitled", "plan", "plan"),
    (403, "10203", SEND + "email.sending_disabled", "switched off", "another domain"),
    (403, "10204", SEND + "email.sender_not_configured", "not set up", "onboarded"),
    (404, "10000", SEND + "not_found", "account or path", "account ID"),
    (429, "10004", SEND + "throttled", "too many mails", "wait"),
    (500, "10002", SEND + "internal_server", "did not send", "send again later"),
    (500, "10003", SEND + "not_implemented", "cannot do this", "change the mail"),
    (503, "10100", SEND + "authentication.upstream", "did not send", "send again later"),
    (400, "6003", "Invalid request headers: Invalid format for Authorization header", "wrong form", "paste it again"),
    (400, "7003", "No route for the URI", "account", "account ID"),
    (401, "10000", "Authentication error", "credentials", "token"),
    (403, "10000", "Authentication error", "credentials", "token"),
    (400, "9106", "Missing X-Auth-Key, X-Auth-Email or Authorization headers", "no credentials", "token"),
    (403, "9106", "Missing X-Auth-Key, X-Auth-Email or Authorization headers", "no credentials", "token"),
    (403, "9109", "Unauthorized to access requested resource", "not valid for this account", "account ID"),
    (401, "1000", "Invalid API Token", "token", "token"),
    (400, "6111", "Invalid format for Authorization header", "wrong form", "paste it again"),
    (403, "9109", "Invalid access token", "does not know this API token", "make a new one"),
    (403, "9109", "Cannot use the access token from location: 192.0.2.1", "this network", "another network"),
    (400, "E_VALIDATION_ERROR", "x", "not valid", "see its words"),
    (400, "E_FIELD_MISSING", "x", "missing", "fill it in"),
    (400, "E_TOO_MANY_RECIPIENTS", "x", "too many recipients", "at most 50"),
    (403, "E_SENDER_NOT_VERIFIED", "x", "not verified", "onboard"),
    (403, "E_RECIPIENT_NOT_ALLOWED", "x", "may not send to", "verified destination"),
    (400, "E_RECIPIENT_SUPPRESSED", "x", "suppression list", "take that recipient out"),
    (403, "E_SENDER_DOMAIN_NOT_AVAILABLE", "x", "not set up", "onboard"),
    (413, "E_CONTENT_TOO_LARGE", "x", "size limit", "attachment"),
    (400, "E_DELIVERY_FAILED", "x", "could not deliver", "see its words"),
    (429, "E_RATE_LIMIT_EXCEEDED", "x", "too many mails", "wait"),
    (429, "E_DAILY_LIMIT_EXCEEDED", "x", "quota", "wait"),
    (400, "E_INTERNAL_SERVER_ERROR", "x", "internal error", "send again later"),
    (400, "E_HEADER_NOT_ALLOWED", "x", "does not carry", "remove that header field"),
    (400, "E_HEADER_USE_API_FIELD", "x", "field of its own", "fill that in"),
    (400, "E_HEADER_VALUE_INVALID", "x", "not valid", "remove that header field"),
    (400, "E_HEADER_VALUE_TOO_LONG", "x", "too long", "2,048"),
    (400, "E_HEADER_NAME_INVALID", "x", "not valid", "remove that header field"),
    (400, "E_HEADERS_TOO_LARGE", "x", "too long together", "16 KiB"),
    (400, "E_HEADERS_TOO_MANY", "x", "too many", "20"),
]
"""Every code of the API's error model: status, code, words, and a part of what is told of its cause and what to do."""


@pytest.mark.parametrize(("status", "code", "message", "cause", "action"), DOCUMENTED)
@pytest.mark.parametrize("as_number", [False, True])
def test_every_documented_error_is_explained(
    status: int, code: str, message: str, cause: str, action: str, *, as_number: bool
) -> None:
    """Each error of the documentation has a cause of its own and something to do, by its message before its number."""
    number = int(code) if as_number and code.isdigit() else code
    error = {"code": number, "message": message}
    outcome = decode(Answer(status, json.dumps({"success": False, "errors": [error]}).encode()))
    assert outcome == Refused(status, code, message)
    explanation = explain(outcome)
    assert cause in explanation.cause
    assert action in explanation.action


@pytest.mark.parametrize(
    ("refused", "cause", "action"),
    [
        (Refused(400, "", "an address is suppressed"), "suppression list", "take that recipient out"),
        (Refused(400, "10200", "x"), "refused the mail", "see its words"),
        (Refused(400, "99999", "new"), "refused the mail", "see its words"),
        (Refused(401, "", "x"), "credentials", "token"),
        (Refused(403, "1", "x"), "does not allow", "permissions"),
        (Refused(404, "10000", "x"), "account or path", "account ID"),
        (Refused(413, "", "x"), "size limit", "attachment"),
        (Refused(429, "", "too many requests"), "too many requests", "wait, then send again"),
        (Refused(429, "", "x", retry_after=7.4), "too many requests", "wait 7 s, then send again"),
        (Refused(500, "10002", "x"), "did not send", "send again later"),
        (Refused(400, "10200", SEND + "email.invalid: the subject"), "not valid", "recipients"),
    ],
)
def test_an_error_nobody_documented_still_has_advice(refused: Refused, cause: str, action: str) -> None:
    """An unknown code falls back to what the status says, and to the server's own words."""
    explanation = explain(refused)
    assert cause in explanation.cause
    assert action in explanation.action


def test_every_outcome_says_whether_sending_again_is_safe() -> None:
    """The two outcomes without an answer differ in the one thing that matters."""
    assert explain(Accepted(Receipt())).cause == "Cloudflare took the mail"
    assert explain(NotSent("no network")).cause == "nothing was sent: no network"
    assert "safe to send again" in explain(NotSent("no network")).action
    assert explain(Unknown("cut off")).cause == "it may have been sent: cut off"
    assert "look for it before" in explain(Unknown("cut off")).action


def test_the_places_of_causes() -> None:
    """Where the cause is in the mail, that place is named, so that the cursor can go there."""
    places = {code: place_of(Refused(status, code, message)) for status, code, message, *_ in DOCUMENTED[3:13]}
    assert {code: place for code, place in places.items() if place} == {
        "10202": Place.ATTACHMENTS,
        "10200": Place.ATTACHMENTS,
        "10203": Place.FROM,
        "10204": Place.FROM,
    }
    assert place_of(Refused(400, "10200", f"{SEND}email.invalid")) is Place.TO
    assert place_of(Refused(413, "", "x")) is Place.ATTACHMENTS
    assert place_of(Refused(400, "E_HEADER_NOT_ALLOWED", "x")) is Place.HEADERS


@pytest.mark.parametrize("error", API_ERRORS, ids=lambda error: error.says or error.codes[0])
def test_every_row_is_found(error: ApiError) -> None:
    """No row of the table stands in the shadow of another: each explains an error of its own words or code."""
    status = error.statuses[0] if error.statuses else 400
    refused = Refused(status, next(iter(error.codes), ""), error.says or "x")
    assert explain(refused) == Explanation(error.cause, error.action)
    assert place_of(refused) is error.place


def test_the_reference_for_support_is_kept() -> None:
    """Of a refusal, too, Cloudflare's reference is kept, to be shown beside its words."""
    body = b'{"success": false, "errors": [{"code": 10001, "message": "bad"}]}'
    assert decode(Answer(400, body, ray="8f00-X")) == Refused(400, "10001", "bad", ray="8f00-X")
    assert decode(Answer(429, b"", 3.0, ray="8f00-X")) == Refused(429, "", "too many requests", 3.0, "8f00-X")


def errors_table() -> str:
    """The table of docs/errors.md, from the one table of explanations."""
    rows = []
    for error in (*API_ERRORS, *STATUSES.values()):
        status = ", ".join(map(str, error.statuses)) or "any"
        words = "" if error.says in NO_WORDS else f"`{error.says}`" if error.says else ""
        rows.append(f"| {status} | {', '.join(error.codes)} | {words} | {error.cause} | {error.action} |")
    return "\n".join(["| HTTP | code | its words hold | what it means | what to do |", "|---|---|---|---|---|", *rows])


NO_WORDS = {REDIRECTED, CHALLENGED.casefold()}
"""Answers without words of their own."""


def test_the_document_lists_them_all() -> None:
    """docs/errors.md has every error with its cause and the next action."""
    text = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()
    assert errors_table() in text
