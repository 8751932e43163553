"""A row of the bench: what cfmail costs, beside a floor or a peer that is measured in turns with it, in the same run.

A machine's moods move times by half within an hour, and ratios by a tenth. So where there is something to stand beside,
the ratio is taken round by round, and its median is the figure to quote.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any, Final

Sample = Callable[[], float]
"""Measures once: a number in the row's unit."""

WARM_UP: Final = 1
"""Rounds that do not count: the first of all reads its files from the disk."""


@dataclass(frozen=True, slots=True)
class Sides:
    """What a row measures, once all is ready for it."""

    ours: Sample
    beside: Sample | None = None
    note: str = ""
    """What this machine has made of the row."""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    what: str
    unit: str
    sides: Callable[[], AbstractContextManager[Sides]]
    beside: str = ""
    """The floor or peer, in words."""
    at_most: float | None = None
    """The goal for ours, in the unit."""
    at_most_times: float | None = None
    """The goal for the ratio."""
    is_count: bool = False
    """The same in every round, and so measured once."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A row measured; a round is an index into `ours` and, if there is one, `beside`."""

    row: Row
    note: str
    ours: tuple[float, ...]
    beside: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        return tuple(ours / beside for ours, beside in zip(self.ours, self.beside, strict=bool(self.beside)) if beside)

    @property
    def is_met(self) -> bool:
        row = self.row
        return (row.at_most is None or median(self.ours) <= row.at_most) and (
            row.at_most_times is None or (bool(self.ratios) and median(self.ratios) <= row.at_most_times)
        )

    def as_json(self) -> dict[str, Any]:
        row = self.row
        return {
            "name": row.name,
            "what": row.what,
            "unit": row.unit,
            "ours": self.ours,
            "beside": {"what": row.beside, "figures": self.beside} if row.beside else None,
            "ratios": self.ratios,
            "medians": [median(values) if values else None for values in (self.ours, self.beside, self.ratios)],
            "goal": {"at_most": row.at_most, "at_most_times": row.at_most_times},
            "is_met": self.is_met,
            "note": self.note,
        }


def measured(row: Row, rounds: int) -> Figures:
    """Ours and what is beside it in turns."""
    ours: list[float] = []
    beside: list[float] = []
    with row.sides() as sides:
        for number in range(1 if row.is_count else WARM_UP + rounds):
            our_value, its_value = sides.ours(), sides.beside and sides.beside()
            if row.is_count or number >= WARM_UP:
                ours.append(our_value)
                beside += [its_value] if its_value is not None else []
        return Figures(row, sides.note, tuple(ours), tuple(beside))


def table(found: list[Figures]) -> str:
    """A line for each row, and below it in words what was measured."""
    head = ("", "ours", "beside", "ratio (middle half)", "goal", "")
    lines = [head, *map(_cells, found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    width = widths[0]
    return "\n".join([*shown, "", *(f"{figures.row.name:<{width}}  {_words(figures)}" for figures in found)])


def _cells(figures: Figures) -> tuple[str, ...]:
    row = figures.row
    limits = ((row.at_most, row.unit), (row.at_most_times, "×"))
    goals = [f"≤ {limit:g} {unit}" for limit, unit in limits if limit is not None]
    return (
        row.name,
        f"{median(figures.ours):,.4g} {row.unit}",
        f"{median(figures.beside):,.4g} {row.unit}" if figures.beside else "",
        _ratio(figures.ratios),
        ", ".join(goals),
        ("met" if figures.is_met else "not met") if goals else "",
    )


def _ratio(ratios: tuple[float, ...]) -> str:
    if len(ratios) < 2:
        return "".join(f"{ratio:.2f}" for ratio in ratios)
    low, middle, high = quantiles(ratios, n=4, method="inclusive")
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def _words(figures: Figures) -> str:
    row = figures.row
    return row.what + (f"; beside {row.beside}" if row.beside else "") + (f"; {figures.note}" if figures.note else "")
