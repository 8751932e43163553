"""Octets to the terminal, which are what a slow line feels: for a key, and for nothing at all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import fmean, median
from typing import Final

from tests.bench.row import Row, Sides
from tests.bench.starting import BARE
from tests.bench.watched import CFMAIL, LETTER, account, machine, on_screen

TYPED: Final = "the quick brown fox jumps over the lazy dog"
SILENCE: Final = 0.1
"""Seconds after which a key's drawing is over; a cursor that the program makes blink is quiet for longer."""

IDLE: Final = 20.0
"""Seconds that an idle program is watched."""

BARE_SCREEN: Final = "a Textual screen with an Input and a TextArea"


def for_keys(argv: Sequence[str], env: Mapping[str, str], marker: str) -> list[int]:
    """Octets for each key, typed one at a time into the text."""
    with on_screen(argv, env, marker) as terminal:
        octets = []
        for key in TYPED:
            terminal.send(key)
            octets.append(terminal.settle(SILENCE, least=1))
        return octets


def for_a_minute(argv: Sequence[str], env: Mapping[str, str], marker: str) -> float:
    with on_screen(argv, env, marker) as terminal:
        return terminal.octets_within(IDLE) * 60 / IDLE


def both(sample: Callable[[Sequence[str], Mapping[str, str], str], float]) -> Iterator[Sides]:
    with machine() as env:
        ours = env | account()
        yield Sides(lambda: sample([*CFMAIL, *LETTER], ours, "F9"), lambda: sample(BARE, env, "Subject"))


@contextmanager
def usual_key() -> Iterator[Sides]:
    yield from both(lambda *program: median(for_keys(*program)))


@contextmanager
def mean_key() -> Iterator[Sides]:
    yield from both(lambda *program: fmean(for_keys(*program)))


@contextmanager
def idle() -> Iterator[Sides]:
    yield from both(for_a_minute)


ROWS: Final = (
    Row("key", "a typed key, median, 80x24", "octets", usual_key, beside=BARE_SCREEN, at_most=150, is_count=True),
    Row("key-mean", "a typed key, mean, 80x24", "octets", mean_key, beside=BARE_SCREEN, at_most=500, is_count=True),
    Row("idle", "nothing pressed, 80x24", "octets/min", idle, beside=BARE_SCREEN, at_most=0, is_count=True),
)
