"""`cfmail keys` on real terminals, of which some are in tmux and GNU screen: what arrives is what it says."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.ui.commands import COMMANDS
from cfmail_tui.ui.keyboard import shown, surroundings
from tests.conftest import IN_CI
from tests.pty_driver import AT_REST, Terminal, key_bytes

# As users begin them, with a key that the user's tmux keeps.
AROUND: Final = {
    "": "{program}",
    "tmux": "tmux -u -f {folder}/tmux.conf -S {folder}/socket new-session {program}",
    "screen": "screen -U -S one -c /dev/null -T screen-256color {program}",
}
ENDING: Final = {"tmux": "tmux -S {folder}/socket kill-server", "screen": "screen -S one -X quit"}
# As it is, but that keys which come fast are keys, not a paste.
TMUX_CONF: Final = "set -g status off\nset -g assume-paste-time 0\nbind-key -n F8 next-window\nset -g prefix C-o\n"

OTHER_NAMES: Final = {"ctrl+backslash": "ctrl+\\", "ctrl+underscore": "ctrl+_", "ctrl+@": "ctrl+@", "slash": "/"}


@contextmanager
def started(tool: str) -> Iterator[Terminal]:
    """`cfmail keys` in this, in a terminal."""
    if tool and shutil.which(tool) is None:
        (pytest.fail if IN_CI else pytest.skip)(f"{tool} not found; install it")
    # Both keep their socket in it, whose path may not be long; GNU screen wants it for itself.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "tmux.conf").write_text(TMUX_CONF)
        program = f"{sys.executable} -m cfmail_tui keys"
        command = AROUND[tool].format(folder=folder, program=program).split()
        env = {"TMUX": "", "STY": "", "SCREENDIR": folder}
        try:
            with Terminal(command, env=env, size=(120, 40)) as terminal:
                terminal.wait_for("Ctrl+C twice")
                yield terminal
        finally:
            if tool:
                end = ENDING[tool].format(folder=folder).split()
                subprocess.run(end, env=os.environ | {"SCREENDIR": folder}, capture_output=True, check=False)


def sent(key: str) -> bytes:
    """What a terminal sends for a key of the table."""
    if key in {"asterisk", "full_stop"}:
        return {"asterisk": b"*", "full_stop": b"."}[key]
    return key_bytes(OTHER_NAMES.get(key, key))


def test_keys_are_told_as_they_come() -> None:
    """Each with its name, octets and commands; a paste and what means nothing too; the terminal is given back."""
    with started("") as terminal:
        for key, told in {
            "f9": r"F9 +1b 5b 32 30 7e\n +review: form and raw editor",
            "esc": r"Esc +1b\n(?: .*\n)* +back: dialogs, lists",
            "d": r"d +64 +types itself\n(?: .*\n)* +delete: drafts",
            "shift+up": r"Shift\+Up +1b 5b 31 3b 32 41\n +raise",
            "ctrl+y": r"Ctrl\+Y +19 +nothing of cfmail",
        }.items():
            terminal.press(key)
            terminal.wait_for(partial(re.search, told), name=told)
        terminal.send("\x1b[200~one\ntwo\x1b[201~")
        terminal.wait_for("7 characters")
        terminal.press("ctrl+c")
        terminal.wait_for("Ctrl+C")
        terminal.press("a", "ctrl+c", "ctrl+c")
        assert terminal.wait_exit() == 0
        assert terminal.modes == AT_REST
        assert terminal.settings() == terminal.settings_before


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["tmux", "screen"])
def test_what_it_says_of_a_multiplexer_is_so(tool: str) -> None:
    """Of all keys that cfmail has, those arrive that it says arrive, and those do not that it says do not."""
    with started(tool) as terminal:
        told = terminal.screen()
        kept: Mapping[str, str] = {"tmux": {"ctrl+o": "", "f8": ""}, "screen": {}}[tool]
        lost = {*re.findall(r"^ +(\S+) \(.*?\) does not arrive", told, re.MULTILINE)}
        assert lost == {shown(key) for key in kept}
        table = {key for command in COMMANDS for key in command.keys.split(",") if key} - {"ctrl+slash", *kept}
        for key in sorted(table - {"ctrl+q", "ctrl+c", "escape"}):
            terminal.send(sent(key))
            terminal.wait_for(partial(re.search, rf"(?m)^{re.escape(shown(key))} "), name=key)
        for key in kept:
            # The prefix wants another key, of which tmux makes nothing.
            terminal.press(key, "f9")
        terminal.send(b"\x01a" if tool == "screen" else b"\x01")
        terminal.wait_for(partial(re.search, r"(?m)^Ctrl\+A +01\b"), name="Ctrl+A")
        assert not [key for key in kept if re.search(rf"(?m)^{re.escape(shown(key))} ", terminal.screen())], (
            terminal.picture()
        )
        terminal.press("ctrl+q")
        terminal.wait_exit()


def test_which_it_is() -> None:
    """The innermost multiplexer is told by its variable."""
    assert surroundings({"TMUX": "1", "TERM": "screen"}).name == "tmux"
    assert surroundings({"TERM": "screen.xterm-256color"}).name == "GNU screen"
