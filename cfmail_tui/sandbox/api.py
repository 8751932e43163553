"""The API under /client/v4: its table of routes, and the order in which a request is judged.

First the credentials' form, then the route, then the rights, then the endpoint, as a gateway does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cfmail_tui.sandbox.access import Access, Right
from cfmail_tui.sandbox.analytics import Analytics
from cfmail_tui.sandbox.answers import Answer, ApiError, no_route, render_error
from cfmail_tui.sandbox.directory import Directory
from cfmail_tui.sandbox.domains import Domains
from cfmail_tui.sandbox.routing import Request, Route
from cfmail_tui.sandbox.sending import Sending
from cfmail_tui.sandbox.state import State
from cfmail_tui.sandbox.suppressions import Suppressions

PREFIX = ("client", "v4")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as the server read it."""

    method: str
    segments: tuple[str, ...]
    """The path's, percent-decoded, without the leading empty one."""
    query: Mapping[str, str]
    header: Mapping[str, str]
    """Under lower-case names; of a field that occurs twice the first."""
    body: bytes | None


class Api:
    def __init__(self, state: State, *, global_key: bool) -> None:
        self._state = state
        self.access = Access(state, global_key=global_key)
        domains = Domains(state)
        suppressions = Suppressions(state)
        sending = Sending(state, domains, suppressions)
        self._directory = Directory(state, self.access, domains)
        self._routes = (
            *_sending_routes(sending, suppressions),
            *_domain_routes(domains),
            *_directory_routes(self._directory),
            Route("POST", "/graphql", Right.ANALYTICS, Analytics(state, self.access, domains).answer),
        )

    def answer(self, arrival: Arrival) -> Answer:
        try:
            return self._answer(arrival)
        except ApiError as error:
            choices = self._state.choices
            return render_error(error, choices.numbering, codes_as_text=choices.codes_as_text)

    def _answer(self, arrival: Arrival) -> Answer:
        credential = self.access.identify(arrival.header)
        for route in self._routes:
            names = route.match(arrival.method, arrival.segments[len(PREFIX) :])
            if names is not None:
                if "account_id" in names:
                    self._directory.check_account(names["account_id"])
                self.access.authorize(credential, route.right)
                return route.answer(Request(arrival.body, arrival.query, names, credential))
        raise no_route(arrival.method, "/" + "/".join(arrival.segments))


def _sending_routes(sending: Sending, suppressions: Suppressions) -> tuple[Route, ...]:
    base = "/accounts/{account_id}/email/sending"
    one = f"{base}/suppressions/{{suppression_id}}"
    return (
        Route("POST", f"{base}/send", Right.SEND, sending.send),
        Route("POST", f"{base}/send_raw", Right.SEND, sending.send_raw),
        Route("GET", f"{base}/messages/{{message_id}}", Right.READ, sending.message),
        Route("GET", f"{base}/limits", Right.READ, sending.limits),
        Route("GET", f"{base}/suppressions", Right.SUPPRESSIONS, suppressions.list),
        Route("POST", f"{base}/suppressions", Right.SUPPRESSIONS, suppressions.create),
        Route("POST", f"{base}/suppressions/bulk", Right.SUPPRESSIONS, suppressions.bulk),
        Route("GET", one, Right.SUPPRESSIONS, suppressions.get),
        Route("PATCH", one, Right.SUPPRESSIONS, suppressions.edit),
        Route("DELETE", one, Right.SUPPRESSIONS, suppressions.delete),
    )


def _domain_routes(domains: Domains) -> tuple[Route, ...]:
    base = "/zones/{zone_id}/email/sending/subdomains"
    one = f"{base}/{{tag}}"
    return (
        Route("GET", "/accounts/{account_id}/email/sending/zones", Right.READ, domains.sending_zones),
        Route("GET", base, Right.READ, domains.list),
        Route("POST", base, Right.EDIT, domains.create),
        Route("POST", f"{base}/preview", Right.READ, domains.preview),
        Route("GET", one, Right.READ, domains.get),
        Route("PATCH", one, Right.EDIT, domains.edit),
        Route("DELETE", one, Right.EDIT, domains.delete),
        Route("GET", f"{one}/dns", Right.READ, domains.dns),
        Route("POST", f"{one}/dns", Right.EDIT, domains.repair),
        Route("GET", f"{one}/dns/status", Right.READ, domains.dns_status),
        Route("GET", f"{one}/reputation/complaints", Right.READ, domains.complaints),
    )


def _directory_routes(directory: Directory) -> tuple[Route, ...]:
    account = "/accounts/{account_id}"
    return (
        Route("GET", "/accounts", Right.LIST, directory.accounts),
        Route("GET", account, Right.READ, directory.account),
        Route("GET", "/zones", Right.LIST, directory.zones),
        Route("GET", "/zones/{zone_id}", Right.READ, directory.zone),
        Route("GET", f"{account}/email/routing/addresses", Right.READ, directory.addresses),
        Route("GET", "/user/tokens/verify", Right.VERIFY, directory.verify_user_token),
        Route("GET", f"{account}/tokens/verify", Right.VERIFY, directory.verify_account_token),
    )
