"""The command line: arguments in, exit code out; the composition root that puts the parts together.

Results go to standard output, words for people to standard error. Textual, httpx, keyring and sqlite3 are loaded only
by the verbs that need them, so `--help` and `--version` are quick.

Exit codes (tested and documented): 0 accepted, every recipient delivered or queued; 3 accepted, but someone bounced,
was suppressed or is unreported; 64 usage; 65 the message cannot be sent as it is; 66 a file cannot be read; 69 refused
by the API; 75 not sent, safe to retry; 76 outcome unknown, may have been sent; 77 no usable credentials;
130 interrupted.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cfmail_tui import __version__

if TYPE_CHECKING:
    from cfmail_tui.message import Draft, MessageError, RawDraft
    from cfmail_tui.outbox import Outbox, Reviewed
    from cfmail_tui.settings import Settings
    from cfmail_tui.submission import Attempt

DONE, USAGE, UNSENDABLE, NO_INPUT, NOT_SENT, NO_CREDENTIALS, INTERRUPTED = 0, 64, 65, 66, 75, 77, 130


class _UsageError(Exception):
    """The arguments do not say what to do; ends with exit code 64."""


class _InputError(Exception):
    """A file named on the command line cannot be read; ends with exit code 66."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    verb = arguments[0] if arguments and arguments[0] in _VERBS else ""
    parser, run = _VERBS[verb]
    try:
        return run(parser().parse_args(arguments[1:] if verb else arguments))
    except _UsageError as error:
        return _complain(str(error), USAGE)
    except _InputError as error:
        return _complain(str(error), NO_INPUT)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone; a second complaint at shutdown helps nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _complain(words: str, code: int) -> int:
    from cfmail_tui.message import printable

    for line in words.splitlines():
        print(f"cfmail: {printable(line, 400)}", file=sys.stderr)
    return code


def _who(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--account", metavar="NAME", default="", help="the account to send as, by its name in the keyring"
    )
    group.add_argument("--sandbox", action="store_true", help="send into the embedded sandbox: no account, no network")


def _fields(parser: argparse.ArgumentParser) -> None:
    _who(parser)
    parser.add_argument("--from", dest="sender", metavar="ADDRESS", default="", help="who the mail is from")
    for name in ("to", "cc", "bcc"):
        parser.add_argument(
            f"--{name}",
            action="append",
            metavar="ADDRESS",
            default=[],
            help=f"{name.title()} recipients; may be repeated",
        )
    parser.add_argument("--subject", metavar="TEXT", default="")
    parser.add_argument(
        "--attach", action="append", metavar="PATH", default=[], help="a file to attach; may be repeated"
    )


def _compose_parser() -> _Parser:
    parser = _Parser(
        prog="cfmail",
        allow_abbrev=False,
        description="Write a mail in the terminal and send it through Cloudflare Email Sending.",
        epilog="verbs: demo, send, send-raw, history, sandbox; each takes --help",
    )
    parser.add_argument("--version", action="version", version=f"cfmail {__version__}")
    _fields(parser)
    parser.add_argument(
        "file",
        nargs="?",
        default="",
        metavar="FILE | mailto:URI | -",
        help="an .eml opens the raw editor, another file is the text, - reads the text from standard input",
    )
    return parser


def _demo_parser() -> _Parser:
    description = "Open the composer on the embedded sandbox with an example draft: no account, no network."
    return _Parser(prog="cfmail demo", allow_abbrev=False, description=description)


def _send_parser() -> _Parser:
    parser = _Parser(prog="cfmail send", allow_abbrev=False, description="Send a mail without opening the composer.")
    _fields(parser)
    parser.add_argument("--reply-to", metavar="ADDRESS", default="")
    parser.add_argument(
        "--header",
        action="append",
        metavar="'NAME: VALUE'",
        default=[],
        help="a header field of your own; may be repeated",
    )
    parser.add_argument("--text", metavar="FILE|-", help="the text body")
    parser.add_argument("--html", metavar="FILE|-", help="the HTML body")
    parser.add_argument("--markdown", metavar="FILE|-", help="text in Markdown; the HTML body is made from it")
    parser.add_argument(
        "--inline", action="append", metavar="PATH[=CID]", default=[], help="a file the HTML body shows as cid:CID"
    )
    parser.add_argument(
        "file", nargs="?", default="", metavar="FILE | mailto:URI | -", help="the text body, - for standard input"
    )
    _outputs(parser)
    return parser


def _send_raw_parser() -> _Parser:
    parser = _Parser(
        prog="cfmail send-raw",
        allow_abbrev=False,
        description="Send a raw MIME message. The envelope is taken from its header unless given; "
        "a Bcc field is removed before it is sent.",
    )
    _who(parser)
    parser.add_argument("file", metavar="FILE|-")
    parser.add_argument("--envelope-from", metavar="ADDRESS", default="", help="default: the From field")
    parser.add_argument(
        "--recipient", action="append", metavar="ADDRESS", default=[], help="default: everyone in To, Cc and Bcc"
    )
    _outputs(parser)
    return parser


def _outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="check everything, show what would leave, send nothing")
    parser.add_argument("--json", action="store_true", help="the result as JSON on standard output")


def _history_parser() -> _Parser:
    parser = _Parser(
        prog="cfmail history",
        allow_abbrev=False,
        description="List what was sent, newest first.",
        epilog="also: cfmail history show ID [--json|--eml|--curl], cfmail history export [--json|--csv]",
    )
    parser.add_argument("query", nargs="*", metavar="QUERY", help="words that occur in subject, addresses or outcome")
    parser.add_argument("--limit", type=_positive, default=50, metavar="N")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true")
    form.add_argument("--eml", action="store_true", help="with show: the message")
    form.add_argument("--curl", action="store_true", help="with show: a command that sends the same body")
    form.add_argument("--csv", action="store_true", help="with export")
    return parser


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return int(text)


def _sandbox_parser() -> _Parser:
    parser = _Parser(
        prog="cfmail sandbox",
        allow_abbrev=False,
        description="Serve a local Cloudflare Email Sending API for other programs; prints its base URL first.",
    )
    parser.add_argument("--port", type=int, default=0, metavar="N", help="default: any free port")
    parser.add_argument("--data", type=Path, metavar="DIR", help="where mails are kept, as a Maildir")
    parser.add_argument("--global-key", action="store_true", help="accept an e-mail and global key pair, and print it")
    return parser


@contextlib.contextmanager
def _opened(account: str, *, sandbox: bool) -> Iterator["tuple[Outbox, Settings]"]:
    """An outbox on this machine's data, sending as the account asked for."""
    from cfmail_tui import settings
    from cfmail_tui.credentials import Keyring
    from cfmail_tui.outbox import Accounts, Outbox
    from cfmail_tui.store import Store
    from cfmail_tui.submission import Account, ApiToken

    chosen = settings.read(os.environ)
    with contextlib.ExitStack() as closing:
        only, base_url = None, chosen.base_url
        if sandbox:
            from cfmail_tui.sandbox import Sandbox

            box = closing.enter_context(Sandbox(chosen.data_dir / "sandbox"))
            only = Account("sandbox", box.account_id, ApiToken(box.token), "embedded sandbox")
            base_url = box.base_url
        store = Store(chosen.data_dir)
        closing.callback(store.close)
        accounts = Accounts(os.environ, Keyring(), account, only=only)
        yield Outbox(store, accounts, base_url, os.environ), chosen


def _compose(args: argparse.Namespace) -> int:
    from cfmail_tui.message import RawDraft

    if args.file.lower().endswith(".eml"):
        from cfmail_tui.outbox import raw_draft

        return _open_composer(raw_draft(_read(args.file)), account=args.account, sandbox=args.sandbox)
    draft: Draft | RawDraft = _draft(args)
    return _open_composer(draft, account=args.account, sandbox=args.sandbox)


def _demo(_args: argparse.Namespace) -> int:
    from cfmail_tui.message import Draft

    example = Draft(
        sender="Alice Example <alice@acme.example>",
        to="bob@example.com, queue@example.com",
        cc='"Fields, Carol" <bounce@example.org>',
        subject="A first mail with cfmail",
        text=(
            "Hi Bob,\n\nthis mail goes into the sandbox on this machine; nothing leaves it.\n\n"
            "What becomes of a recipient depends on the name before the @: try bounce,\n"
            "queue, suppressed, throttle, error500, slow-5 or cut; others are delivered.\n\n"
            "F9 reviews the mail, y sends it.\n"
        ),
    )
    return _open_composer(example, account="", sandbox=True)


def _open_composer(draft: "Draft | RawDraft", *, account: str, sandbox: bool) -> int:
    if not sys.stdout.isatty():
        raise _UsageError("the composer needs a terminal; cfmail send works without one")
    if not sys.stdin.isatty():
        # The text came in by a pipe; the keys come from the terminal.
        os.dup2(os.open("/dev/tty", os.O_RDWR), 0)
        sys.stdin = os.fdopen(0)
    from cfmail_tui.ui.app import CfmailApp

    app = CfmailApp(lambda: _opened(account, sandbox=sandbox), draft)
    try:
        app.run()
    finally:
        app.close()
    return app.return_code or DONE


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _InputError(f"{name} cannot be read: {reason}") from error


def _read_text(name: str) -> str:
    """A body file as text; a byte order mark and CRLF line ends are the file's, not the mail's."""
    try:
        return _read(name).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise _InputError(f"{name} is not UTF-8 text (byte {error.start + 1})") from error


def _draft(args: argparse.Namespace) -> "Draft":
    """The draft that the flags describe."""
    from cfmail_tui.message import AttachmentDraft, Draft

    draft = Draft()
    if args.file.lower().startswith("mailto:"):
        draft = _from_mailto(args.file)
    elif args.file:
        draft = Draft(text=_read_text(args.file))
    attachments: list[AttachmentDraft] = [AttachmentDraft(os.path.abspath(path)) for path in args.attach]  # noqa: PTH100

    def joined(first: str, more: list[str]) -> str:
        return ", ".join(filter(None, [first, *more]))

    return Draft(
        sender=args.sender,
        to=joined(draft.to, args.to),
        cc=joined(draft.cc, args.cc),
        bcc=joined(draft.bcc, args.bcc),
        subject=args.subject or draft.subject,
        headers=draft.headers,
        text=draft.text,
        attachments=tuple(attachments),
    )


def _from_mailto(uri: str) -> "Draft":
    """What a mailto URI asks for (RFC 6068); fields that could harm, such as attach, are passed over."""
    from urllib.parse import unquote

    from cfmail_tui.message import Draft

    address, _, query = uri.partition(":")[2].partition("?")
    found: dict[str, list[str]] = {"to": [unquote(address)] if address else []}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        found.setdefault(unquote(name).lower(), []).append(unquote(value).replace("\r\n", "\n"))
    threading_fields = ("in-reply-to", "references")
    headers = [f"{name.title()}: {found[name][0]}" for name in threading_fields if name in found]
    return Draft(
        to=", ".join(found["to"]),
        cc=", ".join(found.get("cc", [])),
        bcc=", ".join(found.get("bcc", [])),
        subject=" ".join("".join(found.get("subject", [])).splitlines()),
        headers="\n".join(headers),
        text="\n".join(found.get("body", [])),
    )


def _send(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from cfmail_tui.message import AttachmentDraft
    from cfmail_tui.outbox import markdown_to_html

    inputs = [name for name in (args.file, args.text, args.html, args.markdown) if name == "-"]
    if len(inputs) > 1:
        raise _UsageError("standard input can be read once; give - to one of FILE, --text, --html, --markdown")
    if sum(bool(name) for name in (args.file and not args.file.startswith("mailto:"), args.text, args.markdown)) > 1:
        raise _UsageError("give the text once: FILE, --text or --markdown")
    if args.file.lower().endswith(".eml"):
        raise _UsageError(f"{args.file} is a raw message: use cfmail send-raw {args.file}")
    draft = _draft(args)
    text = _read_text(args.text or args.markdown) if args.text or args.markdown else draft.text
    html = _read_text(args.html) if args.html else markdown_to_html(text) if args.markdown else ""
    inline = []
    for value in args.inline:
        path, _, content_id = value.partition("=")
        inline.append(AttachmentDraft(os.path.abspath(path), "inline", content_id=content_id))  # noqa: PTH100
    draft = replace(
        draft,
        reply_to=args.reply_to,
        headers="\n".join(filter(None, [draft.headers, *args.header])),
        text=text,
        html=html,
        attachments=(*draft.attachments, *inline),
    )
    return _deliver(draft, args)


def _send_raw(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from cfmail_tui import mime
    from cfmail_tui.outbox import raw_draft

    draft = raw_draft(_read(args.file))
    if args.envelope_from:
        draft = replace(draft, sender=args.envelope_from)
    if args.recipient:
        draft = replace(draft, recipients=", ".join(args.recipient))
    if (source := mime.without_bcc(draft.source)) != draft.source:
        print("cfmail: the Bcc field is removed; its addresses stay out of the message", file=sys.stderr)
        draft = replace(draft, source=source)
    return _deliver(draft, args)


def _deliver(draft: "Draft | RawDraft", args: argparse.Namespace) -> int:
    """Prepare and send, or only show what would be sent; the exit code says what became of it."""
    from cfmail_tui import report
    from cfmail_tui.message import MailError, MessageError
    from cfmail_tui.outbox import NoAccount, NotRecorded

    try:
        with _opened(args.account, sandbox=args.sandbox) as (outbox, _):
            if args.dry_run:
                return _show_dry_run(outbox, draft, args)
            reviewed = outbox.prepare(draft)
            attempt = _interruptible(outbox, reviewed)
    except MessageError as error:
        return _unsendable(error, args)
    except NoAccount as error:
        return _failed("no_credentials", str(error), NO_CREDENTIALS, args)
    except NotRecorded as error:
        return _failed(report.outcome_name(error.attempt.outcome), str(error), report.exit_code(error.attempt), args)
    except MailError as error:
        return _failed("not_sent", str(error), NOT_SENT, args)
    assert attempt.outcome is not None
    if args.json:
        _print_json(report.as_json(attempt))
    for line in report.in_words(attempt):
        print(line, file=sys.stderr if args.json else sys.stdout)
    return report.exit_code(attempt)


def _interruptible(outbox: "Outbox", reviewed: "Reviewed") -> "Attempt":
    """Send in a thread, so that Ctrl+C stops the mail and the journal still gets its outcome."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(outbox.send, reviewed)
        try:
            return sending.result()
        except KeyboardInterrupt:
            outbox.cancel(reviewed.submission.attempt_id)
            return sending.result()


def _show_dry_run(outbox: "Outbox", draft: "Draft | RawDraft", args: argparse.Namespace) -> int:
    from cfmail_tui.outbox import NoAccount
    from cfmail_tui.submission import Account, ApiToken

    try:
        account = outbox.accounts.find()
    except NoAccount:
        account = Account("", "", ApiToken(""), "no account")
    reviewed = outbox.prepare(draft, account=account)
    outbox.discard(reviewed)
    submission = reviewed.submission
    shown = {
        "dry_run": True,
        "account": account.name or None,
        "endpoint": submission.endpoint,
        "envelope": {"from": submission.envelope.sender, "recipients": list(submission.envelope.recipients)},
        "subject": submission.subject,
        "message_size": submission.message_size,
        "body_size": submission.body_size,
        "digest": submission.digest,
    }
    if args.json:
        _print_json(shown)
        return DONE
    from cfmail_tui.message import printable

    print(f"would send to {', '.join(submission.envelope.recipients)}")
    print(f"from {submission.envelope.sender}, subject: {printable(submission.subject)}")
    print(f"{submission.message_size} octets as a message, {submission.body_size} as a request, {submission.digest}")
    return DONE


def _unsendable(error: "MessageError", args: argparse.Namespace) -> int:
    from cfmail_tui.message import UnreadableFile

    unreadable = any(isinstance(problem, UnreadableFile) for problem in error.problems)
    code = NO_INPUT if unreadable else UNSENDABLE
    if args.json:
        problems = [{"place": str(problem.place), "problem": problem.words} for problem in error.problems]
        _print_json({"outcome": "invalid", "problems": problems, "exit_code": code})
    return _complain(str(error), code)


def _failed(outcome: str, words: str, code: int, args: argparse.Namespace) -> int:
    if args.json:
        _print_json({"outcome": outcome, "reason": words, "exit_code": code})
    return _complain(words, code)


def _history(args: argparse.Namespace) -> int:
    from cfmail_tui.message import MailError

    verb, *rest = args.query or [""]
    actions: dict[str, Callable[[Outbox, argparse.Namespace, list[str]], None]] = {
        "show": _history_show,
        "export": _history_export,
    }
    # A search for the word "show" alone is still a search.
    action = actions.get(verb) if (verb == "export" and not rest) or (verb == "show" and len(rest) == 1) else None
    if action is None and (args.eml or args.curl or args.csv):
        raise _UsageError("--eml and --curl go with history show ID, --csv with history export")
    try:
        with _opened("", sandbox=False) as (outbox, _):
            (action or _history_list)(outbox, args, rest)
    except MailError as error:
        return _complain(str(error), NO_INPUT)
    return DONE


def _history_list(outbox: "Outbox", args: argparse.Namespace, _rest: list[str]) -> None:
    from cfmail_tui import report
    from cfmail_tui.message import printable

    attempts = outbox.attempts(" ".join(args.query), args.limit)
    if args.json:
        _print_json([report.as_json(attempt) for attempt in attempts])
        return
    for attempt in attempts:
        when = attempt.started_at.astimezone().strftime("%Y-%m-%d %H:%M")
        recipients = attempt.submission.envelope.recipients
        to = recipients[0] + (f" +{len(recipients) - 1}" if len(recipients) > 1 else "")
        subject = printable(attempt.submission.subject) or "(no subject)"
        state = report.outcome_name(attempt.outcome)
        print(f"{attempt.submission.attempt_id}  {when}  {state:<8}  {printable(to)}  {subject}")
    if not attempts:
        print("nothing found" if args.query else "nothing was sent yet", file=sys.stderr)


def _history_show(outbox: "Outbox", args: argparse.Namespace, rest: list[str]) -> None:
    from cfmail_tui import report
    from cfmail_tui.message import printable

    attempt = outbox.attempt(rest[0])
    if args.json:
        _print_json(report.as_json(attempt))
    elif args.eml:
        sys.stdout.buffer.writelines(outbox.eml(attempt))
    elif args.curl:
        print(outbox.curl(attempt))
    else:
        for name, value in report.as_json(attempt).items():
            if isinstance(value, (str, int)):
                print(f"{name.replace('_', ' '):<13} {printable(str(value), 400)}")
        print("\n".join(report.in_words(attempt)))


def _history_export(outbox: "Outbox", args: argparse.Namespace, _rest: list[str]) -> None:
    from cfmail_tui import report

    rows = [report.as_json(attempt) for attempt in outbox.attempts(limit=sys.maxsize)]
    if not args.csv:
        _print_json(rows)
        return
    import csv

    table = csv.DictWriter(sys.stdout, report.CSV_COLUMNS, extrasaction="ignore")
    table.writeheader()
    for row in rows:
        table.writerows(row | recipient for recipient in row["recipients"])


def _sandbox(args: argparse.Namespace) -> int:
    from cfmail_tui import settings
    from cfmail_tui.sandbox import serve

    try:
        return serve(args.data or settings.read(os.environ).data_dir / "sandbox", args.port, args.global_key)
    except (OSError, OverflowError) as error:
        raise _UsageError(f"the sandbox cannot start: {error}") from error


def _print_json(value: object) -> None:
    import json

    print(json.dumps(value, indent=2))


_VERBS: dict[str, tuple[Callable[[], _Parser], Callable[[argparse.Namespace], int]]] = {
    "": (_compose_parser, _compose),
    "demo": (_demo_parser, _demo),
    "send": (_send_parser, _send),
    "send-raw": (_send_raw_parser, _send_raw),
    "history": (_history_parser, _history),
    "sandbox": (_sandbox_parser, _sandbox),
}
