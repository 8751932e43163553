"""The one table of commands: bindings, palette, footer, help screen and the tables of docs/keys.md come from it."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from textual.actions import parse
from textual.binding import Binding, BindingsMap, BindingType
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widgets import Static

from cfmail_tui.frozen import frozen
from cfmail_tui.ui.keyboard import shown

if TYPE_CHECKING:
    from textual.app import App

Where = Literal[
    "everywhere",
    "composer",
    "form",
    "raw",
    "raw-panes",
    "leaving",
    "findings",
    "completion",
    "review",
    "review-draft",
    "review-form",
    "proof",
    "list",
    "drafts",
    "history",
    "unknown",
    "chart",
    "picker",
    "marks",
    "attached",
    "accounts",
    "outcome",
    "snippet",
    "dialog",
]

PLACE_NAMES: Mapping[Where, str] = {
    "everywhere": "everywhere",
    "composer": "form and raw editor",
    "form": "form",
    "raw": "raw editor",
    "raw-panes": "raw editor, parts and findings",
    "leaving": "form and raw editor, while a mail is about to leave",
    "findings": "list of findings",
    "completion": "recipients, while known ones are listed",
    "proof": "preview",
    "review": "review",
    "review-draft": "review of a draft",
    "review-form": "review of a form",
    "list": "lists",
    "history": "history",
    "unknown": "history, of an unknown outcome or queued recipients",
    "chart": "chart",
    "drafts": "drafts",
    "picker": "attach and open screens",
    "marks": "attach screen",
    "attached": "attach screen, of what is attached",
    "accounts": "accounts",
    "outcome": "outcome",
    "snippet": "text to copy",
    "dialog": "dialogs, lists",
}
"""Where that is, in words."""


@frozen
class Command:
    """Something the user can do; `id` is stable, `keys` as Textual names them, the first shown first."""

    id: str
    keys: str
    action: str
    label: str
    help: str
    where: Where
    footer: bool = False


COMMANDS = (
    Command("help", "f1,ctrl+g", "app.help", "Help", "What can be done where you are", "everywhere", footer=True),
    Command(
        "palette", "f2,ctrl+p", "app.command_palette", "Commands", "Find a command by name", "everywhere", footer=True
    ),
    Command("attach", "f3,ctrl+f", "attach", "Attach", "Attach a file, or remove one", "form", footer=True),
    Command("open", "f3", "open", "Open", "Open a message: a file, an mbox, a Maildir", "raw", footer=True),
    Command("editor", "f4", "editor", "Editor", "Edit the text in your $EDITOR", "composer"),
    Command("fields", "f6", "more_fields", "Fields", "Show or hide Cc, Bcc, Reply-To and headers", "form", footer=True),
    Command("proof", "f5", "proof", "Preview", "The mail as it is read, and as it will leave", "form", footer=True),
    Command(
        "panes",
        "f5",
        "next_pane",
        "Parts",
        "From the source to its parts, to the findings, and back",
        "raw",
        footer=True,
    ),
    Command("fix", "f6", "fix", "Fix", "Make the fix of the finding that is chosen", "raw", footer=True),
    Command("find-text", "ctrl+f", "find", "Find", "Find and replace in the source", "raw"),
    Command("fold", "f10", "fold", "Fold", "Show a folded body as it stands, or fold it", "raw"),
    Command("findings", "f12", "findings", "Findings", "To what is found in the mail, and back", "form"),
    Command("drafts", "f7", "app.drafts", "Drafts", "Unfinished mails", "composer", footer=True),
    Command("history", "f8", "app.history", "History", "What was sent, and what became of it", "composer", footer=True),
    Command("review", "f9,ctrl+r", "review", "Send", "Review the mail, then send it", "composer", footer=True),
    Command("html", "f10", "switch_body", "Text/HTML", "Text, HTML beside it, or Markdown that makes both", "form"),
    Command("markdown", "", "markdown", "Markdown", "Write the mail in Markdown", "form"),
    Command("put-text", "ctrl+z", "put_text", "As text", "A path just pasted is text, not a file to attach", "form"),
    Command(
        "raw", "ctrl+t", "app.switch_raw", "Raw", "The MIME that the form makes; of a raw message the form", "composer"
    ),
    Command("templates", "ctrl+l", "app.templates", "Templates", "Begin a raw message with an example", "composer"),
    Command("save", "ctrl+s", "save", "Save", "Save the draft now; it is saved as you type anyway", "composer"),
    Command("save-as", "", "save_as", "Save as", "Save the mail as a file, for git and cfmail send", "form"),
    Command("new", "ctrl+n", "app.new", "New", "A new mail; this one stays in the drafts", "composer"),
    Command("cancel", "ctrl+c", "app.cancel_sending", "Cancel", "Stop the mail that is being sent", "composer"),
    Command(
        "outcome", "ctrl+o", "app.outcome", "Outcome", "What became of the last mail, what can be done", "composer"
    ),
    Command("take-back", "u", "take_back", "Take back", "Take back the mail that is about to leave", "leaving"),
    Command("account", "f11", "app.account", "Accounts", "Who mail is sent as: choose, add, check, remove", "composer"),
    Command("redraw", "ctrl+backslash", "app.redraw", "Redraw", "Write the whole screen anew", "everywhere"),
    Command("fix-finding", "f", "fix_finding", "Fix", "Make the fix of the chosen finding", "findings"),
    Command("unfix", "u", "unfix", "Undo", "Take the last fix back", "findings"),
    Command("suggestion", "down", "suggestion(1)", "Next", "Into the list of known recipients, and down", "completion"),
    Command("suggestion-before", "up", "suggestion(-1)", "Before", "Up in the list of known recipients", "completion"),
    Command(
        "suggestion-take",
        "enter,tab",
        "take",
        "Take",
        "Put in the recipient that an arrow key chose; before one was pressed they do what they always do",
        "completion",
    ),
    Command("suggestion-close", "escape,f12", "close", "Close", "Close the list of known recipients", "completion"),
    Command(
        "jump", "ctrl+slash,ctrl+underscore", "app.jump", "Jump", "To any field or pane by its letter", "everywhere"
    ),
    Command("quit", "ctrl+q", "app.quit", "Quit", "Leave; the draft is saved", "everywhere"),
    Command("send", "y", "send", "Send", "Send the mail", "review", footer=True),
    Command("edit", "e,q,escape,f12", "back", "Edit", "Back to the mail", "review"),
    Command(
        "review-attach",
        "a,d",
        "leave_to('attach')",
        "Attach",
        "Attach a file or remove one",
        "review-form",
        footer=True,
    ),
    Command(
        "review-headers", "h", "leave_to('headers')", "Headers", "Edit the header fields", "review-form", footer=True
    ),
    Command("test", "t", "test", "Test", "Send it to its author only, to look at it", "review", footer=True),
    Command("copy-as", "c", "copy", "Copy", "Copy it as curl, Python, Go or wrangler", "review", footer=True),
    Command("review-findings", "i", "findings", "Findings", "To what is found in the mail", "review-draft"),
    Command("review-proof", "v", "proof", "Preview", "The mail as it is read, and as it will leave", "review-form"),
    Command("wire", "m", "wire_body", "Wire body", "The request body as it will leave", "review"),
    Command(
        "postpone",
        "p",
        "leave_to('postpone')",
        "Postpone",
        "Keep the draft, start a new mail",
        "review-draft",
        footer=True,
    ),
    Command("proof-next", "f5,right", "turn(1)", "Next", "The mail in its next form", "proof", footer=True),
    Command("proof-before", "left", "turn(-1)", "Before", "The mail in the form before", "proof"),
    Command("browser", "o", "browser", "Browser", "Open the HTML body in your browser", "proof", footer=True),
    Command("select", "enter", "select", "Open", "Open the line", "list"),
    Command("down", "j,down", "cursor_down", "Down", "Next line", "list"),
    Command("up", "k,up", "cursor_up", "Up", "Line before", "list"),
    Command("page-down", "pagedown", "page_down", "Page down", "A page down", "list"),
    Command("page-up", "pageup", "page_up", "Page up", "A page up", "list"),
    Command("first", "home", "scroll_home", "First", "First line", "list"),
    Command("last", "end", "scroll_end", "Last", "Last line", "list"),
    Command("source", "escape,f12", "to_source", "Source", "Back to the source", "raw-panes"),
    Command("undo-source", "ctrl+z", "undo", "Undo", "Take back the last change of the source", "raw-panes"),
    Command("search", "slash", "search", "Search", "Search subject, people, text and files", "history", footer=True),
    Command("reopen", "o", "reopen", "Draft", "Open the mail as a new draft", "history", footer=True),
    Command(
        "to-the-failed-again",
        "f",
        "to_the_failed",
        "Failed",
        "Open it as a new draft to those who certainly did not get it",
        "history",
        footer=True,
    ),
    Command(
        "arrived", "i", "settle(True)", "Arrived", "Of an unknown outcome: the mail arrived", "unknown", footer=True
    ),
    Command(
        "lost",
        "n",
        "settle(False)",
        "Did not",
        "Of an unknown outcome: the mail did not arrive",
        "unknown",
        footer=True,
    ),
    Command(
        "find",
        "l",
        "find",
        "Look up",
        "Of an unknown outcome or queued recipients: look in Cloudflare's records",
        "unknown",
        footer=True,
    ),
    Command("again", "s", "again", "Again", "Send the very same mail once more", "history", footer=True),
    Command("save-eml", "w", "save_eml", "Save", "Save the mail as an .eml file", "history"),
    Command("copy-sent", "c", "copy", "Copy", "Copy it as curl, Python, Go or wrangler", "history"),
    Command("delete-mail", "d,delete", "delete", "Delete", "Delete the mail from the history", "history", footer=True),
    Command("restore-mail", "u", "restore", "Undo", "Bring the deleted mail back", "history", footer=True),
    Command("export", "x", "export", "Export", "Write what is found to a file, CSV or JSON Lines", "history"),
    Command("chart", "g", "chart", "Chart", "Sends and outcomes by day and by account", "history"),
    Command("period", "p", "period", "Period", "30 days, 12 weeks or 12 months", "chart", footer=True),
    Command("retry", "s", "send", "Send now", "Send a mail that waits to be tried again", "drafts", footer=True),
    Command("delete", "d,delete", "delete", "Delete", "Delete the draft", "drafts", footer=True),
    Command("restore", "u", "restore", "Undo", "Bring the deleted draft back", "drafts", footer=True),
    Command(
        "mark",
        "space,insert",
        "mark",
        "Mark",
        "Attach the file under the cursor, or take it off the mail (in a path that is typed, Space is a blank)",
        "marks",
        footer=True,
    ),
    Command("mark-shown", "f4,asterisk", "mark_shown", "All", "Mark all files that are shown", "marks", footer=True),
    Command(
        "picker-preview", "f5,ctrl+l", "preview", "Preview", "Show what is in the file, or not", "picker", footer=True
    ),
    Command("picker-sort", "f6", "sort", "Sort", "Sort by name, time, size or type", "picker", footer=True),
    Command(
        "places", "f7", "places", "Places", "Home, working directory, recent folders and files", "picker", footer=True
    ),
    Command("hidden", "f8,full_stop", "hidden", "Hidden", "Show hidden files, or not", "picker", footer=True),
    Command("clipboard", "f10", "clipboard", "Clipboard", "Attach the image or text in the clipboard", "marks"),
    Command("parent", "backspace,left", "parent", "Up", "The folder above, when no path is typed", "picker"),
    Command("filter", "slash", "filter", "Filter", "Type into the path line", "picker"),
    Command("remove", "d,delete", "remove", "Remove", "Take the file off the mail", "attached", footer=True),
    Command(
        "inline", "i", "inline", "Inline or not", "Show it in the HTML body, or attach it", "attached", footer=True
    ),
    Command("describe", "e", "describe", "Edit", "Its file name, media type and content-id", "attached", footer=True),
    Command(
        "refer", "c", "refer", "Into HTML", "Make it inline and put it into the HTML body", "attached", footer=True
    ),
    Command("raise", "K,shift+up", "raise", "Up", "Send it before the one above", "attached", footer=True),
    Command("lower", "J,shift+down", "lower", "Down", "Send it after the one below", "attached", footer=True),
    Command(
        "undo", "u,ctrl+z", "undo", "Undo", "Take back the last change of what is attached", "attached", footer=True
    ),
    Command("account-add", "n", "add", "New", "Add an account", "accounts", footer=True),
    Command("account-check", "c", "check", "Check", "Ask Cloudflare what the account may do", "accounts", footer=True),
    Command("account-default", "m", "default", "Default", "Use it when nobody says which", "accounts", footer=True),
    Command("account-identity", "e", "identity", "From", "Its From, Reply-To and signature", "accounts", footer=True),
    Command(
        "account-records", "r", "records", "Records", "Copy the DNS records that are missing", "accounts", footer=True
    ),
    Command("account-remove", "d,delete", "remove", "Remove", "Forget an account", "accounts", footer=True),
    Command(
        "look", "l", "look", "Look up", "Ask Cloudflare about the suppressed and the queued", "outcome", footer=True
    ),
    Command(
        "to-the-failed",
        "s",
        "to_the_failed",
        "To failed",
        "A new draft to those it did not reach",
        "outcome",
        footer=True,
    ),
    Command(
        "to-the-rest",
        "x",
        "to_the_rest",
        "To the rest",
        "Drop who is suppressed, review it to the others",
        "outcome",
        footer=True,
    ),
    Command(
        "off-the-list",
        "d,delete",
        "off_the_list",
        "Off the list",
        "Take the address off the suppression list",
        "outcome",
        footer=True,
    ),
    Command("copy-outcome", "c", "copy", "Copy", "Copy the outcome as text", "outcome", footer=True),
    Command("to-history", "h", "to_history", "History", "Open it in the history", "outcome", footer=True),
    Command("copy-text", "c", "copy", "Copy", "Copy it to the clipboard", "snippet", footer=True),
    Command("write-text", "w", "to_path", "Write", "Write it to a file (Enter in its path)", "snippet", footer=True),
    Command("next-tool", "n,right", "next_tool", "Next", "The same for the next tool", "snippet", footer=True),
    Command("back", "escape,f12", "back", "Back", "Back to where you were", "dialog", footer=True),
)

OPENING = frozenset(
    {
        "help",
        "command_palette",
        "attach",
        "open",
        "drafts",
        "history",
        "review",
        "switch_raw",
        "new",
        "quit",
        "editor",
        "again",
        "reopen",
        "templates",
        "account",
        "add",
        "identity",
        "describe",
        "to_the_failed",
        "chart",
        "save_as",
        "save_eml",
        "export",
        "outcome",
        "copy",
        "proof",
        "jump",
    }
)
"""Actions that show another screen or mail: keys typed right after them are meant for that."""


_BEFORE_FIELDS: frozenset[Where] = frozenset(
    {"everywhere", "composer", "form", "completion", "raw", "history", "unknown", "picker", "marks", "proof"}
)
"""Where keys come first to the screen that a text field would take for itself."""


def commands(*places: Where) -> Iterator[Command]:
    """The commands of these places, in the table's order."""
    return (command for command in COMMANDS if command.where in places)


def bindings(*places: Where) -> list[BindingType]:
    """Bindings for a screen; keys that a text field would take for itself come first to the screen."""
    return [
        Binding(
            command.keys or _NO_KEY,
            command.action,
            command.label,
            show=command.footer,
            priority=command.where in _BEFORE_FIELDS,
            tooltip=command.help,
            id=command.id,
        )
        for command in commands(*places)
    ]


_NO_KEY = "no key"
"""Where a binding has none, for the user to give it one: no keyboard has this."""


@frozen
class Keymap:
    """Which keys run which command."""

    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By their ids, the keys of commands that have others than the table says; of some none."""
    notices: tuple[str, ...] = ()
    """What of the user's wishes cannot be, and why."""

    def of(self, command: Command) -> tuple[str, ...]:
        """The keys of a command, the first to be shown first."""
        return self.keys.get(command.id, table_keys(command))

    def names(self, command: Command) -> str:
        """They, as people write them."""
        return ", ".join(map(shown, self.of(command)))

    def first(self, command_id: str) -> str:
        """The key to speak of where somebody is told what to press."""
        keys = self.of(_BY_ID[command_id])
        return shown(keys[0]) if keys else f"F2 {_BY_ID[command_id].label}"

    def applied(self, bindings: BindingsMap) -> BindingsMap:
        """These bindings on these keys; what the user chose comes before whatever else has the key."""
        before = [binding for _, binding in bindings]
        chosen = {binding.id: binding for binding in before if binding.id in self.keys}
        on_keys: dict[str, list[Binding]] = {}
        for command_id, binding in chosen.items():
            for key in self.keys[command_id or ""] or (_NO_KEY,):
                on_keys.setdefault(key, []).append(binding.with_key(key))
        for binding in before:
            if binding.id not in chosen:
                on_keys.setdefault(binding.key, []).append(binding)
        return BindingsMap.from_keys(on_keys)


def keymap_of(app: "App[Any]") -> Keymap:
    """The keys that this app goes by."""
    keymap: Keymap = getattr(app, "keymap", _TABLE)
    return keymap


_TABLE = Keymap()
_BY_ID = {command.id: command for command in COMMANDS}


def table_keys(command: Command) -> tuple[str, ...]:
    """The keys that the table gives a command."""
    return tuple(filter(None, command.keys.split(",")))


def key_names(command: Command) -> str:
    """They, as people write them."""
    return _TABLE.names(command)


class KeyBar(Static):
    """The last line: the keys that matter where you are, each of which can be clicked."""

    drawn_at = math.inf
    """When it was first drawn, by the clock of messages."""

    def __init__(self, *places: Where) -> None:
        super().__init__(id="key-bar")
        self._commands: list[Command] = []
        self.show(*places)

    def show(self, *places: Where) -> None:
        """The keys of these places."""
        self._commands = [command for command in commands(*places) if command.footer]
        if self.is_attached:
            self.refresh()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render(self) -> Content:
        self.drawn_at = min(self.drawn_at, Message().time)
        parts: list[Content | tuple[str, Style]] = []
        keymap = keymap_of(self.app)
        keys = {command.id: keymap.of(command) for command in self._commands}
        for command in sorted(self._commands, key=lambda command: _function_number(keys[command.id])):
            if not (keys[command.id] and self._works(command)):
                continue
            click = Style.from_meta({"@click": command.action if "." in command.action else f"screen.{command.action}"})
            parts.append((shown(keys[command.id][0]), Style(reverse=True) + click))
            parts.append((f" {command.label} ", click))
        return Content.assemble(" ", *parts)

    def _works(self, command: Command) -> bool:
        place, name, parameters = parse(command.action)
        return (self.app if place == "app" else self.screen).check_action(name, parameters) is not False


def _function_number(keys: tuple[str, ...]) -> int:
    """Letters stand first, then function keys in their order."""
    match = re.match(r"f(\d+)", keys[0]) if keys else None
    return int(match[1]) if match else 0
