"""Keys: what they are called, which of them a terminal sends, and which what is around it keeps for itself.

Measured in a plain pty, tmux 3.3a and GNU screen 4.9; of zellij, the Linux console and the windows of desktops it is
what their documents say. A terminal knows fewer keys than a keyboard has: a control key is the octet of a letter with
two of its bits off, so Ctrl+I *is* Tab, and only the kitty protocol, which few terminals speak and no multiplexer hands
on, tells more apart. Names are those of Textual ("ctrl+s", "full_stop", "K").
"""

import re
import string
import unicodedata
from collections.abc import Mapping
from dataclasses import field

from cfmail_tui.frozen import frozen

_OWN_NAMES = {"/": "slash", "\\": "backslash", "@": "at", "-": "minus", "+": "plus", "_": "underscore", " ": "space"}

_CHARACTERS: Mapping[str, str] = {
    _OWN_NAMES.get(char) or unicodedata.name(char).lower().replace("-", "_").replace(" ", "_"): char
    for char in f"{string.punctuation} "
}
"""Characters that are no letter or digit, by the names of their keys."""

_WORDS = {
    "escape": "Esc", "delete": "Del", "enter": "Enter", "tab": "Tab", "space": "Space", "backspace": "Backspace",
    "insert": "Insert", "home": "Home", "end": "End", "pageup": "PageUp", "pagedown": "PageDown",
    "up": "Up", "down": "Down", "left": "Left", "right": "Right",
} | {f"f{number}": f"F{number}" for number in range(1, 25)}  # fmt: skip
"""Keys that make no character, as people write them."""

_SYNONYMS = {
    "esc": "escape", "del": "delete", "ins": "insert", "return": "enter", "pgup": "pageup", "pgdn": "pagedown",
    "page_up": "pageup", "page_down": "pagedown", "bs": "backspace", "control": "ctrl", "c": "ctrl", "option": "alt",
}  # fmt: skip

_MODIFIERS = ("alt", "ctrl", "hyper", "meta", "shift", "super")

_ARRIVE_AS = {"ctrl+space": ("ctrl+@",), "ctrl+at": ("ctrl+@",), "ctrl+slash": ("ctrl+underscore",)}
"""What terminals send for a key, where the kitty protocol has a name of its own for it."""

_THE_SAME = {
    "ctrl+i": "Tab", "ctrl+tab": "Tab", "ctrl+m": "Enter", "ctrl+enter": "Enter", "shift+enter": "Enter",
    "alt+enter": "Enter", "ctrl+left_square_bracket": "Esc", "ctrl+escape": "Esc", "shift+escape": "Esc",
    "ctrl+h": "Backspace", "ctrl+question_mark": "Backspace", "ctrl+backspace": "Backspace",
    "shift+backspace": "Backspace", "shift+space": "Space",
    "ctrl+2": "Ctrl+@", "ctrl+3": "Esc", "ctrl+4": "Ctrl+\\", "ctrl+5": "Ctrl+]", "ctrl+6": "Ctrl+^",
    "ctrl+7": "Ctrl+_", "ctrl+8": "Backspace",
}  # fmt: skip
"""Keys that arrive as another one."""

_SENT = (
    r"ctrl\+(?:[a-z@]|at|space|slash|underscore|backslash|right_square_bracket|circumflex_accent)"
    r"|(?:(?:ctrl|shift|ctrl\+shift|alt)\+)?(?:up|down|left|right|home|end|pageup|pagedown|insert|delete)"
    r"|(?:(?:ctrl|shift|alt)\+)?f(?:[1-9]|1[0-2])"
    r"|alt\+[a-z]|shift\+tab"
    r"|[^+]|(?!f\d)[a-z_]+"
)
"""A pattern of keys that every terminal sends as themselves, but for those that are another one."""


def shown(key: str) -> str:
    """A key as people write it."""
    modifier, plus, last = key.rpartition("+")
    words = _WORDS.get(last) or _CHARACTERS.get(last) or last
    if not plus:
        return words
    return f"{modifier.title()}+{words.upper() if len(words) == 1 else words}"


def parsed(written: str) -> str | None:
    """The key that somebody wrote, as "ctrl+s", "Ctrl-S", "^S", "K" or "/"; None if there is no such key."""
    text = re.sub(r"^\^(?=.)", "ctrl+", written.strip())
    if len(text) == 1:
        return _named(text)
    *modifiers, last = re.split(r"(?<=\w)[+-](?=.)", text)
    modifiers = [_SYNONYMS.get(one.lower(), one.lower()) for one in modifiers]
    if any(one not in _MODIFIERS for one in modifiers):
        return None
    if len(last) == 1 and last.isalpha() and modifiers == ["shift"]:
        return last.upper()
    key = _named(last.lower() if modifiers else last) if len(last) == 1 else _SYNONYMS.get(last.lower(), last.lower())
    known = len(last) == 1 or key in _WORDS or key in _CHARACTERS
    return "+".join([*sorted({*modifiers}), key]) if known else None


def _named(char: str) -> str:
    return next((name for name, one in _CHARACTERS.items() if one == char), char)


def arrivals(key: str) -> tuple[str, ...]:
    """The names under which a key arrives, in one terminal or another."""
    return (key, *_ARRIVE_AS.get(key, ()))


def is_character(key: str) -> bool:
    """Whether it types something."""
    return key in _CHARACTERS or len(key) == 1


def why_not(key: str) -> str:
    """Why terminals in general do not send this key, as what it does instead; "" if they do."""
    if same := _THE_SAME.get(key):
        return f"arrives as {same}"
    if re.fullmatch(_SENT, key):
        return ""
    *modifiers, last = key.split("+")
    if {"super", "hyper", "meta"} & {*modifiers}:
        return "is sent by few terminals (the kitty protocol)"
    if re.fullmatch(r"f\d+", last):
        return "is sent differently from terminal to terminal"
    if "alt" in modifiers:
        return "arrives as Esc and another key"
    if {"ctrl", "shift"} <= {*modifiers}:
        return f"arrives as {shown(f'ctrl+{last}')}"
    return f"arrives as {shown(last)}, or not at all"


@frozen
class Surroundings:
    """What is between the keyboard and cfmail."""

    name: str
    kept: Mapping[str, str] = field(default_factory=dict)
    """Keys that do not arrive here, and why."""
    advice: tuple[str, ...] = ()

    def why_not(self, key: str) -> str:
        """Why this key does not arrive here; "" if it does, as far as is known."""
        return self.kept.get(key) or why_not(key)


_CONSOLE_MODIFIED = {
    f"{modifier}+{key}": f"arrives as {_WORDS[key]}"
    for modifier in ("shift", "ctrl", "ctrl+shift")
    for key in ("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete")
}

_LATE_ESC = "Esc comes late, or with the key after it: F12 does the same at once"

_ZELLIJ_KEYS = "bghnopqst"


def surroundings(environ: Mapping[str, str], tmux_keys: Mapping[str, str] | None = None) -> Surroundings:
    """What the environment says is around; `tmux_keys` are those that tmux said it keeps, with what it does on them."""
    term = environ.get("TERM", "")
    if environ.get("ZELLIJ"):
        return Surroundings(
            "zellij",
            {f"ctrl+{letter}": "zellij's own, until it is locked" for letter in _ZELLIJ_KEYS},
            (
                "Ctrl+G locks zellij: then every key but Ctrl+G itself arrives here; Ctrl+G again unlocks it.",
                'Or begin it locked: default_mode "locked" in its config.kdl.',
                "Every primary command has a function key too, which zellij leaves alone.",
            ),
        )
    if environ.get("TMUX"):
        kept = {"ctrl+b": "tmux's prefix"} if tmux_keys is None else tmux_keys
        return Surroundings(
            "tmux",
            kept,
            (
                "A key that tmux keeps arrives when its prefix is pressed before it, if that is the prefix itself;",
                "else unbind it in ~/.tmux.conf: unbind-key -n F9",
                f"{_LATE_ESC}; or set -s escape-time 10 in ~/.tmux.conf.",
            ),
        )
    if environ.get("STY") or term.startswith("screen"):
        return Surroundings(
            "GNU screen",
            {"ctrl+a": "screen's command key (unless escape in ~/.screenrc names another)"},
            (
                "Ctrl+A, then a, sends Ctrl+A.",
                f"{_LATE_ESC}; or maptimeout 5 in ~/.screenrc.",
                "A key bound with bindkey in ~/.screenrc does not arrive.",
            ),
        )
    if term == "linux":
        return Surroundings(
            "the Linux console",
            _CONSOLE_MODIFIED,
            (
                "Alt+F1 to Alt+F12 and Alt+Left and Alt+Right change the console, Shift+PageUp scrolls it.",
                "Ctrl+_ is on Ctrl+7; where Ctrl+/ is something else is a matter of the keymap (loadkeys).",
            ),
        )
    return Surroundings(
        f"a terminal of its own ({term or 'TERM is not set'})",
        {},
        (
            "The window may keep F1 (help), F10 (menu) and F11 (full screen); one that is kept shows nothing here.",
            "Its preferences turn that off; each of these commands has another key, or an entry behind F2.",
        ),
    )
