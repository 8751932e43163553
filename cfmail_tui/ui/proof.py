"""The preview of a mail: as its readers see it, as the message that would be built, as the request body."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widgets import Static

from cfmail_tui.frozen import frozen
from cfmail_tui.message import Draft
from cfmail_tui.ui.commands import KeyBar, Where, bindings
from cfmail_tui.ui.fields import Body, EndsOnce, plain

if TYPE_CHECKING:
    from cfmail_tui.outbox import Proof

_SHOWN: Final = 128 * 1024
"""Characters of one form that are shown."""


@frozen
class Form:
    """One form of the mail: its name, what it looks like, words about it."""

    name: str
    text: str
    words: str
    is_read: bool = False
    """Whether it is what readers see, in lines as long as theirs."""


class ProofForms(Static):
    """The first line: the forms by name, of which one is shown; a click shows another."""

    class Pressed(Message):
        """The user wants the form of this number."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def show(self, forms: tuple[Form, ...], shown: int) -> None:
        parts: list[Content | tuple[str, str]] = [("Preview", "bold"), ("  ", "")]
        for number, form in enumerate(forms):
            style = "bold reverse" if number == shown else "$foreground-muted"
            parts.append(Content.styled(f" {form.name} ", style).stylize(Style.from_meta({"form": number})))
        self.update(Content.assemble(*parts))

    def on_click(self, event: events.Click) -> None:
        if (number := event.style.meta.get("form")) is not None:
            self.post_message(self.Pressed(number))


class ProofScreen(EndsOnce[None]):
    """Shows a mail in its forms, one at a time."""

    PLACES: tuple[Where, ...] = ("proof", "dialog", "everywhere")
    BINDINGS = bindings("proof", "dialog")

    @dataclass
    class BrowserRequested(Message):
        """The user wants to see the HTML body of this mail in a browser."""

        draft: Draft
        screen: "ProofScreen"

    def __init__(self, proof: "Proof", draft: Draft) -> None:
        super().__init__()
        self._draft = draft
        self._forms = forms(proof)
        self._shown = 0
        self._names = ProofForms("", id="proof-title", markup=False)
        self._words = Static("", id="proof-words", markup=False)
        self._text = Body(id="proof-text", read_only=True)

    def compose(self) -> ComposeResult:
        yield self._names
        yield self._words
        with Vertical(id="proof-panes"):
            yield self._text
        yield KeyBar(*self.PLACES)

    def on_mount(self) -> None:
        # What there is no body for is not what one wants to see first.
        self._show(next((at for at, form in enumerate(self._forms) if form.text), 0))
        self._text.focus()

    def _show(self, number: int) -> None:
        self._shown = number
        form = self._forms[number]
        self._names.show(self._forms, number)
        self.say(form.words)
        self._text.set_class(form.is_read, "-read")
        self._text.load_text(form.text[:_SHOWN])
        self._text.scroll_home(animate=False)

    def say(self, words: str) -> None:
        """Words above what is shown."""
        self._words.update(plain(words))

    def on_proof_forms_pressed(self, event: ProofForms.Pressed) -> None:
        self._show(event.number)

    def action_turn(self, by: int) -> None:
        self._show((self._shown + by) % len(self._forms))

    def action_browser(self) -> None:
        if (self._draft.html + self._draft.markdown).strip():
            self.say("Your browser is being opened…")
            self.post_message(self.BrowserRequested(self._draft, self))
        else:
            self.say("There is no HTML body to be opened.")

    def action_back(self) -> None:
        self.dismiss()


def forms(proof: "Proof") -> tuple[Form, ...]:
    """A mail in its forms."""
    cannot = f"It cannot be sent yet:\n{proof.hindrances}"
    return (
        Form("Text", proof.text, _about(proof.text, "For who reads no HTML.", "There is no text body."), is_read=True),
        Form(
            "HTML",
            proof.html_as_text,
            _about(proof.html_as_text, "The HTML body as text; o opens it in your browser.", "There is no HTML body."),
            is_read=True,
        ),
        Form("Message", proof.message, _about(proof.message, "The message that Cloudflare would build.", "")),
        Form("Request", proof.wire, _about(proof.wire, "The request body as it will leave.", cannot)),
    )


def _about(text: str, words: str, otherwise: str) -> str:
    if not text:
        return otherwise
    return f"{words} Its first {_SHOWN // 1024} KiB are shown." if len(text) > _SHOWN else words
