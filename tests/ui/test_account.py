"""First use: credentials are asked for when they are needed, never shown, and kept where they are safe."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Static

from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui.account import AccountScreen
from tests.ui.stage import LETTER, Stage, attempts, drafts, on_stage

ROOT = Path(__file__).parents[2]


@pytest.fixture
def first_use(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that the environment names, without credentials for it, on a machine without a keyring."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", sandbox.base_url)
    return sandbox


def everything_on_disk() -> bytes:
    """What the program has written."""
    return b"".join(path.read_bytes() for path in Path(os.environ["CFMAIL_HOME"]).rglob("*") if path.is_file())


async def asked(stage: Stage) -> AccountScreen:
    await stage.press("f9")
    await stage.until("API token")
    await stage.settled()
    assert isinstance(stage.app.screen, AccountScreen)
    return stage.app.screen


async def test_credentials_are_asked_for_and_the_review_follows(first_use: Sandbox) -> None:
    """Without an account F9 asks for one; once it is given the review opens by itself, and the mail can be sent."""
    async with on_stage(LETTER) as stage:
        await asked(stage)
        await stage.type(f"{first_use.account_id}\n{first_use.token}\n")
        await stage.until("nothing has left yet")
        assert "this session only" in stage.text()
        assert first_use.token not in stage.text()
        assert "for this session only: " in stage.words(), "there is no keyring, and that is said"
        await stage.press("y")
        await stage.until("delivered")
        await stage.settled()
        stage.form.fill(LETTER)
        await stage.review()
    assert len(first_use.messages()) == 1
    assert first_use.token.encode() not in everything_on_disk()


async def test_a_token_is_never_on_the_screen(first_use: Sandbox) -> None:
    """The token is masked as it is typed and pasted, and no key copies it."""
    async with on_stage(LETTER) as stage:
        await asked(stage)
        await stage.press("tab")
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
        assert "part" not in stage.text()
        assert "secret" not in stage.text()
        assert field.value == "secret-token-part-two"
        assert stage.app.clipboard == ""


async def test_wrong_credentials_are_explained(first_use: Sandbox) -> None:
    """What cannot be an account ID or a token is told as such, without showing it, and can be corrected."""
    async with on_stage(LETTER) as stage:
        screen = await asked(stage)
        reason = screen.query_one("#account-reason", Static)
        await stage.type(f"not-an-id\n{first_use.token}\n")
        await stage.until(lambda: reason.has_class("-wrong"))
        assert "account" in str(reason.content).lower()
        stage.field("#account-id").value = first_use.account_id
        stage.field("#secret").value = "two words"
        await stage.press("enter")
        await stage.until(lambda: "token" in str(reason.content).lower() and "checking" not in str(reason.content))
        assert "two words" not in stage.text()
        await stage.press("escape")
        await stage.settled()
        assert stage.is_at_mail()
        assert stage.draft == LETTER
        await stage.type("!")
        assert stage.draft != LETTER
    assert not attempts()
    assert len(drafts()) == 1


async def test_a_token_that_cloudflare_does_not_know(first_use: Sandbox) -> None:
    """A token of the right form that is refused is explained after sending; another can be entered from the palette."""
    async with on_stage(LETTER) as stage:
        await asked(stage)
        await stage.type(f"{first_use.account_id}\n{'x' * 40}\n")
        await stage.until("nothing has left yet")
        await stage.press("y")
        await stage.until("does not know this API token")
        await stage.settled()
        await stage.press("f2")
        await stage.until("Search for commands")
        await stage.type("account")
        await stage.until(lambda: "Enter account ID" in stage.text())
        await stage.settled()
        await stage.press("enter")
        await stage.until("API token")
        await stage.type(f"{first_use.account_id}\n{first_use.token}\n")
        await stage.until(stage.is_at_mail)
        await stage.send()
        await stage.until("delivered")
    assert len(first_use.messages()) == 1


async def test_a_global_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An e-mail address with a global key is taken in place of a token."""
    with Sandbox(tmp_path / "by key", global_key=True) as sandbox:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", sandbox.base_url)
        async with on_stage(LETTER) as stage:
            await asked(stage)
            await stage.type(f"{sandbox.account_id}\t{sandbox.global_key}\t{sandbox.email}\n")
            await stage.until("nothing has left yet")
            await stage.press("y")
            await stage.until("delivered")


STORY = """
import asyncio, os
from tests.ui.stage import LETTER, on_stage

async def first():
    async with on_stage(LETTER) as stage:
        await stage.press("f9")
        await stage.until("API token")
        await stage.type(os.environ["ID"] + "\\n" + os.environ["TOKEN"] + "\\n")
        await stage.until("nothing has left yet")
        assert "keyring" in stage.text(), stage.text()

async def second():
    async with on_stage(LETTER) as stage:
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
    environment = {"ID": first_use.account_id, "TOKEN": first_use.token, "PYTHONPATH": str(ROOT)}
    ran = run_with_secret_service("unlocked", [sys.executable, "-c", STORY], env=environment)
    assert (ran.returncode, ran.stdout) == (0, "kept and found\n"), ran.stderr
    assert len(first_use.messages()) == 1
