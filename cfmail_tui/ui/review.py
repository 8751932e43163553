"""The last look: what will leave, to whom, as whom; plain letters act."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Static

from cfmail_tui.message import MailMessage
from cfmail_tui.submission import megabytes
from cfmail_tui.ui.commands import KeyBar, Where, bindings
from cfmail_tui.ui.fields import EndsOnce, Line, Lines, fact, plain
from cfmail_tui.ui.findings import FindingsPane

if TYPE_CHECKING:
    from cfmail_tui.lint import DraftFinding
    from cfmail_tui.outbox import Reviewed

_PREVIEW = 2000
"""Characters of a body shown here."""


class ReviewScreen(EndsOnce[str]):
    """Shows a reviewed mail; ends with what the user wants: "send", "edit", "attach", "headers", "postpone", or, of
    the finding that is chosen, "jump" or "fix".
    """

    PLACES: tuple[Where, ...] = ("review", "review-draft", "review-form", "findings", "everywhere")
    BINDINGS = bindings("review", "review-draft", "review-form")

    @dataclass
    class WireBodyRequested(Message):
        """The user wants to see the request body."""

        attempt_id: str

    def __init__(self, reviewed: "Reviewed", base_url: str, proxy: str) -> None:
        """`proxy` is the one on the way to the base URL, "" for none."""
        super().__init__()
        if not isinstance(reviewed.content, MailMessage):
            self.PLACES = ("review", "review-draft", "everywhere")
        if reviewed.again_of:
            self.PLACES = ("review", "everywhere")
        self._reviewed = reviewed
        self._findings: FindingsPane[DraftFinding] = FindingsPane("f", " · i")
        self._base_url = base_url
        self._proxy = proxy

    def compose(self) -> ComposeResult:
        recipients = len(self._reviewed.submission.envelope.recipients)
        who = f"{recipients} recipient" + ("s" if recipients > 1 else "")
        yield Static(Content.assemble(("Review", "bold"), f"  {who}, nothing has left yet"), id="review-title")
        yield self._findings
        with VerticalScroll(id="review-body"):
            yield Lines(self._lines(), id="review-lines")
        with Horizontal(classes="buttons"):
            yield Button("Send (y)", id="send", variant="success", compact=True)
            yield Button("Back to the mail (e)", id="edit", compact=True)
        yield KeyBar(*self.PLACES)

    def on_mount(self) -> None:
        # Enter must not send by itself: the focus starts on the way back.
        self.query_one("#edit").focus()
        self._findings.show(self._reviewed.findings)
        self._findings.display = bool(self._reviewed.findings)

    @property
    def chosen(self) -> "DraftFinding | None":
        """The finding that is chosen."""
        return self._findings.current

    def _lines(self) -> Iterator[Line]:
        reviewed = self._reviewed
        if reviewed.caution:
            yield fact("Caution", reviewed.caution, "$text-warning bold")
        for name, value in self._facts():
            yield fact(name, value)
        content = reviewed.content
        if isinstance(content, MailMessage):
            for part in content.attachments:
                where = f"inline cid:{part.content_id}" if part.disposition == "inline" else "attached"
                words = f"{part.filename}  {_size(part.size)}  {part.media_type}  {where}"
                yield fact("File", words)
            bodies = {"Text": content.text, "HTML": content.html}
        else:
            bodies = {"MIME": content.source[: _PREVIEW * 2].decode("utf-8", "replace").replace("\r\n", "\n")}
        for name, text in bodies.items():
            if text:
                yield Line(Content.assemble("\n", (f"── {name} ", "$foreground-muted")))
                cut = "\n…" if len(text) > _PREVIEW else ""
                yield Line(plain(text[:_PREVIEW] + cut))

    def _facts(self) -> Iterator[tuple[str, str]]:
        content, submission = self._reviewed.content, self._reviewed.submission
        account = self._reviewed.account
        if isinstance(content, MailMessage):
            lists = (("To", content.to), ("Cc", content.cc), ("Bcc", content.bcc))
            yield "From", str(content.sender)
            for name, mailboxes in lists:
                if mailboxes:
                    yield name, ", ".join(map(str, mailboxes))
            if content.reply_to:
                yield "Reply-To", str(content.reply_to)
            yield "Subject", content.subject or "(none)"
            for field in content.headers:
                yield "Header", f"{field.name}: {field.body}"
        else:
            yield "Envelope", f"from {submission.envelope.sender}"
            yield "to", ", ".join(submission.envelope.recipients)
            yield "Subject", submission.subject or "(none)"
        yield "Size", f"{_size(submission.message_size)} when encoded, of {megabytes(self._reviewed.limit)}"
        yield "Account", f"{account.words}; to {self._base_url}"
        if self._proxy:
            yield "Via", f"proxy {self._proxy}"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A raw message has no place of its own for attachments and header fields, a mail sent again no draft."""
        if action == "leave_to":
            return ("review-draft" if parameters == ("postpone",) else "review-form") in self.PLACES
        return super().check_action(action, parameters)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(str(event.button.id))

    def on_findings_pane_chosen(self, event: FindingsPane.Chosen) -> None:
        event.stop()
        self.dismiss("jump")

    def on_findings_pane_fix_requested(self, event: FindingsPane.FixRequested) -> None:
        event.stop()
        self.dismiss("fix")

    def action_findings(self) -> None:
        """Into the list of what is found."""
        self._findings.take_focus()

    def action_send(self) -> None:
        self.dismiss("send")

    def action_back(self) -> None:
        self.dismiss("edit")

    def action_leave_to(self, place: str) -> None:
        self.dismiss(place)

    def action_wire_body(self) -> None:
        self.post_message(self.WireBodyRequested(self._reviewed.submission.attempt_id))


def _size(octets: int) -> str:
    return f"{octets:,} octets" if octets < 100_000 else megabytes(octets)
