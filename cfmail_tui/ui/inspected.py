"""What was learned of a credential, for the eye: the verdict first, then what it rests on."""

from collections.abc import Iterator

from textual.content import Content

from cfmail_tui.inspection import DnsRecord, Inspection, Quota, SendingDomain, TokenState
from cfmail_tui.ui.fields import Line, fact, plain

_MOST = 8
"""Addresses that are named."""


def verdict(inspection: Inspection) -> Line:
    """Can it send mail now, and if not, what to do."""
    said = inspection.verdict
    mark, style = {True: ("✓", "$text-success"), False: ("✗", "$text-error"), None: ("?", "$text-warning")}[
        said.can_send
    ]
    action = [Content("  → "), plain(said.action)] if said.action else []
    return Line(Content.assemble((f"{mark} ", f"{style} bold"), plain(said.words).stylize("bold"), *action), 2)


def remarks(inspection: Inspection) -> Iterator[Line]:
    """What is wrong or could not be learned, each with what to do; the verdict's own is not said twice."""
    told = inspection.verdict.words
    for remark in inspection.remarks:
        if remark.words != told:
            action = f"  → {remark.action}" if remark.action else ""
            yield Line(Content.assemble(("· ", "$text-warning"), plain(f"{remark.words}{action}")), 2)


def road(inspection: Inspection) -> Iterator[Line]:
    """By which proxy Cloudflare was asked, if by one: whoever runs it may be the cause of what did not work."""
    if inspection.proxy:
        yield Line(Content.assemble((f"{'Via':<10}", "$foreground-muted"), plain(f"proxy {inspection.proxy}", 200)), 10)


def details(inspection: Inspection) -> Iterator[Line]:
    """Everything, a line or a few for each thing."""
    yield verdict(inspection)
    yield from remarks(inspection)
    yield from road(inspection)
    may = {True: "yes", False: "no", None: "not known"}[inspection.may_send]
    facts = {"Token": _token(inspection.token), "May send": may, "Quota": _quota(inspection.quota)}
    facts["Accounts"] = ", ".join(account.name for account in inspection.accounts)
    facts["Verified"] = _few(inspection.verified)
    for name, words in facts.items():
        if words:
            yield fact(name, words)
    for domain in inspection.domains:
        yield fact("Domain", _domain(domain))
        for record in domain.missing:
            yield fact("  add", _record(record))
    if missing_records(inspection):
        yield Line(
            Content.styled("r copies the records to add; cfmail account check prints them.", "$foreground-muted")
        )


def missing_records(inspection: Inspection) -> str:
    """The DNS records to add, a line for each, to be copied; "" where none is known to be missing."""
    return "\n".join(_record(record) for domain in inspection.domains for record in domain.missing)


def _token(token: TokenState) -> str:
    ends = f", until {token.expires_on:%Y-%m-%d}" if token.expires_on else ""
    kind = {"user": "of a user", "account": "of the account", "global key": "global key"}.get(token.kind, "")
    return ", ".join(filter(None, (token.status if token.status != "unknown" else "not known", kind))) + ends


def _quota(quota: Quota | None) -> str:
    if quota is None:
        return ""
    unit = f" per {quota.unit}" if quota.unit else ""
    limit = f"{quota.limit:,} recipients{unit}" if quota.limit is not None else ""
    sent = f"{quota.sent:,} sent" if quota.sent is not None else ""
    again = f"starts again {quota.resets_at:%Y-%m-%d %H:%M %Z}" if quota.resets_at else ""
    return ", ".join(filter(None, (sent, limit, again)))


def _few(addresses: tuple[str, ...]) -> str:
    more = f" and {len(addresses) - _MOST} more" if len(addresses) > _MOST else ""
    return ", ".join(addresses[:_MOST]) + more


def _domain(domain: SendingDomain) -> str:
    if not domain.enabled:
        return f"– {domain.name}: sending is switched off"
    if domain.is_ready or domain.status == "unknown":
        known = "ready" if domain.is_ready else "DNS records not known"
        return f"{'✓' if domain.is_ready else '?'} {domain.name}: {'; '.join([known, *domain.faults])}"
    return f"✗ {domain.name}: {'; '.join(domain.faults) or domain.status}"


def _record(record: DnsRecord) -> str:
    priority = "" if record.priority is None else f"{record.priority} "
    return f"{record.name} {record.type} {priority}{record.content}"
