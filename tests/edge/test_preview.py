"""What is in a file: told for each kind, and honest about what is not known."""

import bz2
import gzip
import io
import lzma
import os
import socket
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cfmail_tui.preview import Preview, pictures, preview
from cfmail_tui.preview.reading import OpenFile
from cfmail_tui.preview.shown import Room
from tests.edge.preview_files import MAIL, MIB, PICTURES, pdf, picture, png_header, shown, tarred, zipped


@pytest.mark.parametrize(
    ("content", "fact", "line"),
    [
        (b"one\ntwo\n", "text, ASCII, 2 lines", "one"),
        ("Grüße 🦊".encode(), "text, UTF-8, 1 line", "Grüße 🦊"),
        ("Grüße\r\nx".encode("utf-16"), "text, UTF-16, 2 lines", "Grüße"),
        ("\ufeffGrüße".encode("utf-16-be"), "text, UTF-16, 1 line", "Grüße"),
        ("\ufeffGrüße".encode("utf-32-le"), "text, UTF-32, 1 line", "Grüße"),
        ("Grüße".encode("utf-8-sig"), "text, UTF-8 with a byte order mark, 1 line", "Grüße"),
        ("Grüße".encode("latin-1"), "text, probably ISO 8859-1 (Latin-1), 1 line", "Grüße"),
        ("für 5 €".encode("windows-1252"), "text, probably Windows-1252, 1 line", "für 5 €"),
    ],
)
def test_text_is_shown_with_its_character_set(tmp_path: Path, content: bytes, fact: str, line: str) -> None:
    """The first lines are shown in the character set they are in, which is said; a guess is called one."""
    found = shown(tmp_path, content)
    assert found.facts == (fact,)
    assert found.lines[0] == line


def test_controls_in_text_are_kept(tmp_path: Path) -> None:
    """Controls are part of what is shown; the screen makes them visible."""
    assert shown(tmp_path, b"a\x1b[31mb\tc\rd\n").lines == ("a\x1b[31mb\tc", "d")


def test_text_fits_its_pane(tmp_path: Path) -> None:
    """Lines that are too many or too long for the pane are cut, the long ones visibly."""
    found = shown(tmp_path, b"abcdefghij\n" * 100, columns=5, rows=10)
    assert found.lines == ("abcd…",) * 8


@pytest.mark.parametrize("rows", range(1, 6))
@pytest.mark.parametrize("columns", [1, 2, 3])
def test_the_smallest_panes(tmp_path: Path, columns: int, rows: int) -> None:
    """However small the pane is, the preview fits into it."""
    for content in (b"From: a@b.example\nSubject: x\n\ntext\n" * 9, b"\0" * 99, picture("PNG")):
        found = shown(tmp_path, content, columns, rows)
        assert len(found.facts) <= rows
        assert len(found.facts) + 1 + len(found.lines) <= max(rows, len(found.facts) + 1)
        assert all(len(line) <= columns for line in found.lines)
        assert not found.picture or (found.picture.width <= columns and len(found.picture.rows) <= 2 * rows)


def test_a_character_cut_by_the_limit_of_reading_is_no_mistake(tmp_path: Path) -> None:
    """Text in UTF-8 is called so also where what was read of it ends inside a character."""
    assert shown(tmp_path, b"x" + "ü".encode() * 40_000).facts == ("text, UTF-8",)


def test_the_rest_is_shown_as_octets(tmp_path: Path) -> None:
    """A file of no known kind is shown in hexadecimal: 16 octets a row, 8 in a narrow pane, and the row fits."""
    content = bytes(range(256))
    wide, narrow = (shown(tmp_path, content, columns=columns) for columns in (60, 59))
    assert wide.facts == ("data of no known kind",)
    assert wide.lines[2] == "020 2021 2223 2425 2627 2829 2a2b 2c2d 2e2f  !\"#$%&'()*+,-./"
    assert narrow.lines[4] == "020 2021 2223 2425 2627  !\"#$%&'"
    assert max(map(len, wide.lines)) <= 60


def test_a_known_signature_names_the_kind(tmp_path: Path) -> None:
    """What is recognised is named, although it is not looked into."""
    assert shown(tmp_path, b"SQLite format 3\0" + bytes(99)).facts == ("SQLite database",)


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_is_shown(tmp_path: Path, kind: str) -> None:
    """Kind and size are told, and the pixels are the picture's."""
    found = shown(tmp_path, PICTURES[kind])
    assert found.facts == (f"{kind.partition(' ')[0]} picture, 64 × 32 pixels",)
    assert found.picture
    assert found.picture.width == 64
    assert len(found.picture.rows) == 32
    left, right = found.picture.rows[16][4], found.picture.rows[16][60]
    assert left[0] - left[2] > 150
    assert right[2] - right[0] > 150


@pytest.mark.parametrize("kind", PICTURES)
def test_without_pillow_a_picture_has_facts(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, kind and size are told all the same, and how to get pictures."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    found = shown(tmp_path, PICTURES[kind])
    assert found.facts == (f"{kind.partition(' ')[0]} picture, 64 × 32 pixels", pictures.HINT)
    assert not found.picture


def test_a_picture_keeps_its_shape(tmp_path: Path) -> None:
    """A picture is scaled to fit with its sides in proportion, two pixels to a row."""
    found = shown(tmp_path, picture("PNG", (800, 200)), columns=40, rows=22).picture
    assert found
    assert (found.width, len(found.rows)) == (40, 10)


def test_a_picture_taken_sideways_is_turned(tmp_path: Path) -> None:
    """The orientation a camera wrote is followed: what was left is on top."""
    exif = Image.Exif()
    exif[0x0112] = 6
    found = shown(tmp_path, picture("JPEG", (400, 100), exif=exif), columns=40, rows=12).picture
    assert found
    assert (found.width, len(found.rows)) == (5, 20)
    assert found.rows[0][2][0] > 200


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_pictures_of_every_mode(tmp_path: Path, mode: str) -> None:
    """Palettes, grey of 16 bits, transparency: light is light. What is transparent is white."""
    light: Any = {"1": 1, "L": 250, "LA": (0, 0), "P": 0, "RGBA": (0, 0, 0, 0), "I;16": 64_000}[mode]
    image = Image.new(mode, (8, 8), light)
    if mode == "P":
        image.putpalette([250, 250, 250])
    file = io.BytesIO()
    image.save(file, "PNG")
    found = shown(tmp_path, file.getvalue()).picture
    assert found
    assert min(found.rows[3][3]) > 240


def test_a_picture_bomb_is_not_decoded(tmp_path: Path) -> None:
    """A few octets that claim to be a huge picture are believed in the facts only."""
    found = shown(tmp_path, png_header(100_000, 100_000) + bytes(100))
    assert found.facts == ("PNG picture, 100,000 × 100,000 pixels", "too big to be shown")


def test_a_broken_picture_is_told(tmp_path: Path) -> None:
    """A picture that cannot be decoded has its facts and says so."""
    found = shown(tmp_path, png_header(10, 10) + bytes(100))
    assert found.facts == ("PNG picture, 10 × 10 pixels", "it cannot be decoded")


@pytest.mark.parametrize("limits", [{"memory": 16 * MIB}, {"seconds": 0}], ids=str)
def test_a_decoder_that_needs_too_much_is_ended(tmp_path: Path, limits: dict[str, int]) -> None:
    """Where memory or time for a picture is used up, the decoder ends, and there is no picture."""
    (tmp_path / "file").write_bytes(PICTURES["PNG"])
    with OpenFile(str(tmp_path / "file")) as file:
        assert pictures.decoded(file, "PNG", Room(10, 10))
        assert pictures.decoded(file, "PNG", Room(10, 10), **limits) is None


def test_a_zip_archive(tmp_path: Path) -> None:
    """Entries are counted and named with their sizes."""
    found = shown(tmp_path, zipped("a.txt", "ordner/b ü.txt", content=b"x" * 5000))
    assert found.facts == ("zip archive, 2 entries", "unpacked 10,000 octets")
    assert found.lines == ("        5,000  a.txt", "        5,000  ordner/b ü.txt")


def test_a_zip_archive_behind_a_program(tmp_path: Path) -> None:
    """The directory is found also where the offsets in the archive do not count from the file's beginning."""
    content = zipped("a.txt")
    assert shown(tmp_path, b"PK\x03\x04 not the archive" + content).lines == ("            1  a.txt",)


@pytest.mark.slow
def test_a_zip_archive_of_many_entries(tmp_path: Path) -> None:
    """More entries than the old format can count are counted in the new one."""
    found = shown(tmp_path, zipped(*(f"{number}" for number in range(70_000))))
    assert found.facts[0] == "zip archive, 70,000 entries"
    assert found.lines[0].endswith("  0")


def test_an_encrypted_zip_archive_is_called_so(tmp_path: Path) -> None:
    """That someone will be asked for a password is a fact."""
    content = bytearray(zipped("a.txt"))
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    assert "encrypted: it asks for a password" in shown(tmp_path, bytes(content)).facts


def test_a_document_in_a_zip_archive(tmp_path: Path) -> None:
    """What an archive says it is, it is called."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("content", "x")
    assert shown(tmp_path, file.getvalue()).facts[0] == "zip archive of type application/epub+zip, 2 entries"


def test_a_zip_archive_cut_short(tmp_path: Path) -> None:
    """An archive without its directory is damaged, not empty."""
    assert shown(tmp_path, zipped("a.txt")[:-30]).facts == ("zip archive", "its directory is missing or damaged")


@pytest.mark.parametrize(
    ("mode", "packed"),
    [("w:", ""), ("w:gz", ", packed with gzip"), ("w:bz2", ", packed with bzip2"), ("w:xz", ", packed with xz")],
)
@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
def test_a_tar_archive(tmp_path: Path, mode: str, packed: str, format: int) -> None:  # noqa: A002
    """Entries are counted and named, also with long names and packed."""
    long = "ordner/" * 40 + "ü.txt"
    found = shown(tmp_path, tarred("a.txt", long, mode=mode, content=b"x" * 5000, format=format), columns=400)
    assert found.facts == (f"tar archive{packed}, 2 entries", "unpacked 10,000 octets")
    assert found.lines == ("        5,000  a.txt", f"        5,000  {long}")


def test_a_tar_archive_cut_short(tmp_path: Path) -> None:
    """Where the end does not come, there may have been more."""
    found = shown(tmp_path, tarred("a.txt", "b.txt")[:1100])
    assert found.facts[0] == "tar archive, at least 1 entry"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_text_is_shown(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Of a packed file that is no archive, the beginning is shown."""
    found = shown(tmp_path, pack(b"one\ntwo\n" * 10))
    assert found.facts[0].startswith("text, ASCII, packed with")
    assert found.lines[:2] == ("one", "two")


def test_damaged_packed_files_are_told(tmp_path: Path) -> None:
    """What cannot be unpacked is named as what it is."""
    assert shown(tmp_path, b"\x1f\x8b\x08garbage").facts == ("packed with gzip", "nothing could be unpacked")


CATALOG = (1, b"<< /Type /Catalog /Pages 2 0 R >>")
PAGES = (2, b"<< /Type /Pages /Kids [3 0 R] /Count 12 >>")


@pytest.mark.parametrize(
    ("title", "words"),
    [
        (rb"(Annual \(draft\) report \344)", "Annual (draft) report ä"),
        (b"<FEFF" + "Grüße".encode("utf-16-be").hex().encode() + b">", "Grüße"),
        (b"(\xef\xbb\xbf" + "Grüße".encode() + b")", "Grüße"),
    ],
)
def test_a_pdf(tmp_path: Path, title: bytes, words: str) -> None:
    """Version, pages and title are told; titles of outline entries are not taken for it."""
    info = (9, b"<< /Producer (x) /Title " + title + b" >>")
    outline = (5, b"<< /Title (Chapter 1) /Parent 4 0 R >>")
    content = pdf(CATALOG, PAGES, outline, info, trailer=b"<< /Root 1 0 R /Info 9 0 R >>")
    assert shown(tmp_path, content).facts == ("PDF 1.7, 12 pages", f"title: {words}")


def object_stream(*objects: tuple[int, bytes]) -> bytes:
    table, texts = b"", b""
    for number, text in objects:
        table += b"%d %d " % (number, len(texts))
        texts += text + b" "
    packed = zlib.compress(table + texts)
    return b"<< /Type /ObjStm /N %d /First %d >>\nstream\n%s\nendstream" % (len(objects), len(table), packed)


def test_a_pdf_with_object_streams(tmp_path: Path) -> None:
    """The page tree is found also where it is packed, as newer programs do."""
    xref = (8, b"<< /Type /XRef /Root 1 0 R >>\nstream\n\nendstream")
    assert shown(tmp_path, pdf((7, object_stream(CATALOG, PAGES)), xref, trailer=b"")).facts == ("PDF 1.7, 12 pages",)


def test_an_updated_pdf(tmp_path: Path) -> None:
    """Where a program has appended a newer page tree, that one counts."""
    newer = pdf((2, b"<< /Type /Pages /Kids [] /Count 13 >>"), trailer=b"<< /Root 1 0 R /Prev 9 >>")
    content = pdf(CATALOG, PAGES, trailer=b"<< /Root 1 0 R >>") + newer
    assert shown(tmp_path, content).facts == ("PDF 1.7, 13 pages",)


def test_a_big_pdf_that_was_updated_has_unknown_pages(tmp_path: Path) -> None:
    """A page count that may have been replaced in the middle, which is not read, is not told."""
    filler = (6, b"x" * MIB)
    once = pdf(CATALOG, PAGES, filler, trailer=b"<< /Root 1 0 R >>")
    assert shown(tmp_path, once).facts == ("PDF 1.7, 12 pages",)
    assert shown(tmp_path, once.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev 9")).facts == ("PDF 1.7, pages unknown",)


def test_a_linearized_pdf(tmp_path: Path) -> None:
    """A file made for the web says its pages at its beginning, and is believed as long as nothing was appended."""
    linear = b"%%PDF-1.4\n1 0 obj\n<< /Linearized 1 /L %7d /N 34 >>\nendobj\n" + b"x" * MIB
    content = linear % (MIB + 64)
    content = linear % len(content)
    assert shown(tmp_path, content).facts == ("PDF 1.4, 34 pages",)
    assert shown(tmp_path, content + b"more").facts == ("PDF 1.4, pages unknown",)


def test_an_encrypted_pdf(tmp_path: Path) -> None:
    """That it is encrypted is told, and its title, which is no text then, is not."""
    trailer = b"<< /Root 1 0 R /Info 9 0 R /Encrypt 8 0 R >>"
    found = shown(tmp_path, pdf(CATALOG, PAGES, (9, b"<< /Title (\x01\x02) >>"), trailer=trailer))
    assert found.facts == ("PDF 1.7, 12 pages", "encrypted: it may ask for a password")


def test_an_e_mail(tmp_path: Path) -> None:
    """Who, what, when and the parts, then the first text."""
    for content in (MAIL, MAIL.replace(b"\n", b"\r\n")):
        found = shown(tmp_path, content)
        assert found.facts == (
            "e-mail, 3 parts", "From: Jürgen <j@example.com>", "To: ann@example.com", "Subject: Grüße",
            "Date: Mon, 23 Nov 2026 07:00:00 +0000",
        )  # fmt: skip
        assert found.lines == ("text/plain", "text/html", "application/pdf  report.pdf", "", "Grüße")


def test_an_e_mail_of_one_part(tmp_path: Path) -> None:
    """A plain mail shows its text."""
    found = shown(tmp_path, b"From: a@example.com\nSubject: x\n\nHi\n--\nAnn\n")
    assert found.facts[0] == "e-mail, 1 part"
    assert found.lines == ("Hi", "--", "Ann")


def test_text_that_begins_like_a_header_is_text(tmp_path: Path) -> None:
    """Not everything with a colon is a mail."""
    assert shown(tmp_path, b"Note: this\nTodo: that\n").facts == ("text, ASCII, 2 lines",)


def test_an_empty_file(tmp_path: Path) -> None:
    """Nothing is a fact, too."""
    assert shown(tmp_path, b"") == Preview(("empty",))


def test_a_folder(tmp_path: Path) -> None:
    """A folder tells how many entries it has."""
    assert preview(str(tmp_path), 80, 24).facts == ("empty folder",)
    (tmp_path / "one").touch()
    assert preview(str(tmp_path), 80, 24).facts == ("folder with 1 entry",)
    (tmp_path / "two").touch()
    assert preview(str(tmp_path), 80, 24).facts == ("folder with 2 entries",)


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    """A FIFO without a writer, a device and a socket are told, and nothing is waited for."""
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        kinds = [preview(str(path), 80, 24).facts[0] for path in (tmp_path / "fifo", tmp_path / "socket", "/dev/tty")]
    assert kinds == [
        "a named pipe: it has no content of its own", "a socket: it has no content of its own", "a device",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gone", "cannot be read: no such file or directory"),
        ("x" * 300, "cannot be read: file name too long"),
        ("loop", "cannot be read: too many levels of symbolic links"),
        ("nul\0", "not a path"),
        ("\ud800", "not a path"),
    ],
)
def test_what_cannot_be_opened_is_told(tmp_path: Path, name: str, reason: str) -> None:
    """A file that is gone, or a path that is none, is a fact."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert preview(f"{tmp_path}/{name}", 80, 24) == Preview((reason,))


def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    """A file the user may not read, and one whose reading fails, is a fact."""
    reason = "cannot be read: input/output error"
    assert preview("/proc/self/mem", 80, 24) == Preview((reason,))
    (tmp_path / "file").write_text("secret")
    (tmp_path / "file").chmod(0)
    if os.geteuid():
        assert preview(str(tmp_path / "file"), 80, 24) == Preview(("cannot be read: permission denied",))
