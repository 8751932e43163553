"""From the `y` that sends to the first octet at the server, which is what the user waits for before anybody else does.

The whole program is measured, on a terminal, and not a call into it: between the key and the call lie the screens.
"""

import shutil
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import httpx

from tests.bench.row import Row, Sides
from tests.bench.watched import ACCOUNT_ID, CFMAIL, LETTER, ROOT, TOKEN, Watched, account, machine
from tests.edge.fault_server import PATIENCE, Exchange, FarEnd, http_answer

COMMITS: Final = 2
"""What the journal has on disk before a mail may leave: that it is tried, and that it goes."""

ANSWER: Final = http_answer(
    200,
    '{"success": true, "errors": [], "messages": [], "result": {"delivered": ["bob@example.net"], "queued": [],'
    ' "permanent_bounces": [], "message_id": "<1@example>"}}',
)
BESIDE_KEYRING: Final = str(ROOT / "tests" / "secret_service")

# In a session with an open keyring: the token is kept there, and then cfmail is what runs.
KEPT_FIRST: Final = """
printf %s "$TOKEN" | "$0" -m cfmail_tui account add work --token-stdin --unchecked --account-id "$ACCOUNT_ID" >&2
unset TOKEN
exec "$0" -m cfmail_tui "$@"
"""


class Clock:
    """A far end that takes every mail and notes when its first octet came."""

    def __init__(self) -> None:
        self.came: list[float] = []

    def behave(self, exchange: Exchange) -> None:
        while exchange.connection.recv(1, socket.MSG_PEEK):
            self.came.append(time.perf_counter())
            exchange.request()
            exchange.send(ANSWER)


def program(base_url: str, env: Mapping[str, str], *, has_keyring: bool) -> Watched:
    if not has_keyring:
        return Watched([*CFMAIL, *LETTER], {**env, **account(base_url)})
    ours = {**env, "CLOUDFLARE_BASE_URL": base_url, "TOKEN": TOKEN, "ACCOUNT_ID": ACCOUNT_ID}
    return Watched([BESIDE_KEYRING, "unlocked", "bash", "-c", KEPT_FIRST, sys.executable, *LETTER], ours)


def from_y(clock: Clock, terminal: Watched) -> float:
    """Milliseconds from the key that sends to the first octet at the far end."""
    terminal.wait_ready()
    terminal.send("Hi")
    terminal.settle(0.5, least=1)
    terminal.press("f9")
    terminal.wait_for("nothing has left yet")
    terminal.settle(0.5)
    before = len(clock.came)
    start = time.perf_counter()
    terminal.send("y")
    terminal.wait_for(lambda _text: len(clock.came) > before, name="the mail at the far end")
    return (clock.came[before] - start) * 1e3


def warm_post(clock: Clock, base_url: str, folder: str) -> float:
    """The same without a program: as many commits, and a request on a connection that is there."""
    with (
        closing(sqlite3.connect(Path(folder, "floor.sqlite3"), isolation_level=None)) as db,
        httpx.Client(trust_env=False, timeout=PATIENCE) as client,
    ):
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE IF NOT EXISTS attempts (text)")
        client.post(base_url, content=b"{}")
        before = len(clock.came)
        start = time.perf_counter()
        for _ in range(COMMITS):
            db.execute("INSERT INTO attempts VALUES ('a mail')")
        client.post(base_url, content=b"{}")
        return (clock.came[before] - start) * 1e3


@contextmanager
def first_octet() -> Iterator[Sides]:
    clock = Clock()
    has_keyring = all(map(shutil.which, ("dbus-run-session", "gnome-keyring-daemon")))
    note = "the token in a Secret Service" if has_keyring else "the token in the environment: no Secret Service here"
    with FarEnd(clock.behave) as far_end, tempfile.TemporaryDirectory() as folder:

        def ours() -> float:
            with machine() as env, program(far_end.base_url, env, has_keyring=has_keyring) as terminal:
                return from_y(clock, terminal)

        yield Sides(ours, lambda: warm_post(clock, far_end.base_url, folder), note)


ROWS: Final = (
    Row(
        "first-octet",
        "y on the review to the first octet at a loopback server",
        "ms",
        first_octet,
        beside=f"{COMMITS} commits to SQLite and a request on a connection that is open",
        at_most_times=2,
    ),
)
