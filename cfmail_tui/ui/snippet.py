"""A text to take along: copied to the clipboard, or written to a file where the terminal does not let it through."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from cfmail_tui.snippets import Snippet
from cfmail_tui.submission import Attempt
from cfmail_tui.ui.commands import KeyBar, Where, bindings
from cfmail_tui.ui.fields import Body, EndsOnce, LineInput, plain

if TYPE_CHECKING:
    from cfmail_tui.outbox import Reviewed


class SnippetScreen(ModalScreen[None], EndsOnce[None]):
    """One text or several for different tools, of one mail."""

    PLACES: tuple[Where, ...] = ("snippet", "dialog")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(*PLACES), Binding("q", "back", show=False)]
    AUTO_FOCUS = "#snippet-text"

    @dataclass
    class Wanted(Message):
        """The user wants the text in the clipboard, or in the file at `path`."""

        snippet: Snippet
        screen: "SnippetScreen"
        path: str = ""

    def __init__(
        self, title: str, texts: Mapping[str, Snippet], file: str, of: "Reviewed | Attempt | None" = None
    ) -> None:
        """`file` is the path to offer, without its suffix; `of` is the mail that a text needs the body of."""
        super().__init__()
        self._title = title
        self._texts = texts
        self._chosen = next(iter(texts))
        self.file = file
        self.of = of

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -full") as dialog:
            dialog.border_title = Content(self._title)
            yield Static(id="snippet-tools")
            yield Body("", id="snippet-text", read_only=True)
            yield Static(id="snippet-said", classes="hint")
            with Horizontal(classes="line"):
                yield Label("File")
                yield LineInput(id="snippet-path")
        yield KeyBar(*self.PLACES)

    def on_mount(self) -> None:
        self.query_one("#snippet-tools").display = len(self._texts) > 1
        self._show()

    @property
    def snippet(self) -> Snippet:
        """The text that is shown."""
        return self._texts[self._chosen]

    def say(self, words: str) -> None:
        """What came of it."""
        if self.is_attached:
            self.query_one("#snippet-said", Static).update(plain(words))

    def _show(self) -> None:
        tools = [(f" {tool} ", "reverse" if tool == self._chosen else "") for tool in self._texts]
        self.query_one("#snippet-tools", Static).update(Content.assemble(*tools))
        self.query_one("#snippet-text", Body).load_text(self.snippet.text)
        self.query_one("#snippet-path", LineInput).set_text(f"{self.file}{self.snippet.suffix}")
        needed = {"body": f"{self.file}.json", "message": f"{self.file}.eml", "": ""}[self.snippet.needs]
        self.say(f"It reads {needed}, which is written when it is copied." if needed else "")

    def action_copy(self) -> None:
        self.post_message(self.Wanted(self.snippet, self))

    def action_to_path(self) -> None:
        self.query_one("#snippet-path").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if path := event.value.strip():
            self.post_message(self.Wanted(self.snippet, self, path))

    def action_next_tool(self) -> None:
        tools = [*self._texts]
        self._chosen = tools[(tools.index(self._chosen) + 1) % len(tools)]
        self._show()

    def action_back(self) -> None:
        self.dismiss()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the path a key is a letter; where there is one text there is no other."""
        if action in {"copy", "to_path", "next_tool"} and isinstance(self.focused, LineInput):
            return False
        if action == "next_tool":
            return len(self._texts) > 1
        return super().check_action(action, parameters)
