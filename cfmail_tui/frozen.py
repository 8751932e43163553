"""Frozen classes: what `dataclass(frozen=True, slots=True)` makes of a class, in a tenth of its time.

That one writes six methods for each class and compiles them, which takes a millisecond, and a command has a hundred
classes. Here those that compare, show and refuse are written once for all of them, and `__init__`, which puts each
argument into its slot, is compiled when the first object of a class is made: of many there is none.

To everybody else such a class is a dataclass: to `replace`, `fields` and `asdict`, to `match` and to type checkers.
"""

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, dataclass_transform

Class = TypeVar("Class", bound=type)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: Class) -> Class:
    """Objects of this class never change, and are the same if their fields are; each field is an argument."""
    # Without a docstring one is made of the signature, which takes as long as all the rest.
    cls.__doc__ = cls.__doc__ or cls.__name__
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    # With the class, so that there is something to compare where there are no fields.
    parts = attrgetter("__class__", *(one.name for one in fields(made) if one.compare))
    shown = [one.name for one in fields(made) if one.repr]

    def __init__(self: object, *values: object, **named: object) -> None:  # noqa: N807 - they are those of the class
        made.__init__ = _initializer(made)
        made.__init__(self, *values, **named)

    def __eq__(self: object, other: object) -> bool:  # noqa: N807
        return parts(self) == parts(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: object) -> int:  # noqa: N807
        return hash(parts(self))

    def __repr__(self: object) -> str:  # noqa: N807
        return f"{self.__class__.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    for method in (__init__, __eq__, __hash__, __repr__, __setattr__, __delattr__):
        if method.__name__ not in vars(cls):
            setattr(made, method.__name__, method)
    return made  # type: ignore[no-any-return]


def __setattr__(_self: object, name: str, _value: object) -> NoReturn:  # noqa: N807
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def __delattr__(_self: object, name: str) -> NoReturn:  # noqa: N807
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _initializer(cls: type[Any]) -> Callable[..., None]:
    scope: dict[str, Any] = {"MISSING": MISSING}
    by_place, by_name, body = ["self"], ["*"], ["pass"]
    for one in fields(cls):
        name, given, default = one.name, one.name, ""
        scope[f"put_{name}"] = getattr(cls, name).__set__
        if one.default_factory is not MISSING:
            scope[f"make_{name}"] = one.default_factory
            given, default = f"make_{name}() if {name} is MISSING else {name}", "=MISSING"
        elif one.default is not MISSING:
            scope[f"default_{name}"] = one.default
            default = f"=default_{name}"
        (by_name if one.kw_only else by_place).append(name + default)
        body.append(f"put_{name}(self, {given})")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    arguments = ", ".join(by_place + (by_name if by_name[1:] else []))
    exec(f"def __init__({arguments}):\n " + "\n ".join(body), scope)  # noqa: S102 - as dataclasses do it
    made: Callable[..., None] = scope["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made
