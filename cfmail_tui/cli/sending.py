"""`cfmail send` and `cfmail send-raw`: a mail prepared, sent or only shown, without a screen."""

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from queue import SimpleQueue
from typing import TYPE_CHECKING

from cfmail_tui import mime
from cfmail_tui.cli.arguments import UsageError
from cfmail_tui.cli.drafts import described, is_mailto, is_message, read, read_text
from cfmail_tui.cli.opening import opened
from cfmail_tui.cli.output import DONE, INTERRUPTED, NOT_SENT, complain, print_json, tell
from cfmail_tui.message import Draft, Place, RawDraft
from cfmail_tui.prefill import header_lines, inline_attachment, markdown_to_html, raw_draft

if TYPE_CHECKING:
    from cfmail_tui.outbox import Outbox, Reviewed
    from cfmail_tui.submission import Attempt


def send(args: argparse.Namespace) -> int:
    if [args.file, args.text, args.html, args.markdown].count("-") > 1:
        raise UsageError("standard input can be read once; give - to one of FILE, --text, --html, --markdown")
    text_file = args.markdown if args.text is None else args.text
    if sum((bool(args.file) and not is_mailto(args.file), args.text is not None, args.markdown is not None)) > 1:
        raise UsageError("give the text once: FILE, --text or --markdown")
    if is_message(args.file):
        raise UsageError(f"{args.file} is a raw message: use cfmail send-raw {args.file}")
    draft = described(args)
    text = draft.text if text_file is None else read_text(text_file, Place.TEXT)
    html = "" if args.markdown is None else markdown_to_html(text)
    if args.html is not None:
        html = read_text(args.html, Place.HTML)
    draft = replace(
        draft,
        reply_to=args.reply_to,
        headers="\n".join(filter(None, [draft.headers, header_lines(args.header)])),
        text=text,
        html=html,
        attachments=(*draft.attachments, *map(inline_attachment, args.inline)),
    )
    return _deliver(draft, args)


def send_raw(args: argparse.Namespace) -> int:
    draft = raw_draft(read(args.file, Place.SOURCE))
    if args.envelope_from:
        draft = replace(draft, sender=args.envelope_from)
    if args.recipient:
        draft = replace(draft, recipients=", ".join(args.recipient))
    if (source := mime.without_bcc(draft.source)) != draft.source:
        complain("the Bcc field is removed; its addresses stay out of the message")
        draft = replace(draft, source=source)
    return _deliver(draft, args)


def _deliver(draft: Draft | RawDraft, args: argparse.Namespace) -> int:
    """Prepare and send, or only show what would be sent; the exit code says what became of it."""
    from cfmail_tui import report
    from cfmail_tui.outbox import NotRecorded

    with opened(args.account, sandbox=args.sandbox) as (outbox, _):
        if args.dry_run:
            return _show_dry_run(outbox, draft, args)
        reviewed, interrupted, more = outbox.prepare(draft), False, {}
        with _interruptions() as news:
            try:
                attempt, interrupted = _sent(outbox, reviewed, news)
            except NotRecorded as error:
                attempt, more = error.attempt, {"not_recorded": str(error)}
                complain(str(error))

            def write() -> None:
                if args.json:
                    print_json(report.as_json(attempt) | more)
                for line in report.in_words(attempt):
                    print(line, file=sys.stderr if args.json else sys.stdout)

            code = report.exit_code(attempt)
            return tell(write, INTERRUPTED if interrupted and code == NOT_SENT else code)


@contextlib.contextmanager
def _interruptions() -> Iterator[SimpleQueue[bool]]:
    """Ctrl+C becomes a True in this queue: an exception could come at a moment when the outcome would be lost."""
    news: SimpleQueue[bool] = SimpleQueue()
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda _number, _frame: news.put(True))
    try:
        yield news
    finally:
        signal.signal(signal.SIGINT, before)


def _sent(outbox: "Outbox", reviewed: "Reviewed", news: SimpleQueue[bool]) -> "tuple[Attempt, bool]":
    """Send in a thread, so that Ctrl+C stops the mail and the journal still gets its outcome; was it pressed?"""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(outbox.send, reviewed)
        sending.add_done_callback(lambda _: news.put(False))
        interrupted = news.get()
        if interrupted:
            outbox.cancel(reviewed.submission.attempt_id)
        return sending.result(), interrupted


def _show_dry_run(outbox: "Outbox", draft: Draft | RawDraft, args: argparse.Namespace) -> int:
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
            print_json(report.preview_as_json(reviewed.submission, account.name))
        else:
            print("\n".join(report.preview_in_words(reviewed.submission)))

    return tell(write, DONE, NOT_SENT)
