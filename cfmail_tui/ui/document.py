"""The text of an editor, of any length: a key costs the same in a mail of five lines and of a hundred thousand.

Made for Textual 8.2, where the editor asks for height and width of the whole text at each key and for each line that it
paints, and counts each time. Here both are known, and an edit counts anew only what it touches. What is replaced of
Textual is named where it is.

Invariants:
- `Rows` says for each line how many rows of the screen it covers, as the offsets do at which it is wrapped;
- a block of them is added up when a line of it changes, and the blocks after each edit;
- the widths of lines are known from the first time that the width of the text is asked for, and from then on kept.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Final, Generic, TypeVar, cast

from rich.cells import cell_len
from textual._wrap import compute_wrap_offsets
from textual.document._document import Document, EditResult, Location
from textual.document._wrapped_document import WrappedDocument
from textual.expand_tabs import get_tab_widths
from textual.geometry import Offset, Size, clamp

T = TypeVar("T")

BLOCK: Final = 512
"""Lines that are counted together."""


class LongDocument(Document):
    """A text that knows how wide its lines are."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._tab_width = 0
        self._widths: list[int] = []
        self._counted: Counter[int] = Counter()
        self._widest = 0

    def get_size(self, tab_width: int) -> Size:
        """The cells of the widest line, and the lines (textual/document/_document.py:253 measures all)."""
        if tab_width != self._tab_width:
            self._tab_width = tab_width
            self._widths = self._measured(self._lines)
            self._counted = Counter(self._widths)
            self._widest = max(self._counted)
        return Size(self._widest, len(self._lines))

    def replace_range(self, start: Location, end: Location, text: str) -> EditResult:
        """Replace a part of the text; both ends may be given in either order, and one beyond the text is its end."""
        start, end = sorted((min(start, self.end), min(end, self.end)))
        top, bottom = start[0], end[0]
        result = super().replace_range(start, end, text)
        if self._tab_width:
            old = self._widths[top : bottom + 1]
            new = self._measured(self._lines[top : result.end_location[0] + 1])
            self._widths[top : bottom + 1] = new
            self._counted.update(new)
            self._counted.subtract(old)
            for width in {width for width in old if not self._counted[width]}:
                del self._counted[width]
            self._widest = max(self._widest, *new) if self._widest in self._counted else max(self._counted)
        return result

    def _measured(self, lines: Iterable[str]) -> list[int]:
        return [len(line) if _is_plain(line) else cell_len(line.expandtabs(self._tab_width)) for line in lines]


class Rows:
    """How many rows of the screen each line covers."""

    def __init__(self, heights: Sequence[int]) -> None:
        self._blocks = [[*heights[start : start + BLOCK]] for start in range(0, len(heights), BLOCK)]
        self._totals = [*map(sum, self._blocks)]
        self._add_up()

    @property
    def lines(self) -> int:
        return self._line_starts[-1]

    @property
    def height(self) -> int:
        return self._row_starts[-1]

    def replace(self, first: int, last: int, heights: Sequence[int]) -> None:
        """Lines of these heights, one at least, instead of those from one to another."""
        (top, above), (bottom, below) = self._place(first), self._place(last)
        merged = [*self._blocks[top][:above], *heights, *self._blocks[bottom][below + 1 :]]
        step = BLOCK if len(merged) > 2 * BLOCK else len(merged)
        blocks = [merged[start : start + step] for start in range(0, len(merged), step)]
        self._blocks[top : bottom + 1] = blocks
        self._totals[top : bottom + 1] = map(sum, blocks)
        self._add_up()

    def of(self, line: int) -> range:
        """The rows that a line covers. Raises IndexError where there is no such line."""
        block, place = self._place(line)
        first = self._row_starts[block] + sum(self._blocks[block][:place])
        return range(first, first + self._blocks[block][place])

    def at(self, row: int) -> tuple[int, int]:
        """The line in this row, and how many rows of it are above. Raises IndexError where there is no such row."""
        if not 0 <= row < self.height:
            raise IndexError(row)
        block = bisect_right(self._row_starts, row) - 1
        starts = [*accumulate(self._blocks[block], initial=self._row_starts[block])]
        place = bisect_right(starts, row) - 1
        return self._line_starts[block] + place, row - starts[place]

    def _place(self, line: int) -> tuple[int, int]:
        if not 0 <= line < self.lines:
            raise IndexError(line)
        block = bisect_right(self._line_starts, line) - 1
        return block, line - self._line_starts[block]

    def _add_up(self) -> None:
        self._line_starts = [*accumulate(map(len, self._blocks), initial=0)]
        self._row_starts = [*accumulate(self._totals, initial=0)]


class LongWrappedDocument(WrappedDocument):
    """A wrapped text that finds its rows without a list of them."""

    def wrap(self, width: int, tab_width: int | None = None) -> None:
        """Wrap all lines at this width, 0 for not at all (textual/document/_wrapped_document.py:80)."""
        self._width = width
        self._tab_width = tab_width or self._tab_width
        self._wrap_offsets, self._tab_width_cache = self._wrapped(self.document.lines)
        self.rows = Rows([len(offsets) + 1 for offsets in self._wrap_offsets])
        # Read by what is inherited, and by TextArea._render_line.
        self._offset_to_line_info = cast("list[tuple[int, int]]", _Computed(self.rows.at, lambda: self.rows.height))
        self._line_index_to_offsets = cast("list[list[int]]", _Computed(self.rows.of, lambda: self.rows.lines))

    @property
    def height(self) -> int:
        return self.rows.height

    def wrap_range(self, start: Location, old_end: Location, new_end: Location) -> None:
        """Wrap what an edit has changed (textual/document/_wrapped_document.py:157 moves all that is below as well)."""
        old_last, new_last = self.rows.lines - 1, self.document.line_count - 1
        first = clamp(start[0], 0, min(old_last, new_last))
        first, old_bottom = sorted((first, clamp(old_end[0], 0, old_last)))
        new_bottom = max(first, clamp(new_end[0], 0, new_last))
        offsets, tab_widths = self._wrapped(self.document.lines[first : new_bottom + 1])
        self._wrap_offsets[first : old_bottom + 1] = offsets
        self._tab_width_cache[first : old_bottom + 1] = tab_widths
        self.rows.replace(first, old_bottom, [len(line) + 1 for line in offsets])

    def location_to_offset(self, location: Location) -> Offset:
        """Where this place is on the screen; one beyond the text, which _wrapped_document.py:340 lets through, its end.

        While an edit is undone the cursor stands there for a moment, and as long as it was not moved in a new text.
        """
        return super().location_to_offset(min(location, self.document.end))

    def get_sections(self, line_index: int) -> list[str]:
        """The rows of a line (textual/document/_wrapped_document.py:420 makes a text with styles of each)."""
        line = self.document.get_line(line_index)
        bounds = [0, *self._wrap_offsets[line_index], len(line)]
        return [line[start:end] for start, end in pairwise(bounds)]

    def _wrapped(self, lines: Iterable[str]) -> tuple[list[list[int]], list[list[int]]]:
        """For each line the columns where it is broken, and the widths of its tabs."""
        offsets, tab_widths = list[list[int]](), list[list[int]]()
        for line in lines:
            if line.isascii() and "\t" not in line and len(line) <= (self._width or len(line)):
                # Nearly every line of a mail, at a seventh of the cost.
                offsets.append([])
                tab_widths.append([0] if line else [])
                continue
            if _is_plain(line):
                offsets.append([*_broken(line, self._width)] if self._width else [])
                tab_widths.append([0])
                continue
            sections = get_tab_widths(line, self._tab_width)
            tab_widths.append([width for _, width in sections])
            offsets.append(
                compute_wrap_offsets(line, self._width, self._tab_width, precomputed_tab_sections=sections)
                if self._width
                else []
            )
        return offsets, tab_widths


def _is_plain(line: str) -> bool:
    """Whether each character has one cell."""
    return line.isascii() and line.isprintable()


def _broken(line: str, width: int) -> Iterator[int]:
    """The columns where a plain line is broken, as textual/_wrap.py:29 does in twenty times the time.

    A row holds whole words with the blanks that follow them; only what is wider than a row is broken anywhere.
    """
    start = 0
    while len(line) - start > width:
        end = start + width
        if line[end] == " ":
            # The blanks after the last word go on in the next row, and so does that word.
            end = start + len(line[start:end].rstrip(" "))
        space = line.rfind(" ", start, end)
        start = space + 1 if space >= 0 else start + width
        yield start


class _Computed(Generic[T]):
    """In place of a list: its items are worked out when they are asked for."""

    def __init__(self, item: Callable[[int], T], length: Callable[[], int]) -> None:
        self._item, self._length = item, length

    def __len__(self) -> int:
        return self._length()

    def __getitem__(self, index: int) -> T:
        return self._item(index if index >= 0 else self._length() + index)
