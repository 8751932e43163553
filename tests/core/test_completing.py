"""What is missing in a message that a program submits is added, and nothing else of it changes."""

import pytest

from cfmail_tui import mime
from cfmail_tui.message import Mailbox, MessageError

SENDER = Mailbox("me@acme.example", "Alice")
DATE, MESSAGE_ID = "Thu, 26 Nov 2026 12:00:00 +0000", "<1@acme.example>"
ADDED = f"Date: {DATE}\nMessage-ID: {MESSAGE_ID}\n".encode()
FROM = b"From: Alice <me@acme.example>\n"


def completed(source: bytes, sender: Mailbox | None = SENDER) -> bytes:
    return mime.completed(source, sender=sender, date=DATE, message_id=MESSAGE_ID)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (b"To: b@example.com\n\nHi\n", ADDED + FROM + b"To: b@example.com\n\nHi\n"),
        (b"Hi\nBob\n", ADDED + FROM + b"\nHi\nBob\n"),
        (b"\nHi\n", ADDED + FROM + b"\nHi\n"),
        (b" Hi: Bob\n", ADDED + FROM + b"\n Hi: Bob\n"),
        (b"Subject: x\n y\nHi\n", ADDED + FROM + b"Subject: x\n y\n\nHi\n"),
        (b"Subject: x\n", ADDED + FROM + b"Subject: x\n"),
        (b"From me@here Thu Nov 26 12:00:00 2026\nSubject: x\n\nHi\n", ADDED + FROM + b"Subject: x\n\nHi\n"),
    ],
    ids=["From", "no header", "empty header", "blank first", "no empty line", "no body", "mbox"],
)
def test_a_header_is_completed(source: bytes, wanted: bytes) -> None:
    """With From, Date and Message-ID, and the empty line after it."""
    assert completed(source) == wanted


def test_a_complete_message_stays_as_it_is() -> None:
    """Octet for octet, whatever its line ends and its body are."""
    source = b"From: x@y.example\r\nDATE: then\r\nmessage-id: <2@y>\r\n\r\nFrom here\n\xff\r"
    assert completed(source, None) == source


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("root (Cron Daemon)", "Cron Daemon <me@acme.example>"),
        ('"(Cron Daemon)" <root>', '"(Cron Daemon)" <me@acme.example>'),
        ("root", "root <me@acme.example>"),
        ("=?utf-8?q?M=C3=BCll?= <root>", "=?utf-8?B?TcO8bGw=?=\r\n <me@acme.example>"),
    ],
)
def test_a_from_without_a_domain_keeps_its_name(written: str, wanted: str) -> None:
    """Its address becomes the sender's, since nobody could answer it, and the API would refuse it."""
    assert completed(f"From: {written}\r\nTo: b@example.com\r\n\r\nHi\r\n".encode()) == (
        f"Date: {DATE}\r\nMessage-ID: {MESSAGE_ID}\r\nFrom: {wanted}\r\nTo: b@example.com\r\n\r\nHi\r\n".encode()
    )


def test_a_from_that_is_wrong_otherwise_is_left() -> None:
    """What has a domain is told by the checks that all mail goes through."""
    assert b"\nFrom: a@b@c.example,\n" in completed(b"Subject: x\nFrom: a@b@c.example,\n\nHi\n")


@pytest.mark.parametrize("source", [b"Subject: x\n\nHi\n", b"From: root\n\nHi\n"])
def test_nobody_to_be_from(source: bytes) -> None:
    """Without a sender the way out is named."""
    with pytest.raises(MessageError, match="with -f"):
        completed(source, None)
