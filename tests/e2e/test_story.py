"""The main job, whole: a mail is typed into the real program on a real terminal, sent, and its outcome read."""

import email
import email.policy
import json
import random
import subprocess
import sys
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from cfmail_tui.sandbox import Sandbox
from tests.pty_driver import AT_REST, Terminal

Start = Callable[..., Terminal]

ADDRESSES = "bob@example.com, queue@example.com, bounce@example.com"
RESULTS = ("delivered  bob@example.com", "queued     queue@example.com", "bounced    bounce@example.com")


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A file with every octet in it, and a name to be quoted."""
    path = tmp_path / "report of May.bin"
    path.write_bytes(bytes(range(256)) + random.Random(1).randbytes(70_000) + b"\r\n.\r\n\n\r")
    return path


def history() -> list[dict[str, Any]]:
    """What the command line tells of what was sent."""
    command = [sys.executable, "-m", "cfmail_tui", "history", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    attempts: list[dict[str, Any]] = json.loads(ran.stdout)
    return attempts


def only_mail(maildir: Path) -> EmailMessage:
    """The one message a Maildir holds, as a mail program reads it."""
    (path,) = (maildir / "new").iterdir()
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def assert_sent(maildir: Path, report: Path) -> None:
    """The far end has the mail with its attachment, and the history says so."""
    mail = only_mail(maildir)
    assert (mail["From"], mail["To"], mail["Subject"]) == ("me@acme.example", ADDRESSES, "Monthly report")
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == ["Hi Bob,", "", "the report is attached."]
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == report.name
    assert attached.get_payload(decode=True) == report.read_bytes()
    (attempt,) = history()
    assert (attempt["outcome"], attempt["subject"]) == ("accepted", "Monthly report")
    assert [(to["address"], to["status"]) for to in attempt["recipients"]] == [
        ("bob@example.com", "delivered"),
        ("queue@example.com", "queued"),
        ("bounce@example.com", "bounced"),
    ]


def write_with_the_keyboard(terminal: Terminal, report: Path) -> None:
    """From, To, Subject, text and the file, by keys only, one thing after another."""
    terminal.send("me@acme.example")
    terminal.press("tab")
    terminal.send(ADDRESSES)
    terminal.press("tab")
    terminal.send("Monthly report")
    terminal.press("tab")
    terminal.send("Hi Bob,\r\rthe report is attached.")
    terminal.wait_for("the report is attached.")
    terminal.press("f3")
    terminal.wait_for("Attach a file")
    terminal.send(str(report))
    terminal.press("enter")
    terminal.wait_for(f"{report.stat().st_size:,}")
    terminal.press("esc")
    terminal.wait_gone("Attach a file")
    terminal.wait_for(report.name)


def click_beside(terminal: Terminal, label: str, row: int = 0) -> None:
    """A click into the line of a field, or into a row counted from 1."""
    row = row or 1 + next(y for y, line in enumerate(terminal.lines()) if line.strip(" !✗·").startswith(label))
    terminal.send(f"\x1b[<0;40;{row}M\x1b[<0;40;{row}m")


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids="{0[0]}x{0[1]}".format)
def test_a_mail_from_the_first_key_to_its_outcome(
    start: Start, connected: Sandbox, report: Path, size: tuple[int, int]
) -> None:
    """With the keyboard alone a mail is written, reviewed and sent, and each recipient's fate is on the screen."""
    terminal = start(size=size)
    write_with_the_keyboard(terminal, report)
    terminal.press("f9")
    terminal.wait_for("nothing has left yet")
    for line in (ADDRESSES, "Monthly report", report.name, "Hi Bob,", connected.base_url):
        terminal.wait_for(line)
    assert not connected.messages()
    terminal.press("y")
    for line in RESULTS:
        terminal.wait_for(line)
    terminal.press("ctrl+q")
    assert terminal.wait_exit() == 0
    assert terminal.modes == AT_REST
    assert_sent(connected.maildir, report)


def test_the_same_with_the_mouse(start: Start, connected: Sandbox, report: Path) -> None:
    """Whoever clicks on fields, labels of the key bar and buttons gets as far as with the keyboard."""
    terminal = start()
    for label, text in {"Subject": "Monthly report", "To": ADDRESSES, "From": "me@acme.example"}.items():
        click_beside(terminal, label)
        terminal.send(text)
        terminal.wait_for(text)
    click_beside(terminal, "", row=12)
    terminal.send("Hi Bob,\r\rthe report is attached.")
    terminal.wait_for("the report is attached.")
    terminal.click("F3 Attach")
    terminal.wait_for("Attach a file")
    terminal.send(f"{report}\r")
    terminal.wait_for(f"{report.stat().st_size:,}")
    terminal.click("Esc Back")
    terminal.wait_gone("Attach a file")
    terminal.click("Send")
    terminal.wait_for("nothing has left yet")
    terminal.click("Back to the mail")
    terminal.wait_gone("nothing has left yet")
    terminal.click("F9 Send")
    terminal.click("Send (y)")
    for line in RESULTS:
        terminal.wait_for(line)
    terminal.wait_for("F3 Attach", name="the keys for the next mail")
    terminal.click("History")
    terminal.wait_for("newest first")
    terminal.click("Monthly report")
    terminal.wait_for("Subject   Monthly report")
    terminal.click("Esc Back")
    terminal.wait_gone("newest first")
    assert_sent(connected.maildir, report)


def test_the_demo_is_the_whole_program(start: Start, new_machine: Path, report: Path) -> None:
    """`cfmail demo` needs no account and no network: its example goes into the sandbox with a file attached to it."""
    terminal = start("demo")
    terminal.wait_for("A first mail with cfmail")
    terminal.press("f3")
    terminal.wait_for("Attach a file")
    terminal.send(f"{report}\r\r")
    terminal.wait_gone("Attach a file")
    terminal.press("f9")
    terminal.wait_for("nothing has left yet")
    terminal.press("y")
    for line in ("delivered  bob@example.com", "queued     queue@example.com", "bounced    bounce@example.org"):
        terminal.wait_for(line)
    terminal.press("ctrl+q")
    assert terminal.wait_exit() == 0
    mail = only_mail(new_machine / "cfmail" / "data" / "sandbox" / "Maildir")
    (attached,) = mail.iter_attachments()
    assert attached.get_payload(decode=True) == report.read_bytes()
    assert [to["status"] for to in history()[0]["recipients"]] == ["delivered", "queued", "bounced"]


def test_the_whole_story_in_one_packet(start: Start, connected: Sandbox, report: Path) -> None:
    """Over a slow line all keys may come at once: the mail is the same, and it waits in the review to be seen."""
    terminal = start()
    terminal.send(
        "me@acme.example\tbob@example.org\x7f\x7f\x7fcom, \x1b[200~queue@example.com\r\nbounce@example.com\x1b[201~"
        "\tMonthly rapport\x7f\x7f\x7f\x7f\x7f\x7feport\tHi Bob,\r\rthe report is attached."
        f"\x1bOR{report}\r\x1b[24~\x1b[20~y"
    )
    terminal.wait_for("nothing has left yet")
    for line in (ADDRESSES, "Monthly report", report.name, "the report is attached."):
        terminal.wait_for(line)
    terminal.press("f1")
    terminal.wait_for("Keep the draft, start a new mail")
    assert not connected.messages()
    terminal.press("q")
    terminal.wait_gone("Keep the draft")
    terminal.send("yy")
    for line in RESULTS:
        terminal.wait_for(line)
    assert_sent(connected.maildir, report)
