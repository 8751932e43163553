"""What is known of a credential, told: as JSON for scripts, in words for people. Knows no secret.

The keys, a contract (README):

    verdict     can_send (true, false, null: not known), words, action ("": nothing to do)
    token       kind (user, account, global key, unknown), status (active, disabled, expired, invalid, unknown),
                expires_on, not_before
    account_id  the account that was asked about, null if none was chosen
    accounts    each id, name: those that the token sees
    may_send    true, false, null: not known
    domains     each name, zone, enabled, status, ready, faults, and missing: records as they have to stand in the
                zone, each type, name, content, priority
    verified    addresses that can be written to without limit
    quota       limit, unit, sent, resets_at; null if it was not told, each of them too
    proxy       host and port of the proxy by which Cloudflare was asked, null for none
    skew        seconds by which the clock here is ahead
    remarks     what is wrong or could not be learned, each what, words, action

A time is ISO 8601, or null.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from cfmail_tui.inspection import DnsRecord, Inspection, Quota, Remark, SendingDomain, TokenState
from cfmail_tui.message import printable

_LONGEST: Final = 2000
"""Characters of a text from outside: records are to be copied whole, and a DKIM record is long."""


def as_json(found: Inspection) -> dict[str, Any]:
    verdict, token, quota = found.verdict, found.token, found.quota
    return {
        "verdict": {"can_send": verdict.can_send, "words": verdict.words, "action": verdict.action},
        "token": {
            "kind": token.kind,
            "status": token.status,
            "expires_on": _iso(token.expires_on),
            "not_before": _iso(token.not_before),
        },
        "account_id": found.account_id or None,
        "accounts": [{"id": account.account_id, "name": account.name} for account in found.accounts],
        "may_send": found.may_send,
        "domains": [_domain_as_json(domain) for domain in found.domains],
        "verified": [*found.verified],
        "quota": quota
        and {"limit": quota.limit, "unit": quota.unit, "sent": quota.sent, "resets_at": _iso(quota.resets_at)},
        "proxy": found.proxy or None,
        "skew": found.skew,
        "remarks": [
            {"what": str(remark.what), "words": remark.words, "action": remark.action} for remark in found.remarks
        ],
    }


def _domain_as_json(domain: SendingDomain) -> dict[str, Any]:
    return {
        "name": domain.name,
        "zone": domain.zone,
        "enabled": domain.enabled,
        "status": domain.status,
        "ready": domain.is_ready,
        "faults": [*domain.faults],
        "missing": [
            {"type": record.type, "name": record.name, "content": record.content, "priority": record.priority}
            for record in domain.missing
        ],
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def in_words(found: Inspection, account: str) -> list[str]:
    """The verdict first, then everything it rests on; a line each."""
    return [*verdict_in_words(found), *(printable(line, _LONGEST) for line in _details(found, account))]


def verdict_in_words(found: Inspection) -> list[str]:
    """The sentence that matters most, and the next step."""
    verdict = found.verdict
    return [printable(line, _LONGEST) for line in (verdict.words, verdict.action) if line]


def _details(found: Inspection, account: str) -> Iterator[str]:
    yield _row("account", account)
    if found.proxy:
        yield _row("via", f"proxy {found.proxy}")
    yield _row("token", _token(found.token))
    for seen in found.accounts:
        yield _row("sees", f"{seen.name} ({seen.account_id})")
    yield _row("may send", {True: "yes", False: "no", None: "not known"}[found.may_send])
    for domain in found.domains:
        yield _row("domain", f"{domain.name}: {_state(domain)}")
        yield from (_row("  add", _record(record)) for record in domain.missing)
    for address in found.verified:
        yield _row("verified", address)
    if found.quota:
        yield _row("quota", _quota(found.quota))
    for remark in found.remarks:
        yield _row("remark", _remark(remark))


def _row(label: str, words: str) -> str:
    return f"{label:<10}{words}"


def _token(token: TokenState) -> str:
    kind = {"user": "user's token", "account": "account's token", "unknown": "token"}.get(token.kind, token.kind)
    status = "state not known" if token.status == "unknown" else token.status
    until = f", until {token.expires_on:%Y-%m-%d %H:%M %Z}" if token.expires_on else ""
    return f"{kind}, {status}{until}"


def _state(domain: SendingDomain) -> str:
    if not domain.enabled:
        return "switched off"
    if not domain.faults:
        return "ready" if domain.is_ready else f"DNS records {domain.status}"
    return "; ".join(domain.faults)


def _record(record: DnsRecord) -> str:
    """As a line of a zone file would have it, but for the quotation marks and the time to live."""
    priority = "" if record.priority is None else f"{record.priority} "
    return f"{record.name} {record.type} {priority}{record.content}"


def _quota(quota: Quota) -> str:
    sent = "an unknown number" if quota.sent is None else f"{quota.sent:,}"
    limit = "an unknown limit" if quota.limit is None else f"{quota.limit:,}"
    unit = f" a {quota.unit}" if quota.unit else ""
    until = f", until {quota.resets_at:%Y-%m-%d %H:%M %Z}" if quota.resets_at else ""
    return f"{sent} of {limit}{unit}{until}"


def _remark(remark: Remark) -> str:
    return f"{remark.words}: {remark.action}" if remark.action else remark.words
