"""What `cfmail completion` prints has a shell complete the command line."""

import argparse
import shutil
import subprocess
from pathlib import Path

import pytest

from cfmail_tui import cli
from tests.edge.cli_run import PATIENCE, cfmail_process

# What bash does when Tab is pressed, without a terminal.
TAB = """
source "$1"
COMP_LINE=$2
read -ra COMP_WORDS <<< "$COMP_LINE"
[[ $COMP_LINE == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
_shtab_cfmail cfmail "${COMP_WORDS[COMP_CWORD]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "cfmail.bash"
    path.write_bytes(cfmail_process("completion", "bash").stdout)
    return path


def test_bash(script: Path, tmp_path: Path) -> None:
    """It offers verbs, their verbs, their flags, what these may be, and files where one is wanted."""
    bash = shutil.which("bash")
    assert bash
    (tmp_path / "report.pdf").touch()
    for line, wanted in {
        "cfmail ": {verb for verb in cli.all_verbs() if verb},
        "cfmail send-r": {"send-raw"},
        "cfmail --fr": {"--from"},
        "cfmail send --dry": {"--dry-run"},
        "cfmail account ": {"add", "list", "check", "default", "remove"},
        "cfmail account add --store ": {"keyring", "file", "memory"},
        "cfmail send --attach rep": {"report.pdf"},
        "cfmail completion ": {"bash", "zsh", "fish"},
    }.items():
        command = [bash, "--norc", "-c", TAB, "bash", str(script), line]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=True)
        assert {*done.stdout.split()} == wanted, line
    # A word that is no verb may be a file.
    assert "complete -o bashdefault -o default " in script.read_text()


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(shell: str) -> None:
    """Every verb and every flag is in it; a shell that is here takes it."""
    ran = cfmail_process("completion", shell)
    assert ran.code == 0
    for verb, (parser, _) in cli.all_verbs().items():
        assert verb in ran.out
        shown = [one for one in parser()._actions if one.help != argparse.SUPPRESS]
        assert all(flag.lstrip("-") in ran.out for one in shown for flag in one.option_strings)
    # A word that is no verb may be a file; fish offers these by itself.
    assert shell == "fish" or "_describe 'cfmail commands' _commands\n  _files" in ran.out
    if there := shutil.which(shell):
        subprocess.run([there, "-n"], input=ran.stdout, check=True, timeout=PATIENCE)


def test_an_unknown_shell() -> None:
    """It is told which there are."""
    ran = cfmail_process("completion", "ksh")
    assert ran.code == 64
    assert "fish" in ran.err
