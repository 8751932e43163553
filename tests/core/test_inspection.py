"""What the API's answers tell of a credential, and in which words."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui.inspection import (
    DnsRecord,
    Inspection,
    Quota,
    Remark,
    SeenAccount,
    SendingDomain,
    TokenState,
    What,
    answers,
)
from cfmail_tui.inspection.causes import is_refusal, is_unknown_token, unreachable
from cfmail_tui.submission import Answer

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
SEND: Final = "email.sending.error."
MX: Final = {"type": "MX", "name": "cf-bounce.a.example", "content": "route1.mx.cloudflare.net", "priority": 10}
SPF: Final = {"type": "TXT", "name": "cf-bounce.a.example", "content": "v=spf1 ~all"}
DKIM: Final = {"type": "TXT", "name": "cf-bounce._domainkey.a.example", "content": "v=DKIM1; p=eA=="}
DMARC: Final = {"type": "TXT", "name": "_dmarc.a.example", "content": "v=DMARC1; p=reject;"}
ROW: Final = answers.Subdomain("t1", "a.example", enabled=True)

READERS: Final = {
    "token": lambda reply: answers.token_state(reply, "user"),
    "key": answers.key_state,
    "accounts": answers.accounts,
    "sending": answers.may_send,
    "zones": answers.zones,
    "subdomains": answers.subdomains,
    "dns state": answers.dns_state,
    "dns records": answers.dns_records,
    "verified": answers.verified,
    "quota": answers.quota,
    "unreachable": unreachable,
    "unknown token": is_unknown_token,
    "refusal": is_refusal,
}


def answer(body: object, status: int = 200, **fields: Any) -> Answer:
    return Answer(status, body if isinstance(body, bytes) else json.dumps(body).encode(), **fields)


def success(result: object, **info: object) -> Answer:
    return answer({"success": True, "errors": [], "messages": [], "result": result, "result_info": info})


def refusal(status: int, code: object, message: str = "words") -> Answer:
    return answer({"success": False, "errors": [{"code": code, "message": message}], "result": None}, status)


def record(row: dict[str, Any]) -> DnsRecord:
    return DnsRecord(row["type"], row["name"], row["content"], row.get("priority"))


# Whatever comes.

JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
KEYS: Final = re.findall(
    r"\w+",
    "id tag name email enabled verified status expires_on not_before quota usage value unit sent resets_at errors"
    " records code message missing type content priority result_info total_count",
)
SHAPED: Final = st.recursive(
    JSON | st.sampled_from(["active", "ready", "misconfigured", "mx.missing", "2026-11-23T12:00:00Z", "\ud800"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=8),
    max_leaves=20,
)


@given(JSON | SHAPED, st.sampled_from([200, 204, 302, 400, 401, 403, 404, 429, 500, 502]), st.booleans())
def test_any_answer_is_read(body: object, status: int, wrapped: bool) -> None:
    """Whatever JSON comes, in the API's envelope or not, no reader raises and all that it says can be written."""
    envelope = {"success": status < 300, "errors": body, "result": body, "result_info": body}
    reply = answer(envelope if wrapped else body, status)
    for read in READERS.values():
        repr(read(reply)).encode()


@given(st.binary(max_size=40), st.integers(100, 599))
def test_any_octets_are_read(body: bytes, status: int) -> None:
    """So it is with what is not JSON, which is never taken for a word of the API."""
    for read in READERS.values():
        read(answer(body, status))
    assert answers.may_send(answer(b"<html>" + body, status))[0] is None


@given(SHAPED, SHAPED)
def test_any_domain_is_told(state: object, expected: object) -> None:
    """A domain whose records come in any shape has a state, and text for its faults."""
    found = answers.dns_state(success(state))
    records = answers.dns_records(success(expected))
    known = None if isinstance(found, Remark) else found
    domain = answers.sending_domain(ROW, "a.example", known, () if isinstance(records, Remark) else records)
    assert all(isinstance(fault, str) and fault for fault in domain.faults)
    assert Inspection(may_send=True, domains=(domain,)).verdict.can_send in {True, None}


def test_deep_json_is_read() -> None:
    """Nesting without end is an answer that says nothing."""
    for read in READERS.values():
        read(answer(b"[" * 100_000, 200))


# The token.


@pytest.mark.parametrize("kind", ["user", "account"])
@pytest.mark.parametrize("status", ["active", "disabled", "expired"])
def test_a_verified_token(kind: Any, status: Any) -> None:
    """The token is of the kind that was asked for, with the status and the times that the API tells."""
    reply = success({"id": "1", "status": status, "expires_on": "2027-01-01T00:00:00Z", "not_before": "2026-01-01"})
    assert answers.token_state(reply, kind) == TokenState(
        kind, status, datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("reply", "unknown"),
    [
        (refusal(401, 1000, "Invalid API Token"), True),
        (refusal(401, "1000", "Invalid API Token"), True),
        (refusal(400, 6003, "Invalid request headers"), True),
        (refusal(403, 9109, "Invalid access token"), True),
        (refusal(401, 10101, f"{SEND}authentication.unauthorized"), True),
        (refusal(403, 9109, "Unauthorized to access requested resource"), False),
        (refusal(403, 10000, "Authentication error"), False),
        (refusal(500, 10002), False),
        (success({"status": "active"}), False),
        ("no answer within 60 s", False),
    ],
)
def test_an_unknown_token_is_told_from_one_without_rights(reply: Answer | str, unknown: bool) -> None:
    """Only what the API says it never issued is invalid."""
    assert is_unknown_token(reply) is unknown
    state = answers.token_state(reply, "user")
    assert (isinstance(state, TokenState) and state.status == "invalid") is unknown


def test_a_global_key_is_judged_by_what_it_may_list() -> None:
    """A key that lists accounts is active, one that is refused invalid, one without an answer neither."""
    assert answers.key_state(success([])) == TokenState("global key", "active")
    assert answers.key_state(refusal(403, 9103)) == TokenState("global key", "invalid")
    assert answers.key_state(refusal(500, 10002)) == TokenState("global key", "unknown")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (TokenState("user", "active"), None),
        (TokenState("user", "active", NOW + timedelta(days=90), NOW - timedelta(days=1)), None),
        (TokenState("user", "active", NOW + timedelta(days=3)), "the token expires on 2026-11-26"),
        (TokenState("user", "active", None, NOW + timedelta(hours=1)), "not valid before 2026-11-23 13:00 UTC"),
        (TokenState("user", "expired", NOW), "the token has expired"),
        (TokenState("user", "disabled"), "the token is switched off"),
        (TokenState("unknown", "invalid"), "Cloudflare does not know this token or key"),
    ],
)
def test_what_is_said_of_a_token(state: TokenState, words: str | None) -> None:
    """A token that ended, ends soon or has not begun is remarked on; a good one is not."""
    remark = answers.token_remark(state, NOW)
    assert words in remark.words if remark and words else remark is None
    assert remark is None or (remark.what is What.TOKEN and remark.action)


@pytest.mark.parametrize(
    ("skew", "words"),
    [
        (0.0, None),
        (60.0, None),
        (-59.0, None),
        (61.0, "1 min ahead"),
        (-600.0, "10 min behind"),
        (90000.0, "25 h ahead"),
    ],
)
def test_what_is_said_of_a_clock(skew: float, words: str | None) -> None:
    """More than a minute is remarked on, with its direction."""
    remark = answers.skew_remark(skew)
    assert remark is None if words is None else remark and words in remark.words


# Why there is no answer.


@pytest.mark.parametrize(
    ("reply", "words", "action"),
    [
        ("the name x.invalid could not be found", "x.invalid", "network"),
        ("there is no network that leads to x:443", "no network", "network"),
        ("nothing listens at 127.0.0.1:1", "nothing listens", "base URL"),
        ("the certificate of x is not trusted: self-signed certificate", "not trusted", "on the way"),
        ("the certificate of x is not trusted: certificate is not yet valid", "not yet valid", "clock"),
        ("the certificate of x is not trusted: certificate has expired", "expired", "clock"),
        ("no secure connection to x: wrong version number", "no secure", "base URL"),
        ("the proxy 10.0.0.1:3128 refused (HTTP 403)", "refused", "ALL_PROXY"),
        ("the proxy 10.0.0.1:3128 wants a name and a password (HTTP 407)", "wants", "NAME:PASSWORD"),
        ("nothing listens at the proxy 10.0.0.1:3128", "nothing listens", "ALL_PROXY"),
        ("no complete answer within 20 s", "20 s", "later"),
        (answer(b"", 307), "redirect", "base URL"),
        (answer(b"<html>", 200), "not Cloudflare's API (HTTP 200)", "login"),
        (answer([1], 200), "not Cloudflare's API", "base URL"),
        (answer(b"<html>", 502, ray="abc-X"), "out of order (HTTP 502, reference abc-X)", "later"),
        (answer(b"<html>", 403, challenged=True), "asked for a browser", "another network"),
        (answer(b"", 429, retry_after=7.2), "too many questions", "in 7 s"),
        (refusal(404, 7003), "does not lead to Cloudflare's API", "base URL"),
        (refusal(400, "7003"), "does not lead to Cloudflare's API", "base URL"),
    ],
)
def test_why_there_is_no_talking_to_the_api(reply: Answer | str, words: str, action: str) -> None:
    """Each way not to reach the API has its words and its own next step."""
    remark = unreachable(reply)
    assert remark is not None
    assert remark.what is What.CONNECTION
    assert words in remark.words
    assert action in remark.action


@pytest.mark.parametrize("reply", [success({}), refusal(401, 1000), refusal(500, 10002)])
def test_a_word_of_the_api_is_a_connection(reply: Answer) -> None:
    """A refusal is an answer like any other."""
    assert unreachable(reply) is None


# The right to send.


@pytest.mark.parametrize(
    ("reply", "may", "words"),
    [
        (success([]), True, None),
        (refusal(403, 10102, f"{SEND}authentication.forbidden"), False, "may not send mail"),
        (refusal(401, 10103, f"{SEND}authentication.bad_token_type"), False, "this kind of token"),
        (refusal(403, 10105, f"{SEND}authentication.not_entitled"), False, "plan"),
        (refusal(403, 10203, f"{SEND}email.sending_disabled"), False, "switched off"),
        (refusal(403, 10204, f"{SEND}email.sender_not_configured"), False, "not set up"),
        (refusal(401, 10101, f"{SEND}authentication.unauthorized"), False, "does not know this token"),
        (refusal(403, 10000, "Authentication error"), False, "may not send mail"),
        (refusal(403, 9109, "Unauthorized to access requested resource"), False, "may not send mail"),
        (refusal(403, 9109, "Cannot use the access token from location: 192.0.2.1"), False, "from this network"),
        (refusal(403, None, "no code"), False, "may not send mail"),
        (refusal(400, 7003, "No route for the URI"), None, "does not know this account"),
        (refusal(404, 10000, f"{SEND}not_found"), None, "does not know this account"),
        (refusal(500, 10002, f"{SEND}internal_server"), None, "internal error"),
        (refusal(503, 10100, f"{SEND}authentication.upstream"), None, "could not check"),
        (refusal(500, 10003, f"{SEND}not_implemented"), None, "cannot tell"),
        (refusal(500, 4711, "oops"), None, "oops (HTTP 500)"),
        (refusal(429, 10004, f"{SEND}throttled"), None, "too many questions"),
        (answer(b"<html>", 403), None, "not Cloudflare's API"),
        (answer({"success": True}, 403), False, "may not send mail"),
        ("no answer within 60 s", None, "no answer within 60 s"),
    ],
)
def test_the_right_to_send(reply: Answer | str, may: bool | None, words: str | None) -> None:
    """Yes and no are the API's own words; anything else leaves it open, and says why."""
    found, remark = answers.may_send(reply)
    assert found is may
    assert (remark is None) is (words is None)
    assert remark is None or (words and words in remark.words)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (2028, "did not take its own name"),
        (2033, "no longer there"),
        (2043, "locked"),
        (2008, "somebody else"),
        (2026, "more than one SPF"),
        (2027, "more than one DMARC"),
        (9106, "no credentials"),
    ],
)
def test_codes_of_sending_domains(code: int, words: str) -> None:
    """The codes of the domains' endpoints have their words."""
    remark = answers.dns_state(refusal(403 if code == 2043 else 400, code))
    assert isinstance(remark, Remark)
    assert words in remark.words


def test_what_may_not_be_read_names_the_permission() -> None:
    """For what the token may not read there is the name of the permission, and that sending does not need it."""
    for read, permission in (
        (answers.quota, "Email Sending: Read"),
        (answers.verified, "Email Routing Addresses: Read"),
        (answers.zones, "Zone: Read"),
        (answers.accounts, "Account Settings: Read"),
    ):
        remark = read(refusal(403, 10000, "Authentication error"))
        assert isinstance(remark, Remark)
        assert "may not read" in remark.words
        assert "does not need it" in remark.action
        assert permission in remark.action


# Accounts, addresses, quota.


def test_accounts_are_listed_and_the_only_one_is_chosen() -> None:
    """Rows that are none are left out; one account is chosen, more are to choose from, without any the id is typed."""
    rows = [{"id": "a1", "name": "Ann"}, None, {"id": 1, "name": "x"}, {"id": "../b", "name": "x"}, {"id": "b"}]
    page = answers.accounts(success(rows))
    assert isinstance(page, answers.Page)
    assert page.rows == (SeenAccount("a1", "Ann"),)
    assert answers.chosen_account(page) == "a1"
    two = answers.chosen_account(answers.Page((*page.rows, SeenAccount("b2", "Bob"))))
    assert two == Remark(What.ACCOUNT, "the token sees 2 accounts", "choose one")
    more = answers.chosen_account(answers.Page(page.rows, total=70))
    assert more == Remark(What.ACCOUNT, "the token sees 70 accounts", "choose one")
    none = answers.chosen_account(answers.Page(()))
    assert isinstance(none, Remark)
    assert "type the account ID" in none.action


def test_an_account_id_does_not_show() -> None:
    """Printing what was learned does not print ids of accounts."""
    assert "a1b2" not in repr(Inspection(account_id="a1b2", accounts=(SeenAccount("a1b2", "Ann"),)))


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (
            {
                "quota": {"value": 100, "unit": "day"},
                "usage": {"sent": 7, "over_quota": 0, "resets_at": "2026-11-24T00:00:00Z"},
            },
            Quota(100, "day", 7, datetime(2026, 11, 24, tzinfo=UTC)),
        ),
        ({"quota": {"value": 5, "unit": "hour"}, "usage": {"sent": 0, "resets_at": None}}, Quota(5, "hour", 0, None)),
        ({"quota": None, "usage": None}, Quota()),
        ({"quota": {"value": True, "unit": 7}, "usage": {"sent": "7"}}, Quota()),
    ],
)
def test_the_quota(result: object, expected: Quota) -> None:
    """Day or hour, with or without numbers."""
    assert answers.quota(success(result)) == expected


def test_an_unknown_quota_is_no_error() -> None:
    """The endpoint need not be there."""
    assert answers.quota(refusal(404, 7003)) == Remark(What.QUOTA, "Cloudflare does not tell the quota")


def test_long_lists_are_said_to_be_longer() -> None:
    """A list that goes on is told with its length, as far as that is known."""
    full = answers.Page(tuple(map(str, range(50))), is_full=True)
    long = answers.Page(full.rows, total=73, is_full=True)
    assert answers.truncated(What.DOMAINS, long, 50) == Remark(
        What.DOMAINS, "there are 73 zones, only 50 were looked at"
    )
    unknown = answers.truncated(What.ADDRESSES, full, 50)
    assert unknown is not None
    assert "more than 50 verified addresses" in unknown.words
    assert answers.truncated(What.DOMAINS, answers.Page(full.rows, total=50, is_full=True), 50) is None


# Domains.


def domain(result: object, *expected: dict[str, Any]) -> SendingDomain:
    state = answers.dns_state(success(result))
    assert isinstance(state, answers.DnsState)
    return answers.sending_domain(ROW, "a.example", state, tuple(map(record, expected)))


def test_missing_records_that_the_diff_names() -> None:
    """They are there to be copied, with their priority, each once."""
    errors = [{"code": "mx.missing", "missing": MX}, {"code": "mx.missing", "missing": MX}, {"code": "x", "missing": 1}]
    found = domain({"status": "misconfigured", "records": [], "errors": errors})
    assert found.missing == (record(MX),)
    assert found.missing[0].priority == 10


@pytest.mark.parametrize(
    ("codes", "missing"),
    [
        (["mx.missing"], [MX]),
        (["spf.missing", "dmarc.missing"], [SPF, DMARC]),
        (["dkim.missing"], [DKIM]),
        (["spf.multiple"], []),
        ([], [MX, SPF, DKIM, DMARC]),
    ],
)
def test_missing_records_that_the_diff_does_not_name(codes: list[str], missing: list[dict[str, Any]]) -> None:
    """They are found among all that the domain should have."""
    result = {"status": "misconfigured", "errors": [{"code": code} for code in codes]}
    state = answers.dns_state(success(result))
    assert isinstance(state, answers.DnsState)
    assert state.hides_records is bool(missing)
    expected = (MX, SPF, DKIM, DMARC) if state.hides_records else ()
    assert domain(result, *expected).missing == tuple(map(record, missing))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("mx.missing", "its MX record is missing"),
        ("spf.multiple", "it has more than one SPF record and may have only one"),
        ("dkim.conflict", "another DKIM record stands where Cloudflare's belongs"),
        (2027, "it has more than one DMARC record and may have only one"),
        ("spf.strange", "its SPF record is not right (strange)"),
        ("something else", "something else"),
        ("{}.{0.__class__}", "{}.{0.__class__}"),
    ],
)
def test_faults_in_words(code: object, words: str) -> None:
    """Each code of a live diff in plain words, an unknown one as it came."""
    assert domain({"status": "misconfigured", "errors": [{"code": code}]}).faults == (words,)
    assert domain({"status": "misconfigured", "errors": [code]}).faults == (words,)


def test_unlocked_records_are_good_and_said() -> None:
    """They work, and somebody may change them."""
    found = domain({"status": "unlocked", "errors": []})
    assert found.is_ready
    assert "not locked" in found.faults[0]


# The verdict.

GOOD: Final = SendingDomain("a.example", "a.example", enabled=True, status="ready")
OFF: Final = SendingDomain("b.example", "b.example", enabled=False, status="unconfigured")


def test_a_fault_is_told_once() -> None:
    """Three missing MX records are three records to add, and one fault."""
    assert domain({"status": "misconfigured", "errors": ["mx.missing"] * 3}).faults == ("its MX record is missing",)


BROKEN: Final = SendingDomain("c.example", "c.example", True, "misconfigured", (), ("its MX record is missing",))
UNSEEN: Final = SendingDomain("d.example", "d.example", enabled=True)
ACTIVE: Final = TokenState("user", "active")
NO_DOMAIN: Final = answers.no_domains(sees_zones=True)


def inspection(**changed: Any) -> Inspection:
    right: dict[str, Any] = {"token": ACTIVE, "account_id": "a1", "may_send": True, "domains": (GOOD,)}
    return Inspection(**{**right, **changed})


@pytest.mark.parametrize(
    ("changed", "can", "words"),
    [
        ({}, True, "mail can be sent from a.example"),
        ({"domains": (OFF, BROKEN, GOOD)}, True, "mail can be sent from a.example"),
        ({"domains": (GOOD,) * 5}, True, "a.example, a.example, a.example and 2 more"),
        ({"domains": (OFF,)}, False, "switched off for b.example"),
        ({"domains": (OFF, BROKEN)}, None, "c.example is not set up completely: its MX record is missing"),
        ({"domains": (UNSEEN,)}, True, "could not be looked at"),
        ({"domains": ()}, True, "could not be learned"),
        ({"domains": (), "remarks": (NO_DOMAIN,)}, False, "no sending domain"),
        ({"domains": (), "remarks": (NO_DOMAIN,), "verified": ("x@a.example",)}, None, "verified addresses only"),
        ({"quota": Quota(10, "day", 10, NOW)}, False, "the quota of 10 is used up until 2026-11-23 12:00 UTC"),
        ({"quota": Quota(10, "day", 9)}, True, "mail can be sent"),
        ({"quota": Quota(None, "", 9)}, True, "mail can be sent"),
        ({"may_send": False, "remarks": (Remark(What.SENDING, "no right", "do"),)}, False, "no right"),
        ({"may_send": None, "remarks": (Remark(What.SENDING, "no answer"),)}, None, "no answer"),
        ({"may_send": None, "remarks": (Remark(What.SENDING, "x"), Remark(What.ACCOUNT, "choose"))}, None, "choose"),
        ({"may_send": None}, None, "could not be learned"),
        ({"token": TokenState("user", "expired")}, False, "has expired"),
        ({"token": TokenState("user", "disabled")}, False, "switched off"),
        ({"token": TokenState("unknown", "invalid")}, False, "does not know"),
        ({"may_send": None, "remarks": (Remark(What.CONNECTION, "no network"),)}, None, "no network"),
        ({"token": TokenState()}, True, "mail can be sent"),
    ],
)
def test_the_verdict(changed: dict[str, Any], can: bool | None, words: str) -> None:
    """One sentence on whether mail can be sent, the thing that is most in the way first."""
    verdict = inspection(**changed).verdict
    assert verdict.can_send is can
    assert words in verdict.words
