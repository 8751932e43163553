"""The other Pythons of this machine that cfmail is for: `python -m tests.pythons` prints a path for each version.

Standard library only, and for any of them: tests/run asks before there is an environment.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
ASKED = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2], sys.executable)"


def others() -> dict[str, str]:
    """Paths by version, of all versions but that of the interpreter that asks."""
    found: dict[str, str] = {}
    for candidate in _candidates():
        version, path = _asked(candidate)
        if version in VERSIONS and version != f"{sys.version_info[0]}.{sys.version_info[1]}":
            found.setdefault(version, path)
    return dict(sorted(found.items()))


def _candidates() -> Iterator[str]:
    yield from (f"python{version}" for version in VERSIONS)
    folder = Path(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))) / "versions"  # noqa: PTH111 - may fail
    kept = re.compile("|".join(re.escape(version) + r"\.\d+" for version in VERSIONS))
    yield from (str(path / "bin" / "python") for path in sorted(folder.glob("*")) if kept.fullmatch(path.name))


def _asked(candidate: str) -> tuple[str, str]:
    # Asking it to run something is the only proof: a shim may stand for nothing.
    try:
        said = subprocess.run([candidate, "-c", ASKED], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "", ""
    version, _, path = said.strip().partition(" ")
    return version, path


if __name__ == "__main__":
    print("\n".join(others().values()))  # noqa: T201 - its result
