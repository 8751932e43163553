"""The command line: arguments in, exit code out; the composition root that puts the parts together.

Results go to standard output, words for people to standard error. Textual, httpx, keyring and sqlite3 are loaded only
by the verbs that need them, so `--help` and `--version` are quick.

Exit codes (tested and documented): 0 accepted, every recipient delivered or queued; 3 accepted, but someone bounced,
was suppressed or is unreported; 64 usage; 65 the message cannot be sent as it is; 66 a file cannot be read; 69 refused
by the API; 70 a defect in the composer; 75 not sent, safe to retry; 76 outcome unknown, may have been sent; 77 no
usable credentials; 130 interrupted, and nothing was sent.

With --json standard output is one JSON value in every case. Where no attempt came about it is an object of `outcome`
(usage, invalid, unreadable, no_credentials, not_sent, interrupted), `reason` and `exit_code`; invalid has `problems`,
each with `place` and `problem`. What an attempt looks like is in report.py; one with `not_recorded` is missing in the
history, for the reason given there.
"""

import argparse
import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cfmail_tui import __version__

if TYPE_CHECKING:
    from queue import SimpleQueue

    from cfmail_tui.message import Draft, Place, RawDraft
    from cfmail_tui.outbox import Outbox, Reviewed
    from cfmail_tui.settings import Settings
    from cfmail_tui.submission import Attempt

DONE, USAGE, UNSENDABLE, NO_INPUT, NOT_SENT, NO_CREDENTIALS, INTERRUPTED = 0, 64, 65, 66, 75, 77, 130


class _UsageError(Exception):
    """The arguments do not say what to do; ends with exit code 64."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        raise _UsageError(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    verb = arguments[0] if arguments and arguments[0] in _VERBS else ""
    parser, run = _VERBS[verb]
    as_json = "--json" in arguments
    _ready_streams()
    try:
        return _run(run, parser().parse_args(arguments[1:] if verb else arguments), as_json=as_json)
    except _UsageError as error:
        return _failed("usage", str(error), USAGE, as_json=as_json)
    except KeyboardInterrupt:
        return _failed("interrupted", "interrupted", INTERRUPTED, as_json=as_json)


def _run(run: Callable[[argparse.Namespace], int], args: argparse.Namespace, *, as_json: bool) -> int:
    from cfmail_tui.message import MailError, MessageError, UnreadableFile

    try:
        return run(args)
    except MessageError as error:
        unreadable = any(isinstance(problem, UnreadableFile) for problem in error.problems)
        problems = [{"place": str(problem.place), "problem": problem.words} for problem in error.problems]
        code = NO_INPUT if unreadable else UNSENDABLE
        return _failed("invalid", str(error), code, as_json=as_json, problems=problems)
    except MailError as error:
        from cfmail_tui.outbox import NoAccount

        if isinstance(error, NoAccount):
            return _failed("no_credentials", str(error), NO_CREDENTIALS, as_json=as_json)
        return _failed("not_sent", str(error), NOT_SENT, as_json=as_json)


def _ready_streams() -> None:
    """Standard streams that take any text: one that is closed leads nowhere, a narrow charset shows escapes."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - open as long as the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _failed(outcome: str, words: str, code: int, *, as_json: bool, **more: object) -> int:
    """Tell why no attempt came about; gives the exit code."""
    _complain(words)
    if as_json:
        _tell(lambda: _print_json({"outcome": outcome, "reason": words, **more, "exit_code": code}), code)
    return code


def _complain(words: str) -> None:
    from cfmail_tui.message import printable

    with contextlib.suppress(OSError):  # nobody listens: the exit code says it all the same
        for line in words.splitlines():
            print(f"cfmail: {printable(line, 400)}", file=sys.stderr, flush=True)


def _tell(write: Callable[[], object], code: int, unwritten: int | None = None) -> int:
    """Write a result; gives the exit code, which is another where the result is all and cannot be written.

    A reader who has gone, as head does, has what it wanted.
    """
    try:
        write()
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would be tried again, and complained of, at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            _complain(f"standard output cannot be written: {error.strerror}")
            return code if unwritten is None else unwritten
    return code


def _who(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--account", metavar="NAME", default="", help="the account to send as, by its name in a keyring")
    group.add_argument("--sandbox", action="store_true", help="send into the embedded sandbox: no account, no network")


def _fields(parser: argparse.ArgumentParser) -> None:
    _who(parser)
    parser.add_argument("--from", dest="sender", metavar="ADDRESS", default="", help="who the mail is from")
    for name in ("to", "cc", "bcc"):
        parser.add_argument(
            f"--{name}", action="append", metavar="ADDRESS", default=[], help=f"{name.title()} recipients; repeatable"
        )
    parser.add_argument("--subject", metavar="TEXT", default="")
    parser.add_argument("--attach", action="append", metavar="PATH", default=[], help="a file to attach; repeatable")


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
        "--header", action="append", metavar="'NAME: VALUE'", default=[], help="a header field of your own; repeatable"
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
    parser.add_argument("--limit", type=_positive, metavar="N", help="how many at most; default: 50, with export all")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true")
    form.add_argument("--eml", action="store_true", help="with show: the message")
    form.add_argument("--curl", action="store_true", help="with show: a command that sends the same body")
    form.add_argument("--csv", action="store_true", help="with export")
    return parser


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return min(int(text), sys.maxsize)


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
def _opened(account: str, *, sandbox: bool, told: bool = True) -> Iterator["tuple[Outbox, Settings]"]:
    """An outbox on this machine's data, sending as the account asked for; what it found amiss is told here or not."""
    from cfmail_tui import settings
    from cfmail_tui.accounts import on_this_machine
    from cfmail_tui.outbox import Outbox
    from cfmail_tui.store import Store, StoreError
    from cfmail_tui.submission import Account, ApiToken

    chosen = settings.read(os.environ)
    with contextlib.ExitStack() as closing:
        only, base_url = None, chosen.base_url
        if sandbox:
            from cfmail_tui.sandbox import Sandbox

            try:
                box = closing.enter_context(Sandbox(chosen.data_dir / "sandbox"))
            except OSError as error:
                raise StoreError(f"the sandbox cannot start: {_reason(error)}") from error
            only = Account("sandbox", box.account_id, ApiToken(box.token), "embedded sandbox")
            base_url = box.base_url
        store, salvaged = Store.open_or_set_aside(chosen.data_dir)
        closing.callback(store.close)
        outbox = Outbox(store, on_this_machine(os.environ, chosen, store, account, only=only), base_url, os.environ)
        outbox.notices = tuple(filter(None, [*chosen.notices, salvaged, outbox.recover(), outbox.word_left()]))
        if told and outbox.notices:
            _complain("\n".join(outbox.notices))
        yield outbox, chosen


def _compose(args: argparse.Namespace) -> int:
    from cfmail_tui.message import Place, RawDraft

    draft: Draft | RawDraft
    if _is_message(args.file):
        from cfmail_tui.prefill import raw_draft

        if any((args.sender, args.to, args.cc, args.bcc, args.subject, args.attach)):
            raise _UsageError(f"{args.file} has its header in it: no flag for one goes with it")
        draft = raw_draft(_read(args.file, Place.SOURCE))
    else:
        draft = _draft(args)
    return _open_composer(draft, account=args.account, sandbox=args.sandbox)


def _is_mailto(file: str) -> bool:
    return file.lower().startswith("mailto:")


def _is_message(file: str) -> bool:
    return file.lower().endswith(".eml") and not _is_mailto(file)


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
        try:
            os.dup2(os.open("/dev/tty", os.O_RDWR), 0)
        except OSError as error:
            raise _UsageError("the composer needs a terminal for its keys; cfmail send works without one") from error
        sys.stdin = os.fdopen(0)
    from cfmail_tui.guardian import LetGo, guarded  # first, since it forks: no thread may have been started

    def compose(let_go: LetGo) -> int:
        from cfmail_tui import settings
        from cfmail_tui.ui.app import CfmailApp
        from cfmail_tui.ui.endings import run

        opened = partial(_opened, account, sandbox=sandbox, told=False)
        return run(CfmailApp(opened, draft, when_left=let_go, reports=lambda: settings.read(os.environ).data_dir))

    return guarded(compose)


def _read(name: str, place: "Place") -> bytes:
    from cfmail_tui.attachments import SOURCE_LIMIT, read_source, unreadable

    if name != "-":
        return read_source(name, place)
    try:
        content = sys.stdin.buffer.read(SOURCE_LIMIT + 1)
    except OSError as error:
        raise unreadable("standard input", _reason(error), place) from error
    if len(content) > SOURCE_LIMIT:
        raise unreadable("standard input", "it is longer than any mail", place)
    return content


def _read_text(name: str, place: "Place") -> str:
    """A body file as text; a byte order mark and CRLF line ends are the file's, not the mail's."""
    from cfmail_tui.attachments import unreadable

    try:
        return _read(name, place).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        shown = "standard input" if name == "-" else name
        raise unreadable(shown, f"it is not UTF-8 text (byte {error.start + 1})", place) from error


def _reason(error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return f"{error.filename}: {reason}" if error.filename else reason


def _draft(args: argparse.Namespace) -> "Draft":
    """The draft that the flags describe."""
    from cfmail_tui.message import AttachmentDraft, Draft, Place
    from cfmail_tui.prefill import mailto_draft

    draft = Draft()
    if _is_mailto(args.file):
        draft = mailto_draft(args.file)
    elif args.file:
        draft = Draft(text=_read_text(args.file, Place.TEXT))
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


def _send(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from cfmail_tui.message import Place
    from cfmail_tui.prefill import header_lines, inline_attachment, markdown_to_html

    if [args.file, args.text, args.html, args.markdown].count("-") > 1:
        raise _UsageError("standard input can be read once; give - to one of FILE, --text, --html, --markdown")
    text_file = args.markdown if args.text is None else args.text
    if sum((bool(args.file) and not _is_mailto(args.file), args.text is not None, args.markdown is not None)) > 1:
        raise _UsageError("give the text once: FILE, --text or --markdown")
    if _is_message(args.file):
        raise _UsageError(f"{args.file} is a raw message: use cfmail send-raw {args.file}")
    draft = _draft(args)
    text = draft.text if text_file is None else _read_text(text_file, Place.TEXT)
    html = "" if args.markdown is None else markdown_to_html(text)
    if args.html is not None:
        html = _read_text(args.html, Place.HTML)
    draft = replace(
        draft,
        reply_to=args.reply_to,
        headers="\n".join(filter(None, [draft.headers, header_lines(args.header)])),
        text=text,
        html=html,
        attachments=(*draft.attachments, *map(inline_attachment, args.inline)),
    )
    return _deliver(draft, args)


def _send_raw(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from cfmail_tui import mime
    from cfmail_tui.message import Place
    from cfmail_tui.prefill import raw_draft

    draft = raw_draft(_read(args.file, Place.SOURCE))
    if args.envelope_from:
        draft = replace(draft, sender=args.envelope_from)
    if args.recipient:
        draft = replace(draft, recipients=", ".join(args.recipient))
    if (source := mime.without_bcc(draft.source)) != draft.source:
        _complain("the Bcc field is removed; its addresses stay out of the message")
        draft = replace(draft, source=source)
    return _deliver(draft, args)


def _deliver(draft: "Draft | RawDraft", args: argparse.Namespace) -> int:
    """Prepare and send, or only show what would be sent; the exit code says what became of it."""
    from cfmail_tui import report
    from cfmail_tui.outbox import NotRecorded

    with _opened(args.account, sandbox=args.sandbox) as (outbox, _):
        if args.dry_run:
            return _show_dry_run(outbox, draft, args)
        reviewed, interrupted, more = outbox.prepare(draft), False, {}
        with _interruptions() as news:
            try:
                attempt, interrupted = _sent(outbox, reviewed, news)
            except NotRecorded as error:
                attempt, more = error.attempt, {"not_recorded": str(error)}
                _complain(str(error))

            def write() -> None:
                if args.json:
                    _print_json(report.as_json(attempt) | more)
                for line in report.in_words(attempt):
                    print(line, file=sys.stderr if args.json else sys.stdout)

            code = report.exit_code(attempt)
            return _tell(write, INTERRUPTED if interrupted and code == NOT_SENT else code)


@contextlib.contextmanager
def _interruptions() -> Iterator["SimpleQueue[bool]"]:
    """Ctrl+C becomes a True in this queue: an exception could come at a moment when the outcome would be lost."""
    from queue import SimpleQueue

    news: SimpleQueue[bool] = SimpleQueue()
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda _number, _frame: news.put(True))
    try:
        yield news
    finally:
        signal.signal(signal.SIGINT, before)


def _sent(outbox: "Outbox", reviewed: "Reviewed", news: "SimpleQueue[bool]") -> "tuple[Attempt, bool]":
    """Send in a thread, so that Ctrl+C stops the mail and the journal still gets its outcome; was it pressed?"""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(outbox.send, reviewed)
        sending.add_done_callback(lambda _: news.put(False))
        interrupted = news.get()
        if interrupted:
            outbox.cancel(reviewed.submission.attempt_id)
        return sending.result(), interrupted


def _show_dry_run(outbox: "Outbox", draft: "Draft | RawDraft", args: argparse.Namespace) -> int:
    from cfmail_tui import report
    from cfmail_tui.outbox import NoAccount
    from cfmail_tui.submission import Account, ApiToken

    try:
        account = outbox.accounts.find()
    except NoAccount:
        account = Account("", "", ApiToken(""), "no account")
    reviewed = outbox.prepare(draft, account=account)
    outbox.discard(reviewed)

    def write() -> None:
        if args.json:
            _print_json(report.preview_as_json(reviewed.submission, account.name))
        else:
            print("\n".join(report.preview_in_words(reviewed.submission)))

    return _tell(write, DONE, NOT_SENT)


def _history(args: argparse.Namespace) -> int:
    from cfmail_tui.message import MailError

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
            raise _UsageError(f"--{flag} does not go with cfmail history{name}")
    try:
        with _opened("", sandbox=False) as (outbox, _):
            return _tell(lambda: action(outbox, args, rest), DONE, NOT_SENT)
    except MailError as error:
        return _failed("unreadable", str(error), NO_INPUT, as_json=args.json)


def _history_list(outbox: "Outbox", args: argparse.Namespace, _rest: list[str]) -> None:
    from cfmail_tui import report

    attempts = outbox.attempts(" ".join(args.query), args.limit or 50)
    if args.json:
        _print_json([report.as_json(attempt) for attempt in attempts])
        return
    for attempt in attempts:
        print(report.in_a_line(attempt))
    if not attempts:
        print("nothing found" if args.query else "nothing was sent yet", file=sys.stderr)


def _history_show(outbox: "Outbox", args: argparse.Namespace, rest: list[str]) -> None:
    from cfmail_tui import report

    attempt = outbox.attempt(rest[0])
    if args.json:
        _print_json(report.as_json(attempt))
    elif args.eml:
        sys.stdout.buffer.writelines(outbox.eml(attempt))
    elif args.curl:
        print(outbox.curl(attempt))
    else:
        print("\n".join(report.in_full(attempt)))


def _history_export(outbox: "Outbox", args: argparse.Namespace, _rest: list[str]) -> None:
    from cfmail_tui import report

    attempts = outbox.attempts(limit=args.limit or sys.maxsize)
    if args.csv:
        sys.stdout.writelines(report.as_csv(attempts))
    else:
        _print_json([report.as_json(attempt) for attempt in attempts])


def _sandbox(args: argparse.Namespace) -> int:
    from cfmail_tui import settings
    from cfmail_tui.sandbox import serve

    try:
        return serve(args.data or settings.read(os.environ).data_dir / "sandbox", args.port, args.global_key)
    except OSError as error:
        raise _UsageError(f"the sandbox cannot start: {_reason(error)}") from error
    except OverflowError as error:
        raise _UsageError("a port is a number from 0 to 65535") from error


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
