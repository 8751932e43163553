"""Accounts in a real terminal, on a machine without a keyring: one is added, kept in a file, and used again."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cfmail_tui.sandbox import Sandbox
from tests.pty_driver import AT_REST, Terminal

Start = Callable[..., Terminal]

PASSPHRASE = "correct horse battery"


@pytest.fixture
def first_use(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that the environment names, without credentials for it."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", sandbox.base_url)
    return sandbox


def write(terminal: Terminal, subject: str) -> None:
    terminal.send("bob@example.com")
    terminal.press("tab")
    terminal.send(f"{subject}\tHi Bob")
    terminal.wait_for("Hi Bob")


def send(terminal: Terminal) -> None:
    terminal.wait_for("nothing has left yet")
    terminal.press("y")
    terminal.wait_for("delivered")
    terminal.press("ctrl+q")
    assert terminal.wait_exit() == 0
    assert terminal.modes == AT_REST


@pytest.mark.slow
def test_an_account_in_the_encrypted_file(start: Start, first_use: Sandbox) -> None:
    """What is added at first use sends now, and at the next start after one passphrase; it is nowhere in clear."""
    terminal = start()
    terminal.wait_for("no account yet")
    terminal.send("me@acme.example")
    terminal.press("tab")
    write(terminal, "The first")
    terminal.press("f9")
    terminal.wait_for("api-tokens")
    terminal.send(f"{first_use.token}\r\r")
    terminal.wait_for("mail can be sent from")
    terminal.send("alice")
    terminal.wait_for("alice@acme.example")
    terminal.click("encrypted file")
    terminal.click("Use it")
    terminal.wait_for("Choose a passphrase")
    terminal.send(f"{PASSPHRASE}\r{PASSPHRASE}\r")
    send(terminal)
    again = start()
    again.wait_for("asked for once a session")
    again.send(f"{PASSPHRASE}\r")
    again.wait_for("encrypted file")
    again.wait_for("alice@acme.example")
    write(again, "The second")
    again.press("f9")
    send(again)
    assert len(first_use.messages()) == 2
    for shown in (terminal, again):
        assert first_use.token not in shown.output.decode(errors="replace")
        assert PASSPHRASE not in shown.output.decode(errors="replace")
    written = [path for path in Path(os.environ["HOME"]).rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if first_use.token.encode() in path.read_bytes()]


@pytest.mark.slow
def test_a_password_command_that_asks(start: Start, first_use: Sandbox, tmp_path: Path) -> None:
    """A password command that wants an answer gets the terminal, and then the mail goes on to its review."""
    script = tmp_path / "ask.py"
    script.write_text(f"print({first_use.token!r} if open('/dev/tty').readline() == 'open\\n' else 1/0)")
    settings = Path(os.environ["CFMAIL_HOME"]) / "config" / "config.toml"
    command = f'token_command = ["{sys.executable}", "{script}"]\naccount_id = "{first_use.account_id}"\n'
    settings.write_text(settings.read_text() + command)
    terminal = start("--from", "me@acme.example")
    terminal.wait_for(lambda _screen: 1049 not in terminal.modes, name="the terminal is given to the command")
    terminal.send("open\r")
    terminal.wait_for("password command")
    write(terminal, "Asked")
    terminal.press("f9")
    send(terminal)
