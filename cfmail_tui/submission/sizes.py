"""How big a mail may be, and which file to leave out of one that is too big."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

from cfmail_tui import mime
from cfmail_tui.frozen import frozen
from cfmail_tui.message import Attachment, Place, Problem, printable

SIZE_LIMIT: Final = 5 * 1024 * 1024
"""Octets of the MIME-encoded message, attachments included."""

LARGEST_SIZE_LIMIT: Final = 25 * 1024 * 1024
"""The same where every recipient is a verified destination address of the account."""


Limit = Callable[[Collection[str]], int]
"""How many octets a message to these recipients may have."""


def usual_limit(_recipients: Collection[str]) -> int:
    """The limit where nothing is known of verified destinations."""
    return SIZE_LIMIT


def size_limit(recipients: Collection[str], verified: Collection[str]) -> int:
    """Octets that a message to these recipients may have, of whom those in `verified` are verified destinations.

    Upper and lower case are not told apart: where a local part does, the API refuses what is too big.
    """
    known = {address.casefold() for address in verified}
    may_be_large = recipients and all(address.casefold() in known for address in recipients)
    return LARGEST_SIZE_LIMIT if may_be_large else SIZE_LIMIT


def megabytes(octets: int) -> str:
    return f"{octets / 1024 / 1024:.1f} MiB"


@frozen
class Size:
    """Octets of the MIME-encoded message, how many it may have, and the name of the file to leave out ("": none).

    The smallest file without which the message is small enough, or the biggest where one is not enough.
    """

    octets: int
    limit: int = SIZE_LIMIT
    drop: str = ""

    @classmethod
    def of(cls, octets: int, limit: int, attachments: Sequence[Attachment]) -> "Size":
        over = octets - limit
        if over <= 0 or not attachments:
            return cls(octets, limit)
        weights = [(mime.weight(attachment), attachment.filename) for attachment in attachments]
        drop = min((weight for weight in weights if weight[0] >= over), default=max(weights))
        return cls(octets, limit, drop[1])

    @property
    def is_over(self) -> bool:
        return self.octets > self.limit

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why a mail of this size cannot be sent, if it cannot."""
        words = f"the mail is too big: {self.words}"
        return (Problem(Place.MESSAGE, words, rule="too-big"),) if self.is_over else ()

    @property
    def words(self) -> str:
        """The size for the screen, against the limit."""
        if not self.is_over:
            return f"{megabytes(self.octets)} of {megabytes(self.limit)} when encoded"
        over = f"{self.octets - self.limit:,} octets over the limit of {megabytes(self.limit)}"
        drop = f"; leave out {printable(self.drop)}" if self.drop else ""
        return f"{megabytes(self.octets)} when encoded, {over}{drop}"
