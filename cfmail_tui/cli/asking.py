"""What is asked on the terminal, without echo: a token, a passphrase, or whatever a password command wants.

The terminal is the one that the program belongs to, whatever the standard streams are; one that it is not in the
foreground of is none, as it could not be read. It is given back with its echo, also when a signal ends the program.
"""

import os
import select
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cfmail_tui.accounts import Accounts, NeedsPassphrase, NeedsTerminal, NoAccount
from cfmail_tui.cli.output import complain
from cfmail_tui.cli.signals import CalledOff, Flight
from cfmail_tui.credentials import WrongPassphrase
from cfmail_tui.submission import Account, Secret

PASSPHRASE: Final = "Passphrase of the encrypted file: "  # noqa: S105 - the question

_WITHOUT: Final = "set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID"

_TRIES: Final = 3
"""How often a passphrase may be mistyped, as with ssh and sudo."""

_GLANCE: Final = 0.1
"""Seconds between two looks whether a signal has come."""

_LONGEST: Final = 4096
"""Octets of a line that a terminal gives at once."""


def account_found(accounts: Accounts, name: str, flight: Flight) -> Account:
    """The account of this name, or the one to send as; asks for what opens its secret. Raises NoAccount."""
    try:
        return accounts.find(name)
    except (NeedsPassphrase, NeedsTerminal) as error:
        return account_by_asking(error, accounts, name, flight)


def account_by_asking(
    wanted: NeedsPassphrase | NeedsTerminal, accounts: Accounts, name: str, flight: Flight
) -> Account:
    """The account that could not be had without asking. Raises NoAccount, which says what to do without a terminal."""
    if not has_terminal():
        raise NoAccount(f"{wanted}; there is no terminal to ask on: run this on one, or {_WITHOUT}") from wanted
    if isinstance(wanted, NeedsTerminal):
        return accounts.find(name, terminal=True)
    unlock(accounts, flight)
    return accounts.find(name)


def unlock(accounts: Accounts, flight: Flight) -> None:
    """Open the encrypted file with a passphrase typed on the terminal. Raises NoAccount."""
    for tries_left in reversed(range(_TRIES)):
        try:
            accounts.unlock(secret(PASSPHRASE, flight))
            return
        except NoAccount as error:
            if not (tries_left and isinstance(error.__cause__, WrongPassphrase)):
                raise
            complain(str(error))


def new_passphrase(flight: Flight) -> Secret:
    """A passphrase typed twice. Raises NoAccount if it was not the same."""
    passphrase = secret("Passphrase for the new encrypted file: ", flight)
    if secret("Once more: ", flight) != passphrase:
        raise NoAccount("the two passphrases are not the same: nothing was kept")
    return passphrase


def secret(question: str, flight: Flight) -> Secret:
    """A line typed on the terminal, which there must be, without echo. Raises NoAccount if the terminal goes away,
    CalledOff when a signal comes.
    """
    try:
        with _terminal() as terminal:
            os.write(terminal, question.encode())
            while not select.select([terminal], [], [], _GLANCE)[0]:
                if flight.is_called_off:
                    raise CalledOff
            return Secret(as_text(os.read(terminal, _LONGEST).removesuffix(b"\n")))
    except (OSError, termios.error) as error:
        raise NoAccount("the terminal is gone, so nobody can be asked") from error


def as_text(octets: bytes) -> str:
    """What was typed or piped; octets that are no UTF-8 stay as they are, in a passphrase, or are told, in a token."""
    return octets.decode("utf-8-sig", "surrogateescape")


def has_terminal() -> bool:
    """Whether somebody can be asked."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


@contextmanager
def _terminal() -> Iterator[int]:
    """The terminal without its echo, but for the end of the line."""
    terminal = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        before = termios.tcgetattr(terminal)
        silent = [*before]
        silent[3] = silent[3] & ~termios.ECHO | termios.ECHONL
        try:
            termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
            yield terminal
        finally:
            termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
    finally:
        os.close(terminal)
