"""What is found in a mail while it is typed: marks in the margin, a count, a list to jump from and to fix from.

Invariants:
- what is found follows what is typed within a moment, and typing never waits for it;
- nothing changes the mail but what is typed and the fixes that are asked for, of which the last ones can be taken back.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from cfmail_tui.frozen import frozen
from cfmail_tui.message import AttachmentDraft, Draft, Place, SavedDraft
from cfmail_tui.ui.bodies import Bodies, rows
from cfmail_tui.ui.fields import MailField, location
from cfmail_tui.ui.findings import FindingsPane, mark_of
from cfmail_tui.ui.latest import Latest
from cfmail_tui.ui.mail import MailScreen

if TYPE_CHECKING:
    from cfmail_tui.lint import DraftFinding
    from cfmail_tui.outbox import Checked

CHECK_AFTER = 0.15
"""Seconds from a change until what is found in the mail follows, at most."""

_IN_BODIES = {Place.HEADERS: "headers", Place.TEXT: "text", Place.HTML: "html", Place.MARKDOWN: "text"}
"""In which widget each is written."""

_FIXED = "Fixed; u in the list of findings takes it back"
"""What stands above the words about a fix, until it is taken back."""

_STYLES = {"stops": "$text-error bold", "caution": "$text-warning bold", "note": "$foreground-muted"}


@frozen
class CheckWanted:
    """What is found in this mail is to be known; `before` is what was found in the one before it."""

    draft: Draft
    account: str
    before: "Checked | None" = dataclasses.field(default=None, compare=False)


@frozen
class ProofWanted:
    """How this mail will look is to be shown."""

    draft: Draft
    account: str


@frozen
class FileWanted:
    """A mail is to be kept as a file: this one."""

    draft: Draft


Question = CheckWanted | ProofWanted | FileWanted


class CheckedForm(MailScreen):
    """A form that shows what is found in its mail."""

    @dataclass
    class Asked(Message):
        """The form wants to know something about its mail; see `composing`."""

        question: Question
        screen: "CheckedForm"

    def __init__(self, draft: SavedDraft) -> None:
        super().__init__(draft)
        self._bodies = Bodies()
        self._findings: FindingsPane[DraftFinding] = FindingsPane("fix-finding", "findings")
        self._checks: Latest[CheckWanted] = Latest(lambda wanted: self.post_message(self.Asked(wanted, self)))
        self._check_timer: Timer | None = None
        self._checked: Checked | None = None
        """What was found in the mail the last time; None at first."""
        self._marks: dict[Place, Content] = {}
        """What is shown beside the lines."""
        self._fixes: list[tuple[Draft, Draft]] = []
        """The mail before and after each fix that can be taken back."""

    def content(self) -> Draft:
        raise NotImplementedError

    def field(self, place: Place) -> MailField:
        """The line of this place, made now if there was none."""
        raise NotImplementedError

    def text_of(self, place: Place) -> str:
        """What stands in the line of this place."""
        raise NotImplementedError

    def set_attachments(self, attachments: tuple[AttachmentDraft, ...]) -> None:
        """Attach these files, and no others."""
        raise NotImplementedError

    def action_attach(self) -> None:
        raise NotImplementedError

    def show_body(self, body_id: str) -> None:
        """Show this one of the bodies, with the cursor in it."""
        raise NotImplementedError

    def show_size(self) -> None:
        """Show how big the mail is, as far as that is known."""
        raise NotImplementedError

    def forget_checks(self) -> None:
        """Another mail is shown."""
        self._fixes.clear()
        self._findings.wait()
        self._check_soon()

    def _save_soon(self) -> None:
        super()._save_soon()
        self._check_soon()

    def _check_soon(self) -> None:
        if self._check_timer is None:
            self._check_timer = self.set_timer(CHECK_AFTER, self._want_check)

    def _want_check(self) -> None:
        self._check_timer = None
        if self not in self.app.screen_stack:
            return
        self._checks.want(CheckWanted(self.content(), self.account, self._checked))

    def take_check(self, wanted: CheckWanted, checked: "Checked | None") -> None:
        """What is found in the mail as it was when that was asked for; None if it cannot be told."""
        self._checks.answered()
        if checked is None:
            return
        self._checked = checked
        self.show_size()
        is_blank = self.is_blank()
        found = () if is_blank else checked.findings
        if is_blank:
            self._findings.wait()
        else:
            self._findings.show(found)
        self._show_marks(found, wanted.draft)

    def _show_marks(self, found: "Sequence[DraftFinding]", draft: Draft) -> None:
        # They come by weight, so the first of a place weighs most.
        self._marks = {one.place: _margin_mark(one) for one in reversed(found)}
        self.show_margins()
        self._bodies.mark(
            {
                "text": _line_marks(found, Place.TEXT, draft.text),
                "html": _line_marks(found, Place.HTML, draft.html),
                "markdown": _line_marks(found, Place.MARKDOWN, draft.markdown),
            }
        )

    def show_margins(self) -> None:
        """Show in each margin that there is what was found in its line."""
        for field in self.query(MailField):
            field.show_mark(self._marks.get(field.place, Content("")))
        for margin in self.query("#headers-margin").results(Static):
            margin.update(self._marks.get(Place.HEADERS, Content("")))

    def action_findings(self) -> None:
        """Into the list of what is found, and back."""
        if self._findings.has_focus_within:
            self._findings.remove_class("-open")
            self.results.take_back(_FIXED)
            self._bodies.current.focus()
        else:
            self._findings.add_class("-open")
            self._findings.take_focus()

    def on_findings_pane_chosen(self, event: "FindingsPane.Chosen") -> None:
        event.stop()
        if finding := self._findings.current:
            self.jump(finding)

    def on_findings_pane_fix_requested(self, event: "FindingsPane.FixRequested") -> None:
        event.stop()
        if finding := self._findings.current:
            self.fix(finding)

    def jump(self, finding: "DraftFinding", *, fix: bool = False) -> None:
        if fix:
            self.fix(finding)
        place, offset = finding.place, finding.offset or 0
        if place is Place.ATTACHMENTS:
            self.action_attach()
            return
        if place is Place.TEXT and self._bodies.shown == "html":
            self.show_body("text")
        self.focus_place(place)
        for field in self.query(MailField):
            if field.place is place:
                field.display = True
                field.input.focus()
                field.input.cursor_position = offset
        if place in _IN_BODIES:
            body = self.body(_IN_BODIES[place])
            body.move_cursor(location(body.text, offset), center=True)

    def fix(self, finding: "DraftFinding") -> None:
        """Make the fix of a finding, as far as it is still there."""
        from cfmail_tui import lint

        before = self.content()
        after = lint.fixed(before, finding)
        if after == before:
            only = "Only you can know what should be there instead." if not finding.fix else "It is not there any more."
            self.results.say("Nothing is changed", f"{finding.words}\n{only}")
            return
        self._become(after)
        self._fixes.append((before, after))
        self.results.say(_FIXED, f"{finding.words}\n→ {finding.fix}")
        self._want_check()

    def on_findings_pane_unfix_requested(self, event: "FindingsPane.UnfixRequested") -> None:
        event.stop()
        if self._fixes and self._fixes[-1][1] == self.content():
            self._become(self._fixes.pop()[0])
            self.results.take_back(_FIXED)
            self._want_check()

    def _become(self, draft: Draft) -> None:
        """Show this mail instead: only what differs is touched."""
        for place, text in lines_of(draft).items():
            if self.text_of(place) != text:
                field = self.field(place)
                field.text = text
                field.display = True
        self.body("text").rewrite(draft.markdown if self._bodies.is_markdown else draft.text)
        before = self.content()
        for body_id in ("headers", "html"):
            if getattr(draft, body_id) != getattr(before, body_id):
                self.body(body_id).rewrite(getattr(draft, body_id))
        if draft.attachments != before.attachments:
            self.set_attachments(draft.attachments)


def lines_of(draft: Draft) -> dict[Place, str]:
    """The lines of a mail by their places."""
    return {
        Place.FROM: draft.sender,
        Place.TO: draft.to,
        Place.CC: draft.cc,
        Place.BCC: draft.bcc,
        Place.REPLY_TO: draft.reply_to,
        Place.SUBJECT: draft.subject,
    }


def _margin_mark(finding: "DraftFinding") -> Content:
    mark, kind = mark_of(finding)
    return Content.styled(mark, _STYLES[kind])


def _line_marks(found: "Sequence[DraftFinding]", place: Place, text: str) -> dict[int, tuple[str, str]]:
    """The mark of each line of a body in which something is found."""
    here = sorted((one.offset, at) for at, one in enumerate(found) if one.place is place and one.offset is not None)
    lines = rows(text, [offset for offset, _ in here])
    marked: dict[int, int] = {}
    for line, (_, at) in zip(lines, here, strict=True):
        # They come by weight, so the first weighs most.
        marked[line] = min(at, marked.get(line, at))
    return {line: mark_of(found[at]) for line, at in marked.items()}
