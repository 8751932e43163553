"""A draft looked at: what is found in it as far as it was typed, and the message made of it once it is finished.

All that is wrong with it is told at once. Of a body in Markdown text and HTML are made here, and these are looked at;
what is found in them is told of the Markdown, where alone it can be mended. What the rules cannot know by themselves is
looked up here: its files, its size, to whom nothing could be sent the last time, and from which domains this account
may send.
"""

import html
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from cfmail_tui import lint, markdown, mime
from cfmail_tui.attachments import inspect_all, read_source, unreadable
from cfmail_tui.frozen import frozen
from cfmail_tui.lint import DraftFinding, Known, Looked
from cfmail_tui.message import Draft, MailMessage, MessageError, Place, Problem, RawDraft, gist, parse
from cfmail_tui.outbox.history import History
from cfmail_tui.outbox.memory import account_key
from cfmail_tui.outbox.reviewed import Found
from cfmail_tui.submission import Account, Size

_LIGHT: Final = 256 * 1024
"""Characters of bodies that are far from any limit, whatever they are encoded as: without files nobody weighs them."""

_MADE: Final = frozenset({Place.TEXT, Place.HTML})
"""What is made of Markdown."""

_SUPPRESSED: Final = "the last mail to it was not delivered because of that"


@frozen
class Checked:
    """What is found in a draft as it was typed; the next check takes it, to look only at what has changed."""

    looked: Looked
    findings: tuple[DraftFinding, ...]
    size: Size | None = None
    """None where a mail is so small that nobody weighs it."""
    markdown: str = ""
    """Of what the bodies were made that were looked at."""


class Checking(History):
    """Drafts, checked; every method blocks and may be called from any thread."""

    limit: Callable[[Account | str, Collection[str]], int]
    assembled: Callable[[MailMessage], tuple[mime.Segment, ...]]
    _choices: Mapping[str, lint.Choice] | None
    _markdown_template: str

    def made(self, draft: Draft) -> Draft:
        """The draft with the bodies that its Markdown stands for, in the user's own page if there is one.

        Raises MessageError if that cannot be read, or is none.
        """
        path = self._markdown_template
        if not path or not draft.markdown:
            return markdown.made(draft)
        try:
            template = read_source(path, Place.MARKDOWN).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise unreadable(path, "it is not UTF-8 text", Place.MARKDOWN) from error
        return markdown.made(draft, template)

    def _nearly_made(self, draft: Draft) -> Draft:
        """The same of an unfinished draft, in the usual page where one's own cannot be had."""
        try:
            return self.made(draft)
        except MessageError:
            return markdown.made(draft)

    def check(self, draft: Draft, account: str = "", before: Checked | None = None) -> Checked:
        """What is found in an unfinished draft, to be sent as the account of this name, where one was checked before.

        Nobody is asked: it is what is known here.
        """
        files, no_files = inspect_all(draft.attachments)
        if before and before.markdown and before.markdown == draft.markdown and not (draft.text or draft.html):
            seen_last = before.looked.draft
            made = replace(draft, text=seen_last.text, html=seen_last.html, markdown="")
        else:
            made = self._nearly_made(draft)
        is_light = not draft.attachments and len(made.text) + len(made.html) < _LIGHT
        size = None if is_light else self.size(made, account)
        seen = lint.look(made, before=before.looked if before else None)
        known = replace(self._known(seen, account), files=tuple(files), unreadable=tuple(no_files), size=size)
        looked = lint.look(made, known, seen)
        found = told(draft, made, lint.findings(looked, self._choices))
        return Checked(looked, found, size, markdown="" if made is draft else draft.markdown)

    def size(self, draft: Draft, account: str = "") -> Size:
        """How big the mail of an unfinished draft is by now, and may be if it is sent as the account of this name.

        What cannot be sent as it is counts for nothing; of a finished draft it is the very size that is reviewed.
        """
        message = gist(self._nearly_made(draft), inspect_all(draft.attachments)[0])
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
        attachments, no_files = inspect_all(draft.attachments)
        problems: list[Problem] = []
        try:
            made = self.made(draft)
        except MessageError as error:
            problems += error.problems
            made = markdown.made(draft)
        seen = lint.look(made)
        known = replace(self._known(seen, account), files=tuple(attachments), unreadable=tuple(no_files))
        found = told(draft, made, lint.findings(lint.look(made, known, seen), self._choices))
        problems += [*no_files, *lint.problems(found)]
        try:
            message = parse(made, attachments)
        except MessageError as error:
            raise MessageError(*(_in_markdown(draft, made, one) for one in error.problems), *problems) from error
        if problems:
            raise MessageError(*problems)
        return message, found


def told(draft: Draft, made: Draft, found: Iterable[DraftFinding]) -> tuple[DraftFinding, ...]:
    """What is found in the bodies made of Markdown, told of the Markdown, once; by itself nothing is mended there."""
    if made is draft:
        return tuple(found)
    once: dict[tuple[str, str], DraftFinding] = {}
    for one in found:
        if one.place in _MADE:
            offset = _source_offset(draft, made, one)
            once.setdefault((one.rule, one.words), replace(one, place=Place.MARKDOWN, offset=offset, fix="", mend=None))
        else:
            once[one.rule, f"{one.place} {one.offset} {one.words}"] = one
    return tuple(once.values())


def _source_offset(draft: Draft, made: Draft, found: DraftFinding) -> int | None:
    """Where the Markdown has the words or the link that something is found in, if that can be told."""
    if found.offset is None:
        return None
    if found.place is Place.TEXT:
        words = made.text[found.offset : found.offset + _TELLING].partition("\n")[0]
    else:
        link = _LINK.search(made.html, found.offset, found.offset + _LOOKED_THROUGH)
        words = html.unescape(link[1]) if link else made.html[found.offset : found.offset + _TELLING].partition("<")[0]
    at = draft.markdown.find(words) if words.strip() else -1
    return at if at >= 0 else None


_LINK: Final = re.compile(r'(?:href|src)="([^"]+)"')
_TELLING: Final = 20
"""Characters that are looked for in the Markdown."""
_LOOKED_THROUGH: Final = 1000


def _in_markdown(draft: Draft, made: Draft, problem: Problem) -> Problem:
    if made is draft or problem.place not in _MADE:
        return problem
    return replace(problem, place=Place.MARKDOWN, offset=None)
