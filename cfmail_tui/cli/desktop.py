"""`cfmail desktop`: the entry by which a desktop opens mailto: links with cfmail (freedesktop.org's Desktop Entry)."""

import argparse
import os
import re
import shutil
import sys
from functools import partial

from cfmail_tui.cli.output import DONE, NOT_SENT, tell

_ENTRY = """\
[Desktop Entry]
Type=Application
Version=1.5
Name=cfmail
GenericName=Mail Composer
Comment=Write a mail and send it through Cloudflare Email Sending
Exec={command} %u
Terminal=true
Categories=Network;Email;ConsoleOnly;
Keywords=mail;email;mailto;cloudflare;
MimeType=x-scheme-handler/mailto;
"""


def desktop(_args: argparse.Namespace) -> int:
    return tell(partial(print, entry(_command()), end=""), DONE, NOT_SENT)


def entry(command: str) -> str:
    """The entry that runs the program at this path."""
    quoted = command.replace("%", "%%")
    if not re.fullmatch(r"[\w./+,:@%-]+", quoted, re.ASCII):
        # Quoted as an argument, and then as any text of such a file, by the sections on Exec and on strings.
        quoted = '"' + re.sub(r'(["`$\\])', r"\\\1", quoted).replace("\\", "\\\\") + '"'
    return _ENTRY.format(command=quoted)


def _command() -> str:
    """The whole path of the program that runs: a desktop looks for programs elsewhere than a shell."""
    started = os.path.abspath(sys.argv[0])  # noqa: PTH100 - of text
    is_itself = started.rpartition("/")[2] in {"cfmail", "cfmail-tui"} and os.access(started, os.X_OK)
    return started if is_itself else shutil.which("cfmail") or "cfmail"
