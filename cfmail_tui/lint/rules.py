"""What a rule for drafts is: what it looks at, what it says, and how what it finds can be mended safely."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import NamedTuple

from cfmail_tui.frozen import frozen
from cfmail_tui.lint.bodies import Body, look_at_text
from cfmail_tui.lint.html import look_at_html
from cfmail_tui.message import (
    AddressList,
    Attachment,
    Draft,
    MessageError,
    Place,
    Problem,
    Reading,
    Weight,
    problems_of_attachment,
    read,
)
from cfmail_tui.submission import Envelope, Size

Mend = Callable[[Draft], Draft]
"""Changes what a fix says, and nothing else; a draft in which it is no longer there is left as it is."""


@frozen
class Known:
    """What is known of the world that a draft goes out into, by who can look; None or empty where nobody did."""

    files: tuple[Attachment, ...] | None = None
    """The attachments as found on disk."""
    unreadable: tuple[Problem, ...] = ()
    """Why the other ones cannot be attached."""
    size: Size | None = None
    domains: frozenset[str] | None = None
    """From which mail can be sent, in lower case; `*.example.com` is any below it."""
    suppressed: Mapping[str, str] = field(default_factory=dict)
    """The addresses on the suppression list, case-folded, with the reason in words, or ""."""


class Flaw(NamedTuple):
    """One thing that a rule found; `words` are safe to show, `offset` counts characters of the place's text."""

    place: Place
    words: str
    offset: int | None = None
    mend: Mend | None = None
    weight: Weight | None = None
    """Where it is not the rule that says it."""


@frozen
class Looked:
    """A draft that was looked at, with what the rules share of it; see `look`."""

    known: Known
    reading: Reading
    text: Body
    html: Body
    problems: tuple[Problem, ...]
    """Why the mail cannot be sent, as message and submission say it."""

    @property
    def draft(self) -> Draft:
        return self.reading.draft

    @property
    def recipients(self) -> tuple[AddressList, ...]:
        return self.reading.to, self.reading.cc, self.reading.bcc


def look(draft: Draft, known: Known | None = None, before: Looked | None = None) -> Looked:
    """Look at a draft; what it has in common with the one `before`, which was looked at, is not looked at again."""
    known = known or Known()
    reading = read(draft, before.reading if before else None)
    return Looked(
        known=known,
        reading=reading,
        text=look_at_text(draft.text, before.text if before else Body()),
        html=look_at_html(draft.html, before.html if before else Body()),
        problems=(*reading.problems, *_problems(reading, known)),
    )


def _problems(reading: Reading, known: Known) -> Iterator[Problem]:
    for file in known.files or ():
        yield from problems_of_attachment(file)
    recipients = (*reading.to.mailboxes, *reading.cc.mailboxes, *reading.bcc.mailboxes)
    if recipients:
        try:
            Envelope.of("", recipients)
        except MessageError as error:
            yield from error.problems
    if known.size:
        yield from known.size.problems


@frozen
class Rule:
    """One row of the table."""

    name: str
    what: str
    """What it finds, for the documents."""
    section: str
    """Where it is written that it should be otherwise; "" for what experience says."""
    check: Callable[[Looked], Iterator[Flaw]]
    weight: Weight = "caution"
    fix: str = ""
    """What mending does, in words; "" where nothing is safe."""
    is_settled: bool = False
    """Whether the weight is not the user's to choose: it is decided elsewhere that no such mail can be made."""


def problems_of(
    rule: str, mend: Callable[[Looked, Problem], Mend | None] | None = None
) -> Callable[[Looked], Iterator[Flaw]]:
    """The check of a rule that has its home in message or submission: what these say of it is taken over."""

    def check(looked: Looked) -> Iterator[Flaw]:
        for problem in looked.problems:
            if problem.rule == rule:
                yield Flaw(problem.place, problem.words, problem.offset, mend(looked, problem) if mend else None)

    return check
