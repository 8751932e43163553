"""`python -m tests.bench`: what cfmail costs, beside what it could cost at least, on this machine and in this run.

Run it where nothing else runs; only ratios can be told to others. Progress goes to standard error.
"""

import argparse
import json
import os
import platform
import sys
from importlib.metadata import version
from typing import Final

from tests.bench import (
    at_home,
    drawing,
    editing,
    leaving,
    linting,
    long_texts,
    picking,
    recalling,
    searching,
    sending,
    slow_lines,
    starting,
)
from tests.bench.row import measured, table

MODULES: Final = (
    starting,
    drawing,
    slow_lines,
    long_texts,
    leaving,
    sending,
    picking,
    editing,
    linting,
    searching,
    recalling,
    at_home,
)
ROWS: Final = {row.name: row for module in MODULES for row in module.ROWS}
WHEN_NAMED: Final = {row.name: row for row in (*searching.WHEN_NAMED, *recalling.WHEN_NAMED)}


def machine_words(rounds: int) -> str:
    """What the figures depend on."""
    load = ", ".join(f"{load:.2f}" for load in os.getloadavg())
    return (
        f"{rounds} rounds, medians · Python {platform.python_version()} · Textual {version('textual')}"
        f" · {os.cpu_count()} processors · load before {load}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"rows to measure, if there is none {', '.join(ROWS)}")
    parser.add_argument("--json", action="store_true", help="every round, as JSON")
    parser.add_argument("--rounds", type=int, default=11, help="after one that does not count (%(default)s)")
    arguments = parser.parse_args()
    known = ROWS | WHEN_NAMED
    if unknown := {*arguments.name} - {*known}:
        parser.error(f"there is no row {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if arguments.rounds < 1:
        parser.error("at least one round")
    words = machine_words(arguments.rounds)
    found = []
    for name in arguments.name or ROWS:
        sys.stderr.write(f"{name} ...\n")
        found.append(measured(known[name], arguments.rounds))
    if arguments.json:
        sys.stdout.write(json.dumps({"machine": words, "rows": [figures.as_json() for figures in found]}) + "\n")
    else:
        sys.stdout.write(f"{words}\n\n{table(found)}\n")


main()
