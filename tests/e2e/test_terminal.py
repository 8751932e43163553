"""The real program on a real terminal: what only shows there, byte for byte and key for key."""

import os
import re
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cfmail_tui.message import Draft
from cfmail_tui.sandbox import Sandbox
from tests.pty_driver import AT_REST, Terminal
from tests.ui.hostile import CONTROLS, MARKUP, WHAT_TEXTUAL_WRITES, acting
from tests.ui.stage import drafts

Start = Callable[..., Terminal]

LETTER = ("--from", "me@acme.example", "--to", "bob@example.com", "--subject", "Hello")


def leave(terminal: Terminal) -> None:
    """Ctrl+Q, and everything is as it was."""
    terminal.press("ctrl+q")
    assert terminal.wait_exit() == 0
    assert terminal.modes == AT_REST


def test_hostile_text_never_reaches_the_terminal(start: Start, connected: Sandbox, tmp_path: Path) -> None:
    """File names, subjects, addresses and a raw source full of escapes put none of them into the output."""
    path = tmp_path / "[bold]\x1b]52;c;ZXZpbA==\x07\u202e\x9b35;45m.txt"
    path.write_text("x")
    source = tmp_path / "mail.eml"
    body = "\r\n".join((*MARKUP, *CONTROLS[:6], CONTROLS[9]))
    source.write_bytes(b"From: me@acme.example\r\nTo: bob@example.com\r\n\r\n" + body.encode())
    hostile = "[@click=app.quit]x[/]\x1b[35;45m\u2066"
    terminal = start("--to", hostile, "--subject", hostile, "--attach", str(path), "--from", "me@acme.example")
    terminal.wait_for("[@click=app.quit]x[/]")
    terminal.click("click=app.quit")
    terminal.press("f3")
    terminal.wait_for("[bold]")
    terminal.press("f12", "f9")
    terminal.wait_for("Cannot be sent yet")
    terminal.press("ctrl+n", "ctrl+t", "f3")
    terminal.wait_for("Open a message")
    terminal.send(f"{source}\r")
    terminal.wait_for("[red]r")
    terminal.press("f7")
    terminal.wait_for("Drafts")
    terminal.press("f12", "f9")
    terminal.wait_for(lambda screen: "nothing has left yet" in screen or "Cannot be sent yet" in screen)
    terminal.press("f12")
    leave(terminal)
    output = terminal.output.decode()
    assert not acting(WHAT_TEXTUAL_WRITES.sub("", output))
    assert "\x1b[35;45m" not in output


def test_a_token_is_not_shown_nor_copied(start: Start, sandbox: Sandbox) -> None:
    """On first use the token is masked, Ctrl+C sends no OSC 52 with it, and it is nowhere in the output."""
    terminal = start(*LETTER, env={"CLOUDFLARE_BASE_URL": sandbox.base_url})
    terminal.wait_for("Hello")
    terminal.send("some text")
    terminal.press("f9")
    terminal.wait_for("API token")
    terminal.send(sandbox.token)
    terminal.wait_for("•" * len(sandbox.token))
    terminal.send("\x1b[1;2H\x03\x18")  # Shift+Home, Ctrl+C, Ctrl+X
    terminal.send("\r\r")
    terminal.wait_for("Keep it in")
    terminal.click("Use it")
    terminal.wait_for("nothing has left yet")
    terminal.press("y")
    terminal.wait_for("delivered")
    leave(terminal)
    assert b"\x1b]52" not in terminal.output
    assert sandbox.token.encode() not in terminal.output


EDITOR = """
import os, sys
from pathlib import Path
path = Path(sys.argv[1])
assert oct(path.stat().st_mode & 0o777) == "0o600"
mode, seen = {arguments!r}
Path(seen).write_text(repr(dict(os.environ)))
left = {{"good": path.read_bytes().replace(b"typed", b"edited") + b"more\\n", "latin-1": b"\\xff"}}
path.write_bytes(left.get(mode, b"lost"))
if mode == "waiting":
    print("in the editor", flush=True)
    sys.stdin.read()
sys.exit(3 if mode == "failing" else 0)
"""


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        ("good", "edited here"),
        ("failing", "ended with code 3"),
        ("waiting", "ended with code"),
        ("latin-1", "not UTF-8"),
        ("missing", "could not be run"),
    ],
)
def test_the_external_editor(start: Start, connected: Sandbox, tmp_path: Path, mode: str, shown: str) -> None:
    """F4 hands the text to $EDITOR and takes it back; what one leaves that fails is a draft; none sees the token."""
    script, seen = tmp_path / "the editor.py", tmp_path / "environment"
    script.write_text(EDITOR.format(arguments=(mode, str(seen))))
    editor = "/nowhere/vi -f" if mode == "missing" else shlex.join([sys.executable, str(script)])
    terminal = start(*LETTER, env={"EDITOR": editor})
    terminal.wait_for("Hello")
    terminal.send("typed here\r")
    terminal.wait_for("typed here")
    terminal.wait_for("environment")  # until then its data is being opened, and it says so
    terminal.press("f4")
    if mode == "waiting":
        terminal.wait_for("in the editor")
        terminal.send("\x03")  # here it is a signal, to everyone on this terminal
    terminal.wait_for(shown)
    terminal.wait_for("edited here" if mode == "good" else "typed here")
    assert {1049, 1003, 2004} <= terminal.modes
    terminal.send("and more keys")
    terminal.wait_for("and more keys")
    leave(terminal)
    if mode != "missing":
        assert connected.token not in seen.read_text()
        assert connected.account_id not in seen.read_text()
    assert not [*(Path(os.environ["CFMAIL_HOME"]) / "data").glob("edit-*")]
    rescued = {"failing": "lost", "waiting": "lost", "latin-1": "ÿ"}
    texts = [draft.text for draft in drafts() if isinstance(draft, Draft)]
    assert len(texts) == (2 if mode in rescued else 1)
    assert rescued.get(mode, texts[0]) in texts


@pytest.mark.parametrize("written", ["text", "markdown"])
def test_a_lost_line_while_the_editor_runs(start: Start, connected: Sandbox, tmp_path: Path, written: str) -> None:
    """What was saved in the editor when the connection went is a draft at the next start, beside the mail's own."""
    script = tmp_path / "editor.py"
    script.write_text(EDITOR.format(arguments=("waiting", str(tmp_path / "seen"))))
    terminal = start(*LETTER, env={"EDITOR": shlex.join([sys.executable, str(script)])})
    terminal.send("typed here")
    terminal.wait_for("typed here")
    if written == "markdown":
        terminal.press("f10", "f10")
        terminal.wait_for("are made of it")
    terminal.press("f4")
    terminal.wait_for("in the editor")
    terminal.hang_up()
    assert terminal.wait_exit() == 129
    start().wait_for("unfinished")
    texts = {getattr(draft, written) for draft in drafts() if isinstance(draft, Draft)}
    assert texts == {"typed here", "lost"}


def test_a_draft_survives_the_end_of_the_program(start: Start, connected: Sandbox) -> None:
    """What was typed and shown as saved is there after kill -9, and after Ctrl+Q what was typed last as well."""
    terminal = start(*LETTER)
    terminal.wait_for("Hello")
    terminal.send("the first text")
    terminal.wait_for("saved ")
    terminal.wait_for(
        lambda _: [getattr(draft, "text", "") for draft in drafts()] == ["the first text"], name="all of it on the disk"
    )
    os.kill(terminal.child, signal.SIGKILL)
    terminal.wait_exit()
    terminal = start()
    terminal.press("f7")
    terminal.wait_for("Hello")
    terminal.press("enter")
    terminal.wait_for("the first text")
    terminal.send(" and the second\x11")  # Ctrl+Q in the same packet
    assert terminal.wait_exit() == 0
    terminal = start()
    terminal.press("f7")
    terminal.wait_for("Hello")
    terminal.press("enter")
    terminal.wait_for("the second")
    leave(terminal)


def test_ctrl_c_while_sending(start: Start, connected: Sandbox) -> None:
    """Ctrl+C stops the waiting, the outcome is unknown, and nothing is sent a second time."""
    terminal = start("--from", "me@acme.example", "--to", "slow-60@example.com", "--subject", "Hello")
    terminal.wait_for("Hello")
    terminal.send("text\x12")  # Ctrl+R
    terminal.wait_for("nothing has left yet")
    terminal.press("y")
    terminal.wait_for("waiting for Cloudflare")
    terminal.send("\x03")
    terminal.wait_for("Stop sending?")
    terminal.press("down", "enter")
    terminal.wait_for("may have been sent")
    terminal.wait_for("text")
    leave(terminal)
    assert len(connected.messages()) == 1


def test_a_raw_message_from_a_file(start: Start, connected: Sandbox, tmp_path: Path) -> None:
    """`cfmail FILE.eml` opens the raw editor; what is on the screen is what arrives."""
    source = b"From: me@acme.example\nTo: bob@example.com\nBcc: hidden@example.com\nSubject: Raw\n\nHi\n"
    (tmp_path / "mail.eml").write_bytes(source)
    terminal = start(tmp_path / "mail.eml")
    terminal.wait_for("hidden@example.com")
    terminal.send("X-Mine: yes\r\x1b[20~")  # and F9
    terminal.wait_for("Cannot be sent yet")
    terminal.press("f6", "f9")
    terminal.wait_for("nothing has left yet")
    terminal.press("y")
    terminal.wait_for("delivered  hidden@example.com")
    leave(terminal)
    expected = b"X-Mine: yes\n" + source.replace(b"Bcc: hidden@example.com\n", b"")
    assert connected.mime(1) == expected.replace(b"\n", b"\r\n")


def test_a_text_from_a_pipe(connected: Sandbox) -> None:
    """`... | cfmail -` takes the text from the pipe and the keys from the terminal."""
    command = f"printf 'from a pipe' | {shlex.join([sys.executable, '-m', 'cfmail_tui', *LETTER])} -"
    with Terminal(["sh", "-c", command]) as terminal:
        terminal.wait_for("from a pipe")
        terminal.send("typed ")
        terminal.wait_for("typed from a pipe")
        leave(terminal)


def test_a_storm_of_sizes(start: Start, connected: Sandbox) -> None:
    """A window dragged to and fro while one types keeps every letter."""
    terminal = start(*LETTER)
    terminal.wait_for("Hello")
    for letter in "abcdefghijklmnopqrstuvwxyz":
        terminal.send(letter)
        terminal.resize(*((40, 10) if ord(letter) % 2 else (200, 60)))
    terminal.wait_for("abcdefghijklmnopqrstuvwxyz")
    terminal.resize(80, 24)
    terminal.wait_for(lambda screen: "abcdefghijklmnopqrstuvwxyz" in screen and screen.count("F9 Send") == 1)
    leave(terminal)


def test_no_color(start: Start, connected: Sandbox) -> None:
    """With NO_COLOR the output has greys only, and the outcome is told by words."""
    terminal = start(*LETTER, env={"NO_COLOR": "1"}, anew=True)
    terminal.wait_for("Hello")
    terminal.send("text\x1b[20~")
    terminal.wait_for("nothing has left yet")
    terminal.press("y")
    terminal.wait_for("delivered")
    leave(terminal)
    colours = re.findall(rb"[34]8;2;(\d+);(\d+);(\d+)", terminal.output)
    assert colours
    assert all(len({*colour}) == 1 for colour in colours)


def test_keys_typed_before_the_first_frame(connected: Sandbox) -> None:
    """What is typed while the program still starts is not mixed up: it stands in the first field, in order."""
    with Terminal([sys.executable, "-m", "cfmail_tui"]) as terminal:
        terminal.wait_for("From")
        terminal.send("me@acme.example\tbob@example.com\tHello\ttext\x1b[20~")
        terminal.wait_for("nothing has left yet")
        terminal.wait_for("bob@example.com")
        assert not connected.messages()
