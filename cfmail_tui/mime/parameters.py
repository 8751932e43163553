"""Parameters of header fields (RFC 2045 section 5.1, RFC 2231), written and read."""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from cfmail_tui.mime.words import decoded_words, is_charset

PARAMETERS_LIMIT: Final = 64 * 1024
"""Characters of a field body in which parameters are looked for."""


def parameter(name: str, value: str) -> str:
    """A parameter of a field, in RFC 2231 continuations when it is long or not plain ASCII."""
    if re.fullmatch(r"[\w.-]{1,60}", value, re.ASCII):
        return f"; {name}={value}"
    pieces = [""]
    for char in value:
        encoded = char if re.match(r"[\w.-]", char, re.ASCII) else "".join(f"%{octet:02X}" for octet in char.encode())
        if len(pieces[-1]) + len(encoded) > 55:
            pieces.append("")
        pieces[-1] += encoded
    if len(pieces) == 1:
        return f";\r\n {name}*=utf-8''{pieces[0]}"
    pieces[0] = "utf-8''" + pieces[0]
    return "".join(f";\r\n {name}*{n}*={piece}" for n, piece in enumerate(pieces))


def value_of(body: str) -> str:
    """What stands before the parameters of a field, less comments, in lower case."""
    value = body[:PARAMETERS_LIMIT].partition(";")[0]
    return (_COMMENT.sub(" ", value) if "(" in value else value).strip().lower()


def parameters(body: str) -> dict[str, str]:
    """The parameters of a field body, by their names in lower case, continuations joined and percent codes decoded.

    The first of two with one name counts; of `name` and `name*` the extended one. What is malformed is taken as it
    stands: programs are forgiving here, and so is what they show.
    """
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for match in PARAMETER.finditer(body[:PARAMETERS_LIMIT]):
        name = match[1].lower()
        value = _bare(match[3]) if match[2] is None else unquoted(match[2])
        if section := _SECTION.fullmatch(name):
            number = int(section[2] or 0)
            extended = section[2] is None or section[3] is not None
            pieces.setdefault(section[1], {}).setdefault(number, (value, extended))
        else:
            plain.setdefault(name, value)
    return plain | {name: _joined(found) for name, found in pieces.items()}


def unquoted(text: str) -> str:
    """What stands between the quotes of a quoted string, or in a comment, less its backslashes."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def shown_name(value: str) -> str:
    """A file name as readers show it: many programs write encoded words in it, against RFC 2047 section 5."""
    decoded = decoded_words(value)
    return decoded.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


PARAMETER: Final = re.compile(r""";\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))""", re.DOTALL)
"""One parameter: its name, and its value as a quoted string or bare."""

_SECTION: Final = re.compile(r"([^*]+)\*(\d{1,4})?(\*)?", re.ASCII)
_COMMENT: Final = re.compile(r"\([^()]*\)")


def _bare(value: str) -> str:
    value = value.strip()
    return _COMMENT.sub("", value).strip() if value.endswith(")") and " (" in value else value


def _joined(found: dict[int, tuple[str, bool]]) -> str:
    """The pieces of an RFC 2231 value up to the first that is missing, decoded in the charset that the first names."""
    charset, octets = "utf-8", b""
    for number in range(len(found)):
        if number not in found:
            break
        piece, extended = found[number]
        if number == 0 and extended and piece.count("'") >= 2:
            named, _, piece = piece.split("'", 2)
            charset = named if is_charset(named) else charset
        raw = piece.encode("utf-8", "surrogateescape")
        octets += unquote_to_bytes(raw) if extended else raw
    return octets.decode(charset, "replace").encode("utf-8", "replace").decode()
