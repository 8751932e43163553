"""What helps people to be at home: letters over every field, and what looks at keyboard, machine and tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from tests.bench.row import Row, Sides
from tests.bench.starting import NOTHING
from tests.bench.watched import CFMAIL, LETTER, account, machine, milliseconds, on_screen

SILENCE: Final = 0.2
"""Seconds after which a key's drawing is over."""

ROWS_SENT: Final = 200
TEMPLATE: Final = "---\nFrom: me@acme.example\nTo: {{address}}\nSubject: Hello {{name}}\n---\nDear {{name}}!\n"


@contextmanager
def letters() -> Iterator[Sides]:
    """Ctrl+/ to the last octet of the letters; then back."""
    with machine() as env, on_screen([*CFMAIL, *LETTER], env | account(), "F9") as terminal:

        def sample() -> float:
            taken = terminal.drawn("ctrl+_", SILENCE).milliseconds
            terminal.drawn("f12", SILENCE)
            return taken

        yield Sides(sample)


@contextmanager
def octets_of_letters() -> Iterator[Sides]:
    with machine() as env, on_screen([*CFMAIL, *LETTER], env | account(), "F9") as terminal:
        yield Sides(lambda: terminal.drawn("ctrl+_", SILENCE).octets)


@contextmanager
def command(*arguments: str) -> Iterator[Sides]:
    with machine() as env:
        ours = env | account()
        yield Sides(partial(milliseconds, [*CFMAIL, *arguments], ours), partial(milliseconds, NOTHING, env))


@contextmanager
def mails_of_a_table() -> Iterator[Sides]:
    """Milliseconds a row to look through a table, without its start."""
    with machine() as env:
        folder = Path(env["HOME"])
        (folder / "mail.txt").write_text(TEMPLATE)
        for name, number in (("many.csv", ROWS_SENT), ("one.csv", 1)):
            people = "".join(f"Person {at},p{at}@example.com\n" for at in range(number))
            (folder / name).write_text("name,address\n" + people)

        def looked_through(name: str) -> float:
            files = ["--template", str(folder / "mail.txt"), "--data", str(folder / name)]
            return milliseconds([*CFMAIL, "send", *files, "--dry-run"], env | account())

        yield Sides(lambda: (looked_through("many.csv") - looked_through("one.csv")) / (ROWS_SENT - 1))


ROWS: Final = (
    Row("jump", "Ctrl+/ to letters over every field", "ms", letters, at_most=50),
    Row("jump-octets", "the same", "octets", octets_of_letters, at_most=1500, is_count=True),
    Row("keys", "cfmail keys, where there is no terminal", "ms", partial(command, "keys"), beside="python -c pass"),
    Row("doctor", "cfmail doctor --offline", "ms", partial(command, "doctor", "--offline"), beside="python -c pass"),
    Row("table", f"a row of a table of {ROWS_SENT}, looked through", "ms", mails_of_a_table),
)
