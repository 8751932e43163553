"""A terminal for end-to-end tests: a command on a real pty, its screen as text, its keys and its mouse.

    with Terminal([sys.executable, "-m", "cfmail_tui", "demo"]) as terminal:
        terminal.wait_for("Subject")
        terminal.send("Hello")
        terminal.press("tab", "f9")
        terminal.click("Send")
        assert terminal.wait_exit() == 0

It answers what programs ask a terminal, as xterm does, so that none of them sits in a time-out. It never sleeps: every
wait is a select on the pty, with a limit. The screen is pyte's; what pyte cannot digest is taken out before it.
"""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pyte
from pyte.screens import Char

from tests.fork_server import ForkServer, Program

# CSI with its private mark, parameters, intermediates and final; or a string sequence: OSC, DCS, SOS, PM, APC.
CONTROL: Final = re.compile(
    rb"\x1b\[(?P<mark>[<=>?]?)(?P<parameters>[0-9;:]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    rb"|\x1b(?P<string>[]PX^_]).*?(?:\x07|\x1b\\)",
    re.DOTALL,
)
CUT_CONTROL: Final = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[]PX^_](?:[^\x07\x1b]|\x1b(?!\\))*)?\Z", re.DOTALL)
ALTERNATE_SCREEN: Final = 1049
SYNCHRONISED: Final = 2026
MOUSE_ON: Final = b"\x1b[?1003h"
"""What a Textual program writes before it paints anything."""

AT_REST: Final = frozenset({7, 25})  # lines wrap, the cursor shows

# As xterm sends them; a modifier turns `CSI A` into `CSI 1 ; m A`, and `CSI 3 ~` into `CSI 3 ; m ~`.
LETTER_KEYS: Final = {"up": "A", "down": "B", "right": "C", "left": "D", "end": "F", "home": "H"}
FUNCTION_LETTERS: Final = {"f1": "P", "f2": "Q", "f3": "R", "f4": "S"}
NUMBER_KEYS: Final = {"insert": 2, "delete": 3, "pageup": 5, "pagedown": 6} | {
    f"f{n}": code for n, code in zip(range(5, 13), (15, 17, 18, 19, 20, 21, 23, 24), strict=True)
}
PLAIN_KEYS: Final = {
    "enter": "\r",
    "tab": "\t",
    "esc": "\x1b",
    "escape": "\x1b",
    "space": " ",
    "backspace": "\x7f",
    "shift+tab": "\x1b[Z",
    "ctrl+space": "\0",
    "ctrl+backspace": "\x08",
}
MODIFIERS: Final = {"shift": 1, "alt": 2, "ctrl": 4}

# The new process makes the pty its controlling terminal and becomes the command. Done there because
# forking by hand in a process with threads, as a test worker is, may deadlock.
LOGIN: Final = "import os, sys; os.login_tty(0); os.execvp(sys.argv[1], sys.argv[1:])"
# The same without the controlling terminal: keys make no signals, and no SIGHUP comes when it goes.
DETACHED: Final = "import os, sys; os.setsid(); os.execvp(sys.argv[1], sys.argv[1:])"


def key_bytes(key: str) -> bytes:
    """What xterm sends for a key: 'a', 'f9', 'ctrl+x', 'alt+enter', 'shift+up'."""
    if key in PLAIN_KEYS:
        return PLAIN_KEYS[key].encode()
    *modifiers, name = key.split("+") if len(key) > 1 else [key]
    code = 1 + sum(MODIFIERS[modifier] for modifier in modifiers)
    if name in LETTER_KEYS | FUNCTION_LETTERS:
        letter = (LETTER_KEYS | FUNCTION_LETTERS)[name]
        plain = f"\x1bO{letter}" if name in FUNCTION_LETTERS else f"\x1b[{letter}"
        return (plain if code == 1 else f"\x1b[1;{code}{letter}").encode()
    if name in NUMBER_KEYS:
        return (f"\x1b[{NUMBER_KEYS[name]}" + (f";{code}~" if code > 1 else "~")).encode()
    match modifiers:
        case [] if len(name) == 1:
            return name.encode()
        case ["ctrl"] if len(name) == 1 and "@" <= name.upper() <= "_":
            return bytes([ord(name.upper()) & 0x1F])
        case ["alt", *rest]:
            return b"\x1b" + key_bytes("+".join([*rest, name]))
    raise ValueError(f"a terminal has no bytes for the key {key!r}")


def children(pid: int) -> list[int]:
    """The processes whose parent is this one."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # proc_pid_stat(5): the name in brackets may hold anything; then the state, then the parent.
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
    return found


class Executed:
    """A command in a process of its own, with the face of a `Program` of the fork server."""

    def __init__(self, argv: Sequence[str | Path], terminal: int, env: Mapping[str, str], cwd: Path | None) -> None:
        self._process = subprocess.Popen(argv, stdin=terminal, stdout=terminal, stderr=terminal, env=env, cwd=cwd)
        self.pid = self._process.pid

    def lives_for(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def poll(self) -> int | None:
        return self._process.poll()

    def kill(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # it has ended, or has not yet become the leader of its group
            self._process.kill()
        self._process.wait()


class Terminal:
    """A command on a pty of its own. As a context manager it ends the command, and all that the command started."""

    most_at_once = 65536
    """Octets that are read."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        size: tuple[int, int] = (80, 24),
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        controlling: bool = True,
        server: ForkServer | None = None,
    ) -> None:
        """`size` is columns, rows; `env` is added to the environment of the test.

        `controlling`: whether the terminal is the command's controlling terminal. `server`: starts cfmail with `argv`
        for its arguments, in a process whose imports are done, and whose libraries have read no `env`.
        """
        self._main = pyte.Screen(*size)
        self._alternate = pyte.Screen(*size)
        self._shown = self._main
        self._stream = pyte.ByteStream(self._main)
        self._unread = b""
        self._output = bytearray()
        self._ended = False
        self.modes = {*AT_REST}
        """The private modes (DECSET) that are on: 25 cursor, 1003 and 1006 mouse, 1049 alternate screen, 2004 paste."""

        self._hung_up = False
        self._frozen = -1

        self._pty, theirs = os.openpty()
        self._name = os.ttyname(theirs)
        self.settings_before = termios.tcgetattr(theirs)
        """The line settings that the command found."""
        os.set_blocking(self._pty, False)
        self._set_size(*size)
        whole = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", **(env or {})}
        self._process: Program | Executed
        if server:
            assert controlling
            assert not cwd
            self._process = server.start(*map(str, argv), env=whole, stdin=theirs, stdout=theirs, stderr=theirs)
        else:
            begin = [sys.executable, "-ISc", LOGIN if controlling else DETACHED]
            self._process = Executed([*begin, *argv], theirs, whole, cwd)
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self.thaw()
        self.hang_up()

    @property
    def pid(self) -> int:
        """The command's process, which leads its session and process group."""
        return self._process.pid

    @property
    def child(self) -> int:
        """The one process that the command's has started."""
        (child,) = children(self.pid)
        return child

    def wait_read(self) -> None:
        """Until the command has read all that was sent."""
        theirs = os.open(self._name, os.O_RDWR | os.O_NOCTTY)
        unread = bytearray(4)

        def is_read() -> bool:
            fcntl.ioctl(theirs, termios.FIONREAD, unread)
            return not any(unread)

        try:
            self.wait_for(lambda _: is_read(), name="reading of the input")
        finally:
            os.close(theirs)

    def settings(self) -> list[Any]:
        """The line settings, termios(3)."""
        return termios.tcgetattr(self._pty)

    def hang_up(self) -> None:
        """Close the window, so to speak."""
        if not self._hung_up:
            self._hung_up = self._ended = True
            os.close(self._pty)

    def freeze(self) -> None:
        """Take no more of the command's output, as a dead connection does, until `thaw`."""
        self._frozen = os.open(self._name, os.O_RDWR | os.O_NOCTTY)
        termios.tcflow(self._frozen, termios.TCOOFF)

    def thaw(self) -> None:
        """Take output again."""
        if self._frozen >= 0:
            termios.tcflow(self._frozen, termios.TCOON)
            os.close(self._frozen)
            self._frozen = -1

    @property
    def output(self) -> bytes:
        """Every byte that the command has written so far."""
        return bytes(self._output)

    def lines(self) -> list[str]:
        """The visible lines, without the blanks at their ends."""
        cells, columns = self._shown.buffer, range(self._shown.columns)
        return ["".join(cells[y][x].data for x in columns).rstrip() for y in range(self._shown.lines)]

    @property
    def columns(self) -> int:
        """How wide it is."""
        return self._shown.columns

    def cell(self, y: int, x: int) -> Char:
        """A character as it is shown."""
        return self._shown.buffer[y][x]

    def screen(self) -> str:
        """The visible text."""
        return "\n".join(self.lines())

    def picture(self) -> str:
        """The screen in a frame, for a failure's message."""
        edge = "+" + "-" * self._shown.columns + "+"
        return "\n".join([edge, *(f"|{line}" for line in self.lines()), edge])

    def send(self, data: str | bytes) -> None:
        """Type or paste: the bytes go to the command as they are."""
        rest = data.encode() if isinstance(data, str) else data
        end = time.monotonic() + 20
        while rest:
            if self._ended or time.monotonic() > end:
                raise AssertionError(f"the command does not read its input\n{self.picture()}")
            # Reads as well: a command that waits for its output to be read does not read its input.
            _, writable, _ = select.select([self._pty], [self._pty], [], 0.05)
            if writable:
                rest = rest[os.write(self._pty, rest) :]
            self._pump(0)

    def press(self, *keys: str) -> None:
        """Keys by name, as `key_bytes` has them. Wait for what "esc" does: a key right after it is alt+key."""
        for key in keys:
            self.send(key_bytes(key))

    def click(self, text: str, *, occurrence: int = 0) -> None:
        """Press and release the left button in the middle of a text, once it is visible."""
        self.wait_for(lambda screen: screen.count(text) > occurrence, name=text)
        column, row = self._middle_of(text, occurrence)
        self.send(f"\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m")

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size, which the command is told by SIGWINCH."""
        for screen in (self._main, self._alternate):
            screen.resize(rows, columns)
        self._set_size(columns, rows)

    def wait_for(self, wanted: str | Callable[[str], object], timeout: float = 20, *, name: str = "") -> None:
        """Until a text is visible, or a predicate of the visible text holds; an AssertionError shows the screen."""

        def holds() -> bool:
            screen = self.screen()
            return wanted in screen if isinstance(wanted, str) else bool(wanted(screen))

        # Inside a synchronised update a terminal shows nothing new, and so there is nothing to see.
        if not self._until(lambda: (self._ended or SYNCHRONISED not in self.modes) and holds(), timeout):
            what = name or (wanted if isinstance(wanted, str) else "what was waited for")
            why = "the command ended" if self._ended else f"{timeout} s passed"
            raise AssertionError(f"{what!r} is not on the screen; {why}\n{self.picture()}")

    def wait_ready(self, marker: str = "F9", timeout: float = 20) -> None:
        """Until the program itself has painted this: cfmail's keys, not only those of the still before it."""
        self.wait_for(lambda _: marker.encode() in self.output.partition(MOUSE_ON)[2], timeout, name=marker)

    def wait_gone(self, text: str, timeout: float = 20) -> None:
        """Until a text is no longer visible."""
        self.wait_for(lambda screen: text not in screen, timeout, name=f"absence of {text}")

    def wait_exit(self, timeout: float = 20) -> int:
        """Until the command ends: its exit code, negative for a signal."""
        if not self._until(lambda: self._process.poll() is not None, timeout):
            raise AssertionError(f"the command still runs after {timeout} s\n{self.picture()}")
        while not self._hung_up and self._pump(0):
            pass
        code = self._process.poll()
        assert code is not None
        return code

    def _middle_of(self, text: str, occurrence: int) -> tuple[int, int]:
        """Column and row, from 1, as the mouse reports count them."""
        for y, line in enumerate(self.lines()):
            for found in re.finditer(re.escape(text), line):
                if occurrence == 0:
                    return self._column_of(y, found.start() + len(text) // 2) + 1, y + 1
                occurrence -= 1
        raise AssertionError(f"{text!r} stands on no single line\n{self.picture()}")

    def _column_of(self, y: int, offset: int) -> int:
        """The cell of the character at `offset`: a wide character covers two cells, the second of them empty."""
        length = 0
        for x in range(self._shown.columns):
            length += len(self._shown.buffer[y][x].data)
            if length > offset:
                return x
        return self._shown.columns - 1

    def _until(self, condition: Callable[[], bool], timeout: float) -> bool:
        end = time.monotonic() + timeout
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                return False
            if self._ended:  # nothing more to read; the process itself may take another moment
                return not self._process.lives_for(left) and condition()
            self._pump(min(left, 0.05))
        return True

    def _pump(self, timeout: float) -> bool:
        """Read what there is and act on it, as a terminal does. False: there was nothing."""
        readable, _, _ = select.select([self._pty], [], [], timeout)
        if not readable or self._ended:
            return False
        try:
            data = os.read(self._pty, self.most_at_once)
        except OSError:  # Linux's way to say that the last process has closed its end
            data = b""
        self._ended = not data
        self._output += data
        self._show(data)
        return bool(data)

    def _show(self, data: bytes) -> None:
        data, self._unread = self._unread + data, b""
        if cut := CUT_CONTROL.search(data):
            data, self._unread = data[: cut.start()], data[cut.start() :]
        shown = 0
        for control in CONTROL.finditer(data):
            self._stream.feed(data[shown : control.start()])
            self._obey(control)
            shown = control.end()
        self._stream.feed(data[shown:])

    def _obey(self, control: re.Match[bytes]) -> None:
        """Answer a question, note a mode, leave the rest to pyte if it is for it."""
        mark, parameters, between, final, string = (part or b"" for part in control.groups())
        match mark, between, final:
            case (b"", b"", b"c"):
                self._answer("?62;22c")
            case (b">", b"", b"c"):
                self._answer(">41;390;0c")
            case (b"", b"", b"n") if parameters == b"5":
                self._answer("0n")
            case (b"", b"", b"n") if parameters == b"6":
                self._answer(f"{self._shown.cursor.y + 1};{self._shown.cursor.x + 1}R")
            case (b"?", b"$", b"p"):
                mode = int(parameters or b"0")
                self._answer(f"?{mode};{0 if mode != SYNCHRONISED else 1 if mode in self.modes else 2}$y")
            case (b"?", b"", (b"h" | b"l")):
                self._set_modes({int(number or b"0") for number in parameters.split(b";")}, on=final == b"h")
                self._stream.feed(control[0])
            case (b"", b"", _) if not string and b":" not in parameters:
                self._stream.feed(control[0])

    def _set_modes(self, modes: set[int], *, on: bool) -> None:
        self.modes = self.modes | modes if on else self.modes - modes
        if ALTERNATE_SCREEN in modes:
            self._stream.detach(self._shown)
            self._shown = self._alternate if on else self._main
            if on:
                self._alternate.reset()
            self._stream.attach(self._shown)

    def _answer(self, text: str) -> None:
        with suppress(OSError):  # nobody is left to hear it
            os.write(self._pty, b"\x1b[" + text.encode())

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._pty, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
