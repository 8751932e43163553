"""The mail a stored request body was made from, read without holding an attachment."""

import hashlib
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from cfmail_tui import mime
from cfmail_tui.message import Attachment, HeaderField, Mailbox, MailMessage
from cfmail_tui.submission import Accepted, Attempt


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
