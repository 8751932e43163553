"""The guardian, tried on small programs: it ends as they end, and gives the terminal back where they do not."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.pty_driver import AT_REST, Terminal

# `run` is the program; it takes the terminal as a composer does, and says when it has.
SCRIPT: Final = """
import os, signal, sys, time, tty
from cfmail_tui.guardian import guarded

def take():
    tty.setraw(0)
    os.write(1, b"\\x1b[?1049h\\x1b[?1003h\\x1b[?2004h\\x1b[?25l\\x1b[?7lready")

def run(let_go):
{body}

print("before", end=" ")
code = guarded(run)
sys.exit(code)
"""


def program(*lines: str) -> list[str]:
    body = "\n".join(f"    {line}" for line in lines)
    return [sys.executable, "-c", SCRIPT.format(body=body)]


@pytest.mark.parametrize("code", [0, 3, 143])
def test_an_orderly_end(code: int) -> None:
    """The exit code is the program's, what was buffered before is written once, and nothing is added to it."""
    ran = subprocess.run(program(f"return {code}"), capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (code, "before ", "")


def test_an_exception_is_the_childs() -> None:
    """What the program raises goes up in the child alone; the guardian ends with the code that follows from it."""
    ran = subprocess.run(program("raise SystemExit(9)"), capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (9, "before ", "")


@pytest.mark.parametrize("controlling", [True, False])
@pytest.mark.parametrize(
    ("end", "code"),
    [("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL), ("os.abort()", -signal.SIGABRT), ("os._exit(5)", 5)],
)
def test_a_disorderly_end(end: str, code: int, controlling: bool) -> None:
    """Whatever ended the program on the terminal, its modes are off and its settings are back; no core is dumped."""
    with Terminal(program("take()", "sys.stdin.read(1)", end), controlling=controlling) as terminal:
        terminal.wait_for("ready")
        assert terminal.settings() != terminal.settings_before
        terminal.send("x")
        assert terminal.wait_exit() == code
        assert terminal.modes == AT_REST
        assert terminal.settings() == terminal.settings_before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_is_handed_on(number: signal.Signals) -> None:
    """A signal sent to the guardian reaches the program, also one that was ignored when the guardian started."""
    lines = (f"signal.signal({int(number)}, lambda *_: os._exit(7))", "take()", "while True: signal.pause()")
    command = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *program(*lines)]
    with Terminal(command) as terminal:
        terminal.wait_for("ready")
        os.kill(terminal.pid, number)
        assert terminal.wait_exit() == 7


def test_a_key_is_not_handed_on() -> None:
    """Ctrl+C where it is a signal reaches the program once: by the terminal, not by the guardian as well."""
    lines = (
        "heard = []",
        "signal.signal(signal.SIGINT, lambda *_: heard.append(1))",
        "signal.signal(signal.SIGTERM, lambda *_: heard.append(2))",
        "print('ready', flush=True)",
        "while 2 not in heard: signal.pause()",
        "return len(heard)",
    )
    with Terminal(program(*lines)) as terminal:
        terminal.wait_for("ready")
        terminal.send("\x03")
        terminal.wait_for("^C")
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.wait_exit() == 2


def test_let_go(tmp_path: Path) -> None:
    """The shell has its prompt and the code at once, while the program goes on, deaf to the terminal's end."""
    begin, done = tmp_path / "begin", tmp_path / "done"
    for fifo in (begin, done):
        os.mkfifo(fifo)
    lines = (
        "let_go(4)",
        f"open({str(begin)!r}).read()",
        "print('to nowhere', flush=True)",
        f"open({str(done)!r}, 'w').write(str(os.getsid(0) == os.getpid()))",
        "return 0",
    )
    with Terminal(program(*lines)) as terminal:
        assert terminal.wait_exit() == 4
        assert b"nowhere" not in terminal.output
        terminal.hang_up()
        begin.write_text("")
        assert done.read_text() == "True"
