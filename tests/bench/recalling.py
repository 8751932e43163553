"""The history screen over a long history: how soon its rows show, and what a key in its search takes to be drawn.

The whole program is measured, on a terminal, over a copy of a history that `searching` makes, beside the smallest one.
"""

import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Final

import pyte

from tests.bench.row import Row, Sample, Sides
from tests.bench.searching import SIZES, Words, history
from tests.bench.watched import CFMAIL, LETTER, Watched, account, machine
from tests.pty_driver import CONTROL, CUT_CONTROL

KEYS: Final = 20
"""Keys of one round, in words that occur, each of which is then taken back."""

SILENCE: Final = 0.3
"""Seconds after which a key's drawing is over; several times what a key may take."""

SIZE: Final = (80, 24)
LIST: Final = slice(2, 12)
"""The lines of the screen that show mails."""


class Recorded(Watched):
    """Remembers when what was written, so that it can be found out later when a part of the screen had changed."""

    def __init__(self, argv: Sequence[str | Path], env: Mapping[str, str]) -> None:
        self._written: list[tuple[float, bytes]] = []
        self._screen = pyte.Screen(*SIZE)
        self._drawing = pyte.ByteStream(self._screen)
        super().__init__(argv, env, SIZE)

    def _show(self, data: bytes) -> None:
        super()._show(data)
        self._written.append((self.wrote_at, data))

    def changed_at(self, lines: slice) -> float:
        """When one of these lines changed for the last time since it was asked before, 0 if none did."""
        changed, shown, rest = 0.0, self._screen.display[lines], b""
        for at, written in self._written:
            data, rest = rest + written, b""
            if cut := CUT_CONTROL.search(data):
                data, rest = data[: cut.start()], data[cut.start() :]
            self._drawing.feed(CONTROL.sub(_digestible, data))
            if (now := self._screen.display[lines]) != shown:
                changed, shown = at, now
        self._written.clear()
        return changed


def _digestible(control: re.Match[bytes]) -> bytes:
    return b"" if control["mark"] or control["string"] else control[0]


@contextmanager
def over(size: str) -> Iterator[Recorded]:
    """The composer over such a history, at rest."""
    with history(size) as folder, machine() as env:
        data = Path(env["CFMAIL_HOME"], "data")
        shutil.copytree(folder, data)
        with Recorded([*CFMAIL, *LETTER], env | account()) as terminal:
            terminal.wait_ready("F9")
            terminal.settle(1.0)
            yield terminal


@contextmanager
def in_turns(how: Callable[[Recorded], Sample], size: str) -> Iterator[Sides]:
    """Measured over such a history, beside the smallest."""
    with ExitStack() as open_:
        ours, beside = (
            how(open_.enter_context(over(which))) if which else None for which in (size, "10k" if size != "10k" else "")
        )
        assert ours
        yield Sides(ours, beside)


def opening(terminal: Recorded) -> Sample:
    """F8 to the rows of the newest mails; then back."""

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

    return sample


def searching(terminal: Recorded) -> Sample:
    """A key in the search field to the last octet of the new list, 95th percentile."""
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
                terminal.changed_at(LIST)
                before, pressed_at = len(terminal.output), time.perf_counter()
                terminal.press(key)
                terminal.settle(SILENCE, least=1, before=before)
                if changed_at := terminal.changed_at(LIST):
                    taken.append((changed_at - pressed_at) * 1e3)
        return quantiles(taken, n=20)[-1]

    return sample


def rows(size: str) -> Iterator[Row]:
    where = f"over {SIZES[size]:,} mails"
    is_smallest = size == "10k"
    beside = "" if is_smallest else "10,000"
    yield Row(
        f"past-open-{size}",
        f"F8 to the first rows of the history screen {where}",
        "ms",
        partial(in_turns, opening, size),
        beside=beside,
        at_most_times=None if is_smallest else 1.6,
    )
    yield Row(
        f"past-key-{size}",
        f"a key in the search of the history screen to the new list, 95th percentile {where}",
        "ms",
        partial(in_turns, searching, size),
        beside=beside,
        at_most_times=None if is_smallest else 1.3,
    )


ROWS: Final = (*rows("10k"), *rows("100k"))
WHEN_NAMED: Final = (*rows("1m"),)
"""What takes too long to be made to be measured unasked."""
