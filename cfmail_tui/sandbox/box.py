"""`Sandbox`: one account of the embedded API, from its folder to its port."""

import contextlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from cfmail_tui.sandbox.access import TokenKind
from cfmail_tui.sandbox.answers import Answer, ApiError, Json, no_route, render_error
from cfmail_tui.sandbox.api import PREFIX, Api, Arrival
from cfmail_tui.sandbox.files import Identity
from cfmail_tui.sandbox.server import Server
from cfmail_tui.sandbox.state import Accepted, Choices, Ledger, State
from cfmail_tui.sandbox.window import Window


def _now() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """A local Cloudflare Email Sending API. The port is bound at once, so that `base_url` is known before `start`."""

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        global_key: bool = False,
        *,
        choices: Choices | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """Raises OSError if the port is taken or the folder cannot be written."""
        self.choices = choices or Choices()
        self._identity = Identity.load(data_dir)
        self._ledger = Ledger(data_dir)
        state = State(self._identity, self.choices, self._ledger, clock)
        self._by_global_key = global_key
        self._api = Api(state, global_key=global_key)
        self._window = Window(self._ledger, self._api.access)
        try:
            self._server = Server(port, self._answer)
        except OSError as error:
            raise OSError(error.errno, f"cannot listen on 127.0.0.1:{port}: {os.strerror(error.errno or 0)}") from error

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}/client/v4"

    @property
    def account_id(self) -> str:
        return self._identity.account_id

    @property
    def token(self) -> str:
        return self._identity.token

    @property
    def email(self) -> str:
        return self._identity.email

    @property
    def global_key(self) -> str:
        """Accepted, together with `email`, only if the sandbox was made with `global_key=True`."""
        return self._identity.global_key

    @property
    def maildir(self) -> Path:
        return self._ledger.maildir.path

    def environment(self) -> dict[str, str]:
        """What a client reads. With the global key there is no token: the SDKs mix the two up where both are set."""
        addresses = {"CLOUDFLARE_BASE_URL": self.base_url, "CLOUDFLARE_API_BASE_URL": self.base_url}
        if self._by_global_key:
            credentials = {"CLOUDFLARE_EMAIL": self.email, "CLOUDFLARE_API_KEY": self.global_key}
        else:
            credentials = {"CLOUDFLARE_API_TOKEN": self.token}
        return {**addresses, **credentials, "CLOUDFLARE_ACCOUNT_ID": self.account_id}

    def add_token(self, kind: TokenKind | str = TokenKind.USER) -> str:
        """Another token that this sandbox knows, of a kind that a client should be able to tell."""
        return self._api.access.add_token(TokenKind(kind))

    def messages(self) -> list[Json]:
        """The accepted messages as GET /sandbox/messages lists them."""
        return [self._ledger.describe(accepted) for accepted in self._ledger.all()]

    def mime(self, n: int) -> bytes:
        """The Maildir copy of message n; KeyError if it is not there."""
        accepted = self._accepted(n)
        mime = self._ledger.maildir.read(accepted.key)
        if mime is None:
            raise KeyError(n)
        return mime

    def request_body(self, n: int) -> bytes:
        """The request of message n, octet for octet; KeyError if it is not there."""
        body = self._ledger.request(self._accepted(n))
        if body is None:
            raise KeyError(n)
        return body

    def start(self) -> None:
        """Serve in daemon threads; the sandbox is listening when this returns."""
        self._server.start()

    def stop(self) -> None:
        """End all connections and free the port. What was accepted can still be asked for."""
        self._server.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _accepted(self, n: int) -> Accepted:
        with contextlib.suppress(StopIteration):
            return next(accepted for accepted in self._ledger.all() if accepted.n == n)
        raise KeyError(n)

    def _answer(self, arrival: Arrival) -> Answer:
        if arrival.segments[: len(PREFIX)] == PREFIX:
            return self._api.answer(arrival)
        try:
            if arrival.segments[:1] == ("sandbox",):
                return self._window.answer(arrival)
            raise no_route(arrival.method, "/" + "/".join(arrival.segments))
        except ApiError as error:
            return render_error(error, self.choices.numbering, codes_as_text=self.choices.codes_as_text)
