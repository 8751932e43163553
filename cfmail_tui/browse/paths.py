"""Paths as people type them while a folder is shown, paste and drop them. Only `pasted_paths` asks the file system."""

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from cfmail_tui.attachments import filled, from_uri
from cfmail_tui.browse.looking import look

PASTE_LIMIT: Final = 64 * 1024
"""Characters of a paste that may be paths; a longer one is text."""

_MOST_PATHS: Final = 100


def target(typed: str, folder: str) -> str:
    """The absolute path that is meant by what was typed while this folder was shown."""
    path = from_uri(typed)
    return os.path.abspath(os.path.join(folder, filled(path) if path == typed else path))  # noqa: PTH100, PTH118 - as typed


def parted(typed: str, folder: str) -> tuple[str, str]:
    """The folder that is to be listed while this is typed, and what its names are to be filtered by."""
    head, slash, last = from_uri(typed).rpartition("/")
    return (target(head + slash, folder), last) if slash else (folder, typed)


def is_pattern(query: str) -> bool:
    """Whether it is a shell pattern."""
    return any(char in query for char in "*?[")


def completed(query: str, names: Sequence[str]) -> str:
    """The query as far as all names that begin with it agree, in their letter case; as it is if none does."""
    begun = [name for name in names if name.startswith(query)]
    if not begun:
        folded = query.casefold()
        begun = [name for name in names if name.casefold().startswith(folded)]
    common = os.path.commonprefix(begun)  # noqa: RUF071 - by character is what is meant
    return common if len(common) >= len(query) else query


def pasted_paths(text: str) -> tuple[str, ...]:
    """The files whose paths were pasted or dropped; () unless all of it is paths of existing files."""
    for paths in pasted_words(text):
        if all(look(path).kind == "file" for path in paths):
            return paths
    return ()


def pasted_words(text: str) -> Iterator[tuple[str, ...]]:
    """How a paste can be read as absolute paths: one a line as they are, or quoted words of a shell; neither, often."""
    if len(text) > PASTE_LIMIT or not text.lstrip().startswith(("/", "~/", "file:", "'", '"', "\\")):
        return
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    readings = [lines]
    with suppress(ValueError):  # a quotation mark without its other half: no terminal writes that
        readings.append(shlex.split(text))
    for words in readings:
        if 0 < len(words) <= _MOST_PATHS and all(from_uri(word).startswith(("/", "~/")) for word in words):
            yield tuple(dict.fromkeys(target(word, "/") for word in words))
