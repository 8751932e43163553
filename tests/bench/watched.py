"""Programs to be measured: on a machine of their own, and on a terminal that watches octets and draws nothing."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from tests.pty_driver import CONTROL, Terminal

ROOT: Final = Path(__file__).parents[2]
CFMAIL: Final = (sys.executable, "-m", "cfmail_tui")
LETTER: Final = ("--from", "me@acme.example", "--to", "bob@example.net", "--subject", "Hello")
ACCOUNT_ID: Final = "a1b2c3d4" * 4
TOKEN: Final = "a-token-that-is-nobody-s-0123456789abcdef"

# Says when it was, and becomes the command. The clock is the same one in every process.
STAMP: Final = "import os, sys, time; print(time.perf_counter_ns(), flush=True); os.execvp(sys.argv[1], sys.argv[1:])"
# Runs a command and prints what it took. A process starts with the peak of the one that it comes from, so this one is
# small: about 10 MiB, below which no peak is seen.
TAKE: Final = """
import os, sys, time
silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
start = time.perf_counter()
_, status, used = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=silent), 0)
print((time.perf_counter() - start) * 1e3, used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10))
sys.exit(os.waitstatus_to_exitcode(status))
"""
ESCAPE: Final = re.compile(CONTROL.pattern + rb"|\x1b[()][0-9A-Z]|\x1b[=>78MDEHc]", re.DOTALL)


@contextmanager
def machine(settings: str = "") -> Iterator[dict[str, str]]:
    """The whole environment of a machine where no more is set up; a mail leaves as soon as `y` was pressed."""
    with tempfile.TemporaryDirectory() as home:
        config = Path(home, "cfmail", "config")
        config.mkdir(parents=True)
        (config / "config.toml").write_text(f"undo_send = 0\n{settings}")
        yield {
            "HOME": home,
            "CFMAIL_HOME": str(Path(home, "cfmail")),
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
        }


def account(base_url: str = "http://127.0.0.1:9/client/v4") -> dict[str, str]:
    """An account in the environment, at a far end where nobody listens unless it is given."""
    return {
        "CLOUDFLARE_BASE_URL": base_url,
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID,
        "CLOUDFLARE_API_TOKEN": TOKEN,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }


def milliseconds(argv: Sequence[str], env: Mapping[str, str]) -> float:
    """From its start to its end."""
    start = time.perf_counter()
    subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - start) * 1e3


class Taken(NamedTuple):
    """What a process took from its start to its end."""

    milliseconds: float
    mebibytes: float
    """The most memory it had in use, resident."""


class Drawn(NamedTuple):
    """What a key made a program write."""

    octets: int
    milliseconds: float
    """From the key to the last of them."""


def taken(argv: Sequence[str], env: Mapping[str, str]) -> Taken:
    """Runs a program, named by its path; it has to end well."""
    command = [sys.executable, "-ISc", TAKE, *argv]
    ran = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True)
    return Taken(*map(float, ran.stdout.split()))


class Watched(Terminal):
    """A terminal whose text is what was written since the last `forget`, escape sequences apart.

    It answers questions but draws nothing: that would take longer than much of what is measured.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        env: Mapping[str, str],
        size: tuple[int, int] = (80, 24),
        cwd: Path | None = None,
    ) -> None:
        self._forgotten = 0
        self.wrote_at = 0.0
        """When it last wrote something, in seconds of `time.perf_counter`."""
        whole = ["env", "-i", *(f"{name}={value}" for name, value in env.items()), *stamped(argv)]
        super().__init__(whole, size=size, cwd=cwd)

    def lines(self) -> list[str]:
        return [ESCAPE.sub(b"", self.output[self._forgotten :]).decode("utf-8", "replace")]

    def forget(self) -> None:
        self._forgotten = len(self.output)

    def age(self) -> float:
        """Milliseconds since the command was started."""
        return time.perf_counter() * 1e3 - int(self.output.partition(b"\r\n")[0]) / 1e6

    def settle(self, seconds: float, least: int = 0, before: int | None = None) -> int:
        """Until it has written so much and then nothing for so long: how many octets it has written by then.

        Counted from now, or from where `before` octets had been written.
        """
        seen = len(self.output)
        before = seen if before is None else before
        since = time.perf_counter()

        def is_quiet(_text: str) -> bool:
            nonlocal seen, since
            if len(self.output) != seen:
                seen, since = len(self.output), time.perf_counter()
            return seen - before >= least and time.perf_counter() - since >= seconds

        self.wait_for(is_quiet, name="silence")
        return seen - before

    def drawn(self, key: str, silence: float) -> Drawn:
        """What a key, by name, makes it write; after so many seconds of silence it has written all."""
        self.forget()
        before, pressed_at = len(self.output), time.perf_counter()
        self.press(key)
        octets = self.settle(silence, least=1, before=before)
        return Drawn(octets, (self.wrote_at - pressed_at) * 1e3)

    def octets_within(self, seconds: float) -> int:
        """How many it writes in so many seconds."""
        before, end = len(self.output), time.perf_counter() + seconds
        self.wait_for(lambda _text: time.perf_counter() >= end, seconds + 1, name="the end of the time")
        return len(self.output) - before

    def _show(self, data: bytes) -> None:
        self.wrote_at = time.perf_counter()
        for control in CONTROL.finditer(data):
            if control["final"] in {b"c", b"n", b"p"}:
                self._obey(control)


def stamped(argv: Sequence[str | Path]) -> list[str | Path]:
    return [sys.executable, "-ISc", STAMP, *argv]


@contextmanager
def on_screen(
    argv: Sequence[str | Path],
    env: Mapping[str, str],
    marker: str,
    cwd: Path | None = None,
    size: tuple[int, int] = (80, 24),
) -> Iterator[Watched]:
    """The program once it shows the marker and has drawn what it had to."""
    with Watched(argv, env, size, cwd) as terminal:
        terminal.wait_ready(marker)
        terminal.settle(0.5)
        yield terminal
