"""Mailboxes and address lists as people type and paste them (RFC 5322 section 3.4).

An `addr_spec` is ASCII, an internationalised domain already in A-label form (RFC 5891).
"""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Literal, NamedTuple, Never

from cfmail_tui.frozen import frozen
from cfmail_tui.message.problems import (
    PROBLEM_LIMIT,
    MessageError,
    Place,
    Problem,
    control_name,
    first_control,
    printable,
)

LOCAL_PART_LIMIT = 64
"""Octets before the @ (RFC 5321 section 4.5.3.1.1)."""

ADDR_SPEC_LIMIT = 254
"""Octets in an address (RFC 5321 section 4.5.3.1.3, less the angle brackets)."""

LIST_LIMIT = 100_000
"""Characters in an address list: more than the longest mailboxes need, as many as a mail can have."""


@frozen
class Mailbox:
    """RFC 5322 section 3.4 `mailbox`: an address, with the name shown beside it when there is one."""

    addr_spec: str
    display_name: str = ""

    def __str__(self) -> str:
        if not self.display_name:
            return self.addr_spec
        if _PLAIN_PHRASE.fullmatch(self.display_name):
            return f"{self.display_name} <{self.addr_spec}>"
        quoted = re.sub(r'(["\\])', r"\\\1", self.display_name)
        return f'"{quoted}" <{self.addr_spec}>'

    @property
    def domain(self) -> str:
        return self.addr_spec.rpartition("@")[2].lower()


def same_address(addr_spec: str) -> str:
    """The form two spellings of one address share: the domain is case-insensitive, the local part is not
    (RFC 5321 section 2.4).
    """
    local, _, domain = addr_spec.rpartition("@")
    return f"{local}@{domain.lower()}"


class Entry(NamedTuple):
    """A mailbox of an address list, and where it stands in the text."""

    mailbox: Mailbox
    start: int
    end: int


@frozen
class AddressList:
    """An address list as typed, and what it means: the mailboxes in it, and why the other entries are none."""

    place: Place
    text: str
    entries: tuple[Entry, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def mailboxes(self) -> tuple[Mailbox, ...]:
        return tuple(entry.mailbox for entry in self.entries)


def read_mailboxes(text: str, place: Place) -> AddressList:
    """An address list as people type and paste it.

    Commas, semicolons and line ends separate; groups are flattened, comments dropped (after a bare address one is its
    display name, the older convention); names with commas need quotes.
    """
    problems: list[Problem] = []
    found: list[Entry] = []
    try:
        if len(text) > LIST_LIMIT:
            _fail(place, f"{len(text):,} characters, at most {LIST_LIMIT:,} can stand here", LIST_LIMIT)
        for entry in _entries(text, place):
            try:
                found.append(Entry(_mailbox(entry, place), entry[0].offset, entry[-1].end))
            except MessageError as error:
                problems.extend(error.problems)
                if len(problems) == PROBLEM_LIMIT:
                    break
    except MessageError as error:
        problems.extend(error.problems)
    return AddressList(place, text, tuple(found), tuple(problems))


def parse_mailboxes(text: str, place: Place) -> tuple[Mailbox, ...]:
    """The mailboxes of an address list, see `read_mailboxes`. Raises MessageError naming each bad entry."""
    read = read_mailboxes(text, place)
    if read.problems:
        raise MessageError(*read.problems)
    return read.mailboxes


def without_entry(read: AddressList, at: int) -> str:
    """The list's text without the entry at this index; as it stands where that would change another entry."""
    entry = read.entries[at]
    before, after = read.text[: entry.start], read.text[entry.end :]
    separator = re.match(r"[ \t]*[,;\r\n]\s*", after)
    rest = after[separator.end() :] if separator else after
    shorter = before + rest if separator and rest else re.sub(r"[,;\s]*\Z", "", before) + rest
    kept = (*read.mailboxes[:at], *read.mailboxes[at + 1 :])
    return shorter if read_mailboxes(shorter, read.place).mailboxes == kept else read.text


def without_addresses(text: str, place: Place, addresses: Collection[str]) -> str:
    """The list's text without the entries of these addresses, whatever their case; what cannot be read stays."""
    dropped = {address.casefold() for address in addresses}
    while True:
        read = read_mailboxes(text, place)
        at = next((n for n, one in enumerate(read.mailboxes) if one.addr_spec.casefold() in dropped), None)
        shorter = text if at is None else without_entry(read, at)
        if shorter == text:
            return text
        text = shorter


def last_entry(text: str) -> int:
    """Where the last entry of a list that is being typed begins: after the last separator, quotes may still be open."""
    start = 0
    for match in _PIECE.finditer(text):
        if match["separator"]:
            start = match.end()
    return start + len(text[start:]) - len(text[start:].lstrip())


class _Token(NamedTuple):
    kind: Literal["atom", "quoted", "comment", "angle", "colon", "separator"]
    value: str
    offset: int
    end: int
    spaced: bool
    """Whether white space stands before it."""


_PLAIN_PHRASE = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]+(?: [\w!#$%&'*+/=?^`{|}~.-]+)*")
_DOT_ATOM = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_QUOTED_LOCAL = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])*"')
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_LEXEME = re.compile(
    r"""(?P<blank>[ \t]+)|(?P<separator>[,;\r\n])|(?P<colon>:)|(?P<stray>[)>])|(?P<atom>[^",;:<>()\r\n \t]+)
    |(?P<opening>["(<])""",
    re.VERBOSE,
)
_PIECE = re.compile(
    r"""(?P<separator>[,;:\r\n])|"(?:[^"\\]|\\.)*(?:"|\\?\Z)|<[^>]*>?|\([^)]*\)?|[^",;:<(\r\n]+""",
    re.VERBOSE | re.DOTALL,
)
_CLOSING: dict[str, tuple[str, Literal["quoted", "comment", "angle"], str]] = {
    '"': ('"', "quoted", "a quote"),
    "(": (")", "comment", "a comment"),
    "<": (">", "angle", "a <"),
    "[": ("]", "angle", "a ["),
}


def _fail(place: Place, words: str, offset: int) -> Never:
    raise MessageError(Problem(place, words, offset, rule="bad-address"))


def _tokens(text: str, place: Place) -> Iterator[_Token]:
    at, spaced = 0, False
    while match := _LEXEME.match(text, at):
        start, at = match.span()
        lexeme = match[0]
        match match.lastgroup:
            case "separator":
                yield _Token("separator", lexeme, start, at, spaced)
            case "colon":
                yield _Token("colon", lexeme, start, at, spaced)
            case "stray":
                _fail(place, f"“{lexeme}” without its opening at character {start + 1}", start)
            case "atom" if lexeme[0] != "[" or text[start : start + 8].lower() != "[mailto:":
                # Blanks other than RFC 5322's, such as a no-break space, may stand within a name, not around a word.
                if word := lexeme.strip():
                    begin = start + lexeme.index(word)
                    yield _Token("atom", word, begin, begin + len(word), spaced)
            case "opening" | "atom":
                at = _closing(text, start, place)
                yield _Token(_CLOSING[text[start]][1], text[start + 1 : at - 1], start, at, spaced)
        spaced = match.lastgroup == "blank"


def _closing(text: str, start: int, place: Place) -> int:
    """The offset after the quoted string, comment or angle address that opens at `start`."""
    closing, kind, name = _CLOSING[text[start]]
    at, depth = start + 1, 1
    while at < len(text):
        char = text[at]
        if char == "\\" and kind != "angle":
            at += 1
        elif char in "\r\n":
            break
        elif kind == "angle" and char == '"':
            at = _closing(text, at, place) - 1
        elif char == closing:
            depth -= 1
            if not depth:
                return at + 1
        elif kind == "comment" and char == "(":
            depth += 1
        at += 1
    _fail(place, f"{name} opens at character {start + 1} and never closes", start)


def _entries(text: str, place: Place) -> Iterator[list[_Token]]:
    entry: list[_Token] = []
    for token in _tokens(text, place):
        if token.kind == "separator":
            if any(part.kind != "comment" for part in entry):
                yield entry
            entry = []
        elif token.kind == "colon":
            # "mailto:" and the name of a group: what follows are the addresses.
            if not any(part.kind in {"atom", "quoted"} for part in entry):
                _fail(place, f"a colon at character {token.offset + 1} has nothing before it", token.offset)
            if any(part.kind == "angle" or (part.kind == "atom" and "@" in part.value) for part in entry):
                _fail(place, f"a colon at character {token.offset + 1} cannot follow an address", token.offset)
            entry = []
        else:
            entry.append(token)
    if any(part.kind != "comment" for part in entry):
        yield entry


def _mailbox(entry: list[_Token], place: Place) -> Mailbox:
    words = [token for token in entry if token.kind in {"atom", "quoted"}]
    angles = [token for token in entry if token.kind == "angle"]
    comments = [token for token in entry if token.kind == "comment"]
    if not angles:
        return _bare_mailbox(words, comments, place)
    angle = angles[0]
    if len(angles) > 1 or any(token.offset > angle.offset for token in words):
        _fail(place, f"{_shown(entry)} has more after the address; put a comma between two", angle.offset)
    addr_spec = _addr_spec(angle.value, angle.offset + 1, place)
    if len(words) == 1 and words[0].kind == "atom" and "@" in words[0].value:
        # Mail programs paste `a@b <a@b>`; two different addresses would show one and send to the other.
        if _undressed(words[0].value).casefold() != _undressed(angle.value).casefold():
            shown = printable(words[0].value)
            _fail(place, f"{shown} is shown, but the mail would go to {addr_spec}: keep one", words[0].offset)
        return Mailbox(addr_spec)
    name = ""
    for token in words:
        if token.kind == "atom" and "@" in token.value:
            _fail(place, f"“{printable(token.value)}”: quote a name that has an @", token.offset)
        value = _unescaped(token.value) if token.kind == "quoted" else token.value
        name += f" {value}" if name and token.spaced else value
    _check_name(name, angle.offset, place)
    return Mailbox(addr_spec, name)


def _bare_mailbox(words: list[_Token], comments: list[_Token], place: Place) -> Mailbox:
    first = words[0]
    local_is_quoted = len(words) == 2 and first.kind == "quoted" and words[1].value.startswith("@")
    if len(words) > 1 and not (local_is_quoted and not words[1].spaced):
        if sum("@" in word.value for word in words) > 1:
            _fail(place, f"{_shown(words)}: put a comma between two addresses", words[1].offset)
        if any("@" in word.value for word in words):
            _fail(place, f"{_shown(words)}: put the address in <angle brackets>", first.offset)
        _fail(place, f"{_shown(words)} is not an address: there is no @", first.offset)
    joined = "".join(f'"{word.value}"' if word.kind == "quoted" else word.value for word in words)
    addr_spec = _addr_spec(joined, first.offset, place)
    name = _unescaped(comments[-1].value).strip() if comments and comments[-1].offset > first.offset else ""
    _check_name(name, first.offset, place)
    return Mailbox(addr_spec, name)


def _shown(tokens: Sequence[_Token]) -> str:
    return "“" + printable(" ".join(token.value for token in tokens)) + "”"


def _unescaped(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)


def _check_name(name: str, offset: int, place: Place) -> None:
    if (bad := first_control(name)) is not None:
        _fail(place, f"a name has {control_name(name[bad])} in it", offset)


def _undressed(text: str) -> str:
    """An address without what mail programs put around it: blanks, Outlook's single quotes, mailto:."""
    text = text.strip()
    if text[:1] == text[-1:] == "'":
        text = text[1:-1]
    return text[7:] if text[:7].lower() == "mailto:" else text


def _addr_spec(text: str, offset: int, place: Place) -> str:
    """RFC 5322 section 3.4.1 `addr-spec`, its domain as A-labels."""
    text = _undressed(text)
    shown = f"“{printable(text)}”"
    local, at, domain = text.rpartition("@")
    if not at:
        _fail(place, f"{shown} is not an address: there is no @", offset)
    if not local:
        _fail(place, f"{shown} has nothing before the @", offset)
    if not local.isascii():
        bad = next(char for char in local if not char.isascii())
        words = f"{shown}: “{printable(bad)}” before the @ cannot be sent; Cloudflare takes ASCII only there"
        _fail(place, words, offset)
    if not (_DOT_ATOM.fullmatch(local) or _QUOTED_LOCAL.fullmatch(local)):
        _fail(place, f"{shown}: the part before the @ is not valid", offset)
    if len(local) > LOCAL_PART_LIMIT:
        _fail(place, f"{shown}: the part before the @ is over {LOCAL_PART_LIMIT} characters", offset)
    addr_spec = f"{local}@{_a_labels(domain, shown, offset, place)}"
    if len(addr_spec) > ADDR_SPEC_LIMIT:
        _fail(place, f"{shown} is over {ADDR_SPEC_LIMIT} characters", offset)
    return addr_spec


def _a_labels(domain: str, shown: str, offset: int, place: Place) -> str:
    if not domain:
        _fail(place, f"{shown} has nothing after the @", offset)
    if len(domain) > ADDR_SPEC_LIMIT:
        _fail(place, f"{shown} is over {ADDR_SPEC_LIMIT} characters", offset)
    if domain.startswith("["):
        _fail(place, f"{shown}: an IP address cannot be a recipient here, give a domain", offset)
    if not domain.isascii():
        import idna

        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            words = f"{shown}: the domain is not valid"
            raise MessageError(Problem(place, words, offset, rule="bad-address")) from error
    labels = domain.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        _fail(place, f"{shown}: the domain is not valid", offset)
    if len(labels) < 2:
        _fail(place, f"{shown}: the domain has no dot; is the end missing?", offset)
    if labels[-1].isdigit():
        _fail(place, f"{shown}: a domain cannot end in digits only", offset)
    return domain
