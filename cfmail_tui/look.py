"""How the screens looked the last time, so that the next ones look so from their first frame on.

The settings are read, and the terminal has said what its background is, only when the form is shown already. What came
of that is kept in a small file beside the data, which the still and the app begin with:

    theme NAME
    own KEY VALUE            for a theme of the user's own: what it is made of
    colour ROLE A B C        a colour of the still for 16.7 million, 256 and 16 of them, as parameters of SGR

Without colours there is no still. What cannot be understood is as if it were not there. Standard library only, and of
that only what is loaded already.
"""

import os
import sys
from collections.abc import Mapping

NAME = "look"
"""The file, in the folder of the data."""

_LARGEST = 8192
"""Octets of the file; it has a tenth of that."""

Colour = tuple[str, str, str]
Colours = Mapping[str, Colour]

ROLES: Colours = {
    "text": ("2;224;224;224", "5;253", "15"),
    "label": ("2;224;224;224", "5;253", "15"),
    "keys": ("2;226;227;229", "5;253", "15"),
    "muted": ("2;160;160;160", "5;247", "7"),
    "faint": ("2;146;146;146", "5;245", "7"),
    "line": ("2;79;79;79", "5;239", "8"),
    "ground": ("2;18;18;18", "5;233", "0"),
    "surface": ("2;30;30;30", "5;234", "0"),
    "field": ("2;39;39;39", "5;235", "0"),
    "panel": ("2;36;47;56", "5;17", "8"),
}
"""The colours of the still, in the theme that there is without any wish."""


class Look:
    """A theme by its name, what it is made of if it is the user's own, and the still's colours, {} for no still."""

    def __init__(self, theme: str, own: Mapping[str, str], colours: Colours) -> None:
        self.theme = theme
        self.own = own
        self.colours = colours

    def as_text(self) -> str:
        lines = [f"theme {self.theme}"]
        lines += [f"own {key} {value}" for key, value in self.own.items()]
        lines += [f"colour {role} {' '.join(colour)}" for role, colour in self.colours.items()]
        return "".join(f"{line}\n" for line in lines)


USUAL = Look("textual-dark", {}, ROLES)


def look_in(environ: Mapping[str, str]) -> Look:
    """How it looked the last time, the usual look if nobody knows."""
    try:
        # Not Path, which takes longer to load than all the rest.
        descriptor = os.open(os.path.join(folder(environ), NAME), os.O_RDONLY | os.O_NONBLOCK)  # noqa: PTH118
        try:
            text = os.read(descriptor, _LARGEST)
        finally:
            os.close(descriptor)
        return _understood(text.decode()) or USUAL
    except (OSError, UnicodeDecodeError):
        return USUAL


def folder(environ: Mapping[str, str]) -> str:
    """The folder of the data, as `settings` has it."""
    if home := environ.get("CFMAIL_HOME"):
        return os.path.join(os.path.expanduser(home), "data")  # noqa: PTH111, PTH118
    usual = "~/Library/Application Support" if sys.platform == "darwin" else "~/.local/share"
    named = environ.get("XDG_DATA_HOME", "").strip()
    return os.path.join(named or os.path.expanduser(usual), "cfmail")  # noqa: PTH111, PTH118


def _understood(text: str) -> Look | None:
    theme, own, colours = "", {}, {}
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "theme":
            theme = rest
        elif kind == "own":
            key, _, own[key] = rest.partition(" ")
        elif kind == "colour":
            role, *parts = rest.split(" ")
            # It goes to the terminal: nothing but what sets a colour.
            if len(parts) != 3 or not all(part and {*part} <= {*"0123456789;"} for part in parts):
                return None
            colours[role] = (parts[0], parts[1], parts[2])
    return Look(theme, own, colours) if theme and colours.keys() in ({*ROLES}, set()) else None
