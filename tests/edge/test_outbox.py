"""The one road of a mail keeps its promises: read whole or not at all, written down before it leaves, sent once."""

import base64
import contextlib
import json
import os
import socket
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from cfmail_tui.attachments import inspect
from cfmail_tui.credentials import Keyring
from cfmail_tui.message import AttachmentDraft, Draft, MessageError, Place, RawDraft, SavedDraft, UnreadableFile
from cfmail_tui.outbox import Accounts, NoAccount, NotRecorded, Outbox, OutboxError, Reviewed, new_id
from cfmail_tui.prefill import raw_draft
from cfmail_tui.profile import Profile
from cfmail_tui.report import outcome_name
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.store import DATABASE, NoSuchDraft, Store, StoreError
from cfmail_tui.submission import Accepted, Account, ApiToken, Attempt, NotSent, Refused, Secret, Unknown
from tests.edge.fault_server import PATIENCE, Exchange, FarEnd, answering, closed_port, http_answer

ACCOUNT_ID: Final = "0123456789abcdef" * 2
TOKEN: Final = "a-token-that-must-not-show-anywhere-1234"
ANSWER: Final = json.dumps({"success": True, "result": {"delivered": ["bob@example.net"], "message_id": "<1@x>"}})
MAIL: Final = Draft(sender="me@acme.example", to="bob@example.net", subject="Hello", text="Hi")


@pytest.fixture
def opened(data_dir: Path) -> Iterator[Callable[[str], Outbox]]:
    """`opened(base_url)`: an outbox that sends there; all of one test are on the same data."""
    with contextlib.ExitStack() as closing_all:

        def open_(base_url: str, token: str = TOKEN, account_id: str = ACCOUNT_ID) -> Outbox:
            account = Account("test", account_id, ApiToken(token), "the test")
            store = Store(data_dir)
            closing_all.callback(store.close)
            return Outbox(store, Accounts({}, Keyring(), only=account), base_url, {})

        yield open_


@pytest.fixture
def outbox(opened: Callable[..., Outbox], sandbox: Sandbox) -> Outbox:
    """An outbox that sends into the sandbox."""
    return opened(sandbox.base_url, sandbox.token, sandbox.account_id)


def attached(*paths: Path | str) -> Draft:
    """A mail with these files."""
    return Draft(
        sender="me@acme.example",
        to="bob@example.net",
        text="Hi",
        attachments=tuple(AttachmentDraft(str(path)) for path in paths),
    )


def kept(data_dir: Path) -> list[str]:
    """The names of the body files, half-written ones included."""
    return [path.name for path in (data_dir / "bodies").iterdir()]


class TestFiles:
    BAD: Final = {
        "gone": "no such file or directory",
        "folder": "it is a folder",
        "fifo": "it is a named pipe",
        "socket": "it is a socket",
        "loop": "too many levels of symbolic links",
        "/dev/zero": "it is a device",
        "/proc/self/status": "it is not an ordinary file",
        "/proc/self/mem": "it is not an ordinary file",
    }

    @pytest.mark.parametrize(("name", "reason"), BAD.items(), ids=BAD)
    def test_bad_file(self, outbox: Outbox, data_dir: Path, tmp_path: Path, name: str, reason: str) -> None:
        """A file that cannot be attached is refused, without waiting, by its name and the reason; nothing is kept."""
        (tmp_path / "folder").mkdir()
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "loop").symlink_to("loop")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(tmp_path / "socket"))
            path = tmp_path / name
            with pytest.raises(MessageError) as caught:
                outbox.prepare(attached(path))
        (problem,) = caught.value.problems
        assert isinstance(problem, UnreadableFile)
        assert problem.place is Place.ATTACHMENTS
        assert str(path) in problem.words
        assert reason in problem.words
        assert kept(data_dir) == []

    def test_every_bad_file_is_told(self, outbox: Outbox, tmp_path: Path) -> None:
        """Of several bad files each is told, beside what else is wrong."""
        draft = Draft(sender="x", attachments=(AttachmentDraft("gone"), AttachmentDraft(str(tmp_path))))
        with pytest.raises(MessageError) as caught:
            outbox.prepare(draft)
        places = [problem.place for problem in caught.value.problems]
        assert places == [Place.FROM, Place.TO, Place.TEXT, Place.ATTACHMENTS, Place.ATTACHMENTS]

    @pytest.mark.parametrize(
        ("before", "after"),
        [(1000, 999), (1000, 1001), (1000, 0), (0, 1), (1000, None), (200_000, 150_000), (200_000, 300_000)],
    )
    def test_file_that_changes(
        self,
        outbox: Outbox,
        data_dir: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        before: int,
        after: int | None,
    ) -> None:
        """A file that shrinks, grows or goes between the look and the reading stops it all, and no body is left."""
        path = tmp_path / "file"
        path.write_bytes(b"x" * before)
        write_body = Store.write_body

        def change(store: Store, attempt_id: str, chunks: Iterator[bytes]) -> object:
            if after is None:
                path.unlink()
            else:
                path.write_bytes(b"x" * after)
            return write_body(store, attempt_id, chunks)

        monkeypatch.setattr(Store, "write_body", change)
        with pytest.raises(MessageError) as caught:
            outbox.prepare(attached(path))
        (problem,) = caught.value.problems
        assert isinstance(problem, UnreadableFile)
        assert str(path) in problem.words
        assert ("it changed" if after is not None else "no such file") in problem.words
        assert kept(data_dir) == []

    @pytest.mark.parametrize(
        ("name", "clean"),
        [
            (b"plain.txt", "plain.txt"),
            ("größe 你好.txt".encode(), "größe 你好.txt"),
            (b"latin-\xe9.txt", "latin-_.txt"),
            (b"a\nb\r\tc\x1b]52;\x07.txt", "a_b__c_]52;_.txt"),
            ("nel\x85csi\x9b".encode(), "nel_csi_"),
            (b"..txt", "txt"),
            (b"a\\b:c*?.txt", "a_b:c*?.txt"),
        ],
    )
    def test_name(self, outbox: Outbox, sandbox: Sandbox, tmp_path: Path, name: bytes, clean: str) -> None:
        """A name with controls, or in no charset, becomes one that can stand in a header; the octets are the file's."""
        path = os.fsdecode(os.path.join(os.fsencode(tmp_path), name))  # noqa: PTH118 - octets, not text
        Path(path).write_bytes(b"content")
        attempt = outbox.send(outbox.prepare(attached(path)))
        assert isinstance(attempt.outcome, Accepted)
        (part,) = sandbox.messages()[0]["request"]["attachments"]
        assert (part["filename"], base64.b64decode(part["content"])) == (clean, b"content")

    def test_name_of_ones_own(self, outbox: Outbox, tmp_path: Path) -> None:
        """A name and a type that were chosen are taken as they are, or refused in words."""
        (tmp_path / "file").write_bytes(b"x")
        chosen = AttachmentDraft(str(tmp_path / "file"), filename="other.bin", media_type="image/png")
        assert inspect(chosen).filename == "other.bin"
        with pytest.raises(MessageError, match="line break"):
            outbox.prepare(Draft(**{**fields(MAIL), "attachments": (AttachmentDraft(chosen.path, filename="a\nb"),)}))

    def test_sparse_file(self, outbox: Outbox, tmp_path: Path, data_dir: Path) -> None:
        """A file of a tebibyte is refused by its size, before anything of it is read."""
        path = tmp_path / "sparse"
        path.touch()
        os.truncate(path, 1 << 40)
        with pytest.raises(MessageError, match="too big"):
            outbox.prepare(attached(path))
        assert kept(data_dir) == []


def fields(draft: Draft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in Draft.__dataclass_fields__}


class TestOnce:
    def test_two_threads_one_request(self, opened: Callable[[str], Outbox]) -> None:
        """One reviewed mail sent from several threads is one request, and all get the same attempt."""
        with FarEnd(answering(200, ANSWER)) as far_end:
            outbox = opened(far_end.base_url)
            reviewed = outbox.prepare(MAIL)
            barrier = threading.Barrier(4)

            def send() -> Attempt:
                barrier.wait(PATIENCE)
                return outbox.send(reviewed)

            with ThreadPoolExecutor(4) as pool:
                attempts = [future.result(PATIENCE) for future in [pool.submit(send) for _ in range(4)]]
        assert len(far_end.requests) == 1
        assert far_end.connections == 1
        assert all(isinstance(attempt.outcome, Accepted) for attempt in attempts)
        assert (
            len({(attempt.submission.attempt_id, repr(attempt.outcome), attempt.started_at) for attempt in attempts})
            == 1
        )
        assert len(outbox.attempts()) == 1

    def test_another_process(self, opened: Callable[[str], Outbox]) -> None:
        """Nor does a second outbox on the same data send it again."""
        with FarEnd(answering(200, ANSWER)) as far_end:
            first, second = opened(far_end.base_url), opened(far_end.base_url)
            reviewed = first.prepare(MAIL)
            assert first.send(reviewed).outcome == second.send(reviewed).outcome
        assert len(far_end.requests) == 1

    @pytest.mark.parametrize("status", [429, 500, 502])
    def test_never_again_by_itself(self, opened: Callable[[str], Outbox], status: int) -> None:
        """Whatever the answer, it was one request; sending the same reviewed mail again tells what came of it."""
        with FarEnd(answering(status, "{}", {"Retry-After": "0"})) as far_end:
            outbox = opened(far_end.base_url)
            reviewed = outbox.prepare(MAIL)
            attempt = outbox.send(reviewed)
            assert outbox.send(reviewed).outcome == attempt.outcome
            assert isinstance(attempt.outcome, Refused | Unknown)
        assert len(far_end.requests) == 1

    def test_one_mail_at_a_time(self, opened: Callable[[str], Outbox]) -> None:
        """Of two mails sent at once the second begins, in history and on the wire, when the first has its outcome."""
        seen: list[list[str]] = []
        second_waits = threading.Event()

        def behave(exchange: Exchange) -> None:
            exchange.request()
            if not seen:
                assert second_waits.wait(PATIENCE)
            seen.append([outcome_name(attempt.outcome) for attempt in ours.attempts()])
            exchange.send(http_answer(200, ANSWER))

        with FarEnd(behave) as far_end, ThreadPoolExecutor(2) as pool:
            ours = opened(far_end.base_url)
            first, second = ours.prepare(MAIL), ours.prepare(MAIL)
            sending = pool.submit(ours.send, first)
            assert far_end.request_came.wait(PATIENCE)
            waiting = pool.submit(ours.send, second)
            while second.submission.attempt_id not in ours._cancellations:
                assert not waiting.done()
            second_waits.set()
            assert isinstance(sending.result(PATIENCE).outcome, Accepted)
            assert isinstance(waiting.result(PATIENCE).outcome, Accepted)
        assert seen == [["open"], ["open", "accepted"]]
        assert far_end.connections == 2


class TestJournal:
    def test_row_before_the_wire(self, opened: Callable[[str], Outbox], data_dir: Path) -> None:
        """When the far end sees the first octet, the file on the disk has the attempt, open, by any reader's eyes."""
        rows: list[tuple[str, str | None, str]] = []

        def look(exchange: Exchange) -> None:
            exchange.head()
            with closing(sqlite3.connect(f"{(data_dir / DATABASE).as_uri()}?mode=ro", uri=True)) as db:
                rows.extend(db.execute("SELECT id, outcome, digest FROM attempts"))
            exchange.send(http_answer(400, "{}"))

        with FarEnd(look) as far_end:
            outbox = opened(far_end.base_url)
            reviewed = outbox.prepare(MAIL)
            outbox.send(reviewed)
        assert rows == [(reviewed.submission.attempt_id, None, reviewed.submission.digest)]

    @pytest.mark.parametrize("table", ["attempts", "recipients"])
    def test_no_row_no_mail(self, opened: Callable[[str], Outbox], data_dir: Path, table: str) -> None:
        """If the attempt cannot be written down, nothing touches the wire, and it may be tried again."""
        with FarEnd(answering(200, ANSWER)) as far_end:
            outbox = opened(far_end.base_url)
            reviewed = outbox.prepare(MAIL)
            with closing(sqlite3.connect(data_dir / DATABASE)) as db, db:
                db.execute(f"CREATE TRIGGER full BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'disk full'); END")
            with pytest.raises(StoreError, match="disk full"):
                outbox.send(reviewed)
            assert far_end.connections == 0
            assert outbox.attempts() == ()
            with closing(sqlite3.connect(data_dir / DATABASE)) as db, db:
                db.execute("DROP TRIGGER full")
            assert isinstance(outbox.send(reviewed).outcome, Accepted)
        assert len(far_end.requests) == 1

    def test_disk_is_full(self, opened: Callable[[str], Outbox]) -> None:
        """A journal without room for the attempt sends nothing and says so; with room again, the mail leaves."""
        with FarEnd(answering(200, ANSWER)) as far_end:
            outbox = opened(far_end.base_url)
            to = ", ".join(f"{'x' * 60}{number}@example.net" for number in range(50))
            reviewed = outbox.prepare(Draft("me@acme.example", to, subject="x" * 998, text="Hi"))
            database = outbox._store._db
            (pages,) = database.execute("PRAGMA page_count").fetchone()
            database.execute(f"PRAGMA max_page_count = {pages}")
            with pytest.raises(StoreError, match="the disk is full"):
                outbox.send(reviewed)
            assert far_end.connections == 0
            database.execute("PRAGMA max_page_count = 100000")
            assert isinstance(outbox.send(reviewed).outcome, Accepted)
        assert len(far_end.requests) == 1

    def test_journal_is_locked(self, opened: Callable[[str], Outbox], data_dir: Path) -> None:
        """A journal that another program keeps busy sends nothing and says so."""
        with FarEnd(answering(200, ANSWER)) as far_end:
            outbox = opened(far_end.base_url)
            reviewed = outbox.prepare(MAIL)
            outbox._store._db.execute("PRAGMA busy_timeout = 10")
            with closing(sqlite3.connect(data_dir / DATABASE, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(StoreError, match="busy"):
                    outbox.send(reviewed)
        assert far_end.connections == 0

    def test_outcome_that_cannot_be_written(self, opened: Callable[[str], Outbox], data_dir: Path) -> None:
        """An outcome the journal does not take is told by the error itself, with the attempt; the row stays open."""
        with FarEnd(answering(200, ANSWER)) as far_end:
            outbox = opened(far_end.base_url)
            with closing(sqlite3.connect(data_dir / DATABASE)) as db, db:
                db.execute(
                    "CREATE TRIGGER no BEFORE UPDATE OF outcome ON attempts BEGIN SELECT RAISE(ABORT, 'disk full'); END"
                )
            saved = SavedDraft(new_id(), 1, MAIL)
            outbox.save_draft(saved)
            reviewed = outbox.prepare(MAIL, saved)
            with pytest.raises(NotRecorded, match="disk full") as caught:
                outbox.send(reviewed)
            assert "Cloudflare took the mail" in str(caught.value)
            assert isinstance(caught.value.attempt.outcome, Accepted)
            assert caught.value.attempt.submission.attempt_id == reviewed.submission.attempt_id
            (row,) = outbox.attempts()
            assert row.outcome is None
            assert outbox.draft(saved.draft_id).content == MAIL
            assert outbox.send(reviewed).outcome is None
        assert len(far_end.requests) == 1

    def test_body_that_vanished(self, opened: Callable[[str], Outbox], data_dir: Path) -> None:
        """A body that is gone, or not what was reviewed, does not leave, and the attempt ends as not sent."""
        with FarEnd(answering(200, ANSWER)) as far_end:
            outbox = opened(far_end.base_url)
            for change in (lambda path: path.unlink(), lambda path: path.write_bytes(b"{}"), truncate, append):
                reviewed = outbox.prepare(MAIL)
                change(data_dir / "bodies" / f"{reviewed.submission.attempt_id}.json")
                outcome = outbox.send(reviewed).outcome
                assert isinstance(outcome, NotSent)
                assert reviewed.submission.attempt_id in outcome.reason or "damaged" in outcome.reason
        assert far_end.requests == []

    def test_private(self, opened: Callable[[str], Outbox], data_dir: Path) -> None:
        """What is kept of a mail is for its owner alone, and holds neither token nor account."""
        with FarEnd(answering(200, ANSWER)) as far_end:
            outbox = opened(far_end.base_url)
            outbox.send(outbox.prepare(MAIL))
        files = [path for path in data_dir.rglob("*") if path.is_file()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        everything = b"".join(path.read_bytes() for path in files)
        assert TOKEN.encode() not in everything
        assert ACCOUNT_ID.encode() not in everything
        assert b"bob@example.net" in everything


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


class TestDraft:
    @pytest.mark.parametrize(
        ("local", "left"),
        [("bob", 0), ("bounce", 0), ("suppressed", 1), ("throttle", 1), ("error500", 1), ("cut", 1), ("badjson", 1)],
    )
    def test_leaves_only_when_accepted(self, outbox: Outbox, local: str, left: int) -> None:
        """The draft is deleted when its mail was accepted, and kept whatever else came of it."""
        content = Draft(**{**fields(MAIL), "to": f"{local}@example.net"})
        saved = SavedDraft(new_id(), 3, content)
        outbox.save_draft(saved)
        outbox.send(outbox.prepare(content, saved))
        assert [found.draft.content for found in outbox.unfinished()] == [content] * left

    def test_stays_when_nothing_was_sent(self, opened: Callable[[str], Outbox]) -> None:
        """So it is kept when nobody listens."""
        outbox = opened(f"http://127.0.0.1:{closed_port()}/client/v4")
        saved = SavedDraft(new_id(), 1, MAIL)
        outbox.save_draft(saved)
        assert isinstance(outbox.send(outbox.prepare(MAIL, saved)).outcome, NotSent)
        assert outbox.draft(saved.draft_id).content == MAIL

    def test_edited_after_the_review(self, outbox: Outbox) -> None:
        """A draft that was typed in after the review is another text, and is kept."""
        saved = SavedDraft(new_id(), 1, MAIL)
        outbox.save_draft(saved)
        reviewed = outbox.prepare(MAIL, saved)
        outbox.save_draft(SavedDraft(saved.draft_id, 2, Draft(text="typed since")))
        outbox.send(reviewed)
        assert outbox.draft(saved.draft_id).content == Draft(text="typed since")

    def test_discarded_review(self, outbox: Outbox, data_dir: Path) -> None:
        """Taking a review back leaves the draft and no body; a mail that was sent cannot be taken back."""
        saved = SavedDraft(new_id(), 1, MAIL)
        outbox.save_draft(saved)
        reviewed = outbox.prepare(MAIL, saved)
        outbox.discard(reviewed)
        assert kept(data_dir) == []
        sent = outbox.prepare(MAIL, saved)
        outbox.send(sent)
        with pytest.raises(StoreError, match="history"):
            outbox.discard(sent)
        with pytest.raises(NoSuchDraft):
            outbox.draft(saved.draft_id)


class TestCancel:
    def test_while_it_waits(self, opened: Callable[[str], Outbox]) -> None:
        """A mail cancelled while another is on its way is not sent; the other is."""
        release = threading.Event()

        def behave(exchange: Exchange) -> None:
            exchange.request()
            assert release.wait(PATIENCE)
            exchange.send(http_answer(200, ANSWER))

        with FarEnd(behave) as far_end, ThreadPoolExecutor(2) as pool:
            outbox = opened(far_end.base_url)
            first, second = outbox.prepare(MAIL), outbox.prepare(MAIL)
            sending = pool.submit(outbox.send, first)
            assert far_end.request_came.wait(PATIENCE)
            waiting = pool.submit(outbox.send, second)
            outbox.cancel(second.submission.attempt_id)
            release.set()
            assert isinstance(sending.result(PATIENCE).outcome, Accepted)
            assert isinstance(waiting.result(PATIENCE).outcome, NotSent)
        assert far_end.connections == 1

    def test_before_it_begins(self, opened: Callable[[str], Outbox]) -> None:
        """A wish to cancel that comes before the sending does is not lost."""
        with FarEnd(answering(200, ANSWER)) as far_end:
            outbox = opened(far_end.base_url)
            reviewed = outbox.prepare(MAIL)
            outbox.cancel(reviewed.submission.attempt_id)
            outcome = outbox.send(reviewed).outcome
        assert isinstance(outcome, NotSent)
        assert "cancelled" in outcome.reason
        assert far_end.connections == 0

    def test_after_it_left(self, opened: Callable[[str], Outbox]) -> None:
        """Cancelled while the answer is awaited, it may have been sent."""

        def silent(exchange: Exchange) -> None:
            exchange.request()
            exchange.hold()

        with FarEnd(silent) as far_end, ThreadPoolExecutor(1) as pool:
            outbox = opened(far_end.base_url)
            reviewed = outbox.prepare(MAIL)
            sending = pool.submit(outbox.send, reviewed)
            assert far_end.request_came.wait(PATIENCE)
            outbox.cancel(reviewed.submission.attempt_id)
            assert isinstance(sending.result(PATIENCE).outcome, Unknown)
            assert isinstance(outbox.attempts()[0].outcome, Unknown)

    def test_wish_is_for_one_sending(self, opened: Callable[[str], Outbox], data_dir: Path) -> None:
        """A wish uttered while the journal failed does not stop the mail when it is sent later."""
        with FarEnd(answering(200, ANSWER)) as far_end:
            outbox = opened(far_end.base_url)
            reviewed = outbox.prepare(MAIL)
            with closing(sqlite3.connect(data_dir / DATABASE)) as db, db:
                db.execute("CREATE TRIGGER full BEFORE INSERT ON attempts BEGIN SELECT RAISE(ABORT, 'full'); END")
            outbox.cancel(reviewed.submission.attempt_id)
            with pytest.raises(StoreError):
                outbox.send(reviewed)
            with closing(sqlite3.connect(data_dir / DATABASE)) as db, db:
                db.execute("DROP TRIGGER full")
            assert isinstance(outbox.send(reviewed).outcome, Accepted)


class TestPrepare:
    def test_what_was_reviewed_is_what_leaves(self, opened: Callable[[str], Outbox], tmp_path: Path) -> None:
        """The request is the body file of the review, octet for octet, with the digest that was shown."""
        path = tmp_path / "file.bin"
        path.write_bytes(os.urandom(300_000))
        with FarEnd(answering(200, ANSWER)) as far_end:
            outbox = opened(far_end.base_url)
            reviewed = outbox.prepare(attached(path))
            body = outbox.wire_body(reviewed.submission.attempt_id)
            path.write_bytes(b"changed since")
            outbox.send(reviewed)
        assert far_end.requests[0].body == body
        assert len(body) == reviewed.submission.body_size
        assert outbox.wire_body(reviewed.submission.attempt_id, 10) == body[:10]

    def test_progress(self, opened: Callable[[str], Outbox], tmp_path: Path) -> None:
        """Progress grows to the whole of the request."""
        (tmp_path / "file").write_bytes(bytes(400_000))
        told: list[tuple[int, int]] = []
        with FarEnd(answering(200, ANSWER)) as far_end:
            outbox = opened(far_end.base_url)
            reviewed = outbox.prepare(attached(tmp_path / "file"))
            outbox.send(reviewed, lambda sent, total: told.append((sent, total)))
        size = reviewed.submission.body_size
        assert told == sorted(told)
        assert told[-1] == (size, size)
        assert len(told) > 3

    def test_bad_mail_before_missing_account(self, data_dir: Path) -> None:
        """What is wrong with a mail is told before what is wrong with the account, and neither leaves a body."""
        with closing(Store(data_dir)) as store:
            outbox = Outbox(store, Accounts({}, Keyring()), "https://api.example/", {})
            with pytest.raises(MessageError):
                outbox.prepare(Draft())
            with pytest.raises(NoAccount):
                outbox.prepare(MAIL)
        assert kept(data_dir) == []

    def test_body_that_cannot_be_written(self, outbox: Outbox, data_dir: Path) -> None:
        """If the body cannot be written, the error names the place."""
        (data_dir / "bodies").rmdir()
        (data_dir / "bodies").touch()
        with pytest.raises(StoreError, match="bodies"):
            outbox.prepare(MAIL)

    @pytest.mark.parametrize(
        ("source", "sender", "recipients"),
        [
            (b"", "", ""),
            (b"From: A <a@x.example>\nTo: B <b@x.example>, c@x.example\nCc: d@x.example\nBcc: e@x.example\n\n",
             "a@x.example", "b@x.example, c@x.example, d@x.example, e@x.example"),
            (b"From: a@x.example, b@x.example\nSender: a@x.example\n\n", "a@x.example, b@x.example", ""),
            (b"Sender: a@x.example\n\n", "a@x.example", ""),
            (b"FROM : \xff\xfe\nTO:\n\n", "\ufffd\ufffd", ""),
            (b"From: a@x.example\n\nTo: not@header.example\n", "a@x.example", ""),
            (b"From: broken\nTo: (\n\n", "broken", "("),
        ],
    )  # fmt: skip
    def test_envelope_of_a_source(self, source: bytes, sender: str, recipients: str) -> None:
        """The envelope is what the header suggests; addresses that do not parse are left to be mended."""
        assert raw_draft(source) == RawDraft(sender, recipients, source)


class TestAccounts:
    def test_none(self) -> None:
        """Without an account the words say where one is looked for."""
        with pytest.raises(NoAccount, match="CLOUDFLARE_API_TOKEN"):
            Accounts({}, Keyring()).find()

    def test_environment(self) -> None:
        """The environment's account is found, and a wrong one is not passed over."""
        environ = {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID}
        assert Accounts(environ, Keyring()).find().credential == ApiToken(TOKEN)
        with pytest.raises(NoAccount, match="CLOUDFLARE_ACCOUNT_ID"):
            Accounts({"CLOUDFLARE_API_TOKEN": TOKEN}, Keyring()).find()

    def test_for_this_session(self) -> None:
        """An account that no keyring can keep is used all the same, and the words say for how long."""
        accounts = Accounts({}, Keyring())
        account, why = accounts.add(Profile("default", "memory"), ACCOUNT_ID, Secret(TOKEN), keep="keyring")
        assert "this session only" in why
        assert accounts.find() == account
        with pytest.raises(NoAccount) as caught:
            accounts.add(Profile("default", "memory"), "x", Secret(TOKEN), keep="memory")
        assert TOKEN not in str(caught.value)


def test_error_family() -> None:
    """The outbox's own errors have one base, and no other module's are among them."""
    assert issubclass(NotRecorded, OutboxError)
    assert not issubclass(NoAccount, OutboxError)
    assert not issubclass(StoreError, OutboxError)
    assert "__slots__" in vars(Reviewed)
