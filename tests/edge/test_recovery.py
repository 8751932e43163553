"""What a cfmail that was killed leaves behind, and what the next one makes of it: real processes, a real kill -9."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from cfmail_tui.sandbox import Sandbox
from tests.edge.fault_server import PATIENCE, Exchange, FarEnd

FIELDS = ("--from", "me@acme.example", "--to", "bob@example.com", "--subject", "Hello", "-")


def started(*arguments: str) -> subprocess.Popen[bytes]:
    """A cfmail that sends, in a process of its own."""
    argv = [sys.executable, "-m", "cfmail_tui", *arguments]
    sending = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[2]
    )
    assert sending.stdin
    sending.stdin.write(b"Hi Bob")
    sending.stdin.close()
    return sending


def killed(sending: subprocess.Popen[bytes]) -> None:
    sending.send_signal(signal.SIGKILL)
    assert sending.wait(PATIENCE) == -signal.SIGKILL


def history() -> tuple[list[dict[str, Any]], str]:
    """What the next cfmail lists, and what it says about it."""
    argv = [sys.executable, "-m", "cfmail_tui", "history", "--json"]
    ran = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    attempts: list[dict[str, Any]] = json.loads(ran.stdout)
    return attempts, ran.stderr


@pytest.fixture
def far_end(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server that takes a mail whole, tells of it, and never answers."""
    taken, over = threading.Event(), threading.Event()

    def behave(exchange: Exchange) -> None:
        exchange.request()
        taken.set()
        over.wait(PATIENCE)

    with FarEnd(behave) as far_end:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "0123456789abcdef" * 2)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "a-token-that-must-not-show-anywhere-1234")
        yield taken, far_end
        over.set()


def test_killed_while_it_waited_for_the_answer(far_end: Any) -> None:
    """A mail that had left when cfmail was killed is unknown at the next start, which says so once."""
    taken, server = far_end
    sending = started("send", *FIELDS)
    assert taken.wait(PATIENCE)
    killed(sending)
    (attempt,), said = history()
    assert attempt["outcome"] == "unknown"
    assert "1 mail may have been sent, or not" in said
    assert history() == ([attempt], "")
    assert len(server.requests) == 1


def test_what_another_cfmail_sends_is_its_own(far_end: Any) -> None:
    """A second cfmail leaves the attempt of a living one open."""
    taken, _ = far_end
    sending = started("send", *FIELDS)
    assert taken.wait(PATIENCE)
    (attempt,), said = history()
    assert (attempt["outcome"], said) == ("open", "")
    killed(sending)
    assert history()[0][0]["outcome"] == "unknown"


def test_a_damaged_database_is_set_aside(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, new_machine: Path) -> None:
    """With a database that is none cfmail starts, sends, and says where the old file is."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    data = Path(os.environ["CFMAIL_HOME"]) / "data"
    data.mkdir(parents=True)
    (data / "cfmail.sqlite3").write_bytes(b"not a database, but somebody's file" * 100)
    argv = [sys.executable, "-m", "cfmail_tui", "send", *FIELDS]
    ran = subprocess.run(argv, input=b"Hi", capture_output=True, check=False, cwd=Path(__file__).parents[2])
    assert ran.returncode == 0
    (aside,) = data.glob("cfmail-damaged-*.sqlite3")
    assert aside.name in ran.stderr.decode()
    assert aside.read_bytes().startswith(b"not a database")
    assert len(history()[0]) == 1
