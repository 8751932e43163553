"""The isolation itself: a test can neither reach the network nor see the developer's machine."""

import os
import socket
from pathlib import Path

import pytest


@pytest.mark.parametrize("address", [("192.0.2.1", 443), ("2001:db8::1", 443, 0, 0)])
def test_no_test_reaches_another_machine(address: tuple[str | int, ...]) -> None:
    """Connecting to anything but loopback fails the test, and cannot be taken for a network error."""
    family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
    with socket.socket(family) as client, pytest.raises(pytest.fail.Exception, match="tried to reach"):
        client.connect(address)


def test_no_test_looks_up_another_machine() -> None:
    """Looking up a name of the outside fails the test."""
    with pytest.raises(pytest.fail.Exception, match=r"tried to look up api\.cloudflare\.com"):
        socket.create_connection(("api.cloudflare.com", 443))


def test_loopback_is_open() -> None:
    """The sandbox and other servers of the tests can be reached by number and by name."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        for host in ("127.0.0.1", "localhost"):
            socket.create_connection((host, server.getsockname()[1])).close()


def test_a_name_that_exists_nowhere_fails_as_it_does_outside() -> None:
    """A failing look-up is left to fail by itself, because that failure is tested."""
    with pytest.raises(socket.gaierror):
        socket.create_connection(("no-such-host.invalid", 443))


def test_the_home_is_empty_and_nobodys(new_machine: Path) -> None:
    """Home, settings and data are the test's own; no account, editor or colour setting comes in from outside."""
    assert Path.home() == new_machine
    assert os.environ["CFMAIL_HOME"] == str(new_machine / "cfmail")
    assert [path.name for path in (new_machine / "cfmail").rglob("*")] == ["config", "config.toml"]
    foreign = ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "EDITOR", "NO_COLOR", "DBUS_SESSION_BUS_ADDRESS")
    assert not set(foreign) & set(os.environ)
