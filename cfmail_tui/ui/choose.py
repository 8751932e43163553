"""A message to open, looked for on the picker's screen; and one chosen out of several, as of an mbox or templates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from cfmail_tui.ui.commands import KeyBar, Where, bindings
from cfmail_tui.ui.fields import EndsOnce, plain
from cfmail_tui.ui.picker import PickerScreen
from cfmail_tui.ui.rows import RowList

Item = TypeVar("Item")

_HINT = "Enter opens a file or folder, Esc goes back"


class OpenScreen(PickerScreen):
    """Picks one file or Maildir. It stays until that was opened, since what is in it may be no message."""

    PLACES: tuple[Where, ...] = ("picker", "list", "dialog", "everywhere")
    BINDINGS = bindings("picker", "dialog")

    @dataclass
    class Picked(Message):
        """The user wants the message, or one of those, at this path, which may also be a folder."""

        path: str
        typed: str
        screen: "OpenScreen"

    def compose(self) -> ComposeResult:
        yield Static(Content.assemble(("Open a message", "bold"), f"  {_HINT}"), id="open-title")
        yield from self.compose_picker()
        yield KeyBar("picker", "dialog")

    def picked(self, paths: tuple[str, ...], typed: str = "") -> None:
        if len(paths) > 1:
            self.say(f"these are {len(paths)} files: one can be opened at a time")
            return
        self.say("")
        self.post_message(self.Picked(paths[0], typed, self))

    def matched(self, names: Sequence[str]) -> None:
        self.picked(tuple(self.path_of(name) for name in names))

    def enter(self, path: str) -> None:
        # A Maildir is a folder that is opened as a whole; only its looks tell.
        self.picked((path,))

    def refused(self, words: str, typed: str) -> None:
        """It cannot be opened; what was typed for it is given back."""
        if self.is_attached:
            self.path.value = self.path.value or typed
            self.path.cursor_position = len(self.path.value)
            self.say(words)


class ListScreen(EndsOnce[Item | None], Generic[Item]):
    """One of several things, each in a line; ends with the one that was chosen, or None."""

    PLACES: tuple[Where, ...] = ("list", "dialog", "everywhere")
    BINDINGS = bindings("dialog")

    def __init__(self, title: str, hint: str, describe: Callable[[Item], str], items: Sequence[Item] = ()) -> None:
        super().__init__()
        self._title, self._hint = title, hint
        self._items = [*items]
        self.is_wanted = True
        """Whether more of them would be seen; may be asked from any thread."""
        self._list: RowList[Item] = RowList(describe, id="choices-list", empty="reading …")

    def compose(self) -> ComposeResult:
        yield Static(id="list-title", markup=False)
        yield self._list
        yield KeyBar(*self.PLACES)

    def on_mount(self) -> None:
        self._list.show(self._items)
        self._list.focus()
        self._entitle(self._hint)

    def take(self, items: Sequence[Item], words: str = "") -> None:
        """More of them, as they are found; `words` instead of the hint."""
        self._items += items
        self._list.show(self._items)
        self._entitle(words or self._hint)

    def _entitle(self, words: str) -> None:
        self.query_one("#list-title", Static).update(
            Content.assemble(plain(self._title, 30).stylize("bold"), "  ", plain(words, 200))
        )

    def dismiss(self, result: Item | None = None) -> AwaitComplete:
        self.is_wanted = False
        return super().dismiss(result)

    def on_row_list_selected(self) -> None:
        self.dismiss(self._list.current)

    def action_back(self) -> None:
        self.dismiss(None)
