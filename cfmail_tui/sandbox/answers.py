"""What leaves the server: the answer as bytes, the API's envelope, and refusals.

A refusal is raised where it is found and becomes an answer in one place, `render_error`. The API's messages are
machine strings without detail; the sandbox adds the detail in the answer's header field `X-Sandbox-Reason`, which no
client needs and every puzzled developer wants.
"""

import json
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, Literal, Self

Json = dict[str, Any]

INVALID = "email.sending.error.email.invalid"
TOO_BIG = "email.sending.error.email.too_big"
SCHEMA = "email.sending.error.invalid_request_schema"

EDGE_PAGE = """<!DOCTYPE html>
<html lang="en-US">
<head><title>api.cloudflare.com | 502: Bad gateway</title><meta charset="UTF-8" /></head>
<body>
<div id="cf-wrapper"><div id="cf-error-details">
<h1><span>Bad gateway</span> <span>Error code 502</span></h1>
<p>The web server reported a bad gateway error.</p>
</div></div>
</body>
</html>
"""


class Ending(Enum):
    """What becomes of the connection: the two faults that only the transport can show."""

    ANSWERED = auto()
    CUT = auto()
    """The connection ends without a single octet of answer."""
    HALF = auto()
    """Content-Length promises the whole body, half of it is sent, then the connection ends."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json"
    header_fields: tuple[tuple[str, str], ...] = ()
    ending: Ending = Ending.ANSWERED
    delay: float = 0.0
    """Seconds between accepting the request and answering it."""

    def after(self, seconds: float) -> Self:
        return replace(self, delay=seconds)


class ApiError(Exception):
    """The request is refused: HTTP status, the error's code and message as they go over the wire.

    `code` is None where the real API sends an error without one (suppressions), and text where the API documents a
    word (`scope_immutable`). `reason` says in plain words what was wrong.
    """

    def __init__(
        self,
        status: int,
        code: int | str | None,
        message: str,
        *,
        reason: str = "",
        chain: tuple[tuple[int, str], ...] = (),
        header_fields: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message, reason)
        self.status = status
        self.code = code
        self.message = message
        self.reason = reason
        self.chain = chain
        self.header_fields = header_fields


def schema_error(reason: str) -> ApiError:
    """The body does not have the documented shape."""
    return ApiError(400, 10001, SCHEMA, reason=reason)


def invalid_email(reason: str) -> ApiError:
    """The shape is right and the content breaks a documented rule."""
    return ApiError(400, 10202, INVALID, reason=reason)


def too_big(reason: str) -> ApiError:
    return ApiError(400, 10200, TOO_BIG, reason=reason)


def no_route(method: str, path: str) -> ApiError:
    return ApiError(400, 7003, "No route for the URI", reason=f"no such route: {method} {path}")


def envelope(result: object, *, info: Json | None = None, messages: list[Json] | None = None) -> Json:
    body: Json = {"success": True, "errors": [], "messages": messages or [], "result": result}
    if info is not None:
        body["result_info"] = info
    return body


def failure(code: int | str | None, message: str, chain: tuple[tuple[int, str], ...] = ()) -> Json:
    error: Json = {"message": message} if code is None else {"code": code, "message": message}
    if chain:
        error["error_chain"] = [{"code": number, "message": text} for number, text in chain]
    return {"success": False, "errors": [error], "messages": [], "result": None}


def json_answer(body: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(body).encode("ascii"))


def success(result: object, *, info: Json | None = None, messages: list[Json] | None = None) -> Answer:
    return json_answer(envelope(result, info=info, messages=messages))


def edge_page(status: int) -> Answer:
    """An error page of the edge in front of the API: HTML, no envelope."""
    return Answer(status, EDGE_PAGE.replace("502", str(status)).encode(), "text/html; charset=UTF-8")


def render_error(error: ApiError, numbering: Literal["docs", "openapi"], *, codes_as_text: bool) -> Answer:
    """The refusal as an answer, with the numbers of the source that `numbering` names.

    The documentation page and the OpenAPI file give 10200 and 10202 to each other's message (4.2), and the OpenAPI
    file types `code` as text for 400 and 403.
    """
    code = error.code
    if numbering == "openapi" and error.message in {INVALID, TOO_BIG}:
        code = 10200 if error.message == INVALID else 10202
    if codes_as_text and error.status in {400, 403} and code is not None:
        code = str(code)
    body = json.dumps(failure(code, error.message, error.chain)).encode("ascii")
    fields = error.header_fields
    if error.reason:
        # Escaped: the reason may quote what the client sent, and that must not become header fields of the answer.
        fields = (*fields, ("X-Sandbox-Reason", error.reason[:500].encode("unicode_escape").decode("ascii")))
    return Answer(error.status, body, header_fields=fields)
