"""Pictures that are the same whenever and wherever they are drawn, and what of them differs if they are not.

The clock stands still at one moment, in one time zone; what chance decides on, ports and identifiers, is written over
with as many other letters.
"""

import html
import os
import re
import sys
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Final

MOMENT: Final = "2026-11-23 09:00:00"

_BY_CHANCE: Final = (
    (re.compile(r"(?<=127\.0\.0\.1:)\d{5}"), "43210"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "5f0c29d17ab3e846"),
    (re.compile(r"(?<=leaves&#160;in&#160;)\d(?=&#160;s)"), "5"),
    (re.compile(r"\bterminal-\d+"), "terminal"),
)
"""A port, a reference or an id, the seconds until a mail leaves, and a name within the SVG that is made from those."""


def libfaketime() -> str:
    """The path of the library that gives a program another time, "" where there is none."""
    return next((str(path) for path in Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), "")


def fixed_time() -> Mapping[str, str]:
    """The environment of a program that draws; without the library it has the true time."""
    # As in a real jump, the monotonic clock goes on: programs wait by it.
    clock = {"FAKETIME": MOMENT, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "LD_PRELOAD": libfaketime()}
    return {"TZ": "UTC0", **(clock if libfaketime() else {})}


def at_the_fixed_time(module: str) -> None:
    """Go on as a program for which it is that time, if this is not one already."""
    if any(os.environ.get(name) != value for name, value in fixed_time().items()):
        argv = [sys.executable, "-m", module, *sys.argv[1:]]
        os.execve(sys.executable, argv, {**os.environ, **fixed_time()})


def steady(svg: str) -> str:
    """The picture without what chance decided."""
    for pattern, usual in _BY_CHANCE:
        svg = pattern.sub(usual, svg)
    return svg


def looks(svg: str) -> list[str]:
    """What is seen: line by line what is written there and in which colours; nothing of how the SVG says it."""
    styles = dict(re.findall(r"^\s*\.[\w-]+-(r\d+) \{ ?(.*?) ?\}$", svg, re.MULTILINE))
    return sorted(_pieces(svg, styles), key=_place)


def _pieces(svg: str, styles: Mapping[str, str]) -> Iterator[str]:
    written = r'<text class="[\w-]+-(r\d+)" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>'
    for style, x, y, text in re.findall(written, svg):
        shown = html.unescape(text).replace("\xa0", " ").rstrip()
        if shown:
            yield f"line {round(float(y) / 24.4)}, column {round(float(x) / 12.2)}: {shown}   ({styles[style]})"
    filled = r'<rect fill="([^"]+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="[\d.]+" shape'
    for colour, x, y, width in re.findall(filled, svg):
        cells = f"{round(float(width) / 12.2)} cells"
        yield f"line {round(float(y) / 24.4) + 1}, column {round(float(x) / 12.2)}: {cells} of {colour}"


def _place(piece: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", piece)[:2])


def differences(kept: str, drawn: str) -> list[str]:
    """What is seen otherwise in the second picture than in the first."""
    compared = unified_diff(looks(kept), looks(drawn), "kept", "drawn", lineterm="", n=0)
    return [line for line in compared if not line.startswith(("@@", "---", "+++"))]
