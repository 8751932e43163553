"""What the tests of accounts on the screen share: a keyring in memory, accounts set up, the way to their screens."""

from typing import Final

import keyring.backend
import keyring.errors

from cfmail_tui.profile import Profile
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.submission import Secret
from cfmail_tui.ui.account import AccountScreen
from cfmail_tui.ui.accounts import AccountsScreen
from tests.ui.stage import Stage, opened_with

PASSPHRASE: Final = "correct horse battery"


class Memory(keyring.backend.KeyringBackend):
    """A keyring that lasts as long as the test; never chosen by keyring itself."""

    priority = -100
    name = "memory"

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[str, str] = {}
        self.is_locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.is_locked:
            raise keyring.errors.KeyringLocked("locked")
        return self.kept.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop(username, None) is None:
            raise keyring.errors.PasswordDeleteError("not found")


def set_up(ring: Memory | None, sandbox: Sandbox, *profiles: Profile) -> None:
    """Keep an account for each profile, as an earlier session did."""
    with opened_with(ring)() as (outbox, _):
        for profile in profiles:
            if profile.kept_in == "file":
                outbox.accounts.unlock(Secret(PASSPHRASE))
            kept_in = profile.kept_in
            assert kept_in in {"keyring", "file"}
            outbox.accounts.add(profile, sandbox.account_id, Secret(sandbox.token), keep=kept_in)


async def asked(stage: Stage) -> AccountScreen:
    await stage.press("f9")
    await stage.until("API token")
    await stage.settled()
    assert isinstance(stage.app.screen, AccountScreen)
    return stage.app.screen


async def open_accounts(stage: Stage) -> AccountsScreen:
    await stage.press("f11")
    await stage.until(lambda: isinstance(stage.app.screen, AccountsScreen))
    await stage.settled()
    screen = stage.app.screen
    assert isinstance(screen, AccountsScreen)
    return screen
