"""Asks who mail is sent as: account ID and API token, or e-mail and global key."""

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, Label, Static

from cfmail_tui.submission import Secret
from cfmail_tui.ui.commands import KeyBar, bindings
from cfmail_tui.ui.fields import EndsOnce, LineInput, plain


class AccountScreen(ModalScreen[bool], EndsOnce[bool]):
    """Ends with True once an account can be used."""

    BINDINGS = bindings("dialog")

    @dataclass
    class Entered(Message):
        """Credentials were typed; with `keep` they are to go to the keyring; the answer goes to `screen`."""

        account_id: str
        secret: Secret
        email: str
        keep: bool
        screen: "AccountScreen"

    def __init__(self, reason: str) -> None:
        super().__init__()
        self._reason = reason

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide") as dialog:
            dialog.border_title = "Account"
            yield Static(plain(self._reason), id="account-reason")
            for name, label, secret in (
                ("account-id", "Account ID", False),
                ("secret", "API token", True),
                ("email", "E-mail", False),
            ):
                with Horizontal(classes="line"):
                    yield Label(label)
                    yield LineInput(id=name, password=secret)
            yield Static("E-mail is only for the older global API key, typed in place of the token.", classes="hint")
            yield Checkbox("Keep both in this machine's keyring", value=True, id="keep", compact=True)
            with Horizontal(classes="buttons"):
                yield Button("Use it", id="use", variant="success", compact=True)
                yield Button("Cancel", id="cancel", compact=True)
        yield KeyBar("dialog")

    def on_mount(self) -> None:
        self.query_one("#account-id").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "email" or (event.input.id == "secret" and event.value):
            self._enter()
        else:
            self.focus_next()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "use":
            self._enter()
        else:
            self.action_back()

    def _enter(self) -> None:
        texts = {name: self.query_one(f"#{name}", LineInput).value for name in ("account-id", "secret", "email")}
        keep = self.query_one("#keep", Checkbox).value
        self.query_one("#account-reason", Static).update("checking …")
        self.post_message(self.Entered(texts["account-id"], Secret(texts["secret"]), texts["email"], keep, self))

    def refused(self, words: str) -> None:
        """It could not be used; what was typed stays."""
        reason = self.query_one("#account-reason", Static)
        reason.update(plain(words))
        reason.set_class(True, "-wrong")

    def accepted(self) -> None:
        """It is used from now on; the secret does not stay in the field."""
        self.query_one("#secret", LineInput).value = ""
        self.dismiss(True)

    def action_back(self) -> None:
        self.dismiss(False)
