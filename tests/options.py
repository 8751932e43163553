"""Every verb and option in docs/command-line.md, made of the parsers: `python -m tests.options` writes them anew."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cfmail_tui import cli

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "command-line.md"
PLACE: Final = re.compile(r"(?<=<!-- options:)( .*? -->\n).*(?=<!-- /options -->)", re.DOTALL)


def options() -> str:
    """A heading and a table for each verb."""
    return "\n".join(line for parser, _ in cli.all_verbs().values() for line in _verb(parser())) + "\n"


def written() -> str:
    """The document with the options as they are."""
    return PLACE.sub(lambda found: found[1] + options(), DOCUMENT.read_text("utf-8"))


def _verb(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"### `{parser.prog}`\n"
    if parser.description:
        yield f"{parser.description}\n"
    rows = list(_rows(parser))
    if rows:
        yield "\n".join(["| option | what it does |", "|---|---|", *rows, ""])
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _verb(inner)


def _rows(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if action.dest == "help" or action.help == argparse.SUPPRESS or isinstance(action, argparse._SubParsersAction):
            continue
        names = ", ".join(action.option_strings)
        takes = " ".join(filter(None, [names, _value(action)]))
        yield f"| `{_cell(takes)}` | {_cell(action.help or '')} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    shown = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    return str(shown)


if __name__ == "__main__":
    DOCUMENT.write_text(written(), "utf-8")
