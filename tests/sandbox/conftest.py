"""A sandbox of one's own for each test, and two clients for it: the official package and bare HTTP."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cloudflare import Cloudflare, DefaultHttpxClient

from cfmail_tui.sandbox import Sandbox


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "box") as box:
        yield box


@pytest.fixture
def official(box: Sandbox) -> Iterator[Cloudflare]:
    """The official package, without its retries."""
    # As with `http`: reading the certificates would take longer than most tests.
    http_client = DefaultHttpxClient(base_url=box.base_url, verify=False)
    with Cloudflare(api_token=box.token, base_url=box.base_url, max_retries=0, http_client=http_client) as client:
        yield client


@pytest.fixture
def http(box: Sandbox) -> Iterator[httpx.Client]:
    """Bare HTTP under the API's base URL, with the token."""
    header = {"Authorization": f"Bearer {box.token}"}
    # verify=False: there is no TLS here, and reading the certificates would take longer than most tests.
    with httpx.Client(base_url=box.base_url, headers=header, trust_env=False, verify=False, timeout=10) as client:
        yield client


@pytest.fixture
def mail() -> Callable[..., dict[str, Any]]:
    """A builder request that is right, with what a test wants otherwise; a value of None leaves the key out."""

    def make(**changed: Any) -> dict[str, Any]:
        right = {"from": "me@acme.example", "to": "bob@example.net", "subject": "Hello", "text": "Hi"}
        return {key: value for key, value in {**right, **changed}.items() if value is not None}

    return make


@pytest.fixture
def send(box: Sandbox, http: httpx.Client) -> Callable[[object], httpx.Response]:
    def post(body: object) -> httpx.Response:
        return http.post(f"accounts/{box.account_id}/email/sending/send", json=body)

    return post
