"""How the program ends when it is not by its user: a signal, a terminal that has gone, a defect.

Invariants:
- what was typed is saved first, then the program ends, quietly and with an exit code that says why: 128 + the signal
  (a hang-up is SIGHUP), 70 for a defect;
- a signal only wakes a thread, which asks the app on its loop; if that does not answer, the thread saves and ends the
  process itself, and it ends one that has answered and does not come to its end;
- while another program has the terminal, its keys that are signals (Ctrl+C) are meant for that alone;
- nothing of anyone's mail is in what is told of a defect.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

from textual.css.query import NoMatches
from textual.driver import Driver
from textual.worker import WorkerFailed

from cfmail_tui.message import MailError
from cfmail_tui.still import Still
from cfmail_tui.ui.fields import words
from cfmail_tui.ui.painting import PaintingApp
from cfmail_tui.ui.terminal import HungUp, TerminalDriver, driver_for, textual_version
from cfmail_tui.ui.typeahead import PATIENCE

HEARD: Final = (signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT, signal.SIGINT)

_KEYS: Final = (signal.SIGINT, signal.SIGQUIT)
"""Signals that keys make, for every process on the terminal."""

ANSWERING: Final = 3.0
"""Seconds in which the app's loop has to answer."""


_CATCH_UP: Final = b"\0"
"""In place of a signal's number: whoever wrote it waits until what came before was dealt with."""

_CATCHING_UP: Final = 1.0
"""Seconds to wait for that; it takes longer only where the program is about to end."""

OPENING: Final = 5.0
"""Seconds that an end waits for the program's data to be opened, where that is still under way."""


class EndingApp(PaintingApp):
    """An app that ends well."""

    ending_limit = 15.0
    """Seconds that an end may take from when it began; mails that are being sent then are told of at the next start."""

    reports: Callable[[], Path] | None = None
    """Where reports of defects go; asked when there is one."""

    still: Still | None = None
    """What is on the terminal before the app is."""

    def __init__(self) -> None:
        super().__init__()
        self._last_words: tuple[str, ...] = ()
        self._told = False
        self.endings: Endings | None = None
        """What hears of signals, while that lasts."""

    def get_driver_class(self) -> type[Driver]:
        driver = driver_for(textual_version(), super().get_driver_class())
        if self.still and driver is not TerminalDriver:
            self.still.leave()
        return driver

    def save_now(self) -> None:
        """Save what is typed, before this returns. From any thread; raises MailError if it cannot."""
        raise NotImplementedError

    def told_to_end(self, number: int) -> None:
        """Save, bring what is under way to its end, and end with this signal's exit code."""
        if self._told:
            return
        self._told = True
        patience = time.monotonic() + PATIENCE

        def leave() -> None:
            if self._waiting and time.monotonic() < patience:
                self.set_timer(0.05, leave)  # keys that were pressed before
                return
            self.bring_to_end(128 + number)

        if not (self.focused or self).call_later(leave):
            leave()

    def bring_to_end(self, code: int) -> None:
        """Save, and end with this exit code when nothing is under way any more."""
        self.keep()
        self.exit(return_code=code)

    def keep(self) -> None:
        """Save what is typed; if that fails, it is told when the terminal is given back."""
        try:
            self.save_now()
        except MailError as error:
            self._last_words = (f"what was typed could not be saved: {words(error)}",)

    def close(self) -> None:
        """Close what the app has opened; called when no worker runs any more."""
        raise NotImplementedError

    @contextmanager
    def handed_over(self) -> Iterator[None]:
        """Let another program have the terminal. An error that is raised through this leaves it handed over."""
        with self.endings.without_keys() if self.endings else nullcontext(), self.suspend():
            yield

    def on_hung_up(self, _message: HungUp) -> None:
        # The road of the signal, which may come as well, or may not.
        signal.raise_signal(signal.SIGHUP)

    def panic(self, *_renderables: object) -> None:
        """As `_fatal_error`: what Textual would show here may hold anything."""
        self._fatal_error()

    def _handle_exception(self, error: Exception) -> None:
        # Once it is to exit, Textual mounts screens and widgets without what they are composed of (widget.py:1541): by
        # then all is saved. Our workers tell by a message; its own is the palette's search, whose screen may be closed.
        cause = error.error if isinstance(error, WorkerFailed) else error
        if not isinstance(cause, NoMatches) or (cause is error and not self._exit):
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """End after a defect; Textual's own report would print local variables."""
        if not self._last_words:
            self.tell_of(self._exception or RuntimeError())
        from cfmail_tui.ui import crash

        self._return_code = crash.EXIT_CODE
        self._close_messages_no_wait()

    def tell_of(self, error: BaseException) -> None:
        """Save what is typed and write the report; the words for the user are told once the terminal is restored."""
        saved = False
        # The screens may be what is broken; the report is written all the same.
        with suppress(Exception):
            self.save_now()
            saved = True
        if self.reports:
            from cfmail_tui.ui import crash

            self._last_words = crash.tell(error, self.reports(), saved=saved)

    def _print_error_renderables(self) -> None:
        self._exit_renderables.clear()
        with suppress(OSError):
            for line in self._last_words:
                print(f"cfmail: {line}", file=sys.__stderr__, flush=True)

    def leave_terminal(self) -> None:
        """Give the terminal back, where a defect outside of the app's own loop has left it, and tell."""
        if self._driver:
            self._driver.stop_application_mode()
            self._driver.close()
        self._print_error_renderables()


def run(app: EndingApp) -> int:
    """Run the app to its end, whatever that is; gives its exit code."""
    with Endings(app):
        try:
            app.run()
            app.close()
        except Exception as error:  # noqa: BLE001 - a defect outside of the app's loop is told as one inside
            app.tell_of(error)
            app.leave_terminal()
            from cfmail_tui.ui import crash

            return crash.EXIT_CODE
    return app.return_code or 0


def _noted(_number: int, _frame: FrameType | None) -> None:
    """What a signal does in Python: it is in the pipe already."""


def _not_ours(_number: int, _frame: FrameType | None) -> None:
    """What a key's signal does while another has the terminal. SIG_IGN the other would inherit."""


class Endings:
    """While this context lasts, signals end the app; made in the main thread.

    After it they are ignored: the program is at its end, and nothing changes the exit code that it is about to give.
    """

    def __init__(self, app: EndingApp) -> None:
        self._app = app
        self._ended = threading.Event()
        self._caught_up = threading.Event()

    def __enter__(self) -> Self:
        self._told, self._tell = os.pipe()
        os.set_blocking(self._tell, False)
        # Not by handlers in Python: those wait for the main thread, which a signal taken by another does not wake.
        signal.set_wakeup_fd(self._tell, warn_on_full_buffer=False)
        for number in HEARD:
            signal.signal(number, _noted)
        threading.Thread(target=self._wait, name="endings", daemon=True).start()
        self._app.endings = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in HEARD:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        self._app.endings = None
        self._ended.set()
        os.close(self._tell)

    @contextmanager
    def without_keys(self) -> Iterator[None]:
        """While this context lasts, signals that keys make end nothing."""
        for key in _KEYS:
            signal.signal(key, _not_ours)
        try:
            yield
        finally:
            # A key from before must not be judged as one from after.
            os.write(self._tell, _CATCH_UP)
            self._caught_up.wait(_CATCHING_UP)
            self._caught_up.clear()
            for key in _KEYS:
                signal.signal(key, _noted)

    def _wait(self) -> None:
        # Others are the terminal's size, say, or a Ctrl+C that is meant for the editor which has the terminal.
        while (told := os.read(self._told, 1)) and (told[0] not in HEARD or signal.getsignal(told[0]) is not _noted):
            if told == _CATCH_UP:
                self._caught_up.set()
        if not told:
            return
        number = told[0]
        answered = threading.Event()

        def answer() -> None:
            answered.set()
            self._app.told_to_end(number)

        if self._app.call_later(answer) and not answered.wait(ANSWERING):
            saving = threading.Thread(target=self._save, name="saving", daemon=True)
            saving.start()
            saving.join(self._app.ending_limit)
            os._exit(128 + number)
        if not self._ended.wait(self._app.ending_limit):
            os._exit(128 + number)

    def _save(self) -> None:
        # Nobody is left to be told of a failure.
        with suppress(Exception):
            self._app.save_now()
