"""The mails on their way, without a screen: when each leaves, and that none does while it could not be taken back."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui.message import Draft, RawDraft, SavedDraft
from cfmail_tui.outbox import Reviewed
from cfmail_tui.submission import Account, ApiToken, Attempt, Envelope, NotSent, Refused, Submission
from cfmail_tui.ui.departures import TICK, Departure, Departures, Stage

ACCOUNT = Account("work", "a" * 32, ApiToken("x"), "a test")


def reviewed(attempt_id: str, subject: str = "Hello") -> Reviewed:
    envelope = Envelope("me@acme.example", ("bob@example.com",))
    submission = Submission(attempt_id, "a" * 32, "send", envelope, subject, 10, 1000, "ab" * 32)
    draft = SavedDraft(f"draft of {attempt_id}", 1, Draft(subject=subject))
    return Reviewed(RawDraft(), ACCOUNT, submission, draft)


@dataclass
class Port:
    """A crew that notes what it is asked for, and a clock that the test turns."""

    now: float = 1000.0
    sent: list[str] = field(default_factory=list)
    tried_again: list[str] = field(default_factory=list)
    departures: Departures = field(init=False)

    def __post_init__(self) -> None:
        self.departures = Departures(self, lambda: self.now)

    def send(self, mail: Reviewed) -> None:
        self.sent.append(mail.submission.attempt_id)

    def try_again(self, departure: Departure) -> None:
        self.tried_again.append(departure.attempt_id)

    def show_departures(self) -> None: ...

    def after(self, seconds: float) -> None:
        """Let time pass as the app does, tick by tick."""
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            self.departures.tick()

    def line(self, departure: Departure) -> str:
        (line,) = self.departures.lines(departure)
        return line.plain


@pytest.fixture
def port() -> Port:
    return Port()


def not_sent(mail: Reviewed, outcome: NotSent | Refused) -> Attempt:
    return Attempt(mail.submission, "work", datetime.now(UTC), datetime.now(UTC), outcome)


class TestCounting:
    def test_it_leaves_when_the_time_is_over(self, port: Port) -> None:
        """A mail leaves once, when its time to be taken back is over, and not before."""
        departure = port.departures.add(reviewed("one"), 5)
        port.after(4.75)
        assert (port.sent, departure.stage) == ([], Stage.COUNTING)
        port.after(0.5)
        port.after(60)
        assert (port.sent, departure.stage) == (["one"], Stage.LEAVING)

    def test_without_a_wait(self, port: Port) -> None:
        """Who wants no time to take a mail back has it sent at once."""
        port.departures.add(reviewed("one"), 0)
        assert port.sent == ["one"]

    def test_the_wait_is_skipped_once(self, port: Port) -> None:
        """The send key sends now; pressed again and again it still sends once."""
        departure = port.departures.add(reviewed("one"), 5)
        for _ in range(3):
            port.departures.hurry(departure)
        port.after(10)
        assert port.sent == ["one"]

    def test_a_program_that_was_stopped_sends_nothing_on_waking_up(self, port: Port) -> None:
        """Time in which nobody could take the mail back does not count."""
        port.departures.add(reviewed("one"), 5)
        port.now += 3600
        port.departures.tick()
        assert port.sent == []
        port.after(4)
        assert port.sent == []
        port.after(1)
        assert port.sent == ["one"]

    def test_nothing_leaves_behind_a_question(self, port: Port) -> None:
        """While the user is asked about what is on its way, nothing begins to leave."""
        port.departures.add(reviewed("one"), 1)
        port.departures.held = True
        port.after(60)
        assert port.sent == []
        port.departures.held = False
        port.after(1)
        assert port.sent == ["one"]

    def test_what_is_dropped_does_not_leave(self, port: Port) -> None:
        """What could be taken back when the program ended is not sent; what had left stays on its way."""
        port.departures.add(reviewed("one"), 0)
        port.departures.add(reviewed("two"), 5)
        (dropped,) = port.departures.drop_counting()
        assert dropped.attempt_id == "two"
        port.after(60)
        assert port.sent == ["one"]
        assert [departure.attempt_id for departure in port.departures.mails] == ["one"]


class TestWaiting:
    @pytest.fixture
    def waiting(self, port: Port) -> Departure:
        departure = port.departures.add(reviewed("one"), 0)
        attempt = not_sent(departure.reviewed, NotSent("nothing listens at port 1", temporary=True))
        port.departures.waits(departure, attempt, 15)
        return departure

    def test_it_is_tried_again_in_its_time(self, port: Port, waiting: Departure) -> None:
        """A mail that was not sent is tried again when its time has come, once."""
        port.after(14)
        assert port.tried_again == []
        port.after(60)
        assert port.tried_again == ["one"]
        assert port.sent == ["one"]

    def test_time_asleep_counts(self, port: Port, waiting: Departure) -> None:
        """A mail that is to be tried again is tried as soon as a machine that slept is awake."""
        port.now += 3600
        port.departures.tick()
        assert port.tried_again == ["one"]

    def test_it_can_be_hurried_once(self, port: Port, waiting: Departure) -> None:
        """The send key tries it now; the time it would have waited for begins no second try."""
        port.departures.hurry(waiting)
        port.departures.hurry(waiting)
        port.after(60)
        assert port.tried_again == ["one"]

    def test_the_next_try_is_told(self, port: Port, waiting: Departure) -> None:
        """Its line says why it was not sent and at what time it is tried next."""
        line = port.line(waiting)
        assert "not sent; next try at " in line
        assert "nothing listens at port 1" in line
        assert "u takes it back" in line

    def test_a_refusal_that_passes_is_told(self, port: Port, waiting: Departure) -> None:
        """One that has to wait for its rate limit says so in plain words."""
        attempt = not_sent(waiting.reviewed, Refused(429, "10004", "email.sending.error.throttled", 7.0))
        port.departures.waits(waiting, attempt, 9)
        assert "too many mails in a short time" in port.line(waiting)


class TestLines:
    def test_each_mail_has_its_line(self, port: Port) -> None:
        """However many are on their way, each can be told from the others, and says how far it is."""
        port.departures.add(reviewed("one", "First"), 0)
        port.departures.add(reviewed("two", "Second"), 0)
        shown = port.departures.add(reviewed("three", "Third"), 5)
        port.departures.progressed("one", 500, 1000)
        lines = [line.plain for line in port.departures.lines(shown)]
        assert lines[0].startswith("leaves in 5 s")
        assert "“Third”" not in lines[0]  # it is on the screen
        assert "sending ██████████░░░░░░░░░░" in lines[1]
        assert "“First”" in lines[1]
        assert lines[2].startswith("waits for its turn")
        assert [line.count("takes it back") for line in lines] == [1, 0, 0]
        assert [line.count("Ctrl+C stops it") for line in lines] == [0, 1, 1]

    def test_the_answer_is_waited_for(self, port: Port) -> None:
        """Once all of it has left, the line says since when the answer is waited for."""
        departure = port.departures.add(reviewed("one"), 0)
        port.departures.progressed("one", 1000, 1000)
        port.after(7)
        assert port.line(departure).startswith("sent; waiting for Cloudflare's answer, 7 s")

    def test_hostile_subjects(self, port: Port) -> None:
        """A subject is shown as text, short, with its controls made visible."""
        departure = port.departures.add(reviewed("one", "[bold]\x1b]52;c;x\x07" + "long " * 50), 5)
        (line,) = (line.plain for line in port.departures.lines(None))
        assert departure in port.departures.mails
        assert "[bold]" in line
        assert line.isprintable()
        assert len(line) < 110


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "tick", "hurry", "drop", "hold", "release", "progress", "wait"]), st.integers(0, 7)
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_happens_each_mail_is_sent_once(steps: list[tuple[str, int]]) -> None:
    """In any order of keys, questions, progress and time: no mail is begun twice, and none that was dropped."""
    port = Port()
    dropped: set[str] = set()
    for step, number in steps:
        mails = port.departures.mails
        chosen = mails[number % len(mails)] if mails else None
        match step:
            case "add":
                port.departures.add(reviewed(f"{len(port.sent)}-{len(mails)}-{port.now}-{number}"), number)
                port.now += 0.001
            case "tick":
                port.after(number)
            case "drop":
                dropped |= {departure.attempt_id for departure in port.departures.drop_counting()}
            case "hold" | "release":
                port.departures.held = step == "hold"
            case "hurry" if chosen:
                port.departures.hurry(chosen)
            case "progress" if chosen:
                port.departures.progressed(chosen.attempt_id, 1000, 1000)
            case "wait" if chosen and chosen.in_flight:
                port.departures.waits(chosen, not_sent(chosen.reviewed, NotSent("x", temporary=True)), number)
                chosen.reviewed = replace(chosen.reviewed, tries=chosen.reviewed.tries + 1)
    assert len(port.sent) == len(set(port.sent))
    assert not dropped & set(port.sent)
    assert all(
        departure.stage is not Stage.COUNTING or departure.seconds > 0 or port.departures.held
        for departure in port.departures.mails
    )
