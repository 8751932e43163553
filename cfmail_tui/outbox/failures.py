"""What can go wrong on the road of a mail, beside what makes it one that cannot be sent as it is, a MessageError."""

from dataclasses import replace

from cfmail_tui.message import MailError
from cfmail_tui.submission import Attempt, Outcome, explain


class OutboxError(MailError):
    """Base of what can go wrong here, in plain words.

    OutboxError
    └── NotRecorded    the mail was sent or tried, but its outcome could not be written down
    """


class NotRecorded(OutboxError):  # noqa: N818 - it reads as what it is
    """The journal could not take the outcome, which is told here instead."""

    def __init__(self, attempt: Attempt, outcome: Outcome, reason: str) -> None:
        super().__init__(f"{explain(outcome).cause}, but that could not be written down: {reason}")
        self.attempt = replace(attempt, outcome=outcome)
