"""An attempt, told: the exit code, JSON and CSV keys that scripts rely on, and words for people.

The keys are a contract (README, command line). Pure: it gives text and values, the caller writes them.
"""

from collections.abc import Iterator
from typing import Any, assert_never

from cfmail_tui.message import printable
from cfmail_tui.submission import Accepted, Attempt, Fate, NotSent, Outcome, Refused, Unknown, explain

ACCEPTED, PARTLY, REFUSED, NOT_SENT, UNKNOWN = 0, 3, 69, 75, 76

CSV_COLUMNS = ("id", "started_at", "account", "endpoint", "from", "subject", "outcome", "address", "status")
"""One row for each recipient of each attempt."""


def outcome_name(outcome: Outcome | None) -> str:
    """The word for an outcome in JSON, CSV and lists; an attempt without one is open."""
    match outcome:
        case None:
            return "open"
        case Accepted():
            return "accepted"
        case Refused():
            return "refused"
        case NotSent():
            return "not_sent"
        case Unknown():
            return "unknown"
        case _:
            assert_never(outcome)


def exit_code(attempt: Attempt) -> int:
    """The exit code that stands for an attempt's outcome; an open one may have been sent."""
    match attempt.outcome:
        case Accepted(receipt):
            fates = {fate for _, fate in receipt.fates(attempt.submission.envelope)}
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
    if isinstance(outcome, Refused):
        shown |= {"http_status": outcome.status, "code": outcome.code, "retry_after": outcome.retry_after}
    return shown


def statuses(attempt: Attempt) -> list[tuple[str, str]]:
    """Each recipient with what became of it; where nothing was accepted, that is the attempt's outcome."""
    if isinstance(attempt.outcome, Accepted):
        return [(address, str(fate)) for address, fate in attempt.outcome.receipt.fates(attempt.submission.envelope)]
    return [(address, outcome_name(attempt.outcome)) for address in attempt.submission.envelope.recipients]


def in_words(attempt: Attempt) -> Iterator[str]:
    """What became of a mail: a line per recipient, and the cause where it was not accepted."""
    for address, word in statuses(attempt):
        yield f"{word:<11} {printable(address)}"
    outcome = attempt.outcome
    if outcome is not None and not isinstance(outcome, Accepted):
        explanation = explain(outcome)
        yield f"{printable(explanation.cause, 400)}; {printable(explanation.action, 400)}"
    if isinstance(outcome, Refused):
        yield f"Cloudflare's words: {printable(outcome.reason, 400)} [{printable(outcome.code)}]"
