"""Address lists as people type and paste them: what is understood, and what is said of the rest."""

import pytest

from cfmail_tui.message import (
    LIST_LIMIT,
    PROBLEM_LIMIT,
    Mailbox,
    MessageError,
    Place,
    last_entry,
    parse_mailboxes,
    read_mailboxes,
    same_address,
    without_entry,
)

ANN = Mailbox("ann@example.com")
BOB = Mailbox("bob@example.org")
ANN_LEE = Mailbox("ann@example.com", "Ann Lee")
BOB_ROY = Mailbox("bob@example.org", "Bob Roy")

UNDERSTOOD = {
    "nothing": ("", ()),
    "blanks": (" \t ", ()),
    "separators only": (" ,; \n,", ()),
    "bare": ("ann@example.com", (ANN,)),
    "in angle brackets": ("<ann@example.com>", (ANN,)),
    "named": ("Ann Lee <ann@example.com>", (ANN_LEE,)),
    "named, no blank": ("Ann Lee<ann@example.com>", (ANN_LEE,)),
    "many blanks": ("  Ann \t Lee   <  ann@example.com >  ", (ANN_LEE,)),
    "quoted": ('"Ann Lee" <ann@example.com>', (ANN_LEE,)),
    "quoted comma": ('"Lee, Ann" <ann@example.com>', (Mailbox("ann@example.com", "Lee, Ann"),)),
    "quoted semicolon and colon": ('"a; b: c" <ann@example.com>', (Mailbox("ann@example.com", "a; b: c"),)),
    "quoted brackets": ('"Lee (Ann) <x>" <ann@example.com>', (Mailbox("ann@example.com", "Lee (Ann) <x>"),)),
    "quoted quote": (r'"Ann \"A\" Lee" <ann@example.com>', (Mailbox("ann@example.com", 'Ann "A" Lee'),)),
    "quoted backslash": (r'"a\\b" <ann@example.com>', (Mailbox("ann@example.com", r"a\b"),)),
    "quoted @": ('"ann@work" <ann@example.com>', (Mailbox("ann@example.com", "ann@work"),)),
    "empty name": ('"" <ann@example.com>', (ANN,)),
    "quoted and plain words": ('"Ann" Lee <ann@example.com>', (ANN_LEE,)),
    "obsolete dots": ("John Q. Public Jr. <ann@example.com>", (Mailbox("ann@example.com", "John Q. Public Jr."),)),
    "apostrophe": ("Ann O'Lee <ann@example.com>", (Mailbox("ann@example.com", "Ann O'Lee"),)),
    "other scripts": ("山田 太郎 <ann@example.com>", (Mailbox("ann@example.com", "山田 太郎"),)),
    "ideographic space": ("山田\u3000太郎 <ann@example.com>", (Mailbox("ann@example.com", "山田\u3000太郎"),)),
    "emoji": ("Ann 🦊 <ann@example.com>", (Mailbox("ann@example.com", "Ann 🦊"),)),
    "commas": ("ann@example.com, bob@example.org", (ANN, BOB)),
    "commas, no blanks": ("ann@example.com,bob@example.org", (ANN, BOB)),
    "semicolons": ("ann@example.com; bob@example.org;", (ANN, BOB)),
    "line ends": ("ann@example.com\nbob@example.org\r\n", (ANN, BOB)),
    "folded header": ("ann@example.com,\r\n\tbob@example.org", (ANN, BOB)),
    "stray separators": (",, ann@example.com ,;\n, bob@example.org ,", (ANN, BOB)),
    "twice": ("ann@example.com, ann@example.com", (ANN, ANN)),
    "comment before": ("(boss) ann@example.com", (ANN,)),
    "comment is the older name": ("ann@example.com (Ann Lee)", (ANN_LEE,)),
    "nested comment": ("ann@example.com (Ann (the boss) Lee)", (Mailbox("ann@example.com", "Ann (the boss) Lee"),)),
    "escaped in a comment": (r"ann@example.com (a \) b)", (Mailbox("ann@example.com", "a ) b"),)),
    "comment beside a name": ("Ann (the (big) boss, she is) Lee <ann@example.com> (hi)", (ANN_LEE,)),
    "comment joins no words": ("Ann(boss) Lee <ann@example.com>", (ANN_LEE,)),
    "comment alone": ("(nobody), ann@example.com", (ANN,)),
    "group": ("Team: ann@example.com, Bob Roy <bob@example.org>;", (ANN, BOB_ROY)),
    "group in a list": ("ann@example.com, Team: bob@example.org;, ann@example.com", (ANN, BOB, ANN)),
    "group with semicolons": ("Team: ann@example.com; bob@example.org;", (ANN, BOB)),
    "group, quoted name": ('"Team, the": ann@example.com;', (ANN,)),
    "group with an @ in its comment": ("Team (see x@y): ann@example.com;", (ANN,)),
    "empty group": ("undisclosed-recipients:;", ()),
    "empty groups": ("A:;, B: ;; ann@example.com", (ANN,)),
    "header line": ("To: ann@example.com, Bob Roy <bob@example.org>", (ANN, BOB_ROY)),
    "mailto": ("mailto:ann@example.com", (ANN,)),
    "mailto in capitals": ("MAILTO:ann@example.com, bob@example.org", (ANN, BOB)),
    "mailto in brackets": ("Ann Lee <mailto:ann@example.com>", (ANN_LEE,)),
    "Gmail": (
        '"Lee, Ann" <ann@example.com>, Bob Roy <bob@example.org>,',
        (Mailbox(ANN.addr_spec, "Lee, Ann"), BOB_ROY),
    ),
    "Gmail, address as name": ("ann@example.com <ann@example.com>", (ANN,)),
    "address as name, other case": ("Ann@Example.com <ann@example.com>", (ANN,)),
    "Outlook": ("Ann Lee <ann@example.com>; Bob Roy <bob@example.org>", (ANN_LEE, BOB_ROY)),
    "Outlook, single quotes": ("'ann@example.com' <ann@example.com>; 'bob@example.org'", (ANN, BOB)),
    "Outlook, plain text": ("Ann Lee [mailto:ann@example.com]", (ANN_LEE,)),
    "Outlook, link": ("ann@example.com <mailto:ann@example.com>", (ANN,)),
    "Apple Mail": ("Ann Lee <ann@example.com>,\n\tBob Roy <bob@example.org>", (ANN_LEE, BOB_ROY)),
    "Apple Mail, no-break spaces": ("Ann Lee\u00a0<ann@example.com>,\u00a0bob@example.org\u00a0", (ANN_LEE, BOB)),
    "every kind of atext": ("!#$%&'*+-/=?^_`{|}~.a1@example.com", (Mailbox("!#$%&'*+-/=?^_`{|}~.a1@example.com"),)),
    "quoted local part": ('"ann lee"@example.com', (Mailbox('"ann lee"@example.com'),)),
    "quoted local part with everything": (
        r'Ann <"a,;:<>()@\"\\"@example.com>',
        (Mailbox(r'"a,;:<>()@\"\\"@example.com', "Ann"),),
    ),
    "upper case stays": ("Ann@Example.COM", (Mailbox("Ann@Example.COM"),)),
    "IDN": ("ann@bücher.example", (Mailbox("ann@xn--bcher-kva.example"),)),
    "IDN in capitals": ("Ann <ann@BÜCHER.Example>", (Mailbox("ann@xn--bcher-kva.example", "Ann"),)),
    "IDN, other script": ("ann@例え.テスト", (Mailbox("ann@xn--r8jz45g.xn--zckzah"),)),
    "IDN with sharp s": ("ann@straße.example", (Mailbox("ann@xn--strae-oqa.example"),)),
    "IDN, ideographic dot": ("ann@bücher。example", (Mailbox("ann@xn--bcher-kva.example"),)),
    "IDN shown twice": ("ann@bücher.example <ann@bücher.example>", (Mailbox("ann@xn--bcher-kva.example"),)),
    "A-label": ("ann@xn--bcher-kva.example", (Mailbox("ann@xn--bcher-kva.example"),)),
    "longest local part": ("a" * 64 + "@example.com", (Mailbox("a" * 64 + "@example.com"),)),
    "longest address": ("a@" + "b." * 122 + "example1", (Mailbox("a@" + "b." * 122 + "example1"),)),
    "longest label": ("a@" + "b" * 63 + ".example", (Mailbox("a@" + "b" * 63 + ".example"),)),
    "digits in a domain": ("a@1.2.3a", (Mailbox("a@1.2.3a"),)),
}

REFUSED = {
    "word": ("ann", 0, "“ann” is not an address: there is no @"),
    "words": ("ann, Bob Roy, bob@example.org", 0, "“ann” is not an address"),
    "quoted word": ('"ann"', 0, "there is no @"),
    "empty brackets": ("Ann <>", 5, "there is no @"),
    "quoted word in brackets": ('Ann <"ann">', 5, "there is no @"),
    "word after a no-break space": ("\u00a0ann", 1, "“ann” is not an address"),
    "no local part": ("@example.com", 0, "nothing before the @"),
    "no domain": ("ann@", 0, "nothing after the @"),
    "no dot": ("ann@localhost", 0, "“ann@localhost”: the domain has no dot"),
    "two dots": ("ann@example..com", 0, "the domain is not valid"),
    "final dot": ("ann@example.com.", 0, "the domain is not valid"),
    "leading hyphen": ("ann@-example.com", 0, "the domain is not valid"),
    "trailing hyphen": ("ann@example-.com", 0, "the domain is not valid"),
    "label too long": ("ann@" + "b" * 64 + ".example", 0, "the domain is not valid"),
    "two @": ("ann@x@example.com", 0, "the part before the @ is not valid"),
    "dots in the local part": ("ann..lee@example.com", 0, "the part before the @ is not valid"),
    "dot before the @": ("ann.@example.com", 0, "the part before the @ is not valid"),
    "blank before the @": ("<ann @example.com>", 1, "the part before the @ is not valid"),
    "local part too long": ("a" * 65 + "@example.com", 0, "over 64 characters"),
    "address too long": ("a" * 64 + "@" + "b." * 100 + "example", 0, "over 254 characters"),
    "domain too long": ("a@" + "b." * 126 + "example", 0, "over 254 characters"),
    "IDN too long": ("a@" + "ü." * 60 + "example", 0, "the domain is not valid"),
    "other script before the @": ("Zoë <zoë@example.com>", 5, "“ë” before the @ cannot be sent"),
    "emoji domain": ("ann@🦊.example", 0, "the domain is not valid"),
    "IP address": ("ann@[192.0.2.1]", 0, "an IP address cannot be a recipient"),
    "IP address, no brackets": ("ann@192.0.2.1", 0, "cannot end in digits only"),
    "route": ("<@a.example:ann@example.com>", 1, "the part before the @ is not valid"),
    "other address shown": ("ann@example.com <bob@example.org>", 0, "ann@example.com is shown, but the mail would go"),
    "@ in a name": ("Ann @ work <ann@example.com>", 4, "“@”: quote a name that has an @"),
    "address without brackets": ("Ann ann@example.com", 0, "put the address in <angle brackets>"),
    "blank after a quoted local part": ('"ann" @example.com', 0, "put the address in <angle brackets>"),
    "two addresses": ("ann@example.com bob@example.org", 16, "put a comma between two addresses"),
    "two in brackets": ("<ann@example.com> <bob@example.org>", 0, "put a comma between two"),
    "text after": ("Ann <ann@example.com> Lee", 4, "has more after the address"),
    "open quote": ('ann@example.com, "Bob <bob@example.org>', 17, "a quote opens at character 18 and never closes"),
    "open comment": ("ann@example.com (Ann (Lee)", 16, "a comment opens at character 17"),
    "open bracket": ("Ann <ann@example.com", 4, "a < opens at character 5"),
    "open square bracket": ("Ann [mailto:ann@example.com", 4, "a [ opens at character 5"),
    "bracket over a line end": ("Ann <ann@example.com\n>", 4, "a < opens at character 5"),
    "stray bracket": ("ann@example.com>", 15, "“>” without its opening at character 16"),
    "stray parenthesis": ("ann@example.com)", 15, "“)” without its opening"),
    "colon first": (":ann@example.com", 0, "a colon at character 1 has nothing before it"),
    "colon after an address": ("ann@example.com:", 15, "a colon at character 16 cannot follow an address"),
    "tab in a name": ('"Ann\tLee" <ann@example.com>', 10, "a name has a tab in it"),
    "control character in a name": ("Ann\x00 <ann@example.com>", 5, "a name has NUL in it"),
    "surrogate in a name": ("Ann\udc80 <ann@example.com>", 5, "U+DC80"),
    "control character in an address": ("a\x07b@example.com", 0, "“a<07>b@example.com”"),
    "right-to-left mark": ("ann@example.com\u200f", 0, "the domain is not valid"),
    "too long": ("a" * (LIST_LIMIT + 1), LIST_LIMIT, "100,001 characters"),
}


@pytest.mark.parametrize(("text", "mailboxes"), UNDERSTOOD.values(), ids=UNDERSTOOD)
def test_an_address_list_is_understood(text: str, mailboxes: tuple[Mailbox, ...]) -> None:
    """Whatever people paste for an address list becomes the mailboxes they mean, in their order."""
    assert parse_mailboxes(text, Place.TO) == mailboxes


@pytest.mark.parametrize(("text", "offset", "words"), REFUSED.values(), ids=REFUSED)
def test_a_bad_entry_is_named_with_its_place(text: str, offset: int, words: str) -> None:
    """What is no address is refused with its field, its offset and words that show it, free of control characters."""
    with pytest.raises(MessageError) as caught:
        parse_mailboxes(text, Place.CC)
    problem = caught.value.problems[0]
    assert (problem.place, problem.offset) == (Place.CC, offset)
    assert words in problem.words
    assert str(problem) == f"Cc: {problem.words}"
    assert problem.words.isprintable()


def test_all_bad_entries_are_named_at_once() -> None:
    """One bad entry does not hide the next: each is told with its own offset."""
    with pytest.raises(MessageError) as caught:
        parse_mailboxes("ann, bob@example.org, <carl>\ndora@", Place.TO)
    assert [problem.offset for problem in caught.value.problems] == [0, 23, 29]


def test_a_pasted_book_does_not_give_a_book_of_problems() -> None:
    """A page of prose pasted by mistake is refused with a number of problems that can be shown."""
    with pytest.raises(MessageError) as caught:
        parse_mailboxes("word, " * 10_000, Place.TO)
    assert len(caught.value.problems) == PROBLEM_LIMIT


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", "ann@example.com"),
        ("Ann Lee", "Ann Lee <ann@example.com>"),
        ("J. Q. Públic", "J. Q. Públic <ann@example.com>"),
        ("Lee, Ann", '"Lee, Ann" <ann@example.com>'),
        ('Ann "A" \\ Lee', r'"Ann \"A\" \\ Lee" <ann@example.com>'),
        ("ann@work", '"ann@work" <ann@example.com>'),
        (" Ann", '" Ann" <ann@example.com>'),
        ("Ann  Lee", '"Ann  Lee" <ann@example.com>'),
        ("[mailto:x]", '"[mailto:x]" <ann@example.com>'),
    ],
)
def test_a_mailbox_is_shown_as_it_can_be_typed(name: str, shown: str) -> None:
    """A name is quoted where it needs to be and nowhere else, and the result reads back the same."""
    mailbox = Mailbox("ann@example.com", name)
    assert str(mailbox) == shown
    assert parse_mailboxes(shown, Place.TO) == (mailbox,)


def test_addresses_are_compared_as_mail_systems_do() -> None:
    """The domain counts without regard to case, the local part with it."""
    assert same_address("Ann@EXAMPLE.com") == same_address("Ann@example.COM")
    assert same_address("Ann@example.com") != same_address("ann@example.com")
    assert Mailbox("Ann@EXAMPLE.com").domain == "example.com"


LISTS = {
    "a@x.example, b@x.example, c@x.example": ("b@x.example, c@x.example", "a@x.example, b@x.example"),
    "a@x.example; B <b@x.example>;\nc@x.example,": ("B <b@x.example>;\nc@x.example,", "a@x.example; B <b@x.example>"),
    "friends: a@x.example, (not) b@x.example (b);": ("friends: (not) b@x.example (b);", "friends: a@x.example"),
    "a@x.example": ("", ""),
}


@pytest.mark.parametrize("text", LISTS)
def test_an_entry_is_taken_out(text: str) -> None:
    """An entry goes with its separator, the others stay as they are typed, and are the mailboxes that they were."""
    found = read_mailboxes(text, Place.TO)
    assert (without_entry(found, 0), without_entry(found, len(found.entries) - 1)) == LISTS[text]
    for at in range(len(found.entries)):
        left = read_mailboxes(without_entry(found, at), Place.TO)
        assert left.mailboxes == (*found.mailboxes[:at], *found.mailboxes[at + 1 :])


def test_entries_know_where_they_stand() -> None:
    """Each mailbox is found in the text, those that are none are told of beside."""
    text = 'ann, "Bob, b" <bob@x.example>,\n carl@x.example (Carl)'
    found = read_mailboxes(text, Place.CC)
    assert [text[entry.start : entry.end] for entry in found.entries] == [
        '"Bob, b" <bob@x.example>',
        "carl@x.example (Carl)",
    ]
    assert [(problem.offset, problem.rule) for problem in found.problems] == [(0, "bad-address")]


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("", ""),
        ("bo", "bo"),
        ("ann@example.com, bo", "bo"),
        ("ann@example.com; bo", "bo"),
        ("ann@example.com,  ", ""),
        ("friends: bo", "bo"),
        ('"Lee, An', '"Lee, An'),
        ('"Lee, Ann" <an', '"Lee, Ann" <an'),
        (r'"a \", b', r'"a \", b'),
        ('"a\\', '"a\\'),
        ("x <a,b", "x <a,b"),
        ("x (a, b", "x (a, b"),
        ("x (a) y>, bo", "bo"),
    ],
)
def test_the_entry_that_is_being_typed(text: str, entry: str) -> None:
    """It begins after the last separator; in quotes, brackets and comments that are still open none separates."""
    assert text[last_entry(text) :] == entry
