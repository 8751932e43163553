"""A folded body in the app: out into a file, and a file in its place."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.app import ComposeResult
from textual.screen import Screen

from cfmail_tui import mime
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui.source import SourceArea
from tests.core.test_folding import MAIL, MIXED, part
from tests.ui.stage import Stage, on_stage

PICTURE = bytes(range(256)) * 8


class SourceScreen(Screen[None]):
    """A source in the app."""

    def compose(self) -> ComposeResult:
        yield SourceArea(id="source")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@asynccontextmanager
async def at_a_fold(source: bytes = MAIL) -> AsyncIterator[tuple[Stage, SourceArea]]:
    """The app with this source, and its first fold opened."""
    async with on_stage() as stage:
        await stage.app.push_screen(SourceScreen())
        area = stage.app.screen.query_one(SourceArea)
        area.take(source, mime.structure(source))
        area.focus()
        area.move_cursor(next((row, 0) for row, line in enumerate(area.document.lines) if area.is_fold(line)))
        await stage.press("enter")
        await stage.until("Leave it as it is")
        yield stage, area


async def choose(stage: Stage, answer: str, path: Path | str) -> None:
    """Take an answer of the dialog, and give this path instead of what is offered."""
    while answer not in str(getattr(stage.app.focused, "label", "")):
        await stage.press("down")
    await stage.press("enter")
    await stage.until("this file")
    await stage.press("ctrl+u")
    await stage.type(f"{path}\n")
    await stage.settled()


async def test_a_body_is_saved_as_a_file(connected: Sandbox, tmp_path: Path) -> None:
    """What is saved is the content, decoded, in a file that only its owner can read; what it holds is said."""
    async with at_a_fold() as (stage, area):
        await choose(stage, "Save", tmp_path / "new.png")
        await stage.until("2,048 octets are in")
        assert area.source == MAIL
    assert (tmp_path / "new.png").read_bytes() == PICTURE
    assert (tmp_path / "new.png").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("name", "reason"), [("there", "exists"), ("no/where", "such"), ("", "exists")])
async def test_a_file_that_is_there_is_not_written_over(
    connected: Sandbox, tmp_path: Path, name: str, reason: str
) -> None:
    """Where a body cannot be saved, nothing is written, and the reason is told."""
    (tmp_path / "there").write_bytes(b"mine")
    async with at_a_fold() as (stage, _):
        await choose(stage, "Save", tmp_path / name)
        await stage.until(reason)
    assert (tmp_path / "there").read_bytes() == b"mine"
    assert names(tmp_path) == ["sandbox", "there"]


async def test_a_file_name_from_a_message_leads_nowhere(connected: Sandbox) -> None:
    """What is offered as the name of the file has no folders and no controls in it."""
    source = MIXED + part(b'image/png; name="../../\x1betc/passwd"', b"QUJD" * 300) + b"--b--\r\n"
    async with at_a_fold(source) as (stage, _):
        await stage.press("down", "down", "down", "enter")
        await stage.until("Save the body")
        offered = stage.field("LineInput").value
        assert "passwd" in offered
        assert not {"/", "\x1b"} & {*offered}
        assert not offered.startswith(".")


async def test_a_file_in_place_of_a_body(connected: Sandbox, tmp_path: Path) -> None:
    """The part has the file's content in its own encoding, everything else is as it was, and undo takes it back."""
    (tmp_path / "other.png").write_bytes(PICTURE[::-1])
    async with at_a_fold() as (stage, area):
        await choose(stage, "Replace", tmp_path / "other.png")
        await stage.until(lambda: area.source != MAIL)
        _, there, _ = mime.structure(area.source).parts
        assert b"".join(mime.content(area.source, there)) == PICTURE[::-1]
        _, was, _ = mime.structure(MAIL).parts
        assert area.source[: there.body] == MAIL[: was.body]
        assert area.source[there.end :] == MAIL[was.end :]
        assert area.fold
        await stage.press("ctrl+z")
        assert area.source == MAIL


async def test_a_file_that_cannot_be_read(connected: Sandbox, tmp_path: Path) -> None:
    """The reason is told, and the body stays."""
    async with at_a_fold() as (stage, area):
        await choose(stage, "Replace", tmp_path / "nothing.png")
        await stage.until("such")
        assert area.source == MAIL


async def test_a_key_that_is_refused_says_why(connected: Sandbox) -> None:
    """A letter on a fold is not typed, and a word says what to do."""
    async with at_a_fold() as (stage, area):
        await stage.press("escape", "x")
        await stage.until("stands for a whole body")
        assert area.source == MAIL
