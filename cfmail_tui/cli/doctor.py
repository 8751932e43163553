"""`cfmail doctor`: what is right and what is wrong with cfmail's place on this machine, and what to do about it.

Invariants:
- it changes nothing: no folder is made, no damaged database set aside, no account asked for its passphrase;
- it shows no secret, and looks one up only to ask Cloudflare, as sending would;
- it comes to its end, whatever does not answer: keyring, password command, network and database have a limit each.

Exit codes: 0 nothing is wrong, though there may be warnings; 69 something is.

With --json: `findings`, each with level (ok, warning, wrong), what, words, action ("": nothing to do); `wrong` and
`warnings`, how many; and `facts`, what they were made of: program, settings, folder, database (null: none yet),
secrets, account, with the account's inspection as `account check` has it (null: Cloudflare was not asked), terminal.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from cfmail_tui import __version__, diagnosis, report, settings
from cfmail_tui.accounts import DEFAULT_ACCOUNT, VAULT, Accounts, NeedsPassphrase, NoneSetUp
from cfmail_tui.cli import inspected
from cfmail_tui.cli.output import DONE, NOT_SENT, print_json, tell
from cfmail_tui.cli.signals import Flight, heeding
from cfmail_tui.credentials import CredentialError, Keyring, KeyringUnavailable, Vault, VaultLocked
from cfmail_tui.diagnosis import OFFLINE, Account, Facts, Finding, Folder, Level, Program, Secrets, Settings, Terminal
from cfmail_tui.message import MailError, printable
from cfmail_tui.outbox.road import Road
from cfmail_tui.profile import Profile
from cfmail_tui.store import examining

LOOKING: Final = 10.0
"""Seconds in which the database is looked through."""

_BETWEEN: Final = {"tmux": "TMUX", "screen": "STY", "zellij": "ZELLIJ"}
"""Programs that may be between us and the terminal, and what says so."""

_LONGEST: Final = 2000
"""Characters of a line."""


def doctor(args: argparse.Namespace) -> int:
    def deliver(_nothing: None, _flight: Flight) -> Any:
        facts = _facts(os.environ, args.account, offline=args.offline)
        found = diagnosis.findings(facts, examining.SCHEMA)
        code = report.REFUSED if any(finding.level is Level.WRONG for finding in found) else DONE
        write = partial(_write_json, facts, found) if args.json else partial(_write, found)
        return partial(tell, write, code, NOT_SENT)

    return heeding(lambda: None, deliver, as_json=args.json)


def _write(found: tuple[Finding, ...]) -> None:
    for finding in found:
        words = f"{finding.words}: {finding.action}" if finding.action else finding.words
        print(printable(f"{finding.level:<8} {finding.what:<9} {words}", _LONGEST))
    wrong, warnings = (sum(finding.level is level for finding in found) for level in (Level.WRONG, Level.WARNING))
    beside = f", {diagnosis.counted(warnings, 'warning')}" if warnings else ""
    print(f"\n{f'{wrong} wrong' if wrong else 'nothing is wrong'}{beside}")


def _write_json(facts: Facts, found: tuple[Finding, ...]) -> None:
    inspection = facts.account.inspection
    told = asdict(replace(facts, account=replace(facts.account, inspection=None)))
    told["account"]["inspection"] = inspected.as_json(inspection) if inspection else None
    print_json(
        {
            "findings": [asdict(finding) for finding in found],
            "wrong": sum(finding.level is Level.WRONG for finding in found),
            "warnings": sum(finding.level is Level.WARNING for finding in found),
            "facts": told,
        }
    )


def _facts(environ: Mapping[str, str], name: str, *, offline: bool) -> Facts:
    chosen = settings.read(environ)
    database = examining.examined(chosen.data_dir, LOOKING)
    is_current = database is not None and not database.problem and database.schema == examining.SCHEMA
    profiles = examining.profiles(chosen.data_dir) if is_current else None
    keyring, vault = Keyring(), Vault(chosen.data_dir / VAULT)
    accounts = Accounts(
        environ,
        keyring,
        name,
        profiles=profiles,
        vault=vault,
        token_command=chosen.token_command,
        account_id=chosen.account_id,
    )
    return Facts(
        _program(),
        Settings(str(chosen.config_path), chosen.config_path.exists(), chosen.notices),
        _folder(chosen.data_dir),
        database,
        _secrets(keyring, vault, chosen.data_dir, profiles.listed() if profiles else ()),
        _account(accounts, Road(chosen.base_url, environ), offline=offline),
        _terminal(environ),
    )


def _program() -> Program:
    from cfmail_tui.ui.terminal import is_made_for, textual_version

    textual = textual_version()
    return Program(__version__, platform.python_version(), textual, is_made_for(textual))


def _folder(path: Path) -> Folder:
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    problem = ""
    try:
        if there == path:
            # Only writing tells: the disk may be read-only or full, whatever the folder's mode says.
            with tempfile.TemporaryFile(dir=path) as file:
                file.write(bytes(4096))
        elif not there.is_dir():
            problem = f"{there} is a file"
        elif not os.access(there, os.W_OK | os.X_OK):
            problem = f"nothing can be made in {there}"
    except OSError as error:
        problem = (error.strerror or str(error)).lower()
    free = None
    with suppress(OSError):
        disk = os.statvfs(there)
        free = disk.f_bavail * disk.f_frsize
    is_private = there != path or path.stat().st_mode & 0o077 == 0
    return Folder(str(path), there == path, problem, free, is_private)


def _secrets(keyring: Keyring, vault: Vault, data_dir: Path, profiles: tuple[Profile, ...]) -> Secrets:
    names = [profile.name for profile in profiles if profile.kept_in == "keyring"]
    found = Secrets(is_needed=bool(names))
    try:
        # Where nobody is said to be in it, this is the one who would be looked for.
        ring, faults = keyring.look(names or [DEFAULT_ACCOUNT])
        lost = tuple((name, fault) for name, fault in faults.items() if fault and names)
        found = replace(found, keyring=ring, lost=lost)
    except KeyringUnavailable as error:
        found = replace(found, keyring_problem=str(error) if names else error.reason)
    except CredentialError as error:
        found = replace(found, keyring_problem=str(error))
    try:
        if vault.exists:
            found = replace(found, vault=str(data_dir / VAULT))
            vault.names()
    except VaultLocked:
        pass
    except CredentialError as error:
        found = replace(found, vault_problem=str(error))
    return found


def _account(accounts: Accounts, road: Road, *, offline: bool) -> Account:
    """Who mail is sent as, and what Cloudflare says of that; asks nobody for a passphrase, nor on the terminal."""
    try:
        listed = accounts.foreseen()
        found = Account(listed.words, base_url=_shown(road))
        if offline:
            return replace(found, unseen=OFFLINE)
        account = accounts.find()
        with road.client(account.credential) as client:
            return replace(found, words=account.words, inspection=client.inspect(account.account_id))
    except NoneSetUp:
        return Account(is_set_up=False)
    except NeedsPassphrase:
        return replace(found, unseen="that would need the passphrase; cfmail account check asks for it")
    except MailError as error:
        return Account(problem=str(error))


def _shown(road: Road) -> str:
    """Where the API is. Raises MailError for what cannot be it, which may have a password in it."""
    from cfmail_tui.api.addresses import checked_base_url

    return checked_base_url(road.base_url)


def _terminal(environ: Mapping[str, str]) -> Terminal:
    locale = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "")
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    terminal = Terminal(
        name=environ.get("TERM", ""),
        colours="no colours" if "NO_COLOR" in environ else _colours(environ),
        inside=next((name for name, variable in _BETWEEN.items() if environ.get(variable)), ""),
        is_remote=bool(environ.get("SSH_CONNECTION")),
        locale=locale,
        encoding=encoding,
    )
    for descriptor in (1, 0, 2):
        with suppress(OSError):
            size = os.get_terminal_size(descriptor)
            return replace(terminal, is_there=True, columns=size.columns, rows=size.lines)
    return terminal


def _colours(environ: Mapping[str, str]) -> str:
    """As many as Rich, and with it the screens, take it to have."""
    if environ.get("COLORTERM", "").strip().lower() in {"truecolor", "24bit"}:
        return "16.7 million colours"
    kind = environ.get("TERM", "").strip().lower().rpartition("-")[2]
    return "256 colours" if kind in {"256color", "kitty"} else "16 colours"
