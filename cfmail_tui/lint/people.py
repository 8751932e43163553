"""The rules for who a mail is from and who it goes to."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from cfmail_tui.lint.domains import meant
from cfmail_tui.lint.rules import Flaw, Looked, Mend, Rule, problems_of
from cfmail_tui.message import AddressList, Draft, Entry, Place, printable, read_mailboxes, same_address, without_entry
from cfmail_tui.submission import RECIPIENT_LIMIT

_FIELDS: Final = {Place.FROM: "sender", Place.TO: "to", Place.CC: "cc", Place.BCC: "bcc", Place.REPLY_TO: "reply_to"}


def _repeated(looked: Looked) -> Iterator[Flaw]:
    """A second time among To and Cc, or within Bcc."""
    reading = looked.reading
    for lists in ((reading.to, reading.cc), (reading.bcc,)):
        seen: dict[str, Place] = {}
        for found in lists:
            for entry in found.entries:
                address = entry.mailbox.addr_spec
                if first := seen.get(same_address(address)):
                    where = "here" if first is found.place else f"in {first}"
                    words = f"{printable(address)} stands {where} already; it gets one mail"
                    yield Flaw(found.place, words, entry.start, _without(found.place, entry))
                seen.setdefault(same_address(address), found.place)


def _hidden_and_shown(looked: Looked) -> Iterator[Flaw]:
    reading = looked.reading
    shown = {
        same_address(entry.mailbox.addr_spec): found.place
        for found in (reading.cc, reading.to)
        for entry in found.entries
    }
    for entry in reading.bcc.entries:
        address = entry.mailbox.addr_spec
        if place := shown.get(same_address(address)):
            words = f"{printable(address)} is to be hidden, and is shown in {place}"
            yield Flaw(Place.BCC, words, entry.start, _without(Place.BCC, entry))


def _without(place: Place, entry: Entry) -> Mend:
    """Takes this entry out of a list."""

    def mend(draft: Draft) -> Draft:
        found = read_mailboxes(_text(draft, place), place)
        if entry not in found.entries:
            return draft
        return _with(draft, place, without_entry(found, found.entries.index(entry)))

    return mend


def _mistyped(looked: Looked) -> Iterator[Flaw]:
    reading = looked.reading
    for found in (reading.sender, *looked.recipients, reading.reply_to):
        for entry in found.entries:
            if known := meant(entry.mailbox.domain):
                words = f"{printable(entry.mailbox.addr_spec)}: is {known} meant?"
                at = _domain_at(found, entry)
                mend = None if at is None else partial(_with_domain, found.place, entry, known)
                yield Flaw(found.place, words, entry.start if at is None else at, mend)


def _domain_at(found: AddressList, entry: Entry) -> int | None:
    """Where the domain of an entry is spelled as it is read; None where it is not."""
    domain = f"@{entry.mailbox.domain}"
    at = found.text[entry.start : entry.end].lower().rfind(domain)
    return None if at < 0 else entry.start + at + 1


def _with_domain(place: Place, entry: Entry, right: str, draft: Draft) -> Draft:
    """With the other domain in this entry of a list."""
    found = read_mailboxes(_text(draft, place), place)
    at = _domain_at(found, entry) if entry in found.entries else None
    if at is None:
        return draft
    return _with(draft, place, found.text[:at] + right + found.text[at + len(entry.mailbox.domain) :])


def _text(draft: Draft, place: Place) -> str:
    text: str = getattr(draft, _FIELDS[place])
    return text


def _with(draft: Draft, place: Place, text: str) -> Draft:
    match place:
        case Place.FROM:
            return replace(draft, sender=text)
        case Place.TO:
            return replace(draft, to=text)
        case Place.CC:
            return replace(draft, cc=text)
        case Place.BCC:
            return replace(draft, bcc=text)
        case _:
            return replace(draft, reply_to=text)


def _suppressed(looked: Looked) -> Iterator[Flaw]:
    suppressed = looked.known.suppressed
    for found in looked.recipients if suppressed else ():
        for entry in found.entries:
            address = entry.mailbox.addr_spec
            if (reason := suppressed.get(address.casefold())) is not None:
                why = f" ({printable(reason, 200)})" if reason else ""
                words = f"{printable(address)} is on the suppression list{why}: Cloudflare will not send to it"
                yield Flaw(found.place, words, entry.start, _without(found.place, entry))


def _domain_not_onboarded(found: AddressList, domains: frozenset[str] | None) -> Iterator[tuple[Entry, str]]:
    for entry in found.entries if domains is not None else ():
        domain = entry.mailbox.domain
        if not _is_among(domain, domains or frozenset()):
            yield entry, domain


def _is_among(domain: str, domains: frozenset[str]) -> bool:
    labels = domain.split(".")
    return domain in domains or any(f"*.{'.'.join(labels[at:])}" in domains for at in range(1, len(labels)))


def _sender_domain(looked: Looked) -> Iterator[Flaw]:
    for entry, domain in _domain_not_onboarded(looked.reading.sender, looked.known.domains):
        words = f"{printable(domain)} was none of this account's sending domains when it was checked (F11)"
        yield Flaw(Place.FROM, f"{words}: Cloudflare may refuse the mail", entry.start)


def _reply_to_domain(looked: Looked) -> Iterator[Flaw]:
    for entry, domain in _domain_not_onboarded(looked.reading.reply_to, looked.known.domains):
        yield Flaw(
            Place.REPLY_TO,
            f"answers go to {printable(domain)}, which is no sending domain of this account",
            entry.start,
        )


_LIMITS: Final = "Cloudflare, limits"

RULES: Final = (
    Rule(
        "no-sender",
        "From is empty",
        "RFC 5322 section 3.6.2",
        problems_of("no-sender"),
        weight="stops",
        is_settled=True,
    ),
    Rule(
        "no-recipient",
        "To, Cc and Bcc are all empty",
        "Cloudflare, REST API",
        problems_of("no-recipient"),
        weight="stops",
        is_settled=True,
    ),
    Rule(
        "bad-address",
        "an entry of an address list is no address",
        "RFC 5322 section 3.4",
        problems_of("bad-address"),
        weight="stops",
        is_settled=True,
    ),
    Rule(
        "one-address",
        "several addresses stand in From or Reply-To",
        "Cloudflare, REST API",
        problems_of("one-address"),
        weight="stops",
        is_settled=True,
    ),
    Rule(
        "too-many-recipients",
        f"there are more than {RECIPIENT_LIMIT} recipients",
        _LIMITS,
        problems_of("too-many-recipients"),
        weight="stops",
        is_settled=True,
    ),
    Rule("repeated-recipient", "a recipient stands twice", "", _repeated, fix="take it out"),
    Rule(
        "hidden-and-shown",
        "a recipient in Bcc stands in To or Cc, too",
        "",
        _hidden_and_shown,
        fix="take it out of Bcc",
    ),
    Rule("mistyped-domain", "a domain is one slip away from a well-known one", "", _mistyped, fix="write that one"),
    Rule(
        "suppressed",
        "a recipient is on the suppression list",
        "Cloudflare, suppressions",
        _suppressed,
        fix="take it out",
    ),
    Rule("sender-domain", "the From domain is not onboarded", "Cloudflare, domains", _sender_domain),
    Rule("reply-to-domain", "the Reply-To domain is not onboarded", "", _reply_to_domain, weight="note"),
)
