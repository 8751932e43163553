"""Header fields of the user's own as typed (RFC 5322 section 2.2), and which of them Cloudflare carries.

What Cloudflare says of them is in its developer docs, Email Service, headers.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from cfmail_tui.frozen import frozen
from cfmail_tui.message.problems import (
    PROBLEM_LIMIT,
    MessageError,
    Place,
    Problem,
    control_name,
    first_control,
    printable,
)

FORM_FIELDS: Final = frozenset({"from", "to", "cc", "bcc", "reply-to", "subject"})
"""Header fields that have a place of their own in the form, and in the API."""

SYSTEM_FIELDS: Final = frozenset(
    {"date", "message-id", "mime-version", "content-type", "content-transfer-encoding", "resent-bcc"}
)
"""Header fields that stand once in every message, whoever asks for others; and the one that would tell of Bcc."""

LISTED_FIELDS: Final = frozenset(
    {
        *("in-reply-to", "references", "list-unsubscribe", "list-unsubscribe-post", "list-id", "list-archive"),
        *("list-help", "list-owner", "list-post", "list-subscribe", "precedence", "auto-submitted"),
        *("content-language", "keywords", "comments", "importance", "priority", "sensitivity", "organization"),
        *("require-recipient-valid-since", "expires", "reply-by", "archived-at"),
    }
)
"""Header fields of one's own that Cloudflare says it carries, beside all that begin with X-."""

_OWNED: Final = re.compile(
    r"return-path|received|dkim-signature|feedback-id|arc-.*|tls-(?:required|report-(?:domain|submitter))"
    r"|cfbl-(?:address|feedback-id)"
)


def is_extension(name: str) -> bool:
    """Whether a header field of this name, in lower case, is one that begins with X-."""
    return re.fullmatch(r"x-[\w-]+", name, re.ASCII) is not None


def is_owned(name: str) -> bool:
    """Whether Cloudflare writes the header field of this name, in lower case, itself, and refuses another's."""
    return _OWNED.fullmatch(name) is not None


class HeaderField(NamedTuple):
    """RFC 5322 section 2.2: a field name and its unfolded body."""

    name: str
    body: str


class TypedField(NamedTuple):
    """A header field as it stands in a text, its line ends not counted in; `has_colon` is False for what is none."""

    name: str
    body: str
    start: int
    end: int
    has_colon: bool = True


@frozen
class HeaderList:
    """Header fields as typed, and what they mean: those that may be sent, and why the other lines are none."""

    text: str
    fields: tuple[TypedField, ...] = ()
    problems: tuple[Problem, ...] = ()


def typed_fields(text: str) -> Iterator[TypedField]:
    """What stands in a text of header fields, one a line; a line that starts with a blank continues the one before."""
    for match in _FOLDED_LINE.finditer(text):
        line = " ".join(piece.strip(" \t") for piece in re.split(r"[\r\n]+", match[0])).strip(" ")
        name, colon, body = line.partition(":")
        if line:
            yield TypedField(name.rstrip(" \t"), body.lstrip(" \t"), match.start(), match.end(), bool(colon))


def read_header_fields(text: str) -> HeaderList:
    """Header fields typed one a line.

    Names are printable ASCII without a colon (RFC 5322 section 3.6.8), values have no control characters, and a name
    stands once, since the API takes them as a JSON object.
    """
    problems: list[Problem] = []
    fields: dict[str, TypedField] = {}
    for field in typed_fields(text):
        key = field.name.lower()
        rule, words = _fault(field, key in fields)
        if not words:
            fields[key] = field
            continue
        problems.append(Problem(Place.HEADERS, words, field.start, rule=rule))
        if len(problems) == PROBLEM_LIMIT:
            break
    return HeaderList(text, tuple(fields.values()), tuple(problems))


def parse_header_fields(text: str) -> tuple[HeaderField, ...]:
    """Header fields typed one a line, see `read_header_fields`. Raises MessageError naming each that is none."""
    read = read_header_fields(text)
    if read.problems:
        raise MessageError(*read.problems)
    return tuple(HeaderField(field.name, field.body) for field in read.fields)


def _fault(field: TypedField, is_repeated: bool) -> tuple[str, str]:
    """The rule that a header field breaks and how, in words; "" where it breaks none."""
    name, body = field.name, field.body
    if not field.has_colon:
        return "bad-header", f"“{printable(name)}” has no colon: write Name: value"
    if not _FIELD_NAME.fullmatch(name):
        words = f"“{printable(name)}” is not a header name: printable ASCII without blanks, 100 characters at most"
        return "bad-header", words
    if (bad := first_control(body)) is not None:
        return "bad-header", f"{name} has {control_name(body[bad])} in it"
    if not body:
        return "bad-header", f"{name} has no value"
    if name.lower() in FORM_FIELDS:
        return "form-header", f"{name} has a field of its own in the form"
    if name.lower() in SYSTEM_FIELDS:
        return "system-header", f"{name} is written by the mail system and cannot be chosen"
    return ("repeated-header", f"{name} stands twice; the API takes it once") if is_repeated else ("", "")


ONE_CLICK: Final = "List-Unsubscribe=One-Click"
"""What List-Unsubscribe-Post says (RFC 8058 section 3.1)."""


def unsubscribe_faults(fields: Sequence[HeaderField]) -> Iterator[tuple[int, str]]:
    """What is wrong with the List-Unsubscribe fields among these: the field's index, and words (RFC 8058)."""
    named = [field for field in fields if field.name.lower() == "list-unsubscribe"]
    for at, field in enumerate(fields):
        match field.name.lower():
            case "list-unsubscribe" if not _UNSUBSCRIBE.fullmatch(field.body):
                yield at, "List-Unsubscribe is a list of <https:...> and <mailto:...>, each in angle brackets"
            case "list-unsubscribe-post":
                if field.body != ONE_CLICK:
                    yield at, f"List-Unsubscribe-Post says {ONE_CLICK} or nothing"
                if not any("<https:" in one.body.lower() for one in named):
                    yield at, "List-Unsubscribe-Post needs a List-Unsubscribe with an https address"


_UNSUBSCRIBE: Final = re.compile(
    r"(?:\s*<(?:https|mailto):[^<>\s]+>\s*,)*\s*<(?:https|mailto):[^<>\s]+>\s*", re.IGNORECASE
)
_FOLDED_LINE: Final = re.compile(r"[^\r\n]+(?:(?:\r\n?|\n)[ \t][^\r\n]*)*")
_FIELD_NAME: Final = re.compile(r"[!-9;-~]{1,100}")
