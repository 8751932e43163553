"""What became of one mail, and what can be done about it: recipient by recipient."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.style import Style
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from cfmail_tui.message import printable
from cfmail_tui.submission import Accepted, Attempt, Fate, kept_back
from cfmail_tui.suppressions import Barred, Suppression
from cfmail_tui.ui.commands import KeyBar, Where, bindings
from cfmail_tui.ui.fates import RecipientRow, bar, headline, recipient_rows, told
from cfmail_tui.ui.fields import EndsOnce, fact, plain
from cfmail_tui.ui.rows import RowList

Wish = Literal["look", "off the list", "to the failed", "to the rest", "copy", "history"]

_ADDRESS = 34


class RecipientList(RowList[RecipientRow]):
    """The recipients, each in the colour of its state."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"recipients--reached", "recipients--open", "recipients--failed"}

    def item_style(self, item: RecipientRow) -> Style:
        match item.fate:
            case Fate.DELIVERED:
                name = "reached"
            case Fate.QUEUED | Fate.UNREPORTED:
                name = "open"
            case None if not item.words:
                return Style()
            case _:
                name = "failed"
        return self.get_component_rich_style(f"recipients--{name}", partial=True)


class OutcomeScreen(EndsOnce[None]):
    """The recipients of a mail, with what is known of each."""

    PLACES: tuple[Where, ...] = ("list", "outcome", "dialog", "everywhere")
    BINDINGS = bindings("outcome", "dialog")

    @dataclass
    class Wanted(Message):
        """The user wants something done; `entry` is what is to go off the suppression list."""

        wish: Wish
        screen: "OutcomeScreen"
        entry: Suppression | None = None

    def __init__(self, attempt: Attempt, barred: Barred | None = None) -> None:
        """`barred` is what the suppression list has of its recipients, None where nobody looked yet."""
        super().__init__()
        self.attempt = attempt
        self.barred = barred
        self._list: RowList[RecipientRow] = RecipientList(self._described, id="recipients", empty="nobody")

    def compose(self) -> ComposeResult:
        yield Static(id="outcome-title")
        yield Static(id="outcome-head")
        yield self._list
        with VerticalScroll(id="recipient-detail", can_focus=False):
            yield Static(id="outcome-said")
            yield Static(id="recipient-lines")
        yield KeyBar(*self.PLACES)

    def on_mount(self) -> None:
        self._list.focus()
        self._show()
        if self.barred is None and kept_back(self.attempt):
            self._look()

    def learned(self, attempt: Attempt, barred: Barred | None, words: str = "") -> None:
        """News: the attempt as it stands now, and what the suppression list has."""
        if self.is_attached:
            self.attempt = attempt
            self.barred = barred if barred is not None else self.barred
            self._show()
            self.say(words)

    def say(self, words: str) -> None:
        """Something about what was asked for."""
        if self.is_attached:
            said = self.query_one("#outcome-said", Static)
            said.update(plain(words).stylize("bold"))
            said.display = bool(words)

    def _show(self) -> None:
        attempt = self.attempt
        title = Content.assemble((headline(attempt), "bold"), plain(f"  {attempt.submission.subject}"))
        self.query_one("#outcome-title", Static).update(title)
        is_accepted = isinstance(attempt.outcome, Accepted)
        head = bar(attempt) if is_accepted else told(attempt, self.barred, way="x drops")
        self.query_one("#outcome-head", Static).update(head)
        self._list.show(recipient_rows(attempt, self.barred))
        self.refresh_bindings()

    def _described(self, row: RecipientRow) -> str:
        width = min(_ADDRESS, max(map(len, self.attempt.submission.envelope.recipients)))
        address = row.address if len(row.address) <= width else f"{row.address[: width - 1]}…"
        return f"{row.mark} {row.state:<11}{address:<{width}}  {row.time:<8}  {row.words}"

    def on_row_list_highlighted(self) -> None:
        row = self._list.current
        if row is None:
            return
        when = row.at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if row.at else ""
        facts = [("Recipient", row.address), ("State", row.state), ("Since", when), ("", row.words)]
        if self.barred and self.barred.remark:
            facts.append(("List", f"{self.barred.remark.words}; {self.barred.remark.action}"))
        lines = [fact(name, told).words for name, told in facts if told]
        self.query_one("#recipient-lines", Static).update(Content("\n").join(lines))
        self.refresh_bindings()

    def on_row_list_selected(self) -> None:
        if self.check_action("look", ()):
            self._look()

    def _want(self, wish: Wish, entry: Suppression | None = None) -> None:
        self.post_message(self.Wanted(wish, self, entry))

    def _look(self) -> None:
        self.say("asking Cloudflare …")
        self._want("look")

    def action_look(self) -> None:
        self._look()

    def action_off_the_list(self) -> None:
        if entry := self._entry():
            self._want("off the list", entry)

    def action_to_the_failed(self) -> None:
        self._want("to the failed")

    def action_to_the_rest(self) -> None:
        self._want("to the rest")

    def action_copy(self) -> None:
        self._want("copy")

    def action_to_history(self) -> None:
        self._want("history")

    def action_back(self) -> None:
        self.dismiss()

    def _entry(self) -> Suppression | None:
        """What the recipient under the cursor could be taken off."""
        row = self._list.current
        about = self.barred.about(row.address) if self.barred and row else ()
        return next((entry for entry in about if not entry.is_fixed), None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done with this outcome is offered."""
        match action:
            case "look":
                return bool(kept_back(self.attempt) or self.attempt.queued)
            case "off_the_list":
                return self._entry() is not None
            case "to_the_failed":
                return bool(self.attempt.failed)
            case "to_the_rest":
                return not isinstance(self.attempt.outcome, Accepted) and bool(self.rest) and bool(self.dropped)
        return super().check_action(action, parameters)

    @property
    def dropped(self) -> tuple[str, ...]:
        """Who keeps the mail from being sent."""
        return self.barred.addresses if self.barred else ()

    @property
    def rest(self) -> tuple[str, ...]:
        """Who could get it."""
        return tuple(one for one in self.attempt.submission.envelope.recipients if one not in self.dropped)


def as_text(attempt: Attempt, barred: Barred | None) -> str:
    """The outcome as a text to be pasted elsewhere."""
    lines = [attempt.submission.subject or "(no subject)", headline(attempt)]
    if not isinstance(attempt.outcome, Accepted):
        lines += told(attempt, barred, way="x drops").plain.split("\n")
    for row in recipient_rows(attempt, barred):
        lines.append("  ".join(filter(None, (f"{row.state:<10}", row.address, row.time, row.words))))
    return "\n".join(printable(line, 400).rstrip() for line in lines) + "\n"
