"""What a person writes, and what it means: drafts as typed, and the message parsed from one.

`addresses` owns the syntax of address lists, `header_fields` that of header fields, `problems` what is said of a mail
that cannot be sent. Pure: it never reads a file, a clock or the network.

Invariants:
- a `Draft` holds exactly what was typed and can always be saved; a `MailMessage` holds only what may be sent;
- an `addr_spec` is ASCII, an internationalised domain already in A-label form (RFC 5891);
- no control character (so no CR, LF or NUL) stands in a subject, name, address, header field or file name;
- every string is valid Unicode: lone surrogates are refused, since JSON cannot carry them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from cfmail_tui.frozen import frozen
from cfmail_tui.message.addresses import (
    ADDR_SPEC_LIMIT,
    LIST_LIMIT,
    LOCAL_PART_LIMIT,
    AddressList,
    Entry,
    Mailbox,
    last_entry,
    parse_mailboxes,
    read_mailboxes,
    same_address,
    without_addresses,
    without_entry,
)
from cfmail_tui.message.header_fields import (
    FORM_FIELDS,
    LISTED_FIELDS,
    ONE_CLICK,
    SYSTEM_FIELDS,
    HeaderField,
    HeaderList,
    TypedField,
    is_extension,
    is_owned,
    parse_header_fields,
    read_header_fields,
    typed_fields,
    unsubscribe_faults,
)
from cfmail_tui.message.problems import (
    PROBLEM_LIMIT,
    Finding,
    MailError,
    MessageError,
    Place,
    Problem,
    UnreadableFile,
    Weight,
    control_name,
    first_control,
    first_surrogate,
    printable,
)

__all__ = [
    "ADDR_SPEC_LIMIT",
    "FORM_FIELDS",
    "LISTED_FIELDS",
    "LIST_LIMIT",
    "LOCAL_PART_LIMIT",
    "ONE_CLICK",
    "PROBLEM_LIMIT",
    "SUBJECT_LIMIT",
    "SYSTEM_FIELDS",
    "AddressList",
    "Attachment",
    "AttachmentDraft",
    "Disposition",
    "Draft",
    "Entry",
    "FileIdentity",
    "Finding",
    "HeaderField",
    "HeaderList",
    "MailError",
    "MailMessage",
    "Mailbox",
    "MessageError",
    "Place",
    "Problem",
    "RawDraft",
    "Reading",
    "SavedDraft",
    "TypedField",
    "UnreadableFile",
    "Weight",
    "control_name",
    "first_control",
    "first_surrogate",
    "gist",
    "is_blank",
    "is_extension",
    "is_owned",
    "last_entry",
    "parse",
    "parse_header_fields",
    "parse_mailboxes",
    "printable",
    "problems_of_attachment",
    "read",
    "read_header_fields",
    "read_mailboxes",
    "same_address",
    "typed_fields",
    "unsubscribe_faults",
    "without_addresses",
    "without_entry",
]

SUBJECT_LIMIT = 998
"""Characters in a subject (Cloudflare's limits page)."""

Disposition = Literal["attachment", "inline"]


@frozen
class FileIdentity:
    """By what a file is known again, and whether it was written to since: its `size` in octets, when it was changed."""

    device: int
    inode: int
    size: int
    modified_ns: int
    """Nanoseconds since 1970, UTC."""


@frozen
class AttachmentDraft:
    """A file the user wants to attach: its path, and what they chose to say about it ("" = chosen for them)."""

    path: str
    disposition: Disposition = "attachment"
    filename: str = ""
    media_type: str = ""
    content_id: str = ""
    seen: FileIdentity | None = None
    """The file as it was when it was picked; None where nobody looked."""


@frozen
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
    markdown: str = ""
    """What text and HTML are to be made of (`markdown.made`), instead of a body that is typed as it is sent."""
    attachments: tuple[AttachmentDraft, ...] = ()


@frozen
class RawDraft:
    """A raw message as typed or loaded, with its envelope apart from its header."""

    sender: str = ""
    recipients: str = ""
    source: bytes = b""


@frozen
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


@frozen
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


@frozen
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


@frozen
class Reading:
    """A draft read field by field, all but its files: what each field means, and why the mail cannot be sent."""

    draft: Draft
    sender: AddressList
    to: AddressList
    cc: AddressList
    bcc: AddressList
    reply_to: AddressList
    headers: HeaderList
    problems: tuple[Problem, ...] = ()


def read(draft: Draft, before: Reading | None = None) -> Reading:
    """Read a draft; of the reading `before` what its fields have in common with this draft's is not read again."""

    def addresses(place: Place, text: str, known: AddressList | None) -> AddressList:
        return known if known and known.text == text else read_mailboxes(text, place)

    same_headers = before is not None and before.headers.text == draft.headers
    reading = Reading(
        draft,
        sender=addresses(Place.FROM, draft.sender, before.sender if before else None),
        to=addresses(Place.TO, draft.to, before.to if before else None),
        cc=addresses(Place.CC, draft.cc, before.cc if before else None),
        bcc=addresses(Place.BCC, draft.bcc, before.bcc if before else None),
        reply_to=addresses(Place.REPLY_TO, draft.reply_to, before.reply_to if before else None),
        headers=before.headers if before and same_headers else read_header_fields(draft.headers),
    )
    return replace(reading, problems=tuple(_problems(reading, before)))


def _problems(reading: Reading, before: Reading | None) -> Iterator[Problem]:
    draft, sender, reply_to = reading.draft, reading.sender, reading.reply_to
    yield from sender.problems
    yield from _more_than_one(sender)
    if not sender.entries and not sender.problems:
        yield Problem(Place.FROM, "who is this mail from? Type your address", rule="no-sender")
    recipients = (reading.to, reading.cc, reading.bcc)
    for found in recipients:
        yield from found.problems
    if not any(found.entries or found.problems for found in recipients):
        yield Problem(Place.TO, "who is this mail for? There is no recipient", rule="no-recipient")
    yield from reply_to.problems
    yield from _more_than_one(reply_to)
    yield from _problems_of_subject(draft.subject)
    yield from reading.headers.problems
    if before and _bodies(before.draft) == _bodies(draft):
        yield from (one for one in before.problems if one.place in {Place.TEXT, Place.HTML, Place.MARKDOWN})
    else:
        yield from _problems_of_bodies(draft)


def _more_than_one(found: AddressList) -> Iterator[Problem]:
    if len(found.entries) > 1 and not found.problems:
        words = f"only one address can stand here, there are {len(found.entries)}"
        yield Problem(found.place, words, rule="one-address")


def parse(draft: Draft, attachments: Sequence[Attachment] = ()) -> MailMessage:
    """The message a draft means, its files given as found on disk; of Markdown the bodies have been made.

    Raises MessageError with every problem of the draft, not only the first.
    """
    reading = read(draft)
    problems = [*reading.problems]
    for attachment in attachments:
        problems.extend(problems_of_attachment(attachment))
    if problems:
        raise MessageError(*problems)
    assert is_blank(draft.markdown), "it would be lost"
    return _message(reading, attachments)


def gist(draft: Draft, attachments: Sequence[Attachment] = ()) -> MailMessage:
    """What an unfinished draft comes to by now, to be weighed and never sent: what is wrong in it is left out or
    replaced.
    """
    message = _message(
        read(draft),
        [
            replace(part, filename="file", media_type="a/b", content_id="")
            if any(problems_of_attachment(part))
            else part
            for part in attachments
        ],
    )
    return replace(
        message,
        subject="" if any(_problems_of_subject(draft.subject)) else draft.subject,
        text=_valid(message.text),
        html=_valid(message.html),
    )


def _message(reading: Reading, attachments: Sequence[Attachment]) -> MailMessage:
    draft = reading.draft
    return MailMessage(
        sender=next(iter(reading.sender.mailboxes), Mailbox("")),
        to=reading.to.mailboxes,
        cc=reading.cc.mailboxes,
        bcc=reading.bcc.mailboxes,
        reply_to=next(iter(reading.reply_to.mailboxes), None),
        subject=draft.subject,
        headers=tuple(HeaderField(field.name, field.body) for field in reading.headers.fields),
        text="" if is_blank(draft.text) else draft.text,
        html="" if is_blank(draft.html) else draft.html,
        attachments=tuple(attachments),
    )


def is_blank(text: str) -> bool:
    """Whether a body is none."""
    return not text or text.isspace()


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _problems_of_subject(subject: str) -> Iterator[Problem]:
    if (offset := first_control(subject)) is not None:
        yield Problem(
            Place.SUBJECT, f"{control_name(subject[offset])} cannot stand in a subject", offset, rule="bad-subject"
        )
    if len(subject) > SUBJECT_LIMIT:
        words = f"{len(subject)} characters, the limit is {SUBJECT_LIMIT}"
        yield Problem(Place.SUBJECT, words, SUBJECT_LIMIT, rule="long-subject")


def _bodies(draft: Draft) -> tuple[str, str, str]:
    return draft.text, draft.html, draft.markdown


def _problems_of_bodies(draft: Draft) -> Iterator[Problem]:
    for place, text in ((Place.TEXT, draft.text), (Place.HTML, draft.html)):
        if (offset := first_surrogate(text)) is not None:
            words = f"{control_name(text[offset])} is not a character and cannot be sent"
            yield Problem(place, words, offset, rule="not-unicode")
    if all(map(is_blank, _bodies(draft))):
        words = "the mail is empty; Cloudflare needs a text or an HTML body"
        yield Problem(Place.TEXT, words, rule="no-body")
    elif not is_blank(draft.markdown) and not (is_blank(draft.text) and is_blank(draft.html)):
        words = "text and HTML are made of the Markdown, and there is one already: keep the one or the other"
        yield Problem(Place.MARKDOWN, words, rule="two-bodies")


def problems_of_attachment(attachment: Attachment) -> Iterator[Problem]:
    """Why a file that was found cannot be sent under its name, type and content-id."""
    shown = printable(attachment.filename)

    def problem(words: str) -> Problem:
        return Problem(Place.ATTACHMENTS, words, rule="bad-attachment")

    for what, text in (
        ("file name", attachment.filename),
        ("media type", attachment.media_type),
        ("content-id", attachment.content_id),
    ):
        if (offset := first_control(text)) is not None:
            yield problem(f"{shown}: the {what} has {control_name(text[offset])}; give it another")
    if not attachment.filename:
        yield problem("an attachment has no file name")
    if not _MEDIA_TYPE.fullmatch(attachment.media_type):
        yield problem(f"{shown}: “{printable(attachment.media_type)}” is not a media type such as image/png")
    if attachment.disposition == "inline" and not _CONTENT_ID.fullmatch(attachment.content_id):
        yield problem(f"{shown}: the content-id needs 1 to 250 letters, digits and . _ + - @ only")


_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}(?:;[ -~]{0,500})?", re.ASCII)
_CONTENT_ID = re.compile(r"[\w.@+-]{1,250}", re.ASCII)
