"""An attempt, told: the exit code, JSON and CSV keys that scripts rely on, and words for people.

The keys are a contract (README, command line). Pure: it gives text and values, the caller writes them.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, assert_never

from cfmail_tui import mime
from cfmail_tui.message import printable
from cfmail_tui.submission import Accepted, Attempt, Fate, NotSent, Outcome, Refused, Submission, Unknown, explain

if TYPE_CHECKING:
    from cfmail_tui.lint import DraftFinding

ACCEPTED, PARTLY, REFUSED, NOT_SENT, UNKNOWN = 0, 3, 69, 75, 76

CSV_COLUMNS = ("id", "started_at", "account", "endpoint", "from", "subject", "outcome", "address", "status")
"""One row for each recipient of each attempt."""


def outcome_name(outcome: Outcome | None) -> str:
    """The word for an outcome in JSON, CSV and lists; an attempt without one is open."""
    return outcome.word if outcome else "open"


def exit_code(attempt: Attempt) -> int:
    """The exit code that stands for an attempt's outcome; an open one may have been sent."""
    match attempt.outcome:
        case Accepted():
            fates = {fate for _, fate in attempt.fates}
            return ACCEPTED if fates <= {Fate.DELIVERED, Fate.QUEUED} else PARTLY
        case Refused():
            return REFUSED
        case NotSent():
            return NOT_SENT
        case Unknown() | None:
            return UNKNOWN
        case _:
            assert_never(attempt.outcome)


def as_json(attempt: Attempt) -> dict[str, Any]:
    """An attempt for scripts; the keys are a contract (README, history)."""
    submission, outcome = attempt.submission, attempt.outcome
    shown: dict[str, Any] = {
        "id": submission.attempt_id,
        "started_at": attempt.started_at.isoformat(),
        "finished_at": attempt.finished_at.isoformat() if attempt.finished_at else None,
        "account": attempt.account,
        "endpoint": submission.endpoint,
        "from": submission.envelope.sender,
        "subject": submission.subject,
        "message_size": submission.message_size,
        "outcome": outcome_name(outcome),
        "recipients": [{"address": address, "status": word} for address, word in statuses(attempt)],
    }
    if isinstance(outcome, Accepted):
        shown["message_id"] = outcome.receipt.message_id or None
        for fate in Fate:
            shown[fate] = [address for address, word in statuses(attempt) if word == fate]
    elif outcome is not None:
        explanation = explain(outcome)
        shown |= {"reason": outcome.reason, "cause": explanation.cause, "action": explanation.action}
    if attempt.settled is not None:
        shown["settled"] = "arrived" if attempt.settled else "lost"
    if isinstance(outcome, Refused):
        shown |= {"http_status": outcome.status, "code": outcome.code, "retry_after": outcome.retry_after}
        shown["ray"] = outcome.ray or None
    return shown


def as_csv(attempts: Iterable[Attempt]) -> Iterator[str]:
    """A heading and a row for each recipient; for spreadsheets and eyes, so control characters are made visible."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(CSV_COLUMNS)
    for attempt in attempts:
        shown = as_json(attempt)
        for recipient in shown["recipients"]:
            values = [str((shown | recipient)[column]) for column in CSV_COLUMNS]
            table.writerow([printable(value, len(value)) for value in values])
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def preview_as_json(submission: Submission, account: str, source: str, proxy: str) -> dict[str, Any]:
    """What would be sent, for scripts; the keys are a contract like those of an attempt."""
    return {
        "dry_run": True,
        "account": account or None,
        "source": source or None,
        "proxy": proxy or None,
        "endpoint": submission.endpoint,
        "envelope": {"from": submission.envelope.sender, "recipients": list(submission.envelope.recipients)},
        "subject": submission.subject,
        "message_size": submission.message_size,
        "body_size": submission.body_size,
        "digest": submission.digest,
    }


def source_as_json(changes: Iterable["mime.Change"], findings: Iterable["mime.SourceFinding"]) -> dict[str, Any]:
    """What a look at a raw message tells besides: what was re-encoded in it, and what should be known of it."""
    return {
        "changes": [{"place": one.place, "before": one.before, "after": one.after} for one in changes],
        "findings": findings_as_json(findings),
    }


def findings_as_json(findings: Iterable["DraftFinding | mime.SourceFinding"]) -> list[dict[str, Any]]:
    """What should be known of a mail before it is sent, for scripts."""
    return [
        {
            "rule": one.rule,
            "weight": one.weight,
            "place": one.place,
            "finding": one.words,
            "offset": one.offset,
            "section": one.section,
            "fix": one.fix or None,
        }
        for one in findings
    ]


def preview_in_words(submission: Submission, account: str, proxy: str) -> Iterator[str]:
    """What would be sent, for people: `account` in words, `proxy` is "" for none."""
    yield f"would send to {', '.join(submission.envelope.recipients)}"
    yield f"from {submission.envelope.sender}, subject: {printable(submission.subject)}"
    yield f"{submission.message_size} octets as a message, {submission.body_size} as a request, {submission.digest}"
    yield f"as {printable(account, 400)}"
    if proxy:
        yield f"via proxy {printable(proxy, 400)}"


def statuses(attempt: Attempt) -> list[tuple[str, str]]:
    """Each recipient with what became of it; where nothing was accepted, that is the attempt's outcome."""
    if isinstance(attempt.outcome, Accepted):
        return [(address, str(fate)) for address, fate in attempt.fates]
    return [(address, outcome_name(attempt.outcome)) for address in attempt.submission.envelope.recipients]


def in_words(attempt: Attempt) -> Iterator[str]:
    """What became of a mail: a line per recipient, and the cause where it was not accepted."""
    for address, word in statuses(attempt):
        yield f"{word:<11} {printable(address, 300)}"
    outcome = attempt.outcome
    if outcome is not None and not isinstance(outcome, Accepted):
        explanation = explain(outcome)
        yield f"{printable(explanation.cause, 400)}; {printable(explanation.action, 400)}"
    if isinstance(outcome, Refused):
        reference = f", reference {printable(outcome.ray)}" if outcome.ray else ""
        yield f"Cloudflare's words: {printable(outcome.reason, 400)} [{printable(outcome.code)}]{reference}"


def in_a_line(attempt: Attempt) -> str:
    """An attempt in a list: id, local time, outcome, the first recipient and how many more, subject."""
    submission = attempt.submission
    when = attempt.started_at.astimezone().strftime("%Y-%m-%d %H:%M")
    first, *others = submission.envelope.recipients
    to = printable(first) + (f" +{len(others)}" if others else "")
    subject = printable(submission.subject) or "(no subject)"
    return f"{submission.attempt_id}  {when}  {outcome_name(attempt.outcome):<8}  {to}  {subject}"


def in_full(attempt: Attempt) -> Iterator[str]:
    """Everything known of an attempt, a line for each thing."""
    for name, value in as_json(attempt).items():
        if isinstance(value, str | int):
            yield f"{name.replace('_', ' '):<13} {printable(str(value), 400)}"
    yield from in_words(attempt)
