"""A message as lines with its long bodies folded: octet for octet the same, places in it, and what was changed."""

import base64

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cfmail_tui import mime
from cfmail_tui.mime import folding
from cfmail_tui.mime.folding import LONG_BASE64, LONG_BODY, MARK, Folded, Offsets, folded, unfolded
from tests.core.nasty_mails import HEAD, NASTY, python_mails

MAILS = NASTY | python_mails()
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


def in_base64(content: bytes, newline: bytes = b"\r\n") -> bytes:
    return base64.encodebytes(content).replace(b"\n", newline)


def part(content_type: bytes, body: bytes, encoding: bytes = b"base64") -> bytes:
    return b"--b\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n%s\r\n" % (content_type, encoding, body)


PICTURE = part(b"image/png; name=a.png", in_base64(bytes(range(256)) * 8))
BINARY = part(b"application/octet-stream; name=b.bin", bytes(range(256)), b"binary")
TEXT = b"--b\r\n\r\nHello.\r\n"
MAIL = MIXED + TEXT + PICTURE + BINARY + b"--b--\r\n"


def view(source: bytes) -> Folded:
    return folded(source, mime.structure(source))


def restored(found: Folded) -> bytes:
    return unfolded(found.lines, found.folds, found.newline)


@pytest.mark.parametrize("name", MAILS)
def test_every_mail_comes_back_octet_for_octet(name: str) -> None:
    """Whatever is wrong with a message, its lines are the message; no line of an editable one has a line end in it."""
    found = view(MAILS[name])
    assert restored(found) == MAILS[name]
    if not found.unkept:
        text = "\n".join(found.lines)
        assert [*text.splitlines(), *([""] if text.endswith("\n") or not text else [])] == [*found.lines]


WORDS = [
    b"--b", b"--b--", b"\r\n--b\r\n", b"\n--b\n", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b"=", b"\xfc", b"\0",
    b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: message/rfc822\n", b"Content-Type: image/png\r\n",
    b"Content-Type: application/octet-stream\n", b"Content-Transfer-Encoding: base64\r\n", b"a" * (LONG_BASE64 + 1),
    b"Content-Transfer-Encoding: binary\r\n", in_base64(b"x" * 900), in_base64(b"y" * 900, b"\n"), MARK.encode(),
    next(iter(view(MAIL).folds)).encode(), PICTURE, BINARY, "\u2028\x0c".encode(),
]  # fmt: skip
ANYTHING = st.binary(max_size=300) | st.lists(st.sampled_from(WORDS), max_size=25).map(b"".join)
MESSAGES = ANYTHING | ANYTHING.map(lambda octets: MIXED + octets)


@settings(max_examples=300)
@given(MESSAGES)
def test_any_octets_come_back(source: bytes) -> None:
    """No octets make folding fail or change."""
    assert restored(view(source)) == source


@settings(max_examples=200)
@given(MESSAGES, st.data())
def test_any_place_has_its_octet(source: bytes, data: st.DataObject) -> None:
    """From an octet to a place and back it is the same, or the beginning of the character, line end or fold there."""
    found = view(source)
    places = Offsets(found.lines, found.folds, found.newline)
    for _ in range(5):
        offset = data.draw(st.integers(0, len(source)))
        line, column = places.at(offset)
        back = places.of(line, column)
        assert back <= offset
        text = found.lines[line]
        if text not in found.folds and text.removesuffix("\r") not in found.folds:
            assert offset - back < 4
        elif column:
            assert offset - back <= len(found.newline)
        places.forget(data.draw(st.integers(0, len(found.lines))))
    assert places.at(len(source) + 1) == (len(found.lines) - 1, len(found.lines[-1]))


def test_long_bodies_are_one_line_each() -> None:
    """Base64 and binary bodies are folded, with what they are; text and what stands around stays as it is."""
    found = view(MAIL)
    assert not found.unkept
    picture, binary = found.folds.values()
    assert (picture.media_type, picture.filename, picture.size) == ("image/png", "a.png", 2048)
    assert (binary.encoding, bytes(binary.octets)) == ("binary", bytes(range(256)))
    folds = [line for line in found.lines if line in found.folds]
    assert [line.partition(" · ")[0] for line in folds] == ["▸ base64", "▸ binary"]
    assert "Hello." in found.lines
    assert found.lines[-2:] == ("--b--", "")


def test_what_cannot_be_kept_matters_only_outside() -> None:
    """Latin-1 in a text is a reason not to edit, at its place in the message; the same in a binary body is none."""
    source = MAIL.replace(b"--b--", b"--b\r\n\r\nGr\xfc\xdfe\r\n--b--")
    (reason,) = view(source).unkept
    assert source[reason.offset : reason.offset + 1] == b"\xfc"


def test_a_fold_is_no_other_line() -> None:
    """A text that looks exactly like a fold stays a text."""
    (line, *_) = view(MAIL).folds
    source = MAIL.replace(b"Hello.", line.encode())
    found = view(source)
    assert line in found.lines
    assert line not in found.folds
    assert len(found.folds) == 2
    assert restored(found) == source


def test_the_same_body_has_the_same_line() -> None:
    """Two bodies alike share a line; two that differ have one each, also where they say the same."""
    twice = view(MIXED + PICTURE * 2 + b"--b--\r\n")
    assert len(twice.folds) == 1
    other = PICTURE.replace(b"AAEC", b"BAEC")
    assert len(view(MIXED + PICTURE + other + b"--b--\r\n").folds) == 2
    assert {*view(MIXED + PICTURE + b"--b--\r\n").folds} <= {*view(MAIL).folds}


def test_a_text_too_long_to_lay_out_is_folded() -> None:
    """A text of a megabyte is a line until somebody unfolds it; one that is not laid out says why."""
    source = HEAD + b"\r\n" + b"line\r\n" * (LONG_BODY // 5)
    found = view(source)
    (fold,) = found.folds.values()
    assert len(found.lines) < 10
    assert not folding.why_not_lines(fold.octets, found.newline)
    assert b"\r\n".join(line.encode() for line in folding.laid_out(fold, b"\r\n")) == bytes(fold.octets)
    assert "end otherwise" in folding.why_not_lines(fold.octets, b"\n")
    assert "U+0000" in folding.why_not_lines(b"\0", b"\n")
    assert "MiB" in folding.why_not_lines(b"a" * (folding.LAID_OUT_LIMIT + 1), b"\n")


@pytest.mark.parametrize("encoding", [b"base64", b"binary", b"quoted-printable"])
def test_other_content_in_a_fold(encoding: bytes) -> None:
    """What is put into a fold is what a reader of the message gets."""
    source = MIXED + part(b"image/png", b"\0" * 900, encoding) + b"--b--\r\n"
    found = view(source)
    ((line, fold),) = found.folds.items()
    content = bytes(range(256)) * 5
    new = folding.refilled(fold, content, found.newline)
    sent = unfolded(found.lines, {line: new}, found.newline)
    (there,) = mime.structure(sent).parts
    assert b"".join(mime.content(sent, there)) == content
    assert new.size == len(content)


def test_an_unknown_encoding_takes_no_content() -> None:
    """What cfmail cannot encode is not replaced, and says so."""
    source = MIXED + part(b"image/png", b"\0" * 900, b"x-uuencode") + b"--b--\r\n"
    (fold,) = view(source).folds.values()
    assert "x-uuencode" in folding.why_not_refilled(fold)


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from([b"a", b"", b"--b", TEXT[:-2], PICTURE[:-2], BINARY[:-2], "ü".encode()]), max_size=8),
    st.lists(st.sampled_from([b"a", b"", b"--b", TEXT[:-2], PICTURE[:-2], BINARY[:-2], "ü".encode()]), max_size=8),
    st.booleans(),
)
@example([b"a"], [], False)
@example([], [b"", b""], False)
@example([PICTURE[:-2]], [PICTURE[:-2].replace(b"AAEC", b"BAEC")], True)
def test_a_difference_makes_one_message_of_the_other(old: list[bytes], new: list[bytes], is_laid_out: bool) -> None:
    """The lines that differ, put in place, give the new message, whatever is folded before."""
    before, after = (MIXED + b"\r\n".join(lines) for lines in (old, new))
    was = view(before)
    if was.unkept or view(after).unkept:
        return
    lines = [*was.lines]
    if is_laid_out:
        for line, fold in was.folds.items():
            if line in lines and not folding.why_not_lines(fold.octets, was.newline):
                at = lines.index(line)
                lines[at : at + 1] = folding.laid_out(fold, was.newline)
    there = folded(after, mime.structure(after), was.folds)
    change = folding.difference(lines, was.folds, after, there)
    lines[change.first : change.last] = change.lines
    assert unfolded(lines, {**was.folds, **there.folds}, was.newline) == after
