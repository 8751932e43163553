"""The names of request bodies' files, complete and still being written, and which files are nobody's any more."""

import re
import secrets
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

_BODY: Final = re.compile(r"([0-9a-z-]{8,64})\.json")
_PARTIAL: Final = re.compile(r"\.[0-9a-z-]{8,64}\.json\.(?:([0-9a-f]{16})\.)?[0-9a-f]{8}")
"""A body being written, by which instance; the first release did not say."""


def partial(path: Path, owner: str) -> Path:
    """Where the instance writes what will be the body at this path."""
    return path.with_name(f".{path.name}.{owner}.{secrets.token_hex(4)}")


def ids(folder: Path) -> list[str]:
    """The attempts that have a body."""
    return [found[1] for path in folder.iterdir() if (found := _BODY.fullmatch(path.name))]


def sweep(folder: Path, named: Collection[str], lives: Callable[[str], bool]) -> None:
    """Remove bodies that no attempt is named after, and what the dead left half written; other files stay."""
    for path in [*folder.iterdir()]:
        if unfinished := _PARTIAL.fullmatch(path.name):
            lost = not lives(unfinished[1] or "")
        else:
            lost = bool(_BODY.fullmatch(path.name)) and path.stem not in named
        if lost:
            path.unlink(missing_ok=True)
