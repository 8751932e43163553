"""Address books of other programs are read as they are written, and whatever else stands in them does no harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui.address_files import MEMBER_LIMIT, Entry, entries
from cfmail_tui.message import Mailbox, first_control

VCARDS = """BEGIN:VCARD\r
VERSION:4.0\r
UID:urn:uuid:03a0e51f-d1aa-4385-8a53-e29025acd8af\r
FN:Ann Lee\r
NICKNAME:annie,al\r
EMAIL;TYPE=work;PREF=1:ann@example.net\r
item1.EMAIL:ann.lee@home.exa\r
 mple\r
END:VCARD\r
BEGIN:VCARD\r
VERSION:3.0\r
N:M\\,üller;Bob;;;\r
EMAIL;TYPE="internet,home":mailto:bob@example.net\r
END:VCARD\r
BEGIN:VCARD
VERSION:2.1
FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen =
Klein
EMAIL;INTERNET:juergen@example.net
END:VCARD
BEGIN:VCARD
VERSION:4.0
KIND:group
FN:Friends
MEMBER:urn:uuid:03A0E51F-d1aa-4385-8a53-e29025acd8af
MEMBER:mailto:bob@example.net
MEMBER:urn:uuid:nobody
END:VCARD
BEGIN:VCARD
FN:No address
TEL:123
END:VCARD
"""

ABOOK = """# abook addressbook file

[format]
program=abook
version=0.6.1

[0]
name=Ann Lee
email=ann@example.net,ann@home.example
nick=annie

[1]
name=Bob
email=not an address

[2]
email=carol@example.net
"""

MUTT = """set realname="Me"
alias ann Ann Lee <ann@example.net>
alias -group work bob "Müller, Bob" <bob@example.net> # the boss
alias carol carol@example.net (Carol)
alias friends ann, bob, \\
  dave@example.net
alias all friends, carol
alias loop loop, pool
alias pool loop
alias empty
#alias off off@example.net
source ~/.mutt/more
`rm -rf ~`
"""


def found(text: str) -> list[tuple[str, str, list[str]]]:
    return [(entry.name, entry.alias, list(map(str, entry.mailboxes))) for entry in entries(text.encode())]


def test_vcards() -> None:
    """Cards of all three versions, folded, quoted and encoded; each address by itself, groups with their members."""
    assert found(VCARDS) == [
        ("Ann Lee", "annie", ["Ann Lee <ann@example.net>"]),
        ("Ann Lee", "annie", ["Ann Lee <ann.lee@home.example>"]),
        ("Bob M,üller", "", ['"Bob M,üller" <bob@example.net>']),
        ("Jürgen Klein", "", ["Jürgen Klein <juergen@example.net>"]),
        ("Friends", "", ["Ann Lee <ann@example.net>", "bob@example.net"]),
    ]


def test_abook() -> None:
    """Each address of each section, with its name and nick."""
    assert found(ABOOK) == [
        ("Ann Lee", "annie", ["Ann Lee <ann@example.net>"]),
        ("Ann Lee", "annie", ["Ann Lee <ann@home.example>"]),
        ("", "", ["carol@example.net"]),
    ]


def test_mutt() -> None:
    """Aliases with their names, of which several addresses are a group, also by way of others; nothing is run."""
    assert found(MUTT) == [
        ("Ann Lee", "ann", ["Ann Lee <ann@example.net>"]),
        ("Müller, Bob", "bob", ['"Müller, Bob" <bob@example.net>']),
        ("Carol", "carol", ["Carol <carol@example.net>"]),
        ("friends", "friends", ["Ann Lee <ann@example.net>", '"Müller, Bob" <bob@example.net>', "dave@example.net"]),
        (
            "all",
            "all",
            [
                *("Ann Lee <ann@example.net>", '"Müller, Bob" <bob@example.net>', "dave@example.net"),
                "Carol <carol@example.net>",
            ],
        ),
    ]
    assert [entry.is_group for entry in entries(MUTT.encode())] == [False, False, False, True, True]


@pytest.mark.parametrize(
    "octets",
    [
        b"", b"\xff\xfe", b"\0" * 100, b"hello", b"BEGIN:VCARD", b"BEGIN:VCARD\nEMAIL:x", b"BEGIN:VCARD\nEMAIL",
        b"BEGIN:VCARD\nFN:\x1b[31m\nEMAIL:\xff@\xff\nEND:VCARD", b"[0]\nemail=@,,@,\nname", b"alias", b"alias a",
        b"alias a \\", b"[format]", b"BEGIN:VCARD\nMEMBER:urn:uuid:\nUID:\nEND:VCARD",
    ],
)  # fmt: skip
def test_what_is_no_address_book_is_empty(octets: bytes) -> None:
    """Of any other file nobody is known, and nothing is raised."""
    assert entries(octets) == ()


def test_other_encodings_and_controls() -> None:
    """A mark at the beginning and UTF-16 are understood; a name is one line without control characters."""
    card = "BEGIN:VCARD\r\nFN:A\\nB\x07\x9b2JC\r\nEMAIL:a@example.net\r\nEND:VCARD\r\n"
    for encoding in ("utf-8-sig", "utf-16"):
        (entry,) = entries(card.encode(encoding))
        assert entry == Entry((Mailbox("a@example.net", "A B 2JC"),), "A B 2JC")


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"alias a{number} {', '.join(f'a{other}' for other in range(100))}\n" for number in range(100)),
        "".join(f"alias a{number} a{number + 1}, x\n" for number in range(3000)),
        "alias a " + "b," * 50_000 + "\n" + "alias b " + "a," * 50_000,
        "BEGIN:VCARD\n" + "EMAIL;ENCODING=QUOTED-PRINTABLE:=\n" * 20_000,
        "BEGIN:VCARD\nMEMBER:mailto:a@b.example\n" * 5000,
        "BEGIN:VCARD\n" + 'X;"' * 50_000,
        "BEGIN:VCARD\nN:" + "\\;" * 50_000 + "\nEMAIL:a@example.net\nEND:VCARD",
        "[0]\n" * 50_000 + "email=" + "a@b.example," * 50_000,
    ],
    ids=["each-names-all", "chain", "two", "soft-breaks", "nested", "quotes", "escapes", "sections"],
)
def test_hostile_files_take_no_time(text: str) -> None:
    """No file makes the reading go on without end, or an entry be without end."""
    assert all(len(entry.mailboxes) <= MEMBER_LIMIT for entry in entries(text.encode()))


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ["BEGIN:VCARD", "END:VCARD", "[0]", "[format]", "alias a b@c.example", "alias b a", "UID:1", "MEMBER:1",
             "EMAIL:x@y.example", "FN;ENCODING=QUOTED-PRINTABLE:=41=", "email=a@b.example, c", "name=N", " fold", "\\"]
        ),
        st.text(max_size=30),
    ),
    max_size=30,
).map("\n".join)  # fmt: skip


@given(LINES)
def test_whatever_stands_in_a_file(text: str) -> None:
    """Any mixture of lines gives entries that can be written to, whose names are safe to show."""
    for entry in entries(text.encode("utf-8", "surrogatepass")):
        assert entry.mailboxes
        for words in (entry.name, entry.alias, *(one.display_name for one in entry.mailboxes)):
            assert first_control(words) is None
        assert all("@" in one.addr_spec for one in entry.mailboxes)
