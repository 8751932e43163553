"""The pictures that the documents show are of the program as it is."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import IN_CI
from tests.ui.pictures import differences, fixed_time, libfaketime, steady
from tests.ui.scenes import SCENES, SCREENSHOTS

ROOT: Final = SCREENSHOTS.parent
KEPT: Final = [scene.name for scene in SCENES if scene.is_kept]
AT_ONCE: Final = 7
"""Pictures that one program draws: loading it takes as long as one of them."""


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, len(KEPT), AT_ONCE))
def test_pictures_are_current(first: int, tmp_path: Path) -> None:
    """Drawn anew, each of them shows the same words in the same colours."""
    if not libfaketime():
        (pytest.fail if IN_CI else pytest.skip)("libfaketime not found; install faketime")
    names = KEPT[first : first + AT_ONCE]
    drawing = [sys.executable, "-m", "tests.ui.scenes", "--to", str(tmp_path), *names]
    subprocess.run(drawing, cwd=ROOT, env={**os.environ, **fixed_time()}, check=True)
    for name in names:
        kept, drawn = ((folder / f"{name}.svg").read_text("utf-8") for folder in (SCREENSHOTS, tmp_path))
        changed = "\n".join(differences(kept, drawn))
        assert not changed, (
            f"screenshots/{name}.svg is out of date; python -m tests.ui.scenes draws them anew\n{changed}"
        )


def test_the_kept_are_there() -> None:
    """Each picture that is to be kept is, and no other."""
    assert sorted(path.stem for path in SCREENSHOTS.iterdir()) == sorted(KEPT)


def test_the_kept_are_shown() -> None:
    """A picture that no document shows is not kept."""
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = {name for path in documents for name in re.findall(r"screenshots/([\w-]+)\.svg\)", path.read_text("utf-8"))}
    assert shown == set(KEPT)


def test_a_difference_is_told() -> None:
    """A word or a colour that changed is found, and how the SVG says it does not matter."""
    kept = (SCREENSHOTS / "compose.svg").read_text("utf-8")
    other = kept.replace("Monthly", "Weekly", 1).replace("terminal-r", "terminal-7-r")
    assert len(differences(kept, other)) == 2
    assert "Weekly" in differences(kept, other)[1]
    assert differences(kept, re.sub(r"fill: #\w+", "fill: #123456", kept, count=1))
    assert not differences(kept, kept.replace("terminal-", "terminal-1-"))


def test_chance_is_not_seen() -> None:
    """A port, a reference and the name in the SVG that hangs on them are the usual ones, as long as others."""
    drawn = "terminal-123 http://127.0.0.1:39671/ 983d0c14d4b60ad6-BOX leaves&#160;in&#160;4&#160;s"
    other = "terminal-9 http://127.0.0.1:55555/ 02a7fb5cc65a78a7-BOX leaves&#160;in&#160;5&#160;s"
    assert steady(drawn) == steady(other)
    assert len(steady(drawn)) == len(drawn) - len("-123")
