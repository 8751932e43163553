"""What a file is before it is sent: whether it can be attached, under which name and type, and what should be known."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from cfmail_tui.attachments import media_types, naming, reading
from cfmail_tui.message import Attachment, AttachmentDraft, FileIdentity, Finding, MessageError, Problem, printable
from cfmail_tui.submission import LARGEST_SIZE_LIMIT, megabytes


def picked(path: str) -> AttachmentDraft:
    """The file as it is attached now. Raises MessageError if it cannot be, naming it and the reason."""
    draft = AttachmentDraft(os.path.abspath(path))  # noqa: PTH100 - Path's own leaves `..` in
    return replace(draft, seen=inspect(draft).seen)


def as_picked(draft: AttachmentDraft) -> AttachmentDraft:
    """The draft with its file as it is now, or as it stands if that cannot be attached: who sends it will be told."""
    try:
        return replace(draft, seen=inspect(draft).seen)
    except MessageError:
        return draft


def added(drafts: Sequence[AttachmentDraft], more: Sequence[AttachmentDraft]) -> tuple[AttachmentDraft, ...]:
    """The attachments of a mail with some more at their end.

    One that is attached already, in the same way, is not attached twice: it keeps its place, name and type, and is from
    now on the file that is there now. Inline and attached are two ways, and one file may stand in a mail by both.
    """
    mail = list(drafts)
    for new in more:
        for at, old in enumerate(mail):
            if (old.path, old.disposition) == (new.path, new.disposition):
                mail[at] = replace(old, seen=new.seen)
                break
        else:
            mail.append(new)
    return tuple(mail)


def inspect_all(drafts: Sequence[AttachmentDraft]) -> tuple[list[Attachment], list[Problem]]:
    """Each file as it is on disk now, and why those that cannot be sent cannot."""
    found: list[Attachment] = []
    problems: list[Problem] = []
    content_ids: set[str] = set()
    for draft in drafts:
        try:
            attachment = inspect(draft)
        except MessageError as error:
            problems.extend(error.problems)
            continue
        if attachment.disposition == "inline":
            content_id = attachment.content_id or re.sub(r"[^\w.-]", "-", attachment.filename[:200], flags=re.ASCII)
            while content_id in content_ids:
                content_id += "-2"
            content_ids.add(content_id)
            attachment = replace(attachment, content_id=content_id)
        elif any((other.seen, other.disposition) == (attachment.seen, "attachment") for other in found):
            twice = Finding(f"{printable(attachment.filename)} is in the mail twice")
            attachment = replace(attachment, findings=(*attachment.findings, twice))
        found.append(attachment)
    return found, problems


def inspect(draft: AttachmentDraft) -> Attachment:
    """The file as it is on disk now. Raises MessageError if it cannot be attached, naming it and the reason."""
    with reading.opened(draft.path) as file:
        seen = reading.identity(file)
        if seen.size > LARGEST_SIZE_LIMIT:
            most = megabytes(LARGEST_SIZE_LIMIT)
            raise reading.unreadable(draft.path, f"it is too big: {megabytes(seen.size)}, no mail has over {most}")
        head = next(reading.blocks(file, draft.path, media_types.HEAD), b"")
    if head and not seen.size:
        # So are files that are made up as they are read.
        raise reading.unreadable(draft.path, "it is not an ordinary file")
    filename = draft.filename or naming.own_name(draft.path)
    attachment = Attachment(
        path=draft.path,
        filename=filename,
        media_type=draft.media_type or media_types.by_name(filename),
        size=seen.size,
        disposition=draft.disposition,
        content_id=draft.content_id,
        seen=seen,
    )
    return replace(attachment, findings=tuple(_findings(draft, attachment, head)))


def _findings(draft: AttachmentDraft, found: Attachment, head: bytes) -> Iterator[Finding]:
    name = printable(found.filename)
    if found.seen and draft.seen and (words := _change(draft.seen, found.seen)):
        yield Finding(f"{name} {words}", "confirmed")
    if not found.size:
        yield Finding(f"{name} is empty")
    elif words := media_types.disagreement(found.media_type, head):
        yield Finding(f"{name} is called {printable(found.media_type)} and is {words}")
    elif found.media_type == media_types.UNKNOWN and not draft.media_type and (kind := media_types.inside(head)):
        yield Finding(f"{name} is {kind.words} inside, which its name does not say", "note")
    if (own := draft.path.rpartition("/")[2]) != found.filename and not draft.filename:
        yield Finding(f"{printable(own, 300)} is sent as {name}", "note")
    if (better := naming.clean(found.filename)) != found.filename and draft.filename:
        yield Finding(f"{name} may be read otherwise where it arrives: {printable(better)} would be safe")
    if (real := os.path.realpath(draft.path)) != os.path.abspath(draft.path):  # noqa: PTH100
        yield Finding(f"{name} is a link to {printable(real, 300)}", "note")


def _change(picked: FileIdentity, now: FileIdentity) -> str:
    """In which way a file is not the one that was picked, in words; "" if it is."""
    if (picked.size, picked.modified_ns) != (now.size, now.modified_ns):
        return f"changed since it was attached: it had {_state(picked)}, now it has {_state(now)}"
    # A disk that is mounted again may have another number, and its files are what they were.
    return (
        "" if picked.inode == now.inode else "was replaced since it was attached, by a file of the same size and time"
    )


def _state(file: FileIdentity) -> str:
    try:
        when = datetime.fromtimestamp(file.modified_ns / 1e9, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        when = "no time that a calendar has"
    return f"{file.size:,} octets of {when}"
