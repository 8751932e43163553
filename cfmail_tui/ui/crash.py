"""A defect of the program, told without anyone's mail: a report in a file, and three lines for the user.

A report has versions, the kind of each exception and where it came from, as file, line and function. It has no text of
an exception, no variables and no source lines: a mail or a token may be in any of them. It is sent nowhere.
"""

import os
import platform
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cfmail_tui import __version__

EXIT_CODE: Final = 70
"""EX_SOFTWARE of sysexits.h."""

KEPT: Final = 5
"""How many reports stay in the folder, the newest."""

_TERMINAL: Final = ("TERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "COLORTERM", "LANG", "TMUX", "SSH_TTY")


def tell(error: BaseException, folder: Path, *, saved: bool) -> tuple[str, ...]:
    """Write the report into this folder; gives the lines for the user. `saved`: whether all that was typed is kept."""
    kept = "what was typed is saved, F7 shows it" if saved else "what was typed in the last second may not be saved"
    try:
        place = f"a report without your mail is in {write(error, folder)}; it was sent nowhere"
    except OSError as failure:
        place = f"a report could not be written in {folder}: {(failure.strerror or str(failure)).lower()}"
    return (f"cfmail has a defect and had to end ({type(error).__name__})", kept, place)


def write(error: BaseException, folder: Path) -> Path:
    """Write a report into the folder, for its owner alone, and remove the oldest. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.txt"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in report(error))
    for old in sorted(folder.glob("crash-*.txt"))[:-KEPT]:
        with suppress(OSError):
            old.unlink()
    return path


def report(error: BaseException) -> Iterator[str]:
    """The lines of a report."""
    from importlib.metadata import version

    yield f"cfmail {__version__}, Python {platform.python_version()}, Textual {version('textual')}"
    yield platform.platform()
    # Whether there is a TMUX or SSH_TTY is of interest, what they say is not.
    named = {name: os.environ[name] for name in _TERMINAL if os.environ.get(name)}
    yield " ".join(name if name in {"TMUX", "SSH_TTY"} else f"{name}={value!r}" for name, value in named.items())
    seen: set[int] = set()
    link = ""
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield f"\n{link}{type(cause).__module__}.{type(cause).__qualname__}"
        for frame, line in traceback.walk_tb(cause.__traceback__):
            code = frame.f_code
            yield f"  {_place(code.co_filename)}:{line} {code.co_qualname}"
        # What failed in a worker is only told of by an error of Textual's own.
        reason = cause.__cause__ or getattr(cause, "error", None)
        link, cause = ("because of ", reason) if reason else ("while handling ", cause.__context__)


def _place(path: str) -> str:
    """A file of the program by its place among the modules: where that is on the disk names its user."""
    for folder in sorted(sys.path, key=len, reverse=True):
        if folder and path.startswith(f"{folder}/"):
            return path.removeprefix(f"{folder}/")
    return path
