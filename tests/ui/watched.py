"""The self-check: an app whose terminal is an emulator, so that what it shows can be compared with what it should."""

from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

from pyte.screens import Char
from rich.cells import cell_len
from textual.app import App
from textual.driver import Driver
from textual.drivers.headless_driver import HeadlessDriver
from textual.strip import Strip

from cfmail_tui.ui import app
from cfmail_tui.ui.app import CfmailApp
from cfmail_tui.ui.difference import is_sure
from tests.emulator import Emulator, Opinion, as_textual, expected
from tests.ui.styling import SharedStylesheet


class EmulatedDriver(HeadlessDriver):
    """A driver whose terminals are emulators, one for each opinion on the width of characters."""

    def __init__(self, app: App[Any], opinions: tuple[Opinion, ...], size: tuple[int, int], *, mouse: bool) -> None:
        super().__init__(app, mouse=mouse, size=size)
        self.losses = 0
        self.written = 0
        self.emulators = [Emulator(*size, opinion) for opinion in opinions]

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        self.written += len(data.encode("utf-8", "replace"))
        self.fit()
        for emulator in self.emulators:
            emulator.feed(data)

    def fit(self) -> None:
        """Let the emulators have the size that the terminal was given."""
        columns, lines = self._get_terminal_size()
        for emulator in self.emulators:
            if (emulator.columns, emulator.lines) != (columns, lines):
                emulator.resize(lines, columns)


class WatchedApp(CfmailApp):
    """The app on an emulator."""

    CSS_PATH = str(Path(app.__file__).with_name("form.tcss"))
    opinions: tuple[Opinion, ...] = (as_textual,)

    def __init__(self, *what: Any, **options: Any) -> None:
        super().__init__(*what, **options)
        self.stylesheet = SharedStylesheet(variables=self.get_css_variables())
        self._right: dict[int, list[tuple[int, Strip]]] = {}
        """The lines that were found right, which stay so until they or the terminal's change."""

    def _build_driver(self, headless: bool, inline: bool, mouse: bool, size: tuple[int, int] | None) -> Driver:
        assert headless
        assert not inline
        self._driver = EmulatedDriver(self, self.opinions, size or (80, 24), mouse=mouse)
        return self._driver

    @property
    def terminal(self) -> EmulatedDriver:
        assert isinstance(self._driver, EmulatedDriver)
        return self._driver

    def wrong_cells(self) -> list[str]:
        """Where a terminal shows something else than the compositor's own full frame."""
        self.terminal.fit()
        wrong = []
        compositor, emulators = self.screen._compositor, self.terminal.emulators
        frame = compositor._render_chops(compositor.size.region, lambda _y: True)
        if len(frame) != emulators[0].lines:
            return ["the terminal has another height"]
        for y, (cuts, chops) in enumerate(zip(compositor.cuts, frame, strict=True)):
            line = [*zip((end - start for start, end in pairwise(cuts)), chops.values(), strict=True)]
            if self._right.get(y) == line and not any(y in emulator.dirty for emulator in emulators):
                continue
            wanted = expected(line, self.console)
            found = [cell for emulator in emulators for cell in wrong_cells(emulator, y, wanted)]
            if not found:
                self._right[y] = line
                for emulator in emulators:
                    emulator.dirty.discard(y)
            wrong += found
        return wrong


def wrong_cells(emulator: Emulator, y: int, wanted: list[Char]) -> list[str]:
    """Where a terminal shows something else on a line.

    How it shows a character whose width it takes for another than the program did is its own affair, and one that
    measures otherwise than Textual is asked only about characters on whose width all agree; nothing else is to be seen.
    Of two such at the end of a line, where neither has anywhere to go, one may be in the place of the other.
    """
    row = emulator.row(y)
    if row == wanted:
        return []
    if len(row) != len(wanted):
        return [f"line {y} has {len(row)} columns, not {len(wanted)}"]
    wrong, before, char = [], "", ""
    for x, (shown, cell) in enumerate(zip(row, wanted, strict=True)):
        if cell.data:
            before, char = char, cell.data
        if is_sure(char) or (emulator.opinion is as_textual and _is_measured(wanted, x)):
            is_right = shown == cell
        else:
            is_last = x == len(row) - 1 and before and not is_sure(before)
            is_right = shown.data == " " or shown.data in char + (before if is_last else "") or not cell.data.strip()
        if not is_right:
            wrong.append(f"{emulator.opinion.__name__}, line {y}, column {x}: {shown}, not {cell}")
    return wrong


def _is_measured(line: list[Char], x: int) -> bool:
    """Whether this character covers as many cells as Textual gives it when no change of style cuts it."""
    first = next(place for place in range(x, -1, -1) if line[place].data)
    cells = 1 + sum(1 for _ in takewhile(lambda cell: not cell.data, line[first + 1 :]))
    return cell_len(line[first].data) == cells
