"""`cfmail`: the composer's still first, where there is to be one, and then the command line."""

import os
import sys
from functools import partial

from cfmail_tui.still import Still, still_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cfmail_tui.guardian import LetGo


def main() -> int:
    """Run the command and give its exit code; under the name of sendmail it is its verb of that name."""
    name, *given = sys.argv
    is_sendmail = name.rpartition("/")[2] == "sendmail"
    still = None if is_sendmail else still_for(given, os.environ)
    if still is None:
        from cfmail_tui.cli import main as run

        return run(["sendmail", *given] if is_sendmail else given)
    from cfmail_tui.guardian import guarded

    try:
        return guarded(partial(_compose, still), first=still.paint)
    except KeyboardInterrupt:
        # Before the command line was there to hear of it.
        still.leave()
        from cfmail_tui.cli.output import INTERRUPTED, complain

        complain("interrupted")
        return INTERRUPTED


def _compose(still: Still, let_go: "LetGo") -> int:
    from cfmail_tui.cli import go_on

    return go_on(still, let_go)


if __name__ == "__main__":
    sys.exit(main())
