"""Looking for a mail in Cloudflare's own records: what is asked, and what the answers prove. Pure.

The records are the dataset `emailSendingAdaptive` of the GraphQL Analytics API (developer docs, Email Service, metrics
and analytics): an event or more for each recipient, minutes late, kept for 31 days, to be asked for with Analytics Read
on the zone. They know nothing of an attempt, so that a mail is recognized by sender, recipients, subject and time.

Invariants:
- `Found` names every recipient of the envelope once, in its order;
- `NotFound` only if the records could be read, were read whole, and had had the time to be written;
- everything else is `CannotTell`, with the reason; nothing an answer holds makes any of this raise.
"""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from cfmail_tui.frozen import frozen
from cfmail_tui.mime import decoded_words
from cfmail_tui.submission import Answer, Submission, first_error

ROW_LIMIT: Final = 500
"""Events asked for: with 2 KiB each they fit into an answer of 1 MiB, and that is a long subject."""

MARGIN: Final = timedelta(minutes=5)
"""How far the clock here may be off without being noticed."""

LASTING: Final = timedelta(minutes=15)
"""From the start of an attempt to its acceptance at the latest: a full-sized mail on a slow line."""

LAG: Final = timedelta(minutes=20)
"""After which an event stands in the records. The documentation gives no figure; 17 minutes have been reported."""

KEPT: Final = timedelta(days=30)
"""The records go back 31 days, counted on a clock that is not ours."""

QUERY: Final = """query Find($zoneTag: string!, $start: Time!, $end: Time!) {
  viewer {
    zones(filter: { zoneTag: $zoneTag }) {
      emailSendingAdaptive(
        filter: { datetime_geq: $start, datetime_leq: $end }
        LIMIT
        orderBy: [datetime_ASC]
      ) {
        datetime from to envelopeTo subject status sendingDomain messageId errorCause errorDetail
      }
    }
  }
}""".replace("LIMIT", f"limit: {ROW_LIMIT}")

FOLLOWING: Final = QUERY.replace("query Find(", "query Follow($ids: [string!], ").replace(
    "filter: { datetime_geq", "filter: { messageId_in: $ids, datetime_geq"
)
"""The same of one mail. That the records can be asked by message id is not documented, where they cannot `QUERY` is."""


class Track(StrEnum):
    """What the records say of one recipient."""

    DELIVERED = "delivered"
    FAILED = "failed"
    SEEN = "seen"
    """There, and its delivery not yet decided."""
    UNSEEN = "unseen"
    """Not there, though others of the same mail are."""


@frozen
class Sighting:
    """One recipient of the envelope; `at` and `detail` are the last event's, `detail` in the provider's words."""

    recipient: str
    track: Track
    at: datetime | None = None
    detail: str = ""


@frozen
class Found:
    """The mail was accepted: the records have it.

    `copies` is more than one if as many mails of the same sender, recipients and subject fit the time; which of them
    is this attempt cannot be told.
    """

    sightings: tuple[Sighting, ...]
    message_ids: tuple[str, ...]
    copies: int = 1


@frozen
class NotFound:
    """The records of the zone have no such mail, and would by now.

    As certain as the records are: the provider calls the dataset adaptive, which means that it may leave out events of
    a zone that sends a great many mails.
    """

    zone: str


class Doubt(StrEnum):
    """Why nothing can be told."""

    NO_RIGHT = "no right"
    NO_ZONE = "no zone"
    NO_RECORDS = "no records"
    TOO_SOON = "too soon"
    TOO_OLD = "too old"
    TOO_MANY = "too many"
    NO_ANSWER = "no answer"


@frozen
class CannotTell:
    """The records do not decide it; `wait` is after how many seconds asking again may."""

    doubt: Doubt
    reason: str
    wait: float | None = None


Verdict = Found | NotFound | CannotTell


@frozen
class Window:
    """The times to look at: events from `start` to `end`, of mails whose first event comes by `until`."""

    start: datetime
    until: datetime
    end: datetime

    def variables(self, zone_id: str) -> dict[str, str]:
        """What `QUERY` is asked with."""
        return {"zoneTag": zone_id, "start": _time(self.start), "end": _time(self.end)}


def window(started_at: datetime, now: datetime, server: datetime | None) -> Window | CannotTell:
    """Around an attempt, whether the clock here was right or as wrong as it is now beside the server's."""
    skew = (server - now) if server else timedelta()
    now = max(now, now + skew)
    starts = [start for start in (started_at, started_at + skew) if start - MARGIN >= now - KEPT]
    if not starts:
        return CannotTell(Doubt.TOO_OLD, "Cloudflare keeps its records of mails for 31 days")
    until = max(starts) + LASTING
    return Window(min(starts) - MARGIN, until, max(until, now + MARGIN))


def zone_names(sender: str) -> tuple[str, ...]:
    """The names a zone of this sender's domain can have, longest first; a top-level domain is nobody's zone."""
    labels = sender.rpartition("@")[2].lower().split(".")
    return tuple(".".join(labels[start:]) for start in range(max(1, len(labels) - 1)))


def zone_id(answer: Answer, name: str, account_id: str) -> str | CannotTell | None:
    """The id of the zone of that name, None if the account has none, from the answer to GET /zones."""
    body = _object(answer)
    rows = body.get("result") if body else None
    if body is None or body.get("success") is not True or not isinstance(rows, list):
        return _refused(answer, body)
    for row in rows:
        match row:
            case {"id": str(found), "name": str(called)} if called.lower() == name:
                owner = row.get("account")
                if not isinstance(owner, dict) or owner.get("id", account_id) == account_id:
                    return found
    return None


def no_zone(sender: str) -> CannotTell:
    domain = sender.rpartition("@")[2].lower()
    return CannotTell(Doubt.NO_ZONE, f"the token sees no zone that {domain} belongs to: it may lack Zone Read")


def verdict(
    answer: Answer, submission: Submission, *, zone: str, times: Window, age: timedelta, known: Collection[str] = ()
) -> Verdict:
    """What the answer to `QUERY` proves about an attempt of this age; `known` are message ids of other attempts."""
    rows = _rows(answer)
    if isinstance(rows, CannotTell):
        return rows
    others = {_bare(message_id) for message_id in known}
    events = [event for row in rows if (event := _event(row))]
    mails: dict[str, list[_Event]] = {}
    for event in events:
        if _is_of(event, submission):
            mails.setdefault(event.message_id, []).append(event)
    asked = {recipient.casefold() for recipient in submission.envelope.recipients}
    ours = {
        message_id: seen
        for message_id, seen in mails.items()
        if min(event.at for event in seen) <= times.until
        and asked.issuperset(recipient for event in seen for recipient in event.recipients)
        and _bare(message_id) not in others
    }
    if ours:
        return _found(submission, ours)
    return _unseen(rows, zone, age)


def following(started_at: datetime, now: datetime, server: datetime | None) -> Window | CannotTell:
    """From the start of an attempt that was accepted until now: what is queued is tried for days."""
    times = window(started_at, now, server)
    return times if isinstance(times, CannotTell) else replace(times, end=max(times.end, now + MARGIN))


def id_variables(message_id: str) -> dict[str, list[str]]:
    """What `FOLLOWING` is asked with besides: whether the records have the angle brackets is not known."""
    return {"ids": [_bare(message_id), f"<{_bare(message_id)}>"]}


def followed(answer: Answer, submission: Submission, message_id: str, *, zone: str, age: timedelta) -> Verdict:
    """What the answer to `FOLLOWING` or `QUERY` tells of the recipients of an accepted mail."""
    rows = _rows(answer)
    if isinstance(rows, CannotTell):
        return rows
    asked = {recipient.casefold() for recipient in submission.envelope.recipients}
    events = [
        event
        for row in rows
        if (event := _event(row))
        and _bare(event.message_id) == _bare(message_id)
        and asked.intersection(event.recipients)
    ]
    if events:
        sightings = tuple(_sighting(recipient, events) for recipient in submission.envelope.recipients)
        return Found(sightings, (message_id,))
    return _unseen(rows, zone, age)


def _unseen(rows: list[Any], zone: str, age: timedelta) -> NotFound | CannotTell:
    """What it means that a mail of this age is not among these rows."""
    if len(rows) >= ROW_LIMIT:
        return CannotTell(
            Doubt.TOO_MANY, f"more than {ROW_LIMIT:,} events in the records: they could not be read whole"
        )
    if not all(map(_event, rows)):
        return CannotTell(Doubt.NO_ANSWER, "some events in the records have an unknown shape")
    if age < LAG:
        wait = min(LAG, LAG - age).total_seconds()
        return CannotTell(Doubt.TOO_SOON, "not in the records, which are minutes late", wait)
    return NotFound(zone)


@frozen
class _Event:
    at: datetime
    sender: str
    recipients: tuple[str, ...]
    """Case-folded."""
    subject: str
    status: str
    domain: str
    message_id: str
    detail: str


_FAILURES: Final = frozenset({"deliveryfailed", "rejected", "failed"})
_DETAIL_LIMIT: Final = 500
_ANGLE_ADDR = re.compile(r"<([^<>]*)>\s*\Z")
_DENIED = re.compile(r"unauthorized|not authorized|authorization denied|permission|authentication error", re.IGNORECASE)
_UNKNOWN = re.compile(r"unknown field|cannot query field|access to the path|not available|entitlement", re.IGNORECASE)


def _found(submission: Submission, mails: dict[str, list[_Event]]) -> Found:
    sightings = tuple(
        _sighting(recipient, [event for seen in mails.values() for event in seen])
        for recipient in submission.envelope.recipients
    )
    copies = max(
        sum(any(recipient.casefold() in event.recipients for event in seen) for seen in mails.values())
        for recipient in submission.envelope.recipients
    )
    return Found(sightings, tuple(message_id for message_id in mails if message_id), copies)


def _sighting(recipient: str, events: Sequence[_Event]) -> Sighting:
    about = sorted((event for event in events if recipient.casefold() in event.recipients), key=lambda event: event.at)
    if not about:
        return Sighting(recipient, Track.UNSEEN)
    decided = [event for event in about if _track(event) is not Track.SEEN]
    last = (decided or about)[-1]
    return Sighting(recipient, _track(last), last.at, last.detail)


def _track(event: _Event) -> Track:
    match event.status.casefold():
        case "delivered":
            return Track.DELIVERED
        case status if status in _FAILURES:
            return Track.FAILED
        case _:
            return Track.SEEN


def _is_of(event: _Event, submission: Submission) -> bool:
    sender = submission.envelope.sender.casefold()
    same_sender = event.sender == sender
    if submission.endpoint == "send_raw":
        # The From field of a source may name anybody; that the records show the envelope's sender is not documented.
        domain = sender.rpartition("@")[2]
        same_sender = same_sender or domain in {event.domain, event.sender.rpartition("@")[2]}
    return same_sender and event.subject == _plain(submission.subject)


def _rows(answer: Answer) -> list[Any] | CannotTell:
    body = _object(answer)
    if body is None or body.get("errors") or answer.status != 200:
        return _refused(answer, body)
    match body.get("data"):
        case {"viewer": {"zones": [{"emailSendingAdaptive": [*rows]}]}}:
            return rows
        case {"viewer": {"zones": []}}:
            return CannotTell(Doubt.NO_ZONE, "the records know no such zone")
    return CannotTell(Doubt.NO_ANSWER, "the answer has an unknown shape")


def _event(row: object) -> _Event | None:
    if not isinstance(row, dict):
        return None
    texts = {key: value for key, value in row.items() if isinstance(value, str)}
    try:
        at = datetime.fromisoformat(texts.get("datetime", ""))
    except ValueError:
        return None
    to = texts.get("envelopeTo") or texts.get("to", "")
    recipients = tuple(_address(part) for part in to.split(",") if "@" in part)
    words = [texts.get("errorCause", ""), texts.get("errorDetail", "")]
    return _Event(
        at=at if at.tzinfo else at.replace(tzinfo=UTC),
        sender=_address(texts.get("from", "")),
        recipients=recipients,
        subject=_plain(texts.get("subject", "")),
        status=texts.get("status", ""),
        domain=texts.get("sendingDomain", "").casefold(),
        message_id=texts.get("messageId", "").encode("utf-8", "replace").decode(),
        detail=": ".join(filter(None, words))[:_DETAIL_LIMIT].encode("utf-8", "replace").decode(),
    )


def _refused(answer: Answer, body: dict[str, Any] | None) -> CannotTell:
    """Why there is nothing to read, from an answer of GET /zones or of a query."""
    if body is None:
        if answer.status in {401, 403}:
            return CannotTell(Doubt.NO_RIGHT, f"the token may not read that (HTTP {answer.status})")
        what = "the answer is a redirect" if 300 <= answer.status < 400 else "the answer is not JSON"
        return CannotTell(Doubt.NO_ANSWER, f"{what} (HTTP {answer.status})", answer.retry_after)
    _, words = first_error(body)
    reason = f"{words[:_DETAIL_LIMIT]} (HTTP {answer.status})"
    if _UNKNOWN.search(words):
        return CannotTell(Doubt.NO_RECORDS, reason)
    if answer.status in {401, 403} or "authz" in set(_codes(body)) or _DENIED.search(words):
        return CannotTell(
            Doubt.NO_RIGHT, f"the token may not read that, it lacks Analytics Read or Zone Read: {reason}"
        )
    if "older than" in words:
        return CannotTell(Doubt.TOO_OLD, reason)
    return CannotTell(Doubt.NO_ANSWER, reason, answer.retry_after)


def _codes(body: dict[str, Any]) -> Iterator[str]:
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else ():
        match error:
            case {"extensions": {"code": str(code)}}:
                yield code


def _object(answer: Answer) -> dict[str, Any] | None:
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _address(text: str) -> str:
    """The address of a mailbox as a From field shows it, case-folded: which spelling the records keep is not known."""
    match = _ANGLE_ADDR.search(text)
    return (match[1] if match else text).strip().casefold()


def _plain(subject: str) -> str:
    return " ".join(decoded_words(subject).split())


def _bare(message_id: str) -> str:
    return message_id.strip().removeprefix("<").removesuffix(">")


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
