"""A key in a long text, beside one in an empty one."""

from collections.abc import Iterator
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
    def slow_key(text: str) -> float:
        # On a machine of its own: a draft that was left is unfinished, and told.
        with machine() as env:
            file = Path(env["HOME"], "text.txt")
            file.write_text(text)
            with on_screen([*CFMAIL, *LETTER, str(file)], env | account(), "F9") as terminal:
                spent = [terminal.drawn("x", SILENCE).milliseconds for _ in range(KEYS)]
            return quantiles(spent, n=20, method="inclusive")[-1]

    yield Sides(lambda: slow_key(LINE * (octets // len(LINE))), lambda: slow_key(""))


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
