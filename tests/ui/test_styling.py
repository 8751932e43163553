"""Styles found in one run of the app are those that Textual finds in another."""

from typing import Any

from textual.css.stylesheet import Stylesheet

from cfmail_tui.sandbox import Sandbox
from tests.ui.stage import LETTER, Stage, on_stage
from tests.ui.styling import HINTS, SharedStylesheet

KEYS = ("tab", "f1", "escape", "f9", "y")
"""Through screens of several kinds; the form is locked below some of them."""


async def test_what_is_shared_is_what_textual_finds(connected: Sandbox) -> None:
    """Each widget has the rules that Textual finds for it, also where another run of the app had found them."""
    for _ in range(2):
        async with on_stage(LETTER) as stage:
            assert_styled(stage)
            for key in KEYS:
                await stage.press(key)
                await stage.settled()
                assert_styled(stage)


async def test_another_theme_is_not_mixed_up(connected: Sandbox) -> None:
    """What was found under one theme is not used under another."""
    async with on_stage(LETTER) as stage:
        before = stage.app.screen.styles.background
        stage.app.theme = "textual-light"
        await stage.settled()
        assert stage.app.screen.styles.background != before
        assert_styled(stage)


def assert_styled(stage: Stage) -> None:
    """No widget changes when Textual looks for its rules anew."""
    app = stage.app
    assert isinstance(app.stylesheet, SharedStylesheet)
    alone = Stylesheet(variables=app.get_css_variables())
    alone.source = app.stylesheet.source
    alone.parse()
    for screen in app.screen_stack:
        for node in screen.walk_children(with_self=True):
            found = _styles(node)
            alone.apply(node)
            assert _styles(node) == found, node


def _styles(node: Any) -> object:
    parts = {name: dict(styles.base._rules) for name, styles in node._component_styles.items()}
    return dict(node.styles.base._rules), parts, [getattr(node, hint) for hint in HINTS]
