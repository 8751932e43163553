"""The program in a real terminal, with a sandbox or a far end of ours for Cloudflare."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cfmail_tui.sandbox import Sandbox
from tests.edge.fault_server import ACCOUNT_ID, PATIENCE, TOKEN, Exchange, FarEnd, http_answer
from tests.fork_server import shared
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
    """`start("demo", size=(80, 24), ...)`: the program on a `Terminal` of its own, once it can be used.

    A fork of one that has done its imports, which is quick; with `anew` or no controlling terminal it is loaded from
    the disk, as a user's is, and its libraries read the environment.
    """
    with ExitStack() as ending:

        def run(
            *arguments: str | Path,
            anew: bool = False,
            env: Mapping[str, str] | None = None,
            controlling: bool = True,
            **options: Any,
        ) -> Terminal:
            if anew or not controlling:
                command = [sys.executable, "-m", "cfmail_tui", *arguments]
                started = Terminal(command, env=env, controlling=controlling, **options)
            else:
                started = Terminal(arguments, env=env, server=shared(), **options)
            terminal = ending.enter_context(started)
            terminal.wait_ready()
            return terminal

        yield run


class Cloudflare:
    """Takes mails and delivers them, at the moment a test says; `mails` counts what came whole."""

    def __init__(self) -> None:
        self.mails = 0
        self.reads, self.answers = threading.Event(), threading.Event()
        self.came, self.taken = threading.Event(), threading.Event()

    def behave(self, exchange: Exchange) -> None:
        self.came.set()
        self.reads.wait(PATIENCE)
        exchange.request()
        self.mails += 1
        self.taken.set()
        self.answers.wait(PATIENCE)
        result = (
            b'{"delivered": ["bob@example.com"], "queued": [], "permanent_bounces": [], "message_id": "<1@example>"}'
        )
        exchange.send(http_answer(200, b'{"success": true, "result": %s}' % result))

    def go_on(self) -> None:
        self.reads.set()
        self.answers.set()


@pytest.fixture
def cloudflare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloudflare]:
    """A far end that waits at each step to be told; the environment names it."""
    far_end = Cloudflare()
    with FarEnd(far_end.behave) as served:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", served.base_url)
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT_ID)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
        yield far_end
        far_end.go_on()
