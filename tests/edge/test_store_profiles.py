"""The list of accounts in the database: kept in order, with one default at most, through upgrades and damage."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.message import Draft, RawDraft, SavedDraft
from cfmail_tui.profile import Identity, Profile
from cfmail_tui.store import DATABASE, Damaged, NoSuchProfile, Store, StoreError
from cfmail_tui.submission import Unknown

NOON: Final = datetime(2026, 4, 5, 12, tzinfo=UTC)
ME: Final = Identity("Me <me@example.com>", "team@example.com", "-- \nMe \ud83d half typed")
WORK: Final = Profile("work", "keyring", (ME, Identity("info@example.com")))
HOME: Final = Profile("Zuhause, groß", "file")


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    with closing(Store(data_dir, lambda: NOON)) as opened:
        yield opened


def default(store: Store) -> list[str]:
    return [profile.name for profile in store.profiles.listed() if profile.is_default]


class TestList:
    def test_accounts_are_kept_as_they_were_given(self, store: Store, data_dir: Path) -> None:
        """Names, places and identities are the same at the next start, in the order in which they came."""
        assert store.profiles.listed() == ()
        store.profiles.save(WORK)
        store.profiles.save(HOME)
        with closing(Store(data_dir)) as then:
            assert then.profiles.listed() == (replace(WORK, is_default=True), HOME)

    def test_a_change_keeps_the_place(self, store: Store) -> None:
        """What is saved again takes the place of what was there, and stays the default if it was."""
        for profile in (WORK, HOME, replace(WORK, kept_in="file", identities=(ME,))):
            store.profiles.save(profile)
        assert store.profiles.listed() == (Profile("work", "file", (ME,), is_default=True), HOME)

    def test_one_is_the_default(self, store: Store) -> None:
        """The first becomes it, another only when the user says so, and when it is removed none does by itself."""
        store.profiles.save(WORK)
        store.profiles.save(HOME)
        assert default(store) == ["work"]
        store.profiles.make_default(HOME.name)
        assert default(store) == [HOME.name]
        store.profiles.save(replace(WORK, is_default=True))
        assert default(store) == ["work"]
        store.profiles.remove("work")
        store.profiles.remove("work")
        assert default(store) == []
        store.profiles.save(Profile("third", "command"))
        assert default(store) == ["third"]

    def test_what_is_not_there_cannot_be_the_default(self, store: Store) -> None:
        """An unknown name is told, and who was the default stays it."""
        store.profiles.save(WORK)
        with pytest.raises(NoSuchProfile, match="'other'"):
            store.profiles.make_default("other")
        assert default(store) == ["work"]

    def test_an_account_for_this_session_is_not_written_down(self, store: Store) -> None:
        """What lasts as long as the session leaves no name behind."""
        with pytest.raises(StoreError, match="this session only"):
            store.profiles.save(Profile("guest", "memory"))
        assert store.profiles.listed() == ()

    def test_two_cfmails_agree_on_one_default(self, data_dir: Path) -> None:
        """However many list an account at once, each is there, and one of them is the default."""
        stores = [Store(data_dir) for _ in range(4)]
        start = threading.Barrier(4)

        def work(number: int) -> None:
            start.wait()
            stores[number].profiles.save(Profile(f"account {number}", "keyring", is_default=number == 2))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(stores[0].profiles.listed()) == 4
        assert len(default(stores[0])) == 1
        for store in stores:
            store.close()


class TestDrafts:
    def test_a_draft_remembers_its_account(self, store: Store) -> None:
        """It is saved with the draft, changed by the next revision, and there again when a deleted draft is."""
        store.save_draft(SavedDraft("draft-1", 1, Draft()))
        assert store.draft("draft-1").account == ""
        store.save_draft(SavedDraft("draft-1", 2, Draft(), account="Büro \ud83d"))
        store.save_draft(SavedDraft("draft-1", 1, Draft(), account="late"))
        store.delete_draft("draft-1")
        assert store.restore_draft("draft-1").account == "Büro \ud83d"

    def test_a_raw_draft_does_too(self, store: Store) -> None:
        """Both kinds of mail are sent as somebody."""
        store.save_draft(SavedDraft("draft-1", 1, RawDraft("a@example.com"), account="work"))
        assert store.drafts()[0].account == "work"


class TestUpgrade:
    @pytest.mark.parametrize("schema", [1, 2, 3])
    def test_what_was_there_before_accounts_is_kept(self, data_dir: Path, schema: int) -> None:
        """Attempts and drafts of every schema before are there, of no account; then accounts can be listed."""
        (data_dir / "bodies").mkdir(parents=True)
        sql = Path(__file__).with_name(f"schema_{schema}.sql").read_text("utf-8")
        with closing(sqlite3.connect(data_dir / DATABASE)) as db:
            db.executescript(sql)
            counts = [db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("attempts", "drafts")]
        with closing(Store(data_dir, lambda: NOON)) as store:
            assert [kept.account for kept in store.drafts()] == ["", ""]
            assert len(store.attempts(limit=100)) == counts[0]
            assert store._db.execute("SELECT count(*) FROM drafts").fetchone()[0] == counts[1]
            assert store.profiles.listed() == ()
            store.profiles.save(WORK)
            store.save_draft(SavedDraft("draft-9", 1, Draft(), account="work"))
        with closing(Store(data_dir, lambda: NOON)) as store:
            assert (store.draft("draft-9").account, default(store)) == ("work", ["work"])
        assert (data_dir / f"cfmail-schema-{schema}.sqlite3").stat().st_mode & 0o777 == 0o600

    def test_work_of_schema_3_goes_on(self, data_dir: Path) -> None:
        """A mail that waited, the cursor in its draft and what was open are what they were."""
        (data_dir / "bodies").mkdir(parents=True)
        with closing(sqlite3.connect(data_dir / DATABASE)) as db:
            db.executescript(Path(__file__).with_name("schema_3.sql").read_text("utf-8"))
        with closing(Store(data_dir, lambda: NOON)) as store:
            assert [(mail.root, mail.tries, mail.draft) for mail in store.waiting()] == [
                ("waiting-1", 1, ("draft-1", 3))
            ]
            kept = store.draft("draft-1")
            assert (kept.content, kept.cursor) == (
                Draft(subject="half \ud834 typed", text="words\n"),
                ("subject", 0, 4),
            )
            (ended,) = store.recover()
            assert ended.submission.attempt_id == "open-1234"
            assert store.settle("unknown-1", arrived=False).outcome == Unknown("time-out")
            assert store.recall("sender") == "me@example.com"


class TestDamage:
    def fill(self, store: Store) -> None:
        store.profiles.save(WORK)
        store.profiles.save(HOME)
        store.profiles.save(Profile("third", "environment"))
        store.profiles.make_default(HOME.name)
        store.save_draft(SavedDraft("draft-1", 1, Draft(), account="work"))

    def test_the_list_is_saved_out_of_a_damaged_database(self, data_dir: Path) -> None:
        """Accounts and the drafts' are in the new database; a senseless one alone is left behind."""
        with closing(Store(data_dir)) as store:
            self.fill(store)
            store._db.execute("UPDATE accounts SET identities = X'7B' WHERE name = ?", (b"third",))
            with pytest.raises(Damaged):
                store.profiles.listed()
        store, told = Store.open_or_set_aside(data_dir, lambda: NOON)
        with closing(store):
            assert "set aside" in told
            assert store.profiles.listed() == (WORK, replace(HOME, is_default=True))
            assert store.draft("draft-1").account == "work"

    def test_a_lost_list_costs_nothing_else(self, data_dir: Path) -> None:
        """Without the table the database is damaged; the drafts are saved and accounts can be listed anew."""
        with closing(Store(data_dir)) as store:
            self.fill(store)
            store._db.execute("DROP TABLE accounts")
        store, _ = Store.open_or_set_aside(data_dir, lambda: NOON)
        with closing(store):
            assert store.profiles.listed() == ()
            assert store.draft("draft-1").account == "work"
            store.profiles.save(WORK)
