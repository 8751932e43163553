"""Sending, seen from the keyboard: one press or many, every outcome, and what becomes of the draft."""

from dataclasses import replace
from pathlib import Path

import pytest
from textual.screen import Screen

from cfmail_tui.attachments import picked
from cfmail_tui.message import Draft, Place
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.submission import Accepted, Refused, Unknown
from cfmail_tui.ui.review import ReviewScreen
from tests.edge.fault_server import closed_port
from tests.ui.stage import LETTER, attempts, drafts, on_stage


async def test_a_mail_is_sent_and_the_form_is_empty_again(connected: Sandbox) -> None:
    """After Cloudflare took it a mail is no draft any more; the form is free for the next, From as it was."""
    async with on_stage(LETTER) as stage:
        await stage.send()
        await stage.until("delivered")
        await stage.settled()
        assert stage.draft == replace(LETTER, to="", subject="", text="")
        assert "Accepted" in stage.text()
        await stage.type("carol@example.com")
        assert stage.draft.to == "carol@example.com"
    assert len(connected.messages()) == 1
    assert [type(attempt.outcome) for attempt in attempts()] == [Accepted]
    assert all(isinstance(draft, Draft) and "carol@example.com".startswith(draft.to) for draft in drafts())


async def test_y_before_the_review_is_drawn_does_not_send(connected: Sandbox) -> None:
    """A y that comes when the review is open but not yet on the screen does not send."""
    async with on_stage(LETTER) as stage:
        pressed = []

        def press_y(screen: Screen[object]) -> None:
            if isinstance(screen, ReviewScreen):
                pressed.append(screen)
                stage.app.simulate_key("y")

        stage.app.screen_change_signal.subscribe(stage.mail, press_y, immediate=True)
        await stage.review()
        await stage.settled()
        assert pressed
        assert "nothing has left yet" in stage.text()
    assert not attempts()


@pytest.mark.parametrize(
    "keys", [["y", "y"], ["shift+tab", "enter", "enter"], ["y", "f9", "f9", "y"]], ids=["y y", "Enter Enter", "y F9 y"]
)
async def test_two_presses_of_send_give_one_request(connected: Sandbox, keys: list[str]) -> None:
    """However often and by whatever key send is pressed, one request leaves."""
    async with on_stage(replace(LETTER, to="slow-0.3@example.com")) as stage:
        await stage.review()
        for key in keys:
            stage.app.simulate_key(key)
        await stage.until("delivered")
        await stage.settled()
    assert len(connected.messages()) == 1
    assert len(attempts()) == 1


async def test_a_double_click_on_send_gives_one_request(connected: Sandbox) -> None:
    """Who double-clicks a button sends once, and nothing else is closed by the second click."""
    async with on_stage(replace(LETTER, to="slow-0.3@example.com")) as stage:
        await stage.review()
        await stage.click("Send (y)", times=2)
        await stage.until("delivered")
        await stage.settled()
        assert stage.is_at_mail()
    assert len(connected.messages()) == 1


async def test_f9_twice_opens_one_review(connected: Sandbox) -> None:
    """A second F9 while the mail is being prepared is passed over."""
    async with on_stage(LETTER) as stage:
        stage.app.simulate_key("f9")
        stage.app.simulate_key("f9")
        await stage.until("nothing has left yet")
        await stage.settled()
        await stage.press("e")
        await stage.settled()
        assert stage.is_at_mail()
    assert not connected.messages()


async def test_enter_on_the_review_goes_back(connected: Sandbox) -> None:
    """Enter alone does not send: it goes back to the mail, which is as it was and can be edited."""
    async with on_stage(LETTER) as stage:
        await stage.review()
        await stage.press("enter")
        await stage.gone("nothing has left yet")
        await stage.settled()
        assert stage.draft == LETTER
        await stage.type("!")
        assert stage.draft != LETTER
    assert not connected.messages()
    assert not attempts()


async def test_enter_on_the_send_button_sends(connected: Sandbox) -> None:
    """With the focus on Send, Enter sends."""
    async with on_stage(LETTER) as stage:
        await stage.review()
        await stage.press("shift+tab", "enter")
        await stage.until("delivered")
    assert len(connected.messages()) == 1


async def test_y_right_after_f9_waits_to_be_seen(connected: Sandbox) -> None:
    """A y typed before the review is on the screen does not send."""
    async with on_stage(LETTER) as stage:
        stage.app.simulate_key("f9")
        await stage.type("yyyy")
        await stage.until("nothing has left yet")
        await stage.settled()
        assert "nothing has left yet" in stage.text()
        assert stage.draft == LETTER
    assert not attempts()


REFUSALS = {
    "suppressed": ("on the suppression list", "email.invalid"),
    "error500": ("internal error and did not send", "HTTP 500"),
    "error503": ("could not check the token", "HTTP 503"),
    "success-false": ("internal error and did not send", "internal_server"),
}


async def test_a_refused_mail_stays(connected: Sandbox) -> None:
    """A refusal names cause and server's words; the mail is still in the form, and among the drafts."""
    async with on_stage(LETTER) as stage:
        for recipient, words in REFUSALS.items():
            mail = replace(LETTER, to=f"{recipient}@example.com")
            stage.form.field(Place.TO).text = mail.to
            await stage.send()
            for expected in ("Refused", *words):
                await stage.until(expected)
            assert stage.draft == mail
            assert stage.form.focused is not None
            await stage.settled()
            assert drafts() == [mail]
    assert not connected.messages()
    assert [type(attempt.outcome) for attempt in attempts()] == [Refused] * len(REFUSALS)


async def test_an_unknown_outcome_is_called_so(connected: Sandbox) -> None:
    """Where the answer proves nothing, the mail may have been sent; it stays, and is not sent again by itself."""
    recipients = ["cut", "html502", "halfanswer", "badjson"]
    async with on_stage(LETTER) as stage:
        for recipient in recipients:
            mail = replace(LETTER, to=f"{recipient}@example.com")
            stage.form.field(Place.TO).text = mail.to
            await stage.send()
            await stage.until("Unknown: may have been sent")
            assert "look for it before you send again" in stage.words()
            assert stage.draft == mail
            await stage.settled()
            assert drafts() == [mail]
    assert [type(attempt.outcome) for attempt in attempts()] == [Unknown] * len(recipients)


async def test_what_may_have_arrived_is_not_sent_again_unwarned(connected: Sandbox) -> None:
    """The review warns of a mail to the same people with the same subject as one that may have arrived."""
    async with on_stage(replace(LETTER, to="cut@example.com")) as stage:
        await stage.send()
        await stage.until("Unknown: may have been sent")
        await stage.type("Edited. ")
        await stage.review()
        assert "Caution a mail like this may have been sent" in stage.words()
        await stage.press("q")
        await stage.press("f8")
        await stage.until("Unknown")
        await stage.press("n")
        await stage.until("you said that it did not arrive")
        await stage.press("escape")
        await stage.review()
        assert "Caution" not in stage.words()


async def test_a_file_that_changed_since_it_was_picked_is_reviewed_first(connected: Sandbox, tmp_path: Path) -> None:
    """The review says what a file was and is, and where a link leads; it leaves only after a yes to that."""
    report, link = tmp_path / "report.csv", tmp_path / "link.csv"
    report.write_bytes(b"a,b\n")
    link.symlink_to(report)
    letter = replace(LETTER, attachments=(picked(str(report)), picked(str(link))))
    report.write_bytes(b"longer than before\n")
    async with on_stage(letter) as stage:
        await stage.review()
        words = stage.words()
        for name in ("report.csv", "link.csv"):
            assert f"! Attachments: {name} changed since it was attached: it had 4 octets" in words
        assert "now it has 19 octets" in words
        assert "· Attachments: link.csv is a link to" in words
        assert words.index("changed since") < words.index("Subject")
        await stage.press("y")
        await stage.until("delivered")
    assert [part["filename"] for part in connected.messages()[0]["request"]["attachments"]] == [
        "report.csv",
        "link.csv",
    ]


@pytest.mark.usefixtures("connected")
async def test_nothing_listening_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody answers, the user is told that it was not sent and why, and the mail stays."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", f"http://127.0.0.1:{closed_port()}/client/v4")
    async with on_stage(LETTER) as stage:
        await stage.send()
        await stage.until("not sent; next try at")
        assert "nothing listens at 127.0.0.1" in stage.words()
        assert stage.draft == LETTER
        await stage.settled()
    assert drafts() == [LETTER]
