"""What is tried again by itself, and when: never what may have been sent, never early, never for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui.retry import TRIES, delay
from cfmail_tui.submission import Accepted, NotSent, Outcome, Receipt, Refused, Unknown

NO_NETWORK = NotSent("no network", temporary=True)
SLOW_DOWN = Refused(429, "10004", "slow down")
OUTCOMES = st.one_of(
    st.just(Accepted(Receipt())),
    st.builds(Unknown, st.text(max_size=3)),
    st.builds(NotSent, st.text(max_size=3), st.booleans()),
    st.builds(
        Refused,
        st.sampled_from([400, 401, 413, 428, 429, 430, 500, 503]),
        st.text(max_size=3),
        st.text(max_size=3),
        st.none() | st.floats(),
    ),
)
CHANCES = st.floats(0, 1, exclude_max=True)
COUNTS = st.integers(1, 40)


def with_retry_after(seconds: float) -> Refused:
    return Refused(429, "", "", seconds)


@pytest.mark.parametrize(
    "outcome",
    [
        Accepted(Receipt(delivered=("a@example.com",))),
        Accepted(Receipt(bounced=("a@example.com",))),
        Unknown("time-out"),
        NotSent("cancelled"),
        Refused(400, "10001", "no"),
        Refused(503, "10002", "not sent", 5.0),
        Refused(430, "", "slow down", 5.0),
    ],
)
def test_what_is_not_tried_again(outcome: Outcome) -> None:
    """What was sent, may have been sent, or would fail the same way is left to the user."""
    assert delay(outcome, 1, 0.5) is None


@pytest.mark.parametrize("outcome", [NO_NETWORK, SLOW_DOWN])
@pytest.mark.parametrize(
    ("tries", "seconds"),
    [(1, 15), (2, 30), (3, 60), (4, 120), (5, 240), (6, 480), (7, 900), (8, 900), (11, 900), (12, None), (13, None)],
)
def test_the_waits_double_up_to_a_quarter_of_an_hour(outcome: Outcome, tries: int, seconds: float | None) -> None:
    """From 15 seconds on each wait is twice the one before, up to 15 minutes; the twelfth try is the last."""
    assert delay(outcome, tries, 0.5) == seconds


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 11.25), (0.5, 15.0), (0.75, 16.875)])
def test_a_wait_varies_by_a_quarter(chance: float, seconds: float) -> None:
    """Chance moves a wait by up to 25 percent either way."""
    assert delay(NO_NETWORK, 1, chance) == seconds


@pytest.mark.parametrize(
    ("asked", "tries", "chance", "seconds"),
    [
        (0.0, 1, 0.5, 15.0),
        (20.0, 1, 0.0, 20.0),
        (20.0, 1, 0.5, 22.5),
        (1.0, 9, 0.0, 675.0),
        (3600.0, 9, 0.0, 3600.0),
        (6 * 3600.0, 1, 0.0, 6 * 3600.0),
        (6 * 3600.0 + 1, 1, 0.0, None),
        (float("inf"), 1, 0.0, None),
        (float("nan"), 1, 0.0, None),
        (20.0, TRIES, 0.0, None),
    ],
)
def test_a_far_end_that_says_when_is_not_asked_earlier(
    asked: float, tries: int, chance: float, seconds: float | None
) -> None:
    """A Retry-After is kept, with jitter that only adds; one over six hours is not waited for."""
    assert delay(with_retry_after(asked), tries, chance) == seconds


@given(outcome=OUTCOMES, tries=COUNTS, chance=CHANCES)
def test_only_what_certainly_was_not_sent_and_may_pass(outcome: Outcome, tries: int, chance: float) -> None:
    """Whatever the outcome: another try means that it is temporary or too many requests, and tries are left."""
    if delay(outcome, tries, chance) is not None:
        assert tries < TRIES
        assert (isinstance(outcome, NotSent) and outcome.temporary) or (
            isinstance(outcome, Refused) and outcome.status == 429
        )


@given(tries=st.integers(1, TRIES - 1), chance=CHANCES)
def test_a_wait_stays_within_its_bounds(tries: int, chance: float) -> None:
    """Our own wait is a quarter around the doubled one, and grows with chance."""
    found, middle = delay(NO_NETWORK, tries, chance), delay(NO_NETWORK, tries, 0.5)
    assert found is not None
    assert middle is not None
    assert 0.75 * middle <= found <= 1.25 * middle
    assert 11.25 <= found <= 1125
    assert (found < middle) == (chance < 0.5) or found == middle


@given(asked=st.floats(0, 6 * 3600), tries=st.integers(1, TRIES - 1), chance=CHANCES)
def test_a_retry_after_is_never_undercut(asked: float, tries: int, chance: float) -> None:
    """Neither the far end's wish nor our own wait is undercut, and the wish is exceeded by a quarter at most."""
    found, own = delay(with_retry_after(asked), tries, chance), delay(NO_NETWORK, tries, chance)
    assert found is not None
    assert own is not None
    assert max(asked, own) <= found <= max(1.25 * asked, own)
