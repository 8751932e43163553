"""The data folder goes away, comes back or breaks under a store that is open: nothing is written where nobody looks."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.message import Draft, SavedDraft
from cfmail_tui.store import DATABASE, Damaged, Store, StoreError
from cfmail_tui.submission import Accepted, Envelope, Receipt, Submission

DELIVERED: Final = Accepted(Receipt(delivered=("a@example.com",)))


def submission(attempt_id: str) -> Submission:
    return Submission(attempt_id, "", "send", Envelope("me@example.com", ("a@example.com",)), "Hi", 1, 2, "ab" * 32)


def draft(name: str, revision: int = 1) -> SavedDraft:
    return SavedDraft(name, revision, Draft(text=f"{name}, revision {revision}"))


def texts(store: Store) -> list[str]:
    return [saved.content.text for saved in store.drafts() if isinstance(saved.content, Draft)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with closing(Store(folder)) as opened:
        opened.save_draft(draft("first"))
        opened.save_draft(draft("second"))
        yield opened


def test_a_removed_folder_is_made_again_with_the_drafts(store: Store, folder: Path) -> None:
    """The save that finds the folder gone says so; from the next on all drafts are where the next start looks."""
    shutil.rmtree(folder)
    with pytest.raises(StoreError, match=r"cfmail\.sqlite3 was moved or removed while cfmail ran"):
        store.save_draft(draft("first", revision=2))
    assert texts(store) == ["second, revision 1", "first, revision 1"]
    store.save_draft(draft("first", revision=2))
    with closing(Store(folder)) as other:
        assert texts(other) == ["first, revision 2", "second, revision 1"]


def test_a_folder_that_comes_back_takes_what_was_saved_meanwhile(store: Store, folder: Path, tmp_path: Path) -> None:
    """Moved back in the place of the new one, the old folder gets the drafts that were saved in the new one."""
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="moved or removed"):
        store.save_draft(draft("first", revision=2))
    store.save_draft(draft("first", revision=2))
    folder.rename(tmp_path / "new")
    (tmp_path / "elsewhere").rename(folder)
    with pytest.raises(StoreError, match="moved or removed"):
        store.save_draft(draft("third"))
    store.save_draft(draft("third"))
    with closing(Store(folder)) as other:
        assert texts(other) == ["third, revision 1", "first, revision 2", "second, revision 1"]


def test_a_folder_that_cannot_be_made_again_is_waited_for(store: Store, folder: Path) -> None:
    """While something else stands in its place each save says so; the drafts are not lost when it has gone."""
    shutil.rmtree(folder)
    folder.touch()
    for _ in range(2):
        with pytest.raises(StoreError, match="cannot be used: it is a file"):
            store.save_draft(draft("first", revision=2))
    folder.unlink()
    with pytest.raises(StoreError, match="moved or removed"):
        store.save_draft(draft("first", revision=2))
    assert texts(store) == ["second, revision 1", "first, revision 1"]


def test_no_mail_is_begun_or_ended_in_a_journal_that_has_gone(store: Store, folder: Path) -> None:
    """Neither the body, the attempt nor the outcome is said to be on the disk when they are in no folder."""
    store.begin(submission("attempt-1"), "work")
    for step in (
        lambda: store.write_body("attempt-2", iter([b"{}"])),
        lambda: store.begin(submission("attempt-2"), "work"),
        lambda: store.leaving("attempt-1"),
        lambda: store.finish("attempt-1", DELIVERED),
    ):
        shutil.rmtree(folder)
        with pytest.raises(StoreError, match="moved or removed"):
            step()
        assert store.attempts() == ()


def test_a_database_that_breaks_is_set_aside_under_the_store(store: Store, folder: Path) -> None:
    """After the call that met the damage, the next says where the old one is; then all goes on, with what reads."""
    lose_the_journal(folder)
    with pytest.raises(Damaged):
        store.attempts()
    with pytest.raises(StoreError, match=r"was set aside as cfmail-damaged-.* and 2 drafts"):
        store.save_draft(draft("first", revision=2))
    assert store.claim_draft("first")
    store.save_draft(draft("first", revision=2))
    assert texts(store) == ["first, revision 2", "second, revision 1"]
    assert store.begin(submission("attempt-1"), "work").submission.attempt_id == "attempt-1"


def test_a_broken_database_is_not_set_aside_under_another(store: Store, folder: Path) -> None:
    """While another cfmail has it open it stays, which is said each time; when that ends it is set aside."""
    with closing(Store(folder)):
        lose_the_journal(folder)
        with pytest.raises(Damaged):
            store.attempts()
        for _ in range(2):
            with pytest.raises(StoreError, match="is damaged: close the other cfmails"):
                store.save_draft(draft("first", revision=2))
        with pytest.raises(StoreError, match="is damaged: close the other cfmails"):
            store.drafts()
    with pytest.raises(StoreError, match="was set aside"):
        store.save_draft(draft("first", revision=2))
    assert texts(store) == ["second, revision 1", "first, revision 1"]


def lose_the_journal(folder: Path) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as db, db:
        db.execute("DROP TABLE attempts")
