"""The history: how quick the store finds, lists and completes, with ten thousand, a hundred thousand, a million mails.

A history is made before it is measured: ten thousand mails take half a minute, a million the better part of an hour and
some five gigabytes, so that the rows with a million are measured only when they are named. Where `CFMAIL_BENCH_DATA`
names a folder they are made there once and kept.
"""

import os
import random
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import accumulate, cycle
from pathlib import Path
from statistics import quantiles
from typing import Final

from cfmail_tui.message import Mailbox
from cfmail_tui.searching import parse
from cfmail_tui.store import DATABASE, Retention, Store, database, index
from cfmail_tui.store import contacts as people
from cfmail_tui.submission import Accepted, Attempt, Contents, Envelope, Receipt, SentFile, Submission
from tests.bench.row import Row, Sample, Sides

SIZES: Final = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
BEGAN: Final = datetime(2020, 1, 1, tzinfo=UTC)
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)

_LETTERS: Final = "etaoinshrdlucmfwypvbgkqjxz"
_BATCH: Final = 2000
_KEYS: Final = 60
"""Searches of one round, from the first letter of a word to its last."""


class Words:
    """A language of its own: twenty thousand words, of which few are common (Zipf)."""

    def __init__(self) -> None:
        self.chance = random.Random(7)
        weights = range(len(_LETTERS), 0, -1)
        self.all = [
            "".join(self.chance.choices(_LETTERS, weights, k=self.chance.randint(2, 10))) for _ in range(20_000)
        ]
        self._weights = [*accumulate(1 / (place + 1) for place in range(len(self.all)))]

    def some(self, number: int) -> list[str]:
        return self.chance.choices(self.all, cum_weights=self._weights, k=number)


def fill(folder: Path, mails: int) -> None:
    """A history of so many accepted mails, of some hundred words and three recipients each, written in big steps."""
    words, people_ = Words(), mails
    with closing(Store(folder, lambda: NOW)) as store:
        db = store._db
        db.execute("PRAGMA synchronous = OFF")
        for start in range(0, mails, _BATCH):
            with db:
                db.execute("BEGIN IMMEDIATE")
                for number in range(start, min(start + _BATCH, mails)):
                    _insert(db, number, BEGAN + (NOW - BEGAN) * (number / mails), words, people_)
        for _ in store.tidying(Retention()):
            pass
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _insert(db: sqlite3.Connection, number: int, at: datetime, words: Words, people_: int) -> None:
    from cfmail_tui.store import rows

    names = [words.chance.randrange(people_) for _ in range(3)]
    recipients = tuple(Mailbox(f"{words.all[n % 20_000]}.{n}@{words.all[n % 997]}.example") for n in {*names})
    addresses = tuple(one.addr_spec for one in recipients)
    subject, text = " ".join(words.some(6)), " ".join(words.some(120))
    submission = Submission(
        f"{number:016x}", "", "send", Envelope("me@acme.example", addresses), subject, 1000, 1200, "ab" * 32
    )
    files = (SentFile("report.pdf", "application/pdf", 1000),) if number % 5 == 0 else ()
    contents = Contents(text, files, None, recipients)
    begun = Attempt(submission, "work" if number % 3 else "home", at)
    receipt = Receipt(bounced=addresses) if number % 50 == 0 else Receipt(delivered=addresses)
    ended = Attempt(submission, begun.account, at, at + timedelta(seconds=1), Accepted(receipt))
    seq = rows.insert_attempt(db, begun, (None, None), "0" * 16, contents)
    rows.update_outcome(db, seq, ended)
    index.add(db, seq, ended, contents)
    people.met(db, ended, {})


@contextmanager
def history(size: str) -> Iterator[Path]:
    """A folder with such a history, made now or kept from before."""
    kept = os.environ.get("CFMAIL_BENCH_DATA")
    folder = Path(kept or tempfile.mkdtemp(prefix="cfmail-bench-"), size)
    try:
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            fill(folder, SIZES[size])
            (folder / "made").touch()
        yield folder
    finally:
        if not kept:
            shutil.rmtree(folder.parent)


def p95(measure: Callable[[str], object], asked: Iterator[str], times: int = _KEYS) -> float:
    """Of so many the time in milliseconds that one in twenty takes longer than."""
    found = []
    for _ in range(times):
        query = next(asked)
        before = time.perf_counter()
        measure(query)
        found.append((time.perf_counter() - before) * 1000)
    return quantiles(found, n=20)[-1]


def typed() -> Iterator[str]:
    """What stands in the search field after each key of words that occur, some of them two at a time."""
    words = Words()
    for first in cycle([False, True]):
        one, two = words.some(2)
        for end in range(1, len(one) + 1):
            yield one[:end]
        for end in range(1, len(two) + 1) if first else ():
            yield f"{one} {two[:end]}"


def recipients_typed() -> Iterator[str]:
    words = Words()
    while True:
        (word,) = words.some(1)
        for end in range(1, len(word) + 1):
            yield word[:end]


@contextmanager
def search(size: str) -> Iterator[Sides]:
    """A key in the search field, beside the bare SQL that gives the rows of the page and of their recipients."""
    with history(size) as folder, closing(Store(folder)) as store:
        ours, bare = typed(), typed()

        def rows_only(query: str) -> None:
            found = index.rows(store._db, parse(query, NOW), 0, index.ABOVE_ALL, 50)
            numbers = ", ".join(str(row["seq"]) for row in found)
            store._db.execute(f"SELECT * FROM recipients WHERE attempt IN ({numbers}) ORDER BY 1, 2").fetchall()

        size_of = (folder / DATABASE).stat().st_size / SIZES[size]
        yield Sides(
            lambda: p95(lambda query: store.attempts(parse(query, NOW)), ours),
            lambda: p95(rows_only, bare),
            note=f"{size_of:,.0f} octets a mail",
        )


@contextmanager
def first_page(size: str) -> Iterator[Sides]:
    """The history opened: store and first page, beside the smallest history's."""

    def opening(folder: Path) -> Sample:
        def sample() -> float:
            before = time.perf_counter()
            with closing(Store(folder)) as store:
                assert len(store.attempts()) == 50
            return (time.perf_counter() - before) * 1000

        return sample

    with history(size) as folder, history("10k") as small:
        yield Sides(opening(folder), opening(small))


@contextmanager
def completion(size: str) -> Iterator[Sides]:
    """A key in an address field."""
    with history(size) as folder, closing(Store(folder)) as store:
        keys = recipients_typed()
        known = store._db.execute("SELECT count(*) FROM contacts").fetchone()[0]
        yield Sides(lambda: p95(lambda word: store.complete(word, 10), keys), note=f"among {known:,} addresses")


@contextmanager
def migration(size: str) -> Iterator[Sides]:
    """The first start on what the release before has left, beside the copy of it that is always made first."""
    with history(size) as folder, tempfile.TemporaryDirectory(prefix="cfmail-bench-") as old:
        _as_before(folder / DATABASE, Path(old, DATABASE))

        def first_start() -> float:
            with tempfile.TemporaryDirectory(prefix="cfmail-bench-") as anew:
                shutil.copyfile(Path(old, DATABASE), Path(anew, DATABASE))
                before = time.perf_counter()
                Store(Path(anew)).close()
                return (time.perf_counter() - before) * 1000

        def copied() -> float:
            with tempfile.TemporaryDirectory(prefix="cfmail-bench-") as anew:
                before = time.perf_counter()
                database._copy(Path(old, DATABASE), Path(anew, DATABASE))
                return (time.perf_counter() - before) * 1000

        mib = Path(old, DATABASE).stat().st_size / 2**20
        yield Sides(first_start, copied, note=f"{mib:,.0f} MiB")


_BEFORE: Final = 4
"""The schema without an index."""


def _as_before(source: Path, target: Path) -> None:
    """The journal of a history in a database of the schema before."""
    with closing(sqlite3.connect(target)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        for script in database.MIGRATIONS[:_BEFORE]:
            db.executescript(script)
        db.execute("ATTACH ? AS new", (str(source),))
        for table in ("attempts", "recipients"):
            names = ", ".join(row[1] for row in db.execute(f"PRAGMA main.table_info({table})"))
            db.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM new.{table}")
        db.execute(f"PRAGMA application_id = {database._APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {_BEFORE}")


def _rows(size: str) -> tuple[Row, ...]:
    mails = f"{SIZES[size]:,} mails"
    return (
        Row(
            f"search-{size}",
            f"a key in the search of {mails}, p95, to the attempts of the first page",
            "ms",
            lambda: search(size),
            beside="the bare SQL",
            at_most_times=2,
        ),
        Row(
            f"first-page-{size}",
            f"store and first page of {mails}, opened",
            "ms",
            lambda: first_page(size),
            beside="10,000",
            at_most_times=1.6,
        ),
        Row(
            f"complete-{size}",
            f"a key in an address field, p95, after {mails}",
            "ms",
            lambda: completion(size),
            # The goal is for as many addresses as that.
            at_most=10 if SIZES[size] <= SIZES["100k"] else None,
        ),
    )


ROWS: Final = (
    *_rows("10k"),
    *_rows("100k"),
    Row(
        "migrate-100k",
        "the first start on 100,000 mails of the release before",
        "ms",
        lambda: migration("100k"),
        beside="the copy that is made first",
    ),
)

WHEN_NAMED: Final = _rows("1m")
"""What takes too long to be made to be measured unasked."""
