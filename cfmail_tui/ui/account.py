"""Adds an account in three steps: the credential, which account it is for, and where it is to be kept.

Between them Cloudflare is asked what the credential is and may do. Only one that does nothing any more is refused;
whatever else it lacks, or that Cloudflare cannot be asked, is told and is no obstacle.

Invariant: nothing is chosen beforehand that would write anywhere but into the system's keyring.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, RadioButton, RadioSet, Static

from cfmail_tui.inspection import Inspection, SeenAccount
from cfmail_tui.profile import Identity, Profile
from cfmail_tui.submission import Secret
from cfmail_tui.ui.commands import KeyBar, bindings
from cfmail_tui.ui.fields import EndsOnce, LineInput, plain
from cfmail_tui.ui.inspected import remarks, road, verdict

if TYPE_CHECKING:
    from cfmail_tui.outbox import Choice

Step = Literal["credential", "which", "keep"]

FIRST = "No account is set up yet. Cloudflare is asked about what you enter, then you choose where it is kept."
"""Why an account is asked for where there never was one."""

_HOW = (
    "A token with the permission Email Sending: Edit is made at dash.cloudflare.com/profile/api-tokens."
    " E-mail is only for the older global API key, typed in place of the token."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Cloudflare and this machine say: the credential's state, where it can be kept, names that are taken."""

    inspection: Inspection
    choices: "tuple[Choice, ...]"
    name: str
    """What the account may be called, if nothing better is known."""
    taken: tuple[str, ...]


class Line(RadioButton):
    """One of several; that it is chosen shows without colours as well."""

    @property
    def BUTTON_INNER(self) -> str:  # type: ignore[override]  # noqa: N802 - as Textual calls it
        return "\N{BLACK CIRCLE}" if self.value else " "


class Lines(RadioSet):
    """Lines of which one is chosen; Enter on it says that it is right."""

    def on_mount(self) -> None:
        # Later, as Textual's own handler, which comes after this one, starts at the first.
        self.call_later(self._start_at_choice)

    def _start_at_choice(self) -> None:
        if self.pressed_index >= 0:
            self._selected = self.pressed_index

    def action_toggle_button(self) -> None:
        if self.pressed_button and self._selected == self.pressed_index:
            self.post_message(self.Changed(self, self.pressed_button))
        else:
            super().action_toggle_button()


class AccountScreen(ModalScreen[bool], EndsOnce[bool]):
    """Ends with True once an account can be used."""

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
        self._seen: tuple[SeenAccount, ...] = ()
        self._answer: Answer | None = None
        self._learned = Content("")
        """What Cloudflare says of the credential, or why it could not be asked."""
        self._is_busy = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide") as dialog:
            dialog.border_title = "Add an account"
            with VerticalScroll(id="account-words", can_focus=False):
                yield Static(plain(self._reason), id="account-reason")
            with Vertical(id="credential", classes="step"):
                yield from _line("secret", "API token", password=True)
                yield from _line("email", "E-mail")
                yield Static(_HOW, classes="hint")
            with Vertical(id="which", classes="step"):
                yield Vertical(id="seen", classes="step")
                yield from _line("account-id", "Account ID")
            with Vertical(id="keep", classes="step"):
                yield from _line("name", "Name")
                yield Static(id="name-taken", classes="hint")
                yield from _line("sender", "From")
                yield Static(id="domains", classes="hint")
                yield Label("Keep it in", id="keep-label")
                yield Vertical(id="choices", classes="step")
            with Horizontal(classes="buttons"):
                yield Button("Go on", id="go-on", variant="success", compact=True)
                yield Button("Start again", id="again", compact=True)
                yield Button("Cancel", id="cancel", compact=True)
        yield KeyBar("dialog")

    def on_mount(self) -> None:
        self._hint("name-taken", "")
        self._go_to("credential")

    def _go_to(self, step: Step) -> None:
        """Show this step alone."""
        self._step = step
        for name in ("credential", "which", "keep"):
            self.query_one(f"#{name}").display = name == step
        self.query_one("#again").display = step != "credential"
        self.query_one("#go-on", Button).label = "Use it" if step == "keep" else "Go on"
        if step == "credential":
            self._account_id = ""
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
        self.query_one("#go-on").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "go-on":
                self._go_on()
            case "again":
                self._say(Content(""))
                self._go_to("credential")
            case _:
                self.action_back()

    def _go_on(self) -> None:
        if self._is_busy:
            return
        secret, email = Secret(self._field("secret").value), self._field("email").value
        if self._step == "which":
            self._account_id = self._field("account-id").value.strip()
            if not self._account_id:
                wish = plain("choose the account, or type its ID").stylize("$text-error")
                self._say(Content("\n").join([self._learned, wish]))
                return
        if self._step == "keep":
            self._add(secret, email)
        else:
            self._say(Content("asking Cloudflare …"))
            self._is_busy = True
            self.post_message(self.CheckRequested(secret, email, self._account_id, self))

    def checked(self, answer: Answer) -> None:
        """What Cloudflare says of the credential, and this machine of where it can be kept."""
        if not self.is_attached:
            return
        self._is_busy = False
        inspection = answer.inspection
        if inspection.token.has_ended:
            self.refused(f"{inspection.verdict.words}: {inspection.verdict.action}")
            self._go_to("credential")
            return
        self._answer = answer
        self._account_id = inspection.account_id
        self._learned = Content("\n").join([verdict(inspection), *remarks(inspection), *road(inspection)])
        self._say(self._learned)
        if self._account_id:
            self._show_keep(answer)
        else:
            self._show_which(inspection)

    def _show_which(self, inspection: Inspection) -> None:
        self._seen = inspection.accounts
        buttons = [Line(plain(account.name, 60), compact=True) for account in self._seen]
        place = self.query_one("#seen")
        place.remove_children()
        if buttons:
            place.mount(Lines(*buttons, compact=True))
        self._go_to("which")
        if buttons:
            place.call_after_refresh(self._focus, "#seen Lines")
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
        self._hint("domains", f"ready: {', '.join(ready)}" if ready else "")
        place = self.query_one("#choices")
        place.remove_children()
        place.mount(*_places(answer.choices))
        self._go_to("keep")
        if sender.value.startswith("@"):
            sender.focus()
        else:
            place.call_after_refresh(self._focus, "#choices Lines")

    def _focus(self, selector: str) -> None:
        for widget in self.query(selector):
            widget.focus()

    def _add(self, secret: Secret, email: str) -> None:
        chosen = self.query("#choices Lines").last(Lines).pressed_button
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
        if self.is_attached:
            self._is_busy = False
            self._say(plain(words), wrong=True)

    def accepted(self) -> None:
        """It is used from now on; the secret does not stay in the field."""
        if self.is_attached:
            self._field("secret").value = ""
            self.dismiss(True)

    def _say(self, words: Content, *, wrong: bool = False) -> None:
        reason = self.query_one("#account-reason", Static)
        reason.update(words)
        reason.set_class(wrong, "-wrong")

    def _hint(self, name: str, words: str) -> None:
        hint = self.query_one(f"#{name}", Static)
        hint.update(plain(words))
        hint.display = bool(words)

    def _field(self, name: str) -> LineInput:
        return self.query_one(f"#{name}", LineInput)

    def action_back(self) -> None:
        self.dismiss(False)


def _line(name: str, label: str, *, password: bool = False) -> Iterator[Horizontal]:
    line = Horizontal(Label(label), LineInput(id=name, password=password), classes="line")
    yield line


def _places(choices: "tuple[Choice, ...]") -> Iterator[Lines | Static]:
    """A line for each place a secret can be put in, and below them why some cannot be chosen."""
    offered = [choice for choice in choices if choice.is_offered and choice.kept_in != "command"]
    first = offered[0].kept_in if offered and offered[0].kept_in == "keyring" else "memory"
    buttons = [
        Line(plain(choice.words, 70), choice.kept_in == first, id=choice.kept_in, compact=True) for choice in offered
    ]
    yield Lines(*buttons, compact=True)
    for choice in choices:
        if not choice.is_offered and choice.kept_in != "command":
            yield Static(plain(choice.words), classes="hint")


def _free(name: str, taken: tuple[str, ...]) -> str:
    """The name, with a number if there is an account called so."""
    others = (f"{name} {number}" for number in range(2, len(taken) + 3))
    return next(free for free in (name, *others) if free not in taken)
