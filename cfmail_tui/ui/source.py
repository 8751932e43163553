"""The editor of a raw message: its source as lines, long bodies folded into one line each (`mime.folding`).

Invariants:
- `source` is exactly what is shown; where nothing was edited, octet for octet what came;
- no key changes a line that stands for a body by half: the line goes or comes whole, or the key is refused;
- a key costs nothing that grows with the message: octets are put together when they are asked for, and offsets are
  worked out from the first line that changed, up to where they are asked for.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from rich.text import Text
from textual import events
from textual.actions import SkipAction
from textual.cache import LRUCache
from textual.document._document import EditResult, Location, Selection
from textual.document._edit import Edit
from textual.message import Message
from textual.strip import Strip

from cfmail_tui import mime
from cfmail_tui.mime import Part, folding
from cfmail_tui.mime.folding import MARK, Fold, Offsets
from cfmail_tui.ui.dialogs import ChoiceScreen
from cfmail_tui.ui.fields import Body, visible

_ENCODED_WORD: Final = re.compile(r"=\?[^?\s]+\?[BbQq]\?[^?\s]*\?=")
_FIELD_NAME: Final = re.compile(r"[!-9;-~]+[ \t]*:")

_SHOWN_OF_TOO_MUCH: Final = 64 * 1024
"""Characters that are shown of a message too long for the editor."""

_BY_HALF: Final = "This line stands for a whole body: Enter says what can be done with it, Ctrl+X cuts all of it."


class SourceArea(Body):
    """The source of a message, to look at and to edit."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "source--field",
        "source--word",
        "source--boundary",
        "source--fold",
        "source--found",
    }

    @dataclass
    class Refused(Message):
        """Something that was asked for cannot be done; `words` say why."""

        words: str

    @dataclass
    class FileRequested(Message):
        """The user wants the content of a file in a folded body, or the body's content out in a file."""

        area: "SourceArea"
        way: Literal["in", "out"]
        line: str
        fold: Fold
        newline: bytes

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, soft_wrap=False)
        self.read_only_because = ""
        """Why it can only be looked at; "" when it can be edited."""
        self._source: bytes | None = b""
        self._newline = b"\r\n"
        self._folds: dict[str, Fold] = {}
        self._carried: dict[str, Fold] = {}
        """What was copied last, which may be for another message."""
        self._laid_out: list[Fold] = []
        """What the user unfolded."""
        self._earlier: list[bytes] = []
        """What `become` made others of that no undo of edits leads back to."""
        self._offsets = Offsets(self.document.lines, self._folds, self._newline)
        self._headers: list[tuple[int, int]] = []
        self._boundaries: frozenset[str] = frozenset()
        self._sought: re.Pattern[str] | None = None
        self._drawn: LRUCache[object, Strip] = LRUCache(256)

    # What is shown.

    def take(self, source: bytes, root: Part) -> None:
        """Show another message; there is nothing to undo."""
        self._earlier.clear()
        self._laid_out.clear()
        self._show(source, root)

    def _show(self, source: bytes, root: Part) -> None:
        view = folding.folded(source, root, unfolded=self._laid_out)
        own = {*view.lines}
        self._folds = {line: fold for line, fold in self._carried.items() if line not in own} | {**view.folds}
        self._source, self._newline = source, view.newline
        is_too_long = sum(map(len, view.lines)) > folding.LAID_OUT_LIMIT
        self.read_only_because = view.unkept[0].words if view.unkept else ""
        if is_too_long and not view.unkept:
            self.read_only_because = f"over {folding.LAID_OUT_LIMIT >> 20} MiB of it cannot be folded"
        self.read_only = bool(self.read_only_because)
        if self.read_only:
            shown = (visible(line.removesuffix("\r")) for line in view.lines)
            self.load_text("\n".join(_beginning(shown) if is_too_long else shown))
            self._offsets = Offsets(view.lines, self._folds, self._newline)
        else:
            self.load_text("\n".join(view.lines))
            self._offsets = Offsets(self.document.lines, self._folds, self._newline)
        self.selection = Selection.cursor((0, 0))
        self.sections(root)

    def become(self, source: bytes) -> None:
        """The message with something changed: the lines that differ become others, and one undo takes it back."""
        root = mime.structure(source)
        view = folding.folded(source, root, self._folds, unfolded=self._laid_out)
        is_ambiguous = any(line in self._folds and line not in view.folds for line in view.lines)
        if self.read_only or view.unkept or is_ambiguous or view.newline != self._newline:
            self._earlier.append(self.source)
            self._show(source, root)
            return
        change = folding.difference(self.document.lines, self._folds, source, view)
        self._folds.update(view.folds)
        self.put_lines(change.first, change.last, change.lines)
        self.sections(root)

    @property
    def source(self) -> bytes:
        """The message, exactly as it is shown."""
        if self._source is None:
            self._source = folding.unfolded(self.document.lines, self._folds, self._newline)
        return self._source

    # Places.

    @property
    def octet(self) -> int:
        """The octets of the message before the cursor."""
        return self._offsets.of(*self.cursor_location)

    def go_to(self, offset: int, end: int | None = None) -> None:
        """Put the cursor before this octet, select up to the other one, and show the place."""
        start = self._offsets.at(offset)
        self.select(self._offsets.at(end) if end is not None else start, start)

    def select(self, start: Location, end: Location) -> None:
        """Select this, put the cursor at the end, and show the place."""
        top, bottom = self._visible_line_indices
        is_seen = top <= end[0] < bottom
        self.selection = Selection(start, end)
        if not is_seen and self.is_mounted:
            self.scroll_cursor_visible(center=True)
        self.history.checkpoint()

    def sections(self, root: Part) -> None:
        """The structure of the message as it is now, which the colours go by."""
        headers = ((self._offsets.at(part.start)[0], self._offsets.at(part.body)[0]) for part in root.walk())
        self._headers = sorted({(first, last) for first, last in headers if first < last})
        marks = (f"--{part.boundary}" for part in root.walk() if part.boundary)
        boundaries = frozenset(mark + end for mark in marks for end in ("", "--"))
        if boundaries != self._boundaries:
            self._boundaries = boundaries
            self._drawn.clear()
        self._line_cache.clear()
        self.refresh()

    def mark(self, sought: re.Pattern[str] | None) -> None:
        """Mark what matches wherever it stands."""
        self._sought = sought
        self._drawn.clear()
        self._line_cache.clear()
        self.refresh()

    def _render_line(self, y: int) -> Strip:
        """A line on the screen, drawn anew only if it is another one; Textual itself does so for all, at each key."""
        row = y + self.scroll_offset.y
        if row >= self.document.line_count or self.selection.contains_line(row):
            return super()._render_line(y)
        line = self.document.get_line(row)
        widths = (self.scroll_offset.x, self.virtual_size.width, self.region.width)
        key = (line, line in self._folds, self._is_header(row), widths, self.app.theme, self._theme.base_style)
        strip = self._drawn.get(key)
        if strip is None:
            strip = self._drawn[key] = super()._render_line(y)
        return strip

    def get_line(self, line_index: int) -> Text:
        """The line as drawn, with its colours; controls have stand-ins."""
        line = self.document.get_line(line_index)
        text = Text(visible(line), end="", no_wrap=True)
        for kind, start, end in self._marks(line_index, line):
            text.stylize(self.get_component_rich_style(f"source--{kind}", partial=True), start, end)
        return text

    def _marks(self, row: int, line: str) -> Iterator[tuple[str, int, int]]:
        if line.startswith(MARK) and line in self._folds:
            yield "fold", 0, len(line)
        elif line.startswith("--") and line.rstrip() in self._boundaries:
            yield "boundary", 0, len(line)
        elif self._is_header(row):
            if name := _FIELD_NAME.match(line):
                yield "field", 0, name.end()
            yield from (("word", *found.span()) for found in _ENCODED_WORD.finditer(line))
        if self._sought:
            yield from (("found", *found.span()) for found in self._sought.finditer(line))

    def _is_header(self, row: int) -> bool:
        at = bisect_right(self._headers, (row, len(self.document.lines))) - 1
        return at >= 0 and row < self._headers[at][1]

    # Edits.

    def edit(self, edit: Edit) -> EditResult:
        lines = self.document.line_count
        result = super().edit(edit)
        self._changed(edit.top[0], self.document.line_count - lines)
        return result

    def _undo_batch(self, edits: Sequence[Edit]) -> None:
        lines = self.document.line_count
        super()._undo_batch(edits)
        self._changed(min(edit.top[0] for edit in edits), self.document.line_count - lines)

    def _redo_batch(self, edits: Sequence[Edit]) -> None:
        lines = self.document.line_count
        super()._redo_batch(edits)
        self._changed(min(edit.top[0] for edit in edits), self.document.line_count - lines)

    def _changed(self, row: int, more: int) -> None:
        """Lines from this one on have changed, and are more or fewer than before."""
        self._source = None
        self._offsets.forget(row)
        if more:
            self._headers = [
                (first + more if first > row else first, last + more if last > row else last)
                for first, last in self._headers
            ]

    def undo(self) -> None:
        if self.history.undo_stack or not self._earlier:
            super().undo()
        else:
            source = self._earlier.pop()
            self._show(source, mime.structure(source))

    def put_lines(self, first: int, last: int, lines: Sequence[str]) -> None:
        """Put these lines in place of those from `first` up to `last`, as an edit by itself; the cursor stays.

        Those that are alike at both ends stay as they are.
        """
        document, cursor = self.document, self.cursor_location
        old, new = document.lines[first:last], [*lines]
        above = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
        most = min(len(old), len(new)) - above
        below = next((at for at in range(most) if old[-1 - at] != new[-1 - at]), most)
        first, last, new = first + above, last - below, new[above : len(new) - below]
        if first < last or new:
            self.history.checkpoint()
            self.edit(Edit(*self._replacement(first, last, new), maintain_selection_offset=True))
            self.history.checkpoint()
            if first <= cursor[0] < last:
                self.move_cursor(cursor)

    def _replacement(self, first: int, last: int, new: Sequence[str]) -> tuple[str, Location, Location]:
        """The text, and the places between which it is put, so that these lines stand there."""
        text, count = "\n".join(new), self.document.line_count
        if first < last and new:
            return text, (first, 0), (last - 1, len(self.document.get_line(last - 1)))
        if last < count:
            return f"{text}\n" if new else "", (first, 0), (last, 0)
        above = (first - 1, len(self.document.get_line(first - 1))) if first else (0, 0)
        return f"\n{text}" if new else "", above, self.document.end

    def type_over(self, text: str, start: Location, end: Location) -> None:
        """Put a text there as if it were typed."""
        self._replace_via_keyboard(text, start, end)

    def _replace_via_keyboard(self, insert: str, start: Location, end: Location) -> EditResult | None:
        if self.read_only:
            return None
        start, end = sorted((start, min(end, self.document.end)))
        # In lines as the document takes them; a fold that is put in has its own.
        lines = [*insert.splitlines(), *([""] if insert.endswith(("\r", "\n")) else [])] or [""]
        if lines[0] in self._folds and start[1] > 0:
            lines.insert(0, "")
        if lines[-1] in self._folds and end[1] < len(self.document.get_line(end[0])):
            lines.append("")
        text = "\n".join(lines)
        return super()._replace_via_keyboard(text, start, end) if self._may_put(text, start, end) else None

    def _delete_via_keyboard(self, start: Location, end: Location) -> EditResult | None:
        if self.read_only:
            return None
        return super()._delete_via_keyboard(start, end) if self._may_put("", start, end) else None

    def _may_put(self, text: str, start: Location, end: Location) -> bool:
        """Whether no fold loses a part of its line, or gets something added to it; if one would, say so."""
        (top, left), (bottom, right) = sorted((min(start, self.document.end), min(end, self.document.end)))
        first, last = self.document.get_line(top), self.document.get_line(bottom)
        become = f"{first[:left]}{text}{last[right:]}".split("\n")
        if top == bottom:
            is_cut = first in self._folds and (left > 0 or right < len(first)) and first not in {become[0], become[-1]}
        else:
            is_cut = (first in self._folds and left > 0 and become[0] != first) or (
                last in self._folds and right < len(last) and become[-1] != last
            )
        if is_cut:
            self.post_message(self.Refused(_BY_HALF))
        return not is_cut

    def action_cut(self) -> None:
        start, end = sorted(self.selection)
        self._carry(self.document.lines[start[0] : end[0] + 1])
        super().action_cut()

    def action_copy(self) -> None:
        """Copy what is selected; a fold of which a part is selected comes whole."""
        (top, left), (bottom, right) = sorted(self.selection)
        if (top, left) == (bottom, right):
            raise SkipAction
        if self.document.get_line(top) in self._folds:
            left = 0
        if right and (last := self.document.get_line(bottom)) in self._folds:
            right = len(last)
        self._carry(self.document.lines[top : bottom + 1])
        self.app.copy_to_clipboard(self.get_text_range((top, left), (bottom, right)))

    def _carry(self, lines: Iterable[str]) -> None:
        self._carried = {line: self._folds[line] for line in lines if line in self._folds}

    # Folds.

    @property
    def fold(self) -> Fold | None:
        """The fold under the cursor."""
        return self._folds.get(self.document.get_line(self.cursor_location[0]))

    def is_fold(self, line: str) -> bool:
        """Whether a line that is just so stands for a body."""
        return line in self._folds

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter" and self.fold:
            event.stop()
            event.prevent_default()
            self._ask_about_fold(self.document.get_line(self.cursor_location[0]))

    def _ask_about_fold(self, line: str) -> None:
        fold = self._folds[line]
        answers = {"back": "Leave it as it is", "unfold": "Unfold it", "in": "Replace it with a file"}
        if self.read_only:
            answers = {"back": "Leave it as it is"}

        def answered(answer: str | None) -> None:
            match answer:
                case "unfold":
                    self.unfold(line)
                case "in" if why := folding.why_not_refilled(fold):
                    self.post_message(self.Refused(f"It cannot be replaced: {why}"))
                case "in" | "out":
                    self.post_message(self.FileRequested(self, answer, line, fold, self._newline))

        self.app.push_screen(ChoiceScreen(fold.words, answers | {"out": "Save it as a file"}), answered)

    def action_fold(self) -> None:
        """Unfold the body under the cursor, or fold it again."""
        line = self.document.get_line(self.cursor_location[0])
        if line in self._folds:
            self.unfold(line)
        elif not self.read_only:
            self._fold_here()

    def unfold(self, line: str) -> None:
        """Lay a folded body out as the lines it is made of."""
        fold = self._folds[line]
        if why := self.read_only_because or folding.why_not_lines(fold.octets, self._newline):
            self.post_message(self.Refused(f"It stays folded: {why}; it can be saved as a file"))
            return
        lines = folding.laid_out(fold, self._newline)
        if any(one in self._folds for one in lines):
            self.post_message(self.Refused("It stays folded: it has a line that a folded body here has as well"))
            return
        row = self._row_of(line)
        self._laid_out.append(fold)
        self.put_lines(row, row + 1, lines)

    def _fold_here(self) -> None:
        source, octet = self.source, self._offsets.of(self.cursor_location[0], 0)
        part = mime.structure(source).at(octet)
        region = folding.region(source, part) if octet >= part.body else None
        if region is None:
            self.post_message(self.Refused("There is no body of a part here that could be folded."))
            return
        first, last = self._offsets.at(region.start)[0], self._offsets.at(region.end)[0]
        self._laid_out = [fold for fold in self._laid_out if not fold.has(region.fold.octets)]
        self._put_fold(first, last + 1, region.fold)

    def refill(self, line: str, fold: Fold) -> None:
        """Put another fold in place of that which this line stands for."""
        if not self.read_only and line in self.document.lines:
            row = self._row_of(line)
            self._put_fold(row, row + 1, fold)

    def _put_fold(self, first: int, last: int, fold: Fold) -> None:
        others = {one for one in self.document.lines if one.startswith(MARK) and one not in self._folds}
        line = folding.line_for(fold, self._folds, others)
        self._folds[line] = fold
        self.put_lines(first, last, [line])
        self.move_cursor((first, 0))

    def _row_of(self, line: str) -> int:
        row = self.cursor_location[0]
        return row if self.document.get_line(row) == line else self.document.lines.index(line)


def _beginning(lines: Iterable[str]) -> Iterator[str]:
    """As many of them as are shown of a message that is too long."""
    left = _SHOWN_OF_TOO_MUCH
    for line in lines:
        yield line[:left]
        left -= len(line) + 1
        if left <= 0:
            return
