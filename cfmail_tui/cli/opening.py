"""The composition root: the parts put together on this machine's data."""

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cfmail_tui.cli.output import complain, reason

if TYPE_CHECKING:
    from cfmail_tui.outbox import Outbox
    from cfmail_tui.settings import Settings
    from cfmail_tui.store import Retention


def _retention(chosen: "Settings") -> "Retention":
    from datetime import timedelta

    from cfmail_tui.store import Retention

    days, mib = chosen.keep_bodies_days, chosen.keep_bodies_mib
    return Retention(
        bodies_for=None if days is None else timedelta(days=min(days, _LONGEST)),
        bodies_octets=None if mib is None else mib * 1024 * 1024,
        attempts=chosen.keep_mails,
        redacts=chosen.redact_bodies,
    )


_LONGEST = 100 * 365
"""Days: before the year 1 there are no dates."""


@contextlib.contextmanager
def opened(account: str, *, sandbox: bool, told: bool = True) -> Iterator["tuple[Outbox, Settings]"]:
    """An outbox on this machine's data, sending as the account asked for; what it found amiss is told here or not."""
    from cfmail_tui import settings
    from cfmail_tui.accounts import on_this_machine
    from cfmail_tui.outbox import Outbox
    from cfmail_tui.store import Store, StoreError
    from cfmail_tui.submission import Account, ApiToken

    chosen = settings.read(os.environ)
    with contextlib.ExitStack() as closing:
        only, base_url = None, chosen.base_url
        if sandbox:
            from cfmail_tui.sandbox import Sandbox

            try:
                box = closing.enter_context(Sandbox(chosen.data_dir / "sandbox"))
            except OSError as error:
                raise StoreError(f"the sandbox cannot start: {reason(error)}") from error
            only = Account("sandbox", box.account_id, ApiToken(box.token), "embedded sandbox")
            base_url = box.base_url
        store, salvaged = Store.open_or_set_aside(chosen.data_dir)
        accounts = on_this_machine(os.environ, chosen, store, account, only=only)
        outbox = Outbox(
            store,
            accounts,
            base_url,
            os.environ,
            verified=chosen.verified_destinations,
            choices=chosen.findings,
            retention=_retention(chosen),
            address_files=chosen.address_files,
            markdown_template=chosen.markdown_template,
        )
        closing.callback(outbox.close)
        # What nobody saw is told once, and a script's standard error may be read by nobody.
        word = "" if told else outbox.word_left()
        outbox.notices = tuple(filter(None, [*chosen.notices, salvaged, outbox.recover(), word]))
        if told and outbox.notices:
            complain("\n".join(outbox.notices))
        yield outbox, chosen
