"""The user's browser on a page, in a private file.

Invariant: the file is readable by the user alone, and goes when the program ends; if that could not, when the next one
does.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cfmail_tui.message import MailError
from cfmail_tui.process import environment_for
from cfmail_tui.ui.editor import runs

_PATIENCE: Final = 5.0
"""Seconds in which what opens a browser says that it cannot; a browser itself may run on."""


class NoBrowser(MailError):  # noqa: N818 - it reads as what it is
    """There is no browser here, or it could not be opened."""


def show(page: str, folder: Path, environ: Mapping[str, str]) -> Path:
    """Open the page in the user's browser; gives its file. Raises NoBrowser, naming the file where there is one."""
    try:
        handle, name = tempfile.mkstemp(suffix=".html", prefix=f"page-{os.getpid()}-", dir=folder)
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(page)
    except OSError as error:
        raise NoBrowser(f"the page cannot be written to {folder}: {error.strerror}") from error
    path = Path(name)
    command = _command(environ)
    if not command:
        raise NoBrowser(f"there is no browser here; until cfmail ends the page is {path}")
    try:
        # A browser of its own session and without our terminal, so that it neither ends nor writes with us.
        running = subprocess.Popen(  # noqa: S603 - the user's choice
            [*command, path.as_uri()],
            env=environment_for(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        code = running.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        return path
    except OSError as error:
        raise NoBrowser(f"{command[0]} could not be run: {error.strerror}; the page is {path}") from error
    if code:
        raise NoBrowser(f"{command[0]} ended with code {code}; until cfmail ends the page is {path}")
    return path


def _command(environ: Mapping[str, str]) -> list[str]:
    """What opens a page, without a terminal; none where there is nothing to show it on."""
    if chosen := environ.get("BROWSER", "").partition(os.pathsep)[0].replace("%s", "").split():
        return chosen
    if sys.platform == "darwin":
        return ["open"]
    has_display = bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
    return ["xdg-open"] if has_display and shutil.which("xdg-open", path=environ.get("PATH")) else []


def forget(folder: Path) -> None:
    """Delete our pages, and those of programs that run no more."""
    for path in folder.glob("page-*-*.html"):
        pid = path.name.split("-")[1]
        if pid.isascii() and pid.isdigit() and (int(pid) == os.getpid() or not runs(int(pid))):
            path.unlink(missing_ok=True)
