"""The hunt for secrets finds what was planted, and only that."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from tests.leaks import FORMS, SHORTEST, Leaks

SECRET: Final = "Zx7-/q\"é Kd9&Lm2'Wv5~Tn8+Rb3=Yc6%Ph1<Gs4.Ju0_"

PLANTED: Final[dict[str, Callable[[str], str | bytes]]] = {
    **FORMS,
    "base64 at the start": lambda text: base64.b64encode(text.encode()),
    "base64 after one": lambda text: base64.b64encode(b"x" + text.encode() + b"yz"),
    "base64 after two": lambda text: base64.b64encode(b"xy" + text.encode() + b"z"),
    "base64url": lambda text: base64.urlsafe_b64encode(b"xyz!" + text.encode()),
    "base64 in lines": lambda text: base64.encodebytes(b"x" * 50 + text.encode()),
    "JSON in JSON": lambda text: json.dumps(json.dumps({"key": "".join(char for char in text if char not in '"\\é')})),
    "a URL": lambda text: f"https://example.com/?token={quote(text)}&x=y",
    "wrapped by a terminal": lambda text: f"\x1b[1;7H\x1b[31m{text[:7]}\x1b[0m\r\n  \x1b[2;1H{text[7:]}",
    "UTF-16": lambda text: text.encode("utf-16-le"),
}


@pytest.mark.parametrize("form", PLANTED)
@pytest.mark.parametrize("part", [slice(None), slice(3, 31), slice(-SHORTEST, None)], ids=["whole", "cut", "tail"])
def test_a_planted_leak_is_found(form: str, part: slice) -> None:
    """Whole or in part, in whatever form it came out, and whatever stands around it."""
    leaks = Leaks(other="b" * 40, token=SECRET)
    text = SECRET[part]
    if form == "JSON in JSON":
        leaks = Leaks(token="".join(char for char in SECRET if char not in '"\\é'))
    planted = PLANTED[form](text)
    octets = planted if isinstance(planted, bytes) else planted.encode()
    leaks.add("the log", b"much \xff before " + octets + b" and after")
    assert len(leaks.found) == 1
    assert leaks.found[0].startswith("token (")
    assert "the log" in leaks.found[0]


@pytest.mark.parametrize(
    "harmless", ["", "Bearer …", SECRET[: SHORTEST - 1], SECRET.swapcase(), "•" * len(SECRET), "Account(ApiToken(…))"]
)
def test_what_is_no_leak_is_not_found(harmless: str) -> None:
    """A mask, a few characters and something alike are none."""
    leaks = Leaks(token=SECRET)
    leaks.add("the log", harmless, base64.b64encode(harmless.encode()))
    assert (leaks.found, leaks.places) == ([], 2)


def test_files_and_their_names_are_looked_at(tmp_path: Path) -> None:
    """Hidden files in deep folders, and what they are called."""
    deep = tmp_path / "a" / ".b"
    deep.mkdir(parents=True)
    (deep / ".journal-wal").write_bytes(b"\0" * 5000 + b"Kd9&Lm2'Wv5~Tn8" + b"\0" * 5000)
    (tmp_path / base64.urlsafe_b64encode(SECRET.encode()).decode()).touch()
    (tmp_path / "innocent").write_text("nothing")
    leaks = Leaks(token=SECRET)
    leaks.add_files(tmp_path)
    assert len(leaks.found) == 2
    assert any(".journal-wal" in found for found in leaks.found)
    assert leaks.places == 8


def test_processes_are_looked_at() -> None:
    """Arguments and environment of a child of a child."""
    code = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    told = "import sys; print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, sys.executable, "-c", told, "-"]
    for more, environ in ((["é Kd9&Lm2'Wv5~Tn8"], {}), ([], {"TOKEN": SECRET[:20]})):
        with subprocess.Popen(
            [*command, *more], env={**os.environ, **environ}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout
            process.stdout.readline()
            leaks = Leaks(token=SECRET)
            leaks.add_processes(process.pid)
            process.communicate()
        assert len(leaks.found) == 2
        assert leaks.places == 4
