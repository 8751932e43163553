"""Asks for the passphrase of the encrypted file, once a session; twice where it is chosen."""

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from cfmail_tui.submission import Secret
from cfmail_tui.ui.commands import KeyBar, Where, bindings
from cfmail_tui.ui.fields import EndsOnce, LineInput, plain


class PassphraseScreen(ModalScreen[bool], EndsOnce[bool]):
    """Ends with True once the file is open."""

    PLACES: tuple[Where, ...] = ("dialog", "everywhere")
    BINDINGS = bindings("dialog")

    @dataclass
    class Entered(Message):
        """A passphrase was typed; the answer goes to `screen`."""

        passphrase: Secret
        screen: "PassphraseScreen"

    def __init__(self, *, is_new: bool) -> None:
        super().__init__()
        self._is_new = is_new

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Encrypted file"
            yield Static(self._question(), id="passphrase-words")
            for name, label in (("passphrase", "Passphrase"), ("repeated", "Once more")):
                with Horizontal(classes="line") as line:
                    line.display = name == "passphrase" or self._is_new
                    yield Label(label)
                    yield LineInput(id=name, password=True)
            with Horizontal(classes="buttons"):
                yield Button("Go on", id="open", variant="success", compact=True)
                yield Button("Cancel", id="cancel", compact=True)
        yield KeyBar(*self.PLACES)

    def _question(self) -> str:
        if self._is_new:
            return (
                "Choose a passphrase of at least 8 characters. It is asked for once a session, and without it nobody"
                " can open the file, not even you."
            )
        return "Accounts are kept in an encrypted file. Its passphrase is asked for once a session; Esc: later."

    def on_mount(self) -> None:
        self.query_one("#passphrase").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if self._is_new and event.input.id == "passphrase":
            self.focus_next()
        else:
            self._enter()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "open":
            self._enter()
        else:
            self.action_back()

    def _enter(self) -> None:
        typed, repeated = (self.query_one(f"#{name}", LineInput).value for name in ("passphrase", "repeated"))
        if self._is_new and typed != repeated:
            self.refused("the two are not the same")
            return
        self._say("opening …", wrong=False)
        self.post_message(self.Entered(Secret(typed), self))

    def refused(self, words: str) -> None:
        """It does not open the file, or cannot be chosen; it is typed anew."""
        self._say(words, wrong=True)
        for name in ("repeated", "passphrase"):
            field = self.query_one(f"#{name}", LineInput)
            field.value = ""
        # At once: what is typed next must not go where the focus was.
        self.set_focus(field)

    def _say(self, words: str, *, wrong: bool) -> None:
        static = self.query_one("#passphrase-words", Static)
        static.update(plain(words))
        static.set_class(wrong, "-wrong")

    def opened(self) -> None:
        self.dismiss(True)

    def action_back(self) -> None:
        self.dismiss(False)
