"""What is said of a file that is attached: its name in the mail, its media type, whether it is inline, and as what."""

from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, Label, Static

from cfmail_tui.message import Attachment, AttachmentDraft
from cfmail_tui.ui.commands import KeyBar, bindings
from cfmail_tui.ui.fields import EndsOnce, LineInput, plain

_FIELDS = {"filename": "File name", "media_type": "Media type", "content_id": "Content-ID"}


class AttachmentScreen(ModalScreen[AttachmentDraft], EndsOnce[AttachmentDraft]):
    """Gives the attachment as the user wants it, None if nothing changes; what is left empty is chosen for them."""

    BINDINGS = bindings("dialog")

    def __init__(self, draft: AttachmentDraft, found: Attachment | None) -> None:
        super().__init__()
        self._draft = draft
        self._found = found

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide") as dialog:
            dialog.border_title = "Attachment"
            yield Static(plain(self._draft.path, 300), classes="hint")
            for field, label in _FIELDS.items():
                with Horizontal(classes="line"):
                    yield Label(label)
                    value, chosen = getattr(self._draft, field), getattr(self._found, field, "")
                    yield LineInput(value, placeholder=str(plain(chosen, 60)) or "chosen for you", id=field)
            yield Checkbox("Inline, for the HTML body", self._draft.disposition == "inline", id="inline", compact=True)
            with Horizontal(classes="buttons"):
                yield Button(Content("Keep"), id="keep", compact=True)
                yield Button(Content("Cancel"), id="cancel", compact=True)
        yield KeyBar("dialog")

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        self._keep()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "keep":
            self._keep()
        else:
            self.action_back()

    def _keep(self) -> None:
        filename, media_type, content_id = (self.query_one(f"#{field}", LineInput).value.strip() for field in _FIELDS)
        self.dismiss(
            replace(
                self._draft,
                filename=filename,
                media_type=media_type,
                content_id=content_id,
                disposition="inline" if self.query_one("#inline", Checkbox).value else "attachment",
            )
        )

    def action_back(self) -> None:
        self.dismiss(None)
