"""Names of files, whatever stands in them: shown so that they act on nothing, sent so that everybody can read them."""

import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cfmail_tui.attachments import inspect, naming, picked
from cfmail_tui.credentials import Keyring
from cfmail_tui.message import AttachmentDraft, Draft
from cfmail_tui.outbox import Accounts, Outbox
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.store import Store
from cfmail_tui.submission import Accepted, Account, ApiToken
from tests.edge.cli_run import HOSTILE

KEPT: Final = (
    "report 2024-01.pdf",
    "Grüße aus Österreich.txt",
    "Gru\u0308ße (NFD).txt",
    "отчёт.txt",
    "αναφορά.txt",
    "報告書と資料.txt",
    "보고서.txt",
    "รายงานที่.txt",
    "रिपोर्ट.txt",
    "دستور\u200cالعمل.txt",
    "תקציר \u200f(1).txt",
    "ရုပ်ပုံ.txt",
    "አማርኛ.txt",
    "family 👨\u200d👩\u200d👧 👍🏽 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f.txt",
    "Z\u0351\u036b\u0343\u036aa\u0328lgo.txt",
    "𝔐𝔞𝔱𝔥.txt",
    'it\'s "quoted"; name=x, (y) <z> 100%.txt',
    "=?utf-8?q?x?=.txt",
    "utf-8''x.txt",
    "data:text,x",
    "名" * 83 + ".txt",
    "x" * 251 + ".txt",
)
"""Names that arrive as they are."""

CLEANED: Final = {
    b"latin-\xe9.txt": "latin-_.txt",
    b"\xff\xfe": "__",
    b"a\nb\r\tc.txt": "a_b__c.txt",
    b"\x1b]52;c;x\x07.txt": "_]52;c;x_.txt",
    b"..\\..\\etc.txt": "_.._etc.txt",
    b".bashrc": "bashrc",
    b"...": "attachment",
    b" spaced .txt ": "spaced .txt",
    "nel\x85csi\x9b.txt".encode(): "nel_csi_.txt",
    "line\u2028end\u2029.txt".encode(): "line_end_.txt",
    "invoice\u202efdp.exe".encode(): "invoicefdp.exe",
    "\u2066isolated\u2069.txt".encode(): "isolated.txt",
    "\ufeffmark.txt".encode(): "mark.txt",
}
"""Names that are sent as others."""


@pytest.fixture
def outbox(sandbox: Sandbox, tmp_path: Path) -> Iterator[Outbox]:
    account = Account("test", sandbox.account_id, ApiToken(sandbox.token), "the test")
    with closing(Store(tmp_path / "data")) as store:
        yield Outbox(store, Accounts({}, Keyring(), only=account), sandbox.base_url, {})


def made(folder: Path, name: bytes, content: bytes) -> str:
    path = os.path.join(os.fsencode(folder), name)  # noqa: PTH118 - octets, not text
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(content)
    return os.fsdecode(path)


def delivered(sandbox: Sandbox) -> EmailMessage:
    """The mail as it lies in the Maildir."""
    (path,) = (sandbox.maildir / "new").iterdir()
    message = BytesParser(EmailMessage, policy=default).parsebytes(path.read_bytes())
    assert not message.defects
    return message


@pytest.mark.parametrize("disposition", ["attachment", "inline"])
def test_every_name_arrives(outbox: Outbox, sandbox: Sandbox, tmp_path: Path, disposition: str) -> None:
    """In every script, with emoji, marks, quotes and 255 octets a name arrives as it is, the others clean, and each
    with its octets."""
    names = {**{name.encode(): name for name in KEPT}, **CLEANED}
    contents = {clean: f"content {number}".encode() for number, clean in enumerate(names.values())}
    drafts = [
        replace(
            picked(made(tmp_path, name, contents[clean])),
            disposition="inline" if disposition == "inline" else "attachment",
        )
        for name, clean in names.items()
    ]
    draft = Draft("me@acme.example", "bob@example.net", text="Hi", html="<p>Hi", attachments=tuple(drafts))
    assert isinstance(outbox.send(outbox.prepare(draft)).outcome, Accepted)
    parts = [part for part in delivered(sandbox).walk() if part.get_content_disposition() == disposition]
    assert [(part.get_filename(), part.get_payload(decode=True)) for part in parts] == [*contents.items()]


@pytest.mark.parametrize(("name", "clean"), CLEANED.items(), ids=map(ascii, CLEANED))
def test_a_name_that_is_changed_is_told(tmp_path: Path, name: bytes, clean: str) -> None:
    """What a file is called and as what it is sent is said, in words that act on nothing; another can be chosen."""
    path = made(tmp_path, name, b"x")
    (finding,) = [finding for finding in inspect(AttachmentDraft(path)).findings if "is sent as" in finding.words]
    assert finding.words.endswith(f"is sent as {clean}")
    assert not HOSTILE.search(finding.words)
    chosen = inspect(AttachmentDraft(path, filename="chosen.txt"))
    assert (chosen.filename, chosen.findings) == ("chosen.txt", ())


@pytest.mark.parametrize("name", ["a\u202etxt.exe", "../up.txt", ".hidden", " blank"])
def test_a_chosen_name_that_could_mislead_is_told(tmp_path: Path, name: str) -> None:
    """A name of one's own is sent as it is; if others may read it otherwise, that is said, with a safe one."""
    found = inspect(AttachmentDraft(made(tmp_path, b"x.txt", b"x"), filename=name))
    assert found.filename == name
    (finding,) = [finding for finding in found.findings if "may be read otherwise" in finding.words]
    assert naming.clean(name) in finding.words


@given(
    name=st.text(st.characters(exclude_categories=()), max_size=300)
    | st.text("./\\ \u202e\u0301\u200d👨x", max_size=300)
)
@example("." * 300)
@example("x." + "y" * 300)
@example("👨\u200d" * 100 + ".png")
def test_a_clean_name(name: str) -> None:
    """A clean name is one line of 1 to 255 octets without controls, separators and leading dots; cleaned again it is
    the same; and of a name that fits nothing but those is taken away."""
    clean = naming.clean(name)
    assert 1 <= len(clean.encode()) <= 255
    assert not re.search("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff/\\\\]", clean)
    assert not clean.startswith(".")
    assert naming.clean(clean) == clean
    if len(name.encode("utf-8", "replace")) <= 255:
        for char in name:
            if unicodedata.category(char)[0] in "LMN" or char == "\u200d":
                assert char in clean


@pytest.mark.parametrize("length", range(225, 256))
def test_a_cut_parts_nothing(length: int) -> None:
    """Where a name is cut, no mark loses its letter, no family a member, and the suffix stays."""
    for cluster in ("e\u0301", "👨\u200d👩\u200d👧", "क्ष"):
        clean = naming.clean("x" * length + cluster * 4 + ".png")
        assert re.fullmatch(f"x+(?:{cluster})*\\.png", clean) or cluster == "क्ष"
        assert clean.endswith(".png")
        assert not unicodedata.category(clean.removesuffix(".png")[-1]).startswith("C")
