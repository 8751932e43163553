"""Drafts from the arguments, the files they name and standard input."""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cfmail_tui.cli.output import UsageError, reason
from cfmail_tui.frozen import frozen
from cfmail_tui.message import AttachmentDraft, Draft, Place

if TYPE_CHECKING:
    import argparse

    from cfmail_tui.attachments.mailbox_files import Listed
    from cfmail_tui.message_files import MessageFile


class SeveralMessages(UsageError):  # noqa: N818 - it reads as what it is
    """There are several messages at a path, and none was chosen."""


@frozen
class Described:
    """A draft as arguments, a link or a file describe it, and what should be known of that."""

    draft: Draft
    notes: tuple[str, ...] = ()
    file: "MessageFile | None" = None
    """The message file it comes from, if it does."""


def described(args: "argparse.Namespace", content: bytes | None = None) -> Described:
    """What the flags describe; `content` is what was on standard input where that was read already."""
    base = _described_by(args.file, content)
    draft = base.draft

    def joined(first: str, more: list[str]) -> str:
        return ", ".join(filter(None, [first, *more]))

    flagged = replace(
        draft,
        sender=args.sender or draft.sender,
        to=joined(draft.to, args.to),
        cc=joined(draft.cc, args.cc),
        bcc=joined(draft.bcc, args.bcc),
        subject=args.subject or draft.subject,
        attachments=(*draft.attachments, *attached(args.attach)),
    )
    return replace(base, draft=flagged)


def _described_by(file: str, content: bytes | None) -> Described:
    if is_mailto(file):
        from cfmail_tui.prefill import mailto_draft

        link = mailto_draft(file)
        return Described(link.draft, link.notes)
    if not file:
        return Described(Draft())
    content = read(file, Place.TEXT) if content is None else content
    if not is_message_file(content):
        return Described(Draft(text=as_text(content, file, Place.TEXT)))
    found = read_message_file(file, content)
    from cfmail_tui.attachments import as_picked

    draft = replace(found.draft, attachments=tuple(map(as_picked, found.draft.attachments)))
    return Described(draft, file=found)


def is_message_file(content: bytes) -> bool:
    from cfmail_tui import message_files

    return message_files.is_message_file(content)


def read_message_file(name: str, content: bytes) -> "MessageFile":
    """A mail kept as a file; on standard input its relative paths are meant from here. Raises MessageError."""
    from cfmail_tui.prefill import file_draft

    return file_draft(content, shown(name))


def shown(name: str) -> str:
    """A file's name for people, which is also where it is: standard input is here."""
    return "standard input" if name == "-" else name


def attached(paths: Sequence[str], inline: Sequence[str] = ()) -> tuple[AttachmentDraft, ...]:
    """The files that each PATH stands for, and inline each PATH or PATH=CID, as they are now.

    A path may have an = of its own. Raises MessageError for a pattern that no file matches; a file that cannot be
    attached is told when the mail is prepared, with all else that is wrong.
    """
    if not paths and not inline:
        return ()
    from cfmail_tui.attachments import as_picked

    drafts = [AttachmentDraft(path) for text in paths for path in _files(text)]
    for text in inline:
        path, equals, content_id = text.rpartition("=")
        if not equals or os.path.lexists(text):
            path, content_id = text, ""
        drafts += [AttachmentDraft(file, "inline", content_id=content_id) for file in _files(path)]
    return tuple(map(as_picked, drafts))


def _files(text: str) -> tuple[str, ...]:
    from cfmail_tui.attachments import expanded, unreadable

    if not (found := expanded(text)):
        raise unreadable(text, "no file matches it")
    return found


def is_mailto(file: str) -> bool:
    return file.lower().startswith("mailto:")


def is_message(file: str) -> bool:
    """Whether it is by its name a raw message, or holds some."""
    if is_mailto(file):
        return False
    return file.lower().endswith((".eml", ".mbox")) or (os.path.isdir(file) and _is_maildir(file))  # noqa: PTH112 - text


def _is_maildir(file: str) -> bool:
    from cfmail_tui.attachments import mailbox_files

    return mailbox_files.is_maildir(file)


def read_message(name: str, number: int | None) -> tuple[bytes, tuple[str, ...]]:
    """A raw message, and what was done to have it: out of an mbox or Maildir the one of this number, from 1.

    Raises SeveralMessages where none was chosen, UsageError where there is none of this number.
    """
    from cfmail_tui.attachments import mailbox_files

    path = os.path.expanduser(name)  # noqa: PTH111 - Path's own raises where there is no such user
    if name != "-" and (os.path.isdir(path) or os.path.isfile(path)):  # noqa: PTH112, PTH113 - of text
        if mailbox_files.kind_of(path) == "message":
            source = read(name, Place.SOURCE)
            return _only(source, number, name), ()
        found = _chosen(mailbox_files.listed(path), number, name)
        taken = mailbox_files.extracted(found)
        return taken.source, taken.notes
    return message_in(read(name, Place.SOURCE), name, number)


def message_in(content: bytes, name: str, number: int | None) -> tuple[bytes, tuple[str, ...]]:
    """The same out of octets that were read already."""
    from cfmail_tui.attachments import mailbox_files

    if mailbox_files.kind_of_octets(content) == "message":
        return _only(content, number, name), ()
    file = io.BytesIO(content)
    taken = mailbox_files.extracted_from(file, _chosen(mailbox_files.listed_in(file, name), number, name))
    return taken.source, taken.notes


def _only(source: bytes, number: int | None, name: str) -> bytes:
    if number not in {None, 1}:
        raise UsageError(f"{name} is one message: there is no message {number}")
    return source


_LISTED_AT_MOST = 20


def _chosen(messages: Iterator["Listed"], number: int | None, name: str) -> "Listed":
    from cfmail_tui.message import printable

    first: list[Listed] = []
    for one in messages:
        if one.number == number:
            return one
        if number is None:
            first.append(one)
            if len(first) > _LISTED_AT_MOST:
                break
    if number is None and len(first) == 1:
        return first[0]
    if number is not None or not first:
        raise UsageError(f"{name} has no message {number}" if number else f"{name} has no message in it")
    lines = [f"{name} has several messages: choose one with --message N"]
    lines += [
        f"{one.number:>4}  {printable(one.date, 31)}  {printable(one.sender, 40)}  {printable(one.subject, 60)}"
        for one in first[:_LISTED_AT_MOST]
    ]
    raise SeveralMessages("\n".join([*lines, *(["      and more"] if len(first) > _LISTED_AT_MOST else [])]))


def read(name: str, place: Place) -> bytes:
    """A file's octets, or those of standard input for "-"."""
    from cfmail_tui.attachments import reading
    from cfmail_tui.attachments.reading import read_source, unreadable

    if name != "-":
        return read_source(name, place)
    try:
        content = sys.stdin.buffer.read(reading.SOURCE_LIMIT + 1)
    except OSError as error:
        raise unreadable("standard input", reason(error), place) from error
    if len(content) > reading.SOURCE_LIMIT:
        raise unreadable("standard input", "it is longer than any mail", place)
    return content


def read_text(name: str, place: Place) -> str:
    """A body file as text."""
    return as_text(read(name, place), name, place)


def as_text(content: bytes, name: str, place: Place) -> str:
    """What was in a body file; a byte order mark and CRLF line ends are the file's, not the mail's."""
    from cfmail_tui.attachments import unreadable

    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise unreadable(shown(name), f"it is not UTF-8 text (byte {error.start + 1})", place) from error
