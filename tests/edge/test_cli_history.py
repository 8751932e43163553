"""`cfmail history` finds, shows and exports what was sent, for people and for scripts."""

import csv
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Final

import httpx
import pytest

from cfmail_tui import report
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.store import Store
from tests.edge.cli_run import PATIENCE, RAW, Cfmail, bodies, decoded, use
from tests.edge.fault_server import submission_of

CONTENT: Final = bytes(range(256))


@pytest.fixture
def cfmail(
    capsysbinary: pytest.CaptureFixture[bytes], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, new_machine: Path
) -> Cfmail:
    use(sandbox, monkeypatch)
    monkeypatch.chdir(new_machine)
    return Cfmail(capsysbinary)


def send(cfmail: Cfmail, subject: str, to: str = "bob@example.net") -> str:
    """Send a mail, and give its attempt's id."""
    ran = cfmail("send", "--from", "me@acme.example", "--to", to, "--subject", subject, "--json", "-", stdin=b"Hi")
    attempt_id: str = ran.json["id"]
    return attempt_id


def subjects(cfmail: Cfmail, *query: str) -> list[str]:
    """What a search finds, in JSON; the list for people finds as much."""
    found = [attempt["subject"] for attempt in cfmail("history", "--json", *query).json]
    assert len(cfmail("history", *query).out.splitlines()) == len(found)
    return found


class TestList:
    def test_nothing_yet(self, cfmail: Cfmail) -> None:
        """A new machine has an empty history: a line for people, an empty list for scripts, and no error."""
        ran = cfmail("history")
        assert (ran.code, ran.out, ran.err) == (0, "", "nothing was sent yet\n")
        assert cfmail("history", "word").err == "nothing found\n"
        ran = cfmail("history", "--json")
        assert (ran.code, ran.json, ran.err) == (0, [], "")
        assert cfmail("history", "export").json == []
        assert cfmail("history", "export", "--csv").out.splitlines() == [",".join(report.CSV_COLUMNS)]

    def test_json(self, cfmail: Cfmail) -> None:
        """An attempt in the list has the keys that are documented, each with what was sent."""
        attempt_id = send(cfmail, "Grüße", "bob@example.net, Bounce <bounce@example.net>")
        (attempt,) = cfmail("history", "--json").json
        assert attempt["id"] == attempt_id
        assert datetime.now(UTC) - datetime.fromisoformat(attempt["started_at"]) < timedelta(minutes=1)
        assert datetime.fromisoformat(attempt["finished_at"]) >= datetime.fromisoformat(attempt["started_at"])
        expected = {
            "account": "environment",
            "endpoint": "send",
            "from": "me@acme.example",
            "subject": "Grüße",
            "outcome": "accepted",
            "recipients": [
                {"address": "bob@example.net", "status": "delivered"},
                {"address": "bounce@example.net", "status": "bounced"},
            ],
        }
        assert {key: attempt[key] for key in expected} == expected

    def test_in_words(self, cfmail: Cfmail) -> None:
        """A line for each: id, time, outcome, first recipient and how many more, subject or that there is none."""
        first = send(cfmail, "Hello")
        second = send(cfmail, "", "cut@example.net, b@example.net, c@example.net")
        newest, oldest = (re.split("  +", line) for line in cfmail("history").out.splitlines())
        assert (newest[0], newest[2], newest[-2:]) == (second, "unknown", ["cut@example.net +2", "(no subject)"])
        assert (oldest[0], oldest[2], oldest[-2:]) == (first, "accepted", ["bob@example.net", "Hello"])
        assert datetime.fromisoformat(newest[1])

    def test_newest_first_and_limited(self, cfmail: Cfmail) -> None:
        """The newest stand first; --limit says how many, also in an export, and may be huge."""
        for number in range(4):
            send(cfmail, f"mail {number}")
        assert subjects(cfmail) == ["mail 3", "mail 2", "mail 1", "mail 0"]
        assert subjects(cfmail, "--limit", "2") == ["mail 3", "mail 2"]
        assert subjects(cfmail, "mail", "--limit", "1") == ["mail 3"]
        assert len(subjects(cfmail, "--limit", "9" * 30)) == 4
        assert [attempt["subject"] for attempt in cfmail("history", "export", "--limit", "1").json] == ["mail 3"]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            (("hello",), ["Hello World"]),
            (("WORLD", "hello"), ["Hello World"]),
            (("world hello",), ["Hello World"]),
            (("hello", "moon"), []),
            (("GRÜSSE",), ["Grüße 100%"]),
            (("grüße",), ["Grüße 100%"]),
            (("100%",), ["Grüße 100%"]),
            (("1_0",), []),
            (("ello_",), []),
            (("hel",), ["Hello World"]),
            (('"hello world"',), ["Hello World"]),
            (('"world hello"',), []),
            (("hi",), ["show", "Grüße 100%", "Hello World"]),
            (("carol@example.net",), ["Hello World"]),
            (("CAROL",), ["Hello World"]),
            (("bounce", "acme.example"), ["show"]),
            (("status:unknown",), ["Grüße 100%"]),
            (("to:carol",), ["Hello World"]),
            (("from:carol",), []),
            (("hi", "status:bounced"), ["show"]),
            (("after:today", "before:2020"), []),
            (("-show", "-status:unknown"), ["Hello World"]),
            (("hi", "-show", "--", "-status:unknown"), ["Hello World"]),
            (("show",), ["show"]),
            (("show", "bounce", "acme"), ["show"]),
            (("export", "x"), []),
            (("export", "show"), ["show"]),
            (("x'; DROP TABLE attempts;",), []),
        ],
    )
    def test_search(self, cfmail: Cfmail, query: tuple[str, ...], found: list[str]) -> None:
        """Every word of a search begins one of what is found, in any case and order; no sign stands for another."""
        send(cfmail, "Hello World", "carol@example.net")
        send(cfmail, "Grüße 100%", "cut@example.net")
        send(cfmail, "show", "bounce@example.net")
        assert [attempt["subject"] for attempt in cfmail("history", "--json", *query).json] == found

    @pytest.mark.parametrize(
        "query", ["%", "*", "--", "\udcff", "\0", "status:maybe", "after:soon", '"open', "hello to:"]
    )
    @pytest.mark.parametrize("verb", [(), ("export",)])
    def test_search_that_is_not_understood(self, cfmail: Cfmail, query: str, verb: tuple[str, ...]) -> None:
        """What is not understood of a search is told with its place, and nothing is passed off as its answer."""
        send(cfmail, "Hello")
        ran = cfmail("history", *verb, "--json", "--", query)
        assert (ran.code, ran.json["outcome"], ran.json["exit_code"]) == (64, "usage", 64)
        assert "at character" in ran.err

    def test_search_for_an_id(self, cfmail: Cfmail) -> None:
        """An attempt is found by its id, or the beginning of it."""
        attempt_id = send(cfmail, "Hello")
        assert subjects(cfmail, attempt_id) == subjects(cfmail, attempt_id[:8]) == ["Hello"]


class TestShow:
    def test_in_words(self, cfmail: Cfmail) -> None:
        """Everything known of an attempt, for people: each recipient, and the cause where it was not accepted."""
        accepted = cfmail("history", "show", send(cfmail, "Grüße", "queue@example.net"))
        assert accepted.code == 0
        for part in ("subject       Grüße", "outcome       accepted", "queued      queue@example.net"):
            assert part in accepted.out.splitlines()
        refused = cfmail("history", "show", send(cfmail, "x", "throttle@example.net"))
        assert "http status   429" in refused.out
        assert "Cloudflare's words" in refused.out

    def test_all_that_is_known(self, cfmail: Cfmail) -> None:
        """Shown are also its files, what was known of them when it was sent, and what happened when; as JSON, too."""
        Path("page.txt").write_bytes(b"%PDF-1.7\n" + CONTENT)
        arguments = ("--from", "me@acme.example", "--to", "bounce@example.net", "--attach", "page.txt", "--json", "-")
        attempt_id = cfmail("send", *arguments, stdin=b"Hi").json["id"]
        shown = cfmail("history", "show", attempt_id, "--json").json
        assert shown.items() >= cfmail("history", "--json").json[0].items()
        assert shown["attachments"] == [
            {"filename": "page.txt", "type": "text/plain", "size": 9 + len(CONTENT), "disposition": "attachment"}
        ]
        assert any("PDF" in one["finding"] for one in shown["findings"])
        assert (shown["attempts"], shown["later"], shown["test"], shown["kept"]) == ([attempt_id], [], False, True)
        assert shown["started_at"] < shown["left_at"] < shown["finished_at"]
        words = cfmail("history", "show", attempt_id).out
        for part in ("page.txt, text/plain", "begun", "began to leave", "accepted"):
            assert part in words

    @pytest.mark.parametrize("form", [(), ("--json",), ("--eml",), ("--curl",)])
    @pytest.mark.parametrize(
        "name", ["0123456789abcdef", "short", "../../etc/passwd", "\udcff", "\x1b]52;c;x\x07", "%"]
    )
    def test_unknown_id(self, cfmail: Cfmail, name: str, form: tuple[str, ...]) -> None:
        """An id that nothing has ends with 66 in every form, and one line says so."""
        send(cfmail, "Hello")
        ran = cfmail("history", "show", name, *form)
        assert ran.code == 66
        assert len(ran.err.splitlines()) == 1
        assert "\x1b" not in ran.err
        if form == ("--json",):
            assert (ran.json["outcome"], ran.json["exit_code"]) == ("unreadable", 66)
        else:
            assert not ran.stdout

    def test_open_attempt(self, cfmail: Cfmail, new_machine: Path) -> None:
        """What another cfmail is sending right now has no outcome yet, and is shown as open."""
        body = b'{"mime_message": "Subject: x"}'
        sending = submission_of(body, "send_raw")
        attempt_id = sending.attempt_id
        with closing(Store(new_machine / "cfmail/data")) as other:
            other.write_body(attempt_id, iter((body,)))
            other.begin(sending, "default")
            assert cfmail("history", "show", attempt_id, "--json").json["outcome"] == "open"
            for arguments in (("show", attempt_id), ("export", "--csv"), ()):
                ran = cfmail("history", *arguments)
                assert ran.code == 0
                assert "open" in ran.out
            assert cfmail("history", "show", attempt_id, "--eml").code == 0


class TestEml:
    def test_raw_mail(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """The .eml of a raw mail is what was sent, octet for octet."""
        source = RAW + "Grüße \u2028\nLF, \t and no end".encode()
        attempt_id = cfmail("send-raw", "-", "--json", stdin=source).json["id"]
        ran = cfmail("history", "show", attempt_id, "--eml")
        assert (ran.code, ran.err) == (0, "")
        assert ran.stdout == sandbox.mime(1)

    def test_form_mail(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """The .eml of a form mail decodes to the same fields, texts and files as the one that was delivered."""
        Path("größe.bin").write_bytes(CONTENT)
        ran = cfmail(
            *("send", "--from", "Älice <alice@acme.example>", "--to", '"Bob, junior" <bob@example.net>'),
            *("--reply-to", "r@acme.example", "--cc", "c@example.net", "--bcc", "hidden@example.net", "--json"),
            *(
                "--subject",
                "Grüße " * 30,
                "--header",
                "X-Note: Größe",
                "--attach",
                "größe.bin",
                "--inline",
                "größe.bin=a",
            ),
            *("--markdown", "-"),
            stdin="# Grüße\n.\nFrom x".encode(),
        )
        assert ran.code == 0
        eml = cfmail("history", "show", ran.json["id"], "--eml").stdout
        ours, theirs = decoded(eml), decoded(sandbox.mime(1))
        for name in ("From", "To", "Cc", "Bcc", "Reply-To", "Subject", "X-Note", "Message-ID"):
            assert ours[name] == theirs[name]
        assert b"hidden@example.net" not in eml

        def leaves(message: EmailMessage) -> list[str]:
            found = [part for part in message.walk() if not part.is_multipart()]
            names = [(part.get_content_type(), part.get_filename(), part["Content-ID"]) for part in found]
            return sorted(f"{name} {part.get_payload(decode=True)!r}" for name, part in zip(names, found, strict=True))

        assert leaves(ours) == leaves(theirs)

    def test_again_the_same(self, cfmail: Cfmail) -> None:
        """Asked twice, it is the same message, octet for octet."""
        attempt_id = send(cfmail, "Hello")
        first, second = (cfmail("history", "show", attempt_id, "--eml").stdout for _ in range(2))
        assert first == second

    @pytest.mark.parametrize("change", [b"", b"{}", b'{"from": 1}', b"\xff"])
    def test_damaged_body(self, cfmail: Cfmail, new_machine: Path, change: bytes) -> None:
        """A body that is no longer what was sent is not passed off as it."""
        attempt_id = send(cfmail, "Hello")
        (body,) = bodies(new_machine)
        body.write_bytes(change)
        ran = cfmail("history", "show", attempt_id, "--eml")
        assert (ran.code, ran.stdout) == (66, b"")
        assert "damaged" in ran.err
        body.unlink()
        assert cfmail("history", "show", attempt_id, "--eml").code == 66


class TestCurl:
    @pytest.mark.parametrize("home", ["plain", 'it\'s a $(touch evil) "home" ü;&'])
    def test_same_octets(self, cfmail: Cfmail, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
        """The command, pasted into a shell, sends the same octets with the credentials of the shell's environment."""
        monkeypatch.setenv("CFMAIL_HOME", str(Path(home).absolute()))
        for attempt_id in (send(cfmail, "Grüße"), cfmail("send-raw", "-", "--json", stdin=RAW).json["id"]):
            command = cfmail("history", "show", attempt_id, "--curl").out
            assert sandbox.token not in command
            assert sandbox.account_id not in command
            url, *words = expanded(command)
            assert words[:5:2] == ["-H", "-H", "--data-binary"]
            fields = dict(word.split(": ", 1) for word in words[1:4:2])
            assert words[5].startswith("@")
            body = Path(words[5][1:]).read_bytes()
            assert httpx.post(url, headers=fields, content=body, trust_env=False).is_success
            if shutil.which("curl"):
                subprocess.run(["bash", "-c", command], capture_output=True, timeout=PATIENCE, check=True)
        sent = Counter(sandbox.request_body(message["n"]) for message in sandbox.messages())
        assert [*sent.values()] == [3 if shutil.which("curl") else 2] * 2
        assert not Path("evil").exists()

    def test_hostile_base_url(self, cfmail: Cfmail, monkeypatch: pytest.MonkeyPatch) -> None:
        """No base URL makes the shell run anything."""
        attempt_id = send(cfmail, "Hello")
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", "https://x/$(touch evil)`touch evil`\"';touch evil;#")
        url, *_ = expanded(cfmail("history", "show", attempt_id, "--curl").out)
        assert url.startswith("https://x/$(touch evil)`touch evil`\"';touch evil;#/accounts/")
        assert not Path("evil").exists()


def expanded(command: str) -> list[str]:
    """The words that curl would get from a shell into which the command is pasted."""
    shell = subprocess.run(
        ["bash", "-c", f"curl() {{ printf '%s\\0' \"$@\"; }}\n{command}"],
        capture_output=True,
        env=os.environ,
        timeout=PATIENCE,
        check=True,
    )
    return shell.stdout.decode().split("\0")[:-1]


class TestExport:
    def test_json(self, cfmail: Cfmail) -> None:
        """The export is the whole history, in the form of the list."""
        for number in range(3):
            send(cfmail, f"mail {number}")
        exported = cfmail("history", "export", "--json")
        assert exported.json == cfmail("history", "--json").json
        assert cfmail("history", "export").out == exported.out

    def test_more_than_a_list_shows(self, cfmail: Cfmail, new_machine: Path) -> None:
        """The list shows fifty, the export all."""
        send(cfmail, "Hello")
        with closing(sqlite3.connect(new_machine / "cfmail/data/cfmail.sqlite3")) as db, db:
            columns = [row[1] for row in db.execute("PRAGMA table_info(attempts)") if row[1] not in {"seq", "id"}]
            copy = (
                f"INSERT INTO attempts (id, {', '.join(columns)}) SELECT ?, {', '.join(columns)} FROM attempts LIMIT 1"
            )
            for number in range(60):
                seq = db.execute(copy, (f"{number:016x}",)).lastrowid
                db.execute(
                    "INSERT INTO recipients (attempt, position, address, asked)"
                    " SELECT ?, position, address, asked FROM recipients LIMIT 1",
                    (seq,),
                )
        assert len(cfmail("history", "--json").json) == 50
        assert len(cfmail("history", "export").json) == 61
        assert len(cfmail("history", "export", "--csv").out.splitlines()) == 62

    def test_json_lines_of_a_search(self, cfmail: Cfmail) -> None:
        """An export of what a search finds, a line of JSON for each."""
        for number in range(3):
            send(cfmail, f"mail {number}", "bob@example.net" if number else "carol@example.net")
        lines = cfmail("history", "export", "to:bob", "--jsonl").out.splitlines()
        assert [json.loads(line) for line in lines] == cfmail("history", "--json", "to:bob").json
        assert len(lines) == 2
        assert cfmail("history", "--jsonl").code == 64

    def test_csv(self, cfmail: Cfmail) -> None:
        """CSV has a row for each recipient, with the columns that are documented, read back by any reader."""
        send(cfmail, 'a "quoted", subject', "bob@example.net, bounce@example.net")
        send(cfmail, "Grüße", "error500@example.net")
        rows = [*csv.DictReader(io.StringIO(cfmail("history", "export", "--csv").out, newline=""))]
        assert [tuple(row) for row in rows] == [report.CSV_COLUMNS] * 3
        assert [(row["subject"], row["address"], row["status"]) for row in rows] == [
            ("Grüße", "error500@example.net", "refused"),
            ('a "quoted", subject', "bob@example.net", "delivered"),
            ('a "quoted", subject', "bounce@example.net", "bounced"),
        ]
        attempts = {attempt["id"]: attempt for attempt in cfmail("history", "--json").json}
        for row in rows:
            attempt = attempts[row["id"]]
            assert all(row[key] == attempt[key] for key in ("started_at", "account", "endpoint", "from", "outcome"))


def test_what_is_kept_no_longer(cfmail: Cfmail, new_machine: Path) -> None:
    """Also where nobody opens the composer: bodies go with the next mail, rows before the history is told."""
    config = new_machine / "cfmail" / "config" / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    for number in range(3):
        send(cfmail, f"mail {number}")
    assert len(bodies(new_machine)) == 3
    config.write_text("redact_bodies = true")
    send(cfmail, "the last")
    assert bodies(new_machine) == []
    assert subjects(cfmail) == ["the last", "mail 2", "mail 1", "mail 0"]
    config.write_text("keep_mails = 2")
    assert subjects(cfmail) == ["the last", "mail 2"]


def test_history_is_one_for_all(cfmail: Cfmail, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history needs no credentials and no network, and another CFMAIL_HOME has another one."""
    send(cfmail, "Hello")
    for name in ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_BASE_URL", "CLOUDFLARE_API_BASE_URL"):
        monkeypatch.delenv(name)
    assert subjects(cfmail) == ["Hello"]
    monkeypatch.setenv("CFMAIL_HOME", "~nosuchuser/elsewhere")
    assert json.loads(cfmail("history", "--json").out) == []
