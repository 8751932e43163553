"""The raw editor: a MIME source, its envelope apart from its header, its parts and what is wrong with it.

Invariants:
- what is shown of the parts and findings is of the very octets in the source, or of those before a short pause;
- nothing changes the source but what is typed and the fixes that are asked for, each of which says what it changed;
- where the cursor is in the source, it is in the tree, and the other way round.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.containers import Container, Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static, TextArea

from cfmail_tui import mime
from cfmail_tui.message import Draft, Place, Problem, RawDraft, SavedDraft
from cfmail_tui.submission import megabytes
from cfmail_tui.ui.commands import bindings, keymap_of
from cfmail_tui.ui.fields import Pasted, plain
from cfmail_tui.ui.latest import Latest
from cfmail_tui.ui.looking import Fix, FixWanted, Look, LookWanted
from cfmail_tui.ui.mail import NOT_YET, MailScreen

if TYPE_CHECKING:
    from cfmail_tui.mime import LineEndings, SourceFinding
    from cfmail_tui.ui.findings import FindingsPane
    from cfmail_tui.ui.structure import StructurePane

LOOK_AFTER = 0.25
"""Seconds without a key after which parts and findings follow what was typed."""

_FIXED = "Fixed; Ctrl+Z takes it back"
"""What stands above the words about a fix, until something else is changed."""


def new_source(sender: str = "", date: str = "", message_id: str = "") -> bytes:
    """What a new message begins with: the header fields it needs, less a date or Message-ID that is not known."""
    known = {"Date": date, "Message-ID": message_id}
    lines = (
        *(f"From: {sender}", "To: ", "Subject: "),
        *(f"{name}: {body}" for name, body in known.items() if body),
        *("MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "", ""),
    )
    return "\r\n".join(lines).encode()


_BEGUN_SIZE = 2000
"""Octets that a message hardly begun has not; a large one is not looked through for that."""

_NEW = re.compile(
    rb"From: [^\r\n]*\r\nTo: \r\nSubject: \r\n(?:Date: [^\r\n]*\r\n)?(?:Message-ID: [^\r\n]*\r\n)?"
    rb"MIME-Version: 1\.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
)


def is_hardly_begun(source: bytes) -> bool:
    """Whether there is nothing, or no more than what a new message begins with."""
    return len(source) < _BEGUN_SIZE and (not source.strip() or bool(_NEW.fullmatch(source)))


class RawScreen(MailScreen):
    """A raw message being written or looked at."""

    TITLE_WORDS = "Raw message"
    PLACES = ("raw", "raw-panes", "composer", "leaving", "everywhere")
    BINDINGS = bindings("raw", "raw-panes", "composer", "leaving")

    @dataclass
    class OpenRequested(Message):
        """Another message is wanted here: out of a file, or what was pasted, if that is one, or the path of one."""

        pasted: Pasted | None
        screen: "RawScreen"

    @dataclass
    class Asked(Message):
        """The screen wants to know what is in its message, or the fix of a finding; see `looking`."""

        question: LookWanted | FixWanted
        screen: "RawScreen"

    def __init__(self, draft: SavedDraft) -> None:
        # Here and not above: the program starts without what only a raw message needs.
        from cfmail_tui.ui.envelope import EnvelopePane
        from cfmail_tui.ui.finding import FindBar
        from cfmail_tui.ui.findings import FindingsPane
        from cfmail_tui.ui.source import SourceArea
        from cfmail_tui.ui.structure import StructurePane

        super().__init__(draft)
        self._envelope = EnvelopePane()
        self._source = SourceArea(id="source")
        self._find_bar = FindBar(self._source)
        self._structure = StructurePane()
        self._findings: FindingsPane[SourceFinding] = FindingsPane("fix")
        self._source_bar = Static(id="source-bar", markup=False)
        self._looks: Latest[LookWanted] = Latest(lambda wanted: self.post_message(self.Asked(wanted, self)))
        self._look_timer: Timer | None = None
        self._look: Look | None = None
        """What is known of the message as it is now; None while that is found out."""
        self._edits = 0
        """Counts what was changed in source and envelope: what is learned is of one count."""
        self._asked: RawDraft | None = None
        """The message that was asked about last."""
        self._fix_is_wanted = False
        """Whether F6 was pressed before the first finding was known."""
        self._is_fixing = False
        self._review_is_wanted = False
        """Whether F9 was pressed while a fix is made: what is reviewed is the message with it."""
        self._is_taken = False
        """Whether the next change that is told is only that another message is shown."""
        self._is_fixed = False
        """Whether it is that a fix was made."""

    def compose_mail(self) -> Iterator[Widget]:
        yield self._envelope
        yield self._source_bar
        with Container(id="raw-panes"):
            with Vertical(id="raw-source"):
                yield self._source
                yield self._find_bar
            with Vertical(id="raw-side"):
                yield self._structure
                yield self._findings

    def fill(self, content: Draft | RawDraft) -> None:
        assert isinstance(content, RawDraft)
        self._is_fixing = self._fix_is_wanted = self._review_is_wanted = False
        self._envelope.fill(content.sender, content.recipients)
        self._take(content.source)
        self._source.focus()

    def content(self) -> RawDraft:
        return RawDraft(self._envelope.sender, self._envelope.recipients, self.source)

    @property
    def source(self) -> bytes:
        """The source as it is on the screen, octet for octet as it came where it was not edited."""
        return self._source.source

    # What is in the message.

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        super().on_text_area_changed(event)
        if self._is_taken:
            self._is_taken = False
        else:
            self._look_soon()
        if self._is_fixed:
            self._is_fixed = False
        else:
            self.results.take_back(_FIXED)

    def on_mail_field_changed(self) -> None:
        super().on_mail_field_changed()
        if self._asked and (self._envelope.sender, self._envelope.recipients) != (
            self._asked.sender,
            self._asked.recipients,
        ):
            self._look_soon()

    def _look_soon(self) -> None:
        self._look = None
        self._edits += 1
        if self._look_timer:
            self._look_timer.reset()
        else:
            self._look_timer = self.set_timer(LOOK_AFTER, self._want_look)

    def _want_look(self) -> None:
        if self._look_timer:
            self._look_timer.stop()
            self._look_timer = None
        self._asked = self.content()
        self._looks.want(LookWanted(self._asked, self.account, self._edits))

    def take_look(self, wanted: LookWanted, look: Look | None) -> None:
        """What is known of the message as it was when that was asked for; None if it cannot be told."""
        self._looks.answered()
        if look is None and self._fix_is_wanted:
            self.end_fix("Nothing to fix", "what is in the message cannot be told")
        if look is None or wanted.edits != self._edits:
            return
        self._look = look
        self._source.sections(look.root)
        self._envelope.show(look.differences, look.passed_over)
        self._structure.show(look.root, look.root.at(self._source.octet))
        if is_hardly_begun(wanted.draft.source):
            self._findings.wait()
        else:
            self._findings.show(look.findings)
        self._show_source_bar(look)
        if self._fix_is_wanted:
            self._want_fix()

    @property
    def is_looked_through(self) -> bool:
        """Whether parts and findings are of the very octets in the source."""
        return self._look is not None

    def _show_source_bar(self, look: Look) -> None:
        size = f"{look.size:,} octets" if look.size < 100_000 else megabytes(look.size)
        over = look.size - look.limit
        parts = [
            Content.styled(f"MIME source  {size}", "bold"),
            Content(f" of {megabytes(look.limit)}"),
            Content.styled(f", {over:,} octets too many" if over > 0 else "", "$text-error bold"),
            plain(f" · {_ends(look.line_endings)}"),
        ]
        if reason := self._source.read_only_because:
            key = keymap_of(self.app).first
            help_words = f"{key('editor')} opens your editor"
            if any(one.rule in {"unsendable", "bare-cr"} and one.fix for one in look.findings):
                help_words = f"{key('fix')} fixes that, {help_words}"
            parts.append(plain(f" · read-only here: {reason}; {help_words}"))
        self._source_bar.update(Content("").join(parts))

    # From one place to another.

    def on_text_area_selection_changed(self, event: TextArea.SelectionChanged) -> None:
        event.stop()
        if self._look and not self._structure.has_focus_within:
            self._structure.go_to(self._look.root.at(self._source.octet))

    def on_structure_pane_moved(self, event: "StructurePane.Moved") -> None:
        event.stop()
        if self._look:
            self._source.go_to(event.part.start)

    def on_structure_pane_chosen(self, event: "StructurePane.Chosen") -> None:
        event.stop()
        self._source.focus()

    def on_findings_pane_chosen(self, event: "FindingsPane.Chosen") -> None:
        event.stop()
        self._jump()

    def _jump(self) -> None:
        """To the place of the finding that is chosen; what is missing would stand in the header."""
        if self._look and (finding := self._findings.current):
            self._source.go_to(finding.offset or 0)
        self._source.focus()

    def jump(self, finding: "SourceFinding", *, fix: bool = False) -> None:
        self._findings.choose(finding)
        self._jump()
        if fix:
            self.action_fix()

    def on_findings_pane_fix_requested(self, event: "FindingsPane.FixRequested") -> None:
        event.stop()
        self.action_fix()

    def on_findings_pane_unfix_requested(self, event: "FindingsPane.UnfixRequested") -> None:
        event.stop()
        self.action_undo()

    def action_next_pane(self) -> None:
        if self._structure.has_focus_within:
            self._findings.take_focus()
        elif self._findings.has_focus_within:
            self._source.focus()
        else:
            self._structure.take_focus()

    def action_to_source(self) -> None:
        self._source.focus()

    def action_undo(self) -> None:
        self._source.action_undo()

    def action_find(self) -> None:
        self._find_bar.open()

    def action_fold(self) -> None:
        self._source.action_fold()

    def show_problems(self, problems: Sequence[Problem], title: str = NOT_YET) -> None:
        """The first finding that stops the message is chosen, so that F6 fixes it."""
        super().show_problems(problems, title)
        if self._look and not is_hardly_begun(self.source):
            self._findings.show(self._look.findings)
            self._findings.choose_first()

    def blame(self, place: Place, words: str) -> None:
        in_raw = {Place.FROM: Place.ENVELOPE_SENDER, Place.TO: Place.ENVELOPE_RECIPIENTS}
        super().blame(in_raw.get(place, Place.SOURCE), words)

    def focus_place(self, place: Place) -> None:
        if not self._envelope.focus_place(place):
            self._source.focus()

    # What changes the source besides typing.

    def action_fix(self) -> None:
        self._is_fixing = True
        self.when_typed(self._want_fix)

    def _want_fix(self) -> None:
        finding = self._findings.current
        self._fix_is_wanted = finding is None and self._look is None
        if self._fix_is_wanted:
            return
        if finding is None:
            self.end_fix("Nothing to fix", "no finding is left")
        elif not finding.fix:
            self.end_fix("No safe fix", f"{finding.words}\nOnly you can know what should be there instead.")
        else:
            self.post_message(self.Asked(FixWanted(self.content(), finding), self))

    def take_fix(self, wanted: FixWanted, fix: Fix) -> None:
        """The message with a fix made, as it was when that was asked for."""
        if not self._is_fixing or self.is_busy:
            return
        if self.content() != wanted.draft:
            self._want_fix()
            return
        lines = [change.words for change in fix.changes]
        if fix.draft.source != wanted.draft.source:
            self._is_fixed = True
            self._source.become(fix.draft.source)
        if fix.draft.recipients != wanted.draft.recipients:
            self._envelope.recipients = fix.draft.recipients
            lines.append(f"Recipients: {wanted.draft.recipients or 'nobody'} → {fix.draft.recipients}")
        if lines:
            self.end_fix(_FIXED, "\n".join(lines))
        else:
            self.end_fix("Nothing to fix", "it is not there any more")

    def end_fix(self, title: str, words: str) -> None:
        """What was done, or why nothing was; a review that waited for it begins."""
        self.results.say(title, words)
        self._is_fixing = False
        if self._review_is_wanted:
            self._review_is_wanted = False
            self._request_review()

    def _request_review(self) -> None:
        self._review_is_wanted = self._is_fixing
        if not self._is_fixing:
            super()._request_review()

    def action_open(self) -> None:
        self.post_message(self.OpenRequested(None, self))

    def on_pasted(self, event: Pasted) -> None:
        """What is pasted where nothing was typed yet may be a whole message, or the path of one."""
        event.stop()
        self._save_soon()
        if event.field is self._source and is_hardly_begun(self.before(event)):
            self.post_message(self.OpenRequested(event, self))

    def before(self, pasted: Pasted) -> bytes:
        """The source less what was pasted."""
        lines, (line, column) = self._source.text.split("\n"), pasted.start
        start = sum(len(before) + 1 for before in lines[:line]) + column
        text = "\n".join(lines)
        return mime.crlf((text[:start] + text[start + len(pasted.inserted) :]).encode("utf-8", "surrogatepass"))

    def take_pasted(self, pasted: RawDraft, offered: RawDraft) -> None:
        """A message that was pasted is all there is; what was typed as its envelope, and not `offered`, stays."""
        if self.is_attached and not self.is_busy:
            typed = self.content()
            self.fill(
                RawDraft(
                    typed.sender if typed.sender != offered.sender else pasted.sender,
                    typed.recipients if typed.recipients != offered.recipients else pasted.recipients,
                    pasted.source,
                )
            )

    @property
    def is_untouched(self) -> bool:
        """Whether hardly anything was typed or opened here yet."""
        return is_hardly_begun(self.source) and not self._envelope.recipients

    def action_editor(self) -> None:
        self.post_message(self.EditorRequested("source", self.source, ".eml"))

    def edited(self, _body_id: str, content: bytes) -> None:
        """Take back what the external editor left, octet for octet."""
        self._take(content)

    def _take(self, source: bytes) -> None:
        self._is_taken = True
        self._source.take(source, mime.structure(source))
        self._source_bar.update(Content.styled("MIME source", "bold"))
        self._look = None
        self._edits += 1
        self._want_look()
        self._save_soon()


def _ends(line_endings: "LineEndings") -> str:
    """How the lines end, and how they will."""
    match line_endings.kind:
        case "mixed":
            counted = (("CRLF", line_endings.crlf), ("LF", line_endings.lf), ("CR", line_endings.cr))
            named = ", ".join(f"{count:,} {name}" for name, count in counted if count)
            return f"mixed line ends ({named})"
        case "LF":
            return "LF, leaves as CRLF"
        case "none":
            return "one line"
        case kind:
            return kind
