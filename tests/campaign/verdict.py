"""What the far end counted, held against what history and drafts say."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

from cfmail_tui.message import Draft
from cfmail_tui.store import DATABASE, Store
from tests.campaign.kills import Home, Kill

STAGES: Final = ("before the journal", "before it left", "uploading", "awaiting the answer", "after the outcome")
FALSE_UNKNOWN: Final = 0.35
"""The share of cut attempts that may be called unknown although the far end never had them whole."""


@dataclass(slots=True)
class Tally:
    """The sums of a campaign; the lists name the mails for which a promise was broken."""

    stages: Counter[str] = field(default_factory=Counter)
    roads: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    cut: int = 0
    """Attempts that had begun and had no outcome when their cfmail was killed."""
    unknown: int = 0
    false_unknown: int = 0
    duplicates: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    drafts_lost: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return self.stages.total()

    @property
    def false_unknown_share(self) -> float:
        return self.false_unknown / max(self.cut, 1)

    @property
    def broken(self) -> dict[str, list[str]]:
        """The promises that were broken, and for which mails or homes; empty when all is well."""
        names = ("duplicates", "wrong", "open", "drafts_lost", "damaged")
        return {name: found for name in names if (found := getattr(self, name))}

    def __str__(self) -> str:
        roads = ", ".join(f"{count} by the {road}" for road, count in sorted(self.roads.items()))
        stages = ", ".join(f"{self.stages[stage]} {stage}" for stage in STAGES)
        return (
            f"{self.kills} kills ({roads}): {stages}; {self.accepted} accepted, {self.unknown} unknown,"
            f" {self.false_unknown} of {self.cut} cut attempts falsely unknown ({self.false_unknown_share:.0%});"
            f" duplicates {len(self.duplicates)}, wrong {len(self.wrong)}, open {len(self.open)},"
            f" drafts lost {len(self.drafts_lost)}, damaged {len(self.damaged)}"
        )


def judged(homes: Iterable[Home], accepted: Counter[str]) -> Tally:
    """The verdict, when the far end counts no more."""
    tally = Tally()
    for home in homes:
        # First, as it is the start that recovers after the last kill.
        attempts = json.loads(home.history())
        drafts = _texts(home)
        with closing(sqlite3.connect(home.data / DATABASE)) as db:
            if db.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                tally.damaged.append(str(home.folder))
        for kill in home.kills:
            told = [attempt for attempt in attempts if attempt["subject"] == kill.mail.subject]
            _judge(tally, kill, told, accepted[kill.mail.subject], has_draft=kill.mail.text in drafts)
    return tally


def _texts(home: Home) -> set[str]:
    with closing(Store(home.data)) as store:
        return {draft.content.text for draft in store.drafts() if isinstance(draft.content, Draft)}


def _judge(tally: Tally, kill: Kill, told: list[dict[str, Any]], count: int, *, has_draft: bool) -> None:
    subject = kill.mail.subject
    outcomes = {attempt["outcome"] for attempt in told}
    is_cut = kill.has_begun and not kill.has_ended
    tally.roads[kill.mail.road] += 1
    tally.stages[_stage(kill, count)] += 1
    tally.accepted += count > 0
    tally.cut += is_cut
    tally.unknown += "unknown" in outcomes
    tally.false_unknown += is_cut and "unknown" in outcomes and not count
    if count > 1:
        tally.duplicates.append(subject)
    is_told_wrongly = "accepted" in outcomes if not count else not outcomes & {"accepted", "unknown"}
    if is_told_wrongly:
        tally.wrong.append(f"{subject}: {sorted(outcomes)} but accepted {count} times")
    if "open" in outcomes or (kill.has_begun and not outcomes):
        tally.open.append(subject)
    if kill.mail.road == "screen" and not has_draft and "accepted" not in outcomes:
        tally.drafts_lost.append(subject)


def _stage(kill: Kill, count: int) -> str:
    if not kill.has_begun:
        return STAGES[0]
    if kill.has_ended:
        return STAGES[4]
    if not kill.may_have_left:
        return STAGES[1]
    return STAGES[3 if count else 2]
