"""Credentials are found, understood and kept, or it is said in plain words why not; never is a secret shown."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import keyring
import keyring.backend
import keyring.backends.chainer
import keyring.errors
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui.credentials import (
    SERVICE,
    BadCredential,
    CredentialError,
    Keyring,
    KeyringTimeout,
    KeyringUnavailable,
    from_environment,
    parse_account_id,
    parse_credential,
    parse_token,
)
from cfmail_tui.submission import Account, ApiToken, GlobalKey, Secret

ROOT: Final = Path(__file__).parents[2]
TOKEN: Final = "Abc-0123456789_defghijklmnopqrstuvwxyz.~"
KEY: Final = "0123456789abcdef0123456789abcdef01234"
ACCOUNT_ID: Final = "0123456789abcdef0123456789abcdef"
WORK: Final = Account("work", ACCOUNT_ID, ApiToken(TOKEN), "keyring (memory)")
OLD: Final = Account("old", ACCOUNT_ID, GlobalKey("me@example.com", Secret(KEY)), "keyring (memory)")


class Memory(keyring.backend.KeyringBackend):
    """A keyring that lasts as long as the test; never chosen by keyring itself."""

    priority = -100
    name = "memory"

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise keyring.errors.PasswordDeleteError("not found")


class Failing(Memory):
    """Every call raises."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def get_password(self, service: str, username: str) -> str | None:
        raise self.error

    def set_password(self, service: str, username: str, password: str) -> None:
        raise self.error

    def delete_password(self, service: str, username: str) -> None:
        raise self.error


class Forgetful(Memory):
    """Says yes and keeps nothing, as keyring's null backend does."""

    def set_password(self, service: str, username: str, password: str) -> None:
        pass


class Clinging(Memory):
    """Says yes and deletes nothing."""

    def delete_password(self, service: str, username: str) -> None:
        pass


class Stuck(Memory):
    """Answers when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.answered = threading.Event(), threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.go.wait(30)
        try:
            return super().get_password(service, username)
        finally:
            self.answered.set()


class TestEnvironment:
    def test_a_token_with_its_account_is_enough(self) -> None:
        """The two variables wrangler and Terraform use make an account; blanks around a value do not matter."""
        environ = {"CLOUDFLARE_API_TOKEN": f"{TOKEN}\n", "CLOUDFLARE_ACCOUNT_ID": f" {ACCOUNT_ID.upper()}"}
        assert from_environment(environ) == Account("environment", ACCOUNT_ID, ApiToken(TOKEN), "environment")
        assert from_environment(environ, "ci") == Account("ci", ACCOUNT_ID, ApiToken(TOKEN), "environment")

    def test_a_global_key_needs_its_address(self) -> None:
        """The older pair makes an account as well."""
        environ = {"CLOUDFLARE_API_KEY": KEY, "CLOUDFLARE_EMAIL": "me@example.com", "CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID}
        found = from_environment(environ)
        assert found
        assert found.credential == GlobalKey("me@example.com", Secret(KEY))

    def test_a_token_comes_before_a_key(self) -> None:
        """With both set the token is taken, and what is wrong with the key does not matter."""
        environ = {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_API_KEY": "?", "CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID}
        found = from_environment(environ)
        assert found
        assert found.credential == ApiToken(TOKEN)

    @pytest.mark.parametrize(
        "environ",
        [
            {},
            {"CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID, "CLOUDFLARE_EMAIL": "me@example.com"},
            {"CLOUDFLARE_API_TOKEN": "", "CLOUDFLARE_API_KEY": "", "CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID},
        ],
    )
    def test_without_token_and_key_there_is_no_account(self, environ: dict[str, str]) -> None:
        """An account id or address alone, and empty variables, are no credentials and no error."""
        assert from_environment(environ) is None

    @pytest.mark.parametrize(
        ("environ", "words"),
        [
            ({"CLOUDFLARE_API_TOKEN": TOKEN}, "CLOUDFLARE_ACCOUNT_ID is not"),
            ({"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_ACCOUNT_ID": ""}, "CLOUDFLARE_ACCOUNT_ID is not"),
            ({"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_ACCOUNT_ID": "x"}, "CLOUDFLARE_ACCOUNT_ID: an account ID has"),
            ({"CLOUDFLARE_API_TOKEN": " "}, "CLOUDFLARE_API_TOKEN: there is no token"),
            ({"CLOUDFLARE_API_TOKEN": f"{TOKEN} {TOKEN}"}, "CLOUDFLARE_API_TOKEN: a blank at character 41"),
            ({"CLOUDFLARE_API_KEY": KEY, "CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID}, "CLOUDFLARE_EMAIL is not"),
            ({"CLOUDFLARE_API_KEY": KEY, "CLOUDFLARE_EMAIL": "me@example.com"}, "CLOUDFLARE_ACCOUNT_ID is not"),
            ({"CLOUDFLARE_API_KEY": KEY, "CLOUDFLARE_EMAIL": "me"}, "CLOUDFLARE_EMAIL: this is not an e-mail address"),
            ({"CLOUDFLARE_API_KEY": "k", "CLOUDFLARE_EMAIL": "me@example.com"}, "CLOUDFLARE_API_KEY: 1 characters"),
        ],
    )
    def test_the_variable_at_fault_is_named(self, environ: dict[str, str], words: str) -> None:
        """What is missing or cannot be right is named by its variable, and no value is shown."""
        with pytest.raises(BadCredential, match=words) as caught:
            from_environment(environ)
        assert not any(value in str(caught.value) for value in (TOKEN, KEY, ACCOUNT_ID))


class TestPaste:
    @pytest.mark.parametrize(
        "paste",
        [
            TOKEN, f" {TOKEN}\r\n", f"\t{TOKEN}\u00a0", f'"{TOKEN}"', f"'{TOKEN}'", f"`{TOKEN}`", f"Bearer {TOKEN}",
            f"bearer\t{TOKEN}", f"Authorization: Bearer {TOKEN}", f'"Bearer {TOKEN}"',
            f" 'Authorization: Bearer {TOKEN} '", f'Bearer "{TOKEN}"',
        ],
    )  # fmt: skip
    def test_what_surrounds_a_token_is_dropped(self, paste: str) -> None:
        """A token copied with its quotes, blanks or header is understood."""
        assert parse_token(paste) == ApiToken(TOKEN)

    @pytest.mark.parametrize(
        ("paste", "words"),
        [
            ("", "there is no token"),
            (" \n", "there is no token"),
            ('""', "there is no token"),
            ("Bearer", "6 characters are not a token: part of it is missing"),
            (TOKEN[:19], "19 characters are not a token: part of it is missing"),
            (TOKEN * 6, "240 characters are not a token: there is more than a token"),
            (f"{TOKEN} {TOKEN}", "a blank at character 41"),
            (f"  {TOKEN[:5]}\u00a0{TOKEN}", "a blank at character 8"),
            (f"{TOKEN[:5]}\n{TOKEN}", "a line break at character 6"),
            (f"Bearer {TOKEN[:5]}…", "an ellipsis (…) at character 13"),
            (f"“{TOKEN}”", "a quotation mark at character 1"),
            (f'"{TOKEN}', "a quotation mark at character 1"),
            (f"{TOKEN[:9]}–{TOKEN}", "a dash that is not the plain hyphen at character 10"),
            (f"\u200b{TOKEN}", "the invisible character U+200B at character 1"),
            (f"{TOKEN}\x1b", "the invisible character U+001B at character 41"),
            (f"{TOKEN}\ud800", "the invisible character U+D800 at character 41"),
            (f"{TOKEN}é", "a character outside ASCII (U+00E9) at character 41"),
            ("$CLOUDFLARE_API_TOKEN", "“$” at character 1"),
        ],
    )
    def test_what_is_wrong_with_a_paste_is_said_without_showing_it(self, paste: str, words: str) -> None:
        """Position and kind of the first wrong character are named, the token is not."""
        with pytest.raises(BadCredential) as caught:
            parse_token(paste)
        assert words in str(caught.value)
        assert TOKEN[:5] not in str(caught.value)

    @given(st.text())
    def test_any_paste_is_a_token_or_an_error(self, paste: str) -> None:
        """No text makes a token that could not stand in a header, and none crashes."""
        try:
            token = parse_token(paste).reveal()
        except BadCredential:
            return
        assert token.isascii()
        assert token.isprintable()
        assert " " not in token
        assert token in paste

    def test_an_account_id_is_taken_in_any_case(self) -> None:
        """32 hexadecimal digits, in lower case afterwards."""
        assert parse_account_id(f"\t{ACCOUNT_ID.upper()}\n") == ACCOUNT_ID

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (" ", "there is no account ID"),
            (ACCOUNT_ID[1:], "has 32 hexadecimal digits, there are 31"),
            (ACCOUNT_ID + "0", "has 32 hexadecimal digits, there are 33"),
            (f" {ACCOUNT_ID[:-1]}g", "character 33 is a letter after f"),
            (f"{ACCOUNT_ID[:16]} {ACCOUNT_ID[16:]}", "character 17 is a blank"),
            (f"{ACCOUNT_ID[:-1]}٣", "character 32 is a character outside ASCII"),
            (f"{ACCOUNT_ID[:8]}-{ACCOUNT_ID[8:]}", "character 9 is “-”"),
        ],
    )
    def test_what_is_wrong_with_an_account_id_is_said(self, text: str, words: str) -> None:
        """Length or the first wrong character is named."""
        with pytest.raises(BadCredential, match=words):
            parse_account_id(text)

    def test_an_address_makes_it_a_global_key(self) -> None:
        """What is typed on the account screen is a token, or with an e-mail address the older pair."""
        assert parse_credential(Secret(f" {TOKEN}")) == ApiToken(TOKEN)
        assert parse_credential(Secret(KEY), "me@example.com ") == GlobalKey("me@example.com", Secret(KEY))
        for secret, email in (("short", ""), ("short", "me@example.com"), (KEY, "me")):
            with pytest.raises(BadCredential):
                parse_credential(Secret(secret), email)


class TestKeeping:
    @pytest.mark.parametrize("account", [WORK, OLD])
    def test_an_account_is_kept_until_it_is_deleted(self, account: Account) -> None:
        """What was saved is loaded the same, with its source; deleted it is gone, and deleting again is fine."""
        ring = Keyring(backend=Memory())
        assert ring.load(account.name) is None
        ring.save(account)
        assert ring.load(account.name) == account
        ring.delete(account.name)
        ring.delete(account.name)
        assert ring.load(account.name) is None

    def test_a_later_save_takes_the_place(self) -> None:
        """One name holds one account, the last."""
        ring = Keyring(backend=Memory())
        ring.save(WORK)
        ring.save(Account("work", ACCOUNT_ID, GlobalKey("me@example.com", Secret(KEY)), ""))
        loaded = ring.load("work")
        assert loaded
        assert loaded.credential == GlobalKey("me@example.com", Secret(KEY))

    def test_only_the_name_can_be_read_without_unlocking(self) -> None:
        """The user name is the account's name; account id and token are in the value, with the format's version."""
        memory = Memory()
        Keyring(backend=memory).save(WORK)
        [((service, user), value)] = memory.kept.items()
        assert (service, user) == (SERVICE, "work")
        assert json.loads(value) == {"v": 1, "account_id": ACCOUNT_ID, "token": TOKEN}

    @pytest.mark.parametrize("name", ["", " ", "a\nb", "\ud800", "a\0"])
    def test_a_name_can_be_read(self, name: str) -> None:
        """An empty or unprintable name is refused before the keyring sees it."""
        memory = Memory()
        with pytest.raises(BadCredential, match="needs a name"):
            Keyring(backend=memory).save(Account(name, ACCOUNT_ID, ApiToken(TOKEN), ""))
        assert memory.kept == {}

    def test_saved_is_not_said_of_what_was_not_kept(self) -> None:
        """A keyring that keeps nothing is found out by reading back."""
        with pytest.raises(CredentialError, match=r"the keyring \(memory\) did not keep the account"):
            Keyring(backend=Forgetful()).save(WORK)

    def test_deleted_is_not_said_of_what_is_still_there(self) -> None:
        """A keyring that deletes nothing is found out by reading back."""
        ring = Keyring(backend=Clinging())
        ring.save(WORK)
        with pytest.raises(CredentialError, match=r"the keyring \(memory\) did not delete the account “work”"):
            ring.delete("work")

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            ("", "not made by cfmail"),
            (TOKEN, "not made by cfmail"),
            ("[" * 100_000, "not made by cfmail"),
            ("[]", "not made by cfmail"),
            (json.dumps({"v": 1, "account_id": ACCOUNT_ID}), "not made by cfmail"),
            (json.dumps({"v": 1, "account_id": 1, "token": TOKEN}), "not made by cfmail"),
            (json.dumps({"v": 1, "account_id": ACCOUNT_ID, "email": "me@example.com"}), "not made by cfmail"),
            (json.dumps({"account_id": ACCOUNT_ID, "token": TOKEN}), "not made by cfmail"),
            (json.dumps({"v": 2, "account_id": ACCOUNT_ID, "token": TOKEN}), "saved by a newer cfmail"),
        ],
    )
    def test_an_entry_of_somebody_else_is_not_used(self, value: str, words: str) -> None:
        """A value that is not ours is refused by the name of its entry, and not shown."""
        memory = Memory()
        memory.kept[SERVICE, "work"] = value
        with pytest.raises(BadCredential, match=f"the entry “work” in the keyring .* was {words}") as caught:
            Keyring(backend=memory).load("work")
        assert TOKEN not in str(caught.value)


class TestFailing:
    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (keyring.errors.KeyringLocked("Failed to unlock"), "the keyring is locked; unlock it"),
            (keyring.errors.NoKeyringError("none"), "there is no keyring on this machine"),
            (keyring.errors.InitError("Prompt dismissed."), r"could not be opened \(Prompt dismissed\)"),
            (keyring.errors.PasswordSetError("refused"), r"failed \(PasswordSetError: refused\)"),
            (UnicodeDecodeError("utf-8", TOKEN.encode(), 0, 1, TOKEN), r"failed \(UnicodeDecodeError\)"),
            (ConnectionResetError(TOKEN), r"failed \(ConnectionResetError\)"),
            (EOFError(TOKEN), r"failed \(EOFError\)"),
            (TimeoutError(TOKEN), r"failed \(TimeoutError\)"),
            (AttributeError(TOKEN), r"failed \(AttributeError\)"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("verb", ["load", "save", "delete"])
    def test_a_failing_keyring_is_told_with_the_way_out(self, error: Exception, words: str, verb: str) -> None:
        """Whatever a keyring raises becomes one kind of error that says what to do and shows no secret."""
        ring = Keyring(backend=Failing(error))
        calls: dict[str, Callable[[], object]] = {
            "load": lambda: ring.load("work"),
            "save": lambda: ring.save(WORK),
            "delete": lambda: ring.delete("work"),
        }
        with pytest.raises(KeyringUnavailable, match=words) as caught:
            calls[verb]()
        assert "CLOUDFLARE_API_TOKEN" in str(caught.value)
        assert TOKEN not in str(caught.value)

    @pytest.mark.parametrize(
        ("kind", "words"),
        [
            ("LockedException", "the keyring is locked; unlock it"),
            ("SecretServiceNotAvailableException", "service has gone away"),
            ("ItemNotFoundException", r"failed \(ItemNotFoundException\)"),
        ],
    )
    def test_what_the_secret_service_library_raises_is_told_too(self, kind: str, words: str) -> None:
        """Its errors, which are none of keyring's, are as plain as the others."""
        exceptions = pytest.importorskip("secretstorage.exceptions", reason="only Linux has it")
        with pytest.raises(KeyringUnavailable, match=words) as caught:
            Keyring(backend=Failing(getattr(exceptions, kind)(TOKEN))).load("work")
        assert TOKEN not in str(caught.value)

    def test_what_d_bus_answers_is_told_too(self) -> None:
        """An error reply of the bus does not show what it is about."""
        jeepney = pytest.importorskip("jeepney", reason="only Linux has it")
        asked = jeepney.new_method_call(jeepney.DBusAddress("/", "org.example"), "Get")
        reply = jeepney.new_error(asked, "org.example.Broken", "s", (TOKEN,))
        with pytest.raises(KeyringUnavailable, match=r"failed \(DBusErrorResponse\)"):
            Keyring(backend=Failing(jeepney.DBusErrorResponse(reply))).load("work")

    def test_an_error_nobody_foresaw_keeps_nobody_waiting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is told at once as a failure of the keyring, and not swallowed: the thread's own hook gets it."""

        class Odd(Exception):  # noqa: N818 - odd in every way
            pass

        told: list[threading.ExceptHookArgs] = []
        monkeypatch.setattr(threading, "excepthook", told.append)
        started = time.monotonic()
        with pytest.raises(KeyringUnavailable, match="the keyring's software failed"):
            Keyring(limit=20, backend=Failing(Odd())).load("work")
        assert time.monotonic() - started < 5
        for thread in threading.enumerate():
            if thread.name == "keyring":
                thread.join(5)
        assert [kind.exc_type for kind in told] == [Odd]

    @pytest.mark.parametrize(
        "backend", [Failing(keyring.errors.PasswordSetError("refused")), Failing(ValueError(TOKEN)), Forgetful()]
    )
    def test_no_traceback_holds_the_secret(self, backend: Memory) -> None:
        """A crash report that prints local variables finds no token in what leaves the keyring."""
        account = Account("work", ACCOUNT_ID, ApiToken(TOKEN), "")
        with pytest.raises(CredentialError) as caught:
            Keyring(backend=backend).save(account)
        error = caught.value
        assert error.__cause__ is None
        assert error.__context__ is None
        assert TOKEN not in repr(locals_of(error.__traceback__))

    def test_an_entry_that_is_not_ours_is_in_no_traceback(self) -> None:
        """Nor does a value found in the keyring stand in one."""
        memory = Memory()
        memory.kept[SERVICE, "work"] = json.dumps({"v": 7, "token": TOKEN})
        with pytest.raises(BadCredential) as caught:
            Keyring(backend=memory).load("work")
        assert caught.value.__context__ is None
        assert TOKEN not in repr(locals_of(caught.value.__traceback__))

    def test_a_keyring_that_hangs_is_left_behind(self) -> None:
        """After the limit the caller hears why; what the keyring says later goes nowhere."""
        stuck = Stuck()
        ring = Keyring(limit=0.2, backend=stuck)
        stuck.set_password(SERVICE, "work", "not ours")
        started = time.monotonic()
        with pytest.raises(KeyringTimeout, match=r"no answer within 0\.2 s.*CLOUDFLARE_API_TOKEN"):
            ring.load("work")
        assert 0.2 <= time.monotonic() - started < 5
        stuck.go.set()
        assert stuck.answered.wait(5)
        Keyring(backend=stuck).save(WORK)
        assert Keyring(backend=stuck).load("work") == WORK


def locals_of(traceback: TracebackType | None) -> list[dict[str, Any]]:
    """The local variables of the frames that are not the test's own."""
    found = []
    while traceback:
        if traceback.tb_frame.f_code.co_filename != __file__:
            found.append(traceback.tb_frame.f_locals)
        traceback = traceback.tb_next
    return found


SAY: Final = """
import sys
from cfmail_tui.credentials import CredentialError, Keyring
from cfmail_tui.submission import Account, ApiToken
ring = Keyring(limit=60)  # what it says, not how soon, on a machine that is busy
account = Account("work", "0" * 32, ApiToken("t" * 40), "")
calls = {
    "backend": ring.backend,
    "load": lambda: ring.load("work"),
    "save": lambda: ring.save(account),
    "delete": lambda: ring.delete("work"),
}
for verb in sys.argv[1:]:
    try:
        print(repr(calls[verb]()))
    except CredentialError as error:
        print(type(error).__name__, error)
"""

OTHER_BACKENDS: Final = """
from keyring.backend import KeyringBackend
class Keyring(KeyringBackend):
    priority = 9
    def get_password(self, service, username): open("used", "w")
    def set_password(self, service, username, password): open("used", "w")
class PlaintextKeyring(Keyring): pass
class EncryptedKeyring(Keyring): pass
"""


class TestChoice:
    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("keyring.backends.null.Keyring", "is not used, it keeps nothing"),
            ("keyring.backends.fail.Keyring", "there is no keyring on this machine"),
            ("keyrings.alt.file.PlaintextKeyring", "is not used, it would store the token in clear text"),
            ("keyrings.alt.file.EncryptedKeyring", "is not used, it would ask for its password on this terminal"),
            ("keyrings.other.Keyring", "is not used, it may store the token in clear text"),
            ("keyrings.missing.Keyring", "no keyring can be opened (No module named 'keyrings.missing')"),
            ("nonsense", "no keyring can be opened"),
        ],
    )
    def test_a_keyring_that_is_not_safe_is_not_used(self, tmp_path: Path, name: str, words: str) -> None:
        """Null, plain text and unknown backends are refused by name, with the reason, before they see a token."""
        for module in ("alt/file.py", "other.py"):
            path = tmp_path / "keyrings" / module
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(OTHER_BACKENDS)
        ran = subprocess.run(
            [sys.executable, "-c", SAY, "backend", "save", "load"],
            env={"PYTHONPATH": f"{ROOT}:{tmp_path}", "PYTHON_KEYRING_BACKEND": name, "HOME": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        lines = ran.stdout.splitlines()
        assert len(lines) == 3
        for line in lines:
            assert line.startswith("KeyringUnavailable ")
            assert words in line
            assert "CLOUDFLARE_API_TOKEN" in line
            assert (name in line) == ("is not used" in words)
        assert not (tmp_path / "used").exists()

    def test_out_of_a_chain_only_a_safe_one_is_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where keyring chains several, the one that encrypts is asked and the others never are."""

        class Safe(Memory):
            __module__ = "keyring.backends.SecretService"

        unsafe, safe = Memory(), Safe()

        class Chain(keyring.backends.chainer.ChainerBackend):
            priority = -100
            backends = (unsafe, safe)

        monkeypatch.setattr(keyring, "get_keyring", Chain)
        ring = Keyring()
        assert ring.backend() == "Secret Service"
        ring.save(WORK)
        assert (len(safe.kept), len(unsafe.kept)) == (1, 0)

    def test_importing_credentials_does_not_import_keyring(self) -> None:
        """The keyring's cost is paid by the call that needs it."""
        code = "import cfmail_tui.credentials, sys; print('keyring' in sys.modules)"
        ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert ran.stdout == "False\n"


Run = Callable[..., "subprocess.CompletedProcess[str]"]


class TestSecretService:
    def test_an_unlocked_keyring_keeps_the_account_for_the_next_start(self, run_with_secret_service: Run) -> None:
        """What one process saves another one loads, and after deleting it is gone."""
        start_again = (
            "import subprocess, sys\n"
            "for verbs in (['backend', 'load', 'save'], ['load', 'delete', 'delete'], ['load']):\n"
            "    subprocess.run([sys.executable, '-c', sys.argv[1], *verbs], check=True)"
        )
        ran = run_with_secret_service("unlocked", [sys.executable, "-c", start_again, SAY], {"PYTHONPATH": str(ROOT)})
        kept = Account("work", "0" * 32, ApiToken("t" * 40), "keyring (Secret Service)")
        assert ran.stderr == ""
        ring = "'Secret Service'"
        assert ran.stdout.splitlines() == [ring, "None", ring, repr(kept), "None", "None", "None"]

    @pytest.mark.parametrize(
        ("mode", "words"),
        [
            ("locked", "the keyring is locked; unlock it"),
            ("fresh", "it may not have been set up yet"),
            ("none", "there is no keyring on this machine (no Secret Service answers on D-Bus)"),
        ],
    )
    def test_a_keyring_that_cannot_be_used_says_why(self, run_with_secret_service: Run, mode: str, words: str) -> None:
        """Without an open keyring each call says what is wrong and what to do instead."""
        argv = [sys.executable, "-c", SAY, "load", "save", "delete"]
        ran = run_with_secret_service(mode, argv, {"PYTHONPATH": str(ROOT)})
        assert ran.stderr == ""
        lines = ran.stdout.splitlines()
        assert len(lines) == 3
        for line in lines:
            assert line.startswith("KeyringUnavailable ")
            assert words in line
            assert "CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID" in line
            assert "t" * 40 not in line
