"""Where a token comes from and where it is kept: the environment, a paste, the system's keyring.

The only user of keyring, which is imported inside the calls that need it. Owns the syntax of tokens and account ids,
the choice of keyrings that are trusted, and the form of what is stored: one entry per account, whose user name is the
account's name (readable even while the keyring is locked) and whose value holds everything else.

Invariants:
- no secret stands in a message, a repr, or a frame of a traceback that leaves `Keyring`;
- a call returns or raises within the limit, whatever the keyring does; it may be made from any thread;
- "saved" is said only of what was read back the same; nothing is ever kept in clear text.

CredentialError            there is no usable credential, in plain words
├── BadCredential          what is there cannot be right: a variable, a paste, or an entry of the keyring
└── KeyringUnavailable     there is no keyring, or it cannot be used now; says the way out
    └── KeyringTimeout     it gave no answer in time; it may be asking for a password somewhere
"""

import json
import re
import sys
import threading
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar, assert_never

from cfmail_tui.message import MailError
from cfmail_tui.submission import Account, ApiToken, Credential, GlobalKey, Secret

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE: Final = "cfmail-tui"

TOKEN_LENGTH: Final = range(20, 201)
"""Characters in a token or key; Cloudflare's had 37 to 53 so far."""

_FORMAT: Final = 1
"""Version of the JSON an entry holds."""

T = TypeVar("T")


class CredentialError(MailError):
    """There is no usable credential; the text is meant for the user and holds no secret."""


class BadCredential(CredentialError):  # noqa: N818 - it reads as what it is
    """What is there cannot be right; the text says what and where, never the value."""


class KeyringUnavailable(CredentialError):  # noqa: N818 - it reads as what it is
    """There is no keyring, or it cannot be used now; the text says why and what to do instead."""


class KeyringTimeout(KeyringUnavailable):
    """The keyring gave no answer in time."""


def from_environment(environ: Mapping[str, str], name: str = "environment") -> Account | None:
    """The account these variables describe, or None if they hold neither token nor key; empty ones do not count.

    The names are those of Cloudflare's packages and wrangler; a token is taken before a key. Raises BadCredential
    naming the variable that is missing or cannot be right.
    """
    if environ.get("CLOUDFLARE_API_TOKEN"):
        needed = "CLOUDFLARE_API_TOKEN"
        credential: ApiToken | GlobalKey = ApiToken(_variable(environ, needed, _token))
    elif environ.get("CLOUDFLARE_API_KEY"):
        needed = "CLOUDFLARE_API_KEY"
        if not environ.get("CLOUDFLARE_EMAIL"):
            raise BadCredential(f"{needed} is set, but CLOUDFLARE_EMAIL is not: a global API key goes with an address")
        email = _variable(environ, "CLOUDFLARE_EMAIL", _email)
        credential = GlobalKey(email, Secret(_variable(environ, needed, _token)))
    else:
        return None
    if not environ.get("CLOUDFLARE_ACCOUNT_ID"):
        raise BadCredential(f"{needed} is set, but CLOUDFLARE_ACCOUNT_ID is not: set both")
    account_id = _variable(environ, "CLOUDFLARE_ACCOUNT_ID", parse_account_id)
    return Account(name, account_id, credential, "environment")


def _variable(environ: Mapping[str, str], variable: str, parse: Callable[[str], str]) -> str:
    try:
        return parse(environ[variable])
    except BadCredential as error:
        raise BadCredential(f"{variable}: {error}") from None


def parse_token(text: str) -> ApiToken:
    """The token in a paste, freed of blanks, quotes and "Bearer" around it. Raises BadCredential saying what is wrong
    and where in the paste, counted from 1, but never what the paste is.
    """
    return ApiToken(_token(text))


def parse_credential(secret: Secret, email: str = "") -> Credential:
    """What was typed or pasted as a credential: with an e-mail address a global key, else an API token.

    Raises BadCredential.
    """
    if email.strip():
        return GlobalKey(_email(email), Secret(_token(secret.reveal())))
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


_SCHEME: Final = re.compile(r"(?:Authorization:\s*)?Bearer\s+", re.IGNORECASE)

# RFC 6750 section 2.1, b64token.
_NO_TOKEN_CHARACTER: Final = re.compile(r"[^0-9A-Za-z._~+/=-]")


def _token(text: str) -> str:
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


def _email(text: str) -> str:
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


class Keyring:
    """The system's keyring. Each call runs in a thread of its own, which is left behind when it takes too long:
    what it answers then is dropped, though a save the user lets through later may still take place.
    """

    def __init__(self, limit: float = 5.0, backend: "KeyringBackend | None" = None) -> None:
        """`limit`: seconds any call here may take. A `backend` given is used as it is, trusted or not."""
        self._limit = limit
        self._backend = backend

    def backend(self) -> str:
        """The keyring's name for a person. Raises KeyringUnavailable, which says why there is none."""
        return self._ask(_name)

    def load(self, name: str) -> Account | None:
        """The account kept under this name. Raises BadCredential if the entry is not one of ours."""

        def read(backend: "KeyringBackend") -> Account | None:
            value = _value(backend, name)
            return None if value is None else _account(name, value, f"keyring ({_name(backend)})")

        return self._ask(read)

    def save(self, account: Account) -> None:
        """Keep the account under its name, in place of what was there; returns when it was read back the same."""
        if not account.name.strip() or not account.name.isprintable():
            raise BadCredential("an account needs a name that can be read")
        name, value = account.name, _entry(account)

        def write(backend: "KeyringBackend") -> None:
            backend.set_password(SERVICE, name, value.reveal())
            if _value(backend, name) != value:
                raise CredentialError(f"the keyring ({_name(backend)}) did not keep the account: {_WAY_OUT}")

        self._ask(write)

    def delete(self, name: str) -> None:
        """Forget the account of this name; returns when the keyring has none."""

        def remove(backend: "KeyringBackend") -> None:
            from keyring.errors import PasswordDeleteError

            # Raised also when there was nothing to delete; the look afterwards tells.
            with suppress(PasswordDeleteError):
                backend.delete_password(SERVICE, name)
            if _value(backend, name) is not None:
                raise CredentialError(f"the keyring ({_name(backend)}) did not delete the account “{name}”")

        self._ask(remove)

    def _ask(self, work: Callable[["KeyringBackend"], T]) -> T:
        """What `work` gives, or a CredentialError, within the limit.

        Errors cross over as new ones: the old one's frames, and those of what it came from, hold the secret.
        """
        from concurrent.futures import Future

        answer: Future[T] = Future()

        def run() -> None:
            try:
                self._backend = self._backend or _opened()
                result = work(self._backend)
            except CredentialError as error:
                answer.set_exception(type(error)(*error.args))
            except _failures() as error:
                answer.set_exception(_explained(error))
            else:
                answer.set_result(result)
            finally:
                # What else was raised is told by threading.excepthook; here nobody is kept waiting for it.
                if not answer.done():
                    answer.set_exception(KeyringUnavailable(f"the keyring's software failed: {_WAY_OUT}"))

        threading.Thread(target=run, name="keyring", daemon=True).start()
        try:
            return answer.result(self._limit)
        except TimeoutError:
            raise KeyringTimeout(
                f"the keyring gave no answer within {self._limit:g} s; if it asks for a password somewhere, answer"
                f" there and try again. Or {_WAY_OUT}"
            ) from None


_WAY_OUT: Final = "set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID, or keep the token for this session only"

_TRUSTED: Final = {
    "keyring.backends.SecretService": "Secret Service",
    "keyring.backends.libsecret": "Secret Service, libsecret",
    "keyring.backends.kwallet": "KWallet",
    "keyring.backends.macOS": "macOS Keychain",
    "keyring.backends.Windows": "Windows Credential Locker",
}
"""Modules of the keyrings that encrypt and never ask on our terminal, with names for people."""

_DISTRUSTED: Final = (
    (r"keyring\.backends\.null\..*", "keeps nothing"),
    (r".*(cryptfile|encrypted).*", "would ask for its password on this terminal"),
    (r"keyrings\.alt\..*|.*plain.*", "would store the token in clear text"),
    (r".*", "may store the token in clear text"),
)
"""Why others are not used, by module and class."""


def _opened() -> "KeyringBackend":
    """The keyring that keyring's own rules choose, if it is trusted; out of a chain the first that is."""
    try:
        import keyring
        from keyring.backends.chainer import ChainerBackend

        chosen = keyring.get_keyring()
        candidates = list(chosen.backends) if isinstance(chosen, ChainerBackend) else [chosen]
    except _failures() as error:
        raise KeyringUnavailable(f"no keyring can be opened ({error}): {_WAY_OUT}") from error
    for candidate in candidates:
        if type(candidate).__module__ in _TRUSTED:
            return candidate
    names = [f"{type(backend).__module__}.{type(backend).__qualname__}" for backend in candidates]
    refused = [name for name in names if not name.startswith("keyring.backends.fail.")]
    if not refused:
        raise KeyringUnavailable(_none())
    why = next(why for pattern, why in _DISTRUSTED if re.fullmatch(pattern, refused[0], re.IGNORECASE))
    raise KeyringUnavailable(f"the keyring {refused[0]} is not used, it {why}: {_WAY_OUT}")


def _none() -> str:
    where = " (no Secret Service answers on D-Bus)" if sys.platform.startswith("linux") else ""
    return f"there is no keyring on this machine{where}: {_WAY_OUT}"


def _name(backend: "KeyringBackend") -> str:
    return _TRUSTED.get(type(backend).__module__) or str(backend.name)


_FAILURES: Final = (AttributeError, EOFError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError)

_FOREIGN_FAILURES: Final = (
    ("keyring.errors", "KeyringError"),
    ("secretstorage.exceptions", "SecretStorageException"),
    ("jeepney.wrappers", "DBusErrorResponse"),
    ("jeepney.io.common", "RouterClosed"),
    ("jeepney.io.threading", "ReceiveStopped"),
    ("dbus.exceptions", "DBusException"),
    ("gi.repository.GLib", "Error"),
    ("keyring.backends.macOS.api", "Error"),
    ("pywintypes", "error"),
    ("win32ctypes.pywin32.pywintypes", "error"),
    ("configparser", "Error"),
)
"""What keyrings let through of the libraries below them, all derived from Exception directly."""


def _failures() -> tuple[type[Exception], ...]:
    """What a keyring can raise. Only modules already loaded are asked: others cannot have raised anything."""
    foreign = (getattr(sys.modules.get(module), name, None) for module, name in _FOREIGN_FAILURES)
    return (*_FAILURES, *(kind for kind in foreign if isinstance(kind, type) and issubclass(kind, Exception)))


def _explained(error: Exception) -> CredentialError:
    kind = type(error).__name__
    match kind:
        case "KeyringLocked" | "LockedException":
            how = "log in to the desktop, or run gnome-keyring-daemon --unlock" if sys.platform == "linux" else "log in"
            return KeyringUnavailable(f"the keyring is locked; unlock it ({how}) and try again. Or {_WAY_OUT}")
        case "NoKeyringError":
            return KeyringUnavailable(_none())
        case "InitError" | "PromptDismissedException":
            said = str(error).rstrip(".")
            return KeyringUnavailable(
                f"the keyring could not be opened ({said}); it may not have been set up yet, or its question was not"
                f" answered. Or {_WAY_OUT}"
            )
        case "SecretServiceNotAvailableException":
            return KeyringUnavailable(f"the keyring's service has gone away: start cfmail again, or {_WAY_OUT}")
    # Only what keyring itself says: the text of a decoding error, say, quotes what it could not decode.
    said = f": {error}" if type(error).__module__ == "keyring.errors" else ""
    return KeyringUnavailable(f"the keyring failed ({kind}{said}): {_WAY_OUT}")


def _value(backend: "KeyringBackend", name: str) -> Secret | None:
    value = backend.get_password(SERVICE, name)
    return None if value is None else Secret(value)


def _entry(account: Account) -> Secret:
    fields: dict[str, str | int] = {"v": _FORMAT, "account_id": account.account_id}
    match account.credential:
        case ApiToken() as token:
            fields |= {"token": token.reveal()}
        case GlobalKey(email, key):
            fields |= {"email": email, "key": key.reveal()}
        case _:
            assert_never(account.credential)
    return Secret(json.dumps(fields))


def _account(name: str, value: Secret, source: str) -> Account:
    try:
        fields = json.loads(value.reveal())
    except (ValueError, RecursionError):
        fields = None
    match fields:
        case {"v": 1, "account_id": str(account_id), "token": str(token)}:
            return Account(name, account_id, ApiToken(token), source)
        case {"v": 1, "account_id": str(account_id), "email": str(email), "key": str(key)}:
            return Account(name, account_id, GlobalKey(email, Secret(key)), source)
        case {"v": int(version)} if version > _FORMAT:
            words = "was saved by a newer cfmail: update cfmail, or save the account again"
        case _:
            words = "was not made by cfmail or is damaged: save the account again, or delete it there"
    raise BadCredential(f"the entry “{name}” in the {source} {words}")
