"""The application: owns the workers, hands requests of the screens to the outbox and results back to the screens.

Invariants:
- the only `@work` in the program is here: threads that only post messages; a send is never exclusive and belongs to no
  screen, so that leaving a screen or quitting cannot cut it off from its record;
- the outbox, and with it database, keyring and HTTP, is opened by a worker after the first frame;
- what is typed is on disk before another mail is shown or the program ends, or the user was asked.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import BindingType

from cfmail_tui.message import Draft, MailError, MessageError, Place, Problem, RawDraft, SavedDraft, printable
from cfmail_tui.submission import Accepted
from cfmail_tui.ui.account import AccountScreen
from cfmail_tui.ui.attach import AttachScreen
from cfmail_tui.ui.commands import Where, bindings
from cfmail_tui.ui.compose import ComposeScreen
from cfmail_tui.ui.dialogs import ChoiceScreen, HelpScreen, PathScreen, TextScreen
from cfmail_tui.ui.drafts import DraftsScreen
from cfmail_tui.ui.endings import OPENING, EndingApp
from cfmail_tui.ui.fields import words
from cfmail_tui.ui.history import MOST, HistoryScreen
from cfmail_tui.ui.mail import MailScreen, new_draft
from cfmail_tui.ui.raw import NEW_SOURCE, RawScreen
from cfmail_tui.ui.results import headline
from cfmail_tui.ui.review import ReviewScreen
from cfmail_tui.ui.work import Done, Failed, Finished, Next, Opened, Progressed, Task

if TYPE_CHECKING:
    from textual.command import Provider

    from cfmail_tui.outbox import Outbox, Reviewed
    from cfmail_tui.settings import Settings

PROGRESS_EVERY = 0.25
"""Seconds between two updates of the progress line."""

_WIRE_BODY_SHOWN = 64 * 1024


class OutboxApp(EndingApp):
    """Runs tasks on the outbox in threads, and answers what screens ask of it.

    `opened` gives the outbox and settings, and closes them in the end.
    """

    def __init__(self, opened: Callable[[], AbstractContextManager["tuple[Outbox, Settings]"]]) -> None:
        super().__init__()
        self._opened = opened
        self._resources = ExitStack()
        self._outbox: Outbox | None = None
        self._tried_to_open = threading.Event()

    def on_load(self) -> None:
        # Mails wait for their turn in threads; whatever else is asked for must not wait behind them.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(100))

    def close(self) -> None:
        """Close the outbox; called when no worker runs any more."""
        self._resources.close()

    def save_now(self) -> None:
        """Save what is typed, before this returns. From any thread; raises MailError if it cannot."""
        mail = next((screen for screen in self.screen_stack if isinstance(screen, MailScreen)), None)
        if mail is None or not mail.is_mounted:
            return
        # Under the revision that was handed over, where nothing was typed since: a mail on its way has that one.
        draft = mail.handed_over() if mail.has_changed() else mail.current()
        if draft.revision:
            self._tried_to_open.wait(OPENING)
            if self._outbox is None:
                raise MailError("the program could not open its data")
            self._outbox.save_draft(draft)

    @work(thread=True, group="open", description="open the outbox", exit_on_error=False)
    def open_outbox(self, otherwise: Callable[[str], object]) -> None:
        try:
            self._outbox, settings = self._resources.enter_context(self._opened())
            self.post_message(Opened(settings, self._outbox.usual_sender(), self._outbox.notices))
        except Exception as error:  # noqa: BLE001 - the worker boundary
            self.post_message(Failed(error, otherwise))
        finally:
            self._tried_to_open.set()

    @work(thread=True, group="task", description="a task of the outbox", exit_on_error=False)
    def run_task(self, task: Task, otherwise: Callable[[str], object] | None = None) -> None:
        # What is typed or pressed in the first moments is done as soon as it can be.
        self._tried_to_open.wait()
        try:
            if self._outbox is None:
                raise MailError("the program could not open its data")  # noqa: TRY301
            self.post_message(Done(task(self._outbox)))
        except Exception as error:  # noqa: BLE001 - the worker boundary
            self.post_message(Failed(error, otherwise))

    @work(thread=True, group="send", description="send a mail", exit_on_error=False)
    def send(self, outbox: "Outbox", reviewed: "Reviewed") -> None:
        attempt_id = reviewed.submission.attempt_id
        shown_at = 0.0

        def progress(sent: int, total: int) -> None:
            nonlocal shown_at
            if sent == total or time.monotonic() - shown_at >= PROGRESS_EVERY:
                shown_at = time.monotonic()
                self.post_message(Progressed(attempt_id, sent, total))

        try:
            self.post_message(Finished(attempt_id, outbox.send(reviewed, progress)))
        except Exception as error:  # noqa: BLE001 - the worker boundary
            self.post_message(Finished(attempt_id, None, words(error)))

    def on_attach_screen_check_requested(self, message: AttachScreen.CheckRequested) -> None:
        screen = message.screen

        def check(_outbox: "Outbox") -> Next:
            from cfmail_tui.attachments import inspect

            found = inspect(message.attachment)
            return lambda: screen.accepted(message.attachment, found)

        self.run_task(check, lambda words: screen.refused(message.attachment, words))

    def on_compose_screen_sizes_requested(self, message: ComposeScreen.SizesRequested) -> None:
        def look(_outbox: "Outbox") -> Next:
            from cfmail_tui.attachments import inspect_all

            sizes = {part.path: part.size for part in inspect_all(message.attachments)[0]}
            return lambda: message.screen.learn_sizes(sizes)

        self.run_task(look)

    def on_history_screen_requested(self, message: HistoryScreen.Requested) -> None:
        screen = message.screen

        def search(outbox: "Outbox") -> Next:
            attempts = outbox.attempts(message.query, MOST)
            return lambda: screen.show(message.query, attempts)

        self.run_task(search)

    def on_done(self, message: Done) -> None:
        if self.screen_stack:
            message.then()

    def on_drafts_screen_delete_requested(self, message: DraftsScreen.DeleteRequested) -> None:
        self.run_task(lambda outbox: _nothing(outbox.delete_draft(message.draft_id)))

    def on_drafts_screen_restore_requested(self, message: DraftsScreen.RestoreRequested) -> None:
        screen = message.screen
        self.run_task(lambda outbox: partial(screen.restored, outbox.restore_draft(message.draft_id)))

    def on_history_screen_settled(self, message: HistoryScreen.Settled) -> None:
        screen = message.screen

        def settle(outbox: "Outbox") -> Next:
            outbox.settle(message.attempt_id, arrived=message.arrived)
            return screen.refresh_attempts

        self.run_task(settle, screen.say)

    def on_history_screen_find_requested(self, message: HistoryScreen.FindRequested) -> None:
        screen = message.screen

        def find(outbox: "Outbox") -> Next:
            verdict = outbox.find(message.attempt)
            return lambda: screen.show_verdict(verdict)

        self.run_task(find, screen.say)

    def complain(self, text: str) -> None:
        """Tell the user what did not work, where it stays to be read unless a mail's progress stands there."""
        if isinstance(self.screen, MailScreen) and not self.screen.is_busy:
            self.screen.results.say("That did not work", text)
        else:
            self.notify(printable(text, 400), severity="error", markup=False, timeout=10)


def _palette() -> "type[Provider]":
    from cfmail_tui.ui.palette import CommandProvider

    return CommandProvider


class CfmailApp(OutboxApp):
    """cfmail in a terminal, starting with this mail."""

    TITLE = "cfmail"
    CSS_PATH = "app.tcss"
    COMMANDS: ClassVar = {_palette}
    COMMAND_PALETTE_BINDING = "f2"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual declares it so
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("everywhere")]

    def __init__(
        self,
        opened: Callable[[], AbstractContextManager["tuple[Outbox, Settings]"]],
        first: Draft | RawDraft,
        *,
        when_left: Callable[[int], None] = lambda _code: None,
        reports: Callable[[], Path] | None = None,
    ) -> None:
        super().__init__(opened)
        self.when_left = when_left
        self.reports = reports
        self._first = first
        self._settings: Settings | None = None
        self._account_words = "no account yet"
        self._usual_sender = ""
        self._sending: dict[str, Reviewed] = {}
        self._leave_when_done = False

    def on_mount(self) -> None:
        self.push_screen(self._screen_for(new_draft(self._first)))
        self.call_after_refresh(self.open_outbox, self._cannot_open)

    @property
    def mail(self) -> MailScreen:
        """The mail being written; there always is one."""
        return next(screen for screen in self.screen_stack if isinstance(screen, MailScreen))

    def on_failed(self, message: Failed) -> None:
        if not self.screen_stack:
            return
        if not self.screen_stack:
            # The program is ending: what was to be told has nobody left to hear it.
            return
        if message.otherwise:
            message.otherwise(words(message.error))
        else:
            self.complain(words(message.error))
        self.mail.set_busy(busy=self._shown_is_sending())
        self.screen_is_there()

    # Opening, and who mail is sent as.

    def on_opened(self, message: Opened) -> None:
        if not self.screen_stack:
            return
        self._settings = message.settings
        if message.notices:
            self.mail.results.say("Since the last time", "\n".join(message.notices))
        self._usual_sender = message.sender
        if isinstance(self.mail, ComposeScreen):
            self.mail.offer_sender(message.sender)
        self.run_task(self._find_account, otherwise=lambda _: self._show_account("no account yet"))

    def _cannot_open(self, reason: str) -> None:
        self.mail.results.say("Drafts cannot be saved and nothing can be sent", reason)

    def _find_account(self, outbox: "Outbox") -> Next:
        account = outbox.accounts.find()
        return lambda: self._show_account(account.words)

    def _show_account(self, text: str) -> None:
        self._account_words = text
        self.mail.title_bar.show_account(text)

    def action_account(self) -> None:
        self._ask_account("The account ID is in Cloudflare's dashboard, tokens are made in its profile page.", None)

    def _ask_account(self, reason: str, then: SavedDraft | None) -> None:
        def answered(usable: bool | None) -> None:
            if usable and then is not None:
                self._prepare(then)

        self.push_screen(AccountScreen(reason), answered)

    def on_account_screen_entered(self, message: AccountScreen.Entered) -> None:
        screen = message.screen

        def add(outbox: "Outbox") -> Next:
            account, not_kept = outbox.accounts.add(
                message.account_id, message.secret, message.email, keep=message.keep
            )

            def accepted() -> None:
                self._show_account(account.words)
                screen.accepted()
                if not_kept:
                    self.notify(printable(not_kept, 400), severity="warning", markup=False, timeout=10)

            return accepted

        self.run_task(add, screen.refused)

    # Drafts, and one mail after another.

    def on_mail_screen_edited(self, message: MailScreen.Edited) -> None:
        self._save(message.draft)

    def _save(self, draft: SavedDraft, then: Next | None = None) -> None:
        def save(outbox: "Outbox") -> Next:
            outbox.save_draft(draft)
            return saved

        def saved() -> None:
            if self.mail.draft_id == draft.draft_id:
                self.mail.title_bar.show_saved(datetime.now(UTC))
            if then:
                then()

        self.run_task(save, lambda reason: self._not_saved(draft, reason, then))

    def _not_saved(self, draft: SavedDraft, reason: str, then: Next | None) -> None:
        if self.mail.draft_id == draft.draft_id:
            self.mail.not_kept()
        text = f"The draft could not be saved: {reason}"
        if then is None:
            self.complain(text)
            return

        def answered(answer: str | None) -> None:
            if answer == "leave":
                then()

        question = f"{text}\n\nIf you go on, what you typed is lost."
        self.push_screen(ChoiceScreen(question, {"stay": "Stay", "leave": "Go on and lose it"}), answered)

    def _when_kept(self, then: Next) -> None:
        """Do this once what was typed so far is on disk."""

        def keep() -> None:
            if self.mail.has_changed():
                self._save(self.mail.handed_over(), then)
            else:
                then()

        self.mail.when_typed(keep)

    def action_drafts(self) -> None:
        def load(outbox: "Outbox") -> Next:
            away = {reviewed.draft.draft_id for reviewed in self._sending.values() if reviewed.draft}
            others = tuple(draft for draft in outbox.drafts() if draft.draft_id not in {self.mail.draft_id, *away})
            return lambda: self.push_screen(DraftsScreen(others), self._open_draft)

        self._when_kept(lambda: self.run_task(load))

    def _open_draft(self, draft: SavedDraft | None) -> None:
        if draft is None:
            return

        def claim(outbox: "Outbox") -> Next:
            if outbox.open_draft(draft.draft_id):
                return partial(self._change_mail, draft)
            return partial(self._offer_copy, draft)

        self.run_task(claim)

    def _offer_copy(self, draft: SavedDraft) -> None:
        def answered(answer: str | None) -> None:
            if answer == "copy":
                self._change_mail(new_draft(draft.content))

        question = "This draft is open in another cfmail, and only one can keep it."
        self.push_screen(ChoiceScreen(question, {"leave": "Leave it there", "copy": "Open a copy here"}), answered)

    def action_new(self) -> None:
        self._when_kept(lambda: self._change_mail(new_draft(Draft(sender=self._usual_sender))))

    def action_switch_raw(self) -> None:
        form = isinstance(self.mail, RawScreen)
        first = Draft(sender=self._usual_sender) if form else RawDraft(source=NEW_SOURCE)
        self._when_kept(lambda: self._change_mail(new_draft(first)))

    def on_raw_screen_open_requested(self) -> None:
        def chosen(path: str | None) -> None:
            if path:
                self.run_task(lambda outbox: partial(self._change_mail, new_draft(outbox.open_raw(path))))

        self._when_kept(lambda: self.push_screen(PathScreen("Open an .eml file"), chosen))

    def _change_mail(self, draft: SavedDraft) -> None:
        """Show another mail; the one that is being sent goes on, after asking."""
        if not self._shown_is_sending():
            self._show_mail(draft)
            return

        def answered(answer: str | None) -> None:
            if answer == "leave":
                self._show_mail(draft)

        question = "A mail is being sent. It goes on in the background; its outcome will be in the history."
        self.push_screen(ChoiceScreen(question, {"stay": "Stay", "leave": "Go on"}), answered)

    def _screen_for(self, draft: SavedDraft) -> MailScreen:
        return RawScreen(draft) if isinstance(draft.content, RawDraft) else ComposeScreen(draft)

    def _show_mail(self, draft: SavedDraft) -> None:
        old = self.mail
        left = old.draft_id
        self.run_task(lambda outbox: _nothing(outbox.close_draft(left)), _ignored)
        if isinstance(old, RawScreen) == isinstance(draft.content, RawDraft):
            old.set_busy(busy=False)
            old.results.clear()
            old.load(draft)
            self.screen_is_there()
            return
        while self.screen is not old:
            self.pop_screen()
        screen = self._screen_for(draft)
        self.switch_screen(screen)
        screen.title_bar.show_account(self._account_words)

    # Attachments and the external editor.

    def on_compose_screen_attach_requested(self, message: ComposeScreen.AttachRequested) -> None:
        self.push_screen(AttachScreen(message.attachments, message.screen.set_attachments))

    def on_mail_screen_editor_requested(self, message: MailScreen.EditorRequested) -> None:
        self.run_task(lambda _outbox: partial(self._edit, message))

    def _edit(self, message: MailScreen.EditorRequested) -> None:
        from cfmail_tui.ui.editor import edit

        assert self._settings
        with self.suspend():
            left = edit(message.content, self._settings.editor, self._settings.data_dir, message.suffix)
        try:
            if isinstance(left, MailError):
                raise left
            self.mail.edited(message.body_id, left)
        except (MailError, UnicodeDecodeError) as error:
            self.complain(words(error))
        self.screen_is_there()

    # Review and send.

    def on_mail_screen_review_requested(self, message: MailScreen.ReviewRequested) -> None:
        self._prepare(message.draft)

    def _prepare(self, draft: SavedDraft) -> None:
        def prepare(outbox: "Outbox") -> Next:
            from cfmail_tui.outbox import NoAccount

            outbox.save_draft(draft)
            try:
                reviewed = outbox.prepare(draft.content, draft)
            except NoAccount as error:
                reason = str(error)
                return lambda: self._without_account(reason, draft)
            except MessageError as error:
                problems = error.problems
                return lambda: self._unsendable(draft, problems)
            return lambda: self._review(outbox, reviewed)

        self.mail.set_busy(busy=True)
        self.run_task(prepare)

    def _unsendable(self, draft: SavedDraft, problems: Sequence[Problem]) -> None:
        if self.mail.draft_id == draft.draft_id:
            self.mail.set_busy(busy=False)
            self.mail.show_problems(problems)
            self.screen_is_there()

    def _without_account(self, reason: str, draft: SavedDraft) -> None:
        self.mail.set_busy(busy=False)
        self._ask_account(reason, draft)

    def _review(self, outbox: "Outbox", reviewed: "Reviewed") -> None:
        def answered(answer: str | None) -> None:
            if answer == "send":
                self._start_sending(outbox, reviewed)
                return
            self.mail.set_busy(busy=self._shown_is_sending())
            self.run_task(lambda outbox: _nothing(outbox.discard(reviewed)))
            if answer == "attach" and isinstance(self.mail, ComposeScreen):
                self.mail.action_attach()
            elif answer == "headers":
                self.mail.focus_place(Place.HEADERS)
            elif answer == "postpone":
                self.action_new()

        if not reviewed.draft or self.mail.draft_id != reviewed.draft.draft_id:
            answered(None)  # another mail was opened while this one was prepared
            return
        self.push_to_be_seen(ReviewScreen(reviewed, outbox.base_url), answered)

    def on_review_screen_wire_body_requested(self, message: ReviewScreen.WireBodyRequested) -> None:
        def load(outbox: "Outbox") -> Next:
            body = outbox.wire_body(message.attempt_id, _WIRE_BODY_SHOWN)
            title = (
                f"Wire body, the first {_WIRE_BODY_SHOWN // 1024} KiB" if len(body) == _WIRE_BODY_SHOWN else "Wire body"
            )
            return lambda: self.push_screen(TextScreen(title, body.decode("utf-8", "replace")))

        self.run_task(load)

    def _start_sending(self, outbox: "Outbox", reviewed: "Reviewed") -> None:
        self._sending[reviewed.submission.attempt_id] = reviewed
        self.mail.set_busy(busy=True)
        self.mail.results.sending(0, reviewed.submission.body_size)
        self.send(outbox, reviewed)

    def on_progressed(self, message: Progressed) -> None:
        if self.screen_stack and self._is_shown(message.attempt_id):
            self.mail.results.sending(message.sent, message.total)

    def _is_shown(self, attempt_id: str) -> bool:
        """Whether the mail on the screen is the one that is being sent."""
        reviewed = self._sending.get(attempt_id)
        return bool(reviewed and reviewed.draft and reviewed.draft.draft_id == self.mail.draft_id)

    def _shown_is_sending(self) -> bool:
        return any(map(self._is_shown, self._sending))

    def on_finished(self, message: Finished) -> None:
        if not self.screen_stack:
            return
        shown = self._is_shown(message.attempt_id)
        reviewed = self._sending.pop(message.attempt_id)
        outcome = message.attempt.outcome if message.attempt else None
        if shown:
            self._show_outcome(message, accepted=isinstance(outcome, Accepted))
        else:
            text = headline(message.attempt) if message.attempt else message.words
            self.notify(printable(f"{text}: {reviewed.submission.subject}"), markup=False, timeout=10)
        if self._leave_when_done and not self._sending:
            self._when_kept(self.exit)

    def _show_outcome(self, message: Finished, *, accepted: bool) -> None:
        mail = self.mail
        mail.set_busy(busy=False)
        if accepted:
            # The draft is done with; a raw source stays for the next try, under a name of its own.
            content = mail.content()
            if isinstance(content, Draft):
                self._usual_sender = content.sender
                self.run_task(lambda outbox: _nothing(outbox.remember_sender(content.sender)))
                content = Draft(sender=content.sender)
            mail.load(new_draft(content))
        if message.attempt:
            mail.results.finished(message.attempt)
        else:
            mail.results.say("Not sent", message.words)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Ctrl+C cancels only while there is something to cancel; else it copies."""
        if action == "cancel_sending":
            return bool(self._sending)
        return super().check_action(action, parameters)

    def action_cancel_sending(self) -> None:
        def answered(answer: str | None) -> None:
            if answer == "stop":
                self._cancel_all()

        question = "Stop sending? If the whole mail has left already, only the waiting ends and the outcome is unknown."
        self.push_screen(ChoiceScreen(question, {"go-on": "Go on sending", "stop": "Stop"}), answered)

    def _cancel_all(self) -> None:
        for attempt_id in self._sending:
            self.run_task(lambda outbox, attempt_id=attempt_id: _nothing(outbox.cancel(attempt_id)))

    # History, help, leaving.

    def action_history(self) -> None:
        self._when_kept(lambda: self.push_screen(HistoryScreen()))

    def action_help(self) -> None:
        places: tuple[Where, ...] = getattr(self.screen, "PLACES", ())
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(places))

    async def action_quit(self) -> None:
        if not self._sending:
            self._when_kept(self.exit)
            return

        def answered(answer: str | None) -> None:
            if answer == "stop":
                self._cancel_all()
            if answer in {"stop", "wait"}:
                self._leave_when_done = True
                self.mail.results.waiting("leaving as soon as the outcome is written down")
                if not self._sending:
                    self._when_kept(self.exit)

        answers = {"stay": "Stay", "wait": "Leave when it is done", "stop": "Stop sending and leave"}
        self.push_screen(ChoiceScreen("A mail is being sent.", answers), answered)


def _ignored(_reason: str) -> None:
    """A claim that could not be given back ends with this program."""


def _nothing(_done: None) -> Next:
    """What follows when nothing does."""
    return lambda: None
