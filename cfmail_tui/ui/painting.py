"""How the app's screen gets to the terminal: as differences, on a slow line merged, and anew when that may be wrong.

Invariants:
- after a resize, when the terminal has the focus again, after a change of theme, when the terminal was given away or
  lost something, and when asked to, everything is written;
- with a Textual that `difference` was not made for, or an update that it does not understand, what is written is what
  Textual would write.
"""

import time
from typing import Any, Final, cast

from textual import events
from textual._compositor import CompositorUpdate
from textual.screen import Screen

from cfmail_tui.ui.colours import readable
from cfmail_tui.ui.difference import Difference, NotUnderstoodError, Shown
from cfmail_tui.ui.fields import EndsOnce
from cfmail_tui.ui.terminal import TerminalDriver, is_made_for, textual_version
from cfmail_tui.ui.typeahead import TypeaheadApp

FRAME: Final = 0.05
"""Seconds between two updates of the screen on a slow line, at least."""


class PaintingApp(TypeaheadApp):
    """An app that writes little to its terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._shown = Shown() if is_made_for(textual_version()) else None
        self._losses = 0
        self._painted_at = 0.0
        self._is_held_back = False
        self._line_is_slow = False
        self.is_frame_held = False
        """Whether nothing is drawn for now, although it is laid out."""

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda _theme: self.paint_anew())

    @property
    def real_terminal(self) -> TerminalDriver | None:
        """The terminal, if there is one, and this Textual is one that can be told how to treat it."""
        return self._driver if isinstance(self._driver, TerminalDriver) else None

    def get_css_variables(self) -> dict[str, str]:
        """Colours that can be read, in the style sheets and in words that name one."""
        self.theme_variables = readable(super().get_css_variables())
        return self.theme_variables

    def set_slow_line(self, *, slow: bool, reduced_motion: bool = False) -> None:
        """On a slow line nothing moves that does not have to, and what changes several times is written once."""
        self._line_is_slow = slow
        if slow or reduced_motion:
            self.animation_level = "none"

    async def on_event(self, event: events.Event) -> None:
        """Paint everything where the terminal may show something else by now."""
        if isinstance(event, (events.Resize, events.AppFocus)):
            self.paint_anew()
        await super().on_event(event)

    def paint_anew(self) -> None:
        """Write the whole screen, whatever the terminal shows."""
        if self._shown:
            self._shown.forget()
        if self.screen_stack:
            self.screen.refresh()

    def draw_held(self) -> None:
        """Draw at once what was laid out only."""
        self.is_frame_held = False
        self.paint_anew()
        if isinstance(self.screen, EndsOnce):
            self.screen.draw()

    def action_redraw(self) -> None:
        self.paint_anew()

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """In place of textual/app.py:3821, which writes all of an update."""
        if self._shown is None or self.is_headless or self._batch_count or not isinstance(renderable, CompositorUpdate):
            super()._display(screen, renderable)
            return
        if (losses := getattr(self._driver, "losses", 0)) != self._losses:
            self._losses = losses
            self._shown.forget()
        try:
            self._shown.take(renderable, self.console)
        except NotUnderstoodError:
            super()._display(screen, cast("Any", renderable))
            if self._is_held_back:
                # What waited is not known any more.
                self._is_held_back = False
                screen.refresh()
            return
        if self._is_held_back:
            self.post_display_hook()
        elif self._line_is_slow and (rest := self._painted_at + FRAME - time.monotonic()) > 0:
            self._hold_back(rest)
            self.post_display_hook()
        else:
            self._paint()

    def _hold_back(self, seconds: float) -> None:
        self._is_held_back = True
        self.set_timer(seconds, self._paint)

    def _paint(self) -> None:
        """Write what is wanted, if there is anything."""
        assert self._shown
        self._is_held_back = False
        if not self.screen_stack:
            return
        if self._batch_count:
            self._hold_back(FRAME)
            return
        self._painted_at = time.monotonic()
        at = self._previous_cursor_position
        moved = self.screen.outer_size.clamp_offset(self.cursor_position) != at
        update: Any = Difference(self._shown, at) if moved or self._shown.is_wanted else None
        super()._display(self.screen, update)
