"""`cfmail desktop` prints an entry that a desktop takes, and that opens mailto: links."""

import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from cfmail_tui.cli.desktop import entry
from tests.edge.cli_run import cfmail_process


def read(text: str) -> dict[str, str]:
    parser = ConfigParser(interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # keys are told by their case
    parser.read_string(text)
    assert parser.sections() == ["Desktop Entry"]
    return dict(parser["Desktop Entry"])


def test_it_opens_links(tmp_path: Path) -> None:
    """It has the keys that the specification asks for, is for mailto: links, and runs in a terminal."""
    ran = cfmail_process("desktop")
    found = read(ran.out)
    assert (ran.code, found["Type"], found["Terminal"]) == (0, "Application", "true")
    assert (found["Name"], found["MimeType"]) == ("cfmail", "x-scheme-handler/mailto;")
    assert found["Exec"].endswith("cfmail %u")
    assert all(found[key].endswith(";") for key in ("Categories", "Keywords", "MimeType"))
    if validate := shutil.which("desktop-file-validate"):
        path = tmp_path / "cfmail.desktop"
        path.write_text(ran.out)
        assert not subprocess.run([validate, path], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("path", ["/opt/cfmail", "/home/me and you/bin/cfmail", '/odd "$HOME" `x` \\ 100%/cfmail'])
def test_any_path_is_run(path: str) -> None:
    """A path with blanks and signs that mean something is quoted as the specification says."""
    command, url = read(entry(path))["Exec"].replace("\\\\", "\\").rsplit(" ", 1)
    assert url == "%u"
    done = subprocess.run(["sh", "-c", f"printf %s {command}"], capture_output=True, text=True, check=True)
    assert done.stdout == path.replace("%", "%%")
