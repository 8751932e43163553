"""Who mail is sent as, as far as it is no secret: accounts by name, with the identities of each. Pure."""

from typing import Literal

from cfmail_tui.frozen import frozen

KeptIn = Literal["keyring", "file", "memory", "environment", "command"]
"""Where the secret of an account is: the system's keyring, the encrypted file, this session only, the environment's
variables, or with the password command.
"""


@frozen
class Identity:
    """As whom one writes: the From as typed, where answers go ("" = there), and what stands under a mail."""

    sender: str
    reply_to: str = ""
    signature: str = ""


@frozen
class Profile:
    """An account without its secret; the first of its identities is the usual one."""

    name: str
    kept_in: KeptIn
    identities: tuple[Identity, ...] = ()
    is_default: bool = False
    """Whether mail is sent as this account when nobody says; true of one at most."""
