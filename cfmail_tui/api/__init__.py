"""The wire: one reviewed mail to Cloudflare's API in one request, what that proves, and questions that change nothing.

Owns the only use of httpx and the only place where a credential is unmasked for the wire. It sends the body file as
it is, never makes or changes one, and never sends anything twice.

Invariants:
- one `submit` is at most one connection and one request: no retry, no redirect, no cookie, no answer decompressed;
- nothing of the environment is looked at: no proxy, .netrc, certificate file or key log that was not handed in;
- a request is completed only if every octet of its body is the one that was reviewed (SHA-256);
- not an octet of the request leaves before the caller was told that it is about to, and agreed;
- the credential meets TLS with a verified certificate, or a loopback address, and nothing else;
- `NotSent` only if the last octet of the body has not left this machine, `Unknown` whenever it has and no complete
  answer came.

`client` is the face, `wire` one request and its answer, `exchange` what is known of one on its way, `upload` the mail
as its body, `question` one question or several, `search` those about a mail, `inspect` those about the credential,
`suppressions` those about the suppression list, `addresses` where to send and by which road, `discretion` keeps
secrets out of what a far end says, `library` is the httpx of them all.
"""

from cfmail_tui.api.addresses import proxy_for, shown_proxy
from cfmail_tui.api.client import Client
from cfmail_tui.api.errors import ApiError, BaseUrlError, CredentialFormError
from cfmail_tui.api.exchange import Cancellation, Timeouts
from cfmail_tui.api.upload import BLOCK_SIZE, Leaving, Progress
from cfmail_tui.api.wire import ANSWER_LIMIT

__all__ = [
    "ANSWER_LIMIT",
    "BLOCK_SIZE",
    "ApiError",
    "BaseUrlError",
    "Cancellation",
    "Client",
    "CredentialFormError",
    "Leaving",
    "Progress",
    "Timeouts",
    "proxy_for",
    "shown_proxy",
]
