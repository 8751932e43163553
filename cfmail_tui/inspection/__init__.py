"""What a credential is and may do, told by the API's answers to questions that change nothing.

Which kind of token it is and whether it is valid, which accounts it sees, whether it may send, from which domains and
how well these are set up, to whom without limit, and how much of the quota is left. Whatever the token may not read,
or the far end does not tell, is a `Remark` and no obstacle. Pure: `api` asks.

Invariants:
- nothing an answer holds makes any of this raise, and text from it stays text;
- `may_send` is true or false only if the API said so; what is not known is None, "unknown" or empty, with a remark;
- why something could not be learned has its words and its next step in `causes`, and nowhere else.

`facts` is what can be learned and the verdict on it, `answers` reads what came, `causes` says why it did not.
"""

from cfmail_tui.inspection.facts import (
    DnsRecord,
    DnsStatus,
    Inspection,
    Quota,
    Readiness,
    Remark,
    SeenAccount,
    SendingDomain,
    TokenKind,
    TokenState,
    TokenStatus,
    What,
)

__all__ = [
    "DnsRecord",
    "DnsStatus",
    "Inspection",
    "Quota",
    "Readiness",
    "Remark",
    "SeenAccount",
    "SendingDomain",
    "TokenKind",
    "TokenState",
    "TokenStatus",
    "What",
]
