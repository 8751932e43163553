"""`cfmail sandbox`: serve until a signal says to end."""

import os
import shlex
import signal
import sys
from pathlib import Path

from cfmail_tui.sandbox.box import Sandbox


def serve(data_dir: Path, port: int, global_key: bool) -> int:
    """Print the base URL and the exports, wait for SIGINT or SIGTERM, end cleanly. Raises OSError on a taken port."""
    reader, writer = os.pipe()
    # A pipe and not an Event: a handler that runs while the main thread is inside Event.wait could deadlock with it.
    previous = {
        number: signal.signal(number, lambda _number, _frame: os.write(writer, b"."))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with Sandbox(data_dir, port, global_key) as box:
            _print_lines([box.base_url, *(f"export {n}={shlex.quote(v)}" for n, v in box.environment().items())])
            os.read(reader, 1)
        return 0
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


def _print_lines(lines: list[str]) -> None:
    try:
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader took the line it wanted, as `head -1` does, and left; the sandbox goes on without it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
