"""No file can raise, hang or exhaust anything by being looked at; octets read and memory are counted, not time."""

import bz2
import gzip
import lzma
import os
import struct
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfmail_tui.preview import Preview, archives, preview, reading
from tests.edge.preview_files import MAIL, MIB, PICTURES, pdf, png_header, shown, tarred, zipped


def octets_read() -> int:
    """Octets this process has read through system calls."""
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counters["rchar"])


def bounded(path: Path) -> Preview:
    """The preview, made within the limits of octets read and of memory."""
    preview(str(path), 80, 24)  # what is imported once is not counted
    before = octets_read()
    tracemalloc.start()
    try:
        found = preview(str(path), 80, 24)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert octets_read() - before <= reading.ALLOWANCE + 64 * 1024
    assert peak < 10 * MIB
    return found


SIGNATURES = [
    b"", png_header(1000, 1000), b"GIF89a", b"\xff\xd8\xff\xe0", b"BM" + bytes(12) + b"\x28\0\0\0", b"RIFF    WEBPVP8X",
    b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08\0\0\0\0\0\0\0", b"BZh9", b"\xfd7zXZ\0", tarred("a")[:512],
    b"%PDF-1.7\n1 0 obj<</Type/ObjStm/First 9>>stream\n", b"%PDF-1.7\n", b"From: a\nSubject: b\n",
    b"From: a\nDate: b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n", b"\xff\xfe", b"\0\0\xfe\xff",
]  # fmt: skip

PIECES = [
    b"endobj", b"9 0 obj", b"/Root 9 0 R", b"/Pages 9 0 R", b"/Count ", b"/Title (", b"\n--b\n", b"\n\n", b"PK\x01\x02",
    b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06", b"\xff\xff\xff\xff", b"\xff\xc0", b"ustar", b"7" * 12, bytes(30),
    b'Content-Type: multipart/x; boundary="b"\n', b"=?utf-7?q?+2AA-?=",
]  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    signature=st.sampled_from(SIGNATURES),
    rest=st.lists(st.binary(max_size=40) | st.sampled_from(PIECES), max_size=30).map(b"".join),
    columns=st.integers(0, 200),
    rows=st.integers(0, 60),
)
def test_nothing_in_a_file_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signature: bytes, rest: bytes, columns: int, rows: int
) -> None:
    """Whatever follows a signature, there is a preview, with at least one fact and nothing too long."""
    monkeypatch.setitem(sys.modules, "PIL", None)  # the decoder is a process of its own, and too slow for this
    found = shown(tmp_path, signature + rest, columns, rows)
    assert found.facts
    assert len(found.facts) <= max(1, rows)
    assert all(len(line) <= max(1, columns) for line in found.lines)


@pytest.mark.parametrize("content", [*PICTURES.values(), zipped("a", "b"), tarred("a"), MAIL], ids=range(10))
def test_nothing_in_a_cut_file_raises(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a file ends too early, there is a preview."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    for length in {*range(0, min(len(content), 1200), 7), *range(0, len(content), 997)}:
        assert shown(tmp_path, content[:length]).facts


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda signature: signature[:8].hex() or "none")
def test_a_sparse_file_of_100_gb(tmp_path: Path, signature: bytes) -> None:
    """However big a file is, no more of it is read than is allowed, and little memory is used."""
    file = tmp_path / "file"
    file.write_bytes(signature)
    os.truncate(file, 100 * 1000**3)
    assert bounded(file).facts


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_bomb_is_not_unpacked(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Of 20 MiB in a few kilobytes only the beginning is unpacked."""
    (tmp_path / "file").write_bytes(pack(bytes(20 * MIB)))
    assert bounded(tmp_path / "file").facts[0].startswith("data, packed with")


def test_a_bomb_in_a_tar_archive_is_passed_over_no_further_than_allowed(tmp_path: Path) -> None:
    """A packed archive whose first member is huge has at least that one; no more is unpacked than is allowed."""
    (tmp_path / "file").write_bytes(tarred("big", "small", mode="w:gz", content=bytes(archives.UNPACKED * 2)))
    found = bounded(tmp_path / "file")
    assert found.facts[0] == "tar archive, packed with gzip, at least 1 entry"
    assert found.facts[1].startswith("unpacked over ")


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """What is packed in a zip archive is not touched, however much it would be."""
    (tmp_path / "file").write_bytes(zipped("a", "b", content=bytes(20 * MIB)))
    assert bounded(tmp_path / "file").facts == ("zip archive, 2 entries", f"unpacked {40 * MIB:,} octets")


def test_a_directory_that_claims_to_be_huge_is_not_believed(tmp_path: Path) -> None:
    """A zip archive that says its directory has 4 GB, in a file as big, costs no memory."""
    file = tmp_path / "file"
    file.write_bytes(b"PK\x03\x04")
    os.truncate(file, 4 * 1024**3)
    with file.open("ab") as end:
        end.write(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 65_535, 65_535, 2**32 - 1, 4, 0))
    assert bounded(file).facts[0].startswith("zip archive, 65,535 entries")


def test_objects_of_a_pdf_that_overlap_are_not_unpacked(tmp_path: Path) -> None:
    """An object stream whose table names the same octets many times over does not multiply them."""
    table = b"".join(b"%d %d " % (number, number % 2 * 100_000) for number in range(2_000))
    packed = zlib.compress(table + b"x" * 100_000)
    stream = b"<< /Type /ObjStm /First %d >>stream\n" % len(table) + packed
    (tmp_path / "file").write_bytes(pdf((7, stream), trailer=b""))
    assert bounded(tmp_path / "file").facts == ("PDF 1.7, pages unknown",)


@pytest.mark.parametrize("piece", [b"--b\n", b"--b\nContent-Type: multipart/x; boundary=c\n\n", b"a:\n", b"\n "])
def test_a_mail_of_many_parts(tmp_path: Path, piece: bytes) -> None:
    """Of a mail with hundreds of thousands of parts, fields or folds some are told."""
    header = b"From: a\nDate: b\nContent-Type: multipart/mixed; boundary=b\n\n"
    (tmp_path / "file").write_bytes(header + piece * (3 * MIB // len(piece)))
    assert bounded(tmp_path / "file").facts[0].startswith("e-mail, at least ")


def test_no_secret_reaches_the_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that meets a foreign picture does not have our environment."""
    spy = tmp_path / "python"
    spy.write_text(f"#!/bin/sh\nenv > {tmp_path}/environment\nexit 1\n")
    spy.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(spy))
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "secret-value")
    assert shown(tmp_path, PICTURES["PNG"]).facts[1:] == ("it cannot be decoded",)
    assert "secret-value" not in (tmp_path / "environment").read_text()


def test_a_tar_archive_of_many_entries_is_read_no_further_than_allowed(tmp_path: Path) -> None:
    """An archive with no directory is not read through for its count: it has at least what was seen."""
    (tmp_path / "file").write_bytes(tarred("a", content=b"")[:512] * 20_000)
    found = bounded(tmp_path / "file")
    assert found.facts == (f"tar archive, at least {(reading.ALLOWANCE - 64 * 1024) // 512:,} entries",)
