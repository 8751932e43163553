"""The theme: what the user wishes, else what goes with the background; and how the next start knows of it."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from textual.theme import BUILTIN_THEMES

from cfmail_tui import settings
from cfmail_tui.look import NAME, ROLES, USUAL, Colours, Look, folder, look_in
from cfmail_tui.ui.looks import is_dark_by, keep, still_colours
from tests.ui.stage import on_stage


def colours_of(theme: str) -> Colours:
    return still_colours(BUILTIN_THEMES[theme].to_color_system().generate())


def test_the_usual_look_is_that_of_the_usual_theme() -> None:
    """What the still shows before there was a first time is what the screens will."""
    assert colours_of(USUAL.theme) == ROLES


@pytest.mark.parametrize(
    "wish",
    [
        {"theme": "nord"},
        {"background": "light"},
        {"theme": "mine", "themes": {"mine": {"primary": "#884400", "background": "#f8f0e0", "dark": False}}},
    ],
)
async def test_the_wish_is_granted(tmp_path: Path, wish: dict[str, object]) -> None:
    """The screens are in the theme that was wished for, nothing moves where nothing shall, and the next start knows."""
    wishes = replace(settings.Settings(tmp_path), reduced_motion=True, **wish)  # type: ignore[arg-type]
    async with on_stage() as stage:
        stage.app.looks.settle(wishes)
        await stage.until((tmp_path / NAME).exists)
        expected = wish.get("theme", "textual-light")
        assert (stage.app.theme, stage.app.animation_level) == (expected, "none")
        ground = stage.app.screen.styles.background.rgb
    kept = _kept(tmp_path)
    assert kept.theme == expected
    assert kept.colours["ground"][0] == "2;{};{};{}".format(*ground)
    assert kept.own == {key: str(value) for key, value in wishes.themes.get(str(expected), {}).items()}


def _kept(place: Path) -> Look:
    home = place / "home"
    (home / "data").mkdir(parents=True)
    (place / NAME).rename(home / "data" / NAME)
    return look_in({"CFMAIL_HOME": str(home)})


@pytest.mark.parametrize(
    ("value", "is_dark"),
    [("15;0", True), ("0;15", False), ("0;default;7", False), ("7;8", True), ("", True), ("default;default", True)],
)
def test_what_the_environment_says(value: str, is_dark: bool) -> None:
    """COLORFGBG tells where the terminal does not; where that says nothing, it is dark."""
    assert is_dark_by({"COLORFGBG": value}) is is_dark
    assert is_dark_by({})


def test_a_look_is_kept() -> None:
    """It is read as it was written, and the usual one is not written at all."""
    place = Path(folder(os.environ))
    place.mkdir(parents=True)
    assert not keep(USUAL, place)
    assert not [*place.iterdir()]
    look = Look("my own", {"primary": "#000000", "dark": "False"}, colours_of("textual-light"))
    assert keep(look, place)
    assert not keep(look, place)
    read = look_in(os.environ)
    assert (read.theme, read.own, read.colours) == (look.theme, look.own, look.colours)
    assert not keep(Look("two\nlines", {}, {}), place)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"theme nord\ncolour text 2;0 5;1 \x1b[31m\n",
        b"theme nord\ncolour text 2;0;0;0 5;1 3\n",
        b"colour text 2;0 5;1 3\n",
        USUAL.as_text().replace("5;253 15", "5;253 15 \x1b]0;x\a").encode(),
    ],
)
def test_a_look_that_makes_no_sense(text: bytes) -> None:
    """A file that is not one of ours is as if it were not there: nothing of it gets to the terminal."""
    place = Path(folder(os.environ))
    place.mkdir(parents=True)
    (place / NAME).write_bytes(text)
    assert look_in(os.environ) is USUAL


@pytest.mark.parametrize("names", [("CFMAIL_HOME",), ("XDG_DATA_HOME",), ()])
def test_the_look_is_beside_the_data(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]) -> None:
    """The still finds it without the library that knows where data is."""
    for name in {"CFMAIL_HOME", "XDG_DATA_HOME"} - {*names}:
        monkeypatch.delenv(name)
    assert folder(os.environ) == str(settings.read(os.environ).data_dir)
