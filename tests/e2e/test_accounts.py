"""Accounts in a real terminal, from the first start to a mail that was sent, and at the next start.

On machines without a keyring, with one, and with one that is locked; with a password command; with the environment.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.sandbox import Sandbox
from tests.conftest import SecretService
from tests.leaks import Leaks
from tests.pty_driver import AT_REST, Terminal

Start = Callable[..., Terminal]

PASSPHRASE: Final = "correct horse battery"


@pytest.fixture
def first_use(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that the environment names, without credentials for it."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", sandbox.base_url)
    return sandbox


def configure(**wishes: object) -> None:
    """Add to the user's config.toml; JSON's strings and lists of them are TOML's."""
    file = Path(os.environ["CFMAIL_HOME"]) / "config" / "config.toml"
    file.write_text(file.read_text() + "".join(f"{key} = {json.dumps(value)}\n" for key, value in wishes.items()))


def assert_hidden(leaks: Leaks, *terminals: Terminal) -> None:
    """Nothing of the secrets was shown or written."""
    leaks.add("the terminals", *(shown.output for shown in terminals))
    leaks.add_files(Path(os.environ["HOME"]))
    assert not leaks.found, "\n".join(leaks.found)


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
    assert_hidden(leaks, terminal, again)


@pytest.mark.slow
def test_an_account_for_this_session_only(start: Start, first_use: Sandbox) -> None:
    """By keys alone, with what is chosen beforehand: the mail is sent, and the next day the token is asked for anew.

    The mail that is written then is not lost to the question.
    """
    terminal = start()
    terminal.wait_for("no account yet")
    terminal.send("me@acme.example")
    terminal.press("tab")
    write(terminal, "The first")
    terminal.press("f9")
    terminal.wait_for("api-tokens")
    terminal.send(f"{first_use.token}\r")
    terminal.wait_for("●  this session only")
    terminal.press("tab", "enter", "enter")
    terminal.wait_for("this session only; to")
    send(terminal)
    again = start()
    again.wait_for("no account yet")
    again.wait_for("me@acme.example")
    write(again, "The second")
    again.press("f9")
    again.wait_for("api-tokens")
    again.press("esc")
    again.wait_gone("api-tokens")
    again.wait_for("Hi Bob")
    again.press("ctrl+q")
    assert again.wait_exit() == 0
    assert len(first_use.messages()) == 1
    assert_hidden(Leaks(token=first_use.token), terminal, again)


@pytest.mark.slow
def test_an_account_in_the_keyring(start: Start, first_use: Sandbox, secret_service: SecretService) -> None:
    """Entered once, found by the next start; when it is locked that is told, and a token for this session leads on."""
    terminal = start(env=secret_service.environment)
    terminal.wait_for("no account yet")
    terminal.send("me@acme.example")
    terminal.press("tab")
    write(terminal, "The first")
    terminal.press("f9")
    terminal.wait_for("api-tokens")
    terminal.send(f"{first_use.token}\r")
    terminal.wait_for("●  the keyring of this machine (Secret Service)")
    terminal.press("tab", "enter", "enter")
    terminal.wait_for("keyring (Secret Service); to")
    send(terminal)
    again = start(env=secret_service.environment)
    again.wait_for("keyring (Secret Service)")
    again.wait_for("me@acme.example")
    write(again, "The second")
    again.press("f9")
    send(again)
    secret_service.lock()
    locked = start(env=secret_service.environment)
    locked.wait_for("the keyring is locked; unlock it")
    locked.wait_for("account: cannot be used")
    locked.wait_for("me@acme.example")
    write(locked, "The third")
    locked.press("f9")
    locked.wait_for("api-tokens")
    locked.send(f"{first_use.token}\r")
    locked.click("○  this session only")
    locked.click("Use it")
    locked.wait_for("this session only; to")
    send(locked)
    assert len(first_use.messages()) == 3
    assert_hidden(Leaks(token=first_use.token), terminal, again, locked)


@pytest.mark.slow
@pytest.mark.parametrize("source", ["environment", "password command"])
def test_an_account_that_is_set_elsewhere(start: Start, first_use: Sandbox, tmp_path: Path, source: str) -> None:
    """Nothing is asked; where the token comes from stands on the screen, and nothing of it is kept."""
    environment = first_use.environment()
    if source == "password command":
        environment = {}
        script = tmp_path / "pass"
        script.write_text(f"#!/bin/sh\necho {first_use.token}\necho a second line\n")
        script.chmod(0o700)
        configure(token_command=[str(script)], account_id=first_use.account_id)
    terminal = start("--from", "me@acme.example", env=environment)
    terminal.wait_for("environment" if environment else "password command (pass)")
    write(terminal, "At once")
    terminal.press("f9")
    terminal.wait_for(f"Account   {source}")
    send(terminal)
    assert len(first_use.messages()) == 1
    assert_hidden(Leaks(token=first_use.token), terminal)


@pytest.mark.slow
def test_a_password_command_that_asks(start: Start, first_use: Sandbox, tmp_path: Path) -> None:
    """A password command that wants an answer gets the terminal, and the mail goes on to its review; no token shows."""
    leaks = Leaks(token=first_use.token)
    script = tmp_path / "ask.py"
    script.write_text(f"print({first_use.token!r} if open('/dev/tty').readline() == 'open\\n' else 1/0)")
    configure(token_command=[sys.executable, str(script)], account_id=first_use.account_id)
    terminal = start("--from", "me@acme.example")
    terminal.wait_for(lambda _screen: 1049 not in terminal.modes, name="the terminal is given to the command")
    leaks.add_processes(terminal.pid)
    terminal.send("open\r")
    terminal.wait_for("password command")
    write(terminal, "Asked")
    terminal.press("f9")
    send(terminal)
    assert_hidden(leaks, terminal)


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
    configure(token_command=[sys.executable, str(script)], account_id=first_use.account_id)
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
