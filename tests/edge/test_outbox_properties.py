"""What holds for every mail on the outbox's road: it arrives as it was given, or is refused in words."""

import base64
import email
import email.header
import email.utils
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cfmail_tui.credentials import Keyring
from cfmail_tui.message import AttachmentDraft, Draft, Mailbox, MessageError, RawDraft
from cfmail_tui.outbox import Accounts, Outbox
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.store import Store
from cfmail_tui.submission import Accepted, Account, ApiToken

MANY: Final = settings(max_examples=2 * settings().max_examples)
"""Twice the examples of the profile."""

CLEAN: Final = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60)
ANY: Final = st.text(st.characters(), max_size=60) | st.text("ab \"'\\<>()@,;:=?_.\r\n\t\0\x85\u2028\u202e\xa0ö\ud800")
NAMES: Final = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40)


@pytest.fixture
def road(tmp_path: Path) -> Iterator[Callable[[Draft | RawDraft], tuple[Any, bytes]]]:
    """Sends a draft into a sandbox: the request as it came there, and the mail that was delivered."""
    with Sandbox(tmp_path / "box") as box, closing(Store(tmp_path / "data")) as store:
        account = Account("test", box.account_id, ApiToken(box.token), "")
        outbox = Outbox(store, Accounts({}, Keyring(), only=account), box.base_url, {})

        def send(draft: Draft | RawDraft) -> tuple[Any, bytes]:
            attempt = outbox.send(outbox.prepare(draft))
            assert isinstance(attempt.outcome, Accepted), attempt.outcome
            message = box.messages()[-1]
            again = b"".join(outbox.eml(attempt))
            if isinstance(draft, RawDraft):
                assert again == box.mime(message["n"])
            else:
                assert outbox.wire_body(attempt.submission.attempt_id) == box.request_body(message["n"])
                assert email.message_from_bytes(again, policy=default)["Subject"] == draft.subject
            return message["request"], box.mime(message["n"])

        yield send


def refused_in_words(error: MessageError) -> None:
    assert error.problems
    assert all(problem.words and not re.search(r"[\0-\x1f]", problem.words) for problem in error.problems)


def phrase(value: str) -> str:
    """A display name as Python's older parser reads it, which keeps blanks as they are."""
    ((name, _address),) = email.utils.getaddresses([value.replace("\r\n", "")])
    return str(email.header.make_header(email.header.decode_header(name)))


def test_any_text_arrives_unchanged(road: Callable[[Draft], tuple[Any, bytes]], tmp_path: Path) -> None:
    """Any subject, name, text, HTML and file name that is taken reaches the far end, and its mail, as it was."""

    @MANY
    @given(subject=CLEAN, name=CLEAN, text=ANY, html=ANY, filename=NAMES, content=st.binary(max_size=200))
    @example("=?utf-8?q?x?=", 'a "b" \\ <c>, d', "\0\r\n", "\u2028", "…\u202e.exe", b"\r\n")
    def arrives(subject: str, name: str, text: str, html: str, filename: str, content: bytes) -> None:
        text, html = (f"{body}.".encode("utf-8", "replace").decode() for body in (text, html))
        path = tmp_path / "attached"
        path.write_bytes(content)
        clean = re.sub("[\0-\x1f\x7f-\x9f]", "_", filename)
        draft = Draft(
            sender=str(Mailbox("me@acme.example", name)),
            to=str(Mailbox("bob@example.net", name)),
            subject=subject,
            text=text,
            html=html,
            attachments=(AttachmentDraft(str(path), filename=clean),),
        )
        request, delivered = road(draft)
        shown = {"address": "me@acme.example", "name": name} if name else "me@acme.example"
        assert (request["from"], request["subject"]) == (shown, subject)
        assert (request["text"], request["html"]) == (text, html)
        (part,) = request["attachments"]
        assert (part["filename"], base64.b64decode(part["content"], validate=True)) == (clean, content)
        message = email.message_from_bytes(delivered, policy=default)
        assert isinstance(message, EmailMessage)
        assert message["Subject"] == subject
        assert phrase(email.message_from_bytes(delivered)["From"]) == name
        leaves = [leaf.get_payload(decode=True) for leaf in message.walk() if not leaf.is_multipart()]
        ends = [re.sub("\r\n|\r|\n", "\r\n", body).encode() for body in (text, html)]
        assert leaves == [*ends, content]

    arrives()


def test_any_file_name_arrives_clean(road: Callable[[Draft], tuple[Any, bytes]], tmp_path: Path) -> None:
    """A file of any name can be attached, and its name is the file's but for what no header can hold."""

    @MANY
    @given(name=st.binary(min_size=1, max_size=60), inline=st.booleans())
    @example(b"data:text/html,x", True)
    @example(b"\xff\n\x1b", False)
    def arrives(name: bytes, inline: bool) -> None:
        octets = name.replace(b"/", b"-").replace(b"\0", b"-")
        if octets in {b".", b".."}:
            return
        path = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path / "files"), octets)))  # noqa: PTH118 - octets, not text
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"content")
        file = AttachmentDraft(str(path), "inline" if inline else "attachment")
        draft = Draft("me@acme.example", "bob@example.net", text="Hi", attachments=(file,))
        request, _ = road(draft)
        (part,) = request["attachments"]
        clean = re.sub(r"[\0-\x1f\x7f-\x9f\udc80-\udcff\\]", "_", path.name).strip().lstrip(".").strip()
        assert part["filename"] == clean or not clean or set(clean) & set("\u2028\u2029\ufeff\u202e")
        assert base64.b64decode(part["content"]) == b"content"

    arrives()


def test_any_draft_is_refused_in_words_or_arrives(road: Callable[[Draft], tuple[Any, bytes]]) -> None:
    """Whatever is typed, it is a MessageError with words, or a request that says just that."""

    typed = st.just("me@acme.example") | ANY

    @MANY
    @given(st.builds(Draft, sender=typed, to=typed, subject=CLEAN | ANY, text=ANY, html=ANY))
    def holds(draft: Draft) -> None:
        try:
            request, delivered = road(draft)
        except MessageError as error:
            refused_in_words(error)
            return
        assert request["subject"] == draft.subject
        assert request.get("text", "") == (draft.text if draft.text.strip() else "")
        assert request.get("html", "") == (draft.html if draft.html.strip() else "")
        assert request.keys() <= {"from", "to", "subject", "text", "html"}
        header = delivered.partition(b"\r\n\r\n")[0]
        assert b"\n" not in header.replace(b"\r\n", b"")
        assert email.message_from_bytes(delivered, policy=default)["Subject"] == draft.subject

    holds()


def test_any_source_is_refused_in_words_or_arrives(road: Callable[[RawDraft], tuple[Any, bytes]]) -> None:
    """Whatever stands in a raw message, it is a MessageError with words, or arrives with CRLF and else unchanged."""

    @MANY
    @given(
        header=st.binary(max_size=40),
        body=st.binary(max_size=60) | ANY.map(lambda text: text.encode("utf-8", "replace")),
    )
    def holds(header: bytes, body: bytes) -> None:
        source = b"From: me@acme.example\n" + header + b"\n\n" + body
        try:
            request, delivered = road(RawDraft("me@acme.example", "bob@example.net", source))
        except MessageError as error:
            refused_in_words(error)
            return
        assert delivered == re.sub(rb"(?<!\r)\n", b"\r\n", source)
        assert request["mime_message"].encode() == delivered

    holds()
