"""What the send endpoints refuse, with which status, code and message, and that nothing is kept then."""

import base64
import json
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest

from cfmail_tui.sandbox import Choices, Sandbox

Mail = Callable[..., dict[str, Any]]
Send = Callable[[object], httpx.Response]

SCHEMA = (400, 10001, "email.sending.error.invalid_request_schema")
INVALID = (400, 10202, "email.sending.error.email.invalid")
TOO_BIG = (400, 10200, "email.sending.error.email.too_big")
ATTACHMENT = {"content": "aGk=", "filename": "a.txt", "type": "text/plain", "disposition": "attachment"}
INLINE = {**ATTACHMENT, "disposition": "inline", "content_id": "a"}


def verdict(answer: httpx.Response) -> tuple[int, Any, Any]:
    """Status, code and message; the envelope around them must be complete."""
    body = answer.json()
    assert body["success"] is False
    assert body["messages"] == []
    assert body["result"] is None
    (error,) = body["errors"]
    return answer.status_code, error.get("code"), error["message"]


@pytest.mark.parametrize(
    "changed",
    [
        {"colour": "red"},
        {"from_": "me@acme.example"},
        {"from": None},
        {"subject": None},
        {"subject": 7},
        {"subject": "a\nb"},
        {"subject": "a\rb"},
        {"subject": "a\0b"},
        {"subject": "\ud800"},
        {"to": None},
        {"to": []},
        {"to": [["bob@example.net"]]},
        {"to": 7},
        {"to": "bob"},
        {"to": "Bob <bob@example.net>"},
        {"to": "bob@example.net, eve@example.net"},
        {"to": "bøb@example.net"},
        {"to": "bob@exämple.net"},
        {"to": "bob@example.net\r\nBcc: eve@example.net"},
        {"to": "bob@-example.net"},
        {"to": "x" * 65 + "@example.net"},
        {"to": {"name": "Bob"}},
        {"to": {"address": "bob@example.net", "email": "bob@example.net"}},
        {"to": {"address": "bob@example.net", "name": "Bob\r\nBcc: eve@example.net"}},
        {"to": {"address": "bob@example.net", "name": 7}},
        {"reply_to": ["reply@acme.example"]},
        {"from": ["me@acme.example"]},
        {"text": None},
        {"text": ""},
        {"text": "", "html": ""},
        {"html": 7},
        {"headers": [["X-A", "b"]]},
        {"headers": {"X-A": 1}},
        {"attachments": ATTACHMENT},
        {"attachments": ["a.txt"]},
        {"attachments": [{**ATTACHMENT, "disposition": "form-data"}]},
        {"attachments": [{**ATTACHMENT, "content_id": "a"}]},
        {"attachments": [{**ATTACHMENT, "size": 2}]},
        {"attachments": [{key: value for key, value in ATTACHMENT.items() if key != "filename"}]},
        {"attachments": [{**ATTACHMENT, "filename": ""}]},
        {"attachments": [{**ATTACHMENT, "filename": "a\nb"}]},
        {"attachments": [{**ATTACHMENT, "type": "text"}]},
        {"attachments": [{**ATTACHMENT, "type": "text/plain\r\nX: y"}]},
        {"attachments": [{**ATTACHMENT, "disposition": "inline"}]},
        {"attachments": [{**INLINE, "content_id": "a b"}]},
        {"attachments": [{**INLINE, "content_id": "<a>"}]},
    ],
)
def test_schema(box: Sandbox, mail: Mail, http: httpx.Client, changed: dict[str, Any]) -> None:
    """What is not of the builder's documented shape is refused with 10001, and nothing is kept."""
    body = {key: value for key, value in {**mail(), **changed}.items() if value is not None}
    answer = http.post(f"accounts/{box.account_id}/email/sending/send", content=json.dumps(body))
    assert verdict(answer) == SCHEMA
    assert box.messages() == []
    assert not list((box.maildir / "new").iterdir())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b'\xef\xbb\xbf{"from": "a@b.example"}',
        b'{"from": NaN}',
        b"[" * 100_000,
        b'{"from": ' + b"9" * 5000 + b"}",
        '{"from": "a@b.example"}'.encode("utf-16"),
    ],
)
def test_not_json(box: Sandbox, http: httpx.Client, body: bytes) -> None:
    """A body that is not a JSON object in UTF-8 is refused with 10001, however strange it is."""
    answer = http.post(f"accounts/{box.account_id}/email/sending/send", content=body)
    assert verdict(answer) == SCHEMA


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "ü" * 999},
        {"to": [f"r{n}@example.net" for n in range(51)]},
        {"to": [f"r{n}@example.net" for n in range(49)], "cc": "c@example.net", "bcc": "b@example.net"},
        {"attachments": [{**ATTACHMENT, "content": "aGk"}]},
        {"attachments": [{**ATTACHMENT, "content": "aG\nk="}]},
        {"attachments": [{**ATTACHMENT, "content": "-_-_"}]},
        {"attachments": [{**ATTACHMENT, "content": "aGk=aGk="}]},
        {"attachments": [{**ATTACHMENT, "content": "ü"}]},
        {"headers": {"Subject": "x"}},
        {"headers": {"bcc": "eve@example.net"}},
        {"headers": {"Date": "x"}},
        {"headers": {"Message-ID": "<a@b>"}},
        {"headers": {"DKIM-Signature": "x"}},
        {"headers": {"ARC-Seal": "x"}},
        {"headers": {"Disposition-Notification-To": "a@b.example"}},
        {"headers": {"Sender": "a@b.example"}},
        {"headers": {"Resent-From": "a@b.example"}},
        {"headers": {"X-": "a"}},
        {"headers": {"X-A B": "a"}},
        {"headers": {"X-Ä": "a"}},
        {"headers": {"": "a"}},
        {"headers": {"X-A": ""}},
        {"headers": {"X-A": " "}},
        {"headers": {"X-A": "a\r\nBcc: eve@example.net"}},
        {"headers": {"X-A": "a", "x-a": "b"}},
        {"headers": {"X-A": "ü" * 1025}},
        {"headers": {"X-" + "a" * 99: "b"}},
        {"headers": {f"X-{n}": "x" * 2000 for n in range(9)}},
        {"headers": {"Precedence": "first-class"}},
        {"headers": {"Auto-Submitted": "no"}},
        {"headers": {"Importance": "very"}},
        {"headers": {"Priority": "high"}},
        {"headers": {"Sensitivity": "secret"}},
        {"headers": {"List-Unsubscribe": "https://acme.example/u"}},
        {"headers": {"List-Unsubscribe": "<http://acme.example/u>"}},
        {"headers": {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}},
        {
            "headers": {
                "List-Unsubscribe": "<mailto:u@acme.example>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            }
        },
        {"headers": {"List-Unsubscribe": "<https://acme.example/u>", "List-Unsubscribe-Post": "yes"}},
        {"headers": {"References": "<ü@b.example>"}},
        {"headers": {"References": "<" + "a" * 1000 + "@b.example>"}},
    ],
)
def test_content(box: Sandbox, mail: Mail, send: Send, changed: dict[str, Any]) -> None:
    """What has the right shape and breaks a documented limit or header rule is refused as email.invalid."""
    assert verdict(send(mail(**changed))) == INVALID
    assert box.messages() == []


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": ""},
        {"subject": "ü" * 998},
        {"to": [f"r{n}@example.net" for n in range(50)]},
        {"to": '"a b"@example.net'},
        {"headers": {}},
        {"headers": {"X-" + "a" * 98: "ü" * 1024}},
        {"headers": {f"X-{n}": "x" * 2000 for n in range(8)}},
        {"headers": {"precedence": "Bulk", "List-Unsubscribe": "<mailto:u@acme.example>"}},
        {"headers": {"References": " ".join(f"<{n}@b.example>" for n in range(100))}},
        {"attachments": []},
        {"attachments": [{**ATTACHMENT, "content": ""}]},
    ],
)
def test_up_to_the_limit(mail: Mail, send: Send, changed: dict[str, Any]) -> None:
    """Each limit is met exactly where it is documented: the largest that is allowed is taken."""
    assert send(mail(**changed)).status_code == 200


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"bcc": "x@example.net"}, SCHEMA),
        ({"from": {"address": "me@acme.example"}}, SCHEMA),
        ({"recipients": "bob@example.net"}, SCHEMA),
        ({"recipients": [{"address": "bob@example.net"}]}, SCHEMA),
        ({"recipients": []}, SCHEMA),
        ({"recipients": ["bøb@example.net"]}, SCHEMA),
        ({"mime_message": None}, SCHEMA),
        ({"mime_message": 7}, SCHEMA),
        ({"recipients": [f"r{n}@example.net" for n in range(51)]}, INVALID),
        ({"mime_message": ""}, INVALID),
        ({"mime_message": "To: x@example.net\r\n\r\nFrom: me@acme.example"}, INVALID),
        ({"from": "me@unconfigured.example"}, (403, 10204, "email.sending.error.email.sender_not_configured")),
        ({"from": "me@DISABLED.example"}, (403, 10203, "email.sending.error.email.sending_disabled")),
        ({"recipients": ["suppressed@example.net"]}, INVALID),
    ],
)
def test_raw(box: Sandbox, http: httpx.Client, changed: dict[str, Any], expected: object) -> None:
    """send_raw has its own schema, the same limits, and the same judgement of senders and recipients."""
    right = {"from": "me@acme.example", "recipients": ["bob@example.net"], "mime_message": "From: a@b.example\n\nHi"}
    body = {key: value for key, value in {**right, **changed}.items() if value is not None}
    assert verdict(http.post(f"accounts/{box.account_id}/email/sending/send_raw", json=body)) == expected
    assert box.messages() == []


def test_five_mebibytes(box: Sandbox, http: httpx.Client) -> None:
    """5 MiB on the assembled MIME is the limit, to the octet."""
    head = "From: me@acme.example\n\n"

    def post(size: int) -> httpx.Response:
        source = head + "x" * (size - len(head))
        body = {"from": "me@acme.example", "recipients": ["bob@example.net"], "mime_message": source}
        return http.post(f"accounts/{box.account_id}/email/sending/send_raw", json=body)

    assert post(5 * 1024 * 1024).status_code == 200
    assert verdict(post(5 * 1024 * 1024 + 1)) == TOO_BIG


def test_assembled_size(mail: Mail, send: Send) -> None:
    """What counts is the size after encoding: 3.8 MiB of attachment are more than 5 MiB of mail, 3.6 are not."""

    def attach(octets: int) -> object:
        content = base64.b64encode(b"\0" * octets).decode()
        return mail(attachments=[{**ATTACHMENT, "content": content}])

    assert send(attach(3_600_000)).status_code == 200
    assert verdict(send(attach(3_990_000))) == TOO_BIG


def test_verified_destinations_take_25_mebibytes(box: Sandbox, http: httpx.Client) -> None:
    """Mail to verified destination addresses alone may have 25 MiB; with anybody else among them it may not."""
    head = "From: me@acme.example\n\n"
    source = head + "x" * (25 * 1024 * 1024 - len(head))

    def post(mime: str, *recipients: str) -> httpx.Response:
        body = {"from": "me@acme.example", "recipients": recipients, "mime_message": mime}
        return http.post(f"accounts/{box.account_id}/email/sending/send_raw", json=body)

    assert post(source, "Me@verified.example").status_code == 200
    assert verdict(post(source + "x", "me@verified.example")) == TOO_BIG
    assert verdict(post(source, "me@verified.example", "bob@example.net")) == TOO_BIG


def test_free_plan(tmp_path: Path, mail: Mail) -> None:
    """An account without a paid plan may write to verified destination addresses and to nobody else."""
    with Sandbox(tmp_path / "box", choices=Choices(paid_plan=False)) as box:
        path = f"{box.base_url}/accounts/{box.account_id}/email/sending/send"
        header = {"Authorization": f"Bearer {box.token}"}
        answer = httpx.post(path, json=mail(), headers=header)
        assert verdict(answer) == (403, 10105, "email.sending.error.authentication.not_entitled")
        assert httpx.post(path, json=mail(to="me@verified.example"), headers=header).status_code == 200


def test_length_is_required(box: Sandbox, http: httpx.Client) -> None:
    """A body whose length is not declared is refused with 10201, also if it comes in chunks."""
    path = f"accounts/{box.account_id}/email/sending/send"
    expected = (400, 10201, "email.sending.error.email.no_content_length")
    assert verdict(http.post(path, content=iter([b"{}"] * 1000))) == expected
    with closing(HTTPConnection("127.0.0.1", httpx.URL(box.base_url).port, timeout=10)) as connection:
        connection.request("POST", f"/client/v4/{path}", headers={**http.headers, "Content-Length": "x"})
        answer = connection.getresponse()
        assert json.loads(answer.read())["errors"][0]["code"] == 10201


def test_reason_is_no_header_injection(box: Sandbox, mail: Mail, send: Send) -> None:
    """The reason in the answer's header quotes the request without letting it write header fields."""
    answer = send(mail(**{"a\r\nX-Evil: 1": "ü"}))
    assert verdict(answer) == SCHEMA
    assert "X-Evil" not in answer.headers
    assert "unknown keys: a\\r\\nX-Evil: 1" in answer.headers["X-Sandbox-Reason"]


def test_edge_limit(box: Sandbox) -> None:
    """A request over 100 MiB is refused by the edge's page before it is read."""
    with closing(HTTPConnection("127.0.0.1", httpx.URL(box.base_url).port, timeout=10)) as connection:
        connection.putrequest("POST", f"/client/v4/accounts/{box.account_id}/email/sending/send")
        connection.putheader("Content-Length", str(101 * 1024 * 1024))
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Content-Type")) == (413, "text/html; charset=UTF-8")
        answer.read()
