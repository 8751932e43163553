"""`cfmail send --template FILE --data ROWS`: a mail for each row of a table, each sent once however often this is run.

Invariants:
- nothing leaves before all rows were read and checked;
- each row's mail has a key (`merging.keys`) that the journal keeps with its attempts: whoever sends the same row again,
  after a crash, at the same time or a year later, finds it there, and the journal lets no second one begin;
- what certainly was not sent, or was refused, is tried again by the next run; what may have been sent never is, until
  the user said in the history that it did not arrive;
- what no later row would escape either ends the run: no credentials, no way to Cloudflare, a limit that lasts, answers
  that do not come.
"""

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from cfmail_tui import merging, report, retry
from cfmail_tui.cli.drafts import is_message_file, read, read_text, shown
from cfmail_tui.cli.opening import opened
from cfmail_tui.cli.output import DONE, NOT_SENT, UNSENDABLE, UsageError, complain, tell
from cfmail_tui.cli.signals import Flight, heeding
from cfmail_tui.frozen import frozen
from cfmail_tui.message import PROBLEM_LIMIT, Draft, MailError, MessageError, Place, Problem, gist, printable
from cfmail_tui.submission import Accepted, Account, Attempt, NotSent, Refused, Unknown, explain

if TYPE_CHECKING:
    from cfmail_tui.outbox import Foreseen, Outbox

_FIRST_ROWS = 3
"""Rows that --dry-run shows to people."""

_KEYS_LOST = (
    "the database was damaged, and which rows were sent before may not be known any more; nothing was sent now. Look"
    " what --dry-run would send, then run this again"
)

_WORST_FIRST = (report.UNKNOWN, report.REFUSED, UNSENDABLE, report.NOT_SENT, report.PARTLY, report.ACCEPTED)

_UNKNOWN_AT_MOST = 3
"""One after another: then it is not these rows."""

_TIDYING = 2.0
"""Seconds, at most, that the end may wait for what is to be kept no longer."""


@frozen
class _Mail:
    """The mail of a row."""

    row: merging.Row
    draft: Draft
    key: str = ""
    before: tuple[Attempt, ...] | None = None
    """The attempts at it that earlier runs made; () if they were deleted since, None if it was never begun."""

    @property
    def deciding(self) -> Attempt | None:
        """Of the attempts before the one for which no other may be made, else the last."""
        attempts = self.before or ()
        return next((one for one in attempts if _settles(one)), attempts[-1] if attempts else None)

    @property
    def is_settled(self) -> bool:
        """Whether no attempt at it may be made."""
        return self.before is not None and (not self.before or any(map(_settles, self.before)))


def _settles(attempt: Attempt) -> bool:
    match attempt.outcome:
        case NotSent() | Refused():
            return False
        case Unknown():
            return attempt.settled is not False
        case Accepted() | None:
            return True


def merge(args: argparse.Namespace) -> int:
    if args.template is None or args.data is None:
        raise UsageError("--template and --data go together: the mail, and the rows that it is sent for")
    if args.template == args.data == "-":
        raise UsageError("standard input can be read once; give - to one of --template and --data")
    beside = (args.sender, args.to, args.cc, args.bcc, args.subject, args.attach, args.reply_to, args.header)
    if any((*beside, args.inline, args.file, args.text, args.html, args.markdown)):
        raise UsageError("the template says all of the mail: no FILE and no flag for a field goes with it")
    return heeding(partial(_mails, args), partial(_deliver, args), as_json=args.json)


def _mails(args: argparse.Namespace) -> tuple[_Mail, ...]:
    """The mail of each row, as the template and the table say. Raises MessageError with all that does not fit."""
    from cfmail_tui import prefill

    content = read(args.template, Place.MESSAGE)
    if is_message_file(content):
        template = prefill.message_file(content, shown(args.template)).draft
    else:
        raise MessageError(Problem(Place.MESSAGE, f"{printable(shown(args.template), 300)} is no message file"))
    name = shown(args.data)
    table = merging.rows(read_text(args.data, Place.MESSAGE), name)
    drafts = merging.merged(template, table, name)
    return tuple(_Mail(row, draft) for row, draft in zip(table, drafts, strict=True))


def _deliver(args: argparse.Namespace, mails: Sequence[_Mail], flight: Flight) -> Callable[[], int]:
    if args.preview:
        return _preview(args, mails)
    with opened(args.account, sandbox=args.sandbox) as (outbox, _):
        far_end = "sandbox" if args.sandbox else outbox.road.base_url
        keys = [*merging.keys([mail.draft for mail in mails], far_end, args.run)]
        known = outbox.by_keys(keys)
        folder = shown(args.template)
        mails = [
            replace(mail, draft=_placed(mail.draft, folder), key=key, before=known.get(key))
            for mail, key in zip(mails, keys, strict=True)
        ]
        foreseen = _checked(outbox, mails, shown(args.data))
        if args.dry_run:
            return partial(_tell_plan, mails, foreseen, as_json=args.json)
        if outbox.keys_lost():
            raise MailError(_KEYS_LOST)
        run = _Run(outbox, flight, args.rate or 0.0, as_json=args.json)
        run.send(mails)
        outbox.tidy(_TIDYING)
    return lambda: run.code


def _placed(draft: Draft, template: str) -> Draft:
    from cfmail_tui.prefill import placed

    return placed(draft, template)


def _preview(args: argparse.Namespace, mails: Sequence[_Mail]) -> Callable[[], int]:
    from cfmail_tui.message_files import written

    if args.preview > len(mails):
        raise UsageError(f"{shown(args.data)} has {len(mails)} rows: there is no row {args.preview}")
    mail = mails[args.preview - 1]
    text = written(mail.draft)

    def write() -> None:
        if args.json:
            _print_line({"row": mail.row.number, "line": mail.row.line, "message": text})
        else:
            print(text, end="")

    return partial(tell, write, DONE, NOT_SENT)


def _checked(outbox: "Outbox", mails: Sequence[_Mail], name: str) -> dict[int, "Foreseen"]:
    """What would leave for each row that is still to be sent; what speaks against it is said once.

    Raises MessageError with all that is wrong, by row.
    """
    from cfmail_tui.lint import DraftFinding

    problems: list[Problem] = []
    cautions: dict[str, list[int]] = {}
    found: dict[int, Foreseen] = {}
    for mail in mails:
        if mail.is_settled:
            continue
        try:
            foreseen = found[mail.row.number] = outbox.foresee(mail.draft)
        except MessageError as error:
            problems += [_of_row(name, mail, problem) for problem in error.problems]
            if len(problems) >= PROBLEM_LIMIT:
                break
            continue
        for finding in foreseen.findings:
            if isinstance(finding, DraftFinding) and finding.weight == "confirmed":
                problems.append(_of_row(name, mail, Problem(finding.place, finding.words)))
            else:
                cautions.setdefault(finding.words, []).append(mail.row.number)
    if problems:
        raise MessageError(*problems)
    for words, numbers in cautions.items():
        more = f" and {len(numbers) - 1} more" if len(numbers) > 1 else ""
        complain(f"row {numbers[0]}{more}: {words}")
    return found


def _of_row(name: str, mail: _Mail, problem: Problem) -> Problem:
    return replace(problem, words=f"{printable(name, 300)}, {mail.row.words}: {problem.words}")


def _tell_plan(mails: Sequence[_Mail], foreseen: Mapping[int, "Foreseen"], *, as_json: bool) -> int:
    """What would be sent, and what was before."""

    def write() -> None:
        if as_json:
            for mail in mails:
                told = foreseen.get(mail.row.number)
                _print_line(_settled(mail) if told is None else _line(mail, "would_send", told.envelope.recipients))
            return
        for number, told in [*foreseen.items()][:_FIRST_ROWS]:
            subject = printable(told.subject) or "(no subject)"
            print(f"row {number}: to {', '.join(told.envelope.recipients)}, subject: {subject}")
        words = f"would send {len(foreseen)} of {len(mails)} mails"
        settled = Counter(_settled(mail)["outcome"] for mail in mails if mail.is_settled)
        print(", ".join([words, *(f"{count} {word} before" for word, count in settled.items())]))

    return tell(write, DONE, NOT_SENT)


class _Run:
    """Rows sent one after another, each told as soon as it has its outcome."""

    def __init__(self, outbox: "Outbox", flight: Flight, interval: float, *, as_json: bool) -> None:
        self._outbox = outbox
        self._flight = flight
        self._interval = interval
        self._as_json = as_json
        self._in_flight = ""
        self._due = 0.0
        self._left = 0
        self._unknown = 0
        self._counts: Counter[str] = Counter()
        self._codes = {DONE}

    @property
    def code(self) -> int:
        """The worst of all; that rows were left for a signal counts for more than what was refused, not than what is
        unknown.
        """
        if self._left and self._flight.ended_by and report.UNKNOWN not in self._codes:
            return 128 + self._flight.ended_by
        return next(code for code in _WORST_FIRST if code in self._codes)

    def send(self, mails: Sequence[_Mail]) -> None:
        """Send what is still to be sent, and tell of all; raises NoAccount if there is nobody to send it as."""
        from cfmail_tui.cli.asking import account_found

        account = None
        for mail in mails:
            if mail.is_settled:
                self._tell(_settled(mail))
                continue
            if account is None:
                account = account_found(self._outbox.accounts, "", self._flight)
                self._flight.begin(lambda: self._outbox.cancel(self._in_flight), is_one_of_many=True)
            if self._flight.ending.wait(self._wait()) or not self._send(mail, account):
                break
        self._tell_end(len(mails))

    def _wait(self) -> float:
        """Seconds until the next mail may leave, which is due then."""
        now = time.monotonic()
        at = max(now, self._due)
        self._due = at + self._interval
        return at - now

    def _send(self, mail: _Mail, account: Account) -> bool:
        """Send the mail of a row, and tell of it; False if no later one would fare better."""
        from cfmail_tui.outbox import NotRecorded

        try:
            attempt = self._tried(mail, account)
        except MessageError as error:
            self._tell(_line(mail, "invalid", _recipients(mail), str(error)))
            return True
        except NotRecorded as error:
            complain(str(error))
            self._tell(_of_attempt(mail, error.attempt) | {"not_recorded": str(error)})
            return False
        except MailError as error:
            return self._not_begun(mail, error)
        if attempt is None:
            return False
        self._tell(_of_attempt(mail, attempt))
        self._unknown = self._unknown + 1 if isinstance(attempt.outcome, Unknown) else 0
        match attempt.outcome:
            case Unknown():
                return self._unknown < _UNKNOWN_AT_MOST
            case NotSent():
                return False
            case Refused(status=status):
                return status not in {401, 403, 429}
            case _:
                return True

    def _tried(self, mail: _Mail, account: Account) -> Attempt | None:
        """What came of it, after all tries there may be; None if a signal came before the first."""
        last = mail.deciding
        reviewed = replace(
            self._outbox.prepare(mail.draft, account=account),
            key=mail.key,
            again_of=last.submission.attempt_id if last else "",
        )
        attempt = None
        while True:
            self._in_flight = reviewed.submission.attempt_id
            if self._flight.ending.is_set():
                self._outbox.discard(reviewed)
                return attempt
            try:
                attempt = self._outbox.send(reviewed)
            except MailError:
                # One that has begun is not discarded.
                with suppress(MailError):
                    self._outbox.discard(reviewed)
                raise
            assert attempt.outcome
            seconds = retry.delay(attempt.outcome, reviewed.tries + 1, random.random())  # noqa: S311 - only spreads
            if seconds is None:
                return attempt
            complain(f"row {mail.row.number}: {explain(attempt.outcome).cause}; tried again in {seconds:.0f} s")
            if self._flight.ending.wait(seconds):
                return attempt
            reviewed = self._outbox.retry(reviewed)

    def _not_begun(self, mail: _Mail, error: MailError) -> bool:
        """Nothing left: another cfmail has just sent this row, or there is something wrong with what all rows need."""
        before = self._outbox.by_keys([mail.key]).get(mail.key)
        now = replace(mail, before=before)
        if now.is_settled:
            self._tell(_settled(now))
            return True
        complain(str(error))
        self._tell(_line(mail, NotSent.word, _recipients(mail), str(error)))
        return False

    def _tell(self, line: Mapping[str, Any]) -> None:
        self._counts[line["outcome"]] += 1
        self._codes.add(line["exit_code"])

        def write() -> None:
            if self._as_json:
                _print_line(line)
            else:
                print(_words(line))

        tell(write, DONE)

    def _tell_end(self, rows: int) -> None:
        self._left = rows - self._counts.total()
        words = ", ".join(f"{count} {word}" for word, count in self._counts.items())
        left = f"{self._left} not tried: run the same command again" if self._left else ""
        complain("; ".join(filter(None, [words, left])))


def _settled(mail: _Mail) -> dict[str, Any]:
    """What there is to tell of a row for which no attempt may be made."""
    if mail.deciding is None:
        words = "it was tried before, and deleted from the history since"
        return _line(mail, "forgotten", _recipients(mail), words) | {"before": True}
    return _of_attempt(mail, mail.deciding) | {"before": True}


def _of_attempt(mail: _Mail, attempt: Attempt) -> dict[str, Any]:
    told = report.as_json(attempt)
    line = _line(mail, told["outcome"], ()) | {"recipients": told["recipients"], "attempt": told["id"]}
    if attempt.settled:
        return line | {"outcome": "arrived", "exit_code": DONE}
    return line | {"exit_code": report.exit_code(attempt)} | {key: told[key] for key in _WHY if told.get(key)}


_WHY = ("reason", "cause", "action")


def _line(mail: _Mail, outcome: str, recipients: Sequence[str], reason: str = "") -> dict[str, Any]:
    """What is told of a row, for scripts; the keys are a contract (docs/files.md)."""
    return {
        "row": mail.row.number,
        "line": mail.row.line,
        "recipients": [{"address": address, "status": outcome} for address in recipients],
        "outcome": outcome,
        "attempt": None,
        "before": False,
        "exit_code": _CODES.get(outcome, DONE),
    } | ({"reason": reason} if reason else {})


_CODES = {"invalid": UNSENDABLE, "forgotten": report.UNKNOWN, NotSent.word: NOT_SENT}


def _recipients(mail: _Mail) -> list[str]:
    return [mailbox.addr_spec for mailbox in gist(mail.draft).recipients]


def _words(line: Mapping[str, Any]) -> str:
    """The same for people, in a line."""
    recipients = ", ".join(
        one["address"] if one["status"] == line["outcome"] else f"{one['address']} {one['status']}"
        for one in line["recipients"]
    )
    words = f"{line['row']:>6}  {line['outcome']:<9}  {printable(recipients, 400)}  {line['attempt'] or '-'}"
    if line["before"]:
        words += "  before"
    why = line.get("cause") or line.get("reason")
    return f"{words}  {printable(why, 400)}" if why else words


def _print_line(value: object) -> None:
    import json

    print(json.dumps(value))
