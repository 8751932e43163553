"""What the tests of the edges share: a certificate authority that only they trust."""

import ssl
from datetime import datetime

import pytest
import trustme


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
