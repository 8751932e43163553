"""Keys act in the order they were pressed, each where it was meant for, however fast they come.

Over a slow line a whole phrase, Tab and function keys included, arrives in one packet. Textual (8.2) hands each key to
the queue of the widget that has the focus at that moment, runs bindings when the key has bubbled back up, and mounts a
screen that a key asked for later still: letters would overtake a Backspace, and a path typed for a dialog would go
into the text behind it. Here one key at a time is worked off, and what follows a command that opens a screen waits
until that screen is there.
"""

from collections import deque
from functools import partial
from typing import Any

from textual import events
from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

from cfmail_tui.ui.commands import OPENING, KeyBar

MOMENT = 0.05
"""Seconds in which what was pressed at the beginning is to be worked off."""

PATIENCE = 2.0
"""Seconds that keys wait at most: a command that opens nothing, or a busy widget, does not swallow them."""


class TypeaheadApp(App[int]):
    """An app that works off one key at a time."""

    BINDINGS = [  # noqa: RUF012 - Textual declares it so
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._current: events.Event | None = None
        self._opening = False
        self.is_beginning = True
        """Until the first screen has its focus."""
        self._unseen: Screen[Any] | None = None
        self._waiting: deque[events.Event] = deque()

    async def on_event(self, event: events.Event) -> None:
        """Take a key, or let it wait for the one before it."""
        if isinstance(event, events.Key) and event.key.startswith("alt+"):
            # Textual would type the letter of an Alt chord that is not bound.
            event.character = None
        if not isinstance(event, (events.Key, events.Paste)):
            await super().on_event(event)
        elif not self.screen_stack:
            # The program is ending.
            return
        elif event.is_forwarded:
            # No widget took it for itself; bindings act now.
            await super().on_event(event)
            self._settle(event, self.focused)
        elif self._current or self._waiting or self._must_wait:
            if not self._waiting and not self.is_beginning:
                self._be_patient()
            self._waiting.append(event)
        else:
            await self._take(event)

    @property
    def _must_wait(self) -> bool:
        """Whether keys wait for a screen, for the very first one however long."""
        return self.is_beginning or self._opening or self._is_unseen

    async def _take(self, event: events.Event) -> None:
        self._current = event
        target = self.focused or self.screen
        await super().on_event(event)
        if event.is_forwarded:
            # Runs in the widget's own queue, right after it has seen the key.
            target.call_later(self._seen, event, target)
        else:
            # After the focus that it moved, which stands in the queue by now, maybe behind other keys.
            self.call_later(self._finish, event)

    def _seen(self, event: events.Event, target: DOMNode) -> None:
        if event._stop_propagation:  # noqa: SLF001 - a key that is not stopped bubbles up to on_event
            self._settle(event, target)

    def _settle(self, event: events.Event, node: DOMNode | None) -> None:
        """Finish with the key after what it made its widget say was heard, parent by parent, up to the screen."""
        if node is None or isinstance(node, App) or not node.call_later(self._settle, event, node.parent):
            self._finish(event)

    def _finish(self, event: events.Event) -> None:
        if event is self._current:
            self._current = None
            self._go_on()

    def _go_on(self) -> None:
        if self._waiting and not self._must_wait:
            self.call_later(self._take_next)
        else:
            self.all_taken()

    def all_taken(self) -> None:
        """Of what was pressed until now nothing is left that can be worked off."""

    async def _take_next(self) -> None:
        if self._waiting and not self._current and not self._must_wait:
            await self._take(self._waiting.popleft())

    def _be_patient(self) -> None:
        self.set_timer(PATIENCE, partial(self._lose_patience, self._current))

    def _lose_patience(self, stuck: events.Event | None) -> None:
        """Give up a key that is worked off for too long; a burst may take longer, as long as it goes on."""
        if self._current is stuck:
            self._current = None
            self.screen_is_there()
        if self._waiting:
            self._be_patient()

    async def run_action(self, action: Any, *rest: Any, **named: Any) -> bool:
        """Run it; if it is one that opens a screen, keys wait until that is there."""
        name = action if isinstance(action, str) else action[1]
        opening = name.partition("(")[0].rpartition(".")[2] in OPENING
        if opening:
            self.screen_will_come()
        handled = await super().run_action(action, *rest, **named)
        if opening and not handled:
            self.screen_is_there()
        return handled

    def screen_will_come(self) -> None:
        """Another screen or mail was asked for: keys wait for it."""
        self._opening = True
        self.set_timer(PATIENCE, self.screen_is_there)

    def push_screen(self, *args: Any, **named: Any) -> Any:
        """Push it; keys go to it once its first widget has the focus."""
        pushed = super().push_screen(*args, **named)
        self.screen.call_after_refresh(self.screen_is_there)
        return pushed

    def switch_screen(self, *args: Any, **named: Any) -> Any:
        """Show it instead of the one on top; keys go to it as after `push_screen`."""
        switched = super().switch_screen(*args, **named)
        self.screen.call_after_refresh(self.screen_is_there)
        return switched

    def screen_is_there(self) -> None:
        """What the keys waited for is there, or will not come."""
        self._opening = False
        self._go_on()

    def begin(self) -> None:
        """The first screen is there and has its focus: what was pressed until now goes there.

        Then `all_taken` is called, or after a moment, whatever keeps a key busy.
        """
        self.is_beginning = False
        self.set_timer(MOMENT, self.all_taken)
        self._go_on()

    def push_to_be_seen(self, *args: Any) -> None:
        """Push a screen on which no key acts that was pressed before it was there to be seen."""
        super().push_screen(*args)
        self._opening = True
        # Apart from `_opening`, which the patience with an earlier command may end at any moment.
        self._unseen = self.screen
        self.screen.call_after_refresh(self._is_seen)

    @property
    def _is_unseen(self) -> bool:
        """Whether a screen that is to be seen first is not yet drawn."""
        return self._unseen in self.screen_stack

    def _is_seen(self) -> None:
        self._unseen = None
        for bar in self.screen.query(KeyBar):
            self._waiting = deque(key for key in self._waiting if key.time > bar.drawn_at)
        self.screen_is_there()
