"""The still without a terminal: which arguments it is for, and what of them it paints."""

import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui.cli.arguments import compose_parser
from cfmail_tui.cli.drafts import described
from cfmail_tui.look import ROLES
from cfmail_tui.still import form_of, frame
from tests.emulator import Emulator

ENVIRON: Final = {"TERM": "xterm-256color"}
CONTROL: Final = re.compile(r"\x1b\[\??[0-9;]*[A-Za-z]")

flags = st.sampled_from(
    ["--from", "--to", "--cc", "--bcc", "--subject", "--account", "--sandbox", "--attach", "--help", "-", "x.eml", "--"]
)
values = st.text(st.characters(exclude_characters="\0"), max_size=8) | flags
arguments = st.lists(flags | values | st.builds("{}={}".format, flags, values), max_size=6)


@given(arguments)
def test_what_is_painted_is_what_the_arguments_say(given_arguments: list[str]) -> None:
    """Where there is a still, the command line takes the same arguments, and describes the same mail by them."""
    read = form_of(given_arguments)
    if read is None:
        return
    form, account, sandbox = read
    args = compose_parser().parse_args(given_arguments)
    assert (account, sandbox, args.file, args.raw, args.message) == (args.account, args.sandbox, "", False, None)
    draft = described(args).draft
    shown = {name: text for name, text in form.items() if text}
    assert shown == {
        name: text for name in ("sender", "to", "cc", "bcc", "subject", "text") if (text := getattr(draft, name))
    }


@pytest.mark.parametrize(
    ("given_arguments", "read"),
    [
        ([], ({}, "", False)),
        (["--sandbox"], ({}, "", True)),
        (["--account", "work"], ({}, "work", False)),
        (["--to", "a@b.c", "--to=d@e.f", "--subject", "x=y"], ({"to": "a@b.c, d@e.f", "subject": "x=y"}, "", False)),
        (["send"], None),
        (["--json"], None),
        (["--to"], None),
        (["--to", "-x"], None),
        (["--account", "work", "--sandbox"], None),
        (["mailto:a@b.c"], None),
    ],
)
def test_the_arguments_of_a_still(given_arguments: list[str], read: tuple[dict[str, str], str, bool] | None) -> None:
    """It is for flags that fill in the form, and for nothing that may end elsewhere."""
    assert form_of(given_arguments) == read


@given(st.text(), st.text(), st.sampled_from(["xterm", "screen", "xterm-kitty"]))
def test_what_a_value_does_to_the_terminal(subject: str, to: str, name: str) -> None:
    """Nothing of a value is obeyed by the terminal, and none leaves its line."""
    environ = {"TERM": name}
    form = {"sender": "me", "to": f"x{to}", "subject": f"x{subject}"}
    painted = frame(form, (80, 24), environ, ROLES)
    assert CONTROL.sub("", painted).isprintable()
    filled, plain = Emulator(80, 24), Emulator(80, 24)
    filled.feed(painted)
    plain.feed(frame({"sender": "me", "to": "x", "subject": "x"}, (80, 24), environ, ROLES))
    for y in {*range(24)} - {2, 3}:
        assert filled.row(y) == plain.row(y)


@pytest.mark.parametrize("size", [(44, 10), (79, 24), (80, 24), (200, 60)])
def test_every_cell_is_painted(size: tuple[int, int]) -> None:
    """Nothing of what the terminal showed before shines through, not even its background."""
    screen = Emulator(*size)
    screen.feed(frame({}, size, ENVIRON, ROLES))
    assert all(cell.bg != "default" or cell.reverse for y in range(size[1]) for cell in screen.row(y))
