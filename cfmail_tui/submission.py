"""What leaves for the API and what its answer means: envelope, request body, outcome.

Owns the provider's limits, both request bodies (developer docs, Email Sending REST API) and the reading of answers.
Pure: it produces a body as chunks with its length known beforehand and never opens a file or a socket.

Invariants:
- an `Envelope` has 1 to 50 distinct recipients;
- a `SendRequest` exists only for a message within the size limit, and a raw one without a Bcc field unless asked;
- a request body has no key the schema does not know and is valid UTF-8;
- an answer becomes exactly one `Outcome`; what cannot be understood is `Unknown`, never success.
"""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal

from cfmail_tui import mime
from cfmail_tui.message import (
    Attachment,
    Mailbox,
    MailMessage,
    MessageError,
    Place,
    Problem,
    RawDraft,
    parse_mailboxes,
    same_address,
)

RECIPIENT_LIMIT = 50
"""Recipients of one message, To, Cc and Bcc together."""

SIZE_LIMIT = 5 * 1024 * 1024
"""Octets of the MIME-encoded message, attachments included."""

Endpoint = Literal["send", "send_raw"]


class Secret:
    """A credential that shows itself nowhere: not in repr, str, format or a traceback's local variables."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((type(self), self._value))

    def __reduce__(self) -> str:
        raise TypeError("a secret is not copied to disk")


class ApiToken(Secret):
    """An API token, sent as `Authorization: Bearer`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class GlobalKey:
    """The older pair: a user's e-mail address and global API key, sent as X-Auth-Email and X-Auth-Key."""

    email: str
    key: Secret


Credential = ApiToken | GlobalKey


def sender_in_words(name: str, source: str) -> str:
    """An account by its name and where its credential is from, which may be the same."""
    return source if source.partition(" (")[0] == name else f"{name} · {source}"


@dataclass(frozen=True, slots=True)
class Account:
    """Who the API is told the mail is from; `source` says in words where the credential was found."""

    name: str
    account_id: str
    credential: Credential
    source: str

    @property
    def words(self) -> str:
        """Who sends, for the screen: the name, and where the credential came from."""
        return sender_in_words(self.name, self.source)


@dataclass(frozen=True, slots=True)
class Envelope:
    """RFC 5321 MAIL FROM and RCPT TO: who really gets the mail, whatever the header shows."""

    sender: str
    recipients: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.recipients:
            raise MessageError(Problem(Place.TO, "who is this mail for? There is no recipient"))
        if (count := len(self.recipients)) > RECIPIENT_LIMIT:
            raise MessageError(Problem(Place.TO, f"{count} recipients, the limit is {RECIPIENT_LIMIT}"))
        if len({same_address(recipient) for recipient in self.recipients}) < count:
            raise MessageError(Problem(Place.TO, "a recipient stands twice in the envelope"))

    @classmethod
    def of(cls, sender: str, mailboxes: Sequence[Mailbox]) -> "Envelope":
        """The envelope that reaches each mailbox once."""
        distinct: dict[str, str] = {}
        for mailbox in mailboxes:
            distinct.setdefault(same_address(mailbox.addr_spec), mailbox.addr_spec)
        return cls(sender, tuple(distinct.values()))


@dataclass(frozen=True, slots=True)
class SendRequest:
    """A request body about to be written: `chunks` yields exactly `length` octets."""

    endpoint: Endpoint
    envelope: Envelope
    subject: str
    message_size: int
    """Octets of the message as MIME, what the size limit counts."""
    length: int
    chunks: Callable[[], Iterator[bytes]] = field(repr=False)

    def __post_init__(self) -> None:
        if self.message_size > SIZE_LIMIT:
            over = f"{self.message_size - SIZE_LIMIT:,} octets over the limit of {megabytes(SIZE_LIMIT)}"
            size = megabytes(self.message_size)
            raise MessageError(Problem(Place.MESSAGE, f"the mail is too big: {size} when encoded, {over}"))


@dataclass(frozen=True, slots=True)
class Submission:
    """What was reviewed and will leave, octet for octet: the body file named by `attempt_id`."""

    attempt_id: str
    account_id: str
    endpoint: Endpoint
    envelope: Envelope
    subject: str
    message_size: int
    body_size: int
    digest: str
    """SHA-256 of the request body, in hexadecimal."""


def megabytes(octets: int) -> str:
    return f"{octets / 1024 / 1024:.1f} MiB"


def builder_request(message: MailMessage, segments: Sequence[mime.Segment], read: mime.ReadFile) -> SendRequest:
    """The body of POST .../email/sending/send; `segments` is the message assembled, for its size."""
    fields: dict[str, Any] = {"from": _address(message.sender), "subject": message.subject}
    for key, mailboxes in (("to", message.to), ("cc", message.cc), ("bcc", message.bcc)):
        if mailboxes:
            addresses = [_address(mailbox) for mailbox in mailboxes]
            alone = len(addresses) == 1 and isinstance(addresses[0], str)
            fields[key] = addresses[0] if alone else addresses
    if message.reply_to:
        fields["reply_to"] = _address(message.reply_to)
    if message.text:
        fields["text"] = message.text
    if message.html:
        fields["html"] = message.html
    if message.headers:
        fields["headers"] = {header.name: header.body for header in message.headers}
    parts = tuple(_json_parts(fields, message.attachments))
    length = sum(len(part) if isinstance(part, bytes) else _base64_length(part.size) for part in parts)

    def chunks() -> Iterator[bytes]:
        for part in parts:
            if isinstance(part, bytes):
                yield part
            else:
                yield from _base64(read(part))

    return SendRequest(
        endpoint="send",
        envelope=Envelope.of(message.sender.addr_spec, message.recipients),
        subject=message.subject,
        message_size=mime.size(segments),
        length=length,
        chunks=chunks,
    )


def raw_request(draft: RawDraft, *, keep_bcc: bool = False) -> SendRequest:
    """The body of POST .../email/sending/send_raw: the source with CRLF line ends, otherwise untouched.

    Raises MessageError for a bad envelope and for octets a JSON string or a mail cannot carry.
    """
    found = list(mime.problems(source := mime.crlf(draft.source)))
    if not keep_bcc and mime.field_bodies(source, *mime.BLIND_FIELDS):
        words = "a Bcc field stands in the header, every recipient would see it: remove it, the envelope delivers"
        found.append(Problem(Place.SOURCE, words))
    senders: tuple[Mailbox, ...] = ()
    try:
        senders = parse_mailboxes(draft.sender, Place.ENVELOPE_SENDER)
        if len(senders) != 1:
            found.append(Problem(Place.ENVELOPE_SENDER, f"one address is needed, there are {len(senders)}"))
    except MessageError as error:
        found.extend(error.problems)
    try:
        recipients = parse_mailboxes(draft.recipients, Place.ENVELOPE_RECIPIENTS)
        envelope = Envelope.of(senders[0].addr_spec if senders else "", recipients)
    except MessageError as error:
        found.extend(replace(problem, place=Place.ENVELOPE_RECIPIENTS) for problem in error.problems)
    if found:
        raise MessageError(*found)
    head = json.dumps({"from": envelope.sender, "recipients": envelope.recipients})[:-1] + ', "mime_message": "'

    def chunks() -> Iterator[bytes]:
        yield head.encode()
        for start in range(0, len(text), _BLOCK):
            yield json.dumps(text[start : start + _BLOCK], ensure_ascii=False)[1:-1].encode()
        yield b'"}'

    text = source.decode("utf-8")
    subject = next(iter(mime.field_bodies(source, "Subject")), "")
    return SendRequest(
        endpoint="send_raw",
        envelope=envelope,
        subject=mime.decoded_words(subject),
        message_size=len(source),
        length=sum(len(chunk) for chunk in chunks()),
        chunks=chunks,
    )


_BLOCK = 57 * 1024


def _address(mailbox: Mailbox) -> str | dict[str, str]:
    if not mailbox.display_name:
        return mailbox.addr_spec
    return {"address": mailbox.addr_spec, "name": mailbox.display_name}


def _json_parts(fields: dict[str, Any], attachments: Sequence[Attachment]) -> Iterator[bytes | Attachment]:
    head = json.dumps(fields, ensure_ascii=False)[:-1]
    if not attachments:
        yield (head + "}").encode()
        return
    lead = head + ', "attachments": ['
    for attachment in attachments:
        yield (lead + '{"content": "').encode()
        yield attachment
        keys = {"filename": attachment.filename, "type": attachment.media_type, "disposition": attachment.disposition}
        if attachment.disposition == "inline":
            keys["content_id"] = attachment.content_id
        lead = '", ' + json.dumps(keys, ensure_ascii=False)[1:] + ", "
    yield (lead[:-2] + "]}").encode()


def _base64_length(octets: int) -> int:
    return 4 * -(-octets // 3)


def _base64(content: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in content:
        data = rest + block
        whole = len(data) - len(data) % 3
        rest = data[whole:]
        yield base64.b64encode(data[:whole])
    yield base64.b64encode(rest)


class Fate(StrEnum):
    """What became of one recipient."""

    DELIVERED = "delivered"
    QUEUED = "queued"
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"
    UNREPORTED = "unreported"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The API's word for each recipient; `message_id` is "" where the answer has none."""

    delivered: tuple[str, ...] = ()
    queued: tuple[str, ...] = ()
    bounced: tuple[str, ...] = ()
    suppressed: tuple[str, ...] = ()
    message_id: str = ""

    def fates(self, envelope: Envelope) -> tuple[tuple[str, Fate], ...]:
        """Each recipient with its fate, in the envelope's order; then any the API names that were not asked for.

        Of several fates the worst counts. Upper and lower case differ only where the envelope has both spellings.
        """
        lists = (
            (Fate.BOUNCED, self.bounced),
            (Fate.SUPPRESSED, self.suppressed),
            (Fate.QUEUED, self.queued),
            (Fate.DELIVERED, self.delivered),
        )
        folded = [address.casefold() for address in envelope.recipients]

        def key(address: str) -> str:
            return address if folded.count(address.casefold()) > 1 else address.casefold()

        known: dict[str, tuple[str, Fate]] = {}
        for fate, addresses in lists:
            for address in addresses:
                known.setdefault(key(address), (address, fate))
        asked = tuple(
            (address, known.pop(key(address), (address, Fate.UNREPORTED))[1]) for address in envelope.recipients
        )
        return asked + tuple(known.values())

    def unreported(self, envelope: Envelope) -> tuple[str, ...]:
        """Recipients that were asked for but stand in no list."""
        return tuple(address for address, fate in self.fates(envelope) if fate is Fate.UNREPORTED)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The API took the mail and says what became of each recipient."""

    word: ClassVar = "accepted"
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Refused:
    """The API answered that it did not take the mail; `reason` is its own words, `retry_after` in seconds."""

    word: ClassVar = "refused"
    status: int
    code: str
    reason: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing complete left this machine: sending again is safe."""

    word: ClassVar = "not_sent"
    reason: str
    temporary: bool = False
    """Whether the cause may pass by itself: no network, nobody there, a connection cut before the whole mail left."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The mail may have been sent: sending again may send it twice."""

    word: ClassVar = "unknown"
    reason: str


Outcome = Accepted | Refused | NotSent | Unknown


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row of history: a submission and, once known, its outcome (None while it is open); times are UTC."""

    submission: Submission
    account: str
    started_at: datetime
    finished_at: datetime | None = None
    outcome: Outcome | None = None
    settled: bool | None = None
    """What the user found out about an unknown outcome: the mail arrived, or it did not; None until then."""
    again_of: str = ""
    """The id of the first attempt at the mail that this one tries again; "" if it is the first."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, as far as it matters here; `ray` is Cloudflare's reference for support."""

    status: int
    body: bytes
    retry_after: float | None = None
    challenged: bool = False
    ray: str = ""
    date: datetime | None = None


NOT_SENT_CODES = frozenset({"10002", "10003", "10100"})
"""Codes of 5xx answers documented as not sent (developer docs, Email Sending errors)."""

_UNDECIDED_STATUSES = frozenset({408, 409, 425})
_REDIRECTED = "the server answered with a redirect, which is never followed"
_CHALLENGED = "Cloudflare's firewall asked for a browser and let nothing through"


def decode(answer: Answer) -> Outcome:
    """The outcome an answer proves; never raises, whatever the answer holds."""
    status = answer.status
    if 300 <= status < 400 and status != 303:
        return Refused(status, "", _REDIRECTED)
    try:
        envelope = json.loads(answer.body)
    except (ValueError, RecursionError):
        envelope = None
    if isinstance(envelope, dict) and status >= 400 and {"error", "errors"} & envelope.keys():
        envelope.setdefault("success", False)
    if not isinstance(envelope, dict) or not isinstance(envelope.get("success"), bool):
        return _without_envelope(answer, readable=envelope is not None)
    if not envelope["success"]:
        code, reason = first_error(envelope)
        refusal = Refused(status, code, reason, answer.retry_after)
        documented = status < 500 or code in NOT_SENT_CODES
        return refusal if documented and status not in _UNDECIDED_STATUSES else _unknown(answer, reason)
    if not 200 <= status < 300:
        return _unknown(answer, "the answer contradicts itself")
    receipt = _receipt(envelope.get("result"))
    if receipt is None:
        return _unknown(answer, "the answer names no recipients")
    return Accepted(receipt)


def _without_envelope(answer: Answer, *, readable: bool) -> Outcome:
    status = answer.status
    if status == 429:
        return Refused(status, "", "too many requests", answer.retry_after)
    if answer.challenged and status >= 400:
        return Refused(status, "", _CHALLENGED)
    return _unknown(answer, "the answer has an unknown shape" if readable else "the answer is not JSON")


def _unknown(answer: Answer, reason: str) -> Unknown:
    reference = f", reference {answer.ray}" if answer.ray else ""
    return Unknown(f"{reason} (HTTP {answer.status}{reference})")


def first_error(envelope: dict[str, Any]) -> tuple[str, str]:
    """The first error's code as text and its words, from whatever shape the errors have."""
    errors = envelope.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else envelope.get("error")
    if isinstance(first, str):
        first = {"code": envelope.get("code"), "message": first}
    if not isinstance(first, dict):
        return "", "no reason given"
    code = first.get("code")
    message = first.get("message")
    words = message if isinstance(message, str) and message else "no reason given"
    if isinstance(chain := first.get("error_chain"), list):
        links = [link["message"] for link in chain if isinstance(link, dict) and isinstance(link.get("message"), str)]
        words = ": ".join([words, *links])
    return _unicode(str(code)) if isinstance(code, str | int) else "", _unicode(words)


def _unicode(text: str) -> str:
    """Text of an answer without the lone surrogates that JSON can spell and neither a file nor a screen can take."""
    return text.encode("utf-8", "replace").decode()


def _receipt(result: object) -> Receipt | None:
    if not isinstance(result, dict):
        return None
    lists: dict[str, tuple[str, ...]] = {}
    for key in ("delivered", "queued", "permanent_bounces", "suppressed_recipients"):
        addresses = result.get(key)
        if addresses is None:
            continue
        if not isinstance(addresses, list) or not all(isinstance(address, str) for address in addresses):
            return None
        lists[key] = tuple(map(_unicode, addresses))
    if not lists:
        return None
    message_id = result.get("message_id")
    return Receipt(
        delivered=lists.get("delivered", ()),
        queued=lists.get("queued", ()),
        bounced=lists.get("permanent_bounces", ()),
        suppressed=lists.get("suppressed_recipients", ()),
        message_id=_unicode(message_id) if isinstance(message_id, str) else "",
    )


@dataclass(frozen=True, slots=True)
class Explanation:
    """An outcome for a person: what happened, and what to do next."""

    cause: str
    action: str


_REFUSALS: dict[str, tuple[str, str]] = {
    "email.sending.error.invalid_request_schema": (
        "Cloudflare did not accept the form of the request",
        "check addresses, headers and attachments",
    ),
    "email.sending.error.email.invalid": (
        "Cloudflare found the content of the mail not valid",
        "check recipients, custom headers and whether an address is suppressed",
    ),
    "email.sending.error.email.no_content_length": ("the request had no length", "report this as a bug"),
    "email.sending.error.email.too_big": ("the mail is over Cloudflare's size limit", "drop an attachment"),
    "email.sending.error.authentication.unauthorized": (
        "Cloudflare does not know this API token",
        "check the token, or make a new one",
    ),
    "email.sending.error.authentication.bad_token_type": (
        "this kind of token cannot send mail",
        "make a token with Email Sending: Edit",
    ),
    "email.sending.error.authentication.forbidden": (
        "this token may not send mail",
        "give it the permission Email Sending: Edit",
    ),
    "email.sending.error.authentication.not_entitled": (
        "this account's plan does not include sending",
        "see the plan in Cloudflare's dashboard",
    ),
    "email.sending.error.email.sending_disabled": (
        "sending is switched off for this domain",
        "switch it on in Cloudflare's dashboard, or send from another domain",
    ),
    "email.sending.error.email.sender_not_configured": (
        "the From domain is not set up for sending",
        "send from a domain onboarded to Email Sending",
    ),
    "email.sending.error.not_found": ("Cloudflare does not know this account or path", "check the account ID"),
    "email.sending.error.throttled": ("too many mails in a short time", "wait, then send again"),
    "email.sending.error.internal_server": (
        "Cloudflare had an internal error and did not send the mail",
        "send again later",
    ),
    "email.sending.error.not_implemented": ("Cloudflare cannot do this yet", "change the mail"),
    "email.sending.error.authentication.upstream": (
        "Cloudflare could not check the token and did not send the mail",
        "send again later",
    ),
    _REDIRECTED: ("the server answered with a redirect, which is never followed", "check the base URL"),
    _CHALLENGED: ("Cloudflare's firewall asked for a browser", "send from another network"),
}

_STATUSES: dict[int, tuple[str, str]] = {
    401: ("Cloudflare did not accept the credentials", "check the token"),
    403: ("Cloudflare does not allow this", "see its words, check the token's permissions and the account ID"),
    404: ("Cloudflare does not know this account or path", "check the account ID"),
    413: ("the mail is over Cloudflare's size limit", "drop an attachment"),
    429: ("too many requests", "wait, then send again"),
}

_GATEWAY_REFUSALS: dict[str, tuple[str, str]] = {
    "1000": ("Cloudflare does not know this API token", "check the token, or make a new one"),
    "6003": ("the API token has the wrong form", "paste it again without blanks or quotes"),
    "7003": ("Cloudflare does not know this account", "check the account ID"),
    "9106": ("the request carried no credentials", "check the account's token"),
    "9109": ("the token is not valid for this account", "check token and account ID"),
    "10000": ("Cloudflare did not accept the credentials", "check token and account ID"),
}


def explain(outcome: Outcome) -> Explanation:
    """The cause in plain words and the next step; for a refusal the server's own words stand in the outcome."""
    match outcome:
        case Accepted():
            return Explanation("Cloudflare took the mail", "")
        case Refused():
            return Explanation(*_refusal(outcome))
        case NotSent(reason):
            return Explanation(f"nothing was sent: {reason}", "it is safe to send again")
        case Unknown(reason):
            return Explanation(f"it may have been sent: {reason}", "look for it before you send again")


def _refusal(refused: Refused) -> tuple[str, str]:
    if known := _REFUSALS.get(refused.reason.partition(": ")[0]):  # what follows a colon is the error's chain
        cause, action = known
    elif refused.code in _GATEWAY_REFUSALS and refused.status in {400, 401, 403}:
        cause, action = _GATEWAY_REFUSALS[refused.code]
    elif refused.status in _STATUSES:
        cause, action = _STATUSES[refused.status]
    elif refused.status >= 500:
        cause, action = "Cloudflare had an internal error and did not send the mail", "send again later"
    else:
        cause, action = "Cloudflare refused the mail", "see its words, then change the mail"
    if refused.retry_after is not None:
        action = f"wait {refused.retry_after:.0f} s, then send again"
    return cause, action
