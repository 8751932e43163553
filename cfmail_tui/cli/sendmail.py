"""`cfmail sendmail`: what programs that know only sendmail hand over, sent like any other mail.

Invariants:
- exit code 0 says that the mail was accepted, whoever bounced: a caller who is told otherwise may send it again;
- a Bcc field never leaves, whether or not its addresses get the mail;
- a message that no JSON can carry is re-encoded where it has to be, since nobody is there to be asked.
"""

import argparse
import re
import secrets
from collections.abc import Callable
from email.utils import format_datetime, localtime
from functools import partial
from typing import TYPE_CHECKING

from cfmail_tui import mime, report
from cfmail_tui.cli.drafts import read
from cfmail_tui.cli.opening import opened
from cfmail_tui.cli.output import DONE, UsageError, complain
from cfmail_tui.cli.sending import sent_by
from cfmail_tui.cli.signals import Flight, heeding
from cfmail_tui.message import Mailbox, Place, RawDraft, parse_mailboxes
from cfmail_tui.prefill import raw_draft

if TYPE_CHECKING:
    from cfmail_tui.outbox import Outbox


def sendmail(args: argparse.Namespace) -> int:
    if args.from_header and args.recipients:
        raise UsageError("with -t the recipients are those in the message: name no others")
    if not args.from_header and not args.recipients:
        raise UsageError("name the recipients, or -t to take those in the message")
    return heeding(partial(_message, args), partial(_deliver, args), as_json=False)


def _message(args: argparse.Namespace) -> bytes:
    source = read("-", Place.SOURCE)
    if args.dots or "i" in args.o:
        return source
    end = re.search(rb"^\.\r?\n|^\.\Z", source, re.MULTILINE)
    return source[: end.start()] if end else source


def _deliver(args: argparse.Namespace, source: bytes, flight: Flight) -> Callable[[], int]:
    with opened(args.account, sandbox=args.sandbox) as (outbox, _):
        sent = sent_by(outbox, _draft(args, source, outbox), flight)
    if sent.exit_code != DONE:
        complain("\n".join(sent.words))
    code = DONE if sent.exit_code == report.PARTLY else sent.exit_code
    return lambda: code


def _draft(args: argparse.Namespace, source: bytes, outbox: "Outbox") -> RawDraft:
    sender = _sender(args, outbox)
    domain = sender.domain if sender else "localhost"
    source = mime.completed(
        source, sender=sender, date=format_datetime(localtime()), message_id=f"<{secrets.token_hex(18)}@{domain}>"
    )
    found = raw_draft(source)
    source = mime.without_bcc(source)
    if mime.unsendable(source):
        source, changes = mime.repaired(source)
        complain("\n".join(change.words for change in changes))
    return RawDraft(
        args.sender or found.sender, found.recipients if args.from_header else ", ".join(args.recipients), source
    )


def _sender(args: argparse.Namespace, outbox: "Outbox") -> Mailbox | None:
    """Who a message without a usable From is from: -f, else as whom the account writes."""
    from cfmail_tui.outbox import NoAccount

    written = args.sender
    if not written:
        try:
            known = outbox.accounts.identities(outbox.accounts.foreseen().profile.name)
        except NoAccount:
            known = ()
        written = known[0].sender if known else ""
    if not written:
        return None
    (mailbox, *_) = parse_mailboxes(written, Place.ENVELOPE_SENDER) or (None,)
    return mailbox and Mailbox(mailbox.addr_spec, args.name or mailbox.display_name)
