"""Accounts in an encrypted file, for machines without a keyring; made only when the user chose it.

The file, in octets:

    12   "cfmail-vault"
     1   version, 1
    16   salt, random, as long as the file lives
    32   check: the second half of what is derived from the passphrase; tells a wrong one from a changed file
    12   nonce, random, new at each writing
     4   length of what follows, big-endian
     n   ChaCha20-Poly1305 (RFC 8439) of a JSON object, name to entry; all octets before it are authenticated with it

From the passphrase, as Unicode in form NFC, Argon2id (RFC 9106, the second of its recommended settings: 64 MiB of
memory, 3 passes, 4 lanes; under half a second on a small machine) derives 64 octets, of which the first 32 are the key.
The settings belong to version 1: no file can ask for weaker ones.

Invariants:
- the file is 0600 and replaced as a whole, on the disk, when a call returns; what cannot be read is left as it is;
- of two processes that change it at once none undoes what the other did;
- when the last account is deleted the file goes as well.

The only user of cryptography, which is imported inside the calls that need it.
"""

import fcntl
import json
import os
import secrets
import struct
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cfmail_tui.credentials.entry import packed, unpacked
from cfmail_tui.credentials.failures import VaultError, VaultLocked, WrongPassphrase
from cfmail_tui.submission import Account, Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

SHORTEST_PASSPHRASE: Final = 8
"""Characters; what NIST SP 800-63B asks of a secret that a person remembers."""

_MAGIC: Final = b"cfmail-vault"
_VERSION: Final = 1
_HEADER: Final = struct.Struct(">12sB16s32s12sI")

_SIZE_LIMIT: Final = 1024 * 1024
"""Octets: thousands of accounts."""

_PATIENCE: Final = 5.0
"""Seconds to wait for another process that is writing."""


class Vault:
    """The encrypted file at `path`, which need not be there. Any number of threads and processes may use it."""

    SOURCE: Final = "encrypted file"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.RLock()
        self._passphrase: Secret | None = None
        self._keys: dict[bytes, _Key] = {}
        """By salt, as deriving one takes long: there is another when the file was made anew meanwhile."""

    @property
    def exists(self) -> bool:
        return self._path.exists()

    @property
    def is_locked(self) -> bool:
        return self._passphrase is None

    def unlock(self, passphrase: Secret) -> None:
        """Give the passphrase for this session; one given before the file is there makes it, at the first `save`.

        Raises WrongPassphrase, also for one too short to begin with; VaultError.
        """
        with self._turn:
            sealed = self._sealed()
            if sealed is None:
                if len(passphrase.reveal()) < SHORTEST_PASSPHRASE:
                    raise WrongPassphrase(f"a passphrase needs {SHORTEST_PASSPHRASE} characters at least")
                keys = {}
            else:
                keys = {sealed.salt: _derived(passphrase, sealed.salt)}
                self._opened(sealed, keys[sealed.salt])
            self._passphrase, self._keys = passphrase, keys

    def names(self) -> tuple[str, ...]:
        """What accounts it holds. Raises VaultError, VaultLocked before `unlock`, as do those below."""
        with self._turn:
            return tuple(self._entries())

    def load(self, name: str) -> Account | None:
        """The account kept under this name. Raises BadCredential if a newer cfmail wrote it."""
        with self._turn:
            value = self._entries().get(name)
        return None if value is None else unpacked(name, value, self.SOURCE)

    def save(self, account: Account) -> None:
        """Keep the account under its name, in place of what was there; returns when it was read back the same."""
        value = packed(account)
        self._require_passphrase()
        self._change(lambda entries: {**entries, account.name: value})

    def delete(self, name: str) -> None:
        """Forget the account of this name; returns when the file has none."""
        self._change(lambda entries: {kept: value for kept, value in entries.items() if kept != name})

    def _change(self, change: Callable[[dict[str, Secret]], dict[str, Secret]]) -> None:
        with self._turn, _told(self._path, "written"):
            # Before there is a lock's file: who has nothing to change leaves no trace.
            entries = self._entries()
            if change(entries) == entries:
                return
            with self._alone():
                self._replace(change)

    def _replace(self, change: Callable[[dict[str, Secret]], dict[str, Secret]]) -> None:
        after = change(self._entries())
        if after:
            self._write(after)
        else:
            self._path.unlink(missing_ok=True)
        _sync_folder(self._path.parent)
        if self._entries() != after:
            raise VaultError(f"{self._path} did not keep what was written")

    def _entries(self) -> dict[str, Secret]:
        sealed = self._sealed()
        return {} if sealed is None else self._opened(sealed, self._key(sealed.salt))

    def _key(self, salt: bytes) -> "_Key":
        if salt not in self._keys:
            self._keys[salt] = _derived(self._require_passphrase(), salt)
        return self._keys[salt]

    def _require_passphrase(self) -> Secret:
        if self._passphrase is None:
            raise VaultLocked(f"the {self.SOURCE} {self._path} wants its passphrase")
        return self._passphrase

    def _sealed(self) -> "_Sealed | None":
        with _told(self._path, "read"):
            try:
                with self._path.open("rb") as file:
                    octets = file.read(_SIZE_LIMIT + 1)
            except FileNotFoundError:
                return None
        return _Sealed(self._path, octets)

    def _opened(self, sealed: "_Sealed", key: "_Key") -> dict[str, Secret]:
        if not secrets.compare_digest(sealed.check, key.check):
            raise WrongPassphrase(f"this is not the passphrase of {self._path}")
        entries = key.entries(sealed)
        if entries is None:
            raise VaultError(f"{self._path} was changed by something else than cfmail, or is damaged: {_WAY_OUT}")
        return entries

    def _write(self, entries: dict[str, Secret]) -> None:
        sealed = self._sealed()
        salt = sealed.salt if sealed else secrets.token_bytes(16)
        octets = self._key(salt).seal(salt, secrets.token_bytes(12), entries)
        partial = self._path.with_name(f".{self._path.name}.new")
        partial.unlink(missing_ok=True)
        descriptor = _created(partial, os.O_EXCL)
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
        partial.replace(self._path)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While no other process writes. The lock is a file of its own, since the vault's is replaced."""
        descriptor = _created(self._path.with_name(f"{self._path.name}.lock"))
        try:
            patience = time.monotonic() + _PATIENCE
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() > patience:
                        raise VaultError(f"{self._path} is being written by another cfmail: try again") from error
                    time.sleep(0.01)
            yield
        finally:
            os.close(descriptor)


_WAY_OUT: Final = "restore it from a copy, or remove it and add its accounts again"


class _Sealed:
    """The file's parts. Raises VaultError if it is not a vault of this version, whole."""

    def __init__(self, path: Path, octets: bytes) -> None:
        if not octets.startswith(_MAGIC[: len(octets)]) or len(octets) > _SIZE_LIMIT:
            raise VaultError(f"{path} was not made by cfmail: it is left as it is")
        version = octets[len(_MAGIC)] if len(octets) > len(_MAGIC) else _VERSION
        if version != _VERSION:
            raise VaultError(
                f"{path} was written by a newer cfmail (version {version}, known here: {_VERSION}): update cfmail"
                if version > _VERSION
                else f"{path} is of version {version}, which no cfmail wrote that is still supported: {_WAY_OUT}"
            )
        self.header, self.ciphertext = octets[: _HEADER.size], octets[_HEADER.size :]
        length = len(self.ciphertext) + 1
        if len(self.header) == _HEADER.size:
            _, _, self.salt, self.check, self.nonce, length = _HEADER.unpack(self.header)
        if len(self.ciphertext) < length:
            raise VaultError(f"{path} is cut short: {_WAY_OUT}")


class _Key:
    """What a passphrase and a salt give; shows itself nowhere."""

    def __init__(self, cipher: "ChaCha20Poly1305", check: bytes) -> None:
        self._cipher = cipher
        self.check = check

    def entries(self, sealed: _Sealed) -> dict[str, Secret] | None:
        """What is in it, None if it is not what was written with this key."""
        from cryptography.exceptions import InvalidTag

        try:
            plain = self._cipher.decrypt(sealed.nonce, sealed.ciphertext, sealed.header)
        except InvalidTag:
            return None
        return {name: Secret(value) for name, value in json.loads(plain).items()}

    def seal(self, salt: bytes, nonce: bytes, entries: dict[str, Secret]) -> bytes:
        plain = json.dumps({name: value.reveal() for name, value in entries.items()}).encode()
        # The tag adds 16 octets.
        header = _HEADER.pack(_MAGIC, _VERSION, salt, self.check, nonce, len(plain) + 16)
        return header + self._cipher.encrypt(nonce, plain, header)


def _derived(passphrase: Secret, salt: bytes) -> _Key:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    try:
        derivation = Argon2id(salt=salt, length=64, iterations=3, lanes=4, memory_cost=64 * 1024)
    except UnsupportedAlgorithm:
        raise VaultError("this machine's OpenSSL is too old for an encrypted file: it needs 3.2 or later") from None
    derived = derivation.derive(unicodedata.normalize("NFC", passphrase.reveal()).encode("utf-8", "surrogatepass"))
    return _Key(ChaCha20Poly1305(derived[:32]), derived[32:])


@contextmanager
def _told(path: Path, done: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise VaultError(f"{path} cannot be {done}: {(error.strerror or str(error)).lower()}") from error


def _created(path: Path, flags: int = 0) -> int:
    with suppress(FileExistsError):
        path.parent.mkdir(mode=0o700, parents=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def _sync_folder(path: Path) -> None:
    """Make the new name in the folder last: a file's own fsync does not cover it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
