"""An app on a stage: the real outbox on a real sandbox, keys in, visible text out, without a terminal."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager

import keyring.backend
from textual import events
from textual.geometry import Size
from textual.keys import _character_to_key
from textual.pilot import Pilot

from cfmail_tui import settings
from cfmail_tui.credentials import Keyring, Vault
from cfmail_tui.message import Draft, RawDraft
from cfmail_tui.outbox import Accounts, Outbox
from cfmail_tui.store import Store
from cfmail_tui.submission import Attempt
from cfmail_tui.ui.commands import Keymap
from cfmail_tui.ui.compose import ComposeScreen
from cfmail_tui.ui.fields import LineInput
from cfmail_tui.ui.mail import MailScreen
from cfmail_tui.ui.raw import RawScreen
from tests.emulator import Opinion, as_textual
from tests.ui.watched import WatchedApp

PATIENCE = 30.0
"""Seconds that something may take before a test has failed."""

MOMENT = 0.01
"""Seconds between two looks at what takes a while."""

GRACE = 0.05
"""Seconds that a key's work is given before the next key, if it takes so long."""

LETTER = Draft(sender="me@acme.example", to="bob@example.com", subject="Hello", text="Hi Bob,\n\nhow are you?")


@contextmanager
def opened_outbox() -> Iterator[tuple[Outbox, settings.Settings]]:
    """What the command line composes, from the environment of the test."""
    chosen = settings.read(os.environ)
    store = Store(chosen.data_dir)
    try:
        yield Outbox(store, Accounts(os.environ, Keyring()), chosen.base_url, os.environ), chosen
    finally:
        store.close()


def opened_with(ring: keyring.backend.KeyringBackend | None = None) -> "Opened":
    """The same with everything an account can be kept in; the keyring is this one, or the machine's, which has none."""

    @contextmanager
    def opened() -> Iterator[tuple[Outbox, settings.Settings]]:
        chosen = settings.read(os.environ)
        store = Store(chosen.data_dir)
        accounts = Accounts(
            os.environ,
            Keyring(backend=ring),
            profiles=store.profiles,
            vault=Vault(chosen.data_dir / "accounts.vault"),
            token_command=chosen.token_command,
            account_id=chosen.account_id,
        )
        try:
            yield Outbox(store, accounts, chosen.base_url, os.environ), chosen
        finally:
            store.close()

    return opened


def attempts() -> tuple[Attempt, ...]:
    """What the journal holds."""
    with opened_outbox() as (outbox, _):
        return outbox.attempts()


def drafts() -> list[Draft | RawDraft]:
    """What the store has as drafts, newest first."""
    with opened_outbox() as (outbox, _):
        return [found.draft.content for found in outbox.unfinished()]


Opened = Callable[[], AbstractContextManager[tuple[Outbox, settings.Settings]]]


FRAMES = str.maketrans(dict.fromkeys("│─╭╮╰╯┃▌▐▔▁", " "))


def in_one_line(text: str) -> str:
    return " ".join(text.translate(FRAMES).split())


class Stage:
    """One run of the app."""

    def __init__(self, app: WatchedApp, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def mail(self) -> MailScreen:
        return self.app.mail

    @property
    def form(self) -> ComposeScreen:
        assert isinstance(self.mail, ComposeScreen)
        return self.mail

    @property
    def raw(self) -> RawScreen:
        assert isinstance(self.mail, RawScreen)
        return self.mail

    @property
    def draft(self) -> Draft:
        """The form as it is on the screen."""
        return self.form.content()

    def lines(self) -> list[str]:
        """The visible lines of the screen on top, without the blanks at their ends."""
        strips = self.app.screen._compositor.render_strips(self.app.size)
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    def text(self) -> str:
        return "\n".join(self.lines())

    def words(self) -> str:
        """The visible text as one line, frames and repeated blanks left out."""
        return in_one_line(self.text())

    def shows(self, text: str) -> bool:
        """Whether a text is visible, also where it is broken into lines."""
        visible = self.text()
        return text in visible or text in in_one_line(visible)

    def field(self, selector: str) -> LineInput:
        """A line to type into, on the screen on top."""
        return self.app.screen.query_one(selector, LineInput)

    def is_at_mail(self) -> bool:
        """Whether the mail itself is on top."""
        return self.app.screen is self.mail

    async def until(self, wanted: str | Callable[[], object]) -> None:
        """Until a text is visible, or a condition holds; a failure shows the screen."""
        end = time.monotonic() + PATIENCE
        while not (self.shows(wanted) if isinstance(wanted, str) else wanted()):
            assert time.monotonic() < end, f"{wanted} did not come\n{self.text()}"
            await asyncio.sleep(MOMENT)
            await self.rest()
        await self._shown_right(end)

    async def _shown_right(self, end: float) -> None:
        """Until the terminal shows what it should, as it does once nothing is about to be painted."""
        while self.app.screen_stack and not self.app._exit and (wrong := self.app.wrong_cells()):
            assert time.monotonic() < end, "the terminal shows something else\n" + "\n".join(wrong[:20])
            await asyncio.sleep(MOMENT)
            await self.rest()

    async def rest(self) -> None:
        """Until nothing moves but threads and clocks: every message is handled, and what it changed is painted.

        A pilot's pause asks each widget for an answer and then watches for how long the process takes no time of the
        processor, which costs more than what most keys do, and says nothing on a machine that is busy otherwise.
        """
        ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
        for _ in range(2):
            turns = 0
            while turns < 2:  # what is due, or comes from a thread, is ready a turn later
                await asyncio.sleep(0)
                turns = 0 if ready else turns + 1
            if self.app.screen_stack:
                self.app.screen._on_timer_update()

    async def gone(self, text: str) -> None:
        """Until a text is no longer visible."""
        await self.until(lambda: text not in self.text())

    async def press(self, *keys: str) -> None:
        """Keys by name, one after another, each given time to act: until what it opens is there."""
        for key in keys:
            self.app.post_message(events.Key(key, key if len(key) == 1 else None))
            await self.rest()
            await self.until(self._has_no_keys)
            await self._work_begun()

    async def _work_begun(self) -> None:
        """What a key has set to work may be done soon, as a look at a mail is, or not before the test goes on."""
        end = time.monotonic() + GRACE
        while time.monotonic() < end and not self._has_no_work():
            await asyncio.sleep(MOMENT)
            await self.rest()

    def _has_no_work(self) -> bool:
        return all(worker.is_finished for worker in self.app.workers)

    async def _keys_done(self) -> None:
        await self.rest()
        await self.until(self._has_no_keys)

    def _has_no_keys(self) -> bool:
        app = self.app
        return app._exit or not (app._current or app._waiting or app._opening)

    async def type(self, text: str) -> None:
        """Letters, tabs and line ends as fast as they can come."""
        names = {"\n": "enter", "\t": "tab", "\x7f": "backspace"}
        for char in text:
            key = names.get(char) or _character_to_key(char)
            self.app.post_message(events.Key(key, None if char in names else char))
        await self._keys_done()

    async def paste(self, text: str) -> None:
        self.app.post_message(events.Paste(text))
        await self._keys_done()

    async def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size, until that is what is shown."""
        size = Size(columns, rows)
        self.app.terminal._size = size
        self.app.post_message(events.Resize(size, size))
        await self.until(lambda: self.app.screen._compositor.size == size)

    async def click(self, text: str, *, times: int = 1) -> None:
        """A click in the middle of a visible text."""
        await self.until(text)
        y, line = next((y, line) for y, line in enumerate(self.lines()) if text in line)
        await self.pilot.click(offset=(line.index(text) + len(text) // 2, y), times=times)

    async def review(self) -> None:
        """F9, until the review is there."""
        await self.press("f9")
        await self.until("nothing has left yet")

    async def send(self) -> None:
        """F9, then y: the mail is on its way."""
        await self.review()
        await self.press("y")
        await self.gone("nothing has left yet")

    async def settled(self) -> None:
        """Until every worker is done and what it brought is on the screen."""
        await self.until(self._has_no_work)
        await self.rest()


@asynccontextmanager
async def on_stage(
    first: Draft | RawDraft | None = None,
    size: tuple[int, int] = (80, 24),
    *,
    opened: Opened = opened_outbox,
    opinions: tuple[Opinion, ...] = (as_textual,),
    keymap: Callable[[], Keymap] | None = None,
) -> AsyncIterator[Stage]:
    """The app with this mail, opened and at rest."""
    app = WatchedApp(opened, first or Draft(), keymap=keymap)
    app.opinions = opinions
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            stage = Stage(app, pilot)
            await stage.until(lambda: app._outbox)
            await stage.settled()
            yield stage
    finally:
        app.close()
