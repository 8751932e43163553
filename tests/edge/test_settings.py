"""The user's own file: what it says is used, what makes no sense is named, and the program starts all the same."""

import os
from dataclasses import fields
from pathlib import Path

import pytest

from cfmail_tui import settings
from cfmail_tui.settings.keys import KEYS


@pytest.fixture
def config() -> Path:
    path = Path(os.environ["CFMAIL_HOME"]) / "config" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    return path


def test_without_a_file(config: Path) -> None:
    """No file is no problem: a mail can be taken back for five seconds."""
    read = settings.read(os.environ)
    assert (read.undo_send, read.notices) == (5.0, ())
    assert not config.exists()


@pytest.mark.parametrize(("value", "seconds"), [("0", 0.0), ("12", 12.0), ("2.5", 2.5), ("600", 600.0)])
def test_a_wish_is_granted(config: Path, value: str, seconds: float) -> None:
    """The time to take a mail back is the user's choice, none at all included."""
    config.write_text(f"undo_send = {value}\n")
    read = settings.read(os.environ)
    assert (read.undo_send, read.notices) == (seconds, ())


@pytest.mark.parametrize("value", ["-1", "601", "nan", "inf", '"5"', "true", "[5]", "1979-05-27"])
def test_a_wish_that_makes_no_sense(config: Path, value: str) -> None:
    """A value that cannot be is named with its file, and the default holds."""
    config.write_text(f"undo_send = {value}\n")
    read = settings.read(os.environ)
    assert read.undo_send == 5.0
    assert read.notices == (f"{config}:1: undo_send is a number of seconds from 0 to 600",)


def test_a_password_command(config: Path) -> None:
    """A program with its arguments, and whose token it prints."""
    config.write_text(f'token_command = ["pass", "show", "cloud flare", ""]\naccount_id = "{"AB" * 16}"\n')
    read = settings.read(os.environ)
    assert (read.token_command, read.account_id, read.notices) == (("pass", "show", "cloud flare", ""), "ab" * 16, ())


@pytest.mark.parametrize("value", ['"pass show s3cret"', "[]", '[""]', '["s3cret", 1]', "7", "{s3cret = 1}"])
def test_a_password_command_that_makes_no_sense(config: Path, value: str) -> None:
    """It is named with its file and what it has to be, nothing of it is repeated, and there is none."""
    config.write_text(f"token_command = {value}\n")
    read = settings.read(os.environ)
    assert read.token_command == ()
    assert read.notices == (f"{config}:1: token_command is a list of strings, a program and its arguments",)


@pytest.mark.parametrize("value", ['"s3cret"', "7", '""', f'"{"g" * 32}"', f'"{"a" * 33}"', f'"{"a" * 32}\\n"'])
def test_an_account_id_that_makes_no_sense(config: Path, value: str) -> None:
    """It is named in the same manner: somebody may have written the token there."""
    config.write_text(f"account_id = {value}\n")
    read = settings.read(os.environ)
    assert read.account_id == ""
    assert read.notices == (f"{config}:1: account_id is a string of 32 hexadecimal digits",)


def test_verified_destinations(config: Path) -> None:
    """They are a list of addresses; anything else is named."""
    config.write_text('verified_destinations = ["me@example.com", " you@example.net "]\n')
    assert settings.read(os.environ).verified_destinations == ("me@example.com", "you@example.net")
    for value in ('"me@example.com"', '["me"]', "[7]", "true"):
        config.write_text(f"verified_destinations = {value}\n")
        read = settings.read(os.environ)
        assert read.verified_destinations == ()
        assert read.notices == (f"{config}:1: verified_destinations is a list of addresses",)


def test_what_is_made_of_rules(config: Path) -> None:
    """Each rule for drafts can be given another weight or none; what makes no sense is named, and the rest is used."""
    config.write_text(
        '[findings]\nno-subject = "stops"\nhttp-link = "off"\nno-altt = "off"\nfile = "off"\nno-text = 1\n'
    )
    read = settings.read(os.environ)
    assert read.findings == {"no-subject": "stops", "http-link": "off"}
    assert read.notices == (
        f"{config}:4: findings: there is no rule 'no-altt'; did you mean no-alt?",
        f"{config}:5: findings: file is decided elsewhere, and cannot be weighed otherwise",
        f"{config}:6: findings: no-text is one of off, note, caution, stops",
    )
    config.write_text('findings = "off"\n')
    read = settings.read(os.environ)
    assert (read.findings, read.notices) == ({}, (f"{config}:1: findings is a table of rules",))


def test_a_template_for_markdown(config: Path) -> None:
    """Its path starts from the folder of the file, from the user's own with ~, or from the root."""
    assert settings.read(os.environ).markdown_template == ""
    for path, read in {
        "mail.html": str(config.parent / "mail.html"),
        "~/mail.html": str(Path.home() / "mail.html"),
        "/mail.html": "/mail.html",
    }.items():
        config.write_text(f'markdown_template = "{path}"\n')
        assert settings.read(os.environ).markdown_template == read
    config.write_text("markdown_template = 7\n")
    assert settings.read(os.environ).notices == (f"{config}:1: markdown_template is a path",)


def test_a_slow_line(config: Path) -> None:
    """Over SSH the line is taken to be slow, unless the user knows better; here it is not, unless they do."""
    over_ssh = {**os.environ, "SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}
    assert [settings.read(environ).slow_line for environ in (os.environ, over_ssh)] == [False, True]
    for wish, slow in (("true", True), ("false", False)):
        config.write_text(f"slow_line = {wish}\n")
        assert [settings.read(environ).slow_line for environ in (os.environ, over_ssh)] == [slow, slow]
    config.write_text("slow_line = 1\n")
    assert settings.read(over_ssh).slow_line
    assert settings.read(over_ssh).notices == (f"{config}:1: slow_line is true or false",)


def test_an_unknown_key(config: Path) -> None:
    """A key that does not exist is named with the nearest that does; the others are used."""
    config.write_text("undo_sent = 3\nnonsense = 1\nundo_send = 7\n")
    read = settings.read(os.environ)
    assert read.undo_send == 7.0
    assert read.notices == (
        f"{config}:1: there is no setting 'undo_sent'; did you mean undo_send?",
        f"{config}:2: there is no setting 'nonsense'",
    )


@pytest.mark.parametrize(
    ("octets", "undo", "line"),
    [
        (b"undo_send = ", 5.0, 1),
        (b"[", 5.0, 1),
        (b"undo_send = 1\nundo_send = 2", 1.0, 2),
        (b"undo_send = 3\r\naddress_files = [\r\n  'a'\r\n  'b' ]\r\nkeep_mails = 9", 3.0, 2),
        (b'undo_send = 4\n# \xe2\x80\xa8 \naccount_id = """\nkeep_mails = 9\n', 4.0, 3),
        (b"\xef\xbb\xbfundo_send = 2\n\nkeep mails = 9\n", 2.0, 3),
    ],
)
def test_what_is_no_toml(config: Path, octets: bytes, undo: float, line: int) -> None:
    """The line from which on the file makes no sense is named; what stands above it is used, and nothing below."""
    config.write_bytes(octets)
    read = settings.read(os.environ)
    assert (read.undo_send, read.keep_mails) == (undo, None)
    (notice,) = read.notices
    assert notice.startswith(f"{config}:{line}: this is no TOML, so it and what follows is not used: ")


def test_what_is_no_text(config: Path) -> None:
    """Where the file is not UTF-8 is named, and nothing of it is used."""
    config.write_bytes(b"undo_send = 3\n# \xff\xfe\n")
    read = settings.read(os.environ)
    assert (read.undo_send, read.notices) == (5.0, (f"{config}:2: this is not UTF-8, so nothing of the file is used",))


def test_what_cannot_be_read(config: Path) -> None:
    """A file that is none is named, and is left alone."""
    config.mkdir()
    (notice,) = settings.read(os.environ).notices
    assert notice == f"{config} cannot be read: is a directory"


def test_without_a_home_of_its_own(new_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where CFMAIL_HOME names no folder, the file lies where the system keeps configuration."""
    monkeypatch.delenv("CFMAIL_HOME")
    path = new_machine / "config" / "cfmail" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text("undo_send = 9\n")
    assert settings.read(os.environ).undo_send == 9.0


def test_how_long_mails_are_kept(config: Path) -> None:
    """Days, MiB and numbers of mails, and where recipients are completed from, as the user wrote them."""
    config.write_text(
        'address_files = ["~/contacts.vcf", "b"]\nkeep_bodies_days = 30\nkeep_bodies_mib = 7\nkeep_mails = 9\n'
        "redact_bodies = true\n"
    )
    read = settings.read(os.environ)
    assert (read.address_files, read.notices) == (("~/contacts.vcf", "b"), ())
    assert (read.keep_bodies_days, read.keep_bodies_mib, read.keep_mails, read.redact_bodies) == (30, 7, 9, True)


@pytest.mark.parametrize("key", ["keep_bodies_days", "keep_bodies_mib", "keep_mails"])
@pytest.mark.parametrize("value", ["0", "-1", "2.5", "true", '"7"', "10000000000"])
def test_a_number_that_makes_no_sense(config: Path, key: str, value: str) -> None:
    """What is no number above 0 keeps everything: nothing is forgotten by mistake."""
    config.write_text(f"{key} = {value}\n")
    read = settings.read(os.environ)
    assert getattr(read, key) is None
    assert read.notices == (f"{config}:1: {key} is a whole number above 0",)


@pytest.mark.parametrize(("key", "value", "words"), [
    ("address_files", '"x"', "is a list of paths"), ("address_files", '[""]', "is a list of paths"),
    ("redact_bodies", "1", "is true or false"),
])  # fmt: skip
def test_wishes_that_make_no_sense(config: Path, key: str, value: str, words: str) -> None:
    """They are named with their file, and the default holds."""
    config.write_text(f"{key} = {value}\n")
    read = settings.read(os.environ)
    assert (read.address_files, read.redact_bodies, read.notices) == ((), False, (f"{config}:1: {key} {words}",))


def test_a_theme(config: Path) -> None:
    """A theme is one of Textual's or one of the user's own; of that what makes no sense is named, with its line."""
    config.write_text('theme = "nrod"\n[themes.mine]\nprimary = "#0178d4"\nfg = "#fff"\ndark = 1\npanel = "red"\n')
    read = settings.read(os.environ)
    assert (read.theme, read.themes) == ("", {"mine": {"primary": "#0178d4"}})
    assert read.notices == (
        f"{config}:4: themes: mine: there is no colour 'fg'",
        f"{config}:5: themes: mine: dark is true or false",
        f'{config}:6: themes: mine: panel is a colour as "#0178d4" is one',
        f"{config}:1: there is no theme 'nrod'; did you mean nord?",
    )
    config.write_text('theme = "mine"\nthemes.mine.primary = "#0178D4"\nbackground = "light"\nreduced_motion = true\n')
    read = settings.read(os.environ)
    assert (read.theme, read.background, read.reduced_motion, read.notices) == ("mine", "light", True, ())
    config.write_text('theme = "mine"\nbackground = "white"\nthemes = {mine = {secondary = "#0178d4"}, other = 1}\n')
    read = settings.read(os.environ)
    assert (read.theme, read.themes, read.background) == ("", {}, "auto")
    assert read.notices == (
        f"{config}:2: background is one of auto, dark, light",
        f"{config}:3: themes: mine needs the colour primary",
        f"{config}:3: themes: other is a table of colours",
        f"{config}:1: there is no theme 'mine'",
    )


def test_examples_are_understood(config: Path) -> None:
    """The example of every key can stand in the file, and says something else than the default."""
    for name, key in KEYS.items():
        config.write_text(key.example)
        read = settings.read(os.environ)
        assert read.notices == ()
        default = {field.name: field for field in fields(read)}[name].default
        assert getattr(read, name) != default or name == "slow_line"
