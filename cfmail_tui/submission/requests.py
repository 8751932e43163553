"""What leaves for the API: envelope, request body, and what of them is shown and kept.

A body is produced as chunks, with its length known beforehand.
"""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, replace
from typing import Any, Literal

from cfmail_tui import mime
from cfmail_tui.frozen import frozen
from cfmail_tui.message import (
    Attachment,
    Mailbox,
    MailMessage,
    MessageError,
    Place,
    Problem,
    RawDraft,
    parse_mailboxes,
    same_address,
)
from cfmail_tui.submission.sizes import SIZE_LIMIT, Limit, Size, usual_limit

RECIPIENT_LIMIT = 50
"""Recipients of one message, To, Cc and Bcc together."""

Endpoint = Literal["send", "send_raw"]


@frozen
class Envelope:
    """RFC 5321 MAIL FROM and RCPT TO: who really gets the mail, whatever the header shows."""

    sender: str
    recipients: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.recipients:
            words = "who is this mail for? There is no recipient"
            raise MessageError(Problem(Place.TO, words, rule="no-recipient"))
        if (count := len(self.recipients)) > RECIPIENT_LIMIT:
            words = f"{count} recipients, the limit is {RECIPIENT_LIMIT}"
            raise MessageError(Problem(Place.TO, words, rule="too-many-recipients"))
        if len({same_address(recipient) for recipient in self.recipients}) < count:
            raise MessageError(Problem(Place.TO, "a recipient stands twice in the envelope"))

    @classmethod
    def of(cls, sender: str, mailboxes: Sequence[Mailbox]) -> "Envelope":
        """The envelope that reaches each mailbox once."""
        distinct: dict[str, str] = {}
        for mailbox in mailboxes:
            distinct.setdefault(same_address(mailbox.addr_spec), mailbox.addr_spec)
        return cls(sender, tuple(distinct.values()))


@frozen
class SendRequest:
    """A request body about to be written: `chunks` yields exactly `length` octets."""

    endpoint: Endpoint
    envelope: Envelope
    subject: str
    message_size: int
    """Octets of the message as MIME, what the size limit counts."""
    length: int
    chunks: Callable[[], Iterator[bytes]] = field(repr=False)
    attachments: tuple[Attachment, ...] = ()
    limit: int = SIZE_LIMIT
    """Octets that `message_size` may have, see `size_limit`."""

    def __post_init__(self) -> None:
        if problems := Size.of(self.message_size, self.limit, self.attachments).problems:
            raise MessageError(*problems)


@frozen
class Submission:
    """What was reviewed and will leave, octet for octet: the body file named by `attempt_id`."""

    attempt_id: str
    account_id: str
    endpoint: Endpoint
    envelope: Envelope
    subject: str
    message_size: int
    body_size: int
    digest: str
    """SHA-256 of the request body, in hexadecimal."""


def builder_request(
    message: MailMessage, segments: Sequence[mime.Segment], read: mime.ReadFile, *, limit: Limit = usual_limit
) -> SendRequest:
    """The body of POST .../email/sending/send; `segments` is the message assembled, for its size."""
    fields: dict[str, Any] = {"from": _address(message.sender), "subject": message.subject}
    for key, mailboxes in (("to", message.to), ("cc", message.cc), ("bcc", message.bcc)):
        if mailboxes:
            addresses = [_address(mailbox) for mailbox in mailboxes]
            alone = len(addresses) == 1 and isinstance(addresses[0], str)
            fields[key] = addresses[0] if alone else addresses
    if message.reply_to:
        fields["reply_to"] = _address(message.reply_to)
    if message.text:
        fields["text"] = message.text
    if message.html:
        fields["html"] = message.html
    if message.headers:
        fields["headers"] = {header.name: header.body for header in message.headers}
    parts = tuple(_json_parts(fields, message.attachments))
    length = sum(len(part) if isinstance(part, bytes) else _base64_length(part.size) for part in parts)

    def chunks() -> Iterator[bytes]:
        for part in parts:
            if isinstance(part, bytes):
                yield part
            else:
                yield from _base64(read(part))

    envelope = Envelope.of(message.sender.addr_spec, message.recipients)
    return SendRequest(
        endpoint="send",
        envelope=envelope,
        subject=message.subject,
        message_size=mime.size(segments),
        length=length,
        chunks=chunks,
        attachments=message.attachments,
        limit=limit(envelope.recipients),
    )


def raw_request(draft: RawDraft, *, keep_bcc: bool = False, limit: Limit = usual_limit) -> SendRequest:
    """The body of POST .../email/sending/send_raw: the source with CRLF line ends, otherwise untouched.

    Raises MessageError for a bad envelope and for octets a JSON string or a mail cannot carry.
    """
    found = mime.problems(source := mime.crlf(draft.source), keep_bcc=keep_bcc)
    senders: tuple[Mailbox, ...] = ()
    try:
        senders = parse_mailboxes(draft.sender, Place.ENVELOPE_SENDER)
        if len(senders) != 1:
            found.append(Problem(Place.ENVELOPE_SENDER, f"one address is needed, there are {len(senders)}"))
    except MessageError as error:
        found.extend(error.problems)
    try:
        recipients = parse_mailboxes(draft.recipients, Place.ENVELOPE_RECIPIENTS)
        envelope = Envelope.of(senders[0].addr_spec if senders else "", recipients)
    except MessageError as error:
        found.extend(replace(problem, place=Place.ENVELOPE_RECIPIENTS) for problem in error.problems)
    if found:
        raise MessageError(*found)
    head = json.dumps({"from": envelope.sender, "recipients": envelope.recipients})[:-1] + ', "mime_message": "'

    def chunks() -> Iterator[bytes]:
        yield head.encode()
        for start in range(0, len(text), _BLOCK):
            yield json.dumps(text[start : start + _BLOCK], ensure_ascii=False)[1:-1].encode()
        yield b'"}'

    text = source.decode("utf-8")
    subject = next(iter(mime.field_bodies(source, "Subject")), "")
    return SendRequest(
        endpoint="send_raw",
        envelope=envelope,
        subject=mime.decoded_words(subject),
        message_size=len(source),
        length=sum(len(chunk) for chunk in chunks()),
        chunks=chunks,
        limit=limit(envelope.recipients),
    )


_BLOCK = 57 * 1024


def _address(mailbox: Mailbox) -> str | dict[str, str]:
    if not mailbox.display_name:
        return mailbox.addr_spec
    return {"address": mailbox.addr_spec, "name": mailbox.display_name}


def _json_parts(fields: dict[str, Any], attachments: Sequence[Attachment]) -> Iterator[bytes | Attachment]:
    head = json.dumps(fields, ensure_ascii=False)[:-1]
    if not attachments:
        yield (head + "}").encode()
        return
    lead = head + ', "attachments": ['
    for attachment in attachments:
        yield (lead + '{"content": "').encode()
        yield attachment
        keys = {"filename": attachment.filename, "type": attachment.media_type, "disposition": attachment.disposition}
        if attachment.disposition == "inline":
            keys["content_id"] = attachment.content_id
        lead = '", ' + json.dumps(keys, ensure_ascii=False)[1:] + ", "
    yield (lead[:-2] + "]}").encode()


def _base64_length(octets: int) -> int:
    return 4 * -(-octets // 3)


def _base64(content: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in content:
        data = rest + block
        whole = len(data) - len(data) % 3
        rest = data[whole:]
        yield base64.b64encode(data[:whole])
    yield base64.b64encode(rest)
