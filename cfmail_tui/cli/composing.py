"""`cfmail` and `cfmail demo`: the screens, where there is a terminal for them."""

import argparse
import os
import sys
from functools import partial

from cfmail_tui.cli.arguments import UsageError
from cfmail_tui.cli.drafts import described, is_message, read
from cfmail_tui.cli.opening import opened
from cfmail_tui.message import Draft, Place, RawDraft
from cfmail_tui.prefill import raw_draft


def compose(args: argparse.Namespace) -> int:
    draft: Draft | RawDraft
    if is_message(args.file):
        if any((args.sender, args.to, args.cc, args.bcc, args.subject, args.attach)):
            raise UsageError(f"{args.file} has its header in it: no flag for one goes with it")
        draft = raw_draft(read(args.file, Place.SOURCE))
    else:
        draft = described(args)
    return _open_composer(draft, account=args.account, sandbox=args.sandbox)


def demo(_args: argparse.Namespace) -> int:
    example = Draft(
        sender="Alice Example <alice@acme.example>",
        to="bob@example.com, queue@example.com",
        cc='"Fields, Carol" <bounce@example.org>',
        subject="A first mail with cfmail",
        text=(
            "Hi Bob,\n\nthis mail goes into the sandbox on this machine; nothing leaves it.\n\n"
            "What becomes of a recipient depends on the name before the @: try bounce,\n"
            "queue, suppressed, throttle, error500, slow-5 or cut; others are delivered.\n\n"
            "F9 reviews the mail, y sends it.\n"
        ),
    )
    return _open_composer(example, account="", sandbox=True)


def _open_composer(draft: Draft | RawDraft, *, account: str, sandbox: bool) -> int:
    if not sys.stdout.isatty():
        raise UsageError("the composer needs a terminal; cfmail send works without one")
    if not sys.stdin.isatty():
        # The text came in by a pipe; the keys come from the terminal.
        try:
            os.dup2(os.open("/dev/tty", os.O_RDWR), 0)
        except OSError as error:
            raise UsageError("the composer needs a terminal for its keys; cfmail send works without one") from error
        sys.stdin = os.fdopen(0)
    from cfmail_tui.guardian import LetGo, guarded  # first, since it forks: no thread may have been started

    def compose(let_go: LetGo) -> int:
        from cfmail_tui import settings
        from cfmail_tui.ui.app import CfmailApp
        from cfmail_tui.ui.endings import run

        opening = partial(opened, account, sandbox=sandbox, told=False)
        return run(CfmailApp(opening, draft, when_left=let_go, reports=lambda: settings.read(os.environ).data_dir))

    return guarded(compose)
