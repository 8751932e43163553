"""docs/security.md says what is kept where, as it is."""

import os
import re
import stat
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.api import discretion
from cfmail_tui.credentials import vault
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui import crash
from tests.fork_server import shared

DOCUMENT: Final = (Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8")


def cfmail(*arguments: str, stdin: str) -> int:
    """The command's exit code."""
    code, _, _ = shared().run(*arguments, env=os.environ, stdin=stdin.encode())
    return code


def test_what_is_kept_is_named(sandbox: Sandbox, new_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in the folders once an account was added and a mail sent is in the table, and its user's alone."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", sandbox.base_url)
    secrets = f"{sandbox.token}\ncorrect horse battery\n"
    kept_in = ("--store", "file", "--passphrase-stdin")
    assert cfmail("account", "add", "work", "--token-stdin", *kept_in, stdin=secrets) == 0
    mail = ("--from", "me@acme.example", "--to", "bob@example.com", "--subject", "Hello", "-")
    assert cfmail("send", "--sandbox", *mail, stdin="Hi") == 0
    data = new_machine / "cfmail" / "data"
    table = DOCUMENT.partition("## What is never stored")[0]
    named = {name.rstrip("/") for name in re.findall(r"`([\w.*-]+/?)`", table)}
    kept = {path.name for path in data.iterdir()}
    assert {"cfmail.sqlite3", "bodies", "accounts.vault", "sandbox"} <= kept
    assert {re.sub(r"-wal$|-shm$|\.lock$", "", name) for name in kept} <= named
    for path in (data, *data.rglob("*")):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_the_numbers_are_those_of_the_program() -> None:
    """Five reports are kept; a passphrase has at least eight characters; parts of eight of a secret are hidden."""
    assert crash.KEPT == 5
    assert "the newest five" in DOCUMENT
    assert vault.SHORTEST_PASSPHRASE == 8
    assert "at least eight\ncharacters" in DOCUMENT
    assert discretion.SHORTEST_PART == 8
    assert "parts of eight characters" in DOCUMENT
