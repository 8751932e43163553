"""What is found of cfmail's place on a machine, judged: what is as it should be, what may not be, what is wrong. Pure.

Each finding says what it saw, and what to do if that is not as it should be. Nothing here holds a secret: facts are
paths, numbers, names, and words that were written to be shown.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Final

from cfmail_tui.frozen import frozen
from cfmail_tui.inspection import Inspection, SendingDomain, What
from cfmail_tui.inspection.facts import ENDED

MIB: Final = 1024 * 1024

LITTLE_ROOM: Final = 200 * MIB
"""Free octets below which it is said, since the history grows."""

TOO_LITTLE_ROOM: Final = 40 * MIB
"""Free octets below which the biggest mail finds no room: 25 MiB, in base64 within JSON."""

SMALLEST: Final = (80, 24)
"""Columns and rows in which every screen is complete."""


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """It works, or it is not known whether it does."""
    WRONG = "wrong"


@frozen
class Finding:
    """What was seen about a subject, in words, and what to do about it, "" for nothing."""

    level: Level
    what: str
    words: str
    action: str = ""


@frozen
class Program:
    version: str
    python: str
    textual: str
    is_made_for_it: bool = True
    """Whether this cfmail was made for that Textual."""


@frozen
class Settings:
    path: str
    is_there: bool
    notices: tuple[str, ...] = ()


@frozen
class Folder:
    """Where the data is; `problem` is why nothing can be written there, `free` is octets, None if nobody tells."""

    path: str
    is_there: bool
    problem: str = ""
    free: int | None = None
    is_private: bool = True


@frozen
class Database:
    """What the database says of itself; numbers are None where they could not be read."""

    path: str
    size: int
    schema: int | None = None
    problem: str = ""
    was_checked: bool = False
    """Whether all of it was looked through; it takes too long for a very large one."""
    drafts: int | None = None
    waiting: int | None = None
    """Mails that wait to be tried again."""
    unended: int | None = None
    """Attempts without an outcome: under way, or cut off."""
    unknown: int | None = None
    """Attempts of which nobody knows whether they arrived."""
    others_run: bool = False
    """Whether another cfmail has it open."""


@frozen
class Secrets:
    """Where secrets are kept: the keyring's name or why there is none, and the encrypted file if there is one."""

    keyring: str = ""
    keyring_problem: str = ""
    lost: tuple[tuple[str, str], ...] = ()
    """Accounts in the keyring that cannot be used, each with the reason."""
    is_needed: bool = False
    """Whether an account is said to be in the keyring."""
    vault: str = ""
    vault_problem: str = ""


@frozen
class Account:
    """Who mail is sent as, in words; `problem` is why nobody, `unseen` why Cloudflare was not asked."""

    words: str = ""
    is_set_up: bool = True
    problem: str = ""
    unseen: str = ""
    base_url: str = ""
    inspection: Inspection | None = None


@frozen
class Terminal:
    """What is known of the terminal; `inside` is the program between it and us, if there is one."""

    is_there: bool = False
    name: str = ""
    colours: str = ""
    columns: int = 0
    rows: int = 0
    inside: str = ""
    is_remote: bool = False
    locale: str = ""
    encoding: str = "utf-8"


@frozen
class Facts:
    """All that was seen."""

    program: Program
    settings: Settings
    folder: Folder
    database: Database | None
    secrets: Secrets
    account: Account
    terminal: Terminal


def findings(facts: Facts, known_schema: int) -> tuple[Finding, ...]:
    """What there is to say, in the order in which one thing rests on another."""
    return (
        *_program(facts.program),
        *_settings(facts.settings),
        *_folder(facts.folder),
        *_database(facts.database, known_schema),
        *_secrets(facts.secrets, facts.account),
        *_account(facts.account),
        *_terminal(facts.terminal),
    )


def _program(program: Program) -> Iterator[Finding]:
    words = f"cfmail {program.version}, Python {program.python}, Textual {program.textual}"
    if program.is_made_for_it:
        yield Finding(Level.OK, "program", words)
    else:
        action = "it works, but writes more to the terminal than it has to: install it anew for the Textual it asks for"
        yield Finding(Level.WARNING, "program", f"{words}, which this cfmail was not made for", action)


def _settings(settings: Settings) -> Iterator[Finding]:
    there = "" if settings.is_there else " (there is none, and none is needed)"
    yield Finding(Level.OK, "settings", f"{settings.path}{there}")
    for notice in settings.notices:
        yield Finding(Level.WRONG, "settings", notice, "correct that line; the rest is used")


def _folder(folder: Folder) -> Iterator[Finding]:
    if folder.problem:
        action = "make it a folder that is yours to write, or choose another with CFMAIL_HOME"
        yield Finding(Level.WRONG, "data", f"{folder.path} cannot be written: {folder.problem}", action)
    elif not folder.is_private:
        action = f"chmod 700 {folder.path}; the next start does it, too"
        yield Finding(Level.WARNING, "data", f"{folder.path} is open to other users", action)
    else:
        there = "" if folder.is_there else " (made at the first start)"
        yield Finding(Level.OK, "data", f"{folder.path}{there}")
    if folder.free is not None:
        level = Level.WRONG if folder.free < TOO_LITTLE_ROOM else Level.WARNING
        if folder.free >= LITTLE_ROOM:
            yield Finding(Level.OK, "disk", f"{octets(folder.free)} free")
        else:
            action = "make room there, or have fewer mails kept: keep_bodies_mib in config.toml"
            yield Finding(level, "disk", f"only {octets(folder.free)} free for what is written and sent", action)


def _database(database: Database | None, known_schema: int) -> Iterator[Finding]:
    if database is None:
        yield Finding(Level.OK, "database", "none yet")
        return
    if database.problem:
        yield Finding(Level.WRONG, "database", database.problem)
        return
    schema = "" if database.schema == known_schema else f", brought up to {known_schema} at the next start"
    sound = "sound" if database.was_checked else "too large to be looked through here"
    words = f"{database.path}, {octets(database.size)}, schema {database.schema}{schema}, {sound}"
    yield Finding(Level.OK, "database", words)
    yield from _mails(database)


def _mails(database: Database) -> Iterator[Finding]:
    if database.drafts is not None:
        yield Finding(Level.OK, "drafts", f"{counted(database.drafts, 'draft')} (F7)")
    if database.waiting:
        words = f"{counted(database.waiting, 'mail')} waiting to be tried again"
        if database.others_run:
            yield Finding(Level.OK, "waiting", words)
        else:
            yield Finding(Level.WARNING, "waiting", words, "open cfmail, which asks what to do with them")
    if database.unended:
        if database.others_run:
            yield Finding(Level.OK, "sending", f"{counted(database.unended, 'mail')} being sent by another cfmail")
        else:
            words = f"{counted(database.unended, 'mail')} cut off while being sent"
            yield Finding(Level.WARNING, "sending", words, "the next start of cfmail says what is known of them")
    if database.unknown:
        words = f"of {counted(database.unknown, 'mail')} nobody knows whether they arrived"
        yield Finding(Level.WARNING, "unknown", words, "cfmail history status:unknown lists them, F8 looks them up")


def _secrets(secrets: Secrets, account: Account) -> Iterator[Finding]:
    if not secrets.keyring_problem:
        yield Finding(Level.OK, "keyring", f"{secrets.keyring}, open")
    elif secrets.is_needed:
        yield Finding(Level.WRONG, "keyring", secrets.keyring_problem)
    else:
        level = Level.OK if account.words else Level.WARNING
        yield Finding(level, "keyring", f"{secrets.keyring_problem}; nothing is kept in one")
    for name, problem in secrets.lost:
        yield Finding(Level.WRONG, "keyring", f"“{name}”: {problem}", "add the account again, or remove it")
    if secrets.vault_problem:
        yield Finding(Level.WRONG, "vault", secrets.vault_problem)
    elif secrets.vault:
        yield Finding(Level.OK, "vault", f"{secrets.vault}, opened by its passphrase once a session")


def _account(account: Account) -> Iterator[Finding]:
    if not account.is_set_up:
        yield Finding(
            Level.WARNING, "account", "no account is set up", "cfmail account add NAME --token-stdin, or cfmail"
        )
        return
    if account.problem:
        yield Finding(Level.WRONG, "account", account.problem)
        return
    yield Finding(Level.OK, "account", account.words)
    if account.inspection is None:
        level = Level.OK if account.unseen == OFFLINE else Level.WARNING
        yield Finding(level, "api", f"{account.base_url} was not asked: {account.unseen}")
    else:
        yield from _inspection(account.inspection, account.base_url)


OFFLINE: Final = "--offline"
"""Why nobody was asked, by the user's own wish."""


def _inspection(found: Inspection, base_url: str) -> Iterator[Finding]:
    by = f" by the proxy {found.proxy}" if found.proxy else ""
    if remark := found.remark(What.CONNECTION):
        yield Finding(Level.WRONG, "api", f"{base_url}{by}: {remark.words}", remark.action)
        return
    yield Finding(Level.OK, "api", f"{base_url}{by} answers")
    yield from _clock(found)
    verdict = found.verdict
    level = {True: Level.OK, False: Level.WRONG, None: Level.WARNING}[verdict.can_send]
    yield Finding(level, "rights", verdict.words, verdict.action)
    if found.token.expires_on and found.token.status not in ENDED and not found.remark(What.TOKEN):
        yield Finding(Level.OK, "token", f"valid until {_day(found.token.expires_on)}")
    yield from map(_domain, found.domains)
    for remark in found.remarks:
        if remark.what != What.CLOCK and remark.words not in verdict.words and verdict.words != remark.words:
            # That a token may not read what is nice to know is its owner's choice.
            level = Level.OK if remark.what in {What.ADDRESSES, What.QUOTA, What.ACCOUNTS} else Level.WARNING
            yield Finding(level, str(remark.what), remark.words, remark.action)


def _clock(found: Inspection) -> Iterator[Finding]:
    if remark := found.remark(What.CLOCK):
        yield Finding(Level.WRONG, "clock", remark.words, remark.action)
    elif found.skew is not None:
        yield Finding(Level.OK, "clock", "goes with Cloudflare's")


def _domain(domain: SendingDomain) -> Finding:
    if not domain.enabled:
        return Finding(Level.OK, "domain", f"{domain.name} is switched off")
    if domain.faults:
        action = (
            "cfmail account check shows the DNS records to add"
            if domain.missing
            else "see Email Sending in Cloudflare's dashboard"
        )
        return Finding(Level.WARNING, "domain", f"{domain.name}: {'; '.join(domain.faults)}", action)
    if domain.is_ready:
        return Finding(Level.OK, "domain", f"{domain.name} is ready, its DNS records are in order")
    return Finding(Level.WARNING, "domain", f"{domain.name}: its DNS records are {domain.status}", "check again later")


def _terminal(terminal: Terminal) -> Iterator[Finding]:
    if not terminal.is_there:
        yield Finding(Level.OK, "terminal", "none here: the composer needs one, the other commands do not")
    elif terminal.name.lower() in {"", "dumb", "unknown"}:
        words = f"TERM is {terminal.name!r}, and says nothing of what the terminal can do"
        yield Finding(Level.WRONG, "terminal", words, "set TERM to what it is, xterm-256color for most")
    else:
        yield from _screen(terminal)
    if "utf" not in terminal.encoding.lower():
        action = "set LANG=C.UTF-8, and no LC_ALL or PYTHONIOENCODING against it"
        yield Finding(Level.WRONG, "locale", f"output is in {terminal.encoding}, which lacks most letters", action)
    elif "utf" not in terminal.locale.lower():
        named = terminal.locale or "not set"
        words = f"the locale is {named}, and does not say that the terminal shows UTF-8, which is written"
        yield Finding(Level.WARNING, "locale", words, "set LANG=C.UTF-8, and unset LC_ALL")
    else:
        yield Finding(Level.OK, "locale", terminal.locale)


def _screen(terminal: Terminal) -> Iterator[Finding]:
    size = f"{terminal.columns}x{terminal.rows}"
    where = [*([f"in {terminal.inside}"] if terminal.inside else []), *(["over SSH"] if terminal.is_remote else [])]
    words = ", ".join([terminal.name, terminal.colours, size, *where])
    if terminal.columns < SMALLEST[0] or terminal.rows < SMALLEST[1]:
        action = f"make it {SMALLEST[0]}x{SMALLEST[1]} at least to see all of every screen"
        yield Finding(Level.WARNING, "terminal", words, action)
    else:
        yield Finding(Level.OK, "terminal", words)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def octets(number: int) -> str:
    """A size for people, in the units of the settings."""
    if number < MIB:
        return f"{-(-number // 1024)} KiB"
    return f"{number / MIB:.0f} MiB" if number < 1024 * MIB else f"{number / 1024 / MIB:.1f} GiB"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
