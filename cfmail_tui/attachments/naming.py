"""The name under which a file is sent: its own, less what a header, a screen or another system would stumble over."""

import re
import unicodedata
from pathlib import Path
from typing import Final

LONGEST: Final = 255
"""Octets of a name in UTF-8: what most file systems take."""

_NAMELESS: Final = "attachment"

_MISLEADING: Final = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff]")
"""What turns the order of the text around it; the letters of a right-to-left script turn by themselves."""

_UNFIT: Final = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff/\\\\]")
"""Controls, line ends, octets that are no text, and what parts folders, here or elsewhere."""


def own_name(path: str) -> str:
    """The name of the file at this path, clean."""
    return clean(Path(path).name)


def clean(name: str) -> str:
    """The name with what cannot be sent replaced or dropped, without leading dots, 255 octets at most.

    Letters, marks, joiners and emoji of every script stay as they are.
    """
    fit = _UNFIT.sub("_", _MISLEADING.sub("", name)).strip()
    return _cut(fit.lstrip(".").strip() or _NAMELESS)


def _cut(name: str) -> str:
    """A name of `LONGEST` octets at most, with its suffix; no character loses its marks."""
    if len(name.encode()) <= LONGEST:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not stem or len(suffix) > 20:
        stem, dot, suffix = name, "", ""
    room = LONGEST - len((dot + suffix).encode())
    kept = stem.encode()[:room].decode("utf-8", "ignore")
    at = len(kept)
    while 0 < at < len(stem) and (unicodedata.category(stem[at]).startswith("M") or "\u200d" in stem[at - 1 : at + 1]):
        at -= 1
    return (stem[:at] or kept) + dot + suffix
