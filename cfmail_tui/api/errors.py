"""Why there is no client, no request or no answer.

ApiError
├── BaseUrlError
├── CredentialFormError
└── StopError: does not leave this package
"""

from cfmail_tui.message import MailError


class ApiError(MailError):
    """A client cannot be made; the text is for the user and holds no secret."""


class BaseUrlError(ApiError):
    """The base URL is none, or one that a credential must not be sent to."""


class CredentialFormError(ApiError):
    """A token, key or e-mail address that cannot stand in an HTTP header field."""


class StopError(ApiError):
    """The exchange is given up on this side, for the reason that is its text."""
