"""Accounts in a real terminal, on a machine without a keyring: one is added, kept in a file, and used again."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.sandbox import Sandbox
from tests.leaks import Leaks
from tests.pty_driver import AT_REST, Terminal

Start = Callable[..., Terminal]

PASSPHRASE: Final = "correct horse battery"


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
    leaks = Leaks(token=first_use.token, passphrase=PASSPHRASE)
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
    leaks.add_processes(again.pid)
    again.wait_for("alice@acme.example")
    write(again, "The second")
    again.press("f9")
    send(again)
    assert len(first_use.messages()) == 2
    leaks.add("the terminals", terminal.output, again.output)
    leaks.add_files(Path(os.environ["HOME"]))
    assert not leaks.found, "\n".join(leaks.found)


@pytest.mark.slow
def test_a_password_command_that_asks(start: Start, first_use: Sandbox, tmp_path: Path) -> None:
    """A password command that wants an answer gets the terminal, and the mail goes on to its review; no token shows."""
    leaks = Leaks(token=first_use.token)
    script = tmp_path / "ask.py"
    script.write_text(f"print({first_use.token!r} if open('/dev/tty').readline() == 'open\\n' else 1/0)")
    settings = Path(os.environ["CFMAIL_HOME"]) / "config" / "config.toml"
    command = f'token_command = ["{sys.executable}", "{script}"]\naccount_id = "{first_use.account_id}"\n'
    settings.write_text(settings.read_text() + command)
    terminal = start("--from", "me@acme.example")
    terminal.wait_for(lambda _screen: 1049 not in terminal.modes, name="the terminal is given to the command")
    leaks.add_processes(terminal.pid)
    terminal.send("open\r")
    terminal.wait_for("password command")
    write(terminal, "Asked")
    terminal.press("f9")
    send(terminal)
    leaks.add("the terminal", terminal.output)
    leaks.add_files(Path(os.environ["HOME"]))
    assert not leaks.found, "\n".join(leaks.found)


ASK: Final = """
import getpass, signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
if getpass.getpass("PIN? ") == "1234":
    print({token!r})
"""


@pytest.mark.slow
def test_ctrl_c_at_the_question_of_a_password_command(start: Start, first_use: Sandbox, tmp_path: Path) -> None:
    """It ends the command alone, pressed twice as well: cfmail says so, the mail is whole, and the next try works."""
    script = tmp_path / "ask.py"
    script.write_text(ASK.format(token=first_use.token))
    settings = Path(os.environ["CFMAIL_HOME"]) / "config" / "config.toml"
    command = f'token_command = ["{sys.executable}", "{script}"]\naccount_id = "{first_use.account_id}"\n'
    settings.write_text(settings.read_text() + command)
    terminal = start("--from", "me@acme.example")

    def asked(times: int) -> None:
        terminal.wait_for(lambda screen: screen.count("PIN?") == times, name=f"question {times}")

    asked(1)
    terminal.send("\x03")
    terminal.wait_for("was interrupted")
    write(terminal, "Interrupted")
    terminal.press("f9")
    asked(2)
    terminal.send("12\x03\x03")
    terminal.wait_for("was interrupted")
    for typed in ("bob@example.com", "Interrupted", "Hi Bob"):
        terminal.wait_for(typed)
    terminal.press("f9")
    asked(3)
    terminal.send("1234\r")
    send(terminal)
    assert len(first_use.messages()) == 1
