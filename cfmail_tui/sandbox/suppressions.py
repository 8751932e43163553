"""The account's suppression list: whom no mail is sent to.

The sandbox adds no entry by itself when a recipient bounces, as the service does for seven days, because `bounce@...`
would then answer differently the second time. `suppressed@...` is always on the list, as a hard bounce that nobody can
take off; it is named when it is asked for by its address.
"""

import base64
import json
import re
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from cfmail_tui.sandbox.answers import Answer, ApiError, Json, success
from cfmail_tui.sandbox.routing import Request
from cfmail_tui.sandbox.schema import load_object, parse_address
from cfmail_tui.sandbox.state import State, stamp

MAX_NOTE = 1000
MAX_IMPORT = 1000
IMPORTS_PER_MINUTE = 10

_KEYS = frozenset({"email", "expires_at", "note", "scope"})
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Suppression:
    id: str
    email: str
    domain: str | None
    """The sending domain it holds for; None for the whole account."""
    created_at: datetime
    expires_at: datetime | None
    note: str
    reason: str = "manual"
    read_only: bool = False

    @property
    def scope(self) -> Json:
        if self.domain is None:
            return {"type": "account"}
        return {"type": "sending_domain", "value": self.domain}

    def row(self) -> Json:
        row: Json = {
            "id": self.id,
            "email": self.email,
            "reason": self.reason,
            "created_at": stamp(self.created_at),
            "expires_at": stamp(self.expires_at) if self.expires_at else None,
            "read_only": self.read_only,
            "scope": self.scope,
        }
        return {**row, "note": self.note} if self.note else row


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One suppression as a request asks for it."""

    email: str
    domain: str | None
    expires_at: datetime | None
    note: str


class Suppressions:
    def __init__(self, state: State) -> None:
        self._state = state
        self._entries: dict[tuple[str, str | None], Suppression] = {}
        """By address and sending domain, in the order of creation."""
        self._made = 0
        self._imports: list[datetime] = []
        self._lock = threading.Lock()

    def holds(self, address: str, sending_domain: str) -> bool:
        with self._lock:
            return any(
                entry is not None and self._active(entry)
                for entry in (
                    self._entries.get((address.lower(), None)),
                    self._entries.get((address.lower(), sending_domain)),
                )
            )

    def list(self, request: Request) -> Answer:
        """Sending-domain entries first, then the account's, each newest first."""
        query, start = dict(request.query), 0
        if "cursor" in query:
            query, start = _read_cursor(query["cursor"])
        per_page = replace(request, query=query).number("per_page", 100, 1, 1000)
        with self._lock:
            entries = [entry for entry in reversed(self._entries.values()) if self._active(entry)]
        entries += self._always(query.get("email") or query.get("search", ""))
        entries = [entry for entry in entries if _matches(entry, query)]
        entries.sort(key=lambda entry: entry.domain is None)
        shown = entries[start : start + per_page]
        more = start + per_page < len(entries)
        cursor = _write_cursor(query, start + per_page) if more else None
        # The documentation says next_cursor, the official Python paginator reads cursor: both find their way.
        info = {"count": len(shown), "per_page": per_page, "next_cursor": cursor, "cursor": cursor}
        return success([entry.row() for entry in shown], info=info)

    def _always(self, email: str) -> tuple[Suppression, ...]:
        if not is_always(email):
            return ()
        now = self._state.clock()
        number = self._state.identifier("suppression", email.lower())
        until = now + timedelta(days=5)
        return (Suppression(number, email.lower(), None, now - timedelta(days=2), until, "", "hard_bounce", True),)

    def create(self, request: Request) -> Answer:
        entry = self._add(self._wanted(load_object(request.body or b"", _KEYS)))
        return success({"id": entry.id, "scope": entry.scope})

    def bulk(self, request: Request) -> Answer:
        self._count_import()
        items = load_object(request.body or b"", frozenset({"items"})).get("items")
        if not isinstance(items, list) or not 0 < len(items) <= MAX_IMPORT:
            raise _refused(f"items is not an array of 1 to {MAX_IMPORT} suppressions")
        seen: set[tuple[str, str | None]] = set()
        rows: list[Json] = []
        for index, item in enumerate(items):
            try:
                wanted = self._wanted(item)
            except ApiError as error:
                email = item.get("email") if isinstance(item, dict) else None
                row = {"index": index, "status": "invalid", "error": error.reason or error.message}
                rows.append({**row, "email": email} if isinstance(email, str) else row)
                continue
            if (wanted.email, wanted.domain) in seen:
                continue
            seen.add((wanted.email, wanted.domain))
            entry = self._add(wanted)
            rows.append(
                {"index": index, "status": "processed", "id": entry.id, "email": entry.email, "scope": entry.scope}
            )
        processed = sum(row["status"] == "processed" for row in rows)
        counters = {
            "total": len(items),
            "processed": processed,
            "invalid": len(rows) - processed,
            "deduplicated": len(items) - len(rows),
            "errors": 0,
            "skipped": 0,
        }
        return success({**counters, "items": rows})

    def get(self, request: Request) -> Answer:
        with self._lock:
            return success(self._find(request).row())

    def edit(self, request: Request) -> Answer:
        value = load_object(request.body or b"", frozenset({"expires_at", "note", "scope"}))
        if "scope" in value:
            text = "The scope of a suppression cannot be changed"
            raise ApiError(400, "scope_immutable", text)
        with self._lock:
            entry = self._find(request)
            if "expires_at" in value:
                entry = replace(entry, expires_at=self._expiry(value["expires_at"]))
            if "note" in value:
                entry = replace(entry, note=_note(value["note"]))
            self._entries[entry.email, entry.domain] = entry
            return success(entry.row())

    def delete(self, request: Request) -> Answer:
        with self._lock:
            entry = self._find(request)
            del self._entries[entry.email, entry.domain]
            return success({"id": entry.id, "scope": entry.scope})

    def _find(self, request: Request) -> Suppression:
        for entry in self._entries.values():
            if entry.id == request.names["suppression_id"] and self._active(entry):
                return entry
        raise ApiError(404, None, "Suppression not found")

    def _add(self, wanted: _Wanted) -> Suppression:
        """An active suppression of the same address and scope stays as it is."""
        with self._lock:
            there = self._entries.pop((wanted.email, wanted.domain), None)
            if there is not None and self._active(there):
                self._entries[wanted.email, wanted.domain] = there
                return there
            self._made += 1
            number = self._state.identifier("suppression", str(self._made))
            entry = Suppression(
                number, wanted.email, wanted.domain, self._state.clock(), wanted.expires_at, wanted.note
            )
            self._entries[wanted.email, wanted.domain] = entry
            return entry

    def _active(self, entry: Suppression) -> bool:
        return entry.expires_at is None or entry.expires_at > self._state.clock()

    def _wanted(self, value: object) -> _Wanted:
        if not isinstance(value, dict) or value.keys() - _KEYS:
            raise _refused("a suppression has email and, if wanted, expires_at, note and scope")
        try:
            email = parse_address(value.get("email"), "email").lower()
        except ApiError as error:
            raise _refused("The email address is invalid") from error
        return _Wanted(
            email,
            _scope(value.get("scope", {"type": "account"})),
            self._expiry(value.get("expires_at")),
            _note(value.get("note", "")),
        )

    def _expiry(self, value: object) -> datetime | None:
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            moment = None
        if moment is None:
            raise _refused("expires_at is not an RFC 3339 time")
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if moment <= self._state.clock():
            raise _refused("expires_at is in the past")
        return moment

    def _count_import(self) -> None:
        now = self._state.clock()
        with self._lock:
            self._imports = [moment for moment in self._imports if now - moment < timedelta(minutes=1)]
            if len(self._imports) >= IMPORTS_PER_MINUTE:
                wait = self._imports[0] + timedelta(minutes=1) - now
                fields = (("Retry-After", str(int(wait.total_seconds()) + 1)),)
                raise ApiError(429, 10004, "email.sending.error.throttled", header_fields=fields)
            self._imports.append(now)


def is_always(address: str) -> bool:
    """Whether it is on the list without having been put there."""
    return address.lower().startswith("suppressed@")


def _refused(reason: str) -> ApiError:
    """An error of the suppressions API: a message without a code (2.1)."""
    return ApiError(400, None, reason, reason=reason)


def _note(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_NOTE:
        raise _refused(f"note is not text of at most {MAX_NOTE} characters")
    return value


def _scope(value: object) -> str | None:
    match value:
        case {"type": "account", **others} if not others:
            return None
        case {"type": "sending_domain", "value": str(given), **others} if not others:
            domain = given.lower().rstrip(".")
            if _DOMAIN.fullmatch(domain) and len(domain) < 254:
                return domain
    raise _refused("scope is neither the account nor a sending domain")


def _matches(entry: Suppression, query: dict[str, str]) -> bool:
    search = query.get("search", "").lower()
    return (
        query.get("email", entry.email).lower() == entry.email
        and query.get("reason", entry.reason) == entry.reason
        and query.get("scope_type", entry.scope["type"]) == entry.scope["type"]
        and query.get("scope_value", entry.domain or "").lower().rstrip(".") == (entry.domain or "")
        and (not search or entry.email == search or (search.endswith("@") and entry.email.startswith(search)))
    )


def _write_cursor(query: dict[str, str], start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([query, start]).encode()).decode("ascii")


def _read_cursor(cursor: str) -> tuple[dict[str, str], int]:
    """The filters that made the cursor, and where to go on: it carries them, whatever the query says."""
    try:
        query, start = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
        return {str(name): str(value) for name, value in dict(query).items()}, max(int(start), 0)
    except (ValueError, TypeError) as error:
        raise _refused("The cursor is invalid") from error
