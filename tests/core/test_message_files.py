"""A mail kept as a file is the mail that was written, and a file that makes no sense says where."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cfmail_tui.message import AttachmentDraft, Draft, FileIdentity, MessageError, Place
from cfmail_tui.message_files import Malformed, is_message_file, kept, read, written

LETTER = """\
---
From: Alice <alice@acme.example>
To: bob@example.net,
 carol@example.net
Subject: Hello
X-Campaign: spring
List-Unsubscribe: <https://acme.example/out>,
 <mailto:out@acme.example>
Attach: report.pdf; filename="Report, final; 2.pdf"
Inline: logo.png; cid=logo
Body: markdown
---

Hello **Bob**

--- html ---
<p>Hello</p>
"""

anything = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(' \t\n\r\\-:;"=,aX\u2028\x85\0'), max_size=40
) | st.lists(
    st.sampled_from(
        ["---", "--- html ---", "\\--- text ---", "X-A: 1", "To: x", "Body: y", " on", "", "no colon", "\\", "--- html"]
    ),
    max_size=6,
).map("\n".join)
paths = st.text(st.characters() | st.sampled_from(' ;"\\=\n\udcff'), min_size=1, max_size=20).filter(
    lambda text: not any("\ud800" <= char < "\udc00" for char in text)
)
attached = st.builds(
    AttachmentDraft,
    paths,
    st.sampled_from(["attachment", "inline"]),
    anything,
    anything,
    anything,
    st.none() | st.just(FileIdentity(1, 2, 3, 4)),
)
drafts: st.SearchStrategy[Draft] = st.builds(
    Draft,
    **dict.fromkeys(("sender", "to", "cc", "bcc", "reply_to", "subject", "headers"), anything),
    **{name: st.just("") | anything for name in ("text", "html", "markdown")},
    attachments=st.lists(attached, max_size=3).map(tuple),
)


@given(drafts)
@example(Draft(text="\n"))
@example(Draft(text="--- html ---", html="\\--- text ---\n"))
@example(Draft(headers="\n"))
def test_a_draft_that_was_written_is_read_back(draft: Draft) -> None:
    """Whatever was typed stands in the file, but for what `kept` says is not, and writing it again changes nothing."""
    text = written(draft)
    assert is_message_file(text.encode())
    assert read(text).draft == kept(draft)
    assert written(read(text).draft) == text
    assert read(text.replace("\n", "\r\n")).draft == kept(draft)


def test_only_what_is_named_is_not_kept() -> None:
    """Of a mail as a form has it everything is kept."""
    draft = Draft("me@acme.example", "bob@example.net", subject="Hi", headers="X-A: 1", text="a\n\n b \n")
    assert kept(draft) == draft
    told = Draft(" me ", "a\r\n\r\n b", subject="two\nlines", text="a\rb")
    assert kept(told) == Draft("me", "a\nb", subject="two lines", text="a\nb")


def test_a_file_written_by_hand() -> None:
    """The format is what a person would write: folded fields, header fields, files, two bodies."""
    found = read(LETTER)
    assert found.draft == Draft(
        sender="Alice <alice@acme.example>",
        to="bob@example.net,\ncarol@example.net",
        subject="Hello",
        headers="X-Campaign: spring\nList-Unsubscribe: <https://acme.example/out>,\n <mailto:out@acme.example>",
        html="<p>Hello</p>",
        markdown="Hello **Bob**\n",
        attachments=(
            AttachmentDraft("report.pdf", filename="Report, final; 2.pdf"),
            AttachmentDraft("logo.png", "inline", content_id="logo"),
        ),
    )
    assert found.lines[Place.TO] == 3
    assert found.lines[Place.HEADERS] == 6


def test_forgiving() -> None:
    """Empty lines or none, names in any case and a recipient field that stands twice are all right."""
    assert read("---\nto: a@b.example\n\nTO:c@d.example\n---\nHi").draft == Draft(
        to="a@b.example, c@d.example", text="Hi"
    )
    assert read("---\nSubject:  A long\n   one\n---\n").draft == Draft(subject="A long one")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("To: a\n---\n", 1, "begins with"),
        ("---\nTo: a\n", 3, "ends the fields"),
        ("---\n goes on\n---\n", 2, "goes on with a field"),
        ("---\nTo: a\nno field\n---\n", 3, "no field"),
        ("---\nSubject: a\nTo: b\nSubject: c\n---\n", 4, "twice"),
        ("---\nBody: rtf\n---\n", 2, "rtf"),
        ("---\nAttach:\n---\n", 2, "no path"),
        ("---\nAttach: a; color=red\n---\n", 2, "color=red"),
        ('---\nAttach: a; filename="x\n---\n', 2, "quotation marks"),
        ('---\nAttach: "\\q"\n---\n', 2, "JSON"),
        ("---\nTo: a\n---\nx\n--- text ---\ny\n", 5, "already"),
    ],
)
def test_what_makes_no_sense_is_told_by_its_line(text: str, line: int, words: str) -> None:
    """A file that is not understood says in which line, and why."""
    with pytest.raises(Malformed, match=words) as caught:
        read(text)
    assert caught.value.line == line


@pytest.mark.parametrize("name", ["subject", "text", "headers"])
def test_half_a_character_is_refused(name: str) -> None:
    """What no file can keep is named instead of being lost."""
    values: dict[str, Any] = {name: "a\ud800"}
    with pytest.raises(MessageError, match="half a character"):
        written(replace(Draft(), **values))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (LETTER.encode(), True),
        (b"\xef\xbb\xbf---\r\nTo: a\r\n---\r\n", True),
        (b"---\n---\n", True),
        (b"---\n\nSubject: a\n---\n", True),
        (b"--- \nJust a line above\n", False),
        (b"----\nTo: a\n", False),
        (b"Hello\n---\nTo: a\n---\n", False),
        (b"", False),
    ],
)
def test_a_message_is_told_from_a_text(content: bytes, expected: bool) -> None:
    """What begins with three dashes and a field is a message; a text is not taken for one."""
    assert is_message_file(content) is expected
