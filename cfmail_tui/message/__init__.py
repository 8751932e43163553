"""What a person writes, and what it means: drafts as typed, and the message parsed from one.

Owns the syntax of header fields (RFC 5322 section 2.2); `addresses` owns that of address lists, `problems` what is said
of a mail that cannot be sent. Pure: it never reads a file, a clock or the network.

Invariants:
- a `Draft` holds exactly what was typed and can always be saved; a `MailMessage` holds only what may be sent;
- an `addr_spec` is ASCII, an internationalised domain already in A-label form (RFC 5891);
- no control character (so no CR, LF or NUL) stands in a subject, name, address, header field or file name;
- every string is valid Unicode: lone surrogates are refused, since JSON cannot carry them.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, NamedTuple

from cfmail_tui.message.addresses import (
    ADDR_SPEC_LIMIT,
    LIST_LIMIT,
    LOCAL_PART_LIMIT,
    Mailbox,
    parse_mailboxes,
    same_address,
)
from cfmail_tui.message.problems import (
    PROBLEM_LIMIT,
    Finding,
    MailError,
    MessageError,
    Place,
    Problem,
    UnreadableFile,
    control_name,
    first_control,
    first_surrogate,
    printable,
)

__all__ = [
    "ADDR_SPEC_LIMIT",
    "FORM_FIELDS",
    "LIST_LIMIT",
    "LOCAL_PART_LIMIT",
    "PROBLEM_LIMIT",
    "SUBJECT_LIMIT",
    "SYSTEM_FIELDS",
    "Attachment",
    "AttachmentDraft",
    "Disposition",
    "Draft",
    "FileIdentity",
    "Finding",
    "HeaderField",
    "MailError",
    "MailMessage",
    "Mailbox",
    "MessageError",
    "Place",
    "Problem",
    "RawDraft",
    "SavedDraft",
    "UnreadableFile",
    "control_name",
    "first_control",
    "first_surrogate",
    "gist",
    "parse",
    "parse_header_fields",
    "parse_mailboxes",
    "printable",
    "same_address",
]

SUBJECT_LIMIT = 998
"""Characters in a subject (Cloudflare's limits page)."""

Disposition = Literal["attachment", "inline"]


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """By what a file is known again, and whether it was written to since: its `size` in octets, when it was changed."""

    device: int
    inode: int
    size: int
    modified_ns: int
    """Nanoseconds since 1970, UTC."""


@dataclass(frozen=True, slots=True)
class AttachmentDraft:
    """A file the user wants to attach: its path, and what they chose to say about it ("" = chosen for them)."""

    path: str
    disposition: Disposition = "attachment"
    filename: str = ""
    media_type: str = ""
    content_id: str = ""
    seen: FileIdentity | None = None
    """The file as it was when it was picked; None where nobody looked."""


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

    `cursor` is where the user was: the field on the screen, the line and the column in it, from 0. `account` names the
    one it is to be sent as, "" the one that is used when nobody says.
    """

    draft_id: str
    revision: int
    content: Draft | RawDraft
    saved_at: datetime | None = None
    cursor: tuple[str, int, int] = ("", 0, 0)
    account: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file found readable, ready to be sent; `path` says where its `size` octets are read from."""

    path: str
    filename: str
    media_type: str
    size: int
    disposition: Disposition = "attachment"
    content_id: str = ""
    seen: FileIdentity | None = None
    """The very file that was found; another one is not read."""
    findings: tuple[Finding, ...] = ()


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


def gist(draft: Draft, attachments: Sequence[Attachment] = ()) -> MailMessage:
    """What an unfinished draft comes to by now, to be weighed and never sent: what is wrong in it is left out or
    replaced.
    """

    def understood(text: str) -> tuple[Mailbox, ...]:
        with suppress(MessageError):
            return parse_mailboxes(text, Place.TO)
        return ()

    headers: tuple[HeaderField, ...] = ()
    with suppress(MessageError):
        headers = parse_header_fields(draft.headers)
    return MailMessage(
        sender=next(iter(understood(draft.sender)), Mailbox("")),
        to=understood(draft.to),
        cc=understood(draft.cc),
        bcc=understood(draft.bcc),
        reply_to=next(iter(understood(draft.reply_to)), None),
        subject="" if any(_problems_of_subject(draft.subject)) else draft.subject,
        headers=headers,
        text=_valid(draft.text if draft.text.strip() else ""),
        html=_valid(draft.html if draft.html.strip() else ""),
        attachments=tuple(
            replace(part, filename="file", media_type="a/b", content_id="")
            if any(_problems_of_attachment(part))
            else part
            for part in attachments
        ),
    )


def _nameable(part: Attachment) -> Attachment:
    wrong = any(_problems_of_attachment(part))
    return replace(part, filename="file", media_type="a/b", content_id="c") if wrong else part


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


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


FORM_FIELDS = frozenset({"from", "to", "cc", "bcc", "reply-to", "subject"})
"""Header fields that have a place of their own in the form, and in the API (developer docs, email headers)."""

SYSTEM_FIELDS = frozenset(
    {"date", "message-id", "mime-version", "content-type", "content-transfer-encoding", "resent-bcc"}
)
"""Header fields that stand once in every message, whoever asks for others; and the one that would tell of Bcc."""


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


_FOLDED_LINE = re.compile(r"[^\r\n]+(?:(?:\r\n?|\n)[ \t][^\r\n]*)*")
_FIELD_NAME = re.compile(r"[!-9;-~]{1,100}")
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}(?:;[ -~]{0,500})?", re.ASCII)
_CONTENT_ID = re.compile(r"[\w.@+-]{1,250}", re.ASCII)
