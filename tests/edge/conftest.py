"""What the tests of the edges share: a store beside another one, and a certificate authority that only they trust."""

import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
import trustme

from cfmail_tui.store import Store
from tests.edge.waiting_mails import NOON


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    """A store whose clock stands still."""
    with closing(Store(data_dir, lambda: NOON)) as opened:
        yield opened


@pytest.fixture
def other(data_dir: Path) -> Iterator[Store]:
    """Another cfmail that runs meanwhile."""
    with closing(Store(data_dir, lambda: NOON)) as opened:
        yield opened


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """A client's context that trusts the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """A server's context with a certificate for 127.0.0.1."""
    return certified(authority, "127.0.0.1")


@pytest.fixture(scope="session")
def misnamed_tls(authority: trustme.CA) -> ssl.SSLContext:
    """A server's context with a good certificate for somebody else."""
    return certified(authority, "elsewhere.example")


def certified(authority: trustme.CA, name: str, *, not_before: datetime | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_before=not_before).configure_cert(context)
    return context
