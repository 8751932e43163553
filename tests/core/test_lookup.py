"""What Cloudflare's records prove about a mail that may have been sent."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui.lookup import (
    FOLLOWING,
    LAG,
    ROW_LIMIT,
    CannotTell,
    Doubt,
    Found,
    NotFound,
    Sighting,
    Track,
    Verdict,
    Window,
    followed,
    following,
    id_variables,
    no_zone,
    verdict,
    window,
    zone_id,
    zone_names,
)
from cfmail_tui.submission import Answer, Endpoint, Envelope, Submission

STARTED: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
OLD: Final = timedelta(hours=2)


def submission(*recipients: str, endpoint: Endpoint = "send", subject: str = "Hi") -> Submission:
    envelope = Envelope("Ann@example.com", recipients or ("bob@example.net",))
    return Submission("id", "account", endpoint, envelope, subject, 1, 1, "")


def event(**changed: object) -> dict[str, object]:
    right: dict[str, object] = {
        "datetime": "2026-11-23T12:00:05Z",
        "from": '"Ann" <ann@example.com>',
        "to": "bob@example.net",
        "envelopeTo": "bob@example.net",
        "subject": "Hi",
        "status": "delivered",
        "sendingDomain": "example.com",
        "messageId": "<1@example.com>",
        "errorCause": "",
        "errorDetail": "",
    }
    return {**right, **changed}


def answer(body: object, status: int = 200, retry_after: float | None = None) -> Answer:
    return Answer(status, body if isinstance(body, bytes) else json.dumps(body).encode(), retry_after)


def records(*rows: object) -> Answer:
    return answer({"data": {"viewer": {"zones": [{"emailSendingAdaptive": rows}]}}, "errors": None})


def times(started_at: datetime = STARTED, now: datetime = STARTED + OLD, server: datetime | None = None) -> Window:
    found = window(started_at, now, server)
    assert isinstance(found, Window)
    return found


def judged(mail: Submission, *rows: object, age: timedelta = OLD, known: tuple[str, ...] = ()) -> Verdict:
    return verdict(records(*rows), mail, zone="example.com", times=times(), age=age, known=known)


def tracks(found: Verdict) -> list[Track]:
    assert isinstance(found, Found)
    return [sighting.track for sighting in found.sightings]


def test_a_mail_in_the_records_was_accepted() -> None:
    """The event of the one recipient is told with its time and id."""
    at = datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC)
    sighting = Sighting("bob@example.net", Track.DELIVERED, at)
    assert judged(submission(), event()) == Found((sighting,), ("<1@example.com>",), 1)


def test_every_recipient_has_its_own_word() -> None:
    """In the envelope's order: delivered, failed with the reason, undecided, dropped, and not there at all."""
    mail = submission("a@x.example", "b@x.example", "c@x.example", "d@x.example", "e@x.example")
    found = judged(
        mail,
        event(envelopeTo="C@x.example", status="queued"),
        event(envelopeTo="b@x.example", status="deliveryFailed", errorCause="bounce", errorDetail="550 no"),
        event(envelopeTo="a@x.example"),
        event(envelopeTo="d@x.example", status="rejected"),
    )
    assert tracks(found) == [Track.DELIVERED, Track.FAILED, Track.SEEN, Track.FAILED, Track.UNSEEN]
    assert isinstance(found, Found)
    assert found.sightings[1].detail == "bounce: 550 no"


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["queued", "delivered"], Track.DELIVERED),
        (["queued", "deliveryFailed"], Track.FAILED),
        (["delivered", "somethingNew"], Track.DELIVERED),
        (["sent"], Track.SEEN),
        ([""], Track.SEEN),
    ],
)
def test_the_last_decision_counts(statuses: list[str], expected: Track) -> None:
    """Of several events the last that decides is the recipient's, in whatever order they come."""
    rows = [event(status=status, datetime=f"2026-11-23T12:0{n}:00Z") for n, status in enumerate(statuses)]
    assert tracks(judged(submission(), *rows)) == tracks(judged(submission(), *reversed(rows))) == [expected]


@pytest.mark.parametrize(
    "changed",
    [
        {"from": "eve@example.com"},
        {"from": ""},
        {"from": None},
        {"subject": "Ho"},
        {"envelopeTo": "eve@example.net"},
        {"envelopeTo": "", "to": "bob@example.net, eve@example.net"},
        {"datetime": "2026-11-23T12:15:01Z"},
        {"messageId": "<other@example.com>"},
    ],
)
def test_another_mail_is_not_this_one(changed: dict[str, object]) -> None:
    """Another sender, subject, recipient or time, or an id that is another attempt's: not found."""
    found = judged(submission(), event(**changed), known=("other@example.com",))
    assert found == NotFound("example.com")


def test_a_mail_to_more_people_is_not_this_one() -> None:
    """A mail that went to somebody else besides is another mail, though all else fits."""
    assert judged(submission(), event(), event(envelopeTo="eve@example.net")) == NotFound("example.com")


@pytest.mark.parametrize(
    "changed",
    [
        {"from": "ANN@EXAMPLE.COM"},
        {"from": 'Ann "of" <b> <ann@example.com> '},
        {"subject": "=?utf-8?q?Hi?="},
        {"subject": " Hi\r\n "},
        {"envelopeTo": "", "to": '"Bob" <Bob@example.net>'},
        {"datetime": "2026-11-23T13:14:59+01:00"},
        {"datetime": "2026-11-23T11:55:00"},
        {"sendingDomain": None, "messageId": None, "errorDetail": {"x": 1}},
    ],
)
def test_spelling_makes_no_other_mail(changed: dict[str, object]) -> None:
    """Display names, case, folding, encoded words and time zones do not hide a mail."""
    assert tracks(judged(submission(), event(**changed))) == [Track.DELIVERED]


def test_a_raw_mail_is_known_by_its_domain() -> None:
    """The From field of a source may be another than the envelope's: the domain has to do."""
    mail = submission(endpoint="send_raw")
    assert tracks(judged(mail, event(**{"from": "Lists <list@example.com>"}))) == [Track.DELIVERED]
    assert tracks(judged(mail, event(**{"from": "x@elsewhere.example"}))) == [Track.DELIVERED]
    elsewhere = event(**{"from": "x@elsewhere.example"}, sendingDomain="elsewhere.example")
    assert judged(mail, elsewhere) == NotFound("example.com")


def test_two_that_fit_are_counted() -> None:
    """The same mail accepted twice is told as two copies, unless one is known to be another attempt's."""
    rows = [event(), event(messageId="<2@example.com>")]
    found = judged(submission(), *rows)
    assert isinstance(found, Found)
    assert (found.copies, found.message_ids) == (2, ("<1@example.com>", "<2@example.com>"))
    assert judged(submission(), *rows, known=("<1@example.com>",)) == judged(submission(), rows[1])


def test_nothing_found_too_soon_is_no_proof() -> None:
    """Within the first minutes nothing can be told, and how long to wait is; afterwards it is not there."""
    early = judged(submission(), age=timedelta(minutes=5))
    assert isinstance(early, CannotTell)
    assert (early.doubt, early.wait) == (Doubt.TOO_SOON, 900.0)
    future = judged(submission(), age=timedelta(days=-400))
    assert isinstance(future, CannotTell)
    assert future.wait == LAG.total_seconds()
    assert judged(submission(), age=LAG) == NotFound("example.com")
    assert tracks(judged(submission(), event(), age=timedelta())) == [Track.DELIVERED]


def test_records_that_were_not_read_whole_are_no_proof() -> None:
    """As many events as were asked for, or one that cannot be read: it may be the one."""
    many = judged(submission(), *(event(subject="x") for _ in range(ROW_LIMIT)))
    assert isinstance(many, CannotTell)
    assert many.doubt is Doubt.TOO_MANY
    unreadable: list[object] = [None, [], {}, event(datetime="soon"), event(datetime=None)]
    for row in unreadable:
        odd = judged(submission(), row)
        assert isinstance(odd, CannotTell)
        assert odd.doubt is Doubt.NO_ANSWER
        assert tracks(judged(submission(), row, event())) == [Track.DELIVERED]


def graphql_error(message: str, **extensions: str) -> dict[str, Any]:
    return {"data": None, "errors": [{"message": message, "path": None, "extensions": extensions}]}


REFUSED: Final[list[tuple[Answer, Doubt]]] = [
    (answer(graphql_error("zones [x] are not authorized"), 403), Doubt.NO_RIGHT),
    (answer(graphql_error("zones [x] are not authorized")), Doubt.NO_RIGHT),
    (answer(graphql_error("you shall not pass", code="authz")), Doubt.NO_RIGHT),
    (answer(graphql_error("Unauthorized"), 401), Doubt.NO_RIGHT),
    (answer(graphql_error("zone 'x' does not have access to the path")), Doubt.NO_RECORDS),
    (answer(graphql_error('unknown field "emailSendingAdaptive"')), Doubt.NO_RECORDS),
    (answer(graphql_error("not available for your plan. Upgrade")), Doubt.NO_RECORDS),
    (answer(graphql_error("cannot request data older than 2678400s")), Doubt.TOO_OLD),
    (answer(graphql_error("rate limiter budget depleted"), 429, 300.0), Doubt.NO_ANSWER),
    (answer(graphql_error("Internal server error"), 500), Doubt.NO_ANSWER),
    (answer({"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}, 403), Doubt.NO_RIGHT),
    (answer({"errors": ["text"]}), Doubt.NO_ANSWER),
    (answer({"errors": {"a": 1}}), Doubt.NO_ANSWER),
    (answer({"data": None, "errors": None}), Doubt.NO_ANSWER),
    (answer({"data": {"viewer": {"zones": []}}, "errors": None}), Doubt.NO_ZONE),
    (answer({"data": {"viewer": {"zones": [{"emailSendingAdaptive": None}]}}}), Doubt.NO_ANSWER),
    (answer([1]), Doubt.NO_ANSWER),
    (answer(b"<html>", 502), Doubt.NO_ANSWER),
    (answer(b"<html>", 403), Doubt.NO_RIGHT),
    (answer(b"", 302), Doubt.NO_ANSWER),
    (answer(b"[" * 100_000), Doubt.NO_ANSWER),
]


@pytest.mark.parametrize(("refusal", "doubt"), REFUSED)
def test_an_answer_without_records_says_why(refusal: Answer, doubt: Doubt) -> None:
    """Each way not to be answered has its doubt, the server's words and, where given, the time to wait."""
    found = verdict(refusal, submission(), zone="example.com", times=times(), age=OLD)
    assert isinstance(found, CannotTell)
    assert (found.doubt, found.wait) == (doubt, refusal.retry_after)
    assert found.reason


KEYS: Final = st.sampled_from(["data", "viewer", "zones", "errors", "emailSendingAdaptive", "message"])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    )
)
def test_no_answer_makes_it_raise(body: object) -> None:
    """Whatever JSON comes, it is a verdict, and never that the mail is not there."""
    found = verdict(answer(body), submission(), zone="example.com", times=times(), age=timedelta())
    assert isinstance(found, CannotTell)


@given(st.dictionaries(st.sampled_from(sorted(event())), st.none() | st.text(max_size=30) | st.integers()))
def test_no_event_makes_it_raise(changed: dict[str, object]) -> None:
    """Whatever an event holds, it is a verdict."""
    assert isinstance(judged(submission(), event(**changed)), Found | NotFound | CannotTell)


def test_the_window_covers_a_wrong_clock() -> None:
    """Whether the clock was right at the attempt or as wrong as it is now, the mail's time is within the window."""
    now = STARTED + timedelta(hours=1)
    for skew in (timedelta(hours=3), -timedelta(hours=3)):
        looked = times(now=now, server=now + skew)
        for moment in (STARTED, STARTED + skew):
            assert looked.start < moment < looked.until <= looked.end
        assert looked.end >= max(now, now + skew)
    asked = times().variables("z")
    assert asked == {"zoneTag": "z", "start": "2026-11-23T11:55:00Z", "end": "2026-11-23T14:05:00Z"}


def test_a_clock_that_was_reset_makes_no_mail_too_old() -> None:
    """An attempt dated years ago by a clock that is still as wrong is looked for where it was."""
    reset = datetime(1970, 1, 1, tzinfo=UTC)
    looked = times(started_at=reset, now=reset + OLD, server=STARTED + OLD)
    assert looked == times()


def test_what_is_older_than_the_records_cannot_be_told() -> None:
    """After a month the records are gone."""
    found = window(STARTED, STARTED + timedelta(days=30), None)
    assert isinstance(found, CannotTell)
    assert found.doubt is Doubt.TOO_OLD


@pytest.mark.parametrize(
    ("sender", "names"),
    [
        ("a@x.news.Example.com", ("x.news.example.com", "news.example.com", "example.com")),
        ("a@example.com", ("example.com",)),
        ("a@localhost", ("localhost",)),
        ("", ("",)),
    ],
)
def test_zone_names_of_a_sender(sender: str, names: tuple[str, ...]) -> None:
    """The longest name comes first, a top-level domain never."""
    assert zone_names(sender) == names


def test_the_zone_is_the_accounts_own() -> None:
    """The id of the zone with exactly that name in that account; other rows and shapes are not it."""
    mine = {"id": "z1", "name": "Example.com", "account": {"id": "account"}}
    rows = [None, {"id": 1, "name": "example.com"}, {**mine, "account": {"id": "other"}}, {**mine, "name": "b.com"}]
    assert zone_id(answer({"success": True, "result": [*rows, mine]}), "example.com", "account") == "z1"
    assert zone_id(answer({"success": True, "result": rows}), "example.com", "account") is None
    for refusal in (answer({"success": True}), answer(b"x"), answer({"success": False, "errors": []}, 403)):
        assert isinstance(zone_id(refusal, "example.com", "account"), CannotTell)
    assert no_zone("a@Example.com").doubt is Doubt.NO_ZONE


MAIL: Final = submission("a@x.example", "b@x.example")


def follow(*rows: object, age: timedelta = OLD) -> Verdict:
    return followed(records(*rows), MAIL, "<1@example.com>", zone="example.com", age=age)


@pytest.mark.parametrize("spelled", ["<1@example.com>", "1@example.com"])
def test_an_accepted_mail_is_followed_by_its_id(spelled: str) -> None:
    """By its message id, with or without brackets, each recipient's last decision is told; no other mail's is."""
    found = follow(
        event(messageId=spelled, envelopeTo="A@x.example", status="queued", subject="changed on the way"),
        event(messageId=spelled, envelopeTo="a@x.example", status="delivered", datetime="2026-11-24T09:00:00Z"),
        event(messageId="<2@example.com>", envelopeTo="b@x.example"),
        event(messageId="", envelopeTo="b@x.example"),
    )
    assert tracks(found) == [Track.DELIVERED, Track.UNSEEN]
    assert isinstance(found, Found)
    assert found.sightings[0].at == datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rows", "age", "expected"),
    [
        ([], OLD, None),
        ([event(messageId="<2@example.com>")], OLD, None),
        ([], timedelta(minutes=1), Doubt.TOO_SOON),
        ([event(messageId="<2@example.com>")] * ROW_LIMIT, OLD, Doubt.TOO_MANY),
        ([7], OLD, Doubt.NO_ANSWER),
    ],
)
def test_a_mail_that_is_not_in_the_records(rows: list[object], age: timedelta, expected: Doubt | None) -> None:
    """Not there means something only if the records could be read whole and had their time."""
    found = follow(*rows, age=age)
    assert (found.doubt if isinstance(found, CannotTell) else found) == (expected or NotFound("example.com"))


def test_what_is_queued_is_followed_until_now() -> None:
    """However long ago it was accepted, what became of it may have been a moment ago; not beyond what is kept."""
    times = following(STARTED, STARTED + timedelta(days=3), None)
    assert isinstance(times, Window)
    assert times.start < STARTED
    assert times.end >= STARTED + timedelta(days=3)
    late = following(STARTED, STARTED + timedelta(days=40), None)
    assert isinstance(late, CannotTell)
    assert late.doubt is Doubt.TOO_OLD


def test_the_query_asks_for_one_mail() -> None:
    """Both spellings of the id are asked for, in a variable."""
    assert "messageId_in: $ids" in FOLLOWING
    assert "$ids: [string!]" in FOLLOWING
    assert id_variables(" <1@x> ") == id_variables("1@x") == {"ids": ["1@x", "<1@x>"]}


@given(st.binary(max_size=300))
def test_nothing_followed_is_an_error(body: bytes) -> None:
    """Whatever the records answer is a verdict."""
    assert isinstance(followed(Answer(200, body), MAIL, "<1@x>", zone="z", age=OLD), Found | NotFound | CannotTell)
