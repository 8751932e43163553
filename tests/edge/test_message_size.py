"""How big a mail is and may be: counted before it is finished as afterwards, held against the limit that applies."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from cfmail_tui.accounts import on_this_machine
from cfmail_tui.attachments import picked
from cfmail_tui.credentials import Keyring
from cfmail_tui.message import AttachmentDraft, Draft, MessageError, RawDraft
from cfmail_tui.outbox import Accounts, NoAccount, Outbox
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.settings import Settings
from cfmail_tui.store import DATABASE, Store, StoreError
from cfmail_tui.submission import LARGEST_SIZE_LIMIT, SIZE_LIMIT, Accepted, Account, ApiToken, NotSent, Size
from tests.edge.fault_server import FarEnd, answering, closed_port

ROOT: Final = Path(__file__).parents[2]
VERIFIED: Final = "me@verified.example"
MIB: Final = 1024 * 1024
ANSWER: Final = json.dumps({"success": True, "result": {"delivered": [VERIFIED], "message_id": "<1@x>"}})

Opened = Callable[..., Outbox]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def opened(data_dir: Path, sandbox: Sandbox) -> Iterator[Opened]:
    """An outbox that sends into the sandbox; each call is another start of the program."""
    with ExitStack() as closing:

        def open_(token: str = "", account_id: str = "", verified: tuple[str, ...] = ()) -> Outbox:
            account = Account("test", account_id or sandbox.account_id, ApiToken(token or sandbox.token), "the test")
            store = Store(data_dir)
            closing.callback(store.close)
            return Outbox(store, Accounts({}, Keyring(), only=account), sandbox.base_url, {}, verified=verified)

        yield open_


def file(folder: Path, name: str, size: int) -> AttachmentDraft:
    (folder / name).write_bytes(b"\x01" * size)
    return picked(str(folder / name))


def mail(*attachments: AttachmentDraft, to: str = VERIFIED) -> Draft:
    return Draft("me@acme.example", to, subject="Hello", text="Hi", attachments=attachments)


class TestCounting:
    @pytest.mark.parametrize(
        "change",
        [
            {},
            {"text": "Grüße\n" * 500, "html": "<p>" + "x" * 2000},
            {"to": '"Bob, the Builder" <bob@example.net>, carol@example.org', "cc": "Zoë <z@example.net>"},
            {"bcc": "hidden@example.net", "reply_to": "back@acme.example", "subject": "Grüße " * 40},
            {"headers": "X-One: 1\nX-Two: " + "zwei " * 60, "html": " "},
        ],
    )
    def test_a_finished_mail(self, opened: Opened, tmp_path: Path, change: dict[str, Any]) -> None:
        """Of a mail that can be sent it is the very size that is reviewed, and its message has."""
        attachments = [file(tmp_path, "größe.bin", 1234), replace(file(tmp_path, "x", 1), disposition="inline")]
        draft = replace(mail(*attachments), **change)
        outbox = opened()
        reviewed = outbox.prepare(draft)
        message = b"".join(outbox.eml(outbox.send(reviewed)))
        size = outbox.size(draft)
        assert size == Size(reviewed.submission.message_size, reviewed.limit)
        # The message id is the API's, which is longer or shorter than one of ours.
        assert abs(len(message) - size.octets) < 100

    def test_an_unfinished_mail(self, opened: Opened, tmp_path: Path) -> None:
        """Whatever is missing or wrong, there is a size, and what is right counts."""
        outbox = opened()
        attached = file(tmp_path, "x.bin", 300_000)
        gone = AttachmentDraft("/gone")
        assert outbox.size(Draft()).octets < 500
        changes: tuple[dict[str, Any], ...] = (
            {"sender": "", "to": "bob@", "text": ""},
            {"subject": "a\nb\udcff", "text": "\udcff", "headers": "nonsense"},
            {"to": ";;<", "cc": "\0", "reply_to": "a@b.example, c@d.example"},
        )
        for change in changes:
            octets = outbox.size(replace(mail(attached, gone), **change)).octets
            assert 400_000 < octets < 420_000
        for bad in ({"filename": "a\nb\udcff"}, {"media_type": "ü\r\n"}, {"disposition": "inline", "content_id": "ü"}):
            octets = outbox.size(mail(replace(attached, **bad))).octets  # type: ignore[arg-type]
            assert 400_000 < octets < 420_000

    def test_what_to_leave_out(self, opened: Opened, tmp_path: Path) -> None:
        """The smallest file without which it is small enough is named; the biggest, where one is not enough; nothing,
        where no file is to blame."""
        outbox = opened()
        drafts = [file(tmp_path, name, mib * MIB) for name, mib in (("one", 1), ("two", 2), ("three", 3))]
        assert outbox.size(mail(*drafts, to="bob@example.net")).drop == "three"
        drafts[2] = file(tmp_path, "another", MIB)
        assert outbox.size(mail(*drafts, to="bob@example.net")).drop == "one"
        assert outbox.size(mail(drafts[0], to="bob@example.net")).drop == ""
        text = replace(mail(to="bob@example.net"), text=("x" * 70 + "\n") * (MIB // 10))
        assert (outbox.size(text).drop, outbox.size(text).is_over) == ("", True)
        everything = [file(tmp_path, f"{number}.bin", 3 * MIB) for number in range(4)]
        assert outbox.size(mail(*everything, to="bob@example.net")).drop == "3.bin"
        with pytest.raises(
            MessageError, match=r"too big: 5\.\d MiB when encoded, .* limit of 5\.0 MiB; leave out one$"
        ):
            outbox.prepare(mail(*drafts, to="bob@example.net"))


class TestVerifiedDestinations:
    def test_learned(self, opened: Opened, sandbox: Sandbox, tmp_path: Path) -> None:
        """Once the account was looked at, a mail to its verified destinations may have 25 MiB, also after a restart;
        one that goes to anybody else beside may not."""
        big = file(tmp_path, "big.bin", 6 * MIB)
        with pytest.raises(MessageError, match=r"limit of 5\.0 MiB; leave out big\.bin"):
            opened().prepare(mail(big))
        assert opened().inspect().verified == (VERIFIED,)
        outbox = opened()
        assert outbox.size(mail(big, to=VERIFIED.upper())).limit == LARGEST_SIZE_LIMIT
        assert outbox.size(mail(big, to=f"{VERIFIED}, bob@example.net")).limit == SIZE_LIMIT
        assert outbox.size(replace(mail(big), bcc="bob@example.net")).limit == SIZE_LIMIT
        assert outbox.size(mail(big, to="")).limit == SIZE_LIMIT
        reviewed = outbox.prepare(mail(big))
        assert reviewed.limit == LARGEST_SIZE_LIMIT
        attempt = outbox.send(reviewed)
        assert isinstance(attempt.outcome, Accepted)
        assert sandbox.messages()[-1]["request"]["attachments"][0]["filename"] == "big.bin"
        with pytest.raises(MessageError, match=r"limit of 5\.0 MiB"):
            outbox.prepare(mail(big, to=f"{VERIFIED}, bob@example.net"))

    def test_learned_before_it_is_kept(self, opened: Opened, sandbox: Sandbox) -> None:
        """What was learned when the token was typed counts from then on."""
        outbox = opened()
        outbox.inspect_typed(ApiToken(sandbox.token), account_id=sandbox.account_id)
        assert outbox.size(mail()).limit == LARGEST_SIZE_LIMIT

    def test_of_another_account(self, opened: Opened) -> None:
        """What was learned of one account says nothing of another."""
        opened().inspect()
        assert opened(account_id="f" * 32).size(mail()).limit == SIZE_LIMIT

    def test_without_the_right_to_read_them(self, opened: Opened, sandbox: Sandbox) -> None:
        """A token that may not read the list takes nothing away from what was learned before."""
        opened().inspect()
        found = opened(token="x" * 40).inspect()
        assert found.verified == ()
        assert opened().size(mail()).limit == LARGEST_SIZE_LIMIT

    def test_no_more(self, opened: Opened, sandbox: Sandbox) -> None:
        """An address that is no longer verified is forgotten when the account is looked at again."""
        outbox = opened()
        outbox.inspect()
        other = opened()
        other._remember_verified(sandbox.account_id, ("gone@verified.example",))
        assert outbox.size(mail(to="gone@verified.example")).limit == LARGEST_SIZE_LIMIT
        outbox.inspect()
        assert outbox.size(mail(to="gone@verified.example")).limit == SIZE_LIMIT

    def test_said_in_the_settings(self, opened: Opened, tmp_path: Path) -> None:
        """Where the token may not read them, the user's word does, for the form and for raw messages."""
        outbox = opened(verified=(VERIFIED,))
        assert outbox.prepare(mail(file(tmp_path, "big.bin", 5 * MIB))).limit == LARGEST_SIZE_LIMIT
        source = b"From: me@acme.example\r\nSubject: x\r\n\r\n" + b"x\r\n" * 2 * MIB
        assert outbox.prepare(RawDraft("me@acme.example", VERIFIED, source)).limit == LARGEST_SIZE_LIMIT
        with pytest.raises(MessageError, match=r"limit of 5\.0 MiB"):
            outbox.prepare(RawDraft("me@acme.example", "bob@example.net", source))
        with pytest.raises(MessageError, match=r"limit of 25\.0 MiB; leave out huge\.bin"):
            outbox.prepare(mail(file(tmp_path, "huge.bin", 20 * MIB)))

    def test_without_an_account(self, data_dir: Path, opened: Opened, tmp_path: Path) -> None:
        """Where there is no account to ask about, a big mail is too big before anything is said of the account."""
        opened().inspect()
        store = Store(data_dir)
        accounts = on_this_machine({}, Settings(data_dir), store)
        outbox = Outbox(store, accounts, "http://127.0.0.1:9", {})
        assert outbox.size(mail()).limit == SIZE_LIMIT
        with pytest.raises(MessageError, match="too big"):
            outbox.prepare(mail(file(tmp_path, "big.bin", 6 * MIB)))
        with pytest.raises(NoAccount):
            outbox.prepare(mail())
        outbox.close()

    def test_no_account_id_is_written_down(self, opened: Opened, sandbox: Sandbox, data_dir: Path) -> None:
        """What is learned of an account is kept without its id."""
        opened().inspect()
        kept = b"".join(path.read_bytes() for path in data_dir.glob(f"{DATABASE}*"))
        assert VERIFIED.encode() in kept
        assert sandbox.account_id.encode() not in kept

    @pytest.mark.parametrize("kept", ["", "null", "[", "[1]", '{"x": 1}', '{"x": [1, null]}', '"text"'])
    def test_a_memory_that_makes_no_sense(self, opened: Opened, kept: str) -> None:
        """What was kept and cannot be understood is as if there was nothing."""
        outbox = opened()
        for name in ("verified destinations", "recent files"):
            outbox._store.remember(name, kept)
        assert outbox.size(mail()).limit == SIZE_LIMIT
        assert outbox.recent_files() == ()


class TestRecentFiles:
    def test_what_was_sent(self, opened: Opened, tmp_path: Path) -> None:
        """The files of accepted mails are offered again, the last ones first, each once; also after a restart."""
        first, second = file(tmp_path, "first", 1), file(tmp_path, os.fsdecode(b"second\xff"), 1)
        outbox = opened()
        assert outbox.recent_files() == ()
        for draft in (mail(first), mail(second), mail(second, first)):
            assert isinstance(outbox.send(outbox.prepare(draft)).outcome, Accepted)
        assert opened().recent_files() == (second.path, first.path)

    def test_what_was_not(self, opened: Opened, sandbox: Sandbox, tmp_path: Path) -> None:
        """A mail that was refused leaves nothing; nor does one that is sent once more, whose files have no path."""
        outbox = opened()
        refused = outbox.send(outbox.prepare(mail(file(tmp_path, "file", 1), to="throttle@example.com")))
        assert not isinstance(refused.outcome, Accepted)
        outbox.road.base_url = f"http://127.0.0.1:{closed_port()}"
        unsent = outbox.send(outbox.prepare(mail(file(tmp_path, "file", 1))))
        assert isinstance(unsent.outcome, NotSent)
        outbox.road.base_url = sandbox.base_url
        assert isinstance(outbox.send(outbox.again(unsent)).outcome, Accepted)
        assert outbox.recent_files() == ()

    def test_a_disk_that_does_not_take_them(
        self, opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """That they cannot be remembered costs nothing: the mail is accepted, and said to be."""

        def refuse(*_: object) -> None:
            raise StoreError("the disk is full")

        outbox = opened()
        reviewed = outbox.prepare(mail(file(tmp_path, "file", 1)))
        monkeypatch.setattr(Store, "remember", refuse)
        assert isinstance(outbox.send(reviewed).outcome, Accepted)


WEIGHING: Final = """
import json, sys, tracemalloc
from pathlib import Path
from cfmail_tui.attachments import picked
from cfmail_tui.credentials import Keyring
from cfmail_tui.message import Draft
from cfmail_tui.outbox import Accounts, Outbox
from cfmail_tui.store import Store
from cfmail_tui.submission import Account, ApiToken
folder, base_url, to = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
only = Account("test", "a" * 32, ApiToken("a-token"), "the test")
outbox = Outbox(Store(folder / "data"), Accounts({}, Keyring(), only=only), base_url, {}, verified=(to,))
def peak(name):
    draft = Draft("me@acme.example", to, text="Hi", attachments=(picked(str(folder / name)),))
    tracemalloc.start()
    outbox.size(draft)
    attempt = outbox.send(outbox.prepare(draft))
    octets = sum(map(len, outbox.eml(attempt)))
    assert octets > attempt.submission.message_size * 0.99
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return attempt.outcome.word, most
peak("small")
print(json.dumps([peak("small"), peak("big")]))
"""


@pytest.mark.slow
def test_nothing_holds_a_whole_attachment(tmp_path: Path) -> None:
    """A mail of nearly 25 MiB is weighed, prepared, sent and read back in the memory that one of 1 MiB takes."""
    (tmp_path / "small").write_bytes(bytes(MIB))
    (tmp_path / "big").write_bytes(bytes(18 * MIB))
    with FarEnd(answering(200, ANSWER)) as far_end:
        command = [sys.executable, "-c", WEIGHING, str(tmp_path), far_end.base_url, VERIFIED]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    (word, small), (other, big) = json.loads(ran.stdout)
    assert (word, other) == ("accepted", "accepted")
    assert big < small + MIB
    assert len(far_end.requests[-1].body) > 24 * MIB
