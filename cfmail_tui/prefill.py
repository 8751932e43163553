"""Drafts from what a command line, a link or a file says, with nothing sent or kept yet."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from cfmail_tui import message_files, mime
from cfmail_tui.frozen import frozen
from cfmail_tui.message import LISTED_FIELDS, Draft, MessageError, Place, Problem, RawDraft, parse_mailboxes, printable
from cfmail_tui.message_files import MessageFile


def raw_draft(source: bytes) -> RawDraft:
    """A message as found, with the envelope its header suggests: From, and everyone in To, Cc and Bcc.

    Addresses that do not parse are left as they stand, to be mended where they are seen.
    """
    sender = next(iter(mime.field_bodies(source, "From") or mime.field_bodies(source, "Sender")), "")
    addressed = ", ".join(mime.field_bodies(source, "To", "Cc", "Bcc"))
    return RawDraft(
        sender=_addresses_only(sender, Place.ENVELOPE_SENDER),
        recipients=_addresses_only(addressed, Place.ENVELOPE_RECIPIENTS),
        source=source,
    )


def _addresses_only(text: str, place: Place) -> str:
    try:
        return ", ".join(mailbox.addr_spec for mailbox in parse_mailboxes(text, place))
    except MessageError:
        return text


def editor_draft(content: bytes, suffix: str) -> Draft | RawDraft:
    """What an editor left in a file of this kind, as a draft of its own; text in an old charset is taken as Latin-1."""
    if suffix == ".eml":
        return raw_draft(content)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    match suffix:
        case ".html":
            return Draft(html=text)
        case ".md":
            return Draft(markdown=text)
        case _:
            return Draft(text=text)


def file_draft(content: bytes, name: str) -> MessageFile:
    """The mail that is kept in a file of this name, its files found from there.

    Raises MessageError that names file and line.
    """
    found = message_file(content, name)
    return replace(found, draft=placed(found.draft, name))


def message_file(content: bytes, name: str) -> MessageFile:
    """The same with the paths of its files as they stand there."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _in_file(name, content.count(b"\n", 0, error.start) + 1, "this is not UTF-8 text") from error
    try:
        return message_files.read(text)
    except message_files.Malformed as error:
        raise _in_file(name, error.line, str(error)) from error


def placed(draft: Draft, name: str) -> Draft:
    """The draft with its relative paths meant from where the file of this name is."""
    folder = os.path.dirname(os.path.abspath(os.path.expanduser(name)))  # noqa: PTH100, PTH111, PTH120 - of text
    attached = [replace(one, path=_absolute(one.path, folder)) for one in draft.attachments]
    return replace(draft, attachments=tuple(attached))


def draft_file(draft: Draft, path: str) -> bytes:
    """What the file at this absolute path is to have in it, to be this draft; files beside it are named from there.

    Raises MessageError for what no file can keep.
    """
    folder = os.path.dirname(path)  # noqa: PTH120 - of text
    attached = [replace(one, path=_relative(os.path.abspath(one.path), folder)) for one in draft.attachments]  # noqa: PTH100
    return message_files.written(replace(draft, attachments=tuple(attached))).encode()


def located(error: MessageError, found: MessageFile, name: str) -> MessageError:
    """The same problems of a mail that is kept in a file, each with the line that it stands in."""
    lines = found.lines
    return MessageError(
        *(
            replace(problem, words=f"{_where(name, lines[problem.place])}: {problem.words}")
            if problem.place in lines
            else problem
            for problem in error.problems
        )
    )


def _in_file(name: str, line: int, words: str) -> MessageError:
    return MessageError(Problem(Place.MESSAGE, f"{_where(name, line)}: {words}"))


def _where(name: str, line: int) -> str:
    return f"{printable(name, 300)}:{line}"


def _absolute(path: str, folder: str) -> str:
    if "\0" in path:
        return path
    path = os.path.expanduser(path)  # noqa: PTH111 - Path's own raises where there is no such user
    return path if os.path.isabs(path) else os.path.normpath(os.path.join(folder, path))  # noqa: PTH117, PTH118


def _relative(path: str, folder: str) -> str:
    inside = path.removeprefix(folder.rstrip("/") + "/")
    # What begins with ~ would be somebody's home.
    return f"./{inside}" if inside.startswith("~") else inside


@frozen
class Link:
    """What a mailto URI asks for, and what should be known of it: it was written by somebody else."""

    draft: Draft
    notes: tuple[str, ...] = ()


def mailto_draft(uri: str) -> Link:
    """What a mailto URI asks for (RFC 6068).

    Taken are recipients, Reply-To, Subject, body and the header fields that Cloudflare says it carries; what could
    harm, such as From or attach, is left out, and said (section 7 of the RFC).
    """
    address, _, query = uri.partition(":")[2].partition("?")
    found: dict[str, list[str]] = {"to": [unquote(address)] if address else []}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name:
            found.setdefault(unquote(name).lower(), []).append(unquote(value).replace("\r\n", "\n"))
    taken = [name for name in found if name in LISTED_FIELDS]
    left_out = [name for name in found if name not in {*taken, *_LINKED}]
    # In one line each: a line break would begin a field that was never asked for.
    headers = [f"{name.title()}: {' '.join(found[name][0].split())}" for name in taken]
    draft = Draft(
        to=", ".join(found["to"]),
        cc=", ".join(found.get("cc", [])),
        bcc=", ".join(found.get("bcc", [])),
        reply_to=", ".join(found.get("reply-to", [])),
        subject=" ".join("".join(found.get("subject", [])).splitlines()),
        headers="\n".join(headers),
        text="\n".join(found.get("body", [])),
    )
    unseen = [f"Bcc: {draft.bcc}"] if draft.bcc else []
    unseen += [f"Reply-To: {draft.reply_to}"] if draft.reply_to else []
    notes = [f"the link adds {printable(line, 200)}" for line in (*unseen, *headers)]
    if left_out:
        notes.append(f"the link also asks for {printable(', '.join(left_out), 200)}: left out")
    return Link(draft, tuple(notes))


_LINKED: Final = frozenset({"to", "cc", "bcc", "reply-to", "subject", "body"})


def header_lines(fields: Sequence[str]) -> str:
    """Header fields for a draft. Raises MessageError for a line break within one: it would begin another."""
    if broken := [field for field in fields if set(field) & set("\r\n")]:
        words = "“{}” has a line break in it; give each field by itself"
        raise MessageError(*(Problem(Place.HEADERS, words.format(printable(field))) for field in broken))
    return "\n".join(fields)
