"""What can be done before and after sending: a test, a snippet, a number typed; looked up, dropped, sent again."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cfmail_tui.message import RawDraft
from cfmail_tui.prefill import raw_draft
from cfmail_tui.sandbox import Choices, Sandbox
from cfmail_tui.submission import Accepted, Attempt, Envelope, Fate, Later, Receipt, Submission
from cfmail_tui.ui.fates import bar, recipient_rows
from cfmail_tui.ui.outcome import OutcomeScreen, as_text
from cfmail_tui.ui.snippet import SnippetScreen
from tests.edge.cli_run import RAW
from tests.edge.suppressing import suppress
from tests.ui.stage import LETTER, Stage, attempts, on_stage

MIXED = replace(LETTER, to="bob@example.com, bounce@example.net", cc="queue@example.org", bcc="bounce@example.com")
BARRED = replace(LETTER, to="bob@example.com, suppressed@example.net", cc="eve@example.com")


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox whose records are there at once, and whose queue is worked off at once."""
    with Sandbox(tmp_path / "quick", choices=Choices(queue_seconds=0, analytics_lag=0)) as box:
        for name, value in box.environment().items():
            monkeypatch.setenv(name, value)
        yield box


async def outcome_of(stage: Stage, said: str) -> None:
    """Send what is in the form, and look at its outcome."""
    await stage.send()
    await stage.until(said)
    await stage.settled()
    await stage.press("ctrl+o")
    await stage.until(lambda: isinstance(stage.app.screen, OutcomeScreen))
    await stage.settled()


def recipients(sandbox: Sandbox) -> list[list[str]]:
    """To whom the accepted mails went."""
    return [message["envelope"]["recipients"] for message in sandbox.messages()]


def only(folder: Path, pattern: str) -> Path:
    """The one file called so."""
    (found,) = folder.glob(pattern)
    return found


class TestReview:
    async def test_a_test_to_the_author(self, connected: Sandbox) -> None:
        """t sends the mail to its author only; the review stays, says what came of it, and y sends the mail itself."""
        async with on_stage(MIXED) as stage:
            await stage.review()
            await stage.press("t")
            await stage.until("Test to me@acme.example: Accepted: 1 delivered")
            assert recipients(connected) == [["me@acme.example"]]
            await stage.press("y")
            await stage.until("2 bounced")
            await stage.settled()
        assert len(connected.messages()) == 2
        assert [attempt.is_test for attempt in attempts()] == [False, True]

    async def test_a_test_leaves_the_draft(self, connected: Sandbox) -> None:
        """After a test alone the mail is the draft that it was."""
        async with on_stage(LETTER) as stage:
            await stage.review()
            await stage.press("t")
            await stage.until("Test to me@acme.example: Accepted")
            await stage.press("e")
            await stage.until(stage.is_at_mail)
            assert stage.draft == LETTER
            assert not stage.mail.is_busy
        assert len(connected.messages()) == 1

    async def test_a_test_that_fails_says_why(self, connected: Sandbox) -> None:
        """What keeps a test from being sent stands in the review."""
        async with on_stage(replace(LETTER, sender="me@unconfigured.example")) as stage:
            await stage.review()
            await stage.press("t")
            await stage.until("Test to me@unconfigured.example: Refused")
            await stage.until("not set up for sending")
        assert not connected.messages()

    async def test_many_recipients_are_counted(self, connected: Sandbox) -> None:
        """With more recipients than the setting says, y alone does not send; their number does, another does not."""
        many = ", ".join(f"p{number}@example.com" for number in range(11))
        async with on_stage(replace(LETTER, to=many)) as stage:
            await stage.review()
            await stage.press("y")
            await stage.until("goes to 11 recipients")
            await stage.type("10\n")
            await stage.until("That is not the number")
            assert not connected.messages()
            await stage.press("escape")
            await stage.until("nothing has left yet")
            await stage.press("y")
            await stage.until("goes to 11 recipients")
            await stage.type("11\n")
            await stage.until("11 delivered")
        assert len(connected.messages()) == 1

    async def test_the_number_is_a_setting(self, connected: Sandbox) -> None:
        """A lower limit in the settings asks sooner."""
        path = Path(os.environ["CFMAIL_HOME"]) / "config" / "config.toml"
        path.write_text("undo_send = 0\nconfirm_recipients = 1\n")
        async with on_stage(replace(LETTER, to="a@example.com, b@example.com")) as stage:
            await stage.review()
            await stage.click("Send (y)")
            await stage.until("goes to 2 recipients")
            await stage.type("2\n")
            await stage.until("2 delivered")
        assert len(connected.messages()) == 1

    async def test_copied_for_other_tools(
        self, connected: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """c shows the request for each tool; it is copied, and written to a file; neither has the token."""
        monkeypatch.chdir(tmp_path)
        async with on_stage(LETTER) as stage:
            await stage.review()
            await stage.press("c")
            for begins in ("curl", "import http.client", "package main", "wrangler email sending send"):
                await stage.until(begins)
                screen = stage.app.screen
                assert isinstance(screen, SnippetScreen)
                assert screen.snippet.text.startswith(begins)
                await stage.press("c")
                await stage.until("Copied, if this terminal")
                assert stage.app.clipboard == screen.snippet.text
                assert connected.token not in screen.snippet.text
                await stage.press("n")
            await stage.press("w", "enter")
            await stage.until("Written to")
            await stage.press("escape", "e")
        path = only(tmp_path, "cfmail-*.sh")
        assert path.read_text().startswith("curl")
        assert path.stat().st_mode & 0o777 == 0o600
        assert not connected.messages()

    async def test_a_big_body_comes_along(
        self, connected: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is too big for a text is written beside it; a file that is there already is told, and stays."""
        monkeypatch.chdir(tmp_path)
        async with on_stage(replace(LETTER, text="x" * 5000)) as stage:
            await stage.review()
            await stage.press("c")
            await stage.until("It reads")
            await stage.press("c")
            await stage.until("Copied")
            body = only(tmp_path, "cfmail-*.json")
            assert "x" * 5000 in body.read_text()
            (tmp_path / "mine").write_text("mine")
            await stage.press("w")
            stage.field("#snippet-path").value = ""
            await stage.type("mine\n")
            await stage.until("cannot be written: file exists")
        assert (tmp_path / "mine").read_text() == "mine"
        assert not connected.messages()


class TestOutcome:
    async def test_to_the_failed_only(self, connected: Sandbox) -> None:
        """s makes a new draft to those whom the mail did not reach, saved at once; the others get nothing."""
        async with on_stage(MIXED) as stage:
            await outcome_of(stage, "2 bounced")
            assert "1 of 4 delivered" in stage.text()
            await stage.press("s")
            await stage.until(stage.is_at_mail)
            await stage.until("saved")
            assert stage.draft == replace(MIXED, to="bounce@example.net", cc="")
            await stage.send()
            await stage.until("Accepted: 2 bounced")
        assert recipients(connected)[1] == ["bounce@example.net", "bounce@example.com"]

    async def test_who_is_suppressed_is_dropped(self, connected: Sandbox) -> None:
        """A refusal says who is on the list, why and until when; x drops them, and the rest is reviewed and sent."""
        suppress(connected, "eve@example.com", note="asked [for] it")
        async with on_stage(BARRED) as stage:
            await outcome_of(stage, "bounced for good")
            assert "2 of 3 recipients on the suppression list" in stage.words()
            await stage.press("x")
            await stage.until("nothing has left yet")
            assert "suppressed@" not in stage.text()
            assert "eve@" not in stage.text()
            await stage.press("y")
            await stage.until("Accepted: 1 delivered")
        assert recipients(connected) == [["bob@example.com"]]

    async def test_who_is_suppressed_is_marked(self, connected: Sandbox) -> None:
        """Once the list was asked, the lines of recipients name those on it, and nothing else stands to blame."""
        suppress(connected, "eve@example.com")
        async with on_stage(BARRED) as stage:
            await stage.send()
            await stage.until("suppressed@example.net: on the suppression list")
            assert "eve@example.com: on the suppression list" in stage.words()
            assert "not valid" not in stage.text()

    async def test_a_raw_mail_is_rescued_too(self, connected: Sandbox) -> None:
        """Of a raw message the envelope loses who is suppressed, the source stays."""
        raw = replace(raw_draft(RAW), recipients="bob@example.com, suppressed@example.net")
        async with on_stage(raw) as stage:
            await outcome_of(stage, "bounced for good")
            await stage.press("x")
            await stage.until("nothing has left yet")
            await stage.press("y")
            await stage.until("Accepted: 1 delivered")
            assert isinstance(stage.mail.content(), RawDraft)
        assert recipients(connected) == [["bob@example.com"]]

    async def test_an_address_is_taken_off_the_list(self, connected: Sandbox) -> None:
        """d asks, and takes the address under the cursor off; one that is fixed there is not offered."""
        suppress(connected, "eve@example.com")
        async with on_stage(replace(LETTER, to="bob@example.com, eve@example.com")) as stage:
            await outcome_of(stage, "put there by hand")
            await stage.press("d")
            await stage.until("Take eve@example.com off the suppression list")
            await stage.press("escape")
            await stage.press("d", "right", "enter")
            await stage.until("eve@example.com is off the list")
            assert "d Off the list" not in stage.lines()[-1]
            await stage.press("escape")
            await stage.send()
            await stage.until("Accepted: 2 delivered")

    async def test_a_token_that_may_not_look(self, connected: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without the right it is told what is missing; nothing is offered that could not work."""
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", connected.add_token("no_suppressions"))
        async with on_stage(BARRED) as stage:
            await outcome_of(stage, "may not read the suppression list")
            assert "Email Sending: Edit" in stage.words()
            assert "x To the rest" not in stage.lines()[-1]
            await stage.press("escape")
            assert stage.draft == BARRED
        assert not connected.messages()

    async def test_the_queued_are_followed(self, quick: Sandbox) -> None:
        """l asks what became of the queued, and the row moves to delivered, here and in the results."""
        async with on_stage(MIXED) as stage:
            await outcome_of(stage, "1 queued")
            await stage.press("l")
            await stage.until("after it was queued")
            assert "2 of 4 delivered" in stage.text()
            await stage.press("escape")
            await stage.until("Accepted: 2 delivered, 2 bounced")
        assert attempts()[0].queued == ()
        assert len(quick.messages()) == 1

    async def test_opening_the_history_follows_them(self, quick: Sandbox) -> None:
        """When the history is opened the queued are asked about, and its list shows the news."""
        async with on_stage(replace(LETTER, to="queue@example.org")) as stage:
            await stage.send()
            await stage.until("1 queued")
            await stage.settled()
            await stage.press("f8")
            await stage.until("Accepted: 1 delivered")
        assert len(quick.messages()) == 1

    async def test_who_may_not_ask_is_told_so(self, quick: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without Analytics Read it is said what is missing, and the row stays."""
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", quick.add_token("no_analytics"))
        async with on_stage(MIXED) as stage:
            await outcome_of(stage, "1 queued")
            await stage.press("l")
            await stage.until("Analytics Read")
            assert "1 of 4 delivered" in stage.text()

    async def test_the_outcome_is_copied(
        self, connected: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """c takes the outcome along as text, a line for each recipient."""
        monkeypatch.chdir(tmp_path)
        async with on_stage(MIXED) as stage:
            await outcome_of(stage, "2 bounced")
            await stage.press("c", "c")
            await stage.until("Copied")
            lines = stage.app.clipboard.splitlines()
        assert lines[0] == "Hello"
        assert [line.split()[0] for line in lines[2:]] == ["bounced", "bounced", "queued", "delivered"]
        assert connected.messages()

    async def test_a_click_on_the_results_opens_it(self, connected: Sandbox) -> None:
        """The mouse gets there, too; without an outcome the key says so."""
        async with on_stage(LETTER) as stage:
            await stage.press("ctrl+o")
            await stage.until("No outcome stands here")
            await stage.send()
            await stage.until("✓ delivered")
            await stage.settled()
            await stage.click("✓ delivered")
            await stage.until(lambda: isinstance(stage.app.screen, OutcomeScreen))
            await stage.press("h")
            await stage.until("1 mail found")
        assert connected.messages()


def accepted(receipt: Receipt, *asked: str, later: tuple[Later, ...] = ()) -> Attempt:
    made = Submission("0" * 16, "", "send", Envelope("me@x.example", asked), "Hi", 1, 1, "")
    at = datetime(2026, 11, 26, 12, tzinfo=UTC)
    return Attempt(made, "work", at, at, Accepted(receipt), later=later)


def test_what_needs_attention_stands_first() -> None:
    """Failed, unreported, queued, delivered: each with a mark of its own, and later news with its time."""
    names = ("d@x.example", "q@x.example", "u@x.example", "b@x.example", "l@x.example")
    news = Later("l@x.example", Fate.BOUNCED, datetime(2026, 11, 26, 13, tzinfo=UTC), "mailbox full")
    receipt = Receipt(delivered=names[:1], queued=(names[1], names[4]), bounced=names[3:4])
    attempt = accepted(receipt, *names, later=(news,))
    rows = recipient_rows(attempt)
    assert [row.address[0] for row in rows] == ["b", "l", "u", "q", "d"]
    assert rows[1].at == news.at
    assert "mailbox full" in rows[1].words
    assert len({row.mark for row in rows}) == 4
    assert attempt.failed == ("b@x.example", "l@x.example")
    assert "1 of 5 delivered" in bar(attempt).plain


def test_a_bar_shows_every_kind() -> None:
    """Reached, open and failed differ without colour, in any mix."""
    names = tuple(f"p{number}@x.example" for number in range(50))
    shown = bar(accepted(Receipt(delivered=names[:20], queued=names[20:35], bounced=names[35:]), *names)).plain
    assert [shown.count(block) for block in "█▒░"] == [12, 9, 9]


def test_hostile_names_are_harmless_in_a_copy() -> None:
    """Control characters that an answer brings do not get into the clipboard's text."""
    text = as_text(accepted(Receipt(delivered=("a@x.example", "\x1b]52;c;x\x07@x.example")), "a@x.example"), None)
    assert "\x1b" not in text
    assert "<1B>" in text
