"""Every supported Python that is there runs the program."""

import os
import pwd
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Final

import pytest

from tests.pythons import VERSIONS, others

ROOT: Final = Path(__file__).parents[1]
IMPORTING: Final = """
import importlib, pkgutil, cfmail_tui
for module in pkgutil.walk_packages(cfmail_tui.__path__, "cfmail_tui."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
SENDING: Final = ("send", "--sandbox", "--from", "me@acme.example", "--to", "bob@example.com", "--subject", "Hi", "-")


@pytest.mark.slow
def test_other_pythons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each imports every module without a warning, and sends a mail.

    With the packages of the test's own Python: the few that are compiled are not needed for that.
    """
    monkeypatch.setenv("PYENV_ROOT", os.environ.get("PYENV_ROOT", f"{pwd.getpwuid(os.getuid()).pw_dir}/.pyenv"))
    found = others()
    if not found:
        pytest.skip("there is no other Python that cfmail is for")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{sysconfig.get_path('purelib')}")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))  # not beside sources that others share
    for path in found.values():
        for argv in ([path, "-W", "error", "-c", IMPORTING], [path, "-m", "cfmail_tui", *SENDING]):
            ended = subprocess.run(argv, input="Hi", capture_output=True, text=True, check=False)
            assert ended.returncode == 0, f"{path}\n{ended.stderr}"


def test_versions_are_those_of_the_project() -> None:
    """What is tested with is what the package says it is for."""
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert tuple(re.findall(r"Python :: (3\.\d+)", project)) == VERSIONS
    assert f'requires-python = ">={VERSIONS[0]}"' in project
