"""The shape of the code, kept by test: sizes, who may know whom, and habits that have cost others dearly.

A rule is a function from one `Source` to its offences. Each has a test over the whole tree and an offending
snippet of its own, so that a rule which has gone blind is noticed. The layers are import-linter's (pyproject.toml).
"""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = "cfmail_tui"
APP: Final = "cfmail_tui/ui/app.py"

LONGEST: Final = {"class": 400, "function": 60, "module": 600}

HOMES: Final = {
    "httpx": "api",
    "keyring": "credentials",
    "cryptography": "credentials",
    "sqlite3": "store",
    "platformdirs": "settings",
    "textual": "ui",
    "rich": "ui",
    "PIL": "preview",
    "markdown_it": "markdown",
}
PURE: Final = {
    "message",
    "mime",
    "submission",
    "lookup",
    "inspection",
    "profile",
    "retry",
    "lint",
    "markdown",
    "report",
    "searching",
    "snippets",
    "suppressions",
    "address_files",
    "diagnosis",
    "frozen",
}
IMPURE: Final = {*HOMES, "os", "pathlib", "socket", "threading", "asyncio"} - {"markdown_it"}
IMPORTED_ONLY_BY: Final = {
    "api": {"outbox", "cli"},
    "credentials": {"accounts", "cli"},
    "store": {"accounts", "outbox", "cli"},
    "sandbox": {"cli"},
}

# How many `except Exception` a file may hold, with the reason.
BROAD_EXCEPTS: Final = {
    "cfmail_tui/api/upload.py": 1,  # around the caller's `leaving`: whatever it raises, the mail is certainly not sent
    APP: 3,  # the boundary of each worker: shown to the user, since exit_on_error=False hides errors otherwise
    # a defect must neither keep another from being told nor the program from ending; any outside of the loop is told
    "cfmail_tui/ui/endings.py": 3,
    "cfmail_tui/ui/terminal.py": 1,  # around the parser of keys: the keyboard stays
    "cfmail_tui/outbox/__init__.py": 1,  # around the wire call: whatever happens, the attempt gets its one Outcome
}
REVEALERS: Final = {"api", "credentials"}

# In two pieces, so that this file is not its own first offender.
UNFINISHED: Final = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: `path` is relative to the checkout."""

    path: str
    text: str
    tree: ast.Module

    @property
    def in_package(self) -> bool:
        return self.path.startswith(f"{PACKAGE}/")

    @property
    def unit(self) -> str:
        """The module of the layout the file belongs to: 'api' for api.py and for everything under api/."""
        return PurePosixPath(self.path).parts[1].removesuffix(".py") if self.in_package else ""

    @property
    def package(self) -> list[str]:
        """The package that relative imports in this file start from."""
        return list(PurePosixPath(self.path).parts[:-1])


def source(path: str, text: str) -> Source:
    return Source(path, text, ast.parse(text, path))


@cache
def python_files(*folders: str) -> list[Source]:
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return [source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in paths]


def imports(of: Source) -> Iterator[tuple[int, str]]:
    """Every imported name as an absolute dotted path, those that are imported by a call included."""
    for node in ast.walk(of.tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                start = of.package[: len(of.package) - level + 1] if level else []
                base = ".".join([*start, *([module] if module else [])])
                yield from ((node.lineno, f"{base}.{alias.name}") for alias in names)
            case ast.Call(args=[ast.Constant(value=str(name)), *_]) if called(node) in {"import_module", "__import__"}:
                yield node.lineno, name


def called(call: ast.Call) -> str:
    """The last part of the called name: 'patch' for `mock.patch(...)`."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


# The rules: each yields (line, what is wrong).


def too_long(of: Source) -> Iterator[tuple[int, str]]:
    lines = of.text.count("\n")
    if lines > LONGEST["module"]:
        yield 1, f"module of {lines} lines"
    for node in ast.walk(of.tree) if of.in_package else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            kind = "class" if isinstance(node, ast.ClassDef) else "function"
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LONGEST[kind]:
                yield node.lineno, f"{kind} {node.name} of {lines} lines"


def library_outside_its_home(of: Source) -> Iterator[tuple[int, str]]:
    for line, name in imports(of):
        home = HOMES.get(name.partition(".")[0])
        if of.in_package and home and of.unit != home:
            yield line, f"imports {name}, which belongs to {home}"


def impure_core(of: Source) -> Iterator[tuple[int, str]]:
    for line, name in imports(of):
        if of.unit in PURE and name.partition(".")[0] in IMPURE:
            yield line, f"{of.unit} is pure and imports {name}"


def edge_reached_from_elsewhere(of: Source) -> Iterator[tuple[int, str]]:
    for line, name in imports(of):
        package, _, rest = name.partition(".")
        target = rest.partition(".")[0]
        allowed = IMPORTED_ONLY_BY.get(target)
        if of.in_package and package == PACKAGE and allowed and of.unit not in allowed | {target}:
            yield line, f"imports {target}, which only {' and '.join(sorted(allowed))} may"


def unruly_worker(of: Source) -> Iterator[tuple[int, str]]:
    """Workers: only the app's, always threads that are named, shown when they fail, and never cancelled by the next."""
    starters = {"work", "run_worker"}
    if of.in_package and of.path != APP:
        yield from ((line, "imports work") for line, name in imports(of) if name == "textual.work")
    for node in ast.walk(of.tree) if of.in_package else ():
        match node:
            case ast.Attribute(attr="run_worker") | ast.Attribute(ast.Name("textual"), "work") if of.path != APP:
                yield node.lineno, f"starts a worker outside {APP}"
            case ast.Call() if of.path == APP and called(node) in starters:
                yield from ((node.lineno, f"starts a worker {fault}") for fault in worker_faults(node))
            case ast.FunctionDef(decorator_list=found) | ast.AsyncFunctionDef(decorator_list=found):
                bare = (mark for mark in found if isinstance(mark, ast.Name) and mark.id in starters)
                yield from ((mark.lineno, "starts a worker without saying how") for mark in bare)


def worker_faults(call: ast.Call) -> Iterator[str]:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    for name, wanted in {"thread": True, "exit_on_error": False}.items():
        if name not in given or ast.unparse(given[name]) != str(wanted):
            yield f"without {name}={wanted}"
    yield from (f"without {name}=" for name in ("group", "description") if name not in given)
    if "exclusive" in given and ast.unparse(given["exclusive"]) != "False":
        yield "that the next one may cancel"


def broad_except(of: Source) -> Iterator[tuple[int, str]]:
    """Handlers of everything. `contextlib.suppress(Exception)` is one by another name."""
    broad = {"Exception", "BaseException"}
    found = []
    for node in ast.walk(of.tree) if of.in_package else ():
        if isinstance(node, ast.ExceptHandler):
            caught = {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)} if node.type else broad
        elif isinstance(node, ast.Call) and called(node) == "suppress":
            caught = {part.id for part in node.args if isinstance(part, ast.Name)}
        else:
            continue
        if "BaseException" in caught:
            yield node.lineno, "catches BaseException"
        elif "Exception" in caught:
            found.append(node.lineno)
    yield from ((line, "catches Exception") for line in sorted(found)[BROAD_EXCEPTS.get(of.path, 0) :])


def reveal_elsewhere(of: Source) -> Iterator[tuple[int, str]]:
    """A token is unmasked where it meets the wire or the keyring, nowhere else."""
    for node in ast.walk(of.tree):
        match node:
            case ast.Attribute(attr="reveal") if of.in_package and of.unit not in REVEALERS:
                yield node.lineno, "reveals a secret"


def slow_class(of: Source) -> Iterator[tuple[int, str]]:
    """Each takes a millisecond of every start to be made, and `frozen` a tenth of that."""
    for node in ast.walk(of.tree):
        match node:
            case ast.Call(func=ast.Name(id="dataclass"), keywords=given) if of.in_package and of.unit != "sandbox":
                if {keyword.arg for keyword in given} == {"frozen", "slots"}:
                    yield node.lineno, "makes a dataclass that could be frozen"


def missing_promise(of: Source) -> Iterator[tuple[int, str]]:
    for node in ast.walk(of.tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("test_"):
                if not of.in_package and not ast.get_docstring(node):
                    yield node.lineno, f"{name} has no docstring"


def sleeping_test(of: Source) -> Iterator[tuple[int, str]]:
    if of.in_package:
        return
    yield from ((line, "imports sleep") for line, name in imports(of) if name == "time.sleep")
    for node in ast.walk(of.tree):
        match node:
            case ast.Attribute(value=ast.Name(id="time"), attr="sleep"):
                yield node.lineno, "sleeps"


def patch_of_dotted_string(of: Source) -> Iterator[tuple[int, str]]:
    for node in ast.walk(of.tree):
        match node:
            case ast.Call(args=[ast.Constant(value=str(target)), *_]) if "." in target:
                if called(node) in {"setattr", "delattr", "patch"}:
                    yield node.lineno, f"patches {target!r}"


Rule = Callable[[Source], Iterator[tuple[int, str]]]

# Each rule with code that it must object to, and code of the same kind that it must let pass.
RULES: Final[dict[Rule, tuple[list[tuple[str, str]], list[tuple[str, str]]]]] = {
    too_long: (
        [
            ("tests/test_x.py", "pass\n" * 601),
            ("cfmail_tui/api.py", "pass\n" * 601),
            ("cfmail_tui/api.py", "def f():\n" + "    pass\n" * 60),
            ("cfmail_tui/api.py", "class A:\n" + "    pass\n" * 400),
        ],
        [
            ("tests/test_x.py", "def f():\n" + "    pass\n" * 599),
            ("cfmail_tui/api.py", "def f():\n" + "    pass\n" * 59),
        ],
    ),
    library_outside_its_home: (
        [
            ("cfmail_tui/outbox/__init__.py", "import httpx"),
            ("cfmail_tui/cli/composing.py", "def f():\n    from textual.app import App"),
            ("cfmail_tui/ui/app.py", "from keyring import errors"),
            ("cfmail_tui/sandbox/__init__.py", "import importlib\nimportlib.import_module('sqlite3.dbapi2')"),
        ],
        [("cfmail_tui/api.py", "import httpx"), ("cfmail_tui/ui/fields.py", "from rich.text import Text")],
    ),
    impure_core: (
        [
            ("cfmail_tui/mime.py", "import os"),
            ("cfmail_tui/mime/parts.py", "from pathlib import Path"),
            ("cfmail_tui/message.py", "def f():\n    import os.path"),
        ],
        [("cfmail_tui/mime.py", "import email.policy"), ("cfmail_tui/settings.py", "import os")],
    ),
    edge_reached_from_elsewhere: (
        [
            ("cfmail_tui/ui/app.py", "from cfmail_tui import api"),
            ("cfmail_tui/ui/app.py", "from ..store import Journal"),
            ("cfmail_tui/settings.py", "from . import credentials"),
            ("cfmail_tui/outbox/__init__.py", "import cfmail_tui.sandbox"),
        ],
        [
            ("cfmail_tui/outbox/__init__.py", "from cfmail_tui.api import Client"),
            ("cfmail_tui/store/sql.py", "from . import store"),
        ],
    ),
    unruly_worker: (
        [
            ("cfmail_tui/ui/compose.py", "from textual import work"),
            ("cfmail_tui/ui/compose.py", "def f(self):\n    self.run_worker(g)"),
            (APP, "@work\ndef f(self): ..."),
            (APP, "@work(group='send', description='send', exit_on_error=False)\ndef f(self): ..."),
            (APP, "@work(thread=True, description='send', exit_on_error=False)\ndef f(self): ..."),
            (APP, "@work(thread=True, group='send', exit_on_error=False)\ndef f(self): ..."),
            (APP, "@work(thread=True, group='send', description='send')\ndef f(self): ..."),
            (
                APP,
                "@work(thread=True, group='a', description='b', exit_on_error=False, exclusive=True)\ndef f(self): ...",
            ),
            (APP, "def f(self):\n    self.run_worker(g, thread=True)"),
        ],
        [(APP, "@work(thread=True, group='a', description='b', exit_on_error=False)\ndef f(self): ...")],
    ),
    broad_except: (
        [
            ("cfmail_tui/api.py", "try: ...\nexcept Exception: ..."),
            ("cfmail_tui/api.py", "try: ...\nexcept (ValueError, Exception): ..."),
            ("cfmail_tui/api.py", "with contextlib.suppress(Exception): ..."),
            ("cfmail_tui/outbox/__init__.py", "try: ...\nexcept: ..."),
            ("cfmail_tui/outbox/__init__.py", "try: ...\nexcept BaseException: ..."),
            ("cfmail_tui/outbox/__init__.py", "try: ...\nexcept Exception: ...\n" * 2),
        ],
        [
            ("cfmail_tui/outbox/__init__.py", "try: ...\nexcept Exception: ..."),
            ("cfmail_tui/api.py", "try: ...\nexcept ValueError: ..."),
        ],
    ),
    reveal_elsewhere: (
        [
            ("cfmail_tui/outbox/__init__.py", "headers = token.reveal()"),
            ("cfmail_tui/ui/account.py", "f = token.reveal"),
        ],
        [("cfmail_tui/api.py", "headers = token.reveal()")],
    ),
    slow_class: (
        [("cfmail_tui/message/__init__.py", "@dataclass(frozen=True, slots=True)\nclass Draft: ...")],
        [
            ("cfmail_tui/message/__init__.py", "@frozen\nclass Draft: ..."),
            ("cfmail_tui/sandbox/state.py", "@dataclass(frozen=True, slots=True)\nclass Identity: ..."),
            ("cfmail_tui/ui/mail.py", "@dataclass\nclass Edited(Message): ..."),
        ],
    ),
    missing_promise: (
        [
            ("tests/test_x.py", "def test_a(): pass"),
            ("tests/test_x.py", "class TestA:\n    async def test_a(self): pass"),
        ],
        [("tests/test_x.py", "def test_a():\n    'It works.'"), ("tests/test_x.py", "def helper(): pass")],
    ),
    sleeping_test: (
        [("tests/test_x.py", "time.sleep(1)"), ("tests/test_x.py", "from time import sleep")],
        [("tests/test_x.py", "time.monotonic()")],
    ),
    patch_of_dotted_string: (
        [
            ("tests/test_x.py", "monkeypatch.setattr('cfmail_tui.api.Client', None)"),
            ("tests/test_x.py", "mock.patch('cfmail_tui.api.Client')"),
        ],
        [("tests/test_x.py", "monkeypatch.setattr(client, 'base_url', url)")],
    ),
}


def by_name(value: object) -> str | None:
    name: str | None = getattr(value, "__name__", None)
    return name


@pytest.mark.parametrize("rule", RULES, ids=by_name)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    """No file of the package or the tests breaks the rule."""
    offences = [f"{of.path}:{line}: {fault}" for of in python_files(PACKAGE, "tests") for line, fault in rule(of)]
    assert not offences, "\n".join(offences)


@pytest.mark.parametrize(
    ("rule", "path", "text"), [(rule, *snippet) for rule, (bad, _) in RULES.items() for snippet in bad], ids=by_name
)
def test_a_rule_sees_what_breaks_it(rule: Rule, path: str, text: str) -> None:
    """Each rule objects to code that breaks it: no rule has gone blind."""
    assert list(rule(source(path, text)))


@pytest.mark.parametrize(
    ("rule", "path", "text"), [(rule, *snippet) for rule, (_, good) in RULES.items() for snippet in good], ids=by_name
)
def test_a_rule_lets_proper_code_pass(rule: Rule, path: str, text: str) -> None:
    """No rule objects to code of the same kind that keeps it."""
    assert not list(rule(source(path, text)))


def test_nothing_is_left_for_later_in_the_text() -> None:
    """No file holds a mark for unfinished work: it is done, or it is an issue."""
    assert UNFINISHED.search("# " + "TO" + "DO: later")
    folders = [*(ROOT / folder for folder in (PACKAGE, "tests", ".ci")), *ROOT.glob("*.md"), ROOT / "pyproject.toml"]
    files = [path for folder in folders for path in ([folder] if folder.is_file() else folder.rglob("*"))]
    texts = {path: path.read_bytes().decode("utf-8", "replace") for path in files if path.is_file() and is_ours(path)}
    marked = [str(path.relative_to(ROOT)) for path, text in texts.items() if UNFINISHED.search(text)]
    assert not marked


def is_ours(path: Path) -> bool:
    """Written by hand: neither compiled nor a golden message, whose base64 may spell anything."""
    return path.suffix not in {".pyc", ".eml"}


def fresh_interpreter(code: str) -> list[str]:
    """What a new interpreter prints, as JSON, when it runs the code from the checkout."""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    loaded: list[str] = json.loads(ran.stdout)
    return loaded


def test_the_package_itself_imports_nothing() -> None:
    """`import cfmail_tui`, for the version, costs one small file."""
    code = "import json, sys; old = set(sys.modules); import cfmail_tui; print(json.dumps([*set(sys.modules) - old]))"
    assert fresh_interpreter(code) == ["cfmail_tui"]


def test_the_command_line_starts_without_the_heavy_libraries() -> None:
    """Importing the command line loads no user interface, no client, no keyring and no database."""
    loaded = fresh_interpreter("import json, sys; import cfmail_tui.cli; print(json.dumps([*sys.modules]))")
    assert not {"textual", "rich", "httpx", "keyring", "cryptography", "sqlite3"}.intersection(loaded)


def test_the_still_is_painted_before_anything_is_loaded() -> None:
    """What is loaded on the way to the first frame is little, and none of it is slow."""
    ours = "import cfmail_tui.__main__, cfmail_tui.guardian, cfmail_tui.look"
    code = f"import json, sys; {ours}; print(json.dumps([*sys.modules]))"
    bare = "import json, sys; print(json.dumps([*sys.modules]))"
    slow = {"argparse", "asyncio", "ctypes", "dataclasses", "inspect", "pathlib", "re", "shutil", "textual", "typing"}
    loaded = {*fresh_interpreter(code)} - {*fresh_interpreter(bare)}
    assert not slow & loaded
    found = {name for name in loaded if name.startswith("cfmail_tui.")}
    assert found == {f"cfmail_tui.{name}" for name in ("__main__", "guardian", "look", "process", "still")}


def test_the_screens_start_without_what_opening_needs() -> None:
    """The first frame waits for no database, no keyring and no client: the outbox is loaded by a worker."""
    code = "import json, sys; import cfmail_tui.cli.composing, cfmail_tui.ui.app; print(json.dumps([*sys.modules]))"
    loaded = {*fresh_interpreter(code)}
    assert not {"httpx", "keyring", "sqlite3", "cryptography", "email", "importlib.metadata"} & loaded
    assert not {"argparse", "gettext", "html"} & loaded, "the still has read the arguments"
    ours = {name.split(".")[1] for name in loaded if name.startswith("cfmail_tui.")}
    assert ours == {"cli", "example", "frozen", "look", "message", "still", "ui"}


FIRST_SCREEN: Final = {
    *("answers", "app", "bodies", "checked_form", "colours", "commands", "completion", "compose", "difference"),
    *("document", "endings", "fields", "findings", "keyboard", "keyed", "latest", "mail", "painting", "parts"),
    *("results", "rows", "terminal", "typeahead", "work"),
}


def test_the_form_is_there_without_the_other_screens() -> None:
    """Of the screens' modules the first frame loads those of the form; what else there is, a worker loads after it."""
    loaded = fresh_interpreter("import json, sys; import cfmail_tui.ui.app; print(json.dumps([*sys.modules]))")
    assert {name.split(".")[2] for name in loaded if name.startswith("cfmail_tui.ui.")} == FIRST_SCREEN


FIRST_REQUEST = """
import io, json, sys
from cfmail_tui.api import Client
from cfmail_tui.submission import ApiToken
from tests.edge.fault_server import BODY, TOKEN, FarEnd, answering, submission_of

with FarEnd(answering(200, "{}")) as far_end:
    client = Client(far_end.base_url, ApiToken(TOKEN))
    client.get_ready()
    assert not far_end.connections
    old = set(sys.modules)
    client.submit(submission_of(BODY), io.BytesIO(BODY))
    assert far_end.connections
print(json.dumps([*set(sys.modules) - old]))
"""


def test_who_is_ready_to_send_has_nothing_left_to_load() -> None:
    """What a first request needs is loaded while the mail is reviewed: after the key that sends, nothing is."""
    assert fresh_interpreter(FIRST_REQUEST) == []


def test_the_client_comes_without_a_command_line() -> None:
    """Of httpx no more is loaded than requests need, also where what its own command line needs is installed."""
    loaded = fresh_interpreter("import json, sys; import cfmail_tui.api; print(json.dumps([*sys.modules]))")
    assert "httpx" in loaded
    assert not {"click", "rich", "pygments", "textual"}.intersection(loaded)


HELP = """
import atexit, json, sys
sys.argv = ["cfmail", "send", "--help"]
sys.stdout, shown = sys.stderr, sys.stdout
atexit.register(lambda: print(json.dumps([*sys.modules]), file=shown))
from cfmail_tui.__main__ import main
main()
"""


def test_help_is_shown_with_hardly_anything_loaded() -> None:
    """The help of a verb needs its parser, and nothing of what the verb does."""
    loaded = {*fresh_interpreter(HELP)}
    assert not {"typing", "dataclasses", "inspect", "shutil", "asyncio", "ctypes"} & loaded
    ours = {name for name in loaded if name.startswith("cfmail_tui.")}
    assert ours == {f"cfmail_tui.{name}" for name in ("__main__", "still", "cli", "cli.arguments", "cli.output")}
