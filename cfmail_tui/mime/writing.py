"""A `MailMessage` written as a mail system would write it: segments, octets and attachments in turn.

So the size of a message is known before any file is read, and nothing holds a whole attachment.

Invariants of what is written: lines end in CRLF and have at most 998 octets; one From, Date and Message-ID; no Bcc.
"""

import base64
import re
from collections.abc import Callable, Iterator, Sequence

from cfmail_tui.message import Attachment, Mailbox, MailMessage
from cfmail_tui.mime.lines import LINE_LIMIT, crlf
from cfmail_tui.mime.parameters import parameter
from cfmail_tui.mime.words import encoded_words

_FOLD_AT = 76
_BASE64_LINE = 57
"""Octets that make one line of 76 base64 characters (RFC 2045 section 6.8)."""

Segment = bytes | Attachment
ReadFile = Callable[[Attachment], Iterator[bytes]]


def assemble(message: MailMessage, *, date: str, message_id: str, boundary: str) -> tuple[Segment, ...]:
    """The message as a mail system would build it from the same request.

    `date` is an RFC 5322 date-time, `message_id` stands in angle brackets, `boundary` must not occur in the bodies.
    """
    header = [
        address_field("From", (message.sender,)),
        address_field("To", message.to),
        address_field("Cc", message.cc),
        address_field("Reply-To", (message.reply_to,) if message.reply_to else ()),
        _text_field("Subject", message.subject),
        _line(f"Date: {date}"),
        _line(f"Message-ID: {message_id}"),
        *(_text_field(field.name, field.body) for field in message.headers),
        _line("MIME-Version: 1.0"),
    ]
    return (b"".join(header), *_body(message, boundary))


def size(segments: Sequence[Segment]) -> int:
    """Octets of the assembled message."""
    return sum(len(part) if isinstance(part, bytes) else _base64_size(part.size) for part in segments)


def weight(attachment: Attachment) -> int:
    """Octets by which an attachment makes a message bigger, but for the boundary before it."""
    return size(_file_part(attachment))


def chunks(segments: Sequence[Segment], read: ReadFile) -> Iterator[bytes]:
    """The octets of the assembled message, its files read as they come."""
    for part in segments:
        if isinstance(part, bytes):
            yield part
        else:
            yield from base64_lines(read(part))


def base64_lines(content: Iterator[bytes]) -> Iterator[bytes]:
    """Content as base64 in lines of 76 characters, each ended by CRLF."""
    rest = b""
    for block in content:
        data = rest + block
        whole = len(data) - len(data) % _BASE64_LINE
        rest = data[whole:]
        yield _broken(data[:whole])
    yield _broken(rest)


def _broken(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def _base64_size(octets: int) -> int:
    return 4 * -(-octets // 3) + 2 * -(-octets // _BASE64_LINE)


def _body(message: MailMessage, boundary: str) -> tuple[Segment, ...]:
    """The body parts, nested as RFC 2046 and RFC 2387 say: mixed(related(alternative(text, html), inline), files)."""
    texts = [_text_part(subtype, text) for subtype, text in (("plain", message.text), ("html", message.html)) if text]
    body = _multipart("alternative", texts, f"{boundary}.alternative")
    inline = [_file_part(part) for part in message.attachments if part.disposition == "inline"]
    files = [_file_part(part) for part in message.attachments if part.disposition == "attachment"]
    body = _multipart("related", [body, *inline], f"{boundary}.related")
    return _multipart("mixed", [body, *files], f"{boundary}.mixed")


def _multipart(subtype: str, parts: list[tuple[Segment, ...]], boundary: str) -> tuple[Segment, ...]:
    if len(parts) == 1:
        return parts[0]
    segments: list[Segment] = [_line(f'Content-Type: multipart/{subtype}; boundary="{boundary}"'), b"\r\n"]
    for part in parts:
        segments += [_line(f"--{boundary}"), *part, b"\r\n"]
    segments.append(_line(f"--{boundary}--"))
    return tuple(segments)


def _text_part(subtype: str, text: str) -> tuple[Segment, ...]:
    content = crlf(text.encode())
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: "
    lines = content.split(b"\r\n")
    bare = re.search(rb"\0|\r(?!\n)", content)
    if content.isascii() and not bare and all(len(line) <= LINE_LIMIT for line in lines):
        return (f"{head}7bit\r\n\r\n".encode() + content,)
    return (f"{head}base64\r\n\r\n".encode() + _broken(content),)


def _file_part(attachment: Attachment) -> tuple[Segment, ...]:
    name = parameter("filename", attachment.filename)
    # RFC 2045 section 6.4: a message or multipart has no base64, and another encoding would change its octets.
    composite = attachment.media_type.lower().startswith(("message/", "multipart/"))
    header = [
        _line(f"Content-Type: {'application/octet-stream' if composite else attachment.media_type}"),
        _line("Content-Transfer-Encoding: base64"),
        _line(f"Content-Disposition: {attachment.disposition}{name}"),
    ]
    if attachment.disposition == "inline":
        header.append(_line(f"Content-ID: <{attachment.content_id}>"))
    return (b"".join(header) + b"\r\n", attachment)


def _line(text: str) -> bytes:
    return text.encode("ascii") + b"\r\n"


def address_field(name: str, mailboxes: Sequence[Mailbox]) -> bytes:
    if not mailboxes:
        return b""
    return _line(f"{name}: " + ",\r\n ".join(map(_phrase, mailboxes)))


def _phrase(mailbox: Mailbox) -> str:
    shown = str(mailbox)
    if shown.isascii() and "=?" not in shown and len(shown) <= _FOLD_AT:
        return shown
    words = "\r\n ".join(encoded_words(mailbox.display_name))
    return f"{words}\r\n <{mailbox.addr_spec}>" if words else mailbox.addr_spec


def _text_field(name: str, text: str) -> bytes:
    plain = text.isascii() and "=?" not in text and text == text.strip() and "  " not in text
    if plain and len(name) + 2 + len(text) <= _FOLD_AT:
        return _line(f"{name}: {text}")
    if plain and all(len(word) < LINE_LIMIT for word in text.split(" ")):
        lines = [f"{name}:"]
        for n, word in enumerate(text.split(" ")):
            if len(lines[-1]) + 1 + len(word) > (_FOLD_AT if n else LINE_LIMIT):
                lines.append("")
            lines[-1] += f" {word}"
        return _line("\r\n".join(lines))
    words = encoded_words(text)
    lead = "" if len(name) + 2 + len(words[0]) <= _FOLD_AT else "\r\n"
    return _line(f"{name}:{lead} " + "\r\n ".join(words))
