"""One message out of many: what is taken out of an mbox or a Maildir is what was put in."""

import contextlib
import io
import mailbox
import os
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfmail_tui.attachments import mailbox_files
from cfmail_tui.message import MessageError

POSTMARK = b"From me@example.com Mon Nov 23 07:00:00 2026\n"


def message(subject: str, body: str = "hi\n") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["Subject"], made["Date"] = "Me <me@example.com>", subject, "Mon, 23 Nov 2026 07:00:00 +0000"
    made.set_content(body)
    return made


def test_an_mbox_of_pythons_is_listed_and_taken_apart(tmp_path: Path) -> None:
    """What Python's mailbox wrote comes back octet for octet, with what its header says."""
    path = tmp_path / "mail.mbox"
    made = [message("Grüße"), message("two", "From here on\n\nFrom there\n"), message("three", "\n")]
    with contextlib.closing(mailbox.mbox(path)) as box:
        for one in made:
            box.add(one)
    assert mailbox_files.kind_of(str(path)) == "mbox"
    found = list(mailbox_files.listed(str(path)))
    assert [(one.number, one.sender, one.subject) for one in found] == [
        (1, "Me <me@example.com>", "Grüße"),
        (2, "Me <me@example.com>", "two"),
        (3, "Me <me@example.com>", "three"),
    ]
    taken = [mailbox_files.extracted(one) for one in found]
    assert [one.source for one in taken] == [bytes(one) for one in made]
    assert [len(one.notes) for one in taken] == [1, 2, 1]
    assert "2 lines begin with “>From ”" in taken[1].notes[1]


def test_a_maildir_is_listed_in_the_order_of_delivery(tmp_path: Path) -> None:
    """New and read messages together, by the time in their names; they come out as they are."""
    made = {"new/2.b": message("two"), "cur/10.a:2,S": message("ten"), "new/1.z": message("one")}
    for folder in ("new", "cur", "tmp"):
        (tmp_path / folder).mkdir()
    for name, one in made.items():
        (tmp_path / name).write_bytes(bytes(one))
    (tmp_path / "new" / ".hidden").write_bytes(b"x")
    (tmp_path / "cur" / "folder").mkdir()
    assert mailbox_files.kind_of(str(tmp_path)) == "maildir"
    found = list(mailbox_files.listed(str(tmp_path)))
    assert [one.subject for one in found] == ["one", "two", "ten"]
    assert mailbox_files.extracted(found[2]).source == bytes(made["cur/10.a:2,S"])
    (tmp_path / "new" / "1.z").unlink()
    with pytest.raises(MessageError, match="no such file"):
        mailbox_files.extracted(found[0])


def test_a_single_message_is_one(tmp_path: Path) -> None:
    """A file that begins with no postmark is a message, whatever stands in it."""
    source = b"From: me@example.com\n\nhi\n\n" + POSTMARK + b"\n>From x\n"
    path = tmp_path / "mail.eml"
    path.write_bytes(source)
    [found] = mailbox_files.listed(str(path))
    assert mailbox_files.extracted(found) == mailbox_files.Extracted(source)


def test_a_file_that_changed_is_not_read(tmp_path: Path) -> None:
    """Offsets of an mbox that was written to since would lead anywhere."""
    path = tmp_path / "mail.mbox"
    path.write_bytes(POSTMARK + b"Subject: x\n\nhi\n")
    [found] = mailbox_files.listed(str(path))
    path.write_bytes(POSTMARK * 2)
    with pytest.raises(MessageError, match="it changed since its messages were listed"):
        mailbox_files.extracted(found)


@pytest.mark.parametrize("path", ["gone", "."])
def test_what_cannot_be_read_is_named(path: str, tmp_path: Path) -> None:
    """A file that is not there, and a folder that is no Maildir, are refused by name."""
    with pytest.raises(MessageError, match=path):
        list(mailbox_files.listed(str(tmp_path / path)))


LINES = st.sampled_from(
    ["Subject: x", "", "From here on", ">From there", ">>From x", "From a 10:00:00 2026", "text", " "]
)


@settings(max_examples=150)
@given(st.lists(st.lists(LINES, max_size=8), min_size=1, max_size=4), st.sampled_from(["\n", "\r\n"]))
def test_what_an_mboxrd_writer_put_in_comes_out(messages: list[list[str]], newline: str) -> None:
    """Any messages, written as mboxrd says, come out as they were, however their lines begin."""
    sources = [b"".join(f"{line}{newline}".encode() for line in lines) for lines in messages]
    box = b""
    for lines in messages:
        stuffed = [">" + line if line.lstrip(">").startswith("From ") else line for line in lines]
        box += POSTMARK.rstrip(b"\n") + newline.encode()
        box += b"".join(f"{line}{newline}".encode() for line in [*stuffed, ""])
    file = io.BytesIO(box)
    found = list(mailbox_files.listed_in(file, "box"))
    assert [mailbox_files.extracted_from(file, one).source for one in found] == sources


@settings(max_examples=150)
@given(st.binary() | st.lists(st.sampled_from([POSTMARK, b"\n", b"From ", b"x\n", b"\r\n"])).map(b"".join))
def test_any_octets_are_listed(octets: bytes) -> None:
    """No file makes the listing fail, and what it lists lies within the file without overlap."""
    file = io.BytesIO(octets)
    at = 0
    for one in mailbox_files.listed_in(file, "x"):
        assert at <= one.offset
        assert one.offset + one.size <= len(octets)
        at = one.offset + one.size
        mailbox_files.extracted_from(file, one)


@pytest.mark.parametrize("shift", range(0, 60, 7))
def test_a_postmark_between_two_blocks_is_seen(shift: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a block of the file ends, each message is found where it is."""
    monkeypatch.setattr(mailbox_files, "_BLOCK", 64)
    body = b"x" * shift + b"\n\n"
    octets = b"".join(POSTMARK + b"Subject: %d\n\n" % n + body for n in range(20))
    found = list(mailbox_files.listed_in(io.BytesIO(octets), "x"))
    assert [one.subject for one in found] == [str(n) for n in range(20)]


def test_a_huge_mbox_is_listed_without_being_held(tmp_path: Path) -> None:
    """An mbox of any size is listed a block at a time."""
    import tracemalloc

    path = tmp_path / "huge.mbox"
    with path.open("wb") as file:
        for n in range(3):
            file.write(POSTMARK + b"Subject: %d\n\n" % n)
            file.seek(30 * 1024 * 1024, os.SEEK_CUR)
            file.write(b"\n\n")
    tracemalloc.start()
    try:
        subjects = [one.subject for one in mailbox_files.listed(str(path))]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert subjects == ["0", "1", "2"]
    assert peak < 8 * 1024 * 1024
