"""Everybody mail can be sent as: use one, add, check, make it the default, remove."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from cfmail_tui.inspection import Inspection
from cfmail_tui.profile import KeptIn
from cfmail_tui.ui.commands import KeyBar, Where, bindings
from cfmail_tui.ui.dialogs import ChoiceScreen, TextScreen
from cfmail_tui.ui.fields import EndsOnce, Line, Lines, fact, plain
from cfmail_tui.ui.inspected import details, missing_records
from cfmail_tui.ui.rows import RowList

if TYPE_CHECKING:
    from cfmail_tui.outbox import Listed

_EMPTY = "no account is set up: n adds one"

_STAYS: Final[dict[KeptIn, str]] = {
    "memory": "It is for this session only, and its secret kept nowhere.",
    "environment": "Its variables stay in the environment.",
    "command": "The password command stays in config.toml.",
}
"""What is not removed with an account."""


class AccountsScreen(EndsOnce[str]):
    """Ends with the name of the account to use, or None."""

    PLACES: tuple[Where, ...] = ("list", "accounts", "dialog", "everywhere")
    BINDINGS = bindings("accounts", "dialog")

    @dataclass
    class Requested(Message):
        """The list is wanted by `screen`."""

        screen: "AccountsScreen"

    @dataclass
    class AddRequested(Message):
        """The user wants another account."""

        screen: "AccountsScreen"

    @dataclass
    class InspectRequested(Message):
        """The user wants to know what the credential of an account may do."""

        name: str
        screen: "AccountsScreen"

    @dataclass
    class DefaultRequested(Message):
        """Mail is to be sent as this account when nobody says."""

        name: str
        screen: "AccountsScreen"

    @dataclass
    class RemoveRequested(Message):
        """The user wants this account forgotten."""

        name: str
        screen: "AccountsScreen"

    @dataclass
    class IdentityRequested(Message):
        """The user wants to change as whom mail of this account is written."""

        listed: "Listed"
        screen: "AccountsScreen"

    def __init__(self) -> None:
        super().__init__()
        self._in_use = ""
        self._said: dict[str, str] = {}
        self._inspected: dict[str, Inspection] = {}
        self._list: RowList[Listed] = RowList(self._described, id="accounts", empty="looking …")

    def compose(self) -> ComposeResult:
        title = Content.assemble(("Accounts", "bold"), "  ✓ sends this mail; Enter takes the one chosen")
        yield Static(title, id="accounts-title")
        with Container(classes="panes"):
            yield self._list
            with VerticalScroll(id="account-detail", can_focus=True):
                yield Lines(id="account-lines")
        yield KeyBar("accounts", "dialog", "everywhere")

    def on_mount(self) -> None:
        self._list.focus()
        self.refresh_list()

    def refresh_list(self) -> None:
        """Show the list as it is now."""
        if self.is_attached:
            self.post_message(self.Requested(self))

    def show(self, listed: "tuple[Listed, ...]", in_use: str) -> None:
        """The answer to a request; `in_use` sends the mail on the screen."""
        self._in_use = in_use
        self._list.when_empty(_EMPTY)
        self._list.show(listed)

    def not_listed(self, words: str) -> None:
        self.query_one("#account-lines", Lines).show([Line(plain(words))])

    def on_row_list_highlighted(self) -> None:
        self._show_detail()
        self.refresh_bindings()

    def _show_detail(self) -> None:
        lines = () if self._list.current is None else self._detail(self._list.current)
        self.query_one("#account-lines", Lines).show(lines)

    def _detail(self, listed: "Listed") -> Iterator[Line]:
        name = listed.profile.name
        if said := self._said.get(name):
            yield Line(plain(said).stylize("bold"))
        if listed.problem:
            yield Line(Content.assemble(("✗ ", "$text-error bold"), plain(listed.problem)), 2)
        for identity in listed.profile.identities:
            yield fact("From", identity.sender)
            if identity.reply_to:
                yield fact("Reply-To", identity.reply_to)
            if signature := identity.signature.strip():
                yield fact("Signature", " / ".join(signature.splitlines()))
        if listed.profile.identities:
            yield Line(Content(""))
        if inspection := self._inspected.get(name):
            yield from details(inspection)
        elif not said:
            yield Line(Content.styled("c asks Cloudflare what it may do.", "$foreground-muted"))

    def say(self, name: str, words: str) -> None:
        """Something about this account, above its detail."""
        self._said[name] = words
        self._show_detail()

    def show_inspection(self, name: str, inspection: Inspection) -> None:
        """What was learned of this account."""
        self._inspected[name] = inspection
        self._said.pop(name, None)
        self._show_detail()
        self.refresh_bindings()

    def _described(self, listed: "Listed") -> str:
        profile = listed.profile
        mark = "✓" if profile.name == self._in_use else " "
        default = "default" if profile.is_default else ""
        fault = "✗ see below" if listed.problem else ""
        return f"{mark} {_cut(profile.name, 20):<20}  {default:<7}  {_cut(listed.source, 26):<26}  {fault}".rstrip()

    def on_row_list_selected(self) -> None:
        if self._list.current:
            self.dismiss(self._list.current.profile.name)

    def action_add(self) -> None:
        self.post_message(self.AddRequested(self))

    def action_check(self) -> None:
        if self._list.current:
            name = self._list.current.profile.name
            self._inspected.pop(name, None)
            self.say(name, "asking Cloudflare …")
            self.post_message(self.InspectRequested(name, self))

    def action_default(self) -> None:
        if self._list.current:
            self.post_message(self.DefaultRequested(self._list.current.profile.name, self))

    def action_identity(self) -> None:
        if self._list.current:
            self.post_message(self.IdentityRequested(self._list.current, self))

    def action_records(self) -> None:
        if records := self._records():
            self.app.copy_to_clipboard(records)
            self.app.push_screen(TextScreen("DNS records to add, copied if your terminal lets it", records))

    def _records(self) -> str:
        name = self._list.current.profile.name if self._list.current else ""
        return missing_records(self._inspected[name]) if name in self._inspected else ""

    def action_remove(self) -> None:
        if self._list.current is None:
            return
        profile = self._list.current.profile
        name = profile.name

        def answered(answer: str | None) -> None:
            if answer == "remove":
                self.post_message(self.RemoveRequested(name, self))

        secret = _STAYS.get(profile.kept_in, f"Its secret is removed from where it is: {self._list.current.source}.")
        question = f"Forget the account “{name}”?\n{secret}"
        self.app.push_screen(ChoiceScreen(question, {"keep": "Keep it", "remove": "Forget it"}), answered)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Records can be copied where some are known to be missing."""
        if action == "records":
            return bool(self._records())
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        self.dismiss(None)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
