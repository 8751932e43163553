"""Messages with something wrong in them, each with a note of what; and what Python's own tests have."""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

FROM: Final = b"From: me@example.com\r\nTo: you@example.net\r\n"
HEAD: Final = FROM + b"Subject: x\r\nMIME-Version: 1.0\r\n"
_MIXED: Final = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
_PART: Final = b"--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n"


def _typed(content_type: bytes, body: bytes, *more: bytes) -> bytes:
    return HEAD + b"Content-Type: " + content_type + b"\r\n" + b"".join(one + b"\r\n" for one in more) + b"\r\n" + body


def _deep(levels: int) -> bytes:
    head = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels))
    tail = b"".join(b"\r\n--b%d--" % n for n in reversed(range(levels)))
    return HEAD + head + b"\r\nthe bottom" + tail + b"\r\n"


NASTY: Final[dict[str, bytes]] = {
    "nothing": b"",
    "blanks only": b" \r\n\t\r\n",
    "one octet": b"x",
    "a lone CR": b"\r",
    "a lone LF": b"\n",
    "NUL alone": b"\0",
    "no header": b"\r\nbody\r\n",
    "no body, no empty line": FROM[:-2],
    "no From": b"To: you@example.net\r\n\r\nhi\r\n",
    "From twice": FROM + FROM + b"\r\nhi\r\n",
    "three dates": FROM + b"Date: a\r\nDate: b\r\nDate: c\r\n\r\nhi\r\n",
    "To twice, alike": FROM + b"To: you@example.net\r\n\r\nhi\r\n",
    "a field without a name": FROM + b": x\r\n\r\nhi\r\n",
    "a field with a blank in its name": FROM + b"X Y: z\r\n\r\nhi\r\n",
    "a line without a colon": FROM + b"junk\r\nSubject: x\r\n\r\nhi\r\n",
    "a fold at the beginning": b" fold\r\n" + FROM + b"\r\nhi\r\n",
    "the line of an mbox": b"From me@example.com Mon Nov 23 07:00:00 2026\r\n" + FROM + b"\r\nhi\r\n",
    "a Bcc field": FROM + b"Bcc: hidden@example.org\r\n\r\nhi\r\n",
    "LF only": (FROM + b"\r\nhi\r\n").replace(b"\r\n", b"\n"),
    "CR only": (FROM + b"\r\nhi\r\n").replace(b"\r\n", b"\r"),
    "CRLF and LF": FROM + b"\nhi\nho\r\n",
    "CR CR LF": FROM + b"\r\nhi\r\r\nho\r\n",
    "no line end at the end": FROM + b"\r\nhi",
    "Latin-1 in the subject": FROM + b"Subject: Gr\xfc\xdfe\r\n\r\nhi\r\n",
    "Latin-1 in a name": b"From: J\xf6rg <me@example.com>\r\nTo: you@example.net\r\n\r\nhi\r\n",
    "Latin-1 in an address": b"From: j\xf6rg@example.com\r\nTo: you@example.net\r\n\r\nhi\r\n",
    "Latin-1 in a quoted name and a comment": b'From: "J\xf6rg, O." <me@example.com> (b\xf6s)\r\n\r\nhi\r\n',
    "Latin-1 in a field name": FROM + b"X-\xfc: x\r\n\r\nhi\r\n",
    "Latin-1 in a Message-ID": FROM + b"Message-ID: <\xfc@x>\r\n\r\nhi\r\n",
    "UTF-8 in the header": FROM + "Subject: Grüße\r\n\r\nhi\r\n".encode(),
    "Latin-1 in the body, said": _typed(b"text/plain; charset=iso-8859-1", b"Gr\xfc\xdfe\r\n"),
    "Latin-1 in the body, not said": FROM + b"\r\nGr\xfc\xdfe\r\n",
    "Latin-1 that calls itself UTF-8": _typed(b"text/plain; charset=utf-8", b"Gr\xfc\xdfe\r\n"),
    "UTF-8 that calls itself ASCII": _typed(b"text/plain; charset=us-ascii", "Grüße\r\n".encode()),
    "UTF-16": _typed(b"text/plain; charset=utf-16", "hi\r\n".encode("utf-16")),
    "a charset nobody knows": _typed(b"text/plain; charset=klingon", b"hi\r\n"),
    "a charset that is a codec of Python's": _typed(b"text/plain; charset=rot13", b"hi\r\n"),
    "NUL in the body": FROM + b"\r\na\0b\r\n",
    "NUL in the header": FROM + b"Subject: a\0b\r\n\r\nhi\r\n",
    "binary without an encoding": _typed(b"application/octet-stream", bytes(range(256))),
    "an encoding called binary": _typed(b"text/plain", b"hi\r\n", b"Content-Transfer-Encoding: binary"),
    "an encoding nobody knows": _typed(b"text/plain", b"hi\r\n", b"Content-Transfer-Encoding: x-uuencode"),
    "base64 with junk in it": _typed(b"image/png", b"aGVs!bG8=\r\n", b"Content-Transfer-Encoding: base64"),
    "base64 with Latin-1 in it": _typed(b"image/png", b"aGVs\xfcbG8=\r\n", b"Content-Transfer-Encoding: base64"),
    "base64 without its end": _typed(b"image/png", b"aGVsbG8\r\n", b"Content-Transfer-Encoding: base64"),
    "base64 cut in a digit": _typed(b"image/png", b"aGVsb\r\n", b"Content-Transfer-Encoding: base64"),
    "quoted-printable with a lone =": _typed(
        b"text/plain", b"1 = 1, =C3=BC=\r\n soft =XY\r\n=", b"Content-Transfer-Encoding: quoted-printable"
    ),
    "quoted-printable with Latin-1": _typed(
        b"text/plain; charset=latin1", b"Gr\xfc=DFe\r\n", b"Content-Transfer-Encoding: quoted-printable"
    ),
    "a line over 998 in the body": FROM + b"\r\n" + b"a" * 1500 + b"\r\n",
    "a line over 998 in the header": FROM + b"References:" + b" <a@b.example>" * 200 + b"\r\n\r\nhi\r\n",
    "a word over 998 in the header": FROM + b"X-Long: " + b"x" * 1500 + b"\r\n\r\nhi\r\n",
    "a boundary that is not there": _typed(b"multipart/mixed; boundary=b", b"hi\r\n"),
    "no boundary at all": _typed(b"multipart/mixed", b"--b\r\n\r\nhi\r\n--b--\r\n"),
    "an empty boundary": _typed(b'multipart/mixed; boundary=""', b"--\r\n\r\nhi\r\n----\r\n"),
    "a boundary of 8-bit": _typed(b'multipart/mixed; boundary="\xfc"', b"--\xfc\r\n\r\nhi\r\n--\xfc--\r\n"),
    "a boundary never closed": _MIXED + _PART,
    "closed at once": _MIXED + b"--b--\r\n",
    "parts after the end": _MIXED + _PART + b"--b--\r\n" + _PART + b"--b--\r\n",
    "empty parts": _MIXED + b"--b\r\n--b\r\n\r\n--b\r\n--b--",
    "words around the parts": _MIXED + b"before\r\n" + _PART + b"--b--\r\nafter\r\n",
    "Latin-1 around the parts": _MIXED + b"bef\xf6re\r\n" + _PART + b"--b--\r\naft\xear\r\n",
    "delimiters with blanks, and such as are none": _MIXED + b"--b \t\r\n\r\na\r\n--bb\r\n --b\r\nx--b\r\n--b--  \r\n",
    "the boundary of the one around it": _MIXED
    + b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    + _PART
    + b"--b--\r\n",
    "a boundary that begins as another": _MIXED
    + b"--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\nhi\r\n--b--\r\n--bb--\r\n",
    "a multipart in base64": _typed(
        b"multipart/mixed; boundary=b", _PART + b"--b--\r\n", b"Content-Transfer-Encoding: base64"
    ),
    "a media type that is none": _typed(b"text", b"hi\r\n"),
    "a media type with comments": _typed(b"text/plain (c) ; charset = utf-8 (really)", b"hi\r\n"),
    "a file name in pieces": _typed(b"image/png; name*1=b.png; name*0*=utf-8''a%20; name*9=z", b"hi\r\n"),
    "a file name with escapes": _typed(b'image/png; name="a\\"\x1b]52;c;eA==\x07.png"', b"hi\r\n"),
    "a parameter that never closes": _typed(b'text/plain; name="' + b"x" * 3000, b"hi\r\n"),
    "signed, with Latin-1": _typed(
        b"multipart/signed; boundary=b",
        b"--b\r\n\r\nGr\xfc\xdfe\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n",
    ),
    "a mail within, with Latin-1": _typed(
        b"multipart/mixed; boundary=b",
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: \xfc\r\n\r\nGr\xfc\xdfe\r\n--b--\r\n",
    ),
    "a report with Latin-1": _typed(b"message/delivery-status", b"Reporting-MTA: dns; \xfc\r\n"),
    "a digest": _typed(b"multipart/digest; boundary=b", b"--b\r\n\r\nSubject: a\r\n\r\nhi\r\n--b--\r\n"),
    "signed by DKIM, with Latin-1": b"DKIM-Signature: v=1; b=x\r\n" + FROM + b"\r\nGr\xfc\xdfe\r\n",
    "what an editor would take for line ends": FROM + "\r\na\x0bb\x0cc\x1cd\x85e\u2028f\u2029g\r\n".encode(),
    "escape sequences everywhere": FROM + b"Subject: \x1b]52;c;aGk=\x07[@click=app.exit]x[/]\r\n\r\n\x1b[2J\x9b\r\n",
    "60 levels": _deep(60),
    "2000 parts": _MIXED + _PART * 2000 + b"--b--\r\n",
    "a Bcc field far down": FROM + b"X-A: b\r\n" * 40_000 + b"Bcc: hidden@example.org\r\n\r\nhi\r\n",
    "2000 fields": FROM + b"X-A: b\r\n" * 2000 + b"\r\nhi\r\n",
}
"""What is wrong with a message, and the message."""


def python_mails() -> dict[str, bytes]:
    """The messages that Python's own tests of `email` have, by their names; none where these are not installed."""
    spec = find_spec("test.test_email") if find_spec("test") else None
    if spec is None or spec.origin is None:
        return {}
    files = sorted(Path(spec.origin).with_name("data").glob("msg_*.txt"))
    return {file.name: file.read_bytes() for file in files}
