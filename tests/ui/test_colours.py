"""Words can be read in every theme."""

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from cfmail_tui.ui.colours import READABLE, contrast, readable


@pytest.mark.parametrize("name", ["textual-dark", "textual-light", "solarized-light", "catppuccin-latte", "nord"])
def test_what_is_told_in_colour_can_be_read(name: str) -> None:
    """In light themes success, warning and error stand out from whatever is behind them; dark ones are as they are."""
    theme = BUILTIN_THEMES[name]
    given = theme.to_color_system().generate()
    made = readable(given)
    if theme.dark:
        assert made == given
        return
    for behind in ("background", "surface", "panel"):
        for words in ("text-success", "text-warning", "text-error"):
            assert contrast(Color.parse(made[words]), Color.parse(given[behind])) >= READABLE


def test_the_contrast_is_that_of_the_standard() -> None:
    """Black on white is 21, and grey on white what others say it is."""
    white = Color.parse("#ffffff")
    assert contrast(Color.parse("#000000"), white) == pytest.approx(21)
    assert contrast(Color.parse("#777777"), white) == pytest.approx(4.48, abs=0.01)
