"""What the command line does not take: one clear line naming the thing, its exit code, and nothing sent."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cfmail_tui.attachments import reading
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.submission import RECIPIENT_LIMIT, SIZE_LIMIT
from tests.edge.cli_run import FIELDS, HOSTILE, RAW, Cfmail, Ran, bodies, cfmail_process, use

ESCAPES: Final = "\x1b]52;c;aGk=\x07\x9b2J\nfake\u202e\u200b"


@pytest.fixture
def cfmail(
    capsysbinary: pytest.CaptureFixture[bytes], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, new_machine: Path
) -> Iterator[Cfmail]:
    """The command, in an empty folder; afterwards the sandbox has seen nothing, and nothing of a mail is kept."""
    use(sandbox, monkeypatch)
    monkeypatch.chdir(new_machine)
    run = Cfmail(capsysbinary)
    yield run
    assert not sandbox.messages()
    assert run("history", "--json").json == []
    assert not bodies(new_machine)


def refused(ran: Ran, code: int, *named: str) -> None:
    """The command ended with this code, named these things, and said only what a terminal can show."""
    assert ran.code == code
    assert "Traceback" not in ran.err
    assert not HOSTILE.search(ran.err)
    for name in named:
        assert name in ran.err
    assert all(line.startswith(("cfmail: ", "usage: ", "  ")) for line in ran.err.splitlines())


class TestUsage:
    @pytest.mark.parametrize("as_json", [True, False])
    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (("send", "--unknown"), "--unknown"),
            (("send", "--subj", "x"), "--subj"),
            (("--unknown",), "--unknown"),
            (("send", "--text"), "--text"),
            (("send", "--to", "a@example.net", "--from"), "--from"),
            (("send", "a.txt", "b.txt"), "b.txt"),
            (("send", "--text", "a.txt", "--markdown", "a.md"), "--markdown"),
            (("send", "--text", "a.txt", "b.txt"), "--text"),
            (("send", "--markdown", "", "--text", ""), "--markdown"),
            (("send", "-", "--html", "-"), "standard input"),
            (("send", "--text", "-", "--html", "-"), "standard input"),
            (("send", "mail.eml"), "cfmail send-raw mail.eml"),
            (("send", "mail.EML"), "cfmail send-raw"),
            (("send", "--account", "a", "--sandbox"), "--sandbox"),
            (("send-raw",), "FILE"),
            (("send-raw", "a.eml", "b.eml"), "b.eml"),
            (("send-raw", "a.eml", "--subject", "x"), "--subject"),
            (("history", "--limit", "0"), "0 is not a number above 0"),
            (("history", "--limit", "-1"), "--limit"),
            (("history", "--limit", "ten"), "ten"),
            (("history", "--limit", "٣"), "٣"),
            (("history", "--limit", "9" * 5000), "--limit"),
            (("history", "--csv"), "--csv"),
            (("history", "--eml"), "--eml"),
            (("history", "word", "--curl"), "--curl"),
            (("history", "show", "--eml"), "--eml"),
            (("history", "show", "0123456789abcdef", "--csv"), "--csv does not go with cfmail history show"),
            (("history", "show", "0123456789abcdef", "--limit", "3"), "--limit"),
            (("history", "show", "0123456789abcdef", "more", "--eml"), "--eml"),
            (("history", "export", "--eml"), "--eml does not go with cfmail history export"),
            (("history", "export", "--curl"), "--curl"),
            (("history", "--eml", "--curl", "show", "0123456789abcdef"), "--curl"),
            (("sandbox", "--port", "x"), "--port"),
            (("sandbox", "--port", "65536"), "65535"),
            (("sandbox", "--port", "-1"), "65535"),
            (("demo", "x"), "x"),
            (("mail.eml", "--to", "bob@example.net"), "mail.eml"),
        ],
    )
    def test_usage(self, cfmail: Cfmail, arguments: tuple[str, ...], named: str, as_json: bool) -> None:
        """Arguments that do not say what to do end with 64, and the line names what is wrong with them."""
        ran = cfmail(*arguments, *["--json"] * as_json)
        refused(ran, 64, *[named] * (not as_json))
        if as_json:
            assert ran.json.keys() == {"outcome", "reason", "exit_code"}
            assert (ran.json["outcome"], ran.json["exit_code"]) == ("usage", 64)
        else:
            assert not ran.stdout

    @pytest.mark.parametrize("verb", [(), ("send",), ("send-raw",), ("history",), ("sandbox",), ("demo",)])
    def test_hostile_flag(self, cfmail: Cfmail, verb: tuple[str, ...]) -> None:
        """A flag made of escapes and line breaks is named without being obeyed."""
        refused(cfmail(*verb, f"--{ESCAPES}", "file"), 64, "<1B>")

    def test_hostile_file(self, cfmail: Cfmail) -> None:
        """So is a file's name, which makes no line of its own."""
        ran = cfmail("send", *FIELDS, f"{ESCAPES}.eml")
        refused(ran, 64)
        assert not [line for line in ran.err.splitlines() if line.startswith("fake")]


class TestUnsendable:
    @pytest.mark.parametrize("as_json", [True, False])
    @pytest.mark.parametrize(
        ("flags", "named"),
        [
            (("--from", "me@acme.example"), "To: who is this mail for?"),
            (("--to", "bob@example.net"), "From: who is this mail from?"),
            (("--from", "a@b.example, c@d.example", "--to", "bob@example.net"), "From: only one address"),
            ((*FIELDS, "--to", "nobody"), "To: “nobody” is not an address"),
            ((*FIELDS, "--cc", "bob@"), "Cc: “bob@” has nothing after the @"),
            ((*FIELDS, "--bcc", "Bob <bob@example.net"), "Bcc: a < opens"),
            ((*FIELDS, "--reply-to", "x@y"), "Reply-To: “x@y”"),
            ((*FIELDS, "--reply-to", "a@b.example, c@d.example"), "Reply-To: only one"),
            ((*FIELDS, "--to", "jörg@example.net"), "“ö” before the @"),
            ((*FIELDS, "--subject", "a\nBcc: x@example.net"), "Subject: a line break"),
            ((*FIELDS, "--subject", "x" * 999), "Subject: 999 characters"),
            ((*FIELDS, "--subject", "\udcff"), "Subject: the control character U+DCFF"),
            ((*FIELDS, "--to", "\udcff@example.net"), "To: “<DCFF>@example.net”"),
            ((*FIELDS, "--to", "Bob \udcff <bob@example.net>"), "To: a name has the control character U+DCFF"),
            ((*FIELDS, "--header", "X-One"), "Headers: “X-One” has no colon"),
            ((*FIELDS, "--header", "X-One: \udcff"), "Headers: X-One has the control character"),
            ((*FIELDS, "--header", "X One: 1"), "Headers: “X One”"),
            ((*FIELDS, "--header", "Bcc: x@example.net"), "Headers: Bcc"),
            ((*FIELDS, "--header", "X-One: 1", "--header", "x-one: 2"), "Headers: x-one stands twice"),
            ((*FIELDS, "--header", "X-One: 1\nX-Two: 2"), "Headers: “X-One: 1<0A>X-Two: 2” has a line break"),
            ((*FIELDS, "--header", "X-One: 1\r\n folded"), "has a line break"),
            ((*FIELDS, "--to", ESCAPES), "To: "),
            ((*FIELDS, "--subject", ESCAPES), "Subject: "),
            ((*FIELDS, "--header", ESCAPES), "Headers: "),
            ((*FIELDS, "--from", f"{ESCAPES} <a@b.example>"), "From: "),
        ],
    )
    def test_flags(self, cfmail: Cfmail, flags: tuple[str, ...], named: str, as_json: bool) -> None:
        """A mail that cannot be sent as it is ends with 65, and the line names the place and the reason."""
        ran = cfmail("send", *flags, "-", *["--json"] * as_json, stdin=b"Hi")
        refused(ran, 65, named)
        if as_json:
            assert ran.json.keys() == {"outcome", "reason", "problems", "exit_code"}
            assert (ran.json["outcome"], ran.json["exit_code"]) == ("invalid", 65)
            shown = [f"{problem['place']}: {problem['problem']}" for problem in ran.json["problems"]]
            assert "\n".join(shown) == ran.json["reason"]
        else:
            assert not ran.stdout

    def test_every_problem_at_once(self, cfmail: Cfmail) -> None:
        """All that is wrong is told in one go, a line for each."""
        arguments = ("--to", "bob", "--cc", "carol", "--subject", "\t", "--attach", "gone", "--inline", "away")
        ran = cfmail("send", *arguments, "--json")
        places = [problem["place"] for problem in ran.json["problems"]]
        assert places == ["From", "To", "Cc", "Subject", "Text", "Attachments", "Attachments"]
        assert len(ran.err.splitlines()) == len(places)
        assert ran.code == 66

    @pytest.mark.parametrize("text", [b"", b" \n\t\r\n", "\ufeff\u2003".encode()])
    def test_both_bodies_empty(self, cfmail: Cfmail, text: bytes) -> None:
        """A mail of blanks, or of nothing, is none."""
        refused(cfmail("send", *FIELDS, "-", stdin=text), 65, "Text: the mail is empty")
        refused(cfmail("send", *FIELDS, "--html", "-", stdin=text), 65, "Text: the mail is empty")
        refused(cfmail("send", *FIELDS, "--markdown", "-", stdin=text), 65, "Text: the mail is empty")
        refused(cfmail("send", *FIELDS), 65, "Text: the mail is empty")

    def test_too_many_recipients(self, cfmail: Cfmail) -> None:
        """More recipients than one mail can have are counted, over all the fields."""
        to = ", ".join(f"{number}@example.net" for number in range(RECIPIENT_LIMIT))
        ran = cfmail("send", "--from", "me@acme.example", "--to", to, "--bcc", "x@example.net", "-", stdin=b"Hi")
        refused(ran, 65, "51 recipients, the limit is 50")

    @pytest.mark.parametrize("way", ["text", "attachment", "raw", "stdin"])
    def test_too_big(self, cfmail: Cfmail, way: str) -> None:
        """A mail over the limit is refused with its size, whatever makes it so big."""
        Path("big").write_bytes(RAW + b"x" * 70 + (b"\r\n" + b"x" * 70) * (SIZE_LIMIT // 72))
        arguments = {
            "text": ("send", *FIELDS, "big"),
            "attachment": ("send", *FIELDS, "--attach", "big", "-"),
            "raw": ("send-raw", "big"),
            "stdin": ("send-raw", "-"),
        }
        refused(cfmail(*arguments[way], stdin=Path("big").read_bytes()), 65, "the mail is too big", "5.0 MiB")

    def test_octets_that_are_no_text(self) -> None:
        """Arguments that are no UTF-8 are told like any other, by the real command."""
        for flag in (b"--subject", b"--to", b"--header", b"--from"):
            ran = cfmail_process("send", *FIELDS, flag, b"X: \xff\xfe", "--json", "-", stdin=b"Hi")
            refused(ran, 65, "DCFF")
            assert ran.json["outcome"] == "invalid"


class TestUnsendableSource:
    @pytest.mark.parametrize(
        ("source", "named"),
        [
            (b"", "MIME source: the message is empty"),
            (b"\r\n\r\n", "the message is empty"),
            (b"To: bob@example.net\r\n\r\nHi", "there is no From field"),
            (RAW.replace(b"Hi", b"Gr\xfc\xdfe"), "line 5 (octet 65) is 8-bit but not UTF-8"),
            (RAW.replace(b"Hi", b"a\0b"), "NUL at line 5 (octet 64)"),
            (RAW.replace(b"Hi", b"a\rb"), "a CR without LF at line 5"),
            (b"From: you@acme.example\r\n" + RAW, "From stands 2 times"),
            (RAW.replace(b"Hi", b"x" * 999), "is over 998 octets"),
            (b"From: me@acme.example\r\n\r\nHi", "Envelope recipients: who is this mail for?"),
            (b"From: me@acme.example\r\nTo: undisclosed-recipients:;\r\n\r\nHi", "Envelope recipients"),
            (RAW.replace(b"bob@", b"bob"), "Envelope recipients: “bobexample.net”"),
            (RAW.replace(b"me@", b"a@b.example, me@"), "Envelope sender: one address is needed, there are 2"),
            (RAW.replace(b"bob@", f"{ESCAPES} bob@".encode()), "Envelope recipients"),
        ],
    )
    def test_source(self, cfmail: Cfmail, source: bytes, named: str) -> None:
        """A source that cannot be sent as it is ends with 65, and the line names the place."""
        ran = cfmail("send-raw", "-", "--json", stdin=source)
        refused(ran, 65, named)
        assert (ran.json["outcome"], ran.json["exit_code"]) == ("invalid", 65)

    @pytest.mark.parametrize(
        ("flags", "named"),
        [
            (("--envelope-from", "x"), "Envelope sender: “x”"),
            (("--envelope-from", "a@b.example, c@d.example"), "Envelope sender: one address"),
            (("--recipient", "x"), "Envelope recipients: “x”"),
            (("--recipient", "\n"), "Envelope recipients: who is this mail for?"),
        ],
    )
    def test_envelope(self, cfmail: Cfmail, flags: tuple[str, ...], named: str) -> None:
        """So does an envelope that none can be made of."""
        refused(cfmail("send-raw", "-", *flags, stdin=RAW), 65, named)


BAD_FILES: Final = {
    "gone": "no such file or directory",
    "folder": "it is a folder",
    "fifo": "it is a named pipe",
    "socket": "it is a socket",
    "loop": "too many levels of symbolic links",
    "dangling": "no such file or directory",
    "file/below": "not a directory",
    "/dev/zero": "it is a device",
    "/dev/null": "it is a device",
    "n" * 300: "file name too long",
    "nul\0": "it is not a path",
}


@pytest.fixture
def bad_files(new_machine: Path) -> Iterator[None]:
    (new_machine / "folder").mkdir()
    (new_machine / "file").write_text("a file")
    os.mkfifo(new_machine / "fifo")
    (new_machine / "loop").symlink_to("loop")
    (new_machine / "dangling").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(new_machine / "socket"))
        yield


@pytest.mark.usefixtures("bad_files")
class TestUnreadable:
    @pytest.mark.parametrize(("name", "reason"), BAD_FILES.items(), ids=[name[:9] for name in BAD_FILES])
    @pytest.mark.parametrize("flag", ["--attach", "--inline", "--text", "--html", "--markdown", "send-raw", "FILE"])
    def test_no_file(self, cfmail: Cfmail, flag: str, name: str, reason: str) -> None:
        """What is no readable file ends with 66 and without waiting; the line names it and the reason."""
        if flag == "send-raw":
            ran = cfmail("send-raw", name, "--json")
        else:
            body = ("-",) if flag in {"--attach", "--inline"} else ()
            flags = (name,) if flag == "FILE" else (flag, name)
            ran = cfmail("send", *FIELDS, *flags, *body, "--json", stdin=b"Hi")
        refused(ran, 66, reason, name.replace("\0", "<00>")[:100])
        assert (ran.json["outcome"], ran.json["exit_code"]) == ("invalid", 66)
        assert len(ran.err.splitlines()) == 1

    @pytest.mark.parametrize("name", ["/proc/self/status", "/proc/self/mem"])
    def test_file_that_tells_no_size(self, cfmail: Cfmail, name: str) -> None:
        """A file whose size says nothing of what is in it cannot be attached."""
        refused(cfmail("send", *FIELDS, "--attach", name, "-", stdin=b"Hi"), 66, name)

    def test_pattern_that_matches_nothing(self, cfmail: Cfmail) -> None:
        """A pattern that no file matches is named as it was typed."""
        for flag in ("--attach", "--inline"):
            refused(cfmail("send", *FIELDS, flag, "*.odt", "-", stdin=b"Hi"), 66, "*.odt", "no file matches it")

    def test_file_without_permission(self, cfmail: Cfmail, new_machine: Path) -> None:
        """A file that belongs to others is named with the reason."""
        secret = new_machine / "secret"
        secret.write_text("secret")
        secret.chmod(0)
        if os.access(secret, os.R_OK):  # as root everything can be read; the kernel's own refusals are left
            secret = Path("/proc/self/mem")
        refused(cfmail("send", *FIELDS, "--text", str(secret)), 66, str(secret))

    def test_endless_input(self, cfmail: Cfmail, monkeypatch: pytest.MonkeyPatch) -> None:
        """Input without end is given up long before the memory is."""
        monkeypatch.setattr(reading, "SOURCE_LIMIT", 1000)
        Path("long").write_bytes(b"x" * 1001)
        refused(cfmail("send", *FIELDS, "-", stdin=b"x" * 1001), 66, "standard input", "longer than any mail")
        refused(cfmail("send", *FIELDS, "--html", "long"), 66, "HTML: long cannot be read: it is over")
        refused(cfmail("send-raw", "long"), 66, "MIME source: long cannot be read")

    @pytest.mark.parametrize("name", ["-", "latin"])
    @pytest.mark.parametrize("flag", ["--text", "--html", "--markdown"])
    def test_body_that_is_not_utf8(self, cfmail: Cfmail, flag: str, name: str) -> None:
        """A body in another charset is refused with the place of the first octet that is not UTF-8."""
        Path("latin").write_bytes(b"Gr\xfc\xdfe")
        ran = cfmail("send", *FIELDS, flag, name, stdin=b"Gr\xfc\xdfe")
        refused(ran, 66, "standard input" if name == "-" else "latin", "it is not UTF-8 text (byte 3)")

    def test_standard_input_that_cannot_be_read(self) -> None:
        """Standard input that is open for writing only is named as that."""
        with Path(os.devnull).open("w") as nothing:
            ran = cfmail_process("send", "-", "--json", stdin=nothing)
        refused(ran, 66, "standard input cannot be read: bad file descriptor")

    def test_hostile_name(self, cfmail: Cfmail) -> None:
        """A name full of escapes, line breaks and bidi controls is shown, not obeyed, and makes one line."""
        for flag in ("--attach", "--text", "--inline"):
            ran = cfmail("send", *FIELDS, flag, f"{ESCAPES}\udcff" + "=cid" * (flag == "--inline"))
            refused(ran, 66, "<1B>", "<0A>", "<202E>", "<DCFF>")
            assert "cannot be" in ran.err.splitlines()[-1]
