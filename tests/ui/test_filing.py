"""The mail of the form is saved as a message file, which says all of it; no file is written over without a question."""

from dataclasses import replace
from pathlib import Path

from cfmail_tui.message import AttachmentDraft, Draft
from cfmail_tui.message_files import kept
from cfmail_tui.prefill import file_draft
from cfmail_tui.sandbox import Sandbox
from tests.ui.stage import LETTER, Stage, on_stage


def mail_in(path: Path) -> Draft:
    return file_draft(path.read_bytes(), str(path)).draft


async def save_as(stage: Stage, path: Path) -> None:
    await stage.press("f2")
    await stage.type("save as")
    await stage.until("for git and cfmail send")
    await stage.press("enter")
    await stage.until("Save the mail as this file")
    stage.field("LineInput").value = str(path)
    await stage.press("enter")


async def test_what_is_saved_is_the_mail(connected: Sandbox, tmp_path: Path) -> None:
    """All of the mail is in the file, the files beside it by their names alone; the mail on the screen stays."""
    for name in ("report.pdf", "elsewhere.pdf"):
        (tmp_path / name).write_bytes(b"%PDF-1.7\n")
    (tmp_path / "mails").mkdir()
    beside, apart = (AttachmentDraft(str(tmp_path / name)) for name in ("mails/report.pdf", "elsewhere.pdf"))
    draft = replace(LETTER, headers="X-A: 1", html="<p>Hi</p>", attachments=(beside, apart))
    path = tmp_path / "mails" / "hello.mail"
    async with on_stage(draft, size=(100, 30)) as stage:
        await save_as(stage, path)
        await stage.until("The mail is in")
        assert stage.draft == draft
    assert mail_in(path) == kept(draft)
    assert "Attach: report.pdf\n" in path.read_text()
    assert f"Attach: {tmp_path}/elsewhere.pdf\n" in path.read_text()


async def test_no_file_is_lost(connected: Sandbox, tmp_path: Path) -> None:
    """A file that is there is kept, unless the answer is to replace it; where none can be written, that is said."""
    path = tmp_path / "hello.mail"
    path.write_text("mine")
    async with on_stage(LETTER, size=(100, 30)) as stage:
        await save_as(stage, path)
        await stage.until("is there already")
        await stage.press("escape")
        await stage.until(stage.is_at_mail)
        assert path.read_text() == "mine"
        await save_as(stage, path)
        await stage.click("Replace it")
        await stage.until("The mail is in")
        assert mail_in(path) == LETTER
        await save_as(stage, tmp_path / "nowhere" / "hello.mail")
        await stage.until("cannot be written")
