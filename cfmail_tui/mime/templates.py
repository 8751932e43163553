"""Raw messages to start from: one for each thing that is tested most, right in every respect that `rulebook` knows."""

import base64
from collections.abc import Callable
from typing import Final

from cfmail_tui.frozen import frozen


@frozen
class Filled:
    """What stands in a template: addresses, an RFC 5322 date-time, a Message-ID in angle brackets, a boundary."""

    sender: str = "me@example.com"
    to: str = "you@example.net"
    date: str = "Mon, 23 Nov 2026 07:00:00 +0000"
    message_id: str = "<template@example.com>"
    boundary: str = "=_boundary"


@frozen
class Template:
    """A message to start from: its name for people, and what makes it."""

    name: str
    words: str
    source: Callable[[Filled], bytes]


def template(name: str, filled: Filled) -> bytes:
    """The octets of the template of this name."""
    return next(one for one in TEMPLATES if one.name == name).source(filled)


def _message(filled: Filled, subject: str, *lines: str, own: tuple[str, ...] = ()) -> bytes:
    header = [
        f"From: {filled.sender}",
        f"To: {filled.to}",
        f"Subject: {subject}",
        f"Date: {filled.date}",
        f"Message-ID: {filled.message_id}",
        *own,
        "MIME-Version: 1.0",
    ]
    return "\r\n".join([*header, *lines, ""]).encode()


def _multipart(subtype: str, boundary: str, *parts: list[str], more: str = "") -> list[str]:
    lines = [f'Content-Type: multipart/{subtype}; boundary="{boundary}"{more}', ""]
    for part in parts:
        lines += [f"--{boundary}", *part]
    return [*lines, f"--{boundary}--"]


def _text(subtype: str, *lines: str, encoding: str = "7bit", more: str = "") -> list[str]:
    return [
        f"Content-Type: text/{subtype}; charset=utf-8{more}",
        f"Content-Transfer-Encoding: {encoding}",
        "",
        *lines,
        "",
    ]


def _file(media_type: str, name: str, content: bytes, *more: str, disposition: str = "attachment") -> list[str]:
    return [
        f"Content-Type: {media_type}",
        "Content-Transfer-Encoding: base64",
        f'Content-Disposition: {disposition}; filename="{name}"',
        *more,
        "",
        *base64.encodebytes(content).decode("ascii").splitlines(),
    ]


_PIXEL: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""A PNG image of one pixel."""


def _plain(filled: Filled) -> bytes:
    return _message(filled, "A plain text", *_text("plain", "Hello,", "", "this is a plain text."))


def _alternative(filled: Filled) -> bytes:
    plain, html = _text("plain", "Hello"), _text("html", "<p>Hello</p>")
    return _message(filled, "Text and HTML", *_multipart("alternative", filled.boundary, plain, html))


def _attachment(filled: Filled) -> bytes:
    file = _file("text/csv; charset=utf-8", "numbers.csv", b"name,number\r\none,1\r\n")
    parts = _multipart("mixed", filled.boundary, _text("plain", "The file is attached."), file)
    return _message(filled, "With an attachment", *parts)


def _inline(filled: Filled) -> bytes:
    picture = _file("image/png", "dot.png", _PIXEL, "Content-ID: <dot@example.com>", disposition="inline")
    html = _text("html", '<p>A dot: <img src="cid:dot@example.com" alt="a dot"></p>')
    return _message(filled, "With an inline image", *_multipart("related", filled.boundary, html, picture))


def _invitation(filled: Filled) -> bytes:
    uid = filled.message_id.strip("<>")
    calendar = (
        *("BEGIN:VCALENDAR", "PRODID:-//cfmail//EN", "VERSION:2.0", "METHOD:REQUEST", "BEGIN:VEVENT", f"UID:{uid}"),
        *("DTSTAMP:20261123T070000Z", "DTSTART:20261201T090000Z", "DTEND:20261201T093000Z", "SUMMARY:A meeting"),
        *(f"ORGANIZER:mailto:{filled.sender}", f"ATTENDEE;RSVP=TRUE:mailto:{filled.to}", "SEQUENCE:0"),
        *("STATUS:CONFIRMED", "END:VEVENT", "END:VCALENDAR"),
    )
    parts = _multipart(
        "alternative",
        filled.boundary,
        _text("plain", "You are invited to a meeting."),
        _text("html", "<p>You are invited to a meeting.</p>"),
        _text("calendar", *calendar, more="; method=REQUEST"),
    )
    return _message(filled, "Invitation: a meeting", *parts)


def _unsubscribe(filled: Filled) -> bytes:
    own = (
        "List-Unsubscribe: <https://example.com/unsubscribe?id=1>,\r\n <mailto:unsubscribe@example.com>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "List-Id: News <news.example.com>",
    )
    return _message(filled, "News", *_text("plain", "What is new."), own=own)


def _bounce(filled: Filled) -> bytes:
    status = [
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mail.example.com",
        "",
        "Final-Recipient: rfc822; nobody@example.net",
        "Action: failed",
        "Status: 5.1.1",
        "Diagnostic-Code: smtp; 550 5.1.1 no such user",
        "",
    ]
    header = [
        "Content-Type: text/rfc822-headers; charset=utf-8",
        "Content-Transfer-Encoding: 7bit",
        "",
        f"From: {filled.to}",
        "To: nobody@example.net",
        "Subject: The mail that came back",
        "",
    ]
    text = _text("plain", "Your mail could not be delivered to nobody@example.net.")
    parts = _multipart("report", filled.boundary, text, status, header, more="; report-type=delivery-status")
    return _message(filled, "Undelivered mail", *parts, own=("Auto-Submitted: auto-replied",))


def _eight_bit(filled: Filled) -> bytes:
    return _message(filled, "Raw UTF-8", *_text("plain", "Grüße aus Zürich, 東京 и Москва 🦊", encoding="8bit"))


def _nested(filled: Filled) -> bytes:
    part = _text("plain", "The innermost text.")
    for level in range(10, 0, -1):
        part = [*_multipart("mixed", f"{filled.boundary}.{level:02}", part, _text("plain", f"Level {level}")), ""]
    inner = ["Content-Type: message/rfc822", "", f"From: {filled.to}", "Subject: A mail within", *part[:-1], ""]
    parts = _multipart("mixed", filled.boundary, _text("plain", "Ten levels, within an attached mail."), inner)
    return _message(filled, "Deeply nested", *parts)


TEMPLATES: Final = (
    Template("plain", "a plain text", _plain),
    Template("alternative", "text and HTML", _alternative),
    Template("attachment", "a text with a file", _attachment),
    Template("inline", "HTML with an inline image", _inline),
    Template("invitation", "an invitation to a meeting", _invitation),
    Template("unsubscribe", "a newsletter with List-Unsubscribe", _unsubscribe),
    Template("bounce", "a delivery report", _bounce),
    Template("8bit", "raw UTF-8", _eight_bit),
    Template("nested", "deeply nested parts", _nested),
)
