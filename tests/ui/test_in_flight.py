"""A mail on its way: leaving the screen or the program asks, each answer works, and an outcome is always recorded."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from cfmail_tui.message import AttachmentDraft
from cfmail_tui.store import StoreError
from cfmail_tui.submission import Accepted, NotSent, Outcome, Unknown
from tests.edge.fault_server import Exchange, FarEnd
from tests.ui.conftest import Held
from tests.ui.stage import LETTER, Stage, attempts, drafts, on_stage


def outcomes() -> list[type[Outcome] | None]:
    """What the journal says became of each mail, newest first."""
    return [type(attempt.outcome) if attempt.outcome else None for attempt in attempts()]


async def send(stage: Stage) -> None:
    """Have the mail on its way, all of it uploaded."""
    await stage.send()
    await stage.until("waiting for Cloudflare")


async def cancel(stage: Stage) -> None:
    """Ctrl+C, and yes."""
    await stage.press("ctrl+c")
    await stage.until("Stop sending?")
    await stage.press("down", "enter")
    await stage.gone("Stop sending?")


async def go_on(stage: Stage) -> None:
    """A new mail while one is on its way."""
    await stage.press("ctrl+n")
    await stage.until(lambda: stage.mail.content() != LETTER)


@pytest.mark.parametrize("key", ["ctrl+n", "ctrl+t"])
async def test_another_mail_while_one_is_sent(held: Held, key: str) -> None:
    """The next mail can be written at once; the one on its way keeps a line that ends in its outcome."""
    async with on_stage(LETTER) as stage:
        await send(stage)
        await stage.press(key)
        await stage.until(lambda: stage.mail.content() != LETTER)
        await stage.until("waiting for Cloudflare")
        await stage.type("carol")
        held.release()
        await stage.until("Accepted: 1 delivered")
        assert "“Hello”" in stage.words()
        await stage.settled()
        assert not stage.mail.query_one("#mail").disabled
        assert "carol" in str(stage.mail.content())
    assert outcomes() == [Accepted]
    assert LETTER not in drafts()


async def test_a_draft_opened_while_a_mail_is_sent(held: Held) -> None:
    """Another draft can be opened and sent meanwhile; the mail on its way is not offered as a draft."""
    other = replace(LETTER, subject="The other one")
    async with on_stage(other) as stage:
        await stage.press("ctrl+s", "ctrl+n")
        await stage.settled()
        stage.form.fill(LETTER)
        await send(stage)
        await stage.press("f7")
        await stage.until("The other one")
        assert "Hello" not in stage.text()
        await stage.press("enter")
        await stage.until(lambda: stage.draft == other)
        await stage.send()
        assert outcomes() == [None]
        held.release()
        await stage.until("delivered")
        await stage.settled()
    assert outcomes() == [Accepted, Accepted]
    assert [mail["subject"] for mail in held.requests] == ["Hello", "The other one"]
    assert drafts() == []


async def test_a_bad_mail_while_another_is_sent(held: Held) -> None:
    """A mail that cannot be sent yet can be mended although another is still on its way."""
    async with on_stage(LETTER) as stage:
        await send(stage)
        await go_on(stage)
        await stage.type("carol")
        await stage.press("f9")
        await stage.until("Cannot be sent yet")
        assert not stage.form.query_one("#mail").disabled
        await cancel(stage)
        await stage.settled()
    assert outcomes() == [Unknown]


async def test_staying_while_a_mail_is_sent(held: Held) -> None:
    """Ctrl+Q asks; who stays sees the outcome."""
    async with on_stage(LETTER) as stage:
        await send(stage)
        await stage.press("ctrl+q")
        await stage.until("Leave when it is done")
        await stage.press("enter")
        held.release()
        await stage.until("delivered")
        assert not stage.app._exit


async def test_leaving_when_it_is_done(held: Held) -> None:
    """Ctrl+Q asks; the program can end by itself once the outcome is written down."""
    async with on_stage(LETTER) as stage:
        await send(stage)
        await stage.press("ctrl+q")
        await stage.click("Leave when it is done")
        await stage.until("as soon as the outcome is written down")
        assert not stage.app._exit
        held.release()
        await stage.until(lambda: stage.app._exit)
    assert outcomes() == [Accepted]


async def test_stopping_and_leaving(held: Held) -> None:
    """Ctrl+Q asks; who stops a mail whose body has left finds it in the history as unknown, and in the drafts."""
    async with on_stage(LETTER) as stage:
        await send(stage)
        await stage.press("ctrl+q")
        await stage.until("does not know whether it arrived")
        await stage.click("Stop waiting and leave")
        await stage.until(lambda: stage.app._exit)
    assert outcomes() == [Unknown]
    assert drafts() == [LETTER]


async def test_an_outcome_that_comes_while_leaving_is_asked(held: Held) -> None:
    """A mail that arrives while the question stands is no reason to stay or to be lost."""
    async with on_stage(LETTER) as stage:
        await send(stage)
        await stage.press("ctrl+q")
        await stage.until("Leave when it is done")
        held.release()
        await stage.until(lambda: not stage.app.sending.departures.mails)
        await stage.press("down", "enter")
        await stage.until(lambda: stage.app._exit)
    assert outcomes() == [Accepted]


async def test_ctrl_c_stops_the_mail_that_is_sent(held: Held) -> None:
    """Ctrl+C asks; going on goes on, stopping after the body left makes the outcome unknown, and the mail stays."""
    async with on_stage(LETTER) as stage:
        await send(stage)
        await stage.press("ctrl+c")
        await stage.until("only the waiting would end, and the outcome be unknown")
        await stage.press("escape")
        await stage.gone("Stop sending?")
        assert "waiting for Cloudflare" in stage.text()
        await cancel(stage)
        await stage.until("may have been sent")
        assert stage.draft == LETTER
        await stage.settled()
    assert outcomes() == [Unknown]
    assert drafts() == [LETTER]


async def test_stopping_before_the_body_has_left(held: Held, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A mail stopped while it is still being uploaded was not sent, and the user is told so."""

    def reading_nothing(exchange: Exchange) -> None:
        exchange.head()
        exchange.hold()

    (tmp_path / "big").write_bytes(bytes(3_600_000))
    big = replace(LETTER, attachments=(AttachmentDraft(str(tmp_path / "big")),))
    far_end = FarEnd(reading_nothing)
    far_end._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with far_end:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
        async with on_stage(big) as stage:
            await stage.send()
            await stage.until("MiB of")
            await stage.press("ctrl+c")
            await stage.until("if it is stopped now, it is not sent")
            await stage.press("down", "enter")
            await stage.until("Not sent")
            await stage.settled()
    assert not far_end.requests
    assert outcomes() == [NotSent]


async def test_ctrl_c_copies_when_nothing_is_sent(held: Held) -> None:
    """Without a mail on its way Ctrl+C copies what is selected, and asks nothing."""
    async with on_stage(replace(LETTER, text="")) as stage:
        await stage.type("copy me")
        await stage.press("shift+home", "ctrl+c")
        assert stage.app.clipboard == "copy me"
        assert stage.is_at_mail()


async def test_a_mail_on_its_way_cannot_be_changed(held: Held) -> None:
    """While it is sent the form takes no keys, no clicks and no second review."""
    async with on_stage(LETTER) as stage:
        await send(stage)
        await stage.type("xyz\t\n")
        await stage.paste("pasted")
        await stage.press("f9", "f3", "f4", "f6")
        await stage.pilot.click(offset=(30, 3))
        await stage.type("xyz")
        assert stage.draft == LETTER
        assert stage.is_at_mail()
        held.release()
        await stage.until("delivered")
    assert len(held.requests) == 1


async def test_an_outcome_while_history_is_shown(held: Held) -> None:
    """Looking at the history while a mail is on its way loses nothing: the outcome stands in the form afterwards."""
    async with on_stage(LETTER) as stage:
        await send(stage)
        await stage.press("f8")
        await stage.until("No outcome yet")
        held.release()
        await stage.until(lambda: not stage.app.sending.departures.mails)
        await stage.press("escape")
        await stage.until("delivered")


async def test_an_outcome_that_cannot_be_written_down(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is shown as what it is, with the reason; and written down as soon as that can be done."""
    async with on_stage(LETTER) as stage:
        await send(stage)
        assert stage.app._outbox
        with monkeypatch.context() as patch:
            patch.setattr(stage.app._outbox._store, "finish", full)
            held.release()
            await stage.until("Accepted: 1 delivered")
            assert "could not be written down: the disk is full" in stage.words()
            await stage.until("delivered bob@example.com")
        assert outcomes() == [None]
        await stage.type("the next mail")
        await stage.until(lambda: outcomes() == [Accepted])
    assert LETTER not in drafts()


def full(*_what: object, **_more: object) -> None:
    raise StoreError("the disk is full")


@pytest.mark.slow
async def test_many_mails_on_their_way(held: Held) -> None:
    """However many mails wait for their turn, what is typed is saved and they can be stopped."""
    last = replace(LETTER, subject="the last")
    async with on_stage(LETTER) as stage:
        for number in range(7):
            stage.form.fill(replace(LETTER, subject=f"number {number}"))
            await stage.send()
            await go_on(stage)
        stage.form.fill(last)
        await stage.press("ctrl+s")
        await stage.until(lambda: last in drafts())
        await stage.press("ctrl+c")
        await stage.click("Stop all of them")
        await stage.until(lambda: not stage.app.sending.departures.mails)
    assert len(held.requests) == 1
    assert outcomes().count(NotSent) == 6
