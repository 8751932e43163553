"""The syntax of tokens, keys and account ids, and what is wrong with a paste: what and where, never what it is."""

import re
import unicodedata
from typing import Final

from cfmail_tui.credentials.failures import BadCredential
from cfmail_tui.submission import ApiToken, Credential, GlobalKey, Secret

TOKEN_LENGTH: Final = range(20, 201)
"""Characters in a token or key; Cloudflare's had 37 to 53 so far."""


def parse_token(text: str) -> ApiToken:
    """The token in a paste, freed of blanks, quotes and "Bearer" around it. Raises BadCredential saying what is wrong
    and where in the paste, counted from 1, but never what the paste is.
    """
    return ApiToken(token_text(text))


def parse_credential(secret: Secret, email: str = "") -> Credential:
    """What was typed or pasted as a credential: with an e-mail address a global key, else an API token.

    Raises BadCredential.
    """
    if email.strip():
        return GlobalKey(parse_email(email), Secret(token_text(secret.reveal())))
    return parse_token(secret.reveal())


def parse_account_id(text: str) -> str:
    """An account id in lower case: 32 hexadecimal digits. Raises BadCredential."""
    account_id = text.strip()
    if not account_id:
        raise BadCredential("there is no account ID")
    if bad := re.search(r"[^0-9A-Fa-f]", account_id):
        position = text.index(account_id) + bad.start() + 1
        raise BadCredential(f"an account ID has hexadecimal digits only; character {position} is {_kind(bad.group())}")
    if len(account_id) != 32:
        raise BadCredential(f"an account ID has 32 hexadecimal digits, there are {len(account_id)}")
    return account_id.lower()


def parse_name(text: str) -> str:
    """An account's name, as it stands in the list and in the keyring. Raises BadCredential."""
    if not text.strip() or not text.isprintable():
        raise BadCredential("an account needs a name that can be read")
    return text


_SCHEME: Final = re.compile(r"(?:Authorization:\s*)?Bearer\s+", re.IGNORECASE)

# RFC 6750 section 2.1, b64token.
_NO_TOKEN_CHARACTER: Final = re.compile(r"[^0-9A-Za-z._~+/=-]")


def token_text(text: str) -> str:
    """What stands for itself in a paste of a token or key. Raises BadCredential."""
    token, offset = _unwrapped(text)
    if not token:
        raise BadCredential("there is no token")
    if bad := _NO_TOKEN_CHARACTER.search(token):
        raise BadCredential(f"{_kind(bad.group())} at character {offset + bad.start() + 1} cannot be part of a token")
    if len(token) not in TOKEN_LENGTH:
        words = "part of it is missing" if len(token) < TOKEN_LENGTH.start else "there is more than a token"
        raise BadCredential(f"{len(token)} characters are not a token: {words}")
    return token


def _unwrapped(text: str) -> tuple[str, int]:
    """The middle of a paste, and the offset where it starts."""
    token, offset, before = text, 0, None
    while token != before:
        before = token
        offset += len(token) - len(token.lstrip())
        token = token.strip()
        if len(token) > 1 and token[0] == token[-1] and token[0] in _QUOTES:
            token, offset = token[1:-1], offset + 1
        if scheme := _SCHEME.match(token):
            token, offset = token[scheme.end() :], offset + scheme.end()
    return token, offset


_QUOTES: Final = "\"'`"


def parse_email(text: str) -> str:
    """The address that goes with a global key. Raises BadCredential."""
    if not re.fullmatch(r"[!-~]+@[!-~]+", email := text.strip()):
        raise BadCredential("this is not an e-mail address")
    return email


def _kind(char: str) -> str:
    """What sort of character this is, for a message: its name, not its place in a secret."""
    if char in "\r\n\u2028\u2029":
        return "a line break"
    if char.isspace():
        return "a blank"
    category = unicodedata.category(char)
    if category in {"Pi", "Pf"} or char in _QUOTES:
        return "a quotation mark"
    if category == "Pd" and char != "-":
        return "a dash that is not the plain hyphen"
    if category in {"Cc", "Cf", "Cs"}:
        return f"the invisible character U+{ord(char):04X}"
    if char == "…":
        return "an ellipsis (…)"
    if not char.isascii():
        return f"a character outside ASCII (U+{ord(char):04X})"
    return "a letter after f" if char.isalpha() else f"“{char}”"
