"""`cfmail history`: what was sent, listed, shown and exported."""

import argparse
import sys
from collections.abc import Callable

from cfmail_tui import report
from cfmail_tui.cli.arguments import UsageError
from cfmail_tui.cli.opening import opened
from cfmail_tui.cli.output import DONE, NO_INPUT, NOT_SENT, failed, print_json, tell
from cfmail_tui.message import MailError
from cfmail_tui.outbox import Outbox


def history(args: argparse.Namespace) -> int:
    verb, *rest = args.query or [""]
    action: Callable[[Outbox, argparse.Namespace, list[str]], None] = _history_list
    name, flags = "", {"json", "limit"}
    # A search for the word "show" alone is still a search.
    if verb == "show" and len(rest) == 1:
        action, name, flags = _history_show, " show", {"json", "eml", "curl"}
    elif verb == "export" and not rest:
        action, name, flags = _history_export, " export", {"json", "csv", "limit"}
    for flag in ("eml", "curl", "csv", "limit"):
        if getattr(args, flag) and flag not in flags:
            raise UsageError(f"--{flag} does not go with cfmail history{name}")
    try:
        with opened("", sandbox=False) as (outbox, _):
            return tell(lambda: action(outbox, args, rest), DONE, NOT_SENT)
    except MailError as error:
        return failed("unreadable", str(error), NO_INPUT, as_json=args.json)


def _history_list(outbox: Outbox, args: argparse.Namespace, _rest: list[str]) -> None:
    attempts = outbox.attempts(" ".join(args.query), args.limit or 50)
    if args.json:
        print_json([report.as_json(attempt) for attempt in attempts])
        return
    for attempt in attempts:
        print(report.in_a_line(attempt))
    if not attempts:
        print("nothing found" if args.query else "nothing was sent yet", file=sys.stderr)


def _history_show(outbox: Outbox, args: argparse.Namespace, rest: list[str]) -> None:
    attempt = outbox.attempt(rest[0])
    if args.json:
        print_json(report.as_json(attempt))
    elif args.eml:
        sys.stdout.buffer.writelines(outbox.eml(attempt))
    elif args.curl:
        print(outbox.curl(attempt))
    else:
        print("\n".join(report.in_full(attempt)))


def _history_export(outbox: Outbox, args: argparse.Namespace, _rest: list[str]) -> None:
    attempts = outbox.attempts(limit=args.limit or sys.maxsize)
    if args.csv:
        sys.stdout.writelines(report.as_csv(attempts))
    else:
        print_json([report.as_json(attempt) for attempt in attempts])
