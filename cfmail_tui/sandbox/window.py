"""What /sandbox shows beside the API: the accepted messages, and tokens of every kind. For tests of other programs.

No credentials are asked for: the server listens on the loopback interface only, and everything here is a rehearsal.
"""

from cfmail_tui.sandbox.access import Access, TokenKind
from cfmail_tui.sandbox.answers import Answer, ApiError, json_answer, no_route, schema_error
from cfmail_tui.sandbox.api import Arrival
from cfmail_tui.sandbox.schema import load_object
from cfmail_tui.sandbox.state import Ledger


class Window:
    def __init__(self, ledger: Ledger, access: Access) -> None:
        self._ledger = ledger
        self._access = access

    def answer(self, arrival: Arrival) -> Answer:
        match arrival.method, arrival.segments[1:]:
            case "GET", ("messages",):
                return json_answer([self._ledger.describe(accepted) for accepted in self._ledger.all()])
            case "DELETE", ("messages",):
                return json_answer({"deleted": self._ledger.forget()})
            case "GET", ("messages", number):
                return self._message(number)
            case "POST", ("tokens",):
                return self._new_token(arrival.body or b"")
            case _:
                raise no_route(arrival.method, "/" + "/".join(arrival.segments))

    def _message(self, number: str) -> Answer:
        for accepted in self._ledger.all():
            if str(accepted.n) == number:
                mime = self._ledger.maildir.read(accepted.key)
                text = None if mime is None else mime.decode("utf-8")
                return json_answer({**self._ledger.describe(accepted), "mime": text})
        raise ApiError(404, 10000, "email.sending.error.not_found", reason=f"no message {number}")

    def _new_token(self, body: bytes) -> Answer:
        kind = load_object(body, frozenset({"kind"})).get("kind")
        if kind not in set(TokenKind):
            raise schema_error(f"kind is one of {', '.join(TokenKind)}")
        return json_answer({"kind": kind, "token": self._access.add_token(TokenKind(kind))})
