"""After a mail was sent, on a real terminal: the failed are written to again, the rest is sent, a snippet is copied."""

import base64
import os
import re
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from cfmail_tui.sandbox import Sandbox
from tests.pty_driver import Terminal

Start = Callable[..., Terminal]

MAIL = ("--from", "me@acme.example", "--subject", "Monthly report")


def recipients(sandbox: Sandbox) -> list[list[str]]:
    """To whom the accepted mails went."""
    return [message["envelope"]["recipients"] for message in sandbox.messages()]


def send(terminal: Terminal) -> None:
    """F9, then y."""
    terminal.press("f9")
    terminal.wait_for("nothing has left yet")
    terminal.press("y")


def quit_(terminal: Terminal) -> None:
    terminal.press("ctrl+q")
    assert terminal.wait_exit() == 0


@pytest.fixture
def body(tmp_path: Path) -> Path:
    """The text of a mail."""
    path = tmp_path / "body.txt"
    path.write_text("Hi,\n\nit is up.\n")
    return path


def test_to_the_bounced_only(start: Start, connected: Sandbox, body: Path) -> None:
    """Of a mix of recipients the bounced alone get the mail again, from a draft of its own."""
    terminal = start(*MAIL, "--to", "bob@example.com, bounce@example.net, queue@example.org", body)
    send(terminal)
    terminal.wait_for("1 bounced")
    terminal.press("ctrl+o")
    terminal.wait_for("s To failed")
    terminal.press("s")
    terminal.wait_gone("s To failed")
    terminal.wait_for("saved")
    send(terminal)
    terminal.wait_for("Accepted: 1 bounced")
    assert recipients(connected)[1:] == [["bounce@example.net"]]
    quit_(terminal)


def test_who_is_suppressed_is_dropped(start: Start, connected: Sandbox, body: Path) -> None:
    """A refusal for somebody on the suppression list says why, and two keys later the rest has the mail."""
    terminal = start(*MAIL, "--to", "bob@example.com, suppressed@example.net", body)
    send(terminal)
    terminal.wait_for("bounced for good")
    terminal.press("ctrl+o")
    terminal.wait_for("x To the rest")
    terminal.press("x")
    terminal.wait_for("nothing has left yet")
    terminal.press("y")
    terminal.wait_for("Accepted: 1 delivered")
    assert recipients(connected) == [["bob@example.com"]]
    quit_(terminal)


@pytest.mark.parametrize("text", ["short", "long " * 1500])
def test_a_copied_command_sends_the_same(start: Start, connected: Sandbox, body: Path, text: str) -> None:
    """What the terminal is given for its clipboard, pasted into a shell, sends the octets that cfmail sends."""
    body.write_text(text)
    terminal = start(*MAIL, "--to", "bob@example.com", body, cwd=body.parent, anew=True)
    terminal.press("f9")
    terminal.wait_for("nothing has left yet")
    terminal.press("c")
    terminal.wait_for("curl")
    terminal.press("c")
    terminal.wait_for("Copied, if this terminal")
    (copied,) = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07", terminal.output)
    command = base64.b64decode(copied).decode()
    assert connected.token not in command
    subprocess.run(["sh", "-c", command], env=os.environ, check=True, capture_output=True, timeout=30)
    terminal.press("f12")
    terminal.wait_gone("Copied, if this terminal")
    terminal.press("y")
    terminal.wait_for("Accepted: 1 delivered")
    digests = {sha256(connected.request_body(message["n"])).hexdigest() for message in connected.messages()}
    assert (len(connected.messages()), len(digests)) == (2, 1)
    quit_(terminal)
