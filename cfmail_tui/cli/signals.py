"""A mail under way, and the signals that end the program: SIGHUP, SIGINT, SIGQUIT, SIGTERM.

Invariants:
- handlers only tell the main thread, and another does the work: an exception could come at a moment when the outcome
  would be lost;
- until the mail is in flight a signal ends the program at once, with 128 + its number, and nothing leaves any more;
- a mail in flight comes to its one outcome: SIGINT stops it, any other signal lets it wait for its answer and stops it
  after ANSWER_LIMIT; further ones change nothing, but that SIGINT stops it at once;
- of many mails that leave one after another the first signal, also SIGINT, lets the one in flight wait for its answer,
  and no other leaves after it;
- a signal that is ignored when this begins, as SIGHUP is by nohup, stays ignored; afterwards all are: the program is at
  its end, and nothing changes the exit code that it is about to give.
"""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Final, NoReturn, Self, TypeVar

from cfmail_tui.cli.output import complain, failed

HEARD: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)

_AT_ONCE: Final = 1.0
"""Seconds in which what is being prepared can remove what it has written, else the next start sweeps it; and in which
somebody may take the last words.
"""

_T = TypeVar("_T")


class CalledOff(Exception):  # noqa: N818 - it reads as what it is
    """A signal came before the mail was in flight: it must not leave."""


class Flight:
    """The one decision between a mail and the signals: who came first."""

    def __init__(self) -> None:
        self.stopped_by = 0
        """The number of the signal that stopped the mail, if one did."""
        self.ended_by = 0
        """The number of the first signal that came while it was in flight."""
        self.ending = threading.Event()
        """Set with that: of many mails no other is to leave."""
        self._lock = threading.Lock()
        self._is_called_off = False
        self._stop: Callable[[], None] | None = None
        self._is_one_of_many = False
        self._timer: threading.Timer | None = None

    def begin(self, stop: Callable[[], None], *, is_one_of_many: bool = False) -> None:
        """The mail is in flight from now on, and this stops it, from any thread. Raises CalledOff.

        Of many mails that leave one after another this is called once, and `stop` stops whichever is in flight.
        """
        with self._lock:
            if self._is_called_off:
                raise CalledOff
            self._stop, self._is_one_of_many = stop, is_one_of_many

    @property
    def is_called_off(self) -> bool:
        """Whether nothing may leave any more: whoever asks somebody something gives up."""
        return self._is_called_off

    def call_off(self) -> bool:
        """Nothing leaves from now on; False if the mail is in flight already."""
        with self._lock:
            self._is_called_off = self._stop is None
        return self._is_called_off

    def end_by(self, number: int) -> None:
        """Bring the mail in flight to its end as this signal wants it."""
        from cfmail_tui.outbox import ANSWER_LIMIT

        is_first = not self.ended_by
        self.ended_by = self.ended_by or number
        self.ending.set()
        if number == signal.SIGINT and not (self._is_one_of_many and is_first):
            self._stop_by(number)
        elif self._timer is None:
            self._timer = threading.Timer(ANSWER_LIMIT, self._stop_by, [number])
            self._timer.daemon = True
            self._timer.start()
            # Last, as somebody who listens no more may block it.
            complain(f"{_name(number)}: ends as soon as there is an answer, in {ANSWER_LIMIT:.0f} s at most")

    def landed(self) -> None:
        """The mail has its outcome."""
        if self._timer:
            self._timer.cancel()

    def _stop_by(self, number: int) -> None:
        self.stopped_by = self.stopped_by or number
        if self._stop:
            self._stop()


def heeding(describe: Callable[[], _T], deliver: Callable[[_T, Flight], Callable[[], int]], *, as_json: bool) -> int:
    """Describe a mail, deliver it, and tell of it with what `deliver` gave for that; gives the exit code.

    Nothing that `describe` does outlasts the program. What the two raise comes through.
    """
    flight = Flight()
    with _News() as news, ThreadPoolExecutor(1) as pool:
        describing = news.of(pool.submit(describe))
        if number := news.next():
            _end(number, as_json=as_json)
        delivering = news.of(pool.submit(deliver, describing.result(), flight))
        while number := news.next():
            if flight.call_off():
                wait([delivering], _AT_ONCE)
                _end(number, as_json=as_json)
            flight.end_by(number)
        flight.landed()
        tell = delivering.result()
    return tell()


class _News:
    """While this context lasts, signals are news, and so is that something is done.

    They come by a pipe, into which the system's handler writes in whatever thread it runs: a thread that waits for
    anything else is not woken by a signal that another thread takes.
    """

    def __enter__(self) -> Self:
        self._told, self._tell = os.pipe()
        os.set_blocking(self._tell, False)
        self._before = signal.set_wakeup_fd(self._tell, warn_on_full_buffer=False)
        self._heard = [number for number in HEARD if signal.getsignal(number) is not signal.SIG_IGN]
        for number in self._heard:
            signal.signal(number, lambda _number, _frame: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in self._heard:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(self._before)
        os.close(self._told)
        os.close(self._tell)

    def of(self, work: Future[_T]) -> Future[_T]:
        """The end of this work is news, too."""
        work.add_done_callback(lambda _: os.write(self._tell, b"\0"))
        return work

    def next(self) -> int:
        """The number of the next signal, 0 for work that is done; waits for one of them."""
        return os.read(self._told, 1)[0]


def _end(number: int, *, as_json: bool) -> NoReturn:
    words = "interrupted" if number == signal.SIGINT else f"interrupted by {_name(number)}"
    threading.Timer(_AT_ONCE, os._exit, [128 + number]).start()
    failed("interrupted", words, 128 + number, as_json=as_json)
    # The other thread may be reading standard input, which nothing ends.
    os._exit(128 + number)


def _name(number: int) -> str:
    return signal.Signals(number).name
