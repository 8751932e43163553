"""The rules for the header of a raw message, and for the headers of its parts."""

import re
from collections.abc import Iterator
from typing import Final

from cfmail_tui.message import (
    LISTED_FIELDS,
    HeaderField,
    MessageError,
    Place,
    is_extension,
    is_owned,
    parse_mailboxes,
    printable,
    unsubscribe_faults,
)
from cfmail_tui.mime.changes import Change, place_of
from cfmail_tui.mime.field_encoding import encoded_field
from cfmail_tui.mime.fields import BLIND_FIELDS, RawField
from cfmail_tui.mime.lines import LINE_LIMIT, newline_of
from cfmail_tui.mime.parts import HEADER_LIMIT, fields_of
from cfmail_tui.mime.repair import end_of_fields, first_unsendable
from cfmail_tui.mime.rules import Flaw, Looked, Rule
from cfmail_tui.mime.words import decoded_words

_ONCE_AT_MOST: Final = frozenset(
    {
        *("sender", "reply-to", "to", "cc", "in-reply-to", "references", "subject"),
        *("mime-version", "content-type", "content-transfer-encoding", "content-disposition", "content-id"),
    }
)
_ONCE_OR_REFUSED: Final = ("From", "Date", "Message-ID")

_CARRIED: Final = frozenset(
    {
        *("from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "mime-version"),
        *("content-type", "content-transfer-encoding", "content-disposition", "content-id", "content-description"),
        *LISTED_FIELDS,
    }
)


def is_carried(name: str) -> bool:
    """Whether Cloudflare says that it carries a header field of this name, in lower case, or writes it itself."""
    return name in _CARRIED or is_extension(name)


def _empty(looked: Looked) -> Iterator[Flaw]:
    if looked.is_blank:
        yield Flaw("the message", "the message is empty")


def _too_long(looked: Looked) -> Iterator[Flaw]:
    size = looked.root.body - looked.root.start
    if size > HEADER_LIMIT:
        # A Bcc field behind what is looked through would leave unseen.
        yield Flaw("the header", f"the header has {size:,} octets, over {HEADER_LIMIT:,} are not looked through", 0)


def _no_from(looked: Looked) -> Iterator[Flaw]:
    if not looked.is_blank and looked.lacks("from"):
        yield Flaw("From", "there is no From field in the header")


def _repeated(looked: Looked, names: frozenset[str]) -> Iterator[tuple[RawField, list[RawField]]]:
    found: dict[str, list[RawField]] = {}
    for field in looked.fields:
        found.setdefault(field.name.lower(), []).append(field)
    yield from ((fields[0], fields[1:]) for name, fields in found.items() if name in names and len(fields) > 1)


def _twice(looked: Looked) -> Iterator[Flaw]:
    spelled = {name.lower(): name for name in _ONCE_OR_REFUSED}
    for first, others in _repeated(looked, frozenset(spelled)):
        name = spelled[first.name.lower()]
        words = f"{name} stands {len(others) + 1} times in the header, once is allowed"
        yield Flaw(name, words, others[0].start, all(one.body == first.body for one in others))


def _more_than_once(looked: Looked) -> Iterator[Flaw]:
    for first, others in _repeated(looked, _ONCE_AT_MOST):
        words = f"{first.name} stands {len(others) + 1} times in the header; programs differ in which one they believe"
        yield Flaw(first.name, words, others[0].start, all(one.body == first.body for one in others))


def _without_copies(looked: Looked, offset: int) -> list[Change]:
    named = next((field.name.lower() for field in looked.fields if field.start == offset), "")
    return [_removed(field) for field in looked.named(named)[1:]]


def _removed(field: RawField) -> Change:
    return Change(field.name, printable(field.body), "", field.start, field.end, b"")


def _no_date(looked: Looked) -> Iterator[Flaw]:
    if not looked.is_blank and looked.lacks("date"):
        yield Flaw("Date", "there is no Date field in the header", None)


def _no_message_id(looked: Looked) -> Iterator[Flaw]:
    if not looked.is_blank and looked.lacks("message-id"):
        yield Flaw("Message-ID", "there is no Message-ID field in the header", None)


def _with_date(looked: Looked, _: int) -> list[Change]:
    return _added(looked, "Date", looked.date)


def _with_message_id(looked: Looked, _: int) -> list[Change]:
    return _added(looked, "Message-ID", looked.message_id)


def _added(looked: Looked, name: str, body: str) -> list[Change]:
    if not body:
        return []
    at = end_of_fields(looked.source, looked.root)
    lead = b"" if at == 0 or looked.source[at - 1 : at] == b"\n" else newline_of(looked.source)
    if looked.source[at - 1 : at] == b"\r":
        lead = b"\r\n"  # with a LF alone that CR would be an empty line
    return [Change(name, "", body, at, at, lead + f"{name}: {body}".encode() + newline_of(looked.source))]


def _no_mime_version(looked: Looked) -> Iterator[Flaw]:
    described = [field for field in looked.fields if field.name.lower().startswith("content-")]
    if described and looked.lacks("mime-version"):
        words = f"there is no MIME-Version, so {described[0].name} has no meaning"
        yield Flaw("MIME-Version", words, described[0].start)


def _with_mime_version(looked: Looked, _: int) -> list[Change]:
    return _added(looked, "MIME-Version", "1.0")


def _bad_date(looked: Looked) -> Iterator[Flaw]:
    from email.utils import parsedate_tz

    for field in looked.named("date"):
        if parsedate_tz(field.body[:200]) is None:
            yield Flaw("Date", f"“{printable(field.body)}” is not a date", field.start)


def _bad_message_id(looked: Looked) -> Iterator[Flaw]:
    for field in looked.named("message-id"):
        if not re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>", field.body):
            yield Flaw("Message-ID", f"“{printable(field.body)}” is not of the form <left@right>", field.start)


def _bad_addresses(looked: Looked) -> Iterator[Flaw]:
    for field in looked.named("from", "sender", "reply-to", "to", "cc"):
        try:
            found = parse_mailboxes(decoded_words(field.body), Place.MESSAGE)
        except MessageError as error:
            yield Flaw(field.name, f"{field.name}: {error.problems[0].words}", field.start)
            continue
        if field.name.lower() == "from" and len(found) > 1 and not looked.named("sender"):
            yield Flaw("From", f"{len(found)} addresses in From need a Sender field that names one", field.start)
        if not found:
            yield Flaw(field.name, f"{field.name} has no address in it", field.start)


def _blind(looked: Looked) -> Iterator[Flaw]:
    blind = looked.named(*(name.lower() for name in BLIND_FIELDS))
    if blind:
        words = "a Bcc field stands in the header, every recipient would see it: remove it, the envelope delivers"
        yield Flaw(blind[0].name, words, blind[0].start)


def _without_blind(looked: Looked, _: int) -> list[Change]:
    return [_removed(field) for field in looked.named(*(name.lower() for name in BLIND_FIELDS))]


def _mbox_line(looked: Looked) -> Iterator[Flaw]:
    if looked.source.startswith((b"From ", b">From ")):
        yield Flaw("the header", "the first line is of an mbox file, not of the message", 0)


def _without_first_line(looked: Looked, _: int) -> list[Change]:
    end = looked.source.find(b"\n") + 1 or len(looked.source)
    line = looked.source[:end].decode("utf-8", "replace").strip()
    return [Change("the header", printable(line), "", 0, end, b"")]


def _lines_that_are_no_field(looked: Looked) -> Iterator[Flaw]:
    for region in looked.regions:
        if region.kind != "header":
            continue
        at, end = (
            region.start,
            end_of_fields(looked.source, region.part) if region.end < region.part.end else region.end,
        )
        gaps = []
        for field in fields_of(looked.source, region.part):
            gaps.append((at, field.start))
            at = field.end
        for start, stop in (*gaps, (at, end)):
            line = looked.source[start:stop].strip().partition(b"\n")[0].decode("utf-8", "replace")
            if line and not (start == 0 and line.startswith(("From ", ">From "))):
                where = place_of(region.part, "header") if region.part.number else "the header"
                yield Flaw(where, f"“{printable(line)}” in {where} is no header field", start)


def _all_header(looked: Looked) -> Iterator[Flaw]:
    root = looked.root
    if root.body == root.end and not looked.is_blank and not re.search(rb"(?:\A|\n)\r?\n\Z", looked.source):
        yield Flaw("the header", "no empty line ends the header: there is no body", max(0, root.end - 1))


def _with_empty_line(looked: Looked, _: int) -> list[Change]:
    newline, end = newline_of(looked.source), len(looked.source)
    new = newline if looked.source.endswith(b"\n") else newline * 2
    return [Change("the header", "", "an empty line at its end", end, end, new)]


def _raw_fields(looked: Looked) -> Iterator[tuple[RawField, str, bool]]:
    """Fields with raw UTF-8, their place, and whether a signature covers them."""
    if looked.source.isascii():
        return
    for region in looked.regions:
        if region.kind == "header" and not looked.source[region.start : region.end].isascii():
            for field in fields_of(looked.source, region.part):
                octets = looked.source[field.start : field.end]
                if not octets.isascii() and first_unsendable(octets) is None:
                    yield field, place_of(region.part, field.name), region.is_signed


def _raw_header(looked: Looked) -> Iterator[Flaw]:
    for field, place, is_signed in _raw_fields(looked):
        octets = looked.source[field.start : field.end]
        may_be_mended = not is_signed and encoded_field(octets, "utf-8") is not None
        words = f"{place} has raw UTF-8 in it, which many mail systems do not take in a header"
        yield Flaw(place, words, field.start, may_be_mended)


def _encoded_header(looked: Looked, offset: int) -> list[Change]:
    for field, place, _ in _raw_fields(looked):
        new = encoded_field(looked.source[field.start : field.end], "utf-8")
        if field.start == offset and new is not None:
            after = " ".join(new.partition(b":")[2].decode().split())
            return [Change(place, printable(field.body, 200), printable(after, 200), field.start, field.end, new)]
    return []


def _signed(looked: Looked) -> Iterator[Flaw]:
    for field in looked.named("dkim-signature"):
        words = "a DKIM-Signature stands in the header: Cloudflare signs itself, and this one may not match on arrival"
        yield Flaw(field.name, words, field.start)


def _owned(looked: Looked) -> Iterator[Flaw]:
    for field in looked.fields:
        name = field.name.lower()
        if is_owned(name) and name != "dkim-signature":
            words = f"{field.name} is for mail systems to write; Cloudflare may refuse or replace it"
            yield Flaw(field.name, words, field.start)


def _without_field(looked: Looked, offset: int) -> list[Change]:
    return [_removed(field) for field in looked.fields if field.start == offset]


def _not_listed(looked: Looked) -> Iterator[Flaw]:
    for field in looked.fields:
        name = field.name.lower()
        if not is_carried(name) and name != "resent-bcc" and not is_owned(name):
            words = f"{field.name} is not among the header fields that Cloudflare says it carries"
            yield Flaw(field.name, words, field.start)


def _list_unsubscribe(looked: Looked) -> Iterator[Flaw]:
    for at, words in unsubscribe_faults([HeaderField(field.name, field.body) for field in looked.fields]):
        yield Flaw(looked.fields[at].name, words, looked.fields[at].start)


def folded(field: bytes) -> bytes | None:
    """A field with the lines that are too long folded at blanks they have; None where one has no blank."""
    newline = b"\r\n" if b"\r\n" in field else b"\n"
    lines = []
    for long_line in field.splitlines(keepends=True):
        line = long_line
        while len(line.rstrip(b"\r\n")) > LINE_LIMIT:
            cut = max(line.rfind(b" ", 1, 78), line.rfind(b"\t", 1, 78))
            if cut < 0 or not line[:cut].strip(b" \t"):
                found = re.compile(rb"(?<=[^ \t])[ \t]").search(line, 1, LINE_LIMIT)
                if not found:
                    return None
                cut = found.start()
            lines.append(line[:cut] + newline)
            line = line[cut:]
        lines.append(line)
    return b"".join(lines)


RULES: Final = (
    Rule("empty", "RFC 5322 section 3.6", _empty, weight="stops"),
    Rule("header-too-long", "Cloudflare, limits", _too_long, weight="stops"),
    Rule("no-from", "RFC 5322 section 3.6", _no_from, weight="stops"),
    Rule("twice", "RFC 5322 section 3.6", _twice, fix="remove the copies", mend=_without_copies, weight="stops"),
    Rule("bcc", "RFC 5322 section 3.6.3", _blind, fix="remove the field", mend=_without_blind, weight="stops"),
    Rule("repeated", "RFC 5322 section 3.6", _more_than_once, fix="remove the copies", mend=_without_copies),
    Rule("no-date", "RFC 5322 section 3.6", _no_date, fix="write the time of now", mend=_with_date),
    Rule("no-message-id", "RFC 5322 section 3.6.4", _no_message_id, fix="write a new one", mend=_with_message_id),
    Rule("bad-date", "RFC 5322 section 3.3", _bad_date),
    Rule("bad-message-id", "RFC 5322 section 3.6.4", _bad_message_id),
    Rule("bad-address", "RFC 5322 section 3.4", _bad_addresses),
    Rule("no-mime-version", "RFC 2045 section 4", _no_mime_version, fix="write the field", mend=_with_mime_version),
    Rule("mbox-line", "RFC 4155", _mbox_line, fix="remove the line", mend=_without_first_line),
    Rule("no-field", "RFC 5322 section 2.2", _lines_that_are_no_field),
    Rule("no-end-of-header", "RFC 5322 section 2.1", _all_header, fix="add an empty line", mend=_with_empty_line),
    Rule("raw-header", "RFC 2047 section 1", _raw_header, fix="write encoded words", mend=_encoded_header),
    Rule("dkim", "RFC 6376 section 3.5", _signed, fix="remove the field", mend=_without_field),
    Rule("owned-field", "Cloudflare, email headers", _owned, fix="remove the field", mend=_without_field),
    Rule("unlisted-field", "Cloudflare, email headers", _not_listed, weight="note"),
    Rule("list-unsubscribe", "RFC 8058 section 3.1", _list_unsubscribe),
)
