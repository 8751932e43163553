"""What the raw screen asks: what is in its message, what is wrong with it, and what a fix makes of it.

A message may be large: it is looked through in a worker, and what comes back is for exactly the octets that were asked
about. The screen drops an answer about others.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, assert_never

from cfmail_tui import mime
from cfmail_tui.frozen import frozen
from cfmail_tui.message import Mailbox, MessageError, Place, RawDraft, parse_mailboxes
from cfmail_tui.submission import SIZE_LIMIT
from cfmail_tui.ui.work import Next

if TYPE_CHECKING:
    from cfmail_tui.mime import Change, Difference, LineEndings, Part, SourceFinding
    from cfmail_tui.outbox import Outbox
    from cfmail_tui.ui.app import CfmailApp
    from cfmail_tui.ui.raw import RawScreen


_BCC_FIX: Final = "move it into the envelope"
"""What is done here, where there is an envelope, about a Bcc field."""


@frozen
class LookWanted:
    """What is to be known of this message; `edits` tells it apart from what is typed meanwhile."""

    draft: RawDraft
    account: str
    edits: int


@frozen
class FixWanted:
    """The message with this finding's fix made."""

    draft: RawDraft
    finding: "SourceFinding"


@frozen
class Look:
    """What there is to know of a raw message and its envelope."""

    root: "Part"
    findings: "tuple[SourceFinding, ...]"
    differences: "tuple[Difference, ...]"
    passed_over: str
    line_endings: "LineEndings"
    size: int
    """Octets that will leave."""
    limit: int
    """Octets that may."""


@frozen
class Fix:
    """A message with a fix made; `changes` say what that was, in order, and are none where nothing was left to fix."""

    draft: RawDraft
    changes: "tuple[Change, ...]"


def look(draft: RawDraft, limit: int = SIZE_LIMIT) -> Look:
    """Look through a message, which may have so many octets."""
    root = mime.structure(draft.source)
    line_endings = mime.line_endings(draft.source)
    found = mime.findings(draft.source, root, limit=limit)
    return Look(
        root=root,
        findings=tuple(replace(one, fix=_BCC_FIX) if one.rule == "bcc" and one.fix else one for one in found),
        differences=mime.differences(draft),
        passed_over=mime.passed_over(draft.source),
        line_endings=line_endings,
        size=len(draft.source) + line_endings.lf,
        limit=limit,
    )


def fix(draft: RawDraft, finding: "SourceFinding", date: str, message_id: str) -> Fix:
    """The message with a finding's fix made, wherever it stands by now.

    What cannot be sent is re-encoded at once wherever it stands; the addresses of a Bcc field go into the envelope.
    Raises MessageError with the reasons where nothing can be encoded.
    """
    now = [
        one for one in mime.findings(draft.source) if one.fix and (one.rule, one.place) == (finding.rule, finding.place)
    ]
    if not now:
        return Fix(draft, ())
    if finding.rule == "unsendable":
        with suppress(MessageError):
            source, changes = mime.repaired(draft.source)
            return Fix(replace(draft, source=source), changes)
    nearest = min(now, key=lambda one: abs((one.offset or 0) - (finding.offset or 0)))
    made = mime.changes_for(draft.source, nearest, date=date, message_id=message_id)
    recipients = mime.bcc_moved(draft).recipients if finding.rule == "bcc" else draft.recipients
    return Fix(replace(draft, recipients=recipients, source=mime.applied(draft.source, made)), tuple(made))


class Looking:
    """Answers for the app what the raw screen asks about its message."""

    def __init__(self, app: "CfmailApp") -> None:
        self._app = app

    def answer(self, asked: "RawScreen.Asked") -> None:
        match asked.question:
            case LookWanted() as wanted:
                self._look(wanted, asked.screen)
            case FixWanted() as wanted:
                self._fix(wanted, asked.screen)
            case _:
                assert_never(asked.question)

    def begin(self) -> None:
        """A new raw message, from whoever mail is sent as."""
        from cfmail_tui.prefill import raw_draft
        from cfmail_tui.ui.raw import new_source

        sender = self._app.identifying.usual_sender

        def make(outbox: "Outbox") -> Next:
            domain = next((one.domain for one in _mailboxes(sender)), "")
            date, message_id = outbox.stamp(domain)
            source = new_source(sender, date, message_id if domain else "")
            return partial(self._app.drafting.change, raw_draft(source))

        # What cannot be kept can be written all the same.
        self._app.run_task(make, lambda _words: self._app.drafting.change(raw_draft(new_source(sender))))

    def _look(self, wanted: LookWanted, screen: "RawScreen") -> None:
        def look_with_limit(outbox: "Outbox") -> Next:
            recipients = [one.addr_spec for one in _mailboxes(wanted.draft.recipients)]
            found = look(wanted.draft, outbox.limit(wanted.account, recipients))
            return partial(screen.take_look, wanted, found)

        def only_look() -> Iterator[Next]:
            yield partial(screen.take_look, wanted, look(wanted.draft))

        # Also where nothing can be sent, since the data cannot be opened, there is a message to look at.
        self._app.run_task(
            look_with_limit,
            lambda _words: self._app.run_steps(only_look, lambda _words: screen.take_look(wanted, None)),
        )

    def _fix(self, wanted: FixWanted, screen: "RawScreen") -> None:
        def make(outbox: "Outbox") -> Next:
            date, message_id = outbox.stamp(_domain(wanted.draft))
            return partial(screen.take_fix, wanted, fix(wanted.draft, wanted.finding, date, message_id))

        self._app.run_task(make, partial(screen.end_fix, "Not fixed"))


def _mailboxes(text: str) -> Iterator[Mailbox]:
    with suppress(MessageError):
        yield from parse_mailboxes(text, Place.ENVELOPE_RECIPIENTS)


def _domain(draft: RawDraft) -> str:
    """The domain of who it is from, for a Message-ID."""
    for text in (*mime.field_bodies(draft.source, "From"), draft.sender):
        for mailbox in _mailboxes(text):
            return mailbox.domain
    return "localhost"
