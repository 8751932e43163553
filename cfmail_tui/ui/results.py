"""What becomes of mails: a line for each that is on its way, then what came of the last one, recipient by recipient."""

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from cfmail_tui.ui.commands import keymap_of
from cfmail_tui.ui.fields import plain

if TYPE_CHECKING:
    from cfmail_tui.submission import Attempt
    from cfmail_tui.suppressions import Barred


class ResultsPane(VerticalScroll, can_focus=False):
    """The mails on their way and the outcome of the last one; hidden until there is something."""

    def __init__(self) -> None:
        super().__init__(id="results")
        self._departures = Static(id="departure-lines")
        self._departures.display = False
        self._lines = Static(id="result-lines")
        self._said = ""
        self._shown = Content("")
        self.attempt: Attempt | None = None
        """The mail whose outcome is shown."""
        self.barred: Barred | None = None
        """What is known of its recipients on the suppression list."""
        self._note = ""

    def clear(self) -> None:
        """Nothing is left to say of the mail before."""
        self._say("", Content(""))

    def departures(self, lines: Content) -> None:
        """The mails on their way, a line each."""
        if lines != self._shown:
            # Only then: each update is painted, and a line over SSH may be slow.
            self._shown = lines
            self._departures.update(lines)
            self._departures.display = bool(lines)
            self._show()

    def say(self, title: str, words: str) -> None:
        """Something in words: why nothing came of it, or what was done."""
        self._say(title, plain(words))

    @property
    def is_clear(self) -> bool:
        """Whether nothing is said, but for what is on its way."""
        return not self._said

    def take_back(self, title: str) -> None:
        """What was said under this title is not so any more."""
        if self._said == title:
            self.clear()

    def finished(self, attempt: "Attempt", note: str = "") -> None:
        """The outcome of an attempt, and what has to be known besides."""
        self._note = note
        self._tell(attempt, None)

    def learned(self, attempt: "Attempt", barred: "Barred | None") -> bool:
        """News of that attempt, if it is still the one that is shown; whether it is."""
        is_shown = self.attempt is not None and self.attempt.submission.attempt_id == attempt.submission.attempt_id
        if is_shown:
            self._tell(attempt, barred or self.barred)
        return is_shown

    def _tell(self, attempt: "Attempt", barred: "Barred | None") -> None:
        from cfmail_tui.ui.fates import bar, headline, outcome_lines

        outcome = keymap_of(self.app).first("outcome")
        lines = [outcome_lines(attempt, barred, way=f"{outcome} and x drop")]
        if len(attempt.fates) > 1:
            lines.insert(0, bar(attempt))
        if self._note:
            lines.insert(0, plain(self._note))
        when = (attempt.finished_at or attempt.started_at).astimezone().strftime("%H:%M:%S")
        self._say(f"{headline(attempt)} · {when} · {outcome}: more", Content("\n").join(lines))
        self.attempt, self.barred = attempt, barred

    async def on_click(self) -> None:
        if self.attempt:
            await self.run_action("app.outcome")

    def _say(self, title: str, content: Content) -> None:
        self.attempt = self.barred = None
        self._said = title
        self._lines.update(content)
        self._lines.display = bool(title)
        self._show()
        self.scroll_home(animate=False)

    def _show(self) -> None:
        self.border_title = Content(self._said or "On the way")
        is_shown = bool(self._said) or self._departures.display
        if is_shown and not self._lines.is_attached:
            self.mount(self._departures, self._lines)
        self.set_class(is_shown, "-shown")
