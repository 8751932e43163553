"""The documents say what the program does: what can be checked against the code is."""

import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cfmail_tui import cli, report, settings
from cfmail_tui.cli.signals import HEARD
from cfmail_tui.searching import PLACES as PLACES_OF_WORDS
from cfmail_tui.searching import STATUSES, parse
from cfmail_tui.ui import crash
from cfmail_tui.ui.commands import COMMANDS, key_names
from tests.man_page import PAGE, man_page

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()

PLACES = {
    "everywhere": "everywhere",
    "composer": "form and raw editor",
    "form": "form",
    "raw": "raw editor",
    "raw-panes": "raw editor, parts and findings",
    "leaving": "form and raw editor, while a mail is about to leave",
    "findings": "list of findings",
    "completion": "recipients, while known ones are listed",
    "proof": "preview",
    "review": "review",
    "review-draft": "review of a draft",
    "review-form": "review of a form",
    "list": "lists",
    "history": "history",
    "unknown": "history, of an unknown outcome or queued recipients",
    "chart": "chart",
    "drafts": "drafts",
    "picker": "attach and open screens",
    "marks": "attach screen",
    "attached": "attach screen, of what is attached",
    "accounts": "accounts",
    "outcome": "outcome",
    "snippet": "text to copy",
    "dialog": "dialogs, lists",
}


def keys_table() -> str:
    """The README's table of keys, from the one table of commands."""
    rows = [
        f"| {key_names(command)} | {PLACES[command.where]} | {command.help} |" for command in COMMANDS if command.keys
    ]
    return "\n".join(["| key | where | what it does |", "|---|---|---|", *rows])


def test_keys_are_those_of_the_program() -> None:
    """The README's table of keys is the one the bindings are made from."""
    written = re.search(r"<!-- keys:.*?-->\n(.*?)\n<!-- /keys -->", README, re.DOTALL)
    assert written
    assert written[1] == keys_table()


def test_exit_codes_are_those_of_the_program() -> None:
    """The README lists every exit code the program has, and no other."""
    table = re.search(r"\| exit code \| meaning \|\n\|---\|---\|\n((?:\|.*\n)+)", README)
    assert table
    written = {int(code) for code in re.findall(r"^\| (\d+) \|", table[1], re.MULTILINE)}
    codes = (cli.DONE, cli.USAGE, cli.UNSENDABLE, cli.NO_INPUT, cli.NOT_SENT, cli.NO_CREDENTIALS, cli.INTERRUPTED)
    by_signal = {128 + number for number in HEARD}
    assert written == {
        *codes,
        *by_signal,
        report.ACCEPTED,
        report.PARTLY,
        report.REFUSED,
        report.NOT_SENT,
        report.UNKNOWN,
        crash.EXIT_CODE,
    }


@pytest.mark.parametrize("verb", [verb for verb in cli.all_verbs() if verb])
def test_verbs_are_described(verb: str) -> None:
    """Every verb of the command line is in the README."""
    assert f"cfmail {verb}" in README


@pytest.mark.parametrize("flag", ["--dry-run", "--json", "--sandbox", "--markdown", "--attach", "--csv", "--eml"])
def test_flags_in_the_readme_exist(flag: str) -> None:
    """A flag the README speaks of is one that some verb takes."""
    assert flag in README
    assert any(flag in parser().format_help() for parser, _ in cli.all_verbs().values())


def test_every_shell_flag_is_known() -> None:
    """The cfmail commands in the README's examples parse."""
    examples = re.findall(
        r"^(?:\.venv/bin/)?cfmail (send-raw|send|lint|history|account|sandbox|demo)(?= |$)(.*)$", README, re.MULTILINE
    )
    assert len(examples) >= 6
    for verb, rest in examples:
        cli.all_verbs()[verb][0]().parse_args(shlex.split(rest.partition(" < ")[0]))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(((?!http)[^)]+)\)", README + CONTRIBUTING))))
def test_links_lead_somewhere(path: str) -> None:
    """What README and CONTRIBUTING link to in this project is there."""
    assert (ROOT / path).exists()


def test_contributing_names_every_module() -> None:
    """The layout in CONTRIBUTING is the one that is there."""
    modules = {path.stem for path in (ROOT / "cfmail_tui").iterdir() if path.suffix == ".py" or path.is_dir()}
    written = set(re.findall(r"^\| `(\w+)` \|", CONTRIBUTING, re.MULTILINE))
    assert modules - {"__init__", "__main__", "__pycache__"} == written


def test_the_manual_page_is_current() -> None:
    """`python -m tests.man_page` would change nothing."""
    assert PAGE.read_text("utf-8") == man_page()


def test_documents_speak_of_the_project_alone() -> None:
    """No file of the project names a folder of the machine it was written on."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    forbidden = re.compile(r"/work/|/root/")
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".tcss", ""} and path != Path(__file__):
            assert not forbidden.search(path.read_text(errors="replace")), name


def test_version_is_in_the_changelog_or_unreleased() -> None:
    """The changelog has a place for what is being built."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    shown = subprocess.run(
        [sys.executable, "-m", "cfmail_tui", "--version"], capture_output=True, text=True, check=True
    )
    version = shown.stdout.split()[1]
    assert "## [Unreleased]" in changelog or f"## [{version}]" in changelog


HISTORY = (ROOT / "docs" / "history.md").read_text()


@pytest.mark.parametrize("key", [*PLACES_OF_WORDS, "status", "after", "before"])
def test_keys_of_the_search_are_described(key: str) -> None:
    """Every key of the search language stands in its table, and in the help of the command."""
    assert re.search(rf"^\| [^|]*`{key}:", HISTORY, re.MULTILINE)
    assert f"{key}:" in cli.arguments.history_parser().format_help()


def test_statuses_are_described() -> None:
    """Every status a search can ask for is named."""
    (told,) = re.findall(r"^`status:` is (.*?)\n\n", HISTORY, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`(\w+)`", told)) == set(STATUSES)


@pytest.mark.parametrize("setting", settings._KEYS)
def test_settings_are_described(setting: str) -> None:
    """Every setting is in the README."""
    assert re.search(rf"^(?:{setting} = |\[{setting}\])", README, re.MULTILINE)


def test_examples_of_a_search_are_understood() -> None:
    """What the document shows to be typed is understood, all of it."""
    table = HISTORY.partition("| typed |")[2].partition("\n\n")[0]
    typed = [
        query
        for line in table.splitlines()
        for query in re.findall(r"`([^`]+)`", line.split("|")[1] if "|" in line else "")
    ]
    assert len(typed) > 15
    assert not [query for query in typed if parse(query, datetime(2026, 3, 1, tzinfo=UTC)).mistakes]
