"""A mail ready to leave, and what can go wrong with it."""

from dataclasses import dataclass, replace

from cfmail_tui.lint import DraftFinding
from cfmail_tui.message import MailError, MailMessage, RawDraft, SavedDraft
from cfmail_tui.submission import SIZE_LIMIT, Account, Attempt, Outcome, Submission, explain


class OutboxError(MailError):
    """Base of what can go wrong here, in plain words; a mail that cannot be sent as it is, is a MessageError.

    OutboxError
    └── NotRecorded    the mail was sent or tried, but its outcome could not be written down
    """


class NotRecorded(OutboxError):  # noqa: N818 - it reads as what it is
    """The journal could not take the outcome, which is told here instead."""

    def __init__(self, attempt: Attempt, outcome: Outcome, reason: str) -> None:
        super().__init__(f"{explain(outcome).cause}, but that could not be written down: {reason}")
        self.attempt = replace(attempt, outcome=outcome)


@dataclass(frozen=True, slots=True)
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
    findings: tuple[DraftFinding, ...] = ()
    """What should be known of it before it is sent."""
    is_test: bool = False
    """Whether it goes only to its author, to be looked at."""
