"""The last look: what will leave, to whom, as whom; plain letters act."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from cfmail_tui.message import MailMessage, SavedDraft
from cfmail_tui.settings import CONFIRM_RECIPIENTS
from cfmail_tui.submission import megabytes
from cfmail_tui.ui.commands import KeyBar, Where, bindings, keymap_of
from cfmail_tui.ui.fields import EndsOnce, Line, LineInput, Lines, fact, plain
from cfmail_tui.ui.findings import FindingsPane

if TYPE_CHECKING:
    from cfmail_tui.outbox import Reviewed
    from cfmail_tui.outbox.reviewed import Found

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

    @dataclass
    class ProofRequested(Message):
        """The user wants to see how the mail will look."""

        draft: SavedDraft

    @dataclass
    class TestRequested(Message):
        """The user wants it sent to its author only."""

        screen: "ReviewScreen"

    @dataclass
    class CopyRequested(Message):
        """The user wants it as a text for other tools."""

        reviewed: "Reviewed"

    def __init__(
        self, reviewed: "Reviewed", base_url: str, proxy: str, *, confirm_recipients: int = CONFIRM_RECIPIENTS
    ) -> None:
        """`proxy` is the one on the way to the base URL, "" for none.

        The number of recipients is to be typed if there are more than `confirm_recipients`.
        """
        super().__init__()
        if not isinstance(reviewed.content, MailMessage):
            self.PLACES = ("review", "review-draft", "findings", "everywhere")
        if reviewed.again_of:
            self.PLACES = ("review", "everywhere")
        self.reviewed = reviewed
        self._confirm_recipients = confirm_recipients
        self._findings: FindingsPane[Found] = FindingsPane("fix-finding", "review-findings")
        self._base_url = base_url
        self._proxy = proxy

    def compose(self) -> ComposeResult:
        recipients = len(self.reviewed.submission.envelope.recipients)
        who = f"{recipients} recipient" + ("s" if recipients > 1 else "")
        yield Static(Content.assemble(("Review", "bold"), f"  {who}, nothing has left yet"), id="review-title")
        yield Static(id="review-said")
        yield self._findings
        with VerticalScroll(id="review-body"):
            yield Lines(self._lines(), id="review-lines")
        with Horizontal(classes="buttons"):
            key = keymap_of(self.app).first
            yield Button(Content(f"Send ({key('send')})"), id="send", variant="success", compact=True)
            yield Button(Content(f"Back to the mail ({key('edit')})"), id="edit", compact=True)
        yield KeyBar(*self.PLACES)

    def on_mount(self) -> None:
        # Enter must not send by itself: the focus starts on the way back.
        self.query_one("#edit").focus()
        self._findings.show(self.reviewed.findings)
        self._findings.display = bool(self.reviewed.findings)

    @property
    def chosen(self) -> "Found | None":
        """The finding that is chosen."""
        return self._findings.current

    def _lines(self) -> Iterator[Line]:
        reviewed = self.reviewed
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
        content, submission = self.reviewed.content, self.reviewed.submission
        account = self.reviewed.account
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
        yield "Size", f"{_size(submission.message_size)} when encoded, of {megabytes(self.reviewed.limit)}"
        yield "Account", f"{account.words}; to {self._base_url}"
        if self._proxy:
            yield "Via", f"proxy {self._proxy}"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A raw message has no place of its own for attachments and header fields, a mail sent again no draft."""
        if action == "proof":
            return "review-form" in self.PLACES
        if action == "leave_to":
            return ("review-draft" if parameters == ("postpone",) else "review-form") in self.PLACES
        return super().check_action(action, parameters)

    def say(self, words: str) -> None:
        """What came of a test, while the mail itself is still looked at."""
        if self.is_attached:
            said = self.query_one("#review-said", Static)
            said.update(plain(words))
            said.display = True

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "send":
            self.action_send()
        else:
            self.dismiss("edit")

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
        number = len(self.reviewed.submission.envelope.recipients)
        if number <= self._confirm_recipients:
            self.dismiss("send")
        else:
            self.app.push_screen(CountScreen(number), self._counted)

    def _counted(self, is_right: bool | None) -> None:
        if is_right:
            self.dismiss("send")

    def action_test(self) -> None:
        self.say("Test: it is being sent to its author …")
        self.post_message(self.TestRequested(self))

    def action_copy(self) -> None:
        self.post_message(self.CopyRequested(self.reviewed))

    def action_back(self) -> None:
        self.dismiss("edit")

    def action_leave_to(self, place: str) -> None:
        self.dismiss(place)

    def action_proof(self) -> None:
        if self.reviewed.draft:
            self.post_message(self.ProofRequested(self.reviewed.draft))

    def action_wire_body(self) -> None:
        self.post_message(self.WireBodyRequested(self.reviewed.submission.attempt_id))


class CountScreen(ModalScreen[bool], EndsOnce[bool]):
    """Asks for the number of recipients, so that nobody writes to many by a slip of the hand."""

    BINDINGS = bindings("dialog")

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Content(f"This mail goes to {self._number} recipients. Type that number to send it."))
            yield LineInput(id="count", placeholder="number of recipients")
            yield Static(id="count-said", classes="hint")
        yield KeyBar("dialog")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip() == str(self._number):
            self.dismiss(True)
        else:
            self.query_one("#count-said", Static).update("That is not the number; Esc goes back, and nothing is sent.")

    def action_back(self) -> None:
        self.dismiss(False)


def _size(octets: int) -> str:
    return f"{octets:,} octets" if octets < 100_000 else megabytes(octets)
