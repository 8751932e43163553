"""`cfmail completion`: the script that has a shell complete the command line, made of the parsers themselves."""

import argparse
from collections.abc import Mapping
from functools import partial

from cfmail_tui.cli.arguments import Parser
from cfmail_tui.cli.output import DONE, NOT_SENT, tell


def completion(args: argparse.Namespace, parsers: Mapping[str, Parser]) -> int:
    import shtab

    parser = whole(parsers)
    # The first word is a verb or a file, for which shtab knows one kind only: fish offers files by itself.
    for action in [one for one in parser._actions if one.dest == "file"]:  # noqa: SLF001 - argparse has no other way
        parser._remove_action(action)  # noqa: SLF001
        parser._positionals._group_actions.remove(action)  # noqa: SLF001
    for action in _actions(parser):
        metavar = str(action.metavar or "")
        if "FILE" in metavar or "PATH" in metavar:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # where shtab looks for it
        elif "DIR" in metavar:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    script = shtab.complete(parser, args.shell)
    for verbs_only, files_too in _FIRST_WORD.items():
        script = script.replace(verbs_only, files_too)
    return tell(partial(print, script), DONE, NOT_SENT)


_FIRST_WORD = {
    "complete -o bashdefault": "complete -o bashdefault -o default",
    "_describe 'cfmail commands' _commands": "_describe 'cfmail commands' _commands\n  _files",
}
"""What of bash and zsh makes the first word a verb, and what makes it a file as well."""


def whole(parsers: Mapping[str, Parser]) -> argparse.ArgumentParser:
    """One parser of all verbs, by their names; "" is the command without one."""
    first = parsers[""]
    parser = argparse.ArgumentParser("cfmail", parents=[first], add_help=False, description=first.description)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", prog="cfmail")
    for name, one in parsers.items():
        if name:
            words = one.description
            verbs.add_parser(name, parents=[one], add_help=False, description=words, help=words, epilog=one.epilog)
    return parser


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """All arguments of a parser, and of those for its verbs."""
    found = []
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to them
        found.append(action)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            found += [inner for one in action.choices.values() for inner in _actions(one)]
    return found
