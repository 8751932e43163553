"""Why there is no usable credential, in words meant for the user, which hold no secret."""

from typing import Final

from cfmail_tui.message import MailError

WAY_OUT: Final = "set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID, or keep the token for this session only"
"""What to do where there is no keyring; ends the text of every KeyringUnavailable."""


class CredentialError(MailError):
    """There is no usable credential; the text is meant for the user and holds no secret."""


class BadCredential(CredentialError):  # noqa: N818 - it reads as what it is
    """What is there cannot be right; the text says what and where, never the value."""


class KeyringUnavailable(CredentialError):  # noqa: N818 - it reads as what it is
    """There is no keyring, or it cannot be used now; the text says why and what to do instead."""

    @property
    def reason(self) -> str:
        """Why alone, where the way out is offered beside it."""
        return str(self).removesuffix(WAY_OUT).removesuffix(". Or ").removesuffix(": ")


class KeyringTimeout(KeyringUnavailable):
    """The keyring gave no answer in time."""


class CommandFailed(CredentialError):  # noqa: N818 - it reads as what it is
    """The password command did not give a secret; the text names the program and how it ended."""


class VaultError(CredentialError):
    """The encrypted file cannot be used: not ours, cut short, changed, of another version, or the disk fails."""


class VaultLocked(VaultError):  # noqa: N818 - it reads as what it is
    """The encrypted file wants its passphrase first."""


class WrongPassphrase(VaultError):  # noqa: N818 - it reads as what it is
    """The passphrase does not open the file, or cannot be one."""
