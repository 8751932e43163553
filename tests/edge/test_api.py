"""One mail to the API over real sockets: what leaves, and what every kind of answer means."""

import io
import json
import logging
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cfmail_tui import __version__
from cfmail_tui.api import BLOCK_SIZE, Client
from cfmail_tui.api.discretion import without
from cfmail_tui.submission import (
    Accepted,
    ApiToken,
    Endpoint,
    GlobalKey,
    NotSent,
    Outcome,
    Receipt,
    Refused,
    Secret,
    Unknown,
)
from tests.edge.fault_server import (
    ACCOUNT_ID,
    BIG_BODY,
    BODY,
    ENDPOINTS,
    TOKEN,
    Behaviour,
    FarEnd,
    answering,
    closed_port,
    http_answer,
    saying,
    submission_of,
    submit,
)

RESULT = {"delivered": ["bob@example.net"], "queued": [], "permanent_bounces": [], "message_id": "<1@x>"}
SUCCESS = json.dumps({"success": True, "errors": [], "messages": [], "result": RESULT})
ACCEPTED = Accepted(Receipt(delivered=("bob@example.net",), message_id="<1@x>"))

by_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS)


def failure(code: int | str, message: str, **more: object) -> str:
    """The API's error envelope."""
    errors = [{"code": code, "message": message}]
    return json.dumps({"success": False, "errors": errors, "messages": [], "result": None, **more})


# What leaves.


@by_endpoint
def test_a_mail_leaves_as_one_post_to_its_endpoint(endpoint: Endpoint) -> None:
    """One POST to the account's endpoint, with exactly the reviewed octets."""
    with FarEnd(answering(200, SUCCESS)) as far_end:
        assert submit(far_end.base_url, endpoint=endpoint) == ACCEPTED
    (request,) = far_end.requests
    assert request.line == f"POST /client/v4/accounts/{ACCOUNT_ID}/email/sending/{endpoint} HTTP/1.1"
    assert request.body == BODY
    assert far_end.connections == 1


def test_a_request_has_the_expected_header_fields_and_no_others() -> None:
    """Nothing tells more of the user than is needed: the fields are these, each once."""
    with FarEnd(answering(200, SUCCESS)) as far_end:
        submit(far_end.base_url)
    (request,) = far_end.requests
    assert dict(request.fields) == {
        "Host": f"127.0.0.1:{far_end.port}",
        "User-Agent": f"cfmail/{__version__}",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(BODY)),
        "Authorization": f"Bearer {TOKEN}",
    }
    assert len(request.fields) == 8


def test_a_global_key_goes_into_its_own_fields() -> None:
    """The older pair of credentials is sent as X-Auth-Email and X-Auth-Key, without Authorization."""
    with FarEnd(answering(200, SUCCESS)) as far_end:
        assert submit(far_end.base_url, credential=GlobalKey("ann@example.com", Secret("key-of-old"))) == ACCEPTED
    (request,) = far_end.requests
    assert request.field("X-Auth-Email") == "ann@example.com"
    assert request.field("X-Auth-Key") == "key-of-old"
    assert request.field("Authorization") is None


def test_a_big_mail_leaves_in_blocks_and_whole() -> None:
    """The body is streamed with its length known: blocks of 64 KiB, no chunked coding, every octet in place."""
    seen: list[tuple[int, int]] = []
    with FarEnd(answering(200, SUCCESS)) as far_end:
        outcome = submit(far_end.base_url, BIG_BODY, progress=lambda sent, total: seen.append((sent, total)))
    assert outcome == ACCEPTED
    (request,) = far_end.requests
    assert request.body == BIG_BODY
    assert request.field("Transfer-Encoding") is None
    total = len(BIG_BODY)
    assert seen == [(min(sent, total), total) for sent in range(BLOCK_SIZE, total + BLOCK_SIZE, BLOCK_SIZE)]


def test_the_body_is_read_from_files_that_give_little_at_a_time() -> None:
    """A file whose reads come up short, as unbuffered ones may, is sent all the same."""

    class Sparing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 7))

    with FarEnd(answering(200, SUCCESS)) as far_end:
        assert submit(far_end.base_url, stored=Sparing(BODY)) == ACCEPTED
    assert far_end.requests[0].body == BODY


@pytest.mark.parametrize("body", [BODY, BIG_BODY], ids=["small", "big"])
@pytest.mark.parametrize("change", ["shorter", "longer", "other", "empty"])
def test_a_body_file_that_is_not_what_was_reviewed_never_leaves_whole(body: bytes, change: str) -> None:
    """A file that was changed, cut or extended since the review does not become a request, whatever its size."""
    stored = {"shorter": body[:-1], "longer": body + b" ", "other": body.replace(b":", b";", 1), "empty": b""}[change]
    with FarEnd(answering(200, SUCCESS)) as far_end:
        outcome = submit(far_end.base_url, body, stored=io.BytesIO(stored))
    assert isinstance(outcome, NotSent)
    assert "damaged" in outcome.reason
    assert not far_end.requests


def test_an_empty_submission_does_not_become_a_request() -> None:
    """A body of no octets would be complete with its header, so not even that is sent."""
    with FarEnd(answering(200, SUCCESS)) as far_end:
        assert isinstance(submit(far_end.base_url, b""), NotSent)
    assert far_end.connections == 0


def test_a_body_file_that_cannot_be_read_is_told() -> None:
    """An error of the disk is named, and the mail is not sent."""

    class Broken(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    with FarEnd(answering(200, SUCCESS)) as far_end:
        outcome = submit(far_end.base_url, stored=Broken(BODY))
    assert outcome == NotSent("the stored mail cannot be read: Input/output error")
    assert not far_end.requests


def test_a_progress_that_raises_abandons_the_upload() -> None:
    """The caller's own error comes through as it is, and the mail is not sent."""

    def progress(_sent: int, _total: int) -> None:
        raise LookupError("no such widget")

    with FarEnd(answering(200, SUCCESS)) as far_end, pytest.raises(LookupError, match="no such widget"):
        submit(far_end.base_url, BIG_BODY, progress=progress)
    assert not far_end.requests


def test_every_mail_has_a_connection_of_its_own() -> None:
    """Two mails of one client go over two connections, though the far end offers to keep the first; no cookie stays."""
    kept = http_answer(200, SUCCESS, {"Connection": "keep-alive", "Set-Cookie": "__cf_bm=abc; path=/"})
    with FarEnd(saying(kept)) as far_end, Client(far_end.base_url, ApiToken(TOKEN)) as client:
        for _ in range(2):
            assert client.submit(submission_of(BODY), io.BytesIO(BODY)) == ACCEPTED
    assert far_end.connections == len(far_end.requests) == 2
    assert far_end.requests[0].fields == far_end.requests[1].fields


def test_nothing_is_taken_from_the_environment(
    new_machine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No .netrc, no proxy variable and no certificate file of the environment has a say in where and how mail goes."""
    (new_machine / ".netrc").write_text("machine 127.0.0.1 login ann password secret\n")
    (new_machine / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(new_machine / ".netrc"))
    for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with FarEnd(answering(200, SUCCESS)) as far_end:
        assert submit(far_end.base_url) == ACCEPTED
    assert far_end.requests[0].field("Authorization") == f"Bearer {TOKEN}"


@by_endpoint
def test_a_mail_goes_over_tls_to_a_certified_server(
    endpoint: Endpoint, server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """Over TLS, with a certificate of a trusted authority, every octet of a big mail arrives."""
    with FarEnd(answering(200, SUCCESS), server_tls) as far_end:
        assert submit(far_end.base_url, BIG_BODY, endpoint=endpoint, verify=trusting) == ACCEPTED
    (request,) = far_end.requests
    assert request.body == BIG_BODY


# What an answer means.

REASON = "email.sending.error.made_up"
HTML = "<html>Sorry</html>"
OLD_RESULT = {"delivered": [], "queued": ["bob@example.net"], "permanent_bounces": []}
DECODED: list[tuple[str, int, str | bytes, Outcome]] = [
    ("success", 200, SUCCESS, ACCEPTED),
    (
        "old shape",
        200,
        json.dumps({"success": True, "result": OLD_RESULT}),
        Accepted(Receipt(queued=("bob@example.net",))),
    ),
    (
        "messages are strings",
        200,
        json.dumps({"success": True, "errors": [], "messages": ["note"], "result": RESULT}),
        ACCEPTED,
    ),
    ("202", 202, SUCCESS, ACCEPTED),
    ("200 but refused", 200, failure("10001", REASON), Refused(200, "10001", REASON)),
    *((f"{status}", status, failure("10001", REASON), Refused(status, "10001", REASON)) for status in (400, 403)),
    *(
        (f"{status}", status, failure(10101, REASON), Refused(status, "10101", REASON))
        for status in (401, 404, 413, 422)
    ),
    ("strings as messages", 400, failure(1, REASON, messages=["note"]), Refused(400, "1", REASON)),
    ("429", 429, failure(10004, REASON), Refused(429, "10004", REASON)),
    ("429 HTML", 429, HTML, Refused(429, "", "too many requests")),
    ("500 documented", 500, failure(10002, REASON), Refused(500, "10002", REASON)),
    ("501 documented", 501, failure("10003", REASON), Refused(501, "10003", REASON)),
    ("503 documented", 503, failure(10100, REASON), Refused(503, "10100", REASON)),
    ("500 other code", 500, failure(1, REASON), Unknown(f"{REASON} (HTTP 500)")),
    ("503 other code", 503, failure(1, REASON), Unknown(f"{REASON} (HTTP 503)")),
    *(
        (f"{status} HTML", status, HTML, Unknown(f"the answer is not JSON (HTTP {status})"))
        for status in (200, 403, 500, 502, 503, 504, 520, 522, 524, 530)
    ),
    *((f"{status}", status, failure(1, REASON), Unknown(f"{REASON} (HTTP {status})")) for status in (408, 409, 425)),
    ("truncated JSON", 200, SUCCESS[:-9], Unknown("the answer is not JSON (HTTP 200)")),
    ("JSON of another shape", 200, "[1]", Unknown("the answer has an unknown shape (HTTP 200)")),
    ("deep JSON", 200, "[" * 100_000, Unknown("the answer is not JSON (HTTP 200)")),
    ("not UTF-8", 200, b'{"success": "\xff"}', Unknown("the answer is not JSON (HTTP 200)")),
    ("success without lists", 200, '{"success": true}', Unknown("the answer names no recipients (HTTP 200)")),
    ("success with 500", 500, SUCCESS, Unknown("the answer contradicts itself (HTTP 500)")),
]


@by_endpoint
@pytest.mark.parametrize(
    ("status", "body", "expected"), [row[1:] for row in DECODED], ids=[row[0].replace(" ", "-") for row in DECODED]
)
def test_an_answer_means_one_outcome(endpoint: Endpoint, status: int, body: str | bytes, expected: Outcome) -> None:
    """Each answer to a whole request has its outcome, and no answer makes a second request."""
    with FarEnd(answering(status, body)) as far_end:
        assert submit(far_end.base_url, endpoint=endpoint) == expected
    assert len(far_end.requests) == far_end.connections == 1


def test_an_empty_answer_proves_nothing() -> None:
    """204 says neither who gets the mail nor that nobody does."""
    with FarEnd(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as far_end:
        assert submit(far_end.base_url) == Unknown("the answer is not JSON (HTTP 204)")
    assert len(far_end.requests) == 1


@pytest.mark.parametrize("framing", ["chunked", "until the end"])
def test_an_answer_without_a_length_is_read(framing: str) -> None:
    """Chunked answers and those that end with the connection are as good as any."""
    if framing == "chunked":
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (
            len(SUCCESS),
            SUCCESS.encode(),
        )
    else:
        answer = b"HTTP/1.1 200 OK\r\n\r\n" + SUCCESS.encode()
    with FarEnd(saying(answer)) as far_end:
        assert submit(far_end.base_url) == ACCEPTED
    assert len(far_end.requests) == 1


def test_an_interim_answer_is_passed_over() -> None:
    """100 and 103 come before the answer and are not it."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    with FarEnd(saying(interim, http_answer(200, SUCCESS))) as far_end:
        assert submit(far_end.base_url) == ACCEPTED
    assert len(far_end.requests) == 1


def pointing(status: int, elsewhere: FarEnd) -> Behaviour:
    return answering(status, "", {"Location": f"{elsewhere.base_url}/x"})


@by_endpoint
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_never_followed(endpoint: Endpoint, status: int) -> None:
    """Neither mail nor credential goes where an answer points to."""
    with FarEnd(answering(200, SUCCESS)) as elsewhere, FarEnd(pointing(status, elsewhere)) as far_end:
        outcome = submit(far_end.base_url, endpoint=endpoint)
    assert isinstance(outcome, Refused)
    assert "redirect" in outcome.reason
    assert (len(far_end.requests), far_end.connections, elsewhere.connections) == (1, 1, 0)


def test_see_other_is_not_followed_and_proves_nothing() -> None:
    """303 is the answer to a request that was acted upon, so the mail may be on its way."""
    with FarEnd(answering(200, SUCCESS)) as elsewhere, FarEnd(pointing(303, elsewhere)) as far_end:
        assert isinstance(submit(far_end.base_url), Unknown)
    assert (len(far_end.requests), elsewhere.connections) == (1, 0)


RETRY_AFTER: list[tuple[Mapping[str, str], float | None]] = [
    ({}, None),
    ({"Retry-After": "17"}, 17.0),
    ({"Retry-After": "0"}, 0.0),
    ({"Retry-After": "-5"}, 0.0),
    ({"Retry-After": "1.5"}, 1.5),
    ({"Retry-After": "Thu, 01 Jan 2026 00:01:30 GMT", "Date": "Thu, 01 Jan 2026 00:00:00 GMT"}, 90.0),
    ({"Retry-After": "Thu, 01 Jan 2026 00:00:00 GMT", "Date": "Thu, 01 Jan 2026 00:00:01 GMT"}, 0.0),
    ({"Retry-After": "Thu, 01 Jan 2026 00:01:30 -0000", "Date": "junk"}, 80.0),
    ({"Retry-After": "Thu, 01 Jan 2026 00:01:30 GMT"}, 80.0),
    ({"Retry-After": "soon"}, None),
    ({"Retry-After": ""}, None),
    ({"Retry-After": "inf"}, None),
    ({"Retry-After": "9" * 400}, None),
    ({"Retry-After": "Thu, 01 Jan " + "9" * 40 + " 00:00:00 GMT"}, None),
]


@pytest.mark.parametrize(("fields", "expected"), RETRY_AFTER)
def test_retry_after_is_read_as_seconds_or_date(fields: Mapping[str, str], expected: float | None) -> None:
    """How long to wait is seconds or a date beside the answer's own, never less than nothing, and junk is no limit."""
    with FarEnd(answering(429, failure(10004, REASON), fields)) as far_end:
        client = Client(far_end.base_url, ApiToken(TOKEN), clock=lambda: datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC))
        assert client.submit(submission_of(BODY), io.BytesIO(BODY)) == Refused(429, "10004", REASON, expected)
    assert len(far_end.requests) == 1


def test_a_challenge_of_the_firewall_is_a_refusal() -> None:
    """Cloudflare's challenge page lets nothing through, so that it is no unknown outcome."""
    with FarEnd(answering(403, HTML, {"cf-mitigated": "challenge"})) as far_end:
        outcome = submit(far_end.base_url)
    assert outcome == Refused(403, "", "Cloudflare's firewall asked for a browser and let nothing through")
    assert len(far_end.requests) == 1


@pytest.mark.parametrize(
    ("ray", "reference"),
    [("8f2b3c-FRA", ", reference 8f2b3c-FRA"), ("", ""), ("[red]call us", ""), ("a" * 65, "")],
    ids=["given", "none", "hostile", "long"],
)
def test_the_reference_for_support_is_kept(ray: str, reference: str) -> None:
    """An answer that proves nothing is told with Cloudflare's reference, if it looks like one."""
    with FarEnd(answering(502, HTML, {"cf-ray": ray})) as far_end:
        assert submit(far_end.base_url) == Unknown(f"the answer is not JSON (HTTP 502{reference})")
    assert len(far_end.requests) == 1


def test_a_compressed_answer_is_not_unpacked() -> None:
    """Compression was not asked for; what could grow without limit stays as small as it came."""
    packed = b"\x1f\x8b\x08" + b"\0" * 200
    with FarEnd(answering(200, packed, {"Content-Encoding": "gzip"})) as far_end:
        assert submit(far_end.base_url) == Unknown("the answer is not JSON (HTTP 200)")
    assert len(far_end.requests) == 1


# What is never shown.


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize(
    "credential", [ApiToken(TOKEN), GlobalKey("ann@example.com", Secret(TOKEN))], ids=["token", "key"]
)
def test_a_server_that_repeats_the_credential_is_not_quoted_with_it(
    status: int, credential: ApiToken | GlobalKey
) -> None:
    """A server's words go to the screen and the history; the credential and the account in them do not."""
    words = f"could not route /accounts/{ACCOUNT_ID} for {TOKEN}"
    with FarEnd(answering(status, failure(7003, words))) as far_end:
        outcome = submit(far_end.base_url, credential=credential)
    assert isinstance(outcome, Refused | Unknown)
    assert outcome.reason.startswith("could not route /accounts/… for …")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", ""),
        ("nothing of it", "nothing of it"),
        (f"Bearer {TOKEN}", "Bearer …"),
        (f"{TOKEN}{TOKEN[:9]} and {TOKEN[-8:]}", "… and …"),
        (f"the token {TOKEN[:10]}... has expired", "the token …... has expired"),
        (TOKEN[:7], TOKEN[:7]),
        ("a token must-not-go", "a token …go"),
    ],
)
def test_parts_of_a_secret_count(said: str, told: str) -> None:
    """What a server cuts before it repeats it is as secret; the words around it stay."""
    assert without(said, ["", TOKEN]) == told


def test_the_owner_of_a_key_may_be_a_recipient() -> None:
    """The address that goes with a global key is told where it is one of the mail's, and is no reason to hide words."""
    result = RESULT | {"message_id": f"<{TOKEN}@example.net>"}
    credential = GlobalKey("bob@example.net", Secret(TOKEN))
    with FarEnd(answering(200, json.dumps({"success": True, "result": result}))) as far_end:
        outcome = submit(far_end.base_url, credential=credential)
    assert outcome == Accepted(Receipt(delivered=("bob@example.net",), message_id="<…@example.net>"))
    with FarEnd(answering(400, failure(7003, "bob@example.net: example.net is not set up"))) as far_end:
        assert submit(far_end.base_url, credential=credential) == Refused(400, "7003", "…: example.net is not set up")


def test_no_log_names_the_credential_or_the_account(caplog: pytest.LogCaptureFixture) -> None:
    """However much is logged, the libraries' accounts of requests and answers are not."""
    for name in (None, "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger=name)
    repeated = {"Location": f"/accounts/{ACCOUNT_ID}", "X-Echo": TOKEN}
    for status in (200, 302, 500):
        with FarEnd(answering(status, SUCCESS, repeated)) as far_end:
            submit(far_end.base_url)
    logging.getLogger("cfmail_tui.test").debug("the log works")
    assert "the log works" in caplog.text
    assert TOKEN not in caplog.text
    assert ACCOUNT_ID not in caplog.text
