"""The rules for the subject and for header fields of the user's own."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from cfmail_tui.lint.bodies import letters_of, said
from cfmail_tui.lint.rules import Flaw, Looked, Mend, Rule, problems_of
from cfmail_tui.message import (
    LISTED_FIELDS,
    ONE_CLICK,
    SUBJECT_LIMIT,
    Draft,
    HeaderField,
    Place,
    Problem,
    TypedField,
    first_control,
    is_extension,
    is_owned,
    printable,
    typed_fields,
    unsubscribe_faults,
)

VALUE_LIMIT: Final = 2048
"""Octets in the value of a header field of one's own."""

HEADERS_LIMIT: Final = 16 * 1024
"""Octets in all of them: of each the name, the value, and four."""

LISTED_LIMIT: Final = 20
"""Those whose names do not begin with X-."""

_CAPITALS: Final = 8
"""Letters that a subject needs to shout."""

_VALUES: Final = {
    "precedence": ("bulk", "list", "junk"),
    "auto-submitted": ("auto-generated", "auto-replied", "auto-notified"),
    "importance": ("high", "normal", "low"),
    "priority": ("normal", "non-urgent", "urgent"),
    "sensitivity": ("personal", "private", "company-confidential"),
}
"""The values that a field may have, where these are few."""


def _no_subject(looked: Looked) -> Iterator[Flaw]:
    if not looked.draft.subject.strip():
        yield Flaw(Place.SUBJECT, "the mail has no subject")


def _shouted(looked: Looked) -> Iterator[Flaw]:
    subject = looked.draft.subject
    if letters_of(subject) == "capitals" and " " in subject.strip() and _letters(subject) >= _CAPITALS:
        yield Flaw(Place.SUBJECT, "the subject is all capitals, as that of spam is", 0)
    for place, body in ((Place.TEXT, looked.text), (Place.HTML, looked.html)):
        if body.all_capitals and _letters(body.text[:1000]) >= 5 * _CAPITALS:
            yield Flaw(place, "it is all capitals, as spam is", 0)
            return


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _fields_in_subject(looked: Looked) -> Iterator[Flaw]:
    for spot in said(looked.draft.subject):
        yield Flaw(Place.SUBJECT, f"“{printable(spot.shown)}” was left in from a template", spot.offset)


def _without_control(_looked: Looked, _problem: Problem) -> Mend:
    def mend(draft: Draft) -> Draft:
        subject = draft.subject
        while (at := first_control(subject)) is not None:
            subject = f"{subject[:at]} {subject[at + 1 :]}"
        return replace(draft, subject=re.sub(" {2,}", " ", subject).strip())

    return mend


def _without(text: str, field: TypedField) -> str:
    line_end = re.compile(r"\r\n?|\n").match(text, field.end)
    after = text[line_end.end() if line_end else field.end :]
    return text[: field.start] + after if after else text[: field.start].rstrip("\r\n")


def _changed(field: TypedField, change: Callable[[Draft], Draft]) -> Mend:
    """Does this where the header field stands as it did when it was looked at."""
    return lambda draft: change(draft) if field in typed_fields(draft.headers) else draft


def _removed(field: TypedField) -> Mend:
    return _changed(field, lambda draft: replace(draft, headers=_without(draft.headers, field)))


def _rewritten(field: TypedField, body: str) -> Mend:
    def rewritten(draft: Draft) -> Draft:
        text = draft.headers
        return replace(draft, headers=f"{text[: field.start]}{field.name}: {body}{text[field.end :]}")

    return _changed(field, rewritten)


def _field_at(looked: Looked, problem: Problem) -> TypedField:
    return next(field for field in typed_fields(looked.draft.headers) if field.start == problem.offset)


def _out(looked: Looked, problem: Problem) -> Mend:
    return _removed(_field_at(looked, problem))


def _copy_out(looked: Looked, problem: Problem) -> Mend | None:
    """A copy can be taken out; of two values one is the user's to choose."""
    copy = _field_at(looked, problem)
    is_copy = any(
        (field.name.lower(), field.body) == (copy.name.lower(), copy.body) for field in looked.reading.headers.fields
    )
    return _removed(copy) if is_copy else None


def _own_field(looked: Looked, problem: Problem) -> Mend | None:
    """Puts an address or a subject where it belongs, if that is a list or still empty."""
    field = _field_at(looked, problem)
    mend = _changed(field, lambda draft: _moved(draft, field))
    return None if mend(looked.draft) == looked.draft else mend


def _moved(draft: Draft, field: TypedField) -> Draft:
    left, body = replace(draft, headers=_without(draft.headers, field)), field.body
    match field.name.lower():
        case "to":
            return replace(left, to=_joined(draft.to, body))
        case "cc":
            return replace(left, cc=_joined(draft.cc, body))
        case "bcc":
            return replace(left, bcc=_joined(draft.bcc, body))
        case "from" if draft.sender.strip() in {"", body}:
            return replace(left, sender=body)
        case "reply-to" if draft.reply_to.strip() in {"", body}:
            return replace(left, reply_to=body)
        case "subject" if draft.subject.strip() in {"", body}:
            return replace(left, subject=body)
    return draft


def _joined(addresses: str, more: str) -> str:
    return f"{addresses.rstrip().rstrip(',')}, {more}" if addresses.strip() else more


def _owned(looked: Looked) -> Iterator[Flaw]:
    for field in looked.reading.headers.fields:
        if is_owned(field.name.lower()):
            words = f"{field.name} is for Cloudflare to write, and is refused from others"
            yield Flaw(Place.HEADERS, words, field.start, _removed(field))


def _unlisted(looked: Looked) -> Iterator[Flaw]:
    for field in looked.reading.headers.fields:
        name = field.name.lower()
        if name not in LISTED_FIELDS and not is_extension(name) and not is_owned(name):
            words = f"{field.name} is not among the header fields that Cloudflare carries; names that begin with X- are"
            yield Flaw(Place.HEADERS, words, field.start, _removed(field))


def _values(looked: Looked) -> Iterator[Flaw]:
    for field in looked.reading.headers.fields:
        octets = len(field.body.encode())
        allowed = _VALUES.get(field.name.lower())
        if octets > VALUE_LIMIT:
            words = f"{field.name} has {octets:,} octets in its value, at most {VALUE_LIMIT:,} can stand there"
            yield Flaw(Place.HEADERS, words, field.start)
        elif allowed and field.body.lower() not in allowed:
            yield Flaw(Place.HEADERS, f"{field.name} is one of {', '.join(allowed)}", field.start)


def _totals(looked: Looked) -> Iterator[Flaw]:
    fields = looked.reading.headers.fields
    total = sum(len(field.name) + len(field.body.encode()) + 4 for field in fields)
    listed = [field for field in fields if not is_extension(field.name.lower())]
    if total > HEADERS_LIMIT:
        yield Flaw(
            Place.HEADERS, f"{total:,} octets of header fields, the limit is {HEADERS_LIMIT:,}", fields[-1].start
        )
    if len(listed) > LISTED_LIMIT:
        words = f"{len(listed)} header fields that do not begin with X-, the limit is {LISTED_LIMIT}"
        yield Flaw(Place.HEADERS, words, listed[LISTED_LIMIT].start)


def _unsubscribe(looked: Looked) -> Iterator[Flaw]:
    fields = looked.reading.headers.fields
    secure = any(field.name.lower() == "list-unsubscribe" and "https:" in field.body.lower() for field in fields)
    for at, words in unsubscribe_faults([HeaderField(field.name, field.body) for field in fields]):
        field, new = fields[at], ""
        if field.name.lower() == "list-unsubscribe-post":
            new = ONE_CLICK if secure and field.body != ONE_CLICK else ""
        elif _BARE_URIS.fullmatch(field.body):
            new = ", ".join(f"<{uri}>" for uri in re.findall(r"[^<>\s,]+", field.body))
        mend = _rewritten(field, new) if new else None
        yield Flaw(Place.HEADERS, words, field.start, mend)


_BARE_URIS: Final = re.compile(r"(?:<?(?:https|mailto):[^<>\s,]+>?\s*,?\s*)+", re.IGNORECASE)
_HEADERS: Final = "Cloudflare, email headers"

RULES: Final = (
    Rule("no-subject", "the subject is empty", "RFC 5322 section 3.6.5", _no_subject),
    Rule(
        "bad-subject",
        "a line break or another control character stands in the subject",
        "RFC 5322 section 2.2",
        problems_of("bad-subject", _without_control),
        weight="stops",
        fix="put a blank in its place",
        is_settled=True,
    ),
    Rule(
        "long-subject",
        f"the subject has over {SUBJECT_LIMIT} characters",
        "Cloudflare, limits",
        problems_of("long-subject"),
        weight="stops",
        is_settled=True,
    ),
    Rule("template-field-in-subject", "a field of a template is left in the subject", "", _fields_in_subject),
    Rule("all-capitals", "the subject or the body is all capitals", "", _shouted),
    Rule(
        "bad-header",
        "a line is no header field: it has no colon, no value, a bad name or a control character",
        "RFC 5322 section 2.2",
        problems_of("bad-header"),
        weight="stops",
        is_settled=True,
    ),
    Rule(
        "form-header",
        "a header field has a field of its own in the form",
        _HEADERS,
        problems_of("form-header", _own_field),
        weight="stops",
        fix="move it there",
        is_settled=True,
    ),
    Rule(
        "system-header",
        "a header field is one that stands in every mail already",
        _HEADERS,
        problems_of("system-header", _out),
        weight="stops",
        fix="remove it",
        is_settled=True,
    ),
    Rule(
        "repeated-header",
        "a header field stands twice",
        _HEADERS,
        problems_of("repeated-header", _copy_out),
        weight="stops",
        fix="remove the copy",
        is_settled=True,
    ),
    Rule(
        "owned-header",
        "a header field is one that Cloudflare writes itself",
        _HEADERS,
        _owned,
        weight="stops",
        fix="remove it",
    ),
    Rule(
        "unlisted-header",
        "a header field is none of those that Cloudflare carries",
        _HEADERS,
        _unlisted,
        weight="stops",
        fix="remove it",
    ),
    Rule(
        "header-value",
        f"a value is over {VALUE_LIMIT:,} octets, or none of the few that the field may have",
        _HEADERS,
        _values,
        weight="stops",
    ),
    Rule(
        "header-limits",
        f"over {HEADERS_LIMIT:,} octets of header fields, or over {LISTED_LIMIT} that do not begin with X-",
        _HEADERS,
        _totals,
        weight="stops",
    ),
    Rule(
        "list-unsubscribe",
        "List-Unsubscribe or List-Unsubscribe-Post is not in its form",
        "RFC 8058 section 3.1",
        _unsubscribe,
        weight="stops",
        fix="write it in its form",
    ),
)
