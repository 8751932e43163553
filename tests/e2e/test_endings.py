"""However the program ends, what was typed is kept, the terminal is as it was, and the exit code says why.

A row of the table is what happens to the program, a column what it is doing at that moment; each pair is a test.
"""

import os
import random
import resource
import select
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.message import Draft
from tests.conftest import undo_send
from tests.e2e.conftest import Cloudflare
from tests.edge.fault_server import PATIENCE
from tests.pty_driver import AT_REST, Terminal
from tests.ui.stage import attempts, drafts

Start = Callable[..., Terminal]

LETTER: Final = ("--from", "me@acme.example", "--to", "bob@example.com", "--subject", "Hello")
GONE: Final = 3.0
"""Seconds within which a program that sends nothing is gone."""
IN_FLIGHT: Final = 15.0


# What the program is doing.


def typing(terminal: Terminal, _cloudflare: Cloudflare) -> None:
    terminal.send("the text")
    terminal.wait_for("the text")


def uploading(terminal: Terminal, cloudflare: Cloudflare) -> None:
    _send(terminal)
    assert cloudflare.came.wait(PATIENCE)


def waiting(terminal: Terminal, cloudflare: Cloudflare) -> None:
    cloudflare.reads.set()
    _send(terminal)
    assert cloudflare.taken.wait(PATIENCE)
    terminal.wait_for("waiting for Cloudflare")


def _send(terminal: Terminal) -> None:
    terminal.send("the text")
    terminal.wait_for("the text")
    terminal.press("f9")
    terminal.wait_for("nothing has left yet")
    terminal.press("y")
    terminal.wait_gone("nothing has left yet")


def counting(terminal: Terminal, _cloudflare: Cloudflare) -> None:
    _send(terminal)
    terminal.wait_for("u takes it back")


DOING: Final = (typing, counting, uploading, waiting)
NOTHING_LEAVES: Final = (typing, counting)
"""What ends with the mail as a draft."""


# What happens to it.


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that ends the program: how it is done, and the exit code that follows."""

    name: str
    happen: Callable[[Terminal], None]
    code: int
    controlling: bool = True
    readable: bool = True
    """Whether the terminal takes what restores it."""


def sent(number: int) -> Callable[[Terminal], None]:
    return lambda terminal: os.kill(terminal.pid, number)


def frozen_and_told(terminal: Terminal) -> None:
    terminal.freeze()
    for width in (100, 60, 100, 60):
        terminal.resize(width, 30)
    terminal.send(" and more")
    os.kill(terminal.pid, signal.SIGTERM)


HAPPENINGS: Final = (
    Happening("hup", sent(signal.SIGHUP), 129),
    Happening("int", sent(signal.SIGINT), 130),
    Happening("quit", sent(signal.SIGQUIT), 131),
    Happening("term", sent(signal.SIGTERM), 143),
    Happening("closed", Terminal.hang_up, 129, readable=False),
    Happening("closed-not-controlling", Terminal.hang_up, 129, controlling=False, readable=False),
    Happening("frozen", frozen_and_told, 143, readable=False),
)


@pytest.mark.parametrize("doing", DOING, ids=lambda doing: doing.__name__)
@pytest.mark.parametrize("happening", HAPPENINGS, ids=lambda happening: happening.name)
def test_an_end(start: Start, cloudflare: Cloudflare, happening: Happening, doing: Callable[..., None]) -> None:
    """What was typed is kept or sent, the exit code says why, the terminal is as before, and nothing spins."""
    if doing is counting:
        undo_send(600)
    is_hung_up = happening.happen is Terminal.hang_up
    terminal = start(*LETTER, controlling=happening.controlling, anew=is_hung_up)
    doing(terminal, cloudflare)
    used = children_seconds() + cpu_seconds(terminal.pid) + cpu_seconds(terminal.child)
    happening.happen(terminal)
    cloudflare.go_on()
    assert terminal.wait_exit(GONE if doing in NOTHING_LEAVES else IN_FLIGHT) == happening.code
    if is_hung_up:  # its processor time is told of when it was waited for here
        assert children_seconds() - used < 1.5  # one that spins uses that much in every second and a half
    if happening.readable:
        assert_restored(terminal)
    if doing in NOTHING_LEAVES:
        assert_kept()
        assert not cloudflare.came.is_set()
        assert attempts() == ()
    else:
        assert [type(attempt.outcome).__name__ for attempt in attempts()] == ["Accepted"]


@pytest.mark.parametrize("doing", DOING, ids=lambda doing: doing.__name__)
def test_stopped_and_continued(start: Start, cloudflare: Cloudflare, doing: Callable[..., None]) -> None:
    """Stopped, the program leaves the terminal as it was; continued, it shows what it showed, again and again."""
    if doing is counting:
        undo_send(600)
    terminal = start(*LETTER)
    doing(terminal, cloudflare)
    for number in (signal.SIGTSTP, signal.SIGTSTP, signal.SIGSTOP):
        os.kill(terminal.child if number == signal.SIGSTOP else terminal.pid, number)
        until_stopped(terminal)
        if number == signal.SIGTSTP:
            terminal.wait_for(lambda _: terminal.modes == AT_REST, name="the modes at rest")
            assert_restored(terminal)
        os.killpg(terminal.pid, signal.SIGCONT)
        terminal.wait_for(lambda _: {1049, 1003, 2004} <= terminal.modes, name="the modes of the program")
        terminal.wait_for("the text")
    cloudflare.go_on()
    if doing is typing:
        terminal.send(" goes on")
        terminal.wait_for("the text goes on")
    else:
        if doing is counting:
            assert not cloudflare.came.is_set()
            terminal.press("f9")
        terminal.wait_for("delivered")
    terminal.press("ctrl+q")
    assert terminal.wait_exit() == 0
    assert_restored(terminal)


@pytest.mark.slow
def test_an_answer_that_does_not_come(start: Start, cloudflare: Cloudflare) -> None:
    """Told to end, the program waits ten seconds for the answer; then the mail is unknown, and the draft is kept."""
    terminal = start(*LETTER)
    waiting(terminal, cloudflare)
    os.kill(terminal.pid, signal.SIGTERM)
    terminal.wait_for("as soon as there is an answer")
    assert terminal.wait_exit(IN_FLIGHT) == 143
    assert_restored(terminal)
    assert [type(attempt.outcome).__name__ for attempt in attempts()] == ["Unknown"]
    assert_kept()


def test_going_on_in_the_background(start: Start, cloudflare: Cloudflare) -> None:
    """Who leaves a mail to the background has the prompt back at once; the next start says what became of it."""
    terminal = start(*LETTER)
    waiting(terminal, cloudflare)
    app = os.pidfd_open(terminal.child)
    try:
        terminal.press("ctrl+q")
        terminal.click("it goes on in the background")
        assert terminal.wait_exit(GONE) == 0
        assert_restored(terminal)
        assert [attempt.outcome for attempt in attempts()] == [None]
        cloudflare.go_on()
        assert select.select([app], [], [], PATIENCE)[0], "the program does not end when its mail has an outcome"
    finally:
        os.close(app)
    assert [type(attempt.outcome).__name__ for attempt in attempts()] == ["Accepted"]
    assert drafts() == []
    start().wait_for("Accepted: 1 delivered")


def test_a_storm_of_sizes_and_signals(start: Start, cloudflare: Cloudflare) -> None:
    """400 sizes and some stops among them leave a program that shows everything in the last size."""
    terminal = start(*LETTER)
    typing(terminal, cloudflare)
    for number in range(400):
        terminal.resize(*((60, 20), (120, 36))[number % 2])
        if number % 100 == 99:
            os.kill(terminal.pid, signal.SIGTSTP)
            until_stopped(terminal)
            os.killpg(terminal.pid, signal.SIGCONT)
            # Until its questions are answered: an answer to a program that has stopped would be echoed.
            terminal.wait_for(lambda _: 2004 in terminal.modes, name="the modes of the program")
    terminal.resize(80, 24)
    terminal.wait_for(lambda screen: "the text" in screen and screen.count("F9 Send") == 1)
    terminal.press("ctrl+q")
    assert terminal.wait_exit() == 0
    assert_restored(terminal)


def test_a_terminal_that_reads_again(start: Start, cloudflare: Cloudflare) -> None:
    """What is typed while the terminal takes no output is there as soon as it takes some."""
    terminal = start(*LETTER)
    typing(terminal, cloudflare)
    terminal.freeze()
    for number in range(60):
        terminal.resize(*((200, 60), (190, 50))[number % 2])
        terminal.send(f" {number}")
    terminal.send(" the end")
    terminal.thaw()
    terminal.resize(120, 36)
    terminal.wait_for("the end")
    terminal.press("ctrl+q")
    assert terminal.wait_exit() == 0
    assert_restored(terminal)
    assert_kept()


def test_the_program_is_killed(start: Start, cloudflare: Cloudflare) -> None:
    """After kill -9 the terminal is as it was, the exit code tells of the signal, and the draft is there."""
    terminal = start(*LETTER)
    typing(terminal, cloudflare)
    terminal.wait_for("saved ")
    os.kill(terminal.child, signal.SIGKILL)
    assert terminal.wait_exit() == -signal.SIGKILL
    assert_restored(terminal)
    assert_kept()


def test_the_guardian_is_killed(start: Start, cloudflare: Cloudflare) -> None:
    """Without its guardian the program ends as when the terminal has gone, and restores it itself."""
    terminal = start(*LETTER)
    typing(terminal, cloudflare)
    app = os.pidfd_open(terminal.child)
    try:
        os.kill(terminal.pid, signal.SIGKILL)
        assert terminal.wait_exit() == -signal.SIGKILL
        assert select.select([app], [], [], PATIENCE)[0], "the program goes on without its guardian"
    finally:
        os.close(app)
    assert terminal.wait_exit() == -signal.SIGKILL  # and what it wrote in the meantime is read
    assert_restored(terminal)
    assert_kept()


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 20))])
def test_random_keys(start: Start, cloudflare: Cloudflare, seed: int) -> None:
    """Whatever a keyboard may send, the program lives on and takes what is typed next."""
    terminal = start(*LETTER)
    terminal.send(noise(random.Random(seed)))
    # Out of a paste that was begun, and of whatever screen has opened.
    terminal.send("\x1b[201~")
    terminal.wait_read()
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.wait_exit() == 143
    assert_restored(terminal)


def noise(chance: random.Random) -> bytes:
    """Octets of every kind, and key sequences that are nearly right."""
    numbers = (0, 1, 27, 57, 127, 200, 55296, 1114111, 1114112, 99999999999)
    parts = []
    for _ in range(150):
        sequence = ";".join(str(chance.choice(numbers)) for _ in range(chance.randint(1, 4)))
        parts.append(
            chance.choice(
                (
                    chance.randbytes(chance.randint(1, 6)),
                    b"\x1b" * chance.randint(1, 3),
                    b"\x1b[" + sequence.encode() + chance.choice(b"u~RtMmABCDHFPQS$y").to_bytes(),
                    b"\x1b[<" + sequence.encode() + chance.choice(b"Mm").to_bytes(),
                    b"\x1b[200~" + chance.randbytes(5) + b"\x1b[201~",
                    chance.choice(
                        (b"\x1bOP", b"\x1bOQ", b"\x1bOR", b"\x1b[18~", b"\x1b[19~", b"\x1b[24~", b"\t", b"\r")
                    ),
                )
            ).replace(b"\x11", b"")  # Ctrl+Q
        )
    return b"".join(parts)


def test_octets_that_are_not_utf_8(start: Start, cloudflare: Cloudflare) -> None:
    """A Latin-1 é over a UTF-8 line is one unreadable character, and the letters around it stay."""
    terminal = start(*LETTER)
    terminal.send(b"caf\xe9 au lait")
    terminal.wait_for("caf\N{REPLACEMENT CHARACTER} au lait")
    terminal.send("\x1b[1114112u, please")
    terminal.wait_for(", please")
    terminal.press("ctrl+q")
    assert terminal.wait_exit() == 0


def assert_restored(terminal: Terminal) -> None:
    """Modes and settings are those before the start, and nothing was left on the main screen."""
    assert terminal.modes == AT_REST
    assert terminal.settings() == terminal.settings_before
    assert not terminal.screen().strip()


def assert_kept() -> None:
    """What was typed is the one draft."""
    (draft,) = drafts()
    assert isinstance(draft, Draft)
    assert draft.text.startswith("the text")
    assert draft.subject == "Hello"


def until_stopped(terminal: Terminal) -> None:
    """Until the guardian has stopped, as a shell waits for it."""
    terminal.wait_for(lambda _: proc_stat(terminal.pid)[0] == "T", name="the stopped program")


def proc_stat(pid: int) -> list[str]:
    """proc_pid_stat(5) from the state on, the third of its fields."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu_seconds(pid: int) -> float:
    """Processor time of a living process."""
    fields = proc_stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children_seconds() -> float:
    """Processor time of the processes that have ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
