"""`kill -9` at any moment of typing costs the last two seconds of it, and nothing that was left for another place."""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.message import Draft, RawDraft
from tests.e2e.conftest import Cloudflare
from tests.edge.fault_server import PATIENCE
from tests.pty_driver import Terminal
from tests.ui.stage import drafts

Start = Callable[..., Terminal]

LETTER: Final = ("--from", "me@acme.example", "--to", "bob@example.com", "--subject", "Hello")
LOST_AT_MOST: Final = 2.0
"""Seconds of typing."""


def of_form(content: Draft | RawDraft) -> Draft:
    assert isinstance(content, Draft)
    return content


def source(content: Draft | RawDraft) -> str:
    return content.source.decode() if isinstance(content, RawDraft) else ""


def stay(_terminal: Terminal) -> None:
    """The cursor is there from the start."""


def to_headers(terminal: Terminal) -> None:
    terminal.press("f6")
    terminal.wait_for("Headers")
    terminal.press("tab", "tab", "tab", "tab")


def to_another_text(key: str) -> Callable[[Terminal], None]:
    """By a key that shows another text in the place of the first."""

    def go(terminal: Terminal) -> None:
        terminal.send("before")
        terminal.wait_for("before")
        terminal.press(key)
        terminal.wait_gone("before")

    return go


def to_markdown(terminal: Terminal) -> None:
    terminal.press("f10", "f10")
    terminal.wait_for("are made of it")


def to_raw(terminal: Terminal) -> None:
    """To the MIME that the form makes."""
    terminal.press("ctrl+t")
    terminal.wait_for("Raw message")


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to type into: how to come there, and its content in a draft."""

    name: str
    go: Callable[[Terminal], None]
    text: Callable[[Draft | RawDraft], str]
    arguments: tuple[str, ...] = LETTER


PLACES: Final = (
    Place("text", stay, lambda content: of_form(content).text),
    Place("html", to_another_text("f10"), lambda content: of_form(content).html),
    Place("markdown", to_markdown, lambda content: of_form(content).markdown),
    Place("subject", stay, lambda content: of_form(content).subject, LETTER[:4]),
    Place("headers", to_headers, lambda content: of_form(content).headers),
    Place("raw", to_raw, source),
)


def typed_until_killed(terminal: Terminal, chance: random.Random) -> list[str]:
    """Words are typed for some seconds, then everything is killed; gives those that have to be there."""
    end = time.monotonic() + chance.uniform(LOST_AT_MOST, 1.5 * LOST_AT_MOST)
    seen: list[tuple[float, str]] = []
    while time.monotonic() < end:
        word = f"w{len(seen)}x"
        terminal.send(f"{word} ")
        terminal.wait_for(word)
        seen.append((time.monotonic(), word))
    killed = time.monotonic()
    os.killpg(terminal.pid, signal.SIGKILL)
    terminal.wait_exit()
    return [word for when, word in seen if when < killed - LOST_AT_MOST]


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_what_was_typed_two_seconds_ago(start: Start, place: Place) -> None:
    """After a kill of all its processes the draft has every word that was seen two seconds before."""
    terminal = start(*place.arguments)
    place.go(terminal)
    words = typed_until_killed(terminal, random.Random(place.name))
    found = [place.text(content) for content in drafts()]
    assert any(all(word in text.split() for word in words) for text in found), (words, found)


@pytest.mark.slow
def test_while_another_mail_is_uploaded(start: Start, cloudflare: Cloudflare, tmp_path: Path) -> None:
    """A large mail that is leaving meanwhile changes nothing of it: both drafts are there after the kill."""
    (tmp_path / "large.bin").write_bytes(random.Random(1).randbytes(3_000_000))
    terminal = start(*LETTER, "--attach", str(tmp_path / "large.bin"))
    terminal.send("the text")
    terminal.wait_for("the text")
    terminal.press("f9")
    terminal.wait_for("nothing has left yet")
    terminal.press("y")
    terminal.wait_gone("nothing has left yet")
    assert cloudflare.came.wait(PATIENCE)
    terminal.press("ctrl+n")
    terminal.wait_gone("large.bin")
    terminal.send("bob@example.com\tSecond\t")
    words = typed_until_killed(terminal, random.Random(1))
    cloudflare.go_on()
    second, first = map(of_form, drafts())
    assert first.subject == "Hello"
    assert second.subject == "Second"
    assert {*words} <= {*second.text.split()}
    assert cloudflare.mails == 0


# The program with a timer for saving that does not ring: what is saved is saved for another reason.
UNTIMED: Final = (
    "import sys; from cfmail_tui.ui import mail; mail.SAVE_AFTER = 600.0\n"
    "from cfmail_tui.cli import main; sys.exit(main())"
)


@pytest.mark.parametrize("key", ["tab", "f7", "ctrl+n", "ctrl+t"])
def test_leaving_a_field_or_a_screen(key: str) -> None:
    """What stands in a field is saved when the cursor leaves it, and with the screen that is left, at once."""
    with Terminal([sys.executable, "-c", UNTIMED, *LETTER[:4]]) as terminal:
        terminal.wait_for("F9")
        terminal.send("Half a subj")
        terminal.wait_for("Half a subj")
        terminal.press(key)
        terminal.wait_for(lambda _: [*map(subject, drafts())] == ["Half a subj"], name="the saved draft")
        os.killpg(terminal.pid, signal.SIGKILL)
        terminal.wait_exit()
    assert [*map(subject, drafts())] == ["Half a subj"]


def subject(content: Draft | RawDraft) -> str:
    return of_form(content).subject


def test_the_timer_that_does_not_ring() -> None:
    """Without a key that leaves the field nothing is saved there: the test before this one tests what it says."""
    with Terminal([sys.executable, "-c", UNTIMED, *LETTER[:4]]) as terminal:
        terminal.wait_for("F9")
        terminal.send("Half a subj")
        terminal.wait_for("Half a subj")
        end = time.monotonic() + LOST_AT_MOST
        terminal.wait_for(lambda _: time.monotonic() > end, name="more time than a save takes")
        os.killpg(terminal.pid, signal.SIGKILL)
        terminal.wait_exit()
    assert drafts() == []
