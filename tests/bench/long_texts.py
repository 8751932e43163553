"""A key in a long text, beside one in an empty one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Final

from tests.bench.row import Row, Sides
from tests.bench.watched import CFMAIL, LETTER, account, machine, on_screen

LINE: Final = "the quick brown fox jumps over the lazy dog, and looks back from behind it\n"
MIB: Final = 1 << 20
KEYS: Final = 200
SILENCE: Final = 0.03
"""Seconds after which a key's drawing is over; short, so that what is drawn now and then is seldom taken for it."""


@contextmanager
def key(octets: int) -> Iterator[Sides]:
    with machine() as env:
        text = Path(env["HOME"], "text.txt")
        text.write_text(LINE * (octets // len(LINE)))

        def slow_key(*arguments: str) -> float:
            return percentile_95([*CFMAIL, *LETTER, *arguments], env | account())

        yield Sides(lambda: slow_key(str(text)), slow_key)


def percentile_95(argv: Sequence[str], env: dict[str, str]) -> float:
    with on_screen(argv, env, "F9") as terminal:
        return quantiles([terminal.drawn("x", SILENCE) for _ in range(KEYS)], n=20, method="inclusive")[-1]


ROWS: Final = (
    Row(
        "key-5mib",
        "a key in a text of 5 MiB to the last octet it draws, 95th percentile",
        "ms",
        lambda: key(5 * MIB),
        beside="the same in an empty text",
        at_most_times=2,
    ),
)
