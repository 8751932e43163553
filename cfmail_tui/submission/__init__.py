"""What leaves for the API and what its answer means: envelope, request body, outcome.

Owns the provider's limits, both request bodies (developer docs, Email Sending REST API) and the reading of answers.
Pure: it never opens a file or a socket.

Invariants:
- an `Envelope` has 1 to 50 distinct recipients;
- a `SendRequest` exists only for a message within the size limit that applies, and a raw one without a Bcc field unless
  asked;
- a request body has no key the schema does not know and is valid UTF-8;
- an answer becomes exactly one `Outcome`; what cannot be understood is `Unknown`, never success.

`credential` is who sends, `requests` what leaves, `sizes` how big it may be, `outcomes` what came of it,
`explanations` what to tell of that, `contents` what the history keeps of it.
"""

from cfmail_tui.submission.contents import Contents, Detail, SentFile, contents_of
from cfmail_tui.submission.credential import Account, ApiToken, Credential, GlobalKey, Secret, sender_in_words
from cfmail_tui.submission.explanations import (
    API_ERRORS,
    STATUSES,
    ApiError,
    Explanation,
    explain,
    may_be_suppressed,
    place_of,
)
from cfmail_tui.submission.outcomes import (
    NOT_SENT_CODES,
    Accepted,
    Answer,
    Attempt,
    Fate,
    Later,
    NotSent,
    Outcome,
    Receipt,
    Refused,
    Unknown,
    decode,
    first_error,
)
from cfmail_tui.submission.requests import (
    RECIPIENT_LIMIT,
    Endpoint,
    Envelope,
    SendRequest,
    Submission,
    builder_request,
    raw_request,
)
from cfmail_tui.submission.sizes import LARGEST_SIZE_LIMIT, SIZE_LIMIT, Limit, Size, megabytes, size_limit

__all__ = [
    "API_ERRORS",
    "LARGEST_SIZE_LIMIT",
    "NOT_SENT_CODES",
    "RECIPIENT_LIMIT",
    "SIZE_LIMIT",
    "STATUSES",
    "Accepted",
    "Account",
    "Answer",
    "ApiError",
    "ApiToken",
    "Attempt",
    "Contents",
    "Credential",
    "Detail",
    "Endpoint",
    "Envelope",
    "Explanation",
    "Fate",
    "GlobalKey",
    "Later",
    "Limit",
    "NotSent",
    "Outcome",
    "Receipt",
    "Refused",
    "Secret",
    "SendRequest",
    "SentFile",
    "Size",
    "Submission",
    "Unknown",
    "builder_request",
    "contents_of",
    "decode",
    "explain",
    "first_error",
    "may_be_suppressed",
    "megabytes",
    "place_of",
    "raw_request",
    "sender_in_words",
    "size_limit",
]
