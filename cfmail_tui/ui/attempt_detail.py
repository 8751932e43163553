"""Everything known of one attempt, in words: what became of it, when, what it said, and what was known against it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, assert_never

from textual.content import Content

from cfmail_tui.lookup import CannotTell, Found, NotFound, Verdict
from cfmail_tui.submission import Attempt
from cfmail_tui.ui.fates import headline, outcome_lines
from cfmail_tui.ui.fields import Line, fact, plain

if TYPE_CHECKING:
    from cfmail_tui.submission import Detail

TEXT_SHOWN = 20_000
"""Characters of a mail's text; the rest is in the file that can be saved."""


def lines_of(attempt: Attempt) -> Iterator[Line]:
    """What the list knows already."""
    submission = attempt.submission
    yield Line(Content(headline(attempt)).stylize("bold"))
    for line in outcome_lines(attempt).split("\n"):
        yield Line(line, _INDENT)
    yield Line(Content(""))
    yield fact("Subject", submission.subject or "(none)")
    yield fact("From", submission.envelope.sender)
    if not attempt.fates:
        yield fact("To", ", ".join(submission.envelope.recipients))
    yield fact("Account", f"{attempt.account}, endpoint {submission.endpoint}")
    yield fact("Size", f"{submission.message_size:,} octets as a message")
    yield fact("Attempt", submission.attempt_id)


_INDENT = 2


def lines_in_full(detail: "Detail", text: str) -> Iterator[Line]:
    """The same with all that had to be looked for; `text` is what the mail says."""
    from cfmail_tui import report

    yield from lines_of(detail.attempt)
    for file in detail.files:
        what = f"{file.media_type}, {file.size:,} octets" + (", inline" if file.disposition == "inline" else "")
        yield fact("File", f"{file.name or '(no name)'}  {what}")
    yield from _headed("Timeline")
    for at, words in report.timeline(detail):
        yield fact(f"{at.astimezone():%m-%d %H:%M:%S}  ", words)
    if detail.findings:
        yield from _headed("Known when it was sent")
        for finding in detail.findings:
            mark = "·" if finding.weight == "note" else "!"
            yield Line(Content.assemble(f"{mark} ", plain(finding.words)), _INDENT)
    yield from _headed("Text")
    yield from _text(text, has_body=detail.has_body)


def _headed(title: str) -> Iterator[Line]:
    yield Line(Content(""))
    yield Line(Content.styled(title, "$foreground-muted bold"))


def _text(text: str, *, has_body: bool) -> Iterator[Line]:
    if not has_body:
        yield Line(Content("the mail itself is not kept any more"))
        return
    if not text.strip():
        yield Line(Content("it has no text"))
        return
    for line in text[:TEXT_SHOWN].rstrip().split("\n"):
        yield Line(plain(line.rstrip("\r")))
    if len(text) > TEXT_SHOWN:
        yield Line(Content("… it goes on: save the mail to read the rest").stylize("$foreground-muted"))


def told(verdict: Verdict) -> str:
    """What Cloudflare's records say of a mail, and what that means."""
    match verdict:
        case Found(sightings, _, copies):
            lines = [f"{sighting.recipient}: {sighting.track}" for sighting in sightings]
            head = "Cloudflare has it: it was sent" if copies == 1 else f"Cloudflare has {copies} mails like it"
            return "\n".join([f"{head}.", *lines])
        case NotFound(zone):
            return f"Cloudflare's records for {zone} do not have it: it was most likely not sent."
        case CannotTell(_, reason, wait):
            again = f" Ask again in {wait / 60:.0f} minutes." if wait else ""
            return f"It cannot be told: {reason}.{again}"
        case _:
            assert_never(verdict)
