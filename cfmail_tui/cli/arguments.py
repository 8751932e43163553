"""What the arguments of each verb are: a parser for each."""

import argparse
import os
import re
import sys
from collections.abc import Sequence

from cfmail_tui import __version__
from cfmail_tui.cli.output import UsageError
from cfmail_tui.still import terminal_size

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing takes a tenth of the time of all help
    from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    def __init__(self, **how: "Any") -> None:
        super().__init__(**{"formatter_class": _Formatter, **how})

    def error(self, message: str) -> "NoReturn":
        self.print_usage(sys.stderr)
        raise UsageError(message)


class _Formatter(argparse.HelpFormatter):
    """As wide as the terminal. Left to itself it asks a module that loads every kind of archive as well."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=(terminal_size(os.environ)[0] or 80) - 2)


class _QueryParser(Parser):
    """Takes words of a query wherever they stand, and -word for one of them: all its flags have two dashes, but -h."""

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: None = None
    ) -> argparse.Namespace:
        given = [*(args or ())]
        end = given.index("--") if "--" in given else len(given)
        unwanted = [word for word in given[:end] if re.match(r"-[^-]", word) and word != "-h"]
        parsed = self.parse_intermixed_args([word for word in given[:end] if word not in unwanted], namespace)
        parsed.query = [*parsed.query, *unwanted, *given[end + 1 :]]
        return parsed


def compose_parser() -> Parser:
    parser = Parser(
        prog="cfmail",
        allow_abbrev=False,
        description="Write a mail in the terminal and send it through Cloudflare Email Sending.",
        epilog="verbs: demo, send, send-raw, sendmail, lint, history, account, sandbox, doctor, keys, completion, "
        "desktop; each takes --help",
    )
    parser.add_argument("--version", action="version", version=f"cfmail {__version__}")
    _fields(parser)
    parser.add_argument(
        "file",
        nargs="?",
        default="",
        metavar="FILE | mailto:URI | -",
        help="an .eml, an .mbox or a Maildir opens the raw editor, a message file (docs/files.md) the form, "
        "another is the text; - reads standard input: a raw message if it begins with a header, else the text",
    )
    parser.add_argument("--raw", action="store_true", help="FILE, or standard input, is a raw message, or an mbox")
    _number(parser)
    return parser


def demo_parser() -> Parser:
    description = "Open the composer on the embedded sandbox with an example draft: no account, no network."
    return Parser(prog="cfmail demo", allow_abbrev=False, description=description)


def send_parser() -> Parser:
    parser = Parser(prog="cfmail send", allow_abbrev=False, description="Send a mail without opening the composer.")
    _fields(parser)
    parser.add_argument("--reply-to", metavar="ADDRESS", default="")
    parser.add_argument(
        "--header", action="append", metavar="'NAME: VALUE'", default=[], help="a header field of your own; repeatable"
    )
    parser.add_argument("--text", metavar="FILE|-", help="the text body")
    parser.add_argument("--html", metavar="FILE|-", help="the HTML body")
    parser.add_argument("--markdown", metavar="FILE|-", help="text in Markdown; the HTML body is made from it")
    parser.add_argument(
        "--inline", action="append", metavar="PATH[=CID]", default=[], help="a file the HTML body shows as cid:CID"
    )
    parser.add_argument(
        "file",
        nargs="?",
        default="",
        metavar="FILE | mailto:URI | -",
        help="a message file (docs/files.md), else the text body; - for standard input",
    )
    _outputs(parser)
    rows = parser.add_argument_group("a mail for each row of a table")
    rows.add_argument("--template", metavar="FILE|-", help="a message file with {{column}} wherever a cell goes")
    rows.add_argument("--data", metavar="FILE|-", help="a CSV whose first line names the columns")
    rows.add_argument("--rate", type=_interval, metavar="N/s", help="so many mails at most a second, N/m or N/h")
    rows.add_argument("--preview", type=_positive, metavar="ROW", help="print the mail of this row, send nothing")
    rows.add_argument(
        "--run", metavar="NAME", default="", help="a row that was sent is sent again only in a run of another name"
    )
    return parser


def send_raw_parser() -> Parser:
    parser = Parser(
        prog="cfmail send-raw",
        allow_abbrev=False,
        description="Send a raw MIME message. The envelope is taken from its header unless given; "
        "a Bcc field is removed before it is sent.",
    )
    _who(parser)
    _message(parser)
    parser.add_argument(
        "--repair",
        action="store_true",
        help="re-encode parts and header fields that are 8-bit but not UTF-8, or have NUL",
    )
    parser.add_argument("--envelope-from", metavar="ADDRESS", default="", help="default: the From field")
    parser.add_argument(
        "--recipient", action="append", metavar="ADDRESS", default=[], help="default: everyone in To, Cc and Bcc"
    )
    _outputs(parser)
    return parser


def sendmail_parser() -> Parser:
    parser = Parser(
        prog="cfmail sendmail",
        allow_abbrev=False,
        description="Take a message on standard input as sendmail does, for cron, git, mutt and others.",
        epilog="Options that only a mail server has a use for, such as -oem or -odb, are taken and change nothing.",
    )
    _who(parser)
    parser.add_argument("-t", action="store_true", dest="from_header", help="the recipients are in To, Cc and Bcc")
    parser.add_argument("-i", action="store_true", dest="dots", help="a line with but a dot does not end the message")
    parser.add_argument("-f", "-r", metavar="ADDRESS", dest="sender", default="", help="the envelope's sender")
    parser.add_argument("-F", metavar="NAME", dest="name", default="", help="the sender's name, for a missing From")
    parser.add_argument("-b", choices=["m"], default="m", help="m: take one message, the only mode there is")
    parser.add_argument("-o", metavar="OPTION", action="append", default=[], help="i is -i; others change nothing")
    for flag in ("-B", "-N", "-O", "-R", "-V", "-X", "-p", "-L"):
        parser.add_argument(flag, help=argparse.SUPPRESS)
    for flag in ("-v", "-m", "-n", "-U", "-G"):
        parser.add_argument(flag, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("recipients", nargs="*", metavar="ADDRESS")
    return parser


def lint_parser() -> Parser:
    parser = Parser(
        prog="cfmail lint",
        allow_abbrev=False,
        description="Say what is wrong with a raw MIME message; nothing is sent, and nobody is asked.",
    )
    _message(parser)
    parser.add_argument("--json", action="store_true", help="the result as JSON on standard output")
    return parser


def history_parser() -> Parser:
    parser = _QueryParser(
        prog="cfmail history",
        allow_abbrev=False,
        description="List what was sent, newest first.",
        epilog="also: cfmail history show ID [--json|--eml|--curl], "
        "cfmail history export [QUERY] [--json|--jsonl|--csv]",
    )
    parser.add_argument(
        "query",
        nargs="*",
        metavar="QUERY",
        help='words, "phrases", -not, to: from: subject: body: file: account: status: after: before:, '
        "has:attachment, is:test; docs/history.md tells more",
    )
    parser.add_argument("--limit", type=_positive, metavar="N", help="how many at most; default: 50, with export all")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true")
    form.add_argument("--eml", action="store_true", help="with show: the message")
    form.add_argument("--curl", action="store_true", help="with show: a command that sends the same body")
    form.add_argument("--csv", action="store_true", help="with export: a row for each recipient")
    form.add_argument("--jsonl", action="store_true", help="with export: a line of JSON for each attempt")
    return parser


def account_parser() -> Parser:
    parser = Parser(
        prog="cfmail account", allow_abbrev=False, description="Set up who mail is sent as, and check what they may do."
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="add | list | check | default | remove")
    _add_parser(verbs.add_parser("add", allow_abbrev=False, help="check a token and keep it under a name"))
    verbs.add_parser("list", allow_abbrev=False, help="every account, and where its secret is")
    check = verbs.add_parser("check", allow_abbrev=False, help="ask Cloudflare what an account is and may do")
    check.add_argument("name", nargs="?", default="", metavar="NAME", help="default: the one that mail is sent as")
    default = verbs.add_parser("default", allow_abbrev=False, help="send as this account when nobody says")
    remove = verbs.add_parser("remove", allow_abbrev=False, help="forget an account and its secret")
    for verb in (default, remove):
        verb.add_argument("name", metavar="NAME")
    for verb in verbs.choices.values():
        verb.add_argument("--json", action="store_true", help="the result as JSON on standard output")
    return parser


def _add_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--account-id", metavar="ID", default="", help="default: the one account that the token sees")
    secret = parser.add_mutually_exclusive_group(required=True)
    secret.add_argument(
        "--token-stdin", action="store_true", help="an API token, piped in or asked for on the terminal"
    )
    secret.add_argument("--global-key-stdin", action="store_true", help="the same for a global API key, with --email")
    parser.add_argument("--email", metavar="ADDRESS", default="", help="whose global key it is")
    parser.add_argument(
        "--from", dest="senders", action="append", metavar="ADDRESS", default=[], help="who writes as it; repeatable"
    )
    parser.add_argument("--reply-to", metavar="ADDRESS", default="", help="where answers go")
    parser.add_argument("--store", choices=["keyring", "file", "memory"], help="where to keep it; default: the keyring")
    parser.add_argument(
        "--passphrase-stdin",
        action="store_true",
        help="with --store file: its passphrase is the second line of standard input",
    )
    parser.add_argument("--unchecked", action="store_true", help="ask Cloudflare nothing; needs --account-id")


def sandbox_parser() -> Parser:
    from pathlib import Path

    parser = Parser(
        prog="cfmail sandbox",
        allow_abbrev=False,
        description="Serve a local Cloudflare Email Sending API for other programs; prints its base URL first.",
    )
    parser.add_argument("--port", type=int, default=0, metavar="N", help="default: any free port")
    parser.add_argument("--data", type=Path, metavar="DIR", help="where mails are kept, as a Maildir")
    parser.add_argument("--global-key", action="store_true", help="accept an e-mail and global key pair, and print it")
    return parser


def desktop_parser() -> Parser:
    return Parser(
        prog="cfmail desktop",
        allow_abbrev=False,
        description="Print the entry by which a desktop opens mailto: links with cfmail.",
    )


def keys_parser() -> Parser:
    parser = Parser(
        prog="cfmail keys",
        allow_abbrev=False,
        description="Show what the terminal sends for each key, and which keys of commands do not arrive here.",
        epilog="Ctrl+Q, or Ctrl+C twice, ends it. Where there is no terminal the commands are listed instead.",
    )
    parser.add_argument("--json", action="store_true", help="the commands and their keys as JSON on standard output")
    return parser


def doctor_parser() -> Parser:
    parser = Parser(
        prog="cfmail doctor",
        allow_abbrev=False,
        description="Say where everything is, what is wrong and what to do about it; change nothing, show no secret.",
    )
    parser.add_argument("--account", metavar="NAME", default="", help="default: the one that mail is sent as")
    parser.add_argument("--offline", action="store_true", help="do not ask Cloudflare, nor run a password command")
    parser.add_argument("--json", action="store_true", help="the result as JSON on standard output")
    return parser


def completion_parser() -> Parser:
    parser = Parser(
        prog="cfmail completion",
        allow_abbrev=False,
        description="Print what has a shell complete cfmail's command line.",
    )
    parser.add_argument("shell", choices=["bash", "zsh", "fish"])
    return parser


def _who(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--account", metavar="NAME", default="", help="the account to send as, by its name")
    group.add_argument("--sandbox", action="store_true", help="send into the embedded sandbox: no account, no network")


def _fields(parser: argparse.ArgumentParser) -> None:
    _who(parser)
    parser.add_argument("--from", dest="sender", metavar="ADDRESS", default="", help="who the mail is from")
    for name in ("to", "cc", "bcc"):
        parser.add_argument(
            f"--{name}", action="append", metavar="ADDRESS", default=[], help=f"{name.title()} recipients; repeatable"
        )
    parser.add_argument("--subject", metavar="TEXT", default="")
    parser.add_argument(
        "--attach",
        action="append",
        metavar="PATH",
        default=[],
        help="a file to attach, or a quoted pattern; repeatable",
    )


def _message(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE|-", help="a message, or an mbox or Maildir that has it")
    _number(parser)


def _number(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--message", type=_positive, metavar="N", help="which one of an mbox or Maildir, from 1")


def _outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="check everything, show what would leave, send nothing")
    parser.add_argument("--json", action="store_true", help="the result as JSON on standard output")


def _interval(text: str) -> float:
    from cfmail_tui.merging import interval

    try:
        return interval(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return min(int(text), sys.maxsize)
