"""The way to the API: where it is, and over which proxy. httpx is loaded when it is first wanted, not at the start."""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from cfmail_tui.submission import Credential

if TYPE_CHECKING:
    from cfmail_tui import api


class Road:
    """The API at `base_url`, over the proxy that this environment names for it."""

    def __init__(self, base_url: str, environ: Mapping[str, str]) -> None:
        self.base_url = base_url
        self._environ = environ

    @property
    def proxy(self) -> str:
        """The proxy on the way, for the eye; "" if the environment names none."""
        from cfmail_tui import api

        return api.shown_proxy(self._proxy())

    def client(self, credential: Credential) -> "api.Client":
        """The API for this credential; nothing is opened. Raises ApiError."""
        from cfmail_tui import api

        return api.Client(self.base_url, credential, proxy=self._proxy())

    def get_ready(self, credential: Credential) -> None:
        """Do ahead what a first request would have to wait for; whatever is wrong is told by the request itself."""
        from cfmail_tui import api

        with suppress(api.ApiError):
            self.client(credential).get_ready()

    def _proxy(self) -> str | None:
        from cfmail_tui import api

        return api.proxy_for(self.base_url, self._environ)
