"""What the history has, written to files that the user names; never over one that is there already."""

import os
from collections.abc import Iterator
from pathlib import Path

from cfmail_tui import report
from cfmail_tui.outbox.copies import Copies, write_copy
from cfmail_tui.submission import Attempt


class Exports(Copies):
    """Files out of the history, readable by their owner only; every method blocks and may be called from any thread.

    Raises OutboxError if a file cannot be written, StoreError if the history or a stored mail cannot be read.
    """

    def save_eml(self, attempt: Attempt, path: str) -> Path:
        """The message of an attempt; gives where it is."""
        target = _meant(path)
        write_copy(target, self.eml(attempt))
        return target

    def export(self, query: str, path: str) -> tuple[Path, int]:
        """All mails that the query finds, as CSV where the name ends so, else as JSON Lines; where, and how many."""
        target, count = _meant(path), 0

        def counted() -> Iterator[Attempt]:
            nonlocal count
            for attempt in self.exported(query):
                count += 1
                yield attempt

        told = report.as_csv if target.suffix.lower() == ".csv" else report.as_json_lines
        write_copy(target, (chunk.encode() for chunk in told(counted())))
        return target, count


def _meant(path: str) -> Path:
    # Path's own expanduser raises where there is no such user.
    return Path(os.path.expanduser(path)).absolute()  # noqa: PTH111
