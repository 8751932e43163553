"""Why a question was not answered, in words, and what to do about it.

The codes are those of the API's documents: of sending, of its gateway, and of the endpoints of sending domains.
"""

import json
import re
from typing import Any, Final

from cfmail_tui.inspection.facts import ENDED, Remark, What
from cfmail_tui.submission import Answer, first_error

Reply = Answer | str
"""The answer to a question, or why there is none."""

_LATER: Final = "check again later"

_SUBJECTS: Final[dict[What, tuple[str, str]]] = {
    What.TOKEN: ("the state of the token", ""),
    What.ACCOUNTS: ("the accounts of the token", "Account Settings: Read"),
    What.SENDING: ("whether the token may send", "Email Sending: Edit"),
    What.DOMAINS: ("the sending domains", "Email Sending: Read and Zone: Read"),
    What.DNS: ("the DNS records of a sending domain", "Email Sending: Read"),
    What.ADDRESSES: ("the verified destination addresses", "Email Routing Addresses: Read"),
    What.QUOTA: ("the quota", "Email Sending: Read"),
    What.SUPPRESSIONS: ("the suppression list", "Email Sending: Edit"),
    What.REMOVAL: ("the suppression list", "Email Sending: Edit"),
}
"""How the object of a question is called, and the permission to ask it."""

_SEND: Final = "email.sending.error."
_MESSAGES: Final[dict[str, tuple[str, str]]] = {
    f"{_SEND}authentication.unauthorized": ENDED["invalid"],
    f"{_SEND}authentication.bad_token_type": (
        "this kind of token cannot send mail",
        "make an API token with the permission Email Sending: Edit",
    ),
    f"{_SEND}authentication.not_entitled": (
        "the plan of this account does not include Email Sending",
        "see the plan in Cloudflare's dashboard: Workers Paid has it",
    ),
    f"{_SEND}authentication.upstream": ("Cloudflare could not check the token", _LATER),
    f"{_SEND}email.sending_disabled": (
        "sending is switched off for this account",
        "switch it on in Cloudflare's dashboard, under Email Sending",
    ),
    f"{_SEND}email.sender_not_configured": (
        "the domain is not set up for sending",
        "onboard it in Cloudflare's dashboard, under Email Sending",
    ),
    f"{_SEND}internal_server": ("Cloudflare had an internal error", _LATER),
    f"{_SEND}not_implemented": ("Cloudflare cannot tell this yet", ""),
}
"""By the message, about which the documents agree where they do not about the number."""

_CODES: Final[dict[str, tuple[str, str]]] = {
    "1000": ENDED["invalid"],
    "6003": ("the token or key has the wrong form", "paste it again, without blanks, quotes and the word Bearer"),
    "9106": ("the request carried no credentials", "check the account's token"),
    "2008": ("a mail server of somebody else stands in the DNS records", "remove the foreign MX record"),
    "2011": ("Cloudflare did not take the time that was asked about", ""),
    "2026": ("there is more than one SPF record", "make one of them"),
    "2027": ("there is more than one DMARC record", "make one of them"),
    "2028": ("Cloudflare did not take its own name of a sending domain", _LATER),
    "2033": ("a sending domain is no longer there", "check again"),
    "2043": ("Cloudflare has locked a sending domain", "ask Cloudflare's support"),
    "2045": ("Cloudflare does not have the complaints at hand", _LATER),
    "2067": ("the plan of this account does not include wildcard sending domains", ""),
}
"""By the code, where one code has one meaning: 10000 has two, 9109 three."""

_ROADS: Final = (
    (re.compile(r"not yet valid|has expired"), "check the clock of this machine, and the base URL"),
    (
        re.compile(r"^the certificate of"),
        "something on the way, such as a company's proxy, seems to open the connection: use another network",
    ),
    (re.compile(r"^no secure connection"), "check the base URL, and what stands between this machine and Cloudflare"),
    (re.compile(r"HTTP 407"), "put both into HTTPS_PROXY: http://NAME:PASSWORD@HOST:PORT"),
    (re.compile(r"proxy|way through"), "check the proxy, in HTTPS_PROXY or ALL_PROXY"),
    (re.compile(r"^the name|^nothing listens|is not a name"), "check the network and the base URL"),
    (re.compile(r"network|^no connection"), "check the network"),
    (re.compile(r"not HTTP|is over"), "check the base URL"),
)
"""What to do about the reasons that `api` gives for having no answer; the first that fits."""


def unreachable(reply: Reply) -> Remark | None:
    """Why there is no talking to the API at all, from the reply to a question that it always answers."""
    if found := _unanswered(reply):
        return Remark(What.CONNECTION, *found)
    assert isinstance(reply, Answer)
    if reply.status == 404 or _error(reply)[0] == "7003":
        return Remark(What.CONNECTION, "the base URL does not lead to Cloudflare's API", "check the base URL")
    return None


def is_unknown_token(reply: Reply) -> bool:
    """Whether the API says that this credential is none that it has issued."""
    if isinstance(reply, str):
        return False
    code, words = _error(reply)
    return code in {"1000", "6003", "10101"} or (code == "9109" and "invalid access token" in words.lower())


def is_refusal(reply: Reply) -> bool:
    """Whether the API says no to the one who asks, and not to the question."""
    return isinstance(reply, Answer) and reply.status in {401, 403} and _unanswered(reply) is None


def told(reply: Reply, what: What) -> dict[str, Any] | Remark:
    """The envelope of a success, or why there is none, in the words for what was asked."""
    subject, _ = _SUBJECTS[what]
    if found := _unanswered(reply):
        return Remark(what, f"{subject} could not be learned: {found[0]}", found[1])
    assert isinstance(reply, Answer)
    envelope = _envelope(reply)
    if envelope is not None and _is_success(reply, envelope):
        return envelope
    return _refused(reply, what)


def shapeless(what: What) -> Remark:
    """That an answer came and is not like any that is known."""
    return Remark(what, f"{_SUBJECTS[what][0]} could not be learned: the answer has an unknown shape")


def wish(what: What) -> str:
    """The permission to ask for."""
    permission = _SUBJECTS[what][1]
    if what is What.SENDING:
        return f"give it the permission {permission}, and check the account ID"
    if what is What.REMOVAL:
        return f"give it the permission {permission}, or use Cloudflare's dashboard"
    return f"sending does not need it; to see that, give the token {permission}" if permission else ""


def _unanswered(reply: Reply) -> tuple[str, str] | None:
    """Why the reply is not the API's word on the question, and what to do; None if it is."""
    if isinstance(reply, str):
        return reply, next((action for pattern, action in _ROADS if pattern.search(reply)), _LATER)
    status = reply.status
    if 300 <= status < 400:
        return "the server answered with a redirect, which is never followed", "check the base URL"
    if status == 429:
        wait = f"check again in {reply.retry_after:.0f} s" if reply.retry_after else _LATER
        return "too many questions in a short time", wait
    if _envelope(reply) is not None:
        return None
    if reply.challenged:
        return "Cloudflare's firewall asked for a browser", "use another network"
    reference = f", reference {reply.ray}" if reply.ray else ""
    if status >= 500:
        return f"Cloudflare, or something on the way to it, is out of order (HTTP {status}{reference})", _LATER
    action = "check the base URL, and whether this network wants a login first"
    return f"what answered is not Cloudflare's API (HTTP {status}{reference})", action


def _refused(answer: Answer, what: What) -> Remark:
    """Why the API did not tell, from an answer of its own."""
    code, words = _error(answer)
    subject, _ = _SUBJECTS[what]
    if known := _MESSAGES.get(words.partition(": ")[0]) or _CODES.get(code):
        return Remark(what, *known)
    if answer.status in {401, 403}:
        if "location" in words.lower():
            return Remark(what, "the token may not be used from this network", "change its filter of IP addresses")
        able = {What.SENDING: "send mail", What.REMOVAL: f"change {subject}"}.get(what, f"read {subject}")
        return Remark(what, f"the token may not {able}", wish(what))
    if answer.status == 404 or code == "7003":
        if what is What.QUOTA:
            return Remark(what, f"Cloudflare does not tell {subject}")
        lost = "Cloudflare does not know this account, or not together with this token"
        return Remark(What.ACCOUNT, lost, "check the account ID")
    action = _LATER if answer.status >= 500 else ""
    return Remark(what, f"{subject} could not be learned: {words} (HTTP {answer.status})", action)


def _error(answer: Answer) -> tuple[str, str]:
    """Code and words of an error, both "" if the answer is none."""
    envelope = _envelope(answer)
    return ("", "") if envelope is None or _is_success(answer, envelope) else first_error(envelope)


def _is_success(answer: Answer, envelope: dict[str, Any]) -> bool:
    return 200 <= answer.status < 300 and envelope.get("success") is True


def _envelope(answer: Answer) -> dict[str, Any] | None:
    """The API's envelope (developer docs, API errors), None for anything else."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) and {"success", "errors", "error"} & body.keys() else None
