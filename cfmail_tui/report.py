"""An attempt, told: the exit code, JSON and CSV keys that scripts rely on, and words for people.

The keys are a contract (README, command line). Pure: it gives text and values, the caller writes them.
"""

import csv
import io
import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, assert_never

from cfmail_tui import mime
from cfmail_tui.message import printable
from cfmail_tui.submission import (
    Accepted,
    Attempt,
    Detail,
    Fate,
    NotSent,
    Outcome,
    Refused,
    Submission,
    Unknown,
    explain,
)

if TYPE_CHECKING:
    from cfmail_tui.lint import DraftFinding
    from cfmail_tui.suppressions import Barred

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


def as_json_lines(attempts: Iterable[Attempt]) -> Iterator[str]:
    """A line of JSON for each attempt."""
    return (json.dumps(as_json(attempt)) + "\n" for attempt in attempts)


def detail_as_json(detail: Detail) -> dict[str, Any]:
    """An attempt with all that is known of it; the keys are a contract like those of an attempt."""

    def at(moment: datetime | None) -> str | None:
        return moment.isoformat() if moment else None

    news = [
        {"address": one.recipient, "status": str(one.fate), "at": at(one.at), "detail": one.detail}
        for one in detail.attempt.later
    ]
    return {
        **as_json(detail.attempt),
        "left_at": at(detail.left_at),
        "settled_at": at(detail.settled_at),
        "later": news,
        "attempts": [one.submission.attempt_id for one in detail.attempts],
        "attachments": [
            {"filename": one.name, "type": one.media_type, "size": one.size, "disposition": one.disposition}
            for one in detail.files
        ],
        "findings": [{"weight": one.weight, "finding": one.words} for one in detail.findings],
        "test": detail.attempt.is_test,
        "kept": detail.has_body,
    }


def timeline(detail: Detail) -> list[tuple[datetime, str]]:
    """What happened to a mail and when, in words that are safe to show, the first first; other attempts by their id."""
    happened: list[tuple[datetime, str]] = []
    for attempt in detail.attempts:
        which = "" if attempt == detail.attempt else f" (attempt {attempt.submission.attempt_id})"
        happened.append((attempt.started_at, f"begun{which}"))
        if detail.left_at and not which:
            happened.append((detail.left_at, "began to leave"))
        if attempt.finished_at and attempt.outcome:
            words = (
                "accepted" if isinstance(attempt.outcome, Accepted) else printable(explain(attempt.outcome).cause, 400)
            )
            happened.append((attempt.finished_at, words + which))
        for news in attempt.later:
            why = f": {printable(news.detail, 400)}" if news.detail else ""
            happened.append((news.at, f"{printable(news.recipient, 300)} {news.fate}{why}{which}"))
    if detail.settled_at and detail.attempt.settled is not None:
        arrived = "you said that it arrived" if detail.attempt.settled else "you said that it did not arrive"
        happened.append((detail.settled_at, arrived))
    return sorted(happened, key=lambda one: one[0])


def detail_in_words(detail: Detail) -> Iterator[str]:
    """Everything known of an attempt, for people."""
    yield from in_full(detail.attempt)
    for one in detail.files:
        what = f"{printable(one.media_type)}, {one.size} octets, {one.disposition}"
        yield f"{'file':<13} {printable(one.name, 300)}, {what}"
    for finding in detail.findings:
        yield f"{finding.weight:<13} {printable(finding.words, 400)}"
    for at, words in timeline(detail):
        yield f"{at.astimezone():%Y-%m-%d %H:%M:%S}  {words}"
    if not detail.has_body:
        yield "the mail itself is not kept any more"


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
    """What a look at a raw message tells besides: what was changed in it, and what should be known of it."""
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
            "stops": one.stops,
            "place": one.place,
            "finding": one.words,
            "offset": one.offset,
            "section": one.section,
            "fix": one.fix or None,
        }
        for one in findings
    ]


def findings_in_words(name: str, source: bytes, findings: Iterable["mime.SourceFinding"]) -> Iterator[str]:
    """A line for each finding, as compilers write them: file, line, weight, what is wrong, where that is written."""
    ends = [match.start() for match in re.finditer(rb"\n", source)]
    for one in findings:
        where = printable(name, 300) + (f":{bisect_left(ends, one.offset) + 1}" if one.offset is not None else "")
        fix = f"; fix: {one.fix}" if one.fix else ""
        yield f"{where}: {'error' if one.stops else one.weight}: {one.words} [{one.rule}, {one.section}{fix}]"


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


def barred_in_words(barred: "Barred") -> Iterator[str]:
    """Who of a mail's recipients is on the suppression list, why and until when; or why that cannot be told."""
    for address in barred.addresses:
        why = "; ".join(entry.words for entry in barred.about(address))
        yield f"{printable(address, 300)} is on the suppression list{': ' if why else ''}{printable(why, 400)}"
    if barred.remark:
        yield f"{printable(barred.remark.words, 400)}; {printable(barred.remark.action, 400)}"


def barred_as_json(barred: "Barred") -> list[dict[str, Any]]:
    """The same for scripts."""
    return [
        {
            "address": entry.address,
            "reason": entry.reason,
            "created_at": entry.created_at.isoformat() if entry.created_at else None,
            "expires_at": entry.expires_at.isoformat() if entry.expires_at else None,
            "sending_domain": entry.domain or None,
        }
        for entry in barred.entries
    ]


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
