"""The picker in a folder of many files: how soon they show, whether the screen lives meanwhile, and how it filters.

The whole program is measured, on a terminal: F3 loads the screen, as it does for the user.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from tests.bench.beating import Heart
from tests.bench.row import Row, Sides
from tests.bench.watched import LETTER, Watched, account, machine, on_screen

COUNTS: Final = {"10k": 10_000, "100k": 100_000}
KINDS: Final = ("contract", "invoice", "letter", "notes", "photo", "report", "scan", "ticket")
ENDING: Final = ".txt"
"""Of every name: a row is on the screen once it is."""

QUERY: Final = "invoice-042"
SILENCE: Final = 0.3
"""Seconds after which a key's drawing is over; several times what a key may take."""

LONG: Final = 300.0
"""Seconds after which a folder does not come any more."""

TREE: Final = "a Textual screen with a DirectoryTree"


class Shown(NamedTuple):
    """Milliseconds: from the key to the first rows, and the longest freeze until all is there."""

    first_rows: float
    freeze: float


class Programs:
    """The picker and the peer in a folder, with a heart in them."""

    def __init__(self, folder: Path, env: dict[str, str], heart_file: Path) -> None:
        self._folder = folder
        self._env = env
        self._heart = Heart.new(heart_file)
        # With -P the folder is not searched for modules: the installed command does not, either.
        self._beating = (sys.executable, "-P", "-m", "tests.bench.beating", str(heart_file))

    def picker(self) -> Shown:
        return self._shown("cfmail_tui", LETTER, "F9", "by name")

    def tree(self) -> Shown:
        return self._shown("tests.bench.tree", (), "Subject", ENDING)

    def _shown(self, module: str, arguments: Sequence[str], marker: str, complete: str) -> Shown:
        with on_screen([*self._beating, module, *arguments], self._env, marker, self._folder) as terminal:
            terminal.forget()
            self._heart.forget()
            pressed_at = time.perf_counter()
            terminal.press("f3")
            terminal.wait_for(ENDING, LONG)
            first_rows = (terminal.wrote_at - pressed_at) * 1e3
            terminal.wait_for(complete, LONG)
            terminal.settle(0.5)
            return Shown(first_rows, self._heart.longest)

    @contextmanager
    def open_picker(self) -> Iterator[Watched]:
        """With all names there."""
        with on_screen([*self._beating, "cfmail_tui", *LETTER], self._env, "F9", self._folder) as terminal:
            terminal.press("f3")
            terminal.wait_for("by name", LONG)
            terminal.settle(0.5)
            yield terminal


@contextmanager
def programs(count: int) -> Iterator[Programs]:
    """A machine with a folder of so many files."""
    with machine() as env, TemporaryDirectory() as folder:
        for number in range(count):
            Path(folder, f"{KINDS[number % len(KINDS)]}-{number:06}{ENDING}").touch()
        yield Programs(Path(folder), env | account(), Path(env["HOME"], "heart"))


@contextmanager
def first_rows(count: int) -> Iterator[Sides]:
    with programs(count) as both:
        yield Sides(lambda: both.picker().first_rows, lambda: both.tree().first_rows)


@contextmanager
def freeze(count: int) -> Iterator[Sides]:
    with programs(count) as both:
        yield Sides(lambda: both.picker().freeze, lambda: both.tree().freeze)


@contextmanager
def filter_key(count: int) -> Iterator[Sides]:
    """Each key typed one at a time into the filter, and taken back."""
    with programs(count) as both, both.open_picker() as terminal:
        keys = [*QUERY, *["backspace"] * len(QUERY)]
        yield Sides(
            lambda: quantiles([terminal.drawn(key, SILENCE).milliseconds for key in keys], n=20, method="inclusive")[-1]
        )


def rows(size: str) -> Iterator[Row]:
    where = f"in a folder of {COUNTS[size]:,} files"
    count, is_many = COUNTS[size], size == "100k"
    yield Row(
        f"pick-{size}",
        f"F3 to the first rows of the picker {where}",
        "ms",
        partial(first_rows, count),
        beside=TREE,
        at_most=100,
        at_most_times=0.1 if is_many else None,
    )
    yield Row(
        f"pick-{size}-freeze",
        f"longest freeze of the screen from F3 until all names are sorted {where}",
        "ms",
        partial(freeze, count),
        beside=TREE,
        at_most=50,
    )
    yield Row(
        f"pick-{size}-filter",
        f"a key in the filter to the last octet it draws, 95th percentile {where}",
        "ms",
        partial(filter_key, count),
        at_most=50,
    )


ROWS: Final = tuple(row for size in COUNTS for row in rows(size))
