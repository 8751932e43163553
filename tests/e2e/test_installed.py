"""cfmail as it is installed: from a wheel, and from a clone by the README alone."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui import __version__
from tests.conftest import IN_CI
from tests.pty_driver import Terminal

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).parents[2]


def tracked(*folders: str) -> Iterator[Path]:
    """The files of the project, by their paths in it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    yield from (Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


def send_the_example(terminal: Terminal) -> None:
    """What the README says to press; until the outcome is there."""
    terminal.wait_for("Subject", timeout=100)
    terminal.press("f9")
    terminal.wait_for("nothing has left yet")
    terminal.send("y")
    terminal.wait_for("Accepted")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as it would be released."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


def test_what_is_in_the_wheel(wheel: Path) -> None:
    """All of the package, style sheets and mark of its types included, the manual page and licence; no tests."""
    names = {Path(name) for name in zipfile.ZipFile(wheel).namelist()}
    beside = f"cfmail_tui-{__version__}"
    inside = {name for name in names if name.parts[0] == "cfmail_tui"}
    assert inside == set(tracked("cfmail_tui"))
    assert {Path("cfmail_tui/py.typed"), Path("cfmail_tui/ui/form.tcss")} <= inside
    assert Path(f"{beside}.data/data/share/man/man1/cfmail.1") in names
    assert Path(f"{beside}.dist-info/licenses/LICENSE") in names
    assert {name.parts[0] for name in names} == {"cfmail_tui", f"{beside}.data", f"{beside}.dist-info"}


def test_the_wheel_works(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed, and far from the sources, its commands tell the version, send a mail and open the composer."""
    place = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(place)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True, cwd=tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(place))
    monkeypatch.chdir(tmp_path)
    where = [sys.executable, "-c", "import cfmail_tui; print(cfmail_tui.__file__)"]
    assert subprocess.run(where, capture_output=True, text=True, check=True).stdout.startswith(str(place))
    for name in ("cfmail", "cfmail-tui"):
        shown = subprocess.run([place / "bin" / name, "--version"], capture_output=True, text=True, check=True)
        assert shown.stdout == f"cfmail {__version__}\n"
    mail = ["send", "--sandbox", "--from", "me@acme.example", "--to", "bob@example.com", "--subject", "Hello", "-"]
    subprocess.run([place / "bin" / "cfmail", *mail], input=b"Hi", check=True)
    with Terminal([place / "bin" / "cfmail", "demo"]) as terminal:
        send_the_example(terminal)
        terminal.press("ctrl+q")
        assert terminal.wait_exit() == 0


@pytest.mark.timeout(300)
def test_a_new_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing but a Python and the project's files, the README's first command and three keys send a mail."""
    clone = tmp_path / "cfmail"
    for path in tracked():
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, clone / path)
    command = re.search(r"```sh\n(.*?)```", (clone / "README.md").read_text("utf-8"), re.DOTALL)
    assert command
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with Terminal(["bash", "-c", command[1]], cwd=clone) as terminal:
        terminal.wait_for(lambda screen: "Subject" in screen or "ERROR" in screen, timeout=240)
        if re.search("No matching distribution|Connection", terminal.screen()):
            (pytest.fail if IN_CI else pytest.skip)("no package index can be reached")
        send_the_example(terminal)
        terminal.press("ctrl+q")
        assert terminal.wait_exit() == 0
