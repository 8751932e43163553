"""The reviewed mail as the body of its request: every octet of it, or not a complete request."""

import hashlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from cfmail_tui.api.errors import StopError
from cfmail_tui.api.exchange import Cancellation, Exchange, Timeouts
from cfmail_tui.submission import Submission

BLOCK_SIZE: Final = 64 * 1024
"""Octets of the body handed to the socket at a time."""

Progress = Callable[[int, int], None]

_DAMAGED: Final = "the stored mail is damaged: it is not what was reviewed"


class Upload(Exchange):
    """One submission on its way: yields the body to httpx."""

    load = "mail"

    def __init__(
        self, submission: Submission, body: BinaryIO, progress: Progress, cancellation: Cancellation, timeouts: Timeouts
    ) -> None:
        super().__init__(cancellation, timeouts)
        self.submission = submission
        self._body = body
        self._progress = progress

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
