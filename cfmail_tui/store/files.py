"""Folders and files that are ours alone, and on the disk when they are said to be. Raises OSError."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from cfmail_tui.frozen import frozen
from cfmail_tui.store.failures import StoreError


@frozen
class BodyFile:
    """A request body as it stands on disk: octets, and SHA-256 in hexadecimal."""

    size: int
    digest: str


def private_folder(path: Path) -> None:
    """The folder, for us alone, with its missing parents; a parent that is there may be for others as well."""
    for missing in reversed([folder for folder in (path, *path.parents) if not folder.is_dir()]):
        missing.mkdir(mode=0o700, exist_ok=True)
        missing.chmod(0o700)
        sync_folder(missing.parent)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)


def private_file(path: Path) -> None:
    """The empty file, before SQLite would make it readable for everybody; -wal and -shm take over its mode."""
    with suppress(FileExistsError):
        os.close(create(path))
        sync_folder(path.parent)
    if path.is_file() and path.stat().st_mode & 0o077:
        path.chmod(0o600)


def create(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def copied(chunks: Iterator[bytes], file: BinaryIO) -> BodyFile:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        file.write(chunk)
        digest.update(chunk)
        size += len(chunk)
    return BodyFile(size, digest.hexdigest())


def duplicate(source: Path, target: Path) -> None:
    """The same octets under a second name, for files that are never changed; copied where the disk knows no links."""
    try:
        os.link(source, target)
    except OSError:
        with source.open("rb") as original, os.fdopen(create(target), "wb") as copy:
            shutil.copyfileobj(original, copy)
            copy.flush()
            os.fsync(copy.fileno())


def sync_folder(path: Path) -> None:
    """Make a new name in the folder last: a file's own fsync does not cover it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def gate(folder: Path, *, alone: bool) -> Iterator[None]:
    """Held while a store is opened; by one alone while its files are moved. Raises StoreError instead of waiting.

    Where the disk knows no locks there is none: whoever moves files looks for running instances as well.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            doing = "opening" if alone else "repairing"
            raise StoreError(f"another cfmail is {doing} {folder}: try again in a moment") from error
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)


class Spare:
    """Room on the disk that is kept for the day when there is none left: an outcome has to be written down."""

    SIZE: Final = 256 * 1024

    def __init__(self, path: Path) -> None:
        self.path = path

    def keep(self) -> None:
        """Have it, all of it, in blocks that are really taken. Raises OSError where there is no room for it."""
        with suppress(FileNotFoundError):
            if self.path.stat().st_size == self.SIZE:
                return
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
            # Random: some disks would not spend a block on zeros.
            with os.fdopen(descriptor, "wb") as file:
                file.write(os.urandom(self.SIZE))
                file.flush()
                os.fsync(descriptor)
        except OSError:
            self.give_up()
            raise

    def give_up(self) -> None:
        self.path.unlink(missing_ok=True)
