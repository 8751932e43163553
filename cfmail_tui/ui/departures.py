"""The mails on their way: from the `y` of the review, through the time to take them back, to an outcome.

Invariants:
- until the time to take it back is over a mail is only a draft: whatever ends the program leaves a draft, not a mail;
- that time passes only while the program runs: one that was stopped, or stuck, sends nothing on waking up that nobody
  could take back meanwhile;
- a mail that may have left is never begun again; one that certainly was not sent, for a cause that may pass, is tried
  again when the outbox says so;
- nothing ends silently: each mail has a line of its own until its outcome is shown.

It owns neither widgets nor workers, those are the app's, and lives in the thread of the screen.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from textual.content import Content

from cfmail_tui.submission import Attempt, NotSent, Refused, explain, megabytes
from cfmail_tui.ui.commands import Keymap
from cfmail_tui.ui.fields import plain

if TYPE_CHECKING:
    from cfmail_tui.outbox import Reviewed

TICK = 0.25
"""Seconds between two looks at the clock, and between two updates of a line."""

_RATE_AFTER = 0.5
"""Seconds after which it is told how quickly a mail leaves."""

_BAR = 20
_SUBJECT = 30


class Stage(Enum):
    """How far a mail has come."""

    COUNTING = "it can still be taken back"
    LEAVING = "it is being sent, or is the next to be"
    LEFT = "all of it has left; the answer is waited for"
    WAITING = "it was not sent, and will be tried again"


@dataclass
class Departure:
    """A mail on its way; `seconds` until it leaves or is tried again, `sent` of `total` octets have left."""

    reviewed: "Reviewed"
    stage: Stage
    seconds: float = 0.0
    sent: int = 0
    total: int = 0
    since: float = 0.0
    began: float = 0.0
    """When the first octets left."""
    attempt: Attempt | None = None
    """The last try, of a mail that waits for the next."""
    next_at: datetime | None = None
    """When the next try is, for people; the clock may jump, `seconds` does not."""
    stopped: bool = False
    """The user wants it stopped, wherever it is."""

    @property
    def attempt_id(self) -> str:
        return self.reviewed.submission.attempt_id

    @property
    def draft_id(self) -> str:
        """The draft it was made from, "" if that is gone."""
        return self.reviewed.draft.draft_id if self.reviewed.draft else ""

    @property
    def root(self) -> str:
        """The first attempt of this mail."""
        return self.reviewed.again_of or self.attempt_id

    @property
    def in_flight(self) -> bool:
        """Whether the outbox has it: from here on it ends with an outcome, whatever happens to the screen."""
        return self.stage in {Stage.LEAVING, Stage.LEFT}

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        subject = self.reviewed.submission.subject
        name = f"“{subject[:_SUBJECT]}{'…' if len(subject) > _SUBJECT else ''}”" if subject else "(no subject)"
        return f"test of {name}" if self.reviewed.is_test else name


class Crew(Protocol):
    """What the app does for the mails on their way."""

    def send(self, reviewed: "Reviewed") -> None: ...
    def try_again(self, departure: Departure) -> None: ...
    def show_departures(self) -> None: ...


class Departures:
    """The mails on their way, in the order they were sent off."""

    def __init__(self, crew: Crew, clock: Callable[[], float] = time.monotonic) -> None:
        self._crew = crew
        self._clock = clock
        self._ticked_at = clock()
        self.held = False
        """Nothing begins to leave while a question about it stands."""
        self.mails: list[Departure] = []

    def add(self, reviewed: "Reviewed", seconds: float) -> Departure:
        """Send it off when it can no longer be taken back."""
        self.tick()
        departure = Departure(reviewed, Stage.COUNTING, seconds, total=reviewed.submission.body_size)
        self.mails.append(departure)
        self._begin_due()
        return departure

    def tick(self) -> None:
        """Let the time pass that has passed."""
        now = self._clock()
        elapsed, self._ticked_at = now - self._ticked_at, now
        for departure in self.mails:
            if departure.stage is Stage.WAITING:
                departure.seconds -= elapsed
            elif departure.stage is Stage.COUNTING and not self.held:
                departure.seconds -= min(elapsed, 2 * TICK)
        self._begin_due()

    def _begin_due(self) -> None:
        if not self.held:
            for departure in self.mails:
                if departure.seconds <= 0 and not departure.stopped:
                    self.hurry(departure)
        self._crew.show_departures()

    def hurry(self, departure: Departure) -> None:
        """Do not wait any longer."""
        stage = departure.stage
        if stage in {Stage.COUNTING, Stage.WAITING}:
            departure.stage, departure.seconds, departure.sent = Stage.LEAVING, 0.0, 0
            if stage is Stage.COUNTING:
                self._crew.send(departure.reviewed)
            else:
                self._crew.try_again(departure)

    def remove(self, departure: Departure) -> None:
        """It is on its way no more."""
        if departure in self.mails:
            self.mails.remove(departure)
        self._crew.show_departures()

    def drop_counting(self) -> list[Departure]:
        """Leave what can still be taken back as the drafts they are; gives what was."""
        dropped = [departure for departure in self.mails if departure.stage is Stage.COUNTING]
        self.mails = [departure for departure in self.mails if departure not in dropped]
        return dropped

    def progressed(self, attempt_id: str, sent: int, total: int) -> None:
        """So many octets of the request have left."""
        departure = self.by_attempt(attempt_id)
        if departure and departure.in_flight:
            if sent == total and departure.stage is Stage.LEAVING:
                departure.since = self._clock()
                departure.stage = Stage.LEFT
            if not departure.sent:
                departure.began = self._clock()
            departure.sent, departure.total = sent, total
            self._crew.show_departures()

    def waits(self, departure: Departure, attempt: Attempt, seconds: float) -> None:
        """It was not sent, and is tried again after so many seconds."""
        departure.stage, departure.seconds, departure.attempt = Stage.WAITING, seconds, attempt
        departure.next_at = datetime.now(UTC) + timedelta(seconds=seconds)
        self._crew.show_departures()

    def by_attempt(self, attempt_id: str) -> Departure | None:
        return next((departure for departure in self.mails if departure.attempt_id == attempt_id), None)

    def by_draft(self, draft_id: str) -> Departure | None:
        return next((departure for departure in self.mails if departure.draft_id == draft_id != ""), None)

    def at(self, *stages: Stage) -> list[Departure]:
        return [departure for departure in self.mails if departure.stage in stages]

    @property
    def in_flight(self) -> list[Departure]:
        return self.at(Stage.LEAVING, Stage.LEFT)

    def lines(self, shown: Departure | None, keymap: Keymap | None = None) -> list[Content]:
        """A line for each: first the mail on the screen, with all that is to say of it; the others are named.

        The keys that are told are those of the keymap.
        """
        key = (keymap or Keymap()).first
        ordered = sorted(self.mails, key=lambda departure: departure is not shown)
        return [self._line(departure, key, is_shown=departure is shown) for departure in ordered]

    def _line(self, departure: Departure, key: Callable[[str], str], *, is_shown: bool) -> Content:
        state, hint, why = self._state(departure, key)
        if not is_shown:
            hint = f"{key('drafts')} shows it" if departure.stage is Stage.WAITING else f"{key('cancel')} stops it"
            return Content.assemble(plain(f"{state}  {departure.name}"), (f"  {hint}", "$foreground-muted"))
        return Content.assemble(state, (f"  {hint}", "$foreground-muted"), plain(f"\n  {why}" if why else ""))

    def _state(self, departure: Departure, key: Callable[[str], str]) -> tuple[str, str, str]:
        """Where it stands, what can be done, and why it is no further."""
        match departure.stage:
            case Stage.COUNTING:
                return (
                    f"leaves in {max(0.0, departure.seconds):.0f} s",
                    f"{key('take-back')} takes it back · {key('review')} sends it now",
                    "",
                )
            case Stage.LEAVING if departure.sent == 0 and self._somebody_is_before(departure):
                return "waits for its turn", f"{key('cancel')} cancels", ""
            case Stage.LEAVING:
                done = round(_BAR * departure.sent / departure.total) if departure.total else 0
                bar = f"{'█' * done}{'░' * (_BAR - done)}"
                sent = (
                    f"sending {bar} {megabytes(departure.sent)} of {megabytes(departure.total)}{self._rate(departure)}"
                )
                return sent, f"{key('cancel')} cancels", ""
            case Stage.LEFT:
                seconds = self._clock() - departure.since
                return f"sent; waiting for Cloudflare's answer, {seconds:.0f} s", f"{key('cancel')} stops waiting", ""
            case Stage.WAITING:
                when = f" at {departure.next_at.astimezone():%H:%M:%S}" if departure.next_at else ""
                why = _reason(departure.attempt)
                return f"not sent; next try{when}", f"{key('take-back')} takes it back · {key('review')} tries now", why

    def _rate(self, departure: Departure) -> str:
        seconds = self._clock() - departure.began
        # Of a moment it would be what the system's buffers took.
        return f", {megabytes(round(departure.sent / seconds))}/s" if departure.sent and seconds >= _RATE_AFTER else ""

    def _somebody_is_before(self, departure: Departure) -> bool:
        others = (other for other in self.mails if other is not departure and other.in_flight)
        return any(other.sent or other.stage is Stage.LEFT for other in others)


def _reason(attempt: Attempt | None) -> str:
    match attempt and attempt.outcome:
        case NotSent(reason):
            return reason
        case Refused() as refused:
            return explain(refused).cause
        case _:
            return ""
