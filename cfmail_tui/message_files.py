"""A mail kept as a file: a line for each field between two lines of three dashes, and the body below. Pure.

    ---
    From: Alice <alice@acme.example>
    To: bob@example.net,
     carol@example.net
    Subject: Hello
    X-Campaign: spring
    Attach: report.pdf; filename="Report, final.pdf"
    Inline: logo.png; cid=logo
    Body: markdown
    ---

    Hello **Bob**

A line that begins with a blank goes on with the field before it. `Attach`, `Inline`, `Body` (text, html or markdown)
and `Headers` (lines that are no header fields by themselves, or have a name of the file's own) are the file's own; any
other field is a header field of the mail. A further body begins with a line such as `--- html ---`; where a body has
such a line itself, a backslash stands before it.

Invariants:
- of a draft that was written, the same draft is read, but for what `kept` names;
- each line that makes no sense is told with its number; nothing is passed over.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Final, Literal

from cfmail_tui.frozen import frozen
from cfmail_tui.message import AttachmentDraft, Draft, MessageError, Place, Problem, first_surrogate, printable

Format = Literal["text", "html", "markdown"]
"""What a body is written in, and the draft's field it stands in."""

_FORMATS: Final[tuple[Format, ...]] = ("text", "html", "markdown")

_ADDRESSES: Final = {
    "from": ("sender", Place.FROM),
    "to": ("to", Place.TO),
    "cc": ("cc", Place.CC),
    "bcc": ("bcc", Place.BCC),
    "reply-to": ("reply_to", Place.REPLY_TO),
}
_ONCE: Final = frozenset({"from", "reply-to", "subject", "body"})
_OWN: Final = frozenset({*_ADDRESSES, "subject", "attach", "inline", "body", "headers"})

_BEGINNING: Final = re.compile(rb"(?:\xef\xbb\xbf)?---[ \t]*\r?\n(?:[ \t]*\r?\n)*(?:---[ \t]*(?:\r?\n|$)|[!-9;-~]+:)")
_FIELD: Final = re.compile(r"([!-9;-~]+):[ \t]*(.*?)[ \t]*", re.DOTALL)
_FENCE: Final = re.compile(r"---[ \t]*")
_BODY_LINE: Final = re.compile(r"^(\\*)(?=--- (?:text|html|markdown) ---$)", re.MULTILINE)
_NEXT_BODY: Final = re.compile(r"^--- (text|html|markdown) ---\n?", re.MULTILINE)
_PIECE: Final = re.compile(r'\s*((?:\w+=)?"(?:[^"\\]|\\.)*"|[^;"]*?)\s*(?:;|$)')
_PLAIN_VALUE: Final = re.compile(
    r"[^\s;\"\ud800-\udfff](?:[^;\"\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*[^\s;\"\0-\x1f\x7f-\x9f\ud800-\udfff])?"
)


@frozen
class MessageFile:
    """A draft as it stands in a file, and in which line each of its places begins, from 1."""

    draft: Draft
    lines: Mapping[Place, int] = field(default_factory=dict)


class Malformed(ValueError):  # noqa: N818 - it reads as what it is
    """A line of a file that makes no sense there, by its number from 1."""

    def __init__(self, line: int, words: str) -> None:
        super().__init__(words)
        self.line = line


def is_message_file(content: bytes) -> bool:
    """Whether it begins as such a file does: a line of three dashes, then a field or the end of them."""
    return _BEGINNING.match(content) is not None


def kept(draft: Draft) -> Draft:
    """What a file keeps of a draft.

    Not kept are: a CR (every line ends with LF), blanks around a line of From, To, Cc, Bcc, Reply-To and Subject, empty
    lines there, line breaks in the Subject, and which very file was picked as an attachment.
    """

    def lines(text: str) -> list[str]:
        return [line.strip(" \t") for line in _in_lines(text).split("\n") if line.strip(" \t")]

    return Draft(
        **{name: "\n".join(lines(getattr(draft, name))) for name, _ in _ADDRESSES.values()},
        subject=" ".join(lines(draft.subject)),
        headers=_in_lines(draft.headers),
        **{name: _in_lines(getattr(draft, name)) for name in _FORMATS},
        attachments=tuple(replace(one, seen=None) for one in draft.attachments),
    )


def _in_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def written(draft: Draft) -> str:
    """The file of a draft. Raises MessageError for what is no text: it could not be kept."""
    keeps = kept(draft)
    places = dict(_ADDRESSES.values()) | {"subject": Place.SUBJECT, "headers": Place.HEADERS}
    places |= {"text": Place.TEXT, "html": Place.HTML, "markdown": Place.MARKDOWN}
    broken = [(place, first_surrogate(getattr(keeps, name))) for name, place in places.items()]
    if problems := [Problem(place, _NO_TEXT, at) for place, at in broken if at is not None]:
        raise MessageError(*problems)
    bodies = [(name, text) for name in _FORMATS if (text := getattr(keeps, name))]
    first = bodies[0][0] if bodies else "text"
    return "".join(("---\n", *_header(keeps, first), "---\n", *_bodies(bodies)))


_NO_TEXT: Final = "half a character stands here, which no file can keep"


def _header(draft: Draft, first: Format) -> Iterator[str]:
    values = [("From", draft.sender), ("To", draft.to), ("Cc", draft.cc), ("Bcc", draft.bcc)]
    for name, value in (*values, ("Reply-To", draft.reply_to), ("Subject", draft.subject)):
        if value:
            yield f"{name}: {value.replace(_LF, _FOLD)}\n"
    if draft.headers:
        yield draft.headers + "\n" if _is_plain(draft.headers) else f"Headers:\n {draft.headers.replace(_LF, _FOLD)}\n"
    for one in draft.attachments:
        given = (("filename", one.filename), ("type", one.media_type), ("cid", one.content_id))
        more = "".join(f"; {name}={_quoted(value)}" for name, value in given if value)
        yield f"{'Inline' if one.disposition == 'inline' else 'Attach'}: {_quoted(one.path)}{more}\n"
    if first != "text":
        yield f"Body: {first}\n"


_LF: Final = "\n"
_FOLD: Final = "\n "


def _is_plain(headers: str) -> bool:
    """Whether each line is a header field, or goes on with one, and none has a name that is the file's own."""
    is_field = False
    for line in headers.split("\n"):
        if not (is_field and line.startswith((" ", "\t"))):
            found = _FIELD.fullmatch(line)
            is_field = found is not None and found[1].lower() not in _OWN
        if not is_field:
            return False
    return True


def _quoted(value: str) -> str:
    if _PLAIN_VALUE.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=first_surrogate(value) is not None)


def _bodies(bodies: list[tuple[Format, str]]) -> Iterator[str]:
    for at, (name, text) in enumerate(bodies):
        yield f"--- {name} ---\n" if at else "\n"
        yield _BODY_LINE.sub(r"\1\\", text) + "\n"


def read(text: str) -> MessageFile:
    """The mail that a file holds. Raises Malformed."""
    lines = _in_lines(text.removeprefix("\ufeff")).split("\n")
    if not _FENCE.fullmatch(lines[0]):
        raise Malformed(1, "the file begins with a line of three dashes")
    end = next((at for at, line in enumerate(lines[1:], 1) if _FENCE.fullmatch(line)), 0)
    if not end:
        raise Malformed(len(lines), "a line of three dashes ends the fields, and there is none")
    found = _Fields()
    for number, name, folded in _folded(lines[1:end]):
        found.take(number, name, folded)
    bodies = dict(_read_bodies("\n".join(lines[end + 1 :]), end + 2, found.body))
    places = {Place[name.upper()]: line for name, (_, line) in bodies.items()}
    draft = Draft(
        **found.values,
        headers="\n".join(found.headers),
        attachments=tuple(found.attachments),
        **{name: body for name, (body, _) in bodies.items()},
    )
    return MessageFile(draft, found.lines | places)


def _folded(lines: list[str]) -> Iterator[tuple[int, str, list[str]]]:
    """Each field: the number of its line, its name in lower case, and its lines as they stand."""
    field_lines: list[str] = []
    start, name = 0, ""
    for number, line in enumerate(lines, 2):
        if not line:
            continue
        if line.startswith((" ", "\t")):
            if not field_lines and line.strip():
                raise Malformed(
                    number, "a line that begins with a blank goes on with a field, and there is none before"
                )
            field_lines.append(line)
            continue
        if field_lines:
            yield start, name, field_lines
        found = _FIELD.fullmatch(line)
        if not found:
            raise Malformed(number, f"“{printable(line)}” is no field: write Name: value")
        start, name, field_lines = number, found[1].lower(), [line]
    if name:
        yield start, name, field_lines


class _Fields:
    """The fields of a file, as they are taken one after another."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.headers: list[str] = []
        self.attachments: list[AttachmentDraft] = []
        self.body: Format = "text"
        self.lines: dict[Place, int] = {}
        self._seen: set[str] = set()

    def take(self, number: int, name: str, folded: list[str]) -> None:
        if name in self._seen & _ONCE:
            raise Malformed(number, f"{name.title()} stands there twice")
        self._seen.add(name)
        first = folded[0].partition(":")[2]
        lines = [line.strip(" \t") for line in (first, *folded[1:]) if line.strip(" \t")]
        match name:
            case "subject":
                self._put("subject", Place.SUBJECT, number, " ".join(lines))
            case "attach" | "inline":
                self.lines.setdefault(Place.ATTACHMENTS, number)
                self.attachments.append(_attachment(number, name == "inline", " ".join(lines)))
            case "body":
                word = " ".join(lines).lower()
                formats = [one for one in _FORMATS if one == word]
                if not formats:
                    raise Malformed(number, f"a body is text, html or markdown, not “{printable(word)}”")
                self.body = formats[0]
            case "headers":
                self.lines.setdefault(Place.HEADERS, number)
                self.headers += [*filter(None, [first.strip(" \t")]), *(line[1:] for line in folded[1:])]
            case _ if name in _ADDRESSES:
                self._put(*_ADDRESSES[name], number, "\n".join(lines))
            case _:
                self.lines.setdefault(Place.HEADERS, number)
                self.headers += folded

    def _put(self, attribute: str, place: Place, number: int, value: str) -> None:
        before = self.values.get(attribute, "")
        self.values[attribute] = ", ".join(filter(None, [before, value]))
        self.lines.setdefault(place, number)


def _attachment(number: int, is_inline: bool, text: str) -> AttachmentDraft:
    pieces: list[str] = []
    at = 0
    while at < len(text):
        found = _PIECE.match(text, at)
        if not found:
            raise Malformed(number, "a value with ; or a quotation mark in it stands in quotation marks")
        pieces.append(found[1])
        at = found.end()
    path = _unquoted(number, pieces[0]) if pieces else ""
    if not path:
        raise Malformed(number, "which file? There is no path")
    attached = AttachmentDraft(path, "inline" if is_inline else "attachment")
    for piece in pieces[1:]:
        name, _, value = piece.partition("=")
        match name:
            case "filename":
                attached = replace(attached, filename=_unquoted(number, value))
            case "type":
                attached = replace(attached, media_type=_unquoted(number, value))
            case "cid":
                attached = replace(attached, content_id=_unquoted(number, value))
            case _:
                raise Malformed(number, f"“{printable(piece)}” is none of filename=, type=, cid=")
    return attached


def _unquoted(number: int, value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value, strict=False))
    except ValueError as error:
        raise Malformed(number, f"{printable(value)} is not written as JSON writes a text") from error


def _read_bodies(text: str, line: int, first: Format) -> Iterator[tuple[Format, tuple[str, int]]]:
    """The bodies, each with its format and the number of its first line."""
    seen: set[str] = set()
    starts = [*_NEXT_BODY.finditer(text)]
    bounds = [0, *(found.end() for found in starts)]
    ends = [*(found.start() for found in starts), len(text)]
    formats = [first, *(one for found in starts for one in _FORMATS if one == found[1])]
    for at, (name, begin, end) in enumerate(zip(formats, bounds, ends, strict=True)):
        number = line + text.count("\n", 0, begin)
        body = text[begin:end]
        if not at:
            body = body.removeprefix("\n")
        body = body.removesuffix("\n")
        if name in seen:
            raise Malformed(number - 1, f"there is a body in {name} already")
        if body or not starts:
            seen.add(name)
            yield name, (re.sub(r"^\\(?=\\*--- (?:text|html|markdown) ---$)", "", body, flags=re.MULTILINE), number)
