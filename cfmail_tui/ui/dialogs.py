"""Small questions and answers over the screen: help, a choice, a path, a text to read."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from cfmail_tui.ui.commands import KeyBar, Where, bindings, commands, keymap_of
from cfmail_tui.ui.fields import Body, EndsOnce, Line, LineInput, Lines, plain


class HelpScreen(ModalScreen[None], EndsOnce[None]):
    """What can be done on the screen below, with its keys."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("dialog"), Binding("q,f1,enter", "back", show=False)]

    def __init__(self, places: Sequence[Where]) -> None:
        super().__init__()
        self._places = places

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog -wide") as dialog:
            dialog.border_title = "Help"
            yield Static(Content("\n").join(self._lines()))
        yield KeyBar("dialog")

    def _lines(self) -> Iterator[Content]:
        keymap = keymap_of(self.app)
        for command in commands(*self._places):
            yield Content.assemble((f"{keymap.names(command) or 'F2':<16}", "bold"), f"{command.help}")
        yield Content("")
        saved = " What you type is saved as you go." if "composer" in self._places else ""
        yield Content(f"Tab and Shift+Tab move between fields.{saved}")

    def action_back(self) -> None:
        self.dismiss()


class ChoiceScreen(ModalScreen[str], EndsOnce[str]):
    """A question with buttons, and below it what it is about, a line each; Esc is the first, harmless, answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("dialog"),
        Binding("right,down", "app.focus_next", show=False),
        Binding("left,up", "app.focus_previous", show=False),
    ]

    def __init__(self, question: str, answers: dict[str, str], about: Sequence[str] = ()) -> None:
        super().__init__()
        self._question = question
        self._answers = answers
        self._about = about

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide" if self._about else "dialog"):
            yield Static(plain(self._question))
            if self._about:
                with VerticalScroll(classes="about"):
                    yield Lines(
                        [Line(Content.assemble("  · ", plain(words, 400)), 4) for words in self._about], id="about"
                    )
            with Vertical(classes="answers"):
                for answer, label in self._answers.items():
                    yield Button(Content(label), id=answer, compact=True)

    def on_mount(self) -> None:
        self.query(Button).first().focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(str(event.button.id))

    def action_back(self) -> None:
        self.dismiss(next(iter(self._answers)))


class PathScreen(ModalScreen[str], EndsOnce[str]):
    """Asks for the path of a file; "" when there is none."""

    BINDINGS = bindings("dialog")

    def __init__(self, title: str, path: str = "") -> None:
        super().__init__()
        self._title = title
        self._path = path

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(self._title)
            yield LineInput(self._path, placeholder="path of the file")
            yield Static("Enter takes it, Esc goes back", classes="hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())

    def action_back(self) -> None:
        self.dismiss("")


class TextScreen(ModalScreen[None], EndsOnce[None]):
    """A text to read."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("dialog"), Binding("q", "back", show=False)]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -full") as dialog:
            dialog.border_title = Content(self._title)
            yield Body(self._text, id="shown-text", read_only=True)
        yield KeyBar("dialog")

    def action_back(self) -> None:
        self.dismiss()
