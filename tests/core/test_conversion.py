"""Between a raw message and a form: what survives does so exactly, and what does not is named."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings

from cfmail_tui import mime
from cfmail_tui.message import Attachment, AttachmentDraft, Draft, MailMessage, MessageError, RawDraft, parse
from tests.core.nasty_mails import FROM, HEAD, NASTY, python_mails
from tests.core.test_mime import ALTERNATIVE, DATE, MESSAGE_ID, RELATED, TEXT_ONLY, assembled, read
from tests.core.test_structure import ANYTHING

ALWAYS = ("Date: the mail system writes its own", "Message-ID: the mail system writes its own")


@pytest.mark.parametrize(
    "message", [replace(TEXT_ONLY, bcc=()), ALTERNATIVE, RELATED, replace(RELATED, text="")], ids=range(4)
)
def test_what_a_form_made_comes_back_whole(message: MailMessage) -> None:
    """A message that a form made loses nothing but its Date and Message-ID, and its files octet for octet nothing."""
    source = assembled(message)
    form = mime.to_form(source)
    assert form.lost == ALWAYS
    contents = [b"".join(mime.content(source, file.part)) for file in form.files]
    assert contents == [b"".join(read(file)) for file in message.attachments]
    found = [
        Attachment("", one.filename, one.media_type, len(content), one.disposition, one.content_id)
        for one, content in zip((file.attachment for file in form.files), contents, strict=True)
    ]
    assert [replace(one, path=file.path) for one, file in zip(found, message.attachments, strict=True)] == list(
        message.attachments
    )
    again = parse(form.draft, message.attachments)
    crlf = replace(message, bcc=())
    assert replace(again, attachments=crlf.attachments) == crlf


def again(source: bytes) -> bytes:
    """The message that the form of a source would make."""
    form = mime.to_form(source)
    files = {str(n): file for n, file in enumerate(form.files)}
    attachments = [
        Attachment(path, file.attachment.filename, file.attachment.media_type, file.part.size,
                   file.attachment.disposition, file.attachment.content_id)
        for path, file in files.items()
    ]  # fmt: skip

    def content(attachment: Attachment) -> Iterator[bytes]:
        return mime.content(source, files[attachment.path].part)

    segments = mime.assemble(parse(form.draft, attachments), date=DATE, message_id=MESSAGE_ID, boundary="=_b")
    return b"".join(mime.chunks(segments, content))


@pytest.mark.parametrize("name", [one.name for one in mime.TEMPLATES])
def test_a_template_opens_in_the_form(name: str) -> None:
    """Each template becomes a form that can be sent, and what it loses the second time is only what it always loses."""
    once = again(mime.template(name, mime.Filled()))
    assert set(mime.to_form(once).lost) <= {
        *ALWAYS,
        *(one for one in mime.to_form(once).lost if "its Content-ID" in one),
    }
    assert not [one for one in mime.findings(once) if one.stops]


@pytest.mark.parametrize(
    ("source", "lost"),
    [
        (FROM + b"Received: x\r\n\r\nhi\r\n", "Received: the API does not carry it"),
        (FROM + b"DKIM-Signature: x\r\n\r\nhi\r\n", "DKIM-Signature: the API does not carry it"),
        (FROM + b"Sender: a@example.com\r\n\r\nhi\r\n", None),
        (FROM + b"X-A: b\r\nX-A: c\r\n\r\nhi\r\n", "X-A: X-A stands twice; the API takes it once"),
        (FROM + FROM + b"\r\nhi\r\n", "From stands 2 times: only the first is kept"),
        (FROM + b"Cc: friends: a@example.com;\r\n\r\nhi\r\n", "Cc: groups and comments are not sent"),
        (NASTY["Latin-1 in the subject"], "Subject: its octets, which are read as windows-1252, a guess"),
        (NASTY["Latin-1 in the body, said"], "the body (text/plain): its charset iso-8859-1, UTF-8 is sent"),
        (NASTY["Latin-1 in the body, not said"], "the body (text/plain): its octets, which are read as windows-1252"),
        (NASTY["words around the parts"], "what stands before or after the parts of the body (multipart/mixed)"),
        (NASTY["a boundary that is not there"], "the body (multipart/mixed): it has no parts that could be told apart"),
        (HEAD + b"Content-Type: text/plain; format=flowed\r\n\r\nhi\r\n",
         "the body (text/plain): format=flowed of its media type"),
        (NASTY["signed, with Latin-1"],
         "the body (multipart/signed): its signature or encryption, which covers parts as they stand"),
        (mime.template("invitation", mime.Filled()),
         "the nesting of the parts: alternative(1, 2, 3) becomes mixed(alternative(1, 2), 3)"),
        (HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\nContent-Description: x\n\nhi\n--b--\n",
         "part 1, Content-Description: a part of the form has no such field"),
        (HEAD + b'Content-Type: image/png\r\nContent-Disposition: attachment; filename="a.png"; size=3\r\n\r\nhi\r\n',
         "the body (image/png): size"),
    ],
)  # fmt: skip
def test_what_does_not_survive_is_named(source: bytes, lost: str | None) -> None:
    """Each thing that the form or the API has no room for is told."""
    found = [one.replace(", Content-Disposition", " (image/png)") for one in mime.to_form(source).lost]
    if lost is not None:
        assert any(lost in one.replace("Content-Disposition: size", "the body (image/png): size") for one in found)


@pytest.mark.parametrize("name", NASTY | python_mails())
def test_every_mail_opens_in_the_form(name: str) -> None:
    """Whatever is wrong with a message, there is a form of it, and each file of it can be had."""
    check_form((NASTY | python_mails())[name])


@settings(max_examples=300, deadline=None)
@given(ANYTHING)
def test_any_octets_open_in_the_form(source: bytes) -> None:
    """The same for octets of any kind."""
    check_form(source)


def check_form(source: bytes) -> None:
    form = mime.to_form(source)
    for text in (form.draft.text, form.draft.html, form.draft.headers, form.draft.subject, *form.lost):
        text.encode()
    assert form.with_files(("x",) * len(form.files)).attachments == tuple(
        replace(file.attachment, path="x") for file in form.files
    )
    for file in form.files:
        assert isinstance(b"".join(mime.content(source, file.part)), bytes)
        assert file.attachment.filename
    try:
        parse(replace(form.draft, attachments=()))
    except MessageError as error:
        assert not [one for one in error.problems if one.place in {"Headers", "Subject"}]  # noqa: PT017 - of some only


def test_a_form_without_files_is_a_draft() -> None:
    """Nothing in the draft stands where nothing was typed."""
    form = mime.to_form(b"From: me@example.com\r\nSubject: =?utf-8?q?=C3=BC?=\r\n\r\nhi\r\nho\r\n")
    assert form.draft == Draft(sender="me@example.com", subject="ü", text="hi\nho\n")
    assert form.with_files(()).attachments == ()
    assert AttachmentDraft("") not in form.draft.attachments


SOURCE = b"From: me@example.com\r\nTo: a@example.net\r\nCc: B <b@example.net>\r\nBcc: c@example.net\r\n\r\nhi\r\n"


@pytest.mark.parametrize(
    ("sender", "recipients", "expected"),
    [
        ("me@example.com", "a@example.net, b@example.net, c@EXAMPLE.net", []),
        ("ME@example.com", "a@example.net, b@example.net, c@example.net", ["sender"]),
        ("me@example.com", "a@example.net, c@example.net", ["left out"]),
        ("me@example.com", "a@example.net, b@example.net, c@example.net, d@example.net", ["hidden"]),
        ("x@example.org", "d@example.net", ["sender", "hidden", "left out", "left out", "left out"]),
        ("", "", []),
        ("nonsense", "nonsense", []),
    ],
)
def test_how_the_envelope_differs_is_said(sender: str, recipients: str, expected: list[str]) -> None:
    """Who gets the mail unseen, who is shown and gets nothing, and another sender, each by address."""
    found = mime.differences(RawDraft(sender, recipients, SOURCE))
    assert [one.kind for one in found] == expected
    assert all(one.address in one.words for one in found)


def test_moving_bcc_changes_nothing_else() -> None:
    """The addresses of Bcc go to the envelope, once each, and the field goes; no other octet does."""
    draft = RawDraft("me@example.com", "C@example.net, c@example.net,", SOURCE)
    moved = mime.bcc_moved(draft)
    assert moved.source == SOURCE.replace(b"Bcc: c@example.net\r\n", b"")
    assert moved.recipients == "C@example.net, c@example.net"
    assert mime.bcc_moved(moved) is moved
    assert mime.bcc_moved(replace(draft, recipients="")).recipients == "c@example.net"


def test_resent_fields_are_passed_over_and_said() -> None:
    """An earlier sending is no envelope."""
    assert mime.passed_over(SOURCE) == ""
    assert mime.passed_over(b"Resent-To: x@example.com\r\n" + SOURCE).startswith("Resent-To tell")
