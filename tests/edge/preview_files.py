"""Files of every kind, made for the tests of the preview."""

import io
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

from PIL import Image

from cfmail_tui.preview import Preview, preview

MIB = 1024 * 1024


def shown(folder: Path, content: bytes, columns: int = 80, rows: int = 24) -> Preview:
    """The preview of a file with this content."""
    file = folder / "file"
    file.write_bytes(content)
    return preview(str(file), columns, rows)


def picture(kind: str, size: tuple[int, int] = (64, 32), **options: object) -> bytes:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, *size))
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


PICTURES = {
    "PNG": picture("PNG"),
    "GIF": picture("GIF"),
    "JPEG": picture("JPEG", progressive=True, comment=b"c" * 60_000),
    "BMP": picture("BMP"),
    "WebP": picture("WEBP", lossless=True),
    "WebP lossy": picture("WEBP", quality=99),
    "WebP extended": picture("WEBP", lossless=True, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"),
}


def png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def zipped(*names: str, content: bytes = b"x") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return file.getvalue()


def tarred(
    *names: str, mode: str = "w:", content: bytes = b"x", format: int = tarfile.PAX_FORMAT,  # noqa: A002 - tarfile's
) -> bytes:  # fmt: skip
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, format=format) as archive:  # type: ignore[call-overload]
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def pdf(*objects: tuple[int, bytes], trailer: bytes) -> bytes:
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % pair for pair in objects)
    return b"%PDF-1.7\n" + body + b"trailer\n" + trailer + b"\nstartxref\n0\n%%EOF\n"


MAIL = b"""\
From: =?utf-8?q?J=C3=BCrgen?= <j@example.com>
To: ann@example.com
Subject: =?utf-8?b?R3LDvMOfZQ==?=
Date: Mon, 23 Nov 2026 07:00:00 +0000
Content-Type: multipart/mixed; boundary="----=outer"

This text is no part.
------=outer
Content-Type: multipart/alternative;
 boundary=inner

--inner
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe
--inner
Content-Type: text/html

<p>x
--inner--
no part
------=outer
Content-Type: application/pdf; name="report.pdf"
Content-Transfer-Encoding: base64

eHh4
------=outer--
"""
