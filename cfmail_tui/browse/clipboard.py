"""What the clipboard holds, as a private file: by the desktop's own command, where there is one."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from cfmail_tui.attachments.kept import keep
from cfmail_tui.browse.listing import BrowseError
from cfmail_tui.frozen import frozen
from cfmail_tui.process import environment_for

TIME_LIMIT: Final = 5.0
"""Seconds that a clipboard command may take; one whose program does not answer waits for ever."""

SIZE_LIMIT: Final = 32 * 1024 * 1024
"""Octets taken from a clipboard at most: more than can be sent."""

_IMAGES: Final = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}


@frozen
class Command:
    """A program that prints the clipboard: `types` lists what it holds, `{type}` in `content` is one of these."""

    program: str
    variable: str
    types: tuple[str, ...]
    content: tuple[str, ...]
    text: tuple[str, ...]


_COMMANDS: Final = (
    Command("wl-paste", "WAYLAND_DISPLAY", ("--list-types",), ("--no-newline", "--type", "{type}"), ("--no-newline",)),
    Command(
        "xclip",
        "DISPLAY",
        ("-selection", "clipboard", "-o", "-t", "TARGETS"),
        ("-selection", "clipboard", "-o", "-t", "{type}"),
        ("-selection", "clipboard", "-o"),
    ),
    Command("xsel", "DISPLAY", (), (), ("--clipboard", "--output")),
    Command("pbpaste", "", (), (), ()),
)


def grab(environ: Mapping[str, str], folder: Path) -> str:
    """Keep what the clipboard holds, an image if it has one, else text, in a new file in this folder; gives its path.

    Raises BrowseError if there is no command, or it gives nothing; KeepError.
    """
    command, program = _command(environ)
    types = _run(program, command.types, environ).decode("utf-8", "replace").split() if command.types else []
    image = next((media_type for media_type in _IMAGES if media_type in types), "")
    arguments = tuple(part.format(type=image) for part in command.content) if image else command.text
    content = _run(program, arguments, environ)
    if not content:
        raise BrowseError("the clipboard is empty")
    return keep(folder, f"clipboard.{_IMAGES.get(image, 'txt')}", [content])


def _command(environ: Mapping[str, str]) -> tuple[Command, str]:
    for command in _COMMANDS:
        is_there = environ.get(command.variable) if command.variable else sys.platform == "darwin"
        if is_there and (program := shutil.which(command.program, path=environ.get("PATH"))):
            return command, program
    if environ.get("WAYLAND_DISPLAY") or environ.get("DISPLAY"):
        raise BrowseError("the clipboard cannot be read: install wl-clipboard, xclip or xsel")
    raise BrowseError("there is no clipboard here: this terminal's session has no desktop")


def _run(program: str, arguments: tuple[str, ...], environ: Mapping[str, str]) -> bytes:
    try:
        process = subprocess.Popen(  # noqa: S603 - one of ours, found in PATH
            [program, *arguments],
            env=environment_for(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise BrowseError(f"{program} could not be run: {error.strerror}") from error
    is_late = threading.Event()

    def stop() -> None:
        is_late.set()
        _kill(process.pid)

    with process:
        assert process.stdout
        alarm = threading.Timer(TIME_LIMIT, stop)
        alarm.start()
        content = b"".join(_limited(process.stdout))
        alarm.cancel()
        _kill(process.pid)
    if is_late.is_set():
        raise BrowseError(f"{Path(program).name} did not answer within {TIME_LIMIT:.0f} s")
    if len(content) > SIZE_LIMIT:
        raise BrowseError(f"the clipboard holds more than {SIZE_LIMIT // 1024 // 1024} MiB")
    return content


def _kill(pid: int) -> None:
    """It and what it started; its group is its own, and stays until it is waited for."""
    with suppress(OSError):
        os.killpg(pid, signal.SIGKILL)


def _limited(output: IO[bytes]) -> Iterator[bytes]:
    left = SIZE_LIMIT + 1
    while left > 0 and (block := output.read(min(left, 1 << 16))):
        left -= len(block)
        yield block
