"""Findings about a draft as it is typed: what stops it, what speaks against sending it, and what can be mended safely.

A caller keeps what `look` gives and hands it in again with the next draft: what was not changed is not looked at again,
so all findings can be told at each key. What needs the world comes in as `Known`.

Invariants:
- a rule whose home is elsewhere (message, submission, attachments) is taken over from there, in its words, and cannot
  be switched off; every other rule is the user's to weigh;
- a fix changes only what its words say, is made only by who asks for it, and a draft without the flaw stays as it is.

`RULES` is the one table, from `people`, `headers` and `content`; `rules` says what a rule is. `bodies` and `html` look
through the bodies, `domains` knows slips of the finger, `words` has the data.
"""

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, field
from itertools import islice
from typing import Final, Literal

from cfmail_tui.frozen import frozen
from cfmail_tui.lint import content, headers, people
from cfmail_tui.lint.html import plain_text
from cfmail_tui.lint.rules import Flaw, Known, Looked, Mend, Rule, look
from cfmail_tui.message import Draft, Finding, Place, Problem, Weight

__all__ = [
    "CHOICES",
    "RULES",
    "Choice",
    "DraftFinding",
    "Flaw",
    "Known",
    "Looked",
    "Mend",
    "Rule",
    "findings",
    "fixed",
    "look",
    "plain_text",
    "problems",
]

RULES: Final[tuple[Rule, ...]] = (*people.RULES, *headers.RULES, *content.RULES)

Choice = Literal["off", "note", "caution", "stops"]
CHOICES: Final[tuple[Choice, ...]] = ("off", "note", "caution", "stops")
"""What the user may have made of a rule that is not settled elsewhere."""

_SETTLED: Final = frozenset(rule.name for rule in RULES if rule.is_settled)
_FOUND_LIMIT: Final = 100
"""Findings of one rule."""

_WEIGHTS: Final[tuple[Weight, ...]] = ("stops", "confirmed", "caution", "note")
_PLACES: Final = (*Place,)


@frozen
class DraftFinding(Finding):
    """What one rule found: `words` are safe to show, `offset` counts characters of the text in `place`."""

    _: KW_ONLY
    rule: str
    place: Place
    offset: int | None = None
    section: str = ""
    """Where it is written that it should be otherwise."""
    fix: str = ""
    """What `fixed` would do, in words; "" where nothing is safe."""
    mend: Mend | None = field(default=None, compare=False, repr=False)


def findings(looked: Looked, choices: Mapping[str, Choice] | None = None) -> tuple[DraftFinding, ...]:
    """All that the rules find, by weight, then by place; `choices` is what the user made of rules, by their names."""
    found = []
    for rule in RULES:
        choice = (choices or {}).get(rule.name)
        weight = rule.weight if choice is None or rule.is_settled else choice
        if weight != "off":
            found += [_finding(rule, weight, flaw) for flaw in islice(rule.check(looked), _FOUND_LIMIT)]
    return tuple(sorted(found, key=lambda one: (_WEIGHTS.index(one.weight), _PLACES.index(one.place), one.offset or 0)))


def problems(found: Iterable[DraftFinding]) -> tuple[Problem, ...]:
    """Why a mail cannot be sent by the rules that have their home here; the others are told where they have it."""
    return tuple(
        Problem(one.place, one.words, one.offset, rule=one.rule)
        for one in found
        if one.stops and one.rule not in _SETTLED
    )


def fixed(draft: Draft, finding: DraftFinding) -> Draft:
    """The draft with a finding's fix made, and nothing else changed."""
    return finding.mend(draft) if finding.mend else draft


def _finding(rule: Rule, weight: Weight, flaw: Flaw) -> DraftFinding:
    return DraftFinding(
        words=flaw.words,
        weight=flaw.weight or weight,
        rule=rule.name,
        place=flaw.place,
        offset=flaw.offset,
        section=rule.section,
        fix=rule.fix if flaw.mend else "",
        mend=flaw.mend,
    )
