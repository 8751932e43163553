"""The exit code tells a script what became of the mail, and --json the whole of it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx
import pytest

from cfmail_tui import cli, report
from cfmail_tui.cli.signals import HEARD
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.store import Store, StoreError
from cfmail_tui.submission import Attempt, Outcome
from tests.edge.cli_run import FIELDS, HOSTILE, PATIENCE, RAW, Cfmail, Ran, bodies, cfmail_process, kept_files, use
from tests.edge.fault_server import FarEnd, answering, closed_port

EXIT_CODES: Final = {
    "bob": 0,
    "queue": 0,
    "oldshape": 0,
    "bounce": 3,
    "suppressed": 69,
    "throttle": 69,
    "error500": 69,
    "error503": 69,
    "success-false": 69,
    "html502": 76,
    "cut": 76,
    "halfanswer": 76,
    "badjson": 76,
}
"""By the local part that has the sandbox answer so."""

OUTCOMES: Final = {0: "accepted", 3: "accepted", 69: "refused", 75: "not_sent", 76: "unknown"}

ATTEMPT: Final = {
    "id", "started_at", "finished_at", "account", "endpoint", "from", "subject", "message_size", "outcome",
    "recipients",
}  # fmt: skip
MORE: Final = {
    "accepted": {"message_id", "delivered", "queued", "bounced", "suppressed", "unreported"},
    "refused": {"reason", "cause", "action", "http_status", "code", "retry_after", "ray"},
    "not_sent": {"reason", "cause", "action"},
    "unknown": {"reason", "cause", "action"},
}
"""The keys the README promises."""

Send = Callable[..., Ran]


@pytest.fixture
def cfmail(capsysbinary: pytest.CaptureFixture[bytes], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Cfmail:
    use(sandbox, monkeypatch)
    return Cfmail(capsysbinary)


def sent_to(endpoint: str, address: str) -> tuple[tuple[str, ...], bytes]:
    """The arguments and the standard input that send a mail to this address by this endpoint."""
    if endpoint == "send":
        return ("send", *FIELDS[:2], "--to", address, "--subject", "Hello", "-"), b"Hi"
    return ("send-raw", "-"), RAW.replace(b"bob@example.net", address.encode())


@pytest.mark.parametrize("endpoint", ["send", "send_raw"])
@pytest.mark.parametrize("local", EXIT_CODES)
def test_exit_code_and_json(cfmail: Cfmail, endpoint: str, local: str) -> None:
    """Each outcome has its exit code, and an attempt in JSON with the keys that are documented."""
    arguments, stdin = sent_to(endpoint, f"{local}@example.net")
    ran = cfmail(*arguments, "--json", stdin=stdin)
    shown, outcome = ran.json, OUTCOMES[EXIT_CODES[local]]
    barred = [entry["address"] for entry in shown.pop("suppressions", ())]
    assert barred == ([f"{local}@example.net"] if local == "suppressed" else [])
    assert ran.code == EXIT_CODES[local]
    assert shown.keys() == ATTEMPT | MORE[outcome]
    assert (shown["outcome"], shown["endpoint"], shown["subject"]) == (outcome, endpoint, "Hello")
    (recipient,) = shown["recipients"]
    expected = {"bounce": "bounced", "queue": "queued"}.get(local, "delivered")
    assert recipient == {"address": f"{local}@example.net", "status": expected if outcome == "accepted" else outcome}
    assert ran.err
    again = cfmail("history", "show", shown["id"], "--json")
    assert again.code == 0
    assert again.json.items() >= shown.items()


@pytest.mark.parametrize("local", EXIT_CODES)
def test_in_words(cfmail: Cfmail, local: str) -> None:
    """Without --json a line names the recipient with its fate, and where nothing was accepted another says why."""
    arguments, stdin = sent_to("send", f"{local}@example.net")
    ran = cfmail(*arguments, stdin=stdin)
    assert ran.code == EXIT_CODES[local]
    first, *others = ran.out.splitlines()
    assert f"{local}@example.net" in first
    assert bool(others) == (OUTCOMES[ran.code] != "accepted")
    assert "Traceback" not in ran.err


def test_several_recipients(cfmail: Cfmail) -> None:
    """Everyone is told of by name, in the order asked for, and one bounce makes the exit code 3."""
    to = "bob@example.net, queue@example.net, Bounce <bounce@example.net>"
    ran = cfmail("send", "--from", "me@acme.example", "--to", to, "-", stdin=b"Hi")
    assert ran.code == 3
    assert [line.split() for line in ran.out.splitlines()] == [
        ["delivered", "bob@example.net"],
        ["queued", "queue@example.net"],
        ["bounced", "bounce@example.net"],
    ]


def test_suppressed_recipient_is_dropped(cfmail: Cfmail, sandbox: Sandbox) -> None:
    """Where the sender's domain drops suppressed recipients the mail is accepted, and the exit code 3."""
    header = {"Authorization": f"Bearer {sandbox.token}"}
    with httpx.Client(base_url=sandbox.base_url, headers=header, trust_env=False, verify=False) as api:
        (zone,) = api.get("zones", params={"name": "acme.example"}).json()["result"]
        rows = f"zones/{zone['id']}/email/sending/subdomains"
        tag = next(row["tag"] for row in api.get(rows).json()["result"] if row["name"] == "acme.example")
        assert api.patch(f"{rows}/{tag}", json={"drop_suppressed_recipients": True}).is_success
    arguments, stdin = sent_to("send", "suppressed@example.net")
    ran = cfmail(*arguments, "--cc", "bob@example.net", "--json", stdin=stdin)
    assert ran.code == 3
    assert ran.json["suppressed"] == ["suppressed@example.net"]
    assert ran.json["delivered"] == ["bob@example.net"]


def test_retry_after_is_told(cfmail: Cfmail) -> None:
    """A throttled mail says how long to wait, in JSON and in words."""
    arguments, stdin = sent_to("send", "throttle@example.net")
    ran = cfmail(*arguments, "--json", stdin=stdin)
    assert (ran.json["http_status"], ran.json["code"], ran.json["retry_after"]) == (429, "10004", 2)
    assert "wait 2 s" in cfmail(*arguments, stdin=stdin).out


def test_a_refusal_is_told_in_full(cfmail: Cfmail, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cause, next action, Cloudflare's own words, code and reference for support: in JSON, in words, and in history."""
    message = "email.sending.error.email.sender_not_configured"
    body = json.dumps({"success": False, "errors": [{"code": "10204", "message": message}]})
    with FarEnd(answering(403, body, {"cf-ray": "8f00aa-FRA"})) as far_end:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
        arguments, stdin = sent_to("send", "bob@example.net")
        as_json, in_words = cfmail(*arguments, "--json", stdin=stdin), cfmail(*arguments, stdin=stdin)
    assert "not set up for sending" in as_json.json["cause"]
    assert "onboard" in as_json.json["action"]
    assert (as_json.json["reason"], as_json.json["code"], as_json.json["ray"]) == (message, "10204", "8f00aa-FRA")
    for words in (as_json.json["cause"], as_json.json["action"], message, "10204", "8f00aa-FRA"):
        assert words in in_words.out
        assert words in cfmail("history", "show", as_json.json["id"]).out


def test_unreported_recipient(cfmail: Cfmail, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipient in no list of the answer is unreported and makes the exit code 3, one nobody asked for is shown."""
    answer = {"success": True, "result": {"delivered": ["other@example.net"], "queued": [], "permanent_bounces": []}}
    with FarEnd(answering(200, json.dumps(answer))) as far_end:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
        arguments, stdin = sent_to("send", "bob@example.net")
        ran = cfmail(*arguments, "--json", stdin=stdin)
    assert ran.code == 3
    assert ran.json["unreported"] == ["bob@example.net"]
    assert ran.json["delivered"] == ["other@example.net"]


@pytest.mark.parametrize("endpoint", ["send", "send_raw"])
def test_nothing_listens(cfmail: Cfmail, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """A mail that nobody took is not sent, safe to retry, and in the history."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", f"http://127.0.0.1:{closed_port()}/client/v4")
    arguments, stdin = sent_to(endpoint, "bob@example.net")
    ran = cfmail(*arguments, "--json", stdin=stdin)
    assert ran.code == 75
    assert ran.json.keys() == ATTEMPT | MORE["not_sent"]
    assert "nothing listens at 127.0.0.1" in ran.json["reason"]
    assert [attempt["id"] for attempt in cfmail("history", "--json").json] == [ran.json["id"]]


@pytest.mark.parametrize("base_url", ["http://example.net/client/v4", "ftp://127.0.0.1/", "x y", "https://u:p@a.b/"])
def test_base_url_no_token_may_go_to(cfmail: Cfmail, monkeypatch: pytest.MonkeyPatch, base_url: str) -> None:
    """With a base URL that is none, or that is not safe, nothing is sent, and the words say so."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", base_url)
    arguments, stdin = sent_to("send", "bob@example.net")
    ran = cfmail(*arguments, "--json", stdin=stdin)
    assert ran.code == 75
    assert "base URL" in ran.json["reason"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "CLOUDFLARE_API_TOKEN"),
        ({"CLOUDFLARE_API_TOKEN": "x" * 40}, "CLOUDFLARE_ACCOUNT_ID"),
        ({"CLOUDFLARE_API_TOKEN": "short", "CLOUDFLARE_ACCOUNT_ID": "0" * 32}, "CLOUDFLARE_API_TOKEN"),
        ({"CLOUDFLARE_API_KEY": "x" * 37, "CLOUDFLARE_ACCOUNT_ID": "0" * 32}, "CLOUDFLARE_EMAIL"),
    ],
)
def test_no_credentials(
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    new_machine: Path,
    given: dict[str, str],
    named: str,
) -> None:
    """Without usable credentials nothing is sent, the words name what to set, and no text of the mail is left."""
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    ran = Cfmail(capsysbinary)("send", *FIELDS, "-", "--json", stdin=b"Hi")
    assert ran.code == 77
    assert ran.json.keys() == {"outcome", "reason", "exit_code"}
    assert (ran.json["outcome"], ran.json["exit_code"]) == ("no_credentials", 77)
    assert named in ran.json["reason"]
    assert named in ran.err
    assert not bodies(new_machine)


def test_no_keyring_ends_at_once() -> None:
    """On a machine without a keyring the real command ends with 77, within seconds and without a question."""
    started = time.monotonic()
    ran = cfmail_process("send", *FIELDS, "-", stdin=b"Hi")
    assert (ran.code, ran.stdout) == (77, b"")
    assert len(ran.err.splitlines()) == 1
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("name", ["nosuch", "a\x1b]52;c;x\x07", "\udcff", "", "x" * 5000])
def test_unknown_account(cfmail: Cfmail, name: str) -> None:
    """An account named on the command line is one of the keyring's: what the environment holds does not stand in."""
    ran = cfmail("send", *FIELDS, f"--account={name}", "-", "--json", stdin=b"Hi")
    assert ran.code == (77 if name else 0)
    assert ran.json["outcome"] == ("no_credentials" if name else "accepted")
    assert not HOSTILE.search(ran.err)


def test_token_appears_nowhere(cfmail: Cfmail, sandbox: Sandbox, new_machine: Path) -> None:
    """Neither an output nor a file holds the token or the account id, whatever came of the mails."""
    seen = b""
    for local in ("bob", "suppressed", "cut", "halfanswer"):
        for as_json in ((), ("--json",)):
            arguments, stdin = sent_to("send", f"{local}@example.net")
            ran = cfmail(*arguments, *as_json, stdin=stdin)
            seen += ran.stdout + ran.stderr
    for attempt in cfmail("history", "--json").json:
        for form in ((), ("--json",), ("--eml",), ("--curl",)):
            ran = cfmail("history", "show", attempt["id"], *form)
            seen += ran.stdout + ran.stderr
    files = kept_files(new_machine)
    assert len([name for name in files if name.endswith(".json")]) == 8
    everything = seen + b"".join(files.values())
    assert sandbox.token.encode() not in everything
    assert sandbox.account_id.encode() not in everything


class TestHostileAnswer:
    """What the far end says is shown as words, and obeyed by no terminal."""

    ESCAPES: Final = "\x1b]52;c;aGk=\x07\x9b2J\nfake line\u202e\u200b"

    @pytest.fixture
    def answered(self, cfmail: Cfmail, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
        def send(status: int, answer: object, *flags: str) -> Ran:
            with FarEnd(answering(status, json.dumps(answer))) as far_end:
                monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
                return cfmail("send", *FIELDS, "-", *flags, stdin=b"Hi")

        return send

    @pytest.mark.parametrize("flags", [(), ("--json",)])
    def test_refusal(self, cfmail: Cfmail, answered: Callable[..., Ran], flags: tuple[str, ...]) -> None:
        """A reason full of escapes, line breaks and bidi controls stays in its line, here and in the history."""
        answer = {"success": False, "errors": [{"code": f"1{self.ESCAPES}", "message": f"no {self.ESCAPES}"}]}
        ran = answered(400, answer, *flags)
        assert ran.code == 69
        listed = [cfmail("history"), cfmail("history", "show", cfmail("history", "--json").json[0]["id"])]
        for text in (ran.out, ran.err, *(each.out for each in listed)):
            assert not HOSTILE.search(text)
            assert not [line for line in text.splitlines() if line.startswith("fake line")]
        if flags:
            assert ran.json["reason"] == f"no {self.ESCAPES}"

    def test_addresses_and_message_id(self, cfmail: Cfmail, answered: Callable[..., Ran]) -> None:
        """Addresses and an id that nobody asked for are shown harmlessly, and make no header field of the .eml."""
        result = {
            "delivered": ["bob@example.net", f"x{self.ESCAPES}@y"],
            "message_id": f"<a>\r\nX-Evil: {self.ESCAPES}",
        }
        ran = answered(200, {"success": True, "result": result})
        assert ran.code == 0
        assert len(ran.out.splitlines()) == 2
        (attempt,) = cfmail("history", "--json").json
        assert attempt["message_id"] == result["message_id"]
        shown = [cfmail("history", "show", attempt["id"]).out, cfmail("history", "export", "--csv").out]
        for text in (ran.out, *shown):
            assert not HOSTILE.search(text.replace("\r\n", "\n"))
        eml = cfmail("history", "show", attempt["id"], "--eml")
        assert eml.code == 0
        assert b"X-Evil" not in eml.stdout


class TestDisk:
    """When the disk does not do its part, the words and the exit code are still true."""

    def test_no_journal(self, cfmail: Cfmail, sandbox: Sandbox, new_machine: Path) -> None:
        """If the history cannot be opened nothing is sent: 75, and one line that names the place."""
        data = new_machine / "cfmail" / "data"
        data.write_text("in the way")
        ran = cfmail("send", *FIELDS, "-", "--json", stdin=b"Hi")
        assert ran.code == 75
        assert ran.json["outcome"] == "not_sent"
        assert str(data) in ran.err
        assert not sandbox.messages()
        listed = cfmail("history", "--json")
        assert (listed.code, listed.json["outcome"], listed.json["exit_code"]) == (66, "unreadable", 66)
        embedded = cfmail("send", *FIELDS, "-", "--json", "--sandbox", stdin=b"Hi")
        assert (embedded.code, embedded.json["outcome"]) == (75, "not_sent")

    @pytest.mark.parametrize(("local", "code"), [("bob", 0), ("bounce", 3), ("cut", 76)])
    def test_outcome_not_written_down(
        self, cfmail: Cfmail, monkeypatch: pytest.MonkeyPatch, local: str, code: int
    ) -> None:
        """An outcome the history could not take is told all the same, with why, under its own exit code."""

        def full(_store: Store, _attempt_id: str, _outcome: Outcome, **_when: object) -> Attempt:
            raise StoreError("the disk is full")

        monkeypatch.setattr(Store, "finish", full)
        arguments, stdin = sent_to("send", f"{local}@example.net")
        ran = cfmail(*arguments, "--json", stdin=stdin)
        assert ran.code == code
        assert ran.json["outcome"] == OUTCOMES[code]
        assert ran.json["finished_at"] is None
        assert "the disk is full" in ran.json["not_recorded"]
        assert "the disk is full" in ran.err
        assert f"{local}@example.net" in ran.err

    def test_output_cannot_be_written(self, cfmail: Cfmail) -> None:
        """A full disk under standard output changes nothing of a sent mail's exit code, and fails a listing."""
        arguments, stdin = sent_to("send", "bounce@example.net")
        command = [sys.executable, "-m", "cfmail_tui"]
        with Path("/dev/full").open("w") as full:
            sent = subprocess.run([*command, *arguments], input=stdin, stdout=full, stderr=subprocess.PIPE, check=False)
            listed = subprocess.run([*command, "history"], stdout=full, stderr=subprocess.PIPE, check=False)
        assert (sent.returncode, listed.returncode) == (3, 75)
        for ran in (sent, listed):
            assert ran.stderr.decode().splitlines() == [
                "cfmail: standard output cannot be written: No space left on device"
            ]

    @pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "| true"])
    def test_nobody_listens(self, cfmail: Cfmail, closed: str) -> None:
        """With standard output or error closed, or read by nobody, a mail is sent as ever and has its exit code."""
        line = f'"$@" {closed}; exit "${{PIPESTATUS[0]}}"'
        arguments, _ = sent_to("send_raw", "bounce@example.net")
        source = b"Bcc: queue@example.net\r\n" + RAW.replace(b"bob@", b"bounce@")
        ran = subprocess.run(
            ["bash", "-c", line, "bash", sys.executable, "-m", "cfmail_tui", *arguments],
            input=source,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        assert ran.returncode == 3
        assert b"Traceback" not in ran.stderr
        assert [attempt["outcome"] for attempt in cfmail("history", "--json").json] == ["accepted"]


def test_words_of_the_report_are_the_codes_of_the_command() -> None:
    """Every exit code an outcome can have is one the command line documents."""
    documented = (cli.__doc__ or "").split()
    outcomes = (report.ACCEPTED, report.PARTLY, report.REFUSED, report.NOT_SENT, report.UNKNOWN)
    assert {str(code) for code in (*outcomes, *(128 + number for number in HEARD))} <= {*documented}
