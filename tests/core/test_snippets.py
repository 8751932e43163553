"""A request as a text for other tools: exact, without a credential, and what is too much for a text in a file."""

import ast
import json
import re
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui.snippets import INLINE_LIMIT, TOOLS, Call, Tool, snippet
from cfmail_tui.submission import Endpoint, Envelope, Submission

BASE = "https://api.cloudflare.com/client/v4"
FIELDS: dict[str, Any] = {"from": "me@acme.example", "subject": "Hi", "to": "bob@example.com", "text": 'it\'s\n"x" $y'}


def call(
    fields: dict[str, Any] | None = None, *, endpoint: Endpoint = "send", base: str = BASE, by_key: bool = False
) -> Call:
    body = json.dumps(FIELDS if fields is None else fields, ensure_ascii=False).encode()
    envelope = Envelope("me@acme.example", ("bob@example.com", "eve's@example.net"))
    made = Submission("0" * 16, "account-id", endpoint, envelope, "Hi", 1, len(body), "")
    return Call(base, made, body, by_key=by_key)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("by_key", [False, True])
def test_credential_and_account_are_named_not_shown(tool: Tool, *, by_key: bool) -> None:
    """Of account and credential only the names of variables stand there; wrangler reads them by itself."""
    text = snippet(tool, call(by_key=by_key), "/tmp/m").text
    assert "account-id" not in text
    names = ["CLOUDFLARE_EMAIL", "CLOUDFLARE_API_KEY"] if by_key else ["CLOUDFLARE_API_TOKEN"]
    assert all((name in text) is (tool != "wrangler") for name in [*names, "CLOUDFLARE_ACCOUNT_ID"])


@pytest.mark.parametrize("tool", TOOLS)
def test_what_is_big_or_not_printable_is_read_from_a_file(tool: Tool) -> None:
    """A body that a paste could change stands in a file of which the text has the path, safely quoted."""
    for fields in (FIELDS | {"text": "x" * INLINE_LIMIT}, FIELDS | {"text": "a\u202eb"}):
        made = snippet(tool, call(fields), "/tmp/it's")
        assert made.needs == ("message" if tool == "wrangler" else "body")
        assert ("'/tmp/it'\"'\"'s." in made.text) is (tool in {"curl", "wrangler"})
        assert "x" * 99 not in made.text
    assert snippet(tool, call(), "/tmp/m").needs == ""


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_go_and_python_strings_are_the_body(text: str) -> None:
    """What stands between the quotes is the body, as each language reads its escapes."""
    made = call(FIELDS | {"text": text})
    if made.inline is None:
        return
    python = ast.parse(snippet("Python", made, "/tmp/m").text)
    strings = {node.value for node in ast.walk(python) if isinstance(node, ast.Constant)}
    assert made.inline in strings
    go = snippet("Go", made, "/tmp/m").text
    literal = re.search(r'\[\]byte\(("(?:[^"\\]|\\.)*")\)', go)
    assert literal
    # The escapes that stand there are those that Go's and JSON's strings share.
    assert set(re.findall(r"\\(.)", literal[1])) <= {"\\", '"', "n", "t", "r", "b", "f"}
    assert json.loads(literal[1]) == made.inline


def test_a_go_program_is_whole() -> None:
    """Each package that is imported is used, the braces close, and no redirect is followed."""
    for fields in (FIELDS, FIELDS | {"text": "x" * INLINE_LIMIT}):
        text = snippet("Go", call(fields), "/tmp/m").text
        for package in re.findall(r'^\t"([\w/]+)"$', text, re.MULTILINE):
            assert f"{package.rpartition('/')[2]}." in text
        assert text.count("{") - text.count("}") == 0
        assert "RoundTrip" in text
        assert text.count("os.ReadFile") == (0 if fields is FIELDS else 1)


def test_wrangler_says_what_it_has_options_for() -> None:
    """A plain mail becomes options, whose words a shell gives back unchanged."""
    fields = FIELDS | {
        "from": {"address": "me@acme.example", "name": "O'Me"}, "cc": ["a@x.example", "b@x.example"],
        "reply_to": "r@x.example", "headers": {"X-A": "1 2"}, "html": "<p>ü</p>",
    }  # fmt: skip
    words = shlex.split(snippet("wrangler", call(fields), "/tmp/m").text.replace(" \\\n", " "))
    assert words[:4] == ["wrangler", "email", "sending", "send"]
    options = [*zip(words[4::2], words[5::2], strict=True)]
    assert options == [
        ("--from", "me@acme.example"), ("--from-name", "O'Me"), ("--reply-to", "r@x.example"),
        ("--to", "bob@example.com"), ("--cc", "a@x.example"), ("--cc", "b@x.example"), ("--header", "X-A: 1 2"),
        ("--subject", "Hi"), ("--text", "it's\n\"x\" $y"), ("--html", "<p>ü</p>"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [FIELDS | {"to": [{"address": "b@x.example", "name": "Bob"}]}, FIELDS | {"attachments": [{"filename": "x"}]}],
)
def test_wrangler_gets_the_message_where_it_has_no_option(fields: dict[str, Any]) -> None:
    """Names of recipients and files as cfmail sends them go as a message, to the envelope's recipients."""
    made = snippet("wrangler", call(fields), "/tmp/m")
    assert made.needs == "message"
    assert shlex.split(made.text.replace(" \\\n", " ")) == [
        "wrangler", "email", "sending", "send-raw", "--from", "me@acme.example", "--to", "bob@example.com",
        "--to", "eve's@example.net", "--mime-file", "/tmp/m.eml",
    ]  # fmt: skip
    assert snippet("wrangler", call(endpoint="send_raw"), "/tmp/m").needs == "message"
