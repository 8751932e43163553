"""The password command: its first line is the secret; however it ends, nothing of what it said is shown or left."""

import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import pytest

from cfmail_tui.credentials import CommandFailed, command
from cfmail_tui.submission import Secret
from tests.pty_driver import Terminal

ROOT: Final = Path(__file__).parents[2]
TOKEN: Final = "Abc-0123456789_defghijklmnopqrstuvwxyz.~"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def run(code: str, **options: Any) -> Secret:
    return command.run(python(code), os.environ, **options)


@pytest.mark.parametrize(
    "code",
    [
        f"print('{TOKEN}')",
        f"print('{TOKEN}', end='')",
        f"print('{TOKEN}\\r\\nlogin: me\\nurl: example.com')",
        f"print('  {TOKEN}  ')",
        f"import sys; print('much to say', file=sys.stderr); print('{TOKEN}')",
    ],
)
def test_the_first_line_is_the_secret(code: str) -> None:
    """As password stores print it: the secret first, whatever follows; what is said beside is nobody's business."""
    assert run(code) == Secret(TOKEN)


def test_no_shell_takes_part() -> None:
    """What a shell would replace or run arrives as it was written."""
    words = "$HOME `id` ; echo * > x"
    assert command.run([*python("import sys; print(sys.argv[1])"), words], os.environ) == Secret(words)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("print(token); raise SystemExit(3)", "ended with status 3"),
        ("import os; print(token, flush=True); os.kill(os.getpid(), 9)", "was ended by SIGKILL"),
        ("", "printed nothing on its first line"),
        ("print('\\n' + token)", "printed nothing on its first line"),
        ("import sys; sys.stdout.buffer.write(token.encode() + b'\\xff')", "printed something that is not text"),
        ("print(token * 10000)", "printed over 64 KiB and was stopped"),
        ("while 1: print(token, flush=True)", "printed over 64 KiB and was stopped"),
        ("print(token, flush=True); input()", "ended with status 1"),
        ("open('/dev/tty')", "ended with status 1"),
    ],
    ids=["fails", "killed", "silent", "blank", "octets", "long", "floods", "asks", "asks-terminal"],
)
def test_a_command_that_gives_no_secret_is_told(code: str, words: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Program and end are named; what it printed is in neither the words nor a traceback, nor on the screen."""
    with pytest.raises(CommandFailed, match=words) as caught:
        # Backwards, since the command itself is no secret.
        run(f"token = '{TOKEN[::-1]}'[::-1]\n{code}")
    assert f"the password command “{Path(sys.executable).name}”" in str(caught.value)
    assert caught.value.__context__ is None
    assert TOKEN not in f"{caught.value}{locals_of(caught.value.__traceback__)!r}"
    assert capfd.readouterr() == ("", "")


def locals_of(traceback: TracebackType | None) -> list[dict[str, Any]]:
    """The local variables of the frames that are not the test's own."""
    found = []
    while traceback:
        if traceback.tb_frame.f_code.co_filename != __file__:
            found.append(traceback.tb_frame.f_locals)
        traceback = traceback.tb_next
    return found


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["no-such-program-anywhere"], "no such file or directory"),
        (["/"], "permission denied"),
        (["a\0b"], "embedded null byte"),
    ],
)
def test_a_command_that_cannot_be_started_is_told(argv: list[str], reason: str) -> None:
    """A program that is not there, or is none, is named with the reason."""
    with pytest.raises(CommandFailed, match=f"cannot be started: {reason}"):
        command.run(argv, os.environ)


@pytest.mark.parametrize(
    "code",
    [
        "import time; time.sleep(300)",
        "import os, time; os.close(1); time.sleep(300)",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)",
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(300)'])",
    ],
    ids=["hangs", "closes-its-output", "ignores-signals", "starts-another"],
)
def test_a_command_that_hangs_is_stopped(code: str, tmp_path: Path) -> None:
    """After the limit the caller hears so, and neither the command nor what it started runs on."""
    born = tmp_path / "pids"
    note = f"import os; print(os.getpid(), file=open({str(born)!r}, 'a')); "
    with pytest.raises(CommandFailed, match=r"gave no answer within 1\.5 s and was stopped"):
        run(note + code, limit=1.5)
    for pid in born.read_text().split():
        wait_for_the_end_of(int(pid))


def wait_for_the_end_of(pid: int) -> None:
    patience = time.monotonic() + 20
    while Path(f"/proc/{pid}/stat").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
        assert time.monotonic() < patience


def test_what_it_leaves_behind_keeps_nobody_waiting() -> None:
    """An agent that it started and that holds its output open is not waited for."""
    agent = python("import time; time.sleep(20)")
    code = f"import subprocess; subprocess.Popen({agent!r}, start_new_session=True); print('{TOKEN}')"
    assert run(code, limit=15) == Secret(TOKEN)


def test_the_command_gets_no_secret_of_ours() -> None:
    """Cloudflare's variables, old names included, are not in its environment, nor the way to the terminal for gpg."""
    hidden = dict.fromkeys(
        ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY", "CLOUDFLARE_EMAIL", "CF_API_TOKEN", "GPG_TTY"), TOKEN
    )
    environ = {**os.environ, **hidden, "PASSWORD_STORE_DIR": "/store"}
    code = f"import os; print([name for name in {[*hidden, 'PASSWORD_STORE_DIR']!r} if name in os.environ])"
    assert command.run(python(code), environ) == Secret("['PASSWORD_STORE_DIR']")


def test_our_own_standard_input_is_not_read() -> None:
    """A mail that is piped in is not the answer to the command's question."""
    reader, writer = os.pipe()
    os.write(writer, b"the mail\n")
    os.close(writer)
    saved = os.dup(0)
    os.dup2(reader, 0)
    try:
        for terminal in (False, True):
            with pytest.raises(CommandFailed, match="ended with status 1"):
                run("input()", terminal=terminal)
        assert os.read(0, 100) == b"the mail\n"
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        os.close(reader)


ASKING: Final = """
import os, subprocess, sys
from cfmail_tui.credentials import CommandFailed, command
ask = [sys.executable, "-c", "import getpass; print(getpass.getpass('passphrase? ')[::-1])"]
hang = [sys.executable, "-c", "import getpass; getpass.getpass('passphrase? ')"]
for argv, limit in ((ask, 30), (hang, 2)):
    try:
        print("secret", command.run(argv, os.environ, terminal=True, limit=limit).reveal())
    except CommandFailed as error:
        print("failed", error)
print("echo", "-echo" not in subprocess.run(["stty", "-a"], capture_output=True, text=True).stdout.split())
try:
    command.run(ask, os.environ)
except CommandFailed as error:
    print("without", error)
"""


def test_it_may_ask_where_it_is_given_the_terminal(tmp_path: Path) -> None:
    """Given the terminal it can ask there, and is left with echo on when it had to be stopped; else it cannot."""
    with Terminal([sys.executable, "-c", ASKING], env={"PYTHONPATH": str(ROOT)}) as terminal:
        terminal.wait_for("passphrase?")
        terminal.send("desrever\r")
        terminal.wait_for("secret reversed")
        terminal.wait_for("failed the password command")
        terminal.wait_for("echo True")
        terminal.wait_for("without the password command")
        assert terminal.wait_exit() == 0
