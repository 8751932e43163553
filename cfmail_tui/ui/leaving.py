"""Ending the program: by the user's wish, who is asked if a mail is on its way, or by a signal, which asks nobody.

Invariants:
- what is typed is on disk first, or the user said that it may be lost;
- what can still be taken back stays a draft, unless the user waits for it to leave;
- a mail in flight is waited for, or goes on in the background; if it is cut off, its outcome is written down.
"""

from typing import TYPE_CHECKING

from cfmail_tui.ui.departures import Stage
from cfmail_tui.ui.dialogs import ChoiceScreen

if TYPE_CHECKING:
    from cfmail_tui.ui.app import CfmailApp


class Leaving:
    """The way out, for the app."""

    def __init__(self, app: "CfmailApp") -> None:
        self._app = app
        self._code = 0
        self.in_background = False
        """Whether what is in flight goes on without a screen."""

    def ask(self) -> None:
        """End the program; ask, if something is on its way."""
        departures = self._app.sending.departures
        if departures.held:
            return  # it is asked already
        if not departures.mails:
            self._end()
            return
        # A mail does not leave behind a question about it.
        departures.held = True
        self._app.push_screen(ChoiceScreen(self._question(), self._answers()), self._answered)

    def _question(self) -> str:
        departures = self._app.sending.departures
        told = {
            "is about to leave": departures.at(Stage.COUNTING),
            "is being sent": departures.in_flight,
            "was not sent yet; the next start offers to try again": departures.at(Stage.WAITING),
        }
        lines = [f"{mail.name} {words}." for words, mails in told.items() for mail in mails[:4]]
        if departures.at(Stage.LEFT):
            lines.append("Whoever stops waiting for the answer does not know whether it arrived.")
        return "\n".join(lines)

    def _answers(self) -> dict[str, str]:
        departures = self._app.sending.departures
        counting, in_flight = departures.at(Stage.COUNTING), departures.in_flight
        answers = {"stay": "Stay"}
        if counting:
            answers["wait"] = "Send it now, and leave when it is done"
            if not in_flight:
                answers["leave"] = "Leave; it stays a draft"
        elif in_flight:
            answers["wait"] = "Leave when it is done"
        if in_flight:
            answers["background"] = "Leave now; it goes on in the background"
            answers["stop"] = (
                "Stop waiting and leave" if departures.at(Stage.LEFT) else "Stop sending and leave; it is not sent"
            )
        if not counting and not in_flight:
            answers["leave"] = "Leave"
        return answers

    def _answered(self, answer: str | None) -> None:
        sending = self._app.sending
        sending.departures.held = False
        match answer:
            case "wait":
                for departure in sending.departures.at(Stage.COUNTING):
                    sending.departures.hurry(departure)
                self._end_when_done()
            case "stop":
                sending.drop_counting()
                sending.stop_all()
                self._end_when_done()
            case "background":
                sending.drop_counting()
                self.in_background = True
                self._end()
            case "leave":
                sending.drop_counting()
                self._end()

    def told(self, code: int) -> None:
        """End as a signal wants it: at once, or when what is in flight has its outcome, for which it waits a little."""
        self._code = code
        self._app.keep()
        sending = self._app.sending
        for departure in sending.drop_counting():
            self._app.leave_word(f"{departure.name} was about to leave when cfmail had to end: it was not sent")
        if sending.departures.in_flight:
            from cfmail_tui.outbox import ANSWER_LIMIT

            self._app.set_timer(ANSWER_LIMIT, sending.stop_all)
            self._app.mail.results.say("Ending", f"as soon as there is an answer, in {ANSWER_LIMIT:.0f} s at most")
        self._end_when_done()

    def _end_when_done(self) -> None:
        sending = self._app.sending
        if not sending.departures.in_flight:
            self._end()
            return
        sending.when_nothing_is_in_flight = self._end
        if not self._code:
            self._app.mail.results.say("Leaving", "as soon as the outcome is written down")

    def _end(self) -> None:
        if self._code:
            # Nobody can be asked any more.
            self._app.keep()
            self._app.exit(return_code=self._code)
        else:
            self._app.drafting.when_kept(self._app.exit)
