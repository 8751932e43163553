"""The time to take a mail back: what `u`, the send key, another mail and the way out do in it."""

from dataclasses import replace

import pytest

from cfmail_tui.message import Draft, Place, RawDraft
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.submission import Accepted
from tests.conftest import undo_send
from tests.ui.conftest import Held
from tests.ui.stage import LETTER, Stage, attempts, drafts, on_stage, opened_outbox

RAW = RawDraft(
    "me@acme.example", "bob@example.com", b"From: me@acme.example\r\nTo: bob@example.com\r\nSubject: Raw\r\n\r\nHi\r\n"
)


@pytest.fixture(autouse=True)
def _long_enough() -> None:
    """Longer than any test: what leaves, leaves because of a key."""
    undo_send(600)


async def send(stage: Stage) -> None:
    """Review and `y`: the mail could now be taken back."""
    await stage.send()
    await stage.until("u takes it back")


async def test_it_is_counted_down(connected: Sandbox) -> None:
    """After `y` nothing leaves yet, and the line says for how long."""
    async with on_stage(LETTER) as stage:
        await send(stage)
        await stage.until("leaves in 60")
        assert attempts() == ()
        assert drafts() == [LETTER]


async def test_it_leaves_by_itself(connected: Sandbox) -> None:
    """When the time is over it leaves without any key."""
    undo_send(0.3)
    async with on_stage(LETTER) as stage:
        await stage.send()
        await stage.until("Accepted: 1 delivered")
    assert drafts() == []


async def test_undo_edit_send(held: Held) -> None:
    """`u` gives the same draft back, with everything in it; what goes out after an edit is the edited text, once."""
    held.release()
    async with on_stage(replace(LETTER, cc="carol@example.com")) as stage:
        await stage.type(" I am fine.")
        typed = stage.draft
        draft_id = stage.mail.draft_id
        await send(stage)
        await stage.type("xyz")  # on its way it takes no keys
        await stage.press("u")
        await stage.until("Nothing was sent")
        assert (stage.draft, stage.mail.draft_id) == (typed, draft_id)
        await stage.type(" Edited.")
        await send(stage)
        await stage.press("f9")
        await stage.until("Accepted")
        await stage.settled()
    (mail,) = held.requests
    assert mail["text"] == " I am fine. Edited." + LETTER.text
    assert [type(attempt.outcome) for attempt in attempts()] == [Accepted]
    assert drafts() == []


async def test_the_cursor_is_where_it_was(connected: Sandbox) -> None:
    """Taken back, the mail is typed on where it was left."""
    async with on_stage(LETTER) as stage:
        await stage.press("ctrl+home")
        await send(stage)
        await stage.press("u")
        await stage.until("Nothing was sent")
        await stage.type("Oh, ")
        assert stage.draft.text == "Oh, " + LETTER.text


@pytest.mark.parametrize("key", ["f9", "ctrl+r"])
async def test_the_send_key_skips_the_wait_once(held: Held, key: str) -> None:
    """Pressed again, and again, the send key sends now, and sends one mail."""
    async with on_stage(LETTER) as stage:
        await send(stage)
        await stage.press(key, key, key)
        await stage.until("waiting for Cloudflare")
        held.release()
        await stage.until("Accepted")
        await stage.settled()
    assert len(held.requests) == 1


async def test_y_twice_is_one_mail(held: Held) -> None:
    """A second `y` in the same moment is none: one mail, that can be taken back."""
    async with on_stage(LETTER) as stage:
        await stage.review()
        await stage.type("yy")
        await stage.until("u takes it back")
        assert len(stage.app.sending.departures.mails) == 1
        await stage.press("u")
        await stage.until("Nothing was sent")
    assert held.requests == []


async def test_after_the_wait_it_cannot_be_taken_back_unasked(held: Held) -> None:
    """`u` on a mail that has left asks, as Ctrl+C does, and says what can no longer be had."""
    async with on_stage(LETTER) as stage:
        await send(stage)
        await stage.press("f9")
        await stage.until("waiting for Cloudflare")
        await stage.press("u")
        await stage.until("only the waiting would end")


async def test_another_mail_in_the_wait(held: Held) -> None:
    """Another mail can be written meanwhile, in which `u` is a letter; both get their outcome."""
    held.release()
    async with on_stage(LETTER) as stage:
        await send(stage)
        await stage.press("ctrl+n")
        await stage.until(lambda: stage.draft.subject == "")
        await stage.until("leaves in")
        assert stage.draft == Draft(sender=LETTER.sender)
        await stage.until(lambda: stage.form.field(Place.TO).input.has_focus)
        stage.form.fill(replace(LETTER, subject="Second", text=""))
        await stage.type("u and you")
        assert stage.draft.text == "u and you"
        await stage.press("ctrl+c")
        await stage.press("down", "enter")
        await stage.until("Nothing was sent")
        assert stage.draft == LETTER
    assert held.requests == []
    assert {draft.subject for draft in drafts() if not isinstance(draft, RawDraft)} == {"Hello", "Second"}


async def test_both_endpoints(held: Held) -> None:
    """A raw message can be taken back as well, to the octet."""
    async with on_stage(RAW) as stage:
        await send(stage)
        await stage.press("u")
        await stage.until("Nothing was sent")
        assert stage.raw.content() == RAW
    assert held.requests == []


async def test_deleting_the_draft_in_the_wait(held: Held) -> None:
    """A mail whose draft is on the screen of another mail is not offered as a draft while it counts."""
    async with on_stage(LETTER) as stage:
        await send(stage)
        await stage.press("ctrl+n")
        await stage.until(lambda: stage.draft.subject == "")
        await stage.press("f7")
        await stage.until("there are no drafts")


class TestLeaving:
    async def test_it_asks_and_holds_the_mail(self, held: Held) -> None:
        """Ctrl+Q in the wait asks; nothing leaves behind the question; staying goes on counting."""
        undo_send(2)
        async with on_stage(LETTER) as stage:
            await stage.send()
            await stage.press("ctrl+q")
            await stage.until("is about to leave")
            before = stage.app.sending.departures.mails[0].seconds
            await stage.until(lambda: stage.app.sending.departures._clock() > stage.app.sending.departures._ticked_at)
            assert stage.app.sending.departures.mails[0].seconds == before
            await stage.press("escape")
            await stage.gone("is about to leave")
            held.release()
            await stage.until("Accepted")

    async def test_it_stays_a_draft(self, held: Held) -> None:
        """Who leaves finds the mail as a draft; nothing was sent, and no attempt is in the history."""
        async with on_stage(LETTER) as stage:
            await send(stage)
            await stage.press("ctrl+q")
            await stage.click("Leave; it stays a draft")
            await stage.until(lambda: stage.app._exit)
        assert held.requests == []
        assert (attempts(), drafts()) == ((), [LETTER])

    async def test_it_is_sent_first(self, held: Held) -> None:
        """Who wants it sent first, has it sent now, and leaves when its outcome is written down."""
        held.release()
        async with on_stage(LETTER) as stage:
            await send(stage)
            await stage.press("ctrl+q")
            await stage.click("Send it now, and leave")
            await stage.until(lambda: stage.app._exit)
        assert len(held.requests) == 1
        assert [type(attempt.outcome) for attempt in attempts()] == [Accepted]

    async def test_a_signal_asks_nobody(self, held: Held) -> None:
        """A program that is told to end leaves the mail a draft, and nothing was sent."""
        async with on_stage(LETTER) as stage:
            await send(stage)
            stage.app.told_to_end(15)
            await stage.until(lambda: stage.app._exit)
        assert stage.app.return_code == 128 + 15
        with opened_outbox() as (outbox, _):
            assert outbox.word_left() == "“Hello” was about to leave when cfmail had to end: it was not sent"
            assert outbox.word_left() == ""
        assert held.requests == []
        assert (attempts(), drafts()) == ((), [LETTER])
