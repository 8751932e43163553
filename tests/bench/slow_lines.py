"""A line typed over a bad connection: 9,600 baud, and 300 ms for the way there and back.

A terminal that takes no more octets a second than the line carries; what a program writes waits in the pty, as it would
in the modem, or in the program.
"""

import select
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.bench.row import Row, Sides
from tests.bench.watched import CFMAIL, LETTER, Watched, account, machine

OCTETS: Final = 960
"""A second, at 9,600 baud."""

LATENCY: Final = 0.3
KEYS_A_SECOND: Final = 8
"""Somebody quick: 96 words a minute."""

TYPED: Final = ("the quick brown fox jumps over the lazy dog " * 5)[:200]
SILENCE: Final = 1.0


class SlowLine(Watched):
    """A terminal at the other end of a slow line."""

    most_at_once = OCTETS // 20
    _free_at = 0.0

    def _pump(self, timeout: float) -> bool:
        wait = self._free_at - time.perf_counter()
        if wait > 0:
            select.select([], [], [], min(wait, timeout))
            return False
        before = len(self.output)
        carried = super()._pump(timeout)
        self._free_at = time.perf_counter() + (len(self.output) - before) / OCTETS
        return carried


def behind(argv: Sequence[str], env: Mapping[str, str], marker: str, first: str = "") -> float:
    """Milliseconds from the last key until all is drawn."""
    with SlowLine(argv, env) as terminal:
        (terminal.wait_ready if argv[0] == CFMAIL[0] else terminal.wait_for)(marker, 60)
        terminal.settle(SILENCE)
        terminal.send(first)
        terminal.settle(SILENCE)
        start = time.perf_counter()
        for number, key in enumerate(TYPED):
            terminal.octets_within(start + number / KEYS_A_SECOND - time.perf_counter())
            terminal.send(key)
        typed_at = time.perf_counter()
        terminal.settle(SILENCE)
        return (max(terminal.wrote_at - typed_at, 0) + LATENCY) * 1e3


@contextmanager
def lag() -> Iterator[Sides]:
    with machine() as env:
        file = Path(env["HOME"], "text.txt")
        file.touch()
        ours = env | account() | {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}
        vim = shutil.which("vim")
        yield Sides(
            lambda: behind([*CFMAIL, *LETTER], ours, "F9"),
            (lambda: behind([vim, "-u", "NONE", str(file)], env, "text.txt", "i")) if vim else None,
            "" if vim else "there is no vim here",
        )


ROWS: Final = (
    Row(
        "slow-line",
        "the last of 200 keys, 8 a second, to all of the line drawn, over 9,600 baud and 300 ms",
        "ms",
        lag,
        beside="vim -u NONE",
        is_count=True,
    ),
)
