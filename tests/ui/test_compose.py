"""The form: keys act in the order they were pressed, fields fold, bodies switch, files are attached."""

from dataclasses import replace
from pathlib import Path

from textual import events

from cfmail_tui.attachments import picked
from cfmail_tui.message import Draft, Place
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui.attach import AttachScreen
from cfmail_tui.ui.fields import Body, LineInput, MailField
from tests.ui.stage import LETTER, drafts, on_stage


async def test_keys_act_in_the_order_they_were_pressed(connected: Sandbox, tmp_path: Path) -> None:
    """Letters, Tab, Backspace, function keys and a path, all at once, each reach what they were meant for."""
    (tmp_path / "a.txt").write_text("a")
    async with on_stage() as stage:
        app = stage.app
        await stage.type("me@acme.exampel\x7f\x7fle\tbob@example.com\tHellp\x7fo\tHi")
        app.simulate_key("f3")
        await stage.type(f"{tmp_path}/a.txy\x7ft\n")
        app.simulate_key("f12")
        await stage.type(" Bob\n!")
        app.simulate_key("shift+tab")
        await stage.type("?")
        app.simulate_key("f9")
        await stage.until("nothing has left yet")
        assert stage.draft == Draft(
            sender="me@acme.example",
            to="bob@example.com",
            subject="Hello?",
            text="Hi Bob\n!",
            attachments=(picked(str(tmp_path / "a.txt")),),
        )


async def test_keys_after_a_switch_do_not_wait_long(connected: Sandbox) -> None:
    """What is typed right after Ctrl+T goes into the raw source, and after Ctrl+N into a new form."""
    async with on_stage() as stage:
        stage.app.simulate_key("ctrl+t")
        await stage.type("X")
        await stage.until("Raw message")
        await stage.until(lambda: stage.raw.source.startswith(b"X"))
        stage.app.simulate_key("ctrl+n")
        await stage.type("me@acme.example")
        await stage.until("New message")
        await stage.until(lambda: stage.draft.sender == "me@acme.example")
        assert stage.app._opening is False


async def test_many_switches_at_once(connected: Sandbox) -> None:
    """Form and raw editor may change places as fast as keys come."""
    async with on_stage(LETTER) as stage:
        for key in ["ctrl+t"] * 5 + [
            "ctrl+n",
            "f7",
            "escape",
            "ctrl+t",
            "f8",
            "escape",
            "f2",
            "escape",
            "f1",
            "escape",
        ]:
            stage.app.simulate_key(key)
        await stage.settled()
        await stage.until(stage.is_at_mail)


async def test_alt_with_a_letter_types_nothing(connected: Sandbox) -> None:
    """An Alt chord that means nothing is swallowed; the letter alone is not typed."""
    async with on_stage() as stage:
        await stage.press("alt+x", "alt+1", "alt+shift+y")
        await stage.type("z")
        assert stage.draft.sender == "z"


async def test_pasted_recipients_become_one_line(connected: Sandbox) -> None:
    """Addresses pasted over several lines, or from a spreadsheet, are one list; the form counts them."""
    async with on_stage(replace(LETTER, to="")) as stage:
        await stage.paste('"Last, First" <a@example.com>;\r\nb@example.com\n\nc@example.com\t\n')
        assert stage.draft.to == '"Last, First" <a@example.com>;, b@example.com, c@example.com'
        await stage.until("3 of 50")
        await stage.review()
        await stage.press("y")
        await stage.until("c@example.com")
        await stage.settled()
    (message,) = connected.messages()
    assert message["envelope"]["recipients"] == ["a@example.com", "b@example.com", "c@example.com"]


async def test_text_is_pasted_as_it_is(connected: Sandbox) -> None:
    """A text pasted into the body keeps its lines, and keys inside it press nothing."""
    async with on_stage(replace(LETTER, text="")) as stage:
        await stage.paste("one\r\ntwo\n\n\tfour\x1b[20~y\n")
        assert stage.draft.text == "one\ntwo\n\n\tfour\x1b[20~y\n"
        assert stage.is_at_mail()


async def test_folded_fields(connected: Sandbox) -> None:
    """F6 shows Cc, Bcc, Reply-To and headers, and folds away again those that are empty."""
    async with on_stage(LETTER) as stage:
        for name in ("Cc", "Bcc", "Reply-To", "Headers"):
            assert f" {name} " not in f" {stage.text()} "
        await stage.press("f6")
        await stage.type("cc@example.com\tbcc@example.com\treply@example.com\tnew subject ")
        stage.form.focus_place(Place.HEADERS)
        await stage.type("X-One: 1\nX-Two: 2")
        await stage.press("f6")
        for shown in ("cc@example.com", "bcc@example.com", "reply@example.com", "X-Two: 2"):
            assert shown in stage.text()
        assert stage.draft == replace(
            LETTER,
            cc="cc@example.com",
            bcc="bcc@example.com",
            reply_to="reply@example.com",
            subject="new subject Hello" if stage.draft.subject.startswith("new") else "Hellonew subject ",
            headers="X-One: 1\nX-Two: 2",
        )
        stage.form.field(Place.CC).text = ""
        await stage.press("f6")
        await stage.until(lambda: not stage.form.field(Place.CC).display)
        assert stage.form.field(Place.BCC).display
        assert stage.form.focused is not None


async def test_what_is_not_shown_is_made_when_it_is_wanted(connected: Sandbox) -> None:
    """Folded fields and the HTML body cost a start nothing; the keys right after the one that shows them reach them."""
    async with on_stage(LETTER) as stage:
        assert len(stage.form.query(LineInput)) == 3
        assert len(stage.form.query(Body)) == 1
        stage.app.post_message(events.Key("f6", None))
        await stage.type("cc@example.com\t\treply@example.com\t")
        assert stage.form.focused is stage.form.field(Place.SUBJECT).input
        stage.app.post_message(events.Key("f10", None))
        await stage.type("<p>Hi")
        found = [field.place for field in stage.form.query(MailField)]
        assert found == [Place.FROM, Place.TO, Place.CC, Place.BCC, Place.REPLY_TO, Place.SUBJECT]
        assert stage.draft == replace(LETTER, cc="cc@example.com", reply_to="reply@example.com", html="<p>Hi")


async def test_a_cursor_where_nothing_was_written(connected: Sandbox) -> None:
    """A mail that was left with the cursor in an empty field that folds away goes on there."""
    async with on_stage(LETTER) as stage:
        left = replace(stage.form.current(), cursor=("BCC", 0, 0))
        stage.form.load(left)
        await stage.type("bcc@example.com")
        assert stage.draft == replace(LETTER, bcc="bcc@example.com")


async def test_two_bodies(connected: Sandbox) -> None:
    """F10, or a click on its name, shows the other body; both are sent."""
    async with on_stage(LETTER) as stage:
        await stage.press("f10")
        await stage.type("<p>Hi</p>")
        await stage.click("Text ")
        await stage.type("So: ")
        await stage.click("HTML")
        assert stage.form.body("html").display
        await stage.send()
        await stage.until("delivered")
    (message,) = connected.messages()
    assert message["request"]["html"] == "<p>Hi</p>"
    assert message["request"]["text"] == "So: " + LETTER.text


async def test_a_click_on_the_body_that_is_shown(connected: Sandbox) -> None:
    """A click on the name of the body that is shown already leaves it there."""
    async with on_stage(LETTER) as stage:
        await stage.click("Text ")
        assert stage.form.body("text").display
        assert not stage.form.body("html").display


async def test_files_are_attached_listed_and_removed(connected: Sandbox, tmp_path: Path) -> None:
    """Several files are attached one after another, made inline, removed, and not attached twice."""
    for name in ("a.txt", "b.png", "c.pdf"):
        (tmp_path / name).write_bytes(b"x" * 1000)
    async with on_stage(LETTER) as stage:
        await stage.press("f3")
        await stage.until("Attach a file")
        await stage.type(
            f"{tmp_path}/a.txt\nfile://{tmp_path}/b.png\n{tmp_path}/../{tmp_path.name}/c.pdf\n{tmp_path}/a.txt\n"
        )
        await stage.until("attached already")
        await stage.until("application/pdf")
        await stage.press("tab", "tab", "i", "down", "i", "down", "d")
        await stage.settled()
        a, b = (replace(picked(str(tmp_path / name)), disposition="inline") for name in ("a.txt", "b.png"))
        assert stage.draft.attachments == (a, b)
        await stage.press("up", "up", "i", "escape")
        await stage.until("b.png (inline)")
        assert "a.txt (inline)" not in stage.text()
        await stage.review()
        for shown in ("a.txt", "1,000 octets", "inline cid:b.png"):
            assert shown in stage.text()
        await stage.press("a")
        await stage.until("Attach a file")
        assert isinstance(stage.app.screen, AttachScreen)


async def test_letters_in_a_path_are_letters(connected: Sandbox) -> None:
    """d and i act on the list of files only, not while a path is typed."""
    async with on_stage(LETTER) as stage:
        await stage.press("f3")
        await stage.until("Attach a file")
        await stage.type("/did/jkq?")
        assert stage.app.screen.query_one(LineInput).value == "/did/jkq?"


async def test_the_mouse_reaches_every_key_of_the_bar(connected: Sandbox) -> None:
    """Each label of the key bar does what its key does."""
    async with on_stage(LETTER) as stage:
        for label, there in {
            "Attach": "Attach a file", "Drafts": "there are no drafts", "History": "newest first", "Help": "Ctrl+S",
        }.items():  # fmt: skip
            await stage.click(f" {label}")
            await stage.until(there)
            await stage.click("Esc Back")
            await stage.until(stage.is_at_mail)
        await stage.click(" Fields")
        await stage.until("Reply-To")
        await stage.click(" Commands")
        await stage.until(lambda: not stage.is_at_mail())
        await stage.press("escape")
        await stage.until(stage.is_at_mail)
        await stage.click("F9")
        await stage.until("nothing has left yet")
        await stage.click("Postpone")
        await stage.until(lambda: stage.draft.subject == "")
        await stage.until(lambda: drafts() == [LETTER])
    assert not connected.messages()


async def test_the_review_leads_to_what_it_names(connected: Sandbox) -> None:
    """From the review e, h and m lead to the mail, its headers and the request body, and back."""
    async with on_stage(LETTER) as stage:
        await stage.review()
        await stage.press("m")
        await stage.until('"subject": "Hello"')
        await stage.press("escape")
        await stage.until("nothing has left yet")
        await stage.press("h")
        await stage.until(lambda: stage.app.focused is stage.form.body("headers"))
        await stage.type("X-One: 1")
        await stage.review()
        assert "X-One: 1" in stage.text()
        await stage.press("e")
        await stage.until(stage.is_at_mail)
        await stage.settled()
        assert stage.app.focused is not None
        assert stage.app.settings
        bodies = stage.app.settings.data_dir / "bodies"
        await stage.until(lambda: not list(bodies.iterdir()))
