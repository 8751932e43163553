"""Every command in README and docs, and every program in docs/sandbox.md, does what it stands there for.

Each document is followed from its top to its end as a reader would: in an empty home and a folder with the files it
speaks of, with a sandbox in place of Cloudflare. A comment in the line before a block says how it is run:

    <!-- not run: REASON -->             it cannot be run here
    <!-- before: COMMAND -->             what a reader has done already
    <!-- on a terminal: "A" f9 $B -->    on a terminal: "A" is waited for, $B is typed, the rest are keys; it has to end
    <!-- with a keyring -->              beside a keyring that is open

All others are run by bash, and each of their commands has to end with 0.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]

from cfmail_tui.sandbox import Sandbox
from tests.pty_driver import Terminal

ROOT: Final = Path(__file__).parents[1]
DOCUMENTS: Final = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PASSPHRASE: Final = "correct horse battery"
BLOCK: Final = re.compile(
    r"(?:^<!-- (?P<how>[^\n]*) -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)

MESSAGE: Final = "From: Alice Example <alice@acme.example>\nTo: bob@example.com\nSubject: Hello\n{}\nHi Bob!\n"
LATIN_1: Final = MESSAGE.format("MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\n") + "Gr\xfc\xdfe\n"
FILES: Final[Mapping[str, bytes]] = {
    "body.txt": b"Hello,\n\nthe report is attached.\n",
    "notes.md": b"# Notes\n\nAll *figures*.\n",
    "report.pdf": b"%PDF-1.7\n" + bytes(2000),
    "message.eml": MESSAGE.format("").encode(),
    "latin-1.eml": LATIN_1.encode("latin-1"),
    "inbox.mbox": b"From me Mon Nov 23 07:00:00 2026\n%b\n" % MESSAGE.format("").encode() * 2,
}
COMMAND: Final = f"""#!/bin/sh
# A token that would be asked for is typed; where it is piped in, nothing is.
run() {{ {sys.executable} -m cfmail_tui "$@"; }}
case " $* " in *" --token-stdin "*) [ -t 0 ] || {{ printf '%s\\n' "$TOKEN" | run "$@"; exit; }} ;; esac
exec {sys.executable} -m cfmail_tui "$@"
"""


@dataclass(frozen=True, slots=True)
class Block:
    """Commands of a document, and the comment before them."""

    document: Path
    text: str
    how: str

    @property
    def is_run(self) -> bool:
        return not self.how.startswith("not run: ")


def blocks(document: Path, kind: str = "sh") -> list[Block]:
    """The blocks of this kind, in their order."""
    found = BLOCK.finditer(document.read_text("utf-8"))
    return [Block(document, block["text"], block["how"] or "") for block in found if block["kind"] == kind]


WITH_COMMANDS: Final = [document for document in DOCUMENTS if any(block.is_run for block in blocks(document))]


@pytest.fixture
def place(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reader's folder; the commands that they start find the sandbox."""
    folder, programs = tmp_path / "reader", tmp_path / "programs"
    for made in (folder, programs):
        made.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (programs / "cfmail").write_text(COMMAND)
    (programs / "cfmail").chmod(0o755)
    environment = {**sandbox.environment(), "TOKEN": sandbox.token, "PASSPHRASE": PASSPHRASE, "PYTHONPATH": str(ROOT)}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("document", WITH_COMMANDS, ids=lambda path: path.name)
def test_commands_of_a_document(
    document: Path, place: Path, run_with_secret_service: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """What a reader types as it stands there works, one block after another."""
    for number, message in enumerate(blocks(document, "eml")):
        (place / f"example{number or ''}.eml").write_text(message.text)
    for block in blocks(document):
        match block.how.partition(": "):
            case "not run", _, _:
                pass
            case "on a terminal", _, typed:
                follow(block, typed, place)
            case "with a keyring", _, _:
                # The environment comes before any account that is kept.
                filled = script(block, place).replace("\n", "\nunset CLOUDFLARE_API_TOKEN CLOUDFLARE_ACCOUNT_ID\n", 1)
                told(run_with_secret_service("unlocked", ["bash", "-c", f"cd {place}\n{filled}"]), block)
            case "before" | "", _, command:
                lines = ["bash", "-c", f"{command}\n{script(block, place)}"]
                told(subprocess.run(lines, cwd=place, capture_output=True, text=True, check=False, timeout=60), block)
            case how, _, _:
                pytest.fail(f"{document.name}: nobody knows what this means: {how}")


def script(block: Block, folder: Path) -> str:
    """The block with its placeholders filled in, ended by the first command that fails."""
    text = re.sub(r"^export CLOUDFLARE_.*=\.\.\..*\n", "", block.text, flags=re.MULTILINE)
    if re.search(r"\bID\b", text):
        sent = ["cfmail", "send-raw", "message.eml", "--json"]
        attempt = json.loads(subprocess.run(sent, cwd=folder, capture_output=True, check=True).stdout)
        text = re.sub(r"\bID\b", attempt["id"], text)
    return f"set -euo pipefail\n{text}"


def told(ended: subprocess.CompletedProcess[str], block: Block) -> None:
    assert ended.returncode == 0, f"{block.document.name}:\n{block.text}\n{ended.stdout}\n{ended.stderr}"


def follow(block: Block, typed: str, folder: Path) -> None:
    """Run it on a terminal, and do what is typed there."""
    with Terminal(["bash", "-c", script(block, folder)], size=(100, 30), cwd=folder) as terminal:
        for what in re.findall(r'"[^"]+"|\S+', typed):
            if what.startswith('"'):
                terminal.wait_for(what.strip('"'), timeout=60)
            elif what.startswith("$"):
                terminal.send(os.environ[what[1:]])
            else:
                terminal.press(what)
        assert terminal.wait_exit() == 0, terminal.screen()


def not_run() -> Iterator[Block]:
    yield from (block for document in DOCUMENTS for block in blocks(document) if not block.is_run)


def test_what_is_not_run_has_a_reason() -> None:
    """Few commands are not run: those that need what no test has, each with the reason before it."""
    left_out = {(block.document.name, block.how.removeprefix("not run: ")) for block in not_run()}
    assert all(len(reason) > 20 for _, reason in left_out)
    assert {name for name, _ in left_out} == {"README.md", "sendmail.md"}


def test_commands_stand_in_blocks() -> None:
    """A command that stands in a line of its own is in a block that is run, but for what shows an output."""
    for document in DOCUMENTS:
        outside = BLOCK.sub("", document.read_text("utf-8"))
        assert not re.findall(r"^ {4,}cfmail .*", outside, re.MULTILINE), document.name


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
