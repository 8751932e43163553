"""Accounts on the screen: added, checked, chosen and removed; secrets are never shown, and kept where the user says."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import pytest
from textual.widgets import Button

from cfmail_tui.message import Draft, RawDraft
from cfmail_tui.profile import Profile
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.sandbox.state import Choices
from cfmail_tui.submission import Secret
from cfmail_tui.ui.accounts import AccountsScreen
from cfmail_tui.ui.fields import fact
from tests.edge.fault_server import PATIENCE, Exchange, FarEnd, closed_port
from tests.leaks import Leaks
from tests.ui.accounts import PASSPHRASE, Memory, asked, open_accounts, set_up
from tests.ui.stage import LETTER, Stage, attempts, drafts, on_stage, opened_with

ROOT = Path(__file__).parents[2]


def everything_on_disk() -> bytes:
    """What the program has written."""
    return b"".join(path.read_bytes() for path in Path(os.environ["CFMAIL_HOME"]).rglob("*") if path.is_file())


async def keep_in(stage: Stage, place: str) -> None:
    """The last step of adding: choose the line with this word, and use it."""
    await stage.until("Keep it in")
    await stage.settled()
    await stage.click(place)
    await stage.settled()
    if not isinstance(stage.app.focused, Button):
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.focused, Button))
    await stage.press("enter")


async def test_an_account_is_asked_for_and_the_review_follows(first_use: Sandbox) -> None:
    """Without an account F9 asks for one; once it is given the review opens by itself, and the mail can be sent."""
    async with on_stage(LETTER) as stage:
        await asked(stage)
        await stage.type(f"{first_use.token}\n\n")
        await stage.until("mail can be sent from")
        assert "no keyring" in stage.words(), "why it cannot be kept there is said"
        await keep_in(stage, "this session only")
        await stage.until("nothing has left yet")
        assert "this session only" in stage.text()
        assert first_use.token not in stage.text()
        await stage.press("y")
        await stage.until("delivered")
        await stage.settled()
        stage.form.fill(LETTER)
        await stage.review()
    assert len(first_use.messages()) == 1
    assert first_use.token.encode() not in everything_on_disk()


async def test_a_token_is_never_on_the_screen(first_use: Sandbox) -> None:
    """The token is masked as it is typed and pasted, a screenshot shows the mask, and no key copies it."""
    async with on_stage(LETTER) as stage:
        await asked(stage)
        await stage.type("secret-token-")
        await stage.paste("part-two")
        field = stage.field("#secret")
        assert field.value == "secret-token-part-two"
        for keys in (
            ("shift+home", "ctrl+c"),
            ("ctrl+a", "ctrl+c"),
            ("shift+home", "ctrl+x"),
            ("shift+home", "super+c"),
        ):
            await stage.press("end", *keys)
        await stage.pilot.click("#secret", times=2)
        await stage.press("ctrl+c")
        leaks = Leaks(token=field.value)
        leaks.add("a screenshot", stage.app.export_screenshot())
        assert not leaks.found
        assert "part" not in stage.text()
        assert "secret" not in stage.text()
        assert field.value == "secret-token-part-two"
        assert stage.app.clipboard == ""


async def test_what_cannot_be_a_token_is_explained(first_use: Sandbox) -> None:
    """A paste that cannot be a token is told as such, without showing it; leaving costs nothing that was typed."""
    async with on_stage(LETTER) as stage:
        screen = await asked(stage)
        reason = screen.query_one("#account-reason")
        await stage.type("two words\n\n")
        await stage.until(lambda: reason.has_class("-wrong"))
        assert "cannot be part of a token" in stage.words()
        assert "two words" not in stage.text()
        await stage.press("escape")
        await stage.settled()
        assert stage.is_at_mail()
        assert stage.draft == LETTER
        await stage.type("!")
        assert stage.draft != LETTER
    assert not attempts()
    assert len(drafts()) == 1


@pytest.mark.parametrize(("kind", "told"), [("expired", "has expired"), ("disabled", "switched off"), ("", "not know")])
async def test_a_token_that_does_nothing_is_refused(first_use: Sandbox, kind: str, told: str) -> None:
    """An expired, disabled or unknown token is refused with the reason, and nothing offers to use it all the same."""
    token = first_use.add_token(kind) if kind else "x" * 40
    async with on_stage(LETTER) as stage:
        await asked(stage)
        await stage.type(f"{token}\n\n")
        await stage.until(told)
        await stage.settled()
        assert "Keep it in" not in stage.text()
        assert "Use it" not in stage.text()
        assert stage.field("#secret").value == token


@pytest.mark.parametrize(("kind", "told"), [("no_send", "may not send"), ("no_analytics", "mail can be sent from")])
async def test_what_a_token_may_not_do_is_no_obstacle(first_use: Sandbox, kind: str, told: str) -> None:
    """A token that lacks a right is told so and can be kept: rights can be given to it later."""
    async with on_stage(LETTER) as stage:
        await asked(stage)
        await stage.type(f"{first_use.add_token(kind)}\n\n")
        await stage.until(told)
        await keep_in(stage, "this session only")
        await stage.until("nothing has left yet")


async def test_a_token_that_sees_no_account(first_use: Sandbox) -> None:
    """Where the token does not tell its account, the ID is typed; a wrong one is told before it is kept."""
    async with on_stage(LETTER) as stage:
        await asked(stage)
        await stage.type(f"{first_use.add_token('no_read')}\n\n")
        await stage.until("Account ID")
        await stage.settled()
        await stage.type(f"{first_use.account_id}\n")
        await keep_in(stage, "this session only")
        await stage.until("nothing has left yet")
        await stage.press("y")
        await stage.until("delivered")


async def test_a_wrong_account_id_is_told_where_it_is_typed(first_use: Sandbox) -> None:
    """A slip in the account ID is told beside its field; one that Cloudflare does not know can be kept all the same."""
    async with on_stage(LETTER) as stage:
        await asked(stage)
        await stage.type(f"{first_use.add_token('no_read')}\n\n")
        await stage.until("Account ID")
        await stage.settled()
        await stage.type("123\n")
        await stage.until("32 hexadecimal digits, there are 3")
        await stage.settled()
        assert stage.field("#account-id").has_focus
        await stage.type("\x7f" * 3 + "0" * 32 + "\n")
        await stage.until("does not know this account")
        await stage.settled()
        assert stage.field("#account-id").has_focus
        await stage.press("enter")
        await stage.until("Keep it in")


async def test_escape_goes_back_one_step(first_use: Sandbox) -> None:
    """Esc in a later step of adding an account goes to the first, where all that was typed stands; there it leaves."""
    async with on_stage(LETTER) as stage:
        await asked(stage)
        await stage.type(f"{first_use.token}\n")
        await stage.until("Keep it in")
        await stage.settled()
        await stage.type("alice")
        await stage.press("escape")
        await stage.settled()
        assert stage.field("#secret").value == first_use.token
        await stage.press("enter")
        await stage.until("Keep it in")
        assert stage.field("#sender").value.startswith("alice@")
        await stage.press("escape", "escape")
        await stage.settled()
        assert stage.is_at_mail()
        assert stage.draft == LETTER


async def test_what_a_key_chooses_can_be_seen_without_colour(first_use: Sandbox) -> None:
    """The arrows choose where the secret is kept, and the line chosen has a mark of its own."""
    async with on_stage(LETTER, opened=opened_with()) as stage:
        await asked(stage)
        await stage.type(f"{first_use.token}\n")
        await stage.until("● this session only")
        await stage.settled()
        await stage.type("\n")
        await stage.press("up")
        await stage.until("● a new encrypted file")
        assert "○ this session only" in stage.words()
        await stage.press("enter", "enter")
        await stage.until("Choose a passphrase")


async def test_without_a_network_an_account_is_added_unchecked(
    first_use: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Cloudflare cannot be asked that is said, and the account can be added all the same."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", "http://127.0.0.1:1/client/v4")
    async with on_stage(LETTER) as stage:
        await asked(stage)
        await stage.type(f"{first_use.token}\n\n")
        await stage.until("Account ID")
        await stage.settled()
        await stage.press("enter")
        assert "nothing listens" in stage.words(), "which an empty answer does not wipe away"
        await stage.type(f"{first_use.account_id}\n")
        await keep_in(stage, "this session only")
        await stage.until("nothing has left yet")


async def test_a_global_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An e-mail address with a global key is taken in place of a token."""
    with Sandbox(tmp_path / "by key", global_key=True) as sandbox:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", sandbox.base_url)
        async with on_stage(LETTER) as stage:
            await asked(stage)
            await stage.type(f"{sandbox.global_key}\t{sandbox.email}\n")
            await keep_in(stage, "this session only")
            await stage.until("nothing has left yet")
            await stage.press("y")
            await stage.until("delivered")


async def test_with_a_keyring_enter_is_enough(first_use: Sandbox, ring: Memory) -> None:
    """Where there is a keyring it is chosen already, a ready domain is offered as From, and the next start has both."""
    async with on_stage(opened=opened_with(ring)) as stage:
        await open_accounts(stage)
        await stage.until("n adds one")
        await stage.press("n")
        await stage.until("API token")
        await stage.type(f"{first_use.token}\n\n")
        await stage.until("Keep it in")
        await stage.settled()
        assert stage.field("#sender").value.startswith("@")
        await stage.pilot.click("#sender", offset=(0, 0))
        await stage.type("alice")
        domain = stage.field("#sender").value
        await stage.click("Use it")
        await stage.until(lambda: isinstance(stage.app.screen, AccountsScreen))
        await stage.until("keyring (memory)")
        await stage.until(domain)
        assert "default" in stage.text()
    assert first_use.token in ring.kept["default"]
    assert first_use.token.encode() not in everything_on_disk()
    async with on_stage(opened=opened_with(ring)) as stage:
        await stage.until("keyring (memory)")
        assert stage.draft == Draft(sender=domain)
        assert domain.startswith("alice@")


async def test_an_account_is_checked(ring: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`c` shows what the credential may do, from which domains, and the DNS records that are missing, to be copied."""
    faulty = Choices(dns_faults=(("acme.example", "dkim.missing"),))
    async with AsyncExitStack() as ending:
        sandbox = ending.enter_context(Sandbox(tmp_path / "faulty", choices=faulty))
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", sandbox.base_url)
        set_up(ring, sandbox, Profile("work", "keyring"))
        stage = await ending.enter_async_context(on_stage(opened=opened_with(ring)))
        await open_accounts(stage)
        await stage.until("c asks Cloudflare")
        await stage.press("c")
        await stage.until("mail can be sent from")
        for words in ("active, of a user", "May send  yes", "✓ news.acme.example: ready", "Accounts  Sandbox"):
            assert words in stage.text(), words
        await stage.press("r")
        await stage.until("DNS records to add")
        await stage.until("acme.example TXT")
        assert "acme.example TXT" in stage.app.clipboard


TOLD: Final = {
    "user": "✓ mail can be sent from acme.example, news.acme.example, globex.example",
    "account": "✓ mail can be sent from acme.example, news.acme.example, globex.example",
    "expired": "✗ the token has expired → make a new one in Cloudflare's dashboard",
    "disabled": "✗ the token is switched off → switch it on in Cloudflare's dashboard, or make a new one",
    "no_send": "✗ the token may not send mail → give it the permission Email Sending: Edit, and check the account ID",
    "no_read": "✓ it may send mail; from which domains could not be learned",
}
"""The verdict on each kind of token of the sandbox, and the next step."""


async def test_each_verdict_is_seen_whole(ring: Memory, first_use: Sandbox) -> None:
    """On 80x24 the verdict on each kind of token stands in full beside what it rests on, with nothing to scroll to."""
    for kind in TOLD:
        secret = Secret(first_use.add_token(kind))
        with opened_with(ring)() as (outbox, _):
            outbox.accounts.add(Profile(kind, "keyring"), first_use.account_id, secret, keep="keyring")
    async with on_stage(opened=opened_with(ring)) as stage:
        screen = await open_accounts(stage)
        for kind, verdict in TOLD.items():
            await stage.gone("May send")
            await stage.press("c")
            await stage.until("May send")
            await stage.settled()
            assert verdict in stage.words(), kind
            assert not screen.query_one("#account-detail").max_scroll_y, kind
            await stage.press("down")


async def test_a_proxy_is_shown(ring: Memory, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    """By which proxy a mail would leave stands in the review, and in the check; never its password."""
    set_up(ring, sandbox, Profile("work", "keyring"))
    proxy = f"127.0.0.1:{closed_port()}"
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", "https://api.invalid/client/v4")
    monkeypatch.setenv("ALL_PROXY", f"http://anna:pa55@{proxy}")
    async with on_stage(LETTER, opened=opened_with(ring)) as stage:
        await stage.review()
        assert f"Via       proxy {proxy}" in stage.text()
        assert "pa55" not in stage.text()
        await stage.press("e")
        await open_accounts(stage)
        await stage.press("c")
        await stage.until(f"nothing listens at the proxy {proxy}")
        assert f"Via       proxy {proxy}" in stage.text()
        assert "pa55" not in stage.text()


@pytest.mark.parametrize("width", [30, 60, 80])
def test_what_is_too_long_stays_aligned(width: int) -> None:
    """What does not fit in a line goes on under its beginning, and nothing of it is lost or too wide."""
    words = "a TXT record of many words " * 5
    first, *others = [part.plain for part in fact("Domain", words).wrapped(width)]
    assert first.startswith("Domain    a TXT")
    assert all(line.startswith(" " * 10) and not line[10].isspace() for line in others)
    assert all(len(line) <= width for line in (first, *others))
    assert "".join((first[10:], *others)).replace(" ", "") == words.replace(" ", "")


async def test_a_check_keeps_nobody_waiting(ring: Memory, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    """While Cloudflare does not answer the screen says what it waits for, stays alive, and Esc leaves at once."""
    go = threading.Event()

    def silent(exchange: Exchange) -> None:
        exchange.request()
        go.wait(PATIENCE)

    set_up(ring, sandbox, Profile("work", "keyring"))
    with FarEnd(silent) as far_end:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
        async with on_stage(opened=opened_with(ring)) as stage:
            await open_accounts(stage)
            await stage.press("c")
            await stage.until("asking Cloudflare")
            await stage.press("escape")
            await stage.until(stage.is_at_mail)
            await stage.type("me@acme.example")
            assert stage.draft.sender == "me@acme.example"
            assert not go.is_set()
            go.set()
            await stage.settled()
            assert stage.is_at_mail()


async def test_the_default_and_removing(first_use: Sandbox, ring: Memory) -> None:
    """`m` makes another the default; `d` asks first, and says that the secret is gone."""
    set_up(ring, first_use, Profile("work", "keyring"), Profile("home", "keyring"))
    async with on_stage(opened=opened_with(ring)) as stage:
        await stage.until("work · keyring")
        await open_accounts(stage)
        await stage.press("down", "m")
        await stage.until(lambda: "home" in next(line for line in stage.lines() if "default" in line))
        await stage.press("d")
        await stage.until("Forget the account")
        await stage.press("escape")
        assert "home" in ring.kept
        await stage.press("d")
        await stage.until("Forget the account")
        await stage.press("down", "enter")
        await stage.until("“home” is forgotten")
        await stage.settled()
    assert [*ring.kept] == ["work"]


async def test_the_list_shows_which_account_sends(first_use: Sandbox, ring: Memory) -> None:
    """An account that was just added sends the mail from now on, and has the mark of it in the list."""
    set_up(ring, first_use, Profile("work", "keyring"))
    async with on_stage(opened=opened_with(ring)) as stage:
        await open_accounts(stage)
        await stage.until("✓ work")
        await stage.press("n")
        await stage.until("API token")
        await stage.type(f"{first_use.token}\n")
        await stage.until("Keep it in")
        await stage.settled()
        await stage.click("Use it")
        await stage.until("✓ Sandbox")
        assert "✓ work" not in stage.text()


async def test_a_new_encrypted_file(first_use: Sandbox) -> None:
    """Whoever chooses the encrypted file is asked for its passphrase twice, and a slip is told; then adding goes on."""
    async with on_stage(LETTER, opened=opened_with()) as stage:
        await asked(stage)
        await stage.type(f"{first_use.token}\n\n")
        await keep_in(stage, "encrypted file")
        await stage.until("Choose a passphrase")
        await stage.type(f"{PASSPHRASE}\nanother\n")
        await stage.until("the two are not the same")
        await stage.settled()
        await stage.type("short\nshort\n")
        await stage.until("8 characters")
        await stage.settled()
        await stage.type(f"{PASSPHRASE}\n{PASSPHRASE}\n")
        await stage.until("nothing has left yet")
        assert "encrypted file" in stage.text()
        assert PASSPHRASE not in stage.text()
    assert first_use.token.encode() not in everything_on_disk()


async def test_the_passphrase_is_asked_for_at_the_start(first_use: Sandbox) -> None:
    """A locked account asks for its passphrase, a wrong one is told, and then the mail knows who sends it."""
    set_up(None, first_use, Profile("work", "file"))
    async with on_stage(opened=opened_with()) as stage:
        await stage.until("asked for once a session")
        await stage.type("not the passphrase\n")
        await stage.until("this is not the passphrase")
        await stage.settled()
        await stage.type(f"{PASSPHRASE}\n")
        await stage.until("work · encrypted file")
        stage.form.fill(LETTER)
        await stage.send()
        await stage.until("delivered")


async def test_the_passphrase_can_wait_until_it_is_needed(first_use: Sandbox) -> None:
    """Who declines writes on, is not asked again by another mail, but by sending, which then goes on."""
    set_up(None, first_use, Profile("work", "file"))
    async with on_stage(LETTER, opened=opened_with()) as stage:
        await stage.until("asked for once a session")
        await stage.press("escape")
        await stage.settled()
        assert stage.is_at_mail()
        assert "locked" in stage.text()
        await stage.press("f9")
        await stage.until("asked for once a session")
        await stage.press("escape")
        await stage.settled()
        assert stage.is_at_mail()
        assert not stage.mail.is_busy
        await stage.type("!")
        await stage.press("f9")
        await stage.until("asked for once a session")
        await stage.type(f"{PASSPHRASE}\n")
        await stage.until("nothing has left yet")


async def test_identities_are_written_down(first_use: Sandbox, ring: Memory) -> None:
    """`e` changes what new mails of an account begin with."""
    set_up(ring, first_use, Profile("work", "keyring"))
    async with on_stage(opened=opened_with(ring)) as stage:
        await open_accounts(stage)
        await stage.press("e")
        await stage.until("Signature")
        await stage.type("alice@acme.example\n\nAlice\t\n")
        await stage.until("Signature Alice")
        await stage.press("escape")
        await stage.settled()
        assert stage.draft == Draft(sender="alice@acme.example", text="\n\n-- \nAlice")
        await stage.press("ctrl+t")
        await stage.until("Raw message")
        assert isinstance(stage.mail.content(), RawDraft)


async def test_a_signature_is_not_lost_by_escape(first_use: Sandbox, ring: Memory) -> None:
    """Esc asks before what was changed is dropped, and an address that cannot be one is told before it is kept."""
    set_up(ring, first_use, Profile("work", "keyring"))
    async with on_stage(opened=opened_with(ring)) as stage:
        await open_accounts(stage)
        await stage.press("e")
        await stage.until("Signature")
        await stage.type("nobody\n\nAlice")
        await stage.press("escape")
        await stage.until("not kept yet")
        await stage.press("escape")
        await stage.gone("not kept yet")
        await stage.type(", Acme")
        await stage.press("escape")
        await stage.until("not kept yet")
        await stage.press("down", "enter")
        await stage.until(lambda: stage.field("#field-from LineInput").has_focus)
        await stage.type("@acme.example")
        await stage.press("escape")
        await stage.until("not kept yet")
        await stage.press("down", "enter")
        await stage.until("Signature Alice, Acme")
        assert "nobody@acme.example" in stage.text()


STORY = """
import asyncio, os
from tests.ui.accounts import PASSPHRASE, Memory, asked, open_accounts, set_up
from tests.ui.stage import LETTER, on_stage, opened_with

async def first():
    async with on_stage(LETTER, opened=opened_with()) as stage:
        await stage.press("f9")
        await stage.until("API token")
        await stage.type(os.environ["TOKEN"] + "\\n\\n")
        await stage.until("Keep it in")
        await stage.settled()
        await stage.click("Use it")
        await stage.until("nothing has left yet")
        assert "keyring" in stage.text(), stage.text()

async def second():
    async with on_stage(LETTER, opened=opened_with()) as stage:
        await stage.until("keyring")
        await stage.send()
        await stage.until("delivered")

asyncio.run(first())
asyncio.run(second())
print("kept and found")
"""


def test_the_keyring_keeps_it(
    first_use: Sandbox, run_with_secret_service: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """With a real Secret Service what was entered once is found at the next start, and nothing of it is in a file."""
    environment = {"TOKEN": first_use.token, "PYTHONPATH": str(ROOT)}
    ran = run_with_secret_service("unlocked", [sys.executable, "-c", STORY], env=environment)
    assert (ran.returncode, ran.stdout) == (0, "kept and found\n"), ran.stderr
    assert len(first_use.messages()) == 1
