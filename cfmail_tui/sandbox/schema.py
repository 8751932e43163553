"""The request schemas of send and send_raw, parsed into types that cannot hold what the API refuses.

Everything that a JSON schema can say is refused with 10001: unknown keys, wrong types, missing fields, addresses that
are not printable ASCII, the three controls that would end a header field (CR, LF, NUL), text that is not Unicode.
What needs a look at the content (limits, base64, header rules) is refused with `email.invalid`. Sizes of the whole
message are measured later, on the assembled MIME.
"""

import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from cfmail_tui.sandbox.answers import Json, invalid_email, schema_error
from cfmail_tui.sandbox.header_rules import check_header_fields

MAX_RECIPIENTS = 50
MAX_SUBJECT = 998

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDR_SPEC = re.compile(rf'(?:{_ATEXT}(?:\.{_ATEXT})*|"(?:[ !#-\[\]-~]|\\[ -~])*")@{_LABEL}(?:\.{_LABEL})*', re.ASCII)
_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+"  # noqa: S105 - RFC 2045 token, not a secret
_MEDIA_TYPE = re.compile(rf'{_TOKEN}/{_TOKEN}(?:[ \t]*;[ \t]*{_TOKEN}=(?:{_TOKEN}|"[ !#-\[\]-~]*"))*', re.ASCII)
_CONTENT_ID = re.compile(r"[!-;=?-~]{1,900}", re.ASCII)  # printable ASCII but no space, < or >
_ENDS_A_FIELD = re.compile(r"[\r\n\0]")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """RFC 5322 3.4; an empty or null name is the bare address."""

    address: str
    name: str | None = None

    def __str__(self) -> str:
        return f'"{self.name}" <{self.address}>' if self.name else self.address


@dataclass(frozen=True, slots=True)
class Attachment:
    content: bytes
    filename: str
    media_type: str
    content_id: str | None = None
    """Given for `inline`, None for `attachment`."""


@dataclass(frozen=True, slots=True)
class BuilderRequest:
    sender: Mailbox
    subject: str
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    reply_to: Mailbox | None = None
    text: str | None = None
    html: str | None = None
    header_fields: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()

    @property
    def recipients(self) -> tuple[str, ...]:
        return tuple(box.address for box in (*self.to, *self.cc, *self.bcc))


@dataclass(frozen=True, slots=True)
class RawRequest:
    sender: str
    recipients: tuple[str, ...]
    mime: bytes


def load_json(body: bytes) -> Any:
    """The body as JSON in UTF-8 (RFC 8259 8.1), every text in it valid Unicode."""

    def refuse_constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    try:
        value = json.loads(body.decode("utf-8"), parse_constant=refuse_constant)
        for text in _texts(value):
            text.encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise schema_error(f"not JSON in UTF-8: {error}") from error
    return value


def load_object(body: bytes, known: frozenset[str]) -> Json:
    """A JSON object with no key but the known ones."""
    value = load_json(body)
    if not isinstance(value, dict):
        raise schema_error("the body is not a JSON object")
    unknown = sorted(value.keys() - known)
    if unknown:
        raise schema_error(f"unknown keys: {', '.join(unknown)}")
    return value


def parse_builder(body: bytes) -> BuilderRequest:
    known = frozenset({"from", "subject", "to", "cc", "bcc", "reply_to", "html", "text", "headers", "attachments"})
    value = load_object(body, known)
    for key in ("from", "subject"):
        if key not in value:
            raise schema_error(f"{key} is missing")
    request = BuilderRequest(
        sender=_mailbox(value["from"], "from"),
        subject=_one_line(value["subject"], "subject"),
        to=_mailboxes(value, "to"),
        cc=_mailboxes(value, "cc"),
        bcc=_mailboxes(value, "bcc"),
        reply_to=_mailbox(value["reply_to"], "reply_to") if "reply_to" in value else None,
        text=_text(value["text"], "text") if "text" in value else None,
        html=_text(value["html"], "html") if "html" in value else None,
        header_fields=_header_fields(value.get("headers", {})),
        attachments=_attachments(value.get("attachments", [])),
    )
    if not request.text and not request.html:
        raise schema_error("neither html nor text has content")
    if len(request.subject) > MAX_SUBJECT:
        raise invalid_email(f"the subject has {len(request.subject)} characters, {MAX_SUBJECT} are allowed")
    _check_count(request.recipients)
    return request


def parse_raw(body: bytes) -> RawRequest:
    value = load_object(body, frozenset({"from", "recipients", "mime_message"}))
    for key in ("from", "recipients", "mime_message"):
        if key not in value:
            raise schema_error(f"{key} is missing")
    if not isinstance(value["recipients"], list):
        raise schema_error("recipients is not an array")
    recipients = tuple(parse_address(item, "recipients") for item in value["recipients"])
    _check_count(recipients)
    source = _text(value["mime_message"], "mime_message")
    header_section = re.split(r"\r?\n\r?\n", source, maxsplit=1)[0]
    if not re.search(r"^From[ \t]*:", header_section, re.IGNORECASE | re.MULTILINE):
        raise invalid_email("mime_message has no From header field")
    return RawRequest(parse_address(value["from"], "from"), recipients, source.encode("utf-8"))


def parse_address(value: object, place: str) -> str:
    """An addr-spec in printable ASCII (RFC 5321 4.1.2, its length limits included)."""
    text = _text(value, place)
    local, _, domain = text.rpartition("@")
    if not _ADDR_SPEC.fullmatch(text) or len(local) > 64 or len(domain) > 253 or len(text) > 254:
        raise schema_error(f"{place}: not an e-mail address in printable ASCII: {text!r}")
    return text


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def distinct(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Each address once, as first written, in order; case does not make another recipient."""
    first: dict[str, str] = {}
    for address in addresses:
        first.setdefault(address.lower(), address)
    return tuple(first.values())


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _check_count(recipients: tuple[str, ...]) -> None:
    if not recipients:
        raise schema_error("no recipient at all")
    if len(recipients) > MAX_RECIPIENTS:
        raise invalid_email(f"{len(recipients)} recipients, {MAX_RECIPIENTS} are allowed")


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise schema_error(f"{place} is not a string")
    return value


def _one_line(value: object, place: str) -> str:
    text = _text(value, place)
    if _ENDS_A_FIELD.search(text):
        raise schema_error(f"{place} holds CR, LF or NUL")
    return text


def _mailbox(value: object, place: str) -> Mailbox:
    if isinstance(value, str):
        return Mailbox(parse_address(value, place))
    if not isinstance(value, dict):
        raise schema_error(f"{place} is neither a string nor an address object")
    if "address" not in value or value.keys() - {"address", "name"}:
        raise schema_error(f"{place}: an address object has address and, if wanted, name")
    name = value.get("name")
    return Mailbox(
        parse_address(value["address"], f"{place}.address"), None if name is None else _one_line(name, f"{place}.name")
    )


def _mailboxes(value: Json, key: str) -> tuple[Mailbox, ...]:
    if key not in value:
        return ()
    given = value[key]
    return tuple(_mailbox(item, key) for item in (given if isinstance(given, list) else [given]))


def _header_fields(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise schema_error("headers is not an object")
    return check_header_fields(tuple((name, _text(text, f"headers.{name}")) for name, text in value.items()))


def _attachments(value: object) -> tuple[Attachment, ...]:
    if not isinstance(value, list):
        raise schema_error("attachments is not an array")
    return tuple(_attachment(item, f"attachments[{index}]") for index, item in enumerate(value))


def _attachment(value: object, place: str) -> Attachment:
    if not isinstance(value, dict):
        raise schema_error(f"{place} is not an object")
    keys = {"content", "filename", "type", "disposition"}
    match value.get("disposition"):
        case "inline":
            keys |= {"content_id"}
        case "attachment":
            pass
        case other:
            raise schema_error(f"{place}.disposition is {other!r}")
    if value.keys() != keys:
        raise schema_error(f"{place}: the keys must be exactly {', '.join(sorted(keys))}")
    media_type = _text(value["type"], f"{place}.type")
    if not _MEDIA_TYPE.fullmatch(media_type) or len(media_type) > 255:
        raise schema_error(f"{place}.type is not a media type")
    content_id = None
    if "content_id" in keys:
        content_id = _text(value["content_id"], f"{place}.content_id")
        if not _CONTENT_ID.fullmatch(content_id):
            raise schema_error(f"{place}.content_id is not printable ASCII without spaces and angle brackets")
    filename = _one_line(value["filename"], f"{place}.filename")
    if not filename:
        raise schema_error(f"{place}.filename is empty")
    return Attachment(_base64(value["content"], place), filename, media_type, content_id)


def _base64(value: object, place: str) -> bytes:
    text = _text(value, f"{place}.content")
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except ValueError as error:
        raise invalid_email(f"{place}.content is not strict base64: {error}") from error
