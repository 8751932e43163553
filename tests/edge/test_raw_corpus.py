"""Every raw message arrives as it was opened, with CRLF, or is refused with the reason: there is no third outcome."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from cfmail_tui import mime
from cfmail_tui.sandbox import Sandbox
from tests.core.nasty_mails import NASTY, python_mails
from tests.core.test_structure import ANYTHING
from tests.edge.cli_run import Cfmail, use

ENVELOPE = ("--envelope-from", "me@acme.example", "--recipient", "bob@example.net")
MAILS = NASTY | python_mails()


@pytest.fixture
def cfmail(
    capsysbinary: pytest.CaptureFixture[bytes], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, new_machine: Path
) -> Cfmail:
    use(sandbox, monkeypatch)
    monkeypatch.chdir(new_machine)
    return Cfmail(capsysbinary)


def arrives_or_is_refused(cfmail: Cfmail, sandbox: Sandbox, source: bytes, *flags: str) -> None:
    before = len(sandbox.messages())
    Path("mail.eml").write_bytes(source)
    ran = cfmail("send-raw", "mail.eml", *ENVELOPE, *flags, "--json")
    if ran.code == 0:
        expected = source
        if source.startswith(b"From "):
            # What the mbox has around a message is none of it.
            expected = re.sub(rb"(?<=\n)\r?\n\Z", b"", source.partition(b"\n")[2])
        if flags:
            expected = mime.repaired(mime.without_bcc(expected))[0]
        assert sandbox.mime(before + 1) == mime.crlf(mime.without_bcc(expected))
    else:
        assert ran.code == 65
        assert ran.json["problems"]
        assert len(sandbox.messages()) == before


@pytest.mark.parametrize("name", MAILS)
def test_every_mail_arrives_or_is_refused(cfmail: Cfmail, sandbox: Sandbox, name: str) -> None:
    """Each message of the corpora, sent as it is and sent with what cannot be sent re-encoded."""
    arrives_or_is_refused(cfmail, sandbox, MAILS[name])
    arrives_or_is_refused(cfmail, sandbox, MAILS[name], "--repair")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(source=ANYTHING.map(lambda octets: b"From: me@acme.example\r\n" + octets))
def test_any_mail_arrives_or_is_refused(cfmail: Cfmail, sandbox: Sandbox, source: bytes) -> None:
    """The same for octets of any kind."""
    arrives_or_is_refused(cfmail, sandbox, source)


LATIN = b"From: me@acme.example\r\nTo: bob@example.net\r\nSubject: Gr\xfc\xdfe\r\n\r\nGr\xfc\xdfe\r\n"


def test_a_mail_that_cannot_be_sent_is_repaired_if_asked(cfmail: Cfmail, sandbox: Sandbox) -> None:
    """Without --repair it is refused and the flag is named; with it each change is said, and a look says the same."""
    refused = cfmail("send-raw", "-", stdin=LATIN)
    assert (refused.code, "--repair re-encodes" in refused.err) == (65, True)
    looked = cfmail("send-raw", "-", "--repair", "--dry-run", "--json", stdin=LATIN)
    assert not sandbox.messages()
    assert [one["place"] for one in looked.json["changes"]] == ["Subject", "the header", "the body (text/plain)"]
    assert "Subject: Gr<FC><DF>e → =?utf-8?" in looked.err
    sent = cfmail("send-raw", "-", "--repair", stdin=LATIN)
    assert sent.code == 0
    assert "Subject: Gr<FC><DF>e → =?utf-8?" in sent.err
    assert sandbox.mime(1) == mime.repaired(LATIN)[0]
    assert len(sandbox.request_body(1)) == looked.json["body_size"]


def test_a_look_tells_what_is_wrong(cfmail: Cfmail) -> None:
    """--dry-run names the findings, to scripts and to people, and how the lines end."""
    source = LATIN.replace(b"Gr\xfc\xdfe", b"x").replace(b"\r\n", b"\n")
    ran = cfmail("send-raw", "-", "--dry-run", "--json", stdin=source)
    assert [one["rule"] for one in ran.json["findings"]] == ["no-date", "no-message-id", "line-ends"]
    assert "there is no Date field" in ran.err
    assert "its lines end in LF; they leave as CRLF (5 lines)" in ran.err


POSTMARK = b"From me@example.com Mon Nov 23 07:00:00 2026\n"
ONE = b"From: me@acme.example\nTo: bob@example.net\nSubject: %d\n\n%s\n"


def test_one_message_of_an_mbox_is_sent(cfmail: Cfmail, sandbox: Sandbox) -> None:
    """--message chooses; without it the messages are listed and none is sent; what was undone is said."""
    box = b"".join(POSTMARK + ONE % (n, b">From x") + b"\n" for n in (1, 2))
    Path("box").write_bytes(box)
    for name in ("box", "-"):
        asked = cfmail("send-raw", name, stdin=box)
        assert asked.code == 64
        assert "   2  " in asked.err
        assert cfmail("send-raw", name, "--message", "3", stdin=box).code == 64
    assert not sandbox.messages()
    for number, name in enumerate(("box", "-"), 1):
        sent = cfmail("send-raw", name, "--message", "2", stdin=box)
        assert sent.code == 0
        assert "1 line begins with “>From ” in the mbox" in sent.err
        assert sandbox.mime(number) == mime.crlf(ONE % (2, b"From x"))


def test_one_message_of_a_maildir_is_sent(cfmail: Cfmail, sandbox: Sandbox) -> None:
    """A folder that is a Maildir is one of many messages, too; a single message has no second."""
    for folder in ("cur", "new"):
        Path("Maildir", folder).mkdir(parents=True)
    Path("Maildir", "new", "1.x").write_bytes(ONE % (1, b"a"))
    assert cfmail("send-raw", "Maildir").code == 0
    Path("Maildir", "cur", "2.x:2,").write_bytes(ONE % (2, b"b"))
    assert cfmail("send-raw", "Maildir").code == 64
    assert cfmail("send-raw", "Maildir", "--message", "2").code == 0
    assert sandbox.mime(2) == mime.crlf(ONE % (2, b"b"))
    assert cfmail("send-raw", "Maildir/new/1.x", "--message", "2").code == 64
    assert cfmail("send-raw", ".").code == 66
