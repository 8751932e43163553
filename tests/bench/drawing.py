"""Octets to the terminal, which are what a slow line feels: for a key, for another focus, and for nothing at all."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
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

FILES: Final = 200
"""In the list: more than fit on the screen."""

SIZES: Final = ((80, 24), (200, 60))
OPTIONS: Final = (sys.executable, "-m", "tests.bench.options")
WORDS: Final[dict[tuple[str, ...], str]] = {
    BARE: "a Textual screen with an Input and a TextArea",
    OPTIONS: "a Textual screen with an OptionList",
}


@dataclass(frozen=True, slots=True)
class Script:
    """Keys, and what of the octets that each of them costs has a goal."""

    name: str
    what: str
    keys: Sequence[str]
    figure: Callable[[list[int]], float]
    at_most: float
    arguments: Sequence[str] = LETTER
    first: tuple[str, ...] = ()
    """Keys that lead to where they are pressed."""
    peer: tuple[str, ...] = BARE
    peer_first: tuple[str, ...] = ()


IN_BODY: Final = partial(Script, keys=[*TYPED])
IN_FIELD: Final = partial(IN_BODY, arguments=LETTER[:-2], peer_first=("shift+tab",))
"""Without a subject, whose field then has the focus."""

SCRIPTS: Final = (
    IN_BODY("key", "a key typed into the text, median", figure=median, at_most=150),
    IN_BODY("key-mean", "a key typed into the text, mean", figure=fmean, at_most=500),
    IN_FIELD("key-field", "a key typed into a field, median", figure=median, at_most=150),
    IN_FIELD("key-field-mean", "a key typed into a field, mean", figure=fmean, at_most=500),
    Script("focus", "Tab to another field, the most of six", ["shift+tab"] * 3 + ["tab"] * 3, max, 1500),
    Script("arrow", "an arrow key in a list, median", ["down"] * 40, median, 400, first=("f3",), peer=OPTIONS),
)


def for_keys(
    argv: Sequence[str],
    env: Mapping[str, str],
    marker: str,
    first: Sequence[str],
    keys: Sequence[str],
    size: tuple[int, int],
) -> list[int]:
    """Octets for each key, pressed one at a time."""
    with on_screen(argv, env, marker, Path(env["HOME"]), size) as terminal:
        for key in first:
            terminal.drawn(key, 0.5)
        return [terminal.drawn(key, SILENCE).octets for key in keys]


@contextmanager
def played(script: Script, size: tuple[int, int]) -> Iterator[Sides]:
    with machine() as env:
        for number in range(FILES):
            Path(env["HOME"], f"file-{number:03}.txt").touch()

        def octets(argv: Sequence[str], marker: str, first: Sequence[str]) -> float:
            return script.figure(for_keys(argv, env | account(), marker, first, script.keys, size))

        yield Sides(
            lambda: octets([*CFMAIL, *script.arguments], "F9", script.first),
            lambda: octets(script.peer, "Subject", script.peer_first),
        )


@contextmanager
def idle() -> Iterator[Sides]:
    def for_a_minute(argv: Sequence[str], env: Mapping[str, str], marker: str) -> float:
        with on_screen(argv, env, marker) as terminal:
            return terminal.octets_within(IDLE) * 60 / IDLE

    with machine() as env:
        ours = env | account()
        yield Sides(lambda: for_a_minute([*CFMAIL, *LETTER], ours, "F9"), lambda: for_a_minute(BARE, env, "Subject"))


def row(script: Script, size: tuple[int, int]) -> Row:
    columns, lines = size
    return Row(
        script.name if size == SIZES[0] else f"{script.name}-{columns}x{lines}",
        f"{script.what}, {columns}x{lines}",
        "octets",
        partial(played, script, size),
        beside=WORDS[script.peer],
        at_most=script.at_most,
        is_count=True,
    )


ROWS: Final = (
    *(row(script, size) for size in SIZES for script in SCRIPTS),
    Row("idle", "nothing pressed, 80x24", "octets/min", idle, beside=WORDS[BARE], at_most=0, is_count=True),
)
