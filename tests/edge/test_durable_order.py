"""Durable before the first octet leaves, and before the outcome is told: the order of system calls, by strace."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import IN_CI
from tests.edge.cli_run import FIELDS, PATIENCE
from tests.edge.fault_server import ACCOUNT_ID, TOKEN, FarEnd, answering

ANSWER: Final = json.dumps(
    {"success": True, "errors": [], "messages": [], "result": {"delivered": ["bob@example.net"]}}
)
WRITES: Final = ("write", "writev", "pwrite64", "sendto", "sendmsg")
SYNCS: Final = ("fsync", "fdatasync")
RENAMES: Final = ("rename", "renameat", "renameat2")

# Into the memory of a process that keeps to itself only root can look.
OPEN_TO_A_LOOK: Final = """
import sys
from cfmail_tui import cli, process
process.keep_private = lambda: None
sys.exit(cli.main())
"""

STARTED: Final = re.compile(r"(?P<pid>\d+) +(?P<name>\w+)\((?P<arguments>.*)")
RESUMED: Final = re.compile(r"(?P<pid>\d+) +<\.\.\. \w+ resumed>")
UNFINISHED: Final = "<unfinished ...>"


@dataclass(slots=True)
class Call:
    """A system call: its name, its arguments, and the lines of the trace at which it began and had returned."""

    name: str
    arguments: str
    began: int
    returned: int

    @property
    def descriptor(self) -> str:
        """The number of its first argument."""
        return self.arguments.partition("<")[0]

    @property
    def file(self) -> str:
        """What that number stands for: a path, `TCP:[...]`, `pipe:[...]`; "" if there is none."""
        found = re.match(r"\d+<(.*?)>[,)]", self.arguments)
        return found[1] if found else ""


def calls(trace: str) -> list[Call]:
    """The calls of all threads, in the order of their beginnings."""
    found: list[Call] = []
    under_way: dict[str, Call] = {}
    for number, line in enumerate(trace.splitlines()):
        if resumed := RESUMED.match(line):
            under_way.pop(resumed["pid"]).returned = number
        elif started := STARTED.match(line):
            call = Call(started["name"], started["arguments"], number, number)
            found.append(call)
            if line.endswith(UNFINISHED):
                call.arguments = call.arguments.removesuffix(UNFINISHED).rstrip() + ")"
                call.returned = sys.maxsize
                under_way[started["pid"]] = call
    return found


def unsynced(before: Call, among: Sequence[Call], folder: Path) -> list[str]:
    """The files under the folder that were written, and not on the disk when this call began.

    SQLite's shared memory is no content: whoever opens the database after a crash makes it anew.
    """
    written = {
        call.file: call
        for call in among
        if call.name in WRITES
        and call.file.startswith(f"{folder}/")
        and call.began < before.began
        and not call.file.endswith("-shm")
    }
    return [
        file
        for file, last in written.items()
        if not any(
            call.name in SYNCS and call.file == file and last.returned < call.began and call.returned < before.began
            for call in among
        )
    ]


def first(among: Sequence[Call], wanted: Callable[[Call], bool]) -> Call:
    return next(call for call in among if wanted(call))


@pytest.fixture
def traced(tmp_path: Path) -> Callable[..., list[Call]]:
    """`traced("send", ..., stdin=b"...")`: what a cfmail of its own asked of the system.

    In CI a machine that cannot do it is a failure.
    """
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-yy", "-s", "0", "-o", str(trace), "-e", f"trace={','.join(WRITES + SYNCS + RENAMES)}"]
    lacking = "strace not found; install it" if shutil.which("strace") is None else ""
    if not lacking and subprocess.run([*strace, "true"], capture_output=True, check=False).returncode:
        lacking = "strace cannot trace: ptrace is not allowed here"
    if lacking:
        (pytest.fail if IN_CI else pytest.skip)(lacking)

    def run(*arguments: str, stdin: bytes) -> list[Call]:
        argv = [*strace, sys.executable, "-c", OPEN_TO_A_LOOK, *arguments]
        ran = subprocess.run(argv, input=stdin, capture_output=True, timeout=PATIENCE * 3, check=False)
        assert ran.returncode == 0, ran.stderr
        return calls(trace.read_text())

    return run


def test_on_the_disk_before_it_leaves_and_before_it_is_told(
    traced: Callable[..., list[Call]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Body, folder and journal are synced before an octet is on the socket, the outcome before a word of it is out."""
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT_ID)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    with FarEnd(answering(200, ANSWER)) as far_end:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
        made = traced("send", *FIELDS, "-", stdin=b"Hi")
    data = Path(os.environ["CFMAIL_HOME"]) / "data"
    journal = str(data / "cfmail.sqlite3-wal")

    octets = [call for call in made if call.name in WRITES and call.file.startswith("TCP:")]
    told = first(made, lambda call: call.name in WRITES and call.descriptor == "1")
    assert unsynced(octets[0], made, data) == []
    assert unsynced(told, made, data) == []

    renamed = first(made, lambda call: call.name in RENAMES and str(data / "bodies") in call.arguments)
    assert unsynced(renamed, made, data / "bodies") == []
    folder = first(made, lambda call: call.name in SYNCS and call.file == str(data / "bodies"))
    assert renamed.returned < folder.began
    assert folder.returned < octets[0].began

    commits = [call for call in made if call.name in SYNCS and call.file == journal]
    assert any(folder.returned < call.began and call.returned < octets[0].began for call in commits)
    assert any(octets[-1].returned < call.began and call.returned < told.began for call in commits)


def test_the_look_at_a_trace_is_not_blind() -> None:
    """A write that is synced by nobody, too late, or by a call that had not returned is seen."""
    trace = """\
1 write(3</d/a>, ""..., 1) = 1
2 fsync(3</d/a> <unfinished ...>
1 sendto(4<TCP:[1]>, ""..., 1, 0, NULL, 0) = 1
2 <... fsync resumed>) = 0
1 sendto(4<TCP:[1]>, ""..., 1, 0, NULL, 0) = 1
1 pwrite64(3</d/a>, ""..., 1, 0) = 1
1 write(1<pipe:[7]>, ""..., 1) = 1
"""
    _, _, early, late, _, told = made = calls(trace)
    assert unsynced(early, made, Path("/d")) == ["/d/a"]
    assert unsynced(late, made, Path("/d")) == []
    assert unsynced(told, made, Path("/d")) == ["/d/a"]
