"""Each key is found in the line where it stands, however the file is written."""

import tomllib
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui.settings.lines import lines_of

DECOYS: Final = (
    "# {key} = 0",
    "",
    '\t # [{key}] """',
    "'x{key}'.t = 'no # comment, [no] array'",
    'x{key} = """\n{key} = 0\n[{key}] \\""" \n"""""  # {key} = 0',
    "x{key} = '''\n{key} = 0 \\\n''''",
    "x{key} = [ # {key} = 0\n  [\"]\", ']'],\n  1979-05-27 07:32:00, # ]\n]",
    'x{key} = "\\" = {key}"\r',
)
QUOTES: Final = ("{}", '"{}"', "'{}'")


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A text in which the value of each key that is a whole number is the number of its line."""
    text = ""

    def add(line: str) -> None:
        nonlocal text
        text += line.replace("LINE", str(text.count("\n") + 1)) + "\n"

    def quoted(name: str) -> str:
        return draw(st.sampled_from(QUOTES)).format(name)

    def dotted(*names: str) -> str:
        return draw(st.sampled_from([".", " . "])).join(map(quoted, names))

    for number in range(draw(st.integers(1, 4))):
        if number:
            header = dotted("table", f"t{number}")
            add(draw(st.sampled_from([f"[{header}]", f" [ {header} ] # [no]", f"[[{header}]]"])))
        for place in range(draw(st.integers(0, 4))):
            key = f"k{number}-{place}"
            for decoy in draw(st.lists(st.sampled_from(DECOYS), max_size=2, unique=True)):
                mark = f"{place}{DECOYS.index(decoy)}"
                add(decoy.replace("x{key}", f"x{mark}").replace("{key}", key))
            match draw(st.sampled_from(["plain", "dotted", "inline"])):
                case "plain":
                    add(f"{quoted(key)}=LINE")
                case "dotted":
                    add(f"  {dotted(key, 'b')} = LINE # 0")
                case "inline":
                    add(f"{quoted(key)} = {{ {quoted('a')} = LINE, b.c = LINE, d = [{{e = LINE}}, 1.5] }}")
    return text


def numbers(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], int]:
    match value:
        case dict():
            return {at: line for key, part in value.items() for at, line in numbers(part, (*path, key)).items()}
        case list():
            return {at: line for part in value for at, line in numbers(part, path).items()}
        case int():
            return {path: value}
    return {}


@given(documents())
def test_every_key_is_where_it_stands(text: str) -> None:
    """Dotted and quoted keys, tables, arrays, comments and texts of several lines lead nowhere else."""
    expected = numbers(tomllib.loads(text))
    found = lines_of(text)
    assert {path: found.get(path) for path in expected} == expected


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("[findings]\n", ("findings",), 1),
        ("\n[a.b]\n[a]\n", ("a",), 2),
        ("a.b = 1\n\n[c]\na = 1", ("c", "a"), 4),
        ("\n'a.b' = 1", ("a.b",), 2),
        ('"\\u00e9" = 1', ("é",), 1),
        ("[[a]]\nb = 1\n[[a]]\nb = 2\n", ("a", "b"), 2),
    ],
)
def test_where_tables_stand(text: str, path: tuple[str, ...], line: int) -> None:
    """A table is where it is first named, and so is a key that comes several times."""
    assert lines_of(text)[path] == line
