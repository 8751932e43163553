"""`cfmail doctor`: each thing that can be wrong is made so, found, and told with what to do about it."""

import json
import os
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

import pytest

from cfmail_tui.sandbox import Choices, Sandbox
from cfmail_tui.store import DATABASE, Store, examining
from cfmail_tui.submission import Unknown
from tests.conftest import SecretService, fill
from tests.edge.cli_run import Ran, cfmail_process, kept_files, use
from tests.edge.fault_server import FarEnd, answering, closed_port
from tests.edge.test_store_place import draft, submission
from tests.fork_server import shared
from tests.leaks import Leaks
from tests.pty_driver import Terminal

TOKEN: Final = "Qm4+xR/7w~Kp.Z2t_Lh9=Vb-NcYs8Ef3GjUd6Aoi1T"
PASSPHRASE: Final = "correct horse battery"
Cfmail = Callable[..., Ran]

NO_KEYRING: Final = "keyring.backends.fail.Keyring"


@pytest.fixture
def cfmail(monkeypatch: pytest.MonkeyPatch) -> Cfmail:
    """The command in a process of its own, on a machine with a keyring and a UTF-8 locale."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.edge.kept_in_file.Ring")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    return lambda *arguments, stdin=b"": Ran(*shared().run(*arguments, env=os.environ, stdin=stdin))


@pytest.fixture
def data_dir() -> Path:
    return Path(os.environ["CFMAIL_HOME"], "data")


@pytest.fixture
def config() -> Path:
    return Path(os.environ["CFMAIL_HOME"], "config", "config.toml")


@pytest.fixture
def account(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """An account that may send, in the environment."""
    use(sandbox, monkeypatch)
    return sandbox


def found(ran: Ran, what: str) -> list[tuple[str, str]]:
    """Level and words of what was found about it."""
    return [
        (finding["level"], f"{finding['words']}: {finding['action']}")
        for finding in ran.json["findings"]
        if finding["what"] == what
    ]


def the(ran: Ran, what: str) -> tuple[str, str]:
    (only,) = found(ran, what)
    return only


def wrong(ran: Ran) -> list[str]:
    """What is wrong; the exit code goes with it."""
    things = [finding["what"] for finding in ran.json["findings"] if finding["level"] == "wrong"]
    assert (ran.code, ran.json["wrong"]) == (69 if things else 0, len(things))
    return things


class TestRight:
    def test_all_is_well(self, cfmail: Cfmail, account: Sandbox, data_dir: Path, config: Path) -> None:
        """Everything is named, nothing is wrong, and nothing is written."""
        with closing(Store(data_dir)) as store:
            store.save_draft(draft("one"))
        before = kept_files(Path.home())
        ran = cfmail("doctor", "--json")
        assert wrong(ran) == []
        assert the(ran, "settings") == ("ok", f"{config}: ")
        assert the(ran, "data") == ("ok", f"{data_dir}: ")
        assert the(ran, "database")[1].startswith(f"{data_dir / DATABASE}, ")
        assert the(ran, "database")[1].endswith(f"schema {examining.SCHEMA}, sound: ")
        assert the(ran, "drafts") == ("ok", "1 draft (F7): ")
        assert the(ran, "keyring") == ("ok", "Secret Service, open: ")
        assert the(ran, "account") == ("ok", "environment: ")
        assert the(ran, "api") == ("ok", f"{account.base_url} answers: ")
        assert the(ran, "rights")[1].startswith("mail can be sent from acme.example")
        assert the(ran, "locale") == ("ok", "C.UTF-8: ")
        facts = ran.json["facts"]
        assert facts["program"]["textual"] in the(ran, "program")[1]
        assert facts["account"]["inspection"]["verdict"]["can_send"] is True
        assert kept_files(Path.home()) == before

    def test_a_new_machine(self, cfmail: Cfmail, data_dir: Path, config: Path) -> None:
        """Without anything nothing is wrong, nothing is made, and what to do first is said, a line for each finding."""
        config.unlink()
        ran = cfmail("doctor")
        assert (ran.code, ran.err) == (0, "")
        lines = [line.split(maxsplit=2) for line in ran.out.splitlines()]
        assert {line[0] for line in lines[:-2]} == {"ok", "warning"}
        assert ["warning", "account", "no account is set up: cfmail account add NAME --token-stdin, or cfmail"] in lines
        assert ran.out.endswith("\n\nnothing is wrong, 1 warning\n")
        assert not data_dir.exists()


class TestSettings:
    def test_a_faulty_line(self, cfmail: Cfmail, config: Path) -> None:
        """It is named with its line, by the doctor and once by any other command, which does its work all the same."""
        config.write_text("\nundo_sent = 3\n")
        notice = f"{config}:2: there is no setting 'undo_sent'; did you mean undo_send?"
        ran = cfmail("doctor", "--json")
        assert wrong(ran) == ["settings"]
        assert notice in found(ran, "settings")[1][1]
        ran = cfmail("history")
        assert (ran.code, ran.err.count(notice)) == (0, 1)


class TestDisk:
    def test_a_read_only_folder(self, cfmail: Cfmail, small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A data folder that nobody can write is wrong, and what is in its database is told all the same."""
        monkeypatch.setenv("CFMAIL_HOME", str(small_disk))
        with closing(Store(small_disk / "data")) as store:
            store.save_draft(draft("one"))
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
        ran = cfmail("doctor", "--json")
        assert "data" in wrong(ran)
        assert "read-only file system: make it a folder that is yours" in the(ran, "data")[1]
        assert the(ran, "drafts")[1].startswith("1 draft")

    def test_a_full_disk(self, cfmail: Cfmail, small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """So is one where there is no room."""
        monkeypatch.setenv("CFMAIL_HOME", str(small_disk))
        (small_disk / "data").mkdir(mode=0o700)
        fill(small_disk, 0)
        ran = cfmail("doctor", "--json")
        assert wrong(ran) == ["data", "disk"]
        assert "no space left on device" in the(ran, "data")[1]
        assert the(ran, "disk")[1].startswith("only 0 KiB free")

    def test_a_folder_for_everybody(self, cfmail: Cfmail, data_dir: Path) -> None:
        """A data folder that others may look into is told, and left for the next start to close."""
        data_dir.mkdir(parents=True)
        data_dir.chmod(0o755)
        ran = cfmail("doctor", "--json")
        assert wrong(ran) == []
        assert the(ran, "data") == (
            "warning",
            f"{data_dir} is open to other users: chmod 700 {data_dir}; the next start does it, too",
        )
        assert data_dir.stat().st_mode & 0o777 == 0o755

    def test_a_folder_that_is_a_file(self, cfmail: Cfmail, data_dir: Path) -> None:
        """So is what stands in its place."""
        data_dir.parent.mkdir(exist_ok=True)
        data_dir.write_text("")
        assert "data" in wrong(cfmail("doctor", "--json"))


class TestDatabase:
    @pytest.fixture
    def path(self, data_dir: Path) -> Path:
        with closing(Store(data_dir)) as store:
            store.save_draft(draft("one"))
        return data_dir / DATABASE

    @pytest.mark.parametrize("kind", ["damaged", "cut", "newer", "foreign"])
    def test_one_that_cannot_be_used(self, cfmail: Cfmail, path: Path, kind: str) -> None:
        """It is wrong, in words that say which file, and stays as it is; the rest is looked at all the same."""
        words = "is damaged or not a database"
        match kind:
            case "damaged":
                with path.open("r+b") as file:
                    for page in range(1, path.stat().st_size // 4096):
                        file.seek(page * 4096)
                        file.write(b"\xff" * 64)
            case "cut":
                path.write_bytes(path.read_bytes()[:5000])
            case "newer" | "foreign":
                with closing(sqlite3.connect(path)) as db:
                    db.execute("PRAGMA user_version = 99" if kind == "newer" else "PRAGMA application_id = 7")
                words = "was written by a newer cfmail" if kind == "newer" else "is another program's database"
        content = path.read_bytes()
        ran = cfmail("doctor", "--json")
        assert wrong(ran) == ["database"]
        assert the(ran, "database")[1].startswith(f"{path} {words}")
        assert found(ran, "account")
        assert path.read_bytes() == content

    def test_mails_of_unknown_fate(self, cfmail: Cfmail, path: Path) -> None:
        """A mail that was cut off, and one of which nobody knows whether it arrived, are told; of a running one not."""
        with closing(Store(path.parent)) as store:
            store.begin(submission("attempt-1"), "work")
            store.begin(submission("attempt-2"), "work")
            store.finish("attempt-2", Unknown("the connection was cut"))
            ran = cfmail("doctor", "--json")
            assert the(ran, "sending") == ("ok", "1 mail being sent by another cfmail: ")
        ran = cfmail("doctor", "--json")
        assert wrong(ran) == []
        assert the(ran, "sending")[0] == "warning"
        assert the(ran, "sending")[1].startswith("1 mail cut off while being sent: ")
        assert the(ran, "unknown")[0] == "warning"
        assert "cfmail history status:unknown" in the(ran, "unknown")[1]
        assert cfmail("history", "status:unknown", "--json").json

    def test_one_that_takes_too_long(self, path: Path) -> None:
        """Of a very large one the rest is told when there is no time left to look it through."""
        with closing(sqlite3.connect(path)) as db:
            rows = ((b"%d" % number, bytes(200)) for number in range(20_000))
            db.executemany("INSERT INTO memory VALUES (?, ?)", rows)
            db.commit()
        quick = examining.examined(path.parent, limit=-1)
        assert quick is not None
        assert (quick.problem, quick.was_checked, quick.drafts) == ("", False, 1)
        patient = examining.examined(path.parent, limit=60)
        assert patient is not None
        assert patient.was_checked


class TestAccount:
    @pytest.mark.parametrize(
        ("kind", "words"),
        [("expired", "the token has expired"), ("no_send", "may not send"), ("nobody's", "does not know this token")],
    )
    def test_a_token_that_may_not_send(
        self, cfmail: Cfmail, account: Sandbox, monkeypatch: pytest.MonkeyPatch, kind: str, words: str
    ) -> None:
        """One that has ended or lacks the right is wrong, and what to do stands with it."""
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "x" * 40 if kind == "nobody's" else account.add_token(kind))
        ran = cfmail("doctor", "--json")
        assert wrong(ran) == ["rights"]
        assert words in the(ran, "rights")[1]
        assert not the(ran, "rights")[1].endswith(": ")

    def test_a_secret_that_cannot_be_one(
        self, cfmail: Cfmail, account: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A variable that holds no token is named, and nothing of it is shown."""
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "s3cret with blanks")
        ran = cfmail("doctor", "--json")
        assert wrong(ran) == ["account"]
        assert "CLOUDFLARE_API_TOKEN" in the(ran, "account")[1]
        assert "s3cret" not in ran.out

    def test_a_domain_whose_records_are_missing(
        self, cfmail: Cfmail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A domain that lacks DNS records is named with what it lacks."""
        with Sandbox(tmp_path / "box", choices=Choices(dns_faults=(("acme.example", "dkim.missing"),))) as box:
            use(box, monkeypatch)
            ran = cfmail("doctor", "--json")
        assert (
            "warning",
            "acme.example: its DKIM record is missing: cfmail account check shows the DNS records to add",
        ) in found(ran, "domain")

    @pytest.mark.parametrize("seconds", [-10800, 10800])
    def test_a_clock_that_is_wrong(
        self, cfmail: Cfmail, account: Sandbox, monkeypatch: pytest.MonkeyPatch, seconds: int
    ) -> None:
        """A clock that is hours off Cloudflare's is wrong, whichever way."""
        there = format_datetime(datetime.now(UTC) - timedelta(seconds=seconds), usegmt=True)
        answer = json.dumps({"success": True, "errors": [], "result": {"status": "active"}})
        with FarEnd(answering(200, answer, {"Date": there})) as far_end:
            monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
            ran = cfmail("doctor", "--json")
        assert "clock" in wrong(ran)
        assert f"3 h {'ahead' if seconds > 0 else 'behind'}" in the(ran, "clock")[1]

    def test_without_a_network(self, cfmail: Cfmail, account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """That nobody answers is wrong, and all else is told; by the user's own wish nobody is asked."""
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", f"http://127.0.0.1:{closed_port()}")
        ran = cfmail("doctor", "--json")
        assert wrong(ran) == ["api"]
        assert found(ran, "locale")
        ran = cfmail("doctor", "--json", "--offline")
        assert wrong(ran) == []
        assert the(ran, "api")[1].endswith("was not asked: --offline: ")

    def test_a_base_url_with_a_password(
        self, cfmail: Cfmail, account: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What cannot be the API's address is wrong, and not shown: there may be a password in it."""
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", "https://me:s3cret@api.example/v4")
        for flags in ((), ("--offline",)):
            ran = cfmail("doctor", "--json", *flags)
            assert wrong(ran) == ["account"]
            assert "s3cret" not in ran.out + ran.err

    def test_a_keyring_that_is_locked(
        self, account: Sandbox, secret_service: SecretService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A real keyring is named; locked, with an account in it, it is wrong, and how to open it is said."""
        for name in ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID"):
            monkeypatch.delenv(name)
        add = ("account", "add", "work", "--token-stdin")
        assert cfmail_process(*add, stdin=account.token.encode(), env=secret_service.environment).code == 0
        ran = cfmail_process("doctor", "--json", env=secret_service.environment)
        assert "keyring" not in wrong(ran)
        assert the(ran, "account") == ("ok", "work · keyring (Secret Service): ")
        secret_service.lock()
        ran = cfmail_process("doctor", "--json", env=secret_service.environment)
        assert {"keyring", "account"} <= {*wrong(ran)}
        assert "keyring" in the(ran, "keyring")[1]

    def test_an_account_that_is_lost(self, cfmail: Cfmail, account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """One in the list whose secret the keyring does not have any more is named."""
        monkeypatch.delenv("CLOUDFLARE_API_TOKEN")
        assert cfmail("account", "add", "work", "--token-stdin", stdin=account.token.encode()).code == 0
        Path.home().joinpath("keyring.json").unlink()
        ran = cfmail("doctor", "--json")
        assert {*wrong(ran)} == {"keyring", "account"}
        assert "“work”" in found(ran, "keyring")[1][1]

    def test_no_keyring(self, cfmail: Cfmail, account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where no account is in one, no keyring is nothing to worry about."""
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", NO_KEYRING)
        assert the(cfmail("doctor", "--json"), "keyring")[0] == "ok"

    def test_a_vault_that_is_cut_short(self, cfmail: Cfmail, account: Sandbox, data_dir: Path) -> None:
        """An encrypted file that cannot be one any more is wrong."""
        data_dir.mkdir(mode=0o700, parents=True)
        (data_dir / "accounts.vault").write_bytes(b"cfmail-va")
        ran = cfmail("doctor", "--json")
        assert wrong(ran) == ["vault"]
        assert "is cut short" in the(ran, "vault")[1]


@pytest.fixture
def leaks() -> Iterator[Leaks]:
    hunt = Leaks(token=TOKEN, passphrase=PASSPHRASE)
    yield hunt
    assert not hunt.found, "\n".join(hunt.found)


def test_no_secret(
    cfmail: Cfmail, sandbox: Sandbox, config: Path, leaks: Leaks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Wherever a secret is kept, even where it does not belong, nothing of it is shown."""
    use(sandbox, monkeypatch)

    def look(*flags: str) -> dict[str, Any]:
        ran = {mode: cfmail("doctor", *mode, *flags) for mode in ((), ("--json",), ("--offline",))}
        for one in ran.values():
            leaks.add("standard output", one.out)
            leaks.add("standard error", one.err)
        told: dict[str, Any] = ran["--json",].json
        return told

    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    assert look()["facts"]["account"]["words"] == "environment"
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN")
    unchecked = ("--token-stdin", "--unchecked", "--account-id", sandbox.account_id)
    assert cfmail("account", "add", "ring", *unchecked, stdin=TOKEN.encode()).code == 0
    assert look("--account", "ring")["facts"]["account"]["inspection"]
    kept = ("--store", "file", "--passphrase-stdin")
    assert cfmail("account", "add", "file", *unchecked, *kept, stdin=f"{TOKEN}\n{PASSPHRASE}\n".encode()).code == 0
    assert "passphrase" in look("--account", "file")["facts"]["account"]["unseen"]
    (tmp_path / "secret").write_text(TOKEN)
    config.write_text(f'token_command = ["cat", "{tmp_path}/secret"]\naccount_id = "{sandbox.account_id}"\n')
    assert look("--account", "password command")["facts"]["account"]["inspection"]
    config.write_text(f'token_command = "{TOKEN}"\naccount_id = "{TOKEN}"\ntheme = 1\n')
    assert len(look()["facts"]["settings"]["notices"]) == 3


class TestTerminal:
    def test_what_a_terminal_is(self, new_machine: Path) -> None:
        """Name, colours, size and what is between are told, and what is too small; TERM that says nothing is wrong."""
        command = shlex.join([sys.executable, "-m", "cfmail_tui", "doctor", "--offline"])
        env = {"TMUX": "/tmp/tmux,1,0", "SSH_CONNECTION": "192.0.2.1 5 192.0.2.2 22", "COLORTERM": "truecolor"}
        with Terminal(["sh", "-c", f"{command}; TERM=dumb {command}"], size=(120, 20), env=env) as terminal:
            assert terminal.wait_exit() == 69
            told = terminal.output.decode()
        assert "16.7 million colours, 120x20, in tmux, over SSH: make it 80x24 at least" in told
        assert "TERM is 'dumb'" in told

    @pytest.mark.parametrize(
        ("env", "level"),
        [
            ({"LC_ALL": "C"}, "warning"),
            ({"LC_ALL": "C", "PYTHONUTF8": "0"}, "wrong"),
            ({"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "latin-1"}, "wrong"),
            ({"LC_ALL": "en_GB.UTF-8"}, "ok"),
        ],
    )
    def test_a_locale(self, env: dict[str, str], level: str) -> None:
        """Output that is not UTF-8 is wrong; where nothing says that the terminal shows it, that is doubtful."""
        ran = cfmail_process("doctor", "--json", "--offline", env=env)
        assert the(ran, "locale")[0] == level
        assert wrong(ran) == ["locale"] * (level == "wrong")
