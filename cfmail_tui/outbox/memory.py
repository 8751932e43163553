"""What is remembered from one session to the next, beside drafts and history: nothing here is needed to send a mail."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from cfmail_tui.store import KEYS_LOST, Store, StoreError

RECENT: Final = 100
"""Files that are remembered."""

_SENDER: Final = "sender"
_WORD: Final = "told at the next start"
_RECENT: Final = "recent files"
_VERIFIED: Final = "verified destinations"
_DOMAINS: Final = "sending domains"


class Memory:
    """Small things kept in the store under names of their own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def remember_sender(self, sender: str) -> None:
        """Offer this From the next time."""
        self._store.remember(_SENDER, sender)

    def usual_sender(self) -> str:
        """The From of the last mail, "" before the first."""
        return self._store.recall(_SENDER) or ""

    def leave_word(self, words: str) -> None:
        """Have this told at the next start: what became of a mail when nobody was there to see it."""
        kept = self._store.recall(_WORD)
        self._store.remember(_WORD, f"{kept}\n{words}" if kept else words)

    def word_left(self) -> str:
        """What was left to be told; it is told once."""
        if words := self._store.recall(_WORD) or "":
            self._store.remember(_WORD, "")
        return words

    def keys_lost(self) -> bool:
        """Whether mails with keys may have been sent of which a damaged database knows nothing more; told once."""
        if lost := bool(self._store.recall(KEYS_LOST)):
            self._store.remember(KEYS_LOST, "")
        return lost

    def recent_files(self) -> tuple[str, ...]:
        """The files of mails that were accepted, the last sent first; some may be gone."""
        return _texts(self._recalled(_RECENT, []))

    def _remember_files(self, paths: Iterable[str]) -> None:
        # What is sent once more has its files in the stored mail, not at a path.
        new = [path for path in paths if os.path.isabs(path)]  # noqa: PTH117 - no need for a Path
        if new:
            self._keep(_RECENT, [*dict.fromkeys([*new, *self.recent_files()])][:RECENT])

    def _verified(self) -> Mapping[str, tuple[str, ...]]:
        """The verified destination addresses that were learned, by the key of their account."""
        learned = self._recalled(_VERIFIED, {})
        return {key: _texts(addresses) for key, addresses in learned.items()}

    def _remember_verified(self, account_id: str, addresses: tuple[str, ...]) -> None:
        self._keep(_VERIFIED, {**self._verified(), account_key(account_id): addresses})

    def _domains(self) -> Mapping[str, frozenset[str]]:
        """The domains that mail could be sent from when that was learned, by the key of their account."""
        learned = self._recalled(_DOMAINS, {})
        return {key: frozenset(_texts(domains)) for key, domains in learned.items()}

    def _remember_domains(self, account_id: str, domains: Iterable[str]) -> None:
        kept = {other: sorted(known) for other, known in self._domains().items()}
        self._keep(_DOMAINS, {**kept, account_key(account_id): sorted(domain.lower() for domain in domains)})

    def _recalled(self, name: str, nothing: Any) -> Any:
        """What was kept, or `nothing` where that makes no sense, or cannot be read now."""
        with suppress(StoreError, ValueError):
            found = json.loads(self._store.recall(name) or "null")
            return found if isinstance(found, type(nothing)) else nothing
        return nothing

    def _keep(self, name: str, value: Any) -> None:
        # It is missed by nobody, and a mail that was sent must not look as if it had not been.
        with suppress(StoreError):
            self._store.remember(name, json.dumps(value, ensure_ascii=False))


def _texts(found: object) -> tuple[str, ...]:
    return tuple(text for text in found if isinstance(text, str)) if isinstance(found, list) else ()


def account_key(account_id: str) -> str:
    """By what an account is known again; the id itself is never written down."""
    return hashlib.sha256(account_id.encode()).hexdigest()[:16]
