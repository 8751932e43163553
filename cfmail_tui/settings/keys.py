"""What `config.toml` may hold: the one table of its keys, from which docs/settings.md is made as well.

A key's default is that of the field of `Settings` which has its name.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from cfmail_tui.frozen import frozen
from cfmail_tui.settings import KEYMAPS, KeyWish
from cfmail_tui.settings.lines import Path

if TYPE_CHECKING:
    from cfmail_tui.lint import Choice

LONGEST_UNDO: Final = 600
LARGEST_NUMBER: Final = 1_000_000_000

THEMES: Final = (
    "ansi-dark",
    "ansi-light",
    "atom-one-dark",
    "atom-one-light",
    "catppuccin-frappe",
    "catppuccin-latte",
    "catppuccin-macchiato",
    "catppuccin-mocha",
    "dracula",
    "flexoki",
    "gruvbox",
    "monokai",
    "nord",
    "rose-pine",
    "rose-pine-dawn",
    "rose-pine-moon",
    "solarized-dark",
    "solarized-light",
    "textual-dark",
    "textual-light",
    "tokyo-night",
)
"""Textual's themes; here, as a command that opens no screen says what is wrong with the settings, too."""

COLOURS: Final = (
    "primary",
    "secondary",
    "accent",
    "foreground",
    "background",
    "surface",
    "panel",
    "success",
    "warning",
    "error",
)
"""The colours that a theme of one's own may have; the first one it must have."""

Theme = Mapping[str, str | bool]
"""A theme of the user's own: its colours as #rrggbb, and whether it is `dark`."""


class WrongValue(ValueError):  # noqa: N818 - it reads as what it is
    """What stands there cannot be the key's value; nothing of it is told."""


@frozen
class Fault:
    """Something in the file that cannot be used, where, and why."""

    path: Path
    words: str


@frozen
class Key:
    """A key: what its value has to be and becomes, and what it is for.

    `read` makes a value of what stands in the file, or raises WrongValue; it may give faults of parts of it, too.
    """

    name: str
    kind: str
    read: Callable[[object], tuple[Any, tuple[Fault, ...]]]
    words: str
    example: str
    unit: str = ""
    otherwise: str = ""
    """What the default is, where its value does not tell."""


def read(table: Mapping[str, object]) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    """Of what stands in the file what can be used, by the names of `Settings`, and what cannot."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, value in table.items():
        if (key := KEYS.get(name)) is None:
            faults.append(Fault((name,), f"there is no setting {name!r}{did_you_mean(name, KEYS)}"))
            continue
        try:
            values[name], within = key.read(value)
        except WrongValue:
            faults.append(Fault((name,), f"{name} is {key.kind}"))
        else:
            faults += [Fault((name, *fault.path), f"{name}: {fault.words}") for fault in within]
    known = {*THEMES, *values.get("themes", ())}
    if (theme := values.get("theme", "")) and theme not in known:
        del values["theme"]
        faults.append(Fault(("theme",), f"there is no theme {theme!r}{did_you_mean(theme, known)}"))
    return values, tuple(faults)


def did_you_mean(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, [*names], 1)
    return f"; did you mean {near[0]}?" if near else ""


Read = tuple[Any, tuple[Fault, ...]]


def _seconds(value: object) -> Read:
    # A truth value is an int to Python.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_UNDO:
        raise WrongValue
    return float(value), ()


def _number(value: object) -> Read:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LARGEST_NUMBER:
        raise WrongValue
    return value, ()


def _truth(value: object) -> Read:
    if not isinstance(value, bool):
        raise WrongValue
    return value, ()


def _text(value: object) -> Read:
    if not isinstance(value, str) or not value:
        raise WrongValue
    return value, ()


def _background(value: object) -> Read:
    if value not in {"auto", "dark", "light"}:
        raise WrongValue
    return value, ()


def _account_id(value: object) -> Read:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Fa-f]{32}", value):
        raise WrongValue
    return value.lower(), ()


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise WrongValue
    return tuple(value)


def _command(value: object) -> Read:
    command = _strings(value)
    if not command or not command[0]:
        raise WrongValue
    return command, ()


def _paths(value: object) -> Read:
    paths = _strings(value)
    if not all(paths):
        raise WrongValue
    return paths, ()


def _addresses(value: object) -> Read:
    addresses = _strings(value)
    if not all("@" in address for address in addresses):
        raise WrongValue
    return tuple(address.strip() for address in addresses), ()


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise WrongValue
    return value


def _findings(value: object) -> Read:
    """What was made of rules, as far as it makes sense, and words about the rest."""
    from cfmail_tui.lint import CHOICES, RULES

    rules = {rule.name: rule for rule in RULES}
    found: dict[str, Choice] = {}
    faults = []
    for name, wanted in _table(value).items():
        if name not in rules:
            faults.append(Fault((name,), f"there is no rule {name!r}{did_you_mean(name, rules)}"))
        elif rules[name].is_settled:
            faults.append(Fault((name,), f"{name} is decided elsewhere, and cannot be weighed otherwise"))
        elif (choice := next((choice for choice in CHOICES if choice == wanted), None)) is None:
            faults.append(Fault((name,), f"{name} is one of {', '.join(CHOICES)}"))
        else:
            found[name] = choice
    return found, tuple(faults)


def _keymap(value: object) -> Read:
    if value not in KEYMAPS:
        raise WrongValue
    return value, ()


def _key_wishes(value: object) -> Read:
    """What of the table can be understood, and words about the rest."""
    found, faults = [], []
    for command, wanted in _table(value).items():
        keys = [wanted] if isinstance(wanted, str) and wanted else wanted
        if isinstance(keys, list) and all(isinstance(key, str) for key in keys):
            found.append(KeyWish(command, tuple(keys)))
        else:
            faults.append(Fault((command,), f"{command} is a key, or a list of keys"))
    return tuple(found), tuple(faults)


def _themes(value: object) -> Read:
    found: dict[str, Theme] = {}
    faults: list[Fault] = []
    for name, wanted in _table(value).items():
        if not isinstance(wanted, dict):
            faults.append(Fault((name,), f"{name} is a table of colours"))
            continue
        wrong = [*_faults_of_theme(wanted)]
        faults += [Fault((name, *fault.path), f"{name}: {fault.words}") for fault in wrong]
        theme = {key: kept for key, kept in wanted.items() if (key,) not in {fault.path for fault in wrong}}
        if COLOURS[0] in theme:
            found[name] = theme
        elif COLOURS[0] not in wanted:
            faults.append(Fault((name,), f"{name} needs the colour {COLOURS[0]}"))
    return found, tuple(faults)


def _faults_of_theme(theme: Mapping[str, object]) -> Iterator[Fault]:
    for key, value in theme.items():
        if key == "dark":
            if not isinstance(value, bool):
                yield Fault((key,), "dark is true or false")
        elif key not in COLOURS:
            yield Fault((key,), f"there is no colour {key!r}{did_you_mean(key, (*COLOURS, 'dark'))}")
        elif not isinstance(value, str) or not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
            yield Fault((key,), f'{key} is a colour as "#0178d4" is one')


KEYS: Final[Mapping[str, Key]] = {
    key.name: key
    for key in (
        Key(
            "undo_send",
            f"a number of seconds from 0 to {LONGEST_UNDO}",
            _seconds,
            "how long a mail can be taken back after `y`; 0 sends at once",
            "undo_send = 10",
            "seconds",
        ),
        Key(
            "confirm_recipients",
            "a whole number above 0",
            _number,
            "to more than so many a mail leaves only when their number was typed; 50 never asks",
            "confirm_recipients = 20",
            "recipients",
        ),
        Key(
            "token_command",
            "a list of strings, a program and its arguments",
            _command,
            "prints an API token; run without a shell, with 30 seconds, once a session",
            'token_command = ["pass", "show", "cloudflare"]',
            otherwise="no command",
        ),
        Key(
            "account_id",
            "a string of 32 hexadecimal digits",
            _account_id,
            "the account that the token of `token_command` is for",
            'account_id = "0123456789abcdef0123456789abcdef"',
            otherwise="none",
        ),
        Key(
            "verified_destinations",
            "a list of addresses",
            _addresses,
            "verified destination addresses, where the token may not read them: a mail to these only may have 25 MiB",
            'verified_destinations = ["me@example.com"]',
            otherwise="what Cloudflare tells",
        ),
        Key(
            "address_files",
            "a list of paths",
            _paths,
            "vCard, abook or mutt aliases, to complete recipients from ([writing](writing.md))",
            'address_files = ["~/contacts.vcf"]',
            otherwise="none",
        ),
        Key(
            "markdown_template",
            "a path",
            _text,
            "an HTML page with `{{body}}` in it, for Markdown; from the folder of this file, if it is no whole path",
            'markdown_template = "mail.html"',
            otherwise="a plain page",
        ),
        Key(
            "keep_bodies_days",
            "a whole number above 0",
            _number,
            "how long sent mails are kept whole; afterwards they can be found, not shown ([history](history.md))",
            "keep_bodies_days = 365",
            "days",
            otherwise="for ever",
        ),
        Key(
            "keep_bodies_mib",
            "a whole number above 0",
            _number,
            "the room that they may take",
            "keep_bodies_mib = 1000",
            "MiB",
            otherwise="any",
        ),
        Key(
            "keep_mails",
            "a whole number above 0",
            _number,
            "how many mails the history holds",
            "keep_mails = 100000",
            "mails",
            otherwise="all",
        ),
        Key(
            "redact_bodies",
            "true or false",
            _truth,
            "whether with its body a mail also loses the words it can be found by",
            "redact_bodies = true",
        ),
        Key(
            "slow_line",
            "true or false",
            _truth,
            "whether the terminal is far away: nothing moves, and as little as possible is written to it",
            "slow_line = false",
            otherwise="true over SSH",
        ),
        Key(
            "reduced_motion",
            "true or false",
            _truth,
            "whether nothing on the screen moves or blinks by itself",
            "reduced_motion = true",
        ),
        Key(
            "theme",
            "a theme's name",
            _text,
            "the colours of the screens: one of those below, or of `[themes]`",
            'theme = "nord"',
            otherwise="by `background`",
        ),
        Key(
            "background",
            "one of auto, dark, light",
            _background,
            "whether without a `theme` the screens are dark or light; `auto` is as the terminal says it is",
            'background = "light"',
        ),
        Key(
            "themes",
            "a table of themes",
            _themes,
            "themes of your own, a table of colours each (below)",
            '[themes.mine]\nprimary = "#0178d4"',
            otherwise="none",
        ),
        Key(
            "keymap",
            f"one of {', '.join(KEYMAPS)}",
            _keymap,
            "which keys commands have ([keys](keys.md))",
            'keymap = "vim"',
        ),
        Key(
            "keys",
            "a table of commands",
            _key_wishes,
            "keys of your own, by the ids of commands; `[]` for none ([keys](keys.md))",
            '[keys]\nreview = ["f9", "ctrl+x"]',
            otherwise="those of `keymap`",
        ),
        Key(
            "findings",
            "a table of rules",
            _findings,
            'what you make of rules for drafts ([findings](findings.md)): "off", "note", "caution" or "stops"',
            '[findings]\nno-subject = "stops"',
            otherwise="as the rules have it",
        ),
    )
}
"""Every key. The example is a line that can stand in the file."""
