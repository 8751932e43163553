"""The recipients' names choose the outcome; /sandbox/messages tells what was accepted."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cfmail_tui.sandbox import Choices, Sandbox, TokenKind

Mail = Callable[..., dict[str, Any]]
Send = Callable[[object], httpx.Response]


def window(box: Sandbox) -> str:
    return box.base_url.removesuffix("/client/v4") + "/sandbox"


def test_success_envelope(mail: Mail, send: Send) -> None:
    """A sent message is answered with the whole envelope and all five fields, as JSON."""
    answer = send(mail())
    body = answer.json()
    assert answer.headers["Content-Type"] == "application/json"
    assert {key: body[key] for key in ("success", "errors", "messages")} == {
        "success": True,
        "errors": [],
        "messages": [],
    }
    assert set(body["result"]) == {"delivered", "queued", "permanent_bounces", "message_id", "suppressed_recipients"}


def test_each_recipient_has_an_outcome(mail: Mail, send: Send) -> None:
    """Local parts count whole and without regard to case, at any domain; everybody else is delivered."""
    to = ["bob@x.example", "bounce@a.example", "BOUNCE@b.example", "Queue@c.example", "bouncer@d.example"]
    result = send(mail(to=to, cc="queue-1@e.example", bcc=["queue@c.example", "Bob@X.example"])).json()["result"]
    assert result["delivered"] == ["bob@x.example", "bouncer@d.example", "queue-1@e.example"]
    assert result["permanent_bounces"] == ["bounce@a.example", "BOUNCE@b.example"]
    assert result["queued"] == ["Queue@c.example"]


@pytest.mark.parametrize(
    ("local", "status", "code", "message"),
    [
        ("throttle", 429, 10004, "email.sending.error.throttled"),
        ("error500", 500, 10002, "email.sending.error.internal_server"),
        ("error503", 503, 10100, "email.sending.error.authentication.upstream"),
        ("suppressed", 400, 10202, "email.sending.error.email.invalid"),
        ("success-false", 200, 10002, "email.sending.error.internal_server"),
    ],
)
@pytest.mark.parametrize("field", ["to", "cc", "bcc"])
def test_refusing_names(
    box: Sandbox, mail: Mail, send: Send, field: str, local: str, status: int, code: int, message: str
) -> None:
    """One recipient with a refusing name refuses the whole request, wherever it stands, and nothing is kept."""
    answer = send(mail(**{"to": "bob@example.net", field: ["eve@example.net", f"{local.title()}@example.net"]}))
    assert answer.status_code == status
    assert answer.json() == {
        "success": False,
        "errors": [{"code": code, "message": message}],
        "messages": [],
        "result": None,
    }
    assert box.messages() == []


def test_throttle_says_when(tmp_path: Path, mail: Mail, send: Send) -> None:
    """429 carries Retry-After: 2, or another number, or none if a test wants to see that."""
    assert send(mail(to="throttle@example.net")).headers["Retry-After"] == "2"
    with Sandbox(tmp_path / "other", choices=Choices(retry_after=None)) as box:
        path = f"{box.base_url}/accounts/{box.account_id}/email/sending/send"
        answer = httpx.post(
            path, json=mail(to="throttle@example.net"), headers={"Authorization": f"Bearer {box.token}"}
        )
        assert answer.status_code == 429
        assert "Retry-After" not in answer.headers


def test_html502(box: Sandbox, mail: Mail, send: Send) -> None:
    """html502 is the edge's page: HTML, no envelope, and a ray id to name in a report."""
    answer = send(mail(to="html502@example.net"))
    assert answer.status_code == 502
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "CF-RAY" in answer.headers
    assert "<h1>" in answer.text
    assert box.messages() == []


def test_cut(box: Sandbox, mail: Mail, send: Send) -> None:
    """cut keeps the mail and ends the connection without an answer."""
    with pytest.raises(httpx.RemoteProtocolError, match="disconnected without sending"):
        send(mail(to="cut@example.net"))
    (message,) = box.messages()
    assert message["status"] is message["response"] is None
    assert b"To: cut@example.net" in box.mime(1)


def test_halfanswer(box: Sandbox, mail: Mail, send: Send) -> None:
    """halfanswer keeps the mail and sends less than its Content-Length promises."""
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        send(mail(to="halfanswer@example.net"))
    (message,) = box.messages()
    assert message["status"] == 200
    assert message["response"].startswith('{"success": true')


def test_badjson(box: Sandbox, mail: Mail, send: Send) -> None:
    """badjson keeps the mail and answers 200 with something that is not JSON."""
    answer = send(mail(to="badjson@example.net"))
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert box.messages()[0]["response"] == answer.text


def test_oldshape(box: Sandbox, mail: Mail, send: Send) -> None:
    """oldshape answers with the three lists of the first generation."""
    result = send(mail(to=["oldshape@example.net", "queue@example.net"])).json()["result"]
    assert result == {"delivered": ["oldshape@example.net"], "queued": ["queue@example.net"], "permanent_bounces": []}
    assert len(box.messages()) == 1


def test_slow_keeps_first(box: Sandbox, mail: Mail, send: Send) -> None:
    """A slow answer is late for everybody in the request, also a refusal."""
    started = time.monotonic()
    answer = send(mail(to=["slow-0.3@example.net", "error500@example.net"]))
    assert answer.status_code == 500
    assert time.monotonic() - started >= 0.3


def test_all_suppressed(box: Sandbox, http: httpx.Client, mail: Mail, send: Send) -> None:
    """If dropping leaves nobody, the request is accepted and delivers to nobody."""
    (zone,) = http.get("zones", params={"name": "acme.example"}).json()["result"]
    rows = http.get(f"zones/{zone['id']}/email/sending/subdomains").json()["result"]
    tag = next(row["tag"] for row in rows if row["name"] == "acme.example")
    http.patch(f"zones/{zone['id']}/email/sending/subdomains/{tag}", json={"drop_suppressed_recipients": True})
    result = send(mail(to="suppressed@example.net")).json()["result"]
    assert result["delivered"] == result["queued"] == result["permanent_bounces"] == []
    assert result["suppressed_recipients"] == ["suppressed@example.net"]
    refused = send(mail(**{"from": "me@globex.example"}, to="suppressed@example.net"))
    assert refused.status_code == 400


def test_suppressed_for_one_domain(box: Sandbox, http: httpx.Client, mail: Mail, send: Send) -> None:
    """A suppression of one sending domain refuses its mail and no other's, until it has expired."""
    body = {"email": "eve@example.net", "scope": {"type": "sending_domain", "value": "acme.example"}}
    assert http.post(f"accounts/{box.account_id}/email/sending/suppressions", json=body).is_success
    assert send(mail(to="Eve@example.net")).status_code == 400
    assert send(mail(**{"from": "me@globex.example"}, to="eve@example.net")).status_code == 200


def test_window(box: Sandbox, mail: Mail, send: Send) -> None:
    """/sandbox/messages lists what was accepted, oldest first, without credentials; one of them comes with its MIME."""
    first = mail(to=["bob@example.net", "BOB@example.net", "queue@example.net"], subject="ü")
    answer = send(first)
    send(mail(to="error500@example.net"))
    send(mail(subject="second"))
    listed = httpx.get(f"{window(box)}/messages").json()
    assert [message["n"] for message in listed] == [1, 2]
    message = listed[0]
    assert message["endpoint"] == "send"
    assert message["envelope"] == {"from": "me@acme.example", "recipients": ["bob@example.net", "queue@example.net"]}
    assert message["request"] == first
    assert (message["status"], message["response"]) == (200, answer.json())
    assert datetime.now(UTC) - datetime.fromisoformat(message["received_at"]) < timedelta(minutes=1)
    one = httpx.get(f"{window(box)}/messages/1").json()
    assert one == {**message, "mime": box.mime(1).decode()}
    assert box.messages() == listed
    assert json.loads(box.request_body(1)) == first


def test_window_of_raw(box: Sandbox, http: httpx.Client) -> None:
    """A raw message is listed as such, its MIME exactly as it was given."""
    source = "From: me@acme.example\nSubject: \u2028ü\n\nHi\r"
    body = {"from": "me@acme.example", "recipients": ["bounce@example.net"], "mime_message": source}
    assert http.post(f"accounts/{box.account_id}/email/sending/send_raw", json=body).is_success
    one = httpx.get(f"{window(box)}/messages/1").json()
    assert (one["endpoint"], one["mime"], one["request"]) == ("send_raw", source, body)


def test_window_is_emptied(box: Sandbox, mail: Mail, send: Send) -> None:
    """DELETE empties the list, goes on counting, and leaves the Maildir alone."""
    send(mail())
    assert httpx.delete(f"{window(box)}/messages").json() == {"deleted": 1}
    assert httpx.get(f"{window(box)}/messages").json() == []
    assert httpx.get(f"{window(box)}/messages/1").status_code == 404
    assert len(list((box.maildir / "new").iterdir())) == 1
    send(mail())
    assert [message["n"] for message in box.messages()] == [2]


def test_window_makes_tokens(box: Sandbox, mail: Mail) -> None:
    """Another program's test can have a token of any kind."""
    path = f"{box.base_url}/accounts/{box.account_id}/email/sending/send"
    for kind in TokenKind:
        made = httpx.post(f"{window(box)}/tokens", json={"kind": kind}).json()
        answer = httpx.post(path, json=mail(), headers={"Authorization": f"Bearer {made['token']}"})
        may_send = {"user", "account", "no_read", "no_analytics", "no_suppressions"}
        assert (answer.status_code == 200) is (kind in may_send)
    assert httpx.post(f"{window(box)}/tokens", json={"kind": "golden"}).status_code == 400
    assert httpx.get(f"{window(box)}/tokens").status_code == 400


def test_message_by_id(box: Sandbox, http: httpx.Client, mail: Mail, send: Send) -> None:
    """The MIME of a sent message can be fetched by its id, percent-encoded; an unknown id is not found."""
    message_id = send(mail()).json()["result"]["message_id"]
    path = f"accounts/{box.account_id}/email/sending/messages/"
    answer = http.get(path + message_id.replace("<", "%3C").replace(">", "%3E").replace("@", "%40"))
    assert answer.headers["Content-Type"] == "message/rfc822"
    assert answer.content == box.mime(1)
    missing = http.get(path + "%3Cnobody%40acme.example%3E")
    assert missing.status_code == 404
    assert missing.json()["errors"] == [{"code": 10000, "message": "email.sending.error.not_found"}]


def test_deleted_from_the_maildir(box: Sandbox, http: httpx.Client, mail: Mail, send: Send) -> None:
    """A message that a mail program deleted is still listed, without its MIME."""
    message_id = send(mail()).json()["result"]["message_id"]
    for path in (box.maildir / "new").iterdir():
        path.unlink()
    assert httpx.get(f"{window(box)}/messages/1").json()["mime"] is None
    assert http.get(f"accounts/{box.account_id}/email/sending/messages/{message_id}").status_code == 404
    with pytest.raises(KeyError):
        box.mime(1)


def test_limits(tmp_path: Path, mail: Mail) -> None:
    """The quota counts recipients that are no verified destinations, refuses beyond it, and begins anew each day."""
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    clock = [now]
    with (
        Sandbox(tmp_path / "box", choices=Choices(daily_quota=2), clock=lambda: clock[0]) as box,
        httpx.Client(headers={"Authorization": f"Bearer {box.token}"}) as client,
    ):
        base = f"{box.base_url}/accounts/{box.account_id}/email/sending"
        to = ["bob@example.net", "me@verified.example"]
        assert client.post(f"{base}/send", json=mail(to=to)).status_code == 200
        over = client.post(f"{base}/send", json=mail(to=["bob@example.net", "eve@example.net"]))
        assert (over.status_code, over.json()["errors"][0]["code"]) == (429, 10004)
        assert client.get(f"{base}/limits").json()["result"] == {
            "quota": {"value": 2, "unit": "day"},
            "usage": {"sent": 1, "over_quota": 2, "resets_at": "2026-11-24T00:00:00.000000Z"},
        }
        clock[0] = now + timedelta(days=1)
        assert client.get(f"{base}/limits").json()["result"]["usage"]["sent"] == 0


def test_many_at_once(box: Sandbox, http: httpx.Client, mail: Mail) -> None:
    """Requests that come together are all kept, each once, under numbers without gaps."""
    path = f"accounts/{box.account_id}/email/sending/send"
    ready = threading.Barrier(8)

    def post(number: int) -> int:
        ready.wait(10)
        return http.post(path, json=mail(subject=str(number))).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(post, range(24))) == {200}
    listed = box.messages()
    assert [message["n"] for message in listed] == list(range(1, 25))
    assert {message["request"]["subject"] for message in listed} == {str(number) for number in range(24)}
    assert len(list((box.maildir / "new").iterdir())) == 24
