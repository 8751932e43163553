"""Markdown becomes HTML that mail clients render and a text that reads as if it were typed."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui import lint
from cfmail_tui.markdown import BODY, STYLES, TEMPLATE, made, rendered
from cfmail_tui.message import Draft, MessageError, Place

TEXTS = {
    "a paragraph\nof two lines\n": "a paragraph\nof two lines\n",
    "# One\n\n## Two *x*\n\n### Three": "One\n===\n\nTwo x\n-----\n\nThree\n",
    "One\n===\ntext": "One\n===\n\ntext\n",
    "*a* __b__ ~~c~~ `d` \\*e\\* &amp;": "a b c d *e* &\n",
    "a  \nb": "a\nb\n",
    "- a\n- b\n  1. c\n  2. d\n": "- a\n- b\n  1. c\n  2. d\n",
    "- a\n\n- b": "- a\n\n- b\n",
    "7. a\n8. b": "7. a\n8. b\n",
    "> a\n>\n> > b": "> a\n>\n> > b\n",
    "```py\nx < 1\n\ny\n```": "    x < 1\n\n    y\n",
    "    code\n": "    code\n",
    "a\n\n---\n\nb": f"a\n\n{'-' * 40}\n\nb\n",
    "[a](https://x.example) <https://y.example>": "a <https://x.example> https://y.example\n",
    "<me@z.example>": "me@z.example\n",
    "![a cat](cid:cat) ![](cid:dot)": "[a cat] \n",
    "| a | long |\n|---|---|\n| **wide** | b |": "a    | long\n-----+-----\nwide | b\n",
    "a <b>b</b><br>c <!-- d -->": "a b\nc \n",
    "<div>\na\n</div>\n\nb": "a\n\nb\n",
    "- \n- a": "-\n- a\n",
}


@pytest.mark.parametrize(("source", "text"), TEXTS.items())
def test_the_text(source: str, text: str) -> None:
    """The text has what was written, without the marks that only a program needs."""
    assert rendered(source).text == text


@pytest.mark.parametrize("element", STYLES)
def test_styles_are_in_the_elements(element: str) -> None:
    """Each element has its styles in itself, since mail clients drop style sheets."""
    source = (
        "# a\n## a\n### a\n#### a\n##### a\n###### a\n\na `b` ![c](d)\n\n- a\n\n1. a\n\n> a\n\n---\n\n"
        "| a |\n|---|\n| b |\n\n```\nx < 1 & y\n```\n\n    z"
    )
    tags = re.findall(rf"<{element}\b[^>]*>", rendered(source, BODY).html)
    assert tags
    assert all(f'style="{STYLES[element]}"' in tag for tag in tags if tag != "<code>")
    assert "x &lt; 1 &amp; y\n</code>" in rendered(source).html


def test_a_column_keeps_its_alignment() -> None:
    """What Markdown says of a column stands after the styles, and so counts."""
    page = rendered("| a |\n|--:|\n| 1 |").html
    assert f'<td style="{STYLES["td"]}; text-align:right">1</td>' in page


def test_the_page() -> None:
    """The body stands in a whole page without style sheets or scripts; a template of one's own is taken instead."""
    page = rendered("Grüße {{body}}").html
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("Grüße") == 1
    assert not re.search("<style|<script|<link|class=", page)
    assert rendered("a", f"<x>{BODY}</x>").html == f'<x><p style="{STYLES["p"]}">a</p></x>'


def test_a_template_without_a_place() -> None:
    """A template that has no place for the body is refused, not sent empty."""
    with pytest.raises(MessageError) as caught:
        rendered("a", "<p></p>")
    (problem,) = caught.value.problems
    assert problem.place is Place.HTML
    assert BODY in problem.words


@pytest.mark.parametrize("source", ["", " \n\t"])
def test_blanks_are_no_body(source: str) -> None:
    """Of blanks no body is made, so that an empty mail is found empty."""
    assert (rendered(source).html, rendered(source).text) == ("", "")


@pytest.mark.parametrize("source", TEXTS)
def test_both_bodies_say_the_same(source: str) -> None:
    """No finding is made of a mail because its bodies were made from Markdown."""
    made = rendered(source)
    draft = Draft("a@acme.example", "b@acme.example", subject="Hi", text=made.text, html=made.html)
    assert {one.rule for one in lint.findings(lint.look(draft))} <= {"missing-inline"}


class Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen = ""

    def handle_data(self, data: str) -> None:
        self.seen += data


@given(st.text(st.sampled_from("ab1*_`~#>-+|[]()!<&\\ \n\t="), max_size=60))
def test_any_text_is_markdown(source: str) -> None:
    """Whatever is written, two bodies come of it, and each letter that HTML shows stands in the text."""
    made = rendered(source, BODY)
    words = Words()
    words.feed(made.html)
    words.close()
    if "<" not in source:
        assert set(words.seen) - set(" \n\t") <= set(made.text)
    assert TEMPLATE.count(BODY) == 1


def test_the_bodies_of_a_draft() -> None:
    """Both are made of the Markdown, which is then gone; without Markdown, or beside a body, nothing is made."""
    written = Draft(subject="Hi", markdown="*a*")
    ready = made(written, f"<x>{BODY}</x>")
    assert (ready.subject, ready.text, ready.markdown) == ("Hi", "a\n", "")
    assert ready.html == rendered("*a*", f"<x>{BODY}</x>").html
    for other in (Draft(text="a"), Draft(markdown=" \n"), Draft(markdown="a", html="b"), Draft(markdown="a", text="b")):
        assert made(other) is other


def test_half_a_character_is_told_and_not_dropped() -> None:
    """Lone surrogates, also in a link, come through to where they are refused."""
    ready = made(Draft(markdown="a\ud800 [b](https://x.example/\ud800)"))
    found = lint.findings(lint.look(ready))
    assert {one.place for one in found if one.rule == "not-unicode"} >= {Place.TEXT}
