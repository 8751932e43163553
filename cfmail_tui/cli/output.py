"""What a command says: results on standard output, words for people on standard error, and an exit code."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterable

DONE, USAGE, UNSENDABLE, NO_INPUT, NOT_SENT, NO_CREDENTIALS, INTERRUPTED = 0, 64, 65, 66, 75, 77, 130


class UsageError(Exception):
    """The arguments do not say what to do; ends with exit code 64."""


def ready_streams() -> None:
    """Standard streams that take any text: one that is closed leads nowhere, a narrow charset shows escapes."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - open as long as the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def failed(outcome: str, words: str, code: int, *, as_json: bool, **more: object) -> int:
    """Tell why no attempt came about; gives the exit code."""
    complain(words)
    if as_json:
        tell(lambda: print_json({"outcome": outcome, "reason": words, **more, "exit_code": code}), code)
    return code


def complain(words: str) -> None:
    from cfmail_tui.message import printable

    with contextlib.suppress(OSError):  # nobody listens: the exit code says it all the same
        for line in words.splitlines():
            # In one piece: another thread may complain at the same time.
            sys.stderr.write(f"cfmail: {printable(line, 400)}\n")
            sys.stderr.flush()


def tell(write: Callable[[], object], code: int, unwritten: int | None = None) -> int:
    """Write a result; gives the exit code, which is another where the result is all and cannot be written.

    A reader who has gone, as head does, has what it wanted.
    """
    try:
        write()
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would be tried again, and complained of, at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            complain(f"standard output cannot be written: {error.strerror}")
            return code if unwritten is None else unwritten
    return code


def print_json(value: object) -> None:
    import json

    print(json.dumps(value, indent=2))


def print_json_list(values: Iterable[object]) -> None:
    """A list whose values are printed as they come, however many they are."""
    import json
    from textwrap import indent

    opening = "[\n"
    for value in values:
        print(opening, indent(json.dumps(value, indent=2), "  "), sep="", end="")
        opening = ",\n"
    print("\n]" if opening != "[\n" else "[]")


def reason(error: OSError) -> str:
    """What the system says, in words."""
    words = (error.strerror or str(error)).lower()
    return f"{error.filename}: {words}" if error.filename else words
