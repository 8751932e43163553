"""The body's text, of any length: it is what Textual's own would be, and a key costs the same in a long one."""

import sys
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.document._document import Document, Location, Selection
from textual.document._wrapped_document import WrappedDocument
from textual.geometry import Offset, Region
from textual.widgets import TextArea

from cfmail_tui.ui import document
from cfmail_tui.ui.document import LongDocument, LongWrappedDocument, Rows
from cfmail_tui.ui.fields import Body

words = st.text(st.sampled_from("ab \t字é\u0301😀"), max_size=30)
texts = st.lists(words, max_size=12).map("\n".join)
places = st.tuples(st.integers(0, 14), st.integers(0, 32))
edits = st.lists(st.tuples(places, places, texts), max_size=6)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of so few lines that a short text has several."""
    monkeypatch.setattr(document, "BLOCK", 3)


def inside(text: Document, place: tuple[int, int]) -> tuple[int, int]:
    """The nearest place that is one of this text."""
    line = min(place[0], text.line_count - 1)
    return line, min(place[1], len(text[line]))


@given(st.text("ab  ", max_size=80), st.integers(1, 9))
def test_a_plain_line_is_broken_as_upstream(line: str, width: int) -> None:
    """A line of single cells, which is broken in a quicker way, is broken at the same places."""
    theirs, ours = WrappedDocument(Document(line), width), LongWrappedDocument(LongDocument(line), width)
    assert ours.get_offsets(0) == theirs.get_offsets(0)
    assert ours.get_tab_widths(0) == theirs.get_tab_widths(0)


@given(texts, edits, st.sampled_from([0, 1, 7, 20]))
def test_the_same_as_upstream(text: str, edits: list[tuple[Any, Any, str]], width: int) -> None:
    """After any edits, lines, sizes and places are those of Textual's own document."""
    theirs, ours = Document(text), LongDocument(text)
    their_rows, our_rows = WrappedDocument(theirs, width), LongWrappedDocument(ours, width)
    for start, end, new in (*edits, ((0, 0), (0, 0), "")):
        top, bottom = sorted((inside(theirs, start), inside(theirs, end)))
        result = theirs.replace_range(top, bottom, new)
        assert ours.replace_range(top, bottom, new) == result
        for rows in (their_rows, our_rows):
            rows.wrap_range(top, bottom, result.end_location)
        assert (ours.text, ours.get_size(4)) == (theirs.text, theirs.get_size(4))
        assert (our_rows.height, our_rows.lines, our_rows.wrapped) == (
            their_rows.height, their_rows.lines, their_rows.wrapped,
        )  # fmt: skip
        for y in range(-1, their_rows.height + 2):
            assert our_rows.offset_to_location(Offset(3, y)) == their_rows.offset_to_location(Offset(3, y))
        for line in range(theirs.line_count):
            place = (line, len(theirs[line]))
            assert our_rows.location_to_offset(place) == their_rows.location_to_offset(place)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=20), st.data())
def test_rows(heights: list[int], data: st.DataObject) -> None:
    """Every row belongs to one line and every line has its rows, whatever was replaced."""
    rows = Rows(heights)
    for _ in range(3):
        first = data.draw(st.integers(0, len(heights) - 1))
        last = data.draw(st.integers(first, len(heights) - 1))
        new = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=12))
        heights[first : last + 1] = new
        rows.replace(first, last, new)
        expected = [(line, above) for line, height in enumerate(heights) for above in range(height)]
        assert [rows.at(row) for row in range(rows.height)] == expected
        assert [*chain.from_iterable(map(rows.of, range(rows.lines)))] == [*range(len(expected))]
    for beyond in (rows.height, -1):
        with pytest.raises(IndexError):
            rows.at(beyond)


@pytest.mark.parametrize("soft_wrap", [True, False], ids=["wrapped", "unwrapped"])
async def test_a_shorter_text(soft_wrap: bool) -> None:
    """A cursor that stands where the text is no more, because it was replaced or a paste undone, harms nobody."""
    body = Body("one", id="text", soft_wrap=soft_wrap)
    async with Editor(body).run_test(size=(80, 24)) as pilot:
        for make_shorter in (body.undo, lambda: body.load_text("two")):
            bars = []
            for act in (lambda: body.insert("\n".join(map(str, range(100)))), make_shorter):
                act()
                await pilot.pause()
                bars.append(body.show_vertical_scrollbar)
            assert bars == [True, False]
            assert body.cursor_location <= body.document.end


async def test_a_text_is_wrapped_at_once() -> None:
    """A text that takes another's place is wrapped as that was."""
    body = Body("one", id="text")
    async with Editor(body).run_test(size=(20, 10)) as pilot:
        body.load_text("word " * 10)
        await pilot.pause()
        assert body.wrapped_document.height == 4
        assert "word word word" in body.render_line(2).text


async def test_a_text_of_the_same_size_is_drawn() -> None:
    """A text that takes another's place is seen, also where nothing else tells them apart."""
    body = Body("typed", id="text")
    async with Editor(body).run_test(size=(20, 10)) as pilot:
        assert body.render_line(0).text.startswith("typed")
        body.text = "wrote"
        await pilot.pause()
        strips = pilot.app.screen._compositor.render_strips(pilot.app.size)
        assert "wrote" in "".join(segment.text for segment in strips[0])


@pytest.mark.parametrize("selection", [((0, 0), (0, 0)), ((0, 95), (0, 70)), ((0, 250), (1, 2)), ((1, 3), (0, 9))])
async def test_a_row_of_a_long_line(selection: tuple[Location, Location]) -> None:
    """A row of a line that covers many looks as Textual would draw it, with tabs, wide letters, selection, cursor."""
    long = "".join(f"{number} wörd 中文\tt\x1bx " for number in range(40))
    body = Body(f"{long}\nshort", id="text")
    async with Editor(body).run_test(size=(20, 60)) as pilot:
        body.focus()
        body.selection = Selection(*selection)
        await pilot.pause()
        assert body.wrapped_document.height > 24
        for y in range(body.wrapped_document.height):
            assert [*body._render_line(y)] == [*TextArea._render_line(body, y)]


class Editor(App[None]):
    """A body and nothing else."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self.body = body

    def compose(self) -> ComposeResult:
        yield self.body


JOINING = vars(Document)["text"].fget.__code__


def calls(work: Callable[[], object]) -> int:
    """How many functions are called, in Python and in C, and how many steps generators take."""
    count = 0

    def seen(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        assert frame.f_code is not JOINING, "the whole text was asked for"
        count += event in {"call", "c_call"}

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


async def cost_of_keys(lines: int, *, soft_wrap: bool) -> list[int]:
    """What keys cost at the top of a text of so many lines, painting included."""
    body = Body("\n".join(repeat("(" + "x" * 75, lines)), id="text", soft_wrap=soft_wrap)

    def key(act: Callable[[], object]) -> int:
        def work() -> None:
            act()
            body.render_lines(Region(0, 0, 80, 24))

        return calls(work)

    async with Editor(body).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        keys: Iterator[Callable[[], object]] = iter(
            [
                lambda: body.insert("a"),
                lambda: body.insert("("),
                lambda: body.insert("\n"),
                body.action_delete_left,
                body.action_cursor_right,
                body.action_cursor_down,
                body.undo,
            ]
        )
        key(lambda: body.insert("first"))  # what is measured once is measured
        return [key(act) for act in keys]


@pytest.mark.parametrize("soft_wrap", [True, False], ids=["wrapped", "unwrapped"])
async def test_a_key_in_a_long_text(monkeypatch: pytest.MonkeyPatch, soft_wrap: bool) -> None:
    """A key costs no more in twenty thousand lines than in two hundred, and never asks for the whole text."""
    monkeypatch.setattr(document, "BLOCK", 512)
    short = await cost_of_keys(200, soft_wrap=soft_wrap)
    long = await cost_of_keys(20_000, soft_wrap=soft_wrap)
    assert all(more <= less * 1.2 + 50 for less, more in zip(short, long, strict=True)), (short, long)
