"""`cfmail lint`: what is wrong with a raw message, told to people and to scripts, with an exit code; nothing leaves."""

from pathlib import Path

import pytest

from cfmail_tui import mime
from tests.core.nasty_mails import NASTY, python_mails
from tests.edge.cli_run import HOSTILE, RAW, Cfmail, kept_files
from tests.ui.hostile import CONTROLS, MARKUP

CLEAN = mime.template("plain", mime.Filled())
POSTMARK = b"From me@example.com Mon Nov 23 07:00:00 2026\n"


@pytest.fixture
def cfmail(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, new_machine: Path) -> Cfmail:
    monkeypatch.chdir(new_machine)
    return Cfmail(capsysbinary)


@pytest.mark.parametrize("template", mime.TEMPLATES, ids=lambda template: template.name)
def test_nothing_stops_a_template(cfmail: Cfmail, template: mime.Template) -> None:
    """A message to start from ends with 0."""
    Path("mail.eml").write_bytes(template.source(mime.Filled()))
    ran = cfmail("lint", "mail.eml", "--json")
    assert ran.code == 0
    assert ran.json["sendable"] is True
    assert not [one for one in ran.json["findings"] if one["weight"] != "note"]


def test_nothing_found(cfmail: Cfmail) -> None:
    """Where there is nothing to say, that is said on standard error alone."""
    ran = cfmail("lint", "-", stdin=CLEAN)
    assert (ran.code, ran.out, ran.err) == (0, "", "nothing found\n")
    assert cfmail("lint", "-", "--json", stdin=CLEAN).json["findings"] == []


def test_what_is_found_is_told_by_line(cfmail: Cfmail) -> None:
    """Each finding is a line that begins with file and line, errors first; a mail with one of these ends with 65."""
    Path("mail.eml").write_bytes(RAW.replace(b"Subject", b"Bcc: x@example.net\r\nReceived: by x\r\nSubject"))
    ran = cfmail("lint", "mail.eml")
    assert ran.code == 65
    first, *others = ran.out.splitlines()
    assert first.startswith("mail.eml:3: error: a Bcc field stands in the header")
    assert first.endswith("[bcc, RFC 5322 section 3.6.3; fix: remove the field]")
    assert any(line.startswith("mail.eml:4: caution: ") and "owned-field" in line for line in others)
    assert any(line.startswith("mail.eml: caution: there is no Date field") for line in others)
    assert not any("error" in line for line in others)


def test_what_is_found_is_told_to_scripts(cfmail: Cfmail) -> None:
    """The JSON value has the message, the envelope that its header suggests, and the findings with their places."""
    source = RAW.replace(b"bob@example.net", b"Bob <bob@example.net>, bob@example.net").replace(b"Hi", b"\xff")
    ran = cfmail("lint", "-", "--json", stdin=source)
    assert ran.code == 65
    told = ran.json
    assert told.keys() == {"file", "message_size", "envelope", "sendable", "notes", "findings"}
    assert (told["file"], told["message_size"], told["sendable"]) == ("-", len(source), False)
    assert told["envelope"] == {"from": "me@acme.example", "recipients": ["bob@example.net"]}
    assert told["findings"][0].keys() == {"rule", "weight", "stops", "place", "finding", "offset", "section", "fix"}
    assert (told["findings"][0]["rule"], told["findings"][0]["offset"]) == ("unsendable", source.index(b"\xff"))
    assert told["findings"][0]["stops"] is True


def test_one_of_an_mbox(cfmail: Cfmail) -> None:
    """Of several messages one is chosen by its number, and what was undone is said; else they are listed."""
    Path("box").write_bytes((POSTMARK + CLEAN + b"\n") * 2)
    asked = cfmail("lint", "box")
    assert asked.code == 64
    assert "choose one with --message N" in asked.err
    ran = cfmail("lint", "box", "--message", "2", "--json")
    assert ran.code == 0
    assert ran.json["notes"] == ["message 2 of an mbox, without the line before it and the empty line after it"]


def test_size(cfmail: Cfmail, new_machine: Path) -> None:
    """A mail that is too big says so, unless everybody it goes to is said to be a verified destination."""
    big = CLEAN + (b"x" * 76 + b"\r\n") * 70_000
    assert "too-big" in cfmail("lint", "-", stdin=big).out
    config = new_machine / "cfmail" / "config" / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text('verified_destinations = ["you@example.net"]\n')
    assert "too-big" not in cfmail("lint", "-", stdin=big).out


@pytest.mark.parametrize(
    ("arguments", "code"), [(("gone.eml",), 66), ((".",), 66), ((), 64), (("a", "b"), 64), (("-", "--to", "x"), 64)]
)
def test_what_cannot_be_looked_at(cfmail: Cfmail, arguments: tuple[str, ...], code: int) -> None:
    """A file that cannot be read ends with 66, arguments that make no sense with 64."""
    ran = cfmail("lint", *arguments, "--json")
    assert ran.code == ran.json["exit_code"] == code


def test_nothing_is_kept(cfmail: Cfmail, new_machine: Path) -> None:
    """A look leaves nothing behind, and needs no data."""
    before = kept_files(new_machine)
    cfmail("lint", "-", stdin=RAW)
    assert kept_files(new_machine) == before


@pytest.mark.parametrize("name", NASTY | python_mails())
def test_the_exit_code_says_whether_it_can_be_sent(cfmail: Cfmail, name: str) -> None:
    """Of each message of the corpora lint says 65 exactly where it has a finding that stops it, and shows it safely."""
    source = (NASTY | python_mails())[name].replace(b"\nFrom ", b"\n>From ").removeprefix(b"From ")
    ran = cfmail("lint", "-", stdin=source)
    stops = any(finding.stops for finding in mime.findings(source))
    assert ran.code == (65 if stops else 0)
    assert (": error: " in ran.out) == stops
    assert not HOSTILE.search(ran.out)


def test_nothing_in_a_message_acts(cfmail: Cfmail) -> None:
    """Controls in header, file name, charset and body are shown as what they are."""
    evil = " ".join((*MARKUP, *CONTROLS)).replace("\r", "").replace("\0", "")
    source = (
        f"From: {evil} <a@b.example>\nTo: {evil}\nDate: {evil}\nMessage-ID: {evil}\nX-{evil}: x\nReceived: {evil}\n"
        f'Content-Type: text/x; charset="{evil}"; name="{evil}"\nContent-Transfer-Encoding: {evil}\n\n{evil}\n'
    ).encode()
    for flag in ((), ("--json",)):
        ran = cfmail("lint", "-", *flag, stdin=source)
        assert not HOSTILE.search(ran.out.replace("\n", ""))
        assert not HOSTILE.search(ran.err.replace("\n", ""))
