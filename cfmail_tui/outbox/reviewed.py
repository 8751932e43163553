"""A mail ready to leave."""

from typing import TYPE_CHECKING, TypeAlias

from cfmail_tui.frozen import frozen
from cfmail_tui.lint import DraftFinding
from cfmail_tui.message import MailMessage, RawDraft, SavedDraft
from cfmail_tui.submission import SIZE_LIMIT, Account, Envelope, Submission

if TYPE_CHECKING:
    # What only raw messages need is loaded when there is one.
    from cfmail_tui.mime import SourceFinding


Found: TypeAlias = "DraftFinding | SourceFinding"
"""What the rules for drafts find in one, or those for raw messages."""


@frozen
class Foreseen:
    """A mail that could leave, and what should be known of it; it was not written down."""

    envelope: Envelope
    subject: str
    message_size: int
    findings: tuple[Found, ...] = ()


@frozen
class Reviewed:
    """A mail ready to leave: what it says, as whom, and the submission whose body file is written."""

    content: MailMessage | RawDraft
    account: Account
    submission: Submission
    draft: SavedDraft | None = None
    again_of: str = ""
    """The first attempt to send this very mail, where there was one."""
    tries: int = 0
    """How often it was tried before."""
    caution: str = ""
    """What speaks against sending it: that it may have arrived already."""
    limit: int = SIZE_LIMIT
    """Octets that a message to these recipients may have."""
    findings: tuple[Found, ...] = ()
    """What should be known of it before it is sent."""
    is_test: bool = False
    """Whether it goes only to its author, to be looked at."""
    key: str = ""
    """Of the mails with one key only one is sent, whoever asks for it again; "" for a mail that has none."""
