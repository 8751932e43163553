"""Accounts, zones, tokens and verified destination addresses (2.2): what a client looks up before it sends."""

from collections.abc import Callable

from cfmail_tui.sandbox.access import Access, TokenKind
from cfmail_tui.sandbox.answers import Answer, ApiError, Json, no_route, success
from cfmail_tui.sandbox.domains import Domains
from cfmail_tui.sandbox.routing import Request, page
from cfmail_tui.sandbox.state import State, stamp

_ACCOUNT_NAME = "Sandbox"
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "equal": lambda name, wanted: name == wanted,
    "not_equal": lambda name, wanted: name != wanted,
    "starts_with": lambda name, wanted: name.startswith(wanted),
    "ends_with": lambda name, wanted: name.endswith(wanted),
    "contains": lambda name, wanted: wanted in name,
}


class Directory:
    def __init__(self, state: State, access: Access, domains: Domains) -> None:
        self._state = state
        self._access = access
        self._domains = domains
        self._since = stamp(state.clock())

    def accounts(self, request: Request) -> Answer:
        rows = [self._account_row()] if _sees(request) else []
        rows = [row for row in rows if request.query.get("name", "").lower() in row["name"].lower()]
        return page(rows, request, default=20, low=5, high=50)

    def account(self, _request: Request) -> Answer:
        return success(self._account_row())

    def zones(self, request: Request) -> Answer:
        query = request.query
        own = query.get("account.id", self._state.identity.account_id) == self._state.identity.account_id
        shown = own and query.get("status", "active") == "active" and _sees(request)
        names = sorted(self._state.choices.zones, reverse=query.get("direction") == "desc") if shown else []
        names = [
            name
            for name in names
            if _fits(name, query.get("name", "")) and _fits(_ACCOUNT_NAME, query.get("account.name", ""))
        ]
        return page([self._zone_row(name) for name in names], request, default=20, low=5, high=50)

    def zone(self, request: Request) -> Answer:
        for name in self._state.choices.zones:
            if self._domains.zone_id(name) == request.names["zone_id"]:
                return success(self._zone_row(name))
        raise no_route("zone", request.names["zone_id"])

    def addresses(self, request: Request) -> Answer:
        """Destination addresses of Email Routing; only mail to verified ones may be over 5 MiB."""
        choices = self._state.choices
        verified = [self._address_row(email, verified=True) for email in choices.verified_addresses]
        pending = [self._address_row(email, verified=False) for email in choices.unverified_addresses]
        match request.query.get("verified"):
            case "true":
                rows = verified
            case "false":
                rows = pending
            case _:
                rows = verified + pending
        return page(rows, request, default=20, low=5, high=50)

    def verify_user_token(self, request: Request) -> Answer:
        result, messages = self._access.verify(request.credential, account_owned=False)
        return success(result, messages=messages)

    def verify_account_token(self, request: Request) -> Answer:
        result, messages = self._access.verify(request.credential, account_owned=True)
        return success(result, messages=messages)

    def check_account(self, account_id: str) -> None:
        if account_id != self._state.identity.account_id:
            reason = f"not this sandbox's account: {account_id}"
            raise ApiError(400, 7003, "No route for the URI", reason=reason)

    def _account_row(self) -> Json:
        return {
            "id": self._state.identity.account_id,
            "name": _ACCOUNT_NAME,
            "type": "standard",
            "created_on": self._since,
            "settings": {"enforce_twofactor": False},
        }

    def _zone_row(self, name: str) -> Json:
        return {
            "id": self._domains.zone_id(name),
            "name": name,
            "status": "active",
            "paused": False,
            "type": "full",
            "development_mode": 0,
            "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"],
            "original_name_servers": None,
            "original_registrar": None,
            "original_dnshost": None,
            "created_on": self._since,
            "modified_on": self._since,
            "activated_on": self._since,
            "meta": {"step": 2, "custom_certificate_quota": 0, "page_rule_quota": 3, "phishing_detected": False},
            "owner": {"id": None, "type": "user", "email": None},
            "account": {"id": self._state.identity.account_id, "name": _ACCOUNT_NAME},
            "permissions": ["#zone:read"],
            "plan": {"id": self._state.identifier("plan"), "name": "Free Website", "price": 0, "currency": "USD"},
        }

    def _address_row(self, email: str, *, verified: bool) -> Json:
        identifier = self._state.identifier("address", email)
        return {
            "id": identifier,
            "tag": identifier,
            "email": email,
            "verified": self._since if verified else None,
            "created": self._since,
            "modified": self._since,
        }


def _sees(request: Request) -> bool:
    """A token for sending alone is answered with empty lists (2.2)."""
    credential = request.credential
    return credential is not None and credential.kind not in {TokenKind.NO_READ, TokenKind.WRONG_TYPE}


def _fits(name: str, wanted: str) -> bool:
    operator, colon, text = wanted.partition(":")
    if colon and operator in _OPERATORS:
        return _OPERATORS[operator](name.lower(), text.lower())
    return not wanted or name.lower() == wanted.lower()
