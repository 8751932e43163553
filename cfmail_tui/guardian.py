"""A small process that stays on the terminal, and gives it back whatever became of the program.

The program runs in a child; its parent, the guardian, has forked before any thread and any library was there, owns
nothing, and only waits. To the shell it is the program.

Invariants:
- who says its exit code through the pipe has put the terminal in order itself; after any other end of the child
  (kill -9, no memory, a crash) the guardian does it: line settings, screen, modes;
- both are in one process group, so keys that are signals reach the child without the guardian; what was sent to the
  guardian by hand, and a hang-up, is handed on, and the child may so hear of one thing twice;
- when the child stops, the guardian stops, so that the shell has its job control; continued, both go on;
- without its guardian the child hears SIGHUP (Linux).
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from cfmail_tui.process import hear_of_death, keep_private

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing alone takes as long to load as all the rest on the way to the first frame
    from typing import Any, Final, NoReturn

_HEARD: Final = (
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTSTP,
    signal.SIGCONT,
    signal.SIGCHLD,
    signal.SIGUSR1,
)
_KEYS: Final = {signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP}
"""Signals that keys make, for the whole process group."""

_IN_ORDER: Final = (
    b"\x1b[<u"  # kitty's keys, which belong to the screen that is shown
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # mouse
    b"\x1b[?2004l\x1b[?1004l\x1b[?2048l\x1b[?2026l"  # paste, focus, sizes, synchronised updates
    b"\x1b[0m\x1b[?7h\x1b[?1049l\x1b[?25h"
)
"""What undoes the program's modes. Short enough for a terminal that takes anything at all to take it whole."""

_PATIENCE: Final = 1.0
"""Seconds that the guardian tries to write to a terminal that takes nothing."""

LetGo = Callable[[int], None]
"""Ends the guardian with this exit code, so that the shell goes on while the program does so unseen."""


def guarded(run: Callable[[LetGo], int], *, first: Callable[[], object] = lambda: None) -> int:
    """Run this in a child under a guardian; gives its exit code, in the child and in the guardian.

    What comes `first` is done as soon as there is a guardian: what it does to the terminal is undone.

    `let_go`, which it is given, is to be called from the main thread and after the terminal was restored: the child has
    then a session of its own, no terminal, and goes on. Where there can be no second process, it runs in this one.
    """
    settings = _settings()
    sys.stdout.flush()
    sys.stderr.flush()
    told, tell = os.pipe()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    guardian = os.getpid()
    try:
        child = os.fork()
    except OSError:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        first()
        return run(lambda _code: None)
    if child:
        os.close(tell)
        os.set_blocking(told, False)
        return _guard(child, told, settings)
    os.close(told)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    first()
    hear_of_death(signal.SIGHUP)
    if os.getppid() != guardian:
        os.kill(os.getpid(), signal.SIGHUP)
    code = run(partial(_let_go, guardian, tell))
    _say(tell, code)
    return code


def _guard(child: int, told: int, settings: list[Any] | None) -> int:
    keep_private()
    for heard in _HEARD:
        # A signal that is ignored, as SIGHUP by nohup, could not be waited for.
        signal.signal(heard, lambda *_: None)
    while True:
        number, by_hand = _next_signal()
        if number == signal.SIGCHLD:
            ended, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
            if ended and os.WIFSTOPPED(status):
                os.kill(os.getpid(), signal.SIGSTOP)
            elif ended:
                return _ended(status, told, settings)
        elif number == signal.SIGUSR1:
            if code := _said(told):
                return code[0]
        elif by_hand or number not in _KEYS:
            os.kill(child, number)


def _ended(status: int, told: int, settings: list[Any] | None) -> int:
    if not _said(told):
        _put_in_order(settings)
    if os.WIFSIGNALED(status):
        _end_by(os.WTERMSIG(status))
    return os.waitstatus_to_exitcode(status)


def _next_signal() -> tuple[int, bool]:
    """The next signal, and whether a process sent it rather than the terminal, as far as the system can tell."""
    if sys.platform == "darwin":
        return signal.sigwait(_HEARD), False
    heard = signal.sigwaitinfo(_HEARD)
    # sigaction(2): above 0 it came from the kernel.
    return heard.si_signo, heard.si_code <= 0


def _said(told: int) -> bytes:
    """The exit code that came through the pipe, or nothing."""
    with suppress(BlockingIOError):
        return os.read(told, 1)
    return b""


def _say(tell: int, code: int) -> None:
    with suppress(OSError):  # the guardian has gone
        os.write(tell, bytes([code & 0xFF]))


def _let_go(guardian: int, tell: int, code: int) -> None:
    hear_of_death(0)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    _say(tell, code)
    if os.getppid() == guardian:
        os.kill(guardian, signal.SIGUSR1)


def _settings() -> list[Any] | None:
    """The line settings of the terminal on standard input."""
    with suppress(termios.error):
        return termios.tcgetattr(0)
    return None


def _put_in_order(settings: list[Any] | None) -> None:
    with suppress(OSError):
        if os.tcgetpgrp(0) != os.getpgrp():
            return  # it is somebody else's now
    if settings:
        with suppress(termios.error):
            termios.tcsetattr(0, termios.TCSANOW, settings)
    with suppress(OSError):
        if os.isatty(1) and select.select([], [1], [], _PATIENCE)[1]:
            os.write(1, _IN_ORDER)


def _end_by(number: int) -> NoReturn:
    """End by the signal that ended the child."""
    with suppress(OSError):  # SIGKILL has no other disposition
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)
    sys.exit(128 + number)
