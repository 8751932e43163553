"""What is done on the pictures of a review and of what came of a mail."""

import os
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Final

from cfmail_tui.message import Draft
from tests.ui.stage import LETTER, Stage

MIXED: Final = replace(
    LETTER,
    to='bob@example.com, "Fields, Carol" <carol@example.org>, bounce@example.net',
    cc="queue@example.org, dave@example.com",
    subject="Monthly report",
)
BARRED: Final = replace(MIXED, to="bob@example.com, suppressed@example.net, carol@example.org", cc="")
MANY: Final = replace(MIXED, to=", ".join(f"reader{number}@example.com" for number in range(1, 24)))


async def sent(stage: Stage, _home: Path) -> None:
    await stage.review()
    await stage.press("y")
    # The time to take it back is not what is to be seen.
    await stage.press("f9")
    await stage.until("Ctrl+O")
    await stage.settled()


async def outcome(stage: Stage, home: Path) -> None:
    await sent(stage, home)
    await stage.press("ctrl+o")
    await stage.settled()


async def as_text(stage: Stage, home: Path) -> None:
    await outcome(stage, home)
    await stage.press("c")
    await stage.settled()


async def tested(stage: Stage, _home: Path) -> None:
    await stage.review()
    await stage.press("t")
    await stage.until("Test to")
    await stage.settled()


async def copied(stage: Stage, home: Path) -> None:
    os.chdir(home)
    await stage.review()
    await stage.press("c")
    await stage.until("curl")
    await stage.press("n", "c")
    await stage.until("Copied")
    os.chdir("/")


async def counted(stage: Stage, _home: Path) -> None:
    await stage.review()
    await stage.press("y")
    await stage.until("Type that number")
    await stage.type("22\n")
    await stage.settled()


Act = Callable[[Stage, Path], Coroutine[None, None, None]]

SCENES: Final[dict[str, tuple[Draft, Act]]] = {
    "outcome": (MIXED, outcome),
    "outcome-text": (MIXED, as_text),
    "rescue": (BARRED, outcome),
    "results-refused": (BARRED, sent),
    "review-test": (MIXED, tested),
    "review-copy": (MIXED, copied),
    "review-count": (MANY, counted),
}
