"""The account's suppression list: to whom Cloudflare sends nothing, why, and until when. Pure.

A mail to somebody on it is refused whole, or sent to the others only, as the sending domain is set (developer docs,
Email Sending, suppressions). What an answer holds makes nothing here raise.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from cfmail_tui.frozen import frozen
from cfmail_tui.inspection import Remark, What
from cfmail_tui.inspection.causes import Reply, shapeless, told

REASONS: Final = {
    "manual": "put there by hand",
    "complaint": "complained of spam",
    "hard_bounce": "bounced for good",
    "soft_bounce": "bounced several times",
    "policy": "by Cloudflare's policy",
}
"""The API's words for why an address is there, in ours."""

_NOTE_LIMIT: Final = 200


@frozen
class Suppression:
    """An entry of the list; times are UTC, `expires_at` None for ever; `domain` is "" where it holds for all."""

    suppression_id: str
    address: str
    reason: str
    created_at: datetime | None = None
    expires_at: datetime | None = None
    domain: str = ""
    """The sending domain that it holds for."""
    note: str = ""
    is_fixed: bool = False
    """Whether nobody may take it off."""

    def holds_for(self, sender: str) -> bool:
        """Whether it keeps mails of this sender back."""
        return self.domain in {"", sender.rpartition("@")[2].lower()}

    @property
    def words(self) -> str:
        """Why and until when, for a person; the note may hold anything."""
        parts = [REASONS.get(self.reason, self.reason or "no reason given")]
        if self.created_at:
            parts.append(f"since {_day(self.created_at)}")
        parts.append(f"until {_day(self.expires_at)}" if self.expires_at else "for ever")
        if self.domain:
            parts.append(f"for mails from {self.domain}")
        if self.note:
            parts.append(f"“{self.note}”")
        return ", ".join(parts)


@frozen
class Barred:
    """Who of a mail's recipients Cloudflare sends nothing to: by the list, as far as it could be read, or its words."""

    addresses: tuple[str, ...] = ()
    """As the envelope spells them."""
    entries: tuple[Suppression, ...] = ()
    remark: Remark | None = None
    """Why the list could not be read."""

    def about(self, address: str) -> tuple[Suppression, ...]:
        """The entries of one address."""
        return tuple(entry for entry in self.entries if entry.address.casefold() == address.casefold())


def listed(reply: Reply) -> tuple[Suppression, ...] | Remark:
    """The entries that the reply to a look-up names, or why they could not be learned."""
    envelope = told(reply, What.SUPPRESSIONS)
    if isinstance(envelope, Remark):
        return envelope
    rows = envelope.get("result")
    if not isinstance(rows, list):
        return shapeless(What.SUPPRESSIONS)
    return tuple(_entries(rows))


def removed(reply: Reply) -> Remark | None:
    """Why an entry could not be taken off; None if it is off."""
    envelope = told(reply, What.REMOVAL)
    return envelope if isinstance(envelope, Remark) else None


def _entries(rows: list[object]) -> Iterator[Suppression]:
    for row in rows:
        match row:
            case {"id": str(suppression_id), "email": str(address), **more}:
                scope = more.get("scope")
                domain = scope.get("value") if isinstance(scope, dict) else None
                yield Suppression(
                    suppression_id,
                    address,
                    _text(more.get("reason")),
                    _time(more.get("created_at")),
                    _time(more.get("expires_at")),
                    _text(domain).lower(),
                    _text(more.get("note"))[:_NOTE_LIMIT],
                    more.get("read_only") is True,
                )


def _text(value: object) -> str:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _time(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d")
