"""The pane of a preview: outside text stays text, a picture is whole in every size, with and without colours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePath

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Size
from textual.pilot import Pilot
from textual.strip import Strip

from cfmail_tui.preview import Picture, Preview
from cfmail_tui.ui import app as ui
from cfmail_tui.ui.preview import PreviewPane
from tests.ui.hostile import HOSTILE, acting

RED, BLUE, BLACK, WHITE = (255, 0, 0), (0, 0, 255), (0, 0, 0), (255, 255, 255)


LOOKS: list[str | PurePath] = [Path(ui.__file__).with_name(f"{name}.tcss") for name in ("form", "screens")]


class Bench(App[None]):
    """The pane alone, in the program's looks."""

    CSS_PATH = LOOKS

    def __init__(self) -> None:
        super().__init__()
        self.pane = PreviewPane()
        self.resized = 0

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_preview_pane_resized(self) -> None:
        self.resized += 1

    def strips(self) -> list[Strip]:
        return self.screen._compositor.render_strips(self.size)

    def lines(self) -> list[str]:
        return ["".join(segment.text for segment in strip).rstrip() for strip in self.strips()]


@asynccontextmanager
async def benched(preview: Preview, size: tuple[int, int] = (40, 12)) -> AsyncIterator[tuple[Bench, Pilot[None]]]:
    bench = Bench()
    async with bench.run_test(size=size) as pilot:
        bench.pane.show(preview)
        await pilot.pause()
        yield bench, pilot


def chequered(width: int, height: int) -> Picture:
    """Red above and left, blue elsewhere."""
    rows = tuple(
        tuple(RED if x < width // 2 and y < height // 2 else BLUE for x in range(width)) for y in range(height)
    )
    return Picture(width, rows)


def colours(strip: Strip) -> list[tuple[str, object, object]]:
    """Each cell that is not blank: the character, and the colours of its upper and lower half."""
    found: list[tuple[str, object, object]] = []
    for segment in strip:
        style = segment.style
        assert style
        upper = tuple(style.color.triplet) if style.color and style.color.triplet else None
        lower = tuple(style.bgcolor.triplet) if style.bgcolor and style.bgcolor.triplet else None
        found += [(char, upper, lower) for char in segment.text if char != " "]
    return found


async def test_facts_and_lines_are_shown() -> None:
    """Facts, each in a line, a blank line, then what is in the file."""
    async with benched(Preview(("zip archive, 2 entries", "encrypted"), ("a", "\tb"))) as (bench, _):
        assert bench.lines()[:5] == [" zip archive, 2 entries", " encrypted", "", " a", "         b"]


async def test_a_long_line_is_cut_at_the_edge() -> None:
    """A line stays one line, and shows that it goes on."""
    async with benched(Preview(("x" * 99,), ("y" * 99, "z"))) as (bench, _):
        lines = bench.lines()
        assert lines[0] == " " + "x" * 37 + "…"
        assert lines[2] == " " + "y" * 37 + "…"
        assert lines[3] == " z"


@pytest.mark.parametrize("text", [HOSTILE, "[@click=app.quit]x[/]", "a\nb", "\x1b[31m\x9b1m\r\x7f"])
async def test_what_is_in_a_file_cannot_act(text: str) -> None:
    """Markup, controls and line ends in facts and lines are shown as what they are, each in its line."""
    async with benched(Preview((text, "second fact"), (text, "second line")), (200, 12)) as (bench, _):
        for segment in (segment for strip in bench.strips() for segment in strip):
            assert not acting(segment.text)
            assert not segment.control
            assert not (segment.style and (segment.style.link or "@click" in segment.style.meta))
        assert bench.lines()[1] == " second fact"
        assert bench.lines()[4] == " second line"


async def test_a_picture_is_drawn_in_half_blocks() -> None:
    """A cell shows two pixels, one above the other, in their colours."""
    async with benched(Preview(("picture",), picture=Picture(2, ((RED, BLUE), (BLUE, RED), (WHITE, BLACK))))) as (
        bench,
        _,
    ):
        assert bench.lines()[2:5] == [" ▀▀", " ▀▀", ""]
        first, second = colours(bench.strips()[2]), colours(bench.strips()[3])
        assert first == [("▀", RED, BLUE), ("▀", BLUE, RED)]
        assert [upper for _, upper, _ in second] == [WHITE, BLACK]
        assert {lower for *_, lower in second}.isdisjoint({RED, BLUE, WHITE, BLACK})


async def test_without_colours_a_picture_is_drawn_in_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR: brightness is told by characters, not by colours."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with benched(Preview(("picture",), picture=Picture(3, ((BLACK, RED, WHITE),) * 2))) as (bench, _):
        assert bench.lines()[2].startswith("  :@")


@pytest.mark.parametrize("size", [(40, 12), (20, 8), (7, 5), (120, 36)])
async def test_a_picture_is_whole_in_every_size(size: tuple[int, int]) -> None:
    """In less room than it was made for, a picture is thinned out, not cut; in more it keeps its size."""
    async with benched(Preview(("picture",), picture=chequered(60, 40))) as (bench, pilot):
        await pilot.resize_terminal(*size)
        await pilot.pause()
        drawn = [cells for strip in bench.strips()[2:] if (cells := colours(strip))]
        step = max(1, 60 / (size[0] - 2), 20 / (size[1] - 2))
        assert abs(len(drawn) - 20 / step) <= 1
        assert all(abs(len(cells) - 60 / step) <= 1 for cells in drawn)
        assert drawn[0][0][1] == RED
        assert drawn[0][-1][1] == BLUE
        assert drawn[-1][0][1] == BLUE


async def test_the_next_preview_replaces_the_last() -> None:
    """Nothing of the last file stays when another, or none, is shown."""
    async with benched(Preview(("picture",), picture=chequered(4, 4))) as (bench, pilot):
        bench.pane.show(Preview(("text",), ("line",)))
        await pilot.pause()
        assert [*filter(None, bench.lines())] == [" text", " line"]
        bench.pane.show(None)
        await pilot.pause()
        assert not any(bench.lines())


async def test_a_new_size_is_told() -> None:
    """Who owns the pane learns that it has another size, and how much room there is for the next preview."""
    async with benched(Preview(("text",))) as (bench, pilot):
        told = bench.resized
        assert bench.pane.room == (38, 12)
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        assert bench.resized > told
        assert bench.pane.room == (58, 20)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 1)])
async def test_the_smallest_panes_show_something_or_nothing(size: tuple[int, int]) -> None:
    """However small it is, the pane can be drawn."""
    for preview in (Preview(("text",), ("line",)), Preview(("picture",), picture=chequered(60, 40)), Preview(())):
        async with benched(preview, size) as (bench, _):
            assert len(bench.strips()) == size[1]
            assert Size(*bench.pane.room).area >= 0
