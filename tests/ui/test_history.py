"""The history screen: what was sent, found again by any part of it."""

from dataclasses import replace

from cfmail_tui.message import Draft
from cfmail_tui.outbox import Outbox
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui.history import HistoryScreen
from cfmail_tui.ui.rows import RowList
from tests.ui.stage import LETTER, Stage, attempts, on_stage, opened_outbox

MAILS = (
    replace(LETTER, subject="Report [March] 100%", to="bob@example.com, queue@example.com"),
    replace(LETTER, subject="50 % off_the [wall]", to="bounce@example.org"),
    replace(LETTER, subject="", to="error500@example.net"),
    replace(LETTER, subject="Grüße aus Köln", to="cut@example.com"),
)


def send_all(outbox: Outbox, *mails: Draft) -> None:
    for mail in mails:
        outbox.send(outbox.prepare(mail))


def rows(stage: Stage) -> list[str]:
    """The lines of the list, as shown."""
    shown = stage.app.screen.query_one(RowList)
    return [line for line in stage.lines()[shown.region.y : shown.region.bottom] if line.strip()]


async def test_every_attempt_is_listed_newest_first(connected: Sandbox) -> None:
    """F8 lists what was tried, newest first, each with its outcome; the detail beside follows the cursor."""
    with opened_outbox() as (outbox, _):
        send_all(outbox, *MAILS)
    async with on_stage() as stage:
        await stage.press("f8")
        await stage.until("100%")
        subjects = ["Grüße aus Köln", "(no subject)", "50 % off_the [wall]", "Report [March] 100%"]
        assert [subject in row for subject, row in zip(subjects, rows(stage), strict=True)] == [True] * 4
        await stage.until("may have been sent")
        await stage.press("j")
        await stage.until("internal error")
        await stage.press("down")
        await stage.until("✗ bounced")
        await stage.press("G", "end")
        await stage.until("… queued")
        await stage.press("k", "home", "enter")
        assert stage.app.focused is stage.app.screen.query_one("#detail")
        await stage.press("escape")
        assert not stage.is_at_mail()
        await stage.press("escape")
        assert stage.is_at_mail()


async def test_searching_as_one_types(connected: Sandbox) -> None:
    """The beginnings of words of subject, people and text find an attempt; signs of SQL and of markup do nothing."""
    with opened_outbox() as (outbox, _):
        send_all(outbox, *MAILS)
    async with on_stage() as stage:
        await stage.press("f8")
        await stage.until("100%")
        for query, found in {
            "[wall": ["50 %"], "100%": ["100%"], "_": None, "GRÜSS": ["Köln"], "köln": ["Köln"], "example": None,
            "boun": ["50 %"], "status:refused": ["no subject"], "off_the 50": ["50 %"], "'": None, "[/]": None,
            "status:quei": None, "nothing-like-it": [], "are you": None,
        }.items():  # fmt: skip
            await stage.press("slash")
            stage.field("#search").value = ""
            await stage.type(query)
            await stage.settled()
            if found is None:
                assert len(rows(stage)) == 4
            elif not found:
                assert "nothing found" in stage.text()
            else:
                assert [word in row for word, row in zip(found, rows(stage), strict=True)] == [True]
            await stage.press("enter")
            await stage.until(lambda: stage.app.focused is stage.app.screen.query_one(RowList))


async def test_a_query_typed_very_fast(connected: Sandbox) -> None:
    """However fast a query is typed and corrected, the list shows what the finished query finds."""
    with opened_outbox() as (outbox, _):
        send_all(outbox, *MAILS)
    async with on_stage() as stage:
        stage.app.simulate_key("f8")
        await stage.type("/bob@example.org" + "\x7f" * 3 + "com")
        await stage.until(lambda: len(rows(stage)) == 1)
        await stage.settled()
        assert "100%" in rows(stage)[0]
        assert stage.field("#search").value == "bob@example.com"


async def test_an_empty_history(connected: Sandbox) -> None:
    """Before the first mail the history says that there is nothing, and no key breaks it."""
    async with on_stage() as stage:
        await stage.press("f8")
        await stage.until("nothing was sent yet")
        await stage.press("j", "k", "enter", "pagedown", "home", "end", "slash", "slash", "/", "escape")
        assert isinstance(stage.app.screen, HistoryScreen)


async def test_the_mouse_in_the_history(connected: Sandbox) -> None:
    """A click chooses a line, the wheel scrolls a long list, and a double click opens the detail."""
    with opened_outbox() as (outbox, _):
        send_all(outbox, *[replace(LETTER, subject=f"number {n}") for n in range(30)])
    async with on_stage() as stage:
        await stage.press("f8")
        await stage.until("number 29")
        await stage.click("number 25")
        await stage.until("Subject   number 25")
        await stage.press("end")
        await stage.until("Subject   number 0")
        assert "number 0" in rows(stage)[-1]
        await stage.click("number 2", times=2)
        assert stage.app.focused is stage.app.screen.query_one("#detail")


async def test_an_unknown_outcome_is_settled_by_the_user(connected: Sandbox) -> None:
    """Of a mail that may have been sent the user says what became of it; only of such a one, and may correct it."""
    with opened_outbox() as (outbox, _):
        send_all(outbox, MAILS[0], Draft(sender="me@acme.example", to="cut@example.com", subject="Cut", text="x"))
    async with on_stage() as stage:
        await stage.press("f8")
        await stage.until("may have been sent")
        await stage.press("i")
        await stage.until("you said that it arrived")
        assert attempts()[0].settled is True
        await stage.press("n")
        await stage.until("you said that it did not arrive")
        assert attempts()[0].settled is False
        await stage.press("j", "i")
        await stage.settled()
        assert attempts()[1].settled is None
    assert len(connected.messages()) == 2


async def test_an_unknown_outcome_is_looked_up(connected: Sandbox) -> None:
    """A mail that was cut off after it was taken is found in Cloudflare's records; nothing is sent again for that."""
    with opened_outbox() as (outbox, _):
        send_all(outbox, Draft(sender="me@acme.example", to="cut@example.com", subject="Cut", text="x"))
    async with on_stage() as stage:
        await stage.press("f8")
        await stage.until("may have been sent")
        await stage.press("l")
        await stage.until("Cloudflare has it: it was sent")
    assert len(connected.messages()) == 1
