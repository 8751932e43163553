"""One mail after another: what is typed is kept, another mail is shown, a draft is opened again.

Invariant: what is typed is on disk before another mail is shown or the program ends, or the user was asked.
"""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cfmail_tui.message import Draft, MailError, RawDraft, SavedDraft
from cfmail_tui.ui.compose import ComposeScreen
from cfmail_tui.ui.departures import Stage
from cfmail_tui.ui.dialogs import ChoiceScreen
from cfmail_tui.ui.drafts import DraftsScreen
from cfmail_tui.ui.mail import NOT_SAVED, MailScreen, new_draft
from cfmail_tui.ui.raw import RawScreen
from cfmail_tui.ui.work import Next

if TYPE_CHECKING:
    from cfmail_tui.outbox import Outbox
    from cfmail_tui.ui.app import CfmailApp
    from cfmail_tui.ui.editor import Edited


class Drafting:
    """The mail on the screen and the drafts behind it, for the app."""

    def __init__(self, app: "CfmailApp") -> None:
        self._app = app

    def save(self, draft: SavedDraft, then: Next | None = None, *, may_be_lost: bool = False) -> None:
        """Bring it to the disk, then do this; if that fails, say so.

        If what was typed `may_be_lost`, the user is asked whether `then` is to follow all the same.
        """

        def save(outbox: "Outbox") -> Next:
            outbox.save_draft(draft)
            return saved

        def saved() -> None:
            if self._app.mail.draft_id == draft.draft_id:
                self._app.mail.kept(draft.content, datetime.now(UTC))
            if then:
                then()

        self._app.run_task(save, lambda reason: self._not_saved(draft, reason, then if may_be_lost else None))

    def _not_saved(self, draft: SavedDraft, reason: str, then: Next | None) -> None:
        text = f"The draft could not be saved: {reason}"
        is_news = self._app.mail.draft_id != draft.draft_id or self._app.mail.not_kept(reason)
        if then is None:
            if is_news:
                self._app.complain(text, NOT_SAVED)
            return

        def answered(answer: str | None) -> None:
            if answer == "leave":
                then()

        question = f"{text}\n\nIf you go on, what you typed is lost."
        self._app.push_screen(ChoiceScreen(question, {"stay": "Stay", "leave": "Go on and lose it"}), answered)

    def when_kept(self, then: Next) -> None:
        """Do this once what was typed so far is on disk."""

        def keep() -> None:
            mail = self._app.mail
            if mail.is_kept():
                then()
            else:
                # Also what was handed over already: whether that reaches the disk is not yet known.
                self.save(mail.handed_over() if mail.has_changed() else mail.current(), then, may_be_lost=True)

        self._app.mail.when_typed(keep)

    def change(self, content: Draft | RawDraft) -> None:
        """Begin another mail with this; the one on the screen is kept."""
        self.when_kept(lambda: self.show(new_draft(content)))

    def choose(self) -> None:
        """Show what is unfinished, and open what is chosen."""

        def load(outbox: "Outbox") -> Next:
            leaving = self._app.sending.departures.at(Stage.COUNTING, Stage.LEAVING, Stage.LEFT)
            away = {self._app.mail.draft_id, *(departure.draft_id for departure in leaving)}
            others = tuple(found for found in outbox.unfinished() if found.draft.draft_id not in away)
            return lambda: self._app.push_screen(DraftsScreen(others), self.open)

        self.when_kept(lambda: self._app.run_task(load))

    def open(self, draft: SavedDraft | None) -> None:
        """Show a draft that is in the store, if there is one; of one that is about to leave, take it back."""
        if draft is None:
            return
        if departure := self._app.sending.departures.by_draft(draft.draft_id):
            self._app.sending.take_back(departure)
            return

        def claim(outbox: "Outbox") -> Next:
            return partial(self.show if outbox.open_draft(draft.draft_id) else self._offer_copy, draft)

        self._app.run_task(claim)

    def _offer_copy(self, draft: SavedDraft) -> None:
        def answered(answer: str | None) -> None:
            if answer == "copy":
                self.show(new_draft(draft.content))

        question = "This draft is open in another cfmail, and only one can keep it."
        answers = {"leave": "Leave it there", "copy": "Open a copy here"}
        self._app.push_screen(ChoiceScreen(question, answers), answered)

    def show(self, draft: SavedDraft, then: Next = lambda: None) -> None:
        """Show this mail, then do this; the one that was there is kept, or on its way, which goes on."""
        old = self._app.mail
        if self._app.sending.shown is None:
            self.close(old.draft_id)
        if isinstance(old, RawScreen) == isinstance(draft.content, RawDraft):
            old.results.clear()
            old.set_busy(busy=False)  # what is disabled cannot get the focus
            old.load(draft)
            self._app.identifying.greet()
            if self._app.sending.shown:
                old.set_busy(busy=True)
            self._app.sending.show_departures()
            self._app.sending.blame()
            then()
            self._app.screen_is_there()
            return
        while self._app.screen is not old:
            self._app.pop_screen()
        screen = screen_for(draft)
        self._app.switch_screen(screen)
        screen.call_after_refresh(self._app.identifying.greet)
        screen.call_after_refresh(self._app.sending.show_departures)
        screen.call_after_refresh(then)

    def edit(self, message: MailScreen.EditorRequested) -> None:
        """Let the user's own editor have a text, and take back what it left."""
        from cfmail_tui.ui.editor import edit

        assert self._app.settings
        with self._app.handed_over():
            left = edit(message.content, self._app.settings.editor, self._app.settings.data_dir, message.suffix)
        if isinstance(left, MailError):
            self._app.complain(str(left))
        elif left.fault:
            self.rescue(left, left.fault)
        else:
            try:
                self._app.mail.edited(message.body_id, left.content)
            except UnicodeDecodeError:
                self.rescue(left, "the editor left something that is not UTF-8 text")
            else:
                left.path.unlink(missing_ok=True)
        self._app.screen_is_there()

    def rescue(self, left: "Edited", fault: str) -> None:
        """What the editor left does not go into the mail: it becomes a draft of its own."""

        def save(outbox: "Outbox") -> Next:
            _rescue(outbox, left)
            key = self._app.keymap.first("drafts")
            words = f"{fault}; the text here is unchanged, what the editor left is a draft of its own ({key})"
            return lambda: self._app.complain(words)

        self._app.run_task(save)

    def close(self, draft_id: str) -> None:
        """It is not open here any more; another cfmail may have it."""

        def release(outbox: "Outbox") -> Next:
            outbox.close_draft(draft_id)
            return lambda: None

        # A claim that could not be given back ends with this program.
        self._app.run_task(release, lambda _reason: None)


def rescued(outbox: "Outbox", folder: Path) -> list[str]:
    """Make drafts of what editors left that ended after their cfmail; gives words about it."""
    from cfmail_tui.ui.editor import left_behind

    found = left_behind(folder)
    for left in found:
        _rescue(outbox, left)
    return ["what your editor had when cfmail ended is a draft of its own: F7 shows it"] if found else []


def _rescue(outbox: "Outbox", left: "Edited") -> None:
    from cfmail_tui.prefill import editor_draft

    draft = new_draft(editor_draft(left.content, left.path.suffix))
    outbox.save_draft(replace(draft, revision=1))
    outbox.close_draft(draft.draft_id)
    left.path.unlink(missing_ok=True)


def screen_for(draft: SavedDraft) -> MailScreen:
    """The screen on which such a mail is written."""
    return RawScreen(draft) if isinstance(draft.content, RawDraft) else ComposeScreen(draft)
