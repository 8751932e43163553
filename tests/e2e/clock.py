"""A clock of a program's own, which a test can set."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from tests.pty_driver import Terminal
from tests.ui.stage import opened_outbox

ROOT: Final = Path(__file__).parents[2]

# Python runs this before the program, whose only clock is `datetime.now`; the monotonic one does not jump.
SITECUSTOMIZE: Final = """
import datetime
from pathlib import Path

class Jumping(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(int(Path(__file__).with_name("days").read_text()))

datetime.datetime = Jumping
"""


class Clock:
    """The time of the programs that are started with its `env`: the true one and some days, which can be changed."""

    def __init__(self, folder: Path) -> None:
        self._days = folder / "days"
        self.set(0)
        (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
        self.env = {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}

    def set(self, days: int) -> None:
        """To the true time and so many days, at once."""
        new = self._days.with_name("days.new")
        new.write_text(str(days))
        new.replace(self._days)

    def jump(self, terminal: Terminal, days: int) -> None:
        """Set it, and save the mail on the screen so that it is dated so."""
        self.set(days)
        terminal.press("ctrl+s")

        def is_dated(_screen: str) -> bool:
            with opened_outbox() as (outbox, _):
                saved_at = outbox.unfinished()[0].draft.saved_at
            wanted = datetime.now(UTC) + timedelta(days=days)
            return saved_at is not None and abs(saved_at - wanted) < timedelta(hours=1)

        terminal.wait_for(is_dated, name="the other date")
