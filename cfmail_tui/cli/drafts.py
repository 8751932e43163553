"""Drafts from the arguments, the files they name and standard input."""

import argparse
import os
import sys

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
    attachments: list[AttachmentDraft] = [AttachmentDraft(os.path.abspath(path)) for path in args.attach]  # noqa: PTH100

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
        attachments=tuple(attachments),
    )


def is_mailto(file: str) -> bool:
    return file.lower().startswith("mailto:")


def is_message(file: str) -> bool:
    return file.lower().endswith(".eml") and not is_mailto(file)


def read(name: str, place: Place) -> bytes:
    """A file's octets, or those of standard input for "-"."""
    from cfmail_tui.attachments import SOURCE_LIMIT, read_source, unreadable

    if name != "-":
        return read_source(name, place)
    try:
        content = sys.stdin.buffer.read(SOURCE_LIMIT + 1)
    except OSError as error:
        raise unreadable("standard input", reason(error), place) from error
    if len(content) > SOURCE_LIMIT:
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
