"""Text that would like to be more than text."""

import re
import unicodedata
from typing import Final

from tests.ui.stage import Stage

MARKUP: Final = (
    "[@click=app.quit]x[/]",
    "[/]",
    "[bold]b[/bold]",
    "[bad",
    "[red]r",
    "\\[x]",
    "[link=https://e.example]l[/link]",
    ":smile:",
)

CONTROLS: Final = (
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b[35;45m",
    "\x1b]8;;https://e.example\x1b\\",
    "\x9b35;45m",
    "\x9d52;c;ZXZpbA==\x9c",
    "\u202eevil\u202c",
    "\u2066evil\u2069",
    "\u2028",
    "\x85",
    "\0",
    "\x7f",
    "\x08\x08\x0e",
    "\u200b\ufeff",
)

FLOOD: Final = "e" + "\u0301" * 300 + "\u0336" * 300

HOSTILE: Final = " ".join((*MARKUP, *CONTROLS, FLOOD))

WHAT_TEXTUAL_WRITES: Final = re.compile(
    r"\x1b\[[<=>?]?[\d;:]*[ -/]*[@-~]"  # CSI: colours, places, modes, questions
    r"|\x1b\]22;[a-z-]*\x07"  # the shape of the pointer
    r"|\x1b\]11;\?\x1b\\"  # the question for the background
    r"|[\r\n\b]"  # moves; that none of them is a text's own is seen on the screen before it is written
)
"""What acts on the terminal and has to."""

ACTING: Final = {"Cc", "Cs", "Zl", "Zp"}
REORDERING: Final = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def acting(text: str) -> list[str]:
    """The characters of a text that do something to a terminal."""
    found = (
        char for char in text if unicodedata.category(char) in ACTING or unicodedata.bidirectional(char) in REORDERING
    )
    return [f"U+{ord(char):04X}" for char in found]


def assert_harmless(stage: Stage) -> None:
    """Nothing on the screen acts on the terminal, and nothing outside the key bar can be clicked."""
    bar = stage.app.size.height - 1
    for y, strip in enumerate(stage.app.screen._compositor.render_strips(stage.app.size)):
        for segment in strip:
            assert not acting(segment.text), (segment, stage.text())
            assert not segment.control
            if segment.style is not None:
                assert not segment.style.link
                assert y == bar or "@click" not in segment.style.meta, segment
