"""Where in a TOML text each key stands: tomllib tells what is there, and not in which line.

For texts that tomllib could read, whose quotation marks and brackets are therefore in order.
"""

import re
import tomllib
from typing import Final, NamedTuple

Path = tuple[str, ...]
"""A key with the tables it is in, the outermost first."""

_TOKEN: Final = re.compile(
    r"""(?P<nothing>[ \t\r]+|\#[^\n]*)
      | (?P<newline>\n)
      | (?P<string>\"\"\"(?:\\.|[^\\])*?\"\"\"\"{0,2} | '''.*?''''{0,2} | "(?:\\.|[^"\\])*" | '[^']*')
      | (?P<bare>[A-Za-z0-9_-]+)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def lines_of(text: str) -> dict[Path, int]:
    """The line, from 1, of each key and table, where it comes first."""
    return _Scan(text).lines


class _Scan:
    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._tokens = _tokens(text)
        self._at = 0
        table: Path = ()
        while self._next.kind != "end":
            if self._next.kind == "newline":
                self._at += 1
            elif self._next.text == "[":
                self._skip("[")
                table = self._key(())
                self._skip("]")
            else:
                self._pair(table)

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _skip(self, signs: str) -> None:
        while self._next.kind == "sign" and self._next.text in signs:
            self._at += 1

    def _pair(self, table: Path) -> None:
        path = self._key(table)
        self._at += 1  # the sign between key and value
        self._value(path)

    def _key(self, table: Path) -> Path:
        """Read a key, dotted or not, and note where it stands, and each table that it names on its way."""
        path = table
        while self._next.kind in {"bare", "string"}:
            word = self._next.text
            path = (*path, word if self._next.kind == "bare" else tomllib.loads(f"key = {word}")["key"])
            self.lines.setdefault(path, self._next.line)
            self._at += 1
            self._skip(".")
        return path

    def _value(self, path: Path) -> None:
        opening = self._next.text if self._next.kind == "sign" else ""
        if opening not in {"[", "{"}:
            while not self._is_at_end_of_value():
                self._at += 1
            return
        self._at += 1
        while self._next.text not in {"]", "}"}:
            if self._next.kind == "newline" or self._next.text == ",":
                self._at += 1
            elif opening == "[":
                self._value(path)
            else:
                self._pair(path)
        self._at += 1

    def _is_at_end_of_value(self) -> bool:
        return self._next.kind in {"newline", "end"} or (self._next.kind == "sign" and self._next.text in ",]}")


def _tokens(text: str) -> list[_Token]:
    """What means something in the text, with an end behind it."""
    found = []
    line = 1
    for match in _TOKEN.finditer(text):
        if (kind := match.lastgroup or "") != "nothing":
            found.append(_Token(kind, match[0], line))
        line += match[0].count("\n")
    return [*found, _Token("end", "", line)]
