"""The program that decodes a picture: standard input is its file, standard output its pixels. Needs Pillow.

It is a process of its own, so that a picture made to break or to occupy a decoder does so to this one: it has no
more memory and processor time than it allows itself, and the mail that is being written is elsewhere.

    python decoder.py FORMAT COLUMNS ROWS MEMORY SECONDS      (pixels, octets)

writes `WIDTH HEIGHT`, a line end, and three octets for each pixel of the first frame, made to fit into COLUMNS x ROWS
and turned as its EXIF orientation says; what is transparent is white. Any failure is an exit code other than 0.
"""

import resource
import sys
from contextlib import suppress
from pathlib import Path


def main() -> None:
    kind, columns, rows, memory, seconds = sys.argv[1], *map(int, sys.argv[2:])
    from PIL import Image, ImageOps

    for limit, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (most, most))
    with suppress(OSError):  # where memory is short, the system ends this process, not the composer
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    with Image.open(sys.stdin.buffer, formats=(kind,)) as image:
        turned = image.getexif().get(0x0112, 1) >= 5
        bounds = (rows, columns) if turned else (columns, rows)
        image.draft("RGB", bounds)  # a JPEG is decoded at as little as an eighth of its size, which saves the most
        if image.mode.startswith("I"):  # grey of 16 bits
            grey = image.convert("F").point(lambda value: value * (1 / 256) + 0).convert("L")
            grey.thumbnail(bounds)
            small = grey.convert("RGBA")
        else:
            image.thumbnail(bounds)
            small = ImageOps.exif_transpose(image).convert("RGBA")
    pixels = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small).convert("RGB")
    sys.stdout.buffer.write(b"%d %d\n" % pixels.size + pixels.tobytes())


if __name__ == "__main__":
    main()
