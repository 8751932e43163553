"""What is made of a mail besides sending it: a test to its author, a draft once more, a file, a text for other tools.

Made from the request body that was written down, not from the files it was made of: these may have changed, or be gone.
"""

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from cfmail_tui import mime, submission
from cfmail_tui.attachments.naming import clean
from cfmail_tui.message import Attachment, AttachmentDraft, Draft, Mailbox, MailMessage, RawDraft, same_address
from cfmail_tui.outbox.history import History
from cfmail_tui.outbox.reviewed import OutboxError, Reviewed
from cfmail_tui.outbox.stored import digest, message_id, message_of
from cfmail_tui.snippets import INLINE_LIMIT, TOOLS, Call, Snippet, Tool, snippet
from cfmail_tui.submission import Account, Attempt, GlobalKey, SendRequest, Submission

FILES: Final = "attached"
"""The folder, in that of the data, for the files of a sent mail that is a draft once more."""

_KEPT_AT_LEAST: Final = 3600.0
"""Seconds for which such files stay, whether a draft has them or not: one may just be opened."""


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
                raw = RawDraft(sender, sender, _source(body.read()))
                request, content = submission.raw_request(raw, limit=limit), raw
            else:
                message, read = message_of(body)
                mine = replace(message, to=(message.sender,), cc=(), bcc=())
                request, content = submission.builder_request(mine, self.assembled(mine), read, limit=limit), mine
            written = self._written(request, account)
        return Reviewed(content, account, written, limit=request.limit, is_test=True)

    def draft_again(self, attempt: Attempt, only: Collection[str] | None = None) -> Draft | RawDraft:
        """The mail of an attempt as a draft, to these of its recipients only, where that is given.

        Its files are written to the folder of the data. Raises StoreError if its body is gone or a file cannot be
        written, OutboxError if it is not what was sent.
        """
        wanted = None if only is None else {same_address(address) for address in only}

        def kept(mailboxes: Iterable[Mailbox]) -> str:
            return ", ".join(str(one) for one in mailboxes if wanted is None or same_address(one.addr_spec) in wanted)

        with self._store.open_body(attempt.submission.attempt_id) as body:
            self._check(body, attempt.submission)
            if attempt.submission.endpoint == "send_raw":
                envelope = attempt.submission.envelope
                recipients = kept(map(Mailbox, envelope.recipients))
                return RawDraft(envelope.sender, recipients, _source(body.read()))
            message, read = message_of(body)
            files = self._unpacked(message.attachments, read)
        return Draft(
            sender=str(message.sender),
            to=kept(message.to),
            cc=kept(message.cc),
            bcc=kept(message.bcc),
            reply_to=str(message.reply_to) if message.reply_to else "",
            subject=message.subject,
            headers="\n".join(f"{field.name}: {field.body}" for field in message.headers),
            text=message.text,
            html=message.html,
            attachments=files,
        )

    def _unpacked(self, parts: Sequence[Attachment], read: mime.ReadFile) -> tuple[AttachmentDraft, ...]:
        folder = self.files_folder / new_id()
        drafts = []
        for number, part in enumerate(parts):
            path = folder / str(number) / clean(part.filename)
            path.parent.mkdir(0o700, parents=True)
            write_copy(path, read(part))
            name = part.filename if part.filename != path.name else ""
            drafts.append(AttachmentDraft(str(path), part.disposition, name, part.media_type, part.content_id))
        return tuple(drafts)

    @property
    def files_folder(self) -> Path:
        """Where the files of a sent mail are put that is a draft once more."""
        return self._store.body_path("0" * 16).parent.parent / FILES

    def forget_files(self) -> None:
        """Delete such files that no draft has any more."""
        kept = {Path(path).parent.parent for path in self._store.attached_paths()}
        with suppress(OSError):
            for folder in self.files_folder.iterdir():
                if folder not in kept and folder.stat().st_mtime < time.time() - _KEPT_AT_LEAST:
                    shutil.rmtree(folder, ignore_errors=True)

    def wire_body(self, attempt_id: str, limit: int = -1) -> bytes:
        """The request body as it left or would leave, up to `limit` octets."""
        with self._store.open_body(attempt_id) as body:
            return body.read(limit)

    def eml(self, attempt: Attempt) -> Iterator[bytes]:
        """The message of an attempt: the source that was sent, or the form's mail as a mail system would build it."""
        with self._store.open_body(attempt.submission.attempt_id) as body:
            self._check(body, attempt.submission)
            if attempt.submission.endpoint == "send_raw":
                yield _source(body.read())
                return
            message, read = message_of(body)
            segments = mime.assemble(
                message,
                date=format_datetime(attempt.started_at),
                message_id=message_id(attempt, message),
                boundary=attempt.submission.digest[:24],
            )
            yield from mime.chunks(segments, read)

    def _check(self, body: BinaryIO, made: Submission) -> None:
        if digest(body) != made.digest:
            raise OutboxError("the stored mail is damaged: it is not what was reviewed")
        body.seek(0)

    def curl(self, attempt: Attempt) -> str:
        """A shell command that sends the same body again; the token is named, never shown."""
        path = str(self._store.body_path(attempt.submission.attempt_id))
        return snippet("curl", Call(self.road.base_url, attempt.submission), path.removesuffix(".json")).text.rstrip()

    def snippets(self, of: Reviewed | Attempt, file: str) -> dict[Tool, Snippet]:
        """The request of a mail as texts for other tools, which read what is too big for them from `file` and a suffix.

        `write_needed` writes that. Raises StoreError if the body is gone.
        """
        made = of.submission
        by_key = isinstance(of, Reviewed) and isinstance(of.account.credential, GlobalKey)
        body = self.wire_body(made.attempt_id) if made.body_size <= INLINE_LIMIT else None
        call = Call(self.road.base_url, made, body, by_key=by_key)
        return {tool: snippet(tool, call, file) for tool in TOOLS}

    def write_needed(self, of: Reviewed | Attempt, what: Snippet, file: str) -> str:
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
                partial_path.unlink()
        except BaseException:
            partial_path.unlink(missing_ok=True)
            raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise OutboxError(f"{path} cannot be written: {(reason or 'it is not a path').lower()}") from error


def _source(body: bytes) -> bytes:
    """The raw message that a request body carries."""
    source: str = json.loads(body)["mime_message"]
    return source.encode()


def new_id() -> str:
    """A name for a draft or an attempt that no other has."""
    return secrets.token_hex(8)
