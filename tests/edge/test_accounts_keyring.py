"""Accounts on a real Secret Service: kept between starts, and told why not when it is locked, gone, killed or stuck."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# What every program below begins with: a session of cfmail in the home that the service lives in.
BEGIN: Final = """
import os, signal, subprocess, sys
from pathlib import Path
from cfmail_tui import settings
from cfmail_tui.accounts import Accounts, NoAccount, on_this_machine
from cfmail_tui.credentials import Keyring, Vault
from cfmail_tui.profile import Profile
from cfmail_tui.store import Store
from cfmail_tui.submission import Secret

def token(name):
    return "Abc-0123456789_" + name.encode().hex().ljust(30, "0")

os.environ["CFMAIL_HOME"] = os.environ["HOME"] + "/cfmail"
chosen = settings.read(os.environ)
store = Store(chosen.data_dir)
accounts = on_this_machine({}, chosen, store, **({"name": sys.argv[2]} if sys.argv[2:] else {}))

def tell(call):
    try:
        print(call())
    except NoAccount as error:
        print("NoAccount", error)

def add(name, keep="keyring", secret=None):
    account, problem = accounts.add(Profile(name, "memory"), "0" * 32, Secret(secret or token(name)), keep=keep)
    return f"{account.words} | {problem}"

def find(name=""):
    account = accounts.find(name)
    return f"{account.words} | {account.credential.reveal() == token(account.name)}"

def traces(*names):
    home = Path(os.environ["HOME"])
    octets = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    return [name for name in names if token(name).encode() in octets]

def provider():
    from jeepney import DBusAddress, new_method_call
    from jeepney.io.blocking import open_dbus_connection
    bus = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
    ask = new_method_call(bus, "GetConnectionUnixProcessID", "s", ("org.freedesktop.secrets",))
    with open_dbus_connection() as connection:
        return connection.send_and_get_reply(ask).body[0]

def restart(code):
    subprocess.run([sys.executable, "-c", BEGIN + code, BEGIN], check=True)

BEGIN = sys.argv[1]
"""


def ran(run: Run, mode: str, code: str) -> list[str]:
    ended = run(mode, [sys.executable, "-c", BEGIN + code, BEGIN], {"PYTHONPATH": str(ROOT)})
    assert (ended.stderr, ended.returncode) == ("", 0)
    return ended.stdout.splitlines()


def test_accounts_are_kept_changed_and_removed_over_starts(run_with_secret_service: Run) -> None:
    """Two accounts, one with a name outside ASCII: each is found by its name, changed alone, and removed alone."""
    code = """
print(add("work")); print(add("Büro 📮")); sys.stdout.flush()
restart('tell(find); tell(lambda: find("Büro 📮")); print([(i.profile.name, i.problem) for i in accounts.all()])')
restart('print(add("work", secret=token("changed")))')
restart('tell(lambda: find("work")); tell(lambda: find("Büro 📮")); print(accounts.remove("work"))')
restart('tell(lambda: find("work")); tell(lambda: find("Büro 📮")); print(traces("work", "Büro 📮", "changed"))')
"""
    ring = "keyring (Secret Service)"
    assert ran(run_with_secret_service, "unlocked", code) == [
        f"work · {ring} | ",
        f"Büro 📮 · {ring} | ",
        f"work · {ring} | True",
        f"Büro 📮 · {ring} | True",
        "[('work', ''), ('Büro 📮', '')]",
        f"work · {ring} | ",
        f"work · {ring} | False",
        f"Büro 📮 · {ring} | True",
        "“work” is forgotten, its secret removed from the keyring",
        "NoAccount no account called work is set up: set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID, or run cfmail",
        f"Büro 📮 · {ring} | True",
        "[]",
    ]


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("locked", "the keyring is locked; unlock it"),
        ("fresh", "it may not have been set up yet"),
        ("none", "there is no keyring on this machine (no Secret Service answers on D-Bus)"),
    ],
)
def test_without_an_open_keyring_a_secret_lasts_for_the_session(
    run_with_secret_service: Run, mode: str, words: str
) -> None:
    """It is used, said why it is not kept, and not to be found in any file or at the next start."""
    code = """
print(add("work")); tell(find); print(traces("work")); print(store.profiles.listed())
print(accounts.choices()[0].words); sys.stdout.flush()
store.profiles.save(Profile("work", "keyring"))
restart('tell(find); print([i.problem for i in accounts.all()])')
"""
    added, found, traces, listed, offered, then, problem = ran(run_with_secret_service, mode, code)
    assert added.startswith("work · this session only | used for this session only: ")
    assert words in added
    assert (found, traces, listed) == ("work · this session only | True", "[]", "()")
    assert then.startswith("NoAccount ")
    assert words in then
    assert words in problem
    assert "CLOUDFLARE" not in offered


@pytest.mark.parametrize("backend", ["keyring.backends.null.Keyring", "keyrings.alt.file.PlaintextKeyring"])
def test_a_keyring_that_is_not_safe_keeps_nothing(run_with_secret_service: Run, tmp_path: Path, backend: str) -> None:
    """Null and plaintext back-ends are refused with the reason, beside an open Secret Service too."""
    module = tmp_path / "keyrings" / "alt" / "file.py"
    module.parent.mkdir(parents=True)
    module.write_text(
        "from keyring.backend import KeyringBackend\n"
        "class PlaintextKeyring(KeyringBackend):\n"
        "    priority = 9\n"
        "    def get_password(self, service, username): open('used', 'w')\n"
        "    def set_password(self, service, username, password): open('used', 'w')\n"
    )
    ended = run_with_secret_service(
        "unlocked",
        [
            *("env", f"PYTHON_KEYRING_BACKEND={backend}", sys.executable, "-c"),
            *(BEGIN + "print(add('work')); print(traces('work')); print(accounts.choices()[0].words)", BEGIN),
        ],
        {"PYTHONPATH": f"{ROOT}:{tmp_path}"},
    )
    assert ended.stderr == ""
    added, traces, offered = ended.stdout.splitlines()
    why = "keeps nothing" if "null" in backend else "would store the token in clear text"
    assert added.startswith(f"work · this session only | used for this session only: the keyring {backend} is not used")
    assert traces == "[]"
    assert offered == f"the keyring {backend} is not used, it {why}"
    assert not Path("used").exists()


def test_a_provider_that_hangs_costs_its_limit_and_nothing_else(run_with_secret_service: Run) -> None:
    """Stopped, it is told as giving no answer, for one account or for the list; woken, it is asked again."""
    code = """
for name in ("work", "home"):
    add(name)
accounts = Accounts({}, Keyring(limit=1), profiles=store.profiles)
os.kill(provider(), signal.SIGSTOP); pid = provider()
try:
    tell(find)
    print([i.problem[:37] for i in accounts.all()])
    print(add("third"))
finally:
    os.kill(pid, signal.SIGCONT)
accounts = Accounts({}, Keyring(), profiles=store.profiles)
tell(find); tell(lambda: find("home")); print(traces("work", "home", "third"))
"""
    hung, listed, added, *then = ran(run_with_secret_service, "unlocked", code)
    assert hung.startswith("NoAccount the keyring gave no answer within 1 s")
    assert listed == f"{['the keyring gave no answer within 1 s'] * 2}"
    assert added.startswith("third · this session only | used for this session only: the keyring gave no answer")
    ring = "keyring (Secret Service)"
    assert then == [f"work · {ring} | True", f"home · {ring} | True", "[]"]


def test_a_provider_that_is_killed_is_told_and_the_session_goes_on(run_with_secret_service: Run) -> None:
    """What was found before is still used; what was not is said to be out of reach, not looked for elsewhere."""
    code = """
for name in ("work", "home"):
    add(name)
command = [sys.executable, "-c", "print('Abc-0123456789_from-the-command')"]
accounts = Accounts({}, Keyring(), profiles=store.profiles, token_command=command, account_id="0" * 32)
tell(find)
os.kill(provider(), signal.SIGKILL)
tell(find)
tell(lambda: find("home"))
accounts = Accounts({}, Keyring(), profiles=store.profiles, token_command=command, account_id="0" * 32)
tell(find)
"""
    before, after, other, then = ran(run_with_secret_service, "unlocked", code)
    assert before == after == "work · keyring (Secret Service) | True"
    assert other.startswith("NoAccount the keyring ")
    assert then.startswith("NoAccount the keyring ")
