"""What is in a file, to be seen before it is attached: facts, first lines, a small picture.

`preview` works through the kinds in order, and the first that knows the file by its content shows it; the rest is
shown as octets. What it says is outside text, controls and all: whoever shows it makes it safe.

Invariants: whatever is in a file, nothing is raised, nothing is waited for, and the work ends. A file that is not an
ordinary one is never opened. At most `reading.ALLOWANCE` octets of a file are read here, and of what is packed in it
at most `archives.UNPACKED` are looked at, a block at a time; a picture, which must be read to its end, is decoded by a
process of its own, within the limits of `pictures`.
"""

from dataclasses import replace

from cfmail_tui.preview import archives, mail, octets, pdf, pictures, text
from cfmail_tui.preview.reading import OpenFile, what_it_is
from cfmail_tui.preview.shown import Picture, Preview, Room

__all__ = ["Picture", "Preview", "preview"]

HEAD = 64 * 1024
"""Octets at the beginning of a file by which its kind is known; of text, no more is shown."""

FACT_LIMIT = 300
"""Characters of a fact: some hold a title, a subject or a name out of the file."""

_KINDS = (pictures.show, archives.show, pdf.show, mail.show, text.show)


def preview(path: str, columns: int, rows: int) -> Preview:
    """What is in the file, made for a pane of this size: each fact in a line, a blank one, then lines or picture."""
    room = Room(max(1, columns), max(1, rows))
    try:
        if fact := what_it_is(path):
            return Preview((fact,))
        with OpenFile(path) as file:
            return _fitting(_of(file, room), room)
    except OSError as error:
        return Preview((f"cannot be read: {(error.strerror or 'the system gives no reason').lower()}",))


def _of(file: OpenFile, room: Room) -> Preview:
    head = file.at(0, HEAD)
    if not head:
        return Preview(("empty",))
    for show in _KINDS:
        if shown := show(file, head, room):
            return shown
    return octets.show(head, room)


def _fitting(shown: Preview, room: Room) -> Preview:
    facts = tuple(_cut(fact, FACT_LIMIT) for fact in shown.facts[: room.rows])
    left = room.below(len(facts)).rows
    return replace(shown, facts=facts, lines=tuple(_cut(line, room.columns) for line in shown.lines[:left]))


def _cut(line: str, columns: int) -> str:
    return line if len(line) <= columns else line[: columns - 1] + "…"
