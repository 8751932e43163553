"""What is made of a mail besides sending it: a test to its author, a draft once more, a text for other tools."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.attachments.kept import keep
from cfmail_tui.credentials import Keyring
from cfmail_tui.inspection import What
from cfmail_tui.lookup import CannotTell, Doubt
from cfmail_tui.message import AttachmentDraft, Draft, RawDraft
from cfmail_tui.outbox import Accounts, Outbox, OutboxError, Reviewed, write_copy
from cfmail_tui.outbox.stored import KeepFile
from cfmail_tui.prefill import raw_draft
from cfmail_tui.sandbox import Choices, Sandbox
from cfmail_tui.snippets import INLINE_LIMIT, TOOLS
from cfmail_tui.store import Store
from cfmail_tui.submission import Accepted, Account, ApiToken, Fate, Refused
from tests.edge.cli_run import RAW
from tests.edge.fault_server import PATIENCE
from tests.edge.suppressing import suppress

MAIL: Final = Draft(
    sender="Me <me@acme.example>",
    to='"Fields, Carol" <carol@example.com>, bounce@example.net',
    cc="queue@example.org",
    bcc="bounce@example.com",
    reply_to="answers@acme.example",
    subject="Grüße it's $HOME `x`",
    headers="X-Campaign: spring",
    text="Hi,\n\"quoted\" 'and' \\back\\ $x ü\n",
)


@pytest.fixture
def opened(data_dir: Path) -> Iterator[Callable[..., Outbox]]:
    """`opened(sandbox, token)`: an outbox on that sandbox."""
    with ExitStack() as closing_all:

        def open_(sandbox: Sandbox, token: str = "") -> Outbox:
            store = Store(data_dir)
            closing_all.callback(store.close)
            account = Account("test", sandbox.account_id, ApiToken(token or sandbox.token), "the test")
            return Outbox(store, Accounts({}, Keyring(), only=account), sandbox.base_url, {})

        yield open_


@pytest.fixture
def outbox(opened: Callable[..., Outbox], sandbox: Sandbox) -> Outbox:
    return opened(sandbox)


def with_files(tmp_path: Path) -> Draft:
    (tmp_path / "pic.png").write_bytes(b"\x89PNG" + bytes(range(256)) * 40)
    (tmp_path / "a b.txt").write_text("text\n")
    files = (
        AttachmentDraft(str(tmp_path / "pic.png"), "inline", content_id="p1"),
        AttachmentDraft(str(tmp_path / "a b.txt"), filename="other.txt"),
    )
    return replace(MAIL, html='<img src="cid:p1" alt="p">', attachments=files)


def kept(tmp_path: Path) -> KeepFile:
    """Keeps files as the screens do."""
    return partial(keep, tmp_path / "kept")


class TestToAuthor:
    def test_the_same_mail_to_nobody_else(self, outbox: Outbox, sandbox: Sandbox, tmp_path: Path) -> None:
        """A test has the words and files that were reviewed, also if a file is gone, and one recipient: its author."""
        reviewed = outbox.prepare(with_files(tmp_path))
        (tmp_path / "pic.png").unlink()
        test = outbox.to_author(reviewed)
        attempt = outbox.send(test)
        assert attempt.is_test
        (sent,) = sandbox.messages()
        assert sent["envelope"]["recipients"] == ["me@acme.example"]
        mime = sandbox.mime(sent["n"])
        assert b"pic.png" in mime
        assert b"other.txt" in mime
        assert not any(name in mime for name in (b"carol@", b"bounce@", b"queue@"))
        assert [*outbox.attempts("is:test")] == [attempt]
        outbox.send(reviewed)
        assert len(sandbox.messages()) == 2

    def test_a_raw_message_as_it_is(self, outbox: Outbox, sandbox: Sandbox) -> None:
        """The source of a raw message goes out octet for octet, only the envelope is another."""
        reviewed = outbox.prepare(raw_draft(RAW))
        assert isinstance(reviewed.content, RawDraft)
        outbox.send(outbox.to_author(reviewed))
        outbox.send(reviewed)
        test, mail = sandbox.messages()
        assert test["envelope"]["recipients"] == [reviewed.submission.envelope.sender]
        assert sandbox.mime(test["n"]) == sandbox.mime(mail["n"])


class TestDraftAgain:
    def test_to_the_failed_only(self, outbox: Outbox, tmp_path: Path) -> None:
        """All of the mail is in the new draft, its files too, but for the recipients that it reached."""
        draft = with_files(tmp_path)
        attempt = outbox.send(outbox.prepare(draft))
        assert attempt.failed == ("bounce@example.net", "bounce@example.com")
        (tmp_path / "pic.png").unlink()
        again = outbox.draft_again(attempt, kept(tmp_path), attempt.failed)
        assert isinstance(again, Draft)
        assert replace(again, attachments=()) == replace(
            draft, to="bounce@example.net", cc="", bcc="bounce@example.com", attachments=()
        )
        assert Path(again.attachments[0].path).read_bytes() == b"\x89PNG" + bytes(range(256)) * 40
        assert stat.S_IMODE(Path(again.attachments[0].path).stat().st_mode) == 0o600
        prepared = outbox.prepare(again)
        assert not isinstance(prepared.content, RawDraft)
        names = [(part.filename, part.media_type, part.content_id) for part in prepared.content.attachments]
        assert names == [("pic.png", "image/png", "p1"), ("other.txt", "text/plain", "")]

    def test_to_everybody(self, outbox: Outbox, tmp_path: Path) -> None:
        """Without a choice the draft is the mail that was typed."""
        assert outbox.draft_again(outbox.send(outbox.prepare(MAIL)), kept(tmp_path)) == MAIL

    def test_a_raw_message(self, outbox: Outbox, tmp_path: Path) -> None:
        """Its source is the same, its envelope has those who are wanted."""
        attempt = outbox.send(outbox.prepare(replace(raw_draft(RAW), recipients="bounce@x.example, bob@x.example")))
        again = outbox.draft_again(attempt, kept(tmp_path), attempt.failed)
        assert isinstance(again, RawDraft)
        assert again.recipients == "bounce@x.example"
        assert again.source.replace(b"\r\n", b"\n") == RAW.replace(b"\r\n", b"\n")

    def test_a_damaged_body_is_no_draft(self, outbox: Outbox, data_dir: Path, tmp_path: Path) -> None:
        """What is not what was sent is not taken for it."""
        attempt = outbox.send(outbox.prepare(MAIL))
        body = data_dir / "bodies" / f"{attempt.submission.attempt_id}.json"
        body.write_bytes(body.read_bytes().replace(b"Hi", b"Ho"))
        with pytest.raises(OutboxError, match="damaged"):
            outbox.draft_again(attempt, kept(tmp_path))


def run(text: str, suffix: str, folder: Path, sandbox: Sandbox) -> subprocess.CompletedProcess[str]:
    """Run a snippet as a user would who has the credentials in the environment."""
    path = folder / f"snippet{suffix}"
    path.write_text(text)
    programs = {".sh": ["sh", str(path)], ".py": [sys.executable, str(path)], ".go": ["go", "run", str(path)]}
    return subprocess.run(
        programs[suffix],
        env={**os.environ, **sandbox.environment(), "GOFLAGS": "-mod=mod", "GOCACHE": str(folder / "go")},
        capture_output=True,
        text=True,
        timeout=PATIENCE * 4,
        check=False,
    )


class TestSnippets:
    @pytest.mark.parametrize("tool", ["curl", "Python", pytest.param("Go", marks=pytest.mark.slow)])
    @pytest.mark.parametrize("kind", ["small", "big", "files", "raw", "unprintable"])
    def test_the_same_octets(self, outbox: Outbox, sandbox: Sandbox, tmp_path: Path, tool: str, kind: str) -> None:
        """What is run sends the body that cfmail sends, octet for octet, before it was sent as afterwards."""
        if shutil.which(tool.lower()) is None and tool != "Python":
            pytest.skip(f"{tool} is not here")
        drafts: dict[str, Draft | RawDraft] = {
            "small": MAIL,
            "big": replace(MAIL, text="ü" * INLINE_LIMIT),
            "files": with_files(tmp_path),
            "raw": raw_draft(RAW),
            "unprintable": replace(MAIL, text="a\u202e\u00a0\ufeffb"),
        }
        reviewed = outbox.prepare(drafts[kind])
        self._taken(outbox, reviewed, tool, tmp_path, sandbox)
        attempt = outbox.send(reviewed)
        self._taken(outbox, attempt, tool, tmp_path, sandbox)
        digests = {sha256(sandbox.request_body(sent["n"])).hexdigest() for sent in sandbox.messages()}
        assert digests == {attempt.submission.digest}
        assert len(sandbox.messages()) == 3

    def _taken(self, outbox: Outbox, of: object, tool: str, folder: Path, sandbox: Sandbox) -> None:
        file = str(folder / "it's a $(touch evil)")
        made = outbox.snippets(of, file)[tool]  # type: ignore[arg-type]
        path = outbox.write_needed(of, made, file)  # type: ignore[arg-type]
        assert sandbox.token not in made.text
        assert sandbox.account_id not in made.text
        assert bool(path) is bool(made.needs)
        if path:
            assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
        done = run(made.text, made.suffix, folder, sandbox)
        assert done.returncode == 0, done.stderr
        assert "delivered" in done.stdout
        assert not Path("evil").exists()

    def test_wrangler_is_given_the_message(self, outbox: Outbox, tmp_path: Path) -> None:
        """What wrangler cannot say by options stands in a message of its own, without Bcc, before it was sent too."""
        reviewed = outbox.prepare(with_files(tmp_path))
        file = str(tmp_path / "mail")
        made = outbox.snippets(reviewed, file)["wrangler"]
        assert "--to bounce@example.com" in made.text
        message = Path(outbox.write_needed(reviewed, made, file)).read_bytes()
        assert b"pic.png" in message
        assert b"bounce@example.com" not in message

    def test_every_tool_is_offered(self, outbox: Outbox) -> None:
        """Each tool has its text."""
        assert [*outbox.snippets(outbox.prepare(MAIL), "/tmp/m")] == [*TOOLS]


def test_a_file_of_the_user_is_not_written_over(tmp_path: Path) -> None:
    """A file that is there stays as it is, unless it is one of ours; what cannot be written is told by its path."""
    path = tmp_path / "mine.sh"
    path.write_text("mine")
    with pytest.raises(OutboxError, match=r"mine\.sh cannot be written: file exists"):
        write_copy(path, [b"ours"])
    assert path.read_text() == "mine"
    write_copy(path, [b"ours"], over=True)
    assert path.read_bytes() == b"ours"
    with pytest.raises(OutboxError, match="no such file"):
        write_copy(tmp_path / "no" / "where", [b""])
    assert [found.name for found in tmp_path.iterdir()] == ["mine.sh"]


class TestBarred:
    def refused(self, outbox: Outbox, to: str) -> tuple[Reviewed, Refused]:
        reviewed = outbox.prepare(replace(MAIL, to=to, cc="", bcc=""))
        outcome = outbox.send(reviewed).outcome
        assert isinstance(outcome, Refused)
        return reviewed, outcome

    def test_who_kept_a_mail_back(self, outbox: Outbox, sandbox: Sandbox) -> None:
        """Of a refused mail those on the list are told as the envelope has them, with why and until when."""
        suppress(sandbox, "eve@example.com", note="asked for it")
        reviewed, _ = self.refused(outbox, "bob@example.com, Eve@Example.com, suppressed@example.net")
        barred = outbox.barred(outbox.attempt(reviewed.submission.attempt_id))
        assert barred.addresses == ("Eve@Example.com", "suppressed@example.net")
        assert "asked for it" in barred.about("Eve@Example.com")[0].words
        assert barred.remark is None

    def test_an_entry_for_another_domain_is_no_cause(self, outbox: Outbox, sandbox: Sandbox) -> None:
        """An entry of another sending domain of the account keeps nothing back."""
        url_scope = {"type": "sending_domain", "value": "else.example"}
        suppress(sandbox, "eve@example.com", scope=url_scope)
        reviewed, _ = self.refused(outbox, "eve@example.com, suppressed@example.net")
        barred = outbox.barred(outbox.attempt(reviewed.submission.attempt_id))
        assert barred.addresses == ("suppressed@example.net",)

    def test_a_token_without_the_right(self, opened: Callable[..., Outbox], sandbox: Sandbox) -> None:
        """Who may send and not read the list is told what is missing; nobody is blamed."""
        outbox = opened(sandbox, sandbox.add_token("no_suppressions"))
        reviewed, _ = self.refused(outbox, "bob@example.com, suppressed@example.net")
        barred = outbox.barred(outbox.attempt(reviewed.submission.attempt_id))
        assert barred.addresses == ()
        assert barred.remark
        assert barred.remark.what is What.SUPPRESSIONS
        assert "Email Sending: Edit" in barred.remark.action

    def test_other_outcomes_are_not_asked_about(self, outbox: Outbox, sandbox: Sandbox) -> None:
        """Where nobody can have been suppressed nobody is asked."""
        attempt = outbox.send(outbox.prepare(MAIL))
        sandbox.stop()
        assert outbox.barred(attempt).remark is None


class TestQueued:
    @pytest.fixture
    def quick(self, tmp_path: Path) -> Iterator[Sandbox]:
        """A sandbox whose records are there at once, and whose queue is worked off at once."""
        with Sandbox(tmp_path / "quick", choices=Choices(queue_seconds=0, analytics_lag=0)) as box:
            yield box

    def test_the_queued_becomes_delivered(self, opened: Callable[..., Outbox], quick: Sandbox) -> None:
        """What Cloudflare's records say later of a queued recipient stands in the history from then on."""
        outbox = opened(quick)
        attempt = outbox.send(outbox.prepare(MAIL))
        assert isinstance(attempt.outcome, Accepted)
        assert attempt.queued == ("queue@example.org",)
        assert outbox.follow_queued()
        now = outbox.attempt_now(attempt)
        assert dict(now.fates)["queue@example.org"] is Fate.DELIVERED
        assert not outbox.follow_queued()

    def test_who_may_not_ask_is_told_so(self, opened: Callable[..., Outbox], quick: Sandbox) -> None:
        """Without Analytics Read nothing is learned, and it is said what is missing."""
        outbox = opened(quick, quick.add_token("no_analytics"))
        attempt = outbox.send(outbox.prepare(MAIL))
        assert not outbox.follow_queued()
        verdict = outbox.ask_again(attempt)
        assert isinstance(verdict, CannotTell)
        assert verdict.doubt is Doubt.NO_RIGHT
        assert "Analytics Read" in verdict.reason
        assert outbox.attempt_now(attempt).queued
