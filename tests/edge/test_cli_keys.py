"""`cfmail keys` without a terminal: the commands with their keys, and which of them do not arrive here."""

import os
from pathlib import Path

import pytest

from cfmail_tui.ui.commands import COMMANDS
from tests.edge.cli_run import Cfmail


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain terminal."""
    for name in ("TMUX", "STY", "ZELLIJ"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def cfmail(capsysbinary: pytest.CaptureFixture[bytes]) -> Cfmail:
    return Cfmail(capsysbinary)


def config(text: str) -> None:
    folder = Path(os.environ["CFMAIL_HOME"], "config")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(text)


def test_the_list(cfmail: Cfmail) -> None:
    """Every command is in it with the user's keys; what cannot be is told on standard error."""
    config('keymap = "alpine"\n[keys]\nhtml = "ctrl+i"\nwire = "w"\n')
    ran = cfmail("keys")
    assert ran.code == 0
    lines = {line.split()[0]: line for line in ran.out.splitlines() if line.strip()}
    assert {command.id for command in COMMANDS} <= {*lines}
    assert "F9, Ctrl+X, Ctrl+R" in lines["review"]
    assert " w " in lines["wire"]
    assert "keymap alpine" in ran.out
    assert "config.toml:3: ctrl+i for html arrives as Tab" in ran.err


def test_json(cfmail: Cfmail, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program learns the same, and which keys do not arrive."""
    monkeypatch.setenv("TERM", "linux")
    told = cfmail("keys", "--json").json
    assert told["around"] == "the Linux console"
    assert told["notices"] == []
    assert told["advice"]
    commands = {command["id"]: command for command in told["commands"]}
    assert [*commands] == [command.id for command in COMMANDS]
    assert commands["raise"]["keys"] == [
        {"key": "K", "name": "K", "arrives": True, "why_not": None},
        {"key": "shift+up", "name": "Shift+Up", "arrives": False, "why_not": "arrives as Up"},
    ]


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("ZELLIJ", "Ctrl+P (palette) does not arrive: zellij's own, until it is locked; F2 does the same"),
        ("STY", "Every key of cfmail arrives here"),
        ("TMUX", "Every key of cfmail arrives here"),
    ],
)
def test_what_is_around(cfmail: Cfmail, monkeypatch: pytest.MonkeyPatch, variable: str, told: str) -> None:
    """What keeps a key is named, with another that does the same; a tmux that does not answer is a usual one."""
    monkeypatch.setenv(variable, "0")
    assert told in cfmail("keys").out


def test_too_many_words(cfmail: Cfmail) -> None:
    """What it does not take is a matter of usage."""
    assert cfmail("keys", "please").code == 64
