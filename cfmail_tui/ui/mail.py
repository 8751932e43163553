"""What the form and the raw editor share: a draft that is kept as it is typed, problems, results.

A screen of this kind owns what is being typed and nothing else: saving, reviewing and sending are asked for by
messages, and their results come back by method calls of the app.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static, TextArea

from cfmail_tui.message import Draft, Place, Problem, RawDraft, SavedDraft, without_addresses
from cfmail_tui.ui.commands import KeyBar, Where
from cfmail_tui.ui.completion import RecipientField
from cfmail_tui.ui.fields import Body, EndsOnce, LineInput, MailField, plain
from cfmail_tui.ui.results import ResultsPane

if TYPE_CHECKING:
    from cfmail_tui.profile import Identity

SAVE_AFTER = 1.0
"""Seconds after a change until it is on disk, at most."""

NOT_SAVED = "Not saved"
"""What stands above the reason why what is typed cannot be saved."""

_RECIPIENTS = frozenset({Place.TO, Place.CC, Place.BCC, Place.ENVELOPE_RECIPIENTS})

NOT_YET = "Cannot be sent yet"
"""What stands above the reasons for that."""

SAVE_AGAIN_AFTER = 5.0
"""Seconds until saving is tried again that did not work."""


class TitleState(Static):
    """The right end of the first line; a click opens the accounts."""

    class Pressed(Message):
        """The user wants to see the accounts."""

    def on_click(self) -> None:
        self.post_message(self.Pressed())


class TitleBar(Horizontal):
    """The first line: what this is, who sends, when it was saved."""

    def __init__(self, title: str) -> None:
        super().__init__(id="title-bar")
        self._title = title
        self._state = TitleState(id="title-state", markup=False)
        self._account = Content("")
        self._saved = ""

    def compose(self) -> ComposeResult:
        yield Static(Content.assemble(("cfmail", "bold"), f"  {self._title}"), id="title-name")
        yield self._state

    def show_account(self, words: str) -> None:
        self._account = plain(words, 60)
        self._update()

    def show_saved(self, at: datetime | None) -> None:
        """When the draft reached the disk; None when there is none there yet."""
        self._saved = f" · saved {at.astimezone().strftime('%H:%M')}" if at else ""
        self._update()

    def show_not_saved(self) -> None:
        """What is on the screen is nowhere else."""
        self._saved = " · NOT SAVED"
        self._update()

    @property
    def words(self) -> str:
        """What stands at the right end."""
        return f"{self._account}{self._saved}"

    def _update(self) -> None:
        self._state.update(Content.assemble(self._account, self._saved))


class MailScreen(EndsOnce[None]):
    """A mail being written, as a form or as raw MIME."""

    TITLE_WORDS = ""
    PLACES: tuple[Where, ...] = ()
    AUTO_FOCUS = ""

    @dataclass
    class Edited(Message):
        """What is typed should reach the disk."""

        draft: SavedDraft

    @dataclass
    class ReviewRequested(Message):
        """The user wants to send this."""

        draft: SavedDraft

    class Begun(Message):
        """The screen is there with its mail."""

    class TakeBackRequested(Message):
        """The user wants this mail back, which is on its way."""

    class HurryRequested(Message):
        """The user does not want to wait until this mail leaves."""

    @dataclass
    class EditorRequested(Message):
        """The user wants to edit this text in their own editor."""

        body_id: str
        content: bytes
        suffix: str

    def __init__(self, draft: SavedDraft) -> None:
        super().__init__()
        self.draft_id = draft.draft_id
        self.account = draft.account
        """The name of the account it is to be sent as, "" until one is found."""
        self._revision = draft.revision
        self._first = draft
        self._handed_over: Draft | RawDraft | None = draft.content
        self._on_disk = draft.content
        self._timer: Timer | None = None
        self._complaint = ""
        self.title_bar = TitleBar(self.TITLE_WORDS)
        self.results = ResultsPane()

    def compose(self) -> ComposeResult:
        yield self.title_bar
        with Vertical(id="mail"):
            yield from self.compose_mail()
        yield self.results
        yield KeyBar(*self.PLACES)

    def tell_keys(self) -> None:
        """The user's keys are known now: speak of them instead of the table's."""

    def compose_mail(self) -> Iterator[Widget]:
        """The widgets of the mail itself."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.load(self._first)
        self.post_message(self.Begun())

    def load(self, draft: SavedDraft) -> None:
        """Show this mail instead; nothing of it is saved until something is typed."""
        self.draft_id = draft.draft_id
        self.account = draft.account
        self._revision = draft.revision
        self.fill(draft.content)
        self._handed_over = self._on_disk = self.content()
        self._complaint = ""
        self._restore_cursor(draft.cursor)
        self.title_bar.show_saved(draft.saved_at)

    def fill(self, content: Draft | RawDraft) -> None:
        """Put this into the widgets."""
        raise NotImplementedError

    def edited(self, body_id: str, content: bytes) -> None:
        """Take back what the external editor left. Raises UnicodeDecodeError when it cannot stand here."""
        raise NotImplementedError

    def content(self) -> Draft | RawDraft:
        """The mail as it is on the screen."""
        raise NotImplementedError

    @property
    def is_new(self) -> bool:
        """Whether nothing of it was ever handed over to be saved."""
        return self._revision == 0

    def offer(self, identity: "Identity") -> None:
        """Fill in what mails of this identity begin with, where nothing was typed."""

    def is_blank(self) -> bool:
        """Whether there is nothing that could be sent."""
        return False

    def current(self) -> SavedDraft:
        """The mail as it is on the screen, under its name in the store."""
        cursor = self._cursor()
        return SavedDraft(self.draft_id, self._revision, self.content(), cursor=cursor, account=self.account)

    def _cursor(self) -> tuple[str, int, int]:
        match self.focused:
            case Body(id=str(name), cursor_location=(line, column)):
                return name.upper(), line, column
            case LineInput(parent=Horizontal(parent=MailField(place=place)), cursor_position=column):
                return place.name, 0, column
            case _:
                return "", 0, 0

    def _restore_cursor(self, cursor: tuple[str, int, int]) -> None:
        """Go on where it was left, if that place is still there."""
        name, line, column = cursor
        for body in self.query(Body):
            if body.id == name.lower():
                self.focus_place(Place[name])
                body.move_cursor((line, column))
        for field in self.query(MailField):
            if field.place.name == name:
                field.display = True
                field.input.focus()
                field.input.cursor_position = column

    def has_changed(self) -> bool:
        """Whether something is on the screen that was not yet handed over to be saved."""
        return self.content() != self._handed_over

    def is_kept(self) -> bool:
        """Whether all that is on the screen is on the disk, or nothing was typed into it."""
        return self.content() == self._on_disk

    def handed_over(self) -> SavedDraft:
        """The mail as it is now, with a new revision: the caller saves it."""
        self._revision += 1
        draft = self.current()
        self._handed_over = draft.content
        return draft

    def kept(self, content: Draft | RawDraft, at: datetime) -> None:
        """What was handed over as this content is on the disk."""
        self._on_disk = content
        if self._complaint:
            self._complaint = ""
            self.results.take_back(NOT_SAVED)
        self.title_bar.show_saved(at)

    def not_kept(self, reason: str) -> bool:
        """What was handed over could not be saved, and is tried again in a while; whether that, or why, is new."""
        is_new, self._complaint = reason != self._complaint, reason
        self._handed_over = None
        self.title_bar.show_not_saved()
        self._schedule(SAVE_AGAIN_AFTER)
        return is_new

    def on_mail_field_changed(self) -> None:
        self._save_soon()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._save_soon()

    def on_descendant_blur(self, _event: events.DescendantBlur) -> None:
        self._save_if_changed()

    def _save_soon(self) -> None:
        self._schedule(SAVE_AFTER)

    def _schedule(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self.set_timer(seconds, self._save_if_changed)

    def _save_if_changed(self) -> None:
        if self._timer:
            self._timer.stop()
            self._timer = None
        if self.has_changed():
            self.post_message(self.Edited(self.handed_over()))

    def when_typed(self, then: Callable[[], object]) -> None:
        """Do this after every key pressed so far has reached its field.

        A key that is bound acts at once, while letters still wait in the queue of the widget that has the focus.
        """
        (self.focused or self).call_later(then)

    def action_save(self) -> None:
        self.when_typed(lambda: self.post_message(self.Edited(self.handed_over())))

    def action_review(self) -> None:
        self.when_typed(self._request_review)

    def _request_review(self) -> None:
        if self.is_busy:
            self.post_message(self.HurryRequested())
        elif self.is_blank():
            # Also the send key once too often, when the mail has just been accepted: its outcome stays to be read.
            self.focus_place(Place.TO)
        else:
            self.set_busy(busy=True)  # at once: a second press finds it so
            self.post_message(self.ReviewRequested(self.handed_over()))

    def action_take_back(self) -> None:
        self.post_message(self.TakeBackRequested())

    def show_problems(self, problems: Sequence[Problem], title: str = NOT_YET) -> None:
        """Mark each place with its reason, and put the cursor at the first; the rest stands in the results."""
        fields = {field.place: field for field in self.query(MailField)}
        for field in fields.values():
            field.mark("")
        marked = []
        for problem in problems:
            place_field = fields.get(problem.place)
            if place_field is not None and place_field not in marked:
                place_field.display = True
                place_field.mark(problem.words)
                marked.append(place_field)
        self.results.say(title, "\n".join(f"✗ {problem}" for problem in problems))
        if marked:
            marked[0].input.focus()
        elif problems:
            self.focus_place(problems[0].place)

    def blame(self, place: Place, words: str) -> None:
        """Mark the place that the far end did not like, and put the cursor there."""
        for field in self.query(MailField):
            if field.place is place:
                field.display = True
                field.mark(words)
        self.focus_place(place)

    def blame_recipients(self, addresses: Collection[str], words: str) -> None:
        """Mark the lines that these stand in, and no other line of recipients, with their names and these words."""
        for field in self.query(MailField):
            if field.place in _RECIPIENTS:
                here = [address for address in addresses if address.casefold() in field.text.casefold()]
                field.mark(f"{', '.join(here)}: {words}" if here else "")

    def drop_recipients(self, addresses: Collection[str]) -> None:
        """Take these out of whom the mail is for."""
        for field in self.query(MailField):
            if field.place in _RECIPIENTS:
                field.text = without_addresses(field.text, field.place, addresses)
                field.mark("")

    def focus_next(self, selector: Any = "*") -> Widget | None:
        """Tab puts in the recipient that was chosen from a list, if one was."""
        for field in self.query(RecipientField):
            if field.is_choosing:
                field.action_take()
                return self.focused
        return super().focus_next(selector)

    def focus_place(self, place: Place) -> None:
        """Put the cursor where this place is edited."""
        raise NotImplementedError

    def jump(self, finding: Any, *, fix: bool = False) -> None:
        """Put the cursor where this is found, in such a mail, and make its fix if that is wanted."""
        raise NotImplementedError

    @property
    def is_busy(self) -> bool:
        """Whether the mail is being prepared, reviewed or sent, and so cannot be changed."""
        return self.query_one("#mail").disabled

    def set_busy(self, *, busy: bool) -> None:
        """While the mail is on its way it cannot be changed."""
        self.query_one("#mail").disabled = busy
        if not busy and self.focused is None:
            self.focus_place(Place.TEXT)

    def body(self, body_id: str) -> Body:
        return self.query_one(f"#{body_id}", Body)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A mail on its way is not edited, and only such a one can be taken back."""
        if action in {"attach", "open", "editor", "fix", "find", "fold"}:
            return not self.is_busy
        if action == "take_back":
            return self.is_busy
        if action == "findings":
            # What closes other lists closes this one first.
            return not any(field.is_completing for field in self.query(RecipientField))
        return super().check_action(action, parameters)


def new_draft(content: Draft | RawDraft) -> SavedDraft:
    """Something to write that has no draft in the store yet."""
    return SavedDraft(uuid4().hex, 0, content)
