"""`cfmail send --template --data`: each row's mail is sent once, whatever ends the command in between."""

import json
import os
import re
import select
import shlex
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest

from cfmail_tui import retry, settings
from cfmail_tui.outbox import Outbox
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.store import KEYS_LOST, Store
from cfmail_tui.submission import Attempt
from tests.edge.cli_run import FIELDS, PATIENCE, Cfmail, Ran, bodies, use
from tests.edge.fault_server import ACCOUNT_ID, TOKEN, Exchange, FarEnd, http_answer

TEMPLATE: Final = """\
---
From: News <news@acme.example>
To: {{name}} <{{email}}>
Subject: Hello {{name}}
Attach: {{id}}.txt
---

Dear {{name}}
"""

SEND: Final = ("send", "--template", "news.mail", "--data", "rows.csv")


@pytest.fixture
def cfmail(
    capsysbinary: pytest.CaptureFixture[bytes], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, new_machine: Path
) -> Cfmail:
    use(sandbox, monkeypatch)
    monkeypatch.chdir(new_machine)
    Path("news.mail").write_text(TEMPLATE)
    for number in range(1, 5):
        Path(f"{number}.txt").write_text(f"file {number}")
    table("a@example.net", "b@example.net", "c@example.net")
    return Cfmail(capsysbinary)


def table(*addresses: str) -> None:
    rows = (f"Name {at},{address},{at}" for at, address in enumerate(addresses, 1))
    Path("rows.csv").write_text("\n".join(["name,email,id", *rows, ""]))


def lines(ran: Ran) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ran.out.splitlines()]


def sent_to(sandbox: Sandbox) -> Counter[str]:
    """How often each recipient got a mail, and whether it was the one of its row."""
    found = Counter[str]()
    for message in sandbox.messages():
        (to,) = message["request"]["to"]
        found[to["address"]] += 1
        assert message["request"]["subject"] == f"Hello {to['name']}"
    return found


class TestRows:
    def test_each_row_once(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """A mail for each row, filled in, with its file; run again, none; a new row, one; in another run, all."""
        first = lines(cfmail(*SEND, "--json"))
        assert [(one["row"], one["line"], one["outcome"], one["before"]) for one in first] == [
            (1, 2, "accepted", False),
            (2, 3, "accepted", False),
            (3, 4, "accepted", False),
        ]
        assert first[1]["recipients"] == [{"address": "b@example.net", "status": "delivered"}]
        request = sandbox.messages()[1]["request"]
        assert (request["text"], request["attachments"][0]["filename"]) == ("Dear Name 2", "2.txt")
        again = cfmail(*SEND, "--json")
        assert again.code == 0
        assert lines(again) == [one | {"before": True} for one in first]
        heading, rows = Path("rows.csv").read_text().split("\n", 1)
        Path("rows.csv").write_text(f"{heading}\nNew,new@example.net,1\n{rows}")
        assert cfmail(*SEND).code == 0
        assert sent_to(sandbox) == dict.fromkeys(
            ("a@example.net", "b@example.net", "c@example.net", "new@example.net"), 1
        )
        assert cfmail(*SEND, "--run", "second").code == 0
        assert {*sent_to(sandbox).values()} == {2}

    def test_rows_that_are_alike(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """A row that stands there twice gets two mails, in whatever order the rows stand, and no third."""
        Path("rows.csv").write_text("name,email,id\nA,a@example.net,1\nA,a@example.net,1\n")
        assert cfmail(*SEND).code == 0
        Path("rows.csv").write_text("name,email,id\nB,b@example.net,1\nA,a@example.net,1\nA,a@example.net,1\n")
        assert cfmail(*SEND).code == 0
        assert sent_to(sandbox) == {"a@example.net": 2, "b@example.net": 1}

    def test_a_trial_is_no_run(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """What was sent into the embedded sandbox is not taken for sent elsewhere."""
        assert cfmail(*SEND, "--sandbox").code == 0
        assert not sandbox.messages()
        assert cfmail(*SEND).code == 0
        assert len(sandbox.messages()) == 3

    def test_the_code_is_the_worst(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """What is unknown counts for more than what was refused, that for more than a bounce; all rows are tried."""
        table("bounce@example.net", "a@example.net")
        assert cfmail(*SEND).code == 3
        table("suppressed@example.net", "bounce@example.net", "b@example.net")
        assert cfmail(*SEND).code == 69
        table("cut@example.net", "suppressed@example.net", "c@example.net")
        ran = cfmail(*SEND, "--json")
        assert ran.code == 76
        assert [one["outcome"] for one in lines(ran)] == ["unknown", "refused", "accepted"]

    def test_what_may_have_been_sent_is_never_sent_again(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """An unknown row is reported until the user said what became of it; a lost one is sent again, one time."""
        table("cut@example.net")
        (first,) = lines(cfmail(*SEND, "--json"))
        ran = cfmail(*SEND, "--json")
        assert (ran.code, lines(ran)[0]["attempt"], lines(ran)[0]["before"]) == (76, first["attempt"], True)
        store = Store(settings.read(os.environ).data_dir)
        store.settle(first["attempt"], arrived=True)
        assert [one["outcome"] for one in lines(cfmail(*SEND, "--json"))] == ["arrived"]
        store.settle(first["attempt"], arrived=False)
        store.close()
        (second,) = lines(cfmail(*SEND, "--json"))
        assert (second["outcome"], second["before"], len(sandbox.messages())) == ("unknown", False, 2)
        assert cfmail(*SEND).code == 76
        assert len(sandbox.messages()) == 2

    def test_what_was_refused_is_tried_again(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """The next run tries a refused row again, as another attempt at the same mail."""
        table("suppressed@example.net")
        (first,), (second,) = lines(cfmail(*SEND, "--json")), lines(cfmail(*SEND, "--json"))
        assert first["cause"] == second["cause"]
        assert first["attempt"] != second["attempt"]
        shown = cfmail("history", "show", second["attempt"], "--json").json
        assert shown["attempts"] == [first["attempt"], second["attempt"]]

    def test_what_was_deleted_is_not_sent_again(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """A row whose mail the history has forgotten is told of, and not sent a second time."""
        table("a@example.net")
        (first,) = lines(cfmail(*SEND, "--json"))
        store = Store(settings.read(os.environ).data_dir)
        with store._transaction() as db:
            db.execute("DELETE FROM attempts WHERE id = ?", (first["attempt"],))
        store.close()
        (again,) = lines(cfmail(*SEND, "--json"))
        assert (again["outcome"], again["before"], again["attempt"]) == ("forgotten", True, None)
        assert len(sandbox.messages()) == 1

    def test_two_runs_at_once(self, cfmail: Cfmail, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """A row that another cfmail sends after this one looked is told of as that one's, and does not leave here."""
        first = lines(cfmail(*SEND, "--json"))
        looks: list[object] = []
        looked = Outbox.by_keys

        def by_keys(outbox: Outbox, keys: Iterable[str]) -> dict[str, tuple[Attempt, ...]]:
            looks.append(keys)
            return looked(outbox, keys) if len(looks) > 1 else {}

        monkeypatch.setattr(Outbox, "by_keys", by_keys)
        assert lines(cfmail(*SEND, "--json")) == [one | {"before": True} for one in first]
        assert len(sandbox.messages()) == 3
        assert len(bodies(Path.home())) == 3

    def test_the_report_is_described(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """Every key of a line is in the document."""
        table("cut@example.net", "suppressed@example.net")
        document = (Path(__file__).parents[2] / "docs" / "files.md").read_text("utf-8")
        told = [*lines(cfmail(*SEND, "--json")), *lines(cfmail(*SEND, "--json", "--dry-run"))]
        assert {f"`{key}`" for line in told for key in line} <= {*re.findall(r"`\w+`", document)}

    def test_a_damaged_database(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """Where what was sent may not be known any more, the first run sends nothing and says why; the next goes on."""
        cfmail("history")
        store = Store(settings.read(os.environ).data_dir)
        store.remember(KEYS_LOST, "1")
        store.close()
        ran = cfmail(*SEND)
        assert (ran.code, len(sandbox.messages())) == (75, 0)
        assert "damaged" in ran.err
        assert cfmail(*SEND).code == 0


class TestBefore:
    def test_a_dry_run(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """--dry-run checks all rows, shows the first and says how many were sent before; nothing is kept or sent."""
        table("a@example.net")
        cfmail(*SEND)
        table(*(f"{name}@example.net" for name in "abc"))
        kept = len(bodies(Path.home()))
        ran = cfmail(*SEND, "--dry-run")
        assert ran.out.splitlines() == [
            "row 2: to b@example.net, subject: Hello Name 2",
            "row 3: to c@example.net, subject: Hello Name 3",
            "would send 2 of 3 mails, 1 accepted before",
        ]
        told = lines(cfmail(*SEND, "--dry-run", "--json"))
        assert [(one["outcome"], one["before"]) for one in told] == [
            ("accepted", True),
            ("would_send", False),
            ("would_send", False),
        ]
        assert (len(sandbox.messages()), len(bodies(Path.home()))) == (1, kept)

    def test_a_preview(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """--preview prints the mail of one row as a message file; a row that is not there is said."""
        ran = cfmail(*SEND, "--preview", "2")
        assert ran.out == TEMPLATE.replace("To: {{name}}", 'To: "Name 2"').replace("{{name}}", "Name 2").replace(
            "{{email}}", "b@example.net"
        ).replace("{{id}}", "2")
        assert cfmail(*SEND, "--preview", "2", "--json").json == {"row": 2, "line": 3, "message": ran.out}
        assert cfmail(*SEND, "--preview", "4").code == 64
        assert not sandbox.messages()

    @pytest.mark.parametrize(
        ("rows", "words"),
        [
            ("name,email,id\nA,a@example.net,1\nB,,2\n", "rows.csv: row 2 (line 3), column email: it is empty"),
            ("name,mail,id\nA,a@example.net,1\n", "there is no column email"),
            ("name,email,id\nA,a@example.net,1\nB,b@,2\n", "rows.csv, row 2 (line 3): "),
            ("name,email,id\nA,a@example.net,1\nB,b@example.net,9\n", "rows.csv, row 2 (line 3): "),
            ("name,email,id\nA,a@example.net,1\nB,b@example.net\n", "row 2 (line 3) has 2 cells"),
        ],
    )
    def test_nothing_leaves_before_all_is_checked(
        self, cfmail: Cfmail, sandbox: Sandbox, rows: str, words: str
    ) -> None:
        """A bad row, however late it stands, is named with its line, and no other was sent before it."""
        Path("rows.csv").write_text(rows)
        ran = cfmail(*SEND, "--json")
        assert ran.code in {65, 66}
        assert words in ran.json["reason"]
        assert not sandbox.messages()

    @pytest.mark.parametrize(
        "flags",
        [
            ("--template", "news.mail"),
            ("--data", "rows.csv"),
            ("--template", "-", "--data", "-"),
            (*SEND[1:], "--to", "x@example.net"),
            (*SEND[1:], "news.mail"),
            (*SEND[1:], "--rate", "fast"),
            ("--rate", "5/s", *FIELDS, "-"),
        ],
    )
    def test_usage(self, cfmail: Cfmail, sandbox: Sandbox, flags: tuple[str, ...]) -> None:
        """Flags that do not go together are refused before anything is read."""
        assert cfmail("send", *flags, stdin=b"Hi").code == 64
        assert not sandbox.messages()

    def test_standard_input(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """Template or table may come by a pipe."""
        rows = Path("rows.csv").read_bytes()
        assert cfmail("send", "--template", "news.mail", "--data", "-", "--rate", "900/s", stdin=rows).code == 0
        assert cfmail("send", "--template", "-", "--data", "rows.csv", stdin=TEMPLATE.encode()).code == 0
        assert len(sandbox.messages()) == 3


class Cloudflare:
    """Answers each mail as it is told to, and counts them."""

    def __init__(self, *answers: bytes) -> None:
        self.came, self.answers = threading.Event(), threading.Event()
        self._given = list(answers)
        self.far_end = FarEnd(self._behave)

    def _behave(self, exchange: Exchange) -> None:
        exchange.request()
        self.came.set()
        if not self._given:
            self.answers.wait(20)
        exchange.send(self._given.pop(0) if self._given else ACCEPTED)


RESULT: Final = {"delivered": ["a@example.net"], "queued": [], "permanent_bounces": [], "message_id": "<1@example>"}
ACCEPTED: Final = http_answer(200, json.dumps({"success": True, "errors": [], "messages": [], "result": RESULT}))


def refused(status: int, code: int) -> bytes:
    failure = {"success": False, "errors": [{"code": code, "message": "no"}], "messages": [], "result": None}
    return http_answer(status, json.dumps(failure))


@contextmanager
def served(cloudflare: Cloudflare, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarEnd]:
    with cloudflare.far_end as far_end:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT_ID)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
        yield far_end


class TestEnds:
    def test_too_many_at_once(self, cfmail: Cfmail, monkeypatch: pytest.MonkeyPatch) -> None:
        """After a 429 the same row waits and is tried again, as outbox and composer do, then the others follow."""
        monkeypatch.setattr(retry, "FIRST_WAIT", 0.01)
        cloudflare = Cloudflare(refused(429, 10004), *[ACCEPTED] * 3)
        with served(cloudflare, monkeypatch) as far_end:
            ran = cfmail(*SEND)
            assert "row 1: " in ran.err
            assert "tried again in" in ran.err
            assert len(far_end.requests) == 4
        assert ran.out.count("accepted") == 3

    @pytest.mark.parametrize("status", [401, 403])
    def test_no_credentials(self, cfmail: Cfmail, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
        """The first row that shows that nobody may send ends the run: the others are not tried."""
        with served(Cloudflare(*[refused(status, 10000)] * 3), monkeypatch) as far_end:
            ran = cfmail(*SEND)
            assert (ran.code, len(far_end.requests)) == (69, 1)
        assert "2 not tried" in ran.err
        monkeypatch.delenv("CLOUDFLARE_API_TOKEN")
        assert cfmail(*SEND).code == 77

    def test_answers_that_do_not_come(self, cfmail: Cfmail, sandbox: Sandbox) -> None:
        """Three unknown rows one after another end the run, before all of them are."""
        table("cut@example.net", "cut@example.com", "cut@example.org", "b@example.net")
        ran = cfmail(*SEND)
        assert (ran.code, len(ran.out.splitlines())) == (76, 3)
        assert "1 not tried" in ran.err

    def test_a_signal_lets_the_one_in_flight_end(self, cfmail: Cfmail, monkeypatch: pytest.MonkeyPatch) -> None:
        """SIGINT ends the run behind the mail that is in flight, which gets its answer; the next run goes on."""
        cloudflare = Cloudflare()
        with served(cloudflare, monkeypatch) as far_end:
            with subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "cfmail_tui", *SEND, "--json"], stdout=subprocess.PIPE
            ) as process:
                assert cloudflare.came.wait(20)
                process.send_signal(signal.SIGINT)
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(0.2)
                cloudflare.answers.set()
                out, _ = process.communicate(timeout=20)
            assert process.returncode == 130
            (line,) = map(json.loads, out.splitlines())
            assert (line["row"], line["outcome"]) == (1, "accepted")
            assert cfmail(*SEND).code == 3
            assert len(far_end.requests) == 3


@pytest.fixture
def quick_disk() -> Iterator[Path]:
    """In memory where that can be: a process that is killed leaves the same there, and nothing waits for a disk."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


IN_FLIGHT: Final = 400


@pytest.mark.slow
def test_kill_9_in_the_middle(quick_disk: Path, cfmail: Cfmail, monkeypatch: pytest.MonkeyPatch) -> None:
    """1,000 rows, `kill -9` three times, once in flight: each mail comes once or is told as unknown, never twice."""
    addresses = [f"u{at}@example.net" for at in range(1000)]
    addresses[IN_FLIGHT] = "slow-100@example.net"
    rows = "".join(f"Name {at},{address},1\n" for at, address in enumerate(addresses))
    Path("rows.csv").write_text(f"name,email,id\n{rows}")
    monkeypatch.setenv("CFMAIL_HOME", str(quick_disk / "home"))
    command = [sys.executable, "-m", "cfmail_tui", "sandbox", "--port", "0", "--data", str(quick_disk / "box")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        try:
            _use_served(server, monkeypatch)
            _killed_after(150)
            _killed_after(IN_FLIGHT - 150, when_left=quick_disk / "home")
            _killed_after(300)
            last = _killed_after(None)
            came = Counter(one["request"]["to"][0]["address"] for one in _came())
        finally:
            server.kill()
    assert [line["row"] for line in last] == [*range(1, 1001)]
    assert {line["outcome"] for line in last} == {"accepted", "unknown"}
    unknown = {one["address"] for line in last if line["outcome"] == "unknown" for one in line["recipients"]}
    assert addresses[IN_FLIGHT] in unknown
    assert len(unknown) <= 3
    assert max(came.values()) == 1
    assert {*addresses} - came.keys() <= unknown


def _use_served(server: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch) -> None:
    assert server.stdout
    server.stdout.readline()
    for _ in range(4):
        assignment = shlex.split(server.stdout.readline().decode())[1]
        monkeypatch.setenv(*assignment.split("=", 1))


def _came() -> list[dict[str, Any]]:
    base_url = os.environ["CLOUDFLARE_BASE_URL"].removesuffix("/client/v4")
    with urllib.request.urlopen(f"{base_url}/sandbox/messages") as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


def _killed_after(rows: int | None, when_left: Path | None = None) -> list[dict[str, Any]]:
    """What a run told of before it was killed after so many rows, or in the one behind them once its mail had left."""
    told: list[dict[str, Any]] = []
    with subprocess.Popen([sys.executable, "-m", "cfmail_tui", *SEND, "--json"], stdout=subprocess.PIPE) as process:
        assert process.stdout
        for line in process.stdout:
            told.append(json.loads(line))
            if sum(not one["before"] for one in told) == rows:
                end = time.monotonic() + PATIENCE
                while when_left and not _has_left(when_left):
                    assert time.monotonic() < end
                    select.select([process.stdout], [], [], 0.005)
                process.kill()
                break
    return told


def _has_left(home: Path) -> bool:
    with closing(sqlite3.connect(f"file:{home}/data/cfmail.sqlite3?mode=ro", uri=True)) as db:
        open_ones = "SELECT count(*) FROM attempts WHERE outcome IS NULL AND left_at IS NOT NULL"
        return bool(db.execute(open_ones).fetchone()[0])
