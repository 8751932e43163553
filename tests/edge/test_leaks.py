"""Secrets on every road of the command line, with all there is to log logged: none is found but where it belongs."""

import json
import logging
import ssl
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from cfmail_tui.sandbox import Sandbox
from tests.edge.cli_run import FIELDS, RAW, Cfmail
from tests.edge.fault_server import (
    ACCOUNT_ID,
    Behaviour,
    Exchange,
    FarEnd,
    answering,
    closed_port,
    http_answer,
    saying,
    tunnelling,
)
from tests.leaks import Leaks

TOKEN: Final = "Qm4+xR/7w~Kp.Z2t_Lh9=Vb-NcYs8Ef3GjUd6Aoi1T"
KEY: Final = "e5b0c7419ad28f36e5713fc04a96d82b1c7f4"
PASSPHRASE: Final = 'päss "wörd" of\\many ways, 3&5'
EMAIL: Final = "owner@acme.example"

SECRETS: Final = {"token": TOKEN, "key": KEY}
CREDENTIALS: Final = {
    "token": {"CLOUDFLARE_API_TOKEN": TOKEN},
    "key": {"CLOUDFLARE_API_KEY": KEY, "CLOUDFLARE_EMAIL": EMAIL},
}
BEARERS: Final = {"Authorization", "X-Auth-Key"}
"""Header fields that a secret belongs in."""

RESULT: Final = {"delivered": ["bob@example.net"], "queued": [], "permanent_bounces": []}


@pytest.fixture
def cfmail(capsysbinary: pytest.CaptureFixture[bytes], caplog: pytest.LogCaptureFixture) -> Cfmail:
    """The command, with every logger there is at its most talkative."""
    for name in ("", "httpx", "httpcore", "keyring", "asyncio", "cfmail_tui"):
        caplog.set_level(logging.DEBUG, name)
    return Cfmail(capsysbinary)


@pytest.fixture
def leaks(new_machine: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Leaks]:
    """What the test adds, and in the end every file and log, is searched for all secrets."""
    hunt = Leaks(token=TOKEN, key=KEY, passphrase=PASSPHRASE)
    yield hunt
    hunt.add_files(new_machine)
    hunt.add("the log", caplog.text)
    assert not hunt.found, "\n".join(hunt.found)


def quoting(status: int, secret: str) -> dict[str, Behaviour]:
    """Answers of a far end that repeats what it was sent, whole and in parts, in every text that there is."""
    said = f"no Bearer {secret}, nor {secret[:20]}… or …{secret[-15:]}"
    error = {"code": said, "message": said, "error_chain": [{"code": 1, "message": said}]}
    fields = {"Location": f"https://elsewhere.invalid/?{secret}", "X-Echo": secret, "cf-ray": secret[7:]}
    refusal = json.dumps({"success": False, "errors": [error], "messages": [said], "result": said})
    accepted = RESULT | {"message_id": f"<{secret}@example>", "queued": [secret]}
    return {
        f"{status} refused": answering(status, refusal, fields),
        f"{status} accepted": answering(status, json.dumps({"success": True, "result": accepted}), fields),
        f"{status} no envelope": answering(status, f'{{"error": "{secret}"}}', fields),
        f"{status} a page": answering(status, f"<html>{said}", fields),
    }


def cut(exchange: Exchange) -> None:
    exchange.head()
    exchange.reset()


def faults(secret: str) -> dict[str, Behaviour]:
    """Far ends that misbehave: the outcomes not sent, refused, accepted and unknown are all among what comes of it."""
    found = {
        "hangs up": lambda _exchange: None,
        "cut": cut,
        "no answer": saying(b""),
        "half an answer": saying(http_answer(400, secret)[:-4]),
        "not HTTP": saying(f"220 {secret}\r\n\r\n".encode()),
        "a redirect": answering(307, "", {"Location": f"http://127.0.0.1:{closed_port()}/"}),
    }
    return found | {
        name: behave for status in (200, 401, 429, 500, 503) for name, behave in quoting(status, secret).items()
    }


def send(cfmail: Cfmail, leaks: Leaks, fault: str, number: int) -> Any:
    """One mail, by the one road or the other; what is shown of it is searched."""
    verb, *arguments = [("send", *FIELDS, "-"), ("send-raw", "-")][number % 2]
    ran = cfmail(verb, *arguments, *[(), ("--json",)][number // 2 % 2], stdin=b"Hi" if verb == "send" else RAW)
    leaks.add(f"what is said of: {fault}", ran.stdout, ran.stderr)
    return ran.code


@pytest.mark.slow
@pytest.mark.parametrize("kind", CREDENTIALS)
def test_whatever_comes_of_a_mail(
    cfmail: Cfmail, leaks: Leaks, kind: str, monkeypatch: pytest.MonkeyPatch, server_tls: ssl.SSLContext
) -> None:
    """A far end may repeat the credential and account in whatever it says: nothing shown or kept has it."""
    for name, value in {"CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID, **CREDENTIALS[kind]}.items():
        monkeypatch.setenv(name, value)
    codes = set()
    for number, (fault, behaviour) in enumerate(faults(SECRETS[kind]).items()):
        with FarEnd(behaviour) as far_end:
            monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
            codes.add(send(cfmail, leaks, fault, number))
        for request in far_end.requests:
            leaks.add("the body of a request", request.line, request.body)
            leaks.add("a header field", *(value for name, value in request.fields if name not in BEARERS))
    with FarEnd(answering(200), server_tls) as far_end, FarEnd(tunnelling(http_answer(407, SECRETS[kind]))) as proxy:
        for url, fault in ((far_end.base_url, "untrusted"), ("https://api.invalid", "a proxy")):
            monkeypatch.setenv("CLOUDFLARE_BASE_URL", url)
            codes.add(send(cfmail, leaks, fault, 0))
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    assert len(proxy.requests) == 1
    leaks.add("what the proxy heard", repr(proxy.requests))
    assert codes == {0, 69, 75, 76}
    attempts = cfmail("history", "--json").json
    for arguments in (
        (),
        ("--json",),
        ("export", "--json"),
        ("export", "--csv"),
        *(("show", attempt["id"]) for attempt in attempts),
        ("show", attempts[0]["id"], "--curl"),
        ("show", attempts[0]["id"], "--eml"),
    ):
        ran = cfmail("history", *arguments)
        assert ran.code == 0
        leaks.add(f"history {arguments}", ran.stdout, ran.stderr)


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_whatever_is_learned_of_a_credential(
    cfmail: Cfmail, leaks: Leaks, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check tells what the far end says of a credential without the credential."""
    for name, value in {"CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID, **CREDENTIALS[kind]}.items():
        monkeypatch.setenv(name, value)
    for fault, behaviour in faults(SECRETS[kind]).items():
        with FarEnd(behaviour) as far_end:
            monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
            ran = cfmail("account", "check", "--json")
        assert ran.code in {0, 69, 75}
        leaks.add(f"a check: {fault}", ran.stdout, ran.stderr)


@pytest.mark.slow
def test_an_account_in_the_encrypted_file(
    cfmail: Cfmail, leaks: Leaks, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what is kept nor what opens it is shown or written in clear, be it right, wrong or misspelt."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", sandbox.base_url)
    kept = ("--store", "file", "--passphrase-stdin", "--account-id", ACCOUNT_ID, "--unchecked")
    pastes = {
        TOKEN: 0,
        f"“Bearer {TOKEN}”": 77,
        f"{TOKEN[:20]} {TOKEN[20:]}": 77,
        f"{TOKEN}é": 77,
        TOKEN * 9: 77,
        TOKEN[:16]: 77,
    }
    for paste, code in pastes.items():
        ran = cfmail("account", "add", "work", "--token-stdin", *kept, stdin=f"{paste}\n{PASSPHRASE}\n".encode())
        assert ran.code == code, ran.err
        leaks.add(f"adding {paste}", ran.stdout, ran.stderr)
    as_key = ("--global-key-stdin", "--email", EMAIL, *kept)
    wrong = f"{PASSPHRASE} or so"
    for passphrase, code in ((wrong, 77), (PASSPHRASE[:6], 77), (PASSPHRASE, 0)):
        ran = cfmail("account", "add", "old", *as_key, stdin=f"{KEY}\n{passphrase}\n".encode())
        assert ran.code == code, ran.err
        leaks.add(f"adding with {passphrase}", ran.stdout, ran.stderr)
    for arguments in (("list",), ("list", "--json"), ("check", "work"), ("default", "old"), ("remove", "nobody")):
        ran = cfmail("account", *arguments)
        leaks.add(f"account {arguments}", ran.stdout, ran.stderr)


def test_a_password_command(cfmail: Cfmail, leaks: Leaks, new_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it prints, on either stream, whole or as nonsense, goes nowhere but to the far end."""
    config = new_machine / "cfmail" / "config" / "config.toml"
    script = new_machine.parent / f"{new_machine.name}-pass.py"
    config.write_text(f'token_command = ["{sys.executable}", "{script}"]\naccount_id = "{ACCOUNT_ID}"\n')
    said = f"import sys; print({TOKEN!r}, file=sys.stderr); print({TOKEN!r}); "
    ends = {"": 69, "sys.exit(3)": 77, "sys.stdout.buffer.write(b'\\xff')": 69, "1/0": 77}
    with ExitStack() as ending:
        ending.callback(script.unlink)
        far_end = ending.enter_context(FarEnd(quoting(401, TOKEN)["401 refused"]))
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", far_end.base_url)
        for more, code in ends.items():
            script.write_text(said + more)
            ran = cfmail("send", *FIELDS, "-", stdin=b"Hi")
            assert ran.code == code, ran.err
            leaks.add(f"a command that ends with {more}", ran.stdout, ran.stderr)
        script.write_text(f"print('{TOKEN}' * 9)")
        ran = cfmail("send", *FIELDS, "-", stdin=b"Hi")
        assert ran.code == 77
        leaks.add("a command that prints no token", ran.stdout, ran.stderr)


def test_the_sandbox_has_nothing_of_the_real_account(
    cfmail: Cfmail, leaks: Leaks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial in the sandbox is made as the sandbox's own account, whoever else the environment names."""
    for name, value in {"CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID, **CREDENTIALS["token"], **CREDENTIALS["key"]}.items():
        monkeypatch.setenv(name, value)
    ran = cfmail("send", *FIELDS, "--sandbox", "-", stdin=b"Hi")
    assert ran.code == 0
    leaks.add("a trial", ran.stdout, ran.stderr)
