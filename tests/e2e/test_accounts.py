"""Accounts in a real terminal, from the first start to a mail that was sent, and at the next start.

On machines without a keyring, with one, and with one that is locked; with a password command; with the environment.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cfmail_tui.sandbox import Sandbox
from tests.conftest import SecretService
from tests.pty_driver import AT_REST, Terminal

Start = Callable[..., Terminal]

PASSPHRASE = "correct horse battery"


@pytest.fixture
def first_use(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that the environment names, without credentials for it."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", sandbox.base_url)
    return sandbox


def configure(**wishes: object) -> None:
    """Add to the user's config.toml; JSON's strings and lists of them are TOML's."""
    file = Path(os.environ["CFMAIL_HOME"]) / "config" / "config.toml"
    file.write_text(file.read_text() + "".join(f"{key} = {json.dumps(value)}\n" for key, value in wishes.items()))


def assert_hidden(secret: str, *terminals: Terminal) -> None:
    """Not one octet of it was shown or written."""
    for shown in terminals:
        assert secret not in shown.output.decode(errors="replace")
    written = [path for path in Path(os.environ["HOME"]).rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if secret.encode() in path.read_bytes()]


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
    for secret in (first_use.token, PASSPHRASE):
        assert_hidden(secret, terminal, again)


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
    terminal.wait_for("▐●▌ this session only")
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
    assert_hidden(first_use.token, terminal, again)


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
    terminal.wait_for("▐●▌ the keyring of this machine (Secret Service)")
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
    locked.click("this session only")
    locked.click("Use it")
    locked.wait_for("this session only; to")
    send(locked)
    assert len(first_use.messages()) == 3
    assert_hidden(first_use.token, terminal, again, locked)


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
    assert_hidden(first_use.token, terminal)


@pytest.mark.slow
def test_a_password_command_that_asks(start: Start, first_use: Sandbox, tmp_path: Path) -> None:
    """A password command that wants an answer gets the terminal, and then the mail goes on to its review."""
    script = tmp_path / "ask.py"
    script.write_text(f"print({first_use.token!r} if open('/dev/tty').readline() == 'open\\n' else 1/0)")
    configure(token_command=[sys.executable, str(script)], account_id=first_use.account_id)
    terminal = start("--from", "me@acme.example")
    terminal.wait_for(lambda _screen: 1049 not in terminal.modes, name="the terminal is given to the command")
    terminal.send("open\r")
    terminal.wait_for("password command")
    write(terminal, "Asked")
    terminal.press("f9")
    send(terminal)
