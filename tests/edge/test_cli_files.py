"""A mail kept as a file is opened and sent as what it says, and what is wrong with it is told by its line."""

from pathlib import Path
from typing import Any

import pytest

from cfmail_tui.cli import composing
from cfmail_tui.message import AttachmentDraft, Draft, RawDraft
from cfmail_tui.sandbox import Sandbox
from tests.edge.cli_run import RAW, Cfmail, use

LETTER = """\
---
From: Alice <alice@acme.example>
To: bob@example.net
Reply-To: office@acme.example
Subject: Hello
X-Campaign: spring
Attach: report.txt; filename=Figures.txt
Body: markdown
---

Hello **Bob**
"""


@pytest.fixture
def cfmail(
    capsysbinary: pytest.CaptureFixture[bytes], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, new_machine: Path
) -> Cfmail:
    use(sandbox, monkeypatch)
    monkeypatch.chdir(new_machine)
    Path("mails").mkdir()
    Path("mails/letter.mail").write_text(LETTER)
    Path("mails/report.txt").write_text("42")
    return Cfmail(capsysbinary)


class TestSend:
    def test_what_the_file_says(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """Fields, header fields, the files beside it and both bodies of its Markdown leave."""
        assert cfmail("send", "mails/letter.mail").code == 0
        (message,) = sandbox.messages()
        request = message["request"]
        assert request["from"] == {"address": "alice@acme.example", "name": "Alice"}
        assert (request["to"], request["subject"]) == ("bob@example.net", "Hello")
        assert (request["reply_to"], request["headers"]) == ("office@acme.example", {"X-Campaign": "spring"})
        assert request["text"] == "Hello Bob\n"
        assert "<strong>Bob</strong>" in request["html"]
        assert [part["filename"] for part in request["attachments"]] == ["Figures.txt"]

    def test_flags_beside_it(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """Flags add recipients and header fields, and their other fields go before the file's; also by a pipe."""
        Path("report.txt").write_text("43")
        Path("page.html").write_text("<p>Mine</p>")
        flags = ("--to", "c@example.net", "--subject", "Mine", "--header", "X-B: 1", "--html", "page.html")
        assert cfmail("send", "-", *flags, "--reply-to", "me@acme.example", stdin=LETTER.encode()).code == 0
        (message,) = sandbox.messages()
        request = message["request"]
        assert (request["to"], request["subject"]) == (["bob@example.net", "c@example.net"], "Mine")
        assert (request["reply_to"], request["html"], request["text"]) == (
            "me@acme.example",
            "<p>Mine</p>",
            "Hello Bob\n",
        )
        assert request["headers"] == {"X-Campaign": "spring", "X-B": "1"}

    def test_the_line_of_what_is_wrong(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """A field that cannot be sent, and one that cannot be read, are told with file and line."""
        path = Path("mails/letter.mail")
        path.write_text(LETTER.replace("bob@example.net", "bob@"))
        ran = cfmail("send", "mails/letter.mail", "--json")
        assert ran.code == 65
        assert ran.json["problems"][0]["problem"].startswith("mails/letter.mail:3: ")
        path.write_text(LETTER.replace("Subject: Hello", "Hello"))
        ran = cfmail("send", "mails/letter.mail")
        assert ran.code == 65
        assert "mails/letter.mail:5: “Hello” is no field" in ran.err
        assert not sandbox.messages()

    def test_a_text_stays_a_text(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """With --text, and without a field behind its dashes, a file is the body as it stands."""
        Path("dashes.txt").write_text("---\nthree dashes above\n")
        fields = ("--from", "me@acme.example", "--to", "bob@example.net", "--subject", "Hi")
        assert cfmail("send", *fields, "dashes.txt").code == 0
        assert cfmail("send", *fields, "--text", "mails/letter.mail").code == 0
        assert [message["request"]["text"] for message in sandbox.messages()] == ["---\nthree dashes above\n", LETTER]


@pytest.mark.parametrize("piped", [False, True])
def test_opened_in_the_form(cfmail: Cfmail, monkeypatch: pytest.MonkeyPatch, piped: bool) -> None:
    """`cfmail FILE` and `cfmail -` fill the form with the file; an .eml goes on opening the raw editor."""
    first: list[Any] = []

    def opened(one: object, **_: object) -> int:
        first.append(one)
        return 0

    monkeypatch.setattr(composing, "_open_composer", opened)
    given = ("-", LETTER.encode()) if piped else ("mails/letter.mail", b"")
    assert cfmail(given[0], "--cc", "c@example.net", stdin=given[1]).code == 0
    draft = first[0].draft
    assert isinstance(draft, Draft)
    assert (draft.to, draft.cc, draft.markdown) == ("bob@example.net", "c@example.net", "Hello **Bob**")
    folder = Path.cwd() if piped else Path.cwd() / "mails"
    assert [one.path for one in draft.attachments] == [str(folder / "report.txt")]
    assert all(isinstance(one, AttachmentDraft) and bool(one.seen) is not piped for one in draft.attachments)
    Path("message.eml").write_bytes(RAW)
    assert cfmail("message.eml").code == 0
    assert isinstance(first[1].draft, RawDraft)
    assert cfmail("mailto:bob@example.net?from=x@y.example").code == 0
    assert first[2].notes == ("the link also asks for from: left out",)
