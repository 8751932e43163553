"""The editor of raw messages: what a large message costs in it, beside an empty one."""

import base64
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Final

from tests.bench.row import Row, Sides
from tests.bench.watched import Watched, machine, on_screen, taken

EDITOR: Final = (sys.executable, "-m", "tests.bench.editor")
EMPTY: Final = b"Subject: x\r\n\r\n"
MIB: Final = 1 << 20
SILENCE: Final = 0.1
"""Seconds after which a key's drawing is over."""

TYPED: Final = "the quick brown fox jumps over the lazy dog"


def attached(size: int, count: int) -> bytes:
    """A message of about `size` octets with so many attachments in base64."""
    content = random.Random(1).randbytes(size // count * 57 // 78)
    body = base64.encodebytes(content).replace(b"\n", b"\r\n")
    part = b"--b\r\nContent-Type: image/png; name=%d.png\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n"
    parts = b"".join(part % (number, body) for number in range(count))
    return b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n" + parts + b"--b--\r\n"


def text(size: int) -> bytes:
    line = b"Lorem ipsum dolor sit amet, consectetur adipisici elit, sed eiusmod tempor.\r\n"
    return b"Subject: x\r\n\r\n" + line * (size // len(line))


@contextmanager
def messages(large: Callable[[], bytes]) -> Iterator[tuple[dict[str, str], str, str]]:
    """A machine with this message and an empty one in files."""
    with machine() as env:
        for name, octets in (("large", large()), ("empty", EMPTY)):
            Path(env["HOME"], name).write_bytes(octets)
        yield env, str(Path(env["HOME"], "large")), str(Path(env["HOME"], "empty"))


@contextmanager
def until_shown(large: Callable[[], bytes]) -> Iterator[Sides]:
    with messages(large) as (env, big, small):

        def shown(file: str) -> float:
            with Watched([*EDITOR, file], env) as terminal:
                terminal.wait_for("Subject")
                return terminal.age()

        yield Sides(partial(shown, big), partial(shown, small))


@contextmanager
def memory(large: Callable[[], bytes]) -> Iterator[Sides]:
    with messages(large) as (env, big, small):

        def peak(file: str) -> float:
            return taken([*EDITOR, file, "end"], env).mebibytes - Path(file).stat().st_size / MIB

        yield Sides(partial(peak, big), partial(peak, small))


@contextmanager
def key(large: Callable[[], bytes], *how: str) -> Iterator[Sides]:
    with (
        messages(large) as (env, big, small),
        on_screen([*EDITOR, big, *how], env, "Subject") as ours,
        on_screen([*EDITOR, small], env, "Subject") as beside,
    ):
        yield Sides(partial(slowest, ours), partial(slowest, beside))


def slowest(terminal: Watched) -> float:
    """Milliseconds from a key to the last octet it draws, the 95th percentile."""
    spent = []
    for typed in TYPED:
        pressed_at = time.perf_counter()
        terminal.send(typed)
        terminal.settle(SILENCE, least=1)
        spent.append((terminal.wrote_at - pressed_at) * 1e3)
    return quantiles(spent, n=20, method="inclusive")[-1]


def row(name: str, what: str, unit: str, sides: Callable[[], AbstractContextManager[Sides]], times: float) -> Row:
    return Row(name, what, unit, sides, beside="an empty one", at_most_times=times)


def rows() -> Iterator[Row]:
    # Made when they are measured: they are large.
    def large() -> bytes:
        return attached(25 * MIB, 3)

    def long() -> bytes:
        return text(5 * MIB)

    raw = "a raw message of 25 MiB with three attachments"
    yield row(
        "raw-open", f"{raw}, from the start of its editor until it is shown", "ms", partial(until_shown, large), 1.3
    )
    yield row(
        "raw-memory",
        f"{raw}, most memory of its editor besides the message itself",
        "MiB",
        partial(memory, large),
        1.25,
    )
    yield row("raw-key", f"{raw}, a key, 95th percentile", "ms", partial(key, large), 1.5)
    yield row("raw-text-key", "5 MiB of text laid out, a key, 95th percentile", "ms", partial(key, long, "unfold"), 2)


ROWS: Final = (*rows(),)
