"""What is in a folder: read in blocks, so that the first names can be shown at once, and sorted when all are there."""

import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from cfmail_tui.browse.looking import look
from cfmail_tui.message import MailError, printable

LIMIT: Final = 250_000
"""Entries of a folder that are read at most; a typed path reaches the others."""

BLOCK: Final = 500
"""Entries in a block at most."""

BLOCK_TIME: Final = 0.1
"""Seconds after which a block is given, however few entries a slow folder has brought."""

Order = Literal["name", "newest", "largest", "type"]

ORDERS: Final[tuple[Order, ...]] = ("name", "newest", "largest", "type")

_RUN: Final = 5_000
"""Names sorted at a stretch: a sort lets no other thread run, the screen's neither."""


class BrowseError(MailError):
    """A folder, or the clipboard, cannot be read."""


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """A folder's names in the order they are shown; the folder "" holds whole paths. No two are the same.

    `folded` has the names as they are compared, `index` all of them in one string (see `finding`). `hidden` counts the
    names that are left out; `is_cut`: there are more than were read.
    """

    folder: str
    names: tuple[str, ...] = ()
    folded: tuple[str, ...] = ()
    index: str = ""
    hidden: int = 0
    is_cut: bool = False

    def path(self, name: str) -> str:
        """The path of one of the names, a folder's without the slash."""
        path = os.path.join(self.folder, name)  # noqa: PTH118 - a name may be anything, Path would change it
        return path.rstrip("/") or "/"


def blocks(folder: str) -> Iterator[tuple[str, ...]]:
    """The names in a folder in no order, as they come, at most LIMIT. Raises BrowseError, also after some came."""
    names: list[str] = []
    left, due = LIMIT, time.monotonic() + BLOCK_TIME
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                names.append(f"{entry.name}/" if _is_folder(entry) else entry.name)
                left -= 1
                if len(names) == BLOCK or not left or time.monotonic() > due:
                    yield tuple(names)
                    names, due = [], time.monotonic() + BLOCK_TIME
                if not left:
                    return
    except (OSError, ValueError) as error:
        raise BrowseError(f"{printable(folder, 300)} cannot be listed: {_reason(error)}") from error
    yield tuple(names)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads nowhere, or round in a circle
        return False


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such folder"
    if isinstance(error, NotADirectoryError):
        return "it is not a folder"
    reason = error.strerror if isinstance(error, OSError) else None
    return (reason or "it is not a path").lower()


def arranged(folder: str, names: Sequence[str], order: Order | None = "name", *, hidden: bool = False) -> Listing:
    """The names sorted, folders first; without an order as they are. `hidden`: also those that begin with a dot."""
    shown = [name for name in names if hidden or not name.startswith(".")]
    if order:
        shown = _sorted_by_name(shown)
    if order in {"newest", "largest", "type"}:
        shown = _sorted_by_facts(folder, shown, order)
    folded = tuple([name.casefold() for name in shown])
    index = "".join([f"\n{name}\0{at}" for at, name in enumerate(_without_separators(folded))])
    return Listing(folder, tuple(shown), folded, index, len(names) - len(shown), len(names) >= LIMIT)


def _sorted_by_name(names: list[str]) -> list[str]:
    # One string compares faster than a tuple: folders first, then as folded, then as it is.
    keys = [f"{not name.endswith('/'):d}{name.casefold()}\0{name}" for name in names]
    return [names[at] for at in _order(keys)]


def _sorted_by_facts(folder: str, names: list[str], order: Order) -> list[str]:
    """Those that are equal, and folders, stay as they are."""
    if order == "type":
        endings = [name if name.endswith("/") else os.path.splitext(name)[1] for name in names]  # noqa: PTH122 - names
        return [names[at] for at in _order(["" if name.endswith("/") else f"1{name.casefold()}" for name in endings])]

    def key(name: str) -> float:
        if name.endswith("/"):
            return -math.inf
        facts = look(os.path.join(folder, name))  # noqa: PTH118 - as above
        return -(facts.modified if order == "newest" else facts.size)

    return [names[at] for at in _order([key(name) for name in names])]


def _order(keys: Sequence[Any]) -> list[int]:
    """The places of the keys from the smallest to the largest, sorted a stretch at a time, and then merged."""
    runs: list[int] = []
    for start in range(0, len(keys), _RUN):
        runs += sorted(range(start, min(start + _RUN, len(keys))), key=keys.__getitem__)
    return sorted(runs, key=keys.__getitem__)


def _without_separators(folded: Sequence[str]) -> Iterator[str]:
    return (name.replace("\n", " ") if "\n" in name else name for name in folded)
