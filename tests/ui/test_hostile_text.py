"""Text from outside is shown as what it is, wherever it is shown: not styled, not clickable, and it breaks nothing."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cfmail_tui.message import AttachmentDraft, Draft, Place, RawDraft
from cfmail_tui.prefill import raw_draft
from cfmail_tui.sandbox import Sandbox
from tests.edge.fault_server import Behaviour, FarEnd, answering
from tests.ui.conftest import Held
from tests.ui.hostile import CONTROLS, FLOOD, HOSTILE, MARKUP, acting, assert_harmless
from tests.ui.stage import LETTER, Stage, on_stage

FILE_NAMES = [
    b"[@click=app.quit]x[", b"[bold]b[", b"]52;c;ZXZpbA==\x07\x1b[35;45m", b"new\nline \x9b invalid \xff\xfe",
    "\u202etxt.exe\u2066 \x9b1m".encode(), FLOOD[:80].encode(),
]  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Files whose names would like to act."""
    for name in FILE_NAMES:
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    return [str(tmp_path / os.fsdecode(name)) for name in FILE_NAMES]


async def check(stage: Stage, *expected: str) -> None:
    """The screen is at rest, harmless, and shows this."""
    await stage.settled()
    assert_harmless(stage)
    shown = stage.words()
    for words in expected:
        assert words in shown


def test_the_corpus_acts() -> None:
    """The check sees what it is for."""
    assert all(map(acting, CONTROLS[:-1]))
    assert not any(map(acting, MARKUP))


async def test_file_names(connected: Sandbox, files: list[str]) -> None:
    """In the attach screen, the bar, the results and the review a file name is a file name."""
    mail = replace(LETTER, attachments=tuple(map(AttachmentDraft, files)))
    async with on_stage(mail) as stage:
        await check(stage, "[@click=app.quit]x[")
        await stage.press("f3")
        await check(stage, "[bold]b[")
        await stage.type(f"{Path(files[0]).parent}/")
        await check(stage, "[bold]b[", "<1B>")
        stage.field("#path").value = ""
        await stage.type(files[0] + "gone\n")
        await stage.until("no such file")
        await check(stage, "[@click=app.quit]x[gone")
        await stage.press("escape", "f9")
        await stage.settled()
        await check(stage)
        await stage.press("escape")
        await stage.settled()
        stage.form.fill(replace(mail, attachments=(*mail.attachments, AttachmentDraft(files[2] + "\n\0gone"))))
        await stage.press("f9")
        await stage.until("Cannot be sent yet")
        await check(stage, "cannot be attached")
        assert not stage.app._exit


async def test_addresses_subjects_and_texts(connected: Sandbox) -> None:
    """In the form, the review, the request body, the results and the history, what people write is text."""
    name = " ".join(MARKUP).replace("\\", "")
    mail = Draft(
        sender="me@acme.example",
        to=f'"{name}" <bob@example.com>',
        reply_to=f'"{MARKUP[0]}" <bob@example.com>',
        subject=" ".join((*MARKUP, FLOOD, "\u202e \u2066")),
        headers=f"X-Evil: {MARKUP[0]} \u202e",
        text=HOSTILE,
        html=f"<p>{HOSTILE}</p>",
    )
    async with on_stage(mail) as stage:
        await check(stage, "[@click=app.quit]x[/]")
        await stage.press("f10")
        await check(stage, "[bold]b[/bold]")
        await stage.review()
        await check(stage, "[@click=app.quit]x[/]", "[bad")
        await stage.press("m")
        await check(stage, "[bold]b[/bold]")
        await stage.press("escape", "y")
        await stage.until("Accepted")
        await check(stage)
        await stage.press("f8")
        await stage.until("bob@example.com")
        await check(stage, "[@click=app.quit]x[/] [/] [bold]")
        await stage.press("slash")
        await stage.paste(HOSTILE)
        await check(stage)
        assert not stage.app._exit


async def test_drafts_and_notifications(held: Held) -> None:
    """In the list of drafts and in notifications a subject is text."""
    async with on_stage() as stage:
        for subject, to in ((MARKUP[0], MARKUP[1]), ("", HOSTILE), (HOSTILE, MARKUP[3])):
            stage.form.fill(replace(LETTER, subject=subject, to=to, text=HOSTILE))
            await stage.press("ctrl+s", "ctrl+n")
        await stage.press("f7")
        await check(stage, "[@click=app.quit]x[/]")
        for _ in range(3):
            await stage.press("down")
            await check(stage)
        await stage.press("escape")
        stage.form.fill(replace(LETTER, subject=MARKUP[0] + MARKUP[1]))
        await stage.send()
        await stage.press("ctrl+n")
        held.release()
        await stage.until(MARKUP[0])
        await check(stage)
        assert not stage.app._exit


@contextmanager
def cloudflare_says(monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour) -> Iterator[None]:
    with FarEnd(behaviour) as far_end:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
        yield


ANSWERS = {
    "error": (400, {"success": False, "errors": [{"code": HOSTILE, "message": HOSTILE}]}),
    "no JSON": (502, HOSTILE),
    "surrogates": (403, '{"success": false, "errors": [{"code": "\\ud800", "message": "\\udcff[/]\\u001b]52;c;x"}]}'),
    "recipients": (
        200,
        {
            "success": True,
            "result": {
                "delivered": [MARKUP[0], "bob@example.com"], "queued": [HOSTILE], "permanent_bounces": ["\x1b[35;45m"],
                "message_id": HOSTILE,
            },
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("answer", ANSWERS)
async def test_answers(connected: Sandbox, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """What a server answers is shown as text, in the results and in the history."""
    status, body = ANSWERS[answer]
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    with cloudflare_says(monkeypatch, answering(status, text.encode("utf-8", "surrogatepass"))):
        async with on_stage(LETTER) as stage:
            await stage.send()
            await stage.until(lambda: stage.mail.results.has_class("-shown") and "Sending" not in stage.text())
            await check(stage)
            await stage.press("f8")
            await stage.until("Hello")
            await check(stage)
            await stage.press("enter", "pagedown", "end")
            await check(stage)
            assert not stage.app._exit


async def test_a_raw_source(connected: Sandbox, tmp_path: Path) -> None:
    """A source with escapes and markup is shown, edited and sent without either acting, octet for octet."""
    hostile = ("\n".join((*MARKUP, *CONTROLS[:6])) + "\n").encode()
    source = b"From: me@acme.example\nTo: bob@example.com\nSubject: [/] \xe2\x80\xae\n\n" + hostile
    async with on_stage(raw_draft(source), size=(80, 40)) as stage:
        await check(stage, "[@click=app.quit]x[/]", "␛]52")
        assert stage.raw.content().source == source
        await stage.review()
        await check(stage, "[bold]b[/bold]")
        await stage.press("y")
        await stage.until("Accepted")
        await check(stage)
        stage.raw.fill(RawDraft(HOSTILE, HOSTILE, HOSTILE.encode() + b"\r\xff"))
        await check(stage, "read-only")
        await stage.press("f9")
        await stage.until("Cannot be sent yet")
        await check(stage)
        await stage.press("f3")
        await stage.paste(f"{tmp_path}/{MARKUP[0]}{CONTROLS[0]}")
        await stage.press("enter")
        await stage.until("That did not work")
        await check(stage)
    assert connected.mime(1) == source.replace(b"\n", b"\r\n")


async def test_hostile_pastes(connected: Sandbox) -> None:
    """Whatever is pasted into whichever field is shown harmlessly; in a line no control character stays."""
    async with on_stage() as stage:
        await stage.press("f6")
        for place in (
            Place.FROM,
            Place.TO,
            Place.CC,
            Place.BCC,
            Place.REPLY_TO,
            Place.SUBJECT,
            Place.HEADERS,
            Place.TEXT,
        ):
            stage.form.focus_place(place)
            if place not in {Place.HEADERS, Place.TEXT}:
                stage.form.field(place).input.focus()
            await stage.paste(HOSTILE)
            await check(stage)
        subject = stage.draft.subject
        assert MARKUP[0] in subject
        assert not {"\x1b", "\x9b", "\0", "\x7f"} & set(subject)
        await stage.press("f9")
        await stage.settled()
        await check(stage)


async def test_an_account_that_is_hostile(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what is typed as an account nor the reason why it is refused acts."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", sandbox.base_url + "/[@click=app.quit]x[/]")
    async with on_stage(LETTER) as stage:
        await stage.press("f9")
        await stage.until("API token")
        for text in (MARKUP[0], HOSTILE):
            await stage.paste(text)
            await stage.press("tab")
            await stage.paste(text)
            await stage.press("enter")
            await check(stage)
            await stage.press("shift+tab")
