"""A signal ends the program also where its own loop cannot."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.ui.endings import HEARD, EndingApp, Endings
from tests.edge.fault_server import PATIENCE
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


class Told(EndingApp):
    """An app that only hears what ends it."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []
        self.heard = threading.Event()

    def call_later(self, callback: Callable[..., object], *args: object, **_options: object) -> bool:
        callback(*args)
        return True

    def told_to_end(self, number: int) -> None:
        self.numbers.append(number)
        self.heard.set()


@pytest.fixture
def slow_to_switch() -> Iterator[None]:
    """No thread gets its turn before another waits by itself: the worst moment for each."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(60)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("slow_to_switch")
def test_a_key_for_another_program_ends_nothing() -> None:
    """Ctrl+C in the very moment when the terminal comes back was the other's; a SIGTERM is always ours."""
    with ExitStack() as afterwards:
        for number in HEARD:
            afterwards.callback(signal.signal, number, signal.getsignal(number))
        app = Told()
        with Endings(app) as endings:
            for _ in range(3):
                with endings.without_keys():
                    signal.raise_signal(signal.SIGINT)
                    signal.raise_signal(signal.SIGQUIT)
            signal.raise_signal(signal.SIGTERM)
            assert app.heard.wait(PATIENCE)
    assert app.numbers == [signal.SIGTERM]
