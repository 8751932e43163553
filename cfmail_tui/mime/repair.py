"""Octets of a raw message that a JSON string cannot carry, found, and re-encoded where they stand.

`send_raw` takes the message as JSON text: it has to be UTF-8, and no NUL in it. `repaired` writes just the parts and
header fields anew that are not; every other octet stays as it is. It repairs all or nothing, and never what a
signature covers: a signature that does not match is worse than a mail that is not sent.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Literal

from cfmail_tui.frozen import frozen
from cfmail_tui.message import MessageError, Place, Problem, printable
from cfmail_tui.mime.changes import Change, applied, place_of
from cfmail_tui.mime.field_encoding import encoded_field
from cfmail_tui.mime.fields import RawField
from cfmail_tui.mime.lines import newline_of
from cfmail_tui.mime.parts import IDENTITY, Part, delimiters, fields_of, structure
from cfmail_tui.mime.transfer import content, encoded
from cfmail_tui.mime.words import is_charset


@frozen
class Region:
    """A stretch of a message of one kind: a part's header, its content, or what a multipart has around its parts."""

    kind: Literal["header", "content", "gap"]
    part: Part
    message: Part
    """The message that the part belongs to: the whole, or one within it."""
    start: int
    end: int
    is_signed: bool
    """Whether a signature covers it, other than DKIM."""


def regions(source: bytes, root: Part) -> Iterator[Region]:
    """All of a message but the delimiters between its parts, in order."""
    return _regions(source, root, root, is_signed=False)


_SIGNED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})


def _regions(source: bytes, part: Part, message: Part, *, is_signed: bool) -> Iterator[Region]:
    yield Region("header", part, message, part.start, part.body, is_signed)
    covered = is_signed or part.media_type == "multipart/signed" or part.media_type in _SIGNED
    if not part.parts:
        yield Region("content", part, message, part.body, part.end, covered)
        return
    if not part.is_multipart:
        yield from _regions(source, part.parts[0], part.parts[0], is_signed=covered)
        return
    at = part.body
    for child in part.parts:
        lines = delimiters(source, at, child.start, part.boundary)
        yield Region("gap", part, message, at, next((line.start for line in lines), child.start), covered)
        yield from _regions(source, child, message, is_signed=covered)
        at = child.end
    if part.epilogue:
        yield Region("gap", part, message, part.epilogue, part.end, covered)


@frozen
class Unsendable:
    """The first octet in a region that JSON text cannot carry."""

    region: Region
    offset: int
    words: str


def unsendable(source: bytes, root: Part | None = None) -> tuple[Unsendable, ...]:
    """Where the message has octets that cannot be sent as they are, each header, body and gap named once."""
    if first_unsendable(source) is None:
        return ()
    found = []
    for region in regions(source, root or structure(source)):
        if (at := first_unsendable(source[region.start : region.end])) is not None:
            words = "NUL" if source[region.start + at] == 0 else "8-bit that is not UTF-8"
            found.append(Unsendable(region, region.start + at, f"{_place(region)} has {words}"))
    return tuple(found)


def first_unsendable(octets: bytes) -> int | None:
    """The offset of the first octet that is NUL or not part of UTF-8, or None."""
    nul = octets.find(b"\0")
    head = octets if nul < 0 else octets[:nul]
    if not head.isascii():
        try:
            head.decode("utf-8")
        except UnicodeDecodeError as error:
            return error.start
    return None if nul < 0 else nul


def repaired(source: bytes) -> tuple[bytes, tuple[Change, ...]]:
    """The source with what cannot be sent re-encoded, and what was changed, in order; nothing where nothing has to be.

    Raises MessageError naming all that cannot be repaired: what is signed, or stands where nothing can be encoded.
    """
    root = structure(source)
    found = unsendable(source, root)
    changes: list[Change] = []
    problems: list[Problem] = []
    for bad in found:
        try:
            changes += repairs(source, root, bad)
        except MessageError as error:
            problems += error.problems
    if problems:
        raise MessageError(*problems)
    if changes:
        changes += _broken_signatures(source, root)
    once = tuple(sorted(dict.fromkeys(changes), key=lambda change: (change.start, change.end)))
    new = applied(source, once)
    if (left := first_unsendable(new)) is not None:
        raise MessageError(Problem(Place.SOURCE, "a delimiter or a part too deep to tell apart cannot be sent", left))
    return new, once


def _place(region: Region) -> str:
    match region.kind:
        case "header":
            return f"the header of part {region.part.number}" if region.part.number else "the header"
        case "content":
            return place_of(region.part)
        case "gap":
            return f"what stands around the parts of {place_of(region.part)}"


def _refused(bad: Unsendable, why: str) -> MessageError:
    return MessageError(Problem(Place.SOURCE, f"{bad.words} and cannot be re-encoded: {why}", bad.offset))


def repairs(source: bytes, root: Part, bad: Unsendable) -> list[Change]:
    """What re-encodes one region. Raises MessageError if it cannot be."""
    region = bad.region
    if region.is_signed:
        raise _refused(bad, "it is signed, and the signature would not match any more")
    match region.kind:
        case "header":
            return _repaired_fields(source, root, bad)
        case "content":
            if not may_be_encoded(region.part):
                raise _refused(bad, f"{region.part.media_type} takes no encoding (RFC 2045 section 6.4)")
            return encoded_part(source, region.part, region.message)
        case "gap":
            octets = source[region.start : region.end]
            clean = octets.decode("utf-8", "replace").replace("\0", "?").replace("\ufffd", "?").encode()
            after = "a question mark for each; no reader shows it"
            return [Change(_place(region), "octets that cannot be sent", after, region.start, region.end, clean)]


def may_be_encoded(part: Part) -> bool:
    """Whether a transfer encoding may be put on a part's body (RFC 2045 section 6.4)."""
    return part.is_leaf and not part.media_type.startswith("message/")


def encoded_part(source: bytes, part: Part, message: Part) -> list[Change]:
    """What puts a part into quoted-printable or base64, its content being what it was. `message` is the one it is in.

    An encoded body with octets that its encoding has no room for is written anew; readers pass over them anyway.
    """
    newline = newline_of(source)
    octets = b"".join(content(source, part))
    is_text = part.media_type.startswith("text/") or part.encoding == "quoted-printable"
    name, body = encoded(octets, is_text=is_text, newline=newline)
    was = part.encoding if part.encoding in IDENTITY else f"broken {printable(part.encoding)}"
    body_change = Change(
        place_of(part),
        f"{was}, {part.encoded_size:,} octets",
        f"{name}, {len(body):,} octets{_charset_words(part)}",
        part.body,
        part.end,
        body,
    )
    return [*_encoding_named(source, part, message, name), body_change]


def _charset_words(part: Part) -> str:
    if not part.media_type.startswith("text/"):
        return ""
    return f", its charset {printable(part.charset)} as before" if part.charset else "; it names no charset"


def _encoding_named(source: bytes, part: Part, message: Part, name: str) -> Iterator[Change]:
    """The field that names the encoding, and MIME-Version, without which it means nothing (RFC 2045 section 4)."""
    newline = newline_of(source)
    wanted = f"Content-Transfer-Encoding: {name}"
    missing: dict[int, list[str]] = {}
    fields = fields_of(source, part)
    field = next((one for one in fields if one.name.lower() == "content-transfer-encoding"), None)
    if field is None:
        missing[end_of_fields(source, part)] = [wanted]
    elif part.encoding != name:
        written = source[field.start : field.end]
        new = wanted.encode() + written[len(written.rstrip(b"\r\n")) :]
        yield Change(place_of(part, field.name), _body_shown(written), name, field.start, field.end, new)
    if not any(one.name.lower() == "mime-version" for one in fields_of(source, message)):
        missing.setdefault(end_of_fields(source, message), []).append("MIME-Version: 1.0")
    for at, lines in missing.items():
        place = place_of(part, "header") if wanted in lines and part.number else "the header"
        yield Change(place, "", " and ".join(lines), at, at, b"".join(one.encode() + newline for one in lines))


def end_of_fields(source: bytes, part: Part) -> int:
    """Where a further field can stand: before the empty line that ends the header, else at the end."""
    header = source[part.start : part.body]
    for blank in (b"\r\n", b"\n"):
        if header == blank or header.endswith(b"\n" + blank):
            return part.body - len(blank)
    return part.body


def _repaired_fields(source: bytes, root: Part, bad: Unsendable) -> list[Change]:
    region = bad.region
    changes = []
    done = region.start
    for field in fields_of(source, region.part):
        _refuse_junk(source, bad, done, field.start)
        done = field.end
        octets = source[field.start : field.end]
        if first_unsendable(octets) is not None:
            changes.append(_repaired_field(source, root, bad, field))
    _refuse_junk(source, bad, done, region.end)
    return changes


def _refuse_junk(source: bytes, bad: Unsendable, start: int, end: int) -> None:
    if (at := first_unsendable(source[start:end])) is not None:
        words = f"{_place(bad.region)} has a line that is no field and cannot be sent"
        raise MessageError(Problem(Place.SOURCE, words, start + at))


def _repaired_field(source: bytes, root: Part, bad: Unsendable, field: RawField) -> Change:
    octets = source[field.start : field.end]
    charset, how = charset_of(octets, root)
    new = encoded_field(octets, charset)
    if new is None:
        at = field.start + (first_unsendable(octets) or 0)
        words = f"{field.name} in {_place(bad.region)} has octets that cannot be sent, where nothing can be encoded"
        raise MessageError(Problem(Place.SOURCE, words, at))
    place = place_of(bad.region.part, field.name)
    after = f"{_body_shown(new)} (read as {how})" if how else _body_shown(new)
    return Change(place, _body_shown(octets), after, field.start, field.end, new)


def charset_of(octets: bytes, root: Part) -> tuple[str, str]:
    """The charset to read a header field in, and in words why, if it is not UTF-8.

    A charset that the texts of the message name, where it fits and has ASCII in it, else the one most likely.
    """
    declared = dict.fromkeys(part.charset for part in root.walk() if part.media_type.startswith("text/"))
    for charset in ("utf-8", *declared, "windows-1252"):
        if charset and is_charset(charset) and b"From: a".decode(charset, "replace") == "From: a":
            with suppress(ValueError):
                if octets.decode(charset).encode(charset) == octets:
                    how = f"{printable(charset)}, as a text in it is" if charset in declared else f"{charset}, a guess"
                    return charset, "" if charset == "utf-8" else how
    return "iso-8859-1", "ISO-8859-1, a guess"


def _broken_signatures(source: bytes, root: Part) -> Iterator[Change]:
    for field in fields_of(source, root):
        if field.name.lower() == "dkim-signature":
            after = "matches it no more, since it changes"
            yield Change(field.name, "signs the message", after, field.start, field.start, b"")
            return


def _body_shown(field: bytes) -> str:
    text = field.partition(b":")[2].decode("utf-8", "surrogateescape")
    text = "".join(f"<{ord(char) - 0xDC00:02X}>" if "\udc80" <= char <= "\udcff" else char for char in text)
    return printable(" ".join(text.split()), 200)
