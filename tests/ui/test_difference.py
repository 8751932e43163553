"""What is written to the terminal: only what changes, and never so that the screen is wrong."""

import asyncio
from typing import Any, Final

import pytest
import textual
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual._compositor import ChopsUpdate, InlineUpdate, LayoutUpdate
from textual.geometry import Offset, Region
from textual.strip import Strip

from cfmail_tui.message import Place
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui import painting
from cfmail_tui.ui.difference import NotUnderstoodError, Shown
from cfmail_tui.ui.terminal import is_made_for
from tests.emulator import OPINIONS, Emulator, Opinion, as_textual, expected
from tests.ui.stage import LETTER, Stage, on_stage
from tests.ui.watched import wrong_cells

WIDTH, HEIGHT = 24, 3

CHARACTERS: Final = (
    "a", "b", " ", "é", "e\u0301", "n\u0303\u0323", "─", "│", "字", "か\u3099", "한", "\u1112\u1161\u11ab", "กำ", "ที่",
    "नि", "ش", "א", "😀", "👍🏽", "👨\u200d👩\u200d👧", "🇩🇪", "☁\ufe0f", "☁", "1\ufe0f\u20e3", "©", "\u200b", "\u200d",
    "\ufe0f", "\u0301", "\U0010ffff", "\ud800", "\x07", "\x9b",
)  # fmt: skip
"""Plain, wide, marked, joined, ambiguous, and such as are no characters at all."""

STYLES: Final = tuple(
    map(Style.parse, ["none", "red", "#102030 on #405060", "bold", "reverse", "bold dim italic", "bold red on blue"])
)

CONSOLE: Final = Console(color_system="truecolor", force_terminal=True)

texts = st.lists(st.sampled_from(CHARACTERS), min_size=1, max_size=8).map("".join)
segments = st.tuples(texts, st.sampled_from(STYLES)).map(lambda found: Segment(*found))
Column = tuple[int, list[Strip]]
"""A width, and the lines that stand in it."""


def columns(width: int) -> st.SearchStrategy[Column]:
    """Anything at all in so much room."""
    lines = st.lists(segments, max_size=6).map(lambda found: Strip(found).crop(0, width).extend_cell_length(width))
    return st.tuples(st.just(width), st.lists(lines, min_size=HEIGHT, max_size=HEIGHT))


def frame(*columns: Column) -> LayoutUpdate:
    """The whole screen at once."""
    side_by_side = zip(*(strips for _, strips in columns), strict=True)
    return LayoutUpdate([[*line] for line in side_by_side], Region(0, 0, WIDTH, HEIGHT))


def right_part(width: int, strips: list[Strip]) -> ChopsUpdate:
    """The right column only."""
    x = WIDTH - width
    chops = [{0: None, x: strip} for strip in strips]
    return ChopsUpdate(chops, [(y, x, WIDTH) for y in range(HEIGHT)], [[x, WIDTH]] * HEIGHT)


def screen(*words: str) -> Column:
    """These lines, and nothing else."""
    lines = (*words, *[""] * HEIGHT)[:HEIGHT]
    return WIDTH, [Strip([Segment(line)]).extend_cell_length(WIDTH) for line in lines]


FEW = settings(max_examples=30)
"""Each example is shown on several emulators, which takes its time."""


class Terminals:
    """What is written, shown by terminals that differ about the width of characters."""

    def __init__(self) -> None:
        self.shown = Shown()
        self.emulators = [Emulator(WIDTH, HEIGHT, opinion) for opinion in OPINIONS]
        self._cursor = Offset(0, 0)

    def update(self, update: Any, cursor: Offset = Offset(0, 0)) -> str:  # noqa: B008 - it cannot be changed
        self.shown.take(update, CONSOLE)
        written = self.shown.written(self._cursor)
        for emulator in self.emulators:
            emulator.feed(written + f"\x1b[{cursor.y + 1};{cursor.x + 1}H")
        self._cursor = cursor
        return written

    def compare(self, *columns: Column) -> None:
        for emulator in self.emulators:
            for y in range(HEIGHT):
                line = [(width, strips[y]) for width, strips in columns]
                wrong = wrong_cells(emulator, y, expected(line, CONSOLE))
                assert not wrong, "\n".join(wrong)


@FEW
@given(
    st.lists(st.tuples(columns(WIDTH), st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1)), min_size=2, max_size=4)
)
def test_any_screen_after_any_other(steps: list[tuple[Column, int, int]]) -> None:
    """Whatever was shown before, the terminal shows what it should, and a character of unknown width harms no other."""
    terminals = Terminals()
    for column, x, y in steps:
        terminals.update(frame(column), Offset(x, y))
        terminals.compare(column)
    assert terminals.update(frame(column)) == ""


@FEW
@given(
    st.integers(1, WIDTH - 1).flatmap(lambda cut: st.tuples(columns(cut), columns(WIDTH - cut), columns(WIDTH - cut)))
)
def test_a_part_of_the_screen(parts: tuple[Column, Column, Column]) -> None:
    """An update of a part changes that part, and what was known of the rest stays."""
    left, before, after = parts
    terminals = Terminals()
    terminals.update(frame(left, before))
    terminals.compare(left, before)
    terminals.update(right_part(*after))
    terminals.compare(left, after)
    assert terminals.update(frame(left, after)) == ""


@given(columns(WIDTH))
def test_what_is_not_known_is_written(column: Column) -> None:
    """Once forgotten, everything is written, whatever the terminal shows."""
    terminals = Terminals()
    terminals.update(frame(column))
    for emulator in terminals.emulators:
        emulator.spoil()
    terminals.shown.forget()
    terminals.update(frame(column))
    terminals.compare(column)


@pytest.mark.parametrize(
    ("before", "after", "written"),
    [
        ("one", "one", ""),
        ("one", "onE", "\x1b[2CE"),
        ("one two", "oNe tWo", "\x1b[CNe tW"),
        ("one two three", "oNe two Three", "\x1b[CN\x1b[6CT"),
        ("a字b", "axyb", "\x1b[Cxy"),
        ("字 quick o", "漢 quick x", "漢\x1b[7Cx"),
        ("axyb", "a字b", "\x1b[C字"),
        ("cafe", "cafe\u0301", "\x1b[3Ce\u0301"),
    ],
)
def test_the_changed_middle(before: str, after: str, written: str) -> None:
    """Only what changed of a line is written, each time with the shortest move."""
    terminals = Terminals()
    terminals.update(frame(screen(before)))
    assert terminals.update(frame(screen(after))) == written


def test_half_a_wide_character() -> None:
    """What overwrites half of a wide character makes a blank of the rest, and the character comes back whole."""
    terminals = Terminals()
    whole = [Strip([Segment("字" * (WIDTH // 2))])] * HEIGHT
    terminals.update(frame((WIDTH, whole)))
    right = WIDTH - 3, [Strip([Segment("x" * (WIDTH - 3))])] * HEIGHT
    terminals.update(right_part(*right))
    terminals.compare((3, [Strip([Segment("字 ")])] * HEIGHT), right)
    terminals.update(frame((WIDTH, whole)))
    terminals.compare((WIDTH, whole))


def test_a_line_of_unknown_width_is_written_whole() -> None:
    """Where terminals differ about a character, its line is written whole, and it stands between two moves."""
    terminals = Terminals()
    terminals.update(frame(screen("ab☁c", "x")))
    assert terminals.update(frame(screen("ab☁d", "x"))).startswith("ab \x1b[1;3H☁\x1b[1;4Hd")


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("none", "bold", "\x1b[1m"),
        ("bold", "none", "\x1b[m"),
        ("bold red", "bold blue", "\x1b[34m"),
        ("bold red", "red", "\x1b[0;31m"),
        ("red on blue", "on blue", "\x1b[39m"),
    ],
)
def test_the_shortest_change_of_style(before: str, after: str, change: str) -> None:
    """Of a style only what differs is written, and a style ends with the update."""
    terminals = Terminals()
    line = Strip([Segment("a", Style.parse(before)), Segment("b", Style.parse(after))]).extend_cell_length(WIDTH)
    written = terminals.update(frame((WIDTH, [line] * HEIGHT)))
    assert f"a{change}b" in written
    assert Emulator(WIDTH, HEIGHT).cursor.attrs == terminals.emulators[0].cursor.attrs


@pytest.mark.parametrize(
    "update",
    [
        InlineUpdate(screen()[1]),
        LayoutUpdate([[strip] for strip in screen()[1]], Region(1, 0, WIDTH, HEIGHT)),
        LayoutUpdate([[Strip([Segment("short")])]], Region(0, 0, WIDTH, 1)),
        LayoutUpdate([[Strip([Segment("x" * WIDTH, Style(link="https://example.com"))])]], Region(0, 0, WIDTH, 1)),
        ChopsUpdate([{0: screen()[1][0]}], [(0, 0, WIDTH)], [[WIDTH, WIDTH]]),
        ChopsUpdate([], [], []),
    ],
    ids=["inline", "offset", "short", "link", "ends", "nothing"],
)
def test_what_is_not_understood(update: Any) -> None:
    """An update that is made otherwise than expected is told, and what is shown is not known after it."""
    terminals = Terminals()
    column = screen("one")
    whole = terminals.update(frame(column))
    with pytest.raises(NotUnderstoodError):
        terminals.shown.take(update, CONSOLE)
    terminals.shown.take(frame(column), CONSOLE)
    assert len(terminals.shown.written(Offset(0, 0))) >= len(whole)


# The app.


def spoil(stage: Stage) -> None:
    """Let the terminal show something else, unknown to the program."""
    for emulator in stage.app.terminal.emulators:
        emulator.spoil()


async def test_painting_anew(connected: Sandbox) -> None:
    """Whatever the terminal shows: after a key, with the focus, and with another theme it is right again."""
    async with on_stage(LETTER) as stage:
        stage.app.post_message(events.AppBlur())
        for again in (
            lambda: stage.app.post_message(events.Key("ctrl+backslash", None)),
            lambda: stage.app.post_message(events.AppFocus()),
            lambda: setattr(stage.app, "theme", "textual-light"),
        ):
            spoil(stage)
            assert stage.app.wrong_cells()
            again()
            await stage.until("Hi Bob")


async def test_a_resize_paints_anew(connected: Sandbox) -> None:
    """After a resize everything is written, also when the size is what it was."""
    async with on_stage(LETTER) as stage:
        for size in ((100, 30), (100, 30), (40, 10), (80, 24)):
            spoil(stage)
            await stage.resize(*size)
            await stage.settled()
            assert stage.app.size == size


async def test_what_is_lost_is_written_again(connected: Sandbox) -> None:
    """When the driver has lost something, no more is taken to be shown than is written after that."""
    async with on_stage(LETTER) as stage:
        spoil(stage)
        stage.app.terminal.losses += 1
        stage.app.screen.refresh()
        await stage.until("Hi Bob")


async def test_bytes_for_a_key(connected: Sandbox) -> None:
    """A letter costs at most 150 octets, in a field and in the body, small screen or large; nothing typed, none."""
    for size in ((80, 24), (200, 60)):
        async with on_stage(LETTER, size) as stage:
            for place in ("body", "field"):
                costs = []
                for letter in "the quick brown fox jumps":
                    before = stage.app.terminal.written
                    await stage.type(letter)
                    costs.append(stage.app.terminal.written - before)
                assert sorted(costs)[len(costs) // 2] <= 150, place
                assert sum(costs) / len(costs) <= 500, place
                before = stage.app.terminal.written
                await stage.press("shift+tab")
                assert stage.app.terminal.written - before <= 1500, place


async def test_another_textual_writes_by_itself(connected: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a Textual that this was not made for, everything is written as Textual does, and shows all the same."""
    assert not is_made_for("8.3.0")
    monkeypatch.setattr(textual, "__version__", "8.3.0")
    async with on_stage(LETTER) as stage:
        before = stage.app.terminal.written
        await stage.type("x")
        assert stage.app.terminal.written - before > 1500


async def test_a_slow_line(connected: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a slow line nothing is animated, and what changes many times within a frame is written once."""
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22")
    async with on_stage(LETTER) as stage:
        assert stage.app.animation_level == "none"
        monkeypatch.setattr(painting, "FRAME", 0.5)
        frames = 0

        def count() -> None:
            nonlocal frames
            frames += 1

        monkeypatch.setattr(stage.app.terminal, "flush", count)
        await stage.type("a whole sentence, typed at once")
        await stage.until(lambda: not stage.app.wrong_cells())
        assert frames <= 5


async def test_what_waits_is_not_lost(connected: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """An update that is not understood, while another waits for the slow line, takes nothing of that away."""
    async with on_stage(LETTER) as stage:
        stage.app.set_slow_line(slow=True)
        monkeypatch.setattr(painting, "FRAME", 60.0)
        stage.form.field(Place.SUBJECT).text = "Waits"
        await stage.rest()
        assert stage.app.wrong_cells()
        take, bad = Shown.take, iter([InlineUpdate([])])
        monkeypatch.setattr(painting, "FRAME", 0.05)
        monkeypatch.setattr(Shown, "take", lambda shown, update, console: take(shown, next(bad, update), console))
        stage.form.field(Place.TO).text = "not.understood@example.com"
        await stage.until("not.understood")


class Player:
    """Someone who does anything at all, and looks at the screen after each step."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def do(self, step: tuple[str, Any]) -> None:
        stage, app = self._stage, self._stage.app
        match step:
            case "type", str(characters):
                for char in characters:
                    app.post_message(events.Key("a", char))
            case "paste", str(characters):
                app.post_message(events.Paste(characters))
            case "press", str(key):
                app.post_message(events.Key(key, None))
            case "resize", (int(width), int(height)):
                await stage.resize(width, height)
            case "scroll", int(row):
                kind = events.MouseScrollDown if row % 2 else events.MouseScrollUp
                app.post_message(kind(None, 10, row, 0, 1, 0, shift=False, meta=False, ctrl=False))
            case "slow", bool(slow):
                app.set_slow_line(slow=slow)
            case "lose", _:
                spoil(stage)
                app.terminal.losses += 1
                app.paint_anew()
        await stage.rest()
        await stage.until(lambda: True)


KEYS: Final = (
    "up", "down", "left", "right", "home", "end", "pageup", "pagedown", "backspace", "delete", "enter", "tab",
    "shift+tab", "shift+left", "shift+up", "ctrl+k", "ctrl+z", "f1", "f2", "f3", "f5", "f6", "f7", "f8", "f9", "f10",
    "f11", "ctrl+t", "ctrl+n", "ctrl+backslash", *["f12", "escape"] * 4,
)  # fmt: skip
STEPS: Final = (
    *(("type", char) for char in CHARACTERS if char not in "\x07\x9b\ud800"),
    *(("press", key) for key in KEYS),
    *(("scroll", row) for row in range(0, 24, 5)),
    *(("resize", size) for size in ((80, 24), (20, 6), (47, 13), (79, 24), (130, 40))),
    ("paste", "👍🏽 字\n" * 30),
    ("slow", True),
    ("slow", False),
    ("lose", 0),
)


@pytest.mark.slow
@pytest.mark.timeout(400)  # it is long, and the machine may be busy
@settings(max_examples=settings().max_examples // 10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(course=st.lists(st.sampled_from(STEPS), min_size=80, max_size=100), opinion=st.sampled_from(OPINIONS))
def test_anything_at_all(connected: Sandbox, opinion: Opinion, course: list[tuple[str, Any]]) -> None:
    """Typing, resizing, scrolling, screens that come and go, in any order: no terminal ever shows a wrong screen."""

    async def play() -> None:
        async with on_stage(LETTER, opinions=(as_textual, opinion)) as stage:
            player = Player(stage)
            for step in course:
                note(repr(step))
                await player.do(step)

    asyncio.run(play())
