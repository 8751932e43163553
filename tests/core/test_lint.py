"""Each rule finds the mail that breaks it, says where, and mends it where that is safe; nothing else is touched."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui import lint
from cfmail_tui.lint import bodies, domains
from cfmail_tui.lint.html import look_at_html, plain_text
from cfmail_tui.lint.words import PROMISES, WELL_KNOWN_DOMAINS
from cfmail_tui.message import Attachment, AttachmentDraft, Draft, Finding, MessageError, Place, Problem, parse
from cfmail_tui.submission import Size

LETTER = Draft(
    sender="Alice <alice@acme.example>", to="bob@example.net", subject="Hello", text="Hello Bob,\n\nall is well.\n"
)
LOGO = Attachment("/tmp/logo.png", "logo.png", "image/png", 3, "inline", "logo")
REPORT = Attachment("/tmp/report.pdf", "report.pdf", "application/pdf", 3)
LONG = "word " * 250


def html(body: str) -> Draft:
    return replace(LETTER, html=body)


def mail(**fields: str) -> Draft:
    return replace(LETTER, **fields)  # type: ignore[arg-type]


def with_files(draft: Draft, *files: Attachment) -> Draft:
    return replace(draft, attachments=tuple(AttachmentDraft(file.path, file.disposition) for file in files))


@dataclass(frozen=True)
class Case:
    """A mail that breaks a rule; `after` is the mail when that is mended, None where nothing is safe."""

    rule: str
    draft: Draft
    place: Place
    words: str
    offset: int | None = None
    after: Draft | None = None
    known: lint.Known = field(default_factory=lint.Known)


def header(rule: str, line: str, words: str, after: str | None = None, **fields: str) -> Case:
    """A header field that breaks a rule, on the second line."""
    draft = mail(headers=f"X-One: 1\n{line}\nX-Two: 2")
    mended = None if after is None else mail(headers=after, **fields)
    return Case(rule, draft, Place.HEADERS, words, 9, mended)


FIFTY = ", ".join(f"n{number}@example.net" for number in range(51))
SUPPRESSED = lint.Known(suppressed={"bob@example.net": "hard bounce, until 2026-12-01"})
ONBOARDED = lint.Known(domains=frozenset({"other.example", "*.news.example"}))
FILES = lint.Known(files=(LOGO, REPORT))

CASES = (
    Case("no-sender", mail(sender=" "), Place.FROM, "who is this mail from?"),
    Case("no-recipient", mail(to=""), Place.TO, "who is this mail for?"),
    Case("bad-address", mail(to="bob@example.net, ann"), Place.TO, "no @", 17),
    Case("bad-address", mail(cc="<ann@x"), Place.CC, "never closes", 0),
    Case("one-address", mail(reply_to="a@b.example, c@d.example"), Place.REPLY_TO, "only one address"),
    Case("too-many-recipients", mail(to=FIFTY), Place.TO, "51 recipients, the limit is 50"),
    Case(
        "repeated-recipient",
        mail(to="Bob <bob@example.net>, ann@example.net, bob@EXAMPLE.net"),
        Place.TO,
        "stands here already",
        40,
        mail(to="Bob <bob@example.net>, ann@example.net"),
    ),
    Case(
        "repeated-recipient",
        mail(cc="friends: ann@example.net, bob@example.net;"),
        Place.CC,
        "stands in To already",
        26,
        mail(cc="friends: ann@example.net"),
    ),
    Case(
        "hidden-and-shown",
        mail(bcc="bob@example.net; ann@example.net"),
        Place.BCC,
        "is shown in To",
        0,
        mail(bcc="ann@example.net"),
    ),
    Case(
        "mistyped-domain",
        mail(to="ann@example.net, Bob <bob@Gmial.com>"),
        Place.TO,
        "is gmail.com meant?",
        26,
        mail(to="ann@example.net, Bob <bob@gmail.com>"),
    ),
    Case(
        "suppressed",
        mail(to="carl@example.net", cc="ann@example.net, BOB@example.net"),
        Place.CC,
        "hard bounce, until",
        17,
        mail(to="carl@example.net", cc="ann@example.net"),
        SUPPRESSED,
    ),
    Case("sender-domain", LETTER, Place.FROM, "acme.example was none of this account's sending", 0, known=ONBOARDED),
    Case(
        "reply-to-domain",
        mail(sender="a@x.news.example", reply_to="b@c.example"),
        Place.REPLY_TO,
        "no sending domain of this account",
        0,
        known=ONBOARDED,
    ),
    Case("no-subject", mail(subject=" "), Place.SUBJECT, "no subject"),
    Case("bad-subject", mail(subject="Hel\r\nlo\t"), Place.SUBJECT, "a line break", 3, mail(subject="Hel lo")),
    Case("long-subject", mail(subject="a" * 999), Place.SUBJECT, "999 characters", 998),
    Case("template-field-in-subject", mail(subject="Hello {{name}}"), Place.SUBJECT, "“{{name}}” was left in", 6),
    Case("all-capitals", mail(subject="READ THIS NOW"), Place.SUBJECT, "all capitals", 0),
    Case("all-capitals", mail(text="THIS IS ALL CAPITALS, EVERY WORD OF IT IS.\n" * 2), Place.TEXT, "all capitals", 0),
    header("bad-header", "no colon here", "has no colon"),
    header("form-header", "Cc: ann@example.net", "a field of its own", "X-One: 1\nX-Two: 2", cc="ann@example.net"),
    header("form-header", "To: ann@x.example", "its own", "X-One: 1\nX-Two: 2", to="bob@example.net, ann@x.example"),
    header("form-header", "From: me@x.example", "a field of its own"),
    header("system-header", "Message-ID: <a@b>", "written by the mail system", "X-One: 1\nX-Two: 2"),
    header("repeated-header", "x-one: 1", "stands twice", "X-One: 1\nX-Two: 2"),
    header("repeated-header", "x-one: another", "stands twice"),
    header("owned-header", "Feedback-ID: 1:2", "for Cloudflare to write", "X-One: 1\nX-Two: 2"),
    header("unlisted-header", "Return-Receipt-To: a@b.example", "not among", "X-One: 1\nX-Two: 2"),
    header("header-value", "Importance: very", "high, normal, low"),
    header("header-value", f"X-Long: {'y' * 2049}", "2,049 octets"),
    Case(
        "header-limits",
        mail(headers="\n".join(f"X-{number}: {'y' * 2000}" for number in range(9))),
        Place.HEADERS,
        "the limit is 16,384",
        16048,
    ),
    header(
        "list-unsubscribe",
        "List-Unsubscribe: https://x.example/u, mailto:u@x.example",
        "each in angle brackets",
        "X-One: 1\nList-Unsubscribe: <https://x.example/u>, <mailto:u@x.example>\nX-Two: 2",
    ),
    header("list-unsubscribe", "List-Unsubscribe: <http://x.example/u>", "each in angle brackets"),
    header("list-unsubscribe", "List-Unsubscribe-Post: List-Unsubscribe=One-Click", "needs a List-Unsubscribe"),
    Case(
        "list-unsubscribe",
        mail(headers="List-Unsubscribe: <https://x.example/>\nList-Unsubscribe-Post: yes"),
        Place.HEADERS,
        "says List-Unsubscribe=One-Click",
        39,
        mail(headers="List-Unsubscribe: <https://x.example/>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click"),
    ),
    Case("no-body", mail(text=" \n"), Place.TEXT, "the mail is empty"),
    Case("two-bodies", mail(markdown="*Hi*"), Place.MARKDOWN, "keep the one or the other"),
    Case("not-unicode", mail(text="a\ud800b"), Place.TEXT, "is not a character", 1, mail(text="a?b")),
    Case(
        "no-text",
        mail(text="", html="<h1>News</h1><p>Read <a href='https://x.example/'>this</a></p><ul><li>one</li></ul>"),
        Place.TEXT,
        "HTML and no text",
        0,
        mail(
            text="News\n\nRead this <https://x.example/>\n\n- one\n",
            html="<h1>News</h1><p>Read <a href='https://x.example/'>this</a></p><ul><li>one</li></ul>",
        ),
    ),
    Case(
        "bodies-differ",
        html("<p>Twelve quite different words stand here, none among those that the text has, really.</p>"),
        Place.TEXT,
        "differ widely",
        0,
    ),
    Case("forgotten-attachment", mail(text="> attached\nThe report is Attached."), Place.TEXT, "“Attached”", 25),
    Case("forgotten-attachment", mail(html="<p>Hello Bob,</p><p>it is ci-joint"), Place.HTML, "“ci-joint”", 26),
    Case("template-field", mail(text="Dear *|FNAME|*,\n${x}"), Place.TEXT, "2 fields of a template are left in", 5),
    Case("template-field", html('<a href="https://x.example/{{id}}">Hello</a>'), Place.HTML, "“{{id}}”", 0),
    Case(
        "long-line",
        mail(text=f"Hello\n> {LONG}\n"),
        Place.TEXT,
        "over 998 characters",
        6,
        mail(text="Hello\n" + f"> {('word ' * 15).strip()}\n" * 16 + f"> {('word ' * 10).strip()}\n"),
    ),
    Case("long-html-line", html(f"<p>\n{LONG}</p>"), Place.HTML, "over 998 characters", 4),
    Case("no-alt", html('Hello<img src="https://x.example/a.png"><img alt="">'), Place.HTML, "no alt text", 5),
    Case("http-link", html('<p>Hello<a href="HTTP://x.example/">x</a>'), Place.HTML, "HTTP://x.example/", 8),
    Case("http-link", mail(text="see http://x.example/ and http://y.example"), Place.TEXT, "2 links are http", 4),
    Case(
        "other-host",
        html('Hello <a href="https://evil.example/x">https://www.bank.example</a>'),
        Place.HTML,
        "shows https://www.bank.example and leads to https://evil.example/x",
        6,
    ),
    Case("missing-inline", html('Hello <img alt="" src="cid:photo">'), Place.HTML, "cid:photo", 6),
    Case(
        "missing-inline",
        with_files(html('Hello <p style="background: url(cid:report)">'), LOGO, REPORT),
        Place.HTML,
        "no inline file has that",
        6,
        replace(
            html('Hello <p style="background: url(cid:report)">'),
            attachments=(
                AttachmentDraft("/tmp/logo.png", "inline"),
                AttachmentDraft("/tmp/report.pdf", "inline", content_id="report"),
            ),
        ),
        FILES,
    ),
    Case(
        "unused-inline",
        with_files(html("Hello"), LOGO, REPORT),
        Place.ATTACHMENTS,
        "logo.png is inline",
        None,
        replace(
            html("Hello"), attachments=(AttachmentDraft("/tmp/logo.png"), AttachmentDraft("/tmp/report.pdf"))
        ),
        FILES,
    ),
    Case(
        "unreadable-file",
        LETTER,
        Place.ATTACHMENTS,
        "a.pdf is gone",
        known=lint.Known(unreadable=(Problem(Place.ATTACHMENTS, "a.pdf is gone"),)),
    ),
    Case(
        "bad-attachment",
        LETTER,
        Place.ATTACHMENTS,
        "not a media type",
        known=lint.Known(files=(replace(REPORT, media_type="pdf"),)),
    ),
    Case(
        "file",
        LETTER,
        Place.ATTACHMENTS,
        "report.pdf is empty",
        known=lint.Known(files=(replace(REPORT, findings=(Finding("report.pdf is empty", "confirmed"),)),)),
    ),
    Case("too-big", LETTER, Place.MESSAGE, "too big", known=lint.Known(size=Size(6 * 1024 * 1024))),
)  # fmt: skip


def findings(draft: Draft, known: lint.Known | None = None, **choices: lint.Choice) -> tuple[lint.DraftFinding, ...]:
    return lint.findings(lint.look(draft, known), {name.replace("_", "-"): choice for name, choice in choices.items()})


def rules(draft: Draft, known: lint.Known | None = None) -> list[str]:
    return [one.rule for one in findings(draft, known)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_what_is_wrong_is_found_where_it_is_and_mended(case: Case) -> None:
    """The rule says what is wrong and where, by its weight, and what its fix leaves breaks that rule no more."""
    found = [one for one in findings(case.draft, case.known) if one.rule == case.rule]
    assert [(one.place, one.offset) for one in found] == [(case.place, case.offset)]
    (finding,) = found
    assert case.words in finding.words
    rule = next(rule for rule in lint.RULES if rule.name == case.rule)
    assert finding.weight == ("confirmed" if case.rule == "file" else rule.weight)
    if case.after is None:
        assert not finding.fix
        assert lint.fixed(case.draft, finding) == case.draft
    else:
        assert finding.fix == rule.fix
        mended = lint.fixed(case.draft, finding)
        assert mended == case.after
        assert lint.fixed(mended, finding) == mended


def test_every_rule_has_its_case() -> None:
    """No rule is without a mail that breaks it, and none that can mend without one that is mended."""
    assert {case.rule for case in CASES} == {rule.name for rule in lint.RULES}
    assert {case.rule for case in CASES if case.after} == {rule.name for rule in lint.RULES if rule.fix}
    assert len({rule.name for rule in lint.RULES}) == len(lint.RULES)


def test_a_letter_is_without_findings() -> None:
    """There is nothing to say of an ordinary mail, with HTML beside the text, files and header fields of one's own."""
    page = '<p>Hello Bob, all is well: <a href="https://example.com/x">example.com</a></p><img alt="" src="cid:logo">'
    draft = with_files(
        mail(headers="X-Mark: 1\nList-Unsubscribe: <mailto:a@b.example>", text="Hello Bob, all is attached", html=page),
        LOGO,
        REPORT,
    )
    assert findings(draft, FILES) == findings(LETTER) == ()


def test_all_at_once_the_worst_first() -> None:
    """Everything that is wrong is told together: what stops the mail first, then by place."""
    draft = Draft(to="ann", cc="bob@gmial.com", subject="FREE MONEY TODAY", text="it is attached", html="http")
    assert rules(draft) == ["no-sender", "bad-address", "mistyped-domain", "all-capitals", "forgotten-attachment"]


def test_what_the_user_makes_of_a_rule() -> None:
    """A rule can be switched off or made an error, and one that is an error can be made less; a settled one cannot."""
    draft = mail(subject="", headers="Sender: a@b.example", sender="")
    assert [(one.rule, one.weight) for one in findings(draft, no_subject="stops", unlisted_header="note")] == [
        ("no-sender", "stops"),
        ("no-subject", "stops"),
        ("unlisted-header", "note"),
    ]
    assert [one.rule for one in findings(draft, no_subject="off", no_sender="off")] == ["no-sender", "unlisted-header"]


TYPOS = {
    "gmial.com": "gmail.com",
    "gmai.com": "gmail.com",
    "gmaill.com": "gmail.com",
    "gnail.com": "gmail.com",
    "gmail.con": "gmail.com",
    "gmail.co": "gmail.com",
    "hotmial.com": "hotmail.com",
    "outlok.com": "outlook.com",
    "yaho.com": "yahoo.com",
    "iclould.com": "icloud.com",
    "protonmail.cm": "protonmail.com",
}


@pytest.mark.parametrize(("typed", "known"), TYPOS.items())
def test_a_slip_of_the_finger(typed: str, known: str) -> None:
    """One letter too many, too few or wrong, or two swapped, and the well-known domain is asked about."""
    assert domains.meant(typed) == known


@pytest.mark.parametrize("domain", sorted({*WELL_KNOWN_DOMAINS, "yahoo.se", "hotmail.be", "acme.com", "gmil.org"}))
def test_a_domain_that_is_right(domain: str) -> None:
    """No well-known domain is taken for another, nor one of another country, nor one that is far from all."""
    assert domains.meant(domain) == ""


@given(st.sampled_from(sorted(WELL_KNOWN_DOMAINS)), st.data())
def test_one_slip_is_one_edit(domain: str, data: st.DataObject) -> None:
    """Every single edit is one slip, and no domain is one from itself."""
    at = data.draw(st.integers(0, len(domain) - 2))
    letter = data.draw(st.sampled_from("abcxyz."))
    for edited in (
        domain[:at] + domain[at + 1 :],
        domain[:at] + letter + domain[at:],
        domain[:at] + letter + domain[at + 1 :],
        domain[:at] + domain[at + 1] + domain[at] + domain[at + 2 :],
    ):
        assert domains.is_one_slip(edited, domain) == domains.is_one_slip(domain, edited) == (edited != domain)
    assert not domains.is_one_slip(domain + "xy", domain)


@pytest.mark.parametrize("language", PROMISES)
def test_a_file_is_promised_in_six_languages(language: str) -> None:
    """Each phrase is found as whole words and in any case, and is no promise where something is attached."""
    for phrase in PROMISES[language]:
        draft = mail(text=f"Hello, {phrase.title()}: it.")
        (finding,) = findings(draft)
        assert (finding.rule, finding.offset) == ("forgotten-attachment", 7)
        assert "forgotten-attachment" not in rules(mail(text=f"x{phrase}x"))
        assert not rules(with_files(draft, REPORT), lint.Known(files=(REPORT,)))


@pytest.mark.parametrize(
    ("shown", "href", "differs"),
    [
        ("example.com", "https://www.example.com/a", False),
        ("https://example.com/a", "https://example.com/b", False),
        ("shop.example.com", "https://example.com", False),
        ("example.com", "https://example.com.evil.example", True),
        ("www.bank.example", "https://evil.example", True),
        ("report.pdf", "https://example.com/report.pdf", False),
        ("click here", "https://example.com", False),
        ("bob@example.com", "mailto:bob@example.net", False),
        ("example.com", "#top", False),
        ("example.com", "https://[", False),
    ],
)
def test_where_a_link_leads(shown: str, href: str, differs: bool) -> None:
    """A link is told of where its text is the address of another host, and only there."""
    assert ("other-host" in rules(html(f'<p>Hello Bob, all is well <a href="{href}">{shown}</a>'))) == differs


@pytest.mark.parametrize(
    "page",
    [
        "<style>p { color: red } /* {{x}} attached <a> */</style><title>attached</title><p>Hello Bob, all is well",
        "<!-- <img src='http://x.example'> attached --><p>Hello Bob, all is well",
        "<script>var a = '<img src=http://x.example>'</script>Hello Bob, all is well",
    ],
)
def test_what_no_reader_sees(page: str) -> None:
    """Styles, scripts, comments and titles are no part of what a mail says."""
    assert findings(html(page)) == ()


drafts = st.builds(
    Draft,
    *[st.text(st.sampled_from("ab@.,<>;: \n\x00\ud800"), max_size=12) | st.just("a@b.example")] * 5,
    subject=st.text(max_size=4),
    headers=st.text(st.sampled_from("abX-:\n "), max_size=12) | st.sampled_from(["To: a@b.example", "Date: x"]),
    text=st.text(max_size=5),
    html=st.text(max_size=5),
)


@given(drafts)
def test_a_mail_that_cannot_be_made_is_told_of(draft: Draft) -> None:
    """What parsing refuses is found, reason by reason, in the same words; no other settled rule stops a mail."""
    try:
        parse(draft)
        refused: list[Problem] = []
    except MessageError as error:
        refused = [*error.problems]
    settled = {rule.name for rule in lint.RULES if rule.is_settled}
    found = [Problem(one.place, one.words, one.offset) for one in findings(draft) if one.stops and one.rule in settled]
    assert {problem.rule for problem in refused} <= settled
    assert sorted(map(repr, found)) == sorted(map(repr, (replace(one, rule="") for one in refused)))


@given(drafts)
def test_a_fix_takes_its_finding_away(draft: Draft) -> None:
    """Where there is a fix, the finding is there no more when it is made."""
    for finding in findings(draft):
        if finding.fix:
            mended = lint.fixed(draft, finding)
            assert mended != draft
            assert finding not in findings(mended)


FRAGMENTS = (
    "<p>Hello <b>Bob</b>, ",
    "all is attached ",
    "</p>\n",
    '<a href="http://x.example/">https://y.example</a>',
    '<img src="cid:a">',
    "<!-- a < b -->",
    "<style>p { background: url(cid:b) }</style>",
    "{{name}}",
    "&amp; &lt",
    "a < b ",
    "word " * 40,
    "WORD " * 220,
    "<a href='x'",
    "<p",
    "</",
    "\n",
)

pages = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join)


@given(pages, pages, pages, pages)
def test_a_change_is_seen_as_if_all_were_read_anew(start: str, old: str, new: str, end: str) -> None:
    """However a body is changed, what is found in it is what is found in the new one by itself."""
    for look in (bodies.look_at_text, look_at_html):
        before = look(start + old + end, bodies.Body())
        changed, anew = look(start + new + end, before), look(start + new + end, bodies.Body())
        assert changed.whole.spots == anew.whole.spots
        assert +changed.whole.counts == +anew.whole.counts
        assert changed.whole.letters == anew.whole.letters
        assert "".join(part.text for part in changed.whole.parts) == start + new + end
        if len(changed.text) < bodies.COMPARED / 2:
            assert changed.words() == anew.words()


def test_a_key_reads_one_piece() -> None:
    """In a body of a megabyte, a key has a piece or two read again, wherever it is; in another field, none."""
    line = '<p>Hello <b>Bob</b>, this is <a href="https://example.com/">a link</a> &amp; more words.</p>\n'
    draft = html(line * (1024 * 1024 // len(line)))
    before = lint.look(draft)
    known = {id(piece) for section in before.html.whole.parts for piece in section.parts}
    for at in (0, len(line) * 5000, len(draft.html)):
        after = lint.look(html(draft.html[:at] + "x" + draft.html[at:]), before=before)
        pieces = {id(piece) for section in after.html.whole.parts for piece in section.parts}
        assert len(pieces - known) <= 2
    other = lint.look(replace(draft, subject="Hello!", to="ann@example.net"), before=before)
    assert other.html is before.html
    assert other.text is before.text
    assert other.reading.sender is before.reading.sender


def test_what_is_never_closed() -> None:
    """A tag, comment or link that is just being typed does not have all that follows read again at each key."""
    line = "<p>Hello Bob, this is a line of a mail.</p>\n"
    page = line * 20_000
    before = look_at_html(page, bodies.Body())
    for opened in ("<!-- ", '<a href="http://x', "<a href='https://x.example/'>", "<p style='"):
        after = look_at_html(page[: len(line) * 9000] + opened + page[len(line) * 9000 :], before)
        known = {id(piece) for section in before.whole.parts for piece in section.parts}
        new = [piece for section in after.whole.parts for piece in section.parts if id(piece) not in known]
        assert sum(len(piece.text) for piece in new) < 40_000


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<title>x</title><p>Hello &amp; <b>good</b>\n day</p>", "Hello & good day\n"),
        ("one<br>two<hr>three", "one\ntwo\nthree\n"),
        ("<a href='https://x.example'>https://x.example</a>", "https://x.example\n"),
        ("<a href='mailto:a@b.example'>write</a>", "write\n"),
        ("<img alt='a cat' src=x><style>p{}</style><!-- x -->", "[a cat]\n"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n"),
    ],
)
def test_the_text_of_a_page(page: str, text: str) -> None:
    """A text made from HTML reads like the page: blocks apart, links and pictures named."""
    assert plain_text(page) == text


def findings_table() -> str:
    """The table of docs/findings.md, from the one table of rules."""
    weights: Mapping[str, str] = {"stops": "stops the mail", "caution": "caution", "note": "note"}
    rows = [
        f"| `{rule.name}` | {'by file' if rule.name == 'file' else weights[rule.weight]} | {rule.what} | {rule.fix} |"
        f" {'' if rule.is_settled else 'yes'} | {rule.section} |"
        for rule in lint.RULES
    ]
    head = "| rule | weight | what it finds | fix | yours to weigh | where it is written |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def test_the_document_lists_them_all() -> None:
    """docs/findings.md has every rule, its weight and its fix."""
    assert findings_table() in (Path(__file__).parents[2] / "docs" / "findings.md").read_text()
