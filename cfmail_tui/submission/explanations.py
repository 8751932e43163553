"""Cloudflare's errors explained: one table of what each means, what to do about it, and where in the mail its cause is.

The server's own words and its reference for support stand in the outcome, and are shown beside. Where documents do not
agree about a number they do about the words, so these count first (developer docs, Email Sending: REST API, Workers
API, email headers; Cloudflare API: troubleshooting).
"""

from typing import Final, assert_never

from cfmail_tui.frozen import frozen
from cfmail_tui.message import Place
from cfmail_tui.submission.outcomes import (
    CHALLENGED,
    REDIRECTED,
    Accepted,
    Attempt,
    Fate,
    NotSent,
    Outcome,
    Refused,
    Unknown,
)


@frozen
class Explanation:
    """An outcome for a person: what happened, and what to do next."""

    cause: str
    action: str


@frozen
class ApiError:
    """A row of the table: an error of the API, known by its words, else by its code if no other has that."""

    statuses: tuple[int, ...]
    """With which it comes; () for any."""
    codes: tuple[str, ...]
    says: str
    """A part of its words, in lower case; "" where they vary."""
    cause: str
    action: str
    place: Place | None = None
    """Where in the mail its cause is, if it is there."""


_SENDING: Final = "email.sending.error."
_LATER: Final = "send again later"
_NEW_ONE: Final = "check the token, or make a new one with the permission Email Sending: Edit"
_PERMISSION: Final = "give it the permission Email Sending: Edit in Cloudflare's dashboard"
_DOMAIN: Final = "send from a domain onboarded to Email Sending, or onboard this one in Cloudflare's dashboard"
_HEADER: Final = "change or remove that header field (F6)"
_SMALLER: Final = "drop an attachment, or make it smaller"

_OF_SENDING: Final = (
    ApiError(
        (400,),
        (),
        "suppress",
        "a recipient is on the suppression list, and nothing was sent to anyone",
        "take that recipient out of the mail, or off the list",
        Place.TO,
    ),
    ApiError(
        (400,),
        ("10001",),
        f"{_SENDING}invalid_request_schema",
        "Cloudflare did not accept the form of the request",
        "check addresses, headers and attachments",
    ),
    ApiError(
        (400,),
        ("10200", "10202"),
        f"{_SENDING}email.invalid",
        "Cloudflare found the content of the mail not valid",
        "check recipients, custom headers and whether an address is suppressed",
        Place.TO,
    ),
    ApiError(
        (400,), ("10201",), f"{_SENDING}email.no_content_length", "the request had no length", "report this as a bug"
    ),
    ApiError(
        (400,),
        ("10202", "10200"),
        f"{_SENDING}email.too_big",
        "the mail is over Cloudflare's size limit",
        _SMALLER,
        Place.ATTACHMENTS,
    ),
    ApiError(
        (401,),
        ("10101",),
        f"{_SENDING}authentication.unauthorized",
        "Cloudflare does not know this API token",
        _NEW_ONE,
    ),
    ApiError(
        (401,),
        ("10103",),
        f"{_SENDING}authentication.bad_token_type",
        "this kind of token cannot send mail",
        "make an API token with the permission Email Sending: Edit",
    ),
    ApiError((403,), ("10102",), f"{_SENDING}authentication.forbidden", "this token may not send mail", _PERMISSION),
    ApiError(
        (403,),
        ("10105",),
        f"{_SENDING}authentication.not_entitled",
        "this account's plan does not include sending to anyone",
        "see the plan in Cloudflare's dashboard: Workers Paid has it",
    ),
    ApiError(
        (403,),
        ("10203",),
        f"{_SENDING}email.sending_disabled",
        "sending is switched off for this domain or account",
        "switch it on in Cloudflare's dashboard, or send from another domain",
        Place.FROM,
    ),
    ApiError(
        (403,),
        ("10204",),
        f"{_SENDING}email.sender_not_configured",
        "the From domain is not set up for sending",
        _DOMAIN,
        Place.FROM,
    ),
    ApiError(
        (404,),
        ("10000",),
        f"{_SENDING}not_found",
        "Cloudflare does not know this account or path",
        "check the account ID",
    ),
    ApiError((429,), ("10004",), f"{_SENDING}throttled", "too many mails in a short time", "wait, then send again"),
    ApiError(
        (500,),
        ("10002",),
        f"{_SENDING}internal_server",
        "Cloudflare had an internal error and did not send the mail",
        f"{_LATER}; if it stays so, ask Cloudflare about this domain",
    ),
    ApiError((500,), ("10003",), f"{_SENDING}not_implemented", "Cloudflare cannot do this yet", "change the mail"),
    ApiError(
        (503,),
        ("10100",),
        f"{_SENDING}authentication.upstream",
        "Cloudflare could not check the token and did not send the mail",
        _LATER,
    ),
)

_OF_THE_GATEWAY: Final = (
    ApiError(
        (400,),
        ("6003", "6111"),
        "invalid request headers",
        "the API token has the wrong form",
        "paste it again without blanks, quotes and the word Bearer",
    ),
    ApiError((), ("7003",), "no route for the uri", "Cloudflare does not know this account", "check the account ID"),
    ApiError(
        (401, 403),
        ("10000",),
        "authentication error",
        "Cloudflare did not accept the credentials",
        "check token and account ID, and that the token has the permission Email Sending: Edit",
    ),
    ApiError((400, 403), ("9106",), "x-auth-key", "the request carried no credentials", "check the account's token"),
    ApiError((403,), ("9109",), "invalid access token", "Cloudflare does not know this API token", _NEW_ONE),
    ApiError(
        (403,),
        ("9109",),
        "access token from location",
        "this token may not be used from this network",
        "send from another network, or change the token's filter of IP addresses",
    ),
    ApiError(
        (403,),
        ("9109",),
        "unauthorized to access",
        "the token is not valid for this account",
        "check token and account ID",
    ),
    ApiError((401,), ("1000",), "invalid api token", "Cloudflare does not know this API token", _NEW_ONE),
    ApiError((), (), REDIRECTED, REDIRECTED, "check the base URL"),
    ApiError((), (), CHALLENGED.casefold(), "Cloudflare's firewall asked for a browser", "send from another network"),
)

_OF_WORKERS: Final = tuple(
    ApiError((), (code,), "", cause, action, place)
    for code, cause, action, place in (
        ("E_VALIDATION_ERROR", "Cloudflare found something in the mail not valid", "see its words", None),
        ("E_FIELD_MISSING", "a field that Cloudflare needs is missing", "see its words, and fill it in", None),
        ("E_TOO_MANY_RECIPIENTS", "there are too many recipients", "at most 50 in To, Cc and Bcc together", Place.TO),
        ("E_SENDER_NOT_VERIFIED", "the From address is not verified for sending", _DOMAIN, Place.FROM),
        (
            "E_RECIPIENT_NOT_ALLOWED",
            "this account may not send to that recipient",
            "send to a verified destination address, or from an onboarded domain",
            Place.TO,
        ),
        (
            "E_RECIPIENT_SUPPRESSED",
            "a recipient is on the suppression list, and nothing was sent to anyone",
            "take that recipient out of the mail, or off the list",
            Place.TO,
        ),
        ("E_SENDER_DOMAIN_NOT_AVAILABLE", "the From domain is not set up for sending", _DOMAIN, Place.FROM),
        ("E_CONTENT_TOO_LARGE", "the mail is over Cloudflare's size limit", _SMALLER, Place.ATTACHMENTS),
        ("E_DELIVERY_FAILED", "Cloudflare could not deliver the mail", "see its words, then send again", None),
        ("E_RATE_LIMIT_EXCEEDED", "too many mails in a short time", "wait, then send again", None),
        (
            "E_DAILY_LIMIT_EXCEEDED",
            "the account's quota is used up",
            "wait until it begins anew, or ask Cloudflare for a higher one",
            None,
        ),
        ("E_INTERNAL_SERVER_ERROR", "Cloudflare had an internal error", _LATER, None),
        ("E_HEADER_NOT_ALLOWED", "Cloudflare does not carry one of the header fields", _HEADER, Place.HEADERS),
        (
            "E_HEADER_USE_API_FIELD",
            "one of the header fields has a field of its own in the form",
            "fill that in instead",
            Place.HEADERS,
        ),
        ("E_HEADER_VALUE_INVALID", "the value of a header field is not valid", _HEADER, Place.HEADERS),
        (
            "E_HEADER_VALUE_TOO_LONG",
            "the value of a header field is too long",
            "at most 2,048 octets may stand in one",
            Place.HEADERS,
        ),
        ("E_HEADER_NAME_INVALID", "the name of a header field is not valid", _HEADER, Place.HEADERS),
        (
            "E_HEADERS_TOO_LARGE",
            "the header fields are too long together",
            "at most 16 KiB may stand in them",
            Place.HEADERS,
        ),
        (
            "E_HEADERS_TOO_MANY",
            "there are too many header fields",
            "at most 20 whose names do not begin with X-",
            Place.HEADERS,
        ),
    )
)

API_ERRORS: Final = (*_OF_SENDING, *_OF_THE_GATEWAY, *_OF_WORKERS)

STATUSES: Final = {
    401: ApiError((401,), (), "", "Cloudflare did not accept the credentials", "check the token"),
    403: ApiError(
        (403,),
        (),
        "",
        "Cloudflare does not allow this",
        "see its words, check the token's permissions and the account ID",
    ),
    404: ApiError((404,), (), "", "Cloudflare does not know this account or path", "check the account ID"),
    413: ApiError((413,), (), "", "the mail is over Cloudflare's size limit", _SMALLER, Place.ATTACHMENTS),
    429: ApiError((429,), (), "", "too many requests", "wait, then send again"),
}
"""What the status alone says, where neither words nor code are known."""

_SERVERS: Final = ApiError((), (), "", "Cloudflare had an internal error and did not send the mail", _LATER)
_OTHER: Final = ApiError((), (), "", "Cloudflare refused the mail", "see its words, then change the mail")


def explain(outcome: Outcome) -> Explanation:
    """The cause in plain words and the next step; for a refusal the server's own words stand in the outcome."""
    match outcome:
        case Accepted():
            return Explanation("Cloudflare took the mail", "")
        case Refused(retry_after=seconds):
            error = _error(outcome)
            action = error.action if seconds is None else f"wait {seconds:.0f} s, then send again"
            return Explanation(error.cause, action)
        case NotSent(reason):
            return Explanation(f"nothing was sent: {reason}", "it is safe to send again")
        case Unknown(reason):
            return Explanation(f"it may have been sent: {reason}", "look for it before you send again")
        case _:
            assert_never(outcome)


def place_of(refused: Refused) -> Place | None:
    """Where in the mail the cause of a refusal is, if it is in the mail."""
    return _error(refused).place


def kept_back(attempt: Attempt) -> tuple[str, ...]:
    """The recipients that the suppression list may have kept from getting the mail; a refusal need not say so."""
    match attempt.outcome:
        case Accepted():
            return tuple(address for address, fate in attempt.fates if fate is Fate.SUPPRESSED)
        case Refused(status=400) as refused if place_of(refused) is Place.TO:
            return attempt.submission.envelope.recipients
        case _:
            return ()


def _error(refused: Refused) -> ApiError:
    words, status = refused.reason.casefold(), refused.status
    # Of the words, since a number has several meanings: 10000 two, 9109 three, 10200 and 10202 change places.
    for error in API_ERRORS:
        if error.says and error.says in words:
            return error
    coded = [error for error in API_ERRORS if refused.code in error.codes and status in (error.statuses or {status})]
    if len(coded) == 1:
        return coded[0]
    return STATUSES.get(status) or (_SERVERS if status >= 500 else _OTHER)
