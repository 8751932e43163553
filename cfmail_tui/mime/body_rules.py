"""The rules for the octets of a raw message, and for its parts: encodings, charsets and boundaries."""

import codecs
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from cfmail_tui.message import printable
from cfmail_tui.mime.changes import Change, place_of
from cfmail_tui.mime.header_rules import folded
from cfmail_tui.mime.lines import bare_cr, line_number, long_lines, newline_of
from cfmail_tui.mime.parameters import PARAMETER, value_of
from cfmail_tui.mime.parts import IDENTITY, Part, delimiters, fields_of
from cfmail_tui.mime.repair import Region, encoded_part, may_be_encoded, repairs, unsendable
from cfmail_tui.mime.rules import Flaw, Looked, Rule
from cfmail_tui.mime.transfer import content
from cfmail_tui.mime.words import is_charset

_KNOWN: Final = IDENTITY | {"quoted-printable", "base64"}
_SAME_AS_ASCII: Final = frozenset({"", "us-ascii", "ascii", "ansi_x3.4-1968"})
_TOLD: Final = 20
"""Lines that are too long of which each is told."""


def _at(looked: Looked, offset: int) -> str:
    return f"line {line_number(looked.source, offset)} (octet {offset + 1})"


def _region(looked: Looked, offset: int) -> Region | None:
    return next((region for region in looked.regions if region.start <= offset < region.end), None)


def _where(looked: Looked, offset: int) -> str:
    region = _region(looked, offset)
    return place_of(region.part) if region and region.kind == "content" else "the header"


def _may_encode(region: Region | None) -> bool:
    return (
        region is not None
        and region.kind == "content"
        and not region.is_signed
        and may_be_encoded(region.part)
        and region.part.encoding in IDENTITY
    )


def _encode(looked: Looked, offset: int) -> list[Change]:
    """The part that the offset lies in, or begins at, re-encoded."""
    for region in looked.leaves():
        if region.part.start <= offset < region.end or region.start == offset:
            return encoded_part(looked.source, region.part, region.message)
    return []


def _unsendable(looked: Looked) -> Iterator[Flaw]:
    for bad in unsendable(looked.source, looked.root):
        at = _at(looked, bad.offset)
        words = f"{at} is 8-bit but not UTF-8; the API takes JSON text: encode that part"
        if looked.source[bad.offset] == 0:
            words = f"NUL at {at}"
        yield Flaw(_where(looked, bad.offset), words, bad.offset, not bad.region.is_signed)


def _repaired(looked: Looked, offset: int) -> list[Change]:
    for bad in unsendable(looked.source, looked.root):
        if bad.offset == offset:
            return repairs(looked.source, looked.root, bad)
    return []


def _bare_cr(looked: Looked) -> Iterator[Flaw]:
    if looked.line_endings.cr and (at := bare_cr(looked.source)) is not None:
        may_be_mended = b"\n" not in looked.source or _may_encode(_region(looked, at))
        yield Flaw(_where(looked, at), f"a CR without LF at {_at(looked, at)}", at, may_be_mended)


def _with_line_ends(looked: Looked, offset: int) -> list[Change]:
    if b"\n" in looked.source:
        return _encode(looked, offset)
    end = len(looked.source)
    return [Change("the message", "CR", "CRLF", 0, end, looked.source.replace(b"\r", b"\r\n"))]


def _long_lines(looked: Looked) -> Iterator[Flaw]:
    for at in islice(long_lines(looked.source), _TOLD):
        yield Flaw(_where(looked, at), f"{_at(looked, at)} is over 998 octets", at, bool(_shortened(looked, at)))


def _shortened(looked: Looked, offset: int) -> list[Change]:
    region = _region(looked, offset)
    if region is None or region.is_signed:
        return []
    if region.kind == "header":
        for field in fields_of(looked.source, region.part):
            if field.start <= offset < field.end:
                new = folded(looked.source[field.start : field.end])
                place = place_of(region.part, field.name)
                return [Change(place, "a long line", "folded", field.start, field.end, new)] if new else []
    return encoded_part(looked.source, region.part, region.message) if _may_encode(region) else []


def _eight_bit(looked: Looked) -> Iterator[Flaw]:
    for region, words in _raw_bodies(looked):
        may = not region.is_signed and may_be_encoded(region.part)
        if region.part.encoding not in {"8bit", "binary"}:
            yield Flaw(place_of(region.part), f"{place_of(region.part)} {words}", region.start, may)


def _passes_as_it_is(looked: Looked) -> Iterator[Flaw]:
    for region, _ in _raw_bodies(looked):
        if region.part.encoding == "8bit":
            words = f"{place_of(region.part)} leaves as raw UTF-8; not every mail system takes that"
            may = not region.is_signed and may_be_encoded(region.part)
            yield Flaw(place_of(region.part), words, region.start, may)


def _raw_bodies(looked: Looked) -> Iterator[tuple[Region, str]]:
    if looked.source.isascii():
        return
    bad = {found.region.start for found in unsendable(looked.source, looked.root)}
    for region in looked.leaves():
        raw = looked.source[region.start : region.end]
        if not raw.isascii() and region.start not in bad:
            yield region, f"is 8-bit, which {printable(region.part.encoding)} has no room for"


def _binary(looked: Looked) -> Iterator[Flaw]:
    for region in looked.leaves():
        if region.part.encoding == "binary":
            words = f"{place_of(region.part)} is binary, which mail does not carry: its line ends would change"
            yield Flaw(place_of(region.part), words, region.part.start, _may_encode(region))


def _unknown_encoding(looked: Looked) -> Iterator[Flaw]:
    for part in looked.root.walk():
        name = printable(part.encoding)
        if part.encoding not in _KNOWN:
            yield Flaw(place_of(part), f"“{name}” is no transfer encoding that programs know", part.start)
        elif part.encoding not in IDENTITY and not may_be_encoded(part):
            words = f"{part.media_type} may not be {name}: only the parts within may be"
            yield Flaw(place_of(part), words, part.start)


_NO_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/\r\n \t]")
_BASE64: Final = bytes(octet for octet in range(256) if not _NO_BASE64.match(bytes([octet])))
_BLOCK: Final = 64 * 1024


def _end_of_digits(source: bytes, start: int, end: int) -> int:
    """Where the first octet stands that is neither a base64 digit nor blank."""
    for at in range(start, end, _BLOCK):
        stop = min(at + _BLOCK, end)
        # A block less all its digits costs a tenth of a search for what is none.
        if source[at:stop].translate(None, _BASE64) and (other := _NO_BASE64.search(source, at, stop)):
            return other.start()
    return end


def _broken_base64(looked: Looked) -> Iterator[Flaw]:
    for region in looked.leaves():
        if region.part.encoding != "base64":
            continue
        place = place_of(region.part)
        tail = _end_of_digits(looked.source, region.start, region.end)
        if not re.compile(rb"={0,2}[\r\n \t]*+").fullmatch(looked.source, tail, region.end):
            words = f"{place} has “{printable(chr(looked.source[tail]))}” within its base64, at {_at(looked, tail)}"
            yield Flaw(place, words, tail, not region.is_signed)
            continue
        blanks = sum(looked.source.count(blank, region.start, tail) for blank in (b"\r", b"\n", b" ", b"\t"))
        digits = tail - region.start - blanks
        if (digits + looked.source.count(b"=", tail, region.end)) % 4:
            lost = digits % 4 == 1
            words = f"{place} is base64 that ends in the middle" + ("; octets are missing" if lost else "")
            yield Flaw(place, words, max(region.start, region.end - 1), not lost and not region.is_signed)


def _broken_quoted_printable(looked: Looked) -> Iterator[Flaw]:
    for region in looked.leaves():
        if region.part.encoding == "quoted-printable":
            found = _NO_CODE.search(looked.source, region.start, region.end)
            if found:
                words = f"{place_of(region.part)} has “=” without a code at {_at(looked, found.start())}"
                yield Flaw(place_of(region.part), words, found.start(), not region.is_signed)


_NO_CODE: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]{0,60}\r?\n|[ \t]{0,60}\Z)")


def _with_codes(looked: Looked, offset: int) -> list[Change]:
    region = _region(looked, offset)
    if region is None:
        return []
    found = _NO_CODE.finditer(looked.source, region.start, region.end)
    return [Change(place_of(region.part), "=", "=3D", one.start(), one.end(), b"=3D") for one in found]


def _unknown_charset(looked: Looked) -> Iterator[Flaw]:
    for part in looked.root.walk():
        if part.media_type.startswith("text/") and part.charset and not is_charset(part.charset):
            yield Flaw(place_of(part), f"“{printable(part.charset)}” is no charset that is known here", part.start)


def _contradicted_charset(looked: Looked) -> Iterator[Flaw]:
    for region in looked.leaves():
        part = region.part
        if not part.media_type.startswith("text/") or not (part.charset in _SAME_AS_ASCII or is_charset(part.charset)):
            continue
        charset = "ascii" if part.charset in _SAME_AS_ASCII else part.charset
        if decodes(looked.source, part, charset):
            continue
        place = place_of(part)
        words = f"{place} names no charset and is not ASCII: readers guess"
        if part.charset:
            words = f"{place} says {printable(part.charset)}, and its content is not"
        yield Flaw(place, words, part.start, not region.is_signed and decodes(looked.source, part, "utf-8"))


def decodes(source: bytes, part: Part, charset: str) -> bool:
    """Whether the content of a part is text in this charset."""
    try:
        decoder = codecs.getincrementaldecoder(charset)("strict")
        for block in content(source, part):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except (ValueError, LookupError):
        return False
    return True


def _as_utf_8(looked: Looked, offset: int) -> list[Change]:
    part = next((part for part in looked.root.walk() if part.start == offset and part.is_leaf), None)
    if part is None:
        return []
    place, newline = place_of(part, "Content-Type"), newline_of(looked.source)
    for field in fields_of(looked.source, part):
        if field.name.lower() != "content-type":
            continue
        written = looked.source[field.start : field.end].decode("utf-8", "surrogateescape")
        kept = written.rstrip("\r\n")
        named = next((one for one in PARAMETER.finditer(kept) if one[1].lower() == "charset"), None)
        new = (
            f"{kept}; charset=utf-8"
            if named is None
            else f"{kept[: named.start()]}; charset=utf-8{kept[named.end() :]}"
        )
        octets = (new + written[len(kept) :]).encode("utf-8", "surrogateescape")
        return [Change(place, printable(part.charset), "utf-8", field.start, field.end, octets)]
    line = f"Content-Type: {part.media_type}; charset=utf-8".encode() + newline
    return [Change(place, "", "text/plain; charset=utf-8", part.start, part.start, line)]


def _multiparts(looked: Looked) -> Iterator[tuple[Part, tuple[Part, ...]]]:
    """Each multipart, with those around it."""

    def below(part: Part, around: tuple[Part, ...]) -> Iterator[tuple[Part, tuple[Part, ...]]]:
        if part.is_multipart:
            yield part, around
        for child in part.parts:
            yield from below(child, (*around, part))

    return below(looked.root, ())


def _bad_boundary(looked: Looked) -> Iterator[Flaw]:
    for part, around in _multiparts(looked):
        place = place_of(part)
        shown = printable(part.boundary)
        if not part.boundary:
            yield Flaw(place, f"{place} has no boundary: its parts cannot be told apart", part.start)
        elif not re.fullmatch(r"[\w'()+,./:=? -]{1,70}", part.boundary, re.ASCII):
            words = f"the boundary of {place} is not 1 to 70 letters, digits and '()+_,-./:=? of ASCII: “{shown}”"
            yield Flaw(place, words, part.start)
        if part.boundary and any(part.boundary == other.boundary for other in around):
            yield Flaw(place, f"{place} has the boundary of a multipart around it: “{shown}”", part.start)


def _unused_boundary(looked: Looked) -> Iterator[Flaw]:
    for part, _ in _multiparts(looked):
        if part.boundary and not part.parts and part.is_whole:
            words = f"{place_of(part)} has no part: no line begins with its boundary “{printable(part.boundary)}”"
            if part.is_closed:
                words = f"{place_of(part)} is closed before it has a part"
            yield Flaw(place_of(part), words, part.body)


def _unclosed(looked: Looked) -> Iterator[Flaw]:
    for part, _ in _multiparts(looked):
        if part.parts and not part.is_closed and part.is_whole:
            region = next(one for one in looked.regions if one.part is part)
            words = f"the boundary of {place_of(part)} is never closed: a part may be missing"
            yield Flaw(place_of(part), words, part.start, not region.is_signed)


def _closed(looked: Looked, offset: int) -> list[Change]:
    part = next((part for part, _ in _multiparts(looked) if part.start == offset and not part.is_closed), None)
    if part is None:
        return []
    newline, at = newline_of(looked.source), part.end
    line = newline + b"--" + part.boundary.encode("utf-8", "surrogateescape") + b"--"
    ends = newline if at == len(looked.source) else b""
    return [Change(place_of(part), "", "its closing delimiter", at, at, line + ends)]


def _after_the_end(looked: Looked) -> Iterator[Flaw]:
    for part, _ in _multiparts(looked):
        again = part.epilogue and next(delimiters(looked.source, part.epilogue, part.end, part.boundary), None)
        if again:
            yield Flaw(
                place_of(part), f"{place_of(part)} goes on after its end; readers see nothing of it", again.start
            )


def _not_first(looked: Looked) -> Iterator[Flaw]:
    for part, _ in _multiparts(looked):
        plain = [child for child in part.parts if child.media_type == "text/plain"]
        if part.media_type == "multipart/alternative" and plain and part.parts[0] is not plain[0]:
            words = f"{place_of(plain[0])} is not the first of its alternatives: readers show the last they can"
            yield Flaw(place_of(plain[0]), words, plain[0].start)


_CID: Final = re.compile(rb"\bcid:([^\s\"'<>)]{1,250})", re.IGNORECASE)
_LOOKED_THROUGH: Final = 4 * 1024 * 1024
"""Octets of an HTML part in which references are looked for."""


def _references(looked: Looked) -> Iterator[Flaw]:
    pages = [part for part in looked.root.walk() if part.media_type == "text/html" and part.is_leaf]
    if not pages:
        return
    named: dict[str, Part] = {}
    for page in pages:
        html = b"".join(islice(content(looked.source, page), _LOOKED_THROUGH // (57 * 1024)))
        for match in _CID.finditer(html):
            named.setdefault(re.sub(rb"%40", b"@", match[1]).decode("utf-8", "replace"), page)
    parts = {part.content_id.replace("%40", "@"): part for part in looked.root.walk() if part.content_id}
    for cid, page in named.items():
        if cid not in parts:
            words = f"{place_of(page)} shows cid:{printable(cid)}, and no part has this Content-ID"
            yield Flaw(place_of(page), words, page.start)
    for cid, part in parts.items():
        if (
            cid not in named
            and part.disposition == "inline"
            and not part.media_type.startswith(("text/", "multipart/"))
        ):
            yield Flaw(
                place_of(part), f"{place_of(part)} is inline, and no text shows cid:{printable(cid)}", part.start
            )


def _nameless(looked: Looked) -> Iterator[Flaw]:
    for part in looked.root.walk():
        if part.disposition == "attachment" and not part.filename and part.is_leaf:
            yield Flaw(place_of(part), f"{place_of(part)} is an attachment without a name", part.start)


def _no_media_type(looked: Looked) -> Iterator[Flaw]:
    for part in looked.root.walk():
        said = next((one for one in fields_of(looked.source, part) if one.name.lower() == "content-type"), None)
        place = place_of(part)
        if said is None:
            if part.number and part.media_type == "text/plain" and part.is_leaf:
                yield Flaw(place, f"{place} has no Content-Type: it is read as text/plain", part.start)
        elif value_of(said.body) != part.media_type:
            words = f"“{printable(said.body)}” is no media type: {place} is read as {part.media_type}"
            yield Flaw(place_of(part, "Content-Type"), words, said.start)


def _too_big(looked: Looked) -> Iterator[Flaw]:
    size = len(looked.source) + looked.line_endings.lf
    if looked.limit and size > looked.limit:
        yield Flaw("the message", f"{size:,} octets, {size - looked.limit:,} over the limit", None)


def _too_deep(looked: Looked) -> Iterator[Flaw]:
    for part in looked.root.walk():
        if not part.is_whole:
            words = f"{place_of(part)} has more parts, or deeper ones, than are told apart here"
            yield Flaw(place_of(part), words, part.start)
            return


def _line_ends(looked: Looked) -> Iterator[Flaw]:
    ends = looked.line_endings
    if ends.words:
        yield Flaw("the message", ends.words, ends.odd)


_ENCODE: Final = "encode the part; its content stays"

RULES: Final = (
    Rule("unsendable", "RFC 8259 section 8.1", _unsendable, fix=_ENCODE, mend=_repaired, stops=True),
    Rule(
        "bare-cr", "RFC 5322 section 2.2", _bare_cr, fix="keep it within an encoding", mend=_with_line_ends, stops=True
    ),
    Rule("long-line", "RFC 5322 section 2.1.1", _long_lines, fix="fold or encode it", mend=_shortened, stops=True),
    Rule("eight-bit", "RFC 2045 section 6.2", _eight_bit, fix=_ENCODE, mend=_encode),
    Rule("raw-utf-8", "RFC 6152", _passes_as_it_is, weight="note", fix=_ENCODE, mend=_encode),
    Rule("binary", "RFC 2045 section 6.2", _binary, fix=_ENCODE, mend=_encode),
    Rule("unknown-encoding", "RFC 2045 section 6", _unknown_encoding),
    Rule("broken-base64", "RFC 2045 section 6.8", _broken_base64, fix="encode what readers make of it", mend=_encode),
    Rule(
        "broken-quoted-printable", "RFC 2045 section 6.7", _broken_quoted_printable, fix="write =3D", mend=_with_codes
    ),
    Rule("unknown-charset", "RFC 2046 section 4.1.2", _unknown_charset),
    Rule("wrong-charset", "RFC 2046 section 4.1.2", _contradicted_charset, fix="call it UTF-8", mend=_as_utf_8),
    Rule("bad-boundary", "RFC 2046 section 5.1.1", _bad_boundary),
    Rule("unused-boundary", "RFC 2046 section 5.1.1", _unused_boundary),
    Rule("unclosed", "RFC 2046 section 5.1.1", _unclosed, fix="write the closing delimiter", mend=_closed),
    Rule("after-the-end", "RFC 2046 section 5.1.1", _after_the_end),
    Rule("not-first", "RFC 2046 section 5.1.4", _not_first),
    Rule("references", "RFC 2392", _references),
    Rule("nameless", "RFC 2183 section 2.3", _nameless, weight="note"),
    Rule("no-media-type", "RFC 2045 section 5.2", _no_media_type, weight="note"),
    Rule("too-big", "Cloudflare, limits", _too_big),
    Rule("too-deep", "RFC 2046 section 5.1", _too_deep),
    Rule("line-ends", "RFC 5322 section 2.1", _line_ends, weight="note"),
)
