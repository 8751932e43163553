"""Raw messages in a real terminal: opened, mended, sent octet for octet; and nothing in one acts on the terminal."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.sandbox import Sandbox
from tests.pty_driver import AT_REST, Terminal
from tests.ui.hostile import CONTROLS, MARKUP, WHAT_TEXTUAL_WRITES, acting

Start = Callable[..., Terminal]

SIZES: Final = pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids="{0[0]}x{0[1]}".format)

MAIL: Final = (
    "From: Alice <me@acme.example>\nTo: bob@example.com\nSubject: Draft\nDate: Mon, 23 Nov 2026 07:00:00 +0000\n"
    "Bcc: hidden@example.com,\n queue@example.com\nMessage-ID: <1@acme.example>\nMIME-Version: 1.0\n"
    'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain; charset=utf-8\n'
    "Content-Transfer-Encoding: 8bit\n\nGrüße  \n.\n\n--b\nContent-Type: application/pdf; name=a.pdf\n"
    "Content-Transfer-Encoding: base64\n\n" + "QUJDREVGR0hJSktM\n" * 40 + "--b--\n"
).encode()


def crlf(source: bytes) -> bytes:
    return source.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def send_and_leave(terminal: Terminal) -> None:
    """F9, y, the outcome is read, and the program left."""
    terminal.press("f9")
    terminal.wait_for("nothing has left yet")
    terminal.press("y")
    terminal.wait_for("Accepted")
    terminal.press("ctrl+q")
    assert terminal.wait_exit() == 0
    assert terminal.modes == AT_REST


@SIZES
def test_a_message_is_changed_mended_and_sent(
    start: Start, connected: Sandbox, tmp_path: Path, size: tuple[int, int]
) -> None:
    """An .eml is opened, its subject changed, its Bcc mended with one key; what arrives is that, octet for octet."""
    path = tmp_path / "mail.eml"
    path.write_bytes(MAIL)
    terminal = start(path, size=size)
    terminal.wait_for("Subject: Draft")
    terminal.press("down", "down", "end", *["backspace"] * 5)
    terminal.send("Final")
    terminal.wait_for("Subject: Final")
    terminal.press("f9")
    # The finding itself is told beside the source before that, and a form that is looked at for F9 is locked.
    terminal.wait_for("Cannot be sent yet")
    terminal.press("f6")
    terminal.wait_for("Bcc: hidden@example.com, queue@example.com → nothing")
    terminal.press("f9")
    terminal.wait_for("nothing has left yet")
    terminal.press("y")
    for line in ("delivered  bob@example.com", "delivered  hidden@example.com", "queued     queue@example.com"):
        terminal.wait_for(line)
    terminal.press("ctrl+q")
    assert terminal.wait_exit() == 0
    expected = MAIL.replace(b"Draft", b"Final").replace(b"Bcc: hidden@example.com,\n queue@example.com\n", b"")
    assert connected.mime(1) == crlf(expected)
    recipients = ["bob@example.com", "hidden@example.com", "queue@example.com"]
    assert connected.messages()[0]["envelope"] == {"from": "me@acme.example", "recipients": recipients}
    assert path.read_bytes() == MAIL


@SIZES
def test_an_8_bit_message_is_re_encoded_and_sent(
    start: Start, connected: Sandbox, tmp_path: Path, size: tuple[int, int]
) -> None:
    """A Latin-1 message is refused with the reason; one key re-encodes just its parts, and says what it did."""
    header = (
        b"From: me@acme.example\r\nTo: bob@example.com\r\nSubject: %s\r\nDate: Mon, 23 Nov 2026 07:00:00 +0000\r\n"
        b"Message-ID: <1@acme.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
        b"Content-Transfer-Encoding: %s\r\n\r\n%s\r\nplain = plain\r\n"
    )
    path = tmp_path / "mail.eml"
    path.write_bytes(header % (b"Gr\xfc\xdfe", b"8bit", b"Sch\xf6ne Gr\xfc\xdfe aus Z\xfcrich"))
    terminal = start(path, size=size)
    terminal.wait_for("read-only")
    terminal.press("f9")
    terminal.wait_for("8-bit but not UTF-8")
    assert not connected.messages()
    terminal.press("f6")
    terminal.wait_for("Fixed; Ctrl+Z takes it back")
    terminal.wait_for("8bit → quoted-printable")
    send_and_leave(terminal)
    (subject,) = re.findall(rb"Subject: (=\?[^\r]*\?=)\r\n", connected.mime(1))
    text = b"Sch=F6ne Gr=FC=DFe aus Z=FCrich"
    sent = connected.mime(1).replace(b"plain =3D plain", b"plain = plain")
    assert sent == header % (subject, b"quoted-printable", text)


@pytest.fixture
def piped() -> Iterator[Callable[..., Terminal]]:
    """`piped(file, "--raw", "-")`: the program with this file on its standard input, its keys from the terminal."""
    with ExitStack() as ending:

        def run(file: Path, *arguments: str) -> Terminal:
            program = f'cat "$1" | "$0" -m cfmail_tui {" ".join(arguments)}'
            terminal = ending.enter_context(Terminal(["/bin/sh", "-c", program, sys.executable, str(file)]))
            terminal.wait_for("F9")
            return terminal

        yield run


@pytest.mark.slow
def test_a_message_on_standard_input(piped: Callable[..., Terminal], connected: Sandbox, tmp_path: Path) -> None:
    """`cfmail -` takes what begins with a header for a raw message, also out of an mbox; a text is a text."""
    message = MAIL.replace(b"Bcc: hidden@example.com,\n queue@example.com\n", b"")
    path = tmp_path / "piped"
    path.write_bytes(message)
    terminal = piped(path, "-")
    terminal.wait_for("Subject: Draft")
    send_and_leave(terminal)
    assert connected.mime(1) == crlf(message)
    path.write_bytes(b"From me@example.com Mon Nov 23 07:00:00 2026\n" + message + b"\n")
    terminal = piped(path, "-")
    terminal.wait_for("message 1 of an mbox")
    send_and_leave(terminal)
    assert connected.mime(2) == crlf(message)
    path.write_bytes(b"Hello Bob,\n\nFrom: is no header here\n")
    terminal = piped(path, "-")
    terminal.wait_for("Hello Bob,")
    terminal.wait_for("New message")
    path.write_bytes(message)
    terminal = piped(path, "--to", "bob@example.com", "-")
    terminal.wait_for("New message")
    path.write_bytes(b"no header at all\n")
    terminal = piped(path, "--raw", "-")
    terminal.wait_for("Raw message")
    terminal.wait_for("no header at all")


def test_one_message_out_of_an_mbox(start: Start, connected: Sandbox, tmp_path: Path) -> None:
    """`cfmail FILE.mbox` lists its messages; the one chosen is sent as it was put in. --message chooses at once."""
    box = tmp_path / "box.mbox"
    postmark = b"From me@example.com Mon Nov 23 07:00:00 2026\n"
    mails = [MAIL.replace(b"Draft", b"number %d" % n).replace(b"Bcc", b"Cc") for n in (1, 2, 3)]
    box.write_bytes(b"".join(postmark + mail + b"\n" for mail in mails))
    terminal = start(box)
    terminal.wait_for("3 messages: Enter opens one")
    terminal.press("down", "enter")
    terminal.wait_for("message 2 of an mbox")
    send_and_leave(terminal)
    terminal = start("--message", "3", box)
    terminal.wait_for("Subject: number 3")
    send_and_leave(terminal)
    assert [connected.mime(1), connected.mime(2)] == [crlf(mails[1]), crlf(mails[2])]


EVIL: Final = " ".join((*MARKUP[:7], *(text for text in CONTROLS if "\0" not in text)))
"""What would like to act, without what cannot be sent."""


def evil(text: str = EVIL) -> bytes:
    """A message in which everything that can hold text holds this."""
    return (
        f'From: "{MARKUP[0]}" <me@acme.example>\nTo: bob@example.com\nSubject: {text}\n'
        f"Date: {text}\nMessage-ID: <{text}>\nX-Evil: {text}\nReceived: {text}\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/mixed; boundary="b"\n\n{text}\n--b\n'
        f'Content-Type: text/plain; charset="{text}"\nContent-Transfer-Encoding: {text}\n\n{text}\n--b\n'
        f'Content-Type: application/x; name="{text}"\nContent-Disposition: attachment; filename="{text}"\n'
        f"Content-Transfer-Encoding: base64\n\n{'QUJDREVGR0hJSktM' * 4}\n--b\nContent-Type: {text}\n\n{text}\n--b--\n"
    ).encode()


def assert_harmless(terminal: Terminal) -> None:
    """Of all that was written to the terminal nothing acts but what the program itself has to say to it."""
    written = terminal.output.decode("utf-8", "surrogateescape")
    assert not acting(WHAT_TEXTUAL_WRITES.sub("", written))
    assert "\x1b[35;45m" not in written, "a colour that only the message has"
    assert b"\x1b]8" not in terminal.output


def click_on_markup(terminal: Terminal) -> None:
    """Click on everything on the screen that would be a link if it were markup; the program goes on."""
    for occurrence in range(terminal.screen().count("@click=app.quit")):
        # A click may have scrolled some away.
        if occurrence < terminal.screen().count("@click=app.quit"):
            terminal.click("@click=app.quit", occurrence=occurrence)


@pytest.mark.slow
@SIZES
def test_nothing_in_a_message_acts(start: Start, connected: Sandbox, tmp_path: Path, size: tuple[int, int]) -> None:
    """In the list of an mbox, the picker, the source, parts, findings, review, results, history and form it is text."""
    box = tmp_path / "[@click=app.quit]\x1b]52;c;ZXZpbA==\x07\u202e.mbox"
    box.write_bytes((b"From me@example.com Mon Nov 23 07:00:00 2026\n" + evil() + b"\n") * 2)
    terminal = start("--sandbox", box, size=size)
    terminal.wait_for("2 messages: Enter opens one")
    click_on_markup(terminal)
    terminal.press("enter")
    terminal.wait_for("X-Evil")
    for _ in range(3):
        terminal.press("f5")
        for _ in range(6):
            terminal.press("down")
        click_on_markup(terminal)
    terminal.press("f3")
    terminal.wait_for("Open a message")
    terminal.send(f"{tmp_path}\r")
    terminal.wait_for("<1B>]52")
    terminal.press("down", "f5")
    click_on_markup(terminal)
    terminal.press("esc")
    terminal.wait_gone("Open a message")
    terminal.press("f9")
    terminal.wait_for("nothing has left yet")
    terminal.press("m")
    terminal.wait_for("mime_message")
    click_on_markup(terminal)
    terminal.press("q")
    terminal.wait_gone("mime_message")
    terminal.press("y")
    terminal.wait_for("Accepted")
    terminal.press("f8")
    terminal.wait_for("newest first")
    terminal.wait_for("bob@example.com")
    click_on_markup(terminal)
    terminal.press("o")
    terminal.wait_for("this is what was sent")
    terminal.press("ctrl+t")
    terminal.wait_for("Open it in the form")
    click_on_markup(terminal)
    terminal.press("down", "enter")
    terminal.wait_for("New message")
    click_on_markup(terminal)
    terminal.press("f7")
    terminal.wait_for("unfinished mails")
    click_on_markup(terminal)
    assert_harmless(terminal)
    terminal.press("f12", "ctrl+q")
    assert terminal.wait_exit() == 0
    assert_harmless(terminal)


def test_nothing_in_a_message_that_is_refused_acts(start: Start, connected: Sandbox, tmp_path: Path) -> None:
    """Nor where it cannot be sent, and what it is changed to is told."""
    path = tmp_path / "mail.eml"
    path.write_bytes(evil(f"{EVIL} \x1b") + b"\xff\x9b35;45m\0")
    terminal = start(path)
    terminal.wait_for("read-only")
    terminal.press("f9")
    terminal.wait_for("Cannot be sent yet")
    click_on_markup(terminal)
    terminal.press("f6")
    terminal.wait_gone("Cannot be sent yet")
    assert_harmless(terminal)
