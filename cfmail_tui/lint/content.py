"""The rules for the bodies of a mail and for its files."""

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from cfmail_tui.lint.bodies import SPOTS, Body, Kind
from cfmail_tui.lint.html import plain_text
from cfmail_tui.lint.rules import Flaw, Looked, Mend, Rule, problems_of
from cfmail_tui.lint.words import PROMISES
from cfmail_tui.message import Attachment, AttachmentDraft, Disposition, Draft, Place, Problem, is_blank, printable
from cfmail_tui.mime import LINE_LIMIT

_COMPARABLE: Final = 10
"""Words that the longer of two bodies needs to be compared with the other."""

_ALIKE: Final = 0.5
"""The part of the longer body's words that the other has to have."""

_WIDTH: Final = 76
"""Characters of a line that is wrapped."""


def _bodies(looked: Looked) -> tuple[tuple[Place, Body], ...]:
    return (Place.TEXT, looked.text), (Place.HTML, looked.html)


def _told_once(place: Place, body: Body, kind: Kind, one: str, many: str) -> Iterator[Flaw]:
    """The first spot of its kind; `one` and `many` are words about it, with what is `shown` and how many there are."""
    if spots := body.of(kind):
        count, first = body.count(kind), spots[0]
        words = (one if count == 1 else many).format(shown=printable(first.shown), count=f"{count:,}")
        yield Flaw(place, words, first.offset)


def _with_characters(_looked: Looked, problem: Problem) -> Mend:
    def valid(text: str) -> str:
        return text.encode("utf-8", "replace").decode()

    def mend(draft: Draft) -> Draft:
        if problem.place is Place.TEXT:
            return replace(draft, text=valid(draft.text))
        return replace(draft, html=valid(draft.html))

    return mend


def _no_text(looked: Looked) -> Iterator[Flaw]:
    if looked.text.is_blank and not looked.html.is_blank:
        yield Flaw(Place.TEXT, "there is HTML and no text, for readers without HTML and for filters", 0, _with_text)


def _with_text(draft: Draft) -> Draft:
    return replace(draft, text=plain_text(draft.html)) if is_blank(draft.text) else draft


def _differ(looked: Looked) -> Iterator[Flaw]:
    if looked.text.is_blank or looked.html.is_blank:
        return
    text, html = looked.text.words(), looked.html.words()
    longer = max(len(text), len(html))
    if longer >= _COMPARABLE and len(text & html) < _ALIKE * longer:
        yield Flaw(Place.TEXT, "text and HTML differ widely: readers see the one or the other", 0)


def _forgotten(looked: Looked) -> Iterator[Flaw]:
    if looked.draft.attachments:
        return
    for place, body in _bodies(looked):
        for spot in body.of("promise")[:1]:
            yield Flaw(place, f"the mail says “{printable(spot.shown)}”, and nothing is attached", spot.offset)
            return


def _fields_left(looked: Looked) -> Iterator[Flaw]:
    for place, body in _bodies(looked):
        one = "“{shown}” was left in from a template"
        yield from _told_once(place, body, "template-field", one, "{count} fields of a template are left in: “{shown}”")


def _long_lines(looked: Looked) -> Iterator[Flaw]:
    one = f"a line has over {LINE_LIMIT} characters"
    for flaw in _told_once(
        Place.TEXT, looked.text, "long-line", one, f"{{count}} lines have over {LINE_LIMIT} characters"
    ):
        yield flaw._replace(mend=_wrapped)


def _wrapped(draft: Draft) -> Draft:
    lines = []
    for line in draft.text.split("\n"):
        if len(line) <= LINE_LIMIT:
            lines.append(line)
            continue
        quote = line[: len(line) - len(line.lstrip("> \t"))]
        lines += textwrap.wrap(
            line[len(quote) :],
            max(_WIDTH, len(quote) + 20),
            initial_indent=quote,
            subsequent_indent=quote,
            break_long_words=False,
            break_on_hyphens=False,
        )
    text = "\n".join(lines)
    return replace(draft, text=text)


def _long_html_lines(looked: Looked) -> Iterator[Flaw]:
    one, many = f"a line has over {LINE_LIMIT} characters", f"{{count}} lines have over {LINE_LIMIT} characters"
    yield from _told_once(Place.HTML, looked.html, "long-line", f"{one}; it is encoded", f"{many}; they are encoded")


def _no_alt(looked: Looked) -> Iterator[Flaw]:
    one = "an image has no alt text for who cannot see it: {shown}"
    yield from _told_once(Place.HTML, looked.html, "no-alt", one, "{count} images have no alt text: {shown}")


def _http(looked: Looked) -> Iterator[Flaw]:
    for place, body in _bodies(looked):
        one = "a link is http, which anyone on the way can read and change: {shown}"
        yield from _told_once(place, body, "http-link", one, "{count} links are http: {shown}")


def _other_host(looked: Looked) -> Iterator[Flaw]:
    for spot in looked.html.of("other-host"):
        shown, _, href = spot.shown.partition("\n")
        words = f"a link shows {printable(' '.join(shown.split()))} and leads to {printable(href)}"
        yield Flaw(Place.HTML, words, spot.offset)


def _inline(looked: Looked) -> tuple[Attachment, ...] | None:
    """The inline parts, with the content-ids they will have; None where nobody looked."""
    files = looked.known.files
    if files is None:
        return None if looked.draft.attachments else ()
    return tuple(file for file in files if file.disposition == "inline")


def _missing_inline(looked: Looked) -> Iterator[Flaw]:
    spots = looked.html.of("cid")
    inline = _inline(looked) if spots else ()
    if inline is None or (looked.known.unreadable and spots):
        return
    known, told = {file.content_id for file in inline}, set[str]()
    for spot in spots:
        if spot.shown not in known | told:
            told.add(spot.shown)
            words = f"the HTML shows cid:{printable(spot.shown)}, and no inline file has that content-id"
            path = _meant_for(spot.shown, looked)
            yield Flaw(Place.HTML, words, spot.offset, _made_inline(path, spot.shown) if path else None)


def _meant_for(cid: str, looked: Looked) -> str | None:
    """The path of the one file that is attached and has this name."""
    named = [
        file.path
        for file in looked.known.files or ()
        if file.disposition == "attachment" and cid in {file.filename, file.filename.rpartition(".")[0]}
    ]
    return named[0] if len(named) == 1 else None


def _made_inline(path: str, cid: str) -> Mend:
    def inline(file: AttachmentDraft) -> AttachmentDraft:
        return replace(file, disposition="inline", content_id=cid)

    return lambda draft: _changed(draft, path, "attachment", inline)


def _unused_inline(looked: Looked) -> Iterator[Flaw]:
    if looked.html.count("cid") > SPOTS:
        return
    shown = {spot.shown for spot in looked.html.of("cid")}
    for file in _inline(looked) or ():
        if file.content_id not in shown:
            words = f"{printable(file.filename)} is inline, and the HTML does not show cid:{printable(file.content_id)}"
            yield Flaw(Place.ATTACHMENTS, words, mend=_attached(file.path))


def _attached(path: str) -> Mend:
    return lambda draft: _changed(draft, path, "inline", lambda file: replace(file, disposition="attachment"))


def _changed(
    draft: Draft, path: str, disposition: Disposition, change: Callable[[AttachmentDraft], AttachmentDraft]
) -> Draft:
    files = tuple(
        change(file) if (file.path, file.disposition) == (path, disposition) else file for file in draft.attachments
    )
    return replace(draft, attachments=files)


def _unreadable(looked: Looked) -> Iterator[Flaw]:
    yield from (Flaw(problem.place, problem.words, problem.offset) for problem in looked.known.unreadable)


def _of_files(looked: Looked) -> Iterator[Flaw]:
    for file in looked.known.files or ():
        yield from (Flaw(Place.ATTACHMENTS, found.words, weight=found.weight) for found in file.findings)


RULES: Final = (
    Rule(
        "no-body",
        "text and HTML are both empty",
        "Cloudflare, REST API",
        problems_of("no-body"),
        weight="stops",
        is_settled=True,
    ),
    Rule(
        "two-bodies",
        "the mail is written in Markdown, of which both bodies are made, and has a text or HTML body besides",
        "",
        problems_of("two-bodies"),
        weight="stops",
        is_settled=True,
    ),
    Rule(
        "not-unicode",
        "a body has half a character in it (a lone surrogate)",
        "RFC 8259 section 8.1",
        problems_of("not-unicode", _with_characters),
        weight="stops",
        fix="put a question mark in its place",
        is_settled=True,
    ),
    Rule("no-text", "there is HTML and no text", "RFC 2046 section 5.1.4", _no_text, fix="make the text from the HTML"),
    Rule(
        "bodies-differ", "text and HTML have less than half of their words in common", "RFC 2046 section 5.1.4", _differ
    ),
    Rule(
        "forgotten-attachment",
        f"the mail speaks of a file, in {', '.join([*PROMISES][:-1])} or {[*PROMISES][-1]}, and none is attached",
        "",
        _forgotten,
    ),
    Rule("template-field", "a field of a template is left in a body", "", _fields_left),
    Rule(
        "long-line",
        f"a line of the text has over {LINE_LIMIT} characters",
        "RFC 5322 section 2.1.1",
        _long_lines,
        fix="wrap it",
    ),
    Rule(
        "long-html-line",
        f"a line of the HTML has over {LINE_LIMIT} characters",
        "RFC 5322 section 2.1.1",
        _long_html_lines,
        weight="note",
    ),
    Rule("no-alt", "an image has no alt text", "HTML, section 4.8.3", _no_alt, weight="note"),
    Rule("http-link", "a link or an image is http", "", _http, weight="note"),
    Rule("other-host", "the text of a link names another host than it leads to", "", _other_host),
    Rule(
        "missing-inline",
        "the HTML shows a content-id that no inline file has",
        "RFC 2392",
        _missing_inline,
        weight="stops",
        fix="make the attached file of that name inline",
    ),
    Rule("unused-inline", "the HTML does not show an inline file", "RFC 2392", _unused_inline, fix="attach it instead"),
    Rule("unreadable-file", "a file cannot be read", "", _unreadable, weight="stops", is_settled=True),
    Rule(
        "bad-attachment",
        "the name, media type or content-id of a file cannot be sent",
        "RFC 2045 section 5.1",
        problems_of("bad-attachment"),
        weight="stops",
        is_settled=True,
    ),
    Rule(
        "file",
        "a file is not what it was when it was attached, not what its name says, empty, a link, or in the mail twice",
        "",
        _of_files,
        is_settled=True,
    ),
    Rule(
        "too-big",
        "the mail is over the size limit",
        "Cloudflare, limits",
        problems_of("too-big"),
        weight="stops",
        is_settled=True,
    ),
)
