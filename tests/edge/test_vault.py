"""The encrypted file: what is in it needs the passphrase, what is wrong with it is said, and nobody undoes another."""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import unicodedata
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.credentials import BadCredential, Vault, VaultError, VaultLocked, WrongPassphrase
from cfmail_tui.submission import Account, ApiToken, GlobalKey, Secret

ROOT: Final = Path(__file__).parents[2]
TOKEN: Final = "Abc-0123456789_defghijklmnopqrstuvwxyz.~"
KEY: Final = "0123456789abcdef0123456789abcdef01234"
ACCOUNT_ID: Final = "0123456789abcdef0123456789abcdef"
PASSPHRASE: Final = Secret("Grüße aus Köln")
WORK: Final = Account("work", ACCOUNT_ID, ApiToken(TOKEN), "encrypted file")
OLD: Final = Account("Büro", ACCOUNT_ID, GlobalKey("me@example.com", Secret(KEY)), "encrypted file")

# Made without a line of ours: the key by the reference implementation of Argon2, the rest by libsodium.
KNOWN: Final = bytes.fromhex(
    "63666d61696c2d7661756c7401000102030405060708090a0b0c0d0e0f8f610b4fe8d97069536b0cb3b465b9e98c1251cdf0"
    "da8a9e77091080d55e4c98000102030405060708090a0b0000009a02dd0addd4775a7ca859122a96289148ce0c1a9a74a579"
    "f05fdfed98b630b20d5298495f86a2d973cc0b0da8e145f2b5b5d7b78272bb20a26fcd3fd86494bade7c791a59b5cf69b74f"
    "a7dd2641c657974002a99c63870f71ec4af7e3e9235ad0515b0d69975b51d8e6d74adb59dfaec9e51faac15be03539842b23"
    "379ee672bcac908c753ce60bf0fbf472d5f43a768c8b3b684a9f6c34ccafa0"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.vault"


@pytest.fixture
def vault(path: Path) -> Vault:
    opened = Vault(path)
    opened.unlock(PASSPHRASE)
    return opened


def again(path: Path) -> Vault:
    """As the next start finds it."""
    opened = Vault(path)
    opened.unlock(PASSPHRASE)
    return opened


class TestKeeping:
    def test_a_known_file_is_read(self, path: Path) -> None:
        """The format is what is written about it: a file that other programs made opens."""
        path.write_bytes(KNOWN)
        kept = again(path).load("Büro")
        assert kept == Account("Büro", ACCOUNT_ID, ApiToken(TOKEN), "encrypted file")

    def test_accounts_are_kept_until_they_are_deleted(self, vault: Vault, path: Path) -> None:
        """Two accounts are there at the next start, one changed, and go one by one; the file goes with the last."""
        vault.save(WORK)
        vault.save(Account("Büro", ACCOUNT_ID, ApiToken(TOKEN), ""))
        vault.save(OLD)
        then = again(path)
        assert then.names() == ("work", "Büro")
        assert (then.load("work"), then.load("Büro"), then.load("home")) == (WORK, OLD, None)
        then.delete("work")
        then.delete("work")
        assert vault.names() == ("Büro",)
        then.delete("Büro")
        assert (vault.names(), path.exists()) == ((), False)

    def test_nothing_is_made_before_something_is_kept(self, vault: Vault, path: Path) -> None:
        """Neither choosing a passphrase nor looking makes a file."""
        assert (vault.names(), vault.load("work"), Vault(path).load("work")) == ((), None, None)
        vault.delete("work")
        with pytest.raises(VaultLocked):
            Vault(path).save(WORK)
        assert [*path.parent.iterdir()] == []

    def test_the_file_is_private_and_shows_nothing(self, path: Path) -> None:
        """Whatever the umask, only the user may read it; no secret, name or account id stands in it in any form."""
        before = os.umask(0)
        try:
            vault = Vault(path)
            vault.unlock(PASSPHRASE)
            vault.save(OLD)
        finally:
            os.umask(before)
        assert {made.name: made.stat().st_mode & 0o777 for made in path.parent.iterdir()} == {
            "accounts.vault": 0o600,
            "accounts.vault.lock": 0o600,
        }
        octets = path.read_bytes()
        for text in (KEY, ACCOUNT_ID, "me@example.com", "Büro", PASSPHRASE.reveal()):
            for form in (text.encode(), base64.b64encode(text.encode()).rstrip(b"="), json.dumps(text)[1:-1].encode()):
                assert form not in octets

    def test_a_write_never_repeats_a_nonce(self, vault: Vault, path: Path) -> None:
        """The same content is another file each time, under the salt that the file was made with."""
        files = []
        for _ in range(3):
            vault.save(WORK)
            files.append(path.read_bytes())
            vault.save(OLD)
            vault.delete("Büro")
        assert len(set(files)) == len({octets[61:73] for octets in files}) > 1
        assert len({octets[13:29] for octets in files}) == 1

    def test_a_name_can_be_read(self, vault: Vault, path: Path) -> None:
        """A name that cannot be shown is refused before anything is written."""
        with pytest.raises(BadCredential, match="needs a name"):
            vault.save(Account("a\nb", ACCOUNT_ID, ApiToken(TOKEN), ""))
        assert not path.exists()


class TestPassphrase:
    def test_a_wrong_one_does_not_open(self, path: Path) -> None:
        """It is told apart from a damaged file, and the vault stays locked."""
        path.write_bytes(KNOWN)
        vault = Vault(path)
        with pytest.raises(WrongPassphrase, match="this is not the passphrase of"):
            vault.unlock(Secret("Grüße aus Bonn"))
        assert vault.is_locked
        with pytest.raises(VaultLocked, match="wants its passphrase"):
            vault.load("Büro")
        with pytest.raises(VaultLocked):
            vault.delete("Büro")
        assert path.read_bytes() == KNOWN

    def test_it_is_the_same_however_the_keyboard_spells_it(self, path: Path) -> None:
        """An accent as a character of its own is the same passphrase."""
        path.write_bytes(KNOWN)
        vault = Vault(path)
        vault.unlock(Secret(unicodedata.normalize("NFD", PASSPHRASE.reveal())))
        assert vault.names() == ("Büro",)

    @pytest.mark.parametrize("short", ["", "1234567"])
    def test_a_new_one_is_not_too_short(self, path: Path, short: str) -> None:
        """What can be guessed at once protects nothing."""
        with pytest.raises(WrongPassphrase, match="8 characters at least"):
            Vault(path).unlock(Secret(short))

    def test_a_file_made_anew_with_another_is_not_overwritten(self, vault: Vault, path: Path) -> None:
        """Of two sessions that each chose a passphrase for a new file the second hears that it is not the file's."""
        other = Vault(path)
        other.unlock(Secret("another passphrase"))
        other.save(OLD)
        octets = path.read_bytes()
        with pytest.raises(WrongPassphrase):
            vault.save(WORK)
        assert path.read_bytes() == octets


class TestDamage:
    @pytest.mark.parametrize(
        ("octets", "words"),
        [
            (b"", "is cut short"),
            (KNOWN[:5], "is cut short"),
            (KNOWN[:12], "is cut short"),
            (KNOWN[:40], "is cut short"),
            (KNOWN[:77], "is cut short"),
            (KNOWN[:-1], "is cut short"),
            (KNOWN[:-1] + bytes([KNOWN[-1] ^ 1]), "was changed by something else"),
            (KNOWN[:80] + bytes([KNOWN[80] ^ 1]) + KNOWN[81:], "was changed by something else"),
            (KNOWN[:65] + bytes([KNOWN[65] ^ 1]) + KNOWN[66:], "was changed by something else"),
            (KNOWN[:76] + bytes([KNOWN[76] - 1]) + KNOWN[77:], "was changed by something else"),
            (KNOWN + b"\0", "was changed by something else"),
            (KNOWN[:14] + bytes([KNOWN[14] ^ 1]) + KNOWN[15:], "this is not the passphrase"),
            (KNOWN[:12] + b"\2" + KNOWN[13:], "written by a newer cfmail (version 2, known here: 1)"),
            (KNOWN[:12] + b"\0" + KNOWN[13:], "is of version 0, which no cfmail wrote"),
            (b"Dear diary", "was not made by cfmail"),
            (KNOWN + b"\0" * 1024 * 1024, "was not made by cfmail"),
        ],
        ids=lambda value: value[:30] if isinstance(value, str) else "",
    )
    def test_what_is_wrong_with_the_file_is_said(self, path: Path, octets: bytes, words: str) -> None:
        """Cut short, changed in any part, of another version, or no vault at all: each has its words; it stays."""
        path.write_bytes(octets)
        with pytest.raises(VaultError) as caught:
            Vault(path).unlock(PASSPHRASE)
        assert words in str(caught.value)
        assert str(path) in str(caught.value)
        assert path.read_bytes() == octets

    def test_damage_after_it_was_opened_is_not_written_over(self, vault: Vault, path: Path) -> None:
        """What cannot be read cannot be kept: it is left for the user to save."""
        vault.save(WORK)
        octets = path.read_bytes()[:-1]
        path.write_bytes(octets)
        with pytest.raises(VaultError, match="cut short"):
            vault.save(OLD)
        assert path.read_bytes() == octets

    def test_a_file_that_cannot_be_read_is_named(self, tmp_path: Path) -> None:
        """A folder in its place is told as what it is."""
        with pytest.raises(VaultError, match="cannot be read: is a directory"):
            Vault(tmp_path).unlock(PASSPHRASE)

    def test_what_a_crash_left_half_written_is_swept(self, vault: Vault, path: Path) -> None:
        """A writer that was killed before its file had the name costs nothing."""
        vault.save(WORK)
        (path.parent / ".accounts.vault.new").write_bytes(b"half")
        vault.save(OLD)
        assert vault.names() == ("work", "Büro")
        assert not (path.parent / ".accounts.vault.new").exists()


SAVER: Final = """
import sys
from pathlib import Path
from cfmail_tui.credentials import Vault
from cfmail_tui.submission import Account, ApiToken, Secret
name, path = sys.argv[1], Path(sys.argv[2])
vault = Vault(path)
vault.unlock(Secret("Grüße aus Köln"))
print("ready", flush=True)
sys.stdin.readline()
for number in range(12):
    vault.save(Account(f"{name} {number}", "0" * 32, ApiToken("t" * 40), ""))
    print(number, flush=True)
"""


def saver(name: str, path: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SAVER, name, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class TestSharing:
    def test_two_processes_lose_nothing_of_each_other(self, vault: Vault, path: Path) -> None:
        """Both save into one file at once; every account of both is in it."""
        vault.save(WORK)
        running = [saver("a", path), saver("b", path)]
        for process in running:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        for process in running:
            assert process.communicate(timeout=60)[1] == ""
            assert process.returncode == 0
        names = {f"{name} {number}" for name in "ab" for number in range(12)}
        assert set(vault.names()) == {"work", *names}

    def test_a_process_killed_while_it_writes_leaves_a_whole_file(self, vault: Vault, path: Path) -> None:
        """What was said to be saved is there, and its lock is in nobody's way."""
        vault.save(WORK)
        with saver("a", path) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write("\n")
            process.stdin.flush()
            told = [process.stdout.readline() for _ in range(4)]
            process.send_signal(signal.SIGKILL)
            process.wait(30)
        assert told == ["ready\n", "0\n", "1\n", "2\n"]
        assert {"work", "a 0", "a 1", "a 2"} <= set(vault.names())
        vault.save(OLD)
        assert vault.load("Büro") == OLD

    def test_threads_share_a_vault(self, vault: Vault) -> None:
        """Calls from several threads at once do not disturb each other."""
        threads = [
            threading.Thread(target=vault.save, args=(Account(str(number), ACCOUNT_ID, ApiToken(TOKEN), ""),))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(vault.names()) == set("01234567")


def test_looking_for_a_vault_does_not_load_cryptography() -> None:
    """Its cost is paid by the call that needs it."""
    code = (
        "import sys; from pathlib import Path; from cfmail_tui.credentials import Vault;"
        "assert Vault(Path('none')).load('a') is None; print('cryptography' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
