"""Header fields with raw 8-bit octets or control characters, written anew in ASCII.

Where a text may stand the characters become encoded words (RFC 2047), in a file name percent codes (RFC 2231); where
neither may stand the field is left to its author. Of a field that can be written anew only the words that need it
change, and a phrase or parameter as a whole.
"""

import re
from typing import Final

from cfmail_tui.mime.parameters import PARAMETER, parameter, unquoted
from cfmail_tui.mime.words import decoded_words, encoded_words

ADDRESS_FIELDS: Final = frozenset(
    {
        *("from", "sender", "reply-to", "to", "cc", "bcc"),
        *("resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc", "resent-reply-to"),
        *("disposition-notification-to", "return-receipt-to"),
    }
)
_PARAMETER_FIELDS: Final = frozenset({"content-type", "content-disposition"})
_NO_TEXT: Final = frozenset(
    {
        *("date", "message-id", "in-reply-to", "references", "received", "return-path", "mime-version"),
        *("content-transfer-encoding", "content-id", "dkim-signature", "list-unsubscribe", "list-unsubscribe-post"),
        *("resent-date", "resent-message-id", "arc-seal", "arc-message-signature", "arc-authentication-results"),
    }
)
"""Fields in which no text stands that could be encoded (RFC 2047 section 5)."""

_BEYOND: Final = re.compile(r"[^\t\n\r -~]")
_WIDTH: Final = 76


def encoded_field(field: bytes, charset: str) -> bytes | None:
    """The octets of a field, its line end included, in ASCII; None where its syntax has no room for other characters.

    Raises UnicodeDecodeError if they are not of this charset.
    """
    text = field.decode(charset)
    name, colon, body = text.partition(":")
    if not colon or not name.isascii():
        return None
    newline = "\r\n" if "\r\n" in body else "\n" if "\n" in body else "\r\n"
    kept = body.rstrip("\r\n")
    ending = body[len(kept) :]
    match name.strip(" \t").lower():
        case plain if plain in _NO_TEXT:
            written = None
        case addressed if addressed in ADDRESS_FIELDS:
            written = _addresses(kept, newline)
        case described if described in _PARAMETER_FIELDS:
            written = _parameters(kept, newline)
        case _:
            written = _unstructured(kept, newline, len(name) + 1)
    if written is None or _BEYOND.search(written):
        return None
    return f"{name}:{written}{ending}".encode()


def _unstructured(body: str, newline: str, column: int) -> str:
    """The words from the first to the last that need it, encoded; lines are folded around them."""
    beyond = [match.start() for match in _BEYOND.finditer(body)]
    if not beyond:
        return body
    start = max((body.rfind(blank, 0, beyond[0]) for blank in " \t\n"), default=-1) + 1
    stop = re.compile(r"[ \t\r\n]|\Z").search(body, beyond[-1] + 1)
    assert stop
    before, run, after = body[:start], body[start : stop.start()], body[stop.start() :]
    # Readers drop the blanks between two encoded words.
    if before.rstrip().endswith("?="):
        run = " " + run
    if after.lstrip().startswith("=?"):
        run += " "
    words = encoded_words(re.sub(r"\r?\n", "", run))
    lead = before.rstrip(" \t")
    used = len(lead) - lead.rfind("\n") - 1 + (0 if "\n" in lead else column)
    if used + len(before) - len(lead) + len(words[0]) > _WIDTH and before != lead and not lead.endswith("\n"):
        before = lead + newline + before[len(lead) :]
    if after.strip() and not after.startswith(("\r", "\n")):
        after = newline + after
    return before + f"{newline} ".join(words) + after


_ADDRESS_TOKEN: Final = re.compile(
    r'(?P<quoted>"(?:[^"\\]|\\.)*+")|(?P<comment>\((?:[^()\\]|\\.)*+\))|(?P<angle><[^<>]*+>)|(?P<blank>[ \t\r\n]+)'
    r"|(?P<special>[,;:])|(?P<atom>[^\s\",;:<>()]+)|(?P<other>.)",
    re.DOTALL,
)


def _addresses(body: str, newline: str) -> str | None:
    """The phrases and comments that need it, encoded; None where an address itself would need it."""
    written: list[str] = []
    phrase: list[tuple[str, str]] = []

    def phrase_written() -> str | None:
        whole = "".join(token for _, token in phrase)
        if not _BEYOND.search(whole):
            return whole
        core = whole.rstrip()
        if any(kind == "atom" and "@" in token for kind, token in phrase):
            return None
        pieces = [unquoted(token[1:-1]) if kind == "quoted" else token for kind, token in phrase]
        plain = decoded_words(re.sub(r"[\r\n]+", "", "".join(pieces)).strip())
        return f"{newline} ".join(encoded_words(plain)) + (whole[len(core) :] or " ")

    for match in (*_ADDRESS_TOKEN.finditer(body), None):
        kind, token = (match.lastgroup or "", match[0]) if match else ("", "")
        if kind in {"quoted", "atom"} or (kind == "blank" and phrase):
            phrase.append((kind, token))
            continue
        done = phrase_written()
        if done is None:
            return None
        written.append(done)
        phrase = []
        if kind == "comment" and _BEYOND.search(token):
            token = "(" + f"{newline} ".join(encoded_words(re.sub(r"[\r\n]+", "", unquoted(token[1:-1])))) + ")"
        written.append(token)
    return "".join(written)


def _parameters(body: str, newline: str) -> str | None:
    """The file names that need it, in percent codes; None where another parameter or the value would need it."""

    def written(match: re.Match[str]) -> str:
        if not _BEYOND.search(match[0]) or match[1].lower() not in {"name", "filename"}:
            return match[0]
        value = match[3].strip() if match[2] is None else unquoted(match[2])
        return parameter(match[1], re.sub(r"[\r\n]+", "", value)).replace("\r\n", newline)

    return PARAMETER.sub(written, body)
