"""What can be asked for on the history screen; each is answered by `recalling`."""

from cfmail_tui.frozen import frozen
from cfmail_tui.submission import Attempt


@frozen
class Find:
    """The mails that a query finds, older than the attempt called `before`, where that is given."""

    query: str
    before: str | None = None


@frozen
class Count:
    """How many mails a query finds."""

    query: str


@frozen
class Look:
    """Everything known of an attempt."""

    attempt: Attempt


@frozen
class Settle:
    """The user knows what became of an attempt whose outcome is unknown."""

    attempt: Attempt
    arrived: bool


@frozen
class Ask:
    """What Cloudflare's records say of an attempt: one whose outcome is unknown, or with queued recipients."""

    attempt: Attempt


@frozen
class Again:
    """The very same mail once more."""

    attempt: Attempt


@frozen
class Reopen:
    """The mail as a new draft, to these of its recipients only, where that is given."""

    attempt: Attempt
    only: tuple[str, ...] | None = None


@frozen
class Save:
    """The message in a file."""

    attempt: Attempt


@frozen
class Copy:
    """The request as a text for other tools."""

    attempt: Attempt


@frozen
class Delete:
    """The mail taken out of the history."""

    attempt: Attempt


@frozen
class Restore:
    """A deleted mail brought back."""

    attempt: Attempt


@frozen
class Export:
    """All that a query finds, in a file."""

    query: str


@frozen
class Chart:
    """How many mails were sent, and what became of them."""


Wish = Find | Count | Look | Settle | Ask | Again | Reopen | Save | Copy | Delete | Restore | Export | Chart
