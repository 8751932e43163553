"""Sending a mail off, as the user sees it: taking it back, trying it now, stopping it, and what is shown at its end.

What is on its way stands in `departures`; this is what the keys and the outbox's answers do to it, and to the screen.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content
from textual.timer import Timer

from cfmail_tui.message import Draft, SavedDraft
from cfmail_tui.submission import Accepted, Attempt, Refused, explain, place_of
from cfmail_tui.ui.departures import TICK, Departure, Departures, Stage
from cfmail_tui.ui.dialogs import ChoiceScreen
from cfmail_tui.ui.fates import headline
from cfmail_tui.ui.fields import plain
from cfmail_tui.ui.mail import new_draft
from cfmail_tui.ui.review import ReviewScreen
from cfmail_tui.ui.work import Finished, Next, Progressed

if TYPE_CHECKING:
    from cfmail_tui.outbox import Outbox, Reviewed
    from cfmail_tui.ui.app import CfmailApp

_SHOWN_BUTTONS = 6

_SHOWN_ENDED = 3
"""Mails that ended while another was on the screen, for each of which a line stays."""


class Sending:
    """The mails on their way, for the app."""

    def __init__(self, app: "CfmailApp") -> None:
        self._app = app
        self.departures = Departures(self)
        self._ended: list[Content] = []
        self._refused: dict[str, Refused] = {}
        self._clock: Timer | None = None
        """Ticks while something is on its way."""
        self.when_nothing_is_in_flight: Callable[[], object] | None = None
        """Follows, once, when the last mail that was handed to the outbox has its outcome."""

    @property
    def shown(self) -> Departure | None:
        """The mail on the screen, if it is on its way."""
        return self.departures.by_draft(self._app.mail.draft_id)

    @property
    def can_be_stopped(self) -> bool:
        """Whether there is a mail on its way whose sending can be stopped."""
        return bool(self.departures.at(Stage.COUNTING, Stage.LEAVING, Stage.LEFT))

    def start(self, reviewed: "Reviewed", seconds: float) -> None:
        """Send it, after the seconds in which it can be taken back."""
        self._app.mail.results.clear()
        self._ended.clear()
        self.departures.add(reviewed, seconds)
        self._tick()
        self._app.mail.set_busy(busy=self.shown is not None)

    def start_test(self, reviewed: "Reviewed") -> None:
        """Send a mail to its author at once, while it is still reviewed."""
        self.departures.add(reviewed, 0)
        self._tick()

    def _tick(self) -> None:
        if self._clock:
            self._clock.resume()
        else:
            self._clock = self._app.set_interval(TICK, self._ticked)

    def _ticked(self) -> None:
        self.departures.tick()
        if self._clock and not self.departures.mails:
            self._clock.pause()

    # What the departures ask for.

    def send(self, reviewed: "Reviewed") -> None:
        self._app.send(reviewed)

    def try_again(self, departure: Departure) -> None:
        """Hand it to the outbox once more."""

        def prepare(outbox: "Outbox") -> Next:
            again = outbox.retry(departure.reviewed)
            return lambda: go(again)

        def go(again: "Reviewed") -> None:
            if departure.stopped:
                self._app.discard(again)
                self._stop_waiting(departure)
                return
            departure.reviewed = again
            self._app.send(again)

        def not_prepared(reason: str) -> None:
            self.departures.remove(departure)
            self._back_in_form(departure, f"It is not tried again: {reason}")

        self._app.run_task(prepare, not_prepared)

    def show_departures(self) -> None:
        if self._app.screen_stack:
            lines = [*self.departures.lines(self.shown, self._app.keymap), *self._ended]
            self._app.mail.results.departures(Content("\n").join(lines))

    # What the outbox tells.

    def progressed(self, message: Progressed) -> None:
        self.departures.progressed(message.attempt_id, message.sent, message.total)

    def finished(self, message: Finished) -> None:
        """Show what came of it, or when it is tried again."""
        departure = self.departures.by_attempt(message.attempt_id)
        if departure is None:
            return
        if message.attempt and message.again_in is not None:
            self.departures.waits(departure, message.attempt, message.again_in)
        else:
            shown = departure is self.shown
            self.departures.remove(departure)
            self._show_end(departure, message, shown=shown)
        if self.when_nothing_is_in_flight and not self.departures.in_flight:
            follows, self.when_nothing_is_in_flight = self.when_nothing_is_in_flight, None
            follows()

    def _show_end(self, departure: Departure, message: Finished, *, shown: bool) -> None:
        app = self._app
        if departure.reviewed.is_test and isinstance(app.screen, ReviewScreen):
            app.screen.say(_test_words(departure, message))
            return
        outcome = message.attempt.outcome if message.attempt else None
        if shown:
            app.mail.set_busy(busy=False)
            if isinstance(outcome, Accepted):
                self._clear_form()
        elif departure.draft_id:
            app.drafting.close(departure.draft_id)
        if not shown:
            words = headline(message.attempt) if message.attempt else f"Not sent: {message.words}"
            self._ended = [*self._ended, plain(f"{words}  {departure.name}")][-_SHOWN_ENDED:]
            self.show_departures()
        elif message.attempt is None:
            app.mail.results.say("Not sent", message.words)
        else:
            app.mail.results.finished(message.attempt, message.words)
            app.following.explain_refusal(message.attempt)
        if isinstance(outcome, Refused) and departure.draft_id:
            self._refused[departure.draft_id] = outcome
            if shown:
                self.blame()

    def blame(self) -> None:
        """Mark what Cloudflare refused in the mail on the screen, if it did."""
        mail = self._app.mail
        refused = self._refused.pop(mail.draft_id, None)
        if refused and (place := place_of(refused)):
            mail.blame(place, explain(refused).cause)

    def _clear_form(self) -> None:
        """The draft is done with; a raw source stays for the next try, under a name of its own."""
        content = self._app.mail.content()
        if isinstance(content, Draft):
            self._app.remember_sender(content.sender)
            content = Draft()
        self._app.mail.load(new_draft(content))
        self._app.identifying.greet()

    # What the user wants.

    def take_back(self, departure: Departure) -> None:
        """Make it the draft again that it was; one that may have left can only be stopped."""
        match departure.stage:
            case Stage.COUNTING:
                self.departures.remove(departure)
                self._app.discard(departure.reviewed)
                self._back_in_form(departure, "Nothing was sent; it is a draft again.")
            case Stage.WAITING:
                self._stop_waiting(departure)
            case _:
                self.ask_to_stop()

    def _stop_waiting(self, departure: Departure) -> None:
        # At once: while the outbox is asked its time may come.
        departure.stopped = True

        def stop(outbox: "Outbox") -> Next:
            outbox.stop_waiting(departure.root)
            return lambda: stopped("It was not sent, and is a draft again.")

        def stopped(words: str) -> None:
            self.departures.remove(departure)
            self._back_in_form(departure, words)

        self._app.run_task(stop, stopped)

    def _back_in_form(self, departure: Departure, words: str) -> None:
        app = self._app
        draft = departure.reviewed.draft

        def shown() -> None:
            app.mail.results.say("Taken back", words)

        if draft is None or app.mail.draft_id == draft.draft_id:
            app.mail.set_busy(busy=self.shown is not None)
            shown()
        else:
            app.drafting.when_kept(partial(self._open, draft, shown))

    def _open(self, draft: SavedDraft, then: Next) -> None:
        self._app.drafting.show(draft)
        then()

    def ask_to_stop(self) -> None:
        """Which of the mails that are being sent is to be stopped."""
        mails = self.departures.at(Stage.COUNTING, Stage.LEAVING, Stage.LEFT)

        def answered(answer: str | None) -> None:
            for departure in mails if answer == "stop" else [each for each in mails if f"stop-{each.root}" == answer]:
                self.stop(departure)

        answers = {"go-on": "Go on sending"}
        if len(mails) == 1:
            answers["stop"] = _stop_words(mails[0])
        else:
            named = {f"stop-{each.root}": f"{_stop_words(each)} {each.name}" for each in mails[:_SHOWN_BUTTONS]}
            answers |= {**named, "stop": "Stop all of them"}
        self._app.push_screen(ChoiceScreen(f"Stop sending? {_warning(mails)}".strip(), answers), answered)

    def stop(self, departure: Departure) -> None:
        """Stop it, however far it has come; what its outcome then is, the outbox says."""
        if departure.stage is Stage.COUNTING:
            self.take_back(departure)
        elif departure.in_flight:
            departure.stopped = True
            attempt_id = departure.attempt_id
            self._app.run_task(lambda outbox: partial(_nothing, outbox.cancel(attempt_id)))

    def forget(self, draft_id: str) -> None:
        """Its draft is deleted: what can still be taken back is not sent."""
        departure = self.departures.by_draft(draft_id)
        if departure and not departure.in_flight:
            self.departures.remove(departure)
            if departure.stage is Stage.COUNTING:
                self._app.discard(departure.reviewed)

    def stop_all(self) -> None:
        """Stop all that the outbox has; in one task, since none may have its turn because another was stopped."""
        mails = self.departures.in_flight
        for departure in mails:
            departure.stopped = True
        attempt_ids = [departure.attempt_id for departure in mails]
        self._app.run_task(lambda outbox: partial(_nothing, outbox.cancel(*attempt_ids)))

    def drop_counting(self) -> list[Departure]:
        """What can still be taken back stays a draft; gives what that was."""
        dropped = self.departures.drop_counting()
        for departure in dropped:
            self._app.discard(departure.reviewed)
        return dropped


def told_later(attempt: Attempt) -> str:
    """What became of a mail, for somebody who has not seen it."""
    when = attempt.started_at.astimezone().strftime("%Y-%m-%d %H:%M")
    return f"“{attempt.submission.subject}” of {when}: {headline(attempt)}"


def _test_words(departure: Departure, message: Finished) -> str:
    """What came of a test, on a line."""
    to = departure.reviewed.submission.envelope.recipients[0]
    if message.attempt is None:
        return f"Test to {to}: not sent: {message.words}"
    outcome = message.attempt.outcome
    why = "" if outcome is None or isinstance(outcome, Accepted) else f": {explain(outcome).cause}"
    return f"Test to {to}: {headline(message.attempt)}{why}"


def _stop_words(departure: Departure) -> str:
    return "Stop waiting" if departure.stage is Stage.LEFT else "Stop"


def _warning(mails: list[Departure]) -> str:
    if any(departure.stage is Stage.LEFT for departure in mails):
        return "All of it has left already: only the waiting would end, and the outcome be unknown."
    return "Not all of it has left: if it is stopped now, it is not sent."


def _nothing(_done: None) -> None:
    pass
