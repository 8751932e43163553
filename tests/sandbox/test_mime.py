"""The MIME of a builder message: its structure, and that every text comes back from it unchanged."""

import base64
import email
import email.header
import email.utils
import mailbox
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage, Message
from email.policy import default
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui.sandbox import Sandbox

Mail = Callable[..., dict[str, Any]]
Send = Callable[[object], httpx.Response]


def parsed(mime: bytes) -> EmailMessage:
    message = email.message_from_bytes(mime, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def structure(part: EmailMessage) -> Any:
    """The content type, or for a multipart the type with those of its parts."""
    if not part.is_multipart():
        return part.get_content_type()
    parts = [structure(child) for child in part.iter_parts() if isinstance(child, EmailMessage)]
    return (part.get_content_subtype(), *parts)


def attached(name: str = "a.txt", content: bytes = b"hi", **changed: str) -> dict[str, str]:
    right = {"filename": name, "content": base64.b64encode(content).decode(), "type": "text/plain"}
    return {**right, "disposition": "attachment", **changed}


def inline(cid: str = "logo") -> dict[str, str]:
    return attached("logo.png", b"\x89PNG", type="image/png", disposition="inline", content_id=cid)


HTML = "<img src='cid:logo'>"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "text/plain"),
        ({"text": None, "html": "<b>Hi</b>"}, "text/html"),
        ({"html": "<b>Hi</b>"}, ("alternative", "text/plain", "text/html")),
        ({"text": "", "html": "<b>Hi</b>"}, "text/html"),
        ({"attachments": [attached()]}, ("mixed", "text/plain", "text/plain")),
        ({"text": None, "html": HTML, "attachments": [inline()]}, ("related", "text/html", "image/png")),
        ({"attachments": [inline()]}, ("related", "text/plain", "image/png")),
        (
            {"html": HTML, "attachments": [attached(), inline(), attached(type="application/pdf")]},
            (
                "mixed",
                ("alternative", "text/plain", ("related", "text/html", "image/png")),
                "text/plain",
                "application/pdf",
            ),
        ),
    ],
)
def test_structure(box: Sandbox, mail: Mail, send: Send, changed: dict[str, Any], expected: object) -> None:
    """Bodies are alternatives, inline parts related to the html, attachments mixed in, and nothing more is nested."""
    assert send(mail(**changed)).status_code == 200
    assert structure(parsed(box.mime(1))) == expected


def test_header_section(box: Sandbox, mail: Mail, send: Send) -> None:
    """The message has the fields of a sent one: Date, the Message-ID of the answer, MIME-Version, and no Bcc."""
    answer = send(
        mail(
            **{"from": {"address": "me@acme.example", "name": "Me"}},
            to=["bob@example.net", {"address": "eve@example.net", "name": "Eve, QA"}],
            cc={"address": "cc@example.net", "name": None},
            bcc="secret@example.net",
            reply_to={"address": "reply@acme.example", "name": "Reply"},
        )
    ).json()
    message = parsed(box.mime(1))
    assert message["From"] == "Me <me@acme.example>"
    assert [address.addr_spec for address in message["To"].addresses] == ["bob@example.net", "eve@example.net"]
    assert message["To"].addresses[1].display_name == "Eve, QA"
    assert message["Cc"] == "cc@example.net"
    assert message["Reply-To"].addresses[0].addr_spec == "reply@acme.example"
    assert message["Message-ID"] == answer["result"]["message_id"]
    assert re.fullmatch(r"<[A-Za-z0-9]{36}@acme\.example>", message["Message-ID"])
    assert abs(datetime.now(UTC) - message["Date"].datetime) < timedelta(minutes=1)
    assert message["MIME-Version"] == "1.0"
    assert b"secret@example.net" not in box.mime(1)


def test_only_bcc(box: Sandbox, mail: Mail, send: Send) -> None:
    """A message to Bcc recipients alone names no recipient at all."""
    assert send(mail(to=None, bcc=["secret@example.net"])).status_code == 200
    message = parsed(box.mime(1))
    assert message["To"] is message["Cc"] is message["Bcc"] is None


@pytest.mark.parametrize(
    "text", ["x" * 2000, "ü" * 500, "x\n" + "ü" * 10 + "y " * 900 + "\r\n "], ids=["ascii", "umlauts", "mixed"]
)
def test_lines(box: Sandbox, mail: Mail, send: Send, text: str) -> None:
    """Whatever the text, every line is ASCII, ends in CRLF and has at most 998 octets, header lines at most 78."""
    long = "word " * 100 + "ü" * 40 + "x" * 400
    right = mail(subject="Long subject " * 70, text=text, html=long, to={"address": "b@x.example", "name": long})
    assert send(right).is_success
    mime = box.mime(1)
    head, _, body = mime.partition(b"\r\n\r\n")
    assert mime.isascii()
    assert b"\n" not in mime.replace(b"\r\n", b"")
    assert max(map(len, head.split(b"\r\n"))) <= 78
    assert max(map(len, body.split(b"\r\n"))) <= 76


def test_inline_part(box: Sandbox, mail: Mail, send: Send) -> None:
    """An inline part carries the Content-ID in angle brackets, its file name, and its octets."""
    assert send(mail(html=HTML, attachments=[inline("logo@1")])).is_success
    part = next(part for part in parsed(box.mime(1)).walk() if part.get_content_type() == "image/png")
    assert part["Content-ID"] == "<logo@1>"
    assert part.get_content_disposition() == "inline"
    assert part.get_filename() == "logo.png"
    assert part.get_payload(decode=True) == b"\x89PNG"


def test_custom_header_fields(box: Sandbox, mail: Mail, send: Send) -> None:
    """Allowed header fields arrive under their canonical names with their values."""
    fields = {
        "x-campaign": "Größe =?utf-8?q?x?=",
        "in-reply-to": "<a@b.example>",
        "LIST-UNSUBSCRIBE": "<https://acme.example/u>, <mailto:u@acme.example>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": "Neue Größe <news.acme.example>",
        "Organization": "Ænigma",
    }
    assert send(mail(headers=fields)).is_success
    message = parsed(box.mime(1))
    assert message["x-campaign"] == fields["x-campaign"]
    assert message["In-Reply-To"] == "<a@b.example>"
    assert message["List-Unsubscribe"] == fields["LIST-UNSUBSCRIBE"]
    assert message["List-Id"] == fields["List-Id"]
    assert message["Organization"] == "Ænigma"
    assert b"\r\nList-Unsubscribe: " in box.mime(1)


@pytest.mark.parametrize(
    ("media_type", "content", "expected"),
    [
        ("message/rfc822", b"Subject: inner\r\n\r\nHi\r\n", "message/rfc822"),
        ("message/rfc822", "Subject: ü\r\n\r\nHi\r\n".encode(), "application/octet-stream"),
        ("multipart/mixed", b"\x80", "application/octet-stream"),
        ("text/plain; charset=utf-16", b"\xff\xfe", "text/plain"),
    ],
)
def test_attached_message(box: Sandbox, mail: Mail, send: Send, media_type: str, content: bytes, expected: str) -> None:
    """No attachment's octets change, whatever its type; a message that base64 would hide is sent as what it is."""
    assert send(mail(attachments=[attached("a.eml", content, type=media_type)])).is_success
    _, part = parsed(box.mime(1)).iter_parts()
    assert part.get_content_type() == expected
    if expected == "message/rfc822":
        assert content in box.mime(1)
    else:
        assert part.get_payload(decode=True) == content


def test_maildir(box: Sandbox, mail: Mail, send: Send) -> None:
    """The Maildir opens in a mail program, holds each message once, and follows it when it is moved as read."""
    assert send(mail(subject="one")).is_success
    assert send(mail(subject="two")).is_success
    reader = mailbox.Maildir(box.maildir, create=False)
    assert sorted(message["Subject"] for message in reader) == ["one", "two"]
    for key, message in reader.items():
        message.add_flag("S")
        message.set_subdir("cur")
        reader[key] = message
    assert len(list((box.maildir / "cur").iterdir())) == 2
    assert parsed(box.mime(1))["Subject"] == "one"


def test_raw_is_kept_as_it_came(box: Sandbox, http: httpx.Client) -> None:
    """send_raw keeps mime_message octet for octet: bare LF, 8-bit text, a Bcc field, no final newline."""
    source = "From: me@acme.example\nBcc: x@example.net\r\nSubject: ü\u2028\n\n\0 body\r no end"
    body = {"from": "me@acme.example", "recipients": ["bob@example.net"], "mime_message": source}
    assert http.post(f"accounts/{box.account_id}/email/sending/send_raw", json=body).is_success
    (path,) = (box.maildir / "new").iterdir()
    assert path.read_bytes() == box.mime(1) == source.encode()


ANY = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=120),
    st.text(" \t.=aü\r\n\0\x0b\x85\u2028", max_size=400),
    st.text("ab \n", min_size=200, max_size=2000),
)
ONE_LINE = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=120),
    st.text(" \tab\u2028\u0085\xa0\x0b\x0c\x1c\"\\=?,;<>()@%*'", max_size=120),
    st.sampled_from(
        ["=?utf-8?q?x?=", "=?utf-8?b?eA==?= =?x?=", "   ", "\u2028", "👩‍👩‍👧‍👦" * 30, "a  b" * 60, '"', "\\"]
    ),
    st.text(st.characters(codec="ascii", exclude_characters="\r\n\0"), max_size=400),
)


def unfolded(value: str) -> str:
    return value.replace("\r\n", "")


def phrase(value: str) -> str:
    """A display name by the legacy functions, the ones that keep white space as it is."""
    name, _ = email.utils.parseaddr(unfolded(value))
    return str(email.header.make_header(email.header.decode_header(name)))


def raw_filename(message: Message) -> str:
    """The last part's file name; get_filename would strip white space that belongs to it."""
    *_, part = message.walk()
    value = part.get_param("filename", header="content-disposition")
    assert value is not None
    return email.utils.collapse_rfc2231_value(value)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One sandbox for all examples: they are told apart by number."""
    with Sandbox(tmp_path_factory.mktemp("mime") / "box") as box, httpx.Client(trust_env=False) as client:
        yield box, client


@given(subject=ONE_LINE, name=ONE_LINE, text=ANY, html=ANY, filename=ONE_LINE.filter(bool), content=st.binary())
def test_any_text_comes_back(
    shared: tuple[Sandbox, httpx.Client], subject: str, name: str, text: str, html: str, filename: str, content: bytes
) -> None:
    """Subject, names, bodies and file names decode from the Maildir copy to what was sent; bodies with CRLF."""
    box, client = shared
    body = {
        "from": {"address": "me@acme.example", "name": name},
        "to": [{"address": "bob@example.net", "name": name}, "eve@example.net"],
        "subject": subject,
        "text": text + ".",
        "html": html + ".",
        "attachments": [attached(filename, content, type="application/octet-stream")],
        "headers": {"X-Text": subject + ".", "Comments": subject + ".", "List-Id": f"{name} <{subject}.>"},
    }
    answer = client.post(
        f"{box.base_url}/accounts/{box.account_id}/email/sending/send",
        json=body,
        headers={"Authorization": f"Bearer {box.token}"},
    )
    assert answer.is_success, answer.headers
    mime = client.get(
        f"{box.base_url}/accounts/{box.account_id}/email/sending/messages/{quote(answer.json()['result']['message_id'])}",
        headers={"Authorization": f"Bearer {box.token}"},
    ).content
    assert mime.isascii()
    assert b"\n" not in mime.replace(b"\r\n", b"")
    assert max(map(len, mime.split(b"\r\n"))) <= 998
    message, legacy = parsed(mime), email.message_from_bytes(mime)
    assert message["Subject"] == subject
    assert message["X-Text"] == message["Comments"] == subject + "."
    assert phrase(legacy["From"]) == name
    if legacy["To"].count("=?") <= 1 and not re.search(r"\s\s|\t", name):
        # Python's structured parser alters white space inside and between the encoded words of a phrase
        assert message["To"].addresses[0].display_name == name
    assert [box.addr_spec for box in message["To"].addresses] == ["bob@example.net", "eve@example.net"]
    bodies, attachment = message.iter_parts()
    assert isinstance(bodies, EmailMessage)
    plain, rich = bodies.iter_parts()
    assert plain.get_content() == re.sub(r"\r\n|\r|\n", "\r\n", text + ".")
    assert rich.get_content() == re.sub(r"\r\n|\r|\n", "\r\n", html + ".")
    assert raw_filename(legacy) == filename
    assert attachment.get_payload(decode=True) == content
