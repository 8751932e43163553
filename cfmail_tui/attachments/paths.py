"""Paths as people type, paste and drop them."""

import glob
import os
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from urllib.parse import unquote_to_bytes

_MAGIC: Final = re.compile(r"[*?\[]")
_VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)
_FILE_URI: Final = re.compile(r"file:(?://(?:localhost)?)?(?=/)", re.IGNORECASE)


def expanded(text: str) -> tuple[str, ...]:
    """The absolute paths that a typed one stands for; () if it is a pattern and no file matches.

    A `file:` URI (RFC 8089) is decoded, `~` and environment variables are filled in, and a pattern of `*`, `?` and
    `[...]` gives what matches it, sorted; `*` passes over hidden files. A file that has just this name comes first.
    """
    if _FILE_URI.match(text):
        return (os.path.abspath(from_uri(text)),)  # noqa: PTH100 - Path's own leaves `..` in
    if os.path.lexists(text) or not _can_be_a_path(text):
        return (os.path.abspath(text),)  # noqa: PTH100 - Path's own leaves `..` in
    path = filled(text)
    if not _MAGIC.search(text) or os.path.lexists(path):
        return (os.path.abspath(path),)  # noqa: PTH100
    # What comes out of a variable is no pattern, as long as it was not typed.
    matches = glob.glob(_filled(text, glob.escape))  # noqa: PTH207 - Path's own takes no absolute pattern
    return tuple(os.path.abspath(match) for match in sorted(matches))  # noqa: PTH100


def from_uri(text: str) -> str:
    """The path a `file:` URI of this machine names (RFC 8089); anything else as it stands."""
    uri = _FILE_URI.match(text)
    return os.fsdecode(unquote_to_bytes(text[uri.end() :].encode("utf-8", "surrogatepass"))) if uri else text


def filled(text: str) -> str:
    """The text with its home and variables filled in; what is not set stays as it stands."""
    return _filled(text, str)


def _can_be_a_path(text: str) -> bool:
    with suppress(UnicodeEncodeError):
        return b"\0" not in os.fsencode(text)
    return False


def _filled(text: str, quoted: Callable[[str], str]) -> str:
    home, slash, rest = text.partition("/")
    if home.startswith("~") and (found := os.path.expanduser(home)) != home:  # noqa: PTH111 - raises for no such user
        home = quoted(found)
    else:
        home = _VARIABLE.sub(lambda name: _value(name, quoted), home)
    return home + slash + _VARIABLE.sub(lambda name: _value(name, quoted), rest)


def _value(name: re.Match[str], quoted: Callable[[str], str]) -> str:
    value = os.environ.get(name[1] or name[2])
    return name[0] if value is None else quoted(value)
