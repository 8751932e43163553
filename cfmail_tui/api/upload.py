"""The reviewed mail as the body of its request: every octet of it, or not a complete request."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Final

from cfmail_tui.api.errors import StopError
from cfmail_tui.api.exchange import Cancellation, Exchange, Timeouts, is_for_proxy
from cfmail_tui.message import MailError
from cfmail_tui.submission import Submission

BLOCK_SIZE: Final = 64 * 1024
"""Octets of the body handed to the socket at a time."""

Leaving = Callable[[], None]
Progress = Callable[[int, int], None]

_DAMAGED: Final = "the stored mail is damaged: it is not what was reviewed"


class Upload(Exchange):
    """One submission on its way: yields the body to httpx."""

    load = "mail"

    def __init__(
        self,
        submission: Submission,
        body: BinaryIO,
        *,
        leaving: Leaving,
        progress: Progress,
        cancellation: Cancellation,
        timeouts: Timeouts,
    ) -> None:
        super().__init__(cancellation, timeouts)
        self.submission = submission
        self._body = body
        self._leaving = leaving
        self._progress = progress

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        super().trace(event, info)
        if event == "http11.send_request_headers.started" and not is_for_proxy(info):
            self._leave()

    def _leave(self) -> None:
        """Tell the caller that the request is about to leave; without its consent nothing does."""
        self.check()
        try:
            self._leaving()
        except Exception as error:
            # Whatever it was: here it is certain that nothing has left, and outside of this package it no longer is.
            words = str(error) if isinstance(error, MailError) else getattr(error, "strerror", None)
            raise StopError(words or f"the sending could not be noted ({type(error).__name__})") from error

    def __iter__(self) -> Iterator[bytes]:
        """The body in blocks; the last one only if the whole is what was reviewed.

        httpcore hides errors of writing and goes on to read, so that an exception proves nothing about the body. That
        it asks for more after the last block does: then every octet is with the system.
        """
        self.line.limit(None)
        total, sent = self.submission.body_size, 0
        digest = hashlib.sha256()
        while sent < total:
            block = self._read(min(BLOCK_SIZE, total - sent))
            digest.update(block)
            sent += len(block)
            last = sent == total
            if last and (digest.hexdigest() != self.submission.digest or self._read(1, or_end=True)):
                raise StopError(_DAMAGED)
            self.check()
            yield block
            self.left = last
            self._progress(sent, total)

    def _read(self, size: int, *, or_end: bool = False) -> bytes:
        block = b""
        try:
            while len(block) < size and (more := self._body.read(size - len(block))):
                block += more
        except OSError as error:
            raise StopError(f"the stored mail cannot be read: {error.strerror or type(error).__name__}") from error
        if len(block) < size and not or_end:
            raise StopError(_DAMAGED)
        return block

    def check(self) -> None:
        super().check()
        if self.submission.body_size < 1:
            # With nothing to hold back, the header alone would be a complete request.
            raise StopError(_DAMAGED)
