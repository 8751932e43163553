"""The editor of a raw message: folds that come and go whole, octets that stay what they are, places, undo."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePath

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

import cfmail_tui.ui
from cfmail_tui import mime
from cfmail_tui.ui.finding import FindBar
from cfmail_tui.ui.source import SourceArea
from tests.core.nasty_mails import NASTY
from tests.core.test_folding import BINARY, MAIL, MIXED, PICTURE, TEXT, part
from tests.ui.hostile import CONTROLS, acting

LOOKS: list[str | PurePath] = [Path(cfmail_tui.ui.__file__).with_name(f"{name}.tcss") for name in ("form", "screens")]


class SourceApp(App[None]):
    """An editor and its bar by themselves."""

    CSS_PATH = LOOKS

    def __init__(self) -> None:
        super().__init__()
        self.area = SourceArea(id="source")
        self.bar = FindBar(self.area)
        self.refused: list[str] = []
        self.pilot: Pilot[None]

    def compose(self) -> ComposeResult:
        yield self.area
        yield self.bar

    def on_source_area_refused(self, message: SourceArea.Refused) -> None:
        self.refused.append(message.words)

    def take(self, source: bytes) -> None:
        self.area.take(source, mime.structure(source))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def lines(self) -> list[str]:
        strips = self.screen._compositor.render_strips(self.size)
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    @property
    def lines_of_source(self) -> list[str]:
        return list(self.area.document.lines)

    @property
    def fold_lines(self) -> list[str]:
        return [line for line in self.lines_of_source if self.area.is_fold(line)]

    def to_fold(self) -> None:
        """The cursor on the first fold."""
        self.area.move_cursor((self.lines_of_source.index(self.fold_lines[0]), 0))


@asynccontextmanager
async def editing(source: bytes = MAIL) -> AsyncIterator[SourceApp]:
    app = SourceApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.pilot = pilot
        app.take(source)
        app.area.focus()
        await pilot.pause()
        yield app


async def test_every_mail_is_what_it_was() -> None:
    """Whatever is opened comes out octet for octet, also after a key and its undo, or cannot be edited and says why."""
    async with editing() as app:
        for name, source in NASTY.items():
            app.take(source)
            app.area.type_over("x", (0, 0), (0, 0))
            await app.pilot.pause()
            if app.area.read_only_because:
                assert app.area.source == source, name
                continue
            assert app.area.source == b"x" + source, name
            app.area.undo()
            assert app.area.source == source, name


async def test_another_message_is_shown_from_its_beginning() -> None:
    """Wherever the cursor was in the one before."""
    async with editing() as app:
        app.area.move_cursor((9, 3))
        app.take(MIXED + TEXT)
        assert app.area.cursor_location == (0, 0)


async def test_nothing_in_a_message_acts_on_the_terminal() -> None:
    """Controls and marks that turn text are visible characters, in the source, in folds, in what can only be read."""
    hostile = "|".join(CONTROLS).replace("\r", "").replace("\n", "").encode()
    evil = hostile.replace(b"\0", b"").replace("\x85".encode(), b"").replace("\u2028".encode(), b"")
    named = part(b'image/png; name="%s"' % evil, b"QUJD" * 300)
    for source in (MIXED + evil + b"\r\n" + named, MIXED + hostile + b"\r\n\xfc\x9b\r\n" + named):
        async with editing(source) as app:
            app.area.go_to(source.index(b"--b"))
            await app.pilot.pause()
            shown = "\n".join(app.lines())
            assert not acting(shown.replace("\n", ""))
            assert "␛" in shown
            assert "▸ base64" in shown
            app.to_fold()
            await app.press("enter")
            assert "Save it" in "\n".join(app.lines())
            assert not acting("".join(app.lines()))


ON_A_FOLD = ["x", "backspace", "delete", "ctrl+w", "ctrl+k", "ctrl+u", "space"]


@pytest.mark.parametrize("key", ON_A_FOLD)
async def test_no_key_changes_a_fold_by_half(key: str) -> None:
    """Within the line that stands for a body every key that would change it is refused, with a word why."""
    async with editing() as app:
        app.to_fold()
        await app.press("right", "right", "right", key)
        assert app.area.source == MAIL
        assert "whole body" in app.refused[0]


async def test_a_selection_that_cuts_a_fold_is_not_deleted() -> None:
    """What reaches into a fold from above or below stays, all of it."""
    async with editing() as app:
        app.to_fold()
        row = app.area.cursor_location[0]
        for start, end in (((row - 2, 0), (row, 5)), ((row, 5), (row + 1, 0)), ((row, 2), (row, 9))):
            app.area.select(start, end)
            await app.press("delete", "x", "ctrl+x")
            assert app.area.source == MAIL
        app.area.select((row - 1, 0), (row + 1, 0))
        await app.press("delete")
        assert len(app.fold_lines) == 1


async def test_lines_can_be_put_around_a_fold() -> None:
    """Enter at the end of the line before, and a line taken from after it, leave the body what it is."""
    async with editing() as app:
        app.to_fold()
        await app.press("up", "enter", "x", "enter")
        assert app.area.source == MAIL.replace(PICTURE, PICTURE.replace(b"\r\n\r\n", b"\r\n\r\nx\r\n\r\n", 1))
        assert not app.refused


async def test_cutting_a_fold_cuts_the_body() -> None:
    """Ctrl+X takes the body out, Ctrl+V puts it where the cursor is, whole, and undo brings all back."""
    async with editing() as app:
        app.to_fold()
        (line, _) = app.fold_lines
        await app.press("ctrl+x")
        assert len(app.fold_lines) == 1
        app.area.move_cursor((2, 5))
        await app.press("ctrl+v")
        assert app.lines_of_source[2:5] == ["Subje", line, "ct: x"]
        body = PICTURE.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n\r\n")
        assert b"Subje\r\n" + body + b"\r\nct: x" in app.area.source
        await app.press("ctrl+z", "ctrl+z")
        assert app.area.source == MAIL


async def test_a_body_is_copied_into_another_message() -> None:
    """What was copied as a line is the body in the next message too, also if only a part of the line was selected."""
    async with editing() as app:
        app.to_fold()
        row = app.area.cursor_location[0]
        app.area.select((row, 4), (row, 9))
        await app.press("ctrl+c")
        app.take(MIXED + TEXT)
        app.area.move_cursor(app.area.document.end)
        await app.press("ctrl+v")
        body = PICTURE.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n\r\n")
        assert app.area.source == MIXED + TEXT + body


async def test_a_body_is_unfolded_and_folded_again() -> None:
    """Enter and Unfold lay the body out, where it can be edited; the fold action takes it together again."""
    async with editing() as app:
        app.to_fold()
        await app.press("enter", "down", "enter")
        assert len(app.fold_lines) == 1
        assert app.area.source == MAIL
        await app.press("x")
        assert app.area.source == MAIL.replace(b"AAEC", b"xAAEC", 1)
        app.area.action_fold()
        assert len(app.fold_lines) == 2
        assert app.area.source == MAIL.replace(b"AAEC", b"xAAEC", 1)
        await app.press("ctrl+z", "ctrl+z", "ctrl+z")
        assert (len(app.fold_lines), app.area.source) == (2, MAIL)
        await app.press("ctrl+y")
        assert (len(app.fold_lines), app.area.source) == (1, MAIL)


async def test_what_cannot_be_unfolded_says_why() -> None:
    """A binary body stays folded, with the reason; where no body is, nothing is folded."""
    async with editing(MIXED + BINARY + b"--b--\r\n") as app:
        app.to_fold()
        app.area.action_fold()
        await app.pilot.pause()
        assert "not UTF-8" in app.refused[0] or "U+0000" in app.refused[0]
        app.area.move_cursor((0, 0))
        app.area.action_fold()
        await app.pilot.pause()
        assert "no body" in app.refused[1]


async def test_a_change_is_one_undo() -> None:
    """What a fix makes of the message is one edit: folds and cursor stay, and Ctrl+Z takes just that back."""
    fixed = MAIL.replace(b"Subject: x\r\n", b"").replace(b"Hello.", b"Hallo,\r\nBob.").replace(b"b.bin", b"c.bin")
    async with editing() as app:
        app.to_fold()
        line = app.lines_of_source[app.area.cursor_location[0]]
        app.area.move_cursor((0, 3))
        await app.press("x")
        app.area.become(fixed)
        assert app.area.source == fixed
        assert (app.fold_lines[0], app.area.cursor_location) == (line, (0, 4))
        await app.press("ctrl+z")
        assert app.area.source == MAIL[:3] + b"x" + MAIL[3:]
        await app.press("ctrl+z")
        assert app.area.source == MAIL


async def test_a_change_leaves_what_is_unfolded() -> None:
    """A body that was laid out stays so while something else is fixed."""
    async with editing() as app:
        app.to_fold()
        app.area.action_fold()
        lines = app.area.document.line_count
        app.area.become(MAIL.replace(b"Subject: x", b"Subject: y"))
        assert app.area.document.line_count == lines
        app.area.become(MAIL.replace(b"Subject: x", b"Subject: y").replace(b"--b--", b"--b--\r\n"))
        assert app.area.document.line_count == lines + 1


async def test_what_made_a_message_editable_is_taken_back() -> None:
    """A re-encoding opens the source for keys; undone, it is the old one again, to be read only."""
    source = MAIL.replace(b"Hello.", b"Gr\xfc\xdfe.")
    async with editing(source) as app:
        assert "UTF-8" in app.area.read_only_because
        app.area.become(MAIL)
        await app.press("x", "ctrl+z", "ctrl+z")
        assert (app.area.source, app.area.read_only) == (source, True)


async def test_places_are_octets() -> None:
    """The cursor goes to an octet of the message and says which it is before, with folds above, in LF and read-only."""
    for source in (MAIL, MAIL.replace(b"\r\n", b"\n"), MAIL.replace(b"Hello.", b"Gr\xfc\xdfe.")):
        async with editing(source) as app:
            for sought in (b"Subject", b"image", b"b.bin", b"--b--"):
                offset = source.index(sought)
                app.area.go_to(offset, offset + len(sought))
                assert app.area.octet == offset
                assert app.area.selected_text.encode() == sought
            app.area.go_to(source.index(b"AAEC") + 10)
            assert app.area.fold
            assert app.area.fold.filename == "a.png"


async def test_places_follow_what_is_typed() -> None:
    """After lines were typed above, an octet is where it is now."""
    async with editing() as app:
        app.area.go_to(MAIL.index(b"image"))
        app.area.move_cursor((0, 0))
        await app.press("ü", "enter", "enter")
        app.area.go_to(app.area.source.index(b"b.bin"))
        assert app.area.octet == app.area.source.index(b"b.bin")


async def test_colours() -> None:
    """Field names, encoded words, delimiters and folds look different, not only in colour; a header typed anew too."""
    source = MAIL.replace(b"Subject: x", b"Subject: =?utf-8?q?x?= y")

    def style_of(app: SourceApp, text: str) -> str:
        row, line = next((row, line) for row, line in enumerate(app.lines_of_source) if text in line)
        spans = app.area.get_line(row).spans
        return next((str(one.style) for one in spans if one.start <= line.index(text) < one.end), "")

    async with editing(source) as app:
        found = [style_of(app, text) for text in ("Subject:", "=?utf-8?q?x?=", "--b", "▸ base64", "Hello.")]
        assert [next(word for word in style.split() if word != "not") for style in found[:4]] == [
            "bold", "italic", "dim", "bold"
        ]  # fmt: skip
        assert "underline" in found[3]
        assert found[4] == ""
        app.area.move_cursor((0, 0))
        await app.press("X", ":", "enter")
        assert "bold" in style_of(app, "Subject:")
        assert "bold" in style_of(app, "Content-Transfer-Encoding:")
        assert style_of(app, "Hello.") == ""


async def find(app: SourceApp, text: str) -> None:
    app.bar.open()
    await app.press(*text)


async def test_finding_as_it_is_typed() -> None:
    """Each letter goes to the first match from the cursor; Enter and the arrows go on and back, around the ends."""
    source = MIXED + b"one two\r\nOne three\r\none\r\n"
    async with editing(source) as app:
        await find(app, "one")
        assert (app.area.selected_text, app.area.selection.start[0]) == ("one", 6)
        await app.press("enter")
        assert app.area.selected_text == "One"
        await app.press("down", "enter")
        assert app.area.selection.start[0] == 6
        await app.press("up")
        assert app.area.selection.start[0] == 8
        await app.press(" ", "x")
        assert "not found" in app.lines()[-2]
        await app.press("escape")
        assert app.focused is app.area
        assert app.area.source == source


async def test_finding_by_case() -> None:
    """With the button pressed, upper and lower case differ; how many there are is said."""
    async with editing(MIXED + b"one two\r\nOne three\r\none\r\n") as app:
        await find(app, "One")
        end = [line for line in app.lines() if "Find" in line]
        while "1 of 3" not in end[0]:
            await app.pilot.pause(0.05)
            end = [line for line in app.lines() if "Find" in line]
        await app.press("tab", "enter")
        assert "A≠a" in "\n".join(app.lines())
        assert app.area.selection.start == (7, 0)


async def test_replacing_one_after_another() -> None:
    """Enter in the second line replaces the match that is selected, and goes to the next."""
    async with editing(MIXED + b"one two\r\nOne three\r\none\r\n") as app:
        await find(app, "one")
        await app.press("tab", "tab", *"zwei", "enter")
        assert app.area.source == MIXED + b"zwei two\r\nOne three\r\none\r\n"
        assert app.area.selected_text == "One"
        await app.press("enter")
        assert app.area.source == MIXED + b"zwei two\r\nzwei three\r\none\r\n"


async def test_replacing_all_is_one_undo() -> None:
    """All matches are replaced but those in folds, and one undo brings all back."""
    async with editing() as app:
        folds = app.fold_lines
        await find(app, "b")
        await app.press("tab", "tab", *"BB", "tab", "enter")
        assert app.fold_lines == folds
        assert b"BBinary" in app.area.source
        assert b"--BB--" in app.area.source
        assert "replaced" in "\n".join(app.lines())
        await app.press("escape", "ctrl+z")
        assert app.area.source == MAIL


async def test_a_fold_is_found_and_not_replaced() -> None:
    """A file name in the line of a fold is found; replacing it is refused."""
    async with editing() as app:
        await find(app, "a.png ·")
        assert app.area.fold
        await app.press("tab", "tab", "x", "enter")
        assert app.area.source == MAIL
        assert "whole body" in app.refused[0]


async def test_what_can_only_be_read_can_be_searched() -> None:
    """In a source that cannot be edited, finding works and nothing is offered to replace."""
    source = MAIL.replace(b"Hello.", b"Gr\xfc\xdfe.")
    async with editing(source) as app:
        await find(app, "binary")
        assert app.area.selected_text == "binary"
        assert "Replace" not in "\n".join(app.lines())
