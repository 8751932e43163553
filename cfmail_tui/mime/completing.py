"""What a program that submits a message leaves to the mail system (RFC 6409 section 8): fields that are missing."""

import re
from email.utils import parseaddr

from cfmail_tui.message import Mailbox, MessageError, Place, Problem
from cfmail_tui.mime.fields import header_fields
from cfmail_tui.mime.lines import newline_of
from cfmail_tui.mime.words import decoded_words
from cfmail_tui.mime.writing import address_field

_POSTMARK = re.compile(rb"From [^\n]*\n")
_HEADER_LINE = re.compile(rb"[!-9;-~]+[ \t]*:|[ \t]+\S")


def completed(source: bytes, *, sender: Mailbox | None, date: str, message_id: str) -> bytes:
    """The message with From, Date and Message-ID, those it has as they are; and a header, if it began with its text.

    A From without a domain, as that of a cron job, keeps its name and gets the address of `sender`. The line that an
    mbox has before a message is left out. Raises MessageError where a From is missing and there is no sender.
    """
    source = _headed(source)
    fields = header_fields(source)
    names = {field.name.lower() for field in fields}
    lines = [
        f"{name}: {body}\r\n".encode()
        for name, body in (("Date", date), ("Message-ID", message_id))
        if name.lower() not in names
    ]
    written = next((field for field in fields if field.name.lower() == "from"), None)
    if written is None:
        lines.append(address_field("From", [_known(sender)]))
    elif "@" not in written.body:
        name, local_part = parseaddr(written.body)
        lines.append(address_field("From", [Mailbox(_known(sender).addr_spec, decoded_words(name) or local_part)]))
        source = source[: written.start] + source[written.end :]
    return b"".join(lines).replace(b"\r\n", newline_of(source)) + source


def _headed(source: bytes) -> bytes:
    """The message with an empty line before its body, wherever that begins."""
    if postmark := _POSTMARK.match(source):
        source = source[postmark.end() :]
    at = 0
    while _HEADER_LINE.match(source, at) and (at or not source[:1].isspace()):
        at = source.find(b"\n", at) + 1 or len(source)
    if at == len(source) or source.startswith((b"\n", b"\r\n"), at):
        return source
    return source[:at] + newline_of(source) + source[at:]


def _known(sender: Mailbox | None) -> Mailbox:
    if sender is None:
        raise MessageError(Problem(Place.SOURCE, "it has no From with a domain: name the sender with -f"))
    return sender
