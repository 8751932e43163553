"""The real terminal: it may send anything, stop reading, stop the program or vanish, and the program lives with it.

Made for Textual 8.2, whose own driver ends the program on a byte that is not UTF-8 and on a malformed key, spins when
the terminal has gone, and blocks the event loop when it does not read (`linux_driver.py`, `_writer_thread.py`).

Invariants:
- nothing that the keyboard sends ends the program or changes its idea of the terminal's size;
- the event loop never waits for the terminal: while that does not read, screen updates beyond a backlog are dropped,
  what sets modes never is, and the screen is painted anew once it reads again;
- that the terminal has gone, seen by reading or by writing, is told once, by `HungUp`;
- leaving takes a bounded time, whatever the terminal does;
- signals do their work on the event loop, never in the middle of other work, but where the terminal is handed over.
"""

import errno
import os
import re
import select
import signal
import sys
import termios
import threading
from codecs import getincrementaldecoder
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Final

import textual
from textual import constants, events
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size
from textual.message import Message

from cfmail_tui.frozen import frozen
from cfmail_tui.still import Still
from cfmail_tui.ui.answers import QUESTION, Answers

BACKLOG: Final = 64 * 1024
"""Octets that may wait for the terminal before screen updates are dropped."""

STOPPING: Final = 1.0
"""Seconds that the last octets may take to be written."""

_KITTY_KEYS: Final = 0b00000001 | 0b00001000 | 0b00010000
"""Disambiguate escape codes, report all keys, report associated text: what Textual asks for."""

KEYS_AS_THEY_ARE: Final = f"\x1b[?2004h\x1b[>{_KITTY_KEYS}u"
"""Has a terminal tell keys apart as far as it can, and pastes from typing, as it does for the screens."""

KEYS_AS_THEY_WERE: Final = "\x1b[<u\x1b[?2004l"
"""Takes that back."""

_FRAME, _FRAME_ENDS = "\x1b[?2026h", "\x1b[?2026l"
_MODES = re.compile(r"(?:\x1b\[[?<=>][\d;]*\$?[a-z])+")
"""Control sequences that set or ask for modes, and nothing else."""

_TICK = 0.1
"""Seconds between two looks whether a lone Escape was a key."""


class HungUp(Message, bubble=False):
    """The terminal has gone; nothing more will come from it."""


def textual_version() -> str:
    """Which Textual this is. Its own `__version__` loads the parser of mails, to read the metadata of packages."""
    if "__version__" not in vars(textual):
        with suppress(OSError):
            for name in os.listdir(os.path.join(textual.__path__[0], os.pardir)):  # noqa: PTH118, PTH208 - no Path here
                if found := re.fullmatch(r"textual-([\d.]+)\.dist-info", name):
                    return found[1]
    return textual.__version__


def is_made_for(textual_version: str) -> bool:
    """Whether what leans on private names of Textual, here and in `difference`, was made for this version."""
    parts = tuple(int(part) if part.isdecimal() else 0 for part in textual_version.split("."))
    return (8, 2, 8) <= parts < (8, 3)


def driver_for(textual_version: str, proposed: type[Driver]) -> type[Driver]:
    """The driver to use: this one in place of Textual's for a terminal, where Textual is a version it was made for."""
    return TerminalDriver if is_made_for(textual_version) and proposed is LinuxDriver else proposed


class Writer:
    """Writes to the terminal in a thread of its own, so that nobody else waits for it.

    `drained` is called when everything is written after something was dropped, `failed` once when it cannot be written;
    both in the thread.
    """

    def __init__(self, fileno: int, drained: Callable[[], object], failed: Callable[[], object]) -> None:
        self._fileno = fileno
        self._drained, self._failed = drained, failed
        self._waiting: deque[bytes] = deque()
        self._backlog = 0
        self._dropped = False
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="cfmail-output", daemon=True)
        self._thread.start()

    def write(self, data: bytes, *, droppable: bool) -> bool:
        """Have this written; false for a droppable one that goes by the board, whole, because the terminal lags."""
        with self._changed:
            if droppable and (self._dropped or self._backlog > BACKLOG):
                self._dropped = True
                return False
            if not self._stopping:
                self._waiting.append(data)
                self._backlog += len(data)
                self._changed.notify()
            return True

    def stop(self) -> None:
        """Write what waits, and end; what the terminal has not taken in time is lost."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not threading.current_thread():
            self._thread.join(STOPPING)
        with self._changed:
            self._waiting.clear()

    def _run(self) -> None:
        try:
            while data := self._next():
                while data:
                    data = data[os.write(self._fileno, data) :]
        except OSError:
            with self._changed:
                self._stopping = True
                self._waiting.clear()
            self._failed()

    def _next(self) -> bytes:
        """What is to be written now; nothing when it is time to end."""
        with self._changed:
            self._backlog = sum(map(len, self._waiting))
            if self._dropped and not self._waiting:
                self._dropped = False
                self._drained()
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            data = b"".join(self._waiting)
            self._waiting.clear()
            return data


class Keys:
    """What the keyboard sends as messages: any octets, of which those that mean nothing are passed over."""

    def __init__(self, *, debug: bool = False) -> None:
        self._debug = debug
        self.answers = Answers()
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._parser = XTermParser(debug)

    def pressed(self, octets: bytes) -> Iterator[Message]:
        # One by one, so that a sequence which is too much for the parser takes nothing along that follows it.
        for character in self._decode(octets):
            for typed in filter(None, self.answers.typed(character)):
                yield from self._guarded(partial(self._parser.feed, typed))

    def elapsed(self) -> Iterator[Message]:
        """What is certain now that nothing followed for a moment: an Escape was a key."""
        if self.answers.is_waiting():
            return
        if typed := self.answers.elapsed():
            yield from self._guarded(partial(self._parser.feed, typed))
        for message in self._guarded(self._parser.tick):
            self.answers.escape_was_typed()
            yield message

    def _guarded(self, parse: Callable[[], Iterable[Message]]) -> Iterator[Message]:
        try:
            yield from parse()
        except Exception:  # noqa: BLE001 - whatever is wrong with a key, the keyboard stays
            self._parser = XTermParser(self._debug)


@frozen
class Pressed:
    """What came from the keyboard at once, and what it was taken for."""

    octets: bytes
    key: str = ""
    """"" for what is no key."""
    types: bool = False
    """Whether the key makes a character."""
    pasted: str | None = None
    """The text of a paste."""


def pressed(fileno: int) -> Iterator[Pressed]:
    """What this terminal sends, as the screens would take it, until it has gone. Its modes are the caller's."""
    keys, octets = Keys(), b""
    while True:
        ready = select.select([fileno], [], [], _TICK)[0]
        data = os.read(fileno, 4096) if ready else b""
        if ready and not data:
            return
        # The last is what a moment without a key makes certain.
        for octet in (*(data[at : at + 1] for at in range(len(data))), b""):
            octets += octet
            for message in keys.pressed(octet) if octet else keys.elapsed():
                if isinstance(message, events.Key):
                    yield Pressed(octets, message.key, message.is_printable)
                else:
                    yield Pressed(octets, pasted=message.text if isinstance(message, events.Paste) else None)
                octets = b""


class TerminalDriver(LinuxDriver):
    """Textual's driver for a terminal, made to last."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        self._writer: Writer | None = None
        self._frame: list[str] | None = None
        self._wake: int | None = None
        self._raw: list[Any] | None = None
        self._resized = False
        self._hung_up = False
        self.losses = 0
        """How often the terminal came to show something else than was written to it."""
        self.is_dark: bool | None = None
        """Whether its background is dark, None as long as it has not said so."""
        self._is_asked = False
        super().__init__(app, **options)
        self._still: Still | None = getattr(app, "still", None)
        # The screen is where the command line made sure that a terminal is.
        assert sys.__stdout__
        self._output = sys.__stdout__.fileno()
        self._encoding = sys.__stdout__.encoding

    # Output.

    def write(self, data: str) -> None:
        """Have this written; what belongs to one synchronised update is written or dropped as a whole."""
        if self._writer is None:
            return
        if data == _FRAME:
            self._frame = [data]
        elif data != _FRAME_ENDS and _MODES.fullmatch(data):
            self._write(data, droppable=False)
        elif self._frame is None:
            self._write(data, droppable=True)
        else:
            self._frame.append(data)
            if data == _FRAME_ENDS:
                frame, self._frame = "".join(self._frame), None
                self._write(frame, droppable=True)

    def _write(self, data: str, *, droppable: bool) -> None:
        assert self._writer
        # "replace": the keyboard can bring a lone surrogate, which no terminal can be sent.
        if not self._writer.write(data.encode(self._encoding, "replace"), droppable=droppable):
            self.losses += 1

    # From the program to the terminal and back.

    def start_application_mode(self) -> None:
        """Take the terminal; does nothing where it is taken, or cannot be because the program is in the background."""
        if self._writer is not None or not self._is_foreground():
            return
        self._frame = None
        self.losses += 1
        self._writer = Writer(self._output, self._on_loop(self._send_size), self._tell_hung_up)
        signal.signal(signal.SIGWINCH, self._size_changed)
        self._send_size()
        still, self._still = self._still, None
        was_taken = still is not None and still.taken_over()
        if not was_taken:
            self.write("\x1b[?1049h")
        self._enable_mouse_support()
        self._set_raw()
        if still and was_taken:
            self.attrs_before = still.settings
        self.write("\x1b[?25l\x1b[?1004h")
        if not constants.DISABLE_KITTY_KEY:
            self.write(f"\x1b[>{_KITTY_KEYS}u")
        woken, self._wake = os.pipe()
        read = partial(self._read, woken, still.typed if still else b"")
        self._key_thread = threading.Thread(target=read, name="cfmail-input", daemon=True)
        self._key_thread.start()
        self._request_terminal_sync_mode_support()
        self._query_in_band_window_resize()
        self._enable_bracketed_paste()
        self._disable_line_wrap()
        # Once more: iTerm 3.5.0 forgets it.
        self._enable_mouse_support()
        # The console of Linux has no answer, and in old kernels shows the question.
        if not self._is_asked and os.environ.get("TERM") != "linux":
            self._is_asked = True
            self._write(QUESTION, droppable=False)

    def disable_input(self) -> None:
        """End the thread that reads; what was typed and not read is lost."""
        if self._wake is None:
            return
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)
        self._disable_mouse_support()
        os.close(self._wake)
        self._wake = None
        if self._key_thread:
            self._key_thread.join(STOPPING)
        with suppress(termios.error):
            termios.tcflush(self.fileno, termios.TCIFLUSH)

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was."""
        if self._writer is None:
            return
        self._frame = None
        self._disable_bracketed_paste()
        self._enable_line_wrap()
        self._disable_in_band_window_resize()
        self.disable_input()
        if self.attrs_before is not None:
            with suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
        # The keys of kitty belong to the alternate screen, and are given back before it.
        self.write("\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l")
        writer, self._writer = self._writer, None
        writer.stop()

    def close(self) -> None:
        """Be done with the terminal; it was given back before."""
        for number in (signal.SIGTSTP, signal.SIGCONT):
            signal.signal(number, signal.SIG_DFL)

    def suspend_application_mode(self) -> None:
        """Hand the terminal over, to have it back later."""
        self.stop_application_mode()

    def _is_foreground(self) -> bool:
        """Whether the terminal takes settings from us. In the background, where `bg` sent us, the program is stopped.

        Then it is false when it was continued: that brings a SIGCONT, and with it the next try.
        """
        if not self.input_tty:
            return True
        stops = (signal.SIGTTOU, signal.SIGTTIN)
        for number in stops:
            signal.signal(number, lambda *_: os.kill(os.getpid(), signal.SIGSTOP))
        try:
            termios.tcsetattr(self.fileno, termios.TCSANOW, termios.tcgetattr(self.fileno))
        except termios.error as error:
            # Of a terminal that has gone reading tells.
            return bool(error.args[0] != errno.EINTR)
        finally:
            for number in stops:
                signal.signal(number, signal.SIG_DFL)
        return True

    def _set_raw(self) -> None:
        self.attrs_before = self._raw = None
        with suppress(termios.error):
            self.attrs_before = termios.tcgetattr(self.fileno)
            raw = termios.tcgetattr(self.fileno)
            raw[0] = self._patch_iflag(raw[0])
            raw[3] = self._patch_lflag(raw[3])
            raw[6][termios.VMIN] = 1
            termios.tcsetattr(self.fileno, termios.TCSANOW, raw)
            self._raw = termios.tcgetattr(self.fileno)

    # Signals.

    def _on_loop(self, call: Callable[[], object]) -> Callable[[], None]:
        """Something that has this called on the event loop, from any thread and any signal handler."""

        def soon() -> None:
            with suppress(RuntimeError):  # the loop has ended, and with it the program
                self._loop.call_soon_threadsafe(call)

        return soon

    def _sigtstp_application(self, *_: object) -> None:
        if self._auto_restart:
            self._on_loop(self._stop)()
        else:
            os.kill(os.getpid(), signal.SIGSTOP)

    def _stop(self) -> None:
        if self._writer is not None:
            self._must_signal_resume = True
        self.stop_application_mode()
        os.kill(os.getpid(), signal.SIGSTOP)

    def _sigcont_application(self, *_: object) -> None:
        if self._auto_restart:
            self._on_loop(self._go_on)()

    def _go_on(self) -> None:
        """Take the terminal again; where it was never given back, as after SIGSTOP, see that it is still ours."""
        if self._writer is not None:
            with suppress(termios.error):
                if termios.tcgetattr(self.fileno) == self._raw:
                    self._send_size()
                    return
            self.stop_application_mode()
        self.start_application_mode()
        if self._writer is not None and self._must_signal_resume:
            self._must_signal_resume = False
            self.send_message(self.SignalResume())

    def _size_changed(self, *_: object) -> None:
        if not self._resized:
            self._resized = True
            self._on_loop(self._send_size)()

    def _send_size(self) -> None:
        """Tell the app the size, on which it paints everything anew."""
        self._resized = False
        size = Size(*self._get_terminal_size())
        self.send_message(events.Resize(size, size))

    # Input.

    def _read(self, woken: int, typed: bytes) -> None:
        """Read, after what was typed before, until the other end of `woken` is closed or the terminal has gone."""
        keys = Keys(debug=self._debug)
        try:
            self._process(keys.pressed(typed))
            while woken not in (ready := select.select([self.fileno, woken], [], [], _TICK)[0]):
                if ready:
                    if not (data := self._octets()):
                        self._tell_hung_up()
                        break
                    self._process(keys.pressed(data))
                    self.is_dark = keys.answers.is_dark if self.is_dark is None else self.is_dark
                self._process(keys.elapsed())
        finally:
            os.close(woken)

    def _octets(self) -> bytes:
        """What was typed; nothing when the terminal has gone."""
        with suppress(OSError):
            return os.read(self.fileno, 4096)
        return b""

    def _process(self, messages: Iterator[Message]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            for message in messages:
                self.process_message(message)

    def process_message(self, message: Message) -> None:
        """Hand on what the terminal sent. Its size is what the system says: a key sequence may claim anything."""
        if isinstance(message, events.Resize) and message.size != self._get_terminal_size():
            return
        super().process_message(message)

    def _tell_hung_up(self) -> None:
        if not self._hung_up:
            self._hung_up = True
            with suppress(RuntimeError):  # the loop has ended
                self.send_message(HungUp())
