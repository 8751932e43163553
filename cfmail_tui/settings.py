"""Where things are kept, what the environment says, and the user's own wishes: the only user of platformdirs.

Reads the environment and `config.toml` once, at the composition root, into values; nothing else in the program looks at
them, and nothing ever writes the file.

What `config.toml` may hold:

    undo_send = 5    # seconds, 0 to 600: how long a mail can be taken back after `y`; 0 sends at once
    confirm_recipients = 10    # to more than so many a mail leaves only when their number was typed; 50: never asked
    token_command = ["pass", "show", "cloudflare"]    # a program and its arguments that print an API token; no shell
    account_id = "..."                                # the account it is for: 32 hexadecimal digits
    verified_destinations = ["me@example.com"]        # verified destination addresses: a mail to these only may have
                                                      # 25 MiB; needed where the token may not read them
    slow_line = true    # or false: whether the terminal is far away, and as little as possible is written to it; by
                        # itself it is taken to be so over SSH
    address_files = ["~/contacts.vcf"]    # vCard, abook or mutt aliases, to complete recipients from
    keep_bodies_days = 365    # days for which sent mails are kept whole; afterwards they can be found, not shown
    keep_bodies_mib = 1000    # MiB that they may take
    keep_mails = 100000       # mails that the history holds
    redact_bodies = false     # true: with a mail the words it can be found by are forgotten; alone, when it was sent
    markdown_template = "mail.html"    # an HTML page with {{body}} in it, for bodies written in Markdown; from this
                                       # file's folder, if it is no whole path
    keymap = "default"    # or "vim", "alpine": which keys commands have (docs/keys.md)

    [keys]                             # keys of your own, by the ids of commands; [] for none
    review = ["f9", "ctrl+x"]

    [findings]                         # rules for drafts (docs/findings.md): "off", "note", "caution" or "stops"
    no-subject = "stops"
"""

import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cfmail_tui.lint import Choice

CONFIRM_RECIPIENTS = 10
KEYMAPS = ("default", "vim", "alpine")
DEFAULT_BASE_URL = "https://api.cloudflare.com/client/v4"


@dataclass(frozen=True, slots=True)
class KeyWish:
    """Which keys the user wants a command to have."""

    command: str
    keys: tuple[str, ...]
    where: str
    """The file and its line."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What this run works with; `base_url` is not yet checked, the API client does that."""

    data_dir: Path
    base_url: str = DEFAULT_BASE_URL
    editor: str = ""
    """The command of the external editor, "" when the environment names none."""
    undo_send: float = 5.0
    """Seconds in which a mail that is to be sent can be taken back."""
    confirm_recipients: int = CONFIRM_RECIPIENTS
    """Recipients above which their number has to be typed before a mail is sent."""
    token_command: tuple[str, ...] = ()
    """The user's password command, () when there is none."""
    account_id: str = ""
    """The account whose token that command prints, in lower case."""
    verified_destinations: tuple[str, ...] = ()
    """Addresses that the user says are verified destinations of the account."""
    slow_line: bool = False
    """Whether the terminal is at the other end of a slow line."""
    markdown_template: str = ""
    """The path of the page that a Markdown body is put into, "" for the usual one."""
    findings: Mapping[str, "Choice"] = field(default_factory=dict)
    """What the user made of rules for drafts, by their names."""
    address_files: tuple[str, ...] = ()
    """Address books of other programs; paths as the user wrote them."""
    keep_bodies_days: int | None = None
    """Days for which the bodies of sent mails are kept; None is for ever, here and below."""
    keep_bodies_mib: int | None = None
    keep_mails: int | None = None
    redact_bodies: bool = False
    """Whether with its body a mail also loses the words it can be found by."""
    keymap: str = "default"
    """The name of the keymap."""
    keys: tuple[KeyWish, ...] = ()
    """Keys of the user's own, in the order of the file; whether there are such commands and keys is not yet checked."""
    notices: tuple[str, ...] = ()
    """What of the file could not be used, and why; the rest was."""


_LONGEST_UNDO = 600
_LARGEST_NUMBER = 1_000_000_000


def read(environ: Mapping[str, str]) -> Settings:
    """The settings this environment asks for.

    `CFMAIL_HOME` puts everything under one folder; `CLOUDFLARE_BASE_URL`, else `CLOUDFLARE_API_BASE_URL`, is where
    the API is (the names the official packages and wrangler use).
    """
    base_url = environ.get("CLOUDFLARE_BASE_URL") or environ.get("CLOUDFLARE_API_BASE_URL") or DEFAULT_BASE_URL
    wishes, notices = _wishes(_folder(environ, "config") / "config.toml")
    return Settings(
        data_dir=_folder(environ, "data"),
        base_url=base_url.rstrip("/"),
        editor=environ.get("VISUAL") or environ.get("EDITOR") or "",
        notices=notices,
        **{"slow_line": bool(environ.get("SSH_CONNECTION"))} | wishes,
    )


def _folder(environ: Mapping[str, str], kind: str) -> Path:
    if home := environ.get("CFMAIL_HOME"):
        # Path's own expanduser raises where there is no such user.
        return Path(os.path.expanduser(home)).absolute() / kind  # noqa: PTH111
    import platformdirs

    place = platformdirs.user_config_path if kind == "config" else platformdirs.user_data_path
    return place("cfmail", appauthor=False)


def _wishes(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the file says that can be used, and words about what cannot."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return {}, ()
    except OSError as error:
        return {}, (f"{path} cannot be read: {(error.strerror or str(error)).lower()}",)
    import tomllib

    try:
        table = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return {}, (f"{path} is not TOML, so nothing of it is used: {error}",)
    wishes: dict[str, Any] = {}
    notices = []
    for key, value in table.items():
        if key not in _KEYS:
            notices.append(f"{path}: there is no setting {key!r}{_did_you_mean(key, _KEYS)}")
            continue
        try:
            wishes[key] = _KEYS[key](value)
        except ValueError as error:
            notices.append(f"{path}: {key} {error}")
    if "findings" in wishes:
        wishes["findings"], faults = _choices(wishes["findings"])
        notices += [f"{path}: findings: {fault}" for fault in faults]
    if "keys" in wishes:
        wishes["keys"], faults = _key_wishes(wishes["keys"], path, text.decode().splitlines())
        notices += faults
    if template := wishes.get("markdown_template"):
        wishes["markdown_template"] = str(path.parent / os.path.expanduser(template))  # noqa: PTH111 - see _folder
    return wishes, tuple(notices)


def _did_you_mean(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, [*names], 1)
    return f"; did you mean {near[0]}?" if near else ""


def _choices(table: dict[str, object]) -> tuple[dict[str, "Choice"], list[str]]:
    """What was made of rules, as far as it makes sense, and words about the rest."""
    from cfmail_tui.lint import CHOICES, RULES

    rules = {rule.name: rule for rule in RULES}
    found: dict[str, Choice] = {}
    faults = []
    for name, value in table.items():
        if name not in rules:
            faults.append(f"there is no rule {name!r}{_did_you_mean(name, rules)}")
        elif rules[name].is_settled:
            faults.append(f"{name} is decided elsewhere, and cannot be weighed otherwise")
        elif (choice := next((choice for choice in CHOICES if choice == value), None)) is None:
            faults.append(f"{name} is one of {', '.join(CHOICES)}")
        else:
            found[name] = choice
    return found, faults


def _key_wishes(table: dict[str, object], path: Path, lines: list[str]) -> tuple[tuple[KeyWish, ...], list[str]]:
    """What of the table can be understood, and words about the rest."""
    found, faults = [], []
    for command, value in table.items():
        where = f"{path}, line {_line_of(command, lines)}"
        keys = [value] if isinstance(value, str) and value else value
        if isinstance(keys, list) and all(isinstance(key, str) for key in keys):
            found.append(KeyWish(command, tuple(keys), where))
        else:
            faults.append(f"{where}: {command} is a key, or a list of keys")
    return tuple(found), faults


def _line_of(command: str, lines: list[str]) -> int:
    """The line in which the table of keys has this command, from 1; 0 if it cannot be told."""
    table = ""
    for number, line in enumerate(lines, 1):
        if header := re.match(r"\s*\[+\s*([^\]]*?)\s*\]", line):
            table = header[1]
        wanted = "" if table == "keys" else r"keys\s*\.\s*"
        if re.match(rf"""\s*{wanted}(["']?){re.escape(command)}\1\s*=""", line):
            return number
    return 0


def _seconds(value: object) -> float:
    # A truth value is an int to Python.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST_UNDO:
        raise ValueError(f"is a number of seconds from 0 to {_LONGEST_UNDO}")
    return float(value)


def _command(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value) or not (value and value[0]):
        raise ValueError("is a list of strings, a program and its arguments")
    return tuple(value)


def _addresses(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(part, str) and "@" in part for part in value):
        raise ValueError("is a list of addresses")
    return tuple(part.strip() for part in value)


def _account_id(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Fa-f]{32}", value):
        raise ValueError("is a string of 32 hexadecimal digits")
    return value.lower()


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("is a path")
    return value


def _table_of(what: str) -> Callable[[object], dict[str, object]]:
    def table(value: object) -> dict[str, object]:
        if isinstance(value, dict):
            return value
        raise ValueError(f"is a table of {what}")

    return table


def _keymap(value: object) -> str:
    if value not in KEYMAPS:
        raise ValueError(f"is one of {', '.join(KEYMAPS)}")
    return str(value)


def _paths(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(part, str) and part for part in value):
        raise ValueError("is a list of paths")
    return tuple(value)


def _number(value: object) -> int:
    # A truth value is an int to Python.
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _LARGEST_NUMBER:
        raise ValueError("is a whole number above 0")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is true or false")  # noqa: TRY004 - whoever reads the file is told, by the same road
    return value


_KEYS: Mapping[str, Callable[[object], Any]] = {
    "undo_send": _seconds,
    "confirm_recipients": _number,
    "token_command": _command,
    "account_id": _account_id,
    "verified_destinations": _addresses,
    "slow_line": _truth,
    "markdown_template": _text,
    "findings": _table_of("rules"),
    "keymap": _keymap,
    "keys": _table_of("keys"),
    "address_files": _paths,
    "keep_bodies_days": _number,
    "keep_bodies_mib": _number,
    "keep_mails": _number,
    "redact_bodies": _truth,
}
"""What each key's value becomes; a ValueError says what it has to be, and nothing of what it is."""
