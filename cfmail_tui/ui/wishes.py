"""What can be asked for on the history screen; each is answered by `recalling`."""

from dataclasses import dataclass

from cfmail_tui.submission import Attempt


@dataclass(frozen=True, slots=True)
class Find:
    """The mails that a query finds, older than the attempt called `before`, where that is given."""

    query: str
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many mails a query finds."""

    query: str


@dataclass(frozen=True, slots=True)
class Look:
    """Everything known of an attempt."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Settle:
    """The user knows what became of an attempt whose outcome is unknown."""

    attempt: Attempt
    arrived: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """What Cloudflare's records say of an attempt: one whose outcome is unknown, or with queued recipients."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Again:
    """The very same mail once more."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Reopen:
    """The mail as a new draft, to these of its recipients only, where that is given."""

    attempt: Attempt
    only: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Save:
    """The message in a file."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Copy:
    """The request as a text for other tools."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Delete:
    """The mail taken out of the history."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Restore:
    """A deleted mail brought back."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Export:
    """All that a query finds, in a file."""

    query: str


@dataclass(frozen=True, slots=True)
class Chart:
    """How many mails were sent, and what became of them."""


Wish = Find | Count | Look | Settle | Ask | Again | Reopen | Save | Copy | Delete | Restore | Export | Chart
