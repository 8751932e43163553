"""The process as the rest of the machine sees it: it holds secrets, and gives them neither to a file nor to a child.

Invariants:
- whatever ends it, it leaves no core dump, and no other process of its user reads its memory or environment (Linux);
- a program that is started with `environment_for` gets none of Cloudflare's variables.

Standard library only: the guardian is loaded before anything else.
"""

from __future__ import annotations

import resource
import signal
import sys
from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing takes longer to load than all the rest
    from typing import Final

_CLOUDFLARE: Final = ("CLOUDFLARE_", "CF_")
"""What the names of Cloudflare's variables begin with, those of older packages included."""

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4


def keep_private() -> None:
    """From now on nothing of this process, nor of one that it forks, is dumped or can be looked at.

    A program that it executes can be, as any other, but starts with a soft limit of 0 for its core, which it may raise.
    """
    # core(5): a core that is piped to a program knows no limit.
    _prctl(_PR_SET_DUMPABLE, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def environment_for(environ: Mapping[str, str]) -> dict[str, str]:
    """What of our environment a program gets that is not ours: an editor, a password command."""
    return {name: value for name, value in environ.items() if not name.startswith(_CLOUDFLARE)}


def hear_of_death(number: signal.Signals | int) -> None:
    """Be sent this signal when the parent dies, 0 for none (Linux)."""
    _prctl(_PR_SET_PDEATHSIG, number)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
