"""What the terminal says of its background is heard, and never typed."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from textual import events
from textual.message import Message

from cfmail_tui.ui.answers import Answers
from cfmail_tui.ui.terminal import Keys

colours = st.text("0123456789abcdefABCDEF", min_size=1, max_size=4)
answers = st.builds(
    "\x1b]11;{}:{}/{}/{}{}".format,
    st.sampled_from(["rgb", "rgba"]),
    colours,
    colours,
    colours,
    st.sampled_from(["\x1b\\", "\a"]),
)


def told(messages: list[Message]) -> list[object]:
    return [(each.key, each.character) if isinstance(each, events.Key) else type(each) for each in messages]


def pressed(keys: Keys, text: str, cuts: list[int]) -> list[object]:
    """What is heard of a text that comes in pieces."""
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    found: list[Message] = []
    for start, end in pairwise(places):
        found += keys.pressed(text[start:end].encode())
        found += keys.elapsed()
    return told(found)


typing = st.text(st.characters(exclude_characters="\x1b\x9b", exclude_categories=["Cs"]), max_size=8)


@given(typing, answers, typing, st.lists(st.integers(0, 99), max_size=5))
@example("a", "\x1b]11;rgb:ffff/ffff/ffff\x1b\\", "]11;", [1, 2, 3, 4, 5, 6, 7, 8, 20, 24, 25])
def test_an_answer_is_no_key(before: str, answer: str, after: str, cuts: list[int]) -> None:
    """Between keys and in pieces, it leaves the keys around it as they are."""
    keys = Keys()
    assert pressed(keys, before + answer + after, cuts) == pressed(Keys(), before + after, [])
    assert keys.answers.is_dark is not None


@given(st.text("\x1b]1;rgb:/0\\\a[a?", max_size=12), st.lists(st.integers(0, 12), max_size=3))
def test_what_is_no_answer_is_a_key(text: str, cuts: list[int]) -> None:
    """Where nothing begins as an answer does, what is typed goes to the parser as it is."""
    filtered = Answers()
    passed = "".join(typed for character in text for typed in filtered.typed(character))
    if "\x1b]11;" not in text:
        assert passed + filtered.elapsed() == text


def test_an_answer_that_is_cut_short() -> None:
    """What is missing of it is waited for, then nothing of it is typed; keys after it are."""
    keys = Keys()
    heard = told([*keys.pressed(b"a\x1b]11;rgb:ff"), *keys.elapsed(), *keys.pressed(b"\rb"), *keys.elapsed()])
    assert heard == [("a", "a"), ("enter", "\r"), ("b", "b")]
    assert keys.answers.is_dark is None


@pytest.mark.parametrize(
    ("answer", "is_dark"),
    [
        ("rgb:0000/0000/0000", True),
        ("rgb:1e1e/1e1e/2e2e", True),
        ("rgb:ff/ff/ff", False),
        ("rgba:eeee/e8e8/d5d5/ffff", False),
        ("rgb:f/f/f", False),
        ("#ffffff", None),
    ],
)
def test_dark_or_light(answer: str, is_dark: bool | None) -> None:
    """It is judged as the eye does, in however many digits it is told."""
    keys = Keys()
    assert not [*keys.pressed(f"\x1b]11;{answer}\a".encode())]
    assert keys.answers.is_dark is is_dark
