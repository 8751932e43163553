"""A Textual screen with a list of names, in the widget that Textual has for it."""

from textual.app import ComposeResult
from textual.widgets import Input, OptionList

from tests.bench.bare import Bare


class Options(Bare):
    AUTO_FOCUS = "OptionList"

    def compose(self) -> ComposeResult:
        yield Input(placeholder="Subject")
        yield OptionList(*(f"file-{number:03}.txt" for number in range(200)))


if __name__ == "__main__":
    Options().run()
