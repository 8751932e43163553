"""POST /graphql: what became of the accepted mails, event by event, as the dataset `emailSendingAdaptive` tells it (7).

The fields are the documented ones. What the documentation leaves open is ours:

- an event for each recipient: `delivered`, `deliveryFailed` (bounce...), `rejected` (dropped as suppressed), `queued`
  and, `Choices.queue_seconds` later, `delivered`; nothing is there before `Choices.analytics_lag` seconds have passed;
- `from` as the From field shows it, with the display name; `to` and `envelopeTo` the one recipient; `subject` decoded;
  `messageId` the one that the sending endpoint answers with; `eventType` always newEmail;
- every field can be filtered by, with the API's endings (_geq, _leq, _gt, _lt, _neq, _in, _notin, _like); AND and OR
  are not known;
- a mail belongs to the zone with the longest name that its sender's domain ends in, and to none if there is none;
- an unknown token is 401, one without the right and a zone of somebody else 403 (200 with `Choices.analytics_denial`),
  a query that cannot be read 400, every other error 200; `data` is null in all of them.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cfmail_tui.sandbox import graphql
from cfmail_tui.sandbox.access import Access
from cfmail_tui.sandbox.answers import Answer, ApiError, Json, json_answer
from cfmail_tui.sandbox.domains import Domains
from cfmail_tui.sandbox.graphql import Field, QueryError
from cfmail_tui.sandbox.routing import Request
from cfmail_tui.sandbox.schema import domain_of, load_json
from cfmail_tui.sandbox.state import Accepted, State, stamp

DATASET: Final = "emailSendingAdaptive"
KEPT: Final = timedelta(days=31)
MAX_ROWS: Final = 10_000

_DATETIMES: Final = ("datetime", "datetimeMinute", "datetimeFiveMinutes", "datetimeFifteenMinutes", "datetimeHour")
_FIELDS: Final = frozenset(
    {
        *_DATETIMES,
        *("date", "from", "to", "envelopeTo", "subject", "status", "eventType", "sendingDomain", "messageId"),
        *("sessionId", "errorCause", "errorDetail", "arc", "dkim", "dmarc", "spf", "isSpam", "isNDR", "isLastEvent"),
    }
)
_ENDINGS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "_geq": lambda value, wanted: bool(value >= wanted),
    "_leq": lambda value, wanted: bool(value <= wanted),
    "_gt": lambda value, wanted: bool(value > wanted),
    "_lt": lambda value, wanted: bool(value < wanted),
    "_neq": lambda value, wanted: bool(value != wanted),
    "_in": lambda value, wanted: value in wanted,
    "_notin": lambda value, wanted: value not in wanted,
    "_like": lambda value, wanted: re.fullmatch(_like(wanted), value, re.DOTALL) is not None,
    "": lambda value, wanted: bool(value == wanted),
}


class Analytics:
    def __init__(self, state: State, access: Access, domains: Domains) -> None:
        self._state = state
        self._access = access
        self._domains = domains

    def answer(self, request: Request) -> Answer:
        try:
            data = self._data(request)
        except QueryError as error:
            extensions = {"timestamp": stamp(self._state.clock()), **({"code": error.code} if error.code else {})}
            found = {"message": error.message, "path": list(error.path) or None, "extensions": extensions}
            return json_answer({"data": None, "errors": [found]}, error.status)
        return json_answer({"data": data, "errors": None})

    def _data(self, request: Request) -> Json:
        if not self._access.is_valid(request.credential):
            raise QueryError("Unauthorized", status=401)
        seen = self._access.may_see_analytics(request.credential)
        return {
            viewer.key: {field.key: self._zones(field, seen=seen) for field in _fields_of(viewer, "viewer")}
            for viewer in graphql.read(*_question(request.body))
        }

    def _zones(self, field: Field, *, seen: bool) -> list[Json]:
        _check(field, "zones", "filter", "limit")
        match field.arguments.get("filter"):
            case {"zoneTag": str(tag), **others} if not others:
                tags = [tag]
            case {"zoneTag_in": [*tags], **others} if not others and all(isinstance(tag, str) for tag in tags):
                pass
            case _:
                raise QueryError("error parsing args for zones: a filter of zoneTag is needed", "viewer", "zones")
        names = {self._domains.zone_id(name): name for name in self._state.choices.zones}
        if not seen or not all(tag in names for tag in tags):
            status = self._state.choices.analytics_denial
            words = f"zones [{' '.join(tags)}] are not authorized"
            raise QueryError(words, "viewer", "zones", status=status, code="authz")
        return [{inner.key: self._of_zone(inner, tag, names[tag]) for inner in field.fields} for tag in tags]

    def _of_zone(self, field: Field, tag: str, zone: str) -> Any:
        if field.name == "zoneTag" and not field.fields:
            return tag
        _check(field, DATASET, "filter", "limit", "orderBy")
        for inner in field.fields:
            if inner.name not in _FIELDS or inner.fields or inner.arguments:
                raise _misread(f'unknown field "{inner.name}"')
        limit = field.arguments.get("limit")
        if not isinstance(limit, int) or isinstance(limit, bool) or not 0 < limit <= MAX_ROWS:
            raise _misread(f"limit must be positive number and not greater than {MAX_ROWS}")
        rows = self._matching(field.arguments.get("filter"), zone)
        for name, descending in reversed(_order(field.arguments.get("orderBy", []))):
            rows.sort(key=lambda row, name=name: row[name], reverse=descending)  # type: ignore[misc]
        return [{inner.key: row[inner.name] for inner in field.fields} for row in rows[:limit]]

    def _matching(self, given: object, zone: str) -> list[Json]:
        if not isinstance(given, dict) or not any(name.startswith("date") for name in given):
            raise _misread("a filter with a range of datetime is needed")
        tests = [_test(name, wanted) for name, wanted in given.items()]
        now = self._state.clock()
        for name, _, wanted in tests:
            if name == "datetime" and datetime.fromisoformat(wanted) < now - KEPT - timedelta(minutes=1):
                raise _misread(f"cannot request data older than {int(KEPT.total_seconds())}s")
        accepted = (found for found in self._state.ledger.all() if self._zone_of(found) == zone)
        rows = [row for found in accepted for row in self._events(found)]
        return [row for row in rows if all(compare(row[name], wanted) for name, compare, wanted in tests)]

    def _zone_of(self, accepted: Accepted) -> str | None:
        domain = domain_of(accepted.sender)
        within = [zone for zone in self._state.choices.zones if f".{domain}".endswith(f".{zone}")]
        return max(within, key=len, default=None)

    def _events(self, accepted: Accepted) -> Iterator[Json]:
        """Those that the analytics have by now."""
        received = datetime.fromisoformat(accepted.received_at)
        later = received + timedelta(seconds=self._state.choices.queue_seconds)
        now = self._state.clock() - timedelta(seconds=self._state.choices.analytics_lag)
        for recipient in accepted.recipients:
            for moment, status, cause, detail in _fates(accepted, recipient, received, later):
                if moment <= now:
                    session = self._state.identifier("session", accepted.key)
                    yield _row(accepted, recipient, moment, session) | {
                        "status": status,
                        "errorCause": cause,
                        "errorDetail": detail,
                        "isLastEvent": int(status != "queued"),
                    }


def _question(body: bytes | None) -> tuple[str, Json]:
    try:
        value = load_json(body or b"")
    except ApiError as error:
        raise QueryError("error parsing query: not JSON", status=400) from error
    match value:
        case {"query": str(query)} if isinstance(value.get("variables") or {}, dict):
            return query, value.get("variables") or {}
    raise QueryError("error parsing query: no query in the request", status=400)


def _fields_of(field: Field, name: str) -> tuple[Field, ...]:
    _check(field, name)
    return field.fields


def _check(field: Field, name: str, *arguments: str) -> None:
    if field.name != name:
        raise QueryError(f'unknown field "{field.name}"', field.name)
    if unknown := sorted(field.arguments.keys() - set(arguments)):
        raise QueryError(f"error parsing args for {name}: unknown arg {unknown[0]}", name)
    if not field.fields:
        raise QueryError(f"{name} must have a selection of fields", name)


def _misread(words: str) -> QueryError:
    return QueryError(words, "viewer", "zones", "0", DATASET)


def _test(key: str, wanted: Any) -> tuple[str, Callable[[Any, Any], bool], Any]:
    """A condition of a filter: the field, how it is compared, and with what."""
    for ending, compare in _ENDINGS.items():
        name = key.removesuffix(ending)
        if key.endswith(ending) and name in _FIELDS:
            many = ending in {"_in", "_notin"}
            values = wanted if many and isinstance(wanted, list) else [wanted]
            kind = int if name.startswith("is") else str
            if isinstance(wanted, list) is not many or not all(type(value) is kind for value in values):
                break
            if name in _DATETIMES:
                values = [_moment(value) for value in values]
            return name, compare, values if many else values[0]
    raise _misread(f"error parsing args: {key} cannot be filtered by that")


def _moment(value: str) -> str:
    """A time of the filter, in the form that the rows have, so that they compare as text."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise _misread(f"error parsing args: {value!r} is not a time") from error
    return _time(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _time(moment: datetime) -> str:
    """To the second, as the analytics have it."""
    return stamp(moment.replace(microsecond=0))[:19] + "Z"


def _order(given: object) -> list[tuple[str, bool]]:
    order = []
    for item in given if isinstance(given, list) else [given]:
        name, _, direction = str(item).rpartition("_")
        if name not in _FIELDS or direction not in {"ASC", "DESC"}:
            raise _misread(f"error parsing args: orderBy {item}")
        order.append((name, direction == "DESC"))
    return order


def _like(pattern: str) -> str:
    return ".*".join(re.escape(piece) for piece in pattern.split("%"))


def _fates(
    accepted: Accepted, recipient: str, received: datetime, later: datetime
) -> Iterator[tuple[datetime, str, str, str]]:
    if recipient in accepted.suppressed:
        yield received, "rejected", "suppressed", "recipient is on the suppression list"
        return
    match recipient.rpartition("@")[0].lower():
        case "bounce":
            yield received, "deliveryFailed", "hardBounce", "550 5.1.1 no such user"
        case "queue":
            yield received, "queued", "", "451 4.3.0 try again later"
            yield later, "delivered", "", ""
        case _:
            yield received, "delivered", "", ""


def _row(accepted: Accepted, recipient: str, moment: datetime, session: str) -> Json:
    minute = moment.replace(second=0)
    return {
        "date": f"{moment:%Y-%m-%d}",
        "datetime": _time(moment),
        "datetimeMinute": _time(minute),
        "datetimeFiveMinutes": _time(minute - timedelta(minutes=minute.minute % 5)),
        "datetimeFifteenMinutes": _time(minute - timedelta(minutes=minute.minute % 15)),
        "datetimeHour": _time(minute.replace(minute=0)),
        "from": accepted.author,
        "to": recipient,
        "envelopeTo": recipient,
        "subject": accepted.subject,
        "eventType": "newEmail",
        "sendingDomain": domain_of(accepted.sender),
        "messageId": accepted.message_id,
        "sessionId": session,
        "arc": "none",
        "dkim": "pass",
        "dmarc": "pass",
        "spf": "pass",
        "isSpam": 0,
        "isNDR": 0,
    }
