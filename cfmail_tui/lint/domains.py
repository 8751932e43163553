"""A domain that is one slip of the finger away from a well-known one."""

from collections.abc import Iterator
from typing import Final

from cfmail_tui.lint.words import TARGET_LENGTH, TOP_LEVEL_DOMAINS, WELL_KNOWN_DOMAINS


def meant(domain: str) -> str:
    """The well-known domain that this one, in lower case, is likely a slip for; "" if it is none."""
    if domain in _KNOWN or _is_of_another_country(domain):
        return ""
    near = {known for shorter in _shorter(domain) for known in _NEAR.get(shorter, ()) if is_one_slip(domain, known)}
    return min(near, key=WELL_KNOWN_DOMAINS.index, default="")


def _is_of_another_country(domain: str) -> bool:
    """Whether it is a well-known name under another ending that there is; `.co` is more often half a `.com`."""
    name, _, ending = domain.partition(".")
    return name in _NAMES and ending != "co" and all(label in TOP_LEVEL_DOMAINS for label in ending.split("."))


def is_one_slip(one: str, other: str) -> bool:
    """Whether a letter too many, too few or wrong, or two in the wrong order, makes one of the other (Damerau)."""
    if one == other:
        return False
    if len(one) < len(other):
        one, other = other, one
    at = next((at for at, letter in enumerate(other) if letter != one[at]), len(other))
    if len(one) == len(other) + 1:
        return one[at + 1 :] == other[at:]
    swapped = one[at + 1 : at + 2] + one[at : at + 1] == other[at : at + 2]
    return len(one) == len(other) and (
        one[at + 1 :] == other[at + 1 :] or (swapped and one[at + 2 :] == other[at + 2 :])
    )


def _shorter(domain: str) -> Iterator[str]:
    """The domain, and with each of its letters left out: two that are one slip apart have one of these in common."""
    yield domain
    yield from (domain[:at] + domain[at + 1 :] for at in range(len(domain)))


def _near() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for known in WELL_KNOWN_DOMAINS:
        if len(known.partition(".")[0]) >= TARGET_LENGTH and not known.startswith("example."):
            for shorter in {*_shorter(known)}:
                found[shorter] = (*found.get(shorter, ()), known)
    return found


_KNOWN: Final = frozenset(WELL_KNOWN_DOMAINS)
_NEAR: Final = _near()
_NAMES: Final = frozenset(known.partition(".")[0] for known in WELL_KNOWN_DOMAINS)
