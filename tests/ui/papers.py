"""A folder of documents as people have them, to attach from."""

import os
import struct
import zipfile
import zlib
from pathlib import Path


def documents(home: Path) -> Path:
    """The folder, the same in every picture."""
    folder = home / "Documents"
    for name in ("Invoices", "Photos", "Travel 2026"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "sources.zip", "w") as archive:
        for name in ("report/report.tex", "report/figures/revenue.svg", "report/README"):
            archive.writestr(name, "x" * 900)
    files = {
        "budget 2026.xlsx": bytes(48_000),
        "logo.png": _png(160, 96),
        "minutes of May.txt": b"Minutes\n=======\n\nPresent: Alice, Bob, Carol\n\n1. The lease is renewed.\n2. Open.\n",
        "report.pdf": b"%PDF-1.7\n" + bytes(1_250_000),
        "report-draft.docx": bytes(96_000),
        "resume.pdf": b"%PDF-1.7\n" + bytes(150_000),
        ".notes.swp": b"x",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    for number, path in enumerate(sorted(folder.iterdir())):
        os.utime(path, (1_780_000_000 + 86_400 * number,) * 2)
    return folder


def _png(width: int, height: int) -> bytes:
    """A cloud before the evening sky."""

    def pixel(x: int, y: int) -> tuple[int, int, int]:
        is_cloud = any((x - at) ** 2 + 2 * (y - 55) ** 2 < size**2 for at, size in ((55, 26), (80, 38), (108, 28)))
        return (250, 250, 250) if is_cloud and y < 68 else (244 - y, 129 - y // 3, 32 + y)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(bytes([0, *(octet for x in range(width) for octet in pixel(x, y))]) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts
