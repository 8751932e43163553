"""The wire: one reviewed mail to Cloudflare's API in one request, and what that request proves.

Owns the only use of httpx and the only place where a credential is unmasked for the wire. It sends the body file as
it is, never makes or changes one, and never sends anything twice.

Invariants:
- one `submit` is at most one connection and one request: no retry, no redirect, no cookie, no answer decompressed;
- nothing of the environment is looked at: no proxy, .netrc, certificate file or key log that was not handed in;
- a request is completed only if every octet of its body is the one that was reviewed (SHA-256);
- the credential meets TLS with a verified certificate, or a loopback address, and nothing else;
- `NotSent` only if the last octet of the body has not left this machine, `Unknown` whenever it has and no complete
  answer came.

Exceptions:
    ApiError
    ├── BaseUrlError
    ├── CredentialFormError
    └── _StopError: does not leave this module
"""

import contextlib
import errno
import hashlib
import ipaddress
import logging
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, BinaryIO, Final, Self
from urllib.parse import quote

import httpx

from cfmail_tui import __version__
from cfmail_tui.message import MailError
from cfmail_tui.submission import Answer, ApiToken, Credential, NotSent, Outcome, Refused, Submission, Unknown, decode

BLOCK_SIZE: Final = 64 * 1024
"""Octets of the body handed to the socket at a time."""

ANSWER_LIMIT: Final = 1024 * 1024
"""Octets of an answer that are read; the API's own are some hundred."""

Progress = Callable[[int, int], None]


class ApiError(MailError):
    """A client cannot be made; the text is for the user and holds no secret."""


class BaseUrlError(ApiError):
    """The base URL is none, or one that a credential must not be sent to."""


class CredentialFormError(ApiError):
    """A token, key or e-mail address that cannot stand in an HTTP header field."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits in seconds: to connect, for each write, for each read, and in all from body to end of answer."""

    connect: float = 10.0
    """For the TCP connection to each address of the name, and again for the TLS handshake."""
    write: float = 30.0
    read: float = 60.0
    pool: float = 5.0
    answer: float = 120.0
    """From the last octet of the body to the last of the answer; also for a proxy to make way to the server."""


class Cancellation:
    """The wish to stop one attempt, uttered from any thread, at any time, any number of times."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._stop: Callable[[], None] | None = None

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self) -> None:
        """Stop the attempt now or, if it has not begun, when it begins; its outcome says how far it had come."""
        with self._lock:
            self._cancelled = True
            stop = self._stop
        if stop:
            stop()

    def on_cancel(self, stop: Callable[[], None] | None) -> None:
        """Have `stop` called by `cancel` from now on, in the thread that cancels; None for nothing."""
        with self._lock:
            self._stop = stop


class Client:
    """The sending half of the API, for one credential; may be used by several threads."""

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        *,
        timeouts: Timeouts = Timeouts(),
        proxy: str | None = None,
        verify: ssl.SSLContext | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take note of where and as whom to send; nothing is opened.

        `proxy` is the URL of an HTTP proxy and is used for https only, since over plain http it would see the token.
        `verify` replaces the public certificate authorities, for a private one. Raises BaseUrlError and
        CredentialFormError.
        """
        self._base_url = _checked_base_url(base_url)
        self._credential = credential
        self._proxy = proxy if self._base_url.startswith("https:") else None
        self._timeouts = timeouts
        self._verify = verify
        self._clock = clock
        for value, what in _secrets(credential):
            _check_form(value, what)
        _silence()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is kept open between two mails, so nothing is left to do; here for a caller that need not know."""

    def submit(
        self,
        submission: Submission,
        body: BinaryIO,
        *,
        progress: Progress = lambda _sent, _total: None,
        cancellation: Cancellation | None = None,
    ) -> Outcome:
        """Send the mail, once, and tell what is certain about it; whatever happens on the wire is an outcome.

        `body` is read from where it stands to its end, and not closed. `progress` gets the octets handed to the
        system and those there are, after every block, in this thread; it must not raise. Looking a name up takes as
        long as the system takes: `Timeouts.connect` and `cancellation` count from there.
        """
        attempt = _Attempt(submission, body, progress, cancellation or Cancellation(), self._timeouts)
        try:
            with attempt:
                answer = self._exchange(attempt)
        except _WIRE_ERRORS as error:
            reason = attempt.reason(error)
            outcome: Outcome = Unknown(reason) if attempt.left else NotSent(reason)
        else:
            outcome = decode(answer)
            if isinstance(outcome, Unknown) and not attempt.left and not 200 <= answer.status < 300:
                outcome = NotSent(f"the server broke off the upload (HTTP {answer.status})")
        return self._discreet(outcome, submission)

    def _exchange(self, attempt: "_Attempt") -> Answer:
        """The one request and its answer."""
        attempt.check()
        submission = attempt.submission
        request = httpx.Request(
            "POST",
            f"{self._base_url}/accounts/{quote(submission.account_id, safe='')}/email/sending/{submission.endpoint}",
            headers=self._header_fields(submission),
            content=attempt,
            extensions={"trace": attempt.trace, "timeout": asdict(self._timeouts)},
        )
        # A transport without httpx.Client around it has no cookies, redirects, .netrc or log of URLs to switch off.
        with self._transport() as transport, contextlib.closing(transport.handle_request(request)) as response:
            attempt.status = response.status_code
            content = bytearray()
            for block in response.iter_raw():
                content += block
                if len(content) > ANSWER_LIMIT:
                    raise _StopError(f"the answer is over {ANSWER_LIMIT // 1024 // 1024} MiB")
            if attempt.line.is_cut and not {"content-length", "transfer-encoding"} & response.headers.keys():
                # Such an answer ends where the connection does, and it was this side that ended it.
                raise httpx.ReadError("cut")
            return self._answer(response, bytes(content))

    def _transport(self) -> httpx.HTTPTransport:
        context = self._verify or _trust(public=self._base_url.startswith("https:"))
        proxy = None
        if self._proxy:
            scheme = self._proxy.partition("://")[0].lower()
            if scheme not in {"http", "https"}:
                raise _StopError("the proxy cannot be used: its address must begin with http:// or https://")
            try:
                proxy = httpx.Proxy(self._proxy, ssl_context=context if scheme == "https" else None)
            except (httpx.InvalidURL, ValueError) as error:
                raise _StopError("the proxy cannot be used: its address is not a URL") from error
            if not _is_port(proxy.url.port):
                raise _StopError("the proxy cannot be used: its port must be from 1 to 65535")
        limits = httpx.Limits(max_keepalive_connections=0)
        return httpx.HTTPTransport(verify=context, trust_env=False, limits=limits, proxy=proxy)

    def _header_fields(self, submission: Submission) -> dict[str, str]:
        credential = self._credential
        if isinstance(credential, ApiToken):
            identity = {"Authorization": f"Bearer {credential.reveal()}"}
        else:
            identity = {"X-Auth-Email": credential.email, "X-Auth-Key": credential.key.reveal()}
        return {
            "User-Agent": f"cfmail/{__version__}",
            "Accept": "application/json",
            # Decompressing could make gigabytes of a small answer.
            "Accept-Encoding": "identity",
            # A connection used again could be one that the far end is just closing.
            "Connection": "close",
            "Content-Type": "application/json",
            "Content-Length": str(submission.body_size),
            **identity,
        }

    def _answer(self, response: httpx.Response, content: bytes) -> Answer:
        fields = response.headers
        ray = fields.get("cf-ray", "")
        return Answer(
            status=response.status_code,
            body=content,
            retry_after=_retry_after(fields.get("retry-after", ""), fields.get("date", ""), self._clock),
            challenged=fields.get("cf-mitigated", "").strip().lower() == "challenge",
            ray=ray if _RAY.fullmatch(ray) else "",
        )

    def _discreet(self, outcome: Outcome, submission: Submission) -> Outcome:
        """The outcome, should a server's words repeat the credential or account: those go to history and screen."""
        if not isinstance(outcome, Refused | Unknown):
            return outcome
        reason = outcome.reason
        for value in (submission.account_id, *(value for value, _ in _secrets(self._credential))):
            reason = reason.replace(value, "…") if value else reason
        return replace(outcome, reason=reason)


def proxy_for(base_url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy this environment names for the base URL; None for a direct connection.

    Of HTTPS_PROXY and ALL_PROXY, in lower case first, as curl reads them; NO_PROXY is a list of names (subdomains
    included), addresses, networks or `*`. Never for plain http nor a loopback address.
    """
    try:
        url = httpx.URL(base_url)
        host = url.host
    except (httpx.InvalidURL, ValueError):
        return None
    if url.scheme != "https" or _is_loopback(host):
        return None

    def value(name: str) -> str:
        return (environ.get(name) or environ.get(name.upper()) or "").strip()

    exceptions = re.split(r"[,\s]+", value("no_proxy"))
    proxy = value("https_proxy") or value("all_proxy")
    if not proxy or any(_covers(entry, host, url.port or 443) for entry in exceptions if entry):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


class _StopError(ApiError):
    """The exchange is given up on this side, for the reason that is its text."""


_WIRE_ERRORS: Final = (_StopError, httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RuntimeError)
"""What httpx, httpcore and the system raise while a request is made, sent and answered."""

_RAY: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
_SECONDS: Final = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?", re.ASCII)
_IN_HEADER_FIELD: Final = re.compile(r"[!-~]+")


class _Line:
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


class _Attempt:
    """One submission on its way: yields the body to httpx, and keeps what is known of how far it came."""

    def __init__(
        self, submission: Submission, body: BinaryIO, progress: Progress, cancellation: Cancellation, timeouts: Timeouts
    ) -> None:
        self.submission = submission
        self.left = False
        """Whether the last octet of the body was handed to the system."""
        self.status = 0
        """The answer's status once its header is there."""
        self._body = body
        self._progress = progress
        self._cancellation = cancellation
        self._timeouts = timeouts
        self.line = _Line()
        self._peer = "the server"
        self._name = "the server"

    def __enter__(self) -> Self:
        self._cancellation.on_cancel(self.line.cut)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._cancellation.on_cancel(None)
        self.line.release()

    def __iter__(self) -> Iterator[bytes]:
        """The body in blocks; the last one only if the whole is what was reviewed.

        httpcore hides errors of writing and goes on to read, so that an exception proves nothing about the body. That
        it asks for more after the last block does: then every octet is with the system.
        """
        self.line.limit(None)
        total, sent = self.submission.body_size, 0
        digest = hashlib.sha256()
        while sent < total:
            block = self._read(min(BLOCK_SIZE, total - sent))
            digest.update(block)
            sent += len(block)
            last = sent == total
            if last and (digest.hexdigest() != self.submission.digest or self._read(1, or_end=True)):
                raise _StopError(_DAMAGED)
            self.check()
            yield block
            self.left = last
            self._progress(sent, total)

    def _read(self, size: int, *, or_end: bool = False) -> bytes:
        block = b""
        try:
            while len(block) < size and (more := self._body.read(size - len(block))):
                block += more
        except OSError as error:
            raise _StopError(f"the stored mail cannot be read: {error.strerror or type(error).__name__}") from error
        if len(block) < size and not or_end:
            raise _StopError(_DAMAGED)
        return block

    def check(self) -> None:
        """Raise _StopError if nothing more should leave."""
        if self._cancellation.cancelled:
            raise _StopError(_CANCELLED)
        if self.submission.body_size < 1:
            # With nothing to hold back, the header alone would be a complete request.
            raise _StopError(_DAMAGED)

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """What httpcore tells of its doings (extension `trace`); with a proxy, CONNECT is told like a request."""
        match event:
            case "connection.connect_tcp.started":
                self._name = info["host"]
                self._peer = f"[{self._name}]:{info['port']}" if ":" in self._name else f"{self._name}:{info['port']}"
            case "connection.connect_tcp.complete":
                self.line.attach(info["return_value"].get_extra_info("socket"))
            case "connection.start_tls.started":
                self._name = info["server_hostname"]
            case "proxy.start_tls.started":
                self._name = self._peer = info["server_hostname"]
            case "http11.receive_response_headers.started":
                # The limits of httpx are for each read: one octet a minute would keep within them for ever.
                self.line.limit(self._timeouts.answer)

    def reason(self, error: BaseException) -> str:
        """Why there is no answer, in words that name neither account nor credential."""
        if isinstance(error, _StopError):
            return str(error)
        if self._cancellation.cancelled:
            return "stopped waiting for the answer" if self.left else _CANCELLED
        if self.line.overdue:
            what = "complete answer" if self.left else f"way through {self._peer}"
            return f"no {what} within {self._timeouts.answer:g} s"
        return self._reason_after(error) if self.left else self._reason_before(error)

    def _reason_after(self, error: BaseException) -> str:
        if isinstance(error, httpx.ReadTimeout):
            return f"no answer within {self._timeouts.read:g} s"
        if self.status:
            return f"the answer broke off (HTTP {self.status})"
        if any(type(cause).__module__.startswith("h11") for cause in _causes(error)):
            return "the answer is not HTTP"
        return "the connection was cut before an answer came"

    def _reason_before(self, error: BaseException) -> str:
        match error:
            case httpx.ConnectTimeout():
                return f"no connection to {self._peer} within {self._timeouts.connect:g} s"
            case httpx.ConnectError():
                return self._reason_unconnected(error)
            case httpx.ProxyError():
                return f"the proxy {self._peer} refused (HTTP {str(error)[:3]})"
            case httpx.WriteTimeout():
                return f"the server took nothing of the mail for {self._timeouts.write:g} s"
            case httpx.ReadTimeout():
                return f"no answer from {self._peer} within {self._timeouts.read:g} s"
            case httpx.NetworkError() | httpx.RemoteProtocolError():
                return "the connection was cut before the whole mail had left"
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
                return f"no secure connection to {self._name}: {words}"
            case OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH):
                return f"there is no network that leads to {self._peer}"
            case _:
                return f"no connection to {self._peer}"


_DAMAGED: Final = "the stored mail is damaged: it is not what was reviewed"
_CANCELLED: Final = "cancelled before the whole mail had left"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        # httpcore raises again `from None`, which leaves only the context.
        error = error.__cause__ or error.__context__


def _trust(*, public: bool) -> ssl.SSLContext:
    """Trust in the public authorities, as httpx brings them, or in none.

    The default context of ssl, which httpx takes, would obey SSL_CERT_FILE and SSLKEYLOGFILE.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if public:
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _checked_base_url(text: str) -> str:
    """The base URL in its usual spelling, without a slash at its end. Raises BaseUrlError."""
    try:
        url = httpx.URL(text)
        host = url.host
    except (httpx.InvalidURL, ValueError):
        # The cause would quote the text, and a password in it.
        raise BaseUrlError("the base URL is not a URL") from None
    authority = text.partition("//")[2].partition("/")[0]
    if url.scheme not in {"https", "http"} or not host:
        raise BaseUrlError("the base URL must begin with https:// and a host name")
    if "@" in authority or "\\" in authority:
        raise BaseUrlError("the base URL must not hold a user name or password")
    if set(text) & {"?", "#"} or any(char.isspace() for char in text):
        raise BaseUrlError("the base URL must end with its path: no query, fragment or blank")
    if not _is_port(url.port):
        raise BaseUrlError("the base URL's port must be from 1 to 65535")
    if url.scheme == "http" and not _is_loopback(host):
        raise BaseUrlError("the base URL must begin with https://: plain http is for this machine only")
    return str(url).rstrip("/")


def _is_port(port: int | None) -> bool:
    return port is None or 0 < port < 65536


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback


def _covers(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY speaks of this host."""
    name = entry.lower()
    with contextlib.suppress(ValueError):
        network = ipaddress.ip_network(name.strip("[]"), strict=False)
        try:
            return ipaddress.ip_address(host) in network
        except ValueError:
            return False
    name, colon, number = name.partition(":")
    name = name.removeprefix("*").removeprefix(".")
    if colon and number != str(port):
        return False
    return entry == "*" or (name != "" and (host == name or host.endswith(f".{name}")))


def _secrets(credential: Credential) -> tuple[tuple[str, str], ...]:
    """What of the credential goes into header fields, and what it is called."""
    if isinstance(credential, ApiToken):
        return ((credential.reveal(), "API token"),)
    return ((credential.email, "e-mail address"), (credential.key.reveal(), "global API key"))


def _check_form(value: str, what: str) -> None:
    if not value:
        raise CredentialFormError(f"the {what} is empty")
    if not _IN_HEADER_FIELD.fullmatch(value):
        raise CredentialFormError(f"the {what} has a blank, line break or other character that it cannot have")


def _retry_after(value: str, date: str, clock: Callable[[], datetime]) -> float | None:
    """Seconds from now (RFC 9110 section 10.2.3), None if the field is absent or makes no sense.

    A date counts from the answer's own, so that a wrong clock here does no harm.
    """
    if _SECONDS.fullmatch(value.strip()):
        return max(0.0, float(value))
    if (until := _http_date(value)) is None:
        return None
    return max(0.0, (until - (_http_date(date) or clock())).total_seconds())


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _silence() -> None:
    """Stop logs of URLs (httpx), which name the account, and of answers' header fields (httpcore), which may."""
    for name in ("httpx", "httpcore"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
