"""The looks of screens beside the form are there with the first of them, whichever that is."""

import pytest
from textual.containers import VerticalScroll

from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui import app
from cfmail_tui.ui.compose import ComposeScreen
from cfmail_tui.ui.dialogs import ChoiceScreen
from tests.ui.stage import LETTER, on_stage


@pytest.mark.parametrize("key", ["f1", "f3", "f7", "f8", "ctrl+t"])
async def test_the_first_other_screen(connected: Sandbox, key: str) -> None:
    """The form does without them; a screen that is pushed or takes its place does not."""
    async with on_stage(LETTER) as stage:
        assert not stage.app.stylesheet.has_source(str(app._LOOKS))
        await stage.press(key)
        await stage.until(lambda: not isinstance(stage.app.screen, ComposeScreen))
        assert stage.app.stylesheet.has_source(str(app._LOOKS))


async def test_the_first_frame_of_the_first(connected: Sandbox) -> None:
    """It is where it stays from its first frame on: what is clicked there is not gone when the click arrives."""
    async with on_stage(LETTER) as stage:
        stage.app.push_screen(ChoiceScreen("Go on?", {"no": "No"}))
        assert stage.app.screen.styles.align == ("center", "middle")


async def test_the_review_as_the_first(connected: Sandbox) -> None:
    """The review, which is pushed in another way, is laid out by its own rules."""
    async with on_stage(LETTER) as stage:
        await stage.review()
        assert stage.app.screen.query_one("#review-body", VerticalScroll).styles.padding.top == 1
