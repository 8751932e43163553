"""What the app's workers tell it: they post these messages and touch nothing else; and what one does by itself."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker

from cfmail_tui.message import MailError

if TYPE_CHECKING:
    from cfmail_tui.outbox import Outbox, Unfinished
    from cfmail_tui.settings import Settings
    from cfmail_tui.submission import Attempt

Next = Callable[[], object]
"""What follows on the screen when a worker is done."""

Task = Callable[["Outbox"], Next]
"""Something a worker does with the outbox; it gives what follows."""

Steps = Callable[[], Iterator[Next]]
"""Something a worker does without the outbox; each step gives what follows."""


def is_for_one_of(screens: Sequence[Screen[Any]], then: Callable[..., object]) -> bool:
    """Whether it can follow: what tells a screen something, by a method of it, only while that is one of these.

    A screen that was left, or ends with the program, loses its widgets, and nobody would see what it is told.
    """
    while isinstance(then, partial):
        then = then.func
    told = getattr(then, "__self__", None)
    return not isinstance(told, Screen) or (told in screens and told.is_running)


@dataclass
class Done(Message):
    """A worker is done, or has come a step further."""

    then: Next


@dataclass
class Failed(Message):
    """A task did not work; `otherwise` is what follows instead of a complaint, `again` does the task once more."""

    error: Exception
    otherwise: Callable[[str], object] | None = None
    again: Next | None = None


@dataclass
class Opened(Message):
    """The outbox can be used; `sender` is who the last mail was from, `unfinished` what was begun and not sent."""

    settings: "Settings"
    sender: str
    notices: tuple[str, ...]
    unfinished: "tuple[Unfinished, ...]"


@dataclass
class Progressed(Message):
    """Octets of a request that left so far."""

    attempt_id: str
    sent: int
    total: int

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Progressed) and message.attempt_id == self.attempt_id


@dataclass
class Finished(Message):
    """A send has ended; without an attempt it could not be begun or written down, as `words` say.

    If it is tried again, `again_in` says after how many seconds.
    """

    attempt_id: str
    attempt: "Attempt | None"
    words: str = ""
    again_in: float | None = None


PAUSE = 0.01
"""Seconds between two steps of looking after the data, in which whatever else there is to do is done."""


def tidied(outbox: "Outbox", worker: Worker[None]) -> str:
    """Look after the data until all is done or the worker is to end; words about address files that cannot be read."""
    with suppress(MailError):  # what cannot be tidied up today is no reason to bother anybody
        for _ in outbox.tidying():
            if worker.is_cancelled:
                break
            time.sleep(PAUSE)
    return "\n".join(outbox.address_problems())
