"""Jumping: a letter over every field and pane of a screen, and with it the focus goes there."""

import string
from collections.abc import Mapping
from typing import Any, Final

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.geometry import Offset, Size
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

from cfmail_tui.ui.commands import KeyBar, Where
from cfmail_tui.ui.fields import EndsOnce

LETTERS: Final = "asdfghjklqwertyuiopzxcvbnm" + string.digits
"""In the order in which they are given; those under the fingers are first."""


def targets(screen: Screen[Any]) -> dict[str, tuple[Widget, Offset]]:
    """What can have the focus and is in sight, with its upper left corner, by the letters it gets."""
    places = ((widget, screen.find_widget(widget).visible_region) for widget in screen.focus_chain)
    in_sight = ((widget, region.offset) for widget, region in places if region)
    return dict(zip(LETTERS, in_sight, strict=False))


class JumpScreen(ModalScreen[Widget | None], EndsOnce[Widget | None]):
    """The letters; any key that is none of them ends it, and nothing has happened."""

    PLACES: tuple[Where, ...] = ("dialog", "everywhere")

    def __init__(self, found: Mapping[str, tuple[Widget, Offset]]) -> None:
        super().__init__()
        self._found = found
        self._stands_at: Size | None = None

    def compose(self) -> ComposeResult:
        for letter, (_, offset) in self._found.items():
            label = Static(Content(f" {letter} "), classes="jump")
            label.styles.offset = (offset.x, offset.y)
            yield label
        yield KeyBar("dialog")

    def on_key(self, event: events.Key) -> None:
        event.stop()
        found = self._found.get(event.key)
        self.dismiss(found[0] if found else None)

    def on_resize(self, event: events.Resize) -> None:
        """At another size the letters stand over something else."""
        if self._stands_at and event.size != self._stands_at:
            self.action_back()
        self._stands_at = event.size

    def action_back(self) -> None:
        self.dismiss(None)
