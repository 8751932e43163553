"""Recipients are completed as they are typed: nobody is put in who was not chosen, and nothing is in the way."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cfmail_tui import settings
from cfmail_tui.credentials import Keyring
from cfmail_tui.message import Mailbox, Place, RawDraft
from cfmail_tui.outbox import Accounts, Known, Outbox
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.store import Store
from cfmail_tui.ui.completion import RecipientField
from tests.edge.suppressing import suppress
from tests.ui.stage import LETTER, Opened, Stage, on_stage

ALIASES = """alias bob "Bob, the [bold]builder[/]" <bob@example.net>
alias carol Carol Berg <carol@example.org>
alias team Ann <ann@example.net>, bounce@example.net, Carol Berg <carol@example.org>
alias wang 王小明\u202e <wang@example.net>
"""
EMPTY = replace(LETTER, to="")
BOB = '"Bob, the [bold]builder[/]" <bob@example.net>'
CAROL = "Carol Berg <carol@example.org>"
OPEN = "Esc closes"


@pytest.fixture
def known(connected: Sandbox, tmp_path: Path) -> Opened:
    """An outbox that knows the people of an address file."""
    path = tmp_path / "aliases"
    path.write_text(ALIASES)

    @contextmanager
    def opened() -> Iterator[tuple[Outbox, settings.Settings]]:
        chosen = settings.read(os.environ)
        store = Store(chosen.data_dir)
        try:
            accounts = Accounts(os.environ, Keyring())
            yield Outbox(store, accounts, chosen.base_url, os.environ, address_files=[str(path)]), chosen
        finally:
            store.close()

    return opened


def field(stage: Stage, place: Place = Place.TO) -> RecipientField:
    found = stage.form.field(place)
    assert isinstance(found, RecipientField)
    return found


@pytest.mark.parametrize("key", ["enter", "tab"])
async def test_one_is_chosen_and_put_in(known: Opened, key: str) -> None:
    """An arrow key goes into the list, Enter or Tab puts in, quoted as it has to be, and typing goes on behind it."""
    async with on_stage(EMPTY, opened=known) as stage:
        await stage.type("bui")
        await stage.until(OPEN)
        await stage.press("down", key)
        assert stage.draft.to == f"{BOB}, "
        await stage.gone(OPEN)
        await stage.type("car")
        await stage.until(OPEN)
        await stage.press("up", key)
        assert stage.draft.to == f"{BOB}, {CAROL}, "
        assert field(stage).input.has_focus
        await stage.until("2 of 50")


async def test_nobody_is_put_in_unchosen(known: Opened) -> None:
    """Before an arrow key was pressed, or above the first again, Enter does nothing and Tab goes to the next field."""
    async with on_stage(EMPTY, opened=known) as stage:
        await stage.type("car")
        await stage.until(OPEN)
        await stage.press("enter", "down", "up", "enter")
        assert stage.draft.to == "car"
        await stage.press("tab")
        assert stage.draft.to == "car"
        assert stage.form.field(Place.SUBJECT).input.has_focus
        await stage.gone(OPEN)


async def test_a_group_puts_in_its_members(known: Opened) -> None:
    """A group says that it is one and whom it has, and puts in all of them."""
    async with on_stage(EMPTY, opened=known) as stage:
        await stage.type("team")
        await stage.until("group of 3: ann@example.net, bounce@example.net")
        await stage.press("down", "enter")
        assert stage.draft.to == f"Ann <ann@example.net>, bounce@example.net, {CAROL}, "


async def test_whom_a_mail_did_not_reach_is_marked(known: Opened) -> None:
    """Bounced and suppressed recipients of before have a sign and a word."""
    async with on_stage(replace(LETTER, to="Carol <carol@example.org>, bounce@example.net"), opened=known) as stage:
        await stage.send()
        await stage.until("bounced    bounce@example.net")
        await stage.press("ctrl+n")
        await stage.settled()
        stage.form.focus_place(Place.TO)
        await stage.type("example")
        await stage.until(OPEN)
        assert re.search(r"✗ bounce@example.net +bounced", stage.text())
        await stage.type("\x7f" * 7 + "team")
        await stage.until("some bounced")


async def test_whom_the_suppression_list_has_is_marked(known: Opened, connected: Sandbox) -> None:
    """Who was reached once and stands on the list since, as a refusal told, is marked with a sign and a word."""
    async with on_stage(replace(LETTER, to=CAROL), opened=known) as stage:
        await stage.send()
        await stage.until("delivered  carol@example.org")
        suppress(connected, "carol@example.org")
        await stage.app.run_action("app.new")
        await stage.settled()
        stage.form.field(Place.TO).text = CAROL
        stage.form.field(Place.SUBJECT).text = "Again"
        stage.form.body("text").text = "Again"
        await stage.send()
        await stage.until("put there by hand")
        stage.form.field(Place.TO).text = ""
        stage.form.focus_place(Place.TO)
        await stage.type("carol")
        await stage.until(OPEN)
        assert re.search(r"⊘ Carol Berg +carol@example.org +suppressed", stage.text())


async def test_typing_filters_and_the_list_can_be_closed(known: Opened) -> None:
    """Esc and F12 close the list and leave the field as it is; the next letter opens it again."""
    async with on_stage(EMPTY, opened=known) as stage:
        for key, letter in (("escape", "a"), ("f12", "r")):
            await stage.type("c" if letter == "a" else "")
            await stage.until(OPEN)
            await stage.press("down", key)
            await stage.gone(OPEN)
            assert field(stage).input.has_focus
            await stage.type(letter)
            await stage.until(OPEN)
        assert stage.draft.to == "car"
        await stage.press("down")
        await stage.type("x")
        await stage.gone(OPEN)
        assert stage.draft.to == "carx"


async def test_late_answers(known: Opened) -> None:
    """What is found for a text that stands there no more changes nothing, nor anything under a cursor."""
    stranger = Known((Mailbox("stranger@example.net"),))
    async with on_stage(EMPTY, opened=known) as stage:
        await stage.type("car")
        await stage.until(OPEN)
        field(stage).take_found("ca", (stranger,))
        await stage.press("down")
        field(stage).take_found("car", (stranger,))
        await stage.settled()
        assert "stranger" not in stage.text()
        await stage.press("enter")
        assert stage.draft.to == f"{CAROL}, "


async def test_a_click_chooses(known: Opened) -> None:
    """A click on a line of the list puts it in, and the cursor stays in the field."""
    async with on_stage(EMPTY, opened=known) as stage:
        await stage.type("car")
        await stage.click("Carol Berg (carol)")
        await stage.until(lambda: stage.draft.to == f"{CAROL}, ")
        assert field(stage).input.has_focus
        await stage.gone(OPEN)


async def test_names_are_hostile(known: Opened) -> None:
    """Markup is text, marks that reorder text are visible, and wide characters break no line."""
    async with on_stage(EMPTY, opened=known) as stage:
        await stage.type("example")
        await stage.until("Bob, the [bold]builder[/] (bob)  bob@example.net")
        await stage.until("王小明<202E> (wang)  wang@example.net")
        await stage.type("\x7f" * 7 + "wang")
        await stage.until(lambda: field(stage).is_completing)
        await stage.press("down", "enter")
        assert stage.draft.to == '"王小明\u202e" <wang@example.net>, '


async def test_in_the_middle_of_a_list(known: Opened) -> None:
    """The entry before the cursor is completed, in quotes too; behind a letter of it there is nothing to complete."""
    async with on_stage(replace(LETTER, to=f"x@example.com, carol, {BOB}"), opened=known) as stage:
        stage.form.focus_place(Place.TO)
        field(stage).input.cursor_position = len("x@example.com, carol")
        await stage.type("\x7f")
        await stage.until(OPEN)
        await stage.press("down", "enter")
        assert stage.draft.to == f"x@example.com, {CAROL}, {BOB}"
        await stage.press("end")
        await stage.type(', "Bob, th')
        await stage.until(OPEN)
        await stage.press("left")
        await stage.gone(OPEN)
        await stage.press("right")
        await stage.type("e")
        await stage.until(OPEN)
        await stage.press("down", "enter")
        assert stage.draft.to == f"x@example.com, {CAROL}, {BOB}, {BOB}, "


async def test_it_covers_nothing_that_is_typed(known: Opened) -> None:
    """At 80x24 with every field shown the list is below its own field, also under a reason why it is wrong."""
    async with on_stage(EMPTY, opened=known) as stage:
        await stage.press("f6")
        for place in (Place.CC, Place.BCC):
            stage.form.focus_place(place)
            await stage.type("nobody\t")
            stage.form.focus_place(place)
            await stage.type(", example")
            await stage.until(OPEN)
            assert any(line[1:].startswith(f"{place.value} ") and "nobody, example" in line for line in stage.lines())
            assert "there is no @" in stage.text()
            assert len([line for line in stage.lines() if "@example.net" in line]) >= 2


async def test_what_was_not_typed_opens_nothing(known: Opened) -> None:
    """Another mail, and a field that is rewritten, ask nothing."""
    async with on_stage(EMPTY, opened=known) as stage:
        stage.form.focus_place(Place.TO)
        field(stage).text = "carol"
        await stage.settled()
        assert not field(stage).is_completing


async def test_recipients_of_a_raw_message(known: Opened) -> None:
    """The envelope's recipients are completed, too."""
    async with on_stage(RawDraft(source=b"From: me@acme.example\r\n\r\nx\r\n"), opened=known) as stage:
        stage.raw.focus_place(Place.ENVELOPE_RECIPIENTS)
        await stage.type("car")
        await stage.until(OPEN)
        await stage.press("down", "enter")
        assert stage.raw.content().recipients == f"{CAROL}, "
