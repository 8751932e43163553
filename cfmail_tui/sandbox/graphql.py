"""A reader of GraphQL queries of one shape: nested fields with arguments, read into a tree with the variables put in.

No library: the maintained one (graphql-core) is twenty times what is needed here, would come with every installation of
a mail program, and holds to the specification where Cloudflare's own API does not (its type is `string`). What this
reader does not know (mutations, fragments, directives, block strings, several operations) it refuses by name.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 12

_TOKEN = re.compile(
    r"""(?P<skipped>[\s,\ufeff]+|\#[^\n\r]*)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    |(?P<block>\"\"\")
    |(?P<string>"(?:[^"\\\n\r]|\\.)*")
    |(?P<punctuator>\.\.\.|[!$()\[\]{}:=@|&])""",
    re.VERBOSE | re.ASCII,
)
_CONSTANTS: Final = {"true": True, "false": False, "null": None}


class QueryError(Exception):
    """The query is refused; `path` leads to the field that is, `status` is the HTTP answer's."""

    def __init__(self, message: str, *path: str, status: int = 200, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    key: str
    """The name under which the answer has it: the alias, if there is one."""
    arguments: Mapping[str, Any]
    fields: tuple["Field", ...]


def read(text: str, variables: Mapping[str, Any]) -> tuple[Field, ...]:
    """The fields of the one query in the text. Raises QueryError."""
    return _Reader(text, variables).query()


class _Reader:
    def __init__(self, text: str, variables: Mapping[str, Any]) -> None:
        self._tokens = _tokens(text)
        self._place = 0
        self._given = variables
        self._variables: dict[str, Any] = {}

    def query(self) -> tuple[Field, ...]:
        if self._peek() != "{":
            if (kind := self._next()) != "query":
                _fail(f"{kind!r} is not a query")
            if self._is_name():
                self._next()
            if self._skip("("):
                while not self._skip(")"):
                    self._declare()
        fields = self._fields(1)
        if self._peek():
            _fail(f"unexpected {self._peek()!r} after the query")
        return fields

    def _declare(self) -> None:
        """`$name: type = default`; types are read and not checked."""
        self._expect("$")
        name = self._name()
        self._expect(":")
        required = self._type()
        if self._skip("="):
            self._variables[name] = self._value(1)
        if name in self._given:
            self._variables[name] = self._given[name]
        if required and self._variables.get(name) is None:
            _fail(f"variable ${name} is not given")

    def _type(self) -> bool:
        if self._skip("["):
            self._type()
            self._expect("]")
        else:
            self._name()
        return self._skip("!")

    def _fields(self, depth: int) -> tuple[Field, ...]:
        if depth > MAX_DEPTH:
            _fail("the query is nested too deep")
        self._expect("{")
        fields = []
        while not self._skip("}"):
            if self._peek() in {"...", "@"}:
                _fail("fragments and directives are not known here")
            key = name = self._name()
            if self._skip(":"):
                name = self._name()
            arguments = self._arguments(depth) if self._skip("(") else {}
            inner = self._fields(depth + 1) if self._peek() == "{" else ()
            fields.append(Field(name, key, arguments, inner))
        if not fields:
            _fail("a selection is empty")
        return tuple(fields)

    def _arguments(self, depth: int, end: str = ")") -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        while not self._skip(end):
            name = self._name()
            self._expect(":")
            arguments[name] = self._value(depth)
        return arguments

    def _value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            _fail("the query is nested too deep")
        if self._skip("$"):
            name = self._name()
            if name not in self._variables:
                _fail(f"variable ${name} is not defined")
            return self._variables[name]
        if self._skip("["):
            items = []
            while not self._skip("]"):
                items.append(self._value(depth + 1))
            return items
        if self._skip("{"):
            return self._arguments(depth + 1, "}")
        token = self._next()
        if token in _CONSTANTS:
            return _CONSTANTS[token]
        if token[0] == '"' or token[0] in "-0123456789":
            try:
                return json.loads(token)
            except ValueError:
                _fail(f"not a value: {token}")
        if not _is_name(token):
            _fail(f"unexpected {token!r}")
        return token  # an enumeration's, such as datetime_DESC

    def _peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _next(self) -> str:
        if not (token := self._peek()):
            _fail("unexpected end of the query")
        self._place += 1
        return token

    def _skip(self, token: str) -> bool:
        found = self._peek() == token
        self._place += found
        if not found and not self._peek():
            _fail("unexpected end of the query")
        return found

    def _expect(self, token: str) -> None:
        if (found := self._next()) != token:
            _fail(f"expected {token!r}, found {found!r}")

    def _is_name(self) -> bool:
        return _is_name(self._peek())

    def _name(self) -> str:
        if not _is_name(name := self._next()):
            _fail(f"expected a name, found {name!r}")
        return name


def _tokens(text: str) -> list[str]:
    tokens, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup == "block":
            _fail(f"unexpected {text[place]!r}")
        if match.lastgroup != "skipped":
            tokens.append(match[0])
        place = match.end()
    return tokens


def _is_name(token: str) -> bool:
    return token[:1].isalpha() or token[:1] == "_"


def _fail(message: str) -> NoReturn:
    raise QueryError(f"error parsing query: {message}", status=400)
