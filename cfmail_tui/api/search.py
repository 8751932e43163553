"""Questions about a mail that may have been sent."""

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote, urlencode

from cfmail_tui.api.discretion import throughout
from cfmail_tui.api.exchange import Cancellation, Timeouts
from cfmail_tui.api.question import Questions
from cfmail_tui.api.wire import Wire
from cfmail_tui.lookup import QUERY, CannotTell, Doubt, Found, Verdict, no_zone, verdict, window, zone_id, zone_names
from cfmail_tui.submission import Answer, Submission


class Search:
    """The look for one mail."""

    def __init__(
        self, wire: Wire, timeouts: Timeouts, clock: Callable[[], datetime], cancellation: Cancellation
    ) -> None:
        self._wire = wire
        self._clock = clock
        self._questions = Questions(wire, timeouts, cancellation)

    def find(self, submission: Submission, started_at: datetime, known: Collection[str]) -> Verdict:
        found = throughout(self._find(submission, started_at, known), self._wire.unkeyed)
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
        answer = self._questions.ask(method, path, body)
        return CannotTell(Doubt.NO_ANSWER, answer) if isinstance(answer, str) else answer
