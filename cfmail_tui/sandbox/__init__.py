"""An embedded Cloudflare Email Sending API on 127.0.0.1: a second opinion that shares no code with the client.

It follows Cloudflare's developer docs (Email Service), its published OpenAPI and its official packages, keeps what it
accepts in a Maildir, and knows these recipients, at any domain, by their local part (without regard to case):

    bounce, queue      in permanent_bounces, in queued; every other address is in delivered
    suppressed         the request is refused, or the address dropped if the sender's domain drops; it stands on the
                       suppression list as a hard bounce
    throttle           429/10004 with Retry-After 2
    error500, error503 500/10002, 503/10100
    html502            the edge's HTML page
    success-false      200 with success: false; like the above, nothing is kept
    slow-N             answered after N seconds; the message is kept before
    cut                kept; the connection ends without an answer
    halfanswer         kept; half of the promised answer is sent
    badjson            kept; 200 with a body that is not JSON
    oldshape           kept; 200 without message_id and suppressed_recipients

Senders at `unconfigured.example` and `disabled.example` get 403/10204 and 403/10203.

Where the real service is unknown, what we chose:

- Every other sender domain is onboarded. The list of subdomains shows the seeded and the posted ones; deleting one
  disables it (10203), posting it enables it again.
- A suppressed recipient, more than 50 recipients (counted as given, before repetitions are dropped), a subject over
  998 characters, a header field against the rules and bad base64 are 400 email.invalid. All that a schema can say,
  addresses included, is 10001. Numbers: 10202 invalid, 10200 too_big; `Choices.numbering` swaps them.
- "Name <a@b>" in an address string is refused; so are base64 with line breaks or in the URL alphabet, an empty file
  name, a Content-ID with spaces, angle brackets or non-ASCII, and a non-ASCII value in a structured header field.
- The lists of the answer name each address once, as it was first written. A repeated recipient gets one mail.
- send_raw asks for a From header field and checks no other; the message is kept as it came, octet for octet.
  `message_id` is made by the sandbox on both endpoints.
- If every recipient is dropped as suppressed, the request is accepted all the same: 200 with a message_id.
- No credentials are 9106 on every endpoint. An unknown token is 401/10101 on the sending and suppression endpoints
  and 403/9109 elsewhere; a token without the right to read 403/10000. A wrong account or zone id is 7003, like an
  unknown path or method.
- The quota counts recipients that are not verified destinations; over it 429/10004.
- A request body over 100 MiB is the edge's 413. Newlines in text and html go out as CRLF.
- A message/* or multipart/* attachment goes out as it is if it is clean 7bit, else as application/octet-stream.
- Bounces add nothing to the suppression list, so that they bounce every time.
- The analytics (POST /graphql, the dataset emailSendingAdaptive alone) have every message that was kept, `cut`,
  `halfanswer` and `badjson` included, and none that was not; the module `analytics` says what of it is ours.
- Requests without Content-Type, and header fields that nobody knows, are taken.

A refusal for what the request holds says why in the answer's header field X-Sandbox-Reason.
GET and DELETE /sandbox/messages, GET /sandbox/messages/N and POST /sandbox/tokens stand beside the API, for tests.
"""

from cfmail_tui.sandbox.access import TokenKind
from cfmail_tui.sandbox.box import Sandbox
from cfmail_tui.sandbox.command import serve
from cfmail_tui.sandbox.state import Choices

__all__ = ["Choices", "Sandbox", "TokenKind", "serve"]
