"""`python -m cfmail_tui` is the command `cfmail`."""

import sys

from cfmail_tui.cli import main

sys.exit(main())
