"""What a rule for raw messages is: how it looks, what it says, and what it changes if it is asked to."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from cfmail_tui.frozen import frozen
from cfmail_tui.message import Weight
from cfmail_tui.mime.changes import Change
from cfmail_tui.mime.fields import RawField
from cfmail_tui.mime.lines import LineEndings, line_endings
from cfmail_tui.mime.parts import HEADER_LIMIT, Part, fields_of, structure
from cfmail_tui.mime.repair import Region, regions


class Flaw(NamedTuple):
    """One thing that a rule found; `place` and `words` are safe to show."""

    place: str
    words: str
    offset: int | None = None
    may_be_mended: bool = True


@dataclass(frozen=True)
class Looked:
    """A source that is looked at, and what the rules share of it, each found when it is first asked for."""

    source: bytes
    date: str = ""
    """An RFC 5322 date-time for a message that has none."""
    message_id: str = ""
    """The same in angle brackets."""
    limit: int = 0
    """Octets that the message may have; 0 where nobody knows."""
    known: Part | None = field(default=None, repr=False)

    @cached_property
    def root(self) -> Part:
        return self.known or structure(self.source)

    @cached_property
    def is_blank(self) -> bool:
        return re.search(rb"\S", self.source) is None

    @cached_property
    def line_endings(self) -> LineEndings:
        return line_endings(self.source)

    @cached_property
    def fields(self) -> tuple[RawField, ...]:
        """Those of the message's own header."""
        return fields_of(self.source, self.root)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        return tuple(regions(self.source, self.root))

    def named(self, *names: str) -> list[RawField]:
        """The fields of these names, which are in lower case."""
        return [one for one in self.fields if one.name.lower() in names]

    def lacks(self, name: str) -> bool:
        """Whether the header, all of which was looked through, has no field of this name, in lower case."""
        return self.root.body - self.root.start <= HEADER_LIMIT and not self.named(name)

    def leaves(self) -> Iterator[Region]:
        """The content of each part that is no multipart and no message."""
        return (region for region in self.regions if region.kind == "content" and region.part.is_leaf)


@frozen
class Rule:
    """One row of the table: `check` finds flaws, `mend` changes what is at a flaw's offset as `fix` says in words."""

    name: str
    section: str
    check: Callable[[Looked], Iterator[Flaw]]
    weight: Weight = "caution"
    fix: str = ""
    mend: Callable[[Looked, int], list[Change]] | None = None
