"""The manual page, of the parsers and docs/command-line.md: `python -m tests.man_page` writes docs/cfmail.1."""

import os
import re
from pathlib import Path
from typing import Final

from argparse_manpage.manpage import Manpage  # type: ignore[import-untyped]

from cfmail_tui import __version__, cli
from cfmail_tui.cli.completion import whole
from tests.options import DOCUMENT

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "cfmail.1"


def man_page() -> str:
    """The page, as it should be."""
    os.environ["COLUMNS"] = "76"  # at which argparse breaks its lines
    page = Manpage(whole({verb: parser() for verb, (parser, _) in cli.all_verbs().items()}))
    _, _, text = str(page).partition("\n.SH SYNOPSIS")
    codes = re.findall(r"^\| (\d+) \| (.*?) \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    status = "".join(f".TP\n.B {code}\n{_escaped(meaning)}\n" for code, meaning in codes)
    return (
        f'.TH CFMAIL 1 "" "cfmail {__version__}" "User Commands"\n'
        ".SH NAME\ncfmail \\- write mail in the terminal and send it through Cloudflare Email Sending\n"
        f".SH SYNOPSIS{text.rstrip()}\n.SH EXIT STATUS\n{status}"
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")


if __name__ == "__main__":
    PAGE.write_text(man_page(), "utf-8")
