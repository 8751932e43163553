"""The MIME message that a builder request becomes: what the recipients' mail systems would receive.

Invariants: any text that the schema takes decodes from the MIME to the same text (newlines in bodies become CRLF, the
only form RFC 2046 4.1.1 knows for text); every line is ASCII, ends in CRLF and has at most 998 octets; no Bcc.
The header section is written here and not by the `email` package, which refuses or alters some of that text (U+2028,
NEL, text that looks like an encoded word).
"""

import binascii
import re
import secrets
import string
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import quote

from cfmail_tui.sandbox.header_rules import MAX_WORD, is_free_text
from cfmail_tui.sandbox.schema import Attachment, BuilderRequest, Mailbox

_LINE = 78
_PRINTABLE = re.compile(r"[ -~]*", re.ASCII)
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_PLAIN_FILENAME = re.compile(r"[A-Za-z0-9_+@()-](?:[A-Za-z0-9._+@() -]{0,58}[A-Za-z0-9_+@()-])?", re.ASCII)
_QUOTED = {char: char for char in f"{string.ascii_letters}{string.digits}!*+-/"} | {" ": "_"}
"""The Q encoding of what may stand for itself in a phrase (RFC 2047 5, case 3); the rest is =XX."""
_PLAIN_LINE = re.compile(rb"[\t -~]{0,77}[!-~]|")


@dataclass(frozen=True, slots=True)
class _Entity:
    """A MIME entity: its header fields, folded, and its body."""

    fields: tuple[str, ...]
    body: bytes

    def render(self) -> bytes:
        return "".join(f"{field}\r\n" for field in self.fields).encode("ascii") + b"\r\n" + self.body


def assemble(request: BuilderRequest, message_id: str, date: datetime) -> bytes:
    """The message as it goes out: alternative bodies, inline parts related to them, attachments mixed in."""
    fields = [_address_field("From", (request.sender,))]
    if request.to:
        fields.append(_address_field("To", request.to))
    if request.cc:
        fields.append(_address_field("Cc", request.cc))
    if request.reply_to:
        fields.append(_address_field("Reply-To", (request.reply_to,)))
    fields.append(_fold("Subject", _unstructured(request.subject, len("Subject: "))))
    fields.append(_fold("Date", [format_datetime(date)]))
    fields.append(_fold("Message-ID", [message_id]))
    fields.extend(_custom_field(name, value) for name, value in request.header_fields)
    fields.append("MIME-Version: 1.0")
    content = _content(request)
    return _Entity((*fields, *content.fields), content.body).render()


def _content(request: BuilderRequest) -> _Entity:
    inline = [_attachment(item) for item in request.attachments if item.content_id is not None]
    ordinary = [_attachment(item) for item in request.attachments if item.content_id is None]
    body = None
    if request.html:
        # RFC 2387: the inline parts belong to the html that names them, and so inside its alternative.
        body = _related(_text("html", request.html), "text/html", inline)
        if request.text:
            body = _multipart("alternative", [_text("plain", request.text), body])
    else:
        body = _related(_text("plain", request.text or ""), "text/plain", inline)
    return _multipart("mixed", [body, *ordinary]) if ordinary else body


def _related(root: _Entity, root_type: str, inline: list[_Entity]) -> _Entity:
    return _multipart("related", [root, *inline], f'type="{root_type}"') if inline else root


def _multipart(subtype: str, parts: list[_Entity], *parameters: str) -> _Entity:
    # "=_" occurs in no quoted-printable and no base64 text (RFC 2045 6.7), and the rest is random.
    boundary = f"=_{secrets.token_hex(16)}"
    delimiter = f"--{boundary}".encode("ascii")
    pieces = [piece for part in parts for piece in (delimiter, b"\r\n", part.render(), b"\r\n")]
    field = _fold("Content-Type", _separated([f"multipart/{subtype}", *parameters, f'boundary="{boundary}"']))
    return _Entity((field,), b"".join([*pieces, delimiter, b"--\r\n"]))


def _text(subtype: str, text: str) -> _Entity:
    body = re.sub(r"\r\n|\r|\n", "\r\n", text).encode("utf-8")
    content_type = f"Content-Type: text/{subtype}; charset=utf-8"
    if all(_PLAIN_LINE.fullmatch(line) for line in body.split(b"\r\n")):
        return _Entity((content_type, "Content-Transfer-Encoding: 7bit"), body)
    if sum(octet > 0x7E for octet in body[:4096]) * 6 > min(len(body), 4096):
        return _Entity((content_type, "Content-Transfer-Encoding: base64"), _base64(body))
    # Before the first CRLF of the body, b2a_qp ends its soft line breaks with LF alone.
    encoded = re.sub(rb"(?<!\r)\n", b"\r\n", binascii.b2a_qp(body, istext=True))
    return _Entity((content_type, "Content-Transfer-Encoding: quoted-printable"), encoded)


def _attachment(item: Attachment) -> _Entity:
    disposition = "attachment" if item.content_id is None else "inline"
    media_type, encoding, body = item.media_type, "base64", b""
    if media_type.lower().startswith(("message/", "multipart/")):
        # RFC 2046 5.1 and 5.2.1 allow no base64 for these: as they are if that is possible, else opaque.
        if _is_7bit(item.content):
            encoding, body = "7bit", item.content
        else:
            media_type = "application/octet-stream"
    fields = [
        f"Content-Type: {media_type}",
        f"Content-Transfer-Encoding: {encoding}",
        _fold("Content-Disposition", _separated([disposition, *_parameter("filename", item.filename)])),
    ]
    if item.content_id is not None:
        fields.append(f"Content-ID: <{item.content_id}>")
    return _Entity(tuple(fields), body if encoding == "7bit" else _base64(item.content))


def _is_7bit(content: bytes) -> bool:
    lines = content.split(b"\r\n")
    return all(len(line) <= 998 and not re.search(rb"[\0\r\n\x80-\xff]", line) for line in lines)


def _base64(content: bytes) -> bytes:
    encoded = binascii.b2a_base64(content, newline=False)
    lines = [encoded[start : start + 76] for start in range(0, len(encoded), 76)]
    return b"\r\n".join([*lines, b""])


def _fold(name: str, words: Iterable[str]) -> str:
    """A header field of words with one space between them, folded there when a line is full (RFC 5322 2.2.3)."""
    lines = [f"{name}:"]
    for index, word in enumerate(words):
        if index and len(lines[-1]) + 1 + len(word) > _LINE:
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines)


def _separated(items: list[str]) -> list[str]:
    return [f"{item};" for item in items[:-1]] + items[-1:]


def _unstructured(text: str, used: int) -> list[str]:
    """The words of an unstructured field: as they are if every reader gets the text back, else encoded words."""
    if _PRINTABLE.fullmatch(text) and "=?" not in text and text == text.strip(" "):
        if used + len(text) <= _LINE:
            return [text]
        words = text.split(" ")
        if all(0 < len(word) < _LINE for word in words):
            return words
    return _encoded_words(text, used)


def _encoded_words(text: str, used: int) -> list[str]:
    """RFC 2047 2 and 5: at most 75 characters each, on lines of at most 76, no character divided between two.

    As few as possible: Python's structured parser (3.11) puts a space between the encoded words of a display name.
    """
    quoted = [_QUOTED.get(char) or "".join(f"={octet:02X}" for octet in char.encode("utf-8")) for char in text]
    binary = sum(map(len, quoted)) > len(text.encode("utf-8")) * 4 / 3
    chunks: list[list[str]] = [[]]
    size, room = 0, max(64 - used, 24)
    for char, encoded in zip(text, quoted, strict=True):
        step = len(char.encode("utf-8")) if binary else len(encoded)
        if size + step > (room // 4 * 3 if binary else room):
            chunks.append([])
            size, room = 0, 63
        chunks[-1].append(char if binary else encoded)
        size += step
    if binary:
        return [f"=?utf-8?b?{b64encode(''.join(chunk).encode('utf-8')).decode('ascii')}?=" for chunk in chunks]
    return [f"=?utf-8?q?{''.join(chunk)}?=" for chunk in chunks]


def _address_field(name: str, boxes: tuple[Mailbox, ...]) -> str:
    words: list[str] = []
    for box in boxes:
        if words:
            words[-1] += ","
        words += [*_phrase(box.name, len(name) + 2), f"<{box.address}>"] if box.name else [box.address]
    return _fold(name, words)


def _phrase(name: str, used: int) -> list[str]:
    """A display name (RFC 5322 3.2.5): words, a quoted string, or encoded words."""
    if _PRINTABLE.fullmatch(name) and "=?" not in name:
        quoted = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
        if _PHRASE.fullmatch(name):
            return _unstructured(name, used)
        if len(quoted) < 64:
            return [quoted]
        words = quoted.split(" ")
        if all(0 < len(word) < _LINE for word in words):
            return words
    return _encoded_words(name, used)


def _custom_field(name: str, value: str) -> str:
    if not is_free_text(name):
        return _fold(name, value.split())
    phrase, bracket, rest = value.rpartition("<")
    if name == "List-Id" and bracket and _PRINTABLE.fullmatch(rest) and len(rest) < MAX_WORD:
        return _fold(name, [*(_phrase(phrase.strip(), 9) if phrase.strip() else []), f"<{rest}"])
    return _fold(name, _unstructured(value, len(name) + 2))


def _parameter(name: str, value: str) -> list[str]:
    """RFC 2231: percent-encoded UTF-8, continued where it is long; a plain quoted string where that is safe."""
    if _PLAIN_FILENAME.fullmatch(value) and "  " not in value:
        return [f'{name}="{value}"']
    pieces = [""]
    for char in value:
        encoded = quote(char, safe="")
        if len(pieces[-1]) + len(encoded) > 48:
            pieces.append("")
        pieces[-1] += encoded
    if len(pieces) == 1:
        return [f"{name}*=utf-8''{pieces[0]}"]
    first = f"{name}*0*=utf-8''{pieces[0]}"
    return [first, *(f"{name}*{number}*={piece}" for number, piece in enumerate(pieces[1:], start=1))]
