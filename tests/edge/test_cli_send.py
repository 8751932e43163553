"""What `cfmail send` and `send-raw` are given is what arrives, and nothing else."""

import base64
import io
import json
import os
import re
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

import pytest

from cfmail_tui import cli
from cfmail_tui.sandbox import Sandbox
from tests.edge.cli_run import FIELDS, PATIENCE, RAW, Cfmail, bodies, cfmail_process, decoded, kept_files, use

CONTENT: Final = bytes(range(256)) * 700 + b"\r\n\n\r"
"""Every octet there is, over more than one block."""


@pytest.fixture
def cfmail(
    capsysbinary: pytest.CaptureFixture[bytes], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, new_machine: Path
) -> Cfmail:
    use(sandbox, monkeypatch)
    monkeypatch.chdir(new_machine)
    return Cfmail(capsysbinary)


def arrived(sandbox: Sandbox) -> Any:
    """The one request that the sandbox took, as JSON."""
    (message,) = sandbox.messages()
    return message["request"]


def mail(sandbox: Sandbox) -> EmailMessage:
    """The mail that the sandbox made of it, by a parser of its own."""
    return decoded(sandbox.mime(1))


class TestFields:
    def test_plain_mail(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """The least there is: From, To, Subject and a text, each as given."""
        ran = cfmail("send", *FIELDS, "-", stdin="Grüße\nund Kuß\n".encode())
        assert ran.code == 0
        assert arrived(sandbox) == {
            "from": "me@acme.example",
            "to": "bob@example.net",
            "subject": "Hello",
            "text": "Grüße\nund Kuß\n",
        }
        assert mail(sandbox).get_content() == "Grüße\r\nund Kuß\r\n"

    def test_every_field(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """Names, lists and repeated flags all arrive, in the order given, each in its own place."""
        ran = cfmail(
            *("send", "--from", '"Example, Alice" <alice@acme.example>', "--reply-to", "Réply <reply@acme.example>"),
            *("--to", "a@example.net, Bob Builder <b@example.net>", "--to", "c@bücher.example"),
            *("--cc", "d@example.net", "--cc", "“E” <e@example.net>; f@example.net", "--bcc", "g@example.net"),
            *("--subject", "Grüße – 你好 👩‍👩‍👧", "--header", "X-Campaign: Größe", "--header", "Importance: high", "-"),
            stdin=b"Hi",
        )
        assert ran.code == 0
        assert arrived(sandbox) == {
            "from": {"address": "alice@acme.example", "name": "Example, Alice"},
            "to": ["a@example.net", {"address": "b@example.net", "name": "Bob Builder"}, "c@xn--bcher-kva.example"],
            "cc": ["d@example.net", {"address": "e@example.net", "name": "“E”"}, "f@example.net"],
            "bcc": "g@example.net",
            "reply_to": {"address": "reply@acme.example", "name": "Réply"},
            "subject": "Grüße – 你好 👩‍👩‍👧",
            "headers": {"X-Campaign": "Größe", "Importance": "high"},
            "text": "Hi",
        }
        assert b"g@example.net" not in sandbox.mime(1)
        assert mail(sandbox)["Subject"] == "Grüße – 你好 👩‍👩‍👧"
        assert mail(sandbox)["Reply-To"].addresses[0].display_name == "Réply"

    def test_only_hidden_recipients(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """A mail to Bcc recipients alone is one."""
        assert (
            cfmail("send", *FIELDS[:2], "--bcc", "a@example.net", "--bcc", "b@example.net", "-", stdin=b"x").code == 0
        )
        assert arrived(sandbox)["bcc"] == ["a@example.net", "b@example.net"]

    def test_same_recipient_twice(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """A recipient named twice is told of once."""
        ran = cfmail("send", *FIELDS, "--cc", "bob@EXAMPLE.net", "-", "--json", stdin=b"x")
        assert ran.json["recipients"] == [{"address": "bob@example.net", "status": "delivered"}]

    @pytest.mark.parametrize("flags", [("--subject", ""), ()])
    def test_without_subject(self, cfmail: Cfmail, sandbox: Sandbox, flags: tuple[str, ...]) -> None:
        """A mail may have no subject."""
        assert cfmail("send", *FIELDS[:4], *flags, "-", stdin=b"x").code == 0
        assert arrived(sandbox)["subject"] == ""


class TestBodies:
    @pytest.mark.parametrize("flags", [("text.txt",), ("--text", "text.txt"), ("-",), ("--text", "-")])
    def test_text(self, cfmail: Cfmail, sandbox: Sandbox, flags: tuple[str, ...]) -> None:
        """The text comes from a file or from standard input; its mark and its CRLF are the file's and do not arrive."""
        content = "\ufeffGrüße\r\n\ttab, NUL \0 and \u2028\r\n".encode()
        Path("text.txt").write_bytes(content)
        assert cfmail("send", *FIELDS, *flags, stdin=content).code == 0
        assert arrived(sandbox)["text"] == "Grüße\n\ttab, NUL \0 and \u2028\n"

    @pytest.mark.parametrize("flags", [("--html", "page.html"), ("--html", "-")])
    def test_html(self, cfmail: Cfmail, sandbox: Sandbox, flags: tuple[str, ...]) -> None:
        """An HTML body may stand alone, or beside a text."""
        page = "<p>Grüße &amp; Kuß</p>\n"
        Path("page.html").write_text(page)
        Path("text.txt").write_text("Grüße")
        assert cfmail("send", *FIELDS, *flags, stdin=page.encode()).code == 0
        assert cfmail("send", *FIELDS, *flags, "--text", "text.txt", stdin=page.encode()).code == 0
        first, second = (message["request"] for message in sandbox.messages())
        assert (first.get("text"), first["html"]) == (None, page)
        assert (second["text"], second["html"]) == ("Grüße", page)

    @pytest.mark.parametrize("name", ["notes.md", "-"])
    def test_markdown(self, cfmail: Cfmail, sandbox: Sandbox, name: str) -> None:
        """From Markdown both bodies are made: HTML in a page with its styles inlined, and a text without marks."""
        text = "# Grüße\n\nsome *text* & ~~more~~\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
        Path("notes.md").write_text(text)
        assert cfmail("send", *FIELDS, "--markdown", name, stdin=text.encode()).code == 0
        request = arrived(sandbox)
        assert request["text"] == "Grüße\n=====\n\nsome text & more\n\na | b\n--+--\n1 | 2\n"
        for part in (">Grüße</h1>", "<em>text</em> &amp; <s>more</s>", ">1</td>", "</html>"):
            assert part in request["html"]

    def test_markdown_in_a_template(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """The page that a Markdown body is put into can be the user's own, found beside the settings."""
        folder = Path(os.environ["CFMAIL_HOME"], "config")
        (folder / "config.toml").write_text('markdown_template = "page.html"')
        (folder / "page.html").write_text("<main>{{body}}</main>")
        assert cfmail("send", *FIELDS, "--markdown", "-", stdin=b"Hello").code == 0
        assert re.fullmatch(r"<main><p[^>]*>Hello</p></main>", arrived(sandbox)["html"])
        (folder / "page.html").write_text("<main></main>")
        ran = cfmail("send", *FIELDS, "--markdown", "-", stdin=b"Hello")
        assert (ran.code, len(sandbox.messages())) == (65, 1)
        assert "has no {{body}} in it" in ran.err

    def test_html_beside_markdown(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """HTML of one's own is taken in place of what would be made."""
        Path("notes.md").write_text("*text*")
        assert cfmail("send", *FIELDS, "--markdown", "notes.md", "--html", "-", stdin=b"<p>own").code == 0
        assert (arrived(sandbox)["text"], arrived(sandbox)["html"]) == ("text\n", "<p>own")

    def test_text_from_another_command(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """A shell's `<(command)` is a file like any other, though it is a pipe that holds less."""
        use(sandbox, monkeypatch)
        line = '"$0" -m cfmail_tui send --from me@acme.example --to bob@example.net --text <(seq 30000)'
        ran = subprocess.run(["bash", "-c", line, sys.executable], timeout=PATIENCE, check=False, capture_output=True)
        assert ran.returncode == 0, ran.stderr
        assert arrived(sandbox)["text"] == "".join(f"{number}\n" for number in range(1, 30001))


class TestFiles:
    def test_attachments(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """Every file arrives to the octet, under its name and type, in the order given."""
        names = ["report.pdf", "Größe 你好.txt", "noextension", "archive.tar.gz", "a=b;c\"d'e.png", "data:x,y.gif"]
        for number, name in enumerate(names):
            Path(name).write_bytes(CONTENT + bytes([number]))
        Path("empty.csv").touch()
        flags = [part for name in [*names, "empty.csv"] for part in ("--attach", name)]
        assert cfmail("send", *FIELDS, *flags, "-", stdin=b"Hi").code == 0
        sent = arrived(sandbox)["attachments"]
        assert [part["filename"] for part in sent] == [*names, "empty.csv"]
        assert [part["type"] for part in sent] == [
            "application/pdf", "text/plain", "application/octet-stream", "application/gzip", "image/png", "image/gif",
            "text/csv",
        ]  # fmt: skip
        parts = [part for part in mail(sandbox).walk() if part.get_content_disposition() == "attachment"]
        for number, (name, part, one) in enumerate(zip(names, parts, sent, strict=False)):
            assert base64.b64decode(one["content"], validate=True) == CONTENT + bytes([number])
            assert part.get_payload(decode=True) == CONTENT + bytes([number])
            assert part.get_filename() == name
        assert parts[-1].get_payload(decode=True) == b""

    def test_inline(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """PATH=CID names the part, PATH alone gets a name made of the file's; a path may have an = of its own."""
        for name in ("logo.png", "a=b.png", "größe 1.png"):
            Path(name).write_bytes(CONTENT)
        flags = (
            "--inline",
            "logo.png=logo@1",
            "--inline",
            "a=b.png=ab",
            "--inline",
            "a=b.png",
            "--inline",
            "größe 1.png",
        )
        assert cfmail("send", *FIELDS, *flags, "--html", "-", stdin=b'<img src="cid:logo@1">').code == 0
        sent = arrived(sandbox)["attachments"]
        assert [(part["filename"], part["content_id"]) for part in sent] == [
            ("logo.png", "logo@1"),
            ("a=b.png", "ab"),
            ("a=b.png", "a-b.png"),
            ("größe 1.png", "gr--e-1.png"),
        ]
        assert all(base64.b64decode(part["content"]) == CONTENT for part in sent)
        assert {part["Content-ID"] for part in mail(sandbox).walk()} >= {"<logo@1>", "<ab>", "<a-b.png>"}

    def test_same_content_id_twice(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """Two inline files never share a name."""
        Path("logo.png").write_bytes(b"1")
        flags = ["--inline", "logo.png"] * 3
        assert cfmail("send", *FIELDS, *flags, "--html", "-", stdin=b"<p>").code == 0
        assert len({part["content_id"] for part in arrived(sandbox)["attachments"]}) == 3

    def test_patterns(self, cfmail: Cfmail, sandbox: Sandbox, new_machine: Path) -> None:
        """A quoted pattern, a home and a file URI are understood, also inline; a name with a * is first a name."""
        for name in ("b.csv", "a.csv", "*.txt", "not.txt", "logo 1.png"):
            (new_machine / name).write_bytes(CONTENT)
        flags = ("--attach", "*.csv", "--attach", "*.txt", "--attach", "~/not.txt")
        inline = ("--inline", f"file://{new_machine}/logo%201.png=logo")
        assert cfmail("send", *FIELDS, *flags, *inline, "-", stdin=b"Hi").code == 0
        names = [part["filename"] for part in arrived(sandbox)["attachments"]]
        assert names == ["a.csv", "b.csv", "*.txt", "not.txt", "logo 1.png"]
        assert arrived(sandbox)["attachments"][-1]["content_id"] == "logo"

    def test_what_should_be_known_is_said(self, cfmail: Cfmail, sandbox: Sandbox, new_machine: Path) -> None:
        """What a file is inside, as what it is sent and where a link leads is said beside, and the mail is sent."""
        (new_machine / "report.pdf").write_bytes(b"\x89PNG\r\n\x1a\n")
        (new_machine / ".notes").write_bytes(CONTENT)
        (new_machine / "link").symlink_to(".notes")
        flags = ("--attach", "report.pdf", "--attach", ".notes", "--attach", "link", "--json")
        for more in ((), ("--dry-run",)):
            ran = cfmail("send", *FIELDS, *flags, *more, "-", stdin=b"Hi")
            assert ran.code == 0
            assert "report.pdf is called application/pdf and is a PNG image inside" in ran.err
            assert ".notes is sent as notes" in ran.err
            assert f"link is a link to {new_machine}/.notes" in ran.err
        assert arrived(sandbox)["attachments"][0]["type"] == "application/pdf"

    def test_what_changes_meanwhile(
        self,
        cfmail: Cfmail,
        monkeypatch: pytest.MonkeyPatch,
        capsysbinary: pytest.CaptureFixture[bytes],
        sandbox: Sandbox,
        new_machine: Path,
    ) -> None:
        """A file that changes while the command waits for its text is not sent: nobody could say yes to it."""

        class Late(io.BytesIO):
            """Standard input that takes its time."""

            def read(self, size: int | None = -1, /) -> bytes:
                (new_machine / "report.csv").write_bytes(b"other")
                return super().read(size)

        (new_machine / "report.csv").write_bytes(CONTENT)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(Late(b"Hi")))
            assert cli.main(["send", *FIELDS, "--attach", "report.csv", "--html", "-"]) == 65
        assert b"report.csv changed since it was attached" in capsysbinary.readouterr().err
        assert sandbox.messages() == []
        assert bodies(new_machine) == []

    def test_symbolic_link(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """A link is sent as the file it leads to, under the link's name."""
        Path("target").write_bytes(CONTENT)
        Path("link.txt").symlink_to("target")
        assert cfmail("send", *FIELDS, "--attach", "link.txt", "-", stdin=b"Hi").code == 0
        (part,) = arrived(sandbox)["attachments"]
        assert (part["filename"], base64.b64decode(part["content"])) == ("link.txt", CONTENT)


class TestMailto:
    def test_every_field(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """A mailto URI gives recipients, subject, text and thread (RFC 6068); attach and others are passed over."""
        Path("secret").write_text("secret")
        uri = (
            "mailto:a@example.net,b%40example.net?to=c@example.net&CC=Caf%C3%A9%20%3Cd@example.net%3E&bcc=e@example.net"
            "&subject=Gr%C3%BC%C3%9Fe+%26%20mehr&body=Hallo%0D%0A%0D%0AWelt&In-Reply-To=%3Cx@y%3E&references=%3Cu@v%3E"
            "&attach=secret&attachment=secret&from=evil@example.net&x-evil=1&subject&&"
        )
        assert cfmail("send", "--from", "me@acme.example", uri).code == 0
        assert arrived(sandbox) == {
            "from": "me@acme.example",
            "to": ["a@example.net", "b@example.net", "c@example.net"],
            "cc": [{"address": "d@example.net", "name": "Café"}],
            "bcc": "e@example.net",
            "subject": "Grüße+& mehr",
            "headers": {"In-Reply-To": "<x@y>", "References": "<u@v>"},
            "text": "Hallo\n\nWelt",
        }

    def test_flags_beside_it(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """Flags add recipients and header fields, and their subject and text go before the URI's."""
        flags = ("--to", "c@example.net", "--subject", "mine", "--header", "X-One: 1", "--text", "-")
        uri = "MAILTO:a@example.net?subject=theirs&body=see%20mail.eml&in-reply-to=%3Cx@y%3E&cc=mail.eml@example.net"
        assert cfmail("send", "--from", "me@acme.example", *flags, uri, stdin=b"my text").code == 0
        request = arrived(sandbox)
        assert (request["to"], request["subject"], request["text"]) == (
            ["a@example.net", "c@example.net"],
            "mine",
            "my text",
        )
        assert request["headers"] == {"In-Reply-To": "<x@y>", "X-One": "1"}
        assert cfmail("send", "--from", "me@acme.example", "mailto:a@example.net?body=mail.eml").code == 0

    @pytest.mark.parametrize("field", ["subject", "in-reply-to", "references", "body", "to", "cc"])
    @pytest.mark.parametrize("break_", ["%0D%0A", "%0A", "%0D", "%0D%0A%20", "%E2%80%A8", "%C2%85", "%0B"])
    def test_no_header_field_gets_in(self, cfmail: Cfmail, sandbox: Sandbox, field: str, break_: str) -> None:
        """A line break in any field of a URI adds no header field: the mail is refused, or has none."""
        uri = f"mailto:a@example.net?body=x&{field}=%3Cb@example.net%3E{break_}X-Evil:%20yes"
        ran = cfmail("send", "--from", "me@acme.example", uri)
        assert ran.code in {0, 65, 69}
        for message in sandbox.messages():
            assert "X-Evil" not in message["request"].get("headers", {})
            assert decoded(sandbox.mime(message["n"]))["X-Evil"] is None


class TestDryRun:
    @pytest.mark.parametrize("credentials", [True, False])
    @pytest.mark.parametrize("arguments", [("send", *FIELDS, "-"), ("send-raw", "-")])
    def test_sends_nothing(
        self,
        capsysbinary: pytest.CaptureFixture[bytes],
        sandbox: Sandbox,
        monkeypatch: pytest.MonkeyPatch,
        new_machine: Path,
        arguments: tuple[str, ...],
        credentials: bool,
    ) -> None:
        """--dry-run shows what would leave; nothing does, nothing is kept, and no credentials are needed."""
        if credentials:
            use(sandbox, monkeypatch)
        cfmail = Cfmail(capsysbinary)
        ran = cfmail(*arguments, "--dry-run", "--json", stdin=RAW)
        shown = ran.json
        assert ran.code == 0
        assert shown.keys() == {
            "dry_run", "account", "source", "proxy",
            "endpoint", "envelope", "subject", "message_size", "body_size", "digest", "findings",
        } | ({"changes"} if arguments[0] == "send-raw" else set())  # fmt: skip
        assert shown["dry_run"] is True
        assert shown["account"] == shown["source"] == ("environment" if credentials else None)
        assert shown["envelope"] == {"from": "me@acme.example", "recipients": ["bob@example.net"]}
        words = cfmail(*arguments, "--dry-run", stdin=RAW)
        assert (words.code, len(words.out.splitlines())) == (0, 4)
        assert "bob@example.net" in words.out
        assert ("as environment" if credentials else "as nobody: ") in words.out
        assert not sandbox.messages()
        assert not bodies(new_machine)
        assert cfmail("history", "--json").json == []
        assert not [name for name, octets in kept_files(new_machine).items() if b"bob@example.net" in octets]

    def test_shows_what_is_then_sent(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """Size and digest of a dry run are those of the request that leaves without it."""
        shown = cfmail("send-raw", "-", "--dry-run", "--json", stdin=RAW).json
        assert cfmail("send-raw", "-", stdin=RAW).code == 0
        assert len(sandbox.request_body(1)) == shown["body_size"]
        assert len(sandbox.mime(1)) == shown["message_size"]

    def test_refuses_what_cannot_be_sent(self, cfmail: Cfmail) -> None:
        """What would be refused is refused, with the same exit code."""
        assert cfmail("send", *FIELDS, "--dry-run").code == 65
        assert cfmail("send", *FIELDS, "--attach", "gone", "--dry-run", "-", stdin=b"x").code == 66


def test_embedded_sandbox(capsysbinary: pytest.CaptureFixture[bytes], new_machine: Path) -> None:
    """--sandbox sends without account and network; the mail is in the sandbox's Maildir, the attempt in the history."""
    cfmail = Cfmail(capsysbinary)
    ran = cfmail("send", *FIELDS, "--to", "bounce@example.net", "--sandbox", "--json", "-", stdin=b"Hi")
    assert (ran.code, ran.json["account"]) == (3, "sandbox")
    (kept,) = (new_machine / "cfmail" / "data" / "sandbox" / "Maildir" / "new").iterdir()
    assert decoded(kept.read_bytes())["Subject"] == "Hello"
    assert cfmail("send-raw", "--sandbox", "-", stdin=RAW).code == 0
    assert [attempt["account"] for attempt in cfmail("history", "--json").json] == ["sandbox", "sandbox"]


class TestRaw:
    SOURCE: Final = (
        "Received: from x\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nFROM: Me <me@acme.example>\r\n"
        "To: Bob <bob@example.net>,\r\n\tcarol@example.net\r\nCc: friends: dave@example.net;\r\n"
        "Bcc: hidden@example.net,\r\n  other-hidden@example.net\r\nX-Blank:\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        "Grüße 你好 \u2028 \x7f \t\r\nBcc: not a field\r\n\r\n.\r\nFrom nobody\r\nno end"
    ).encode()

    def test_defaults_from_the_header(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """The envelope is From, and everyone in To, Cc and Bcc; Bcc itself does not leave, all other octets do."""
        ran = cfmail("send-raw", "-", "--json", stdin=self.SOURCE)
        assert ran.code == 0
        assert ran.json["subject"] == "Grüße"
        assert "Bcc field is removed" in ran.err
        without = self.SOURCE.replace(b"Bcc: hidden@example.net,\r\n  other-hidden@example.net\r\n", b"")
        names = ("bob", "carol", "dave", "hidden", "other-hidden")
        assert arrived(sandbox) == {
            "from": "me@acme.example",
            "recipients": [f"{name}@example.net" for name in names],
            "mime_message": without.decode(),
        }
        assert sandbox.mime(1) == without
        assert b"hidden@" not in sandbox.mime(1)

    def test_envelope_of_ones_own(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """Envelope flags replace what the header says; the header stays as it is."""
        flags = ("--envelope-from", "bounces@acme.example", "--recipient", "x@example.net, y@example.net")
        assert cfmail("send-raw", "-", *flags, "--recipient", "z@example.net", stdin=RAW).code == 0
        request = arrived(sandbox)
        assert request["from"] == "bounces@acme.example"
        assert request["recipients"] == ["x@example.net", "y@example.net", "z@example.net"]
        assert sandbox.mime(1) == RAW

    def test_sender_field(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """From is the envelope's sender, though a Sender field should stand before it."""
        assert cfmail("send-raw", "-", stdin=b"Sender: agent@acme.example\r\n" + RAW).code == 0
        assert arrived(sandbox)["from"] == "me@acme.example"

    @pytest.mark.parametrize("name", ["mail.eml", "-"])
    def test_line_ends(self, cfmail: Cfmail, sandbox: Sandbox, name: str) -> None:
        """Every LF becomes CRLF, what is CRLF stays, and not another octet changes."""
        mixed = RAW.replace(b"\r\n", b"\n", 2) + b"\n\n\tTab\x0b\x0c trailing \n"
        Path("mail.eml").write_bytes(mixed)
        assert cfmail("send-raw", name, stdin=mixed).code == 0
        assert sandbox.mime(1) == mixed.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    def test_sent_and_kept_alike(self, cfmail: Cfmail, sandbox: Sandbox, new_machine: Path) -> None:
        """The body file in the history is the request that left, octet for octet."""
        assert cfmail("send-raw", "-", stdin=self.SOURCE).code == 0
        (body,) = bodies(new_machine)
        assert body.read_bytes() == sandbox.request_body(1)

    def test_hostile_subject(self, cfmail: Cfmail) -> None:
        """A subject whose encoded words hold escapes is shown with them visible, in each listing."""
        source = RAW.replace(b"Hello", b"=?utf-8?b?G101MjtjO2FHaz0HDQpmYWtl4oCu?=")
        assert cfmail("send-raw", "-", "--json", stdin=source).json["subject"] == "\x1b]52;c;aGk=\x07\r\nfake\u202e"
        attempt = cfmail("history", "--json").json[0]["id"]
        shown = [("history",), ("history", "show", attempt), ("send-raw", "-", "--dry-run")]
        for arguments in shown:
            out = cfmail(*arguments, stdin=source).out
            assert "<1B>]52;c;aGk=<07><0D><0A>fake<202E>" in out
        rows = cfmail("history", "export", "--csv").out.splitlines()
        assert len(rows) == 2
        assert "<1B>]52;c;aGk=<07><0D><0A>fake<202E>" in rows[1]


def test_narrow_charset(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that knows ASCII only gets every word, escaped where it must be, and the exit code stands."""
    use(sandbox, monkeypatch)
    narrow = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    assert cfmail_process("send", *FIELDS, "--subject", "Grüße", "-", stdin=b"x", env=narrow).code == 0
    for form in ((), ("export", "--csv"), ("export", "--json")):
        ran = cfmail_process("history", *form, env=narrow)
        assert (ran.code, ran.err) == (0, "")
        assert "Gr\\xfc\\xdfe" in ran.out or "Gr\\u00fc\\u00dfe" in ran.out


def test_json_is_ascii(cfmail: Cfmail) -> None:
    """JSON can be read whatever the charset, and says what was meant."""
    ran = cfmail("send", *FIELDS, "--subject", "Grüße 👋", "-", "--json", stdin=b"x")
    assert ran.stdout.isascii()
    assert json.loads(ran.stdout)["subject"] == "Grüße 👋"


class TestFindings:
    """What is found in a mail before it is sent."""

    FIELDS = ("--from", "me@acme.example", "--to", "bob@gmial.com")

    def test_they_are_told(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """To scripts in JSON, to people on standard error; a mail that only has cautions is sent all the same."""
        text = b"It is attached, see http://x.example/"
        ran = cfmail("send", *self.FIELDS, "-", "--dry-run", "--json", stdin=text)
        assert ran.code == 0
        assert [(one["rule"], one["weight"], one["place"], one["offset"]) for one in ran.json["findings"]] == [
            ("mistyped-domain", "caution", "To", 4),
            ("no-subject", "caution", "Subject", None),
            ("forgotten-attachment", "caution", "Text", 6),
            ("http-link", "note", "Text", 20),
        ]
        first = ran.json["findings"][0]
        assert (first["finding"], first["fix"]) == ("bob@gmial.com: is gmail.com meant?", "write that one")
        assert first.keys() == {"rule", "weight", "stops", "place", "finding", "offset", "section", "fix"}
        sent = cfmail("send", *self.FIELDS, "-", stdin=text)
        assert sent.code == 0
        for one in ran.json["findings"]:
            assert one["finding"] in ran.err
            assert one["finding"] in sent.err

    def test_what_cloudflare_would_refuse(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """A mail that breaks a rule of Cloudflare's is not sent, and told with all else that is wrong."""
        ran = cfmail("send", *self.FIELDS, "--header", "Sender: a@b.example", "--json", "-", stdin=b"")
        assert ran.code == 65
        assert [problem["place"] for problem in ran.json["problems"]] == ["Text", "Headers"]
        assert "not among the header fields that Cloudflare carries" in ran.err
        assert not sandbox.messages()

    def test_what_the_user_made_of_rules(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """A rule can be switched off, and one made to stop mails does."""
        settings = Path(os.environ["CFMAIL_HOME"], "config", "config.toml")
        settings.write_text('[findings]\nmistyped-domain = "off"\nno-subject = "stops"\nno-body = "off"\n')
        ran = cfmail("send", *self.FIELDS, "-", stdin=b"Hi")
        assert (ran.code, len(sandbox.messages())) == (65, 0)
        assert "the mail has no subject" in ran.err
        assert "no-body is decided elsewhere" in ran.err
        ran = cfmail("send", *self.FIELDS, "--subject", "Hello", "-", stdin=b"Hi")
        assert (ran.code, len(sandbox.messages())) == (0, 1)
        assert "gmail" not in ran.err
