"""The data folder misbehaves while a mail is written: it is said, what is typed stays, and nothing leaves unrecorded.

Each test makes a real fault, sees how the composer takes it, mends it, and sees that the mail is saved by itself.
"""

import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.message import Draft, RawDraft, SavedDraft
from cfmail_tui.store import DATABASE
from tests.conftest import fill, undo_send
from tests.e2e.clock import Clock
from tests.e2e.conftest import Cloudflare
from tests.e2e.test_endings import cpu_seconds
from tests.pty_driver import Terminal
from tests.ui.stage import FRAMES, attempts, drafts, opened_outbox

Start = Callable[..., Terminal]

LETTER: Final = ("--from", "me@acme.example", "--to", "bob@example.com", "--subject", "Hello")
NOT_SAVED: Final = "NOT SAVED"


def data_dir() -> Path:
    return Path(os.environ["CFMAIL_HOME"]) / "data"


@pytest.fixture
def disk(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small disk, on which the program has its data."""
    monkeypatch.setenv("CFMAIL_HOME", str(small_disk))
    undo_send(0)
    return small_disk


def joined(screen: str) -> str:
    """The visible text without frames and blanks: words are where they are, however a line was broken."""
    return "".join(screen.translate(FRAMES).split())


def says(terminal: Terminal, *texts: str, timeout: float = 20) -> None:
    """Until all of these texts are visible, also where they are broken into lines."""
    for text in map(joined, texts):
        terminal.wait_for(shows(text), timeout, name=text)


def shows(text: str) -> Callable[[str], bool]:
    return lambda screen: text in joined(screen)


def typed(terminal: Terminal, text: str) -> None:
    terminal.send(text)
    terminal.wait_for(text)


def review(terminal: Terminal) -> None:
    terminal.press("f9")
    terminal.wait_for("nothing has left yet")


def saved(terminal: Terminal, text: str) -> None:
    """As `saved_by_itself`, without waiting for the next try."""
    terminal.press("ctrl+s")
    saved_by_itself(terminal, text)


def saved_by_itself(terminal: Terminal, text: str) -> None:
    """What is on the screen reaches the disk without a key, and the complaint about it goes."""
    terminal.wait_for(text)
    terminal.wait_for("saved ", name="saved by itself")
    terminal.wait_gone("could not be saved")
    terminal.wait_gone("cannot be saved")
    terminal.wait_for(lambda _screen: kept() == text, name="the text on the disk")


def kept() -> str:
    """The text of the draft that was saved last."""
    return text_of(drafts()[0])


def text_of(content: Draft | RawDraft) -> str:
    assert isinstance(content, Draft)
    return content.text


def saved_drafts() -> list[SavedDraft]:
    """The drafts, the last saved first."""
    with opened_outbox() as (outbox, _):
        return [found.draft for found in outbox.unfinished()]


def leave(terminal: Terminal) -> None:
    terminal.press("ctrl+q")
    assert terminal.wait_exit() == 0


class TestFullDisk:
    def test_while_typing(self, start: Start, disk: Path) -> None:
        """What does not fit stays on the screen under NOT SAVED, is typed on, and saved as soon as there is room."""
        terminal = start(*LETTER)
        typed(terminal, "the text")
        terminal.wait_for("saved ")
        fill(disk, 0)
        typed(terminal, " goes on")
        terminal.wait_for(NOT_SAVED)
        says(terminal, f"{data_dir() / DATABASE} cannot be written: the disk is full")
        typed(terminal, " and on")
        (disk / "filler").unlink()
        saved_by_itself(terminal, "the text goes on and on")
        leave(terminal)

    def test_before_the_review(self, start: Start, disk: Path, cloudflare: Cloudflare) -> None:
        """A mail that cannot be written down is not reviewed; it is saved later by itself, and can be sent then."""
        cloudflare.go_on()
        terminal = start(*LETTER)
        typed(terminal, "the text")
        terminal.wait_for("saved ")
        fill(disk, 0)
        typed(terminal, " goes on")
        terminal.press("f9")
        terminal.wait_for(NOT_SAVED)
        says(terminal, "the disk is full")
        assert not cloudflare.came.is_set()
        (disk / "filler").unlink()
        saved(terminal, "the text goes on")
        review(terminal)
        terminal.press("y")
        terminal.wait_for("delivered")
        leave(terminal)
        assert cloudflare.mails == 1

    def test_at_the_sending(self, start: Start, disk: Path, cloudflare: Cloudflare) -> None:
        """Without room for the journal nothing is sent, which is said; the draft is there, and can be sent later."""
        cloudflare.go_on()
        terminal = start(*LETTER)
        typed(terminal, "the text")
        review(terminal)
        fill(disk, 0)
        terminal.press("y")
        terminal.wait_for("Not sent")
        says(terminal, f"{data_dir() / 'spare'} cannot be written: the disk is full")
        terminal.wait_for("the text")
        assert not cloudflare.came.is_set()
        (disk / "filler").unlink()
        assert attempts() == ()
        assert kept() == "the text"
        review(terminal)
        terminal.press("y")
        terminal.wait_for("delivered")
        leave(terminal)
        assert cloudflare.mails == 1

    def test_when_the_answer_comes(self, start: Start, disk: Path, cloudflare: Cloudflare) -> None:
        """A disk that fills up while a mail is on its way keeps its outcome neither from the screen nor the history."""
        cloudflare.reads.set()
        terminal = start(*LETTER)
        typed(terminal, "the text")
        review(terminal)
        terminal.press("y")
        terminal.wait_for("waiting for Cloudflare")
        fill(disk, 0)
        cloudflare.answers.set()
        terminal.wait_for("Accepted: 1 delivered")
        (disk / "filler").unlink()
        assert [type(attempt.outcome).__name__ for attempt in attempts()] == ["Accepted"]
        leave(terminal)
        assert drafts() == []

    def test_at_the_start(self, start: Start, disk: Path) -> None:
        """On a full disk the program starts and says why nothing can be saved; with room it goes on by itself."""
        fill(disk, 0)
        terminal = start(*LETTER)
        says(terminal, str(disk), "the disk is full")
        typed(terminal, "the text")
        terminal.wait_for(NOT_SAVED)
        says(terminal, str(disk), "the disk is full")
        (disk / "filler").unlink()
        saved(terminal, "the text")
        leave(terminal)


def remount(disk: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", disk], check=True)


class TestReadOnly:
    def test_at_the_start(self, start: Start, disk: Path) -> None:
        """On a read-only disk the program starts and says so; once it can be written, all is saved by itself."""
        remount(disk, "ro")
        terminal = start(*LETTER)
        says(terminal, str(disk), "read-only file system")
        typed(terminal, "the text")
        terminal.wait_for(NOT_SAVED)
        says(terminal, "read-only file system")
        remount(disk, "rw")
        saved(terminal, "the text")
        leave(terminal)

    def test_leaving(self, start: Start, disk: Path) -> None:
        """Who leaves with what cannot be saved is asked, and can stay with it."""
        remount(disk, "ro")
        terminal = start(*LETTER)
        typed(terminal, "the text")
        terminal.press("ctrl+q")
        says(terminal, "read-only file system", "If you go on, what you typed is lost.")
        terminal.press("esc")
        terminal.wait_gone("what you typed is lost")
        terminal.wait_for("the text")
        terminal.press("ctrl+q")
        terminal.click("Go on and lose it")
        assert terminal.wait_exit() == 0


# As root without what makes root special: who does not own a folder may not write there. prctl(PR_CAPBSET_DROP, ...)
# of CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH and CAP_FOWNER.
WITHOUT_POWERS: Final = (
    "import ctypes, os, sys\n"
    "for power in range(4): ctypes.CDLL(None).prctl(24, power, 0, 0, 0)\n"
    "os.execv(sys.argv[1], sys.argv[1:])"
)


def test_without_permission() -> None:
    """A data folder of somebody else's is named at the start; given back, it is used without a new start."""
    data_dir().mkdir()
    give_away(data_dir())
    command = [sys.executable, "-c", WITHOUT_POWERS, sys.executable, "-m", "cfmail_tui", *LETTER]
    with Terminal(command) as terminal:
        says(terminal, f"{data_dir()} cannot be used: operation not permitted: check who owns it")
        typed(terminal, "the text")
        terminal.wait_for(NOT_SAVED)
        says(terminal, f"{data_dir()} cannot be used: operation not permitted: check who owns it")
        os.chown(data_dir(), os.getuid(), os.getgid())
        saved(terminal, "the text")
        leave(terminal)


def give_away(folder: Path) -> None:
    """To another user; who is not root cannot, and has none to lose the power to."""
    if os.getuid() != 0:
        pytest.skip("only root can give a folder to another user")
    folder.chmod(0o755)
    os.chown(folder, 65534, 65534)


def removed(folder: Path) -> None:
    shutil.rmtree(folder)


def moved(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def replaced(folder: Path) -> None:
    """Another one is put in its place, as by a backup that is brought back."""
    shutil.copytree(folder, folder.with_name("copy"), ignore=shutil.ignore_patterns("instances"))
    folder.rename(folder.with_name("elsewhere"))
    folder.with_name("copy").rename(folder)


class TestGone:
    @pytest.mark.parametrize("fate", [removed, moved, replaced])
    def test_while_typing(self, start: Start, fate: Callable[[Path], None]) -> None:
        """A data folder that has gone is missed at the next saving, which is said; the mail is saved where it was."""
        terminal = start(*LETTER)
        typed(terminal, "the text")
        terminal.wait_for("saved ")
        fate(data_dir())
        typed(terminal, " goes on")
        terminal.wait_for(NOT_SAVED)
        says(terminal, f"{data_dir() / DATABASE} was moved or removed while cfmail ran")
        terminal.press("ctrl+s")
        terminal.wait_for("saved ")
        assert kept() == "the text goes on"
        leave(terminal)

    def test_a_file_in_its_place(self, start: Start) -> None:
        """A file where the data folder was is named; as soon as it is away, the mail is saved."""
        terminal = start(*LETTER)
        typed(terminal, "the text")
        terminal.wait_for("saved ")
        moved(data_dir())
        data_dir().touch()
        typed(terminal, " goes on")
        terminal.wait_for(NOT_SAVED)
        says(terminal, f"{data_dir()} cannot be used: it is a file")
        data_dir().unlink()
        data_dir().with_name("elsewhere").rename(data_dir())
        saved(terminal, "the text goes on")
        leave(terminal)

    def test_at_the_sending(self, start: Start, cloudflare: Cloudflare) -> None:
        """With the journal gone nothing is sent; reviewed again, the mail leaves once."""
        cloudflare.go_on()
        terminal = start(*LETTER)
        typed(terminal, "the text")
        review(terminal)
        removed(data_dir())
        terminal.press("y")
        # What looks for findings may have met the new journal already, where the body is missed instead.
        terminal.wait_for("Not sent")
        assert not cloudflare.came.is_set()
        terminal.wait_for("the text")
        review(terminal)
        terminal.press("y")
        terminal.wait_for("delivered")
        leave(terminal)
        assert cloudflare.mails == 1
        outcomes = [type(attempt.outcome).__name__ for attempt in attempts()]
        assert outcomes in (["Accepted"], ["Accepted", "NotSent"])


@contextmanager
def locked() -> Iterator[None]:
    """Another process, this one, is writing into the database and does not end."""
    db = sqlite3.connect(data_dir() / DATABASE, isolation_level=None)
    try:
        db.execute("BEGIN IMMEDIATE")
        yield
    finally:
        db.close()


@pytest.mark.slow
class TestLocked:
    def test_while_typing(self, start: Start) -> None:
        """A database that another program holds is named after a while; let go, it takes what was typed."""
        terminal = start(*LETTER)
        typed(terminal, "the text")
        terminal.wait_for("saved ")
        with locked():
            typed(terminal, " goes on")
            terminal.wait_for(NOT_SAVED)
            says(terminal, f"{data_dir() / DATABASE} is kept busy by another program: close other cfmails")
            typed(terminal, " and on")
        saved(terminal, "the text goes on and on")
        leave(terminal)

    def test_at_the_sending(self, start: Start, cloudflare: Cloudflare) -> None:
        """A mail that cannot be journalled for the lock is not sent, which is said; the draft is there."""
        cloudflare.go_on()
        terminal = start(*LETTER)
        typed(terminal, "the text")
        review(terminal)
        with locked():
            terminal.press("y")
            terminal.wait_for("Not sent")
            says(terminal, "is kept busy by another program")
        assert not cloudflare.came.is_set()
        assert attempts() == ()
        assert kept() == "the text"
        leave(terminal)

    def test_leaving_while_a_save_waits(self, start: Start) -> None:
        """Who leaves while the last save has not come through is told if it does not, and loses nothing unasked."""
        terminal = start(*LETTER)
        typed(terminal, "the text")
        terminal.wait_for("saved ")
        with locked():
            typed(terminal, " goes on")
            terminal.press("shift+tab", "ctrl+q")  # leaving the field hands the text over to be saved
            says(terminal, "is kept busy by another program", "If you go on, what you typed is lost.")
            terminal.press("esc")
            terminal.wait_gone("what you typed is lost")
        leave(terminal)
        assert kept() == "the text goes on"


class TestDamaged:
    def test_at_the_start(self, start: Start) -> None:
        """A damaged database is set aside, which is said, and the drafts that read are offered."""
        with opened_outbox() as (outbox, _):
            outbox.save_draft(SavedDraft("draft", 1, Draft(subject="Hello", text="the text")))
        lose_the_journal()
        terminal = start()
        says(terminal, "was damaged and was set aside as cfmail-damaged-", "0 mails of the history and 1 draft")
        terminal.press("f7")
        terminal.wait_for("Hello")
        terminal.press("enter")
        terminal.wait_for("the text")
        leave(terminal)

    def test_while_typing(self, start: Start) -> None:
        """A database that becomes nonsense is set aside without a new start, which is said; the mail is saved."""
        terminal = start(*LETTER)
        typed(terminal, "the text")
        terminal.wait_for("saved ")
        lose_the_journal()
        typed(terminal, " goes on")
        terminal.wait_for(NOT_SAVED)
        terminal.press("ctrl+s")
        says(terminal, f"{data_dir() / DATABASE} was damaged and was set aside as cfmail-damaged-")
        terminal.press("ctrl+s")
        terminal.wait_for("saved ")
        assert kept() == "the text goes on"
        leave(terminal)
        assert list(data_dir().glob("cfmail-damaged-*"))


def lose_the_journal() -> None:
    """What cannot happen by itself: a table is no more."""
    with sqlite3.connect(data_dir() / DATABASE) as db:
        db.execute("DROP TABLE claims")
        db.execute("DROP TABLE attempts")
    db.close()


def test_a_newer_schema(start: Start) -> None:
    """A newer cfmail's database is left alone: the program says what to do, is typed in, and asks before it loses."""
    assert drafts() == []
    db = sqlite3.connect(data_dir() / DATABASE)
    with db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    octets = (data_dir() / DATABASE).read_bytes()
    terminal = start(*LETTER)
    says(terminal, "was written by a newer cfmail", "install the newest cfmail", "CFMAIL_HOME")
    typed(terminal, "the text")
    terminal.wait_for(NOT_SAVED)
    says(terminal, "was written by a newer cfmail", "install the newest cfmail", "CFMAIL_HOME")
    terminal.press("ctrl+q")
    says(terminal, "If you go on, what you typed is lost.")
    terminal.click("Go on and lose it")
    assert terminal.wait_exit() == 0
    assert (data_dir() / DATABASE).read_bytes() == octets


NEED_NOTHING: Final = {
    "f1": "What can be done where you are",
    "f2": "Search for commands",
    "f3": "Attach a file",
    "f7": "unfinished mails",
    "f8": "what was sent, newest first",
}
"""Keys, and what they show."""


def test_no_more_open_files(start: Start, cloudflare: Cloudflare) -> None:
    """Without a descriptor to be had, what needs one says so, typing and saving go on, and nothing spins or ends."""
    cloudflare.go_on()
    terminal = start(*LETTER, anew=True)
    typed(terminal, "the text")
    terminal.wait_for("saved ")
    before = resource.prlimit(terminal.child, resource.RLIMIT_NOFILE)
    resource.prlimit(terminal.child, resource.RLIMIT_NOFILE, (first_free(terminal.child), before[1]))
    used = cpu_seconds(terminal.child)
    terminal.press("f9")
    says(terminal, "too many open files")
    for key, shown in NEED_NOTHING.items():
        terminal.press(key)
        terminal.wait_for(shown)
        terminal.press("esc")
        terminal.wait_gone(shown)
    typed(terminal, " ＡＢ")
    saved(terminal, "the text ＡＢ")
    assert cpu_seconds(terminal.child) - used < 10
    resource.prlimit(terminal.child, resource.RLIMIT_NOFILE, before)
    review(terminal)
    terminal.press("y")
    terminal.wait_for("delivered")
    leave(terminal)
    assert cloudflare.mails == 1


def first_free(pid: int) -> int:
    """The descriptor that the process would be given next; who is not root cannot look into it."""
    try:
        taken = [int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()]
    except PermissionError:
        pytest.skip("only root sees the descriptors of a cfmail")
    return next(number for number in count() if number not in taken)


@pytest.mark.slow
class TestClock:
    def test_jumps_while_mails_are_written(self, start: Start, tmp_path: Path) -> None:
        """Drafts stand in the order in which they were saved, though the clock went back between them."""
        clock = Clock(tmp_path)
        terminal = start(*LETTER, env=clock.env, anew=True)
        days = (400, -400, 0)
        for jump in days:
            typed(terminal, f"text {jump}")
            terminal.press("ctrl+s")
            terminal.wait_for("saved ")
            clock.jump(terminal, jump)
            terminal.press("ctrl+n")
            terminal.wait_gone(f"text {jump}")
            terminal.send("bob@example.com\tHello\t")
        leave(terminal)
        texts = [text_of(draft.content) for draft in saved_drafts()]
        assert texts == ["", *(f"text {jump}" for jump in days[::-1])]
        moments = [draft.saved_at for draft in saved_drafts() if draft.saved_at]
        assert moments != sorted(moments, reverse=True)

    def test_jumps_while_a_mail_can_be_taken_back(self, start: Start, cloudflare: Cloudflare, tmp_path: Path) -> None:
        """The time to take a mail back is neither over when the clock goes ahead nor longer when it goes back."""
        cloudflare.go_on()
        undo_send(600)
        clock = Clock(tmp_path)
        terminal = start(*LETTER, env=clock.env, anew=True)
        typed(terminal, "the text")
        review(terminal)
        terminal.press("y")
        terminal.wait_for("u takes it back")
        for days, most in ((2, 599), (-2, 598)):
            clock.set(days)
            terminal.wait_for(partial(leaves_in, 500, most), name="less time, but nearly all")
        assert not cloudflare.came.is_set()
        terminal.press("f9")
        terminal.wait_for("delivered")
        leave(terminal)

    def test_goes_back_before_what_was_killed(self, start: Start, cloudflare: Cloudflare, tmp_path: Path) -> None:
        """What was being sent at a kill is told of by a start long before it, and stands first in the history."""
        clock = Clock(tmp_path)
        terminal = start(*LETTER, env=clock.env, anew=True)
        typed(terminal, "the text")
        cloudflare.go_on()
        review(terminal)
        terminal.press("y")
        terminal.wait_for("delivered")
        cloudflare.answers.clear()
        terminal.send("bob@example.com\tSecond\tmore text")
        terminal.wait_for("more text")
        terminal.wait_for("saved ")
        clock.jump(terminal, -400)
        review(terminal)
        terminal.press("y")
        terminal.wait_for("waiting for Cloudflare")
        os.kill(terminal.child, signal.SIGKILL)
        terminal.wait_exit()
        clock.set(-800)
        terminal = start(env=clock.env, anew=True)
        says(terminal, "1 mail may have been sent, or not; see the history")
        terminal.press("f8")
        terminal.wait_for(lambda screen: -1 < screen.find("Second") < screen.find("Hello"), name="the history in order")
        terminal.press("esc")
        terminal.wait_for("Subject")
        leave(terminal)
        assert cloudflare.mails == 2
        second, first = attempts()
        assert second.started_at < first.started_at
        assert [type(attempt.outcome).__name__ for attempt in (second, first)] == ["Unknown", "Accepted"]


def leaves_in(least: int, most: int, screen: str) -> bool:
    """Whether so many seconds are shown until the mail leaves."""
    found = re.search(r"leaves in (\d+) s", screen)
    return found is not None and least <= int(found[1]) <= most
