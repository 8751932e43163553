"""Questions about a mail that may have been sent: each one request, all of them within one limit of time."""

import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from cfmail_tui.api.exchange import WIRE_ERRORS, Cancellation, Exchange, Timeouts, is_for_proxy
from cfmail_tui.api.wire import Wire
from cfmail_tui.lookup import QUERY, CannotTell, Doubt, Found, Verdict, no_zone, verdict, window, zone_id, zone_names
from cfmail_tui.submission import Answer, Submission


class Question(Exchange):
    """A small request that changes nothing."""

    load = "question"

    def __init__(self, cancellation: Cancellation, timeouts: Timeouts, deadline: float) -> None:
        super().__init__(cancellation, timeouts)
        self._deadline = deadline

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        super().trace(event, info)
        match event:
            case "connection.connect_tcp.complete" | "http11.receive_response_headers.started":
                self.line.limit(max(0.0, self._deadline - time.monotonic()))
            case "http11.send_request_headers.started" if not is_for_proxy(info):
                self.left = True


class Search:
    """The look for one mail."""

    def __init__(
        self, wire: Wire, timeouts: Timeouts, clock: Callable[[], datetime], cancellation: Cancellation
    ) -> None:
        self._wire = wire
        self._timeouts = timeouts
        self._clock = clock
        self._cancellation = cancellation
        self._deadline = time.monotonic() + timeouts.answer

    def find(self, submission: Submission, started_at: datetime, known: Collection[str]) -> Verdict:
        found = self._find(submission, started_at, known)
        hidden = submission.account_id
        match found:
            case CannotTell():
                return replace(found, reason=self._wire.discreet(found.reason, hidden))
            case Found():
                sightings = (
                    replace(sighting, detail=self._wire.discreet(sighting.detail, hidden))
                    for sighting in found.sightings
                )
                return replace(found, sightings=tuple(sightings))
            case _:
                return found

    def _find(self, submission: Submission, started_at: datetime, known: Collection[str]) -> Verdict:
        sender = submission.envelope.sender
        for name in zone_names(sender):
            fields = {"account.id": submission.account_id, "name": name}
            answer = self._ask("GET", f"/zones?{urlencode(fields, quote_via=quote)}")
            if isinstance(answer, CannotTell):
                return answer
            zone = zone_id(answer, name, submission.account_id)
            if isinstance(zone, CannotTell):
                return zone
            if zone is not None:
                return self._find_in(zone, name, answer.date, submission, started_at=started_at, known=known)
        return no_zone(sender)

    def _find_in(
        self,
        zone: str,
        name: str,
        server: datetime | None,
        submission: Submission,
        *,
        started_at: datetime,
        known: Collection[str],
    ) -> Verdict:
        now = self._clock()
        times = window(started_at, now, server)
        if isinstance(times, CannotTell):
            return times
        body = json.dumps({"query": QUERY, "variables": times.variables(zone)}).encode("ascii")
        answer = self._ask("POST", "/graphql", body)
        if isinstance(answer, CannotTell):
            return answer
        # By the clock that shows less: a mail must not be called lost because a clock was put forward.
        age = min(now, server or now) - started_at
        return verdict(answer, submission, zone=name, times=times, age=age, known=known)

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Answer | CannotTell:
        question = Question(self._cancellation, self._timeouts, self._deadline)
        if time.monotonic() >= self._deadline:
            return CannotTell(Doubt.NO_ANSWER, f"no complete answer within {self._timeouts.answer:g} s")
        try:
            with question:
                return self._wire.ask(question, method, path, None if body is None else [body], len(body or b""))
        except WIRE_ERRORS as error:
            return CannotTell(Doubt.NO_ANSWER, question.reason(error))
