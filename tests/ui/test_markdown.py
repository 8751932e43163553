"""A body written in Markdown: it is kept as it was typed, and what is looked at or sent is made of it."""

from dataclasses import replace
from pathlib import Path

from cfmail_tui.message import Draft, RawDraft
from cfmail_tui.sandbox import Sandbox
from tests.conftest import undo_send
from tests.ui.stage import LETTER, drafts, on_stage

SOURCE = "# News\n\nall is *well*, see [the site](https://acme.example/)\n"
MARKDOWN = replace(LETTER, text="", markdown=SOURCE)
MADE = "made of it"


async def test_what_is_typed_goes_along(connected: Sandbox) -> None:
    """F10 goes from text over HTML to Markdown and back: what was typed stays, and what can be undone in it."""
    async with on_stage(LETTER) as stage:
        await stage.type("*So*: ")
        await stage.press("f10", "f10")
        await stage.until(MADE)
        written = f"*So*: {LETTER.text}"
        assert stage.draft == replace(LETTER, text="", markdown=written)
        await stage.type("x")
        await stage.press("f10")
        await stage.gone(MADE)
        assert stage.draft == replace(LETTER, text=f"*So*: x{LETTER.text}")
        await stage.press("ctrl+z", "ctrl+z")
        assert stage.draft == LETTER


async def test_it_is_kept_as_markdown(connected: Sandbox) -> None:
    """The draft on the disk has the Markdown, and opened again it is written on as such."""
    async with on_stage(LETTER) as stage:
        await stage.press("f10", "f10")
        await stage.until("saved")
        await stage.press("ctrl+n")
        await stage.settled()
        assert drafts() == [replace(LETTER, text="", markdown=LETTER.text)]
        await stage.press("f7", "enter")
        await stage.until(MADE)
        await stage.type("x")
        assert stage.draft.markdown


async def test_both_bodies_are_made_and_sent(connected: Sandbox) -> None:
    """The review, the wire and the history have the text and the HTML that were made, once."""
    async with on_stage(MARKDOWN) as stage:
        await stage.until("No findings")
        await stage.review()
        assert "text" in stage.words().lower()
        await stage.press("y")
        await stage.until("delivered")
        await stage.settled()
        assert drafts() == []
        await stage.press("f8")
        await stage.until("newest first")
        await stage.press("o")
        await stage.until(stage.is_at_mail)
        await stage.until(lambda: stage.draft.html)
        again = stage.draft
    (message,) = connected.messages()
    assert message["request"]["text"] == "News\n====\n\nall is well, see the site <https://acme.example/>\n"
    assert "<em>well</em>" in message["request"]["html"]
    assert (again.text, again.html, again.markdown) == (message["request"]["text"], message["request"]["html"], "")


async def test_the_preview_has_what_is_made(connected: Sandbox) -> None:
    """F5 shows the text and the HTML that will leave, not the Markdown."""
    async with on_stage(MARKDOWN) as stage:
        await stage.press("f5")
        await stage.until("all is well, see the site <https://acme.example/>")
        await stage.press("f5")
        await stage.until("The HTML body as text")
        assert "*well*" not in stage.text()


async def test_an_html_body_is_not_lost(connected: Sandbox) -> None:
    """Beside HTML F10 goes round without Markdown; a copy in Markdown leaves the mail with the HTML in the drafts."""
    both = replace(LETTER, html="<p>Hi</p>")
    async with on_stage(both) as stage:
        await stage.press("f10")
        assert stage.form.body("html").has_focus
        await stage.press("f10")
        assert stage.form.body("text").has_focus
        await stage.click("Markdown")
        await stage.until("this mail has one already")
        await stage.press("escape")
        await stage.until(stage.is_at_mail)
        assert stage.draft == both
        await stage.app.run_action("screen.markdown")
        await stage.until("this mail has one already")
        await stage.press("down", "enter")
        await stage.until(MADE)
        assert stage.draft == replace(LETTER, text="", markdown=LETTER.text)
        await stage.settled()
        assert drafts() == [both]


async def test_what_is_found_is_told_of_the_markdown(connected: Sandbox) -> None:
    """A flaw of the bodies that are made is found in the line of the Markdown, where nothing is mended by itself."""
    mail = replace(MARKDOWN, markdown="Hello,\n\nsee [here](http://acme.example/) and {{name}}.\n")
    async with on_stage(mail) as stage:
        await stage.until("findings · F12")
        await stage.press("f12")
        await stage.until("Markdown")
        await stage.press("f")
        assert stage.draft == mail
        await stage.press("enter")
        assert stage.form.body("text").has_focus
        assert stage.form.body("text").cursor_location[0] == 2
        await stage.until(MADE)


async def test_of_both_nothing_is_lost(connected: Sandbox) -> None:
    """A draft from elsewhere that has a text and Markdown shows both, and HTML beside it stops it until it goes."""
    async with on_stage(replace(MARKDOWN, text="A text", html="<p>x</p>")) as stage:
        assert stage.draft.markdown == f"A text\n\n{SOURCE}"
        await stage.press("f9")
        await stage.until("keep the one or the other")
        await stage.press("f10")
        await stage.gone(MADE)
        assert stage.draft == replace(LETTER, text=f"A text\n\n{SOURCE}", html="<p>x</p>")


async def test_a_picture_in_markdown(connected: Sandbox, tmp_path: Path) -> None:
    """An inline picture is put into the Markdown, and stands in the HTML that is made."""
    async with on_stage(MARKDOWN) as stage:
        stage.form.insert_reference("photo.png", "a [photo].png")
        assert stage.draft.markdown.startswith(r"![a \[photo\].png](cid:photo.png)")
        await stage.press("f5", "f5")
        await stage.until("HTML body as text")


async def test_as_mime(connected: Sandbox) -> None:
    """Ctrl+T shows the message with both bodies; going back, it is Markdown again."""
    async with on_stage(MARKDOWN) as stage:
        await stage.press("ctrl+t")
        await stage.until("Raw message")
        raw = stage.mail.content()
        assert isinstance(raw, RawDraft)
        assert b"<em>well</em>" in raw.source
        assert b"multipart/alternative" in raw.source
        await stage.press("ctrl+t")
        await stage.until(MADE)
        assert stage.draft == MARKDOWN


async def test_a_mail_on_its_way_keeps_its_meaning(connected: Sandbox) -> None:
    """While it is about to leave F10 does not make plain text of what was reviewed as Markdown."""
    undo_send(600)
    async with on_stage(MARKDOWN) as stage:
        await stage.send()
        await stage.until("u takes it back")
        await stage.press("f10")
        assert stage.draft == MARKDOWN
        await stage.press("u")
        await stage.until(lambda: not stage.form.is_busy)
        assert stage.draft == MARKDOWN


async def test_a_new_mail_with_a_signature(connected: Sandbox) -> None:
    """An empty mail is empty in Markdown, too."""
    async with on_stage() as stage:
        await stage.press("f10", "f10")
        assert stage.form.is_blank()
        assert stage.draft == Draft(sender=stage.draft.sender)
