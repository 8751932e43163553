"""Into the raw editor and out of it: nothing that was there is lost, and what leaves is what is shown."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from cfmail_tui import mime
from cfmail_tui.message import AttachmentDraft, Draft, Place, RawDraft
from cfmail_tui.prefill import raw_draft
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui.fields import MailField
from tests.ui.conftest import Held
from tests.ui.hostile import CONTROLS, MARKUP, assert_harmless
from tests.ui.stage import LETTER, Stage, drafts, on_stage

POSTMARK = b"From me@example.com Mon Nov 23 07:00:00 2026\n"
ONE = b"From: me@acme.example\nTo: bob@example.com\nSubject: number %d\n\n%s\n"
MAIL = mime.crlf(ONE % (1, b"Hi"))
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a b.png"
    path.write_bytes(PICTURE)
    return path


async def picking(stage: Stage) -> None:
    await stage.press("f3")
    await stage.until("Open a message")


async def send(stage: Stage) -> None:
    await stage.send()
    await stage.until("Accepted")
    await stage.settled()


def assert_kept_privately(path: str, stage: Stage) -> None:
    """The picture is in a file of ours that nobody else can read."""
    kept = Path(path)
    assert kept.read_bytes() == PICTURE
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert stage.app.settings
    assert kept.parent.parent.samefile(stage.app.settings.data_dir)


async def test_a_message_of_an_mbox(connected: Sandbox, tmp_path: Path) -> None:
    """Its messages are listed; the one chosen is opened, what was undone is said, and it is sent as it was put in."""
    box = tmp_path / "box"
    box.write_bytes(b"".join(POSTMARK + ONE % (n, b">From x") + b"\n" for n in range(1, 1200)))
    async with on_stage(RawDraft()) as stage:
        await picking(stage)
        await stage.type(f"{box}\n")
        await stage.until("1,199 messages: Enter opens one")
        assert "number 2" in stage.text()
        await stage.press("down", "enter")
        await stage.until("one “>” is taken away")
        assert stage.raw.content() == RawDraft("me@acme.example", "bob@example.com", ONE % (2, b"From x"))
        await send(stage)
    assert connected.mime(1) == mime.crlf(ONE % (2, b"From x"))


async def test_a_list_is_left_for_the_picker_and_that_for_the_mail(connected: Sandbox, tmp_path: Path) -> None:
    """Esc in the list of messages leads back to the picker, and there to the mail, which is as it was."""
    (tmp_path / "box").write_bytes(POSTMARK + ONE % (1, b"a") + b"\n" + POSTMARK + ONE % (2, b"b"))
    async with on_stage(raw_draft(MAIL)) as stage:
        await picking(stage)
        await stage.type(f"{tmp_path}/box\n")
        await stage.until("2 messages: Enter opens one")
        await stage.press("escape")
        await stage.until("Open a message")
        await stage.press("escape")
        await stage.until(stage.is_at_mail)
        assert stage.raw.content() == raw_draft(MAIL)


async def test_a_maildir_is_opened_and_a_folder_is_entered(connected: Sandbox, tmp_path: Path) -> None:
    """Enter on a Maildir lists its messages, on another folder what is in it; one message alone is opened at once."""
    for name in ("mails/Maildir/cur", "mails/Maildir/new"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "mails/Maildir/new/1.x").write_bytes(ONE % (1, b"a"))
    async with on_stage(RawDraft()) as stage:
        await picking(stage)
        await stage.type(f"{tmp_path}/mails\n")
        await stage.until("Maildir/")
        await stage.type("Mail\n")
        await stage.until("number 1")
        (tmp_path / "mails/Maildir/cur/2.x:2,").write_bytes(ONE % (2, b"b"))
        await picking(stage)
        await stage.type(f"{tmp_path}/mails/Maildir\n")
        await stage.until("2 messages: Enter opens one")
        await stage.press("end", "enter")
        await stage.until("number 2")
        assert stage.raw.content().source == ONE % (2, b"b")


async def test_an_empty_maildir(connected: Sandbox, tmp_path: Path) -> None:
    """That there is nothing in it is said where it was picked."""
    for name in ("cur", "new"):
        (tmp_path / "M" / name).mkdir(parents=True)
    async with on_stage(raw_draft(MAIL)) as stage:
        await picking(stage)
        await stage.type(f"{tmp_path}/M\n")
        await stage.until("has no message in it")
        assert not stage.is_at_mail()


async def test_several_files_are_too_many(connected: Sandbox, tmp_path: Path) -> None:
    """A paste or a pattern of several files is no message."""
    for name in ("1.eml", "2.eml"):
        (tmp_path / name).write_bytes(MAIL)
    async with on_stage(RawDraft()) as stage:
        await picking(stage)
        await stage.paste(f"{tmp_path}/1.eml\n{tmp_path}/2.eml")
        await stage.until("one can be opened at a time")
        await stage.type(f"{tmp_path}/1*\n")
        await stage.until("number 1")


async def test_a_mailbox_that_changes_while_it_is_listed(connected: Sandbox, tmp_path: Path) -> None:
    """A message is not taken from where it no longer is."""
    box = tmp_path / "box"
    box.write_bytes(POSTMARK + ONE % (1, b"a") + b"\n" + POSTMARK + ONE % (2, b"b"))
    async with on_stage(RawDraft()) as stage:
        await picking(stage)
        await stage.type(f"{box}\n")
        await stage.until("2 messages")
        box.write_bytes(POSTMARK + ONE % (1, b"another") + b"\n" + POSTMARK + ONE % (2, b"b"))
        await stage.press("down", "enter")
        await stage.until("it changed since its messages were listed")


async def test_a_pasted_message(connected: Sandbox) -> None:
    """Pasted where nothing was typed, a message is all there is; what was typed as its envelope stays."""
    async with on_stage() as stage:
        await stage.press("ctrl+t")
        await stage.until("MIME-Version")
        stage.raw.focus_place(Place.ENVELOPE_SENDER)
        await stage.type("bounces@acme.example")
        stage.raw.focus_place(Place.SOURCE)
        await stage.paste(MAIL.decode().replace("\r\n", "\r"))
        await stage.until("number 1")
        assert stage.raw.content() == RawDraft("bounces@acme.example", "bob@example.com", MAIL)
        await stage.settled()
        await send(stage)
    assert connected.mime(1) == MAIL


@pytest.mark.parametrize("pasted", ["Subject: hi", "From here on: a text\nTo: x", "just text"])
async def test_a_paste_that_is_no_message(connected: Sandbox, pasted: str) -> None:
    """Anything else goes where the cursor is."""
    async with on_stage() as stage:
        await stage.press("ctrl+t")
        await stage.until("MIME-Version")
        await stage.paste(pasted)
        await stage.settled()
        assert stage.raw.content().source.startswith(mime.crlf(pasted.encode() + b"From: "))


async def test_a_message_pasted_into_another(connected: Sandbox) -> None:
    """Where something was typed a paste is text, whatever it looks like."""
    async with on_stage(raw_draft(MAIL)) as stage:
        await stage.press(*["down"] * 9, "end")
        await stage.paste("From: a@b.example\nSubject: x\n\ny")
        await stage.settled()
        assert stage.raw.content().source == MAIL + b"From: a@b.example\r\nSubject: x\r\n\r\ny"


async def test_a_pasted_path(connected: Sandbox, tmp_path: Path) -> None:
    """The path of a file, dropped where nothing was typed, opens it; no draft has the path in it."""
    path = tmp_path / "a mail.eml"
    path.write_bytes(MAIL)
    async with on_stage() as stage:
        await stage.press("ctrl+t")
        await stage.until("MIME-Version")
        await stage.paste(f"'{path}'")
        await stage.until("number 1")
        await stage.settled()
        assert stage.raw.content() == raw_draft(MAIL)
        await stage.press("ctrl+s")
        await stage.settled()
    assert drafts() == [raw_draft(MAIL)]


async def test_a_template(connected: Sandbox) -> None:
    """Ctrl+L lists the templates; the one chosen is from and to whom the mail was, and can be sent as it is."""
    form = replace(LETTER, to="carol@example.com")
    async with on_stage(form) as stage:
        await stage.press("ctrl+s", "ctrl+l")
        await stage.until("an example to begin with")
        await stage.press("down", "enter")
        await stage.until("Subject: Text and HTML")
        raw = stage.raw.content()
        assert (raw.sender, raw.recipients) == ("me@acme.example", "carol@example.com")
        assert not [finding for finding in mime.findings(raw.source) if finding.weight != "note"]
        await send(stage)
    assert connected.mime(1) == raw.source
    assert drafts() == [form]


async def test_a_form_as_mime(connected: Sandbox, picture: Path) -> None:
    """Ctrl+T shows the MIME of the form, files and all; that is sent to everybody, Bcc too, who stand nowhere in it."""
    form = replace(
        LETTER,
        cc="Carol <carol@example.com>",
        bcc="hidden@example.com",
        html="<p>Hi <img src='cid:p'></p>",
        attachments=(AttachmentDraft(str(picture), "inline", content_id="p"),),
    )
    async with on_stage(form) as stage:
        await stage.press("ctrl+t")
        await stage.until("Ctrl+T goes back to the form")
        raw = stage.raw.content()
        assert raw.recipients == "bob@example.com, carol@example.com, hidden@example.com"
        assert b"hidden@" not in raw.source
        (file,) = mime.form_of(raw).files
        assert b"".join(mime.content(raw.source, file.part)) == PICTURE
        await send(stage)
    assert connected.mime(1) == raw.source
    assert connected.messages()[0]["envelope"]["recipients"] == raw.recipients.split(", ")
    assert drafts() == [form]


async def test_a_look_at_the_mime_of_a_form(connected: Sandbox) -> None:
    """Ctrl+T twice leads back to the form, which is the same draft; once the MIME was changed, to a form of its own."""
    async with on_stage(LETTER) as stage:
        first = stage.form.draft_id
        await stage.press("ctrl+t")
        await stage.until("Ctrl+T goes back to the form")
        await stage.press("ctrl+t")
        await stage.until("New message")
        await stage.settled()
        assert (stage.form.draft_id, stage.draft) == (first, LETTER)
        await stage.type("Yes: ")
        changed = stage.draft
        await stage.press("ctrl+t")
        await stage.until("Ctrl+T goes back to the form")
        await stage.type("X-A: b\n")
        await stage.press("ctrl+t")
        await stage.until("Open it in the form")
        await stage.press("down", "enter")
        await stage.until("New message")
        await stage.settled()
        assert stage.form.draft_id != first
        assert stage.draft == replace(changed, headers="X-A: b")
        assert len(drafts()) == 3


async def test_a_mail_on_its_way_is_not_made_into_another(held: Held) -> None:
    """Ctrl+T while a mail is sent begins another one: what is on its way could be sent twice."""
    async with on_stage(LETTER) as stage:
        await stage.send()
        await stage.press("ctrl+t")
        await stage.until("Raw message")
        assert b"Hello" not in stage.raw.source
        held.release()
        await stage.until("Accepted")


async def test_a_form_that_is_unfinished_as_mime(connected: Sandbox) -> None:
    """What is missing in the form is missing in the MIME, and what is there is there."""
    async with on_stage(Draft(subject="only a subject")) as stage:
        await stage.press("ctrl+t")
        await stage.until("Subject: only a subject")
        assert stage.raw.content().sender == stage.raw.content().recipients == ""
        assert b"From: \r\n" in stage.raw.content().source


async def test_a_form_that_is_wrong_as_mime(connected: Sandbox, tmp_path: Path) -> None:
    """What cannot be written is told at its place, all of it, and the form stays."""
    wrong = replace(LETTER, to="bob@", attachments=(AttachmentDraft(str(tmp_path / "gone")),))
    async with on_stage(wrong) as stage:
        await stage.press("ctrl+t")
        await stage.until("Cannot be written as MIME yet")
        assert stage.form.field(Place.TO).has_class("-wrong")
        assert "gone" in stage.words()
        assert stage.draft == wrong


RELATED = (
    mime.crlf(
        b"""From: Alice <me@acme.example>
To: bob@example.com
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
X-Kept: yes
DKIM-Signature: gone
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe
--b
Content-Type: image/png
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="../p\xc3\xa4.png"

"""
    )
    + b"".join(mime.base64_lines(iter([PICTURE])))
    + b"--b--\r\n"
)


async def test_a_message_in_the_form(connected: Sandbox) -> None:
    """All that would be lost is listed first; then the form has the rest, its files octet for octet and private."""
    raw = RawDraft("bounces@acme.example", "bob@example.com, hidden@example.com", RELATED)
    async with on_stage(raw) as stage:
        await stage.press("ctrl+t")
        await stage.until("Open it in the form")
        for lost in ("DKIM-Signature: the API does not carry it", "its charset iso-8859-1", "bounces@acme.example"):
            assert lost in stage.words()
        assert_harmless(stage)
        await stage.press("escape")
        assert stage.raw.content() == raw
        await stage.press("ctrl+t")
        await stage.until("Open it in the form")
        await stage.press("down", "enter")
        await stage.until("New message")
        await stage.settled()
        form = stage.draft
        (file,) = form.attachments
        assert form == Draft(
            sender="Alice <me@acme.example>",
            to="bob@example.com",
            bcc="hidden@example.com",
            subject="Grüße",
            headers="X-Kept: yes",
            text="Grüße",
            attachments=(file,),
        )
        assert_kept_privately(file.path, stage)
        assert drafts() == [form, raw]
        await send(stage)
    (request,) = (message["request"] for message in connected.messages())
    assert request["bcc"] == "hidden@example.com"
    assert drafts() == [raw]


async def test_a_message_of_which_nothing_is_lost(connected: Sandbox) -> None:
    """It is opened in the form without a question, and stays among the drafts."""
    async with on_stage(raw_draft(MAIL)) as stage:
        await stage.press("ctrl+t")
        await stage.until("New message")
        await stage.settled()
        assert stage.draft == Draft(sender="me@acme.example", to="bob@example.com", subject="number 1", text="Hi\n")
        assert drafts() == [stage.draft, raw_draft(MAIL)]


async def test_recipients_that_the_envelope_leaves_out(connected: Sandbox) -> None:
    """That somebody in the header would get the mail after all is said; so are recipients that cannot be read."""
    for recipients, words in (("carol@example.com", "leaves out bob@example.com"), ("x", "“x” is not an address")):
        async with on_stage(RawDraft("me@acme.example", recipients, MAIL)) as stage:
            await stage.press("ctrl+t")
            await stage.until(words)


async def test_there_is_no_room_for_the_files(connected: Sandbox) -> None:
    """Where the files of a message cannot be kept that is said, and the message stays on the screen."""
    async with on_stage(raw_draft(RELATED)) as stage:
        assert stage.app.settings
        (stage.app.settings.data_dir / "kept").write_bytes(b"in the way")
        await stage.press("ctrl+t")
        await stage.until("Open it in the form")
        await stage.press("down", "enter")
        await stage.until("cannot be kept")
        assert stage.raw.content() == raw_draft(RELATED)


async def test_a_raw_message_that_was_sent_is_opened_again(connected: Sandbox) -> None:
    """`o` in the history opens the very octets that left, with their envelope."""
    source = ONE % (1, b"Gr\xc3\xbc\xc3\x9fe  ")
    async with on_stage(RawDraft("me@acme.example", "x@example.com", source)) as stage:
        await send(stage)
        await stage.press("ctrl+n", "f8")
        await stage.until("number 1")
        await stage.press("o")
        await stage.until("this is what was sent")
        assert stage.raw.content() == RawDraft("me@acme.example", "x@example.com", mime.crlf(source))
        await send(stage)
    assert connected.mime(1) == connected.mime(2) == mime.crlf(source)


async def test_a_form_that_was_sent_is_opened_again(connected: Sandbox, picture: Path) -> None:
    """`o` in the history opens a form's mail in the form, its files as they were, wherever those are by now."""
    form = Draft(
        sender="Me <me@acme.example>",
        to='"Last, First" <bob@example.com>, carol@example.com',
        bcc="dave@example.com",
        reply_to="me@acme.example",
        subject="Grüße",
        headers="X-A: b",
        text="Hi\n",
        html="<p>Hi</p>",
        attachments=(AttachmentDraft(str(picture), filename="p.png", media_type="image/png"),),
    )
    async with on_stage(form) as stage:
        await send(stage)
        picture.unlink()  # noqa: ASYNC240 - a test waits for nothing else
        await stage.press("f8")
        await stage.until("Grüße")
        await stage.press("o")
        await stage.until("this is what was sent")
        await stage.settled()
        (file,) = stage.draft.attachments
        assert stage.draft == replace(form, attachments=(file,))
        assert file.filename == "p.png"
        assert_kept_privately(file.path, stage)
        assert drafts() == [stage.draft]
        await send(stage)
    assert connected.request_body(1) == connected.request_body(2)


async def test_nothing_in_a_mailbox_acts(connected: Sandbox, tmp_path: Path) -> None:
    """Senders, subjects and dates of a list are text; so is what a form cannot hold."""
    evil = " ".join((*MARKUP, *(text for text in CONTROLS if not set(text) & set("\r\n\x85\u2028"))))
    header = f"From: {evil} <a@b.example>\nSubject: {evil}\nDate: {evil}\nX-{'a' * 5}: {evil}\nReceived: {evil}\n\n"
    box = tmp_path / f"{MARKUP[0][:16]}\x1b]52;c;x\x07"
    box.write_bytes((POSTMARK + header.encode() + b"\n") * 2)
    async with on_stage(RawDraft()) as stage:
        await picking(stage)
        await stage.type(f"{tmp_path}\n")
        await stage.until("[@click=app.quit<1B>]52;c;x<07>")
        assert_harmless(stage)
        await stage.type("click")
        await stage.until("1 of 2")
        await stage.press("enter")
        await stage.until("2 messages")
        assert_harmless(stage)
        await stage.press("enter")
        await stage.until("X-aaaaa")
        await stage.settled()
        assert_harmless(stage)
        await stage.press("ctrl+t")
        await stage.until("Open it in the form")
        assert_harmless(stage)
        assert stage.raw.query(MailField)
