"""The documents say what the program does: what can be checked against the code is."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.theme import BUILTIN_THEMES

from cfmail_tui import cli, report, settings
from cfmail_tui.cli.signals import HEARD
from cfmail_tui.searching import PLACES as PLACES_OF_WORDS
from cfmail_tui.searching import STATUSES, parse
from cfmail_tui.settings import Settings
from cfmail_tui.settings.keys import KEYS, THEMES, Key
from cfmail_tui.ui import crash, keymaps
from cfmail_tui.ui.commands import COMMANDS, PLACE_NAMES, Keymap, key_names
from tests import layers
from tests.man_page import PAGE, man_page
from tests.options import DOCUMENT, written

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
KEYS_PAGE = (ROOT / "docs" / "keys.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
HISTORY = (ROOT / "docs" / "history.md").read_text()
COMMAND_LINE = DOCUMENT.read_text("utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def function_keys() -> str:
    """The README's function keys, from the one table of commands."""
    in_the_form = [command for command in COMMANDS if command.where in {"everywhere", "composer", "form"}]
    keys = {command.keys.partition(",")[0]: command for command in in_the_form}
    shown = [f"F{number} {keys[f'f{number}'].label}" for number in range(1, 13) if f"f{number}" in keys]
    return " · ".join(shown)


def test_function_keys_are_those_of_the_program() -> None:
    """The README names what each function key does in the form."""
    written = re.search(r"<!-- keys:.*?-->\n(.*?)\n<!-- /keys -->", README, re.DOTALL)
    assert written
    assert written[1] == function_keys()


def ids_table() -> str:
    """All commands by their ids, of docs/keys.md."""
    rows = [
        f"| `{command.id}` | {key_names(command)} | {PLACE_NAMES[command.where]} | {command.help} |"
        for command in COMMANDS
    ]
    return "\n".join(["| id | keys | where | what it does |", "|---|---|---|---|", *rows])


def maps_table() -> str:
    """Where the maps that ship differ, of docs/keys.md."""
    names = [name for name in keymaps.MAPS if name != "default"]
    maps = [keymaps.resolved(name, ()) for name in names]
    rows = [
        f"| `{command.id}` | {' | '.join(keymap.names(command) for keymap in (Keymap(), *maps))} |"
        for command in COMMANDS
        if any(command.id in keymap.keys for keymap in maps)
    ]
    head = f"| command | default | {' | '.join(names)} |"
    return "\n".join([head, "|---" * (len(names) + 2) + "|", *rows])


@pytest.mark.parametrize(("name", "table"), [("ids", ids_table), ("maps", maps_table)])
def test_the_tables_of_keys_are_current(name: str, table: Callable[[], str]) -> None:
    """Those of docs/keys.md are made from the commands and the maps."""
    written = re.search(rf"<!-- {name}:.*?-->\n(.*?)\n?<!-- /{name} -->", KEYS_PAGE, re.DOTALL)
    assert written
    assert written[1] == table()


def test_the_keymap_in_the_documents(tmp_path: Path) -> None:
    """What docs/keys.md shows to be written in `config.toml` is understood, all of it."""
    (example,) = re.findall(r"```toml\n(.*?)```", KEYS_PAGE, re.DOTALL)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text(example)
    read = settings.read({"CFMAIL_HOME": str(tmp_path)})
    assert not (*read.notices, *keymaps.chosen(read).notices)


def test_exit_codes_are_those_of_the_program() -> None:
    """The document lists every exit code the program has, and no other; the README speaks of none that is not."""
    table = re.search(r"\| exit code \| meaning \|\n\|---\|---\|\n((?:\|.*\n)+)", COMMAND_LINE)
    assert table
    described = {int(code) for code in re.findall(r"^\| (\d+) \|", table[1], re.MULTILINE)}
    codes = (cli.DONE, cli.USAGE, cli.UNSENDABLE, cli.NO_INPUT, cli.NOT_SENT, cli.NO_CREDENTIALS, cli.INTERRUPTED)
    by_signal = {128 + number for number in HEARD}
    spoken_of = re.search(r"The exit code says .*?\.", README, re.DOTALL)
    assert spoken_of
    assert {int(code) for code in re.findall(r"\b\d+\b", spoken_of[0])} <= described
    assert described == {
        *codes,
        *by_signal,
        report.ACCEPTED,
        report.PARTLY,
        report.REFUSED,
        report.NOT_SENT,
        report.UNKNOWN,
        crash.EXIT_CODE,
    }


def test_options_are_those_of_the_program() -> None:
    """`python -m tests.options` would change nothing: every verb and option is described."""
    assert written() == COMMAND_LINE


@pytest.mark.parametrize("module", ["report.py", "cli/inspected.py", "cli/lint.py"])
def test_keys_of_json_are_described(module: str) -> None:
    """Every key of the JSON made of a mail, a message and a check of an account is in the documents."""
    prose = re.sub(r"```.*?```", "", COMMAND_LINE + HISTORY, flags=re.DOTALL)
    described = set(re.findall(r"`(\w+)`", prose))
    tree = ast.parse((ROOT / "cfmail_tui" / module).read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    keys = [key for made in functions for node in ast.walk(made) if isinstance(node, ast.Dict) for key in node.keys]
    made = {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    assert made
    assert not made - described


def headings(path: Path) -> set[str]:
    """What a link can lead to within a document."""
    titles = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    """What a document links to in this project is there, and so is the heading."""
    for link in re.findall(r"\]\(((?!http)[^):]+)\)", document.read_text("utf-8")):
        name, _, heading = link.partition("#")
        path = document.parent / name if name else document
        assert path.exists(), link
        assert not heading or heading in headings(path), link


def test_every_document_is_linked() -> None:
    """Whatever is in docs/ can be found from the README."""
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= set(re.findall(r"\(docs/([\w-]+\.md)[)#]", README))


def test_contributing_names_every_module() -> None:
    """The layout in CONTRIBUTING is the one that is there."""
    modules = {path.stem for path in (ROOT / "cfmail_tui").iterdir() if path.suffix == ".py" or path.is_dir()}
    written = set(re.findall(r"^\| `(\w+)` \|", CONTRIBUTING, re.MULTILINE))
    assert modules - {"__init__", "__main__", "__pycache__"} == written


def test_the_picture_of_the_layers_is_current() -> None:
    """`python -m tests.layers` would change nothing."""
    assert layers.written() == CONTRIBUTING


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


@pytest.mark.parametrize("key", [*PLACES_OF_WORDS, "status", "after", "before"])
def test_keys_of_the_search_are_described(key: str) -> None:
    """Every key of the search language stands in its table, and in the help of the command."""
    assert re.search(rf"^\| [^|]*`{key}:", HISTORY, re.MULTILINE)
    assert f"{key}:" in cli.arguments.history_parser().format_help()


def test_statuses_are_described() -> None:
    """Every status a search can ask for is named."""
    (told,) = re.findall(r"^`status:` is (.*?)\n\n", HISTORY, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`(\w+)`", told)) == set(STATUSES)


SETTINGS = (ROOT / "docs" / "settings.md").read_text()


def settings_table() -> str:
    """The table of docs/settings.md, from the one table of keys and the defaults of the settings."""
    defaults = {field.name: field for field in fields(Settings)}

    def default(key: Key) -> str:
        value = defaults[key.name].default
        return key.otherwise or json.dumps(int(value) if isinstance(value, float) else value)

    rows = [
        f"| `{key.name}` | {key.kind} | {default(key)} | {key.unit or '—'} | {key.words} |" for key in KEYS.values()
    ]
    return "\n".join(["| key | type | default | unit | what it is |", "|---|---|---|---|---|", *rows])


def test_settings_are_those_of_the_program() -> None:
    """The table of settings is the one the file is read by, and every theme that can be named is named."""
    written = re.search(r"<!-- settings:.*?-->\n(.*?)\n<!-- /settings -->", SETTINGS, re.DOTALL)
    assert written
    assert written[1] == settings_table()
    named = re.search(r"<!-- themes -->\n(.*?)\n<!-- /themes -->", SETTINGS, re.DOTALL)
    assert named
    assert set(re.findall(r"`([\w-]+)`", named[1])) == set(THEMES) == set(BUILTIN_THEMES)


def test_the_example_of_settings_is_understood(new_machine: Path) -> None:
    """What the documents show as a file can be one."""
    path = new_machine / "cfmail" / "config" / "config.toml"
    for text in (document.read_text("utf-8") for document in DOCUMENTS):
        for example in re.findall(r"```toml\n(.*?)```", text, re.DOTALL):
            path.write_text(example)
            assert not settings.read(os.environ).notices


NO_VARIABLES = {"TARGETS", "PC_VDISABLE", "BMP", "GIF", "JPEG", "PNG", "WEBP", "PIL"}
NO_VARIABLES |= {"TEXTUAL", "TEXTUAL_DEBUG", "TEXTUAL_LOG"}
"""What looks like the name of one where the environment is read, and is none, or not read."""


def variables_read() -> set[str]:
    """The names of variables in the modules that know of an environment; the sandbox only tells what others read."""
    found = set()
    for path in (ROOT / "cfmail_tui").rglob("*.py"):
        text = path.read_text("utf-8")
        if "environ" not in text or "sandbox" in path.parts:
            continue
        tree = ast.parse(text)
        others = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and "__all__" in ast.dump(node)]
        others += [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "metavar"]
        exported = {id(node) for value in others for node in ast.walk(value)}
        constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in exported]
        names = {node.value for node in constants if isinstance(node.value, str)}
        found |= {name.upper() for name in names if re.fullmatch(r"(?=...)[A-Z]{2,}(?:_[A-Z]+)*|[a-z]+_proxy", name)}
    return found - NO_VARIABLES


def test_variables_are_those_of_the_program() -> None:
    """Every variable of the environment that is read is described, and no other."""
    table = SETTINGS.partition("| variable | meaning |")[2].partition("\n\n")[0]
    described = {name for row in table.splitlines() for name in re.findall(r"`([A-Z_]{3,})`", row.partition(" | ")[0])}
    assert described - {"XDG_CONFIG_HOME"} == variables_read()


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
