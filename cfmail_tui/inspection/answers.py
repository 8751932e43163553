"""What the API's answers say: of each its facts, or the remark why there are none.

Rows that cannot be read are left out, names that could not stand in a path with them.
"""

import re
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar, get_args

from cfmail_tui.frozen import frozen
from cfmail_tui.inspection.causes import Reply, is_refusal, is_unknown_token, shapeless, told, wish
from cfmail_tui.inspection.facts import (
    ENDED,
    DnsRecord,
    DnsStatus,
    Quota,
    Remark,
    SeenAccount,
    SendingDomain,
    TokenKind,
    TokenState,
    TokenStatus,
    What,
)

PAGE_SIZE: Final = 50
"""Rows to ask for at a time: the most that every list gives."""

SKEW_LIMIT: Final = 60.0
"""Seconds by which a clock may be off unmentioned."""

SOON: Final = timedelta(days=14)
"""The end of a token is worth a remark when it is nearer than that."""

Row = TypeVar("Row")


@frozen
class Page(Generic[Row]):
    """Rows of a list; `total` is how many there are in all, None if that was not told."""

    rows: tuple[Row, ...]
    total: int | None = None
    is_full: bool = False

    @property
    def goes_on(self) -> bool:
        return self.is_full if self.total is None else self.total > len(self.rows)


@frozen
class Zone:
    zone_id: str
    name: str


@frozen
class Subdomain:
    """A row of a zone's sending domains."""

    tag: str
    name: str
    enabled: bool


@frozen
class DnsState:
    """How a domain's records stand; `missing` as far as the answer names them."""

    status: DnsStatus = "unknown"
    codes: tuple[str, ...] = ()
    missing: tuple[DnsRecord, ...] = ()

    @property
    def hides_records(self) -> bool:
        """Whether records are missing and it is not said which."""
        if self.missing or self.status in {"ready", "unlocked", "unknown"}:
            return False
        return not self.codes or any(code.endswith(".missing") for code in self.codes)


def token_state(reply: Reply, kind: TokenKind) -> TokenState | Remark:
    """From GET .../tokens/verify for tokens of that kind; "invalid" is none of that kind."""
    answer = told(reply, What.TOKEN)
    if isinstance(answer, Remark):
        return TokenState("unknown", "invalid") if is_unknown_token(reply) else answer
    result = answer.get("result")
    if not isinstance(result, dict):
        return shapeless(What.TOKEN)
    status: TokenStatus = next((known for known in _TOKEN_STATUSES if known == result.get("status")), "unknown")
    return TokenState(kind, status, _time(result.get("expires_on")), _time(result.get("not_before")))


def key_state(reply: Reply) -> TokenState:
    """The state of a global key, from GET /accounts, which every valid one may ask."""
    if is_unknown_token(reply) or is_refusal(reply):
        return TokenState("global key", "invalid")
    return TokenState("global key", "unknown" if isinstance(told(reply, What.ACCOUNTS), Remark) else "active")


def token_remark(state: TokenState, now: datetime) -> Remark | None:
    """What there is to say of a token at that time."""
    if state.status in ENDED:
        return Remark(What.TOKEN, *ENDED[state.status])
    if state.not_before and state.not_before > now:
        return Remark(What.TOKEN, f"the token is not valid before {state.not_before:%Y-%m-%d %H:%M %Z}", "wait for it")
    if state.expires_on and state.expires_on - now < SOON:
        return Remark(What.TOKEN, f"the token expires on {state.expires_on:%Y-%m-%d}", "make a new one before that")
    return None


def skew_remark(skew: float) -> Remark | None:
    """What there is to say of a clock that is so many seconds ahead."""
    if abs(skew) <= SKEW_LIMIT:
        return None
    by = f"{abs(skew) / 60:,.0f} min" if abs(skew) < 7200 else f"{abs(skew) / 3600:,.0f} h"
    words = f"the clock of this machine is {by} {'ahead' if skew > 0 else 'behind'}"
    return Remark(What.CLOCK, words, "set it: secure connections and the end of a token go by it")


def accounts(reply: Reply) -> Page[SeenAccount] | Remark:
    """From GET /accounts."""
    return _page(reply, What.ACCOUNTS, lambda row: SeenAccount(_name_in_path(row["id"]), _text(row["name"])))


def chosen_account(seen: Page[SeenAccount]) -> str | Remark:
    """The account to ask about when none was given: the only one there is."""
    if not seen.rows:
        words = "the token does not tell which account it belongs to"
        return Remark(What.ACCOUNT, words, "type the account ID: it stands in the address of Cloudflare's dashboard")
    if len(seen.rows) > 1 or seen.goes_on:
        return Remark(What.ACCOUNT, f"the token sees {_count(seen)} accounts", "choose one")
    return seen.rows[0].account_id


def may_send(reply: Reply) -> tuple[bool | None, Remark | None]:
    """From GET .../email/sending/suppressions, which asks for the same right as sending."""
    answer = told(reply, What.SENDING)
    if isinstance(answer, Remark):
        return False if is_refusal(reply) else None, answer
    return True, None


def zones(reply: Reply) -> Page[Zone] | Remark:
    """From GET .../email/sending/zones or GET /zones."""
    return _page(reply, What.DOMAINS, lambda row: Zone(_name_in_path(row["id"]), _text(row["name"])))


def no_domains(*, sees_zones: bool) -> Remark:
    """Why there is no sending domain to tell of."""
    if sees_zones:
        action = "onboard a domain in Cloudflare's dashboard, under Email Sending"
        return Remark(What.ONBOARDING, "the account has no sending domain", action)
    return Remark(What.DOMAINS, "the token sees no zone, and so no sending domain", wish(What.DOMAINS))


def subdomains(reply: Reply) -> tuple[Subdomain, ...] | Remark:
    """From GET /zones/{z}/email/sending/subdomains, which has no pages."""

    def read(row: dict[str, Any]) -> Subdomain:
        return Subdomain(_name_in_path(row["tag"]), _text(row["name"]), row.get("enabled") is True)

    page = _page(reply, What.DOMAINS, read)
    return page if isinstance(page, Remark) else page.rows


def dns_state(reply: Reply) -> DnsState | Remark:
    """From GET .../subdomains/{tag}/dns/status."""
    answer = told(reply, What.DNS)
    if isinstance(answer, Remark):
        return answer
    result = answer.get("result")
    if not isinstance(result, dict):
        return shapeless(What.DNS)
    status: DnsStatus = next((known for known in _DNS_STATUSES if known == result.get("status")), "unknown")
    given = result.get("errors")
    errors = given if isinstance(given, list) else []
    missing = dict.fromkeys(record for error in errors for record in _named(error))
    return DnsState(status, tuple(filter(None, map(_dns_code, errors))), tuple(missing))


def dns_records(reply: Reply) -> tuple[DnsRecord, ...] | Remark:
    """The records that a domain should have, from GET .../subdomains/{tag}/dns."""
    page = _page(reply, What.DNS, _record)
    return page if isinstance(page, Remark) else page.rows


def sending_domain(
    subdomain: Subdomain, zone: str, state: DnsState | None = None, expected: Collection[DnsRecord] = ()
) -> SendingDomain:
    """A domain with what its DNS lacks; `expected` are its records if the state does not name the missing ones."""
    state = state or DnsState()
    absent = {code.partition(".")[0] for code in state.codes if code.endswith(".missing")}
    lacking = tuple(record for record in expected if not state.codes or _family(record) in absent)
    unlocked = (_UNLOCKED,) if state.status == "unlocked" else ()
    faults = (*dict.fromkeys(map(_dns_fault, state.codes)), *unlocked)
    return SendingDomain(subdomain.name, zone, subdomain.enabled, state.status, state.missing or lacking, faults)


def verified(reply: Reply) -> Page[str] | Remark:
    """From GET .../email/routing/addresses?verified=true."""
    return _page(reply, What.ADDRESSES, lambda row: _text(row["email"]))


def quota(reply: Reply) -> Quota | Remark:
    """From GET .../email/sending/limits, which is in no document but the API's schema, and may not be there."""
    answer = told(reply, What.QUOTA)
    if isinstance(answer, Remark):
        return answer
    result = answer.get("result")
    if not isinstance(result, dict) or not {"quota", "usage"} & result.keys():
        return shapeless(What.QUOTA)
    limit, usage = (value if isinstance(value, dict) else {} for value in (result.get("quota"), result.get("usage")))
    unit = limit.get("unit")
    return Quota(
        limit=_number(limit.get("value")),
        unit=_text(unit) if isinstance(unit, str) and unit else "",
        sent=_number(usage.get("sent")),
        resets_at=_time(usage.get("resets_at")),
    )


def truncated(what: What, found: Page[Any], looked_at: int) -> Remark | None:
    """That a list is longer than what was looked at."""
    if not found.goes_on and len(found.rows) <= looked_at:
        return None
    return Remark(what, f"there are {_count(found)} {_NOUNS[what]}, only {looked_at} were looked at")


_TOKEN_STATUSES: Final[tuple[TokenStatus, ...]] = get_args(TokenStatus)
_DNS_STATUSES: Final[tuple[DnsStatus, ...]] = get_args(DnsStatus)
_NAME_IN_PATH: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_NOUNS: Final = {
    What.ACCOUNTS: "accounts",
    What.DOMAINS: "zones",
    What.DNS: "sending domains",
    What.ADDRESSES: "verified addresses",
}

_DNS_RECORDS: Final = {"mx": "MX", "spf": "SPF", "dkim": "DKIM", "dmarc": "DMARC"}
_DNS_FAULTS: Final = {
    "missing": "its {} record is missing",
    "multiple": "it has more than one {} record and may have only one",
    "conflict": "another {} record stands where Cloudflare's belongs",
}
_DNS_CODES: Final = {"2008": "mx.conflict", "2026": "spf.multiple", "2027": "dmarc.multiple"}
_UNLOCKED: Final = "its records are not locked: they can be changed by hand"


def _page(reply: Reply, what: What, read: Callable[[dict[str, Any]], Row]) -> Page[Row] | Remark:
    """The rows that can be read; `read` raises KeyError or TypeError for one that cannot."""
    answer = told(reply, what)
    if isinstance(answer, Remark):
        return answer
    given = answer.get("result")
    if not isinstance(given, list):
        return shapeless(what)
    info = answer.get("result_info")
    total = _number(info.get("total_count")) if isinstance(info, dict) else None
    return Page(tuple(_readable(given, read)), total, len(given) >= PAGE_SIZE)


def _readable(given: list[Any], read: Callable[[dict[str, Any]], Row]) -> Iterator[Row]:
    for row in given:
        if isinstance(row, dict):
            try:
                yield read(row)
            except (KeyError, TypeError):
                continue


def _count(page: Page[Any]) -> str:
    if page.total is not None and page.total > len(page.rows):
        return f"{page.total:,}"
    return f"more than {len(page.rows):,}" if page.goes_on else f"{len(page.rows):,}"


def _text(value: object) -> str:
    """Text without the lone surrogates that JSON can spell; TypeError for anything else, and for none."""
    if not isinstance(value, str) or not value:
        raise TypeError
    return value.encode("utf-8", "replace").decode()


def _name_in_path(value: object) -> str:
    if not isinstance(value, str) or not _NAME_IN_PATH.fullmatch(value):
        raise TypeError
    return value


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _time(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and not moment.tzinfo else moment


def _dns_code(error: object) -> str:
    code = (error.get("code") or error.get("message")) if isinstance(error, dict) else error
    text = str(code).encode("utf-8", "replace").decode() if isinstance(code, str | int) else ""
    return _DNS_CODES.get(text, text)


def _dns_fault(code: str) -> str:
    family, _, fault = code.partition(".")
    if family not in _DNS_RECORDS:
        return code
    record = _DNS_RECORDS[family]
    return _DNS_FAULTS[fault].format(record) if fault in _DNS_FAULTS else f"its {record} record is not right ({fault})"


def _named(error: object) -> Iterator[DnsRecord]:
    """The records that an error calls missing."""
    missing = error.get("missing") if isinstance(error, dict) else None
    return _readable(missing if isinstance(missing, list) else [missing], _record)


def _record(row: dict[str, Any]) -> DnsRecord:
    return DnsRecord(_text(row["type"]), _text(row["name"]), _text(row["content"]), _number(row.get("priority")))


def _family(record: DnsRecord) -> str:
    """The record's part in mail, as the API's codes name it."""
    if record.type.upper() == "MX":
        return "mx"
    if "_domainkey" in record.name:
        return "dkim"
    return "dmarc" if record.name.startswith("_dmarc") else "spf"
