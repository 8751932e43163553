"""Where things are kept, what the environment says, and the user's own wishes: the only user of platformdirs.

Reads the environment and `config.toml` once, at the composition root, into values; nothing else in the program looks at
them, and nothing ever writes the file.

`keys` is the table of what the file may hold, `lines` finds where something stands in it.
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from cfmail_tui.frozen import frozen

if TYPE_CHECKING:
    from cfmail_tui.lint import Choice
    from cfmail_tui.settings.keys import Theme

CONFIRM_RECIPIENTS: Final = 10
DEFAULT_BASE_URL: Final = "https://api.cloudflare.com/client/v4"

KEYMAPS: Final = ("default", "vim", "alpine")


@frozen
class KeyWish:
    """Which keys the user wants a command to have."""

    command: str
    keys: tuple[str, ...]
    where: str = ""
    """The file and its line."""


@frozen
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
    reduced_motion: bool = False
    """Whether nothing on the screen may move by itself."""
    theme: str = ""
    """The name of a theme of Textual's or of `themes`, "" for one that goes with the background."""
    themes: Mapping[str, "Theme"] = field(default_factory=dict)
    """The user's own themes, by their names."""
    background: Literal["auto", "dark", "light"] = "auto"
    """What is behind the terminal's text; "auto" is what the terminal says."""
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
    config_path: Path = Path()
    """Where the user's file is, or would be."""
    notices: tuple[str, ...] = ()
    """What of the file could not be used, and why; the rest was."""


def read(environ: Mapping[str, str]) -> Settings:
    """The settings this environment asks for.

    `CFMAIL_HOME` puts everything under one folder; `CLOUDFLARE_BASE_URL`, else `CLOUDFLARE_API_BASE_URL`, is where
    the API is (the names the official packages and wrangler use).
    """
    base_url = environ.get("CLOUDFLARE_BASE_URL") or environ.get("CLOUDFLARE_API_BASE_URL") or DEFAULT_BASE_URL
    config_path = _folder(environ, "config") / "config.toml"
    wishes, notices = _wishes(config_path)
    return Settings(
        data_dir=_folder(environ, "data"),
        config_path=config_path,
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
    from cfmail_tui.settings import keys
    from cfmail_tui.settings.lines import lines_of

    table, sound, notices = _parsed(path, text)
    wishes, faults = keys.read(table)
    wanted = wishes.get("keys", ())
    if faults or wanted:
        lines = lines_of(sound)
        notices += [f"{path}:{lines.get(fault.path, 1)}: {fault.words}" for fault in faults]
        wishes["keys"] = tuple(replace(wish, where=f"{path}:{lines.get(('keys', wish.command), 1)}") for wish in wanted)
    if template := wishes.get("markdown_template"):
        wishes["markdown_template"] = str(path.parent / os.path.expanduser(template))  # noqa: PTH111 - see _folder
    return wishes, tuple(notices)


def _parsed(path: Path, octets: bytes) -> tuple[dict[str, object], str, list[str]]:
    """What stands in the file, up to where it is no TOML; that much of the text, and words about the rest."""
    import tomllib

    try:
        # Some editors put a byte order mark before it. Line ends of others are TOML's as well.
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = octets.count(b"\n", 0, error.start) + 1
        return {}, "", [f"{path}:{where}: this is not UTF-8, so nothing of the file is used"]
    try:
        return tomllib.loads(text), text, []
    except tomllib.TOMLDecodeError as error:
        said = re.fullmatch(r"(.*?) \(at (?:line (\d+), column \d+|end of document)\)", str(error))
        words, line = (said[1], said[2]) if said else (str(error), None)
    # What was never closed is noticed at the end only: the lines above it are those that make sense without it.
    lines = [f"{line}\n" for line in text.split("\n")]
    for end in range(int(line or len(lines)) - 1, -1, -1):
        sound = "".join(lines[:end])
        with suppress(tomllib.TOMLDecodeError):
            table = tomllib.loads(sound)
            words = words[:1].lower() + words[1:]
            return table, sound, [f"{path}:{end + 1}: this is no TOML, so it and what follows is not used: {words}"]
    raise AssertionError
