"""Of a mail that did not leave it is said whether the cause may pass by itself, so that waiting for it makes sense."""

import errno
import os
import socket
import ssl
from collections.abc import Callable

import httpx
import pytest

from cfmail_tui.api import Cancellation, Timeouts
from cfmail_tui.api.exchange import Exchange


def caused(error: Exception, cause: Exception) -> Exception:
    """As httpcore hands errors on: the cause is left in the context only."""
    error.__context__ = cause
    return error


def system(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("error", "may_pass"),
    [
        *((caused(httpx.ConnectError(""), system(number)), True) for number in (errno.ENETUNREACH, errno.EHOSTUNREACH)),
        *((caused(httpx.ConnectError(""), system(number)), True) for number in (errno.ENETDOWN, errno.EHOSTDOWN)),
        *((caused(httpx.ConnectError(""), system(number)), True) for number in (errno.ETIMEDOUT, errno.ECONNRESET)),
        *((caused(httpx.ConnectError(""), system(number)), False) for number in (errno.EACCES, errno.EPERM)),
        (caused(httpx.ConnectError(""), socket.gaierror(socket.EAI_AGAIN, "try again")), True),
        (caused(httpx.ConnectError(""), ssl.SSLCertVerificationError()), False),
        (caused(httpx.ConnectError(""), ssl.SSLError()), False),
        (httpx.ConnectError(""), False),
        (caused(httpx.WriteError(""), ssl.SSLEOFError()), True),
        (caused(httpx.ReadError(""), ssl.SSLError()), False),
        (caused(httpx.ReadError(""), system(errno.ECONNRESET)), True),
        (httpx.RemoteProtocolError("Server disconnected"), True),
        (httpx.ProxyError("403 Forbidden"), False),
        (httpx.ReadTimeout(""), False),
        (httpx.InvalidURL(""), False),
        (ValueError(), False),
    ],
)
def test_what_may_pass(error: Exception, may_pass: bool) -> None:
    """The network, or a far end not there or gone, may come back; what is of TLS or a proxy is the user's."""
    assert Exchange(Cancellation(), Timeouts()).may_pass(error) is may_pass


def cancelled(exchange: Exchange, cancellation: Cancellation) -> None:
    cancellation.cancel()


def answered(exchange: Exchange, cancellation: Cancellation) -> None:
    exchange.status = 413


def overdue(exchange: Exchange, cancellation: Cancellation) -> None:
    exchange.line.overdue = True


@pytest.mark.parametrize("happened", [cancelled, answered, overdue])
def test_a_cut_that_has_another_reason(happened: Callable[[Exchange, Cancellation], None]) -> None:
    """A connection that was cut by the user, after an answer, or by our own limit is no trouble of the network."""
    cancellation = Cancellation()
    exchange = Exchange(cancellation, Timeouts())
    assert exchange.may_pass(httpx.ReadError(""))
    happened(exchange, cancellation)
    assert not exchange.may_pass(httpx.ReadError(""))
