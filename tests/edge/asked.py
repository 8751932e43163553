"""A search as it is typed, for a store that is asked without an outbox."""

from datetime import datetime

from cfmail_tui.searching import Search, parse


def asked(query: str) -> Search:
    return parse(query, datetime(2026, 11, 27, 12))  # noqa: DTZ001 - days begin where the test runs
