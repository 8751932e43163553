"""A defect is told without anyone's mail, after what was typed was saved."""

import os
import sys
from pathlib import Path

import pytest

from cfmail_tui.message import Draft
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui import crash
from tests.pty_driver import AT_REST, Terminal
from tests.ui.stage import drafts

SECRET = "text-of-a-mail"

# F6 is broken in this cfmail, by an exception that has somebody's text in it.
IN_A_SCREEN = f"""
from cfmail_tui.ui.compose import ComposeScreen
def broken(self):
    text = {SECRET!r}
    raise KeyError(text)
ComposeScreen.action_more_fields = broken
"""
RUN = "import sys\nfrom cfmail_tui.cli import main\nsys.exit(main(sys.argv[1:]))\n"


def reports() -> list[Path]:
    return sorted((Path(os.environ["CFMAIL_HOME"]) / "data").glob("crash-*.txt"))


def test_a_defect_in_the_program(connected: Sandbox) -> None:
    """Three lines on a restored terminal say what happened, that the text is kept, and where the report is; 70."""
    command = [sys.executable, "-c", IN_A_SCREEN + RUN, "--from", "me@acme.example", "--to", "b@example.com"]
    with Terminal([*command, "--subject", "Hello"], size=(200, 24)) as terminal:
        terminal.wait_for("F9")
        terminal.send("typed")
        terminal.wait_for("typed")
        terminal.press("f6")
        assert terminal.wait_exit() == crash.EXIT_CODE
        assert terminal.modes == AT_REST
        assert terminal.settings() == terminal.settings_before
        (report,) = reports()
        lines = terminal.screen().strip().splitlines()
        assert lines[0] == "cfmail: cfmail has a defect and had to end (KeyError)"
        assert lines[1] == "cfmail: what was typed is saved, F7 shows it"
        assert str(report) in "".join(lines[2:])
        assert SECRET not in terminal.screen()
    (draft,) = drafts()
    assert isinstance(draft, Draft)
    assert draft.text == "typed"
    text = report.read_text()
    assert "KeyError" in text
    assert "broken" in text
    assert "textual/message_pump.py:" in text
    for private in (SECRET, "typed", "Hello", "example.com", connected.token, os.environ["HOME"]):
        assert private not in text
    assert report.stat().st_mode & 0o777 == 0o600


def raised() -> BaseException:
    try:
        looked_up()
    except ValueError as error:
        return error
    raise AssertionError


def looked_up() -> None:
    nothing: dict[str, str] = {}
    try:
        nothing[SECRET]
    except KeyError as error:
        raise ValueError(SECRET) from error


def test_a_report_has_kinds_and_places(tmp_path: Path) -> None:
    """Each exception of a chain is there by its kind, with file, line and function; no text of any."""
    text = crash.write(raised(), tmp_path / "new").read_text()
    assert "builtins.ValueError" in text
    assert "because of builtins.KeyError" in text
    assert f"{Path(__file__).name}:" in text
    assert "looked_up" in text
    assert SECRET not in text


def test_the_newest_reports_are_kept(tmp_path: Path) -> None:
    """Of many defects the last five stay; other files are left alone."""
    (tmp_path / "crash-course.md").touch()
    written = [crash.write(raised(), tmp_path) for _ in range(8)]
    assert sorted(tmp_path.glob("*.txt")) == written[-crash.KEPT :]
    assert (tmp_path / "crash-course.md").exists()


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    """Where there is no place for a report, that is said in its place."""
    (tmp_path / "file").touch()
    *_, last = crash.tell(raised(), tmp_path / "file", saved=False)
    assert last.startswith("a report could not be written")


@pytest.mark.parametrize("when", ["run", "close"])
def test_a_defect_outside_of_the_screens(connected: Sandbox, when: str) -> None:
    """A defect around the app's loop is told the same way, with nothing of its text."""
    broken = f"from cfmail_tui.ui.app import CfmailApp\ndef broken(self):\n    raise KeyError({SECRET!r})\n"
    with Terminal(
        [sys.executable, "-c", f"{broken}CfmailApp.{when} = broken\n{RUN}", "demo"], size=(200, 24)
    ) as terminal:
        if when == "close":
            terminal.wait_for("F9")
            terminal.press("ctrl+q")
        assert terminal.wait_exit() == crash.EXIT_CODE
        assert terminal.modes == AT_REST
        assert "has a defect" in terminal.screen()
        assert SECRET not in terminal.output.decode()
    assert len(reports()) == 1
