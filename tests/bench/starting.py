"""From the shell's prompt to the first key, and what is loaded on the way."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.bench.row import Row, Sides
from tests.bench.watched import CFMAIL, LETTER, Watched, account, machine, milliseconds

NOTHING: Final = (sys.executable, "-c", "pass")
TEXTUAL: Final = (sys.executable, "-c", "import textual.app")
NEOMUTT: Final = ("neomutt", "-n", "-F", os.devnull, "-e", "set folder=/nonexistent", "-f", os.devnull)
BARE: Final = (sys.executable, "-m", "tests.bench.bare")
UNWANTED: Final = ("textual", "httpx", "keyring", "secretstorage", "cryptography", "sqlite3")
"""What no command waits for that does not need it; the composer's first frame waits for the first of them only."""

# Both print what is loaded as JSON: after the help, and where the first frame stands and the rest is to be loaded.
AFTER_HELP: Final = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps([*sys.modules]), file=sys.stderr))
from cfmail_tui.cli import main
sys.exit(main(["--help"]))
"""
AT_FIRST_FRAME: Final = """
import json, sys
from pathlib import Path
from cfmail_tui.cli import main
from cfmail_tui.ui.app import CfmailApp
told = Path(sys.argv.pop(1))
CfmailApp.open_outbox = lambda *_: told.write_text(json.dumps([*sys.modules]))
sys.exit(main())
"""


def painted(argv: Sequence[str], env: Mapping[str, str], marker: str) -> float:
    """Milliseconds until the marker, which is the last to be painted, is on the screen."""
    with Watched(argv, env) as terminal:
        terminal.wait_for(marker)
        return terminal.age()


def ready(argv: Sequence[str], env: Mapping[str, str], marker: str) -> float:
    """Milliseconds until a key that was pressed on the first frame is on the screen."""
    with Watched(argv, env) as terminal:
        terminal.wait_for(marker)
        terminal.forget()
        terminal.send("Z")
        terminal.wait_for("Z")
        return terminal.age()


@contextmanager
def composer() -> Iterator[Sides]:
    with machine() as env:
        ours = env | account()
        yield Sides(lambda: ready([*CFMAIL, *LETTER], ours, "F9"), lambda: ready(BARE, env, "Subject"))


@contextmanager
def first_frame() -> Iterator[Sides]:
    with machine() as env:
        ours = env | account()
        yield Sides(lambda: painted([*CFMAIL, *LETTER], ours, "F9 Send"), lambda: milliseconds(NOTHING, env))


@contextmanager
def first_frame_beside_neomutt() -> Iterator[Sides]:
    with machine() as env:
        ours = env | account()
        has_it = shutil.which(NEOMUTT[0], path=env["PATH"]) is not None
        yield Sides(
            lambda: painted([*CFMAIL, *LETTER], ours, "F9 Send"),
            (lambda: painted(NEOMUTT, env, "Help")) if has_it else None,
            "" if has_it else "there is no neomutt here",
        )


@contextmanager
def composer_beside_import() -> Iterator[Sides]:
    with machine() as env:
        ours = env | account()
        yield Sides(lambda: ready([*CFMAIL, *LETTER], ours, "F9"), lambda: milliseconds(TEXTUAL, env))


@contextmanager
def help_text() -> Iterator[Sides]:
    with machine() as env:
        yield Sides(lambda: milliseconds([*CFMAIL, "--help"], env), lambda: milliseconds(NOTHING, env))


@contextmanager
def modules_of_help() -> Iterator[Sides]:
    with machine() as env:
        argv = [sys.executable, "-c", AFTER_HELP]
        ran = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
        yield unwanted(json.loads(ran.stderr), UNWANTED)


@contextmanager
def modules_of_composer() -> Iterator[Sides]:
    with machine() as env:
        told = Path(env["HOME"], "modules.json")
        with Watched([sys.executable, "-c", AT_FIRST_FRAME, str(told), *LETTER], env | account()) as terminal:
            terminal.wait_for(
                lambda _text: told.exists() and told.read_text().endswith("]"), name="the list of modules"
            )
        yield unwanted(json.loads(told.read_text()), UNWANTED[1:])


def unwanted(loaded: Sequence[str], names: Sequence[str]) -> Sides:
    """How many of these are loaded; the note names them."""
    found = [name for name in names if name in loaded]
    words = ", ".join(found) if found else f"none of {', '.join(names)}"
    return Sides(lambda: len(found), note=f"{words}; {len(loaded)} modules in all")


ROWS: Final = (
    Row(
        "still",
        "start to the first frame",
        "ms",
        first_frame,
        beside="python -c pass",
        # Where neomutt stands, measured beside it: 28.1 to 14.4 ms.
        at_most_times=1.95,
    ),
    Row(
        "still-neomutt",
        "the same",
        "ms",
        first_frame_beside_neomutt,
        beside="neomutt with an empty mailbox",
        at_most_times=1,
    ),
    Row(
        "composer-import",
        "start to a key pressed on the first frame being on the screen",
        "ms",
        composer_beside_import,
        beside="python -c 'import textual.app'",
        at_most_times=1.35,
    ),
    Row(
        "composer",
        "start to a key pressed on the first frame being on the screen",
        "ms",
        composer,
        beside="a Textual screen with an Input and a TextArea",
        at_most_times=1.25,
    ),
    Row("help", "cfmail --help", "ms", help_text, beside="python -c pass", at_most_times=2.5),
    Row("modules-help", "what the help loads without need", "loaded", modules_of_help, at_most=0, is_count=True),
    Row(
        "modules-composer",
        "what is loaded too early, by the first frame",
        "loaded",
        modules_of_composer,
        at_most=0,
        is_count=True,
    ),
)
