"""The moment the request begins to leave: told to the caller before the far end can have seen any of it."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest

from cfmail_tui.api import Cancellation
from cfmail_tui.message import MailError
from cfmail_tui.submission import Accepted, NotSent, Outcome, Receipt
from tests.edge.fault_server import (
    BODY,
    PATIENCE,
    Exchange,
    FarEnd,
    answering,
    closed_port,
    http_answer,
    submit,
    tunnelling,
)

SUCCESS: Final = '{"success": true, "errors": [], "messages": [], "result": {"delivered": ["bob@example.net"]}}'
ACCEPTED: Final = Accepted(Receipt(delivered=("bob@example.net",)))
ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
ROADS: Final = ("plain", "tls", "proxied")


@dataclass(slots=True)
class Watcher:
    """A far end that looks, while the client's `leaving` runs, whether anything of the request is there."""

    began: threading.Event = field(default_factory=threading.Event)
    looked: threading.Event = field(default_factory=threading.Event)
    seen_early: list[bytes] = field(default_factory=list)
    seen_at_all: list[bytes] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def leaving(self) -> None:
        self.threads.append(threading.get_ident())
        self.began.set()
        assert self.looked.wait(PATIENCE)

    def refuse(self, error: Exception) -> Callable[[], None]:
        def leaving() -> None:
            self.leaving()
            raise error

        return leaving

    def watch(self, exchange: Exchange) -> None:
        assert self.began.wait(PATIENCE)
        exchange.connection.setblocking(False)
        try:
            self.seen_early.append(exchange.connection.recv(65536))
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        finally:
            exchange.connection.settimeout(PATIENCE)
            self.looked.set()

    def take(self, exchange: Exchange) -> None:
        """Look early, then take the request and answer."""
        self.watch(exchange)
        exchange.request()
        exchange.send(http_answer(200, SUCCESS))

    def read_all(self, exchange: Exchange) -> None:
        """Look early, then keep whatever comes until the client is gone."""
        self.watch(exchange)
        while True:
            self.seen_at_all.append(exchange.receive())


@contextmanager
def road(
    name: str, behaviour: Callable[[Exchange], None], server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> Iterator[tuple[FarEnd, Callable[..., Outcome]]]:
    """The far end, and `submit` on the way there."""
    with ExitStack() as stack:
        far_end = stack.enter_context(FarEnd(behaviour, None if name == "plain" else server_tls))
        proxy = None
        if name == "proxied":
            proxy = stack.enter_context(FarEnd(tunnelling(ESTABLISHED, far_end.port)))

        def send(**options: object) -> Outcome:
            url = f"http://127.0.0.1:{proxy.port}" if proxy else None
            return submit(far_end.base_url, BODY, proxy=url, verify=trusting, **options)  # type: ignore[arg-type]

        yield far_end, send


@pytest.mark.parametrize("name", ROADS)
def test_leaving_is_told_before_the_first_octet(
    name: str, server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """When the caller is told, once and in its own thread, the far end has got nothing; then it gets the mail."""
    watcher = Watcher()
    with road(name, watcher.take, server_tls, trusting) as (far_end, send):
        assert send(leaving=watcher.leaving) == ACCEPTED
    assert watcher.threads == [threading.get_ident()]
    assert watcher.seen_early == []
    assert [request.body for request in far_end.requests] == [BODY]


@pytest.mark.parametrize("name", ROADS)
def test_a_caller_that_cannot_let_it_leave(name: str, server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """If the caller raises, not an octet of the request ever reaches the far end, and its reason is the outcome's."""
    watcher = Watcher()
    with road(name, watcher.read_all, server_tls, trusting) as (far_end, send):
        outcome = send(leaving=watcher.refuse(MailError("the journal is on a full disk")))
    assert outcome == NotSent("the journal is on a full disk")
    assert len(watcher.threads) == far_end.connections == 1
    assert watcher.seen_early == watcher.seen_at_all == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device", "/home/ann/mail"), "No space left on device"),
        (OSError("odd"), "the sending could not be noted (OSError)"),
        (KeyError("ann@example.com"), "the sending could not be noted (KeyError)"),
        (RuntimeError("token"), "the sending could not be noted (RuntimeError)"),
    ],
)
def test_whatever_the_caller_raises_is_a_mail_not_sent(error: Exception, reason: str) -> None:
    """Every error there is a mail not sent; only words made for the user are repeated."""

    def leaving() -> None:
        raise error

    with FarEnd(answering(200, SUCCESS)) as far_end:
        assert submit(far_end.base_url, leaving=leaving) == NotSent(reason)
    assert not far_end.requests


def test_nothing_is_told_without_a_way_to_the_server(server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """No connection, no trust, a proxy that refuses, an attempt cancelled before: the caller is not told of leaving."""
    told: list[None] = []

    def leaving() -> None:
        told.append(None)

    cancelled = Cancellation()
    cancelled.cancel()
    with (
        FarEnd(answering(200, SUCCESS)) as plain,
        FarEnd(answering(200, SUCCESS), server_tls) as secure,
        FarEnd(tunnelling(http_answer(403))) as proxy,
    ):
        url = f"http://127.0.0.1:{proxy.port}"
        outcomes = [
            submit(f"http://127.0.0.1:{closed_port()}", leaving=leaving),
            submit(secure.base_url, leaving=leaving),
            submit(secure.base_url, proxy=url, verify=trusting, leaving=leaving),
            submit(plain.base_url, cancellation=cancelled, leaving=leaving),
            submit(plain.base_url, b"", leaving=leaving),
        ]
    assert all(isinstance(outcome, NotSent) for outcome in outcomes)
    assert told == []


def test_cancelling_while_leaving_is_told_sends_nothing_whole() -> None:
    """A wish to stop that comes while the caller makes its note is in time."""
    cancellation = Cancellation()
    with FarEnd(answering(200, SUCCESS)) as far_end:
        outcome = submit(far_end.base_url, leaving=cancellation.cancel, cancellation=cancellation)
    assert outcome == NotSent("cancelled before the whole mail had left")
    assert not far_end.requests
