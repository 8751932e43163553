"""What cannot be sent: one clear line names the thing, the mail stays a draft, and nothing leaves."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen
from textual.widget import Widget

from cfmail_tui.attachments import picked
from cfmail_tui.message import AttachmentDraft, Draft, Place
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui.attach import AttachScreen
from cfmail_tui.ui.dialogs import HelpScreen
from cfmail_tui.ui.drafts import DraftsScreen
from cfmail_tui.ui.fields import MailField
from cfmail_tui.ui.history import HistoryScreen
from cfmail_tui.ui.palette import Palette
from tests.ui.stage import LETTER, Stage, drafts, on_stage

BAD = {
    "no sender": (replace(LETTER, sender=""), Place.FROM, "who is this mail from?"),
    "no recipient": (replace(LETTER, to=""), Place.TO, "There is no recipient"),
    "bad address": (replace(LETTER, to="bob@example.com, carol"), Place.TO, "“carol” is not an address"),
    "bad Cc": (replace(LETTER, cc="bob@@example.com"), Place.CC, "the part before the @ is not valid"),
    "two senders": (replace(LETTER, sender="a@acme.example, b@acme.example"), Place.FROM, "only one address"),
    "two Reply-To": (replace(LETTER, reply_to="a@acme.example, b@acme.example"), Place.REPLY_TO, "only one address"),
    "long subject": (replace(LETTER, subject="x" * 999), Place.SUBJECT, "999 characters, the limit is 998"),
    "bad header": (replace(LETTER, headers="X-One: 1\nno colon here"), Place.HEADERS, "“no colon here” has no colon"),
    "header with a place": (replace(LETTER, headers="bcc: a@b.example"), Place.HEADERS, "field of its own"),
    "no body": (replace(LETTER, text=" \n", html=""), Place.TEXT, "the mail is empty"),
    "51 recipients": (
        replace(LETTER, to=", ".join(f"r{n}@example.com" for n in range(51))), Place.TO, "51 recipients",
    ),
}  # fmt: skip


async def refused(stage: Stage) -> str:
    """F9, and what the results say in place of a review."""
    stage.mail.results.clear()
    await stage.press("f9")
    await stage.until("Cannot be sent yet")
    await stage.settled()
    return stage.words().partition("Cannot be sent yet")[2]


async def test_each_bad_input_is_named_at_its_place(connected: Sandbox) -> None:
    """What is wrong stands at its field and in the results, the cursor is there, and the mail stays a draft."""
    async with on_stage(LETTER) as stage:
        for mail, place, words in BAD.values():
            stage.form.fill(mail)
            said = await refused(stage)
            assert words in said
            assert said.count("✗") == 1
            focused = stage.form.focused
            assert focused is not None
            inputs: dict[Widget, Place] = {field.input: field.place for field in stage.form.query(MailField)}
            where = inputs.get(focused) or {"headers": Place.HEADERS, "text": Place.TEXT}[str(focused.id)]
            assert where is place
            assert focused.is_on_screen
            if where in inputs.values():
                assert stage.words().count(words[:30]) == 2, "at the field and in the results"
            assert drafts()[0] == mail
            await stage.press("escape")
    assert not connected.messages()


async def test_every_problem_is_told_at_once(connected: Sandbox) -> None:
    """Several things that are wrong are told together, and a mended one is no longer marked."""
    async with on_stage(Draft(to="carol")) as stage:
        said = await refused(stage)
        assert said.count("✗") >= 2
        stage.form.field(Place.TO).input.focus()
        await stage.type("@example.com")
        await stage.until(lambda: not stage.form.field(Place.TO).has_class("-wrong"))


async def test_an_attached_file_that_vanished(connected: Sandbox, tmp_path: Path) -> None:
    """A file deleted or changed to something else after it was attached stops the send, and is named."""
    path = tmp_path / "gone.txt"
    mail = replace(LETTER, attachments=(AttachmentDraft(str(path)),))
    async with on_stage(mail) as stage:
        assert f"{path} cannot be attached: no such file" in await refused(stage)
        path.mkdir()
        assert f"{path} cannot be attached: it is a folder" in await refused(stage)
        assert stage.draft == mail
        assert drafts() == [mail]
        path.rmdir()
        path.write_text("here again")
        await stage.review()
    assert not connected.messages()


async def test_what_cannot_be_attached_is_told_at_once(connected: Sandbox, tmp_path: Path) -> None:
    """A path that is no readable file is refused in the attach screen with its reason, and can be corrected there."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("x")
    reasons = {
        tmp_path / "nothing": "no such file",
        tmp_path / "pipe": "it is a named pipe",
        Path("/dev/null"): "it is a device",
        tmp_path / "file" / "below": "not a directory",
    }
    async with on_stage(LETTER) as stage:
        await stage.press("f3")
        await stage.until("Attach a file")
        for path, reason in reasons.items():
            await stage.paste(str(path))
            await stage.press("enter")
            await stage.until(reason)
            assert stage.field("#path").value == str(path), "it can be corrected"
            stage.field("#path").value = ""
        await stage.press("escape")
        await stage.settled()
        assert stage.draft == LETTER


async def test_a_mail_over_the_limit(connected: Sandbox, tmp_path: Path) -> None:
    """A mail over 5 MiB once encoded is refused before it leaves; the attach screen says so already."""
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(4_000_000))
    async with on_stage(LETTER) as stage:
        await stage.press("f3")
        await stage.until("Attach a file")
        await stage.type(f"{path}\n")
        await stage.until("4,000,000")
        assert stage.app.screen.query_one("#attach-state").has_class("-wrong")
        await stage.press("escape")
        assert "too big" in await refused(stage)
        assert stage.draft.attachments == (picked(str(path)),)
    assert not connected.messages()


async def test_a_problem_does_not_hide_the_keys(connected: Sandbox) -> None:
    """With as many problems as there can be, the form and its key bar are still on the screen at 80x24."""
    many = Draft(
        to=",".join(f"bad {n}" for n in range(90)), cc="@", bcc="@", reply_to="@", headers="x", subject="y" * 999
    )
    async with on_stage(many) as stage:
        await refused(stage)
        assert stage.lines()[-1].startswith(" F1 Help")
        assert stage.form.focused is not None
        assert stage.form.focused.is_on_screen
        assert stage.form.body("text").region.height >= 1


async def test_half_a_character_cannot_be_sent(connected: Sandbox) -> None:
    """A lone surrogate in a text is named, whatever brought it there."""
    async with on_stage(replace(LETTER, text="a\ud800b")) as stage:
        assert "is not a character" in await refused(stage)
    assert not connected.messages()


SCREENS: dict[str, Callable[[], Screen[Any]]] = {
    "palette": Palette,
    "help": lambda: HelpScreen(("form",)),
    "attach": lambda: AttachScreen(LETTER, "", "/", lambda _: None, lambda _id, _name: ""),
    "drafts": lambda: DraftsScreen(()),
    "history": HistoryScreen,
}


@pytest.mark.parametrize("name", SCREENS)
async def test_a_screen_that_ends_before_it_is_shown(connected: Sandbox, name: str) -> None:
    """Leaving a screen in the moment it opens leads back to the mail, which takes what is typed next."""
    async with on_stage(LETTER) as stage:
        for _ in range(5):
            stage.app.push_screen(SCREENS[name]())
            stage.app.pop_screen()
        await stage.settled()
        assert stage.is_at_mail()
        await stage.type("x")
        assert stage.draft != LETTER
