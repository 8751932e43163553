"""What the machine sees of a cfmail that holds secrets: real processes, some of them of a user without privileges."""

import os
import pwd
import resource
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from cfmail_tui.process import environment_for
from cfmail_tui.sandbox import Sandbox
from tests.edge.cli_run import FIELDS, PATIENCE, RAW, use
from tests.pty_driver import Terminal, children

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")

ROOT: Final = Path(__file__).parents[2]
CFMAIL: Final = (sys.executable, "-m", "cfmail_tui")

# Without a search in PATH: what that needs may lie where this user cannot read.
AS_NOBODY: Final = """
import os, sys
os.setgroups([]); os.setgid({0.pw_gid}); os.setuid({0.pw_uid})
os.execv(sys.argv[1], sys.argv[1:])
"""


def unprivileged(program: str, *arguments: str) -> list[str]:
    """The command as a user whom the system denies what it can: nobody, or who runs the tests if that is not root."""
    path = shutil.which(program)
    assert path
    if os.geteuid():
        return [path, *arguments]
    return [sys.executable, "-Sc", AS_NOBODY.format(pwd.getpwnam("nobody")), path, *arguments]


@pytest.fixture
def their_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of that user, as the current folder, in which `./cfmail` is the program."""
    home = Path(tempfile.mkdtemp(prefix="cfmail-test-"))
    try:
        for name in ("CONFIG", "DATA", "STATE", "CACHE"):
            monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("CFMAIL_HOME", str(home / "cfmail"))
        (home / "cfmail" / "config").mkdir(parents=True)
        monkeypatch.chdir(home)
        # The tests' own interpreter may be one that only root can read.
        system = f"/usr/bin/python3.{sys.version_info.minor}"
        for python in (sys.executable, system):
            program = home / "cfmail.sh"
            path = f"{ROOT}:{sysconfig.get_path('purelib')}"
            program.write_text(f'#!/bin/sh\nPYTHONPATH={path} exec {python} -Bm cfmail_tui "$@"\n')
            program.chmod(0o755)
            for owned in (home, *home.rglob("*")):
                if not os.geteuid():
                    os.chown(owned, pwd.getpwnam("nobody").pw_uid, -1)
            if not subprocess.run(
                unprivileged("./cfmail.sh", "--version"), capture_output=True, check=False
            ).returncode:
                break
        else:
            pytest.skip("a user without privileges cannot read the program")
        yield home
    finally:
        shutil.rmtree(home)


def core_limits(pid: int) -> list[str]:
    """The soft and the hard limit of a process, from proc_pid_limits(5)."""
    (line,) = [
        line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if line.startswith("Max core file size")
    ]
    return line.split()[4:6]


def wait_until_private(process: "subprocess.Popen[bytes]") -> None:
    """Until the shell, which has raised the limit, has become the program, and this has lowered it."""
    patience = time.monotonic() + PATIENCE
    command = Path(f"/proc/{process.pid}/cmdline")
    while not command.read_text().startswith(sys.executable) or core_limits(process.pid)[0] != "0":
        assert process.poll() is None
        assert time.monotonic() < patience


def waiting(*arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
    """A cfmail that reads what never ends, as a process that may dump as much core as the system lets it."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    command = ["sh", "-c", f'ulimit -c {"unlimited" if hard < 0 else hard // 1024}; exec "$@"', "sh"]
    silent = subprocess.PIPE
    return subprocess.Popen([*command, *arguments], stdin=silent, stdout=silent, stderr=silent, **options)


def leaves_core(process: "subprocess.Popen[bytes]", number: signal.Signals) -> bool:
    """Whether the system dumped its core when this signal ended it."""
    process.send_signal(number)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.communicate()
    assert process.returncode == -number
    return os.WCOREDUMP(status)


@pytest.mark.parametrize(
    "arguments", [("send", *FIELDS, "-"), ("send-raw", "-"), ("account", "add", "work", "--token-stdin")], ids=" ".join
)
def test_no_core_is_dumped(arguments: Sequence[str], tmp_path: Path) -> None:
    """A crash while a token is in memory leaves no core file, though one was allowed and other programs leave one."""
    with waiting(sys.executable, "-c", "print(flush=True); input()", cwd=tmp_path) as other:
        assert other.stdout
        other.stdout.readline()
        if not leaves_core(other, signal.SIGABRT):
            pytest.skip("no program leaves a core here")
    for path in tmp_path.iterdir():
        path.unlink()
    with waiting(*CFMAIL, *arguments, cwd=tmp_path) as process:
        wait_until_private(process)
        assert core_limits(process.pid)[1] != "0", "a child may raise it again"
        # For the kernel this is a crash like any other.
        assert not leaves_core(process, signal.SIGABRT)
    assert not [*tmp_path.iterdir()]


def environment_as_read(pid: int) -> bool:
    """Whether another process of that user reads the environment of this one."""
    reading = unprivileged("cat", f"/proc/{pid}/environ")
    return subprocess.run(reading, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
def test_the_composer_and_its_guardian_cannot_be_looked_at(their_home: Path) -> None:
    """Another process of the same user reads neither's environment; a child is as any other program."""
    script = their_home / "editor.sh"
    script.write_text("echo in the editor; read line")
    with Terminal(unprivileged("./cfmail.sh", "demo"), env={"EDITOR": f"sh {script}"}) as terminal:
        terminal.wait_ready()
        terminal.wait_for("embedded sandbox")  # until then its data is being opened, and it says so
        for pid in (terminal.pid, terminal.child):
            assert core_limits(pid)[0] == "0"
            assert not environment_as_read(pid)
        terminal.press("f4")
        terminal.wait_for("in the editor")
        (editor,) = children(terminal.child)
        assert environment_as_read(editor)
        assert core_limits(editor)[1] == core_limits(os.getpid())[1]
        terminal.send("\r")
        terminal.wait_gone("in the editor")
        terminal.press("ctrl+q")
        assert terminal.wait_exit() == 0


@pytest.mark.slow
def test_what_comes_by_pipes_is_read_without_privileges(
    their_home: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ways to a file that lead through /proc/self are open to a process that others cannot look at."""
    use(sandbox, monkeypatch)
    (their_home / "mail.eml").write_bytes(RAW)
    fields = " ".join(FIELDS)
    line = f"""
        cfmail() {{ ./cfmail.sh "$@"; echo "=$?"; }}
        echo Hi | cfmail send {fields} -
        echo Hi | cfmail send {fields} --text /dev/stdin
        echo Hi | cfmail send {fields} --html /proc/self/fd/0 --text <(echo Hi)
        cfmail send {fields} --markdown <(echo Hi) --attach mail.eml
        cfmail send-raw /dev/stdin < mail.eml
        cfmail send-raw <(cat mail.eml)
    """
    ran = subprocess.run(unprivileged("bash", "-c", line), capture_output=True, text=True, check=False)
    assert [line for line in ran.stdout.splitlines() if line.startswith("=")] == ["=0"] * 6, ran
    assert len(sandbox.messages()) == 6


def test_a_password_command_without_privileges(
    their_home: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is started, has nothing of Cloudflare's in its environment, and can be looked at as any other program."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("CF_API_TOKEN", "an old one")
    script = their_home / "pass.sh"
    script.write_text(f"cat /proc/self/environ >environ; echo {sandbox.token}\n")
    settings = f'token_command = ["sh", "{script}"]\naccount_id = "{sandbox.account_id}"\n'
    (their_home / "cfmail" / "config" / "config.toml").write_text(settings)
    ran = subprocess.run(
        unprivileged("./cfmail.sh", "send", *FIELDS, "-"), input=b"Hi", capture_output=True, check=False
    )
    assert ran.returncode == 0, ran
    given = (their_home / "environ").read_bytes().split(b"\0")
    assert f"HOME={their_home}".encode() in given
    assert not [variable for variable in given if variable.startswith((b"CLOUDFLARE_", b"CF_"))]


def test_the_environment_of_a_child() -> None:
    """All of Cloudflare's variables, of packages old and new, stay here; whatever only looks like one goes along."""
    ours = dict.fromkeys(
        ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_BASE_URL", "CLOUDFLARE_", "CF_API_KEY", "CF_ANYTHING"), "x"
    )
    theirs = dict.fromkeys(("PATH", "CFMAIL_HOME", "XCF_", "__CF_USER_TEXT_ENCODING", "MY_CLOUDFLARE_NOTE"), "x")
    assert environment_for(ours | theirs) == theirs
