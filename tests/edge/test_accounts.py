"""Accounts: a secret is looked for in one order, shown where it is from, and kept nowhere but where the user chose."""

import base64
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import keyring.backend
import keyring.errors
import pytest

from cfmail_tui import settings
from cfmail_tui.accounts import Accounts, NeedsPassphrase, NeedsTerminal, NoAccount, StillKept, on_this_machine
from cfmail_tui.credentials import SERVICE, Keyring, Vault
from cfmail_tui.profile import Identity, Profile
from cfmail_tui.store import Store
from cfmail_tui.submission import Account, ApiToken, Secret

ACCOUNT_ID: Final = "0123456789abcdef0123456789abcdef"
PASSPHRASE: Final = Secret("a long passphrase")
SESSION: Final = "this session only"


def token(source: str) -> str:
    """A token that tells where it is from."""
    return f"Abc-0123456789_{source:-<20}"


def value(source: str) -> str:
    return json.dumps({"v": 1, "account_id": ACCOUNT_ID, "token": token(source)})


class Memory(keyring.backend.KeyringBackend):
    """A keyring that lasts as long as the test; never chosen by keyring itself. While `locked` it gives nothing."""

    priority = -100
    name = "memory"

    def __init__(self, **kept: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept = kept
        self.locked = False
        self.asked = 0

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")
        assert service == SERVICE
        return self.kept.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.get_password(service, username)
        self.kept[username] = password

    def delete_password(self, service: str, username: str) -> None:
        self.get_password(service, username)
        if self.kept.pop(username, None) is None:
            raise keyring.errors.PasswordDeleteError("not found")


class Stuck(Memory):
    """It answers when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.go.wait(30)
        return super().get_password(service, username)


ENVIRON: Final = {"CLOUDFLARE_API_TOKEN": token("environment"), "CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID}
COMMAND: Final = [sys.executable, "-c", f"print({token('command')[::-1]!r}[::-1])"]
COMMAND_WORDS: Final = f"password command ({Path(sys.executable).name})"


@pytest.fixture
def store(new_machine: Path) -> Iterator[Store]:
    with closing(Store(new_machine / "cfmail" / "data")) as opened:
        yield opened


@pytest.fixture
def vault(new_machine: Path) -> Vault:
    return Vault(new_machine / "cfmail" / "data" / "accounts.vault")


@pytest.fixture
def ring() -> Memory:
    return Memory()


@pytest.fixture
def accounts(store: Store, vault: Vault, ring: Memory) -> Accounts:
    return Accounts({}, Keyring(backend=ring), profiles=store.profiles, vault=vault)


def fill_vault(vault: Vault, *names: str) -> None:
    before = Vault(vault._path)
    before.unlock(PASSPHRASE)
    for name in names:
        before.save(Account(name, ACCOUNT_ID, ApiToken(token("file")), ""))


class TestOrder:
    @pytest.mark.parametrize(
        ("there", "named", "source"),
        [
            ("environment keyring command file session", "work", "keyring (memory)"),
            ("environment keyring command file session", "", "environment"),
            ("keyring command file session", "", "keyring (memory)"),
            ("command file session", "", COMMAND_WORDS),
            ("file session", "", "encrypted file"),
            ("session", "", SESSION),
            ("environment keyring command file session", "locker", "encrypted file"),
            ("environment keyring command file session", "guest", SESSION),
            ("environment keyring command file session", "password command", COMMAND_WORDS),
            ("keyring command environment", "environment", "environment"),
            ("", "", ""),
            ("command file", "work", ""),
            ("keyring command file", "environment", ""),
            ("environment keyring file", "password command", ""),
            ("environment keyring command file session", "nobody", ""),
        ],
    )
    def test_the_first_that_is_there_is_used(
        self, store: Store, vault: Vault, ring: Memory, there: str, named: str, source: str
    ) -> None:
        """By name from where it is kept; else environment, keyring, command, file, session; each says what it is.

        Who that is can be told before the file is open and the command has run.
        """
        has = there.split()
        if "keyring" in has:
            ring.kept = {name: value("keyring") for name in ("default", "work")}
            store.profiles.save(Profile("work", "keyring"))
        if "file" in has:
            fill_vault(vault, "default", "locker")
            store.profiles.save(Profile("locker", "file"))
        accounts = Accounts(
            ENVIRON if "environment" in has else {},
            Keyring(backend=ring),
            profiles=store.profiles,
            vault=vault,
            token_command=COMMAND if "command" in has else (),
            account_id=ACCOUNT_ID,
        )
        if "session" in has:
            accounts.add(Profile("guest", "memory"), ACCOUNT_ID, Secret(token("session")), keep="memory")
            accounts.add(Profile("gone", "memory"), ACCOUNT_ID, Secret(token("session")), keep="memory")
            accounts.remove("gone")
        if not source:
            for look in (accounts.foreseen, accounts.find):
                with pytest.raises(NoAccount):
                    look(named)
            return
        foreseen = accounts.foreseen(named)
        assert not accounts._found.keys() - {"default"}, "no secret was fetched of an account that is listed"
        accounts.unlock(PASSPHRASE)
        found = accounts.find(named)
        assert foreseen.profile.name == found.name
        assert foreseen.source == source.removesuffix(" (memory)")
        assert found.source == source
        kind = {"keyring (memory)": "keyring", "encrypted file": "file", SESSION: "session", COMMAND_WORDS: "command"}
        assert found.credential == ApiToken(token(kind.get(source, source)))
        assert source in found.words

    def test_the_command_line_names_an_account_too(self, store: Store, ring: Memory) -> None:
        """It comes before the environment, and a draft's account before it."""
        ring.kept = {"work": value("work"), "home": value("home")}
        accounts = Accounts(ENVIRON, Keyring(backend=ring), "work", profiles=store.profiles)
        assert accounts.find().name == "work"
        assert accounts.find("home").credential == ApiToken(token("home"))

    def test_only_the_sandbox_where_it_is_asked_for(self, store: Store, ring: Memory) -> None:
        """Under --sandbox no real account is found or listed, whatever a draft says."""
        ring.kept = {"work": value("work")}
        only = Account("sandbox", ACCOUNT_ID, ApiToken(token("sandbox")), "embedded sandbox")
        accounts = Accounts(ENVIRON, Keyring(backend=ring), profiles=store.profiles, only=only)
        assert accounts.find("work") == only
        assert [(listed.profile.name, listed.source) for listed in accounts.all()] == [("sandbox", "embedded sandbox")]
        assert ring.asked == 0

    def test_what_is_there_and_cannot_be_used_is_told(self, store: Store, ring: Memory) -> None:
        """A locked keyring that holds the default account, or a broken variable, is not passed over for the next."""
        store.profiles.save(Profile("work", "keyring"))
        ring.locked = True
        accounts = Accounts(
            {}, Keyring(backend=ring), profiles=store.profiles, token_command=COMMAND, account_id=ACCOUNT_ID
        )
        with pytest.raises(NoAccount, match="the keyring is locked"):
            accounts.find()
        ring.locked = False
        with pytest.raises(NoAccount, match="the secret of “work” is not in the keyring any more"):
            accounts.find()
        half = {"CLOUDFLARE_API_TOKEN": token("environment")}
        with pytest.raises(NoAccount, match="CLOUDFLARE_ACCOUNT_ID is not"):
            Accounts(half, Keyring(backend=ring), token_command=COMMAND, account_id=ACCOUNT_ID).find()

    def test_a_machine_without_a_keyring_has_the_command(self, ring: Memory) -> None:
        """Where nobody said that an account is in the keyring, none is needed."""
        ring.locked = True
        accounts = Accounts({}, Keyring(backend=ring), token_command=COMMAND, account_id=ACCOUNT_ID)
        assert accounts.find().words == COMMAND_WORDS
        with pytest.raises(NoAccount, match="the keyring is locked"):
            Accounts({}, Keyring(backend=ring)).find()

    def test_what_was_found_is_not_asked_for_again(self, store: Store, ring: Memory, tmp_path: Path) -> None:
        """A keyring that is locked meanwhile ends no session, and the command runs once."""
        ring.kept = {"work": value("work")}
        runs = tmp_path / "runs"
        counting = [sys.executable, "-c", f"open({str(runs)!r}, 'a').write('x'); print({token('command')!r})"]
        accounts = Accounts(
            {}, Keyring(backend=ring), profiles=store.profiles, token_command=counting, account_id=ACCOUNT_ID
        )
        assert accounts.find("work") == accounts.find("work")
        ring.locked = True
        assert accounts.find("work").source == "keyring (memory)"
        assert accounts.find() == accounts.find()
        assert runs.read_text() == "x"


class TestCommand:
    def test_a_command_that_fails_may_want_the_terminal(self, ring: Memory, new_machine: Path) -> None:
        """Without one the error says that it could be tried with one; with one it is final."""
        fails = [sys.executable, "-c", "raise SystemExit(2)"]
        accounts = Accounts({}, Keyring(backend=ring), token_command=fails, account_id=ACCOUNT_ID)
        with pytest.raises(NeedsTerminal, match="ended with status 2"):
            accounts.find()
        with pytest.raises(NoAccount, match="ended with status 2") as caught:
            accounts.find(terminal=True)
        assert not isinstance(caught.value, NeedsTerminal)

    def test_what_it_prints_has_to_be_a_token(self, ring: Memory) -> None:
        """Anything else is told by what is wrong with it, and not shown."""
        prints = [sys.executable, "-c", "print('s3cr3t')"]
        accounts = Accounts({}, Keyring(backend=ring), token_command=prints, account_id=ACCOUNT_ID)
        with pytest.raises(NoAccount, match="6 characters are not a token") as caught:
            accounts.find()
        assert "s3cr3t" not in str(caught.value)

    def test_it_needs_the_account(self, ring: Memory) -> None:
        """A command without the account's id is told before it runs."""
        with pytest.raises(NoAccount, match=r"account_id is not set in config\.toml"):
            Accounts({}, Keyring(backend=ring), token_command=["false"]).find()


class TestVault:
    def test_its_passphrase_is_asked_for_once(self, accounts: Accounts, vault: Vault) -> None:
        """Until it was given the error says so; then every account in it is found."""
        fill_vault(vault, "default", "work")
        with pytest.raises(NeedsPassphrase, match="wants its passphrase"):
            accounts.find()
        with pytest.raises(NoAccount, match="this is not the passphrase"):
            accounts.unlock(Secret("a wrong passphrase"))
        with pytest.raises(NeedsPassphrase):
            accounts.find()
        accounts.unlock(PASSPHRASE)
        assert accounts.find().source == "encrypted file"

    def test_without_one_nobody_asks(self, accounts: Accounts, vault: Vault) -> None:
        """Where the user never chose an encrypted file no passphrase is asked for, and no file made."""
        with pytest.raises(NoAccount) as caught:
            accounts.find()
        assert not isinstance(caught.value, NeedsPassphrase)
        assert not vault.exists

    def test_a_lost_list_is_no_lost_account(self, accounts: Accounts, store: Store, vault: Vault) -> None:
        """What is in the file is found by its name and listed, though a new database knows nothing of it."""
        fill_vault(vault, "work", "home")
        store.profiles.save(Profile("home", "file"))
        accounts.unlock(PASSPHRASE)
        assert accounts.find("work").source == "encrypted file"
        assert sorted(listed.profile.name for listed in accounts.all()) == ["home", "work"]


class TestAdding:
    @pytest.mark.parametrize("keep", ["keyring", "file", "memory"])
    def test_it_is_used_and_kept_where_the_user_chose(
        self, accounts: Accounts, store: Store, vault: Vault, ring: Memory, keep: str
    ) -> None:
        """At once it is who mail is sent as, before the environment; the next start finds it if it was to be kept."""
        profile = Profile("Büro", "memory", (Identity("me@example.com"),))
        accounts = Accounts(ENVIRON, Keyring(backend=ring), profiles=store.profiles, vault=vault)
        accounts.unlock(PASSPHRASE)
        added, problem = accounts.add(profile, ACCOUNT_ID, Secret(token(keep)), keep=keep)  # type: ignore[arg-type]
        assert (problem, accounts.find(), accounts.find("Büro")) == ("", added, added)
        assert added.source == {"keyring": "keyring (memory)", "file": "encrypted file", "memory": SESSION}[keep]
        assert list(ring.kept) == (["Büro"] if keep == "keyring" else [])
        assert vault.exists == (keep == "file")
        listed = [] if keep == "memory" else [replace(profile, kept_in=keep, is_default=True)]  # type: ignore[arg-type]
        assert [*store.profiles.listed()] == listed
        then = Accounts({}, Keyring(backend=ring), profiles=store.profiles, vault=Vault(vault._path))
        if keep == "memory":
            with pytest.raises(NoAccount, match="called Büro"):
                then.find("Büro")
        else:
            then.unlock(PASSPHRASE)
            assert then.find() == added

    def test_a_keyring_that_cannot_keep_it(self, accounts: Accounts, store: Store, vault: Vault, ring: Memory) -> None:
        """It is used for this session, said so, and goes nowhere else; it is not listed as kept."""
        ring.locked = True
        added, problem = accounts.add(Profile("work", "memory"), ACCOUNT_ID, Secret(token("work")), keep="keyring")
        assert problem.startswith("used for this session only: the keyring is locked")
        assert accounts.find() == added
        assert (added.source, store.profiles.listed(), vault.exists) == (SESSION, (), False)

    def test_a_locked_file_is_asked_for_first(self, accounts: Accounts, store: Store) -> None:
        """Before its passphrase was given nothing is changed; then the same call is made again."""
        profile = Profile("work", "memory")
        with pytest.raises(NeedsPassphrase):
            accounts.add(profile, ACCOUNT_ID, Secret(token("work")), keep="file")
        with pytest.raises(NoAccount):
            accounts.find("work")
        accounts.unlock(PASSPHRASE)
        assert accounts.add(profile, ACCOUNT_ID, Secret(token("work")), keep="file")[1] == ""

    def test_moving_leaves_nothing_behind(self, accounts: Accounts, vault: Vault, ring: Memory) -> None:
        """Kept somewhere else from now on, the secret is removed from where it was, or it is said that it is there."""
        accounts.unlock(PASSPHRASE)
        profile, secret = Profile("work", "memory"), Secret(token("work"))
        for keep in ("keyring", "file", "keyring"):
            assert accounts.add(profile, ACCOUNT_ID, secret, keep=keep)[1] == ""
            assert (list(ring.kept), vault.names()) == ((["work"], ()) if keep == "keyring" else ([], ("work",)))
        ring.locked = True
        words = accounts.add(profile, ACCOUNT_ID, secret, keep="file")[1]
        assert words.startswith("the secret of “work” is still in the keyring: the keyring is locked")

    @pytest.mark.parametrize(
        ("name", "account_id", "secret", "words"),
        [
            ("", ACCOUNT_ID, token("x"), "needs a name"),
            ("a\nb", ACCOUNT_ID, token("x"), "needs a name"),
            ("environment", ACCOUNT_ID, token("x"), "choose another name"),
            ("password command", ACCOUNT_ID, token("x"), "choose another name"),
            ("work", "x", token("x"), "hexadecimal"),
            ("work", ACCOUNT_ID, "s3cr3t", "are not a token"),
        ],
    )
    def test_what_cannot_be_right_changes_nothing(
        self, accounts: Accounts, ring: Memory, name: str, account_id: str, secret: str, words: str
    ) -> None:
        """Name, account id and token are checked before anything is kept, and no secret is repeated."""
        with pytest.raises(NoAccount, match=words) as caught:
            accounts.add(Profile(name, "memory"), account_id, Secret(secret), keep="keyring")
        assert secret not in str(caught.value)
        assert (ring.kept, ring.asked) == ({}, 0)


class TestRemoving:
    def test_its_secret_is_removed_as_well(self, accounts: Accounts, store: Store, vault: Vault, ring: Memory) -> None:
        """From the keyring, the file or the session, and the words say so; then nobody finds it."""
        accounts.unlock(PASSPHRASE)
        for keep, words in (("keyring", "from the keyring"), ("file", "from the encrypted file"), ("memory", SESSION)):
            name = f"my {keep}"
            accounts.add(Profile(name, "memory"), ACCOUNT_ID, Secret(token(keep)), keep=keep)  # type: ignore[arg-type]
            assert words in accounts.remove(name)
            with pytest.raises(NoAccount, match=f"called {name}"):
                accounts.find(name)
        assert (ring.kept, vault.exists, store.profiles.listed()) == ({}, False, ())

    def test_what_could_not_be_removed_is_said(
        self, accounts: Accounts, store: Store, vault: Vault, ring: Memory
    ) -> None:
        """The account leaves the list, and the words say where its secret still is, and why."""
        store.profiles.save(Profile("work", "keyring"))
        store.profiles.save(Profile("home", "file"))
        fill_vault(vault, "home")
        ring.kept, ring.locked = {"work": value("work")}, True
        with pytest.raises(StillKept, match="“work” is still in the keyring: the keyring is locked"):
            accounts.remove("work")
        with pytest.raises(StillKept, match="“home” is still in the encrypted file"):
            accounts.remove("home")
        assert store.profiles.listed() == ()
        assert (list(ring.kept), vault.exists) == (["work"], True)

    def test_what_the_user_set_elsewhere_stays(self, store: Store, ring: Memory) -> None:
        """Of the environment and the password command only the identities are forgotten."""
        accounts = Accounts(ENVIRON, Keyring(backend=ring), profiles=store.profiles, token_command=COMMAND)
        for listed in accounts.all():
            accounts.save_profile(replace(listed.profile, identities=(Identity("me@example.com"),)))
        assert [profile.name for profile in store.profiles.listed()] == ["environment", "password command"]
        for _ in range(2):
            assert "stay in the environment" in accounts.remove("environment")
            assert "stays in config.toml" in accounts.remove("password command")
        assert (store.profiles.listed(), ring.kept) == ((), {})


class TestListing:
    def test_everybody_is_listed_with_the_source(self, store: Store, vault: Vault, ring: Memory) -> None:
        """What is in the list, what needs none, and what the first release kept; and what cannot be used says why."""
        ring.kept = {"default": value("default"), "work": value("work"), "odd": token("odd")}
        fill_vault(vault, "home")
        for profile in (
            *(Profile(name, "keyring") for name in ("work", "lost", "odd")),
            *(Profile(name, "file") for name in ("home", "locker")),
        ):
            store.profiles.save(profile)
        accounts = Accounts(ENVIRON, Keyring(backend=ring), profiles=store.profiles, vault=vault, token_command=COMMAND)
        accounts.add(Profile("guest", "memory"), ACCOUNT_ID, Secret(token("guest")), keep="memory")

        def shown() -> dict[str, tuple[str, str]]:
            return {listed.profile.name: (listed.source, listed.problem[:40]) for listed in accounts.all()}

        locked = f"the encrypted file {vault._path} wants"[:40]
        assert shown() == {
            "guest": (SESSION, ""),
            "environment": ("environment", ""),
            "password command": (COMMAND_WORDS, "account_id is not set in config.toml"),
            "work": ("keyring (memory)", ""),
            "lost": ("keyring (memory)", "the keyring (memory) has nothing under this name any more"[:40]),
            "odd": ("keyring (memory)", "the entry “odd” in the keyring (memory) was"[:40]),
            "default": ("keyring (memory)", ""),
            "home": ("encrypted file", locked),
            "locker": ("encrypted file", locked),
        }
        accounts.unlock(PASSPHRASE)
        ring.locked = True
        then = shown()
        assert then["home"] == ("encrypted file", "")
        assert then["locker"][1].startswith("the encrypted file has nothing")
        assert then["work"] == ("keyring", "the keyring is locked; unlock it (log in")
        assert "default" not in then
        assert "Abc-" not in repr(accounts.all())

    def test_a_keyring_that_hangs_is_waited_for_once(self, store: Store) -> None:
        """However many accounts it keeps, all of them are told as not usable after one limit."""
        stuck = Stuck()
        for number in range(20):
            store.profiles.save(Profile(f"account {number}", "keyring"))
        accounts = Accounts({}, Keyring(limit=0.3, backend=stuck), profiles=store.profiles)
        listed = accounts.all()
        stuck.go.set()
        assert len(listed) == 20
        assert {"no answer within 0.3 s" in entry.problem for entry in listed} == {True}
        assert stuck.asked <= 20

    def test_making_another_the_default(self, accounts: Accounts, store: Store, ring: Memory) -> None:
        """It is who mail is sent as from now on and at the next start; nobody, or a guest, cannot be."""
        for name in ("work", "home"):
            accounts.add(Profile(name, "memory"), ACCOUNT_ID, Secret(token(name)), keep="keyring")
        accounts.add(Profile("guest", "memory"), ACCOUNT_ID, Secret(token("guest")), keep="memory")
        accounts.make_default("home")
        assert accounts.find().name == "home"
        assert Accounts({}, Keyring(backend=ring), profiles=store.profiles).find().name == "home"
        with pytest.raises(NoAccount, match=SESSION):
            accounts.make_default("guest")
        with pytest.raises(NoAccount, match="no account 'nobody'"):
            accounts.make_default("nobody")
        assert accounts.find().name == "home"

    def test_what_this_machine_offers(self, accounts: Accounts, store: Store, vault: Vault, ring: Memory) -> None:
        """Each place in a short line, with the keyring's name or why there is none."""
        assert [(choice.kept_in, choice.is_offered) for choice in accounts.choices()] == [
            ("keyring", True),
            ("command", False),
            ("file", True),
            ("memory", True),
        ]
        assert accounts.choices()[0].words == "the keyring of this machine (memory)"
        offered = Accounts({}, Keyring(), token_command=COMMAND).choices()
        assert [choice.is_offered for choice in offered] == [False, True, False, True]
        assert offered[0].words.startswith("there is no keyring on this machine")
        assert all("CLOUDFLARE" not in choice.words and len(choice.words) < 110 for choice in offered)


def forms(secret: str) -> set[bytes]:
    """A secret as it could stand in a file."""
    plain = secret.encode()
    shifted = {base64.b64encode(b"x" * by + plain)[4 * (by > 0) : -4].rstrip(b"=") for by in range(3)}
    return {plain, plain[::-1], json.dumps(secret)[1:-1].encode(), plain.hex().encode(), *shifted}


def traces(home: Path, secret: str) -> list[str]:
    """The files under the home that hold the secret in any form."""
    files = [path for path in home.rglob("*") if path.is_file()]
    return [path.name for path in files if any(form in path.read_bytes() for form in forms(secret))]


class TestTraces:
    def test_a_trace_would_be_found(self, tmp_path: Path) -> None:
        """The search sees a token that stands in the clear, in JSON, and in base64 at any offset."""
        for number, text in enumerate((token("x"), json.dumps({"a": token("x")}))):
            (tmp_path / f"{number}").write_text(text)
        for by in range(3):
            (tmp_path / f"base64-{by}").write_bytes(base64.b64encode(b"?" * by + token("x").encode() + b" and more"))
        assert len(traces(tmp_path, token("x"))) == 5

    @pytest.mark.parametrize("path", ["environment", "command", "keyring", "no-keyring", "file", "memory", "wrong"])
    def test_no_secret_is_written_where_the_user_did_not_choose(
        self, new_machine: Path, tmp_path: Path, path: str
    ) -> None:
        """After each way to give one, used, listed and at the next start, no file under the home holds the token."""
        secret = token(path)
        chosen = settings.read(os.environ)
        program = tmp_path / "program.py"
        program.write_text(f"print({secret!r})")
        if path == "command":
            chosen = replace(chosen, token_command=(sys.executable, str(program)), account_id=ACCOUNT_ID)
        environ = {**ENVIRON, "CLOUDFLARE_API_TOKEN": secret} if path == "environment" else {}
        ring = Memory()
        for start in range(2):
            with closing(Store(chosen.data_dir)) as store:
                accounts = on_this_machine(environ, chosen, store)
                if path == "keyring":
                    accounts._keyring = Keyring(backend=ring)
                accounts.unlock(PASSPHRASE)
                if start == 0 and path in {"keyring", "no-keyring", "file", "memory"}:
                    keep = "keyring" if path == "no-keyring" else path
                    accounts.add(Profile("work", "memory"), ACCOUNT_ID, Secret(secret), keep=keep)  # type: ignore[arg-type]
                if path == "wrong":
                    with pytest.raises(NoAccount):
                        accounts.add(Profile("work", "memory"), "wrong", Secret(secret), keep="file")
                elif start == 0 or path not in {"no-keyring", "memory"}:
                    assert accounts.find().credential == ApiToken(secret)
                accounts.all()
                accounts.choices()
            assert traces(new_machine, secret) == []
        made = {found.name for found in chosen.data_dir.iterdir()}
        assert made == {"cfmail.sqlite3", "bodies", "instances"} | (
            {"accounts.vault", "accounts.vault.lock"} if path == "file" else set()
        )
