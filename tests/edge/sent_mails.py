"""Mails in a store's history, by number, for tests of what becomes of them there."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cfmail_tui.searching import Search
from cfmail_tui.store import Store
from cfmail_tui.submission import Accepted, Attempt, Contents, Envelope, Outcome, Receipt, SentFile, Submission
from tests.edge.asked import asked

NOON: Final = datetime(2026, 1, 2, 12, tzinfo=UTC)
PDF: Final = SentFile("Größe-report.pdf", "application/pdf", 1000)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def delivered(*recipients: str) -> Accepted:
    return Accepted(Receipt(delivered=recipients))


def sent(
    store: Store,
    number: int,
    *recipients: str,
    subject: str = "Hello",
    text: str = "",
    outcome: Outcome | None = None,
    again_of: int | None = None,
    sender: str = "me@example.com",
    account: str = "work",
    **more: object,
) -> Attempt:
    """An attempt that has begun, with its body, and ended if there is an outcome."""
    envelope = Envelope(sender, recipients or ("a@example.net",))
    attempt_id = name(number)
    store.write_body(attempt_id, iter([b"x" * 100]))
    submission = Submission(attempt_id, "", "send", envelope, subject, 100, 100, "ab" * 32)
    attempt = store.begin(
        submission,
        account,
        again_of=None if again_of is None else name(again_of),
        contents=Contents(text=text, **more),  # type: ignore[arg-type]
    )
    return attempt if outcome is None else store.finish(attempt_id, outcome)


def name(number: int) -> str:
    return f"attempt-{number:04}"


def found(store: Store, query: str | Search = "", limit: int = 50, before: int | None = None) -> list[int]:
    """The numbers of what is found, in the order found."""
    search = query if isinstance(query, Search) else asked(query)
    above = None if before is None else name(before)
    return [int(one.submission.attempt_id[-4:]) for one in store.attempts(search, limit, above)]


def kept(data_dir: Path) -> list[int]:
    """The numbers of the bodies on the disk."""
    return sorted(int(path.stem[-4:]) for path in (data_dir / "bodies").iterdir())
