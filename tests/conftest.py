"""Every test runs as if on a new machine: an empty home, nobody's settings, and no way out but loopback."""

import gc
import ipaddress
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import hypothesis
import pytest

if TYPE_CHECKING:  # most tests do without it, and should not wait for its import
    from cfmail_tui.sandbox import Sandbox

IN_CI: Final = os.environ.get("CI", "").lower() in {"true", "1"}
SECRET_SERVICE: Final = Path(__file__).with_name("secret_service")

# What the developer's machine could bring in: settings, a session with a keyring, proxies, a taste in terminals.
FOREIGN: Final = re.compile(
    r"(CLOUDFLARE_|CFMAIL_|TEXTUAL|XDG_).*|PYTHON_KEYRING_BACKEND|DBUS_SESSION_BUS_ADDRESS|(WAYLAND_)?DISPLAY"
    r"|(HTTP|HTTPS|ALL|NO)_PROXY|NO_COLOR|FORCE_COLOR|COLUMNS|LINES|VISUAL|EDITOR",
    re.IGNORECASE,
)

hypothesis.settings.register_profile("default", deadline=None, max_examples=60, derandomize=IN_CI)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=2000)
hypothesis.settings.load_profile("default")  # the other one: pytest --hypothesis-profile=thorough


def is_local(host: object) -> bool:
    """Loopback, or a name that exists nowhere (RFC 2606), whose failing look-up is what a test wants to see."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else host
    if not isinstance(name, str) or name in {"", "localhost"}:
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    return name.endswith((".localhost", ".invalid"))


def keep_inside(event: str, args: tuple[Any, ...]) -> None:
    """Audit hook: fail the test that reaches for the network.

    pytest's own failure is raised because no `except Exception` in the code under test can take it for a network
    error and carry on.
    """
    match event, args:
        case (("socket.connect" | "socket.sendto"), (_, (host, *_))) if not is_local(host):
            raise pytest.fail.Exception(f"a test tried to reach {host}")
        case (("socket.getaddrinfo" | "socket.gethostbyname"), (host, *_)) if not is_local(host):
            raise pytest.fail.Exception(f"a test tried to look up {host}")


sys.addaudithook(keep_inside)

HANDLERS: Final[dict[signal.Signals, Any]] = {
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGQUIT: signal.SIG_DFL,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
}


@pytest.fixture(autouse=True)
def own_signals() -> None:
    """Every test starts with the signals as a terminal has them.

    A shell that runs the tests in the background has some ignored, and so has a program that has ended in this very
    process; what is started then would inherit that.
    """
    for number, handler in HANDLERS.items():
        signal.signal(number, handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first, so that in the end no processor waits for one of them: for each worker its share.

    xdist cuts the list into as many equal pieces as there are workers, and each begins at the front of its own.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [item for item in items if item.get_closest_marker("slow")]
    quick = [item for item in items if not item.get_closest_marker("slow")]
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        ordered += slow[worker::workers]
        room = max(0, len(items) * (worker + 1) // workers - len(ordered))
        ordered += quick[:room]
        del quick[:room]
    items[:] = ordered


def pytest_collection_finish() -> None:
    """Thousands of collected tests live to the end: the garbage collector need not look through them again and again.

    And it looks seldom, because most of what a test makes goes without it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True)
def new_machine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own empty home, with nothing of the developer's in the environment. CFMAIL_HOME lies inside it.

    Its one setting: a mail leaves as soon as `y` was pressed, unless a test wants the time to take it back.
    """
    for name in [*os.environ]:
        if FOREIGN.fullmatch(name):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("CFMAIL_HOME", str(home / "cfmail"))
    undo_send(0)
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    runtime = home / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    return home


def undo_send(seconds: float) -> None:
    """Set how long a mail can be taken back, for programs started from now on."""
    folder = Path(os.environ["CFMAIL_HOME"]) / "config"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(f"undo_send = {seconds}\n")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(disk: Path, free: int) -> None:
    """Leave so many free octets on the disk."""
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    left = os.statvfs(disk)
    with filler.open("wb") as file:
        file.write(b"x" * (left.f_bavail * left.f_frsize - free))


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator["Sandbox"]:
    """A started sandbox on a free port: `.base_url`, `.account_id`, `.token`, `.maildir`, `.environment()`."""
    from cfmail_tui.sandbox import Sandbox

    with Sandbox(tmp_path / "sandbox") as running:
        yield running


def _want_gnome_keyring() -> None:
    """In CI a machine without one is a failure: there its promises are kept, not skipped."""
    missing = [tool for tool in ("dbus-run-session", "gnome-keyring-daemon") if shutil.which(tool) is None]
    if missing:
        (pytest.fail if IN_CI else pytest.skip)(f"{' and '.join(missing)} not found; install dbus and gnome-keyring")


class SecretService:
    """A session bus with a real gnome-keyring, open; for several programs, one after another."""

    def __init__(self, session: "subprocess.Popen[str]") -> None:
        assert session.stdout
        self.environment = {"DBUS_SESSION_BUS_ADDRESS": session.stdout.readline().strip()}
        """What leads a program there."""

    def lock(self) -> None:
        """Lock the keyring; nobody is there to answer the prompt."""
        service, keyring = "/org/freedesktop/secrets", "/org/freedesktop/secrets/collection/login"
        call = ("org.freedesktop.Secret.Service.Lock", f"array:objpath:{keyring}")
        subprocess.run(
            ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.secrets", service, *call],
            env={**os.environ, **self.environment},
            check=True,
            capture_output=True,
        )


@pytest.fixture
def secret_service() -> Iterator[SecretService]:
    """A `SecretService` that lasts as long as the test."""
    _want_gnome_keyring()
    held = [str(SECRET_SERVICE), "unlocked", "sh", "-c", 'echo "$DBUS_SESSION_BUS_ADDRESS"; exec cat']
    # It ends with its standard input, and takes bus and daemon with it.
    with subprocess.Popen(held, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
        yield SecretService(session)


SecretServiceMode = Literal["unlocked", "locked", "fresh", "none"]


@pytest.fixture
def run_with_secret_service() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`run(mode, argv, env={}, timeout=60)`: a command beside a gnome-keyring, in a mode of tests/secret_service."""
    _want_gnome_keyring()

    def run(
        mode: SecretServiceMode, argv: Sequence[str], env: Mapping[str, str] = {}, *, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        # A session of its own, because a bus and its daemons outlive the shell that is killed alone.
        with subprocess.Popen(
            [SECRET_SERVICE, mode, *argv],
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                stdout, stderr = process.communicate(timeout=timeout)
            except BaseException:
                os.killpg(process.pid, signal.SIGTERM)
                raise
        return subprocess.CompletedProcess([mode, *argv], process.returncode, stdout, stderr)

    return run
