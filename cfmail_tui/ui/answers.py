"""What the terminal answers when it is asked for its background, told from what is typed.

The question is an operating system command (OSC 11), and so is the answer: ESC ] 11 ; rgb:RRRR/GGGG/BBBB, ended by BEL
or by ESC and a backslash. It comes where keys come, whenever it likes, in pieces if the line is bad. None of it is ever
a key; what is not an answer always is one.
"""

import re
import time
from collections.abc import Iterator
from typing import Final

QUESTION: Final = "\x1b]11;?\x1b\\"

_BEGINNING: Final = "]11;"
"""What follows an ESC in an answer, and in nothing that anybody types."""

_KEY_PATIENCE: Final = 0.1
"""Seconds after which a beginning that goes no further was keys."""

_ANSWER_PATIENCE: Final = 2.0
"""Seconds after which an answer that was begun is given up."""

_LONGEST: Final = 64
"""Characters of an answer; one of four digits a colour has 24."""

_CALLED_OFF: Final = "[?0;0$y"
"""What makes of an ESC that the parser has already a report of a mode that there is not, which is nothing at all."""

_WITHIN: Final = frozenset("rgba:/#;?0123456789ABCDEFabcdef")
"""What an answer consists of."""

_COLOUR: Final = re.compile(
    r"\]11;rgba?:([0-9A-Fa-f]{1,4})/([0-9A-Fa-f]{1,4})/([0-9A-Fa-f]{1,4})(?:/[0-9A-Fa-f]{1,4})?"
)


class Answers:
    """Stands between the terminal and the parser of keys."""

    def __init__(self) -> None:
        self.is_dark: bool | None = None
        """Whether the background is dark, None as long as that was not told."""
        self._held = ""
        self._held_at = 0.0
        self._is_after_escape = False
        self._is_escape_open = False

    def typed(self, character: str) -> Iterator[str]:
        """What of the text up to this character is typed, for the parser."""
        if self._held:
            yield from self._held_and(character)
            return
        is_beginning = character == "]" and self._is_after_escape
        self._is_after_escape = self._is_escape_open = character == "\x1b"
        if is_beginning:
            self._is_escape_open = True
            self._held, self._held_at = character, time.monotonic()
        else:
            yield character

    def is_waiting(self) -> bool:
        """Whether what follows decides if an ESC was a key."""
        patience = _ANSWER_PATIENCE if self._held.startswith(_BEGINNING) else _KEY_PATIENCE
        return bool(self._held) and time.monotonic() - self._held_at < patience

    def elapsed(self) -> str:
        """What was typed after all, as nothing followed."""
        return self._given_up() if self._held else ""

    def escape_was_typed(self) -> None:
        """The parser has made a key of the last ESC."""
        self._is_escape_open = False

    def _held_and(self, character: str) -> Iterator[str]:
        text = self._held + character
        if _BEGINNING.startswith(text):
            self._held = text
        elif not self._held.startswith(_BEGINNING):
            self._is_after_escape = self._is_escape_open = character == "\x1b"
            held, self._held = self._held, ""
            yield held + character
        elif character in {"\x07", "\x9c"} or text.endswith("\x1b\\"):
            self._understand(text)
            yield self._given_up()
        elif len(text) < _LONGEST and (character in _WITHIN or character == "\x1b") and self._held[-1] != "\x1b":
            self._held = text
        else:
            # It was broken off, and keys follow.
            escape = "\x1b" if self._held.endswith("\x1b") else ""
            yield self._given_up()
            for key in escape + character:
                yield from self.typed(key)

    def _given_up(self) -> str:
        """Hold nothing any more; gives what was typed of it, or ends the ESC that was none."""
        held, self._held = self._held, ""
        was_open, self._is_escape_open, self._is_after_escape = self._is_escape_open, False, False
        if not held.startswith(_BEGINNING):
            return held
        return _CALLED_OFF if was_open else ""

    def _understand(self, answer: str) -> None:
        if found := _COLOUR.match(answer):
            red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
            self.is_dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
