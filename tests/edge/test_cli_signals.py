"""A signal to `cfmail send`: nothing is sent, or the outcome is known, and the exit code says which.

Real processes, and a far end that goes on when a test says so. SIGINT stops a mail in flight; SIGHUP, SIGQUIT and
SIGTERM leave it some time for its answer.
"""

import fcntl
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.cli import arguments, sending
from cfmail_tui.cli.signals import HEARD, CalledOff, Flight
from cfmail_tui.message import Draft
from tests.edge.cli_run import FIELDS, PATIENCE, Cfmail, Ran, bodies
from tests.edge.fault_server import ACCOUNT_ID, TOKEN, Exchange, FarEnd, http_answer

PATIENT: Final = tuple(number for number in HEARD if number != signal.SIGINT)
"""The signals after which an answer is waited for."""

TYPED: Final = b"typed so far\n" * 20_000
"""More than a pipe holds: when it is written, the other side is reading."""

BIG: Final = b"\1" * 3_000_000
"""As JSON each of these takes six octets: more than the buffers of two sockets hold."""

RESULT: Final = {"delivered": ["bob@example.net"], "queued": [], "permanent_bounces": [], "message_id": "<1@example>"}


class Cloudflare:
    """Takes a mail and delivers it; with each step it waits until a test lets it."""

    def __init__(self) -> None:
        self.came, self.reads, self.answers = threading.Event(), threading.Event(), threading.Event()
        self.far_end = FarEnd(self._behave)

    def _behave(self, exchange: Exchange) -> None:
        self.came.set()
        self.reads.wait(PATIENCE)
        exchange.request()
        self.answers.wait(PATIENCE)
        exchange.send(http_answer(200, json.dumps({"success": True, "result": RESULT})))

    def go_on(self) -> None:
        self.reads.set()
        self.answers.set()

    @property
    def deliveries(self) -> int:
        return len(self.far_end.requests)


@pytest.fixture
def cloudflare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloudflare]:
    served = Cloudflare()
    with served.far_end as far_end:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT_ID)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
        yield served
        served.go_on()


@pytest.fixture
def history(capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[[], list[dict[str, object]]]:
    """What the next cfmail finds."""

    def find() -> list[dict[str, object]]:
        found: list[dict[str, object]] = Cfmail(capsysbinary)("history", "--json").json
        return found

    return find


class Sending:
    """A real `cfmail send --json`, or another command, that reads its standard input."""

    def __init__(
        self,
        text: bytes,
        *arguments: str,
        by: tuple[str, ...] = (),
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
        more_to_come: bool = False,
    ) -> None:
        command = [sys.executable, "-W", "error", "-m", "cfmail_tui", *(arguments or ("send", *FIELDS, "-")), "--json"]
        self.process = subprocess.Popen([*by, *command], stdin=subprocess.PIPE, stdout=stdout, stderr=stderr)
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        if not more_to_come:
            self.end_of_text()
        self._heard = b""

    def end_of_text(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.stdin = None

    def told(self, *numbers: int) -> "Sending":
        """All of these at once."""
        if len(numbers) > 1:
            self.process.send_signal(signal.SIGSTOP)
        for number in numbers:
            self.process.send_signal(number)
        if len(numbers) > 1:
            self.process.send_signal(signal.SIGCONT)
        return self

    def wait_for(self, words: str) -> None:
        """Until this stands on standard error."""
        assert self.process.stderr is not None
        while words.encode() not in self._heard:
            more = os.read(self.process.stderr.fileno(), 1000)
            assert more, f"{words!r} was not said, but {self._heard!r}"
            self._heard += more

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """It must not end meanwhile."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end
            with pytest.raises(subprocess.TimeoutExpired):
                self.process.wait(0.02)

    def ended(self) -> Ran:
        stdout, stderr = self.process.communicate(timeout=PATIENCE)
        ran = Ran(self.process.returncode, stdout or b"", self._heard + (stderr or b""))
        assert b"Traceback" not in ran.stderr
        return ran


def interrupted(ran: Ran, *numbers: int) -> bool:
    """It ended by one of these signals before there was an attempt, and says so in JSON and in words."""
    if ran.code not in {128 + number for number in numbers}:
        return False
    name = signal.Signals(ran.code - 128).name
    reason = "interrupted" if name == "SIGINT" else f"interrupted by {name}"
    told = {"outcome": "interrupted", "reason": reason, "exit_code": ran.code}
    # What was said of the mail, by another thread, may stand beside it.
    return bool(ran.json == told and (not ran.err or f"cfmail: {reason}\n" in ran.err))


def by_name(value: object) -> str | None:
    return value.name if isinstance(value, signal.Signals) else None


class TestBeforeItIsInFlight:
    """The program ends at once with 128 + the signal; nothing is sent, in the history or left behind."""

    @pytest.mark.parametrize(
        "arguments", [("send", *FIELDS, "-"), ("send", *FIELDS, "-", "--dry-run"), ("send-raw", "-")], ids=" ".join
    )
    @pytest.mark.parametrize("number", HEARD, ids=by_name)
    def test_reading(
        self,
        cloudflare: Cloudflare,
        history: Callable[[], list[object]],
        number: signal.Signals,
        arguments: tuple[str, ...],
    ) -> None:
        """A signal while the mail comes in by standard input ends it, though more may come."""
        running = Sending(TYPED, *arguments, more_to_come=True)
        assert interrupted(running.told(number).ended(), number)
        assert not history()
        assert not cloudflare.came.is_set()

    def test_two_at_once(self, cloudflare: Cloudflare, history: Callable[[], list[object]]) -> None:
        """Two signals at once are told of as one of them, in one JSON value."""
        running = Sending(TYPED, more_to_come=True)
        numbers = (signal.SIGTERM, signal.SIGHUP)
        assert interrupted(running.told(*numbers).ended(), *numbers)
        assert not history()

    def test_closed_standard_error(self, cloudflare: Cloudflare) -> None:
        """Without a standard error the exit code and the JSON are the same."""
        running = Sending(TYPED, by=("bash", "-c", 'exec "$@" 2>&-', "bash"), more_to_come=True)
        assert interrupted(running.told(signal.SIGTERM).ended(), signal.SIGTERM)

    def test_standard_error_that_takes_nothing(self, cloudflare: Cloudflare) -> None:
        """Somebody who does not listen, as a terminal after Ctrl+S, does not keep the program."""
        nobody, full = os.pipe()
        os.write(full, b" " * fcntl.fcntl(full, fcntl.F_GETPIPE_SZ))
        running = Sending(TYPED, stderr=full, more_to_come=True).told(signal.SIGTERM)
        assert running.process.wait(PATIENCE) == 143
        running.ended()
        os.close(nobody)
        os.close(full)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=by_name)
    def test_preparing(
        self, cloudflare: Cloudflare, history: Callable[[], list[object]], new_machine: Path, number: signal.Signals
    ) -> None:
        """A signal while another program keeps the database is not kept waiting by that."""
        assert not history()
        data = new_machine / "cfmail" / "data"
        with closing(sqlite3.connect(data / "cfmail.sqlite3", isolation_level=None)) as db:
            db.execute("BEGIN EXCLUSIVE")
            running = Sending(b"Hi")
            running.wait_until(lambda: any((data / "instances").iterdir()))
            assert interrupted(running.told(number).ended(), number)
        assert not history()
        assert not bodies(new_machine)
        assert not [*(data / "instances").iterdir()]
        assert not cloudflare.came.is_set()

    def test_prepared(self, cloudflare: Cloudflare, history: Callable[[], list[object]], new_machine: Path) -> None:
        """A mail that was called off before it was in flight does not leave, and its text is removed."""
        flight = Flight()
        assert flight.call_off()
        args = arguments.send_parser().parse_args([*FIELDS, "-"])
        with pytest.raises(CalledOff):
            sending._deliver(args, Draft("me@acme.example", "bob@example.net", text="Hi"), flight)
        assert not bodies(new_machine)
        assert not history()
        assert not cloudflare.came.is_set()


class TestInFlight:
    """The mail comes to its outcome, which is the exit code and in the history."""

    @pytest.mark.parametrize("number", PATIENT, ids=by_name)
    def test_answer_comes(
        self, cloudflare: Cloudflare, history: Callable[[], list[object]], number: signal.Signals
    ) -> None:
        """An answer that comes soon is waited for."""
        cloudflare.reads.set()
        running = Sending(b"Hi")
        assert cloudflare.far_end.request_came.wait(PATIENCE)
        running.told(number).wait_for(f"{number.name}: ends as soon as there is an answer, in 10 s at most")
        cloudflare.answers.set()
        ran = running.ended()
        assert (ran.code, ran.json["outcome"]) == (0, "accepted")
        assert history() == [ran.json]
        assert cloudflare.deliveries == 1

    @pytest.mark.parametrize("number", PATIENT, ids=by_name)
    def test_upload_goes_on(
        self, cloudflare: Cloudflare, history: Callable[[], list[object]], number: signal.Signals
    ) -> None:
        """A mail that had not left altogether leaves, and its answer is waited for."""
        running = Sending(BIG)
        assert cloudflare.came.wait(PATIENCE)
        running.told(number).wait_for(number.name)
        cloudflare.go_on()
        ran = running.ended()
        assert (ran.code, ran.json["outcome"]) == (0, "accepted")
        assert history() == [ran.json]
        assert cloudflare.deliveries == 1

    @pytest.mark.parametrize(
        "numbers", [(signal.SIGTERM, signal.SIGHUP), (signal.SIGQUIT, signal.SIGTERM)], ids=lambda _: ""
    )
    def test_two_at_once(
        self, cloudflare: Cloudflare, history: Callable[[], list[object]], numbers: tuple[int, ...]
    ) -> None:
        """Two signals at once, and more of them, leave the mail its time."""
        cloudflare.reads.set()
        running = Sending(b"Hi")
        assert cloudflare.far_end.request_came.wait(PATIENCE)
        running.told(*numbers).wait_for("ends as soon as there is an answer")
        running.told(*numbers)
        cloudflare.answers.set()
        ran = running.ended()
        assert (ran.code, ran.json["outcome"]) == (0, "accepted")
        assert history() == [ran.json]

    def test_closed_standard_error(self, cloudflare: Cloudflare, history: Callable[[], list[object]]) -> None:
        """Words that nobody can hear change nothing."""
        cloudflare.reads.set()
        running = Sending(b"Hi", by=("bash", "-c", 'exec "$@" 2>&-', "bash"))
        assert cloudflare.far_end.request_came.wait(PATIENCE)
        running.told(signal.SIGTERM)
        cloudflare.answers.set()
        ran = running.ended()
        assert (ran.code, history()) == (0, [ran.json])

    @pytest.mark.parametrize("numbers", [(signal.SIGINT,), (signal.SIGINT,) * 3, (signal.SIGTERM, signal.SIGINT)])
    def test_stopped_after_it_left(
        self, cloudflare: Cloudflare, history: Callable[[], list[object]], numbers: tuple[int, ...]
    ) -> None:
        """Ctrl+C ends the waiting for an answer, also that of another signal: the mail may have been sent."""
        cloudflare.reads.set()
        running = Sending(b"Hi")
        assert cloudflare.far_end.request_came.wait(PATIENCE)
        for number in numbers:
            running.told(number)
        ran = running.ended()
        assert (ran.code, ran.json["outcome"]) == (76, "unknown")
        assert history() == [ran.json]

    def test_stopped_while_it_leaves(self, cloudflare: Cloudflare, history: Callable[[], list[object]]) -> None:
        """A mail whose last octet has not left when Ctrl+C is pressed is not sent: 130, and safe to send again."""
        running = Sending(BIG)
        assert cloudflare.came.wait(PATIENCE)
        ran = running.told(signal.SIGINT).ended()
        assert (ran.code, ran.json["outcome"]) == (130, "not_sent")
        assert history() == [ran.json]
        assert cloudflare.deliveries == 0

    @pytest.mark.parametrize("number", HEARD, ids=by_name)
    def test_afterwards(
        self, cloudflare: Cloudflare, history: Callable[[], list[dict[str, object]]], number: signal.Signals
    ) -> None:
        """A signal that comes when the outcome is written down changes neither the exit code nor what is told."""
        cloudflare.go_on()
        reader, full = os.pipe()
        filling = b" " * fcntl.fcntl(full, fcntl.F_GETPIPE_SZ)
        os.write(full, filling)
        running = Sending(b"Hi", stdout=full)
        os.close(full)
        running.wait_until(lambda: [attempt["outcome"] for attempt in history()] == ["accepted"])
        running.told(number)
        with os.fdopen(reader, "rb") as stdout:
            told = json.loads(stdout.read())
        assert running.ended().code == 0
        assert [told] == history()

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("text", "has_left", "outcome"), [(b"Hi", True, "unknown"), (BIG, False, "not_sent")], ids=["left", "leaving"]
    )
    def test_no_answer_comes(
        self,
        cloudflare: Cloudflare,
        history: Callable[[], list[dict[str, object]]],
        text: bytes,
        has_left: bool,
        outcome: str,
    ) -> None:
        """After the time for an answer the mail is stopped: it may have been sent, or was not because of the signal."""
        if has_left:
            cloudflare.reads.set()
        running = [Sending(text) for _ in PATIENT]
        for_answer = len(running) * has_left
        running[0].wait_until(lambda: cloudflare.far_end.connections == 3 and cloudflare.deliveries == for_answer)
        for program, number in zip(running, PATIENT, strict=True):
            program.told(number)
        ran = [program.ended() for program in running]
        assert [each.code for each in ran] == [76 if has_left else 128 + number for number in PATIENT]
        assert {each.json["outcome"] for each in ran} == {outcome}
        assert {attempt["id"]: attempt for attempt in history()} == {each.json["id"]: each.json for each in ran}
        assert cloudflare.deliveries == for_answer


class TestIgnored:
    """A SIGHUP that was ignored at the start, as by nohup, stays so."""

    def test_reading(self, cloudflare: Cloudflare) -> None:
        """The text is read to its end, and the mail sent."""
        cloudflare.go_on()
        running = Sending(TYPED, by=("nohup",), more_to_come=True).told(signal.SIGHUP)
        running.end_of_text()
        assert running.ended().code == 0
        assert cloudflare.deliveries == 1

    def test_in_flight(self, cloudflare: Cloudflare) -> None:
        """A mail in flight does not hear of it."""
        cloudflare.reads.set()
        running = Sending(b"Hi", by=("nohup",))
        assert cloudflare.far_end.request_came.wait(PATIENCE)
        running.told(signal.SIGHUP)
        cloudflare.answers.set()
        ran = running.ended()
        assert ran.code == 0
        assert "SIGHUP" not in ran.err
