"""Octets that cannot be sent are found and re-encoded, and no other octet is touched."""

import email.policy
import re
from email.message import EmailMessage

import pytest
from hypothesis import given, settings

from cfmail_tui import mime
from cfmail_tui.message import MessageError, printable
from tests.core.nasty_mails import FROM, HEAD, NASTY
from tests.core.test_structure import ANYTHING


def parsed(source: bytes) -> EmailMessage:
    found = email.message_from_bytes(source, _class=EmailMessage, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def check_repair(source: bytes) -> bytes | None:
    """What is repaired can be sent, and differs only where the changes say; None where it is refused."""
    try:
        new, changes = mime.repaired(source)
    except MessageError as error:
        refused = error.problems
    else:
        refused = ()
    if refused:
        assert all(one.words and one.offset is not None and 0 <= one.offset < len(source) for one in refused)
        return None
    new.decode("utf-8")
    assert b"\0" not in new
    assert bool(changes) == bool(mime.unsendable(source))
    at = left = 0
    for change in changes:
        assert at <= change.start <= change.end <= len(source)
        assert printable(change.words, len(change.words)) == change.words
        kept = source[at : change.start]
        assert new[left : left + len(kept)] == kept
        left += len(kept)
        assert new[left : left + len(change.new)] == change.new
        left += len(change.new)
        at = change.end
    assert new[left:] == source[at:]
    assert mime.repaired(new) == (new, ())
    return new


@pytest.mark.parametrize("name", NASTY)
def test_every_mail_is_repaired_or_refused(name: str) -> None:
    """Of every nasty message what cannot be sent is re-encoded and nothing else changes, or it says why not."""
    check_repair(NASTY[name])


@settings(max_examples=400)
@given(ANYTHING)
def test_any_octets_are_repaired_or_refused(source: bytes) -> None:
    """The same for octets of any kind."""
    check_repair(source)


@pytest.mark.parametrize("name", [name for name in NASTY if "Latin-1" in name or "NUL in" in name])
def test_most_that_cannot_be_sent_is_repaired(name: str) -> None:
    """Refused is only what is signed, and what stands where nothing can be encoded."""
    refused = {
        "Latin-1 in an address",
        "Latin-1 in a field name",
        "Latin-1 in a Message-ID",
        "signed, with Latin-1",
        "a report with Latin-1",
    }
    assert (check_repair(NASTY[name]) is None) == (name in refused)


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
@pytest.mark.parametrize(
    "text",
    [
        "Grüße aus Köln, und noch ein wenig Text dazu, damit das meiste lesbar bleibt\n",
        "üüüüüüüüüüüü\nö\n",
        "ü\n" + "langes Wort " * 30 + "\n--x\n",
        "blank at the end of a line \nü\t\n.\nFrom ü\n=20\n",
        "no line end ü and some more words",
        "word " * 14 + "abc --b\n--ba ü\n",
    ],
)
def test_a_text_is_the_same_after_it_was_repaired(text: str, newline: bytes) -> None:
    """The content of a re-encoded Latin-1 text, its line ends those of mail, and its charset are what they were."""
    octets = text.encode("latin-1").replace(b"\n", newline)
    head = HEAD.replace(b"\r\n", newline) + b"Content-Type: multipart/mixed; boundary=b" + newline * 2
    part = b"--b" + newline + b"Content-Type: text/plain; charset=iso-8859-1" + newline * 2
    source = head + part + octets + newline + b"--b--" + newline
    new = check_repair(source)
    assert new is not None
    [found] = [one for one in parsed(mime.crlf(new)).walk() if not one.is_multipart()]
    assert found.get_payload(decode=True) == mime.crlf(octets)
    assert found.get_content_charset() == "iso-8859-1"
    assert max(map(len, new.splitlines())) <= 78
    assert (b"\r" in new) == (newline == b"\r\n")


def test_binary_content_is_the_same_after_it_was_repaired() -> None:
    """Of a file without an encoding every octet survives, lone CRs and LFs among them."""
    new = check_repair(NASTY["binary without an encoding"])
    assert new is not None
    assert parsed(new).get_payload(decode=True) == bytes(range(256))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("Subject: Grüße", "Grüße"),
        ("Subject: plain words before the schöne große and after them", None),
        ("Subject: =?utf-8?q?=C3=A4?= ö", "ä ö"),
        ("Subject: ö =?utf-8?q?=C3=A4?=", "ö ä"),
        ("Subject: folded\r\n here ä\r\n and here", "folded here ä and here"),
        ("Subject: " + "ä" * 300, "ä" * 300),
        ("X-Any: ä", "ä"),
        ("To: Jörg <j@example.com>, Bob <b@example.com>", "Jörg <j@example.com>, Bob <b@example.com>"),
        ('To: "Müller, Hans" <h@example.com>', '"Müller, Hans" <h@example.com>'),
        ('To: Hans "Müller" <h@example.com>', "Hans Müller <h@example.com>"),
    ],
)
@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-8"])
def test_a_field_reads_the_same_after_it_was_encoded(field: str, expected: str | None, charset: str) -> None:
    """A field with raw octets, of Latin-1 or UTF-8, is ASCII afterwards and says what it said."""
    name, _, body = field.partition(": ")
    source = field.encode(charset) + b"\r\nFrom: me@example.com\r\n\r\nhi\r\n"
    if charset == "utf-8":
        [finding] = [one for one in mime.findings(source) if one.rule == "raw-header"]
        new = mime.fixed(source, finding)
    else:
        repaired = check_repair(source)
        assert repaired is not None
        new = repaired
    assert new.isascii()
    assert str(parsed(new)[name]) == (expected or body)
    assert max(map(len, new.split(b"\r\n"))) <= 78


def test_a_file_name_reads_the_same_after_it_was_encoded() -> None:
    """A raw Latin-1 file name becomes an RFC 2231 one; what stands beside it stays."""
    source = FROM + b'MIME-Version: 1.0\r\nContent-Type: image/png; name="Sch\xf6n.png"; x=y\r\n\r\nhi\r\n'
    new = check_repair(source)
    assert new is not None
    assert (mime.structure(new).filename, mime.structure(new).parameters["x"]) == ("Schön.png", "y")


def test_the_charset_of_a_field_is_found_or_guessed_and_said() -> None:
    """A header is read as the texts of the message are, if that fits, else as windows-1252; the change says so."""
    subject = "Subject: Привет".encode("koi8-r") + b"\r\n"
    source = subject + FROM + b"Content-Type: text/plain; charset=koi8-r\r\n\r\nhi\r\n"
    new, changes = mime.repaired(source)
    assert parsed(new)["Subject"] == "Привет"
    assert "koi8-r, as a text in it is" in changes[0].after
    _, changes = mime.repaired(FROM + b"Subject: \x80 5\r\n\r\nhi\r\n")
    assert "windows-1252, a guess" in changes[0].after


def test_a_signature_is_never_broken_in_silence() -> None:
    """A signed part is not re-encoded; that a DKIM signature will not match is among the changes."""
    with pytest.raises(MessageError, match="it is signed"):
        mime.repaired(NASTY["signed, with Latin-1"])
    _, changes = mime.repaired(NASTY["signed by DKIM, with Latin-1"])
    assert [one.place for one in changes if not one.new] == ["DKIM-Signature"]


def test_a_repaired_part_declares_its_encoding_once() -> None:
    """The field for the encoding is written or replaced, and MIME-Version where there was none."""
    new, _ = mime.repaired(FROM + b"Content-Transfer-Encoding: 8bit\r\n\r\n" + b"plain text " * 5 + b"\xfc\r\n")
    assert re.findall(rb"(?m)^(?:Content-Transfer|MIME).*", new) == [
        b"Content-Transfer-Encoding: quoted-printable\r",
        b"MIME-Version: 1.0\r",
    ]
