"""The application: owns the workers, hands requests of the screens to the outbox and results back to the screens.

Invariants:
- the only `@work` in the program is here: threads that only post messages; a send is never exclusive and belongs to no
  screen, so that leaving a screen or quitting cannot cut it off from its record;
- the outbox, and with it database, keyring and HTTP, is opened by a worker after the first frame; if that fails, again
  by the next worker that wants it;
- what is typed is on disk before another mail is shown or the program ends, or the user was asked.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import BindingType
from textual.screen import Screen
from textual.widget import AwaitMount
from textual.worker import get_current_worker

from cfmail_tui.message import Draft, MailError, RawDraft, printable
from cfmail_tui.still import Still
from cfmail_tui.ui.commands import Keymap, bindings
from cfmail_tui.ui.compose import ComposeScreen
from cfmail_tui.ui.endings import OPENING, EndingApp
from cfmail_tui.ui.fields import words
from cfmail_tui.ui.keyed import KeyedApp
from cfmail_tui.ui.mail import MailScreen, new_draft
from cfmail_tui.ui.parts import Parts
from cfmail_tui.ui.work import Done, Failed, Finished, Next, Opened, Progressed, Steps, Task, is_for_one_of, tidied

if TYPE_CHECKING:
    from cfmail_tui.outbox import Outbox, Reviewed
    from cfmail_tui.settings import Settings
    from cfmail_tui.ui.account import AccountScreen
    from cfmail_tui.ui.accounts import AccountsScreen
    from cfmail_tui.ui.attach import AttachScreen
    from cfmail_tui.ui.chart import ChartScreen
    from cfmail_tui.ui.choose import OpenScreen
    from cfmail_tui.ui.completion import RecipientField
    from cfmail_tui.ui.drafts import DraftsScreen
    from cfmail_tui.ui.history import HistoryScreen
    from cfmail_tui.ui.outcome import OutcomeScreen
    from cfmail_tui.ui.passphrase import PassphraseScreen
    from cfmail_tui.ui.picker import PickerScreen
    from cfmail_tui.ui.proof import ProofScreen
    from cfmail_tui.ui.raw import RawScreen
    from cfmail_tui.ui.review import ReviewScreen
    from cfmail_tui.ui.snippet import SnippetScreen
    from cfmail_tui.ui.source import SourceArea

PROGRESS_EVERY = 0.25
"""Seconds between two updates of the progress line."""

THREADS_TAKE_TURNS = 0.001
"""Seconds that one thread computes while another waits to; of the way from `y` to the wire, 5 ms make half."""

_LOOKS = Path(__file__).with_name("screens.tcss")

_CANNOT_OPEN = "Drafts cannot be saved and nothing can be sent"


class OutboxApp(KeyedApp, EndingApp):
    """Runs tasks on the outbox in threads, and answers what screens ask of it.

    `opened` gives the outbox and settings, and closes them in the end.
    """

    def __init__(self, opened: Callable[[], AbstractContextManager[tuple[Outbox, Settings]]]) -> None:
        super().__init__()
        self._opened = opened
        self._resources = ExitStack()
        self._outbox: Outbox | None = None
        self._outbox_lock = threading.Lock()

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
            self._ready_outbox(OPENING).save_draft(draft)

    def _ready_outbox(self, patience: float = -1) -> Outbox:
        """The outbox, opened now if it could not be before. Raises MailError if it cannot be, or not in these seconds.

        What is typed or pressed in the first moments waits here, and is done as soon as it can be.
        """
        if not self._outbox_lock.acquire(timeout=patience):
            raise MailError("the program could not open its data in time")
        try:
            if self._outbox is None:
                # The others are needed for the answer, and are not to be loaded where keys wait.
                from cfmail_tui.ui import attaching, drafts, identifying  # noqa: F401
                from cfmail_tui.ui.drafting import rescued

                self._outbox, settings = self._resources.enter_context(self._opened())
                outbox = self._outbox
                notices = (*outbox.notices, *rescued(outbox, settings.data_dir))
                self.post_message(Opened(settings, outbox.usual_sender(), notices, outbox.unfinished()))
            return self._outbox
        finally:
            self._outbox_lock.release()

    @work(thread=True, group="open", description="open the outbox", exit_on_error=False)
    def open_outbox(self, otherwise: Callable[[str], object]) -> None:
        try:
            self._ready_outbox()
        except Exception as error:  # noqa: BLE001 - the worker boundary
            self.post_message(Failed(error, otherwise))
        self.load_the_rest()
        if self._outbox and (problems := tidied(self._outbox, get_current_worker())):
            self.post_message(Done(partial(self.complain, problems, "Address files")))

    @work(thread=True, group="task", description="a task of the outbox", exit_on_error=False)
    def run_task(self, task: Task, otherwise: Callable[[str], object] | None = None) -> None:
        again = partial(self.run_task, task, otherwise)
        self._work_off(lambda: iter([task(self._ready_outbox())]), otherwise, again)

    @work(thread=True, group="steps", description="something done in steps", exit_on_error=False)
    def run_steps(self, steps: Steps, otherwise: Callable[[str], object] | None = None) -> None:
        self._work_off(steps, otherwise)

    def _work_off(
        self, steps: Steps, otherwise: Callable[[str], object] | None = None, again: Next | None = None
    ) -> None:
        try:
            for then in steps():
                self.post_message(Done(then))
        except Exception as error:  # noqa: BLE001 - the worker boundary
            self.post_message(Failed(error, otherwise, again))

    @work(thread=True, group="send", description="send a mail", exit_on_error=False)
    def send(self, reviewed: Reviewed) -> None:
        from cfmail_tui.outbox import NotRecorded
        from cfmail_tui.ui.sending import told_later

        attempt_id = reviewed.submission.attempt_id
        shown_at, again_in = 0.0, None

        def progress(sent: int, total: int) -> None:
            nonlocal shown_at
            if sent == total or time.monotonic() - shown_at >= PROGRESS_EVERY:
                shown_at = time.monotonic()
                self.post_message(Progressed(attempt_id, sent, total))

        def later(seconds: float) -> None:
            nonlocal again_in
            again_in = seconds

        try:
            assert self._outbox  # what is sent was reviewed, and what was reviewed was prepared by it
            attempt = self._outbox.send(reviewed, progress, later)
            if not self.post_message(Finished(attempt_id, attempt, again_in=again_in)):
                self._outbox.leave_word(told_later(attempt))
        except NotRecorded as error:
            self.post_message(Finished(attempt_id, error.attempt, words(error)))
        except Exception as error:  # noqa: BLE001 - the worker boundary
            self.post_message(Finished(attempt_id, None, words(error)))

    def on_done(self, message: Done) -> None:
        if self.can_follow(message.then):
            message.then()

    def can_follow(self, then: Callable[..., object]) -> bool:
        """Whether there is still a screen for what a worker tells: not at the end, nor where the screen was left."""
        return not self._exit and bool(self.screen_stack) and is_for_one_of(self.screen_stack, then)

    def on_drafts_screen_restore_requested(self, message: DraftsScreen.RestoreRequested) -> None:
        screen = message.screen
        self.run_task(lambda outbox: partial(screen.restored, outbox.restore_draft(message.draft_id)))

    def load_the_rest(self) -> None:
        """What was left out for a quick start: no key may later need a file that cannot be opened any more."""
        with suppress(OSError):
            from rich.cells import cell_len
            from textual import scrollbar  # noqa: F401 - loading is all

            from cfmail_tui import attachments  # noqa: F401
            from cfmail_tui.browse import clipboard  # noqa: F401
            from cfmail_tui.ui import attach, chart, crash, editor, jumping, palette  # noqa: F401

            Parts.load()

            cell_len("\N{CJK UNIFIED IDEOGRAPH-5B57}")  # loads the table of widths

    def complain(self, text: str, title: str = "That did not work") -> None:
        """Tell the user what did not work, where it stays to be read unless a mail's progress stands there."""
        if isinstance(self.screen, MailScreen) and not self.screen.is_busy:
            self.screen.results.say(title, text)
        else:
            self.notify(printable(text, 400), severity="error", markup=False, timeout=10)


class CfmailApp(Parts, OutboxApp):
    """cfmail in a terminal, starting with this mail."""

    TITLE = "cfmail"
    CSS_PATH = "form.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual declares it so
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("everywhere")]

    def __init__(
        self,
        opened: Callable[[], AbstractContextManager[tuple[Outbox, Settings]]],
        first: Draft | RawDraft,
        *,
        notes: tuple[str, ...] = (),
        choose_from: str = "",
        when_left: Callable[[int], None] = lambda _code: None,
        reports: Callable[[], Path] | None = None,
        still: Still | None = None,
        keymap: Callable[[], Keymap] | None = None,
    ) -> None:
        """`notes` say what was done to have the mail; of what is at the path `choose_from` one is to be chosen instead.

        `when_left` is called with the exit code when the terminal is given back, and work goes on without it. `still`
        is what the terminal shows until the app takes it over, `keymap` reads the user's keys.
        """
        super().__init__(opened)
        self.when_left = when_left
        self.reports = reports
        self.still = still
        self.read_keymap = keymap
        self._first = first
        self._notes = notes
        self._choose_from = choose_from
        self._first_frame = ExitStack()
        self._looks = ""
        self.settings: Settings | None = None

    def get_default_screen(self) -> MailScreen:
        """The first mail, with nothing below it that would have to be styled and laid out as well."""
        draft = new_draft(self._first)
        if isinstance(self._first, Draft):
            screen: MailScreen = ComposeScreen(draft)
        else:
            from cfmail_tui.ui.raw import RawScreen

            self._dress()
            screen = RawScreen(draft)
        # Textual would add it later, and style everything anew.
        widths = (name for least, name in reversed(self.HORIZONTAL_BREAKPOINTS) if self.size.width >= least)
        screen.add_class(next(widths), update=False)
        # textual/app.py:3004 takes it off a screen that is switched from, and puts it on those that are pushed only.
        screen._push_result_callback(self, None)  # noqa: SLF001
        return screen

    def load_the_rest(self) -> None:
        super().load_the_rest()
        with suppress(OSError):
            self._looks = _LOOKS.read_text("utf-8")

    def _dress(self) -> None:
        """Have the looks of screens beside the form, before the first of them is made."""
        self.stylesheet.add_source(self._looks or _LOOKS.read_text("utf-8"), (str(_LOOKS), ""))

    def _get_screen(self, screen: Screen[Any] | str) -> tuple[Screen[Any], AwaitMount]:
        # textual/app.py:2797: here what is pushed or switched to, but not the first mail, is styled.
        self._dress()
        return super()._get_screen(screen)

    def on_mount(self) -> None:
        # What is painted before all of it is there would be less than the still shows.
        self._first_frame.enter_context(self.batch_update())

    def on_mail_screen_begun(self) -> None:
        """A mail is there, and its focus was asked for before this was said."""
        if self.is_beginning and not self.is_frame_held:
            # What was pressed meanwhile is worked off on a form that is laid out, and drawn at once with it.
            self.is_frame_held = True
            self._first_frame.close()
            self.call_after_refresh(self.begin)

    def begin(self) -> None:
        if isinstance(self._first, Draft) and not self._first.sender:
            # Who writes is filled in once the data is open, and keys are meant for the field after it.
            self.screen_will_come()
        super().begin()

    def all_taken(self) -> None:
        if self.is_frame_held and not self.is_beginning and self.screen_stack:
            self.draw_held()
            # What is there now stays: it need never be looked through for garbage.
            gc.freeze()
            gc.enable()
            # A thread that sends or searches has to wait for the screen's each time it comes back from the disk.
            sys.setswitchinterval(THREADS_TAKE_TURNS)
            self.call_after_refresh(self.open_outbox, self._cannot_open)

    async def run_async(self, **how: Any) -> int | None:
        """Run it; what is in flight at the end is waited for by the event loop, here or in the background."""
        code = await super().run_async(**how)
        if self.leaving.in_background:
            self.when_left(code or 0)
        return code

    def close(self) -> None:
        self.composing.forget_pages()
        super().close()

    @property
    def mail(self) -> MailScreen:
        """The mail being written; there always is one."""
        return next(screen for screen in self.screen_stack if isinstance(screen, MailScreen))

    def on_failed(self, message: Failed) -> None:
        if self._exit or not self.screen_stack:
            # The program is ending: what was to be told has nobody left to hear it.
            return
        self.mail.set_busy(busy=self.sending.shown is not None)
        if not self.identifying.is_missing(message, partial(self._tell, message)):
            self._tell(message)

    def _tell(self, message: Failed) -> None:
        if message.otherwise and self.can_follow(message.otherwise):
            message.otherwise(words(message.error))
        elif not message.otherwise:
            self.complain(words(message.error))
        self.screen_is_there()

    # Opening, and who mail is sent as.

    def on_opened(self, message: Opened) -> None:
        if not self.screen_stack:
            return
        self.settings = message.settings
        self.know_keys()
        self.mail.tell_keys()
        self.looks.settle(message.settings)
        self.mail.results.take_back(_CANNOT_OPEN)
        from cfmail_tui.ui.drafts import told_unfinished

        if news := [
            *self._notes,
            *message.notices,
            *self.keymap.notices,
            *told_unfinished(message.unfinished, self.keymap),
        ]:
            self.mail.results.say("Opened" if self._notes else "Since the last time", "\n".join(news))
        self.identifying.begin(message.sender)
        self.call_later(self.screen_is_there)
        self.attaching.forget_kept()
        if self._choose_from:
            self.opening.open(self._choose_from)

    def _cannot_open(self, reason: str) -> None:
        self.mail.results.say(_CANNOT_OPEN, reason)
        self.screen_is_there()

    def action_account(self) -> None:
        self.identifying.choose()

    def on_title_state_pressed(self) -> None:
        if self.screen is self.mail:
            self.identifying.choose()

    def on_accounts_screen_requested(self, message: AccountsScreen.Requested) -> None:
        self.identifying.list_for(message.screen)

    def on_accounts_screen_add_requested(self, message: AccountsScreen.AddRequested) -> None:
        self.identifying.add("It can be one more, or one to replace another.", message.screen.refresh_list)

    def on_accounts_screen_inspect_requested(self, message: AccountsScreen.InspectRequested) -> None:
        self.identifying.inspect(message.name, message.screen)

    def on_accounts_screen_default_requested(self, message: AccountsScreen.DefaultRequested) -> None:
        self.identifying.make_default(message.name, message.screen)

    def on_accounts_screen_remove_requested(self, message: AccountsScreen.RemoveRequested) -> None:
        self.identifying.remove(message.name, message.screen)

    def on_accounts_screen_identity_requested(self, message: AccountsScreen.IdentityRequested) -> None:
        self.identifying.change_identity(message)

    def on_account_screen_check_requested(self, message: AccountScreen.CheckRequested) -> None:
        self.identifying.check(message)

    def on_account_screen_add_requested(self, message: AccountScreen.AddRequested) -> None:
        self.identifying.keep(message)

    def on_passphrase_screen_entered(self, message: PassphraseScreen.Entered) -> None:
        self.identifying.unlock(message)

    # Drafts, and one mail after another.

    def on_mail_screen_edited(self, message: MailScreen.Edited) -> None:
        self.drafting.save(message.draft)

    def action_drafts(self) -> None:
        self.drafting.choose()

    def on_drafts_screen_delete_requested(self, message: DraftsScreen.DeleteRequested) -> None:
        self.sending.forget(message.draft_id)
        self.run_task(lambda outbox: partial(_nothing, outbox.delete_draft(message.draft_id)))

    def on_drafts_screen_send_requested(self, message: DraftsScreen.SendRequested) -> None:
        draft, waiting = message.unfinished.draft, message.unfinished.waiting
        if departure := self.sending.departures.by_draft(draft.draft_id):
            self.sending.departures.hurry(departure)
        elif waiting:
            self.reviewing.again(waiting.attempt)

    def action_new(self) -> None:
        self.drafting.change(self.identifying.next_mail())

    # Messages opened, and made into one another.

    def action_switch_raw(self) -> None:
        self.opening.turn()

    def action_templates(self) -> None:
        self.opening.begin()

    def on_raw_screen_open_requested(self, message: RawScreen.OpenRequested) -> None:
        self.opening.answer(message)

    def on_open_screen_picked(self, message: OpenScreen.Picked) -> None:
        self.opening.open(message.path, message.screen, message.typed)

    def on_raw_screen_asked(self, message: RawScreen.Asked) -> None:
        self.looking.answer(message)

    def discard(self, reviewed: Reviewed) -> None:
        """Forget a reviewed mail that is not sent after all."""
        self.run_task(lambda outbox: partial(_nothing, outbox.discard(reviewed)))

    def leave_word(self, text: str) -> None:
        """Have it told at the next start; before this returns, as no worker is begun at the end."""
        if self._outbox:
            with suppress(MailError):
                self._outbox.leave_word(text)

    def remember_sender(self, sender: str) -> None:
        """Offer this From for the next mail."""
        self.identifying.remember_sender(sender)
        self.run_task(lambda outbox: partial(_nothing, outbox.remember_sender(sender)))

    # Attachments and the external editor.

    def on_compose_screen_attach_requested(self, message: ComposeScreen.AttachRequested) -> None:
        self.attaching.choose(message.screen)

    def on_proof_screen_browser_requested(self, message: ProofScreen.BrowserRequested) -> None:
        self.composing.open_browser(message)

    def on_checked_form_asked(self, message: ComposeScreen.Asked) -> None:
        self.composing.answer(message)

    def on_recipient_field_asked(self, message: RecipientField.Asked) -> None:
        self.composing.complete(message)

    def on_compose_screen_markdown_requested(self, message: ComposeScreen.MarkdownRequested) -> None:
        self.composing.offer_markdown(message.screen)

    def on_compose_screen_paths_pasted(self, message: ComposeScreen.PathsPasted) -> None:
        self.attaching.read_paste(message)

    def on_picker_screen_folder_requested(self, message: PickerScreen.FolderRequested) -> None:
        self.attaching.read(message)

    def on_picker_screen_arrange_requested(self, message: PickerScreen.ArrangeRequested) -> None:
        self.attaching.arrange(message)

    def on_picker_screen_find_requested(self, message: PickerScreen.FindRequested) -> None:
        self.attaching.find(message)

    def on_picker_screen_facts_requested(self, message: PickerScreen.FactsRequested) -> None:
        self.attaching.look(message)

    def on_picker_screen_preview_requested(self, message: PickerScreen.PreviewRequested) -> None:
        self.attaching.preview(message)

    def on_attach_screen_check_requested(self, message: AttachScreen.CheckRequested) -> None:
        self.attaching.check(message)

    def on_attach_screen_size_requested(self, message: AttachScreen.SizeRequested) -> None:
        self.attaching.weigh_attached(message)

    def on_attach_screen_reference_requested(self, message: AttachScreen.ReferenceRequested) -> None:
        self.attaching.refer(message)

    def on_attach_screen_clipboard_requested(self, message: AttachScreen.ClipboardRequested) -> None:
        self.attaching.take_clipboard(message)

    def on_source_area_file_requested(self, message: SourceArea.FileRequested) -> None:
        self.body_files.answer(message)

    def on_source_area_refused(self, message: SourceArea.Refused) -> None:
        self.complain(message.words, "The source is as it was")

    def on_mail_screen_editor_requested(self, message: MailScreen.EditorRequested) -> None:
        self.run_task(lambda _outbox: partial(self.drafting.edit, message))

    # Review and send.

    def on_mail_screen_review_requested(self, message: MailScreen.ReviewRequested) -> None:
        self.reviewing.prepare(message.draft)

    def on_review_screen_wire_body_requested(self, message: ReviewScreen.WireBodyRequested) -> None:
        self.reviewing.wire_body(message.attempt_id)

    def on_review_screen_proof_requested(self, message: ReviewScreen.ProofRequested) -> None:
        if isinstance(message.draft.content, Draft):
            self.composing.prove(message.draft.content, message.draft.account)

    def on_review_screen_test_requested(self, message: ReviewScreen.TestRequested) -> None:
        self.reviewing.test(message.screen)

    def on_review_screen_copy_requested(self, message: ReviewScreen.CopyRequested) -> None:
        self.reviewing.copy(message.reviewed)

    def on_outcome_screen_wanted(self, message: OutcomeScreen.Wanted) -> None:
        self.following.answer(message)

    def on_snippet_screen_wanted(self, message: SnippetScreen.Wanted) -> None:
        self.following.take(message)

    def action_outcome(self) -> None:
        self.following.show()

    def on_progressed(self, message: Progressed) -> None:
        if self.screen_stack:
            self.sending.progressed(message)

    def on_finished(self, message: Finished) -> None:
        if self.screen_stack:
            self.sending.finished(message)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Ctrl+C cancels only while there is something to cancel; else it copies."""
        if action == "cancel_sending":
            return self.is_sending and self.sending.can_be_stopped
        return super().check_action(action, parameters)

    def action_cancel_sending(self) -> None:
        self.sending.ask_to_stop()

    def on_mail_screen_take_back_requested(self) -> None:
        if departure := self.sending.shown:
            self.sending.take_back(departure)

    def on_mail_screen_hurry_requested(self) -> None:
        if departure := self.sending.shown:
            self.sending.departures.hurry(departure)

    # History, help, leaving.

    def on_history_screen_requested(self, message: HistoryScreen.Requested) -> None:
        self.recalling.answer(message)

    def on_chart_screen_requested(self, message: ChartScreen.Requested) -> None:
        self.recalling.count(message)

    def action_history(self) -> None:
        self.recalling.open()

    async def action_quit(self) -> None:
        self.leaving.ask()

    def bring_to_end(self, code: int) -> None:
        self.leaving.told(code)


def _nothing(_done: None) -> None:
    """What follows when nothing does."""
