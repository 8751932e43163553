"""What was sent, found again: searched, exported, deleted, followed in Cloudflare's records, kept as long as wished.

A history that an older cfmail wrote is read in steps, the newest first, by whoever looks after the data (`tidying`),
and by a search that needs more of it than was read by then: so what is found is always right, at first only later.
"""

import json
import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from cfmail_tui import searching
from cfmail_tui.accounts import Accounts
from cfmail_tui.frozen import frozen
from cfmail_tui.message import RawDraft
from cfmail_tui.outbox.people import Known, People
from cfmail_tui.outbox.road import Road
from cfmail_tui.outbox.stored import Stored, message_of
from cfmail_tui.searching import Mistake
from cfmail_tui.store import DayCount, Retention, StoreError
from cfmail_tui.submission import Accepted, Account, Attempt, Contents, Detail, Fate, Later, contents_of

if TYPE_CHECKING:
    # httpx is loaded when something is sent or asked.
    from cfmail_tui.lookup import Verdict

_KNOWN: Final = 500
"""Attempts whose message ids are told apart from the one that is looked for."""

_STEP: Final = 25
"""Mails of an older cfmail that are read at once: some milliseconds in which nobody else can write."""

_PAGE: Final = 200


@frozen
class Page:
    """What a search found, newest first, and what of the query was not understood."""

    attempts: tuple[Attempt, ...]
    mistakes: tuple[Mistake, ...] = ()
    reaches_to: datetime | None = None
    """Mails of then and older were not looked at, there was no time; None where all were."""


class History(Stored):
    """The history, and the people in it; every method blocks and may be called from any thread."""

    accounts: Accounts
    road: Road
    _clock: Callable[[], datetime]
    _people: People
    _retention: Retention

    def search(
        self, query: str = "", limit: int = 50, before: str | None = None, *, patience: float = math.inf
    ) -> Page:
        """What the query finds (`searching`), newest first, at most `limit`, older than the attempt called `before`.

        `patience` is for how many seconds a history that is still to be read may be read for it.
        """
        asked = searching.parse(query, self._now())
        deadline = time.monotonic() + patience
        while True:
            found = self._store.attempts(asked, limit, before)
            unread = self._store.unread(_STEP) if asked.is_indexed and len(found) < limit else ()
            if not unread:
                return Page(found, asked.mistakes)
            if time.monotonic() >= deadline:
                return Page(found, asked.mistakes, unread[0].started_at)
            self._read_in(unread)

    def _now(self) -> datetime:
        # Without a zone: days begin where this machine is.
        return self._clock().astimezone().replace(tzinfo=None)

    def attempts(self, query: str = "", limit: int = 50) -> tuple[Attempt, ...]:
        """What `search` finds."""
        return self.search(query, limit).attempts

    def count(self, query: str = "", most: int = 1000) -> int:
        """How many mails the query finds of those read by now; `most` if there are as many or more."""
        return self._store.count(searching.parse(query, self._now()), most)

    def exported(self, query: str = "", limit: float = math.inf) -> Iterator[Attempt]:
        """All that the query finds, page by page, however much it is."""
        before = None
        while limit > 0:
            page = self.search(query, int(min(limit, _PAGE)), before).attempts
            yield from page
            if len(page) < min(limit, _PAGE):
                return
            limit -= len(page)
            before = page[-1].submission.attempt_id

    def by_keys(self, keys: Iterable[str]) -> dict[str, tuple[Attempt, ...]]:
        """Of the mails with these keys those that were begun: every attempt at each, the first first.

        There is none of one that was deleted from the history.
        """
        return self._store.by_keys(keys)

    def detail(self, attempt_id: str) -> Detail:
        """Everything known of an attempt. Raises NoSuchAttempt, a MailError."""
        return self._store.detail(attempt_id)

    def text(self, attempt: Attempt) -> str:
        """What the stored mail says, as it can be searched: of its HTML the words; "" where its body is gone."""
        return self._contents(attempt).text

    def counts(self, since: datetime) -> tuple[DayCount, ...]:
        """How many mails were begun each day from then on, by account and outcome, the first day first."""
        return self._store.counts(since)

    def delete(self, attempt_id: str) -> None:
        """Take a mail, with every attempt at it, out of the history; `restore` brings it back for a week.

        Raises StoreError for one that is being sent, waits, or may have arrived.
        """
        self._store.delete(attempt_id)

    def restore(self, attempt_id: str) -> None:
        """Bring a deleted mail back. Raises NoSuchAttempt, a MailError, when its week is over."""
        self._store.restore(attempt_id)

    # Cloudflare's records

    def find(self, attempt: Attempt) -> "Verdict":
        """Look for an attempt in Cloudflare's own records, as the account it was made as if that is still known.

        Raises NoAccount if there is none to ask as.
        """
        account = self._account_of(attempt)
        known = {
            other.outcome.receipt.message_id
            for other in self._store.attempts(limit=_KNOWN)
            if isinstance(other.outcome, Accepted) and other.submission.attempt_id != attempt.submission.attempt_id
        }
        with self.road.client(account.credential) as client:
            asked = replace(attempt.submission, account_id=account.account_id)
            return client.find(asked, attempt.started_at, known=known)

    def ask_again(self, attempt: Attempt) -> "Verdict":
        """Ask Cloudflare's records what became of an accepted mail, and write down what became of queued recipients.

        The attempt read again tells it then (`Attempt.fates`). Raises NoAccount if there is nobody to ask as.
        """
        from cfmail_tui.lookup import Found, Track

        message_id = attempt.outcome.receipt.message_id if isinstance(attempt.outcome, Accepted) else ""
        if message_id:
            account = self._account_of(attempt)
            with self.road.client(account.credential) as client:
                asked = replace(attempt.submission, account_id=account.account_id)
                verdict = client.follow(asked, message_id, attempt.started_at)
        else:
            verdict = self.find(attempt)
        if isinstance(verdict, Found) and verdict.copies == 1:
            fates = {Track.DELIVERED: Fate.DELIVERED, Track.FAILED: Fate.BOUNCED}
            news = [
                Later(one.recipient, fates[one.track], one.at or self._clock(), one.detail)
                for one in verdict.sightings
                if one.track in fates and one.recipient in attempt.queued
            ]
            if news:
                self._store.learn(attempt.submission.attempt_id, news)
        return verdict

    def _account_of(self, attempt: Attempt) -> Account:
        # The records of another account would not have it, which is no proof that it was not sent.
        return self.accounts.find(attempt.account if self.accounts.knows(attempt.account) else "")

    # People

    def complete(self, typed: str, limit: int = 10) -> tuple[Known, ...]:
        """Who can be meant by what was typed of a name or address: those written to, then those in address files."""
        return self._people.complete(typed, limit)

    def address_problems(self) -> tuple[str, ...]:
        """What of the address files could not be read, in words, as far as they were needed yet."""
        return self._people.problems

    # Looking after the data

    def tidying(self) -> Generator[None, None, None]:
        """Read what an older cfmail wrote and the address files, forget what is to be kept no longer.

        A step for each `next`, of some milliseconds, between which nothing is held; may be left at any of them.
        """
        self._people.load()
        yield
        yield from self._tidying()

    def tidy(self, seconds: float = math.inf) -> None:
        """The same at once without the address files, as far as it can be done in these seconds.

        What does not work is left for the next time: it is no reason to fail at anything else.
        """
        deadline = time.monotonic() + seconds
        with suppress(StoreError):
            for _ in self._tidying():
                if time.monotonic() >= deadline:
                    return

    def _tidying(self) -> Generator[None, None, None]:
        while unread := self._store.unread(_STEP):
            self._read_in(unread)
            yield
        yield from self._store.tidying(self._retention)

    def _read_in(self, attempts: tuple[Attempt, ...]) -> None:
        self._store.read_in([(attempt.submission.attempt_id, self._contents(attempt)) for attempt in attempts])

    def _contents(self, attempt: Attempt) -> Contents:
        """What its body says; nothing where it is gone, or is not what was written."""
        submission = attempt.submission
        with (
            suppress(StoreError, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError),
            self._store.open_body(submission.attempt_id) as body,
        ):
            if submission.endpoint == "send":
                return contents_of(message_of(body)[0])
            return contents_of(RawDraft(source=json.load(body)["mime_message"].encode()))
        return Contents()
