"""The two request bodies, octet for octet, their limits, and the envelope that says who gets the mail."""

import base64
import copy
import json
import logging
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from cfmail_tui import mime
from cfmail_tui.message import Attachment, HeaderField, Mailbox, MailMessage, MessageError, Place, Problem, RawDraft
from cfmail_tui.submission import (
    RECIPIENT_LIMIT,
    SIZE_LIMIT,
    Account,
    ApiToken,
    Envelope,
    GlobalKey,
    Secret,
    SendRequest,
    builder_request,
    megabytes,
    raw_request,
)

ANN = Mailbox("ann@example.com")
ANN_LEE = Mailbox("ann@example.com", "Lee, Ann")
BOB = Mailbox("bob@example.org")
BARE = MailMessage(sender=Mailbox("me@example.com"), to=(ANN,), text="Hi")
LOGO = Attachment("/logo", "logo.png", "image/png", 5, "inline", "logo@example.com")
FILE = Attachment("/file", 'Bericht "März" 🦊.pdf', "application/pdf", 1000)


def content_of(attachment: Attachment) -> bytes:
    return bytes(n % 251 for n in range(attachment.size))


def reader(block: int) -> mime.ReadFile:
    def read(attachment: Attachment) -> Iterator[bytes]:
        content = content_of(attachment)
        return (content[start : start + block] for start in range(0, len(content), block))

    return read


def request_of(message: MailMessage, block: int = 64) -> SendRequest:
    segments = mime.assemble(message, date="Mon, 23 Nov 2026 07:00:00 +0000", message_id="<a@b>", boundary="=_b")
    return builder_request(message, segments, reader(block))


def written(request: SendRequest) -> Any:
    octets = b"".join(request.chunks())
    assert len(octets) == request.length
    return json.loads(octets)


def problems_of(call: Callable[[], object]) -> list[Problem]:
    with pytest.raises(MessageError) as caught:
        call()
    return list(caught.value.problems)


def test_the_smallest_mail_has_the_smallest_body() -> None:
    """A mail from one address to another is three strings and its subject, and nothing the schema does not know."""
    request = request_of(BARE)
    assert written(request) == {"from": "me@example.com", "to": "ann@example.com", "subject": "", "text": "Hi"}
    assert request.endpoint == "send"
    assert request.envelope == Envelope("me@example.com", ("ann@example.com",))


def test_a_full_mail_has_every_field_the_api_knows() -> None:
    """Names as objects, several addresses as an array, own header fields as an object, both kinds of attachment."""
    message = MailMessage(
        sender=Mailbox("me@example.com", "Me"),
        to=(ANN_LEE, BOB),
        cc=(Mailbox("carl@example.com", "Carl"),),
        bcc=(Mailbox("dora@example.com"),),
        reply_to=Mailbox("replies@example.com", "回信"),
        subject="Grüße 🦊",
        headers=(HeaderField("X-Mark", "ü"), HeaderField("References", "<a@b> <c@d>")),
        text='"Hi"\n\\\x00\u2028',
        html="<p>Hi</p>",
        attachments=(FILE, LOGO),
    )
    assert written(request_of(message)) == {
        "from": {"address": "me@example.com", "name": "Me"},
        "to": [{"address": "ann@example.com", "name": "Lee, Ann"}, "bob@example.org"],
        "cc": [{"address": "carl@example.com", "name": "Carl"}],
        "bcc": "dora@example.com",
        "reply_to": {"address": "replies@example.com", "name": "回信"},
        "subject": "Grüße 🦊",
        "headers": {"X-Mark": "ü", "References": "<a@b> <c@d>"},
        "text": '"Hi"\n\\\x00\u2028',
        "html": "<p>Hi</p>",
        "attachments": [
            {
                "content": base64.b64encode(content_of(FILE)).decode(),
                "filename": 'Bericht "März" 🦊.pdf',
                "type": "application/pdf",
                "disposition": "attachment",
            },
            {
                "content": base64.b64encode(content_of(LOGO)).decode(),
                "filename": "logo.png",
                "type": "image/png",
                "disposition": "inline",
                "content_id": "logo@example.com",
            },
        ],
    }


@pytest.mark.parametrize("field", ["to", "cc", "bcc"])
@pytest.mark.parametrize(
    ("mailboxes", "expected"),
    [
        ((ANN,), "ann@example.com"),
        ((ANN_LEE,), [{"address": "ann@example.com", "name": "Lee, Ann"}]),
        ((ANN, BOB), ["ann@example.com", "bob@example.org"]),
        ((BOB, ANN_LEE), ["bob@example.org", {"address": "ann@example.com", "name": "Lee, Ann"}]),
    ],
)
def test_addresses_have_the_form_the_schema_gives(field: str, mailboxes: tuple[Mailbox, ...], expected: object) -> None:
    """One bare address is a string, several are an array, and whoever has a name is an object."""
    fields: dict[str, Any] = {"to": (), field: mailboxes}
    message = replace(BARE, **fields)
    body = written(request_of(message))
    assert body.keys() & {"to", "cc", "bcc"} == {field}
    assert body[field] == expected


def test_a_bare_reply_to_is_a_string() -> None:
    """Reply-To without a name is a string, never an array."""
    assert written(request_of(replace(BARE, reply_to=BOB)))["reply_to"] == "bob@example.org"


def test_a_missing_body_is_no_empty_string() -> None:
    """The body that was not written is absent, not empty."""
    assert "text" not in written(request_of(replace(BARE, text="", html="<p>")))


def test_a_content_id_on_a_plain_attachment_is_not_sent() -> None:
    """A content-id left over from an inline picture does not break the schema of an attachment."""
    [attachment] = written(request_of(replace(BARE, attachments=(replace(FILE, content_id="left@over"),))))[
        "attachments"
    ]
    assert attachment.keys() == {"content", "filename", "type", "disposition"}


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 57, 1000])
@pytest.mark.parametrize("block", [1, 2, 3, 5, 64, 4096])
def test_the_length_is_known_before_a_file_is_read(size: int, block: int) -> None:
    """Content arrives whole and the length holds, whatever the sizes of files and of the blocks they are read in."""
    files = tuple(replace(FILE, size=length) for length in (size, 1, size))
    body = written(request_of(replace(BARE, attachments=files), block))
    assert [base64.b64decode(one["content"], validate=True) for one in body["attachments"]] == [
        content_of(one) for one in files
    ]


def test_the_body_can_be_written_again() -> None:
    """The same chunks come each time they are asked for."""
    request = request_of(replace(BARE, attachments=(FILE,)))
    assert b"".join(request.chunks()) == b"".join(request.chunks())


def with_file_of(octets: int) -> MailMessage:
    return replace(BARE, attachments=(replace(FILE, size=octets),))


def test_the_size_limit_counts_the_encoded_message() -> None:
    """A mail at the limit of 5 MiB as MIME passes, one more line of base64 does not, and both say how big they are."""
    overhead = request_of(with_file_of(0)).message_size
    lines = (SIZE_LIMIT - overhead) // 78
    request = request_of(with_file_of(lines * 57))
    assert request.message_size == overhead + lines * 78 <= SIZE_LIMIT
    [problem] = problems_of(lambda: request_of(with_file_of((lines + 1) * 57)))
    assert problem.place is Place.MESSAGE
    over = overhead + (lines + 1) * 78 - SIZE_LIMIT
    assert f"5.0 MiB when encoded, {over} octets over the limit of 5.0 MiB" in problem.words


SOURCE = (
    b"From: Me <me@example.com>\r\nTo: ann@example.com\r\n"
    b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHi \xf0\x9f\xa6\x8a\r\n"
)
RAW = RawDraft("me@example.com", "ann@example.com, Bob <bob@example.org>", SOURCE)


def test_a_raw_message_leaves_as_it_is() -> None:
    """The body of send_raw has three keys, and the source in it is the one reviewed."""
    request = raw_request(RAW)
    assert written(request) == {
        "from": "me@example.com",
        "recipients": ["ann@example.com", "bob@example.org"],
        "mime_message": SOURCE.decode(),
    }
    assert request.endpoint == "send_raw"
    assert request.envelope == Envelope("me@example.com", ("ann@example.com", "bob@example.org"))
    assert (request.subject, request.message_size) == ("Grüße", len(SOURCE))


def test_one_raw_recipient_is_still_an_array() -> None:
    """send_raw has no form for a single string."""
    assert written(raw_request(replace(RAW, recipients="ann@example.com")))["recipients"] == ["ann@example.com"]


def test_a_raw_message_gets_crlf_and_no_other_change() -> None:
    """Bare line feeds leave as CRLF; the size counts what leaves."""
    source = b'From: a\nX: \t\n\n "\\ \x1b\x7f\xe2\x80\xa8 end'
    request = raw_request(replace(RAW, source=source))
    assert written(request)["mime_message"].encode() == source.replace(b"\n", b"\r\n")
    assert request.message_size == len(source) + 3


def test_a_long_raw_message_is_written_in_pieces_without_seams() -> None:
    """A message of many blocks, with wide characters at every seam, decodes to exactly the same text."""
    source = b"From: a\r\n\r\n" + ('é🦊"\\\r\n' * 60_000).encode()
    request = raw_request(replace(RAW, source=source))
    assert max(map(len, request.chunks())) < len(source) / 3
    assert written(request)["mime_message"] == source.decode()


@pytest.mark.parametrize("field", [b"Bcc: dora@example.com\r\n", b"bCC :\r\n x\r\n", b"Resent-Bcc: x\r\n"])
def test_a_raw_bcc_is_refused_unless_asked_for(field: bytes) -> None:
    """A field that would tell everyone of the hidden recipients stops the mail, until the user insists."""
    draft = replace(RAW, source=field + SOURCE)
    [problem] = problems_of(lambda: raw_request(draft))
    assert problem.place is Place.SOURCE
    assert "Bcc" in problem.words
    assert written(raw_request(draft, keep_bcc=True))["mime_message"].encode() == draft.source


def test_a_bcc_in_a_body_is_text() -> None:
    """Only the header counts: a body may talk of Bcc."""
    draft = replace(RAW, source=SOURCE + b"\r\nBcc: dora@example.com\r\n")
    assert written(raw_request(draft))["mime_message"].encode() == draft.source


def test_all_problems_of_a_raw_mail_are_told_at_once() -> None:
    """Source and both parts of the envelope are named in one refusal."""
    draft = RawDraft("a@b.example, c@d.example", "ann", b"Bcc: x\r\n\r\n")
    assert [problem.place for problem in problems_of(lambda: raw_request(draft))] == [
        Place.SOURCE,
        Place.SOURCE,
        Place.ENVELOPE_SENDER,
        Place.ENVELOPE_RECIPIENTS,
    ]


@pytest.mark.parametrize("sender", ["", " , ", "Team:;"])
def test_a_raw_mail_needs_a_sender(sender: str) -> None:
    """Without an envelope sender nothing leaves."""
    [problem] = problems_of(lambda: raw_request(replace(RAW, sender=sender)))
    assert problem == Problem(Place.ENVELOPE_SENDER, "one address is needed, there are 0")


@pytest.mark.parametrize(
    ("recipients", "words"),
    [
        ("", "who is this mail for?"),
        (", ".join(f"{n}@example.com" for n in range(RECIPIENT_LIMIT + 1)), "51 recipients, the limit is 50"),
    ],
)
def test_problems_of_a_raw_envelope_stand_where_it_is_typed(recipients: str, words: str) -> None:
    """No recipient, or too many, is told at the field of the raw form, not at one it has not got."""
    [problem] = problems_of(lambda: raw_request(replace(RAW, recipients=recipients)))
    assert problem.place is Place.ENVELOPE_RECIPIENTS
    assert words in problem.words


def test_the_size_limit_holds_for_raw_mail_with_its_crlf() -> None:
    """5 MiB with CRLF pass to the last octet; the same octets with a bare LF, which grows, do not."""
    head = b"From: a\r\n\r\n"
    body = (b"a" * 998 + b"\r\n") * (SIZE_LIMIT // 1000 + 1)
    full = (head + body)[:SIZE_LIMIT]
    assert raw_request(replace(RAW, source=full)).message_size == SIZE_LIMIT
    for source in (full + b"a", full.replace(b"\r\n", b"\n", 1) + b"a"):
        [problem] = problems_of(partial(raw_request, replace(RAW, source=source)))
        assert "1 octets over the limit" in problem.words


def test_a_request_does_not_print_its_chunks() -> None:
    """A request in a log shows sizes, not a function's address that differs on every run."""
    assert "chunks" not in repr(request_of(BARE))


@pytest.mark.parametrize("count", [1, 2, RECIPIENT_LIMIT])
def test_an_envelope_holds_up_to_fifty(count: int) -> None:
    """1 to 50 recipients make an envelope."""
    recipients = tuple(f"{n}@example.com" for n in range(count))
    assert Envelope("me@example.com", recipients).recipients == recipients


@pytest.mark.parametrize(
    ("recipients", "words"),
    [
        ((), "There is no recipient"),
        (tuple(f"{n}@example.com" for n in range(51)), "51 recipients, the limit is 50"),
        (("a@example.com", "b@example.com", "a@EXAMPLE.com"), "stands twice"),
    ],
)
def test_no_envelope_holds_none_too_many_or_the_same_twice(recipients: tuple[str, ...], words: str) -> None:
    """An envelope that the API would refuse, or that would deliver twice, cannot be made."""
    [problem] = problems_of(lambda: Envelope("me@example.com", recipients))
    assert words in problem.words


def test_an_envelope_reaches_each_mailbox_once() -> None:
    """Whoever stands in To and Cc gets the mail once, in the order first named; local parts differ by case."""
    mailboxes = [ANN, BOB, Mailbox("ann@EXAMPLE.COM", "Ann"), Mailbox("Ann@example.com"), BOB]
    envelope = Envelope.of("me@example.com", mailboxes)
    assert envelope.recipients == ("ann@example.com", "bob@example.org", "Ann@example.com")


def test_repeated_recipients_do_not_count_against_the_limit() -> None:
    """Fifty people named twice are fifty recipients, on both roads."""
    people = tuple(Mailbox(f"{n}@example.com") for n in range(50))
    assert len(request_of(replace(BARE, to=people, cc=people)).envelope.recipients) == 50
    text = ", ".join(f"{n}@example.com" for n in range(50))
    assert len(raw_request(replace(RAW, recipients=f"{text}, {text}")).envelope.recipients) == 50


def test_too_many_recipients_are_refused_on_the_form() -> None:
    """Fifty-one people over To, Cc and Bcc are one too many."""
    people = tuple(Mailbox(f"{n}@example.com") for n in range(51))
    message = replace(BARE, to=people[:17], cc=people[17:34], bcc=people[34:])
    assert [problem.place for problem in problems_of(lambda: request_of(message))] == [Place.TO]


def test_the_limits_are_cloudflares() -> None:
    """50 recipients and 5 MiB, as the documentation says."""
    assert (RECIPIENT_LIMIT, SIZE_LIMIT) == (50, 5_242_880)


def test_sizes_are_shown_in_mebibytes() -> None:
    """A size for a person has one decimal and its unit."""
    assert [megabytes(octets) for octets in (0, 1572864, 10 << 30)] == ["0.0 MiB", "1.5 MiB", "10240.0 MiB"]


MARK = "hunter2-very-secret"


@pytest.mark.parametrize(
    "value",
    [
        Secret(MARK),
        ApiToken(MARK),
        GlobalKey("me@example.com", Secret(MARK)),
        Account("work", "0" * 32, ApiToken(MARK), "keyring"),
        Account("old", "0" * 32, GlobalKey("me@example.com", Secret(MARK)), "keyring"),
        [ApiToken(MARK)],
        {"credential": ApiToken(MARK)},
    ],
)
def test_a_secret_does_not_show(value: object) -> None:
    """No way of turning a credential into text, a log line or a file gives it away."""
    record = logging.LogRecord("cfmail", logging.INFO, "", 0, "%s %r", (value, value), None)
    shown = [repr(value), str(value), f"{value}", f"{value!r:>99}", "%s" % (value,), record.getMessage()]  # noqa: UP031
    assert not [text for text in shown if MARK in text]
    with pytest.raises(TypeError):
        copy.deepcopy(value)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError) as caught:
            pickle.dumps(value, protocol)
        assert MARK not in str(caught.value)
    with pytest.raises(TypeError):
        json.dumps(value)


def test_a_secret_can_be_used_and_compared() -> None:
    """The value is there for the one place that sends it, and equal secrets of a kind are equal."""
    assert ApiToken(MARK).reveal() == MARK
    assert ApiToken(MARK) == ApiToken(MARK)
    assert hash(ApiToken(MARK)) == hash(ApiToken(MARK))
    assert ApiToken(MARK) != ApiToken("other")
    assert ApiToken(MARK) != Secret(MARK)
    assert ApiToken(MARK) != MARK
