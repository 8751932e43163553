"""Questions: small requests that change nothing, each asked once, all within one limit of time."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cfmail_tui.api.exchange import WIRE_ERRORS, Cancellation, Exchange, Timeouts, is_for_proxy
from cfmail_tui.api.wire import Wire
from cfmail_tui.submission import Answer


class Question(Exchange):
    """One of them on its way; `seconds` are left for it."""

    load = "question"

    def __init__(self, cancellation: Cancellation, timeouts: Timeouts, seconds: float) -> None:
        # Until there is a connection there is nothing to cut.
        super().__init__(cancellation, replace(timeouts, connect=min(timeouts.connect, max(0.1, round(seconds, 1)))))
        self._deadline = time.monotonic() + seconds

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        super().trace(event, info)
        match event:
            case "connection.connect_tcp.complete" | "http11.receive_response_headers.started":
                self.line.limit(max(0.0, self._deadline - time.monotonic()))
            case "http11.send_request_headers.started" if not is_for_proxy(info):
                self.left = True


class Questions:
    """Asks one after another or several at once, until the time for all is over; may be used by several threads."""

    def __init__(self, wire: Wire, timeouts: Timeouts, cancellation: Cancellation) -> None:
        """`timeouts.answer` is the limit for all of them together."""
        self._wire = wire
        self._timeouts = timeouts
        self._cancellation = cancellation
        self._deadline = time.monotonic() + timeouts.answer

    def ask(self, method: str, path: str, body: bytes | None = None) -> Answer | str:
        """The answer, or why there is none."""
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            return f"no complete answer within {self._timeouts.answer:g} s"
        question = Question(self._cancellation, self._timeouts, seconds)
        try:
            with question:
                return self._wire.ask(question, method, path, None if body is None else [body], len(body or b""))
        except WIRE_ERRORS as error:
            return question.reason(error)
