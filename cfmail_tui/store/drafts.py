"""The drafts in the database: saved, deleted and restored, and where each is open. Functions over a connection."""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Final

from cfmail_tui.message import SavedDraft
from cfmail_tui.store import rows
from cfmail_tui.store.failures import NoSuchDraft


def save(db: sqlite3.Connection, draft: SavedDraft, now: datetime) -> None:
    """Keep a newer revision than the one kept or sent; of the one kept, take over the cursor."""
    draft_id, cursor = rows.pack(draft.draft_id), rows.packed_cursor(draft)
    known = db.execute(_KNOWN_REVISIONS, (draft_id, draft_id)).fetchall()
    if all(draft.revision > revision for (revision,) in known):
        # A new row, not a changed one: `seq` is the order of saving.
        db.execute(
            "REPLACE INTO drafts (id, revision, saved_at, kind, fields, source, cursor, account)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(draft_id, draft.revision, now.isoformat(), *rows.packed_content(draft.content)),
                *(cursor, rows.pack(draft.account)),
            ),
        )
    else:
        moved = (cursor, draft_id, draft.revision)
        db.execute("UPDATE drafts SET cursor = ? WHERE id = ? AND revision = ?", moved)


def found(db: sqlite3.Connection, draft_id: str) -> SavedDraft:
    """The draft as it was last saved. Raises NoSuchDraft."""
    row = db.execute("SELECT * FROM drafts WHERE id = ? AND deleted_at IS NULL", (rows.pack(draft_id),)).fetchone()
    if row is None:
        raise NoSuchDraft(f"there is no draft {draft_id!r}: it was sent, deleted or never saved")
    return rows.draft(row)


def listed(db: sqlite3.Connection, *, deleted: bool = False) -> tuple[SavedDraft, ...]:
    """Every draft, the last saved first; those that can be restored only if asked for."""
    found = db.execute("SELECT * FROM drafts WHERE deleted_at IS NULL OR ? ORDER BY seq DESC", (deleted,))
    return tuple(map(rows.draft, found))


def delete(db: sqlite3.Connection, draft_id: bytes, now: datetime, *, up_to: int | None = None) -> None:
    """Take the draft out of the list, unless it is of a later revision than `up_to`."""
    db.execute(
        "UPDATE drafts SET deleted_at = coalesce(deleted_at, ?) WHERE id = ? AND (?3 IS NULL OR revision <= ?3)",
        (now.isoformat(), draft_id, up_to),
    )


def restore(db: sqlite3.Connection, draft_id: bytes) -> None:
    db.execute("UPDATE drafts SET deleted_at = NULL WHERE id = ?", (draft_id,))


def claim(db: sqlite3.Connection, draft_id: bytes, owner: str, is_free: Callable[[str], bool]) -> bool:
    """Let the draft be open in the instance `owner`; False if it is open in one whose things are not free to take."""
    held = db.execute("SELECT owner FROM claims WHERE draft = ?", (draft_id,)).fetchone()
    if held and not is_free(held["owner"]):
        return False
    db.execute("REPLACE INTO claims (draft, owner) VALUES (?, ?)", (draft_id, owner))
    return True


def release(db: sqlite3.Connection, draft_id: bytes, owner: str) -> None:
    db.execute("DELETE FROM claims WHERE draft = ? AND owner = ?", (draft_id, owner))


def forget_deleted(db: sqlite3.Connection, before: datetime) -> None:
    """Those deleted before can be restored no more."""
    db.execute("DELETE FROM drafts WHERE deleted_at < ?", (before.isoformat(),))


_KNOWN_REVISIONS: Final = """
    SELECT revision FROM drafts WHERE id = ?
    UNION ALL SELECT draft_revision FROM attempts WHERE draft_id = ? AND (outcome = 'accepted' OR settled = 1)
"""
