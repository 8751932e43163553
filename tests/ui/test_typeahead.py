"""Keys act in the order they were pressed, however many come at once."""

from textual import events

from cfmail_tui.ui.typeahead import TypeaheadApp


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
