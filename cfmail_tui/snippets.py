"""The request of one mail as a text for other tools: curl, Python, Go and wrangler. Pure.

Invariants:
- what is run sends the body octet for octet, once, and follows no redirect with the credential; but for wrangler, which
  makes a body of its own: of a form's mail the same fields, or its message;
- no credential stands in it, and no account: both are read from the environment when it is run;
- a body that is big, or holds what a terminal may not pass on unchanged, is read from a file.
"""

import json
import shlex
from collections.abc import Iterator
from typing import Any, Final, Literal, assert_never
from urllib.parse import urlsplit

from cfmail_tui.frozen import frozen
from cfmail_tui.submission import Submission

Tool = Literal["curl", "Python", "Go", "wrangler"]
TOOLS: Final[tuple[Tool, ...]] = ("curl", "Python", "Go", "wrangler")

INLINE_LIMIT: Final = 4096
"""Octets of a body that still stands in the text itself: some screens, and less than terminals take in a paste."""

_SUFFIXES: Final = {"curl": ".sh", "Python": ".py", "Go": ".go", "wrangler": ".sh"}


@frozen
class Call:
    """The request of one mail; `body` is what leaves, None where it is too big to be looked at."""

    base_url: str
    submission: Submission
    body: bytes | None = None
    by_key: bool = False
    """Whether it is made with a global API key instead of a token."""

    @property
    def path(self) -> str:
        """Below the account, which the environment names."""
        return f"/email/sending/{self.submission.endpoint}"

    @property
    def inline(self) -> str | None:
        """The body where it can stand in a text; it is JSON, so that it is one line."""
        if self.body is None or len(self.body) > INLINE_LIMIT:
            return None
        text = self.body.decode("utf-8", "replace")
        return text if text.isprintable() else None

    @property
    def credential(self) -> tuple[tuple[str, str, str], ...]:
        """Header fields with what stands before the value, and the variable that has it."""
        if self.by_key:
            return ("X-Auth-Email", "", "CLOUDFLARE_EMAIL"), ("X-Auth-Key", "", "CLOUDFLARE_API_KEY")
        return (("Authorization", "Bearer ", "CLOUDFLARE_API_TOKEN"),)


@frozen
class Snippet:
    """A text to be run; `needs` is the file it reads: the request's "body", the "message", or none ("")."""

    text: str
    suffix: str
    needs: Literal["", "body", "message"] = ""


def snippet(tool: Tool, call: Call, file: str) -> Snippet:
    """The request as a text for this tool; `file` is the path, without its suffix, of what it has to read."""
    needs: Literal["", "body"] = "" if call.inline is not None else "body"
    suffix = _SUFFIXES[tool]
    match tool:
        case "curl":
            return Snippet(_curl(call, f"{file}.json"), suffix, needs)
        case "Python":
            return Snippet(_python(call, f"{file}.json"), suffix, needs)
        case "Go":
            return Snippet(_go(call, f"{file}.json"), suffix, needs)
        case "wrangler":
            options = _wrangler_options(call)
            if options is None:
                return Snippet(_wrangler_raw(call, f"{file}.eml"), suffix, "message")
            return Snippet(_command("wrangler email sending send", options), suffix)
        case _:
            assert_never(tool)


def _curl(call: Call, file: str) -> str:
    # The shell puts the variable's value in: single quotes would keep it out.
    fields = [f'-H "{name}: {before}${variable}"' for name, before, variable in call.credential]
    body = shlex.quote(call.inline) if call.inline is not None else f"@{shlex.quote(file)}"
    url = f'{shlex.quote(call.base_url)}/accounts/"$CLOUDFLARE_ACCOUNT_ID"{call.path}'
    return _command(f"curl {url}", [*fields, '-H "Content-Type: application/json"', f"--data-binary {body}"])


def _python(call: Call, file: str) -> str:
    parts = urlsplit(call.base_url)
    kind = "HTTPSConnection" if parts.scheme == "https" else "HTTPConnection"
    inline = call.inline
    body = f"{inline!r}.encode()" if inline is not None else f"pathlib.Path({file!r}).read_bytes()"
    fields = [
        f'    "{name}": {_with_before(before)}os.environ["{variable}"],' for name, before, variable in call.credential
    ]
    return "\n".join(
        [
            "import http.client",
            "import os",
            *([] if inline is not None else ["import pathlib"]),
            "",
            f"body = {body}",
            "header = {",
            *fields,
            '    "Content-Type": "application/json",',
            "}",
            f'path = {parts.path + "/accounts/"!r} + os.environ["CLOUDFLARE_ACCOUNT_ID"] + "{call.path}"',
            f"connection = http.client.{kind}({parts.netloc!r}, timeout=120)",
            'connection.request("POST", path, body, header)',
            "answer = connection.getresponse()",
            "print(answer.status, answer.read().decode())",
            "",
        ]
    )


def _go(call: Call, file: str) -> str:
    inline = call.inline
    url = f'{_quoted(call.base_url + "/accounts/")} + os.Getenv("CLOUDFLARE_ACCOUNT_ID") + "{call.path}"'
    fields = [
        f'\trequest.Header.Set("{name}", {_with_before(before)}os.Getenv("{variable}"))'
        for name, before, variable in call.credential
    ]
    if inline is not None:
        read = [f"\tbody := []byte({_quoted(inline)})"]
    else:
        read = [f"\tbody, err := os.ReadFile({_quoted(file)})", *_or_panic()]
    return "\n".join(
        [
            "package main",
            "",
            "import (",
            *(f'\t"{package}"' for package in ("bytes", "fmt", "io", "net/http", "os")),
            ")",
            "",
            "func main() {",
            *read,
            f'\trequest, err := http.NewRequest("POST", {url}, bytes.NewReader(body))',
            *_or_panic(),
            *fields,
            '\trequest.Header.Set("Content-Type", "application/json")',
            "\t// RoundTrip follows no redirect.",
            "\tanswer, err := http.DefaultTransport.RoundTrip(request)",
            *_or_panic(),
            "\tdefer answer.Body.Close()",
            "\ttext, err := io.ReadAll(answer.Body)",
            *_or_panic(),
            "\tfmt.Println(answer.Status, string(text))",
            "}",
            "",
        ]
    )


def _or_panic() -> tuple[str, ...]:
    return "\tif err != nil {", "\t\tpanic(err)", "\t}"


def _with_before(before: str) -> str:
    return f'"{before}" + ' if before else ""


def _quoted(text: str) -> str:
    """A string of Go, whose escapes are those of JSON where neither has half a character."""
    return json.dumps(text, ensure_ascii=False)


def _wrangler_options(call: Call) -> list[str] | None:
    """The options that say the same as the body; None where it says what wrangler has no option for."""
    if call.inline is None or call.submission.endpoint != "send":
        return None
    fields = json.loads(call.inline)
    named = [one for key in ("to", "cc", "bcc") for one in _listed(fields.get(key, [])) if isinstance(one, dict)]
    if named or fields.get("attachments"):
        return None
    return [*_options(fields)]


def _options(fields: dict[str, Any]) -> Iterator[str]:
    for key, option in (("from", "from"), ("reply_to", "reply-to")):
        match fields.get(key):
            case str(address):
                yield f"--{option} {shlex.quote(address)}"
            case {"address": str(address), "name": str(name)}:
                yield f"--{option} {shlex.quote(address)}"
                yield f"--{option}-name {shlex.quote(name)}"
    for key in ("to", "cc", "bcc"):
        for address in _listed(fields.get(key, [])):
            yield f"--{key} {shlex.quote(address)}"
    for name, body in fields.get("headers", {}).items():
        yield f"--header {shlex.quote(f'{name}: {body}')}"
    for key in ("subject", "text", "html"):
        if key in fields:
            yield f"--{key} {shlex.quote(fields[key])}"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _wrangler_raw(call: Call, file: str) -> str:
    envelope = call.submission.envelope
    to = [f"--to {shlex.quote(address)}" for address in envelope.recipients]
    options = [f"--from {shlex.quote(envelope.sender)}", *to, f"--mime-file {shlex.quote(file)}"]
    return _command("wrangler email sending send-raw", options)


def _command(begin: str, options: list[str]) -> str:
    return " \\\n  ".join([begin, *options]) + "\n"
