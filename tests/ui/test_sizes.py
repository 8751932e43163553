"""Whatever the size of the terminal, the program is whole and nothing typed is lost."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from cfmail_tui.message import AttachmentDraft, Place
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui.fields import Body
from tests.ui.stage import LETTER, on_stage, opened_outbox

SIZES = ((80, 24), (40, 10), (300, 100), (20, 5), (120, 36), (1, 1), (80, 24))


async def test_resizing_keeps_text_focus_and_place(connected: Sandbox) -> None:
    """In every size, one after another, text and focus stay, and keys reach the field they reached before."""
    async with on_stage(LETTER) as stage:
        focused = stage.app.focused
        for number, size in enumerate(SIZES * 2):
            await stage.resize(*size)
            await stage.type(str(number % 10))
            assert stage.app.focused is focused
        assert stage.draft.text.startswith("0123456789")
        assert stage.lines()[-1].startswith(" F1 Help")


async def test_resizing_keeps_the_line_of_the_cursor_in_sight(connected: Sandbox) -> None:
    """Far down in a long text the line that is written stays on the screen in every size with room for one."""
    async with on_stage(replace(LETTER, text="\n".join(f"<{number}>" for number in range(200)))) as stage:
        stage.form.query_one("#text", Body).cursor_location = (150, 0)
        for size in SIZES:
            await stage.resize(*size)
            assert size < (40, 10) or stage.shows("<150>")


async def test_resizing_keeps_the_row_that_is_chosen_in_sight(connected: Sandbox, tmp_path: Path) -> None:
    """The row under the cursor of a list stays on the screen in every size with room for one."""
    for number in range(60):
        (tmp_path / f"<{number:02}>").touch()
    async with on_stage(LETTER) as stage:
        await stage.press("f3")
        await stage.until("Attach a file")
        await stage.type(f"{tmp_path}/")
        await stage.until("<00>")
        await stage.press("down", *["pagedown"] * 9)
        for size in SIZES:
            await stage.resize(*size)
            assert size < (40, 10) or stage.shows("<59>")


@pytest.mark.slow
async def test_every_screen_survives_every_size(connected: Sandbox) -> None:
    """Each screen can be shown in each size, and is whole again at 80x24."""
    with opened_outbox() as (outbox, _):
        outbox.send(outbox.prepare(LETTER))
    ways = {
        "attach": ["f3"], "help": ["f1"], "palette": ["f2"], "history": ["f8"], "drafts": ["f7"], "review": ["f9"],
        "wire body": ["f9", "m"], "raw": ["ctrl+t"], "fields": ["f6"],
        "accounts": ["f11"], "a new account": ["f11", "n"],
    }  # fmt: skip
    async with on_stage(LETTER) as stage:
        for keys in ways.values():
            for key in keys:
                await stage.press(key)
                await stage.settled()
            before = stage.lines()[-1]
            for size in ((40, 10), (300, 100), (1, 1), (80, 24)):
                await stage.resize(*size)
            assert len(stage.lines()) == 24
            assert stage.lines()[-1] == before
            await stage.press("escape", "escape")
            await stage.settled()
            if keys == ["ctrl+t"]:
                await stage.press("ctrl+t")
                await stage.settled()


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (300, 100)], ids="{0[0]}x{0[1]}".format)
async def test_a_full_form_leaves_room_for_the_text(connected: Sandbox, tmp_path: Path, size: tuple[int, int]) -> None:
    """With every field, attachment and result shown, the text and the key bar still have their lines."""
    paths = [tmp_path / f"a rather long file name, number {n}.bin" for n in range(20)]
    for path in paths:
        path.write_bytes(b"x")
    full = replace(
        LETTER,
        cc="cc@example.com",
        bcc="bcc@example.com",
        reply_to="r@example.com",
        headers="X-A: 1\nX-B: 2\nX-C: 3\nX-D: 4\nX-E: 5",
        to=", ".join(f"error503{n}@example.com" for n in range(20)) + ", error503@example.com",
        attachments=tuple(AttachmentDraft(str(path)) for path in paths),
    )
    settings = Path(os.environ["CFMAIL_HOME"]) / "config" / "config.toml"
    settings.write_text("undo_send = 0\nconfirm_recipients = 50\n")
    async with on_stage(full, size) as stage:
        await stage.send()
        await stage.until("Refused")
        await stage.settled()
        assert stage.lines()[-1].startswith(" F1 Help")
        assert stage.form.body("text").region.height >= 3
        assert "Hi Bob" in stage.text()
        for place in (Place.FROM, Place.TO, Place.SUBJECT):
            stage.form.field(place).input.focus()
            await stage.rest()
            region = stage.form.field(place).input.region
            assert 0 < region.y < size[1] - 1
