"""A template and the rows of a table: a mail for each. Pure.

`{{name}}` in any field of the template stands for the cell in the column of this name. Invariants:
- a cell is never more than the text it is: it adds no header field, no recipient beside the one it stands for, no
  markup to HTML or Markdown, and leads out of no folder that the template names;
- a row that lacks something is told by its number and column before anything is made of any;
- `key` is the same for the same mail, wherever its row stands, and another for any other.
"""

import csv
import hashlib
import html
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from cfmail_tui import message_files
from cfmail_tui.frozen import frozen
from cfmail_tui.message import (
    PROBLEM_LIMIT,
    AttachmentDraft,
    Draft,
    MessageError,
    Place,
    Problem,
    control_name,
    first_control,
    printable,
)

_PLACEHOLDER: Final = re.compile(r"\{\{[ \t]*([^{}\r\n]+?)[ \t]*\}\}")
_DELIMITERS: Final = ",;\t"
_MARK: Final = 0xF0000
"""Of the private use planes: stands for a placeholder while what is around it is looked at."""
_ADDRESS_PARTS: Final = re.compile(
    r'"(?:[^"\\]|\\.)*"|[^<>,;"\n]*[\U000F0000-\U000FFFFD][^<>,;"\n]*(?=<)|[\U000F0000-\U000FFFFD]', re.DOTALL
)
_BREAKS_OUT: Final = re.compile(r"[\s,;<>\"()\[\]:\\\0-\x1f\x7f-\x9f]")
_MARKDOWN: Final = re.compile(r"[\\`*_{}\[\]<>()#+\-!|~&=]|(?<=\d)[.)](?=\s)")


@frozen
class Row:
    """A row of the table: its number from 1, the heading not counted, the line that it begins in, and its cells."""

    number: int
    line: int
    cells: Mapping[str, str]

    @property
    def words(self) -> str:
        return f"row {self.number} (line {self.line})"


def rows(text: str, name: str) -> tuple[Row, ...]:
    """The rows of a CSV whose first line names the columns; parted by whichever of , ; and tab that has most of.

    Raises MessageError naming rows that have more or fewer cells than there are columns.
    """
    heading = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    problems: list[Problem] = []
    found: list[Row] = []
    columns: list[str] = []
    line = 1
    try:
        columns = [cell.strip() for cell in next(reader, [])]
        line = reader.line_num + 1
        for cells in reader:
            if cells:
                row = Row(len(found) + 1, line, dict(zip(columns, cells, strict=False)))
                found.append(row)
                if len(cells) != len(columns):
                    words = f"{row.words} has {len(cells)} cells, the heading has {len(columns)}"
                    problems.append(_problem(name, words))
            line = reader.line_num + 1
    except csv.Error as error:
        problems.append(_problem(name, f"line {line} is no CSV: {error}"))
    twice = [column for column, times in Counter(filter(None, columns)).items() if times > 1]
    problems += [_problem(name, f"the column {printable(column)} stands there twice") for column in twice]
    if not found and not problems:
        problems.append(_problem(name, "there is no row below the heading"))
    if problems:
        raise MessageError(*problems[:PROBLEM_LIMIT])
    return tuple(found)


def _problem(name: str, words: str) -> Problem:
    return Problem(Place.MESSAGE, f"{printable(name, 300)}: {words}")


def columns_of(template: Draft) -> tuple[str, ...]:
    """The columns that a template has places for, in the order in which they stand in its file."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(message_files.written(template))))


def merged(template: Draft, table: Sequence[Row], name: str) -> tuple[Draft, ...]:
    """The mail of each row. Raises MessageError naming each row and column that does not fit."""
    there = table[0].cells
    if missing := [column for column in columns_of(template) if column not in there]:
        known = ", ".join(printable(column) for column in there)
        words = "the template has {{{{{0}}}}}, and there is no column {0}; there are: {1}"
        raise MessageError(*(_problem(name, words.format(printable(column), known)) for column in missing))
    problems: list[Problem] = []
    mails: list[Draft] = []
    for row in table:
        try:
            mails.append(_filled(template, row.cells))
        except _Unfit as error:
            problems.append(_problem(name, f"{row.words}, column {printable(error.column)}: {error}"))
            if len(problems) == PROBLEM_LIMIT:
                break
    if problems:
        raise MessageError(*problems)
    return tuple(mails)


class _Unfit(ValueError):  # noqa: N818 - it reads as what it is
    """A cell that cannot stand where its placeholder does."""

    def __init__(self, column: str, words: str) -> None:
        super().__init__(words)
        self.column = column


def _filled(template: Draft, cells: Mapping[str, str]) -> Draft:
    def plain(text: str) -> str:
        return _put(text, cells, lambda _, cell: cell)

    def one_line(text: str, what: str) -> str:
        def checked(column: str, cell: str) -> str:
            if (bad := first_control(cell)) is not None:
                raise _Unfit(column, f"{control_name(cell[bad])} cannot stand in {what}")
            return cell

        return _put(text, cells, checked)

    def attached(one: AttachmentDraft) -> AttachmentDraft:
        return AttachmentDraft(
            _path(one.path, cells),
            one.disposition,
            one_line(one.filename, "a file name"),
            one_line(one.media_type, "a media type"),
            one_line(one.content_id, "a content-id"),
        )

    return Draft(
        sender=_addresses(template.sender, cells),
        to=_addresses(template.to, cells),
        cc=_addresses(template.cc, cells),
        bcc=_addresses(template.bcc, cells),
        reply_to=_addresses(template.reply_to, cells),
        subject=one_line(template.subject, "a subject"),
        headers=one_line(template.headers, "a header field"),
        text=plain(template.text),
        html=_put(template.html, cells, lambda _, cell: html.escape(cell)),
        markdown=_put(template.markdown, cells, lambda _, cell: _MARKDOWN.sub(r"\\\g<0>", cell)),
        attachments=tuple(map(attached, template.attachments)),
    )


def _put(text: str, cells: Mapping[str, str], made: Callable[[str, str], str]) -> str:
    return _PLACEHOLDER.sub(lambda found: made(found[1], cells[found[1]]), text) if "{{" in text else text


def _path(path: str, cells: Mapping[str, str]) -> str:
    is_whole = _PLACEHOLDER.fullmatch(path) is not None

    def checked(column: str, cell: str) -> str:
        if not cell.strip():
            raise _Unfit(column, "it is empty, and names a file")
        if not is_whole and ("/" in cell or cell in {".", ".."}):
            raise _Unfit(column, "a part of a path cannot lead to another folder")
        return cell

    return _put(path, cells, checked)


def _addresses(text: str, cells: Mapping[str, str]) -> str:
    """An address field filled in: a cell before <…> is a name, one that is the whole field may be a list of addresses,
    any other is one address or a part of one.
    """
    columns: list[str] = []

    def mark(found: re.Match[str]) -> str:
        columns.append(found[1])
        return chr(_MARK + len(columns) - 1)

    marked = _PLACEHOLDER.sub(mark, text)
    is_whole = len(columns) == 1 and marked.strip() == chr(_MARK)

    def within(part: str, made: Callable[[str, str], str]) -> str:
        return "".join(
            made(column, cells[column].strip()) if (column := _column(char, columns)) else char for char in part
        )

    def name(column: str, cell: str) -> str:
        if (bad := first_control(cell)) is not None:
            raise _Unfit(column, f"{control_name(cell[bad])} cannot stand in a name")
        return cell

    def quotable(column: str, cell: str) -> str:
        return re.sub(r'(["\\])', r"\\\1", name(column, cell))

    def address(column: str, cell: str) -> str:
        if not cell:
            raise _Unfit(column, "it is empty, and an address stands there")
        if not is_whole and (bad := _BREAKS_OUT.search(cell)):
            what = "a blank" if bad[0] == " " else f"“{bad[0]}”" if bad[0].isprintable() else control_name(bad[0])
            raise _Unfit(column, f"{what} cannot stand in one address")
        return cell

    def part(found: re.Match[str]) -> str:
        if found[0].startswith('"'):
            return within(found[0], quotable)
        if len(found[0]) == 1 and not marked.startswith("<", found.end()):
            return within(found[0], address)
        phrase = within(found[0], name)
        indent = phrase[: len(phrase) - len(phrase.lstrip())]
        escaped = re.sub(r'(["\\])', r"\\\1", phrase.strip())
        return f'{indent}"{escaped}" ' if escaped else indent

    return _ADDRESS_PARTS.sub(part, marked)


def _column(char: str, columns: Sequence[str]) -> str:
    at = ord(char) - _MARK
    return columns[at] if 0 <= at < len(columns) else ""


def keys(mails: Sequence[Draft], far_end: str, run: str = "") -> Iterator[str]:
    """By what the mail of each row is known again, in this run to this far end; each of two alike has its own."""
    alike: Counter[str] = Counter()
    for mail in mails:
        told = json.dumps([far_end, run, message_files.written(mail)])
        alike[told] += 1
        yield hashlib.sha256(f"{alike[told]} {told}".encode()).hexdigest()


_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}


def interval(rate: str) -> float:
    """Seconds between two mails at a rate such as 5/s, 100/m or 1000/h. Raises ValueError."""
    number, _, unit = rate.partition("/")
    if unit not in _UNITS or not (number.isascii() and number.isdigit() and int(number)):
        raise ValueError(f"{printable(rate)} is no rate such as 5/s, 100/m or 1000/h")
    return _UNITS[unit] / int(number)
