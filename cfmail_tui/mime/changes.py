"""Changes to a raw message: each replaces some of its octets, tells what it does, and leaves all others alone."""

from collections.abc import Iterable

from cfmail_tui.frozen import frozen
from cfmail_tui.mime.parts import Part


@frozen
class Change:
    """`source[start:end]` becomes `new`; `place`, `before` and `after` say in words safe to show what and where.

    One that replaces nothing by nothing only tells something: that a signature will not match any more.
    """

    place: str
    before: str
    after: str
    start: int
    end: int
    new: bytes

    @property
    def words(self) -> str:
        return f"{self.place}: {self.before or 'nothing'} → {self.after or 'nothing'}"


def applied(source: bytes, changes: Iterable[Change]) -> bytes:
    """The source with the changes made, which do not overlap."""
    pieces, at = [], 0
    for change in sorted(changes, key=lambda change: (change.start, change.end)):
        assert change.start >= at, "changes overlap"
        pieces += [source[at : change.start], change.new]
        at = change.end
    return b"".join([*pieces, source[at:]])


def place_of(part: Part, field: str = "") -> str:
    """A part, or a field in its header, as words: "Subject", "part 2.1 (text/html)", "part 2, Content-Type"."""
    if field:
        return f"part {part.number}, {field}" if part.number else field
    return f"part {part.number} ({part.media_type})" if part.number else f"the body ({part.media_type})"
