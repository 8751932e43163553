"""The two send endpoints, the message by id and the limits: what becomes of a message, and what is said about it.

The recipients' local parts choose (the table is in the package's docstring). Refusals come first, in the order of
the recipients: nothing is kept then. A message that is not refused is kept before anything is answered, so that an
answer that is late, cut or garbled is the answer to a message that was accepted.
"""

import json
import re
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.parser import HeaderParser
from typing import Literal

from cfmail_tui.sandbox.answers import (
    Answer,
    ApiError,
    Ending,
    Json,
    edge_page,
    envelope,
    failure,
    invalid_email,
    json_answer,
    success,
    too_big,
)
from cfmail_tui.sandbox.assembly import assemble
from cfmail_tui.sandbox.domains import Domains
from cfmail_tui.sandbox.routing import Request
from cfmail_tui.sandbox.schema import distinct, domain_of, parse_builder, parse_raw
from cfmail_tui.sandbox.state import Accepted, State, stamp
from cfmail_tui.sandbox.suppressions import Suppressions, is_always

MAX_MIME = 5 * 1024 * 1024
MAX_MIME_VERIFIED = 25 * 1024 * 1024

_SENDING = "email.sending.error"
_SLOW = re.compile(r"slow-(\d{1,6}(?:\.\d{1,3})?)", re.ASCII)
_ID_CHARACTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits

_Assemble = Callable[[str, datetime], bytes]


@dataclass(frozen=True, slots=True)
class _Submission:
    """What both endpoints have in common once their body is parsed."""

    endpoint: Literal["send", "send_raw"]
    sender: str
    recipients: tuple[str, ...]
    author: str
    subject: str
    assemble: _Assemble
    body: bytes


class Sending:
    def __init__(self, state: State, domains: Domains, suppressions: Suppressions) -> None:
        self._state = state
        self._domains = domains
        self._suppressions = suppressions

    def send(self, request: Request) -> Answer:
        body = _body(request)
        builder = parse_builder(body)

        def assembled(message_id: str, date: datetime) -> bytes:
            return assemble(builder, message_id, date)

        return self._submit(
            _Submission(
                endpoint="send",
                sender=builder.sender.address,
                recipients=distinct(builder.recipients),
                author=str(builder.sender),
                subject=builder.subject,
                assemble=assembled,
                body=body,
            )
        )

    def send_raw(self, request: Request) -> Answer:
        body = _body(request)
        raw = parse_raw(body)

        def given(_message_id: str, _date: datetime) -> bytes:
            return raw.mime

        header = HeaderParser().parsestr(raw.mime.decode("utf-8"))
        return self._submit(
            _Submission(
                endpoint="send_raw",
                sender=raw.sender,
                recipients=distinct(raw.recipients),
                author=_decoded(header["From"]),
                subject=_decoded(header["Subject"]),
                assemble=given,
                body=body,
            )
        )

    def message(self, request: Request) -> Answer:
        """The MIME of a sent message, the newest if two had one id."""
        ledger = self._state.ledger
        for accepted in reversed(ledger.all()):
            if accepted.message_id == request.names["message_id"]:
                mime = ledger.maildir.read(accepted.key)
                if mime is not None:
                    return Answer(200, mime, "message/rfc822")
        raise ApiError(404, 10000, f"{_SENDING}.not_found")

    def limits(self, _request: Request) -> Answer:
        return success(self._state.quota.report())

    def _submit(self, submission: _Submission) -> Answer:
        sender_domain = domain_of(submission.sender)
        self._domains.check_sender(sender_domain)
        now = self._state.clock()
        message_id = f"<{''.join(secrets.choice(_ID_CHARACTERS) for _ in range(36))}@{sender_domain}>"
        mime = submission.assemble(message_id, now)
        self._check_size(len(mime), submission.recipients)
        suppressed = self._suppressed(submission.recipients, sender_domain)
        remaining = tuple(address for address in submission.recipients if address not in suppressed)
        delay = max((_seconds(address) for address in remaining), default=0.0)
        refusal = self._refusal(remaining)
        if refusal is not None:
            return refusal.after(delay)
        paying = [address for address in remaining if not self._is_verified(address)]
        if not self._state.quota.take(len(paying)):
            raise ApiError(429, 10004, f"{_SENDING}.throttled", reason="the daily quota is used up")
        answer = _accept(remaining, suppressed, message_id)
        self._keep(submission, mime, message_id, suppressed=suppressed, answer=answer, now=now)
        return answer.after(delay)

    def _keep(
        self,
        submission: _Submission,
        mime: bytes,
        message_id: str,
        *,
        suppressed: tuple[str, ...],
        answer: Answer,
        now: datetime,
    ) -> None:
        def record(n: int, key: str) -> Accepted:
            return Accepted(
                n=n,
                endpoint=submission.endpoint,
                sender=submission.sender,
                recipients=submission.recipients,
                message_id=message_id,
                status=None if answer.ending is Ending.CUT else answer.status,
                response=_as_sent(answer),
                received_at=stamp(now),
                author=submission.author,
                subject=submission.subject,
                suppressed=suppressed,
                key=key,
            )

        self._state.ledger.keep(mime, submission.body, record)

    def _check_size(self, size: int, recipients: tuple[str, ...]) -> None:
        all_verified = all(self._is_verified(address) for address in recipients)
        limit = MAX_MIME_VERIFIED if all_verified else MAX_MIME
        if size > limit:
            raise too_big(f"the message has {size} octets, {limit} are allowed")
        if not all_verified and not self._state.choices.paid_plan:
            raise ApiError(403, 10105, f"{_SENDING}.authentication.not_entitled")

    def _is_verified(self, address: str) -> bool:
        return address.lower() in {item.lower() for item in self._state.choices.verified_addresses}

    def _suppressed(self, recipients: tuple[str, ...], sender_domain: str) -> tuple[str, ...]:
        """Those to drop; raises if the sender's domain does not drop (3.4)."""
        suppressed = tuple(
            address for address in recipients if is_always(address) or self._suppressions.holds(address, sender_domain)
        )
        if suppressed and not self._domains.drops_suppressed(sender_domain):
            raise invalid_email(f"suppressed: {', '.join(suppressed)}")
        return suppressed

    def _refusal(self, recipients: tuple[str, ...]) -> Answer | None:
        """What the first recipient with a refusing name asks for."""
        for address in recipients:
            match _local(address):
                case "throttle":
                    seconds = self._state.choices.retry_after
                    fields = (("Retry-After", str(seconds)),) if seconds is not None else ()
                    body = json.dumps(failure(10004, f"{_SENDING}.throttled")).encode("ascii")
                    return Answer(429, body, header_fields=fields)
                case "error500":
                    return json_answer(failure(10002, f"{_SENDING}.internal_server"), 500)
                case "error503":
                    return json_answer(failure(10100, f"{_SENDING}.authentication.upstream"), 503)
                case "html502":
                    return edge_page(502)
                case "success-false":
                    return json_answer(failure(10002, f"{_SENDING}.internal_server"), 200)
                case _:
                    continue
        return None


def _decoded(value: str | None) -> str:
    """A field body on one line, its encoded words decoded where they can be."""
    line = re.sub(r"\r?\n(?=[ \t])", "", value or "")
    try:
        return str(make_header(decode_header(line)))
    except (ValueError, LookupError, HeaderParseError):
        return line


def _body(request: Request) -> bytes:
    if request.body is None:
        raise ApiError(400, 10201, f"{_SENDING}.email.no_content_length", reason="no usable Content-Length")
    return request.body


def _local(address: str) -> str:
    return address.rpartition("@")[0].lower()


def _seconds(address: str) -> float:
    match = _SLOW.fullmatch(_local(address))
    return float(match[1]) if match else 0.0


def _accept(recipients: tuple[str, ...], suppressed: tuple[str, ...], message_id: str) -> Answer:
    lists: dict[str, list[str]] = {"delivered": [], "queued": [], "permanent_bounces": []}
    place = {"bounce": "permanent_bounces", "queue": "queued"}
    for address in recipients:
        lists[place.get(_local(address), "delivered")].append(address)
    result: Json = {**lists, "message_id": message_id, "suppressed_recipients": list(suppressed)}
    for address in recipients:
        match _local(address):
            case "cut":
                return Answer(200, b"", ending=Ending.CUT)
            case "halfanswer":
                return Answer(200, json.dumps(envelope(result)).encode("ascii"), ending=Ending.HALF)
            case "badjson":
                return Answer(200, b'{"success": true, "errors": [], "messages": [], "result": {"delivered": [')
            case "oldshape":
                return success(lists)
            case _:
                continue
    return success(result)


def _as_sent(answer: Answer) -> object:
    match answer.ending:
        case Ending.CUT:
            return None
        case Ending.HALF:
            return answer.body[: len(answer.body) // 2].decode("ascii")
        case Ending.ANSWERED:
            try:
                return json.loads(answer.body)
            except ValueError:
                return answer.body.decode("ascii")
