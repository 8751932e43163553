"""The terminal of the end-to-end tests, tried on small programs: it shows, sends and answers what xterm would."""

import os
import select
import sys
from pathlib import Path

import pytest

from tests.pty_driver import AT_REST, Terminal, key_bytes

READ_KEYS = """
import os, sys, tty
tty.setraw(0)
print("ready", end="\\r\\n", flush=True)
while (key := os.read(0, 1024)) != b"q":
    print(key, end="\\r\\n", flush=True)
sys.exit(7)
"""


def program(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def writing(text: str) -> list[str]:
    """A program that writes a text and ends when it is told to."""
    return program(f"import sys; print({text!r}, end='', flush=True); sys.stdin.readline()")


def test_keys_arrive_as_a_terminal_sends_them() -> None:
    """A key pressed by name reaches the program as xterm's bytes, and the exit code comes back."""
    with Terminal(program(READ_KEYS)) as terminal:
        terminal.wait_for("ready")
        for key, seen in {"f9": r"\x1b[20~", "ctrl+x": r"\x18", "shift+tab": r"\x1b[Z", "enter": r"\r"}.items():
            terminal.press(key)
            terminal.wait_for(f"b'{seen}'")
        terminal.send("grüße")
        terminal.wait_for(repr("grüße".encode()))
        terminal.press("q")
        assert terminal.wait_exit() == 7


@pytest.mark.parametrize(
    ("key", "sent"),
    [
        ("a", b"a"),
        ("+", b"+"),
        ("f1", b"\x1bOP"),
        ("shift+f1", b"\x1b[1;2P"),
        ("f12", b"\x1b[24~"),
        ("up", b"\x1b[A"),
        ("ctrl+shift+left", b"\x1b[1;6D"),
        ("ctrl+end", b"\x1b[1;5F"),
        ("delete", b"\x1b[3~"),
        ("ctrl+pagedown", b"\x1b[6;5~"),
        ("ctrl+a", b"\x01"),
        ("ctrl+_", b"\x1f"),
        ("alt+x", b"\x1bx"),
        ("alt+enter", b"\x1b\r"),
        ("backspace", b"\x7f"),
    ],
)
def test_a_key_by_name(key: str, sent: bytes) -> None:
    """The names of keys stand for the bytes that xterm sends."""
    assert key_bytes(key) == sent


@pytest.mark.parametrize("key", ["ctrl+enter", "hyper", "ctrl+é"])
def test_a_key_that_terminals_do_not_have(key: str) -> None:
    """A key that no terminal can send is refused, so that no test rests on it."""
    with pytest.raises((ValueError, KeyError)):
        key_bytes(key)


def test_questions_are_answered() -> None:
    """Attributes, cursor position and modes are answered at once, in the order asked."""
    ask = r"\x1b[2;5H\x1b[c\x1b[6n\x1b[5n\x1b[?2026$p\x1b[?2048$p"
    code = f"""
import os, tty
tty.setraw(0)
os.write(1, b"{ask}")
answer = b""
while not answer.endswith(b"?2048;0$y"):
    answer += os.read(0, 1024)
print(answer.decode().replace("\\x1b", " "), end="", flush=True)
"""
    with Terminal(program(code)) as terminal:
        terminal.wait_for("[?62;22c [2;5R [0n [?2026;2$y [?2048;0$y")


def test_sequences_that_are_not_text_leave_no_trace() -> None:
    """Private, string and unknown sequences show nothing, wherever the bytes are cut."""
    noise = "\x1b[>1u\x1b[<u\x1b[?5$w\x1b[4:3m\x1b[2 q\x1bPq#0\x1b\\\x1b_Gi=1\x1b\\\x1b]52;c;aGk=\x07\x1b]8;;x:y\x1b\\"
    text = f"a{noise}b\x1b]0;title\x07c"
    code = f"import os, sys\nfor byte in {text.encode()!r}: os.write(1, bytes([byte]))\nsys.stdin.readline()"
    for argv in (writing(text), program(code)):
        with Terminal(argv) as terminal:
            terminal.wait_for("c")
            assert terminal.lines()[0] == "abc"


def test_the_alternate_screen_is_another_one() -> None:
    """What stood on the screen before a full-screen program comes back after it, with the modes it has to turn off."""
    with Terminal(writing("before\x1b[?1049h\x1b[?1003;1006hinside")) as terminal:
        terminal.wait_for("inside")
        assert "before" not in terminal.screen()
        assert terminal.modes == AT_REST | {1049, 1003, 1006}
    with Terminal(writing("before\x1b[?1049hinside\x1b[?1049l after")) as terminal:
        terminal.wait_for("before after")
        assert "inside" not in terminal.screen()
        assert terminal.modes == AT_REST


def test_a_click_lands_on_the_text() -> None:
    """The mouse presses and releases where the text is, wide characters before it counted as two columns."""
    code = READ_KEYS.replace('"ready"', '"\\r\\n日本 [Send]"')
    with Terminal(program(code)) as terminal:
        terminal.click("[Send]")
        terminal.wait_for(r"b'\x1b[<0;9;2M\x1b[<0;9;2m'")


def test_a_click_takes_the_occurrence_it_is_told() -> None:
    """Of several equal texts the one counted from zero is clicked."""
    with Terminal(program(READ_KEYS.replace('"ready"', '"x x"'))) as terminal:
        terminal.click("x", occurrence=1)
        terminal.wait_for("<0;3;1M")


def test_a_new_size_reaches_the_program() -> None:
    """The program is told of a new size, and the screen has it."""
    code = """
import os, signal
def show(*_): print(os.get_terminal_size(), flush=True)
signal.signal(signal.SIGWINCH, show)
show()
while True: signal.pause()
"""
    with Terminal(program(code), size=(100, 30)) as terminal:
        terminal.wait_for("columns=100, lines=30")
        terminal.resize(120, 36)
        terminal.wait_for("columns=120, lines=36")
        assert len(terminal.lines()) == 36


def test_a_wait_that_fails_shows_the_screen() -> None:
    """A failure's message holds what was waited for and what is there instead."""
    with Terminal(writing("something else")) as terminal:
        terminal.wait_for("something")
        with pytest.raises(AssertionError, match=r"(?s)'wanted' is not on the screen; 0.2 s passed.*\|something else"):
            terminal.wait_for("wanted", timeout=0.2)
        with pytest.raises(AssertionError, match=r"(?s)absence of something.*\|something else"):
            terminal.wait_gone("something", timeout=0.2)
        with pytest.raises(AssertionError, match=r"(?s)still runs.*\|something else"):
            terminal.wait_exit(timeout=0.2)


def test_a_wait_ends_with_the_program() -> None:
    """Nobody waits for the text of a program that has ended, and its last words are kept."""
    with Terminal(program("print('last words')")) as terminal:
        with pytest.raises(AssertionError, match=r"(?s)the command ended.*\|last words"):
            terminal.wait_for("wanted", timeout=600)
        assert terminal.wait_exit() == 0
        assert terminal.output == b"last words\r\n"


def test_half_a_synchronised_update_is_not_seen() -> None:
    """A wait looks at finished frames only."""
    code = "print('\\x1b[?2026hhalf', end='', flush=True); input(); print('\\x1b[?2026l', end='', flush=True); input()"
    with Terminal(program(code)) as terminal:
        with pytest.raises(AssertionError):
            terminal.wait_for("half", timeout=0.3)
        assert b"half" in terminal.output
        terminal.press("enter")
        terminal.wait_for("half")


def test_a_great_deal_of_input_and_output_does_not_jam() -> None:
    """More than a pty holds goes through both ways at once."""
    code = """
import os, tty
tty.setraw(0)
print("ready", end="", flush=True)
left = 200_000
while left:
    data = os.read(0, 4096)
    left -= len(data)
    while data:
        data = data[os.write(1, data):]
print("\\r\\ndone", end="", flush=True)
"""
    with Terminal(program(code)) as terminal:
        terminal.wait_for("ready")
        terminal.send("x" * 200_000)
        terminal.wait_for("done")
        assert terminal.output.count(b"x") == 200_000


def test_nothing_outlives_the_terminal(tmp_path: Path) -> None:
    """Leaving the block ends the program and what it started, also where they ignore the wish."""
    fifo = tmp_path / "held open for writing by whoever lives"
    os.mkfifo(fifo)
    code = f"""
import os, signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.open({str(fifo)!r}, os.O_WRONLY)
print("parent" if os.fork() else "child", flush=True)
signal.pause()
"""
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with Terminal(program(code)) as terminal:
            terminal.wait_for("parent")
            terminal.wait_for("child")
            assert not select.select([reading], [], [], 0)[0]
        assert select.select([reading], [], [], 10)[0]
        assert os.read(reading, 1) == b""
    finally:
        os.close(reading)
