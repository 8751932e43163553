"""The envelope of a raw message: who it is from and who gets it, and how that differs from what the header says."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from cfmail_tui.message import MessageError, Place, parse_mailboxes
from cfmail_tui.submission import RECIPIENT_LIMIT
from cfmail_tui.ui.completion import RecipientField
from cfmail_tui.ui.fields import Line, Lines, MailField, plain

if TYPE_CHECKING:
    from cfmail_tui.mime import Difference

_INDENT = 11
"""Cells of a field's label, under which nothing stands."""

_SEVERAL: Final = {"hidden": "get it whom the header does not name", "left out": "in the header do not get it"}
_LOOKS: Final = {"sender": ("≠", "$text-warning"), "hidden": ("+", "$text-warning"), "left out": ("-", "$text-accent")}


class EnvelopePane(Vertical):
    """The two fields of the envelope, and below them each way in which it is not what the header shows."""

    def __init__(self) -> None:
        super().__init__(id="fields")
        self._sender = MailField(Place.ENVELOPE_SENDER, placeholder="envelope sender, MAIL FROM")
        self._recipients = RecipientField(Place.ENVELOPE_RECIPIENTS, placeholder="envelope recipients, RCPT TO")
        self._differences = Lines(id="differences")

    def compose(self) -> ComposeResult:
        yield self._sender
        yield self._recipients
        yield self._differences

    @property
    def sender(self) -> str:
        return self._sender.text

    @property
    def recipients(self) -> str:
        return self._recipients.text

    @recipients.setter
    def recipients(self, text: str) -> None:
        self._recipients.text = text

    def fill(self, sender: str, recipients: str) -> None:
        """Another envelope, of which nothing was said yet."""
        self._sender.text, self._recipients.text = sender, recipients
        self._sender.mark("")
        self._recipients.mark("")
        self.show((), "")

    def show(self, differences: "Sequence[Difference]", passed_over: str) -> None:
        """Say how the header differs, and what of it was `passed_over`."""
        lines = [*_lines(differences)]
        if passed_over:
            lines.append(
                Line(Content.assemble(" " * _INDENT, plain(passed_over).stylize("$foreground-muted")), _INDENT)
            )
        self._differences.display = bool(lines)
        self._differences.show(lines)

    def focus_place(self, place: Place) -> bool:
        """Put the cursor into the field of this place, if it is one of the envelope."""
        for field in (self._sender, self._recipients):
            if field.place is place:
                field.input.focus()
                return True
        return False

    def on_mail_field_changed(self) -> None:
        self._recipients.note(_count(self.recipients))


def _lines(differences: "Sequence[Difference]") -> Iterator[Line]:
    """A line for each kind, so that a long list does not take the screen."""
    for kind, (mark, colour) in _LOOKS.items():
        alike = [one for one in differences if one.kind == kind]
        if not alike:
            continue
        words = alike[0].words
        if len(alike) > 1 and kind in _SEVERAL:
            words = f"{len(alike)} {_SEVERAL[kind]}: {', '.join(one.address for one in alike)}"
        yield Line(
            Content.assemble(" " * (_INDENT - 2), (f"{mark} ", f"{colour} bold"), plain(words, 300).stylize(colour)),
            _INDENT,
        )


def _count(recipients: str) -> str:
    try:
        count = len(parse_mailboxes(recipients, Place.ENVELOPE_RECIPIENTS))
    except MessageError:
        return ""
    return f"{count} of {RECIPIENT_LIMIT}" if count > 1 else ""
