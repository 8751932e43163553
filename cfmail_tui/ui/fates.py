"""What came of a mail, in words and colours: in a line, or recipient by recipient."""

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from textual.content import Content

from cfmail_tui.frozen import frozen
from cfmail_tui.submission import Accepted, Attempt, Explanation, Fate, NotSent, Refused, Unknown, explain
from cfmail_tui.suppressions import Barred
from cfmail_tui.ui.fields import plain

_FATES = {
    Fate.BOUNCED: ("✗", "$text-error", "refused for good"),
    Fate.SUPPRESSED: ("⊘", "$text-error", "on the suppression list"),
    Fate.UNREPORTED: ("?", "$text-warning", "Cloudflare's answer does not name it"),
    Fate.QUEUED: ("…", "$text-warning", "Cloudflare keeps trying"),
    Fate.DELIVERED: ("✓", "$text-success", ""),
}
"""How each fate is shown; what needs attention stands first, where a long list does not hide it."""

_BAR = 30
_BLOCKS = {Fate.DELIVERED: "█", Fate.QUEUED: "▒", Fate.UNREPORTED: "▒", Fate.BOUNCED: "░", Fate.SUPPRESSED: "░"}
"""They differ without colour."""


@frozen
class RecipientRow:
    """One recipient: its state in a word, when that was learned, and what more there is to say; `fate` if accepted."""

    address: str
    state: str
    words: str = ""
    at: datetime | None = None
    fate: Fate | None = None

    @property
    def mark(self) -> str:
        return _FATES[self.fate][0] if self.fate else "⊘" if self.words else "·"

    @property
    def colour(self) -> str:
        return _FATES[self.fate][1] if self.fate else "$text-error" if self.words else "$text-muted"

    @property
    def time(self) -> str:
        return self.at.astimezone().strftime("%H:%M:%S") if self.at else ""


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


def outcome_lines(attempt: Attempt, barred: Barred | None = None, *, way: str = "Ctrl+O and x drop") -> Content:
    """Everything known of an attempt's outcome, a line per recipient where it was accepted; `way` as for `told`."""
    rows = recipient_rows(attempt, barred)
    if isinstance(attempt.outcome, Accepted):
        lines: list[Content] = []
    else:
        lines = [told(attempt, barred, way=way)]
        rows = tuple(row for row in rows if row.words)
    width = min(40, max((len(row.address) for row in rows), default=0))
    lines += [_row_line(row, width) for row in rows]
    if barred and barred.remark:
        lines.append(plain(f"  {barred.remark.words}; {barred.remark.action}").stylize("$foreground-muted"))
    return Content("\n").join(lines)


def recipient_rows(attempt: Attempt, barred: Barred | None = None) -> tuple[RecipientRow, ...]:
    """Each recipient, those that need attention first."""
    entries = barred or Barred()
    if not isinstance(attempt.outcome, Accepted):
        state = attempt.outcome.word.replace("_", " ") if attempt.outcome else "open"
        at, asked = attempt.finished_at, attempt.submission.envelope.recipients
        rows = [_unaccepted(RecipientRow(address, state, at=at), entries) for address in asked]
        return tuple(sorted(rows, key=lambda row: not row.words))
    later = {news.recipient: news for news in attempt.later}
    found = []
    for address, fate in sorted(attempt.fates, key=lambda pair: list(_FATES).index(pair[1])):
        news, words = later.get(address), [_FATES[fate][2], *(one.words for one in entries.about(address))]
        if news and news.fate is fate:
            words = [f"after it was queued: {news.detail}" if news.detail else "after it was queued"]
        at = news.at if news and news.fate is fate else attempt.finished_at
        found.append(RecipientRow(address, fate, ": ".join(filter(None, words)), at, fate))
    return tuple(found)


def bar(attempt: Attempt) -> Content:
    """The recipients of an accepted mail as a bar: the reached, those that are still open, the failed."""
    fates = [fate for fate in reversed(_FATES) for _, one in attempt.fates if one is fate]
    cells = [fates[at * len(fates) // _BAR] for at in range(_BAR)]
    delivered = fates.count(Fate.DELIVERED)
    blocks = [(_BLOCKS[fate], _FATES[fate][1]) for fate in cells]
    return Content.assemble(*blocks, f"  {delivered} of {len(fates)} delivered")


def _unaccepted(row: RecipientRow, barred: Barred) -> RecipientRow:
    if row.address not in barred.addresses:
        return row
    words = "; ".join(entry.words for entry in barred.about(row.address)) or "Cloudflare names it as the cause"
    return replace(row, state=Fate.SUPPRESSED, words=words)


def _row_line(row: RecipientRow, width: int) -> Content:
    shown = plain(row.address).pad_right(max(0, width - len(row.address)))
    state = (f"{row.mark} {row.state:<11}", row.colour)
    return Content.assemble(state, shown, f"  {row.time}" if row.fate else "", plain(f"  {row.words}"))


def told(attempt: Attempt, barred: Barred | None = None, *, way: str) -> Content:
    """What happened and what to do, where it was not accepted; `way` is how the suppressed are dropped here."""
    return Content("\n").join(_told(attempt, len(barred.addresses) if barred else 0, way))


def _told(attempt: Attempt, suppressed: int, way: str) -> list[Content]:
    outcome = attempt.outcome
    if attempt.settled is not None:
        return [Content("you said that it arrived" if attempt.settled else "you said that it did not arrive")]
    if outcome is None or isinstance(outcome, Accepted):
        return [Content("it was begun, and no outcome was recorded: it may have been sent")]
    explanation = explain(outcome)
    if suppressed:
        who = f"{suppressed} of {len(attempt.submission.envelope.recipients)} recipients"
        words = f"{who} on the suppression list, and nothing was sent to anyone"
        explanation = Explanation(words, f"{way} the suppressed; then the mail to the rest is reviewed")
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
