"""Internet messages as bytes (RFC 5322, RFC 2045 to 2047, RFC 2231): written from a `MailMessage`, and looked into.

Writing gives segments, octets and attachments in turn, so that the size of a message is known before any file is
read and nothing holds a whole attachment. Looking is read-only: nothing here parses a message and writes it again,
since that changes octets. Pure.

Invariants of what is written: lines end in CRLF and have at most 998 octets; one From, Date and Message-ID; no Bcc.
"""

import base64
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cfmail_tui.message import Attachment, Mailbox, MailMessage, Place, Problem

LINE_LIMIT = 998
"""Octets in a line, less its CRLF (RFC 5322 section 2.1.1)."""

_FOLD_AT = 76
_BASE64_LINE = 57
"""Octets that make one line of 76 base64 characters (RFC 2045 section 6.8)."""

Segment = bytes | Attachment
ReadFile = Callable[[Attachment], Iterator[bytes]]


def assemble(message: MailMessage, *, date: str, message_id: str, boundary: str) -> tuple[Segment, ...]:
    """The message as a mail system would build it from the same request.

    `date` is an RFC 5322 date-time, `message_id` stands in angle brackets, `boundary` must not occur in the bodies.
    """
    header = [
        _address_field("From", (message.sender,)),
        _address_field("To", message.to),
        _address_field("Cc", message.cc),
        _address_field("Reply-To", (message.reply_to,) if message.reply_to else ()),
        _text_field("Subject", message.subject),
        _line(f"Date: {date}"),
        _line(f"Message-ID: {message_id}"),
        *(_text_field(field.name, field.body) for field in message.headers),
        _line("MIME-Version: 1.0"),
    ]
    return (b"".join(header), *_body(message, boundary))


def size(segments: Sequence[Segment]) -> int:
    """Octets of the assembled message."""
    return sum(len(part) if isinstance(part, bytes) else _base64_size(part.size) for part in segments)


def weight(attachment: Attachment) -> int:
    """Octets by which an attachment makes a message bigger, but for the boundary before it."""
    return size(_file_part(attachment))


def chunks(segments: Sequence[Segment], read: ReadFile) -> Iterator[bytes]:
    """The octets of the assembled message, its files read as they come."""
    for part in segments:
        if isinstance(part, bytes):
            yield part
        else:
            yield from base64_lines(read(part))


def base64_lines(content: Iterator[bytes]) -> Iterator[bytes]:
    """Content as base64 in lines of 76 characters, each ended by CRLF."""
    rest = b""
    for block in content:
        data = rest + block
        whole = len(data) - len(data) % _BASE64_LINE
        rest = data[whole:]
        yield _broken(data[:whole])
    yield _broken(rest)


def _broken(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def _base64_size(octets: int) -> int:
    return 4 * -(-octets // 3) + 2 * -(-octets // _BASE64_LINE)


def _body(message: MailMessage, boundary: str) -> tuple[Segment, ...]:
    """The body parts, nested as RFC 2046 and RFC 2387 say: mixed(related(alternative(text, html), inline), files)."""
    texts = [_text_part(subtype, text) for subtype, text in (("plain", message.text), ("html", message.html)) if text]
    body = _multipart("alternative", texts, f"{boundary}.alternative")
    inline = [_file_part(part) for part in message.attachments if part.disposition == "inline"]
    files = [_file_part(part) for part in message.attachments if part.disposition == "attachment"]
    body = _multipart("related", [body, *inline], f"{boundary}.related")
    return _multipart("mixed", [body, *files], f"{boundary}.mixed")


def _multipart(subtype: str, parts: list[tuple[Segment, ...]], boundary: str) -> tuple[Segment, ...]:
    if len(parts) == 1:
        return parts[0]
    segments: list[Segment] = [_line(f'Content-Type: multipart/{subtype}; boundary="{boundary}"'), b"\r\n"]
    for part in parts:
        segments += [_line(f"--{boundary}"), *part, b"\r\n"]
    segments.append(_line(f"--{boundary}--"))
    return tuple(segments)


def _text_part(subtype: str, text: str) -> tuple[Segment, ...]:
    content = crlf(text.encode())
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: "
    lines = content.split(b"\r\n")
    bare = re.search(rb"\0|\r(?!\n)", content)
    if content.isascii() and not bare and all(len(line) <= LINE_LIMIT for line in lines):
        return (f"{head}7bit\r\n\r\n".encode() + content,)
    return (f"{head}base64\r\n\r\n".encode() + _broken(content),)


def _file_part(attachment: Attachment) -> tuple[Segment, ...]:
    name = _parameter("filename", attachment.filename)
    # RFC 2045 section 6.4: a message or multipart has no base64, and another encoding would change its octets.
    composite = attachment.media_type.lower().startswith(("message/", "multipart/"))
    header = [
        _line(f"Content-Type: {'application/octet-stream' if composite else attachment.media_type}"),
        _line("Content-Transfer-Encoding: base64"),
        _line(f"Content-Disposition: {attachment.disposition}{name}"),
    ]
    if attachment.disposition == "inline":
        header.append(_line(f"Content-ID: <{attachment.content_id}>"))
    return (b"".join(header) + b"\r\n", attachment)


def _parameter(name: str, value: str) -> str:
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


def _line(text: str) -> bytes:
    return text.encode("ascii") + b"\r\n"


def _address_field(name: str, mailboxes: Sequence[Mailbox]) -> bytes:
    if not mailboxes:
        return b""
    return _line(f"{name}: " + ",\r\n ".join(map(_phrase, mailboxes)))


def _phrase(mailbox: Mailbox) -> str:
    shown = str(mailbox)
    if shown.isascii() and "=?" not in shown and len(shown) <= _FOLD_AT:
        return shown
    words = "\r\n ".join(_encoded_words(mailbox.display_name))
    return f"{words}\r\n <{mailbox.addr_spec}>" if words else mailbox.addr_spec


def _text_field(name: str, text: str) -> bytes:
    plain = text.isascii() and "=?" not in text and text == text.strip() and "  " not in text
    if plain and len(name) + 2 + len(text) <= _FOLD_AT:
        return _line(f"{name}: {text}")
    if plain and all(len(word) < LINE_LIMIT for word in text.split(" ")):
        lines = [f"{name}:"]
        for n, word in enumerate(text.split(" ")):
            if len(lines[-1]) + 1 + len(word) > (_FOLD_AT if n else LINE_LIMIT):
                lines.append("")
            lines[-1] += f" {word}"
        return _line("\r\n".join(lines))
    words = _encoded_words(text)
    lead = "" if len(name) + 2 + len(words[0]) <= _FOLD_AT else "\r\n"
    return _line(f"{name}:{lead} " + "\r\n ".join(words))


def _encoded_words(text: str) -> list[str]:
    """RFC 2047 encoded words that leave room for a short name in a line of 76; no character is split between two."""
    words, piece = [], ""
    for char in text:
        if len((piece + char).encode()) > 39:
            words.append(piece)
            piece = ""
        piece += char
    words.append(piece)
    return [f"=?utf-8?B?{base64.b64encode(word.encode()).decode()}?=" for word in words if word]


def crlf(source: bytes) -> bytes:
    """The source with every bare LF made CRLF; a message leaves in this form (RFC 5322 section 2.1)."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", source)


@dataclass(frozen=True, slots=True)
class RawField:
    """One header field of a raw message: its unfolded body, and the octets it occupies."""

    name: str
    body: str
    start: int
    end: int


def header_fields(source: bytes) -> tuple[RawField, ...]:
    """The header fields of a raw message, in order; lines that are none are passed over."""
    end_of_header = re.search(rb"(?:^|\n)\r?\n", source)
    header = source[: end_of_header.end()] if end_of_header else source
    fields = []
    for match in re.finditer(rb"^([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)\n?", header, re.MULTILINE):
        body = re.sub(rb"\r?\n", b"", match[2]).strip()
        name = match[1].decode("ascii")
        fields.append(RawField(name, body.decode("utf-8", "replace"), match.start(), match.end()))
    return tuple(fields)


def field_bodies(source: bytes, *names: str) -> list[str]:
    """The bodies of the named header fields, in the order they stand in."""
    wanted = {name.lower() for name in names}
    return [field.body for field in header_fields(source) if field.name.lower() in wanted]


BLIND_FIELDS = ("Bcc", "Resent-Bcc")
"""Fields that name recipients the others must not learn of (RFC 5322 section 3.6.3)."""


def without_bcc(source: bytes) -> bytes:
    """The source less its Bcc fields; every other octet as it was."""
    blind = {name.lower() for name in BLIND_FIELDS}
    kept, at = [], 0
    for field in header_fields(source):
        if field.name.lower() in blind:
            kept.append(source[at : field.start])
            at = field.end
    return b"".join([*kept, source[at:]])


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


def problems(source: bytes) -> list[Problem]:
    """Why a raw message cannot be sent as it is; empty when it can."""
    found = [*_problems_of_octets(source)]
    if not source.strip():
        return [Problem(Place.SOURCE, "the message is empty")]
    names = [field.name.lower() for field in header_fields(source)]
    if "from" not in names:
        found.append(Problem(Place.SOURCE, "there is no From field in the header"))
    found.extend(
        Problem(Place.SOURCE, f"{name} stands {names.count(name.lower())} times in the header, once is allowed")
        for name in ("From", "Date", "Message-ID")
        if names.count(name.lower()) > 1
    )
    return found


def _problems_of_octets(source: bytes) -> Iterator[Problem]:
    def at(offset: int) -> str:
        line = source.count(b"\n", 0, offset) + 1
        return f"line {line} (octet {offset + 1})"

    try:
        source.decode("utf-8")
    except UnicodeDecodeError as error:
        words = f"{at(error.start)} is 8-bit but not UTF-8; the API takes JSON text: encode that part"
        yield Problem(Place.SOURCE, words, error.start)
    if (nul := source.find(b"\0")) >= 0:
        yield Problem(Place.SOURCE, f"NUL at {at(nul)}", nul)
    if bare := re.search(rb"\r(?!\n)", source):
        yield Problem(Place.SOURCE, f"a CR without LF at {at(bare.start())}", bare.start())
    if long := re.search(rb"^[^\r\n]{%d}" % (LINE_LIMIT + 1), source, re.MULTILINE):
        yield Problem(Place.SOURCE, f"{at(long.start())} is over {LINE_LIMIT} octets", long.start())


def not_editable(source: bytes) -> str | None:
    """Why a text editor could not give these octets back unchanged (line ends apart); None when it could."""
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"it is not UTF-8 (octet {error.start + 1})"
    if "\r" in text.replace("\r\n", ""):
        return "it has a CR without LF"
    if other := re.search("[\0\v\f\x1c-\x1e\x85\u2028\u2029]", text):
        return f"it has U+{ord(other[0]):04X}, which an editor would take for a line break or drop"
    if "\r\n" in text and re.search(r"(?<!\r)\n", text):
        return "its lines end in CRLF here and in LF there"
    return None
