"""Address books of other programs: vCard, abook, aliases of mutt. Pure.

    vCard         RFC 6350, and the older 2.1 and 3.0: FN, N, ORG, NICKNAME, EMAIL; groups by KIND and MEMBER
    abook         ~/.abook/addressbook: name, nick, and email with commas between several
    mutt          `alias KEY address, address`, `-group NAME` passed over; an alias may name others

Invariants:
- whatever stands in a file, nothing raises and nothing is executed; what is no address is passed over;
- no name has a control character, and an address is one that mail can be sent to;
- at most `ENTRY_LIMIT` entries, and `MEMBER_LIMIT` addresses in each, are taken out of a file.
"""

import quopri
import re
from collections.abc import Callable, Iterator
from typing import Final

from cfmail_tui.frozen import frozen
from cfmail_tui.message import Mailbox, MessageError, Place, first_control, parse_mailboxes

ENTRY_LIMIT: Final = 200_000
MEMBER_LIMIT: Final = 500

_DEPTH: Final = 10
"""Aliases within aliases."""


@frozen
class Entry:
    """A person with one address, or a group with several; `alias` is the short name it has in its file."""

    mailboxes: tuple[Mailbox, ...]
    name: str = ""
    alias: str = ""

    @property
    def is_group(self) -> bool:
        return len(self.mailboxes) > 1


def entries(octets: bytes) -> tuple[Entry, ...]:
    """Who stands in a file of one of these kinds, told by what is in it; nobody in any other."""
    text = octets.decode("utf-8-sig", "replace") if not octets.startswith((b"\xff\xfe", b"\xfe\xff")) else _wide(octets)
    for mark, read in _KINDS:
        if mark.search(text):
            found: list[Entry] = []
            for entry in read(text):
                found.append(entry)
                if len(found) == ENTRY_LIMIT:
                    break
            return tuple(found)
    return ()


def _wide(octets: bytes) -> str:
    return octets.decode("utf-16", "replace")


def _mailboxes(text: str, name: str = "") -> tuple[Mailbox, ...]:
    """The mailboxes of a list, with this name where they have none; none if it is no list of addresses."""
    if "@" not in text:
        return ()
    try:
        found = parse_mailboxes(text, Place.TO)[:MEMBER_LIMIT]
    except MessageError:
        return ()
    return tuple(Mailbox(one.addr_spec, one.display_name or name) for one in found)


def _clean(text: str) -> str:
    """A name on one line."""
    text = text.encode("utf-8", "replace").decode()
    return " ".join("".join(" " if first_control(char) is not None else char for char in text[:500]).split())


# vCard

_FOLD: Final = re.compile(r"\r?\n[ \t]")
_PROPERTY: Final = re.compile(r"(?:[A-Za-z0-9-]+\.)?([A-Za-z-]+)((?:;[^:\"]*(?:\"[^\"]*\"[^:\"]*)*)?):(.*)")
_ESCAPED: Final = re.compile(r"\\(.)")


@frozen
class _Card:
    uid: str
    name: str
    nick: str
    addresses: tuple[str, ...]
    members: tuple[str, ...]


def _vcards(text: str) -> Iterator[Entry]:
    cards = [*_cards(text)]
    by_uid = {card.uid: card for card in cards if card.uid}
    for card in cards:
        if card.members:
            people = dict.fromkeys(one for member in card.members[:MEMBER_LIMIT] for one in _member(member, by_uid))
            if people:
                yield Entry(tuple(people)[:MEMBER_LIMIT], card.name, card.nick)
        for address in card.addresses[:MEMBER_LIMIT]:
            if found := _mailboxes(address, card.name):
                yield Entry(found[:1], card.name, card.nick)


def _member(member: str, by_uid: dict[str, _Card]) -> tuple[Mailbox, ...]:
    if member.lower().startswith("mailto:"):
        return _mailboxes(member)
    card = by_uid.get(_uid(member))
    return (
        next((found[:1] for address in card.addresses if (found := _mailboxes(address, card.name))), ()) if card else ()
    )


def _uid(text: str) -> str:
    return text.strip().lower().removeprefix("urn:uuid:")


def _cards(text: str) -> Iterator[_Card]:
    lines = _unfolded(text)
    for line in lines:
        if line.strip().upper() == "BEGIN:VCARD":
            yield _card(lines)


def _unfolded(text: str) -> Iterator[str]:
    """Lines with those put together that were folded: by a blank, or in vCard 2.1 by a = at the end."""
    whole = ""
    for line in _FOLD.sub("", text).splitlines():
        if whole:
            whole += line
        else:
            whole = line
        if whole.endswith("=") and "QUOTED-PRINTABLE" in whole[:200].upper() and len(whole) < 100_000:
            whole = whole[:-1]
            continue
        yield whole
        whole = ""
    if whole:
        yield whole


def _card(lines: Iterator[str]) -> _Card:
    """One card, up to its end, or that of the file."""
    said: dict[str, list[str]] = {}
    for line in lines:
        if line.strip().upper() == "END:VCARD":
            break
        if match := _PROPERTY.match(line.strip()):
            name, parameters, value = match[1].upper(), match[2].upper(), match[3]
            if "QUOTED-PRINTABLE" in parameters:
                value = quopri.decodestring(value.encode("utf-8", "replace")).decode("utf-8", "replace")
            said.setdefault(name, []).append(value)

    def first(key: str) -> str:
        return next(filter(None, map(_clean, map(_unescaped, said.get(key, [])))), "")

    parts = [_unescaped(part) for part in re.split(r"(?<!\\);", next(iter(said.get("N", [])), ""))]
    name = first("FN") or _clean(" ".join([*parts[1:2], *parts[:1]])) or first("ORG")
    nick = first("NICKNAME").partition(",")[0]
    addresses = tuple(_unescaped(value) for value in said.get("EMAIL", []))
    return _Card(_uid(first("UID")), name, nick, addresses, tuple(said.get("MEMBER", [])))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: " " if match[1] in "nN" else match[1], text)


# abook

_SECTION: Final = re.compile(r"^\[(\d+|format)\][ \t]*$", re.MULTILINE)


def _abook(text: str) -> Iterator[Entry]:
    for section in _SECTION.split(text)[2::2]:
        said = dict(_settings(section))
        name, nick = _clean(said.get("name", "")), _clean(said.get("nick", ""))
        for address in said.get("email", "").split(",")[:MEMBER_LIMIT]:
            if found := _mailboxes(address, name):
                yield Entry(found[:1], name, nick)


def _settings(section: str) -> Iterator[tuple[str, str]]:
    for line in section.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            yield key.strip().lower(), value.strip()


# mutt

_CONTINUED: Final = re.compile(r"\\\r?\n")
_ALIAS: Final = re.compile(r"[ \t]*alias[ \t]+((?:-group[ \t]+\S+[ \t]+)*)(\S+)[ \t]+(.+)")


def _mutt(text: str) -> Iterator[Entry]:
    lines = (_ALIAS.match(line) for line in _CONTINUED.sub(" ", text).splitlines())
    aliases = _Aliases({match[2]: _uncommented(match[3]) for match in lines if match})
    for alias in aliases.lists:
        if people := aliases.people(alias):
            name = people[0].display_name if len(people) == 1 else _clean(alias)
            yield Entry(people, name, _clean(alias))


def _uncommented(value: str) -> str:
    """Without the comment at the end, which mutt takes for what follows a # that stands alone."""
    return re.sub(r"[ \t]#.*", "", value).strip()


class _Aliases:
    """Lists by their names, in which others may be named; who names too many, or one another, is cut short."""

    def __init__(self, lists: dict[str, str]) -> None:
        self.lists = lists
        self._folded = {alias.lower(): value for alias, value in lists.items()}
        self._left = 4 * sum(map(len, lists.values()))

    def people(self, alias: str) -> tuple[Mailbox, ...]:
        return tuple(dict.fromkeys(self._expanded(self.lists[alias], {alias.lower()})))[:MEMBER_LIMIT]

    def _expanded(self, value: str, seen: set[str]) -> Iterator[Mailbox]:
        """The addresses of a list, each alias in it opened once."""
        self._left -= len(value)
        if self._left < 0:
            return
        if whole := _mailboxes(value):
            yield from whole
            return
        for part in value.split(",")[:MEMBER_LIMIT]:
            name = part.strip().lower()
            if "@" in part:
                yield from _mailboxes(part)
            elif name in self._folded and name not in seen and len(seen) < _DEPTH:
                yield from self._expanded(self._folded[name], seen | {name})


_KINDS: Final[tuple[tuple[re.Pattern[str], Callable[[str], Iterator[Entry]]], ...]] = (
    (re.compile(r"^BEGIN:VCARD\s*$", re.IGNORECASE | re.MULTILINE), _vcards),
    (_SECTION, _abook),
    (re.compile(r"^[ \t]*alias[ \t]", re.MULTILINE), _mutt),
)
