"""What the other endpoints answer beyond the official package's reach: pages, filters, errors, DNS."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cfmail_tui.sandbox import Choices, Sandbox


@pytest.fixture
def zone(http: httpx.Client) -> str:
    (row,) = http.get("zones", params={"name": "acme.example"}).json()["result"]
    return f"zones/{row['id']}/email/sending/subdomains"


def first_tag(http: httpx.Client, zone: str) -> str:
    return str(http.get(zone).json()["result"][0]["tag"])


def error(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()["errors"][0].get("code")


def test_pages(tmp_path: Path) -> None:
    """Lists come in pages with a full result_info, sizes are kept in their range, and beyond the end is nothing."""
    zones = tuple(f"z{n}.example" for n in range(12))
    with (
        Sandbox(tmp_path / "box", choices=Choices(zones=zones)) as box,
        httpx.Client(base_url=box.base_url, headers={"Authorization": f"Bearer {box.token}"}) as client,
    ):
        page = client.get("zones", params={"page": 2, "per_page": 5}).json()
        assert page["result_info"] == {"page": 2, "per_page": 5, "count": 5, "total_count": 12, "total_pages": 3}
        assert len(page["result"]) == 5
        assert client.get("zones", params={"page": 9}).json()["result"] == []
        assert client.get("zones", params={"per_page": 1}).json()["result_info"]["per_page"] == 5
        assert client.get("zones", params={"per_page": "many"}).json()["result_info"]["per_page"] == 20


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 4),
        ({"name": "acme.example"}, 1),
        ({"name": "ends_with:.example"}, 4),
        ({"name": "starts_with:un"}, 1),
        ({"name": "not_equal:acme.example"}, 3),
        ({"name": "nobody.example"}, 0),
        ({"status": "pending"}, 0),
        ({"account.id": "0" * 32}, 0),
        ({"account.name": "Sandbox"}, 4),
        ({"direction": "desc"}, 4),
    ],
)
def test_zone_filters(http: httpx.Client, query: dict[str, str], count: int) -> None:
    """Zones are found by name, status and account."""
    assert len(http.get("zones", params=query).json()["result"]) == count


def test_zone_and_sending_zones(box: Sandbox, http: httpx.Client) -> None:
    """A zone is found by its id; the account's sending zones are those with a sending domain."""
    rows = http.get(f"accounts/{box.account_id}/email/sending/zones").json()["result"]
    assert [row["name"] for row in rows] == ["acme.example", "globex.example", "disabled.example"]
    assert http.get(f"zones/{rows[0]['id']}").json()["result"]["name"] == "acme.example"


def test_account_filter(http: httpx.Client) -> None:
    """Accounts are found by a part of their name."""
    assert len(http.get("accounts", params={"name": "sand"}).json()["result"]) == 1
    assert http.get("accounts", params={"name": "other"}).json()["result"] == []


@pytest.mark.parametrize(("verified", "count"), [("true", 1), ("false", 1), (None, 2)])
def test_destination_addresses(box: Sandbox, http: httpx.Client, verified: str | None, count: int) -> None:
    """Destination addresses can be asked for by whether they are verified."""
    query = {} if verified is None else {"verified": verified}
    rows = http.get(f"accounts/{box.account_id}/email/routing/addresses", params=query).json()["result"]
    assert len(rows) == count


def test_dns(http: httpx.Client, zone: str) -> None:
    """A domain's records are shown, and said to be in place while it is enabled."""
    tag = first_tag(http, zone)
    status = http.get(f"{zone}/{tag}/dns/status").json()["result"]
    assert (status["status"], status["errors"]) == ("ready", [])
    assert status["records"] == http.get(f"{zone}/{tag}/dns").json()["result"]
    assert {record["name"] for record in status["records"]} == {
        "cf-bounce.acme.example",
        "cf-bounce._domainkey.acme.example",
        "_dmarc.acme.example",
    }
    assert http.post(f"{zone}/{tag}/dns").json()["result"]["status"] == "ready"
    assert http.delete(f"{zone}/{tag}").json() == {"success": True, "errors": [], "messages": []}
    assert http.get(f"{zone}/{tag}/dns/status").json()["result"]["status"] == "unconfigured"


@pytest.mark.parametrize("named", [True, False])
def test_dns_faults(tmp_path: Path, named: bool) -> None:
    """What is wrong with a domain's records is told by code, missing ones by name if so chosen, and can be repaired."""
    choices = Choices(
        dns_faults=(("acme.example", "mx.missing"), ("news.acme.example", "spf.multiple")),
        unlocked_domains=("globex.example",),
        dns_names_missing=named,
    )
    with (
        Sandbox(tmp_path / "box", choices=choices) as box,
        httpx.Client(base_url=box.base_url, headers={"Authorization": f"Bearer {box.token}"}) as client,
    ):
        paths: dict[str, str] = {}
        for zone in client.get("zones").json()["result"]:
            base = f"zones/{zone['id']}/email/sending/subdomains"
            paths |= {row["name"]: f"{base}/{row['tag']}/dns" for row in client.get(base).json()["result"]}
        lacking = client.get(f"{paths['acme.example']}/status").json()["result"]
        assert lacking["status"] == "misconfigured"
        assert {error["code"] for error in lacking["errors"]} == {"mx.missing"}
        told = [error["missing"]["type"] for error in lacking["errors"] if "missing" in error]
        assert told == (["MX"] * 3 if named else [])
        assert {record["type"] for record in lacking["records"]} == {"TXT"}
        assert client.get(f"{paths['globex.example']}/status").json()["result"]["status"] == "unlocked"
        assert error(client.post(paths["news.acme.example"])) == (409, 2026)
        assert client.post(paths["acme.example"]).json()["result"]["status"] == "ready"
        assert client.get(f"{paths['acme.example']}/status").json()["result"]["errors"] == []


def test_preview(http: httpx.Client, zone: str) -> None:
    """The records of a domain can be previewed, which does not create it."""
    before = http.get(zone).json()["result"]
    preview = http.post(f"{zone}/preview", json={"name": "shop.acme.example"}).json()["result"]
    assert preview["records"][0]["name"] == "cf-bounce.shop.acme.example"
    assert http.get(zone).json()["result"] == before


def test_complaints(http: httpx.Client, zone: str) -> None:
    """Complaints are counted over a window of at most seven days."""
    path = f"{zone}/{first_tag(http, zone)}/reputation/complaints"
    assert http.get(path).json()["result"]["complaints"] == 0
    end = datetime.now(UTC)
    window = {"start_at": (end - timedelta(days=8)).isoformat(), "end_at": end.isoformat()}
    assert error(http.get(path, params=window)) == (422, 2011)
    assert error(http.get(path, params={"end_at": "yesterday"})) == (422, 2011)


def test_subdomain_errors(http: httpx.Client, zone: str) -> None:
    """Bad ids, unknown ids, foreign names, wildcards and unknown settings have their own errors."""
    tag = first_tag(http, zone)
    assert error(http.get(f"{zone}/nonsense")) == (400, 2028)
    assert error(http.get(f"{zone}/{'0' * 32}")) == (404, 2033)
    assert error(http.post(zone, json={"name": "other.example"})) == (400, 2001)
    assert error(http.post(zone, json={"name": "*.acme.example"})) == (403, 2067)
    assert error(http.post(zone, json={"names": []})) == (400, 10001)
    assert error(http.patch(f"{zone}/{tag}", json={"enabled": True})) == (400, 10001)
    assert error(http.patch(f"{zone}/{tag}", json={"preview_enabled": "yes"})) == (400, 2001)
    for number in range(28):
        assert http.post(zone, json={"name": f"s{number}.acme.example"}).is_success
    assert error(http.post(zone, json={"name": "s28.acme.example"})) == (400, 2010)


@pytest.mark.parametrize("name", ["disabled.example", "unconfigured.example"])
def test_special_domains_can_be_onboarded(box: Sandbox, http: httpx.Client, name: str) -> None:
    """A sender that is refused at first may send once its domain has been created through the API."""
    mail = {"from": f"me@{name}", "to": "bob@example.net", "subject": "Hi", "text": "Hi"}
    send = f"accounts/{box.account_id}/email/sending/send"
    assert http.post(send, json=mail).status_code == 403
    (zone,) = http.get("zones", params={"name": name}).json()["result"]
    assert http.post(f"zones/{zone['id']}/email/sending/subdomains", json={"name": name}).is_success
    assert http.post(send, json=mail).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": 7},
        {"email": "bøb@example.net"},
        {"email": "a@b.example", "reason": "manual"},
        {"email": "a@b.example", "note": "x" * 1001},
        {"email": "a@b.example", "expires_at": "tomorrow"},
        {"email": "a@b.example", "expires_at": 7},
        {"email": "a@b.example", "expires_at": "2020-01-01T00:00:00Z"},
        {"email": "a@b.example", "scope": "account"},
        {"email": "a@b.example", "scope": {"type": "zone"}},
        {"email": "a@b.example", "scope": {"type": "account", "value": "b.example"}},
        {"email": "a@b.example", "scope": {"type": "sending_domain"}},
        {"email": "a@b.example", "scope": {"type": "sending_domain", "value": "exämple"}},
    ],
)
def test_suppression_errors(box: Sandbox, http: httpx.Client, body: dict[str, Any]) -> None:
    """A suppression that is not one is refused, by an error that need not have a code."""
    answer = http.post(f"accounts/{box.account_id}/email/sending/suppressions", json=body)
    assert error(answer)[0] == 400
    assert answer.json()["errors"][0]["message"]


def test_suppression_cursor(box: Sandbox, http: httpx.Client) -> None:
    """The cursor carries its filters, under both names, and a made-up one is refused."""
    base = f"accounts/{box.account_id}/email/sending/suppressions"
    items = [{"email": f"{name}@{host}.example"} for host in ("a", "b", "c") for name in ("bob", "eve")]
    assert http.post(f"{base}/bulk", json={"items": items}).json()["result"]["processed"] == 6
    first = http.get(base, params={"search": "bob@", "per_page": 2}).json()
    assert [row["email"] for row in first["result"]] == ["bob@c.example", "bob@b.example"]
    info = first["result_info"]
    assert info["cursor"] == info["next_cursor"] is not None
    second = http.get(base, params={"cursor": info["next_cursor"]}).json()
    assert [row["email"] for row in second["result"]] == ["bob@a.example"]
    assert second["result_info"]["next_cursor"] is None
    assert error(http.get(base, params={"cursor": "made up"})) == (400, None)
    assert http.get(base, params={"reason": "complaint"}).json()["result"] == []


def test_bulk_limits(box: Sandbox, http: httpx.Client) -> None:
    """An import takes 1 to 1,000 entries, and ten imports a minute."""
    path = f"accounts/{box.account_id}/email/sending/suppressions/bulk"
    items = [{"email": f"r{n}@example.net"} for n in range(1001)]
    assert error(http.post(path, json={"items": items})) == (400, None)
    assert error(http.post(path, json={"items": []})) == (400, None)
    assert http.post(path, json={"items": items[:1000]}).json()["result"]["processed"] == 1000
    for _ in range(7):
        assert http.post(path, json={"items": ["a@b.example"]}).json()["result"]["invalid"] == 1
    limited = http.post(path, json={"items": items[:1]})
    assert error(limited) == (429, 10004)
    assert 0 < int(limited.headers["Retry-After"]) <= 61


def test_expired_suppression(tmp_path: Path) -> None:
    """A suppression ends when it expires: it is not listed, refuses nobody, and can be made anew."""
    clock = [datetime(2026, 11, 23, tzinfo=UTC)]
    with (
        Sandbox(tmp_path / "box", clock=lambda: clock[0]) as box,
        httpx.Client(base_url=box.base_url, headers={"Authorization": f"Bearer {box.token}"}) as client,
    ):
        base = f"accounts/{box.account_id}/email/sending"
        entry = {"email": "eve@example.net", "expires_at": "2026-11-24T00:00:00Z"}
        mail = {"from": "me@acme.example", "to": "eve@example.net", "subject": "Hi", "text": "Hi"}
        first = client.post(f"{base}/suppressions", json=entry).json()["result"]["id"]
        assert client.post(f"{base}/send", json=mail).status_code == 400
        clock[0] += timedelta(days=1)
        assert client.get(f"{base}/suppressions").json()["result"] == []
        assert client.post(f"{base}/send", json=mail).status_code == 200
        second = client.post(f"{base}/suppressions", json={"email": "eve@example.net"}).json()["result"]["id"]
        assert first != second
