"""As whom mail of an account is written: its From, where answers go, and what stands under each new mail."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label

from cfmail_tui.message import Place
from cfmail_tui.profile import Identity
from cfmail_tui.ui.commands import KeyBar, bindings
from cfmail_tui.ui.fields import Body, EndsOnce, MailField, plain


class IdentityScreen(ModalScreen[Identity], EndsOnce[Identity]):
    """Ends with the identity as it is to be from now on, or None."""

    BINDINGS = bindings("dialog")

    def __init__(self, name: str, identity: Identity) -> None:
        super().__init__()
        self._name = name
        self._identity = identity

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide") as dialog:
            dialog.border_title = plain(f"New mails as {self._name}", 60)
            yield MailField(Place.FROM, self._identity.sender)
            yield MailField(Place.REPLY_TO, self._identity.reply_to)
            with Horizontal(classes="choice"):
                yield Label("Signature")
                yield Body(self._identity.signature, id="signature")
            with Horizontal(classes="buttons"):
                yield Button("Keep it so", id="keep", variant="success", compact=True)
                yield Button("Cancel", id="cancel", compact=True)
        yield KeyBar("dialog")

    def on_mount(self) -> None:
        self.query(MailField).first().input.focus()

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        self.focus_next()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "keep":
            sender, reply_to = (field.text.strip() for field in self.query(MailField))
            self.dismiss(Identity(sender, reply_to, self.query_one(Body).text))
        else:
            self.action_back()

    def action_back(self) -> None:
        self.dismiss(None)
