"""Sending domains: which sender may send, and the subdomain endpoints that change it (2.1, 3.4).

Every domain is taken for onboarded until a row or the choices say otherwise, so that a test can send from anything.
Deleting a subdomain disables it, posting it enables it again, also for the two special domains.
The codes 2001 (invalid body or name) and 2010 (too many domains) are ours, the others are documented.
"""

import re
import threading
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cfmail_tui.sandbox.answers import Answer, ApiError, Json, json_answer, no_route, success
from cfmail_tui.sandbox.routing import Request, page
from cfmail_tui.sandbox.schema import load_object
from cfmail_tui.sandbox.state import State, stamp

_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}", re.ASCII)
_MAX_PER_ZONE = 30
_IN_THE_WAY = {"mx.conflict": 2008, "spf.multiple": 2026, "dmarc.multiple": 2027}
_MAX_WINDOW = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class SendingDomain:
    tag: str
    name: str
    zone: str
    created: datetime
    modified: datetime
    enabled: bool = True
    preview_enabled: bool = True
    drop_suppressed_recipients: bool = False

    def row(self) -> Json:
        return {
            "tag": self.tag,
            "name": self.name,
            "enabled": self.enabled,
            "created": stamp(self.created),
            "modified": stamp(self.modified),
            "dkim_selector": "cf-bounce",
            "return_path_domain": f"cf-bounce.{self.name}",
            "preview_enabled": self.preview_enabled,
            "drop_suppressed_recipients": self.drop_suppressed_recipients,
        }


class Domains:
    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._rows: dict[str, SendingDomain] = {}
        self._repaired: set[str] = set()
        for name in (*state.choices.sending_domains, *state.choices.disabled_domains):
            zone = next((zone for zone in state.choices.zones if _within(name, zone)), name)
            self._rows[name] = self._new(name, zone, enabled=name in state.choices.sending_domains)

    def check_sender(self, domain: str) -> None:
        with self._lock:
            row = self._rows.get(domain)
        if row is not None and not row.enabled:
            raise ApiError(403, 10203, "email.sending.error.email.sending_disabled")
        if row is None and domain in self._state.choices.unconfigured_domains:
            raise ApiError(403, 10204, "email.sending.error.email.sender_not_configured")

    def drops_suppressed(self, domain: str) -> bool:
        with self._lock:
            row = self._rows.get(domain)
        return row is not None and row.drop_suppressed_recipients

    def zone_names(self) -> tuple[str, ...]:
        """Zones that have a sending domain."""
        with self._lock:
            zones = {row.zone for row in self._rows.values()}
        return tuple(zone for zone in self._state.choices.zones if zone in zones)

    def sending_zones(self, request: Request) -> Answer:
        rows: list[Json] = [{"id": self.zone_id(name), "name": name} for name in self.zone_names()]
        return page(rows, request, default=20, low=1, high=50)

    def zone_id(self, name: str) -> str:
        return self._state.identifier("zone", name)

    def list(self, request: Request) -> Answer:
        zone = self._zone(request)
        with self._lock:
            return success([row.row() for row in self._rows.values() if row.zone == zone])

    def create(self, request: Request) -> Answer:
        zone = self._zone(request)
        name = self._name(request, zone)
        with self._lock:
            there = self._rows.get(name)
            if there is None and sum(row.zone == zone for row in self._rows.values()) >= _MAX_PER_ZONE:
                raise ApiError(400, 2010, "The zone has too many domains", reason=f"{_MAX_PER_ZONE} are allowed")
            row = self._new(name, zone, enabled=True) if there is None else self._switched(there, enabled=True)
            self._rows[name] = row
            return success(row.row())

    def get(self, request: Request) -> Answer:
        with self._lock:
            return success(self._find(request).row())

    def edit(self, request: Request) -> Answer:
        known = frozenset({"preview_enabled", "drop_suppressed_recipients"})
        value = load_object(request.body or b"", known)
        if not all(isinstance(item, bool) for item in value.values()):
            raise ApiError(400, 2001, "Invalid request body", reason="the settings are booleans")
        with self._lock:
            row = self._find(request)
            row = replace(
                row,
                preview_enabled=value.get("preview_enabled", row.preview_enabled),
                drop_suppressed_recipients=value.get("drop_suppressed_recipients", row.drop_suppressed_recipients),
                modified=self._state.clock(),
            )
            self._rows[row.name] = row
            return success(row.row())

    def delete(self, request: Request) -> Answer:
        with self._lock:
            row = self._switched(self._find(request), enabled=False)
            self._rows[row.name] = row
        return json_answer({"success": True, "errors": [], "messages": []})

    def dns(self, request: Request) -> Answer:
        with self._lock:
            return success(_records(self._find(request).name))

    def dns_status(self, request: Request) -> Answer:
        """The sandbox has no DNS: an enabled domain has its records, unless the choices say otherwise."""
        with self._lock:
            row = self._find(request)
            codes = () if row.name in self._repaired else self._faults(row.name)
        if not row.enabled:
            return success({"status": "unconfigured", "records": [], "errors": []})
        errors: list[Json] = []
        for code in codes:
            family, _, fault = code.partition(".")
            missing = _records(row.name, [family]) if fault == "missing" else []
            if missing and self._state.choices.dns_names_missing:
                errors += ({"code": code, "missing": record} for record in missing)
            else:
                errors.append({"code": code})
        unlocked = row.name in self._state.choices.unlocked_domains
        status = "misconfigured" if errors else "unlocked" if unlocked else "ready"
        absent = {code.removesuffix(".missing") for code in codes}
        present = _records(row.name, {"mx", "spf", "dkim", "dmarc"} - absent)
        return success({"status": status, "records": present, "errors": errors})

    def repair(self, request: Request) -> Answer:
        """Puts missing records in place; foreign ones stay, and are in the way."""
        with self._lock:
            row = self._find(request)
            for code in self._faults(row.name):
                if code in _IN_THE_WAY:
                    raise ApiError(409, _IN_THE_WAY[code], "Conflicting DNS records", reason=code)
            self._repaired.add(row.name)
        return self.dns_status(request)

    def preview(self, request: Request) -> Answer:
        return success({"records": _records(self._name(request, self._zone(request))), "errors": []})

    def complaints(self, request: Request) -> Answer:
        with self._lock:
            self._find(request)
        now = self._state.clock()
        try:
            end = datetime.fromisoformat(request.query.get("end_at", stamp(now)))
            start = datetime.fromisoformat(request.query.get("start_at", stamp(end - timedelta(days=1))))
            good = timedelta() < end - start <= _MAX_WINDOW
        except (ValueError, TypeError):
            good = False
        if not good:
            raise ApiError(422, 2011, "Invalid window", reason="a window of at most 7 days")
        return success({"complaints": 0, "window_start": stamp(start), "window_end": stamp(end)})

    def _faults(self, name: str) -> tuple[str, ...]:
        return tuple(code for domain, code in self._state.choices.dns_faults if domain == name)

    def _zone(self, request: Request) -> str:
        for name in self._state.choices.zones:
            if self.zone_id(name) == request.names["zone_id"]:
                return name
        raise no_route("zone", request.names["zone_id"])

    def _find(self, request: Request) -> SendingDomain:
        zone, tag = self._zone(request), request.names["tag"]
        if not re.fullmatch(r"[0-9a-f]{32}", tag):
            raise ApiError(400, 2028, "Invalid subdomain identifier")
        for row in self._rows.values():
            if row.tag == tag and row.zone == zone:
                return row
        raise ApiError(404, 2033, "Subdomain not found")

    def _name(self, request: Request, zone: str) -> str:
        given = load_object(request.body or b"", frozenset({"name"})).get("name")
        name = given.lower().rstrip(".") if isinstance(given, str) else ""
        if name.startswith("*.") and _within(name[2:], zone):
            raise ApiError(403, 2067, "The account is not entitled to wildcard sending domains")
        if not _NAME.fullmatch(name) or not _within(name, zone):
            raise ApiError(400, 2001, "Invalid domain name", reason=f"not a name within {zone}")
        return name

    def _new(self, name: str, zone: str, *, enabled: bool) -> SendingDomain:
        now = self._state.clock()
        return SendingDomain(self._state.identifier("subdomain", name), name, zone, now, now, enabled)

    def _switched(self, row: SendingDomain, *, enabled: bool) -> SendingDomain:
        return replace(row, enabled=enabled, modified=self._state.clock())


def _within(name: str, zone: str) -> bool:
    return name == zone or name.endswith(f".{zone}")


def _records(name: str, families: Collection[str] = ("mx", "spf", "dkim", "dmarc")) -> list[Json]:
    """What onboarding puts into the zone (3.4); `families` are the parts as the codes of a live diff name them."""
    bounce = f"cf-bounce.{name}"
    mail = [
        {"type": "MX", "name": bounce, "content": f"route{n}.mx.cloudflare.net", "priority": n * 10, "ttl": 1}
        for n in (1, 2, 3)
        if "mx" in families
    ]
    texts = (
        ("spf", bounce, "v=spf1 include:_spf.mx.cloudflare.net ~all"),
        ("dkim", f"cf-bounce._domainkey.{name}", "v=DKIM1; h=sha256; k=rsa; p=c2FuZGJveA=="),
        ("dmarc", f"_dmarc.{name}", "v=DMARC1; p=reject;"),
    )
    wanted = [
        {"type": "TXT", "name": place, "content": text, "ttl": 1} for part, place, text in texts if part in families
    ]
    return [*mail, *wanted]
