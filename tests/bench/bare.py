"""The floor of every Textual program: a screen with a line and a text, and nothing to do."""

from textual.app import App, ComposeResult
from textual.widgets import Input, TextArea


class Bare(App[None]):
    AUTO_FOCUS = "TextArea"

    def compose(self) -> ComposeResult:
        yield Input(placeholder="Subject")
        yield TextArea()


if __name__ == "__main__":
    Bare().run()
