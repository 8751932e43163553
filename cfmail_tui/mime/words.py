"""Text in header fields beyond ASCII: encoded words (RFC 2047), written and read."""

import base64
import codecs
import re


def encoded_words(text: str) -> list[str]:
    """RFC 2047 encoded words that leave room for a short name in a line of 76; no character is split between two."""
    words, piece = [], ""
    for char in text:
        if len((piece + char).encode()) > 39:
            words.append(piece)
            piece = ""
        piece += char
    words.append(piece)
    return [f"=?utf-8?B?{base64.b64encode(word.encode()).decode()}?=" for word in words if word]


def decoded_words(text: str) -> str:
    """A field body with its RFC 2047 encoded words decoded; what does not decode stays as it is."""

    def decoded(match: re.Match[str]) -> str:
        charset, encoding, data = match.groups()
        try:
            if encoding in "bB":
                octets = base64.b64decode(data, validate=True)
            else:
                spaced = data.encode().replace(b"_", b" ")
                octets = re.sub(rb"=([0-9A-Fa-f]{2})", lambda hexed: bytes.fromhex(hexed[1].decode()), spaced)
            words = octets.decode(charset.partition("*")[0])
            words.encode()  # UTF-7 and others can spell a lone surrogate
            return words
        except (ValueError, LookupError):
            return match[0]

    joined = re.sub(r"(\?=)[ \t]+(=\?)", r"\1\2", text)
    # Python's escape codecs are no character sets.
    return re.sub(r"=\?(?![\w-]*escape)([\w*-]+)\?([bBqQ])\?([^? ]*)\?=", decoded, joined, flags=re.ASCII)


def is_charset(name: str) -> bool:
    """Whether octets can be read in a character set of this name. Python's own codecs for other ends are none."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.:+()-]{0,63}", name, re.ASCII) or re.search(
        "escape|idna|punycode", name, re.IGNORECASE
    ):
        return False
    try:
        b"a".decode(codecs.lookup(name).name)
    except (LookupError, ValueError, UnicodeError):
        return False
    return True
