"""What holds for every input: nothing is lost on the way out, nothing from outside breaks in."""

import base64
import email.policy
import json
import re
import unicodedata
from collections.abc import Iterator
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from cfmail_tui import mime
from cfmail_tui.markdown import made
from cfmail_tui.message import (
    SUBJECT_LIMIT,
    Attachment,
    Draft,
    Mailbox,
    MailMessage,
    MessageError,
    Place,
    RawDraft,
    first_control,
    parse,
    parse_header_fields,
    parse_mailboxes,
)
from cfmail_tui.submission import (
    Accepted,
    Answer,
    Envelope,
    Refused,
    SendRequest,
    Unknown,
    builder_request,
    decode,
    explain,
    raw_request,
)

MANY = settings(max_examples=2 * settings().max_examples)
"""For what text from outside goes into: twice the examples of the profile."""

ATEXT = "abcXYZ019!#$%&'*+-/=?^_`{|}~"
CLEAN = st.characters(exclude_categories=["Cc", "Cs"])
"""Every character but control characters and surrogates."""

ANYTHING = st.text(st.characters()) | st.text(st.sampled_from("\"(),:;<>@[]\\.'=?-_ a1ö\u00a0\u2028\r\n\t\0\x85\ud800"))
atoms = st.text(ATEXT, min_size=1, max_size=6)
local_parts = st.lists(atoms, min_size=1, max_size=4).map(".".join) | st.text(
    st.characters(min_codepoint=32, max_codepoint=126), max_size=20
).map(lambda text: '"' + re.sub(r'(["\\])', r"\\\1", text) + '"')
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
domains = st.lists(labels, min_size=1, max_size=3).map(lambda found: ".".join([*found, "example"]))
addresses = st.builds("{}@{}".format, local_parts, domains)
names = st.text(CLEAN, max_size=80)
mailboxes = st.builds(Mailbox, addresses, names)
plain_mailboxes = st.builds(Mailbox, st.builds("{}@{}".format, atoms, domains), names)
file_names = st.text(CLEAN, min_size=1, max_size=120)
bodies = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n"), max_size=200)


def is_clean(text: str) -> bool:
    return not any(unicodedata.category(char) in {"Cc", "Cs"} for char in text)


def check_refusal(error: MessageError, length: int | None = None) -> None:
    assert error.problems
    for problem in error.problems:
        assert problem.words
        assert length is None or problem.offset is None or 0 <= problem.offset <= length


@given(st.lists(mailboxes, max_size=6), st.sampled_from([", ", ",", ";", "\n", "\r\n", " ;; "]))
def test_mailboxes_survive_being_shown_and_typed(found: list[Mailbox], separator: str) -> None:
    """Any list of names and addresses reads back as it is, whatever separates the entries."""
    assert parse_mailboxes(separator.join(map(str, found)), Place.TO) == tuple(found)


@MANY
@given(ANYTHING)
@example("a@b.c <'a@b.c'>")
@example("[mailto:")
@example("'")
def test_any_text_is_an_address_list_or_says_why_not(text: str) -> None:
    """Whatever is typed, mailboxes that may be sent come out, or problems that lie within the text."""
    try:
        found = parse_mailboxes(text, Place.BCC)
    except MessageError as error:
        check_refusal(error, len(text))
        return
    for mailbox in found:
        assert mailbox.addr_spec.isascii()
        assert mailbox.addr_spec.isprintable()
        assert is_clean(mailbox.display_name)
    assert parse_mailboxes(", ".join(map(str, found)), Place.BCC) == found


@given(st.text(st.characters(), max_size=60))
def test_any_domain_becomes_a_labels_or_says_why_not(domain: str) -> None:
    """Whatever stands after the @, the address is ASCII or refused."""
    try:
        found = parse_mailboxes(f"<a@{domain}>", Place.TO)
    except MessageError as error:
        check_refusal(error, len(domain) + 4)
    else:
        assert [re.fullmatch(r"a@[\w.-]+", mailbox.addr_spec, re.ASCII) for mailbox in found] != [None]


@MANY
@given(ANYTHING | st.lists(st.builds("{}:{}".format, atoms, ANYTHING)).map("\n".join))
def test_any_text_is_header_fields_or_says_why_not(text: str) -> None:
    """No text yields a header field with a line break, a control character or a name that is none."""
    try:
        fields = parse_header_fields(text)
    except MessageError as error:
        check_refusal(error, len(text))
        return
    for field in fields:
        assert re.fullmatch(r"[!-9;-~]+", field.name)
        assert field.body
        assert is_clean(field.body)
    assert len({field.name.lower() for field in fields}) == len(fields)


@given(st.text(st.characters(exclude_characters="\r\n"), max_size=20))
def test_a_header_value_is_refused_for_control_characters_only(value: str) -> None:
    """Any other value of a field is taken as it is, less the blanks around it."""
    kept = value.strip(" \t")
    assume(kept)
    try:
        [field] = parse_header_fields(f"X-Mark: {kept}")
    except MessageError:
        assert not is_clean(kept)
    else:
        assert field.body == kept


DRAFT = Draft(sender="me@example.com", to="ann@example.com", text="Hi")


@given(st.text(st.characters(), max_size=30))
def test_a_subject_is_refused_for_control_characters_only(subject: str) -> None:
    """Any other subject is taken as it is."""
    try:
        assert parse(Draft("me@example.com", "ann@example.com", subject=subject, text="x")).subject == subject
    except MessageError:
        assert not is_clean(subject)


@given(st.text(st.characters(), min_size=1, max_size=30))
def test_a_file_name_is_refused_for_control_characters_only(name: str) -> None:
    """Any other file name is taken as it is."""
    try:
        [attachment] = parse(DRAFT, [Attachment("/x", name, "text/plain", 1)]).attachments
    except MessageError:
        assert not is_clean(name)
    else:
        assert attachment.filename == name


@given(st.text(st.characters(), max_size=30), st.text(st.characters(), max_size=30))
def test_a_body_is_refused_for_surrogates_only(text: str, html: str) -> None:
    """Any other pair of bodies, one of them not blank, is taken as it is."""
    assume(text.strip() or html.strip())
    try:
        message = parse(Draft("me@example.com", "ann@example.com", text=text, html=html))
    except MessageError:
        assert re.search("[\ud800-\udfff]", text + html)
    else:
        assert message.text == (text if text.strip() else "")
        assert message.html == (html if html.strip() else "")


drafts = st.builds(
    Draft,
    sender=ANYTHING,
    to=ANYTHING | addresses,
    cc=ANYTHING,
    bcc=ANYTHING,
    reply_to=ANYTHING,
    subject=ANYTHING,
    headers=ANYTHING,
    text=ANYTHING,
    html=ANYTHING,
    markdown=st.just("") | ANYTHING,
)
attachments = st.builds(
    Attachment,
    path=st.just("/x"),
    filename=ANYTHING | file_names,
    media_type=st.sampled_from(["image/png", "text/plain; charset=utf-8", "x", "a/b\r\nX: y"]) | ANYTHING,
    size=st.integers(0, 200),
    disposition=st.sampled_from(["attachment", "inline"]),
    content_id=st.sampled_from(["a@b", "", "a\r\n"]) | ANYTHING,
)


@given(drafts, st.lists(attachments, max_size=2))
def test_any_draft_is_a_message_or_says_why_not(draft: Draft, files: list[Attachment]) -> None:
    """Whatever stands in a form, `parse` gives a message or problems, and nothing else."""
    try:
        message = parse(made(draft), files)
    except MessageError as error:
        check_refusal(error)
    else:
        assert message.recipients
        assert message.text or message.html


def content_of(attachment: Attachment) -> bytes:
    return bytes(n % 256 for n in range(attachment.size))


def read(attachment: Attachment) -> Iterator[bytes]:
    content = content_of(attachment)
    return (content[start : start + 50] for start in range(0, len(content), 50))


def assembled(message: MailMessage) -> tuple[mime.Segment, ...]:
    date, message_id = "Mon, 23 Nov 2026 07:00:00 +0000", "<a@example.com>"
    return mime.assemble(message, date=date, message_id=message_id, boundary="=_0123456789abcdef")


def written(request: SendRequest) -> Any:
    octets = b"".join(request.chunks())
    assert len(octets) == request.length
    return json.loads(octets)


sendable_files = st.lists(
    st.builds(Attachment, st.just("/x"), file_names, st.just("image/png"), st.integers(0, 200))
    | st.builds(
        Attachment, st.just("/x"), file_names, st.just("a/b"), st.integers(0, 9), st.just("inline"), st.just("a.1@b")
    ),
    max_size=3,
)


@st.composite
def messages(draw: st.DrawFn, found: st.SearchStrategy[Mailbox] = plain_mailboxes) -> MailMessage:
    """A message as `parse` makes it from what a person may have typed."""
    header_names = draw(st.lists(st.sampled_from(["X-One", "References", "X-" + "L" * 98]), unique=True))
    values = draw(
        st.lists(st.text(CLEAN, min_size=1, max_size=200).map(lambda text: f"<{text}>"), min_size=3, max_size=3)
    )
    draft = Draft(
        sender=str(draw(found)),
        to=", ".join(map(str, draw(st.lists(found, min_size=1, max_size=4)))),
        cc=", ".join(map(str, draw(st.lists(found, max_size=2)))),
        bcc=", ".join(
            map(str, draw(st.lists(st.builds(Mailbox, st.just("hidden-bcc@example.org"), names), max_size=2)))
        ),
        reply_to=str(draw(found)) if draw(st.booleans()) else "",
        subject=draw(st.text(CLEAN, max_size=120) | st.just("Ü" * SUBJECT_LIMIT)),
        headers="\n".join(map("{}: {}".format, header_names, values)),
        text=draw(bodies),
        html="<p>" + draw(bodies),
    )
    return parse(draft, draw(sendable_files))


def listed(value: Any) -> list[tuple[str, str]]:
    """An address field of the API, in any of its forms, as pairs."""
    many = value if isinstance(value, list) else [value]
    return [(one, "") if isinstance(one, str) else (one["address"], one["name"]) for one in many]


def pairs(found: tuple[Mailbox, ...]) -> list[tuple[str, str]]:
    return [(mailbox.addr_spec, mailbox.display_name) for mailbox in found]


@given(messages(mailboxes))
def test_a_message_survives_the_request_body(message: MailMessage) -> None:
    """The JSON decodes to exactly the names, addresses, texts, fields and files of the message."""
    body = written(builder_request(message, assembled(message), read))
    assert listed(body.pop("from")) == pairs((message.sender,))
    for key, found in (("to", message.to), ("cc", message.cc), ("bcc", message.bcc)):
        assert (listed(body.pop(key)) if found else []) == pairs(found)
    if message.reply_to:
        assert listed(body.pop("reply_to")) == pairs((message.reply_to,))
    for key, text in (("subject", message.subject), ("text", message.text), ("html", message.html)):
        assert body.pop(key, "") == text
    assert body.pop("headers", {}) == {field.name: field.body for field in message.headers}
    for file, sent in zip(message.attachments, body.pop("attachments", []), strict=True):
        assert base64.b64decode(sent.pop("content"), validate=True) == content_of(file)
        assert sent.pop("filename") == file.filename
        assert sent.pop("type") == file.media_type
        assert sent.pop("disposition") == file.disposition
        assert sent == ({"content_id": file.content_id} if file.disposition == "inline" else {})
    assert not body


def read_addresses(octets: bytes, name: str) -> list[tuple[str, str]]:
    """As Python's older parser reads them: the newer one, in 3.11, puts blanks between the words of a long name."""
    bodies_found = email.message_from_bytes(octets, policy=email.policy.compat32).get_all(name, [])
    return [(one, str(make_header(decode_header(shown)))) for shown, one in getaddresses(map(str, bodies_found))]


@given(messages())
def test_a_message_survives_its_mime_form(message: MailMessage) -> None:
    """Python's own parser reads back the subject, names, addresses, fields, texts and files, without a defect."""
    segments = assembled(message)
    octets = b"".join(mime.chunks(segments, read))
    assert len(octets) == mime.size(segments)
    found = email.message_from_bytes(octets, _class=EmailMessage, policy=email.policy.default)
    assert not [part.defects for part in found.walk() if part.defects]
    assert found["Subject"] == message.subject
    for field in message.headers:
        assert found[field.name].lstrip(" ") == field.body
    for name, expected in (("From", (message.sender,)), ("To", message.to), ("Cc", message.cc)):
        assert read_addresses(octets, name) == pairs(expected)
    parts = [part for part in found.walk() if not part.is_multipart()]
    texts = [part for part in parts if part.get_content_disposition() is None]
    expected_texts = [text for text in (message.text, message.html) if text]
    assert [part.get_payload(decode=True) for part in texts] == [mime.crlf(text.encode()) for text in expected_texts]
    files = {part["Content-Disposition"].params["filename"]: part for part in parts if part not in texts}
    assert files.keys() == {file.filename for file in message.attachments}


@given(messages(mailboxes))
def test_what_is_written_keeps_the_rules_of_mail(message: MailMessage) -> None:
    """Lines of CRLF within 998 octets, required fields once, no Bcc and no hidden address, nothing to object to."""
    octets = b"".join(mime.chunks(assembled(message), read))
    assert not mime.problems(octets)
    assert b"\n" not in octets.replace(b"\r\n", b"")
    header = octets.partition(b"\r\n\r\n")[0]
    header_names = [field.name for field in mime.header_fields(octets)]
    for name in ("From", "To", "Date", "Message-ID", "MIME-Version"):
        assert header_names.count(name) == 1
    assert len(header_names) == len([line for line in header.split(b"\r\n") if line[:1] not in b" \t"])
    assert b"hidden-bcc" not in header


SOURCES = st.binary() | st.lists(
    st.sampled_from(
        [
            b"From: a",
            b"Bcc: b",
            b"bcc :",
            b"Resent-Bcc:x",
            b" fold",
            b"\t",
            b"\n",
            b"\r\n",
            b"\r",
            b":",
            b"\xff",
            b"\0",
            b"ab",
        ]
    )
).map(b"".join)


@MANY
@given(SOURCES)
def test_any_source_can_be_looked_into(source: bytes) -> None:
    """Looking at octets never fails, and the fields found lie one after the other within the source."""
    end = 0
    for field in mime.header_fields(source):
        assert end <= field.start < field.end <= len(source)
        end = field.end
        assert not set(field.name) & set(" \t\r\n:")
        assert "\n" not in field.body
    for problem in mime.problems(source):
        assert problem.offset is None or 0 <= problem.offset < len(source)
    assert (mime.not_editable(source) is None) <= (source.decode("utf-8", "ignore").encode() == source)
    assert not re.search(rb"(?<!\r)\n", mime.crlf(source))


@MANY
@given(SOURCES)
def test_without_bcc_all_else_is_left(source: bytes) -> None:
    """No blind field is left, every other field is, and what follows the header is untouched."""
    left = mime.without_bcc(source)
    blind = {"bcc", "resent-bcc"}
    kept = [(field.name, field.body) for field in mime.header_fields(source) if field.name.lower() not in blind]
    assert [(field.name, field.body) for field in mime.header_fields(left)] == kept
    last = max((field.end for field in mime.header_fields(source)), default=0)
    assert left.endswith(source[last:])


@given(
    ANYTHING
    | st.builds(
        "=?{}?{}?{}?=".format,
        st.sampled_from(["utf-8", "utf-7", "big5", "idna", "x"]) | atoms,
        st.sampled_from("BQbq"),
        ANYTHING,
    )
)
def test_any_field_body_can_be_decoded(text: str) -> None:
    """Decoding a field body never fails and adds no lone surrogate."""
    decoded = mime.decoded_words(text)
    if not re.search("[\ud800-\udfff]", text):
        decoded.encode()


@MANY
@given(
    SOURCES | SOURCES.map(lambda source: b"From: a\n" + source),
    ANYTHING | addresses,
    ANYTHING | addresses,
    st.booleans(),
)
def test_any_raw_draft_is_a_request_or_says_why_not(
    source: bytes, sender: str, recipients: str, keep_bcc: bool
) -> None:
    """Whatever octets are loaded, a body that decodes to them comes out, or problems, and nothing else."""
    draft = RawDraft(sender, recipients, source)
    try:
        request = raw_request(draft, keep_bcc=keep_bcc)
    except MessageError as error:
        check_refusal(error)
        return
    body = written(request)
    assert body["mime_message"].encode() == mime.crlf(source)
    assert (body["from"], tuple(body["recipients"])) == (request.envelope.sender, request.envelope.recipients)
    request.subject.encode()
    if not keep_bcc:
        assert not mime.field_bodies(body["mime_message"].encode(), *mime.BLIND_FIELDS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "success",
                    "errors",
                    "error",
                    "code",
                    "message",
                    "error_chain",
                    "result",
                    "delivered",
                    "queued",
                    "permanent_bounces",
                    "message_id",
                ]
            )
            | st.text(max_size=3),
            inner,
        )
    ),
    max_leaves=15,
)
statuses = st.sampled_from([200, 202, 302, 303, 400, 401, 403, 404, 408, 429, 500, 502, 503, 524]) | st.integers(
    100, 599
)


def envelopes_of(value: object) -> Any:
    return st.fixed_dictionaries(
        {"success": st.booleans()},
        optional={
            "result": st.dictionaries(
                st.sampled_from(["delivered", "queued", "permanent_bounces", "suppressed_recipients", "message_id"]),
                st.lists(st.text(st.characters(), max_size=5), max_size=3) | json_values,
            ),
            "errors": st.lists(json_values, max_size=2) | json_values,
            "error": json_values,
        },
    )


bodies_of_answers = st.binary() | (json_values | envelopes_of(None)).map(json.dumps).map(str.encode)


@MANY
@given(statuses, bodies_of_answers, st.none() | st.floats(0, 1e6), st.booleans())
def test_any_answer_is_one_outcome(status: int, body: bytes, retry_after: float | None, challenged: bool) -> None:
    """Whatever comes back, one outcome results, with words, and all of its text can be stored and shown."""
    outcome = decode(Answer(status, body, retry_after, challenged))
    explanation = explain(outcome)
    assert explanation.cause
    match outcome:
        case Accepted(receipt):
            assert 200 <= status < 300
            fates = receipt.fates(Envelope("me@example.com", ("a@example.com", "b@example.com")))
            assert [address for address, _ in fates[:2]] == ["a@example.com", "b@example.com"]
            json.dumps([address for address, _ in fates] + [receipt.message_id], ensure_ascii=False).encode()
        case Refused(_, code, reason):
            f"{code} {reason} {explanation.action}".encode()
        case Unknown(reason):
            reason.encode()
        case _:
            pytest.fail("an answer proves that something left")


@given(st.text(st.characters(), max_size=40))
def test_a_control_character_is_found_where_unicode_says(text: str) -> None:
    """The first control character or surrogate is the first of Unicode's categories Cc and Cs."""
    places = [at for at, char in enumerate(text) if unicodedata.category(char) in {"Cc", "Cs"}]
    assert first_control(text) == (places[0] if places else None)


@pytest.mark.parametrize(
    "piece",
    ["(", '"', "<", ":", " ", ",", "a,", "a ", "a:", '"a" ', "a@b.c,", "=?", "[mailto:", "\n", "\r\n a", "X: y\n"],
)
def test_a_long_hostile_text_comes_to_an_end(piece: str) -> None:
    """A megabyte of any one thing is dealt with: no rule looks at the text once for each of its characters."""
    text = piece * (1_000_000 // len(piece))
    for look in (lambda: parse_mailboxes(text, Place.TO), lambda: parse_header_fields(text)):
        try:
            look()
        except MessageError as error:
            check_refusal(error, len(text))
    source = text.encode()
    assert mime.without_bcc(source) == source
    assert mime.decoded_words(text) == text
    mime.problems(source)
    mime.not_editable(source)
    assert isinstance(decode(Answer(200, source)), Unknown)
