"""By what a mail is found: its words and its labels, kept beside the journal in the same transactions.

`words` is a full-text table of the mail's own words (`searching.words_of`), a row for each attempt, written when it
begins and never changed; what changes later, such as the outcome, is a row in `labels`, which is small enough for a
full disk's last room. Neither says anything that the journal or the mail does not: both can be made again.

A beginning of one to three letters is looked up in SQLite's own index of these. A longer one is asked for as all the
words that begin so, which SQLite reads only as far as it needs; of a beginning it would put all the mails together
first. `vocabulary` has these words.

Functions over a connection; those that change something, over one that is writing.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from cfmail_tui.searching import Search, Term, words_of
from cfmail_tui.submission import Attempt, Contents

# Of `words_of` no word begins so: they tell apart, in one column, what a free word must not find.
_EVERY: Final = "\ue000"
"""A word of every mail: what is not something is one of all."""
_ACCOUNT: Final = "\ue001"

_SHORT: Final = 3
"""Letters of a beginning that SQLite has an index of (`database`)."""

_EXPANDED: Final = 100
"""Words that a beginning may stand for."""

_RARE: Final = 200
"""Mails of a label that are rather looked at one by one than looked for among those with a word."""

LAST: Final = "\U0010ffff"
"""Behind every character that a word has."""


def add(db: sqlite3.Connection, seq: int, attempt: Attempt, contents: Contents) -> None:
    """Let the attempt be found."""
    submission = attempt.submission
    sender = contents.sender.display_name if contents.sender else ""
    people = dict.fromkeys(submission.envelope.recipients, "")
    people |= {mailbox.addr_spec: mailbox.display_name for mailbox in contents.recipients}
    columns = (
        [*words_of(submission.subject)],
        [*words_of(sender), *words_of(submission.envelope.sender)],
        [word for address, name in people.items() for text in (name, address) for word in words_of(text)],
        [*words_of(contents.text)],
        [word for file in contents.files for word in words_of(file.name)],
        [*words_of(submission.attempt_id), _EVERY, *(_ACCOUNT + word for word in words_of(attempt.account))],
    )
    db.execute(
        "INSERT INTO words (rowid, subject, sender, recipients, text, files, other) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (seq, *map(" ".join, columns)),
    )
    known = {word for column in columns for word in column}
    db.executemany("INSERT OR IGNORE INTO vocabulary (word) VALUES (?)", ((word,) for word in known))
    _label(db, seq, labels_of(attempt) | ({"has:attachment"} if contents.files else set()))


def labels_of(attempt: Attempt) -> set[str]:
    """What an attempt is called in a search, by what became of it."""
    labels = {f"status:{attempt.outcome.word if attempt.outcome else 'open'}"}
    labels |= {f"status:{fate}" for _, fate in attempt.fates}
    if attempt.settled is not None:
        labels.add("status:arrived" if attempt.settled else "status:lost")
    if attempt.is_test:
        labels.add("is:test")
    return labels


def relabel(db: sqlite3.Connection, seq: int, before: Attempt, after: Attempt) -> None:
    """Something became of the attempt."""
    old, new = labels_of(before), labels_of(after)
    _unlabel(db, seq, old - new)
    _label(db, seq, new - old)


def _label(db: sqlite3.Connection, seq: int, labels: set[str]) -> None:
    db.executemany("INSERT OR IGNORE INTO labels (label, attempt) VALUES (?, ?)", ((label, seq) for label in labels))


def _unlabel(db: sqlite3.Connection, seq: int, labels: set[str]) -> None:
    db.executemany("DELETE FROM labels WHERE label = ? AND attempt = ?", ((label, seq) for label in labels))


def remove(db: sqlite3.Connection, seq: int, attempt: Attempt) -> None:
    """Let the attempt not be found any more."""
    said = _said(
        db, seq, "subject || ' ' || sender || ' ' || recipients || ' ' || text || ' ' || files || ' ' || other"
    )
    db.execute("DELETE FROM words WHERE rowid = ?", (seq,))
    _forget(db, said)
    _unlabel(db, seq, labels_of(attempt) | {"has:attachment"})


def redact(db: sqlite3.Connection, seq: int) -> None:
    """Let the attempt not be found any more by what was written in it."""
    said = _said(db, seq, "text")
    db.execute("UPDATE words SET text = '' WHERE rowid = ?", (seq,))
    _forget(db, said)


def _said(db: sqlite3.Connection, seq: int, columns: str) -> set[str]:
    row = db.execute(f"SELECT {columns} FROM words WHERE rowid = ?", (seq,)).fetchone()  # noqa: S608 - our own names
    return set(row[0].split()) if row else set()


def _forget(db: sqlite3.Connection, words: Iterable[str]) -> None:
    """Words that no mail has any more are known no more."""
    for word in words:
        if db.execute("SELECT 1 FROM words WHERE words MATCH ? LIMIT 1", (f'"{word}"',)).fetchone() is None:
            db.execute("DELETE FROM vocabulary WHERE word = ?", (word,))


def rows(db: sqlite3.Connection, asked: Search, above: int, below: int, limit: int) -> list[sqlite3.Row]:
    """The newest attempts that are asked for, their `seq` between, exclusively."""
    statement, values = _statement(db, asked, above, below)
    return db.execute(f"SELECT attempts.* {statement} LIMIT ?", (*values, limit)).fetchall()


def count(db: sqlite3.Connection, asked: Search, above: int, most: int) -> int:
    """How many attempts are asked for; `most` if there are as many or more."""
    statement, values = _statement(db, asked, above, ABOVE_ALL)
    counted = f"SELECT count(*) FROM (SELECT 1 {statement} LIMIT ?)"  # noqa: S608 - our own
    number: int = db.execute(counted, (*values, most)).fetchone()[0]
    return number


ABOVE_ALL: Final = 2**62


def _statement(db: sqlite3.Connection, asked: Search, above: int, below: int) -> tuple[str, list[Any]]:
    """All of the statement but for its beginning and its limit, and what is bound in it.

    The order of the tables is laid down (CROSS JOIN): SQLite does not know what is rare, and looks at the newest first
    only where the first table has them in that order.
    """
    above, below = _between(db, asked, above, below)
    words = _expression(db, asked)
    named = [label.names[0] for label in asked.labels if not label.is_negated and len(label.names) == 1]
    rarest = min(((_labelled(db, name), name) for name in named), default=None)
    conditions: list[str]
    values: list[Any]
    if words and not (rarest and rarest[0] < _RARE):
        tables, key = "words CROSS JOIN attempts ON seq = words.rowid", "words.rowid"
        conditions, values = ["words MATCH ?"], [words]
    elif rarest:
        tables, key = "labels AS named CROSS JOIN attempts ON seq = named.attempt", "named.attempt"
        conditions, values = ["named.label = ?"], [rarest[1]]
        if words:
            conditions.append("EXISTS (SELECT 1 FROM words WHERE words MATCH ? AND rowid = seq)")
            values.append(words)
    else:
        tables, key, conditions, values = "attempts", "seq", [], []
    conditions += [f"{key} > ?", f"{key} < ?", "deleted_at IS NULL"]
    values += [above, below]
    for label in asked.labels:
        known = f"SELECT 1 FROM labels WHERE label IN ({', '.join('?' * len(label.names))}) AND attempt = seq"  # noqa: S608
        conditions.append(f"{'NOT ' if label.is_negated else ''}EXISTS ({known})")
        values += label.names
    for bound, moment in ((">=", asked.after), ("<", asked.before)):
        if moment:
            conditions.append(f"started_at {bound} ?")
            values.append(_stamp(moment))
    return f"FROM {tables} WHERE {' AND '.join(conditions)} ORDER BY {key} DESC", values


def _between(db: sqlite3.Connection, asked: Search, above: int, below: int) -> tuple[int, int]:
    """Nearer bounds, where times are asked for: clocks jump, but not so far that all has to be looked at."""
    if asked.after:
        first = db.execute("SELECT min(seq) FROM attempts WHERE started_at >= ?", (_stamp(asked.after),)).fetchone()[0]
        above = max(above, (first or ABOVE_ALL) - 1)
    if asked.before:
        last = db.execute("SELECT max(seq) FROM attempts WHERE started_at < ?", (_stamp(asked.before),)).fetchone()[0]
        below = min(below, (last or 0) + 1)
    return above, below


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _labelled(db: sqlite3.Connection, name: str) -> int:
    """How many attempts are called so, as far as it matters."""
    few = "SELECT count(*) FROM (SELECT 1 FROM labels WHERE label = ? LIMIT 1000)"
    number: int = db.execute(few, (name,)).fetchone()[0]
    return number


def _expression(db: sqlite3.Connection, asked: Search) -> str:
    """What the full-text table is asked for; "" where a search has no words."""
    wanted = [_term(db, term) for term in asked.terms if not term.is_negated]
    unwanted = [_term(db, term) for term in asked.terms if term.is_negated]
    if not unwanted:
        return " AND ".join(wanted)
    return f"({' AND '.join(wanted or [_phrase([_EVERY])])}) NOT ({' OR '.join(unwanted)})"


def _term(db: sqlite3.Connection, term: Term) -> str:
    words, column = term.words, term.column
    if column == "account":
        words, column = tuple(_ACCOUNT + word for word in words), None
    asked = " OR ".join(_whole(db, words)) if not term.is_whole else _phrase(words)
    return f"{{{column}}} : ({asked})" if column else f"({asked})"


def _whole(db: sqlite3.Connection, words: tuple[str, ...]) -> Iterator[str]:
    """The phrases that begin so."""
    *before, last = words
    found: list[str] = []
    if len(last) > _SHORT:
        beginning = "SELECT word FROM vocabulary WHERE word >= ? AND word < ? LIMIT ?"
        found = [word for (word,) in db.execute(beginning, (last, last + LAST, _EXPANDED + 1))]
    if len(last) <= _SHORT or len(found) > _EXPANDED:
        yield f"{_phrase(words)} *"
    else:
        # Of words that no mail has, none is found.
        yield from (_phrase([*before, word]) for word in found or [last])


def _phrase(words: Iterable[str]) -> str:
    # No word has a quotation mark in it.
    return f'"{" ".join(words)}"'
