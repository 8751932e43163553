"""A hunt for secrets in whatever a program leaves behind: octets, files, and what the system shows of its processes.

    leaks = Leaks(token="...", passphrase="...")
    leaks.add("the screen", terminal.output)
    leaks.add_files(home)
    leaks.add_processes(terminal.pid)
    assert not leaks.found

A part of SHORTEST characters is a leak, in any of the forms in which text gets about, and broken into lines as well.
"""

import base64
import html
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tests.pty_driver import CONTROL, children

SHORTEST: Final = 12
"""Characters in a row that are no accident."""

FORMS: Final[dict[str, Callable[[str], str]]] = {
    "plain": str,
    "backwards": lambda text: text[::-1],
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
    "percent-encoded": lambda text: quote(text, safe=""),
    "percent-encoded throughout": lambda text: "".join(f"%{octet:02X}" for octet in text.encode()),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON with slashes escaped": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON as UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON escaped throughout": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "repr": lambda text: repr(text)[1:-1],
    "repr of octets": lambda text: repr(text.encode())[2:-1],
    "markup": html.escape,
    "two octets a character": "\0".join,
}

_BREAKS: Final = re.compile(rb"[\s\\\"',+|]+|\x1b\[[0-9;]*m")
"""What stands between the pieces of a text that was broken into lines, in a file, a literal or on a screen."""


class Leaks:
    """Looks for these secrets; `found` says where they were, by their names."""

    def __init__(self, **secrets: str) -> None:
        assert all(len(text) >= SHORTEST for text in secrets.values())
        self.found: list[str] = []
        self.places = 0
        """How many were looked at."""
        self._needles: dict[bytes, str] = {}
        for name, text in secrets.items():
            for form, needle in needles(text):
                self._needles.setdefault(needle, f"{name} ({form})")

    def add(self, place: str, *texts: bytes | str) -> None:
        for text in texts:
            self.places += 1
            octets = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
            joined = _BREAKS.sub(b"", CONTROL.sub(b"", octets))
            for needle, what in self._needles.items():
                if needle in octets or needle in joined:
                    self.found.append(f"{what} in {place}: …{needle.decode('utf-8', 'replace')}…")
                    break

    def add_files(self, *folders: Path) -> None:
        """Every file in these folders, and its name; one that goes while this looks is none."""
        for folder in folders:
            for path in folder.rglob("*"):
                with suppress(OSError):
                    self.add(f"the name of {path}", path.name)
                    if path.is_file():
                        self.add(str(path), path.read_bytes())

    def add_processes(self, pid: int) -> None:
        """Arguments and environment of this process and of all that it started."""
        for each in (pid, *descendants(pid)):
            for kind in ("cmdline", "environ"):
                with suppress(OSError):
                    self.add(f"/proc/{each}/{kind}", Path(f"/proc/{each}/{kind}").read_bytes())


def descendants(pid: int) -> Iterator[int]:
    for child in children(pid):
        yield child
        yield from descendants(child)


def needles(secret: str) -> Iterator[tuple[str, bytes]]:
    """Every part of the secret that counts, in every form."""
    for start in range(len(secret) - SHORTEST + 1):
        part = secret[start : start + SHORTEST]
        for form, encode in FORMS.items():
            yield form, encode(part).encode()
        for before in range(3):
            for form, encode_octets in {"base64": base64.b64encode, "base64url": base64.urlsafe_b64encode}.items():
                yield form, _inside(encode_octets, part.encode(), before)


def _inside(encode: Callable[[bytes], bytes], octets: bytes, before: int) -> bytes:
    """What stands in base64 for these octets alone, where so many of a group of three come before them."""
    whole = encode(bytes(before) + octets + bytes(3))
    return whole[-(-before * 8 // 6) : (before + len(octets)) * 8 // 6]
