"""The sandbox's folder: identity, Maildir and request bodies. Owns every path and every file mode.

Folders made here are 0700 and files 0600 whatever the umask; a folder that was there before keeps its mode, it may be
anybody's. Files appear complete or not at all: written under another name, then renamed.
"""

import json
import os
import secrets
import string
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

_TOKEN_CHARACTERS = string.ascii_letters + string.digits + "_-"


def new_token() -> str:
    """Forty characters, as Cloudflare's API tokens have; a letter first, so that no shell or parser stumbles."""
    return secrets.choice(string.ascii_letters) + "".join(secrets.choice(_TOKEN_CHARACTERS) for _ in range(39))


def private_folder(path: Path) -> Path:
    """The folder, made with its missing parents."""
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
    return path


def write_private(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    _write_new(beside, content)
    beside.replace(path)


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(content)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the sandbox's account is. Kept in the folder, so that what was exported yesterday works today."""

    account_id: str
    token: str
    email: str
    global_key: str

    @classmethod
    def load(cls, folder: Path) -> Self:
        path = private_folder(folder) / "state.json"
        try:
            kept = json.loads(path.read_text("utf-8"))
            return cls(**{name: str(kept[name]) for name in cls.__slots__})
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            # A file that is no identity is replaced: there is nothing in it that anybody could need.
            identity = cls(secrets.token_hex(16), new_token(), "sandbox@acme.example", secrets.token_hex(19)[:37])
            write_private(path, json.dumps(asdict(identity), indent=2).encode("ascii"))
            return identity


class Maildir:
    """https://cr.yp.to/proto/maildir.html: a message is written in tmp and renamed into new."""

    def __init__(self, path: Path) -> None:
        self.path = private_folder(path)
        for name in ("tmp", "new", "cur"):
            private_folder(path / name)

    def deliver(self, mime: bytes) -> str:
        """Keep the message; returns its unique name, which stays when a mail program moves it to cur."""
        now = time.time_ns()
        seconds, nanoseconds = divmod(now, 1_000_000_000)
        key = f"{seconds}.M{nanoseconds // 1000}P{os.getpid()}R{secrets.token_hex(8)}.sandbox"
        _write_new(self.path / "tmp" / key, mime)
        (self.path / "tmp" / key).rename(self.path / "new" / key)
        return key

    def read(self, key: str) -> bytes | None:
        """The message, wherever a mail program put it; None when somebody deleted it."""
        for candidate in (self.path / "new" / key, *(self.path / "cur").glob(f"{key}*")):
            try:
                return candidate.read_bytes()
            except FileNotFoundError:
                continue
        return None
