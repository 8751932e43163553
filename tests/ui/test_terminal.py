"""The driver of the real terminal, piece by piece: keys that mean nothing, output that nobody takes, other Textuals."""

import os
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import textual
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.drivers.headless_driver import HeadlessDriver
from textual.drivers.linux_driver import LinuxDriver

from cfmail_tui.ui import terminal
from cfmail_tui.ui.terminal import BACKLOG, Keys, TerminalDriver, Writer, driver_for

PATIENCE = 20.0


def test_the_driver_fits_the_textual_that_is_required() -> None:
    """The Textual versions that pyproject.toml allows are those the driver was made for, and the one here is one."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert "textual>=8.2.8,<8.3" in project["dependencies"]
    assert driver_for(textual.__version__, LinuxDriver) is TerminalDriver


@pytest.mark.parametrize("version", ["8.2.7", "8.3.0", "8.3", "9.0.0", "", "8.2.x"])
def test_another_textual_keeps_its_own_driver(version: str) -> None:
    """With a Textual it was not made for, the driver stays out of the way; so it does where there is no terminal."""
    assert driver_for(version, LinuxDriver) is LinuxDriver
    assert driver_for("8.2.8", HeadlessDriver) is HeadlessDriver


@given(st.lists(st.binary(max_size=12) | st.sampled_from([b"\x1b[", b"\x1b[1114112u", b"\x1b[9999999999999999999u"])))
def test_any_octets_are_keys(parts: list[bytes]) -> None:
    """No octets break the keyboard: a letter after them is still a letter."""
    keys = Keys()
    for part in parts:
        list(keys.pressed(part))
    list(keys.pressed(b"\x1b[201~"))
    list(keys.pressed(b"q" * 40))  # what was begun is at an end by then
    *_, last = keys.pressed(b"e")
    assert isinstance(last, events.Key)
    assert last.character == "e"


def test_a_malformed_key_takes_nothing_along() -> None:
    """What follows a key that cannot be, in the same packet, is not lost."""
    pressed = [key.character for key in Keys().pressed(b"a\x1b[1114112ubc\xe9d") if isinstance(key, events.Key)]
    assert pressed == ["a", "b", "c", "\N{REPLACEMENT CHARACTER}", "d"]


class Pipe:
    """A far end that takes output when it is told to, and what the writer has said of it."""

    def __init__(self) -> None:
        self._end, self.written = os.pipe()
        self.drained, self.failed = threading.Event(), threading.Event()
        self.writer = Writer(self.written, self.drained.set, self.failed.set)

    def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += os.read(self._end, count - len(data))
        return data

    def close(self) -> None:
        self.writer.stop()
        for end in (self._end, self.written):
            if end >= 0:
                os.close(end)

    def break_off(self) -> None:
        os.close(self._end)
        self._end = -1


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


def test_output_is_written_in_order(pipe: Pipe) -> None:
    """What is written to a terminal that reads arrives, all of it and in order."""
    parts = [bytes([number]) * 100 for number in range(200)]
    for part in parts:
        pipe.writer.write(part, droppable=True)
    assert pipe.read(20_000) == b"".join(parts)
    assert not pipe.drained.is_set()


def test_a_terminal_that_does_not_read_stops_nobody(pipe: Pipe) -> None:
    """Updates beyond the backlog are dropped, modes are kept, and once all is written it is said."""
    update = b"u" * 1000
    for _ in range(1000):
        pipe.writer.write(update, droppable=True)
    pipe.writer.write(b"mode", droppable=False)
    data = b""
    while not data.endswith(b"mode"):
        data += pipe.read(1)
    assert len(data) < 3 * BACKLOG + 2 * 65536  # waiting, being written, and in the pipe
    assert pipe.drained.wait(PATIENCE)
    pipe.writer.write(b"anew", droppable=True)
    assert pipe.read(4) == b"anew"


def test_stopping_does_not_wait_for_ever(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that takes nothing is given up."""
    monkeypatch.setattr(terminal, "STOPPING", 0.05)
    pipe.writer.write(b"x" * 200_000, droppable=False)
    pipe.writer.stop()
    pipe.read(200_000)


def test_a_terminal_that_has_gone_is_told_once(pipe: Pipe) -> None:
    """Output that cannot be written is a hang-up, and what is written after it troubles nobody."""
    pipe.break_off()
    pipe.writer.write(b"x", droppable=False)
    assert pipe.failed.wait(PATIENCE)
    for _ in range(100):
        pipe.writer.write(b"x" * 100_000, droppable=True)
