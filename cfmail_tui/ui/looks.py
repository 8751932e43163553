"""The theme of the screens: the user's, else one that goes with the terminal's background.

Invariants:
- the first frame waits for nothing: it looks as the screens did the last time (`look`), and changes once when the
  settings or the terminal say otherwise;
- the terminal is asked once; where it does not answer in time, COLORFGBG tells, and else it is dark.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.color import Color as TerminalColour
from rich.color import ColorSystem
from textual.color import Color
from textual.theme import Theme

from cfmail_tui.look import NAME, USUAL, Colour, Look

if TYPE_CHECKING:
    from cfmail_tui.settings import Settings
    from cfmail_tui.ui.app import CfmailApp

DARK, LIGHT = "textual-dark", "textual-light"

ANSWERING: Final = 1.0
"""Seconds that the terminal has to say what its background is, from when the settings are known."""

_LOOK_AGAIN: Final = 0.05


def wear(app: "CfmailApp", look: Look) -> None:
    """Let the app begin with this look; a theme that is not there is none."""
    if look.own:
        with suppress(TypeError):
            app.register_theme(_theme(look.theme, {**look.own, "dark": look.own.get("dark") != "False"}))
    if look.theme != app.theme and app.get_theme(look.theme):
        app.theme = look.theme
        app.stylesheet.set_variables(app.get_css_variables())


class Looks:
    """The looks, for the app."""

    def __init__(self, app: "CfmailApp") -> None:
        self._app = app

    def settle(self, settings: "Settings") -> None:
        """Look as the user wishes from now on, and next time from the beginning."""
        app = self._app
        app.set_slow_line(slow=settings.slow_line, reduced_motion=settings.reduced_motion)
        for name, own in settings.themes.items():
            app.register_theme(_theme(name, own))
        self._find_theme(settings, ANSWERING)

    def _find_theme(self, settings: "Settings", patience: float) -> None:
        app = self._app
        is_dark = {"dark": True, "light": False}.get(settings.background)
        if not settings.theme and is_dark is None:
            if app.real_terminal is None:
                return  # and so nothing to go with
            is_dark = app.real_terminal.is_dark
        if not settings.theme and is_dark is None:
            if patience > 0:
                app.set_timer(_LOOK_AGAIN, partial(self._find_theme, settings, patience - _LOOK_AGAIN))
                return
            is_dark = is_dark_by(os.environ)
        theme = settings.theme or (DARK if is_dark else LIGHT)
        if theme != app.theme:
            app.theme = theme
        own = {key: str(value) for key, value in settings.themes.get(theme, {}).items()}
        look = Look(theme, own, {} if app.native_ansi_color else still_colours(app.get_css_variables()))
        app.run_task(lambda _outbox: partial(_told, keep(look, settings.data_dir)))


def is_dark_by(environ: Mapping[str, str]) -> bool:
    """What COLORFGBG says of the background, which some terminals set: its last part is one of the 16 colours."""
    number = environ.get("COLORFGBG", "").rpartition(";")[2]
    return number not in {"7", *map(str, range(9, 16))}


def keep(look: Look, folder: Path) -> bool:
    """Have the next start look so; whether that had to be written down. Does without if it cannot be."""
    path, text = folder / NAME, look.as_text()
    with suppress(OSError, UnicodeError):
        before = path.read_text("utf-8") if path.exists() else USUAL.as_text()
        if text != before and look.theme.isprintable():
            new = path.with_name(f".{NAME}.new")
            new.write_text(text, "utf-8")
            new.chmod(0o600)
            new.replace(path)
            return True
    return False


def still_colours(variables: Mapping[str, str]) -> dict[str, Colour]:
    """The colours of the still that go with a theme's variables: what Textual makes of the style sheet."""
    ground, surface, panel, foreground = (
        Color.parse(variables[name]) for name in ("background", "surface", "panel", "foreground")
    )
    roles = {
        "text": foreground,
        "label": ground.blend(ground.get_contrast_text(1.0), 0.87),
        "keys": panel.blend(panel.get_contrast_text(1.0), 0.87),
        "muted": ground.blend(ground.get_contrast_text(1.0), 0.60),
        "faint": surface.blend(foreground, 0.60),
        "line": ground.blend(foreground, 0.30),
        "ground": ground,
        "surface": surface,
        "field": surface.blend(foreground, 0.05),
        "panel": panel,
    }
    return {role: _on_terminals(colour) for role, colour in roles.items()}


def _on_terminals(colour: Color) -> Colour:
    full = TerminalColour.from_rgb(*colour.rgb)
    some, few = (full.downgrade(system).number for system in (ColorSystem.EIGHT_BIT, ColorSystem.STANDARD))
    return f"2;{colour.r};{colour.g};{colour.b}", f"5;{some}", str(few)


def _theme(name: str, own: Mapping[str, Any]) -> Theme:
    return Theme(name, **own)


def _told(_written: bool) -> None:
    """Nobody needs to hear of it."""
