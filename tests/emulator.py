"""A terminal that is only a screen: what it shows after every byte, by its own idea of how wide a character is.

pyte's screen, with characters of several code points, and with halves of wide characters that go when the other half is
overwritten, as in a terminal.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import repeat
from typing import Any

import pyte
from pyte.screens import Char
from rich.cells import get_character_cell_size, split_graphemes
from rich.color import ColorSystem
from rich.console import Console
from textual.strip import Strip

Opinion = Callable[[str], Iterable[tuple[str, int]]]
"""Cuts text into characters, and says how many cells each covers; 0 for a mark on the one before."""


def as_textual(text: str) -> Iterator[tuple[str, int]]:
    """A terminal that measures as Textual does."""
    for start, end, width in split_graphemes(text)[0]:
        yield text[start:end], width


def by_code_points(text: str) -> Iterator[tuple[str, int]]:
    """An old one, for which a family is as wide as its members together."""
    for char in text:
        yield char, get_character_cell_size(char)


def narrow_pictures(text: str) -> Iterator[tuple[str, int]]:
    """One that knows no wide pictures."""
    for char in text:
        is_picture = unicodedata.category(char) in {"So", "Sk", "Cn"} and get_character_cell_size(char)
        yield char, 1 if is_picture else get_character_cell_size(char)


def wide_pictures(text: str) -> Iterator[tuple[str, int]]:
    """One that gives every picture two cells, also those that come as text."""
    for char in text:
        is_picture = unicodedata.category(char) == "So" and not "\u2500" <= char <= "\u25ff"
        yield char, 2 if is_picture else get_character_cell_size(char)


OPINIONS = (as_textual, by_code_points, narrow_pictures, wide_pictures)


class Emulator(pyte.Screen):
    """A terminal's screen."""

    def __init__(self, columns: int, lines: int, opinion: Opinion = as_textual) -> None:
        self.opinion = opinion
        super().__init__(columns, lines)
        self._stream = pyte.Stream(self)

    def feed(self, data: str) -> None:
        """Act on what a program wrote."""
        self._stream.feed(data)

    def spoil(self) -> None:
        """Show something else, as after another program's message."""
        self.feed("\x1b[H" + "\r\n".join("?" * self.columns for _ in range(self.lines)))

    def row(self, y: int) -> list[Char]:
        """The cells of a line; the second cell of a wide character has no text."""
        line = self.buffer[y]
        return [line[x] for x in range(self.columns)]

    def draw(self, data: str) -> None:
        self.dirty.add(self.cursor.y)
        line, look, at = self.buffer[self.cursor.y], self.cursor.attrs, self.cursor.x
        for text, width in zip(data, repeat(1)) if data.isascii() else self.opinion(data):
            if not width:
                self._mark(line, text, at)
                continue
            x = min(at, self.columns - width)
            at = x + width
            for half in {x, at - 1}:
                self._split(line, half)
            line[x] = _char(look, text)
            for second in range(x + 1, at):
                line[second] = _char(look, "")
        self.cursor.x = at

    def _mark(self, line: Any, mark: str, at: int) -> None:
        place = min(at, self.columns) - 1
        while place > 0 and not line[place].data:
            place -= 1
        if place >= 0:
            line[place] = line[place]._replace(data=line[place].data + mark)

    def _split(self, line: Any, x: int) -> None:
        """What overlaps this cell loses its other half."""
        if not line[x].data and x:
            line[x - 1] = line[x - 1]._replace(data=" ")
            line[x] = line[x]._replace(data=" ")
        elif x + 1 < self.columns and not line[x + 1].data:
            line[x + 1] = line[x + 1]._replace(data=" ")


@lru_cache(1 << 16)
def _char(look: Char, text: str) -> Char:
    return look._replace(data=text)


@lru_cache(None)
def _attributes(sgr: str) -> Char:
    probe = pyte.Screen(1, 1)
    pyte.Stream(probe).feed(f"\x1b[{sgr}m")
    return probe.cursor.attrs


def expected(strips: Iterable[tuple[int, Strip]], console: Console) -> list[Char]:
    """The cells that a terminal shows for strips in so much room each; control characters are not shown."""
    colours = console._color_system or ColorSystem.TRUECOLOR
    cells: list[Char] = []
    for width, strip in strips:
        cells += _fitting(width, [*_shown(strip, colours)])
    return cells


def _shown(strip: Strip, colours: ColorSystem) -> Iterator[Char]:
    held: list[Char] = []
    for text, style, _ in strip:
        look = _attributes(Strip.render_ansi(style, colours) if style else "")
        for start, end, width in split_graphemes(text)[0]:
            char = "".join(char for char in text[start:end] if unicodedata.category(char) != "Cc")
            if width:
                yield from held
                held = [_char(look, char), *[_char(look, "")] * (width - 1)]
            elif held:
                held[0] = _char(held[0], held[0].data + char)
    yield from held


def _fitting(width: int, cells: list[Char]) -> list[Char]:
    """What Textual has miscounted is cut off or filled up; half a character is none."""
    look = cells[-1] if cells else _attributes("")
    is_cut = len(cells) > width and not cells[width].data
    kept = cells[: width - 1 if is_cut else width]
    return kept + [look._replace(data=" ")] * (width - len(kept))
