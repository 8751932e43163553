"""What the form asks about its mail, answered for the app."""

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, assert_never

from cfmail_tui.message import Draft
from cfmail_tui.ui.checked_form import CheckedForm, CheckWanted, FileWanted, ProofWanted
from cfmail_tui.ui.dialogs import ChoiceScreen
from cfmail_tui.ui.mail import new_draft
from cfmail_tui.ui.work import Next

if TYPE_CHECKING:
    from cfmail_tui.outbox import Outbox
    from cfmail_tui.ui.app import CfmailApp
    from cfmail_tui.ui.completion import RecipientField
    from cfmail_tui.ui.compose import ComposeScreen
    from cfmail_tui.ui.proof import ProofScreen

_SUGGESTED: Final = 30
"""Recipients that are suggested at once."""


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
            case FileWanted(draft):
                from cfmail_tui.ui.filing import Filing

                Filing(self._app).save(draft)
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

    def complete(self, asked: "RecipientField.Asked") -> None:
        """Find who can be meant by what was typed."""

        def find(outbox: "Outbox") -> Next:
            return partial(asked.field.take_found, asked.typed, outbox.complete(asked.typed, _SUGGESTED))

        self._app.run_task(find, lambda _words: asked.field.take_found(asked.typed, ()))

    def offer_markdown(self, screen: "ComposeScreen") -> None:
        """Ask what is to become of an HTML body, beside which no mail can be written in Markdown."""

        def answered(answer: str | None) -> None:
            if answer == "copy":
                from cfmail_tui import lint

                draft = screen.content()
                written = draft.text if draft.text.strip() else lint.plain_text(draft.html)
                copy = replace(new_draft(replace(draft, text="", html="", markdown=written)), account=screen.account)
                # Also one in which nothing was typed, which nobody else would keep.
                self._app.drafting.save(screen.handed_over(), partial(self._app.drafting.show, copy))

        question = (
            "Markdown makes an HTML body of its own, and this mail has one already.\n\n"
            "Its text can be written on in a new mail; this one then stays in the drafts."
        )
        answers = {"stay": "Stay here", "copy": "A new mail in Markdown"}
        self._app.push_screen(ChoiceScreen(question, answers), answered)

    def _check(self, wanted: CheckWanted, screen: CheckedForm) -> None:
        def check(outbox: "Outbox") -> Next:
            return partial(screen.take_check, wanted, outbox.check(wanted.draft, wanted.account, wanted.before))

        def only_look() -> Iterator[Next]:
            from cfmail_tui import lint, markdown
            from cfmail_tui.outbox.checking import Checked, told

            made = markdown.made(wanted.draft)
            looked = lint.look(made)
            yield partial(screen.take_check, wanted, Checked(looked, told(wanted.draft, made, lint.findings(looked))))

        # Also where nothing can be sent, since the data cannot be opened, there is a mail to look at.
        self._app.run_task(
            check, lambda _words: self._app.run_steps(only_look, lambda _words: screen.take_check(wanted, None))
        )
