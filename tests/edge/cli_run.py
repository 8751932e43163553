"""The command `cfmail` as tests run it: within this process, which is quick, or in one of its own, which is real."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import IO, Any, Final

import pytest

from cfmail_tui import cli, process
from cfmail_tui.cli.signals import HEARD
from cfmail_tui.sandbox import Sandbox

FIELDS: Final = ("--from", "me@acme.example", "--to", "bob@example.net", "--subject", "Hello")
"""A mail's flags but for its text."""

RAW: Final = b"From: me@acme.example\r\nTo: bob@example.net\r\nSubject: Hello\r\n\r\nHi\r\n"

PATIENCE: Final = 20.0
"""Seconds after which a process that should have ended makes the test fail."""

HOSTILE: Final = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys, or what turns the order of text: never to be shown."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command gave: its exit code and its octets."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def out(self) -> str:
        return self.stdout.decode()

    @property
    def err(self) -> str:
        return self.stderr.decode()

    @property
    def json(self) -> Any:
        """Standard output as the one JSON value it is."""
        return json.loads(self.out)


class Cfmail:
    """`cfmail` in this process: `cfmail("send", ..., stdin=b"...")`. Signals do afterwards what they did before."""

    def __init__(self, capture: pytest.CaptureFixture[bytes]) -> None:
        self._capture = capture

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Ran:
        self._capture.readouterr()
        with pytest.MonkeyPatch.context() as patch, ExitStack() as afterwards:
            for number in HEARD:
                afterwards.callback(signal.signal, number, signal.getsignal(number))
            # It would make the tests' own process one that nobody can look at.
            patch.setattr(process, "keep_private", lambda: None)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
            code = cli.main(arguments)
        return Ran(code, *self._capture.readouterr())


def cfmail_process(*arguments: str | bytes, stdin: bytes | IO[Any] = b"", env: Mapping[str, str] = {}) -> Ran:
    """`cfmail` in a process of its own, which has to end by itself; standard input is octets, or a file."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "cfmail_tui", *arguments],
        **({"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}),
        env={**os.environ, **env},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def use(sandbox: Sandbox, patch: pytest.MonkeyPatch) -> None:
    """Send as the sandbox's account, by the environment, from now on."""
    for name, value in sandbox.environment().items():
        patch.setenv(name, value)


def kept_files(home: Path) -> dict[str, bytes]:
    """Every file under the home, by its path."""
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def bodies(home: Path) -> list[Path]:
    """The request bodies kept, half-written ones included."""
    return [*(home / "cfmail" / "data" / "bodies").iterdir()]


def decoded(octets: bytes) -> EmailMessage:
    message = BytesParser(EmailMessage, policy=default).parsebytes(octets)
    assert not message.defects
    return message
