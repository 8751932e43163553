"""The program in a real terminal, with a sandbox for Cloudflare."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cfmail_tui.sandbox import Sandbox
from tests.pty_driver import Terminal

Start = Callable[..., Terminal]


@pytest.fixture
def connected(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A separately started sandbox, which the environment names."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    return sandbox


@pytest.fixture
def start() -> Iterator[Start]:
    """`start("demo", size=(80, 24), ...)`: the program on a `Terminal` of its own, once it can be used."""
    with ExitStack() as ending:

        def run(*arguments: str | Path, **options: Any) -> Terminal:
            command = [sys.executable, "-m", "cfmail_tui", *map(str, arguments)]
            terminal = ending.enter_context(Terminal(command, **options))
            terminal.wait_for("F9")
            return terminal

        yield run
