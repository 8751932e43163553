"""What the API's answer means: one outcome, and what it says of each recipient.

What cannot be understood is `Unknown`, never success.
"""

import json
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from cfmail_tui.frozen import frozen
from cfmail_tui.submission.requests import Envelope, Submission


class Fate(StrEnum):
    """What became of one recipient."""

    DELIVERED = "delivered"
    QUEUED = "queued"
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"
    UNREPORTED = "unreported"


@frozen
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


@frozen
class Accepted:
    """The API took the mail and says what became of each recipient."""

    word: ClassVar = "accepted"
    receipt: Receipt


@frozen
class Refused:
    """The API answered that it did not take the mail; `reason` is its own words, `retry_after` in seconds.

    `ray` is Cloudflare's reference for support, "" where the answer has none.
    """

    word: ClassVar = "refused"
    status: int
    code: str
    reason: str
    retry_after: float | None = None
    ray: str = ""


@frozen
class NotSent:
    """Nothing complete left this machine: sending again is safe."""

    word: ClassVar = "not_sent"
    reason: str
    temporary: bool = False
    """Whether the cause may pass by itself: no network, nobody there, a connection cut before the whole mail left."""


@frozen
class Unknown:
    """The mail may have been sent: sending again may send it twice."""

    word: ClassVar = "unknown"
    reason: str


Outcome = Accepted | Refused | NotSent | Unknown


@frozen
class Later:
    """What Cloudflare's records said afterwards of a recipient that was queued; `detail` in its words, `at` in UTC."""

    recipient: str
    fate: Fate
    at: datetime
    detail: str = ""


@frozen
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
    later: tuple[Later, ...] = ()
    """What became of queued recipients, as far as it was asked for."""
    is_test: bool = False
    """Whether it went only to its author, to be looked at."""

    @property
    def fates(self) -> tuple[tuple[str, Fate], ...]:
        """Each recipient of an accepted mail with what became of it, as of the last news; else nothing."""
        if not isinstance(self.outcome, Accepted):
            return ()
        news = {later.recipient: later.fate for later in self.later}
        told = self.outcome.receipt.fates(self.submission.envelope)
        return tuple((address, news.get(address, fate) if fate is Fate.QUEUED else fate) for address, fate in told)

    @property
    def failed(self) -> tuple[str, ...]:
        """The recipients that certainly did not get an accepted mail; who is not reported may have got it."""
        return tuple(address for address, fate in self.fates if fate in {Fate.BOUNCED, Fate.SUPPRESSED})

    @property
    def queued(self) -> tuple[str, ...]:
        """The recipients that Cloudflare still tries to reach, as far as is known."""
        return tuple(address for address, fate in self.fates if fate is Fate.QUEUED)


@frozen
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
REDIRECTED = "the server answered with a redirect, which is never followed"
CHALLENGED = "Cloudflare's firewall asked for a browser and let nothing through"


def decode(answer: Answer) -> Outcome:
    """The outcome an answer proves; never raises, whatever the answer holds."""
    status = answer.status
    if 300 <= status < 400 and status != 303:
        return Refused(status, "", REDIRECTED, ray=answer.ray)
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
        refusal = Refused(status, code, reason, answer.retry_after, answer.ray)
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
        return Refused(status, "", "too many requests", answer.retry_after, answer.ray)
    if answer.challenged and status >= 400:
        return Refused(status, "", CHALLENGED, ray=answer.ray)
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
