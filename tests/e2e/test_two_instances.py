"""Several cfmails on one data folder at once, one of which is killed: nobody's mail is taken, doubled or forgotten."""

import json
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.edge.fault_server import ACCOUNT_ID, PATIENCE, TOKEN, Exchange, FarEnd, http_answer
from tests.fork_server import ForkServer, Program
from tests.pty_driver import Terminal

LANES: Final = 2
"""Rows of `cfmail send`, one after another in each, beside each other."""
BY_COMMAND: Final = 49
"""Mails of each lane; with those of the two screens it is a hundred."""
LETTER: Final = ("--from", "me@acme.example", "--to", "bob@example.net", "--subject")
ANSWER: Final = json.dumps(
    {"success": True, "errors": [], "messages": [], "result": {"delivered": ["bob@example.net"]}}
)


class SharedFarEnd(FarEnd):
    """Answers at once but for two kinds of subject: "held" when `release` is set, "doomed" never."""

    def __init__(self) -> None:
        super().__init__(self._behave)
        self.release = threading.Event()
        self._came = threading.Condition()

    def await_subjects(self, *subjects: str) -> None:
        """Until each of these mails has come whole."""
        with self._came:
            assert self._came.wait_for(lambda: {*subjects} <= {*self.accepted()}, PATIENCE)

    def accepted(self) -> Counter[str]:
        return Counter(json.loads(request.body)["subject"] for request in self.requests)

    def _behave(self, exchange: Exchange) -> None:
        subject = json.loads(exchange.request().body)["subject"]
        with self._came:
            self._came.notify_all()
        if subject.startswith("held"):
            self.release.wait(PATIENCE)
        if not subject.startswith("doomed"):
            exchange.send(http_answer(200, ANSWER))
        else:
            exchange.receive()


@pytest.fixture
def far_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[SharedFarEnd]:
    with SharedFarEnd() as far_end:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT_ID)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
        try:
            yield far_end
        finally:
            far_end.release.set()


def started(server: ForkServer, *arguments: str) -> Program:
    """A cfmail without a screen, which may read a short text, and whose words nobody reads."""
    with tempfile.TemporaryFile() as text, Path(os.devnull).open("wb") as nothing:
        text.write(b"Hi Bob")
        text.seek(0)
        output = nothing.fileno()
        return server.start(*arguments, env=os.environ, stdin=text.fileno(), stdout=output, stderr=output)


def ran(server: ForkServer, *arguments: str) -> tuple[int, str, str]:
    """Exit code, results and words of a cfmail that ends by itself."""
    code, out, err = server.run(*arguments, env=os.environ, stdin=b"Hi Bob")
    return code, out.decode(), err.decode()


def outcomes(server: ForkServer) -> dict[str, str]:
    """What the next cfmail calls each mail, after it has recovered what the dead left."""
    code, told, _ = ran(server, "history", "export", "--json")
    assert code == 0
    attempts = json.loads(told)
    found = {attempt["subject"]: attempt["outcome"] for attempt in attempts}
    assert len(found) == len(attempts)
    return found


def held_by_a_screen(subject: str) -> Terminal:
    """A TUI whose mail has left and has no answer yet."""
    terminal = Terminal([sys.executable, "-m", "cfmail_tui", *LETTER, subject])
    terminal.wait_for(subject)
    terminal.send("typed here")
    terminal.press("f9")
    terminal.wait_for("nothing has left yet")
    terminal.press("y")
    return terminal


@pytest.mark.slow
def test_a_hundred_mails_beside_a_killed_one(far_end: SharedFarEnd) -> None:
    """Each is accepted once and recorded so; only the killed one is unknown, and the living keep what is theirs."""
    held = ["held-0", "held-1"]
    with ForkServer() as server, ThreadPoolExecutor(LANES) as pool, ExitStack() as ending:
        screens = [ending.enter_context(held_by_a_screen(subject)) for subject in held]
        far_end.await_subjects(*held)

        def lane(name: str) -> list[tuple[int, str, str]]:
            return [ran(server, "send", *LETTER, f"{name}-{number}", "-") for number in range(BY_COMMAND)]

        lanes = [pool.submit(lane, f"lane-{number}") for number in range(LANES)]
        doomed = started(server, "send", *LETTER, "doomed", "-")
        far_end.await_subjects("doomed")
        doomed.kill()
        meanwhile = outcomes(server)
        assert meanwhile["doomed"] == "unknown"
        assert [meanwhile[subject] for subject in held] == ["open", "open"]
        far_end.release.set()

        for code, _, words in (one for row in lanes for one in row.result()):
            assert code == 0, words
            assert "locked" not in words
        for screen in screens:
            screen.wait_for("Accepted")
            assert b"locked" not in screen.output
            screen.press("ctrl+q")
            assert screen.wait_exit() == 0
        sent = {*held, *(f"lane-{row}-{number}" for row in range(LANES) for number in range(BY_COMMAND))}
        assert len(sent) == 100
        assert outcomes(server) == dict.fromkeys(sent, "accepted") | {"doomed": "unknown"}
    assert far_end.accepted() == dict.fromkeys({*sent, "doomed"}, 1)
