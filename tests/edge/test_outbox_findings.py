"""What is found in a draft stands with the mail that is reviewed, or stops it before anything is kept."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cfmail_tui.credentials import Keyring
from cfmail_tui.message import AttachmentDraft, Draft, MailMessage, MessageError, Place, SavedDraft
from cfmail_tui.outbox import Accounts, Outbox
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.store import Store
from cfmail_tui.submission import Accepted, Account, ApiToken, Receipt

MAIL = Draft(sender="me@acme.example", to="bob@example.net", text="Hi")


@pytest.fixture(params=[False])
def outbox(data_dir: Path, request: pytest.FixtureRequest) -> Iterator[Outbox]:
    """With a page for Markdown of the user's own where the test wants one: page.html beside the data."""
    account = Account("test", "0123456789abcdef" * 2, ApiToken("a-token"), "the test")
    with closing(Store(data_dir)) as store:
        yield Outbox(
            store,
            Accounts({}, Keyring(), only=account),
            "http://127.0.0.1:9/",
            {},
            markdown_template=str(data_dir.parent / "page.html") if request.param else "",
        )


def suppressed_last_time(outbox: Outbox, address: str) -> None:
    """In the history, the last mail to this address was kept back."""
    reviewed = outbox.prepare(replace(MAIL, to=address))
    outbox._store.begin(reviewed.submission, "test")
    outbox._store.finish(
        reviewed.submission.attempt_id, Accepted(Receipt(suppressed=(address,), message_id="1@acme.example"))
    )


def test_what_a_mail_is_prepared_with(outbox: Outbox, tmp_path: Path) -> None:
    """What is found in a draft, its files and the history of its recipients stands with the reviewed mail."""
    (tmp_path / "empty.txt").touch()
    suppressed_last_time(outbox, "bob@example.net")
    reviewed = outbox.prepare(replace(MAIL, attachments=(AttachmentDraft(str(tmp_path / "empty.txt")),)))
    assert [(one.rule, one.weight) for one in reviewed.findings] == [
        ("suppressed", "caution"),
        ("no-subject", "caution"),
        ("file", "caution"),
    ]


def test_what_is_found_before_a_mail_is_finished(outbox: Outbox, tmp_path: Path) -> None:
    """A draft is checked as it is typed, with its files, its size and what the history says of its recipients."""
    suppressed_last_time(outbox, "bob@example.net")
    (tmp_path / "big.bin").write_bytes(bytes(6_000_000))
    files = (AttachmentDraft(str(tmp_path / "big.bin")), AttachmentDraft(str(tmp_path / "gone.txt")))
    first = outbox.check(replace(MAIL, to="bob@example.net, carol@", subject="Hi"))
    assert [one.rule for one in first.findings] == ["bad-address", "suppressed"]
    assert first.size is None
    second = outbox.check(replace(MAIL, to="bob@example.net", subject="Hi", attachments=files), "", first)
    assert [one.rule for one in second.findings] == ["unreadable-file", "too-big", "suppressed"]
    assert second.size
    assert second.size.is_over


def test_which_domains_an_account_may_send_from(sandbox: Sandbox, data_dir: Path) -> None:
    """Once an account was checked, a From that it may not send from is told, and never of another one of that name."""
    account = Account("work", sandbox.account_id, ApiToken(sandbox.token), "the test")
    with closing(Store(data_dir)) as store:
        outbox = Outbox(store, Accounts({}, Keyring(), only=account), sandbox.base_url, {})
        stranger = replace(MAIL, sender="me@elsewhere.example", subject="Hi")
        assert not outbox.check(stranger, "work").findings
        outbox.inspect("work")
        assert [one.rule for one in outbox.check(stranger, "work").findings] == ["sender-domain"]
        assert not outbox.check(replace(stranger, sender="me@acme.example"), "work").findings
        assert not outbox.check(stranger, "another").findings
        elsewhere = Account("work", "f" * 32, ApiToken(sandbox.token), "the test")
        outbox.accounts = Accounts({}, Keyring(), only=elsewhere)
        assert not outbox.check(stranger, "work").findings


def test_what_stops_a_mail_keeps_nothing(outbox: Outbox, data_dir: Path) -> None:
    """A mail that Cloudflare would refuse has no body written, and says where the reason is."""
    with pytest.raises(MessageError) as caught:
        outbox.prepare(replace(MAIL, headers="X-One: 1\nSender: a@b.example", html='<img src="cid:x" alt="">'))
    assert [(problem.place, problem.offset) for problem in caught.value.problems] == [
        (Place.HEADERS, 9),
        (Place.HTML, 0),
    ]
    assert not [*(data_dir / "bodies").iterdir()]


MARKDOWN = replace(MAIL, subject="Hi", text="", markdown="# Hi\n\nsee [it](http://acme.example/), {{name}}\n")


def test_what_is_found_in_markdown(outbox: Outbox) -> None:
    """What is wrong with the bodies that are made is told once, where the Markdown has it, and mended nowhere."""
    found = outbox.check(MARKDOWN).findings
    assert {one.place for one in found} == {Place.MARKDOWN}
    assert len({(one.rule, one.words) for one in found}) == len(found)
    assert not any(one.fix or one.mend for one in found)
    at = {one.rule: one.offset for one in found}
    assert at["template-field"] == MARKDOWN.markdown.index("{{name}}")
    assert at["http-link"] == MARKDOWN.markdown.index("http:")


def test_markdown_is_not_made_anew_at_each_key(outbox: Outbox) -> None:
    """While something else is typed the bodies that were made are looked at, and once it changes, others."""
    first = outbox.check(MARKDOWN)
    second = outbox.check(replace(MARKDOWN, subject="Other"), before=first)
    assert second.looked.draft.html is first.looked.draft.html
    assert second.looked.draft.subject == "Other"
    third = outbox.check(replace(MARKDOWN, markdown="Hi"), before=second)
    assert third.looked.draft.text == "Hi\n"
    assert outbox.check(replace(MAIL, text="Hi"), before=third).looked.draft.text == "Hi"


def test_markdown_is_made_once(outbox: Outbox) -> None:
    """What was reviewed is what will leave: the bodies stand in the request that was written down."""
    reviewed = outbox.prepare(MARKDOWN, SavedDraft("draft", 1, MARKDOWN))
    assert isinstance(reviewed.content, MailMessage)
    request = json.loads(outbox.wire_body(reviewed.submission.attempt_id))
    assert (request["text"], request["html"]) == (reviewed.content.text, reviewed.content.html)
    assert "</h1>" in request["html"]
    assert reviewed.draft
    assert reviewed.draft.content == MARKDOWN


@pytest.mark.parametrize("outbox", [True], indirect=True)
@pytest.mark.parametrize(
    ("page", "words"), [(None, "no such file"), (b"<p>", "has no {{body}} in it"), (b"\xff{{body}}", "not UTF-8")]
)
def test_a_page_of_ones_own_that_is_none(outbox: Outbox, data_dir: Path, page: bytes | None, words: str) -> None:
    """A mail in Markdown leaves in no other page than was wished; while it is written, it is checked all the same."""
    if page is not None:
        (data_dir.parent / "page.html").write_bytes(page)
    assert outbox.check(MARKDOWN).findings
    assert "</h1>" in outbox.page(MARKDOWN)
    assert words in outbox.proof(MARKDOWN).hindrances
    with pytest.raises(MessageError, match=re.escape(words)):
        outbox.prepare(MARKDOWN)
    outbox.prepare(replace(MAIL, subject="Hi"))


@pytest.mark.parametrize("outbox", [True], indirect=True)
def test_a_page_of_ones_own(outbox: Outbox, data_dir: Path) -> None:
    """The page is read when it is needed, as it is then."""
    for title in ("one", "two"):
        (data_dir.parent / "page.html").write_text(f"<title>{title}</title>{{{{body}}}}")
        reviewed = outbox.prepare(MARKDOWN)
        assert isinstance(reviewed.content, MailMessage)
        assert reviewed.content.html.startswith(f"<title>{title}</title><h1")


def test_markdown_beside_another_body(outbox: Outbox) -> None:
    """Two bodies of which nobody knows which one counts stop the mail."""
    with pytest.raises(MessageError, match="keep the one or the other"):
        outbox.prepare(replace(MARKDOWN, html="<p>x</p>"))
    assert [one.rule for one in outbox.check(replace(MARKDOWN, text="x")).findings if one.stops] == ["two-bodies"]


def test_markdown_of_which_nothing_is_left(outbox: Outbox) -> None:
    """A mail whose Markdown says nothing is empty, and that is told where it is written."""
    with pytest.raises(MessageError) as refused:
        outbox.prepare(replace(MARKDOWN, markdown="[a]: http://x.example/\n"))
    assert [one.place for one in refused.value.problems] == [Place.MARKDOWN]
