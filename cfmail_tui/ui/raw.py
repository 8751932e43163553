"""The raw editor: a MIME source, with its envelope apart from its header."""

from collections.abc import Iterator
from dataclasses import dataclass

from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static, TextArea

from cfmail_tui import mime
from cfmail_tui.message import Draft, Place, RawDraft, SavedDraft
from cfmail_tui.submission import SIZE_LIMIT, megabytes
from cfmail_tui.ui.commands import bindings
from cfmail_tui.ui.fields import Body, MailField, plain
from cfmail_tui.ui.mail import MailScreen

EDITABLE_SIZE = 400_000
"""Octets up to which the editor answers a key at once; a larger source opens read-only."""

_SHOWN_SIZE = 64 * 1024

NEW_SOURCE = b"""From: \r
To: \r
Subject: \r
MIME-Version: 1.0\r
Content-Type: text/plain; charset=utf-8\r
\r
"""


class RawScreen(MailScreen):
    """A raw message being written or looked at."""

    TITLE_WORDS = "Raw message"
    PLACES = ("raw", "composer", "leaving", "everywhere")
    BINDINGS = bindings("raw", "composer", "leaving")

    @dataclass
    class OpenRequested(Message):
        """The user wants to open a file here."""

    def __init__(self, draft: SavedDraft) -> None:
        super().__init__(draft)
        self._source = b""
        self._read_only_because = ""

    def compose_mail(self) -> Iterator[Widget]:
        with Vertical(id="fields"):
            yield MailField(Place.ENVELOPE_SENDER, placeholder="envelope sender, MAIL FROM")
            yield MailField(Place.ENVELOPE_RECIPIENTS, placeholder="envelope recipients, RCPT TO")
        yield Static(id="source-bar", markup=False)
        yield Body(id="source", soft_wrap=False)

    def fill(self, content: Draft | RawDraft) -> None:
        assert isinstance(content, RawDraft)
        sender, recipients = self.query(MailField)
        sender.text, recipients.text = content.sender, content.recipients
        sender.mark("")
        recipients.mark("")
        self._take(content.source)
        self.body("source").focus()

    def content(self) -> RawDraft:
        sender, recipients = self.query(MailField)
        return RawDraft(sender=sender.text, recipients=recipients.text, source=self.source)

    @property
    def source(self) -> bytes:
        """The source as it is on the screen, octet for octet as it came where it was not edited."""
        if self._read_only_because:
            return self._source
        ending = b"\n" if b"\n" in self._source and b"\r\n" not in self._source else b"\r\n"
        return self.body("source").text.encode("utf-8", "surrogatepass").replace(b"\n", ending)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        self._show_source_bar()
        super().on_text_area_changed(event)

    def blame(self, place: Place, words: str) -> None:
        in_raw = {Place.FROM: Place.ENVELOPE_SENDER, Place.TO: Place.ENVELOPE_RECIPIENTS}
        super().blame(in_raw.get(place, Place.SOURCE), words)

    def focus_place(self, place: Place) -> None:
        for field in self.query(MailField):
            if field.place is place:
                field.input.focus()
                return
        self.body("source").focus()

    def action_open(self) -> None:
        self.post_message(self.OpenRequested())

    def action_editor(self) -> None:
        self.post_message(self.EditorRequested("source", self.source, ".eml"))

    def edited(self, _body_id: str, content: bytes) -> None:
        """Take back what the external editor left, octet for octet."""
        self._take(content)

    def action_mend_bcc(self) -> None:
        """Put the addresses of Bcc fields into the envelope, and take the fields out of the header."""
        draft = self.content()
        moved = mime.bcc_moved(draft)
        if moved is draft:
            self.results.say("Bcc", "there is no Bcc field in the header")
            return
        self.query(MailField)[1].text = moved.recipients
        self._take(moved.source)
        self.results.say("Bcc", "the field is out of the header, its addresses are in the envelope")

    def _take(self, source: bytes) -> None:
        self._source = source
        self._read_only_because = read_only_because(source)
        body = self.body("source")
        body.read_only = bool(self._read_only_because)
        body.text = shown_source(source, whole=not self._read_only_because)
        self._show_source_bar()
        self._save_soon()

    def _show_source_bar(self) -> None:
        size = len(mime.crlf(self.source))
        words = f"MIME source  {size:,} octets" if size < 100_000 else f"MIME source  {megabytes(size)}"
        state = f" of {megabytes(SIZE_LIMIT)}"
        if self._read_only_because:
            state += f" · read-only here: {self._read_only_because}; F4 opens your editor"
        self.query_one("#source-bar", Static).update(Content.assemble((words, "bold"), plain(state)))


def read_only_because(source: bytes) -> str:
    """Why the source is only shown, not edited; "" when it can be."""
    if reason := mime.not_editable(source):
        return reason
    return f"it is over {EDITABLE_SIZE // 1000} kB" if len(source) > EDITABLE_SIZE else ""


def shown_source(source: bytes, *, whole: bool) -> str:
    """The source as text for the editor; a read-only one is cut, its undecodable octets have stand-ins."""
    if whole:
        return source.decode("utf-8").replace("\r\n", "\n")
    return source[:_SHOWN_SIZE].decode("utf-8", "replace").replace("\r\n", "\n")
