"""Files picked in the real program on a real terminal: found, marked, previewed, made inline, dropped, sent."""

import email
import email.policy
import random
import re
import struct
import zlib
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from cfmail_tui.sandbox import Sandbox
from tests.pty_driver import Terminal

Start = Callable[..., Terminal]

LETTER = ("--from", "me@acme.example", "--to", "bob@example.com", "--subject", "The trip")


def png(width: int, height: int) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x10\x80\xf0" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.fixture
def trip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with three files of a trip among others."""
    folder = tmp_path / "files"
    folder.mkdir()
    chance = random.Random(5)
    contents = {
        "trip map.png": png(40, 30) + chance.randbytes(300_000),
        "trip notes.txt": b"First the ferry,\nthen the train.\n" + b"more\n" * 60_000,
        "trip-tickets.pdf": b"%PDF-1.7\n" + chance.randbytes(300_000),
        "budget.csv": b"a,b\n",
        "strategy.md": b"none",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    monkeypatch.chdir(folder)
    return folder


def encoded_size(terminal: Terminal) -> float:
    """What the meter says, in MiB."""
    found = re.search(r"(\d+\.\d) MiB of 5\.0 MiB when encoded", terminal.screen())
    return float(found[1]) if found else -1.0


def test_three_files_are_picked_and_sent(start: Start, connected: Sandbox, trip: Path) -> None:
    """Marked with a filter and Space, one previewed, one made inline, the size growing: they arrive to the octet."""
    terminal = start(*LETTER)
    terminal.send("See the files.")
    terminal.press("f3")
    terminal.wait_for("Attach a file")
    terminal.wait_for("budget.csv")
    terminal.send("trip")
    terminal.wait_for("3 of 5")
    assert "budget.csv" not in terminal.screen()
    sizes = [0.0]
    for files in ("1 file attached", "2 files attached", "3 files attached"):
        terminal.press("space")
        terminal.wait_for(files)
        terminal.wait_for(lambda _: encoded_size(terminal) > sizes[-1], name="a larger size")
        sizes.append(encoded_size(terminal))
    terminal.press("up")
    terminal.press("f5")
    terminal.wait_for("then the train.")
    terminal.press("f5")
    terminal.wait_gone("then the train.")
    terminal.click("1 trip map.png")
    terminal.wait_for("Inline or not")
    terminal.press("i")
    terminal.wait_for("inline cid:trip-map.png")
    terminal.press("esc")
    terminal.wait_gone("Attach a file")
    terminal.press("f9")
    terminal.wait_for("nothing has left yet")
    terminal.press("y")
    terminal.wait_for("delivered  bob@example.com")
    (path,) = (connected.maildir / "new").iterdir()
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    sent = {str(part.get_filename()): part for part in mail.walk() if part.get_filename()}
    assert list(sent) == ["trip map.png", "trip notes.txt", "trip-tickets.pdf"]
    for name, part in sent.items():
        assert part.get_payload(decode=True) == (trip / name).read_bytes()
    assert [part.get_content_type() for part in sent.values()] == ["image/png", "text/plain", "application/pdf"]
    assert [part.get_content_disposition() for part in sent.values()] == ["inline", "attachment", "attachment"]
    assert sent["trip map.png"]["Content-ID"] == "<trip-map.png>"


def test_a_dropped_file(start: Start, connected: Sandbox, trip: Path) -> None:
    """A path that a terminal pastes when a file is dropped on it is attached; Ctrl+Z gives the text back."""
    terminal = start(*LETTER)
    terminal.send("See the files.")
    terminal.wait_for("See the files.")
    terminal.send(f"\x1b[200~'{trip}/trip notes.txt' \x1b[201~")
    terminal.wait_for("Attached trip notes.txt")
    terminal.wait_for("Attachments ")
    terminal.press("ctrl+z")
    terminal.wait_for("notes.txt'")
    terminal.wait_gone("Attachments ")
