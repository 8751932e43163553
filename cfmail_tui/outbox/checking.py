"""A draft looked at: what is found in it as far as it was typed, and the message made of it once it is finished.

All that is wrong with it is told at once. What the rules cannot know by themselves is looked up here: its files, its
size, to whom nothing could be sent the last time, and from which domains this account may send.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from cfmail_tui import lint, mime
from cfmail_tui.attachments import inspect_all
from cfmail_tui.lint import DraftFinding, Known, Looked
from cfmail_tui.message import Draft, MailMessage, MessageError, RawDraft, gist, parse
from cfmail_tui.outbox.history import History
from cfmail_tui.outbox.memory import account_key
from cfmail_tui.outbox.reviewed import Found
from cfmail_tui.submission import Account, Size

_LIGHT: Final = 256 * 1024
"""Characters of bodies that are far from any limit, whatever they are encoded as: without files nobody weighs them."""

_SUPPRESSED: Final = "the last mail to it was not delivered because of that"


@dataclass(frozen=True, slots=True)
class Checked:
    """What is found in a draft as it was typed; the next check takes it, to look only at what has changed."""

    looked: Looked
    findings: tuple[DraftFinding, ...]
    size: Size | None = None
    """None where a mail is so small that nobody weighs it."""


class Checking(History):
    """Drafts, checked; every method blocks and may be called from any thread."""

    limit: Callable[[Account | str, Collection[str]], int]
    assembled: Callable[[MailMessage], tuple[mime.Segment, ...]]
    _choices: Mapping[str, lint.Choice] | None

    def check(self, draft: Draft, account: str = "", before: Checked | None = None) -> Checked:
        """What is found in an unfinished draft, to be sent as the account of this name, where one was checked before.

        Nobody is asked: it is what is known here.
        """
        files, unreadable = inspect_all(draft.attachments)
        is_light = not draft.attachments and len(draft.text) + len(draft.html) < _LIGHT
        size = None if is_light else self.size(draft, account)
        seen = lint.look(draft, before=before.looked if before else None)
        known = replace(self._known(seen, account), files=tuple(files), unreadable=tuple(unreadable), size=size)
        looked = lint.look(draft, known, seen)
        return Checked(looked, lint.findings(looked, self._choices), size)

    def size(self, draft: Draft, account: str = "") -> Size:
        """How big the mail of an unfinished draft is by now, and may be if it is sent as the account of this name.

        What cannot be sent as it is counts for nothing; of a finished draft it is the very size that is reviewed.
        """
        message = gist(draft, inspect_all(draft.attachments)[0])
        recipients = [mailbox.addr_spec for mailbox in message.recipients]
        return Size.of(mime.size(self.assembled(message)), self.limit(account, recipients), message.attachments)

    def _known(self, seen: Looked, account: str) -> Known:
        addresses = [mailbox.addr_spec for found in seen.recipients for mailbox in found.mailboxes]
        marks = self._store.marks(addresses) if addresses else {}
        suppressed = {address.casefold(): _SUPPRESSED for address, mark in marks.items() if mark == "suppressed"}
        return Known(domains=self._domains().get(account_key(self.accounts.id_of(account))), suppressed=suppressed)

    def _checked(self, draft: Draft | RawDraft, account: str) -> tuple[MailMessage | RawDraft, tuple[Found, ...]]:
        """The message that a draft means, and what was found in it.

        Raises MessageError with every reason why it cannot be sent; of a raw one, the request made of it does.
        """
        if isinstance(draft, RawDraft):
            return draft, mime.findings(draft.source)
        attachments, unreadable = inspect_all(draft.attachments)
        seen = lint.look(draft)
        known = replace(self._known(seen, account), files=tuple(attachments), unreadable=tuple(unreadable))
        found = lint.findings(lint.look(draft, known, seen), self._choices)
        problems = [*unreadable, *lint.problems(found)]
        try:
            message = parse(draft, attachments)
        except MessageError as error:
            raise MessageError(*error.problems, *problems) from error
        if problems:
            raise MessageError(*problems)
        return message, found
