"""A form and a raw message, each made of the other; what cannot be carried over is said before it is given up."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from cfmail_tui import mime
from cfmail_tui.attachments import as_picked, inspect_all, read_file
from cfmail_tui.attachments.kept import keep
from cfmail_tui.message import Draft, MailMessage, MessageError, Place, Problem, RawDraft, gist, parse
from cfmail_tui.submission import LARGEST_SIZE_LIMIT, Envelope, Size

Assemble = Callable[[MailMessage], tuple[mime.Segment, ...]]
"""Makes segments of a message, with a date and a Message-ID; that of an outbox."""


def raw_of(draft: Draft, assemble: Assemble) -> RawDraft:
    """The MIME that the form makes, its files included, and its envelope, which alone has the Bcc recipients.

    Of Markdown the bodies have been made. What is still missing is missing there, too. Raises MessageError with all
    that is wrong.
    """
    attachments, problems = inspect_all(draft.attachments)
    try:
        message = parse(draft, attachments)
    except MessageError as error:
        problems = [*(problem for problem in error.problems if not _is_missing(draft, problem)), *problems]
        message = gist(draft, attachments)
    if problems:
        raise MessageError(*problems)
    if not (message.text or message.html or message.attachments):
        message = replace(message, text="\n")
    segments = assemble(message)
    size = Size.of(mime.size(segments), LARGEST_SIZE_LIMIT, attachments)
    if size.is_over:
        raise MessageError(Problem(Place.MESSAGE, f"the mail is too big: {size.words}"))
    recipients: tuple[str, ...] = ()
    with suppress(MessageError):
        recipients = Envelope.of(message.sender.addr_spec, message.recipients).recipients
    return RawDraft(message.sender.addr_spec, ", ".join(recipients), b"".join(mime.chunks(segments, read_file)))


def _is_missing(draft: Draft, problem: Problem) -> bool:
    """Whether the form is only unfinished there."""
    typed = {Place.FROM: draft.sender, Place.TO: draft.to + draft.cc + draft.bcc, Place.TEXT: draft.text + draft.html}
    return problem.place in typed and not typed[problem.place].strip()


def draft_of(source: bytes, form: mime.Form, folder: Path) -> Draft:
    """The draft of a message that is opened in the form; its files are written into this folder.

    Raises KeepError, a MailError.
    """
    save = partial(keep, folder)
    paths = tuple(save(file.attachment.filename, mime.content(source, file.part)) for file in form.files)
    draft = form.with_files(paths)
    return replace(draft, attachments=tuple(map(as_picked, draft.attachments)))
