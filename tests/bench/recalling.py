"""The history screen over a long history: how soon its rows show, and what a key in its search takes to be drawn.

The whole program is measured, on a terminal, over a copy of a history that `searching` makes.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Final

from tests.bench.row import Row, Sides
from tests.bench.searching import SIZES, Words, history
from tests.bench.watched import CFMAIL, LETTER, Watched, account, machine, on_screen

KEYS: Final = 20
"""Keys of one round, in words that occur, each of which is then taken back."""

SILENCE: Final = 0.3
"""Seconds after which a key's drawing is over; several times what a key may take."""


@contextmanager
def over(size: str) -> Iterator[Watched]:
    """The composer over such a history, at rest."""
    with history(size) as folder, machine() as env:
        data = Path(env["CFMAIL_HOME"], "data")
        shutil.copytree(folder, data)
        with on_screen([*CFMAIL, *LETTER], env | account(), "F9") as terminal:
            terminal.settle(1.0)
            yield terminal


@contextmanager
def opening(size: str) -> Iterator[Sides]:
    """F8 to the rows of the newest mails; then back."""
    with over(size) as terminal:

        def sample() -> float:
            terminal.forget()
            pressed_at = time.perf_counter()
            terminal.press("f8")
            terminal.wait_for("delivered")
            taken = (terminal.wrote_at - pressed_at) * 1e3
            terminal.settle(SILENCE)
            terminal.forget()
            terminal.press("f12")
            terminal.wait_for("F9")
            terminal.settle(SILENCE)
            return taken

        yield Sides(sample)


@contextmanager
def searching(size: str) -> Iterator[Sides]:
    """A key in the search field to the last octet that it draws, be it of the list, the count or the detail."""
    with over(size) as terminal:
        terminal.press("f8")
        terminal.wait_for("delivered")
        terminal.press("/")
        terminal.settle(SILENCE)
        words = Words()

        def sample() -> float:
            taken: list[float] = []
            while len(taken) < KEYS:
                (word,) = words.some(1)
                for key in [*word, *["backspace"] * len(word)]:
                    seen = len(terminal.output)
                    pressed_at = time.perf_counter()
                    terminal.press(key)
                    terminal.settle(SILENCE, least=1)
                    assert len(terminal.output) > seen
                    taken.append((terminal.wrote_at - pressed_at) * 1e3)
            return quantiles(taken, n=20)[-1]

        yield Sides(sample)


def rows(size: str) -> Iterator[Row]:
    where = f"over {SIZES[size]:,} mails"
    yield Row(
        f"past-open-{size}",
        f"F8 to the first rows of the history screen {where}",
        "ms",
        partial(opening, size),
        at_most=100,
    )
    yield Row(
        f"past-key-{size}",
        f"a key in the search of the history screen to the last octet it draws, 95th percentile {where}",
        "ms",
        partial(searching, size),
        at_most=100,
    )


ROWS: Final = (*rows("10k"), *rows("100k"))
WHEN_NAMED: Final = (*rows("1m"),)
"""What takes too long to be made to be measured unasked."""
