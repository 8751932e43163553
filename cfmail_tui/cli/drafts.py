"""Drafts from the arguments, the files they name and standard input."""

import argparse
import os
import sys
from collections.abc import Sequence

from cfmail_tui.cli.output import reason
from cfmail_tui.message import AttachmentDraft, Draft, Place
from cfmail_tui.prefill import mailto_draft


def described(args: argparse.Namespace) -> Draft:
    """The draft that the flags describe."""
    draft = Draft()
    if is_mailto(args.file):
        draft = mailto_draft(args.file)
    elif args.file:
        draft = Draft(text=read_text(args.file, Place.TEXT))

    def joined(first: str, more: list[str]) -> str:
        return ", ".join(filter(None, [first, *more]))

    return Draft(
        sender=args.sender,
        to=joined(draft.to, args.to),
        cc=joined(draft.cc, args.cc),
        bcc=joined(draft.bcc, args.bcc),
        subject=args.subject or draft.subject,
        headers=draft.headers,
        text=draft.text,
        attachments=attached(args.attach),
    )


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
    return file.lower().endswith(".eml") and not is_mailto(file)


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
    """A body file as text; a byte order mark and CRLF line ends are the file's, not the mail's."""
    from cfmail_tui.attachments import unreadable

    try:
        return read(name, place).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        shown = "standard input" if name == "-" else name
        raise unreadable(shown, f"it is not UTF-8 text (byte {error.start + 1})", place) from error
