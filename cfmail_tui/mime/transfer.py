"""What a part holds, less its transfer encoding (RFC 2045 section 6), and content put into one.

Decoding streams: it holds a block of the content, never all of it. It is as forgiving as mail programs are.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from cfmail_tui.mime.lines import bare_cr, crlf
from cfmail_tui.mime.parts import Part

_BLOCK: Final = 57 * 1024

_NO_DIGITS: Final = bytes(
    octet for octet in range(256) if octet not in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
)


def content(source: bytes, part: Part) -> Iterator[bytes]:
    """The octets of a part's content. What cannot be decoded in an encoded body is passed over or stays as it is."""
    return decoded(memoryview(source)[part.body : part.end], part.encoding)


def decoded(octets: bytes | memoryview, encoding: str) -> Iterator[bytes]:
    """The same for a body by itself, whose Content-Transfer-Encoding is this in lower case."""
    blocks = (bytes(octets[at : at + _BLOCK]) for at in range(0, len(octets), _BLOCK))
    match encoding:
        case "base64":
            return _from_base64(blocks)
        case "quoted-printable":
            return _from_quoted_printable(blocks)
    return blocks


def _from_base64(blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        digits = rest + block.translate(None, _NO_DIGITS)
        whole = len(digits) - len(digits) % 4
        rest = digits[whole:]
        yield binascii.a2b_base64(digits[:whole])
    if len(rest) > 1:
        yield binascii.a2b_base64(rest + b"=" * (4 - len(rest)))


def _from_quoted_printable(blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        octets = rest + block
        cut = octets.rfind(b"\n") + 1
        if not cut and len(octets) > 4 * _BLOCK:
            # A line without end: cut where no code is cut in two.
            last = octets.rfind(b"=", len(octets) - 3)
            cut = len(octets) if last < 0 else last
        rest = octets[cut:]
        yield binascii.a2b_qp(octets[:cut])
    yield binascii.a2b_qp(rest)


def encoded(octets: bytes, *, is_text: bool, newline: bytes) -> tuple[str, bytes]:
    """The name of the encoding that fits, and the content in it; of text, line ends become those of mail.

    Quoted-printable where most of a text stays readable, base64 for the rest, for what is no text, and where a CR
    stands alone, which would be taken for a line end.
    """
    text = crlf(octets) if is_text else octets
    beyond = len(octets.translate(None, _PRINTED))
    if is_text and beyond * 6 <= len(octets) and bare_cr(octets) is None:
        printed = binascii.b2a_qp(text, istext=True)
        # Where it breaks a line must not begin what could be taken for a delimiter.
        if printed.count(b"\n--") == text.count(b"\n--"):
            return "quoted-printable", re.sub(rb"\r?\n", newline, printed)
    lines = base64.encodebytes(text).replace(b"\n", newline)
    return "base64", lines if octets.endswith((b"\n", b"\r")) else lines.removesuffix(newline)


_PRINTED: Final = bytes(octet for octet in range(256) if octet in b"\t\r\n" or (32 <= octet < 127 and octet != 61))
