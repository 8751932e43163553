"""After a mail was sent, on a real terminal: the failed are written to again, the rest is sent, a snippet is copied."""

import base64
import csv
import json
import os
import re
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from cfmail_tui.sandbox import Choices, Sandbox
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


def export(terminal: Terminal, path: Path) -> str:
    """What the list of the history shows, written to this path; gives its text."""
    terminal.press("x")
    terminal.wait_for("Export what is found")
    terminal.send("\x7f" * len("history.csv") + f"{path}\r")
    terminal.wait_for(lambda _: path.exists(), name="the file")
    terminal.wait_for("2 mails are in")
    return path.read_text()


@pytest.mark.slow
def test_from_five_mistakes_to_an_export(start: Start, connected: Sandbox, tmp_path: Path) -> None:
    """Five mistakes are seen, three fixed with a key each; who bounced is written to again; the history has it all."""
    terminal = start()
    terminal.send("me@acme.example\tbob@gmial.com, bounce@example.net, bounce@example.net")
    terminal.press("f6")
    terminal.send("queue@example.org\tqueue@example.org\t\tMonthly report\t\t")
    terminal.send("Hi,\r\rthe Zugspitze figures are attached.\r\rHello {{name}}")
    terminal.wait_for("{{name}}")
    terminal.wait_for("5 findings · F12")
    marked = [line for line in terminal.lines() if line.startswith("!")]
    assert [line[1:].split()[0] for line in marked] == ["To", "Bcc", "the", "Hello"]
    terminal.press("f12")
    for words in ("is gmail.com meant", "stands here already", "shown in Cc", "nothing is attached", "left in from"):
        terminal.wait_for(words, name=f"the finding about {words}")
    for left in (4, 3, 2):
        terminal.press("f")
        terminal.wait_for(f"{left} findings")
    terminal.press("f12")
    send(terminal)
    terminal.wait_for("Accepted: 1 delivered, 1 queued, 1 bounced")
    terminal.press("ctrl+o")
    terminal.wait_for("s To failed")
    terminal.press("s")
    terminal.wait_for("to 1 of its 3")
    send(terminal)
    terminal.wait_for("Accepted: 1 bounced")
    assert recipients(connected) == [
        ["bob@gmail.com", "bounce@example.net", "queue@example.org"],
        ["bounce@example.net"],
    ]
    terminal.press("f8")
    terminal.wait_for("2 mails, newest first")
    terminal.send("/zugsp\r")
    terminal.wait_for("2 mails found")
    rows = [json.loads(line) for line in export(terminal, tmp_path / "found.jsonl").splitlines()]
    table = [*csv.DictReader(export(terminal, tmp_path / "found.csv").splitlines())]
    assert [[to["status"] for to in row["recipients"]] for row in rows] == [
        ["bounced"],
        ["delivered", "bounced", "queued"],
    ]
    assert [row["status"] for row in table] == ["bounced", "delivered", "bounced", "queued"]
    terminal.press("j")
    terminal.wait_for("1 queued")
    terminal.press("o")
    terminal.wait_for("as a mail of its own")
    for line in ("bob@gmail.com, bounce@example.net", "queue@example.org", "the Zugspitze figures"):
        terminal.wait_for(line)
    quit_(terminal)


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


def test_who_may_not_read_the_list_is_told(
    start: Start, connected: Sandbox, body: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that may not read the suppression list says what it lacks, and nothing is offered that cannot work."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", connected.add_token("no_suppressions"))
    terminal = start(*MAIL, "--to", "bob@example.com, suppressed@example.net", body)
    send(terminal)
    terminal.wait_for("Refused, not sent")
    terminal.press("ctrl+o")
    terminal.wait_for("may not read the suppression list")
    assert "x To the rest" not in terminal.screen()
    assert not connected.messages()
    terminal.press("f12")
    quit_(terminal)


@pytest.mark.parametrize(
    ("lacks", "says", "state"),
    [((), "after it was queued", "delivered"), (("no_analytics",), "Analytics Read", "queued")],
)
def test_what_became_of_the_queued(
    start: Start,
    tmp_path: Path,
    body: Path,
    monkeypatch: pytest.MonkeyPatch,
    lacks: tuple[str, ...],
    says: str,
    state: str,
) -> None:
    """Who was queued moves to delivered once the records have it; without the right it is told what is missing."""
    with Sandbox(tmp_path / "quick", choices=Choices(queue_seconds=0, analytics_lag=0)) as box:
        for name, value in box.environment().items():
            monkeypatch.setenv(name, value)
        if lacks:
            monkeypatch.setenv("CLOUDFLARE_API_TOKEN", box.add_token(*lacks))
        terminal = start(*MAIL, "--to", "queue@example.org", body)
        send(terminal)
        terminal.wait_for("Accepted: 1 queued")
        terminal.press("ctrl+o")
        terminal.wait_for("l Look up")
        terminal.press("l")
        terminal.wait_for(says)
        terminal.wait_for(f"Accepted: 1 {state}")
        terminal.press("f12")
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
