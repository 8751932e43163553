"""`cfmail sendmail` is to other programs what they take it for."""

import os
import shutil
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest

from cfmail_tui.sandbox import Sandbox
from tests.conftest import IN_CI
from tests.edge.cli_run import PATIENCE, Cfmail, decoded, use

MAIL = b"From: me@acme.example\nTo: bob@example.net\nCc: eve@example.net\nBcc: sue@example.net\nSubject: x\n\nHi\n"


@pytest.fixture
def cfmail(
    capsysbinary: pytest.CaptureFixture[bytes], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, new_machine: Path
) -> Cfmail:
    use(sandbox, monkeypatch)
    return Cfmail(capsysbinary)


def arrived(sandbox: Sandbox) -> tuple[str, list[str], EmailMessage]:
    """Sender and recipients of the one mail that came, and the mail."""
    (message,) = sandbox.messages()
    return message["request"]["from"], message["request"]["recipients"], decoded(sandbox.mime(1))


@pytest.mark.parametrize("flags", [["-t"], ["-ti"], ["-t", "-oi"], ["-oem", "-t", "-odb", "-bm", "-v"]])
def test_recipients_of_the_header(cfmail: Cfmail, sandbox: Sandbox, flags: list[str]) -> None:
    """With -t all that are in it get the mail, and Bcc is not in it; nothing is said of what went well."""
    ran = cfmail("sendmail", *flags, stdin=MAIL)
    assert (ran.code, ran.stdout, ran.stderr) == (0, b"", b"")
    sender, recipients, mail = arrived(sandbox)
    assert (sender, recipients) == ("me@acme.example", ["bob@example.net", "eve@example.net", "sue@example.net"])
    assert mail["Bcc"] is None
    assert mail["Date"]
    assert mail["Message-ID"].endswith("@acme.example>") or mail["Message-ID"].endswith("@localhost>")


@pytest.mark.parametrize("flags", [["-f", "bounce@acme.example"], ["-fbounce@acme.example"], ["-rbounce@acme.example"]])
def test_recipients_that_are_named(cfmail: Cfmail, sandbox: Sandbox, flags: list[str]) -> None:
    """They alone get it, whatever the header says, and -f is the envelope's sender."""
    assert cfmail("sendmail", "-i", *flags, "--", "joe@example.net", stdin=MAIL).code == 0
    sender, recipients, mail = arrived(sandbox)
    assert (sender, recipients) == ("bounce@acme.example", ["joe@example.net"])
    assert (mail["From"], mail["Bcc"]) == ("me@acme.example", None)


@pytest.mark.parametrize(
    ("flags", "text"), [([], "Hi\r\n"), (["-i"], "Hi\r\n.\r\nmore\r\n"), (["-oi"], "Hi\r\n.\r\nmore\r\n")]
)
def test_a_dot_on_a_line(cfmail: Cfmail, sandbox: Sandbox, flags: list[str], text: str) -> None:
    """It ends the message, but with -i."""
    assert cfmail("sendmail", "-t", *flags, stdin=MAIL + b".\nmore\n").code == 0
    assert arrived(sandbox)[2].get_content() == text


def test_as_cron_does(cfmail: Cfmail, sandbox: Sandbox) -> None:
    """A sender without a domain is the one given, under its own name; text of an old charset arrives as it was."""
    mail = b"From: root (Cron Daemon)\nTo: bob@example.net\nSubject: Cron <root@web> backup\n"
    mail += b"Content-Type: text/plain; charset=ISO-8859-1\nContent-Transfer-Encoding: 8bit\n\nK\xe4se\n"
    ran = cfmail(
        "sendmail", "-FCronDaemon", "-i", "-f", "cron@acme.example", "-B8BITMIME", "bob@example.net", stdin=mail
    )
    assert ran.code == 0, ran.err
    _, _, arrival = arrived(sandbox)
    assert arrival["From"] == "Cron Daemon <cron@acme.example>"
    assert arrival.get_content() == "Käse\r\n"


def test_a_text_without_a_header(cfmail: Cfmail, sandbox: Sandbox) -> None:
    """It is the text; From is who was named, with the name of -F."""
    assert (
        cfmail("sendmail", "-f", "me@acme.example", "-F", "Älice", "bob@example.net", stdin=b"Hi Bob\nbye\n").code == 0
    )
    mail = arrived(sandbox)[2]
    assert (mail["From"], mail.get_content()) == ("Älice <me@acme.example>", "Hi Bob\r\nbye\r\n")


def test_somebody_bounced(cfmail: Cfmail, sandbox: Sandbox) -> None:
    """The mail was accepted, so that nobody is told to send it again; who did not get it is said."""
    ran = cfmail("sendmail", "-i", "bob@example.net", "bounce@example.com", stdin=MAIL)
    assert ran.code == 0
    assert "bounce@example.com" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 64, "-t to take those"),
        (("-t", "bob@example.net"), 64, "name no others"),
        (("-bs",), 64, "-b"),
        (("-i", "root"), 65, "root"),
    ],
)
def test_what_cannot_be(cfmail: Cfmail, sandbox: Sandbox, arguments: tuple[str, ...], code: int, words: str) -> None:
    """It is refused by the codes of sysexits, as sendmail does, and nothing is sent."""
    ran = cfmail("sendmail", *arguments, stdin=MAIL)
    assert ran.code == code
    assert words in ran.err
    assert not sandbox.messages()


def needed(tool: str) -> None:
    found = subprocess.run(tool.split(), capture_output=True, check=False).returncode == 0
    if not found:
        (pytest.fail if IN_CI else pytest.skip)(f"{tool} does not run; install it")


@pytest.fixture
def sendmail(new_machine: Path) -> Path:
    """The program as others call it: a link with this name."""
    program, link = new_machine / "program", new_machine / "sendmail"
    program.write_text(f"#!{sys.executable}\nimport sys\nfrom cfmail_tui.__main__ import main\nsys.exit(main())\n")
    program.chmod(0o755)
    link.symlink_to(program)
    return link


@pytest.mark.slow
def test_git_send_email(cfmail: Cfmail, sandbox: Sandbox, sendmail: Path, new_machine: Path) -> None:
    """The real one sends a patch with 8-bit text, and each who is to get it does."""
    needed("git send-email --dump-aliases")
    repository = new_machine / "repository"
    env = os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=Zoë", "-c", "user.email=me@acme.example")
        command = ["git", *identity, "-C", str(repository), *arguments]
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout

    repository.mkdir()
    git("init", "-q")
    (repository / "cheese").write_text("Käse\n")
    git("add", ".")
    git("commit", "-qm", "Käse")
    git(
        "send-email",
        f"--sendmail-cmd={sendmail}",
        "--to=bob@example.net",
        "--cc=Jöe <joe@example.net>",
        "--bcc=sue@example.net",
        "--confirm=never",
        "--quiet",
        "--8bit-encoding=UTF-8",
        "-1",
    )
    sender, recipients, mail = arrived(sandbox)
    assert sender == "me@acme.example"
    assert {"bob@example.net", "joe@example.net", "sue@example.net"} <= {*recipients}
    assert (mail["Subject"], mail["From"], mail["Bcc"]) == ("[PATCH] Käse", "Zoë <me@acme.example>", None)
    assert "+Käse" in mail.get_content()


@pytest.mark.slow
def test_mutt(cfmail: Cfmail, sandbox: Sandbox, sendmail: Path, new_machine: Path) -> None:
    """The real one sends a mail with a file, and each octet of that arrives."""
    needed("mutt -v")
    content = bytes(range(256)) * 40
    (new_machine / "photo.bin").write_bytes(content)
    rc = new_machine / "muttrc"
    rc.write_text(
        f'set sendmail="{sendmail} -oem -oi"\nset from="Zoë <me@acme.example>"\nset use_from=yes\n'
        f"set envelope_from=yes\nset record=\nset charset=utf-8\nset send_charset=utf-8\nset allow_8bit=yes\n"
    )
    subprocess.run(
        [
            shutil.which("mutt") or "mutt",
            "-n",
            "-F",
            rc,
            "-s",
            "Grüße",
            "-c",
            "joe@example.net",
            "-b",
            "sue@example.net",
            "-a",
            "photo.bin",
            "--",
            "bob@example.net",
        ],
        input="Käse\n".encode(),
        check=True,
        timeout=PATIENCE,
        cwd=new_machine,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )
    sender, recipients, mail = arrived(sandbox)
    assert (sender, {*recipients}) == ("me@acme.example", {"bob@example.net", "joe@example.net", "sue@example.net"})
    text, attachment = mail.iter_parts()
    assert (mail["Subject"], mail["Bcc"], text.get_content()) == ("Grüße", None, "Käse\r\n")
    assert attachment.get_content() == content
