"""The user's keys: maps that ship, wishes in `config.toml`, and what becomes of those that cannot be."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input

from cfmail_tui import settings
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.settings import KEYMAPS
from cfmail_tui.ui.commands import COMMANDS, Keymap
from cfmail_tui.ui.keyboard import parsed, shown, surroundings, why_not
from cfmail_tui.ui.keymaps import MAPS, QUIT, TOGETHER, chosen, resolved
from tests.ui.stage import LETTER, on_stage

BY_ID = {command.id: command for command in COMMANDS}


def wished(home: Path, text: str) -> settings.Settings:
    """The settings with this in the file."""
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "config.toml").write_text(text)
    return settings.read({"CFMAIL_HOME": str(home)})


def keys(keymap: Keymap, command: str) -> tuple[str, ...]:
    return keymap.of(BY_ID[command])


@pytest.mark.parametrize("name", MAPS)
def test_a_map_that_ships(name: str) -> None:
    """Its commands exist, no two that are offered together share a key, and terminals send each."""
    keymap = resolved(name, ())
    assert {*MAPS} == {*KEYMAPS}
    assert {*MAPS[name]} <= {*BY_ID}
    for places in TOGETHER:
        bound = [key for command in COMMANDS if command.where in places for key in keymap.of(command)]
        assert len(bound) == len(set(bound)), sorted(key for key in bound if bound.count(key) > 1)
    for command in COMMANDS:
        assert not [key for key in keymap.of(command) if why_not(key)]
        # What is said on the screens speaks of function keys.
        assert {key for key in command.keys.split(",") if key.startswith("f")} <= {*keymap.of(command)}


@pytest.mark.parametrize("name", MAPS)
def test_a_map_leaves_writing_alone(name: str) -> None:
    """As wishes of a user the map's keys would all be granted: none is needed to write."""
    wishes = tuple(settings.KeyWish(id_, tuple(those.split(",")), "here") for id_, those in MAPS[name].items())
    assert not [notice for notice in resolved("default", wishes).notices if "is the key of" not in notice]


def test_wishes(tmp_path: Path) -> None:
    """A key, a list of keys, or none; a key can be written in several ways."""
    keymap = chosen(
        wished(
            tmp_path, 'keymap = "vim"\n[keys]\nreview = "^X"\nhtml = ["Ctrl-Y", "F10"]\nsend = []\nchart = "shift+g"'
        )
    )
    assert keys(keymap, "review") == ("ctrl+x",)
    assert keys(keymap, "html") == ("ctrl+y", "f10")
    assert keys(keymap, "send") == ()
    assert keys(keymap, "chart") == ("G",)
    assert keys(keymap, "first") == ("home", "g")
    assert keymap.names(BY_ID["html"]) == "Ctrl+Y, F10"


@pytest.mark.parametrize(
    ("wish", "told", "left"),
    [
        ('reviev = "f9"', "there is no command 'reviev'; did you mean review?", ("f9", "ctrl+r")),
        ('review = "ctl+x"', "ctl+x for review is no key", ("f9", "ctrl+r")),
        ('review = "ctrl+m"', "ctrl+m for review arrives as Enter", ("f9", "ctrl+r")),
        ('review = ["ctrl+i", "ctrl+x"]', "ctrl+i for review arrives as Tab", ("ctrl+x",)),
        ('review = "ctrl+["', "arrives as Esc", ("f9", "ctrl+r")),
        ('review = "ctrl+shift+s"', "arrives as Ctrl+S", ("f9", "ctrl+r")),
        ('review = "ctrl+6"', "arrives as Ctrl+^", ("f9", "ctrl+r")),
        ('review = "x"', "is needed to write", ("f9", "ctrl+r")),
        ('review = "enter"', "is needed to write", ("f9", "ctrl+r")),
        ('review = "tab"', "moves the focus", ("f9", "ctrl+r")),
        ('review = "ctrl+q"', "always ends the program", ("f9", "ctrl+r")),
        ("review = 9", "review is a key, or a list of keys", ("f9", "ctrl+r")),
    ],
)
def test_wishes_that_cannot_be(tmp_path: Path, wish: str, told: str, left: tuple[str, ...]) -> None:
    """They are named with the line, and the rest of the map is used."""
    chosen_ = wished(tmp_path, f'# mine\n[keys]\nsave = "alt+s"\n\n{wish}\n[findings]\n')
    keymap = chosen(chosen_)
    (notice,) = (*chosen_.notices, *keymap.notices)
    assert told in notice
    assert "config.toml:5: " in notice
    assert keys(keymap, "review") == left
    assert keys(keymap, "save") == ("alt+s",)


def test_two_commands_on_one_key(tmp_path: Path) -> None:
    """The user's own has it, then the first in the file; both are named; on different screens a key can do both."""
    text = '[keys]\nreview = "ctrl+s"\nhtml = ["ctrl+s", "f10"]\nfold = "f6"\nlook = "s"\n'
    keymap = chosen(wished(tmp_path, text))
    assert keys(keymap, "review") == ("ctrl+s",)
    assert keys(keymap, "save") == ()
    assert keys(keymap, "html") == ("f10",)
    assert keys(keymap, "fold") == ("f6",)
    assert keys(keymap, "fix") == ()
    assert keys(keymap, "fields") == ("f6",)
    assert [notice.partition("config.toml:")[2] for notice in keymap.notices] == [
        "2: Ctrl+S is the key of save too; it does review now, and save has no key",
        "3: Ctrl+S is the key of review too; it does review now",
        "4: F6 is the key of fix too; it does fold now, and fix has no key",
        "5: s is the key of to-the-failed too; it does look now, and to-the-failed has no key",
    ]


def test_an_unknown_map(tmp_path: Path) -> None:
    """Its name is wrong, and the keys are those of the table."""
    chosen_ = wished(tmp_path, 'keymap = "emacs"')
    assert "keymap is one of default, vim, alpine" in chosen_.notices[0]
    assert chosen(chosen_) == Keymap()


def test_there_is_always_a_way_out(tmp_path: Path) -> None:
    """Ctrl+Q ends the program, whatever the file says."""
    for text in ('quit = "f10"', "quit = []", 'save = "ctrl+q"'):
        assert QUIT in keys(chosen(wished(tmp_path, f"[keys]\n{text}")), "quit")


@pytest.mark.parametrize(
    ("written", "key", "name"),
    [
        ("Ctrl+S", "ctrl+s", "Ctrl+S"), ("ctrl-s", "ctrl+s", "Ctrl+S"), ("^S", "ctrl+s", "Ctrl+S"), ("K", "K", "K"),
        ("shift+k", "K", "K"), ("k", "k", "k"), ("/", "slash", "/"), ("ctrl+/", "ctrl+slash", "Ctrl+/"),
        ("-", "minus", "-"), ("ctrl+-", "ctrl+minus", "Ctrl+-"), ("F9", "f9", "F9"), ("esc", "escape", "Esc"),
        ("Shift+Ctrl+Up", "ctrl+shift+up", "Ctrl+Shift+Up"), ("pgdn", "pagedown", "PageDown"), ("é", "é", "é"),
    ],
)  # fmt: skip
def test_how_keys_are_written(written: str, key: str, name: str) -> None:
    """As people write them, or as Textual names them."""
    assert parsed(written) == key
    assert parsed(key) == key
    assert shown(key) == name


def test_what_is_around() -> None:
    """Each multiplexer keeps its own keys, as far as the environment tells which it is."""
    kept = {"TMUX": "ctrl+b", "STY": "ctrl+a", "ZELLIJ": "ctrl+o"}
    for variable, key in kept.items():
        around = surroundings({variable: "0", "TERM": "xterm"})
        assert around.advice
        assert around.why_not(key)
        assert not around.why_not("f9")
        assert around.why_not("ctrl+m") == "arrives as Enter"
    assert surroundings({"TERM": "linux"}).why_not("shift+up") == "arrives as Up"
    assert surroundings({"TMUX": "x"}, {"f9": "tmux: next-window"}).why_not("f9")
    assert not surroundings({"TMUX": "x"}, {}).why_not("ctrl+b")


async def test_the_screens_go_by_the_users_keys(connected: Sandbox) -> None:
    """Key bar, help and palette show them, they act, and what they replaced does not."""
    text = '[keys]\nreview = ["ctrl+x"]\nmarkdown = "alt+m"\nback = "f4"\nfirst = "g"\nchart = []\nbogus = "f1"\n'
    home = Path(os.environ["CFMAIL_HOME"])
    read = wished(home, text)
    async with on_stage(LETTER, size=(80, 70), keymap=lambda: chosen(read)) as stage:
        assert "bogus" in stage.words()
        assert "Ctrl+X Send" in stage.lines()[-1]
        assert "F9" not in stage.lines()[-1]
        await stage.press("f9")
        await stage.press("alt+m")
        await stage.until("text and HTML are made of it")
        await stage.press("f1")
        await stage.until(f"{'Ctrl+X':<16}Review the mail")
        await stage.press("f4")
        await stage.until(stage.is_at_mail)
        await stage.press("f2")
        await stage.until("Search for commands")
        stage.app.screen.query_one(Input).value = "review the mail"
        await stage.until("then send it (Ctrl+X)")
        await stage.press("escape")
        await stage.press("ctrl+x")
        await stage.until("y Send")


async def test_what_is_told_to_press_are_the_users_keys(connected: Sandbox) -> None:
    """Words on the screens that name a key name the one that the user has."""
    text = '[keys]\nhtml = "alt+h"\nfindings = "alt+i"\nfix-finding = "x"\noutcome = "alt+o"\n'
    read = wished(Path(os.environ["CFMAIL_HOME"]), f'{text}take-back = "z"\nsend = "Y"\nreview = "alt+r"\n')
    async with on_stage(replace(LETTER, to="bob@gmial.com"), keymap=lambda: chosen(read)) as stage:
        await stage.until("Alt+H switches")
        await stage.until("1 finding · Alt+I")
        await stage.press("alt+i")
        await stage.until("x: ")
        await stage.press("alt+i")
        await stage.press("alt+r")
        await stage.until("Send (Y)")
        await stage.press("Y")
        await stage.until("z takes it back · Alt+R sends it now")
        await stage.press("alt+r")
        await stage.until("Alt+O: more")
