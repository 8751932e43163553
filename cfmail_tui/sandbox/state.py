"""What one sandbox remembers: its choices, its accepted messages, its quota. Safe to use from several threads."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from cfmail_tui.sandbox.answers import Json
from cfmail_tui.sandbox.files import Identity, Maildir, private_folder, write_private


@dataclass(frozen=True, slots=True)
class Choices:
    """What the documentation leaves open or contradicts, and what a test may want otherwise."""

    numbering: Literal["docs", "openapi"] = "docs"
    """Which source gives the numbers of email.invalid and email.too_big; the docs and the OpenAPI disagree."""
    codes_as_text: bool = False
    """Error codes as text for 400 and 403, as the OpenAPI file types them."""
    retry_after: int | None = 2
    """Seconds in the Retry-After of `throttle`; None leaves the header field out."""
    verified_addresses: tuple[str, ...] = ("me@verified.example",)
    unverified_addresses: tuple[str, ...] = ("pending@verified.example",)
    zones: tuple[str, ...] = ("acme.example", "globex.example", "disabled.example", "unconfigured.example")
    sending_domains: tuple[str, ...] = ("acme.example", "news.acme.example", "globex.example")
    disabled_domains: tuple[str, ...] = ("disabled.example",)
    unconfigured_domains: tuple[str, ...] = ("unconfigured.example",)
    dns_faults: tuple[tuple[str, str], ...] = ()
    """Domains and what is wrong with their records, as the API words it: ("acme.example", "dkim.missing")."""
    unlocked_domains: tuple[str, ...] = ()
    dns_names_missing: bool = True
    """Whether a live diff names the missing records, as that of Email Routing does; for sending it is not told."""
    daily_quota: int = 100_000
    paid_plan: bool = True
    """Without it only verified destination addresses can be written to (3.4)."""
    queue_seconds: float = 60.0
    """After which the analytics tell of a queued mail that it was delivered."""
    analytics_lag: float = 0.0
    """Seconds after which an event stands in the analytics; the real ones come minutes late."""
    analytics_denial: Literal[200, 403] = 403
    """HTTP status of a GraphQL query without the right to it: the docs say 403, and that errors come with 200."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message that the API took: the answer may still have been lost on its way (`status` None)."""

    n: int
    endpoint: Literal["send", "send_raw"]
    sender: str
    recipients: tuple[str, ...]
    message_id: str
    status: int | None
    response: Any
    """The JSON body of the answer; the text as sent if that is not JSON; None if nothing was sent."""
    received_at: str
    author: str
    """The From field, decoded."""
    subject: str
    """Decoded."""
    suppressed: tuple[str, ...]
    """Recipients that were dropped."""
    key: str
    """The unique name of the Maildir copy, and of the request's file."""


class Ledger:
    """The accepted messages, oldest first. Bodies are on disk: a message may have 25 MiB."""

    def __init__(self, data_dir: Path) -> None:
        self.maildir = Maildir(data_dir / "Maildir")
        self._requests = private_folder(data_dir / "requests")
        self._accepted: list[Accepted] = []
        self._numbered = 0
        self._lock = threading.Lock()

    def keep(self, mime: bytes, request: bytes, record: Callable[[int, str], Accepted]) -> Accepted:
        key = self.maildir.deliver(mime)
        write_private(self._requests / f"{key}.json", request)
        with self._lock:
            self._numbered += 1
            accepted = record(self._numbered, key)
            self._accepted.append(accepted)
        return accepted

    def all(self) -> tuple[Accepted, ...]:
        with self._lock:
            return tuple(self._accepted)

    def forget(self) -> int:
        """Empty the list; the Maildir stays, it belongs to whoever reads mail there."""
        with self._lock:
            forgotten, self._accepted = self._accepted, []
        for accepted in forgotten:
            (self._requests / f"{accepted.key}.json").unlink(missing_ok=True)
        return len(forgotten)

    def request(self, accepted: Accepted) -> bytes | None:
        try:
            return (self._requests / f"{accepted.key}.json").read_bytes()
        except FileNotFoundError:
            return None

    def describe(self, accepted: Accepted) -> Json:
        request = self.request(accepted)
        return {
            "n": accepted.n,
            "endpoint": accepted.endpoint,
            "envelope": {"from": accepted.sender, "recipients": list(accepted.recipients)},
            "request": None if request is None else json.loads(request),
            "status": accepted.status,
            "response": accepted.response,
            "received_at": accepted.received_at,
        }


class Quota:
    """The account's daily quota: one unit per recipient that is not a verified destination (3.2, 3.4)."""

    def __init__(self, value: int, clock: Callable[[], datetime]) -> None:
        self._value = value
        self._clock = clock
        self._lock = threading.Lock()
        self._day = clock().date()
        self._sent = 0
        self._over = 0

    def take(self, count: int) -> bool:
        """Count the recipients if all of them fit into what is left of the day."""
        with self._lock:
            self._turn()
            if self._sent + count > self._value:
                self._over += count
                return False
            self._sent += count
            return True

    def report(self) -> Json:
        with self._lock:
            self._turn()
            midnight = datetime.combine(self._day + timedelta(days=1), datetime.min.time(), UTC)
            usage = {"sent": self._sent, "over_quota": self._over, "resets_at": stamp(midnight)}
            return {"quota": {"value": self._value, "unit": "day"}, "usage": usage}

    def _turn(self) -> None:
        today = self._clock().date()
        if today != self._day:
            self._day, self._sent, self._over = today, 0, 0


@dataclass(slots=True)
class State:
    """One sandbox's account, shared by its endpoints."""

    identity: Identity
    choices: Choices
    ledger: Ledger
    clock: Callable[[], datetime]
    quota: Quota = field(init=False)

    def __post_init__(self) -> None:
        self.quota = Quota(self.choices.daily_quota, self.clock)

    def identifier(self, *names: str) -> str:
        """A Cloudflare-like id of 32 hexadecimal digits, the same in every run of this account."""
        return sha256("\0".join((self.identity.account_id, *names)).encode()).hexdigest()[:32]


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC, as the API writes times."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
