"""How a draft, an attempt with its outcome, and an account stand in the database, and how they are read back, exactly.

What makes no sense raises ValueError, TypeError, LookupError, AttributeError or MailError.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any, assert_never

from cfmail_tui.message import AttachmentDraft, Draft, FileIdentity, Finding, RawDraft, SavedDraft
from cfmail_tui.profile import Identity, Profile
from cfmail_tui.submission import (
    Accepted,
    Attempt,
    Contents,
    Envelope,
    Fate,
    Later,
    NotSent,
    Outcome,
    Receipt,
    Refused,
    SentFile,
    Submission,
    Unknown,
)

Row = sqlite3.Row | Mapping[str, Any]


def pack(text: str) -> bytes:
    """Any str as octets. SQLite's own text cannot hold lone surrogates, which drafts and answers can."""
    return text.encode("utf-8", "surrogatepass")


def unpack(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogatepass")


def _packed_json(fields: dict[str, Any] | tuple[Any, ...]) -> bytes:
    # Escapes would join two surrogates that stand beside each other into one character.
    return pack(json.dumps(fields, ensure_ascii=False))


def packed_content(content: Draft | RawDraft) -> tuple[str, bytes, bytes | None]:
    match content:
        case Draft():
            return "form", _packed_json(asdict(content)), None
        case RawDraft(sender, recipients, source):
            return "raw", _packed_json({"sender": sender, "recipients": recipients}), source
        case _:
            assert_never(content)


def draft(row: Row) -> SavedDraft:
    fields = json.loads(unpack(row["fields"]))
    content: Draft | RawDraft
    if row["kind"] == "raw":
        content = RawDraft(**fields, source=row["source"])
    else:
        attachments = tuple(map(_attachment, fields.pop("attachments")))
        content = Draft(**fields, attachments=attachments)
    saved_at = datetime.fromisoformat(row["saved_at"])
    return SavedDraft(
        draft_id=unpack(row["id"]),
        revision=row["revision"],
        content=content,
        saved_at=saved_at,
        cursor=_cursor(row["cursor"]),
        account=unpack(row["account"] or b""),
    )


def _attachment(fields: dict[str, Any]) -> AttachmentDraft:
    seen = fields.pop("seen", None)
    return AttachmentDraft(**fields, seen=FileIdentity(**seen) if seen else None)


def packed_cursor(draft: SavedDraft) -> bytes:
    return _packed_json(draft.cursor)


def _cursor(octets: bytes | None) -> tuple[str, int, int]:
    """Where the cursor was; what makes no sense is the beginning, since no draft may be given up for it."""
    with suppress(ValueError, TypeError, AttributeError):
        field, line, column = json.loads(unpack(octets or b""))
        if isinstance(field, str) and isinstance(line, int) and isinstance(column, int):
            return field, line, column
    return "", 0, 0


def packed_profile(profile: Profile) -> tuple[bytes, str, bytes]:
    """Name, where its secret is kept, and identities."""
    identities = tuple(asdict(identity) for identity in profile.identities)
    return pack(profile.name), profile.kept_in, _packed_json(identities)


def profile(row: Row) -> Profile:
    identities = tuple(Identity(**identity) for identity in json.loads(unpack(row["identities"])))
    return Profile(unpack(row["name"]), row["kept_in"], identities, bool(row["is_default"]))


def is_of(draft: SavedDraft, attempt: Row) -> bool:
    """Whether the attempt in this row was made from this revision of this draft."""
    return (attempt["draft_id"], attempt["draft_revision"]) == (pack(draft.draft_id), draft.revision)


def attempt(row: Row, recipients: Iterable[Row]) -> Attempt:
    """The attempt in this row, with the rows of its recipients in their order."""
    people = [*recipients]
    submission = Submission(
        attempt_id=row["id"],
        account_id="",
        endpoint=row["endpoint"],
        envelope=Envelope(
            unpack(row["sender"]), tuple(unpack(person["address"]) for person in people if person["asked"])
        ),
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
        outcome=_outcome(row["outcome"], row["evidence"]) if row["outcome"] else None,
        settled=None if row["settled"] is None else bool(row["settled"]),
        again_of=row["again_of"] or "",
        later=tuple(map(_later, (person for person in people if person["later"]))),
        is_test=bool(row["is_test"]),
    )


def _later(row: Row) -> Later:
    at = datetime.fromisoformat(row["later_at"])
    return Later(unpack(row["address"]), Fate(row["later"]), at, unpack(row["later_detail"]))


def packed_contents(contents: Contents) -> bytes:
    """Its files and findings; its words are for the index."""
    return _packed_json({key: [asdict(one) for one in getattr(contents, key)] for key in ("files", "findings")})


def contents(octets: bytes | None) -> tuple[tuple[SentFile, ...], tuple[Finding, ...]]:
    """Files and findings of an attempt; none where they were never written down."""
    fields = json.loads(unpack(octets or b"{}"))
    files = tuple(SentFile(**one) for one in fields.get("files", ()))
    return files, tuple(Finding(**one) for one in fields.get("findings", ()))


Origin = tuple[bytes, int] | tuple[None, None]
"""Packed id and revision of the draft that a mail was made from, if there was one."""


def insert_attempt(db: sqlite3.Connection, attempt: Attempt, origin: Origin, owner: str, contents: Contents) -> int:
    """An attempt without an outcome; the account id is left out. Gives its `seq`."""
    submission = attempt.submission
    row = {
        "id": submission.attempt_id,
        "started_at": attempt.started_at.isoformat(),
        "account": pack(attempt.account),
        "endpoint": submission.endpoint,
        "sender": pack(submission.envelope.sender),
        "subject": pack(submission.subject),
        "message_size": submission.message_size,
        "body_size": submission.body_size,
        "digest": submission.digest,
        "draft_id": origin[0],
        "draft_revision": origin[1],
        "searchable": b"",
        "owner": owner,
        "again_of": attempt.again_of or None,
        "contents": packed_contents(contents),
        "is_test": attempt.is_test,
    }
    insert = f"INSERT INTO attempts ({', '.join(row)}) VALUES (:{', :'.join(row)})"  # noqa: S608 - our own names
    seq = db.execute(insert, row).lastrowid
    assert seq is not None
    names = {mailbox.addr_spec: mailbox.display_name for mailbox in contents.recipients}
    db.executemany(
        "INSERT INTO recipients (attempt, position, address, asked, name) VALUES (?, ?, ?, 1, ?)",
        (
            (seq, at, pack(address), pack(names.get(address, "")))
            for at, address in enumerate(submission.envelope.recipients)
        ),
    )
    return seq


def update_outcome(db: sqlite3.Connection, seq: int, attempt: Attempt) -> None:
    """The attempt has ended; if it was accepted, each recipient has a fate."""
    assert attempt.outcome
    assert attempt.finished_at
    name, evidence = packed_outcome(attempt.outcome)
    db.execute(
        "UPDATE attempts SET outcome = ?, evidence = ?, finished_at = ? WHERE seq = ?",
        (name, evidence, attempt.finished_at.isoformat(), seq),
    )
    if isinstance(attempt.outcome, Accepted):
        envelope = attempt.submission.envelope
        db.executemany(
            "INSERT INTO recipients (attempt, position, address, asked, fate) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (attempt, position) DO UPDATE SET fate = excluded.fate",
            (
                (seq, at, pack(address), at < len(envelope.recipients), fate.value)
                for at, (address, fate) in enumerate(attempt.outcome.receipt.fates(envelope))
            ),
        )


def packed_outcome(outcome: Outcome) -> tuple[str, bytes]:
    return outcome.word, _packed_json(asdict(outcome))


def _outcome(name: str, evidence: bytes) -> Outcome:
    fields = json.loads(unpack(evidence))
    if name == "accepted":
        lists: dict[str, Any] = {key: tuple(value) for key, value in fields["receipt"].items() if key != "message_id"}
        return Accepted(Receipt(**lists, message_id=fields["receipt"]["message_id"]))
    kinds: dict[str, type[Outcome]] = {"refused": Refused, "not_sent": NotSent, "unknown": Unknown}
    return kinds[name](**fields)
