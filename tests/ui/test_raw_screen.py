"""The raw screen as a whole: parts, findings and envelope follow the source, and a fix changes what it names alone."""

import base64
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

import pytest
from textual import events
from textual.app import App, ComposeResult

from cfmail_tui import mime
from cfmail_tui.message import MailError, Place, RawDraft
from cfmail_tui.outbox import Outbox
from cfmail_tui.prefill import raw_draft
from cfmail_tui.profile import Identity, Profile
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.settings import Settings
from cfmail_tui.ui.findings import FindingsPane
from cfmail_tui.ui.looking import Fix, FixWanted, LookWanted, fix, look
from cfmail_tui.ui.raw import is_hardly_begun, new_source
from cfmail_tui.ui.structure import StructurePane
from tests.ui.accounts import Memory, set_up
from tests.ui.hostile import CONTROLS, HOSTILE, MARKUP, assert_harmless
from tests.ui.scenes import FAULTY_RAW, HOSTILE_RAW, LATIN
from tests.ui.stage import Stage, on_stage, opened_outbox, opened_with
from tests.ui.watched import WatchedApp

HEADER = (
    b"From: Alice <me@acme.example>\r\nTo: bob@example.com\r\nSubject: Hello\r\n"
    b"Date: Mon, 23 Nov 2026 07:00:00 +0000\r\nMessage-ID: <1@acme.example>\r\nMIME-Version: 1.0\r\n"
)
PLAIN = HEADER + b"Content-Type: text/plain; charset=utf-8\r\n\r\nHi\r\n"
NESTED = HEADER + (
    b'Content-Type: multipart/mixed; boundary="b1"\r\n\r\n'
    b'--b1\r\nContent-Type: multipart/alternative; boundary="b2"\r\n\r\n'
    b"--b2\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nfirst text\r\n"
    b"--b2\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>second text</p>\r\n--b2--\r\n"
    b"--b1\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
    b'Content-Disposition: attachment; filename="report.pdf"\r\n\r\nJVBERi0xLjcK\r\n--b1--\r\n'
)


async def looked(stage: Stage) -> None:
    """Until parts and findings are of what is in the source."""
    await stage.until(lambda: stage.raw.is_looked_through)
    await stage.rest()


def line_of(stage: Stage, text: str) -> int:
    return next((at for at, line in enumerate(stage.lines()) if text in line), -1)


def cursor_line(stage: Stage) -> str:
    body = stage.raw.body("source")
    return body.document.get_line(body.cursor_location[0])


def part_at(stage: Stage) -> str:
    """The number of the part that the tree has its cursor at."""
    part = stage.raw.query_one(StructurePane).current
    assert part
    return part.number


# The tree.


async def test_the_tree_tells_what_each_part_is(connected: Sandbox) -> None:
    """Number, type, size, charset, encoding, disposition and file name of each part are in sight."""
    async with on_stage(raw_draft(NESTED), size=(200, 60)) as stage:
        await looked(stage)
        lines = [" ".join(line.rpartition("│")[2].split()) for line in stage.lines()]
        for told in (
            "1.1 text/plain 10 utf-8 7bit",
            "1.2 text/html 18 utf-8 7bit",
            "2 application/pdf 9 “report.pdf” attachment base64",
        ):
            assert any(line.startswith(told) for line in lines), stage.text()
        assert "4 parts" in stage.text()
        assert line_of(stage, "From: Alice") <= line_of(stage, "4 parts") < line_of(stage, "--b2--")


async def test_at_80_columns_the_tree_stands_below(connected: Sandbox) -> None:
    """Where there is no room beside the source, parts and findings stand below it, and the source stays in sight."""
    async with on_stage(raw_draft(NESTED)) as stage:
        await looked(stage)
        assert line_of(stage, "From: Alice") < line_of(stage, "MIME-Version") < line_of(stage, "4 parts")
        assert line_of(stage, "4 parts") < line_of(stage, "No findings") < len(stage.lines()) - 1


async def test_moving_in_the_tree_moves_in_the_source_and_back(connected: Sandbox) -> None:
    """F5 goes to the tree; there each row shows its part in the source, and in the source each line its row."""
    async with on_stage(raw_draft(NESTED)) as stage:
        await looked(stage)
        await stage.press("f5", "down")
        assert (part_at(stage), cursor_line(stage)) == ("1", 'Content-Type: multipart/alternative; boundary="b2"')
        await stage.press("down")
        await stage.until("first text")
        assert (part_at(stage), cursor_line(stage)) == ("1.1", "Content-Type: text/plain; charset=utf-8")
        await stage.press("end")
        assert (part_at(stage), cursor_line(stage)) == ("2", "Content-Type: application/pdf")
        await stage.press("up", "enter", "down", "down")
        assert (part_at(stage), cursor_line(stage)) == ("1.2", "<p>second text</p>")
        await stage.type("x")
        assert stage.raw.source.count(b"x<p>second") == 1, "Enter goes on in the source"
        await looked(stage)
        await stage.press(*["up"] * 5)
        assert part_at(stage) == "1.1"


async def test_f5_goes_round_and_escape_back(connected: Sandbox) -> None:
    """F5 leads from the source to the parts, to the findings and back; Escape leads back from either."""
    async with on_stage(raw_draft(FAULTY_RAW)) as stage:
        await looked(stage)
        source = stage.raw.body("source")
        for key, place in {"f5": "parts", "f5 ": "finding-list", "f5  ": "source"}.items():
            await stage.press(key.strip())
            assert stage.app.focused
            assert stage.app.focused.id == place
        for keys in (["f5"], ["f5", "f5"]):
            for back in ("escape", "f12"):
                await stage.press(*keys)
                assert not source.has_focus
                await stage.press(back)
                assert source.has_focus


async def test_the_tree_follows_typing(connected: Sandbox) -> None:
    """What is typed is in the tree after a pause, and taken out when it is undone."""
    async with on_stage(raw_draft(NESTED)) as stage:
        await looked(stage)
        stage.raw.body("source").move_cursor(stage.raw.body("source").document.end)
        await stage.press("up")
        await stage.type("--b1\nContent-Type: image/png\n\n\n")
        await stage.until("5 parts")
        assert part_at(stage) in {"3", ""}
        await stage.press("f5", "end")
        await stage.until("3 image/png")


# Findings.


async def test_findings_follow_typing(connected: Sandbox) -> None:
    """A field that stops the message is found as it is typed, before F9; taken out again, nothing is wrong."""
    async with on_stage(raw_draft(PLAIN)) as stage:
        await looked(stage)
        assert "✓ No findings" in stage.text()
        await stage.type("Bcc: boss@acme.example\n")
        await stage.until("Cannot be sent as it is")
        assert "RFC 5322 section 3.6.3" in stage.text()
        await stage.press(*["backspace"] * 23)
        await stage.until("No findings")
        assert stage.raw.source == PLAIN


async def test_enter_goes_to_the_place_of_a_finding(connected: Sandbox) -> None:
    """Enter on a finding puts the cursor where it is; all that is said of it can be read."""
    async with on_stage(raw_draft(FAULTY_RAW)) as stage:
        await looked(stage)
        await stage.press("f5", "f5", "end")
        await stage.until("no part has this Content-ID")
        assert "RFC 2392" in stage.text()
        await stage.press("enter")
        assert cursor_line(stage) == "Content-Type: text/html; charset=utf-8"
        assert stage.raw.body("source").has_focus


async def test_f6_fixes_what_stops_the_message_first(connected: Sandbox) -> None:
    """F6 moves a Bcc field into the envelope wherever the cursor is, says what changed, and Ctrl+Z takes it back."""
    async with on_stage(replace(raw_draft(FAULTY_RAW), recipients="bob@example.com")) as stage:
        await looked(stage)
        await stage.press("f6")
        await stage.until("Bcc: boss@acme.example → nothing")
        assert "Recipients: bob@example.com → bob@example.com, boss@acme.example" in stage.text()
        mended = FAULTY_RAW.replace(b"Bcc: boss@acme.example\r\n", b"")
        assert stage.raw.content() == RawDraft("alice@acme.example", "bob@example.com, boss@acme.example", mended)
        await stage.until(lambda: "Cannot be sent as it is" not in stage.text())
        await stage.press("ctrl+z")
        assert stage.raw.source == FAULTY_RAW
        await stage.gone("→ nothing")
        await stage.until("Cannot be sent as it is")


async def test_the_chosen_finding_is_fixed(connected: Sandbox) -> None:
    """Where another finding is chosen, F6 fixes that: a Message-ID is made of the sender's domain."""
    async with on_stage(raw_draft(FAULTY_RAW)) as stage:
        await looked(stage)
        await stage.press("f5", "f5", "down", "f6")
        await stage.until("Message-ID: nothing → <")
        written = re.search(rb"\r\nMessage-ID: <[0-9a-f]{36}@acme\.example>\r\n", stage.raw.source)
        assert written
        assert stage.raw.source == FAULTY_RAW.replace(b"\r\n\r\n", written[0] + b"\r\n", 1)
        await stage.press("ctrl+z")
        assert stage.raw.source == FAULTY_RAW, "also while the focus is on the findings"


async def test_a_date_is_that_of_now(connected: Sandbox) -> None:
    """The Date that a fix writes is the clock's, in the line ends of the message."""
    source = PLAIN.replace(b"\r\n", b"\n").replace(b"Date: Mon, 23 Nov 2026 07:00:00 +0000\n", b"")
    async with on_stage(raw_draft(source)) as stage:
        await looked(stage)
        await stage.press("f6")
        await stage.until("Date: nothing →")
        assert re.search(rb"\nDate: \w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0000\n\n", stage.raw.source)


async def test_what_only_the_user_can_know_is_not_fixed(connected: Sandbox) -> None:
    """F6 on a finding without a safe fix changes nothing and says so; so it does where nothing is wrong."""
    source = PLAIN.replace(b"From: Alice <me@acme.example>\r\n", b"")
    async with on_stage(raw_draft(source)) as stage:
        await looked(stage)
        await stage.press("f6")
        await stage.until("No safe fix")
        assert stage.raw.source == source
        stage.raw.fill(raw_draft(PLAIN))
        await looked(stage)
        await stage.press("f6")
        await stage.until("Nothing to fix")
        assert stage.raw.source == PLAIN


async def test_what_is_typed_while_a_fix_is_made_stays(connected: Sandbox) -> None:
    """A fix made of octets that were typed over meanwhile is made anew of those that stand there."""
    async with on_stage(raw_draft(FAULTY_RAW)) as stage:
        await looked(stage)
        for key, letter in (("f6", None), ("X", "X"), ("minus", "-"), ("A", "A"), ("colon", ":")):
            stage.app.post_message(events.Key(key, letter))
        await stage.until(lambda: b"Bcc" not in stage.raw.source and b"X-A:" in stage.raw.source)
        await stage.settled()
        assert stage.raw.source == b"X-A:" + FAULTY_RAW.replace(b"Bcc: boss@acme.example\r\n", b"")
        finding = next(one for one in mime.findings(FAULTY_RAW) if one.rule == "bcc")
        typed = stage.raw.content()
        stage.raw.take_fix(FixWanted(raw_draft(FAULTY_RAW), finding), Fix(raw_draft(PLAIN), ()))
        await stage.settled()
        assert stage.raw.content().source.startswith(b"X-A:")
        assert typed.source.split(b"\r\n")[1:3] == stage.raw.source.split(b"\r\n")[1:3]


async def test_latin_1_is_re_encoded_with_one_key(connected: Sandbox) -> None:
    """8-bit that is not UTF-8 opens read-only with the reason; F6 re-encodes just that, and it can be taken back."""
    repaired, changes = mime.repaired(LATIN)
    async with on_stage(raw_draft(LATIN)) as stage:
        await looked(stage)
        shown = stage.words()
        assert "read-only here: it is not UTF-8" in shown
        assert "F6 fixes that" in shown
        assert "LF, leaves as CRLF" in shown
        assert "Cannot be sent as it is" in shown
        await stage.press("f9")
        await stage.until("Cannot be sent yet")
        assert stage.raw.source == LATIN
        await stage.press("f6")
        await stage.until("Subject: Gr<FC><DF>e aus Z<FC>rich → =?")
        await looked(stage)
        assert len(changes) == 3
        assert all(change.words.partition(" → ")[0] in stage.words() for change in changes)
        assert stage.raw.source == repaired
        assert "read-only" not in stage.text()
        await stage.press("ctrl+z")
        await looked(stage)
        assert stage.raw.source == LATIN
        await stage.press("f6")
        await stage.until(lambda: stage.raw.source == repaired)
        await stage.send()
        await stage.until("Accepted")
    assert connected.mime(1) == repaired.replace(b"\n", b"\r\n")


async def test_what_was_signed_is_not_re_encoded(connected: Sandbox) -> None:
    """Where a signature would not match any more nothing is changed, and F6 says why."""
    signed = HEADER + (
        b'Content-Type: multipart/signed; boundary="b"; protocol="application/pgp-signature"\r\n\r\n--b\r\n'
        b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe\r\n--b\r\n"
        b"Content-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"
    )
    async with on_stage(raw_draft(signed)) as stage:
        await looked(stage)
        assert "Cannot be sent as it is" in stage.text()
        assert "F6 fixes that" not in stage.words()
        await stage.press("f6")
        await stage.until("No safe fix")
        assert stage.raw.source == signed


def test_a_fix_finds_its_place_again() -> None:
    """Of findings that are alike the one nearest to where it was is fixed; one that is gone changes nothing."""
    source = PLAIN + b"x" * 1000 + b"\r\n"
    date, message_id = "Mon, 23 Nov 2026 07:00:00 +0000", "<2@acme.example>"
    finding = next(one for one in mime.findings(source) if one.rule == "long-line")
    moved = raw_draft(b"X-New: field\r\n" + source)
    assert fix(moved, finding, date, message_id).changes
    assert fix(raw_draft(PLAIN), finding, date, message_id) == Fix(raw_draft(PLAIN), ())


async def test_the_reasons_at_f9_are_those_of_the_findings(connected: Sandbox) -> None:
    """After F9 was refused, the first finding that stops the message is chosen, and F6 fixes it."""
    async with on_stage(raw_draft(FAULTY_RAW)) as stage:
        await looked(stage)
        await stage.press("f5", "f5", "down", "f9")
        await stage.until("Cannot be sent yet")
        await stage.press("f6")
        await stage.until("Bcc: boss@acme.example → nothing")


# A new one.


async def test_a_new_message_is_left_in_peace(connected: Sandbox) -> None:
    """Before something is written nothing is found wrong; then the findings come."""
    async with on_stage() as stage:
        await stage.press("ctrl+t")
        await stage.until("Findings come as you write")
        await looked(stage)
        assert b"Date: " in stage.raw.source
        assert not [line for line in stage.lines() if line.startswith((" ✗", " !"))]
        await stage.press("down", "end")
        await stage.type("bob@example.com")
        await stage.until("From has no address in it")


async def test_a_new_message_is_from_who_sends(first_use: Sandbox, ring: Memory) -> None:
    """A new raw message has the sender's From, a Message-ID of that domain, and the envelope that goes with it."""
    set_up(ring, first_use, Profile("work", "keyring", (Identity("Alice <alice@acme.example>"),)))
    async with on_stage(opened=opened_with(ring)) as stage:
        await stage.until("work · keyring")
        await stage.press("ctrl+t")
        await stage.until("Findings come as you write")
        assert stage.raw.content().sender == "alice@acme.example"
        assert stage.raw.source.startswith(b"From: Alice <alice@acme.example>\r\nTo: \r\n")
        assert re.search(rb"\r\nMessage-ID: <\w+@acme\.example>\r\n", stage.raw.source)


@pytest.mark.parametrize("known", [("", "", ""), ("a@b.example", "Mon, 23 Nov 2026 07:00:00 +0000", "<1@b.example>")])
def test_a_new_message_is_known_as_one(known: tuple[str, str, str]) -> None:
    """What a new message begins with is told from one in which something was written."""
    source = new_source(*known)
    assert is_hardly_begun(source)
    assert is_hardly_begun(b"\r\n \r\n")
    for written in (source + b"x", source.replace(b"To: ", b"To: x"), source.replace(b"Subject: ", b"Subject: x")):
        assert not is_hardly_begun(written)


# The envelope.


async def test_differences_of_envelope_and_header_are_said(connected: Sandbox) -> None:
    """Who gets it unnamed, who is named and does not get it, and another sender are said as the envelope is typed."""
    source = PLAIN.replace(b"To: bob@example.com\r\n", b"To: bob@example.com, carol@example.com\r\n")
    async with on_stage(raw_draft(source), size=(120, 36)) as stage:
        await looked(stage)
        assert "gets it" not in stage.text()
        stage.raw.focus_place(Place.ENVELOPE_RECIPIENTS)
        await stage.type(", dave@example.net, erin@example.net")
        await stage.until("+ 2 get it whom the header does not name: dave@example.net, erin@example.net")
        assert "4 of 50" in stage.text()
        await stage.press(*["backspace"] * len("carol@example.com, dave@example.net, erin@example.net"))
        await stage.until("- carol@example.com stands in To, and does not get it")
        stage.raw.focus_place(Place.ENVELOPE_SENDER)
        await stage.type("x")
        await stage.until("≠ the envelope is from")
        assert stage.raw.source == source, "the header is not touched"


async def test_the_header_of_an_earlier_sending_is_passed_over(connected: Sandbox) -> None:
    """Resent fields fill no envelope, which is said."""
    async with on_stage(raw_draft(b"Resent-To: old@example.net\r\n" + PLAIN)) as stage:
        await looked(stage)
        assert stage.raw.content().recipients == "bob@example.com"
        assert "Resent-To tell of an earlier sending" in stage.words()


# What is said of the source.


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (PLAIN, "CRLF"),
        (PLAIN.replace(b"\r\n", b"\n"), "LF, leaves as CRLF"),
        (PLAIN.replace(b"\r\n", b"\r"), "CR · read-only here"),
        (PLAIN + b"x\n", "mixed line ends (9 CRLF, 1 LF)"),
    ],
    ids=["CRLF", "LF", "CR", "mixed"],
)
async def test_line_ends_of_what_was_opened(connected: Sandbox, source: bytes, told: str) -> None:
    """The bar above the source says how its lines end, and how big it is as it leaves."""
    async with on_stage(raw_draft(source)) as stage:
        await looked(stage)
        assert f"{len(mime.crlf(source))} octets of 5.0 MiB · {told}" in stage.words()


async def test_the_limit_is_that_of_the_recipients(connected: Sandbox) -> None:
    """The size is held against 5 MiB, or 25 MiB where everybody it goes to is a verified destination."""

    @contextmanager
    def opened() -> Iterator[tuple[Outbox, Settings]]:
        with opened_outbox() as (outbox, settings):
            outbox._said_verified = ("bob@example.com",)
            yield outbox, settings

    large = PLAIN + (b"x" * 70 + b"\r\n") * 80_000
    async with on_stage(raw_draft(large), opened=opened) as stage:
        await looked(stage)
        assert "of 25.0 MiB" in stage.text()
        assert "too many" not in stage.text()
        stage.raw.focus_place(Place.ENVELOPE_RECIPIENTS)
        await stage.type(", carol@example.com")
        await stage.until("of 5.0 MiB")
        assert "octets too many" in stage.text()


async def test_a_message_can_be_looked_through_without_the_data(connected: Sandbox) -> None:
    """Where the data cannot be opened, parts and findings are there all the same."""

    def broken() -> AbstractContextManager[tuple[Outbox, Settings]]:
        raise MailError("the folder is on fire")

    app = WatchedApp(broken, raw_draft(NESTED))
    async with app.run_test(size=(80, 24)) as pilot:
        stage = Stage(app, pilot)
        await stage.until("folder is on fire")
        await looked(stage)
        assert "4 parts" in stage.text()


# Hostile text, large text, other uses.


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=["80x24", "120x36"])
async def test_nothing_in_a_message_acts(connected: Sandbox, size: tuple[int, int]) -> None:
    """In the tree, the findings, the envelope and what a fix tells, escapes, bidi and markup are visible characters."""
    header = "".join(f"X-{at}: {text}\r\n" for at, text in enumerate((*MARKUP, *CONTROLS)) if "\0" not in text).encode()
    sources = (
        HOSTILE_RAW,
        header + HOSTILE_RAW,
        HOSTILE.encode(),
        b"\xff" + HOSTILE.encode("utf-16"),
        LATIN + HOSTILE_RAW,
    )
    async with on_stage(raw_draft(HOSTILE_RAW), size=size) as stage:
        await looked(stage)
        await stage.press("f5", "end")
        await stage.until("[@click=app.quit]<202E>gpj.exe<1B>[2J")
        for source in sources:
            stage.raw.fill(replace(raw_draft(source), recipients="bob@example.com, x@example.com"))
            await looked(stage)
            assert_harmless(stage)
            for keys in (["f5", "end"], ["f5", "end", "f6"], ["home", "f6"], ["f9"]):
                await stage.press(*keys)
                await stage.settled()
                await stage.rest()
                assert_harmless(stage)
            await stage.press("escape")
            stage.raw.set_busy(busy=False)
        assert not stage.app._exit


async def test_text_is_found_and_bodies_unfolded(connected: Sandbox) -> None:
    """Ctrl+F finds in the source, and the tree goes with it; F10 shows a folded body as it stands, and folds it."""
    body = base64.encodebytes(bytes(range(256)) * 40).replace(b"\n", b"\r\n")
    source = NESTED.replace(b"JVBERi0xLjcK\r\n", body)
    async with on_stage(raw_draft(source), size=(120, 36)) as stage:
        await looked(stage)
        folded = stage.raw.body("source").document.line_count
        await stage.press("ctrl+f")
        await stage.type("second")
        await stage.until(lambda: part_at(stage) == "1.2")
        await stage.press("escape", "f5", "end", "enter", *["down"] * 4)
        assert "application/pdf" in cursor_line(stage)
        await stage.press("f10")
        assert stage.raw.body("source").document.line_count > folded + 100
        await stage.press("f10")
        assert stage.raw.body("source").document.line_count == folded
        assert stage.raw.source == source


def test_a_look_is_of_one_message() -> None:
    """Parts, findings, differences, line ends and size are of the message asked about, within the limit given."""
    found = look(replace(raw_draft(NESTED.replace(b"\r\n", b"\n")), recipients="x@example.com"), limit=100)
    assert [part.number for part in found.root.walk()] == ["", "1", "1.1", "1.2", "2"]
    assert found.size == len(NESTED)
    assert {"too-big", "line-ends"} <= {one.rule for one in found.findings}
    assert {one.kind for one in found.differences} == {"hidden", "left out"}


async def test_an_answer_about_other_octets_is_dropped(connected: Sandbox) -> None:
    """What was learned of a message that was typed over meanwhile is not shown."""
    async with on_stage(raw_draft(PLAIN)) as stage:
        await looked(stage)
        stage.raw.take_look(LookWanted(raw_draft(NESTED), "", -1), look(raw_draft(NESTED)))
        assert "4 parts" not in stage.text()


@dataclass(frozen=True)
class Remark:
    """A finding of a message that has no source."""

    words: str
    place: str
    weight: str = "caution"
    section: str = ""
    stops: bool = False
    fix: str = ""


async def test_findings_of_any_message_can_be_shown() -> None:
    """The list needs words and a place, whatever they are of; Enter gives back the very finding."""
    told: list[object] = []
    remarks = [Remark("is empty", "Subject"), Remark("[/] is not an address", "To", stops=True, fix="remove it")]

    class Host(App[None]):
        def compose(self) -> ComposeResult:
            yield FindingsPane[Remark]("fix")

        def on_findings_pane_chosen(self, event: FindingsPane.Chosen) -> None:
            told.append(event.finding)

    async with Host().run_test() as pilot:
        pane = pilot.app.query_one(FindingsPane)
        pane.show(remarks)
        pane.take_focus()
        await pilot.press("down", "enter")
        assert told == [remarks[1]]
        assert pane.current is remarks[1]
        pane.show(remarks[1:])
        assert pane.current is remarks[1]
