"""No mail twice, none forgotten, none told wrongly, however and whenever cfmail is killed while it sends."""

import random
from pathlib import Path

import pytest

from tests.campaign.campaign import campaign
from tests.campaign.verdict import FALSE_UNKNOWN, STAGES, Tally


@pytest.fixture
def seed() -> int:
    """Another one for each run; a failure names it."""
    return random.SystemRandom().randrange(1_000_000)


def assert_kept(tally: Tally, seed: int) -> None:
    assert not tally.broken, f"seed {seed}: {tally}"


def test_some_kills(tmp_path: Path, seed: int) -> None:
    """After each of ten kills the next start knows of the mail what the far end knows, or that it does not know."""
    tally = campaign(10, seed, tmp_path)
    assert tally.kills == 10
    assert_kept(tally, seed)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_two_hundred_kills(tmp_path: Path, seed: int) -> None:
    """Of 200 kills, some in each stage of sending, none repeats, forgets or misjudges a mail, or loses a draft."""
    tally = campaign(200, seed, tmp_path)
    print(f"\nseed {seed}: {tally}")  # noqa: T201 - the figures for who runs pytest -s
    assert tally.kills == 200
    assert_kept(tally, seed)
    assert {*tally.stages} == {*STAGES}, f"seed {seed}: {tally}"
    assert tally.false_unknown_share <= FALSE_UNKNOWN, f"seed {seed}: {tally}"
