"""An app whose keys are the user's.

They are read when the first key is pressed that may be a command's, or with the other settings, whichever is first: the
first frame does not wait for them. From then on every widget has them, those that are made later as well.
"""

from collections.abc import Callable
from typing import Any

from textual import events
from textual.dom import DOMNode
from textual.widget import Widget

from cfmail_tui.ui.commands import Keymap
from cfmail_tui.ui.typeahead import TypeaheadApp


class KeyedApp(TypeaheadApp):
    """An app with a keymap, and a way to jump to any field."""

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
