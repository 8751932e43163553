"""The form is on the terminal before the program is, looks as it will, and loses no key and no terminal."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from pyte.screens import Char

from cfmail_tui.cli.opening import opened
from cfmail_tui.message import Draft
from tests.e2e.test_endings import assert_restored, until_stopped
from tests.pty_driver import AT_REST, MOUSE_ON, Terminal
from tests.ui.stage import drafts

LETTER: Final = ("--from", "me@acme.example", "--to", "bob@example.com", "--subject", "Grüße, 字")

# The program, where something else happens in place of loading Textual.
HINDERED: Final = """
import os, signal, sys

class Hindrance:
    def find_spec(self, name, *_):
        if name == "textual":
            {deed}

sys.meta_path.insert(0, Hindrance())
from cfmail_tui.__main__ import main
sys.exit(main())
"""
WAITS: Final = "signal.pause()"


def shown(terminal: Terminal) -> list[list[tuple[object, ...]]]:
    """Each cell as it is seen: of a blank only the background is."""

    def seen(cell: Char) -> tuple[object, ...]:
        blank = cell.data == " " and not cell.reverse
        return (cell.data, cell.bg, cell.reverse, *(() if blank else (cell.fg, cell.bold, cell.underscore)))

    rows, columns = len(terminal.lines()), range(terminal.columns)
    return [[seen(terminal.cell(y, x)) for x in columns] for y in range(rows)]


def program(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cfmail_tui", *arguments]


@contextmanager
def hindered(deed: str, *arguments: str) -> Iterator[Terminal]:
    """The still of a program that gets no further."""
    with Terminal([sys.executable, "-c", HINDERED.format(deed=deed), *arguments]) as terminal:
        terminal.wait_for("F9")
        yield terminal


@pytest.mark.parametrize(
    ("size", "arguments", "colours"),
    [
        ((80, 24), (), "xterm-direct truecolor"),
        ((120, 36), (), "xterm-direct truecolor"),
        ((80, 24), LETTER, "xterm-256color"),
        ((100, 30), ("--to=a@example.net", "--cc", "b@example.net"), "xterm"),
        ((60, 10), ("--sandbox",), "screen-256color"),
        ((120, 36), ("demo",), "xterm truecolor"),
    ],
)
def test_the_still_is_the_first_frame(size: tuple[int, int], arguments: Sequence[str], colours: str) -> None:
    """Text and colours of the still are those of the screen, but for the account, the count and what is found."""
    name, _, more = colours.partition(" ")
    with Terminal(program(*arguments), size=size, env={"TERM": name, "COLORTERM": more}) as terminal:
        assert_still_is_first_frame(terminal, size, arguments)


def assert_still_is_first_frame(terminal: Terminal, size: tuple[int, int], arguments: Sequence[str] = ()) -> None:
    terminal.wait_for(lambda _: terminal.output.endswith(b"\x1b[0m"), name="the still")
    assert MOUSE_ON not in terminal.output
    still = shown(terminal)
    columns, rows = size
    # The right end of the first line tells the account, that of To how many there are.
    unknown = {(y, x) for y in (0, 2) for x in range(columns - 30, columns)}
    if arguments:
        unknown |= {(rows - 2, x) for x in range(columns)} | {(y, 0) for y in range(rows)}

    def differs() -> list[tuple[int, int]]:
        now = shown(terminal)
        cells = ((y, x) for y in range(rows) for x in range(columns))
        return [at for at in cells if at not in unknown and now[at[0]][at[1]] != still[at[0]][at[1]]]

    terminal.wait_ready("F1")
    terminal.wait_for("sandbox ·" if arguments in {("demo",), ("--sandbox",)} else "no account yet")
    terminal.wait_for(lambda _: not differs(), name="the same")


OWN: Final = """
theme = "mine"
[themes.mine]
primary = "#884400"
background = "#f8f0e0"
dark = false
"""


@pytest.mark.parametrize(
    ("wish", "colours"),
    [
        ('theme = "nord"', "xterm truecolor"),
        (OWN, "xterm truecolor"),
        ("", "xterm-256color"),
        ('theme = "solarized-light"', "xterm"),
    ],
)
def test_the_still_of_the_last_time(new_machine: Path, wish: str, colours: str) -> None:
    """As the screens looked the last time, by the user's theme or the terminal's background, the still looks now."""
    home = new_machine / "cfmail"
    (home / "config" / "config.toml").write_text(wish)
    name, _, more = colours.partition(" ")
    env = {"TERM": name, "COLORTERM": more}
    with Terminal(program(), env=env) as terminal:
        terminal.wait_ready()
        if not wish:
            terminal.send("\x1b]11;rgb:ffff/ffff/ffff\x1b\\")
        terminal.wait_for(lambda _: (home / "data" / "look").exists(), name="the look")
        terminal.press("ctrl+q")
        assert terminal.wait_exit() == 0
    assert not drafts()
    with Terminal(program(), env=env) as terminal:
        if not wish:
            terminal.send("\x1b]11;rgb:ffff/ffff/ffff\x1b\\")
        assert_still_is_first_frame(terminal, (80, 24))
        background = terminal.cell(10, 10).bg
        assert background != "121212"
        assert "\x1b[48;2;18;18;18m" not in terminal.output.decode()


def fast(terminal: Terminal, keys: Sequence[str]) -> None:
    terminal.send("".join(keys))


def on_the_still(terminal: Terminal, keys: Sequence[str]) -> None:
    terminal.wait_for("F9")
    fast(terminal, keys)


def slow(terminal: Terminal, keys: Sequence[str]) -> None:
    start = time.monotonic()

    def is_time(number: int) -> Callable[[str], bool]:
        return lambda _: time.monotonic() > start + number * 0.02

    for number, key in enumerate(keys, 1):
        terminal.send(key)
        terminal.wait_for(is_time(number), name="the next key")


@pytest.mark.parametrize("way", [fast, on_the_still, slow], ids=lambda way: way.__name__)
def test_keys_on_the_still(way: Callable[[Terminal, Sequence[str]], None]) -> None:
    """What is typed from the first moment on is all there, in its fields and its order, once."""
    text = "First line.\rSecond, and more.\x7f!"
    with Terminal(program()) as terminal:
        way(terminal, [*"me@acme.example\tbob@example.com\tHello there\t", *text])
        terminal.wait_ready()
        terminal.wait_for("Second, and more!")
        terminal.press("ctrl+q")
        assert terminal.wait_exit() == 0
        # What came before the still, the terminal itself has shown.
        assert terminal.modes == AT_REST
        assert terminal.settings() == terminal.settings_before
    (draft,) = drafts()
    expected = ("me@acme.example", "bob@example.com", "Hello there", "First line.\nSecond, and more!")
    assert isinstance(draft, Draft)
    assert (draft.sender, draft.to, draft.subject, draft.text) == expected


def test_keys_before_the_usual_from_is_there() -> None:
    """Who knows that From will be filled in may begin with To at once."""
    with opened("", sandbox=True, told=False) as (outbox, _):
        outbox.remember_sender("me@acme.example")
    with Terminal(program()) as terminal:
        on_the_still(terminal, "bob@example.com\tHello there\tFirst line.")
        terminal.wait_ready()
        terminal.wait_for("First line.")
        terminal.press("ctrl+q")
        assert terminal.wait_exit() == 0
    (draft,) = drafts()
    assert isinstance(draft, Draft)
    assert (draft.sender, draft.to, draft.text) == ("me@acme.example", "bob@example.com", "First line.")


def test_a_paste_on_the_still() -> None:
    """A text pasted before the program is there is one paste, line ends and all, between the keys around it."""
    pasted = "".join(f"line {number}\r" for number in range(500))
    with Terminal(program(*LETTER)) as terminal:
        terminal.wait_for("F9")
        terminal.send(f"before \x1b[200~{pasted}\x1b[201~after")
        terminal.wait_for("after")
        terminal.press("ctrl+q")
        assert terminal.wait_exit() == 0
    (draft,) = drafts()
    assert isinstance(draft, Draft)
    assert draft.text == "before " + pasted.replace("\r", "\n") + "after"


def test_ctrl_z_on_the_still() -> None:
    """Ctrl+Z is the form's own key from the first moment on, and stops nothing."""
    with Terminal(program(*LETTER)) as terminal:
        terminal.wait_for("F9")
        terminal.send("ab\x1acd")
        terminal.wait_for("cd")
        terminal.press("ctrl+q")
        assert terminal.wait_exit() == 0


def test_stopped_on_the_still() -> None:
    """A signal that stops the program waits until the terminal can be given back, and continued it is all there."""
    with Terminal(program(*LETTER)) as terminal:
        terminal.wait_for("F9")
        os.kill(terminal.child, signal.SIGTSTP)
        until_stopped(terminal)
        terminal.wait_for(lambda _: terminal.modes == AT_REST, name="the modes at rest")
        assert_restored(terminal)
        os.killpg(terminal.pid, signal.SIGCONT)
        terminal.wait_for("F9")
        terminal.send("the text")
        terminal.wait_for("the text")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL])
def test_an_end_on_the_still(number: signal.Signals) -> None:
    """A signal that ends the program before it has begun leaves the terminal as it was."""
    with hindered(WAITS) as terminal:
        os.kill(terminal.child if number == signal.SIGKILL else terminal.pid, number)
        assert terminal.wait_exit() == -number
        assert_restored(terminal)


@pytest.mark.parametrize("seen", ["F9", "it waits"])
def test_ctrl_c_on_the_still(seen: str) -> None:
    """Until the program is there, Ctrl+C ends it, and it says so on the screen that was there before."""
    with hindered(f"os.write(1, b'\\x1b[Hit waits'); {WAITS}") as terminal:
        terminal.wait_for(lambda _: seen.encode() in terminal.output, name=seen)
        terminal.press("ctrl+c")
        assert terminal.wait_exit() == 130
        assert terminal.modes == AT_REST
        assert terminal.settings() == terminal.settings_before
        assert terminal.screen().strip() == "cfmail: interrupted"


def test_a_defect_on_the_still() -> None:
    """What goes wrong while the program is loaded is told on the screen that was there before."""
    with Terminal([sys.executable, "-c", HINDERED.format(deed="raise ImportError('gone')")]) as terminal:
        assert terminal.wait_exit() == 1
        assert terminal.modes == AT_REST
        assert terminal.settings() == terminal.settings_before
        assert "ImportError: gone" in terminal.screen()


@pytest.mark.parametrize(
    ("arguments", "env"),
    [
        (("--help",), {}),
        ((), {"TERM": "dumb"}),
        ((), {"NO_COLOR": "1"}),
        (("--attach", "none*"), {}),
        (("mailto:bob@example.com",), {}),
        (("history",), {}),
    ],
)
def test_no_still(arguments: Sequence[str], env: dict[str, str]) -> None:
    """Where the terminal shows none, or the arguments may lead elsewhere, nothing is painted before its time."""
    script = HINDERED.format(deed="os._exit(0)")
    with Terminal([sys.executable, "-c", script, *arguments], env=env) as terminal:
        terminal.wait_exit()
        assert b"\x1b[?1049h" not in terminal.output


@pytest.mark.parametrize("command", ['true | "$0" -c "$1"', '"$0" -c "$1" | cat', '"$0" -c "$1" </dev/null'])
def test_no_still_for_a_pipe(command: str) -> None:
    """Where keys or screen are not the terminal's, nothing is painted before its time."""
    script = HINDERED.format(deed="os._exit(0)")
    with Terminal(["/bin/sh", "-c", command, sys.executable, script]) as terminal:
        terminal.wait_exit()
        assert b"\x1b[?1049h" not in terminal.output
