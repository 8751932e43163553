"""What is made of a mail besides sending it: a test to its author, a draft once more, a file, a text for other tools.

Made from the request body that was written down, not from the files it was made of: these may have changed, or be gone.
"""

import json
import os
import secrets
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cfmail_tui import mime, submission
from cfmail_tui.message import Draft, MailMessage, Place, RawDraft, without_addresses
from cfmail_tui.outbox.failures import OutboxError
from cfmail_tui.outbox.history import History
from cfmail_tui.outbox.reviewed import Reviewed
from cfmail_tui.outbox.stored import KeepFile, message_of
from cfmail_tui.submission import Account, Attempt, GlobalKey, SendRequest, Submission

if TYPE_CHECKING:
    from cfmail_tui.snippets import Snippet


class Copies(History):
    """What other things can be made of a mail; every method blocks and may be called from any thread."""

    _clock: Callable[[], datetime]
    limit: Callable[[Account | str, Collection[str]], int]

    def _written(self, request: SendRequest, account: Account) -> Submission:
        """The request, its body written down. Raises StoreError."""
        attempt_id = new_id()
        body = self._store.write_body(attempt_id, request.chunks())
        return Submission(
            attempt_id=attempt_id,
            account_id=account.account_id,
            endpoint=request.endpoint,
            envelope=request.envelope,
            subject=request.subject,
            message_size=request.message_size,
            body_size=body.size,
            digest=body.digest,
        )

    def assembled(self, message: MailMessage) -> tuple[mime.Segment, ...]:
        """The message as a mail system would build it now."""
        date, message_id = self.stamp(message.sender.domain)
        return mime.assemble(message, date=date, message_id=message_id, boundary=secrets.token_hex(12))

    def stamp(self, domain: str) -> tuple[str, str]:
        """The date-time of now (RFC 5322 section 3.3), and a new Message-ID of this domain in angle brackets."""
        return format_datetime(self._clock()), f"<{secrets.token_hex(18)}@{domain}>"

    def to_author(self, reviewed: Reviewed) -> Reviewed:
        """The same mail to its author only, to be looked at; the reviewed one stays as it is.

        Raises MessageError if it cannot be sent so, StoreError.
        """
        account, limit = reviewed.account, partial(self.limit, reviewed.account)
        content: MailMessage | RawDraft
        with self._store.open_body(reviewed.submission.attempt_id) as body:
            if reviewed.submission.endpoint == "send_raw":
                sender = reviewed.submission.envelope.sender
                raw = RawDraft(sender, sender, json.load(body)["mime_message"].encode())
                request, content = submission.raw_request(raw, limit=limit), raw
            else:
                message, read = message_of(body)
                mine = replace(message, to=(message.sender,), cc=(), bcc=())
                request, content = submission.builder_request(mine, self.assembled(mine), read, limit=limit), mine
            written = self._written(request, account)
        return Reviewed(content, account, written, limit=request.limit, is_test=True)

    def draft_again(self, attempt: Attempt, keep: KeepFile, only: Collection[str] | None = None) -> Draft | RawDraft:
        """The mail of an attempt as a draft, as `draft_of` makes it, to these of its recipients where that is given."""
        draft = self.draft_of(attempt, keep)
        if only is None:
            return draft
        wanted = {address.casefold() for address in only}
        dropped = [one for one in attempt.submission.envelope.recipients if one.casefold() not in wanted]
        if isinstance(draft, RawDraft):
            return replace(draft, recipients=without_addresses(draft.recipients, Place.ENVELOPE_RECIPIENTS, dropped))
        return replace(
            draft,
            to=without_addresses(draft.to, Place.TO, dropped),
            cc=without_addresses(draft.cc, Place.CC, dropped),
            bcc=without_addresses(draft.bcc, Place.BCC, dropped),
        )

    def curl(self, attempt: Attempt) -> str:
        """A shell command that sends the same body again; the token is named, never shown."""
        from cfmail_tui.snippets import Call, snippet

        path = str(self._store.body_path(attempt.submission.attempt_id))
        return snippet("curl", Call(self.road.base_url, attempt.submission), path.removesuffix(".json")).text.rstrip()

    def snippets(self, of: Reviewed | Attempt, file: str) -> "dict[str, Snippet]":
        """The request of a mail as texts for other tools, which read what is too big for them from `file` and a suffix.

        `write_needed` writes that. Raises StoreError if the body is gone.
        """
        from cfmail_tui.snippets import INLINE_LIMIT, TOOLS, Call, snippet

        made = of.submission
        by_key = isinstance(of, Reviewed) and isinstance(of.account.credential, GlobalKey)
        body = self.wire_body(made.attempt_id) if made.body_size <= INLINE_LIMIT else None
        call = Call(self.road.base_url, made, body, by_key=by_key)
        return {tool: snippet(tool, call, file) for tool in TOOLS}

    def write_needed(self, of: Reviewed | Attempt, what: "Snippet", file: str) -> str:
        """Write what a snippet reads; gives the file's path, "" where it needs none. Raises OutboxError."""
        match what.needs:
            case "body":
                path = f"{file}.json"
                with self._store.open_body(of.submission.attempt_id) as body:
                    write_copy(Path(path), iter(partial(body.read, _BLOCK), b""), over=True)
            case "message":
                path = f"{file}.eml"
                attempt = of if isinstance(of, Attempt) else Attempt(of.submission, of.account.name, self._clock())
                write_copy(Path(path), self.eml(attempt), over=True)
            case _:
                path = ""
        return path


_BLOCK: Final = 64 * 1024


def write_copy(path: Path, chunks: Iterable[bytes], *, over: bool = False) -> None:
    """Write a file that only its owner can read, `over` one that is there already. Raises OutboxError."""
    partial_path = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(partial_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for chunk in chunks:
                    file.write(chunk)
            if over:
                partial_path.replace(path)
            else:
                os.link(partial_path, path)
        finally:
            partial_path.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise OutboxError(f"{path} cannot be written: {(reason or 'it is not a path').lower()}") from error


def new_id() -> str:
    """A name for a draft or an attempt that no other has."""
    return secrets.token_hex(8)
