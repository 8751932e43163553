"""The command as a process: how it starts, what it does without a terminal, and the sandbox it serves."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from cfmail_tui import __version__, cli
from tests.edge.cli_run import FIELDS, PATIENCE, Cfmail, cfmail_process

HEAVY: Final = {"textual", "rich", "httpx", "keyring", "sqlite3"}
VERBS: Final = [verb for verb in cli.all_verbs() if verb]


@pytest.mark.parametrize(
    "command", [["-m", "cfmail_tui"], ["-c", "import sys; from cfmail_tui.cli import main; sys.exit(main())"]]
)
def test_version(command: list[str]) -> None:
    """`python -m cfmail_tui --version` tells name and version, as the command does, and nothing else."""
    ran = subprocess.run([sys.executable, *command, "--version"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"cfmail {__version__}\n", "")


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), *((verb, "--help") for verb in VERBS)])
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    """Help and version come without loading user interface, client, keyring or database, and go to standard output."""
    code = (
        "import json, sys\nfrom cfmail_tui import cli\n"
        f"try:\n    code = cli.main({list(arguments)!r})\nexcept SystemExit as end:\n    code = end.code\n"
        "print(json.dumps([code, [*sys.modules]]), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    exit_code, modules = json.loads(ran.stderr)
    assert exit_code == 0
    assert ran.stdout.startswith(("usage: cfmail", "cfmail "))
    assert not HEAVY & {*modules}


def test_help_names_every_verb(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """The help of the bare command leads to each verb, the help of the history to what it can do."""
    with pytest.raises(SystemExit) as ended:
        Cfmail(capsysbinary)("--help")
    assert ended.value.code == 0
    shown = capsysbinary.readouterr().out.decode()
    assert all(verb in shown for verb in VERBS)


@pytest.mark.parametrize("arguments", [("demo",), (), ("--sandbox",), ("-",), ("mailto:bob@example.net",)])
def test_composer_without_a_terminal(arguments: tuple[str, ...]) -> None:
    """Without a terminal the composer does not open: 64, and one line with the way out."""
    ran = cfmail_process(*arguments, stdin=b"text")
    assert (ran.code, ran.stdout) == (64, b"")
    assert ran.err == "cfmail: the composer needs a terminal; cfmail send works without one\n"


def test_composer_with_a_screen_and_no_keys() -> None:
    """A terminal for output alone, and none to be had for the keys, is no terminal either."""
    screen, terminal = os.openpty()
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "cfmail_tui", "demo"],
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=subprocess.PIPE,
            start_new_session=True,
            timeout=PATIENCE,
            check=False,
        )
    finally:
        os.close(screen)
        os.close(terminal)
    assert ran.returncode == 64
    assert len(ran.stderr.splitlines()) == 1
    assert b"needs a terminal" in ran.stderr


def test_composer_on_a_file_that_is_none(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """A file to open that is not there is told before anything opens."""
    cfmail = Cfmail(capsysbinary)
    for name in ("gone.txt", "gone.eml"):
        ran = cfmail(name)
        assert ran.code == 66
        assert ran.err.endswith(f"{name} cannot be read: no such file or directory\n")


def test_reader_who_leaves(new_machine: Path) -> None:
    """`cfmail history export | head -1` ends in silence."""
    ran = cfmail_process("send", *FIELDS, "--subject", "x" * 900, "--sandbox", "-", stdin=b"Hi")
    assert ran.code == 0
    line = '"$0" -m cfmail_tui history --help | true; "$0" -m cfmail_tui history export | true; echo "${PIPESTATUS[0]}"'
    shell = subprocess.run(["bash", "-c", line, sys.executable], capture_output=True, timeout=PATIENCE, check=False)
    assert (shell.stdout, shell.stderr) == (b"0\n", b"")


class TestSandbox:
    @contextmanager
    def served(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "cfmail_tui", "sandbox", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def test_for_another_process(self, new_machine: Path) -> None:
        """The first line is the base URL; a second process that takes over the exports sends through it."""
        with self.served("--port", "0", "--data", str(new_machine / "box")) as process:
            assert process.stdout is not None
            base_url = process.stdout.readline().strip()
            assert base_url.startswith("http://127.0.0.1:")
            lines = [process.stdout.readline() for _ in range(4)]
            exported = dict(word.split("=", 1) for line in lines for word in shlex.split(line)[1:])
            assert exported["CLOUDFLARE_BASE_URL"] == exported["CLOUDFLARE_API_BASE_URL"] == base_url
            shell = subprocess.run(
                [
                    "bash",
                    "-c",
                    f'{"".join(lines)}\n"$0" -m cfmail_tui "$@"',
                    sys.executable,
                    "send",
                    *FIELDS,
                    "-",
                    "--json",
                ],
                input=b"Hi",
                capture_output=True,
                timeout=PATIENCE,
                check=False,
            )
            assert shell.returncode == 0, shell.stderr
            window = base_url.replace("/client/v4", "/sandbox/messages")
            (message,) = httpx.get(window, trust_env=False).json()
            assert message["response"]["result"]["message_id"] == json.loads(shell.stdout)["message_id"]
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=PATIENCE) == ("", "")
        assert process.returncode == 0
        assert len([*(new_machine / "box" / "Maildir" / "new").iterdir()]) == 1

    def test_pair_in_place_of_a_token(self, new_machine: Path) -> None:
        """With --global-key the exports are the older pair, and cfmail sends with it."""
        with self.served("--global-key") as process:
            assert process.stdout is not None
            process.stdout.readline()
            words = [shlex.split(process.stdout.readline())[1] for _ in range(5)]
            exported = dict(word.split("=", 1) for word in words)
            assert "CLOUDFLARE_API_TOKEN" not in exported
            assert cfmail_process("send", *FIELDS, "-", stdin=b"Hi", env=exported).code == 0
        assert (new_machine / "cfmail" / "data" / "sandbox" / "Maildir").is_dir()

    def test_port_in_use(self, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
        """A port that somebody has ends with 64 and a line that says so."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            ran = Cfmail(capsysbinary)("sandbox", "--port", port)
        assert (ran.code, ran.stdout) == (64, b"")
        assert (
            ran.err == f"cfmail: the sandbox cannot start: cannot listen on 127.0.0.1:{port}: address already in use\n"
        )

    def test_folder_that_cannot_be(self, capsysbinary: pytest.CaptureFixture[bytes], new_machine: Path) -> None:
        """A place for the mails that cannot be one is named."""
        (new_machine / "file").touch()
        ran = Cfmail(capsysbinary)("sandbox", "--data", str(new_machine / "file" / "box"))
        assert ran.code == 64
        assert str(new_machine / "file") in ran.err
        assert len(ran.err.splitlines()) == 1
