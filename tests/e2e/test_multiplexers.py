"""In tmux and GNU screen, terminals with minds of their own: they show what they do when everything is written."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from cfmail_tui.sandbox import Sandbox
from tests.conftest import IN_CI
from tests.pty_driver import Terminal

# Neither reads a configuration, and tmux has no line for itself.
IN_MULTIPLEXER: Final = {
    "tmux": "tmux -u -f /dev/null -S {folder}/socket new-session {command} ; set status off",
    "screen": "screen -U -S one -c /dev/null -T screen-256color sh -c {command}",
}
ENDING: Final = {"tmux": "tmux -S {folder}/socket kill-server", "screen": "screen -S one -X quit"}
# What it holds itself, where it can be asked: what it makes the terminal outside show is another matter.
HELD: Final = {"tmux": "tmux -u -S {folder}/socket capture-pane -p"}

OURS: Final = "-m cfmail_tui"
# Textual's own driver and output, as with a version that this was not made for.
STOCK: Final = (
    """-c 'import textual; textual.__version__ = "0"; from cfmail_tui.cli import main; raise SystemExit(main())'"""
)

WORDS: Final = "Käse 字幕 e\u0301 ─ 한국 שלום 😀 "
DISPUTED: Final = "👍🏽 ☁ 🇩🇪 1\ufe0f\u20e3 नि 👨\u200d👩\u200d👧 "
"""Not as wide for them as for Textual, whose own output pushes the rest of the line aside."""


class Window(NamedTuple):
    """A terminal with a multiplexer in it."""

    terminal: Terminal
    asking: list[str] | None
    """The command that prints what it holds."""

    def lines(self) -> list[str]:
        if self.asking is None:
            return self.terminal.lines()
        return [
            line.rstrip()
            for line in subprocess.run(self.asking, capture_output=True, check=True, text=True).stdout.split("\n")
        ]


@contextmanager
def started(tool: str, program: str, home: Path) -> Iterator[Window]:
    """The program in a multiplexer in a terminal, with data of its own."""
    if shutil.which(tool) is None:
        (pytest.fail if IN_CI else pytest.skip)(f"{tool} not found; install it")
    command = f"exec {sys.executable} {program} --from me@acme.example --to bob@example.com --subject 'Grüße, 字'"
    # Both keep their socket in it, whose path may not be long; GNU screen wants it for itself.
    with tempfile.TemporaryDirectory() as folder:
        begin, end, asking = (
            [part.format(folder=folder, command=command) for part in line.get(tool, "").split()]
            for line in (IN_MULTIPLEXER, ENDING, HELD)
        )
        try:
            with Terminal(begin, env={"SCREENDIR": folder, "CFMAIL_HOME": str(home)}) as terminal:
                terminal.wait_for("F9")
                yield Window(terminal, asking or None)
        finally:
            subprocess.run(end, env=os.environ | {"SCREENDIR": folder}, capture_output=True, check=False)


def play(terminal: Terminal) -> Iterator[None]:
    """The same things done in every terminal, in steps."""
    terminal.send(f"{WORDS}\r\rthe end\x1b[A{WORDS}\r")
    yield
    terminal.press("f1")
    terminal.wait_for("Esc Back")
    terminal.press("pagedown", "f12")
    terminal.wait_gone("Esc Back")
    terminal.send("more\r" * 20)
    terminal.press("up", "up", "end", "backspace", "backspace")
    yield
    terminal.resize(100, 30)
    # Until it is as high as that: how far a page is depends on it.
    terminal.wait_for(lambda screen: "F1 Help" in screen.split("\n")[29], name="the bar in the last line")
    terminal.press("f10", "f10", "f10", "pageup", "pageup")
    yield


def done(window: Window) -> None:
    """Until all is shown that was pressed so far."""
    window.terminal.send("Z")
    window.terminal.wait_for("Z")
    window.terminal.press("backspace")
    window.terminal.wait_gone("Z")


def show_the_same(ours: Window, stock: Window) -> None:
    """Until they do, without the title, which has the time."""
    for window in (ours, stock):
        done(window)
    # What is found in the mail comes a moment later.
    with suppress(AssertionError):
        ours.terminal.wait_for(lambda _: ours.lines()[1:] == stock.lines()[1:], name="the same")
    assert ours.lines()[1:] == stock.lines()[1:]


@pytest.mark.slow
@pytest.mark.parametrize("tool", IN_MULTIPLEXER)
def test_the_picture_is_that_of_everything_written(connected: Sandbox, tool: str, tmp_path: Path) -> None:
    """Typing, screens, scrolling and a resize show what they do when Textual writes; painting anew changes nothing."""
    with started(tool, OURS, tmp_path / "ours") as ours, started(tool, STOCK, tmp_path / "stock") as stock:
        for _ in zip(play(ours.terminal), play(stock.terminal), strict=True):
            show_the_same(ours, stock)
        if tool != "screen":  # differs about them with the terminal that it is in
            ours.terminal.send(DISPUTED)
        done(ours)
        shown = ours.lines()[1:]
        ours.terminal.press("ctrl+\\")
        done(ours)
        assert ours.lines()[1:] == shown
