"""The keymaps that come with cfmail, and the one that is made of them and of what the user wants.

Invariants:
- what cannot be is left out and named with its line in the file; the rest of the map is used;
- no two commands that are offered together share a key: of two that would, the user's own has it, then the first in the
  file;
- Ctrl+Q ends the program whatever the map;
- no key that types or edits is taken from where one writes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from cfmail_tui.settings import KeyWish, Settings
from cfmail_tui.ui.commands import COMMANDS, Command, Keymap, Where, table_keys
from cfmail_tui.ui.keyboard import arrivals, is_character, parsed, shown, why_not

MAPS: Final[Mapping[str, Mapping[str, str]]] = {
    "default": {},
    # Letters in lists and on screens without a text; where one writes, a letter is a letter.
    "vim": {
        "first": "home,g",
        "last": "end,G",
        "page-down": "pagedown,ctrl+d",
        "page-up": "pageup,ctrl+u",
        "back": "escape,f12,q",
        "parent": "backspace,left,h",
        "proof-next": "f5,right,l",
        "proof-before": "left,h",
        "next-tool": "n,right,l",
        "chart": "C",
    },
    # Function keys stay: what is said on the screens speaks of them.
    "alpine": {
        "review": "f9,ctrl+x,ctrl+r",
        "send": "y,ctrl+x",
        "new": "ctrl+o,ctrl+n",
        "outcome": "alt+o",
        "postpone": "p,ctrl+o",
        "edit": "e,q,escape,f12,ctrl+c",
        "attach": "f3,ctrl+j,ctrl+f",
        "find-text": "ctrl+f,ctrl+w",
        "select": "enter,greater_than_sign",
        "back": "escape,f12,less_than_sign",
        "page-down": "pagedown,ctrl+v",
        "page-up": "pageup,ctrl+y",
    },
}
"""Keys of commands, by their ids, where they are not those of the table."""

QUIT: Final = "ctrl+q"

TOGETHER: Final[tuple[frozenset[Where], ...]] = tuple(
    frozenset[Where]((*places, "everywhere"))
    for places in (
        ("form", "composer", "leaving"),
        ("form", "composer", "findings", "list"),
        ("raw", "raw-panes", "composer", "leaving"),
        ("raw", "raw-panes", "composer", "list"),
        ("review", "review-draft", "review-form", "findings", "list"),
        ("proof", "dialog"),
        ("list", "drafts", "dialog"),
        ("list", "history", "unknown", "dialog"),
        ("accounts", "dialog", "list"),
        ("outcome", "dialog", "list"),
        ("snippet", "dialog"),
        ("chart", "dialog"),
        ("marks", "picker", "attached", "dialog", "list"),
    )
)  # fmt: skip
"""Places whose commands are offered at the same time, on one screen."""

_WRITING: Final[frozenset[Where]] = frozenset({"everywhere", "composer", "form", "raw", "raw-panes", "completion"})
"""Where the focus is in a text most of the time, and a command's keys come before those of the text."""

_EDITING: Final = frozenset(
    {"enter", "backspace", "delete", "up", "down", "left", "right", "home", "end", "pageup", "pagedown"}
)


def chosen(settings: Settings) -> Keymap:
    """The keymap that the settings ask for."""
    return resolved(settings.keymap, settings.keys)


def resolved(name: str, wishes: Sequence[KeyWish]) -> Keymap:
    """The map of this name with the user's keys in it, and words about those that cannot be."""
    commands = {command.id: command for command in COMMANDS}
    keys = {id_: _split(MAPS[name][id_]) if id_ in MAPS[name] else table_keys(commands[id_]) for id_ in commands}
    notices: list[str] = []
    granted: list[tuple[KeyWish, Command]] = []
    for wish in wishes:
        command = commands.get(wish.command)
        if command is None:
            # Loaded already where there is a wish: it was read by that.
            from cfmail_tui.settings.keys import did_you_mean

            notices.append(f"{wish.where}: there is no command {wish.command!r}{did_you_mean(wish.command, commands)}")
            continue
        usable: list[str] = []
        for written in wish.keys:
            key = parsed(written)
            if why := "is no key" if key is None else _refusal(command, key):
                notices.append(f"{wish.where}: {written} for {command.id} {why}")
            elif key:
                usable += arrivals(key)
        if usable or not wish.keys:
            keys[command.id] = tuple(dict.fromkeys(usable))
            granted.append((wish, command))
    for at, (wish, command) in enumerate(granted):
        later = {other.id for _, other in granted[at:]}
        earlier = {other.id for _, other in granted[:at]}
        others = [other for other in COMMANDS if other.id not in later and are_together(command, other)]
        notices += _without_others(wish, command, keys, others, earlier)
    if QUIT not in keys["quit"]:
        keys["quit"] = (*keys["quit"], QUIT)
    return Keymap({id_: those for id_, those in keys.items() if those != table_keys(commands[id_])}, tuple(notices))


def _without_others(
    wish: KeyWish, command: Command, keys: dict[str, tuple[str, ...]], others: Sequence[Command], earlier: set[str]
) -> Iterator[str]:
    """Have the command's keys for it alone, but for those that others have who are `earlier` in the file."""
    for other in others:
        for key in [key for key in keys[command.id] if key in keys[other.id]]:
            loser, winner = (command, other) if other.id in earlier else (other, command)
            keys[loser.id] = tuple(one for one in keys[loser.id] if one != key)
            left = "" if keys[loser.id] else f", and {loser.id} has no key"
            yield f"{wish.where}: {shown(key)} is the key of {other.id} too; it does {winner.id} now{left}"


def are_together(one: Command, other: Command) -> bool:
    """Whether both are offered at the same time somewhere."""
    return any({one.where, other.where} <= places for places in TOGETHER)


def _refusal(command: Command, key: str) -> str:
    """Why this command cannot have this key, or ""."""
    if why := why_not(key):
        return why
    if key == QUIT and command.id != "quit":
        return "always ends the program"
    if key in {"tab", "shift+tab"} and key not in table_keys(command):
        return "moves the focus"
    if command.where in _WRITING and (is_character(key) or key in _EDITING) and key not in table_keys(command):
        return "is needed to write, where this command is"
    return ""


def _split(keys: str) -> tuple[str, ...]:
    return tuple(filter(None, keys.split(",")))
