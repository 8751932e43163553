"""An app whose keys are the user's, and which tells them: help, palette, jump.

The keys are read when the first key is pressed that may be a command's, or with the other settings, whichever is
first: the first frame does not wait for them. From then on every widget has them, those that are made later as well.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.dom import DOMNode
from textual.widget import Widget

from cfmail_tui.ui.commands import Keymap, Where
from cfmail_tui.ui.typeahead import TypeaheadApp

if TYPE_CHECKING:
    from textual.command import Provider


def _palette() -> "type[Provider]":
    from cfmail_tui.ui.palette import CommandProvider

    return CommandProvider


class KeyedApp(TypeaheadApp):
    """An app with a keymap."""

    COMMANDS: ClassVar = {_palette}
    COMMAND_PALETTE_BINDING = "f2"

    keymap = Keymap()
    read_keymap: Callable[[], Keymap] | None = None
    """Gives the user's keys; asked once."""

    def know_keys(self) -> None:
        """Go by the user's keys from now on."""
        if read := self.read_keymap:
            self.read_keymap = None
            self.keymap = read()
            self._apply_keymap(self, *self._registry)
            for screen in self.screen_stack:
                screen.refresh_bindings()

    def _apply_keymap(self, *nodes: DOMNode) -> None:
        if self.keymap.keys:
            for node in nodes:
                node._bindings = self.keymap.applied(node._bindings)  # noqa: SLF001 - a keymap of Textual's comes after
                # what a text field takes for itself was taken out, by the keys of the table

    async def _take(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_printable:
            self.know_keys()
        await super()._take(event)

    def _register(self, parent: DOMNode, *widgets: Widget, **where: Any) -> list[Widget]:
        # textual/app.py:3621: whatever is mounted passes here, and what is in it.
        self._apply_keymap(*(widget for widget in widgets if widget not in self._registry))
        return super()._register(parent, *widgets, **where)

    def action_help(self) -> None:
        from cfmail_tui.ui.dialogs import HelpScreen

        places: tuple[Where, ...] = getattr(self.screen, "PLACES", ())
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(places))

    def action_command_palette(self) -> None:
        """Open the palette. textual/app.py:4703 ends the program where one is open below another screen."""
        from cfmail_tui.ui.palette import Palette

        if not any(isinstance(screen, Palette) for screen in self.screen_stack):
            self.push_screen(Palette(id="--command-palette"))

    def action_jump(self) -> None:
        from cfmail_tui.ui.jumping import JumpScreen, targets

        if isinstance(self.screen, JumpScreen):
            self.screen.action_back()
        elif found := targets(self.screen):
            self.push_screen(JumpScreen(found), self._jumped)
            return
        self.screen_is_there()

    def _jumped(self, widget: Widget | None) -> None:
        if widget and widget.is_attached:
            # Not `widget.focus()`, which keys that wait would overtake.
            widget.screen.set_focus(widget)
