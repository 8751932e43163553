"""One moment, for a program with this folder in its PYTHONPATH: Python runs this before anything of the program.

The monotonic clock goes on: programs wait by it.
"""

import datetime as dt
import time
from typing import Final, Self, SupportsIndex

MOMENT: Final = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)
LOCALTIME: Final = time.localtime


class Fixed(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Self:
        return cls.fromtimestamp(MOMENT.timestamp(), tz)


def localtime(seconds: float | SupportsIndex | None = None, /) -> time.struct_time:
    return LOCALTIME(MOMENT.timestamp() if seconds is None else seconds)


dt.datetime = Fixed  # type: ignore[misc]
time.localtime = localtime
time.time = MOMENT.timestamp
