"""Frozen classes, beside what `dataclass` makes of the same."""

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, FrozenInstanceError, asdict, dataclass, field, replace
from typing import Any, Final

import pytest

from cfmail_tui.frozen import frozen


def written() -> type[Any]:
    """A class with a field of each kind, not yet made into anything."""

    class Written:
        place: str
        weight: int = 3
        more: Mapping[str, int] = field(default_factory=dict)
        secret: str = field(default="", repr=False)
        _: KW_ONLY
        note: str = field(default="", compare=False)

        def __post_init__(self) -> None:
            if self.weight < 0:
                raise ValueError(self.weight)

    return Written


OURS: Final = frozen(written())
THEIRS: Final = dataclass(frozen=True, slots=True)(written())


@frozen
class Mark:
    """Something found."""

    words: str
    weight: int = 1


@frozen
class NamedMark(Mark):
    """Something found by a rule."""

    _: KW_ONLY
    rule: str


@frozen
class Nothing:
    """No more than that it is one."""


USES: Final[dict[str, Callable[[Any], object]]] = {
    "made of places": lambda made: repr(made("to", 4, {"a": 1}, "s")),
    "made of names": lambda made: repr(made(note="n", place="to")),
    "the default made anew": lambda made: made("a").more is made("a").more,
    "the same": lambda made: made("to", note="x") == made("to", note="y"),
    "another": lambda made: made("to", secret="x") == made("to", secret="y"),
    "something else": lambda made: made("to") == "to",
    "a copy with a change": lambda made: repr(replace(made("to", note="n"), weight=5)),
    "as a dictionary": lambda made: asdict(made("to", 1)),
    "in parts": lambda made: made.__match_args__,
    "its slots": lambda made: made.__slots__,
    "hashed": lambda made: len({made("to", 1, ()), made("to", 1, (), note="x"), made("to", 2, ())}),
    "without what it needs": lambda made: made(),
    "with too much": lambda made: made("to", other=1),
    "a note by its place": lambda made: made("to", 1, {}, "s", "n"),
    "refused by itself": lambda made: made("to", -1),
    "changed": lambda made: setattr(made("to"), "place", "cc"),
    "cut": lambda made: delattr(made("to"), "place"),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_it_does_what_a_dataclass_does(use: Callable[[Any], object]) -> None:
    """A frozen class is used like a frozen, slotted dataclass, mistakes included."""
    told = []
    for made in (OURS, THEIRS):
        try:
            told.append(use(made))
        except (TypeError, ValueError, FrozenInstanceError) as error:
            told.append((type(error), str(error)))
    assert told[0] == told[1]


def test_one_made_from_another() -> None:
    """It has the fields of what it is made from, and is never the same as one of that."""
    mark = NamedMark("too long", rule="length")
    assert (mark.words, mark.weight, mark.rule) == ("too long", 1, "length")
    assert mark != Mark("too long")
    assert mark == replace(NamedMark("", 1, rule="length"), words="too long")
    assert not hasattr(mark, "__dict__")


def test_nothing_to_compare() -> None:
    """Where there are no fields, one is as good as another."""
    assert Nothing() == Nothing()
    assert len({Nothing(), Nothing()}) == 1
    assert repr(Nothing()) == "Nothing()"
