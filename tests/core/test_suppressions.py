"""The suppression list: what its answers say of an address, and what is told where they do not say it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cfmail_tui.inspection import Remark
from cfmail_tui.submission import Answer
from cfmail_tui.suppressions import REASONS, Barred, Suppression, listed, removed

ROW: dict[str, Any] = {
    "id": "s1", "email": "bob@example.com", "reason": "hard_bounce", "created_at": "2026-11-20T12:00:00Z",
    "expires_at": "2026-11-27T12:00:00Z", "read_only": True, "note": "n", "scope": {"type": "account"},
}  # fmt: skip


def answer(result: object, status: int = 200, **more: object) -> Answer:
    return Answer(status, json.dumps({"success": status == 200, "result": result, "errors": [], **more}).encode())


def test_an_entry_is_read_whole() -> None:
    """Reason, times, note, scope and whether it may go are taken over."""
    (entry,) = listed(answer([ROW | {"scope": {"type": "sending_domain", "value": "ACME.example"}}]))  # type: ignore[misc]
    assert entry == Suppression(
        "s1",
        "bob@example.com",
        "hard_bounce",
        datetime(2026, 11, 20, 12, tzinfo=UTC),
        datetime(2026, 11, 27, 12, tzinfo=UTC),
        "acme.example",
        "n",
        is_fixed=True,
    )
    assert entry.holds_for("me@acme.example")
    assert not entry.holds_for("me@other.example")


def test_why_and_until_when_in_words() -> None:
    """Each documented reason has words; an unknown one is shown as it is; without an end it is for ever."""
    for reason, words in REASONS.items():
        assert words in Suppression("1", "a@x.example", reason).words
    assert Suppression("1", "a@x.example", "new_kind").words == "new_kind, for ever"
    (entry,) = listed(answer([ROW]))  # type: ignore[misc]
    assert entry.words == "bounced for good, since 2026-11-20, until 2026-11-27, “n”"


@pytest.mark.parametrize(
    "row", [None, 1, [], {}, {"id": "x"}, {"id": 1, "email": "a"}, {"email": "a@x.example"}, {"id": "x", "email": None}]
)
def test_rows_of_another_shape_are_passed_over(row: object) -> None:
    """What is no entry is none; the others are read."""
    assert [entry.suppression_id for entry in listed(answer([row, ROW]))] == ["s1"]  # type: ignore[union-attr]


def test_odd_values_do_no_harm() -> None:
    """Times, notes and scopes that make no sense are left out, lone surrogates replaced."""
    odd = {"created_at": 5, "expires_at": "soon", "note": ["x"], "scope": "all", "reason": None, "read_only": "yes"}
    (entry,) = listed(answer([ROW | odd]))  # type: ignore[misc]
    assert entry == Suppression("s1", "bob@example.com", "")
    assert entry.words == "no reason given, for ever"
    (entry,) = listed(Answer(200, b'{"success": true, "result": [{"id": "a", "email": "b", "note": "\\ud800"}]}'))  # type: ignore[misc]
    assert entry.note == "?"


@pytest.mark.parametrize(
    ("reply", "words", "action"),
    [
        ("nothing listens there", "nothing listens there", "network"),
        (answer(None, 403, errors=[{"code": 10102, "message": "email.sending.error.authentication.forbidden"}]),
         "may not read the suppression list", "Email Sending: Edit"),
        (answer({}), "unknown shape", ""),
        (Answer(502, b"<html>"), "out of order", "later"),
        (Answer(429, b"", retry_after=7), "too many questions", "7 s"),
        (Answer(401, b'{"success": false, "errors": [{"code": 1000, "message": "x"}]}'), "does not know", "paste"),
    ],
)  # fmt: skip
def test_why_the_list_could_not_be_read(reply: Answer | str, words: str, action: str) -> None:
    """Whatever came instead of the list is told in words, with what to do."""
    remark = listed(reply)
    assert isinstance(remark, Remark)
    assert words in remark.words
    assert action in remark.action


def test_whether_an_entry_was_taken_off() -> None:
    """Only a success is one; a token without the right is told what it lacks."""
    assert removed(answer({"id": "s1"})) is None
    assert removed("no answer within 15 s")
    refused = removed(answer(None, 403, errors=[{"code": 10102, "message": "x"}]))
    assert refused
    assert refused.words == "the token may not change the suppression list"
    assert "dashboard" in refused.action


def test_entries_of_an_address_whatever_its_case() -> None:
    """The list has addresses in lower case, the envelope as they were typed."""
    entry = Suppression("1", "bob@example.com", "manual")
    barred = Barred(("Bob@Example.com",), (entry, Suppression("2", "eve@example.com", "manual")))
    assert barred.about("Bob@Example.com") == (entry,)
