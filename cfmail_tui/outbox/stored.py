"""What was sent, read back: the journal, and the mail a stored request body was made from, its files as they come."""

import hashlib
import json
import re
import shlex
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from typing import Any, BinaryIO, Final

from cfmail_tui import mime
from cfmail_tui.message import Attachment, AttachmentDraft, Draft, HeaderField, Mailbox, MailMessage, RawDraft
from cfmail_tui.outbox.failures import OutboxError
from cfmail_tui.outbox.memory import Memory
from cfmail_tui.outbox.road import Road
from cfmail_tui.submission import Accepted, Attempt, Submission

KeepFile = Callable[[str, Iterator[bytes]], str]
"""Keeps the content of a file that is called so; gives the path under which it is found."""


class Stored(Memory):
    """What the journal and the stored request bodies tell; `road` leads to where mail is sent."""

    road: Road

    def attempts(self, query: str = "", limit: int = 50) -> tuple[Attempt, ...]:
        """History, newest first; each word of the query occurs in what is shown of an attempt."""
        return self._store.attempts(query, limit)

    def attempt(self, attempt_id: str) -> Attempt:
        return self._store.attempt(attempt_id)

    def wire_body(self, attempt_id: str, limit: int = -1) -> bytes:
        """The request body as it left or would leave, up to `limit` octets."""
        with self._store.open_body(attempt_id) as body:
            return body.read(limit)

    def content(self, submission: Submission) -> MailMessage | RawDraft:
        """What a stored body says."""
        with self._store.open_body(submission.attempt_id) as body:
            return message_of(body)[0] if submission.endpoint == "send" else _raw_draft(submission, body)

    def eml(self, attempt: Attempt) -> Iterator[bytes]:
        """The message of an attempt: the source that was sent, or the form's mail as a mail system would build it."""
        with self._reviewed(attempt) as body:
            if attempt.submission.endpoint == "send_raw":
                yield _raw_draft(attempt.submission, body).source
                return
            message, read = message_of(body)
            segments = mime.assemble(
                message,
                date=format_datetime(attempt.started_at),
                message_id=message_id(attempt, message),
                boundary=attempt.submission.digest[:24],
            )
            yield from mime.chunks(segments, read)

    def draft_of(self, attempt: Attempt, keep: KeepFile) -> Draft | RawDraft:
        """The mail of an attempt as a draft: a raw message octet for octet, a form's with its files kept anew."""
        with self._reviewed(attempt) as body:
            if attempt.submission.endpoint == "send_raw":
                return _raw_draft(attempt.submission, body)
            message, read = message_of(body)
            kept = [(part, keep(part.filename, read(part))) for part in message.attachments]
        return Draft(
            sender=str(message.sender),
            to=", ".join(map(str, message.to)),
            cc=", ".join(map(str, message.cc)),
            bcc=", ".join(map(str, message.bcc)),
            reply_to=str(message.reply_to or ""),
            subject=message.subject,
            headers="\n".join(f"{field.name}: {field.body}" for field in message.headers),
            text=message.text,
            html=message.html,
            attachments=tuple(
                AttachmentDraft(path, part.disposition, part.filename, part.media_type, part.content_id)
                for part, path in kept
            ),
        )

    def curl(self, attempt: Attempt) -> str:
        """A shell command that sends the same body again; the token is named, never shown."""
        base_url = shlex.quote(self.road.base_url)
        path = self._store.body_path(attempt.submission.attempt_id)
        return (
            f'curl {base_url}/accounts/"$CLOUDFLARE_ACCOUNT_ID"/email/sending/{attempt.submission.endpoint} \\\n'
            '  -H "Authorization: Bearer $CLOUDFLARE_API_TOKEN" \\\n'
            '  -H "Content-Type: application/json" \\\n'
            f"  --data-binary @{shlex.quote(str(path))}"
        )

    @contextmanager
    def _reviewed(self, attempt: Attempt) -> Iterator[BinaryIO]:
        """The body of an attempt. Raises OutboxError if it is not what was reviewed."""
        with self._store.open_body(attempt.submission.attempt_id) as body:
            if digest(body) != attempt.submission.digest:
                raise OutboxError("the stored mail is damaged: it is not what was reviewed")
            body.seek(0)
            yield body


def _raw_draft(submission: Submission, body: BinaryIO) -> RawDraft:
    source = json.load(body)["mime_message"].encode()
    return RawDraft(submission.envelope.sender, ", ".join(submission.envelope.recipients), source)


def digest(body: BinaryIO) -> str:
    """SHA-256 of what is left of the body, in hexadecimal."""
    found = hashlib.sha256()
    while block := body.read(_BLOCK):
        found.update(block)
    return found.hexdigest()


def message_id(attempt: Attempt, message: MailMessage) -> str:
    said = attempt.outcome.receipt.message_id if isinstance(attempt.outcome, Accepted) else ""
    if found := re.fullmatch(r"<?([!-;=?-~]{1,900})>?", said):
        # What an answer says need not be fit for a header field.
        return f"<{found[1]}>"
    return f"<{attempt.submission.attempt_id}@{message.sender.domain}>"


def message_of(body: BinaryIO) -> tuple[MailMessage, mime.ReadFile]:
    """The mail a builder body was made from, and what reads its attachments, as long as `body` is open."""
    outline, spans = _outline(body)
    fields = json.loads(outline)

    def mailbox(value: str | dict[str, str]) -> Mailbox:
        return Mailbox(value) if isinstance(value, str) else Mailbox(value["address"], value["name"])

    def mailboxes(key: str) -> tuple[Mailbox, ...]:
        value = fields.get(key, [])
        return tuple(map(mailbox, value if isinstance(value, list) else [value]))

    def read(part: Attachment) -> Iterator[bytes]:
        start, end = spans[int(part.path)]
        for at in range(start, end, _BLOCK):
            body.seek(at)
            yield b64decode(body.read(min(_BLOCK, end - at)))

    message = MailMessage(
        sender=mailbox(fields["from"]),
        to=mailboxes("to"),
        cc=mailboxes("cc"),
        bcc=mailboxes("bcc"),
        reply_to=mailbox(fields["reply_to"]) if "reply_to" in fields else None,
        subject=fields["subject"],
        headers=tuple(HeaderField(*item) for item in fields.get("headers", {}).items()),
        text=fields.get("text", ""),
        html=fields.get("html", ""),
        attachments=tuple(
            _attachment(part, number, _decoded_length(body, *span))
            for number, (part, span) in enumerate(zip(fields.get("attachments", []), spans, strict=True))
        ),
    )
    return message, read


def _attachment(part: dict[str, Any], number: int, size: int) -> Attachment:
    """An attachment whose `path` is its place in the body."""
    return Attachment(
        str(number), part["filename"], part["type"], size, part["disposition"], part.get("content_id", "")
    )


def _decoded_length(body: BinaryIO, start: int, end: int) -> int:
    body.seek(max(start, end - 2))
    return (end - start) // 4 * 3 - body.read(min(2, end - start)).count(b"=")


_BLOCK: Final = 64 * 1024
"""Octets read at a time; a multiple of 4, so base64 quanta stay whole."""

_FIRST: Final = b', "attachments": [{"content": "'
_NEXT: Final = b'{"content": "'
"""Behind these begins the content of an attachment. Within JSON strings their quotes would be escaped."""


def _outline(body: BinaryIO) -> tuple[bytes, list[tuple[int, int]]]:
    """The body without the contents of attachments, and where each of these begins and ends in it."""
    outline, spans = bytearray(), list[tuple[int, int]]()
    mark, since, at = _FIRST, 0, 0
    is_inside = False
    while block := body.read(_BLOCK):
        while block:
            if is_inside:
                end = block.find(b'"')
                length = len(block) if end < 0 else end
                spans[-1] = (spans[-1][0], spans[-1][1] + length)
                at, block, is_inside = at + length, block[length:], end < 0
                mark, since = _NEXT, len(outline)
                continue
            looked_at = max(since, len(outline) - len(mark) + 1)
            before = len(outline)
            outline += block
            found = outline.find(mark, looked_at)
            stop = len(outline) if found < 0 else found + len(mark)
            at, block = at + stop - before, block[stop - before :]
            if found >= 0:
                del outline[stop:]
                spans.append((at, at))
                is_inside = True
    return bytes(outline), spans
