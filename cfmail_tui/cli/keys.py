"""`cfmail keys`: what the terminal sends for each key, what cfmail does on it, and which keys do not arrive here.

On a terminal it shows keys as they are pressed, until Ctrl+Q or Ctrl+C twice; elsewhere, and with --json, it lists the
commands. With --json the value has `around` (what is between the keyboard and cfmail), `advice`, `keymap`, `notices`
(keys in `config.toml` that cannot be) and `commands`, each with `id`, `place`, `label`, `help` and `keys`; of a key
`name` is what people call it, and `arrives` is false with the reason in `why_not`.
"""

import argparse
import os
import sys
import termios
import tty
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from cfmail_tui import settings
from cfmail_tui.cli.output import DONE, NOT_SENT, complain, print_json, tell
from cfmail_tui.frozen import frozen
from cfmail_tui.message import printable
from cfmail_tui.process import environment_for
from cfmail_tui.ui.commands import COMMANDS, PLACE_NAMES, Command, Keymap
from cfmail_tui.ui.keyboard import Surroundings, parsed, shown, surroundings
from cfmail_tui.ui.keymaps import QUIT, chosen
from cfmail_tui.ui.terminal import KEYS_AS_THEY_ARE, KEYS_AS_THEY_WERE, Pressed, pressed

if TYPE_CHECKING:
    from cfmail_tui.guardian import LetGo

_ASKING_TMUX = 2.0
"""Seconds that tmux has to say which keys it keeps."""


@frozen
class _Board:
    """The commands and their keys, on this terminal."""

    name: str
    keymap: Keymap
    notices: tuple[str, ...]
    around: Surroundings

    def does(self, key: str) -> list[str]:
        """What cfmail does on a key, and where."""
        return [f"{command.id}: {PLACE_NAMES[command.where]}" for command in COMMANDS if key in self.keymap.of(command)]

    def lost(self) -> Iterator[tuple[str, str, Command, str]]:
        """Keys that do not arrive, with the reason, the command, and another key that does the same."""
        for command in COMMANDS:
            keys = self.keymap.of(command)
            arriving = [shown(key) for key in keys if not self.around.why_not(key)]
            for key in keys:
                # A name that only some terminals have for a key is no loss beside the one that all send.
                if (why := self.around.why_not(key)) and not (key in _SECOND_NAMES and arriving):
                    yield shown(key), why, command, arriving[0] if arriving else "F2"


_SECOND_NAMES = ("ctrl+slash", "ctrl+space")


def keys(args: argparse.Namespace) -> int:
    wishes = settings.read(os.environ)
    keymap = chosen(wishes)
    around = surroundings(os.environ, _kept_by_tmux(os.environ))
    board = _Board(wishes.keymap, keymap, (*wishes.notices, *keymap.notices), around)
    if args.json:
        return tell(partial(print_json, _as_json(board)), DONE, NOT_SENT)
    if board.notices:
        complain("\n".join(board.notices))
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return tell(partial(_list, board), DONE, NOT_SENT)
    from cfmail_tui.guardian import guarded

    return guarded(partial(_watch, board))


def _list(board: _Board) -> None:
    for command in COMMANDS:
        names = board.keymap.names(command) or "-"
        print(f"{command.id:<20} {names:<22} {PLACE_NAMES[command.where]}: {command.help}")
    print()
    for line in _told(board):
        print(line)


def _told(board: _Board) -> Iterator[str]:
    """What is around, and what does not arrive because of it."""
    yield f"In {board.around.name}, with the keymap {board.name}."
    lost = [*board.lost()]
    for name, why, command, other in lost:
        yield f"  {name} ({command.id}) does not arrive: {why}; {other} does the same"
    if not lost:
        yield "  Every key of cfmail arrives here, as far as is known."
    for words in board.around.advice:
        yield f"  {words}"


def _as_json(board: _Board) -> dict[str, object]:
    return {
        "around": board.around.name,
        "advice": board.around.advice,
        "keymap": board.name,
        "notices": board.notices,
        "commands": [
            {
                "id": command.id,
                "place": command.where,
                "label": command.label,
                "help": command.help,
                "keys": [
                    {"key": key, "name": shown(key), "arrives": not why, "why_not": why or None}
                    for key in board.keymap.of(command)
                    for why in [board.around.why_not(key)]
                ],
            }
            for command in COMMANDS
        ],
    }


def _watch(board: _Board, _let_go: "LetGo") -> int:
    """Show keys as they come; the terminal is as the screens have it."""
    for line in _told(board):
        print(line)
    print("\nPress any key: its name, its octets, what it does. Ctrl+Q ends, and so does Ctrl+C twice.\n")
    sys.stdout.flush()
    before: list[Any] = termios.tcgetattr(0)
    try:
        # What was pressed before is shown as well.
        tty.setraw(0, termios.TCSANOW)
        _write(KEYS_AS_THEY_ARE)
        last = ""
        for one in pressed(0):
            _write("".join(f"{row}\r\n" for row in _rows(board, one)))
            if one.key == QUIT or one.key == last == "ctrl+c":
                break
            last = one.key
    finally:
        _write(KEYS_AS_THEY_WERE)
        termios.tcsetattr(0, termios.TCSANOW, before)
    return DONE


def _rows(board: _Board, one: Pressed) -> Iterator[str]:
    octets = one.octets[:16].hex(" ") + (" …" if len(one.octets) > 16 else "")
    if one.pasted is not None:
        yield f"{'a paste':<15} {octets:<18} {len(one.pasted):,} characters"
    elif one.key:
        does = board.does(one.key)
        words = "types itself" if one.types else "" if does else "nothing of cfmail"
        yield f"{printable(shown(one.key), 40):<15} {octets:<18} {words}".rstrip()
        yield from (f"    {line}" for line in does)
    else:
        yield f"{'no key':<15} {octets}"


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _kept_by_tmux(environ: Mapping[str, str]) -> dict[str, str] | None:
    """The keys that the tmux around keeps, with what it does on them; None where there is none or it does not say."""
    if not environ.get("TMUX"):
        return None
    prefixes = [_asked_tmux(environ, "show-options", "-gv", name) for name in ("prefix", "prefix2")]
    bound = _asked_tmux(environ, "list-keys", "-T", "root")
    if prefixes[0] is None or bound is None:
        return None
    kept = {key: "tmux's prefix" for written in prefixes if (key := _tmux_key((written or "").strip()))}
    for line in bound.splitlines():
        _, _, rest = line.partition(" -T root ")
        written, _, does = rest.strip().partition(" ")
        if key := _tmux_key(written.replace("\\\\", "\\", 1) if written.endswith("\\\\") else written.lstrip("\\")):
            kept[key] = f"tmux does {printable(does.strip(), 40)}"
    return kept


def _asked_tmux(environ: Mapping[str, str], *question: str) -> str | None:
    import subprocess

    try:
        asked = subprocess.run(  # noqa: S603 - the tmux that the user is in
            ["tmux", *question],  # noqa: S607
            env=environment_for(environ),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ASKING_TMUX,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout


_TMUX_NAMES = {
    "BSpace": "backspace",
    "BTab": "shift+tab",
    "DC": "delete",
    "IC": "insert",
    "NPage": "pagedown",
    "PPage": "pageup",
}
_TMUX_MODIFIERS = {"C": "ctrl", "M": "alt", "S": "shift"}


def _tmux_key(written: str) -> str | None:
    """A key as tmux writes it, "C-b" or "M-Up"; None if it is none, as a button of the mouse."""
    modifiers = []
    while len(written) > 2 and written[1] == "-" and written[0] in _TMUX_MODIFIERS:
        modifiers.append(_TMUX_MODIFIERS[written[0]])
        written = written[2:]
    return parsed("+".join([*modifiers, _TMUX_NAMES.get(written, written)]))
