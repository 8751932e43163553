"""Mails that were tried and mails that wait, for the tests of the store that are about them."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cfmail_tui.message import Draft, SavedDraft
from cfmail_tui.store import Store
from cfmail_tui.submission import Accepted, Attempt, Envelope, NotSent, Outcome, Receipt, Refused, Submission, Unknown

NOON: Final = datetime(2026, 1, 2, 12, tzinfo=UTC)
SOON: Final = NOON + timedelta(seconds=15)
LATER: Final = NOON + timedelta(hours=1)
DELIVERED: Final = Accepted(Receipt(delivered=("a@example.com",)))
OFFLINE: Final = NotSent("no network", temporary=True)
TOO_MANY: Final = Refused(429, "", "too many requests", 9.0)
PERHAPS: Final = Unknown("time-out")
SENT: Final[tuple[Outcome, ...]] = (DELIVERED, PERHAPS)


def submission(attempt_id: str) -> Submission:
    envelope = Envelope("me@example.com", ("a@example.com", "b@example.net"))
    return Submission(attempt_id, "0123456789abcdef", "send_raw", envelope, "Hello", 1, 2, "ab" * 32)


def draft(revision: int = 1, draft_id: str = "draft") -> SavedDraft:
    return SavedDraft(draft_id, revision, Draft(text=f"revision {revision}"))


def die(store: Store) -> None:
    """What the system does when a process ends: the lock goes, the files stay."""
    store._db.close()
    os.close(store._instance._descriptor)
    store._instance._descriptor = -1


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def tried(
    store: Store,
    attempt_id: str,
    outcome: Outcome | None,
    *,
    of: SavedDraft | None = None,
    again_of: str | None = None,
    next_at: datetime | None = None,
) -> Attempt:
    """An attempt that was begun in this store and, with an outcome, has ended."""
    attempt = store.begin(submission(attempt_id), "work", of, again_of=again_of)
    return store.finish(attempt_id, outcome, next_at=next_at) if outcome else attempt


def wait(store: Store, attempt_id: str = "first-try", of: SavedDraft | None = None, at: datetime = SOON) -> None:
    """A mail that waits in this store after one attempt."""
    tried(store, attempt_id, OFFLINE, of=of, next_at=at)


def roots(store: Store) -> list[str]:
    return [mail.root for mail in store.waiting()]
