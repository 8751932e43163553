"""A Textual screen that shows the working directory at F3, in the widget that Textual has for it."""

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from tests.bench.bare import Bare


class TreeScreen(Screen[None]):
    def compose(self) -> ComposeResult:
        from textual.widgets import DirectoryTree

        yield DirectoryTree(Path.cwd())


class Tree(Bare):
    BINDINGS: ClassVar[list[BindingType]] = [("f3", "show", "files")]

    def action_show(self) -> None:
        self.push_screen(TreeScreen())


if __name__ == "__main__":
    Tree().run()
