"""What a preview consists of, and the room it has."""

from dataclasses import dataclass

Pixel = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels for half blocks: two rows make a line, and a pixel is about as wide as it is high."""

    width: int
    rows: tuple[tuple[Pixel, ...], ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What is known of a file. All of its text is outside text."""

    facts: tuple[str, ...]
    lines: tuple[str, ...] = ()
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """Cells of a pane."""

    columns: int
    rows: int

    def below(self, facts: int) -> "Room":
        """What is left under so many facts and a blank line; it may be no rows."""
        return Room(self.columns, max(0, self.rows - facts - 1))
