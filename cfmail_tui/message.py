"""What a person writes, and what it means: drafts as typed, and the message parsed from one.

Owns the syntax of address lists and header fields (RFC 5322 sections 3.4 and 2.2). Pure: it never reads a file,
a clock or the network.

Invariants:
- a `Draft` holds exactly what was typed and can always be saved; a `MailMessage` holds only what may be sent;
- an `addr_spec` is ASCII, an internationalised domain already in A-label form (RFC 5891);
- no control character (so no CR, LF or NUL) stands in a subject, name, address, header field or file name;
- every string is valid Unicode: lone surrogates are refused, since JSON cannot carry them.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple, Never

SUBJECT_LIMIT = 998
"""Characters in a subject (Cloudflare's limits page)."""

LOCAL_PART_LIMIT = 64
"""Octets before the @ (RFC 5321 section 4.5.3.1.1)."""

ADDR_SPEC_LIMIT = 254
"""Octets in an address (RFC 5321 section 4.5.3.1.3, less the angle brackets)."""

Disposition = Literal["attachment", "inline"]


class Place(StrEnum):
    """Where in a mail a problem is; the value is the word shown to the user."""

    FROM = "From"
    TO = "To"
    CC = "Cc"
    BCC = "Bcc"
    REPLY_TO = "Reply-To"
    SUBJECT = "Subject"
    HEADERS = "Headers"
    TEXT = "Text"
    HTML = "HTML"
    ATTACHMENTS = "Attachments"
    ENVELOPE_SENDER = "Envelope sender"
    ENVELOPE_RECIPIENTS = "Envelope recipients"
    SOURCE = "MIME source"
    MESSAGE = "Message"


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a mail cannot be sent, in plain words; `offset` counts characters into the place's text."""

    place: Place
    words: str
    offset: int | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.words}"


@dataclass(frozen=True, slots=True)
class UnreadableFile(Problem):
    """A file that cannot be attached because it cannot be read, or is none."""


class MailError(Exception):
    """Base of every error whose text is meant for the user."""


class MessageError(MailError):
    """The mail cannot be sent as it is; `problems` says where and why, all of them at once."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Mailbox:
    """RFC 5322 section 3.4 `mailbox`: an address, with the name shown beside it when there is one."""

    addr_spec: str
    display_name: str = ""

    def __str__(self) -> str:
        if not self.display_name:
            return self.addr_spec
        if _PLAIN_PHRASE.fullmatch(self.display_name):
            return f"{self.display_name} <{self.addr_spec}>"
        quoted = re.sub(r'(["\\])', r"\\\1", self.display_name)
        return f'"{quoted}" <{self.addr_spec}>'

    @property
    def domain(self) -> str:
        return self.addr_spec.rpartition("@")[2].lower()


def same_address(addr_spec: str) -> str:
    """The form two spellings of one address share: the domain is case-insensitive, the local part is not
    (RFC 5321 section 2.4).
    """
    local, _, domain = addr_spec.rpartition("@")
    return f"{local}@{domain.lower()}"


@dataclass(frozen=True, slots=True)
class AttachmentDraft:
    """A file the user wants to attach: its path, and what they chose to say about it ("" = chosen for them)."""

    path: str
    disposition: Disposition = "attachment"
    filename: str = ""
    media_type: str = ""
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail exactly as typed; nothing in it needs to be valid."""

    sender: str = ""
    to: str = ""
    cc: str = ""
    bcc: str = ""
    reply_to: str = ""
    subject: str = ""
    headers: str = ""
    """Header fields of the user's own, one `Name: value` a line."""
    text: str = ""
    html: str = ""
    attachments: tuple[AttachmentDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class RawDraft:
    """A raw message as typed or loaded, with its envelope apart from its header."""

    sender: str = ""
    recipients: str = ""
    source: bytes = b""


@dataclass(frozen=True, slots=True)
class SavedDraft:
    """A draft with its name in the store; of two saves the higher `revision` wins; `saved_at` is UTC.

    `cursor` is where the user was: the field on the screen, the line and the column in it, from 0.
    """

    draft_id: str
    revision: int
    content: Draft | RawDraft
    saved_at: datetime | None = None
    cursor: tuple[str, int, int] = ("", 0, 0)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file found readable, ready to be sent; `path` says where its `size` octets are read from."""

    path: str
    filename: str
    media_type: str
    size: int
    disposition: Disposition = "attachment"
    content_id: str = ""


class HeaderField(NamedTuple):
    """RFC 5322 section 2.2: a field name and its unfolded body."""

    name: str
    body: str


@dataclass(frozen=True, slots=True)
class MailMessage:
    """A mail that may be sent; made by `parse` only."""

    sender: Mailbox
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    reply_to: Mailbox | None = None
    subject: str = ""
    headers: tuple[HeaderField, ...] = ()
    text: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = ()

    @property
    def recipients(self) -> tuple[Mailbox, ...]:
        return self.to + self.cc + self.bcc


def parse(draft: Draft, attachments: Sequence[Attachment] = ()) -> MailMessage:
    """The message a draft means, its files given as found on disk.

    Raises MessageError with every problem of the draft, not only the first.
    """
    problems: list[Problem] = []

    def collected(place: Place, text: str) -> tuple[Mailbox, ...]:
        try:
            return parse_mailboxes(text, place)
        except MessageError as error:
            problems.extend(error.problems)
            return ()

    def at_most_one(place: Place, text: str) -> Mailbox | None:
        mailboxes = collected(place, text)
        if len(mailboxes) > 1:
            problems.append(Problem(place, f"only one address can stand here, there are {len(mailboxes)}"))
        return mailboxes[0] if mailboxes else None

    sender = at_most_one(Place.FROM, draft.sender)
    if sender is None and not problems:
        problems.append(Problem(Place.FROM, "who is this mail from? Type your address"))
    to, cc, bcc = (
        collected(place, text) for place, text in ((Place.TO, draft.to), (Place.CC, draft.cc), (Place.BCC, draft.bcc))
    )
    if not (to or cc or bcc) and not any(problem.place in {Place.TO, Place.CC, Place.BCC} for problem in problems):
        problems.append(Problem(Place.TO, "who is this mail for? There is no recipient"))
    reply_to = at_most_one(Place.REPLY_TO, draft.reply_to)
    problems.extend(_problems_of_subject(draft.subject))
    headers: tuple[HeaderField, ...] = ()
    try:
        headers = parse_header_fields(draft.headers)
    except MessageError as error:
        problems.extend(error.problems)
    problems.extend(_problems_of_bodies(draft))
    for attachment in attachments:
        problems.extend(_problems_of_attachment(attachment))
    if problems or sender is None:
        raise MessageError(*problems)
    return MailMessage(
        sender=sender,
        to=to,
        cc=cc,
        bcc=bcc,
        reply_to=reply_to,
        subject=draft.subject,
        headers=headers,
        text=draft.text if draft.text.strip() else "",
        html=draft.html if draft.html.strip() else "",
        attachments=tuple(attachments),
    )


def _problems_of_subject(subject: str) -> Iterator[Problem]:
    if (offset := first_control(subject)) is not None:
        yield Problem(Place.SUBJECT, f"{control_name(subject[offset])} cannot stand in a subject", offset)
    if len(subject) > SUBJECT_LIMIT:
        words = f"{len(subject)} characters, the limit is {SUBJECT_LIMIT}"
        yield Problem(Place.SUBJECT, words, SUBJECT_LIMIT)


def _problems_of_bodies(draft: Draft) -> Iterator[Problem]:
    for place, text in ((Place.TEXT, draft.text), (Place.HTML, draft.html)):
        if (offset := first_surrogate(text)) is not None:
            yield Problem(place, f"{control_name(text[offset])} is not a character and cannot be sent", offset)
    if not draft.text.strip() and not draft.html.strip():
        yield Problem(Place.TEXT, "the mail is empty; Cloudflare needs a text or an HTML body")


def _problems_of_attachment(attachment: Attachment) -> Iterator[Problem]:
    shown = printable(attachment.filename)
    for what, text in (
        ("file name", attachment.filename),
        ("media type", attachment.media_type),
        ("content-id", attachment.content_id),
    ):
        if (offset := first_control(text)) is not None:
            words = f"{shown}: the {what} has {control_name(text[offset])}; give it another"
            yield Problem(Place.ATTACHMENTS, words)
    if not attachment.filename:
        yield Problem(Place.ATTACHMENTS, "an attachment has no file name")
    if not _MEDIA_TYPE.fullmatch(attachment.media_type):
        words = f"{shown}: “{printable(attachment.media_type)}” is not a media type such as image/png"
        yield Problem(Place.ATTACHMENTS, words)
    if attachment.disposition == "inline" and not _CONTENT_ID.fullmatch(attachment.content_id):
        words = f"{shown}: the content-id needs 1 to 250 letters, digits and . _ + - @ only"
        yield Problem(Place.ATTACHMENTS, words)


def first_control(text: str) -> int | None:
    """Where the first control character or lone surrogate is, or None."""
    match = _CONTROL.search(text)
    return match.start() if match else None


def first_surrogate(text: str) -> int | None:
    """Where the first lone surrogate is, or None."""
    match = _SURROGATE.search(text)
    return match.start() if match else None


def control_name(char: str) -> str:
    """A control character or surrogate in words, safe to show."""
    names = {"\n": "a line break", "\r": "a line break", "\t": "a tab", "\0": "NUL"}
    return names.get(char) or f"the control character U+{ord(char):04X}"


FORM_FIELDS = frozenset({"from", "to", "cc", "bcc", "reply-to", "subject"})
"""Header fields that have a place of their own in the form, and in the API (developer docs, email headers)."""

SYSTEM_FIELDS = frozenset(
    {"date", "message-id", "mime-version", "content-type", "content-transfer-encoding", "resent-bcc"}
)
"""Header fields that stand once in every message, whoever asks for others; and the one that would tell of Bcc."""

LIST_LIMIT = 100_000
"""Characters in an address list: more than the longest mailboxes need, as many as a mail can have."""

PROBLEM_LIMIT = 100
"""Problems told of one address list or header: what was pasted is then something else altogether."""


def parse_header_fields(text: str) -> tuple[HeaderField, ...]:
    """Header fields typed one a line; a line that starts with a blank continues the one before.

    Raises MessageError: names are printable ASCII without a colon (RFC 5322 section 3.6.8), values have no control
    characters, and a name stands once, since the API takes them as a JSON object.
    """
    problems: list[Problem] = []
    fields: dict[str, HeaderField] = {}
    for match in _FOLDED_LINE.finditer(text):
        line = " ".join(piece.strip(" \t") for piece in re.split(r"[\r\n]+", match[0])).strip(" ")
        name, colon, body = line.partition(":")
        name, body = name.rstrip(" \t"), body.lstrip(" \t")
        if not line:
            continue
        if not colon:
            words = f"“{printable(line)}” has no colon: write Name: value"
        elif not _FIELD_NAME.fullmatch(name):
            words = f"“{printable(name)}” is not a header name: printable ASCII without blanks, 100 characters at most"
        elif (bad := first_control(body)) is not None:
            words = f"{name} has {control_name(body[bad])} in it"
        elif not body:
            words = f"{name} has no value"
        elif name.lower() in FORM_FIELDS:
            words = f"{name} has a field of its own in the form"
        elif name.lower() in SYSTEM_FIELDS:
            words = f"{name} is written by the mail system and cannot be chosen"
        elif name.lower() in fields:
            words = f"{name} stands twice; the API takes it once"
        else:
            fields[name.lower()] = HeaderField(name, body)
            continue
        problems.append(Problem(Place.HEADERS, words, match.start()))
        if len(problems) == PROBLEM_LIMIT:
            break
    if problems:
        raise MessageError(*problems)
    return tuple(fields.values())


def printable(text: str, limit: int = 80) -> str:
    """Text for an error message: control characters and surrogates shown as code points, cut at `limit`."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return "".join(f"<{ord(char):02X}>" if unicodedata.category(char) in hidden else char for char in cut)


def parse_mailboxes(text: str, place: Place) -> tuple[Mailbox, ...]:
    """The mailboxes of an address list as people type and paste it.

    Commas, semicolons and line ends separate; groups are flattened, comments dropped (after a bare address one is its
    display name, the older convention); names with commas need quotes. Raises MessageError naming each bad entry.
    """
    if len(text) > LIST_LIMIT:
        _fail(place, f"{len(text):,} characters, at most {LIST_LIMIT:,} can stand here", LIST_LIMIT)
    problems: list[Problem] = []
    mailboxes: list[Mailbox] = []
    try:
        for entry in _entries(text, place):
            try:
                mailboxes.append(_mailbox(entry, place))
            except MessageError as error:
                problems.extend(error.problems)
                if len(problems) == PROBLEM_LIMIT:
                    break
    except MessageError as error:
        problems.extend(error.problems)
    if problems:
        raise MessageError(*problems)
    return tuple(mailboxes)


class _Token(NamedTuple):
    kind: Literal["atom", "quoted", "comment", "angle", "colon", "separator"]
    value: str
    offset: int
    spaced: bool
    """Whether white space stands before it."""


_PLAIN_PHRASE = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]+(?: [\w!#$%&'*+/=?^`{|}~.-]+)*")
_FOLDED_LINE = re.compile(r"[^\r\n]+(?:(?:\r\n?|\n)[ \t][^\r\n]*)*")
_FIELD_NAME = re.compile(r"[!-9;-~]{1,100}")
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}(?:;[ -~]{0,500})?", re.ASCII)
_CONTENT_ID = re.compile(r"[\w.@+-]{1,250}", re.ASCII)
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DOT_ATOM = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_QUOTED_LOCAL = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])*"')
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_LEXEME = re.compile(
    r"""(?P<blank>[ \t]+)|(?P<separator>[,;\r\n])|(?P<colon>:)|(?P<stray>[)>])|(?P<atom>[^",;:<>()\r\n \t]+)
    |(?P<opening>["(<])""",
    re.VERBOSE,
)
_CLOSING: dict[str, tuple[str, Literal["quoted", "comment", "angle"], str]] = {
    '"': ('"', "quoted", "a quote"),
    "(": (")", "comment", "a comment"),
    "<": (">", "angle", "a <"),
    "[": ("]", "angle", "a ["),
}


def _fail(place: Place, words: str, offset: int) -> Never:
    raise MessageError(Problem(place, words, offset))


def _tokens(text: str, place: Place) -> Iterator[_Token]:
    at, spaced = 0, False
    while match := _LEXEME.match(text, at):
        start, at = match.span()
        lexeme = match[0]
        match match.lastgroup:
            case "separator":
                yield _Token("separator", lexeme, start, spaced)
            case "colon":
                yield _Token("colon", lexeme, start, spaced)
            case "stray":
                _fail(place, f"“{lexeme}” without its opening at character {start + 1}", start)
            case "atom" if lexeme[0] != "[" or text[start : start + 8].lower() != "[mailto:":
                # Blanks other than RFC 5322's, such as a no-break space, may stand within a name, not around a word.
                if word := lexeme.strip():
                    yield _Token("atom", word, start + lexeme.index(word), spaced)
            case "opening" | "atom":
                at = _closing(text, start, place)
                yield _Token(_CLOSING[text[start]][1], text[start + 1 : at - 1], start, spaced)
        spaced = match.lastgroup == "blank"


def _closing(text: str, start: int, place: Place) -> int:
    """The offset after the quoted string, comment or angle address that opens at `start`."""
    closing, kind, name = _CLOSING[text[start]]
    at, depth = start + 1, 1
    while at < len(text):
        char = text[at]
        if char == "\\" and kind != "angle":
            at += 1
        elif char in "\r\n":
            break
        elif kind == "angle" and char == '"':
            at = _closing(text, at, place) - 1
        elif char == closing:
            depth -= 1
            if not depth:
                return at + 1
        elif kind == "comment" and char == "(":
            depth += 1
        at += 1
    _fail(place, f"{name} opens at character {start + 1} and never closes", start)


def _entries(text: str, place: Place) -> Iterator[list[_Token]]:
    entry: list[_Token] = []
    for token in _tokens(text, place):
        if token.kind == "separator":
            if any(part.kind != "comment" for part in entry):
                yield entry
            entry = []
        elif token.kind == "colon":
            # "mailto:" and the name of a group: what follows are the addresses.
            if not any(part.kind in {"atom", "quoted"} for part in entry):
                _fail(place, f"a colon at character {token.offset + 1} has nothing before it", token.offset)
            if any(part.kind == "angle" or (part.kind == "atom" and "@" in part.value) for part in entry):
                _fail(place, f"a colon at character {token.offset + 1} cannot follow an address", token.offset)
            entry = []
        else:
            entry.append(token)
    if any(part.kind != "comment" for part in entry):
        yield entry


def _mailbox(entry: list[_Token], place: Place) -> Mailbox:
    words = [token for token in entry if token.kind in {"atom", "quoted"}]
    angles = [token for token in entry if token.kind == "angle"]
    comments = [token for token in entry if token.kind == "comment"]
    if not angles:
        return _bare_mailbox(words, comments, place)
    angle = angles[0]
    if len(angles) > 1 or any(token.offset > angle.offset for token in words):
        _fail(place, f"{_shown(entry)} has more after the address; put a comma between two", angle.offset)
    addr_spec = _addr_spec(angle.value, angle.offset + 1, place)
    if len(words) == 1 and words[0].kind == "atom" and "@" in words[0].value:
        # Mail programs paste `a@b <a@b>`; two different addresses would show one and send to the other.
        if _undressed(words[0].value).casefold() != _undressed(angle.value).casefold():
            shown = printable(words[0].value)
            _fail(place, f"{shown} is shown, but the mail would go to {addr_spec}: keep one", words[0].offset)
        return Mailbox(addr_spec)
    name = ""
    for token in words:
        if token.kind == "atom" and "@" in token.value:
            _fail(place, f"“{printable(token.value)}”: quote a name that has an @", token.offset)
        value = _unescaped(token.value) if token.kind == "quoted" else token.value
        name += f" {value}" if name and token.spaced else value
    _check_name(name, angle.offset, place)
    return Mailbox(addr_spec, name)


def _bare_mailbox(words: list[_Token], comments: list[_Token], place: Place) -> Mailbox:
    first = words[0]
    local_is_quoted = len(words) == 2 and first.kind == "quoted" and words[1].value.startswith("@")
    if len(words) > 1 and not (local_is_quoted and not words[1].spaced):
        if sum("@" in word.value for word in words) > 1:
            _fail(place, f"{_shown(words)}: put a comma between two addresses", words[1].offset)
        if any("@" in word.value for word in words):
            _fail(place, f"{_shown(words)}: put the address in <angle brackets>", first.offset)
        _fail(place, f"{_shown(words)} is not an address: there is no @", first.offset)
    joined = "".join(f'"{word.value}"' if word.kind == "quoted" else word.value for word in words)
    addr_spec = _addr_spec(joined, first.offset, place)
    name = _unescaped(comments[-1].value).strip() if comments and comments[-1].offset > first.offset else ""
    _check_name(name, first.offset, place)
    return Mailbox(addr_spec, name)


def _shown(tokens: Sequence[_Token]) -> str:
    return "“" + printable(" ".join(token.value for token in tokens)) + "”"


def _unescaped(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)


def _check_name(name: str, offset: int, place: Place) -> None:
    if (bad := first_control(name)) is not None:
        _fail(place, f"a name has {control_name(name[bad])} in it", offset)


def _undressed(text: str) -> str:
    """An address without what mail programs put around it: blanks, Outlook's single quotes, mailto:."""
    text = text.strip()
    if text[:1] == text[-1:] == "'":
        text = text[1:-1]
    return text[7:] if text[:7].lower() == "mailto:" else text


def _addr_spec(text: str, offset: int, place: Place) -> str:
    """RFC 5322 section 3.4.1 `addr-spec`, its domain as A-labels."""
    text = _undressed(text)
    shown = f"“{printable(text)}”"
    local, at, domain = text.rpartition("@")
    if not at:
        _fail(place, f"{shown} is not an address: there is no @", offset)
    if not local:
        _fail(place, f"{shown} has nothing before the @", offset)
    if not local.isascii():
        bad = next(char for char in local if not char.isascii())
        words = f"{shown}: “{printable(bad)}” before the @ cannot be sent; Cloudflare takes ASCII only there"
        _fail(place, words, offset)
    if not (_DOT_ATOM.fullmatch(local) or _QUOTED_LOCAL.fullmatch(local)):
        _fail(place, f"{shown}: the part before the @ is not valid", offset)
    if len(local) > LOCAL_PART_LIMIT:
        _fail(place, f"{shown}: the part before the @ is over {LOCAL_PART_LIMIT} characters", offset)
    addr_spec = f"{local}@{_a_labels(domain, shown, offset, place)}"
    if len(addr_spec) > ADDR_SPEC_LIMIT:
        _fail(place, f"{shown} is over {ADDR_SPEC_LIMIT} characters", offset)
    return addr_spec


def _a_labels(domain: str, shown: str, offset: int, place: Place) -> str:
    if not domain:
        _fail(place, f"{shown} has nothing after the @", offset)
    if len(domain) > ADDR_SPEC_LIMIT:
        _fail(place, f"{shown} is over {ADDR_SPEC_LIMIT} characters", offset)
    if domain.startswith("["):
        _fail(place, f"{shown}: an IP address cannot be a recipient here, give a domain", offset)
    if not domain.isascii():
        import idna

        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            raise MessageError(Problem(place, f"{shown}: the domain is not valid", offset)) from error
    labels = domain.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        _fail(place, f"{shown}: the domain is not valid", offset)
    if len(labels) < 2:
        _fail(place, f"{shown}: the domain has no dot; is the end missing?", offset)
    if labels[-1].isdigit():
        _fail(place, f"{shown}: a domain cannot end in digits only", offset)
    return domain
