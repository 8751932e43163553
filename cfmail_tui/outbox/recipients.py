"""What Cloudflare tells about the recipients of a mail: who of them is suppressed, and what became of the queued."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cfmail_tui.outbox.history import History
from cfmail_tui.store import StoreError
from cfmail_tui.submission import Accepted, Attempt, Refused, kept_back

if TYPE_CHECKING:
    # Most mails meet no suppression list.
    from cfmail_tui.inspection import Remark
    from cfmail_tui.suppressions import Barred, Suppression

ASKED_AT_ONCE: Final = 5
"""Mails with queued recipients that are asked about when the history is opened, the newest."""

_KEPT: Final = timedelta(days=30)
"""How long Cloudflare keeps its records; older mails stay queued."""


class Recipients(History):
    """The recipients of mails, looked after; every method blocks and may be called from any thread."""

    def barred(self, attempt: Attempt) -> "Barred":
        """Look the recipients of a mail up in the suppression list that may have been kept back by it.

        Those of a refused mail, of which one or all may be the cause; of an accepted one those that were dropped.
        Whatever happens on the wire is a remark. Raises NoAccount if there is nobody to ask as.
        """
        from cfmail_tui.inspection import Remark
        from cfmail_tui.suppressions import Barred

        asked = kept_back(attempt)
        if not asked:
            return Barred()
        account = self._account_of(attempt)
        with self.road.client(account.credential) as client:
            found = client.suppressions(account.account_id, asked)
        sender = attempt.submission.envelope.sender
        remark = found if isinstance(found, Remark) else None
        entries = () if isinstance(found, Remark) else tuple(one for one in found if one.holds_for(sender))
        named = _named(attempt, asked, [entry.address for entry in entries])
        self._learn(named, is_suppressed=True)
        return Barred(named, entries, remark)

    def unsuppress(self, attempt: Attempt, entry: "Suppression") -> "Remark | None":
        """Take an entry off the list of the account that sent this; why that did not work, None if it did."""
        account = self._account_of(attempt)
        with self.road.client(account.credential) as client:
            remark = client.unsuppress(account.account_id, entry.suppression_id)
        if remark is None:
            self._learn((entry.address,), is_suppressed=False)
        return remark

    def _learn(self, addresses: Sequence[str], *, is_suppressed: bool) -> None:
        """Remember it, to say so where they are written to again; what cannot be remembered changes nothing else."""
        with suppress(StoreError):
            self._store.mark_suppressed(addresses, is_suppressed=is_suppressed)

    def follow_queued(self) -> bool:
        """Ask what became of the newest mails with queued recipients; whether there was news.

        Raises NoAccount if there is nobody to ask as.
        """
        since = self._clock() - _KEPT
        queued = [one for one in self.attempts("status:queued", ASKED_AT_ONCE) if one.started_at > since]
        news = False
        for attempt in queued:
            self.ask_again(attempt)
            news = news or self.attempt_now(attempt).queued != attempt.queued
        return news

    def attempt_now(self, attempt: Attempt) -> Attempt:
        """The attempt as it stands in the history now."""
        return self._store.attempt(attempt.submission.attempt_id)


def _named(attempt: Attempt, asked: Sequence[str], listed: Collection[str]) -> tuple[str, ...]:
    """Those of the recipients that stand in the list, or in Cloudflare's own words."""
    if isinstance(attempt.outcome, Accepted):
        return tuple(asked)
    found = {address.casefold() for address in listed}
    said = attempt.outcome.reason.casefold() if isinstance(attempt.outcome, Refused) else ""
    told = set(said.replace(",", " ").replace(":", " ").replace("<", " ").replace(">", " ").split())
    return tuple(address for address in asked if address.casefold() in found | told)
