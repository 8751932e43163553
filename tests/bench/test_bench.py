"""The bench runs and prints what it promises; how long anything takes is for who runs it by hand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> str:
    command = [sys.executable, "-m", "tests.bench", *arguments]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_the_table() -> None:
    """A line has ours, what is beside it, ratio, goal and verdict; another says in words what they are."""
    lines = bench("help", "modules-help", "--rounds", "1").splitlines()
    assert lines[0].startswith("1 rounds")
    assert lines[2].split() == ["ours", "beside", "ratio", "(middle", "half)", "goal"]
    name, ours, unit, beside, same_unit, ratio, *goal = lines[3].split()
    assert (name, unit, same_unit, goal[:3]) == ("help", "ms", "ms", ["≤", "2.5", "×"])
    assert abs(float(ours) / float(beside) - float(ratio)) < 0.01
    assert lines[4].split() == ["modules-help", "0", "loaded", "≤", "0", "loaded", "met"]
    assert lines[6].split(maxsplit=1) == ["help", "cfmail --help; beside python -c pass"]


def test_json() -> None:
    """Every round stands in the JSON, with the goal and whether it is met."""
    (row,) = json.loads(bench("help", "--rounds", "2", "--json"))["rows"]
    assert [len(row["ours"]), len(row["beside"]["figures"]), len(row["ratios"])] == [2, 2, 2]
    assert row["goal"] == {"at_most": None, "at_most_times": 2.5}
    assert row["is_met"] == (row["medians"][2] <= 2.5)


def test_findings_at_a_key() -> None:
    """Each row of the findings has a figure."""
    for row in json.loads(bench("lint-key", "lint-key-subject", "--rounds", "1", "--json"))["rows"]:
        assert all(figure > 0 for figure in row["ours"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "lint-key-1mib",
        "lint-key-1mib-subject",
        "send-1",
        "send-1-memory",
        "send-1-curl-memory",
        "pick-10k",
        "arrow",
        "raw-open",
    ],
)
def test_what_is_sent_picked_and_edited(name: str) -> None:
    """A mail leaves whole from every side and a folder and a message are shown by both: each has a figure."""
    (row,) = json.loads(bench(name, "--rounds", "1", "--json"))["rows"]
    assert row["name"] == name
    assert all(figure > 0 for figure in row["ours"] + row["beside"]["figures"])
    assert row["beside"]["figures"] or row["note"] == "there is no curl here"


def test_a_row_that_is_not_there() -> None:
    """It is named, with those there are."""
    command = [sys.executable, "-m", "tests.bench", "speed"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "no row speed; there are still, " in ran.stderr
