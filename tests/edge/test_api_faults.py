"""Faults of the wire: a mail that has not left was not sent, one that has is unknown, and everything ends in time."""

import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import trustme

from cfmail_tui.api import ANSWER_LIMIT, BLOCK_SIZE, Cancellation, Client, Timeouts
from cfmail_tui.submission import Accepted, ApiToken, Endpoint, NotSent, Outcome, Receipt, Refused, Unknown
from tests.edge.fault_server import (
    BIG_BODY,
    BODY,
    ENDPOINTS,
    PATIENCE,
    TOKEN,
    Behaviour,
    Exchange,
    FarEnd,
    answering,
    closed_port,
    deaf_port,
    dripping,
    http_answer,
    saying,
    submission_of,
    submit,
)

SUCCESS: Final = '{"success": true, "errors": [], "messages": [], "result": {"delivered": ["bob@example.net"]}}'
ACCEPTED: Final = Accepted(Receipt(delivered=("bob@example.net",)))
REFUSAL: Final = '{"success": false, "errors": [{"code": 10202, "message": "too big"}], "messages": [], "result": null}'
CUT_SHORT: Final = NotSent("the connection was cut before the whole mail had left", temporary=True)
NO_ANSWER: Final = Unknown("the connection was cut before an answer came")
CANCELLED: Final = NotSent("cancelled before the whole mail had left")

PROMPT: Final = 2.0
"""Seconds in which a cancelled attempt ends: it takes milliseconds, but the machine may be busy."""

by_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS)


# No connection: nothing has left.


@by_endpoint
def test_a_port_at_which_nobody_listens(endpoint: Endpoint) -> None:
    """A refused connection is a mail not sent."""
    port = closed_port()
    outcome = submit(f"http://127.0.0.1:{port}", endpoint=endpoint)
    assert outcome == NotSent(f"nothing listens at 127.0.0.1:{port}", temporary=True)


@by_endpoint
def test_a_name_that_does_not_exist(endpoint: Endpoint) -> None:
    """A name that cannot be looked up is a mail not sent."""
    outcome = submit("https://no-such-host.invalid", endpoint=endpoint)
    assert outcome == NotSent("the name no-such-host.invalid could not be found", temporary=True)


@pytest.mark.parametrize("host", ["a..invalid", f"{'a' * 64}.invalid", "a%20b.invalid"])
def test_a_name_that_cannot_exist(host: str) -> None:
    """A host name that no look-up takes is a mail not sent, not a crash."""
    outcome = submit(f"https://{host}")
    assert isinstance(outcome, NotSent)
    assert not outcome.temporary or "could not be found" in outcome.reason


def test_a_connection_that_never_comes_about() -> None:
    """A server that does not accept is given up after the time to connect."""
    with deaf_port() as port:
        outcome = submit(f"http://127.0.0.1:{port}", timeouts=Timeouts(connect=0.2))
    assert outcome == NotSent(f"no connection to 127.0.0.1:{port} within 0.2 s", temporary=True)


def test_a_certificate_of_an_unknown_authority(server_tls: ssl.SSLContext) -> None:
    """Only the public authorities are trusted, unless others are handed in."""
    with FarEnd(answering(200, SUCCESS), server_tls) as far_end:
        outcome = submit(far_end.base_url)
    assert isinstance(outcome, NotSent)
    assert not outcome.temporary
    assert outcome.reason.startswith("the certificate of 127.0.0.1 is not trusted: ")
    assert not far_end.requests


def test_a_certificate_for_somebody_else(misnamed_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """A good certificate for another name is not trusted."""
    with FarEnd(answering(200, SUCCESS), misnamed_tls) as far_end:
        outcome = submit(far_end.base_url, verify=trusting)
    assert isinstance(outcome, NotSent)
    assert outcome.reason.startswith("the certificate of 127.0.0.1 is not trusted: IP address mismatch")
    assert not far_end.requests


def test_the_environment_adds_no_authority_and_no_key_log(
    server_tls: ssl.SSLContext, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """SSL_CERT_FILE does not make a server trusted, and SSLKEYLOGFILE gets no keys."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    with FarEnd(answering(200, SUCCESS), server_tls) as far_end:
        outcome = submit(far_end.base_url)
    assert isinstance(outcome, NotSent)
    assert "not trusted" in outcome.reason
    assert not (tmp_path / "keys").exists()
    assert not far_end.requests


def plain_words(exchange: Exchange) -> None:
    exchange.receive()
    exchange.send(http_answer(400))


def hang_up(_exchange: Exchange) -> None:
    pass


def take_hello_and_reset(exchange: Exchange) -> None:
    exchange.receive()
    exchange.reset()


@pytest.mark.parametrize("behaviour", [plain_words, hang_up, take_hello_and_reset])
def test_a_server_that_does_not_speak_tls(behaviour: Behaviour) -> None:
    """Without a TLS handshake nothing leaves."""
    with FarEnd(behaviour) as far_end:
        outcome = submit(far_end.base_url.replace("http:", "https:"))
    assert isinstance(outcome, NotSent)
    assert outcome.temporary == outcome.reason.startswith("no connection to 127.0.0.1:")
    assert outcome.temporary or outcome.reason.startswith("no secure connection to 127.0.0.1: ")


def test_a_handshake_that_is_not_answered() -> None:
    """A server that accepts and then is silent to TLS is given up after the time to connect."""
    with FarEnd(Exchange.hold) as far_end:
        outcome = submit(f"https://127.0.0.1:{far_end.port}", timeouts=Timeouts(connect=0.2))
    assert outcome == NotSent(f"no connection to 127.0.0.1:{far_end.port} within 0.2 s", temporary=True)


# The mail is on its way: it is not sent while its last octet is here.


def after_part(then: Callable[[Exchange], None]) -> Behaviour:
    """Takes a megabyte of the mail, and then."""

    def behave(exchange: Exchange) -> None:
        exchange.head()
        taken = 0
        while taken < 1024 * 1024:
            taken += len(exchange.receive())
        exchange.far_end.head_came.set()
        then(exchange)

    return behave


def close(exchange: Exchange) -> None:
    exchange.connection.close()


def after_head(then: Callable[[Exchange], None]) -> Behaviour:
    """Takes the header, and then."""

    def behave(exchange: Exchange) -> None:
        exchange.head()
        then(exchange)

    return behave


CUTS: dict[str, Behaviour] = {
    "closed after the header": after_head(close),
    "reset after the header": after_head(Exchange.reset),
    "closed in the middle": after_part(close),
    "reset in the middle": after_part(Exchange.reset),
}


@by_endpoint
@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("cut", CUTS)
def test_a_connection_cut_while_the_mail_leaves(
    endpoint: Endpoint, cut: str, secured: bool, server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """A connection that ends before the mail is whole is a mail not sent."""
    with FarEnd(CUTS[cut], server_tls if secured else None) as far_end:
        outcome = submit(far_end.base_url, BIG_BODY, endpoint=endpoint, verify=trusting)
    assert outcome == CUT_SHORT
    assert not far_end.requests


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
def test_a_connection_cut_before_the_last_block(
    secured: bool, server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """A mail whose last block alone could not leave is a mail not sent."""
    hang_up_now, hung_up = threading.Event(), threading.Event()

    def behave(exchange: Exchange) -> None:
        exchange.head()
        hang_up_now.wait(PATIENCE)
        exchange.reset()
        hung_up.set()

    def progress(_sent: int, _total: int) -> None:
        hang_up_now.set()
        assert hung_up.wait(PATIENCE)

    with FarEnd(behave, server_tls if secured else None) as far_end:
        outcome = submit(far_end.base_url, BODY.ljust(BLOCK_SIZE + 1), progress=progress, verify=trusting)
    assert outcome == CUT_SHORT
    assert not far_end.requests


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
def test_a_server_that_takes_nothing(secured: bool, server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """A server that does not read is given up after the time to write."""
    with FarEnd(Exchange.hold, server_tls if secured else None) as far_end:
        outcome = submit(far_end.base_url, BIG_BODY, timeouts=Timeouts(write=0.2), verify=trusting)
    assert outcome == NotSent("the server took nothing of the mail for 0.2 s", temporary=True)
    assert not far_end.requests


def early(answer: bytes) -> Behaviour:
    """Answers when part of the mail has come, takes no more, and hangs up once the client has noticed."""

    def behave(exchange: Exchange) -> None:
        exchange.send(answer)
        close(exchange)

    return after_part(behave)


@by_endpoint
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (http_answer(413, REFUSAL), Refused(413, "10202", "too big")),
        (http_answer(401, REFUSAL), Refused(401, "10202", "too big")),
        (http_answer(429, "", {"Retry-After": "9"}), Refused(429, "", "too many requests", 9.0)),
        (http_answer(413, "<html>"), NotSent("the server broke off the upload (HTTP 413)")),
        (http_answer(502, "<html>"), NotSent("the server broke off the upload (HTTP 502)")),
        (http_answer(200, "<html>"), Unknown("the answer is not JSON (HTTP 200)")),
        (http_answer(200, SUCCESS), ACCEPTED),
        (http_answer(413, REFUSAL)[:-9], NotSent(CUT_SHORT.reason)),
    ],
    ids=["413", "401", "429", "413-HTML", "502-HTML", "200-HTML", "200", "413-cut"],
)
def test_an_answer_that_comes_before_the_mail_is_whole(endpoint: Endpoint, answer: bytes, expected: Outcome) -> None:
    """An early refusal is told in the server's words; one that means nothing is still a mail not sent."""
    with FarEnd(early(answer)) as far_end:
        assert submit(far_end.base_url, BIG_BODY, endpoint=endpoint) == expected
    assert not far_end.requests


# The mail has left: nobody knows.


def then_reset(exchange: Exchange) -> None:
    exchange.request()
    exchange.reset()


def silent(exchange: Exchange) -> None:
    exchange.request()
    exchange.hold()


WHOLE: Final = http_answer(200, SUCCESS)
AFTER: dict[str, tuple[Behaviour, Unknown]] = {
    "closed": (saying(b""), NO_ANSWER),
    "reset": (then_reset, NO_ANSWER),
    "half a status line": (saying(b"HTTP/1.1 20"), NO_ANSWER),
    "half a header": (saying(b"HTTP/1.1 200 OK\r\nContent-Type: app"), NO_ANSWER),
    "only interim": (saying(b"HTTP/1.1 100 Continue\r\n\r\n"), NO_ANSWER),
    "half an answer": (saying(WHOLE[:-9]), Unknown("the answer broke off (HTTP 200)")),
    "half a refusal": (saying(http_answer(413, REFUSAL)[:-9]), Unknown("the answer broke off (HTTP 413)")),
    "half a chunk": (
        saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{}"),
        Unknown("the answer broke off (HTTP 200)"),
    ),
    "no chunk": (
        saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnumber\r\n{}"),
        Unknown("the answer broke off (HTTP 200)"),
    ),
    "not HTTP": (saying(b"220 mail.example ESMTP\r\n\r\n"), Unknown("the answer is not HTTP")),
    "huge header": (saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000), Unknown("the answer is not HTTP")),
    "another protocol": (saying(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), Unknown("the answer is not HTTP")),
    "2 MiB": (answering(200, " " * 2 * ANSWER_LIMIT), Unknown("the answer is over 1 MiB")),
}


@by_endpoint
@pytest.mark.parametrize("fault", AFTER)
def test_a_fault_after_the_mail_has_left(endpoint: Endpoint, fault: str) -> None:
    """Whatever comes of a whole request but no whole answer: it may have been sent, and is not sent again."""
    behaviour, expected = AFTER[fault]
    with FarEnd(behaviour) as far_end:
        assert submit(far_end.base_url, endpoint=endpoint) == expected
    assert len(far_end.requests) == far_end.connections == 1


def test_an_answer_of_the_greatest_size_is_read() -> None:
    """The limit on answers is the last size that is read."""
    with FarEnd(answering(200, SUCCESS.ljust(ANSWER_LIMIT))) as far_end:
        assert submit(far_end.base_url) == ACCEPTED


@by_endpoint
def test_silence_ends_with_the_time_to_read(endpoint: Endpoint) -> None:
    """A server that took the mail and says nothing leaves the outcome unknown."""
    with FarEnd(silent) as far_end:
        assert submit(far_end.base_url, endpoint=endpoint, timeouts=Timeouts(read=0.2)) == Unknown(
            "no answer within 0.2 s"
        )
    assert len(far_end.requests) == 1


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200", http_answer(200, " " * 1000)[:-1000], b"HTTP/1.1 200 OK\r\n\r\n" + SUCCESS.encode()],
    ids=["status line", "body", "body without length"],
)
@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
def test_an_answer_that_drips_ends_with_the_time_for_the_answer(
    start: bytes, secured: bool, server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """A server that says one octet after the other, each in time, does not hold the program."""
    began = time.monotonic()
    with FarEnd(dripping(start), server_tls if secured else None) as far_end:
        outcome = submit(far_end.base_url, timeouts=Timeouts(answer=0.3), verify=trusting)
        took = time.monotonic() - began
    assert outcome == Unknown("no complete answer within 0.3 s")
    assert took < 0.3 + PROMPT
    assert len(far_end.requests) == 1


def test_the_time_for_the_answer_does_not_run_while_the_mail_leaves() -> None:
    """A slow upload is not cut: the limit counts from the last octet of the body."""

    def slow(exchange: Exchange) -> None:
        exchange.head()
        exchange.far_end.over.wait(0.4)
        exchange.send(WHOLE)
        while len(exchange.receive()) and not exchange.far_end.over.is_set():
            pass

    with FarEnd(slow) as far_end:
        assert submit(far_end.base_url, BIG_BODY, timeouts=Timeouts(answer=0.2)) == ACCEPTED


# Cancelling.


@contextmanager
def under_way(
    far_end: FarEnd, body: bytes, trusting: ssl.SSLContext | None = None, timeouts: Timeouts | None = None
) -> Iterator[tuple[Cancellation, Future[Outcome]]]:
    """An attempt in a thread of its own."""
    cancellation = Cancellation()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(
            submit, far_end.base_url, body, cancellation=cancellation, verify=trusting, timeouts=timeouts or Timeouts()
        )
        yield cancellation, future


def promptly_cancelled(cancellation: Cancellation, future: "Future[Outcome]") -> Outcome:
    assert not future.done()
    cancellation.cancel()
    return future.result(PROMPT)


def test_a_mail_cancelled_beforehand_meets_no_wire() -> None:
    """Cancelled before it began, an attempt does not even connect."""
    cancellation = Cancellation()
    cancellation.cancel()
    with FarEnd(answering(200, SUCCESS)) as far_end:
        assert submit(far_end.base_url, cancellation=cancellation) == CANCELLED
    assert far_end.connections == 0


def test_a_mail_cancelled_while_connecting_is_not_sent() -> None:
    """A connection that comes about after cancelling is not used."""
    with deaf_port() as port, ThreadPoolExecutor(1) as pool:
        cancellation = Cancellation()
        future = pool.submit(
            submit, f"http://127.0.0.1:{port}", cancellation=cancellation, timeouts=Timeouts(connect=0.5)
        )
        cancellation.cancel()
        assert future.result(PROMPT) == CANCELLED


def test_a_mail_cancelled_just_before_the_connection_is_there_is_not_sent(
    trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelling when there is no connection yet takes effect as soon as there is one."""
    cancellation = Cancellation()
    connect = socket.create_connection

    def cancel_and_connect(*args: Any, **options: Any) -> socket.socket:
        cancellation.cancel()
        return connect(*args, **options)

    with FarEnd(Exchange.hold) as far_end, monkeypatch.context() as patch:
        patch.setattr(socket, "create_connection", cancel_and_connect)
        began = time.monotonic()
        url = f"https://127.0.0.1:{far_end.port}"
        assert submit(url, verify=trusting, cancellation=cancellation) == CANCELLED
        assert time.monotonic() - began < PROMPT


def test_a_mail_cancelled_during_the_handshake_is_not_sent(trusting: ssl.SSLContext) -> None:
    """A silent TLS server does not hold an attempt that is cancelled."""

    def say_hello(exchange: Exchange) -> None:
        exchange.receive()
        exchange.far_end.head_came.set()
        exchange.hold()

    with FarEnd(say_hello) as far_end, ThreadPoolExecutor(1) as pool:
        cancellation = Cancellation()
        url = f"https://127.0.0.1:{far_end.port}"
        future = pool.submit(submit, url, verify=trusting, cancellation=cancellation)
        assert far_end.head_came.wait(PATIENCE)
        assert promptly_cancelled(cancellation, future) == CANCELLED


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
def test_a_mail_cancelled_while_it_leaves_is_not_sent(
    secured: bool, server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """Cancelling takes effect at once though the server reads nothing, and the mail never becomes whole."""
    with (
        FarEnd(after_part(Exchange.hold), server_tls if secured else None) as far_end,
        under_way(far_end, BIG_BODY, trusting) as (cancellation, future),
    ):
        assert far_end.head_came.wait(PATIENCE)
        assert promptly_cancelled(cancellation, future) == CANCELLED
    assert not far_end.requests


def test_a_mail_cancelled_between_two_blocks_is_not_sent() -> None:
    """Cancelled from its own progress, at the last but one block, a mail never becomes whole."""
    cancellation = Cancellation()

    def progress(sent: int, total: int) -> None:
        if total - sent < 64 * 1024:
            cancellation.cancel()

    with FarEnd(answering(200, SUCCESS)) as far_end:
        body = BODY.ljust(100 * 1024)
        assert submit(far_end.base_url, body, cancellation=cancellation, progress=progress) == CANCELLED
    assert not far_end.requests


@by_endpoint
@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
def test_waiting_for_the_answer_can_be_stopped(
    endpoint: Endpoint, secured: bool, server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """Once the mail has left, cancelling only ends the waiting, at once; the mail may have been sent."""
    with (
        FarEnd(silent, server_tls if secured else None) as far_end,
        under_way(far_end, BODY, trusting) as (cancellation, future),
    ):
        assert far_end.request_came.wait(PATIENCE)
        assert promptly_cancelled(cancellation, future) == Unknown("stopped waiting for the answer")
    assert len(far_end.requests) == 1


def test_reading_an_answer_can_be_stopped() -> None:
    """An answer that came in part when it was no longer waited for leaves the outcome unknown."""
    with (
        FarEnd(dripping(http_answer(200, " " * 1000)[:-1000])) as far_end,
        under_way(far_end, BODY) as (cancellation, future),
    ):
        assert far_end.request_came.wait(PATIENCE)
        assert promptly_cancelled(cancellation, future) == Unknown("stopped waiting for the answer")


def test_cancelling_twice_or_too_late_does_nothing() -> None:
    """A cancellation outlives its attempt and may come at any time."""
    cancellation = Cancellation()
    with FarEnd(answering(200, SUCCESS)) as far_end:
        assert submit(far_end.base_url, cancellation=cancellation) == ACCEPTED
    assert not cancellation.cancelled
    cancellation.cancel()
    cancellation.cancel()
    assert cancellation.cancelled


def test_cancelling_one_attempt_leaves_another_alone() -> None:
    """Two attempts of one client at the same time have nothing to do with each other."""
    answer_now = threading.Event()

    def behave(exchange: Exchange) -> None:
        exchange.request()
        answer_now.wait(PATIENCE)
        exchange.send(WHOLE)

    with FarEnd(behave) as far_end, Client(far_end.base_url, ApiToken(TOKEN)) as client, ThreadPoolExecutor(2) as pool:
        cancellation = Cancellation()
        stopped = pool.submit(client.submit, submission_of(BODY), io.BytesIO(BODY), cancellation=cancellation)
        assert far_end.request_came.wait(PATIENCE)
        other = pool.submit(client.submit, submission_of(BODY), io.BytesIO(BODY))
        cancellation.cancel()
        assert isinstance(stopped.result(PROMPT), Unknown)
        answer_now.set()
        assert other.result(PATIENCE) == ACCEPTED
    assert len(far_end.requests) == 2
