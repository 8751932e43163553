"""The colours of words, so that they can be read: in a light theme Textual's warnings are too pale for that."""

from collections.abc import Mapping
from typing import Final

from textual.color import Color

READABLE: Final = 4.5
"""The contrast that small letters need (WCAG 2.2, success criterion 1.4.3)."""

_WORDS: Final = ("text-success", "text-warning", "text-error")
_STEP: Final = 0.02


def readable(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of a theme, with each colour of words dark enough for a light background."""
    behind = Color.parse(variables["panel"])
    if behind.brightness < 0.5:
        return {**variables}
    return {**variables, **{name: _darkened(Color.parse(variables[name]), behind).hex for name in _WORDS}}


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of two opaque colours, from 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _darkened(colour: Color, behind: Color) -> Color:
    while contrast(colour, behind) < READABLE:
        colour = colour.darken(_STEP)
    return colour


def _luminance(colour: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
