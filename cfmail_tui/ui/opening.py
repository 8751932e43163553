"""All ways into the raw editor and out of it: files and mailboxes, templates, pastes, what was sent, and the form.

Invariant: whatever is opened instead of a mail, that mail stays among the drafts. Where something of a message cannot
be carried over, that is said before, and the message is kept as it is.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from secrets import token_hex
from typing import TYPE_CHECKING, Final

from cfmail_tui.message import Draft, MailError, MessageError, Place, RawDraft, SavedDraft, parse_mailboxes, printable
from cfmail_tui.submission import Attempt
from cfmail_tui.ui.dialogs import ChoiceScreen
from cfmail_tui.ui.fields import Pasted
from cfmail_tui.ui.mail import new_draft
from cfmail_tui.ui.raw import RawScreen
from cfmail_tui.ui.work import Next

if TYPE_CHECKING:
    from cfmail_tui import mime
    from cfmail_tui.attachments.mailbox_files import Listed
    from cfmail_tui.outbox import Outbox
    from cfmail_tui.ui.app import CfmailApp
    from cfmail_tui.ui.choose import ListScreen, OpenScreen
    from cfmail_tui.ui.history import HistoryScreen
    from cfmail_tui.ui.outcome import OutcomeScreen

_LISTED_AT_MOST: Final = 50_000
"""Messages of a mailbox that are listed; the command line takes any by its number."""

_BLOCK: Final = 500


class Opening:
    """Opens messages, for the app."""

    def __init__(self, app: "CfmailApp") -> None:
        self._app = app
        self._made: tuple[str, RawDraft, SavedDraft] | None = None
        """The raw draft that a form was made into last, as it was then, and that form: it has lost nothing yet."""

    def answer(self, asked: RawScreen.OpenRequested) -> None:
        """Open what the raw screen wants."""
        if asked.pasted:
            self._take_paste(asked.pasted, asked.screen)
        else:
            self._app.drafting.when_kept(self._pick)

    # Files and mailboxes.

    def _pick(self) -> None:
        """Let a file be picked, beginning where the picker was left the last time."""
        from cfmail_tui.ui.choose import OpenScreen  # with what it previews it would be half of the start

        attaching, screen = self._app.attaching, OpenScreen(self._app.attaching.folder)

        def left(_nothing: None) -> None:
            attaching.folder = screen.folder or attaching.folder

        self._app.push_screen(screen, left)

    def open(self, path: str, screen: "OpenScreen | None" = None, typed: str = "") -> None:
        """Open the message at a path, or let one of several be chosen; of a folder that is no Maildir, go into it."""

        def look(_outbox: "Outbox") -> Next:
            from cfmail_tui import browse
            from cfmail_tui.attachments import mailbox_files, read_source
            from cfmail_tui.prefill import raw_draft

            if screen and browse.look(path).kind == "folder" and not mailbox_files.is_maildir(path):
                return partial(self._enter, path, screen)
            if mailbox_files.kind_of(path) == "message":
                return partial(self._show, raw_draft(read_source(path, Place.SOURCE)), (), screen)
            first = tuple(islice(mailbox_files.listed(path), 2))
            if len(first) > 1:
                return partial(self._list, path, screen)
            if not first:
                raise MailError(f"{printable(path, 300)} has no message in it")
            taken = mailbox_files.extracted(first[0])
            return partial(self._show, raw_draft(taken.source), taken.notes, screen)

        self._app.screen_will_come()
        self._app.run_task(look, (lambda words: screen.refused(words, typed)) if screen else None)

    def _enter(self, path: str, screen: "OpenScreen") -> None:
        if screen.is_attached:
            screen.open_folder(path)
        self._app.screen_is_there()

    def _list(self, path: str, below: "OpenScreen | None") -> None:
        """Let one of the messages at a path be chosen, which are listed as they are found."""
        from cfmail_tui.ui.choose import ListScreen

        if below and not below.is_active:
            return

        def chosen(found: "Listed | None") -> None:
            if found:
                self._extract(found, below)

        name = path.rstrip("/").rpartition("/")[2]
        screen: ListScreen[Listed] = ListScreen(name, "reading …", _described)
        self._app.push_screen(screen, chosen)
        self._app.run_steps(partial(_blocks, path, screen))

    def _extract(self, found: "Listed", screen: "OpenScreen | None") -> None:
        def extract(_outbox: "Outbox") -> Next:
            from cfmail_tui.attachments import mailbox_files
            from cfmail_tui.prefill import raw_draft

            taken = mailbox_files.extracted(found)
            return partial(self._show, raw_draft(taken.source), taken.notes, screen)

        self._app.screen_will_come()
        self._app.run_task(extract, (lambda words: screen.refused(words, "")) if screen else None)

    def _show(self, raw: RawDraft, notes: tuple[str, ...], screen: "OpenScreen | None") -> None:
        if screen:
            if not screen.is_active:
                return  # it was left meanwhile
            screen.dismiss()
        self._put(new_draft(raw), notes)

    def _put(self, draft: SavedDraft, notes: tuple[str, ...] = ()) -> None:
        """Show this mail, once what was typed meanwhile is on the disk."""
        self._app.drafting.when_kept(partial(self._app.drafting.show, draft, partial(self.tell, notes)))

    def tell(self, notes: tuple[str, ...]) -> None:
        """Say what was done to have the message, if anything."""
        if notes:
            self._app.mail.results.say("Opened", "\n".join(notes))

    def _take_paste(self, pasted: Pasted, screen: RawScreen) -> None:
        """Open what was pasted into a source that nobody touched, if it is a message, or the path of a file."""
        from cfmail_tui import browse, mime
        from cfmail_tui.prefill import raw_draft

        source = mime.crlf(pasted.inserted.encode("utf-8", "surrogatepass"))
        if mime.is_message(source):
            screen.take_pasted(raw_draft(source), raw_draft(screen.before(pasted)))
        elif any(browse.pasted_words(pasted.text)):
            self._app.run_steps(lambda: iter([partial(self._open_pasted, pasted, browse.pasted_paths(pasted.text))]))

    def _open_pasted(self, pasted: Pasted, paths: tuple[str, ...]) -> None:
        if len(paths) == 1 and self._app.screen is self._app.mail and pasted.take_out():
            self.open(paths[0])

    # Templates.

    def begin(self) -> None:
        """Let a template be chosen, and begin with it, from and to whom the mail on the screen is."""
        from cfmail_tui import mime
        from cfmail_tui.ui.choose import ListScreen

        def chosen(template: mime.Template | None) -> None:
            if template:
                content = self._app.mail.content()
                self._app.run_task(partial(self._filled, template, content))

        screen = ListScreen("Templates", "an example to begin with", _told_template, mime.TEMPLATES)
        self._app.drafting.when_kept(lambda: self._app.push_screen(screen, chosen))

    def _filled(self, template: "mime.Template", content: Draft | RawDraft, outbox: "Outbox") -> Next:
        from cfmail_tui import mime
        from cfmail_tui.prefill import raw_draft

        usual = mime.Filled()
        sender = _first_address(content.sender) or _first_address(self._app.identifying.usual_sender) or usual.sender
        to = _first_address(content.to if isinstance(content, Draft) else content.recipients) or usual.to
        date, message_id = outbox.stamp(sender.rpartition("@")[2])
        source = template.source(mime.Filled(sender, to, date, message_id, f"=_{token_hex(12)}"))
        return partial(self._put, new_draft(raw_draft(source)))

    # Between the form and the raw editor.

    def turn(self) -> None:
        """Show the MIME that the form makes; of a raw message the form.

        Where nothing was typed yet, or the mail is on its way, another one is begun.
        """
        mail = self._app.mail
        content = mail.content()
        if isinstance(mail, RawScreen) and isinstance(content, RawDraft):
            if mail.is_busy or mail.is_untouched:
                self._app.drafting.change(self._app.identifying.next_mail())
            elif self._made and (mail.draft_id, content) == self._made[:2]:
                self._app.drafting.open(self._made[2])
            else:
                self._app.drafting.save(mail.handed_over(), partial(self._ask_for_form, content, mail.account))
        elif mail.is_busy or mail.is_blank():
            self._app.looking.begin()
        elif isinstance(content, Draft):
            saved = mail.handed_over()
            self._app.drafting.save(saved, partial(self._as_raw, content, saved))

    def _as_raw(self, draft: Draft, saved: SavedDraft) -> None:
        def convert(outbox: "Outbox") -> Next:
            from cfmail_tui.outbox.conversion import raw_of

            try:
                raw = replace(new_draft(raw_of(outbox.made(draft), outbox.assembled)), account=saved.account)
            except MessageError as error:
                problems = error.problems
                return lambda: self._app.mail.show_problems(problems, "Cannot be written as MIME yet")
            return partial(self._show_made, raw, saved)

        self._app.run_task(convert)

    def _show_made(self, raw: SavedDraft, form: SavedDraft) -> None:
        if isinstance(raw.content, RawDraft):
            self._made = (raw.draft_id, raw.content, form)
        key = self._app.keymap.first
        words = (
            f"this is what the form makes, to be changed and sent; {key('raw')} goes back to the form, "
            f"which is a draft ({key('drafts')})"
        )
        self._show_instead(form.draft_id, raw, (words,))

    def _ask_for_form(self, raw: RawDraft, account: str) -> None:
        """Open a raw message in the form, after the user has seen what the form cannot hold of it."""
        draft_id = self._app.mail.draft_id

        def answered(form: "mime.Form", answer: str | None) -> None:
            if answer == "form":
                self._open_form(raw, form, draft_id, account)

        def ask(form: "mime.Form") -> None:
            question = "The form cannot hold all of this message, which stays as it is among the drafts. In the form:"
            answers = {"stay": "Stay here", "form": "Open it in the form"}
            self._app.push_screen(ChoiceScreen(question, answers, form.lost), partial(answered, form))

        def convert(_outbox: "Outbox") -> Next:
            from cfmail_tui import mime

            form = mime.form_of(raw)
            return partial(ask, form) if form.lost else partial(answered, form, "form")

        self._app.run_task(convert)

    def _open_form(self, raw: RawDraft, form: "mime.Form", draft_id: str, account: str) -> None:
        folder = self._app.attaching.kept_folder

        def convert(outbox: "Outbox") -> Next:
            from cfmail_tui.outbox.conversion import draft_of

            draft = _kept(outbox, draft_of(raw.source, form, folder), account)
            return partial(self._show_instead, draft_id, draft, ())

        self._app.run_task(convert)

    def _show_instead(self, draft_id: str, draft: SavedDraft, words: tuple[str, ...]) -> None:
        """Show what was made of a mail, unless another one is on the screen by now."""
        if self._app.mail.draft_id == draft_id and self._app.screen is self._app.mail:
            self._put(draft, words)

    # What was sent.

    def reopen(self, attempt: Attempt, only: Collection[str] | None, screen: "HistoryScreen | OutcomeScreen") -> None:
        """Open what was sent as a new mail of the same account: of a raw message the very octets, of a form the form.

        Where `only` is given, to these of its recipients. The screen it was asked for on is left, or told why not.
        """
        folder = self._app.attaching.kept_folder

        def load(outbox: "Outbox") -> Next:
            from cfmail_tui.attachments.kept import keep

            content = outbox.draft_again(attempt, partial(keep, folder), only)
            account = attempt.account if outbox.accounts.knows(attempt.account) else ""
            return partial(show, _kept(outbox, content, account))

        def show(draft: SavedDraft) -> None:
            screen.dismiss()
            some = attempt.submission.envelope.recipients
            whom = "" if only is None else f", to {len(only)} of its {len(some)} recipients"
            self._put(draft, (f"this is what was sent {_when(attempt)}, as a mail of its own{whom}",))

        self._app.run_task(load, screen.say)


def _kept(outbox: "Outbox", content: Draft | RawDraft, account: str) -> SavedDraft:
    """A new draft that is on the disk already: otherwise nothing there would name its files."""
    draft = replace(new_draft(content), revision=1, account=account, saved_at=datetime.now(UTC))
    outbox.save_draft(draft)
    return draft


def _blocks(path: str, screen: "ListScreen[Listed]") -> Iterator[Next]:
    from cfmail_tui.attachments import mailbox_files

    messages = mailbox_files.listed(path)
    count, words = 0, ""
    try:
        while screen.is_wanted and (block := tuple(islice(messages, min(_BLOCK, _LISTED_AT_MOST - count)))):
            count += len(block)
            yield partial(screen.take, block, f"{count:,} messages so far")
        words = f"{count:,} messages: Enter opens one" + (", the first ones" if count == _LISTED_AT_MOST else "")
    except MailError as error:
        words = str(error)
    yield partial(screen.take, (), words)


def _described(found: "Listed") -> str:
    return f"{found.number:>5}  {found.date[:22]:<22}  {found.sender[:24]:<24}  {found.subject or '(no subject)'}"


def _told_template(template: "mime.Template") -> str:
    return f"{template.name:<12}  {template.words}"


def _first_address(text: str) -> str:
    try:
        return next((mailbox.addr_spec for mailbox in parse_mailboxes(text, Place.TO)), "")
    except MessageError:
        return ""


def _when(attempt: Attempt) -> str:
    return attempt.started_at.astimezone().strftime("%Y-%m-%d %H:%M")
