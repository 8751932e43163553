"""What is found in a draft stands with the mail that is reviewed, or stops it before anything is kept."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cfmail_tui.credentials import Keyring
from cfmail_tui.message import AttachmentDraft, Draft, MessageError, Place
from cfmail_tui.outbox import Accounts, Outbox
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.store import Store
from cfmail_tui.submission import Accepted, Account, ApiToken, Receipt

MAIL = Draft(sender="me@acme.example", to="bob@example.net", text="Hi")


@pytest.fixture
def outbox(data_dir: Path) -> Iterator[Outbox]:
    account = Account("test", "0123456789abcdef" * 2, ApiToken("a-token"), "the test")
    with closing(Store(data_dir)) as store:
        yield Outbox(store, Accounts({}, Keyring(), only=account), "http://127.0.0.1:9/", {})


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
