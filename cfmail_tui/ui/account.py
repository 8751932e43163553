"""Adds an account in three steps: the credential, which account it is for, and where it is to be kept.

Between them Cloudflare is asked what the credential is and may do. Only one that does nothing any more is refused;
whatever else it lacks, or that Cloudflare cannot be asked, is told and is no obstacle.

Invariant: nothing is chosen beforehand that would write anywhere but into the system's keyring.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, RadioButton, RadioSet, Static

from cfmail_tui.frozen import frozen
from cfmail_tui.inspection import Inspection, SeenAccount, What
from cfmail_tui.profile import Identity, Profile
from cfmail_tui.submission import Secret
from cfmail_tui.ui.commands import KeyBar, Where, bindings
from cfmail_tui.ui.fields import EndsOnce, Line, LineInput, Lines, plain
from cfmail_tui.ui.inspected import remarks, road, verdict

if TYPE_CHECKING:
    from cfmail_tui.outbox import Choice

Step = Literal["credential", "which", "keep"]

FIRST = "No account is set up yet. Cloudflare is asked about what you enter, then you choose where it is kept."
"""Why an account is asked for where there never was one."""

_HOW = (
    "It is made at dash.cloudflare.com/profile/api-tokens, with the permission Email Sending: Edit."
    " It is checked before it is kept, and kept where you say."
)
_TITLES: Final[dict[Step, str]] = {
    "credential": "Add an account: its API token",
    "which": "Add an account: which one",
    "keep": "Add an account: its name and place",
}
_MEANINGS: Final = {"keyring": ": nothing to type later", "memory": ": asked for again at the next start"}
"""What it means to keep a secret there, where the place does not say it by itself."""


@frozen
class Answer:
    """What Cloudflare and this machine say: the credential's state, where it can be kept, names that are taken."""

    inspection: Inspection
    choices: "tuple[Choice, ...]"
    name: str
    """What the account may be called, if nothing better is known."""
    taken: tuple[str, ...]


class Option(RadioButton):
    """A line that can be chosen; whether it is can be seen without colour."""

    BUTTON_LEFT = BUTTON_RIGHT = " "

    def __init__(self, label: Content, value: bool = False, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(label, value, id=id, compact=True)

    def _lines(self, width: int) -> list[Content]:
        self.BUTTON_INNER = "●" if self.value else "○"
        return [*Line(super().render(), 4).wrapped(width)]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's
        return len(self._lines(width))

    def render(self) -> Content:
        return Content("\n").join(self._lines(self.content_size.width))


class Options(RadioSet):
    """Lines of which one is chosen, by the arrows or a click; Enter says that it is right."""

    class Decided(Message):
        """The line chosen is the one wanted."""

    def _on_mount(self, event: events.Mount) -> None:
        # Before the base class does: it would go to the first line, chosen or not.
        super()._on_mount(event)
        event.prevent_default()
        if self.pressed_index >= 0:
            self._selected = self.pressed_index

    def action_next_button(self) -> None:
        super().action_next_button()
        self._choose()

    def action_previous_button(self) -> None:
        super().action_previous_button()
        self._choose()

    def action_toggle_button(self) -> None:
        self._choose()
        self.post_message(self.Decided())

    def _choose(self) -> None:
        if self.has_focus and self._selected is not None:
            cast("Option", self.children[self._selected]).value = True


class AccountScreen(ModalScreen[bool], EndsOnce[bool]):
    """Ends with True once an account can be used."""

    PLACES: tuple[Where, ...] = ("dialog", "everywhere")
    BINDINGS = bindings("dialog")

    @dataclass
    class CheckRequested(Message):
        """A credential was typed, perhaps with the account it is for; the answer goes to `screen`."""

        secret: Secret
        email: str
        account_id: str
        screen: "AccountScreen"

    @dataclass
    class AddRequested(Message):
        """The credential is to be used from now on, and kept as `profile` says; the answer goes to `screen`."""

        profile: Profile
        account_id: str
        secret: Secret
        email: str
        screen: "AccountScreen"

    def __init__(self, reason: str) -> None:
        super().__init__()
        self._reason = reason
        self._step: Step = "credential"
        self._account_id = ""
        self._doubted = ""
        """The account ID that Cloudflare said it does not know."""
        self._seen: tuple[SeenAccount, ...] = ()
        self._answer: Answer | None = None
        self._learned: tuple[Line, ...] = ()
        """What Cloudflare says of the credential, or why it could not be asked."""
        self._is_busy = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide") as dialog:
            dialog.border_title = _TITLES["credential"]
            with VerticalScroll(id="account-words", can_focus=False):
                yield Lines(id="account-reason")
            with Vertical(id="credential", classes="step"):
                yield from _line("secret", "API token", password=True)
                yield from _line("email", "E-mail", placeholder="only with an older global API key")
                yield Static(_HOW, classes="hint")
            with Vertical(id="which", classes="step"):
                yield Vertical(id="seen", classes="step")
                yield from _line("account-id", "Account ID")
            with Vertical(id="keep", classes="step"):
                yield from _line("name", "Name")
                yield Static(id="name-taken", classes="hint")
                yield from _line("sender", "From")
                yield Static(id="sender-how", classes="hint")
                yield Label("Keep it in", id="keep-label")
                yield Vertical(id="choices", classes="step")
            with Horizontal(classes="buttons"):
                yield Button("Go on", id="go-on", variant="success", compact=True)
                yield Button("Back", id="back", compact=True)
                yield Button("Cancel", id="cancel", compact=True)
        yield KeyBar(*self.PLACES)

    def on_mount(self) -> None:
        self._hint("name-taken", "")
        self._begin()

    def _begin(self) -> None:
        """The first step."""
        self._account_id = ""
        self._say(Line(plain(self._reason)))
        self._go_to("credential")

    def _go_to(self, step: Step) -> None:
        """Show this step alone."""
        self._step = step
        for name in ("credential", "which", "keep"):
            self.query_one(f"#{name}").display = name == step
        self.query_one(".dialog").border_title = _TITLES[step]
        self.query_one("#back").display = step != "credential"
        self.query_one("#go-on", Button).label = "Use it" if step == "keep" else "Go on"
        if step == "credential":
            self._field("secret").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id in {"email", "account-id"} or (event.input.id == "secret" and event.value):
            self._go_on()
        else:
            self.focus_next()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "name" and self._answer:
            taken = event.value.strip() in self._answer.taken
            words = "There is an account of this name: it is replaced." if taken else ""
            self._hint("name-taken", words)

    def on_radio_set_changed(self, event: RadioSet.Changed) -> None:
        if self._step == "which":
            self._field("account-id").value = self._seen[event.index].account_id

    def on_options_decided(self) -> None:
        self.query_one("#go-on").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "go-on":
                self._go_on()
            case "back":
                self.action_back()
            case _:
                self.dismiss(False)

    def _go_on(self) -> None:
        if self._is_busy:
            return
        secret, email = Secret(self._field("secret").value), self._field("email").value
        if self._step == "which":
            self._account_id = self._field("account-id").value.strip()
            if not self._account_id:
                wish = plain("choose the account, or type its ID").stylize("$text-error")
                self._say(*self._learned, Line(wish))
                self._field("account-id").focus()
                return
        if self._step == "keep":
            self._add(secret, email)
        else:
            self._say(Line(Content("asking Cloudflare …")))
            self._is_busy = True
            self.post_message(self.CheckRequested(secret, email, self._account_id, self))

    def checked(self, answer: Answer) -> None:
        """What Cloudflare says of the credential, and this machine of where it can be kept."""
        self._is_busy = False
        inspection = answer.inspection
        if inspection.token.has_ended:
            self.refused(f"{inspection.verdict.words}: {inspection.verdict.action}")
            self._go_to("credential")
            return
        self._answer = answer
        self._account_id = inspection.account_id
        self._learned = (verdict(inspection), *remarks(inspection), *road(inspection))
        self._say(*self._learned)
        is_news = self._account_id != self._doubted
        if self._step == "which" and is_news and inspection.remark(What.ACCOUNT):
            # A slip is mended where it was made; who means it goes on.
            self._doubted = self._account_id
            self._field("account-id").focus()
        elif self._account_id:
            self._show_keep(answer)
        else:
            self._show_which(inspection)

    def _show_which(self, inspection: Inspection) -> None:
        self._seen = inspection.accounts
        buttons = [Option(plain(account.name, 60)) for account in self._seen]
        place = self.query_one("#seen")
        place.remove_children()
        if buttons:
            place.mount(Options(*buttons, compact=True))
        self._go_to("which")
        if buttons:
            place.call_after_refresh(self._focus, "#seen Options")
        else:
            self._field("account-id").focus()

    def _show_keep(self, answer: Answer) -> None:
        ready = [domain.name for domain in answer.inspection.domains if domain.is_ready]
        if not self._field("name").value:
            known = [seen.name for seen in answer.inspection.accounts if seen.account_id == self._account_id]
            self._field("name").value = answer.name or _free(known[0] if known else "account", answer.taken)
        sender = self._field("sender")
        if ready and not sender.value:
            sender.value = f"@{ready[0]}"
        sender.cursor_position = 0
        offered = sender.value.startswith("@")
        self._hint("sender-how", "Write your name before the @, or leave it as it is." if offered else "")
        place = self.query_one("#choices")
        place.remove_children()
        place.mount(*_places(answer.choices))
        self._go_to("keep")
        if offered:
            sender.focus()
        else:
            place.call_after_refresh(self._focus, "#choices Options")

    def _focus(self, selector: str) -> None:
        for widget in self.query(selector):
            widget.focus()

    def _add(self, secret: Secret, email: str) -> None:
        chosen = self.query("#choices Options").last(Options).pressed_button
        if chosen is None:
            self.refused("choose where it is to be kept")
            return
        sender = self._field("sender").value.strip()
        # Only the domain stands there until somebody writes before it.
        identities = () if not sender or sender.startswith("@") else (Identity(sender),)
        kept_in = cast('Literal["keyring", "file", "memory"]', str(chosen.id))
        profile = Profile(self._field("name").value.strip(), kept_in, identities)
        self._is_busy = True
        self.post_message(self.AddRequested(profile, self._account_id, secret, email, self))

    def refused(self, words: str) -> None:
        """It could not be used; what was typed stays."""
        self._is_busy = False
        self._say(Line(plain(words)), wrong=True)

    def accepted(self) -> None:
        """It is used from now on; the secret does not stay in the field."""
        if self.is_attached:
            self._field("secret").value = ""
            self.dismiss(True)

    def _say(self, *lines: Line, wrong: bool = False) -> None:
        reason = self.query_one("#account-reason", Lines)
        reason.show(lines)
        reason.set_class(wrong, "-wrong")

    def _hint(self, name: str, words: str) -> None:
        hint = self.query_one(f"#{name}", Static)
        hint.update(plain(words))
        hint.display = bool(words)

    def _field(self, name: str) -> LineInput:
        return self.query_one(f"#{name}", LineInput)

    def action_back(self) -> None:
        """The step before, where what was typed still stands."""
        if self._is_busy or self._step == "credential":
            self.dismiss(False)
        else:
            self._begin()


def _line(name: str, label: str, *, password: bool = False, placeholder: str = "") -> Iterator[Horizontal]:
    field = LineInput(id=name, password=password, placeholder=placeholder)
    yield Horizontal(Label(label), field, classes="line")


def _places(choices: "tuple[Choice, ...]") -> Iterator[Options | Static]:
    """A line for each place a secret can be put in, and below them why some cannot be chosen."""
    offered = [choice for choice in choices if choice.is_offered and choice.kept_in != "command"]
    first = offered[0].kept_in if offered and offered[0].kept_in == "keyring" else "memory"
    buttons = [
        Option(plain(choice.words + _MEANINGS.get(choice.kept_in, "")), choice.kept_in == first, id=choice.kept_in)
        for choice in offered
    ]
    yield Options(*buttons, compact=True)
    for choice in choices:
        if not choice.is_offered and choice.kept_in != "command":
            yield Static(plain(choice.words), classes="hint")


def _free(name: str, taken: tuple[str, ...]) -> str:
    """The name, with a number if there is an account called so."""
    others = (f"{name} {number}" for number in range(2, len(taken) + 3))
    return next(free for free in (name, *others) if free not in taken)
