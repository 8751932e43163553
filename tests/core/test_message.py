"""From a draft as typed to a message that may be sent: what `parse` accepts, and all that it says when it does not."""

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from cfmail_tui.message import (
    FORM_FIELDS,
    PROBLEM_LIMIT,
    SUBJECT_LIMIT,
    Attachment,
    Draft,
    HeaderField,
    Mailbox,
    MailMessage,
    MessageError,
    Place,
    Problem,
    control_name,
    first_control,
    first_surrogate,
    parse,
    parse_header_fields,
    printable,
    read,
)

SMALLEST = Draft(sender="me@example.com", to="ann@example.com", text="Hi")
FILE = Attachment(path="/tmp/a", filename="a.pdf", media_type="application/pdf", size=3)


def changed(**fields: Any) -> Draft:
    """The smallest draft but for these fields."""
    return replace(SMALLEST, **fields)


def problems_of(draft: Draft, *attachments: Attachment) -> list[Problem]:
    with pytest.raises(MessageError) as caught:
        parse(draft, attachments)
    return list(caught.value.problems)


def test_a_draft_becomes_the_message_it_means() -> None:
    """Every field of the form arrives in the message, addresses split, texts untouched."""
    draft = Draft(
        sender="Me <me@example.com>",
        to="Ann <ann@example.com>, bob@example.org",
        cc="carl@example.com",
        bcc="dora@example.com",
        reply_to="replies@example.com",
        subject="  Ünïcode, kept as typed ",
        headers="X-Mark: 1",
        text="Hi\n",
        html="<p>Hi</p>",
    )
    ann, bob, carl, dora = (
        Mailbox("ann@example.com", "Ann"),
        Mailbox("bob@example.org"),
        Mailbox("carl@example.com"),
        Mailbox("dora@example.com"),
    )
    message = parse(draft, [FILE])
    assert message == MailMessage(
        sender=Mailbox("me@example.com", "Me"),
        to=(ann, bob),
        cc=(carl,),
        bcc=(dora,),
        reply_to=Mailbox("replies@example.com"),
        subject="  Ünïcode, kept as typed ",
        headers=(HeaderField("X-Mark", "1"),),
        text="Hi\n",
        html="<p>Hi</p>",
        attachments=(FILE,),
    )
    assert message.recipients == (ann, bob, carl, dora)


@pytest.mark.parametrize("field", ["to", "cc", "bcc"])
def test_a_recipient_in_any_field_will_do(field: str) -> None:
    """A mail may go to Cc or Bcc alone, as the API allows."""
    assert parse(changed(**{"to": "", field: "ann@example.com"})).recipients == (Mailbox("ann@example.com"),)


def test_a_body_of_blanks_is_no_body() -> None:
    """A text of blanks beside a real HTML body is left out, not sent as an empty part."""
    message = parse(replace(SMALLEST, text=" \n", html="<p>Hi</p>"))
    assert (message.text, message.html) == ("", "<p>Hi</p>")


def test_all_problems_are_told_at_once() -> None:
    """One round of mending is enough: each place with a problem is named in the same refusal."""
    draft = Draft(
        sender="me", to="ann", cc="<bob", bcc="x@y", reply_to="a@b.example, c@d.example", subject="a\nb", headers="x"
    )
    bad_file = replace(FILE, media_type="pdf")
    assert [problem.place for problem in problems_of(draft, bad_file)] == [
        Place.FROM,
        Place.TO,
        Place.CC,
        Place.BCC,
        Place.REPLY_TO,
        Place.SUBJECT,
        Place.HEADERS,
        Place.TEXT,
        Place.ATTACHMENTS,
    ]


def test_an_error_reads_as_its_problems() -> None:
    """An error that nobody unpacks still says where and why, one problem a line."""
    assert str(MessageError(Problem(Place.TO, "one"), Problem(Place.CC, "two", 3))) == "To: one\nCc: two"


@pytest.mark.parametrize("separators", ["", " ", ",", " ;\n, "])
def test_a_field_of_separators_is_an_empty_field(separators: str) -> None:
    """A sender or recipient field that holds no address is refused with words of its own, never without any."""
    empty = replace(SMALLEST, sender=separators, to=separators, cc=separators, bcc=separators, reply_to=separators)
    assert [str(problem) for problem in problems_of(empty)] == [
        "From: who is this mail from? Type your address",
        "To: who is this mail for? There is no recipient",
    ]


def test_a_bad_recipient_is_not_a_missing_one() -> None:
    """When the only recipient has a typing error, that is told, and nothing about missing recipients."""
    assert [problem.place for problem in problems_of(replace(SMALLEST, to="", cc="ann"))] == [Place.CC]


def test_no_recipient_is_told_beside_another_problem() -> None:
    """A missing recipient is told even when another field has a problem."""
    places = [problem.place for problem in problems_of(replace(SMALLEST, to="", subject="\t"))]
    assert places == [Place.TO, Place.SUBJECT]


@pytest.mark.parametrize(("field", "place"), [("sender", Place.FROM), ("reply_to", Place.REPLY_TO)])
def test_one_address_only(field: str, place: Place) -> None:
    """From and Reply-To take one address, as the API does."""
    assert problems_of(changed(**{field: "a@example.com, b@example.com"})) == [
        Problem(place, "only one address can stand here, there are 2")
    ]


@pytest.mark.parametrize(
    ("subject", "offset", "words"),
    [
        ("a\r\nBcc: x@example.com", 1, "a line break cannot stand in a subject"),
        ("a\nb", 1, "a line break cannot stand"),
        ("a\0", 1, "NUL cannot stand"),
        ("\tb", 0, "a tab cannot stand"),
        ("a\x85b", 1, "the control character U+0085 cannot stand"),
        ("a\x7f", 1, "the control character U+007F cannot stand"),
        ("ab\ud800", 2, "U+D800 cannot stand"),
        ("a" * (SUBJECT_LIMIT + 1), SUBJECT_LIMIT, "999 characters, the limit is 998"),
    ],
)
def test_a_subject_that_cannot_be_sent(subject: str, offset: int, words: str) -> None:
    """Control characters, surrogates and over-long subjects are refused where they stand."""
    [problem] = problems_of(replace(SMALLEST, subject=subject))
    assert (problem.place, problem.offset) == (Place.SUBJECT, offset)
    assert words in problem.words


@pytest.mark.parametrize(
    "subject", ["", " ", "a" * SUBJECT_LIMIT, "🦊" * SUBJECT_LIMIT, "a\u2028b", "=?utf-8?B?eA==?="]
)
def test_any_other_subject_is_taken_as_it_is(subject: str) -> None:
    """A subject of any script up to the limit is kept character for character."""
    assert parse(replace(SMALLEST, subject=subject)).subject == subject


def test_a_mail_needs_a_body() -> None:
    """An empty mail is refused before Cloudflare refuses it."""
    [problem] = problems_of(replace(SMALLEST, text=" ", html="\n"))
    assert problem.place is Place.TEXT


@pytest.mark.parametrize(("field", "place"), [("text", Place.TEXT), ("html", Place.HTML)])
def test_a_body_with_half_a_character_is_refused(field: str, place: Place) -> None:
    """A lone surrogate, which JSON cannot carry, is refused where it stands."""
    [problem] = problems_of(changed(**{field: "ab\udfffc"}))
    assert (problem.place, problem.offset) == (place, 2)


@pytest.mark.parametrize(
    ("attachment", "words"),
    [
        (replace(FILE, filename=""), "no file name"),
        (replace(FILE, filename="a\r\nb"), "a<0D><0A>b: the file name has a line break"),
        (replace(FILE, filename="a\udc80"), "a<DC80>: the file name has"),
        (replace(FILE, media_type=""), "is not a media type"),
        (replace(FILE, media_type="pdf"), "a.pdf: “pdf” is not a media type"),
        (replace(FILE, media_type="a/b\r\nX: y"), "the media type has a line break"),
        (replace(FILE, media_type="a/b\u202e"), "“a/b<202E>” is not a media type"),
        (replace(FILE, media_type="a/" + "b" * 128), "is not a media type"),
        (replace(FILE, disposition="inline"), "content-id"),
        (replace(FILE, disposition="inline", content_id="<a>"), "content-id"),
        (replace(FILE, disposition="inline", content_id="a b"), "content-id"),
        (replace(FILE, disposition="inline", content_id="a" * 251), "content-id"),
        (replace(FILE, disposition="inline", content_id="a\nb"), "the content-id has a line break"),
    ],
)
def test_an_attachment_that_cannot_be_sent(attachment: Attachment, words: str) -> None:
    """What would break a part's header is refused, and the words name the file without acting on a terminal."""
    found = problems_of(SMALLEST, attachment)
    assert {problem.place for problem in found} == {Place.ATTACHMENTS}
    assert words in found[0].words
    assert all(problem.words.isprintable() for problem in found)


@pytest.mark.parametrize(
    "attachment",
    [
        FILE,
        replace(FILE, filename="ein sehr langer Name 🦊.pdf", media_type="text/plain; charset=utf-8"),
        replace(FILE, disposition="inline", content_id="logo.1_a-b@example.com"),
        replace(FILE, size=0),
    ],
)
def test_an_attachment_that_can_be_sent(attachment: Attachment) -> None:
    """File names of any script, media types with parameters and proper content-ids are taken as they are."""
    assert parse(SMALLEST, [attachment]).attachments == (attachment,)


HEADERS_UNDERSTOOD = {
    "nothing": ("", []),
    "blank lines": ("\n \t\n\r\n", []),
    "one": ("X-Mark: 1", [("X-Mark", "1")]),
    "no blank": ("X-Mark:1\n", [("X-Mark", "1")]),
    "blanks around": ("  X-Mark \t: \t1 \t", [("X-Mark", "1")]),
    "several, CRLF": ("X-A: 1\r\nX-B: 2\r\n", [("X-A", "1"), ("X-B", "2")]),
    "several, old line ends": ("X-A: 1\rX-B: 2\r", [("X-A", "1"), ("X-B", "2")]),
    "blank line between": ("X-A: 1\n\nX-B: 2", [("X-A", "1"), ("X-B", "2")]),
    "colon in the value": ("List-Id: a: b", [("List-Id", "a: b")]),
    "folded": ("References: <a@b>\n\t<c@d>\r\n <e@f>", [("References", "<a@b> <c@d> <e@f>")]),
    "folded after the colon": ("References:\n <a@b>\n <c@d>\nX-A: 1", [("References", "<a@b> <c@d>"), ("X-A", "1")]),
    "any script": ("X-Note: Grüße 🦊", [("X-Note", "Grüße 🦊")]),
    "blanks inside": ("X-Note: a  b\u2028c\u00a0", [("X-Note", "a  b\u2028c\u00a0")]),
    "longest name": ("X" * 100 + ": 1", [("X" * 100, "1")]),
}


@pytest.mark.parametrize(("text", "fields"), HEADERS_UNDERSTOOD.values(), ids=HEADERS_UNDERSTOOD)
def test_header_fields_are_understood(text: str, fields: list[tuple[str, str]]) -> None:
    """Header fields typed or pasted, folded or not, become names with unfolded bodies."""
    assert list(parse_header_fields(text)) == fields


HEADERS_REFUSED = {
    "no colon": ("X-A: 1\nX-Mark", 7, "“X-Mark” has no colon"),
    "no name": (": x", 0, "is not a header name"),
    "blank in the name": ("X Mark: 1", 0, "“X Mark” is not a header name"),
    "other script": ("X-Zoë: 1", 0, "“X-Zoë” is not a header name"),
    "control character in the name": ("X\0: 1", 0, "“X<00>” is not a header name"),
    "name too long": ("X" * 101 + ": 1", 0, "is not a header name"),
    "no value": ("X-Mark: \t", 0, "X-Mark has no value"),
    "no value, folded": ("X-Mark:\n  \nX-A: 1", 0, "X-Mark has no value"),
    "NUL": ("X-Mark: a\0b", 0, "X-Mark has NUL in it"),
    "NUL in a folded line": ("X-Mark: a\n b\0", 0, "X-Mark has NUL in it"),
    "tab": ("X-Mark: a\tb", 0, "X-Mark has a tab in it"),
    "vertical tab makes no new field": ("X-Mark: a\x0bBcc: b", 0, "U+000B"),
    "surrogate": ("X-Mark: \ud800", 0, "U+D800"),
    "twice": ("X-Mark: 1\r\nx-mark: 2", 11, "x-mark stands twice"),
}


@pytest.mark.parametrize(("text", "offset", "words"), HEADERS_REFUSED.values(), ids=HEADERS_REFUSED)
def test_a_bad_header_field_is_named_with_its_place(text: str, offset: int, words: str) -> None:
    """What is no header field is refused with the offset of its line and words that show it."""
    with pytest.raises(MessageError) as caught:
        parse_header_fields(text)
    problem = caught.value.problems[0]
    assert (problem.place, problem.offset) == (Place.HEADERS, offset)
    assert words in problem.words
    assert problem.words.isprintable()


@pytest.mark.parametrize("name", sorted(FORM_FIELDS))
def test_a_field_of_the_form_is_not_typed_again(name: str) -> None:
    """From, To, Cc, Bcc, Reply-To and Subject have one place, whatever their case."""
    with pytest.raises(MessageError, match="has a field of its own in the form"):
        parse_header_fields(f"{name.title()}: x@example.com")


@pytest.mark.parametrize("name", ["Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"])
def test_a_field_of_the_mail_system_cannot_stand_twice(name: str) -> None:
    """A field that every message has once is refused, so that no message has it twice."""
    with pytest.raises(MessageError, match="written by the mail system"):
        parse_header_fields(f"{name}: x")


def test_a_blind_copy_cannot_be_given_away_by_a_header() -> None:
    """Resent-Bcc, which names hidden recipients, is refused."""
    with pytest.raises(MessageError):
        parse_header_fields("Resent-Bcc: dora@example.com")


def test_a_pasted_page_does_not_give_a_page_of_header_problems() -> None:
    """Prose pasted as header fields is refused with a number of problems that can be shown."""
    with pytest.raises(MessageError) as caught:
        parse_header_fields("word\n" * 10_000)
    assert len(caught.value.problems) == PROBLEM_LIMIT


def test_what_is_typed_and_what_is_sent_do_not_change() -> None:
    """Drafts and messages are values: nothing can alter one between review and sending."""
    with pytest.raises(FrozenInstanceError):
        setattr(SMALLEST, "text", "other")  # noqa: B010 - the plain assignment does not type-check
    with pytest.raises(FrozenInstanceError):
        setattr(parse(SMALLEST), "subject", "other")  # noqa: B010


@pytest.mark.parametrize(
    ("char", "name"),
    [
        ("\n", "a line break"),
        ("\r", "a line break"),
        ("\t", "a tab"),
        ("\0", "NUL"),
        ("\x1b", "the control character U+001B"),
    ],
)
def test_a_control_character_has_a_name(char: str, name: str) -> None:
    """Control characters are named in words, never shown raw."""
    assert control_name(char) == name


def test_control_characters_and_surrogates_are_found_where_they_are() -> None:
    """The first control character or surrogate is found; other marks, joiners and spaces are none."""
    assert first_control("añ🦊\u200d\u202e\u2028\u00a0") is None
    assert first_control("ab\x9f\0") == 2
    assert first_control("ab\udcff") == 2
    assert first_surrogate("a\0🦊") is None
    assert first_surrogate("a\0\ud83e") == 2


def test_text_in_a_message_is_safe_to_show() -> None:
    """Control, direction and format characters are shown as code points, and long text is cut."""
    assert printable("a\x1b[31m\u202e\u2028\ud800") == "a<1B>[31m<202E><2028><D800>"
    assert printable("abcdef", 4) == "abc…"
    assert printable("abcd", 4) == "abcd"


def test_what_is_read_again() -> None:
    """Of a draft read before, only the fields that changed are read again; what is wrong is told as if all were."""
    draft = replace(SMALLEST, cc="ann", headers="X-Mark 1", text="a\ud800")
    before = read(draft)
    after = read(replace(draft, cc="ann@example.com", subject="a\nb"), before)
    assert after.sender is before.sender
    assert after.headers is before.headers
    assert after == read(replace(draft, cc="ann@example.com", subject="a\nb"))
    assert [problem.place for problem in after.problems] == [Place.SUBJECT, Place.HEADERS, Place.TEXT]
    mended = read(replace(draft, text="a"), before)
    assert [problem.place for problem in mended.problems] == [Place.CC, Place.HEADERS]
