"""Where mail may go, as whom and through which proxy: what a client accepts, and what a proxy can do to a mail."""

import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from cfmail_tui.api import (
    ApiError,
    BaseUrlError,
    Cancellation,
    Client,
    CredentialFormError,
    Timeouts,
    proxy_for,
    shown_proxy,
)
from cfmail_tui.submission import Accepted, ApiToken, Credential, GlobalKey, NotSent, Outcome, Receipt, Secret, Unknown
from tests.edge.fault_server import (
    ACCOUNT_ID,
    BIG_BODY,
    BODY,
    PATIENCE,
    TOKEN,
    Behaviour,
    Exchange,
    FarEnd,
    answering,
    closed_port,
    http_answer,
    shown,
    submit,
    tunnelling,
)

SUCCESS: Final = '{"success": true, "errors": [], "messages": [], "result": {"delivered": ["bob@example.net"]}}'
ACCEPTED: Final = Accepted(Receipt(delivered=("bob@example.net",)))
ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"


# The base URL.


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.cloudflare.com/client/v4",
        "https://api.cloudflare.com/client/v4/",
        "HTTPS://api.example:8443",
        "https://bücher.example",
        "http://127.0.0.1:8080/client/v4",
        "http://127.9.9.9",
        "http://[::1]:8080",
        "http://localhost:1",
        "http://LOCALHOST",
    ],
)
def test_a_base_url_that_is_safe_is_taken(base_url: str) -> None:
    """https to anywhere, plain http to this machine only."""
    Client(base_url, ApiToken(TOKEN)).close()


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.cloudflare.com",
        "//api.cloudflare.com",
        "https://",
        "https:///client/v4",
        "ftp://api.example",
        "file:///etc/passwd",
        "http://api.cloudflare.com/client/v4",
        "http://127.0.0.1.example",
        "http://localhost.example",
        "http://192.168.1.1",
        "http://0.0.0.0",
        "http://2130706433",
        "https://ann:secret@api.example",
        "https://ann@api.example",
        "https://@api.example",
        "http://127.0.0.1@api.example",
        "http://127.0.0.1\\@api.example",
        "https://api.example?x=1",
        "https://api.example/?",
        "https://api.example/#part",
        "https://api.example/ ",
        " https://api.example",
        "https://api.example\n",
        "https://api.example:port",
        "https://api.example:0",
        "https://api.example:65536",
        "https://[::1",
        "https://xn--a-ecp.example",
        "\ud800",
    ],
)
def test_a_base_url_that_is_not_safe_is_refused(base_url: str) -> None:
    """A credential goes nowhere unencrypted, and nowhere that cannot be seen at a glance."""
    with pytest.raises(BaseUrlError) as caught:
        Client(base_url, ApiToken(TOKEN))
    assert "secret" not in shown(caught.value)
    assert isinstance(caught.value, ApiError)


def test_a_slash_at_the_end_of_the_base_url_makes_no_difference() -> None:
    """The path is the same with and without it."""
    with FarEnd(answering(200, SUCCESS)) as far_end:
        assert submit(f"{far_end.base_url}/") == ACCEPTED
    assert far_end.requests[0].line.startswith(f"POST /client/v4/accounts/{ACCOUNT_ID}/")


def test_the_scheme_of_the_base_url_may_be_in_capitals(server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """HTTPS is https, proxy and all."""
    with FarEnd(answering(200, SUCCESS), server_tls) as far_end, FarEnd(tunnelling(ESTABLISHED, far_end.port)) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        assert submit(far_end.base_url.replace("https", "HTTPS"), proxy=url, verify=trusting) == ACCEPTED
    assert len(far_end.requests) == len(proxy.requests) == 1


# The credential.


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "two words",
        "line\nbreak",
        "line\r\nX-Injected: yes",
        "tab\t",
        "quote\u201d",
        "caf\u00e9",
        "nul\0",
        "\ud800",
    ],
)
@pytest.mark.parametrize("part", ["token", "e-mail", "key"])
def test_a_credential_that_cannot_stand_in_a_header_is_refused(part: str, value: str) -> None:
    """What HTTP cannot carry, or what would add a header field, is refused before anything leaves, and not repeated."""
    credentials: dict[str, Credential] = {
        "token": ApiToken(value),
        "e-mail": GlobalKey(value, Secret("key")),
        "key": GlobalKey("ann@example.com", Secret(value)),
    }
    with pytest.raises(CredentialFormError) as caught:
        Client("https://api.example", credentials[part])
    words = str(caught.value)
    assert {"token": "API token", "e-mail": "e-mail address", "key": "global API key"}[part] in words
    assert not value.strip() or value not in shown(caught.value, caught.value.__cause__, caught.value.__context__)


# The proxy.

PROXY: Final = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("base_url", "environ", "expected"),
    [
        ("https://api.example", {}, None),
        ("https://api.example", {"HTTPS_PROXY": PROXY}, PROXY),
        ("https://api.example", {"https_proxy": PROXY}, PROXY),
        ("https://api.example", {"ALL_PROXY": PROXY}, PROXY),
        ("https://api.example", {"all_proxy": PROXY}, PROXY),
        ("https://api.example", {"HTTPS_PROXY": PROXY, "ALL_PROXY": "http://other.example"}, PROXY),
        ("https://api.example", {"https_proxy": PROXY, "HTTPS_PROXY": "http://other.example"}, PROXY),
        ("https://api.example", {"https_proxy": "", "HTTPS_PROXY": PROXY}, PROXY),
        ("https://api.example", {"HTTPS_PROXY": " "}, None),
        ("https://api.example", {"HTTPS_PROXY": "proxy.example:3128"}, PROXY),
        ("https://api.example", {"HTTP_PROXY": PROXY, "http_proxy": PROXY}, None),
        ("http://127.0.0.1:8080", {"HTTPS_PROXY": PROXY, "ALL_PROXY": PROXY}, None),
        ("https://127.0.0.1:8080", {"HTTPS_PROXY": PROXY}, None),
        ("https://localhost", {"ALL_PROXY": PROXY}, None),
        ("http://api.example", {"ALL_PROXY": PROXY}, None),
        ("https://[::1", {"ALL_PROXY": PROXY}, None),
        ("https://api.example", {"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, None),
        ("https://api.example", {"HTTPS_PROXY": PROXY, "NO_PROXY": "api.example"}, None),
        ("https://api.example", {"HTTPS_PROXY": PROXY, "no_proxy": "x.example, API.example"}, None),
        ("https://api.example", {"HTTPS_PROXY": PROXY, "NO_PROXY": "example"}, None),
        ("https://api.example", {"HTTPS_PROXY": PROXY, "NO_PROXY": ".example"}, None),
        ("https://api.example", {"HTTPS_PROXY": PROXY, "NO_PROXY": "*.example"}, None),
        ("https://api.example", {"HTTPS_PROXY": PROXY, "NO_PROXY": "api.example:443"}, None),
        ("https://api.example", {"HTTPS_PROXY": PROXY, "NO_PROXY": "api.example:8443"}, PROXY),
        ("https://api.example", {"HTTPS_PROXY": PROXY, "NO_PROXY": "pi.example,,."}, PROXY),
        ("https://api.example", {"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8"}, PROXY),
        ("https://10.1.2.3", {"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8"}, None),
        ("https://10.1.2.3", {"HTTPS_PROXY": PROXY, "NO_PROXY": "10.1.2.4"}, PROXY),
        ("https://[fd00::1]", {"HTTPS_PROXY": PROXY, "NO_PROXY": "fd00::/8"}, None),
        ("https://[fd00::1]", {"HTTPS_PROXY": PROXY, "NO_PROXY": "[fd00::1]"}, None),
    ],
)
def test_the_environment_names_the_proxy(base_url: str, environ: Mapping[str, str], expected: str | None) -> None:
    """The usual variables have their usual meaning, but nothing makes plain http or this machine go through a proxy."""
    assert proxy_for(base_url, environ) == expected


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        (None, ""),
        ("http://proxy.corp:8080", "proxy.corp:8080"),
        ("HTTP://Proxy.Corp", "proxy.corp:80"),
        ("https://ann:word@proxy.corp", "proxy.corp:443"),
        ("http://ann:word%2F%23@[fd00::1]:3128/path", "[fd00::1]:3128"),
        ("http://bücher.example:1", "bücher.example:1"),
        (
            "socks5://proxy.corp:1080",
            "proxy.corp:1080 (cannot be used: its address must begin with http:// or https://)",
        ),
        ("socks5://ann:word@proxy.corp", "(cannot be used: its address must begin with http:// or https://)"),
        ("http://pro\x1b[2Jxy:8080", "pro<1B>[2Jxy:8080 (cannot be used: its address is not a URL)"),
        ("http://pro\u202exy:8080", "pro<202E>xy:8080 (cannot be used: its address is not a URL)"),
        ("http://ann:wo\x1brd@proxy.corp", "(cannot be used: its address is not a URL)"),
        (
            "http://ann:12#word@proxy.corp",
            "(cannot be used: in its name and password / ? # are written as %2F %3F %23)",
        ),
    ],
)
def test_a_proxy_for_the_eye(proxy: str | None, words: str) -> None:
    """Host and port, and why it cannot be used; never a name or a password, and no control characters."""
    assert shown_proxy(proxy) == words


def test_a_mail_goes_through_a_proxy_that_cannot_read_it(server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """The proxy is told the host and its own password, never the credential, the account or the mail."""
    with FarEnd(answering(200, SUCCESS), server_tls) as far_end, FarEnd(tunnelling(ESTABLISHED, far_end.port)) as proxy:
        url = f"http://ann:word@127.0.0.1:{proxy.port}"
        assert submit(far_end.base_url, BIG_BODY, proxy=url, verify=trusting) == ACCEPTED
    (connect,) = proxy.requests
    assert connect.line == f"CONNECT 127.0.0.1:{far_end.port} HTTP/1.1"
    assert {name for name, _ in connect.fields} == {"Host", "Accept", "Proxy-Authorization"}
    (request,) = far_end.requests
    assert request.body == BIG_BODY
    assert request.field("Proxy-Authorization") is None


def test_a_proxy_may_itself_be_reached_over_tls(server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """A proxy with a certificate of its own is checked like any server, and carries the mail."""
    with (
        FarEnd(answering(200, SUCCESS), server_tls) as far_end,
        FarEnd(tunnelling(ESTABLISHED, far_end.port), server_tls) as proxy,
    ):
        url = f"https://127.0.0.1:{proxy.port}"
        assert submit(far_end.base_url, proxy=url, verify=trusting) == ACCEPTED
        outcome = submit("https://api.invalid", proxy=url)
    assert isinstance(outcome, NotSent)
    assert outcome.reason.startswith("the certificate of 127.0.0.1 is not trusted")
    assert len(far_end.requests) == len(proxy.requests) == 1


def test_plain_http_never_goes_through_a_proxy() -> None:
    """A proxy would see the credential, so that a loopback address is met directly whatever was asked for."""
    with FarEnd(answering(200, SUCCESS)) as far_end:
        assert submit(far_end.base_url, proxy=f"http://127.0.0.1:{closed_port()}") == ACCEPTED
    assert len(far_end.requests) == 1


def hang_up(exchange: Exchange) -> None:
    exchange.head()


def silent(exchange: Exchange) -> None:
    exchange.head()
    exchange.hold()


def deaf_tunnel(exchange: Exchange) -> None:
    exchange.head()
    exchange.send(ESTABLISHED)
    exchange.hold()


def drip(exchange: Exchange) -> None:
    exchange.head()
    while not exchange.far_end.over.wait(0.05):
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")


PROXY_FAULTS: Final[dict[str, tuple[Behaviour, str, bool]]] = {
    "403": (tunnelling(http_answer(403, "no")), "the proxy {peer} refused (HTTP 403)", False),
    "407": (tunnelling(http_answer(407)), "the proxy {peer} wants a name and a password (HTTP 407)", False),
    "502": (tunnelling(http_answer(502, TOKEN)), "the proxy {peer} refused (HTTP 502)", False),
    "hangs up": (hang_up, "the connection was cut before the whole mail had left", True),
    "not HTTP": (tunnelling(b"SSH-2.0\r\n\r\n"), "the connection was cut before the whole mail had left", False),
    "silent": (silent, "no answer from the proxy {peer} within 0.2 s", False),
    "leads nowhere": (deaf_tunnel, "no connection to api.invalid within 0.3 s", True),
    "drips": (drip, "no way through the proxy {peer} within 0.4 s", False),
}


@pytest.mark.parametrize("fault", PROXY_FAULTS)
def test_a_proxy_that_does_not_let_a_mail_through(fault: str) -> None:
    """Without a way through the proxy nothing has left, and neither account nor password is named."""
    behaviour, words, temporary = PROXY_FAULTS[fault]
    with FarEnd(behaviour) as proxy:
        limits = Timeouts(connect=0.3, read=0.2, answer=0.4)
        outcome = submit("https://api.invalid", proxy=f"http://ann:word@127.0.0.1:{proxy.port}", timeouts=limits)
    assert outcome == NotSent(words.format(peer=f"127.0.0.1:{proxy.port}"), temporary)
    assert proxy.connections == 1


def test_a_far_end_behind_a_proxy_is_checked_by_name(server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """A proxy that leads elsewhere than asked is found out by the certificate, and gets no mail."""
    with FarEnd(answering(200, SUCCESS), server_tls) as far_end, FarEnd(tunnelling(ESTABLISHED, far_end.port)) as proxy:
        outcome = submit("https://api.invalid", proxy=f"http://127.0.0.1:{proxy.port}", verify=trusting)
    assert isinstance(outcome, NotSent)
    assert outcome.reason.startswith("the certificate of api.invalid is not trusted: Hostname mismatch")
    assert not far_end.requests


def test_a_proxy_at_which_nobody_listens() -> None:
    """The address that failed is the proxy's."""
    port = closed_port()
    assert submit("https://api.invalid", proxy=f"http://127.0.0.1:{port}") == NotSent(
        f"nothing listens at the proxy 127.0.0.1:{port}", temporary=True
    )


@pytest.mark.parametrize(
    "proxy",
    [
        "socks5://anna:pa55@127.0.0.1:1080",
        "ftp://127.0.0.1",
        "http://127.0.0.1:port",
        "http://127.0.0.1:99999",
        "http://anna:12/pa55@127.0.0.1:3128",
        "http://anna:12#pa55@127.0.0.1:3128",
        "http://",
    ],
)
def test_a_proxy_of_an_unknown_kind(proxy: str) -> None:
    """A proxy that cannot be used is a mail not sent; nothing goes around it."""
    with FarEnd(answering(200, SUCCESS)) as far_end:
        outcome: Outcome = submit(f"https://127.0.0.1:{far_end.port}", proxy=proxy)
    assert isinstance(outcome, NotSent)
    assert not any(part in outcome.reason for part in ("anna", "12", "pa55"))
    assert far_end.connections == 0


def test_waiting_behind_a_proxy_can_be_stopped(server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """Cancelling is as prompt through a proxy, and as honest about a mail that has left."""

    def take_and_hold(exchange: Exchange) -> None:
        exchange.request()
        exchange.hold()

    with (
        FarEnd(take_and_hold, server_tls) as far_end,
        FarEnd(tunnelling(ESTABLISHED, far_end.port)) as proxy,
        ThreadPoolExecutor(1) as pool,
    ):
        cancellation = Cancellation()
        url = f"http://127.0.0.1:{proxy.port}"
        future = pool.submit(submit, far_end.base_url, BODY, proxy=url, verify=trusting, cancellation=cancellation)
        assert far_end.request_came.wait(PATIENCE)
        cancellation.cancel()
        assert future.result(PATIENCE) == Unknown("stopped waiting for the answer")
        far_end.over.set()
    assert len(far_end.requests) == 1
