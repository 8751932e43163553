"""What was sent: every attempt, newest first, searched as you type, with its detail below."""

from dataclasses import dataclass
from typing import assert_never

from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from cfmail_tui.lookup import CannotTell, Found, NotFound, Verdict
from cfmail_tui.submission import Accepted, Attempt, Fate, NotSent, Refused, Unknown
from cfmail_tui.ui.commands import KeyBar, Where, bindings
from cfmail_tui.ui.fields import EndsOnce, LineInput, plain
from cfmail_tui.ui.results import headline, outcome_lines
from cfmail_tui.ui.rows import RowList

MOST = 500
"""Attempts shown at a time; the search reaches all of them."""


class HistoryScreen(EndsOnce[None]):
    """The journal of sends."""

    PLACES: tuple[Where, ...] = ("list", "history", "unknown", "dialog", "everywhere")
    BINDINGS = bindings("history", "unknown", "dialog")

    @dataclass
    class Requested(Message):
        """The attempts in which each word of the query occurs are wanted by `screen`."""

        query: str
        screen: "HistoryScreen"

    @dataclass
    class Settled(Message):
        """The user knows what became of an attempt whose outcome is unknown."""

        attempt_id: str
        arrived: bool
        screen: "HistoryScreen"

    @dataclass
    class AgainRequested(Message):
        """The user wants the mail of an attempt sent once more."""

        attempt: Attempt

    @dataclass
    class FindRequested(Message):
        """The user wants an attempt looked up in Cloudflare's records."""

        attempt: Attempt
        screen: "HistoryScreen"

    def __init__(self) -> None:
        super().__init__()
        self._list: RowList[Attempt] = RowList(_described, id="attempts", empty="nothing found")

    def compose(self) -> ComposeResult:
        yield Static(Content.assemble(("History", "bold"), "  what was sent, newest first"), id="history-title")
        yield LineInput(placeholder="/ searches subject, addresses, account, outcome", id="search")
        with Container(id="history-panes"):
            yield self._list
            with VerticalScroll(id="detail", can_focus=True):
                yield Static(id="detail-lines")
        yield KeyBar(*self.PLACES)

    def on_mount(self) -> None:
        self._list.focus()
        self.post_message(self.Requested("", self))

    def on_input_changed(self, event: Input.Changed) -> None:
        self.post_message(self.Requested(event.value, self))

    def on_input_submitted(self) -> None:
        self._list.focus()

    def show(self, query: str, attempts: tuple[Attempt, ...]) -> None:
        """The answer to a request; one to an older query is passed over."""
        if self.is_attached and query == self.query_one("#search", LineInput).value:
            self._list.show(attempts)

    def on_row_list_highlighted(self) -> None:
        detail = Content("") if self._list.current is None else _detail(self._list.current)
        self.query_one("#detail-lines", Static).update(detail)
        self.refresh_bindings()

    def refresh_attempts(self) -> None:
        """Show the list as it is now."""
        if self.is_attached:
            self.post_message(self.Requested(self.query_one("#search", LineInput).value, self))

    def say(self, words: str) -> None:
        """Something about the attempt under the cursor, above its detail."""
        if self.is_attached and self._list.current is not None:
            said = Content.assemble(plain(words).stylize("bold"), "\n\n", _detail(self._list.current))
            self.query_one("#detail-lines", Static).update(said)

    def show_verdict(self, verdict: Verdict) -> None:
        """What Cloudflare's records say; settling is left to the user."""
        self.say(told(verdict))

    def action_settle(self, arrived: bool) -> None:
        if self._list.current is not None:
            self.post_message(self.Settled(self._list.current.submission.attempt_id, arrived, self))

    def action_find(self) -> None:
        if self._list.current is not None:
            self.say("looking in Cloudflare's records …")
            self.post_message(self.FindRequested(self._list.current, self))

    def action_again(self) -> None:
        if self._list.current is not None:
            self.dismiss()
            self.post_message(self.AgainRequested(self._list.current))

    def on_row_list_selected(self) -> None:
        self.query_one("#detail").focus()

    def action_search(self) -> None:
        self.set_focus(self.query_one("#search"))

    def action_back(self) -> None:
        if self._list.has_focus:
            self.dismiss()
        else:
            self.set_focus(self._list)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the search field a key is a letter; an outcome that is known needs no settling."""
        if action in {"search", "settle", "find", "again"} and isinstance(self.focused, LineInput):
            return False
        if action == "again":
            return self._list.current is not None and may_be_sent_again(self._list.current)
        if action in {"settle", "find"}:
            return self._list.current is not None and isinstance(self._list.current.outcome, Unknown)
        return super().check_action(action, parameters)


def may_be_sent_again(attempt: Attempt) -> bool:
    """Whether it makes sense to offer it; the store decides."""
    return isinstance(attempt.outcome, NotSent | Refused | Unknown) and attempt.settled is not True


def _described(attempt: Attempt) -> str:
    when = attempt.started_at.astimezone().strftime("%m-%d %H:%M")
    first, *others = attempt.submission.envelope.recipients
    more = f" +{len(others)}" if others else ""
    recipients = first[: 24 - len(more)] + more
    state = _state(attempt)
    return f"{when}  {state:<12} {recipients:<24}  {attempt.submission.subject or '(no subject)'}"


def _state(attempt: Attempt) -> str:
    """The one word that matters most: what went wrong, where something did."""
    if attempt.settled is not None:
        return "arrived" if attempt.settled else "lost"
    if not isinstance(attempt.outcome, Accepted):
        return headline(attempt).partition(",")[0].partition(":")[0]
    fates = [fate for _, fate in attempt.fates]
    for fate in (Fate.BOUNCED, Fate.SUPPRESSED, Fate.UNREPORTED, Fate.QUEUED):
        if fate in fates:
            return f"{fates.count(fate)} {fate}"
    return Fate.DELIVERED


def told(verdict: Verdict) -> str:
    """What Cloudflare's records say of a mail, and what that means."""
    match verdict:
        case Found(sightings, _, copies):
            lines = [f"{sighting.recipient}: {sighting.track}" for sighting in sightings]
            head = "Cloudflare has it: it was sent" if copies == 1 else f"Cloudflare has {copies} mails like it"
            return "\n".join([f"{head}. Settle it with i.", *lines])
        case NotFound(zone):
            return f"Cloudflare's records for {zone} do not have it: it was most likely not sent."
        case CannotTell(_, reason, wait):
            again = f" Ask again in {wait / 60:.0f} minutes." if wait else ""
            return f"It cannot be told: {reason}.{again}"
        case _:
            assert_never(verdict)


def _detail(attempt: Attempt) -> Content:
    submission = attempt.submission
    facts = (
        ("Subject", submission.subject or "(none)"),
        ("From", submission.envelope.sender),
        ("Started", attempt.started_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")),
        ("Account", f"{attempt.account}, endpoint {submission.endpoint}"),
        ("Size", f"{submission.message_size:,} octets as a message"),
        ("Attempt", submission.attempt_id),
    )
    lines = [Content.assemble((f"{name:<9}", "$foreground-muted"), plain(value)) for name, value in facts]
    outcome = [Content(headline(attempt)).stylize("bold"), outcome_lines(attempt), Content("")]
    return Content("\n").join([*outcome, *lines])
