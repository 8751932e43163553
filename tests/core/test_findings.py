"""What is wrong with a raw message is found, named with its place, and mended only where that is safe."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfmail_tui import mime
from cfmail_tui.message import MessageError, RawDraft, first_control
from cfmail_tui.submission import raw_request
from tests.core.nasty_mails import FROM, HEAD, NASTY, python_mails
from tests.core.test_structure import ANYTHING

DATED = b"Date: Mon, 23 Nov 2026 07:00:00 +0000\r\nMessage-ID: <a@example.com>\r\n"
DATE, MESSAGE_ID = "Tue, 24 Nov 2026 07:00:00 +0000", "<new@example.com>"

FOUND = {
    "nothing": {"empty"},
    "no body, no empty line": {"no-end-of-header"},
    "no From": {"no-from"},
    "From twice": {"twice", "repeated"},
    "three dates": {"twice", "bad-date"},
    "To twice, alike": {"repeated"},
    "a field with a blank in its name": {"no-field"},
    "a line without a colon": {"no-field"},
    "the line of an mbox": {"mbox-line"},
    "a Bcc field": {"bcc"},
    "a Bcc field far down": {"header-too-long"},
    "LF only": {"line-ends"},
    "CR only": {"bare-cr"},
    "CRLF and LF": {"line-ends"},
    "CR CR LF": {"bare-cr"},
    "Latin-1 in the subject": {"unsendable"},
    "UTF-8 in the header": {"raw-header"},
    "UTF-8 that calls itself ASCII": {"wrong-charset", "eight-bit"},
    "Latin-1 that calls itself UTF-8": {"unsendable", "wrong-charset"},
    "a charset nobody knows": {"unknown-charset"},
    "a charset that is a codec of Python's": {"unknown-charset"},
    "NUL in the body": {"unsendable"},
    "an encoding called binary": {"binary"},
    "an encoding nobody knows": {"unknown-encoding"},
    "base64 with junk in it": {"broken-base64"},
    "base64 without its end": {"broken-base64"},
    "base64 cut in a digit": {"broken-base64"},
    "quoted-printable with a lone =": {"broken-quoted-printable"},
    "a line over 998 in the body": {"long-line"},
    "a line over 998 in the header": {"long-line"},
    "a boundary that is not there": {"unused-boundary"},
    "no boundary at all": {"bad-boundary"},
    "a boundary never closed": {"unclosed"},
    "closed at once": {"unused-boundary"},
    "parts after the end": {"after-the-end"},
    "the boundary of the one around it": {"bad-boundary"},
    "a multipart in base64": {"unknown-encoding"},
    "a media type that is none": {"no-media-type"},
    "60 levels": {"too-deep"},
    "signed by DKIM, with Latin-1": {"dkim"},
}
"""What the rules find in a nasty message, among others."""


def rules(source: bytes) -> set[str]:
    return {one.rule for one in mime.findings(source)}


@pytest.mark.parametrize("name", FOUND)
def test_what_is_wrong_is_found(name: str) -> None:
    """Each rule sees what breaks it."""
    assert rules(NASTY[name]) >= FOUND[name]


@pytest.mark.parametrize(
    ("header", "body", "expected"),
    [
        (b"List-Unsubscribe: https://example.com\r\n", b"", "list-unsubscribe"),
        (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b"", "list-unsubscribe"),
        (b"Received: from x\r\n", b"", "owned-field"),
        (b"Disposition-Notification-To: a@example.com\r\n", b"", "unlisted-field"),
        (b"Cc: nobody\r\n", b"", "bad-address"),
        (b"Reply-To:\r\n", b"", "bad-address"),
        (b"Content-Type: text/plain\r\n", b"", "no-mime-version"),
        (b"Content-Type: multipart/alternative; boundary=b\r\n",
         b"--b\nContent-Type: text/html\n\nx\n--b\nContent-Type: text/plain\n\nx\n--b--\n", "not-first"),
        (b"Content-Type: text/html\r\n", b"<img src=cid:a@b>", "references"),
        (b"Content-Type: image/png\r\nContent-Disposition: attachment\r\n", b"x", "nameless"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n", b"--b\r\n\r\nx\r\n--b--\r\n", "no-media-type"),
        (b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n", "ü".encode(), "raw-utf-8"),
    ],
)  # fmt: skip
def test_each_rule_sees_what_breaks_it(header: bytes, body: bytes, expected: str) -> None:
    """The rules that the nasty messages do not break are broken here, one each."""
    assert expected in rules(FROM + DATED + header + b"\r\n" + body)


def test_no_rule_is_untested() -> None:
    """Each row of the table stands in one of these tests."""
    here = {"list-unsubscribe", "owned-field", "unlisted-field", "bad-address", "no-mime-version", "not-first"}
    here |= {"references", "nameless", "no-media-type", "raw-utf-8", "no-date", "no-message-id", "too-big"}
    tested = here.union(*FOUND.values()) | {"bad-message-id"}
    assert {rule.name for rule in mime.RULES} == tested
    assert len(tested) == len(mime.RULES)


def test_the_rest_of_the_rules() -> None:
    """A missing Date and Message-ID, one that is malformed, and a size over the limit are found."""
    assert {"no-date", "no-message-id"} <= rules(FROM + b"\r\nhi\r\n")
    assert "bad-message-id" in rules(FROM + b"Message-ID: x\r\n\r\nhi\r\n")
    assert [one.rule for one in mime.findings(HEAD + DATED + b"\r\nhi\n", limit=10)] == ["too-big", "line-ends"]


@pytest.mark.parametrize("name", [one.name for one in mime.TEMPLATES])
def test_a_template_is_right(name: str) -> None:
    """In no template a rule finds anything but that raw UTF-8 is raw UTF-8, and each can be sent."""
    source = mime.template(name, mime.Filled())
    assert rules(source) == ({"raw-utf-8"} if name == "8bit" else set())
    assert b"".join(raw_request(RawDraft("a@b.example", "c@d.example", source)).chunks())


def check_findings(source: bytes) -> None:
    found = mime.findings(source)
    assert [one.words for one in mime.problems(source)] == sorted(
        (one.words for one in found if one.stops), key=[one.words for one in mime.problems(source)].index
    )
    for one in found:
        assert first_control(one.words + one.place) is None
        assert one.offset is None or 0 <= one.offset <= len(source)
        if not one.fix:
            continue
        try:
            changes = mime.changes_for(source, one, date=DATE, message_id=MESSAGE_ID)
        except MessageError:
            continue
        assert changes
        new = mime.fixed(source, one, date=DATE, message_id=MESSAGE_ID)
        assert new != source
        left = [other for other in mime.findings(new) if (other.rule, other.words) == (one.rule, one.words)]
        assert len(left) < len([other for other in found if (other.rule, other.words) == (one.rule, one.words)])


@pytest.mark.parametrize("end", ["", "\r\n", "\r\n\r\n"])
def test_a_field_is_added_behind_the_last(end: str) -> None:
    """Whether or not an empty line ends the header, or a line end its last line, no field there is is harmed."""
    source = f"From: me@acme.example\r\nSubject: Hello{end}".encode()
    (finding,) = [one for one in mime.findings(source) if one.rule == "no-date"]
    added = f"From: me@acme.example\r\nSubject: Hello\r\nDate: {DATE}\r\n".encode()
    assert mime.fixed(source, finding, date=DATE) == added + (b"\r\n" if end == "\r\n\r\n" else b"")


def test_a_field_is_added_behind_a_bare_cr() -> None:
    """It does not become an empty line by that, below which nothing is a field."""
    check_findings(b"\0\n\r")


MAILS = NASTY | python_mails()


@pytest.mark.parametrize("name", MAILS)
def test_what_can_be_mended_is_mended(name: str) -> None:
    """Every fix that is offered changes something, and what it was for is found no more."""
    check_findings(MAILS[name])


@settings(max_examples=300, deadline=None)
@given(ANYTHING | ANYTHING.map(lambda source: FROM + source))
def test_any_octets_have_findings_that_can_be_mended(source: bytes) -> None:
    """The same for octets of any kind: no rule fails, and no fix does nothing."""
    check_findings(source)


@pytest.mark.parametrize("name", ["a line over 998 in the body", "a line over 998 in the header", "CR CR LF"])
def test_what_stops_a_message_can_often_be_mended(name: str) -> None:
    """After the fixes the message can be sent, and its content is what it was."""
    source = NASTY[name]
    for one in mime.findings(source):
        if one.stops:
            source = mime.fixed(source, one)
    assert not mime.problems(source)
    before = b"".join(mime.content(NASTY[name], mime.structure(NASTY[name])))
    assert b"".join(mime.content(source, mime.structure(source))) == before


def test_a_source_of_cr_alone_becomes_lines_if_asked() -> None:
    """Where no LF is anywhere, every CR can be taken for a line end, by who says so."""
    [one] = [found for found in mime.findings(NASTY["CR only"]) if found.rule == "bare-cr"]
    assert mime.fixed(NASTY["CR only"], one) == NASTY["CR only"].replace(b"\r", b"\r\n")


@pytest.mark.parametrize(
    ("source", "kind", "counts", "odd"),
    [
        (b"", "none", (0, 0, 0), None),
        (b"a\r\nb\r\n", "CRLF", (2, 0, 0), None),
        (b"a\nb", "LF", (0, 1, 0), None),
        (b"a\rb\r", "CR", (0, 0, 2), None),
        (b"a\r\nb\nc\r\n", "mixed", (2, 1, 0), 4),
        (b"a\nb\r\nc\n", "mixed", (1, 2, 0), 3),
        (b"a\r\r\nb\r\n", "mixed", (2, 0, 1), 1),
        (b"a\rb\rc\n", "mixed", (0, 1, 2), 5),
    ],
)
def test_line_ends_are_counted(source: bytes, kind: str, counts: tuple[int, int, int], odd: int | None) -> None:
    """How lines end is told, with how many of each kind and where the first odd one is."""
    ends = mime.line_endings(source)
    assert (ends.kind, (ends.crlf, ends.lf, ends.cr), ends.odd) == (kind, counts, odd)


@settings(max_examples=200)
@given(st.text(st.sampled_from("ab\r\n\0\f\x85\u2028ü"), max_size=60))
def test_what_an_editor_does_not_keep_is_named_with_its_place(text: str) -> None:
    """Every reason against editing has an offset at which it is seen; without one the text is safe to edit."""
    source = text.encode()
    for reason in mime.unkept(source):
        assert source[reason.offset :].decode()[0] in "\r\n\0\f\x85\u2028"
    assert bool(mime.unkept(source)) == bool(mime.not_editable(source))


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 2100), st.sampled_from([b"\r\n", b"\n", b"\r"])), max_size=6))
def test_long_lines_are_found_where_they_begin(lines: list[tuple[int, bytes]]) -> None:
    """Exactly the lines over 998 octets are found, however long they and those around them are."""
    from cfmail_tui.mime.lines import LINE_LIMIT, long_lines

    source = b"".join(b"a" * length + ending for length, ending in lines)
    expected, at = [], 0
    for line in source.split(b"\n"):
        if len(line.partition(b"\r")[0]) > LINE_LIMIT:
            expected.append(at)
        at += len(line) + 1
    assert list(long_lines(source)) == expected
