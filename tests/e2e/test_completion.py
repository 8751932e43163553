"""Recipients completed in the real program on a real terminal: from what was sent, and from an alias file."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cfmail_tui.sandbox import Sandbox
from tests.edge.suppressing import suppress
from tests.pty_driver import Terminal

Start = Callable[..., Terminal]

ALIASES = "alias team Ann Lee <ann@example.net>, \\\n  Bob <bob@example.net>\n"


@pytest.fixture
def aliases(tmp_path: Path) -> Path:
    """A mutt alias file that the settings name."""
    path = tmp_path / "aliases"
    path.write_text(ALIASES)
    config = Path(os.environ["CFMAIL_HOME"]) / "config"
    config.mkdir(parents=True, exist_ok=True)
    (config / "config.toml").write_text(f'address_files = ["{path}"]\nundo_send = 0\n')
    return path


def send(terminal: Terminal, subject: str) -> None:
    """With the cursor behind the recipients: the rest of the mail, until it has left."""
    terminal.send(f"\t{subject}\tHi.")
    terminal.press("f9")
    terminal.wait_for("nothing has left yet")
    terminal.press("y")
    terminal.wait_gone("nothing has left yet")


@pytest.mark.usefixtures("aliases")
def test_recipients_are_completed(start: Start, connected: Sandbox) -> None:
    """Who was written to before, a group of an alias file, and a mark on who is suppressed since."""
    terminal = start("--from", "me@acme.example")
    terminal.wait_for("cfmail")
    terminal.send('"Fields, Carol" <carol@example.org>')
    send(terminal, "One")
    terminal.wait_for("delivered  carol@example.org")

    terminal.press("ctrl+n")
    terminal.wait_gone("Hi.")
    terminal.send("fie")
    terminal.wait_for("Fields, Carol  carol@example.org")
    terminal.press("down", "enter")
    terminal.wait_for('To         "Fields, Carol" <carol@example.org>,')
    terminal.send("team")
    terminal.wait_for("group of 2: ann@example.net, bob@example.net")
    terminal.press("down", "tab")
    terminal.wait_for("3 of 50")
    send(terminal, "Two")
    terminal.wait_for("3 of 3 delivered")

    suppress(connected, "carol@example.org")
    terminal.press("ctrl+n")
    terminal.wait_gone("Hi.")
    terminal.send("carol@example.org")
    send(terminal, "Three")
    terminal.wait_for("put there by hand")
    terminal.press("ctrl+n")
    terminal.wait_gone("Hi.")
    terminal.send("carol")
    terminal.wait_for(lambda screen: re.search("⊘ Fields, Carol +carol@example.org +suppressed", screen))
    terminal.press("tab")
    terminal.wait_gone("suppressed")
    assert re.search("To +carol *$", terminal.screen(), re.MULTILINE)
    assert [message["envelope"]["recipients"] for message in connected.messages()] == [
        ["carol@example.org"],
        ["carol@example.org", "ann@example.net", "bob@example.net"],
    ]
