"""Text: which character set it is in, as far as that can be told, and its first lines."""

import codecs
import re

from cfmail_tui.preview.reading import OpenFile
from cfmail_tui.preview.shown import Preview, Room

_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)

_NOT_OF_TEXT = bytes({*range(0x20), 0x7F} - set(b"\t\n\v\f\r\b\x1b"))
"""Controls that text rarely has; backspace and ESC come with the output of programs."""


def show(file: OpenFile, head: bytes, room: Room) -> Preview | None:
    whole = len(head) >= file.size
    if not (found := decoded(head, whole=whole)):
        return None
    charset, text = found
    lines = split(text)
    count = f", {len(lines):,} line{'s' if len(lines) != 1 else ''}" if whole else ""
    return Preview((f"text, {charset}{count}",), tuple(lines[: room.rows]))


def decoded(head: bytes, *, whole: bool) -> tuple[str, str] | None:
    """The character set in words, and the text; None for what is no text. `head` may end inside a character."""
    for mark, codec, words in _MARKS:
        if head.startswith(mark):
            return words, codecs.getincrementaldecoder(codec)("replace").decode(head[len(mark) :], final=whole)
    if b"\0" in head or len(head) - len(head.translate(None, _NOT_OF_TEXT)) > len(head) // 32:
        return None
    try:
        return "ASCII" if head.isascii() else "UTF-8", codecs.getincrementaldecoder("utf-8")().decode(head, final=whole)
    except UnicodeDecodeError:
        pass
    # ISO 8859-1 has controls where Windows-1252 has quotes, dashes and the euro.
    if re.search(rb"[\x80-\x9f]", head) and not re.search(rb"[\x81\x8d\x8f\x90\x9d]", head):
        return "probably Windows-1252", head.decode("windows-1252")
    return "probably ISO 8859-1 (Latin-1)", head.decode("iso-8859-1")


def split(text: str) -> list[str]:
    """Lines at CR, LF or both; other separators of Unicode stay in their line."""
    lines = re.split(r"\r\n?|\n", text)
    return lines if lines[-1] else lines[:-1]
