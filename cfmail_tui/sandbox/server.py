"""HTTP/1.1 on 127.0.0.1: reads requests, sends answers, and spoils them where an answer asks for that.

One thread for accepting, one for each connection; all are daemons, and all have ended when `close` returns.
"""

import contextlib
import secrets
import selectors
import socket
import socketserver
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from cfmail_tui.sandbox.answers import Answer, Ending, edge_page, failure, json_answer
from cfmail_tui.sandbox.api import Arrival

MAX_BODY = 100 * 1024 * 1024
"""The edge in front of the API takes no larger request, and says so itself."""

_DRAIN_SECONDS = 2.0
_JOIN_SECONDS = 5.0


class Server(socketserver.TCPServer):
    """Binds at once; `start` serves until `close`."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, answer: Callable[[Arrival], Answer]) -> None:
        self.answer = answer
        self.stopping = threading.Event()
        self._acceptor: threading.Thread | None = None
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)
        # A connection may be gone between select and accept, and accept must not wait for the next one then.
        self.socket.setblocking(False)
        self._wake, self._woken = socket.socketpair()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> None:
        if self._acceptor is not None:
            return
        self._acceptor = threading.Thread(target=self._accept, name="sandbox-accept", daemon=True)
        self._acceptor.start()

    def close(self) -> None:
        """End every connection and thread: answers that are still due are not sent."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        if self._acceptor is not None:
            self._wake.send(b".")
            self._acceptor.join(_JOIN_SECONDS)
        self.server_close()
        with self._lock:
            connections = dict(self._connections)
        for connection in connections:
            _shut(connection, socket.SHUT_RDWR)
        for thread in connections.values():
            thread.join(_JOIN_SECONDS)
        self._wake.close()
        self._woken.close()

    def _accept(self) -> None:
        # serve_forever would look for its end every half second; this one sleeps until something happens.
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self.stopping.is_set():
                if any(key.fileobj is self.socket for key, _ in selector.select()):
                    self.handle_request()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        connection.setblocking(True)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self._converse, args=(request, client_address), name="sandbox-connection", daemon=True
        )
        with self._lock:
            self._connections[request] = thread
        thread.start()

    def _converse(self, connection: socket.socket, client_address: Any) -> None:
        try:
            self.finish_request(connection, client_address)
        except ConnectionError:
            pass  # the client went away: nobody is left to tell
        finally:
            with self._lock:
                del self._connections[connection]
            self.shutdown_request(connection)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "cfmail-sandbox"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Standard output and error belong to whoever started the sandbox."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What http.server itself refuses: a request line or header it cannot read, a method nobody knows."""
        self.close_connection = True
        self._send(json_answer(failure(7003, message or "No route for the URI"), HTTPStatus(code).value))

    def _handle(self) -> None:
        length = self._length()
        if length is not None and length > MAX_BODY:
            self.close_connection = True
            self._send(edge_page(413))
            self._drain()
            return
        body = None if length is None else self.rfile.read(length)
        if body is not None and length is not None and len(body) < length:
            self.close_connection = True
            return
        self.close_connection = self.close_connection or body is None
        answer = self.server.answer(self._arrival(body))
        if answer.delay and self.server.stopping.wait(answer.delay):
            self.close_connection = True
            return
        self._send(answer)
        if body is None:
            self._drain()

    def _length(self) -> int | None:
        """The body's, or None if it is not declared in a way the API takes."""
        if "Transfer-Encoding" in self.headers:
            return None
        given = self.headers.get("Content-Length")
        if given is None:
            return 0 if self.command in {"GET", "DELETE"} else None
        return int(given) if given.isascii() and given.isdigit() and len(given) < 16 else None

    def _arrival(self, body: bytes | None) -> Arrival:
        parts = urlsplit(self.path)
        segments = tuple(unquote(segment) for segment in parts.path.split("/")[1:])
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        header = {name.lower(): value for name, value in reversed(self.headers.items())}
        return Arrival(self.command, segments, query, header, body)

    def _send(self, answer: Answer) -> None:
        if answer.ending is Ending.CUT:
            self.close_connection = True
            return
        if answer.ending is Ending.HALF:
            self.close_connection = True
        fields = [
            ("Date", self.date_time_string()),
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            ("Connection", "close" if self.close_connection else "keep-alive"),
            ("Server", self.server_version),
            ("CF-RAY", f"{secrets.token_hex(8)}-BOX"),
            *answer.header_fields,
        ]
        head = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
        body = answer.body[: len(answer.body) // 2] if answer.ending is Ending.HALF else answer.body
        if getattr(self, "command", None) == "HEAD":
            body = b""
        self.wfile.write(head.encode("latin-1") + body)

    def _drain(self) -> None:
        """Read what the client still sends, for a while.

        Closing at once would reset the connection, and could take the answer away before it is read.
        """
        _shut(self.connection, socket.SHUT_WR)
        self.connection.settimeout(_DRAIN_SECONDS)
        try:
            for _ in range(2 * MAX_BODY // 65536):
                if not self.connection.recv(65536):
                    return
        except TimeoutError:
            return


def _shut(connection: socket.socket, how: int) -> None:
    # An OSError says that it is not connected any more, or that its own thread closed it in between.
    with contextlib.suppress(OSError):
        connection.shutdown(how)
