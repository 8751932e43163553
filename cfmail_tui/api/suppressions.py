"""Questions about the suppression list, and the request that takes an address off it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final
from urllib.parse import quote, urlencode

from cfmail_tui.api.discretion import throughout
from cfmail_tui.api.exchange import Cancellation, Timeouts
from cfmail_tui.api.question import Questions
from cfmail_tui.api.wire import Wire
from cfmail_tui.inspection import Remark
from cfmail_tui.inspection.causes import Reply
from cfmail_tui.suppressions import Suppression, listed, removed

SUPPRESSION_LIMIT: Final = 15.0
"""Seconds for all questions about the recipients of one mail together."""

_AT_ONCE: Final = 6


class SuppressionList:
    """The list of one account."""

    def __init__(self, wire: Wire, timeouts: Timeouts, cancellation: Cancellation, account_id: str) -> None:
        limits = replace(timeouts, answer=min(timeouts.answer, SUPPRESSION_LIMIT))
        self._wire = wire
        self._questions = Questions(wire, limits, cancellation)
        self._account_id = account_id
        self._path = f"/accounts/{quote(account_id, safe='')}/email/sending/suppressions"

    def look_up(self, addresses: Sequence[str]) -> tuple[Suppression, ...] | Remark:
        # One by one: the list may be long, and only as exact addresses is it asked for these alone.
        found = self._one(addresses[0]) if addresses else ()
        if isinstance(found, Remark):
            return self._discreet(found)
        entries = [*found]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for more in pool.map(self._one, addresses[1:]):
                if isinstance(more, Remark):
                    return self._discreet(more)
                entries += more
        return throughout(tuple(entries), self._wire.unkeyed)

    def remove(self, suppression_id: str) -> Remark | None:
        remark = removed(self._ask("DELETE", f"{self._path}/{quote(suppression_id, safe='')}"))
        return remark and self._discreet(remark)

    def _one(self, address: str) -> tuple[Suppression, ...] | Remark:
        entries = listed(self._ask("GET", f"{self._path}?{urlencode({'email': address.lower()}, quote_via=quote)}"))
        if isinstance(entries, Remark):
            return entries
        return tuple(entry for entry in entries if entry.address.casefold() == address.casefold())

    def _ask(self, method: str, path: str) -> Reply:
        return self._questions.ask(method, path)

    def _discreet(self, remark: Remark) -> Remark:
        return throughout(remark, lambda text: self._wire.discreet(text, self._account_id))
