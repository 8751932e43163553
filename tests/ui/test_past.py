"""The history screen: pages as they come into sight, everything known of a mail, and what is done with it."""

import csv
import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from cfmail_tui import settings
from cfmail_tui.message import AttachmentDraft, Draft, Place, RawDraft
from cfmail_tui.outbox import DayCount
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.store import Store
from cfmail_tui.ui.attempts import AttemptList
from cfmail_tui.ui.chart import PERIODS, ChartScreen, Period, chart
from cfmail_tui.ui.history import PAGE, HistoryScreen
from cfmail_tui.ui.snippet import SnippetScreen
from tests.edge.sent_mails import delivered, sent
from tests.ui.stage import LETTER, Stage, attempts, drafts, on_stage, opened_outbox

MIXED = replace(LETTER, to="bob@example.com, bounce@example.net", cc="Carol <queue@example.org>", subject="Mixed")


def send_all(*mails: Draft | RawDraft) -> None:
    with opened_outbox() as (outbox, _):
        for mail in mails:
            outbox.send(outbox.prepare(mail))


@contextmanager
def shown(*mails: Draft | RawDraft) -> Iterator[None]:
    """These are in the history."""
    send_all(*mails)
    yield


async def opened(stage: Stage, wanted: str) -> HistoryScreen:
    await stage.press("f8")
    await stage.until(wanted)
    await stage.settled()
    screen = stage.app.screen
    assert isinstance(screen, HistoryScreen)
    return screen


def filled(count: int) -> None:
    """So many mails in the history of this test, without sending them."""
    with closing(Store(settings.read(os.environ).data_dir)) as store:
        for number in range(count):
            sent(store, number, subject=f"number {number}", outcome=delivered("a@example.net"))


async def test_pages_come_as_they_are_scrolled_to(connected: Sandbox) -> None:
    """Of a long history a page is read, and the next when its end comes near: by keys, and by the wheel."""
    filled(2 * PAGE + 20)
    async with on_stage() as stage:
        screen = await opened(stage, f"{2 * PAGE + 20} mails")
        rows = screen.query_one(AttemptList)
        assert len(rows.items) == PAGE
        rows.scroll_to(y=PAGE, animate=False)
        await stage.until(lambda: len(rows.items) == 2 * PAGE)
        await stage.press("end")
        await stage.until(lambda: len(rows.items) == 2 * PAGE + 20)
        await stage.press("end")
        await stage.until("number 0")
        assert [one.submission.subject for one in rows.items] == [f"number {n}" for n in range(2 * PAGE + 19, -1, -1)]


async def test_a_new_query_begins_at_the_top(connected: Sandbox) -> None:
    """What another query finds is shown from its newest mail on, and counted."""
    filled(40)
    async with on_stage() as stage:
        screen = await opened(stage, "40 mails, newest first")
        await stage.press("end", "slash")
        await stage.type("number 1")
        await stage.until("11 mails found")
        assert screen.query_one(AttemptList).cursor == 0
        assert screen.current
        assert screen.current.submission.subject == "number 19"


async def test_what_of_a_query_is_not_understood(connected: Sandbox) -> None:
    """What cannot be understood of a query is told below it, and the rest is looked for; letters are only typed."""
    async with on_stage() as stage:
        with shown(LETTER):
            await opened(stage, "1 mail")
        await stage.press("slash")
        await stage.type("hello before:soon dogs")
        await stage.until("a time is 2026")
        assert stage.field("#search").value == "hello before:soon dogs"
        assert isinstance(stage.app.screen, HistoryScreen)
        await stage.press("down")
        assert stage.app.focused is stage.app.screen.query_one(AttemptList)


async def test_everything_known_of_a_mail(connected: Sandbox, tmp_path: Path) -> None:
    """The detail tells what became of each recipient, when, with which files and what was known, and the text."""
    (tmp_path / "report.pdf").write_bytes(b"GIF89a")
    files = (AttachmentDraft(str(tmp_path / "report.pdf")),)
    async with on_stage(size=(120, 40)) as stage:
        with shown(replace(MIXED, attachments=files)):
            await opened(stage, "how are you?")
        for words in (
            "✗ bounced", "… queued", "✓ delivered", "report.pdf", "6 octets", "Timeline", "began to leave", "accepted",
            "Known when it was sent", "a GIF image inside", "Hi Bob,",
        ):  # fmt: skip
            assert stage.shows(words), words


async def test_a_mail_is_opened_as_a_new_draft(connected: Sandbox, tmp_path: Path) -> None:
    """A sent mail becomes a draft with all it had, files of its own included, though the file it had is gone."""
    (tmp_path / "notes.txt").write_bytes(b"octets")
    async with on_stage() as stage:
        with shown(replace(MIXED, attachments=(AttachmentDraft(str(tmp_path / "notes.txt")),))):
            (tmp_path / "notes.txt").unlink()
            await opened(stage, "Mixed")
        await stage.press("o")
        await stage.until(stage.is_at_mail)
        await stage.settled()
        found = stage.draft
        assert replace(found, attachments=()) == MIXED
        await stage.until(lambda: not stage.app.mail.has_changed())
    assert found in drafts()
    assert Path(found.attachments[0].path).read_bytes() == b"octets"  # noqa: ASYNC240
    assert len(connected.messages()) == 1


async def test_a_raw_mail_is_opened_as_one(connected: Sandbox) -> None:
    """A raw message becomes a raw draft with the same octets and envelope."""
    source = b"From: me@acme.example\r\nTo: bob@example.com\r\nSubject: Raw\r\n\r\nHi.\r\n"
    async with on_stage() as stage:
        with shown(RawDraft("me@acme.example", "bob@example.com", source)):
            await opened(stage, "Raw")
        await stage.press("o")
        await stage.until(lambda: stage.is_at_mail() and isinstance(stage.mail.content(), RawDraft))
        assert stage.raw.content() == RawDraft("me@acme.example", "bob@example.com", source)


async def test_a_mail_to_the_failed_only(connected: Sandbox) -> None:
    """A new draft goes to those who certainly did not get the mail; where there is none it is not offered."""
    async with on_stage() as stage:
        with shown(MIXED, LETTER):
            await opened(stage, "Mixed")
        await stage.press("f")
        await stage.settled()
        assert isinstance(stage.app.screen, HistoryScreen)
        await stage.press("j", "f")
        await stage.until(stage.is_at_mail)
        await stage.settled()
        assert (stage.draft.to, stage.draft.cc, stage.draft.subject) == ("bounce@example.net", "", "Mixed")


async def test_what_was_being_written_is_kept(connected: Sandbox) -> None:
    """A mail that is opened from the history does not cost the one that was being written."""
    async with on_stage() as stage:
        stage.form.focus_place(Place.SUBJECT)
        await stage.type("Half")
        with shown(LETTER):
            await opened(stage, "Hello")
        await stage.press("o")
        await stage.until(lambda: stage.is_at_mail() and stage.draft.subject == "Hello")
        await stage.settled()
    assert "Half" in [draft.subject for draft in drafts() if isinstance(draft, Draft)]


async def test_a_mail_is_saved(connected: Sandbox, tmp_path: Path) -> None:
    """A mail is saved where the user says, to be read by its owner only, and never over a file that is there."""
    async with on_stage() as stage:
        with shown(LETTER):
            await opened(stage, "Hello")
        for answer in ("The mail is in", "cannot be written: file exists"):
            await stage.press("w")
            await stage.until("Save the mail as")
            stage.field("LineInput").value = str(tmp_path / "a.eml")
            await stage.press("enter")
            await stage.until(answer)
    saved = tmp_path / "a.eml"
    assert b"Subject: Hello" in saved.read_bytes()
    assert saved.stat().st_mode & 0o777 == 0o600


async def test_what_is_found_is_exported(connected: Sandbox, tmp_path: Path) -> None:
    """All that the query finds is written, as CSV or as JSON Lines, as the name of the file says."""
    async with on_stage() as stage:
        with shown(MIXED, LETTER, replace(LETTER, subject="Other")):
            await opened(stage, "Mixed")
        await stage.press("slash")
        await stage.type("subject:mixed\n")
        await stage.until("1 mail found")
        for name in ("found.csv", "found.jsonl"):
            await stage.press("x")
            await stage.until("Export what is found")
            stage.field("LineInput").value = str(tmp_path / name)
            await stage.press("enter")
            await stage.until(f"1 mail is in {tmp_path / name}")
    with (tmp_path / "found.csv").open() as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["delivered", "bounced", "queued"]
    (line,) = (tmp_path / "found.jsonl").read_text().splitlines()
    assert json.loads(line)["subject"] == "Mixed"


async def test_a_mail_is_copied_for_other_tools(connected: Sandbox) -> None:
    """The request of a mail in the history is shown as curl, without a secret."""
    async with on_stage() as stage:
        with shown(LETTER):
            await opened(stage, "Hello")
        await stage.press("c")
        await stage.until(lambda: isinstance(stage.app.screen, SnippetScreen))
        await stage.until("curl ")
        assert connected.token not in stage.text()


async def test_a_mail_is_deleted_and_brought_back(connected: Sandbox) -> None:
    """Deleted mails are gone from list and journal, and come back, the last first, to where they stood."""
    async with on_stage() as stage:
        with shown(*[replace(LETTER, subject=f"mail {n}") for n in range(4)]):
            screen = await opened(stage, "mail 0")

        def subjects() -> list[str]:
            return [one.submission.subject for one in screen.query_one(AttemptList).items]

        await stage.press("j", "d")
        await stage.until("Deleted; u brings it back")
        await stage.press("d")
        await stage.until(lambda: subjects() == ["mail 3", "mail 0"])
        assert len(attempts()) == 2
        await stage.press("u")
        await stage.until(lambda: subjects() == ["mail 3", "mail 1", "mail 0"])
        assert screen.current
        assert screen.current.submission.subject == "mail 1"
        await stage.press("u", "u")
        await stage.until(lambda: subjects() == ["mail 3", "mail 2", "mail 1", "mail 0"])
    assert len(attempts()) == 4


async def test_a_mail_that_may_have_arrived_is_not_deleted(connected: Sandbox) -> None:
    """What may have arrived, and nobody said so, stays; once it is settled it can be deleted."""
    async with on_stage() as stage:
        with shown(replace(LETTER, to="cut@example.com")):
            await opened(stage, "may have been sent")
        await stage.press("d")
        await stage.settled()
        assert len(attempts()) == 1
        await stage.press("i")
        await stage.until("you said that it arrived")
        await stage.press("d")
        await stage.until("nothing")
        assert not attempts()


async def test_queued_recipients_are_asked_about(connected: Sandbox) -> None:
    """What became of queued recipients is asked for with a key, and told."""
    async with on_stage() as stage:
        with shown(replace(LETTER, to="queue@example.com")):
            await opened(stage, "1 queued")
        await stage.press("l")
        await stage.until("Cloudflare has it")


async def test_the_chart(connected: Sandbox) -> None:
    """Sends and outcomes by account and day, and on a key by week and month."""
    async with on_stage() as stage:
        with shown(LETTER, MIXED, replace(LETTER, to="error500@example.com")):
            await opened(stage, "Mixed")
        await stage.press("g")
        await stage.until("2 accepted")
        assert stage.shows("1 refused")
        assert stage.shows("By account")
        for words in ("By week", "By month", "By day"):
            await stage.press("p")
            await stage.until(words)
        assert isinstance(stage.app.screen, ChartScreen)
        await stage.press("escape")
        await stage.until("3 mails")


@pytest.mark.parametrize("period", PERIODS, ids=lambda period: period.name)
@pytest.mark.parametrize("width", [40, 76, 200])
def test_bars_fit(period: Period, width: int) -> None:
    """However many mails there are, no bar is wider than its line, and what there is one of can be seen."""
    today = date(2026, 3, 31)
    counts = (
        DayCount(today, "an account with a name that is long", "accepted", 2_000_000),
        DayCount(today, "work", "refused", 1),
        DayCount(date(2026, 3, 30), "work", "unknown", 1),
        DayCount(date(2026, 4, 1), "work", "not_sent", 1),
    )
    lines = [line.plain for line in chart(counts, period, today, width)]
    bars = lines[1:]
    assert max(map(len, bars)) <= width
    assert all(any(sign in line for line in bars) for sign in "█▓▒░")


def test_each_day_of_a_period_is_there() -> None:
    """A period has its spans without a gap, the newest first, whether there were mails or not."""
    days, weeks, months = (period.spans(date(2026, 3, 31)) for period in PERIODS)
    assert (len(days), days[0], days[-1]) == (30, date(2026, 3, 31), date(2026, 3, 2))
    assert (len(weeks), weeks[0]) == (12, date(2026, 3, 30))
    assert (len(months), months[0], months[-1]) == (12, date(2026, 3, 1), date(2025, 4, 1))


async def test_the_history_of_one_mail(connected: Sandbox) -> None:
    """The history can be opened on a query, such as the id of a mail, which is found by it alone."""
    async with on_stage() as stage:
        with shown(LETTER, MIXED):
            sought = attempts()[1].submission
        stage.app.recalling.open(sought.attempt_id)
        await stage.until("1 mail found")
        await stage.until("Hello")
        assert not stage.shows("Mixed")
