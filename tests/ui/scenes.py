"""Pictures of the running program: `python -m tests.ui.scenes` writes screenshots/*.svg.

Each scene drives the real app on the embedded sandbox with keys, as a user would, and is drawn by Textual itself.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from textual.pilot import Pilot

from cfmail_tui.credentials import Keyring
from cfmail_tui.message import Draft, RawDraft
from cfmail_tui.outbox import Accounts, Outbox
from cfmail_tui.prefill import raw_draft
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.settings import Settings
from cfmail_tui.store import Store
from cfmail_tui.submission import Account, ApiToken
from cfmail_tui.ui.app import CfmailApp
from cfmail_tui.ui.departures import Stage

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"

REPORT = Draft(
    sender="Alice Example <alice@acme.example>",
    to='bob@example.com, "Fields, Carol" <queue@example.org>',
    cc="bounce@example.net",
    subject="Monthly report",
    text="Hi Bob,\n\nthe report is attached. Revenue is up, and so are the open questions:\n\n"
    "  1. do we renew the lease in March?\n  2. who takes over the newsletter?\n\nBest,\nAlice\n",
)

RAW = b"""From: Alice Example <alice@acme.example>\r
To: bob@example.com\r
Cc: carol@example.org\r
Subject: =?utf-8?B?R3LDvMOfZQ==?=\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary="b1"\r
\r
--b1\r
Content-Type: text/plain; charset=utf-8\r
\r
Hello from raw MIME.\r
--b1\r
Content-Type: text/html; charset=utf-8\r
\r
<p>Hello from <b>raw MIME</b>.</p>\r
--b1--\r
"""


@contextlib.contextmanager
def opened(home: Path, environ: dict[str, str]) -> Iterator[tuple[Outbox, Settings]]:
    """An outbox on an embedded sandbox, as `cfmail --sandbox` opens it."""
    with Sandbox(home / "sandbox") as box, contextlib.closing(Store(home)) as store:
        account = Account("sandbox", box.account_id, ApiToken(box.token), "embedded sandbox")
        accounts = Accounts(environ, Keyring(), only=account)
        yield Outbox(store, accounts, box.base_url, environ), Settings(home, box.base_url)


@contextlib.asynccontextmanager
async def running(
    home: Path, first: Draft | RawDraft, size: tuple[int, int] = (120, 36)
) -> AsyncIterator[tuple[CfmailApp, Pilot[int]]]:
    """The app with this mail on a fresh home, ready for keys."""
    app = CfmailApp(lambda: opened(home, {}), first)
    async with app.run_test(size=size) as pilot:
        await settled(pilot, lambda: "embedded" in app.mail.title_bar.words)
        yield app, pilot
    app.close()


async def settled(pilot: Pilot[int], condition: Callable[[], bool]) -> None:
    """Let the app run until the condition holds."""
    for _ in range(400):
        await pilot.pause(0.02)
        if condition():
            return
    raise AssertionError("the app did not get there")


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture: what is on the screen when it is taken."""

    name: str
    size: tuple[int, int]
    first: Draft | RawDraft
    act: Callable[[CfmailApp, Pilot[int], Path], Coroutine[None, None, None]]
    theme: str = "textual-dark"


async def _nothing(_app: CfmailApp, _pilot: Pilot[int], _home: Path) -> None:
    pass


async def _attach(app: CfmailApp, pilot: Pilot[int], home: Path) -> None:
    report = home / "report.pdf"
    report.write_bytes(b"%PDF-1.7\n" + bytes(1_250_000))
    await pilot.press("f3")
    await settled(pilot, lambda: len(app.screen_stack) == 3)
    await pilot.press(*str(report), "enter")
    await pilot.pause(0.3)


async def _attached(app: CfmailApp, pilot: Pilot[int], home: Path) -> None:
    await _attach(app, pilot, home)
    await pilot.press("escape")
    await settled(pilot, lambda: len(app.screen_stack) == 2)


async def _review(app: CfmailApp, pilot: Pilot[int], home: Path) -> None:
    await _attached(app, pilot, home)
    await pilot.press("f9")
    await settled(pilot, lambda: len(app.screen_stack) == 3)


async def _send(app: CfmailApp, pilot: Pilot[int], home: Path) -> None:
    await _review(app, pilot, home)
    await pilot.press("y", "f9")
    await settled(pilot, lambda: "Accepted" in str(app.mail.results.border_title))


async def _leaving(app: CfmailApp, pilot: Pilot[int], home: Path) -> None:
    """One mail waits to be tried again, the next is about to leave."""
    form = app.mail
    form.fill(replace(REPORT, to="throttle@example.com", cc="", subject="Newsletter, part 2"))
    await pilot.press("f9")
    await settled(pilot, lambda: len(app.screen_stack) == 3)
    await pilot.press("y", "f9")
    await settled(pilot, lambda: bool(app.sending.departures.at(Stage.WAITING)))
    await pilot.press("ctrl+n")
    await settled(pilot, lambda: not app.mail.is_busy)
    form.fill(REPORT)
    await _review(app, pilot, home)
    await pilot.press("y")
    await settled(pilot, lambda: app.mail.is_busy and len(app.screen_stack) == 2)
    await pilot.pause(0.3)


async def _waiting(app: CfmailApp, pilot: Pilot[int], home: Path) -> None:
    await _leaving(app, pilot, home)
    await pilot.press("u")
    await settled(pilot, lambda: not app.mail.is_busy)
    await pilot.press("ctrl+n")
    await settled(pilot, lambda: not app.mail.content().subject)  # type: ignore[union-attr]
    await pilot.press("f7")
    await settled(pilot, lambda: len(app.screen_stack) == 3)
    await pilot.pause(0.3)


async def _quit(app: CfmailApp, pilot: Pilot[int], home: Path) -> None:
    await _leaving(app, pilot, home)
    await pilot.press("ctrl+q")
    await settled(pilot, lambda: len(app.screen_stack) == 3)
    await pilot.pause(0.3)


async def _history(app: CfmailApp, pilot: Pilot[int], home: Path) -> None:
    await _send(app, pilot, home)
    await pilot.press("f8")
    await settled(pilot, lambda: len(app.screen_stack) == 3)
    await pilot.pause(0.3)


async def _problems(_app: CfmailApp, pilot: Pilot[int], _home: Path) -> None:
    await pilot.press("f9")
    await pilot.pause(0.5)


async def _help(app: CfmailApp, pilot: Pilot[int], _home: Path) -> None:
    await pilot.press("f1")
    await settled(pilot, lambda: len(app.screen_stack) == 3)


WRONG = Draft(
    sender="alice@acme.example",
    to="bob@example, carol example.org",
    reply_to="nobody",
    subject="Too quick",
    headers="X-No colon",
)

SCENES = (
    Scene("compose", (120, 36), REPORT, _attached),
    Scene("compose-80x24", (80, 24), REPORT, _attached),
    Scene("compose-light", (120, 36), REPORT, _attached, "textual-light"),
    Scene("attach", (80, 24), REPORT, _attach),
    Scene("problems-80x24", (80, 24), WRONG, _problems),
    Scene("review", (120, 36), REPORT, _review),
    Scene("review-80x24", (80, 24), REPORT, _review),
    Scene("results", (120, 36), REPORT, _send),
    Scene("results-80x24", (80, 24), REPORT, _send),
    Scene("leaving", (120, 36), REPORT, _leaving),
    Scene("leaving-80x24", (80, 24), REPORT, _leaving),
    Scene("drafts-80x24", (80, 24), REPORT, _waiting),
    Scene("quit-80x24", (80, 24), REPORT, _quit),
    Scene("history", (120, 36), REPORT, _history),
    Scene("history-80x24", (80, 24), REPORT, _history),
    Scene("raw", (120, 36), raw_draft(RAW), _nothing),
    Scene("raw-80x24", (80, 24), raw_draft(RAW), _nothing),
    Scene("help-80x24", (80, 24), REPORT, _help),
)


async def draw(scene: Scene) -> str:
    """The scene as SVG."""
    with tempfile.TemporaryDirectory() as folder:
        # A short and stable path, since paths and ports can be seen.
        home = Path(folder)
        async with running(home, scene.first, scene.size) as (app, pilot):
            app.theme = scene.theme
            await scene.act(app, pilot, home)
            await pilot.pause(0.1)
            return app.export_screenshot(title="cfmail")


def main(names: list[str]) -> None:
    """Write the pictures asked for, or all."""
    SCREENSHOTS.mkdir(exist_ok=True)
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    for scene in SCENES:
        if not names or scene.name in names:
            (SCREENSHOTS / f"{scene.name}.svg").write_text(asyncio.run(draw(scene)))


if __name__ == "__main__":
    main(sys.argv[1:])
