"""Keys act in the order they were pressed, however many come at once."""

from typing import Any

import pytest
from textual import events

from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui import typeahead
from cfmail_tui.ui.typeahead import TypeaheadApp
from tests.ui.stage import LETTER, opened_outbox
from tests.ui.watched import WatchedApp


def key(name: str) -> events.Key:
    return events.Key(name, name)


async def test_patience_is_with_one_key() -> None:
    """A burst may last longer than any key is waited for: only the key that was waited for is given up."""
    app = TypeaheadApp()
    waited_for, next_one = key("a"), key("b")
    app._current = next_one
    app._lose_patience(waited_for)
    assert app._current is next_one
    app._lose_patience(next_one)
    assert app._current is None


class Hasty(WatchedApp):
    """An app whose user types before it has a screen."""

    def __init__(self, *what: Any) -> None:
        super().__init__(*what)
        self._waiting.extend(map(key, "Now"))
        self.frames: list[str] = []

    def _display(self, screen: Any, renderable: Any) -> None:
        if renderable is not None and not self._batch_count:
            self.frames.append(self.mail.body("text").text)
        super()._display(screen, renderable)


async def test_what_was_pressed_before_the_first_frame_is_in_it(
    connected: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The still is followed by a form that has what was typed on it: no frame is drawn without."""
    monkeypatch.setattr(typeahead, "MOMENT", 60.0)
    app = Hasty(opened_outbox, LETTER)
    async with app.run_test() as pilot:
        while not app.frames:
            await pilot.pause()
        assert app.frames[0].startswith("NowHi Bob")
    app.close()
