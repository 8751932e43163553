"""The user's password command: a program that prints a secret, such as `pass show cloudflare`.

Invariants:
- no shell takes part, and the child's environment has none of Cloudflare's variables;
- what it prints is neither logged nor shown, and what it says on its standard error is not even read;
- a call returns or raises within the limit, and a child that gave no answer has ended then;
- without being given the terminal the child has none: it cannot draw on the screen, nor wait for an answer there.
"""

import os
import selectors
import signal
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import PurePath
from typing import Final

from cfmail_tui.credentials.failures import CommandFailed
from cfmail_tui.message import printable
from cfmail_tui.process import environment_for
from cfmail_tui.submission import Secret

LIMIT: Final = 30.0
"""Seconds a password command may take, the user's answer to it included."""

OUTPUT_LIMIT: Final = 64 * 1024
"""Octets it may print."""

_INTERRUPTED: Final = {-signal.SIGINT, 128 + signal.SIGINT}
"""How it ends after Ctrl+C: by the signal, or as shells tell of one."""

_GLANCE: Final = 0.1
"""Seconds between two looks whether it has ended: somebody it left behind may hold its output open."""


def run(argv: Sequence[str], environ: Mapping[str, str], *, terminal: bool = False, limit: float = LIMIT) -> Secret:
    """The first line of what the command prints. Raises CommandFailed.

    With `terminal` the command may ask there, so whoever else uses the terminal must have left it meanwhile.
    """
    child_environ = environment_for(environ)
    if not terminal:
        # It leads gpg's questions to the terminal although the child has none of its own.
        child_environ.pop("GPG_TTY", None)
    shown = f"the password command “{printable(program(argv))}”"
    with ExitStack() as closing:
        asks_on = closing.enter_context(_terminal()) if terminal else subprocess.DEVNULL
        try:
            process = subprocess.Popen(  # noqa: S603 - the user's own command, from the user's own file
                [*argv],
                stdin=asks_on,
                stdout=subprocess.PIPE,
                stderr=asks_on,
                env=child_environ,
                start_new_session=not terminal,
            )
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            raise CommandFailed(f"{shown} cannot be started: {reason}") from None
        closing.callback(_end, process, alone=terminal)
        answer = _answer(process, limit)
    if isinstance(answer, str):
        raise CommandFailed(f"{shown} {answer}")
    return answer


def program(argv: Sequence[str]) -> str:
    """What the command is called in words: its first part, without the folder."""
    return PurePath(argv[0]).name


@contextmanager
def _terminal() -> Iterator[int]:
    """The terminal, to be read and written, whatever the standard streams are; afterwards as it was."""
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        yield subprocess.DEVNULL
        return
    try:
        before = termios.tcgetattr(descriptor)
        try:
            yield descriptor
        finally:
            # A program that asked without echo and was stopped has left it off.
            with suppress(termios.error):
                termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
    finally:
        os.close(descriptor)


def _answer(process: subprocess.Popen[bytes], limit: float) -> Secret | str:
    """The secret, or in words why there is none: then no frame of the error's traceback has seen what was printed."""
    deadline = time.monotonic() + limit
    late = f"gave no answer within {limit:g} s and was stopped"
    printed = bytearray()
    assert process.stdout
    with selectors.DefaultSelector() as output:
        output.register(process.stdout, selectors.EVENT_READ)
        while True:
            has_ended = process.poll() is not None
            if output.select(0 if has_ended else _GLANCE):
                octets = os.read(process.stdout.fileno(), OUTPUT_LIMIT)
                printed += octets
                if not octets:
                    break
            elif has_ended:
                break
            if len(printed) > OUTPUT_LIMIT:
                return f"printed over {OUTPUT_LIMIT // 1024} KiB and was stopped: it should print the secret only"
            if time.monotonic() > deadline:
                return late
    try:
        status = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return late
    if status in _INTERRUPTED:
        return "was interrupted"
    if status:
        return f"ended with status {status}" if status > 0 else f"was ended by {_signal(-status)}"
    try:
        line = printed.partition(b"\n")[0].decode().strip()
    except UnicodeDecodeError:
        return "printed something that is not text"
    return Secret(line) if line else "printed nothing on its first line"


def _signal(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def _end(process: subprocess.Popen[bytes], *, alone: bool) -> None:
    """Stop what still runs, with all it started unless those share our own group, where the terminal is."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            process.kill() if alone else os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout:
        process.stdout.close()
