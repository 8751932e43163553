"""What the editor of raw messages writes to a terminal."""

import sys
from pathlib import Path

from tests.core.test_folding import MIXED, TEXT, part
from tests.pty_driver import Terminal
from tests.ui.hostile import CONTROLS


def test_no_octet_of_a_message_acts(tmp_path: Path) -> None:
    """Sequences, C1 controls and marks that turn text, in header, body and a file name, never reach the terminal."""
    acting = [text.encode() for text in CONTROLS[:7]]
    evil = b"|".join(acting)
    named = part(b'image/png; name="%s"' % evil, b"QUJD" * 300)
    source = b"Subject: " + evil + b"\r\n" + MIXED + evil + b"\r\n" + named + TEXT + b"--b--\r\n"
    for name, octets in (("edited", source), ("looked at", source + b"\xfc\x9b35m\x00\r")):
        path = tmp_path / name
        path.write_bytes(octets)
        with Terminal([sys.executable, "-m", "tests.bench.editor", path], cwd=Path(__file__).parents[2]) as terminal:
            terminal.wait_for("Hello.")
            assert "▸ base64" in terminal.screen()
            for sequence in (*acting, b"\xc2\x9b", "\u202e".encode(), "\u2066".encode()):
                assert sequence not in terminal.output
