"""Far ends for the app on its stage."""

import json
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cfmail_tui.sandbox import Sandbox
from tests.edge.fault_server import ACCOUNT_ID, PATIENCE, TOKEN, Exchange, FarEnd, http_answer
from tests.ui.accounts import Memory


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder with a path short enough to be read on a screen of 80 columns in one line."""
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        yield Path(folder)


@pytest.fixture
def connected(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that the environment of the test names."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    return sandbox


@pytest.fixture
def ring() -> Memory:
    return Memory()


@pytest.fixture
def first_use(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that the environment names, without credentials for it, on a machine without a keyring."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", sandbox.base_url)
    return sandbox


class Held:
    """A Cloudflare that takes every mail, and delivers it when the test says so."""

    def __init__(self) -> None:
        self.far_end = FarEnd(self._behave)
        self._released = threading.Event()

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The mails that came, as JSON."""
        return [json.loads(received.body) for received in self.far_end.requests]

    def release(self) -> None:
        """Answer now, and from now on at once."""
        self._released.set()

    def _behave(self, exchange: Exchange) -> None:
        mail = json.loads(exchange.request().body)
        self._released.wait(6 * PATIENCE)  # a test may write several mails meanwhile
        lists = {"delivered": [mail["to"]], "queued": [], "permanent_bounces": []}
        exchange.send(http_answer(200, json.dumps({"success": True, "result": {**lists, "message_id": "<1@example>"}})))


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """A far end that holds its answers back; the environment names it."""
    held = Held()
    with held.far_end:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", held.far_end.base_url)
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT_ID)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
        yield held
        held.release()
