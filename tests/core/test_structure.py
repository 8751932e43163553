"""The tree of a raw message: what parts there are, and which octets are whose."""

import email.policy
import re
from email.message import EmailMessage, Message
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfmail_tui import mime
from cfmail_tui.mime import Part
from cfmail_tui.mime.parts import DEPTH_LIMIT, PART_LIMIT
from tests.core.nasty_mails import HEAD, NASTY, python_mails

MAILS = NASTY | python_mails()


def check_tree(source: bytes, root: Part) -> None:
    """Parts lie within their parents one after the other, and between them stands nothing but delimiters."""
    assert (root.start, root.end, root.number) == (0, len(source), "")
    for part in root.walk():
        assert part.start <= part.body <= part.end
        assert part.size >= 0
        at = part.body
        for child in part.parts:
            assert at <= child.start
            assert child.end <= part.end
            if part.is_multipart:
                boundary = re.escape(part.boundary.encode("utf-8", "surrogateescape"))
                lead = rb"(?:.*\n)?" if at == part.body else rb"\r?\n|"
                gap = rb"(?s:%s)(?:--%s[ \t]*\r?(?:\n|\Z))+" % (lead, boundary)
                assert re.fullmatch(gap, source[at : child.start])
            else:
                assert (child.start, child.end) == (part.body, part.end)
            at = child.end
        if part.epilogue:
            closing = source[at : part.epilogue]
            assert closing.strip().startswith(b"--") or not part.parts
            assert part.epilogue <= part.end
    numbers = [one.number for one in root.walk()]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("name", MAILS)
def test_every_mail_has_a_tree(name: str) -> None:
    """Whatever is wrong with a message, it has a tree whose parts share no octet, and each offset lies in a part."""
    source = MAILS[name]
    root = mime.structure(source)
    check_tree(source, root)
    for offset in range(0, len(source), max(1, len(source) // 50)):
        found = root.at(offset)
        assert found.start <= offset < found.end


WORDS = [
    b"--b", b"--c", b"--b--", b"--c--", b"--", b"b", b"c", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b" ", b"=",
    b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: multipart/digest; boundary=c\n",
    b"Content-Type: message/rfc822\n", b"Content-Type: text/plain; charset=", b"utf-8\n", b"From: a\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\n", b"\xfc", b"\0", b"aGk=",
    b"Content-Disposition: attachment; filename*0*=", b"''%41", b'"', b"\\", b"(", b";",
]  # fmt: skip
ANYTHING = st.binary(max_size=300) | st.lists(st.sampled_from(WORDS), max_size=40).map(b"".join)


@settings(max_examples=400)
@given(ANYTHING)
def test_any_octets_have_a_tree(source: bytes) -> None:
    """No octets make the scan fail, and the offsets it gives part them."""
    root = mime.structure(source)
    check_tree(source, root)
    for part in root.walk():
        assert sum(map(len, mime.content(source, part))) >= 0
        mime.fields_of(source, part)


def types(part: Message) -> Any:
    """Media type, decoded size of what holds content, and the parts, as Python's parser sees them."""
    kind = part.get_content_type()
    if kind == "message/delivery-status" or not part.is_multipart():
        payload = part.get_payload(decode=True)
        return kind, len(payload) if isinstance(payload, bytes) else None
    return kind, [types(child) for child in part.get_payload() if isinstance(child, Message)]


def ours(source: bytes, part: Part) -> Any:
    if part.parts or part.is_multipart:
        return part.media_type, [ours(source, child) for child in part.parts]
    size = sum(map(len, mime.content(source, part)))
    assert part.size == size
    return part.media_type, None if part.media_type == "message/delivery-status" else size


def agrees(source: bytes) -> bool:
    """Whether the tree is that of Python's parser; asserts it, and is False where that one sees a defect."""
    parsed = email.message_from_bytes(source, _class=EmailMessage, policy=email.policy.default)
    composite = [one for one in parsed.walk() if one.get_content_maintype() == "message"]
    nested = {"message/rfc822", "message/delivery-status"}
    if any(one.defects for one in parsed.walk()) or any(one.get_content_type() not in nested for one in composite):
        return False
    malformed = {"broken-base64", "broken-quoted-printable", "unknown-encoding", "bare-cr", "bad-boundary", "too-deep"}
    if malformed & {one.rule for one in mime.findings(source)} or "(" in parsed.get_content_type():
        return False
    assert ours(source, mime.structure(source)) == types(parsed)
    return True


def test_the_tree_is_that_of_pythons_parser() -> None:
    """Of every message without a defect, types, nesting and decoded sizes are those that Python's parser finds."""
    agreed = [name for name, source in MAILS.items() if agrees(source)]
    assert len(agreed) > 30
    for one in mime.TEMPLATES:
        assert agrees(mime.template(one.name, mime.Filled()))


leaves = st.builds(
    lambda kind, encoding, body: (kind, encoding, body),
    st.sampled_from(["text/plain", "text/html", "image/png"]),
    st.sampled_from(["7bit", "base64", "quoted-printable"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.just("\n"), max_size=200),
)
trees = st.recursive(leaves, lambda below: st.lists(below, min_size=1, max_size=3).map(list), max_leaves=8)


def built(tree: Any, boundary: str, newline: str) -> bytes:
    import base64
    import quopri

    if isinstance(tree, list):
        parts = [built(child, f"{boundary}{n}", newline) for n, child in enumerate(tree)]
        lines = [f'Content-Type: multipart/mixed; boundary="{boundary}"', ""]
        head = newline.join(lines).encode() + newline.encode()
        between = f"--{boundary}{newline}".encode()
        return head + b"".join(between + one + newline.encode() for one in parts) + f"--{boundary}--".encode()
    kind, encoding, body = tree
    octets: bytes = body.replace("\n", newline).encode()
    if encoding == "base64":
        octets = base64.encodebytes(octets).replace(b"\n", newline.encode())
    elif encoding == "quoted-printable":
        octets = quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", newline.encode())
    header = f"Content-Type: {kind}{newline}Content-Transfer-Encoding: {encoding}{newline}{newline}"
    return header.encode() + octets


@settings(max_examples=150)
@given(trees, st.sampled_from(["\n", "\r\n"]))
def test_any_well_formed_tree_is_that_of_pythons_parser(tree: Any, newline: str) -> None:
    """However parts are nested, encoded and filled, both see the same parts with the same content."""
    source = f"From: a@b.example{newline}MIME-Version: 1.0{newline}".encode() + built(tree, "=_b", newline)
    agrees(source)


def test_parts_that_are_too_deep_or_too_many_are_not_told_apart() -> None:
    """At the limits the tree ends, and says so."""
    deep = mime.structure(NASTY["60 levels"])
    assert max(part.number.count(".") for part in deep.walk()) == DEPTH_LIMIT - 1
    assert [part.is_whole for part in deep.walk()][-1] is False
    many = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * (PART_LIMIT + 10)
    root = mime.structure(many)
    assert (len(list(root.walk())), root.is_whole) == (PART_LIMIT, False)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"Content-Type: image/png; name=a.png", ("image/png", "a.png", "", "7bit")),
        (b'content-type : IMAGE/PNG ;\r\n NAME = "a b.png"', ("image/png", "a b.png", "", "7bit")),
        (b"Content-Type: x/y\r\nContent-Disposition: Attachment; filename*=utf-8''%C3%BC%20x.pdf",
         ("x/y", "ü x.pdf", "attachment", "7bit")),
        (b"Content-Type: x/y; name=no\r\nContent-Disposition: inline; filename*0*=iso-8859-1'de'%FC; filename*1=b",
         ("x/y", "üb", "inline", "7bit")),
        (b'Content-Type: x/y; name="=?utf-8?q?=C3=BC=2Epdf?="', ("x/y", "ü.pdf", "", "7bit")),
        (b'Content-Type: x/y; name="a\\"b;c.pdf"; x=y', ("x/y", 'a"b;c.pdf', "", "7bit")),
        (b"Content-Type: x/y; name=\xfc", ("x/y", "\ufffd", "", "7bit")),
        (b"Content-Type: nonsense", ("text/plain", "", "", "7bit")),
        (b"X-Content-Type: a/b", ("text/plain", "", "", "7bit")),
        (b"Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Transfer-Encoding: BASE64 (c)", ("a/b", "", "", "base64")),
    ],
)  # fmt: skip
def test_a_part_is_what_its_header_says(header: bytes, expected: tuple[str, str, str, str]) -> None:
    """Media type, file name, disposition and encoding, however they are spelled, folded, quoted and encoded."""
    part = mime.structure(header + b"\r\n\r\n")
    assert (part.media_type, part.filename, part.disposition, part.encoding) == expected


@pytest.mark.parametrize(
    "piece",
    [b"\n--", b"\n--b", b"\n--bx", b"\n--b ", b"\n\n", b"\r", b"a:\n", b"Content-Type: a/b;", b"\n--b\n", b"=", b"("],
)
def test_a_long_hostile_source_comes_to_an_end(piece: bytes) -> None:
    """A megabyte of any one thing is dealt with, and so is one that every level of a deep tree looks through."""
    body = piece * (1_000_000 // len(piece))
    multipart = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    levels = b"".join(b"Content-Type: multipart/mixed; boundary=c%d\r\n\r\n--c%d\r\n" % (n, n) for n in range(40))
    for source in (body, multipart + body, HEAD + levels + body):
        check_tree(source, mime.structure(source))
