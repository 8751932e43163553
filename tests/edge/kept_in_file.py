"""A keyring for `cfmail` in a process of its own, where no Secret Service is: it keeps its entries in the test's home.

PYTHON_KEYRING_BACKEND=tests.edge.kept_in_file.Ring
"""

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend


class Ring(KeyringBackend):
    __module__ = "keyring.backends.SecretService"  # one that is trusted
    priority = 1.0

    @property
    def _file(self) -> Path:
        return Path(os.environ["HOME"], "keyring.json")

    def _entries(self) -> dict[str, str]:
        entries: dict[str, str] = json.loads(self._file.read_text()) if self._file.exists() else {}
        return entries

    def get_password(self, service: str, username: str) -> str | None:
        return self._entries().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._file.write_text(json.dumps(self._entries() | {f"{service} {username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        entries = self._entries()
        entries.pop(f"{service} {username}", None)
        self._file.write_text(json.dumps(entries))
