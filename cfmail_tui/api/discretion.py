"""A far end's words without the secrets it was sent: it may repeat them, and its words go to history and screen.

Invariant: of a secret not even a part of `SHORTEST_PART` characters comes through, as servers like to cut what they
repeat.
"""

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, Final, TypeVar

SHORTEST_PART: Final = 8
"""Characters in a row that are taken for a part of a secret: fewer are often words of their own."""

T = TypeVar("T")


def without(text: str, secrets: Iterable[str]) -> str:
    """The text with … in place of each of these secrets, whole or in part."""
    for secret in secrets:
        size = min(SHORTEST_PART, len(secret))
        parts = {secret[start : start + size] for start in range(len(secret) - size + 1)} - {""}
        found = [start for start in range(len(text) - size + 1) if text[start : start + size] in parts]
        kept, end = "", 0
        for start in found:
            kept += f"{text[end:start]}…" if start > end or not kept else ""
            end = start + size
        text = kept + text[end:]
    return text


def throughout(value: T, change: Callable[[str], str], *, but: str = "") -> T:
    """The same value with every text in it changed, also in tuples and dataclasses, but for the field called so."""
    return _changed(value, change, but)  # type: ignore[no-any-return]


def _changed(value: Any, change: Callable[[str], str], but: str) -> Any:
    match value:
        case Enum():
            return value
        case str():
            return change(value)
        case tuple():
            return tuple(_changed(part, change, but) for part in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    parts = {part.name: getattr(value, part.name) for part in fields(value) if part.name != but}
    return replace(value, **{name: _changed(part, change, but) for name, part in parts.items()})
