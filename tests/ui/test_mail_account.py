"""Whom a mail is sent as: chosen, remembered with the draft, gone, or not to be used now; nothing typed is lost."""

from cfmail_tui.message import Draft
from cfmail_tui.profile import Identity, Profile
from cfmail_tui.sandbox import Sandbox
from tests.ui.accounts import Memory, asked, open_accounts, set_up
from tests.ui.stage import LETTER, attempts, drafts, on_stage, opened_with


async def test_another_account_is_used(first_use: Sandbox, ring: Memory) -> None:
    """Enter sends this mail and the next ones as the account chosen, with its From, Reply-To and signature."""
    work = Profile("work", "keyring", (Identity("alice@acme.example"),))
    home = Profile("home", "keyring", (Identity("al@home.example", "al@mail.example", "Al"),))
    set_up(ring, first_use, work, home)
    begun = Draft(sender="al@home.example", reply_to="al@mail.example", text="\n\n-- \nAl")
    async with on_stage(opened=opened_with(ring)) as stage:
        await stage.until("work · keyring")
        assert stage.draft == Draft(sender="alice@acme.example")
        await open_accounts(stage)
        await stage.press("down", "enter")
        await stage.until("home · keyring")
        await stage.settled()
        assert stage.draft == begun
        assert stage.mail.is_blank()
        assert not drafts(), "what was offered is nothing that was typed"
        await stage.press("ctrl+n")
        await stage.settled()
        assert stage.draft == begun
        stage.form.fill(LETTER)
        await stage.send()
        await stage.until("delivered")
        assert stage.draft == begun
    assert [attempt.account for attempt in attempts()] == ["home"]


async def test_what_is_typed_is_not_replaced(first_use: Sandbox, ring: Memory) -> None:
    """Another account changes nothing in a mail that the user wrote."""
    set_up(
        ring,
        first_use,
        Profile("work", "keyring"),
        Profile("home", "keyring", (Identity("al@home.example", "", "Al"),)),
    )
    async with on_stage(LETTER, opened=opened_with(ring)) as stage:
        await open_accounts(stage)
        await stage.press("down", "enter")
        await stage.until("home · keyring")
        await stage.settled()
        assert stage.draft == LETTER


async def test_a_draft_remembers_its_account(first_use: Sandbox, ring: Memory) -> None:
    """A draft is opened and sent as the account it was written for; if that is gone, that is said, and another used."""
    set_up(ring, first_use, Profile("work", "keyring"), Profile("home", "keyring"))
    async with on_stage(LETTER, opened=opened_with(ring)) as stage:
        await open_accounts(stage)
        await stage.press("down", "enter")
        await stage.until("home · keyring")
        await stage.type("!")
        await stage.press("ctrl+s")
        await stage.until("saved")
    for gone in (False, True):
        if gone:
            with opened_with(ring)() as (outbox, _):
                outbox.accounts.remove("home")
        async with on_stage(opened=opened_with(ring)) as stage:
            await stage.until("work · keyring")
            await stage.press("f7")
            await stage.until("Hello")
            await stage.settled()
            await stage.press("enter")
            await stage.until("“home” is not set up any more" if gone else "home · keyring")
            if gone:
                await stage.until("work · keyring")
            await stage.settled()
            await stage.review()
            assert ("work · keyring" if gone else "home · keyring") in stage.text()


async def test_a_draft_whose_account_is_gone_without_another(first_use: Sandbox, ring: Memory) -> None:
    """That is said when the draft is opened, it is as it was, and F9 asks for an account and goes on to the review."""
    set_up(ring, first_use, Profile("home", "keyring"))
    async with on_stage(LETTER, opened=opened_with(ring)) as stage:
        await stage.until("home · keyring")
        await stage.press("ctrl+s")
        await stage.until("saved")
    with opened_with(ring)() as (outbox, _):
        outbox.accounts.remove("home")
    async with on_stage(opened=opened_with(ring)) as stage:
        await stage.press("f7")
        await stage.until("Hello")
        await stage.settled()
        await stage.press("enter")
        await stage.until("“home” is not set up any more, and there is no other")
        assert "home: cannot be used" in stage.text()
        assert stage.draft == LETTER
        await asked(stage)
        await stage.type(f"{first_use.token}\n")
        await stage.until("Keep it in")
        await stage.settled()
        await stage.click("Use it")
        await stage.until("nothing has left yet")
        await stage.press("e")
        assert stage.draft == LETTER


async def test_the_account_in_use_is_removed(first_use: Sandbox, ring: Memory) -> None:
    """The mail that is being written says as whom it is sent now, and stays as it was."""
    set_up(ring, first_use, Profile("work", "keyring"), Profile("home", "keyring"))
    async with on_stage(LETTER, opened=opened_with(ring)) as stage:
        await open_accounts(stage)
        await stage.press("down", "enter")
        await stage.until("home · keyring")
        await open_accounts(stage)
        await stage.press("down", "d")
        await stage.until("Forget the account")
        await stage.press("down", "enter")
        await stage.until("is forgotten")
        await stage.press("escape")
        await stage.until("“home” is not set up any more: this mail is now sent as work · keyring")
        assert stage.draft == LETTER
        await stage.review()
        assert "Account   work · keyring" in stage.text()


async def test_a_keyring_that_is_locked_at_the_start(first_use: Sandbox, ring: Memory) -> None:
    """It is told without being asked for; once it is open F9 goes on, and nothing typed meanwhile is lost."""
    set_up(ring, first_use, Profile("work", "keyring"))
    ring.is_locked = True
    async with on_stage(LETTER, opened=opened_with(ring)) as stage:
        await stage.until("the keyring is locked")
        assert "account: cannot be used" in stage.text()
        await stage.press("f9")
        await stage.until("API token")
        assert "the keyring is locked" in stage.words()
        await stage.press("escape")
        ring.is_locked = False
        await stage.review()
        await stage.press("y")
        await stage.until("delivered")
    assert len(first_use.messages()) == 1


async def test_a_click_on_the_title_opens_the_accounts(connected: Sandbox) -> None:
    """Who sends can be clicked."""
    async with on_stage(LETTER) as stage:
        await stage.click("environment")
        await stage.until("Enter takes the one chosen")
