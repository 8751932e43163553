"""The rules for the builder's `headers` object: an allowlist, limits, and rules for single fields.

Source: developer docs, Email Service, headers.
"""

import re

from cfmail_tui.sandbox.answers import ApiError, invalid_email

MAX_TOTAL = 16 * 1024
"""Sum of name, value and 4 octets (colon, space, CRLF) over all fields."""
MAX_LISTED = 20
MAX_NAME = 100
MAX_VALUE = 2048
MAX_WORD = 900
"""A word of a structured field cannot be folded, and a line has at most 998 octets (RFC 5322 2.1.1)."""

_LISTED = {
    name.lower(): name
    for name in (
        "In-Reply-To",
        "References",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "List-Id",
        "List-Archive",
        "List-Help",
        "List-Owner",
        "List-Post",
        "List-Subscribe",
        "Precedence",
        "Auto-Submitted",
        "Content-Language",
        "Keywords",
        "Comments",
        "Importance",
        "Priority",
        "Sensitivity",
        "Organization",
        "Require-Recipient-Valid-Since",
        "Expires",
        "Reply-By",
        "Archived-At",
    )
}

_WORDS_ALLOWED = {
    "Precedence": {"bulk", "list", "junk"},
    "Auto-Submitted": {"auto-generated", "auto-replied", "auto-notified"},
    "Importance": {"high", "normal", "low"},
    "Priority": {"normal", "non-urgent", "urgent"},
    "Sensitivity": {"personal", "private", "company-confidential"},
}

FREE_TEXT = frozenset({"Comments", "Keywords", "Organization", "List-Id"})
"""Listed fields whose text (for List-Id: its phrase) may be encoded words; in the others RFC 2047 5 forbids them."""

_EXTENSION = re.compile(r"[Xx]-[A-Za-z0-9_-]+", re.ASCII)
_URI_LIST = re.compile(r"\s*<(?:https://|mailto:)[^<>\s]+>(?:\s*,\s*<(?:https://|mailto:)[^<>\s]+>)*\s*", re.IGNORECASE)


def is_free_text(name: str) -> bool:
    return name in FREE_TEXT or name[:2].lower() == "x-"


def check_header_fields(fields: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The fields under their canonical names; raises on the first that the API would not carry."""
    checked = tuple((_canonical(name), value) for name, value in fields)
    names = [name.lower() for name, _ in checked]
    if len(set(names)) != len(names):
        raise invalid_email("a header field occurs twice")
    if sum(name in _LISTED for name in names) > MAX_LISTED:
        raise invalid_email(f"more than {MAX_LISTED} header fields that are not X- fields")
    if sum(len(name) + len(value.encode()) + 4 for name, value in checked) > MAX_TOTAL:
        raise invalid_email(f"more than {MAX_TOTAL} octets of header fields")
    for name, value in checked:
        _check_value(name, value)
    _check_one_click(dict(checked))
    return checked


def _canonical(name: str) -> str:
    if len(name.encode()) > MAX_NAME:
        raise invalid_email(f"a header field's name is longer than {MAX_NAME} octets")
    listed = _LISTED.get(name.lower())
    if listed:
        return listed
    if _EXTENSION.fullmatch(name):
        return name
    raise invalid_email(f"header field {name!r} is not on the allowlist")


def _check_value(name: str, value: str) -> None:
    def bad(why: str) -> ApiError:
        return invalid_email(f"header field {name}: {why}")

    if not value.strip():
        raise bad("the value is empty")
    if re.search(r"[\r\n\0]", value):
        raise bad("the value holds CR, LF or NUL")
    if len(value.encode()) > MAX_VALUE:
        raise bad(f"the value is longer than {MAX_VALUE} octets")
    allowed = _WORDS_ALLOWED.get(name)
    if allowed and value.strip().lower() not in allowed:
        raise bad(f"the value is none of {', '.join(sorted(allowed))}")
    if name == "List-Unsubscribe" and not _URI_LIST.fullmatch(value):
        raise bad("not a list of <https:...> or <mailto:...>")
    if not is_free_text(name):
        if not all(" " <= char <= "~" or char == "\t" for char in value):
            raise bad("the value is not printable ASCII")
        if any(len(word) > MAX_WORD for word in value.split()):
            raise bad("a word of the value does not fit on a line")


def _check_one_click(fields: dict[str, str]) -> None:
    """RFC 8058: the POST field means something only next to an https URI."""
    post = fields.get("List-Unsubscribe-Post")
    if post is None:
        return
    if post != "List-Unsubscribe=One-Click":
        raise invalid_email("List-Unsubscribe-Post is not List-Unsubscribe=One-Click")
    if "<https://" not in fields.get("List-Unsubscribe", "").lower():
        raise invalid_email("List-Unsubscribe-Post without an https URI in List-Unsubscribe")
