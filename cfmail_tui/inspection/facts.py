"""What can be learned of a credential, and the verdict on it: can it send mail now?"""

from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from cfmail_tui.frozen import frozen

TokenKind = Literal["user", "account", "global key", "unknown"]
TokenStatus = Literal["active", "disabled", "expired", "invalid", "unknown"]
DnsStatus = Literal["ready", "unconfigured", "unlocked", "misconfigured", "unknown"]

ENDED: Final[dict[str, tuple[str, str]]] = {
    "invalid": ("Cloudflare does not know this token or key", "paste it again, or make a new one"),
    "disabled": ("the token is switched off", "switch it on in Cloudflare's dashboard, or make a new one"),
    "expired": ("the token has expired", "make a new one in Cloudflare's dashboard"),
}
"""The states of a token that does nothing any more: what to say, what to do."""


class What(StrEnum):
    """What a remark is about."""

    CONNECTION = "connection"
    """There was no talking to the API; nothing else was learned."""
    CLOCK = "clock"
    TOKEN = "token"  # noqa: S105 - a subject
    ACCOUNTS = "accounts"
    ACCOUNT = "account"
    """Which account is meant, or that the one given is not there."""
    SENDING = "sending"
    DOMAINS = "domains"
    ONBOARDING = "onboarding"
    """The account has no sending domain."""
    DNS = "dns"
    ADDRESSES = "addresses"
    QUOTA = "quota"
    SUPPRESSIONS = "suppressions"
    REMOVAL = "removal"
    """Taking an address off the suppression list."""


@frozen
class Remark:
    """Something that is wrong or could not be learned: why, and what to do; `action` is "" if there is nothing."""

    what: What
    words: str
    action: str = ""


@frozen
class TokenState:
    """What the API says of the credential; "invalid" is one that it does not know."""

    kind: TokenKind = "unknown"
    status: TokenStatus = "unknown"
    expires_on: datetime | None = None
    not_before: datetime | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it does nothing any more, whatever its rights."""
        return self.status in ENDED


@frozen
class SeenAccount:
    account_id: str = field(repr=False)
    name: str


@frozen
class DnsRecord:
    """A record as it has to stand in the zone, to be copied."""

    type: str
    name: str
    content: str
    priority: int | None = None


@frozen
class SendingDomain:
    """A domain mail can be sent from; `missing` are the records to add, `faults` says in words what is wrong."""

    name: str
    zone: str
    enabled: bool
    status: DnsStatus = "unknown"
    missing: tuple[DnsRecord, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool:
        return self.enabled and self.status in {"ready", "unlocked"}


@frozen
class Quota:
    """Recipients that count, per `unit` ("day", "hour"); None is what the API did not tell."""

    limit: int | None = None
    unit: str = ""
    sent: int | None = None
    resets_at: datetime | None = None

    @property
    def is_used_up(self) -> bool:
        return self.limit is not None and self.sent is not None and self.sent >= self.limit


@frozen
class Readiness:
    """Whether mail can be sent now (None: not known), the sentence that matters most, the next step ("": none)."""

    can_send: bool | None
    words: str
    action: str = ""


@frozen
class Inspection:
    """What was learned of one credential; `account_id` is the account that was asked about, "" if none is chosen."""

    token: TokenState = TokenState()
    account_id: str = field(default="", repr=False)
    accounts: tuple[SeenAccount, ...] = ()
    may_send: bool | None = None
    domains: tuple[SendingDomain, ...] = ()
    verified: tuple[str, ...] = ()
    quota: Quota | None = None
    proxy: str = ""
    """The proxy through which Cloudflare was asked, "" if there is none."""
    skew: float | None = None
    """Seconds by which the clock here is ahead of the server's."""
    remarks: tuple[Remark, ...] = ()

    @property
    def knows_verified(self) -> bool:
        """Whether `verified` is what the API said, not what could not be learned."""
        return bool(self.verified) or (self.may_send is not None and not self.remark(What.ADDRESSES))

    @property
    def knows_domains(self) -> bool:
        """Whether `domains` is what the API said: all there are."""
        return bool(self.domains) and not self.remark(What.DOMAINS)

    def remark(self, *about: What) -> Remark | None:
        """The first remark about one of these."""
        return next((remark for remark in self.remarks if remark.what in about), None)

    @property
    def verdict(self) -> Readiness:
        """Can this credential send mail now?"""
        if remark := self.remark(What.CONNECTION):
            return Readiness(None, remark.words, remark.action)
        if self.token.status in ENDED:
            return Readiness(False, *ENDED[self.token.status])
        if self.may_send is None:
            remark = self.remark(What.ACCOUNT) or self.remark(What.SENDING, What.TOKEN)
            return Readiness(None, *_said(remark, "whether it may send could not be learned", "check again later"))
        if not self.may_send:
            return Readiness(False, *_said(self.remark(What.SENDING), "this token may not send mail", ""))
        if self.quota and self.quota.is_used_up:
            until = f" until {self.quota.resets_at:%Y-%m-%d %H:%M %Z}" if self.quota.resets_at else ""
            return Readiness(False, f"the quota of {self.quota.limit:,} is used up{until}", "wait, or have it raised")
        return self._from_domains()

    def _from_domains(self) -> Readiness:
        if ready := [domain.name for domain in self.domains if domain.is_ready]:
            more = f" and {len(ready) - 3} more" if len(ready) > 3 else ""
            return Readiness(True, f"mail can be sent from {', '.join(ready[:3])}{more}")
        if enabled := [domain for domain in self.domains if domain.enabled]:
            return _from_unready(enabled)
        if self.domains:
            words = f"sending is switched off for {self.domains[0].name}"
            return Readiness(False, words, "switch it on in Cloudflare's dashboard, under Email Sending")
        if remark := self.remark(What.ONBOARDING):
            if not self.verified:
                return Readiness(False, remark.words, remark.action)
            words = f"{remark.words}: mail can go to its verified addresses only ({len(self.verified)})"
            return Readiness(None, words, remark.action)
        return Readiness(True, "it may send mail; from which domains could not be learned")


def _from_unready(enabled: list[SendingDomain]) -> Readiness:
    """Of domains that are switched on and whose DNS records are not as they should be, or could not be looked at."""
    unseen = next((domain for domain in enabled if domain.status == "unknown" and not domain.faults), None)
    if unseen:
        return Readiness(True, f"mail can be sent from {unseen.name}; its DNS records could not be looked at")
    first = next((domain for domain in enabled if domain.faults), enabled[0])
    fault = f": {first.faults[0]}" if first.faults else ""
    action = "put its DNS records in order, or mail from it may be refused or taken for spam"
    return Readiness(None, f"{first.name} is not set up completely{fault}", action)


def _said(remark: Remark | None, words: str, action: str) -> tuple[str, str]:
    return (remark.words, remark.action) if remark else (words, action)
