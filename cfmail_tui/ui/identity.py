"""As whom mail of an account is written: its From, where answers go, and what stands under each new mail."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label

from cfmail_tui.message import Place
from cfmail_tui.profile import Identity
from cfmail_tui.ui.commands import KeyBar, Where, bindings
from cfmail_tui.ui.dialogs import ChoiceScreen
from cfmail_tui.ui.fields import Body, EndsOnce, MailField, plain


class IdentityScreen(ModalScreen[Identity], EndsOnce[Identity]):
    """Ends with the identity as it is to be from now on, or None."""

    PLACES: tuple[Where, ...] = ("dialog", "everywhere")
    BINDINGS = bindings("dialog")

    def __init__(self, name: str, identity: Identity) -> None:
        super().__init__()
        self._name = name
        self._identity = identity

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide") as dialog:
            dialog.border_title = plain(f"New mails as {self._name}", 60)
            yield MailField(Place.FROM, self._identity.sender, placeholder="Alice Example <alice@acme.example>")
            yield MailField(Place.REPLY_TO, self._identity.reply_to, placeholder="only if answers go elsewhere")
            with Horizontal(classes="choice"):
                yield Label("Signature")
                yield Body(self._identity.signature, id="signature")
            with Horizontal(classes="buttons"):
                yield Button("Keep it so", id="keep", variant="success", compact=True)
                yield Button("Cancel", id="cancel", compact=True)
        yield KeyBar(*self.PLACES)

    def on_mount(self) -> None:
        self.query(MailField).first().input.focus()

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        self.focus_next()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "keep":
            self._keep()
        else:
            self.dismiss(None)

    def _typed(self) -> Identity:
        sender, reply_to = (field.text.strip() for field in self.query(MailField))
        return Identity(sender, reply_to, self.query_one(Body).text)

    def _keep(self) -> None:
        for field in self.query(MailField):
            if not field.is_right():
                field.input.focus()
                return
        self.dismiss(self._typed())

    def action_back(self) -> None:
        """Leave; what was changed is not lost unasked."""

        def answered(answer: str | None) -> None:
            if answer == "keep":
                self._keep()
            elif answer == "drop":
                self.dismiss(None)

        if self._typed() == self._identity:
            self.dismiss(None)
        else:
            answers = {"edit": "Go on editing", "keep": "Keep it so", "drop": "Drop the changes"}
            self.app.push_screen(ChoiceScreen("What you changed is not kept yet.", answers), answered)
