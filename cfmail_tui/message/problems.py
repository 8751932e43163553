"""What is wrong with a mail, said in words that are safe to show: where, what, and at which character."""

import re
import unicodedata
from dataclasses import field
from enum import StrEnum
from typing import Literal

from cfmail_tui.frozen import frozen

PROBLEM_LIMIT = 100
"""Problems told of one address list or header: what was pasted is then something else altogether."""


class Place(StrEnum):
    """Where in a mail a problem is; the value is the word shown to the user."""

    FROM = "From"
    TO = "To"
    CC = "Cc"
    BCC = "Bcc"
    REPLY_TO = "Reply-To"
    SUBJECT = "Subject"
    HEADERS = "Headers"
    TEXT = "Text"
    HTML = "HTML"
    MARKDOWN = "Markdown"
    ATTACHMENTS = "Attachments"
    ENVELOPE_SENDER = "Envelope sender"
    ENVELOPE_RECIPIENTS = "Envelope recipients"
    SOURCE = "MIME source"
    MESSAGE = "Message"


@frozen
class Problem:
    """One reason why a mail cannot be sent, in plain words; `offset` counts characters into the place's text.

    `rule` is the name of the rule that is broken, where that is one of the form's (`lint.RULES` lists them).
    """

    place: Place
    words: str
    offset: int | None = None
    rule: str = field(default="", compare=False, kw_only=True)

    def __str__(self) -> str:
        return f"{self.place}: {self.words}"


@frozen
class UnreadableFile(Problem):
    """A file that cannot be attached because it cannot be read, or is none."""


Weight = Literal["note", "caution", "confirmed", "stops"]
"""A "note" is for whoever looks, a "caution" speaks against sending, what has to be "confirmed" leaves only when a
person said yes to it, and what "stops" a mail has to be mended.
"""


@frozen
class Finding:
    """What should be known before a mail is sent, in words safe to show."""

    words: str
    weight: Weight = "caution"

    @property
    def stops(self) -> bool:
        """Whether the mail cannot be sent as it is."""
        return self.weight == "stops"


class MailError(Exception):
    """Base of every error whose text is meant for the user."""


class MessageError(MailError):
    """The mail cannot be sent as it is; `problems` says where and why, all of them at once."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def first_control(text: str) -> int | None:
    """Where the first control character or lone surrogate is, or None."""
    match = _CONTROL.search(text)
    return match.start() if match else None


def first_surrogate(text: str) -> int | None:
    """Where the first lone surrogate is, or None."""
    try:
        # A third of the time of a search, and this is asked at each key.
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None


def control_name(char: str) -> str:
    """A control character or surrogate in words, safe to show."""
    names = {"\n": "a line break", "\r": "a line break", "\t": "a tab", "\0": "NUL"}
    return names.get(char) or f"the control character U+{ord(char):04X}"


def printable(text: str, limit: int = 80) -> str:
    """Text for an error message: control characters and surrogates shown as code points, cut at `limit`."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return "".join(f"<{ord(char):02X}>" if unicodedata.category(char) in hidden else char for char in cut)


_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
