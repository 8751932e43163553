"""What becomes of mails: a line for each that is on its way, then what came of the last one, recipient by recipient."""

from collections import Counter
from typing import assert_never

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from cfmail_tui.submission import Accepted, Attempt, Fate, NotSent, Refused, Unknown, explain
from cfmail_tui.ui.fields import plain

_FATES = {
    Fate.BOUNCED: ("✗", "$text-error", "refused for good"),
    Fate.SUPPRESSED: ("⊘", "$text-error", "on the suppression list, not sent to"),
    Fate.UNREPORTED: ("?", "$text-warning", "Cloudflare's answer does not name it"),
    Fate.QUEUED: ("…", "$text-warning", "Cloudflare keeps trying"),
    Fate.DELIVERED: ("✓", "$text-success", ""),
}
"""How each fate is shown; what needs attention stands first, where a long list does not hide it."""


class ResultsPane(VerticalScroll, can_focus=False):
    """The mails on their way and the outcome of the last one; hidden until there is something."""

    def __init__(self) -> None:
        super().__init__(id="results")
        self._departures = Static(id="departure-lines")
        self._departures.display = False
        self._lines = Static(id="result-lines")
        self._said = ""
        self._shown = Content("")

    def compose(self) -> ComposeResult:
        yield self._departures
        yield self._lines

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

    def finished(self, attempt: Attempt, note: str = "") -> None:
        """The outcome of an attempt, and what has to be known besides."""
        lines = [*_fate_lines(attempt)] if isinstance(attempt.outcome, Accepted) else [*_outcome_lines(attempt)]
        if note:
            lines.insert(0, plain(note))
        when = (attempt.finished_at or attempt.started_at).astimezone().strftime("%H:%M:%S")
        self._say(f"{headline(attempt)} · {when}", Content("\n").join(lines))

    def _say(self, title: str, content: Content) -> None:
        self._said = title
        self._lines.update(content)
        self._lines.display = bool(title)
        self._show()
        self.scroll_home(animate=False)

    def _show(self) -> None:
        self.border_title = Content(self._said or "On the way")
        self.set_class(bool(self._said) or self._departures.display, "-shown")


def headline(attempt: Attempt) -> str:
    """An attempt's outcome in a few words; accepted is not yet delivered, so the recipients are counted."""
    outcome = attempt.outcome
    match outcome:
        case None:
            return "No outcome yet"
        case Accepted():
            counts = Counter(fate for _, fate in attempt.fates)
            return "Accepted: " + ", ".join(f"{counts[fate]} {fate}" for fate in Fate if counts[fate])
        case Refused():
            return "Refused, not sent"
        case NotSent():
            return "Not sent"
        case Unknown():
            return "Unknown: may have been sent"
        case _:
            assert_never(outcome)


def outcome_lines(attempt: Attempt) -> Content:
    """Everything known of an attempt's outcome, a line per recipient where it was accepted."""
    lines = _fate_lines(attempt) if isinstance(attempt.outcome, Accepted) else _outcome_lines(attempt)
    return Content("\n").join(lines)


def _fate_lines(attempt: Attempt) -> list[Content]:
    fates = attempt.fates
    width = min(40, max(len(address) for address, _ in fates))
    lines = []
    for address, fate in sorted(fates, key=lambda pair: list(_FATES).index(pair[1])):
        mark, colour, words = _FATES[fate]
        shown = plain(address).pad_right(max(0, width - len(address)))
        lines.append(Content.assemble((f"{mark} {fate:<11}", colour), shown, (f"  {words}", "$foreground-muted")))
    return lines


def _outcome_lines(attempt: Attempt) -> list[Content]:
    outcome = attempt.outcome
    if attempt.settled is not None:
        return [Content("you said that it arrived" if attempt.settled else "you said that it did not arrive")]
    if outcome is None or isinstance(outcome, Accepted):
        return [Content("it was begun, and no outcome was recorded: it may have been sent")]
    explanation = explain(outcome)
    colour = "$text-warning" if isinstance(outcome, Unknown) else "$text-error"
    lines = [
        Content.assemble(("✗ " if colour == "$text-error" else "? ", colour), plain(explanation.cause)),
        Content.assemble("  ", plain(explanation.action)),
    ]
    if isinstance(outcome, Refused):
        code = f", code {outcome.code}" if outcome.code else ""
        reference = f", reference {outcome.ray}" if outcome.ray else ""
        words = f"  Cloudflare's words: {outcome.reason} (HTTP {outcome.status}{code}{reference})"
        lines.append(plain(words).stylize("$foreground-muted"))
    return lines
