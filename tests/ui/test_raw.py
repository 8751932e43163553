"""The raw screen: an envelope apart from the header, a source that leaves octet for octet or is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from cfmail_tui.message import Place, RawDraft
from cfmail_tui.prefill import raw_draft
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui.fields import MailField
from tests.ui.stage import Stage, drafts, on_stage

SOURCE = (
    "From: Alice <me@acme.example>\nTo: bob@example.com, Carol <carol@example.com>\nSubject: Grüße\n"
    "Bcc: hidden@example.com\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
    "Content-Transfer-Encoding: 8bit\n\nHi\n\n.\nend\n"
).encode()
PLAIN = SOURCE.replace(b"Bcc: hidden@example.com\n", b"")


def crlf(source: bytes) -> bytes:
    return source.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


async def send(stage: Stage) -> None:
    await stage.send()
    await stage.until("Accepted")
    await stage.settled()


async def test_a_file_is_opened_edited_and_sent(connected: Sandbox, tmp_path: Path) -> None:
    """Ctrl+T, F3 and a path open an .eml; its header fills the envelope, and what was edited is what arrives."""
    path = tmp_path / "mail.eml"
    path.write_bytes(PLAIN)
    async with on_stage() as stage:
        await stage.press("ctrl+t", "f3")
        await stage.until("Open a message")
        await stage.type(f"{path}\n")
        await stage.until("Subject: Grüße")
        assert stage.raw.content() == RawDraft("me@acme.example", "bob@example.com, carol@example.com", PLAIN)
        await stage.type("X-Mine: ja\n")
        stage.app.simulate_key("f9")
        await stage.until("nothing has left yet")
        assert "X-Mine: ja" in stage.text()
        await stage.press("y")
        await stage.until("Accepted")
    (message,) = connected.messages()
    assert message["endpoint"] == "send_raw"
    assert message["envelope"] == {"from": "me@acme.example", "recipients": ["bob@example.com", "carol@example.com"]}
    assert connected.mime(1) == crlf(b"X-Mine: ja\n" + PLAIN)


async def test_the_last_key_before_f9_is_sent_too(connected: Sandbox) -> None:
    """A letter typed right before F9 stands in what is reviewed and sent."""
    async with on_stage(raw_draft(PLAIN)) as stage:
        await stage.type("X-A: bc")
        await stage.type("\n")
        await stage.press("up", "end")
        for key in ("d", "f9"):
            stage.app.simulate_key(key)
        await stage.until("nothing has left yet")
        await stage.press("y")
        await stage.until("Accepted")
    assert connected.mime(1) == crlf(b"X-A: bcd\n" + PLAIN)


async def test_a_bcc_field_is_refused_and_mended(connected: Sandbox) -> None:
    """A source that would show its blind recipients is not sent; F6 moves them into the envelope."""
    async with on_stage(replace(raw_draft(SOURCE), recipients="bob@example.com")) as stage:
        await stage.press("f9")
        await stage.until("Cannot be sent yet")
        assert "Bcc" in stage.text().partition("Cannot be sent yet")[2]
        await stage.press("f6")
        await stage.until("Bcc: hidden@example.com → nothing")
        assert stage.raw.content() == RawDraft("me@acme.example", "bob@example.com, hidden@example.com", PLAIN)
        await send(stage)
    assert connected.mime(1) == crlf(PLAIN)
    assert connected.messages()[0]["envelope"]["recipients"] == ["bob@example.com", "hidden@example.com"]


async def test_the_review_tells_what_is_found(connected: Sandbox) -> None:
    """The review of a raw message lists its findings: Enter leads to the place of one, f makes its fix."""
    source = b"From: me@acme.example\r\nTo: bob@example.com\r\nSubject: Raw\r\nMIME-Version: 1.0\r\n\r\nHi.\r\n"
    async with on_stage(RawDraft("me@acme.example", "bob@example.com", source)) as stage:
        await stage.review()
        await stage.until("there is no Date field")
        await stage.press("i", "f")
        await stage.until(lambda: stage.is_at_mail() and b"\r\nDate: " in stage.raw.content().source)
        await stage.review()
        assert "no Date field" not in stage.text()
        await stage.press("i", "enter")
        await stage.until(stage.is_at_mail)
        assert not stage.mail.is_busy
        assert not connected.messages()


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
async def test_a_source_that_is_not_touched_leaves_unchanged(connected: Sandbox, ending: bytes) -> None:
    """Blanks at line ends, a missing last line end, tabs and long lines are nobody's to tidy."""
    source = crlf(PLAIN + b"trailing  \n\n\n \t\n" + b"long " * 199 + b"\nno end").replace(b"\r\n", ending)
    async with on_stage(raw_draft(source)) as stage:
        assert stage.raw.content().source == source
        assert not stage.raw.body("source").read_only
        await send(stage)
        assert stage.raw.content().source == source, "a raw source stays for the next try"
    assert connected.mime(1) == crlf(source)


UNEDITABLE = {
    "lone CR": (PLAIN + b"a\rb\n", "CR without LF"),
    "Latin-1": (PLAIN.replace("ü".encode(), b"\xfc"), "not UTF-8"),
    "U+2028": (PLAIN + "a\u2028b\n".encode(), "U+2028"),
    "NUL": (PLAIN + b"a\0b\n", "U+0000"),
    "form feed": (PLAIN + b"a\x0cb\n", "U+000C"),
    "mixed line ends": (PLAIN + b"a\r\n", "lines end in CRLF here and in LF there"),
}


async def test_a_source_that_cannot_be_edited(connected: Sandbox) -> None:
    """What an editor would change opens read-only with the reason, and is sent unchanged or refused with a reason."""
    sent = []
    async with on_stage(raw_draft(PLAIN)) as stage:
        for source, reason in UNEDITABLE.values():
            stage.raw.results.clear()
            stage.raw.fill(raw_draft(source))
            stage.raw.body("source").focus()
            await stage.until("read-only")
            assert reason in stage.words()
            await stage.type("xyz")
            await stage.paste("pasted")
            assert stage.raw.content().source == source
            await stage.press("f9")
            await stage.until(lambda: "nothing has left yet" in stage.text() or "Cannot be sent yet" in stage.text())
            if "nothing has left yet" in stage.text():
                await stage.press("y")
                await stage.until("Accepted")
                sent.append(crlf(source) if b"a\rb" not in source else source)
            else:
                assert "✗ MIME source: " in stage.text()
            await stage.settled()
            assert stage.raw.content().source == source
    assert [connected.mime(n + 1) for n in range(len(sent))] == sent
    assert len(sent) >= 2


async def test_a_raw_envelope_that_is_wrong(connected: Sandbox) -> None:
    """No sender, no recipient and bad addresses of the envelope are named at their fields."""
    async with on_stage(RawDraft("", "", PLAIN)) as stage:
        await stage.press("f9")
        await stage.until("Cannot be sent yet")
        sender, recipients = stage.raw.query(MailField)
        assert sender.has_class("-wrong")
        await stage.type("me@acme.example")
        recipients.input.focus()
        await stage.type("bob@example.com, x")
        await stage.press("f9")
        await stage.until("“x” is not an address")
        assert recipients.has_class("-wrong")
        await stage.settled()
        assert drafts() == [RawDraft("me@acme.example", "bob@example.com, x", PLAIN)]
    assert not connected.messages()


async def test_a_file_that_cannot_be_opened(connected: Sandbox, tmp_path: Path) -> None:
    """A path that is no readable file is told with its reason, and given back; what was on the screen stays."""
    async with on_stage(raw_draft(PLAIN)) as stage:
        await stage.press("f3")
        for path, reason in {tmp_path / "nothing.eml": "no such file", "/dev/zero": "device"}.items():
            await stage.until("Open a message")
            await stage.type(f"{path}\n")
            await stage.until(reason)
            assert stage.field("#path").value == str(path)
            stage.field("#path").value = ""
        await stage.press("escape")
        await stage.until(stage.is_at_mail)
        assert stage.raw.content().source == PLAIN
        assert not stage.raw.query_one("#mail").disabled


async def test_a_new_raw_message(connected: Sandbox) -> None:
    """Ctrl+T begins with the header fields that a message needs; Ctrl+T again goes back to a form."""
    async with on_stage() as stage:
        await stage.press("ctrl+t")
        await stage.until("MIME-Version: 1.0")
        await stage.press("end")
        await stage.type("me@acme.example")
        stage.raw.focus_place(Place.ENVELOPE_SENDER)
        await stage.type("me@acme.example\tbob@example.com")
        stage.raw.focus_place(Place.SOURCE)
        await stage.press(*["down"] * 9)
        await stage.type("Hi")
        await send(stage)
    assert connected.mime(1).endswith(b"\r\n\r\nHi")
    assert connected.mime(1).startswith(b"From: me@acme.example\r\n")
