"""A signal ends the program also where its own loop cannot."""

import os
import signal
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.pty_driver import Terminal

SCRIPT: Final = """
import os, sys, threading
from pathlib import Path
from cfmail_tui.ui import endings

class Example(endings.EndingApp):
    ending_limit = 0.2

    def on_mount(self):
        self.call_after_refresh(self.mounted)

    def mounted(self):
        os.write(1, b"\\x1b]0;ready\\x07")
        if sys.argv[2] == "stuck":
            threading.Event().wait()

    def save_now(self):
        Path(sys.argv[1]).write_text("saved")

    def close(self):
        if sys.argv[2] == "endless":
            threading.Event().wait()

endings.ANSWERING = 0.1
sys.exit(endings.run(Example()))
"""


@pytest.mark.parametrize("fault", ["", "stuck", "endless"])
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGQUIT, 131), (signal.SIGTERM, 143)]
)
def test_a_signal(tmp_path: Path, number: signal.Signals, code: int, fault: str) -> None:
    """Whether the loop answers, is stuck, or answers and comes to no end: what is typed is saved, then it ends."""
    with Terminal([sys.executable, "-c", SCRIPT, str(tmp_path / "draft"), fault]) as terminal:
        terminal.wait_for(lambda _: b"]0;ready" in terminal.output, name="the running app")
        os.kill(terminal.pid, number)
        assert terminal.wait_exit() == code
        assert "Traceback" not in terminal.output.decode()
    assert (tmp_path / "draft").read_text() == "saved"
