"""One request over one connection, with the credential in its header, and the answer as far as it is read."""

import codecs
import contextlib
import logging
import re
import ssl
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from cfmail_tui import __version__
from cfmail_tui.api.addresses import checked_base_url, shown_proxy, transport
from cfmail_tui.api.discretion import without
from cfmail_tui.api.errors import CredentialFormError, StopError
from cfmail_tui.api.exchange import Exchange
from cfmail_tui.api.library import httpx
from cfmail_tui.submission import Answer, ApiToken, Credential, GlobalKey

ANSWER_LIMIT: Final = 1024 * 1024
"""Octets of an answer that are read; the API's own are some hundred."""

_RAY: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
_SECONDS: Final = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?", re.ASCII)
_IN_HEADER_FIELD: Final = re.compile(r"[!-~]+")


class Wire:
    """Where and as whom requests are made; nothing stays open between two of them."""

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        *,
        proxy: str | None,
        verify: ssl.SSLContext | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._base_url = checked_base_url(base_url)
        self._credential = credential
        self._proxy = proxy if self._base_url.startswith("https:") else None
        self._verify = verify
        self._clock = clock
        for value, what in _secrets(credential):
            _check_form(value, what)
        _silence()

    @property
    def proxy(self) -> str:
        """The proxy on the way, for the eye; "" for none."""
        return shown_proxy(self._proxy)

    def get_ready(self) -> None:
        """Load what the first request needs, which takes longer than all the rest of it; nothing is opened.

        Raises StopError if the proxy cannot be used.
        """
        transport(self._base_url, self._proxy, self._verify).close()
        codecs.lookup("idna")  # which looking up a host's address does

    def ask(self, exchange: Exchange, method: str, path: str, body: Iterable[bytes] | None, size: int) -> Answer:
        """The one request of this exchange and its answer; `path` is below the base URL. Raises one of WIRE_ERRORS."""
        exchange.check()
        exchange.by_proxy = self._proxy is not None
        request = httpx.Request(
            method,
            f"{self._base_url}{path}",
            headers=self._header_fields(None if body is None else size),
            content=body,
            extensions={"trace": exchange.trace, "timeout": asdict(exchange.timeouts)},
        )
        # A transport without httpx.Client around it has no cookies, redirects, .netrc or log of URLs to switch off.
        with (
            transport(self._base_url, self._proxy, self._verify) as road,
            contextlib.closing(road.handle_request(request)) as response,
        ):
            exchange.status = response.status_code
            content = bytearray()
            for block in response.iter_raw():
                content += block
                if len(content) > ANSWER_LIMIT:
                    raise StopError(f"the answer is over {ANSWER_LIMIT // 1024 // 1024} MiB")
            if exchange.line.is_cut and not {"content-length", "transfer-encoding"} & response.headers.keys():
                # Such an answer ends where the connection does, and it was this side that ended it.
                raise httpx.ReadError("cut")
            return self._answer(response, bytes(content))

    def discreet(self, text: str, *secrets: str) -> str:
        """The words, should a server repeat the credential or those secrets in them: they go to history and screen."""
        text = self.unkeyed(text, *secrets)
        # Only as a whole: its domain is a word of many a message.
        return text.replace(self._credential.email, "…") if isinstance(self._credential, GlobalKey) else text

    def unkeyed(self, text: str, *secrets: str) -> str:
        """The same for text that may name the owner of a global key by the e-mail address."""
        return without(text, (*secrets, _secrets(self._credential)[-1][0]))

    def _header_fields(self, size: int | None) -> dict[str, str]:
        """Those of a request with a body of this size, or without a body."""
        credential = self._credential
        if isinstance(credential, ApiToken):
            identity = {"Authorization": f"Bearer {credential.reveal()}"}
        else:
            identity = {"X-Auth-Email": credential.email, "X-Auth-Key": credential.key.reveal()}
        content = {} if size is None else {"Content-Type": "application/json", "Content-Length": str(size)}
        return {
            "User-Agent": f"cfmail/{__version__}",
            "Accept": "application/json",
            # Decompressing could make gigabytes of a small answer.
            "Accept-Encoding": "identity",
            # A connection used again could be one that the far end is just closing.
            "Connection": "close",
            **content,
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
            date=_http_date(fields.get("date", "")),
        )


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
