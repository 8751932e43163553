"""Where a token comes from and where it is kept.

`environment` reads the variables, `parsing` a paste, `command` runs the user's password command; `keyring` is the
system's keyring and `vault` an encrypted file, both keep an account as `entry` says. Which is asked when is decided
above, in `accounts`.

Invariants:
- no secret stands in a message, a repr, or a frame of a traceback that leaves `Keyring`, `Vault` or `command.run`;
- a call returns or raises within its limit, whatever the keyring or the command does; it may be made from any thread;
- "saved" is said only of what was read back the same; nothing is ever kept in clear text.

CredentialError            there is no usable credential, in plain words
├── BadCredential          what is there cannot be right: a variable, a paste, or an entry of the keyring
├── CommandFailed          the password command gave no secret
├── KeyringUnavailable     there is no keyring, or it cannot be used now; says the way out
│   └── KeyringTimeout     it gave no answer in time; it may be asking for a password somewhere
└── VaultError             the encrypted file cannot be used
    ├── VaultLocked        it wants its passphrase first
    └── WrongPassphrase    that is not it
"""

from cfmail_tui.credentials import command
from cfmail_tui.credentials.environment import from_environment
from cfmail_tui.credentials.failures import (
    BadCredential,
    CommandFailed,
    CredentialError,
    KeyringTimeout,
    KeyringUnavailable,
    VaultError,
    VaultLocked,
    WrongPassphrase,
)
from cfmail_tui.credentials.keyring import SERVICE, Keyring
from cfmail_tui.credentials.parsing import TOKEN_LENGTH, parse_account_id, parse_credential, parse_name, parse_token
from cfmail_tui.credentials.vault import Vault

__all__ = [
    "SERVICE",
    "TOKEN_LENGTH",
    "BadCredential",
    "CommandFailed",
    "CredentialError",
    "Keyring",
    "KeyringTimeout",
    "KeyringUnavailable",
    "Vault",
    "VaultError",
    "VaultLocked",
    "WrongPassphrase",
    "command",
    "from_environment",
    "parse_account_id",
    "parse_credential",
    "parse_name",
    "parse_token",
]
