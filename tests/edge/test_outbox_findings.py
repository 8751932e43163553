"""What is found in a draft stands with the mail that is reviewed, or stops it before anything is kept."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cfmail_tui.credentials import Keyring
from cfmail_tui.lint import Known
from cfmail_tui.message import AttachmentDraft, Draft, MessageError, Place
from cfmail_tui.outbox import Accounts, Outbox
from cfmail_tui.store import Store
from cfmail_tui.submission import Account, ApiToken

MAIL = Draft(sender="me@acme.example", to="bob@example.net", text="Hi")


@pytest.fixture
def outbox(data_dir: Path) -> Iterator[Outbox]:
    account = Account("test", "0123456789abcdef" * 2, ApiToken("a-token"), "the test")
    with closing(Store(data_dir)) as store:
        yield Outbox(store, Accounts({}, Keyring(), only=account), "http://127.0.0.1:9/", {})


def test_what_a_mail_is_prepared_with(outbox: Outbox, tmp_path: Path) -> None:
    """What is found in a draft, its files and what the caller knows of the world stands with the reviewed mail."""
    (tmp_path / "empty.txt").touch()
    known = Known(suppressed={"bob@example.net": "complaint"}, domains=frozenset({"acme.example"}))
    reviewed = outbox.prepare(replace(MAIL, attachments=(AttachmentDraft(str(tmp_path / "empty.txt")),)), known=known)
    assert [(one.rule, one.weight) for one in reviewed.findings] == [
        ("suppressed", "caution"),
        ("no-subject", "caution"),
        ("file", "caution"),
    ]


def test_what_stops_a_mail_keeps_nothing(outbox: Outbox, data_dir: Path) -> None:
    """A mail that Cloudflare would refuse has no body written, and says where the reason is."""
    with pytest.raises(MessageError) as caught:
        outbox.prepare(replace(MAIL, headers="X-One: 1\nSender: a@b.example", html='<img src="cid:x" alt="">'))
    assert [(problem.place, problem.offset) for problem in caught.value.problems] == [
        (Place.HEADERS, 9),
        (Place.HTML, 0),
    ]
    assert not [*(data_dir / "bodies").iterdir()]
