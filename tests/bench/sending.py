"""A mail with a file in it: time and memory of a whole command, and whether the screen lives meanwhile.

Everything is sent to a server on loopback that reads it and forgets it. Ours has a journal, and a copy of the mail on
disk before it leaves; the others have neither.
"""

import json
import random
import shutil
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, Literal

from tests.bench.beating import Heart
from tests.bench.leaving import ANSWER
from tests.bench.row import Row, Sample, Sides
from tests.bench.watched import ACCOUNT_ID, CFMAIL, LETTER, TOKEN, Taken, account, machine, on_screen, taken
from tests.edge.fault_server import Exchange, FarEnd, http_answer

MIB: Final = 1024 * 1024
LARGEST: Final = "18.25-largest"
SIZES: Final = {"1": MIB, "5": 5 * MIB, LARGEST: 18 * MIB + MIB // 4}
"""Octets of the file. A mail may have 25 MiB as MIME, of which base64 and its line ends are more than a quarter."""

VERIFIED: Final = 'verified_destinations = ["bob@example.net"]\n'
OFFICIAL: Final = (sys.executable, "-m", "tests.bench.official", ACCOUNT_ID)
REFUSAL: Final = http_answer(400, '{"success": false, "errors": [{"code": 1, "message": "a part of it is missing"}]}')

Peer = Literal["official", "curl", "small"]
PEERS: Final[dict[Peer, str]] = {
    "official": "the official Python package, its imports included",
    "curl": "curl --data-binary of the request's body, made beforehand",
    "small": "ours with 1 MiB",
}


def reads_all(octets: int) -> Callable[[Exchange], None]:
    """A far end that takes every mail in which a file of so many octets can be."""

    def behave(exchange: Exchange) -> None:
        came = sum(map(len, exchange.body(exchange.head())))
        exchange.send(ANSWER if came > octets * 4 // 3 else REFUSAL)

    return behave


def made(folder: str, octets: int) -> Path:
    """A file of so many octets that are all kinds of octets."""
    path = Path(folder, f"{octets}.bin")
    path.write_bytes(random.Random(octets).randbytes(octets))
    return path


def ours(file: Path) -> list[str]:
    text = file.with_name("text.txt")
    text.write_text("Hi")
    return [*CFMAIL, "send", *LETTER, "--text", str(text), "--attach", str(file)]


def with_curl(file: Path, base_url: str) -> list[str] | None:
    """The command, and its body made; None where there is no curl."""
    if not (curl := shutil.which("curl")):
        return None
    attachment = {"filename": file.name, "type": "application/octet-stream", "disposition": "attachment"}
    fields = {"from": "me@acme.example", "to": "bob@example.net", "subject": "Hello", "text": "Hi"}
    content = {"content": b64encode(file.read_bytes()).decode()}
    body = file.with_name("body.json")
    body.write_text(json.dumps({**fields, "attachments": [content | attachment]}))
    # Without Expect, for whose answer curl would wait a second.
    headers = ("Content-Type: application/json", f"Authorization: Bearer {TOKEN}", "Expect:")
    url = f"{base_url}/accounts/{ACCOUNT_ID}/email/sending/send"
    return [curl, "-q", "-sSf", *(f"-H{header}" for header in headers), "--data-binary", f"@{body}", url]


@contextmanager
def command(octets: int, peer: Peer, figure: Callable[[Taken], float]) -> Iterator[Sides]:
    least = MIB if peer == "small" else octets
    with machine(VERIFIED) as home, FarEnd(reads_all(least)) as far_end:
        env = home | account(far_end.base_url)
        file = made(home["HOME"], octets)
        beside: list[str] | None
        match peer:
            case "official":
                beside = [*OFFICIAL, str(file)]
            case "curl":
                beside = with_curl(file, far_end.base_url)
            case "small":
                beside = ours(made(home["HOME"], MIB))

        def sample(argv: list[str]) -> Sample:
            return lambda: figure(taken(argv, env))

        yield Sides(
            sample(ours(file)), sample(beside) if beside else None, note="" if beside else "there is no curl here"
        )


@contextmanager
def freeze() -> Iterator[Sides]:
    octets = SIZES[LARGEST]
    with machine(VERIFIED) as home, FarEnd(reads_all(octets)) as far_end:
        env = home | account(far_end.base_url)
        file = made(home["HOME"], octets)
        shared = Path(home["HOME"], "heart")
        heart = Heart.new(shared)
        beating = [sys.executable, "-m", "tests.bench.beating", str(shared)]

        def our_freeze() -> float:
            argv = [*beating, "cfmail_tui", *LETTER, "--attach", str(file)]
            with on_screen(argv, env, "F9") as terminal:
                terminal.send("Hi")
                terminal.settle(0.5, least=1)
                terminal.press("f9")
                terminal.wait_for("nothing has left yet")
                terminal.settle(0.5)
                heart.forget()
                terminal.send("y")
                terminal.wait_for("delivered")
                terminal.settle(0.5)
                return heart.longest

        def its_freeze() -> float:
            with on_screen([*beating, "tests.bench.posting", str(file), far_end.base_url], env, "Subject") as terminal:
                heart.forget()
                terminal.press("f9")
                terminal.wait_for("ACCEPTED")
                terminal.settle(0.5)
                return heart.longest

        yield Sides(our_freeze, its_freeze)


def command_rows(size: str) -> Iterator[Row]:
    """Beside each peer, in time and memory. What is no bigger than it must be has the goal of a mail without a file."""
    octets, is_largest = SIZES[size], size == LARGEST
    what = f"cfmail send with a file of {octets / MIB:g} MiB"
    if is_largest:
        what += ", the most that 25 MiB as MIME can hold"
    limits: dict[Peer, tuple[float | None, float | None]]
    limits = {"official": (0.5, 0.3) if is_largest else (0.6, 0.6), "curl": (None, None)}
    for peer, (times, times_memory) in limits.items():
        name = f"send-{size}" + ("" if peer == "official" else f"-{peer}")
        yield Row(
            name,
            what,
            "ms",
            partial(command, octets, peer, lambda its: its.milliseconds),
            beside=PEERS[peer],
            at_most_times=times,
        )
        yield Row(
            f"{name}-memory",
            f"peak memory of {what}",
            "MiB",
            partial(command, octets, peer, lambda its: its.mebibytes),
            beside=PEERS[peer],
            at_most_times=times_memory,
        )
    if is_largest:
        yield Row(
            f"send-{size}-small-memory",
            f"peak memory of {what}",
            "MiB",
            partial(command, octets, "small", lambda its: its.mebibytes),
            beside=PEERS["small"],
            at_most_times=1.1,
        )


ROWS: Final = (
    *(row for size in SIZES for row in command_rows(size)),
    Row(
        f"send-{LARGEST}-freeze",
        f"longest freeze of the screen from y until {SIZES[LARGEST] / MIB:g} MiB are sent",
        "ms",
        freeze,
        beside="json= of an asynchronous httpx in a Textual program's event loop",
        at_most=50,
        at_most_times=1 / 8,
    ),
)
