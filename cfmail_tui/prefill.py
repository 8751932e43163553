"""Drafts from what a command line, a link or a file says, with nothing sent or kept yet."""

from collections.abc import Sequence
from urllib.parse import unquote

from cfmail_tui import mime
from cfmail_tui.message import Draft, MessageError, Place, Problem, RawDraft, parse_mailboxes, printable


def raw_draft(source: bytes) -> RawDraft:
    """A message as found, with the envelope its header suggests: From, and everyone in To, Cc and Bcc.

    Addresses that do not parse are left as they stand, to be mended where they are seen.
    """
    sender = next(iter(mime.field_bodies(source, "From") or mime.field_bodies(source, "Sender")), "")
    addressed = ", ".join(mime.field_bodies(source, "To", "Cc", "Bcc"))
    return RawDraft(
        sender=_addresses_only(sender, Place.ENVELOPE_SENDER),
        recipients=_addresses_only(addressed, Place.ENVELOPE_RECIPIENTS),
        source=source,
    )


def _addresses_only(text: str, place: Place) -> str:
    try:
        return ", ".join(mailbox.addr_spec for mailbox in parse_mailboxes(text, place))
    except MessageError:
        return text


def editor_draft(content: bytes, suffix: str) -> Draft | RawDraft:
    """What an editor left in a file of this kind, as a draft of its own; text in an old charset is taken as Latin-1."""
    if suffix == ".eml":
        return raw_draft(content)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    match suffix:
        case ".html":
            return Draft(html=text)
        case ".md":
            return Draft(markdown=text)
        case _:
            return Draft(text=text)


def mailto_draft(uri: str) -> Draft:
    """What a mailto URI asks for (RFC 6068); fields that could harm, such as attach, are passed over."""
    address, _, query = uri.partition(":")[2].partition("?")
    found: dict[str, list[str]] = {"to": [unquote(address)] if address else []}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        found.setdefault(unquote(name).lower(), []).append(unquote(value).replace("\r\n", "\n"))
    threading_fields = ("in-reply-to", "references")
    # In one line each: a line break would begin a field that was never asked for.
    headers = [f"{name.title()}: {' '.join(found[name][0].split())}" for name in threading_fields if name in found]
    return Draft(
        to=", ".join(found["to"]),
        cc=", ".join(found.get("cc", [])),
        bcc=", ".join(found.get("bcc", [])),
        subject=" ".join("".join(found.get("subject", [])).splitlines()),
        headers="\n".join(headers),
        text="\n".join(found.get("body", [])),
    )


def header_lines(fields: Sequence[str]) -> str:
    """Header fields for a draft. Raises MessageError for a line break within one: it would begin another."""
    if broken := [field for field in fields if set(field) & set("\r\n")]:
        words = "“{}” has a line break in it; give each field by itself"
        raise MessageError(*(Problem(Place.HEADERS, words.format(printable(field))) for field in broken))
    return "\n".join(fields)
