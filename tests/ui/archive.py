"""Some months of mails in a history, and what is done with them in pictures."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Final

from cfmail_tui.credentials import Keyring
from cfmail_tui.message import Draft
from cfmail_tui.outbox import Accounts, Outbox
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.settings import Settings
from cfmail_tui.store import Store
from cfmail_tui.submission import Account, ApiToken
from tests.ui.stage import Stage

SENDER: Final = "Alice Example <alice@acme.example>"

YEAR: Final = (
    (
        "Monthly report",
        ("bob@example.com", "queue@example.org", "bounce@example.net"),
        "Revenue is up in every region.",
    ),
    ("Minutes of the meeting", ("carol@example.org",), "Present: Alice, Bob, Carol. The lease is renewed."),
    ("Invoice 2026-114", ("accounts@globex.example",), "Please find the invoice for May attached."),
    ("Grüße aus Köln", ("dora@example.de", "emil@example.de"), "Das Wetter ist wie immer."),
    ("Newsletter, part 2", ("suppressed@example.com", "frank@example.com"), "What is new this month."),
    ("Server maintenance on Sunday", ("ops@example.com",), "Between two and four in the morning."),
    ("Offer for the new roof", ("error500@example.com",), "Forty square metres of slate."),
    ("Re: your question", ("cut@example.com",), "Yes, it does."),
)


@contextmanager
def opened(home: Path) -> Iterator[tuple[Outbox, Settings]]:
    """With some months of mails in the history, the last of them just now."""
    now = datetime.now(UTC)
    clock = SimpleNamespace(now=now)
    with Sandbox(home / "sandbox") as box, closing(Store(home, lambda: clock.now)) as store:
        account = Account("sandbox", box.account_id, ApiToken(box.token), "embedded sandbox")
        outbox = Outbox(store, Accounts({}, Keyring(), only=account), box.base_url, {}, clock=lambda: clock.now)
        for number in reversed(range(60)):
            subject, recipients, text = YEAR[(7 * number + number // 9) % len(YEAR)] if number else YEAR[0]
            clock.now = now - timedelta(hours=9 * number + 5 * (number % 2))
            mail = Draft(SENDER, ", ".join(recipients), subject=subject, text=f"Hello,\n\n{text}\n\nAlice\n")
            outbox.send(outbox.prepare(mail))
        clock.now = now
        yield outbox, Settings(home, box.base_url)


async def _past(stage: Stage, _home: Path) -> None:
    await stage.press("f8")
    await stage.until("60 mails")
    await stage.settled()


async def _found(stage: Stage, home: Path) -> None:
    await _past(stage, home)
    await stage.press("slash")
    await stage.type("status:bounced reven after:60d before:soon")
    await stage.settled()
    await stage.press("enter", "j")
    await stage.settled()


async def _deleted(stage: Stage, home: Path) -> None:
    await _past(stage, home)
    await stage.press("j", "j", "d")
    await stage.until("brings it back")
    await stage.settled()


async def _charted(stage: Stage, home: Path) -> None:
    await _past(stage, home)
    await stage.press("g")
    await stage.until("By account")


async def _exporting(stage: Stage, home: Path) -> None:
    await _past(stage, home)
    await stage.press("x")
    await stage.until("history.csv")


Act = Callable[[Stage, Path], Coroutine[None, None, None]]

ACTS: Final[dict[str, Act]] = {
    "past": _past,
    "past-found": _found,
    "past-deleted": _deleted,
    "past-export": _exporting,
    "chart": _charted,
}


def _pictures() -> Iterator[tuple[str, tuple[int, int], Act, str, bool]]:
    """Name, size, what is done, theme, and whether the project keeps it."""
    for name, act in ACTS.items():
        yield name, (120, 36), act, "textual-dark", name in {"past", "chart"}
        yield f"{name}-80x24", (80, 24), act, "textual-dark", False
        yield f"{name}-light", (120, 36), act, "textual-light", False


PICTURES: Final = (*_pictures(),)
