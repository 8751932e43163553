"""`cfmail history`: what was sent, listed, shown and exported."""

import argparse
import math
import sys
from collections.abc import Callable
from datetime import datetime

from cfmail_tui import report
from cfmail_tui.cli.opening import opened
from cfmail_tui.cli.output import DONE, NO_INPUT, NOT_SENT, UsageError, failed, print_json, print_json_list, tell
from cfmail_tui.message import MailError, printable
from cfmail_tui.outbox import Outbox
from cfmail_tui.searching import parse


def history(args: argparse.Namespace) -> int:
    verb, *rest = args.query or [""]
    action: Callable[[Outbox, argparse.Namespace, str], None] = _history_list
    query, name, flags = " ".join(args.query), "", {"json", "limit"}
    # A search for the word "show" alone is still a search.
    if verb == "show" and len(rest) == 1:
        action, query, name, flags = _history_show, rest[0], " show", {"json", "eml", "curl"}
    elif verb == "export":
        action, query, name, flags = _history_export, " ".join(rest), " export", {"json", "jsonl", "csv", "limit"}
    for flag in ("eml", "curl", "csv", "jsonl", "limit"):
        if getattr(args, flag) and flag not in flags:
            raise UsageError(f"--{flag} does not go with cfmail history{name}")
    if action is not _history_show:
        _refuse_mistakes(query)
    try:
        with opened("", sandbox=False) as (outbox, _):
            outbox.tidy()  # what is to be kept no longer is neither shown nor exported
            return tell(lambda: action(outbox, args, query), DONE, NOT_SENT)
    except MailError as error:
        return failed("unreadable", str(error), NO_INPUT, as_json=args.json)


def _refuse_mistakes(query: str) -> None:
    """A script must not take what was found without half of its query for the answer."""
    if mistakes := parse(query, datetime.now()).mistakes:  # noqa: DTZ005 - days begin where this machine is
        told = (
            f"{mistake.words}: {printable(query[mistake.start : mistake.end])} at character {mistake.start + 1}"
            for mistake in mistakes
        )
        raise UsageError("\n".join(told))


def _history_list(outbox: Outbox, args: argparse.Namespace, query: str) -> None:
    attempts = outbox.exported(query, args.limit or 50)
    if args.json:
        print_json_list(map(report.as_json, attempts))
        return
    found = False
    for attempt in attempts:
        found = True
        print(report.in_a_line(attempt))
    if not found:
        print("nothing found" if args.query else "nothing was sent yet", file=sys.stderr)


def _history_show(outbox: Outbox, args: argparse.Namespace, attempt_id: str) -> None:
    detail = outbox.detail(attempt_id)
    if args.json:
        print_json(report.detail_as_json(detail))
    elif args.eml:
        sys.stdout.buffer.writelines(outbox.eml(detail.attempt))
    elif args.curl:
        print(outbox.curl(detail.attempt))
    else:
        print("\n".join(report.detail_in_words(detail)))


def _history_export(outbox: Outbox, args: argparse.Namespace, query: str) -> None:
    attempts = outbox.exported(query, args.limit or math.inf)
    if args.csv:
        sys.stdout.writelines(report.as_csv(attempts))
    elif args.jsonl:
        sys.stdout.writelines(report.as_json_lines(attempts))
    else:
        print_json_list(map(report.as_json, attempts))
