"""What the form asks about its mail, answered for the app."""

import os
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, assert_never

from cfmail_tui.message import Draft
from cfmail_tui.ui.checked_form import CheckedForm, CheckWanted, ProofWanted
from cfmail_tui.ui.work import Next

if TYPE_CHECKING:
    from cfmail_tui.outbox import Outbox
    from cfmail_tui.ui.app import CfmailApp
    from cfmail_tui.ui.proof import ProofScreen


class Composing:
    """Answers for the app what the form asks about its mail."""

    def __init__(self, app: "CfmailApp") -> None:
        self._app = app

    def answer(self, asked: CheckedForm.Asked) -> None:
        match asked.question:
            case CheckWanted() as wanted:
                self._check(wanted, asked.screen)
            case ProofWanted() as wanted:
                self.prove(wanted.draft, wanted.account)
            case _:
                assert_never(asked.question)

    def prove(self, draft: Draft, account: str) -> None:
        """Show how a mail will look, sent as the account of this name."""

        def make(outbox: "Outbox") -> Next:
            from cfmail_tui.ui.proof import ProofScreen

            proof = outbox.proof(draft, account)
            return lambda: self._app.push_screen(ProofScreen(proof, draft))

        self._app.run_task(make)

    def open_browser(self, asked: "ProofScreen.BrowserRequested") -> None:
        """Open the HTML body in the user's browser."""
        assert self._app.settings
        screen, folder = asked.screen, self._app.settings.data_dir

        def open_page(outbox: "Outbox") -> Next:
            from cfmail_tui.ui import browser

            browser.show(outbox.page(asked.draft), folder, os.environ)
            return partial(screen.say, "It is open in your browser.")

        self._app.run_task(open_page, screen.say)

    def forget_pages(self) -> None:
        """Delete what a browser was shown."""
        if self._app.settings:
            from cfmail_tui.ui import browser

            browser.forget(self._app.settings.data_dir)

    def _check(self, wanted: CheckWanted, screen: CheckedForm) -> None:
        def check(outbox: "Outbox") -> Next:
            return partial(screen.take_check, wanted, outbox.check(wanted.draft, wanted.account, wanted.before))

        def only_look() -> Iterator[Next]:
            from cfmail_tui import lint
            from cfmail_tui.outbox import Checked

            looked = lint.look(wanted.draft)
            yield partial(screen.take_check, wanted, Checked(looked, lint.findings(looked)))

        # Also where nothing can be sent, since the data cannot be opened, there is a mail to look at.
        self._app.run_task(
            check, lambda _words: self._app.run_steps(only_look, lambda _words: screen.take_check(wanted, None))
        )
