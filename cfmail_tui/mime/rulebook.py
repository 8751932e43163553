"""What is wrong with a raw message, where, and what can be mended safely: one table of rules.

A finding that `stops` says why the message cannot be sent as it is; all others are for whoever sends it to judge. A fix
changes only what it names, and is made only by who asks for it.
"""

from dataclasses import KW_ONLY
from typing import Final

from cfmail_tui.frozen import frozen
from cfmail_tui.message import Finding, Place, Problem
from cfmail_tui.mime import body_rules, header_rules
from cfmail_tui.mime.changes import Change, applied
from cfmail_tui.mime.parts import Part
from cfmail_tui.mime.rules import Looked, Rule


@frozen
class SourceFinding(Finding):
    """What one rule found: `words` and `place` are safe to show, `offset` counts octets of the source."""

    _: KW_ONLY
    rule: str
    place: str
    offset: int | None = None
    section: str = ""
    """Where it is written that it should be otherwise."""
    fix: str = ""
    """What `fixed` would do, in words; "" where nothing is safe."""


RULES: Final[tuple[Rule, ...]] = (*header_rules.RULES, *body_rules.RULES)

_FOUND_LIMIT: Final = 100
"""Findings of one rule."""


def findings(source: bytes, root: Part | None = None, *, limit: int = 0) -> tuple[SourceFinding, ...]:
    """All that the rules find, those that stop the message first, then by place.

    `root` is the source's structure where it is known already, `limit` the octets that the message may have.
    """
    looked = Looked(source, limit=limit, known=root)
    found = [one for rule in RULES for one in _found(rule, looked)]
    return tuple(sorted(found, key=lambda one: (not one.stops, one.weight == "note", one.offset or 0)))


def problems(source: bytes, *, keep_bcc: bool = False) -> list[Problem]:
    """Why a raw message cannot be sent as it is; empty when it can."""
    looked = Looked(source)
    stopping = [rule for rule in RULES if rule.weight == "stops" and not (keep_bcc and rule.name == "bcc")]
    return [Problem(Place.SOURCE, one.words, one.offset) for rule in stopping for one in _found(rule, looked)]


def changes_for(source: bytes, finding: SourceFinding, *, date: str = "", message_id: str = "") -> list[Change]:
    """What the fix of a finding would change; nothing where it has none, or is no longer there.

    `date` is an RFC 5322 date-time and `message_id` stands in angle brackets, for a message that has none. Raises
    MessageError where it turns out that nothing can be encoded there.
    """
    rule = next((rule for rule in RULES if rule.name == finding.rule), None)
    if rule is None or rule.mend is None or not finding.fix:
        return []
    return rule.mend(Looked(source, date, message_id), finding.offset or 0)


def fixed(source: bytes, finding: SourceFinding, *, date: str = "", message_id: str = "") -> bytes:
    """The source with a finding's fix made, and nothing else changed; see `changes_for`."""
    return applied(source, changes_for(source, finding, date=date, message_id=message_id))


def _found(rule: Rule, looked: Looked) -> list[SourceFinding]:
    found = []
    for flaw in rule.check(looked):
        fix = rule.fix if rule.mend and flaw.may_be_mended else ""
        found.append(
            SourceFinding(
                words=flaw.words,
                weight=rule.weight,
                rule=rule.name,
                place=flaw.place,
                offset=flaw.offset,
                section=rule.section,
                fix=fix,
            )
        )
        if len(found) == _FOUND_LIMIT:
            break
    return found
