"""`cfmail lint`: what is wrong with a raw message, where, and what would mend it; nothing is sent, kept or asked.

It ends with 65 where the message cannot be sent as it is. With --json the value has `file`, `message_size` (octets as
it would leave), `envelope` (what its header suggests), `sendable`, `notes` (what was done to have the message,
which fields are no part of the envelope) and `findings`, which are those of a dry run (report.py).
"""

import argparse
import os
import sys

from cfmail_tui import mime, report
from cfmail_tui.cli.drafts import read_message
from cfmail_tui.cli.output import DONE, NOT_SENT, UNSENDABLE, complain, print_json, tell
from cfmail_tui.message import MessageError, Place, RawDraft, parse_mailboxes
from cfmail_tui.prefill import raw_draft
from cfmail_tui.submission import size_limit


def lint(args: argparse.Namespace) -> int:
    source, notes = read_message(args.file, args.message)
    draft = raw_draft(source)
    recipients = _addresses(draft.recipients, Place.ENVELOPE_RECIPIENTS)
    found = mime.findings(source, limit=size_limit(recipients, _verified()))
    sendable = not any(finding.stops for finding in found)
    said = tuple(filter(None, [*notes, mime.passed_over(source)]))
    for words in said:
        complain(words)

    def write() -> None:
        if args.json:
            print_json(
                {
                    "file": args.file,
                    "message_size": len(mime.crlf(source)),
                    "envelope": {"from": _sender(draft), "recipients": recipients},
                    "sendable": sendable,
                    "notes": said,
                    "findings": report.findings_as_json(found),
                }
            )
            return
        for line in report.findings_in_words("standard input" if args.file == "-" else args.file, source, found):
            print(line)
        if not found:
            print("nothing found", file=sys.stderr)

    return tell(write, DONE if sendable else UNSENDABLE, NOT_SENT)


def _verified() -> tuple[str, ...]:
    """Destinations that the user says are verified, so that a mail to them alone may be bigger."""
    from cfmail_tui import settings

    return settings.read(os.environ).verified_destinations


def _sender(draft: RawDraft) -> str | None:
    return next(iter(_addresses(draft.sender, Place.ENVELOPE_SENDER)), None)


def _addresses(text: str, place: Place) -> list[str]:
    """The addresses of a list, each once; none where it does not parse, which is a finding."""
    try:
        return [*dict.fromkeys(mailbox.addr_spec for mailbox in parse_mailboxes(text, place))]
    except MessageError:
        return []
