"""Messages as bytes: what is written reads back as what was meant, and what is read is not changed."""

import email.policy
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage, MIMEPart
from pathlib import Path

import pytest

from cfmail_tui import mime
from cfmail_tui.message import Attachment, HeaderField, Mailbox, MailMessage, Place

GOLDEN = Path(__file__).with_name("golden")
DATE = "Mon, 23 Nov 2026 07:00:00 +0000"
MESSAGE_ID = "<0123456789abcdef@example.com>"
PICTURE = bytes(range(256)) * 3

TEXT_ONLY = MailMessage(
    sender=Mailbox("me@example.com"),
    to=(Mailbox("ann@example.com"),),
    bcc=(Mailbox("hidden@example.org", "Hidden"),),
    subject="Hello",
    text="Hi Ann,\n\n.a line that starts with a dot\nFrom here on\n",
)
ALTERNATIVE = replace(
    TEXT_ONLY,
    sender=Mailbox("me@example.com", "Me, Myself"),
    to=(Mailbox("ann@example.com", "Ann Lee"), Mailbox("bob@xn--bcher-kva.example", "Bob Bücher")),
    cc=(Mailbox("carl@example.com", 'Carl "C" \\ Cox'),),
    reply_to=Mailbox("replies@example.com", "回信"),
    subject="Grüße aus Zürich, mit einer Betreffzeile, die zu lang für eine einzige Zeile ist 🦊",
    headers=(
        HeaderField("X-Note", "Grüße"),
        HeaderField("References", "<0123456789abcdef0123456789abcdef@one.example> <fedcba9876543210@two.example>"),
    ),
    text="Grüße\n",
    html="<p>Grüße</p>\n",
)
LOGO = Attachment("/logo.png", "logo.png", "image/png", len(PICTURE), "inline", "logo@example.com")
REPORT = Attachment("/report", "Bericht für März (endgültig), 最終版 🦊.pdf", "application/pdf", len(PICTURE) + 1)
RELATED = replace(ALTERNATIVE, html='<img src="cid:logo@example.com">\n', attachments=(LOGO, REPORT))


def content_of(attachment: Attachment) -> bytes:
    return (PICTURE * (attachment.size // len(PICTURE) + 1))[: attachment.size]


def read(attachment: Attachment) -> Iterator[bytes]:
    content = content_of(attachment)
    return iter([content[:100], content[100:100], content[100:]])


def assembled(message: MailMessage) -> bytes:
    segments = mime.assemble(message, date=DATE, message_id=MESSAGE_ID, boundary="=_boundary")
    octets = b"".join(mime.chunks(segments, read))
    assert mime.size(segments) == len(octets)
    return octets


def parsed(message: MailMessage) -> EmailMessage:
    read_back = email.message_from_bytes(assembled(message), _class=EmailMessage, policy=email.policy.default)
    assert isinstance(read_back, EmailMessage)
    assert not [part.defects for part in read_back.walk() if part.defects]
    return read_back


def structure(part: MIMEPart) -> object:
    """The tree of media types: a string for a leaf, (subtype, children) for a multipart."""
    if not part.is_multipart():
        return part.get_content_type()
    return part.get_content_subtype(), [structure(child) for child in part.iter_parts()]


def lines_of(octets: bytes) -> list[bytes]:
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert b"\r" not in octets.replace(b"\r\n", b"")
    return octets.split(b"\r\n")


@pytest.mark.parametrize(
    ("name", "message"), [("text.eml", TEXT_ONLY), ("alternative.eml", ALTERNATIVE), ("related.eml", RELATED)]
)
def test_a_message_is_written_as_it_was_reviewed(name: str, message: MailMessage) -> None:
    """The octets of three messages are pinned: a change of a single one is seen. Read the diff before you accept it."""
    assert assembled(message) == (GOLDEN / name).read_bytes()


TEXT, HTML, PNG, PDF = "text/plain", "text/html", "image/png", "application/pdf"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (replace(ALTERNATIVE, html=""), TEXT),
        (replace(ALTERNATIVE, text=""), HTML),
        (ALTERNATIVE, ("alternative", [TEXT, HTML])),
        (replace(RELATED, attachments=(LOGO,)), ("related", [("alternative", [TEXT, HTML]), PNG])),
        (replace(RELATED, text="", attachments=(LOGO,)), ("related", [HTML, PNG])),
        (replace(RELATED, attachments=(REPORT,)), ("mixed", [("alternative", [TEXT, HTML]), PDF])),
        (replace(RELATED, html="", attachments=(REPORT, REPORT)), ("mixed", [TEXT, PDF, PDF])),
        (RELATED, ("mixed", [("related", [("alternative", [TEXT, HTML]), PNG]), PDF])),
        (
            replace(RELATED, attachments=(REPORT, LOGO, REPORT)),
            ("mixed", [("related", [("alternative", [TEXT, HTML]), PNG]), PDF, PDF]),
        ),
    ],
)
def test_parts_are_nested_as_mail_programs_expect(message: MailMessage, expected: object) -> None:
    """mixed(related(alternative(text, html), inline), files), and no multipart around a single part."""
    assert structure(parsed(message)) == expected


def test_the_header_reads_back_as_it_was_meant() -> None:
    """Names, addresses, subject and own fields in any script survive writing and reading."""
    header = parsed(ALTERNATIVE)
    for field, mailboxes in {
        "From": (ALTERNATIVE.sender,),
        "To": ALTERNATIVE.to,
        "Cc": ALTERNATIVE.cc,
        "Reply-To": (ALTERNATIVE.reply_to,),
    }.items():
        addresses = header[field].addresses
        assert [(one.addr_spec, one.display_name) for one in addresses] == [
            (mailbox.addr_spec, mailbox.display_name) for mailbox in mailboxes if mailbox
        ]
    assert header["Subject"] == ALTERNATIVE.subject
    assert header["X-Note"] == "Grüße"
    assert header["References"] == ALTERNATIVE.headers[1].body
    assert header["Message-ID"] == MESSAGE_ID
    assert header["Date"] == DATE


@pytest.mark.parametrize("message", [TEXT_ONLY, ALTERNATIVE, RELATED])
def test_required_fields_stand_once_and_bcc_never(message: MailMessage) -> None:
    """Exactly one From, Date, Message-ID and MIME-Version; no hidden recipient anywhere in the octets."""
    octets = assembled(message)
    names = [field.name for field in mime.header_fields(octets)]
    assert [names.count(name) for name in ("From", "Date", "Message-ID", "MIME-Version")] == [1, 1, 1, 1]
    assert b"hidden" not in octets.lower()
    assert b"bcc" not in octets.lower()


LONG = MailMessage(
    sender=Mailbox("a" * 64 + "@" + "b." * 90 + "example", "Name " * 190),
    to=tuple(Mailbox(f"{n}@example.com", "Ü" * n * 4) for n in range(1, 50)),
    subject="word " * 199,
    headers=(
        HeaderField("X" * 100, "y" * 5000),
        HeaderField("List-Unsubscribe", "<https://example.com/" + "u" * 900 + ">, <mailto:u@example.com>"),
        HeaderField("X-Blanks", "a" + "  " * 600 + "b"),
    ),
    text="a" * 998 + "\nshort\n",
    html="b" * 999 + "\n",
    attachments=(
        replace(REPORT, filename="Ärger" * 400 + ".pdf"),
        replace(REPORT, media_type="a" * 127 + "/" + "b" * 127 + "; " + "c" * 498),
        replace(LOGO, content_id="c" * 250),
    ),
)


def test_no_line_is_too_long() -> None:
    """Whatever the lengths of names, subjects, fields, bodies and file names, a line has at most 998 octets."""
    assert max(map(len, lines_of(assembled(LONG)))) <= mime.LINE_LIMIT


def test_a_long_url_in_a_field_stays_readable_to_machines() -> None:
    """A word that fits a line is folded, not encoded: a List-Unsubscribe in base64 unsubscribes nobody."""
    [body] = mime.field_bodies(assembled(LONG), "List-Unsubscribe")
    assert body == LONG.headers[1].body


@pytest.mark.parametrize("word", [1, 10, 30, 66, 67, 68, 76, 77])
@pytest.mark.parametrize("count", [1, 2, 3, 20])
def test_a_plain_field_is_folded_between_words(word: int, count: int) -> None:
    """A long plain subject is broken at blanks into lines of 76 and reads back without a change."""
    subject = " ".join(["w" * word] * count)
    octets = assembled(replace(TEXT_ONLY, subject=subject))
    assert mime.field_bodies(octets, "Subject") == [subject]
    start = octets.index(b"Subject:")
    lines = lines_of(octets[start : octets.index(b"\r\nDate:")])
    assert max(map(len, lines)) <= max(76, word + len("Subject: "))
    assert len(lines) == 1 or min(len(line) + 1 + word for line in lines[:-1]) > 76


@pytest.mark.parametrize("length", [996, 997, 998, 999])
def test_a_word_at_the_limit_of_a_line_is_carried(length: int) -> None:
    """A word as long as a line is written as it is, or encoded when no line can hold it."""
    octets = assembled(replace(TEXT_ONLY, headers=(HeaderField("X-Long", "w" * length),)))
    assert max(map(len, lines_of(octets))) <= mime.LINE_LIMIT
    assert [mime.decoded_words(body) for body in mime.field_bodies(octets, "X-Long")] == ["w" * length]
    assert (b"w" * length in octets) == (length < mime.LINE_LIMIT)


def test_lines_with_encoded_words_are_short() -> None:
    """RFC 2047 section 2: a line of the header with an encoded word has at most 76 characters."""
    header = assembled(LONG).partition(b"\r\n\r\n")[0]
    encoded = [line for line in lines_of(header) if b"=?" in line]
    assert encoded
    assert max(map(len, encoded)) <= 76


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "a\nb",
        "a\r\nb\r\n",
        "\n\n",
        "a\rb",
        "a\r",
        "a\0b",
        "Grüße 🦊",
        "a" * 998,
        "a" * 999,
        "\r\n.\r\n",
        "--=_boundary",
        "\u2028\x85\x0c",
        " trailing \t\n ",
    ],
)
def test_a_text_reads_back_with_its_line_ends_as_crlf(text: str) -> None:
    """Bodies of any characters survive; line ends are CRLF, and a lone CR is not taken for one."""
    message = replace(ALTERNATIVE, text="." + text, html="<p>" + text)
    lines_of(assembled(message))
    plain, html = parsed(message).iter_parts()
    expected = text.replace("\r\n", "\n").replace("\n", "\r\n")
    for part, lead in ((plain, "."), (html, "<p>")):
        octets = part.get_payload(decode=True)
        assert isinstance(octets, bytes)
        assert octets.decode() == lead + expected


@pytest.mark.parametrize(
    "name",
    [
        "a.pdf",
        "a b.pdf",
        "a'b\"c\\d.pdf",
        "a;b=c,d:e.pdf",
        "%41*0=.pdf",
        "=?utf-8?B?eA==?=",
        "=?utf-8?q?x?= y.txt",
        "utf-8''x",
        ".hidden",
        " blank at both ends ",
        "Ünïcödé.pdf",
        "最終版.pdf",
        "отчёт.pdf",
        "تقرير.pdf",
        "דוח.pdf",
        "รายงาน.pdf",
        "👩‍👩‍👧‍👦🦊.pdf",
        "e\u0301\u202e.pdf",
        "a" * 60,
        "a" * 61,
        "a" * 255,
        "界" * 255,
        "a界" * 40,
        "\u2028",
    ],
)
def test_a_file_name_reads_back(name: str) -> None:
    """File names of every script and length, and such as look like encoded text, arrive as they are."""
    message = replace(TEXT_ONLY, attachments=(replace(REPORT, filename=name),))
    [part] = parsed(message).iter_attachments()
    assert part["Content-Disposition"].params["filename"] == name
    assert part.get_content_type() == "application/pdf"


@pytest.mark.parametrize("size", [0, 1, 2, 3, 56, 57, 58, 113, 114, 115, 1000])
@pytest.mark.parametrize("block", [1, 7, 57, 64, 4096])
def test_a_file_arrives_whole_however_it_is_read(size: int, block: int) -> None:
    """Content is the same and its size known beforehand for any length and any size of block."""
    content = content_of(replace(REPORT, size=size))
    message = replace(TEXT_ONLY, attachments=(replace(REPORT, size=size),))
    segments = mime.assemble(message, date=DATE, message_id=MESSAGE_ID, boundary="=_boundary")
    blocks = (content[start : start + block] for start in range(0, size, block))
    octets = b"".join(mime.chunks(segments, lambda _: blocks))
    assert mime.size(segments) == len(octets)
    [part] = email.message_from_bytes(octets, _class=EmailMessage, policy=email.policy.default).iter_attachments()
    assert part.get_payload(decode=True) == content
    assert max(map(len, lines_of(octets))) <= 78


def test_an_inline_picture_is_found_by_its_content_id() -> None:
    """A picture in the HTML body carries the content-id that the body names, and its name and type."""
    related = next(parsed(RELATED).iter_parts())
    picture = list(related.iter_parts())[1]
    assert picture["Content-ID"] == "<logo@example.com>"
    assert (picture.get_content_disposition(), picture.get_filename()) == ("inline", "logo.png")
    assert picture.get_payload(decode=True) == content_of(LOGO)


@pytest.mark.parametrize("media_type", ["message/rfc822", "Message/External-Body", "multipart/mixed; boundary=x"])
def test_an_attached_mail_stays_a_file(media_type: str) -> None:
    """A mail attached as a file is not taken for a part of this one (RFC 2045 forbids base64 for it)."""
    message = replace(TEXT_ONLY, attachments=(replace(REPORT, media_type=media_type),))
    [part] = parsed(message).iter_attachments()
    assert part.get_content_type() == "application/octet-stream"
    assert part.get_payload(decode=True) == content_of(REPORT)


SOURCE = b"From: me@example.com\r\nBcc: a@example.com\r\nSubject: Hi\r\n\r\nBcc: stays, this is the body\r\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (SOURCE, SOURCE.replace(b"Bcc: a@example.com\r\n", b"")),
        (b"Bcc: a\r\n b,\r\n\tc\r\nTo: d\r\n\r\n", b"To: d\r\n\r\n"),
        (b"To: d\nBCC: a\n b\nbcc:c\nX: y\n\nBcc: x", b"To: d\nX: y\n\nBcc: x"),
        (b"Resent-Bcc: a\r\nResent-To: b\r\n\r\n", b"Resent-To: b\r\n\r\n"),
        (b"Bcc : obsolete form\r\nTo: b\r\n\r\n", b"To: b\r\n\r\n"),
        (b"To: b\r\nBcc: no end of the header", b"To: b\r\n"),
        (b"To: b\r\nBcc: no end\r\n", b"To: b\r\n"),
        (b"Bcc:\r\n\r\nbody", b"\r\nbody"),
        (b"X-Bcc: a\r\nTo: Bcc: b\r\n Bcc: c\r\n\r\n", b"X-Bcc: a\r\nTo: Bcc: b\r\n Bcc: c\r\n\r\n"),
        (b"\r\nBcc: the header ended before\r\n", b"\r\nBcc: the header ended before\r\n"),
        (b"junk\r\nBcc: a\r\n\xff\xfe: x\r\n\r\n\xff\0", b"junk\r\n\xff\xfe: x\r\n\r\n\xff\0"),
        (b"", b""),
    ],
)
def test_removing_bcc_changes_nothing_else(source: bytes, expected: bytes) -> None:
    """Every Bcc and Resent-Bcc field goes with its folded lines; every other octet stays where it was."""
    assert mime.without_bcc(source) == expected


def test_header_fields_are_seen_as_they_stand() -> None:
    """Fields are listed in order, unfolded, with the octets they occupy; what is no field is passed over."""
    source = b"From: a\r\nX-A : one\r\n two\r\njunk\r\n bad fold\r\nx-a:\xc3\xbc\xff\n\r\nTo: in the body"
    fields = mime.header_fields(source)
    assert [(field.name, field.body) for field in fields] == [("From", "a"), ("X-A", "one two"), ("x-a", "ü\ufffd")]
    assert [source[field.start : field.end] for field in fields] == [
        b"From: a\r\n",
        b"X-A : one\r\n two\r\n",
        b"x-a:\xc3\xbc\xff\n",
    ]
    assert mime.field_bodies(source, "X-a", "to") == ["one two", "ü\ufffd"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b"a\nb\n", b"a\r\nb\r\n"),
        (b"a\r\nb\n", b"a\r\nb\r\n"),
        (b"a\r\r\n\n", b"a\r\r\n\r\n"),
        (b"a\rb", b"a\rb"),
        (b"\n", b"\r\n"),
        (b"\xff\0", b"\xff\0"),
    ],
)
def test_a_source_leaves_with_crlf(source: bytes, expected: bytes) -> None:
    """A bare LF becomes CRLF and nothing else changes."""
    assert mime.crlf(source) == expected


def test_a_proper_source_has_no_problems() -> None:
    """What this program writes itself, and UTF-8 with lines up to the limit, may be sent."""
    assert mime.problems(assembled(RELATED)) == []
    assert mime.problems(b"From: a\r\n\r\n" + "ü".encode() * 499 + b"\r\n") == []


HEAD = b"From: a\r\n\r\n"


@pytest.mark.parametrize(
    ("source", "offset", "words"),
    [
        (b"", None, "the message is empty"),
        (b" \r\n", None, "the message is empty"),
        (b"To: a\r\n\r\n", None, "there is no From field in the header"),
        (b"To: a\r\n\r\nFrom: b\r\n", None, "there is no From field in the header"),
        (b"From: a\r\nfrom: b\r\n\r\n", 9, "From stands 2 times in the header"),
        (b"From: a\r\nDate: b\r\nDATE: c\r\nDate: d\r\n\r\n", 18, "Date stands 3 times"),
        (b"From: a\r\nMessage-Id: b\r\nMessage-ID: c\r\n\r\n", 24, "Message-ID stands 2 times"),
        (HEAD + b"a\r\nb\xff", 15, "line 4 (octet 16) is 8-bit but not UTF-8"),
        (HEAD + b"\0", 11, "NUL at line 3 (octet 12)"),
        (b"\0\n" + HEAD, 0, "NUL at line 1 (octet 1)"),
        (HEAD + b"a\rb", 12, "a CR without LF at line 3 (octet 13)"),
        (HEAD + b"a\r", 12, "a CR without LF at line 3"),
        (HEAD + b"b\r\n" + b"a" * 999 + b"\r\n", 14, "line 4 (octet 15) is over 998 octets"),
        (HEAD + "ü".encode() * 500, 11, "line 3 (octet 12) is over 998 octets"),
    ],
)
def test_a_source_that_cannot_be_sent(source: bytes, offset: int | None, words: str) -> None:
    """What a mail or a JSON string cannot carry is named with its line and octet."""
    [problem] = mime.problems(source)
    assert (problem.place, problem.offset) == (Place.SOURCE, offset)
    assert words in problem.words


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"a\nb\n", None),
        (b"a\r\nb\r\n", None),
        ("ü🦊\t".encode(), None),
        (b"", None),
        (b"a\xffb", "it is not UTF-8 (octet 2)"),
        (b"a\rb\n", "it has a CR without LF"),
        (b"a\r\r\n", "it has a CR without LF"),
        (b"a\0", "it has U+0000"),
        (b"a\x0b", "it has U+000B"),
        (b"a\x0c", "it has U+000C"),
        (b"a\x1d", "it has U+001D"),
        ("a\x85".encode(), "it has U+0085"),
        ("a\u2028".encode(), "it has U+2028"),
        (b"a\r\nb\n", "its lines end in CRLF here and in LF there"),
        (b"a\nb\r\n", "its lines end in CRLF here and in LF there"),
    ],
)
def test_only_what_an_editor_gives_back_may_be_edited(source: bytes, reason: str | None) -> None:
    """A source that an editor would change, at line ends or otherwise, says why it is opened read-only."""
    found = mime.not_editable(source)
    assert found == reason or (reason is not None and found is not None and found.startswith(f"{reason},"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("=?utf-8?B?R3LDvMOfZQ==?=", "Grüße"),
        ("=?UTF-8?q?Gr=C3=BC=c3=9fe_an_alle?=", "Grüße an alle"),
        ("=?iso-8859-1?Q?Gr=FC=DFe?= an =?utf-8?B?8J+mig==?=", "Grüße an 🦊"),
        ("=?utf-8?Q?a?= =?utf-8?Q?b?= \t=?utf-8?Q?c?=", "abc"),
        ("=?utf-8*de?Q?a?=", "a"),
        ("=?utf-8?X?a?=", "=?utf-8?X?a?="),
        ("=?none-such?Q?a?=", "=?none-such?Q?a?="),
        ("=?utf-8?B?%%%?=", "=?utf-8?B?%%%?="),
        ("=?utf-8?B?ü?=", "=?utf-8?B?ü?="),
        ("=?utf-8?Q?=FF?=", "=?utf-8?Q?=FF?="),
        ("=?hex?Q?00?=", "=?hex?Q?00?="),
        ("=?utf-7?Q?+2AA-?=", "=?utf-7?Q?+2AA-?="),
        ("=?unicode_escape?Q?\\ud800?=", "=?unicode_escape?Q?\\ud800?="),
        ("=?raw-unicode-escape?Q?\\d?=", "=?raw-unicode-escape?Q?\\d?="),
        ("\ud800 =?utf-8?Q?\ud800?=", "\ud800 =?utf-8?Q?\ud800?="),
    ],
)
def test_encoded_words_are_read_and_broken_ones_left(text: str, expected: str) -> None:
    """A subject shows as its reader will see it; what does not decode to text stays as it is."""
    assert mime.decoded_words(text) == expected


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"From: a@b.example\nTo: c@d.example\n\nHi", True),
        (b"Subject: x\r\n y\r\nfrom: a@b.example\r\n\r\n", True),
        (b"From: a@b.example\nSubject: no end", True),
        (b"From me@example.com Mon Nov 23 07:00:00 2026\nFrom: a@b.example\nDate: x\n\n", True),
        (b"From 0123abcd Mon Sep 17 00:00:00 2001\nFrom: a@b.example\nSubject: [PATCH]\n\n", True),
        (b"", False),
        (b"From: a@b.example\n\nonly this", False),
        (b"To: c@d.example\nSubject: x\n\nnobody", False),
        (b"From: me\nHello,\nSubject: x\n\n", False),
        (b"\nFrom: a@b.example\nSubject: x\n\n", False),
        (b"From here: on\nSubject: x\n\n", False),
        (b"Dear Bob,\n\nFrom: a@b.example\nTo: c@d.example\n", False),
    ],
)
def test_a_message_and_a_text_are_told_apart(octets: bytes, expected: bool) -> None:
    """A message begins with a header that has a From field and another one, and nothing else in it."""
    assert mime.is_message(octets) is expected
