"""Who mail is sent as: the accounts by name, and the one order in which a secret is looked for.

1. the account chosen by name (in a draft, on the command line, or by adding it), from where its secret is kept;
2. the environment;
3. the default account, from the keyring;
4. the password command of `config.toml`, with the `account_id` there;
5. the encrypted file, if there is one, once its passphrase was given;
6. what was typed for this session only.

Invariants:
- the first of them that is there is used, and its source in words is part of the account; one that is there and cannot
  be used is told, and nothing below takes its place. Only where nobody said that the default account is in the keyring
  may there be no keyring;
- nothing is written anywhere but where the user chose, and never in clear text: where it cannot be kept there, it lasts
  for this session;
- what was once found is asked for once: a session goes on when the keyring does not, and a command runs once.

Synchronous; any number of threads may use one `Accounts`. One that looks for a secret waits for another that does.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from cfmail_tui.credentials import (
    CommandFailed,
    CredentialError,
    Keyring,
    KeyringUnavailable,
    Vault,
    VaultLocked,
    command,
    from_environment,
    parse_account_id,
    parse_credential,
    parse_name,
)
from cfmail_tui.frozen import frozen
from cfmail_tui.message import MailError, printable
from cfmail_tui.profile import Identity, KeptIn, Profile
from cfmail_tui.settings import Settings
from cfmail_tui.store import NoSuchProfile, Profiles, Store, StoreError
from cfmail_tui.submission import Account, Credential, Secret, sender_in_words

DEFAULT_ACCOUNT: Final = "default"
"""The name of an account whom nobody gave one."""

ENVIRONMENT: Final = "environment"
COMMAND: Final = "password command"
"""Names that are taken: those of what is found without anybody having listed it."""

VAULT: Final = "accounts.vault"
"""The name of the encrypted file, in the data folder."""

_PLACES: Final[dict[KeptIn, str]] = {
    "keyring": "keyring",
    "file": Vault.SOURCE,
    "memory": "this session only",
    "environment": ENVIRONMENT,
    "command": COMMAND,
}
_UNLISTED: Final[dict[str, KeptIn]] = {ENVIRONMENT: "environment", COMMAND: "command"}
_NO_ID: Final = "account_id is not set in config.toml"
_SESSION: Final = _PLACES["memory"]
_WAY_OUT: Final = "set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID, or run cfmail"

Keep = Literal["keyring", "file", "memory"]


class NoAccount(MailError):  # noqa: N818 - it reads as what it is
    """No usable credentials were found, or what was given cannot be used; the words say where and why."""


class NoneSetUp(NoAccount):
    """Nobody has set up an account yet, so that nothing is amiss."""


class NeedsPassphrase(NoAccount):
    """The encrypted file holds the secret: call `unlock`, then again what raised this.

    With `is_new` there is no such file yet, and its passphrase is to be chosen.
    """

    def __init__(self, words: str, *, is_new: bool = False) -> None:
        super().__init__(words)
        self.is_new = is_new


class NeedsTerminal(NoAccount):
    """The password command failed without a terminal; with one it may be able to ask."""


class StillKept(NoAccount):
    """The account is in the list no more, but its secret is still where it was kept; the words say why."""


@frozen
class Listed:
    """An account as it can be chosen: where its secret is, in words, and why it cannot be used now, "" if it can."""

    profile: Profile
    source: str
    problem: str = ""

    @property
    def words(self) -> str:
        """The account as `Account.words` has it."""
        return sender_in_words(self.profile.name, self.source)


@frozen
class Choice:
    """A place where a secret can be kept; without `is_offered` the words say why not here."""

    kept_in: KeptIn
    words: str
    is_offered: bool = True


class Accounts:
    """Everybody mail can be sent as. Raises NoAccount and, where the list cannot be read or written, StoreError."""

    def __init__(
        self,
        environ: Mapping[str, str],
        keyring: Keyring,
        name: str = "",
        *,
        profiles: Profiles | None = None,
        vault: Vault | None = None,
        token_command: Sequence[str] = (),
        account_id: str = "",
        only: Account | None = None,
    ) -> None:
        """`name` is the account asked for on the command line; with `only` there is no other, whatever is asked for."""
        self._environ = environ
        self._keyring = keyring
        self._profiles = profiles
        self._vault = vault
        self._token_command = tuple(token_command)
        self._account_id = account_id
        self._only = only
        self._chosen = name
        self._found: dict[str, Account] = {}
        self._ids: dict[str, str] = {}
        self._typed: dict[str, tuple[Profile, Account]] = {}
        self._turn = threading.RLock()

    @property
    def usual_name(self) -> str:
        """The name for an account that is added without one."""
        return DEFAULT_ACCOUNT if self._chosen in {"", ENVIRONMENT, COMMAND} else self._chosen

    @property
    def has_file(self) -> bool:
        """Whether there is an encrypted file, which has its passphrase already."""
        return self._vault is not None and self._vault.exists

    def find(self, name: str = "", *, terminal: bool = False) -> Account:
        """The account to send as: the one called so, else the first in order. Raises NoAccount, saying why not.

        With `terminal` a password command may ask there: whoever else uses the terminal must have left it.
        """
        if self._only:
            return self._only
        with self._turn:
            try:
                account = self._opened(*self._whereabouts(name), terminal=terminal)
            except VaultLocked as error:
                raise NeedsPassphrase(str(error)) from error
            except CommandFailed as error:
                raise (NoAccount if terminal else NeedsTerminal)(str(error)) from error
            except CredentialError as error:
                raise NoAccount(str(error)) from error
            self._ids[account.name] = account.account_id
            return account

    def id_of(self, name: str) -> str:
        """The account ID of the one called so, "" before it was first found: nothing is looked for."""
        return self._only.account_id if self._only and self._only.name == name else self._ids.get(name, "")

    def foreseen(self, name: str = "") -> Listed:
        """Whom `find` would give, told without a secret: no passphrase is wanted, no command run. Raises NoAccount."""
        if self._only:
            return Listed(Profile(self._only.name, "memory"), self._only.source)
        with self._turn:
            try:
                name, place = self._whereabouts(name)
                if place == "command" and self._token_command:
                    self._require_account_id()
                elif place != "file" and not (place == "keyring" and self._in_book(name)):
                    # Nobody has said that it is there, and to look asks nobody anything.
                    self._opened(name, place)
            except CredentialError as error:
                raise NoAccount(str(error)) from error
            source = self._command_words if place == "command" else _PLACES[place]
            return Listed(Profile(name, place), source)

    def knows(self, name: str) -> bool:
        """Whether `find` would look for this very account, and not give up because nobody has heard of it."""
        if name == ENVIRONMENT:
            return bool(self._environ.get("CLOUDFLARE_API_TOKEN") or self._environ.get("CLOUDFLARE_API_KEY"))
        if name == COMMAND:
            return bool(self._token_command)
        return name in {*self._typed, *self._found, *(profile.name for profile in self._book())}

    def identities(self, name: str) -> tuple[Identity, ...]:
        """As whom one writes from this account, the usual one first; () where nobody said."""
        known = [profile for profile, _ in [*self._typed.values()]]
        return next((profile.identities for profile in (*known, *self._book()) if profile.name == name), ())

    def _whereabouts(self, name: str) -> tuple[str, KeptIn]:
        """The name of the account to send as, and where its secret is."""
        wanted = name or self._chosen
        if not wanted:
            return self._first()
        if wanted in self._typed:
            return wanted, "memory"
        if wanted in _UNLISTED:
            return wanted, _UNLISTED[wanted]
        listed = self._in_book(wanted)
        is_in_file = listed.kept_in == "file" if listed else wanted in self._unlocked()
        return wanted, "file" if is_in_file else "keyring"

    def _first(self) -> tuple[str, KeptIn]:
        """The same where nobody said whom."""
        if self.knows(ENVIRONMENT):
            return ENVIRONMENT, "environment"
        default = next((profile for profile in self._book() if profile.is_default), None)
        if default and default.kept_in == "keyring":
            return default.name, "keyring"
        no_keyring = ""
        try:
            if default is None and self._from_keyring(DEFAULT_ACCOUNT):
                return DEFAULT_ACCOUNT, "keyring"
        except KeyringUnavailable as error:
            no_keyring = str(error)
        if self._token_command:
            return COMMAND, "command"
        if default and default.kept_in == "file":
            return default.name, "file"
        if default is None and self._may_be_in_file(DEFAULT_ACCOUNT):
            return DEFAULT_ACCOUNT, "file"
        if self._typed:
            return [*self._typed][-1], "memory"
        raise NoneSetUp(no_keyring or f"no account is set up: {_WAY_OUT}")

    def _opened(self, name: str, place: KeptIn, *, terminal: bool = False) -> Account:
        account: Account | None
        match place:
            case "memory":
                account = self._typed[name][1]
            case "environment":
                account = from_environment(self._environ)
            case "command":
                account = self._from_command(terminal=terminal) if self._token_command else None
            case "file":
                account = self._from_vault(name)
            case "keyring":
                account = self._from_keyring(name)
        if account:
            return account
        if listed := self._in_book(name):
            raise _gone(listed)
        raise NoAccount(f"no account called {printable(name)} is set up: {_WAY_OUT}")

    def _book(self) -> tuple[Profile, ...]:
        return self._profiles.listed() if self._profiles else ()

    def _in_book(self, name: str) -> Profile | None:
        return next((profile for profile in self._book() if profile.name == name), None)

    def _from_keyring(self, name: str) -> Account | None:
        return self._found.get(name) or self._remembered(self._keyring.load(name))

    def _from_vault(self, name: str) -> Account | None:
        return self._found.get(name) or self._remembered(self._vault.load(name) if self._vault else None)

    def _may_be_in_file(self, name: str) -> bool:
        """Whether the encrypted file has it, or nobody knows before that is open."""
        return self._vault is not None and self._vault.exists and (self._vault.is_locked or name in self._vault.names())

    def _unlocked(self) -> tuple[str, ...]:
        """The names in the encrypted file, once it is open: there they are even if the list was lost."""
        return self._vault.names() if self._vault and not self._vault.is_locked else ()

    def _from_command(self, *, terminal: bool) -> Account:
        if COMMAND not in self._found:
            self._require_account_id()
            secret = command.run(self._token_command, self._environ, terminal=terminal)
            try:
                credential = parse_credential(secret)
            except CredentialError as error:
                raise NoAccount(f"what the {self._command_words} prints: {error}") from error
            self._found[COMMAND] = Account(COMMAND, self._account_id, credential, self._command_words)
        return self._found[COMMAND]

    def _require_account_id(self) -> None:
        if not self._account_id:
            raise NoAccount(f"token_command is set, but {_NO_ID}: set both")

    @property
    def _command_words(self) -> str:
        return f"{COMMAND} ({printable(command.program(self._token_command))})"

    def _remembered(self, account: Account | None) -> Account | None:
        if account:
            self._found[account.name] = account
        return account

    def unlock(self, passphrase: Secret) -> None:
        """Open the encrypted file for this session; before there is one, choose its passphrase."""
        if self._vault is None:
            raise NoAccount("there is no place for an encrypted file here")
        try:
            self._vault.unlock(passphrase)
        except CredentialError as error:
            raise NoAccount(str(error)) from error

    def parsed(self, secret: Secret, email: str = "") -> Credential:
        """What was typed as a credential. Raises NoAccount if it cannot be one."""
        try:
            return parse_credential(secret, email)
        except CredentialError as error:
            raise NoAccount(str(error)) from error

    def parsed_id(self, account_id: str) -> str:
        """What was typed as an account ID, "" if nothing was. Raises NoAccount if it cannot be one."""
        try:
            return parse_account_id(account_id) if account_id.strip() else ""
        except CredentialError as error:
            raise NoAccount(str(error)) from error

    def add(
        self, profile: Profile, account_id: str, secret: Secret, email: str = "", *, keep: Keep
    ) -> tuple[Account, str]:
        """Use these credentials from now on; gives the account, and in words what of `keep` could not be done.

        A secret with an e-mail address is a global key, else an API token. Raises NoAccount if they cannot be right,
        NeedsPassphrase if they are to be kept in the encrypted file and it is locked; then nothing has changed.
        """
        with self._turn:
            try:
                name = parse_name(profile.name)
                if name in {ENVIRONMENT, COMMAND}:
                    raise NoAccount(f"“{name}” is what another source is called: choose another name")
                account = Account(name, parse_account_id(account_id), parse_credential(secret, email), _SESSION)
            except CredentialError as error:
                raise NoAccount(str(error)) from error
            if keep == "file" and (self._vault is None or self._vault.is_locked):
                is_new = self._vault is not None and not self._vault.exists
                raise NeedsPassphrase("the encrypted file wants its passphrase", is_new=is_new)
            self._chosen = name
            self._typed[name] = (replace(profile, kept_in="memory", is_default=False), account)
            if keep == "memory":
                return account, ""
            try:
                account = replace(account, source=self._keep(account, keep))
            except CredentialError as error:
                return account, f"used for this session only: {error}"
            del self._typed[name]
            self._found[name] = account
            return account, self._listed_in_book(replace(profile, kept_in=keep))

    def _keep(self, account: Account, keep: Literal["keyring", "file"]) -> str:
        """Where it is kept now, in words."""
        if keep == "keyring":
            return f"keyring ({self._keyring.save(account)})"
        assert self._vault
        self._vault.save(account)
        return Vault.SOURCE

    def _listed_in_book(self, profile: Profile) -> str:
        """Write down where the account is kept from now on, and forget its secret where it was; tells what failed."""
        if self._profiles is None:
            return ""
        try:
            before = [kept for kept in self._book() if kept.name == profile.name]
            self._profiles.save(profile)
        except StoreError as error:
            return f"kept, but not in the list of accounts: {error}"
        moved = [kept for kept in before if kept.kept_in != profile.kept_in]
        return "; ".join(filter(None, (self._forget(kept) for kept in moved)))

    def save_profile(self, profile: Profile) -> None:
        """Keep the identities of an account that `all` gave, and whether it is the default."""
        with self._turn:
            if profile.name in self._typed:
                self._typed[profile.name] = (profile, self._typed[profile.name][1])
            elif self._profiles:
                self._profiles.save(profile)

    def remove(self, name: str) -> str:
        """Forget the account; says in words what became of its secret. Raises StillKept if it could not be removed."""
        with self._turn:
            typed = self._typed.pop(name, None)
            self._found.pop(name, None)
            if self._chosen == name:
                self._chosen = ""
            listed = self._in_book(name)
            if self._profiles and listed:
                self._profiles.remove(name)
            if listed is None and typed:
                return f"“{name}” is forgotten: it was for {_SESSION}"
            profile = listed or Profile(name, _UNLISTED.get(name, "keyring"))
            match profile.kept_in:
                case "environment":
                    return f"“{name}” is no longer listed; its variables stay in the environment"
                case "command":
                    return f"“{name}” is no longer listed; token_command stays in config.toml"
            if why := self._forget(profile):
                raise StillKept(why)
            return f"“{name}” is forgotten, its secret removed from the {_PLACES[profile.kept_in]}"

    def _forget(self, profile: Profile) -> str:
        """Remove the secret from where it was kept; in words why it is still there."""
        try:
            if profile.kept_in == "keyring":
                self._keyring.delete(profile.name)
            elif profile.kept_in == "file" and self._vault:
                self._vault.delete(profile.name)
        except CredentialError as error:
            return f"the secret of “{profile.name}” is still in the {_PLACES[profile.kept_in]}: {error}"
        return ""

    def make_default(self, name: str) -> None:
        """Mail is sent as this account when nobody says and the environment names none; here from now on."""
        with self._turn:
            if name in self._typed:
                raise NoAccount(f"“{name}” is for {_SESSION}: keep it somewhere to make it the default")
            try:
                if self._profiles:
                    self._profiles.make_default(name)
            except NoSuchProfile as error:
                raise NoAccount(str(error)) from error
            self._chosen = name

    def all(self) -> tuple[Listed, ...]:
        """Every account that can be chosen; waits no longer than for one answer of the keyring."""
        if self._only:
            return (Listed(Profile(self._only.name, "memory"), self._only.source),)
        book = {profile.name: profile for profile in self._book()}
        found = [Listed(profile, _SESSION) for profile, _ in [*self._typed.values()]]
        if self.knows(ENVIRONMENT):
            profile = book.pop(ENVIRONMENT, Profile(ENVIRONMENT, "environment"))
            found.append(Listed(profile, ENVIRONMENT, self._fault_of_environment()))
        if self._token_command:
            profile = book.pop(COMMAND, Profile(COMMAND, "command"))
            found.append(Listed(profile, self._command_words, "" if self._account_id else _NO_ID))
        known = [profile for profile in book.values() if profile.name not in self._typed]
        return (*found, *self._in_keyring(known), *self._elsewhere(known))

    def _in_keyring(self, known: Sequence[Profile]) -> Iterator[Listed]:
        profiles = [profile for profile in known if profile.kept_in == "keyring"]
        if all(profile.name != DEFAULT_ACCOUNT for profile in known) and DEFAULT_ACCOUNT not in self._typed:
            # What was kept there before there was a list.
            profiles.append(Profile(DEFAULT_ACCOUNT, "keyring"))
        asked = [profile.name for profile in profiles if profile.name not in self._found]
        try:
            ring, faults = self._keyring.look(asked) if asked else ("", {})
            source = f"keyring ({ring})"
        except CredentialError as error:
            source, faults = _PLACES["keyring"], dict.fromkeys(asked, str(error))
        for profile in profiles:
            if profile.name in self._found:
                yield Listed(profile, self._found[profile.name].source)
            elif profile in known or not faults[profile.name]:
                yield Listed(profile, source, faults[profile.name])

    def _elsewhere(self, known: Sequence[Profile]) -> Iterator[Listed]:
        try:
            lost = [Profile(name, "file") for name in self._unlocked()]
        except CredentialError:
            lost = []
        names = {*self._typed, *(profile.name for profile in known)}
        for profile in (*known, *(profile for profile in lost if profile.name not in names)):
            if profile.kept_in == "file":
                yield Listed(profile, Vault.SOURCE, self._fault_of_vault(profile.name))
            elif profile.kept_in != "keyring":
                yield Listed(profile, _PLACES[profile.kept_in], "it is not set now")

    def _fault_of_environment(self) -> str:
        try:
            from_environment(self._environ)
        except CredentialError as error:
            return str(error)
        return ""

    def _fault_of_vault(self, name: str) -> str:
        try:
            held = self._vault.names() if self._vault else ()
        except CredentialError as error:
            return str(error)
        return "" if name in held else f"the {Vault.SOURCE} has nothing under this name any more"

    def choices(self) -> tuple[Choice, ...]:
        """What this machine offers to keep a secret in, the best first; waits for the keyring's answer."""
        try:
            ring = Choice("keyring", f"the keyring of this machine ({self._keyring.backend()})")
        except KeyringUnavailable as error:
            ring = Choice("keyring", error.reason, is_offered=False)
        runs = f"a {self._command_words}" if self._token_command else "a password command: token_command in config.toml"
        opens = "an encrypted file" if self.has_file else "a new encrypted file"
        return (
            ring,
            Choice("command", runs, is_offered=bool(self._token_command)),
            Choice("file", f"{opens}, opened by a passphrase once a session", is_offered=self._vault is not None),
            Choice("memory", _SESSION),
        )


def on_this_machine(
    environ: Mapping[str, str], settings: Settings, store: Store, name: str = "", *, only: Account | None = None
) -> Accounts:
    """The accounts of this user; the arguments are those of `Accounts`."""
    return Accounts(
        environ,
        Keyring(),
        name,
        profiles=store.profiles,
        vault=Vault(settings.data_dir / VAULT),
        token_command=settings.token_command,
        account_id=settings.account_id,
        only=only,
    )


def _gone(profile: Profile) -> NoAccount:
    place = _PLACES[profile.kept_in]
    return NoAccount(f"the secret of “{profile.name}” is not in the {place} any more: add the account again")
