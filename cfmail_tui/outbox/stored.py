"""What a stored request body says, and the mail it was made from."""

import re
from base64 import b64decode
from typing import Any

from cfmail_tui.message import Attachment, HeaderField, Mailbox, MailMessage
from cfmail_tui.submission import Accepted, Attempt


def message_id(attempt: Attempt, message: MailMessage) -> str:
    said = attempt.outcome.receipt.message_id if isinstance(attempt.outcome, Accepted) else ""
    if found := re.fullmatch(r"<?([!-;=?-~]{1,900})>?", said):
        # What an answer says need not be fit for a header field.
        return f"<{found[1]}>"
    return f"<{attempt.submission.attempt_id}@{message.sender.domain}>"


def message_of(body: dict[str, Any]) -> tuple[MailMessage, list[bytes]]:
    """The mail a builder body was made from; an attachment's `path` is its place in the list of contents."""

    def mailbox(value: str | dict[str, str]) -> Mailbox:
        return Mailbox(value) if isinstance(value, str) else Mailbox(value["address"], value["name"])

    def mailboxes(key: str) -> tuple[Mailbox, ...]:
        value = body.get(key, [])
        return tuple(map(mailbox, value if isinstance(value, list) else [value]))

    parts = body.get("attachments", [])
    contents = [b64decode(part["content"]) for part in parts]
    attachments = tuple(
        Attachment(
            str(number), part["filename"], part["type"], len(content), part["disposition"], part.get("content_id", "")
        )
        for number, (part, content) in enumerate(zip(parts, contents, strict=True))
    )
    message = MailMessage(
        sender=mailbox(body["from"]),
        to=mailboxes("to"),
        cc=mailboxes("cc"),
        bcc=mailboxes("bcc"),
        reply_to=mailbox(body["reply_to"]) if "reply_to" in body else None,
        subject=body["subject"],
        headers=tuple(HeaderField(*item) for item in body.get("headers", {}).items()),
        text=body.get("text", ""),
        html=body.get("html", ""),
        attachments=attachments,
    )
    return message, contents
