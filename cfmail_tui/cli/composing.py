"""`cfmail` and `cfmail demo`: the screens, where there is a terminal for them."""

import gc
import os
import sys
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

from cfmail_tui.cli.drafts import Described, SeveralMessages, described, is_message, message_in, read, read_message
from cfmail_tui.cli.opening import opened
from cfmail_tui.cli.output import UsageError
from cfmail_tui.example import EXAMPLE
from cfmail_tui.frozen import frozen
from cfmail_tui.look import USUAL, look_in
from cfmail_tui.message import Draft, Place, RawDraft

if TYPE_CHECKING:
    import argparse

    from cfmail_tui.guardian import LetGo
    from cfmail_tui.still import Form, Still
    from cfmail_tui.ui.commands import Keymap


def go_on(still: "Still", let_go: "LetGo") -> int:
    """Open the composer whose still is painted."""
    return _run_composer(_First(_filled(still.form)), still.account, still.sandbox, still, let_go)


def compose(args: "argparse.Namespace") -> int:
    is_described = any((args.sender, args.to, args.cc, args.bcc, args.subject, args.attach))
    if args.raw or args.message or is_message(args.file):
        if not args.file:
            raise UsageError("which message is it? Give FILE, or - for standard input")
        if is_described:
            raise UsageError(f"{args.file} has its header in it: no flag for one goes with it")
        first = _message(args.file, args.message)
    elif args.file == "-":
        from cfmail_tui import mime

        content = read("-", Place.TEXT)
        if not is_described and mime.is_message(content):
            # Hardly anybody begins a letter with a whole header, and the raw editor shows what it was taken for.
            first = _raw(*message_in(content, "-", None))
        else:
            first = _form(described(args, content))
    else:
        first = _form(described(args))
    return _open_composer(first, account=args.account, sandbox=args.sandbox)


@frozen
class _First:
    """What the composer begins with."""

    draft: Draft | RawDraft
    notes: tuple[str, ...] = ()
    """What was done to have it."""
    choose_from: str = ""
    """The path of messages of which one is to be chosen on the screen instead."""


def _form(found: Described) -> _First:
    return _First(found.draft, found.notes)


def _message(name: str, number: int | None) -> _First:
    try:
        return _raw(*read_message(name, number))
    except SeveralMessages:
        if name == "-":
            raise
        return _First(RawDraft(), choose_from=name)


def _raw(source: bytes, notes: tuple[str, ...]) -> _First:
    from cfmail_tui.prefill import raw_draft

    return _First(raw_draft(source), notes)


def demo(_args: "argparse.Namespace") -> int:
    return _open_composer(_First(_filled(EXAMPLE)), account="", sandbox=True)


def _filled(form: "Form") -> Draft:
    sender, to, cc, bcc, subject, text = (
        form.get(name, "") for name in ("sender", "to", "cc", "bcc", "subject", "text")
    )
    return Draft(sender, to, cc, bcc, subject=subject, text=text)


def _open_composer(first: _First, *, account: str, sandbox: bool) -> int:
    if not sys.stdout.isatty():
        raise UsageError("the composer needs a terminal; cfmail send works without one")
    if not sys.stdin.isatty():
        # The text came in by a pipe; the keys come from the terminal.
        try:
            os.dup2(os.open("/dev/tty", os.O_RDWR), 0)
        except OSError as error:
            raise UsageError("the composer needs a terminal for its keys; cfmail send works without one") from error
        sys.stdin = os.fdopen(0)
    from cfmail_tui.guardian import guarded  # first, since it forks: no thread may have been started

    return guarded(partial(_run_composer, first, account, sandbox, None))


def _run_composer(first: _First, account: str, sandbox: bool, still: "Still | None", let_go: "LetGo") -> int:
    # Until the first frame there is no garbage, and looking for it takes a tenth of the time.
    gc.disable()
    from cfmail_tui import settings
    from cfmail_tui.ui.app import CfmailApp
    from cfmail_tui.ui.endings import run

    with still or nullcontext():
        app = CfmailApp(
            partial(opened, account, sandbox=sandbox, told=False),
            first.draft,
            notes=first.notes,
            choose_from=first.choose_from,
            when_left=let_go,
            reports=lambda: settings.read(os.environ).data_dir,
            still=still,
            keymap=_keymap,
        )
        look = still.look if still else look_in(os.environ)
        if look is not USUAL:
            from cfmail_tui.ui.looks import wear

            wear(app, look)
        return run(app)


def _keymap() -> "Keymap":
    from cfmail_tui import settings
    from cfmail_tui.ui.keymaps import chosen

    return chosen(settings.read(os.environ))
