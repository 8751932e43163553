"""Where a request may go and by which road: the base URL, the proxy, and whose certificates are trusted."""

import contextlib
import ipaddress
import re
import ssl
from collections.abc import Mapping
from functools import cache

from cfmail_tui.api.errors import BaseUrlError, StopError
from cfmail_tui.api.library import httpx
from cfmail_tui.message import printable

_DEFAULT_PORTS = {"http": 80, "https": 443}


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


def shown_proxy(proxy_url: str | None) -> str:
    """A proxy for the eye: host and port, "" for none. A name and a password in its address are not shown."""
    if not proxy_url:
        return ""
    try:
        url = _proxy_url(proxy_url)
    except StopError as error:
        # Where a password may be in it, nobody knows where it ends.
        address = "" if "@" in proxy_url else f"{printable(proxy_url.partition('://')[2], 60)} "
        return f"{address}({str(error).removeprefix('the proxy ')})"
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{printable(host, 255)}:{url.port or _DEFAULT_PORTS[url.scheme]}"


def checked_base_url(text: str) -> str:
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


def transport(base_url: str, proxy_url: str | None, verify: ssl.SSLContext | None) -> httpx.HTTPTransport:
    """The road for one request; nothing is opened. Raises StopError if the proxy cannot be used."""
    context = verify or _trust(public=base_url.startswith("https:"))
    proxy = None
    if proxy_url:
        url = _proxy_url(proxy_url)
        proxy = httpx.Proxy(url, ssl_context=context if url.scheme == "https" else None)
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.HTTPTransport(verify=context, trust_env=False, limits=limits, proxy=proxy)


def _proxy_url(text: str) -> httpx.URL:
    """The address of a proxy that can be used. Raises StopError, in words that quote nothing of it."""
    scheme, _, rest = text.partition("://")
    if scheme.lower() not in _DEFAULT_PORTS:
        raise StopError("the proxy cannot be used: its address must begin with http:// or https://")
    try:
        url = httpx.URL(text)
        host = url.host
    except (httpx.InvalidURL, ValueError):
        # The cause would quote the text, and a password in it.
        raise StopError("the proxy cannot be used: its address is not a URL") from None
    if not host:
        raise StopError("the proxy cannot be used: its address has no host name")
    if "@" in "".join(re.split("([/?#])", rest, maxsplit=1)[1:]):
        # The host would be the name, and the port the beginning of the password.
        raise StopError("the proxy cannot be used: in its name and password / ? # are written as %2F %3F %23")
    if not _is_port(url.port):
        raise StopError("the proxy cannot be used: its port must be from 1 to 65535")
    return url


@cache
def _trust(*, public: bool) -> ssl.SSLContext:
    """Trust in the public authorities, as httpx brings them, or in none.

    The default context of ssl, which httpx takes, would obey SSL_CERT_FILE and SSLKEYLOGFILE. Made once: reading the
    authorities takes longer than a small mail.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if public:
        import certifi

        context.load_verify_locations(certifi.where())
    return context


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
