"""What was sent: searched as you type, newest first, each mail with what became of it, and what can be done with it.

Invariants:
- the list shows what the query in the field finds; an answer to an older query is passed over;
- one question of a kind is asked at a time, of those that come up meanwhile only the newest (`Latest`);
- the detail is that of the attempt under the cursor.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from cfmail_tui.frozen import frozen
from cfmail_tui.lookup import Verdict
from cfmail_tui.submission import Attempt, NotSent, Refused, Unknown
from cfmail_tui.ui.attempt_detail import lines_in_full, lines_of, told
from cfmail_tui.ui.attempts import AttemptList
from cfmail_tui.ui.commands import KeyBar, Where, bindings
from cfmail_tui.ui.fields import EndsOnce, Line, LineInput, Lines, plain
from cfmail_tui.ui.latest import Latest
from cfmail_tui.ui.wishes import (
    Again,
    Ask,
    Chart,
    Copy,
    Count,
    Delete,
    Export,
    Find,
    Look,
    Reopen,
    Restore,
    Save,
    Settle,
    Wish,
)

if TYPE_CHECKING:
    from cfmail_tui.outbox import Page
    from cfmail_tui.submission import Detail

PAGE = 100
"""Attempts that are asked for at once."""

_TITLE: Final = "what was sent, newest first"

LOOK_AFTER = 0.2
"""Seconds without a key in the search after which everything is told of the mail that it finds first."""

MOST_COUNTED = 10_000
"""Mails that are counted; of more it is said that there are more."""


@frozen
class _Deleted:
    """What was taken out of the list that the query had found."""

    attempt: Attempt
    query: str
    taken: list[tuple[int, Attempt]]


class SearchInput(LineInput):
    """Down leads from the query into what it found."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("down", "screen.back", show=False)]


class HistoryScreen(EndsOnce[None]):
    """The journal of sends."""

    PLACES: tuple[Where, ...] = ("list", "history", "unknown", "dialog", "everywhere")
    BINDINGS = bindings("history", "unknown", "dialog")

    @dataclass
    class Requested(Message):
        """Something is wanted, and to be told to `screen`."""

        wish: Wish
        screen: "HistoryScreen"

    def __init__(self, query: str = "") -> None:
        """`query` stands in the search field at first."""
        super().__init__()
        self._list = AttemptList(id="attempts")
        self._search = SearchInput(
            query, placeholder="/ searches subject, people, text, files; to: from: status: after: before:", id="search"
        )
        self._words = Lines(id="detail-lines")
        self._finding: Latest[Find] = Latest(self._ask)
        self._looking: Latest[Look] = Latest(self._ask)
        self._look_timer: Timer | None = None
        self._said = ""
        self._detail: tuple[Detail, str] | None = None
        self._shown_id = ""
        self._is_asking_for_more = False
        self._shown_query: str | None = None
        self._deleted: list[_Deleted] = []

    def compose(self) -> ComposeResult:
        yield Static(id="history-title")
        yield self._search
        yield Static(id="history-mistakes")
        with Container(id="history-panes"):
            yield self._list
            with VerticalScroll(id="detail", can_focus=True):
                yield self._words
        yield KeyBar(*self.PLACES)

    def on_mount(self) -> None:
        self._title(_TITLE)
        self._list.focus()
        self.refresh_attempts()

    def _ask(self, wish: Wish) -> None:
        self.post_message(self.Requested(wish, self))

    def _title(self, words: str) -> None:
        title = Content.assemble(("History", "bold"), f"  {words}")
        self.query_one("#history-title", Static).update(title, layout=False)

    # What is found.

    @property
    def query_text(self) -> str:
        return self._search.value

    def on_input_changed(self) -> None:
        self._finding.want(Find(self.query_text))

    def refresh_attempts(self) -> None:
        """Show the list as it is now."""
        self._finding.want(Find(self.query_text))

    def take_page(self, asked: Find, page: "Page") -> None:
        """The answer to a question for mails."""
        has_more = len(page.attempts) >= PAGE
        if asked.before is not None:
            self._is_asking_for_more = False
            if self._is_last(asked):
                self._list.add_page(page.attempts, has_more=has_more)
            return
        if asked.query == self.query_text:
            self._is_asking_for_more = False
            self._list.when_empty("nothing found" if asked.query else "nothing was sent yet")
            stays = asked.query == self._shown_query
            self._list.show_page(page.attempts, has_more=has_more, stays=stays)
            self._shown_query = asked.query
            self._tell_of(page)
            if has_more:
                self._ask(Count(asked.query))
            else:
                self.take_count(asked.query, len(page.attempts))
        self._finding.answered()

    def _is_last(self, asked: Find) -> bool:
        items = self._list.items
        return asked.query == self.query_text and bool(items) and items[-1].submission.attempt_id == asked.before

    def _tell_of(self, page: "Page") -> None:
        """What of the query was not understood, or not yet looked at."""
        told_of = [mistake.words for mistake in page.mistakes]
        if page.reaches_to:
            told_of.append(f"mails of {page.reaches_to.astimezone():%Y-%m-%d} and before are still being read")
        line = self.query_one("#history-mistakes", Static)
        if told_of or line.display:
            line.update(plain("; ".join(told_of), 400))
            line.display = bool(told_of)

    def cannot_find(self, asked: Find, reason: str) -> None:
        """A question for mails could not be answered."""
        if asked.before is None:
            self._finding.answered()
        self._is_asking_for_more = False
        self.say(reason)

    def on_attempt_list_end_near(self) -> None:
        if not self._is_asking_for_more and self._list.items:
            self._is_asking_for_more = True
            self._ask(Find(self.query_text, self._list.items[-1].submission.attempt_id))

    def take_count(self, query: str, count: int) -> None:
        """How many mails the query finds."""
        if query == self.query_text:
            more = " or more" if count >= MOST_COUNTED else ""
            mails = "1 mail" if count == 1 else f"{count:,}{more} mails"
            self._title(f"{mails} found" if query else f"{mails}, newest first" if count else _TITLE)

    # The attempt under the cursor.

    @property
    def current(self) -> Attempt | None:
        return self._list.current

    def on_row_list_highlighted(self) -> None:
        self._follow_cursor()
        if self._look_timer:
            self._look_timer.stop()
            self._look_timer = None
        if self._search.has_focus:
            # At the next key it is most likely another one.
            self._look_timer = self.set_timer(LOOK_AFTER, self._look)
        else:
            self._look()
        self.refresh_bindings()

    def _look(self) -> None:
        if self.current:
            self._looking.want(Look(self.current))

    def _follow_cursor(self) -> None:
        attempt_id = self.current.submission.attempt_id if self.current else ""
        if attempt_id != self._shown_id:
            self._said = ""
            self._detail = None
            self._shown_id = attempt_id
            self.query_one("#detail").scroll_home(animate=False)
        self._draw()

    def take_detail(self, asked: Look, detail: "Detail | None", text: str) -> None:
        """Everything known of an attempt; None if that cannot be told."""
        if detail and asked.attempt.submission.attempt_id == self._shown_id:
            self._detail = detail, text
            self._draw()
        self._looking.answered()

    def say(self, words: str) -> None:
        """Something about the attempt under the cursor, above its detail."""
        self._said = words
        self._draw()
        self.query_one("#detail").scroll_home(animate=False)

    def _draw(self) -> None:
        lines: list[Line] = []
        if self._said:
            lines += [*(Line(plain(line).stylize("bold")) for line in self._said.split("\n")), Line(Content(""))]
        if self._detail and self.current:
            lines += lines_in_full(*self._detail)
        elif self.current:
            lines += lines_of(self.current)
        self._words.show(lines)

    def show_verdict(self, verdict: Verdict, attempt: Attempt) -> None:
        """What Cloudflare's records say; settling an unknown outcome is left to the user."""
        if self.current and isinstance(attempt.outcome, Unknown):
            self.say(f"{told(verdict)}\nSettle it with i (it arrived) or n (it did not).")
        else:
            self.say(told(verdict))
        self.changed(attempt)

    def changed(self, attempt: Attempt) -> None:
        """Something became known of this one."""
        self._list.change(attempt)

    # Deleting.

    def deleted(self, attempt: Attempt) -> None:
        """The mail is in the history no more."""
        self._deleted.append(_Deleted(attempt, self.query_text, self._list.take_out(attempt)))
        self._follow_cursor()
        self.say("Deleted; u brings it back, for a week.")
        self.refresh_bindings()

    def restored(self, attempt: Attempt) -> None:
        """The mail is in the history again."""
        for one in [one for one in self._deleted if one.attempt is attempt]:
            self._deleted.remove(one)
            if one.taken and one.query == self.query_text:
                self._list.put_back(one.taken)
            else:
                self.refresh_attempts()
        self.refresh_bindings()

    # Keys.

    def _with_current(self, wish: type[Again | Ask | Save | Copy | Delete | Reopen]) -> None:
        if self.current:
            self._ask(wish(self.current))

    def action_settle(self, arrived: bool) -> None:
        if self.current:
            self._ask(Settle(self.current, arrived))

    def action_find(self) -> None:
        self.say("looking in Cloudflare's records …")
        self._with_current(Ask)

    def action_again(self) -> None:
        self._with_current(Again)

    def action_reopen(self) -> None:
        self._with_current(Reopen)

    def action_to_the_failed(self) -> None:
        if self.current:
            self._ask(Reopen(self.current, self.current.failed))

    def action_save_eml(self) -> None:
        self._with_current(Save)

    def action_copy(self) -> None:
        self._with_current(Copy)

    def action_delete(self) -> None:
        self._with_current(Delete)

    def action_restore(self) -> None:
        if self._deleted:
            self._ask(Restore(self._deleted[-1].attempt))

    def action_export(self) -> None:
        self._ask(Export(self.query_text))

    def action_chart(self) -> None:
        self._ask(Chart())

    def on_row_list_selected(self) -> None:
        self.query_one("#detail").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._list.focus()

    def action_search(self) -> None:
        self.set_focus(self._search)

    def action_back(self) -> None:
        if self._list.has_focus:
            self.dismiss()
        else:
            self.set_focus(self._list)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the search field a key is a letter; elsewhere what makes sense for the attempt under the cursor."""
        if action in _OFFERED:
            return not isinstance(self.focused, LineInput) and _OFFERED[action](self)
        return super().check_action(action, parameters)

    def has_deleted(self) -> bool:
        """Whether something can be brought back."""
        return bool(self._deleted)


def may_be_sent_again(attempt: Attempt) -> bool:
    """Whether it makes sense to offer it; the store decides."""
    return isinstance(attempt.outcome, NotSent | Refused | Unknown) and attempt.settled is not True


def _may_be_deleted(attempt: Attempt) -> bool:
    """Whether it makes sense to offer it; the store decides."""
    is_open = attempt.outcome is None or isinstance(attempt.outcome, Unknown)
    return attempt.settled is not None or not is_open


def _has_current(screen: HistoryScreen) -> bool:
    return screen.current is not None


def _is_unknown(screen: HistoryScreen) -> bool:
    return screen.current is not None and isinstance(screen.current.outcome, Unknown)


_OFFERED: Final[dict[str, Callable[[HistoryScreen], bool]]] = {
    "search": lambda _screen: True,
    "chart": lambda _screen: True,
    "export": _has_current,
    "reopen": _has_current,
    "save_eml": _has_current,
    "copy": _has_current,
    "delete": lambda screen: screen.current is not None and _may_be_deleted(screen.current),
    "restore": HistoryScreen.has_deleted,
    "again": lambda screen: screen.current is not None and may_be_sent_again(screen.current),
    "to_the_failed": lambda screen: screen.current is not None and bool(screen.current.failed),
    "settle": _is_unknown,
    "find": lambda screen: _is_unknown(screen) or (screen.current is not None and bool(screen.current.queued)),
}
"""When an action of the list is offered."""
