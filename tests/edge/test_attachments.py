"""Files as they are attached and sent: the very one that was picked, or it is said; read whole or not at all."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui.attachments import added, as_picked, expanded, inspect, inspect_all, media_types, picked, read_file
from cfmail_tui.credentials import Keyring
from cfmail_tui.message import AttachmentDraft, Draft, MessageError, SavedDraft, UnreadableFile
from cfmail_tui.outbox import Accounts, Outbox, Reviewed
from cfmail_tui.store import Store
from cfmail_tui.submission import Account, ApiToken

ROOT: Final = Path(__file__).parents[2]
PNG: Final = b"\x89PNG\r\n\x1a\n" + bytes(20)
MOMENT: Final = 1_700_000_000_000_000_000
"""A time of a file, in nanoseconds."""


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox that is only asked to prepare."""
    account = Account("test", "0" * 32, ApiToken("a-token"), "the test")
    with closing(Store(tmp_path / "data")) as store:
        yield Outbox(store, Accounts({}, Keyring(), only=account), "http://127.0.0.1:9/", {})


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.csv"
    path.write_bytes(b"a,b\n1,2\n")
    os.utime(path, ns=(MOMENT, MOMENT))
    return path


def mail(*attachments: AttachmentDraft) -> Draft:
    return Draft("me@acme.example", "bob@example.net", subject="Hello", text="Hi", attachments=attachments)


def told(reviewed: Reviewed) -> list[str]:
    """What a person has to say yes to."""
    return [finding.words for finding in reviewed.findings if finding.weight == "confirmed"]


def words_of(attachment: AttachmentDraft) -> str:
    return "\n".join(finding.words for finding in inspect(attachment).findings)


def refusal(path: Path | str) -> str:
    """Why this cannot be attached; the error names it."""
    with pytest.raises(MessageError) as caught:
        picked(str(path))
    (problem,) = caught.value.problems
    assert isinstance(problem, UnreadableFile)
    assert str(path) in problem.words
    return problem.words


class TestChangedSincePicked:
    def test_the_same_file(self, outbox: Outbox, report: Path) -> None:
        """Of a file that is what it was when it was picked there is nothing to say."""
        assert outbox.prepare(mail(picked(str(report)))).findings == ()

    def test_other_octets(self, outbox: Outbox, report: Path) -> None:
        """One that was written to is told with its sizes and times, then and now, and picked again it is not."""
        draft = picked(str(report))
        report.write_bytes(b"longer than it was\n")
        os.utime(report, ns=(MOMENT, MOMENT + 60_000_000_000))
        (words,) = told(outbox.prepare(mail(draft)))
        assert "report.csv changed" in words
        assert re.findall(r"(\d+) octets of \S+ \d\d:(\d\d)", words) == [("8", "13"), ("19", "14")]
        (again,) = added((draft,), [picked(str(report))])
        assert told(outbox.prepare(mail(again))) == []

    @pytest.mark.parametrize("way", ["touched", "rewritten", "replaced"])
    def test_the_same_size(self, outbox: Outbox, report: Path, way: str) -> None:
        """So is one of the same size, though its time, or its place on the disk, is all that tells."""
        draft = picked(str(report))
        if way == "replaced":
            other = report.with_name("other")
            other.write_bytes(b"x,y\n3,4\n")
            os.utime(other, ns=(MOMENT, MOMENT))
            other.replace(report)
        else:
            report.write_bytes(b"x,y\n3,4\n" if way == "rewritten" else report.read_bytes())
        (words,) = told(outbox.prepare(mail(draft)))
        assert ("was replaced" if way == "replaced" else "changed since") in words

    def test_a_time_beyond_any_calendar(self, outbox: Outbox, report: Path) -> None:
        """A file of the year 30000 is told of like any other."""
        draft = picked(str(report))
        assert draft.seen
        late = replace(draft, seen=replace(draft.seen, modified_ns=10**21))
        (words,) = told(outbox.prepare(mail(late)))
        assert "8 octets of no time" in words

    def test_gone(self, outbox: Outbox, report: Path) -> None:
        """One that is gone stops the mail, and is named."""
        draft = picked(str(report))
        report.unlink()
        with pytest.raises(MessageError, match=r"report\.csv cannot be attached: no such file"):
            outbox.prepare(mail(draft))

    def test_a_draft_keeps_it(self, report: Path, tmp_path: Path) -> None:
        """What was seen at picking is kept with the draft; one from before has none, and is read all the same."""
        content = mail(picked(str(report)), AttachmentDraft("/old"))
        with closing(Store(tmp_path / "data")) as store:
            store.save_draft(SavedDraft("draft", 1, content))
            kept = store.draft("draft").content
        assert isinstance(kept, Draft)
        assert kept.attachments == content.attachments
        assert kept.attachments[0].seen
        assert kept.attachments[1].seen is None

    def test_nobody_looked(self, outbox: Outbox, report: Path) -> None:
        """A file that nobody looked at when it was named is taken as it is."""
        assert outbox.prepare(mail(AttachmentDraft(str(report)))).findings == ()
        assert as_picked(AttachmentDraft("/gone")).seen is None


class TestReading:
    def test_swapped_after_the_look(self, report: Path) -> None:
        """Another file of the same size, put there after the look, is not read."""
        found = inspect(AttachmentDraft(str(report)))
        other = report.with_name("other")
        other.write_bytes(b"x" * found.size)
        os.utime(other, ns=(MOMENT, MOMENT))
        other.replace(report)
        with pytest.raises(MessageError, match="changed since it was looked at"):
            next(read_file(found))

    def test_swapped_for_a_pipe(self, report: Path) -> None:
        """A named pipe put there after the look is refused, and nobody waits for it."""
        found = inspect(AttachmentDraft(str(report)))
        report.unlink()
        os.mkfifo(report)
        with pytest.raises(MessageError, match="named pipe"):
            next(read_file(found))

    @pytest.mark.parametrize("size", [99_000, 100_000, 101_000])
    def test_written_while_it_is_read(self, tmp_path: Path, size: int) -> None:
        """One that shrinks, grows or is written over under the reader's hands stops the mail."""
        path = tmp_path / "log"
        path.write_bytes(b"x" * 100_000)
        blocks = read_file(inspect(AttachmentDraft(str(path))))
        next(blocks)
        with path.open("r+b") as file:
            file.write(b"y" * size)
            file.truncate(size)
        os.utime(path, ns=(MOMENT, MOMENT))
        with pytest.raises(MessageError, match="changed while it was read"):
            list(blocks)


class TestWhatIsNoFile:
    @pytest.mark.parametrize("link", [False, True])
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("fifo", "it is a named pipe"),
            ("socket", "it is a socket"),
            ("folder", "it is a folder"),
            ("/dev/null", "it is a device"),
            ("/dev/zero", "it is a device"),
            ("/proc/self/status", "it is not an ordinary file"),
            ("/proc/version", "it is not an ordinary file"),
            ("/sys/kernel/mm/transparent_hugepage/enabled", "it is not an ordinary file"),
        ],
    )
    def test_refused(self, tmp_path: Path, name: str, reason: str, link: bool) -> None:
        """What is no ordinary file is refused by its kind, also behind a link, with nobody waiting."""
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "folder").mkdir()
        path = tmp_path / name
        if name.startswith("/") and not path.exists():
            pytest.skip(f"there is no {name} here")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(tmp_path / "socket"))
            if link:
                (tmp_path / "link").symlink_to(path)
                path = tmp_path / "link"
            assert reason in refusal(path)

    def test_a_slow_pipe(self, tmp_path: Path) -> None:
        """A pipe into which somebody writes now and then is refused at once, and nothing of it is taken."""
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(os.open(fifo, os.O_WRONLY), "wb", buffering=0) as writer:
            writer.write(b"s")
            assert "named pipe" in refusal(fifo)
            assert os.read(reader, 10) == b"s"
        os.close(reader)

    def test_links_without_an_end(self, tmp_path: Path) -> None:
        """Links that lead in a circle, or nowhere, are refused."""
        (tmp_path / "loop").symlink_to("loop")
        (tmp_path / "dangling").symlink_to("nowhere")
        assert "symbolic links" in refusal(tmp_path / "loop")
        assert "no such file" in refusal(tmp_path / "dangling")

    def test_a_link_is_followed_and_told(self, outbox: Outbox, report: Path, tmp_path: Path) -> None:
        """A link to a file is sent under its own name, and where it leads is said; no link, nothing said."""
        (tmp_path / "link.csv").symlink_to(report)
        reviewed = outbox.prepare(mail(picked(str(tmp_path / "link.csv")), picked(str(report))))
        (finding,) = [finding for finding in reviewed.findings if finding.weight == "note"]
        assert finding.words == f"link.csv is a link to {report}"

    def test_a_hundred_gigabytes(self, outbox: Outbox, tmp_path: Path) -> None:
        """A sparse file of 100 GB is refused by its size."""
        path = tmp_path / "sparse"
        path.touch()
        os.truncate(path, 100 * 10**9)
        assert "it is too big" in refusal(path)
        with pytest.raises(MessageError, match="it is too big"):
            outbox.prepare(mail(AttachmentDraft(str(path))))


AS_NOBODY: Final = """
import json, os, sys
from cfmail_tui.attachments import inspect, inspect_all, picked, read_file
from cfmail_tui.message import MessageError
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
def said(act):
    try: act()
    except MessageError as error: return str(error)
    return "nothing"
secret, inside, mine = sys.argv[1:]
draft = picked(mine)
found = inspect(draft)
with open(mine + ".other", "w") as file: file.write("x")
os.chmod(mine + ".other", 0)
os.replace(mine + ".other", mine)
print(json.dumps({
    "secret": said(lambda: picked(secret)),
    "inside": said(lambda: picked(inside)),
    "locked since": [str(problem) for problem in inspect_all([draft])[1]],
    "locked at reading": said(lambda: list(read_file(found))),
}))
"""


def test_what_may_not_be_read() -> None:
    """A file, or a folder on the way to it, that this user may not read is named with the reason, also when it was
    locked after it was picked, or after it was looked at."""
    home = Path(tempfile.mkdtemp())
    try:
        home.chmod(0o777)
        secret, closed, mine = home / "secret", home / "closed", home / "mine"
        secret.write_text("secret")
        mine.write_text("mine")
        mine.chmod(0o644)
        closed.mkdir()
        (closed / "file").write_text("secret")
        secret.chmod(0)
        closed.chmod(0)
        command = [sys.executable, "-c", AS_NOBODY, *map(str, (secret, closed / "file", mine))]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        answers = json.loads(ran.stdout)
        (answers["locked since"],) = answers["locked since"]
        names = {"secret": "secret", "inside": "file", "locked since": "mine", "locked at reading": "mine"}
        for case, name in names.items():
            assert f"{name} cannot be attached: permission denied" in answers[case], case
    finally:
        (home / "closed").chmod(0o700)
        shutil.rmtree(home)


class TestKinds:
    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("report.pdf", PNG, "application/pdf and is a PNG image inside"),
            ("report.pdf", b"Dear Bob", "not a PDF document inside"),
            ("photo.png", b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG image inside"),
            ("photo.jpg", b"RIFF\0\0\0\0WEBPVP8 ", "a WebP image inside"),
            ("notes.txt", b"%PDF-1.7\n", "a PDF document inside"),
            ("notes.txt", b"\x7fELF\x02\x01\x01", "a program inside"),
            ("invoice.pdf", b"MZ" + bytes(100) + b"PE\0\0", "a program inside"),
            ("letter.docx", b"%PDF-1.4", "a PDF document inside"),
            ("archive.zip", b"Rar!\x1a\x07\x01\0", "a RAR archive inside"),
            ("archive.tar.gz", b"BZh91AY", "a bzip2 archive inside"),
            ("film.mp4", b"PK\x03\x04", "a ZIP archive inside"),
            ("empty.pdf", b"", "is empty"),
            ("photo", PNG, "is a PNG image inside, which its name does not say"),
        ],
    )
    def test_told(self, tmp_path: Path, name: str, content: bytes, words: str) -> None:
        """A file that is not inside what its name says is told in words, and its type stays what the name says."""
        (tmp_path / name).write_bytes(content)
        found = inspect(AttachmentDraft(str(tmp_path / name)))
        assert words in found.findings[0].words
        assert found.media_type == media_types.by_name(name)

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("report.pdf", b"\n\n%PDF-1.7\n"),
            ("report.pdf", b"From: a printer\r\n%PDF-1.3\n"),
            ("photo.png", PNG),
            ("notes.txt", b"MZ is where his letter begins, and it says PE at no place"),
            ("notes.txt", b"how a document begins: %PDF-1.7"),
            ("letter.docx", b"PK\x03\x04"),
            ("secret.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
            ("letter.doc", b"{\\rtf1"),
            ("film.mov", b"\0\0\0\x08wide"),
            ("film.mp4", b"\0\0\0\x18ftypmp42"),
            ("setup.exe", b"MZ" + bytes(100) + b"PE\0\0"),
            ("data.bin", b"\0\1\2"),
            ("notes.txt", "Grüße".encode("utf-16")),
            ("archive.tar.gz", b"\x1f\x8b\x08"),
        ],
    )
    def test_true(self, tmp_path: Path, name: str, content: bytes) -> None:
        """Of a file that is what its name says, or may well be, there is nothing to say."""
        (tmp_path / name).write_bytes(content)
        assert words_of(AttachmentDraft(str(tmp_path / name))) == ""

    def test_a_type_of_ones_own(self, tmp_path: Path) -> None:
        """A type that was chosen is checked as one that was promised is, and one that says nothing agrees with all."""
        (tmp_path / "photo").write_bytes(PNG)
        path = str(tmp_path / "photo")
        gif = AttachmentDraft(path, media_type="image/gif")
        assert words_of(gif) == "photo is called image/gif and is a PNG image inside"
        assert words_of(AttachmentDraft(path, media_type="IMAGE/PNG; x=y")) == ""
        assert words_of(AttachmentDraft(path, media_type="application/octet-stream")) == ""


class TestSeveral:
    def test_order_and_twice(self, outbox: Outbox, report: Path, tmp_path: Path) -> None:
        """Files leave in the order they stand in; one that is attached twice is sent so, and told."""
        (tmp_path / "zebra").write_bytes(b"z")
        drafts = [picked(str(path)) for path in (tmp_path / "zebra", report, tmp_path / "zebra")]
        reviewed = outbox.prepare(mail(*drafts))
        body = json.loads(outbox.wire_body(reviewed.submission.attempt_id))
        assert [part["filename"] for part in body["attachments"]] == ["zebra", "report.csv", "zebra"]
        assert [finding.words for finding in reviewed.findings] == ["zebra is in the mail twice"]

    def test_added(self, report: Path, tmp_path: Path) -> None:
        """A file that is picked again keeps its place and what was said of it; inline it is another."""
        (tmp_path / "zebra").write_bytes(b"z")
        zebra = picked(str(tmp_path / "zebra"))
        named = replace(picked(str(report)), filename="January.csv")
        report.write_bytes(b"new")
        mail_now = added((named, zebra), [picked(str(report)), replace(zebra, disposition="inline")])
        assert [(part.path, part.filename, part.disposition) for part in mail_now] == [
            (str(report), "January.csv", "attachment"),
            (zebra.path, "", "attachment"),
            (zebra.path, "", "inline"),
        ]
        assert mail_now[0].seen == picked(str(report)).seen
        assert [found.findings for found in inspect_all(mail_now)[0]] == [(), (), ()]


class TestExpanded:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "in [brackets]"
        folder.mkdir()
        for name in ("b.pdf", "a.pdf", ".hidden.pdf", "c [1].txt", "$x", "größe.pdf"):
            (folder / name).touch()
        monkeypatch.chdir(folder)
        monkeypatch.setenv("HOME", str(folder))
        monkeypatch.setenv("WHERE", str(folder))
        return folder

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("a.pdf", ["a.pdf"]),
            ("gone.pdf", ["gone.pdf"]),
            ("*.pdf", ["a.pdf", "b.pdf", "größe.pdf"]),
            ("[ab].pdf", ["a.pdf", "b.pdf"]),
            (".*.pdf", [".hidden.pdf"]),
            ("*.odt", []),
            ("~/a.pdf", ["a.pdf"]),
            ("~/?.pdf", ["a.pdf", "b.pdf"]),
            ("$WHERE/b.pdf", ["b.pdf"]),
            ("${WHERE}/b*", ["b.pdf"]),
            ("$UNSET", ["$UNSET"]),
            ("$x", ["$x"]),
            ("c [1].txt", ["c [1].txt"]),
            ("~/c [1].txt", ["c [1].txt"]),
            ("./../in [brackets]/a.pdf", ["a.pdf"]),
            ("nul\0*", ["nul\0*"]),
        ],
    )
    def test_typed(self, folder: Path, text: str, names: list[str]) -> None:
        """A path, a home, a variable and a pattern become absolute paths, sorted; a file's own name comes first."""
        assert expanded(text) == tuple(f"{folder}/{name}" for name in names)

    @pytest.mark.parametrize("lead", ["file://", "file://localhost", "file:", "FILE://"])
    def test_uri(self, lead: str) -> None:
        """A file URI is decoded, whatever octets its name has; a pattern in it is none."""
        assert expanded(f"{lead}/tmp/a%20%2A%C3%BC%FF.txt") == (os.fsdecode(b"/tmp/a *\xc3\xbc\xff.txt"),)

    def test_no_such_user(self, folder: Path) -> None:
        """The home of a user who does not exist is a name like any other."""
        assert expanded("~nosuchuser/x") == (f"{folder}/~nosuchuser/x",)


def test_nothing_typed_makes_it_fail() -> None:
    """Whatever is typed gives absolute paths or none."""

    @given(
        st.text(st.characters(exclude_categories=()), max_size=30) | st.text("~$/*?[]{}a.\0\udcff\ud800", max_size=12)
    )
    def gives(text: str) -> None:
        assert all(os.path.isabs(path) for path in expanded(text) or ("/",))  # noqa: PTH117

    gives()
