"""How many mails were sent, and what became of them: by day, week or month, and by account."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from cfmail_tui.frozen import frozen
from cfmail_tui.message import printable
from cfmail_tui.ui.commands import KeyBar, Where, bindings
from cfmail_tui.ui.fields import EndsOnce

if TYPE_CHECKING:
    from cfmail_tui.outbox import DayCount


@frozen
class Period:
    """A time that is looked at: so many spans of days, the last of which is today's."""

    name: str
    count: int
    first_of: Callable[[date], date]
    """The day that the span of a day begins with."""
    form: str
    """How a span is called by its first day, for `strftime`."""

    def spans(self, today: date) -> list[date]:
        """The first day of each span, the newest first."""
        found = [self.first_of(today)]
        while len(found) < self.count:
            found.append(self.first_of(found[-1] - timedelta(days=1)))
        return found

    def since(self, today: date) -> date:
        """The first day of the first span."""
        return self.spans(today)[-1]


PERIODS = (
    Period("30 days", 30, lambda day: day, "%a %m-%d"),
    Period("12 weeks", 12, lambda day: day - timedelta(days=day.weekday()), "%m-%d"),
    Period("12 months", 12, lambda day: day.replace(day=1), "%Y-%m"),
)

_OUTCOMES: dict[str, tuple[str, str, str]] = {
    "accepted": ("accepted", "█", "$text-success"),
    "refused": ("refused", "▓", "$text-error"),
    "not_sent": ("not sent", "▒", "$text-error"),
    "unknown": ("unknown", "░", "$text-warning"),
    "open": ("open", "·", "$text-warning"),
}
"""In words, and how a bar has it: without colour the signs differ."""


class ChartScreen(EndsOnce[None]):
    """Bars of signs, drawn to the width there is."""

    PLACES: tuple[Where, ...] = ("chart", "dialog", "everywhere")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("chart", "dialog"), Binding("q,g", "back", show=False)]

    @dataclass
    class Requested(Message):
        """The counts from this day on are wanted."""

        since: date
        screen: "ChartScreen"

    def __init__(self, today: date) -> None:
        super().__init__()
        self._today = today
        self._period = PERIODS[0]
        self._counts: tuple[DayCount, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static(id="chart-title")
        with VerticalScroll(id="chart", can_focus=True):
            yield Static(id="chart-lines")
        yield KeyBar(*self.PLACES)

    def on_mount(self) -> None:
        self.query_one("#chart").focus()
        self._ask()

    def _ask(self) -> None:
        self.query_one("#chart-title", Static).update(
            Content.assemble(("Mails sent", "bold"), f"  the last {self._period.name}")
        )
        self.post_message(self.Requested(self._period.since(self._today), self))

    def action_period(self) -> None:
        """Look at the next longer time, after the longest at the shortest."""
        self._period = PERIODS[(PERIODS.index(self._period) + 1) % len(PERIODS)]
        self._ask()

    def take_counts(self, since: date, counts: "tuple[DayCount, ...]") -> None:
        """The answer to a request; one to an older request is passed over."""
        if since == self._period.since(self._today):
            self._counts = counts
            self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width = max(40, self.app.size.width - 4)
        lines = chart(self._counts, self._period, self._today, width)
        self.query_one("#chart-lines", Static).update(Content("\n").join(lines))

    def action_back(self) -> None:
        self.dismiss()


def chart(counts: "tuple[DayCount, ...]", period: Period, today: date, width: int) -> Iterator[Content]:
    """The lines of a chart that is so many cells wide."""
    totals: Counter[str] = Counter()
    accounts: dict[str, Counter[str]] = {}
    spans: dict[date, Counter[str]] = {first: Counter() for first in period.spans(today)}
    for one in counts:
        totals[one.outcome] += one.number
        accounts.setdefault(one.account, Counter())[one.outcome] += one.number
        # A clock that was put back may have left mails of tomorrow.
        spans.setdefault(period.first_of(one.day), Counter())[one.outcome] += one.number
    if not counts:
        yield Content("nothing was sent in this time")
        return
    yield _legend(totals)
    yield Content("")
    yield Content.styled("By account", "$foreground-muted bold")
    names = sorted(accounts, key=lambda name: -accounts[name].total())
    yield from _bars({printable(name, _NAME) or "(none)": accounts[name] for name in names}, width)
    yield Content("")
    yield Content.styled(f"By {period.name.split()[1].removesuffix('s')}", "$foreground-muted bold")
    newest_first = sorted(spans, reverse=True)
    yield from _bars({day.strftime(period.form): spans[day] for day in newest_first}, width)


_NAME = 24


def _legend(totals: Mapping[str, int]) -> Content:
    parts = [
        Content.assemble((sign * 2, colour), f" {totals[name]:,} {words}   ")
        for name, (words, sign, colour) in _OUTCOMES.items()
        if totals.get(name)
    ]
    return Content("").join(parts)


def _bars(rows: Mapping[str, Counter[str]], width: int) -> Iterator[Content]:
    """A bar for each row, all of one scale; whatever there is any of has a sign at least."""
    left = max(map(len, rows))
    most = max(row.total() for row in rows.values())
    number = len(f"{most:,}")
    room = width - left - number - 4
    for name, row in rows.items():
        parts: list[Content | tuple[str, str]] = [
            Content(f"{name:<{left}}  {f'{row.total():,}' if row else '':>{number}}  ")
        ]
        for outcome, (_, sign, colour) in _OUTCOMES.items():
            if row[outcome]:
                length = max(1, round(row[outcome] * (room - len(_OUTCOMES)) / most))
                parts.append((sign * length, colour))
        yield Content.assemble(*parts)
