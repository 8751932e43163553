"""From a draft to its review, and from there: off, back into the form, to its author as a test, or into a snippet."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cfmail_tui.message import MessageError, Place, Problem, SavedDraft
from cfmail_tui.settings import CONFIRM_RECIPIENTS
from cfmail_tui.submission import Attempt
from cfmail_tui.ui.account import FIRST
from cfmail_tui.ui.compose import ComposeScreen
from cfmail_tui.ui.dialogs import TextScreen
from cfmail_tui.ui.review import ReviewScreen
from cfmail_tui.ui.work import Next

if TYPE_CHECKING:
    from cfmail_tui.outbox import Outbox, Reviewed
    from cfmail_tui.ui.app import CfmailApp

_WIRE_BODY_SHOWN = 64 * 1024


class Reviewing:
    """The review of a mail, for the app."""

    def __init__(self, app: "CfmailApp") -> None:
        self._app = app

    def prepare(self, draft: SavedDraft) -> None:
        """Show the review of a draft, or why it cannot be sent."""

        def prepare(outbox: "Outbox") -> Next:
            from cfmail_tui.outbox import NeedsPassphrase, NeedsTerminal, NoAccount, NoneSetUp

            try:
                reviewed = outbox.prepare(draft.content, draft)
            except (NeedsPassphrase, NeedsTerminal):
                raise
            except NoAccount as error:
                reason = FIRST if isinstance(error, NoneSetUp) else f"{error}."
                return lambda: self._without_account(reason, draft)
            except MessageError as error:
                problems = error.problems
                return lambda: self._unsendable(draft, problems)
            screen = self._screen(outbox, reviewed)
            return lambda: self._review(reviewed, screen)

        self._app.mail.set_busy(busy=True)
        self._app.drafting.save(draft, lambda: self._app.run_task(prepare))

    def _screen(self, outbox: "Outbox", reviewed: "Reviewed") -> ReviewScreen:
        settings = self._app.settings
        most = settings.confirm_recipients if settings else CONFIRM_RECIPIENTS
        return ReviewScreen(reviewed, outbox.road.base_url, outbox.road.proxy, confirm_recipients=most)

    def _unsendable(self, draft: SavedDraft, problems: Sequence[Problem]) -> None:
        app = self._app
        if app.mail.draft_id == draft.draft_id:
            app.mail.set_busy(busy=False)
            app.mail.show_problems(problems)
            app.screen_is_there()

    def _without_account(self, reason: str, draft: SavedDraft) -> None:
        app = self._app
        app.mail.set_busy(busy=False)
        app.identifying.add(reason, lambda: self.prepare(replace(draft, account=app.mail.account)))

    def _review(self, reviewed: "Reviewed", screen: ReviewScreen) -> None:
        app = self._app
        if not reviewed.draft or app.mail.draft_id != reviewed.draft.draft_id:
            app.discard(reviewed)  # another mail was opened while this one was prepared
            return

        def answered(answer: str | None) -> None:
            if answer == "send":
                self._send_off(reviewed)
                return
            app.mail.set_busy(busy=app.sending.shown is not None)
            app.discard(reviewed)
            if answer == "attach" and isinstance(app.mail, ComposeScreen):
                app.mail.action_attach()
            elif answer == "headers":
                app.mail.focus_place(Place.HEADERS)
            elif answer == "postpone":
                app.action_new()
            elif answer in {"jump", "fix"} and screen.chosen:
                app.mail.jump(screen.chosen, fix=answer == "fix")

        self._show(reviewed, screen, answered)

    def _show(self, reviewed: "Reviewed", screen: ReviewScreen, answered: Callable[[str | None], None]) -> None:
        self._app.push_to_be_seen(screen, answered)

        def get_ready(outbox: "Outbox") -> Next:
            outbox.road.get_ready(reviewed.account.credential)
            return lambda: None

        screen.call_after_refresh(self._app.run_task, get_ready)

    def _send_off(self, reviewed: "Reviewed") -> None:
        assert self._app.settings
        self._app.sending.start(reviewed, self._app.settings.undo_send)

    def again(self, attempt: Attempt) -> None:
        """Show the very mail of an attempt, to be sent once more."""

        def prepare(outbox: "Outbox") -> Next:
            reviewed = outbox.again(attempt)
            screen = self._screen(outbox, reviewed)
            return lambda: self._show(reviewed, screen, partial(answered, reviewed))

        def answered(reviewed: "Reviewed", answer: str | None) -> None:
            if answer == "send":
                self._send_off(reviewed)
            else:
                self._app.discard(reviewed)

        self._app.run_task(prepare)

    def test(self, screen: ReviewScreen) -> None:
        """Send the mail that is reviewed to its author only; what came of it is told in the review."""

        def prepare(outbox: "Outbox") -> Next:
            return partial(self._app.sending.start_test, outbox.to_author(screen.reviewed))

        self._app.run_task(prepare, lambda words: screen.say(f"Test: {words}"))

    def copy(self, of: "Reviewed | Attempt") -> None:
        """Show the request of a mail as texts for other tools."""
        from cfmail_tui.ui.snippet import SnippetScreen

        file = str(Path.cwd() / f"cfmail-{of.submission.attempt_id[:8]}")

        def make(outbox: "Outbox") -> Next:
            screen = SnippetScreen("Copy as", outbox.snippets(of, file), file, of)
            return lambda: self._app.push_screen(screen)

        self._app.run_task(make)

    def wire_body(self, attempt_id: str) -> None:
        """Show the request's body as it will leave."""

        def load(outbox: "Outbox") -> Next:
            body = outbox.wire_body(attempt_id, _WIRE_BODY_SHOWN)
            title = (
                f"Wire body, the first {_WIRE_BODY_SHOWN // 1024} KiB" if len(body) == _WIRE_BODY_SHOWN else "Wire body"
            )
            return lambda: self._app.push_screen(TextScreen(title, body.decode("utf-8", "replace")))

        self._app.run_task(load)
