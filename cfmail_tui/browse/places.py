"""Where the files to attach most likely are."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cfmail_tui.browse.looking import look

PLACES: Final = ""
"""The folder of a listing of places."""

_AT_HOME = ("Desktop", "Documents", "Downloads", "Pictures")
_MOST = 12


def places(recent: Sequence[str]) -> tuple[str, ...]:
    """Folders and files as whole paths: home, the working directory, folders of `recent` files, then these files.

    What is not there any more is left out.
    """
    home = str(Path.home())
    folders = [home, os.getcwd(), *(os.path.join(home, name) for name in _AT_HOME)]  # noqa: PTH109, PTH118 - strings
    recent_folders = list(dict.fromkeys(os.path.dirname(path) for path in recent))[:_MOST]  # noqa: PTH120 - strings
    there = [folder for folder in dict.fromkeys([*folders, *recent_folders]) if look(folder).kind == "folder"]
    files = [path for path in recent[: 2 * _MOST] if look(path).kind == "file"]
    return (*(f"{folder.rstrip('/')}/" for folder in there), *files)
