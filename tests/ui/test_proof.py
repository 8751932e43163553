"""The preview: the mail as it is read, as the message that would be built, as the request; and in a browser."""

import base64
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from cfmail_tui.message import AttachmentDraft, Draft
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui import browser
from tests.ui.hostile import HOSTILE, assert_harmless
from tests.ui.stage import LETTER, Stage, on_stage, opened_outbox

PAGE = replace(
    LETTER, html='<p>Hi <b>Bob</b>, see <a href="https://acme.example/x">this</a></p><img src="cid:dot@x" alt="dot">'
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def text_of(path: Path) -> str:
    return path.read_text()


def is_there(path: Path) -> bool:
    return path.exists()


async def preview(stage: Stage) -> None:
    await stage.press("f5")
    await stage.until("Preview")


async def test_a_mail_in_its_four_forms(connected: Sandbox, tmp_path: Path) -> None:
    """F5 shows the text, again the HTML as text, then message and request, their files left out; Esc ends it."""
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.7\n" + bytes(50_000))
    draft = replace(PAGE, html="<p>Hi <b>Bob</b></p>", attachments=(AttachmentDraft(str(tmp_path / "report.pdf")),))
    async with on_stage(draft, size=(120, 36)) as stage:
        await preview(stage)
        await stage.until("how are you?")
        await stage.press("f5")
        await stage.until("The HTML body as text")
        assert "Hi Bob" in stage.text()
        assert "<b>" not in stage.text()
        await stage.press("f5")
        await stage.until("The message that Cloudflare would build")
        assert "multipart/mixed" in stage.text()
        await stage.press("right")
        await stage.until("The request body as it will leave")
        assert "<base64 of report.pdf, 50,009 octets, left out here>" in stage.words()
        await stage.press("left", "left")
        await stage.until("The HTML body as text")
        await stage.press("escape")
        assert stage.is_at_mail()
        assert stage.draft == draft


async def test_an_unfinished_mail_has_a_preview(connected: Sandbox) -> None:
    """What is there by now is shown, and why it cannot be sent yet."""
    async with on_stage(Draft(text="Hi")) as stage:
        await preview(stage)
        await stage.press("left")
        await stage.until("It cannot be sent yet")
        assert "To: who is this mail for?" in stage.text()
        await stage.press("o")
        await stage.until("There is no HTML body to be opened.")


async def test_nothing_of_a_preview_acts(connected: Sandbox) -> None:
    """Whatever stands in a mail, its preview shows it harmlessly."""
    async with on_stage(Draft(subject=HOSTILE, text=HOSTILE, html=HOSTILE), size=(120, 36)) as stage:
        await preview(stage)
        for _ in range(4):
            await stage.press("f5")
            assert_harmless(stage)


def test_what_is_previewed_is_what_leaves(sandbox: Sandbox, connected: Sandbox, tmp_path: Path) -> None:
    """Its files put back in, the request of the preview is the very body that is reviewed."""
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(range(256)))
    draft = replace(PAGE, html="<p>ü</p>", attachments=(AttachmentDraft(str(path)),))
    with opened_outbox() as (outbox, _):
        reviewed = outbox.prepare(draft)
        whole = outbox.wire_body(reviewed.submission.attempt_id).decode()
        wire = outbox.proof(draft).wire
    assert (
        wire.replace("<base64 of a.bin, 256 octets, left out here>", base64.b64encode(path.read_bytes()).decode())
        == whole
    )
    assert json.loads(whole)["subject"] == draft.subject


async def test_the_page_goes_to_the_browser_and_away(
    connected: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_machine: Path
) -> None:
    """o hands a private file to the user's browser, inline files within it; when the program ends it is gone."""
    seen = tmp_path / "seen"
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\necho "$1" > {seen}.tmp; env >> {seen}.env; mv {seen}.tmp {seen}\n')
    program.chmod(0o700)
    monkeypatch.setenv("BROWSER", str(program))
    (tmp_path / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    part = AttachmentDraft(str(tmp_path / "dot.png"), "inline", media_type="image/png", content_id="dot@x")
    async with on_stage(replace(PAGE, attachments=(part,))) as stage:
        await preview(stage)
        await stage.press("o")
        await stage.until("It is open in your browser.")
        page = Path(seen.read_text().strip().removeprefix("file://"))
        assert mode(page) == 0o600
        assert 'src="data:image/png;base64,iVBORw0KGgo="' in text_of(page)
        assert connected.token not in text_of(tmp_path / "seen.env")
    assert not is_there(page)


async def test_no_browser_here(connected: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is none, or it does not start, the file is named."""
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    async with on_stage(PAGE) as stage:
        await preview(stage)
        await stage.press("o")
        await stage.until("there is no browser here; until cfmail ends the page is")
        monkeypatch.setenv("BROWSER", "/bin/false")
        await stage.press("o")
        await stage.until("/bin/false ended with code 1")


def test_pages_of_programs_that_are_gone_are_deleted(tmp_path: Path) -> None:
    """What a program left that was killed goes; what another one shows stays."""
    gone, other, mine = (tmp_path / f"page-{pid}-x.html" for pid in ("99999999", "1", "none"))
    for path in (gone, other, mine):
        path.touch()
    browser.forget(tmp_path)
    assert [path.exists() for path in (gone, other, mine)] == [False, True, True]


async def test_a_preview_from_the_review(connected: Sandbox) -> None:
    """v shows in the review what F5 shows in the form; nothing leaves, and the way back is the review."""
    async with on_stage(LETTER) as stage:
        await stage.review()
        await stage.press("v")
        await stage.until("For who reads no HTML")
        await stage.press("escape")
        await stage.until("nothing has left yet")
        assert not connected.messages()
