"""What is found in a mail while it is typed: marks, count, list, jumps and fixes; the same in the review."""

from dataclasses import replace
from pathlib import Path

from cfmail_tui.message import AttachmentDraft, Draft, Place
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui.bodies import Margin
from tests.ui.stage import LETTER, Stage, on_stage

PLANTED = Draft(
    sender="me@acme.example",
    to="bob@gmial.com, carol@example.org, carol@example.org",
    cc="dave@example.com",
    bcc="dave@example.com",
    subject="Report",
    text="Hi,\n\nthe report is attached.\n\nHello {{name}}\n",
)
"""Five mistakes, three of which can be fixed."""


async def found(stage: Stage, words: str) -> None:
    """Until what is found is counted so."""
    await stage.until(lambda: words in stage.text())


def margin(stage: Stage, text: str) -> str:
    """What stands in the first column of the line with this text."""
    return next((line[:1] for line in stage.lines() if text in line), "")


async def test_all_mistakes_are_told_while_typing(connected: Sandbox) -> None:
    """Nothing is said of an empty form; then each field and line has its mark, and all are counted."""
    async with on_stage() as stage:
        assert "Findings come as you write" in stage.text()
        stage.form.load(replace(stage.mail.current(), content=PLANTED))
        await found(stage, "5 findings · F12")
        assert [margin(stage, text) for text in ("Cc  ", "To  ", "Bcc  ", "report is attached", "{{name}}")] == [
            " ",
            "!",
            "!",
            "!",
            "!",
        ]
        await stage.press("f12")
        await stage.until("is gmail.com meant?")


async def test_a_mark_stays_with_its_line(connected: Sandbox) -> None:
    """Scrolled and wrapped, a mark stands at its line; away with the finding it goes."""
    text = "word " * 60 + "\n" + "\n" * 30 + "see attached\n"
    async with on_stage(replace(LETTER, text=text)) as stage:
        await found(stage, "1 finding · F12")
        marks = stage.form.query_one(Margin)
        assert "!" not in {line[:1] for line in stage.lines()}
        stage.form.body("text").scroll_end(animate=False)
        await stage.until(lambda: margin(stage, "see attached") == "!")
        assert marks.size.width == 1
        body = stage.form.body("text")
        body.rewrite(text.replace("see attached", "see you"))
        await found(stage, "✓ No findings")
        await stage.until(lambda: "!" not in {line[:1] for line in stage.lines()})


async def test_enter_goes_to_a_finding(connected: Sandbox) -> None:
    """Enter puts the cursor where it is, also into a field that is folded away and into the other body."""
    draft = replace(
        LETTER, text="Hi\n\nsee it attached", html="<p>Hi see it attached</p>\n<img src='http://a.example/x'>"
    )
    async with on_stage(draft) as stage:
        await found(stage, "findings · F12")
        await stage.press("f12", "enter")
        assert stage.form.focused is stage.form.body("text")
        assert stage.form.body("text").cursor_location == (2, 7)
        html = next(one for one in stage.form._findings._list.items if one.place is Place.HTML and one.offset)
        stage.form.jump(html)
        await stage.rest()
        assert stage.form.focused is stage.form.body("html")
        assert stage.form.body("html").display
        assert stage.form.body("html").cursor_location[0] == 1
        await stage.press("f12", "f12")
        assert stage.form.focused is stage.form.body("html")
        await stage.press("f12", "enter")
        assert stage.form.focused is stage.form.body("text")
        assert stage.form.body("text").display


async def test_three_mistakes_are_fixed_with_a_key_each(connected: Sandbox) -> None:
    """f makes the fix of the chosen finding and changes nothing else; u takes the fixes back, the last first."""
    async with on_stage(PLANTED) as stage:
        await found(stage, "5 findings")
        await stage.press("f12")
        for left in (4, 3, 2):
            await stage.press("f")
            await found(stage, f"{left} findings")
        assert stage.draft == replace(PLANTED, to="bob@gmail.com, carol@example.org", bcc="")
        await stage.press("f")
        assert "Only you can know what should be there instead." in stage.words()
        for _ in range(3):
            await stage.press("u")
        assert stage.draft == PLANTED
        await found(stage, "5 findings")


async def test_a_fix_in_a_body_can_be_undone_there(connected: Sandbox) -> None:
    """What a fix changed in a body is one step of its own history."""
    async with on_stage(replace(LETTER, text="see the file attached", html="<p>see the file attached</p>")) as stage:
        body = stage.form.body("text")
        body.rewrite("see the letter attached")
        assert body.text == "see the letter attached"
        body.action_undo()
        assert body.text == "see the file attached"


async def test_a_file_is_found_missing_while_writing(connected: Sandbox, tmp_path: Path) -> None:
    """A file that is gone stops the mail at once; Enter opens the attachments."""
    draft = replace(LETTER, attachments=(AttachmentDraft(str(tmp_path / "gone.txt")),))
    async with on_stage(draft) as stage:
        await found(stage, "✗ Cannot be sent as it is · 1 finding")
        await stage.press("f12", "enter")
        await stage.until(lambda: not stage.is_at_mail())


async def test_rules_are_the_users(connected: Sandbox, new_machine: Path) -> None:
    """A rule that is switched off says nothing; the settings are the same as for the review."""
    async with on_stage(replace(LETTER, subject="")) as stage:
        await found(stage, "1 finding · F12")
        assert margin(stage, "Subject") == "!"
        stage.app._outbox._choices = {"no-subject": "off"}  # type: ignore[union-attr]
        await stage.type("\t")
        stage.form._want_check()
        await found(stage, "✓ No findings")


async def test_the_review_shows_the_same(connected: Sandbox) -> None:
    """The review lists what is found; i goes there, Enter back to its place, f makes its fix in the form."""
    async with on_stage(PLANTED) as stage:
        await stage.review()
        await stage.until("5 findings")
        await stage.press("i", "f")
        await stage.until(stage.is_at_mail)
        assert stage.draft == replace(PLANTED, to="bob@gmail.com, carol@example.org, carol@example.org")
        await stage.review()
        await stage.until("4 findings")
        await stage.press("i", "enter")
        await stage.until(stage.is_at_mail)
        assert stage.draft.bcc == PLANTED.bcc
        assert not stage.mail.is_busy
        await stage.until(lambda: stage.form.focused is stage.form.field(Place.TO).input)


async def test_nothing_is_sent_with_the_keys_of_findings(connected: Sandbox) -> None:
    """In a review without findings their keys do nothing."""
    async with on_stage(LETTER) as stage:
        await stage.review()
        await stage.press("i", "f", "u")
        assert "nothing has left yet" in stage.text()
        assert not connected.messages()
