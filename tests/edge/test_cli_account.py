"""`cfmail account`: every kind of token, every place to keep one, and no secret anywhere else."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from cfmail_tui.sandbox import Choices, Sandbox
from tests.edge.cli_run import FIELDS, Ran, kept_files, use
from tests.edge.fault_server import TOKEN, Exchange, FarEnd, closed_port, http_answer
from tests.fork_server import shared
from tests.pty_driver import Terminal

ROOT: Final = Path(__file__).parents[2]
PASSPHRASE: Final = "correct horse battery"
RING: Final = "keyring (Secret Service)"
NO_KEYRING: Final = "keyring.backends.fail.Keyring"
FILE: Final = ("--store", "file", "--passphrase-stdin")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def base_url(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The far end is the sandbox; who asks there is for the test to say."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.edge.kept_in_file.Ring")


def cfmail(*arguments: str, stdin: str = "") -> Ran:
    """The command in a process that belongs to no terminal."""
    return Ran(*shared().run(*arguments, env=os.environ, stdin=stdin.encode()))


def add(name: str, token: str, *flags: str) -> Ran:
    return cfmail("account", "add", name, "--token-stdin", *flags, stdin=token)


def add_to_file(name: str, token: str) -> Ran:
    return cfmail("account", "add", name, "--token-stdin", *FILE, stdin=f"{token}\n{PASSPHRASE}\n")


def listed() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cfmail("account", "list", "--json").json
    return found


def on_terminal(*arguments: str) -> Terminal:
    return Terminal([sys.executable, "-m", "cfmail_tui", *arguments], env={"PYTHONPATH": str(ROOT)})


class TestAdding:
    def test_without_an_account_id_the_only_account_is_taken(self, sandbox: Sandbox) -> None:
        """A paste as shells and browsers give it is enough: name, place and verdict are told, and all of it as JSON."""
        ran = add("work", f' "Bearer {sandbox.token}" \r', "--from", "Me <me@acme.example>", "--json")
        assert (ran.code, ran.err) == (0, "")
        assert (ran.json["name"], ran.json["source"], ran.json["default"]) == ("work", RING, True)
        assert ran.json["identities"] == [{"from": "Me <me@acme.example>", "reply_to": ""}]
        assert ran.json["check"]["account_id"] == sandbox.account_id
        assert ran.json["check"]["verdict"]["can_send"] is True
        again = add("work", sandbox.add_token("account"))
        assert again.out.splitlines()[0] == f"“work” is kept in the {RING}; it is the default"
        assert again.out.splitlines()[1].startswith("mail can be sent from acme.example")
        assert listed()[0]["identities"] == [{"from": "Me <me@acme.example>", "reply_to": ""}]

    @pytest.mark.parametrize(
        ("kind", "code", "words"),
        [
            ("expired", 69, "the token has expired"),
            ("disabled", 69, "the token is switched off"),
            ("nobody's", 69, "Cloudflare does not know this token"),
            ("no_send", 0, "may not send mail"),
            ("wrong_type", 64, "--account-id is needed"),
            ("no_read", 64, "--account-id is needed"),
        ],
    )
    def test_each_kind_of_token(self, sandbox: Sandbox, kind: str, code: int, words: str) -> None:
        """One that does nothing any more is not added, unless unchecked; one that lacks a right is, with words."""
        token = "x" * 40 if kind == "nobody's" else sandbox.add_token(kind)
        ran = add("work", token)
        assert (ran.code, words in ran.out + ran.err) == (code, True), ran
        assert [account["name"] for account in listed()] == ["work"] * (code == 0)
        ran = add("work", token, "--unchecked", "--account-id", sandbox.account_id)
        assert ran.code == 0
        assert [account["name"] for account in listed()] == ["work"]

    def test_a_token_that_may_not_read_needs_the_account_id(self, sandbox: Sandbox) -> None:
        """With it, it is checked and kept; with one that is not its own, refused."""
        token = sandbox.add_token("no_read")
        wrong = add("work", token, "--account-id", "0" * 32, "--json")
        assert (wrong.code, wrong.json["outcome"], wrong.json["exit_code"]) == (69, "refused", 69)
        assert not listed()
        assert add("work", token, "--account-id", sandbox.account_id.upper()).code == 0
        assert cfmail("account", "list").out.startswith(f"* work · {RING}")

    def test_of_several_accounts_one_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """They are listed, with their names made safe to show, and nothing is kept until one is named."""
        seen = [{"id": digit * 32, "name": f"{digit}\x1b[2J"} for digit in "ab"]

        def behave(exchange: Exchange) -> None:
            is_list = "/tokens/" not in exchange.request().line
            result = seen if is_list else {"status": "active"}
            exchange.send(http_answer(200, json.dumps({"success": True, "errors": [], "result": result})))

        with FarEnd(behave) as far_end:
            monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
            ran = add("work", TOKEN, "--json")
            assert (ran.code, ran.json["accounts"]) == (64, seen)
            assert ran.err.splitlines() == [
                "cfmail: the token sees 2 accounts: name one with --account-id",
                *(f"cfmail:   {digit * 32}  {digit}<1B>[2J" for digit in "ab"),
            ]
            assert not listed()
            assert add("work", TOKEN, "--account-id", "a" * 32).code == 0

    def test_far_end_that_is_away(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without an answer nothing is kept, and the words name the way to add it all the same."""
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", f"http://127.0.0.1:{closed_port()}/client/v4")
        ran = add("work", sandbox.token, "--json")
        assert (ran.code, ran.json["outcome"]) == (75, "not_checked")
        assert "--unchecked" in ran.err
        assert not listed()
        assert add("work", sandbox.token, "--unchecked", "--account-id", sandbox.account_id).code == 0

    def test_the_global_key(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The older pair is checked, kept and sent with."""
        with Sandbox(tmp_path / "keyed", global_key=True) as box:
            monkeypatch.setenv("CLOUDFLARE_BASE_URL", box.base_url)
            flags = ("--email", box.email, "--global-key-stdin", "--json")
            ran = cfmail("account", "add", "old", *flags, stdin=box.global_key)
            assert (ran.code, ran.json["check"]["token"]["kind"]) == (0, "global key")
            assert box.global_key not in ran.out + ran.err

    @pytest.mark.parametrize(
        ("flags", "stdin", "named"),
        [
            ((), "", "--token-stdin"),
            (("--token-stdin", "--global-key-stdin"), "", "not allowed with"),
            (("--token-stdin", "--email", "me@acme.example"), "", "--email"),
            (("--global-key-stdin",), "", "--email"),
            (("--token-stdin", "--store", "memory"), "", "--store memory"),
            (("--token-stdin", "--store", "text"), "", "--store"),
            (("--token-stdin", "--passphrase-stdin"), "", "--store file"),
            (("--token-stdin", "--store", "file"), "x" * 40, "--passphrase-stdin"),
            (("--token-stdin", *FILE), "x" * 40, "no second line"),
            (("--token-stdin", *FILE), "x" * 40 + "\n\n", "no second line"),
            (("--token-stdin", "--unchecked"), "", "--account-id"),
            (("--token-stdin", "--account-id", "12"), "", "32 hexadecimal digits"),
            (("--token-stdin", "--from", "nobody"), "", "“nobody” is not an address"),
            (("--token-stdin", "--reply-to", "me@acme.example"), "", "--from"),
        ],
    )
    def test_usage(self, flags: tuple[str, ...], stdin: str, named: str) -> None:
        """Arguments that do not say what to do end with 64 and a word about what is wrong; nothing is kept."""
        ran = cfmail("account", "add", "work", *flags, stdin=stdin)
        assert (ran.code, ran.out, named in ran.err) == (64, "", True), ran.err
        assert not listed()

    def test_taken_names(self) -> None:
        """What another source is called is no name for an account, and neither is what cannot be read."""
        for name in ("environment", "password command", " ", "a\x1bb"):
            assert cfmail("account", "add", name, "--token-stdin", stdin="x" * 40).code == 64

    def test_what_is_no_token(self, sandbox: Sandbox) -> None:
        """A paste that cannot be a token is told by place and kind, not shown, and nobody is asked about it."""
        ran = add("work", f"{sandbox.token[:-1]} é")
        assert (ran.code, ran.out) == (77, "")
        assert "cannot be part of a token" in ran.err
        assert sandbox.token[:-1] not in ran.err

    def test_no_keyring(self, new_machine: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """Three lines say where else a token can be; it is in none of them, and nothing is written."""
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", NO_KEYRING)
        ran = cfmail("account", "add", "work", "--token-stdin", stdin=sandbox.token)
        assert (ran.code, ran.out) == (64, "")
        first, second, third = ran.err.splitlines()
        assert "no keyring" in first
        assert "token_command in config.toml" in second
        assert third.endswith("--store file")
        assert not listed()
        assert not [name for name, octets in kept_files(new_machine).items() if sandbox.token.encode() in octets]


class TestChecking:
    def test_verdict_first_then_everything(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Token, accounts, rights, domains with records to copy, verified addresses and quota, in words and as JSON."""
        choices = Choices(dns_faults=(("acme.example", "dkim.missing"),))
        with Sandbox(tmp_path / "box", choices=choices) as box:
            use(box, monkeypatch)
            words, value = cfmail("account", "check"), cfmail("account", "check", "environment", "--json")
            assert (words.code, words.err, value.code, value.err) == (0, "", 0, "")
            lines = words.out.splitlines()
            assert lines[0].startswith("mail can be sent from news.acme.example, globex.example")
            labels = [line[:10].strip() for line in lines[1:]]
            assert {"account", "token", "sees", "may send", "domain", "add", "verified", "quota"} == {*labels}
            told = value.json
            assert (told["name"], told["source"], told["may_send"]) == ("environment", "environment", True)
            assert told["verdict"] == {"can_send": True, "words": lines[0], "action": ""}
            (missing,) = next(domain for domain in told["domains"] if domain["name"] == "acme.example")["missing"]
            assert f"{missing['name']} {missing['type']} {missing['content']}" in words.out
            assert told["token"] == {"kind": "user", "status": "active", "expires_on": None, "not_before": None}
            assert told["accounts"] == [{"id": box.account_id, "name": "Sandbox"}]
            assert (told["verified"], told["quota"]["limit"]) == (["me@verified.example"], 100_000)
            assert box.token not in words.out + value.out

    @pytest.mark.parametrize(
        ("kind", "code"), [("user", 0), ("no_read", 0), ("no_send", 69), ("expired", 69), ("wrong_type", 69)]
    )
    def test_the_exit_code_is_the_verdict(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, kind: str, code: int
    ) -> None:
        """0 where mail can be sent, 69 where Cloudflare says no; the next step is in the words."""
        use(sandbox, monkeypatch)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", sandbox.add_token(kind))
        ran = cfmail("account", "check", "--json")
        assert (ran.code, ran.json["verdict"]["can_send"], ran.err) == (code, code == 0, "")

    def test_nobody_answers(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """75, and the reason is the verdict."""
        use(sandbox, monkeypatch)
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", f"http://127.0.0.1:{closed_port()}/client/v4")
        ran = cfmail("account", "check")
        assert ran.code == 75
        assert "nothing listens" in ran.out.splitlines()[0]

    def test_a_proxy_is_named(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """By which proxy Cloudflare is asked, and a mail would go, is told without the proxy's password."""
        use(sandbox, monkeypatch)
        proxy = f"127.0.0.1:{closed_port()}"
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", "https://api.invalid/client/v4")
        monkeypatch.setenv("HTTPS_PROXY", f"http://anna:pa55@{proxy}")
        check, value = cfmail("account", "check"), cfmail("account", "check", "--json")
        dry = [cfmail("send", *FIELDS, "-", "--dry-run", *flags, stdin="Hi") for flags in ((), ("--json",))]
        assert f"nothing listens at the proxy {proxy}" in check.out.splitlines()[0]
        assert f"via       proxy {proxy}\n" in check.out
        assert f"via proxy {proxy}\n" in dry[0].out
        assert value.json["proxy"] == dry[1].json["proxy"] == proxy
        assert not [ran for ran in (check, value, *dry) if "pa55" in ran.out + ran.err]


class TestNames:
    @pytest.mark.parametrize("verb", ["check", "default", "remove"])
    def test_an_unknown_name(self, sandbox: Sandbox, verb: str) -> None:
        """64 with the nearest account there is, or else those there are, or how to make one."""
        assert "cfmail account add" in cfmail("account", verb, "work").err
        assert add("work", sandbox.token).code == 0
        near, far = cfmail("account", verb, "wrok"), cfmail("account", verb, "zzz", "--json")
        assert (near.code, near.err) == (64, "cfmail: there is no account called “wrok”; did you mean “work”?\n")
        assert (far.code, far.json["reason"]) == (64, "there is no account called “zzz”; there is “work”")

    def test_what_is_not_in_the_list_has_its_place(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """The environment is listed and checked, can be no default, and is not removed from here."""
        use(sandbox, monkeypatch)
        assert cfmail("account", "list").out.startswith("  environment · environment")
        assert cfmail("account", "default", "environment").code == 64
        ran = cfmail("account", "remove", "environment", "--json")
        assert (ran.code, ran.json["outcome"]) == (75, "not_removed")
        assert add("work", sandbox.token).err == (
            "cfmail: the environment names an account, which is used before the default one\n"
        )


class TestEncryptedFile:
    @pytest.fixture(autouse=True)
    def no_keyring(self, base_url: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", NO_KEYRING)

    @pytest.mark.slow
    def test_added_sent_with_and_removed_on_a_terminal(self, sandbox: Sandbox, new_machine: Path) -> None:
        """The token and a new passphrase are typed without echo; a wrong one costs a try; the token is in no output."""
        shown = []
        with on_terminal("account", "add", "work", "--token-stdin", "--store", "file") as terminal:
            for question, typed in (
                ("API token:", sandbox.token),
                ("new encrypted file:", PASSPHRASE),
                ("Once more:", PASSPHRASE),
            ):
                terminal.wait_for(question)
                terminal.send(f"{typed}\r")
            assert terminal.wait_exit() == 0
            shown.append(terminal.output)
        text = new_machine / "mail.txt"
        text.write_text("Hi")
        with on_terminal("send", *FIELDS, str(text)) as terminal:
            terminal.wait_for("Passphrase of the encrypted file:")
            terminal.send("not the one at all\r")
            terminal.wait_for(lambda screen: screen.count("Passphrase of the encrypted file:") == 2)
            terminal.wait_for("this is not the passphrase")
            terminal.send(f"{PASSPHRASE}\r")
            assert terminal.wait_exit() == 0
            shown.append(terminal.output)
        with on_terminal("account", "remove", "work") as terminal:
            terminal.wait_for("Passphrase of the encrypted file:")
            terminal.send(f"{PASSPHRASE}\r")
            terminal.wait_for("its secret removed from the encrypted file")
            assert terminal.wait_exit() == 0
            shown.append(terminal.output)
        assert len(sandbox.messages()) == 1
        assert not (new_machine / "cfmail" / "data" / "accounts.vault").exists()
        for secret in (sandbox.token.encode(), PASSPHRASE.encode()):
            assert not [output for output in shown if secret in output]
            assert not [name for name, octets in kept_files(new_machine).items() if secret in octets]

    def test_a_dry_run_asks_nothing(self, sandbox: Sandbox, new_machine: Path) -> None:
        """Nothing is sent, so that no passphrase is asked for, on a terminal either; whose mail it would be is said."""
        assert add_to_file("work", sandbox.token).code == 0
        text = new_machine / "mail.txt"
        text.write_text("Hi")
        with on_terminal("send", *FIELDS, "--dry-run", str(text)) as terminal:
            assert terminal.wait_exit() == 0
            assert "as work · encrypted file" in terminal.screen()
            assert "Passphrase" not in terminal.screen()

    def test_two_passphrases_that_differ(self, sandbox: Sandbox) -> None:
        """Nothing is kept."""
        with on_terminal("account", "add", "work", "--token-stdin", "--store", "file") as terminal:
            terminal.wait_for("API token:")
            terminal.send(f"{sandbox.token}\r")
            terminal.wait_for("new encrypted file:")
            terminal.send(f"{PASSPHRASE}\r")
            terminal.wait_for("Once more:")
            terminal.send("something else\r")
            terminal.wait_for("not the same")
            assert terminal.wait_exit() == 77
        assert not listed()

    @pytest.mark.parametrize(
        "arguments", [("account", "check", "work"), ("send", *FIELDS, "mailto:bob@example.net?body=Hi")]
    )
    def test_interrupted_while_asking(self, sandbox: Sandbox, arguments: tuple[str, ...]) -> None:
        """Ctrl+C at the question ends with 130, nothing is sent, and the terminal has its echo again."""
        assert add_to_file("work", sandbox.token).code == 0
        with on_terminal(*arguments) as terminal:
            before = terminal.settings()
            terminal.wait_for("Passphrase of the encrypted file:")
            assert terminal.settings() != before
            terminal.send("\x03")
            assert terminal.wait_exit() == 130
            assert terminal.settings() == before
        assert not sandbox.messages()

    @pytest.mark.slow
    def test_without_a_terminal(self, sandbox: Sandbox) -> None:
        """Nobody is there to ask: 77 and what to do, nothing is sent, and a wrong passphrase adds nothing."""
        assert add_to_file("work", sandbox.token).code == 0
        for arguments in (("send", *FIELDS, "-"), ("send", "--account", "work", *FIELDS, "-"), ("account", "check")):
            ran = cfmail(*arguments, stdin="Hi")
            assert (ran.code, "no terminal to ask on" in ran.err) == (77, True), ran
        wrong = cfmail("account", "add", "home", "--token-stdin", *FILE, stdin=f"{sandbox.token}\nnot the one at all")
        assert (wrong.code, "this is not the passphrase" in wrong.err) == (77, True)
        assert [account["name"] for account in listed()] == ["work"]
        assert not sandbox.messages()


class TestPasswordCommand:
    def command(self, home: Path, sandbox: Sandbox, code: str) -> None:
        argv = json.dumps([sys.executable, "-c", code])
        config = home / "cfmail" / "config" / "config.toml"
        config.write_text(f'token_command = {argv}\naccount_id = "{sandbox.account_id}"\n')

    def test_listed_checked_and_sent_with(self, sandbox: Sandbox, new_machine: Path) -> None:
        """What config.toml says is an account like others, without being added."""
        self.command(new_machine, sandbox, f"print('{sandbox.token}')")
        assert [account["name"] for account in listed()] == ["password command"]
        assert cfmail("account", "check").code == 0
        assert cfmail("send", *FIELDS, "-", stdin="Hi").code == 0
        assert len(sandbox.messages()) == 1

    def test_a_dry_run_does_without(self, sandbox: Sandbox, new_machine: Path) -> None:
        """What only shows a mail runs no command, and yet says whom the mail would be from."""
        ran = new_machine / "ran"
        self.command(new_machine, sandbox, f"open({str(ran)!r}, 'w')")
        shown = cfmail("send", *FIELDS, "-", "--dry-run", "--json", stdin="Hi").json
        assert (shown["account"], shown["source"].partition(" (")[0]) == ("password command", "password command")
        assert not ran.exists()
        assert cfmail("send", *FIELDS, "-", stdin="Hi").code == 77
        assert ran.exists()

    def test_one_that_asks_gets_the_terminal(self, sandbox: Sandbox, new_machine: Path) -> None:
        """Where there is one it asks there and the mail leaves; without, 77 says so."""
        asks = f"t = open('/dev/tty', 'r+b', 0); t.write(b'PIN? '); t.readline(); print('{sandbox.token}')"
        self.command(new_machine, sandbox, asks)
        ran = cfmail("send", *FIELDS, "-", stdin="Hi")
        assert (ran.code, "no terminal to ask on" in ran.err) == (77, True)
        text = new_machine / "mail.txt"
        text.write_text("Hi")
        with on_terminal("send", *FIELDS, str(text)) as terminal:
            terminal.wait_for("PIN?")
            terminal.send("1234\r")
            assert terminal.wait_exit() == 0
        assert len(sandbox.messages()) == 1

    def test_ctrl_c_at_its_question(self, sandbox: Sandbox, new_machine: Path) -> None:
        """It ends command and cfmail: 130, nothing is sent, and the terminal shows again what is typed."""
        born = new_machine / "pid"
        # Ended by the signal at once, it leaves the echo off.
        asks = "import getpass, os, signal; signal.signal(signal.SIGINT, signal.SIG_DFL); "
        note = f"open('{born}', 'w').write(str(os.getpid())); getpass.getpass('PIN? ')"
        self.command(new_machine, sandbox, asks + note)
        text = new_machine / "mail.txt"
        text.write_text("Hi")
        with on_terminal("send", *FIELDS, str(text)) as terminal:
            terminal.wait_for("PIN?")
            terminal.send("12\x03")
            assert terminal.wait_exit() == 130
            assert terminal.settings() == terminal.settings_before
            assert "interrupted" in terminal.screen()
            assert "Traceback" not in terminal.screen()
        with pytest.raises(ProcessLookupError):
            os.kill(int(born.read_text()), 0)
        assert sandbox.messages() == []


@pytest.mark.slow
def test_two_accounts_in_a_keyring(run_with_secret_service: Run, sandbox: Sandbox, new_machine: Path) -> None:
    """Added, listed, checked, sent as, made the default and removed, each by a start of its own; no token shows."""
    tokens = {"work": sandbox.add_token("user"), "Büro": sandbox.add_token("account")}
    send = f"send {shlex.join(FIELDS)} - --json"
    script = "\n".join(
        [
            'unset PYTHON_KEYRING_BACKEND; cfmail() { "$0" -m cfmail_tui "$@"; echo "=$?"; }',
            *(f'echo "$TOKEN_{n}" | cfmail account add {name} --token-stdin' for n, name in enumerate(tokens)),
            "cfmail account list",
            "cfmail account check Büro",
            f"echo Hi | cfmail {send}",
            f"echo Hi | cfmail {send} --account Büro",
            "cfmail account default Büro",
            f"echo Hi | cfmail {send}",
            "cfmail account remove Büro",
            "cfmail account remove Büro",
            "cfmail account list",
        ]
    )
    environ = {"PYTHONPATH": str(ROOT), **{f"TOKEN_{n}": token for n, token in enumerate(tokens.values())}}
    ran = run_with_secret_service("unlocked", ["bash", "-c", script, sys.executable], environ)
    assert [line for line in ran.stdout.splitlines() if line.startswith("=")] == [*["=0"] * 9, "=64", "=0"], ran
    assert f"“work” is kept in the {RING}; it is the default\n" in ran.stdout
    assert f"* work · {RING}\n  Büro · {RING}\n" in ran.stdout
    assert [line for line in ran.stdout.splitlines() if '"account"' in line] == [
        f'  "account": {json.dumps(name)},' for name in ("work", "Büro", "Büro")
    ]
    assert "its secret removed from the keyring" in ran.stdout
    assert len(sandbox.messages()) == 3
    for token in tokens.values():
        assert token not in ran.stdout + ran.stderr
        assert not [name for name, octets in kept_files(new_machine).items() if token.encode() in octets]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["locked", "none"])
def test_a_keyring_that_is_not_open(
    run_with_secret_service: Run, sandbox: Sandbox, new_machine: Path, mode: str
) -> None:
    """The token is not kept and said so, by a code that is not 0; it is in no file."""
    script = 'unset PYTHON_KEYRING_BACKEND; echo "$TOKEN" | "$0" -m cfmail_tui account add work --token-stdin'
    environ = {"PYTHONPATH": str(ROOT), "TOKEN": sandbox.token}
    ran = run_with_secret_service(mode, ["bash", "-c", script, sys.executable], environ)
    assert (ran.returncode, ran.stdout) == ({"locked": 75, "none": 64}[mode], ""), ran
    assert sandbox.token not in ran.stderr
    assert not [name for name, octets in kept_files(new_machine).items() if sandbox.token.encode() in octets]
