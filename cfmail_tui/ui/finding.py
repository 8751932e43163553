"""Find and replace in the source of a message.

A body that is folded is found by what its line says, and never changed.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.document._document import Location
from textual.timer import Timer
from textual.widgets import Button, Input, Label, Static

from cfmail_tui.ui.fields import LineInput, Pasted
from cfmail_tui.ui.source import SourceArea

Match = tuple[Location, Location]
"""Where something stands in the lines: its beginning and its end."""

_COUNTED: Final = 1000
"""Matches that are counted; of more, that they are more is enough."""

_COUNT_AFTER: Final = 0.2
"""Seconds after the last key until they are."""


_ANY_CASE: Final = "A=a"
_BY_CASE: Final = "A≠a"


def following(lines: Sequence[str], sought: re.Pattern[str], start: Location) -> Iterator[Match]:
    """All that matches from a place on, and then from the beginning up to there."""
    row, column = start
    for number in chain(range(row, len(lines)), range(row + 1)):
        for found in sought.finditer(lines[number], column if number == row else 0):
            yield (number, found.start()), (number, found.end())
        column = 0


def preceding(lines: Sequence[str], sought: re.Pattern[str], start: Location) -> Iterator[Match]:
    """The same the other way: what ends before this place, and then from the end down to there."""
    row, column = start
    for number in chain(range(row, -1, -1), range(len(lines) - 1, row - 1, -1)):
        for found in reversed([*sought.finditer(lines[number])]):
            if number != row or found.end() <= column:
                yield (number, found.start()), (number, found.end())
        column = len(lines[row])


class FindBar(Vertical):
    """Two lines below a source: what to find, and what to put there instead."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f12", "close", show=False),
        Binding("shift+enter,up", "previous", show=False),
        Binding("down", "next", show=False),
    ]

    def __init__(self, area: SourceArea, *, id: str = "find-bar") -> None:  # noqa: A002
        super().__init__(id=id)
        self._area = area
        self._from: Location = (0, 0)
        self._timer: Timer | None = None
        self._sought = LineInput(placeholder="Enter or ↓ next, Shift+Enter or ↑ back, Esc closes", id="sought")
        self._replacement = LineInput(placeholder="Enter replaces one, Tab Enter all", id="replacement")
        self._all = Button(Content("Replace all"), id="replace-all", compact=True)
        self._by_case = False
        self._case = Button(Content(_ANY_CASE), compact=True, id="by-case", tooltip="Whether case makes a difference")
        self._state = Static("", id="find-state", markup=False)

    def compose(self) -> ComposeResult:
        with Horizontal(classes="line"):
            yield Label("Find")
            yield self._sought
            yield self._state
            yield self._case
        with Horizontal(classes="line", id="replace-line"):
            yield Label("Replace by")
            yield self._replacement
            yield self._all

    def open(self) -> None:
        """Show it, with what is selected in the source."""
        selected = self._area.selected_text
        self._from = min(self._area.selection)
        self.display = True
        self.query_one("#replace-line").display = not self._area.read_only
        if selected and "\n" not in selected:
            self._sought.set_text(selected)
        self._sought.focus()
        self._sought.action_select_all()
        self._seek()

    def action_close(self) -> None:
        """Back to the source, where the match is."""
        self.display = False
        self._area.mark(None)
        self._area.focus()

    @property
    def _pattern(self) -> re.Pattern[str] | None:
        text = self._sought.value
        return re.compile(re.escape(text), 0 if self._by_case else re.IGNORECASE) if text else None

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.input is self._sought and self.display:
            self._seek()

    def on_pasted(self, event: Pasted) -> None:
        event.stop()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input is self._replacement:
            self._replace_one()
        self.action_next()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button is self._all:
            self._replace_all()
        else:
            self._by_case = not self._by_case
            self._case.label = Content(_BY_CASE if self._by_case else _ANY_CASE)
            self._seek()

    def _seek(self) -> None:
        """Mark what matches, and go to the first from where the search began."""
        pattern = self._pattern
        self._area.mark(pattern)
        self._say("")
        if pattern:
            self._show(following(self._area.document.lines, pattern, self._from))

    def action_next(self) -> None:
        if pattern := self._pattern:
            self._show(following(self._area.document.lines, pattern, max(self._area.selection)))

    def action_previous(self) -> None:
        if pattern := self._pattern:
            self._show(preceding(self._area.document.lines, pattern, min(self._area.selection)))

    def _show(self, matches: Iterator[Match]) -> None:
        match = next(matches, None)
        if match is None:
            self._say("not found")
            return
        self._from = match[0]
        self._area.select(*match)
        self._count_soon()

    def _say(self, words: str) -> None:
        self._state.update(Content(words))

    def _count_soon(self) -> None:
        if self._timer:
            self._timer.stop()
        self._timer = self.set_timer(_COUNT_AFTER, self._count)

    def _count(self) -> None:
        pattern = self._pattern
        if not pattern or not self.display:
            return
        lines = self._area.document.lines
        every = ((row, found.start()) for row, line in enumerate(lines) for found in pattern.finditer(line))
        starts = [*islice(every, _COUNTED + 1)]
        place = min(self._area.selection)
        if len(starts) > _COUNTED:
            self._say(f"over {_COUNTED:,}")
        elif place in starts:
            self._say(f"{starts.index(place) + 1} of {len(starts)}")

    def _replace_one(self) -> None:
        """Put the replacement in place of the match that is selected."""
        pattern = self._pattern
        if pattern and pattern.fullmatch(self._area.selected_text):
            start, end = sorted(self._area.selection)
            self._area.type_over(self._replacement.value, start, end)

    def _replace_all(self) -> None:
        """Put it in place of all matches outside of folds, which one undo takes back."""
        pattern, by = self._pattern, self._replacement.value
        if not pattern or self._area.read_only:
            return
        lines, count = [*self._area.document.lines], 0
        for row, line in enumerate(lines):
            if not self._area.is_fold(line):
                new, found = pattern.subn(lambda _: by, line)
                if found and not self._area.is_fold(new):
                    lines[row], count = new, count + found
        self._area.put_lines(0, len(lines), lines)
        self._say(f"{count:,} replaced" if count else "nothing to replace")
