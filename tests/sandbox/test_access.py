"""Credentials and routes: what the gateway says before an endpoint is asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cfmail_tui.sandbox import Sandbox

Mail = Callable[..., dict[str, Any]]
Errors = list[dict[str, Any]]


def errors(box: Sandbox, path: str, header: dict[str, str], *, method: str = "GET") -> tuple[int, Errors]:
    url = f"{box.base_url}/{path}"
    with httpx.Client(trust_env=False) as client:
        answer = client.request(method, url, headers=header, json={} if method == "POST" else None)
    found: Errors = answer.json()["errors"]
    return answer.status_code, found


def send_path(box: Sandbox) -> str:
    return f"accounts/{box.account_id}/email/sending/send"


def read_path(box: Sandbox) -> str:
    return f"accounts/{box.account_id}/email/sending/limits"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("value", ["Bearer", "Bearer,", "Bearer 'x'", 'Bearer "x"', "Bearer Bearer x", "x", "Basic x"])
def test_malformed_bearer(box: Sandbox, value: str) -> None:
    """A malformed Authorization field is 6003 with 6111 in the chain, on every endpoint."""
    expected = {
        "code": 6003,
        "message": "Invalid request headers",
        "error_chain": [{"code": 6111, "message": "Invalid format for Authorization header"}],
    }
    header = {"Authorization": value}
    assert errors(box, send_path(box), header, method="POST") == (400, [expected])
    assert errors(box, "user/tokens/verify", header) == (400, [expected])


@pytest.mark.parametrize("header", [{}, {"X-Auth-Email": "a@b.example"}, {"X-Auth-Key": "a" * 37}])
def test_no_credentials(box: Sandbox, header: dict[str, str]) -> None:
    """No credentials, or half of a pair, are 9106."""
    status, (error,) = errors(box, send_path(box), header, method="POST")
    assert (status, error["code"]) == (400, 9106)
    assert errors(box, "accounts", header)[1][0]["code"] == 9106


@pytest.mark.parametrize(
    ("kind", "sending", "reading"),
    [
        (None, (401, 10101), (403, 9109)),
        ("expired", (401, 10101), (403, 9109)),
        ("disabled", (401, 10101), (403, 9109)),
        ("wrong_type", (401, 10103), (403, 10000)),
        ("no_send", (403, 10102), None),
        ("no_read", (400, 10001), (403, 10000)),
        ("account", (400, 10001), None),
        ("user", (400, 10001), None),
    ],
)
def test_rights(box: Sandbox, kind: str | None, sending: tuple[int, int], reading: tuple[int, int] | None) -> None:
    """Each kind of token meets its own errors; the right ones come as far as the empty body, which is 10001."""
    header = bearer("u" * 40 if kind is None else box.add_token(kind))
    status, (error,) = errors(box, send_path(box), header, method="POST")
    assert (status, error["code"]) == sending
    status, found = errors(box, read_path(box), header)
    assert (None if status == 200 else (status, found[0]["code"])) == reading


def test_messages_of_sending_errors(box: Sandbox) -> None:
    """The sending endpoints name what is wrong with the token in the documented words."""
    for kind, message in (("expired", "unauthorized"), ("wrong_type", "bad_token_type"), ("no_send", "forbidden")):
        _, (error,) = errors(box, send_path(box), bearer(box.add_token(kind)), method="POST")
        assert error["message"] == f"email.sending.error.authentication.{message}"


def test_sending_token_lists_nothing(box: Sandbox) -> None:
    """A token for sending alone sees no accounts and no zones, and is told so with empty lists."""
    header = bearer(box.add_token("no_read"))
    for path in ("accounts", "zones"):
        answer = httpx.get(f"{box.base_url}/{path}", headers=header)
        assert (answer.status_code, answer.json()["result"]) == (200, [])


def test_only_a_reader_cannot_edit(box: Sandbox) -> None:
    """A token that may only read cannot change sending domains or suppressions."""
    header = bearer(box.add_token("no_send"))
    (zone,) = httpx.get(f"{box.base_url}/zones?name=acme.example", headers=header).json()["result"]
    status, (error,) = errors(box, f"zones/{zone['id']}/email/sending/subdomains", header, method="POST")
    assert (status, error["code"]) == (403, 10000)
    status, (error,) = errors(box, f"accounts/{box.account_id}/email/sending/suppressions", header)
    assert (status, error["code"]) == (403, 10102)


def test_token_looks_like_one(box: Sandbox) -> None:
    """Token and account id have the shape of real ones, which clients may check."""
    assert len(box.token) == len(box.add_token()) == 40
    assert len(box.account_id) == 32
    assert int(box.account_id, 16) >= 0


def test_pair_only_if_asked_for(tmp_path: Path, box: Sandbox, mail: Mail) -> None:
    """The global key's pair is refused by default, and accepted beside the token by a sandbox made for it."""
    pair = {"X-Auth-Email": box.email, "X-Auth-Key": box.global_key}
    status, (error,) = errors(box, send_path(box), pair, method="POST")
    assert (status, error["code"]) == (401, 10101)
    with Sandbox(tmp_path / "other", global_key=True) as other:
        pair = {"X-Auth-Email": other.email, "X-Auth-Key": other.global_key}
        for header in (pair, bearer(other.token)):
            answer = httpx.post(f"{other.base_url}/{send_path(other)}", json=mail(), headers=header)
            assert answer.status_code == 200
        assert errors(other, "user/tokens/verify", pair)[0] == 401
        malformed = errors(other, "accounts", {**pair, "X-Auth-Key": "a b"})
        assert malformed[1][0]["error_chain"][0]["code"] == 6103


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "accounts/{id}/email/sending/nothing"),
        ("GET", "accounts/{id}/email/sending/send"),
        ("PUT", "accounts/{id}/email/sending/send"),
        ("PATCH", "accounts"),
        ("GET", "zones/{id}"),
        ("GET", "accounts/{id}/"),
        ("POST", "accounts/" + "0" * 32 + "/email/sending/send"),
        ("POST", "accounts/nonsense/email/sending/send"),
    ],
)
def test_no_route(box: Sandbox, method: str, path: str) -> None:
    """An unknown path or method, and an account or zone that is not the token's, are 7003."""
    status, (error,) = errors(box, path.format(id=box.account_id), bearer(box.token), method=method)
    assert (status, error["code"], error["message"]) == (400, 7003, "No route for the URI")


def test_beside_the_api(box: Sandbox) -> None:
    """Nothing answers outside /client/v4 and /sandbox, and an unheard-of method gets JSON all the same."""
    root = box.base_url.removesuffix("/client/v4")
    assert httpx.get(f"{root}/").json()["errors"][0]["code"] == 7003
    assert httpx.get(f"{root}/sandbox/nothing").json()["errors"][0]["code"] == 7003
    answer = httpx.request("BREW", f"{root}/client/v4/accounts")
    assert answer.status_code == 501
    assert answer.json()["success"] is False


def test_unknown_header_fields(box: Sandbox, http: httpx.Client, mail: Mail) -> None:
    """Header fields that nobody asked for are ignored."""
    header = {"X-Stainless-Lang": "python", "api-version": "2026-11-23", "Accept": "*/*"}
    assert http.post(send_path(box), json=mail(), headers=header).status_code == 200
