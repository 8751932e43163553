"""Files picked out of folders: a path line that filters, the list below, a preview beside it.

Letters filter while the path line has the focus, and arrows move in the list all the same. Whatever is asked of the
file system is asked by messages, one question of a kind at a time; an answer to an older question is passed over.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from textual import events
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from cfmail_tui import browse
from cfmail_tui.browse import Facts, Found, Listing, Order
from cfmail_tui.preview import Preview
from cfmail_tui.ui.fields import EndsOnce, plain
from cfmail_tui.ui.files import FileHead, FileList, Line, PathInput, folder_words
from cfmail_tui.ui.latest import Latest
from cfmail_tui.ui.preview import PreviewPane

WIDE = 100
"""Columns from which on the preview stands beside the list without being asked for."""

_IN_WORDS: dict[Order, str] = {
    "name": "by name",
    "newest": "newest first",
    "largest": "largest first",
    "type": "by type",
}


class FolderLabel(Line):
    """The folder that is shown; a click goes to the one above."""

    class Pressed(Message):
        """The user wants the folder above."""

    def show(self, folder: str) -> None:
        words = folder_words(folder)
        self.put(plain("Places:" if folder == browse.PLACES else words if words.endswith("/") else f"{words}/", 60))

    def on_click(self) -> None:
        self.post_message(self.Pressed())


class Complaint(Line):
    """What did not work, while there is something."""

    def show(self, words: str) -> None:
        self.put(plain(words, 400))
        self.display = bool(words)


class PickerScreen(EndsOnce[None]):
    """Finds files; what becomes of them is said by the screens made of it."""

    AUTO_FOCUS = "#path"

    @dataclass
    class FolderRequested(Message):
        """The names in a folder are wanted by `screen`, sorted when all are there."""

        folder: str
        order: Order
        hidden: bool
        screen: "PickerScreen"

    @dataclass
    class ArrangeRequested(Message):
        """These names are wanted in another order."""

        folder: str
        names: tuple[str, ...]
        order: Order
        hidden: bool
        screen: "PickerScreen"

    @dataclass
    class FindRequested(Message):
        """The names that a query finds are wanted; `before` is what was found last."""

        listing: Listing
        query: str
        before: Found | None
        screen: "PickerScreen"

    @dataclass
    class FactsRequested(Message):
        """What is known of these paths beside their names is wanted."""

        paths: tuple[str, ...]
        screen: "PickerScreen"

    @dataclass
    class PreviewRequested(Message):
        """What is in a file is wanted, for a pane of this size."""

        path: str
        columns: int
        rows: int
        screen: "PickerScreen"

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.folder = folder
        """What a relative path is relative to: the folder that was opened last."""
        self._order: Order = "name"
        self._shows_hidden = False
        self._shows_preview: bool | None = None
        self._reading: str | None = None
        self._names: tuple[str, ...] | None = None
        """All names of the folder that is listed; None while it is read."""
        self._some_names: list[str] = []
        self._listing: Listing | None = None
        self._arranged: tuple[Order, bool] = ("name", False)
        self._found: Found | None = None
        self._fault = ""
        self._said = ""
        self._return_to: str | None = None
        self._to_complete = ""
        self._to_enter = ""
        """A pattern that was entered before the names were known."""
        self._finds: Latest[tuple[Listing, str]] = Latest(self._ask_find)
        self._arranges: Latest[tuple[str, Order, bool]] = Latest(self._ask_arrange)
        self._facts: Latest[tuple[str, ...]] = Latest(lambda paths: self.post_message(self.FactsRequested(paths, self)))
        self._previews: Latest[tuple[str, int, int]] = Latest(
            lambda asked: self.post_message(self.PreviewRequested(*asked, self))
        )
        self.path = PathInput(placeholder="filter or path, Tab completes", id="path")
        self.files = FileList(self.path_of)
        self.pane = PreviewPane(id="preview")

    def compose_picker(self) -> Iterator[Widget]:
        with Horizontal(id="path-line"):
            yield FolderLabel(id="folder", markup=False)
            yield self.path
            yield Line(id="picker-state", markup=False)
        yield Complaint(id="picker-words", classes="-wrong", markup=False)
        with Container(id="picker-panes"):
            with Vertical(id="files-pane"):
                yield FileHead(id="files-head", markup=False)
                yield self.files
            yield self.pane

    def on_mount(self) -> None:
        self._follow()

    # What is shown.

    def _view(self) -> tuple[str, str]:
        """The folder that is to be listed now, and the query."""
        return browse.parted(self.path.value, self.folder)

    def _wants_hidden(self) -> bool:
        return self._shows_hidden or self._view()[1].startswith(".")

    @property
    def is_picking(self) -> bool:
        """Whether keys go to the path line or the list below."""
        return self.path.has_focus or self.files.has_focus

    @property
    def _is_current(self) -> bool:
        """Whether the list shows what the path line says."""
        found = self._found
        return found is not None and self._view() == (self._reading, found.query)

    def path_of(self, name: str) -> str:
        return os.path.join(self._reading or "", name).rstrip("/") or "/"  # noqa: PTH118 - a name may be anything

    def _follow(self) -> None:
        """Bring the list to what the path line says, as far as that is known; the rest is asked for."""
        folder, query = self._view()
        if folder != self._reading:
            self._read(folder)
        elif self._listing is None:
            pass
        elif self._arranged != (self._order, self._wants_hidden()):
            self._arranges.want((folder, self._order, self._wants_hidden()))
        elif not self._is_current:
            self._finds.want((self._listing, query))
        self._show_state()

    def _read(self, folder: str) -> None:
        self._reading, self._names, self._some_names = folder, None, []
        self._listing = self._found = None
        self._fault = self._said = ""
        self.files.facts.clear()
        self.files.when_empty("reading …")
        self.files.list_names((), None, chosen=False)
        self.post_message(self.FolderRequested(folder, self._order, self._wants_hidden(), self))

    def is_reading(self, folder: str) -> bool:
        """Whether the names of this folder are still wanted; may be asked from any thread."""
        return self._reading == folder

    def take_block(self, folder: str, names: tuple[str, ...]) -> None:
        """Some names of a folder that is being read, as they come."""
        if folder == self._reading and self._listing is None:
            query = self._view()[1]
            if query:
                names = browse.find(browse.arranged(folder, names, hidden=True), query).names
            self._some_names += [name for name in names if self._wants_hidden() or not name.startswith(".")]
            self.files.show(self._some_names)
            self._show_state()

    def take_names(self, listing: Listing, names: tuple[str, ...], order: Order, *, hidden: bool, fault: str) -> None:
        """All names of a folder, and the same sorted; with a fault, what could be read of them."""
        if listing.folder != self._reading:
            return
        self._names, self._fault = names, fault
        self.take_listing(listing, order, hidden=hidden)

    def take_listing(self, listing: Listing, order: Order, *, hidden: bool) -> None:
        """The names of the folder in this order."""
        self._arranges.answered()
        if listing.folder != self._reading:
            return
        self._listing, self._arranged, self._found = listing, (order, hidden), None
        self._return_to = self._return_to or self.files.current
        if self._to_complete and self._to_complete == self.path.value:
            self._complete()
        if self._to_enter and self._to_enter == self.path.value:
            self.on_path_input_entered()
        self._to_complete = self._to_enter = ""
        self._follow()

    def take_found(self, found: Found) -> None:
        """What a query finds."""
        self._finds.answered()
        if found.listing is not self._listing:
            return
        if (self._reading, found.query) == self._view():
            self._found = found
            self.files.when_empty(self._fault or ("nothing is called so" if found.query else "nothing is in here"))
            self.files.list_names(found.names, self._return_to, chosen=bool(found.query))
            self._return_to = None
            self._show_state()
        else:
            self._follow()

    def take_facts(self, facts: dict[str, tuple[Facts, str]]) -> None:
        self._facts.answered()
        self.files.facts.update(facts)
        self.files.refresh()

    def take_preview(self, path: str, preview: Preview) -> None:
        self._previews.answered()
        if path == self.previewed():
            self.pane.show(preview)

    def _ask_find(self, asked: tuple[Listing, str]) -> None:
        self.post_message(self.FindRequested(*asked, self._found, self))

    def _ask_arrange(self, asked: tuple[str, Order, bool]) -> None:
        folder, order, hidden = asked
        if self._names is None or folder != self._reading:
            self._arranges.answered()
        else:
            self.post_message(self.ArrangeRequested(folder, self._names, order, hidden, self))

    def _show_state(self) -> None:
        self.query_one(FolderLabel).show(self.folder)
        self.query_one(FileHead).show(self.files.head(), self._order)
        counted = _counted(self._listing, self._found, len(self._some_names), self._order)
        self.query_one("#picker-state", Line).put(Content(counted), layout=False)
        self.query_one(Complaint).show(self._said or self._fault)

    def say(self, words: str) -> None:
        """Something that did not work, or "" when it is over."""
        self._said = words
        if self.is_attached:
            self._show_state()

    # Keys and clicks.

    def on_input_changed(self) -> None:
        self.path.take_blanks("/" in self.path.value)
        self._follow()

    def on_path_input_entered(self) -> None:
        typed, found = self.path.value.strip(), self._found_now()
        current = self.files.current if self._is_current else next(iter(found.names), None) if found.query else None
        if browse.is_pattern(found.query) and (self._listing is None or self._view()[0] != self._reading):
            self._to_enter = self.path.value
        elif browse.is_pattern(found.query) and found.names and not self.files.was_moved:
            self.matched(found.names)
        elif current is not None:
            self._take(self.path_of(current), typed, is_folder=current.endswith("/"))
        elif typed:
            self._take(browse.target(typed, self.folder), typed, is_folder=False)
        else:
            self.action_back()

    def _found_now(self) -> Found:
        """What the path line finds, also if Enter came before the answer; nothing where no names are known yet."""
        folder, query = self._view()
        if self._is_current and self._found:
            return self._found
        return browse.find(self._listing if self._listing and folder == self._reading else Listing(folder), query)

    def on_path_input_pasted(self, event: PathInput.Pasted) -> None:
        readings = list(browse.pasted_words(event.text))
        if readings and len(readings[-1]) > 1:
            self.picked(readings[-1])
        elif readings and not self.path.value:
            self.path.put_in(readings[-1][0])
        else:
            self.path.put_in(event.text)

    def on_row_list_selected(self) -> None:
        if self.files.has_focus and self.files.current is not None:
            self._take(self.path_of(self.files.current), "", is_folder=self.files.current.endswith("/"))

    def _take(self, path: str, typed: str, *, is_folder: bool) -> None:
        if is_folder:
            self.enter(path)
            return
        self.folder = browse.PLACES if self._reading == browse.PLACES else os.path.dirname(path)  # noqa: PTH120 - a string
        self.path.value = ""
        self._follow()
        self.picked((path,), typed if typed.startswith(("/", "~", "file:")) else path)

    def open_folder(self, path: str, at: str | None = None) -> None:
        """List this folder, with the cursor on the name `at`."""
        self.folder, self._return_to = path, at
        self.path.value = ""
        self.say("")
        self._follow()

    def on_folder_label_pressed(self) -> None:
        self.action_parent()

    def on_file_head_pressed(self, event: FileHead.Pressed) -> None:
        self._order = event.order
        self._follow()

    def on_file_list_unknown(self) -> None:
        if unknown := tuple(path for path in self.files.in_sight() if path not in self.files.facts):
            self._facts.want(unknown)

    def on_row_list_highlighted(self) -> None:
        self.refresh_bindings()
        self._show_preview()

    def on_resize(self, _event: events.Resize) -> None:
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        self.pane.display = self.size.width >= WIDE if self._shows_preview is None else self._shows_preview
        self.set_class(self.pane.display, "-previewing")
        self._show_state()

    def on_file_list_resized(self) -> None:
        self._show_state()

    def on_preview_pane_resized(self) -> None:
        self._show_preview()

    def previewed(self) -> str | None:
        """The path that the preview is of."""
        return None if self.files.current is None else self.path_of(self.files.current)

    def _show_preview(self) -> None:
        path, room = self.previewed(), self.pane.room
        if path is None:
            self.pane.show(None)
        elif self.pane.display and all(room):
            self._previews.want((path, *room))

    def focus_next(self, selector: Any = "*") -> Widget | None:
        """Tab completes what is typed, as far as there is something to complete."""
        if self.path.has_focus and self.path.value and self._complete():
            return self.path
        return super().focus_next(selector)

    def _complete(self) -> bool:
        """Whether what is typed grew, or may yet."""
        folder, query = self._view()
        if folder != self._reading or self._listing is None or self._arranged[1] != self._wants_hidden():
            self._to_complete = self.path.value
            return True
        completed = browse.completed(query, self._listing.names)
        if completed == query and self._is_current and self._found and len(self._found.names) == 1:
            completed = self._found.names[0]
        if completed == query:
            return False
        typed = self.path.value
        head = f"{folder}/" if typed.startswith("file:") else typed[: len(typed) - len(query)]
        self.path.value = head + completed
        self.path.cursor_position = len(self.path.value)
        return True

    def action_move(self, how: str) -> None:
        getattr(self.files, f"action_{how}")()
        self.path.take_blanks(False)

    def action_preview(self) -> None:
        self._shows_preview = not self.pane.display
        self._fit()

    def action_sort(self) -> None:
        self._order = browse.ORDERS[(browse.ORDERS.index(self._order) + 1) % len(browse.ORDERS)]
        self._follow()

    def action_hidden(self) -> None:
        self._shows_hidden = not self._shows_hidden
        self._follow()

    def action_places(self) -> None:
        self.open_folder(browse.PLACES)
        self.path.focus()

    def action_filter(self) -> None:
        self.path.focus()

    def action_parent(self) -> None:
        if self.folder == browse.PLACES:
            self.open_folder(os.path.expanduser("~"))  # noqa: PTH111 - a string
            return
        above, _, name = self.folder.rpartition("/")
        self.open_folder(above or "/", f"{name}/")

    def action_back(self) -> None:
        self.dismiss()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What acts on the list needs it; a Backspace takes a letter while there is one."""
        if action == "parent":
            return self.is_picking and not (self.path.has_focus and self.path.value)
        return super().check_action(action, parameters)

    # What becomes of files and folders.

    def enter(self, path: str) -> None:
        """A folder was chosen."""
        self.open_folder(path)

    def picked(self, paths: tuple[str, ...], typed: str = "") -> None:
        """These were chosen; what was `typed` for one that cannot be had is given back."""
        raise NotImplementedError

    def matched(self, names: Sequence[str]) -> None:
        """These names of the folder were chosen by a pattern."""
        raise NotImplementedError


def _counted(listing: Listing | None, found: Found | None, so_far: int, order: Order) -> str:
    """How many names there are, how many are shown, and in which order."""
    if listing is None:
        return f"{so_far:,} so far"
    count = len(listing.names)
    parts = [f"the first {count:,}" if listing.is_cut else f"{count:,}"]
    if found and found.query:
        parts = [f"{len(found.numbers):,}{'+' if found.is_cut else ''} of {parts[0]}"]
    if listing.hidden:
        parts.append(f"{listing.hidden:,} hidden")
    return " · ".join(parts if listing.folder == browse.PLACES else [*parts, _IN_WORDS[order]])
