"""The system's keyring: the only user of keyring, which is imported inside the calls that need it.

Owns the choice of keyrings that are trusted. There is one entry per account, whose user name is the account's name
(readable even while the keyring is locked) and whose value holds everything else.
"""

import re
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from cfmail_tui.credentials.entry import packed, unpacked
from cfmail_tui.credentials.failures import WAY_OUT, BadCredential, CredentialError, KeyringTimeout, KeyringUnavailable
from cfmail_tui.submission import Account, Secret

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE: Final = "cfmail-tui"

T = TypeVar("T")


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
            return None if value is None else unpacked(name, value, f"keyring ({_name(backend)})")

        return self._ask(read)

    def look(self, names: Sequence[str]) -> tuple[str, dict[str, str]]:
        """The keyring's name, and why each account cannot be used from there, "" if it can: all in one answer."""

        def look(backend: "KeyringBackend") -> tuple[str, dict[str, str]]:
            return _name(backend), {name: _fault(backend, name) for name in names}

        return self._ask(look)

    def save(self, account: Account) -> str:
        """Keep the account under its name, in place of what was there; when it was read back the same, gives the
        keyring's name.
        """
        name, value = account.name, packed(account)

        def write(backend: "KeyringBackend") -> str:
            backend.set_password(SERVICE, name, value.reveal())
            if _value(backend, name) != value:
                raise CredentialError(f"the keyring ({_name(backend)}) did not keep the account: {WAY_OUT}")
            return _name(backend)

        return self._ask(write)

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
                    answer.set_exception(KeyringUnavailable(f"the keyring's software failed: {WAY_OUT}"))

        threading.Thread(target=run, name="keyring", daemon=True).start()
        try:
            return answer.result(self._limit)
        except TimeoutError:
            raise KeyringTimeout(
                f"the keyring gave no answer within {self._limit:g} s; if it asks for a password somewhere, answer"
                f" there and try again. Or {WAY_OUT}"
            ) from None


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
        raise KeyringUnavailable(f"no keyring can be opened ({error}): {WAY_OUT}") from error
    for candidate in candidates:
        if type(candidate).__module__ in _TRUSTED:
            return candidate
    names = [f"{type(backend).__module__}.{type(backend).__qualname__}" for backend in candidates]
    refused = [name for name in names if not name.startswith("keyring.backends.fail.")]
    if not refused:
        raise KeyringUnavailable(_none())
    why = next(why for pattern, why in _DISTRUSTED if re.fullmatch(pattern, refused[0], re.IGNORECASE))
    raise KeyringUnavailable(f"the keyring {refused[0]} is not used, it {why}: {WAY_OUT}")


def _none() -> str:
    where = " (no Secret Service answers on D-Bus)" if sys.platform.startswith("linux") else ""
    return f"there is no keyring on this machine{where}: {WAY_OUT}"


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
            return KeyringUnavailable(f"the keyring is locked; unlock it ({how}) and try again. Or {WAY_OUT}")
        case "NoKeyringError":
            return KeyringUnavailable(_none())
        case "InitError" | "PromptDismissedException":
            said = str(error).rstrip(".")
            return KeyringUnavailable(
                f"the keyring could not be opened ({said}); it may not have been set up yet, or its question was not"
                f" answered. Or {WAY_OUT}"
            )
        case "SecretServiceNotAvailableException":
            return KeyringUnavailable(f"the keyring's service has gone away: start cfmail again, or {WAY_OUT}")
    # Only what keyring itself says: the text of a decoding error, say, quotes what it could not decode.
    said = f": {error}" if type(error).__module__ == "keyring.errors" else ""
    return KeyringUnavailable(f"the keyring failed ({kind}{said}): {WAY_OUT}")


def _fault(backend: "KeyringBackend", name: str) -> str:
    value = _value(backend, name)
    if value is None:
        return f"the keyring ({_name(backend)}) has nothing under this name any more"
    try:
        unpacked(name, value, f"keyring ({_name(backend)})")
    except BadCredential as error:
        return str(error)
    return ""


def _value(backend: "KeyringBackend", name: str) -> Secret | None:
    value = backend.get_password(SERVICE, name)
    return None if value is None else Secret(value)
