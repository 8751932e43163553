"""Which outcomes are tried again by themselves, and when. Pure.

Invariants:
- what may have been sent is never tried again, nor what was sent or refused for a reason that stays;
- a far end that says when to come again is not asked earlier;
- there is a last try.
"""

from typing import Final

from cfmail_tui.submission import NotSent, Outcome, Refused

TRIES: Final = 12
"""The most tries of one mail, the first included: about an hour and a half."""

FIRST_WAIT: Final = 15.0
LONGEST_WAIT: Final = 15 * 60.0
"""Seconds, before the jitter."""

JITTER: Final = 0.25
"""The part of a wait by which it varies: many that were cut off at once do not come again at once."""

LONGEST_RETRY_AFTER: Final = 6 * 3600.0
"""Seconds that a far end may ask to wait; for longer the mail is the user's again."""


def delay(outcome: Outcome, tries: int, chance: float) -> float | None:
    """Seconds until the next try after `tries` tries, the one that just ended included; None if there is no next one.

    `chance`, from 0 to below 1, decides on the jitter: both ways for our own wait, later only for one that was asked
    for.
    """
    if tries >= TRIES:
        return None
    asked: float | None
    match outcome:
        case NotSent(temporary=True):
            asked = None
        case Refused(status=429, retry_after=asked):
            pass
        case _:
            return None
    wait = min(FIRST_WAIT * 2.0 ** (tries - 1), LONGEST_WAIT) * (1 - JITTER + 2 * JITTER * chance)
    if asked is None:
        return wait
    return max(wait, asked * (1 + JITTER * chance)) if asked <= LONGEST_RETRY_AFTER else None
