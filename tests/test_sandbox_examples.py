"""The examples in docs/sandbox.md are programs: they are run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]

from tests.test_document_commands import ROOT, blocks
from tests.test_document_commands import place  # noqa: F401 - a fixture

SANDBOX: Final = ROOT / "docs" / "sandbox.md"
WORKFLOWS: Final[list[dict[Any, Any]]] = [yaml.safe_load(block.text) for block in blocks(SANDBOX, "yaml")]


def run(command: str, folder: Path) -> str:
    """What bash says, as a step of a job runs it. Whatever it has started ends with it."""
    argv = ["bash", "-e", "-c", f"trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{command}"]
    ended = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=100)
    assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@pytest.mark.slow
def test_the_example_for_pytest(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fixture starts the sandbox, the tests send to it, find what they sent and pass."""
    for variable in [name for name in os.environ if name.startswith("CLOUDFLARE_")]:
        monkeypatch.delenv(variable)
    files = {re.match(r"# (\S+)\n", block.text): block.text for block in blocks(SANDBOX, "python")}
    for name, text in files.items():
        assert name
        (place / name[1]).write_text(text)
    said = run(f"{sys.executable} -m pytest -q -p no:cacheprovider", place)
    assert re.search(r"^3 passed", said, re.MULTILINE)


def test_workflows_are_workflows() -> None:
    """Each has a job on a runner, whose steps either use an action of a version or run a named command."""
    assert len(WORKFLOWS) == 2
    for workflow in WORKFLOWS:
        # To YAML 1.1 the key `on` is a truth value.
        assert workflow[True] == ["push"]
        for job in workflow["jobs"].values():
            assert job["runs-on"] == "ubuntu-latest"
            for step in job["steps"]:
                assert ("run" in step and step["name"]) or re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"])


@pytest.mark.slow
def test_the_steps_of_the_workflow(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What starts the sandbox for the steps that follow does, and what they send arrives there."""
    steps = WORKFLOWS[1]["jobs"]["mail"]["steps"]
    named = {step.get("name"): step.get("run") for step in steps}
    start, send = named["Start the sandbox"], named["Send"]
    monkeypatch.setenv("GITHUB_ENV", str(place / "variables"))
    asking = "import os, urllib.request; print(urllib.request.urlopen(os.environ['WINDOW']).read())"
    asked = f'WINDOW="${{CLOUDFLARE_BASE_URL%/client/v4}}/sandbox/messages" {sys.executable} -c "{asking}"'
    said = run(f'{start}\nset -a\n. "$GITHUB_ENV"\n{send}\n{asked}', place)
    assert "ci@acme.example" in said
