"""What the user does about an outcome: look up, drop the suppressed, write to the failed again, take it along.

Asking Cloudflare changes nothing, but for taking an address off the suppression list, which is asked about first. What
is sent after that goes through the form and the review, as every mail does.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from cfmail_tui.lookup import CannotTell, Found, NotFound, Verdict
from cfmail_tui.snippets import Snippet
from cfmail_tui.submission import Attempt, Refused, kept_back
from cfmail_tui.suppressions import Barred, Suppression
from cfmail_tui.ui.dialogs import ChoiceScreen
from cfmail_tui.ui.outcome import OutcomeScreen, as_text
from cfmail_tui.ui.snippet import SnippetScreen
from cfmail_tui.ui.work import Next

if TYPE_CHECKING:
    from cfmail_tui.outbox import Outbox
    from cfmail_tui.ui.app import CfmailApp
    from cfmail_tui.ui.history import HistoryScreen


class Following:
    """The outcomes of mails, and what follows from them, for the app."""

    def __init__(self, app: "CfmailApp") -> None:
        self._app = app

    def show(self) -> None:
        """The outcome of the last mail, recipient by recipient."""
        results = self._app.mail.results
        if results.attempt:
            self._app.push_screen(OutcomeScreen(results.attempt, results.barred))
        else:
            self._app.notify(
                f"No outcome stands here: {self._app.keymap.first('history')} shows what was sent before", markup=False
            )

    def explain_refusal(self, attempt: Attempt) -> None:
        """Look up who may have kept the mail from being sent, and show it where the refusal is told."""
        if isinstance(attempt.outcome, Refused) and kept_back(attempt):
            self._app.run_task(partial(self._look, attempt, None, ""), lambda _reason: None)

    def follow_queued(self, screen: "HistoryScreen") -> None:
        """Ask what became of the queued, for a history that was just opened; who may not ask is not told at each."""

        def follow(outbox: "Outbox") -> Next:
            return screen.refresh_attempts if outbox.follow_queued() else lambda: None

        self._app.run_task(follow, lambda _reason: None)

    def answer(self, wanted: OutcomeScreen.Wanted) -> None:
        """Do what the user wants done about an outcome."""
        screen, attempt = wanted.screen, wanted.screen.attempt
        match wanted.wish:
            case "look":
                self._app.run_task(partial(self._look, attempt, screen, ""), screen.say)
            case "off the list":
                if wanted.entry:
                    self._ask_off_the_list(screen, wanted.entry)
            case "to the failed":
                self._app.opening.reopen(attempt, attempt.failed, screen)
            case "to the rest":
                self._drop(screen)
            case "copy":
                snippet = Snippet(as_text(attempt, screen.barred), ".txt")
                file = str(Path.cwd() / f"cfmail-{attempt.submission.attempt_id[:8]}")
                self._app.push_screen(SnippetScreen("Outcome", {"text": snippet}, file))
            case "history":
                screen.dismiss()
                self._app.recalling.open(attempt.submission.attempt_id)
            case _:
                assert_never(wanted.wish)

    def _look(self, attempt: Attempt, screen: OutcomeScreen | None, words: str, outbox: "Outbox") -> Next:
        barred = outbox.barred(attempt) if kept_back(attempt) else None
        said = [words, _told(outbox.ask_again(attempt)) if attempt.queued else "", _told_of(attempt, barred)]
        now = outbox.attempt_now(attempt)
        return partial(self._learned, now, barred, " ".join(filter(None, said)), screen)

    def _learned(self, attempt: Attempt, barred: Barred | None, words: str, screen: OutcomeScreen | None) -> None:
        mail = self._app.mail
        is_shown = mail.results.learned(attempt, barred)
        if is_shown and barred and barred.addresses and isinstance(attempt.outcome, Refused):
            mail.blame_recipients(barred.addresses, "on the suppression list")
        if screen:
            screen.learned(attempt, barred, words)

    def _ask_off_the_list(self, screen: OutcomeScreen, entry: Suppression) -> None:
        def answered(answer: str | None) -> None:
            if answer == "remove":
                self._app.run_task(remove, screen.say)

        def remove(outbox: "Outbox") -> Next:
            if remark := outbox.unsuppress(screen.attempt, entry):
                return partial(screen.say, f"{remark.words}; {remark.action}" if remark.action else remark.words)
            return self._look(screen.attempt, screen, f"{entry.address} is off the list.", outbox)

        question = (
            f"Take {entry.address} off the suppression list ({entry.words})? Cloudflare will send to it again; whoever"
            " complained, or bounces again, harms your domain."
        )
        self._app.push_screen(ChoiceScreen(question, {"leave": "Leave it", "remove": "Take it off"}), answered)

    def _drop(self, screen: OutcomeScreen) -> None:
        """Take who is suppressed out of the mail, and review it again."""
        results = self._app.mail.results
        if results.attempt and results.attempt.submission.attempt_id == screen.attempt.submission.attempt_id:
            # It was not sent, so that it still stands in the form.
            screen.dismiss()
            self._app.mail.drop_recipients(screen.dropped)
            self._app.mail.action_review()
        else:
            self._app.opening.reopen(screen.attempt, screen.rest, screen)

    def take(self, wanted: SnippetScreen.Wanted) -> None:
        """Copy a text, or write it to a file, with the file that it reads."""
        screen, snippet = wanted.screen, wanted.snippet

        def write(outbox: "Outbox") -> Next:
            from cfmail_tui.outbox import write_copy

            needed = outbox.write_needed(screen.of, snippet, screen.file) if screen.of else ""
            path = Path(wanted.path).expanduser() if wanted.path else None
            if path:
                write_copy(path, [snippet.text.encode()])
            return partial(done, f" It reads {needed}." if needed else "", path)

        def done(more: str, path: Path | None) -> None:
            if path:
                screen.say(f"Written to {path}.{more}")
            else:
                self._app.copy_to_clipboard(snippet.text)
                screen.say(f"Copied, if this terminal lets a program do that; w writes it to a file.{more}")

        self._app.run_task(write, screen.say)


def _told(verdict: Verdict) -> str:
    """What Cloudflare's records say of queued recipients, as far as the rows do not."""
    match verdict:
        case Found():
            return ""
        case NotFound(zone):
            return f"Cloudflare's records for {zone} do not have the mail."
        case CannotTell(_, reason, wait):
            later = f" Ask again in {max(1, round(wait / 60))} min." if wait else ""
            return f"What became of the queued cannot be told: {reason}.{later}"
        case _:
            assert_never(verdict)


def _told_of(attempt: Attempt, barred: Barred | None) -> str:
    if barred is None:
        return ""
    if barred.remark:
        return f"{barred.remark.words}; {barred.remark.action}" if barred.remark.action else barred.remark.words
    if not barred.addresses:
        return "None of the recipients is on the suppression list."
    if isinstance(attempt.outcome, Refused):
        return f"{len(barred.addresses)} on the suppression list: x drops them, and reviews the mail to the others."
    return ""
