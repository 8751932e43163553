"""The list of what was sent: pages of a history of any length, of which only the lines in sight are ever drawn."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar, Literal, NamedTuple

from rich.cells import set_cell_size
from rich.segment import Segment
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from cfmail_tui.message import printable
from cfmail_tui.submission import Accepted, Attempt, Fate, NotSent, Refused, Unknown
from cfmail_tui.ui.rows import RowList

Tone = Literal["good", "bad", "unsure"]


class State(NamedTuple):
    """What became of a mail, in the word that matters most; the mark and the word say it without colour."""

    mark: str
    words: str
    tone: Tone


class AttemptList(RowList[Attempt]):
    """Newest first; it asks for more when the last line comes near."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"attempts--good", "attempts--bad", "attempts--unsure"}

    class EndNear(Message):
        """The end of what was loaded comes into sight, and there is more."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(described, id=id, empty="")
        self.has_more = False

    def show_page(self, page: Sequence[Attempt], *, has_more: bool, stays: bool) -> None:
        """What a search found, from its beginning; if the cursor `stays`, on its mail, where that is there."""
        current = self.current.submission.attempt_id if stays and self.current else ""
        ids = [attempt.submission.attempt_id for attempt in page]
        self.has_more = has_more
        self.show(page)
        self.cursor = ids.index(current) if current in ids else 0

    def add_page(self, page: Sequence[Attempt], *, has_more: bool) -> None:
        """What comes below."""
        self.has_more = has_more
        self._put([*self.items, *page])

    def change(self, attempt: Attempt) -> None:
        """Something became known of this one."""
        attempt_id = attempt.submission.attempt_id
        items = [attempt if item.submission.attempt_id == attempt_id else item for item in self.items]
        self.show(items)

    def take_out(self, attempt: Attempt) -> list[tuple[int, Attempt]]:
        """Its mail, with every attempt at that, is in the history no more; gives what stood where."""
        taken = [(at, item) for at, item in enumerate(self.items) if root(item) == root(attempt)]
        self.show([item for item in self.items if root(item) != root(attempt)])
        return taken

    def put_back(self, taken: Sequence[tuple[int, Attempt]]) -> None:
        """Where it stood, with the cursor on it."""
        items = [*self.items]
        for at, attempt in taken:
            items.insert(at, attempt)
        self.show(items)
        self.cursor = taken[0][0]

    def _put(self, items: Sequence[Attempt]) -> None:
        # The cursor is where it was: nothing is to be told.
        self.items = items
        self.virtual_size = Size(0, max(1, len(items)))
        self.refresh()

    def watch_cursor(self) -> None:
        super().watch_cursor()
        self._look_ahead(self.cursor)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._look_ahead(int(new_value) + self.size.height)

    def _look_ahead(self, at: int) -> None:
        if self.has_more and at + 2 * max(1, self.size.height) >= len(self.items):
            self.post_message(self.EndNear())

    def render_line(self, y: int) -> Strip:
        at = y + self.scroll_offset.y
        if at >= len(self.items):
            return super().render_line(y)
        attempt, width = self.items[at], self.scrollable_content_region.width
        style, found = self.rich_style, state(attempt)
        tone = style + self.get_component_rich_style(f"attempts--{found.tone}", partial=True)
        if at == self.cursor:
            style = tone = style + self.cursor_style()
        when, shown, rest = _columns(attempt, found, width)
        parts = [Segment(when, style), Segment(shown, tone), Segment(rest, style)]
        return Strip(parts).adjust_cell_length(width, style)


def root(attempt: Attempt) -> str:
    """The id of the first attempt at its mail."""
    return attempt.again_of or attempt.submission.attempt_id


def described(attempt: Attempt) -> str:
    """An attempt in a line."""
    return "".join(_columns(attempt, state(attempt), 80))


_STATE_WIDTH = 14


def _columns(attempt: Attempt, found: State, width: int) -> tuple[str, str, str]:
    """The line in the parts that are coloured apart."""
    started = attempt.started_at.astimezone()
    is_of_this_year = started.year == datetime.now(UTC).astimezone().year
    when = started.strftime("%m-%d %H:%M" if is_of_this_year else "%Y-%m-%d ")
    first, *others = attempt.submission.envelope.recipients
    more = f" +{len(others)}" if others else ""
    room = max(16, width // 4 + 2)
    recipients = set_cell_size(printable(first, room - len(more)).strip() + more, room)
    subject = printable(attempt.submission.subject, max(8, width)) or "(no subject)"
    test = "[test] " if attempt.is_test else ""
    return f" {when}  ", f"{found.mark} {found.words}".ljust(_STATE_WIDTH), f" {recipients}  {test}{subject}"


def state(attempt: Attempt) -> State:
    """What went wrong, where something did."""
    if attempt.settled is not None:
        return State("✓", "arrived", "good") if attempt.settled else State("✗", "lost", "bad")
    match attempt.outcome:
        case None:
            return State("…", "open", "unsure")
        case Accepted():
            return _fate(attempt)
        case Refused():
            return State("✗", "refused", "bad")
        case NotSent():
            return State("✗", "not sent", "bad")
        case Unknown():
            return State("?", "unknown", "unsure")


def _fate(attempt: Attempt) -> State:
    fates = [fate for _, fate in attempt.fates]
    for fate, mark, tone in _WORST_FIRST:
        if fate in fates:
            return State(mark, f"{fates.count(fate)} {fate}", tone)
    return State("✓", Fate.DELIVERED, "good")


_WORST_FIRST: tuple[tuple[Fate, str, Tone], ...] = (
    (Fate.BOUNCED, "✗", "bad"),
    (Fate.SUPPRESSED, "⊘", "bad"),
    (Fate.UNREPORTED, "?", "unsure"),
    (Fate.QUEUED, "…", "unsure"),
)
