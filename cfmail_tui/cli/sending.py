"""`cfmail send` and `cfmail send-raw`: a mail prepared, sent or only shown, without a screen."""

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from cfmail_tui import mime, report
from cfmail_tui.cli.drafts import Described, attached, described, is_mailto, is_message, read_message, read_text
from cfmail_tui.cli.opening import opened
from cfmail_tui.cli.output import DONE, NOT_SENT, UsageError, complain, print_json, tell
from cfmail_tui.cli.signals import CalledOff, Flight, heeding
from cfmail_tui.frozen import frozen
from cfmail_tui.message import Draft, MailError, MessageError, Place, Problem, RawDraft
from cfmail_tui.prefill import header_lines, raw_draft
from cfmail_tui.submission import Attempt, kept_back

if TYPE_CHECKING:
    from cfmail_tui.outbox import Outbox, Reviewed
    from cfmail_tui.suppressions import Barred


def send(args: argparse.Namespace) -> int:
    if args.template is not None or args.data is not None:
        from cfmail_tui.cli.merging import merge

        return merge(args)
    if args.rate or args.preview or args.run:
        raise UsageError("--rate, --preview and --run go with --template and --data")
    if [args.file, args.text, args.html, args.markdown].count("-") > 1:
        raise UsageError("standard input can be read once; give - to one of FILE, --text, --html, --markdown")
    if sum((bool(args.file) and not is_mailto(args.file), args.text is not None, args.markdown is not None)) > 1:
        raise UsageError("give the text once: FILE, --text or --markdown")
    if is_message(args.file):
        raise UsageError(f"{args.file} is a raw message: use cfmail send-raw {args.file}")
    return heeding(partial(_mail, args), partial(_deliver_described, args), as_json=args.json)


def _mail(args: argparse.Namespace) -> Described:
    found = described(args)
    for note in found.notes:
        complain(note)
    draft = found.draft
    text, html, markdown = draft.text, draft.html, draft.markdown
    if args.text is not None:
        text = read_text(args.text, Place.TEXT)
    elif args.markdown is not None:
        markdown = read_text(args.markdown, Place.MARKDOWN)
    if args.html is not None:
        html = read_text(args.html, Place.HTML)
        if markdown:
            # It is taken instead of the HTML that is made; the text beside it still is.
            text, markdown = _text_of(markdown), ""
    mail = replace(
        draft,
        reply_to=args.reply_to or draft.reply_to,
        headers="\n".join(filter(None, [draft.headers, header_lines(args.header)])),
        text=text,
        html=html,
        markdown=markdown,
        attachments=(*draft.attachments, *attached((), args.inline)),
    )
    return replace(found, draft=mail)


def _text_of(source: str) -> str:
    from cfmail_tui import markdown

    return markdown.rendered(source).text


def _deliver_described(args: argparse.Namespace, mail: Described, flight: Flight) -> Callable[[], int]:
    try:
        return _deliver(args, mail.draft, flight)
    except MessageError as error:
        if mail.file is None:
            raise
        from cfmail_tui.prefill import located

        raise located(error, mail.file, args.file) from error


def send_raw(args: argparse.Namespace) -> int:
    return heeding(partial(_raw_mail, args), partial(_deliver_raw, args), as_json=args.json)


@frozen
class _RawMail:
    """A raw message as it will leave but for its line ends, and what was changed in it."""

    draft: RawDraft
    changes: tuple[mime.Change, ...]


def _raw_mail(args: argparse.Namespace) -> _RawMail:
    source, notes = read_message(args.file, args.message)
    draft = raw_draft(source)
    if args.envelope_from:
        draft = replace(draft, sender=args.envelope_from)
    if args.recipient:
        draft = replace(draft, recipients=", ".join(args.recipient))
    for words in filter(None, [*notes, mime.passed_over(source), mime.line_endings(source).words]):
        complain(words)
    removed = mime.bcc_removed(source)
    without, repairs = mime.applied(source, removed), tuple[mime.Change, ...]()
    if removed:
        complain("the Bcc field is removed; its addresses stay out of the message")
    if args.repair:
        without, repairs = mime.repaired(without)
        for change in repairs:
            complain(change.words)
    elif mime.unsendable(without):
        complain("--repair re-encodes what cannot be sent as it is; with --dry-run it only says how")
    return _RawMail(replace(draft, source=without), (*removed, *repairs))


def _deliver_raw(args: argparse.Namespace, mail: _RawMail, flight: Flight) -> Callable[[], int]:
    if not args.dry_run:
        return _deliver(args, mail.draft, flight)
    found = mime.findings(mail.draft.source)
    for finding in found:
        if not finding.stops:
            complain(f"{finding.weight}: {finding.words}")
    return _deliver(args, mail.draft, flight, more=report.source_as_json(mail.changes, found))


def _deliver(
    args: argparse.Namespace, draft: Draft | RawDraft, flight: Flight, *, more: Mapping[str, Any] = {}
) -> Callable[[], int]:
    """Prepare and send, or only look what would be sent; gives what tells of it and has the exit code.

    `more` is what a look tells besides, as JSON.
    """
    with opened(args.account, sandbox=args.sandbox) as (outbox, _):
        if args.dry_run:
            return _previewed(args, outbox, draft, more)
        sent = sent_by(outbox, draft, flight)

    def write() -> None:
        if args.json:
            print_json(sent.json)
        for line in sent.words:
            print(line, file=sys.stderr if args.json else sys.stdout)

    return partial(tell, write, sent.exit_code)


@frozen
class Sent:
    """What there is to tell of a mail that was sent, or was to be."""

    exit_code: int
    words: tuple[str, ...]
    json: Mapping[str, Any]


def sent_by(outbox: "Outbox", draft: Draft | RawDraft, flight: Flight) -> Sent:
    """Prepare and send; who holds a secret back is asked for it on the terminal."""
    from cfmail_tui.outbox import NeedsPassphrase, NeedsTerminal, NotRecorded

    not_recorded = {}
    try:
        reviewed = outbox.prepare(draft)
    except (NeedsPassphrase, NeedsTerminal) as error:
        from cfmail_tui.cli.asking import account_by_asking

        reviewed = outbox.prepare(draft, account=account_by_asking(error, outbox.accounts, "", flight))
    _tell_findings(outbox, reviewed)
    try:
        flight.begin(partial(outbox.cancel, reviewed.submission.attempt_id))
    except CalledOff:
        outbox.discard(reviewed)
        raise
    try:
        attempt = outbox.send(reviewed)
    except NotRecorded as error:
        attempt, not_recorded = error.attempt, {"not_recorded": str(error)}
        complain(str(error))
    barred = _barred(outbox, attempt)
    outbox.tidy(_TIDYING)  # where nobody ever opens the composer, mails would be kept for ever
    code = report.exit_code(attempt)
    return Sent(
        128 + flight.stopped_by if flight.stopped_by and code == NOT_SENT else code,
        (*report.in_words(attempt), *(report.barred_in_words(barred) if barred else ())),
        report.as_json(attempt) | not_recorded | ({"suppressions": report.barred_as_json(barred)} if barred else {}),
    )


_TIDYING = 0.5
"""Seconds, at most, that a mail which was sent may wait to be told of; the next goes on."""


def _barred(outbox: "Outbox", attempt: Attempt) -> "Barred | None":
    """Whom the suppression list kept from getting it, where it may have; the outcome is told without it, too."""
    try:
        return outbox.barred(attempt) if kept_back(attempt) else None
    except MailError:
        return None


def _tell_findings(outbox: "Outbox", reviewed: "Reviewed") -> None:
    """Say what should be known of the mail. Raises MessageError for what a person would have to say yes to.

    Of a raw message a look tells, and `cfmail lint`: whoever sends it has made it.
    """
    from cfmail_tui.lint import DraftFinding

    found = [one for one in reviewed.findings if isinstance(one, DraftFinding)]
    if doubts := [finding for finding in found if finding.weight == "confirmed"]:
        outbox.discard(reviewed)
        raise MessageError(*(Problem(one.place, f"{one.words}; run the command again") for one in doubts))
    for finding in found:
        complain(finding.words)


def _previewed(
    args: argparse.Namespace, outbox: "Outbox", draft: Draft | RawDraft, more: Mapping[str, Any]
) -> Callable[[], int]:
    from cfmail_tui.outbox import NoAccount
    from cfmail_tui.submission import Account, ApiToken

    name = source = ""
    try:
        foreseen = outbox.accounts.foreseen()
        name, source, who = foreseen.profile.name, foreseen.source, foreseen.words
    except NoAccount as error:
        who = f"nobody: {error}"
    reviewed = outbox.prepare(draft, account=Account("", "", ApiToken(""), ""))
    _tell_findings(outbox, reviewed)
    outbox.discard(reviewed)
    submission, proxy = reviewed.submission, outbox.road.proxy

    def write() -> None:
        if args.json:
            found = {"findings": report.findings_as_json(reviewed.findings)}
            print_json(report.preview_as_json(submission, name, source, proxy) | found | dict(more))
        else:
            print("\n".join(report.preview_in_words(submission, who, proxy)))

    return partial(tell, write, DONE, NOT_SENT)
