"""The command line: arguments in, exit code out; the composition root that puts the parts together.

Results go to standard output, words for people to standard error. A verb's module is loaded when the verb is run, and
Textual, httpx, keyring and sqlite3 only by the verbs that need them, so `--help` and `--version` are quick.

Exit codes (tested and documented): 0 accepted, every recipient delivered or queued; 3 accepted, but someone bounced,
was suppressed or is unreported; 64 usage; 65 the message cannot be sent as it is; 66 a file cannot be read; 69 refused
by the API, and what `doctor` ends with if something is wrong; 70 a defect in the composer; 75 not sent, safe to retry;
76 outcome unknown, may have been sent; 77 no usable credentials; 128 and the number of a signal that came, and nothing
was sent: 129 SIGHUP, 130 SIGINT, 131 SIGQUIT, 143 SIGTERM. A mail in flight comes to its outcome first (signals.py).

With --json standard output is one JSON value in every case; `send --template` tells a line of JSON for each row
(merging.py). Where no attempt came about it is an object of `outcome` (usage, invalid, unreadable, no_credentials,
not_sent, interrupted), `reason` and `exit_code`; invalid has `problems`, each with `place` and `problem`. What an
attempt looks like is in report.py, what is said of accounts in account.py; an attempt with `not_recorded` is missing in
the history, for the reason given there. What is found in a message is in lint.py.
"""

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

from cfmail_tui.cli.output import (
    DONE,
    INTERRUPTED,
    NO_CREDENTIALS,
    NO_INPUT,
    NOT_SENT,
    UNSENDABLE,
    USAGE,
    UsageError,
    failed,
    ready_streams,
    reason,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from cfmail_tui.cli.arguments import Parser
    from cfmail_tui.guardian import LetGo
    from cfmail_tui.still import Still

__all__ = [
    "DONE",
    "INTERRUPTED",
    "NOT_SENT",
    "NO_CREDENTIALS",
    "NO_INPUT",
    "UNSENDABLE",
    "USAGE",
    "all_verbs",
    "go_on",
    "main",
]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code."""
    given = sys.argv[1:] if argv is None else list(argv)
    verbs = all_verbs()
    verb = given[0] if given and given[0] in verbs else ""
    parser, run = verbs[verb]
    as_json = "--json" in given

    def begin() -> int:
        args = parser().parse_args(given[1:] if verb else given)
        return _run(partial(run, args), as_json=as_json)

    return _told(begin, as_json=as_json)


def go_on(still: "Still", let_go: "LetGo") -> int:
    """Run the composer, whose still is painted and knows its arguments, and give its exit code."""

    def begin() -> int:
        # What is told of an error is told on the screen that was there before.
        with still:
            from cfmail_tui.cli.composing import go_on

            return _run(partial(go_on, still, let_go), as_json=False)

    return _told(begin, as_json=False)


def _told(begin: Callable[[], int], *, as_json: bool) -> int:
    """What this gives, or the exit code of what it raises, which is told."""
    ready_streams()
    try:
        return begin()
    except UsageError as error:
        return failed("usage", str(error), USAGE, as_json=as_json)
    except KeyboardInterrupt:
        return failed("interrupted", "interrupted", INTERRUPTED, as_json=as_json)


def _run(run: Callable[[], int], *, as_json: bool) -> int:
    from cfmail_tui.message import MailError, MessageError, UnreadableFile
    from cfmail_tui.process import keep_private

    keep_private()  # the environment may hold a token already
    try:
        return run()
    except MessageError as error:
        unreadable = any(isinstance(problem, UnreadableFile) for problem in error.problems)
        problems = [{"place": str(problem.place), "problem": problem.words} for problem in error.problems]
        code = NO_INPUT if unreadable else UNSENDABLE
        return failed("invalid", str(error), code, as_json=as_json, problems=problems)
    except MailError as error:
        from cfmail_tui.outbox import NoAccount

        if isinstance(error, NoAccount):
            return failed("no_credentials", str(error), NO_CREDENTIALS, as_json=as_json)
        return failed("not_sent", str(error), NOT_SENT, as_json=as_json)


def _compose(args: "argparse.Namespace") -> int:
    from cfmail_tui.cli.composing import compose

    return compose(args)


def _demo(args: "argparse.Namespace") -> int:
    from cfmail_tui.cli.composing import demo

    return demo(args)


def _send(args: "argparse.Namespace") -> int:
    from cfmail_tui.cli.sending import send

    return send(args)


def _send_raw(args: "argparse.Namespace") -> int:
    from cfmail_tui.cli.sending import send_raw

    return send_raw(args)


def _sendmail(args: "argparse.Namespace") -> int:
    from cfmail_tui.cli.sendmail import sendmail

    return sendmail(args)


def _lint(args: "argparse.Namespace") -> int:
    from cfmail_tui.cli.lint import lint

    return lint(args)


def _history(args: "argparse.Namespace") -> int:
    from cfmail_tui.cli.history import history

    return history(args)


def _account(args: "argparse.Namespace") -> int:
    from cfmail_tui.cli.account import account

    return account(args)


def _keys(args: "argparse.Namespace") -> int:
    from cfmail_tui.cli.keys import keys

    return keys(args)


def _doctor(args: "argparse.Namespace") -> int:
    from cfmail_tui.cli.doctor import doctor

    return doctor(args)


def _completion(args: "argparse.Namespace") -> int:
    from cfmail_tui.cli.completion import completion

    return completion(args, {verb: parser() for verb, (parser, _) in all_verbs().items()})


def _desktop(args: "argparse.Namespace") -> int:
    from cfmail_tui.cli.desktop import desktop

    return desktop(args)


def _sandbox(args: "argparse.Namespace") -> int:
    from cfmail_tui import settings
    from cfmail_tui.sandbox import serve

    try:
        return serve(args.data or settings.read(os.environ).data_dir / "sandbox", args.port, args.global_key)
    except OSError as error:
        raise UsageError(f"the sandbox cannot start: {reason(error)}") from error
    except OverflowError as error:
        raise UsageError("a port is a number from 0 to 65535") from error


def all_verbs() -> "dict[str, tuple[Callable[[], Parser], Callable[[argparse.Namespace], int]]]":
    """What the first argument may be, "" for the composer: what the other arguments are, and what runs it."""
    from cfmail_tui.cli import arguments

    return {
        "": (arguments.compose_parser, _compose),
        "demo": (arguments.demo_parser, _demo),
        "send": (arguments.send_parser, _send),
        "send-raw": (arguments.send_raw_parser, _send_raw),
        "sendmail": (arguments.sendmail_parser, _sendmail),
        "lint": (arguments.lint_parser, _lint),
        "history": (arguments.history_parser, _history),
        "account": (arguments.account_parser, _account),
        "sandbox": (arguments.sandbox_parser, _sandbox),
        "keys": (arguments.keys_parser, _keys),
        "doctor": (arguments.doctor_parser, _doctor),
        "completion": (arguments.completion_parser, _completion),
        "desktop": (arguments.desktop_parser, _desktop),
    }
