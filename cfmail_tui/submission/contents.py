"""What a mail says and holds, as far as the history keeps it to be found and shown again; and all that is known of one.

What is taken out of a mail is for finding it: it is bounded, and need not be the mail. Nothing here raises.
"""

import html
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Final

from cfmail_tui import mime
from cfmail_tui.frozen import frozen
from cfmail_tui.message import Finding, Mailbox, MailMessage, MessageError, Place, RawDraft, parse_mailboxes
from cfmail_tui.submission.outcomes import Attempt

TEXT_LIMIT: Final = 100_000
"""Characters of a mail's text that can be searched: some fifty pages."""

_MARKUP_LIMIT: Final = 1024 * 1024


@frozen
class SentFile:
    """A file of a mail: `size` in octets of its content, "attachment" or "inline"."""

    name: str
    media_type: str
    size: int
    disposition: str = "attachment"


@frozen
class Contents:
    """What of a mail is kept beside its envelope and subject."""

    text: str = ""
    """The words of its text, else of its HTML, up to `TEXT_LIMIT`."""
    files: tuple[SentFile, ...] = ()
    sender: Mailbox | None = None
    """Who the From field says it is from."""
    recipients: tuple[Mailbox, ...] = ()
    """As the header names them, and those of Bcc where they are known by name."""
    findings: tuple[Finding, ...] = ()
    """What was known to speak against it, or worth knowing, when it was sent."""
    is_test: bool = False
    """Whether it went only to its author, to be looked at."""


@frozen
class Detail:
    """An attempt with what the list does not show; times are UTC."""

    attempt: Attempt
    attempts: tuple[Attempt, ...]
    """Every attempt at this mail that the history has, this one among them, the first first."""
    left_at: datetime | None = None
    """When its first octet was about to leave."""
    settled_at: datetime | None = None
    """When the user last said what became of it."""
    files: tuple[SentFile, ...] = ()
    findings: tuple[Finding, ...] = ()
    has_body: bool = True
    """Whether the mail itself is still kept."""


def contents_of(
    content: MailMessage | RawDraft, findings: Iterable[Finding] = (), *, is_test: bool = False
) -> Contents:
    """What is kept of a mail."""
    found = _of_message(content) if isinstance(content, MailMessage) else _of_source(content.source)
    text, files, sender, recipients = found
    told = tuple(Finding(finding.words, finding.weight) for finding in findings)
    return Contents(_valid(text[:TEXT_LIMIT]), files, sender, recipients, told, is_test)


_Found = tuple[str, tuple[SentFile, ...], Mailbox | None, tuple[Mailbox, ...]]


def _of_message(message: MailMessage) -> _Found:
    files = tuple(SentFile(part.filename, part.media_type, part.size, part.disposition) for part in message.attachments)
    return message.text or words_of_html(message.html), files, message.sender, message.recipients


def _of_source(source: bytes) -> _Found:
    root = mime.structure(source)
    files: list[SentFile] = []
    text = markup = ""
    for part in root.walk():
        if not part.is_leaf:
            continue
        if part.filename or part.disposition == "attachment":
            files.append(SentFile(part.filename, part.media_type, part.size, part.disposition or "attachment"))
        elif part.media_type == "text/plain" and not text:
            text = _decoded(source, part, TEXT_LIMIT)
        elif part.media_type == "text/html" and not markup:
            markup = _decoded(source, part, _MARKUP_LIMIT)
    senders = _mailboxes(source, "From")
    recipients = tuple(mailbox for name in ("To", "Cc") for mailbox in _mailboxes(source, name))
    return text or words_of_html(markup), tuple(files), senders[0] if senders else None, recipients


def _decoded(source: bytes, part: "mime.Part", limit: int) -> str:
    octets = bytearray()
    for block in mime.content(source, part):
        octets += block
        if len(octets) >= 4 * limit:
            break
    with suppress(LookupError, ValueError):
        return octets.decode(part.charset or "utf-8", "replace")[:limit]
    return octets.decode("utf-8", "replace")[:limit]


def _mailboxes(source: bytes, name: str) -> tuple[Mailbox, ...]:
    found: list[Mailbox] = []
    for body in mime.field_bodies(source, name):
        with suppress(MessageError):
            mailboxes = parse_mailboxes(body, Place.TO)
            found += (Mailbox(one.addr_spec, mime.decoded_words(one.display_name)) for one in mailboxes)
    return tuple(found)


def words_of_html(markup: str) -> str:
    """The text between the tags, without scripts and styles."""
    first, *pieces = markup[:_MARKUP_LIMIT].split("<")
    words, hidden = [first], ""
    for piece in pieces:
        tag, _, text = piece.partition(">")
        name = tag[:20].split(maxsplit=1)[0].lower() if tag.strip() else ""
        if hidden:
            hidden = "" if name == f"/{hidden}" else hidden
        elif name in {"script", "style"}:
            hidden = name
        if not hidden:
            words.append(text)
    return html.unescape(" ".join(words))


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
