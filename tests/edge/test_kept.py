"""Files of our own that drafts attach: private, whole or not there, and there as long as a draft names them."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cfmail_tui.attachments import kept


@pytest.mark.parametrize(
    ("name", "stem", "ending"),
    [
        ("report.pdf", "report", ".pdf"),
        ("../../.ssh/config", "ssh-config", ""),
        ("Bericht für März.PDF", "Bericht-f-r-M-rz", ".PDF"),
        ("\x1b]52;c;x\x07.p\ng", "52-c-x-p-g", ""),
        ("", "file", ""),
        ("x" * 400 + ".png", "x" * 40, ".png"),
        (".bashrc", "file", ".bashrc"),
    ],
)
def test_a_name_from_outside_leads_nowhere(tmp_path: Path, name: str, stem: str, ending: str) -> None:
    """The file is in the folder and for us alone; of the name it has letters, digits and the ending."""
    path = Path(kept.keep(tmp_path / "a" / "kept", name, [b"one", b"two"]))
    assert path.parent == tmp_path / "a" / "kept"
    assert path.name.startswith(f"{stem}-")
    assert path.name.endswith(ending)
    assert path.name.isascii()
    assert path.read_bytes() == b"onetwo"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_two_of_one_name(tmp_path: Path) -> None:
    """No file takes the place of another."""
    paths = {kept.keep(tmp_path, "a.txt", [b"%d" % n]) for n in range(20)}
    assert sorted(Path(path).read_bytes() for path in paths) == sorted(b"%d" % n for n in range(20))


def test_what_cannot_be_kept(tmp_path: Path) -> None:
    """The reason is told, and no half of a file stays."""

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise OSError(28, "No space left on device")

    with pytest.raises(kept.KeepError, match="No space left on device"):
        kept.keep(tmp_path, "a.txt", broken())
    assert not [*tmp_path.iterdir()]
    (tmp_path / "file").touch()
    with pytest.raises(kept.KeepError, match="cannot be kept in"):
        kept.keep(tmp_path / "file", "a.txt", [])


def test_files_of_drafts_stay(tmp_path: Path) -> None:
    """What a draft names stays, and what is new; the rest is deleted, and nothing that is not ours."""
    now = 2_000_000_000.0
    old, drafted, new = (kept.keep(tmp_path, f"{name}.png", []) for name in ("old", "drafted", "new"))
    foreign = str(tmp_path / "some-thing.png")
    Path(foreign).touch()
    for path in (old, drafted, new, foreign):
        os.utime(path, (now, now if path == new else now - 2 * kept.KEPT_AT_LEAST))
    kept.forget(tmp_path, {drafted}, now)
    assert {str(path) for path in tmp_path.iterdir()} == {drafted, new, foreign}
    kept.forget(tmp_path / "gone", set(), now)
