"""Questions about the credential: what it is, what it sees, whether it may send, and from where.

The first question decides whether there is an API to talk to, the next ones whom it can be asked about. Those about
an account and its domains go several at a time: one after another, each on a connection of its own, they could take
a minute. What came is read in one thread, so that the remarks have an order.
"""

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

from cfmail_tui.api.discretion import throughout
from cfmail_tui.api.exchange import Cancellation, Timeouts
from cfmail_tui.api.question import Questions
from cfmail_tui.api.wire import Wire
from cfmail_tui.inspection import DnsRecord, Inspection, Remark, SeenAccount, SendingDomain, TokenState, What, answers
from cfmail_tui.inspection.causes import Reply, is_unknown_token, unreachable
from cfmail_tui.inspection.facts import ENDED
from cfmail_tui.submission import Answer

INSPECTION_LIMIT: Final = 20.0
"""Seconds for all questions of one inspection together."""

_AT_ONCE: Final = 6
_ADDRESS_PAGES: Final = 4
_ACCOUNTS_TRIED: Final = 5
"""Accounts that may be asked whether the token is theirs, where none was given."""
_DOMAINS_LOOKED_AT: Final = 50
_LONGEST_TEXT: Final = 2000
"""Characters: a DKIM record of the longest key has some 800."""
_SHORTEST_ID: Final = 8
"""Characters of an account id that is masked: a shorter one is a slip of the hand, and would mask half the words."""

_PER_PAGE: Final = f"per_page={answers.PAGE_SIZE}"
_ACCOUNTS: Final = f"/accounts?{_PER_PAGE}"

Found = TypeVar("Found")
_Row = tuple[answers.Zone, answers.Subdomain]


class Questioner:
    """The look at one credential."""

    def __init__(
        self, wire: Wire, timeouts: Timeouts, clock: Callable[[], datetime], cancellation: Cancellation
    ) -> None:
        limits = replace(timeouts, answer=min(timeouts.answer, INSPECTION_LIMIT))
        self._wire = wire
        self._clock = clock
        self._questions = Questions(wire, limits, cancellation)
        self._remarks: list[Remark] = []
        self._skew: float | None = None
        self._full: Answer | None = None

    def inspect(self, account_id: str, *, by_key: bool) -> Inspection:
        learned = self._learn(account_id, by_key=by_key)
        if self._skew is not None:
            self._say(answers.skew_remark(self._skew))
        remarks = tuple(dict.fromkeys(self._remarks))
        whole = replace(learned, proxy=self._wire.proxy, skew=self._skew, remarks=remarks)
        return self._discreet(whole)

    def _learn(self, account_id: str, *, by_key: bool) -> Inspection:
        first = self._get(_ACCOUNTS if by_key else "/user/tokens/verify")
        if remark := unreachable(first):
            self._say(remark)
            return Inspection(account_id=account_id)
        listed = first if by_key else self._get(_ACCOUNTS)
        token = answers.key_state(first) if by_key else self._token(first, listed, account_id)
        self._say(answers.token_remark(token, self._clock()))
        if token.status in ENDED:
            return Inspection(token, account_id)
        nothing: answers.Page[SeenAccount] = answers.Page(())
        seen = self._known(answers.accounts(listed)) or nothing
        self._say(answers.truncated(What.ACCOUNTS, seen, answers.PAGE_SIZE))
        chosen = account_id or self._known(answers.chosen_account(seen)) or ""
        learned = Inspection(token, chosen, seen.rows)
        return self._of_account(learned) if chosen else learned

    def _token(self, first: Reply, listed: Reply, account_id: str) -> TokenState:
        """The state of a token from its user's list of tokens, or else from its account's."""
        state = self._known(answers.token_state(first, "user"))
        if state is None or state.status != "invalid":
            return state or TokenState()
        seen = answers.accounts(listed)
        sees = () if isinstance(seen, Remark) else seen.rows
        ids = [account_id] if account_id else [account.account_id for account in sees[:_ACCOUNTS_TRIED]]
        states = []
        for tried in ids:
            reply = self._get(f"/accounts/{quote(tried, safe='')}/tokens/verify")
            state = self._known(answers.token_state(reply, "account"))
            if state and state.status != "invalid":
                return state
            states.append(state)
        if not isinstance(seen, Remark):
            # It is in neither list and yet let in, as the tokens of wrangler's login are.
            return TokenState(status="active")
        certain = is_unknown_token(listed) or any(states)
        return TokenState(status="invalid" if certain else "unknown")

    def _of_account(self, learned: Inspection) -> Inspection:
        base = f"/accounts/{quote(learned.account_id, safe='')}/email"
        addresses = f"{base}/routing/addresses?verified=true&{_PER_PAGE}"
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            sending, zoned, limited, addressed = pool.map(
                self._get,
                (
                    f"{base}/sending/suppressions?per_page=1",
                    f"{base}/sending/zones?{_PER_PAGE}",
                    f"{base}/sending/limits",
                    addresses,
                ),
            )
            may_send, remark = answers.may_send(sending)
            self._say(remark)
            if remark and remark.what is What.ACCOUNT:
                return learned
            return replace(
                learned,
                may_send=may_send,
                domains=self._domains(pool, zoned, learned.account_id),
                verified=self._verified(addressed, addresses),
                quota=self._known(answers.quota(limited)),
            )

    def _domains(self, pool: Executor, zoned: Reply, account_id: str) -> tuple[SendingDomain, ...]:
        zones = self._zones(zoned, account_id)
        lists = pool.map(self._get, (f"{_path(zone)}?{_PER_PAGE}" for zone in zones))
        found = [(zone, self._known(answers.subdomains(reply))) for zone, reply in zip(zones, lists, strict=True)]
        rows = [(zone, row) for zone, subdomains in found for row in subdomains or ()]
        if zones and not rows and all(subdomains is not None for _, subdomains in found):
            self._say(answers.no_domains(sees_zones=True))
        looked_at = rows[:_DOMAINS_LOOKED_AT]
        self._say(answers.truncated(What.DNS, answers.Page(tuple(rows)), _DOMAINS_LOOKED_AT))
        domains = []
        for (zone, row), (state, records) in zip(looked_at, pool.map(self._dns, looked_at), strict=True):
            domains.append(answers.sending_domain(row, zone.name, self._known(state), self._known(records) or ()))
        return (*domains, *(answers.sending_domain(row, zone.name) for zone, row in rows[_DOMAINS_LOOKED_AT:]))

    def _zones(self, zoned: Reply, account_id: str) -> tuple[answers.Zone, ...]:
        """The zones that send, or all there are if the list of those is not to be had: it is in no document."""
        sending = answers.zones(zoned)
        if isinstance(sending, Remark) or not sending.rows:
            fields = {"account.id": account_id, "per_page": answers.PAGE_SIZE}
            everything = self._known(answers.zones(self._get(f"/zones?{urlencode(fields, quote_via=quote)}")))
            if everything is None:
                return ()
            if not everything.rows or not isinstance(sending, Remark):
                self._say(answers.no_domains(sees_zones=bool(everything.rows)))
                return ()
            sending = everything
        self._say(answers.truncated(What.DOMAINS, sending, answers.PAGE_SIZE))
        return sending.rows[: answers.PAGE_SIZE]

    def _dns(self, row: _Row) -> tuple[answers.DnsState | Remark, tuple[DnsRecord, ...] | Remark]:
        """How a domain's records stand, and if that does not name the missing ones, all it should have."""
        zone, subdomain = row
        path = f"{_path(zone)}/{subdomain.tag}/dns"
        state = answers.dns_state(self._get(f"{path}/status"))
        if isinstance(state, Remark) or not (subdomain.enabled and state.hides_records):
            return state, ()
        return state, answers.dns_records(self._get(path))

    def _verified(self, first: Reply, path: str) -> tuple[str, ...]:
        page = self._known(answers.verified(first))
        rows = page.rows if page else ()
        number = 1
        while page and page.is_full and number < _ADDRESS_PAGES:
            number += 1
            page = self._known(answers.verified(self._get(f"{path}&page={number}")))
            rows += page.rows if page else ()
        if page:
            self._say(answers.truncated(What.ADDRESSES, replace(page, rows=rows), len(rows)))
        return rows

    def _get(self, path: str) -> Reply:
        if self._full:
            # Whoever is asked to wait and goes on asking waits longer.
            return self._full
        reply = self._questions.ask("GET", path)
        if isinstance(reply, Answer):
            if self._skew is None and reply.date:
                self._skew = (self._clock() - reply.date).total_seconds()
            if reply.status == 429:
                self._full = reply
        return reply

    def _known(self, found: Found | Remark) -> Found | None:
        """What was found, if it is not a remark, which is kept."""
        if isinstance(found, Remark):
            self._say(found)
            return None
        return found

    def _say(self, remark: Remark | None) -> None:
        if remark:
            self._remarks.append(remark)

    def _discreet(self, learned: Inspection) -> Inspection:
        """The same without the credential in any text, nor an account's id, and none of them longer than bearable.

        Names may be those of the key's owner.
        """
        ids = [learned.account_id, *(account.account_id for account in learned.accounts)]
        hidden = [account_id for account_id in ids if len(account_id) >= _SHORTEST_ID]

        def unkeyed(text: str) -> str:
            return self._wire.unkeyed(text, *hidden)[:_LONGEST_TEXT]

        def discreet(text: str) -> str:
            return self._wire.discreet(text, *hidden)[:_LONGEST_TEXT]

        named = throughout(learned, unkeyed, but="account_id")
        remarks = throughout(learned.remarks, discreet)
        return replace(named, remarks=remarks)


def _path(zone: answers.Zone) -> str:
    return f"/zones/{zone.zone_id}/email/sending/subdomains"
