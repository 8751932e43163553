"""A template and a table make a mail for each row, in which a cell is never more than its text."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui.markdown import rendered
from cfmail_tui.merging import columns_of, interval, keys, merged, rows
from cfmail_tui.message import (
    AttachmentDraft,
    Draft,
    MessageError,
    Place,
    parse_header_fields,
    parse_mailboxes,
    read_mailboxes,
)

TEMPLATE = Draft(
    sender="News <news@acme.example>",
    to="{{name}} <{{email}}>",
    cc="archive+{{id}}@acme.example",
    subject="Hello {{ name }}",
    headers="X-Campaign: spring\nX-Customer: {{id}}",
    text="Dear {{name}},",
    html="<p title='{{name}}'>Dear {{name}}</p>",
    attachments=(AttachmentDraft("/in/{{id}}.pdf", filename="For {{name}}.pdf"),),
)
TABLE = 'name,email,id\nBob,bob@example.net,7\n"Doe, Jane ""JD""",jane@example.net,8\n'

cells = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(' ,;<>"()@\n\r\t\\:./&*_'), max_size=20)


def table(**cell: str) -> str:
    columns = {"name": "Bob", "email": "bob@example.net", "id": "7"} | cell
    quoted = ('"' + value.replace('"', '""') + '"' for value in columns.values())
    return f"{','.join(columns)}\n{','.join(quoted)}\n"


def test_each_field_is_filled_in() -> None:
    """Every field takes cells, and a name is quoted where it has to be."""
    first, second = merged(TEMPLATE, rows(TABLE, "rows.csv"), "rows.csv")
    assert first == Draft(
        sender="News <news@acme.example>",
        to='"Bob" <bob@example.net>',
        cc="archive+7@acme.example",
        subject="Hello Bob",
        headers="X-Campaign: spring\nX-Customer: 7",
        text="Dear Bob,",
        html="<p title='Bob'>Dear Bob</p>",
        attachments=(AttachmentDraft("/in/7.pdf", filename="For Bob.pdf"),),
    )
    (jane,) = parse_mailboxes(second.to, Place.TO)
    assert (jane.display_name, jane.addr_spec) == ('Doe, Jane "JD"', "jane@example.net")
    assert second.text == 'Dear Doe, Jane "JD",'
    assert columns_of(TEMPLATE) == ("name", "email", "id")


def one(template: Draft, **cell: str) -> Draft:
    (mail,) = merged(template, rows(table(**cell), "rows.csv"), "rows.csv")
    return mail


@given(cells, cells, cells)
def test_a_cell_adds_no_recipient_and_no_header_field(name: str, email: str, id_: str) -> None:
    """Whatever is in a cell, a mail has the recipients and header fields of its template, or there is none."""
    try:
        mail = one(TEMPLATE, name=name, email=email, id=id_)
    except MessageError:
        return
    assert len(read_mailboxes(mail.to, Place.TO).entries) <= 1
    assert len(read_mailboxes(mail.cc, Place.CC).entries) <= 1
    for found in read_mailboxes(mail.to, Place.TO).mailboxes:
        assert email.strip().rpartition("@")[0] in found.addr_spec
    try:
        fields = parse_header_fields(mail.headers)
    except MessageError:
        fields = ()
    assert len(fields) <= 2
    assert mail.attachments[0].path.count("/") == 2


class Texts(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(cells)
def test_a_cell_is_no_markup(name: str) -> None:
    """In HTML a cell is text, in an attribute as well; in Markdown it makes no element, link or heading."""
    name = name.strip()
    page = Texts(one(TEMPLATE, name=name).html) if name.isprintable() else None
    if page:
        assert page.tags == [("p", [("title", name)])]
        assert page.text == f"Dear {name}"
    plain, filled = Draft(markdown="Dear {{name}}!"), name if name.isprintable() else ""
    made = Texts(rendered(one(plain, name=filled).markdown).html)
    assert [tag for tag, _ in made.tags] == [tag for tag, _ in Texts(rendered("Dear Bob!").html).tags]
    assert f"Dear {filled}!" in made.text


@pytest.mark.parametrize(
    ("template", "cell", "words"),
    [
        (Draft(to="{{email}}"), {"email": " "}, "row 1 \\(line 2\\), column email: it is empty"),
        (Draft(to="a@b.example, {{email}}"), {"email": "x@y.example,z@y.example"}, "column email: “,” cannot stand"),
        (Draft(to="<{{email}}>"), {"email": "x@y.example> evil"}, "column email: “>” cannot"),
        (Draft(to="{{name}} <a@b.example>"), {"name": "x\ny"}, "column name: a line break"),
        (Draft(subject="{{name}}"), {"name": "x\r\nBcc: y"}, "column name: a line break cannot stand in a subject"),
        (Draft(headers="X-A: {{name}}"), {"name": "x\nBcc: y"}, "column name: a line break cannot stand in a header"),
        (Draft(attachments=(AttachmentDraft("/in/{{id}}"),)), {"id": "../x"}, "column id: a part of a path"),
        (Draft(attachments=(AttachmentDraft("{{id}}"),)), {"id": ""}, "column id: it is empty"),
        (Draft(text="{{Name}}"), {}, "there is no column Name; there are: name, email, id"),
    ],
)
def test_what_does_not_fit_is_told_by_row_and_column(template: Draft, cell: dict[str, str], words: str) -> None:
    """An empty recipient, a line break where none may be, a column that is missing: which row, which column, why."""
    with pytest.raises(MessageError, match=words):
        one(template, **cell)


def test_a_cell_that_is_the_whole_field_may_be_a_list() -> None:
    """Where the field is nothing but the placeholder, the cell says all of its recipients; what is no row's stays."""
    assert one(Draft(to="{{email}}"), email="a@b.example, C <c@d.example>").to == "a@b.example, C <c@d.example>"
    assert one(Draft(text="{{ no placeholder", subject="{}")) == Draft(text="{{ no placeholder", subject="{}")
    assert one(Draft(attachments=(AttachmentDraft("{{id}}"),)), id="/any/where").attachments[0].path == "/any/where"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1\n", "row 1 \\(line 2\\) has 1 cells, the heading has 2"),
        ('a,b\n1,"x\ny"\n\n1,2,3\n', "row 2 \\(line 5\\) has 3 cells"),
        ('a,b\n1,"x\n', "line 2 is no CSV"),
        ("a,a\n1,2\n", "the column a stands there twice"),
        ("a,b\n", "no row"),
        ("", "no row"),
    ],
)
def test_what_is_no_table_is_told(text: str, words: str) -> None:
    """A row that lacks a cell is named, and so is what is no table at all."""
    with pytest.raises(MessageError, match=words):
        rows(text, "rows.csv")


def test_tables_as_other_programs_write_them() -> None:
    """Commas, semicolons and tabs part cells; CRLF, quotes and line breaks in cells are understood."""
    assert dict(rows('a;b\r\n"1,5";"x\ny"\r\n', "t")[0].cells) == {"a": "1,5", "b": "x\ny"}
    assert dict(rows(" a \tb\n1\t2\n", "t")[0].cells) == {"a": "1", "b": "2"}


def test_keys() -> None:
    """A mail keeps its key wherever its row stands; another far end, run, text or second mail alike has another."""
    mails = [Draft(to=f"{name}@b.example") for name in ("x", "y", "x")]
    x, y, again = keys(mails, "sandbox")
    assert [*keys([mails[1], mails[0]], "sandbox")] == [y, x]
    others = {
        *keys([mails[0]], "other"),
        *keys([mails[0]], "sandbox", "2"),
        *keys([Draft(to="z@b.example")], "sandbox"),
    }
    assert len({x, y, again} | others) == 6


@pytest.mark.parametrize(("rate", "seconds"), [("5/s", 0.2), ("120/m", 0.5), ("3600/h", 1.0)])
def test_rates(rate: str, seconds: float) -> None:
    """So many a second, a minute or an hour."""
    assert interval(rate) == seconds


@pytest.mark.parametrize("rate", ["", "5", "0/s", "-1/s", "5/d", "x/s", "١/s", "1.5/s"])
def test_what_is_no_rate(rate: str) -> None:
    """Anything else is refused by name."""
    with pytest.raises(ValueError, match="is no rate"):
        interval(rate)
