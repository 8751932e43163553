"""Jumping by letters, and by Tab: everything is reached by keyboard alone, and shows that it has the focus."""

import pytest
from textual import events
from textual.widget import Widget

from cfmail_tui.message import Draft, Place, RawDraft
from cfmail_tui.prefill import raw_draft
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui.jumping import JumpScreen, targets
from tests.ui.stage import LETTER, Stage, on_stage

RAW = raw_draft(b"From: me@acme.example\r\nTo: bob@example.com\r\nSubject: Hello\r\n\r\nHi\r\n")

SCREENS: dict[str, tuple[Draft | RawDraft, tuple[str, ...], str]] = {
    "form": (LETTER, ("f6",), "Reply-To"),
    "raw": (RAW, (), "MIME source"),
    "review": (LETTER, ("f9",), "y Send"),
    "history": (LETTER, ("f8",), "newest first"),
    "picker": (LETTER, ("f3",), "Esc goes back"),
    "accounts": (LETTER, ("f11",), "n New"),
    "drafts": (LETTER, ("f7",), "Esc Back"),
    "preview": (LETTER, ("f5",), "F5 Next"),
    "chart": (LETTER, ("f8", "g"), "p Period"),
}
"""A mail to begin with, the keys that lead to the screen, and what it shows."""


async def shown(stage: Stage, name: str) -> None:
    _, keys, words = SCREENS[name]
    await stage.press(*keys)
    await stage.until(words)
    await stage.settled()


def look(stage: Stage, widget: Widget) -> list[list[tuple[str, bool, bool, bool, bool]]]:
    """What is seen of a widget and of the line to its left, without colours."""
    region = stage.app.screen.find_widget(widget).visible_region
    strips = stage.app.screen._compositor.render_strips(stage.app.size)[max(0, region.y - 1) : region.bottom]
    return [
        [
            (part.text, bool(style.bold), bool(style.reverse), bool(style.underline), bool(style.dim))
            for part in strip
            for style in [part.style]
            if style
        ]
        for strip in strips
    ]


async def test_another_key_changes_nothing(connected: Sandbox) -> None:
    """A key without a place ends it; the focus and the text are as they were, and the palette leads there too."""
    async with on_stage(LETTER) as stage:
        before = stage.app.focused
        for key in ("escape", "f12", "Z", "ctrl+underscore", "space"):
            await stage.press("ctrl+slash")
            await stage.until(lambda: isinstance(stage.app.screen, JumpScreen))
            await stage.press(key)
            await stage.until(stage.is_at_mail)
            assert stage.app.focused is before
        assert stage.draft.text == LETTER.text
        await stage.press("f2")
        await stage.until("Search for commands")
        await stage.type("by its letter")
        await stage.pilot.pause()
        await stage.settled()
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, JumpScreen))
        await stage.pilot.resize_terminal(90, 30)
        await stage.until(stage.is_at_mail)


async def test_what_is_typed_right_after_goes_there(connected: Sandbox) -> None:
    """The key, the letter and a text in one burst: the text is in the field that was meant."""
    async with on_stage(LETTER) as stage:
        to = stage.form.field(Place.TO).input
        letter = next(key for key, (widget, _) in targets(stage.form).items() if widget is to)
        for key in ("ctrl+underscore", letter, *"zq"):
            stage.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await stage.until(lambda: "zq" in stage.draft.to)
        assert "zq" not in stage.draft.text


@pytest.mark.parametrize("name", SCREENS)
async def test_all_is_reached_by_keys_and_shows_where_the_focus_is(
    connected: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Tab goes through all that can have the focus, a letter goes there at once; it is seen there without colour."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with on_stage(SCREENS[name][0], size=(100, 30)) as stage:
        await shown(stage, name)
        screen = stage.app.screen
        chain = screen.focus_chain
        for _ in chain:
            await stage.press("tab")
            here = screen.focused
            assert here in chain
            await stage.settled()
            with_focus = look(stage, here)
            screen.set_focus(None)
            await stage.settled()
            assert look(stage, here) != with_focus, here
            screen.set_focus(here)
            chain = [widget for widget in chain if widget is not here]
        assert not chain
        for letter, (widget, at) in targets(screen).items():
            await stage.press("ctrl+underscore")
            assert stage.lines()[at.y][at.x : at.x + 3].strip() == letter
            await stage.press(letter)
            assert stage.app.screen is screen
            assert screen.focused is widget
