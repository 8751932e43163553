"""Questions about a mail that may have been sent, or was, and what became of it since."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from cfmail_tui.api.discretion import throughout
from cfmail_tui.api.exchange import Cancellation, Timeouts
from cfmail_tui.api.question import Questions
from cfmail_tui.api.wire import Wire
from cfmail_tui.lookup import (
    FOLLOWING,
    QUERY,
    CannotTell,
    Doubt,
    Found,
    Verdict,
    followed,
    following,
    id_variables,
    no_zone,
    verdict,
    window,
    zone_id,
    zone_names,
)
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
        def find(zone: str, name: str, server: datetime | None) -> Verdict:
            now = self._clock()
            times = window(started_at, now, server)
            if isinstance(times, CannotTell):
                return times
            answer = self._records(QUERY, times.variables(zone))
            if isinstance(answer, CannotTell):
                return answer
            age = _age(started_at, now, server)
            return verdict(answer, submission, zone=name, times=times, age=age, known=known)

        return self._told(self._in_zone(submission, find), submission.account_id)

    def follow(self, submission: Submission, message_id: str, started_at: datetime) -> Verdict:
        def follow(zone: str, name: str, server: datetime | None) -> Verdict:
            now = self._clock()
            times = following(started_at, now, server)
            if isinstance(times, CannotTell):
                return times
            found: Verdict = CannotTell(Doubt.NO_RECORDS, "")
            for query, more in ((FOLLOWING, id_variables(message_id)), (QUERY, {})):
                answer = self._records(query, {**times.variables(zone), **more})
                if isinstance(answer, CannotTell):
                    return answer
                age = _age(started_at, now, server)
                found = followed(answer, submission, message_id, zone=name, age=age)
                if not (isinstance(found, CannotTell) and found.doubt in {Doubt.NO_RECORDS, Doubt.NO_ANSWER}):
                    break
            return found

        return self._told(self._in_zone(submission, follow), submission.account_id)

    def _told(self, learned: Verdict, hidden: str) -> Verdict:
        """The verdict without what must not be quoted."""
        found = throughout(learned, self._wire.unkeyed)
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

    def _in_zone(self, submission: Submission, ask: Callable[[str, str, datetime | None], Verdict]) -> Verdict:
        """What is told of the zone that the sender belongs to, by its id, its name, and the clock of the server."""
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
                return ask(zone, name, answer.date)
        return no_zone(sender)

    def _records(self, query: str, variables: Mapping[str, object]) -> Answer | CannotTell:
        return self._ask("POST", "/graphql", json.dumps({"query": query, "variables": variables}).encode("ascii"))

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Answer | CannotTell:
        answer = self._questions.ask(method, path, body)
        return CannotTell(Doubt.NO_ANSWER, answer) if isinstance(answer, str) else answer


def _age(started_at: datetime, now: datetime, server: datetime | None) -> timedelta:
    """By the clock that shows less: a mail must not be called lost because a clock was put forward."""
    return min(now, server or now) - started_at
