"""How the envelope of a raw message differs from its header, in words; `prefill` has the one a header suggests.

The envelope alone decides who gets a raw message (RFC 5321 section 2.3.1); the header is what they are shown.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from cfmail_tui.frozen import frozen
from cfmail_tui.message import Mailbox, MessageError, Place, RawDraft, parse_mailboxes, printable, same_address
from cfmail_tui.mime.changes import Change
from cfmail_tui.mime.fields import BLIND_FIELDS, field_bodies, header_fields, without_bcc


def passed_over(source: bytes) -> str:
    """What of the header looks like an envelope and is none, in words; "" for nothing.

    Resent fields tell of an earlier sending, and of whom to only then (RFC 5322 section 3.6.6).
    """
    resent = dict.fromkeys(
        field.name for field in header_fields(source) if field.name.lower().startswith("resent-") and field.body
    )
    names = ", ".join(map(printable, resent))
    return f"{names} tell of an earlier sending and are no part of the envelope" if resent else ""


@frozen
class Difference:
    """One way in which the envelope is not what the header shows; `words` are safe to show."""

    kind: Literal["hidden", "left out", "sender"]
    """Someone gets it whom the header does not name; the header names someone who does not; another sender."""
    address: str
    words: str


def differences(draft: RawDraft) -> tuple[Difference, ...]:
    """Who gets the mail and is not in its header, who is in its header and does not get it, and who it is from.

    An address list that does not parse differs in nothing: that it does not parse is said elsewhere.
    """
    return (*_of_the_sender(draft), *_of_the_recipients(draft))


def _of_the_sender(draft: RawDraft) -> Iterator[Difference]:
    for sender in _understood(draft.sender):
        authors = _understood(", ".join(field_bodies(draft.source, "From")))
        if authors and same_address(sender.addr_spec) not in {same_address(one.addr_spec) for one in authors}:
            words = f"the envelope is from {sender.addr_spec}, the header says {authors[0].addr_spec}"
            if sender.domain not in {one.domain for one in authors}:
                words += ": another domain, which Cloudflare may refuse"
            yield Difference("sender", sender.addr_spec, words)


def _of_the_recipients(draft: RawDraft) -> Iterator[Difference]:
    shown: dict[str, tuple[str, str]] = {}
    for name in ("To", "Cc", "Bcc"):
        for body in field_bodies(draft.source, name):
            for one in _understood(body):
                shown.setdefault(same_address(one.addr_spec), (one.addr_spec, name))
    recipients = {same_address(one.addr_spec): one.addr_spec for one in _understood(draft.recipients)}
    for key, address in recipients.items():
        if key not in shown:
            yield Difference("hidden", address, f"{address} gets it, and the header does not name them")
    if recipients:
        for key, (address, name) in shown.items():
            if key not in recipients:
                yield Difference("left out", address, f"{address} stands in {name}, and does not get it")


def bcc_moved(draft: RawDraft) -> RawDraft:
    """The draft with the addresses of its Bcc fields in the envelope and the fields out of the header.

    Every other octet stays; so does the text of the recipients, to which those that it lacks are added.
    """
    blind = field_bodies(draft.source, *BLIND_FIELDS)
    if not blind:
        return draft
    known = {same_address(address) for address in _addresses(draft.recipients)}
    missing = [address for address in _addresses(", ".join(blind)) if same_address(address) not in known]
    recipients = ", ".join(filter(None, [draft.recipients.strip().rstrip(","), *missing]))
    return replace(draft, recipients=recipients, source=without_bcc(draft.source))


def bcc_removed(source: bytes) -> tuple[Change, ...]:
    """What takes the Bcc fields out of a header; every other octet stays."""
    blind = {name.lower() for name in BLIND_FIELDS}
    return tuple(
        Change(field.name, printable(field.body), "", field.start, field.end, b"")
        for field in header_fields(source)
        if field.name.lower() in blind
    )


def _understood(text: str) -> tuple[Mailbox, ...]:
    try:
        return parse_mailboxes(text, Place.ENVELOPE_RECIPIENTS)
    except MessageError:
        return ()


def _addresses(text: str) -> list[str]:
    """The addresses of a list; one that does not parse is taken as it stands, to be mended where it is seen."""
    try:
        return [mailbox.addr_spec for mailbox in parse_mailboxes(text, Place.ENVELOPE_RECIPIENTS)]
    except MessageError:
        return [text]
