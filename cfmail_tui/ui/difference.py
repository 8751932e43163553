"""What the terminal shows, and the fewest octets that make it show something else.

Stands between Textual's updates (`textual/_compositor.py`, whose private classes it reads here and nowhere else) and
the driver. Made for Textual 8.2; what it does not understand it says so, and the caller writes what Textual would.

Invariants:
- of each cell `Shown` knows what the terminal shows there, or that it does not know; what it does not know is written
  whenever an update has something to say about it;
- a character of two cells, or of several code points, is written whole or not at all;
- terminals differ about the width of some characters, emoji above all: a line with one of them is written whole, and
  such a character between two moves to a known place, so that it moves nothing beside it;
- no control character that came as text is ever written.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

from rich.cells import split_graphemes
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Offset
from textual.strip import Strip


class Look(NamedTuple):
    """How a cell looks, in parameters of SGR (ECMA-48); each is empty for what a terminal does by itself."""

    attributes: tuple[str, ...] = ()
    fore: str = ""
    back: str = ""

    @property
    def whole(self) -> str:
        """What brings it about after a reset."""
        return ";".join(filter(None, (*self.attributes, self.fore, self.back)))


PLAIN: Final = Look()


class Cell(NamedTuple):
    """A place on the screen. The text of a character of two cells is in the first, the second has none."""

    text: str
    look: Look


class NotUnderstoodError(Exception):
    """An update that is not made as those of the Textual this was made for."""


_Line = Sequence[Cell | None]

_BRIDGE: Final = 4
"""So many unchanged cells are written again rather than passed over by a move."""


@lru_cache(4096)
def is_sure(text: str) -> bool:
    """Whether all terminals agree how many cells this character covers."""
    base, marks = text[0], text[1:]
    category = unicodedata.category(base)
    is_wide = unicodedata.east_asian_width(base) in {"W", "F"}
    drawing = "\u2500" <= base <= "\u25ff" and not is_wide
    return (
        (drawing or category[0] in "LNPZ" or category in {"Sc", "Sm", "Sk"})
        and category not in {"Zl", "Zp"}
        and not 0x1100 <= ord(base) <= 0x11FF  # jamo, which join to syllables
        and ord(base) < 0x1F000  # emoji, and the marks of their skin
        and all(unicodedata.category(mark) == "Mn" and mark not in _VARIANTS for mark in marks)
    )


_VARIANTS: Final = frozenset(map(chr, chain(range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))))
"""Variation selectors: some make an emoji of a character, and wider."""


def _is_sure_line(line: _Line) -> bool:
    text = "".join([cell.text for cell in line if cell])
    return text.isascii() or all(is_sure(cell.text) for cell in line if cell and cell.text)


@lru_cache(4096)
def _look(style: Style | None, colours: ColorSystem) -> Look:
    if style is None:
        return PLAIN
    if style.link:
        raise NotUnderstoodError("a link")
    fore, back = (
        ";".join(colour.downgrade(colours).get_ansi_codes(foreground=foreground)) if colour else ""
        for colour, foreground in ((style.color, True), (style.bgcolor, False))
    )
    attributes = Strip.render_ansi(style.without_color, colours)
    return Look(
        tuple(filter(None, attributes.split(";"))),
        "" if fore == _DEFAULT_FORE else fore,
        "" if back == _DEFAULT_BACK else back,
    )


_DEFAULT_FORE, _DEFAULT_BACK = "39", "49"


@lru_cache(1024)
def _cells(text: str, look: Look) -> tuple[str, tuple[Cell, ...]]:
    """The marks that belong to the character before this text, and its cells."""
    if text.isascii() and text.isprintable():
        return "", tuple(Cell(char, look) for char in text)
    before, cells = "", list[Cell]()
    for start, end, width in split_graphemes(text)[0]:
        visible = "".join(char for char in text[start:end] if unicodedata.category(char) != "Cc")
        if width:
            cells.append(Cell(visible, look))
            cells.extend([Cell("", look)] * (width - 1))
        elif cells:
            raise AssertionError("marks are part of what they are on")
        else:
            before += visible
    return before, tuple(cells)


def _drawn(strip: Strip | None, width: int, colours: ColorSystem) -> list[Cell]:
    """The cells of a strip in so much room.

    Textual takes some characters for wider than what it has left of them where it cut; nothing beside moves for that.
    """
    if not isinstance(strip, Strip):
        raise NotUnderstoodError("a gap")
    cells = list[Cell]()
    for segment in strip:
        if segment.control:
            raise NotUnderstoodError("a control sequence")
        marks, more = _cells(segment.text, _look(segment.style, colours))
        if marks and cells:
            _put_on(cells, marks)
        cells += more
    end = min(width, len(cells))
    while end < len(cells) and not cells[end].text:
        end -= 1
    cells[end:] = [Cell(" ", cells[-1].look if cells else PLAIN)] * (width - end)
    return cells


def _put_on(cells: list[Cell], marks: str) -> None:
    """Marks in a style of their own belong to the character before them all the same."""
    place = len(cells) - 1
    while not cells[place].text and place:
        place -= 1
    cells[place] = cells[place]._replace(text=cells[place].text + marks)


def _put(line: list[Cell | None], x: int, cells: list[Cell]) -> None:
    """Put cells into a line; of a wide character that loses one half the other becomes a blank, as on a terminal."""
    end = x + len(cells)
    for second, left in ((x, x - 1), (end, end)):
        half = line[left] if second < len(line) and _is_second(line[second]) else None
        if half:
            line[left] = half._replace(text=" ")
    line[x:end] = cells


class Shown:
    """What a terminal shows, and what of it is to change."""

    def __init__(self) -> None:
        self._lines: list[list[Cell | None]] = []
        self._wanted: dict[int, list[Cell | None]] = {}
        self._knows_cursor = False

    def forget(self) -> None:
        """From now on it is not known what the terminal shows."""
        self._lines = [[None] * len(line) for line in self._lines]
        self._knows_cursor = False

    def take(self, update: CompositorUpdate, console: Console) -> None:
        """Have this shown by the next `Difference`. Raises NotUnderstoodError, and then nothing is known any more."""
        colours = console._color_system or ColorSystem.TRUECOLOR  # noqa: SLF001 - as textual/strip.py:718
        try:
            for y, x, cells in self._pieces(update, colours):
                line = self._wanted.get(y)
                if line is None:
                    line = self._wanted[y] = self._lines[y].copy()
                _put(line, x, cells)
        except (NotUnderstoodError, AttributeError, IndexError, TypeError, ValueError) as error:
            self._lines, self._wanted, self._knows_cursor = [], {}, False
            raise NotUnderstoodError(str(error)) from error
        self._wanted = {y: line for y, line in self._wanted.items() if line != self._lines[y]}

    def _pieces(self, update: CompositorUpdate, colours: ColorSystem) -> Iterator[tuple[int, int, list[Cell]]]:
        """Each piece of a line that an update says something about: row, first column, cells."""
        if type(update) is LayoutUpdate:
            x, y, width, height = update.region
            if x or y or len(update.strips) != height:
                raise NotUnderstoodError("a part of the screen")
            self._fit(width, height)
            for row, strips in enumerate(update.strips):
                x = 0
                for piece in strips:
                    yield row, x, _drawn(piece, piece.cell_length, colours)
                    x += piece.cell_length
                if x != width:
                    raise NotUnderstoodError("more or less than a line")
        elif type(update) is ChopsUpdate:
            self._fit(update.chop_ends[0][-1], len(update.chops))
            for row, first, last in update.spans:
                for end, (x, strip) in zip(update.chop_ends[row], update.chops[row].items(), strict=True):
                    # As textual/_compositor.py:252, but whole: what ends a span may be half of a character.
                    if strip is not None and x < last and end > first:
                        yield row, x, _drawn(strip, end - x, colours)
        else:
            raise NotUnderstoodError(type(update).__name__)

    def _fit(self, width: int, height: int) -> None:
        if len(self._lines) != height or any(len(line) != width for line in self._lines):
            self._lines = [[None] * width for _ in range(height)]
            self._wanted.clear()
            self._knows_cursor = False

    @property
    def is_wanted(self) -> bool:
        """Whether there is something to be written."""
        return bool(self._wanted) or not self._knows_cursor

    def written(self, cursor: Offset) -> str:
        """What makes the terminal, whose cursor is here if it is known, show what is wanted; it is taken as shown."""
        pen = Pen((cursor.x, cursor.y) if self._knows_cursor else None)
        for y, line in sorted(self._wanted.items()):
            sure = _is_sure_line(line) and _is_sure_line(self._lines[y])
            for start, end in _changed(self._lines[y], line) if sure else _whole(line):
                pen.write(start, y, line[start:end], len(line))
            self._lines[y] = line
        self._wanted = {}
        self._knows_cursor = True
        return pen.done()


def _changed(old: _Line, new: _Line) -> Iterator[tuple[int, int]]:
    """The stretches of a line to be written, as slices; none begins or ends inside a character."""
    start = end = -1
    for x, (was, cell) in enumerate(zip(old, new, strict=True)):
        if was is cell or was == cell:
            continue
        if end >= 0 and x - end > _BRIDGE:
            yield start, end
            start = -1
        if start < 0:
            start = x
            while start and (_is_second(new[start]) or _is_second(old[start])):
                start -= 1
        end = max(end, x + 1)
        while end < len(new) and (_is_second(new[end]) or _is_second(old[end])):
            end += 1
    if start >= 0:
        yield start, end


def _whole(line: _Line) -> Iterator[tuple[int, int]]:
    """All of a line. In the last column a character that the terminal takes for wider may harm the one before it."""
    last = line[-1]
    if last and last.text and not is_sure(last.text):
        yield len(line) - 1, len(line)
        yield 0, len(line) - 1
    else:
        yield 0, len(line)


def _is_second(cell: Cell | None) -> bool:
    return cell is not None and not cell.text


class Pen:
    """Writes cells with the shortest moves and changes of look."""

    def __init__(self, at: tuple[int, int] | None) -> None:
        self._at = at
        """Column and row of the cursor; None where it is not known."""
        self._look = PLAIN
        self._written = list[str]()

    def done(self) -> str:
        """All that was written; what comes after it looks plain."""
        self._become(PLAIN)
        return "".join(self._written)

    def write(self, x: int, y: int, cells: _Line, width: int) -> None:
        """Write these cells from here on, on a line of this width. What is not known is passed over."""
        for place, cell in enumerate(cells, x):
            if cell is None or not cell.text:
                continue
            covers = 1
            while place - x + covers < len(cells) and _is_second(cells[place - x + covers]):
                covers += 1
            self._move(place, y)
            self._become(cell.look)
            if cell.text.isascii() or is_sure(cell.text):
                self._written.append(cell.text)
                # In the last column, what the cursor does is the terminal's affair.
                self._at = (place + covers, y) if place + covers < width else None
            else:
                # The blanks are for a terminal where it is narrower.
                self._written.append(" " * covers)
                self._at = None
                self._move(place, y)
                self._written.append(cell.text)
                self._at = None

    def _move(self, x: int, y: int) -> None:
        if self._at == (x, y):
            return
        moves = [f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H"]
        if self._at:
            across, down = x - self._at[0], y - self._at[1]
            if down == 0 and across > 0:
                moves.append(f"\x1b[{across if across > 1 else ''}C")
            elif down == 0:
                moves += ["\b" * -across, f"\x1b[{-across}D"]
            if x == 0 and down in {0, 1}:
                moves.append("\r" + "\n" * down)
        self._written.append(min(moves, key=len))
        self._at = (x, y)

    def _become(self, look: Look) -> None:
        if self._look != look:
            self._written.append(_change(self._look, look))
            self._look = look


@lru_cache(4096)
def _change(old: Look, new: Look) -> str:
    """The shortest change of look."""
    anew = f"\x1b[0;{new.whole}m" if new.whole else "\x1b[m"
    if not set(old.attributes) <= set(new.attributes):
        return anew
    parts = [attribute for attribute in new.attributes if attribute not in old.attributes]
    if old.fore != new.fore:
        parts.append(new.fore or _DEFAULT_FORE)
    if old.back != new.back:
        parts.append(new.back or _DEFAULT_BACK)
    return min(f"\x1b[{';'.join(parts)}m", anew, key=len)


class Difference(CompositorUpdate):
    """An update that writes what is wanted and not yet shown, when it is asked for what to write."""

    def __init__(self, shown: Shown, cursor: Offset) -> None:
        """`cursor` is where the terminal's was left."""
        self._shown, self._cursor = shown, cursor

    def render_segments(self, console: Console) -> str:  # noqa: ARG002 - Textual's
        return self._shown.written(self._cursor)
