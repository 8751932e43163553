"""The official `cloudflare` package works with the sandbox as it does with the service."""

import base64
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import cloudflare
import pytest
from cloudflare import Cloudflare

from cfmail_tui.sandbox import Choices, Sandbox

HI = base64.b64encode(b"hi").decode()


def other(box: Sandbox, **credentials: str) -> Cloudflare:
    return Cloudflare(base_url=box.base_url, max_retries=0, **credentials)  # type: ignore[arg-type]


def sent(client: Cloudflare, box: Sandbox, to: object = "bob@example.net", **changed: Any) -> Any:
    right: dict[str, Any] = {"from_": "me@acme.example", "subject": "Hello", "text": "Hi", "to": to}
    return client.email_sending.send(account_id=box.account_id, **{**right, **changed})


def test_builder_with_everything(box: Sandbox, official: Cloudflare) -> None:
    """Every parameter of the published reference is taken, and every field of the result can be read."""
    result = official.email_sending.send(
        account_id=box.account_id,
        from_={"address": "me@acme.example", "name": "Me"},
        subject="Monthly Report",
        to=["bob@example.net", {"address": "queue@example.net", "name": "Queue"}],
        cc={"address": "bounce@example.net", "name": None},
        bcc="secret@example.net",
        reply_to={"address": "reply@acme.example"},
        text="Hi",
        html='<img src="cid:logo">',
        headers={"X-Campaign": "q3", "In-Reply-To": "<a@b.example>"},
        attachments=[
            {"content": HI, "content_id": "logo", "disposition": "inline", "filename": "l.png", "type": "image/png"},
            {"content": HI, "disposition": "attachment", "filename": "r.txt", "type": "text/plain"},
        ],
    )
    assert result.delivered == ["bob@example.net", "secret@example.net"]
    assert result.queued == ["queue@example.net"]
    assert result.permanent_bounces == ["bounce@example.net"]
    assert result.suppressed_recipients == []
    assert result.message_id == message_from_bytes(box.mime(1))["Message-ID"]


@pytest.mark.parametrize(
    "form",
    [
        "bob@example.net",
        {"address": "bob@example.net"},
        {"address": "bob@example.net", "name": "Bob"},
        ["bob@example.net"],
        [{"address": "bob@example.net", "name": None}],
    ],
)
@pytest.mark.parametrize("field", ["to", "cc", "bcc"])
def test_recipient_forms(box: Sandbox, official: Cloudflare, field: str, form: Any) -> None:
    """to, cc and bcc each take a string, an object, or an array of either, and one of the three is enough."""
    parameters: dict[str, Any] = {field: form}
    result = official.email_sending.send(
        account_id=box.account_id,
        from_="me@acme.example",
        subject="Hi",
        html="<p>Hi</p>",
        reply_to="reply@acme.example",
        **parameters,
    )
    assert result.delivered == ["bob@example.net"]
    assert box.messages()[0]["envelope"] == {"from": "me@acme.example", "recipients": ["bob@example.net"]}


def test_send_raw(box: Sandbox, official: Cloudflare) -> None:
    """send_raw takes a MIME message with its envelope and answers with all five fields."""
    source = "From: sender@acme.example\r\nTo: recipient@example.com\r\nSubject: Hello\r\n\r\nHello, World!"
    result = official.email_sending.send_raw(
        account_id=box.account_id,
        from_="sender@acme.example",
        mime_message=source,
        recipients=["recipient@example.com", "bounce@example.com", "queue@example.com"],
    )
    assert result.delivered == ["recipient@example.com"]
    assert result.permanent_bounces == ["bounce@example.com"]
    assert result.queued == ["queue@example.com"]
    assert result.suppressed_recipients == []
    assert result.message_id.endswith("@acme.example>")
    assert box.mime(1) == source.encode()


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"subject": "x" * 999}, cloudflare.BadRequestError),
        ({"to": "suppressed@example.net"}, cloudflare.BadRequestError),
        ({"extra_body": {"colour": "red"}}, cloudflare.BadRequestError),
        ({"from_": "me@unconfigured.example"}, cloudflare.PermissionDeniedError),
        ({"from_": "me@disabled.example"}, cloudflare.PermissionDeniedError),
        ({"to": "throttle@example.net"}, cloudflare.RateLimitError),
        ({"to": "error500@example.net"}, cloudflare.InternalServerError),
        ({"to": "error503@example.net"}, cloudflare.InternalServerError),
        ({"to": "html502@example.net"}, cloudflare.InternalServerError),
        ({"to": "cut@example.net"}, cloudflare.APIConnectionError),
        ({"to": "halfanswer@example.net"}, cloudflare.APIConnectionError),
        ({"to": "slow-30@example.net", "timeout": 0.2}, cloudflare.APITimeoutError),
    ],
)
def test_error_classes(
    box: Sandbox, official: Cloudflare, changed: dict[str, Any], error: type[cloudflare.APIError]
) -> None:
    """Each fault of the sandbox is the documented class of error in the official package."""
    with pytest.raises(error):
        sent(official, box, **changed)


def test_credentials_errors(box: Sandbox) -> None:
    """An unknown token is an authentication error, one without the right a permission error."""
    with other(box, api_token="x" * 40) as client, pytest.raises(cloudflare.AuthenticationError):
        sent(client, box)
    with other(box, api_token=box.add_token("no_send")) as client, pytest.raises(cloudflare.PermissionDeniedError):
        sent(client, box)


def test_odd_success(box: Sandbox, official: Cloudflare) -> None:
    """A 200 of the old shape lacks two fields, and one with success: false has no result."""
    old = sent(official, box, to="oldshape@example.net")
    assert old.delivered == ["oldshape@example.net"]
    assert old.message_id is old.suppressed_recipients is None
    assert sent(official, box, to="success-false@example.net") is None


def test_retries_deliver_again(box: Sandbox) -> None:
    """The package's own retries after a cut answer deliver once more each time, as they would with the service."""
    retrying = Cloudflare(api_token=box.token, base_url=box.base_url, max_retries=1)
    with retrying as client, pytest.raises(cloudflare.APIConnectionError):
        sent(client, box, to="cut@example.net")
    assert len(box.messages()) == 2


def test_global_key(tmp_path: Path) -> None:
    """The pair of e-mail and global key is accepted if the sandbox was asked to."""
    with Sandbox(tmp_path / "box", global_key=True) as box:
        with other(box, api_email=box.email, api_key=box.global_key) as client:
            assert sent(client, box).delivered == ["bob@example.net"]
        wrong = other(box, api_email=box.email, api_key="0" * 37)
        with wrong as client, pytest.raises(cloudflare.AuthenticationError):
            sent(client, box)


def test_suppressions(box: Sandbox, official: Cloudflare) -> None:
    """Suppressions are created, read, found, changed and deleted, and a missing one is not found."""
    calls = official.email_sending.suppressions
    account = box.account_id
    soon = datetime.now(UTC) + timedelta(days=1)
    made = calls.create(account_id=account, email="Eve@Example.net", note="asked", expires_at=soon)
    assert made.scope is not None
    assert made.scope.type == "account"
    entry = calls.get(made.id, account_id=account)
    assert (entry.email, entry.reason, entry.note, entry.read_only) == ("eve@example.net", "manual", "asked", False)
    assert entry.expires_at == soon
    assert calls.create(account_id=account, email="eve@example.net").id == made.id
    changed = calls.edit(made.id, account_id=account, note="", expires_at=None)
    assert changed.note is None
    assert changed.expires_at is None
    with pytest.raises(cloudflare.BadRequestError):
        calls.edit(made.id, account_id=account, scope={"type": "account"})
    with pytest.raises(cloudflare.BadRequestError):
        sent(official, box, to=["bob@example.net", "EVE@example.net"])
    assert calls.delete(made.id, account_id=account).id == made.id
    with pytest.raises(cloudflare.NotFoundError):
        calls.get(made.id, account_id=account)
    assert sent(official, box, to="eve@example.net").delivered == ["eve@example.net"]


def test_suppression_pages(box: Sandbox, official: Cloudflare) -> None:
    """A bulk import reports on each item, and the package's paging finds them all, sending domains first."""
    calls = official.email_sending.suppressions
    report = calls.import_(
        account_id=box.account_id,
        items=[
            {"email": "a@example.net"},
            {"email": "A@example.net"},
            {"email": "no address"},
            {"email": "b@example.net", "scope": {"type": "sending_domain", "value": "ACME.example."}},
            {"email": "c@example.net"},
        ],
    )
    assert (report.total, report.processed, report.invalid, report.deduplicated) == (5, 3, 1, 1)
    assert [(item.index, item.status) for item in report.items] == [
        (0, "processed"),
        (2, "invalid"),
        (3, "processed"),
        (4, "processed"),
    ]
    found = [entry.email for entry in calls.list(account_id=box.account_id, per_page=1)]
    assert found == ["b@example.net", "c@example.net", "a@example.net"]
    assert [e.email for e in calls.list(account_id=box.account_id, search="c@")] == ["c@example.net"]
    assert [e.email for e in calls.list(account_id=box.account_id, scope_type="account", email="a@example.net")] == [
        "a@example.net"
    ]


def test_dropping(box: Sandbox, official: Cloudflare) -> None:
    """With dropping on at the sender's domain, suppressed recipients are left out and the others get the mail."""
    (zone,) = official.zones.list(name="acme.example").result
    calls = official.email_sending.subdomains
    row = next(row for row in calls.list(zone_id=zone.id) if row.name == "acme.example")
    assert row.drop_suppressed_recipients is False
    edited = calls.edit(row.tag, zone_id=zone.id, drop_suppressed_recipients=True)
    assert edited is not None
    assert edited.drop_suppressed_recipients is True
    official.email_sending.suppressions.create(account_id=box.account_id, email="eve@example.net")
    result = sent(official, box, to=["bob@example.net", "suppressed@example.net", "eve@example.net"])
    assert result.delivered == ["bob@example.net"]
    assert result.suppressed_recipients == ["suppressed@example.net", "eve@example.net"]


def test_subdomains(box: Sandbox, official: Cloudflare) -> None:
    """A subdomain is created, read, disabled, which stops its senders, and enabled again."""
    zone = official.zones.list(name="acme.example").result[0].id
    calls = official.email_sending.subdomains
    made = calls.create(zone_id=zone, name="Shop.acme.example")
    assert made is not None
    assert (made.name, made.enabled) == ("shop.acme.example", True)
    got = calls.get(made.tag, zone_id=zone)
    assert got is not None
    assert got.return_path_domain == "cf-bounce.shop.acme.example"
    records = list(calls.dns.get(made.tag, zone_id=zone))
    assert [record.type for record in records] == ["MX"] * 3 + ["TXT"] * 3
    assert calls.delete(made.tag, zone_id=zone).success
    with pytest.raises(cloudflare.PermissionDeniedError):
        sent(official, box, from_="me@shop.acme.example")
    calls.create(zone_id=zone, name="shop.acme.example")
    assert sent(official, box, from_="me@shop.acme.example").delivered
    with pytest.raises(cloudflare.NotFoundError):
        calls.get("0" * 32, zone_id=zone)
    with pytest.raises(cloudflare.PermissionDeniedError):
        calls.create(zone_id=zone, name="*.acme.example")


def test_directory(box: Sandbox, official: Cloudflare) -> None:
    """Accounts, zones, verified destinations and the token itself can be looked up."""
    (account,) = official.accounts.list()
    assert account.id == box.account_id
    assert official.accounts.get(account_id=box.account_id).id == account.id  # type: ignore[union-attr]
    names = {zone.name for zone in official.zones.list(account={"id": box.account_id})}
    assert names == {"acme.example", "globex.example", "disabled.example", "unconfigured.example"}
    assert [zone.name for zone in official.zones.list(name="contains:glob")] == ["globex.example"]
    addresses = official.email_routing.addresses.list(account_id=box.account_id, verified=True)
    assert [address.email for address in addresses] == ["me@verified.example"]
    verified = official.user.tokens.verify()
    assert verified is not None
    assert verified.status == "active"
    with pytest.raises(cloudflare.AuthenticationError):
        official.accounts.tokens.verify(account_id=box.account_id)


@pytest.mark.parametrize(
    ("kind", "by_user", "by_account"),
    [
        ("user", "active", None),
        ("account", None, "active"),
        ("expired", "expired", None),
        ("disabled", "disabled", None),
    ],
)
def test_token_kinds(box: Sandbox, kind: str, by_user: str | None, by_account: str | None) -> None:
    """Each of the two verify calls knows its own kind of token and says what state it is in."""

    def status(verify: Callable[[], Any]) -> str | None:
        try:
            return str(verify().status)
        except cloudflare.AuthenticationError:
            return None

    with other(box, api_token=box.add_token(kind)) as client:
        assert status(client.user.tokens.verify) == by_user
        assert status(lambda: client.accounts.tokens.verify(account_id=box.account_id)) == by_account


def test_slow_blocks_nobody(box: Sandbox, official: Cloudflare) -> None:
    """While one answer is late others come at once, the late mail is already kept, and stopping does not wait."""
    with pytest.raises(cloudflare.APITimeoutError):
        sent(official, box, to="slow-600@example.net", timeout=0.2)
    assert sent(official, box).delivered == ["bob@example.net"]
    assert len(box.messages()) == 2
    started = time.monotonic()
    box.stop()
    assert time.monotonic() - started < 2


def test_slow_answers(box: Sandbox, official: Cloudflare) -> None:
    """slow-N answers after N seconds, not before."""
    started = time.monotonic()
    assert sent(official, box, to="slow-1@example.net").delivered == ["slow-1@example.net"]
    assert 1 <= time.monotonic() - started < 5


def test_openapi_numbers(tmp_path: Path) -> None:
    """The numbers of email.invalid can follow the OpenAPI file, which also types codes as text."""
    with (
        Sandbox(tmp_path / "box", choices=Choices(numbering="openapi", codes_as_text=True)) as box,
        other(box, api_token=box.token) as client,
        pytest.raises(cloudflare.BadRequestError) as caught,
    ):
        sent(client, box, subject="x" * 999)
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["errors"] == [{"code": "10200", "message": "email.sending.error.email.invalid"}]
