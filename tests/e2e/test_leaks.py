"""A secret's whole way through the real program, with everything on that tells of what goes on: it is found nowhere."""

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui import crash
from tests.conftest import SECRET_SERVICE
from tests.leaks import Leaks, descendants
from tests.pty_driver import AT_REST, Terminal

ROOT: Final = Path(__file__).parents[2]

# All loggers write to a file, and F6 is broken by an exception with a frame and a text full of what there is.
TALKATIVE: Final = """
import logging, sys
logging.basicConfig(filename={log!r}, level=logging.DEBUG)
logging.captureWarnings(True)
from cfmail_tui.cli import main
from cfmail_tui.ui.compose import ComposeScreen
def broken(self):
    accounts = self.app._outbox.accounts
    account = accounts.find()
    raise KeyError(account, account.credential, accounts, self.app)
ComposeScreen.action_more_fields = broken
sys.exit(main(sys.argv[1:]))
"""
WATCHED: Final = {
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONFAULTHANDLER": "1",
    "PYTHONWARNINGS": "always",
    "TEXTUAL": "devtools,debug",
    "TEXTUAL_DEBUG": "1",
}


@pytest.mark.slow
def test_from_the_first_paste_to_a_crash(
    run_with_secret_service: Callable[..., object], sandbox: Sandbox, tmp_path: Path, new_machine: Path
) -> None:
    """A token is pasted, checked, kept in a real keyring and sent with; an editor runs, and a defect ends it all."""
    home, notes = tmp_path / "service", tmp_path / "notes"
    for folder in (home, notes):
        folder.mkdir()
    editor = notes / "editor.sh"
    editor.write_text(f"export >{notes}/environment; set >>{notes}/environment; echo in the editor; read line")
    leaks = Leaks(token=sandbox.token)
    command: list[str | Path] = [
        SECRET_SERVICE,
        "unlocked",
        sys.executable,
        "-c",
        TALKATIVE.format(log=str(notes / "log")),
    ]
    environ = {
        **WATCHED,
        "TEXTUAL_LOG": str(notes / "textual"),
        "TMPDIR": str(home),
        "CLOUDFLARE_BASE_URL": sandbox.base_url,
        "EDITOR": shlex.join(["sh", str(editor)]),
        "PYTHONPATH": str(ROOT),
    }
    flags = ("--from", "me@acme.example", "--to", "bob@example.com", "--subject", "Hello")
    with Terminal([*command, *flags], env=environ, size=(100, 30)) as terminal:
        terminal.wait_for("no account yet")
        terminal.send("Hi Bob")
        terminal.wait_for("Hi Bob")
        terminal.press("f9")
        terminal.wait_for("API token")
        terminal.send(f"\x1b[200~{sandbox.token}\x1b[201~")
        terminal.wait_for("•" * len(sandbox.token))
        terminal.send("\r\r")
        terminal.wait_for("Keep it in")
        terminal.click("Use it")
        terminal.wait_for("nothing has left yet")
        terminal.wait_for("Secret Service")
        terminal.press("y")
        terminal.wait_for("delivered")
        terminal.press("f4")
        terminal.wait_for("in the editor")
        assert len([*descendants(terminal.pid)]) > 2
        leaks.add_processes(terminal.pid)
        leaks.add_files(home, notes, new_machine)
        terminal.send("\r")
        terminal.wait_gone("in the editor")
        terminal.press("f6")
        assert terminal.wait_exit() == crash.EXIT_CODE
        assert terminal.modes == AT_REST
        leaks.add("the terminal", terminal.output)
    assert len(sandbox.messages()) == 1
    leaks.add("the mail", sandbox.request_body(1), sandbox.mime(1))
    leaks.add_files(home, notes, new_machine)
    assert (notes / "log").exists()
    assert [*(Path(os.environ["CFMAIL_HOME"]) / "data").glob("crash-*.txt")]
    assert not leaks.found, "\n".join(leaks.found)
