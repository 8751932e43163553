"""How a mail will look: as its readers see it, as the message that Cloudflare would build, as the request body.

Files are left out of what is shown: each stands there as a few words. Works for an unfinished mail, too, as far as it
was typed: what is wrong in it is left out or replaced.
"""

import base64
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Final

from cfmail_tui import lint, mime, submission
from cfmail_tui.attachments import inspect_all, read_file
from cfmail_tui.frozen import frozen
from cfmail_tui.message import Attachment, Draft, MailError, MailMessage, MessageError, gist, printable
from cfmail_tui.outbox.checking import Checking

_EMBEDDED: Final = 5 * 1024 * 1024
"""Octets of an inline file that a page can have in it."""


@frozen
class Proof:
    """A mail as it will be; "" for a body it does not have."""

    text: str
    html_as_text: str
    message: str
    """As Cloudflare would build it, its files left out."""
    wire: str
    """The request body, its files left out; "" where the mail cannot be sent yet."""
    hindrances: str
    """Why it cannot be sent yet, a line for each reason."""


class Proofs(Checking):
    """Mails as they will look; every method blocks and may be called from any thread."""

    def proof(self, draft: Draft, account: str = "") -> Proof:
        """How this mail will look, to be sent as the account of this name."""
        files, _ = inspect_all(draft.attachments)
        message = gist(self._nearly_made(draft), files)
        shown = mime.chunks(_without_files(self.assembled(message)), read_file)
        wire = hindrances = ""
        try:
            ready, _ = self._checked(draft, account)
            assert isinstance(ready, MailMessage)
            wire = self._wire(ready, account)
        except MessageError as error:
            hindrances = str(error)
        return Proof(
            text=message.text,
            html_as_text=lint.plain_text(message.html) if message.html else "",
            message=b"".join(shown).decode("utf-8", "replace").replace("\r\n", "\n"),
            wire=wire,
            hindrances=hindrances,
        )

    def _wire(self, message: MailMessage, account: str) -> str:
        stand_ins: dict[str, Attachment] = {}

        def stand_in(file: Attachment) -> Iterator[bytes]:
            octets = secrets.token_bytes(24)
            stand_ins[base64.b64encode(octets).decode()] = file
            yield octets

        limit = partial(self.limit, account)
        request = submission.builder_request(message, self.assembled(message), stand_in, limit=limit)
        text = b"".join(request.chunks()).decode()
        for coded, file in stand_ins.items():
            text = text.replace(coded, _left_out(file))
        return text

    def page(self, draft: Draft) -> str:
        """The HTML body as a page for a browser, its inline files within it; "" if there is none."""
        files, _ = inspect_all(draft.attachments)
        message = gist(self._nearly_made(draft), files)
        inline = {file.content_id: file for file in files if file.disposition == "inline" and file.size <= _EMBEDDED}

        def embedded(match: re.Match[str]) -> str:
            file = inline.get(match[1])
            if file is None:
                return match[0]
            with suppress(MailError):
                content = base64.b64encode(b"".join(read_file(file))).decode()
                return f"data:{file.media_type};base64,{content}"
            return match[0]

        return re.sub(r"\bcid:([\w.@+-]{1,250})", embedded, message.html)


def _without_files(segments: tuple[mime.Segment, ...]) -> tuple[mime.Segment, ...]:
    return tuple(f"{_left_out(one)}\r\n".encode() if isinstance(one, Attachment) else one for one in segments)


def _left_out(file: Attachment) -> str:
    return f"<base64 of {printable(file.filename)}, {file.size:,} octets, left out here>"
