"""One request on its way: what is known of how far it came, how to stop it, and why it came no further."""

import contextlib
import errno
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, ClassVar, Final, Self

from cfmail_tui.api.errors import StopError
from cfmail_tui.api.library import httpx
from cfmail_tui.frozen import frozen

WIRE_ERRORS: Final = (StopError, httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RuntimeError)
"""What httpx, httpcore and the system raise while a request is made, sent and answered."""


@frozen
class Timeouts:
    """Limits in seconds: to connect, for each write, for each read, and in all from body to end of answer."""

    connect: float = 10.0
    """For the TCP connection to each address of the name, and again for the TLS handshake."""
    write: float = 30.0
    read: float = 60.0
    pool: float = 5.0
    answer: float = 120.0
    """From the last octet of the body to the last of the answer; also for a proxy to make way to the server."""


_NOT_TLS: Final = {"WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}
"""What OpenSSL, by its version, calls an answer that is no TLS record."""


class Cancellation:
    """The wish to stop what was begun, uttered from any thread, at any time, any number of times."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._stops: list[Callable[[], None]] = []

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self) -> None:
        """Stop the attempt now or, if it has not begun, when it begins; its outcome says how far it had come."""
        with self._lock:
            self._cancelled = True
            stops = tuple(self._stops)
        for stop in stops:
            stop()

    @contextlib.contextmanager
    def calling(self, stop: Callable[[], None]) -> Iterator[None]:
        """Have `stop` called by `cancel`, in the thread that cancels; several may be meant at a time."""
        with self._lock:
            self._stops.append(stop)
        try:
            yield
        finally:
            with self._lock:
                self._stops.remove(stop)


class Line:
    """The connection of one attempt, as far as other threads may touch it: they can cut it.

    Cutting shuts the socket down, which wakes a thread that is blocked in reading or writing; closing would not, and
    could hit a descriptor that has been given out again. A duplicate descriptor stays valid under TLS, whose wrapping
    takes the original away.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None
        self._timer: threading.Timer | None = None
        self.is_cut = False
        self.overdue = False

    def attach(self, connection: socket.socket) -> None:
        with self._lock:
            self._handle = connection.dup()
            if self.is_cut:
                self._shut_down()

    def cut(self) -> None:
        with self._lock:
            self.is_cut = True
            self._shut_down()

    def limit(self, seconds: float | None) -> None:
        """Cut the line when so many seconds have passed from now, in place of any earlier limit; None for none."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = threading.Timer(seconds, self._expire)
            self._timer.daemon = True
            self._timer.start()

    def release(self) -> None:
        self.limit(None)
        with self._lock:
            if self._handle:
                self._handle.close()
                self._handle = None

    def _expire(self) -> None:
        self.overdue = True
        self.cut()

    def _shut_down(self) -> None:
        if self._handle:
            # The far end may have hung up first.
            with contextlib.suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)


class Exchange:
    """One request and the wait for its answer, as a context in which it can be cancelled."""

    load: ClassVar[str]
    """What the request carries, in a word for the user."""

    def __init__(self, cancellation: Cancellation, timeouts: Timeouts) -> None:
        self.left = False
        """Whether the last octet of the request was handed to the system."""
        self.status = 0
        """The answer's status once its header is there."""
        self.line = Line()
        self.by_proxy = False
        """Whether the first connection is one to a proxy."""
        self.timeouts = timeouts
        self._cancellation = cancellation
        self._stoppable = contextlib.ExitStack()
        self._peer = "the server"
        self._name = "the server"

    def __enter__(self) -> Self:
        self._stoppable.enter_context(self._cancellation.calling(self.line.cut))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stoppable.close()
        self.line.release()

    def check(self) -> None:
        """Raise StopError if nothing more should leave."""
        if self._cancellation.cancelled:
            raise StopError(self._cancelled)

    @property
    def _cancelled(self) -> str:
        return f"cancelled before the whole {self.load} had left"

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """What httpcore tells of its doings (extension `trace`); with a proxy, CONNECT is told like a request."""
        match event:
            case "connection.connect_tcp.started":
                self._name = info["host"]
                self._peer = f"[{self._name}]:{info['port']}" if ":" in self._name else f"{self._name}:{info['port']}"
                if self.by_proxy:
                    self._name, self._peer = f"{self._name} of the proxy", f"the proxy {self._peer}"
            case "connection.connect_tcp.complete":
                self.line.attach(info["return_value"].get_extra_info("socket"))
            case "connection.start_tls.started":
                self._name = info["server_hostname"]
            case "proxy.start_tls.started":
                self._name = self._peer = info["server_hostname"]
            case "http11.receive_response_headers.started":
                # The limits of httpx are for each read: one octet a minute would keep within them for ever.
                self.line.limit(self.timeouts.answer)

    def reason(self, error: BaseException) -> str:
        """Why there is no answer, in words that name neither account nor credential."""
        if isinstance(error, StopError):
            return str(error)
        if self._cancellation.cancelled:
            return "stopped waiting for the answer" if self.left else self._cancelled
        if self.line.overdue:
            what = "complete answer" if self.left else f"way through {self._peer}"
            return f"no {what} within {self.timeouts.answer:g} s"
        return self._reason_after(error) if self.left else self._reason_before(error)

    def may_pass(self, error: BaseException) -> bool:
        """Whether what kept the request from leaving may pass by itself: the network, or a far end not there or gone.

        A far end that answered, with HTTP or anything else, is not one of them, nor is trouble with TLS.
        """
        if self._cancellation.cancelled or self.line.overdue or self.status:
            return False
        match error:
            case httpx.ConnectTimeout() | httpx.WriteTimeout():
                return True
            case httpx.ConnectError():
                return _is_of_network(next((cause for cause in _causes(error) if isinstance(cause, OSError)), None))
            case httpx.NetworkError() | httpx.RemoteProtocolError():
                return not any(_is_of_tls(cause) or _is_of_http(cause) for cause in _causes(error))
            case _:
                return False

    def _reason_after(self, error: BaseException) -> str:
        if isinstance(error, httpx.ReadTimeout):
            return f"no answer within {self.timeouts.read:g} s"
        if self.status:
            return f"the answer broke off (HTTP {self.status})"
        if any(map(_is_of_http, _causes(error))):
            return "the answer is not HTTP"
        return "the connection was cut before an answer came"

    def _reason_before(self, error: BaseException) -> str:
        match error:
            case httpx.ConnectTimeout():
                return f"no connection to {self._peer} within {self.timeouts.connect:g} s"
            case httpx.ConnectError():
                return self._reason_unconnected(error)
            case httpx.ProxyError():
                status = str(error)[:3]
                wish = "wants a name and a password" if status == "407" else "refused"
                return f"{self._peer} {wish} (HTTP {status})"
            case httpx.WriteTimeout():
                return f"the server took nothing of the {self.load} for {self.timeouts.write:g} s"
            case httpx.ReadTimeout():
                return f"no answer from {self._peer} within {self.timeouts.read:g} s"
            case httpx.NetworkError() | httpx.RemoteProtocolError():
                return f"the connection was cut before the whole {self.load} had left"
            case UnicodeError():
                return f"{self._name} is not a name that can be looked up"
            case _:
                return f"the request could not be made ({type(error).__name__})"

    def _reason_unconnected(self, error: BaseException) -> str:
        match next((cause for cause in _causes(error) if isinstance(cause, OSError)), None):
            case socket.gaierror():
                return f"the name {self._name} could not be found"
            case ConnectionRefusedError():
                return f"nothing listens at {self._peer}"
            case ssl.SSLCertVerificationError() as untrusted:
                return f"the certificate of {self._name} is not trusted: {untrusted.verify_message.rstrip('.')}"
            case ssl.SSLError() as failure:
                words = (failure.reason or "handshake failed").replace("_", " ").lower()
                words = "what answers there does not speak TLS" if failure.reason in _NOT_TLS else words
                return f"no secure connection to {self._name}: {words}"
            case OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH):
                return f"there is no network that leads to {self._peer}"
            case _:
                return f"no connection to {self._peer}"


def _is_of_network(cause: OSError | None) -> bool:
    absent = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}
    return isinstance(cause, socket.gaierror | ConnectionError | TimeoutError) or (
        cause is not None and cause.errno in absent
    )


def _is_of_tls(cause: BaseException) -> bool:
    """Whether it is more than TLS's word for a connection that was cut."""
    return isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)


def _is_of_http(cause: BaseException) -> bool:
    return type(cause).__module__.startswith("h11")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        # httpcore raises again `from None`, which leaves only the context.
        error = error.__cause__ or error.__context__


def is_for_proxy(info: Mapping[str, Any]) -> bool:
    """Whether the request that a trace event tells of is the one that opens the way through a proxy."""
    return bool(info["request"].method == b"CONNECT")
