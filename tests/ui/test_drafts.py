"""What is typed is kept: soon on disk, under a name of its own, and back when it is opened."""

from dataclasses import replace
from pathlib import Path

import pytest

from cfmail_tui.message import AttachmentDraft, Draft, Place, RawDraft, SavedDraft
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.store import StoreError
from cfmail_tui.ui import mail
from cfmail_tui.ui.mail import SAVE_AFTER
from tests.ui.stage import LETTER, drafts, on_stage, opened_outbox


def everything(tmp_path: Path) -> Draft:
    """A mail with something in every place."""
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "b.png").write_bytes(b"b")
    return Draft(
        sender="Alice <me@acme.example>",
        to='"Fields, Carol" <carol@example.com>; bob',
        cc="cc@example.com",
        bcc="bcc@example.com",
        reply_to="reply@example.com",
        subject="Ünïcode 日本 😀",
        headers="X-One: 1\n\nhalf a header",
        text="text\n\twith a tab\n\n",
        html="<p>html</p>\n",
        attachments=(AttachmentDraft(str(tmp_path / "a.txt")), AttachmentDraft(str(tmp_path / "b.png"), "inline")),
    )


async def test_what_is_typed_is_soon_on_disk(connected: Sandbox) -> None:
    """Without a key for it, what was typed reaches the store in about a second, and the title says when."""
    assert SAVE_AFTER <= 1
    async with on_stage() as stage:
        await stage.type("me@acme.example\tbob@example.com\tHello\tHi Bob,\nhow are")
        await stage.type(" you")
        await stage.until(lambda: drafts() == [stage.draft])
        assert stage.draft.text == "Hi Bob,\nhow are you"
        await stage.until("saved ")


async def test_what_was_typed_last_is_kept_on_quitting(connected: Sandbox) -> None:
    """Ctrl+Q right after the last letter keeps that letter too, and asks nothing."""
    async with on_stage(replace(LETTER, text="")) as stage:
        await stage.type("all of it")
        stage.app.simulate_key("ctrl+q")
        await stage.until(lambda: stage.app._exit)
    assert drafts() == [replace(LETTER, text="all of it")]
    assert stage.app.return_code == 0


async def test_quitting_in_the_attach_screen_keeps_the_file(connected: Sandbox, tmp_path: Path) -> None:
    """A file just attached is in the draft although the attach screen was left by quitting."""
    (tmp_path / "a.txt").write_text("a")
    async with on_stage(LETTER) as stage:
        await stage.press("f3")
        await stage.type(f"{tmp_path}/a.txt\n")
        await stage.press("ctrl+q")
        await stage.until(lambda: stage.app._exit)
    (kept,) = drafts()
    assert isinstance(kept, Draft)
    assert [attached.path for attached in kept.attachments] == [str(tmp_path / "a.txt")]


async def test_the_cursor_comes_back(connected: Sandbox) -> None:
    """A draft that is opened again is typed on where it was left, in the text or in a field."""
    async with on_stage(LETTER) as stage:
        await stage.press("down", "end", "down", "end", "left")
        await stage.type("!")
        await stage.press("ctrl+n")
        stage.form.fill(replace(LETTER, to="al", subject="Second"))
        await stage.press("tab")
        stage.form.field(Place.TO).input.focus()
        await stage.press("end")
        await stage.type("ice@exmple.com")
        await stage.press("left", "left", "left", "left", "left", "left", "left", "left", "ctrl+s")
        await stage.settled()
    async with on_stage() as stage:
        await stage.press("f7", "enter")
        await stage.until(lambda: stage.draft.subject == "Second")
        await stage.type("a")
        assert stage.draft.to == "alice@example.com"
        await stage.press("f7")
        await stage.press("down", "enter")
        await stage.until(lambda: stage.draft.subject == "Hello")
        await stage.type("?")
        assert stage.draft.text == "Hi Bob,\n\nhow are you!??"


async def test_unfinished_mails_are_offered(connected: Sandbox) -> None:
    """The next start says what is unfinished, and goes on with it only if asked; what is typed meanwhile is typed."""
    async with on_stage(LETTER) as stage:
        await stage.press("ctrl+s", "ctrl+n")
        stage.form.fill(replace(LETTER, subject="Second"))
        await stage.press("ctrl+s")
        await stage.settled()
    async with on_stage() as stage:
        await stage.type("carol")
        await stage.until("“Second” of")
        assert "and 1 more: F7 goes on with it" in stage.words()
        assert "carol" in str(stage.draft)


async def test_a_disk_that_takes_something_again(connected: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a draft cannot be saved the title says so, the text stays, and it is saved as soon as it can be."""
    async with on_stage(LETTER) as stage:
        assert stage.app._outbox
        store = stage.app._outbox._store
        with monkeypatch.context() as patch:
            patch.setattr(store, "save_draft", full)
            await stage.type("x")
            await stage.until("NOT SAVED")
            await stage.until("the disk is full")
            monkeypatch.setattr(mail, "SAVE_AGAIN_AFTER", 0.1)
            await stage.type("y")
        await stage.until("saved ")
        await stage.until(lambda: drafts() == [stage.draft])
        assert stage.draft.text == "xy" + LETTER.text


def full(_draft: SavedDraft) -> None:
    raise StoreError("cfmail.sqlite3 cannot be written: the disk is full")


async def test_a_draft_comes_back_whole(connected: Sandbox, tmp_path: Path) -> None:
    """After a new start the draft opens with every field, body and attachment as it was, also half-typed ones."""
    mail = everything(tmp_path)
    async with on_stage() as stage:
        stage.form.fill(mail)
        await stage.press("ctrl+s")
        await stage.settled()
    async with on_stage() as stage:
        await stage.press("f7")
        await stage.until("Ünïcode 日本")
        await stage.press("enter")
        await stage.until(lambda: stage.draft == mail)
        await stage.until(lambda: "0.0 MiB of 5.0 MiB" in stage.text())
        for shown in ("cc@example.com", "bcc@example.com", "reply@example.com", "X-One: 1", "b.png (inline)"):
            assert shown in stage.text()
        await stage.press("f3")
        await stage.until("image/png")


async def test_drafts_do_not_overwrite_one_another(connected: Sandbox) -> None:
    """Each new mail is a draft of its own; opening one keeps the other."""
    async with on_stage(LETTER) as stage:
        for subject in ("first", "second", "third"):
            stage.form.field(Place.SUBJECT).input.focus()
            stage.form.field(Place.SUBJECT).text = ""
            await stage.type(subject)
            stage.app.simulate_key("ctrl+n")
            await stage.until(lambda: stage.draft.subject == "")
        await stage.press("f7")
        await stage.until("first")
        lines = [line for line in stage.lines() if "first" in line or "second" in line or "third" in line]
        assert [line.split()[-1] for line in lines] == ["third", "second", "first"]
        await stage.press("j", "enter")
        await stage.until(lambda: stage.draft.subject == "second")
        stage.form.body("text").focus()
        await stage.type("changed ")
        await stage.settled()
        await stage.press("f7")
        await stage.until("first")
        assert "second" not in stage.text(), "the one that is open is not offered"
    kept = [draft.subject for draft in drafts() if isinstance(draft, Draft)]
    assert sorted(kept) == ["first", "second", "third"]


async def test_a_prefilled_mail_that_nobody_touched_leaves_nothing(connected: Sandbox) -> None:
    """Looking at a mail from the command line, at the history or at the drafts makes no draft."""
    async with on_stage(LETTER) as stage:
        await stage.press("f7", "escape", "f8", "escape", "f1", "escape", "f6", "f10", "tab", "tab")
        await stage.settled()
        await stage.press("ctrl+q")
        await stage.until(lambda: stage.app._exit)
    assert drafts() == []


async def test_a_deleted_draft_comes_back(connected: Sandbox) -> None:
    """Del takes a draft away at once, and u brings it back, whole."""
    async with on_stage(LETTER) as stage:
        await stage.press("ctrl+s", "ctrl+n", "f7")
        await stage.until("bob@example.com")
        await stage.press("delete")
        await stage.until("there are no drafts")
        await stage.settled()
        assert drafts() == []
        await stage.press("u")
        await stage.until("bob@example.com")
        assert drafts() == [LETTER]
        await stage.press("d")
        await stage.until("there are no drafts")
        await stage.settled()
        await stage.press("enter", "d", "escape")
        assert stage.is_at_mail()
    assert drafts() == []


async def test_a_draft_that_is_open_elsewhere(connected: Sandbox) -> None:
    """A draft that another cfmail has open is not taken from it; what is opened here is a copy, and said to be one."""
    with opened_outbox() as (other, _):
        other.save_draft(SavedDraft("0123456789abcdef", 1, LETTER))
        async with on_stage() as stage:
            await stage.press("f7")
            await stage.until("bob@example.com")
            await stage.press("enter")
            await stage.until("This draft is open in another cfmail")
            await stage.click("Open a copy here")
            await stage.until(lambda: stage.is_at_mail() and stage.draft == LETTER)
            await stage.type("!")
            await stage.press("ctrl+s")
            await stage.settled()
        assert other.draft("0123456789abcdef").content == LETTER
    assert len(drafts()) == 2


async def test_the_usual_sender_is_offered(connected: Sandbox) -> None:
    """The From of the last mail stands there the next time, without making a draft of it."""
    async with on_stage(LETTER) as stage:
        await stage.send()
        await stage.until("delivered")
        await stage.settled()
    async with on_stage() as stage:
        assert stage.draft == Draft(sender=LETTER.sender)
        assert stage.form.focused is stage.form.field(Place.TO).input
        await stage.press("ctrl+n")
        assert stage.draft == Draft(sender=LETTER.sender)
        await stage.press("ctrl+q")
    assert drafts() == []


async def test_a_raw_message_is_a_draft_too(connected: Sandbox) -> None:
    """A raw source comes back octet for octet with its envelope, LF line ends and all."""
    raw = RawDraft("me@acme.example", "bob@example.com, half", b"From: me@acme.example\nX: 1\n\nbody\n")
    async with on_stage(raw) as stage:
        stage.raw.body("source").focus()
        await stage.press(*["down"] * 9)
        await stage.type("more\n")
        await stage.press("ctrl+n")
        await stage.until("New message")
        await stage.press("f7")
        await stage.until("raw message")
        await stage.press("enter")
        await stage.until("Raw message")
        await stage.settled()
        assert stage.raw.content() == replace(raw, source=raw.source + b"more\n")


async def test_a_disk_that_takes_nothing_is_told_before_leaving(connected: Sandbox, new_machine: Path) -> None:
    """Where the draft cannot be saved, leaving asks; staying keeps what was typed on the screen."""
    async with on_stage(LETTER) as stage:
        assert stage.app._outbox
        stage.app._outbox.close()
        await stage.type("x")
        stage.app.simulate_key("ctrl+q")
        await stage.until("what you typed is lost")
        await stage.press("escape")
        await stage.gone("what you typed is lost")
        assert stage.draft != LETTER
        await stage.press("ctrl+q")
        await stage.click("Go on and lose it")
        await stage.until(lambda: stage.app._exit)
