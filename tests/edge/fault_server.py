"""A far end on loopback that misbehaves as it is told, and counts the requests it got whole.

A behaviour is a function of one `Exchange`, run in a thread of its own for each connection. Counts are final once the
far end is closed: it first waits for its threads, and those for the client to be gone.
"""

import contextlib
import hashlib
import io
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import BinaryIO, Final, Self, get_args

from cfmail_tui.api import Cancellation, Client, Leaving, Progress, Timeouts
from cfmail_tui.submission import ApiToken, Credential, Endpoint, Envelope, GlobalKey, Outcome, Submission

ENDPOINTS: Final[tuple[Endpoint, ...]] = get_args(Endpoint)
ACCOUNT_ID: Final = "a1b2c3d4" * 4
TOKEN: Final = "token-that-must-not-show"
CREDENTIAL: Final = ApiToken(TOKEN)
TIMEOUTS: Final = Timeouts()
BODY: Final = b'{"from": "ann@example.com", "to": "bob@example.net", "subject": "Hi", "text": "Hello"}'
BIG_BODY: Final = b'{"text": "' + b"0123456789abcdef" * 1024 * 1024 + b'"}'
"""More than the buffers of two loopback sockets take in, so that it has not left while nobody reads."""

PATIENCE: Final = 20.0
"""Seconds after which a far end that waits gives up: the test has failed by then."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came: its line, its header fields in order, its body."""

    line: str
    fields: tuple[tuple[str, str], ...]
    body: bytes = b""

    def field(self, name: str) -> str | None:
        found = [value for known, value in self.fields if known.lower() == name.lower()]
        assert len(found) < 2, f"{name} stands twice"
        return found[0] if found else None


class Gone(Exception):  # noqa: N818 - nothing is wrong with a client that hangs up
    """The client hung up before what was waited for had come."""


class Exchange:
    """One connection, from the side of the far end."""

    def __init__(self, connection: socket.socket, far_end: "FarEnd") -> None:
        self.connection = connection
        self.far_end = far_end
        self._seen = b""

    def receive(self, size: int = 65536) -> bytes:
        block = self.connection.recv(size)
        if not block:
            raise Gone
        return block

    def peek(self) -> Received:
        """The header of the next request, which is still to be taken."""
        while b"\r\n\r\n" not in self._seen:
            self._seen += self.receive()
        line, *fields = self._seen.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")
        pairs = (field.partition(": ") for field in fields)
        return Received(line, tuple((name, value) for name, _, value in pairs))

    def head(self) -> Received:
        """The header of the next request."""
        received = self.peek()
        self._seen = self._seen.partition(b"\r\n\r\n")[2]
        return received

    def body(self, head: Received) -> Iterator[bytes]:
        """The body that belongs to this header, as it comes; whole when there is no more."""
        left = int(head.field("Content-Length") or "0")
        while left:
            block = self._seen or self.receive()
            block, self._seen = block[:left], block[left:]
            left -= len(block)
            yield block

    def request(self) -> Received:
        """The next request, whole and counted."""
        head = self.head()
        self.far_end.head_came.set()
        received = replace(head, body=b"".join(self.body(head)))
        self.far_end.requests.append(received)
        self.far_end.request_came.set()
        return received

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def reset(self) -> None:
        """Hang up with RST in place of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def hold(self) -> None:
        """Do nothing until the test is over."""
        self.far_end.over.wait(PATIENCE)

    def drain(self) -> None:
        """Hang up as one should: nothing more to say, and listening until the client is gone."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
        while self.connection.recv(65536):
            pass


Behaviour = Callable[[Exchange], None]


class FarEnd:
    """A server that treats every connection in the same way."""

    def __init__(self, behaviour: Behaviour, tls: ssl.SSLContext | None = None, *, port: int = 0) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self.head_came = threading.Event()
        self.request_came = threading.Event()
        self.over = threading.Event()
        self._behaviour = behaviour
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, name="far end")]

    @property
    def base_url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/client/v4"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.over.set()
        # Wakes the thread that waits for a connection.
        socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), f"{thread.name} does not end"
        self._listener.close()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self.over.is_set():
                connection.close()
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=[connection], name=f"connection {self.connections}")
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        # A client that hangs up, refuses the certificate or resets is what many tests are about.
        with contextlib.closing(connection), contextlib.suppress(Gone, ConnectionError, ssl.SSLError):
            if self._tls:
                with self._tls.wrap_socket(connection, server_side=True) as secured:
                    self._run(Exchange(secured, self))
            else:
                self._run(Exchange(connection, self))

    def _run(self, exchange: Exchange) -> None:
        self._behaviour(exchange)
        if exchange.connection.fileno() >= 0:
            exchange.drain()


def http_answer(status: int, body: bytes | str = b"", fields: Mapping[str, str] = {}) -> bytes:
    """An answer's octets, with the length of its body."""
    content = body.encode() if isinstance(body, str) else body
    given = {"Content-Type": "application/json", "Content-Length": str(len(content)), **fields}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"HTTP/1.1 {status} Status\r\n{head}\r\n".encode("latin-1") + content


def answering(status: int, body: bytes | str = b"", fields: Mapping[str, str] = {}) -> Behaviour:
    """Takes the whole request and gives this answer."""
    return saying(http_answer(status, body, fields))


def saying(*data: bytes) -> Behaviour:
    """Takes the whole request, says these octets and hangs up."""

    def behave(exchange: Exchange) -> None:
        exchange.request()
        exchange.send(b"".join(data))

    return behave


def dripping(start: bytes) -> Behaviour:
    """Takes the whole request, starts to answer and then says one octet every 50 ms, each in time."""

    def behave(exchange: Exchange) -> None:
        exchange.request()
        exchange.send(start)
        while not exchange.far_end.over.wait(0.05):
            exchange.send(b" ")

    return behave


def tunnelling(answer: bytes, port: int = 0) -> Behaviour:
    """An HTTP proxy: answers CONNECT so, and if there is a port, connects to that one whoever was asked for."""

    def behave(exchange: Exchange) -> None:
        exchange.far_end.requests.append(exchange.head())
        exchange.send(answer)
        if port:
            relay(exchange.connection, port)

    return behave


def relay(near: socket.socket, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as far:
        back = threading.Thread(target=pump, args=[far, near], name="relay")
        back.start()
        pump(near, far)
        back.join(PATIENCE)


def pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(65536):
            target.sendall(block)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def deaf_port() -> Iterator[int]:
    """A port whose connections never come about: its queue is full and nobody accepts (Linux drops further SYNs)."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def closed_port() -> int:
    """A port at which nobody listens; one that was free a moment ago may by now be another test's."""
    return 1


def submission_of(body: bytes, endpoint: Endpoint = "send") -> Submission:
    return Submission(
        attempt_id="0123456789abcdef",
        account_id=ACCOUNT_ID,
        endpoint=endpoint,
        envelope=Envelope("ann@example.com", ("bob@example.net",)),
        subject="Hi",
        message_size=len(body),
        body_size=len(body),
        digest=hashlib.sha256(body).hexdigest(),
    )


def shown(*values: object) -> str:
    return " ".join(f"{value!r} {value!s}" for value in values)


def submit(
    base_url: str,
    body: bytes = BODY,
    *,
    endpoint: Endpoint = "send",
    stored: BinaryIO | None = None,
    credential: Credential = CREDENTIAL,
    timeouts: Timeouts = TIMEOUTS,
    proxy: str | None = None,
    verify: ssl.SSLContext | None = None,
    leaving: Leaving = lambda: None,
    progress: Progress = lambda _sent, _total: None,
    cancellation: Cancellation | None = None,
) -> Outcome:
    """The outcome of one mail; `stored` is the body file where it is not what was reviewed.

    No outcome of any test may name the credential or the account, so that is looked at here.
    """
    with Client(base_url, credential, timeouts=timeouts, proxy=proxy, verify=verify) as client:
        outcome = client.submit(
            submission_of(body, endpoint),
            stored or io.BytesIO(body),
            leaving=leaving,
            progress=progress,
            cancellation=cancellation,
        )
        seen = shown(outcome, client)
    secret = credential.key if isinstance(credential, GlobalKey) else credential
    assert secret.reveal() not in seen
    assert ACCOUNT_ID not in seen
    return outcome
