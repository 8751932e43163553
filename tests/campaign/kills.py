"""One home, and what is sent and killed on it: `cfmail` on a pty and `cfmail send`, by turns, real processes each."""

import fcntl
import os
import select
import sqlite3
import struct
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.campaign.mails import Mail
from tests.fork_server import PATIENCE, ForkServer, Program

F9: Final = b"\x1b[20~"
BIG: Final = 3_500_000
"""Octets of an attachment."""
LETTER: Final = ("--from", "me@acme.example", "--to", "bob@example.net")
OPEN: Final = "SELECT id FROM attempts WHERE outcome IS NULL"


@dataclass(frozen=True, slots=True)
class Kill:
    """A mail whose cfmail was killed, and how far its journal was at that moment."""

    mail: Mail
    has_begun: bool
    may_have_left: bool
    has_ended: bool


class Screen:
    """A cfmail on a pty, without a terminal's understanding of what it draws: octets are looked for, and no more."""

    def __init__(self, pty: int, program: Program) -> None:
        self._pty = pty
        self.program = program
        self._output = b""

    def send(self, data: bytes) -> None:
        os.write(self._pty, data)

    def wait_for(self, wanted: bytes) -> None:
        end = time.monotonic() + PATIENCE
        while wanted not in self._output:
            assert time.monotonic() < end, f"{wanted!r} does not appear, but {self._output[-2000:]!r}"
            self._read(0.1)
        self._output = b""

    def read_for(self, seconds: float) -> None:
        """Let it draw for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._read(left)

    def _read(self, timeout: float) -> None:
        if select.select([self._pty], [], [], timeout)[0]:
            try:
                self._output += os.read(self._pty, 65536)
            except OSError as error:
                raise AssertionError(f"cfmail ended by itself: {self._output[-2000:]!r}") from error


class Home:
    """A CFMAIL_HOME of its own, used over many kills, so that each recovery meets what was before."""

    def __init__(self, folder: Path, server: ForkServer, base_url: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.kills: list[Kill] = []
        self._server = server
        self._base_url = base_url
        self._attachment = folder / "attachment.bin"
        (folder / "config").mkdir(parents=True)
        (folder / "config" / "config.toml").write_text("undo_send = 0\n")
        self._attachment.write_bytes(os.urandom(BIG))

    def environment(self, path: str = "") -> dict[str, str]:
        """All there is, so that nothing of the developer's own machine has a part in it."""
        return {
            "HOME": str(self.folder),
            "CFMAIL_HOME": str(self.folder),
            "CLOUDFLARE_BASE_URL": f"{self._base_url}{path}",
            "CLOUDFLARE_ACCOUNT_ID": "a1b2c3d4" * 4,
            "CLOUDFLARE_API_TOKEN": "a-token-that-must-not-show-anywhere-1234",
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
        }

    def attack(self, mail: Mail, span: float) -> None:
        """Send it and kill its cfmail; `span` is what sending takes when the server does not take its time."""
        seconds = mail.moment * (span + mail.pace + mail.delay)
        if mail.road == "screen":
            with self._reviewed(mail) as screen:
                screen.send(b"y")
                screen.read_for(seconds)
                screen.program.kill()
        else:
            with self._sending(mail) as program:
                program.lives_for(seconds)
                program.kill()
        self.kills.append(self._struck(mail))

    def span(self, mail: Mail) -> float:
        """Seconds between the key that sends this mail and its outcome, if nobody kills it."""
        if mail.road == "screen":
            with self._reviewed(mail) as screen:
                start = time.monotonic()
                screen.send(b"y")
                screen.wait_for(b"Accepted")
                return time.monotonic() - start
        with self._sending(mail) as program:
            start = time.monotonic()
            assert program.wait() == 0
            return time.monotonic() - start

    def history(self) -> bytes:
        """What the next cfmail exports as JSON."""
        with tempfile.TemporaryFile() as stdout, Path(os.devnull).open("r+b", buffering=0) as nothing:
            program = self._server.start(
                *("history", "export", "--json"),
                env=self.environment(),
                stdin=nothing.fileno(),
                stdout=stdout.fileno(),
                stderr=nothing.fileno(),
            )
            assert program.wait() == 0
            stdout.seek(0)
            return stdout.read()

    def _flags(self, mail: Mail) -> tuple[str, ...]:
        return (*LETTER, "--subject", mail.subject, *(("--attach", str(self._attachment)) if mail.is_big else ()))

    @contextmanager
    def _reviewed(self, mail: Mail) -> Iterator[Screen]:
        """The mail typed into the TUI and on its review; what the dead left open has by then its outcome."""
        left_open = self._ids(OPEN)
        pty, theirs = os.openpty()
        fcntl.ioctl(pty, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        program = self._server.start(
            *self._flags(mail), env=self.environment(mail.path), stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        try:
            screen = Screen(pty, program)
            screen.wait_for(b"F9")
            screen.send(mail.text.encode() + F9)
            screen.wait_for(b"nothing has left yet")
            assert not left_open & self._ids(OPEN), "a start that recovers nothing"
            yield screen
        finally:
            program.kill()
            os.close(pty)

    @contextmanager
    def _sending(self, mail: Mail) -> Iterator[Program]:
        with tempfile.TemporaryFile() as text, Path(os.devnull).open("wb") as output:
            text.write(mail.text.encode())
            text.seek(0)
            program = self._server.start(
                *("send", *self._flags(mail), "-"),
                env=self.environment(mail.path),
                stdin=text.fileno(),
                stdout=output.fileno(),
                stderr=output.fileno(),
            )
            try:
                yield program
            finally:
                program.kill()

    def _struck(self, mail: Mail) -> Kill:
        subject = mail.subject.encode()
        rows = self._rows("SELECT outcome IS NOT NULL, left_at IS NOT NULL FROM attempts WHERE subject = ?", subject)
        ended, left = (any(column) for column in zip(*rows, strict=True)) if rows else (False, False)
        return Kill(mail, has_begun=bool(rows), may_have_left=left, has_ended=ended)

    def _ids(self, query: str) -> set[str]:
        return {row[0] for row in self._rows(query)}

    def _rows(self, query: str, *values: bytes) -> list[tuple[str, ...]]:
        database = self.data / "cfmail.sqlite3"
        if not database.exists():
            return []
        # Read only, so that the next start finds the write-ahead log as the dead left it.
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as db:
            made = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'attempts'").fetchone()[0]
            return db.execute(query, values).fetchall() if made else []
