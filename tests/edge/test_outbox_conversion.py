"""A raw message of a form, a form of one, and a draft of what was sent: octet for octet, or a reason."""

from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import partial
from pathlib import Path

import pytest

from cfmail_tui import mime
from cfmail_tui.attachments.kept import keep
from cfmail_tui.message import AttachmentDraft, Draft, MessageError, Place, RawDraft
from cfmail_tui.outbox import Outbox, OutboxError
from cfmail_tui.outbox.conversion import draft_of, raw_of
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.store import Store
from tests.edge.test_outbox import MAIL, opened, outbox

__all__ = ["opened", "outbox"]

BLOB = bytes(range(256)) * 300


@pytest.fixture
def mail(tmp_path: Path) -> Draft:
    """A form with everything."""
    (tmp_path / "a.png").write_bytes(BLOB)
    return replace(
        MAIL,
        cc="Carol Grüße <carol@example.net>",
        bcc="hidden@example.net, bob@example.net",
        reply_to="me@acme.example",
        headers="X-A: b",
        html="<p>Hi</p>",
        attachments=(AttachmentDraft(str(tmp_path / "a.png"), filename="ä.png", media_type="image/png"),),
    )


def test_the_message_of_a_form(outbox: Outbox, mail: Draft) -> None:
    """It is what the form means, files and all; the Bcc recipients are in the envelope alone, each once."""
    raw = raw_of(mail, outbox.assembled)
    assert (raw.sender, raw.recipients) == ("me@acme.example", "bob@example.net, carol@example.net, hidden@example.net")
    assert b"hidden" not in raw.source
    assert not mime.problems(raw.source)
    parsed = message_from_bytes(raw.source, policy=default)
    assert isinstance(parsed, EmailMessage)
    (attached,) = parsed.iter_attachments()
    assert (attached.get_filename(), attached.get_payload(decode=True)) == ("ä.png", BLOB)
    assert (parsed["Subject"], parsed["X-A"], parsed["Reply-To"]) == ("Hello", "b", "me@acme.example")


def test_what_is_missing_stays_missing(outbox: Outbox) -> None:
    """An unfinished form has a message that can be read, but not be sent."""
    raw = raw_of(Draft(subject="x"), outbox.assembled)
    assert (raw.sender, raw.recipients) == ("", "")
    parsed = message_from_bytes(raw.source, policy=default)
    assert (parsed["Subject"], parsed.get_content_type(), parsed.defects) == ("x", "text/plain", [])


def test_what_is_wrong_is_told_at_once(outbox: Outbox, tmp_path: Path) -> None:
    """Every fault of the form is named, and nothing that is merely missing."""
    wrong = Draft(to="bob@", headers="nonsense", attachments=(AttachmentDraft(str(tmp_path / "gone")),))
    with pytest.raises(MessageError) as caught:
        raw_of(wrong, outbox.assembled)
    assert [problem.place for problem in caught.value.problems] == [Place.TO, Place.HEADERS, Place.ATTACHMENTS]


def test_more_than_any_mail(outbox: Outbox, tmp_path: Path) -> None:
    """A form that no mail can be made of is refused before its files are read."""
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(MessageError, match="too big"):
        raw_of(replace(MAIL, attachments=(AttachmentDraft(str(path)),)), outbox.assembled)


def test_there_and_back(outbox: Outbox, mail: Draft, tmp_path: Path) -> None:
    """A form made into a message and that into a form has the same text, people and files."""
    raw = raw_of(mail, outbox.assembled)
    back = draft_of(raw.source, mime.form_of(raw), tmp_path / "kept")
    (file,) = back.attachments
    assert back == replace(
        mail, bcc="hidden@example.net", sender="me@acme.example", attachments=(replace(file, media_type="image/png"),)
    )
    assert (file.filename, Path(file.path).read_bytes()) == ("ä.png", BLOB)


@pytest.mark.parametrize("is_raw", [True, False])
def test_what_was_sent_is_a_draft_again(outbox: Outbox, mail: Draft, tmp_path: Path, is_raw: bool) -> None:
    """Sent once more, it makes the very same request."""
    content = RawDraft("me@acme.example", "bob@example.net", b"From: me@acme.example\n\nHi") if is_raw else mail
    attempt = outbox.send(outbox.prepare(content))
    again = outbox.draft_of(attempt, partial(keep, tmp_path / "kept"))
    assert outbox.prepare(again).submission.digest == attempt.submission.digest


def test_what_was_sent_and_is_damaged(outbox: Outbox, store: Store, sandbox: Sandbox, tmp_path: Path) -> None:
    """A stored mail that is not what was reviewed makes no draft."""
    attempt = outbox.send(outbox.prepare(MAIL))
    path = store.body_path(attempt.submission.attempt_id)
    path.write_bytes(path.read_bytes().replace(b"Hello", b"Other"))
    with pytest.raises(OutboxError, match="damaged"):
        outbox.draft_of(attempt, partial(keep, tmp_path))
    assert len(sandbox.messages()) == 1
