"""The sandbox as a process and as a folder: what it prints, how it ends, what it leaves on the disk."""

import os
import shlex
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from cfmail_tui.sandbox import Sandbox

_SERVE = "import sys; from pathlib import Path; from cfmail_tui.sandbox import serve; "


@contextmanager
def served(folder: Path, *, global_key: bool = False) -> Iterator[subprocess.Popen[str]]:
    command = f"{_SERVE}sys.exit(serve(Path({str(folder)!r}), 0, {global_key}))"
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def exports(process: subprocess.Popen[str], count: int) -> dict[str, str]:
    assert process.stdout is not None
    found = {}
    for _ in range(count):
        word, assignment = shlex.split(process.stdout.readline())
        assert word == "export"
        name, _, value = assignment.partition("=")
        found[name] = value
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve(tmp_path: Path, number: signal.Signals) -> None:
    """The first line is the base URL, the next export the environment; a signal ends it with 0 and in silence."""
    with served(tmp_path / "box") as process:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        environment = exports(process, 4)
        assert environment.keys() == {
            "CLOUDFLARE_BASE_URL",
            "CLOUDFLARE_API_BASE_URL",
            "CLOUDFLARE_API_TOKEN",
            "CLOUDFLARE_ACCOUNT_ID",
        }
        assert environment["CLOUDFLARE_BASE_URL"] == environment["CLOUDFLARE_API_BASE_URL"] == base_url
        header = {"Authorization": f"Bearer {environment['CLOUDFLARE_API_TOKEN']}"}
        path = f"{base_url}/accounts/{environment['CLOUDFLARE_ACCOUNT_ID']}/email/sending/send"
        mail = {"from": "me@acme.example", "to": "bob@example.net", "subject": "Hi", "text": "Hi"}
        with httpx.Client(headers=header) as client:
            assert client.post(path, json=mail).status_code == 200
            process.send_signal(number)
            rest, errors = process.communicate(timeout=10)
    assert (process.returncode, rest, errors) == (0, "", "")
    assert len(list((tmp_path / "box" / "Maildir" / "new").iterdir())) == 1


def test_serve_with_the_global_key(tmp_path: Path) -> None:
    """With the global key the pair is exported, and no token that a client might prefer."""
    with served(tmp_path / "box", global_key=True) as process:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        environment = exports(process, 5)
        assert "CLOUDFLARE_API_TOKEN" not in environment
        header = {"X-Auth-Email": environment["CLOUDFLARE_EMAIL"], "X-Auth-Key": environment["CLOUDFLARE_API_KEY"]}
        account = environment["CLOUDFLARE_ACCOUNT_ID"]
        assert httpx.get(f"{base_url}/accounts/{account}", headers=header).status_code == 200


def test_serve_survives_a_reader_that_leaves(tmp_path: Path) -> None:
    """`cfmail sandbox | head -1` ends nothing: the sandbox serves on, and ends cleanly later."""
    reader, writer = os.pipe()
    os.close(reader)
    command = f"{_SERVE}sys.exit(serve(Path({str(tmp_path / 'box')!r}), 0, False))"
    with subprocess.Popen([sys.executable, "-c", command], stdout=writer, stderr=subprocess.PIPE) as process:
        os.close(writer)
        while not (tmp_path / "box" / "state.json").exists():
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
            assert process.returncode is None
        process.terminate()
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, b"")


def test_port_is_taken(tmp_path: Path) -> None:
    """A port that somebody has is an OSError that names it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port}"):
            Sandbox(tmp_path / "box", port)


def test_a_port_of_ones_choice(tmp_path: Path) -> None:
    """The port that was asked for is served, again at once after stopping."""
    with Sandbox(tmp_path / "box") as box:
        port = httpx.URL(box.base_url).port
        assert httpx.get(f"{box.base_url}/accounts").status_code == 400
    assert port is not None
    with Sandbox(tmp_path / "box", port) as box:
        assert box.base_url == f"http://127.0.0.1:{port}/client/v4"
        assert httpx.get(f"{box.base_url}/accounts").status_code == 400


def test_same_account_every_day(tmp_path: Path) -> None:
    """Token, account id and Maildir are the folder's: what was exported yesterday works today."""
    with Sandbox(tmp_path / "box") as first:
        path = f"accounts/{first.account_id}/email/sending/send"
        mail = {"from": "me@acme.example", "to": "bob@example.net", "subject": "Hi", "text": "Hi"}
        header = {"Authorization": f"Bearer {first.token}"}
        assert httpx.post(f"{first.base_url}/{path}", json=mail, headers=header).status_code == 200
    with Sandbox(tmp_path / "box") as second:
        assert (second.account_id, second.token, second.global_key) == (first.account_id, first.token, first.global_key)
        assert httpx.post(f"{second.base_url}/{path}", json=mail, headers=header).status_code == 200
        assert len(list((second.maildir / "new").iterdir())) == 2
    with Sandbox(tmp_path / "other") as other:
        assert other.token != first.token
        assert other.account_id != first.account_id


def test_broken_state_is_replaced(tmp_path: Path) -> None:
    """A state file that is none does not keep the sandbox from starting."""
    for content in ("{", "[]", "{}"):
        (tmp_path / "state.json").write_text(content)
        with Sandbox(tmp_path) as box:
            assert len(box.token) == 40


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_private(tmp_path: Path, umask: int) -> None:
    """Folders are 0700 and files 0600 whatever the umask."""
    folder = tmp_path / "deep" / "box"
    previous = os.umask(umask)
    try:
        with Sandbox(folder) as box:
            mail = {"from": "me@acme.example", "to": "bob@example.net", "subject": "Hi", "text": "Hi"}
            path = f"{box.base_url}/accounts/{box.account_id}/email/sending/send"
            assert httpx.post(path, json=mail, headers={"Authorization": f"Bearer {box.token}"}).is_success
    finally:
        os.umask(previous)
    made = [folder.parent, folder, *folder.rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_file()} == {0o600}
    assert len([path for path in made if path.is_file()]) == 3


def test_a_folder_that_was_there(tmp_path: Path) -> None:
    """The mode of a folder that somebody else made is left as it is."""
    folder = tmp_path / "mine"
    folder.mkdir(0o755)
    folder.chmod(0o755)
    with Sandbox(folder) as box:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755
        assert stat.S_IMODE(box.maildir.stat().st_mode) == 0o700


def test_stop(tmp_path: Path) -> None:
    """Stopping frees the port and leaves no thread, also with a connection open, and may be done twice or at once."""
    before = set(threading.enumerate())
    box = Sandbox(tmp_path / "box")
    box.start()
    box.start()
    port = httpx.URL(box.base_url).port or 0
    with socket.create_connection(("127.0.0.1", port)) as idle, httpx.Client() as client:
        assert client.get(f"{box.base_url}/accounts").status_code == 400
        box.stop()
        box.stop()
        assert idle.recv(1) == b""
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    Sandbox(tmp_path / "box").stop()


def test_environment(tmp_path: Path) -> None:
    """The environment is what the SDKs and wrangler read, with one kind of credentials."""
    with Sandbox(tmp_path / "box") as box:
        assert box.environment() == {
            "CLOUDFLARE_BASE_URL": box.base_url,
            "CLOUDFLARE_API_BASE_URL": box.base_url,
            "CLOUDFLARE_API_TOKEN": box.token,
            "CLOUDFLARE_ACCOUNT_ID": box.account_id,
        }


def test_only_loopback(tmp_path: Path) -> None:
    """The sandbox listens on 127.0.0.1 and on no other address."""
    with Sandbox(tmp_path / "box") as box, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(5)
        with pytest.raises(OSError, match=r"refused|assign"):
            probe.connect(("127.0.0.2", httpx.URL(box.base_url).port))


def test_knows_nothing_of_the_client() -> None:
    """Importing the sandbox imports no other part of the program and none of its libraries."""
    code = "import sys, cfmail_tui.sandbox; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = done.stdout.split()
    own = [name for name in modules if name.startswith("cfmail_tui.") and not name.startswith("cfmail_tui.sandbox")]
    assert own == []
    assert not {"httpx", "textual", "keyring", "sqlite3", "cloudflare"} & set(modules)
