"""How a draft, an attempt and its outcome stand in the database, and how they are read back, exactly.

What makes no sense raises ValueError, TypeError, LookupError, AttributeError or MailError.
"""

import json
import sqlite3
from dataclasses import asdict
from datetime import datetime
from typing import Any, assert_never

from cfmail_tui.message import AttachmentDraft, Draft, RawDraft, SavedDraft
from cfmail_tui.submission import Accepted, Attempt, Envelope, NotSent, Outcome, Receipt, Refused, Submission, Unknown


def pack(text: str) -> bytes:
    """Any str as octets. SQLite's own text cannot hold lone surrogates, which drafts and answers can."""
    return text.encode("utf-8", "surrogatepass")


def unpack(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogatepass")


def packed_json(fields: dict[str, Any]) -> bytes:
    # Escapes would join two surrogates that stand beside each other into one character.
    return pack(json.dumps(fields, ensure_ascii=False))


def packed_content(content: Draft | RawDraft) -> tuple[str, bytes, bytes | None]:
    match content:
        case Draft():
            return "form", packed_json(asdict(content)), None
        case RawDraft(sender, recipients, source):
            return "raw", packed_json({"sender": sender, "recipients": recipients}), source
        case _:
            assert_never(content)


def draft(row: sqlite3.Row) -> SavedDraft:
    fields = json.loads(unpack(row["fields"]))
    content: Draft | RawDraft
    if row["kind"] == "raw":
        content = RawDraft(**fields, source=row["source"])
    else:
        attachments = tuple(AttachmentDraft(**attachment) for attachment in fields.pop("attachments"))
        content = Draft(**fields, attachments=attachments)
    return SavedDraft(unpack(row["id"]), row["revision"], content, datetime.fromisoformat(row["saved_at"]))


def attempt(row: sqlite3.Row, recipients: tuple[str, ...]) -> Attempt:
    submission = Submission(
        attempt_id=row["id"],
        account_id="",
        endpoint=row["endpoint"],
        envelope=Envelope(unpack(row["sender"]), recipients),
        subject=unpack(row["subject"]),
        message_size=row["message_size"],
        body_size=row["body_size"],
        digest=row["digest"],
    )
    return Attempt(
        submission=submission,
        account=unpack(row["account"]),
        started_at=datetime.fromisoformat(row["started_at"]),
        finished_at=datetime.fromisoformat(row["finished_at"]) if row["finished_at"] else None,
        outcome=outcome(row["outcome"], row["evidence"]) if row["outcome"] else None,
    )


def searchable(attempt: Attempt) -> bytes:
    envelope = attempt.submission.envelope
    parts = (
        attempt.submission.subject,
        envelope.sender,
        *envelope.recipients,
        attempt.account,
        outcome_name(attempt.outcome) if attempt.outcome else "sending",
        attempt.submission.attempt_id,
    )
    return pack("\n".join(parts).casefold())


def outcome_name(outcome: Outcome) -> str:
    match outcome:
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


def outcome(name: str, evidence: bytes) -> Outcome:
    fields = json.loads(unpack(evidence))
    if name == "accepted":
        lists: dict[str, Any] = {key: tuple(value) for key, value in fields["receipt"].items() if key != "message_id"}
        return Accepted(Receipt(**lists, message_id=fields["receipt"]["message_id"]))
    kinds: dict[str, type[Outcome]] = {"refused": Refused, "not_sent": NotSent, "unknown": Unknown}
    return kinds[name](**fields)
