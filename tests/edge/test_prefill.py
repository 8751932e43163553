"""What a link or a message file asks for is what the draft says, and what it must not ask for is told."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui.message import AttachmentDraft, Draft, MessageError, Place, Problem, parse_mailboxes
from cfmail_tui.message_files import kept
from cfmail_tui.prefill import draft_file, file_draft, located, mailto_draft


@pytest.mark.parametrize(
    ("uri", "draft"),
    [
        ("mailto:chris@example.com", Draft(to="chris@example.com")),
        ("mailto:infobot@example.com?subject=current-issue", Draft(to="infobot@example.com", subject="current-issue")),
        (
            "mailto:infobot@example.com?body=send%20current-issue",
            Draft(to="infobot@example.com", text="send current-issue"),
        ),
        (
            "mailto:infobot@example.com?body=send%20current-issue%0D%0Asend%20index",
            Draft(to="infobot@example.com", text="send current-issue\nsend index"),
        ),
        (
            "mailto:list@example.org?In-Reply-To=%3C3469A91.D10AF4C@example.com%3E",
            Draft(to="list@example.org", headers="In-Reply-To: <3469A91.D10AF4C@example.com>"),
        ),
        (
            "mailto:majordomo@example.com?body=subscribe%20bamboo-l",
            Draft(to="majordomo@example.com", text="subscribe bamboo-l"),
        ),
        (
            "mailto:joe@example.com?cc=bob@example.com&body=hello",
            Draft(to="joe@example.com", cc="bob@example.com", text="hello"),
        ),
        (
            "mailto:?to=joe@example.com&cc=bob@example.com&body=hello",
            Draft(to="joe@example.com", cc="bob@example.com", text="hello"),
        ),
        ("mailto:gorby%25kremvax@example.com", Draft(to="gorby%kremvax@example.com")),
        ("mailto:unlikely%3Faddress@example.com?blat=foop", Draft(to="unlikely?address@example.com")),
        ("mailto:Mike%26family@example.org", Draft(to="Mike&family@example.org")),
        ("mailto:%22not%40me%22@example.org", Draft(to='"not@me"@example.org')),
        ("mailto:%22oh%5C%5Cno%22@example.org", Draft(to='"oh\\\\no"@example.org')),
        (
            "mailto:%22%5C%5C%5C%22it's%5C%20ugly%5C%5C%5C%22%22@example.org",
            Draft(to='"\\\\\\"it\'s\\ ugly\\\\\\""@example.org'),
        ),
        ("mailto:user@example.org?subject=caf%C3%A9", Draft(to="user@example.org", subject="café")),
        (
            "mailto:user@example.org?subject=caf%C3%A9&body=caf%C3%A9",
            Draft(to="user@example.org", subject="café", text="café"),
        ),
        (
            "mailto:user@%E7%B4%8D%E8%B1%86.example.org?subject=Test&body=NATTO",
            Draft(to="user@納豆.example.org", subject="Test", text="NATTO"),
        ),
        ("mailto:,%22not%40all%22@example.org,a@example.org", Draft(to=',"not@all"@example.org,a@example.org')),
        (
            "MAILTO:a@example.org?Reply-To=b@example.org&BCC=c@example.org&bcc=d@example.org&list-id=%3Cx.y%3E",
            Draft(
                to="a@example.org",
                reply_to="b@example.org",
                bcc="c@example.org, d@example.org",
                headers="List-Id: <x.y>",
            ),
        ),
        ("mailto:?", Draft()),
    ],
)
def test_links(uri: str, draft: Draft) -> None:
    """The examples of RFC 6068 section 6 mean what they say there, and their recipients are addresses."""
    found = mailto_draft(uri).draft
    assert found == draft
    for text in (found.to, found.cc, found.bcc, found.reply_to):
        parse_mailboxes(text, Place.TO)


def test_what_a_link_must_not_do_is_told() -> None:
    """What could harm is left out by name, and what is easily not seen is said (RFC 6068 section 7)."""
    link = mailto_draft(
        "mailto:a@b.example?from=evil@c.example&attach=/etc/passwd&bcc=spy@c.example&x-a=1&precedence=bulk"
    )
    assert link.draft == Draft(to="a@b.example", bcc="spy@c.example", headers="Precedence: bulk")
    assert link.notes == (
        "the link adds Bcc: spy@c.example",
        "the link adds Precedence: bulk",
        "the link also asks for from, attach, x-a: left out",
    )


FOLDERS = ["/", "/home/me/mails", "/home/me/mails/more", "/home/me/~odd"]
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=10).filter(
    lambda name: name not in {".", ".."}
)


@given(st.sampled_from(FOLDERS), st.lists(st.builds(os.path.join, st.sampled_from(FOLDERS), names), max_size=4))
def test_files_beside_a_message_file(folder: str, paths: list[str]) -> None:
    """Wherever attached files are, they are found again; what is in the folder of the message moves along with it."""
    draft = Draft(subject="Hi", attachments=tuple(map(AttachmentDraft, paths)))
    path = str(Path(folder) / "letter.mail")
    content = draft_file(draft, path)
    assert file_draft(content, path).draft == kept(draft)
    elsewhere = file_draft(content, "/somewhere/letter.mail").draft
    for one, moved in zip(paths, elsewhere.attachments, strict=True):
        if folder != "/" and one.startswith(f"{folder}/"):
            assert moved.path == f"/somewhere/{os.path.relpath(one, folder)}"
        elif folder != "/":
            assert moved.path == one


def test_paths_in_a_message_file(new_machine: Path) -> None:
    """A relative path is meant from the file's folder, ~ is the home, an absolute one is itself."""
    text = b"---\nAttach: a.pdf\nAttach: ../b.pdf\nAttach: ~/c.pdf\nAttach: /d.pdf\n---\n"
    found = file_draft(text, "/x/y/letter.mail").draft
    assert [one.path for one in found.attachments] == ["/x/y/a.pdf", "/x/b.pdf", f"{new_machine}/c.pdf", "/d.pdf"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"---\nTo: a\nno field\n---\n", "letter.mail:3: “no field” is no field"),
        (b"---\nTo: a\n---\n\xff\n", "letter.mail:4: this is not UTF-8 text"),
    ],
)
def test_file_and_line_are_named(content: bytes, words: str) -> None:
    """What makes no sense in a file is told with its name and line."""
    with pytest.raises(MessageError, match=words):
        file_draft(content, "letter.mail")


def test_what_is_wrong_with_a_mail_is_told_by_its_line() -> None:
    """A problem of the mail names the line of its field; one that stands nowhere is told as it is."""
    found = file_draft(b"---\nTo: nobody\n---\nHi\n", "letter.mail")
    problems = (Problem(Place.TO, "no address"), Problem(Place.FROM, "no sender"), Problem(Place.TEXT, "bad"))
    told = located(MessageError(*problems), replace(found), "letter.mail")
    assert [problem.words for problem in told.problems] == [
        "letter.mail:2: no address",
        "no sender",
        "letter.mail:4: bad",
    ]
